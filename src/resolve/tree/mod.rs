//! The executable tree: what the evaluator walks. Every name is settled, every node that can fail
//! has a number that leads back to its place in the source. Immutable once made, shared by all
//! threads; only the caches inside it change, and each of them is a single atomic word.

mod expression;
mod statement;

use std::sync::{Arc, OnceLock};

pub use self::expression::*;
pub use self::statement::*;
use crate::syntax::source::Source;
use crate::syntax::span::Span;
use crate::value::Value;
use crate::value::class::Definition;
use crate::value::name::Name;

/// The number of a node within its program, an index into [`Origin::span`].
pub type NodeId = u32;

/// The number of a local variable in its frame.
pub type Slot = u32;

/// Where a program came from; shared by all its codes.
pub struct Origin {
    /// The source text.
    pub source: Arc<Source>,
    /// SHA-256 of the source text: what identifies the program to other processes.
    pub hash: [u8; 32],
    /// Filled when the whole program is resolved.
    pub(super) spans: OnceLock<Box<[Span]>>,
}

impl Origin {
    /// What all places of the program have in common as numbers: the number of a place is this plus
    /// that of its node. The same in every process, and never 0.
    pub fn places(&self) -> u64 {
        let [a, b, c, d, ..] = self.hash;
        u64::from(u32::from_le_bytes([a, b, c, d]).max(1)) << 32
    }

    /// Where a node stands.
    pub fn span(&self, node: NodeId) -> Span {
        self.spans
            .get()
            .and_then(|spans| spans.get(node as usize))
            .copied()
            .unwrap_or_default()
    }
}

/// A whole program.
pub struct Program {
    /// Where it came from.
    pub origin: Arc<Origin>,
    /// The top level.
    pub body: Arc<Code>,
    /// The global names it mentions; nodes refer to them by position.
    pub globals: Vec<Name>,
    /// All codes by the number of their definition, for functions that travel between processes.
    pub codes: Vec<Arc<Code>>,
}

/// What kind of code it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeKind {
    /// The top level of a file or input.
    Module,
    /// A `def`.
    Function,
    /// A `lambda`.
    Lambda,
    /// The body of a `class`: its local variables become the class's attributes.
    Class,
    /// A generator expression; its one parameter is the first iterator.
    GeneratorExpression,
}

/// The parameters of a code. Their slots come first in the frame, in this order: positional ones
/// (positional-only first), keyword-only ones, `*rest`, `**keyword_rest`.
#[derive(Clone, Debug, Default)]
pub struct ParameterLayout {
    /// Names of positional and then keyword-only parameters, in slot order.
    pub names: Vec<Name>,
    /// How many are positional-only.
    pub positional_only: usize,
    /// How many are positional, positional-only ones included.
    pub positional: usize,
    /// How many are keyword-only.
    pub keyword_only: usize,
    /// The name of `*rest`.
    pub rest: Option<Name>,
    /// The name of `**keyword_rest`.
    pub keyword_rest: Option<Name>,
}

impl ParameterLayout {
    /// How many slots the parameters take.
    pub fn slots(&self) -> usize {
        self.positional
            + self.keyword_only
            + usize::from(self.rest.is_some())
            + usize::from(self.keyword_rest.is_some())
    }
}

/// How a captured variable is found where the closure is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// The local slot of the enclosing code that holds the cell.
    Local(Slot),
    /// The captured cell of the enclosing code with this number.
    Captured(u32),
}

/// The code of a function, class body, module or generator expression.
pub struct Code {
    /// Its name: `f`, `<lambda>`, `<module>`, `<genexpr>`.
    pub name: Name,
    /// With the names around it: `A.f`, `f.<locals>.g`.
    pub qualified_name: Name,
    /// What kind it is.
    pub kind: CodeKind,
    /// Where its program came from.
    pub origin: Arc<Origin>,
    /// The number of its definition, an index into [`Program::codes`].
    pub definition: u32,
    /// Its `def`, `lambda` or `class` as a node.
    pub node: NodeId,
    /// [`Origin::places`], close at hand.
    pub places: u64,
    /// Its parameters.
    pub parameters: ParameterLayout,
    /// The names of all local slots, parameters first; temporaries have made-up names.
    pub slot_names: Vec<Name>,
    /// Local slots that hold a cell because an inner code captures the variable. Parameters among
    /// them are moved into a cell on entry, others get an empty cell.
    pub cell_slots: Vec<Slot>,
    /// The variables it captures, in the order the nodes number them.
    pub captures: Vec<Capture>,
    /// Their names.
    pub capture_names: Vec<Name>,
    /// How many local slots it has: for its variables, and those in which the statements of a
    /// generator keep what they need to go on.
    pub slot_count: u32,
    /// How many argument slots may be pending at once in its calls: evaluated arguments of calls
    /// that have not been entered yet. For nested calls the sums along the nesting.
    pub scratch: u32,
    /// Room that its frame takes at most: slots, pending arguments and one more.
    pub room: u32,
    /// How deep its statements and expressions nest at most, for the check of the native stack.
    pub nesting: u32,
    /// Whether calling it makes a generator.
    pub is_generator: bool,
    /// How a generator of it is suspended.
    pub suspension: Suspension,
    /// Positional parameters only, none of them captured, no cells, no generator: a call may
    /// evaluate arguments straight into its slots and go.
    pub is_simple: bool,
    /// The numbers of the global names that it and the codes within it mention: what has to go
    /// along when it travels to a process that may lack them.
    pub global_uses: Vec<u32>,
    /// The docstring.
    pub doc: Option<Value>,
    /// For a class body: the slot of the `__class__` cell that methods capture, if any does.
    pub class_cell: Option<Slot>,
    /// The statements. A lambda's body is one `Return`.
    pub body: Block,
}

impl Code {
    /// How many local slots its frame has.
    #[inline(always)]
    pub fn slots(&self) -> usize {
        self.slot_count as usize
    }

    /// What identifies it to other processes.
    pub fn identity(&self) -> Definition {
        Definition {
            program: self.origin.hash,
            node: self.definition,
        }
    }
}

/// How a generator is suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspension {
    /// Anywhere: it has a native stack of its own.
    Stack,
    /// A generator expression of one clause, between two turns of its loop.
    Turns,
    /// At statements only: each of its blocks that may be suspended keeps its position in a slot.
    /// This is the slot of the whole body.
    Positions(Slot),
}
