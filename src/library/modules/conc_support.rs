//! `_conc`: what the library's modules that are written in conc need of the interpreter: who called, tracebacks as
//! text, the echo of a terminal. It must not know those modules.

use std::sync::Arc;

use super::with_functions;
use crate::diagnostics::{Report, exception_only, format_frame, text};
use crate::engine::load::{self, Found};
use crate::engine::program::{CompileOptions, Program};
use crate::eval::context::Context;
use crate::eval::import;
use crate::eval::module::Module;
use crate::eval::run::program as run_program;
use crate::eval::traceback;
use crate::library::arguments;
use crate::library::define::Entries;
use crate::library::exceptions::from_io;
use crate::library::paths;
use crate::syntax::source::Source;
use crate::value::exception::{Raised, TraceEntry, type_error};
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Dict, Outcome, Value};

const FUNCTIONS: Entries<'_> = &[
    ("caller", caller),
    ("disk_usage", disk_usage),
    ("exception_only", only),
    ("find_module", find_module),
    ("format_exception", format_exception),
    ("forget_module", forget_module),
    ("loaded_modules", loaded_modules),
    ("put_module", put_module),
    ("run", run),
    ("run_file", run_file),
    ("set_echo", set_echo),
    ("source_line", source_line),
    ("stack_entries", stack_entries),
    ("stack_text", stack_text),
    ("traceback_entries", traceback_entries),
];

/// Makes the module.
pub(super) fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    Ok(with_functions("_conc", FUNCTIONS))
}

/// All modules that are loaded, and what stands for some, by their names.
fn loaded_modules(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("loaded_modules", args)?;
    let mut modules: Vec<(Name, Value)> = cx
        .session
        .modules
        .lock()
        .iter()
        .map(|(name, module)| (*name, Value::Module(module.clone())))
        .collect();
    let stand_ins = import::stand_ins(cx);
    modules.retain(|(name, _)| !stand_ins.iter().any(|(other, _)| other == name));
    modules.extend(stand_ins);
    modules.sort_by_key(|(name, _)| name.as_str());
    Ok(Value::Dict(Ref::new(Dict::from_names(modules))))
}

/// Has `import` find something under a name from now on.
fn put_module(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [name, module] = arguments::exactly("put_module", args)?;
    let name = arguments::text(name, "put_module() argument 1")?;
    import::put(cx, Name::new(name.as_str()), module);
    Ok(Value::None)
}

/// Has `import` load a module anew.
fn forget_module(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let name = arguments::one("forget_module", args)?;
    if let Some(name) = name.as_str() {
        import::forget(cx, Name::new(name));
    }
    Ok(Value::None)
}

/// The places of all active calls, innermost first.
fn active(cx: &Context) -> Vec<TraceEntry> {
    let calls = cx.active_calls();
    let entry = |call: &crate::eval::stack::FrameView| TraceEntry {
        source: call.code.origin.source.clone(),
        span: call.code.origin.span(call.node),
        function: call.code.qualified_name,
    };
    calls.iter().map(entry).collect()
}

fn bare(entry: &TraceEntry) -> Value {
    let name = entry.function.as_str();
    Value::str(name.rsplit('.').next().unwrap_or(name))
}

fn line(entry: &TraceEntry) -> usize {
    entry.source.line(entry.span.start)
}

/// File, line and function of the innermost call outside of a source; of the one so many levels further out, with a
/// number.
fn caller(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [library, level] = arguments::exactly("caller", args)?;
    let library = arguments::text(library, "caller() argument 1")?;
    let level = arguments::integer(cx, level)?.max(1) as usize;
    let calls = active(cx);
    let outside = |entry: &&TraceEntry| entry.source.name() != library.as_str();
    let chosen = calls.iter().filter(outside).nth(level - 1);
    let Some(entry) = chosen.or_else(|| calls.iter().rfind(outside)) else {
        return Ok(Value::tuple_of([
            Value::str("(unknown file)"),
            Value::Int(0),
            Value::str("(unknown function)"),
        ]));
    };
    Ok(Value::tuple_of([
        Value::str(entry.source.name()),
        Value::size(line(entry)),
        bare(entry),
    ]))
}

