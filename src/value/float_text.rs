//! Floats as text in the styles of formatting: fixed, exponential, general, shortest. It must not
//! know specifications.

use super::Outcome;
use super::format_spec::push_fill;
use super::room::text_with_room;

/// Variations of [`float_text`].
#[derive(Clone, Copy, Default)]
pub struct FloatStyle {
    /// Always a point, and with `g` trailing zeros.
    pub alternate: bool,
    /// A result of zero has no sign.
    pub no_negative_zero: bool,
    /// A result that looks like an integer gets `.0`.
    pub add_point_zero: bool,
}

/// More digits than this after the first are zeros for every float.
const SIGNIFICANT: usize = 800;

/// More digits than this after the point are zeros for every float.
const FRACTION: usize = 1100;

/// A float in the styles `e`, `f`, `g` (with capitals for `E`, `F`, `G`) and `r`, the shortest
/// text that gives the same float again.
///
/// # Errors
/// `MemoryError` when the precision asks for more digits than there is room for.
pub fn float_text(value: f64, kind: char, precision: usize, style: FloatStyle) -> Outcome<String> {
    let lower = kind.to_ascii_lowercase();
    let mut text = if value.is_nan() {
        "nan".to_owned()
    } else if value.is_infinite() {
        (if value < 0.0 { "-inf" } else { "inf" }).to_owned()
    } else {
        finite_text(value, lower, precision, style)?
    };
    if lower != kind {
        text.make_ascii_uppercase();
    }
    Ok(text)
}

/// Powers of ten by which [`scaled`] multiplies at most.
const MOST_SCALED: usize = 15;

/// A float times a power of ten, rounded to the nearest integer, ties to an even one: exactly, and
/// without the work that more digits need. `None` where the result would be too large.
fn scaled(absolute: f64, precision: usize) -> Option<u64> {
    if precision > MOST_SCALED {
        return None;
    }
    let bits = absolute.to_bits();
    let biased = (bits >> 52) as i32;
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) = if biased == 0 {
        (fraction, -1074)
    } else {
        (fraction | 1 << 52, biased - 1075)
    };
    // Below 2^53 times 10^15: less than 2^103.
    let product = u128::from(mantissa) * 10u128.pow(precision as u32);
    if exponent >= 0 {
        return (exponent <= 10)
            .then(|| product << exponent)
            .and_then(|product| u64::try_from(product).ok());
    }
    let shift = exponent.unsigned_abs();
    if shift > 104 {
        return Some(0);
    }
    let (whole, rest) = (product >> shift, product & ((1 << shift) - 1));
    let half = 1u128 << (shift - 1);
    let up = rest > half || (rest == half && whole & 1 == 1);
    u64::try_from(whole + u128::from(up)).ok()
}

/// An integer as text with its last `precision` digits behind a point.
fn fixed_text(mut scaled: u64, precision: usize) -> String {
    let mut digits = [b'0'; 40];
    let mut place = digits.len();
    for position in 0.. {
        if position == precision && precision > 0 {
            place -= 1;
            digits[place] = b'.';
        }
        if position > precision && scaled == 0 {
            break;
        }
        place -= 1;
        digits[place] = b'0' + (scaled % 10) as u8;
        scaled /= 10;
    }
    String::from_utf8_lossy(&digits[place..]).into_owned()
}

