//! `multiprocessing.shared_memory`: memory that processes share by name, related or not.

mod list;
mod registry;
mod segment;

use std::sync::{Arc, OnceLock};

pub use self::list::with_items;
use self::segment::Segment;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments::{self, Receiver, receiver};
use crate::library::exceptions::from_io;
use crate::library::message::Codec;
use crate::library::methods::memoryview;
use crate::library::modules::multiprocessing::random_bytes;
use crate::library::parameters::Parameters;
use crate::library::{define, native_object};
use crate::value::buffer::{Memory, Source, View};
use crate::value::class::Class;
use crate::value::exception::{ExceptionKind, Raised, value_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::lock::Guarded;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::{Outcome, Value, text};

/// What a `SharedMemory` carries: nothing until its `__init__` has run.
pub struct SharedMemoryObject {
    state: Guarded<State>,
}

#[derive(Default)]
struct State {
    /// With the slash that the system wants.
    name: String,
    segment: Option<Arc<Segment>>,
    /// The view of all of it, until it is closed.
    buffer: Value,
    size: usize,
    identity: (u64, u64),
    track: bool,
}

impl NativeData for SharedMemoryObject {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.state.lock().buffer);
    }

    fn clear(&self) {
        let old = std::mem::take(&mut self.state.lock().buffer);
        drop(old);
    }
}

impl Receiver for SharedMemoryObject {
    const CLASS: &'static str = "SharedMemory";

    fn of(value: &Value) -> Option<&Self> {
        value.as_instance()?.native::<Self>()
    }
}

/// `SharedMemory`.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("SharedMemory");
        class.set(known().module, Value::str("multiprocessing.shared_memory"));
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                let blank = SharedMemoryObject {
                    state: Guarded::new(State::default()),
                };
                native_object::new(self::class(), args, blank)
            })],
        );
        define::methods(
            &class,
            &[
                ("__init__", init),
                ("__repr__", repr),
                ("close", close),
                ("unlink", unlink),
            ],
        );
        define::properties(
            &class,
            &[
                ("buf", |_, args| {
                    Ok(this(args, "buf")?.state.lock().buffer.clone())
                }),
                ("name", |_, args| Ok(Value::str(this(args, "name")?.name()))),
                ("size", |_, args| {
                    Ok(Value::size(this(args, "size")?.state.lock().size))
                }),
            ],
        );
        class
    })
}

fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a SharedMemoryObject> {
    Ok(receiver::<SharedMemoryObject>(args, method)?.0)
}

impl SharedMemoryObject {
    /// Its name as scripts see it.
    pub fn name(&self) -> String {
        let state = self.state.lock();
        state
            .name
            .strip_prefix('/')
            .unwrap_or(&state.name)
            .to_owned()
    }

    /// The memory.
    ///
    /// # Errors
    /// It was closed.
    pub fn segment(&self) -> Outcome<Arc<Segment>> {
        let segment = self.state.lock().segment.clone();
        segment.ok_or_else(|| {
            crate::value::exception::type_error(
                "the shared memory was closed: nothing can be read or written",
            )
        })
    }
}

fn random_name() -> String {
    let bytes = random_bytes(4);
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("/psm_{text}")
}

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const INIT: Parameters<4> =
        Parameters::method("SharedMemory.__init__", ["name", "create", "size", "track"])
            .positional(3);
    let (own, rest) = receiver::<SharedMemoryObject>(args, "__init__")?;
    let [name, create, size, track] = INIT.bind(rest)?;
    let size = match size {
        Some(size) => arguments::integer(cx, size)?,
        None => 0,
    };
    let Ok(size) = usize::try_from(size) else {
        return Err(value_error("'size' must be a positive integer"));
    };
    let create = arguments::flag(cx, create, false)?;
    let track = arguments::flag(cx, track, true)?;
    if create && size == 0 {
        return Err(value_error(
            "'size' must be a positive number different from zero",
        ));
    }
    let name = match name {
        None | Some(Value::None) if !create => {
            return Err(value_error("'name' can only be None if create=True"));
        }
        None | Some(Value::None) => None,
        Some(name) => Some(format!(
            "/{}",
            arguments::text(name, "shm_open() argument 1")?.as_str()
        )),
    };
    let (name, made) = match name {
        Some(name) if create => {
            let made = Segment::create(&name, size);
            (name, made)
        }
        Some(name) => {
            let made = Segment::attach(&name);
            (name, made)
        }
        None => loop {
            let name = random_name();
            match Segment::create(&name, size) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                made => break (name, made),
            }
        },
    };
    let segment = match made {
        Ok(segment) => Arc::new(segment),
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) && !create => {
            return Err(value_error("cannot mmap an empty file"));
        }
        Err(error) => return Err(from_io(&error, Some(Value::str(name)))),
    };
    if create && track {
        registry::made(cx, &name, segment.identity);
    }
    let memory: Arc<dyn Memory> = segment.clone();
    let view = View::new(Source::Memory(memory, Value::None));
    let state = State {
        name,
        size: segment.len(),
        identity: segment.identity,
        segment: Some(segment),
        buffer: memoryview::value(view),
        track,
    };
    let old = std::mem::replace(&mut *own.state.lock(), state);
    drop(old);
    Ok(Value::None)
}

