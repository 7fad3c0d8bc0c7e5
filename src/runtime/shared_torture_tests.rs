//! Deaths among processes that share locks, semaphores, events, conditions, barriers and counted
//! queues: at every single step with others waiting, and at random under load. `CONC_TORTURE_SECONDS`
//! makes the latter long.

use super::arena::arena;
use super::clock::Deadline;
use super::shared_barrier::SharedBarrier;
use super::shared_block::SharedBlock;
use super::shared_condition::{ConditionError, SharedCondition};
use super::shared_event::SharedEvent;
use super::shared_lock::{LockStyle, OnOwnerDeath, SharedLock, SharedLockError};
use super::shared_queue::{Message, QueueError, SharedQueue};
use super::shared_semaphore::SharedSemaphore;
use super::shared_sweep::{reclaim, sweep_dead};
use super::shared_testing::{Child, fork, killed_at, seconds, tests_alone};
use super::shared_wait::Until;
use super::slot;
use super::testing::Random;
use super::thread::ThreadHandle;
use std::time::{Duration, Instant};

/// Longer than anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn in_time() -> Until {
    Until::Deadline(Deadline::after(PATIENCE))
}

fn soon(milliseconds: u64) -> Until {
    Until::Deadline(Deadline::after(Duration::from_millis(milliseconds)))
}

fn number(block: &SharedBlock, index: usize) -> u64 {
    let mut bytes = [0; 8];
    assert!(block.read(8 * index, &mut bytes));
    u64::from_ne_bytes(bytes)
}

fn set_number(block: &SharedBlock, index: usize, value: u64) {
    assert!(block.write(8 * index, &value.to_ne_bytes()));
}

fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let limit = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < limit, "{what} never came");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// A process that does the same for ever, counting its rounds in the first number of `rounds`.
fn again_and_again(rounds: &SharedBlock, mut round: impl FnMut()) -> Child {
    fork(|| {
        loop {
            round();
            set_number(rounds, 0, number(rounds, 0) + 1);
        }
    })
}

/// Has processes die at each step of `work`, and after each death waits until the process that counts
/// its rounds has got ahead, with the help of `help`, which does what the living do.
fn die_at_every_step(
    companion: &Child,
    rounds: &SharedBlock,
    thread: &ThreadHandle,
    work: impl Fn(&ThreadHandle),
    help: impl Fn(),
) -> i64 {
    let mut step = 1;
    loop {
        let code = killed_at(step, || {
            work(thread);
        });
        assert!(code == 0 || code == -libc::SIGKILL, "step {step}: {code}");
        let ended = code == 0;
        let before = number(rounds, 0);
        wait_for(&format!("a round after step {step}"), || {
            help();
            assert!(slot::is_alive(companion.id), "the companion found a fault");
            number(rounds, 0) > before
        });
        if ended {
            return step;
        }
        step += 1;
    }
}

fn lock_whatever_happened(lock: &SharedLock, thread: &ThreadHandle) {
    loop {
        match lock.acquire(thread, in_time(), 0) {
            Ok(true) => return,
            Ok(false) => panic!("a lock never came free"),
            Err(SharedLockError::OwnerDied(_)) => {}
            Err(SharedLockError::Interrupted(_)) => unreachable!("nobody interrupts"),
        }
    }
}

