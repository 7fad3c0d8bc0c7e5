//! The one way out for text. What a caller writes in one call is put together whole and goes out in
//! one piece.
//!
//! While this process is alone (one thread, no living child, not itself a forked child) text to a
//! pipe or file is kept back, and leaves before anything blocks, forks, starts a thread or ends: no
//! one else can tell the difference. While others live, and on a terminal, each call is one
//! `write(2)`. What is longer than a pipe takes at once goes out under a lock that the processes of
//! a tree share, see `shared_output`.
//!
//! Streams belong to whoever made them; nothing here touches file descriptors 1 and 2 unasked.

use super::blocking::{Outcome, Reason, ReasonKind, Wait, blocking};
use super::fork;
use super::leaf_lock::LeafLock;
use super::pending::Pending;
use super::process;
use super::shared_output;
use super::thread::{self, ThreadHandle};
use super::thread_lock::{LockError, ThreadLock};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

/// A stream to write to.
#[derive(Clone)]
pub struct Output(Arc<Stream>);

/// Whether text may be kept back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WriteMode {
    /// If nobody can tell.
    Buffered,
    /// It is out when the call returns.
    Flushed,
}

/// Why a text is not out.
#[derive(Debug)]
pub enum OutputError {
    /// The system refused: a closed pipe, a full disk. The rest is dropped.
    Os(io::Error),
    /// Something is pending for the calling thread; this many bytes of the text are out or kept. The
    /// caller reaches a safepoint and writes the rest.
    Interrupted {
        /// What is pending.
        pending: Pending,
        /// How much need not be written again.
        written: usize,
    },
}

type Sink = Box<dyn Fn(&[u8]) -> io::Result<()> + Send + Sync>;

/// Where text goes for a while instead of where it belongs.
pub type Diversion = Arc<dyn Fn(&[u8]) -> io::Result<()> + Send + Sync>;

struct Stream {
    target: Target,
    kept: LeafLock<Kept>,
    /// One text at a time among the threads of this process.
    lock: ThreadLock,
    diversion: LeafLock<Option<Diversion>>,
}

enum Target {
    Descriptor(Descriptor),
    Sink(Sink),
}

struct Descriptor {
    fd: i32,
    kind: DescriptorKind,
    /// Whether text may be kept back at all.
    buffered: bool,
    /// Cleared when the kernel cannot write to this without blocking.
    nowait: AtomicBool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum DescriptorKind {
    /// Never blocks.
    File,
    /// May block.
    Pipe,
    /// May block, and somebody watches.
    Terminal,
}

#[derive(Default)]
struct Kept {
    text: Vec<u8>,
    /// What went wrong when nobody was there to be told.
    error: Option<io::Error>,
}

/// So much is kept back at most.
const MOST_KEPT: usize = 64 * 1024;

/// All streams that are in use.
static STREAMS: LeafLock<Vec<Weak<Stream>>> = LeafLock::new(Vec::new());

/// Whether any stream keeps text back.
static KEPT: AtomicBool = AtomicBool::new(false);

/// Whether what was written to a terminal last ended a line.
static LINE_ENDED: AtomicBool = AtomicBool::new(true);

/// Whether the cursor of the terminal is at the start of a line, as far as this process wrote there.
pub fn is_at_line_start() -> bool {
    LINE_ENDED.load(Ordering::Relaxed)
}

/// Notes that somebody else ended the line on the terminal: the key that ends an input.
pub fn note_line_start() {
    LINE_ENDED.store(true, Ordering::Relaxed);
}

/// Whether any stream has ever been diverted.
static DIVERTED: AtomicBool = AtomicBool::new(false);

impl Output {
    /// Writes to a file descriptor, which stays the caller's to close. `buffered` allows text to be
    /// kept back; without it, and on a terminal, each call is a `write(2)`.
    pub fn to_descriptor(fd: i32, buffered: bool) -> Self {
        let kind = descriptor_kind(fd);
        Self::new(Target::Descriptor(Descriptor {
            fd,
            kind,
            buffered: buffered && kind != DescriptorKind::Terminal,
            nowait: AtomicBool::new(true),
        }))
    }

    /// Hands each text to a function of the host. It is called with no lock held, from whichever
    /// thread writes.
    pub fn to_sink(sink: impl Fn(&[u8]) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self::new(Target::Sink(Box::new(sink)))
    }

