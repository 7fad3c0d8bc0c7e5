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
use std::ptr::NonNull;

use super::object::Header;
use super::reclaim;
use crate::runtime::leaf_lock::assert_attached;

/// Objects that a thread keeps counts of at once: a power of two.
const PLACES: usize = 64;

/// How many counts are taken from an object at once.
const LOT: u32 = 1024;

/// From here on counts go back to the object.
const MOST: u32 = 4 * LOT;

struct Store {
    /// The object at each place, and how many of its counts are in store.
    places: [Cell<(Option<NonNull<Header>>, u32)>; PLACES],
    /// Whether anything may be in store.
    used: Cell<bool>,
}

thread_local! {
    static STORE: Store = const {
        Store {
            places: [const { Cell::new((None, 0)) }; PLACES],
            used: Cell::new(false),
        }
    };
}

#[inline(always)]
fn place_of(object: NonNull<Header>) -> usize {
    let address = object.as_ptr() as usize;
    (address >> 4 ^ address >> 10) & (PLACES - 1)
}

// These are calls of their own, so that no address of a thread's variable is kept across a switch
// of native stacks, after which another thread may run.

/// Takes one count of an object; false when its count has reached zero, which is final.
#[inline(never)]
pub(super) fn take(object: &Header) -> bool {
    let pointer = NonNull::from(object);
    STORE.with(|store| {
        let place = &store.places[place_of(pointer)];
        let (known, count) = place.get();
        if known == Some(pointer) && count > 0 {
            place.set((known, count - 1));
            return true;
        }
        take_lot(store, place, pointer)
    })
}

#[cold]
#[inline(never)]
fn take_lot(
    store: &Store,
    place: &Cell<(Option<NonNull<Header>>, u32)>,
    pointer: NonNull<Header>,
) -> bool {
    assert_attached();
    // SAFETY: the caller has a reference to the object, or found it since its last safepoint.
    if !unsafe { pointer.as_ref() }.add(LOT) {
        return false;
    }
    store.used.set(true);
    let old = place.replace((Some(pointer), LOT - 1));
    give_up(old);
    true
}

/// Puts one count of an object into the store, if it keeps counts of it.
#[inline(never)]
pub(super) fn give_back(object: &Header) -> bool {
    let pointer = NonNull::from(object);
    STORE.with(|store| {
        let place = &store.places[place_of(pointer)];
        let (known, count) = place.get();
        if known != Some(pointer) {
            return false;
        }
        if count >= MOST {
            // What stays keeps the object alive.
            let was_last = object.subtract(MOST - LOT);
            debug_assert!(!was_last);
            place.set((known, LOT + 1));
            return true;
        }
        place.set((known, count + 1));
        true
    })
}

fn give_up((object, count): (Option<NonNull<Header>>, u32)) {
    assert_attached();
    if let Some(object) = object
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
    STORE.with(|store| {
        while store.used.replace(false) {
            // What is freed here may put counts of other objects into the store.
            for place in &store.places {
                give_up(place.replace((None, 0)));
            }
        }
    });
}
