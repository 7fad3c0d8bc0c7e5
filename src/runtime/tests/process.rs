//! The table of children: statuses, waits of both kinds, signals.

use super::{STACK, far, milliseconds};
use crate::runtime::blocking::sleep_until;
use crate::runtime::fork::{ForkSide, fork};
use crate::runtime::pending::Pending;
use crate::runtime::process::{
    self, Child, ChildError, ExitStatus, active_children, spawn_child, wait_any, wait_pid,
};
use crate::runtime::testing::{in_fresh_process, register_main};
use crate::runtime::thread::{self, ThreadHandle};

fn sleeper(main: &ThreadHandle) -> Child {
    spawn_child(main, |thread| {
        let _ = sleep_until(thread, far());
        9
    })
    .unwrap()
}

#[test]
fn a_child_that_is_gone_is_not_the_next_one() {
    in_fresh_process(
        module_path!(),
        "a_child_that_is_gone_is_not_the_next_one",
        || {
            let main = register_main();
            process::prepare();
            let mut known = Vec::new();
            for code in 0..20 {
                let child = spawn_child(&main, move |_| code).unwrap();
                let status = child.wait(&main, Some(far())).unwrap();
                assert_eq!(status, Some(ExitStatus::Exited(code)));
                // Every third is kept, so that its place cannot be the next one's.
                if code % 3 == 0 {
                    known.push((child.pid(), child));
                }
            }
            for (index, (pid, child)) in known.iter().enumerate() {
                assert_eq!(child.pid(), *pid);
                assert_eq!(child.exit_code(), Some(3 * index as i32));
            }
        },
    );
}

#[test]
fn statuses_are_told_as_often_as_asked() {
    in_fresh_process(
        module_path!(),
        "statuses_are_told_as_often_as_asked",
        || {
            let main = register_main();
            let child = spawn_child(&main, |_| 3).unwrap();
            for _ in 0..3 {
                let status = child.wait(&main, Some(far())).unwrap();
                assert_eq!(status, Some(ExitStatus::Exited(3)));
            }
            assert_eq!(child.exit_code(), Some(3));
            let child = sleeper(&main);
            assert!(child.is_alive());
            assert_eq!(active_children(), std::slice::from_ref(&child));
            let end = milliseconds(20);
            assert_eq!(child.wait(&main, Some(end)).unwrap(), None);
            assert!(end.has_passed());
            child.signal(libc::SIGTERM).unwrap();
            assert!(child.wait(&main, None).unwrap().is_some());
            assert_eq!(child.exit_code(), Some(-libc::SIGTERM));
            child.signal(libc::SIGTERM).unwrap();
            assert_eq!(active_children(), []);
            // A panic of the interpreter itself is an error, not a success.
            let child = spawn_child(&main, |_| {
                std::panic::set_hook(Box::new(|_| ()));
                panic!("on purpose")
            });
            assert_eq!(
                child.unwrap().wait(&main, Some(far())).unwrap(),
                Some(ExitStatus::Exited(1))
            );
        },
    );
}

#[test]
fn a_join_is_interrupted() {
    in_fresh_process(module_path!(), "a_join_is_interrupted", || {
        let main = register_main();
        let child = sleeper(&main);
        let target = ThreadHandle::clone(&main);
        let other = thread::spawn(&main, "interrupter", STACK, move |thread| {
            sleep_until(thread, milliseconds(10)).unwrap();
            target.interrupt(Pending::INTERRUPT);
        });
        assert!(matches!(
            child.wait(&main, None),
            Err(ChildError::Interrupted(Pending::INTERRUPT))
        ));
        main.safepoint();
        other.unwrap().join(&main, None).unwrap();
        child.signal(libc::SIGKILL).unwrap();
        assert_eq!(
            child.wait(&main, None).unwrap(),
            Some(ExitStatus::Signalled {
                signal: libc::SIGKILL,
                core: false
            })
        );
    });
}

#[test]
fn no_status_is_lost_between_the_two_kinds_of_waiting() {
    let name = "no_status_is_lost_between_the_two_kinds_of_waiting";
    in_fresh_process(module_path!(), name, || {
        let main = register_main();
        assert!(matches!(wait_any(&main), Err(ChildError::NoChild)));
        // The script's wait first, then the object.
        let child = spawn_child(&main, |_| 5).unwrap();
        assert_eq!(wait_any(&main).unwrap(), (child.pid(), 5 << 8));
        assert_eq!(child.exit_code(), Some(5));
        assert_eq!(
            child.wait(&main, None).unwrap(),
            Some(ExitStatus::Exited(5))
        );
        assert!(matches!(
            wait_pid(&main, child.pid(), 0),
            Err(ChildError::NoChild)
        ));
        // The object first, then the script's wait by number, once.
        let child = spawn_child(&main, |_| 6).unwrap();
        child.wait(&main, None).unwrap();
        assert!(matches!(wait_any(&main), Err(ChildError::NoChild)));
        let ended = wait_pid(&main, child.pid(), 0).unwrap();
        assert_eq!(ended, Some((child.pid(), 6 << 8)));
        assert!(matches!(
            wait_pid(&main, child.pid(), 0),
            Err(ChildError::NoChild)
        ));
        // Both at once.
        for _ in 0..50 {
            let child = spawn_child(&main, |_| 4).unwrap();
            let pid = child.pid();
            let waiter = thread::spawn(&main, "waiter", STACK, move |thread| {
                assert_eq!(wait_pid(thread, pid, 0).unwrap(), Some((pid, 4 << 8)));
            });
            assert_eq!(
                child.wait(&main, None).unwrap(),
                Some(ExitStatus::Exited(4))
            );
            assert_eq!(waiter.unwrap().join(&main, Some(far())), Ok(true));
        }
    });
}

