//! Logical lines and blocks: where a line begins, how deep it is indented, and whether that fits
//! the line before. It must not know tokens.

use super::{Layout, strings};
use crate::syntax::error::{Checked, ErrorKind, SyntaxError};

/// Blocks may be nested this deep, as in Python.
const MAX_BLOCKS: usize = 100;

/// How far apart tab stops are when indentation is compared, as in Python.
const TAB_STOP: usize = 8;

/// The indentation of an open block.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Indent {
    /// Its width with tab stops at 8.
    column: usize,
    /// Its width with tabs as wide as a space: both must agree on which of two lines is deeper.
    plain: usize,
    /// Where its first line begins.
    at: usize,
}

/// What is known of the current logical line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Line {
    /// Where its indentation begins.
    pub start: usize,
    /// Its first token.
    pub first: usize,
    /// Its last token so far.
    pub last: usize,
    /// When this line does not fit the one before, which wants a block or does not: where that
    /// line begins.
    pub missing_block_of: Option<usize>,
}

impl Layout<'_> {
    /// Passes over blank lines to the next logical line and settles its indentation. False at the
    /// end of the text.
    pub(super) fn begin_line(&mut self) -> Checked<bool> {
        let mut start = self.at;
        let mut indent = Indent::default();
        let mut continued: Option<Indent> = None;
        loop {
            let Some(byte) = self.byte(0) else {
                return Ok(false);
            };
            match byte {
                b' ' => {
                    indent.column += 1;
                    indent.plain += 1;
                }
                b'\t' => {
                    indent.column = (indent.column / TAB_STOP + 1) * TAB_STOP;
                    indent.plain += 1;
                }
                // A form feed begins the count anew.
                b'\x0c' => {
                    indent = Indent::default();
                }
                b'\n' | b'\r' => {
                    let width = self.line_end_width();
                    self.blank(self.at, self.at + width);
                    self.at += width;
                    start = self.at;
                    indent = Indent::default();
                    continued = None;
                    continue;
                }
                b'#' => {
                    self.comment();
                    continue;
                }
                // A continued line that has no token yet: its own indentation counts.
                b'\\' if matches!(self.byte(1), Some(b'\n' | b'\r')) => {
                    continued.get_or_insert(indent);
                    self.continuation()?;
                    continue;
                }
                _ => break,
            }
            self.blank(self.at, self.at + 1);
            self.at += 1;
        }
        let mut indent = continued.unwrap_or(indent);
        indent.at = self.at;
        let before = self.line;
        self.line = Line {
            start,
            first: self.at,
            last: self.at,
            ..Line::default()
        };
        if self.is_strange_space() {
            // Else it would only be said that the line is indented wrongly.
            return self.unknown_character().map(|()| true);
        }
        self.settle(indent, &before)?;
        if self.any_line {
            // The line end before goes right before the indentation; what stood between, comments
            // and blank lines, has become spaces at the end of the line before.
            self.out[self.at - indent.plain - 1] = b'\n';
            self.line.start = self.at - indent.plain;
        }
        self.any_line = true;
        Ok(true)
    }

    /// Compares a line's indentation with the open blocks.
    fn settle(&mut self, new: Indent, before: &Line) -> Checked<()> {
        let top = self.indents.last().copied().unwrap_or_default();
        let wants_block = self.any_line && self.wants_block(before);
        if new.column == top.column && new.plain == top.plain {
            if wants_block {
                return self.missing_block(before);
            }
            return Ok(());
        }
        if new.column > top.column {
            if new.plain <= top.plain {
                return self.tab_error(top);
            }
            if !wants_block {
                self.line.missing_block_of = self.any_line.then_some(before.start);
                return self.unexpected_indent();
            }
            if self.indents.len() >= MAX_BLOCKS {
                return SyntaxError::new("too many levels of indentation", self.first_token())
                    .kind(ErrorKind::Indentation)
                    .help("move the inner blocks into functions of their own")
                    .fail();
            }
            self.indents.push(new);
            return Ok(());
        }
        if new.column == top.column {
            return self.tab_error(top);
        }
        if wants_block {
            return self.missing_block(before);
        }
        let mut left = top;
        while let Some(outer) = self.indents.last().copied() {
            if outer.column <= new.column {
                break;
            }
            left = outer;
            self.indents.pop();
        }
        let outer = self.indents.last().copied().unwrap_or_default();
        if outer.column != new.column {
            return SyntaxError::new(
                "unindent does not match any outer indentation level",
                self.first_token(),
            )
            .kind(ErrorKind::Indentation)
            .label(format!(
                "indented by {}, but the blocks around are indented by {} and {}",
                new.column, outer.column, left.column
            ))
            .help("begin the line in the same column as the lines of its block")
            .fail();
        }
        if outer.plain != new.plain {
            return self.tab_error(outer);
        }
        Ok(())
    }

    /// Whether the line that ended was the header of a block that is still to come.
    fn wants_block(&self, line: &Line) -> bool {
        self.bytes.get(line.last) == Some(&b':')
    }

    /// At the end of the text: the last line may still want a block.
    pub(super) fn end_of_lines(&mut self) -> Checked<()> {
        if self.any_line && self.wants_block(&self.line) {
            let before = self.line;
            self.line = Line {
                start: self.at,
                first: self.at,
                last: self.at,
                ..Line::default()
            };
            return self.missing_block(&before).map_err(|mut error| {
                error.incomplete = true;
                // Nothing follows; the place is the colon that wants the block.
                error.span = self.span(before.last, before.last + 1);
                error.related.clear();
                error
            });
        }
        Ok(())
    }

    fn missing_block(&mut self, header: &Line) -> Checked<()> {
        self.line.missing_block_of = Some(header.start);
        let line = self.line_of(header.first);
        let owner = self.owner(header.first);
        let message = match owner {
            Some(owner) => format!("expected an indented block after {owner} on line {line}"),
            None => "expected an indented block".to_owned(),
        };
        let colon = self.span(header.last, header.last + 1);
        SyntaxError::new(message, self.first_token())
            .kind(ErrorKind::Indentation)
            .label("this line is not indented")
            .help("indent the lines that belong to it; `pass` does nothing")
            .related(colon, "the block belongs here")
            .fail()
    }

    /// What Python calls the owner of a block, from the header's first words.
    fn owner(&self, first: usize) -> Option<String> {
        let word = self.word_at(first);
        Some(match word {
            "def" => "function definition".to_owned(),
            "class" => "class definition".to_owned(),
            "if" | "elif" | "else" | "for" | "while" | "with" | "try" | "finally" | "match"
            | "case" => format!("'{word}' statement"),
            "except" => {
                let rest = self.text[first + word.len()..].trim_start_matches([' ', '\t']);
                let star = if rest.starts_with('*') { "*" } else { "" };
                format!("'except{star}' statement")
            }
            _ => return None,
        })
    }

    fn word_at(&self, at: usize) -> &str {
        let rest = &self.bytes[at..];
        let end = rest
            .iter()
            .position(|byte| !strings::is_word_byte(*byte))
            .unwrap_or(rest.len());
        self.text.get(at..at + end).unwrap_or("")
    }

    fn unexpected_indent(&self) -> Checked<()> {
        let previous = self.indents.last().copied().unwrap_or_default();
        let mut error = SyntaxError::new("unexpected indent", self.first_token())
            .kind(ErrorKind::Indentation)
            .label("indented deeper than the line before, which opens no block");
        if previous.column == 0 && self.indents.len() == 1 {
            error = error.help("begin the line in the first column");
        } else {
            error = error.help(format!("indent it by {}, as its block is", previous.column));
        }
        error.fail()
    }

    fn tab_error(&self, other: Indent) -> Checked<()> {
        let here = self.first_token();
        let mut error =
            SyntaxError::new("inconsistent use of tabs and spaces in indentation", here)
                .kind(ErrorKind::Tab)
                .label("how deep this line is depends on the width of a tab")
                .help("indent with spaces alone");
        if other.at > 0 {
            error = error.related(self.character_span(other.at), "compared with this line");
        }
        error.fail()
    }

    /// The first character of the current line.
    fn first_token(&self) -> crate::syntax::span::Span {
        self.character_span(self.line.first)
    }
}
