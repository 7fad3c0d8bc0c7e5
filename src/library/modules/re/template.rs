//! What replaces a match: a text with references to groups. It must not know how matches are
//! found.

use super::error::raise;
use super::pattern::Pattern;
use super::text::bytes_of;
use crate::value::exception::{Raised, index_error};
use crate::value::{Outcome, Value};

/// A piece of a replacement.
pub enum Piece {
    Text(Vec<u8>),
    Group(usize),
}

/// The pieces of a replacement; a lone text when it has no backslash.
///
/// # Errors
/// `re.PatternError` for what is wrong with it, `IndexError` for unknown names of groups.
pub fn parse(template: &Value, pattern: &Pattern) -> Outcome<Vec<Piece>> {
    let bytes = bytes_of(template).unwrap_or_default();
    if !bytes.contains(&b'\\') {
        return Ok(vec![Piece::Text(bytes.into_owned())]);
    }
    let is_text = template.unwrapped().as_str().is_some();
    let characters: Vec<u32> = match template.unwrapped().as_str() {
        Some(text) => text.chars().map(|c| c as u32).collect(),
        None => bytes.iter().map(|b| u32::from(*b)).collect(),
    };
    let mut parser = Parser {
        template,
        pattern,
        characters,
        is_text,
        at: 0,
        pieces: Vec::new(),
        text: Vec::new(),
    };
    parser.run()?;
    Ok(parser.pieces)
}

struct Parser<'a> {
    template: &'a Value,
    pattern: &'a Pattern,
    characters: Vec<u32>,
    is_text: bool,
    at: usize,
    pieces: Vec<Piece>,
    text: Vec<u8>,
}

impl Parser<'_> {
    fn wrong(&self, message: impl Into<String>, position: usize) -> Raised {
        raise(&message.into(), self.template, Some(position))
    }

    fn push(&mut self, character: u32) {
        if self.is_text {
            let mut buffer = [0; 4];
            let c = char::from_u32(character).unwrap_or('\u{fffd}');
            self.text
                .extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
        } else {
            self.text.push(character as u8);
        }
    }

    fn group(&mut self, number: usize, position: usize) -> Outcome<()> {
        if number > self.pattern.program.groups as usize {
            return Err(self.wrong(format!("invalid group reference {number}"), position));
        }
        let text = std::mem::take(&mut self.text);
        if !text.is_empty() {
            self.pieces.push(Piece::Text(text));
        }
        self.pieces.push(Piece::Group(number));
        Ok(())
    }

    fn digit(&self, offset: usize) -> Option<u32> {
        let c = char::from_u32(*self.characters.get(self.at + offset)?)?;
        if c.is_ascii() { c.to_digit(10) } else { None }
    }

    fn run(&mut self) -> Outcome<()> {
        while let Some(&c) = self.characters.get(self.at) {
            self.at += 1;
            if c != '\\' as u32 {
                self.push(c);
                continue;
            }
            let start = self.at - 1;
            let Some(c) = self
                .characters
                .get(self.at)
                .and_then(|c| char::from_u32(*c))
            else {
                return Err(self.wrong("bad escape (end of pattern)", start));
            };
            self.at += 1;
            match c {
                'g' => self.named()?,
                '0' => {
                    let mut value = 0;
                    let mut count = 0;
                    while count < 2
                        && let Some(next) = self.digit(0).filter(|d| *d < 8)
                    {
                        value = value * 8 + next;
                        self.at += 1;
                        count += 1;
                    }
                    self.push(value);
                }
                '1'..='9' => self.numbered(c, start)?,
                'a' => self.push(7),
                'b' => self.push(8),
                'f' => self.push(12),
                'n' => self.push(10),
                'r' => self.push(13),
                't' => self.push(9),
                'v' => self.push(11),
                '\\' => self.push('\\' as u32),
                c if c.is_ascii_alphabetic() => {
                    return Err(self.wrong(format!("bad escape \\{c}"), start));
                }
                c => {
                    self.push('\\' as u32);
                    self.push(c as u32);
                }
            }
        }
        let text = std::mem::take(&mut self.text);
        if !text.is_empty() {
            self.pieces.push(Piece::Text(text));
        }
        Ok(())
    }

    fn numbered(&mut self, first: char, start: usize) -> Outcome<()> {
        let mut number = first as u32 - '0' as u32;
        if let Some(second) = self.digit(0) {
            if number < 8
                && second < 8
                && let Some(third) = self.digit(1).filter(|third| *third < 8)
            {
                let value = number * 64 + second * 8 + third;
                self.at += 2;
                if value > 0o377 {
                    return Err(self.wrong(
                        format!("octal escape value \\{value:o} outside of range 0-0o377"),
                        start,
                    ));
                }
                self.push(value);
                return Ok(());
            }
            number = number * 10 + second;
            self.at += 1;
        }
        self.group(number as usize, start + 1)
    }

    fn named(&mut self) -> Outcome<()> {
        if self.characters.get(self.at) != Some(&('<' as u32)) {
            return Err(self.wrong("missing <", self.at));
        }
        self.at += 1;
        let start = self.at;
        let mut name = String::new();
        loop {
            match self
                .characters
                .get(self.at)
                .and_then(|c| char::from_u32(*c))
            {
                Some('>') => {
                    self.at += 1;
                    break;
                }
                Some(c) => {
                    name.push(c);
                    self.at += 1;
                }
                None if name.is_empty() => return Err(self.wrong("missing group name", start)),
                None => return Err(self.wrong("missing >, unterminated name", start)),
            }
        }
        if name.is_empty() {
            return Err(self.wrong("missing group name", start));
        }
        if name.bytes().all(|b| b.is_ascii_digit()) {
            let number = name.parse::<usize>().unwrap_or(usize::MAX);
            return self.group(number, start);
        }
        if !crate::value::unicode::is_identifier(&name) {
            let mut shown = String::new();
            crate::value::quote::write_quoted(&mut shown, &name);
            return Err(self.wrong(format!("bad character in group name {shown}"), start));
        }
        match self.pattern.named(&name) {
            Some(number) => self.group(number, start),
            None => Err(index_error(format!("unknown group name '{name}'"))),
        }
    }
}
