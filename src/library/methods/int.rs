//! `int`: its constructor and methods. It must not know how integers are stored beyond what
//! `Value` offers.

use num_bigint::{BigInt, Sign};
use num_traits::{Signed, Zero};

use super::byte_methods::required;
use super::construct::{class_argument, wrap};
use super::special::{Install, IntKind, operators, this};
use crate::eval::context::Context;
use crate::library::builtins::numbers::round_number;
use crate::library::{arguments, define};
use crate::value::buffer::BytesLike;
use crate::value::class::Class;
use crate::value::convert::{nearest_float, to_integer};
use crate::value::exception::{Raised, overflow_error, type_error, value_error};
use crate::value::format_spec::{Integer, format_integer};
use crate::value::function::Args;
use crate::value::number_text::{NotInteger, parse_integer};
use crate::value::operator::BinaryOperator;
use crate::value::types::types;
use crate::value::{Outcome, Value, arithmetic, iterate, room, sequence, text};

/// Puts the methods of `int` into its class.
pub fn install() {
    let class = &types().int;
    Install::<IntKind>::into(class)
        .shown()
        .hashed()
        .truth()
        .ordered()
        .signed()
        .inverted()
        .both::<operators::Add>()
        .both::<operators::Subtract>()
        .both::<operators::Multiply>()
        .both::<operators::Divide>()
        .both::<operators::FloorDivide>()
        .both::<operators::Modulo>()
        .both::<operators::ShiftLeft>()
        .both::<operators::ShiftRight>()
        .both::<operators::BitAnd>()
        .both::<operators::BitOr>()
        .both::<operators::BitXor>()
        .reflected::<operators::Power>();
    define::static_methods(class, &[("__new__", new)]);
    define::class_methods(class, &[("from_bytes", from_bytes)]);
    define::methods(
        class,
        &[
            ("__abs__", abs),
            ("__ceil__", |cx, args| itself(cx, args, "__ceil__")),
            ("__divmod__", divmod),
            ("__float__", to_float),
            ("__floor__", |cx, args| itself(cx, args, "__floor__")),
            ("__format__", format),
            ("__getnewargs__", new_arguments),
            ("__index__", |cx, args| itself(cx, args, "__index__")),
            ("__int__", |cx, args| itself(cx, args, "__int__")),
            ("__pow__", power),
            ("__rdivmod__", reflected_divmod),
            ("__round__", round),
            ("__str__", to_str),
            ("__trunc__", |cx, args| itself(cx, args, "__trunc__")),
            ("as_integer_ratio", as_integer_ratio),
            ("bit_count", bit_count),
            ("bit_length", bit_length),
            ("conjugate", |cx, args| itself(cx, args, "conjugate")),
            ("is_integer", is_integer),
            ("to_bytes", to_bytes),
        ],
    );
    define::getters(
        class,
        &[
            ("real", |cx, args| itself(cx, args, "real")),
            ("numerator", |cx, args| itself(cx, args, "numerator")),
            ("imag", |_, _| Ok(Value::Int(0))),
            ("denominator", |_, _| Ok(Value::Int(1))),
        ],
    );
}

fn new(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = &types().int;
    if let Some(Value::Class(class)) = args.positional().first()
        && class.same(&types().bool)
    {
        return Err(type_error(
            "int.__new__(bool) is not safe, use bool.__new__()",
        ));
    }
    let (class, args) = class_argument(own, args)?;
    let value = construct(cx, args)?;
    Ok(wrap(class, own, value))
}

const INT: arguments::Signature<2> =
    arguments::Signature::new("int", ["x", "base"]).positional_only(1);

