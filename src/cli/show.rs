//! Showing on standard error what nobody caught: drawn on a terminal, as plain text elsewhere. It
//! must not know how the program goes on.

use std::io::IsTerminal;

use crate::diagnostics::{self, Report, Style};
use crate::eval::context::Context;
use crate::eval::session::UncaughtIn;
use crate::library::modules::sys;
use crate::library::output::write_message;
use crate::runtime::fork;
use crate::syntax::error::SyntaxError;
use crate::syntax::source::Source;
use crate::value::exception::Raised;

/// Width where nobody knows the terminal's.
const WIDTH: usize = 80;

/// How to draw on standard error; `None` for plain text.
fn style() -> Option<Style> {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let forced =
        |name| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    let forced = forced("FORCE_COLOR") || forced("CLICOLOR_FORCE");
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let drawn = std::io::stderr().is_terminal() && !dumb;
    if !drawn && !forced {
        return None;
    }
    Some(Style {
        colours: forced || !is_set("NO_COLOR"),
        width: width(),
    })
}

fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok();
    if let Some(columns) = columns.and_then(|text| text.parse().ok()) {
        return columns;
    }
    // SAFETY: all zero is a valid size.
    let mut size = unsafe { std::mem::zeroed::<libc::winsize>() };
    // SAFETY: `size` is a valid place for what is asked.
    let known = unsafe { libc::ioctl(2, libc::TIOCGWINSZ, &mut size) } == 0;
    match usize::from(size.ws_col) {
        columns if known && columns > 0 => columns,
        _ => WIDTH,
    }
}

/// A syntax error in the program itself, as text.
pub(super) fn syntax_text(error: &SyntaxError, source: &Source) -> String {
    match style() {
        Some(style) => diagnostics::draw_syntax(error, source, style),
        None => diagnostics::syntax_text(error, source),
    }
}

/// Shows an exception that left the program.
pub(super) fn uncaught(cx: &mut Context, raised: &Raised) {
    if sys::call_except_hook(cx, raised) {
        return;
    }
    uncaught_in(cx, raised, &UncaughtIn::Main);
}

/// Shows an exception that nobody caught, and where it was.
pub(super) fn uncaught_in(cx: &mut Context, raised: &Raised, place: &UncaughtIn) {
    match style().filter(|_| !sys::has_own_stderr(cx)) {
        Some(style) => {
            let report = Report::of_uncaught(cx, raised, place);
            write_error(cx, &diagnostics::draw(&report, &place_text(place), style));
        }
        None => diagnostics::show_uncaught(cx, raised, place),
    }
}

/// Which thread of which process it was. The main thread of the program goes without saying.
fn place_text(place: &UncaughtIn) -> String {
    let pid = std::process::id();
    let is_child = fork::generation() > 0;
    match place {
        UncaughtIn::Main if is_child => format!("in process {pid}"),
        UncaughtIn::Main => String::new(),
        UncaughtIn::Thread(name) if is_child => format!("in thread {name} of process {pid}"),
        UncaughtIn::Thread(name) => format!("in thread {name}"),
        UncaughtIn::Process(name) => format!("in process {name} (pid {pid})"),
        UncaughtIn::Task(what) => format!("in task {what}"),
        UncaughtIn::Ignored(what) => format!("and ignored in {what}"),
        UncaughtIn::Unraisable(what) | UncaughtIn::Other(what) => format!("and {what}"),
    }
}

/// Writes to the session's standard error.
pub(super) fn write_error(cx: &mut Context, text: &str) {
    let session = cx.session.clone();
    write_message(cx, &session.stderr, text.as_bytes());
}

/// Writes to standard error where there is no session.
pub(super) fn say(text: &str) {
    use std::io::Write;
    // When not even that works, nobody is left to be told.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
