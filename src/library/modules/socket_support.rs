//! `_socket`: the calls of the system about sockets, for the module `socket`, which is written in conc. All sockets
//! are non-blocking underneath; whoever must wait waits at the one door. Addresses are translated here.

use std::any::Any;
use std::ffi::CString;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

use super::select::wait_for_descriptors;
use super::with_functions;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::eval::module::Module;
use crate::library::define::{self, Entries};
use crate::library::exceptions::{from_io, os_error};
use crate::library::modules::threading::timeout;
use crate::library::paths;
use crate::library::{arguments, native_object};
use crate::runtime::blocking::{Descriptor, ReasonKind};
use crate::runtime::clock::Deadline;
use crate::value::class::{Class, Layout};
use crate::value::exception::{ExceptionKind, Raised, overflow_error, type_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::reclaim::Resource;
use crate::value::types::types;
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

/// The descriptor of a socket: it is closed when nobody has it any more, as Python closes sockets
/// that were forgotten.
struct Owner {
    fd: AtomicI32,
    /// The other side waits for it to go.
    _resource: Resource,
}

impl NativeData for Owner {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let fd = *self.fd.get_mut();
        if fd >= 0 {
            // SAFETY: it is this object's, and nobody closed it.
            unsafe { libc::close(fd) };
        }
    }
}

fn owner_class() -> &'static Ref<Class> {
    const NAME: &str = "Owner";
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::builtin(
            "_socket.Owner",
            Some(&types().object),
            Layout::Native("_socket.Owner"),
        );
        define::static_methods(
            &class,
            &[("__new__", |cx, args| {
                let [_, fd] = arguments::exactly(NAME, args)?;
                let fd = arguments::integer32(cx, fd)?;
                let fd = AtomicI32::new(fd);
                Ok(native_object::instance(
                    owner_class(),
                    Owner {
                        fd,
                        _resource: Resource::new(),
                    },
                ))
            })],
        );
        define::getters(
            &class,
            &[("fd", |_, args| {
                let (owner, _): (&Owner, _) = native_object::receiver(args, NAME, "fd")?;
                Ok(Value::Int(owner.fd.load(Ordering::Relaxed).into()))
            })],
        );
        define::methods(
            &class,
            &[("release", |_, args| {
                let (owner, _): (&Owner, _) = native_object::receiver(args, NAME, "release")?;
                Ok(Value::Int(owner.fd.swap(-1, Ordering::Relaxed).into()))
            })],
        );
        class
    })
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

fn last_error() -> Raised {
    from_io(&io::Error::last_os_error(), None)
}

fn checked(result: i32) -> Outcome<i32> {
    match result {
        ..0 => Err(last_error()),
        result => Ok(result),
    }
}

/// What a failed look up of a name says: number and text, from which the module makes its exception.
fn look_up_failed(code: i32) -> Raised {
    // SAFETY: the C library's own text for the number.
    let text = unsafe { std::ffi::CStr::from_ptr(libc::gai_strerror(code)) };
    Raised::with_args(
        ExceptionKind::LookupError,
        vec![
            Value::Int(code.into()),
            Value::str(text.to_string_lossy().into_owned()),
        ],
    )
}

/// An address as the system takes it.
struct Address {
    storage: libc::sockaddr_storage,
    length: libc::socklen_t,
}

impl Address {
    fn empty() -> Address {
        Address {
            // SAFETY: all zero is a valid address of no family.
            storage: unsafe { MaybeUninit::zeroed().assume_init() },
            length: size_of::<libc::sockaddr_storage>() as libc::socklen_t,
        }
    }

    /// From one of the structures for a family.
    fn of<T: Copy>(address: T, length: usize) -> Address {
        let mut made = Address::empty();
        // SAFETY: the storage is made to hold any of these structures.
        unsafe { std::ptr::write((&raw mut made.storage).cast::<T>(), address) };
        made.length = length as libc::socklen_t;
        made
    }

    fn pointer(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }

