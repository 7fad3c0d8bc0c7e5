//! The functions of `os` that are about files and folders by name.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::sync::OnceLock;

use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{self, Mode, UtimensatFlags};
use nix::sys::time::TimeSpec;
use nix::unistd::{self, AccessFlags};

use super::os_descriptors::{borrowed, descriptor};
use crate::eval::context::Context;
use crate::library::arguments::{self, Signature};
use crate::library::define::Entries;
use crate::library::exceptions::from_io;
use crate::library::paths;
use crate::library::struct_sequence::{self, Description};
use crate::value::class::Class;
use crate::value::exception::{Raised, type_error};
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value, iterate, sequence};

/// The functions.
pub(super) const FUNCTIONS: Entries<'_> = &[
    ("access", access),
    ("chdir", chdir),
    ("chmod", chmod),
    ("chown", chown),
    ("fchdir", chdir),
    ("fstat", fstat),
    ("getcwd", getcwd),
    ("getcwdb", getcwdb),
    ("link", link),
    ("lstat", lstat),
    ("makedirs", makedirs),
    ("mkdir", mkdir),
    ("mkfifo", mkfifo),
    ("readlink", readlink),
    ("remove", remove),
    ("removedirs", removedirs),
    ("rename", rename),
    ("renames", renames),
    ("replace", replace),
    ("rmdir", rmdir),
    ("stat", stat),
    ("symlink", symlink),
    ("truncate", truncate),
    ("unlink", unlink),
    ("utime", utime),
];

const STAT: Description = Description {
    name: "os.stat_result",
    fields: &[
        "st_mode",
        "st_ino",
        "st_dev",
        "st_nlink",
        "st_uid",
        "st_gid",
        "st_size",
        "st_atime",
        "st_mtime",
        "st_ctime",
        // The items are whole seconds; the attributes of these names are not.
        "st_atime",
        "st_mtime",
        "st_ctime",
        "st_atime_ns",
        "st_mtime_ns",
        "st_ctime_ns",
        "st_blksize",
        "st_blocks",
        "st_rdev",
    ],
    visible: 10,
};

/// `os.stat_result`.
pub(super) fn stat_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| struct_sequence::class(&STAT))
}

/// A file's state, by name or descriptor.
pub(super) enum Target {
    /// A name; whether a symbolic link at its end is followed.
    Name(CString, bool),
    /// A descriptor.
    Descriptor(i32),
}

/// What the system knows about a file.
pub(super) fn state(target: &Target) -> io::Result<libc::stat> {
    let found = match target {
        Target::Name(name, true) => stat::stat(name.as_c_str()),
        Target::Name(name, false) => stat::lstat(name.as_c_str()),
        Target::Descriptor(fd) => stat::fstat(borrowed(*fd)?),
    };
    Ok(found?)
}

/// The state as scripts see it.
pub(super) fn stat_value(state: &libc::stat) -> Value {
    let nanoseconds = |seconds: i64, rest: i64| seconds * 1_000_000_000 + rest;
    let times = [
        (state.st_atime, state.st_atime_nsec),
        (state.st_mtime, state.st_mtime_nsec),
        (state.st_ctime, state.st_ctime_nsec),
    ];
    let mut values: Vec<Value> = [
        i64::from(state.st_mode),
        state.st_ino as i64,
        state.st_dev as i64,
        state.st_nlink as i64,
        i64::from(state.st_uid),
        i64::from(state.st_gid),
        state.st_size,
    ]
    .map(Value::Int)
    .into();
    values.extend(times.map(|(seconds, _)| Value::Int(seconds)));
    values.extend(times.map(|(seconds, rest)| Value::Float(seconds as f64 + 1e-9 * rest as f64)));
    values.extend(times.map(|(seconds, rest)| Value::Int(nanoseconds(seconds, rest))));
    values.extend([state.st_blksize, state.st_blocks, state.st_rdev as i64].map(Value::Int));
    struct_sequence::make(stat_class(), &STAT, values)
}

/// The error of an operation on one file.
fn failed(cx: &mut Context, error: &io::Error, file: &Value) -> Raised {
    from_io(error, Some(paths::as_named(cx, file)))
}

/// The end of an operation on one file that gives nothing back.
fn done(cx: &mut Context, result: nix::Result<()>, file: &Value) -> Outcome<Value> {
    match result {
        Ok(()) => Ok(Value::None),
        Err(error) => Err(failed(cx, &error.into(), file)),
    }
}

/// The error of an operation on two files.
fn failed_with_two(cx: &mut Context, error: &io::Error, first: &Value, second: &Value) -> Raised {
    let raised = failed(cx, error, first);
    let second = &paths::as_named(cx, second);
    if let Some(instance) = raised.exception() {
        instance.set(Name::new("filename2"), second.clone());
    }
    raised
}

