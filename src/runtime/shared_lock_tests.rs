//! Tests of locks, semaphores, events, conditions and barriers between processes.

use super::clock::Deadline;
use super::shared_barrier::{Arrival, BarrierError, SharedBarrier};
use super::shared_block::SharedBlock;
use super::shared_condition::{ConditionError, SharedCondition};
use super::shared_event::SharedEvent;
use super::shared_lock::{LockStyle, OnOwnerDeath, ReleaseError, SharedLock, SharedLockError};
use super::shared_semaphore::{ReleasedTooOften, SharedSemaphore};
use super::shared_testing::{Child, fork, killed_at, tests_alone};
use super::shared_wait::{Until, set_liveness_slices};
use super::slot;
use super::thread::ThreadHandle;
use std::time::{Duration, Instant};

fn soon(milliseconds: u64) -> Until {
    Until::Deadline(Deadline::after(Duration::from_millis(milliseconds)))
}

fn plain() -> SharedLock {
    SharedLock::new(LockStyle::Plain, OnOwnerDeath::Error).unwrap()
}

fn sleep(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

/// A number in shared memory that is changed in two steps, so that lost changes show.
fn add(block: &SharedBlock, amount: u64) -> u64 {
    let value = number(block).wrapping_add(amount);
    assert!(block.write(0, &value.to_ne_bytes()));
    value
}

fn number(block: &SharedBlock) -> u64 {
    let mut bytes = [0; 8];
    assert!(block.read(0, &mut bytes));
    u64::from_ne_bytes(bytes)
}

fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < limit, "{what} never came");
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn all_end_well(children: Vec<Child>) {
    for child in children {
        assert_eq!(child.wait(), 0);
    }
}

fn sleep_for_ever() -> ! {
    loop {
        sleep(1000);
    }
}

fn lock(lock: &SharedLock, thread: &ThreadHandle) {
    assert!(lock.acquire(thread, Until::Forever, 0).unwrap());
}