    /// Keeps everything in memory, for the host to take.
    pub fn to_memory() -> (Self, Captured) {
        let captured = Captured(Arc::new(LeafLock::new(Vec::new())));
        let memory = captured.clone();
        let output = Self::to_sink(move |text| {
            memory.0.lock().extend_from_slice(text);
            Ok(())
        });
        (output, captured)
    }

    /// The same as if the kernel could not write to it without blocking.
    #[cfg(test)]
    pub(super) fn pretend_nowait_is_missing(self) -> Self {
        if let Target::Descriptor(to) = &self.0.target {
            to.nowait.store(false, Ordering::Relaxed);
        }
        self
    }

    fn new(target: Target) -> Self {
        let stream = Arc::new(Stream {
            target,
            kept: LeafLock::new(Kept::default()),
            lock: ThreadLock::new(),
            diversion: LeafLock::new(None),
        });
        let mut streams = STREAMS.lock();
        streams.retain(|stream| stream.strong_count() > 0);
        streams.push(Arc::downgrade(&stream));
        drop(streams);
        Self(stream)
    }

    /// Hands all text to another place from now on, or no longer: while something else owns the
    /// terminal. It is called with no lock held and must not block. The child of a fork writes to
    /// the old place again.
    pub fn divert(&self, to: Option<Diversion>) {
        if to.is_some() {
            DIVERTED.store(true, Ordering::Relaxed);
        }
        let old = std::mem::replace(&mut *self.0.diversion.lock(), to);
        drop(old);
    }

    /// Whether it leads to a terminal.
    pub fn is_terminal(&self) -> bool {
        matches!(&self.0.target, Target::Descriptor(to) if to.kind == DescriptorKind::Terminal)
    }

    /// Writes `text` in one piece. The calling thread is at a safepoint.
    pub fn write_whole(
        &self,
        thread: &ThreadHandle,
        text: &[u8],
        mode: WriteMode,
    ) -> Result<(), OutputError> {
        self.0.take_error()?;
        if let Target::Descriptor(to) = &self.0.target {
            if to.buffered && mode == WriteMode::Buffered && is_alone() {
                return self.0.keep(thread, text);
            }
            if !to.buffered {
                // So that a message on the other stream comes after what was printed before it.
                flush_all(thread);
            }
        }
        self.0.write_kept(thread).map_err(nothing_written)?;
        self.0.write_locked(thread, text)
    }

    /// Writes out what is kept back.
    pub fn flush(&self, thread: &ThreadHandle) -> Result<(), OutputError> {
        self.0.take_error()?;
        self.0.write_kept(thread).map_err(nothing_written)
    }
}

/// What a stream kept in memory.
#[derive(Clone)]
pub struct Captured(Arc<LeafLock<Vec<u8>>>);

impl Captured {
    /// Takes what has been written so far.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock())
    }

    /// A copy of what has been written so far.
    pub fn copy(&self) -> Vec<u8> {
        self.0.lock().clone()
    }
}

/// Whether nobody else can write to where this process writes, as far as it knows.
fn is_alone() -> bool {
    thread::count() <= 1 && process::living_count() == 0 && fork::generation() == 0
}

/// Of the new text nothing is out when the old one is interrupted.
fn nothing_written(error: OutputError) -> OutputError {
    match error {
        OutputError::Interrupted { pending, .. } => OutputError::Interrupted {
            pending,
            written: 0,
        },
        error => error,
    }
}

impl Stream {
    fn take_error(&self) -> Result<(), OutputError> {
        match self.kept.lock().error.take() {
            Some(error) => Err(OutputError::Os(error)),
            None => Ok(()),
        }
    }

    fn keep(&self, thread: &ThreadHandle, text: &[u8]) -> Result<(), OutputError> {
        let full = {
            let mut kept = self.kept.lock();
            kept.text.extend_from_slice(text);
            kept.text.len() >= MOST_KEPT
        };
        KEPT.store(true, Ordering::SeqCst);
        if !full {
            return Ok(());
        }
        self.write_kept(thread).map_err(|error| match error {
            // It is kept, whenever it goes out.
            OutputError::Interrupted { pending, .. } => OutputError::Interrupted {
                pending,
                written: text.len(),
            },
            error => error,
        })
    }

