//! The syntax tree: what was written, with spans, and nothing of what it means. It must not know
//! values, scopes or evaluation; the resolver reads it and makes the executable tree.
//!
//! The trees are plain data without reference counts or cells: `Send`, `Sync`, and cheap to walk.
//! Depth is bounded by the parser (brackets, blocks and operator chains are capped), so that a
//! recursive walk, or the drop of a tree, cannot overflow the native stack.

use std::sync::Arc;

use super::span::Span;
use super::warning::SyntaxWarning;

/// An identifier's text, NFKC-normalised as Python does.
pub type Name = Arc<str>;

/// An identifier where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Ident {
    /// The normalised text.
    pub name: Name,
    /// Where it stands.
    pub span: Span,
}

/// A whole source file, or one input at the prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Module {
    /// The statements at the top level.
    pub body: Vec<Stmt>,
    /// What there is to warn of.
    pub warnings: Vec<SyntaxWarning>,
}

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// From its first to its last byte (a compound statement's body included).
    pub span: Span,
}

/// An indented block, or the simple statements after a colon.
pub type Block = Vec<Stmt>;

/// The kinds of statement.
#[derive(Clone, Debug, PartialEq)]
pub enum StmtKind {
    /// An expression for its effect.
    Expr(Expr),
    /// `a = b = value`: the targets from left to right.
    Assign {
        /// At least one.
        targets: Vec<Expr>,
        /// The right-hand side.
        value: Expr,
    },
    /// `target: annotation = value`. The annotation is evaluated in a class body only.
    AnnotatedAssign {
        /// A name, attribute or subscript.
        target: Expr,
        /// What stands after the colon.
        annotation: Expr,
        /// Absent in a bare declaration.
        value: Option<Expr>,
    },
    /// `target op= value`.
    AugmentedAssign {
        /// A name, attribute or subscript.
        target: Expr,
        /// The operator without its `=`.
        op: BinaryOp,
        /// The right-hand side.
        value: Expr,
    },
    /// `del a, b[0], c.d`.
    Delete(Vec<Expr>),
    /// `pass`.
    Pass,
    /// `break`.
    Break,
    /// `continue`.
    Continue,
    /// `return [value]`.
    Return(Option<Expr>),
    /// `raise [exception [from cause]]`.
    Raise {
        /// Absent when the handled exception is raised again.
        exception: Option<Expr>,
        /// What stands after `from`.
        cause: Option<Expr>,
    },
    /// `assert test[, message]`.
    Assert {
        /// The condition.
        test: Expr,
        /// What stands after the comma.
        message: Option<Expr>,
    },
    /// `global a, b`.
    Global(Vec<Ident>),
    /// `nonlocal a, b`.
    Nonlocal(Vec<Ident>),
    /// `import a.b as c, d`.
    Import(Vec<ImportedModule>),
    /// `from a.b import c as d`, `from a import *`.
    ImportFrom {
        /// Number of leading dots.
        level: u32,
        /// The dotted name; absent in `from . import x`.
        module: Option<Ident>,
        /// What is imported.
        names: ImportedNames,
    },
    /// `if … elif … else`: the branches in order.
    If {
        /// Condition and body, at least one.
        branches: Vec<(Expr, Block)>,
        /// The `else` block, empty when absent.
        otherwise: Block,
    },
    /// `while test: … else: …`.
    While {
        /// The condition.
        test: Expr,
        /// The body.
        body: Block,
        /// The `else` block, empty when absent.
        otherwise: Block,
    },
    /// `for target in iterable: … else: …`.
    For {
        /// An assignment target.
        target: Expr,
        /// What is iterated.
        iterable: Expr,
        /// The body.
        body: Block,
        /// The `else` block, empty when absent.
        otherwise: Block,
    },
    /// `try … except … else … finally`.
    Try {
        /// The guarded body.
        body: Block,
        /// The `except` clauses.
        handlers: Vec<Handler>,
        /// Whether they are `except*` clauses.
        star: bool,
        /// The `else` block, empty when absent.
        otherwise: Block,
        /// The `finally` block; `None` when absent.
        finally: Option<Block>,
    },
    /// `with a as b, c: …`.
    With {
        /// At least one.
        items: Vec<WithItem>,
        /// The body.
        body: Block,
    },
    /// `def name(parameters): …`.
    Function(Box<FunctionDef>),
    /// `class Name(bases): …`.
    Class(Box<ClassDef>),
    /// `match subject: case …`.
    Match {
        /// What is matched.
        subject: Expr,
        /// The cases in order.
        cases: Vec<MatchCase>,
    },
}

