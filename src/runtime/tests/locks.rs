//! Locks, conditions, semaphores and events between threads.

use super::{STACK, far, milliseconds};
use crate::runtime::blocking::sleep_until;
use crate::runtime::pending::Pending;
use crate::runtime::testing::{in_fresh_process, register_main};
use crate::runtime::thread::{self, ThreadHandle};
use crate::runtime::thread_condition::ThreadCondition;
use crate::runtime::thread_event::ThreadEvent;
use crate::runtime::thread_lock::{LockError, ThreadLock, ThreadReentrantLock};
use crate::runtime::thread_semaphore::{MOST_UNITS, ThreadSemaphore};
use crate::runtime::world;
use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Instant;

/// A counter that only its lock protects.
struct Guarded(UnsafeCell<u64>);
// SAFETY: the tests touch it under a lock; that is what they test.
unsafe impl Sync for Guarded {}
// SAFETY: as above.
unsafe impl Send for Guarded {}

impl Guarded {
    fn add_one(&self) {
        // SAFETY: the caller holds the lock.
        unsafe { *self.0.get() += 1 };
    }
}

fn run_on(
    main: &ThreadHandle,
    count: usize,
    body: impl Fn(&ThreadHandle, usize) + Send + Sync + 'static,
) {
    let body = Arc::new(body);
    let threads: Vec<_> = (0..count)
        .map(|index| {
            let body = body.clone();
            let body = move |thread: &ThreadHandle| body(thread, index);
            thread::spawn(main, "worker", STACK, body).unwrap()
        })
        .collect();
    for thread in threads {
        thread.join(main, None).unwrap();
    }
}

fn poll(thread: &ThreadHandle) {
    if world::poll_requested() {
        thread.safepoint();
    }
}

#[test]
fn a_lock_excludes() {
    in_fresh_process(module_path!(), "a_lock_excludes", || {
        let main = register_main();
        const ROUNDS: u64 = 100_000;
        let state = Arc::new((ThreadLock::new(), Guarded(UnsafeCell::new(0))));
        let shared = state.clone();
        let started = Instant::now();
        run_on(&main, 4, move |thread, _| {
            for _ in 0..ROUNDS {
                assert_eq!(shared.0.acquire(thread, None), Ok(true));
                shared.1.add_one();
                assert!(shared.0.release());
                poll(thread);
            }
        });
        let rate = 4.0 * ROUNDS as f64 / started.elapsed().as_secs_f64() / 1e6;
        println!("{rate:.1} M acquisitions a second by 4 threads");
        // SAFETY: the threads have ended.
        assert_eq!(unsafe { *state.1.0.get() }, 4 * ROUNDS);
        assert!(!state.0.release());
    });
}

#[test]
fn a_lock_keeps_deadlines_and_interrupts() {
    in_fresh_process(
        module_path!(),
        "a_lock_keeps_deadlines_and_interrupts",
        || {
            let main = register_main();
            let lock = ThreadLock::new();
            assert_eq!(lock.acquire(&main, None), Ok(true));
            assert_eq!(lock.owner(), Some(main.id()));
            assert!(!lock.try_acquire(&main));
            let end = milliseconds(20);
            assert_eq!(lock.acquire(&main, Some(end)), Ok(false));
            assert!(end.has_passed());
            main.interrupt(Pending::INTERRUPT);
            let interrupted = Err(LockError::Interrupted(Pending::INTERRUPT));
            assert_eq!(lock.acquire(&main, None), interrupted);
            main.safepoint();
            assert!(lock.release());
            assert!(!lock.release());
            assert_eq!(lock.owner(), None);
        },
    );
}

