//! `_mmap`: memory that is mapped, of files or nameless, for the module `mmap`, which is written in conc. It must not know
//! where in the memory a script reads and writes next.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::{Arc, OnceLock, Weak};

use super::os_descriptors::borrowed;
use super::os_process::replaceable;
use super::with_functions;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments::{self, Receiver, receiver};
use crate::library::exceptions::{from_io, os_error};
use crate::library::mapped_memory::MappedMemory;
use crate::library::{define, native_object};
use crate::value::buffer::Memory;
use crate::value::class::Class;
use crate::value::exception::{ExceptionKind, Raised, overflow_error, type_error, value_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::lock::Guarded;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::room::filled;
use crate::value::{Outcome, Value, sequence};

const CONSTANTS: &[(&str, i32)] = &[
    ("MADV_DODUMP", libc::MADV_DODUMP),
    ("MADV_DOFORK", libc::MADV_DOFORK),
    ("MADV_DONTDUMP", libc::MADV_DONTDUMP),
    ("MADV_DONTFORK", libc::MADV_DONTFORK),
    ("MADV_DONTNEED", libc::MADV_DONTNEED),
    ("MADV_FREE", libc::MADV_FREE),
    ("MADV_HUGEPAGE", libc::MADV_HUGEPAGE),
    ("MADV_MERGEABLE", libc::MADV_MERGEABLE),
    ("MADV_NOHUGEPAGE", libc::MADV_NOHUGEPAGE),
    ("MADV_NORMAL", libc::MADV_NORMAL),
    ("MADV_RANDOM", libc::MADV_RANDOM),
    ("MADV_REMOVE", libc::MADV_REMOVE),
    ("MADV_SEQUENTIAL", libc::MADV_SEQUENTIAL),
    ("MADV_UNMERGEABLE", libc::MADV_UNMERGEABLE),
    ("MADV_WILLNEED", libc::MADV_WILLNEED),
    ("MAP_ANON", libc::MAP_ANONYMOUS),
    ("MAP_ANONYMOUS", libc::MAP_ANONYMOUS),
    ("MAP_NORESERVE", libc::MAP_NORESERVE),
    ("MAP_POPULATE", libc::MAP_POPULATE),
    ("MAP_PRIVATE", libc::MAP_PRIVATE),
    ("MAP_SHARED", libc::MAP_SHARED),
    ("MAP_STACK", libc::MAP_STACK),
    ("PROT_EXEC", libc::PROT_EXEC),
    ("PROT_READ", libc::PROT_READ),
    ("PROT_WRITE", libc::PROT_WRITE),
];

/// The kinds of mappings that scripts may ask for: none that takes the place of other memory.
const FLAGS: i32 = libc::MAP_SHARED
    | libc::MAP_PRIVATE
    | libc::MAP_ANONYMOUS
    | libc::MAP_NORESERVE
    | libc::MAP_POPULATE
    | libc::MAP_STACK;

/// A mapping at one length.
struct Mapping {
    memory: Arc<MappedMemory>,
    length: usize,
    /// What is mapped; `None` for nameless memory.
    file: Option<Arc<OwnedFd>>,
    offset: i64,
    protection: i32,
    flags: i32,
}

impl Mapping {
    fn may_write(&self) -> bool {
        self.protection & libc::PROT_WRITE != 0
    }

    /// How many bytes can be touched: when somebody cuts a file off, touching what was behind the cut kills the process.
    fn reachable(&self) -> usize {
        let Some(file) = &self.file else {
            return self.length;
        };
        match status(file.as_raw_fd()) {
            Ok(stat) if stat.st_mode & libc::S_IFMT == libc::S_IFREG => {
                let rest = usize::try_from(stat.st_size - self.offset).unwrap_or(0);
                self.length.min(rest.next_multiple_of(page_size()))
            }
            _ => self.length,
        }
    }

    fn can_reach(&self, start: usize, count: usize) -> bool {
        let reachable = self.reachable();
        start.checked_add(count).is_some_and(|end| end <= reachable)
    }
}

/// The mapping as views have it: while there is one, the mapping stays as it is.
struct Exported(Arc<Mapping>);

impl Memory for Exported {
    fn len(&self) -> usize {
        self.0.length
    }

    fn is_read_only(&self) -> bool {
        !self.0.may_write()
    }

    fn read(&self, start: usize, to: &mut [u8]) {
        if self.0.can_reach(start, to.len()) {
            self.0.memory.read(start, to);
        }
    }

    fn write(&self, start: usize, from: &[u8]) {
        if self.0.may_write() && self.0.can_reach(start, from.len()) {
            self.0.memory.write(start, from);
        }
    }
}

/// What a `mmap` carries: nothing before its `__init__` has run and after it was closed.
#[derive(Default)]
struct MappingObject {
    state: Guarded<State>,
}

#[derive(Default)]
struct State {
    mapping: Option<Arc<Mapping>>,
    exported: Weak<Exported>,
}

impl MappingObject {
    fn mapping(&self) -> Outcome<Arc<Mapping>> {
        let mapping = self.state.lock().mapping.clone();
        mapping.ok_or_else(|| value_error("mmap closed or invalid"))
    }

    /// Puts another mapping, or none, in the place of this one.
    fn replace(&self, mapping: Option<Arc<Mapping>>) -> Result<(), ()> {
        let mut state = self.state.lock();
        if state.exported.strong_count() > 0 {
            return Err(());
        }
        let old = std::mem::replace(&mut state.mapping, mapping);
        drop(state);
        drop(old);
        Ok(())
    }
}

impl NativeData for MappingObject {
    fn bytes(&self) -> Option<Vec<u8>> {
        let mapping = self.state.lock().mapping.clone()?;
        let mut bytes = filled(0, mapping.length).ok()?;
        Exported(mapping).read(0, &mut bytes);
        Some(bytes)
    }

    fn memory(&self) -> Option<Arc<dyn Memory>> {
        let mut state = self.state.lock();
        if let Some(exported) = state.exported.upgrade() {
            return Some(exported);
        }
        let exported = Arc::new(Exported(state.mapping.clone()?));
        state.exported = Arc::downgrade(&exported);
        Some(exported)
    }
}

impl Receiver for MappingObject {
    const CLASS: &'static str = "mmap";

    fn of(value: &Value) -> Option<&Self> {
        value.as_instance()?.native::<Self>()
    }
}

/// Makes the module.
pub(super) fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("_mmap", &[]);
    module.set(Name::new("mapping"), Value::Class(class().clone()));
    for &(name, value) in CONSTANTS {
        module.set(Name::new(name), Value::Int(value.into()));
    }
    let page = Value::size(page_size());
    module.set(Name::new("PAGESIZE"), page.clone());
    module.set(Name::new("ALLOCATIONGRANULARITY"), page);
    Ok(module)
}

fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("mapping");
        class.set(known().module, Value::str("_mmap"));
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                native_object::new(self::class(), args, MappingObject::default())
            })],
        );
        define::methods(
            &class,
            &[
                ("_advise", advise),
                ("_flush", flush),
                ("_get", get),
                ("_map", map),
                ("_may_write", |_, args| {
                    let mapping = this(args, "_may_write")?.mapping()?;
                    Ok(Value::Bool(mapping.may_write()))
                }),
                ("_put", put),
                ("_resize", resize),
                ("_size", size),
                ("_unmap", |_, args| {
                    match this(args, "_unmap")?.replace(None) {
                        Ok(()) => Ok(Value::None),
                        Err(()) => Err(exported("cannot close exported pointers exist")),
                    }
                }),
                ("__len__", |_, args| {
                    Ok(Value::size(this(args, "__len__")?.mapping()?.length))
                }),
            ],
        );
        class
    })
}

fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a MappingObject> {
    Ok(receiver::<MappingObject>(args, method)?.0)
}

fn exported(message: &str) -> Raised {
    Raised::new(ExceptionKind::BufferError, message)
}

fn failed(error: io::Error) -> Raised {
    from_io(&error, None)
}

fn page_size() -> usize {
    // SAFETY: plain call.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

fn status(fd: i32) -> io::Result<libc::stat> {
    // SAFETY: all zeros is a valid value of this plain structure, which the call fills in.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        match libc::fstat(fd, &raw mut stat) {
            0 => Ok(stat),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// `_map(fd, length, flags, protection, offset)`: -1 for nameless memory, 0 for the whole of a file.
fn map(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (own, rest) = receiver::<MappingObject>(args, "_map")?;
    let [fd, length, flags, protection, offset] = arguments::exactly("_map", rest)?;
    let fd = arguments::integer32(cx, fd)?;
    let length = arguments::integer(cx, length)?;
    let flags = arguments::integer32(cx, flags)? & FLAGS;
    let protection = arguments::integer32(cx, protection)? & libc::PROT_WRITE | libc::PROT_READ;
    let offset = arguments::integer(cx, offset)?;
    let Ok(mut length) = usize::try_from(length) else {
        return Err(overflow_error("memory mapped length must be positive"));
    };
    if offset < 0 {
        return Err(overflow_error("memory mapped offset must be positive"));
    }
    let mut file = None;
    if fd != -1 {
        let fd = replaceable(fd)?;
        borrowed(fd).map_err(|error| os_error(error as i32, None))?;
        let stat = status(fd).map_err(failed)?;
        if stat.st_mode & libc::S_IFMT == libc::S_IFREG {
            length = length_in(&stat, length, offset)?;
        }
        // SAFETY: no pointers are involved.
        file = Some(match unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0) } {
            copy if copy < 0 => return Err(failed(io::Error::last_os_error())),
            // SAFETY: made just now.
            copy => Arc::new(unsafe { OwnedFd::from_raw_fd(copy) }),
        });
    }
    let flags = match &file {
        Some(_) => flags & !libc::MAP_ANONYMOUS,
        None => flags | libc::MAP_ANONYMOUS,
    };
    let fd = file.as_ref().map_or(-1, |file| file.as_raw_fd());
    // Nameless memory has whole pages, so that it can grow within the last.
    let mapped = match &file {
        Some(_) => length,
        None => length
            .checked_next_multiple_of(page_size())
            .unwrap_or(length),
    };
    let memory = MappedMemory::map(mapped, protection, flags, fd, offset).map_err(failed)?;
    let mapping = Arc::new(Mapping {
        memory: Arc::new(memory),
        length,
        file,
        offset,
        protection,
        flags,
    });
    match own.replace(Some(mapping)) {
        Ok(()) => Ok(Value::None),
        Err(()) => Err(exported(
            "mmap can't be made anew with extant pointers exported.",
        )),
    }
}

