//! The native modules, one file each. A module is made when it is first imported into a session.

pub mod atexit;
pub mod binascii;
mod bisect;
#[cfg(feature = "modules")]
mod blake2;
mod buffers;
pub mod collections;
mod conc_support;
pub mod concurrent;
pub mod copy;
pub mod copyreg;
mod csv;
mod define_support;
mod errno;
mod fcntl;
pub mod functools;
pub mod gc;
#[cfg(feature = "modules")]
mod hashing;
mod heapq;
mod io;
mod itertools;
mod json;
pub mod math;
pub mod misuse;
mod mmap;
pub mod multiprocessing;
pub mod operator;
pub mod os;
pub mod os_children;
pub mod os_descriptors;
mod os_environ;
mod os_exec;
mod os_files;
mod os_path;
pub mod os_process;
mod os_scan;
mod os_transfer;
mod os_users;
mod os_wait;
pub mod pickle;
pub mod queue;
pub mod random;
pub mod re;
mod resource;
mod select;
pub mod signal;
mod signal_masks;
mod socket_address;
mod socket_owner;
mod socket_support;
mod struct_pack;
mod subprocess_support;
pub mod sys;
pub mod threading;
pub mod time;
pub mod time_text;
pub mod weakref;
#[cfg(feature = "modules")]
mod zlib;

use std::sync::Arc;

use crate::eval::context::Context;
use crate::eval::import;
use crate::eval::module::{Module, Supply};
use crate::library::arguments;
use crate::library::define::{self, Entries};
use crate::value::exception::attribute_error;
use crate::value::function::{Args, Binding, NativeBody, NativeFunction};
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

/// Makes a module.
pub type Maker = fn(&mut Context) -> Outcome<Ref<Module>>;

/// All native modules by their dotted names.
const MODULES: &[(&str, Maker)] = &[
    ("_collections", collections::make),
    ("_csv_rows", csv::make),
    ("_define", define_support::make),
    ("_functools", functools::make),
    ("_heapq", heapq::make),
    ("_json", json::make),
    ("_re", re::make),
    ("_conc", conc_support::make),
    ("_io", io::make),
    ("_buffers", buffers::make),
    ("_mmap", mmap::make),
    ("_select", select::make),
    ("_socket", socket_support::make),
    ("_subprocess", subprocess_support::make),
    ("_thread", threading::low_level::make),
    ("_struct", struct_pack::make),
    #[cfg(feature = "modules")]
    ("_hashlib", hashing::make),
    #[cfg(feature = "modules")]
    ("_zlib", zlib::make),
    ("binascii", binascii::make),
    ("bisect", bisect::make),
    ("atexit", atexit::make),
    ("builtins", builtins_module),
    ("itertools", itertools::make),
    ("errno", errno::make),
    ("fcntl", fcntl::make),
    ("copy", copy::module),
    ("copyreg", copyreg::module),
    ("gc", gc::make),
    ("math", math::make),
    ("operator", operator::make),
    ("os", os::make),
    ("_queue", queue::make_accelerated),
    ("queue", queue::make),
    ("os.path", os::make_path),
    ("pickle", pickle::module),
    ("posix", os::make),
    ("posixpath", os_path::make),
    ("random", random::make),
    ("resource", resource::make),
    ("_signal", signal::make),
    ("sys", sys::make),
    ("threading", threading::make),
    ("time", time::make),
    ("_weakref", weakref::make),
];

/// The native module of this dotted name, if there is one.
///
/// # Errors
/// What making it raises.
pub fn native_module(cx: &mut Context, dotted: &str) -> Outcome<Option<Ref<Module>>> {
    match all().find(|(name, _)| *name == dotted) {
        Some((_, make)) => make(cx).map(Some),
        None => Ok(None),
    }
}

/// The names of all modules of the library, those that are written in conc included.
pub fn names() -> impl Iterator<Item = &'static str> {
    all()
        .map(|(name, _)| *name)
        .chain(super::source_modules::names())
}

fn all() -> impl Iterator<Item = &'static (&'static str, Maker)> {
    MODULES
        .iter()
        .chain(multiprocessing::MODULES)
        .chain(concurrent::MODULES)
}

/// A module with these functions, for a native module's maker to go on with.
pub fn with_functions(name: &'static str, functions: Entries<'static>) -> Ref<Module> {
    let functions = vec![functions];
    with_supply(
        name,
        Tables {
            owner: name,
            functions,
            numbers: Vec::new(),
        },
    )
}

/// A module that has these variables.
fn with_supply(name: &'static str, supply: impl Supply + 'static) -> Ref<Module> {
    let module = Module::supplied(Name::new(name), super::builtin, supply);
    module.set(known().name, Value::str(name));
    module.set(known().doc, Value::None);
    module.make_mentioned();
    module
}

/// Functions and numbers that a module has from its start.
struct Tables {
    /// Whose functions tracebacks and messages say that these are.
    owner: &'static str,
    functions: Vec<Entries<'static>>,
    numbers: Vec<&'static [(&'static str, i64)]>,
}

impl Supply for Tables {
    fn names(&self) -> Vec<&'static str> {
        let functions = self.functions.iter().copied().flatten();
        let numbers = self.numbers.iter().copied().flatten();
        let functions = functions.map(|(name, _)| *name);
        functions.chain(numbers.map(|(name, _)| *name)).collect()
    }

    fn make(&self, name: Name) -> Option<Value> {
        let wanted = name.as_str();
        let functions = self.functions.iter().copied().flatten();
        for &(name, call) in functions {
            if name == wanted {
                return Some(define::function(self.owner, name, call));
            }
        }
        let mut numbers = self.numbers.iter().copied().flatten();
        let (_, number) = numbers.find(|(name, _)| *name == wanted)?;
        Some(Value::Int(*number))
    }
}

/// Has the modules below a package found as its attributes, also before somebody imports them: CPython's package loads some
/// of its own.
fn find_parts(package: &'static str, module: &Module) {
    let find = move |cx: &mut Context, args: Args<'_>| {
        let name = arguments::one("module.__getattr__", args)?;
        let name = name.as_str().unwrap_or_default();
        let dotted = format!("{package}.{name}");
        if all().any(|(known, _)| *known == dotted)
            || super::source_modules::source(&dotted).is_some()
        {
            return import::module(cx, Name::new(&dotted)).map(Value::Module);
        }
        Err(attribute_error(format!(
            "module '{package}' has no attribute '{name}'"
        )))
    };
    let function = NativeFunction {
        name: "__getattr__",
        owner: package,
        binding: Binding::Function,
        body: NativeBody::Closure(Arc::new(find)),
    };
    module.set(known().getattr, Value::Native(Ref::immortal(function)));
}

fn builtins_module(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("builtins", &[]);
    for name in super::builtins::names() {
        let name = Name::new(name);
        module.set(name, super::builtin(name));
    }
    Ok(module)
}
