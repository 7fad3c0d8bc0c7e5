//! Words of any script, and characters that belong to no token: what they are and what was
//! probably meant.

use unicode_ident::{is_xid_continue, is_xid_start};

use super::Layout;
use crate::syntax::error::{Checked, SyntaxError};

impl Layout<'_> {
    /// Passes over a word. Its first byte is a letter, an underscore or not ASCII.
    pub(super) fn scan_word(&mut self) -> Checked<()> {
        let start = self.at;
        loop {
            match self.byte(0) {
                Some(b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'0'..=b'9') => self.at += 1,
                Some(0x80..) => {
                    let Some(character) = self.text[self.at..].chars().next() else {
                        return Ok(());
                    };
                    let first = self.at == start;
                    let fits = if first {
                        is_xid_start(character)
                    } else {
                        is_xid_continue(character)
                    };
                    if !fits {
                        return self.unknown_character();
                    }
                    self.at += character.len_utf8();
                }
                _ => return Ok(()),
            }
        }
    }

    /// Whether what comes next looks like the indentation of a line without being one.
    pub(super) fn is_strange_space(&self) -> bool {
        let next = self.text[self.at..].chars().next();
        next.is_some_and(is_other_space)
    }

    /// The error for a character that can begin no token.
    pub(super) fn unknown_character(&mut self) -> Checked<()> {
        let span = self.character_span(self.at);
        let Some(character) = self.text[self.at..].chars().next() else {
            return Ok(());
        };
        let code = character as u32;
        if character.is_ascii() && !character.is_ascii_control() {
            let error = SyntaxError::new("invalid syntax", span);
            return match character {
                '!' => error
                    .label("`!` is no operator")
                    .help("write `not` for negation, `!=` for inequality"),
                '`' => error.label("a backtick is no part of the language").help(
                    "write `repr(x)` for the text form of a value, and quotes around strings",
                ),
                '?' => error
                    .label("`?` is no part of the language")
                    .help("write `a if condition else b` to choose between two values"),
                '$' => error
                    .label("`$` is no part of the language")
                    .help("a name is written as it is; `{name}` in an f-string puts its value in"),
                _ => error.label(format!("`{character}` is no part of the language")),
            }
            .fail();
        }
        let error = if is_printable(character) {
            SyntaxError::new(
                format!("invalid character '{character}' (U+{code:04X})"),
                span,
            )
        } else {
            SyntaxError::new(
                format!("invalid non-printable character U+{code:04X}"),
                span,
            )
        };
        if takes_no_room(character) {
            return error
                .label("a character that cannot be seen")
                .help("delete it, or type the line anew: it often comes along with copied text")
                .fail();
        }
        match meant(character) {
            Some(meant) => error.label(format!("did you mean {meant}?")),
            None => {
                error.help("only letters, digits and `_` make names; other text belongs in quotes")
            }
        }
        .fail()
    }
}

/// Whether a character is a space in print, but not in a script.
fn is_other_space(character: char) -> bool {
    !character.is_ascii() && (character.is_whitespace() || takes_no_room(character))
}

/// Whether a character shows as itself. Approximates Python's `str.isprintable` as far as error
/// messages need it.
fn is_printable(character: char) -> bool {
    let invisible = character.is_control()
        || character.is_whitespace()
        || matches!(
            character,
            '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
                | '\u{E000}'..='\u{F8FF}' | '\u{E0000}'..='\u{10FFFF}'
        );
    !invisible
}

/// Whether a character is there without being seen.
fn takes_no_room(character: char) -> bool {
    matches!(
        character,
        '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}'
            | '\u{FEFF}'
    )
}

/// The ASCII text that was probably meant by a character that looks like it.
fn meant(character: char) -> Option<String> {
    let ascii = match character {
        '“' | '”' | '„' | '‟' | '«' | '»' | '〝' | '〞' => "\"",
        '‘' | '’' | '‚' | '‛' | '′' | '´' => "'",
        '「' | '」' | '『' | '』' => "\"",
        '、' => ",",
        '。' => ".",
        '【' | '〔' => "[",
        '】' | '〕' => "]",
        '《' | '〈' | '≪' => "<",
        '》' | '〉' | '≫' => ">",
        '–' | '—' | '−' | '‐' | '‑' | '―' => "-",
        '×' | '∗' | '⋅' | '·' => "*",
        '÷' | '∕' | '⁄' => "/",
        '≠' => "!=",
        '≤' => "<=",
        '≥' => ">=",
        '→' => "->",
        '…' => "...",
        '∶' => ":",
        '¬' => "not",
        '∧' => "and",
        '∨' => "or",
        '∈' => "in",
        '√' => "** 0.5",
        '²' => "** 2",
        '³' => "** 3",
        '\u{A0}' | '\u{3000}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' => {
            return Some("an ordinary space".to_owned());
        }
        // The full-width forms of ASCII stand in its order.
        '\u{FF01}'..='\u{FF5E}' => {
            let plain = char::from_u32(character as u32 - 0xFF01 + 0x21)?;
            return Some(format!("`{plain}`"));
        }
        _ => return None,
    };
    Some(format!("`{ascii}`"))
}
