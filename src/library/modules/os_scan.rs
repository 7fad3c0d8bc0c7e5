//! Looking into folders: `listdir`, `scandir`, `walk`.

use std::ffi::{CString, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::os_files::{Target, stat_value, state};
use crate::eval::context::Context;
use crate::library::arguments::{self, Signature, bad_receiver};
use crate::library::define::{self, Entries};
use crate::library::exceptions::from_io;
use crate::library::paths;
use crate::value::class::{Class, Layout};
use crate::value::exception::{Raised, stop_iteration};
use crate::value::function::Args;
use crate::value::instance::{Instance, NativeData, Payload};
use crate::value::iterator::{Iterate, NativeIterator};
use crate::value::lock::Guarded;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, iterate, text};

/// The functions.
pub(super) const FUNCTIONS: Entries<'_> =
    &[("listdir", listdir), ("scandir", scandir), ("walk", walk)];

/// The folder that an optional argument names, and whether names in it are shown as bytes.
fn folder(cx: &mut Context, args: Args<'_>, function: &'static str) -> Outcome<Folder> {
    let [path] = Signature::new(function, ["path"]).bind(args)?;
    let given = match path {
        None | Some(Value::None) => Value::str("."),
        Some(path) => paths::as_named(cx, path),
    };
    Ok(Folder {
        path: paths::path(cx, &given)?,
        as_bytes: matches!(paths::fs_path(cx, &given)?.unwrapped(), Value::Bytes(_)),
        given,
    })
}

struct Folder {
    path: PathBuf,
    as_bytes: bool,
    given: Value,
}

impl Folder {
    fn show(&self, name: &std::ffi::OsStr) -> Value {
        if self.as_bytes {
            Value::bytes(name.as_bytes())
        } else {
            paths::text(name)
        }
    }

    fn failed(&self, error: &io::Error) -> Raised {
        from_io(error, Some(self.given.clone()))
    }
}

fn listdir(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let folder = folder(cx, args, "listdir")?;
    let mut names = Vec::new();
    let entries = std::fs::read_dir(&folder.path).map_err(|error| folder.failed(&error))?;
    for entry in entries {
        let entry = entry.map_err(|error| folder.failed(&error))?;
        names.push(folder.show(&entry.file_name()));
    }
    Ok(Value::list(names))
}

// ---- scandir ----

/// One entry of a folder.
struct Entry {
    name: Value,
    path: Value,
    /// The path as the system takes it.
    file: CString,
    kind: Option<std::fs::FileType>,
    inode: u64,
}

impl NativeData for Entry {}

/// `os.DirEntry`.
pub(super) fn entry_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::builtin(
            "posix.DirEntry",
            Some(&types().object),
            Layout::Native("DirEntry"),
        );
        define::methods(
            &class,
            &[
                ("__fspath__", |_, args| {
                    Ok(entry(args, "__fspath__")?.path.clone())
                }),
                ("__repr__", |cx, args| {
                    let name = entry(args, "__repr__")?.name.clone();
                    Ok(Value::str(format!("<DirEntry {}>", text::repr(cx, &name)?)))
                }),
                ("inode", |_, args| {
                    Ok(Value::Int(entry(args, "inode")?.inode as i64))
                }),
                ("is_dir", |cx, args| {
                    is_kind(cx, args, "is_dir", libc::S_IFDIR)
                }),
                ("is_file", |cx, args| {
                    is_kind(cx, args, "is_file", libc::S_IFREG)
                }),
                ("is_symlink", |_, args| {
                    let entry = entry(args, "is_symlink")?;
                    Ok(Value::Bool(match entry.kind {
                        Some(kind) => kind.is_symlink(),
                        None => mode(entry, false)? == Some(libc::S_IFLNK),
                    }))
                }),
                ("is_junction", |_, _| Ok(Value::Bool(false))),
                ("stat", entry_stat),
            ],
        );
        define::getters(
            &class,
            &[
                ("name", |_, args| Ok(entry(args, "name")?.name.clone())),
                ("path", |_, args| Ok(entry(args, "path")?.path.clone())),
            ],
        );
        class
    })
}