/// One module of an `import` statement.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedModule {
    /// The dotted name as written, `a.b.c`.
    pub module: Ident,
    /// What stands after `as`.
    pub alias: Option<Ident>,
}

/// What a `from … import` names.
#[derive(Clone, Debug, PartialEq)]
pub enum ImportedNames {
    /// `*`, where it stands.
    All(Span),
    /// Each name with its alias.
    Some(Vec<(Ident, Option<Ident>)>),
}

/// An `except` clause.
#[derive(Clone, Debug, PartialEq)]
pub struct Handler {
    /// The type, or tuple of types; absent in a bare `except:`.
    pub kind: Option<Expr>,
    /// What stands after `as`.
    pub name: Option<Ident>,
    /// The body.
    pub body: Block,
    /// From `except` to the end of the body.
    pub span: Span,
}

/// One context manager of a `with` statement.
#[derive(Clone, Debug, PartialEq)]
pub struct WithItem {
    /// The manager.
    pub context: Expr,
    /// The assignment target after `as`.
    pub target: Option<Expr>,
}

/// A `def`.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionDef {
    /// Its name.
    pub name: Ident,
    /// Its decorators, outermost first.
    pub decorators: Vec<Expr>,
    /// Its parameters.
    pub parameters: Parameters,
    /// The annotation after `->`.
    pub returns: Option<Expr>,
    /// What gives the annotations when somebody asks for them: a lambda without parameters whose
    /// body is the dict of them.
    pub annotations: Option<Box<Lambda>>,
    /// Its body.
    pub body: Block,
    /// From `def` up to the colon: what a traceback underlines when the whole is too much.
    pub header: Span,
}

/// A `class`.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassDef {
    /// Its name.
    pub name: Ident,
    /// Its decorators, outermost first.
    pub decorators: Vec<Expr>,
    /// Bases (possibly starred) and keyword arguments.
    pub arguments: Vec<Argument>,
    /// Its body.
    pub body: Block,
    /// From `class` up to the colon.
    pub header: Span,
}

/// The parameters of a `def` or `lambda`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters {
    /// Before `/`.
    pub positional_only: Vec<Parameter>,
    /// Ordinary ones.
    pub positional: Vec<Parameter>,
    /// `*args`; `None` for a bare `*` or none at all.
    pub rest: Option<Parameter>,
    /// After `*` or `*args`.
    pub keyword_only: Vec<Parameter>,
    /// `**kwargs`.
    pub keyword_rest: Option<Parameter>,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: Ident,
    /// Its annotation.
    pub annotation: Option<Expr>,
    /// Its default value.
    pub default: Option<Expr>,
}

/// One `case` of a `match` statement.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchCase {
    /// The pattern.
    pub pattern: Pattern,
    /// The condition after `if`.
    pub guard: Option<Expr>,
    /// The body.
    pub body: Block,
}

/// A pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// What it is.
    pub kind: PatternKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of pattern.
