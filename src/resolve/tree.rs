//! The executable tree: what the evaluator walks. Every name is settled, every node that can fail
//! has a number that leads back to its place in the source. Immutable once made, shared by all
//! threads; only the caches inside it change, and each of them is a single atomic word.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use crate::syntax::source::Source;
use crate::syntax::span::Span;
use crate::value::Value;
use crate::value::class::Definition;
use crate::value::method_cache::MethodCache;
use crate::value::name::Name;
use crate::value::operator::{BinaryOperator, Comparison, UnaryOperator};
use crate::value::slot_cache::SlotCache;

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

/// An expression.
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its place.
    pub id: NodeId,
}

/// The kinds of expression.
pub enum ExprKind {
    /// A constant; its object, if any, is immortal. Tuples of constants are folded to one.
    Constant(Value),
    /// A local variable.
    Local(Slot),
    /// A local variable that an operand after it in the same node assigns: its value must be kept.
    LocalKept(Slot),
    /// A local variable that inner codes capture: the slot holds its cell.
    LocalCell(Slot),
    /// A captured variable.
    Captured(u32),
    /// A global variable or built-in.
    Global(u32),
    /// A name in a class body that is set there: the local slot if bound, else the other
    /// expression (a `Global`, or a `Captured` of an enclosing function).
    ClassLocal(Slot, Box<Expr>),
    /// A keyword of the trade that nothing around it binds: a `Global` of that name. Kept apart
    /// so that tools see it; evaluated as the global, whose built-in it is.
    Trade(u32),
    /// `[a, b]` without stars.
    List(Box<[Expr]>),
    /// `(a, b)` without stars and not constant.
    Tuple(Box<[Expr]>),
    /// `{a, b}` without stars.
    Set(Box<[Expr]>),
    /// A copy of this frozenset: `{1, 2, 3}`.
    ConstantSet(Value),
    /// A display with stars.
    Spread(SpreadKind, Box<[SpreadItem]>),
    /// `{k: v, **d}`; a missing key marks a spread.
    Dict(Box<[(Option<Expr>, Expr)]>),
    /// `not a`.
    Not(Box<Expr>),
    /// `-a`, `+a`, `~a`.
    Unary(UnaryOperator, Box<Expr>),
    /// `a + b`.
    Binary(BinaryOperator, Box<(Expr, Expr)>),
    /// In optimised mode: `+`.
    Add(Box<(Expr, Expr)>),
    /// In optimised mode: `-`.
    Subtract(Box<(Expr, Expr)>),
    /// In optimised mode: `*`.
    Multiply(Box<(Expr, Expr)>),
    /// In optimised mode: a local slot plus an integer constant; the operator as it was written,
    /// `-` for a constant that was negated. With the place of the variable, like the next ones.
    AddLocalConstant(BinaryOperator, Slot, i64, NodeId),
    /// In optimised mode: a local slot and an integer constant.
    LocalConstant(BinaryOperator, Slot, i64, NodeId),
    /// In optimised mode: two local slots.
    LocalLocal(BinaryOperator, [Slot; 2], [NodeId; 2]),
    /// `a and b and …`.
    And(Box<[Expr]>),
    /// `a or b or …`.
    Or(Box<[Expr]>),
    /// `a < b`.
    Compare(Comparison, Box<(Expr, Expr)>),
    /// In optimised mode: a local slot compared with an integer constant.
    CompareLocalConstant(Comparison, Slot, i64, NodeId),
    /// `a is b`; true for `is not`.
    Is(Box<(Expr, Expr)>, bool),
    /// `a in b`; true for `not in`.
    In(Box<(Expr, Expr)>, bool),
    /// `a < b <= c`: at least two comparisons.
    Chain(Box<Chain>),
    /// `then if test else otherwise`: test, then, otherwise.
    Conditional(Box<(Expr, Expr, Expr)>),
    /// `callee(a, b)`.
    Call(Box<Call>),
    /// `object.name(a, b)`, without keywords or stars.
    CallMethod(Box<CallMethod>),
    /// `callee(a, k=b)`, and methods with keywords, without stars.
    CallKeywords(Box<CallKeywords>),
    /// A call with stars.
    CallSpread(Box<CallSpread>),
    /// `super()` in a method of a class: the callee (global `super`), where the `__class__` cell
    /// is, and the first parameter.
    Super(Box<SuperCall>),
    /// `object.name`.
    Attribute(Box<Attribute>),
    /// `object[index]`.
    Subscript(Box<(Expr, Expr)>),
    /// `start:stop:step`; missing parts are the constant `None`.
    Slice(Box<(Expr, Expr, Expr)>),
    /// `def` or `lambda`.
    MakeFunction(Box<MakeFunction>),
    /// `class`, without its decorators.
    MakeClass(Box<MakeClass>),
    /// `[element for …]`, `{…}`, `{k: v …}`.
    Comprehension(Box<Comprehension>),
    /// `(element for …)`: its code, and the first iterable.
    MakeGenerator(Box<(MakeFunction, Expr)>),
    /// `target := value`.
    Named(Box<(Target, Expr)>),
    /// `yield value`.
    Yield(Box<Expr>),
    /// `yield from value`.
    YieldFrom(Box<Expr>),
    /// An f-string.
    FormatString(Box<[FormatPart]>),
}