    /// Writes out what is kept back; what an interrupt leaves over is kept again.
    fn write_kept(&self, thread: &ThreadHandle) -> Result<(), OutputError> {
        let mut text = {
            let mut kept = self.kept.lock();
            if kept.text.is_empty() {
                return Ok(());
            }
            std::mem::take(&mut kept.text)
        };
        let result = self.write_locked(thread, &text);
        let mut kept = self.kept.lock();
        match &result {
            Err(OutputError::Interrupted { written, .. }) => {
                text.drain(..*written);
                text.append(&mut kept.text);
                kept.text = text;
                drop(kept);
                KEPT.store(true, Ordering::SeqCst);
            }
            _ if kept.text.is_empty() => {
                // The memory serves again.
                text.clear();
                kept.text = text;
            }
            _ => {}
        }
        result
    }

    /// Writes out what is kept back where nobody can be told of an error: the next call is.
    fn write_kept_quietly(&self, thread: &ThreadHandle) {
        if let Err(OutputError::Os(error)) = self.write_kept(thread) {
            let old = self.kept.lock().error.replace(error);
            drop(old);
        }
    }

    fn write_locked(&self, thread: &ThreadHandle, text: &[u8]) -> Result<(), OutputError> {
        let diversion = self.diversion.lock().clone();
        if let Some(divert) = diversion {
            return divert(text).map_err(OutputError::Os);
        }
        let to = match &self.target {
            Target::Sink(sink) => return sink(text).map_err(OutputError::Os),
            Target::Descriptor(to) => to,
        };
        if text.is_empty() {
            return Ok(());
        }
        if is_alone() {
            return to.write(thread, text);
        }
        let interrupted = |pending| OutputError::Interrupted {
            pending,
            written: 0,
        };
        match self.lock.acquire(thread, None) {
            Ok(_) => {}
            Err(LockError::Interrupted(pending)) => return Err(interrupted(pending)),
            // Streams are repaired in a child before anybody writes; were one not, writing without
            // the lock is better than not at all.
            Err(LockError::OwnerGone(_)) => return to.write(thread, text),
        }
        let result = self.write_among_processes(thread, to, text);
        self.lock.release();
        result
    }

    fn write_among_processes(
        &self,
        thread: &ThreadHandle,
        to: &Descriptor,
        text: &[u8],
    ) -> Result<(), OutputError> {
        let is_long = text.len() > libc::PIPE_BUF;
        let _whole = match to.kind {
            // The kernel writes to a file in one piece, whatever the length.
            DescriptorKind::File => None,
            DescriptorKind::Pipe | DescriptorKind::Terminal if !is_long => None,
            DescriptorKind::Pipe | DescriptorKind::Terminal => {
                let begun = shared_output::begin_long(thread, to.fd);
                begun.map_err(|pending| OutputError::Interrupted {
                    pending,
                    written: 0,
                })?
            }
        };
        to.write(thread, text)
    }
}

impl Descriptor {
    fn write(&self, thread: &ThreadHandle, text: &[u8]) -> Result<(), OutputError> {
        let is_short = text.len() <= libc::PIPE_BUF;
        let mut written = 0;
        while written < text.len() {
            match self.write_some(thread, &text[written..], is_short) {
                Ok(count) => {
                    written += count;
                    if self.kind == DescriptorKind::Terminal && count > 0 {
                        let ended = text[written - 1] == b'\n';
                        LINE_ENDED.store(ended, Ordering::Relaxed);
                    }
                }
                Err(Blocked::Os(error)) => return Err(OutputError::Os(error)),
                Err(Blocked::Interrupted(pending)) => {
                    return Err(OutputError::Interrupted { pending, written });
                }
            }
        }
        Ok(())
    }

    /// One `write(2)`, after waiting if there is no room.
    fn write_some(
        &self,
        thread: &ThreadHandle,
        text: &[u8],
        is_short: bool,
    ) -> Result<usize, Blocked> {
        if self.kind == DescriptorKind::File {
            return retry(|| thread.detached(|| write_now(self.fd, text)));
        }
        let announce = || match is_short && !is_alone() {
            true => shared_output::begin_short(thread, self.fd).map_err(Blocked::Interrupted),
            false => Ok(None),
        };
        if self.nowait.load(Ordering::Relaxed) {
            let announced = announce()?;
            let result = write_without_waiting(self.fd, text);
            drop(announced);
            match result {
                Err(error) if is_unsupported(&error) => self.nowait.store(false, Ordering::Relaxed),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait_for_room(thread)?;
                    return Ok(0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(0),
                result => return result.map_err(Blocked::Os),
            }
        }
        // With room for it, so much goes out without blocking.
        self.wait_for_room(thread)?;
        let piece = &text[..text.len().min(libc::PIPE_BUF)];
        let announced = announce()?;
        let result = thread.detached(|| write_now(self.fd, piece));
        drop(announced);
        match result {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                Ok(0)
            }
            result => result.map_err(Blocked::Os),
        }
    }

