//! `os.path`: names of files, taken apart and put together; and what the system says about them.

use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::os_files::{Target, stat_target, state};
use super::with_functions;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments::{self, Signature};
use crate::library::define::Entries;
use crate::library::exceptions::from_io;
use crate::library::{environment, paths};
use crate::value::exception::{ExceptionKind, type_error, value_error};
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::operator::Comparison;
use crate::value::{Outcome, Value, compare, iterate};

const FUNCTIONS: Entries<'_> = &[
    ("abspath", |cx, args| {
        rewritten(cx, args, "abspath", absolute)
    }),
    ("basename", |cx, args| {
        rewritten(cx, args, "basename", |path| Ok(split(path).1.to_vec()))
    }),
    ("commonpath", common_path),
    ("commonprefix", common_prefix),
    ("dirname", |cx, args| {
        rewritten(cx, args, "dirname", |path| Ok(split(path).0.to_vec()))
    }),
    ("exists", |cx, args| {
        asked(cx, args, "exists", true, |_| true)
    }),
    ("expanduser", |cx, args| {
        rewritten(cx, args, "expanduser", |path| Ok(expand_user(path)))
    }),
    ("expandvars", |cx, args| {
        rewritten(cx, args, "expandvars", |path| Ok(expand_variables(path)))
    }),
    ("getatime", |cx, args| {
        told(cx, args, "getatime", |state| {
            Value::Float(state.st_atime as f64 + state.st_atime_nsec as f64 * 1e-9)
        })
    }),
    ("getctime", |cx, args| {
        told(cx, args, "getctime", |state| {
            Value::Float(state.st_ctime as f64 + state.st_ctime_nsec as f64 * 1e-9)
        })
    }),
    ("getmtime", |cx, args| {
        told(cx, args, "getmtime", |state| {
            Value::Float(state.st_mtime as f64 + state.st_mtime_nsec as f64 * 1e-9)
        })
    }),
    ("getsize", |cx, args| {
        told(cx, args, "getsize", |state| Value::Int(state.st_size))
    }),
    ("isabs", |cx, args| {
        let (path, _) = one_path(cx, args, "isabs")?;
        Ok(Value::Bool(path.starts_with(b"/")))
    }),
    ("isdir", |cx, args| {
        asked(cx, args, "isdir", true, |mode| mode == libc::S_IFDIR)
    }),
    ("isfile", |cx, args| {
        asked(cx, args, "isfile", true, |mode| mode == libc::S_IFREG)
    }),
    ("isjunction", |cx, args| {
        one_path(cx, args, "isjunction")?;
        Ok(Value::Bool(false))
    }),
    ("islink", |cx, args| {
        asked(cx, args, "islink", false, |mode| mode == libc::S_IFLNK)
    }),
    ("ismount", is_mount),
    ("join", join),
    ("lexists", |cx, args| {
        asked(cx, args, "lexists", false, |_| true)
    }),
    ("normcase", |cx, args| {
        rewritten(cx, args, "normcase", |path| Ok(path.to_vec()))
    }),
    ("normpath", |cx, args| {
        rewritten(cx, args, "normpath", |path| Ok(normal(path)))
    }),
    ("realpath", real_path),
    ("relpath", relative_path),
    ("samefile", same_file),
    ("split", |cx, args| {
        let (path, kind) = one_path(cx, args, "split")?;
        let (head, tail) = split(&path);
        Ok(Value::tuple_of([kind.show(head), kind.show(tail)]))
    }),
    ("splitdrive", |cx, args| {
        let (path, kind) = one_path(cx, args, "splitdrive")?;
        Ok(Value::tuple_of([kind.show(b""), kind.show(&path)]))
    }),
    ("splitext", |cx, args| {
        let (path, kind) = one_path(cx, args, "splitext")?;
        let place = extension(&path);
        Ok(Value::tuple_of([
            kind.show(&path[..place]),
            kind.show(&path[place..]),
        ]))
    }),
];

