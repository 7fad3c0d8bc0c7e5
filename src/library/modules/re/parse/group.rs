//! What stands in parentheses: groups, looks, conditionals, flags.

use super::{Parsed, Parser, quoted, shown};
use crate::library::modules::re::tree::{
    ASCII, DOT_ALL, IGNORE_CASE, LOCALE, MULTI_LINE, Node, UNICODE, VERBOSE, width,
};

impl Parser<'_> {
    pub(super) fn name(&mut self, end: char, what: &str) -> Parsed<(String, usize)> {
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

    pub(super) fn group(&mut self) -> Parsed<Option<Node>> {
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

    pub(super) fn check_open(&self, group: u32, at: usize) -> Parsed<()> {
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
}
