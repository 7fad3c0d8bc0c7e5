//! Memory that was mapped, as bytes that other processes may change meanwhile. It must not know what is mapped, nor
//! scripts.

use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

/// A mapping of this process. It is there as long as this lives.
pub struct MappedMemory {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the memory is mapped as long as this lives, and only touched by whole atomics.
unsafe impl Send for MappedMemory {}
// SAFETY: as above.
unsafe impl Sync for MappedMemory {}

impl Drop for MappedMemory {
    fn drop(&mut self) {
        // SAFETY: this mapping is this object's own, and nobody has a pointer into it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}

impl MappedMemory {
    /// Maps so many bytes of a file from `offset` on, or nameless memory where the flags say so. The protection must
    /// allow reading.
    ///
    /// # Errors
    /// Those of the system.
    pub fn map(
        length: usize,
        protection: i32,
        flags: i32,
        fd: i32,
        offset: i64,
    ) -> io::Result<MappedMemory> {
        debug_assert!(protection & libc::PROT_READ != 0 && flags & libc::MAP_FIXED == 0);
        // SAFETY: a new mapping at an address of the system's choice.
        let start =
            unsafe { libc::mmap(std::ptr::null_mut(), length, protection, flags, fd, offset) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        match NonNull::new(start.cast()) {
            Some(start) => Ok(MappedMemory { start, length }),
            None => Err(io::Error::from_raw_os_error(libc::ENOMEM)),
        }
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none: never, since nothing of no length can be mapped.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Has what was changed written to the file. The range must begin at a page.
    ///
    /// # Errors
    /// Those of the system.
    pub fn synchronise(&self, start: usize, length: usize) -> io::Result<()> {
        self.call(start, length, |place, length| {
            // SAFETY: the range is inside the mapping.
            unsafe { libc::msync(place, length, libc::MS_SYNC) }
        })
    }

    /// Tells the system what the memory is used for. The advice must be none after which touching it fails, here or
    /// in a child.
    ///
    /// # Errors
    /// Those of the system.
    pub fn advise(&self, start: usize, length: usize, advice: i32) -> io::Result<()> {
        debug_assert!(advice != libc::MADV_DONTFORK);
        self.call(start, length, |place, length| {
            // SAFETY: the range is inside the mapping, which stays readable.
            unsafe { libc::madvise(place, length, advice) }
        })
    }

    fn call(
        &self,
        start: usize,
        length: usize,
        call: impl FnOnce(*mut libc::c_void, usize) -> i32,
    ) -> io::Result<()> {
        if !self.is_inside(start, length) {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        // SAFETY: inside, as was just checked.
        let place = unsafe { self.start.as_ptr().add(start) };
        match call(place.cast(), length) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Where one byte lies.
    fn place(&self, at: usize) -> *mut u8 {
        debug_assert!(at < self.length);
        // SAFETY: the callers have checked that it is inside.
        unsafe { self.start.as_ptr().add(at) }
    }

    fn piece<T>(&self, at: usize) -> &T {
        // SAFETY: only called with atomics, at aligned places inside; whatever bytes others write
        // there are valid ones.
        unsafe { &*self.place(at).cast::<T>() }
    }

    /// How many of `left` bytes can be moved as one from here: 8, 4, 2 or 1.
    fn step(&self, at: usize, left: usize) -> usize {
        let aligned = 1usize << (self.start.as_ptr() as usize + at).trailing_zeros().min(3);
        let fits = if left >= 8 {
            8
        } else if left >= 4 {
            4
        } else if left >= 2 {
            2
        } else {
            1
        };
        aligned.min(fits)
    }

    fn is_inside(&self, start: usize, count: usize) -> bool {
        start
            .checked_add(count)
            .is_some_and(|end| end <= self.length)
    }

    /// Copies bytes out; nothing where they are not all inside.
    pub fn read(&self, start: usize, to: &mut [u8]) {
        if !self.is_inside(start, to.len()) {
            return;
        }
        let mut done = 0;
        while done < to.len() {
            let at = start + done;
            let step = self.step(at, to.len() - done);
            let place = &mut to[done..done + step];
            match step {
                8 => place.copy_from_slice(
                    &self
                        .piece::<AtomicU64>(at)
                        .load(Ordering::Relaxed)
                        .to_ne_bytes(),
                ),
                4 => place.copy_from_slice(
                    &self
                        .piece::<AtomicU32>(at)
                        .load(Ordering::Relaxed)
                        .to_ne_bytes(),
                ),
                2 => place.copy_from_slice(
                    &self
                        .piece::<AtomicU16>(at)
                        .load(Ordering::Relaxed)
                        .to_ne_bytes(),
                ),
                _ => place[0] = self.piece::<AtomicU8>(at).load(Ordering::Relaxed),
            }
            done += step;
        }
    }

    /// Copies bytes in, which the protection must allow; nothing where they would not all be inside.
    pub fn write(&self, start: usize, from: &[u8]) {
        if !self.is_inside(start, from.len()) {
            return;
        }
        let mut done = 0;
        while done < from.len() {
            let at = start + done;
            let rest = &from[done..];
            let step = self.step(at, rest.len());
            if let (8, Some(bytes)) = (step, rest.first_chunk::<8>()) {
                let word = u64::from_ne_bytes(*bytes);
                self.piece::<AtomicU64>(at).store(word, Ordering::Relaxed);
            } else if let (4, Some(bytes)) = (step, rest.first_chunk::<4>()) {
                let word = u32::from_ne_bytes(*bytes);
                self.piece::<AtomicU32>(at).store(word, Ordering::Relaxed);
            } else if let (2, Some(bytes)) = (step, rest.first_chunk::<2>()) {
                let word = u16::from_ne_bytes(*bytes);
                self.piece::<AtomicU16>(at).store(word, Ordering::Relaxed);
            } else {
                self.piece::<AtomicU8>(at).store(rest[0], Ordering::Relaxed);
            }
            done += step;
        }
    }
}