fn entry<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a Entry> {
    args.positional()
        .first()
        .and_then(|value| value.as_instance()?.native::<Entry>())
        .ok_or_else(|| bad_receiver("posix.DirEntry", method, args))
}

/// The file type, `None` when the file has gone.
fn mode(entry: &Entry, follow: bool) -> Outcome<Option<libc::mode_t>> {
    match state(&Target::Name(entry.file.clone(), follow)) {
        Ok(state) => Ok(Some(state.st_mode & libc::S_IFMT)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(from_io(&error, Some(entry.path.clone()))),
    }
}

fn follow_argument(cx: &mut Context, args: Args<'_>, method: &'static str) -> Outcome<bool> {
    let [follow] = Signature::new(method, ["follow_symlinks"])
        .positional(0)
        .bind(args.rest())?;
    arguments::flag(cx, follow, true)
}

fn is_kind(
    cx: &mut Context,
    args: Args<'_>,
    method: &'static str,
    wanted: libc::mode_t,
) -> Outcome<Value> {
    let entry = entry(args, method)?;
    let follow = follow_argument(cx, args, method)?;
    let known = match entry.kind {
        Some(kind) if kind.is_dir() => Some(libc::S_IFDIR),
        Some(kind) if kind.is_file() => Some(libc::S_IFREG),
        Some(kind) if kind.is_symlink() && !follow => Some(libc::S_IFLNK),
        _ => mode(entry, follow)?,
    };
    Ok(Value::Bool(known == Some(wanted)))
}

fn entry_stat(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let entry = entry(args, "stat")?;
    let follow = follow_argument(cx, args, "stat")?;
    match state(&Target::Name(entry.file.clone(), follow)) {
        Ok(state) => Ok(stat_value(&state)),
        Err(error) => Err(from_io(&error, Some(entry.path.clone()))),
    }
}

/// All entries of a folder.
fn entries(folder: &Folder) -> io::Result<Vec<Value>> {
    let mut entries = Vec::new();
    for found in std::fs::read_dir(&folder.path)? {
        let found = found?;
        let path = found.path();
        let Ok(file) = CString::new(path.as_os_str().as_bytes()) else {
            continue;
        };
        // Without a folder given, paths are those within the working folder.
        let shown = if folder.path == Path::new(".") {
            OsString::from_vec([b"./", found.file_name().as_bytes()].concat())
        } else {
            path.into_os_string()
        };
        let data = Entry {
            name: folder.show(&found.file_name()),
            path: folder.show(&shown),
            file,
            kind: found.file_type().ok(),
            inode: found.ino(),
        };
        entries.push(Value::Instance(Instance::new(
            entry_class().clone(),
            Payload::Native(Box::new(data)),
        )));
    }
    Ok(entries)
}

/// What `scandir` gives: an iterator that `with` closes.
struct Scan {
    left: Guarded<std::vec::IntoIter<Value>>,
}

impl NativeData for Scan {}

fn scan_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::builtin(
            "posix.ScandirIterator",
            Some(&types().object),
            Layout::Native("ScandirIterator"),
        );
        define::methods(
            &class,
            &[
                ("__enter__", |_, args| Ok(args.values[0].clone())),
                ("__exit__", close_scan),
                ("__iter__", |_, args| Ok(args.values[0].clone())),
                ("__next__", |_, args| {
                    let next = scan(args, "__next__")?.left.lock().next();
                    next.ok_or_else(|| stop_iteration(Value::None))
                }),
                ("close", close_scan),
            ],
        );
        class
    })
}

fn scan<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a Scan> {
    args.positional()
        .first()
        .and_then(|value| value.as_instance()?.native::<Scan>())
        .ok_or_else(|| bad_receiver("posix.ScandirIterator", method, args))
}

fn close_scan(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let scan = scan(args, "close")?;
    let left = std::mem::replace(&mut *scan.left.lock(), Vec::new().into_iter());
    drop(left);
    Ok(Value::None)
}

fn scandir(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let folder = folder(cx, args, "scandir")?;
    let entries = entries(&folder).map_err(|error| folder.failed(&error))?;
    let scan = Scan {
        left: Guarded::new(entries.into_iter()),
    };
    Ok(Value::Instance(Instance::new(
        scan_class().clone(),
        Payload::Native(Box::new(scan)),
    )))
}

