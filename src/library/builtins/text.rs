//! `repr`, `ascii`, `format`, `chr`, `ord`, `hex`, `bin`, `oct`.

use num_traits::Signed;

use crate::eval::context::Context;
use crate::library::arguments;
use crate::library::define::Entries;
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::sequence::{self, character};
use crate::value::{Outcome, Value, format, text};

/// The functions.
pub const FUNCTIONS: Entries<'_> = &[
    ("repr", repr),
    ("ascii", ascii),
    ("format", format_value),
    ("chr", chr),
    ("ord", ord),
    ("hex", hex),
    ("bin", bin),
    ("oct", oct),
];

fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let value = arguments::one("repr", args)?;
    text::repr(cx, value).map(Value::str)
}

fn ascii(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let value = arguments::one("ascii", args)?;
    text::ascii(cx, value).map(Value::str)
}

fn format_value(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = arguments::between("format", args, 1, 2)?;
    let spec = match values.get(1) {
        Some(spec) => arguments::text(spec, "format() argument 2")?.as_str(),
        None => "",
    };
    format::format(cx, &values[0], spec).map(Value::str)
}

fn chr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let number = sequence::index_value(cx, arguments::one("chr", args)?)?;
    let code = match number {
        Value::Int(number) => u32::try_from(number).ok().filter(|&code| code < 0x11_0000),
        _ => None,
    };
    let Some(code) = code else {
        return Err(value_error("chr() arg not in range(0x110000)"));
    };
    match char::from_u32(code) {
        Some(found) => Ok(character(found)),
        None => Err(value_error(format!(
            "chr() arg is a surrogate, {code:#x}, which no string can hold"
        ))),
    }
}

fn ord(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let value = arguments::one("ord", args)?;
    let length = match value.unwrapped() {
        Value::Str(text) => {
            let mut characters = text.as_str().chars();
            if let (Some(found), None) = (characters.next(), characters.next()) {
                return Ok(Value::Int(i64::from(u32::from(found))));
            }
            text.len()
        }
        other => match sequence::bytes_like(other) {
            Some(bytes) => {
                if let [byte] = &*bytes {
                    return Ok(Value::Int(i64::from(*byte)));
                }
                bytes.len()
            }
            None => {
                return Err(type_error(format!(
                    "ord() expected string of length 1, but {} found",
                    value.type_name()
                )));
            }
        },
    };
    Err(type_error(format!(
        "ord() expected a character, but string of length {length} found"
    )))
}

fn in_base(
    cx: &mut Context,
    function: &str,
    args: Args<'_>,
    base: u32,
    prefix: &str,
) -> Outcome<Value> {
    let value = arguments::one(function, args)?;
    let number = arguments::big_integer(cx, value)?;
    let sign = if number.is_negative() { "-" } else { "" };
    let digits = number.magnitude().to_str_radix(base);
    Ok(Value::str(format!("{sign}{prefix}{digits}")))
}

fn hex(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    in_base(cx, "hex", args, 16, "0x")
}

fn bin(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    in_base(cx, "bin", args, 2, "0b")
}

fn oct(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    in_base(cx, "oct", args, 8, "0o")
}
