//! Descriptors that travel with messages in shared memory. Bytes in the arena cannot carry one, and who will read
//! the message is not known when it is written; so a descriptor waits in a mailbox, a pair of sockets that every
//! process of the tree has, in a message of its own that says which object of the arena stands for it. As long as
//! the object lives, whoever can name it can have a copy of the descriptor; when nobody names it any more it is
//! taken out and closed, as with every shared object, so an end of a pipe in a message that nobody got is no end
//! that stays open.
//!
//! # Kills
//! Messages are looked at before they are taken, and the one that is moved out of the way is put at the back before
//! it is taken from the front. Whoever is killed in between leaves two of the same; what belongs to no living object
//! is thrown away by whoever meets it. It must not know what the descriptors are.

use super::arena::{self, Arena, ArenaError, Offset};
use super::handle::Handle;
use super::shared_object::{self, Head, Kind};
use super::shared_slabs;
use super::shared_steps::step;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

/// More messages than a mailbox has room for: so many are looked at at most.
const MOST_LOOKS: usize = 2048;

/// The head of a descriptor under way.
#[repr(C, align(64))]
pub(crate) struct DescriptorHead {
    head: Head,
    /// Whether it has been put into the mailbox.
    posted: AtomicU64,
    _room: [AtomicU64; 7],
}

fn descriptor_head(object: Offset) -> &'static DescriptorHead {
    // SAFETY: heads of this kind are real and atomics only.
    unsafe { arena::here().at(object) }
}

/// Which object a message in the mailbox belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Token {
    object: Offset,
    serial: u64,
}

impl Token {
    fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.object.to_ne_bytes());
        bytes[8..].copy_from_slice(&self.serial.to_ne_bytes());
        bytes
    }

    fn from_bytes(bytes: [u8; 16]) -> Self {
        let word = |from: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&bytes[from..from + 8]);
            u64::from_ne_bytes(eight)
        };
        Self {
            object: word(0),
            serial: word(8),
        }
    }
}

/// Puts a copy of a descriptor into the mailbox. It can be had by [`copy`] while anybody holds the handle.
pub fn post(descriptor: BorrowedFd<'_>) -> io::Result<Handle> {
    let handle = Handle::create(Kind::Descriptor, |object| {
        descriptor_head(object).posted.store(0, Ordering::Relaxed);
        Ok(())
    })
    .map_err(|error| {
        io::Error::from_raw_os_error(match error {
            ArenaError::Full | ArenaError::TooManyProcesses => libc::ENOMEM,
            ArenaError::System { errno, .. } => errno,
        })
    })?;
    let arena = arena::here();
    let [_, back] = mailbox(arena)?;
    arena.header().travelled.store(1, Ordering::SeqCst);
    let token = Token {
        object: handle.object(),
        serial: handle.serial(),
    };
    let head = descriptor_head(handle.object());
    let guard = arena.header().mail.lock(|| {});
    // Before it is there: whoever is killed now leaves an object that is looked for in vain.
    head.posted.store(1, Ordering::Release);
    step();
    let sent = send(back, token, descriptor.as_raw_fd());
    if sent.is_err() {
        head.posted.store(0, Ordering::Release);
    }
    drop(guard);
    sent.map(|()| handle)
}

/// A copy of the descriptor that a handle stands for.
pub fn copy(handle: &Handle) -> io::Result<OwnedFd> {
    let gone = || io::Error::from_raw_os_error(libc::EBADF);
    if handle.kind() != Kind::Descriptor {
        return Err(gone());
    }
    let token = Token {
        object: handle.object(),
        serial: handle.serial(),
    };
    let arena = arena::here();
    let _guard = arena.header().mail.lock(|| {});
    find(arena, token, false)?.ok_or_else(gone)
}

/// Whether descriptors have ever travelled in this tree of processes: then one that no process has open may still be
/// on its way to one.
pub(super) fn have_travelled() -> bool {
    arena::existing().is_some_and(|arena| arena.header().travelled.load(Ordering::SeqCst) != 0)
}

/// Notes that descriptors travel, by whatever way.
pub fn note_travel() {
    if let Some(arena) = arena::existing() {
        arena.header().travelled.store(1, Ordering::SeqCst);
    }
}

/// Takes the descriptor of an object that nobody names any more out of the mailbox.
pub(super) fn take_apart(object: Offset) {
    let arena = arena::here();
    let head = descriptor_head(object);
    if head.posted.load(Ordering::Acquire) == 0 {
        return;
    }
    let token = Token {
        object,
        serial: head.head.serial.load(Ordering::Relaxed),
    };
    let _guard = arena.header().mail.lock(|| {});
    // If it cannot be had for want of a descriptor, whoever comes by later throws it away.
    let _ = find(arena, token, true);
    head.posted.store(0, Ordering::Release);
}

fn mailbox(arena: &Arena) -> io::Result<[RawFd; 2]> {
    let ends = arena.mailbox();
    match ends.iter().all(|end| *end >= 0) {
        true => Ok(ends),
        false => Err(io::Error::from_raw_os_error(libc::EMFILE)),
    }
}

