//! What futures say on standard error where CPython's log does: the message, and below it the
//! traceback. It must not know what happened.

use crate::diagnostics::format_exception;
use crate::eval::context::Context;
use crate::library::output;
use crate::runtime::output::WriteMode;
use crate::value::Outcome;
use crate::value::exception::Raised;

/// A line.
///
/// # Errors
/// What an interrupt raises.
pub fn line(cx: &mut Context, message: &str) -> Outcome<()> {
    let stderr = cx.session.stderr.clone();
    output::write(
        cx,
        &stderr,
        format!("{message}\n").as_bytes(),
        WriteMode::Flushed,
    )
}

/// A line and the traceback of an exception.
///
/// # Errors
/// What an interrupt raises.
pub fn exception(cx: &mut Context, message: &str, raised: &Raised) -> Outcome<()> {
    let trace = format_exception(cx, raised);
    line(cx, &format!("{message}\n{}", trace.trim_end_matches('\n')))
}
