//! Stopping the world, the switch to shared values, grace periods.

use super::STACK;
use crate::runtime::blocking::sleep_until;
use crate::runtime::pending::Pending;
use crate::runtime::testing::{Random, in_fresh_process, register_main};
use crate::runtime::thread::{self, ThreadHandle, ThreadKind};
use crate::runtime::world;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Set by a thread while it is between two safepoints.
struct Inside(Vec<AtomicBool>);

impl Inside {
    fn enter(&self, index: usize) {
        self.0[index].store(true, Ordering::SeqCst);
    }
    fn leave(&self, index: usize) {
        self.0[index].store(false, Ordering::SeqCst);
    }
    fn is_empty(&self) -> bool {
        self.0.iter().all(|inside| !inside.load(Ordering::SeqCst))
    }
}

fn spin(duration: Duration) {
    let started = Instant::now();
    while started.elapsed() < duration {
        std::hint::spin_loop();
    }
}

/// What a busy script thread does: short and long native operations, sleeps, detached calls.
fn be_busy(thread: &ThreadHandle, inside: &Inside, index: usize, end: &AtomicBool) {
    let mut random = Random::new(index as u64 + 1);
    while !end.load(Ordering::Relaxed) {
        inside.enter(index);
        match random.below(100) {
            0 => spin(Duration::from_millis(3)),
            1..10 => spin(Duration::from_micros(50)),
            _ => spin(Duration::from_nanos(random.below(2000))),
        }
        inside.leave(index);
        match random.below(50) {
            0 => {
                let nap = Duration::from_micros(random.below(2000));
                let _ = sleep_until(thread, crate::runtime::clock::Deadline::after(nap));
            }
            1 => thread.detached(|| spin(Duration::from_micros(20))),
            _ if world::poll_requested() => {
                thread.safepoint();
            }
            _ => {}
        }
    }
}

#[test]
fn nobody_is_inside_a_stopped_world() {
    in_fresh_process(module_path!(), "nobody_is_inside_a_stopped_world", || {
        let main = register_main();
        let inside = Arc::new(Inside((0..9).map(|_| AtomicBool::new(false)).collect()));
        let end = Arc::new(AtomicBool::new(false));
        let stops = Arc::new(AtomicUsize::new(0));
        let mut threads = Vec::new();
        for index in 0..7 {
            let (inside, end) = (inside.clone(), end.clone());
            let body = move |thread: &ThreadHandle| be_busy(thread, &inside, index, &end);
            threads.push(thread::spawn(&main, "busy", STACK, body).unwrap());
        }
        let stop = |thread: &ThreadHandle, inside: &Inside, own: usize| {
            world::stop_the_world(thread, |_| {
                assert!(inside.is_empty());
                inside.enter(own);
                spin(Duration::from_micros(20));
                inside.leave(own);
                assert!(inside.is_empty());
            });
        };
        // A second stopper competes with the first one.
        let rival = {
            let (inside, end, stops) = (inside.clone(), end.clone(), stops.clone());
            thread::spawn(&main, "rival", STACK, move |thread| {
                while !end.load(Ordering::Relaxed) {
                    stop(thread, &inside, 7);
                    stops.fetch_add(1, Ordering::Relaxed);
                    let _ = sleep_until(thread, super::milliseconds(1));
                }
            })
        };
        threads.push(rival.unwrap());
        for _ in 0..200 {
            stop(&main, &inside, 8);
            main.safepoint();
        }
        assert!(stops.load(Ordering::Relaxed) > 0);
        end.store(true, Ordering::SeqCst);
        for thread in threads {
            assert_eq!(thread.join(&main, None), Ok(true));
            assert!(!thread.is_alive());
        }
        assert_eq!(thread::count(), 1);
        assert!(!world::poll_requested());
    });
}

#[test]
fn values_are_shared_before_a_second_thread_runs() {
    in_fresh_process(
        module_path!(),
        "values_are_shared_before_a_second_thread_runs",
        || {
            let main = register_main();
            assert!(!world::is_shared());
            // A host's thread arrives while the only one is busy: the flag changes at a safepoint.
            let arrived = Arc::new(AtomicBool::new(false));
            let there = arrived.clone();
            let host = std::thread::spawn(move || {
                let thread = ThreadHandle::register_current("host", ThreadKind::Host);
                assert!(world::is_shared());
                there.store(true, Ordering::SeqCst);
                drop(thread);
            });
            while !arrived.load(Ordering::SeqCst) {
                let shared = world::is_shared();
                spin(Duration::from_micros(100));
                assert_eq!(shared, world::is_shared(), "changed between two safepoints");
                main.safepoint();
            }
            host.join().unwrap();
            assert!(world::is_shared());
            assert!(world::clear_shared_if_alone(&main));
            let child = thread::spawn(&main, "second", STACK, |thread| {
                assert!(world::is_shared());
                assert!(!world::clear_shared_if_alone(thread));
            });
            child.unwrap().join(&main, None).unwrap();
            assert!(world::clear_shared_if_alone(&main));
        },
    );
}

