//! Binding of a call's arguments to the parameters of a native function, with CPython's messages,
//! and the conversion of single arguments. A call with positional arguments alone allocates
//! nothing. It must not know what any function does.
//!
//! CPython has several conventions, and each has messages of its own:
//! - no argument or exactly one: [`none`], [`one`] (`len() takes exactly one argument (2 given)`);
//! - by position only: [`exactly`], [`between`] (`pop expected at most 1 argument, got 2`);
//! - also by keyword: [`Signature`] (`round() missing required argument 'number' (pos 1)`).
//!
//! A method first takes its receiver with [`receiver`].

use num_bigint::BigInt;
use num_traits::ToPrimitive;

use super::suggestion;
use crate::eval::context::Context;
use crate::value::dict::Dict;
use crate::value::exception::{Raised, overflow_error, type_error};
use crate::value::function::Args;
use crate::value::list::List;
use crate::value::object::Ref;
use crate::value::scalar::{Bytes, RangeObject, Slice};
use crate::value::set::Set;
use crate::value::string::Str;
use crate::value::tuple::Tuple;
use crate::value::{Outcome, Value, sequence};

/// A kind of value that can be the receiver of a native method.
pub trait Receiver {
    /// The name of its class, for messages.
    const CLASS: &'static str;

    /// The value as this kind, also when it is wrapped by an instance of a derived class.
    fn of(value: &Value) -> Option<&Self>;
}

macro_rules! receivers {
    ($($kind:ty: $variant:ident $class:literal),* $(,)?) => {$(
        impl Receiver for Ref<$kind> {
            const CLASS: &'static str = $class;

            #[inline(always)]
            fn of(value: &Value) -> Option<&Self> {
                match value {
                    Value::$variant(object) => Some(object),
                    other => match other.unwrapped() {
                        Value::$variant(object) => Some(object),
                        _ => None,
                    },
                }
            }
        }
    )*};
}

receivers! {
    List: List "list",
    Dict: Dict "dict",
    Tuple: Tuple "tuple",
    Str: Str "str",
    Bytes: Bytes "bytes",
    RangeObject: Range "range",
    Slice: Slice "slice",
    Set: Set "set",
}

/// The receiver of a method, which is the first argument, and the arguments after it.
///
/// # Errors
/// `TypeError` when it is missing or of another type.
#[inline(always)]
pub fn receiver<'a, T: Receiver>(
    args: Args<'a>,
    method: &'static str,
) -> Outcome<(&'a T, Args<'a>)> {
    match args.positional().first().and_then(T::of) {
        Some(receiver) => Ok((receiver, args.rest())),
        None => Err(bad_receiver(T::CLASS, method, args)),
    }
}

/// The receiver of a method as a value, and the arguments after it. For types whose methods take
/// several kinds of value; `accepts` says which.
///
/// # Errors
/// `TypeError` when it is missing or of another type.
#[inline(always)]
pub fn receiver_value<'a>(
    class: &'static str,
    args: Args<'a>,
    method: &'static str,
    accepts: impl FnOnce(&Value) -> bool,
) -> Outcome<(&'a Value, Args<'a>)> {
    match args.positional().first() {
        Some(receiver) if accepts(receiver.unwrapped()) => Ok((receiver, args.rest())),
        _ => Err(bad_receiver(class, method, args)),
    }
}

/// Methods with special names that stand behind no operator.
const PLAIN_METHODS: &[&str] = &[
    "__ceil__",
    "__class_getitem__",
    "__dir__",
    "__enter__",
    "__exit__",
    "__floor__",
    "__format__",
    "__getnewargs__",
    "__length_hint__",
    "__reversed__",
    "__round__",
    "__sizeof__",
    "__trunc__",
];

/// The error of a method that was called on the class, without a receiver of the class.
#[cold]
pub fn bad_receiver(class: &str, method: &str, args: Args<'_>) -> Raised {
    // Methods behind operators have messages of their own.
    let of_operator = method.starts_with("__") && !PLAIN_METHODS.contains(&method);
    match args.positional().first() {
        None if of_operator => type_error(format!(
            "descriptor '{method}' of '{class}' object needs an argument"
        )),
        Some(other) if of_operator => type_error(format!(
            "descriptor '{method}' requires a '{class}' object but received a '{}'",
            other.type_name()
        )),
        None => type_error(format!(
            "unbound method {class}.{method}() needs an argument"
        )),
        Some(other) => type_error(format!(
            "descriptor '{method}' for '{class}' objects doesn't apply to a '{}' object",
            other.type_name()
        )),
    }
}

