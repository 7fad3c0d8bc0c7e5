//! Where in the address space the arena is wished to lie: beside the stack that the program runs on. A child of a fork
//! needs tables for each part of the address space that it touches, and shares those of what lies near. Left to itself,
//! the kernel puts the arena's first block as far from all else as the arena is large. It must not know the arena.

use std::ptr::{null_mut, without_provenance_mut};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::resource_limit;

/// As large as the arena most often is, and room for what else is mapped before the arena is.
const ROOM: u64 = (1 << 40) + (64 << 30);

/// The wish; 0 for none.
static WISH: AtomicUsize = AtomicUsize::new(0);

/// Has `map` map something where there is room above it, if the kernel gives out addresses from the top.
pub(crate) fn with_room_above<T>(map: impl FnOnce() -> T) -> T {
    // Within a limit, the room could be had, and nothing after it.
    let size = match resource_limit::current(libc::RLIMIT_AS) {
        None => usize::try_from(ROOM).unwrap_or(0),
        Some(_) => 0,
    };
    let (access, kind) = (
        libc::PROT_NONE,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
    );
    // SAFETY: a new mapping that nobody touches; none where the size is 0.
    let room = unsafe { libc::mmap(null_mut(), size, access, kind, -1, 0) };
    let mapped = map();
    if room != libc::MAP_FAILED {
        // SAFETY: the mapping just made.
        unsafe { libc::munmap(room, size) };
    }
    mapped
}

/// Wishes for the next multiple of `alignment` above what ends there.
pub(crate) fn wish_above(end: usize, alignment: usize) {
    // Not at the end itself: what runs over it is to fail.
    let wish = (end + 1).next_multiple_of(alignment);
    WISH.store(wish, Ordering::Relaxed);
}

/// The wish, as `mmap` takes it: null for none.
pub(super) fn wish() -> *mut libc::c_void {
    without_provenance_mut(WISH.load(Ordering::Relaxed))
}
