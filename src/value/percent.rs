//! `%` formatting of texts and of bytes. Knows templates in the notation of C's `printf`; it must
//! not know which operator called it.

use super::buffer::{BytesLike, byte_array};
use super::convert::{to_float, to_integer};
use super::exception::{memory_error, overflow_error, type_error, value_error};
use super::float_text::{FloatStyle, float_text};
use super::format_spec::Integer;
use super::name::known;
use super::number_repr::Decimal;
use super::sequence::{get_item, special, try_index};
use super::{Outcome, Value, room, text};
use crate::eval::context::Context;

/// `template % arguments` for a template that is a `str` or a `bytes`.
///
/// # Errors
/// `TypeError` and `ValueError` for a template that does not fit the arguments, or whatever the
/// arguments raise.
pub fn percent(cx: &mut Context, template: &Value, arguments: &Value) -> Outcome<Value> {
    match template.unwrapped() {
        Value::Str(template) => percent_text(cx, template.as_str(), arguments).map(Value::from),
        Value::Bytes(template) => percent_bytes(cx, template.get(), arguments).map(Value::bytes),
        _ => Ok(Value::NotImplemented),
    }
}

/// `template % arguments` for texts.
///
/// # Errors
/// As [`percent`].
pub fn percent_text(cx: &mut Context, template: &str, arguments: &Value) -> Outcome<String> {
    let bytes = expand(cx, template.as_bytes(), true, arguments)?;
    // Whole characters of the template and whole texts.
    String::from_utf8(bytes).map_err(|_| memory_error(""))
}

/// `template % arguments` for bytes.
///
/// # Errors
/// As [`percent`].
pub fn percent_bytes(cx: &mut Context, template: &[u8], arguments: &Value) -> Outcome<Vec<u8>> {
    expand(cx, template, false, arguments)
}

/// The arguments as directives take them.
struct Arguments<'a> {
    all: &'a Value,
    /// The values to take in turn: those of a tuple, or the one value.
    items: &'a [Value],
    next: usize,
    /// The value found by the key of the present directive.
    keyed: Option<Value>,
    is_mapping: bool,
}

impl<'a> Arguments<'a> {
    fn new(all: &'a Value, is_text: bool) -> Self {
        let unwrapped = all.unwrapped();
        let (items, is_mapping) = match unwrapped {
            Value::Tuple(tuple) => (tuple.items(), false),
            _ => (std::slice::from_ref(all), is_mapping(all, is_text)),
        };
        Arguments {
            all,
            items,
            next: 0,
            keyed: None,
            is_mapping,
        }
    }

    /// The commonest directives: a text with `%s`, or a small integer with `%d` or `%s`.
    #[inline]
    fn push_plainly(&mut self, letter: u8, is_text: bool, result: &mut Vec<u8>) -> bool {
        match (letter, self.items.get(self.next)) {
            (b's', Some(Value::Str(text))) if is_text => {
                result.extend_from_slice(text.as_str().as_bytes());
            }
            (b'd', Some(Value::Int(number))) => {
                result.extend_from_slice(Decimal::new(*number).as_str().as_bytes());
            }
            (b's', Some(Value::Int(number))) if is_text => {
                result.extend_from_slice(Decimal::new(*number).as_str().as_bytes());
            }
            _ => return false,
        }
        self.next += 1;
        true
    }

    fn take(&mut self) -> Outcome<Value> {
        if let Some(value) = self.keyed.take() {
            return Ok(value);
        }
        let value = self.items.get(self.next).cloned();
        self.next += 1;
        value.ok_or_else(|| type_error("not enough arguments for format string"))
    }
}

/// Whether a single argument may hold values by key; then it need not be used.
fn is_mapping(value: &Value, is_text: bool) -> bool {
    match value.unwrapped() {
        Value::Dict(_) | Value::List(_) | Value::Range(_) => true,
        Value::Bytes(_) => is_text,
        Value::Instance(instance) => {
            instance.class().lookup(known().getitem).is_some()
                && (is_text || byte_array(value).is_none())
        }
        _ => false,
    }
}

