//! A file descriptor with buffers on both sides. Speaks bytes; it must not know text or modes of
//! `open`.

use std::io;

use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::exceptions::from_io;
use crate::runtime::blocking::{Outcome as Waited, Reason, ReasonKind, Wait, blocking};
use crate::value::Outcome;
use crate::value::exception::value_error;
use crate::value::room::append;

/// How much is read at once, and how much is written at once at least: what CPython has, so that
/// programs that share a file between processes see the same pieces.
const PIECE: usize = 8 * 1024;

/// A descriptor and what is buffered for it.
pub struct Raw {
    /// `None` once it is closed.
    fd: Option<i32>,
    /// Whether closing it is this object's business.
    owned: bool,
    /// Reads and writes never wait for anybody.
    regular: bool,
    /// Every write goes out at once.
    unbuffered: bool,
    read: Vec<u8>,
    /// How much of `read` was taken.
    taken: usize,
    written: Vec<u8>,
}

impl Raw {
    /// A descriptor.
    pub fn new(fd: i32, owned: bool, unbuffered: bool) -> Raw {
        Raw {
            fd: Some(fd),
            owned,
            regular: is_regular(fd),
            unbuffered,
            read: Vec::new(),
            taken: 0,
            written: Vec::new(),
        }
    }

    /// The descriptor.
    ///
    /// # Errors
    /// `ValueError` once it is closed.
    pub fn fd(&self) -> Outcome<i32> {
        self.fd
            .ok_or_else(|| value_error("I/O operation on closed file."))
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.fd.is_none()
    }

    /// Whether every write goes out at once.
    pub fn is_unbuffered(&self) -> bool {
        self.unbuffered
    }

    fn unread(&self) -> &[u8] {
        &self.read[self.taken..]
    }

    fn wait(&self, cx: &mut Context, kind: ReasonKind, events: i16) -> Outcome<()> {
        let fd = self.fd()?;
        if self.regular {
            return Ok(());
        }
        cx.note_place();
        let reason = Reason::new(kind).about(fd as u64);
        loop {
            let wait = Wait::Descriptor { fd, events };
            match blocking(&cx.thread, &reason, None, wait) {
                Waited::Interrupted(_) => interrupt::at_safepoint(cx)?,
                _ => return Ok(()),
            }
        }
    }

    /// Makes a call of the system. Where somebody else may take what was there to be read, or the
    /// room there was, the call may wait after all: then nobody else must wait for this thread.
    fn system_call(&self, cx: &Context, call: impl FnOnce() -> isize) -> io::Result<usize> {
        // The error is taken at once: coming back may make further calls.
        let call = || usize::try_from(call()).map_err(|_| io::Error::last_os_error());
        if self.regular {
            call()
        } else {
            cx.thread.detached(call)
        }
    }

