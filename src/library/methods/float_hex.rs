//! Floats as hexadecimal text: `float.hex` and `float.fromhex`. It must not know values.

/// Why a text is no hexadecimal float.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotHex {
    /// It is not written like one.
    Malformed,
    /// It is beyond the floats.
    TooLarge,
}

/// `0x1.8000000000000p+0`.
pub fn write(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    let sign = if number.is_sign_negative() { "-" } else { "" };
    if number.is_infinite() {
        return format!("{sign}inf");
    }
    if number == 0.0 {
        return format!("{sign}0x0.0p+0");
    }
    let bits = number.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let (lead, exponent) = match (bits >> 52) & 0x7ff {
        0 => (0, -1022),
        biased => (1, biased as i64 - 1023),
    };
    format!("{sign}0x{lead}.{fraction:013x}p{exponent:+}")
}

/// The float that a text stands for, correctly rounded.
///
/// # Errors
/// Why the text is none.
pub fn read(text: &str) -> Result<f64, NotHex> {
    let text = text.trim_matches(|c: char| c.is_ascii() && super::byte_text::is_space(c as u8));
    let (negative, rest) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    let absolute = read_unsigned(rest)?;
    Ok(if negative { -absolute } else { absolute })
}

fn read_unsigned(text: &str) -> Result<f64, NotHex> {
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "inf" | "infinity" => return Ok(f64::INFINITY),
        "nan" => return Ok(f64::NAN),
        _ => {}
    }
    let digits = lower.strip_prefix("0x").unwrap_or(&lower);
    let (mantissa, exponent) = match digits.split_once('p') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err(NotHex::Malformed);
    }
    let mut exponent = match exponent {
        None => 0,
        Some(exponent) => read_exponent(exponent)?,
    };
    // The leading digits as an integer, with the last bit set when anything is below.
    let mut value = 0u64;
    let mut sticky = false;
    let mut dropped = 0i64;
    for c in whole.chars().chain(fraction.chars()) {
        let digit = u64::from(c.to_digit(16).ok_or(NotHex::Malformed)?);
        if value >> 60 == 0 {
            value = value << 4 | digit;
        } else {
            sticky |= digit != 0;
            dropped += 4;
        }
    }
    if value == 0 {
        return Ok(0.0);
    }
    exponent = exponent
        .saturating_add(dropped)
        .saturating_sub(4 * fraction.len() as i64);
    scale(value, sticky, exponent)
}

fn read_exponent(text: &str) -> Result<i64, NotHex> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotHex::Malformed);
    }
    // Anything that long is beyond all floats in one direction or the other.
    let magnitude = digits.parse::<i64>().unwrap_or(i64::MAX).min(1 << 40);
    Ok(if text.starts_with('-') {
        -magnitude
    } else {
        magnitude
    })
}

/// `value * 2**exponent`, rounded once, to even at a tie; `sticky` tells of more below `value`.
fn scale(value: u64, sticky: bool, exponent: i64) -> Result<f64, NotHex> {
    let top = exponent.saturating_add(63 - i64::from(value.leading_zeros()));
    if top > 1023 {
        return Err(NotHex::TooLarge);
    }
    if top < -1076 {
        return Ok(0.0);
    }
    // The exponent of the last bit that the float keeps.
    let last = (top - 52).max(-1074);
    let shift = last - exponent;
    let mut kept = if shift <= 0 {
        value << -shift
    } else {
        let kept = value.checked_shr(shift as u32).unwrap_or(0);
        let rest = if shift >= 64 {
            value
        } else {
            value & ((1 << shift) - 1)
        };
        let half = if shift > 64 { 0 } else { 1u64 << (shift - 1) };
        let above = half != 0 && (rest > half || (rest == half && sticky));
        let tie = half != 0 && rest == half && !sticky;
        kept + u64::from(above || (tie && kept & 1 == 1))
    };
    let mut last = last;
    if kept >> 53 != 0 {
        kept >>= 1;
        last += 1;
    }
    if last + 52 > 1023 && kept >> 52 != 0 {
        return Err(NotHex::TooLarge);
    }
    // Two exact steps, since 2**-1074 alone is a float but 2**1024 is not.
    let half = last / 2;
    Ok(kept as f64 * 2f64.powi(half as i32) * 2f64.powi((last - half) as i32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_cpython_writes_them() {
        let cases = [
            (1.5, "0x1.8000000000000p+0"),
            (0.1, "0x1.999999999999ap-4"),
            (-0.0, "-0x0.0p+0"),
            (5e-324, "0x0.0000000000001p-1022"),
            (1e300, "0x1.7e43c8800759cp+996"),
            (f64::INFINITY, "inf"),
        ];
        for (number, expected) in cases {
            assert_eq!(write(number), expected);
            assert_eq!(read(expected), Ok(number));
        }
    }

    #[test]
    fn texts_are_rounded_as_cpython_rounds_them() {
        let cases = [
            ("0x1.8p1", Ok(3.0)),
            ("1.8", Ok(1.5)),
            ("-0x.1p-3", Ok(-0.0078125)),
            ("0x1p-2000", Ok(0.0)),
            ("0x1.fffffffffffff8p0", Ok(2.0)),
            ("0x1.fffffffffffff7p0", Ok(1.999_999_999_999_999_8)),
            ("0x0.8p-1074", Ok(0.0)),
            ("0x0.80000001p-1074", Ok(5e-324)),
            ("  0X1P+3 ", Ok(8.0)),
            ("0x1.fffffffffffffp1023", Ok(f64::MAX)),
            ("0x1.fffffffffffff8p1023", Err(NotHex::TooLarge)),
            ("0x123456789abcdef123p10", Ok(3.438_722_331_348_278_5e23)),
            ("0x1p2000", Err(NotHex::TooLarge)),
            ("0x", Err(NotHex::Malformed)),
            ("zz", Err(NotHex::Malformed)),
            ("1p", Err(NotHex::Malformed)),
            ("", Err(NotHex::Malformed)),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
