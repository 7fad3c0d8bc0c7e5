//! Methods of byte strings that look for bytes: `find`, `count`, `startswith`, `replace`, ….

use memchr::memmem;

use super::{ByteKind, NO_BYTE, Table, byte, method_name, required, this};
use crate::eval::context::Context;
use crate::library::arguments;
use crate::library::methods::bounds::bounds;
use crate::library::methods::byte_text;
use crate::value::buffer::BytesLike;
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::{Outcome, Value, room, sequence};

pub(super) fn methods<K: ByteKind>() -> Table {
    vec![
        ("count", count::<K>),
        ("endswith", |cx, args| {
            affix::<K>(cx, args, "endswith", <[u8]>::ends_with)
        }),
        ("find", |cx, args| find::<K>(cx, args, "find", false, false)),
        ("index", |cx, args| {
            find::<K>(cx, args, "index", false, true)
        }),
        ("rfind", |cx, args| {
            find::<K>(cx, args, "rfind", true, false)
        }),
        ("rindex", |cx, args| {
            find::<K>(cx, args, "rindex", true, true)
        }),
        ("startswith", |cx, args| {
            affix::<K>(cx, args, "startswith", <[u8]>::starts_with)
        }),
        ("removeprefix", remove_prefix::<K>),
        ("removesuffix", remove_suffix::<K>),
        ("replace", replace::<K>),
    ]
}

/// What is looked for: bytes or a single byte.
fn wanted(cx: &mut Context, value: &Value) -> Outcome<Vec<u8>> {
    if let Some(bytes) = BytesLike::of(value) {
        return Ok(bytes.into_vec());
    }
    match sequence::try_index(cx, value)? {
        Some(number) => Ok(vec![byte(cx, &number, NO_BYTE)?]),
        None => Err(type_error(format!(
            "argument should be integer or bytes-like object, not '{}'",
            value.type_name()
        ))),
    }
}

fn find<K: ByteKind>(
    cx: &mut Context,
    args: Args<'_>,
    method: &'static str,
    last: bool,
    must: bool,
) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, method)?;
    let values = arguments::between(method, args, 1, 3)?;
    let wanted = wanted(cx, &values[0])?;
    let part = bounds(cx, &values[1..], bytes.len())?;
    let found = part.and_then(|part| {
        let within = &bytes[part.start..part.end];
        let place = if last {
            memmem::rfind(within, &wanted)
        } else {
            memmem::find(within, &wanted)
        };
        place.map(|place| part.start + place)
    });
    match found {
        Some(place) => Ok(Value::size(place)),
        None if must => Err(value_error("subsection not found")),
        None => Ok(Value::Int(-1)),
    }
}

fn count<K: ByteKind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, "count")?;
    let values = arguments::between("count", args, 1, 3)?;
    let wanted = wanted(cx, &values[0])?;
    let Some(part) = bounds(cx, &values[1..], bytes.len())? else {
        return Ok(Value::Int(0));
    };
    Ok(Value::size(if wanted.is_empty() {
        part.end - part.start + 1
    } else {
        memmem::find_iter(&bytes[part.start..part.end], &wanted).count()
    }))
}

fn affix<K: ByteKind>(
    cx: &mut Context,
    args: Args<'_>,
    method: &'static str,
    test: fn(&[u8], &[u8]) -> bool,
) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, method)?;
    let values = arguments::between(method, args, 1, 3)?;
    let part = bounds(cx, &values[1..], bytes.len())?;
    let within = part.map(|part| &bytes[part.start..part.end]);
    let holds = |wanted: &[u8]| within.is_some_and(|within| test(within, wanted));
    if let Value::Tuple(choices) = values[0].unwrapped() {
        for choice in choices.items() {
            if holds(&required(choice)?) {
                return Ok(Value::Bool(true));
            }
        }
        return Ok(Value::Bool(false));
    }
    match BytesLike::of(&values[0]) {
        Some(wanted) => Ok(Value::Bool(holds(&wanted))),
        None => Err(type_error(format!(
            "{method} first arg must be bytes or a tuple of bytes, not {}",
            values[0].type_name()
        ))),
    }
}

fn remove_prefix<K: ByteKind>(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, "removeprefix")?;
    let affix = required(arguments::one(&method_name::<K>("removeprefix"), args)?)?;
    let cut = bytes.strip_prefix(&*affix).unwrap_or(&bytes);
    Ok(K::make(cut.to_vec()))
}

fn remove_suffix<K: ByteKind>(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, "removesuffix")?;
    let affix = required(arguments::one(&method_name::<K>("removesuffix"), args)?)?;
    let cut = bytes.strip_suffix(&*affix).unwrap_or(&bytes);
    Ok(K::make(cut.to_vec()))
}

fn replace<K: ByteKind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, "replace")?;
    let values = arguments::between("replace", args, 2, 3)?;
    let (old, new) = (required(&values[0])?, required(&values[1])?);
    let most = match values.get(2) {
        Some(most) => usize::try_from(arguments::integer(cx, most)?).unwrap_or(usize::MAX),
        None => usize::MAX,
    };
    let places = byte_text::replace_places(&bytes, &old, most);
    let kept = bytes.len() - places.len() * old.len();
    let size = places.len().saturating_mul(new.len()).saturating_add(kept);
    let mut result = room::with_room(size)?;
    let mut done = 0;
    for place in places {
        result.extend_from_slice(&bytes[done..place]);
        result.extend_from_slice(&new);
        done = place + old.len();
    }
    result.extend_from_slice(&bytes[done..]);
    Ok(K::make(result))
}
