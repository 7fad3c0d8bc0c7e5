//! `multiprocessing.Pipe` and `connection.Connection`: messages between two ends, over a pair of
//! sockets, or over a connection to another program. A message is its length, as Python's has it,
//! and its bytes.

pub mod address;
pub mod authentication;
mod listener;
pub mod travel;

use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use super::errors::{errors, raise};
use super::waiting::deadline;
use crate::eval::context::Context;
use crate::eval::{attribute, interrupt};
use crate::library::arguments::{self, Receiver, receiver};
use crate::library::exceptions::{from_io, os_error};
use crate::library::message::{self, Destination, Parcel, Programs};
use crate::library::methods::construct::class_argument;
use crate::library::methods::memoryview;
use crate::library::parameters::Parameters;
use crate::library::{define, native_object};
use crate::runtime::blocking::{Descriptor, Outcome as Waited, Reason, ReasonKind, Wait, blocking};
use crate::runtime::clock::Deadline;
use crate::runtime::shared_descriptor;
use crate::value::buffer::View;
use crate::value::class::Class;
use crate::value::exception::{ExceptionKind, Raised, type_error, value_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::{Outcome, Value, iterate, sequence, text};

/// So much is read for a message at a time: a length that lies must not take memory.
const PIECE: usize = 1 << 20;

/// What a connection object carries.
pub struct ConnectionObject {
    /// -1 when it is closed.
    fd: AtomicI32,
    /// Not any more after a message that was too long.
    readable: AtomicBool,
    writable: bool,
    /// Whether it is a socket of this machine, over which descriptors can be sent.
    local: bool,
    /// The inode of the other end, if it was made together with this one; otherwise 0.
    peer: u64,
    /// What the other end surely knows.
    receiver: message::Receiver,
}

impl NativeData for ConnectionObject {}

impl Receiver for ConnectionObject {
    const CLASS: &'static str = "Connection";

    fn of(value: &Value) -> Option<&Self> {
        value.as_instance()?.native::<Self>()
    }
}

impl Drop for ConnectionObject {
    fn drop(&mut self) {
        self.close_now();
    }
}

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("Connection");
        class.set(known().module, Value::str("multiprocessing.connection"));
        define::static_methods(&class, &[("__new__", new)]);
        define::methods(
            &class,
            &[
                ("send", send),
                ("recv", recv),
                ("send_bytes", send_bytes),
                ("recv_bytes", recv_bytes),
                ("recv_bytes_into", recv_bytes_into),
                ("poll", poll),
                ("fileno", fileno),
                ("close", close),
                ("__enter__", |_, args| {
                    Ok(args.values.first().cloned().unwrap_or_default())
                }),
                ("__exit__", |_, args| {
                    this(args, "__exit__")?.close_now();
                    Ok(Value::None)
                }),
            ],
        );
        define::properties(
            &class,
            &[
                ("closed", |_, args| {
                    Ok(Value::Bool(this(args, "closed")?.descriptor().is_none()))
                }),
                ("readable", |_, args| {
                    let readable = &this(args, "readable")?.readable;
                    Ok(Value::Bool(readable.load(Ordering::Relaxed)))
                }),
                ("writable", |_, args| {
                    Ok(Value::Bool(this(args, "writable")?.writable))
                }),
            ],
        );
        class
    })
}

/// The functions of `multiprocessing.connection`.
pub const FUNCTIONS: define::Entries<'_> = &[
    ("wait", wait),
    ("Pipe", pipe),
    ("Client", listener::client),
    ("deliver_challenge", |cx, args| {
        shake_hands(
            cx,
            args,
            "deliver_challenge",
            authentication::deliver_challenge,
        )
    }),
    ("answer_challenge", |cx, args| {
        shake_hands(
            cx,
            args,
            "answer_challenge",
            authentication::answer_challenge,
        )
    }),
];

/// One half of the handshake.
type Half = fn(&mut Context, &ConnectionObject, &[u8], Option<Deadline>) -> Outcome<()>;