tests_alone! {
    fn a_lock_excludes_processes_and_threads(thread) {
        set_liveness_slices(false);
        for style in [LockStyle::Plain, LockStyle::Reentrant] {
            let mutex = SharedLock::new(style, OnOwnerDeath::Error).unwrap();
            let block = SharedBlock::new(8).unwrap();
            let work = |thread: &ThreadHandle| {
                for _ in 0..5000 {
                    lock(&mutex, thread);
                    add(&block, 1);
                    mutex.release(thread).unwrap();
                }
            };
            let children: Vec<_> = (0..3).map(|_| fork(|| { work(thread); 0 })).collect();
            std::thread::scope(|scope| {
                let other = scope.spawn(|| {
                    let kind = super::thread::ThreadKind::Host;
                    work(&ThreadHandle::register_current("other", kind));
                });
                work(thread);
                thread.detached(|| other.join().unwrap());
            });
            all_end_well(children);
            assert_eq!(number(&block), 25_000);
            assert!(!mutex.is_locked());
        }
    }

    fn waiters_that_give_up_pass_the_wake_up_on(thread) {
        set_liveness_slices(false);
        let mutex = plain();
        let children: Vec<_> = (0..6)
            .map(|index| {
                fork(|| {
                    for round in 0..400 {
                        let until = match (round + index) % 3 {
                            0 => Until::Forever,
                            _ => Until::Deadline(Deadline::after(Duration::from_micros(300))),
                        };
                        if mutex.acquire(thread, until, 0).unwrap() {
                            std::thread::sleep(Duration::from_micros(50));
                            mutex.release(thread).unwrap();
                        }
                    }
                    0
                })
            })
            .collect();
        all_end_well(children);
        assert!(!mutex.is_locked());
    }

    fn acquire_and_release_follow_the_rules(thread) {
        let mutex = plain();
        assert_eq!(mutex.release(thread), Err(ReleaseError::NotHeld));
        assert_eq!(mutex.acquire(thread, Until::Now, 7), Ok(true));
        let owner = mutex.owner().unwrap();
        assert_eq!((owner.process, owner.place), (slot::current(), 7));
        assert_eq!(owner.thread, thread.id().get());
        assert_eq!(mutex.acquire(thread, Until::Now, 0), Ok(false));
        let start = Instant::now();
        assert_eq!(mutex.acquire(thread, soon(30), 0), Ok(false));
        assert!(start.elapsed() >= Duration::from_millis(30));
        // Anybody may release it.
        all_end_well(vec![fork(|| {
            assert!(!mutex.is_held_by(thread));
            mutex.release(thread).unwrap();
            0
        })]);
        assert!(mutex.owner().is_none());

        let mutex = SharedLock::new(LockStyle::Reentrant, OnOwnerDeath::Error).unwrap();
        assert_eq!(mutex.release(thread), Err(ReleaseError::NotOwner));
        lock(&mutex, thread);
        lock(&mutex, thread);
        assert_eq!(mutex.owner().unwrap().count, 2);
        all_end_well(vec![fork(|| {
            assert_eq!(mutex.release(thread), Err(ReleaseError::NotOwner));
            assert_eq!(mutex.acquire(thread, Until::Now, 0), Ok(false));
            0
        })]);
        mutex.release(thread).unwrap();
        assert!(mutex.is_locked());
        mutex.release(thread).unwrap();
        assert!(!mutex.is_locked());
    }

    fn a_killed_holder_is_reported_once(thread) {
        for policy in [OnOwnerDeath::Error, OnOwnerDeath::Release] {
            let mutex = SharedLock::new(LockStyle::Plain, policy).unwrap();
            let holder = fork(|| {
                assert!(mutex.acquire(thread, Until::Forever, 42).unwrap());
                sleep_for_ever()
            });
            wait_for("the holder", || mutex.is_locked());
            // One who waits already, and one who comes later.
            let waiter = fork(|| match mutex.acquire(thread, Until::Forever, 0) {
                Err(SharedLockError::OwnerDied(died)) => {
                    assert_eq!(died.place, 42);
                    assert_eq!(died.name.as_deref(), Some("child"));
                    assert_eq!(died.pid, Some(holder.pid));
                    1
                }
                Ok(true) => {
                    mutex.release(thread).unwrap();
                    2
                }
                other => panic!("{other:?}"),
            });
            sleep(20);
            holder.kill();
            holder.wait_silently();
            let expected = if policy == OnOwnerDeath::Error { 1 } else { 2 };
            assert_eq!(waiter.wait(), expected);
            assert_eq!(mutex.acquire(thread, Until::Now, 0), Ok(true));
            mutex.release(thread).unwrap();

            let holder = fork(|| {
                lock(&mutex, thread);
                // SAFETY: this child's own end, with the lock held.
                unsafe { libc::_exit(0) }
            });
            holder.wait();
            let result = mutex.acquire(thread, Until::Now, 0);
            assert_eq!(result.is_err(), policy == OnOwnerDeath::Error);
        }
    }

    fn an_orderly_end_may_leave_a_lock_to_others(thread) {
        let mutex = plain();
        // Somebody who can still release it.
        let event = SharedEvent::new().unwrap();
        let other = fork(|| {
            event.wait(thread, Until::Forever).unwrap();
            mutex.release(thread).unwrap();
            0
        });
        let take_and_leave = || {
            let holder = fork(|| {
                lock(&mutex, thread);
                slot::leave();
                0
            });
            assert_eq!(holder.wait(), 0);
        };
        take_and_leave();
        assert_eq!(mutex.acquire(thread, soon(150), 0), Ok(false));
        assert_eq!(mutex.owner().unwrap().process, None);
        event.set();
        assert_eq!(mutex.acquire(thread, Until::Forever, 0), Ok(true));
        mutex.release(thread).unwrap();
        assert_eq!(other.wait(), 0);
        take_and_leave();
        let result = mutex.acquire(thread, Until::Forever, 0);
        assert!(matches!(result, Err(SharedLockError::OwnerDied(_))), "{result:?}");
    }

    fn no_step_of_locking_is_a_bad_one(thread) {
        let mutex = plain();
        let mut step = 1;
        loop {
            let ended = killed_at(step, || {
                lock(&mutex, thread);
                mutex.release(thread).unwrap();
            }) == 0;
            match mutex.acquire(thread, Until::Now, 0) {
                Ok(true) => mutex.release(thread).unwrap(),
                Err(SharedLockError::OwnerDied(_)) => {}
                other => panic!("step {step}: {other:?}"),
            }
            assert!(!mutex.is_locked());
            if ended {
                break;
            }
            step += 1;
        }
        assert!(step > 2);
    }

    fn units_pass_from_hand_to_hand(thread) {
        set_liveness_slices(false);
        let semaphore = SharedSemaphore::new(0, false).unwrap();
        assert_eq!(semaphore.acquire(thread, soon(20), false), Ok(false));
        let children: Vec<_> = (0..4)
            .map(|_| {
                fork(|| {
                    for _ in 0..300 {
                        assert_eq!(semaphore.acquire(thread, Until::Forever, false), Ok(true));
                    }
                    0
                })
            })
            .collect();
        for round in 0..300 {
            if round % 20 == 0 {
                sleep(1);
            }
            semaphore.release(4).unwrap();
        }
        all_end_well(children);
        assert_eq!(semaphore.value(), 0);

        let bounded = SharedSemaphore::new(2, true).unwrap();
        assert_eq!(bounded.release(1), Err(ReleasedTooOften));
        assert_eq!(bounded.acquire(thread, Until::Now, false), Ok(true));
        assert_eq!(bounded.release(2), Err(ReleasedTooOften));
        bounded.release(1).unwrap();
        assert_eq!((bounded.value(), bounded.most()), (2, Some(2)));
    }

    fn owned_units_come_back_from_the_dead(thread) {
        let semaphore = SharedSemaphore::new(2, true).unwrap();
        let children: Vec<_> = (0..2)
            .map(|_| {
                fork(|| {
                    assert_eq!(semaphore.acquire(thread, Until::Forever, true), Ok(true));
                    sleep_for_ever()
                })
            })
            .collect();
        wait_for("the owners", || semaphore.value() == 0);
        assert_eq!(semaphore.acquire(thread, Until::Now, true), Ok(false));
        let waiter = fork(|| {
            assert_eq!(semaphore.acquire(thread, Until::Forever, true), Ok(true));
            semaphore.release_owned(thread).unwrap();
            0
        });
        for child in children {
            child.kill();
            child.wait();
        }
        assert_eq!(waiter.wait(), 0);
        for _ in 0..2 {
            assert_eq!(semaphore.acquire(thread, Until::Now, true), Ok(true));
        }
        assert_eq!(semaphore.acquire(thread, Until::Now, true), Ok(false));
        // And at every step.
        semaphore.release_owned(thread).unwrap();
        let mut step = 1;
        loop {
            let ended = killed_at(step, || {
                for _ in 0..2 {
                    assert_eq!(semaphore.acquire(thread, Until::Now, true), Ok(true));
                    semaphore.release_owned(thread).unwrap();
                }
            }) == 0;
            assert_eq!(semaphore.acquire(thread, Until::Now, true), Ok(true), "step {step}");
            assert_eq!(semaphore.acquire(thread, Until::Now, true), Ok(false), "step {step}");
            semaphore.release_owned(thread).unwrap();
            if ended {
                break;
            }
            step += 1;
        }
        assert!(step > 20);
    }

    fn an_event_wakes_all(thread) {
        set_liveness_slices(false);
        let event = SharedEvent::new().unwrap();
        assert_eq!(event.wait(thread, soon(20)), Ok(false));
        let started = SharedSemaphore::new(0, false).unwrap();
        let wait_in = |count: usize| -> Vec<Child> {
            (0..count)
                .map(|_| {
                    fork(|| {
                        started.release(1).unwrap();
                        i32::from(event.wait(thread, Until::Forever) != Ok(true))
                    })
                })
                .collect()
        };
        let children = wait_in(5);
        for _ in 0..5 {
            started.acquire(thread, Until::Forever, false).unwrap();
        }
        sleep(50);
        event.set();
        // Cleared at once: who waited was woken all the same.
        event.clear();
        // Those who had not begun to wait would wait for ever: the second time is for them.
        sleep(100);
        event.set();
        all_end_well(children);
        assert!(event.is_set());
        all_end_well(wait_in(2));
        event.clear();
        assert_eq!(event.wait(thread, Until::Now), Ok(false));
    }

    fn a_condition_wakes_in_order_and_skips_the_dead(thread) {
        set_liveness_slices(false);
        let mutex = SharedLock::new(LockStyle::Reentrant, OnOwnerDeath::Error).unwrap();
        let condition = SharedCondition::new(mutex.clone()).unwrap();
        let order = SharedBlock::new(8).unwrap();
        assert_eq!(condition.wait(thread, Until::Forever), Err(ConditionError::NotOwner));
        assert_eq!(condition.notify_all(thread), Err(ConditionError::NotOwner));
        let waiter = |_: usize| {
            fork(|| {
                lock(&mutex, thread);
                lock(&mutex, thread);
                assert_eq!(condition.wait(thread, Until::Forever), Ok(true));
                assert_eq!(mutex.owner().unwrap().count, 2);
                let place = add(&order, 1);
                mutex.release(thread).unwrap();
                mutex.release(thread).unwrap();
                place as i32
            })
        };
        let mut children = Vec::new();
        for index in 0..6 {
            children.push(waiter(index));
            wait_for("the waiter", || condition.waiters() == index + 1);
        }
        for index in [0, 3] {
            children[index].kill();
            children[index].wait_silently();
        }
        let notify = |count: usize| {
            lock(&mutex, thread);
            condition.notify(thread, count).unwrap();
            mutex.release(thread).unwrap();
        };
        let woken = |count: u64| wait_for("the woken", || number(&order) == count);
        notify(1);
        woken(1);
        notify(2);
        woken(3);
        notify(9);
        woken(4);
        notify(1);
        let mut places = Vec::new();
        for (index, child) in children.into_iter().enumerate() {
            if ![0, 3].contains(&index) {
                places.push(child.wait());
            }
        }
        assert_eq!(places[0], 1);
        assert_eq!(places[3], 4);
        // Nobody was there for the last one: it is not kept.
        lock(&mutex, thread);
        let start = Instant::now();
        assert_eq!(condition.wait(thread, soon(30)), Ok(false));
        assert!(start.elapsed() >= Duration::from_millis(30));
        assert!(mutex.is_held_by(thread));
        mutex.release(thread).unwrap();
        // The lock lives as long as the condition.
        let handle = condition.handle().clone();
        let serial = mutex.handle().serial();
        drop((condition, mutex));
        let again = SharedCondition::from_handle(handle).unwrap().unwrap();
        assert_eq!(again.lock().handle().serial(), serial);
    }

    fn a_condition_loses_no_notice(thread) {
        set_liveness_slices(false);
        let mutex = plain();
        let condition = SharedCondition::new(mutex.clone()).unwrap();
        let stock = SharedBlock::new(8).unwrap();
        let takers: Vec<_> = (0..3)
            .map(|_| {
                fork(|| {
                    for _ in 0..500 {
                        lock(&mutex, thread);
                        while number(&stock) == 0 {
                            condition.wait(thread, Until::Forever).unwrap();
                        }
                        add(&stock, 1_u64.wrapping_neg());
                        mutex.release(thread).unwrap();
                    }
                    0
                })
            })
            .collect();
        for _ in 0..1500 {
            lock(&mutex, thread);
            add(&stock, 1);
            condition.notify(thread, 1).unwrap();
            mutex.release(thread).unwrap();
        }
        all_end_well(takers);
        assert_eq!(number(&stock), 0);
    }

    fn a_barrier_holds_until_all_have_come(thread) {
        set_liveness_slices(false);
        let barrier = SharedBarrier::new(4).unwrap().unwrap();
        let block = SharedBlock::new(8).unwrap();
        let children: Vec<_> = (0..4)
            .map(|_| {
                fork(|| {
                    let mut sum = 0;
                    for round in 1..=100 {
                        sum += match barrier.wait(thread, Until::Forever).unwrap() {
                            Arrival::Released(index) => index,
                            Arrival::Last(index) => {
                                // Alone: the others wait, and the next round has not begun.
                                assert_eq!(add(&block, 1), round);
                                barrier.open(true);
                                index
                            }
                        };
                        assert!(number(&block) >= round);
                    }
                    assert!(sum <= 300);
                    0
                })
            })
            .collect();
        all_end_well(children);
        assert_eq!(number(&block), 100);
        assert_eq!(barrier.waiters(), 0);
        assert!(SharedBarrier::new(0).unwrap().is_none());
    }

    fn a_broken_barrier_breaks_for_all(thread) {
        set_liveness_slices(false);
        let barrier = SharedBarrier::new(4).unwrap().unwrap();
        let waiting = |count: usize| -> Vec<Child> {
            (0..count)
                .map(|_| {
                    fork(|| {
                        let result = barrier.wait(thread, Until::Forever);
                        i32::from(result != Err(BarrierError::Broken))
                    })
                })
                .collect()
        };
        let children = waiting(2);
        wait_for("the two", || barrier.waiters() == 2);
        assert_eq!(barrier.wait(thread, soon(20)), Err(BarrierError::Broken));
        all_end_well(children);
        assert!(barrier.is_broken());
        assert_eq!(barrier.wait(thread, Until::Forever), Err(BarrierError::Broken));
        barrier.reset();
        assert!(!barrier.is_broken());
        let children = waiting(3);
        wait_for("the three", || barrier.waiters() == 3);
        barrier.abort();
        all_end_well(children);
        barrier.reset();
        // Whoever dies there is not counted.
        let dead = fork(|| {
            let _ = barrier.wait(thread, Until::Forever);
            0
        });
        wait_for("the one", || barrier.waiters() == 1);
        dead.kill();
        dead.wait();
        assert_eq!(barrier.waiters(), 0);
        // Nor does the last one's action have to be waited for if it dies in it.
        set_liveness_slices(true);
        let children = waiting(3);
        wait_for("the three", || barrier.waiters() == 3);
        let last = fork(|| {
            assert_eq!(barrier.wait(thread, Until::Forever), Ok(Arrival::Last(3)));
            // SAFETY: this child's own end, with the others waiting.
            unsafe { libc::_exit(0) }
        });
        last.wait();
        all_end_well(children);
        assert!(barrier.is_broken());
    }

    fn killing_waiters_of_all_kinds_hangs_nobody(thread) {
        let mutex = SharedLock::new(LockStyle::Plain, OnOwnerDeath::Release).unwrap();
        let condition = SharedCondition::new(mutex.clone()).unwrap();
        let semaphore = SharedSemaphore::new(1, false).unwrap();
        let barrier = SharedBarrier::new(2).unwrap().unwrap();
        let mut step = 1;
        loop {
            let ended = killed_at(step, || {
                lock(&mutex, thread);
                condition.notify_all(thread).unwrap();
                assert_eq!(condition.wait(thread, soon(1)), Ok(false));
                mutex.release(thread).unwrap();
                semaphore.acquire(thread, Until::Forever, true).unwrap();
                semaphore.release_owned(thread).unwrap();
                let _ = barrier.wait(thread, soon(1));
                barrier.reset();
            }) == 0;
            lock(&mutex, thread);
            assert_eq!(condition.wait(thread, Until::Now), Ok(false));
            mutex.release(thread).unwrap();
            assert_eq!(semaphore.acquire(thread, Until::Forever, true), Ok(true));
            semaphore.release_owned(thread).unwrap();
            barrier.reset();
            assert_eq!((barrier.waiters(), condition.waiters()), (0, 0));
            if ended {
                break;
            }
            step += 1;
        }
        assert!(step > 40, "{step}");
    }
}
