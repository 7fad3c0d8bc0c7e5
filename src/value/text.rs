//! The text form of values: `repr`, `str`, `ascii`. It must not know where text is written.

use std::sync::atomic::{AtomicUsize, Ordering};

use num_bigint::BigInt;

use super::Outcome;
use super::exception::value_error;

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
    // 2^93 < 10^28: a number of so many bits has more digits for certain.
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
fn too_many_digits(most: usize) -> super::exception::Raised {
    value_error(format!(
        "Exceeds the limit ({most} digits) for integer string conversion; use \
         sys.set_int_max_str_digits() to increase the limit"
    ))
}