fn shake_hands(cx: &mut Context, args: Args<'_>, name: &'static str, half: Half) -> Outcome<Value> {
    let bind = Parameters::<2>::function(name, ["connection", "authkey"]).required(2);
    let [connection, key] = bind.bind(args)?;
    let (connection, key) = (
        connection.unwrap_or(&Value::None),
        key.unwrap_or(&Value::None),
    );
    let Value::Bytes(key_bytes) = key.unwrapped() else {
        return Err(value_error(format!(
            "Authkey must be bytes, not <class '{}'>",
            key.type_name()
        )));
    };
    let Some(connection) = ConnectionObject::of(connection) else {
        return Err(type_error(format!(
            "a Connection is needed, not '{}'",
            connection.type_name()
        )));
    };
    half(cx, connection, key_bytes.get(), None)?;
    Ok(Value::None)
}

/// A connection over a descriptor.
pub fn from_descriptor(fd: OwnedFd) -> Value {
    native_object::instance(class(), ConnectionObject::over(fd))
}

fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a ConnectionObject> {
    Ok(receiver::<ConnectionObject>(args, method)?.0)
}

#[cold]
fn os_text(message: &str) -> Raised {
    Raised::new(ExceptionKind::OSError, message)
}

impl ConnectionObject {
    /// Both ways over a descriptor, to one who may know nothing.
    pub fn over(fd: OwnedFd) -> ConnectionObject {
        ConnectionObject {
            local: is_local(fd.as_raw_fd()),
            fd: AtomicI32::new(fd.into_raw_fd()),
            readable: AtomicBool::new(true),
            writable: true,
            peer: 0,
            receiver: message::Receiver::default(),
        }
    }

    fn descriptor(&self) -> Option<i32> {
        let fd = self.fd.load(Ordering::Relaxed);
        (fd >= 0).then_some(fd)
    }

    fn open(&self) -> Outcome<i32> {
        self.descriptor().ok_or_else(|| os_text("handle is closed"))
    }

    fn for_reading(&self) -> Outcome<i32> {
        let fd = self.open()?;
        match self.readable.load(Ordering::Relaxed) {
            true => Ok(fd),
            false => Err(os_text("connection is write-only")),
        }
    }

    fn for_writing(&self) -> Outcome<i32> {
        let fd = self.open()?;
        match self.writable {
            true => Ok(fd),
            false => Err(os_text("connection is read-only")),
        }
    }

    fn close_now(&self) {
        let fd = self.fd.swap(-1, Ordering::Relaxed);
        if fd >= 0 {
            // SAFETY: this object's own descriptor, which nobody gets from it any more.
            drop(unsafe { OwnedFd::from_raw_fd(fd) });
        }
    }

    /// Sends one message.
    ///
    /// # Errors
    /// `OSError`, or what an interrupt raises.
    pub fn write_message(&self, cx: &mut Context, body: &[u8]) -> Outcome<()> {
        self.write_with(cx, body, &[])
    }

