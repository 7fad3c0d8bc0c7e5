//! A named segment of the system's shared memory, mapped. It must not know scripts.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use crate::value::buffer::Memory;

/// A mapped segment. Its name may be gone already: the memory lives as long as it is mapped.
pub struct Segment {
    start: NonNull<u8>,
    length: usize,
    /// What the system knows it by, whatever its name.
    pub identity: (u64, u64),
}

// SAFETY: the memory is mapped as long as the segment lives, and only touched by whole atomics.
unsafe impl Send for Segment {}
// SAFETY: as above.
unsafe impl Sync for Segment {}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: this mapping is the segment's own, and nobody has a pointer into it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}

fn c_name(name: &str) -> io::Result<CString> {
    CString::new(name).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}

fn check(result: i32) -> io::Result<()> {
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

impl Segment {
    /// Makes a segment of so many zero bytes under a name that nobody has.
    ///
    /// # Errors
    /// Those of the system: the name is taken, there is no room.
    pub fn create(name: &str, length: usize) -> io::Result<Segment> {
        let fd = open(name, libc::O_CREAT | libc::O_EXCL | libc::O_RDWR)?;
        let made = set_length(&fd, length).and_then(|()| Segment::map(&fd));
        if made.is_err() {
            // Nobody can have got to know it.
            let _ = unlink(name);
        }
        made
    }

    /// Maps the segment of this name.
    ///
    /// # Errors
    /// Those of the system: there is none.
    pub fn attach(name: &str) -> io::Result<Segment> {
        Segment::map(&open(name, libc::O_RDWR)?)
    }

    fn map(fd: &OwnedFd) -> io::Result<Segment> {
        let stat = status(fd)?;
        let length = usize::try_from(stat.st_size).unwrap_or(0);
        if length == 0 {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        // SAFETY: a new mapping at an address of the system's choice.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                fd.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        match NonNull::new(start.cast()) {
            Some(start) => Ok(Segment {
                start,
                length,
                identity: (stat.st_dev, stat.st_ino),
            }),
            None => Err(io::Error::from_raw_os_error(libc::ENOMEM)),
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
}

impl Memory for Segment {
    fn len(&self) -> usize {
        self.length
    }

    fn read(&self, start: usize, to: &mut [u8]) {
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

    fn write(&self, start: usize, from: &[u8]) {
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

fn open(name: &str, flags: i32) -> io::Result<OwnedFd> {
    let name = c_name(name)?;
    // SAFETY: the name is a valid text.
    let fd = unsafe { libc::shm_open(name.as_ptr(), flags | libc::O_CLOEXEC, 0o600) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: made just now.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Gives a new segment its length, and the memory for it: otherwise a full system would show itself
/// by a signal at some later write.
fn set_length(fd: &OwnedFd, length: usize) -> io::Result<()> {
    let length =
        libc::off_t::try_from(length).map_err(|_| io::Error::from_raw_os_error(libc::ENOMEM))?;
    // SAFETY: plain calls on a descriptor of ours.
    unsafe {
        check(libc::ftruncate(fd.as_raw_fd(), length))?;
        loop {
            match libc::posix_fallocate(fd.as_raw_fd(), 0, length) {
                0 => return Ok(()),
                libc::EINTR => {}
                // A file system that cannot promise it.
                libc::EOPNOTSUPP | libc::EINVAL => return Ok(()),
                code => return Err(io::Error::from_raw_os_error(code)),
            }
        }
    }
}

fn status(fd: &OwnedFd) -> io::Result<libc::stat> {
    // SAFETY: all zeros is a valid value of this plain structure, which the call fills in.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        check(libc::fstat(fd.as_raw_fd(), &raw mut stat))?;
        Ok(stat)
    }
}

/// Takes a name away. The memory goes when nobody has it mapped any more.
///
/// # Errors
/// There is no such name.
pub fn unlink(name: &str) -> io::Result<()> {
    let name = c_name(name)?;
    // SAFETY: the name is a valid text.
    check(unsafe { libc::shm_unlink(name.as_ptr()) })
}

/// Takes a name away if it still is that of this segment.
pub fn unlink_if(name: &str, identity: (u64, u64)) {
    let is_it = open(name, libc::O_RDONLY)
        .and_then(|fd| status(&fd))
        .is_ok_and(|stat| (stat.st_dev, stat.st_ino) == identity);
    if is_it {
        // Somebody else may have been faster.
        let _ = unlink(name);
    }
}