/// What a display with stars makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpreadKind {
    /// A list.
    List,
    /// A tuple.
    Tuple,
    /// A set.
    Set,
}

/// An item of a display or call with stars.
pub enum SpreadItem {
    /// One value.
    One(Expr),
    /// `*iterable`.
    Many(Expr),
}

/// `a < b <= c`.
pub struct Chain {
    /// The first operand.
    pub first: Expr,
    /// Operators with the operands after them.
    pub rest: Box<[(ChainOperator, Expr)]>,
}

/// A comparison in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainOperator {
    /// `<`, `==`, ….
    Compare(Comparison),
    /// `is`; true for `is not`.
    Is(bool),
    /// `in`; true for `not in`.
    In(bool),
}

/// `callee(a, b)`.
pub struct Call {
    /// What is called.
    pub callee: Expr,
    /// The arguments.
    pub arguments: Box<[Expr]>,
}

/// `object.name(a, b)`.
pub struct CallMethod {
    /// The object.
    pub object: Expr,
    /// The method.
    pub name: Name,
    /// The arguments.
    pub arguments: Box<[Expr]>,
    /// The methods that were found.
    pub cache: MethodCache,
    /// The place of `object.name`.
    pub attribute: NodeId,
}

/// `callee(a, k=b)`.
pub struct CallKeywords {
    /// What is called.
    pub callee: Expr,
    /// Positional arguments, then the values of keyword arguments.
    pub arguments: Box<[Expr]>,
    /// The names of the last arguments.
    pub names: Box<[Name]>,
}

/// Keyword arguments in order; a missing name marks `**mapping`.
pub type Keywords = Box<[(Option<Name>, Expr)]>;

/// A call with stars.
pub struct CallSpread {
    /// What is called.
    pub callee: Expr,
    /// Positional arguments in order.
    pub positional: Box<[SpreadItem]>,
    /// Keyword arguments in order; a missing name marks `**mapping`.
    pub keywords: Keywords,
}

/// `super()`.
pub struct SuperCall {
    /// The global `super`.
    pub callee: Expr,
    /// The `__class__` cell: `Captured` or `LocalCell`.
    pub class: Expr,
    /// The first parameter: `Local` or `LocalCell`.
    pub receiver: Expr,
}

/// `object.name`.
pub struct Attribute {
    /// The object.
    pub object: Expr,
    /// The attribute (private names already mangled).
    pub name: Name,
    /// Shape and slot where it was last found.
    pub cache: SlotCache,
    /// Properties that were found on the class.
    pub properties: MethodCache,
}

/// A `def` or `lambda` as an expression.
pub struct MakeFunction {
    /// Its code.
    pub code: Arc<Code>,
    /// Values of the last positional parameters.
    pub defaults: Box<[Expr]>,
    /// One for each keyword-only parameter.
    pub keyword_defaults: Box<[Option<Expr>]>,
    /// A function that gives its annotations.
    pub annotations: Option<Expr>,
    /// Whether it stands at the top level of the module, or of a class there, outside any loop, so
    /// that its first execution makes a function that is never counted nor freed.
    pub top_level: bool,
    /// Whether it has been executed: a program that is run again makes counted functions.
    pub made: AtomicBool,
}

/// A `class` as an expression.
pub struct MakeClass {
    /// The code of its body.
    pub code: Arc<Code>,
    /// The bases, possibly starred.
    pub bases: Box<[SpreadItem]>,
    /// Keyword arguments (for `__init_subclass__`); a missing name marks `**mapping`.
    pub keywords: Keywords,
    /// As for functions.
    pub top_level: bool,
    /// As for functions.
    pub made: AtomicBool,
}

/// A comprehension, evaluated within the frame it stands in.
pub struct Comprehension {
    /// What it makes.
    pub kind: ComprehensionKind,
    /// The element; the value for a dict.
    pub element: Expr,
    /// The clauses from left to right.
    pub clauses: Box<[Clause]>,
    /// Slots of its variables, unset on entry.
    pub variables: Box<[Slot]>,
    /// Those of its variables that inner codes capture: each gets a fresh cell on entry.
    pub cell_variables: Box<[Slot]>,
}

/// What a comprehension makes.
pub enum ComprehensionKind {
    /// A list.
    List,
    /// A set.
    Set,
    /// A dict, with the key.
    Dict(Expr),
}

/// `for target in iterable if condition …`.
pub struct Clause {
    /// The loop variable.
    pub target: Target,
    /// What is iterated.
    pub iterable: Expr,
    /// The conditions.
    pub conditions: Box<[Expr]>,
}

/// A part of an f-string.
pub enum FormatPart {
    /// Text.
    Text(Arc<str>),
    /// A field.
    Field(Box<FormatField>),
}

/// A replacement field.
pub struct FormatField {
    /// The value.
    pub value: Expr,
    /// `!r`, `!s`, `!a`.
    pub conversion: Option<crate::syntax::ast::Conversion>,
    /// The format, fields included; empty when absent.
    pub format: Box<[FormatPart]>,
}