    /// The same with descriptors beside it.
    fn write_with(&self, cx: &mut Context, body: &[u8], beside: &[OwnedFd]) -> Outcome<()> {
        let mut beside: Vec<i32> = beside.iter().map(AsRawFd::as_raw_fd).collect();
        let fd = self.for_writing()?;
        let mut bytes = Vec::with_capacity(body.len() + 12);
        match i32::try_from(body.len()) {
            Ok(length) => bytes.extend_from_slice(&length.to_be_bytes()),
            Err(_) => {
                bytes.extend_from_slice(&(-1i32).to_be_bytes());
                bytes.extend_from_slice(&(body.len() as u64).to_be_bytes());
            }
        }
        bytes.extend_from_slice(body);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let sent = match beside.is_empty() {
                true => transfer(|flags| {
                    // SAFETY: the buffer is valid for its length.
                    unsafe { libc::send(fd, rest.as_ptr().cast(), rest.len(), flags) }
                }),
                false => shared_descriptor::send_with(fd, rest, &beside, libc::MSG_DONTWAIT),
            };
            match sent {
                Ok(count) => {
                    // They are with the first byte.
                    beside.clear();
                    rest = &rest[count..];
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    let reason = Reason::new(ReasonKind::Write).about_peer(self.peer);
                    let mut list = [Descriptor::new(fd, libc::POLLOUT)];
                    wait_because(cx, &reason, &mut list, None)?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
                    interrupt::at_safepoint(cx)?;
                }
                Err(error) => return Err(from_io(&error, None)),
            }
        }
        Ok(())
    }

    /// Exactly so many bytes; `begun` says that a message has begun.
    fn read_exactly(
        &self,
        cx: &mut Context,
        length: usize,
        begun: bool,
        deadline: Option<Deadline>,
        beside: &mut Vec<OwnedFd>,
    ) -> Outcome<Vec<u8>> {
        let fd = self.for_reading()?;
        let mut bytes = Vec::new();
        while bytes.len() < length {
            let piece = (length - bytes.len()).min(PIECE);
            let from = bytes.len();
            bytes.resize(from + piece, 0u8);
            let room = &mut bytes[from..];
            let got = shared_descriptor::receive_with(fd, room, beside, libc::MSG_DONTWAIT);
            bytes.truncate(from + got.as_ref().copied().unwrap_or(0));
            match got {
                Ok(0) if bytes.is_empty() && !begun => {
                    return Err(Raised::with_args(ExceptionKind::EOFError, Vec::new()));
                }
                Ok(0) => return Err(os_text("got end of file during message")),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    let mut list = [Descriptor::new(fd, libc::POLLIN)];
                    let reason = Reason::new(ReasonKind::Read).about_peer(self.peer);
                    wait_because(cx, &reason, &mut list, deadline)?;
                    if list[0].ready == 0 && deadline.is_some_and(Deadline::has_passed) {
                        return Err(os_error(libc::ETIMEDOUT, None));
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
                    interrupt::at_safepoint(cx)?;
                }
                Err(error) => return Err(from_io(&error, None)),
            }
        }
        Ok(bytes)
    }

    /// The next message, which must not be longer than `most`.
    ///
    /// # Errors
    /// `EOFError` at the end, `OSError`, or what an interrupt raises.
    pub fn read_message(&self, cx: &mut Context, most: Option<usize>) -> Outcome<Vec<u8>> {
        self.read_message_until(cx, most, None)
    }

    /// The next message and what came beside it.
    fn read_with(&self, cx: &mut Context) -> Outcome<(Vec<u8>, Vec<OwnedFd>)> {
        let mut beside = Vec::new();
        let bytes = self.read_into(cx, None, None, &mut beside)?;
        Ok((bytes, beside))
    }

    /// The same until a deadline.
    ///
    /// # Errors
    /// As [`ConnectionObject::read_message`]; `TimeoutError`.
    pub fn read_message_until(
        &self,
        cx: &mut Context,
        most: Option<usize>,
        deadline: Option<Deadline>,
    ) -> Outcome<Vec<u8>> {
        self.read_into(cx, most, deadline, &mut Vec::new())
    }

    fn read_into(
        &self,
        cx: &mut Context,
        most: Option<usize>,
        deadline: Option<Deadline>,
        beside: &mut Vec<OwnedFd>,
    ) -> Outcome<Vec<u8>> {
        let head = self.read_exactly(cx, 4, false, deadline, beside)?;
        let short = i32::from_be_bytes(head.try_into().unwrap_or_default());
        let length = match usize::try_from(short) {
            Ok(length) => length,
            Err(_) => {
                let long = self.read_exactly(cx, 8, true, deadline, beside)?;
                let long = u64::from_be_bytes(long.try_into().unwrap_or_default());
                usize::try_from(long).unwrap_or(usize::MAX)
            }
        };
        if most.is_some_and(|most| length > most) {
            // What follows would be taken for messages.
            match self.writable {
                true => self.readable.store(false, Ordering::Relaxed),
                false => self.close_now(),
            }
            return Err(os_text("bad message length"));
        }
        self.read_exactly(cx, length, true, deadline, beside)
    }
}

