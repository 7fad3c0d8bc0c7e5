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
use crate::runtime::sharing;
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
    "_thread",
    "ThreadPool",
    "ThreadPoolExecutor",
    "start_new_thread",
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

/// Does something in a new session.
fn in_session<R>(optimise: bool, work: impl FnOnce(&Core, &mut Context) -> R) -> R {
    let session = sharing::visit(|| session(optimise));
    let result = session.enter(|cx| work(&session, cx));
    sharing::visit(|| drop(session));
    result
}

fn compile(source: &Arc<Source>, options: CompileOptions) -> Option<Program> {
    sharing::visit(|| Program::compile(source, options)).ok()
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
    let Some(program) = compile(&source, options) else {
        return;
    };
    in_session(optimise, |session, cx| {
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
        clear(session);
        cx.thread.take_pending(COUNTED);
    });
}

/// One of each kind of object that travels, in the variable `samples`.
const SAMPLES: &str = include_str!("trial_samples.conc");

thread_local! {
    /// The messages of the samples in pieces, made once.
    static PIECES: std::cell::OnceCell<Vec<Vec<Vec<u8>>>> = const { std::cell::OnceCell::new() };
}

fn sample_pieces() -> Vec<Vec<Vec<u8>>> {
    let source = Arc::new(Source::new("samples", SAMPLES));
    let program = compile(&source, CompileOptions::default())
        .unwrap_or_else(|| panic!("the samples are no program"));
    in_session(true, |session, cx| {
        if let Err(raised) = session.run_in(cx, &program) {
            let shown = raised
                .exception()
                .map(|exception| text::repr(cx, &crate::value::Value::Instance(exception.clone())));
            panic!("the samples fail: {shown:?}");
        }
        let main = &session.state().main;
        let samples = main.get(crate::value::name::Name::new("samples"));
        let Some(crate::value::Value::List(samples)) = samples else {
            panic!("there are no samples");
        };
        let receiver = Receiver::default();
        let pieces = samples
            .snapshot()
            .iter()
            .filter_map(|sample| crate::library::message::pieces(cx, sample, receiver))
            .collect();
        clear(session);
        pieces
    })
}

/// Decodes a changed message of real objects. The first byte chooses the sample; what follows changes its pieces, four
/// bytes a change: what is done, where (two bytes), and with what.
pub fn changed_message(bytes: &[u8]) {
    let Some((&choice, changes)) = bytes.split_first() else {
        return;
    };
    let changed = PIECES.with(|known| {
        let samples = known.get_or_init(sample_pieces);
        let mut pieces = samples[usize::from(choice) % samples.len()].clone();
        for change in changes.chunks_exact(4).take(64) {
            let [what, low, high, with] = [change[0], change[1], change[2], change[3]];
            if pieces.is_empty() || pieces.len() > 5_000 {
                break;
            }
            let at = usize::from(u16::from_le_bytes([low, high])) % pieces.len();
            let other = &samples[usize::from(with) % samples.len()];
            match what % 8 {
                // Another tag, or a small number.
                0 | 1 => pieces[at] = vec![with % 40],
                // A number where it matters.
                2 => {
                    const EDGES: [u64; 8] = [
                        0,
                        1,
                        127,
                        128,
                        u32::MAX as u64,
                        i64::MAX as u64,
                        u64::MAX,
                        1 << 40,
                    ];
                    let mut number = EDGES[usize::from(with) % EDGES.len()];
                    let mut piece = Vec::new();
                    while number >= 0x80 {
                        piece.push(number as u8 | 0x80);
                        number >>= 7;
                    }
                    piece.push(number as u8);
                    pieces[at] = piece;
                }
                3 => {
                    pieces.remove(at);
                }
                4 => pieces.insert(at, vec![with]),
                // A part of another message in the place of what follows.
                5 => {
                    let from = (at * 7) % other.len();
                    let end = (from + 1 + usize::from(with) % 30).min(other.len());
                    pieces.splice(at..at, other[from..end].to_vec());
                }
                6 => {
                    let end = (at + 1 + usize::from(with) % 30).min(pieces.len());
                    let copied = pieces[at..end].to_vec();
                    pieces.splice(at..at, copied);
                }
                _ => {
                    let other = (at + 1 + usize::from(with)) % pieces.len();
                    pieces.swap(at, other);
                }
            }
        }
        pieces.concat()
    });
    message(&changed);
}

/// Decodes a message; what comes out is encoded and decoded again, which must give the same message.
pub fn message(bytes: &[u8]) {
    if reaches_outside(&String::from_utf8_lossy(bytes)) {
        return;
    }
    in_session(true, |session, cx| {
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
        clear(session);
        cx.thread.take_pending(COUNTED);
    });
}
