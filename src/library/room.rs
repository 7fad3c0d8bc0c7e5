//! Memory of a size that a script chose. It must not know what it is for.

use crate::value::Outcome;
use crate::value::exception::memory_error;

/// So many copies of a value.
///
/// # Errors
/// `MemoryError` where there is no memory for so many.
pub fn filled<T: Copy>(value: T, count: usize) -> Outcome<Vec<T>> {
    let mut all = Vec::new();
    if all.try_reserve_exact(count).is_err() {
        return Err(memory_error(""));
    }
    all.resize(count, value);
    Ok(all)
}