    /// Reads once into `buffer`; 0 at the end.
    fn read_once(&self, cx: &mut Context, buffer: &mut [u8]) -> Outcome<usize> {
        loop {
            self.wait(cx, ReasonKind::Read, libc::POLLIN)?;
            let fd = self.fd()?;
            let count = self.system_call(cx, || {
                // SAFETY: the buffer is valid for its length.
                unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) }
            });
            match count {
                Ok(count) => return Ok(count),
                Err(error) => try_again(cx, &error)?,
            }
        }
    }

    /// Gets more bytes into the buffer, which is used up; false at the end.
    fn fill(&mut self, cx: &mut Context) -> Outcome<bool> {
        self.flush(cx)?;
        let mut buffer = std::mem::take(&mut self.read);
        self.taken = 0;
        buffer.resize(PIECE, 0);
        let result = self.read_once(cx, &mut buffer);
        buffer.truncate(*result.as_ref().unwrap_or(&0));
        self.read = buffer;
        Ok(result? > 0)
    }

    /// What is buffered, or what one read gives; empty at the end.
    pub fn read_some(&mut self, cx: &mut Context) -> Outcome<Vec<u8>> {
        if self.unread().is_empty() && !self.fill(cx)? {
            return Ok(Vec::new());
        }
        let rest = self.unread().to_vec();
        self.taken = self.read.len();
        Ok(rest)
    }

    /// Up to `count` bytes: fewer only at the end, or with `once` after the first read.
    pub fn read(&mut self, cx: &mut Context, count: usize, once: bool) -> Outcome<Vec<u8>> {
        let mut bytes = Vec::new();
        while bytes.len() < count {
            if self.unread().is_empty() && (once && !bytes.is_empty() || !self.fill(cx)?) {
                break;
            }
            let take = self.unread().len().min(count - bytes.len());
            append(&mut bytes, &self.unread()[..take])?;
            self.taken += take;
        }
        Ok(bytes)
    }

    /// What is buffered, or what one read gives, without taking it.
    pub fn peek(&mut self, cx: &mut Context) -> Outcome<Vec<u8>> {
        if self.unread().is_empty() {
            self.fill(cx)?;
        }
        Ok(self.unread().to_vec())
    }

    /// All that is left.
    pub fn read_all(&mut self, cx: &mut Context) -> Outcome<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            append(&mut bytes, self.unread())?;
            self.taken = self.read.len();
            if !self.fill(cx)? {
                return Ok(bytes);
            }
        }
    }

    /// Up to the next line feed, which is included, or `most` bytes.
    pub fn read_line(&mut self, cx: &mut Context, most: usize) -> Outcome<Vec<u8>> {
        let mut line = Vec::new();
        while line.len() < most {
            if self.unread().is_empty() && !self.fill(cx)? {
                break;
            }
            let rest = self.unread();
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |place| place + 1);
            let take = end.min(most - line.len());
            append(&mut line, &rest[..take])?;
            self.taken += take;
            if line.last() == Some(&b'\n') {
                break;
            }
        }
        Ok(line)
    }

    /// Writes, into the buffer as long as it is small.
    pub fn write(&mut self, cx: &mut Context, bytes: &[u8]) -> Outcome<()> {
        self.fd()?;
        if !self.unread().is_empty() {
            // Writing goes on where the script is, not where the buffer ends.
            self.seek(cx, 0, libc::SEEK_CUR)?;
        }
        if !self.unbuffered && self.written.len() + bytes.len() <= PIECE {
            self.written.extend_from_slice(bytes);
            return Ok(());
        }
        // What was accepted earlier is kept when it cannot be written; what is refused now is the caller's.
        self.flush(cx)?;
        self.written.extend_from_slice(bytes);
        if self.unbuffered || bytes.len() > PIECE {
            let result = self.flush(cx);
            if result.is_err() {
                self.written.clear();
            }
            return result;
        }
        Ok(())
    }

    /// Writes the buffer out.
    pub fn flush(&mut self, cx: &mut Context) -> Outcome<()> {
        let mut done = 0;
        let result = self.write_out(cx, &mut done);
        self.written.drain(..done);
        result
    }

    fn write_out(&self, cx: &mut Context, done: &mut usize) -> Outcome<()> {
        while *done < self.written.len() {
            self.wait(cx, ReasonKind::Write, libc::POLLOUT)?;
            let rest = &self.written[*done..];
            // A pipe that has room takes so much without blocking.
            let piece = if self.regular {
                rest
            } else {
                &rest[..rest.len().min(libc::PIPE_BUF)]
            };
            let fd = self.fd()?;
            let count = self.system_call(cx, || {
                // SAFETY: the piece is valid for its length.
                unsafe { libc::write(fd, piece.as_ptr().cast(), piece.len()) }
            });
            match count {
                Ok(count) => *done += count,
                Err(error) => try_again(cx, &error)?,
            }
        }
        Ok(())
    }

    /// Moves to another place; tells where that is.
    pub fn seek(&mut self, cx: &mut Context, offset: i64, whence: i32) -> Outcome<u64> {
        self.flush(cx)?;
        let unread = self.unread().len() as i64;
        let offset = if whence == libc::SEEK_CUR {
            offset - unread
        } else {
            offset
        };
        // SAFETY: plain call.
        let place = unsafe { libc::lseek(self.fd()?, offset, whence) };
        if place < 0 {
            return Err(from_io(&io::Error::last_os_error(), None));
        }
        self.read.clear();
        self.taken = 0;
        Ok(place as u64)
    }

    /// Where the script is.
    pub fn tell(&self) -> Outcome<u64> {
        // SAFETY: plain call.
        let place = unsafe { libc::lseek(self.fd()?, 0, libc::SEEK_CUR) };
        if place < 0 {
            return Err(from_io(&io::Error::last_os_error(), None));
        }
        Ok(place as u64 - self.unread().len() as u64 + self.written.len() as u64)
    }

    /// Whether it can be moved about in.
    pub fn is_seekable(&self) -> bool {
        // SAFETY: plain call.
        self.fd
            .is_some_and(|fd| unsafe { libc::lseek(fd, 0, libc::SEEK_CUR) } >= 0)
    }

    /// Cuts the file off.
    pub fn truncate(&mut self, cx: &mut Context, length: u64) -> Outcome<()> {
        self.flush(cx)?;
        // SAFETY: plain call.
        if unsafe { libc::ftruncate(self.fd()?, length as i64) } < 0 {
            return Err(from_io(&io::Error::last_os_error(), None));
        }
        Ok(())
    }

    /// Writes out and closes.
    pub fn close(&mut self, cx: &mut Context) -> Outcome<()> {
        if self.fd.is_none() {
            return Ok(());
        }
        let result = self.flush(cx);
        self.close_descriptor();
        result
    }

    fn close_descriptor(&mut self) {
        if let Some(fd) = self.fd.take()
            && self.owned
        {
            // SAFETY: the descriptor is this object's, and nobody uses it after this.
            unsafe { libc::close(fd) };
        }
        self.read = Vec::new();
        self.taken = 0;
        self.written = Vec::new();
    }

    /// Forgets what could not be written out.
    pub fn forget_written(&mut self) {
        self.written.clear();
    }

    /// Writes out what goes into a file on a disk, which waits for nobody.
    ///
    /// # Errors
    /// As for [`Raw::flush_at_last`].
    pub fn flush_without_waiting(&mut self) -> io::Result<()> {
        if self.regular {
            return self.flush_at_last();
        }
        Ok(())
    }

    /// Writes out as far as that goes; what is left then is given up.
    ///
    /// # Errors
    /// What kept the system from writing all of it.
    pub fn flush_at_last(&mut self) -> io::Result<()> {
        let Some(fd) = self.fd else {
            return Ok(());
        };
        let mut result = Ok(());
        let mut rest = &self.written[..];
        while !rest.is_empty() {
            // SAFETY: the rest is valid for its length.
            let count = unsafe { libc::write(fd, rest.as_ptr().cast(), rest.len()) };
            if count > 0 {
                rest = &rest[count as usize..];
                continue;
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                result = Err(error);
                break;
            }
        }
        self.written.clear();
        result
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // The file has done so, and has noted the error.
        let _ = self.flush_at_last();
        self.close_descriptor();
    }
}

/// Whether a failed call is to be made again: it was interrupted, or there was nothing after all.
fn try_again(cx: &mut Context, error: &io::Error) -> Outcome<()> {
    match error.kind() {
        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock => cx.safepoint(),
        _ => Err(from_io(error, None)),
    }
}

/// Whether the descriptor leads to a file on a disk.
fn is_regular(fd: i32) -> bool {
    mode_of(fd).is_some_and(|mode| mode & libc::S_IFMT == libc::S_IFREG)
}

/// The file type and permissions behind a descriptor.
pub fn mode_of(fd: i32) -> Option<libc::mode_t> {
    let mut found = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the memory is valid for a `stat`, which is filled in when the call succeeds.
    unsafe {
        if libc::fstat(fd, found.as_mut_ptr()) != 0 {
            return None;
        }
        Some(found.assume_init().st_mode)
    }
}