/// Refuses keyword arguments. `function` is as messages give it: `len`, `list.append`.
///
/// # Errors
/// `TypeError`.
#[inline(always)]
pub fn no_keywords<'a>(function: &str, args: Args<'a>) -> Outcome<&'a [Value]> {
    if args.names.is_empty() {
        Ok(args.values)
    } else {
        Err(takes_no_keywords(function))
    }
}

#[cold]
fn takes_no_keywords(function: &str) -> Raised {
    type_error(format!("{function}() takes no keyword arguments"))
}

/// Binds no argument at all. `function` is as in `list.copy() takes no arguments (1 given)`.
///
/// # Errors
/// `TypeError`.
#[inline(always)]
pub fn none(function: &str, args: Args<'_>) -> Outcome<()> {
    if args.values.is_empty() {
        return Ok(());
    }
    no_keywords(function, args)?;
    Err(type_error(format!(
        "{function}() takes no arguments ({} given)",
        args.values.len()
    )))
}

/// Binds the one argument of a function. `function` is as in
/// `list.append() takes exactly one argument (2 given)`.
///
/// # Errors
/// `TypeError`.
#[inline(always)]
pub fn one<'a>(function: &str, args: Args<'a>) -> Outcome<&'a Value> {
    if let ([value], []) = (args.values, args.names) {
        return Ok(value);
    }
    Err(not_one(function, args))
}

#[cold]
fn not_one(function: &str, args: Args<'_>) -> Raised {
    if !args.names.is_empty() {
        return takes_no_keywords(function);
    }
    type_error(format!(
        "{function}() takes exactly one argument ({} given)",
        args.values.len()
    ))
}

/// Binds exactly `N` positional arguments. `function` is as in `insert expected 2 arguments, got 1`.
///
/// # Errors
/// `TypeError`.
#[inline(always)]
pub fn exactly<'a, const N: usize>(function: &str, args: Args<'a>) -> Outcome<&'a [Value; N]> {
    match args.values.try_into() {
        Ok(values) if args.names.is_empty() => Ok(values),
        _ => Err(wrong_count(function, args, N, N)),
    }
}

/// Binds `least` to `most` positional arguments. `function` is as in
/// `pop expected at most 1 argument, got 2`.
///
/// # Errors
/// `TypeError`.
#[inline(always)]
pub fn between<'a>(
    function: &str,
    args: Args<'a>,
    least: usize,
    most: usize,
) -> Outcome<&'a [Value]> {
    if args.names.is_empty() && (least..=most).contains(&args.values.len()) {
        Ok(args.values)
    } else {
        Err(wrong_count(function, args, least, most))
    }
}

/// Binds `least` or more positional arguments.
///
/// # Errors
/// `TypeError`.
pub fn at_least<'a>(function: &str, args: Args<'a>, least: usize) -> Outcome<&'a [Value]> {
    between(function, args, least, usize::MAX)
}

