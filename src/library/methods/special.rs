//! The special methods that built-in types have in common: `__len__`, `__getitem__`, `__eq__`, ….
//! Each does for the value itself what the operator does, never asking the value's class again,
//! so that a script's class can override one and call the original through `super()`.

use std::marker::PhantomData;

use crate::eval::context::Context;
use crate::library::arguments;
use crate::library::define;
use crate::value::class::Class;
use crate::value::exception::type_error;
use crate::value::function::{Args, NativeCall};
use crate::value::name::Name;
use crate::value::operator::{BinaryOperator, Comparison, UnaryOperator};
use crate::value::{Outcome, Value, arithmetic, compare, hash, iterate, sequence, text, truth};

/// A built-in type as receiver of special methods.
pub trait Kind: 'static {
    /// The name of the class.
    const CLASS: &'static str;

    /// Whether a value that is not wrapped is one.
    fn accepts(value: &Value) -> bool;

    /// Whether the operators of the type understand a value that is not wrapped.
    fn operand(value: &Value) -> bool {
        Self::accepts(value)
    }
}

macro_rules! kinds {
    ($($kind:ident $class:literal $pattern:pat => $operand:pat,)*) => {$(
        #[doc = concat!("`", $class, "`.")]
        pub struct $kind;

        impl Kind for $kind {
            const CLASS: &'static str = $class;

            #[inline(always)]
            fn accepts(value: &Value) -> bool {
                matches!(value, $pattern)
            }

            #[inline(always)]
            fn operand(value: &Value) -> bool {
                matches!(value, $operand)
            }
        }
    )*};
}

kinds! {
    ListKind "list" Value::List(_) => Value::List(_),
    TupleKind "tuple" Value::Tuple(_) => Value::Tuple(_),
    DictKind "dict" Value::Dict(_) => Value::Dict(_),
    SetKind "set" Value::Set(_) => Value::Set(_) | Value::FrozenSet(_),
    FrozenSetKind "frozenset" Value::FrozenSet(_) => Value::Set(_) | Value::FrozenSet(_),
    SliceKind "slice" Value::Slice(_) => Value::Slice(_),
    StrKind "str" Value::Str(_) => Value::Str(_),
    BytesKind "bytes" Value::Bytes(_) => Value::Bytes(_),
    IntKind "int" Value::Int(_) | Value::BigInt(_) | Value::Bool(_)
        => Value::Int(_) | Value::BigInt(_) | Value::Bool(_),
    FloatKind "float" Value::Float(_)
        => Value::Float(_) | Value::Int(_) | Value::BigInt(_) | Value::Bool(_),
}

/// The receiver, not wrapped, and the arguments after it.
#[inline(always)]
pub fn this<'a, K: Kind>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Value, Args<'a>)> {
    let (value, rest) = arguments::receiver_value(K::CLASS, args, method, K::accepts)?;
    Ok((value.unwrapped(), rest))
}

/// The one argument of an operator's method: `expected 1 argument, got 0`.
fn only(args: Args<'_>) -> Outcome<&Value> {
    match (args.values, args.names) {
        ([value], []) => Ok(value),
        _ => Err(wrong_operands(args, 1)),
    }
}

fn no_operands(args: Args<'_>) -> Outcome<()> {
    if args.values.is_empty() {
        Ok(())
    } else {
        Err(wrong_operands(args, 0))
    }
}

#[cold]
fn wrong_operands(args: Args<'_>, expected: usize) -> crate::value::exception::Raised {
    if !args.names.is_empty() {
        return type_error("wrapper takes no keyword arguments");
    }
    type_error(format!(
        "expected {expected} argument{}, got {}",
        if expected == 1 { "" } else { "s" },
        args.values.len()
    ))
}

fn len<K: Kind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, rest) = this::<K>(args, "__len__")?;
    no_operands(rest)?;
    sequence::length(cx, value).map(Value::size)
}

fn getitem<K: Kind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, rest) = this::<K>(args, "__getitem__")?;
    let key = only(rest)?;
    if let (Value::Dict(dict), Value::Instance(_)) = (value, &args.values[0]) {
        // A class derived from `dict` may have `__missing__`.
        return match dict.get(cx, key)? {
            Some(value) => Ok(value),
            None => sequence::missing_item(cx, &args.values[0], key),
        };
    }
    sequence::get_item(cx, value, key)
}

fn setitem<K: Kind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, rest) = this::<K>(args, "__setitem__")?;
    match (rest.values, rest.names) {
        ([key, item], []) => sequence::set_item(cx, value, key, item.clone())?,
        _ => return Err(wrong_operands(rest, 2)),
    }
    Ok(Value::None)
}