const GOOD: u64 = 0x600d_600d_600d_600d;
const FREED: u64 = 0xdead_dead_dead_dead;

/// Freed nodes are marked and kept, so that a premature free is seen and does no harm.
struct Node {
    mark: AtomicU64,
}

/// Objects on their way out, as a thread of the interpreter keeps them.
#[derive(Default)]
struct Retired {
    batch: Vec<*mut Node>,
    waiting: std::collections::VecDeque<(u64, Vec<*mut Node>)>,
    freed: usize,
}

impl Retired {
    fn add(&mut self, node: *mut Node) {
        self.batch.push(node);
        if self.batch.len() == 8 {
            let batch = std::mem::take(&mut self.batch);
            self.waiting.push_back((world::retire_epoch(), batch));
            if self.waiting.len().is_multiple_of(4) {
                world::request_grace_period();
            }
        }
        self.free();
    }

    fn free(&mut self) {
        while let Some((tag, _)) = self.waiting.front() {
            if *tag >= world::free_epoch() {
                break;
            }
            let (_, batch) = self.waiting.pop_front().unwrap();
            for node in batch {
                // SAFETY: nodes are never given back to the allocator in this test.
                unsafe { &*node }.mark.store(FREED, Ordering::Relaxed);
                self.freed += 1;
            }
        }
    }
}

fn new_node() -> *mut Node {
    Box::into_raw(Box::new(Node {
        mark: AtomicU64::new(GOOD),
    }))
}

/// One thread of the stress test: borrows from the slots without counting, replaces what is there,
/// detaches and passes safepoints at random.
fn borrow_and_replace(
    thread: &ThreadHandle,
    slots: &[AtomicPtr<Node>],
    seed: u64,
    rounds: usize,
) -> usize {
    let mut random = Random::new(seed);
    let mut retired = Retired::default();
    for _ in 0..rounds {
        let slot = &slots[random.below(slots.len() as u64) as usize];
        // SAFETY: whatever was in a slot stays allocated for the whole test.
        let borrowed = unsafe { &*slot.load(Ordering::Acquire) };
        if random.below(4) == 0 {
            let old =
                slots[random.below(slots.len() as u64) as usize].swap(new_node(), Ordering::AcqRel);
            retired.add(old);
        }
        for _ in 0..random.below(30) {
            assert_eq!(
                borrowed.mark.load(Ordering::Relaxed),
                GOOD,
                "freed too early"
            );
        }
        if random.below(200) == 0 {
            std::thread::yield_now();
            assert_eq!(
                borrowed.mark.load(Ordering::Relaxed),
                GOOD,
                "freed too early"
            );
        }
        // The borrow ends here.
        match random.below(20) {
            0 => thread.detached(std::thread::yield_now),
            1 => thread.detached(|| ()),
            2..8 if world::poll_requested() => {
                thread.safepoint();
            }
            _ => {}
        }
    }
    retired.freed
}

#[test]
fn nothing_is_freed_under_a_borrower() {
    in_fresh_process(module_path!(), "nothing_is_freed_under_a_borrower", || {
        let main = register_main();
        let slots: Arc<Vec<_>> = Arc::new((0..4).map(|_| AtomicPtr::new(new_node())).collect());
        let freed = Arc::new(AtomicUsize::new(0));
        let failed = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for seed in 1..=4 {
            let (slots, freed, failed) = (slots.clone(), freed.clone(), failed.clone());
            let body = move |thread: &ThreadHandle| {
                let work = || borrow_and_replace(thread, &slots, seed, 200_000);
                match std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {
                    Ok(count) => {
                        freed.fetch_add(count, Ordering::SeqCst);
                    }
                    Err(_) => failed.store(true, Ordering::SeqCst),
                }
            };
            threads.push(thread::spawn(&main, "borrower", STACK, body).unwrap());
        }
        for thread in &threads {
            thread.join(&main, None).unwrap();
        }
        assert!(!failed.load(Ordering::SeqCst));
        // Most of the 200,000 replaced nodes went while the threads ran.
        let freed = freed.load(Ordering::SeqCst);
        println!("freed {freed}");
        assert!(freed > 20_000, "only {freed} freed");
        // Alone, one safepoint is a grace period.
        let tag = world::retire_epoch();
        world::request_grace_period();
        assert!(world::free_epoch() <= tag);
        main.safepoint();
        assert!(world::free_epoch() > tag);
        assert!(!world::poll_requested());
    });
}