fn construct(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    if let ([value], []) = (args.values, args.names) {
        return from_value(cx, value);
    }
    if args.names.is_empty() {
        arguments::between("int", args, 0, 2)?;
    }
    let [source, base] = INT.bind(args)?;
    match (source, base) {
        (None, None) => Ok(Value::Int(0)),
        (Some(source), None) => from_value(cx, source),
        (None, Some(_)) => Err(type_error("int() missing string argument")),
        (Some(source), Some(base)) => {
            let base = match sequence::index_value(cx, base)? {
                Value::Int(base @ (0 | 2..=36)) => base as u32,
                _ => return Err(value_error("int() base must be >= 2 and <= 36, or 0")),
            };
            match number_text(source) {
                Some(number) => parse(cx, source, &number, base),
                None => Err(type_error(
                    "int() can't convert non-string with explicit base",
                )),
            }
        }
    }
}

/// The text of a number in a `str` or in bytes.
fn number_text(source: &Value) -> Option<String> {
    if let Value::Str(text) = source.unwrapped() {
        return Some(text.as_str().to_owned());
    }
    // Bytes beyond ASCII are in no number.
    let bytes = BytesLike::of(source)?;
    Some(
        bytes
            .iter()
            .map(|&byte| match byte {
                0..=0x7f => char::from(byte),
                _ => '\u{fffd}',
            })
            .collect(),
    )
}

fn parse(cx: &mut Context, source: &Value, number: &str, base: u32) -> Outcome<Value> {
    match parse_integer(number, base) {
        Ok(value) => Ok(value),
        Err(reason) => Err(not_an_integer(cx, source, reason)),
    }
}

#[cold]
fn not_an_integer(cx: &mut Context, source: &Value, reason: NotInteger) -> Raised {
    match reason {
        NotInteger::Malformed(base) => {
            let shown = match BytesLike::of(source) {
                Some(bytes) => text::repr(cx, &Value::bytes(bytes.into_vec())),
                None => text::repr(cx, source),
            };
            let shown = match shown {
                Ok(shown) => shown,
                Err(raised) => return raised,
            };
            let shown: String = shown.chars().take(200).collect();
            value_error(format!(
                "invalid literal for int() with base {base}: {shown}"
            ))
        }
        NotInteger::TooLong(digits, most) => value_error(format!(
            "Exceeds the limit ({most} digits) for integer string conversion: value has {digits} \
             digits; use sys.set_int_max_str_digits() to increase the limit"
        )),
    }
}

fn from_value(cx: &mut Context, value: &Value) -> Outcome<Value> {
    match value {
        Value::Int(_) | Value::BigInt(_) => return Ok(value.clone()),
        Value::Str(number) => return parse(cx, value, number.as_str(), 10),
        _ => {}
    }
    if let Some(number) = to_integer(cx, value)? {
        return Ok(number);
    }
    match number_text(value) {
        Some(number) => parse(cx, value, &number, 10),
        None => Err(type_error(format!(
            "int() argument must be a string, a bytes-like object or a real number, not '{}'",
            value.type_name()
        ))),
    }
}

/// The receiver as a plain integer.
fn plain(value: &Value) -> Value {
    match value {
        Value::Bool(flag) => Value::Int(i64::from(*flag)),
        other => other.clone(),
    }
}

fn big(value: &Value) -> BigInt {
    match value {
        Value::Int(number) => BigInt::from(*number),
        Value::BigInt(number) => number.get().clone(),
        Value::Bool(flag) => BigInt::from(u8::from(*flag)),
        _ => BigInt::zero(),
    }
}

fn itself(_: &mut Context, args: Args<'_>, method: &'static str) -> Outcome<Value> {
    let (value, args) = this::<IntKind>(args, method)?;
    arguments::none(&format!("int.{method}"), args)?;
    Ok(plain(value))
}

fn abs(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, args) = this::<IntKind>(args, "__abs__")?;
    arguments::none("int.__abs__", args)?;
    Ok(match value {
        Value::Int(number) if *number != i64::MIN => Value::Int(number.abs()),
        other => Value::integer(big(other).abs()),
    })
}

fn to_float(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, args) = this::<IntKind>(args, "__float__")?;
    arguments::none("int.__float__", args)?;
    nearest_float(&big(value))
        .map(Value::Float)
        .ok_or_else(|| overflow_error("int too large to convert to float"))
}