/// Whether a value can only be a descriptor.
fn is_integer(cx: &mut Context, value: &Value) -> Outcome<bool> {
    Ok(sequence::try_index(cx, value)?.is_some())
}

/// The path of a parameter that a wrong value names in its message.
fn named_path(cx: &mut Context, value: &Value, function: &str) -> Outcome<CString> {
    match value.unwrapped() {
        Value::Str(_) | Value::Bytes(_) | Value::Instance(_) => paths::c_path(cx, value),
        other => Err(type_error(format!(
            "{function}: path should be string, bytes or os.PathLike, not {}",
            other.type_name()
        ))),
    }
}

// ---- state ----

const STAT_ARGUMENTS: Signature<3> = Signature::new("stat", ["path", "dir_fd", "follow_symlinks"])
    .required(1)
    .positional(1);

fn stat(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [path, _, follow] = STAT_ARGUMENTS.bind(args)?;
    let path = path.cloned().unwrap_or_default();
    let follow = arguments::flag(cx, follow, true)?;
    let target = stat_target(cx, &path, follow)?;
    match state(&target) {
        Ok(state) => Ok(stat_value(&state)),
        Err(error) => Err(failed(cx, &error, &path)),
    }
}

/// What `stat` and its like are about.
///
/// # Errors
/// `TypeError` for what is neither a path nor a descriptor.
pub(super) fn stat_target(cx: &mut Context, path: &Value, follow: bool) -> Outcome<Target> {
    if is_integer(cx, path)? {
        return Ok(Target::Descriptor(descriptor(cx, path)?));
    }
    match path.unwrapped() {
        Value::Str(_) | Value::Bytes(_) | Value::Instance(_) => {
            Ok(Target::Name(paths::c_path(cx, path)?, follow))
        }
        other => Err(type_error(format!(
            "stat: path should be string, bytes, os.PathLike or integer, not {}",
            other.type_name()
        ))),
    }
}

fn lstat(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [path, _] = Signature::new("lstat", ["path", "dir_fd"])
        .required(1)
        .positional(1)
        .bind(args)?;
    let path = path.cloned().unwrap_or_default();
    let name = named_path(cx, &path, "lstat")?;
    match state(&Target::Name(name, false)) {
        Ok(state) => Ok(stat_value(&state)),
        Err(error) => Err(failed(cx, &error, &path)),
    }
}

fn fstat(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd] = Signature::new("fstat", ["fd"]).required(1).bind(args)?;
    let fd = descriptor(cx, fd.unwrap_or(&Value::None))?;
    match state(&Target::Descriptor(fd)) {
        Ok(state) => Ok(stat_value(&state)),
        Err(error) => Err(from_io(&error, None)),
    }
}

const ACCESS: Signature<5> = Signature::new(
    "access",
    ["path", "mode", "dir_fd", "effective_ids", "follow_symlinks"],
)
.required(2)
.positional(2);

fn access(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [path, mode, ..] = ACCESS.bind(args)?;
    let name = paths::c_path(cx, path.unwrap_or(&Value::None))?;
    let mode = arguments::integer32(cx, mode.unwrap_or(&Value::None))?;
    let allowed = |mode| unistd::access(name.as_c_str(), mode).is_ok();
    Ok(Value::Bool(
        AccessFlags::from_bits(mode).is_some_and(allowed),
    ))
}

// ---- the working folder ----

fn getcwd(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("posix.getcwd", args)?;
    match std::env::current_dir() {
        Ok(folder) => Ok(paths::text(folder.as_os_str())),
        Err(error) => Err(from_io(&error, None)),
    }
}

fn getcwdb(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("posix.getcwdb", args)?;
    match std::env::current_dir() {
        Ok(folder) => Ok(Value::bytes(folder.as_os_str().as_bytes())),
        Err(error) => Err(from_io(&error, None)),
    }
}

fn chdir(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [path] = Signature::new("chdir", ["path"]).required(1).bind(args)?;
    let path = path.cloned().unwrap_or_default();
    let result = if is_integer(cx, &path)? {
        let fd = descriptor(cx, &path)?;
        borrowed(fd).and_then(unistd::fchdir)
    } else {
        unistd::chdir(named_path(cx, &path, "chdir")?.as_c_str())
    };
    done(cx, result, &path)
}

// ---- folders ----

const MKDIR: Signature<3> = Signature::new("mkdir", ["path", "mode", "dir_fd"])
    .required(1)
    .positional(2);

fn mode_or(cx: &mut Context, mode: Option<&Value>, default: u32) -> Outcome<u32> {
    match mode {
        Some(mode) => Ok(arguments::integer32(cx, mode)? as u32),
        None => Ok(default),
    }
}

