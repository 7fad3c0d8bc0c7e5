//! `sys`.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

pub use self::hooks::{
    call_except_hook, has_own_stderr, show_ignored_in, show_unraisable, write_to_own_stderr,
};
use self::hooks::{display_hook, except_hook, unraisable_hook};
use super::with_functions;
use crate::eval::attribute;
use crate::eval::context::Context;
use crate::eval::import;
use crate::eval::intrinsic::{code_value, frame_value};
use crate::eval::module::Module;
use crate::library::arguments;
use crate::library::define::Entries;
use crate::library::environment::reading;
use crate::library::files::{Stream, standard_file};
use crate::library::methods::object::bytes_of;
use crate::library::namespace;
use crate::library::struct_sequence::{self, Description};
use crate::value::class::Class;
use crate::value::exception::{ExceptionKind, Raised, type_error, value_error};
use crate::value::function::Args;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Dict, Outcome, Value, number_repr};

const FUNCTIONS: Entries<'_> = &[
    ("exit", exit),
    ("exc_info", exc_info),
    ("exception", exception),
    ("getrecursionlimit", recursion_limit),
    ("setrecursionlimit", set_recursion_limit),
    ("getsizeof", size_of_value),
    ("getrefcount", reference_count),
    ("intern", intern),
    ("getdefaultencoding", |_, args| {
        encoding("getdefaultencoding", args)
    }),
    ("getfilesystemencoding", |_, args| {
        encoding("getfilesystemencoding", args)
    }),
    ("get_int_max_str_digits", |_, args| {
        arguments::none("sys.get_int_max_str_digits", args)?;
        Ok(Value::size(number_repr::most_digits()))
    }),
    ("set_int_max_str_digits", set_most_digits),
    ("getswitchinterval", |cx, args| {
        arguments::none("sys.getswitchinterval", args)?;
        let chosen = cx.session.extensions.get::<SwitchInterval>();
        let microseconds = chosen.0.load(Ordering::Relaxed);
        Ok(Value::Float(1e-6 * microseconds as f64))
    }),
    ("setswitchinterval", set_switch_interval),
    ("setprofile", |_, args| no_hook("setprofile", args)),
    ("settrace", |_, args| no_hook("settrace", args)),
    ("_current_frames", current_frames),
    ("gettrace", |_, args| nothing("gettrace", args)),
    ("getprofile", |_, args| nothing("getprofile", args)),
    ("is_finalizing", |_, args| {
        arguments::none("sys.is_finalizing", args)?;
        Ok(Value::Bool(false))
    }),
    ("_getframe", get_frame),
    ("excepthook", except_hook),
    ("displayhook", display_hook),
    ("unraisablehook", unraisable_hook),
    ("breakpointhook", breakpoint_hook),
    ("__getattr__", computed),
];

/// What a script set, in microseconds. Threads run in parallel: nobody switches between them.
struct SwitchInterval(AtomicU64);

impl Default for SwitchInterval {
    fn default() -> Self {
        SwitchInterval(AtomicU64::new(5000))
    }
}

const VERSION_INFO: Description = Description {
    name: "sys.version_info",
    fields: &["major", "minor", "micro", "releaselevel", "serial"],
    visible: 5,
};

const FLOAT_INFO: Description = Description {
    name: "sys.float_info",
    fields: &[
        "max",
        "max_exp",
        "max_10_exp",
        "min",
        "min_exp",
        "min_10_exp",
        "dig",
        "mant_dig",
        "epsilon",
        "radix",
        "rounds",
    ],
    visible: 11,
};

const INT_INFO: Description = Description {
    name: "sys.int_info",
    fields: &[
        "bits_per_digit",
        "sizeof_digit",
        "default_max_str_digits",
        "str_digits_check_threshold",
    ],
    visible: 4,
};

const HASH_INFO: Description = Description {
    name: "sys.hash_info",
    fields: &[
        "width",
        "modulus",
        "inf",
        "nan",
        "imag",
        "algorithm",
        "hash_bits",
        "seed_bits",
        "cutoff",
    ],
    visible: 9,
};

const FLAGS: Description = Description {
    name: "sys.flags",
    fields: &[
        "debug",
        "inspect",
        "interactive",
        "optimize",
        "dont_write_bytecode",
        "no_user_site",
        "no_site",
        "ignore_environment",
        "verbose",
        "bytes_warning",
        "quiet",
        "hash_randomization",
        "isolated",
        "dev_mode",
        "utf8_mode",
        "warn_default_encoding",
        "safe_path",
        "int_max_str_digits",
    ],
    visible: 18,
};