/// The active calls as lines of a traceback, outermost first, without the innermost ones in a source.
fn stack_text(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let library = arguments::one("stack_text", args)?;
    let library = arguments::text(library, "stack_text() argument")?;
    let calls = active(cx);
    let shown = calls
        .iter()
        .skip_while(|entry| entry.source.name() == library.as_str());
    let mut lines: Vec<Value> = shown.map(plain_frame).collect();
    lines.reverse();
    Ok(Value::list(lines))
}

/// A place with the first line of its source, as a stack is shown.
fn plain_frame(entry: &TraceEntry) -> Value {
    let number = line(entry);
    let name = entry.function.as_str();
    let mut out = format!(
        "  File \"{}\", line {number}, in {}\n",
        entry.source.name(),
        name.rsplit('.').next().unwrap_or(name)
    );
    let text = entry.source.line_text(number).trim();
    if !text.is_empty() {
        out.push_str(&format!("    {text}\n"));
    }
    Value::from(out)
}

/// A place as a tuple: file, first and last line, first and last column in bytes, function, text of the line, lines of
/// a traceback.
fn described(entry: &TraceEntry) -> Value {
    let source = &entry.source;
    let first = line(entry);
    let end = entry.span.end.max(entry.span.start);
    let last = source.line(end.saturating_sub(1).max(entry.span.start));
    let column = |offset: u32, line: usize| {
        Value::size((offset as usize).saturating_sub(source.line_range(line).start))
    };
    Value::tuple_of([
        Value::str(source.name()),
        Value::size(first),
        Value::size(last),
        column(entry.span.start, first),
        column(end, last),
        bare(entry),
        Value::str(source.line_text(first)),
        Value::from(format_frame(entry)),
    ])
}

fn stack_entries(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let library = arguments::one("stack_entries", args)?;
    let library = arguments::text(library, "stack_entries() argument")?;
    let calls = active(cx);
    let shown = calls
        .iter()
        .skip_while(|entry| entry.source.name() == library.as_str());
    let mut entries: Vec<Value> = shown.map(described).collect();
    entries.reverse();
    Ok(Value::list(entries))
}

fn traceback_entries(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let trace = arguments::one("traceback_entries", args)?;
    if trace.is_none() {
        return Ok(Value::list(Vec::new()));
    }
    let Some(entries) = traceback::entries(trace) else {
        return Err(type_error(format!(
            "a traceback is required, not '{}'",
            trace.type_name()
        )));
    };
    Ok(Value::list(entries.iter().rev().map(described).collect()))
}

/// A line of the source that a traceback's place stands in, as far as it is in memory.
fn source_line(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [file, number] = arguments::exactly("source_line", args)?;
    let file = arguments::text(file, "source_line() argument 1")?;
    let number = arguments::integer(cx, number)?;
    let calls = active(cx);
    let found = calls
        .iter()
        .find(|entry| entry.source.name() == file.as_str());
    Ok(match (found, usize::try_from(number)) {
        (Some(entry), Ok(number)) => Value::str(entry.source.line_text(number)),
        _ => Value::None,
    })
}

fn exception(value: &Value) -> Outcome<Raised> {
    match value.as_instance() {
        Some(instance) if instance.exception().is_some() => Ok(Raised::instance(instance.clone())),
        _ => Err(type_error(format!(
            "Exception expected for value, {} found",
            value.type_name()
        ))),
    }
}

/// An exception with those that led to it, with this traceback instead of its own.
fn format_exception(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [value, trace] = arguments::exactly("format_exception", args)?;
    if value.is_none() {
        return Ok(Value::str("NoneType: None\n"));
    }
    let raised = exception(value)?;
    let mut report = Report::new(cx, &raised);
    for link in &mut report.links {
        // Advice is for whoever reads; what is made from this text expects CPython's form.
        link.error.help = None;
    }
    if let Some(last) = report.links.last_mut() {
        let mut entries = traceback::entries(trace).unwrap_or_default();
        entries.reverse();
        last.error.frames = entries;
    }
    Ok(Value::from(text(&report)))
}

/// The lines by which an exception is known.
fn only(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let raised = exception(arguments::one("exception_only", args)?)?;
    let mut report = Report::new(cx, &raised);
    let Some(link) = report.links.last_mut() else {
        return Ok(Value::str(""));
    };
    link.error.help = None;
    Ok(Value::from(exception_only(&link.error)))
}