fn mkdir(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [path, mode, _] = MKDIR.bind(args)?;
    let path = path.cloned().unwrap_or_default();
    let mode = mode_or(cx, mode, 0o777)?;
    let name = paths::path(cx, &path)?;
    match fs::DirBuilder::new().mode(mode).create(name) {
        Ok(()) => Ok(Value::None),
        Err(error) => Err(failed(cx, &error, &path)),
    }
}

const MAKEDIRS: Signature<3> = Signature::new("makedirs", ["name", "mode", "exist_ok"]).required(1);

fn makedirs(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [path, mode, exist_ok] = MAKEDIRS.bind(args)?;
    let path = path.cloned().unwrap_or_default();
    let mode = mode_or(cx, mode, 0o777)?;
    let exist_ok = arguments::flag(cx, exist_ok, false)?;
    let name = paths::path(cx, &path)?;
    if let Some(parent) = name.parent()
        && !parent.as_os_str().is_empty()
        && !parent.exists()
        && let Err(error) = fs::create_dir_all(parent)
    {
        return Err(failed(cx, &error, &paths::text(parent.as_os_str())));
    }
    match fs::DirBuilder::new().mode(mode).create(&name) {
        Ok(()) => Ok(Value::None),
        Err(_) if exist_ok && name.is_dir() => Ok(Value::None),
        Err(error) => Err(failed(cx, &error, &path)),
    }
}

const ONE_PATH: [&str; 2] = ["path", "dir_fd"];

/// An operation on one named file.
fn on_path(
    cx: &mut Context,
    args: Args<'_>,
    function: &'static str,
    work: impl FnOnce(&Path) -> io::Result<()>,
) -> Outcome<Value> {
    let [path, _] = Signature::new(function, ONE_PATH)
        .required(1)
        .positional(1)
        .bind(args)?;
    let path = path.cloned().unwrap_or_default();
    let name = named_path(cx, &path, function)?;
    let name = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
    match work(name) {
        Ok(()) => Ok(Value::None),
        Err(error) => Err(failed(cx, &error, &path)),
    }
}

fn rmdir(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    on_path(cx, args, "rmdir", |path| fs::remove_dir(path))
}

fn remove(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    on_path(cx, args, "remove", |path| fs::remove_file(path))
}

fn unlink(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    on_path(cx, args, "unlink", |path| fs::remove_file(path))
}

/// Removes the folders above that have become empty.
fn remove_empty(path: &Path) {
    let mut parent = path.parent();
    while let Some(folder) = parent.filter(|folder| !folder.as_os_str().is_empty()) {
        if fs::remove_dir(folder).is_err() {
            break;
        }
        parent = folder.parent();
    }
}

fn removedirs(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    on_path(cx, args, "removedirs", |path| {
        fs::remove_dir(path)?;
        remove_empty(path);
        Ok(())
    })
}

// ---- two names ----

/// An operation on two named files.
fn on_two(
    cx: &mut Context,
    args: Args<'_>,
    function: &'static str,
    work: impl FnOnce(&Path, &Path) -> io::Result<()>,
) -> Outcome<Value> {
    let [first, second, ..] = Signature::new(function, ["src", "dst", "src_dir_fd", "dst_dir_fd"])
        .required(2)
        .positional(2)
        .bind(args)?;
    let first = first.cloned().unwrap_or_default();
    let second = second.cloned().unwrap_or_default();
    let (from, to) = (paths::path(cx, &first)?, paths::path(cx, &second)?);
    match work(&from, &to) {
        Ok(()) => Ok(Value::None),
        Err(error) => Err(failed_with_two(cx, &error, &first, &second)),
    }
}

fn rename(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    on_two(cx, args, "rename", |from, to| fs::rename(from, to))
}

fn replace(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    on_two(cx, args, "replace", |from, to| fs::rename(from, to))
}

fn renames(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    on_two(cx, args, "renames", |from, to| {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::rename(from, to)?;
        remove_empty(from);
        Ok(())
    })
}

fn link(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    on_two(cx, args, "link", |from, to| fs::hard_link(from, to))
}

fn symlink(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [target, name, ..] =
        Signature::new("symlink", ["src", "dst", "target_is_directory", "dir_fd"])
            .required(2)
            .positional(3)
            .bind(args)?;
    let target = target.cloned().unwrap_or_default();
    let name = name.cloned().unwrap_or_default();
    let (from, to) = (paths::path(cx, &target)?, paths::path(cx, &name)?);
    match std::os::unix::fs::symlink(from, to) {
        Ok(()) => Ok(Value::None),
        Err(error) => Err(failed_with_two(cx, &error, &target, &name)),
    }
}

