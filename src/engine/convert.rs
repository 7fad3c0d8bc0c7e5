//! Conversion between the host's types and values of scripts. It must not know who converts.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Display;
use std::hash::{BuildHasher, Hash};

use num_bigint::BigInt;
use num_traits::ToPrimitive;

use super::error::Error;
use super::handle;
use crate::eval::context::Context;
use crate::library::arguments;
use crate::value::exception::{Raised, overflow_error, runtime_error, type_error};
use crate::value::object::Ref;
use crate::value::{Dict, Outcome, Value, iterate};

/// Types that values of scripts can be converted to.
///
/// Implemented for integers, floats, `bool`, `char`, `String`, `()`, `Option`, `Vec`, tuples, maps,
/// sets and [`Value`](super::Value), which takes any value as it is. Numbers are not made of texts
/// nor texts of numbers; an integer will do for a float.
#[diagnostic::on_unimplemented(message = "values of scripts cannot be converted to `{Self}`")]
pub trait FromValue: Sized {
    /// Converts a value. For the engine.
    ///
    /// # Errors
    /// `TypeError` or `OverflowError`.
    #[doc(hidden)]
    fn from_raw(cx: &mut Context, value: &Value) -> Outcome<Self>;
}

/// Types that can be converted to values of scripts.
///
/// Implemented for what [`FromValue`] is, for `&str`, and for `Result`, whose `Err` is raised.
#[diagnostic::on_unimplemented(message = "`{Self}` cannot be converted to a value of a script")]
pub trait IntoValue {
    /// Converts. For the engine.
    ///
    /// # Errors
    /// What an `Err` raises; `TypeError` for keys that cannot be hashed.
    #[doc(hidden)]
    fn into_raw(self, cx: &mut Context) -> Outcome<Value>;
}

/// Arguments of a call: a tuple of up to six, an array or a `Vec` of equals.
pub trait IntoArguments {
    /// Converts. For the engine.
    ///
    /// # Errors
    /// What converting one of them raises.
    #[doc(hidden)]
    fn into_raw_arguments(self, cx: &mut Context) -> Outcome<Vec<Value>>;
}

/// A value of the wrong type.
#[cold]
pub(super) fn mismatch(expected: &str, value: &Value) -> Raised {
    type_error(format!(
        "expected {expected}, found {}",
        arguments::type_name(value)
    ))
}

macro_rules! integers {
    ($($integer:ty)*) => {$(
        impl FromValue for $integer {
            fn from_raw(_: &mut Context, value: &Value) -> Outcome<Self> {
                let converted = match value.unwrapped() {
                    Value::Int(number) => <$integer>::try_from(*number).ok(),
                    Value::Bool(flag) => Some(<$integer>::from(*flag)),
                    Value::BigInt(number) => {
                        number.get().to_i128().and_then(|number| number.try_into().ok())
                    }
                    _ => return Err(mismatch("int", value)),
                };
                converted.ok_or_else(|| {
                    overflow_error(concat!("int too large to convert to ", stringify!($integer)))
                })
            }
        }

        impl IntoValue for $integer {
            fn into_raw(self, _: &mut Context) -> Outcome<Value> {
                Ok(match i64::try_from(self) {
                    Ok(number) => Value::Int(number),
                    Err(_) => Value::integer(BigInt::from(self)),
                })
            }
        }
    )*};
}

integers! { i8 i16 i32 i64 i128 isize u8 u16 u32 u64 usize }

macro_rules! floats {
    ($($float:ty)*) => {$(
        impl FromValue for $float {
            fn from_raw(cx: &mut Context, value: &Value) -> Outcome<Self> {
                match value.unwrapped() {
                    Value::Float(number) => Ok(*number as $float),
                    Value::Int(_) | Value::BigInt(_) | Value::Bool(_) => {
                        Ok(arguments::float(cx, value)? as $float)
                    }
                    _ => Err(mismatch("float", value)),
                }
            }
        }

        impl IntoValue for $float {
            fn into_raw(self, _: &mut Context) -> Outcome<Value> {
                Ok(Value::Float(f64::from(self)))
            }
        }
    )*};
}

floats! { f32 f64 }

impl FromValue for bool {
    fn from_raw(_: &mut Context, value: &Value) -> Outcome<Self> {
        match value {
            Value::Bool(flag) => Ok(*flag),
            other => Err(mismatch("bool", other)),
        }
    }
}

impl IntoValue for bool {
    fn into_raw(self, _: &mut Context) -> Outcome<Value> {
        Ok(Value::Bool(self))
    }
}

