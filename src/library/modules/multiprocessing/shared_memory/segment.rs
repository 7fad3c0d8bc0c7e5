//! A named segment of the system's shared memory, mapped. It must not know scripts.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::library::mapped_memory::MappedMemory;
use crate::value::buffer::Memory;

/// A mapped segment. Its name may be gone already: the memory lives as long as it is mapped.
pub struct Segment {
    memory: MappedMemory,
    /// What the system knows it by, whatever its name.
    pub identity: (u64, u64),
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
        let memory = MappedMemory::map(
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            fd.as_raw_fd(),
            0,
        )?;
        Ok(Segment {
            memory,
            identity: (stat.st_dev, stat.st_ino),
        })
    }
}

impl Memory for Segment {
    fn len(&self) -> usize {
        self.memory.len()
    }

    fn read(&self, start: usize, to: &mut [u8]) {
        self.memory.read(start, to);
    }

    fn write(&self, start: usize, from: &[u8]) {
        self.memory.write(start, from);
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
