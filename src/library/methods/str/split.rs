//! Methods of `str` that take texts apart and put them together: `split`, `partition`, `join`, ….

use memchr::memmem;

use super::search::places;

use super::{itself, receiver};
use crate::eval::context::Context;
use crate::library::{arguments, define};
use crate::value::class::Class;
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::unicode::{is_line_break, is_space};
use crate::value::{Outcome, Value, iterate, room};

pub(super) fn install(class: &Class) {
    define::methods(
        class,
        &[
            ("join", join),
            ("partition", partition),
            ("rpartition", rpartition),
            ("rsplit", rsplit),
            ("split", split),
            ("splitlines", splitlines),
        ],
    );
}

/// What `split` and `rsplit` are told: the separator, `None` for white space, and how often at
/// most.
fn split_arguments<'a>(
    cx: &mut Context,
    args: Args<'a>,
    signature: &arguments::Signature<2>,
) -> Outcome<(Option<&'a str>, usize)> {
    let [separator, most] = signature.bind(args)?;
    let most = match most {
        Some(most) => usize::try_from(arguments::integer(cx, most)?).unwrap_or(usize::MAX),
        None => usize::MAX,
    };
    let separator = match separator {
        None | Some(Value::None) => None,
        Some(value) => match value.unwrapped() {
            Value::Str(text) if text.is_empty() => return Err(value_error("empty separator")),
            Value::Str(text) => Some(text.as_str()),
            _ => {
                return Err(type_error(format!(
                    "must be str or None, not {}",
                    value.type_name()
                )));
            }
        },
    };
    Ok((separator, most))
}

const SPLIT: arguments::Signature<2> = arguments::Signature::new("split", ["sep", "maxsplit"]);
const RSPLIT: arguments::Signature<2> = arguments::Signature::new("rsplit", ["sep", "maxsplit"]);

fn split(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (text, args) = receiver(args, "split")?;
    let (separator, most) = split_arguments(cx, args, &SPLIT)?;
    let source = text.as_str();
    let mut parts = Vec::new();
    match separator {
        Some(separator) => {
            let mut done = 0;
            for place in places(source, separator).take(most) {
                room::push(&mut parts, Value::str(&source[done..place]))?;
                done = place + separator.len();
            }
            if done == 0 {
                room::push(&mut parts, itself(text))?;
            } else {
                room::push(&mut parts, Value::str(&source[done..]))?;
            }
        }
        None => {
            let mut rest = source.trim_start_matches(is_space);
            while !rest.is_empty() {
                if parts.len() == most {
                    room::push(&mut parts, Value::str(rest))?;
                    break;
                }
                let end = rest.find(is_space).unwrap_or(rest.len());
                room::push(&mut parts, Value::str(&rest[..end]))?;
                rest = rest[end..].trim_start_matches(is_space);
            }
        }
    }
    Ok(Value::list(parts))
}

fn rsplit(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (text, args) = receiver(args, "rsplit")?;
    let (separator, most) = split_arguments(cx, args, &RSPLIT)?;
    let source = text.as_str();
    let mut parts = Vec::new();
    match separator {
        Some(separator) => {
            let mut end = source.len();
            for place in memmem::rfind_iter(source.as_bytes(), separator.as_bytes()).take(most) {
                room::push(
                    &mut parts,
                    Value::str(&source[place + separator.len()..end]),
                )?;
                end = place;
            }
            room::push(&mut parts, Value::str(&source[..end]))?;
        }
        None => {
            let mut rest = source.trim_end_matches(is_space);
            while !rest.is_empty() {
                if parts.len() == most {
                    room::push(&mut parts, Value::str(rest))?;
                    break;
                }
                let start = rest
                    .char_indices()
                    .rev()
                    .find(|&(_, c)| is_space(c))
                    .map_or(0, |(place, c)| place + c.len_utf8());
                room::push(&mut parts, Value::str(&rest[start..]))?;
                rest = rest[..start].trim_end_matches(is_space);
            }
        }
    }
    parts.reverse();
    Ok(Value::list(parts))
}