fn delitem<K: Kind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, rest) = this::<K>(args, "__delitem__")?;
    sequence::delete_item(cx, value, only(rest)?)?;
    Ok(Value::None)
}

fn contains<K: Kind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, rest) = this::<K>(args, "__contains__")?;
    sequence::contains(cx, value, only(rest)?).map(Value::Bool)
}

fn iter<K: Kind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, rest) = this::<K>(args, "__iter__")?;
    no_operands(rest)?;
    iterate::iterate(cx, value)
}

fn repr<K: Kind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, rest) = this::<K>(args, "__repr__")?;
    no_operands(rest)?;
    text::repr(cx, value).map(Value::str)
}

fn hash_of<K: Kind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, rest) = this::<K>(args, "__hash__")?;
    no_operands(rest)?;
    hash::hash(cx, value).map(Value::Int)
}

fn bool_of<K: Kind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, rest) = this::<K>(args, "__bool__")?;
    no_operands(rest)?;
    truth::truthy(cx, value).map(Value::Bool)
}

/// A comparison, known when compiled.
trait Compared: 'static {
    const COMPARISON: Comparison;
    const METHOD: &'static str;
}

macro_rules! comparisons {
    ($($name:ident $method:literal),* $(,)?) => {
        $(
            struct $name;

            impl Compared for $name {
                const COMPARISON: Comparison = Comparison::$name;
                const METHOD: &'static str = $method;
            }
        )*

        fn comparison_methods<K: Kind>() -> Vec<(&'static str, NativeCall)> {
            vec![$(($method, compared::<K, $name>)),*]
        }
    };
}

comparisons! {
    Equal "__eq__", NotEqual "__ne__", Less "__lt__", LessEqual "__le__", Greater "__gt__",
    GreaterEqual "__ge__",
}

fn compared<K: Kind, C: Compared>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, rest) = this::<K>(args, C::METHOD)?;
    let other = only(rest)?.unwrapped();
    if K::operand(other) {
        compare::compare_builtin(cx, C::COMPARISON, value, other)
    } else {
        Ok(Value::NotImplemented)
    }
}

/// A binary operator, known when compiled.
pub trait Operated: 'static {
    /// The operator.
    const OPERATOR: BinaryOperator;
}

/// The operators as types.
#[allow(missing_docs)]
pub mod operators {
    use super::{BinaryOperator, Operated};

    macro_rules! operators {
        ($($name:ident),* $(,)?) => {$(
            pub struct $name;

            impl Operated for $name {
                const OPERATOR: BinaryOperator = BinaryOperator::$name;
            }
        )*};
    }

    operators! {
        Add, Subtract, Multiply, Divide, FloorDivide, Modulo, Power, ShiftLeft, ShiftRight, BitAnd,
        BitOr, BitXor,
    }
}

/// Which operands an operator of a type understands; others give `NotImplemented`.
pub trait Understands: Kind {
    /// Whether the operator is defined with this other operand, which is not wrapped.
    fn understands(operator: BinaryOperator, other: &Value) -> bool;
}

impl Understands for IntKind {
    fn understands(_: BinaryOperator, other: &Value) -> bool {
        Self::operand(other)
    }
}

impl Understands for FloatKind {
    fn understands(_: BinaryOperator, other: &Value) -> bool {
        Self::operand(other)
    }
}

/// Sequences raise errors of their own instead.
macro_rules! sequence_operands {
    ($($kind:ty),*) => {$(
        impl Understands for $kind {
            fn understands(_: BinaryOperator, _: &Value) -> bool {
                true
            }
        }
    )*};
}

sequence_operands!(ListKind, TupleKind, StrKind, BytesKind);

impl Understands for SetKind {
    fn understands(_: BinaryOperator, other: &Value) -> bool {
        Self::operand(other)
    }
}

impl Understands for FrozenSetKind {
    fn understands(_: BinaryOperator, other: &Value) -> bool {
        Self::operand(other)
    }
}

impl Understands for DictKind {
    fn understands(_: BinaryOperator, other: &Value) -> bool {
        Self::operand(other)
    }
}

fn binary<K: Understands, O: Operated>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, rest) = this::<K>(args, O::OPERATOR.method().as_str())?;
    let other = only(rest)?;
    let other = match (O::OPERATOR, value) {
        // Shown by its own `__str__` or `__repr__`.
        (BinaryOperator::Modulo, Value::Str(_) | Value::Bytes(_)) => other,
        _ => other.unwrapped(),
    };
    if K::understands(O::OPERATOR, other) {
        arithmetic::binary(cx, O::OPERATOR, value, other)
    } else {
        Ok(Value::NotImplemented)
    }
}

