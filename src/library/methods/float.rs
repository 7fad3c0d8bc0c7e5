//! `float`: its constructor and methods. It must not know how floats are written in scripts.

use num_bigint::BigInt;
use num_traits::FromPrimitive;

use super::construct::{class_argument, without_own_keywords, wrap};
use super::float_hex;
use super::special::{FloatKind, Install, operators, this};
use crate::eval::context::Context;
use crate::library::builtins::numbers::round_number;
use crate::library::{arguments, define};
use crate::value::buffer::BytesLike;
use crate::value::convert::{to_float, truncate};
use crate::value::exception::{Raised, overflow_error, type_error, value_error};
use crate::value::format_spec::format_float;
use crate::value::function::Args;
use crate::value::name::known;
use crate::value::number_text::parse_float;
use crate::value::operator::BinaryOperator;
use crate::value::types::types;
use crate::value::{Outcome, Value, arithmetic, text};

/// Puts the methods of `float` into its class.
pub fn install() {
    let class = &types().float;
    Install::<FloatKind>::into(class)
        .shown()
        .hashed()
        .truth()
        .ordered()
        .signed()
        .both::<operators::Add>()
        .both::<operators::Subtract>()
        .both::<operators::Multiply>()
        .both::<operators::Divide>()
        .both::<operators::FloorDivide>()
        .both::<operators::Modulo>()
        .reflected::<operators::Power>();
    define::static_methods(class, &[("__new__", new)]);
    define::class_methods(class, &[("fromhex", from_hex)]);
    define::methods(
        class,
        &[
            ("__abs__", |_, args| {
                mapped(args, "__abs__", |number| Ok(Value::Float(number.abs())))
            }),
            ("__ceil__", |_, args| {
                mapped(args, "__ceil__", |number| truncate(number.ceil()))
            }),
            ("__divmod__", divmod),
            ("__float__", |_, args| {
                mapped(args, "__float__", |number| Ok(Value::Float(number)))
            }),
            ("__floor__", |_, args| {
                mapped(args, "__floor__", |number| truncate(number.floor()))
            }),
            ("__format__", format),
            ("__getnewargs__", |_, args| {
                mapped(args, "__getnewargs__", |number| {
                    Ok(Value::tuple_of([Value::Float(number)]))
                })
            }),
            ("__int__", |_, args| mapped(args, "__int__", truncate)),
            ("__pow__", power),
            ("__rdivmod__", reflected_divmod),
            ("__round__", round),
            ("__str__", to_str),
            ("__trunc__", |_, args| mapped(args, "__trunc__", truncate)),
            ("as_integer_ratio", |_, args| {
                mapped(args, "as_integer_ratio", integer_ratio)
            }),
            ("conjugate", |_, args| {
                mapped(args, "conjugate", |number| Ok(Value::Float(number)))
            }),
            ("hex", |_, args| {
                mapped(args, "hex", |number| {
                    Ok(Value::from(float_hex::write(number)))
                })
            }),
            ("is_integer", |_, args| {
                mapped(args, "is_integer", |number| {
                    Ok(Value::Bool(number.is_finite() && number.fract() == 0.0))
                })
            }),
        ],
    );
    define::getters(
        class,
        &[
            ("real", |_, args| {
                mapped(args, "real", |number| Ok(Value::Float(number)))
            }),
            ("imag", |_, _| Ok(Value::Float(0.0))),
        ],
    );
}

fn new(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = &types().float;
    let (class, args) = class_argument(own, args)?;
    let args = without_own_keywords(class, own, known().init, args);
    arguments::no_keywords("float", args)?;
    let value = match arguments::between("float", args, 0, 1)?.first() {
        None => 0.0,
        Some(value) => from_value(cx, value)?,
    };
    Ok(wrap(class, own, Value::Float(value)))
}

fn from_value(cx: &mut Context, value: &Value) -> Outcome<f64> {
    match value.unwrapped() {
        Value::Str(number) => {
            return match parse_float(number.as_str()) {
                Some(number) => Ok(number),
                None => Err(not_a_float(cx, value)),
            };
        }
        _ => {
            if let Some(number) = to_float(cx, value)? {
                return Ok(number);
            }
        }
    }
    let Some(bytes) = BytesLike::of(value) else {
        return Err(type_error(format!(
            "float() argument must be a string or a real number, not '{}'",
            value.type_name()
        )));
    };
    match std::str::from_utf8(&bytes).ok().and_then(parse_float) {
        Some(number) => Ok(number),
        None => Err(not_a_float(cx, value)),
    }
}

#[cold]
fn not_a_float(cx: &mut Context, value: &Value) -> Raised {
    match text::repr(cx, value) {
        Ok(shown) => value_error(format!("could not convert string to float: {shown}")),
        Err(raised) => raised,
    }
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Float(number) => *number,
        _ => 0.0,
    }
}