#[test]
fn a_thread_that_passes_no_safepoint_holds_back_what_is_freed() {
    in_fresh_process(
        module_path!(),
        "a_thread_that_passes_no_safepoint_holds_back_what_is_freed",
        || {
            let main = register_main();
            let go_on = Arc::new(AtomicBool::new(false));
            let attached = Arc::new(AtomicBool::new(false));
            let other = {
                let (go_on, attached) = (go_on.clone(), attached.clone());
                thread::spawn(&main, "slow", STACK, move |thread| {
                    attached.store(true, Ordering::SeqCst);
                    while !go_on.load(Ordering::SeqCst) {
                        std::hint::spin_loop();
                    }
                    thread.safepoint();
                })
            };
            while !attached.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
            let tag = world::retire_epoch();
            world::request_grace_period();
            for _ in 0..1000 {
                main.safepoint();
                main.detached(|| ());
                assert!(world::free_epoch() <= tag);
            }
            go_on.store(true, Ordering::SeqCst);
            other.unwrap().join(&main, None).unwrap();
            main.safepoint();
            assert!(world::free_epoch() > tag);
            assert!(!world::poll_requested());
        },
    );
}

#[test]
fn the_poll_word_is_clear_when_nothing_is_pending() {
    in_fresh_process(
        module_path!(),
        "the_poll_word_is_clear_when_nothing_is_pending",
        || {
            let main = register_main();
            assert!(!world::poll_requested());
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    thread::spawn(&main, "target", STACK, |thread| {
                        while !thread.safepoint().contains(Pending::STOP) {}
                    })
                    .unwrap()
                })
                .collect();
            for _ in 0..20_000 {
                for thread in &threads {
                    thread.interrupt(Pending::INTERRUPT);
                }
            }
            for thread in &threads {
                thread.interrupt(Pending::STOP);
                thread.join(&main, None).unwrap();
                // Nobody is there to take it, and nobody is held up by it.
                thread.interrupt(Pending::INTERRUPT);
            }
            assert!(!world::poll_requested());
            main.interrupt(Pending::user(3));
            assert!(world::poll_requested());
            assert_eq!(main.safepoint(), Pending::user(3));
            assert!(!world::poll_requested());
        },
    );
}

#[test]
fn it_says_for_whom_a_stop_waits() {
    in_fresh_process(module_path!(), "it_says_for_whom_a_stop_waits", || {
        let main = register_main();
        let said = Arc::new(std::sync::Mutex::new(String::new()));
        let sink = said.clone();
        crate::runtime::report::set_sink(move |text| sink.lock().unwrap().push_str(text));
        let begun = Arc::new(AtomicBool::new(false));
        let flag = begun.clone();
        let heard = said.clone();
        let other = thread::spawn(&main, "stubborn", STACK, move |_| {
            flag.store(true, Ordering::SeqCst);
            while heard.lock().unwrap().is_empty() {
                spin(Duration::from_millis(1));
            }
        });
        while !begun.load(Ordering::SeqCst) {
            std::hint::spin_loop();
        }
        world::stop_the_world(&main, |_| ());
        assert!(said.lock().unwrap().contains("thread `stubborn`"));
        other.unwrap().join(&main, None).unwrap();
    });
}

/// How often threads got their objects ready to detach, while a stop would have waited for them and not.
static REGISTERED: AtomicUsize = AtomicUsize::new(0);
static UNKNOWN: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static OWN: std::cell::RefCell<Option<ThreadHandle>> = const { std::cell::RefCell::new(None) };
}

