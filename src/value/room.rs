//! Memory of a size that a script, or what it reads, decides on: where there is none, that is an error like others. It
//! must not know what it is for.

use super::Outcome;
use super::exception::memory_error;

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

/// Adds bytes to others.
///
/// # Errors
/// `MemoryError` where there is no memory for all of them.
pub fn append(bytes: &mut Vec<u8>, more: &[u8]) -> Outcome<()> {
    if bytes.try_reserve(more.len()).is_err() {
        return Err(memory_error(""));
    }
    bytes.extend_from_slice(more);
    Ok(())
}

/// Bytes with others behind them.
///
/// # Errors
/// `MemoryError` where there is no memory for all of them.
pub fn joined(bytes: &[u8], more: &[u8]) -> Outcome<Vec<u8>> {
    let mut all = Vec::new();
    if all.try_reserve_exact(bytes.len() + more.len()).is_err() {
        return Err(memory_error(""));
    }
    all.extend_from_slice(bytes);
    all.extend_from_slice(more);
    Ok(all)
}