fn mapped(args: Args<'_>, method: &'static str, map: fn(f64) -> Outcome<Value>) -> Outcome<Value> {
    let (value, args) = this::<FloatKind>(args, method)?;
    arguments::none(&format!("float.{method}"), args)?;
    map(number(value))
}

fn integer_ratio(number: f64) -> Outcome<Value> {
    if number.is_infinite() {
        return Err(overflow_error("cannot convert Infinity to integer ratio"));
    }
    if number.is_nan() {
        return Err(value_error("cannot convert NaN to integer ratio"));
    }
    // Scaled by a power of two that makes it whole; exact each time.
    let (mut scaled, mut exponent) = (number, 0u32);
    while scaled.fract() != 0.0 {
        let step = if scaled.abs() < 1e-300 { 64 } else { 1 };
        scaled *= 2f64.powi(step);
        exponent += step as u32;
    }
    let mut numerator = BigInt::from_f64(scaled).unwrap_or_default();
    let mut denominator_bits = exponent;
    // Lowest terms: steps of more than one bit may have gone too far.
    while denominator_bits > 0 && !numerator.bit(0) && numerator != BigInt::default() {
        numerator >>= 1;
        denominator_bits -= 1;
    }
    Ok(Value::tuple_of([
        Value::integer(numerator),
        Value::integer(BigInt::from(1) << denominator_bits),
    ]))
}

/// Whether the operators of floats understand the other operand.
fn operand(value: &Value) -> bool {
    matches!(
        value,
        Value::Float(_) | Value::Int(_) | Value::BigInt(_) | Value::Bool(_)
    )
}

fn divided(cx: &mut Context, left: &Value, right: &Value) -> Outcome<Value> {
    Ok(Value::tuple_of([
        arithmetic::binary(cx, BinaryOperator::FloorDivide, left, right)?,
        arithmetic::binary(cx, BinaryOperator::Modulo, left, right)?,
    ]))
}

fn divmod(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, args) = this::<FloatKind>(args, "__divmod__")?;
    let other = arguments::one("float.__divmod__", args)?.unwrapped();
    if operand(other) {
        divided(cx, value, other)
    } else {
        Ok(Value::NotImplemented)
    }
}

fn reflected_divmod(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, args) = this::<FloatKind>(args, "__rdivmod__")?;
    let other = arguments::one("float.__rdivmod__", args)?.unwrapped();
    if operand(other) {
        divided(cx, other, value)
    } else {
        Ok(Value::NotImplemented)
    }
}

fn power(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, args) = this::<FloatKind>(args, "__pow__")?;
    let values = arguments::between("__pow__", args, 1, 2)?;
    let exponent = values[0].unwrapped();
    if values.get(1).is_some_and(|modulus| !modulus.is_none()) {
        return Err(type_error(
            "pow() 3rd argument not allowed unless all arguments are integers",
        ));
    }
    if operand(exponent) {
        arithmetic::binary(cx, BinaryOperator::Power, value, exponent)
    } else {
        Ok(Value::NotImplemented)
    }
}

fn round(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, args) = this::<FloatKind>(args, "__round__")?;
    let digits = arguments::between("__round__", args, 0, 1)?.first();
    let digits = digits.filter(|digits| !digits.is_none());
    Ok(round_number(cx, value, digits)?.unwrap_or(Value::NotImplemented))
}

fn to_str(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (value, _) = this::<FloatKind>(args, "__str__")?;
    text::repr(cx, value).map(Value::from)
}

fn format(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let type_name = args
        .values
        .first()
        .map_or("float", |value| value.type_name());
    let (value, args) = this::<FloatKind>(args, "__format__")?;
    let spec = arguments::one("float.__format__", args)?;
    let spec = arguments::text(spec, "__format__() argument")?.as_str();
    if spec.is_empty() {
        return text::repr(cx, value).map(Value::from);
    }
    format_float(number(value), spec, type_name).map(Value::from)
}

fn from_hex(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = &types().float;
    let (given, args) = match args.positional().first() {
        Some(Value::Class(given)) if given.derives_from(own) => (given, args.rest()),
        _ => return Err(arguments::bad_receiver("float", "fromhex", args)),
    };
    let source = arguments::one("float.fromhex", args)?;
    let Value::Str(source) = source.unwrapped() else {
        return Err(type_error("bad argument type for built-in operation"));
    };
    let number = match float_hex::read(source.as_str()) {
        Ok(number) => Value::Float(number),
        Err(float_hex::NotHex::Malformed) => {
            return Err(value_error("invalid hexadecimal floating-point string"));
        }
        Err(float_hex::NotHex::TooLarge) => {
            return Err(overflow_error(
                "hexadecimal value too large to represent as a float",
            ));
        }
    };
    if given.same(own) {
        return Ok(number);
    }
    cx.call(&Value::Class(given.clone()), &[number])
}
