//! Forks of a process with busy threads.

use super::{STACK, far, milliseconds};
use crate::runtime::blocking::sleep_until;
use crate::runtime::fork::{self, ForkError, ForkHooks, ForkSide, fork};
use crate::runtime::pending::Pending;
use crate::runtime::process;
use crate::runtime::sharing;
use crate::runtime::testing::{Random, in_fresh_process, register_main};
use crate::runtime::thread::{self, ThreadHandle, ThreadKind};
use crate::runtime::thread_lock::{LockError, ThreadLock};
use crate::runtime::world;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Everything that hangs in the child of an ungated fork, and the runtime's own operations.
fn be_busy(thread: &ThreadHandle, locks: &[ThreadLock], index: usize, end: &AtomicBool) {
    let mut random = Random::new(index as u64 + 77);
    while !end.load(Ordering::Relaxed) {
        match random.below(7) {
            0 => eprint!(""),
            1 => drop(std::backtrace::Backtrace::force_capture()),
            2 => drop(std::hint::black_box(vec![0_u8; 100_000])),
            3 => {
                let _ = sleep_until(thread, milliseconds(random.below(3)));
            }
            4 => {
                let lock = &locks[index % locks.len()];
                if lock.acquire(thread, None) == Ok(true) {
                    let _ = sleep_until(thread, milliseconds(random.below(3)));
                    lock.release();
                }
            }
            5 => {
                if let Ok(other) = thread::spawn(thread, "short", STACK, |_| ()) {
                    let _ = other.join(thread, None);
                }
            }
            _ => {
                // SAFETY: the path is a C string.
                let fd = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_WRONLY) };
                assert!(fd >= 0);
                // SAFETY: just opened.
                unsafe { libc::close(fd) };
            }
        }
        if world::poll_requested() {
            thread.safepoint();
        }
    }
}

/// What a child does with what it inherited; the number of locks whose holder is gone.
fn use_everything(thread: &ThreadHandle, locks: &[ThreadLock], others: &[ThreadHandle]) -> i32 {
    assert!(thread.is_main());
    assert_eq!(thread::count(), 1);
    assert_eq!(thread.native_id(), std::process::id());
    assert!(!world::is_shared());
    for other in others {
        assert!(!other.is_alive());
        assert!(other.has_vanished());
        assert_eq!(other.join(thread, None), Ok(true));
    }
    eprint!("");
    drop(std::backtrace::Backtrace::force_capture());
    let mut gone = 0;
    for lock in locks {
        match lock.acquire(thread, Some(far())) {
            Ok(true) => assert!(lock.release()),
            Err(LockError::OwnerGone(owner)) => {
                assert_eq!(&*owner.name, "busy");
                gone += 1;
                lock.reset();
                assert_eq!(lock.acquire(thread, None), Ok(true));
                lock.release();
            }
            other => panic!("{other:?}"),
        }
    }
    let grandchild = thread::spawn(thread, "fresh", STACK, |thread| {
        let _ = sleep_until(thread, milliseconds(1));
    });
    assert_eq!(grandchild.unwrap().join(thread, Some(far())), Ok(true));
    gone
}

#[test]
fn five_hundred_forks_beside_five_busy_threads() {
    let name = "five_hundred_forks_beside_five_busy_threads";
    in_fresh_process(module_path!(), name, || {
        let main = register_main();
        fork::set_owns_process(true);
        let locks: Arc<Vec<_>> = Arc::new((0..3).map(|_| ThreadLock::new()).collect());
        let end = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for index in 0..5 {
            let (locks, end) = (locks.clone(), end.clone());
            let body = move |thread: &ThreadHandle| be_busy(thread, &locks, index, &end);
            threads.push(thread::spawn(&main, "busy", STACK, body).unwrap());
        }
        let mut gone = 0;
        for round in 0..500 {
            let child = process::spawn_child(&main, |thread| {
                let gone = use_everything(thread, &locks, &threads);
                if round % 10 == 0 {
                    let again = process::spawn_child(thread, |thread| {
                        use_everything(thread, &locks, &threads)
                    });
                    let status = again.unwrap().wait(thread, Some(far())).unwrap();
                    assert_eq!(status.map(|status| status.exit_code()), Some(0));
                }
                gone
            })
            .unwrap();
            let status = child.wait(&main, Some(far())).unwrap();
            let code = status.expect("the child hung").exit_code();
            assert!((0..=3).contains(&code), "round {round}: {code}");
            gone += code;
            main.safepoint();
        }
        println!("{gone} locks had lost their holder");
        end.store(true, Ordering::SeqCst);
        for thread in &threads {
            assert_eq!(thread.join(&main, Some(far())), Ok(true));
        }
        assert_eq!(process::living_count(), 0);
    });
}