/// Looks for a message, and takes it out if it is to be removed. The mailbox's mutex is held.
fn find(arena: &Arena, wanted: Token, remove: bool) -> io::Result<Option<OwnedFd>> {
    let [front, back] = mailbox(arena)?;
    for _ in 0..MOST_LOOKS {
        let Some((token, descriptor)) = peek(front)? else {
            return Ok(None);
        };
        let found = token == wanted;
        if !(found && remove) && is_wanted(arena, token) {
            send(back, token, descriptor.as_raw_fd())?;
            step();
        }
        discard(front);
        if found {
            return Ok(Some(descriptor));
        }
    }
    Ok(None)
}

/// Whether the object of a message lives.
fn is_wanted(arena: &Arena, token: Token) -> bool {
    if !shared_slabs::is_head(arena, token.object)
        || shared_object::kind(arena, token.object) != Kind::Descriptor
    {
        return false;
    }
    let head = descriptor_head(token.object);
    head.head.serial.load(Ordering::Relaxed) == token.serial
        && head.posted.load(Ordering::Acquire) != 0
}

fn send(to: RawFd, token: Token, descriptor: RawFd) -> io::Result<()> {
    send_with(to, &token.to_bytes(), &[descriptor], libc::MSG_DONTWAIT).map(drop)
}

/// The first message and a copy of its descriptor, which both stay; nothing if there is none.
fn peek(from: RawFd) -> io::Result<Option<(Token, OwnedFd)>> {
    let mut bytes = [0; 16];
    let mut descriptors = Vec::new();
    let flags = libc::MSG_DONTWAIT | libc::MSG_PEEK;
    match receive_with(from, &mut bytes, &mut descriptors, flags) {
        Ok(_) => match descriptors.pop() {
            Some(descriptor) => Ok(Some((Token::from_bytes(bytes), descriptor))),
            None => Err(io::Error::from_raw_os_error(libc::EMFILE)),
        },
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// Throws the first message away.
fn discard(from: RawFd) {
    let mut bytes = [0_u8; 16];
    // SAFETY: the buffer is valid for its length. A descriptor that comes along is closed by the kernel.
    unsafe {
        libc::recv(
            from,
            bytes.as_mut_ptr().cast(),
            bytes.len(),
            libc::MSG_DONTWAIT,
        )
    };
}

/// The most descriptors that go with one message.
pub const MOST_DESCRIPTORS: usize = 253;

/// Bytes for what goes beside a message, aligned as the kernel wants it.
#[repr(C, align(8))]
struct Beside([u8; 1040]);

/// `sendmsg` with descriptors beside the bytes.
pub fn send_with(to: RawFd, bytes: &[u8], descriptors: &[RawFd], flags: i32) -> io::Result<usize> {
    if descriptors.len() > MOST_DESCRIPTORS {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    let mut beside = Beside([0; 1040]);
    let mut piece = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    let length = size_of_val(descriptors) as u32;
    // SAFETY: all zero is a valid message; the pieces live until the call returns, and the room beside is enough for
    // so many descriptors.
    let count = unsafe {
        let mut message = std::mem::zeroed::<libc::msghdr>();
        message.msg_iov = &mut piece;
        message.msg_iovlen = 1;
        if !descriptors.is_empty() {
            message.msg_control = beside.0.as_mut_ptr().cast();
            message.msg_controllen = libc::CMSG_SPACE(length) as _;
            let header = libc::CMSG_FIRSTHDR(&message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(length) as _;
            let data = libc::CMSG_DATA(header);
            std::ptr::copy_nonoverlapping(descriptors.as_ptr().cast(), data, length as usize);
        }
        libc::sendmsg(to, &message, flags | libc::MSG_NOSIGNAL)
    };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

/// `recvmsg`; the descriptors that came beside the bytes are added to `descriptors`.
pub fn receive_with(
    from: RawFd,
    bytes: &mut [u8],
    descriptors: &mut Vec<OwnedFd>,
    flags: i32,
) -> io::Result<usize> {
    let mut beside = Beside([0; 1040]);
    let mut piece = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: all zero is a valid message; the pieces live until the call returns. What the kernel has written beside
    // is read as it says, and each descriptor in it is new and nobody else's.
    unsafe {
        let mut message = std::mem::zeroed::<libc::msghdr>();
        message.msg_iov = &mut piece;
        message.msg_iovlen = 1;
        message.msg_control = beside.0.as_mut_ptr().cast();
        message.msg_controllen = beside.0.len() as _;
        let count = libc::recvmsg(from, &mut message, flags | libc::MSG_CMSG_CLOEXEC);
        let Ok(count) = usize::try_from(count) else {
            return Err(io::Error::last_os_error());
        };
        let mut header = libc::CMSG_FIRSTHDR(&message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS {
                let data = libc::CMSG_DATA(header);
                let length = (*header).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                for index in 0..length / size_of::<RawFd>() {
                    let number = data.cast::<RawFd>().add(index).read_unaligned();
                    descriptors.push(OwnedFd::from_raw_fd(number));
                }
            }
            header = libc::CMSG_NXTHDR(&message, header);
        }
        Ok(count)
    }
}

/// A pair of sockets that keeps messages apart, to be the mailbox; -1 twice if there are no descriptors to spare.
pub(super) fn make_mailbox() -> [RawFd; 2] {
    let mut ends = [-1; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: room for two descriptors.
    if unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) } != 0 {
        return [-1; 2];
    }
    ends
}