/// Both results of a division, or `NotImplemented`.
fn divided(cx: &mut Context, left: &Value, right: &Value) -> Outcome<Value> {
    Ok(Value::tuple_of([
        arithmetic::binary(cx, BinaryOperator::FloorDivide, left, right)?,
        arithmetic::binary(cx, BinaryOperator::Modulo, left, right)?,
    ]))
}

fn is_integer_value(value: &Value) -> bool {
    matches!(value, Value::Int(_) | Value::BigInt(_) | Value::Bool(_))
}

fn divmod(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, args) = this::<IntKind>(args, "__divmod__")?;
    let other = arguments::one("int.__divmod__", args)?.unwrapped();
    if is_integer_value(other) {
        divided(cx, value, other)
    } else {
        Ok(Value::NotImplemented)
    }
}

fn reflected_divmod(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, args) = this::<IntKind>(args, "__rdivmod__")?;
    let other = arguments::one("int.__rdivmod__", args)?.unwrapped();
    if is_integer_value(other) {
        divided(cx, other, value)
    } else {
        Ok(Value::NotImplemented)
    }
}

fn power(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, args) = this::<IntKind>(args, "__pow__")?;
    let values = arguments::between("__pow__", args, 1, 2)?;
    let exponent = values[0].unwrapped();
    if !is_integer_value(exponent) {
        return Ok(Value::NotImplemented);
    }
    match values.get(1).map(Value::unwrapped) {
        None | Some(Value::None) => arithmetic::binary(cx, BinaryOperator::Power, value, exponent),
        Some(modulus) if is_integer_value(modulus) => {
            crate::value::integer::power_modulo(&big(value), &big(exponent), &big(modulus))
        }
        Some(_) => Ok(Value::NotImplemented),
    }
}

fn round(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, args) = this::<IntKind>(args, "__round__")?;
    let digits = arguments::between("__round__", args, 0, 1)?.first();
    Ok(round_number(cx, value, digits)?.unwrap_or(Value::NotImplemented))
}

fn to_str(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, _) = this::<IntKind>(args, "__str__")?;
    text::repr(cx, value).map(Value::from)
}

fn format(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let type_name = args.values.first().map_or("int", |value| value.type_name());
    let (value, args) = this::<IntKind>(args, "__format__")?;
    let spec = arguments::one("int.__format__", args)?;
    let spec = arguments::text(spec, "__format__() argument")?.as_str();
    if spec.is_empty() {
        return text::repr(cx, value).map(Value::from);
    }
    let number = match value {
        Value::BigInt(number) => {
            return format_integer(Integer::Big(number.get()), spec, type_name).map(Value::from);
        }
        Value::Int(number) => *number,
        other => i64::from(matches!(other, Value::Bool(true))),
    };
    format_integer(Integer::Small(number), spec, type_name).map(Value::from)
}

fn new_arguments(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, args) = this::<IntKind>(args, "__getnewargs__")?;
    arguments::none("int.__getnewargs__", args)?;
    Ok(Value::tuple_of([plain(value)]))
}

fn as_integer_ratio(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, args) = this::<IntKind>(args, "as_integer_ratio")?;
    arguments::none("int.as_integer_ratio", args)?;
    Ok(Value::tuple_of([plain(value), Value::Int(1)]))
}

fn is_integer(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, args) = this::<IntKind>(args, "is_integer")?;
    arguments::none("int.is_integer", args)?;
    Ok(Value::Bool(true))
}

fn bit_length(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, args) = this::<IntKind>(args, "bit_length")?;
    arguments::none("int.bit_length", args)?;
    Ok(Value::Int(match plain(value) {
        Value::Int(number) => i64::from(64 - number.unsigned_abs().leading_zeros()),
        other => big(&other).bits() as i64,
    }))
}

