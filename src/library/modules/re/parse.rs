//! Regular expressions as text, in Python's notation, to a tree. It must not know how they are
//! matched.

use super::set::{Class, Set};

/// `re.IGNORECASE` and so on, with CPython's numbers.
pub const IGNORE_CASE: u32 = 2;
pub const LOCALE: u32 = 4;
pub const MULTI_LINE: u32 = 8;
pub const DOT_ALL: u32 = 16;
pub const UNICODE: u32 = 32;
pub const VERBOSE: u32 = 64;
pub const ASCII: u32 = 256;

/// What is wrong with an expression, and where.
#[derive(Debug)]
pub struct Wrong {
    pub message: String,
    pub position: usize,
}

type Parsed<T> = Result<T, Wrong>;

/// The most that a repeat can say.
pub const FOR_EVER: u32 = u32::MAX;

/// A part of an expression.
#[derive(Clone, Debug)]
pub enum Node {
    Empty,
    /// One character, and whether its case counts not.
    Character(u32, bool),
    Set(Set),
    /// `.`; true if it takes line ends, too.
    Any(bool),
    At(Place),
    Sequence(Vec<Node>),
    Either(Vec<Node>),
    Group(u32, Box<Node>),
    Repeat {
        node: Box<Node>,
        least: u32,
        most: u32,
        way: Way,
    },
    Reference(u32, bool),
    Look {
        behind: bool,
        negative: bool,
        node: Box<Node>,
    },
    Atomic(Box<Node>),
    Conditional(u32, Box<Node>, Box<Node>),
}

/// A place without width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    TextStart,
    LineStart,
    TextEnd,
    /// The end, or before a line end that ends the text.
    AlmostEnd,
    LineEnd,
    Boundary(bool),
    NoBoundary(bool),
}

/// In which order numbers of repeats are tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    Greedy,
    Lazy,
    Possessive,
}

/// An expression.
pub struct Expression {
    pub node: Node,
    pub flags: u32,
    /// How many groups, the whole not counted.
    pub groups: u32,
    pub names: Vec<(String, u32)>,
}

struct Parser<'t> {
    text: &'t [u32],
    at: usize,
    flags: u32,
    global: u32,
    is_bytes: bool,
    groups: u32,
    /// Groups that are not closed yet.
    open: Vec<u32>,
    names: Vec<(String, u32)>,
    depth: u32,
    /// Conditionals whose group was not there yet: number and position.
    conditions: Vec<(u32, usize)>,
    /// Groups that exist when a look-behind begins; references to later ones are refused there.
    behind: Option<u32>,
}

const MOST_DEPTH: u32 = 200;

/// Parses an expression, given as its characters or bytes.
pub fn parse(text: &[u32], flags: u32, is_bytes: bool) -> Parsed<Expression> {
    let mut flags = flags;
    if is_bytes {
        if flags & UNICODE != 0 {
            return Err(Wrong {
                message: "!cannot use UNICODE flag with a bytes pattern".into(),
                position: 0,
            });
        }
    } else {
        if flags & LOCALE != 0 {
            return Err(Wrong {
                message: "!cannot use LOCALE flag with a str pattern".into(),
                position: 0,
            });
        }
        if flags & ASCII != 0 && flags & UNICODE != 0 {
            return Err(Wrong {
                message: "!ASCII and UNICODE flags are incompatible".into(),
                position: 0,
            });
        }
        if flags & ASCII == 0 {
            flags |= UNICODE;
        }
    }
    let attempt = |flags: u32| -> Parsed<(Node, Parser)> {
        let mut parser = Parser {
            text,
            at: 0,
            flags,
            global: flags,
            is_bytes,
            groups: 0,
            open: Vec::new(),
            names: Vec::new(),
            depth: 0,
            conditions: Vec::new(),
            behind: None,
        };
        let node = parser.alternatives()?;
        if parser.at < text.len() {
            return Err(parser.wrong("unbalanced parenthesis", parser.at));
        }
        Ok((node, parser))
    };
    let (mut node, mut parser) = attempt(flags)?;
    if parser.global & VERBOSE != 0 && flags & VERBOSE == 0 {
        // Whether blanks count is known only now.
        (node, parser) = attempt(flags | VERBOSE)?;
    }
    for (group, position) in &parser.conditions {
        if *group > parser.groups {
            return Err(Wrong {
                message: format!("invalid group reference {group}"),
                position: *position,
            });
        }
    }
    let mut all = parser.global;
    if all & ASCII != 0 && !is_bytes {
        all &= !UNICODE;
    }
    Ok(Expression {
        node,
        flags: all,
        groups: parser.groups,
        names: parser.names,
    })
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    crate::value::quote::write_quoted(&mut out, text);
    out
}

