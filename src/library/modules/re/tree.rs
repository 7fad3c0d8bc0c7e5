//! A regular expression as a tree, and what can be asked of it. It must not know its notation, nor how it is matched.

use super::set::Set;

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