tests_alone! {
    fn no_step_of_setting_an_event_is_a_bad_one(thread) {
        let event = SharedEvent::new().unwrap();
        let rounds = SharedBlock::new(8).unwrap();
        let companion = again_and_again(&rounds, || {
            assert_eq!(event.wait(thread, in_time()), Ok(true));
            event.clear();
        });
        let steps = die_at_every_step(
            &companion,
            &rounds,
            thread,
            |_| {
                event.set();
                event.clear();
                event.set();
            },
            || event.set(),
        );
        assert!(steps > 3, "{steps}");
        companion.kill();
        companion.wait();
    }

    fn no_step_of_notifying_is_a_bad_one(thread) {
        let lock = SharedLock::new(LockStyle::Plain, OnOwnerDeath::Release).unwrap();
        let condition = SharedCondition::new(lock.clone()).unwrap();
        let rounds = SharedBlock::new(8).unwrap();
        let companion = again_and_again(&rounds, || {
            lock_whatever_happened(&lock, thread);
            assert_eq!(condition.wait(thread, in_time()), Ok(true));
            lock.release(thread).unwrap();
        });
        let notify = |thread: &ThreadHandle| {
            lock_whatever_happened(&lock, thread);
            condition.notify(thread, 1).unwrap();
            lock.release(thread).unwrap();
        };
        let steps = die_at_every_step(&companion, &rounds, thread, notify, || notify(thread));
        assert!(steps > 5, "{steps}");
        companion.kill();
        companion.wait();
        assert_eq!(condition.waiters(), 0);
    }

    fn no_step_of_meeting_at_a_barrier_is_a_bad_one(thread) {
        let barrier = SharedBarrier::new(2).unwrap().unwrap();
        let rounds = SharedBlock::new(8).unwrap();
        let meet = |until| match barrier.wait(thread, until) {
            Ok(super::shared_barrier::Arrival::Last(_)) => barrier.open(true),
            Ok(_) => {}
            Err(_) => barrier.reset(),
        };
        let companion = again_and_again(&rounds, || meet(in_time()));
        let steps = die_at_every_step(
            &companion,
            &rounds,
            thread,
            |_| {
                meet(in_time());
                meet(in_time());
            },
            || meet(soon(20)),
        );
        assert!(steps > 5, "{steps}");
        companion.kill();
        companion.wait();
        barrier.reset();
        assert_eq!(barrier.waiters(), 0);
    }

    fn no_step_of_counting_tasks_is_a_bad_one(thread) {
        let queue = SharedQueue::new(None).unwrap();
        let mut message = Message::default();
        let mut step = 1;
        let mut left = 0;
        loop {
            let ended = killed_at(step, || {
                let mut message = Message::default();
                for _ in 0..2 {
                    queue.put(thread, b"task", &[], Until::Now).unwrap();
                    queue.get(thread, &mut message, Until::Now).unwrap();
                    queue.task_done().unwrap();
                }
            }) == 0;
            while queue.get(thread, &mut message, Until::Now).is_ok() {
                assert_eq!(message.bytes, b"task");
                queue.task_done().unwrap();
            }
            // What it had taken and not yet done stays undone; nothing else.
            let now = queue.unfinished();
            assert!(now == left || now == left + 1, "step {step}: {left}, then {now}");
            left = now;
            if ended {
                break;
            }
            step += 1;
        }
        assert!(step > 20, "{step}");
        for _ in 0..left {
            queue.task_done().unwrap();
        }
        assert!(queue.task_done().is_err());
        queue.join(thread, Until::Now).unwrap();
    }

    fn random_kills_among_locks_hang_nobody(thread) {
        // What is made real once and kept for whoever comes next.
        round_of_kills(thread, 50);
        sweep_dead();
        reclaim(arena().unwrap());
        let before = arena().unwrap().real_bytes();
        let end = Instant::now() + Duration::from_secs(seconds(3));
        let mut kills = 0;
        while kills < 300 || Instant::now() < end {
            kills += round_of_kills(thread, 250);
            sweep_dead();
        }
        reclaim(arena().unwrap());
        let after = arena().unwrap().real_bytes();
        println!("{kills} kills, {before} bytes before, {after} after");
        // Tables of slots and descriptions only grow, by pages.
        assert!(after <= before + (256 << 10), "{before} bytes, then {after}");
        assert_eq!(slot::living(), [slot::current().unwrap()]);
    }
}

const WORKERS: usize = 6;
const PERMITS: u64 = 2;

/// What the processes of a round share.
struct Shared {
    /// Guards two numbers that are always changed together.
    strict: SharedLock,
    /// Guards the pool of goods of the condition.
    lenient: SharedLock,
    goods: SharedCondition,
    semaphore: SharedSemaphore,
    barrier: SharedBarrier,
    event: SharedEvent,
    tasks: SharedQueue,
    /// Two numbers under `strict`, the goods, then for each place of a worker who is past the semaphore.
    numbers: SharedBlock,
}

const GOODS: usize = 2;
const INSIDE: usize = 3;

impl Shared {
    fn new() -> Self {
        let lenient = SharedLock::new(LockStyle::Reentrant, OnOwnerDeath::Release).unwrap();
        Self {
            strict: SharedLock::new(LockStyle::Plain, OnOwnerDeath::Error).unwrap(),
            goods: SharedCondition::new(lenient.clone()).unwrap(),
            lenient,
            semaphore: SharedSemaphore::new(PERMITS, true).unwrap(),
            barrier: SharedBarrier::new(2).unwrap().unwrap(),
            event: SharedEvent::new().unwrap(),
            tasks: SharedQueue::new(Some(20)).unwrap(),
            numbers: SharedBlock::new(8 * (INSIDE + WORKERS)).unwrap(),
        }
    }

