//! The text of numbers, as `repr` and `str` show them. It must not know where it goes, nor of texts
//! that are read (`number_text`).

use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use num_bigint::BigInt;

use super::Outcome;
use super::exception::{Raised, value_error};

/// The decimal text of a small integer, without an allocation: so much text is numbers.
pub(super) struct Decimal {
    bytes: [u8; 20],
    start: usize,
}

impl Decimal {
    pub(super) fn new(number: i64) -> Self {
        let mut bytes = [0; 20];
        let mut start = bytes.len();
        let mut rest = number.unsigned_abs();
        loop {
            start -= 1;
            // A digit.
            bytes[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            start -= 1;
            bytes[start] = b'-';
        }
        Decimal { bytes, start }
    }

    pub(super) fn as_str(&self) -> &str {
        // Digits only.
        std::str::from_utf8(&self.bytes[self.start..]).unwrap_or_default()
    }
}

/// A float as `repr` shows it: the fewest digits that give the same float back.
pub fn float_repr(number: f64) -> String {
    let mut text = String::new();
    write_float(&mut text, number);
    text
}

/// Appends a float as `repr` shows it.
pub fn write_float(out: &mut String, number: f64) {
    if number.is_nan() {
        out.push_str("nan");
        return;
    }
    if number.is_infinite() {
        out.push_str(if number > 0.0 { "inf" } else { "-inf" });
        return;
    }
    let magnitude = number.abs();
    // Digits before the point up to 16 places, after it from the fourth place on.
    if magnitude == 0.0 || (1e-4..1e16).contains(&magnitude) {
        let start = out.len();
        // Writing to a string cannot fail.
        let _ = write!(out, "{number}");
        match out[start..].find('.') {
            Some(point) => even_at_a_tie(out, start, start + point, number),
            None => out.push_str(".0"),
        }
        return;
    }
    if number < 0.0 {
        out.push('-');
    }
    let text = super::float_text::shortest(magnitude);
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    let _ = write!(out, "{digits}e{sign}{exponent:0>2}");
}

/// Of two shortest texts that are equally near takes the one with the even digit, where the
/// standard library has put the larger.
#[inline]
fn even_at_a_tie(out: &mut String, start: usize, point: usize, number: f64) {
    let places = out.len() - point - 1;
    // At a tie the exact value has one digit more, a five: it is a whole number of such parts.
    let parts = number * 2f64.powi(places as i32 + 1);
    if out.len() - start >= 16 && parts.fract() == 0.0 {
        let even = format!("{number:.places$}");
        if even.parse() == Ok(number) {
            out.truncate(start);
            out.push_str(&even);
        }
    }
}

/// How many digits an integer may have that is converted to or from decimal text; 0 for any
/// number. The conversion takes quadratic time.
static MOST_DIGITS: AtomicUsize = AtomicUsize::new(4300);

/// How many digits an integer may have that is converted to or from decimal text; 0 for any
/// number.
pub fn most_digits() -> usize {
    MOST_DIGITS.load(Ordering::Relaxed)
}

/// Changes [`most_digits`].
pub fn set_most_digits(digits: usize) {
    MOST_DIGITS.store(digits, Ordering::Relaxed);
}

/// The decimal text of a large integer.
///
/// # Errors
/// `ValueError` when it has more digits than [`most_digits`].
pub fn integer_digits(number: &BigInt) -> Outcome<String> {
    let most = most_digits();
    // 2^93 is nearly 10^28: a number of so many bits has more digits for certain.
    if most > 0 && number.bits() / 93 > (most as u64) / 27 {
        return Err(too_many_digits(most));
    }
    let text = number.to_string();
    let digits = text.len() - usize::from(text.starts_with('-'));
    if most > 0 && digits > most {
        return Err(too_many_digits(most));
    }
    Ok(text)
}

#[cold]
fn too_many_digits(most: usize) -> Raised {
    value_error(format!(
        "Exceeds the limit ({most} digits) for integer string conversion; use \
         sys.set_int_max_str_digits() to increase the limit"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_cpython_writes_them() {
        for (number, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (1e15, "1000000000000000.0"),
            (9999999999999998.0, "9999999999999998.0"),
            (1e16, "1e+16"),
            (1.2345678901234568e17, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (-1.5e100, "-1.5e+100"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            // Ties: the exact values end in 25, 25 and 0625.
            (3_326_874_965_295_965.0 / 4.0, "831718741323991.2"),
            (-2_898_231_546_527_809.0 / 4.0, "-724557886631952.2"),
            (337_901.0 / 131_072.0, "2.5779800415039062"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(float_repr(number), expected);
        }
    }

    #[test]
    fn integers_are_written_up_to_the_limit() {
        for number in [0, 7, -7, 10, -100, i64::MAX, i64::MIN] {
            assert_eq!(Decimal::new(number).as_str(), number.to_string());
        }
        let ten = BigInt::from(10);
        let digits = integer_digits(&-ten.pow(4299)).unwrap();
        assert_eq!(digits.len(), 4301);
        for digits in [4300, 4301, 100_000] {
            let error = integer_digits(&ten.pow(digits)).unwrap_err();
            assert!(
                format!("{error:?}").starts_with("ValueError: Exceeds the limit (4300 digits)")
            );
        }
    }
}
