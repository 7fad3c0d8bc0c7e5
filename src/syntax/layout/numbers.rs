//! Numbers: where they end, and what is wrong with those that are none. Their values are the
//! parser's business.

use super::Layout;
use crate::syntax::error::{Checked, SyntaxError};

/// Words that may follow a number without a space between, as in `1if x else 2`.
const FOLLOWING: [&[u8]; 8] = [b"and", b"else", b"for", b"if", b"in", b"is", b"not", b"or"];

impl Layout<'_> {
    /// A number. The first byte is a digit, or a point before a digit.
    pub(super) fn number(&mut self) -> Checked<()> {
        let start = self.at;
        self.line.last = start;
        let prefixed = match (self.byte(0), self.byte(1)) {
            (Some(b'0'), Some(b'x' | b'X')) => Some((16, "hexadecimal")),
            (Some(b'0'), Some(b'o' | b'O')) => Some((8, "octal")),
            (Some(b'0'), Some(b'b' | b'B')) => Some((2, "binary")),
            _ => None,
        };
        if let Some((radix, name)) = prefixed {
            self.at += 2;
            return self.digits_of_radix(start, radix, name);
        }
        let mut float = false;
        self.decimal_digits(start)?;
        if self.byte(0) == Some(b'.') {
            float = true;
            self.at += 1;
            if self.byte(0) == Some(b'_') {
                return self.invalid_number(start, "decimal");
            }
            self.decimal_digits(start)?;
        }
        if let Some(b'e' | b'E') = self.byte(0) {
            let sign = usize::from(matches!(self.byte(1), Some(b'+' | b'-')));
            match self.byte(1 + sign) {
                Some(b'0'..=b'9') => {
                    float = true;
                    self.at += 1 + sign;
                    self.decimal_digits(start)?;
                }
                _ if sign == 1 => return self.invalid_number(start, "decimal"),
                // Perhaps the `e` of `else`.
                _ => {}
            }
        }
        if let Some(b'j' | b'J') = self.byte(0)
            && !self.byte(1).is_some_and(super::strings::is_word_byte)
        {
            return SyntaxError::new("conc has no complex numbers", self.span(start, self.at + 1))
                .label("an imaginary number")
                .help("keep the real and imaginary part in two variables")
                .fail();
        }
        if !float {
            self.check_leading_zeros(start)?;
        }
        self.end_of_number(start, "decimal")
    }

    /// Digits with single underscores between them.
    fn decimal_digits(&mut self, start: usize) -> Checked<()> {
        loop {
            match self.byte(0) {
                Some(b'0'..=b'9') => self.at += 1,
                Some(b'_') if self.at > start => {
                    if !matches!(self.byte(1), Some(b'0'..=b'9')) {
                        return self.invalid_number(start, "decimal");
                    }
                    self.at += 1;
                }
                _ => return Ok(()),
            }
        }
    }

    fn digits_of_radix(&mut self, start: usize, radix: u32, name: &str) -> Checked<()> {
        let mut any = false;
        loop {
            let underscore = usize::from(self.byte(0) == Some(b'_'));
            match self.byte(underscore) {
                Some(byte) if (byte as char).is_digit(radix) => {
                    self.at += 1 + underscore;
                    any = true;
                }
                Some(byte @ b'0'..=b'9') => {
                    let at = self.at + underscore;
                    return SyntaxError::new(
                        format!("invalid digit '{}' in {name} literal", byte as char),
                        self.span(at, at + 1),
                    )
                    .fail();
                }
                _ if !any || underscore == 1 => return self.invalid_number(start, name),
                _ => break,
            }
        }
        self.end_of_number(start, name)
    }

    fn check_leading_zeros(&mut self, start: usize) -> Checked<()> {
        let digits = &self.bytes[start..self.at];
        let zeros = digits
            .iter()
            .take_while(|byte| matches!(byte, b'0' | b'_'))
            .count();
        if zeros == 0 || zeros == digits.len() {
            return Ok(());
        }
        let rest = self.text[start + zeros..self.at].to_owned();
        SyntaxError::new(
            "leading zeros in decimal integer literals are not permitted; use an 0o prefix for \
             octal integers",
            self.span(start, start + zeros),
        )
        .help(format!("write `{rest}`, or `0o{rest}` if octal is meant"))
        .fail()
    }

    /// What follows a number must not look like a part of it.
    fn end_of_number(&mut self, start: usize, name: &str) -> Checked<()> {
        let Some(next) = self.byte(0) else {
            return Ok(());
        };
        let joined = match self
            .text
            .get(self.at..)
            .and_then(|rest| rest.chars().next())
        {
            Some(character) if !character.is_ascii() => unicode_ident::is_xid_continue(character),
            _ => super::strings::is_word_byte(next),
        };
        if !joined {
            return Ok(());
        }
        let rest = &self.bytes[self.at..];
        if FOLLOWING.iter().any(|word| {
            rest.starts_with(word)
                && !rest
                    .get(word.len())
                    .is_some_and(|byte| super::strings::is_word_byte(*byte))
        }) {
            return Ok(());
        }
        self.invalid_number(start, name)
    }

    fn invalid_number(&mut self, start: usize, name: &str) -> Checked<()> {
        let rest = &self.bytes[self.at..];
        let word = rest
            .iter()
            .take_while(|byte| super::strings::is_word_byte(**byte))
            .count();
        let end = (self.at + word).max(start + 1);
        let error = SyntaxError::new(format!("invalid {name} literal"), self.span(start, end));
        let digits = self.text[start..self.at].trim_end_matches(['_', '.']);
        let after = &self.text[self.at..end];
        if name == "decimal" && after.starts_with('_') {
            error.help("a single `_` may stand between two digits")
        } else if name == "decimal" && !after.is_empty() && !digits.is_empty() {
            error
                .label("a name cannot begin with a digit")
                .help(format!(
                    "if `{digits}` times `{after}` is meant, write `{digits} * {after}`"
                ))
        } else {
            error
        }
        .fail()
    }
}