    /// One of the things that processes do with such objects.
    fn act(&self, thread: &ThreadHandle, me: usize, action: u64) {
        match action {
            0 | 1 => self.count_strictly(thread),
            2 => {
                assert_eq!(self.semaphore.acquire(thread, in_time(), true), Ok(true));
                let tag = slot::current().map_or(0, slot::SlotId::tag);
                set_number(&self.numbers, INSIDE + me, u64::from(tag));
                // The dead are outside: their units come back.
                let inside = (0..WORKERS)
                    .map(|worker| number(&self.numbers, INSIDE + worker) as u32)
                    .filter_map(slot::SlotId::from_tag)
                    .filter(|&worker| slot::is_alive(worker))
                    .count();
                assert!(inside as u64 <= PERMITS, "{inside} are inside");
                set_number(&self.numbers, INSIDE + me, 0);
                self.semaphore.release_owned(thread).unwrap();
            }
            3 => {
                lock_whatever_happened(&self.lenient, thread);
                set_number(&self.numbers, GOODS, number(&self.numbers, GOODS) + 1);
                self.goods.notify(thread, 1).unwrap();
                self.lenient.release(thread).unwrap();
            }
            4 => {
                lock_whatever_happened(&self.lenient, thread);
                if number(&self.numbers, GOODS) == 0 {
                    match self.goods.wait(thread, soon(3)) {
                        Ok(_) | Err(ConditionError::OwnerDied(_)) => {}
                        Err(other) => panic!("{other:?}"),
                    }
                }
                let goods = number(&self.numbers, GOODS);
                set_number(&self.numbers, GOODS, goods.saturating_sub(1));
                self.lenient.release(thread).unwrap();
            }
            5 => match self.barrier.wait(thread, soon(3)) {
                Ok(super::shared_barrier::Arrival::Last(_)) => self.barrier.open(true),
                Ok(_) => {}
                Err(_) => self.barrier.reset(),
            },
            6 => {
                self.event.set();
                assert!(self.event.wait(thread, soon(3)).is_ok());
                self.event.clear();
            }
            7 => match self.tasks.put(thread, &[7; 3000], &[], soon(3)) {
                Ok(()) | Err(QueueError::Full) => {}
                Err(other) => panic!("{other:?}"),
            },
            _ => {
                let mut message = Message::default();
                match self.tasks.get(thread, &mut message, soon(3)) {
                    Ok(()) => {
                        assert_eq!(message.bytes, [7; 3000]);
                        self.tasks.task_done().unwrap();
                    }
                    Err(QueueError::Empty) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
        }
    }

    /// Changes two numbers that must be the same for whoever has the lock, unless the holder before
    /// died between the two: then it is told so, and puts them right.
    fn count_strictly(&self, thread: &ThreadHandle) {
        let mut told = false;
        loop {
            match self.strict.acquire(thread, in_time(), 0) {
                Ok(true) => break,
                Ok(false) => panic!("a lock never came free"),
                Err(SharedLockError::OwnerDied(_)) => told = true,
                Err(SharedLockError::Interrupted(_)) => unreachable!("nobody interrupts"),
            }
        }
        let (one, other) = (number(&self.numbers, 0), number(&self.numbers, 1));
        // Who was told may die before it has put things right, and the next one is told again;
        // who gets the lock between the two sees the difference.
        if !told {
            assert!(one.abs_diff(other) <= 1, "{one} and {other}");
        }
        set_number(&self.numbers, 1, one);
        set_number(&self.numbers, 0, one + 1);
        set_number(&self.numbers, 1, one + 1);
        self.strict.release(thread).unwrap();
    }
}

/// So many processes are killed and replaced, one after the other, in the middle of anything.
fn round_of_kills(thread: &ThreadHandle, kills: u64) -> u64 {
    let shared = Shared::new();
    let start = |me: usize, seed: u64| {
        fork(|| {
            set_number(&shared.numbers, INSIDE + me, 0);
            let mut random = Random::new(seed);
            loop {
                shared.act(thread, me, random.below(9));
            }
        })
    };
    let mut random = Random::new(u64::from(std::process::id()) ^ kills);
    let mut children: Vec<Child> = (0..WORKERS).map(|me| start(me, me as u64)).collect();
    for kill in 0..kills {
        std::thread::sleep(Duration::from_micros(200 + random.below(1000)));
        let me = random.below(WORKERS as u64) as usize;
        children[me].kill();
        let code = children[me].wait_silently();
        assert_eq!(code, -libc::SIGKILL, "worker {me} found a fault");
        slot::reaped(children[me].id);
        children[me] = start(me, 1000 + kill);
    }
    for child in children {
        child.kill();
        assert_eq!(child.wait(), -libc::SIGKILL, "a worker found a fault");
    }
    // All of it is as good as new.
    lock_whatever_happened(&shared.strict, thread);
    shared.strict.release(thread).unwrap();
    lock_whatever_happened(&shared.lenient, thread);
    shared.lenient.release(thread).unwrap();
    for _ in 0..PERMITS {
        assert_eq!(shared.semaphore.acquire(thread, in_time(), true), Ok(true));
    }
    assert_eq!(
        shared.semaphore.acquire(thread, Until::Now, true),
        Ok(false)
    );
    assert_eq!(shared.goods.waiters(), 0);
    shared.barrier.reset();
    assert_eq!(shared.barrier.waiters(), 0);
    let mut message = Message::default();
    while shared.tasks.get(thread, &mut message, Until::Now).is_ok() {}
    assert_eq!(shared.tasks.handle().references(), 1);
    kills
}
