//! Tuples. Knows only that the items never change.

use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::Value;
use super::object::{Object, Ref};

/// A sequence of values that is never changed. The items lie behind the object itself, or, if there
/// are many, in memory of their own.
pub struct Tuple {
    first: NonNull<Value>,
    /// Twice the number of items, and 1 if they lie behind the object.
    length_and_place: usize,
}

// SAFETY: the items belong to the tuple, and values are `Send` and `Sync`.
unsafe impl Send for Tuple {}
// SAFETY: as above.
unsafe impl Sync for Tuple {}

/// More items than this stay where they are.
const MANY: usize = 64;

impl Tuple {
    /// A tuple of these items.
    #[inline]
    pub fn of(mut items: Vec<Value>) -> Ref<Tuple> {
        let length = items.len();
        if length > MANY {
            return Tuple::keeping(items);
        }
        let made = Tuple::with_items_behind(length);
        // SAFETY: there is room for them; the vector forgets them.
        unsafe {
            std::ptr::copy_nonoverlapping(items.as_ptr(), made.first.as_ptr(), length);
            items.set_len(0);
        }
        made
    }

    /// A tuple of a few items.
    #[inline]
    pub fn of_few<const COUNT: usize>(items: [Value; COUNT]) -> Ref<Tuple> {
        const { assert!(COUNT <= MANY) };
        let made = Tuple::with_items_behind(COUNT);
        // SAFETY: there is room for them, and they begin where the first does.
        unsafe { made.first.cast::<[Value; COUNT]>().write(items) };
        made
    }

    /// A tuple that belongs to a program and is never given back.
    pub fn immortal(items: Vec<Value>) -> Ref<Tuple> {
        let made = Tuple::of(items);
        made.make_immortal();
        made
    }

    /// Whoever calls this writes the items before anything else.
    #[inline(always)]
    fn with_items_behind(length: usize) -> Ref<Tuple> {
        let mut made = Ref::with_room(
            Tuple {
                first: NonNull::dangling(),
                length_and_place: length << 1 | 1,
            },
            length,
        );
        let place = made.room_behind();
        // SAFETY: nobody else knows the object yet; the room behind it is not at address 0.
        unsafe { made.made_just_now().first = NonNull::new_unchecked(place) };
        made
    }

    #[inline(never)]
    fn keeping(items: Vec<Value>) -> Ref<Tuple> {
        let mut items = ManuallyDrop::new(items.into_boxed_slice());
        Ref::new(Tuple {
            // SAFETY: the pointer of a box is not null.
            first: unsafe { NonNull::new_unchecked(items.as_mut_ptr()) },
            length_and_place: items.len() << 1,
        })
    }

    #[inline(always)]
    fn length(&self) -> usize {
        self.length_and_place >> 1
    }

    #[inline(always)]
    fn is_behind(&self) -> bool {
        self.length_and_place & 1 != 0
    }

    /// The items.
    #[inline(always)]
    pub fn items(&self) -> &[Value] {
        // SAFETY: the tuple's own items, which are never changed.
        unsafe { std::slice::from_raw_parts(self.first.as_ptr(), self.length()) }
    }
}

impl Drop for Tuple {
    #[inline(always)]
    fn drop(&mut self) {
        let items = std::ptr::slice_from_raw_parts_mut(self.first.as_ptr(), self.length());
        // SAFETY: the tuple's own items, or the box that has them; neither is used again.
        unsafe {
            if self.is_behind() {
                std::ptr::drop_in_place(items);
            } else {
                drop(Box::from_raw(items));
            }
        }
    }
}

impl Object for Tuple {
    const IS_HEAVY: bool = true;

    fn weight(&self) -> usize {
        size_of_val(self.items())
    }

    fn into_value(this: Ref<Self>) -> Option<Value> {
        Some(Value::Tuple(this))
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.items().iter().for_each(visit);
    }

    #[inline(always)]
    fn room(&self) -> usize {
        if self.is_behind() { self.length() } else { 0 }
    }
}
