//! `_socket`: the calls of the system about sockets, for the module `socket`, which is written in conc. All sockets
//! are non-blocking underneath; whoever must wait waits at the one door.

use std::io;
use std::mem::size_of;

use super::select::wait_for_descriptors;
use super::socket_address::{
    Address, address, address_information, address_of_text, host_name, name_information,
    service_port, text_of_address,
};
use super::socket_owner::owner_class;
use super::with_functions;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::eval::module::Module;
use crate::library::arguments;
use crate::library::define::Entries;
use crate::library::exceptions::{from_io, os_error};
use crate::library::modules::threading::timeout;
use crate::runtime::blocking::{Descriptor, ReasonKind};
use crate::runtime::clock::Deadline;
use crate::value::exception::{ExceptionKind, Raised, type_error};
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::room::with_room;
use crate::value::{Outcome, Value, sequence};

const FUNCTIONS: Entries<'_> = &[
    ("accept", accept),
    ("bind", bind),
    ("connect", connect),
    ("create", create),
    ("getaddrinfo", address_information),
    ("gethostname", host_name),
    ("getnameinfo", name_information),
    ("getpeername", |cx, args| name_of(cx, args, true)),
    ("getservbyname", service_port),
    ("getsockname", |cx, args| name_of(cx, args, false)),
    ("getsockopt", option),
    ("inet_ntop", text_of_address),
    ("inet_pton", address_of_text),
    ("listen", listen),
    ("pair", pair),
    ("recv", receive),
    ("recvfrom", receive_from),
    ("send", send),
    ("sendto", send_to),
    ("setsockopt", set_option),
    ("shutdown", shutdown),
];

macro_rules! numbers {
    ($($name:ident)*) => {
        const NUMBERS: &[(&str, i64)] = &[$((stringify!($name), libc::$name as i64),)*];
    };
}

numbers! {
    AF_UNIX AF_INET AF_INET6 AF_UNSPEC AF_NETLINK AF_PACKET
    SOCK_STREAM SOCK_DGRAM SOCK_RAW SOCK_SEQPACKET SOCK_RDM SOCK_NONBLOCK SOCK_CLOEXEC
    SOL_SOCKET SOL_TCP SOL_UDP
    SO_REUSEADDR SO_REUSEPORT SO_KEEPALIVE SO_BROADCAST SO_LINGER SO_RCVBUF SO_SNDBUF SO_RCVTIMEO SO_SNDTIMEO
    SO_ERROR SO_TYPE SO_OOBINLINE SO_DONTROUTE SO_DEBUG SO_RCVLOWAT SO_SNDLOWAT SO_ACCEPTCONN SO_PEERCRED
    SO_PASSCRED SO_PROTOCOL SO_DOMAIN SO_BINDTODEVICE SO_PRIORITY SO_MARK
    TCP_NODELAY TCP_KEEPIDLE TCP_KEEPINTVL TCP_KEEPCNT TCP_MAXSEG TCP_CORK TCP_DEFER_ACCEPT TCP_QUICKACK
    TCP_USER_TIMEOUT TCP_FASTOPEN TCP_SYNCNT TCP_LINGER2 TCP_WINDOW_CLAMP TCP_INFO TCP_CONGESTION
    IPPROTO_IP IPPROTO_TCP IPPROTO_UDP IPPROTO_ICMP IPPROTO_IPV6 IPPROTO_RAW IPPROTO_ICMPV6
    IP_TTL IP_TOS IP_ADD_MEMBERSHIP IP_DROP_MEMBERSHIP IP_MULTICAST_TTL IP_MULTICAST_LOOP IP_MULTICAST_IF IP_HDRINCL
    IPV6_V6ONLY IPV6_UNICAST_HOPS IPV6_MULTICAST_HOPS IPV6_MULTICAST_IF IPV6_MULTICAST_LOOP
    MSG_PEEK MSG_OOB MSG_WAITALL MSG_DONTWAIT MSG_NOSIGNAL MSG_TRUNC MSG_DONTROUTE MSG_MORE MSG_EOR MSG_CTRUNC
    SHUT_RD SHUT_WR SHUT_RDWR SOMAXCONN
    AI_PASSIVE AI_CANONNAME AI_NUMERICHOST AI_NUMERICSERV AI_ALL AI_V4MAPPED AI_ADDRCONFIG
    NI_NUMERICHOST NI_NUMERICSERV NI_NAMEREQD NI_DGRAM NI_NOFQDN NI_MAXHOST
    EAI_AGAIN EAI_BADFLAGS EAI_FAIL EAI_FAMILY EAI_MEMORY EAI_NODATA EAI_NONAME EAI_SERVICE EAI_SOCKTYPE EAI_SYSTEM
    EAI_OVERFLOW
}

