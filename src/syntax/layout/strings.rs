//! Strings and f-strings: where they end. Their text is blanked in the laid-out source; the parser
//! reads it from the original.

use super::{FString, Layout, MAX_FSTRINGS, Open};
use crate::syntax::error::{Checked, SyntaxError};

/// Replacement fields within format specifications may be nested this deep, as in Python.
const MAX_SPECS: usize = 3;

/// Whether a word before a quote makes it a string's prefix.
pub(super) fn is_prefix(word: &[u8]) -> bool {
    let lower = |at: usize| word[at].to_ascii_lowercase();
    match word.len() {
        1 => matches!(lower(0), b'r' | b'b' | b'u' | b'f'),
        2 => matches!(
            (lower(0), lower(1)),
            (b'r', b'b' | b'f') | (b'b' | b'f', b'r')
        ),
        _ => false,
    }
}

/// Whether a byte can stand in a word.
pub(super) fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

impl Layout<'_> {
    /// A string or the opening of an f-string. The current byte is its quote; its prefix begins at
    /// `start`.
    pub(super) fn string(&mut self, start: usize) -> Checked<()> {
        let quote = self.bytes[self.at];
        let triple = self.byte(1) == Some(quote) && self.byte(2) == Some(quote);
        let prefix = &self.bytes[start..self.at];
        let raw = prefix.iter().any(|byte| matches!(byte, b'r' | b'R'));
        let formatted = prefix.iter().any(|byte| matches!(byte, b'f' | b'F'));
        self.line.last = start;
        let width = if triple { 3 } else { 1 };
        if !formatted {
            return self.plain_string(start, quote, triple);
        }
        if self.fstrings >= MAX_FSTRINGS {
            return SyntaxError::new("too many nested f-strings", self.span(start, self.at + 1))
                .help("give the inner ones names of their own")
                .fail();
        }
        self.open.push(Open::FString(FString {
            quote,
            triple,
            raw,
            at: start,
        }));
        self.fstrings += 1;
        self.blank(start, self.at + width);
        self.out[start] = b'\'';
        self.at += width;
        Ok(())
    }

    fn plain_string(&mut self, start: usize, quote: u8, triple: bool) -> Checked<()> {
        let width = if triple { 3 } else { 1 };
        let mut at = self.at + width;
        loop {
            let rest = &self.bytes[at.min(self.bytes.len())..];
            let stop = if triple {
                memchr::memchr2(quote, b'\\', rest)
            } else {
                rest.iter()
                    .position(|byte| *byte == quote || matches!(byte, b'\\' | b'\n' | b'\r'))
            };
            let Some(stop) = stop else {
                return self.unterminated_string(start, self.bytes.len(), triple);
            };
            at += stop;
            match self.bytes[at] {
                b'\\' => {
                    let crlf = self.bytes[at..].starts_with(b"\\\r\n");
                    at += if crlf { 3 } else { 2 };
                }
                b'\n' | b'\r' => return self.unterminated_string(start, at, triple),
                _ if triple && !self.bytes[at..].starts_with(&[quote; 3]) => at += 1,
                _ => break,
            }
        }
        let end = at + width;
        self.blank(start, end);
        self.out[start] = b'"';
        self.out[end - 1] = b'"';
        self.at = end;
        Ok(())
    }

    fn unterminated_string(&mut self, start: usize, end: usize, triple: bool) -> Checked<()> {
        let field = self.open.iter().rev().find_map(|open| match open {
            Open::FString(string) => Some(*string),
            _ => None,
        });
        if let Some(outer) = field
            && !outer.triple
            && self.bytes[self.at] == outer.quote
        {
            // The quote was probably meant to end the f-string around it.
            let at = self.field_start();
            return SyntaxError::new("f-string: expecting '}'", self.span(self.at, self.at + 1))
                .related(self.span(at, at + 1), "the field begins here")
                .fail();
        }
        let kind = if triple {
            "triple-quoted string"
        } else {
            "string"
        };
        let last = self.last_line_of(end.min(self.bytes.len()));
        let opening = self.at + if triple { 3 } else { 1 };
        let error = SyntaxError::new(
            format!("unterminated {kind} literal (detected at line {last})"),
            self.span(start, opening),
        )
        .label("opened here");
        // A backslash at the end of the text leaves a plain string open to the next line.
        let continued = end >= self.bytes.len() && self.text.ends_with("\\\n");
        let incomplete = (triple || continued) && self.all_open_may_go_on();
        // A letter right before it: the apostrophe of a word, and the string ended at the one before.
        let before = self.bytes[..start].last().copied().unwrap_or_default();
        let is_apostrophe = self.bytes[self.at] == b'\''
            && start == self.at
            && (before.is_ascii_alphanumeric() || !before.is_ascii());
        if triple {
            error.incomplete(incomplete)
        } else if is_apostrophe {
            error
                .help("a text with an apostrophe stands in double quotes")
                .incomplete(incomplete)
        } else {
            error
                .help("close it before the end of the line, or use triple quotes")
                .incomplete(incomplete)
        }
        .fail()
    }

    /// Literal text of an f-string or of a format specification, up to the next field or the end.
    pub(super) fn fstring_text(&mut self) -> Checked<()> {
        let Some(string) = self.innermost_fstring() else {
            return Ok(());
        };
        let in_spec = matches!(self.open.last(), Some(Open::Spec { .. }));
        while let Some(byte) = self.byte(0) {
            match byte {
                b'{' if self.byte(1) == Some(b'{') && !in_spec => {
                    self.blank(self.at, self.at + 2);
                    self.at += 2;
                }
                b'{' => {
                    self.check_specs()?;
                    let at = self.at;
                    self.push(Open::Field { at })?;
                    self.significant(1);
                    return Ok(());
                }
                b'}' if in_spec => {
                    self.open.pop();
                    self.brackets -= 1;
                    self.significant(1);
                    return Ok(());
                }
                b'}' if self.byte(1) == Some(b'}') => {
                    self.blank(self.at, self.at + 2);
                    self.at += 2;
                }
                b'}' => {
                    return SyntaxError::new(
                        "f-string: single '}' is not allowed",
                        self.span(self.at, self.at + 1),
                    )
                    .help("write `}}` for a brace that is text")
                    .fail();
                }
                b'\\' => self.fstring_backslash(string.raw),
                b'\n' | b'\r' if !string.triple => {
                    if in_spec {
                        return self.end_of_spec_line();
                    }
                    return self.unterminated_fstring(string);
                }
                _ if byte == string.quote && self.closes(string) => {
                    if in_spec {
                        let at = self.field_start();
                        return SyntaxError::new(
                            "f-string: expecting '}', or format specs",
                            self.span(self.at, self.at + 1),
                        )
                        .related(self.span(at, at + 1), "the field begins here")
                        .fail();
                    }
                    let width = if string.triple { 3 } else { 1 };
                    self.blank(self.at, self.at + width);
                    self.at += width;
                    self.out[self.at - 1] = b'\'';
                    self.open.pop();
                    self.fstrings -= 1;
                    return Ok(());
                }
                _ => {
                    self.out[self.at] = b' ';
                    self.at += 1;
                }
            }
        }
        Ok(())
    }

    fn closes(&self, string: FString) -> bool {
        !string.triple || self.bytes[self.at..].starts_with(&[string.quote; 3])
    }

    /// A backslash in the text of an f-string: a brace after it is still a brace, except that
    /// `\N{name}` is one character.
    fn fstring_backslash(&mut self, raw: bool) {
        let width = match self.byte(1) {
            Some(b'{' | b'}') | None => 1,
            Some(b'\r') if self.byte(2) == Some(b'\n') => 3,
            Some(b'N') if !raw && self.byte(2) == Some(b'{') => {
                let rest = &self.bytes[self.at..];
                // A name that does not end is reported when the text is read.
                match memchr::memchr3(b'}', b'\n', b'"', rest) {
                    Some(end) if rest[end] == b'}' => end + 1,
                    _ => 3,
                }
            }
            Some(0x80..) => 1,
            Some(_) => 2,
        };
        self.blank(self.at, self.at + width);
        self.at += width;
    }

    /// A line end in the format specification of an f-string with single quotes: only the closing
    /// brace may follow.
    fn end_of_spec_line(&mut self) -> Checked<()> {
        let from = self.at;
        while let Some(b' ' | b'\t' | b'\n' | b'\r' | b'\x0c') = self.byte(0) {
            self.at += 1;
        }
        self.blank(from, self.at);
        if matches!(self.byte(0), Some(b'}')) {
            return Ok(());
        }
        let at = self.field_start();
        SyntaxError::new("f-string: expecting '}'", self.span(from, from + 1))
            .label("the format ends with the line")
            .related(self.span(at, at + 1), "the field begins here")
            .fail()
    }

    fn check_specs(&self) -> Checked<()> {
        let depth = self
            .open
            .iter()
            .rev()
            .take_while(|open| !matches!(open, Open::FString(_)))
            .filter(|open| matches!(open, Open::Spec { .. }))
            .count();
        if depth >= MAX_SPECS {
            return SyntaxError::new(
                "f-string: expressions nested too deeply",
                self.span(self.at, self.at + 1),
            )
            .fail();
        }
        Ok(())
    }

    fn innermost_fstring(&self) -> Option<FString> {
        self.open.iter().rev().find_map(|open| match open {
            Open::FString(string) => Some(*string),
            _ => None,
        })
    }

    /// Where the innermost open field's brace stands.
    pub(super) fn field_start(&self) -> usize {
        self.open
            .iter()
            .rev()
            .find_map(|open| match open {
                Open::Field { at } | Open::Spec { at } => Some(*at),
                _ => None,
            })
            .unwrap_or(self.at)
    }

    pub(super) fn unterminated_fstring(&self, string: FString) -> Checked<()> {
        let kind = if string.triple {
            "triple-quoted f-string"
        } else {
            "f-string"
        };
        let last = self.last_line_of(self.at);
        let prefix = self.bytes[string.at..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count();
        let opening = string.at + prefix + if string.triple { 3 } else { 1 };
        let error = SyntaxError::new(
            format!("unterminated {kind} literal (detected at line {last})"),
            self.span(string.at, opening),
        )
        .label("opened here");
        if string.triple {
            error.incomplete(self.all_open_may_go_on())
        } else {
            error.help("close it before the end of the line, or use triple quotes")
        }
        .fail()
    }
}
