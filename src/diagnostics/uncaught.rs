//! Exceptions that nobody caught, with where they were, as plain text on standard error. It must not
//! know colours.

use super::{Report, plain};
use crate::eval::context::Context;
use crate::eval::session::UncaughtIn;
use crate::library::modules::sys;
use crate::library::output::write_message;
use crate::runtime::fork;
use crate::value::exception::Raised;

/// Writes an exception with its traceback to the session's standard error, or to what a script has put in its place.
pub fn show_uncaught(cx: &mut Context, raised: &Raised, place: &UncaughtIn) {
    let heading = match place {
        UncaughtIn::Main => String::new(),
        UncaughtIn::Thread(name) if fork::generation() > 0 => {
            format!(
                "Exception in thread {name} of process {}:\n",
                std::process::id()
            )
        }
        UncaughtIn::Thread(name) => format!("Exception in thread {name}:\n"),
        UncaughtIn::Process(name) => format!("Process {name}:\n"),
        UncaughtIn::Task(what) => format!("Exception in task {what}:\n"),
        UncaughtIn::Ignored(what) => format!("Exception ignored in: {what}\n"),
        UncaughtIn::Unraisable(what) | UncaughtIn::Other(what) => format!("Exception {what}:\n"),
    };
    let report = Report::of_uncaught(cx, raised, place);
    let text = heading
        + &match place {
            UncaughtIn::Ignored(_) | UncaughtIn::Unraisable(_) => plain::short_text(&report),
            _ => plain::text(&report),
        };
    if sys::write_to_own_stderr(cx, &text) {
        return;
    }
    let session = cx.session.clone();
    write_message(cx, &session.stderr, text.as_bytes());
}