#[test]
fn no_wake_up_is_lost_to_a_waiter_that_gives_up() {
    let name = "no_wake_up_is_lost_to_a_waiter_that_gives_up";
    in_fresh_process(module_path!(), name, || {
        let main = register_main();
        let state = Arc::new((ThreadLock::new(), ThreadSemaphore::new(2)));
        let shared = state.clone();
        // Half of them give up after moments; the others wait for ever and would hang.
        run_on(&main, 6, move |thread, index| {
            for round in 0..3_000_u64 {
                let deadline = (index % 2 == 0).then(|| {
                    let delay = std::time::Duration::from_micros(round % 60);
                    crate::runtime::clock::Deadline::after(delay)
                });
                if shared.0.acquire(thread, deadline).unwrap() {
                    std::thread::yield_now();
                    shared.0.release();
                }
                if shared.1.acquire(thread, deadline).unwrap() {
                    std::thread::yield_now();
                    assert!(shared.1.release(1, 2));
                }
                poll(thread);
            }
        });
        assert_eq!(state.1.units(), 2);
        assert!(!state.0.is_locked());
    });
}

#[test]
fn a_reentrant_lock_counts() {
    in_fresh_process(module_path!(), "a_reentrant_lock_counts", || {
        let main = register_main();
        let lock = Arc::new(ThreadReentrantLock::new());
        assert!(!lock.release(&main));
        for _ in 0..3 {
            assert_eq!(lock.acquire(&main, None), Ok(true));
        }
        assert_eq!(lock.count(), 3);
        let shared = lock.clone();
        run_on(&main, 1, move |thread, _| {
            assert!(!shared.try_acquire(thread));
            assert!(!shared.release(thread));
            assert_eq!(shared.acquire(thread, Some(milliseconds(5))), Ok(false));
        });
        assert_eq!(lock.release_all(&main), Some(3));
        assert_eq!(lock.owner(), None);
        lock.restore(&main, 3).unwrap();
        for _ in 0..3 {
            assert!(lock.release(&main));
        }
        assert!(!lock.release(&main));
        const ROUNDS: u64 = 20_000;
        let state = Arc::new((lock, Guarded(UnsafeCell::new(0))));
        let shared = state.clone();
        run_on(&main, 3, move |thread, _| {
            for _ in 0..ROUNDS {
                shared.0.acquire(thread, None).unwrap();
                shared.0.acquire(thread, None).unwrap();
                shared.1.add_one();
                assert!(shared.0.release(thread) && shared.0.release(thread));
                poll(thread);
            }
        });
        // SAFETY: the threads have ended.
        assert_eq!(unsafe { *state.1.0.get() }, 3 * ROUNDS);
    });
}

#[test]
fn notify_wakes_as_many_as_it_says() {
    in_fresh_process(module_path!(), "notify_wakes_as_many_as_it_says", || {
        let main = register_main();
        let state = Arc::new((ThreadCondition::new(), AtomicUsize::new(0)));
        let mut threads = Vec::new();
        for index in 0..5 {
            let shared = state.clone();
            let body = move |thread: &ThreadHandle| {
                let place = shared.0.enrol(thread);
                assert_eq!(place.wait(thread, None), Ok(true));
                shared.1.fetch_add(1, Ordering::SeqCst);
            };
            threads.push(thread::spawn(&main, "waiter", STACK, body).unwrap());
            while state.0.waiting().len() != index + 1 {
                sleep_until(&main, milliseconds(1)).unwrap();
            }
        }
        assert_eq!(state.0.notify(0), 0);
        assert_eq!(state.0.notify(2), 2);
        for thread in &threads[..2] {
            assert_eq!(thread.join(&main, Some(far())), Ok(true));
        }
        sleep_until(&main, milliseconds(20)).unwrap();
        assert_eq!(state.1.load(Ordering::SeqCst), 2);
        assert!(threads[2..].iter().all(ThreadHandle::is_alive));
        assert_eq!(state.0.notify_all(), 3);
        for thread in &threads {
            assert_eq!(thread.join(&main, Some(far())), Ok(true));
        }
        let place = state.0.enrol(&main);
        assert_eq!(place.wait(&main, Some(milliseconds(10))), Ok(false));
        drop(place);
        drop(state.0.enrol(&main));
        assert_eq!(state.0.notify(1), 0);
    });
}

