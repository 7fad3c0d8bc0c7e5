//! A fixed number of values in a block of memory of its own, from those that each thread keeps for
//! its next ones: the slots of a generator. It must not know what they are for.

use std::alloc::{Layout, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::{Value, blocks};

/// Values that are owned together. Never empty.
pub struct ValueBlock {
    first: NonNull<Value>,
    count: u32,
}

// SAFETY: it owns its values, which are `Send`; blocks may be given back on any thread.
unsafe impl Send for ValueBlock {}
// SAFETY: a shared reference gives no more than shared references to the values.
unsafe impl Sync for ValueBlock {}

impl ValueBlock {
    /// This many values, the first of which are moved here; the others are `Unbound`.
    ///
    /// # Safety
    /// `values` must be the place of `given` values, which count as moved out afterwards.
    #[inline]
    pub unsafe fn moved(values: *const Value, given: usize, count: usize) -> ValueBlock {
        let count = count.max(given).max(1);
        let layout = layout(count);
        let Some(first) = NonNull::new(blocks::take(layout).cast::<Value>()) else {
            handle_alloc_error(layout)
        };
        // SAFETY: there is room for `count` values, and the given ones are there by contract.
        unsafe {
            std::ptr::copy_nonoverlapping(values, first.as_ptr(), given);
            for index in given..count {
                first.add(index).write(Value::Unbound);
            }
        }
        ValueBlock {
            first,
            // No frame has that many slots.
            count: count as u32,
        }
    }

    /// The same with one value.
    pub fn of(value: Value, count: usize) -> ValueBlock {
        let value = std::mem::ManuallyDrop::new(value);
        // SAFETY: one value, which is not dropped here.
        unsafe { ValueBlock::moved(&raw const *value, 1, count) }
    }
}

#[inline(always)]
fn layout(count: usize) -> Layout {
    // SAFETY: as aligned as a value, and as large as values that fit into memory.
    unsafe { Layout::from_size_align_unchecked(count * size_of::<Value>(), align_of::<Value>()) }
}

impl Deref for ValueBlock {
    type Target = [Value];

    #[inline(always)]
    fn deref(&self) -> &[Value] {
        // SAFETY: all of them are initialised.
        unsafe { std::slice::from_raw_parts(self.first.as_ptr(), self.count as usize) }
    }
}

impl DerefMut for ValueBlock {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [Value] {
        // SAFETY: as above, and nobody else has a reference.
        unsafe { std::slice::from_raw_parts_mut(self.first.as_ptr(), self.count as usize) }
    }
}

impl Drop for ValueBlock {
    fn drop(&mut self) {
        for index in 0..self.count as usize {
            // SAFETY: initialised, and dropped once.
            unsafe { self.first.add(index).read() }.discard();
        }
        // SAFETY: taken with this layout, and nobody uses it any more.
        unsafe { blocks::give_back(self.first.as_ptr().cast(), layout(self.count as usize)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_moved_in_and_dropped_once() {
        let text = Value::str("a text that is an object");
        let copy = text.clone();
        let mut block = ValueBlock::of(text, 40);
        assert_eq!(block.len(), 40);
        assert!(block[0].same(&copy) && block[39].is_unbound());
        block[39] = copy.clone();
        drop(block);
        let header = copy.header().and_then(|header| header.count());
        assert_eq!(header, Some(1));
        assert_eq!(ValueBlock::of(Value::None, 0).len(), 1);
    }
}