/// What stands between `%` and the letter.
#[derive(Default)]
struct Directive {
    left: bool,
    sign: bool,
    blank: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

/// The largest number that fits a C `int`, for precisions.
const MOST_PRECISION: usize = i32::MAX as usize;

fn expand(cx: &mut Context, template: &[u8], is_text: bool, arguments: &Value) -> Outcome<Vec<u8>> {
    let mut arguments = Arguments::new(arguments, is_text);
    let mut result = Vec::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some(place) = memchr::memchr(b'%', rest) {
        result.extend_from_slice(&rest[..place]);
        rest = &rest[place + 1..];
        if let Some(after) = rest.strip_prefix(b"%") {
            result.push(b'%');
            rest = after;
            continue;
        }
        if let Some((letter, after)) = rest.split_first()
            && arguments.push_plainly(*letter, is_text, &mut result)
        {
            rest = after;
            continue;
        }
        let directive = Directive::parse(cx, &mut rest, is_text, &mut arguments)?;
        let Some(&letter) = rest.first() else {
            return Err(value_error("incomplete format"));
        };
        let value = arguments.take()?;
        let known = b"diuoxXeEfFgGcrsa".contains(&letter) || (letter == b'b' && !is_text);
        if !known {
            return Err(unsupported(template, rest, is_text));
        }
        rest = &rest[1..];
        directive.format(cx, &value, letter, is_text, &mut result)?;
    }
    result.extend_from_slice(rest);
    if arguments.next < arguments.items.len() && !arguments.is_mapping {
        let what = if is_text { "string" } else { "bytes" };
        return Err(type_error(format!(
            "not all arguments converted during {what} formatting"
        )));
    }
    Ok(result)
}

#[cold]
fn unsupported(template: &[u8], rest: &[u8], is_text: bool) -> super::exception::Raised {
    let before = &template[..template.len() - rest.len()];
    let (code, index) = if is_text {
        let character = String::from_utf8_lossy(rest).chars().next().unwrap_or('?');
        let index = String::from_utf8_lossy(before).chars().count();
        (character as u32, index)
    } else {
        (u32::from(rest[0]), before.len())
    };
    let shown = char::from_u32(code)
        .filter(|c| matches!(c, ' '..='~'))
        .unwrap_or('?');
    value_error(format!(
        "unsupported format character '{shown}' (0x{code:x}) at index {index}"
    ))
}

impl Directive {
    /// Reads a directive up to its letter.
    fn parse(
        cx: &mut Context,
        rest: &mut &[u8],
        is_text: bool,
        arguments: &mut Arguments<'_>,
    ) -> Outcome<Directive> {
        let mut directive = Directive::default();
        if rest.first() == Some(&b'(') {
            let key = read_key(rest, arguments.is_mapping)?;
            let key = if is_text {
                Value::str(String::from_utf8_lossy(key).into_owned())
            } else {
                Value::bytes(key)
            };
            arguments.keyed = Some(get_item(cx, arguments.all, &key)?);
            // With keys the values are not taken in turn.
            arguments.items = &[];
        }
        loop {
            match rest.first() {
                Some(b'-') => directive.left = true,
                Some(b'+') => directive.sign = true,
                Some(b' ') => directive.blank = true,
                Some(b'#') => directive.alternate = true,
                Some(b'0') => directive.zero = true,
                _ => break,
            }
            *rest = &rest[1..];
        }
        if let Some(after) = rest.strip_prefix(b"*") {
            *rest = after;
            let width = star(arguments, "Python int too large to convert to C ssize_t")?;
            directive.left |= width < 0;
            directive.width = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
        } else {
            let most = i64::MAX as usize;
            directive.width = read_digits(rest, most, "width too big")?.unwrap_or(0);
        }
        if let Some(after) = rest.strip_prefix(b".") {
            *rest = after;
            if let Some(after) = rest.strip_prefix(b"*") {
                *rest = after;
                let message = "Python int too large to convert to C int";
                let precision = star(arguments, message)?;
                let precision = usize::try_from(precision.max(0)).unwrap_or(usize::MAX);
                if precision > MOST_PRECISION {
                    return Err(overflow_error(message));
                }
                directive.precision = Some(precision);
            } else {
                let precision = read_digits(rest, MOST_PRECISION, "precision too big")?;
                directive.precision = Some(precision.unwrap_or(0));
            }
        }
        // A length as in C means nothing.
        if let Some(b'h' | b'l' | b'L') = rest.first() {
            *rest = &rest[1..];
        }
        Ok(directive)
    }

