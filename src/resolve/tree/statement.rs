//! The nodes of statements, patterns and targets. They must not know how they are evaluated.

use super::{Expr, NodeId, Slot};
use crate::value::name::Name;
use crate::value::operator::BinaryOperator;
use crate::value::slot_cache::SlotCache;

/// Statements in order.
pub type Block = Box<[Stmt]>;

/// A statement.
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// Its place.
    pub id: NodeId,
}

/// The kinds of statement.
pub enum StmtKind {
    /// For its effect. At the prompt's top level the value is shown.
    Expr(Expr),
    /// At the prompt: show the value unless it is `None`, and keep it as `_`.
    Show(Expr),
    /// `slot = value`: the commonest assignment.
    SetLocal(Slot, Expr),
    /// `targets = value`, targets from left to right.
    Assign(Box<[Target]>, Expr),
    /// `target op= value`.
    Augmented(Box<Augmented>),
    /// In optimised mode: `slot += constant`, with the place of the variable.
    AddLocal(Slot, i64, NodeId),
    /// In optimised mode: `if test: return value`.
    IfReturn(Box<(Expr, Expr)>),
    /// `del`: each target with its place.
    Delete(Box<[(Target, NodeId)]>),
    /// `return value`; a missing value is the constant `None`.
    Return(Expr),
    /// `break`.
    Break,
    /// `continue`.
    Continue,
    /// `pass`, a bare annotation, `global`, `nonlocal`: nothing to do.
    Nothing,
    /// `raise [exception [from cause]]`.
    Raise(Option<Expr>, Option<Expr>),
    /// `assert test, message`.
    Assert(Expr, Option<Expr>),
    /// `if … elif … else`.
    If(Box<[(Expr, Block)]>, Block),
    /// `while test: body else: otherwise`.
    While(Box<(Expr, Block, Block)>),
    /// `for`.
    For(Box<For>),
    /// `try … except`. A `try` with `finally` as well is a `Finally` around this.
    Try(Box<Try>),
    /// `try: body finally: cleanup`.
    Finally(Block, Block),
    /// `with`; several items are nested.
    With(Box<With>),
    /// `import module`.
    Import(Box<Import>),
    /// `from module import names`.
    ImportFrom(Box<ImportFrom>),
    /// `match`.
    Match(Box<Match>),
    /// In optimised mode, where the code is suspended at statements only: one that may be.
    Suspending(Box<Suspending>),
}

/// A statement of a generator that may be suspended in its middle.
pub struct Suspending {
    /// What it is.
    pub kind: SuspendingKind,
    /// The first of the slots in which it keeps what it needs to go on. In those with blocks it has
    /// the position: which block, and the number of the statement in it.
    pub slot: Slot,
}

/// The kinds of statement that may be suspended.
pub enum SuspendingKind {
    /// `yield value`, with its place as an expression.
    Yield(Received, Expr, NodeId),
    /// `yield from value`, likewise. Keeps the iterator, and the place.
    YieldFrom(Received, Expr, NodeId),
    /// `if … elif … else`.
    If(Box<[(Expr, Block)]>, Block),
    /// `while test: body else: otherwise`.
    While(Box<(Expr, Block, Block)>),
    /// `for`. Keeps, behind the position, what it goes over, and where in it it is.
    For(Box<For>),
    /// `try … except`. Keeps the exception that a handler is about.
    Try(Box<Try>),
    /// `try: body finally: cleanup`, where only the body may be suspended.
    Finally(Block, Block),
    /// `with`. Keeps the manager and its `__exit__`.
    With(Box<With>),
    /// `match`.
    Match(Box<Match>),
}

/// What is done with the value of a `yield`.
pub enum Received {
    /// Nothing.
    Nothing,
    /// `slot = yield`.
    Local(Slot),
    /// `targets = yield`.
    Targets(Box<[Target]>),
    /// `slot op= yield`, with the place of the variable.
    Augment(BinaryOperator, Slot, NodeId),
    /// `return (yield)`.
    Return,
}

/// `target op= value`.
pub struct Augmented {
    /// A single target, never an unpacking.
    pub target: Target,
    /// The place of the target.
    pub place: NodeId,
    /// The operator.
    pub op: BinaryOperator,
    /// The right-hand side.
    pub value: Expr,
    /// The present value of a local slot, where finding it takes more than reading the slot after
    /// the right-hand side was evaluated: in a class body, whose variable may still be a global
    /// one, and where the right-hand side has assignment expressions. Evaluated before it.
    pub present: Option<Expr>,
}