pub(super) fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("posixpath", FUNCTIONS);
    for (name, text) in [
        ("sep", "/"),
        ("curdir", "."),
        ("pardir", ".."),
        ("extsep", "."),
        ("pathsep", ":"),
        ("defpath", "/bin:/usr/bin"),
        ("devnull", "/dev/null"),
    ] {
        module.set(Name::new(name), Value::str(text));
    }
    module.set(Name::new("altsep"), Value::None);
    module.set(Name::new("supports_unicode_filenames"), Value::Bool(false));
    Ok(module)
}

/// Whether a path was given as text or bytes; results are given in the same kind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Bytes,
}

impl Kind {
    fn show(self, path: &[u8]) -> Value {
        match self {
            Kind::Bytes => Value::bytes(path),
            Kind::Text => Value::str(String::from_utf8_lossy(path).into_owned()),
        }
    }
}

fn bytes_of(cx: &mut Context, value: &Value) -> Outcome<(Vec<u8>, Kind)> {
    let path = paths::fs_path(cx, value)?;
    Ok(match path.unwrapped() {
        Value::Bytes(bytes) => (bytes.get().to_vec(), Kind::Bytes),
        Value::Str(text) => (text.as_str().as_bytes().to_vec(), Kind::Text),
        _ => (Vec::new(), Kind::Text),
    })
}

/// The one argument of most functions, called `p`, `path`, `filename` or `s`.
fn one_path(cx: &mut Context, args: Args<'_>, function: &'static str) -> Outcome<(Vec<u8>, Kind)> {
    let value = one_value(args, function)?;
    bytes_of(cx, value)
}

fn one_value<'a>(args: Args<'a>, function: &'static str) -> Outcome<&'a Value> {
    let parameter = match function {
        "abspath" | "exists" | "lexists" | "expanduser" | "expandvars" | "islink" | "isfile"
        | "normpath" | "isjunction" | "ismount" => "path",
        "getatime" | "getctime" | "getmtime" | "getsize" => "filename",
        "isdir" | "isabs" | "normcase" => "s",
        _ => "p",
    };
    let [value] = Signature::new(function, [parameter]).bind(args)?;
    value.ok_or_else(|| {
        type_error(format!(
            "{function}() missing 1 required positional argument: '{parameter}'"
        ))
    })
}

fn rewritten(
    cx: &mut Context,
    args: Args<'_>,
    function: &'static str,
    work: impl FnOnce(&[u8]) -> io::Result<Vec<u8>>,
) -> Outcome<Value> {
    let (path, kind) = one_path(cx, args, function)?;
    match work(&path) {
        Ok(path) => Ok(kind.show(&path)),
        Err(error) => Err(from_io(&error, None)),
    }
}

// ---- taking apart and putting together ----

/// The folder and the last part. Slashes between them go, unless the folder is nothing else.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    let place = path
        .iter()
        .rposition(|&byte| byte == b'/')
        .map_or(0, |place| place + 1);
    let (head, tail) = path.split_at(place);
    let end = head
        .iter()
        .rposition(|&byte| byte != b'/')
        .map_or(head.len(), |place| place + 1);
    (&head[..end], tail)
}

/// Where the extension begins: the last dot of the last part, if it is not among its first.
fn extension(path: &[u8]) -> usize {
    let start = path
        .iter()
        .rposition(|&byte| byte == b'/')
        .map_or(0, |place| place + 1);
    let name = &path[start..];
    match name.iter().rposition(|&byte| byte == b'.') {
        Some(dot) if name[..dot].iter().any(|&byte| byte != b'.') => start + dot,
        _ => path.len(),
    }
}

fn join_bytes(path: &mut Vec<u8>, part: &[u8]) {
    if part.starts_with(b"/") {
        path.clear();
    } else if !path.is_empty() && !path.ends_with(b"/") {
        path.push(b'/');
    }
    path.extend_from_slice(part);
}