#[cold]
fn wrong_count(function: &str, args: Args<'_>, least: usize, most: usize) -> Raised {
    if !args.names.is_empty() {
        return takes_no_keywords(function);
    }
    let given = args.values.len();
    let (limit, bound) = match given < least {
        _ if least == most => ("", least),
        true => ("at least ", least),
        false => ("at most ", most),
    };
    type_error(format!(
        "{function} expected {limit}{bound} argument{}, got {given}",
        plural(bound)
    ))
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// The parameters of a native function that takes keyword arguments.
///
/// ```ignore
/// const SORT: Signature<2> = Signature::new("sort", ["key", "reverse"]).positional(0);
/// let [key, reverse] = SORT.bind(args)?;
/// ```
#[derive(Clone, Copy)]
pub struct Signature<const N: usize> {
    function: &'static str,
    names: [&'static str; N],
    positional_only: usize,
    positional: usize,
    required: usize,
}

impl<const N: usize> Signature<N> {
    /// A function with these parameters, all of them optional, to be given by position or name.
    pub const fn new(function: &'static str, names: [&'static str; N]) -> Self {
        Signature {
            function,
            names,
            positional_only: 0,
            positional: N,
            required: 0,
        }
    }

    /// The first `count` parameters must be given.
    pub const fn required(mut self, count: usize) -> Self {
        self.required = count;
        self
    }

    /// The first `count` parameters cannot be given by name.
    pub const fn positional_only(mut self, count: usize) -> Self {
        self.positional_only = count;
        self
    }

    /// Only the first `count` parameters can be given by position.
    pub const fn positional(mut self, count: usize) -> Self {
        self.positional = count;
        self
    }

    /// The arguments by parameter.
    ///
    /// # Errors
    /// `TypeError`.
    #[inline]
    pub fn bind<'a>(&self, args: Args<'a>) -> Outcome<[Option<&'a Value>; N]> {
        let mut bound = [None; N];
        let positional = args.positional();
        if positional.len() > self.positional || args.values.len() > N {
            return Err(self.too_many(args));
        }
        for (place, value) in bound.iter_mut().zip(positional) {
            *place = Some(value);
        }
        if !args.names.is_empty() {
            self.bind_keywords(args, &mut bound)?;
        }
        if let Some(missing) = bound[..self.required].iter().position(Option::is_none) {
            return Err(self.missing(missing, positional.len()));
        }
        Ok(bound)
    }

    #[inline(never)]
    fn bind_keywords<'a>(&self, args: Args<'a>, bound: &mut [Option<&'a Value>; N]) -> Outcome<()> {
        let given = args.positional().len();
        for (name, value) in args.keywords() {
            let name = name.as_str();
            let place = (self.positional_only..N).find(|&place| self.names[place] == name);
            match place {
                Some(place) if place < given => {
                    return Err(type_error(format!(
                        "argument for {}() given by name ('{name}') and position ({})",
                        self.function,
                        place + 1
                    )));
                }
                Some(place) => bound[place] = Some(value),
                // A missing argument is told first.
                None => {
                    if let Some(missing) = self.first_missing(args) {
                        return Err(self.missing(missing, given));
                    }
                    return Err(self.unexpected(name));
                }
            }
        }
        Ok(())
    }

    fn first_missing(&self, args: Args<'_>) -> Option<usize> {
        (args.positional().len()..self.required).find(|&place| {
            place < self.positional_only || args.keyword(self.names[place]).is_none()
        })
    }

    #[cold]
    fn unexpected(&self, name: &str) -> Raised {
        let known = self.names[self.positional_only..].iter().copied();
        let help = suggestion::closest(name, known)
            .map(|meant| format!(". Did you mean '{meant}'?"))
            .unwrap_or_default();
        type_error(format!(
            "{}() got an unexpected keyword argument '{name}'{help}",
            self.function
        ))
    }

    #[cold]
    fn missing(&self, place: usize, given: usize) -> Raised {
        if place < self.positional_only {
            let least = self.required.min(self.positional_only);
            let limit = if least < self.positional {
                "at least"
            } else {
                "exactly"
            };
            return type_error(format!(
                "{}() takes {limit} {least} positional argument{} ({given} given)",
                self.function,
                plural(least)
            ));
        }
        type_error(format!(
            "{}() missing required argument '{}' (pos {})",
            self.function,
            self.names[place],
            place + 1
        ))
    }

    #[cold]
    fn too_many(&self, args: Args<'_>) -> Raised {
        let function = self.function;
        if args.values.len() > N {
            let kind = if args.positional().is_empty() {
                "keyword "
            } else {
                ""
            };
            return type_error(format!(
                "{function}() takes at most {N} {kind}argument{} ({} given)",
                plural(N),
                args.values.len()
            ));
        }
        if self.positional == 0 {
            return type_error(format!("{function}() takes no positional arguments"));
        }
        let limit = if self.required < self.positional {
            "at most"
        } else {
            "exactly"
        };
        type_error(format!(
            "{function}() takes {limit} {} positional argument{} ({} given)",
            self.positional,
            plural(self.positional),
            args.positional().len()
        ))
    }
}

/// The name of an argument's type as CPython's argument errors give it: `None` for `None`.
pub fn type_name(value: &Value) -> &'static str {
    if value.is_none() {
        "None"
    } else {
        value.type_name()
    }
}

/// The text of an argument that must be a string; `what` as in `replace() argument 1`.
///
/// # Errors
/// `TypeError`.
#[inline(always)]
pub fn text<'a>(value: &'a Value, what: &str) -> Outcome<&'a Ref<Str>> {
    match <Ref<Str> as Receiver>::of(value) {
        Some(text) => Ok(text),
        None => Err(wrong_type(value, what, "str")),
    }
}

