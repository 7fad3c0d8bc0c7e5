//! `os`: constants, the environment, and the functions that are about neither files nor
//! processes.

use std::ffi::CString;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;

use super::{
    fcntl, os_children, os_descriptors, os_environ, os_exec, os_files, os_process, os_scan,
    os_transfer, os_users, os_wait,
};
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::eval::{attribute, import};
use crate::library::arguments;
use crate::library::define::Entries;
use crate::library::exceptions::from_io;
use crate::library::struct_sequence::{self, Description};
use crate::library::{environment, paths};
use crate::value::class::{Class, Layout};
use crate::value::exception::{ExceptionKind, type_error, value_error};
use crate::value::function::Args;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, codec, sequence};

const FUNCTIONS: Entries<'_> = &[
    ("ctermid", |_, args| {
        arguments::none("posix.ctermid", args)?;
        Ok(Value::str("/dev/tty"))
    }),
    ("fsdecode", fs_decode),
    ("fsencode", fs_encode),
    ("fspath", |cx, args| {
        paths::fs_path(cx, arguments::one("posix.fspath", args)?)
    }),
    ("get_exec_path", get_exec_path),
    ("get_terminal_size", get_terminal_size),
    ("getlogin", getlogin),
    ("lockf", fcntl::lock_here),
    ("popen", |cx, args| {
        let module = Value::Module(import::module(cx, Name::new("_popen"))?);
        let popen = attribute::get(cx, &module, Name::new("popen"))?;
        cx.call_with(&popen, args)
    }),
    ("posix_spawn", |cx, args| {
        spawn_after_actions(cx, args, false)
    }),
    ("posix_spawnp", |cx, args| {
        spawn_after_actions(cx, args, true)
    }),
    ("strerror", strerror),
    ("sysconf", sysconf),
    ("times", times),
    ("uname", uname),
];

/// What `os` is made of, besides its constants and classes.
const TABLES: &[Entries<'static>] = &[
    os_process::FUNCTIONS,
    os_children::FUNCTIONS,
    os_exec::FUNCTIONS,
    os_wait::FUNCTIONS,
    FUNCTIONS,
    os_descriptors::FUNCTIONS,
    os_environ::FUNCTIONS,
    os_files::FUNCTIONS,
    os_scan::FUNCTIONS,
    os_transfer::FUNCTIONS,
    os_users::FUNCTIONS,
];

/// `posix_spawn` and `posix_spawnp`, which are written in conc.
fn spawn_after_actions(cx: &mut Context, args: Args<'_>, search: bool) -> Outcome<Value> {
    let module = Value::Module(import::module(cx, Name::new("_posix_spawn"))?);
    let name = if search {
        "posix_spawnp"
    } else {
        "posix_spawn"
    };
    let function = attribute::get(cx, &module, Name::new(name))?;
    cx.call_with(&function, args)
}

const TERMINAL_SIZE: Description = Description {
    name: "os.terminal_size",
    fields: &["columns", "lines"],
    visible: 2,
};

const TIMES: Description = Description {
    name: "posix.times_result",
    fields: &[
        "user",
        "system",
        "children_user",
        "children_system",
        "elapsed",
    ],
    visible: 5,
};

const UNAME: Description = Description {
    name: "posix.uname_result",
    fields: &["sysname", "nodename", "release", "version", "machine"],
    visible: 5,
};

macro_rules! class_function {
    ($function:ident, $description:ident) => {
        fn $function() -> &'static Ref<Class> {
            static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
            CLASS.get_or_init(|| struct_sequence::class(&$description))
        }
    };
}

class_function!(terminal_size_class, TERMINAL_SIZE);
class_function!(times_class, TIMES);
class_function!(uname_class, UNAME);

