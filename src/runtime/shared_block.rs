//! A block of bytes in shared memory, as a value or an array of numbers is kept in. Aligned pieces
//! of 1, 2, 4 and 8 bytes are read and written whole, also while others write. It must not know
//! what the bytes mean, and locks nothing.

use super::arena::{self, ArenaError, Offset};
use super::extent;
use super::handle::Handle;
use super::shared_object::{Head, Kind};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// A block in shared memory; a handle to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SharedBlock {
    handle: Handle,
}

#[repr(C, align(64))]
pub(crate) struct BlockHead {
    head: Head,
    extent: AtomicU64,
    length: AtomicU64,
    _room: [AtomicU64; 6],
}

impl SharedBlock {
    /// A block of so many zero bytes.
    pub fn new(length: usize) -> Result<Self, ArenaError> {
        let handle = Handle::create(Kind::Block, |object| {
            let head = block_head(object);
            let extent = extent::allocate((length as u64).max(1))?;
            head.length.store(length as u64, Ordering::Relaxed);
            head.extent.store(extent, Ordering::Release);
            extent::link(extent);
            // SAFETY: the extent is real, has that size and is not known to anyone else.
            unsafe { std::ptr::write_bytes(arena::here().address(extent), 0, length) };
            Ok(())
        })?;
        Ok(Self { handle })
    }

    /// The block that a handle names, if it names one.
    pub fn from_handle(handle: Handle) -> Option<Self> {
        (handle.kind() == Kind::Block).then_some(Self { handle })
    }

    /// The handle.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    fn head(&self) -> &'static BlockHead {
        block_head(self.handle.object())
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.head().length.load(Ordering::Relaxed) as usize
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads from `at` on; false if that is not all inside.
    #[must_use]
    pub fn read(&self, at: usize, bytes: &mut [u8]) -> bool {
        let Some(place) = self.place(at, bytes.len()) else {
            return false;
        };
        let mut done = 0;
        while done < bytes.len() {
            let left = &mut bytes[done..];
            let here = place + done as u64;
            if here.is_multiple_of(8) && left.len() >= 8 {
                left[..8].copy_from_slice(&word(here).load(Ordering::Relaxed).to_ne_bytes());
                done += 8;
            } else if here.is_multiple_of(4) && left.len() >= 4 {
                let half = piece::<std::sync::atomic::AtomicU32>(here);
                left[..4].copy_from_slice(&half.load(Ordering::Relaxed).to_ne_bytes());
                done += 4;
            } else if here.is_multiple_of(2) && left.len() >= 2 {
                let quarter = piece::<std::sync::atomic::AtomicU16>(here);
                left[..2].copy_from_slice(&quarter.load(Ordering::Relaxed).to_ne_bytes());
                done += 2;
            } else {
                left[0] = piece::<AtomicU8>(here).load(Ordering::Relaxed);
                done += 1;
            }
        }
        true
    }

    /// Writes from `at` on; false, and nothing is written, if that is not all inside.
    #[must_use]
    pub fn write(&self, at: usize, bytes: &[u8]) -> bool {
        let Some(place) = self.place(at, bytes.len()) else {
            return false;
        };
        let mut left = bytes;
        let mut here = place;
        while !left.is_empty() {
            let size = if let (true, Some(eight)) =
                (here.is_multiple_of(8), left.first_chunk::<8>())
            {
                word(here).store(u64::from_ne_bytes(*eight), Ordering::Relaxed);
                8
            } else if let (true, Some(four)) = (here.is_multiple_of(4), left.first_chunk::<4>()) {
                piece::<std::sync::atomic::AtomicU32>(here)
                    .store(u32::from_ne_bytes(*four), Ordering::Relaxed);
                4
            } else if let (true, Some(two)) = (here.is_multiple_of(2), left.first_chunk::<2>()) {
                piece::<std::sync::atomic::AtomicU16>(here)
                    .store(u16::from_ne_bytes(*two), Ordering::Relaxed);
                2
            } else {
                piece::<AtomicU8>(here).store(left[0], Ordering::Relaxed);
                1
            };
            left = &left[size..];
            here += size as u64;
        }
        true
    }

    /// The eight bytes from `at` on as one word, which lives as long as this handle; `None` if that is
    /// not all inside, or not aligned.
    pub fn word(&self, at: usize) -> Option<&AtomicU64> {
        let place = self.place(at, 8)?;
        place.is_multiple_of(8).then(|| word(place))
    }

    fn place(&self, at: usize, length: usize) -> Option<Offset> {
        let inside = at.checked_add(length).is_some_and(|end| end <= self.len());
        inside.then(|| self.head().extent.load(Ordering::Relaxed) + at as u64)
    }
}

fn word(place: Offset) -> &'static AtomicU64 {
    piece(place)
}

fn piece<T>(place: Offset) -> &'static T {
    // SAFETY: only called with atomics, at aligned places inside the block's extent.
    unsafe { arena::here().at(place) }
}

fn block_head(object: Offset) -> &'static BlockHead {
    // SAFETY: the head of an object of this kind.
    unsafe { arena::here().at(object) }
}

/// Frees the bytes. It may have been begun before, by one who died in it.
pub(super) fn take_apart(object: Offset, doomed: &mut Vec<Offset>) {
    let head = block_head(object);
    let extent = head.extent.load(Ordering::Acquire);
    if extent != 0 {
        // This process's own before the head forgets it, so that it is found by one or the other.
        extent::reserve(extent);
        head.extent.store(0, Ordering::Release);
        extent::free_into(extent, doomed);
    }
}