    fn pointer_mut(&mut self) -> *mut libc::sockaddr {
        (&raw mut self.storage).cast()
    }

    /// As scripts see it.
    fn value(&self) -> Value {
        match i32::from(self.storage.ss_family) {
            libc::AF_INET => {
                // SAFETY: the family says what it is.
                let address = unsafe { *self.pointer().cast::<libc::sockaddr_in>() };
                let host = Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr));
                Value::tuple(vec![
                    Value::from(host.to_string()),
                    Value::Int(u16::from_be(address.sin_port).into()),
                ])
            }
            libc::AF_INET6 => {
                // SAFETY: as above.
                let address = unsafe { *self.pointer().cast::<libc::sockaddr_in6>() };
                let host = Ipv6Addr::from(address.sin6_addr.s6_addr);
                Value::tuple(vec![
                    Value::from(host.to_string()),
                    Value::Int(u16::from_be(address.sin6_port).into()),
                    Value::Int(u32::from_be(address.sin6_flowinfo).into()),
                    Value::Int(address.sin6_scope_id.into()),
                ])
            }
            libc::AF_UNIX => {
                // SAFETY: as above.
                let address = unsafe { *self.pointer().cast::<libc::sockaddr_un>() };
                let used = (self.length as usize).saturating_sub(size_of::<libc::sa_family_t>());
                let path: Vec<u8> = address
                    .sun_path
                    .iter()
                    .take(used)
                    .map(|&c| c as u8)
                    .collect();
                match path.first() {
                    None => Value::str(""),
                    Some(0) => Value::bytes(path),
                    Some(_) => {
                        let end = path.iter().position(|&c| c == 0).unwrap_or(path.len());
                        paths::text(std::ffi::OsStr::from_bytes(&path[..end]))
                    }
                }
            }
            _ => Value::None,
        }
    }
}

/// The number of a port.
fn port(cx: &mut Context, value: &Value, function: &str) -> Outcome<u16> {
    let number = arguments::integer(cx, value)?;
    u16::try_from(number)
        .map_err(|_| overflow_error(format!("{function}(): port must be 0-65535.")))
}

/// The address that a script gave, for a socket of this family.
fn address(cx: &mut Context, family: i32, value: &Value, function: &str) -> Outcome<Address> {
    match family {
        libc::AF_UNIX => unix_address(cx, value),
        libc::AF_INET | libc::AF_INET6 => {
            let name = if family == libc::AF_INET {
                "AF_INET"
            } else {
                "AF_INET6"
            };
            let Value::Tuple(parts) = value.unwrapped() else {
                return Err(type_error(format!(
                    "{function}(): {name} address must be tuple, not {}",
                    value.type_name()
                )));
            };
            let parts = parts.items().to_vec();
            let fits = match family {
                libc::AF_INET => parts.len() == 2,
                _ => (2..=4).contains(&parts.len()),
            };
            if !fits {
                return Err(type_error(match family {
                    libc::AF_INET => {
                        format!("{function}(): {name} address must be a pair (host, port)")
                    }
                    _ => format!(
                        "{function}(): {name} address must be a tuple (host, port[, flowinfo[, scopeid]])"
                    ),
                }));
            }
            let host = match parts[0].unwrapped() {
                Value::Str(host) => host.as_str().to_owned(),
                Value::Bytes(host) => String::from_utf8_lossy(host.get()).into_owned(),
                other => {
                    return Err(type_error(format!(
                        "str, bytes or bytearray expected, not {}",
                        other.type_name()
                    )));
                }
            };
            let port = port(cx, &parts[1], function)?;
            let mut address = resolve(cx, family, &host)?;
            // SAFETY: `resolve` gives addresses of this family.
            unsafe {
                match family {
                    libc::AF_INET => {
                        let inner = address.pointer_mut().cast::<libc::sockaddr_in>();
                        (*inner).sin_port = port.to_be();
                    }
                    _ => {
                        let inner = address.pointer_mut().cast::<libc::sockaddr_in6>();
                        (*inner).sin6_port = port.to_be();
                        if let Some(flow) = parts.get(2) {
                            (*inner).sin6_flowinfo = (arguments::integer(cx, flow)? as u32).to_be();
                        }
                        if let Some(scope) = parts.get(3) {
                            (*inner).sin6_scope_id = arguments::integer(cx, scope)? as u32;
                        }
                    }
                }
            }
            Ok(address)
        }
        _ => Err(Raised::new(
            ExceptionKind::OSError,
            format!("{function}(): unsupported address family"),
        )),
    }
}