fn join(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [first, parts @ ..] = arguments::no_keywords("join", args)? else {
        return Err(type_error(
            "join() missing 1 required positional argument: 'a'",
        ));
    };
    let (mut path, kind) = bytes_of(cx, first)?;
    for part in parts {
        let (part, other) = match bytes_of(cx, part) {
            Ok(part) => part,
            Err(raised) if raised.is(ExceptionKind::TypeError) => {
                return Err(type_error(format!(
                    "join() argument must be str, bytes, or os.PathLike object, not '{}'",
                    part.type_name()
                )));
            }
            Err(raised) => return Err(raised),
        };
        if other != kind {
            return Err(type_error("Can't mix strings and bytes in path components"));
        }
        join_bytes(&mut path, &part);
    }
    Ok(kind.show(&path))
}

/// A folder and a name in it.
pub(super) fn joined(cx: &mut Context, folder: &Value, name: &Value) -> Outcome<Value> {
    join(cx, Args::positional_only(&[folder.clone(), name.clone()]))
}

/// Without `.`, double slashes, and `..` where a part before it can be left out.
fn normal(path: &[u8]) -> Vec<u8> {
    // Exactly two slashes at the start mean something of their own.
    let slashes = path.iter().take_while(|&&byte| byte == b'/').count();
    let start = match slashes {
        0 => 0,
        2 => 2,
        _ => 1,
    };
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => match parts.last() {
                Some(&last) if last != b".." => {
                    parts.pop();
                }
                None if start > 0 => {}
                _ => parts.push(part),
            },
            _ => parts.push(part),
        }
    }
    let mut normal = vec![b'/'; start];
    normal.extend_from_slice(&parts.join(&b'/'));
    if normal.is_empty() {
        normal.push(b'.');
    }
    normal
}

fn absolute(path: &[u8]) -> io::Result<Vec<u8>> {
    if path.starts_with(b"/") {
        return Ok(normal(path));
    }
    let mut full = std::env::current_dir()?.into_os_string().into_vec();
    join_bytes(&mut full, path);
    Ok(normal(&full))
}

fn relative_path(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [path, start] = Signature::new("relpath", ["path", "start"])
        .required(1)
        .bind(args)?;
    let (path, kind) = bytes_of(cx, path.unwrap_or(&Value::None))?;
    if path.is_empty() {
        return Err(value_error("no path specified"));
    }
    let start = match start.filter(|start| !start.is_none()) {
        Some(start) => bytes_of(cx, start)?.0,
        None => b".".to_vec(),
    };
    let full = |path: &[u8]| absolute(path).map_err(|error| from_io(&error, None));
    let (path, start) = (full(&path)?, full(&start)?);
    let parts = |path: &[u8]| -> Vec<Vec<u8>> {
        path.split(|&byte| byte == b'/')
            .filter(|part| !part.is_empty())
            .map(<[u8]>::to_vec)
            .collect()
    };
    let (path, start) = (parts(&path), parts(&start));
    let common = path
        .iter()
        .zip(&start)
        .take_while(|(left, right)| left == right)
        .count();
    let mut relative: Vec<Vec<u8>> = vec![b"..".to_vec(); start.len() - common];
    relative.extend_from_slice(&path[common..]);
    Ok(kind.show(&if relative.is_empty() {
        b".".to_vec()
    } else {
        relative.join(&b'/')
    }))
}

fn common_path(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let given = arguments::one("commonpath", args)?;
    let mut all = Vec::new();
    let mut shown = Kind::Text;
    for path in iterate::collect(cx, given)? {
        let (path, kind) = bytes_of(cx, &path)?;
        shown = kind;
        all.push(path);
    }
    let Some(first) = all.first() else {
        return Err(value_error("commonpath() arg is an empty sequence"));
    };
    let from_root = first.starts_with(b"/");
    if all.iter().any(|path| path.starts_with(b"/") != from_root) {
        return Err(value_error("Can't mix absolute and relative paths"));
    }
    let parts: Vec<Vec<&[u8]>> = all
        .iter()
        .map(|path| {
            path.split(|&byte| byte == b'/')
                .filter(|part| !part.is_empty() && *part != b".")
                .collect()
        })
        .collect();
    let mut common = parts[0].clone();
    for parts in &parts[1..] {
        let length = common
            .iter()
            .zip(parts)
            .take_while(|(left, right)| left == right)
            .count();
        common.truncate(length);
    }
    let mut path = if from_root { b"/".to_vec() } else { Vec::new() };
    path.extend_from_slice(&common.join(&b'/'));
    Ok(shown.show(&path))
}