/// Makes the module.
pub(super) fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("_socket", FUNCTIONS);
    module.set(Name::new("Owner"), Value::Class(owner_class().clone()));
    for &(name, number) in NUMBERS {
        module.set(Name::new(name), Value::Int(number));
    }
    Ok(module)
}

pub(super) fn last_error() -> Raised {
    from_io(&io::Error::last_os_error(), None)
}

pub(super) fn checked(result: i32) -> Outcome<i32> {
    match result {
        ..0 => Err(last_error()),
        result => Ok(result),
    }
}

fn create(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [family, kind, protocol] = arguments::exactly("create", args)?;
    let family = arguments::integer32(cx, family)?;
    let kind = arguments::integer32(cx, kind)?;
    let protocol = arguments::integer32(cx, protocol)?;
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: plain call.
    let fd = checked(unsafe { libc::socket(family, kind | flags, protocol) })?;
    Ok(Value::Int(fd.into()))
}

fn pair(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [family, kind, protocol] = arguments::exactly("pair", args)?;
    let family = arguments::integer32(cx, family)?;
    let kind = arguments::integer32(cx, kind)?;
    let protocol = arguments::integer32(cx, protocol)?;
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors.
    checked(unsafe { libc::socketpair(family, kind | flags, protocol, ends.as_mut_ptr()) })?;
    let [a, b] = ends;
    Ok(Value::tuple_of([
        Value::Int(a.into()),
        Value::Int(b.into()),
    ]))
}

/// How long an operation may wait.
enum Patience {
    /// Not at all.
    None,
    Until(Option<Deadline>),
}

/// A timeout as sockets have it: `None` for ever, 0 not at all.
fn patience(cx: &mut Context, value: &Value) -> Outcome<Patience> {
    Ok(match timeout::deadline(cx, Some(value))? {
        None => Patience::Until(None),
        Some(_) if matches!(value.unwrapped(), Value::Int(0)) => Patience::None,
        Some(_) if matches!(value.unwrapped(), Value::Float(seconds) if *seconds == 0.0) => {
            Patience::None
        }
        Some(deadline) => Patience::Until(Some(deadline)),
    })
}

/// Repeats a call of the system until it neither would have to wait nor was interrupted.
fn retry(
    cx: &mut Context,
    fd: i32,
    events: i16,
    patience: &Patience,
    mut call: impl FnMut() -> isize,
) -> Outcome<usize> {
    loop {
        let result = call();
        if let Ok(result) = usize::try_from(result) {
            return Ok(result);
        }
        let code = io::Error::last_os_error().raw_os_error().unwrap_or(0);
        match (code, patience) {
            (libc::EINTR, _) => interrupt::at_safepoint(cx)?,
            (libc::EAGAIN, Patience::Until(deadline)) => {
                wait_ready(cx, fd, events, *deadline)?;
            }
            _ => return Err(os_error(code, None)),
        }
    }
}

fn wait_ready(cx: &mut Context, fd: i32, events: i16, deadline: Option<Deadline>) -> Outcome<()> {
    let kind = match events {
        libc::POLLOUT => ReasonKind::Write,
        _ => ReasonKind::Read,
    };
    let mut list = [Descriptor::new(fd, events)];
    match wait_for_descriptors(cx, &mut list, deadline, kind)? {
        true => Ok(()),
        false => Err(Raised::new(ExceptionKind::TimeoutError, "timed out")),
    }
}

fn accept(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, limit] = arguments::exactly("accept", args)?;
    let fd = arguments::integer32(cx, fd)?;
    let patience = patience(cx, limit)?;
    let mut address = Address::empty();
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    let accepted = retry(cx, fd, libc::POLLIN, &patience, || {
        address = Address::empty();
        // SAFETY: a valid place with its length.
        let result =
            unsafe { libc::accept4(fd, address.pointer_mut(), &mut address.length, flags) };
        result as isize
    })?;
    Ok(Value::tuple_of([Value::size(accepted), address.value()]))
}

fn bind(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, family, given] = arguments::exactly("bind", args)?;
    let fd = arguments::integer32(cx, fd)?;
    let family = arguments::integer32(cx, family)?;
    let address = address(cx, family, given, "bind")?;
    // SAFETY: a valid address of this length.
    checked(unsafe { libc::bind(fd, address.pointer(), address.length) })?;
    Ok(Value::None)
}

