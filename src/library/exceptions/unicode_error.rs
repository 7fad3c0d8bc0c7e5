//! `UnicodeEncodeError`, `UnicodeDecodeError`, `UnicodeTranslateError`: which part of what could
//! not be converted. It must not know any encoding.

use super::{fields, no_keywords, receiver, set_args};
use crate::eval::context::Context;
use crate::library::{arguments, define};
use crate::value::buffer::BytesLike;
use crate::value::exception::{ExceptionKind, type_error};
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::types::Types;
use crate::value::{Outcome, Value, sequence, text};

pub(super) fn install(types: &Types) {
    let encode = types.exception(ExceptionKind::UnicodeEncodeError);
    let decode = types.exception(ExceptionKind::UnicodeDecodeError);
    for class in [encode, decode] {
        fields!(class;
            "encoding" |args| args.first().cloned(),
            "object" |args| args.get(1).cloned(),
            "start" |args| args.get(2).cloned(),
            "end" |args| args.get(3).cloned(),
            "reason" |args| args.get(4).cloned(),
        );
    }
    let translate = types.exception(ExceptionKind::UnicodeTranslateError);
    fields!(translate;
        "encoding" |_| None,
        "object" |args| args.first().cloned(),
        "start" |args| args.get(1).cloned(),
        "end" |args| args.get(2).cloned(),
        "reason" |args| args.get(3).cloned(),
    );
    define::methods(
        encode,
        &[
            ("__init__", |cx, args| init(cx, args, "sTnns")),
            ("__str__", encode_str),
        ],
    );
    define::methods(
        decode,
        &[
            ("__init__", |cx, args| init(cx, args, "sBnns")),
            ("__str__", decode_str),
        ],
    );
    define::methods(
        translate,
        &[
            ("__init__", |cx, args| init(cx, args, "Tnns")),
            ("__str__", translate_str),
        ],
    );
}

/// Checks the arguments by kind: `s` and `T` texts, `B` bytes, `n` an integer.
fn init(cx: &mut Context, args: Args<'_>, kinds: &str) -> Outcome<Value> {
    let (instance, data, args) = receiver(args, "__init__")?;
    no_keywords(instance, args)?;
    if args.values.len() != kinds.len() {
        return Err(type_error(format!(
            "function takes exactly {} arguments ({} given)",
            kinds.len(),
            args.values.len()
        )));
    }
    for (index, (value, kind)) in args.values.iter().zip(kinds.chars()).enumerate() {
        match kind {
            'n' => {
                sequence::index_value(cx, value)?;
            }
            'B' => {
                if BytesLike::of(value).is_none() {
                    return Err(type_error(format!(
                        "a bytes-like object is required, not '{}'",
                        value.type_name()
                    )));
                }
            }
            _ => {
                arguments::text(value, &format!("argument {}", index + 1))?;
            }
        }
    }
    set_args(data, args.values);
    Ok(Value::None)
}

/// What could not be converted, as the texts show it.
struct Part {
    encoding: String,
    object: Value,
    start: i64,
    end: i64,
    reason: String,
}

fn part(cx: &mut Context, args: Args<'_>) -> Outcome<Option<Part>> {
    let (instance, data, _) = receiver(args, "__str__")?;
    if data.args().is_empty() {
        return Ok(None);
    }
    let this = Value::Instance(instance.clone());
    let mut get = |name: &str| crate::eval::attribute::get(cx, &this, Name::new(name));
    let (encoding, object, start, end, reason) = (
        get("encoding")?,
        get("object")?,
        get("start")?,
        get("end")?,
        get("reason")?,
    );
    let number = |value: &Value| match value {
        Value::Int(number) => *number,
        _ => 0,
    };
    Ok(Some(Part {
        encoding: text::to_str(cx, &encoding)?,
        object,
        start: number(&start),
        end: number(&end),
        reason: text::to_str(cx, &reason)?,
    }))
}

/// The character at the start, when it alone could not be converted.
fn single(part: &Part) -> Option<String> {
    if part.end != part.start + 1 {
        return None;
    }
    let Value::Str(object) = part.object.unwrapped() else {
        return None;
    };
    let code = object.character(usize::try_from(part.start).ok()?)? as u32;
    Some(match code {
        0..=0xff => format!("\\x{code:02x}"),
        0x100..=0xffff => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    })
}

fn encode_str(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let Some(part) = part(cx, args)? else {
        return Ok(Value::str(""));
    };
    let Part {
        encoding,
        start,
        end,
        reason,
        ..
    } = &part;
    Ok(Value::from(match single(&part) {
        Some(code) => format!(
            "'{encoding}' codec can't encode character '{code}' in position {start}: {reason}"
        ),
        None => format!(
            "'{encoding}' codec can't encode characters in position {start}-{}: {reason}",
            end - 1
        ),
    }))
}

fn decode_str(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let Some(part) = part(cx, args)? else {
        return Ok(Value::str(""));
    };
    let Part {
        encoding,
        object,
        start,
        end,
        reason,
    } = &part;
    // A place beyond the end is shown as the end.
    let length = BytesLike::of(object).map_or(0, |bytes| bytes.len()) as i64;
    let byte = BytesLike::of(object)
        .filter(|_| *end == start + 1)
        .and_then(|bytes| bytes.get(usize::try_from(*start).ok()?).copied());
    Ok(Value::from(match byte {
        Some(byte) => format!(
            "'{encoding}' codec can't decode byte 0x{byte:02x} in position {start}: {reason}"
        ),
        None => format!(
            "'{encoding}' codec can't decode bytes in position {start}-{}: {reason}",
            if *start < length {
                end - 1
            } else {
                (end - 1).max(*start)
            }
        ),
    }))
}

fn translate_str(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let Some(part) = part(cx, args)? else {
        return Ok(Value::str(""));
    };
    let Part {
        start, end, reason, ..
    } = &part;
    Ok(Value::from(match single(&part) {
        Some(code) => {
            format!("can't translate character '{code}' in position {start}: {reason}")
        }
        None => format!(
            "can't translate characters in position {start}-{}: {reason}",
            end - 1
        ),
    }))
}