#[test]
fn wait_takes_each_child_once() {
    in_fresh_process(module_path!(), "wait_takes_each_child_once", || {
        let main = register_main();
        let mut expected = Vec::new();
        for code in 0..10 {
            match fork(&main).unwrap() {
                ForkSide::Child => {
                    let delay = milliseconds(10 - code as u64);
                    let _ = sleep_until(&main, delay);
                    process::exit_now(&main, code)
                }
                ForkSide::Parent { pid } => expected.push((pid, code << 8)),
            }
        }
        assert_eq!(active_children(), []);
        let mut seen: Vec<_> = (0..10).map(|_| wait_any(&main).unwrap()).collect();
        seen.sort_unstable();
        expected.sort_unstable();
        assert_eq!(seen, expected);
        assert!(matches!(wait_any(&main), Err(ChildError::NoChild)));
        assert_eq!(process::living_count(), 0);
    });
}

#[test]
fn waitpid_knows_its_options() {
    in_fresh_process(module_path!(), "waitpid_knows_its_options", || {
        let main = register_main();
        let child = sleeper(&main);
        let pid = child.pid();
        assert_eq!(wait_pid(&main, pid, libc::WNOHANG).unwrap(), None);
        assert_eq!(wait_pid(&main, -1, libc::WNOHANG).unwrap(), None);
        assert_eq!(wait_pid(&main, 0, libc::WNOHANG).unwrap(), None);
        assert!(matches!(wait_pid(&main, 1, 0), Err(ChildError::NoChild)));
        assert!(matches!(
            wait_pid(&main, pid, 0x4000),
            Err(ChildError::Os(error)) if error.raw_os_error() == Some(libc::EINVAL)
        ));
        child.signal(libc::SIGSTOP).unwrap();
        let stopped = wait_pid(&main, pid, libc::WUNTRACED).unwrap();
        assert_eq!(stopped, Some((pid, libc::SIGSTOP << 8 | 0x7f)));
        child.signal(libc::SIGCONT).unwrap();
        let continued = wait_pid(&main, pid, libc::WCONTINUED).unwrap();
        assert_eq!(continued, Some((pid, 0xffff)));
        child.signal(libc::SIGKILL).unwrap();
        assert_eq!(wait_pid(&main, pid, 0).unwrap(), Some((pid, libc::SIGKILL)));
        assert_eq!(child.exit_code(), Some(-libc::SIGKILL));
    });
}

#[test]
fn a_wait_learns_of_children_forked_later() {
    let name = "a_wait_learns_of_children_forked_later";
    in_fresh_process(module_path!(), name, || {
        let main = register_main();
        let first = sleeper(&main);
        let waiter = thread::spawn(&main, "waiter", STACK, |thread| {
            let (_, status) = wait_any(thread).unwrap();
            assert_eq!(status, 2 << 8);
        })
        .unwrap();
        while waiter.waits_for().is_none() {
            sleep_until(&main, milliseconds(1)).unwrap();
        }
        let second = spawn_child(&main, |_| 2).unwrap();
        assert_eq!(waiter.join(&main, Some(far())), Ok(true));
        assert_eq!(second.exit_code(), Some(2));
        first.signal(libc::SIGKILL).unwrap();
        first.wait(&main, None).unwrap();
    });
}

#[test]
fn a_child_is_not_its_siblings() {
    in_fresh_process(module_path!(), "a_child_is_not_its_siblings", || {
        let main = register_main();
        let first = sleeper(&main);
        let second = spawn_child(&main, |thread| {
            assert!(!first.is_own());
            assert!(matches!(
                first.wait(thread, None),
                Err(ChildError::OfAnother)
            ));
            assert!(matches!(wait_any(thread), Err(ChildError::NoChild)));
            assert_eq!(active_children(), []);
            first.signal(libc::SIGTERM).unwrap();
            0
        });
        let second = second.unwrap();
        assert_eq!(
            second.wait(&main, None).unwrap(),
            Some(ExitStatus::Exited(0))
        );
        assert!(first.wait(&main, None).unwrap().is_some());
        assert_eq!(first.exit_code(), Some(-libc::SIGTERM));
    });
}

#[test]
fn waits_work_on_a_kernel_without_pidfds() {
    let name = "waits_work_on_a_kernel_without_pidfds";
    in_fresh_process(module_path!(), name, || {
        let main = register_main();
        process::pretend_pidfds_are_missing();
        let child = spawn_child(&main, |thread| {
            let _ = sleep_until(thread, milliseconds(30));
            3
        })
        .unwrap();
        assert!(child.descriptor().is_err());
        assert_eq!(child.wait(&main, Some(milliseconds(1))).unwrap(), None);
        let status = child.wait(&main, None).unwrap();
        assert_eq!(status, Some(ExitStatus::Exited(3)));
        let child = sleeper(&main);
        child.signal(libc::SIGKILL).unwrap();
        assert_eq!(wait_any(&main).unwrap(), (child.pid(), libc::SIGKILL));
        let child = sleeper(&main);
        main.interrupt(Pending::INTERRUPT);
        assert!(matches!(
            child.wait(&main, None),
            Err(ChildError::Interrupted(Pending::INTERRUPT))
        ));
        main.safepoint();
        child.signal(libc::SIGKILL).unwrap();
        assert!(child.wait(&main, None).unwrap().is_some());
    });
}
