//! Writing to a pipe in pieces that do not block: write(2) of more than a pipe has room for waits inside
//! the system, where no interrupt arrives and nobody can tell what is waited for. It must not know how
//! the caller waits for room between the pieces.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the kernel can be asked not to wait in one call.
static NEVER_WAITS: AtomicBool = AtomicBool::new(true);

/// Whether a descriptor is an end of a pipe.
pub fn is_pipe(fd: i32) -> bool {
    // SAFETY: all zero is a valid stat.
    let mut status = unsafe { std::mem::zeroed::<libc::stat>() };
    // SAFETY: a valid place.
    let known = unsafe { libc::fstat(fd, &mut status) } == 0;
    known && status.st_mode & libc::S_IFMT == libc::S_IFIFO
}

/// Writes as many of the bytes as there is room for, to a pipe that just had some; 0 if that is gone.
/// Waits at most where the kernel cannot do it otherwise, and then for no more than a reader that was
/// quicker a moment ago.
///
/// # Errors
/// What the system says.
pub fn write_some(fd: i32, bytes: &[u8]) -> io::Result<usize> {
    if NEVER_WAITS.load(Ordering::Relaxed) {
        let part = libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        };
        // SAFETY: one part, valid for its length and only read; -1 is where the descriptor stands.
        let count = unsafe { libc::pwritev2(fd, &part, 1, -1, libc::RWF_NOWAIT) };
        match result(count) {
            Err(error) => match error.raw_os_error() {
                Some(libc::EAGAIN) => return Ok(0),
                Some(libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL | libc::ESPIPE) => {
                    NEVER_WAITS.store(false, Ordering::Relaxed);
                }
                _ => return Err(error),
            },
            count => return count,
        }
    }
    // A pipe that has room takes so much without waiting.
    let piece = &bytes[..bytes.len().min(libc::PIPE_BUF)];
    // SAFETY: the piece is valid for its length.
    result(unsafe { libc::write(fd, piece.as_ptr().cast(), piece.len()) })
}

fn result(count: libc::ssize_t) -> io::Result<usize> {
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipe() -> (i32, i32) {
        let mut ends = [0; 2];
        // SAFETY: room for two descriptors.
        let made = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) };
        assert_eq!(made, 0);
        (ends[0], ends[1])
    }

    fn fill(writing: i32) -> usize {
        let bytes = vec![7; 1 << 20];
        let mut whole = 0;
        loop {
            let mut polled = libc::pollfd {
                fd: writing,
                events: libc::POLLOUT,
                revents: 0,
            };
            // SAFETY: a valid list of one; never waits.
            if unsafe { libc::poll(&mut polled, 1, 0) } == 0 {
                return whole;
            }
            whole += write_some(writing, &bytes).unwrap();
        }
    }

    #[test]
    fn a_pipe_is_filled_without_waiting() {
        for never_waits in [true, false] {
            NEVER_WAITS.store(never_waits, Ordering::Relaxed);
            let (reading, writing) = pipe();
            assert!(is_pipe(reading) && is_pipe(writing));
            let whole = fill(writing);
            assert!(whole >= libc::PIPE_BUF, "{whole}");
            let mut bytes = vec![0u8; whole + 1];
            // SAFETY: room for that many.
            let count = unsafe { libc::read(reading, bytes.as_mut_ptr().cast(), bytes.len()) };
            assert_eq!(count as usize, whole);
            assert!(bytes[..whole].iter().all(|&byte| byte == 7));
            // SAFETY: the test's own.
            unsafe {
                libc::close(reading);
                libc::close(writing);
            }
        }
        NEVER_WAITS.store(true, Ordering::Relaxed);
    }
}
