//! The layout pass: one loop over the bytes of a source, before the grammar sees it. It finds what
//! a grammar explains badly (unclosed brackets and strings, wrong indentation, strange characters)
//! and hands on a text of the same length, in which only spaces stand between tokens:
//!
//! - white space at the start of a logical line becomes as many spaces as it has bytes, after the
//!   check of tabs against spaces; all other white space becomes spaces too;
//! - comments, blank lines, continued line ends and line ends within brackets become spaces, so
//!   that every line end left is the end of a logical line, directly before the next one's
//!   indentation;
//! - a string becomes `"`, spaces, `"`; an f-string becomes `'`, its fields between spaces, `'`.
//!
//! Every offset in the new text is therefore an offset of the source. One line end is added at the
//! end. The pass must not know the grammar beyond tokens, blocks and the words before strings.

mod characters;
mod lines;
mod numbers;
mod strings;

use super::error::{Checked, SyntaxError};
use super::span::Span;
use lines::Line;

/// Brackets may be nested this deep, as in Python. The parser's native stack is sized for it.
pub(super) const MAX_BRACKETS: usize = 200;

/// Headers of `lambda` may be nested this deep: defaults of parameters are the one thing that nests
/// without brackets.
const MAX_LAMBDAS: usize = 100;

/// f-strings may be nested this deep, as in Python.
const MAX_FSTRINGS: usize = 150;

/// What went wrong, and the start of the logical line in which it did: what stands before that
/// line is laid out, and may hold an earlier error for the parser to find.
#[derive(Debug)]
pub(super) struct Failure {
    /// The error.
    pub error: Box<SyntaxError>,
    /// The text laid out so far; whole lines only.
    pub before: String,
    /// Where the last line of `before` begins, when it is that line that a block is missing after,
    /// or that should have been a header.
    pub header: Option<usize>,
}

/// Lays out a source text, or says what is wrong with it. Before a lone expression white space
/// is no indentation.
pub(super) fn lay_out(text: &str, lone_expression: bool) -> Result<String, Failure> {
    let mut pass = Layout::new(text);
    if lone_expression {
        pass.at = text.len() - text.trim_start_matches([' ', '\t']).len();
        pass.blank(0, pass.at);
    }
    match pass.run() {
        Ok(()) => Ok(pass.finish()),
        Err(error) => Err(pass.fail(error)),
    }
}

/// What is open at a place: brackets, and the parts of f-strings.
#[derive(Clone, Copy, Debug)]
enum Open {
    /// `(`, `[` or `{`.
    Bracket { byte: u8, at: usize },
    /// The literal text of an f-string.
    FString(FString),
    /// A replacement field, up to its colon.
    Field { at: usize },
    /// The format specification of a field, after its colon.
    Spec { at: usize },
}

/// An f-string that is open.
#[derive(Clone, Copy, Debug)]
struct FString {
    quote: u8,
    triple: bool,
    raw: bool,
    /// Where its prefix begins.
    at: usize,
}

struct Layout<'s> {
    text: &'s str,
    bytes: &'s [u8],
    /// The text that is being made.
    out: Vec<u8>,
    /// Where the pass stands.
    at: usize,
    open: Vec<Open>,
    /// How many of those are brackets or fields, and how many f-strings.
    brackets: usize,
    fstrings: usize,
    /// For each header of a `lambda` that has not ended, how much was open where it began.
    lambdas: Vec<usize>,
    /// The indentations of the open blocks, and what is known of the current logical line.
    indents: Vec<lines::Indent>,
    line: Line,
    /// Whether a logical line came before.
    any_line: bool,
}

impl<'s> Layout<'s> {
    fn new(text: &'s str) -> Self {
        Layout {
            text,
            bytes: text.as_bytes(),
            out: text.as_bytes().to_vec(),
            at: 0,
            open: Vec::new(),
            brackets: 0,
            fstrings: 0,
            lambdas: Vec::new(),
            indents: vec![lines::Indent::default()],
            line: Line::default(),
            any_line: false,
        }
    }

    fn run(&mut self) -> Checked<()> {
        if let Some(at) = memchr::memchr(0, self.bytes) {
            return SyntaxError::new(
                "source code cannot contain null bytes",
                self.span(at, at + 1),
            )
            .help("is this a text file?")
            .fail();
        }
        if self.at == 0 && self.text.starts_with('\u{FEFF}') {
            // A byte order mark is no part of the text.
            self.blank(0, 3);
            self.at = 3;
        }
        while self.at < self.bytes.len() {
            if !self.begin_line()? {
                break;
            }
            self.logical_line()?;
        }
        self.end_of_text()
    }

    fn finish(mut self) -> String {
        if self.any_line {
            self.out.push(b'\n');
        }
        text_of(self.out)
    }

    fn fail(mut self, error: Box<SyntaxError>) -> Failure {
        // A new line that was not begun ends the text before it.
        self.out.truncate(self.line.start);
        if self.any_line && self.out.last() != Some(&b'\n') {
            self.out.push(b'\n');
        }
        Failure {
            header: self.line.missing_block_of,
            before: text_of(self.out),
            error,
        }
    }

