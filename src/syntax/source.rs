//! A source text with its name and line index: where a byte offset stands, in lines and columns,
//! as an editor and a terminal show them. It must not know what the text means.

use std::ops::Range;
use std::sync::Arc;

use unicode_width::UnicodeWidthChar;

use super::error::{ErrorKind, SyntaxError};
use super::span::Span;

/// How far apart tab stops are when a column is computed for display.
const TAB_STOP: usize = 8;

/// The largest source accepted: spans are 32 bits wide, and one byte stays free for the line end
/// that the layout pass adds.
const MAX_LENGTH: usize = u32::MAX as usize - 1;

/// A source text. Cheap to clone, and shared between threads.
#[derive(Clone, Debug)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
    /// Offset of the first byte of each line, ascending; the first is 0.
    line_starts: Arc<[u32]>,
}

/// A line and a column, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in cells of a terminal: wide characters take two, a tab goes to the next stop.
    pub column: usize,
}

impl Source {
    /// A source of this name (usually a path) and text.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Source {
        let text = text.into();
        Source {
            name: name.into(),
            line_starts: line_starts(&text),
            text,
        }
    }

    /// A source made of a file's bytes. Text that is not UTF-8 is an error, which comes with a
    /// source that shows the offending bytes as replacement characters.
    pub fn from_bytes(
        name: impl Into<Arc<str>>,
        bytes: Vec<u8>,
    ) -> Result<Source, (Source, Box<SyntaxError>)> {
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Source::new(name, text)),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let bytes = error.into_bytes();
                let reason = undecodable(&bytes, at);
                let shown = Source::new(name, String::from_utf8_lossy(&bytes).into_owned());
                // Up to here the lossy text has the same bytes, so the offset holds.
                let width = '\u{FFFD}'.len_utf8();
                let message = format!(
                    "(unicode error) 'utf-8' codec can't decode byte 0x{:02x} in position {at}: \
                     {reason}",
                    bytes[at]
                );
                let error = SyntaxError::new(message, Span::new(at, at + width))
                    .label("not UTF-8 from here on")
                    .help("save the file as UTF-8; other encodings are not read, whatever a `coding` line says");
                Err((shown, Box::new(error)))
            }
        }
    }

    /// The name, as error messages show it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text as a shared string.
    pub fn shared_text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// The text that a span covers, clipped to the text's end.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(self.clip(span)).unwrap_or("")
    }

    /// The number of lines; at least one.
    pub fn line_count(&self) -> usize {
        self.line_starts.len()
    }

    /// The line, counted from 1, in which an offset stands.
    pub fn line(&self, offset: u32) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    /// The byte range of a line, counted from 1, without its line end. Empty past the last line.
    pub fn line_range(&self, line: usize) -> Range<usize> {
        let end_of_text = self.text.len();
        let start = match line.checked_sub(1).and_then(|i| self.line_starts.get(i)) {
            Some(start) => *start as usize,
            None => return end_of_text..end_of_text,
        };
        let end = self
            .line_starts
            .get(line)
            .map_or(end_of_text, |next| *next as usize);
        let content = self.text[start..end].trim_end_matches(['\n', '\r']);
        start..start + content.len()
    }

    /// A line's text, counted from 1, without its line end.
    pub fn line_text(&self, line: usize) -> &str {
        &self.text[self.line_range(line)]
    }

    /// Line and displayed column of an offset.
    pub fn position(&self, offset: u32) -> Position {
        let line = self.line(offset);
        let range = self.line_range(line);
        let mut column = 1;
        let mut at = range.start;
        for character in self.text[range].chars() {
            if at + character.len_utf8() > offset as usize {
                break;
            }
            column += displayed_width(character, column);
            at += character.len_utf8();
        }
        Position { line, column }
    }

    /// Column of an offset in characters, counted from 1, as tools that read messages expect.
    pub fn character_column(&self, offset: u32) -> usize {
        let start = self.line_range(self.line(offset)).start;
        let end = (offset as usize).min(self.text.len());
        let bytes = self.text.as_bytes().get(start..end).unwrap_or(&[]);
        // Continuation bytes do not begin a character.
        1 + bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
    }

    fn clip(&self, span: Span) -> Range<usize> {
        let length = self.text.len();
        let range = span.range();
        range.start.min(length)..range.end.min(length)
    }

    /// An error when the text is too long for 32-bit spans.
    pub(super) fn check_length(&self) -> Result<(), Box<SyntaxError>> {
        if self.text.len() > MAX_LENGTH {
            let error = SyntaxError::new("source is too long", Span::default())
                .help("a source may have at most 4 GiB");
            return Err(Box::new(error));
        }
        Ok(())
    }
}

