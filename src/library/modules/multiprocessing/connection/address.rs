//! Addresses of sockets as scripts write them: `(host, port)` and paths; and the calls of the system
//! that listen at one, connect to one and accept. It must not know what is said over a connection.

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use crate::eval::context::Context;
use crate::library::arguments;
use crate::library::exceptions::from_io;
use crate::library::modules::os_process::wait_ready;
use crate::runtime::blocking::ReasonKind;
use crate::value::exception::{ExceptionKind, Raised, type_error, value_error};
use crate::value::{Outcome, Value, sequence, text};

/// Where somebody listens.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Address {
    /// A machine and a port.
    Internet(String, u16),
    /// A path; one that begins with a zero byte is a name that is no file.
    Local(Vec<u8>),
}

impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Address::Internet(host, port) => write!(formatter, "{host}:{port}"),
            Address::Local(path) => formatter.write_str(&String::from_utf8_lossy(path)),
        }
    }
}

/// The largest name of a local socket.
const MOST_PATH: usize = 107;

impl Address {
    /// The address that a script wrote.
    ///
    /// # Errors
    /// `ValueError` for what is none, `OverflowError` for a port that is none.
    pub fn of(cx: &mut Context, value: &Value) -> Outcome<Address> {
        match value {
            Value::Tuple(parts) => {
                let [host, port, ..] = parts.items() else {
                    return Err(type_error("AF_INET address must be a pair (host, port)"));
                };
                let Some(host) = host.as_str() else {
                    return Err(type_error(format!(
                        "str, bytes or bytearray expected, not {}",
                        arguments::type_name(host)
                    )));
                };
                let port = arguments::integer(cx, port)?;
                match u16::try_from(port) {
                    Ok(port) => Ok(Address::Internet(host.to_owned(), port)),
                    Err(_) => Err(Raised::new(
                        ExceptionKind::OverflowError,
                        "bind(): port must be 0-65535.",
                    )),
                }
            }
            Value::Str(path) if path.as_str().starts_with("\\\\") => {
                Err(value_error("Family AF_PIPE is not recognized."))
            }
            Value::Str(path) => Ok(Address::Local(path.as_str().as_bytes().to_vec())),
            other => match sequence::bytes_like(other) {
                Some(name) if name.first() == Some(&0) => Ok(Address::Local(name.to_vec())),
                _ => {
                    let message =
                        format!("address type of {} unrecognized", text::repr(cx, other)?);
                    // What is false, and bytes that are no name, are told apart from the rest.
                    let is_value = other.is_none() || matches!(other, Value::Bytes(_));
                    Err(match is_value {
                        true => value_error(message),
                        false => type_error(message),
                    })
                }
            },
        }
    }

    /// As scripts write it.
    pub fn value(&self) -> Value {
        match self {
            Address::Internet(host, port) => {
                Value::tuple_of([Value::str(host.as_str()), Value::Int(i64::from(*port))])
            }
            Address::Local(name) if name.first() == Some(&0) => Value::bytes(name.as_slice()),
            Address::Local(path) => Value::str(String::from_utf8_lossy(path).into_owned()),
        }
    }

    /// A free one of this machine that nobody has yet.
    ///
    /// # Errors
    /// That no folder for it could be made.
    pub fn arbitrary(family: Family) -> Outcome<Address> {
        match family {
            Family::Internet => Ok(Address::Internet("localhost".to_owned(), 0)),
            Family::Local => {
                let folder = own_folder().map_err(|error| from_io(&error, None))?;
                let path = folder.join(format!("listener-{}", random_name()));
                Ok(Address::Local(path.as_os_str().as_bytes().to_vec()))
            }
        }
    }

    /// Which family it is of.
    pub fn family(&self) -> Family {
        match self {
            Address::Internet(..) => Family::Internet,
            Address::Local(_) => Family::Local,
        }
    }

    /// The file that stands for it.
    fn path(&self) -> Option<&Path> {
        match self {
            Address::Local(name) if name.first() != Some(&0) => {
                Some(Path::new(OsStr::from_bytes(name)))
            }
            _ => None,
        }
    }
}

/// The families of addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// `AF_INET`.
    Internet,
    /// `AF_UNIX`.
    Local,
}

