//! The nodes of expressions. They must not know how they are evaluated.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{Code, NodeId, Slot, Target};
use crate::syntax::ast::Conversion;
use crate::value::Value;
use crate::value::method_cache::MethodCache;
use crate::value::name::Name;
use crate::value::operator::{BinaryOperator, Comparison, UnaryOperator};
use crate::value::slot_cache::SlotCache;

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
    pub conversion: Option<Conversion>,
    /// The format, fields included; empty when absent.
    pub format: Box<[FormatPart]>,
}
