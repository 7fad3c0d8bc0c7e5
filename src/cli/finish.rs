//! The end of a program: what is still to be done when its main part has ended, and the status
//! that tells others how it went. It must not know how the program was started.

use std::os::fd::{AsFd, BorrowedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::show;
use crate::eval::attribute;
use crate::eval::collector;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::exceptions::str_of;
use crate::library::modules::threading::at_exit::join_all_at_exit;
use crate::library::modules::{atexit, multiprocessing};
use crate::library::output::flush;
use crate::library::unseen;
use crate::runtime::{fork, signal, slot};
use crate::value::exception::{ExceptionKind, Raised, Stop, Unwind};
use crate::value::name::Name;
use crate::value::{Outcome, Value, text};

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With a status.
    Status(u8),
    /// By a signal.
    Signal(i32),
}

/// CPython's status for output that could not be written when everything else was done.
const UNWRITTEN: u8 = 120;
/// The status of a program with an error in a thread, a child or a task that nobody looked at.
const UNSEEN: u8 = 1;
const UNWRITTEN_TEXT: &str =
    "Exception ignored in: <_io.TextIOWrapper name='<stdout>' mode='w' encoding='utf-8'>\n";

/// Does everything that is due when the main part of the program has ended.
// Apart: its variables would be on the stack while the program runs.
#[inline(never)]
pub(super) fn finish(cx: &mut Context, result: Outcome<Value>) -> End {
    // One that came during the last statement, a long computation perhaps, is served before the program is at its end.
    let result = match result {
        Ok(value) => interrupt::at_safepoint(cx).map(|()| value),
        failed => failed,
    };
    let failed = matches!(&result, Err(raised) if !raised.is(ExceptionKind::SystemExit));
    let mut end = match result {
        Ok(_) => End::Status(0),
        Err(raised) => after_exception(cx, &raised),
    };
    if let Some(raised) = join_all_at_exit(cx, failed) {
        end = after_exception(cx, &raised);
    }
    if let Err(raised) = atexit::run(cx) {
        end = after_exception(cx, &raised);
    }
    let interrupted = end == End::Signal(libc::SIGINT);
    if let Err(raised) = multiprocessing::finish_at_exit(cx, interrupted) {
        let later = after_exception(cx, &raised);
        if end == End::Status(0) {
            end = later;
        }
    }
    if end == End::Status(0) && fork::generation() == 0 && unseen::any(cx) {
        end = End::Status(UNSEEN);
    }
    let session = cx.session.clone();
    if let Err(raised) = collector::close_all_generators(cx, &session.main) {
        end = after_exception(cx, &raised);
    }
    crate::library::files::flush_all(cx);
    if let Err(raised) = flush(cx, &session.stdout) {
        end = match raised {
            raised if is_closed_pipe(&raised) => End::Signal(libc::SIGPIPE),
            raised => {
                show::write_error(cx, UNWRITTEN_TEXT);
                show::uncaught(cx, &raised);
                match end {
                    End::Status(0) => End::Status(UNWRITTEN),
                    end => end,
                }
            }
        };
    }
    end
}

/// Shows the exception, and decides how the process ends because of it.
fn after_exception(cx: &mut Context, raised: &Raised) -> End {
    match raised.unwind() {
        Unwind::Stop(Stop::Exit(status)) => return End::Status(low_byte(i64::from(*status))),
        Unwind::Stop(Stop::Cancelled) => return End::Status(1),
        Unwind::Stop(Stop::Limit(_)) | Unwind::Exception(_) => {}
    }
    if raised.is(ExceptionKind::SystemExit) {
        return End::Status(exit_status(cx, raised));
    }
    if is_closed_pipe(raised) {
        // As programs do that never look: whoever reads has seen enough.
        return End::Signal(libc::SIGPIPE);
    }
    show::uncaught(cx, raised);
    if raised.is(ExceptionKind::KeyboardInterrupt) {
        return End::Signal(libc::SIGINT);
    }
    End::Status(1)
}

/// The status that `sys.exit` asks for.
fn exit_status(cx: &mut Context, raised: &Raised) -> u8 {
    let Some(instance) = raised.exception().cloned() else {
        return 1;
    };
    let exception = Value::Instance(instance.clone());
    let code = match attribute::get(cx, &exception, Name::new("code")) {
        Ok(code) => code,
        Err(_) => return 1,
    };
    match code.unwrapped() {
        Value::None => 0,
        Value::Bool(flag) => u8::from(*flag),
        Value::Int(number) => low_byte(*number),
        // What does not fit counts as -1.
        Value::BigInt(_) => u8::MAX,
        other => {
            let text = text::to_str(cx, other).or_else(|_| str_of(cx, &instance));
            show::write_error(cx, &format!("{}\n", text.unwrap_or_default()));
            1
        }
    }
}

fn low_byte(number: i64) -> u8 {
    number.to_le_bytes()[0]
}

/// Whether output failed because nobody reads standard output any more.
fn is_closed_pipe(raised: &Raised) -> bool {
    raised.is(ExceptionKind::BrokenPipeError) && has_no_reader(std::io::stdout().as_fd())
}

fn has_no_reader(descriptor: BorrowedFd<'_>) -> bool {
    let mut entries = [PollFd::new(descriptor, PollFlags::POLLOUT)];
    let count = poll(&mut entries, PollTimeout::ZERO);
    let events = entries[0].revents().unwrap_or(PollFlags::empty());
    count == Ok(1) && events.contains(PollFlags::POLLERR)
}

/// Ends the process by a signal, or gives the status to end with.
pub(super) fn leave(end: End) -> u8 {
    // Locks that it still holds count as given up, and nobody need look after what it shared.
    slot::leave();
    match end {
        End::Status(status) => status,
        End::Signal(signal) => signal::raise_default(signal),
    }
}
