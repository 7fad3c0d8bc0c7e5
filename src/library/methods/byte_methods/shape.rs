//! Methods of byte strings that change each byte, what surrounds them, or their notation:
//! `upper`, `strip`, `center`, `decode`, `hex`, ….

use super::{ByteKind, Table, method_name, required, this};
use crate::eval::context::Context;
use crate::library::arguments;
use crate::library::methods::byte_text::{self, is_space};
use crate::library::methods::construct::class_argument;
use crate::value::buffer::BytesLike;
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::types::types;
use crate::value::{Outcome, Value, codec, room, sequence};

pub(super) fn methods<K: ByteKind>() -> Table {
    vec![
        ("capitalize", |cx, args| {
            mapped::<K>(cx, args, "capitalize", byte_text::capitalize)
        }),
        ("lower", |cx, args| {
            mapped::<K>(cx, args, "lower", <[u8]>::to_ascii_lowercase)
        }),
        ("swapcase", |cx, args| {
            mapped::<K>(cx, args, "swapcase", byte_text::swapcase)
        }),
        ("title", |cx, args| {
            mapped::<K>(cx, args, "title", byte_text::title)
        }),
        ("upper", |cx, args| {
            mapped::<K>(cx, args, "upper", <[u8]>::to_ascii_uppercase)
        }),
        ("lstrip", |cx, args| {
            stripped::<K>(cx, args, "lstrip", true, false)
        }),
        ("rstrip", |cx, args| {
            stripped::<K>(cx, args, "rstrip", false, true)
        }),
        ("strip", |cx, args| {
            stripped::<K>(cx, args, "strip", true, true)
        }),
        ("center", |cx, args| {
            padded::<K>(cx, args, "center", |missing, width| {
                missing / 2 + (missing & width & 1)
            })
        }),
        ("ljust", |cx, args| padded::<K>(cx, args, "ljust", |_, _| 0)),
        ("rjust", |cx, args| {
            padded::<K>(cx, args, "rjust", |missing, _| missing)
        }),
        ("zfill", zfill::<K>),
        ("expandtabs", expandtabs::<K>),
        ("translate", translate::<K>),
        ("decode", decode::<K>),
        ("hex", hex::<K>),
    ]
}

fn mapped<K: ByteKind>(
    _: &mut Context,
    args: Args<'_>,
    method: &'static str,
    map: fn(&[u8]) -> Vec<u8>,
) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, method)?;
    arguments::none(&method_name::<K>(method), args)?;
    Ok(K::make(map(&bytes)))
}

fn stripped<K: ByteKind>(
    _: &mut Context,
    args: Args<'_>,
    method: &'static str,
    left: bool,
    right: bool,
) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, method)?;
    let cut = match arguments::between(method, args, 0, 1)?.first() {
        None | Some(Value::None) => byte_text::strip(&bytes, is_space, left, right),
        Some(value) => {
            let kinds = required(value)?;
            byte_text::strip(&bytes, |byte| kinds.contains(&byte), left, right)
        }
    };
    Ok(K::make(cut.to_vec()))
}

fn padded<K: ByteKind>(
    cx: &mut Context,
    args: Args<'_>,
    method: &'static str,
    left: fn(usize, usize) -> usize,
) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, method)?;
    let values = arguments::between(method, args, 1, 2)?;
    let width = usize::try_from(arguments::integer(cx, &values[0])?).unwrap_or(0);
    let fill = match values.get(1) {
        None => b' ',
        Some(value) => match BytesLike::of(value).as_deref() {
            Some(&[fill]) => fill,
            _ => {
                return Err(arguments::wrong_type(
                    value,
                    &format!("{method}() argument 2"),
                    "a byte string of length 1",
                ));
            }
        },
    };
    let missing = width.saturating_sub(bytes.len());
    let left = left(missing, width);
    let mut result = room::with_room(bytes.len().saturating_add(missing))?;
    result.extend(std::iter::repeat_n(fill, left));
    result.extend_from_slice(&bytes);
    result.extend(std::iter::repeat_n(fill, missing - left));
    Ok(K::make(result))
}

fn zfill<K: ByteKind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, "zfill")?;
    let width = arguments::integer(cx, arguments::one(&method_name::<K>("zfill"), args)?)?;
    let missing = usize::try_from(width)
        .unwrap_or(0)
        .saturating_sub(bytes.len());
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let mut result = room::with_room(bytes.len().saturating_add(missing))?;
    result.extend_from_slice(&bytes[..sign]);
    result.extend(std::iter::repeat_n(b'0', missing));
    result.extend_from_slice(&bytes[sign..]);
    Ok(K::make(result))
}

