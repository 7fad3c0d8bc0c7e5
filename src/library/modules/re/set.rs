//! Sets of characters, as they stand in brackets or behind a backslash. It must not know how they
//! are written.

use crate::value::unicode;

/// The classes that have a letter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Class {
    Digit,
    Space,
    Word,
}

/// A set of characters.
#[derive(Clone, Debug, Default)]
pub struct Set {
    pub negated: bool,
    ignores_case: bool,
    ranges: Vec<(u32, u32)>,
    /// Class, whether only ASCII counts, whether it is everything else.
    classes: Vec<(Class, bool, bool)>,
    /// The answers for the first 128 characters.
    table: Option<[bool; 128]>,
}

/// Whether a character is of a class.
pub fn is_of(class: Class, ascii: bool, character: u32) -> bool {
    let Some(c) = char::from_u32(character) else {
        return false;
    };
    if ascii || c.is_ascii() {
        return match class {
            Class::Digit => c.is_ascii_digit(),
            Class::Space => {
                matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
                    || !ascii && matches!(c, '\x1c'..='\x1f')
            }
            Class::Word => c.is_ascii_alphanumeric() || c == '_',
        };
    }
    match class {
        Class::Digit => unicode::is_decimal(c),
        Class::Space => unicode::is_space(c),
        Class::Word => unicode::is_alphanumeric(c) || c == '_',
    }
}

/// The other forms of a character when case does not count.
pub fn other_cases(character: u32) -> [u32; 2] {
    let Some(c) = char::from_u32(character) else {
        return [character; 2];
    };
    if c.is_ascii() {
        return [c.to_ascii_lowercase() as u32, c.to_ascii_uppercase() as u32];
    }
    let single = |mut cases: Box<dyn Iterator<Item = char>>| match (cases.next(), cases.next()) {
        (Some(one), None) => one as u32,
        _ => character,
    };
    [
        single(Box::new(c.to_lowercase())),
        single(Box::new(c.to_uppercase())),
    ]
}

/// Whether two characters are the same when case does not count.
pub fn same_ignoring_case(a: u32, b: u32) -> bool {
    a == b || other_cases(a)[0] == other_cases(b)[0] || other_cases(a)[1] == other_cases(b)[1]
}

impl Set {
    pub fn new(ignores_case: bool) -> Set {
        Set {
            ignores_case,
            ..Set::default()
        }
    }

    pub fn add_range(&mut self, low: u32, high: u32) {
        self.ranges.push((low, high));
    }

    pub fn add_class(&mut self, class: Class, ascii: bool, negated: bool) {
        self.classes.push((class, ascii, negated));
    }

    /// Works the answers for ASCII out.
    pub fn prepare(&mut self) {
        let mut table = [false; 128];
        for (character, answer) in table.iter_mut().enumerate() {
            *answer = self.has_slowly(character as u32);
        }
        self.table = Some(table);
    }

    /// Whether it has a character.
    #[inline]
    pub fn has(&self, character: u32) -> bool {
        if let Some(table) = &self.table
            && let Some(answer) = table.get(character as usize)
        {
            return *answer;
        }
        self.has_slowly(character)
    }

    fn has_slowly(&self, character: u32) -> bool {
        let mut found = self.lists(character);
        if !found && self.ignores_case {
            found = other_cases(character)
                .into_iter()
                .any(|other| self.lists(other));
        }
        found != self.negated
    }

    fn lists(&self, character: u32) -> bool {
        self.ranges
            .iter()
            .any(|(low, high)| (*low..=*high).contains(&character))
            || self
                .classes
                .iter()
                .any(|(class, ascii, negated)| is_of(*class, *ascii, character) != *negated)
    }
}
