//! What was probably meant: names, attributes, modules. It must not know how it is said.

use super::report::name_field;
use crate::eval::context::Context;
use crate::library::left_out;
use crate::library::modules;
use crate::library::suggestion::closest;
use crate::value::Value;
use crate::value::exception::{ExceptionKind, TraceEntry};
use crate::value::instance::Instance;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;

/// What can be said about an exception besides its message.
#[derive(Default)]
pub(super) struct Suggested {
    /// The end of the last line, CPython's text.
    pub(super) text: String,
    /// What to do, where CPython says nothing.
    pub(super) help: Option<String>,
}

/// Looks for what was meant.
pub(super) fn for_exception(
    cx: &mut Context,
    instance: &Ref<Instance>,
    message: &str,
    frames: &[TraceEntry],
) -> Suggested {
    let is = |kind| instance.class().derives_from(types().exception(kind));
    let Some(name) = name_field(instance) else {
        let help = if is(ExceptionKind::TypeError) {
            for_arguments(message, frames)
        } else if is(ExceptionKind::Exception) {
            for_construction(message)
        } else {
            None
        };
        return Suggested {
            text: String::new(),
            help,
        };
    };
    if is(ExceptionKind::NameError) {
        match instance.exception().and_then(|data| data.meant()) {
            Some(meant) => Suggested {
                text: did_you_mean(&meant),
                help: None,
            },
            None => for_name(cx, &name, frames),
        }
    } else if is(ExceptionKind::AttributeError) {
        match instance.get(Name::new("obj")) {
            Some(object) => for_attribute(&name, &object),
            None => Suggested::default(),
        }
    } else if is(ExceptionKind::ModuleNotFoundError) {
        // A module may say by itself why it is not there.
        if message.starts_with("No module named ") {
            for_module(&name)
        } else {
            Suggested::default()
        }
    } else if is(ExceptionKind::ImportError) {
        for_import(cx, instance, &name)
    } else {
        Suggested::default()
    }
}

/// What to do about the arguments that `Process`, `Thread` or a pool was given for a function: mostly, the comma
/// is missing that makes a tuple.
fn for_arguments(message: &str, frames: &[TraceEntry]) -> Option<String> {
    let Some(frame) = frames.last() else {
        // Raised before the function's first line: the call itself, which the library made, was wrong.
        let is_count = message.contains("positional argument")
            && (message.contains(" given") || message.contains(" missing "));
        return (is_count || message.contains("argument after * must be")).then(|| {
            "the function is called with the items of `args`, a tuple: `args=(x,)` gives it one argument"
                .to_owned()
        });
    };
    if !message.ends_with(" object is not iterable") {
        return None;
    }
    let call = frame.source.slice(frame.span);
    let is_ours = ["Process(", "Thread(", "Timer(", ".apply(", ".apply_async("]
        .iter()
        .any(|name| call.contains(name));
    let single = parenthesised_single(call)?;
    is_ours.then(|| format!("`({single})` is no tuple: write `({single},)`"))
}

/// What stands in the last pair of parentheses within a call, if that is one thing without a comma.
fn parenthesised_single(call: &str) -> Option<&str> {
    let inner = call.trim_end().strip_suffix(')')?.trim_end();
    let (_, inner) = inner.strip_suffix(')')?.rsplit_once('(')?;
    let is_single = !inner.trim().is_empty() && !inner.contains([',', ')', '\n']);
    is_single.then_some(inner)
}

/// What to do about a process or thread that was made in a wrong way.
fn for_construction(message: &str) -> Option<String> {
    if message == "group argument must be None for now" {
        Some("the function is given by name: `target=f, args=(x,)`".to_owned())
    } else if message == "thread.__init__() not called"
        || message == "Thread.__init__() not called"
        || message.ends_with(" object has no attribute '_closed'")
    {
        Some("let `__init__` call `super().__init__()` before anything else".to_owned())
    } else {
        None
    }
}

fn did_you_mean(name: &str) -> String {
    format!(". Did you mean: '{name}'?")
}

fn for_name(cx: &mut Context, wrong: &str, frames: &[TraceEntry]) -> Suggested {
    // No import is needed for a queue, but for the name of its exceptions alone.
    if wrong == "Empty" || wrong == "Full" {
        return Suggested {
            text: String::new(),
            help: Some(format!(
                "write `Queue.{wrong}`, or `from queue import {wrong}`"
            )),
        };
    }
    let mut names: Vec<String> = Vec::new();
    if let Some(frame) = frames.last() {
        names.extend(variables_at(cx, frame));
    }
    let builtins = crate::library::builtins::names();
    names.extend(builtins.into_iter().map(str::to_owned));
    let meant = closest(wrong, names.iter().map(String::as_str));
    if !modules::names().any(|module| module == wrong) {
        let text = meant.map(did_you_mean).unwrap_or_default();
        return Suggested { text, help: None };
    }
    // A class is hardly meant where there is a module of just this name.
    let text = match meant.filter(|name| !name.starts_with(char::is_uppercase)) {
        Some(name) => {
            let first = did_you_mean(name);
            format!("{first} Or did you forget to import '{wrong}'?")
        }
        None => format!(". Did you forget to import '{wrong}'?"),
    };
    Suggested { text, help: None }
}

/// The names of the variables that a place sees: those of its function, then those of its module.
fn variables_at(cx: &mut Context, frame: &TraceEntry) -> Vec<String> {
    let file = frame.source.name();
    let is_file = |module: &crate::eval::module::Module| matches!(module.get(known().file), Some(Value::Str(path)) if path.as_str() == file);
    let loaded: Vec<_> = cx.session.modules.lock().values().cloned().collect();
    let module = loaded
        .into_iter()
        .find(|module| is_file(module))
        .unwrap_or_else(|| cx.session.main.clone());
    let mut names = local_names(cx, frame);
    names.extend(
        module
            .entries()
            .into_iter()
            .map(|(name, _)| name.to_string()),
    );
    names
}