/// How much of a file is mapped, where so much is asked for.
fn length_in(stat: &libc::stat, length: usize, offset: i64) -> Outcome<usize> {
    if length == 0 {
        if stat.st_size == 0 {
            return Err(value_error("cannot mmap an empty file"));
        }
        if offset >= stat.st_size {
            return Err(value_error("mmap offset is greater than file size"));
        }
        return usize::try_from(stat.st_size - offset)
            .map_err(|_| value_error("mmap length is too large"));
    }
    let fits = i64::try_from(length).is_ok_and(|length| stat.st_size - offset >= length);
    if offset > stat.st_size || !fits {
        return Err(value_error("mmap length is greater than file size"));
    }
    Ok(length)
}

fn place(cx: &mut Context, value: &Value) -> Outcome<usize> {
    let place = arguments::integer(cx, value)?;
    usize::try_from(place).map_err(|_| value_error("mmap closed or invalid"))
}

/// The bytes are out of reach although they are mapped.
#[cold]
fn cut_off() -> Raised {
    value_error("the mapped file was cut off: it is shorter than its mapping")
}

/// `_get(start, count)`: so many bytes.
fn get(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (own, rest) = receiver::<MappingObject>(args, "_get")?;
    let [start, count] = arguments::exactly("_get", rest)?;
    let (start, count) = (place(cx, start)?, place(cx, count)?);
    let mapping = own.mapping()?;
    if !mapping.can_reach(start, count) {
        return Err(cut_off());
    }
    let mut bytes = filled(0, count)?;
    mapping.memory.read(start, &mut bytes);
    Ok(Value::bytes(bytes))
}