fn listen(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, backlog] = arguments::exactly("listen", args)?;
    let fd = arguments::integer32(cx, fd)?;
    let backlog = arguments::integer32(cx, backlog)?.max(0);
    // SAFETY: plain call.
    checked(unsafe { libc::listen(fd, backlog) })?;
    Ok(Value::None)
}

/// Connects; the error's number, 0 for none.
fn connect(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, family, given, limit] = arguments::exactly("connect", args)?;
    let fd = arguments::integer32(cx, fd)?;
    let family = arguments::integer32(cx, family)?;
    let address = address(cx, family, given, "connect")?;
    let patience = patience(cx, limit)?;
    loop {
        // SAFETY: a valid address of this length.
        if unsafe { libc::connect(fd, address.pointer(), address.length) } == 0 {
            return Ok(Value::Int(0));
        }
        let code = io::Error::last_os_error().raw_os_error().unwrap_or(0);
        match (code, &patience) {
            (libc::EINTR | libc::EINPROGRESS, Patience::Until(deadline)) => {
                wait_ready(cx, fd, libc::POLLOUT, *deadline)?;
                let code = socket_error(fd)?;
                return Ok(Value::Int(code.into()));
            }
            // The queue of a local socket is full; no descriptor says when it is not.
            (libc::EAGAIN, Patience::Until(deadline)) => {
                if deadline.is_some_and(Deadline::has_passed) {
                    return Err(Raised::new(ExceptionKind::TimeoutError, "timed out"));
                }
                let thread = cx.thread.clone();
                let slice = Deadline::after(std::time::Duration::from_millis(2));
                let _ = crate::runtime::blocking::sleep_until(&thread, slice);
                interrupt::at_safepoint(cx)?;
            }
            _ => return Ok(Value::Int(code.into())),
        }
    }
}

fn socket_error(fd: i32) -> Outcome<i32> {
    let mut code: i32 = 0;
    let mut length = size_of::<i32>() as libc::socklen_t;
    // SAFETY: a valid place with its length.
    checked(unsafe {
        libc::getsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_ERROR,
            (&raw mut code).cast(),
            &mut length,
        )
    })?;
    Ok(code)
}

fn name_of(cx: &mut Context, args: Args<'_>, peer: bool) -> Outcome<Value> {
    let fd = arguments::one("getsockname", args)?;
    let fd = arguments::integer32(cx, fd)?;
    let mut address = Address::empty();
    // SAFETY: a valid place with its length.
    checked(unsafe {
        match peer {
            true => libc::getpeername(fd, address.pointer_mut(), &mut address.length),
            false => libc::getsockname(fd, address.pointer_mut(), &mut address.length),
        }
    })?;
    Ok(address.value())
}

fn buffer(cx: &mut Context, length: &Value) -> Outcome<Vec<u8>> {
    let length = arguments::integer(cx, length)?;
    let Ok(length) = usize::try_from(length) else {
        return Err(crate::value::exception::value_error(
            "negative buffersize in recv",
        ));
    };
    with_room(length)
}

fn receive(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, length, flags, limit] = arguments::exactly("recv", args)?;
    let fd = arguments::integer32(cx, fd)?;
    let mut bytes = buffer(cx, length)?;
    let flags = arguments::integer32(cx, flags)?;
    let patience = patience(cx, limit)?;
    let room = bytes.capacity();
    let place = bytes.spare_capacity_mut().as_mut_ptr();
    let count = retry(cx, fd, libc::POLLIN, &patience, || {
        // SAFETY: the vector has that much room.
        unsafe { libc::recv(fd, place.cast(), room, flags) }
    })?;
    // SAFETY: the system wrote so many; with MSG_TRUNC it may count more.
    unsafe { bytes.set_len(count.min(room)) };
    bytes.shrink_to_fit();
    Ok(Value::bytes(bytes))
}

fn receive_from(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, length, flags, limit] = arguments::exactly("recvfrom", args)?;
    let fd = arguments::integer32(cx, fd)?;
    let mut bytes = buffer(cx, length)?;
    let flags = arguments::integer32(cx, flags)?;
    let patience = patience(cx, limit)?;
    let room = bytes.capacity();
    let place = bytes.spare_capacity_mut().as_mut_ptr();
    let mut address = Address::empty();
    let count = retry(cx, fd, libc::POLLIN, &patience, || {
        address = Address::empty();
        // SAFETY: the vector has that much room, and the address its length.
        unsafe {
            libc::recvfrom(
                fd,
                place.cast(),
                room,
                flags,
                address.pointer_mut(),
                &mut address.length,
            )
        }
    })?;
    // SAFETY: as in `receive`.
    unsafe { bytes.set_len(count.min(room)) };
    bytes.shrink_to_fit();
    let from = match address.length {
        0 => Value::None,
        _ => address.value(),
    };
    Ok(Value::tuple_of([Value::bytes(bytes), from]))
}

