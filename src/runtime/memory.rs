//! Running out of memory: where the address space is limited, a reserve of it that a program gives up step by step, so
//! that a script gets its error where Rust would abort. It must not know what the memory is for.
//!
//! Whoever can refuse a large request does so by itself, with `try_reserve`. For the many small ones
//! there is [`Reserving`], the allocator of the command: when the system refuses a small
//! request, a piece of the reserve is unmapped, which makes room for it, and the next safepoint is
//! asked to raise the error. The last piece is for ending the program. The library has no allocator of
//! its own: a host chooses its own, and this one may be it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

use super::{resource_limit, world, written_memory};

/// The size of a piece: room for handling the error.
const PIECE: usize = 8 << 20;
/// How many pieces the reserve has. Only address space: nothing of it is ever touched.
const PIECES: usize = 8;
/// Larger requests are refused: who makes them must be able to bear it.
const SMALL: usize = 2 << 20;

static RESERVE: [AtomicPtr<libc::c_void>; PIECES] = [const { AtomicPtr::new(null_mut()) }; PIECES];

/// Whether the program wants a reserve.
static IS_WANTED: AtomicBool = AtomicBool::new(false);

/// Safepoints until the reserve is filled up again, and the number to start from when that fails.
static PATIENCE: AtomicU32 = AtomicU32::new(0);

/// What a thread must do because memory is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// Nothing.
    None,
    /// Raise an error that the script may catch.
    Raise,
    /// End: the reserve is used up.
    End,
}

/// Fills the reserve, where the system limits the address space: elsewhere giving it up would make room for nothing, and it
/// would be one more mapping for each fork to copy. To be called by a program that uses [`Reserving`], at its start, and
/// once more when it lowers the limit itself; what scripts set is seen to.
pub fn fill_reserve() -> bool {
    IS_WANTED.store(true, Ordering::Relaxed);
    resource_limit::current(libc::RLIMIT_AS).is_none() || map_reserve()
}

/// Fills the reserve, if the program wants one: the address space is about to be limited.
pub fn expect_limit() {
    if IS_WANTED.load(Ordering::Relaxed) {
        // Less of it, or none, only means that running out of memory may end the program.
        let _ = map_reserve();
    }
}