/// Whether a descriptor is a socket between processes of this machine.
fn is_local(fd: i32) -> bool {
    let mut domain: libc::c_int = 0;
    let mut size = size_of::<libc::c_int>() as libc::socklen_t;
    let place = std::ptr::from_mut(&mut domain).cast();
    // SAFETY: a place for the answer, and its size.
    let known =
        unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_DOMAIN, place, &mut size) } == 0;
    known && domain == libc::AF_UNIX
}

/// One call that never waits and never raises a signal.
fn transfer(call: impl FnOnce(i32) -> isize) -> std::io::Result<usize> {
    let count = call(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL);
    usize::try_from(count).map_err(|_| std::io::Error::last_os_error())
}

fn new(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const NEW: Parameters<3> = Parameters::method(
        "_ConnectionBase.__init__",
        ["handle", "readable", "writable"],
    )
    .required(1);
    let (class, args) = class_argument(class(), args)?;
    let [handle, readable, writable] = NEW.bind(args)?;
    let fd = arguments::integer32(cx, handle.unwrap_or(&Value::None))?;
    let readable = arguments::flag(cx, readable, true)?;
    let writable = arguments::flag(cx, writable, true)?;
    if fd < 0 {
        return Err(value_error("invalid handle"));
    }
    if !readable && !writable {
        return Err(value_error(
            "at least one of `readable` and `writable` must be True",
        ));
    }
    Ok(native_object::instance(
        class,
        ConnectionObject {
            fd: AtomicI32::new(fd),
            readable: AtomicBool::new(readable),
            writable,
            local: is_local(fd),
            peer: 0,
            receiver: message::Receiver::default(),
        },
    ))
}

/// `Pipe(duplex=True)`: two connections.
pub fn pipe(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const PIPE: Parameters<1> = Parameters::method("BaseContext.Pipe", ["duplex"]);
    let [duplex] = PIPE.bind(args)?;
    let duplex = arguments::flag(cx, duplex, true)?;
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors.
    let made = unsafe {
        libc::socketpair(
            libc::AF_UNIX,
            libc::SOCK_STREAM | libc::SOCK_CLOEXEC,
            0,
            ends.as_mut_ptr(),
        )
    };
    if made != 0 {
        return Err(from_io(&std::io::Error::last_os_error(), None));
    }
    let receiver = message::Receiver {
        baseline: cx.session.extensions.get::<Programs>().baseline(),
    };
    let inode = |fd: i32| {
        // SAFETY: all zero is a valid `stat`, which the call fills in for a descriptor of ours.
        let mut stat = unsafe { std::mem::zeroed::<libc::stat>() };
        // SAFETY: as above.
        match unsafe { libc::fstat(fd, &mut stat) } {
            0 => stat.st_ino,
            _ => 0,
        }
    };
    let inodes = ends.map(inode);
    let end = |fd: i32, readable, writable| {
        let peer = if fd == ends[0] { inodes[1] } else { inodes[0] };
        // SAFETY: made just now, and owned by the object from here on.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let object = ConnectionObject {
            fd: AtomicI32::new(fd.into_raw_fd()),
            readable: AtomicBool::new(readable),
            writable,
            local: true,
            peer,
            receiver,
        };
        native_object::instance(class(), object)
    };
    Ok(Value::tuple(match duplex {
        true => vec![end(ends[0], true, true), end(ends[1], true, true)],
        false => vec![end(ends[0], true, false), end(ends[1], false, true)],
    }))
}

