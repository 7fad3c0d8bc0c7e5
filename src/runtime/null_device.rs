//! `/dev/null` in the place of a descriptor: opened once by the process that will fork, so that each of its children
//! need only copy the descriptor. Must not know what for.

use super::arena;
use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicI32, Ordering};

/// The descriptor, under a high number; -1 while there is none. A script can close it as any other, and open something
/// else that gets its number: see [`is_open`].
static OPENED: AtomicI32 = AtomicI32::new(-1);

/// Opens it before a fork. Without a descriptor to be had, each child opens its own.
pub fn prepare() {
    let known = OPENED.load(Ordering::Relaxed);
    if is_open(known) {
        return;
    }
    let low = open();
    let high = arena::out_of_the_way(low);
    // Where `/dev/null` is something else, none is kept: it would not be known again.
    let is_kept = high != low
        && is_open(high)
        && OPENED
            .compare_exchange(known, high, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
    if !is_kept {
        close(high);
    }
}

/// Makes `descriptor`, whatever it was, read nothing.
///
/// # Errors
/// That there is no such device, or no descriptor to be had for it.
pub fn put_in_place_of(descriptor: RawFd) -> io::Result<()> {
    let prepared = OPENED.load(Ordering::Relaxed);
    if is_open(prepared) {
        return copy(prepared, descriptor);
    }
    let opened = open();
    if opened < 0 {
        return Err(io::Error::last_os_error());
    }
    let copied = copy(opened, descriptor);
    if opened != descriptor {
        close(opened);
    }
    copied
}

fn close(descriptor: RawFd) {
    // SAFETY: our own descriptor, not used afterwards.
    unsafe { libc::close(descriptor) };
}

fn copy(from: RawFd, to: RawFd) -> io::Result<()> {
    // SAFETY: plain call.
    match unsafe { libc::dup2(from, to) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

fn open() -> RawFd {
    // SAFETY: a C string.
    unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) }
}

/// Whether a number still stands for the device.
fn is_open(descriptor: RawFd) -> bool {
    if descriptor < 0 {
        return false;
    }
    // SAFETY: all zero is a valid stat.
    let mut found = unsafe { std::mem::zeroed::<libc::stat>() };
    // SAFETY: a valid place for the answer.
    let known = unsafe { libc::fstat(descriptor, &mut found) } == 0;
    // The number of the device is fixed: `Documentation/admin-guide/devices.txt` of Linux.
    known && found.st_mode & libc::S_IFMT == libc::S_IFCHR && found.st_rdev == libc::makedev(1, 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::testing::in_fresh_process;
    use std::os::fd::AsRawFd;

    /// What reading a byte from it gives; -1 for an error.
    fn read_byte(descriptor: RawFd) -> isize {
        let mut byte = [0u8];
        // SAFETY: a place for one byte.
        unsafe { libc::read(descriptor, byte.as_mut_ptr().cast(), 1) }
    }

    #[test]
    fn a_descriptor_that_was_closed_or_replaced_is_not_taken_for_the_device() {
        let name = "a_descriptor_that_was_closed_or_replaced_is_not_taken_for_the_device";
        in_fresh_process(module_path!(), name, || {
            let file = std::fs::File::open("/proc/self/maps").unwrap();
            let place = file.try_clone().unwrap();
            let replace_by_file = |descriptor| copy(file.as_raw_fd(), descriptor).unwrap();
            assert_eq!(read_byte(place.as_raw_fd()), 1);

            // Never prepared: it is opened for the occasion, and no descriptor stays.
            put_in_place_of(place.as_raw_fd()).unwrap();
            assert_eq!(read_byte(place.as_raw_fd()), 0);
            assert_eq!(OPENED.load(Ordering::Relaxed), -1);

            prepare();
            let kept = OPENED.load(Ordering::Relaxed);
            assert!(kept >= 200 && is_open(kept));
            replace_by_file(place.as_raw_fd());
            put_in_place_of(place.as_raw_fd()).unwrap();
            assert_eq!(read_byte(place.as_raw_fd()), 0);
            prepare();
            assert_eq!(OPENED.load(Ordering::Relaxed), kept, "one is enough");

            replace_by_file(kept);
            put_in_place_of(place.as_raw_fd()).unwrap();
            assert_eq!(read_byte(place.as_raw_fd()), 0);
            assert_eq!(read_byte(kept), 1, "the file stays what it is");
            prepare();
            assert_ne!(OPENED.load(Ordering::Relaxed), kept);
            assert_eq!(read_byte(kept), 1);

            close(OPENED.load(Ordering::Relaxed));
            replace_by_file(place.as_raw_fd());
            put_in_place_of(place.as_raw_fd()).unwrap();
            assert_eq!(read_byte(place.as_raw_fd()), 0);
        });
    }
}