#[derive(Clone, Debug, PartialEq)]
pub enum PatternKind {
    /// `_`.
    Wildcard,
    /// A bare name, which captures.
    Capture(Ident),
    /// A literal or dotted name, compared with `==`.
    Value(Expr),
    /// `None`, `True`, `False`, compared with `is`.
    Singleton(Expr),
    /// `[a, *rest]`, `(a, b)`, `a, b`; a `Star` may stand among the elements.
    Sequence(Vec<Pattern>),
    /// `*name` within a sequence; `None` for `*_`.
    Star(Option<Ident>),
    /// `{key: pattern, **rest}`.
    Mapping {
        /// Keys are literals or dotted names.
        items: Vec<(Expr, Pattern)>,
        /// The name after `**`.
        rest: Option<Ident>,
    },
    /// `Class(a, b, x=c)`.
    Class {
        /// A name or dotted name.
        class: Expr,
        /// Patterns by position.
        positional: Vec<Pattern>,
        /// Patterns by attribute name.
        keyword: Vec<(Ident, Pattern)>,
    },
    /// `a | b`.
    Or(Vec<Pattern>),
    /// `pattern as name`.
    As {
        /// What must match.
        pattern: Box<Pattern>,
        /// What it is bound to.
        name: Ident,
    },
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands, without enclosing parentheses.
    pub span: Span,
}

/// The kinds of expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// `...`.
    Ellipsis,
    /// An integer that fits 64 bits.
    Int(i64),
    /// A larger integer: its decimal, octal, hexadecimal or binary digits without underscores.
    BigInt {
        /// 2, 8, 10 or 16.
        radix: u32,
        /// The digits, without prefix.
        digits: Box<str>,
    },
    /// A floating-point number.
    Float(f64),
    /// A string, adjacent literals joined and escapes replaced.
    Str(Arc<str>),
    /// A bytes literal.
    Bytes(Arc<[u8]>),
    /// An f-string, or several adjacent literals of which one is an f-string.
    FString(Vec<FStringPart>),
    /// A name.
    Name(Name),
    /// A keyword of the trade in the place of a name. What it means is settled by the resolver:
    /// an enclosing binding of the same name wins.
    Trade(TradeWord),
    /// `[a, *b]`.
    List(Vec<Expr>),
    /// `a, *b`, with or without parentheses.
    Tuple(Vec<Expr>),
    /// `{a, *b}`.
    Set(Vec<Expr>),
    /// `{k: v, **d}`.
    Dict(Vec<DictItem>),
    /// `-a`, `+a`, `~a`, `not a`.
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `a and b and c`.
    And(Vec<Expr>),
    /// `a or b or c`.
    Or(Vec<Expr>),
    /// `a < b <= c`.
    Compare {
        /// The first operand.
        first: Box<Expr>,
        /// Operators with the operands that follow them, at least one.
        rest: Vec<(CompareOp, Expr)>,
    },
    /// `then if test else otherwise`.
    Conditional {
        /// The condition.
        test: Box<Expr>,
        /// When it holds.
        then: Box<Expr>,
        /// When it does not.
        otherwise: Box<Expr>,
    },
    /// `lambda parameters: body`.
    Lambda(Box<Lambda>),
    /// `callee(arguments)`.
    Call {
        /// What is called.
        callee: Box<Expr>,
        /// In the order written.
        arguments: Vec<Argument>,
    },
    /// `object.name`.
    Attribute {
        /// The object.
        object: Box<Expr>,
        /// The attribute.
        name: Ident,
    },
    /// `object[index]`; the index may be a `Slice`, or a `Tuple` with slices in it.
    Subscript {
        /// The object.
        object: Box<Expr>,
        /// What stands in the brackets.
        index: Box<Expr>,
    },
    /// `start:stop:step` inside a subscript.
    Slice {
        /// Before the first colon.
        start: Option<Box<Expr>>,
        /// After the first colon.
        stop: Option<Box<Expr>>,
        /// After the second colon.
        step: Option<Box<Expr>>,
    },
    /// `*value` in a display, call, target or subscript.
    Starred(Box<Expr>),
    /// `[element for …]`.
    ListComprehension(Box<Comprehension>),
    /// `{element for …}`.
    SetComprehension(Box<Comprehension>),
    /// `(element for …)`.
    Generator(Box<Comprehension>),
    /// `{key: value for …}`: the comprehension's element is the value.
    DictComprehension {
        /// The key.
        key: Box<Expr>,
        /// The value as element, with the clauses.
        comprehension: Box<Comprehension>,
    },
    /// `name := value`.
    Named {
        /// The target.
        name: Ident,
        /// The value.
        value: Box<Expr>,
    },
    /// `yield [value]`.
    Yield(Option<Box<Expr>>),
    /// `yield from value`.
    YieldFrom(Box<Expr>),
}