// ---- walk ----

const WALK: Signature<4> =
    Signature::new("walk", ["top", "topdown", "onerror", "followlinks"]).required(1);

/// A walk through a tree of folders.
struct Walk {
    top_down: bool,
    on_error: Value,
    follow: bool,
    steps: Guarded<Vec<Step>>,
}

enum Step {
    /// A folder to look into.
    Visit(Value),
    /// From the bottom up: a folder whose inner folders have been given.
    Give(Value),
    /// From the top down: the folder that was given last, and the list of inner folders, which
    /// the script may have changed.
    Descend(Value, Value),
}

fn walk(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [top, top_down, on_error, follow] = WALK.bind(args)?;
    let top = paths::fs_path(cx, top.unwrap_or(&Value::None))?;
    Ok(NativeIterator::value(Walk {
        top_down: arguments::flag(cx, top_down, true)?,
        on_error: on_error.cloned().unwrap_or_default(),
        follow: arguments::flag(cx, follow, false)?,
        steps: Guarded::new(vec![Step::Visit(top)]),
    }))
}

impl Iterate for Walk {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        loop {
            let Some(step) = self.steps.lock().pop() else {
                return Ok(None);
            };
            match step {
                Step::Give(found) => return Ok(Some(found)),
                Step::Descend(folder, names) => self.descend(cx, &folder, &names)?,
                Step::Visit(folder) => {
                    if let Some(found) = self.visit(cx, folder)? {
                        return Ok(Some(found));
                    }
                }
            }
            cx.safepoint()?;
        }
    }

    fn type_name(&self) -> &'static str {
        "generator"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.on_error);
        for step in self.steps.lock().iter() {
            match step {
                Step::Visit(value) | Step::Give(value) => visit(value),
                Step::Descend(folder, names) => {
                    visit(folder);
                    visit(names);
                }
            }
        }
    }
}

impl Walk {
    /// The inner folders come next, first to last, whatever the list has become.
    fn descend(&self, cx: &mut Context, folder: &Value, names: &Value) -> Outcome<()> {
        let names = iterate::collect(cx, names)?;
        let mut next = Vec::with_capacity(names.len());
        for name in names {
            let path = super::os_path::joined(cx, folder, &name)?;
            if self.follow || !is_link(cx, &path)? {
                next.push(Step::Visit(path));
            }
        }
        next.reverse();
        self.steps.lock().append(&mut next);
        Ok(())
    }

    fn visit(&self, cx: &mut Context, given: Value) -> Outcome<Option<Value>> {
        let folder = Folder {
            path: paths::path(cx, &given)?,
            as_bytes: matches!(given.unwrapped(), Value::Bytes(_)),
            given: given.clone(),
        };
        let mut folders = Vec::new();
        let mut files = Vec::new();
        match std::fs::read_dir(&folder.path) {
            Ok(entries) => {
                for entry in entries.flatten() {
                    let is_folder = match entry.file_type() {
                        Ok(kind) if kind.is_symlink() => entry.path().is_dir(),
                        Ok(kind) => kind.is_dir(),
                        Err(_) => false,
                    };
                    let name = folder.show(&entry.file_name());
                    if is_folder {
                        folders.push(name);
                    } else {
                        files.push(name);
                    }
                }
            }
            Err(error) => {
                if !self.on_error.is_none()
                    && let Some(exception) = folder.failed(&error).exception()
                {
                    cx.call(&self.on_error, &[Value::Instance(exception.clone())])?;
                }
                return Ok(None);
            }
        }
        let folders = Value::list(folders);
        let found = Value::tuple_of([given.clone(), folders.clone(), Value::list(files)]);
        if self.top_down {
            self.steps.lock().push(Step::Descend(given, folders));
            return Ok(Some(found));
        }
        self.steps.lock().push(Step::Give(found));
        self.descend(cx, &given, &folders)?;
        Ok(None)
    }
}

fn is_link(cx: &mut Context, path: &Value) -> Outcome<bool> {
    Ok(paths::path(cx, path)?.is_symlink())
}
