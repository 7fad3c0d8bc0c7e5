//! Signals reach the main thread wherever it is.

use super::{STACK, far, milliseconds};
use crate::runtime::blocking::{Outcome, Reason, ReasonKind, Wait, blocking, sleep_until};
use crate::runtime::pending::Pending;
use crate::runtime::process::{ExitStatus, spawn_child};
use crate::runtime::signal;
use crate::runtime::testing::{in_fresh_process, register_main};
use crate::runtime::thread;
use crate::runtime::thread_lock::{LockError, ThreadLock};
use crate::runtime::world;

fn kill_self(signal: i32) {
    // SAFETY: no pointers are involved.
    unsafe { libc::kill(libc::getpid(), signal) };
}

#[test]
fn a_signal_interrupts_the_main_thread() {
    in_fresh_process(
        module_path!(),
        "a_signal_interrupts_the_main_thread",
        || {
            let main = register_main();
            signal::install(libc::SIGUSR1).unwrap();
            // While it runs.
            kill_self(libc::SIGUSR1);
            // The harness's own thread may be the one that gets it.
            while !world::poll_requested() {
                std::hint::spin_loop();
            }
            assert_eq!(main.safepoint(), Pending::SIGNALS);
            let arrived = signal::take_pending();
            assert_eq!(arrived.signals.iter().collect::<Vec<_>>(), [libc::SIGUSR1]);
            assert!(arrived.from_kernel.is_empty());
            assert!(signal::take_pending().signals.is_empty());
            assert!(!world::poll_requested());
            // While it blocks, sent by another thread, which may well be the one that gets it.
            let lock = ThreadLock::new();
            lock.acquire(&main, None).unwrap();
            for round in 0..30 {
                let other = thread::spawn(&main, "sender", STACK, move |thread| {
                    let _ = sleep_until(thread, milliseconds(round % 4));
                    kill_self(libc::SIGUSR1);
                })
                .unwrap();
                if round % 2 == 0 {
                    assert_eq!(
                        lock.acquire(&main, None),
                        Err(LockError::Interrupted(Pending::SIGNALS))
                    );
                } else {
                    let reason = Reason::new(ReasonKind::Sleep);
                    assert_eq!(
                        blocking(&main, &reason, None, Wait::Nothing),
                        Outcome::Interrupted(Pending::SIGNALS)
                    );
                }
                assert_eq!(main.safepoint(), Pending::SIGNALS);
                assert!(signal::take_pending().signals.contains(libc::SIGUSR1));
                other.join(&main, Some(far())).unwrap();
            }
        },
    );
}

#[test]
fn a_child_dies_by_the_signal_it_raises() {
    in_fresh_process(
        module_path!(),
        "a_child_dies_by_the_signal_it_raises",
        || {
            let main = register_main();
            signal::install(libc::SIGINT).unwrap();
            let child = spawn_child(&main, |_| signal::raise_default(libc::SIGINT)).unwrap();
            let status = child.wait(&main, Some(far())).unwrap();
            assert!(matches!(
                status,
                Some(ExitStatus::Signalled {
                    signal: libc::SIGINT,
                    ..
                })
            ));
            // What arrived in the parent is not the child's.
            kill_self(libc::SIGINT);
            while !world::poll_requested() {
                std::hint::spin_loop();
            }
            let child = spawn_child(&main, |_| {
                i32::from(!signal::take_pending().signals.is_empty())
            });
            assert_eq!(main.safepoint(), Pending::SIGNALS);
            assert!(signal::take_pending().signals.contains(libc::SIGINT));
            let status = child.unwrap().wait(&main, Some(far())).unwrap();
            assert_eq!(status, Some(ExitStatus::Exited(0)));
            signal::restore(libc::SIGINT).unwrap();
            let child = spawn_child(&main, |thread| {
                kill_self(libc::SIGINT);
                let _ = sleep_until(thread, far());
                0
            });
            let status = child.unwrap().wait(&main, Some(far())).unwrap();
            assert_eq!(status.map(ExitStatus::exit_code), Some(-libc::SIGINT));
        },
    );
}