    /// The tokens of a logical line, up to and with its line end.
    fn logical_line(&mut self) -> Checked<()> {
        self.lambdas.clear();
        while let Some(byte) = self.byte(0) {
            match self.open.last() {
                Some(Open::FString(_) | Open::Spec { .. }) => self.fstring_text()?,
                None if matches!(byte, b'\n' | b'\r') => {
                    let width = self.line_end_width();
                    self.blank(self.at, self.at + width);
                    self.at += width;
                    return Ok(());
                }
                _ => self.token(byte)?,
            }
        }
        Ok(())
    }

    fn token(&mut self, byte: u8) -> Checked<()> {
        match byte {
            b' ' => self.at += 1,
            b'\t' | b'\x0c' | b'\n' | b'\r' => {
                self.out[self.at] = b' ';
                self.at += 1;
            }
            b'#' => self.comment(),
            b'\\' => self.continuation()?,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => self.word()?,
            b'0'..=b'9' => self.number()?,
            b'.' if matches!(self.byte(1), Some(b'0'..=b'9')) => self.number()?,
            b'"' | b'\'' => self.string(self.at)?,
            b'(' | b'[' | b'{' => self.open_bracket(byte)?,
            b')' | b']' | b'}' => self.close_bracket(byte)?,
            b':' => self.colon(),
            b'!' => self.exclamation_mark()?,
            b'+' | b'-' | b'*' | b'/' | b'%' | b'@' | b'&' | b'|' | b'^' | b'~' | b'<' | b'>'
            | b'=' | b'.' | b',' | b';' => self.significant(1),
            _ => return self.unknown_character(),
        }
        Ok(())
    }

    /// A token of `width` bytes that stays as it is.
    fn significant(&mut self, width: usize) {
        self.line.last = self.at;
        self.at += width;
    }

    fn word(&mut self) -> Checked<()> {
        let start = self.at;
        self.scan_word()?;
        let word = &self.bytes[start..self.at];
        if let Some(b'"' | b'\'') = self.byte(0)
            && strings::is_prefix(word)
        {
            return self.string(start);
        }
        self.line.last = start;
        if word == b"lambda" {
            return self.lambda(start);
        }
        Ok(())
    }

    /// Notes where the header of a `lambda` begins.
    fn lambda(&mut self, start: usize) -> Checked<()> {
        self.end_lambdas();
        self.lambdas.push(self.open.len());
        if self.lambdas.len() > MAX_LAMBDAS {
            return SyntaxError::new("expression is nested too deeply", self.span(start, self.at))
                .label(format!(
                    "more than {MAX_LAMBDAS} headers of `lambda` inside one another"
                ))
                .help("give parts of the expression names of their own")
                .fail();
        }
        Ok(())
    }

    /// Forgets the headers that ended with the brackets around them.
    fn end_lambdas(&mut self) {
        while self
            .lambdas
            .last()
            .is_some_and(|&open| open > self.open.len())
        {
            self.lambdas.pop();
        }
    }

    fn comment(&mut self) {
        let rest = &self.bytes[self.at..];
        let length = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        self.blank(self.at, self.at + length);
        self.at += length;
    }

    /// A backslash outside of strings: it must end its line.
    fn continuation(&mut self) -> Checked<()> {
        match self.byte(1) {
            Some(b'\n' | b'\r') => {
                self.blank(self.at, self.at + 1);
                self.at += 1;
                let width = self.line_end_width();
                self.blank(self.at, self.at + width);
                self.at += width;
                if self.at < self.bytes.len() {
                    return Ok(());
                }
                SyntaxError::new(
                    "unexpected EOF while parsing",
                    self.span(self.at - width - 1, self.at - width),
                )
                .label("the line goes on after this, and nothing follows")
                .incomplete(true)
                .fail()
            }
            None => SyntaxError::new(
                "unexpected EOF while parsing",
                self.span(self.at, self.at + 1),
            )
            .label("the line goes on after this, and nothing follows")
            .incomplete(true)
            .fail(),
            Some(_) => SyntaxError::new(
                "unexpected character after line continuation character",
                self.character_span(self.at + 1),
            )
            .label("the backslash must be the last character of its line")
            .fail(),
        }
    }

    fn open_bracket(&mut self, byte: u8) -> Checked<()> {
        let at = self.at;
        self.push(Open::Bracket { byte, at })?;
        self.significant(1);
        Ok(())
    }

    fn push(&mut self, open: Open) -> Checked<()> {
        if self.brackets >= MAX_BRACKETS {
            return SyntaxError::new(
                "too many nested parentheses",
                self.span(self.at, self.at + 1),
            )
            .label(format!("more than {MAX_BRACKETS} brackets are open here"))
            .help("give parts of the expression names of their own")
            .fail();
        }
        self.open.push(open);
        self.brackets += 1;
        Ok(())
    }

