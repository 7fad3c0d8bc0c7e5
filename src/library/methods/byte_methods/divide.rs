//! Methods of byte strings that take them apart and put them together: `split`, `join`, ….

use memchr::memmem;

use super::{ByteKind, Table, method_name, required, this};
use crate::eval::context::Context;
use crate::library::arguments;
use crate::library::methods::byte_text;
use crate::value::buffer::BytesLike;
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::{Outcome, Value, iterate, room};

pub(super) fn methods<K: ByteKind>() -> Table {
    vec![
        ("join", join::<K>),
        ("partition", |cx, args| {
            partition::<K>(cx, args, "partition", false)
        }),
        ("rpartition", |cx, args| {
            partition::<K>(cx, args, "rpartition", true)
        }),
        ("rsplit", |cx, args| split::<K>(cx, args, &RSPLIT, true)),
        ("split", |cx, args| split::<K>(cx, args, &SPLIT, false)),
        ("splitlines", split_lines::<K>),
    ]
}

const SPLIT: arguments::Signature<2> = arguments::Signature::new("split", ["sep", "maxsplit"]);
const RSPLIT: arguments::Signature<2> = arguments::Signature::new("rsplit", ["sep", "maxsplit"]);

fn parts<K: ByteKind>(parts: Vec<&[u8]>) -> Outcome<Value> {
    room::collected(parts.into_iter().map(|part| K::make(part.to_vec()))).map(Value::list)
}

fn split<K: ByteKind>(
    cx: &mut Context,
    args: Args<'_>,
    signature: &arguments::Signature<2>,
    right: bool,
) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, if right { "rsplit" } else { "split" })?;
    let [separator, most] = signature.bind(args)?;
    let most = match most {
        Some(most) => usize::try_from(arguments::integer(cx, most)?).unwrap_or(usize::MAX),
        None => usize::MAX,
    };
    let found = match separator {
        None | Some(Value::None) if right => byte_text::rsplit_words(&bytes, most)?,
        None | Some(Value::None) => byte_text::split_words(&bytes, most)?,
        Some(separator) => {
            let separator = separator_of(separator)?;
            let found = if right {
                byte_text::rsplit(&bytes, &separator, most)?
            } else {
                byte_text::split(&bytes, &separator, most)?
            };
            return parts::<K>(found);
        }
    };
    parts::<K>(found)
}

fn separator_of(value: &Value) -> Outcome<BytesLike> {
    let separator = required(value)?;
    if separator.is_empty() {
        return Err(value_error("empty separator"));
    }
    Ok(separator)
}

fn partition<K: ByteKind>(
    _: &mut Context,
    args: Args<'_>,
    method: &'static str,
    right: bool,
) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, method)?;
    let given = arguments::one(&method_name::<K>(method), args)?;
    let separator = separator_of(given)?;
    let place = if right {
        memmem::rfind(&bytes, &separator)
    } else {
        memmem::find(&bytes, &separator)
    };
    let part = |part: &[u8]| K::make(part.to_vec());
    Ok(Value::tuple(match place {
        Some(place) => vec![
            part(&bytes[..place]),
            // A `bytes` gives back the separator itself.
            if K::CLASS == "bytes" {
                given.clone()
            } else {
                part(&separator)
            },
            part(&bytes[place + separator.len()..]),
        ],
        None if right => vec![part(b""), part(b""), part(&bytes)],
        None => vec![part(&bytes), part(b""), part(b"")],
    }))
}

const SPLITLINES: arguments::Signature<1> = arguments::Signature::new("splitlines", ["keepends"]);

fn split_lines<K: ByteKind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, "splitlines")?;
    let [keep] = SPLITLINES.bind(args)?;
    let keep = arguments::flag(cx, keep, false)?;
    parts::<K>(byte_text::split_lines(&bytes, keep)?)
}

fn join<K: ByteKind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (separator, args) = this::<K>(args, "join")?;
    let iterable = arguments::one(&method_name::<K>("join"), args)?;
    let items = iterate::collect_or(cx, iterable, "can only join an iterable")?;
    let mut pieces = Vec::with_capacity(items.len());
    let mut size = separator
        .len()
        .saturating_mul(items.len().saturating_sub(1));
    for (index, item) in items.iter().enumerate() {
        let Some(bytes) = BytesLike::of(item) else {
            return Err(type_error(format!(
                "sequence item {index}: expected a bytes-like object, {} found",
                item.type_name()
            )));
        };
        size = size.saturating_add(bytes.len());
        pieces.push(bytes);
    }
    let mut result = room::with_room(size)?;
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            result.extend_from_slice(&separator);
        }
        result.extend_from_slice(piece);
    }
    Ok(K::make(result))
}