fn reflected<K: Understands, O: Operated>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, rest) = this::<K>(args, O::OPERATOR.reflected().as_str())?;
    let other = only(rest)?.unwrapped();
    if K::understands(O::OPERATOR, other) {
        arithmetic::binary(cx, O::OPERATOR, other, value)
    } else {
        Ok(Value::NotImplemented)
    }
}

fn in_place<K: Understands, O: Operated>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, rest) = this::<K>(args, O::OPERATOR.in_place().as_str())?;
    let other = only(rest)?;
    if !K::understands(O::OPERATOR, other.unwrapped()) {
        return Ok(Value::NotImplemented);
    }
    arithmetic::in_place(cx, O::OPERATOR, value, other)?;
    Ok(args.values[0].clone())
}

fn unary<K: Kind>(
    cx: &mut Context,
    args: Args<'_>,
    method: &'static str,
    operator: UnaryOperator,
) -> Outcome<Value> {
    let (value, rest) = this::<K>(args, method)?;
    no_operands(rest)?;
    arithmetic::unary(cx, operator, value)
}

fn negate<K: Kind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    unary::<K>(cx, args, "__neg__", UnaryOperator::Negate)
}

fn plus<K: Kind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    unary::<K>(cx, args, "__pos__", UnaryOperator::Plus)
}

fn invert<K: Kind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    unary::<K>(cx, args, "__invert__", UnaryOperator::Invert)
}

/// Puts special methods of a type into its class.
pub struct Install<'a, K> {
    class: &'a Class,
    kind: PhantomData<K>,
}

impl<'a, K: Kind> Install<'a, K> {
    /// Into this class.
    pub fn into(class: &'a Class) -> Self {
        Install {
            class,
            kind: PhantomData,
        }
    }

    fn methods(self, entries: define::Entries<'_>) -> Self {
        define::methods(self.class, entries);
        self
    }

    /// `__repr__`.
    pub fn shown(self) -> Self {
        self.methods(&[("__repr__", repr::<K>)])
    }

    /// `__bool__`.
    pub fn truth(self) -> Self {
        self.methods(&[("__bool__", bool_of::<K>)])
    }

    /// `__hash__`.
    pub fn hashed(self) -> Self {
        self.methods(&[("__hash__", hash_of::<K>)])
    }

    /// `__hash__` is `None`.
    pub fn unhashable(self) -> Self {
        self.class.set(Name::new("__hash__"), Value::None);
        self
    }

    /// `__len__`, `__contains__`, `__iter__`.
    pub fn container(self) -> Self {
        self.methods(&[
            ("__len__", len::<K>),
            ("__contains__", contains::<K>),
            ("__iter__", iter::<K>),
        ])
    }

    /// `__getitem__`.
    pub fn indexed(self) -> Self {
        self.methods(&[("__getitem__", getitem::<K>)])
    }

    /// `__setitem__`, `__delitem__`.
    pub fn changeable(self) -> Self {
        self.methods(&[("__setitem__", setitem::<K>), ("__delitem__", delitem::<K>)])
    }

    /// `__eq__` and `__ne__`.
    pub fn equatable(self) -> Self {
        let methods = comparison_methods::<K>();
        self.methods(&methods[..2])
    }

    /// All six comparisons.
    pub fn ordered(self) -> Self {
        let methods = comparison_methods::<K>();
        self.methods(&methods)
    }

    /// `__neg__`, `__pos__`.
    pub fn signed(self) -> Self {
        self.methods(&[("__neg__", negate::<K>), ("__pos__", plus::<K>)])
    }

    /// `__invert__`.
    pub fn inverted(self) -> Self {
        self.methods(&[("__invert__", invert::<K>)])
    }
}

impl<K: Understands> Install<'_, K> {
    /// The operator with the receiver on the left: `__add__`.
    pub fn operator<O: Operated>(self) -> Self {
        let name = O::OPERATOR.method().as_str();
        self.methods(&[(name, binary::<K, O>)])
    }

    /// The operator with the receiver on the right: `__radd__`.
    pub fn reflected<O: Operated>(self) -> Self {
        let name = O::OPERATOR.reflected().as_str();
        self.methods(&[(name, reflected::<K, O>)])
    }

    /// On either side.
    pub fn both<O: Operated>(self) -> Self {
        self.operator::<O>().reflected::<O>()
    }

    /// The operator of augmented assignment, for types that change: `__iadd__`.
    pub fn in_place<O: Operated>(self) -> Self {
        let name = O::OPERATOR.in_place().as_str();
        self.methods(&[(name, in_place::<K, O>)])
    }
}