fn map_reserve() -> bool {
    RESERVE.iter().all(|piece| {
        if !piece.load(Ordering::Relaxed).is_null() {
            return true;
        }
        // SAFETY: a new private mapping that nobody touches.
        let mapped = unsafe {
            libc::mmap(
                null_mut(),
                PIECE,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if mapped == libc::MAP_FAILED {
            return false;
        }
        let old = piece.swap(mapped, Ordering::AcqRel);
        if !old.is_null() {
            // SAFETY: another thread was faster; its piece goes back.
            unsafe { libc::munmap(old, PIECE) };
        }
        true
    })
}

/// Gives up a piece of the reserve; `false` when there is none.
fn give_up_piece() -> bool {
    RESERVE.iter().any(|piece| {
        let mapped = piece.swap(null_mut(), Ordering::AcqRel);
        if mapped.is_null() {
            return false;
        }
        // SAFETY: mapped by `map_reserve`, and taken out by this thread alone.
        unsafe { libc::munmap(mapped, PIECE) };
        world::report_shortage();
        true
    })
}

/// Whether more can be had than all that was given up, because something was freed meanwhile. It need not be address space
/// that the system gives, so the reserve cannot always be filled up at once.
#[cold]
#[inline(never)]
fn is_there_again() -> bool {
    let missing = RESERVE
        .iter()
        .filter(|piece| piece.load(Ordering::Relaxed).is_null())
        .count();
    let mut probes: [Vec<u8>; PIECES + 1] = [const { Vec::new() }; PIECES + 1];
    probes[..=missing]
        .iter_mut()
        .all(|probe| probe.try_reserve_exact(PIECE).is_ok())
}

/// What the calling thread must do, at a safepoint, when memory ran short since the last one.
pub fn shortage() -> Shortage {
    if world::take_shortage() {
        if world::has_low_reserve() && is_there_again() {
            return Shortage::None;
        }
        PATIENCE.store(1 << 10, Ordering::Relaxed);
        return match can_raise() {
            true => Shortage::Raise,
            false => Shortage::End,
        };
    }
    if world::has_low_reserve() {
        let left = PATIENCE.load(Ordering::Relaxed);
        if left > 0 {
            PATIENCE.store(left - 1, Ordering::Relaxed);
        } else if fill_reserve() {
            world::end_shortage();
        } else {
            PATIENCE.store(1 << 10, Ordering::Relaxed);
        }
    }
    Shortage::None
}

/// Makes room for this many more items where the caller cannot fail: when the vector cannot be doubled
/// it grows by little, and the next safepoint raises the error.
#[cold]
#[inline(never)]
pub fn grow<T>(items: &mut Vec<T>, more: usize) {
    if items.try_reserve(more).is_err() && items.try_reserve_exact(more.max(1024)).is_ok() {
        world::report_shortage_of_room();
    }
}

/// As [`grow`], for who frees: what is short will soon be there again, so nobody is told.
#[cold]
#[inline(never)]
pub fn grow_while_freeing<T>(items: &mut Vec<T>, more: usize) {
    if items.try_reserve(more).is_err() {
        // Refused as well: the vector itself says so.
        let _ = items.try_reserve_exact(more.max(1024));
    }
}

/// As [`grow`], for so many bytes more of a text.
#[cold]
#[inline(never)]
pub fn grow_text(text: &mut String, more: usize) {
    if text.try_reserve(more).is_err() && text.try_reserve_exact(more).is_ok() {
        world::report_shortage_of_room();
    }
}

/// Notes that an error is raised now: no second one is for the same shortage. But where the reserve is used up, the next
/// safepoint has to end the program.
pub fn is_told() {
    if can_raise() {
        world::take_shortage();
    }
}

/// Whether there is memory left to raise an error with: some of the reserve, or all that there was before anything had
/// to be given up.
fn can_raise() -> bool {
    has_reserve() || !world::has_low_reserve()
}

fn has_reserve() -> bool {
    RESERVE
        .iter()
        .any(|piece| !piece.load(Ordering::Relaxed).is_null())
}

/// Whether memory ran short and no error was raised for it yet.
#[inline(always)]
pub fn is_short() -> bool {
    world::is_short()
}

/// The allocator of the command.
pub struct Reserving;

fn retried(size: usize, allocate: impl Fn() -> *mut u8) -> *mut u8 {
    let mut place = allocate();
    while place.is_null() && size <= SMALL && give_up_piece() {
        place = allocate();
    }
    place
}

// SAFETY: every request is passed on to the system's allocator, at most several times, but for those that
// `written_memory` fulfils, which come back here.
unsafe impl GlobalAlloc for Reserving {
    // SAFETY: what the trait asks of its callers.
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let place = written_memory::take(layout);
        if !place.is_null() {
            return place;
        }
        // SAFETY: the caller's promise is passed on.
        let place = unsafe { System.alloc(layout) };
        if place.is_null() {
            // SAFETY: as above.
            return retried(layout.size(), || unsafe { System.alloc(layout) });
        }
        place
    }

    // SAFETY: what the trait asks of its callers.
    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        let place = unsafe { System.alloc_zeroed(layout) };
        if place.is_null() {
            // SAFETY: as above.
            return retried(layout.size(), || unsafe { System.alloc_zeroed(layout) });
        }
        place
    }

    // SAFETY: what the trait asks of its callers.
    #[inline]
    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if written_memory::holds(old) {
            // SAFETY: the caller's promises: the size is none that overflows, and the old place has as many bytes.
            return unsafe {
                let place = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
                if !place.is_null() {
                    std::ptr::copy_nonoverlapping(old, place, size.min(layout.size()));
                }
                place
            };
        }
        // SAFETY: the caller's promise is passed on.
        let place = unsafe { System.realloc(old, layout, size) };
        if place.is_null() {
            // A failed request leaves the old place as it was.
            // SAFETY: as above.
            let again = || unsafe { System.realloc(old, layout, size) };
            return retried(size.saturating_sub(layout.size()), again);
        }
        place
    }

    // SAFETY: what the trait asks of its callers.
    #[inline]
    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        if written_memory::holds(place) {
            return;
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(place, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::testing::{in_fresh_process, set_limit};

    /// The bytes of this process that count as data: the sixth field of `statm`, in pages.
    fn data() -> u64 {
        let fields = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = fields.split(' ').nth(5).unwrap().parse().unwrap();
        pages * 4096
    }

    #[test]
    fn a_shortage_that_an_error_was_raised_for_is_not_told_again() {
        let name = "a_shortage_that_an_error_was_raised_for_is_not_told_again";
        in_fresh_process(module_path!(), name, || {
            let mut items = vec![0_u8; 64 << 20];
            // Enough for some more items, not for twice as many.
            set_limit(libc::RLIMIT_DATA, data() + (16 << 20));
            grow(&mut items, 1);
            assert!(items.capacity() > items.len());
            assert!(!has_reserve() && is_short());
            is_told();
            assert!(!is_short());
            assert_eq!(shortage(), Shortage::None);
        });
    }
}