const NUMBERS: &[(&str, i64)] = &[
    ("F_OK", libc::F_OK as i64),
    ("R_OK", libc::R_OK as i64),
    ("W_OK", libc::W_OK as i64),
    ("X_OK", libc::X_OK as i64),
    ("SEEK_SET", libc::SEEK_SET as i64),
    ("SEEK_CUR", libc::SEEK_CUR as i64),
    ("SEEK_END", libc::SEEK_END as i64),
    ("O_RDONLY", libc::O_RDONLY as i64),
    ("O_WRONLY", libc::O_WRONLY as i64),
    ("O_RDWR", libc::O_RDWR as i64),
    ("O_CREAT", libc::O_CREAT as i64),
    ("O_EXCL", libc::O_EXCL as i64),
    ("O_TRUNC", libc::O_TRUNC as i64),
    ("O_APPEND", libc::O_APPEND as i64),
    ("O_NONBLOCK", libc::O_NONBLOCK as i64),
    ("O_NDELAY", libc::O_NDELAY as i64),
    ("O_SYNC", libc::O_SYNC as i64),
    ("O_DSYNC", libc::O_DSYNC as i64),
    ("O_CLOEXEC", libc::O_CLOEXEC as i64),
    ("O_DIRECTORY", libc::O_DIRECTORY as i64),
    ("O_NOFOLLOW", libc::O_NOFOLLOW as i64),
    ("O_NOCTTY", libc::O_NOCTTY as i64),
    ("NGROUPS_MAX", 65536),
];

pub(super) fn make(cx: &mut Context) -> Outcome<Ref<Module>> {
    let module = super::with_supply(
        "os",
        super::Tables {
            owner: "posix",
            functions: TABLES.to_vec(),
            numbers: vec![
                NUMBERS,
                os_process::CONSTANTS,
                os_children::CONSTANTS,
                os_wait::CONSTANTS,
                os_transfer::CONSTANTS,
            ],
        },
    );
    let set = |name: &str, value: Value| module.set(Name::new(name), value);
    for (name, text) in [
        ("name", "posix"),
        ("sep", "/"),
        ("linesep", "\n"),
        ("pathsep", ":"),
        ("curdir", "."),
        ("pardir", ".."),
        ("extsep", "."),
        ("devnull", "/dev/null"),
        ("defpath", "/bin:/usr/bin"),
    ] {
        set(name, Value::str(text));
    }
    set("altsep", Value::None);
    set("supports_bytes_environ", Value::Bool(true));
    let error = types().exception(ExceptionKind::OSError).clone();
    set("error", Value::Class(error));
    set("environ", os_environ::environ(cx, false)?);
    set("environb", os_environ::environ(cx, true)?);
    set("PathLike", Value::Class(path_like().clone()));
    for class in [
        terminal_size_class(),
        times_class(),
        uname_class(),
        os_wait::result_class(),
        os_files::stat_class(),
        os_scan::entry_class(),
    ] {
        struct_sequence::add_to(&module, class);
    }
    set("path", Value::Module(make_path(cx)?));
    // Scripts reach for it by way of this module, too.
    set("sys", Value::Module(import::module(cx, Name::new("sys"))?));
    Ok(module)
}

/// `os.path`, which is the module `posixpath`.
pub(super) fn make_path(cx: &mut Context) -> Outcome<Ref<Module>> {
    crate::eval::import::module(cx, Name::new("posixpath"))
}

/// `os.PathLike`: whatever has `__fspath__` is an instance.
fn path_like() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::builtin("PathLike", Some(&types().object), Layout::Object);
        class.set(known().module, Value::str("os"));
        class
    })
}

// ---- the machine ----

fn uname(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("posix.uname", args)?;
    let found =
        nix::sys::utsname::uname().map_err(|error| from_io(&std::io::Error::from(error), None))?;
    let parts = [
        found.sysname(),
        found.nodename(),
        found.release(),
        found.version(),
        found.machine(),
    ];
    let values = parts.map(paths::text).into();
    Ok(struct_sequence::make(uname_class(), &UNAME, values))
}

fn times(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("posix.times", args)?;
    let mut found = MaybeUninit::<libc::tms>::uninit();
    // SAFETY: the memory is valid for a `tms`, which the call fills in.
    let (elapsed, found, ticks) = unsafe {
        let elapsed = libc::times(found.as_mut_ptr());
        (
            elapsed,
            found.assume_init(),
            libc::sysconf(libc::_SC_CLK_TCK).max(1) as f64,
        )
    };
    let values = [
        found.tms_utime,
        found.tms_stime,
        found.tms_cutime,
        found.tms_cstime,
        elapsed,
    ];
    let values = values.map(|count| Value::Float(count as f64 / ticks));
    Ok(struct_sequence::make(times_class(), &TIMES, values.into()))
}