    fn format(
        &self,
        cx: &mut Context,
        value: &Value,
        letter: u8,
        is_text: bool,
        result: &mut Vec<u8>,
    ) -> Outcome<()> {
        match letter {
            b'd' | b'i' | b'u' | b'o' | b'x' | b'X' => {
                // For bytes CPython's messages name the same conversion by one letter.
                let letter = if is_text || letter != b'i' {
                    letter
                } else {
                    b'd'
                };
                let digits = self.integer(cx, value, letter)?;
                self.put_number(&digits, letter, result)
            }
            b'e' | b'E' | b'f' | b'F' | b'g' | b'G' => {
                let number = match to_float(cx, value)? {
                    Some(number) => number,
                    None if is_text => {
                        return Err(type_error(format!(
                            "must be real number, not {}",
                            value.type_name()
                        )));
                    }
                    None => {
                        return Err(type_error(format!(
                            "float argument required, not {}",
                            value.type_name()
                        )));
                    }
                };
                let style = FloatStyle {
                    alternate: self.alternate,
                    ..FloatStyle::default()
                };
                let precision = self.precision.unwrap_or(6);
                let digits = float_text(number, letter as char, precision, style)?;
                self.put_number(&digits, letter, result)
            }
            b'c' if is_text => {
                let c = character(cx, value)?;
                self.put_text(c.encode_utf8(&mut [0; 4]), None, result)
            }
            b'c' => self.put_bytes(&[byte(cx, value)?], None, result),
            b's' if is_text => match value {
                Value::Str(text) => self.put_text(text.as_str(), self.precision, result),
                _ => self.put_text(&text::to_str(cx, value)?, self.precision, result),
            },
            b'r' if is_text => self.put_text(&text::repr(cx, value)?, self.precision, result),
            b's' | b'b' => self.put_bytes(&bytes_of(cx, value)?, self.precision, result),
            _ => self.put_text(&text::ascii(cx, value)?, self.precision, result),
        }
    }

    /// The digits of an integer, with its sign.
    fn integer(&self, cx: &mut Context, value: &Value, letter: u8) -> Outcome<String> {
        let number = match (value, letter) {
            (Value::Int(_) | Value::BigInt(_), _) => Some(value.clone()),
            (_, b'o' | b'x' | b'X') => try_index(cx, value)?,
            _ => to_integer(cx, value)?,
        };
        let (radix, wanted) = match letter {
            b'o' => (8, "an integer"),
            b'x' | b'X' => (16, "an integer"),
            _ => (10, "a real number"),
        };
        let number = match &number {
            Some(Value::Int(number)) => Integer::Small(*number),
            Some(Value::BigInt(number)) => Integer::Big(number.get()),
            _ => {
                return Err(type_error(format!(
                    "%{} format: {wanted} is required, not {}",
                    letter as char,
                    value.type_name()
                )));
            }
        };
        let mut digits = number.digits(radix)?;
        if letter == b'X' {
            digits.make_ascii_uppercase();
        }
        let zeros = self.precision.unwrap_or(0).saturating_sub(digits.len());
        let mut text = room::text_with_room(zeros + digits.len() + 1)?;
        if number.is_negative() {
            text.push('-');
        }
        text.extend(std::iter::repeat_n('0', zeros));
        text.push_str(&digits);
        Ok(text)
    }

    fn put_number(&self, text: &str, letter: u8, result: &mut Vec<u8>) -> Outcome<()> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None if self.sign => ("+", text),
            None if self.blank => (" ", text),
            None => ("", text),
        };
        let prefix = match letter {
            b'o' if self.alternate => "0o",
            b'x' if self.alternate => "0x",
            b'X' if self.alternate => "0X",
            _ => "",
        };
        let length = sign.len() + prefix.len() + digits.len();
        let missing = self.width.saturating_sub(length);
        room::for_more(result, length.max(self.width))?;
        if !self.left && !self.zero {
            result.extend(std::iter::repeat_n(b' ', missing));
        }
        result.extend_from_slice(sign.as_bytes());
        result.extend_from_slice(prefix.as_bytes());
        if !self.left && self.zero {
            result.extend(std::iter::repeat_n(b'0', missing));
        }
        result.extend_from_slice(digits.as_bytes());
        if self.left {
            result.extend(std::iter::repeat_n(b' ', missing));
        }
        Ok(())
    }

    fn put_text(&self, text: &str, most: Option<usize>, result: &mut Vec<u8>) -> Outcome<()> {
        if self.width == 0 && most.is_none() {
            result.extend_from_slice(text.as_bytes());
            return Ok(());
        }
        let end = most
            .and_then(|most| text.char_indices().nth(most))
            .map_or(text.len(), |(offset, _)| offset);
        let text = &text[..end];
        self.pad(text.as_bytes(), text.chars().count(), result)
    }

    fn put_bytes(&self, bytes: &[u8], most: Option<usize>, result: &mut Vec<u8>) -> Outcome<()> {
        let end = most.map_or(bytes.len(), |most| most.min(bytes.len()));
        self.pad(&bytes[..end], end, result)
    }

    fn pad(&self, bytes: &[u8], length: usize, result: &mut Vec<u8>) -> Outcome<()> {
        let missing = self.width.saturating_sub(length);
        room::for_more(result, missing.saturating_add(bytes.len()))?;
        if !self.left {
            result.extend(std::iter::repeat_n(b' ', missing));
        }
        result.extend_from_slice(bytes);
        if self.left {
            result.extend(std::iter::repeat_n(b' ', missing));
        }
        Ok(())
    }
}