fn separator<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a str> {
    let value = arguments::one(method, args)?;
    match value.unwrapped() {
        Value::Str(text) if text.is_empty() => Err(value_error("empty separator")),
        Value::Str(text) => Ok(text.as_str()),
        _ => Err(type_error(format!(
            "must be str, not {}",
            value.type_name()
        ))),
    }
}

fn partition(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (text, args) = receiver(args, "partition")?;
    let separator = separator(args, "str.partition")?;
    Ok(Value::tuple(match text.as_str().split_once(separator) {
        Some((before, after)) => vec![Value::str(before), Value::str(separator), Value::str(after)],
        None => vec![itself(text), Value::str(""), Value::str("")],
    }))
}

fn rpartition(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (text, args) = receiver(args, "rpartition")?;
    let separator = separator(args, "str.rpartition")?;
    Ok(Value::tuple(match text.as_str().rsplit_once(separator) {
        Some((before, after)) => vec![Value::str(before), Value::str(separator), Value::str(after)],
        None => vec![Value::str(""), Value::str(""), itself(text)],
    }))
}

const SPLITLINES: arguments::Signature<1> = arguments::Signature::new("splitlines", ["keepends"]);

fn splitlines(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (text, args) = receiver(args, "splitlines")?;
    let [keep] = SPLITLINES.bind(args)?;
    let keep = arguments::flag(cx, keep, false)?;
    room::collected(lines(text.as_str(), keep).map(Value::str)).map(Value::list)
}

/// The lines of a text, with their ends or without.
fn lines(text: &str, keep: bool) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (line, end) = match rest.char_indices().find(|&(_, c)| is_line_break(c)) {
            Some((place, '\r')) if rest[place + 1..].starts_with('\n') => (place, place + 2),
            Some((place, c)) => (place, place + c.len_utf8()),
            None => (rest.len(), rest.len()),
        };
        let found = &rest[..if keep { end } else { line }];
        rest = &rest[end..];
        Some(found)
    })
}

fn join(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (separator, args) = receiver(args, "join")?;
    let iterable = arguments::one("str.join", args)?;
    let collected;
    let items: &[Value] = match iterable {
        Value::Tuple(tuple) => tuple.items(),
        Value::List(list) => {
            collected = list.copied()?;
            &collected
        }
        other => {
            collected = iterate::collect_or(cx, other, "can only join an iterable")?;
            &collected
        }
    };
    let separator = separator.as_str();
    let mut size = separator
        .len()
        .saturating_mul(items.len().saturating_sub(1));
    for (index, item) in items.iter().enumerate() {
        let Value::Str(text) = item.unwrapped() else {
            return Err(type_error(format!(
                "sequence item {index}: expected str instance, {} found",
                item.type_name()
            )));
        };
        size = size.saturating_add(text.as_str().len());
    }
    if let [one @ Value::Str(_)] = items {
        return Ok(one.clone());
    }
    let mut result = room::text_with_room(size)?;
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            result.push_str(separator);
        }
        if let Value::Str(text) = item.unwrapped() {
            result.push_str(text.as_str());
        }
    }
    Ok(Value::from(result))
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn lines_end_where_cpython_ends_them() {
        let split = |text, keep| lines(text, keep).collect::<Vec<_>>();
        assert_eq!(split("a\nb\r\nc\rd", false), ["a", "b", "c", "d"]);
        assert_eq!(split("a\nb\r\n", true), ["a\n", "b\r\n"]);
        assert_eq!(split("\n\r", false), ["", ""]);
        assert_eq!(
            split("a\x0bb\x1cc\u{85}d\u{2028}e", false),
            ["a", "b", "c", "d", "e"]
        );
        assert!(split("", true).is_empty());
    }
}
