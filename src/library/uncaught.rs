//! Exceptions that nobody caught, as plain text on standard error: what CPython writes. It must not
//! know how errors are drawn.

use super::{output, traceback_text};
use crate::eval::context::Context;
use crate::eval::session::UncaughtIn;
use crate::runtime::output::WriteMode;
use crate::value::exception::Raised;

/// Writes an exception with its traceback.
pub fn show(cx: &mut Context, raised: &Raised, place: &UncaughtIn) {
    let heading = match place {
        UncaughtIn::Main => String::new(),
        UncaughtIn::Thread(name) => format!("Exception in thread {name}:\n"),
        UncaughtIn::Process(name) => format!("Process {name}:\n"),
        UncaughtIn::Task(what) => format!("Exception in task {what}:\n"),
        UncaughtIn::Other(what) => format!("Exception {what}:\n"),
    };
    let text = heading + &traceback_text::of(cx, raised);
    let session = cx.session.clone();
    // Nobody is left to be told of an error.
    let _ = output::write(cx, &session.stderr, text.as_bytes(), WriteMode::Flushed);
}