/// Reads a key in parentheses, which may contain further pairs of them.
fn read_key<'a>(rest: &mut &'a [u8], is_mapping: bool) -> Outcome<&'a [u8]> {
    if !is_mapping {
        return Err(type_error("format requires a mapping"));
    }
    let mut open = 0;
    for (place, byte) in rest.iter().enumerate() {
        match byte {
            b'(' => open += 1,
            b')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            let key = &rest[1..place];
            *rest = &rest[place + 1..];
            return Ok(key);
        }
    }
    Err(value_error("incomplete format key"))
}

fn read_digits(rest: &mut &[u8], most: usize, message: &str) -> Outcome<Option<usize>> {
    let mut number = None;
    while let Some(digit @ b'0'..=b'9') = rest.first() {
        let value = number
            .unwrap_or(0usize)
            .checked_mul(10)
            .and_then(|value| value.checked_add(usize::from(digit - b'0')))
            .filter(|&value| value <= most)
            .ok_or_else(|| value_error(message))?;
        number = Some(value);
        *rest = &rest[1..];
    }
    Ok(number)
}

/// A width or precision that is itself an argument.
fn star(arguments: &mut Arguments<'_>, too_large: &str) -> Outcome<i64> {
    match arguments.take()?.unwrapped() {
        Value::Int(number) => Ok(*number),
        Value::Bool(flag) => Ok(i64::from(*flag)),
        Value::BigInt(_) => Err(overflow_error(too_large)),
        _ => Err(type_error("* wants int")),
    }
}

fn character(cx: &mut Context, value: &Value) -> Outcome<char> {
    if let Value::Str(text) = value.unwrapped() {
        let mut characters = text.as_str().chars();
        return match (characters.next(), characters.next()) {
            (Some(c), None) => Ok(c),
            _ => Err(type_error("%c requires int or char")),
        };
    }
    match try_index(cx, value)? {
        Some(Value::Int(code)) => u32::try_from(code).ok().and_then(char::from_u32),
        Some(_) => None,
        None => return Err(type_error("%c requires int or char")),
    }
    .ok_or_else(|| overflow_error("%c arg not in range(0x110000)"))
}

fn byte(cx: &mut Context, value: &Value) -> Outcome<u8> {
    let wrong = "%c requires an integer in range(256) or a single byte";
    if let Some(bytes) = BytesLike::of(value) {
        return match *bytes {
            [byte] => Ok(byte),
            _ => Err(type_error(wrong)),
        };
    }
    match try_index(cx, value)? {
        Some(Value::Int(code)) => {
            u8::try_from(code).map_err(|_| overflow_error("%c arg not in range(256)"))
        }
        Some(_) => Err(overflow_error("%c arg not in range(256)")),
        None => Err(type_error(wrong)),
    }
}

fn bytes_of(cx: &mut Context, value: &Value) -> Outcome<BytesLike> {
    if let Some(bytes) = BytesLike::of(value) {
        return Ok(bytes);
    }
    if let Value::Instance(instance) = value
        && let Some(method) = special(instance, known().bytes)
    {
        let result = cx.call_found(&method, value, &[])?;
        return match result.unwrapped() {
            Value::Bytes(bytes) => Ok(BytesLike::Shared(bytes.clone())),
            _ => Err(type_error(format!(
                "__bytes__ returned non-bytes (type {})",
                result.type_name()
            ))),
        };
    }
    Err(type_error(format!(
        "%b requires a bytes-like object, or an object that implements __bytes__, not '{}'",
        value.type_name()
    )))
}