impl Family {
    /// The family that a script names.
    ///
    /// # Errors
    /// `ValueError` for one that there is not.
    pub fn of(cx: &mut Context, value: &Value) -> Outcome<Option<Family>> {
        match value.as_str() {
            Some("AF_INET" | "AF_INET6") => Ok(Some(Family::Internet)),
            Some("AF_UNIX") => Ok(Some(Family::Local)),
            _ if value.is_none() => Ok(None),
            Some(other) => Err(value_error(format!("Family {other} is not recognized."))),
            None => {
                let shown = text::repr(cx, value)?;
                Err(value_error(format!("Family {shown} is not recognized.")))
            }
        }
    }
}

fn random_name() -> String {
    let bytes = super::super::random_bytes(6);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A new folder that only this user can look into.
fn own_folder() -> std::io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let folder = std::env::temp_dir().join(format!("conc-{}", random_name()));
    std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
    Ok(folder)
}

/// The system's form of an address.
struct Native {
    storage: libc::sockaddr_storage,
    length: libc::socklen_t,
    family: i32,
}

impl Native {
    fn internet(address: SocketAddr) -> Native {
        // SAFETY: all zeros is a valid value of this plain structure.
        let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
        let (length, family) = match address {
            SocketAddr::V4(address) => {
                let native = libc::sockaddr_in {
                    sin_family: libc::AF_INET as u16,
                    sin_port: address.port().to_be(),
                    sin_addr: libc::in_addr {
                        s_addr: u32::from(*address.ip()).to_be(),
                    },
                    sin_zero: [0; 8],
                };
                // SAFETY: the storage is large enough for every kind of address, and aligned.
                unsafe { std::ptr::write((&raw mut storage).cast(), native) };
                (size_of::<libc::sockaddr_in>(), libc::AF_INET)
            }
            SocketAddr::V6(address) => {
                let native = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as u16,
                    sin6_port: address.port().to_be(),
                    sin6_flowinfo: address.flowinfo(),
                    sin6_addr: libc::in6_addr {
                        s6_addr: address.ip().octets(),
                    },
                    sin6_scope_id: address.scope_id(),
                };
                // SAFETY: as above.
                unsafe { std::ptr::write((&raw mut storage).cast(), native) };
                (size_of::<libc::sockaddr_in6>(), libc::AF_INET6)
            }
        };
        Native {
            storage,
            length: length as libc::socklen_t,
            family,
        }
    }

    fn local(name: &[u8]) -> Outcome<Native> {
        if name.len() > MOST_PATH {
            return Err(Raised::new(ExceptionKind::OSError, "AF_UNIX path too long"));
        }
        // SAFETY: all zeros is a valid value of this plain structure.
        let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
        let mut native = libc::sockaddr_un {
            sun_family: libc::AF_UNIX as u16,
            sun_path: [0; 108],
        };
        for (to, from) in native.sun_path.iter_mut().zip(name) {
            *to = *from as libc::c_char;
        }
        // SAFETY: the storage is large enough for every kind of address, and aligned.
        unsafe { std::ptr::write((&raw mut storage).cast(), native) };
        // A name that is no file has no end but its length.
        let end = usize::from(name.first().is_some_and(|first| *first != 0));
        let length = std::mem::offset_of!(libc::sockaddr_un, sun_path) + name.len() + end;
        Ok(Native {
            storage,
            length: length as libc::socklen_t,
            family: libc::AF_UNIX,
        })
    }

    fn pointer(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }

    /// As [`Address`], after the system filled it in.
    fn address(&self) -> Option<Address> {
        let family = i32::from(self.storage.ss_family);
        match family {
            libc::AF_INET => {
                // SAFETY: the family says what it holds.
                let native: libc::sockaddr_in =
                    unsafe { std::ptr::read((&raw const self.storage).cast()) };
                let host = Ipv4Addr::from(u32::from_be(native.sin_addr.s_addr));
                Some(Address::Internet(
                    host.to_string(),
                    u16::from_be(native.sin_port),
                ))
            }
            libc::AF_INET6 => {
                // SAFETY: as above.
                let native: libc::sockaddr_in6 =
                    unsafe { std::ptr::read((&raw const self.storage).cast()) };
                let host = IpAddr::from(native.sin6_addr.s6_addr);
                Some(Address::Internet(
                    host.to_string(),
                    u16::from_be(native.sin6_port),
                ))
            }
            _ => None,
        }
    }
}

fn last_error() -> Raised {
    from_io(&std::io::Error::last_os_error(), None)
}

