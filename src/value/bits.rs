//! Values that are looked at without owning a count of them, and without the lock of the place that
//! they stand in. Knows how a value is laid out; it must not know the places.
//!
//! Between two safepoints an object that was found in a shared place stays readable (see
//! [`super::reclaim`]); with one thread it does as long as no script code runs, nor anything else
//! that may change the place.

use std::mem::{ManuallyDrop, MaybeUninit};
use std::ops::Deref;

use super::Value;
use super::object::Header;

/// The bits of a value.
#[derive(Clone, Copy)]
pub struct Bits(MaybeUninit<[u64; 2]>);

const _: () = assert!(size_of::<Bits>() == size_of::<Value>());

impl Bits {
    /// Copies the bits that stand in a place, which other threads may be changing: then they are no
    /// value, and whoever reads has to find that out before using them.
    ///
    /// # Safety
    /// The place must be readable memory, aligned for a value.
    #[inline(always)]
    pub unsafe fn read(place: *const Value) -> Bits {
        // SAFETY: by contract.
        Bits(unsafe { place.cast::<MaybeUninit<[u64; 2]>>().read_volatile() })
    }

    /// The value, not counted.
    ///
    /// # Safety
    /// The bits must have been those of a value when they were read, and the borrow must end before
    /// the next safepoint and, with one thread, before the place can change.
    #[inline(always)]
    pub unsafe fn borrow(self) -> Borrowed {
        // SAFETY: by contract these are the bits of a value.
        Borrowed(ManuallyDrop::new(unsafe {
            std::mem::transmute::<MaybeUninit<[u64; 2]>, Value>(self.0)
        }))
    }

    /// Takes a count of the value that they are those of, if it is set and that takes a few instructions: it is
    /// never counted, or the calling thread has a count in store.
    ///
    /// # Safety
    /// As for [`Bits::borrow`]; and the caller is in a function that is never inlined, and leaves its native
    /// stack for no other.
    #[inline(always)]
    #[must_use]
    pub(crate) unsafe fn keep_at_hand(self) -> bool {
        // SAFETY: passed on.
        let value = unsafe { self.borrow() };
        if value.is_object() {
            // SAFETY: it is a counted variant; the rest is passed on.
            return unsafe { value.object_header().retain_at_hand() };
        }
        !value.is_unbound()
    }

    /// The value with a count of its own, for bits read while several threads live; `None` when the
    /// object's count has reached zero, so that the place holds something else by now. `common`
    /// says that many threads read the place.
    ///
    /// # Safety
    /// As for [`Bits::borrow`].
    #[inline(always)]
    pub unsafe fn keep(self, common: bool) -> Option<Value> {
        // SAFETY: passed on.
        let value = unsafe { self.borrow() };
        if let Some(header) = value.header()
            && !Header::retain_found(header, common)
        {
            return None;
        }
        Some(ManuallyDrop::into_inner(value.0))
    }
}

/// A value that is looked at without a count.
pub struct Borrowed(ManuallyDrop<Value>);

impl Borrowed {
    /// The value, of which nobody owns a count: for who does not drop it.
    #[inline(always)]
    pub(crate) fn into_inner(self) -> ManuallyDrop<Value> {
        self.0
    }
}

impl Deref for Borrowed {
    type Target = Value;

    #[inline(always)]
    fn deref(&self) -> &Value {
        &self.0
    }
}
