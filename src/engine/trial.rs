//! What fuzzers run: programs and messages in a session that reaches neither files nor processes nor threads, and ends
//! after a bounded number of steps. Built for fuzzers only; it must not be part of the public face.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::Program;
use super::core::{Core, SessionOptions};
use super::program::CompileOptions;
use crate::diagnostics;
use crate::eval::context::Context;
use crate::library::message::{Receiver, decode, encode};
use crate::runtime::output::Output;
use crate::runtime::pending::Pending;
use crate::syntax::{self, source::Source};
use crate::value::exception::{Raised, Stop};
use crate::value::{Outcome, text};

/// Pending for a thread whose steps are counted.
const COUNTED: Pending = Pending::user(9);

/// How many steps are left.
#[derive(Default)]
struct Steps(AtomicU32);

/// Words that a program must not have: what reaches out of the process, ends it or waits for something outside.
const OUTSIDE: &[&str] = &[
    "open",
    "os",
    "fork",
    "Process",
    "Pool",
    "Thread",
    "thread",
    "Manager",
    "Queue",
    "Lock",
    "input",
    "exit",
    "quit",
    "wait",
    "sleep",
    "multiprocessing",
    "signal",
    "stdin",
    "breakpoint",
    "posix",
    "getattr_",
    "builtins",
    "__builtins__",
    "__import__",
    "Event",
    "Condition",
    "Semaphore",
    "Barrier",
    "Timer",
    "Value",
    "Array",
    "queue",
    "exec",
    "eval",
];

fn reaches_outside(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|word| OUTSIDE.contains(&word))
}

fn on_pending(cx: &mut Context, pending: Pending) -> Outcome<()> {
    if pending.contains(COUNTED) {
        // Pending again at once: every safepoint counts.
        cx.thread.interrupt(COUNTED);
        let steps = cx.session.extensions.get::<Steps>();
        let left = steps.0.load(Ordering::Relaxed);
        if left == 0 {
            return Err(Raised::stop(Stop::Limit("steps")));
        }
        steps.0.store(left - 1, Ordering::Relaxed);
    }
    Ok(())
}

fn session(optimise: bool) -> Core {
    let (stdout, _) = Output::to_memory();
    let (stderr, _) = Output::to_memory();
    Core::new(SessionOptions {
        stdout,
        stderr,
        arguments: vec!["fuzz".to_owned()],
        search_path: Vec::new(),
        optimise,
        show: |_, _| Ok(()),
        on_pending,
        show_uncaught: diagnostics::show_uncaught,
    })
}

/// What ends with the session may run code, too.
fn clear(session: &Core) {
    let main = &session.state().main;
    for (name, _) in main.entries() {
        let old = main.cell(name).unset();
        drop(old);
    }
}

/// Resolves a tree in both modes; errors must have a place in the text.
pub fn resolve(module: &syntax::ast::Module, source: &Arc<Source>) {
    for optimise in [false, true] {
        let options = CompileOptions {
            optimise,
            ..CompileOptions::default()
        };
        if let Err(error) = Program::resolve(module, source, options) {
            error.to_plain_text(source);
        }
    }
}

/// Compiles and runs a program for at most this many steps.
pub fn run(text: &str, steps: u32, optimise: bool) {
    if reaches_outside(text) {
        return;
    }
    let source = Arc::new(Source::new("fuzz", text));
    let options = CompileOptions {
        optimise,
        ..CompileOptions::default()
    };
    let Ok(program) = Program::compile(&source, options) else {
        return;
    };
    let session = session(optimise);
    session.enter(|cx| {
        cx.session
            .extensions
            .get::<Steps>()
            .0
            .store(steps, Ordering::Relaxed);
        cx.thread.interrupt(COUNTED);
        if let Err(raised) = session.run_in(cx, &program) {
            let place = crate::eval::session::UncaughtIn::Main;
            if raised.exception().is_some() {
                diagnostics::show_uncaught(cx, &raised, &place);
            }
        }
        clear(&session);
        cx.thread.take_pending(COUNTED);
    });
}

/// Decodes a message; what comes out is encoded and decoded again, which must give the same message.
pub fn message(bytes: &[u8]) {
    if reaches_outside(&String::from_utf8_lossy(bytes)) {
        return;
    }
    let session = session(true);
    session.enter(|cx| {
        cx.session
            .extensions
            .get::<Steps>()
            .0
            .store(20_000, Ordering::Relaxed);
        cx.thread.interrupt(COUNTED);
        if let Ok(value) = decode(cx, bytes) {
            let _ = text::repr(cx, &value);
            if let Ok(first) = encode(cx, &value, Receiver::default()) {
                match decode(cx, &first) {
                    Ok(again) => {
                        let _ = text::repr(cx, &again);
                    }
                    Err(raised) if raised.exception().is_none() => {}
                    Err(_) => {}
                }
            }
        }
        clear(&session);
        cx.thread.take_pending(COUNTED);
    });
}