/// A `for` loop.
pub struct For {
    /// The loop variable.
    pub target: Target,
    /// What is iterated.
    pub iterable: Expr,
    /// The body.
    pub body: Block,
    /// The `else` block.
    pub otherwise: Block,
    /// In optimised mode: the iterable is a call of the global `range` with one to three
    /// positional arguments, and the target a local slot. The evaluator counts without a range
    /// object when `range` is the built-in at that moment.
    pub counted: bool,
}

/// `try … except … else`.
pub struct Try {
    /// The guarded body.
    pub body: Block,
    /// The handlers in order.
    pub handlers: Box<[Handler]>,
    /// Whether they are `except*`.
    pub star: bool,
    /// The `else` block.
    pub otherwise: Block,
}

/// An `except` clause.
pub struct Handler {
    /// The type or tuple of types; absent in a bare `except:`.
    pub kind: Option<Expr>,
    /// What stands after `as`; unset again after the body.
    pub target: Option<Target>,
    /// The body.
    pub body: Block,
    /// Its place.
    pub id: NodeId,
}

/// A `with` statement of one item.
pub struct With {
    /// The context manager.
    pub context: Expr,
    /// What stands after `as`.
    pub target: Option<Target>,
    /// The body.
    pub body: Block,
}

/// `import a.b.c as x`.
pub struct Import {
    /// The dotted name.
    pub module: Name,
    /// Whether the last module of the dotted name is bound (with `as`), or the first (without).
    pub bind_last: bool,
    /// What it is bound to.
    pub target: Target,
}

/// `from a.b import c as d`.
pub struct ImportFrom {
    /// The dotted name; empty for `from . import x`.
    pub module: Name,
    /// Leading dots.
    pub level: u32,
    /// Each name with what it is bound to; `None` for `*`, which only stands at module level.
    pub names: Option<Box<[(Name, Target, NodeId)]>>,
}

/// A `match` statement.
pub struct Match {
    /// What is matched.
    pub subject: Expr,
    /// Pattern, guard, body.
    pub cases: Box<[(Pattern, Option<Expr>, Block)]>,
}

/// A pattern, with its place.
pub struct Pattern {
    /// What it is.
    pub kind: PatternKind,
    /// Its place.
    pub id: NodeId,
}

/// The kinds of pattern.
pub enum PatternKind {
    /// `_`.
    Wildcard,
    /// Captures into a variable.
    Capture(Target),
    /// Compared with `==`.
    Equal(Expr),
    /// Compared with `is`.
    Same(Expr),
    /// `[a, *rest, b]`: the position of the star and its variable if there is one.
    Sequence {
        /// Patterns before the star, or all.
        before: Box<[Pattern]>,
        /// The star: `None` none, `Some(None)` for `*_`.
        star: Option<Option<Target>>,
        /// Patterns after the star.
        after: Box<[Pattern]>,
    },
    /// `{key: pattern, **rest}`.
    Mapping {
        /// Keys with their patterns.
        items: Box<[(Expr, Pattern)]>,
        /// The variable after `**`.
        rest: Option<Target>,
    },
    /// `Class(a, b, x=c)`.
    Class {
        /// The class.
        class: Expr,
        /// By position.
        positional: Box<[Pattern]>,
        /// By attribute.
        keyword: Box<[(Name, Pattern)]>,
    },
    /// `a | b`.
    Or(Box<[Pattern]>),
    /// `pattern as target`.
    As(Box<Pattern>, Target),
}

/// Where an assignment goes.
pub enum Target {
    /// A local slot.
    Local(Slot),
    /// A local slot that holds a cell.
    LocalCell(Slot),
    /// A captured variable.
    Captured(u32),
    /// A global variable.
    Global(u32, NodeId),
    /// `object.name`.
    Attribute(Box<AttributeTarget>),
    /// `object[index]`.
    Subscript(Box<SubscriptTarget>),
    /// `a, *b, c`.
    Unpack(Box<UnpackTarget>),
}

/// `object.name` as a target.
pub struct AttributeTarget {
    /// The object.
    pub object: Expr,
    /// The attribute (private names already mangled).
    pub name: Name,
    /// Shape and slot where it was last set.
    pub cache: SlotCache,
    /// Shape before and after, where it was last added.
    pub added: SlotCache,
    /// Shape and slot where an augmented assignment last found it: apart, because what may be
    /// read from a slot need not be set there.
    pub read_cache: SlotCache,
    /// Its place.
    pub id: NodeId,
}

/// `object[index]` as a target.
pub struct SubscriptTarget {
    /// The object.
    pub object: Expr,
    /// The index.
    pub index: Expr,
    /// Its place.
    pub id: NodeId,
}

/// `a, *b, c` as a target.
pub struct UnpackTarget {
    /// Before the star, or all.
    pub before: Box<[Target]>,
    /// The starred target.
    pub star: Option<Target>,
    /// After the star.
    pub after: Box<[Target]>,
    /// Its place.
    pub id: NodeId,
}