fn readlink(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [path, _] = Signature::new("readlink", ONE_PATH)
        .required(1)
        .positional(1)
        .bind(args)?;
    let path = path.cloned().unwrap_or_default();
    let name = paths::path(cx, &path)?;
    match fs::read_link(name) {
        Ok(target) => Ok(match path.unwrapped() {
            Value::Bytes(_) => Value::bytes(target.as_os_str().as_bytes()),
            _ => paths::text(target.as_os_str()),
        }),
        Err(error) => Err(failed(cx, &error, &path)),
    }
}

// ---- rights, owners, sizes, times ----

const CHMOD: Signature<4> = Signature::new("chmod", ["path", "mode", "dir_fd", "follow_symlinks"])
    .required(2)
    .positional(2);

fn chmod(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [path, mode, ..] = CHMOD.bind(args)?;
    let path = path.cloned().unwrap_or_default();
    let mode = arguments::integer32(cx, mode.unwrap_or(&Value::None))? as u32;
    let name = paths::path(cx, &path)?;
    match fs::set_permissions(name, fs::Permissions::from_mode(mode)) {
        Ok(()) => Ok(Value::None),
        Err(error) => Err(failed(cx, &error, &path)),
    }
}

const CHOWN: Signature<5> =
    Signature::new("chown", ["path", "uid", "gid", "dir_fd", "follow_symlinks"])
        .required(3)
        .positional(3);

fn chown(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [path, user, group, ..] = CHOWN.bind(args)?;
    let path = path.cloned().unwrap_or_default();
    // -1 leaves it as it is.
    let mut number = |value: Option<&Value>| -> Outcome<Option<u32>> {
        let number = arguments::integer(cx, value.unwrap_or(&Value::None))?;
        Ok(u32::try_from(number).ok())
    };
    let (user, group) = (number(user)?, number(group)?);
    let name = paths::path(cx, &path)?;
    match std::os::unix::fs::chown(name, user, group) {
        Ok(()) => Ok(Value::None),
        Err(error) => Err(failed(cx, &error, &path)),
    }
}

fn truncate(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [path, length] = Signature::new("truncate", ["path", "length"])
        .required(2)
        .bind(args)?;
    let path = path.cloned().unwrap_or_default();
    let length = arguments::integer(cx, length.unwrap_or(&Value::None))?;
    let result = if is_integer(cx, &path)? {
        let fd = descriptor(cx, &path)?;
        borrowed(fd).and_then(|fd| unistd::ftruncate(fd, length))
    } else {
        unistd::truncate(paths::c_path(cx, &path)?.as_c_str(), length)
    };
    done(cx, result, &path)
}

fn mkfifo(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [path, mode, _] = Signature::new("mkfifo", ["path", "mode", "dir_fd"])
        .required(1)
        .positional(2)
        .bind(args)?;
    let name = paths::c_path(cx, path.unwrap_or(&Value::None))?;
    let mode = mode_or(cx, mode, 0o666)?;
    match unistd::mkfifo(name.as_c_str(), Mode::from_bits_truncate(mode)) {
        Ok(()) => Ok(Value::None),
        Err(error) => Err(from_io(&error.into(), None)),
    }
}

const UTIME: Signature<5> = Signature::new(
    "utime",
    ["path", "times", "ns", "dir_fd", "follow_symlinks"],
)
.required(1)
.positional(2);

fn utime(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [path, times, nanoseconds, _, follow] = UTIME.bind(args)?;
    let path = path.cloned().unwrap_or_default();
    let times = times.filter(|times| !times.is_none());
    let mut both = [TimeSpec::UTIME_NOW; 2];
    if let Some(given) = times.or(nanoseconds) {
        let items = iterate::collect(cx, given)?;
        if items.len() != 2 {
            let name = if times.is_some() { "times" } else { "ns" };
            return Err(type_error(format!(
                "utime: '{name}' must be {}a tuple of two ints",
                if times.is_some() { "either " } else { "" }
            )));
        }
        for (place, item) in both.iter_mut().zip(&items) {
            let (seconds, rest) = if times.is_some() {
                let seconds = arguments::float(cx, item)?;
                let whole = seconds.floor();
                (whole as i64, ((seconds - whole) * 1e9) as i64)
            } else {
                let all = arguments::integer(cx, item)?;
                (all.div_euclid(1_000_000_000), all.rem_euclid(1_000_000_000))
            };
            *place = TimeSpec::new(seconds, rest);
        }
    }
    let name = paths::c_path(cx, &path)?;
    let [accessed, modified] = both;
    let follow = match follow {
        Some(follow) if !arguments::truth(cx, follow)? => UtimensatFlags::NoFollowSymlink,
        _ => UtimensatFlags::FollowSymlink,
    };
    let result = stat::utimensat(AT_FDCWD, name.as_c_str(), &accessed, &modified, follow);
    done(cx, result, &path)
}
