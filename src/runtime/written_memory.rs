//! A little memory on the page that forks write to anyway, for the few objects that parent and child write to around
//! a fork: each would else have its page copied on both sides. Only the command's allocator gives from it
//! ([`super::memory::Reserving`]); with another one, such objects lie where all others do. It must not know what lies
//! in it.

use std::alloc::Layout;
use std::cell::UnsafeCell;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How many bytes. `build/order.rs` lays what a fork writes to on one page: so much is left of it.
const SIZE: usize = 1408;

#[repr(align(128))]
struct Room(UnsafeCell<[u8; SIZE]>);
// SAFETY: each part of it belongs to who took it.
unsafe impl Sync for Room {}

static ROOM: Room = Room(UnsafeCell::new([0; SIZE]));

/// How much of it has been taken. Nothing is given back: what lies here lasts as long as the program, or nearly.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// Whether what is allocated now is to lie here. (What other threads allocate meanwhile may as well.)
static IS_WANTED: AtomicBool = AtomicBool::new(false);

/// Has what `make` allocates lie there, as far as there is room.
pub fn beside_what_forks_write<T>(make: impl FnOnce() -> T) -> T {
    struct Unwanted;
    impl Drop for Unwanted {
        fn drop(&mut self) {
            IS_WANTED.store(false, Ordering::Relaxed);
        }
    }
    IS_WANTED.store(true, Ordering::Relaxed);
    let _unwanted = Unwanted;
    make()
}

/// Memory of this layout, or null where none is wanted or left.
#[inline(always)]
pub(super) fn take(layout: Layout) -> *mut u8 {
    match IS_WANTED.load(Ordering::Relaxed) {
        true => take_wanted(layout),
        false => null_mut(),
    }
}

#[cold]
#[inline(never)]
fn take_wanted(layout: Layout) -> *mut u8 {
    if layout.align() > align_of::<Room>() {
        return null_mut();
    }
    let mut start = 0;
    let taken = TAKEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
        start = taken.next_multiple_of(layout.align());
        start.checked_add(layout.size()).filter(|&end| end <= SIZE)
    });
    match taken {
        Ok(_) => ROOM.0.get().cast::<u8>().wrapping_add(start),
        Err(_) => null_mut(),
    }
}

/// Whether this was taken from here, and so is not the system allocator's.
#[inline(always)]
pub(super) fn holds(place: *mut u8) -> bool {
    (place as usize).wrapping_sub(ROOM.0.get() as usize) < SIZE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::memory::Reserving;
    use crate::runtime::testing::in_fresh_process;
    use std::alloc::GlobalAlloc;

    #[test]
    fn the_allocator_gives_it_moves_it_and_takes_it_back() {
        let name = "the_allocator_gives_it_moves_it_and_takes_it_back";
        in_fresh_process(module_path!(), name, || {
            let layout = |size| Layout::from_size_align(size, 8).unwrap();
            let alloc = |size| {
                // SAFETY: the size is not zero.
                beside_what_forks_write(|| unsafe { Reserving.alloc(layout(size)) })
            };
            let place = alloc(24);
            assert!(holds(place));
            // SAFETY: each place is used within its layout, and not after it was given back.
            unsafe {
                place.write_bytes(7, 24);
                let larger = Reserving.realloc(place, layout(24), 1000);
                assert!(!larger.is_null() && !holds(larger));
                assert!((0..24).all(|index| *larger.add(index) == 7));
                let smaller = Reserving.realloc(larger, layout(1000), 8);
                assert_eq!(*smaller.add(7), 7);
                Reserving.dealloc(smaller, layout(8));
                let place = alloc(24);
                assert!(holds(place));
                Reserving.dealloc(place, layout(24));
                let zeroed = beside_what_forks_write(|| Reserving.alloc_zeroed(layout(24)));
                assert!((0..24).all(|index| *zeroed.add(index) == 0));
                Reserving.dealloc(zeroed, layout(24));
            }
        });
    }

    #[test]
    fn it_is_given_out_until_it_is_full() {
        in_fresh_process(module_path!(), "it_is_given_out_until_it_is_full", || {
            let layout = Layout::from_size_align(100, 64).unwrap();
            assert!(take(layout).is_null(), "nobody wants it");
            let places: Vec<_> = beside_what_forks_write(|| {
                std::iter::repeat_with(|| take(layout))
                    .take_while(|place| !place.is_null())
                    .collect()
            });
            assert!(!places.is_empty() && places.len() <= SIZE / 100);
            let fits = |place: &*mut u8| holds(*place) && (*place as usize).is_multiple_of(64);
            assert!(places.iter().all(fits));
            let are_apart = |pair: &[*mut u8]| pair[1] as usize - pair[0] as usize >= 100;
            assert!(places.windows(2).all(are_apart));
            assert!(take(layout).is_null());
            let mut other = 0_u8;
            assert!(!holds(&raw mut other));
        });
    }
}