/// A `lambda`.
#[derive(Clone, Debug, PartialEq)]
pub struct Lambda {
    /// Its parameters.
    pub parameters: Parameters,
    /// Its body.
    pub body: Expr,
}

/// A part of an f-string.
#[derive(Clone, Debug, PartialEq)]
pub enum FStringPart {
    /// Literal text, escapes and doubled braces replaced.
    Text(Arc<str>),
    /// `{value!conversion:format}`.
    Field(Box<FStringField>),
}

/// A replacement field of an f-string.
#[derive(Clone, Debug, PartialEq)]
pub struct FStringField {
    /// The expression.
    pub value: Expr,
    /// For `{value=}`: the text up to and with the `=`, spaces included.
    pub debug: Option<Arc<str>>,
    /// `!r`, `!s`, `!a`.
    pub conversion: Option<Conversion>,
    /// What stands after the colon, fields included; empty when absent.
    pub format: Vec<FStringPart>,
    /// Whether a colon was written at all (`{x=}` shows `repr`, `{x=:}` formats).
    pub has_format: bool,
}

/// The conversions of a replacement field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// `!s`.
    Str,
    /// `!r`.
    Repr,
    /// `!a`.
    Ascii,
}

/// An item of a dict display.
#[derive(Clone, Debug, PartialEq)]
pub enum DictItem {
    /// `key: value`.
    Pair(Expr, Expr),
    /// `**mapping`.
    Spread(Expr),
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// `value`.
    Positional(Expr),
    /// `*iterable`.
    Spread(Expr),
    /// `name=value`.
    Keyword(Ident, Expr),
    /// `**mapping`.
    KeywordSpread(Expr),
}

/// The clauses of a comprehension and its element.
#[derive(Clone, Debug, PartialEq)]
pub struct Comprehension {
    /// What is produced.
    pub element: Expr,
    /// The `for` clauses from left to right, at least one.
    pub clauses: Vec<Clause>,
}

/// A `for … in … if …` of a comprehension.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    /// The assignment target.
    pub target: Expr,
    /// What is iterated.
    pub iterable: Expr,
    /// The conditions.
    pub conditions: Vec<Expr>,
}

/// Unary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `-`.
    Negate,
    /// `+`.
    Plus,
    /// `~`.
    Invert,
    /// `not`.
    Not,
}

/// Binary arithmetic and bit operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `+`.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`.
    Divide,
    /// `//`.
    FloorDivide,
    /// `%`.
    Modulo,
    /// `**`.
    Power,
    /// `@`.
    MatrixMultiply,
    /// `<<`.
    ShiftLeft,
    /// `>>`.
    ShiftRight,
    /// `&`.
    BitAnd,
    /// `|`.
    BitOr,
    /// `^`.
    BitXor,
}

/// Comparison operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CompareOp {
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterEqual,
    /// `in`.
    In,
    /// `not in`.
    NotIn,
    /// `is`.
    Is,
    /// `is not`.
    IsNot,
}

/// The keywords of the trade: words of the grammar that need no import. Soft: legal as attributes,
/// parameters, keyword arguments and assignment targets, where they are ordinary names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TradeWord {
    /// `fork`.
    Fork,
    /// `Process`.
    Process,
    /// `Pool`.
    Pool,
    /// `Queue`.
    Queue,
    /// `Manager`.
    Manager,
    /// `Thread`.
    Thread,
    /// `Lock`.
    Lock,
}

impl TradeWord {
    /// The word as it is written.
    pub fn text(self) -> &'static str {
        match self {
            TradeWord::Fork => "fork",
            TradeWord::Process => "Process",
            TradeWord::Pool => "Pool",
            TradeWord::Queue => "Queue",
            TradeWord::Manager => "Manager",
            TradeWord::Thread => "Thread",
            TradeWord::Lock => "Lock",
        }
    }
}
