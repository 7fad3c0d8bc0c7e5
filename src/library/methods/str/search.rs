//! Methods of `str` that look for texts: `find`, `count`, `startswith`, `replace`, ….

use memchr::memmem;

use super::{itself, receiver};
use crate::eval::context::Context;
use crate::library::methods::bounds::{Bounds, bounds};
use crate::library::{arguments, define};
use crate::value::class::Class;
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::object::Ref;
use crate::value::string::Str;
use crate::value::{Outcome, Value, room};

pub(super) fn install(class: &Class) {
    define::methods(
        class,
        &[
            ("count", count),
            ("endswith", endswith),
            ("find", find),
            ("index", index),
            ("removeprefix", removeprefix),
            ("removesuffix", removesuffix),
            ("replace", replace),
            ("rfind", rfind),
            ("rindex", rindex),
            ("startswith", startswith),
        ],
    );
}

/// The text looked for and the part of the receiver to look in; `None` for a part that begins
/// after its end.
fn search_arguments<'a>(
    cx: &mut Context,
    text: &'a Ref<Str>,
    args: Args<'a>,
    method: &'static str,
) -> Outcome<(&'a str, Option<Bounds>)> {
    let values = arguments::between(method, args, 1, 3)?;
    let wanted = match values[0].unwrapped() {
        Value::Str(wanted) => wanted.as_str(),
        _ => {
            return Err(arguments::wrong_type(
                &values[0],
                &format!("{method}() argument 1"),
                "str",
            ));
        }
    };
    Ok((wanted, bounds(cx, &values[1..], text.len())?))
}

/// Where a text has another, not empty, in it, in bytes: nothing is prepared for one of a single
/// byte.
pub(super) fn places<'t>(text: &'t str, wanted: &'t str) -> impl Iterator<Item = usize> + 't {
    let (text, wanted) = (text.as_bytes(), wanted.as_bytes());
    let (one, more) = match wanted {
        [byte] => (Some(memchr::memchr_iter(*byte, text)), None),
        _ => (None, Some(memmem::find_iter(text, wanted))),
    };
    one.into_iter().flatten().chain(more.into_iter().flatten())
}

fn first_place(text: &str, wanted: &str) -> Option<usize> {
    match wanted.as_bytes() {
        [byte] => memchr::memchr(*byte, text.as_bytes()),
        wanted => memmem::find(text.as_bytes(), wanted),
    }
}

/// Index of the first or last place of a text within a part; `None` when it is not there.
fn position(text: &Ref<Str>, wanted: &str, part: Option<Bounds>, last: bool) -> Option<usize> {
    let part = part?;
    let start = text.offset(part.start);
    let within = &text.as_str()[start..text.offset(part.end)];
    let found = if last {
        memmem::rfind(within.as_bytes(), wanted.as_bytes())?
    } else {
        first_place(within, wanted)?
    };
    if text.is_ascii() {
        return Some(start + found);
    }
    Some(part.start + within[..found].chars().count())
}

fn find(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (text, args) = receiver(args, "find")?;
    let (wanted, part) = search_arguments(cx, text, args, "find")?;
    Ok(position(text, wanted, part, false).map_or(Value::Int(-1), Value::size))
}

fn rfind(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (text, args) = receiver(args, "rfind")?;
    let (wanted, part) = search_arguments(cx, text, args, "rfind")?;
    Ok(position(text, wanted, part, true).map_or(Value::Int(-1), Value::size))
}

fn index(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (text, args) = receiver(args, "index")?;
    let (wanted, part) = search_arguments(cx, text, args, "index")?;
    let found = position(text, wanted, part, false);
    found
        .map(Value::size)
        .ok_or_else(|| value_error("substring not found"))
}

fn rindex(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (text, args) = receiver(args, "rindex")?;
    let (wanted, part) = search_arguments(cx, text, args, "rindex")?;
    let found = position(text, wanted, part, true);
    found
        .map(Value::size)
        .ok_or_else(|| value_error("substring not found"))
}