const THREAD_INFO: Description = Description {
    name: "sys.thread_info",
    fields: &["name", "lock", "version"],
    visible: 3,
};

/// Makes the class of a description once for the process, and a value of it.
fn record(
    place: &'static OnceLock<Ref<Class>>,
    description: &'static Description,
    values: Vec<Value>,
) -> Value {
    let class = place.get_or_init(|| struct_sequence::class(description));
    struct_sequence::make(class, description, values)
}

macro_rules! record {
    ($description:ident, $($value:expr),* $(,)?) => {{
        static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
        record(&CLASS, &$description, vec![$(Value::from($value)),*])
    }};
}

mod hooks;

/// The version of the language that conc follows.
fn version_info() -> Value {
    record!(VERSION_INFO, 3i64, 13i64, 0i64, "final", 0i64)
}

pub(super) fn make(cx: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("sys", FUNCTIONS);
    let set = |name: &str, value: Value| module.set(Name::new(name), value);
    let texts =
        |list: &[String]| Value::list(list.iter().map(|text| Value::str(&**text)).collect());
    let session = cx.session.clone();
    set("argv", texts(&session.arguments));
    set("orig_argv", texts(&session.arguments));
    let folders = session.search_path.lock().clone();
    let folders = folders
        .iter()
        .map(|folder| Value::str(folder.to_string_lossy().into_owned()));
    set("path", Value::list(folders.collect()));
    for (name, stream) in [
        ("stdin", Stream::Input),
        ("stdout", Stream::Output),
        ("stderr", Stream::Error),
    ] {
        let file = standard_file(cx, stream);
        set(name, file.clone());
        set(&format!("__{name}__"), file);
    }
    for name in [
        "excepthook",
        "displayhook",
        "unraisablehook",
        "breakpointhook",
    ] {
        let hook = module.get(Name::new(name)).unwrap_or_default();
        set(&format!("__{name}__"), hook);
    }
    let version = concat!("3.13.0 (conc ", env!("CARGO_PKG_VERSION"), ")");
    set("version", Value::str(version));
    set("version_info", version_info());
    set("hexversion", Value::Int(0x030d_00f0));
    set("api_version", Value::Int(1013));
    set("platform", Value::str("linux"));
    set("maxsize", Value::Int(i64::MAX));
    set("maxunicode", Value::Int(0x10_ffff));
    set(
        "byteorder",
        Value::str(if cfg!(target_endian = "little") {
            "little"
        } else {
            "big"
        }),
    );
    let executable = std::env::current_exe()
        .map(|path| path.to_string_lossy().into_owned())
        .unwrap_or_default();
    set("executable", Value::str(executable));
    for name in ["prefix", "exec_prefix", "base_prefix", "base_exec_prefix"] {
        set(name, Value::str("/usr"));
    }
    set("platlibdir", Value::str("lib"));
    set("copyright", Value::str("conc: MIT or Apache-2.0"));
    set("dont_write_bytecode", Value::Bool(true));
    set("warnoptions", Value::list(Vec::new()));
    set("meta_path", Value::list(Vec::new()));
    set("path_hooks", Value::list(Vec::new()));
    let mut names: Vec<&str> = super::names().collect();
    names.sort_unstable();
    let names: Vec<Value> = names.into_iter().map(Value::str).collect();
    set("builtin_module_names", Value::tuple(names));
    set("implementation", implementation());
    set(
        "float_info",
        record!(
            FLOAT_INFO,
            f64::MAX,
            1024i64,
            308i64,
            f64::MIN_POSITIVE,
            -1021i64,
            -307i64,
            15i64,
            53i64,
            f64::EPSILON,
            2i64,
            1i64,
        ),
    );
    set("int_info", record!(INT_INFO, 30i64, 4i64, 4300i64, 640i64));
    set(
        "hash_info",
        record!(
            HASH_INFO,
            64i64,
            (1i64 << 61) - 1,
            314_159i64,
            0i64,
            1_000_003i64,
            "siphash13",
            64i64,
            128i64,
            0i64,
        ),
    );
    let mut flags = vec![Value::Int(0); FLAGS.visible];
    for (place, value) in [
        (11, Value::Int(1)),
        (13, Value::Bool(false)),
        (14, Value::Int(1)),
        (16, Value::Bool(false)),
        (17, Value::size(number_repr::most_digits())),
    ] {
        flags[place] = value;
    }
    static FLAGS_CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    set("flags", record(&FLAGS_CLASS, &FLAGS, flags));
    set(
        "thread_info",
        record!(THREAD_INFO, "pthread", "futex", Value::None),
    );
    Ok(module)
}