impl FromValue for () {
    fn from_raw(_: &mut Context, _: &Value) -> Outcome<Self> {
        // Whatever it is, it is not asked for.
        Ok(())
    }
}

impl IntoValue for () {
    fn into_raw(self, _: &mut Context) -> Outcome<Value> {
        Ok(Value::None)
    }
}

impl FromValue for String {
    fn from_raw(_: &mut Context, value: &Value) -> Outcome<Self> {
        match value.as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(mismatch("str", value)),
        }
    }
}

impl IntoValue for String {
    fn into_raw(self, _: &mut Context) -> Outcome<Value> {
        Ok(Value::str(self))
    }
}

impl IntoValue for &str {
    fn into_raw(self, _: &mut Context) -> Outcome<Value> {
        Ok(Value::str(self))
    }
}

impl IntoValue for &String {
    fn into_raw(self, _: &mut Context) -> Outcome<Value> {
        Ok(Value::str(self.as_str()))
    }
}

impl FromValue for char {
    fn from_raw(_: &mut Context, value: &Value) -> Outcome<Self> {
        let mut characters = match value.as_str() {
            Some(text) => text.chars(),
            None => return Err(mismatch("a str of one character", value)),
        };
        match (characters.next(), characters.next()) {
            (Some(character), None) => Ok(character),
            _ => Err(type_error("expected a str of one character")),
        }
    }
}

impl IntoValue for char {
    fn into_raw(self, _: &mut Context) -> Outcome<Value> {
        Ok(Value::str(self.to_string()))
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_raw(cx: &mut Context, value: &Value) -> Outcome<Self> {
        match value {
            Value::None => Ok(None),
            other => T::from_raw(cx, other).map(Some),
        }
    }
}

impl<T: IntoValue> IntoValue for Option<T> {
    fn into_raw(self, cx: &mut Context) -> Outcome<Value> {
        match self {
            Some(value) => value.into_raw(cx),
            None => Ok(Value::None),
        }
    }
}

impl<T: IntoValue, E: Display + 'static> IntoValue for Result<T, E> {
    fn into_raw(self, cx: &mut Context) -> Outcome<Value> {
        match self {
            Ok(value) => value.into_raw(cx),
            Err(error) => {
                let any: &dyn std::any::Any = &error;
                Err(match any.downcast_ref::<Error>() {
                    Some(own) => own.raise_again(cx),
                    None => runtime_error(error.to_string()),
                })
            }
        }
    }
}

/// The items of a collection.
fn items(cx: &mut Context, value: &Value, expected: &str) -> Outcome<Vec<Value>> {
    match value.unwrapped() {
        Value::List(list) => Ok(list.snapshot()),
        Value::Tuple(tuple) => Ok(tuple.items().to_vec()),
        // A text is no list of its characters.
        Value::Str(_) | Value::Dict(_) => Err(mismatch(expected, value)),
        _ => match iterate::try_iterate(cx, value)? {
            Some(iterator) => iterate::collect(cx, &iterator),
            None => Err(mismatch(expected, value)),
        },
    }
}

fn into_items<T: IntoValue>(
    cx: &mut Context,
    items: impl IntoIterator<Item = T>,
) -> Outcome<Vec<Value>> {
    items.into_iter().map(|item| item.into_raw(cx)).collect()
}

impl<T: FromValue> FromValue for Vec<T> {
    fn from_raw(cx: &mut Context, value: &Value) -> Outcome<Self> {
        let items = items(cx, value, "list")?;
        items.iter().map(|item| T::from_raw(cx, item)).collect()
    }
}

impl<T: IntoValue> IntoValue for Vec<T> {
    fn into_raw(self, cx: &mut Context) -> Outcome<Value> {
        Ok(Value::list(into_items(cx, self)?))
    }
}

impl<T: IntoValue + Clone> IntoValue for &[T] {
    fn into_raw(self, cx: &mut Context) -> Outcome<Value> {
        Ok(Value::list(into_items(cx, self.iter().cloned())?))
    }
}

impl<T: IntoValue, const N: usize> IntoValue for [T; N] {
    fn into_raw(self, cx: &mut Context) -> Outcome<Value> {
        Ok(Value::list(into_items(cx, self)?))
    }
}

fn pairs<K: FromValue, V: FromValue, C: FromIterator<(K, V)>>(
    cx: &mut Context,
    value: &Value,
) -> Outcome<C> {
    let Value::Dict(dict) = value.unwrapped() else {
        return Err(mismatch("dict", value));
    };
    let entries = dict.entries()?;
    let pair =
        |(key, value): (Value, Value)| Ok((K::from_raw(cx, &key)?, V::from_raw(cx, &value)?));
    entries.into_iter().map(pair).collect()
}

