//! Reports as plain text, as CPython writes them: for files and pipes, for logs, and for whoever
//! asks for a traceback as text. It must not know colours.

use super::carets;
use super::group::Margin;
use super::report::{DEEPEST, Relation, Report, Single, SyntaxPlace, bare_name};
use crate::eval::context::Context;
use crate::syntax::error::SyntaxError;
use crate::syntax::source::{Source, displayed_width};
use crate::value::exception::{Raised, TraceEntry};

/// So many equal lines in a row are shown, and then counted.
const REPEATED: usize = 3;

const CAUSE: &str = "\nThe above exception was the direct cause of the following exception:\n\n";
const CONTEXT: &str = "\nDuring handling of the above exception, another exception occurred:\n\n";

/// The traceback of an exception, as CPython writes it, with a line end.
pub fn format_exception(cx: &mut Context, raised: &Raised) -> String {
    let mut report = Report::new(cx, raised);
    for link in &mut report.links {
        // Advice is for whoever reads; what is made from this text expects CPython's form.
        link.error.help = None;
    }
    text(&report)
}

/// The lines of one place in a traceback.
pub fn format_frame(entry: &TraceEntry) -> String {
    frame(entry, Marks::Yes)
}

/// Whether the part of a line that a place is about is marked.
#[derive(Clone, Copy, PartialEq)]
enum Marks {
    Yes,
    No,
}

/// The lines by which an exception is known: class, message and notes, without its traceback.
pub fn exception_only(error: &Single) -> String {
    last_lines(error)
}

/// A report as CPython writes it, with a line end; advice stands before the last line.
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    write_report(&mut out, report, &mut Margin::default());
    out
}

/// The last exception of a report with its places, without marks in their lines: so CPython writes it where nobody
/// can catch it.
pub fn short_text(report: &Report) -> String {
    let Some(error) = report.last() else {
        return String::new();
    };
    let mut out = String::new();
    if !error.frames.is_empty() {
        out.push_str("Traceback (most recent call last):\n");
        out.push_str(&frames(&error.frames, Marks::No));
    }
    out + &last_lines(error)
}

/// A syntax error as CPython writes it, with the other places and the advice before the last
/// line.
pub fn syntax_text(error: &SyntaxError, source: &Source) -> String {
    let mut out = String::new();
    for (span, label) in &error.related {
        let place = SyntaxPlace::of(source, *span);
        write_place(&mut out, &place, label);
    }
    let place = SyntaxPlace::of(source, error.span);
    write_place(&mut out, &place, error.label.as_deref().unwrap_or_default());
    if let Some(help) = &error.help {
        out.push_str(&format!("  help: {help}\n"));
    }
    out.push_str(&format!("{}: {}\n", error.kind.name(), error.message));
    out
}

fn write_report(out: &mut String, report: &Report, margin: &mut Margin) {
    for link in &report.links {
        let error = &link.error;
        if margin.depth > DEEPEST && error.members_left_out > 0 {
            margin.emit(out, &format!("... (max_group_depth is {DEEPEST})\n"));
        } else if error.members.is_empty() {
            write_single(out, error, margin);
        } else {
            write_group(out, error, margin);
        }
        match link.relation {
            Relation::Last => {}
            Relation::Cause => margin.emit(out, CAUSE),
            Relation::Context => margin.emit(out, CONTEXT),
        }
    }
}

fn write_single(out: &mut String, error: &Single, margin: &Margin) {
    if !error.frames.is_empty() {
        margin.emit(out, "Traceback (most recent call last):\n");
        margin.emit(out, &frames(&error.frames, Marks::Yes));
    }
    margin.emit(out, &last_lines(error));
}

fn write_group(out: &mut String, error: &Single, margin: &mut Margin) {
    let outermost = margin.enter_outermost();
    if !error.frames.is_empty() {
        let title = "Exception Group Traceback (most recent call last):\n";
        margin.emit_marked(out, title, if outermost { '+' } else { '|' });
        margin.emit(out, &frames(&error.frames, Marks::Yes));
    }
    margin.emit(out, &last_lines(error));
    let entries = error.members.len() + usize::from(error.members_left_out > 0);
    for number in 0..entries {
        let is_last = number + 1 == entries;
        margin.needs_close = is_last;
        let title = match error.members.get(number) {
            Some(_) => (number + 1).to_string(),
            None => "...".to_owned(),
        };
        margin.title(out, number == 0, &title);
        margin.depth += 1;
        match error.members.get(number) {
            Some(member) => write_report(out, member, margin),
            None => {
                let count = error.members_left_out;
                let plural = if count > 1 { "s" } else { "" };
                margin.emit(out, &format!("and {count} more exception{plural}\n"));
            }
        }
        if is_last && margin.needs_close {
            margin.close(out);
            margin.needs_close = false;
        }
        margin.depth -= 1;
    }
    if outermost {
        margin.depth = 0;
    }
}