fn count(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (text, args) = receiver(args, "count")?;
    let (wanted, part) = search_arguments(cx, text, args, "count")?;
    let Some(part) = part else {
        return Ok(Value::Int(0));
    };
    if wanted.is_empty() {
        return Ok(Value::size(part.end - part.start + 1));
    }
    let within = &text.as_str()[text.offset(part.start)..text.offset(part.end)];
    let found = places(within, wanted).count();
    Ok(Value::size(found))
}

/// `startswith` and `endswith`: one text or a tuple of them.
fn affix(
    cx: &mut Context,
    args: Args<'_>,
    method: &'static str,
    test: fn(&str, &str) -> bool,
) -> Outcome<Value> {
    let (text, args) = receiver(args, method)?;
    let values = arguments::between(method, args, 1, 3)?;
    let part = bounds(cx, &values[1..], text.len())?;
    let within = part.map(|part| &text.as_str()[text.offset(part.start)..text.offset(part.end)]);
    match values[0].unwrapped() {
        Value::Str(wanted) => Ok(Value::Bool(
            within.is_some_and(|within| test(within, wanted.as_str())),
        )),
        Value::Tuple(choices) => {
            for choice in choices.items() {
                let Value::Str(wanted) = choice.unwrapped() else {
                    return Err(type_error(format!(
                        "tuple for {method} must only contain str, not {}",
                        choice.type_name()
                    )));
                };
                if within.is_some_and(|within| test(within, wanted.as_str())) {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        _ => Err(type_error(format!(
            "{method} first arg must be str or a tuple of str, not {}",
            values[0].type_name()
        ))),
    }
}

fn startswith(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    affix(cx, args, "startswith", |text, wanted| {
        text.starts_with(wanted)
    })
}

fn endswith(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    affix(cx, args, "endswith", |text, wanted| text.ends_with(wanted))
}

fn removeprefix(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (text, args) = receiver(args, "removeprefix")?;
    let affix = arguments::one("str.removeprefix", args)?;
    let affix = arguments::text(affix, "removeprefix() argument")?.as_str();
    Ok(match text.as_str().strip_prefix(affix) {
        Some(rest) if !affix.is_empty() => Value::str(rest),
        _ => itself(text),
    })
}

fn removesuffix(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (text, args) = receiver(args, "removesuffix")?;
    let affix = arguments::one("str.removesuffix", args)?;
    let affix = arguments::text(affix, "removesuffix() argument")?.as_str();
    Ok(match text.as_str().strip_suffix(affix) {
        Some(rest) if !affix.is_empty() => Value::str(rest),
        _ => itself(text),
    })
}

const REPLACE: arguments::Signature<3> =
    arguments::Signature::new("replace", ["old", "new", "count"])
        .positional_only(2)
        .required(2);

fn replace(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (text, args) = receiver(args, "replace")?;
    let [Some(old), Some(new), count] = REPLACE.bind(args)? else {
        return Err(type_error("replace expected at least 2 arguments"));
    };
    let old = arguments::text(old, "replace() argument 1")?.as_str();
    let new = arguments::text(new, "replace() argument 2")?.as_str();
    let most = match count {
        Some(count) => usize::try_from(arguments::integer(cx, count)?).unwrap_or(usize::MAX),
        None => usize::MAX,
    };
    if most == 0 || old == new {
        return Ok(itself(text));
    }
    let source = text.as_str();
    let places: Vec<usize> = if old.is_empty() {
        let ends = std::iter::once(source.len());
        let places = source
            .char_indices()
            .map(|(place, _)| place)
            .chain(ends)
            .take(most);
        room::collected(places)?
    } else {
        room::collected(places(source, old).take(most))?
    };
    if places.is_empty() {
        return Ok(itself(text));
    }
    let size = places
        .len()
        .saturating_mul(new.len())
        .saturating_add(source.len() - places.len() * old.len());
    let mut result = room::text_with_room(size)?;
    let mut done = 0;
    for place in places {
        result.push_str(&source[done..place]);
        result.push_str(new);
        done = place + old.len();
    }
    result.push_str(&source[done..]);
    Ok(Value::from(result))
}