fn send(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const SEND: Parameters<1> = Parameters::method("_ConnectionBase.send", ["obj"]).required(1);
    let (connection, rest) = receiver::<ConnectionObject>(args, "send")?;
    let [value] = SEND.bind(rest)?;
    connection.for_writing()?;
    let mut parcel = Parcel::default();
    if connection.local {
        parcel.destination = Destination::Socket;
    }
    let value = value.unwrap_or(&Value::None);
    let bytes = message::encode_into(cx, value, connection.receiver, &mut parcel)?;
    connection.write_with(cx, &bytes, &parcel.descriptors)?;
    Ok(Value::None)
}

fn recv(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const RECV: Parameters<0> = Parameters::method("_ConnectionBase.recv", []);
    let (connection, rest) = receiver::<ConnectionObject>(args, "recv")?;
    RECV.bind(rest)?;
    let (bytes, beside) = connection.read_with(cx)?;
    message::decode_with(cx, &bytes, beside)
}

fn send_bytes(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const SEND: Parameters<3> =
        Parameters::method("_ConnectionBase.send_bytes", ["buf", "offset", "size"]).required(1);
    let (connection, rest) = receiver::<ConnectionObject>(args, "send_bytes")?;
    let [buffer, offset, size] = SEND.bind(rest)?;
    connection.for_writing()?;
    let buffer = buffer.unwrap_or(&Value::None);
    let Some(bytes) = sequence::bytes_like(buffer) else {
        return Err(type_error(format!(
            "memoryview: a bytes-like object is required, not '{}'",
            buffer.type_name()
        )));
    };
    let offset = match offset {
        Some(offset) => arguments::integer(cx, offset)?,
        None => 0,
    };
    let Ok(offset) = usize::try_from(offset) else {
        return Err(value_error("offset is negative"));
    };
    if bytes.len() < offset {
        return Err(value_error("buffer length < offset"));
    }
    let size = match size {
        None | Some(Value::None) => bytes.len() - offset,
        Some(size) => match usize::try_from(arguments::integer(cx, size)?) {
            Ok(size) if size <= bytes.len() - offset => size,
            Ok(_) => return Err(value_error("buffer length < offset + size")),
            Err(_) => return Err(value_error("size is negative")),
        },
    };
    let piece = bytes[offset..offset + size].to_vec();
    connection.write_message(cx, &piece)?;
    Ok(Value::None)
}

fn recv_bytes(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const RECV: Parameters<1> = Parameters::method("_ConnectionBase.recv_bytes", ["maxlength"]);
    let (connection, rest) = receiver::<ConnectionObject>(args, "recv_bytes")?;
    let [most] = RECV.bind(rest)?;
    connection.for_reading()?;
    let most = match most {
        None | Some(Value::None) => None,
        Some(most) => match usize::try_from(arguments::integer(cx, most)?) {
            Ok(most) => Some(most),
            Err(_) => return Err(value_error("negative maxlength")),
        },
    };
    Ok(Value::bytes(connection.read_message(cx, most)?))
}

fn recv_bytes_into(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const RECV: Parameters<2> =
        Parameters::method("_ConnectionBase.recv_bytes_into", ["buf", "offset"]).required(1);
    let (connection, rest) = receiver::<ConnectionObject>(args, "recv_bytes_into")?;
    let [buffer, offset] = RECV.bind(rest)?;
    connection.for_reading()?;
    let target = memoryview::of(buffer.unwrap_or(&Value::None))?;
    let view = target.as_instance().and_then(|view| view.native::<View>());
    let Some(view) = view else {
        return Err(type_error("a bytes-like object is required"));
    };
    let offset = match offset {
        Some(offset) => arguments::integer(cx, offset)?,
        None => 0,
    };
    let Ok(offset) = usize::try_from(offset) else {
        return Err(value_error("negative offset"));
    };
    if offset > view.size() {
        return Err(value_error("offset too large"));
    }
    let bytes = connection.read_message(cx, None)?;
    if view.size() < offset + bytes.len() {
        let raised = raise(&errors().buffer_too_short, None);
        if let Some(data) = raised.data() {
            data.set_args(vec![Value::bytes(bytes)]);
        }
        return Err(raised);
    }
    if view.read_only {
        return Err(type_error("cannot modify read-only memory"));
    }
    if let Some(source) = view.source()
        && view.is_contiguous()
    {
        source.write(view.start + offset, &bytes);
    } else if let Some(source) = view.source() {
        for (index, byte) in bytes.iter().enumerate() {
            let at = offset + index;
            let place = view.offset(at / view.item_size) + at % view.item_size;
            source.write(place, std::slice::from_ref(byte));
        }
    }
    Ok(Value::size(bytes.len()))
}