#[test]
fn a_semaphore_lets_in_as_many_as_it_has_units() {
    let name = "a_semaphore_lets_in_as_many_as_it_has_units";
    in_fresh_process(module_path!(), name, || {
        let main = register_main();
        let state = Arc::new((
            ThreadSemaphore::new(3),
            AtomicU32::new(0),
            AtomicU32::new(0),
        ));
        let shared = state.clone();
        run_on(&main, 8, move |thread, _| {
            for _ in 0..500 {
                shared.0.acquire(thread, None).unwrap();
                let inside = shared.1.fetch_add(1, Ordering::SeqCst) + 1;
                shared.2.fetch_max(inside, Ordering::SeqCst);
                std::thread::yield_now();
                shared.1.fetch_sub(1, Ordering::SeqCst);
                assert!(shared.0.release(1, MOST_UNITS));
                poll(thread);
            }
        });
        assert!((1..=3).contains(&state.2.load(Ordering::SeqCst)));
        assert_eq!(state.0.units(), 3);
        assert!(!state.0.release(1, 3));
        assert!(!state.0.release(u32::MAX, MOST_UNITS));
        assert_eq!(state.0.units(), 3);
        // Many units at once wake many.
        let state = Arc::new(ThreadSemaphore::new(0));
        let shared = state.clone();
        let body = move |thread: &ThreadHandle, index| {
            if index == 0 {
                sleep_until(thread, milliseconds(20)).unwrap();
                assert!(shared.release(7, MOST_UNITS));
            } else {
                assert_eq!(shared.acquire(thread, None), Ok(true));
            }
        };
        run_on(&main, 8, body);
        assert_eq!(state.units(), 0);
        assert_eq!(state.acquire(&main, Some(milliseconds(5))), Ok(false));
    });
}

#[test]
fn units_that_come_one_after_the_other_wake_one_after_the_other() {
    let name = "units_that_come_one_after_the_other_wake_one_after_the_other";
    in_fresh_process(module_path!(), name, || {
        const WAITERS: usize = 3;
        let main = register_main();
        let state = Arc::new((ThreadSemaphore::new(0), AtomicU32::new(0)));
        let shared = state.clone();
        run_on(&main, WAITERS + 1, move |thread, index| {
            for round in 1..=500 {
                if index < WAITERS {
                    assert_eq!(shared.0.acquire(thread, Some(far())), Ok(true));
                    shared.1.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                // Somebody is likely to sleep by now.
                std::thread::sleep(std::time::Duration::from_micros(200));
                for _ in 0..WAITERS {
                    assert!(shared.0.release(1, MOST_UNITS));
                }
                while shared.1.load(Ordering::SeqCst) < round * WAITERS as u32 {
                    std::thread::yield_now();
                    poll(thread);
                }
            }
        });
        assert_eq!(state.0.units(), 0);
    });
}

#[test]
fn an_event_that_was_set_and_cleared_still_wakes() {
    let name = "an_event_that_was_set_and_cleared_still_wakes";
    in_fresh_process(module_path!(), name, || {
        let main = register_main();
        let event = Arc::new(ThreadEvent::new());
        assert_eq!(event.wait(&main, Some(milliseconds(5))), Ok(false));
        for _ in 0..50 {
            let shared = event.clone();
            let waiter = thread::spawn(&main, "waiter", STACK, move |thread| {
                assert_eq!(shared.wait(thread, None), Ok(true));
            })
            .unwrap();
            while waiter.is_alive() && waiter.waits_for().is_none() {
                sleep_until(&main, milliseconds(1)).unwrap();
            }
            event.set();
            event.set();
            event.clear();
            assert!(!event.is_set());
            assert_eq!(waiter.join(&main, Some(far())), Ok(true));
        }
        event.set();
        assert_eq!(event.wait(&main, None), Ok(true));
    });
}
