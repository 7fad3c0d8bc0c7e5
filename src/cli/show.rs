//! Showing on standard error what nobody caught. It must not know how the program goes on.

use crate::diagnostics::{self, Report};
use crate::eval::context::Context;
use crate::library::output::write;
use crate::runtime::output::WriteMode;
use crate::syntax::error::SyntaxError;
use crate::syntax::source::Source;
use crate::value::exception::Raised;

/// Shows a syntax error in the program itself.
pub(super) fn syntax_error(error: &SyntaxError, source: &Source) {
    say(&diagnostics::syntax_text(error, source));
}

/// Shows an exception that left the program.
pub(super) fn uncaught(cx: &mut Context, raised: &Raised) {
    let report = Report::new(cx, raised);
    write_error(cx, &diagnostics::text(&report));
}

/// Writes to the session's standard error.
pub(super) fn write_error(cx: &mut Context, text: &str) {
    let session = cx.session.clone();
    // When not even that works, nobody is left to be told.
    let _ = write(cx, &session.stderr, text.as_bytes(), WriteMode::Flushed);
}

/// Writes to standard error where there is no session.
pub(super) fn say(text: &str) {
    use std::io::Write;
    // As above.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
