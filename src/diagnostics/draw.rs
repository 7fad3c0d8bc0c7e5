//! Reports drawn by miette, with the source lines of each call. The last line is always
//! `Type: message`, as in the plain form. It must not know where the text goes.

use std::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode, ThemeCharacters,
    ThemeStyles,
};

use super::excerpt::{Excerpt, Label, labels_of, visible};
use super::plain::{folded, headline};
use super::report::{Relation, Report, Single, bare_name};
use crate::syntax::error::SyntaxError;
use crate::syntax::source::Source;
use crate::value::exception::TraceEntry;

/// Of longer tracebacks so many calls are drawn at the beginning and at the end.
const SHOWN: usize = 8;

/// How to draw.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether with colours.
    pub colours: bool,
    /// How wide the terminal is.
    pub width: usize,
}

/// Draws a report. `place` says which thread of which process it was; empty for the main one.
pub fn draw(report: &Report, place: &str, style: Style) -> String {
    let mut canvas = Canvas::new(style);
    if !place.is_empty() {
        let text = format!("  × uncaught {place}\n");
        canvas.text(&canvas.red(&text));
    }
    canvas.report(report);
    canvas.out
}

/// Draws a syntax error.
pub fn draw_syntax(error: &SyntaxError, source: &Source, style: Style) -> String {
    let mut canvas = Canvas::new(style);
    let labels = labels_of(error);
    canvas.excerpt(Excerpt::new(source, &labels));
    canvas.advice("help", error.help.as_deref());
    let line = format!("{}: {}\n", error.kind.name(), visible(&error.message));
    canvas.text(&canvas.red(&line));
    canvas.out
}

struct Canvas {
    out: String,
    style: Style,
    handler: GraphicalReportHandler,
}

/// Something to draw: an excerpt without words around it.
struct Drawing(Excerpt);

impl fmt::Display for Drawing {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl fmt::Debug for Drawing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Drawing {}

impl Diagnostic for Drawing {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.0)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.0.labels().iter().cloned()))
    }
}

impl Canvas {
    fn new(style: Style) -> Canvas {
        let theme = GraphicalTheme {
            characters: ThemeCharacters::unicode(),
            styles: match style.colours {
                true => ThemeStyles::ansi(),
                false => ThemeStyles::none(),
            },
        };
        Canvas {
            out: String::new(),
            style,
            handler: GraphicalReportHandler::new_themed(theme)
                .with_width(style.width)
                .with_context_lines(1),
        }
    }

    fn text(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn red(&self, text: &str) -> String {
        self.coloured("1;31", text)
    }

    fn coloured(&self, colour: &str, text: &str) -> String {
        match (self.style.colours, text.strip_suffix('\n')) {
            (false, _) => text.to_owned(),
            (true, Some(line)) => format!("\u{1b}[{colour}m{line}\u{1b}[0m\n"),
            (true, None) => format!("\u{1b}[{colour}m{text}\u{1b}[0m"),
        }
    }

    fn report(&mut self, report: &Report) {
        for link in &report.links {
            self.single(&link.error);
            match link.relation {
                Relation::Last => {}
                Relation::Cause => {
                    self.text("\nThe above exception was the direct cause of the following:\n\n");
                }
                Relation::Context => {
                    self.text("\nWhile it was being handled, another exception occurred:\n\n");
                }
            }
        }
    }

    fn single(&mut self, error: &Single) {
        self.frames(&error.frames);
        if let Some(place) = &error.place {
            self.excerpt(Excerpt::of_line(place));
        }
        for member in &error.members {
            self.member(member);
        }
        if error.members_left_out > 0 {
            self.text(&format!("  ├─ and {} more\n", error.members_left_out));
        }
        for note in &error.notes {
            self.advice("note", Some(note));
        }
        self.advice("help", error.help.as_deref());
        let line = headline(error);
        // A message of several lines stays one.
        let lines: Vec<String> = line.split('\n').map(visible).collect();
        let line = self.red(&format!("{}\n", lines.join("\n")));
        self.text(&line);
    }

    /// A member of a group, in a margin of its own.
    fn member(&mut self, member: &Report) {
        let mut inner = Canvas::new(Style {
            width: self.style.width.saturating_sub(4).max(20),
            ..self.style
        });
        inner.report(member);
        for (index, line) in inner.out.lines().enumerate() {
            let margin = if index == 0 { "  ├─ " } else { "  │  " };
            self.text(margin);
            self.text(line);
            self.text("\n");
        }
    }

    fn frames(&mut self, entries: &[TraceEntry]) {
        let all = folded(entries);
        let hidden = all.len().saturating_sub(2 * SHOWN);
        for (index, (entry, count)) in all.iter().enumerate() {
            if hidden > 0 && index == SHOWN {
                self.text(&format!("   ⋮  {hidden} more calls\n"));
            }
            if hidden > 0 && (SHOWN..SHOWN + hidden).contains(&index) {
                continue;
            }
            self.frame(entry, *count);
        }
    }

    fn frame(&mut self, entry: &TraceEntry, count: usize) {
        let mut text = format!("in {}", bare_name(entry.function));
        if count > 1 {
            text.push_str(&format!(", {count} times"));
        }
        let label = Label {
            span: entry.span,
            text: Some(text),
        };
        self.excerpt(Excerpt::new(&entry.source, &[label]));
    }

    fn excerpt(&mut self, excerpt: Excerpt) {
        let mut drawn = String::new();
        // Writing to a string does not fail; a place that cannot be drawn is left out.
        if self
            .handler
            .render_report(&mut drawn, &Drawing(excerpt))
            .is_err()
        {
            return;
        }
        // The first line would have the message, which stands below all.
        if let Some((_, picture)) = drawn.split_once('\n') {
            self.out.push_str(picture);
        }
    }

    fn advice(&mut self, kind: &str, text: Option<&str>) {
        let Some(text) = text else { return };
        let mark = self.coloured("36", &format!("{kind}:"));
        let indent = " ".repeat(kind.len() + 4);
        let width = self.style.width.saturating_sub(indent.len()).max(20);
        for (index, line) in wrapped(&visible_lines(text), width).iter().enumerate() {
            match index {
                0 => self.text(&format!("  {mark} {line}\n")),
                _ => self.text(&format!("{indent}{line}\n")),
            }
        }
    }
}

fn visible_lines(text: &str) -> Vec<String> {
    text.split('\n').map(visible).collect()
}

/// Breaks lines at blanks, where they are wider than this.
fn wrapped(lines: &[String], width: usize) -> Vec<String> {
    use unicode_width::UnicodeWidthStr;
    let mut out = Vec::new();
    for line in lines {
        let mut current = String::new();
        for word in line.split(' ') {
            if !current.is_empty() && current.width() + 1 + word.width() > width {
                out.push(std::mem::take(&mut current));
            } else if !current.is_empty() {
                current.push(' ');
            }
            current.push_str(word);
        }
        out.push(current);
    }
    out
}