/// Runs a text in a module of its own that begins with these global variables: for code that is given as text, as
/// `timeit` takes it. Gives the module.
fn run(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [text, name, globals] = arguments::exactly("run", args)?;
    let text = arguments::text(text, "run() argument 1")?;
    let name = arguments::text(name, "run() argument 2")?;
    let source = Arc::new(Source::new(name.as_str(), text.as_str()));
    let options = CompileOptions {
        optimise: cx.session.optimise,
        ..CompileOptions::default()
    };
    let program =
        Program::compile(&source, options).map_err(|error| load::syntax_raised(&error, &source))?;
    let module = Module::new(Name::new(name.as_str()), crate::library::builtin);
    if let Value::Dict(globals) = globals.unwrapped() {
        for (name, value) in globals.entries()? {
            if let Some(name) = name.as_str() {
                module.set(Name::new(name), value);
            }
        }
    }
    run_program(cx, &program.program, &module)?;
    Ok(Value::Module(module))
}

/// What an import of this name would load: a kind in a word, with a path if it is in a file or folder; `None` if
/// nothing.
fn find_module(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let dotted = arguments::one("find_module", args)?;
    let dotted = arguments::text(dotted, "find_module() argument")?.clone();
    let (kind, path) = match load::find(cx, dotted.as_str()) {
        Some(Found::Library { is_package }) => match is_package {
            true => ("package", Value::None),
            false => ("module", Value::None),
        },
        Some(Found::File(path)) => match path.is_dir() {
            true => ("folder", Value::from(path.to_string_lossy().into_owned())),
            false => ("file", Value::from(path.to_string_lossy().into_owned())),
        },
        None => return Ok(Value::None),
    };
    Ok(Value::tuple_of([Value::str(kind), path]))
}

/// Runs a file in a module, which imports find from then on unless they find another of its name.
fn run_file(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [module, path] = arguments::exactly("run_file", args)?;
    let Value::Module(module) = module.unwrapped() else {
        return Err(arguments::wrong_type(
            module,
            "run_file() argument 1",
            "module",
        ));
    };
    let text = arguments::text(path, "run_file() argument 2")?;
    let bytes =
        std::fs::read(text.as_str()).map_err(|error| from_io(&error, Some(path.clone())))?;
    load::run_file(cx, module.clone(), text.as_str(), bytes)?;
    Ok(Value::None)
}

/// How many bytes there are, are used and are free where a file is.
fn disk_usage(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let path = arguments::one("disk_usage", args)?;
    let name = paths::c_path(cx, path)?;
    // SAFETY: all zero is a valid place for the answer.
    let mut status = unsafe { std::mem::zeroed::<libc::statvfs>() };
    // SAFETY: a C string and a valid place.
    if unsafe { libc::statvfs(name.as_ptr(), &mut status) } != 0 {
        return Err(from_io(
            &std::io::Error::last_os_error(),
            Some(path.clone()),
        ));
    }
    let bytes = |blocks: u64| Value::Int(blocks.saturating_mul(status.f_frsize) as i64);
    Ok(Value::tuple_of([
        bytes(status.f_blocks),
        bytes(status.f_blocks.saturating_sub(status.f_bfree)),
        bytes(status.f_bavail),
    ]))
}

/// Turns the echo of a terminal on or off; what it was, or `None` for what is no terminal.
fn set_echo(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, echo] = arguments::exactly("set_echo", args)?;
    let fd = arguments::integer32(cx, fd)?;
    let echo = arguments::truth(cx, echo)?;
    // SAFETY: all zero is a valid termios.
    let mut modes = unsafe { std::mem::zeroed::<libc::termios>() };
    // SAFETY: `modes` is a valid place.
    if unsafe { libc::tcgetattr(fd, &mut modes) } != 0 {
        return Ok(Value::None);
    }
    let before = modes.c_lflag & libc::ECHO != 0;
    match echo {
        true => modes.c_lflag |= libc::ECHO,
        false => modes.c_lflag &= !libc::ECHO,
    }
    // SAFETY: `modes` was filled in.
    if unsafe { libc::tcsetattr(fd, libc::TCSAFLUSH, &modes) } != 0 {
        return Err(from_io(&std::io::Error::last_os_error(), None));
    }
    Ok(Value::Bool(before))
}