/// Character by character, of any sequences: what CPython has, whatever its use.
fn common_prefix(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let given = arguments::one("commonprefix", args)?;
    let all = iterate::collect(cx, given)?;
    let (mut least, mut most) = match all.first() {
        Some(first) => (first.clone(), first.clone()),
        None => return Ok(Value::str("")),
    };
    for item in &all[1..] {
        if compare::compare_bool(cx, Comparison::Less, item, &least)? {
            least = item.clone();
        }
        if compare::compare_bool(cx, Comparison::Greater, item, &most)? {
            most = item.clone();
        }
    }
    if let (Value::Str(least), Value::Str(most)) = (least.unwrapped(), most.unwrapped()) {
        let prefix: String = least
            .as_str()
            .chars()
            .zip(most.as_str().chars())
            .take_while(|(left, right)| left == right)
            .map(|(character, _)| character)
            .collect();
        return Ok(Value::str(prefix));
    }
    let (first, kind) = bytes_of(cx, &least)?;
    let (last, _) = bytes_of(cx, &most)?;
    let length = first
        .iter()
        .zip(&last)
        .take_while(|(left, right)| left == right)
        .count();
    Ok(kind.show(&first[..length]))
}

// ---- users and variables ----

fn variable(name: &[u8]) -> Option<Vec<u8>> {
    environment::all()
        .into_iter()
        .find(|(known, _)| known.as_bytes() == name)
        .map(|(_, value)| value.into_vec())
}

fn expand_user(path: &[u8]) -> Vec<u8> {
    if !path.starts_with(b"~") {
        return path.to_vec();
    }
    let end = path
        .iter()
        .position(|&byte| byte == b'/')
        .unwrap_or(path.len());
    let home = match &path[1..end] {
        b"" => variable(b"HOME").or_else(|| {
            // SAFETY: plain call.
            home_of(|user| user.uid == nix::unistd::Uid::from_raw(unsafe { libc::getuid() }))
        }),
        name => home_of(|user| user.name.as_bytes() == name),
    };
    let Some(mut home) = home else {
        return path.to_vec();
    };
    while home.ends_with(b"/") {
        home.pop();
    }
    home.extend_from_slice(&path[end..]);
    if home.is_empty() { b"/".to_vec() } else { home }
}

/// The home folder of the first user that fits, from the system's list.
fn home_of(fits: impl Fn(&User) -> bool) -> Option<Vec<u8>> {
    let list = std::fs::read_to_string("/etc/passwd").ok()?;
    list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let user = User {
            name: fields.next()?,
            uid: nix::unistd::Uid::from_raw(fields.nth(1)?.parse().ok()?),
        };
        let home = fields.nth(2)?;
        fits(&user).then(|| home.as_bytes().to_vec())
    })
}

struct User<'a> {
    name: &'a str,
    uid: nix::unistd::Uid,
}

/// `$name` and `${name}`; unknown ones stay as they are.
fn expand_variables(path: &[u8]) -> Vec<u8> {
    let mut expanded = Vec::new();
    let mut rest = path;
    while let Some(place) = rest.iter().position(|&byte| byte == b'$') {
        expanded.extend_from_slice(&rest[..place]);
        rest = &rest[place..];
        let (name, length) = match rest.get(1) {
            Some(b'{') => match rest.iter().position(|&byte| byte == b'}') {
                Some(end) => (&rest[2..end], end + 1),
                None => (&rest[..0], 1),
            },
            _ => {
                let count = rest[1..]
                    .iter()
                    .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
                    .count();
                (&rest[1..=count], count + 1)
            }
        };
        match variable(name).filter(|_| !name.is_empty()) {
            Some(value) => expanded.extend_from_slice(&value),
            None => expanded.extend_from_slice(&rest[..length]),
        }
        rest = &rest[length..];
    }
    expanded.extend_from_slice(rest);
    expanded
}

// ---- asking the system ----