fn finite_text(value: f64, kind: char, precision: usize, style: FloatStyle) -> Outcome<String> {
    let absolute = value.abs();
    let mut text;
    if kind == 'f'
        && !style.alternate
        && let Some(scaled) = scaled(absolute, precision)
    {
        text = fixed_text(scaled, precision);
    } else if kind == 'f' {
        text = text_with_room(precision.saturating_add(312))?;
        append(
            &mut text,
            format_args!("{absolute:.*}", precision.min(FRACTION)),
        );
        push_fill(&mut text, '0', precision.saturating_sub(FRACTION));
        if precision == 0 && style.alternate {
            text.push('.');
        }
    } else {
        // Digits `d.ddd` and the exponent of the first.
        let wanted = match kind {
            'e' => Some(precision.saturating_add(1)),
            'g' => Some(precision.max(1)),
            _ => None,
        };
        let scientific = match wanted {
            Some(wanted) => format!("{absolute:.*e}", (wanted - 1).min(SIGNIFICANT)),
            None => shortest(absolute),
        };
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let mut digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        let point = exponent + 1;
        let (exponential, least) = match kind {
            'e' => (true, precision.saturating_add(1)),
            'g' => {
                let most = i64::try_from(precision.max(1)).unwrap_or(i64::MAX);
                let most = most - i64::from(style.add_point_zero);
                let least = if style.alternate { precision.max(1) } else { 0 };
                (point <= -4 || i64::from(point) > most, least)
            }
            _ => (point <= -4 || point > 16, 0),
        };
        if kind != 'e' {
            digits.truncate(digits.trim_end_matches('0').len().max(1));
        }
        text = text_with_room(least.saturating_add(digits.len()).saturating_add(40))?;
        // Where the point stands in the digits.
        let place = if exponential { 1 } else { point };
        if place <= 0 {
            text.push_str("0.");
            push_fill(&mut text, '0', place.unsigned_abs() as usize);
            text.push_str(&digits);
            push_fill(&mut text, '0', least.saturating_sub(digits.len()));
        } else {
            let place = place as usize;
            let shown = digits.len().max(least).max(place);
            let whole = digits.len().min(place);
            text.push_str(&digits[..whole]);
            push_fill(&mut text, '0', place - whole);
            if shown > place {
                text.push('.');
                text.push_str(&digits[whole..]);
                push_fill(&mut text, '0', shown - place.max(digits.len()));
            } else if style.alternate {
                text.push('.');
            }
            let add = style.add_point_zero || kind == 'r';
            if add && !exponential && !text.contains('.') {
                text.push_str(".0");
            } else if add && !exponential && text.ends_with('.') {
                text.push('0');
            }
        }
        if exponential {
            let exponent = point - 1;
            let sign = if exponent < 0 { '-' } else { '+' };
            append(
                &mut text,
                format_args!("e{sign}{:02}", exponent.unsigned_abs()),
            );
        }
    }
    let is_zero = || {
        !text
            .split('e')
            .next()
            .is_some_and(|digits| digits.contains(|c: char| matches!(c, '1'..='9')))
    };
    if value.is_sign_negative() && !(style.no_negative_zero && is_zero()) {
        text.insert(0, '-');
    }
    Ok(text)
}

/// The shortest scientific text that gives the same float again; of two equally near ones that
/// with the even digit, where the standard library takes the larger.
pub(super) fn shortest(value: f64) -> String {
    let text = format!("{value:e}");
    let digits = text.find('e').unwrap_or(text.len()).saturating_sub(1);
    // A tie needs an exact decimal value of one digit more, while fewer digits than these are
    // never enough to tell such a float from its neighbours.
    if digits >= 15 {
        let even = format!("{value:.*e}", digits - 1);
        if even.parse() == Ok(value) {
            return even;
        }
    }
    text
}

/// Appends formatted text, which cannot fail for a `String`.
fn append(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    use std::fmt::Write;
    let _ = text.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaled_numbers_are_as_exact_as_digits() {
        let mut seed = 1u64;
        for round in 0..20_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let value = match round % 4 {
                // Any bits, halves of small powers, and numbers as scripts have them.
                0 => f64::from_bits(seed >> 1),
                1 => (seed >> 52) as f64 / 8.0,
                2 => (seed >> 40) as f64 / 1000.0,
                _ => (seed >> 11) as f64 / (1u64 << 53) as f64,
            };
            if !value.is_finite() {
                continue;
            }
            for precision in [0, 1, 2, 3, 6, 9, 15] {
                if let Some(number) = scaled(value, precision) {
                    let expected = format!("{value:.precision$}");
                    assert_eq!(fixed_text(number, precision), expected, "{value:e}");
                }
            }
        }
        assert_eq!(scaled(0.5, 0), Some(0));
        assert_eq!(scaled(1.5, 0), Some(2));
        assert_eq!(scaled(2.675, 2), Some(267));
    }

    #[test]
    fn digits_beyond_the_exact_value_are_zeros() {
        let text = float_text(0.1, 'f', 3000, FloatStyle::default()).unwrap();
        assert_eq!(text.len(), 3002);
        assert!(text.ends_with("0000"));
        let text = float_text(0.1, 'e', 3000, FloatStyle::default()).unwrap();
        assert_eq!(text.len(), 3006);
    }
}