#[test]
fn a_thread_that_ends_touches_objects_only_while_it_is_registered() {
    let name = "a_thread_that_ends_touches_objects_only_while_it_is_registered";
    in_fresh_process(module_path!(), name, || {
        let main = register_main();
        world::set_before_detach(|| {
            let own = OWN.with_borrow(|own| own.as_ref().map(ThreadHandle::id));
            match own.map(thread::find) {
                Some(Some(_)) => REGISTERED.fetch_add(1, Ordering::SeqCst),
                Some(None) => UNKNOWN.fetch_add(1, Ordering::SeqCst),
                None => 0,
            };
        });
        const THREADS: usize = 20;
        for _ in 0..THREADS {
            let body = |thread: &ThreadHandle| OWN.set(Some(thread.clone()));
            let spawned = thread::spawn(&main, "short", STACK, body).unwrap();
            spawned.join(&main, None).unwrap();
        }
        assert_eq!(UNKNOWN.load(Ordering::SeqCst), 0);
        assert!(REGISTERED.load(Ordering::SeqCst) >= THREADS);
    });
}

#[test]
fn a_thread_that_the_system_refuses_leaves_nothing_behind() {
    let name = "a_thread_that_the_system_refuses_leaves_nothing_behind";
    in_fresh_process(module_path!(), name, || {
        let main = register_main();
        let body = |_: &ThreadHandle| unreachable!();
        // No address space has room for such a stack.
        let error = thread::spawn(&main, "giant", 1 << 60, body).unwrap_err();
        let code = error.raw_os_error();
        assert!(matches!(code, Some(libc::EAGAIN | libc::EINVAL)), "{error}");
        assert_eq!(thread::count(), 1);
        assert_eq!(thread::enumerate(), [ThreadHandle::clone(&main)]);
        assert!(world::clear_shared_if_alone(&main));
        // What it would have run was dropped.
        let token = Arc::new(());
        let captured = token.clone();
        let body = move |_: &ThreadHandle| drop(captured);
        thread::spawn(&main, "giant", 1 << 60, body).unwrap_err();
        assert_eq!(Arc::strong_count(&token), 1);
    });
}

#[test]
fn threads_are_told_apart() {
    in_fresh_process(module_path!(), "threads_are_told_apart", || {
        let main = register_main();
        assert!(main.is_main());
        assert_eq!(thread::main().as_ref(), Some(&*main));
        let other = thread::spawn(
            &main,
            "a name that is longer than the kernel keeps",
            STACK,
            |thread| {
                thread.set_name("renamed");
                while !thread.safepoint().contains(Pending::STOP) {
                    let _ = sleep_until(thread, super::milliseconds(1));
                }
            },
        )
        .unwrap();
        other.wait_until_begun(&main).unwrap();
        assert_ne!(other.native_id(), 0);
        assert_ne!(other.native_id(), main.native_id());
        assert_eq!(
            thread::enumerate(),
            [ThreadHandle::clone(&main), other.clone()]
        );
        assert_eq!(thread::find(other.id()), Some(other.clone()));
        while &*other.name() != "renamed" {
            sleep_until(&main, super::milliseconds(1)).unwrap();
        }
        assert_eq!(other.join(&main, Some(super::milliseconds(5))), Ok(false));
        other.interrupt(Pending::STOP);
        assert_eq!(other.join(&main, None), Ok(true));
        assert_eq!(other.join(&main, None), Ok(true));
        assert_eq!(thread::find(other.id()), None);
        assert!(!other.has_vanished());
    });
}

#[test]
fn threads_are_stopped_wherever_they_are() {
    in_fresh_process(
        module_path!(),
        "threads_are_stopped_wherever_they_are",
        || {
            let main = register_main();
            let spared = thread::spawn(&main, "spared", STACK, |thread| {
                while !thread.safepoint().contains(Pending::INTERRUPT) {
                    let _ = sleep_until(thread, super::far());
                }
            })
            .unwrap();
            for index in 0..6 {
                let body = move |thread: &ThreadHandle| {
                    while !thread.safepoint().contains(Pending::STOP) {
                        if index % 2 == 0 {
                            let _ = sleep_until(thread, super::far());
                        }
                    }
                };
                thread::spawn(&main, "daemon", STACK, body).unwrap();
            }
            let stubborn = thread::spawn(&main, "stubborn", STACK, |thread| {
                while !thread.safepoint().contains(Pending::INTERRUPT) {}
            })
            .unwrap();
            main.interrupt(Pending::SIGNALS);
            let left = thread::stop_others(&main, super::milliseconds(3000), |thread| {
                &*thread.name() != "spared"
            });
            assert_eq!(left, std::slice::from_ref(&stubborn));
            assert_eq!(main.safepoint(), Pending::SIGNALS);
            for thread in [spared, stubborn] {
                assert!(thread.is_alive());
                thread.interrupt(Pending::INTERRUPT);
                assert_eq!(thread.join(&main, Some(super::far())), Ok(true));
            }
            assert_eq!(thread::count(), 1);
        },
    );
}