fn bit_count(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, args) = this::<IntKind>(args, "bit_count")?;
    arguments::none("int.bit_count", args)?;
    let ones = big(value)
        .magnitude()
        .iter_u64_digits()
        .map(|digit| i64::from(digit.count_ones()))
        .sum();
    Ok(Value::Int(ones))
}

/// Whether the most significant byte comes first.
fn is_big_endian(order: Option<&Value>, what: &str) -> Outcome<bool> {
    match order {
        None => Ok(true),
        Some(order) => match arguments::text(order, what)?.as_str() {
            "big" => Ok(true),
            "little" => Ok(false),
            _ => Err(value_error("byteorder must be either 'little' or 'big'")),
        },
    }
}

const TO_BYTES: arguments::Signature<3> =
    arguments::Signature::new("to_bytes", ["length", "byteorder", "signed"]).positional(2);

fn to_bytes(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, args) = this::<IntKind>(args, "to_bytes")?;
    let [length, order, signed] = TO_BYTES.bind(args)?;
    let length = length.map_or(Ok(1), |length| arguments::integer(cx, length))?;
    let is_big = is_big_endian(order, "to_bytes() argument 'byteorder'")?;
    let signed = arguments::flag(cx, signed, false)?;
    let length =
        usize::try_from(length).map_err(|_| value_error("length argument must be non-negative"))?;
    let number = big(value);
    if number.is_negative() && !signed {
        return Err(overflow_error("can't convert negative int to unsigned"));
    }
    let mut bytes = if signed {
        number.to_signed_bytes_le()
    } else {
        number.to_bytes_le().1
    };
    let filler = if number.is_negative() { 0xff } else { 0 };
    if number.is_zero() {
        bytes.clear();
    }
    if bytes.len() > length {
        return Err(overflow_error("int too big to convert"));
    }
    let mut result = room::with_room(length)?;
    result.extend_from_slice(&bytes);
    result.resize(length, filler);
    if is_big {
        result.reverse();
    }
    Ok(Value::bytes(result))
}

const FROM_BYTES: arguments::Signature<3> =
    arguments::Signature::new("from_bytes", ["bytes", "byteorder", "signed"])
        .positional(2)
        .required(1);

fn from_bytes(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = &types().int;
    let class: &Class = own;
    let (given, args) = match args.positional().first() {
        Some(Value::Class(given)) if given.derives_from(class) => (given, args.rest()),
        _ => return Err(arguments::bad_receiver("int", "from_bytes", args)),
    };
    let [Some(source), order, signed] = FROM_BYTES.bind(args)? else {
        return Err(type_error("from_bytes() missing required argument"));
    };
    let is_big = is_big_endian(order, "from_bytes() argument 'byteorder'")?;
    let signed = arguments::flag(cx, signed, false)?;
    let bytes = match BytesLike::of(source) {
        Some(bytes) => bytes.into_vec(),
        None => {
            let cannot = format!("cannot convert '{}' object to bytes", source.type_name());
            if matches!(source.unwrapped(), Value::Str(_)) {
                return Err(type_error(cannot));
            }
            let items = iterate::collect_or(cx, source, &cannot)?;
            required(&bytes_of(cx, &items)?)?.into_vec()
        }
    };
    let number = match (is_big, signed) {
        (true, true) => BigInt::from_signed_bytes_be(&bytes),
        (false, true) => BigInt::from_signed_bytes_le(&bytes),
        (true, false) => BigInt::from_bytes_be(Sign::Plus, &bytes),
        (false, false) => BigInt::from_bytes_le(Sign::Plus, &bytes),
    };
    let value = Value::integer(number);
    if given.same(own) {
        return Ok(value);
    }
    cx.call(&Value::Class(given.clone()), &[value])
}

fn bytes_of(cx: &mut Context, items: &[Value]) -> Outcome<Value> {
    let bytes: Outcome<Vec<u8>> = items
        .iter()
        .map(|item| super::byte_methods::byte(cx, item, "bytes must be in range(0, 256)"))
        .collect();
    bytes.map(Value::bytes)
}