#[test]
fn a_child_forked_by_another_thread_ends_with_its_exit_code() {
    let name = "a_child_forked_by_another_thread_ends_with_its_exit_code";
    in_fresh_process(module_path!(), name, || {
        let main = register_main();
        let pid = Arc::new(AtomicU32::new(0));
        let forked = pid.clone();
        let forker = thread::spawn(&main, "forker", STACK, move |thread| {
            match fork(thread).unwrap() {
                ForkSide::Parent { pid } => forked.store(pid as u32, Ordering::SeqCst),
                ForkSide::Child => {
                    assert!(thread.is_main());
                    assert_eq!(fork::generation(), 1);
                    thread.set_exit_code(7);
                }
            }
        });
        forker.unwrap().join(&main, None).unwrap();
        let pid = pid.load(Ordering::SeqCst) as i32;
        assert_eq!(
            process::wait_pid(&main, pid, 0).unwrap(),
            Some((pid, 7 << 8))
        );
    });
}

#[test]
fn hooks_run_in_order_on_both_sides() {
    in_fresh_process(module_path!(), "hooks_run_in_order_on_both_sides", || {
        let main = register_main();
        let trace = Arc::new(AtomicU32::new(0));
        for digit in 1..=2 {
            let note = |offset: u32| -> Option<fork::Hook> {
                let trace = trace.clone();
                Some(Box::new(move |_| {
                    let before = trace.load(Ordering::SeqCst);
                    trace.store(before * 10 + digit + offset, Ordering::SeqCst);
                }))
            };
            fork::add_hooks(ForkHooks {
                before: note(0),
                in_parent: note(2),
                in_child: note(4),
            });
        }
        let child =
            process::spawn_child(&main, |_| i32::from(trace.load(Ordering::SeqCst) != 2156));
        assert_eq!(trace.load(Ordering::SeqCst), 2134);
        let status = child.unwrap().wait(&main, Some(far())).unwrap();
        assert_eq!(status.unwrap().exit_code(), 0);
    });
}

#[test]
fn foreign_threads_are_refused_unless_allowed() {
    let name = "foreign_threads_are_refused_unless_allowed";
    in_fresh_process(module_path!(), name, || {
        let main = register_main();
        let end = Arc::new(AtomicBool::new(false));
        let flag = end.clone();
        let host = std::thread::spawn(move || {
            while !flag.load(Ordering::SeqCst) {
                std::thread::park();
            }
        });
        fork::set_foreign_threads(fork::ForeignThreads::Refuse);
        assert!(matches!(fork(&main), Err(ForkError::ForeignThreads(n)) if n > 0));
        fork::set_foreign_threads(fork::ForeignThreads::Allow);
        let child = process::spawn_child(&main, |_| 0).unwrap();
        assert!(child.wait(&main, Some(far())).unwrap().is_some());
        end.store(true, Ordering::SeqCst);
        host.thread().unpark();
        host.join().unwrap();
    });
}

