//! What begins with a backslash, and sets of characters.

use super::{Parsed, Parser, digit, quoted, shown};
use crate::library::modules::re::set::{Class, Set};
use crate::library::modules::re::tree::{Node, Place};

impl Parser<'_> {
    fn class(&self, c: char) -> Option<Set> {
        let ascii = self.ascii();
        let (class, negated) = match c {
            'd' => (Class::Digit, false),
            'D' => (Class::Digit, true),
            's' => (Class::Space, false),
            'S' => (Class::Space, true),
            'w' => (Class::Word, false),
            'W' => (Class::Word, true),
            _ => return None,
        };
        let mut set = Set::new(self.ignores_case());
        set.add_class(class, ascii, negated);
        Some(set)
    }

    pub(super) fn escape(&mut self) -> Parsed<Node> {
        let start = self.at - 1;
        let Some(c) = self.peek() else {
            return Err(self.wrong("bad escape (end of pattern)", start));
        };
        let c = shown(c);
        if let Some(set) = self.class(c) {
            self.at += 1;
            return Ok(Node::Set(set));
        }
        let ascii = self.ascii();
        let place = match c {
            'A' => Some(Place::TextStart),
            'Z' => Some(Place::TextEnd),
            'b' => Some(Place::Boundary(ascii)),
            'B' => Some(Place::NoBoundary(ascii)),
            _ => None,
        };
        if let Some(place) = place {
            self.at += 1;
            return Ok(Node::At(place));
        }
        if c.is_ascii_digit() && c != '0' {
            self.at += 1;
            let mut number = c as u32 - '0' as u32;
            if let Some(second) = self.peek().and_then(digit) {
                let third = self.text.get(self.at + 1).copied().and_then(digit);
                if c <= '3'
                    && second < 8
                    && c < '8'
                    && let Some(third) = third
                    && third < 8
                {
                    self.at += 2;
                    let value = number * 64 + second * 8 + third;
                    return Ok(Node::Character(value, self.ignores_case()));
                }
                if c < '8' && second < 8 && third.is_some_and(|third| third < 8) {
                    let value = number * 64 + second * 8 + third.unwrap_or(0);
                    return Err(self.wrong(
                        format!(
                            "octal escape value \\{}{}{} outside of range 0-0o377",
                            number,
                            second,
                            third.unwrap_or(value & 7)
                        ),
                        start,
                    ));
                }
                self.at += 1;
                number = number * 10 + second;
            }
            if number > self.groups {
                return Err(self.wrong(format!("invalid group reference {number}"), start + 1));
            }
            self.check_open(number, start)?;
            return Ok(Node::Reference(number, self.ignores_case()));
        }
        let value = self.character_escape(start)?;
        Ok(Node::Character(value, self.ignores_case()))
    }

    /// The character that an escape stands for; `at` is after the backslash.
    fn character_escape(&mut self, start: usize) -> Parsed<u32> {
        let Some(c) = self.peek() else {
            return Err(self.wrong("bad escape (end of pattern)", start));
        };
        self.at += 1;
        let c = shown(c);
        Ok(match c {
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            'x' => self.hexadecimal(start, 2)?,
            'u' if !self.is_bytes => self.hexadecimal(start, 4)?,
            'U' if !self.is_bytes => {
                let value = self.hexadecimal(start, 8)?;
                if char::from_u32(value).is_none() {
                    return Err(self.wrong(format!("bad escape \\U{value:08x}"), start));
                }
                value
            }
            'N' if !self.is_bytes => {
                if !self.take('{') {
                    return Err(self.wrong("missing {", self.at));
                }
                let (name, at) = self.name('}', "character name")?;
                match unicode_names2::character(&name) {
                    Some(found) => found as u32,
                    None => {
                        return Err(self.wrong(
                            format!("undefined character name {}", quoted(&name)),
                            at - 3,
                        ));
                    }
                }
            }
            '0'..='7' => {
                let mut value = c as u32 - '0' as u32;
                let mut count = 1;
                while count < 3
                    && let Some(next) = self.peek().and_then(digit).filter(|d| *d < 8)
                {
                    value = value * 8 + next;
                    self.at += 1;
                    count += 1;
                }
                if value > 0o377 {
                    return Err(self.wrong(
                        format!("octal escape value \\{value:o} outside of range 0-0o377"),
                        start,
                    ));
                }
                value
            }
            c if c.is_ascii_alphanumeric() => {
                return Err(self.wrong(format!("bad escape \\{c}"), start));
            }
            c => c as u32,
        })
    }

    fn hexadecimal(&mut self, start: usize, count: usize) -> Parsed<u32> {
        let mut value = 0u32;
        for _ in 0..count {
            let Some(next) = self
                .peek()
                .and_then(char::from_u32)
                .and_then(|c| c.to_digit(16))
            else {
                let text: String = self.text[start..self.at]
                    .iter()
                    .map(|c| shown(*c))
                    .collect();
                return Err(self.wrong(format!("incomplete escape {text}"), start));
            };
            value = value.wrapping_mul(16).wrapping_add(next);
            self.at += 1;
        }
        Ok(value)
    }

    pub(super) fn set(&mut self) -> Parsed<Set> {
        let start = self.at - 1;
        let mut set = Set::new(self.ignores_case());
        set.negated = self.take('^');
        let first = self.at;
        loop {
            let Some(c) = self.peek() else {
                return Err(self.wrong("unterminated character set", start));
            };
            if c == ']' as u32 && self.at > first {
                self.at += 1;
                return Ok(set);
            }
            let begin = self.at;
            let low = self.set_item(&mut set)?;
            if self.is('-') {
                self.at += 1;
                let Some(c) = self.peek() else {
                    return Err(self.wrong("unterminated character set", start));
                };
                if c == ']' as u32 {
                    self.at += 1;
                    if let Some(low) = low {
                        set.add_range(low, low);
                    }
                    set.add_range('-' as u32, '-' as u32);
                    return Ok(set);
                }
                let high = self.set_item(&mut set)?;
                let (Some(low), Some(high)) = (low, high) else {
                    let text: String = self.text[begin..self.at]
                        .iter()
                        .map(|c| shown(*c))
                        .collect();
                    return Err(self.wrong(format!("bad character range {text}"), begin));
                };
                if high < low {
                    let text: String = self.text[begin..self.at]
                        .iter()
                        .map(|c| shown(*c))
                        .collect();
                    return Err(self.wrong(format!("bad character range {text}"), begin));
                }
                set.add_range(low, high);
            } else if let Some(low) = low {
                set.add_range(low, low);
            }
        }
    }

    /// A character of a set; `None` when it was a class, which is added.
    fn set_item(&mut self, set: &mut Set) -> Parsed<Option<u32>> {
        let start = self.at;
        let Some(c) = self.peek() else {
            return Err(self.wrong("unterminated character set", start));
        };
        self.at += 1;
        if c != '\\' as u32 {
            return Ok(Some(c));
        }
        let Some(next) = self.peek() else {
            return Err(self.wrong("bad escape (end of pattern)", start));
        };
        let ascii = self.ascii();
        let (class, negated) = match shown(next) {
            'd' => (Class::Digit, false),
            'D' => (Class::Digit, true),
            's' => (Class::Space, false),
            'S' => (Class::Space, true),
            'w' => (Class::Word, false),
            'W' => (Class::Word, true),
            _ => return self.character_escape(start).map(Some),
        };
        self.at += 1;
        set.add_class(class, ascii, negated);
        Ok(None)
    }
}