fn local_names(cx: &mut Context, frame: &TraceEntry) -> Vec<String> {
    let programs = cx
        .session
        .extensions
        .get::<crate::library::message::Programs>();
    let Some(code) = programs.code_at(&frame.source, frame.function) else {
        return Vec::new();
    };
    let written = |name: &&Name| {
        name.as_str()
            .starts_with(|c: char| c.is_alphabetic() || c == '_')
    };
    code.slot_names
        .iter()
        .chain(code.capture_names.iter())
        .filter(written)
        .map(|name| name.to_string())
        .collect()
}

fn for_attribute(wrong: &str, object: &Value) -> Suggested {
    if let Value::Module(module) = object
        && left_out::is_attribute(module.name().as_str(), wrong)
    {
        let why = match module.name().as_str() {
            "ctypes" => ": it calls no libraries of C",
            _ => "",
        };
        return Suggested {
            text: String::new(),
            help: Some(format!(
                "`{}` has `{wrong}` in Python; conc's has not{why}",
                module.name()
            )),
        };
    }
    let names = attribute_names(object);
    // Names that begin with an underscore are for those who write one.
    let hidden = wrong.starts_with('_');
    let offered = names
        .iter()
        .map(String::as_str)
        .filter(|name| hidden || !name.starts_with('_'));
    Suggested {
        text: closest(wrong, offered)
            .map(did_you_mean)
            .unwrap_or_default(),
        help: None,
    }
}

/// The names of an object's attributes, without running script code.
pub(crate) fn attribute_names(object: &Value) -> Vec<String> {
    let mut names = Vec::new();
    let mut add = |entries: Vec<(Name, Value)>| {
        names.extend(entries.into_iter().map(|(name, _)| name.to_string()));
    };
    let class = match object {
        Value::Class(class) => class,
        other => other.class(),
    };
    match object {
        Value::Module(module) => add(module.entries()),
        Value::Instance(instance) => add(instance.entries()),
        _ => {}
    }
    if !matches!(object, Value::Module(_)) {
        add(class.entries());
        class
            .ancestors()
            .iter()
            .for_each(|base| add(base.entries()));
    }
    names.sort();
    names.dedup();
    names
}

/// What to say of modules that are asked for often and are left out.
fn left_out(wrong: &str) -> Option<String> {
    let first = wrong.split('.').next().unwrap_or(wrong);
    let why = match first {
        "asyncio" => {
            "conc has no `async`; `threading`, `concurrent.futures` and `multiprocessing` do what it is used for"
        }
        "tkinter" | "curses" | "turtle" => "conc has no windows and no screens",
        "ssl" => "conc has no TLS",
        "sqlite3" | "dbm" | "shelve" => "conc has no data bases",
        "ast" | "dis" | "tokenize" | "symtable" | "code" | "codeop" | "pdb" | "bdb" | "trace"
        | "tracemalloc" | "cProfile" | "profile" => "it is about the insides of CPython",
        "numpy" | "pandas" | "scipy" | "matplotlib" | "sklearn" | "torch" | "tensorflow"
        | "cv2" | "PIL" | "requests" | "aiohttp" | "gevent" | "trio" | "psutil" | "tqdm"
        | "celery" | "redis" | "bs4" | "lxml" | "flask" | "django" | "joblib" | "setproctitle" => {
            "it is a package for CPython, which conc cannot load"
        }
        _ => return None,
    };
    Some(format!("`{first}` is left out: {why}"))
}

fn for_module(wrong: &str) -> Suggested {
    if let Some(help) = left_out(wrong) {
        return Suggested {
            text: String::new(),
            help: Some(help),
        };
    }
    let help = match left_out::former_module(wrong) {
        Some("") => Some(format!(
            "Python 3.13 has no module `{wrong}`, and neither has conc"
        )),
        Some(name) => Some(format!(
            "`{wrong}` is a module of Python 2 or of a Python before 3.13: it is `{name}` now"
        )),
        None if left_out::is_module(wrong) => Some(format!("conc has no module `{wrong}`")),
        None => None,
    };
    if help.is_some() {
        return Suggested {
            text: String::new(),
            help,
        };
    }
    let all: Vec<&str> = modules::names().collect();
    let help = match closest(wrong, all.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => {
            // What stands inside a package is found by its documentation.
            let mut listed: Vec<&str> = all
                .into_iter()
                .filter(|name| !name.starts_with('_') && !name.contains('.'))
                .collect();
            listed.sort_unstable();
            let file = wrong.replace('.', "/");
            format!(
                "there is no `{file}.conc` or `{file}.py` beside the script or in another folder of `sys.path`; \
                 conc's own modules are {}",
                listed.join(", ")
            )
        }
    };
    Suggested {
        text: String::new(),
        help: Some(help),
    }
}

fn for_import(cx: &mut Context, instance: &Instance, module: &str) -> Suggested {
    let Some(wrong) = instance.get(Name::new("name_from")) else {
        return Suggested::default();
    };
    let Some(wrong) = wrong.as_str() else {
        return Suggested::default();
    };
    let loaded = cx.session.modules.lock().get(&Name::new(module)).cloned();
    match loaded {
        Some(module) => for_attribute(wrong, &Value::Module(module)),
        None => Suggested::default(),
    }
}