/// A new segment, or that of a name.
///
/// # Errors
/// As `SharedMemory(…)`.
pub fn make(cx: &mut Context, name: Value, size: Option<usize>) -> Outcome<Value> {
    registry::open(cx);
    let class = Value::Class(class().clone());
    let given = [
        name,
        Value::Bool(size.is_some()),
        Value::size(size.unwrap_or(0)),
    ];
    cx.call(&class, &given)
}

fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = this(args, "__repr__")?;
    let name = text::repr(cx, &Value::str(own.name()))?;
    let size = own.state.lock().size;
    let class = args.values[0].type_name();
    Ok(Value::str(format!("{class}({name}, size={size})")))
}

fn close(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = this(args, "close")?;
    let buffer = std::mem::take(&mut own.state.lock().buffer);
    if let Some(view) = buffer.as_instance().and_then(|view| view.native::<View>()) {
        view.release();
    }
    drop(buffer);
    let segment = {
        let mut state = own.state.lock();
        // Other views of the memory keep it mapped, and are told of.
        match &state.segment {
            Some(segment) if Arc::strong_count(segment) > 1 => None,
            Some(_) => Some(state.segment.take()),
            None => Some(None),
        }
    };
    match segment {
        Some(segment) => {
            drop(segment);
            Ok(Value::None)
        }
        None => Err(Raised::new(
            ExceptionKind::BufferError,
            "cannot close exported pointers exist",
        )),
    }
}

fn unlink(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = this(args, "unlink")?;
    let (name, identity, track) = {
        let state = own.state.lock();
        (state.name.clone(), state.identity, state.track)
    };
    if name.is_empty() {
        return Ok(Value::None);
    }
    segment::unlink(&name).map_err(|error| from_io(&error, Some(Value::str(name.as_str()))))?;
    if track {
        registry::unlinked(cx, &name, identity);
    }
    Ok(Value::None)
}

/// Unlinks a segment by its name, if there is one.
pub fn unlink_named(name: &str) {
    // Whoever unlinked it before has done this one's work.
    let _ = segment::unlink(&format!("/{name}"));
}

/// At the end of a process.
pub fn finish(cx: &Context) {
    registry::finish(cx);
}

/// Shared memory and lists in it travel by their names.
pub const CODEC: Codec = Codec {
    kind: "shared memory",
    pack: |_, value| {
        let instance = value.as_instance()?;
        let (class, name) = if let Some(memory) = instance.native::<SharedMemoryObject>() {
            (instance.class(), memory.name())
        } else {
            let list = instance.native::<list::ShareableListObject>()?;
            match list.memory() {
                Ok(memory) => (
                    instance.class(),
                    SharedMemoryObject::of(&memory)
                        .map(SharedMemoryObject::name)
                        .unwrap_or_default(),
                ),
                Err(raised) => return Some(Err(raised)),
            }
        };
        Some(Ok(Value::tuple_of([
            Value::Class(class.clone()),
            Value::str(name),
        ])))
    },
    unpack: |cx, packed| {
        let damaged = || value_error("a message is damaged: shared memory is not as it should be");
        let Value::Tuple(parts) = &packed else {
            return Err(damaged());
        };
        match parts.items() {
            [Value::Class(class), name @ Value::Str(_)] if class.derives_from(self::class()) => {
                cx.call(&Value::Class(class.clone()), std::slice::from_ref(name))
            }
            [Value::Class(class), name @ Value::Str(_)] if class.derives_from(list::class()) => {
                let names = [Name::new("name")];
                let args = Args {
                    values: std::slice::from_ref(name),
                    names: &names,
                };
                cx.call_with(&Value::Class(class.clone()), args)
            }
            _ => Err(damaged()),
        }
    },
};

/// `multiprocessing.shared_memory`.
///
/// # Errors
/// None today.
pub fn module(cx: &mut Context) -> Outcome<Ref<Module>> {
    registry::open(cx);
    let module = crate::library::modules::with_functions("multiprocessing.shared_memory", &[]);
    for (name, class) in [("SharedMemory", class()), ("ShareableList", list::class())] {
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    Ok(module)
}
