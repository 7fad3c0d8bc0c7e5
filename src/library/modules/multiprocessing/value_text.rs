//! Shared arrays of bytes and of characters as one text: their attributes `value` and `raw`. It must not know who made an
//! array, or guards it with a lock.

use super::numbers::{self, Kind};
use super::values::{NumberObject, number};
use crate::eval::context::Context;
use crate::value::exception::{attribute_error, type_error, value_error};
use crate::value::function::Args;
use crate::value::{Outcome, Value, sequence};

/// The receiver, which must have the attribute: `raw` is of bytes only.
fn chars<'a>(args: Args<'a>, name: &'static str) -> Outcome<&'a NumberObject> {
    let array = number(args, name)?;
    if array.kind == Kind::Char || (array.kind == Kind::WideChar && name == "value") {
        return Ok(array);
    }
    Err(attribute_error(format!(
        "'{}_Array_{}' object has no attribute '{name}'",
        array.name,
        array.len()
    )))
}

/// `array.raw`: all bytes.
pub fn get_raw(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let array = chars(args, "raw")?;
    Ok(array.read_all(0..array.len()))
}

/// `array.value`: the bytes or characters up to the first that is zero.
pub fn get_text(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let array = chars(args, "value")?;
    if array.kind == Kind::WideChar {
        let all = array.read_all(0..array.len());
        let text = all.as_str().unwrap_or_default();
        return Ok(Value::str(text.split('\0').next().unwrap_or_default()));
    }
    let Value::Bytes(raw) = get_raw(cx, args)? else {
        return Ok(Value::None);
    };
    let text = raw.get().split(|byte| *byte == 0).next().unwrap_or(&[]);
    Ok(Value::bytes(text))
}

/// `array.raw = bytes`.
pub fn set_raw(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    write_text(args, "raw", false)
}

/// `array.value = text`, with a zero behind it where it is shorter than the array.
pub fn set_text(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let array = chars(args, "value")?;
    if array.kind == Kind::WideChar {
        let value = args.values.get(1).cloned().unwrap_or_default();
        return write_characters(cx, array, &value);
    }
    write_text(args, "value", true)
}

fn write_characters(cx: &mut Context, array: &NumberObject, value: &Value) -> Outcome<Value> {
    let mut characters: Vec<char> = numbers::unicode_text(value)?.chars().collect();
    if characters.len() > array.len() {
        return Err(value_error("string too long"));
    }
    if characters.len() < array.len() {
        characters.push('\0');
    }
    for (index, character) in characters.into_iter().enumerate() {
        let item = Value::from(character.to_string());
        array.kind.write(cx, &array.block, index, &item)?;
    }
    Ok(Value::None)
}

fn write_text(args: Args<'_>, name: &'static str, end: bool) -> Outcome<Value> {
    let array = chars(args, name)?;
    let value = args.values.get(1).cloned().unwrap_or_default();
    let Some(bytes) = sequence::bytes_like(&value) else {
        return Err(type_error(format!(
            "bytes expected instead of {} instance",
            value.type_name()
        )));
    };
    if bytes.len() > array.len() {
        return Err(value_error("byte string too long"));
    }
    let mut bytes = bytes.into_owned();
    if end && bytes.len() < array.len() {
        bytes.push(0);
    }
    // It fits.
    let _ = array.block.write(0, &bytes);
    Ok(Value::None)
}
