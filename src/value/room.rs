//! Memory of a size that a script, or what it reads, decides on: where there is none, that is an error like others. It
//! must not know what it is for.

use super::Outcome;
use super::exception::{Raised, memory_error};
use crate::runtime::memory;

/// Room for so many items.
///
/// # Errors
/// `MemoryError` where there is no memory for so many.
pub fn with_room<T>(count: usize) -> Outcome<Vec<T>> {
    let mut all = Vec::new();
    match all.try_reserve_exact(count) {
        Ok(()) => Ok(all),
        Err(_) => Err(memory_error("")),
    }
}

/// The error of a change that there was no memory for, after the lock under which it was to be made is let go: what could
/// not be put in may be freed by script code.
#[cold]
#[inline(never)]
pub fn refused<G>(guard: G) -> Raised {
    drop(guard);
    memory_error("")
}

/// What is in a container at this moment: `fill` copies so many things out of it into a vector that has room for them.
/// The lock is let go before an error is made.
///
/// # Errors
/// `MemoryError` where there is no memory for so many.
#[inline]
pub fn gathered<G, T>(
    guard: G,
    count: impl FnOnce(&G) -> usize,
    fill: impl FnOnce(&G, &mut Vec<T>),
) -> Outcome<Vec<T>> {
    let mut all = Vec::new();
    if all.try_reserve_exact(count(&guard)).is_err() {
        return Err(refused(guard));
    }
    fill(&guard, &mut all);
    Ok(all)
}

/// So many copies of a value.
///
/// # Errors
/// `MemoryError` where there is no memory for so many.
pub fn filled<T: Copy>(value: T, count: usize) -> Outcome<Vec<T>> {
    let mut all = with_room(count)?;
    all.resize(count, value);
    Ok(all)
}

/// Makes room for so many more.
///
/// # Errors
/// `MemoryError` where there is no memory for them.
pub fn for_more<T>(items: &mut Vec<T>, more: usize) -> Outcome<()> {
    match items.try_reserve(more) {
        Ok(()) => Ok(()),
        Err(_) => Err(memory_error("")),
    }
}

/// Adds bytes to others.
///
/// # Errors
/// `MemoryError` where there is no memory for all of them.
pub fn append(bytes: &mut Vec<u8>, more: &[u8]) -> Outcome<()> {
    for_more(bytes, more.len())?;
    bytes.extend_from_slice(more);
    Ok(())
}

/// Adds an item to others, in a loop that may have no safepoint.
///
/// # Errors
/// `MemoryError` where there is no memory for it, or was none for what the loop made before it.
#[inline(always)]
pub fn push<T>(items: &mut Vec<T>, item: T) -> Outcome<()> {
    if items.len() == items.capacity() || memory::is_short() {
        for_one_more(items)?;
    }
    items.push(item);
    Ok(())
}

#[cold]
#[inline(never)]
fn for_one_more<T>(items: &mut Vec<T>) -> Outcome<()> {
    if memory::is_short() || items.try_reserve(1).is_err() {
        return Err(memory_error(""));
    }
    Ok(())
}

/// An empty text with room for so many bytes.
///
/// # Errors
/// `MemoryError` where there is no memory for so many.
pub fn text_with_room(bytes: usize) -> Outcome<String> {
    let mut text = String::new();
    match text.try_reserve_exact(bytes) {
        Ok(()) => Ok(text),
        Err(_) => Err(memory_error("")),
    }
}

/// Adds text to other text, whose room grows as that of a vector does.
///
/// # Errors
/// `MemoryError` where there is no memory for it.
#[inline]
pub fn append_text(text: &mut String, more: &str) -> Outcome<()> {
    if text.try_reserve(more.len()).is_err() {
        return Err(memory_error(""));
    }
    text.push_str(more);
    Ok(())
}

/// The items of an iterator, collected in a loop that has no safepoint.
///
/// # Errors
/// As for [`push`].
pub fn collected<T>(items: impl Iterator<Item = T>) -> Outcome<Vec<T>> {
    let mut all = Vec::new();
    for item in items {
        push(&mut all, item)?;
    }
    Ok(all)
}

/// A copy of these items.
///
/// # Errors
/// `MemoryError` where there is no memory for it.
pub fn copied<T: Clone>(items: &[T]) -> Outcome<Vec<T>> {
    let mut all = with_room(items.len())?;
    all.extend_from_slice(items);
    Ok(all)
}

/// Bytes with others behind them.
///
/// # Errors
/// `MemoryError` where there is no memory for all of them.
pub fn joined(bytes: &[u8], more: &[u8]) -> Outcome<Vec<u8>> {
    let mut all = with_room(bytes.len() + more.len())?;
    all.extend_from_slice(bytes);
    all.extend_from_slice(more);
    Ok(all)
}