    fn close_bracket(&mut self, byte: u8) -> Checked<()> {
        let here = self.span(self.at, self.at + 1);
        match self.open.last() {
            Some(Open::Bracket { byte: opened, at }) => {
                if byte != closing(*opened) {
                    let (opened, at) = (*opened as char, *at);
                    let mut message = format!(
                        "closing parenthesis '{}' does not match opening parenthesis '{opened}'",
                        byte as char
                    );
                    let line = self.line_of(at);
                    if line != self.line_of(self.at) {
                        message.push_str(&format!(" on line {line}"));
                    }
                    return SyntaxError::new(message, here)
                        .label(format!("expected '{}'", closing(opened as u8) as char))
                        .related(self.span(at, at + 1), "opened here")
                        .fail();
                }
            }
            Some(Open::Field { .. }) if byte == b'}' => {}
            Some(Open::Field { at }) => {
                return SyntaxError::new(format!("f-string: unmatched '{}'", byte as char), here)
                    .related(self.span(*at, at + 1), "the field begins here")
                    .fail();
            }
            _ => {
                return SyntaxError::new(format!("unmatched '{}'", byte as char), here)
                    .label("nothing was opened that this closes")
                    .fail();
            }
        }
        self.open.pop();
        self.brackets -= 1;
        self.significant(1);
        Ok(())
    }

    fn colon(&mut self) {
        if let Some(Open::Field { .. }) = self.open.last() {
            // A colon of a field begins its format, whatever follows.
            self.open.pop();
            self.open.push(Open::Spec { at: self.at });
        } else if !self.lambdas.is_empty() {
            self.end_lambdas();
            if self.lambdas.last() == Some(&self.open.len()) {
                self.lambdas.pop();
            }
        }
        self.significant(1);
    }

    /// `!=`, or the mark before a conversion in an f-string.
    fn exclamation_mark(&mut self) -> Checked<()> {
        if self.byte(1) == Some(b'=') {
            self.significant(2);
            return Ok(());
        }
        if let Some(Open::Field { .. }) = self.open.last() {
            self.significant(1);
            return Ok(());
        }
        self.unknown_character()
    }

    /// At the end of the text: nothing may be open, no block be missing.
    fn end_of_text(&mut self) -> Checked<()> {
        let Some(open) = self.open.last().copied() else {
            return self.end_of_lines();
        };
        match open {
            Open::FString(string) => self.unterminated_fstring(string),
            Open::Spec { .. } | Open::Field { .. } => {
                let at = self.field_start();
                SyntaxError::new("'{' was never closed", self.span(at, at + 1))
                    .label("opened here")
                    .incomplete(self.all_open_may_go_on())
                    .fail()
            }
            Open::Bracket { byte, at } => SyntaxError::new(
                format!("'{}' was never closed", byte as char),
                self.span(at, at + 1),
            )
            .label("opened here")
            .help(format!("add a '{}'", closing(byte) as char))
            .incomplete(self.all_open_may_go_on())
            .fail(),
        }
    }

    /// Whether everything open may go on in a next line: what the prompt asks.
    fn all_open_may_go_on(&self) -> bool {
        self.open
            .iter()
            .all(|open| !matches!(open, Open::FString(string) if !string.triple))
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn blank(&mut self, from: usize, to: usize) {
        self.out[from..to].fill(b' ');
    }

    /// Width of the line end at the current place: `\n`, `\r\n` or `\r`.
    fn line_end_width(&self) -> usize {
        match (self.byte(0), self.byte(1)) {
            (Some(b'\r'), Some(b'\n')) => 2,
            _ => 1,
        }
    }

    fn span(&self, from: usize, to: usize) -> Span {
        Span::new(from, to)
    }

    /// The span of the one character that begins at an offset.
    fn character_span(&self, at: usize) -> Span {
        let width = self.text[at..].chars().next().map_or(0, char::len_utf8);
        Span::new(at, at + width)
    }

    /// The last line that holds anything, for a string that runs to the end of the text.
    fn last_line_of(&self, end: usize) -> usize {
        let at_end = end >= self.bytes.len() && self.text.ends_with('\n');
        self.line_of(if at_end { self.bytes.len() - 1 } else { end })
    }

    /// The line, counted from 1, of an offset. Walks the text: for messages only.
    fn line_of(&self, at: usize) -> usize {
        let mut line = 1;
        for end in memchr::memchr2_iter(b'\n', b'\r', &self.bytes[..at]) {
            if !(self.bytes[end] == b'\r' && self.bytes.get(end + 1) == Some(&b'\n')) {
                line += 1;
            }
        }
        line
    }
}

/// The bracket that closes `opened`.
fn closing(opened: u8) -> u8 {
    match opened {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    }
}

/// The text that was made. Only whole characters were replaced, and by spaces, so it is UTF-8.
fn text_of(out: Vec<u8>) -> String {
    String::from_utf8(out)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