    fn wait_for_room(&self, thread: &ThreadHandle) -> Result<(), Blocked> {
        let reason = Reason::new(ReasonKind::Write).about(self.fd as u64);
        let wait = Wait::Descriptor {
            fd: self.fd,
            events: libc::POLLOUT,
        };
        match blocking(thread, &reason, None, wait) {
            Outcome::Interrupted(pending) => Err(Blocked::Interrupted(pending)),
            _ => Ok(()),
        }
    }
}

enum Blocked {
    Os(io::Error),
    Interrupted(Pending),
}

fn retry(mut write: impl FnMut() -> io::Result<usize>) -> Result<usize, Blocked> {
    loop {
        match write() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A disk that takes nothing and says nothing.
            Ok(0) => return Err(Blocked::Os(io::Error::from(io::ErrorKind::WriteZero))),
            result => return result.map_err(Blocked::Os),
        }
    }
}

fn write_now(fd: i32, text: &[u8]) -> io::Result<usize> {
    // SAFETY: the buffer is valid for its length.
    let count = unsafe { libc::write(fd, text.as_ptr().cast(), text.len()) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

/// Writes what fits into a pipe right now.
fn write_without_waiting(fd: i32, text: &[u8]) -> io::Result<usize> {
    let piece = libc::iovec {
        iov_base: text.as_ptr().cast_mut().cast(),
        iov_len: text.len(),
    };
    // SAFETY: the buffer is valid for its length and only read; -1 is the current position.
    let count = unsafe { libc::pwritev2(fd, &piece, 1, -1, libc::RWF_NOWAIT) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

fn is_unsupported(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL | libc::ESPIPE | libc::EPERM)
    )
}

fn descriptor_kind(fd: i32) -> DescriptorKind {
    // SAFETY: all zero is a valid stat.
    let mut status = unsafe { std::mem::zeroed::<libc::stat>() };
    // SAFETY: `status` is a valid place.
    let known = unsafe { libc::fstat(fd, &mut status) } == 0;
    // SAFETY: no pointers are involved.
    if unsafe { libc::isatty(fd) } == 1 {
        DescriptorKind::Terminal
    } else if known && status.st_mode & libc::S_IFMT == libc::S_IFREG {
        DescriptorKind::File
    } else {
        DescriptorKind::Pipe
    }
}

/// Writes out what any stream keeps back. Errors wait for the stream's next caller.
#[inline]
pub fn flush_all(thread: &ThreadHandle) {
    if KEPT.load(Ordering::Relaxed) {
        flush_streams(thread);
    }
}

#[cold]
fn flush_streams(thread: &ThreadHandle) {
    // First, so that a write that blocks in here does not come back.
    KEPT.store(false, Ordering::SeqCst);
    let streams: Vec<_> = STREAMS.lock().iter().filter_map(Weak::upgrade).collect();
    for stream in streams {
        stream.write_kept_quietly(thread);
    }
}

/// In the child of a fork: what an interrupted flush left belongs to the parent, and a thread that
/// was writing did not come along. If there was none, and nothing is left, there is nothing to do,
/// and no page to be written to.
pub(super) fn repair_in_child(was_alone: bool) {
    let kept = KEPT.load(Ordering::Relaxed);
    if was_alone && !kept && !DIVERTED.load(Ordering::Relaxed) {
        return;
    }
    KEPT.store(false, Ordering::SeqCst);
    let streams: Vec<_> = STREAMS.lock().iter().filter_map(Weak::upgrade).collect();
    for stream in streams {
        stream.kept.lock().text.clear();
        stream.lock.reset();
        // What it leads to may be a thread that did not come along.
        let old = stream.diversion.lock().take();
        drop(old);
    }
}
