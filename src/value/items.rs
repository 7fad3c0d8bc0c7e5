//! The storage of a list, and what other storage has in common with it. A thread may look at an item
//! without the list's lock, and then copies bits from memory that another thread may just be leaving:
//! so memory that is left is given back only when every thread has passed a safepoint. Knows vectors;
//! it must not know locks.

use std::collections::TryReserveError;
use std::ops::{Bound, Deref, DerefMut, RangeBounds};

use super::Value;
use super::object::{Object, Ref};
use crate::runtime::{memory, world};

/// The items of a list.
#[derive(Default)]
pub struct Items(Vec<Value>);

/// Memory that some thread may still be reading. What stood in it is elsewhere, or was plain numbers.
struct Left<T> {
    memory: Vec<T>,
}

impl<T: Send + Sync + 'static> Object for Left<T> {
    const IS_LEAF: bool = true;
    const IS_HEAVY: bool = true;

    fn weight(&self) -> usize {
        self.memory.capacity().saturating_mul(size_of::<T>())
    }

    fn traverse(&self, _visit: &mut dyn FnMut(&Value)) {}
}

/// Gives memory back that some thread may still be reading, when none does any more.
pub(super) fn leave<T: Send + Sync + 'static>(memory: Vec<T>) {
    debug_assert!(memory.is_empty() || !std::mem::needs_drop::<T>());
    if memory.capacity() > 0 {
        // Perhaps under the lock of what the memory belonged to: nothing else may be freed now.
        Ref::new(Left { memory }).let_go_later();
    }
}

/// Moves what is in a vector to other memory when there is no room for this many more. Where other
/// threads may be reading the old memory, it is left to them.
pub(super) fn make_room<T: Send + Sync + 'static>(
    items: &mut Vec<T>,
    more: usize,
) -> Result<(), TryReserveError> {
    if items.capacity() - items.len() >= more {
        return Ok(());
    }
    if !world::is_shared() || items.capacity() == 0 {
        return items.try_reserve(more);
    }
    let mut next = Vec::new();
    let wanted = items.len().saturating_add(more);
    if next
        .try_reserve_exact(wanted.max(items.capacity().saturating_mul(2)).max(4))
        .is_err()
    {
        next.try_reserve_exact(wanted)?;
    }
    next.append(items);
    leave(std::mem::replace(items, next));
    Ok(())
}

impl Items {
    /// Where the item at an index stands, negative from the end: without the list's lock, while
    /// other threads may change the list. `None` when there is no such item. The caller has to find
    /// out whether the list was changed meanwhile.
    ///
    /// # Safety
    /// `items` must point to the items of a list that is alive.
    #[inline(always)]
    pub(super) unsafe fn place(items: *const Items, index: i64) -> Option<*const Value> {
        // SAFETY: by contract. Two words of the vector are read through its own methods, which only
        // load them; no reference to an item is made.
        let (first, length) = unsafe { ((*items).0.as_ptr(), (*items).0.len()) };
        let index = if index < 0 {
            index.wrapping_add(length as i64)
        } else {
            index
        };
        let index = usize::try_from(index)
            .ok()
            .filter(|&index| index < length)?;
        Some(first.wrapping_add(index))
    }

    /// How many items there are, without the list's lock. The caller has to find out whether the list
    /// was changed meanwhile.
    ///
    /// # Safety
    /// As for [`Items::place`].
    #[inline(always)]
    pub(super) unsafe fn count(items: *const Items) -> usize {
        // SAFETY: by contract; one word is loaded.
        unsafe { (*items).0.len() }
    }

    fn make_room(&mut self, more: usize) -> Result<(), TryReserveError> {
        make_room(&mut self.0, more)
    }

    /// Makes room for this many more.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn try_reserve(&mut self, more: usize) -> Result<(), TryReserveError> {
        self.make_room(more)
    }

    /// Appends an item.
    #[inline(always)]
    pub fn push(&mut self, value: Value) {
        if self.0.len() == self.0.capacity() {
            self.grow();
        }
        self.0.push(value);
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        if self.make_room(1).is_err() {
            memory::grow(&mut self.0, 1);
        }
    }

    /// Takes the last item off.
    #[inline(always)]
    pub fn pop(&mut self) -> Option<Value> {
        self.0.pop()
    }

    /// Puts an item before the one at this index.
    pub fn insert(&mut self, index: usize, value: Value) {
        if self.0.len() == self.0.capacity() {
            self.grow();
        }
        self.0.insert(index, value);
    }

    /// Takes out the item at this index.
    pub fn remove(&mut self, index: usize) -> Value {
        self.0.remove(index)
    }

    /// Appends copies of these items; room has been made.
    pub fn extend_from_slice(&mut self, items: &[Value]) {
        if self.make_room(items.len()).is_ok() {
            self.0.extend_from_slice(items);
        }
    }

    /// Appends copies of the first `count` items; room has been made.
    pub fn extend_from_within(&mut self, count: usize) {
        if self.make_room(count).is_ok() {
            self.0.extend_from_within(..count);
        }
    }

    /// Appends these items, which are gone from where they were; room has been made.
    pub fn append(&mut self, items: &mut Vec<Value>) {
        if self.make_room(items.len()).is_ok() {
            self.0.append(items);
        }
    }

    /// Takes out the items of a range.
    pub fn take_range(&mut self, range: impl RangeBounds<usize>) -> Vec<Value> {
        self.0.drain(range).collect()
    }

    /// Puts items in the place of those of a range, which it gives back; room has been made.
    pub fn replace_range(&mut self, range: impl RangeBounds<usize>, new: Vec<Value>) -> Vec<Value> {
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&start) => start + 1,
            Bound::Unbounded => 0,
        };
        let old = self.take_range(range);
        if self.make_room(new.len()).is_ok() {
            self.0.splice(start..start, new);
        }
        old
    }

    /// All items, moved out.
    pub fn take_all(&mut self) -> Vec<Value> {
        std::mem::take(self).into_vec()
    }

    /// Them as a vector that nobody else reads.
    pub fn into_vec(mut self) -> Vec<Value> {
        let mut all = std::mem::take(&mut self.0);
        if world::is_shared() && all.capacity() > 0 {
            let mut copy = Vec::with_capacity(all.len());
            copy.append(&mut all);
            leave(all);
            return copy;
        }
        all
    }

    /// Them, for the only one who knows the list.
    pub(super) fn take_unread(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.0)
    }
}

impl From<Vec<Value>> for Items {
    fn from(items: Vec<Value>) -> Items {
        Items(items)
    }
}

impl Deref for Items {
    type Target = [Value];

    #[inline(always)]
    fn deref(&self) -> &[Value] {
        &self.0
    }
}

impl DerefMut for Items {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [Value] {
        &mut self.0
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        if world::is_shared() && self.0.capacity() > 0 {
            let mut items = std::mem::take(&mut self.0);
            items.clear();
            leave(items);
        }
    }
}
