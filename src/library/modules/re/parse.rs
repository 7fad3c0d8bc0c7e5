//! Regular expressions as text, in Python's notation, to a tree. It must not know how they are
//! matched.

mod escape;
mod group;

use super::tree::{
    ASCII, DOT_ALL, Expression, FOR_EVER, IGNORE_CASE, LOCALE, MULTI_LINE, Node, Place, UNICODE,
    VERBOSE, Way, Wrong,
};

type Parsed<T> = Result<T, Wrong>;

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
}
