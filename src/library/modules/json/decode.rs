//! JSON to values. It must not know where the text comes from.

use num_bigint::BigInt;

use crate::eval::context::Context;
use crate::library::arguments::{exactly, integer, text, truth};
use crate::value::exception::{Raised, recursion_error};
use crate::value::function::Args;
use crate::value::object::Ref;
use crate::value::{Dict, Outcome, Value, room};

/// Why it ended early.
enum Ended {
    /// What is wrong, and at which byte.
    Wrong(String, usize),
    Raised(Raised),
}

impl From<Raised> for Ended {
    fn from(raised: Raised) -> Self {
        Ended::Raised(raised)
    }
}

type Decoded<T> = Result<T, Ended>;

struct Decoder<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    strict: bool,
    object_hook: &'t Value,
    pairs_hook: &'t Value,
    parse_float: &'t Value,
    parse_int: &'t Value,
    parse_constant: &'t Value,
    depth: usize,
}

/// `decode(text, start, strict, object_hook, object_pairs_hook, parse_float, parse_int,
/// parse_constant)`: `(True, value, end)`, or `(False, message, position)`.
pub(super) fn decode(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [
        source,
        start,
        strict,
        object_hook,
        pairs_hook,
        parse_float,
        parse_int,
        parse_constant,
    ] = exactly("decode", args)?;
    let source = text(source, "decode() argument 1")?.clone();
    let start = usize::try_from(integer(cx, start)?).unwrap_or(0);
    let mut decoder = Decoder {
        text: source.as_str(),
        bytes: source.as_str().as_bytes(),
        at: source.offset(start.min(source.len())),
        strict: truth(cx, strict)?,
        object_hook,
        pairs_hook,
        parse_float,
        parse_int,
        parse_constant,
        depth: 0,
    };
    let characters = |bytes: usize| Value::size(source.index_of_offset(bytes));
    match decoder.value(cx) {
        Ok(value) => Ok(Value::tuple_of([
            Value::Bool(true),
            value,
            characters(decoder.at),
        ])),
        Err(Ended::Wrong(message, at)) => Ok(Value::tuple_of([
            Value::Bool(false),
            Value::str(message),
            characters(at),
        ])),
        Err(Ended::Raised(raised)) => Err(raised),
    }
}

fn wrong<T>(message: &str, at: usize) -> Decoded<T> {
    Err(Ended::Wrong(message.to_owned(), at))
}