pub(super) fn bytes_argument(value: &Value) -> Outcome<Vec<u8>> {
    match sequence::bytes_like(value) {
        Some(bytes) => Ok(bytes.into_owned()),
        None => Err(type_error(format!(
            "a bytes-like object is required, not '{}'",
            value.type_name()
        ))),
    }
}

/// Sends bytes; all of them if asked for. How many were sent.
fn send(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, bytes, flags, limit, all] = arguments::exactly("send", args)?;
    let fd = arguments::integer32(cx, fd)?;
    let bytes = bytes_argument(bytes)?;
    let flags = arguments::integer32(cx, flags)? | libc::MSG_NOSIGNAL;
    let patience = patience(cx, limit)?;
    let all = arguments::truth(cx, all)?;
    let mut sent = 0;
    loop {
        let rest = &bytes[sent..];
        sent += retry(cx, fd, libc::POLLOUT, &patience, || {
            // SAFETY: the slice is valid for its length.
            unsafe { libc::send(fd, rest.as_ptr().cast(), rest.len(), flags) }
        })?;
        if !all || sent >= bytes.len() {
            return Ok(Value::size(sent));
        }
        cx.safepoint()?;
    }
}

fn send_to(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, family, bytes, flags, given, limit] = arguments::exactly("sendto", args)?;
    let fd = arguments::integer32(cx, fd)?;
    let family = arguments::integer32(cx, family)?;
    let bytes = bytes_argument(bytes)?;
    let flags = arguments::integer32(cx, flags)? | libc::MSG_NOSIGNAL;
    let address = address(cx, family, given, "sendto")?;
    let patience = patience(cx, limit)?;
    let count = retry(cx, fd, libc::POLLOUT, &patience, || {
        // SAFETY: valid for these lengths.
        unsafe {
            libc::sendto(
                fd,
                bytes.as_ptr().cast(),
                bytes.len(),
                flags,
                address.pointer(),
                address.length,
            )
        }
    })?;
    Ok(Value::size(count))
}

fn set_option(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, level, name, value] = arguments::exactly("setsockopt", args)?;
    let fd = arguments::integer32(cx, fd)?;
    let level = arguments::integer32(cx, level)?;
    let name = arguments::integer32(cx, name)?;
    let bytes = match sequence::bytes_like(value) {
        Some(bytes) => bytes.into_owned(),
        None => arguments::integer32(cx, value)?.to_ne_bytes().to_vec(),
    };
    // SAFETY: valid for its length.
    checked(unsafe {
        libc::setsockopt(
            fd,
            level,
            name,
            bytes.as_ptr().cast(),
            bytes.len() as libc::socklen_t,
        )
    })?;
    Ok(Value::None)
}

/// An option as a number, or as so many bytes.
fn option(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, level, name, length] = arguments::exactly("getsockopt", args)?;
    let fd = arguments::integer32(cx, fd)?;
    let level = arguments::integer32(cx, level)?;
    let name = arguments::integer32(cx, name)?;
    let wanted = arguments::integer(cx, length)?;
    if !(0..=1024).contains(&wanted) {
        return Err(Raised::new(
            ExceptionKind::OSError,
            "getsockopt buflen out of range",
        ));
    }
    let mut bytes = vec![0u8; if wanted == 0 { 4 } else { wanted as usize }];
    let mut length = bytes.len() as libc::socklen_t;
    // SAFETY: valid for its length.
    checked(unsafe { libc::getsockopt(fd, level, name, bytes.as_mut_ptr().cast(), &mut length) })?;
    bytes.truncate(length as usize);
    Ok(match <[u8; 4]>::try_from(&bytes[..]) {
        Ok(number) if wanted == 0 => Value::Int(i32::from_ne_bytes(number).into()),
        _ => Value::bytes(bytes),
    })
}

fn shutdown(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, how] = arguments::exactly("shutdown", args)?;
    let fd = arguments::integer32(cx, fd)?;
    let how = arguments::integer32(cx, how)?;
    // SAFETY: plain call.
    checked(unsafe { libc::shutdown(fd, how) })?;
    Ok(Value::None)
}