/// The system's forms of an address. The names of other machines are asked for without holding
/// anybody up.
fn resolve(cx: &Context, address: &Address) -> Outcome<Vec<Native>> {
    match address {
        Address::Local(name) => Ok(vec![Native::local(name)?]),
        Address::Internet(host, port) => {
            let host = if host.is_empty() { "0.0.0.0" } else { host };
            if let Ok(address) = host.parse::<IpAddr>() {
                return Ok(vec![Native::internet(SocketAddr::new(address, *port))]);
            }
            let thread = cx.thread.clone();
            let found = thread.detached(|| (host, *port).to_socket_addrs());
            let mut all: Vec<SocketAddr> = found.map_err(|_| unknown_host())?.collect();
            // Old-style addresses first: that is what is meant by a pair.
            all.sort_by_key(SocketAddr::is_ipv6);
            if all.is_empty() {
                return Err(unknown_host());
            }
            Ok(all.into_iter().map(Native::internet).collect())
        }
    }
}

#[cold]
fn unknown_host() -> Raised {
    Raised::with_args(
        ExceptionKind::OSError,
        vec![Value::Int(-2), Value::str("Name or service not known")],
    )
}

fn socket(family: i32) -> Outcome<OwnedFd> {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: a plain call of the system.
    let fd = unsafe { libc::socket(family, kind, 0) };
    if fd < 0 {
        return Err(last_error());
    }
    // SAFETY: made just now.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn set_option(fd: &OwnedFd, level: i32, option: i32) {
    let on: libc::c_int = 1;
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    // Only a convenience: without it all works, more slowly.
    // SAFETY: the option's value is valid for its size.
    unsafe { libc::setsockopt(fd.as_raw_fd(), level, option, (&raw const on).cast(), size) };
}

/// Makes a descriptor wait in reads and writes of others, as scripts expect that look at it.
fn set_blocking(fd: &OwnedFd) {
    // SAFETY: plain calls on a descriptor of ours.
    unsafe {
        let flags = libc::fcntl(fd.as_raw_fd(), libc::F_GETFL);
        libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags & !libc::O_NONBLOCK);
    }
}

/// A connection to an address.
///
/// # Errors
/// `OSError`, or what an interrupt raises.
pub fn connect(cx: &mut Context, address: &Address) -> Outcome<OwnedFd> {
    let mut failure = None;
    for native in resolve(cx, address)? {
        match connect_to(cx, &native) {
            Ok(fd) => {
                set_blocking(&fd);
                if native.family != libc::AF_UNIX {
                    // Requests and answers are small, and somebody waits for each.
                    set_option(&fd, libc::IPPROTO_TCP, libc::TCP_NODELAY);
                    set_option(&fd, libc::SOL_SOCKET, libc::SO_KEEPALIVE);
                }
                return Ok(fd);
            }
            Err(raised) if raised.is(ExceptionKind::OSError) => failure = Some(raised),
            Err(raised) => return Err(raised),
        }
    }
    Err(failure.unwrap_or_else(unknown_host))
}

fn connect_to(cx: &mut Context, native: &Native) -> Outcome<OwnedFd> {
    let fd = socket(native.family)?;
    loop {
        // SAFETY: the address is valid for its length.
        let done = unsafe { libc::connect(fd.as_raw_fd(), native.pointer(), native.length) };
        if done == 0 {
            return Ok(fd);
        }
        let error = std::io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINTR) => cx.safepoint()?,
            Some(libc::EINPROGRESS | libc::EALREADY) => {
                wait_ready(cx, fd.as_raw_fd(), libc::POLLOUT, ReasonKind::Write)?;
                return finish_connecting(&fd).map(|()| fd);
            }
            Some(libc::EAGAIN) => {
                // A local listener whose queue is full: there is nothing to wait for but time.
                crate::runtime::blocking::sleep_until(
                    &cx.thread.clone(),
                    crate::runtime::clock::Deadline::after(std::time::Duration::from_millis(5)),
                )
                .or_else(|_| cx.safepoint())?;
            }
            _ => return Err(from_io(&error, None)),
        }
    }
}

fn finish_connecting(fd: &OwnedFd) -> Outcome<()> {
    let mut code: libc::c_int = 0;
    let mut size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: room for the option's value.
    let got = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ERROR,
            (&raw mut code).cast(),
            &raw mut size,
        )
    };
    match (got, code) {
        (0, 0) => Ok(()),
        (0, code) => Err(from_io(&std::io::Error::from_raw_os_error(code), None)),
        _ => Err(last_error()),
    }
}

/// A socket that listens.
#[derive(Debug)]
pub struct Listening {
    fd: OwnedFd,
    address: Address,
    /// The process that bound it, which alone removes its file.
    owner: AtomicI32,
    closed: AtomicBool,
}