fn unix_address(cx: &mut Context, value: &Value) -> Outcome<Address> {
    let bytes = match value.unwrapped() {
        // A name of the kernel's own may begin with a zero byte.
        Value::Bytes(name) => name.get().to_vec(),
        Value::Str(name) if name.as_str().starts_with('\0') => name.as_str().as_bytes().to_vec(),
        _ => paths::path(cx, value)?.as_os_str().as_bytes().to_vec(),
    };
    // SAFETY: all zero is a valid address.
    let mut address: libc::sockaddr_un = unsafe { MaybeUninit::zeroed().assume_init() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let is_abstract = bytes.first() == Some(&0);
    let most = address.sun_path.len() - usize::from(!is_abstract);
    if bytes.len() > most {
        return Err(Raised::new(ExceptionKind::OSError, "AF_UNIX path too long"));
    }
    for (place, byte) in address.sun_path.iter_mut().zip(&bytes) {
        *place = *byte as libc::c_char;
    }
    let length = size_of::<libc::sa_family_t>() + bytes.len() + usize::from(!is_abstract);
    Ok(Address::of(address, length))
}

/// The address of a host, without a port.
fn resolve(cx: &mut Context, family: i32, host: &str) -> Outcome<Address> {
    let v4 = |host: Ipv4Addr| {
        // SAFETY: all zero is a valid address.
        let mut address: libc::sockaddr_in = unsafe { MaybeUninit::zeroed().assume_init() };
        address.sin_family = libc::AF_INET as libc::sa_family_t;
        address.sin_addr.s_addr = u32::from(host).to_be();
        Address::of(address, size_of::<libc::sockaddr_in>())
    };
    let v6 = |host: Ipv6Addr| {
        // SAFETY: as above.
        let mut address: libc::sockaddr_in6 = unsafe { MaybeUninit::zeroed().assume_init() };
        address.sin6_family = libc::AF_INET6 as libc::sa_family_t;
        address.sin6_addr.s6_addr = host.octets();
        Address::of(address, size_of::<libc::sockaddr_in6>())
    };
    match (family, host) {
        (libc::AF_INET, "") => return Ok(v4(Ipv4Addr::UNSPECIFIED)),
        (libc::AF_INET6, "") => return Ok(v6(Ipv6Addr::UNSPECIFIED)),
        (libc::AF_INET, "<broadcast>" | "255.255.255.255") => return Ok(v4(Ipv4Addr::BROADCAST)),
        _ => {}
    }
    match family {
        libc::AF_INET => {
            if let Ok(host) = host.parse() {
                return Ok(v4(host));
            }
        }
        _ => {
            if let Ok(host) = host.parse() {
                return Ok(v6(host));
            }
        }
    }
    let found = look_up(cx, Some(host), None, [family, 0, 0, 0])?;
    match found.into_iter().next() {
        Some(found) => Ok(found.address),
        None => Err(look_up_failed(libc::EAI_NONAME)),
    }
}

/// One answer to a look up.
struct Found {
    family: i32,
    kind: i32,
    protocol: i32,
    name: String,
    address: Address,
}

/// Asks the system for addresses. `hints` are family, kind, protocol and flags.
fn look_up(
    cx: &mut Context,
    host: Option<&str>,
    service: Option<&str>,
    hints: [i32; 4],
) -> Outcome<Vec<Found>> {
    let c_string = |text: Option<&str>| match text {
        None => Ok(None),
        Some(text) => CString::new(text)
            .map(Some)
            .map_err(|_| crate::value::exception::value_error("embedded null character")),
    };
    let (host, service) = (c_string(host)?, c_string(service)?);
    let thread = cx.thread.clone();
    let result = thread.detached(|| {
        // SAFETY: all zero is a valid hint.
        let mut hint: libc::addrinfo = unsafe { MaybeUninit::zeroed().assume_init() };
        [
            hint.ai_family,
            hint.ai_socktype,
            hint.ai_protocol,
            hint.ai_flags,
        ] = hints;
        let mut list: *mut libc::addrinfo = std::ptr::null_mut();
        let pointer = |text: &Option<CString>| match text {
            Some(text) => text.as_ptr(),
            None => std::ptr::null(),
        };
        // SAFETY: C strings or null, and valid places.
        let code =
            unsafe { libc::getaddrinfo(pointer(&host), pointer(&service), &hint, &mut list) };
        if code != 0 {
            return Err(code);
        }
        let mut found = Vec::new();
        let mut next = list;
        // SAFETY: the list that the system made, which is freed below.
        while let Some(entry) = unsafe { next.as_ref() } {
            let mut address = Address::empty();
            let length = (entry.ai_addrlen as usize).min(size_of::<libc::sockaddr_storage>());
            // SAFETY: the entry's address has this length, and the storage has room for it.
            unsafe {
                std::ptr::copy_nonoverlapping(
                    entry.ai_addr.cast::<u8>(),
                    address.pointer_mut().cast::<u8>(),
                    length,
                );
            }
            address.length = length as libc::socklen_t;
            let name = match entry.ai_canonname.is_null() {
                true => String::new(),
                // SAFETY: a C string of the list.
                false => unsafe { std::ffi::CStr::from_ptr(entry.ai_canonname) }
                    .to_string_lossy()
                    .into_owned(),
            };
            found.push(Found {
                family: entry.ai_family,
                kind: entry.ai_socktype,
                protocol: entry.ai_protocol,
                name,
                address,
            });
            next = entry.ai_next;
        }
        // SAFETY: made by getaddrinfo, and not used any more.
        unsafe { libc::freeaddrinfo(list) };
        Ok(found)
    });
    cx.safepoint()?;
    result.map_err(look_up_failed)
}

fn optional_text(value: &Value, what: &str) -> Outcome<Option<String>> {
    match value.unwrapped() {
        Value::None => Ok(None),
        Value::Str(text) => Ok(Some(text.as_str().to_owned())),
        Value::Bytes(text) => Ok(Some(String::from_utf8_lossy(text.get()).into_owned())),
        Value::Int(number) => Ok(Some(number.to_string())),
        _ => Err(type_error(what)),
    }
}

fn address_information(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [host, service, family, kind, protocol, flags] = arguments::exactly("getaddrinfo", args)?;
    let host = optional_text(host, "getaddrinfo() argument 1 must be string or None")?;
    let service = optional_text(service, "Int or String expected")?;
    let hints = [
        arguments::integer32(cx, family)?,
        arguments::integer32(cx, kind)?,
        arguments::integer32(cx, protocol)?,
        arguments::integer32(cx, flags)?,
    ];
    let found = look_up(cx, host.as_deref(), service.as_deref(), hints)?;
    let entry = |found: Found| {
        Value::tuple(vec![
            Value::Int(found.family.into()),
            Value::Int(found.kind.into()),
            Value::Int(found.protocol.into()),
            Value::from(found.name),
            found.address.value(),
        ])
    };
    Ok(Value::list(found.into_iter().map(entry).collect()))
}

/// Host and service of an address: family, address, flags.
fn name_information(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [family, given, flags] = arguments::exactly("getnameinfo", args)?;
    let family = arguments::integer32(cx, family)?;
    let flags = arguments::integer32(cx, flags)?;
    let address = address(cx, family, given, "getnameinfo")?;
    let thread = cx.thread.clone();
    let (code, host, service) = thread.detached(|| {
        let mut host = [0 as libc::c_char; 1025];
        let mut service = [0 as libc::c_char; 32];
        // SAFETY: valid buffers of these lengths.
        let code = unsafe {
            libc::getnameinfo(
                address.pointer(),
                address.length,
                host.as_mut_ptr(),
                host.len() as libc::socklen_t,
                service.as_mut_ptr(),
                service.len() as libc::socklen_t,
                flags,
            )
        };
        (code, c_text(&host), c_text(&service))
    });
    cx.safepoint()?;
    match code {
        0 => Ok(Value::tuple(vec![Value::from(host), Value::from(service)])),
        code => Err(look_up_failed(code)),
    }
}

fn c_text(buffer: &[libc::c_char]) -> String {
    let bytes: Vec<u8> = buffer
        .iter()
        .take_while(|&&c| c != 0)
        .map(|&c| c as u8)
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn service_port(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let name = arguments::one("getservbyname", args)?;
    let name = arguments::text(name, "getservbyname() argument 1")?
        .as_str()
        .to_owned();
    let hints = [libc::AF_INET, libc::SOCK_STREAM, 0, 0];
    match look_up(cx, None, Some(&name), hints) {
        Ok(found) => match found.first().map(|found| found.address.value()) {
            Some(Value::Tuple(parts)) => Ok(parts.items()[1].clone()),
            _ => Ok(Value::None),
        },
        Err(_) => Err(Raised::new(
            ExceptionKind::OSError,
            "service/proto not found",
        )),
    }
}

fn host_name(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("socket.gethostname", args)?;
    let mut buffer = [0 as libc::c_char; 256];
    // SAFETY: a valid buffer; its last byte stays zero.
    checked(unsafe { libc::gethostname(buffer.as_mut_ptr(), buffer.len() - 1) })?;
    Ok(Value::from(c_text(&buffer)))
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
    Ok(Value::tuple(vec![
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
    Ok(Value::tuple(vec![Value::size(accepted), address.value()]))
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
    let mut buffer = Vec::new();
    if buffer.try_reserve_exact(length).is_err() {
        return Err(crate::value::exception::memory_error(""));
    }
    Ok(buffer)
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
    Ok(Value::tuple(vec![Value::bytes(bytes), from]))
}

fn bytes_argument(value: &Value) -> Outcome<Vec<u8>> {
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

fn address_of_text(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [family, text] = arguments::exactly("inet_pton", args)?;
    let family = arguments::integer32(cx, family)?;
    let text = arguments::text(text, "inet_pton() argument 2")?;
    let illegal = || {
        Raised::new(
            ExceptionKind::OSError,
            "illegal IP address string passed to inet_pton",
        )
    };
    match family {
        libc::AF_INET => {
            let address: Ipv4Addr = text.as_str().parse().map_err(|_| illegal())?;
            Ok(Value::bytes(address.octets().to_vec()))
        }
        libc::AF_INET6 => {
            let address: Ipv6Addr = text.as_str().parse().map_err(|_| illegal())?;
            Ok(Value::bytes(address.octets().to_vec()))
        }
        _ => Err(os_error(libc::EAFNOSUPPORT, None)),
    }
}

fn text_of_address(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [family, bytes] = arguments::exactly("inet_ntop", args)?;
    let family = arguments::integer32(cx, family)?;
    let bytes = bytes_argument(bytes)?;
    let invalid =
        || crate::value::exception::value_error("invalid length of packed IP address string");
    match family {
        libc::AF_INET => {
            let address = <[u8; 4]>::try_from(&bytes[..]).map_err(|_| invalid())?;
            Ok(Value::from(Ipv4Addr::from(address).to_string()))
        }
        libc::AF_INET6 => {
            let address = <[u8; 16]>::try_from(&bytes[..]).map_err(|_| invalid())?;
            Ok(Value::from(Ipv6Addr::from(address).to_string()))
        }
        _ => Err(crate::value::exception::value_error(format!(
            "unknown address family {family}"
        ))),
    }
}