/// Class and message, and what belongs to them.
fn last_lines(error: &Single) -> String {
    let mut out = String::new();
    if let Some(place) = &error.place {
        write_place(&mut out, place, "");
    }
    if let Some(help) = &error.help {
        out.push_str(&format!("  help: {help}\n"));
    }
    out.push_str(&headline(error));
    out.push('\n');
    for note in &error.notes {
        for line in note.split('\n') {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// `Type: message`, the line by which an error is known.
pub fn headline(error: &Single) -> String {
    match (&*error.message, &*error.suggestion) {
        ("", "") => error.class.clone(),
        (message, suggestion) => format!("{}: {message}{suggestion}", error.class),
    }
}

/// The lines of a traceback, repeated ones counted.
fn frames(entries: &[TraceEntry], marks: Marks) -> String {
    let mut out = String::new();
    for (entry, count) in folded(entries) {
        let line = frame(entry, marks);
        for _ in 0..count.min(REPEATED) {
            out.push_str(&line);
        }
        if count > REPEATED {
            let more = count - REPEATED;
            let plural = if more > 1 { "s" } else { "" };
            out.push_str(&format!(
                "  [Previous line repeated {more} more time{plural}]\n"
            ));
        }
    }
    out
}

/// The places with how often each follows itself.
pub(super) fn folded(entries: &[TraceEntry]) -> Vec<(&TraceEntry, usize)> {
    let mut folded: Vec<(&TraceEntry, usize)> = Vec::new();
    for entry in entries {
        match folded.last_mut() {
            Some((last, count)) if is_same_line(last, entry) => *count += 1,
            _ => folded.push((entry, 1)),
        }
    }
    folded
}

fn is_same_line(a: &TraceEntry, b: &TraceEntry) -> bool {
    a.function == b.function
        && a.source.name() == b.source.name()
        && a.source.line(a.span.start) == b.source.line(b.span.start)
}

fn frame(entry: &TraceEntry, marks: Marks) -> String {
    let line = entry.source.line(entry.span.start);
    let mut out = format!(
        "  File \"{}\", line {line}, in {}\n",
        entry.source.name(),
        bare_name(entry.function)
    );
    let shown = match marks {
        Marks::Yes => usize::MAX,
        Marks::No => 1,
    };
    for line in carets::lines(&entry.source, entry.span)
        .into_iter()
        .take(shown)
    {
        out.push_str("    ");
        out.push_str(&line);
        out.push('\n');
    }
    out
}

fn write_place(out: &mut String, place: &SyntaxPlace, label: &str) {
    out.push_str(&format!("  File \"{}\", line {}\n", place.file, place.line));
    let text = place.text.trim_end_matches(['\n', '\r']);
    let indentation = text.len() - text.trim_start().len();
    let offset = text.char_indices().nth(place.start.saturating_sub(1));
    let window = carets::window(text, indentation, offset.map_or(0, |(at, _)| at));
    let cut = text.get(..window.start).unwrap_or_default().chars().count();
    let bare = text.get(window).unwrap_or_default();
    if bare.is_empty() && label.is_empty() {
        return;
    }
    out.push_str(&format!("    {bare}\n"));
    if place.start == 0 {
        return;
    }
    // A script may make such an error itself, with any numbers.
    let length = bare.chars().count();
    let start = place.start.saturating_sub(1 + cut).min(length);
    let end = place.end.saturating_sub(1 + cut).min(length).max(start + 1);
    let mut column = 1;
    let mut carets = String::from("    ");
    for (index, character) in bare.chars().chain(std::iter::repeat(' ')).enumerate() {
        if index >= end {
            break;
        }
        let width = displayed_width(character, column);
        column += width;
        let mark = if index < start { " " } else { "^" };
        carets.push_str(&mark.repeat(width));
    }
    if !label.is_empty() {
        carets.push(' ');
        carets.push_str(label);
    }
    carets.push('\n');
    out.push_str(&carets);
}