fn implementation() -> Value {
    namespace::make([
        ("name", Value::str("conc")),
        ("version", version_info()),
        ("hexversion", Value::Int(0x030d_00f0)),
        ("cache_tag", Value::None),
    ])
}

fn exit(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let code = arguments::between("exit", args, 0, 1)?;
    // A tuple is taken for the arguments of the exception.
    let args = match code {
        [Value::None] => Vec::new(),
        [Value::Tuple(items)] => items.items().to_vec(),
        code => code.to_vec(),
    };
    Err(Raised::with_args(ExceptionKind::SystemExit, args))
}

fn exception(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("sys.exception", args)?;
    Ok(cx.handled_value().clone())
}

fn exc_info(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("sys.exc_info", args)?;
    let handled = cx.handled_value().clone();
    if handled.is_none() {
        return Ok(Value::tuple(vec![Value::None; 3]));
    }
    let class = Value::Class(handled.class().clone());
    let traceback = attribute::get(cx, &handled, known().traceback)?;
    Ok(Value::tuple_of([class, handled, traceback]))
}

fn recursion_limit(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("sys.getrecursionlimit", args)?;
    let limit = cx.session.recursion_limit.load(Ordering::Relaxed);
    Ok(Value::Int(i64::from(limit)))
}

fn set_recursion_limit(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let limit = arguments::one("sys.setrecursionlimit", args)?;
    let limit = arguments::integer32(cx, limit)?;
    let Some(limit) = u32::try_from(limit).ok().filter(|&limit| limit >= 1) else {
        return Err(value_error(
            "recursion limit must be greater or equal than 1",
        ));
    };
    cx.session.recursion_limit.store(limit, Ordering::Relaxed);
    Ok(Value::None)
}

fn size_of_value(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = arguments::between("getsizeof", args, 1, 2)?;
    Ok(Value::size(bytes_of(&values[0])))
}

/// The count without the reference that the argument itself is.
fn reference_count(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let value = arguments::one("sys.getrefcount", args)?;
    let count = value.header().and_then(|header| header.count());
    // What is never freed has the number that CPython gives such objects.
    Ok(Value::Int(count.map_or(u32::MAX.into(), i64::from)))
}

fn intern(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let value = arguments::one("sys.intern", args)?;
    match value {
        Value::Str(text) => Ok(Name::new(text.as_str()).value()),
        Value::Instance(_) if value.unwrapped().as_str().is_some() => {
            Err(type_error(format!("can't intern {}", value.type_name())))
        }
        other => Err(arguments::wrong_type(other, "intern() argument", "str")),
    }
}

fn encoding(function: &str, args: Args<'_>) -> Outcome<Value> {
    arguments::none(&format!("sys.{function}"), args)?;
    Ok(Value::str("utf-8"))
}

fn nothing(function: &str, args: Args<'_>) -> Outcome<Value> {
    arguments::none(&format!("sys.{function}"), args)?;
    Ok(Value::None)
}

fn set_most_digits(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [most] = arguments::Signature::new("set_int_max_str_digits", ["maxdigits"])
        .required(1)
        .bind(args)?;
    let most = match most {
        Some(most) => arguments::integer32(cx, most)?,
        None => 0,
    };
    match usize::try_from(most) {
        Ok(most) if most == 0 || most >= 640 => {
            number_repr::set_most_digits(most);
            Ok(Value::None)
        }
        _ => Err(value_error("maxdigits must be 0 or larger than 640")),
    }
}

fn set_switch_interval(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let interval = arguments::one("sys.setswitchinterval", args)?;
    let interval = arguments::float(cx, interval)?;
    if interval <= 0.0 {
        return Err(value_error("switch interval must be strictly positive"));
    }
    let chosen = cx.session.extensions.get::<SwitchInterval>();
    chosen.0.store((interval * 1e6) as u64, Ordering::Relaxed);
    Ok(Value::None)
}

