//! Signals of the process that the command owns: an interrupt becomes `KeyboardInterrupt` in the
//! main thread. It must not know what a script does with it.

use crate::eval::context::Context;
use crate::eval::place;
use crate::library::modules::{multiprocessing, signal as signals};
use crate::runtime::parent;
use crate::runtime::pending::Pending;
use crate::runtime::{child_bell, report, signal};
use crate::value::Outcome;
use crate::value::exception::{ExceptionKind, Raised};

/// Takes over the signals that a script is told of by exceptions.
pub(super) fn install() {
    // Writing to a closed pipe, or beyond the limit of a file's size, is an error of the write.
    for signal in [libc::SIGPIPE, libc::SIGXFSZ] {
        // Nothing depends on it but which of two errors is seen.
        let _ = signal::ignore(signal);
    }
    // The standard library looks at these first, and forgets one that was sent instead of being caused. Recursion is
    // bounded otherwise.
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        let _ = signal::set_default(signal);
    }
    // Without it the ends of workers are found by looking, later.
    let _ = child_bell::install();
    // Whoever started the program may have wanted it not to be interrupted, as `nohup` does.
    if !is_ignored(libc::SIGINT) {
        let _ = signal::install(libc::SIGINT);
    }
}

fn is_ignored(signal: i32) -> bool {
    // SAFETY: all zero is a valid disposition to be overwritten.
    let mut action = unsafe { std::mem::zeroed::<libc::sigaction>() };
    // SAFETY: only asks; `action` is a valid place.
    let known = unsafe { libc::sigaction(signal, std::ptr::null(), &mut action) } == 0;
    known && action.sa_sigaction == libc::SIG_IGN
}

/// Does what is pending for a thread.
///
/// # Errors
/// `KeyboardInterrupt`.
pub(super) fn on_pending(cx: &mut Context, pending: Pending) -> Outcome<()> {
    if pending.contains(Pending::OVERDUE) {
        report::warn(&format!(
            "process {} is ended: its parent {}, and thread `{}` did not stop{}",
            std::process::id(),
            if parent::looks_after_this_process() {
                "was interrupted"
            } else {
                "has died"
            },
            cx.thread.name(),
            match place::find(cx.place()) {
                Some(place) => format!(" at {}:{}", place.file(), place.line),
                None => String::new(),
            }
        ));
    }
    if pending.contains(Pending::CHILDREN) {
        multiprocessing::replace_dead_workers(cx)?;
    }
    if pending.contains(Pending::SIGNALS) {
        let arrived = signal::take_pending();
        // One from the terminal reaches the whole tree: the parent deals with it for its children.
        let left = signals::deliver(cx, arrived.signals)?;
        let is_mine =
            !(arrived.from_kernel.contains(libc::SIGINT) && parent::looks_after_this_process());
        if left.contains(&libc::SIGINT) && is_mine {
            return Err(Raised::with_args(
                ExceptionKind::KeyboardInterrupt,
                Vec::new(),
            ));
        }
    }
    Ok(())
}
