//! The one door: deadlines, wake-ups and interrupts in each form of waiting.

use super::{STACK, far, milliseconds};
use crate::runtime::blocking::{
    Descriptor, Outcome, Reason, ReasonKind, Wait, Word, blocking, blocking_unless, sleep_until,
};
use crate::runtime::clock::Deadline;
use crate::runtime::futex;
use crate::runtime::pending::Pending;
use crate::runtime::testing::{in_fresh_process, register_main};
use crate::runtime::thread::{self, ThreadHandle};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const REASON: Reason = Reason::new(ReasonKind::Other("test"));

fn pipe() -> (OwnedFd, OwnedFd) {
    nix::unistd::pipe().unwrap()
}

/// Calls `then` with each form of waiting for something that does not happen.
fn each_form(mut then: impl FnMut(&str, &dyn Fn(&ThreadHandle, Option<Deadline>) -> Outcome)) {
    let word = AtomicU32::new(5);
    let (reader, _writer) = pipe();
    for shared in [false, true] {
        then("word", &|thread, deadline| {
            let wait = Wait::Word {
                word: &word,
                expected: 5,
                shared,
            };
            blocking(thread, &REASON, deadline, wait)
        });
    }
    for count in [1, 2, 5, 200] {
        then("words", &|thread, deadline| {
            let words = vec![
                Word {
                    word: &word,
                    expected: 5,
                    shared: false
                };
                count
            ];
            blocking(thread, &REASON, deadline, Wait::Words(&words))
        });
    }
    let fd = reader.as_raw_fd();
    then("descriptor", &|thread, deadline| {
        let events = libc::POLLIN;
        blocking(thread, &REASON, deadline, Wait::Descriptor { fd, events })
    });
    then("descriptors", &|thread, deadline| {
        let mut list = [Descriptor::new(fd, libc::POLLIN); 3];
        blocking(thread, &REASON, deadline, Wait::Descriptors(&mut list))
    });
    then("nothing", &|thread, deadline| {
        blocking(thread, &REASON, deadline, Wait::Nothing)
    });
}

#[test]
fn deadlines_end_every_form() {
    in_fresh_process(module_path!(), "deadlines_end_every_form", check_deadlines);
}

#[test]
fn deadlines_end_every_form_on_an_old_kernel() {
    let name = "deadlines_end_every_form_on_an_old_kernel";
    in_fresh_process(module_path!(), name, || {
        futex::pretend_wait_any_is_missing();
        check_deadlines();
    });
}

fn check_deadlines() {
    let main = register_main();
    each_form(|form, wait| {
        for delay in [0, 1, 30] {
            let started = Deadline::now();
            let deadline = milliseconds(delay);
            loop {
                match wait(&main, Some(deadline)) {
                    Outcome::TimedOut => break,
                    Outcome::Woken => assert!(form == "words", "{form}: woken for nothing"),
                    Outcome::Interrupted(bits) => panic!("{form}: {bits:?}"),
                }
            }
            assert!(deadline.has_passed(), "{form}: too early");
            let late = started
                .elapsed()
                .saturating_sub(Duration::from_millis(delay));
            assert!(late < Duration::from_secs(5), "{form}: {late:?} too late");
        }
        assert!(main.waits_for().is_none());
    });
}

#[test]
fn interrupts_reach_every_form() {
    in_fresh_process(
        module_path!(),
        "interrupts_reach_every_form",
        check_interrupts,
    );
}

#[test]
fn interrupts_reach_every_form_on_an_old_kernel() {
    let name = "interrupts_reach_every_form_on_an_old_kernel";
    in_fresh_process(module_path!(), name, || {
        futex::pretend_wait_any_is_missing();
        check_interrupts();
    });
}

fn check_interrupts() {
    let main = register_main();
    each_form(|form, wait| {
        // Pending already: at once.
        main.interrupt(Pending::INTERRUPT);
        assert_eq!(
            wait(&main, None),
            Outcome::Interrupted(Pending::INTERRUPT),
            "{form}"
        );
        // It stays pending until a safepoint.
        assert_eq!(
            wait(&main, None),
            Outcome::Interrupted(Pending::INTERRUPT),
            "{form}"
        );
        assert_eq!(main.safepoint(), Pending::INTERRUPT);
        // While it waits; timeouts so large that only an interrupt can end them.
        for deadline in [None, Some(Deadline::after_seconds(1e9))] {
            let target = ThreadHandle::clone(&main);
            let other = thread::spawn(&main, "interrupter", STACK, move |thread| {
                while target.waits_for().is_none() {
                    sleep_until(thread, milliseconds(1)).unwrap();
                }
                sleep_until(thread, milliseconds(5)).unwrap();
                target.interrupt(Pending::STOP);
            });
            let outcome = loop {
                match wait(&main, deadline) {
                    Outcome::Woken => {}
                    outcome => break outcome,
                }
            };
            assert_eq!(outcome, Outcome::Interrupted(Pending::STOP), "{form}");
            assert_eq!(main.safepoint(), Pending::STOP);
            other.unwrap().join(&main, Some(far())).unwrap();
        }
    });
}

