//! Counts of objects that many threads use: each thread keeps some of them in store, so that
//! threads which use the same object all the time do not fight for its count. Knows counts; it
//! must not know kinds of objects.
//!
//! A thread that needs a count of such an object takes a whole lot from it by one atomic addition,
//! and keeps what it does not use; counts that it no longer needs go into the store. The count in
//! the object is therefore that of all references *and* of all stores, so it reaches zero only when
//! nobody has either. A store is emptied whenever its thread passes the slow side of a safepoint,
//! blocks or ends: while the world is stopped, or one thread is left, no store holds anything but
//! the running thread's own.

use std::cell::Cell;
use std::ptr::{self, NonNull};

use super::object::Header;
use super::reclaim;
use crate::runtime::standing::assert_attached;

/// Objects that a thread keeps counts of at once: a power of two.
const PLACES: usize = 64;

/// How many counts are taken from an object at once.
const LOT: u32 = 1024;

/// From here on counts go back to the object.
const MOST: u32 = 4 * LOT;

struct Store {
    places: [Place; PLACES],
    /// Whether anything may be in store.
    used: Cell<bool>,
}

/// Counts of one object.
struct Place {
    /// The object, or null.
    object: Cell<*const Header>,
    /// How many of its counts are in store.
    count: Cell<u32>,
}

thread_local! {
    static STORE: Store = const {
        Store {
            places: [const {
                Place {
                    object: Cell::new(ptr::null()),
                    count: Cell::new(0),
                }
            }; PLACES],
            used: Cell::new(false),
        }
    };
}

/// Has `work` use the calling thread's store. (The standard library's function gives only its place, so that it is
/// surely inlined.)
#[inline(always)]
fn with_store<R>(work: impl FnOnce(&Store) -> R) -> R {
    let store: *const Store = STORE.with(ptr::from_ref);
    // SAFETY: the thread's own, which is there until the thread ends, as it has nothing to drop.
    work(unsafe { &*store })
}

impl Store {
    /// The place that an object has, or another one that has the same.
    #[inline(always)]
    fn place_of(&self, object: &Header) -> &Place {
        let address = ptr::from_ref(object) as usize;
        &self.places[(address >> 4 ^ address >> 10) & (PLACES - 1)]
    }
}

impl Place {
    #[inline(always)]
    fn is_of(&self, object: &Header) -> bool {
        ptr::eq(self.object.get(), object)
    }
}

// Whoever looks at the store is a call of its own, in which the native stack that it runs on is not left for
// another: so no address of a thread's variable is kept across a switch of stacks, after which another thread may
// run. (What is freed may run `finally` blocks on a stack of their own, which come back before anything else.) Those
// of these functions that are always inlined ask their callers for it.

/// Takes one count of an object if there is one in store.
///
/// # Safety
/// The caller is in a function that is never inlined, and leaves its native stack for no other.
#[inline(always)]
#[must_use]
pub(super) unsafe fn take_from_store(object: &Header) -> bool {
    with_store(|store| {
        let place = store.place_of(object);
        let count = place.count.get();
        let found = place.is_of(object) && count > 0;
        if found {
            place.count.set(count - 1);
        }
        found
    })
}

/// Takes one count of an object; false when its count has reached zero, which is final.
#[inline(never)]
pub(super) fn take(object: &Header) -> bool {
    // SAFETY: this function does nothing else.
    unsafe { take_from_store(object) || take_lot(object) }
}

#[cold]
#[inline(never)]
fn take_lot(object: &Header) -> bool {
    assert_attached();
    if !object.add(LOT) {
        return false;
    }
    let before = with_store(|store| {
        store.used.set(true);
        let place = store.place_of(object);
        (place.object.replace(object), place.count.replace(LOT - 1))
    });
    give_up(before);
    true
}

/// Puts one count of an object into the store, if it keeps counts of it and has not got too many.
///
/// # Safety
/// As for [`take_from_store`].
#[inline(always)]
#[must_use]
pub(super) unsafe fn put_into_store(object: &Header) -> bool {
    with_store(|store| {
        let place = store.place_of(object);
        let count = place.count.get();
        let room = place.is_of(object) && count < MOST;
        if room {
            place.count.set(count + 1);
        }
        room
    })
}