const EXPANDTABS: arguments::Signature<1> = arguments::Signature::new("expandtabs", ["tabsize"]);

fn expandtabs<K: ByteKind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, "expandtabs")?;
    let [size] = EXPANDTABS.bind(args)?;
    let size = match size {
        Some(size) => usize::try_from(arguments::integer32(cx, size)?).unwrap_or(0),
        None => 8,
    };
    let tabs = memchr::memchr_iter(b'\t', &bytes).count();
    let most = tabs.saturating_mul(size).saturating_add(bytes.len());
    let mut result = room::with_room(most)?;
    byte_text::expand_tabs(&bytes, size, &mut result);
    Ok(K::make(result))
}

const TRANSLATE: arguments::Signature<2> =
    arguments::Signature::new("translate", ["table", "delete"])
        .positional_only(1)
        .required(1);

fn translate<K: ByteKind>(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, "translate")?;
    let [table, delete] = TRANSLATE.bind(args)?;
    let table = match table {
        None | Some(Value::None) => None,
        Some(table) => {
            let table = required(table)?;
            if table.len() != 256 {
                return Err(value_error("translation table must be 256 characters long"));
            }
            Some(table)
        }
    };
    let delete = delete.map(required).transpose()?;
    let kept = bytes
        .iter()
        .filter(|byte| !delete.as_ref().is_some_and(|delete| delete.contains(byte)))
        .map(|&byte| {
            table
                .as_ref()
                .map_or(byte, |table| table[usize::from(byte)])
        })
        .collect();
    Ok(K::make(kept))
}

pub(super) fn maketrans(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [from, to] = arguments::exactly("maketrans", args)?;
    let (from, to) = (required(from)?, required(to)?);
    if from.len() != to.len() {
        return Err(value_error("maketrans arguments must have same length"));
    }
    let mut table: Vec<u8> = (0..=255).collect();
    for (&from, &to) in from.iter().zip(to.iter()) {
        table[usize::from(from)] = to;
    }
    Ok(Value::bytes(table))
}

const DECODE: arguments::Signature<2> = arguments::Signature::new("decode", ["encoding", "errors"]);

fn decode<K: ByteKind>(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, "decode")?;
    let [encoding, errors] = DECODE.bind(args)?;
    let encoding = match encoding {
        None => "utf-8",
        Some(value) => arguments::text(value, "decode() argument 'encoding'")?.as_str(),
    };
    let errors = match errors {
        None => "strict",
        Some(value) => arguments::text(value, "decode() argument 'errors'")?.as_str(),
    };
    codec::decode(&bytes, encoding, errors).map(Value::from)
}

const HEX: arguments::Signature<2> = arguments::Signature::new("hex", ["sep", "bytes_per_sep"]);

fn hex<K: ByteKind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, "hex")?;
    hex_text(cx, &bytes, args)
}

/// `hex(sep, bytes_per_sep)` of these bytes.
pub fn hex_text(cx: &mut Context, bytes: &[u8], args: Args<'_>) -> Outcome<Value> {
    let [separator, group] = HEX.bind(args)?;
    let group = match group {
        Some(group) => i64::from(arguments::integer32(cx, group)?),
        None => 1,
    };
    let separator = match separator {
        None => None,
        Some(value) => {
            let length = sequence::length(cx, value)?;
            if length != 1 {
                return Err(value_error("sep must be length 1."));
            }
            match value.unwrapped() {
                Value::Str(text) if text.is_ascii() => text.as_str().chars().next(),
                Value::Bytes(bytes) if bytes.get().is_ascii() => {
                    bytes.get().first().map(|&byte| char::from(byte))
                }
                Value::Str(_) | Value::Bytes(_) => {
                    return Err(value_error("sep must be ASCII."));
                }
                _ => return Err(type_error("sep must be str or bytes.")),
            }
        }
    };
    Ok(Value::from(byte_text::hex(bytes, separator, group)))
}

pub(super) fn from_hex<K: ByteKind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = if K::CLASS == "bytes" {
        &types().bytes
    } else {
        &types().bytearray
    };
    let (class, args) = class_argument(own, args)?;
    let text = arguments::one(&method_name::<K>("fromhex"), args)?;
    let text = arguments::text(text, "fromhex() argument")?;
    let bytes = byte_text::from_hex(text.as_str()).map_err(|place| {
        value_error(format!(
            "non-hexadecimal number found in fromhex() arg at position {place}"
        ))
    })?;
    let made = K::make(bytes);
    if class.same(own) {
        return Ok(made);
    }
    cx.call(&Value::Class(class.clone()), &[made])
}
