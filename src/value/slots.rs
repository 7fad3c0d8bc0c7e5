//! Where the attributes of an instance lie: behind the instance itself, or in memory of their own
//! once they are more than was foreseen. A thread may look at a slot without the instance's lock, so
//! memory that is left is given back only when every thread has passed a safepoint. It must not know
//! which attribute is in which slot, nor how many are in use.

use std::sync::atomic::{AtomicPtr, Ordering};

use super::Value;
use super::items;

/// Where slots lie, and how many there is room for.
pub(super) struct Slots {
    /// Changed only under the instance's lock; other threads load it without.
    first: AtomicPtr<Value>,
    capacity: u32,
    /// How many lie behind the instance.
    behind: u32,
}

// SAFETY: the memory belongs to the instance, whose lock guards it.
unsafe impl Send for Slots {}

impl Slots {
    /// No slots, of an instance that will have room for `behind` of them behind it.
    pub(super) fn new(behind: u32) -> Slots {
        Slots {
            first: AtomicPtr::new(std::ptr::dangling_mut()),
            capacity: 0,
            behind,
        }
    }

    /// Says where the room behind the instance is.
    pub(super) fn set_behind(&mut self, place: *mut Value) {
        *self.first.get_mut() = place;
        self.capacity = self.behind;
    }

    /// The size of the room behind the instance.
    pub(super) fn behind(&self) -> usize {
        self.behind as usize
    }

    /// The first slot. With an index below the number of names of a shape that was loaded before, it
    /// leads to memory of the instance: slots become more, never fewer.
    #[inline(always)]
    pub(super) fn first(&self) -> *mut Value {
        self.first.load(Ordering::Acquire)
    }

    /// The first `count` slots.
    ///
    /// # Safety
    /// They must be in use, and nothing may change them meanwhile.
    #[inline(always)]
    pub(super) unsafe fn all(&self, count: usize) -> &[Value] {
        // SAFETY: by contract.
        unsafe { std::slice::from_raw_parts(self.first(), count) }
    }

    /// The same, to change them.
    ///
    /// # Safety
    /// As for [`Slots::all`].
    #[inline(always)]
    pub(super) unsafe fn all_mut(&mut self, count: usize) -> &mut [Value] {
        // SAFETY: by contract.
        unsafe { std::slice::from_raw_parts_mut(self.first(), count) }
    }

    /// Puts a value behind the `count` slots in use.
    ///
    /// # Safety
    /// That many must be in use, and the instance be locked or unshared.
    #[inline(always)]
    pub(super) unsafe fn push(&mut self, count: usize, value: Value) {
        if count >= self.capacity as usize {
            // SAFETY: by contract.
            unsafe { self.grow(count) };
        }
        // SAFETY: there is room, and the slot is not in use.
        unsafe { self.first().add(count).write(value) };
    }

    /// # Safety
    /// So many slots are in use.
    #[cold]
    #[inline(never)]
    unsafe fn grow(&mut self, count: usize) {
        let capacity = (count * 2).max(4);
        let mut next: Vec<Value> = Vec::with_capacity(capacity);
        // SAFETY: by contract that many are in use; they are moved bit by bit.
        unsafe { std::ptr::copy_nonoverlapping(self.first(), next.as_mut_ptr(), count) };
        let left = self.own_memory();
        self.capacity = next.capacity() as u32;
        self.first.store(next.as_mut_ptr(), Ordering::Release);
        std::mem::forget(next);
        items::leave(left);
    }

    /// The memory of their own as an empty vector, which then owns it.
    fn own_memory(&self) -> Vec<Value> {
        if self.capacity == self.behind {
            return Vec::new();
        }
        // SAFETY: made by `grow` with this capacity, which is larger than what lies behind.
        unsafe { Vec::from_raw_parts(self.first(), 0, self.capacity as usize) }
    }

    /// Drops the first `count` values and gives the memory back.
    ///
    /// # Safety
    /// They must be in use, nobody may know the instance any more, and the slots are not used again.
    #[inline(always)]
    pub(super) unsafe fn destroy(&mut self, count: usize) {
        // SAFETY: by contract.
        unsafe { std::ptr::drop_in_place(std::ptr::slice_from_raw_parts_mut(self.first(), count)) };
        if self.capacity != self.behind {
            drop(self.own_memory());
        }
    }
}