/// The error of an argument of the wrong type: `replace() argument 1 must be str, not int`.
#[cold]
pub fn wrong_type(value: &Value, what: &str, expected: &str) -> Raised {
    type_error(format!(
        "{what} must be {expected}, not {}",
        type_name(value)
    ))
}

/// The truth of an argument.
///
/// # Errors
/// Whatever `__bool__` or `__len__` raises.
#[inline(always)]
pub fn truth(cx: &mut Context, value: &Value) -> Outcome<bool> {
    match value {
        Value::Bool(value) => Ok(*value),
        other => crate::value::truth::truthy(cx, other),
    }
}

/// The truth of an optional argument, `default` when it was not given.
///
/// # Errors
/// Whatever `__bool__` or `__len__` raises.
pub fn flag(cx: &mut Context, value: Option<&Value>, default: bool) -> Outcome<bool> {
    value.map_or(Ok(default), |value| truth(cx, value))
}

/// An integer argument, `__index__` included.
///
/// # Errors
/// `TypeError` for no integer, `OverflowError` beyond 64 bits.
#[inline(always)]
pub fn integer(cx: &mut Context, value: &Value) -> Outcome<i64> {
    match value {
        Value::Int(number) => Ok(*number),
        other => integer_slow(cx, other),
    }
}

#[cold]
#[inline(never)]
fn integer_slow(cx: &mut Context, value: &Value) -> Outcome<i64> {
    match sequence::index_value(cx, value)? {
        Value::Int(number) => Ok(number),
        _ => Err(overflow_error(
            "Python int too large to convert to C ssize_t",
        )),
    }
}

/// An integer argument that must fit 32 bits.
///
/// # Errors
/// `TypeError` for no integer, `OverflowError` beyond 32 bits.
pub fn integer32(cx: &mut Context, value: &Value) -> Outcome<i32> {
    let number = match sequence::index_value(cx, value)? {
        Value::Int(number) => i32::try_from(number).ok(),
        _ => None,
    };
    number.ok_or_else(|| overflow_error("Python int too large to convert to C int"))
}

/// An integer argument of any size.
///
/// # Errors
/// `TypeError` for no integer.
pub fn big_integer(cx: &mut Context, value: &Value) -> Outcome<BigInt> {
    Ok(match sequence::index_value(cx, value)? {
        Value::BigInt(number) => number.get().clone(),
        Value::Int(number) => number.into(),
        _ => BigInt::default(),
    })
}

/// An argument that must be a real number: `float`, integers, `__float__`, `__index__`.
///
/// # Errors
/// `TypeError` for no number, `OverflowError` for an integer beyond the range.
#[inline(always)]
pub fn float(cx: &mut Context, value: &Value) -> Outcome<f64> {
    match value {
        Value::Float(number) => Ok(*number),
        other => float_slow(cx, other),
    }
}

#[cold]
#[inline(never)]
fn float_slow(cx: &mut Context, value: &Value) -> Outcome<f64> {
    let known = crate::value::name::known();
    if let Value::Instance(instance) = value
        && let Some(method) = instance.class().lookup(known.float)
        && !instance.is_of_wrapped(&method)
    {
        let result = cx.call_found(&method, value, &[])?;
        return match result.unwrapped() {
            Value::Float(number) => Ok(*number),
            _ => Err(type_error(format!(
                "{}.__float__ returned non-float (type {})",
                value.type_name(),
                result.type_name()
            ))),
        };
    }
    match value.unwrapped() {
        Value::Float(number) => Ok(*number),
        Value::Int(number) => Ok(*number as f64),
        Value::Bool(flag) => Ok(f64::from(u8::from(*flag))),
        Value::BigInt(number) => finite(number.get()),
        _ => match sequence::try_index(cx, value)? {
            Some(Value::Int(number)) => Ok(number as f64),
            Some(Value::BigInt(number)) => finite(number.get()),
            _ => Err(type_error(format!(
                "must be real number, not {}",
                value.type_name()
            ))),
        },
    }
}

fn finite(number: &BigInt) -> Outcome<f64> {
    number
        .to_f64()
        .filter(|number| number.is_finite())
        .ok_or_else(|| overflow_error("int too large to convert to float"))
}