/// What the mode of a file says; false when there is no such file, or no such name can be.
fn asked(
    cx: &mut Context,
    args: Args<'_>,
    function: &'static str,
    follow: bool,
    fits: impl FnOnce(libc::mode_t) -> bool,
) -> Outcome<Value> {
    let value = one_value(args, function)?;
    let target = match stat_target(cx, value, follow) {
        Ok(target) => target,
        Err(raised) if raised.is(ExceptionKind::ValueError) => return Ok(Value::Bool(false)),
        Err(raised) => return Err(raised),
    };
    Ok(Value::Bool(match state(&target) {
        Ok(state) => fits(state.st_mode & libc::S_IFMT),
        Err(_) => false,
    }))
}

fn told(
    cx: &mut Context,
    args: Args<'_>,
    function: &'static str,
    tell: impl FnOnce(&libc::stat) -> Value,
) -> Outcome<Value> {
    let value = one_value(args, function)?;
    let target = stat_target(cx, value, true)?;
    match state(&target) {
        Ok(state) => Ok(tell(&state)),
        Err(error) => Err(from_io(&error, Some(value.clone()))),
    }
}

fn same_file(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let files = arguments::exactly::<2>("samefile", args)?;
    let mut places = Vec::new();
    for file in files {
        let target = stat_target(cx, file, true)?;
        let state = state(&target).map_err(|error| from_io(&error, Some(file.clone())))?;
        places.push((state.st_dev, state.st_ino));
    }
    Ok(Value::Bool(places[0] == places[1]))
}

fn is_mount(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let value = one_value(args, "ismount")?;
    let own = stat_target(cx, value, false)?;
    let parent = joined(cx, value, &Value::str(".."))?;
    let parent: Target = stat_target(cx, &parent, true)?;
    Ok(Value::Bool(match (state(&own), state(&parent)) {
        (Ok(own), Ok(parent)) => own.st_dev != parent.st_dev || own.st_ino == parent.st_ino,
        _ => false,
    }))
}

const REAL_PATH: Signature<2> = Signature::new("realpath", ["filename", "strict"])
    .required(1)
    .positional(1);

fn real_path(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [path, strict] = REAL_PATH.bind(args)?;
    let given = path.cloned().unwrap_or_default();
    let (path, kind) = bytes_of(cx, &given)?;
    let strict = arguments::flag(cx, strict, false)?;
    let path = PathBuf::from(std::ffi::OsString::from_vec(path));
    match resolved(path, strict) {
        Ok(path) => Ok(kind.show(path.as_os_str().as_bytes())),
        Err(error) => Err(from_io(&error, Some(given))),
    }
}

/// The kernel follows so many symbolic links before it calls them a loop.
const MOST_LINKS: usize = 40;

/// Without symbolic links; what does not exist stays as it is written.
fn resolved(path: PathBuf, strict: bool) -> io::Result<PathBuf> {
    let path = absolute_lexically(path)?;
    let mut done = PathBuf::from("/");
    let mut left: Vec<Vec<u8>> = parts_reversed(path.as_os_str().as_bytes());
    let mut followed = 0;
    while let Some(part) = left.pop() {
        match &*part {
            b"" | b"." => continue,
            b".." => {
                done.pop();
                continue;
            }
            _ => {}
        }
        let next = done.join(std::ffi::OsStr::from_bytes(&part));
        match std::fs::read_link(&next) {
            Ok(target) if followed < MOST_LINKS => {
                followed += 1;
                let target = target.into_os_string().into_vec();
                if target.starts_with(b"/") {
                    done = PathBuf::from("/");
                }
                left.extend(parts_reversed(&target));
            }
            Ok(_) if strict => return Err(io::Error::from_raw_os_error(libc::ELOOP)),
            Err(error) if strict && error.kind() == io::ErrorKind::NotFound => {
                return Err(error);
            }
            _ => done = next,
        }
    }
    Ok(done)
}

fn absolute_lexically(path: PathBuf) -> io::Result<PathBuf> {
    if path.is_absolute() {
        return Ok(path);
    }
    Ok(std::env::current_dir()?.join(path))
}

fn parts_reversed(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|&byte| byte == b'/')
        .rev()
        .map(<[u8]>::to_vec)
        .collect()
}