/// `_put(start, bytes)`: how many bytes were written.
fn put(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (own, rest) = receiver::<MappingObject>(args, "_put")?;
    let [start, bytes] = arguments::exactly("_put", rest)?;
    let start = place(cx, start)?;
    let Some(bytes) = sequence::bytes_like(bytes) else {
        return Err(type_error(format!(
            "a bytes-like object is required, not '{}'",
            bytes.type_name()
        )));
    };
    let mapping = own.mapping()?;
    if !mapping.may_write() {
        return Err(type_error("mmap can't modify a readonly memory map."));
    }
    if !mapping.can_reach(start, bytes.len()) {
        return Err(cut_off());
    }
    mapping.memory.write(start, &bytes);
    Ok(Value::size(bytes.len()))
}

/// `_flush(start, count)`: has so much written to the file.
fn flush(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (own, rest) = receiver::<MappingObject>(args, "_flush")?;
    let [start, count] = arguments::exactly("_flush", rest)?;
    let (start, count) = (place(cx, start)?, place(cx, count)?);
    let mapping = own.mapping()?;
    // A disk may take its time, and nobody waits for this thread meanwhile.
    let result = cx
        .thread
        .detached(|| mapping.memory.synchronise(start, count));
    result.map_err(failed)?;
    Ok(Value::None)
}

/// `_advise(advice, start, count)`.
fn advise(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (own, rest) = receiver::<MappingObject>(args, "_advise")?;
    let [advice, start, count] = arguments::exactly("_advise", rest)?;
    let advice = arguments::integer32(cx, advice)?;
    let (start, count) = (place(cx, start)?, place(cx, count)?);
    let mapping = own.mapping()?;
    let is_known = CONSTANTS
        .iter()
        .any(|(name, value)| name.starts_with("MADV_") && *value == advice);
    if !is_known {
        return Err(os_error(libc::EINVAL, None));
    }
    if advice == libc::MADV_DONTFORK {
        return Err(value_error(
            "conc has no MADV_DONTFORK: a child that touches the memory would crash",
        ));
    }
    let result = mapping.memory.advise(start, count, advice);
    result.map_err(failed)?;
    Ok(Value::None)
}

/// `_size()`: how long the mapped file is.
fn size(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let mapping = this(args, "_size")?.mapping()?;
    match &mapping.file {
        Some(file) => Ok(Value::Int(
            status(file.as_raw_fd()).map_err(failed)?.st_size,
        )),
        None => Err(os_error(libc::EBADF, None)),
    }
}

/// `_resize(length)`: another length, of the file too.
fn resize(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (own, rest) = receiver::<MappingObject>(args, "_resize")?;
    let length = place(cx, arguments::one("_resize", rest)?)?;
    let mapping = own.mapping()?;
    if own.state.lock().exported.strong_count() > 0 {
        return Err(exported("mmap can't resize with extant pointers exported."));
    }
    let memory = match &mapping.file {
        Some(file) => {
            let end = i64::try_from(length)
                .ok()
                .and_then(|length| mapping.offset.checked_add(length));
            let end = end.ok_or_else(|| os_error(libc::EFBIG, None))?;
            // SAFETY: plain call on a descriptor of ours.
            if unsafe { libc::ftruncate(file.as_raw_fd(), end) } != 0 {
                return Err(failed(io::Error::last_os_error()));
            }
            let (protection, flags) = (mapping.protection, mapping.flags);
            let fd = file.as_raw_fd();
            Arc::new(
                MappedMemory::map(length, protection, flags, fd, mapping.offset).map_err(failed)?,
            )
        }
        None if length <= mapping.memory.len() => mapping.memory.clone(),
        None if mapping.flags & libc::MAP_PRIVATE != 0 => {
            let memory = MappedMemory::map(length, mapping.protection, mapping.flags, -1, 0)
                .map_err(failed)?;
            let mut bytes = filled(0, mapping.length)?;
            mapping.memory.read(0, &mut bytes);
            memory.write(0, &bytes);
            Arc::new(memory)
        }
        None => {
            return Err(value_error(
                "nameless memory that processes share cannot grow: make a new mmap, or map a file",
            ));
        }
    };
    let new = Mapping {
        memory,
        length,
        file: mapping.file.clone(),
        offset: mapping.offset,
        protection: mapping.protection,
        flags: mapping.flags,
    };
    match own.replace(Some(Arc::new(new))) {
        Ok(()) => Ok(Value::None),
        Err(()) => Err(exported("mmap can't resize with extant pointers exported.")),
    }
}