impl Decoder<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, cx: &mut Context) -> Decoded<Value> {
        let Some(byte) = self.peek() else {
            return wrong("Expecting value", self.at);
        };
        match byte {
            b'"' => {
                self.at += 1;
                self.string().map(Value::str)
            }
            b'{' | b'[' => {
                self.depth += 1;
                if self.depth > 100_000 || cx.check_stack("").is_err() {
                    let kind = if byte == b'{' { "object" } else { "array" };
                    return Err(recursion_error(format!(
                        "maximum recursion depth exceeded while decoding a JSON {kind} from a unicode string"
                    ))
                    .into());
                }
                self.at += 1;
                let value = if byte == b'{' {
                    self.object(cx)
                } else {
                    self.array(cx)
                };
                self.depth -= 1;
                value
            }
            b'n' if self.word("null") => Ok(Value::None),
            b't' if self.word("true") => Ok(Value::Bool(true)),
            b'f' if self.word("false") => Ok(Value::Bool(false)),
            b'N' if self.word("NaN") => self.constant(cx, "NaN", f64::NAN),
            b'I' if self.word("Infinity") => self.constant(cx, "Infinity", f64::INFINITY),
            b'-' if self.word("-Infinity") => self.constant(cx, "-Infinity", f64::NEG_INFINITY),
            b'-' | b'0'..=b'9' => self.number(cx),
            _ => wrong("Expecting value", self.at),
        }
    }

    fn word(&mut self, word: &str) -> bool {
        let found = self.bytes[self.at..].starts_with(word.as_bytes());
        if found {
            self.at += word.len();
        }
        found
    }

    fn constant(&mut self, cx: &mut Context, name: &str, value: f64) -> Decoded<Value> {
        if self.parse_constant.is_none() {
            return Ok(Value::Float(value));
        }
        Ok(cx.call(self.parse_constant, &[Value::str(name)])?)
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self, cx: &mut Context) -> Decoded<Value> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => {
                self.digits();
            }
            _ => {
                return wrong("Expecting value", start);
            }
        }
        let mut is_float = false;
        let integer_end = self.at;
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() > 0 {
                is_float = true;
            } else {
                self.at = integer_end;
            }
        }
        let mantissa_end = self.at;
        if (self.at == integer_end || is_float) && matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() > 0 {
                is_float = true;
            } else {
                self.at = mantissa_end;
            }
        }
        let text = &self.text[start..self.at];
        if is_float {
            if !self.parse_float.is_none() {
                return Ok(cx.call(self.parse_float, &[Value::str(text)])?);
            }
            return Ok(Value::Float(text.parse().unwrap_or(f64::NAN)));
        }
        if !self.parse_int.is_none() {
            return Ok(cx.call(self.parse_int, &[Value::str(text)])?);
        }
        if let Ok(number) = text.parse::<i64>() {
            return Ok(Value::Int(number));
        }
        let most = crate::value::number_repr::most_digits();
        if most > 0 && text.len() > most {
            return Err(crate::value::exception::value_error(format!(
                "Exceeds the limit ({most} digits) for integer string conversion: value has {} digits; use sys.set_int_max_str_digits() to increase the limit",
                text.trim_start_matches('-').len()
            ))
            .into());
        }
        Ok(Value::integer(
            BigInt::parse_bytes(text.as_bytes(), 10).unwrap_or_default(),
        ))
    }

    /// A string whose quote was taken.
    fn string(&mut self) -> Decoded<String> {
        let begin = self.at - 1;
        let mut out = String::new();
        loop {
            let start = self.at;
            while let Some(byte) = self.peek()
                && byte != b'"'
                && byte != b'\\'
                && byte >= 0x20
            {
                self.at += 1;
            }
            out.push_str(&self.text[start..self.at]);
            let Some(byte) = self.peek() else {
                return wrong("Unterminated string starting at", begin);
            };
            match byte {
                b'"' => {
                    self.at += 1;
                    return Ok(out);
                }
                b'\\' => self.escape(&mut out, begin)?,
                _ if self.strict => return wrong("Invalid control character at", self.at),
                byte => {
                    out.push(char::from(byte));
                    self.at += 1;
                }
            }
        }
    }

    fn escape(&mut self, out: &mut String, begin: usize) -> Decoded<()> {
        let start = self.at;
        self.at += 1;
        let Some(byte) = self.peek() else {
            return wrong("Unterminated string starting at", begin);
        };
        self.at += 1;
        out.push(match byte {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let mut unit = self.unit(start)?;
                if (0xd800..0xdc00).contains(&unit) && self.bytes[self.at..].starts_with(b"\\u") {
                    let here = self.at;
                    self.at += 2;
                    let low = self.unit(here)?;
                    if (0xdc00..0xe000).contains(&low) {
                        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                    } else {
                        self.at = here;
                    }
                }
                // Half a character: strings hold whole ones.
                char::from_u32(unit).unwrap_or('\u{fffd}')
            }
            _ => return wrong("Invalid \\escape", start),
        });
        Ok(())
    }

    fn unit(&mut self, start: usize) -> Decoded<u32> {
        let digits = self.text.get(self.at..self.at + 4);
        let value = digits
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match value {
            Some(value) => {
                self.at += 4;
                Ok(value)
            }
            None => wrong("Invalid \\uXXXX escape", start + 1),
        }
    }

    fn object(&mut self, cx: &mut Context) -> Decoded<Value> {
        let mut pairs = Vec::new();
        let wants_pairs = !self.pairs_hook.is_none();
        let dict = Dict::new();
        self.skip_blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
        } else {
            loop {
                if self.peek() != Some(b'"') {
                    return wrong("Expecting property name enclosed in double quotes", self.at);
                }
                self.at += 1;
                let key = self.string()?;
                self.skip_blanks();
                if self.peek() != Some(b':') {
                    return wrong("Expecting ':' delimiter", self.at);
                }
                self.at += 1;
                self.skip_blanks();
                let value = self.value(cx)?;
                if wants_pairs {
                    pairs.push(Value::tuple_of([Value::str(key), value]));
                } else {
                    dict.set_str(&key, value)?;
                }
                self.skip_blanks();
                match self.peek() {
                    Some(b'}') => {
                        self.at += 1;
                        break;
                    }
                    Some(b',') => {}
                    _ => return wrong("Expecting ',' delimiter", self.at),
                }
                let comma = self.at;
                self.at += 1;
                self.skip_blanks();
                if self.peek() == Some(b'}') {
                    return wrong("Illegal trailing comma before end of object", comma);
                }
                cx.safepoint()?;
            }
        }
        if wants_pairs {
            return Ok(cx.call(self.pairs_hook, &[Value::list(pairs)])?);
        }
        let dict = Value::Dict(Ref::new(dict));
        if self.object_hook.is_none() {
            return Ok(dict);
        }
        Ok(cx.call(self.object_hook, &[dict])?)
    }

    fn array(&mut self, cx: &mut Context) -> Decoded<Value> {
        let mut items = Vec::new();
        self.skip_blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::list(items));
        }
        loop {
            let item = self.value(cx)?;
            room::push(&mut items, item)?;
            self.skip_blanks();
            match self.peek() {
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::list(items));
                }
                Some(b',') => {}
                _ => return wrong("Expecting ',' delimiter", self.at),
            }
            let comma = self.at;
            self.at += 1;
            self.skip_blanks();
            if self.peek() == Some(b']') {
                return wrong("Illegal trailing comma before end of array", comma);
            }
            cx.safepoint()?;
        }
    }
}