fn sysconf(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let name = arguments::one("posix.sysconf", args)?;
    let number = match name.unwrapped() {
        Value::Str(text) => match text.as_str() {
            "SC_PAGE_SIZE" | "SC_PAGESIZE" => libc::_SC_PAGESIZE,
            "SC_NPROCESSORS_ONLN" => libc::_SC_NPROCESSORS_ONLN,
            "SC_NPROCESSORS_CONF" => libc::_SC_NPROCESSORS_CONF,
            "SC_CLK_TCK" => libc::_SC_CLK_TCK,
            "SC_OPEN_MAX" => libc::_SC_OPEN_MAX,
            "SC_PHYS_PAGES" => libc::_SC_PHYS_PAGES,
            "SC_AVPHYS_PAGES" => libc::_SC_AVPHYS_PAGES,
            "SC_ARG_MAX" => libc::_SC_ARG_MAX,
            "SC_CHILD_MAX" => libc::_SC_CHILD_MAX,
            "SC_IOV_MAX" => libc::_SC_IOV_MAX,
            "SC_SEM_VALUE_MAX" => libc::_SC_SEM_VALUE_MAX,
            _ => return Err(value_error("unrecognized configuration name")),
        },
        _ => match sequence::try_index(cx, name)? {
            Some(number) => arguments::integer32(cx, &number)?,
            None => {
                return Err(type_error(
                    "configuration names must be strings or integers",
                ));
            }
        },
    };
    // SAFETY: plain call.
    Ok(Value::Int(unsafe { libc::sysconf(number) }))
}

fn get_terminal_size(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let fd = match arguments::between("get_terminal_size", args, 0, 1)? {
        [fd] => arguments::integer32(cx, fd)?,
        _ => 1,
    };
    let mut size = MaybeUninit::<libc::winsize>::zeroed();
    // SAFETY: the call fills in a `winsize`; zeros are one, too.
    let size = unsafe {
        if libc::ioctl(fd, libc::TIOCGWINSZ, size.as_mut_ptr()) != 0 {
            return Err(from_io(&std::io::Error::last_os_error(), None));
        }
        size.assume_init()
    };
    let values = [size.ws_col, size.ws_row].map(|count| Value::Int(i64::from(count)));
    Ok(struct_sequence::make(
        terminal_size_class(),
        &TERMINAL_SIZE,
        values.into(),
    ))
}

// ---- the user ----

fn getlogin(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("posix.getlogin", args)?;
    // SAFETY: POSIX says that there is a function of this name and type.
    unsafe extern "C" {
        fn getlogin_r(name: *mut libc::c_char, size: libc::size_t) -> libc::c_int;
    }
    let mut buffer = [0u8; 256];
    // SAFETY: the buffer is valid for its length.
    let failed =
        environment::reading(|| unsafe { getlogin_r(buffer.as_mut_ptr().cast(), buffer.len()) });
    if failed != 0 {
        return Err(from_io(&std::io::Error::from_raw_os_error(failed), None));
    }
    let end = buffer.iter().position(|&byte| byte == 0).unwrap_or(0);
    Ok(Value::str(
        String::from_utf8_lossy(&buffer[..end]).into_owned(),
    ))
}

// ---- small things ----

fn strerror(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let code = arguments::integer32(cx, arguments::one("posix.strerror", args)?)?;
    let error = from_io(&std::io::Error::from_raw_os_error(code), None);
    let text = error.data().and_then(|data| data.args().get(1).cloned());
    Ok(text.unwrap_or_default())
}

fn fs_encode(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let path = paths::fs_path(cx, arguments::one("os.fsencode", args)?)?;
    match path.unwrapped() {
        Value::Str(text) => Ok(Value::bytes(text.as_str().as_bytes())),
        _ => Ok(path),
    }
}

fn fs_decode(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let path = paths::fs_path(cx, arguments::one("os.fsdecode", args)?)?;
    match path.unwrapped() {
        Value::Bytes(bytes) => codec::decode(bytes.get(), "utf-8", "replace").map(Value::str),
        _ => Ok(path),
    }
}

fn get_exec_path(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::between("get_exec_path", args, 0, 1)?;
    let path = environment::all()
        .into_iter()
        .find(|(name, _)| name == "PATH")
        .map_or_else(|| "/bin:/usr/bin".into(), |(_, value)| value);
    let parts = path
        .as_bytes()
        .split(|&byte| byte == b':')
        .map(|part| Value::str(String::from_utf8_lossy(part).into_owned()));
    Ok(Value::list(parts.collect()))
}

/// A C string from a script's text.
pub(super) fn c_string(text: &[u8]) -> Outcome<CString> {
    CString::new(text).map_err(|_| value_error("embedded null byte"))
}
