//! A regular expression as instructions for the machine. It must not know how they are carried
//! out.

use super::set::Set;
use super::tree::{Expression, FOR_EVER, Node, Place, Way, width};

/// What to do next. Places are numbers of instructions.
#[derive(Debug)]
pub enum Step {
    Character(u32),
    CharacterAnyCase(u32),
    Set(usize),
    Any,
    AnyButLineEnd,
    At(Place),
    /// Notes the position in a slot: two for each group.
    Save(usize),
    /// Tries the first place, and the second when that fails.
    Split(usize, usize),
    Jump(usize),
    Reference(u32, bool),
    /// A part of its own up to `End`: looking ahead or behind, or without a way back.
    Part {
        kind: Part,
        /// How far to go back first.
        back: usize,
        /// Where to go on: when a negative one fails, or after `End`.
        then: usize,
    },
    End,
    /// One character after another, as many as there are of a kind.
    Run {
        of: Box<Step>,
        least: u32,
        most: u32,
        way: Way,
    },
    /// Begins to count in a register.
    Begin(usize),
    /// Once more, or on.
    Again {
        register: usize,
        least: u32,
        most: u32,
        lazy: bool,
        body: usize,
    },
    /// Goes on at the place unless the group has matched.
    UnlessGroup(u32, usize),
    Matched,
}

/// The kinds of parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    Look,
    NegativeLook,
    Atomic,
}

/// A compiled expression.
pub struct Program {
    pub steps: Vec<Step>,
    pub sets: Vec<Set>,
    pub groups: u32,
    pub registers: usize,
    /// What every match begins with, to look for it quickly.
    pub first: Option<u32>,
}

struct Compiler {
    steps: Vec<Step>,
    sets: Vec<Set>,
    registers: usize,
}

/// Compiles an expression.
pub fn compile(expression: &Expression) -> Program {
    let mut compiler = Compiler {
        steps: Vec::new(),
        sets: Vec::new(),
        registers: 0,
    };
    compiler.node(&expression.node);
    compiler.steps.push(Step::Matched);
    Program {
        steps: compiler.steps,
        sets: compiler.sets,
        groups: expression.groups,
        registers: compiler.registers,
        first: first(&expression.node),
    }
}

/// The character that every match begins with, if there is just one.
fn first(node: &Node) -> Option<u32> {
    match node {
        Node::Character(c, false) => Some(*c),
        Node::Sequence(nodes) => first(nodes.first()?),
        Node::Group(_, node) | Node::Atomic(node) => first(node),
        Node::Repeat { node, least, .. } if *least > 0 => first(node),
        _ => None,
    }
}

impl Compiler {
    fn here(&self) -> usize {
        self.steps.len()
    }

    fn single(&mut self, node: &Node) -> Option<Step> {
        Some(match node {
            Node::Character(c, false) => Step::Character(*c),
            Node::Character(c, true) => {
                let [lower, upper] = super::set::other_cases(*c);
                if lower == upper {
                    Step::Character(*c)
                } else {
                    Step::CharacterAnyCase(*c)
                }
            }
            Node::Set(set) => {
                let mut set = set.clone();
                set.prepare();
                self.sets.push(set);
                Step::Set(self.sets.len() - 1)
            }
            Node::Any(true) => Step::Any,
            Node::Any(false) => Step::AnyButLineEnd,
            _ => return None,
        })
    }

    fn node(&mut self, node: &Node) {
        if let Some(step) = self.single(node) {
            self.steps.push(step);
            return;
        }
        match node {
            Node::At(place) => self.steps.push(Step::At(*place)),
            Node::Sequence(nodes) => nodes.iter().for_each(|node| self.node(node)),
            Node::Either(nodes) => self.either(nodes),
            Node::Group(number, node) => {
                let slot = 2 * *number as usize;
                self.steps.push(Step::Save(slot));
                self.node(node);
                self.steps.push(Step::Save(slot + 1));
            }
            Node::Repeat {
                node,
                least,
                most,
                way,
            } => self.repeat(node, *least, *most, *way),
            Node::Reference(group, any_case) => {
                self.steps.push(Step::Reference(*group, *any_case));
            }
            Node::Look {
                behind,
                negative,
                node,
            } => {
                let back = if *behind {
                    width(node).map_or(0, |(least, _)| least as usize)
                } else {
                    0
                };
                let kind = if *negative {
                    Part::NegativeLook
                } else {
                    Part::Look
                };
                self.part(kind, back, |this| this.node(node));
            }
            Node::Atomic(node) => self.part(Part::Atomic, 0, |this| this.node(node)),
            Node::Conditional(group, yes, no) => {
                let test = self.here();
                self.steps.push(Step::UnlessGroup(*group, 0));
                self.node(yes);
                let jump = self.here();
                self.steps.push(Step::Jump(0));
                let otherwise = self.here();
                self.steps[test] = Step::UnlessGroup(*group, otherwise);
                self.node(no);
                let end = self.here();
                self.steps[jump] = Step::Jump(end);
            }
            _ => {}
        }
    }

    fn part(&mut self, kind: Part, back: usize, body: impl FnOnce(&mut Self)) {
        let begin = self.here();
        self.steps.push(Step::Jump(0));
        body(self);
        self.steps.push(Step::End);
        let then = self.here();
        self.steps[begin] = Step::Part { kind, back, then };
    }

    fn either(&mut self, nodes: &[Node]) {
        let mut jumps = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            if index + 1 == nodes.len() {
                self.node(node);
                break;
            }
            let split = self.here();
            self.steps.push(Step::Jump(0));
            self.node(node);
            jumps.push(self.here());
            self.steps.push(Step::Jump(0));
            let next = self.here();
            self.steps[split] = Step::Split(split + 1, next);
        }
        let end = self.here();
        for jump in jumps {
            self.steps[jump] = Step::Jump(end);
        }
    }

    fn repeat(&mut self, node: &Node, least: u32, most: u32, way: Way) {
        if most == 0 {
            return;
        }
        if let Some(of) = self.single(node) {
            self.steps.push(Step::Run {
                of: Box::new(of),
                least,
                most,
                way,
            });
            return;
        }
        if way == Way::Possessive {
            self.part(Part::Atomic, 0, |this| {
                this.repeat(node, least, most, Way::Greedy);
            });
            return;
        }
        let lazy = way == Way::Lazy;
        if least == 0 && most == 1 {
            let split = self.here();
            self.steps.push(Step::Jump(0));
            self.node(node);
            let end = self.here();
            self.steps[split] = if lazy {
                Step::Split(end, split + 1)
            } else {
                Step::Split(split + 1, end)
            };
            return;
        }
        let register = self.registers;
        // How often, and where the last turn began.
        self.registers += 2;
        self.steps.push(Step::Begin(register));
        let jump = self.here();
        self.steps.push(Step::Jump(0));
        let body = self.here();
        self.node(node);
        let again = self.here();
        self.steps[jump] = Step::Jump(again);
        self.steps.push(Step::Again {
            register,
            least,
            most: if most == FOR_EVER { u32::MAX } else { most },
            lazy,
            body,
        });
    }
}