#[test]
fn pending_interrupts_and_polls_survive_in_the_child() {
    let name = "pending_interrupts_and_polls_survive_in_the_child";
    in_fresh_process(module_path!(), name, || {
        let main = register_main();
        let (reader, _writer) = nix::unistd::pipe().unwrap();
        let poll = |thread: &ThreadHandle| {
            use std::os::fd::AsRawFd;
            let fd = reader.as_raw_fd();
            let reason =
                crate::runtime::blocking::Reason::new(crate::runtime::blocking::ReasonKind::Read);
            let wait = crate::runtime::blocking::Wait::Descriptor {
                fd,
                events: libc::POLLIN,
            };
            crate::runtime::blocking::blocking(thread, &reason, Some(milliseconds(20)), wait)
        };
        // The eventfd exists before the fork, and is not shared afterwards.
        poll(&main);
        main.interrupt(Pending::user(1));
        let child = process::spawn_child(&main, |thread| {
            assert_eq!(thread.safepoint(), Pending::user(1));
            assert!(!world::poll_requested());
            assert_eq!(poll(thread), crate::runtime::blocking::Outcome::TimedOut);
            let target = thread.clone();
            let other = thread::spawn(thread, "interrupter", STACK, move |thread| {
                let _ = sleep_until(thread, milliseconds(5));
                target.interrupt(Pending::STOP);
            });
            let outcome = loop {
                match poll(thread) {
                    crate::runtime::blocking::Outcome::TimedOut => {}
                    outcome => break outcome,
                }
            };
            assert_eq!(
                outcome,
                crate::runtime::blocking::Outcome::Interrupted(Pending::STOP)
            );
            thread.safepoint();
            other.unwrap().join(thread, None).unwrap();
            0
        });
        assert_eq!(main.safepoint(), Pending::user(1));
        let status = child.unwrap().wait(&main, Some(far())).unwrap();
        assert_eq!(status.unwrap().exit_code(), 0);
        assert_eq!(main.safepoint(), Pending::NONE);
    });
}

#[test]
fn a_host_thread_that_comes_during_forks_does_no_harm() {
    let name = "a_host_thread_that_comes_during_forks_does_no_harm";
    in_fresh_process(module_path!(), name, || {
        let main = register_main();
        let end = Arc::new(AtomicBool::new(false));
        let flag = end.clone();
        let host = std::thread::spawn(move || {
            while !flag.load(Ordering::SeqCst) {
                drop(ThreadHandle::register_current("guest", ThreadKind::Host));
            }
        });
        for _ in 0..200 {
            let child = process::spawn_child(&main, |thread| {
                i32::from(thread::count() != 1 || thread::enumerate() != [thread.clone()])
            });
            let status = child.unwrap().wait(&main, Some(far())).unwrap();
            assert_eq!(status.expect("the child hung").exit_code(), 0);
        }
        end.store(true, Ordering::SeqCst);
        main.detached(|| host.join()).unwrap();
    });
}

/// What visitors have made, under a lock that they hold meanwhile.
static MADE: Mutex<u64> = Mutex::new(0);

#[test]
fn a_host_thread_that_visits_during_forks_does_no_harm() {
    let name = "a_host_thread_that_visits_during_forks_does_no_harm";
    in_fresh_process(module_path!(), name, || {
        let main = register_main();
        let end = Arc::new(AtomicBool::new(false));
        let visits = Arc::new(AtomicUsize::new(0));
        let (flag, count) = (end.clone(), visits.clone());
        let host = std::thread::spawn(move || {
            while !flag.load(Ordering::SeqCst) {
                // What it holds and what it makes must not be found half done in a child.
                sharing::visit(|| *MADE.lock().unwrap() += 1);
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        for _ in 0..50 {
            let before = visits.load(Ordering::SeqCst);
            while visits.load(Ordering::SeqCst) == before {
                std::thread::yield_now();
            }
            let child = process::spawn_child(&main, |thread| {
                let is_free = MADE.try_lock().is_ok();
                // Nobody in the child waits for the visitor, who does not come along.
                let second =
                    thread::spawn(thread, "second", STACK, |_| assert!(world::is_shared()));
                let joined = second.unwrap().join(thread, Some(far()));
                sharing::visit(|| ());
                i32::from(joined.is_err() || !is_free)
            });
            let status = child.unwrap().wait(&main, Some(far())).unwrap();
            assert_eq!(status.expect("the child hung").exit_code(), 0);
        }
        end.store(true, Ordering::SeqCst);
        main.detached(|| host.join()).unwrap();
    });
}
