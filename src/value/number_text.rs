//! Texts of numbers: what `int("…", base)` and `float("…")` read. It must not know values beyond
//! the numbers it makes.

use std::borrow::Cow;

use num_bigint::BigInt;

use super::unicode::{decimal_value, is_space};
use super::{Value, float, number_repr};

/// Why a text is no integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotInteger {
    /// It is not written like one; the base that messages name.
    Malformed(u32),
    /// It has this many digits, and no more than that are allowed.
    TooLong(usize, usize),
}

/// Whether it may stand around a number. The separators that ASCII has as controls may not,
/// though they are spaces elsewhere.
fn is_margin(c: char) -> bool {
    match c {
        '\t'..='\r' | ' ' => true,
        c => !c.is_ascii() && is_space(c),
    }
}

/// The text without what stands around a number, digits of all scripts as ASCII.
fn prepare(text: &str) -> Cow<'_, str> {
    let text = text.trim_matches(is_margin);
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    text.chars()
        .map(|c| match decimal_value(c) {
            Some(value) => char::from_digit(value, 10).unwrap_or(c),
            None => c,
        })
        .collect::<String>()
        .into()
}

/// The integer that a text stands for. A base of 0 lets the text say its base, as literals do;
/// else the base is 2 to 36.
///
/// # Errors
/// Why the text is no integer.
pub fn parse_integer(text: &str, base: u32) -> Result<Value, NotInteger> {
    let prepared = prepare(text);
    let (negative, rest) = match prepared.as_bytes() {
        [b'-', ..] => (true, &prepared[1..]),
        [b'+', ..] => (false, &prepared[1..]),
        _ => (false, &*prepared),
    };
    parse_digits(rest, base, negative)
}

fn parse_digits(text: &str, base: u32, negative: bool) -> Result<Value, NotInteger> {
    let malformed = NotInteger::Malformed(base);
    let bytes = text.as_bytes();
    let prefixed = match bytes {
        [b'0', b'x' | b'X', ..] => Some(16),
        [b'0', b'o' | b'O', ..] => Some(8),
        [b'0', b'b' | b'B', ..] => Some(2),
        _ => None,
    };
    // A zero in front of decimal digits is refused where the text says its base.
    let only_zero = base == 0 && prefixed.is_none() && bytes.first() == Some(&b'0');
    let radix = match (base, prefixed) {
        (0, Some(prefixed)) => prefixed,
        (0, None) => 10,
        (base, _) => base,
    };
    let digits = match prefixed {
        Some(prefixed) if prefixed == radix => {
            let after = &bytes[2..];
            after.strip_prefix(b"_").unwrap_or(after)
        }
        _ => bytes,
    };
    let mut clean = Vec::with_capacity(digits.len());
    let mut after_digit = false;
    for &byte in digits {
        if byte == b'_' {
            if !after_digit {
                return Err(malformed);
            }
            after_digit = false;
        } else if (byte as char).is_digit(radix) {
            clean.push(byte);
            after_digit = true;
        } else {
            return Err(malformed);
        }
    }
    if !after_digit {
        return Err(malformed);
    }
    let most = number_repr::most_digits();
    if most > 0 && clean.len() > most && !radix.is_power_of_two() {
        return Err(NotInteger::TooLong(clean.len(), most));
    }
    let value = if clean.len() <= 12 {
        // 36^12 fits.
        let number = clean.iter().fold(0i64, |number, &byte| {
            number * i64::from(radix) + i64::from((byte as char).to_digit(radix).unwrap_or(0))
        });
        Value::Int(if negative { -number } else { number })
    } else {
        let number = BigInt::parse_bytes(&clean, radix).ok_or(malformed)?;
        Value::integer(if negative { -number } else { number })
    };
    if only_zero && !matches!(value, Value::Int(0)) {
        return Err(malformed);
    }
    Ok(value)
}

/// The float that a text stands for. Each "not a number" is another one than those before.
pub fn parse_float(text: &str) -> Option<f64> {
    let prepared = prepare(text);
    if !prepared.contains('_') {
        return prepared.parse().ok().map(float::distinct);
    }
    let bytes = prepared.as_bytes();
    let is_digit = |place: usize| bytes.get(place).is_some_and(u8::is_ascii_digit);
    for (place, &byte) in bytes.iter().enumerate() {
        if byte == b'_' && !(place > 0 && is_digit(place - 1) && is_digit(place + 1)) {
            return None;
        }
    }
    prepared.replace('_', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integer(text: &str, base: u32) -> Result<String, NotInteger> {
        parse_integer(text, base).map(|value| match value {
            Value::Int(number) => number.to_string(),
            Value::BigInt(number) => number.get().to_string(),
            _ => String::new(),
        })
    }

    #[test]
    fn integers_are_read_as_cpython_reads_them() {
        let good = [
            ("\u{2003}5", 10, "5"),
            ("\u{85}5", 10, "5"),
            ("5\u{a0}", 10, "5"),
            ("\n5\t", 10, "5"),
            ("0x_1", 16, "1"),
            ("00", 0, "0"),
            ("0_0", 0, "0"),
            ("z", 36, "35"),
            ("Z", 36, "35"),
            ("0b1", 16, "177"),
            ("0o7", 8, "7"),
            ("0X1F", 16, "31"),
            ("-0x10", 0, "-16"),
            ("+1_000", 10, "1000"),
            ("٣٤", 10, "34"),
            ("-9223372036854775808", 10, "-9223372036854775808"),
            ("9223372036854775808", 10, "9223372036854775808"),
            ("ffffffffffffffffffff", 16, "1208925819614629174706175"),
        ];
        for (text, base, expected) in good {
            assert_eq!(
                integer(text, base).as_deref(),
                Ok(expected),
                "{text:?} {base}"
            );
        }
        let bad = [
            ("\x1c5", 10),
            ("", 10),
            ("-", 10),
            ("- 5", 10),
            ("0x", 16),
            ("0x__1", 16),
            ("_1", 10),
            ("1__2", 10),
            ("1_", 10),
            ("010", 0),
            ("0b12", 0),
            ("é", 10),
            ("1\x002", 10),
            ("0b1", 2 + 1),
            ("+-1", 10),
            ("0_x10", 0),
            ("0_7", 0),
            ("a", 10),
            ("²", 10),
        ];
        for (text, base) in bad {
            assert_eq!(
                integer(text, base),
                Err(NotInteger::Malformed(base)),
                "{text:?}"
            );
        }
        assert_eq!(
            integer(&"1".repeat(4301), 10),
            Err(NotInteger::TooLong(4301, 4300))
        );
        assert!(integer(&"1".repeat(4301), 16).is_ok());
    }

    #[test]
    fn floats_are_read_as_cpython_reads_them() {
        let good = [
            ("\u{2003}1.5", 1.5),
            ("1_0.5", 10.5),
            ("1e1_0", 1e10),
            ("infinity", f64::INFINITY),
            ("-INF", f64::NEG_INFINITY),
            ("1e400", f64::INFINITY),
            ("١.٥", 1.5),
            (" 7 ", 7.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("1E-3", 0.001),
        ];
        for (text, expected) in good {
            assert_eq!(parse_float(text), Some(expected), "{text:?}");
        }
        let bad = [
            "\x1c1.5", "1._5", "1_.5", "_1", "1__0", "", "  ", ".", "0x1", "1 2", "é", "1e",
            "1_e5", "1e_5", "1_",
        ];
        for text in bad {
            assert_eq!(parse_float(text), None, "{text:?}");
        }
        assert!(parse_float("+nan").is_some_and(f64::is_nan));
    }
}