/// Puts one count of an object into the store, if it keeps counts of it.
#[inline(never)]
pub(super) fn give_back(object: &Header) -> bool {
    // SAFETY: this function does nothing else.
    unsafe { put_into_store(object) || give_back_lot(object) }
}

/// The same for a store that has too many counts of it, or keeps none: false.
#[cold]
#[inline(never)]
pub(super) fn give_back_lot(object: &Header) -> bool {
    with_store(|store| {
        let place = store.place_of(object);
        if !place.is_of(object) {
            return false;
        }
        // What stays keeps the object alive.
        let was_last = object.subtract(MOST - LOT);
        debug_assert!(!was_last);
        place.count.set(LOT + 1);
        true
    })
}

fn give_up((object, count): (*const Header, u32)) {
    assert_attached();
    if let Some(object) = NonNull::new(object.cast_mut())
        && count > 0
        // SAFETY: the counts in store keep it alive.
        && unsafe { object.as_ref() }.subtract(count)
    {
        reclaim::retire_later(object);
    }
}

/// Gives back all counts that the calling thread has in store.
#[inline(never)]
pub fn flush() {
    with_store(|store| {
        while store.used.replace(false) {
            // What is freed here may put counts of other objects into the store.
            for place in &store.places {
                give_up((place.object.replace(ptr::null()), place.count.replace(0)));
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::testing::in_fresh_process;
    use crate::value::Value;

    fn count(value: &Value) -> u32 {
        value.header().and_then(Header::count).unwrap()
    }

    fn take_stored(value: &Value) -> bool {
        // SAFETY: a test does not leave its stack.
        unsafe { take_from_store(value.header().unwrap()) }
    }

    fn store(value: &Value) -> bool {
        // SAFETY: as above.
        unsafe { put_into_store(value.header().unwrap()) }
    }

    fn place(value: &Value) -> *const Place {
        with_store(|store| ptr::from_ref(store.place_of(value.header().unwrap())))
    }

    #[test]
    fn the_object_counts_what_is_in_store() {
        in_fresh_process(module_path!(), "the_object_counts_what_is_in_store", || {
            let value = Value::list(Vec::new());
            let object = value.header().unwrap();
            assert!(!take_stored(&value) && !store(&value));
            assert!(take(object));
            assert_eq!(count(&value), 1 + LOT);
            for _ in 1..LOT {
                assert!(take_stored(&value));
            }
            assert!(!take_stored(&value), "a lot has no more than its counts");
            for _ in 0..LOT {
                assert!(store(&value));
            }
            assert_eq!(count(&value), 1 + LOT);
            flush();
            assert_eq!(count(&value), 1);
            assert!(
                !store(&value),
                "nothing is kept for an object after a flush"
            );
        });
    }

    #[test]
    fn a_store_that_has_too_many_gives_back_a_lot() {
        in_fresh_process(
            module_path!(),
            "a_store_that_has_too_many_gives_back_a_lot",
            || {
                let value = Value::list(Vec::new());
                let object = value.header().unwrap();
                assert!(take(object) && object.add(MOST));
                for _ in LOT - 1..MOST {
                    assert!(store(&value));
                }
                assert!(!store(&value));
                assert!(give_back(object));
                // What was taken at first is in the hands of this test still.
                assert_eq!(count(&value), 1 + LOT + MOST - (MOST - LOT));
                for _ in 0..LOT + 1 {
                    assert!(take_stored(&value));
                }
                assert!(!take_stored(&value));
            },
        );
    }

    #[test]
    fn another_object_at_the_same_place_takes_it_over() {
        in_fresh_process(
            module_path!(),
            "another_object_at_the_same_place_takes_it_over",
            || {
                let first = Value::list(Vec::new());
                let mut others = Vec::new();
                let second = loop {
                    let other = Value::list(Vec::new());
                    if place(&other) == place(&first) {
                        break other;
                    }
                    others.push(other);
                };
                assert!(take(first.header().unwrap()));
                assert!(!take_stored(&second) && !store(&second));
                assert!(take(second.header().unwrap()));
                assert_eq!((count(&first), count(&second)), (1 + 1, 1 + LOT));
                assert!(!take_stored(&first) && !store(&first));
                flush();
                assert_eq!((count(&first), count(&second)), (1 + 1, 1 + 1));
            },
        );
    }
}