fn into_dict<K: IntoValue, V: IntoValue>(
    cx: &mut Context,
    entries: impl IntoIterator<Item = (K, V)>,
) -> Outcome<Value> {
    let dict = Dict::new();
    for (key, value) in entries {
        let (key, value) = (key.into_raw(cx)?, value.into_raw(cx)?);
        dict.set(cx, key, value)?;
    }
    Ok(Value::Dict(Ref::new(dict)))
}

impl<K: FromValue + Eq + Hash, V: FromValue, S: BuildHasher + Default> FromValue
    for HashMap<K, V, S>
{
    fn from_raw(cx: &mut Context, value: &Value) -> Outcome<Self> {
        pairs(cx, value)
    }
}

impl<K: IntoValue, V: IntoValue, S> IntoValue for HashMap<K, V, S> {
    fn into_raw(self, cx: &mut Context) -> Outcome<Value> {
        into_dict(cx, self)
    }
}

impl<K: FromValue + Ord, V: FromValue> FromValue for BTreeMap<K, V> {
    fn from_raw(cx: &mut Context, value: &Value) -> Outcome<Self> {
        pairs(cx, value)
    }
}

impl<K: IntoValue, V: IntoValue> IntoValue for BTreeMap<K, V> {
    fn into_raw(self, cx: &mut Context) -> Outcome<Value> {
        into_dict(cx, self)
    }
}

impl<T: FromValue + Eq + Hash, S: BuildHasher + Default> FromValue for HashSet<T, S> {
    fn from_raw(cx: &mut Context, value: &Value) -> Outcome<Self> {
        let items = items(cx, value, "set")?;
        items.iter().map(|item| T::from_raw(cx, item)).collect()
    }
}

impl<T: FromValue + Ord> FromValue for BTreeSet<T> {
    fn from_raw(cx: &mut Context, value: &Value) -> Outcome<Self> {
        let items = items(cx, value, "set")?;
        items.iter().map(|item| T::from_raw(cx, item)).collect()
    }
}

impl FromValue for handle::Value {
    fn from_raw(cx: &mut Context, value: &Value) -> Outcome<Self> {
        handle::Value::keep(cx, value.clone())
    }
}

impl IntoValue for handle::Value {
    fn into_raw(self, cx: &mut Context) -> Outcome<Value> {
        self.raw_in(cx)
    }
}

impl IntoValue for &handle::Value {
    fn into_raw(self, cx: &mut Context) -> Outcome<Value> {
        self.raw_in(cx)
    }
}

impl IntoArguments for () {
    fn into_raw_arguments(self, _: &mut Context) -> Outcome<Vec<Value>> {
        Ok(Vec::new())
    }
}

impl<T: IntoValue> IntoArguments for Vec<T> {
    fn into_raw_arguments(self, cx: &mut Context) -> Outcome<Vec<Value>> {
        into_items(cx, self)
    }
}

impl<T: IntoValue, const N: usize> IntoArguments for [T; N] {
    fn into_raw_arguments(self, cx: &mut Context) -> Outcome<Vec<Value>> {
        into_items(cx, self)
    }
}

macro_rules! tuples {
    ($($count:literal: $($item:ident)+;)*) => {$(
        impl<$($item: FromValue),+> FromValue for ($($item,)+) {
            fn from_raw(cx: &mut Context, value: &Value) -> Outcome<Self> {
                let items = items(cx, value, "tuple")?;
                if items.len() != $count {
                    return Err(type_error(format!(
                        concat!("expected a tuple of ", $count, ", found one of {}"),
                        items.len()
                    )));
                }
                let mut items = items.iter();
                Ok(($($item::from_raw(cx, items.next().unwrap_or(&Value::None))?,)+))
            }
        }

        #[allow(non_snake_case)]
        impl<$($item: IntoValue),+> IntoValue for ($($item,)+) {
            fn into_raw(self, cx: &mut Context) -> Outcome<Value> {
                Ok(Value::tuple(self.into_raw_arguments(cx)?))
            }
        }

        #[allow(non_snake_case)]
        impl<$($item: IntoValue),+> IntoArguments for ($($item,)+) {
            fn into_raw_arguments(self, cx: &mut Context) -> Outcome<Vec<Value>> {
                let ($($item,)+) = self;
                Ok(vec![$($item.into_raw(cx)?),+])
            }
        }
    )*};
}

tuples! {
    1: A;
    2: A B;
    3: A B C;
    4: A B C D;
    5: A B C D E;
    6: A B C D E F;
}