/// Cells that a character takes on a terminal when it begins in `column` (counted from 1).
pub fn displayed_width(character: char, column: usize) -> usize {
    match character {
        '\t' => TAB_STOP - (column - 1) % TAB_STOP,
        // Control characters are shown as one replacement character each.
        _ => character.width().unwrap_or(1),
    }
}

fn line_starts(text: &str) -> Arc<[u32]> {
    let bytes = text.as_bytes();
    let mut starts = vec![0];
    for at in memchr::memchr2_iter(b'\n', b'\r', bytes) {
        // `\r\n` ends one line: the `\n` is the one that counts.
        if bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n') {
            continue;
        }
        // Longer texts are refused before anything asks for a position in them.
        let Ok(next) = u32::try_from(at + 1) else {
            break;
        };
        starts.push(next);
    }
    starts.into()
}

/// Why the byte at `at` does not continue UTF-8, in the words of Python's decoder.
fn undecodable(bytes: &[u8], at: usize) -> &'static str {
    match std::str::from_utf8(&bytes[at..]) {
        Err(error) if error.error_len().is_none() => "unexpected end of data",
        _ if matches!(bytes[at], 0xC2..=0xF4) => "invalid continuation byte",
        _ => "invalid start byte",
    }
}

impl SyntaxError {
    /// The error as plain text: kind and message, the labelled places as `line:column`, the help.
    /// What golden tests compare; the command line draws errors with their source lines instead.
    pub fn to_plain_text(&self, source: &Source) -> String {
        let kind = match self.kind {
            ErrorKind::Syntax => "SyntaxError",
            ErrorKind::Indentation => "IndentationError",
            ErrorKind::Tab => "TabError",
        };
        let mut out = format!("{kind}: {}\n", self.message);
        let mut place = |span: Span, label: &str| {
            let (from, to) = (source.position(span.start), source.position(span.end));
            out.push_str(&format!("  {}:{}", from.line, from.column));
            if to.line != from.line {
                out.push_str(&format!("-{}:{}", to.line, to.column));
            } else if to.column > from.column + 1 {
                out.push_str(&format!("-{}", to.column - 1));
            }
            if !label.is_empty() {
                out.push_str(&format!(" {label}"));
            }
            out.push('\n');
        };
        place(self.span, self.label.as_deref().unwrap_or(""));
        for (span, label) in &self.related {
            place(*span, label);
        }
        if let Some(help) = &self.help {
            out.push_str(&format!("  help: {help}\n"));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(source: &Source, offset: u32) -> (usize, usize) {
        let position = source.position(offset);
        (position.line, position.column)
    }

    #[test]
    fn positions_count_displayed_cells() {
        let source = Source::new("t", "a\tb\n函数 = 1\r\nc\rd");
        assert_eq!(source.line_count(), 4);
        assert_eq!(at(&source, 0), (1, 1));
        assert_eq!(at(&source, 2), (1, 9));
        assert_eq!(at(&source, 4), (2, 1));
        assert_eq!(at(&source, 7), (2, 3));
        assert_eq!(at(&source, 10), (2, 5));
        assert_eq!(source.character_column(10), 3);
        assert_eq!(source.line_text(2), "函数 = 1");
        assert_eq!(source.line_text(4), "d");
        assert_eq!(at(&source, 99), (4, 2));
    }

    #[test]
    fn bytes_that_are_not_text() {
        for (bytes, wanted) in [
            (
                &b"x = '\xff'"[..],
                "byte 0xff in position 5: invalid start byte",
            ),
            (
                b"\xed\xa0\x80",
                "byte 0xed in position 0: invalid continuation byte",
            ),
            (
                b"# \xe5\x87",
                "byte 0xe5 in position 2: unexpected end of data",
            ),
        ] {
            let (_, error) = Source::from_bytes("t", bytes.to_vec()).unwrap_err();
            assert!(error.message.ends_with(wanted), "{}", error.message);
        }
    }

    #[test]
    fn sources_travel_between_threads() {
        fn check<T: Send + Sync>() {}
        check::<Source>();
        check::<SyntaxError>();
    }
}
