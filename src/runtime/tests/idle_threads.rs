//! Native threads that are kept for the next thread that starts.

use super::{STACK, far, milliseconds};
use crate::runtime::blocking::sleep_until;
use crate::runtime::clock::Deadline;
use crate::runtime::fork::set_owns_process;
use crate::runtime::idle_threads;
use crate::runtime::testing::{in_fresh_process, register_main};
use crate::runtime::thread;
use std::time::Duration;

#[test]
fn native_threads_are_kept_a_moment() {
    in_fresh_process(module_path!(), "native_threads_are_kept_a_moment", || {
        let main = register_main();
        let run = |stack_size| {
            let thread = thread::spawn(&main, "short", stack_size, |_| {}).unwrap();
            assert_eq!(thread.join(&main, None), Ok(true));
            thread.native_id()
        };
        let tasks = || std::fs::read_dir("/proc/self/task").unwrap().count();
        let limit = far();
        let until = |condition: &dyn Fn() -> bool| {
            while !condition() {
                assert!(!limit.has_passed());
                sleep_until(&main, milliseconds(1)).unwrap();
            }
        };
        let before = tasks();
        assert_ne!(
            run(STACK),
            run(STACK),
            "a host's threads are its own business"
        );
        set_owns_process(true);
        until(&|| run(STACK) == run(STACK));
        assert_ne!(run(STACK), run(2 * STACK));
        // More than are kept.
        let threads: Vec<_> = (0..20)
            .map(|_| {
                thread::spawn(&main, "one of many", STACK, |thread| {
                    sleep_until(thread, milliseconds(5)).unwrap();
                })
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.unwrap().join(&main, None), Ok(true));
        }
        until(&|| tasks() == before);
        // About when the time is over.
        for delay in 0..60 {
            run(STACK);
            let delay = Duration::from_micros(9_000 + 40 * delay);
            sleep_until(&main, Deadline::after(delay)).unwrap();
        }
        until(&|| {
            run(STACK);
            idle_threads::send_away(&main)
        });
        until(&|| tasks() == before);
        idle_threads::stop_reuse();
        assert_ne!(run(STACK), run(STACK));
    });
}