fn digit(character: u32) -> Option<u32> {
    char::from_u32(character).and_then(|c| if c.is_ascii() { c.to_digit(10) } else { None })
}

fn shown(character: u32) -> char {
    char::from_u32(character).unwrap_or('?')
}

impl<'t> Parser<'t> {
    fn wrong(&self, message: impl Into<String>, position: usize) -> Wrong {
        Wrong {
            message: message.into(),
            position,
        }
    }

    fn peek(&self) -> Option<u32> {
        self.text.get(self.at).copied()
    }

    fn is(&self, character: char) -> bool {
        self.peek() == Some(character as u32)
    }

    fn take(&mut self, character: char) -> bool {
        let found = self.is(character);
        if found {
            self.at += 1;
        }
        found
    }

    fn ascii(&self) -> bool {
        self.is_bytes || self.flags & ASCII != 0
    }

    fn ignores_case(&self) -> bool {
        self.flags & IGNORE_CASE != 0
    }

    fn alternatives(&mut self) -> Parsed<Node> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(self.wrong("expression is nested too deeply", self.at));
        }
        let mut branches = vec![self.sequence()?];
        while self.take('|') {
            branches.push(self.sequence()?);
        }
        self.depth -= 1;
        Ok(match branches.len() {
            1 => branches.pop().unwrap_or(Node::Empty),
            _ => Node::Either(branches),
        })
    }

    fn skip_blanks(&mut self) {
        if self.flags & VERBOSE == 0 {
            return;
        }
        while let Some(c) = self.peek() {
            if matches!(shown(c), ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c') {
                self.at += 1;
            } else if c == '#' as u32 {
                while let Some(c) = self.peek() {
                    self.at += 1;
                    if c == '\n' as u32 {
                        break;
                    }
                }
            } else {
                break;
            }
        }
    }

    fn sequence(&mut self) -> Parsed<Node> {
        let mut nodes = Vec::new();
        loop {
            self.skip_blanks();
            let Some(c) = self.peek() else { break };
            if c == '|' as u32 || c == ')' as u32 {
                break;
            }
            let start = self.at;
            if matches!(shown(c), '*' | '+' | '?') {
                return Err(self.wrong("nothing to repeat", start));
            }
            if c == '{' as u32 && self.bounds()?.is_some() {
                return Err(self.wrong("nothing to repeat", start));
            }
            let Some(node) = self.atom()? else { continue };
            let node = self.repeated(node)?;
            nodes.push(node);
        }
        Ok(match nodes.len() {
            0 => Node::Empty,
            1 => nodes.pop().unwrap_or(Node::Empty),
            _ => Node::Sequence(nodes),
        })
    }

    /// `{m,n}`, taken if it is one.
    fn bounds(&mut self) -> Parsed<Option<(u32, u32)>> {
        let start = self.at;
        self.at += 1;
        let number = |this: &mut Self| -> Parsed<Option<u32>> {
            let mut value: Option<u64> = None;
            while let Some(d) = this.peek().and_then(digit) {
                this.at += 1;
                value = Some(
                    value
                        .unwrap_or(0)
                        .saturating_mul(10)
                        .saturating_add(d.into()),
                );
            }
            match value {
                Some(value) if value >= u64::from(FOR_EVER) => Err(Wrong {
                    message: "^the repetition number is too large".into(),
                    position: start,
                }),
                Some(value) => Ok(Some(value as u32)),
                None => Ok(None),
            }
        };
        let low = number(self)?;
        let (least, most) = if self.take(',') {
            let high = number(self)?;
            (low.unwrap_or(0), high.unwrap_or(FOR_EVER))
        } else {
            match low {
                Some(low) => (low, low),
                None => {
                    self.at = start;
                    return Ok(None);
                }
            }
        };
        if !self.take('}') {
            self.at = start;
            return Ok(None);
        }
        if most < least {
            return Err(self.wrong("min repeat greater than max repeat", start + 1));
        }
        Ok(Some((least, most)))
    }

    fn repeated(&mut self, mut node: Node) -> Parsed<Node> {
        let mut before = false;
        loop {
            self.skip_blanks();
            let start = self.at;
            let (least, most) = match self.peek().map(shown) {
                Some('*') => (0, FOR_EVER),
                Some('+') => (1, FOR_EVER),
                Some('?') => (0, 1),
                Some('{') => match self.bounds()? {
                    Some((least, most)) => {
                        self.at -= 1;
                        (least, most)
                    }
                    None => return Ok(node),
                },
                _ => return Ok(node),
            };
            self.at += 1;
            if before {
                return Err(self.wrong("multiple repeat", start));
            }
            if matches!(node, Node::At(_)) || matches!(node, Node::Empty) {
                return Err(self.wrong("nothing to repeat", start));
            }
            let way = if self.take('?') {
                Way::Lazy
            } else if self.take('+') {
                Way::Possessive
            } else {
                Way::Greedy
            };
            node = Node::Repeat {
                node: Box::new(node),
                least,
                most,
                way,
            };
            before = true;
        }
    }

    fn atom(&mut self) -> Parsed<Option<Node>> {
        let Some(c) = self.peek() else {
            return Ok(Some(Node::Empty));
        };
        self.at += 1;
        Ok(Some(match shown(c) {
            '.' => Node::Any(self.flags & DOT_ALL != 0),
            '^' => Node::At(if self.flags & MULTI_LINE != 0 {
                Place::LineStart
            } else {
                Place::TextStart
            }),
            '$' => Node::At(if self.flags & MULTI_LINE != 0 {
                Place::LineEnd
            } else {
                Place::AlmostEnd
            }),
            '(' => return self.group(),
            '[' => Node::Set(self.set()?),
            '\\' => self.escape()?,
            _ => Node::Character(c, self.ignores_case()),
        }))
    }

    fn name(&mut self, end: char, what: &str) -> Parsed<(String, usize)> {
        let start = self.at;
        let mut name = String::new();
        loop {
            match self.peek() {
                Some(c) if c == end as u32 => {
                    self.at += 1;
                    break;
                }
                Some(c) => {
                    name.push(shown(c));
                    self.at += 1;
                }
                None if name.is_empty() => return Err(self.wrong(format!("missing {what}"), start)),
                None => {
                    return Err(self.wrong(format!("missing {end}, unterminated name"), start));
                }
            }
        }
        if name.is_empty() {
            return Err(self.wrong(format!("missing {what}"), start));
        }
        Ok((name, start))
    }

    fn known(&self, name: &str) -> Option<u32> {
        self.names
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, number)| *number)
    }

    fn group(&mut self) -> Parsed<Option<Node>> {
        let start = self.at - 1;
        let mut capture = true;
        let mut name = None;
        let outer = self.flags;
        let mut around: Option<fn(Box<Node>) -> Node> = None;
        if self.take('?') {
            let Some(c) = self.peek() else {
                return Err(self.wrong("unexpected end of pattern", self.at));
            };
            self.at += 1;
            match shown(c) {
                ':' => capture = false,
                'P' => {
                    if self.take('<') {
                        let (given, at) = self.name('>', "group name")?;
                        self.check_name(&given, at)?;
                        name = Some((given, at));
                    } else if self.take('=') {
                        let (given, at) = self.name(')', "group name")?;
                        self.check_name(&given, at)?;
                        let Some(number) = self.known(&given) else {
                            return Err(self.wrong(format!("unknown group name '{given}'"), at));
                        };
                        self.check_open(number, at)?;
                        return Ok(Some(Node::Reference(number, self.ignores_case())));
                    } else {
                        let Some(c) = self.peek() else {
                            return Err(self.wrong("unexpected end of pattern", self.at));
                        };
                        return Err(
                            self.wrong(format!("unknown extension ?P{}", shown(c)), start + 1)
                        );
                    }
                }
                '#' => loop {
                    match self.peek() {
                        None => {
                            return Err(self.wrong("missing ), unterminated comment", start));
                        }
                        Some(c) => {
                            self.at += 1;
                            if c == ')' as u32 {
                                return Ok(None);
                            }
                        }
                    }
                },
                '=' | '!' | '<' => {
                    let mut behind = false;
                    let mut sign = c;
                    if c == '<' as u32 {
                        let Some(next) = self.peek() else {
                            return Err(self.wrong("unexpected end of pattern", self.at));
                        };
                        if next != '=' as u32 && next != '!' as u32 {
                            return Err(self
                                .wrong(format!("unknown extension ?<{}", shown(next)), start + 1));
                        }
                        self.at += 1;
                        sign = next;
                        behind = true;
                    }
                    let before = self.behind;
                    if behind && before.is_none() {
                        self.behind = Some(self.groups);
                    }
                    let node = self.alternatives()?;
                    self.behind = before;
                    self.close(start)?;
                    if behind && width(&node).is_none_or(|(least, most)| least != most) {
                        return Err(self.wrong("^look-behind requires fixed-width pattern", 0));
                    }
                    return Ok(Some(Node::Look {
                        behind,
                        negative: sign == '!' as u32,
                        node: Box::new(node),
                    }));
                }
                '(' => return self.conditional(start).map(Some),
                '>' => {
                    capture = false;
                    around = Some(Node::Atomic);
                }
                _ => {
                    self.at -= 1;
                    match self.inline_flags(start)? {
                        None => return Ok(None),
                        Some(flags) => {
                            capture = false;
                            self.flags = flags;
                        }
                    }
                }
            }
        }
        let mut number = 0;
        if capture {
            self.groups += 1;
            number = self.groups;
            if let Some((name, at)) = name {
                if let Some(before) = self.known(&name) {
                    return Err(self.wrong(
                        format!(
                            "redefinition of group name '{name}' as group {number}; was group {before}"
                        ),
                        at,
                    ));
                }
                self.names.push((name, number));
            }
            self.open.push(number);
        }
        let node = self.alternatives()?;
        self.close(start)?;
        self.flags = outer;
        if capture {
            self.open.pop();
            return Ok(Some(Node::Group(number, Box::new(node))));
        }
        Ok(Some(match around {
            Some(around) => around(Box::new(node)),
            // What stands in `(?:)` can be repeated whatever it is.
            None => match node {
                Node::At(_) | Node::Empty | Node::Repeat { .. } => Node::Sequence(vec![node]),
                node => node,
            },
        }))
    }

    fn close(&mut self, start: usize) -> Parsed<()> {
        if self.take(')') {
            return Ok(());
        }
        Err(self.wrong("missing ), unterminated subpattern", start))
    }

    fn check_name(&self, name: &str, at: usize) -> Parsed<()> {
        let mut characters = name.chars();
        let first = characters
            .next()
            .is_some_and(|c| c == '_' || unicode_ident::is_xid_start(c));
        let good = first
            && characters.all(unicode_ident::is_xid_continue)
            && (!self.is_bytes || name.is_ascii());
        if good {
            return Ok(());
        }
        Err(self.wrong(format!("bad character in group name {}", quoted(name)), at))
    }

    fn check_open(&self, group: u32, at: usize) -> Parsed<()> {
        if self.open.contains(&group) {
            return Err(self.wrong("cannot refer to an open group", at));
        }
        if self.behind.is_some_and(|known| group > known) {
            return Err(self.wrong(
                "cannot refer to group defined in the same lookbehind subpattern",
                self.at,
            ));
        }
        Ok(())
    }

    fn conditional(&mut self, start: usize) -> Parsed<Node> {
        let (name, at) = self.name(')', "group name")?;
        let group = match name.parse::<u32>() {
            Ok(number) if name.bytes().all(|b| b.is_ascii_digit()) => {
                if number == 0 {
                    return Err(self.wrong("bad group number", at));
                }
                self.conditions.push((number, at));
                number
            }
            _ => {
                self.check_name(&name, at)?;
                match self.known(&name) {
                    Some(number) => number,
                    None => return Err(self.wrong(format!("unknown group name '{name}'"), at)),
                }
            }
        };
        let yes = self.sequence()?;
        let no = if self.take('|') {
            let no = self.sequence()?;
            if self.is('|') {
                return Err(self.wrong("conditional backref with more than two branches", self.at));
            }
            no
        } else {
            Node::Empty
        };
        self.close(start)?;
        Ok(Node::Conditional(group, Box::new(yes), Box::new(no)))
    }

    /// `(?i)` for the whole, `None`, or the flags for what follows in `(?i:…)`.
    fn inline_flags(&mut self, start: usize) -> Parsed<Option<u32>> {
        let mut add = 0;
        let mut remove = 0;
        let mut minus = false;
        let first = self.at;
        loop {
            let Some(c) = self.peek() else {
                return Err(self.wrong("missing -, : or )", self.at));
            };
            let flag = match shown(c) {
                'i' => IGNORE_CASE,
                'm' => MULTI_LINE,
                's' => DOT_ALL,
                'x' => VERBOSE,
                'a' => ASCII,
                'u' if !self.is_bytes => UNICODE,
                'L' if self.is_bytes => LOCALE,
                'u' => {
                    return Err(self.wrong(
                        "bad inline flags: cannot use 'u' flag with a bytes pattern",
                        self.at + 1,
                    ));
                }
                'L' => {
                    return Err(self.wrong(
                        "bad inline flags: cannot use 'L' flag with a str pattern",
                        self.at + 1,
                    ));
                }
                ')' if !minus && self.at > first => {
                    self.at += 1;
                    if start != 0 {
                        return Err(
                            self.wrong("global flags not at the start of the expression", start)
                        );
                    }
                    self.global |= add;
                    self.flags |= add;
                    return Ok(None);
                }
                ':' if self.at > first => {
                    if minus && remove == 0 {
                        return Err(self.wrong("missing flag", self.at));
                    }
                    self.at += 1;
                    let mut flags = (self.flags | add) & !remove;
                    if add & ASCII != 0 {
                        flags &= !UNICODE;
                    } else if add & UNICODE != 0 {
                        flags &= !ASCII;
                    }
                    return Ok(Some(flags));
                }
                '-' if !minus => {
                    self.at += 1;
                    minus = true;
                    if self.peek().is_none() {
                        return Err(self.wrong("missing flag", self.at));
                    }
                    continue;
                }
                c if self.at == first => {
                    return Err(self.wrong(format!("unknown extension ?{c}"), start + 1));
                }
                c => {
                    let message = if c.is_alphabetic() {
                        "unknown flag"
                    } else if minus {
                        "missing :"
                    } else {
                        "missing -, : or )"
                    };
                    return Err(self.wrong(message, self.at));
                }
            };
            self.at += 1;
            if minus {
                if flag & (ASCII | UNICODE | LOCALE) != 0 {
                    return Err(self.wrong(
                        "bad inline flags: cannot turn off flags 'a', 'u' and 'L'",
                        self.at,
                    ));
                }
                remove |= flag;
            } else {
                add |= flag;
            }
        }
    }

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

    fn escape(&mut self) -> Parsed<Node> {
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

    fn set(&mut self) -> Parsed<Set> {
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

/// The least and most characters that a part takes; `None` beyond what can be counted.
pub fn width(node: &Node) -> Option<(u32, u32)> {
    const MOST: u32 = 1 << 30;
    Some(match node {
        Node::Empty | Node::At(_) | Node::Look { .. } => (0, 0),
        Node::Character(..) | Node::Set(_) | Node::Any(_) => (1, 1),
        Node::Sequence(nodes) => {
            let mut total = (0u32, 0u32);
            for node in nodes {
                let (least, most) = width(node)?;
                total = (
                    total.0.saturating_add(least).min(MOST),
                    total.1.saturating_add(most).min(MOST),
                );
            }
            total
        }
        Node::Either(nodes) => {
            let mut total = (MOST, 0);
            for node in nodes {
                let (least, most) = width(node)?;
                total = (total.0.min(least), total.1.max(most));
            }
            total
        }
        Node::Group(_, node) | Node::Atomic(node) => width(node)?,
        Node::Repeat {
            node, least, most, ..
        } => {
            let (low, high) = width(node)?;
            (
                low.saturating_mul(*least).min(MOST),
                high.saturating_mul(*most).min(MOST),
            )
        }
        Node::Reference(..) => return None,
        Node::Conditional(_, yes, no) => {
            let (yes, no) = (width(yes)?, width(no)?);
            (yes.0.min(no.0), yes.1.max(no.1))
        }
    })
}