#[test]
fn masked_interrupts_stay_pending() {
    in_fresh_process(module_path!(), "masked_interrupts_stay_pending", || {
        let main = register_main();
        main.interrupt(Pending::INTERRUPT);
        let word = AtomicU32::new(0);
        let wait = || Wait::Word {
            word: &word,
            expected: 0,
            shared: false,
        };
        let end = Some(milliseconds(20));
        let outcome = blocking_unless(&main, &REASON, end, wait(), Pending::STOP);
        assert_eq!(outcome, Outcome::TimedOut);
        let target = ThreadHandle::clone(&main);
        let other = thread::spawn(&main, "interrupter", STACK, move |thread| {
            sleep_until(thread, milliseconds(5)).unwrap();
            target.interrupt(Pending::SIGNALS);
            sleep_until(thread, milliseconds(5)).unwrap();
            target.interrupt(Pending::STOP);
        });
        let outcome = blocking_unless(&main, &REASON, None, wait(), Pending::STOP);
        assert_eq!(outcome, Outcome::Interrupted(Pending::STOP));
        assert_eq!(
            main.safepoint(),
            Pending::STOP | Pending::SIGNALS | Pending::INTERRUPT
        );
        assert_eq!(other.unwrap().join(&main, Some(far())), Ok(true));
    });
}

#[test]
fn wake_ups_need_no_second_look() {
    in_fresh_process(module_path!(), "wake_ups_need_no_second_look", || {
        // Two threads hand a word to and fro without deadlines: a lost wake-up hangs.
        let main = register_main();
        let word = Arc::new(AtomicU32::new(0));
        const ROUNDS: u32 = 5_000;
        fn play(thread: &ThreadHandle, word: &AtomicU32, own: u32) {
            loop {
                let now = word.load(Ordering::Acquire);
                if now >= ROUNDS {
                    break;
                }
                if now % 2 == own {
                    word.store(now + 1, Ordering::Release);
                    futex::wake(word, 1, false);
                } else {
                    let wait = Wait::Word {
                        word,
                        expected: now,
                        shared: false,
                    };
                    blocking(thread, &REASON, None, wait);
                }
            }
        }
        let words = word.clone();
        let other = thread::spawn(&main, "other", STACK, move |thread| play(thread, &words, 1));
        play(&main, &word, 0);
        other.unwrap().join(&main, None).unwrap();
    });
}

#[test]
fn a_ready_descriptor_wakes() {
    in_fresh_process(module_path!(), "a_ready_descriptor_wakes", || {
        let main = register_main();
        let (reader, writer) = pipe();
        let (silent, _writer) = pipe();
        let other = thread::spawn(&main, "writer", STACK, move |thread| {
            sleep_until(thread, milliseconds(10)).unwrap();
            nix::unistd::write(&writer, b"x").unwrap();
            sleep_until(thread, milliseconds(10)).unwrap();
        });
        let mut list =
            [silent.as_raw_fd(), reader.as_raw_fd()].map(|fd| Descriptor::new(fd, libc::POLLIN));
        let outcome = blocking(&main, &REASON, None, Wait::Descriptors(&mut list));
        assert_eq!(outcome, Outcome::Woken);
        assert_eq!(list.map(|one| one.ready != 0), [false, true]);
        assert_eq!(nix::unistd::read(&reader, &mut [0; 8]), Ok(1));
        // The other end goes away.
        let outcome = blocking(&main, &REASON, None, Wait::Descriptors(&mut list));
        assert_eq!(outcome, Outcome::Woken);
        other.unwrap().join(&main, None).unwrap();
    });
}

#[test]
fn a_thread_tells_what_it_waits_for() {
    in_fresh_process(module_path!(), "a_thread_tells_what_it_waits_for", || {
        let main = register_main();
        let other = thread::spawn(&main, "sleeper", STACK, |thread| {
            let reason = Reason::new(ReasonKind::QueueGet)
                .about(7)
                .named("jobs".into());
            let outcome = blocking(thread, &reason, None, Wait::Nothing);
            assert_eq!(outcome, Outcome::Interrupted(Pending::STOP));
        })
        .unwrap();
        let record = loop {
            match other.waits_for() {
                Some(record) => break record,
                None => sleep_until(&main, milliseconds(1)).unwrap(),
            }
        };
        assert_eq!(record.reason.kind, ReasonKind::QueueGet);
        assert_eq!(record.reason.object, 7);
        assert_eq!(record.reason.text.as_deref(), Some("jobs"));
        let parks = other.parks();
        assert_eq!(other.parks(), parks);
        other.interrupt(Pending::STOP);
        assert_eq!(other.join(&main, Some(far())), Ok(true));
        assert!(other.parks() > parks);
    });
}