/// What `breakpoint()` does: nothing, what the environment says, or refuse, for there is no debugger.
fn breakpoint_hook(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const VARIABLE: &str = "PYTHONBREAKPOINT";
    let chosen = reading(|| std::env::var(VARIABLE)).unwrap_or_default();
    if chosen == "0" {
        return Ok(Value::None);
    }
    if chosen.is_empty() {
        return Err(Raised::new(
            ExceptionKind::NotImplementedError,
            "breakpoint() is not supported: conc has no debugger. Print what you want to see, or set \
             PYTHONBREAKPOINT=0 to pass over all breakpoints",
        ));
    }
    let (module, name) = chosen
        .rsplit_once('.')
        .unwrap_or(("builtins", chosen.as_str()));
    let found = match import::module(cx, Name::new(module)) {
        Ok(module) => attribute::find(cx, &Value::Module(module), Name::new(name))?,
        Err(raised) if raised.is(ExceptionKind::ImportError) => None,
        Err(raised) => return Err(raised),
    };
    match found {
        Some(hook) => cx.call_with(&hook, args),
        None => {
            let warnings = Value::Module(import::module(cx, Name::new("warnings"))?);
            let text = format!("Ignoring unimportable ${VARIABLE}: \"{chosen}\"");
            let category = Value::Class(types().exception(ExceptionKind::RuntimeWarning).clone());
            cx.call_method(&warnings, "warn", &[Value::from(text), category])?;
            Ok(Value::None)
        }
    }
}

/// Attributes that are computed whenever they are asked for.
fn computed(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let name = arguments::one("sys.__getattr__", args)?;
    if name.as_str() == Some("modules") {
        let module = Value::Module(import::module(cx, Name::new("_sys_modules"))?);
        return attribute::get(cx, &module, Name::new("modules"));
    }
    let shown = name.as_str().unwrap_or_default();
    Err(crate::value::exception::attribute_error(format!(
        "module 'sys' has no attribute '{shown}'"
    )))
}

/// A call as scripts see it that look at their callers.
fn get_frame(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let depth = match arguments::between("_getframe", args, 0, 1)? {
        [depth] => arguments::integer(cx, depth)?.max(0) as usize,
        _ => 0,
    };
    let calls = cx.active_calls();
    if depth >= calls.len() {
        return Err(value_error("call stack is not deep enough"));
    }
    let variables = cx.variables_of_calls();
    let mut outer = Value::None;
    for (call, (module, variables)) in calls.iter().zip(variables).skip(depth).rev() {
        let code = &call.code;
        let frame = frame_value(code_value(code));
        let line = code.origin.source.line(code.origin.span(call.node).start);
        let globals = Module::dict(&module);
        let locals = match variables {
            Some(variables) => Value::Dict(Ref::new(Dict::from_names(variables))),
            None => globals.clone(),
        };
        if let Some(instance) = frame.as_instance() {
            for (name, value) in [
                ("f_lineno", Value::size(line)),
                ("f_back", outer),
                ("f_globals", globals),
                ("f_locals", locals),
            ] {
                instance.set(Name::new(name), value);
            }
        }
        outer = frame;
    }
    Ok(outer)
}

/// `settrace` and `setprofile`: nothing calls such a function, so only none can be set.
fn no_hook(name: &str, args: Args<'_>) -> Outcome<Value> {
    let hook = arguments::one(&format!("sys.{name}"), args)?;
    if hook.is_none() {
        return Ok(Value::None);
    }
    Err(crate::value::exception::not_implemented(format!(
        "conc has no tracing: no function of sys.{name}() would ever be called"
    )))
}

/// The innermost calls of all threads by the threads' numbers. What others are doing is not looked at.
fn current_frames(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("sys._current_frames", args)?;
    let frame = innermost_frame(cx);
    let own = cx.thread.id().get() as i64;
    let frames = Dict::new();
    frames.set(cx, Value::Int(own), frame)?;
    Ok(Value::Dict(Ref::new(frames)))
}

/// The innermost call, as `sys._getframe()` gives it; `None` outside all calls.
pub fn innermost_frame(cx: &mut Context) -> Value {
    get_frame(cx, Args::positional_only(&[])).unwrap_or_default()
}

/// The folders in which `import` looks for files: what `sys.path` says, once a script can have
/// changed it.
pub fn search_path(cx: &Context) -> Vec<PathBuf> {
    let loaded = cx.session.modules.lock().get(&Name::new("sys")).cloned();
    let path = loaded.and_then(|sys| sys.get(Name::new("path")));
    let folders = match path.as_ref().map(Value::unwrapped) {
        Some(Value::List(folders)) => folders.snapshot(),
        Some(Value::Tuple(folders)) => folders.items().to_vec(),
        _ => return cx.session.search_path.lock().clone(),
    };
    folders
        .iter()
        .filter_map(|folder| folder.unwrapped().as_str().map(PathBuf::from))
        .collect()
}
