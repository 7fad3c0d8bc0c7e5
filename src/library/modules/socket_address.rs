//! Addresses of sockets, and looking up names: between what scripts give and what the system takes. It must not know what
//! is done with an address.

use std::ffi::CString;
use std::mem::{MaybeUninit, size_of};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::ffi::OsStrExt;

use super::socket_support::{bytes_argument, checked};
use crate::eval::context::Context;
use crate::library::arguments;
use crate::library::exceptions::os_error;
use crate::library::paths;
use crate::value::exception::{ExceptionKind, Raised, overflow_error, type_error};
use crate::value::function::Args;
use crate::value::{Outcome, Value};

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
pub(super) struct Address {
    pub(super) storage: libc::sockaddr_storage,
    pub(super) length: libc::socklen_t,
}

impl Address {
    pub(super) fn empty() -> Address {
        Address {
            // SAFETY: all zero is a valid address of no family.
            storage: unsafe { MaybeUninit::zeroed().assume_init() },
            length: size_of::<libc::sockaddr_storage>() as libc::socklen_t,
        }
    }

    /// From one of the structures for a family.
    pub(super) fn of<T: Copy>(address: T, length: usize) -> Address {
        let mut made = Address::empty();
        // SAFETY: the storage is made to hold any of these structures.
        unsafe { std::ptr::write((&raw mut made.storage).cast::<T>(), address) };
        made.length = length as libc::socklen_t;
        made
    }

    pub(super) fn pointer(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }

    pub(super) fn pointer_mut(&mut self) -> *mut libc::sockaddr {
        (&raw mut self.storage).cast()
    }

    /// As scripts see it.
    pub(super) fn value(&self) -> Value {
        match i32::from(self.storage.ss_family) {
            libc::AF_INET => {
                // SAFETY: the family says what it is.
                let address = unsafe { *self.pointer().cast::<libc::sockaddr_in>() };
                let host = Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr));
                Value::tuple_of([
                    Value::from(host.to_string()),
                    Value::Int(u16::from_be(address.sin_port).into()),
                ])
            }
            libc::AF_INET6 => {
                // SAFETY: as above.
                let address = unsafe { *self.pointer().cast::<libc::sockaddr_in6>() };
                let host = Ipv6Addr::from(address.sin6_addr.s6_addr);
                Value::tuple_of([
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
pub(super) fn address(
    cx: &mut Context,
    family: i32,
    value: &Value,
    function: &str,
) -> Outcome<Address> {
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

pub(super) fn address_information(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
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
        Value::tuple_of([
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
pub(super) fn name_information(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
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
        0 => Ok(Value::tuple_of([Value::from(host), Value::from(service)])),
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

pub(super) fn service_port(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
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

pub(super) fn host_name(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("socket.gethostname", args)?;
    let mut buffer = [0 as libc::c_char; 256];
    // SAFETY: a valid buffer; its last byte stays zero.
    checked(unsafe { libc::gethostname(buffer.as_mut_ptr(), buffer.len() - 1) })?;
    Ok(Value::from(c_text(&buffer)))
}

pub(super) fn address_of_text(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
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

pub(super) fn text_of_address(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
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