fn poll(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const POLL: Parameters<1> = Parameters::method("_ConnectionBase.poll", ["timeout"]);
    let (connection, rest) = receiver::<ConnectionObject>(args, "poll")?;
    let [timeout] = POLL.bind(rest)?;
    let fd = connection.for_reading()?;
    let deadline = match timeout {
        None => Some(Deadline::now()),
        some => deadline(cx, some)?,
    };
    let mut list = [Descriptor::new(fd, libc::POLLIN)];
    let reason = Reason::new(ReasonKind::Read).about_peer(connection.peer);
    wait_because(cx, &reason, &mut list, deadline)?;
    Ok(Value::Bool(list[0].ready != 0))
}

/// Waits until one of the descriptors is ready, serving interrupts.
fn wait_because(
    cx: &mut Context,
    reason: &Reason,
    list: &mut [Descriptor],
    deadline: Option<Deadline>,
) -> Outcome<()> {
    cx.note_place();
    loop {
        let thread = cx.thread.clone();
        match blocking(&thread, reason, deadline, Wait::Descriptors(list)) {
            Waited::Woken | Waited::TimedOut => return Ok(()),
            Waited::Interrupted(_) => interrupt::at_safepoint(cx)?,
        }
    }
}

fn fileno(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(Value::Int(this(args, "fileno")?.open()?.into()))
}

fn close(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    this(args, "close")?.close_now();
    Ok(Value::None)
}

/// `wait(object_list, timeout=None)`: those that are ready.
fn wait(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const WAIT: Parameters<2> =
        Parameters::function("wait", ["object_list", "timeout"]).required(1);
    let [objects, timeout] = WAIT.bind(args)?;
    let objects = iterate::collect(cx, objects.unwrap_or(&Value::None))?;
    let deadline = deadline(cx, timeout)?;
    let mut list = Vec::with_capacity(objects.len());
    let mut peers = Vec::with_capacity(objects.len());
    for object in &objects {
        let mut peer = 0;
        let fd = match object {
            Value::Int(_) => arguments::integer32(cx, object)?,
            other => match ConnectionObject::of(other) {
                Some(connection) => {
                    peer = connection.peer;
                    connection.open()?
                }
                None => {
                    let Some(method) = attribute::find(cx, other, Name::new("fileno"))? else {
                        let shown = text::repr(cx, other)?;
                        return Err(value_error(format!("Invalid file object: {shown}")));
                    };
                    let fd = cx.call(&method, &[])?;
                    arguments::integer32(cx, &fd)?
                }
            },
        };
        list.push(Descriptor::new(fd, libc::POLLIN));
        peers.push(peer);
    }
    let reason = Reason::new(ReasonKind::Read).about_peers(peers.into());
    wait_because(cx, &reason, &mut list, deadline)?;
    let ready = objects
        .into_iter()
        .zip(&list)
        .filter(|(_, descriptor)| descriptor.ready != 0)
        .map(|(object, _)| object);
    Ok(Value::list(ready.collect()))
}

/// `multiprocessing.connection`.
///
/// # Errors
/// None today.
pub fn make(_: &mut Context) -> Outcome<Ref<crate::eval::module::Module>> {
    let module = crate::library::modules::with_functions("multiprocessing.connection", FUNCTIONS);
    let errors = errors();
    for (name, class) in [
        ("Connection", class()),
        ("Listener", listener::class()),
        ("AuthenticationError", &errors.authentication),
        ("BufferTooShort", &errors.buffer_too_short),
    ] {
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    Ok(module)
}