impl Listening {
    /// Listens at an address.
    ///
    /// # Errors
    /// `OSError`.
    pub fn at(cx: &mut Context, address: &Address, backlog: i32) -> Outcome<Listening> {
        let natives = resolve(cx, address)?;
        let Some(native) = natives.into_iter().next() else {
            return Err(unknown_host());
        };
        let fd = socket(native.family)?;
        set_option(&fd, libc::SOL_SOCKET, libc::SO_REUSEADDR);
        // SAFETY: the address is valid for its length.
        if unsafe { libc::bind(fd.as_raw_fd(), native.pointer(), native.length) } != 0 {
            return Err(last_error());
        }
        // SAFETY: a plain call of the system.
        if unsafe { libc::listen(fd.as_raw_fd(), backlog) } != 0 {
            return Err(last_error());
        }
        let mut own = Native {
            length: size_of::<libc::sockaddr_storage>() as libc::socklen_t,
            ..native
        };
        // SAFETY: room for the largest address.
        unsafe {
            libc::getsockname(
                fd.as_raw_fd(),
                (&raw mut own.storage).cast(),
                &raw mut own.length,
            )
        };
        Ok(Listening {
            fd,
            address: own.address().unwrap_or_else(|| address.clone()),
            owner: AtomicI32::new(own_pid()),
            closed: AtomicBool::new(false),
        })
    }

    /// Where it listens, with the port that it got.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// It is this process's from now on: in a child, of one that its parent made.
    pub fn adopt(&self) {
        self.owner.store(own_pid(), Ordering::Relaxed);
    }

    /// Leaves it to a child.
    pub fn disown(&self) {
        self.owner.store(0, Ordering::Relaxed);
    }

    /// Its descriptor.
    pub fn descriptor(&self) -> i32 {
        self.fd.as_raw_fd()
    }

    /// Has nobody let in any more: who accepts is told.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        // A child's copy is the same socket: there it is only let go.
        if self.owner.load(Ordering::Relaxed) != own_pid() {
            return;
        }
        // SAFETY: a plain call on a descriptor of ours.
        unsafe { libc::shutdown(self.fd.as_raw_fd(), libc::SHUT_RDWR) };
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// The next that connects, and where that is.
    ///
    /// # Errors
    /// `OSError`, or what an interrupt raises.
    pub fn accept(&self, cx: &mut Context) -> Outcome<(OwnedFd, Option<Address>)> {
        loop {
            // SAFETY: all zeros is a valid value of this plain structure.
            let storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
            let mut peer = Native {
                storage,
                length: size_of::<libc::sockaddr_storage>() as libc::socklen_t,
                family: 0,
            };
            // SAFETY: room for the largest address.
            let fd = unsafe {
                libc::accept4(
                    self.fd.as_raw_fd(),
                    (&raw mut peer.storage).cast(),
                    &raw mut peer.length,
                    libc::SOCK_CLOEXEC,
                )
            };
            if fd >= 0 {
                // SAFETY: made just now.
                let fd = unsafe { OwnedFd::from_raw_fd(fd) };
                let address = peer.address();
                if address.is_some() {
                    set_option(&fd, libc::IPPROTO_TCP, libc::TCP_NODELAY);
                    set_option(&fd, libc::SOL_SOCKET, libc::SO_KEEPALIVE);
                }
                return Ok((fd, address));
            }
            let error = std::io::Error::last_os_error();
            match error.raw_os_error() {
                // Somebody who gave up before being let in.
                Some(libc::ECONNABORTED) => {}
                Some(libc::EINTR) => cx.safepoint()?,
                Some(libc::EAGAIN) => {
                    wait_ready(cx, self.descriptor(), libc::POLLIN, ReasonKind::Read)?;
                }
                _ => return Err(from_io(&error, None)),
            }
        }
    }
}

fn own_pid() -> i32 {
    crate::library::modules::multiprocessing::process::own_pid()
}

impl Drop for Listening {
    /// Removes the file of a local socket, and the folder if it was made for it.
    fn drop(&mut self) {
        if self.owner.load(Ordering::Relaxed) != own_pid() {
            return;
        }
        let Some(path) = self.address.path() else {
            return;
        };
        // Whoever removed them before has done this one's work.
        let _ = std::fs::remove_file(path);
        let made_for_it = |folder: &Path| {
            let name = folder.file_name().map(OsStr::as_bytes).unwrap_or_default();
            name.starts_with(b"conc-") && folder.parent() == Some(&std::env::temp_dir())
        };
        if let Some(folder) = path.parent()
            && made_for_it(folder)
        {
            let _ = std::fs::remove_dir(folder);
        }
    }
}
