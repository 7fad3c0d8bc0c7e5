//! Methods of `str` that change what surrounds the text: `strip`, `center`, `zfill`, ….

use super::{itself, receiver};
use crate::eval::context::Context;
use crate::library::{arguments, define};
use crate::value::class::Class;
use crate::value::exception::type_error;
use crate::value::function::Args;
use crate::value::unicode::is_space;
use crate::value::{Outcome, Value, room};

pub(super) fn install(class: &Class) {
    define::methods(
        class,
        &[
            ("center", center),
            ("expandtabs", expandtabs),
            ("ljust", ljust),
            ("lstrip", lstrip),
            ("rjust", rjust),
            ("rstrip", rstrip),
            ("strip", strip),
            ("zfill", zfill),
        ],
    );
}

fn stripped(args: Args<'_>, method: &'static str, left: bool, right: bool) -> Outcome<Value> {
    let (text, args) = receiver(args, method)?;
    let source = text.as_str();
    let cut = match arguments::between(method, args, 0, 1)?.first() {
        None | Some(Value::None) => {
            let cut = if left {
                source.trim_start_matches(is_space)
            } else {
                source
            };
            if right {
                cut.trim_end_matches(is_space)
            } else {
                cut
            }
        }
        Some(value) => {
            let Value::Str(characters) = value.unwrapped() else {
                return Err(type_error(format!("{method} arg must be None or str")));
            };
            let characters = characters.as_str();
            let cut = if left {
                source.trim_start_matches(|c| characters.contains(c))
            } else {
                source
            };
            if right {
                cut.trim_end_matches(|c| characters.contains(c))
            } else {
                cut
            }
        }
    };
    if cut.len() == source.len() {
        Ok(itself(text))
    } else {
        Ok(Value::str(cut))
    }
}

fn strip(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    stripped(args, "strip", true, true)
}

fn lstrip(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    stripped(args, "lstrip", true, false)
}

fn rstrip(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    stripped(args, "rstrip", false, true)
}

/// The text with fill characters around it; `left` says how many of the missing ones come first.
fn padded(
    cx: &mut Context,
    args: Args<'_>,
    method: &'static str,
    left: fn(usize, usize) -> usize,
) -> Outcome<Value> {
    let (text, args) = receiver(args, method)?;
    let values = arguments::between(method, args, 1, 2)?;
    let width = usize::try_from(arguments::integer(cx, &values[0])?).unwrap_or(0);
    let fill = match values.get(1) {
        None => ' ',
        Some(value) => {
            let Value::Str(fill) = value.unwrapped() else {
                return Err(type_error(format!(
                    "The fill character must be a unicode character, not {}",
                    value.type_name()
                )));
            };
            match (fill.len(), fill.as_str().chars().next()) {
                (1, Some(fill)) => fill,
                _ => {
                    return Err(type_error(
                        "The fill character must be exactly one character long",
                    ));
                }
            }
        }
    };
    let missing = width.saturating_sub(text.len());
    if missing == 0 {
        return Ok(itself(text));
    }
    let left = left(missing, width);
    let size = missing
        .saturating_mul(fill.len_utf8())
        .saturating_add(text.as_str().len());
    let mut result = room::text_with_room(size)?;
    result.extend(std::iter::repeat_n(fill, left));
    result.push_str(text.as_str());
    result.extend(std::iter::repeat_n(fill, missing - left));
    Ok(Value::from(result))
}

fn ljust(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    padded(cx, args, "ljust", |_, _| 0)
}

fn rjust(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    padded(cx, args, "rjust", |missing, _| missing)
}

fn center(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    // The odd one goes to the left when the width is odd.
    padded(cx, args, "center", |missing, width| {
        missing / 2 + (missing & width & 1)
    })
}

fn zfill(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (text, args) = receiver(args, "zfill")?;
    let width = arguments::integer(cx, arguments::one("str.zfill", args)?)?;
    let missing = usize::try_from(width)
        .unwrap_or(0)
        .saturating_sub(text.len());
    if missing == 0 {
        return Ok(itself(text));
    }
    let source = text.as_str();
    let (sign, digits) = match source.chars().next() {
        Some('+' | '-') => source.split_at(1),
        _ => ("", source),
    };
    let mut result = room::text_with_room(source.len().saturating_add(missing))?;
    result.push_str(sign);
    result.extend(std::iter::repeat_n('0', missing));
    result.push_str(digits);
    Ok(Value::from(result))
}

const EXPANDTABS: arguments::Signature<1> = arguments::Signature::new("expandtabs", ["tabsize"]);

fn expandtabs(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (text, args) = receiver(args, "expandtabs")?;
    let [size] = EXPANDTABS.bind(args)?;
    let size = match size {
        Some(size) => usize::try_from(arguments::integer32(cx, size)?).unwrap_or(0),
        None => 8,
    };
    let source = text.as_str();
    let tabs = source.bytes().filter(|&byte| byte == b'\t').count();
    let most = tabs.saturating_mul(size).saturating_add(source.len());
    let mut result = room::text_with_room(most)?;
    let mut column = 0usize;
    for c in source.chars() {
        match c {
            '\t' if size == 0 => {}
            '\t' => {
                let missing = size - column % size;
                result.extend(std::iter::repeat_n(' ', missing));
                column += missing;
            }
            '\n' | '\r' => {
                result.push(c);
                column = 0;
            }
            c => {
                result.push(c);
                column += 1;
            }
        }
    }
    Ok(Value::from(result))
}
