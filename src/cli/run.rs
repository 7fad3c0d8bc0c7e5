//! Running one program: its text, a session that owns the process, its end. It must not know the
//! prompt.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::arguments::{self, Command};
use super::finish::{self, End};
use super::input::{self, Unreadable};
use super::module::{self, Found};
use super::{USAGE, prompt, show, signals};
use crate::engine::core::{Core, SessionOptions};
use crate::engine::load;
use crate::engine::program::{CompileOptions, Program};
use crate::eval::context::Context;
use crate::eval::import;
use crate::eval::native_stack::run_on_large;
use crate::runtime::fork;
use crate::runtime::memory;
use crate::runtime::native_stack::lowest_address;
use crate::runtime::output::Output;
use crate::runtime::process;
use crate::runtime::sharing;
use crate::runtime::signal;
use crate::runtime::thread::{self, ThreadKind};
use crate::syntax::source::Source;
use crate::value::name::{Name, known};
use crate::value::{Outcome, Value};

/// Native stack for the main thread: room for deep recursion, of which only what is used becomes
/// real memory.
const STACK: usize = 512 << 20;

/// Runs what the command line asks for; the status to end with.
pub(super) fn run(command: &Command) -> u8 {
    let program = match compile(command) {
        Ok(program) => program,
        Err(message) => {
            show::say(&message);
            return USAGE;
        }
    };
    signals::install();
    // Less of it, or none, only means that running out of memory may end the program.
    let _ = memory::fill_reserve();
    fork::set_owns_process(true);
    signal::keep_handlers_stack_out_of_forks();
    let session = session(command);
    // Names that every main module of Python has; there is no loader to speak of.
    for name in ["__package__", "__loader__", "__spec__"] {
        session.state().main.set(Name::new(name), Value::None);
    }
    if let Some(path) = script(&command.program) {
        // Absolute, as in CPython: the script may change the folder.
        let path = std::path::absolute(&path).unwrap_or(path);
        let path = Value::str(path.to_string_lossy().into_owned());
        session.state().main.set(known().file, path);
    } else if let (arguments::Program::Input, Some(program)) = (&command.program, &program) {
        let name = Value::str(program.name());
        session.state().main.set(known().file, name);
    }
    let before = warning_options(&command.warnings);
    let status = finish::leave(in_main_thread(&session, |cx| {
        if let Err(raised) = prepare(cx, &session, command, before.as_ref()) {
            return finish::finish(cx, Err(raised));
        }
        let result = match &program {
            Some(program) => load::warn(cx, program).and_then(|()| session.run_in(cx, program)),
            None => Ok(Value::None),
        };
        let result = match program.is_none() || (command.interactive && fork::generation() == 0) {
            true => at_prompt(cx, &session, command, &result),
            false => result,
        };
        finish::finish(cx, result)
    }));
    // The calling thread is not the interpreter's any more.
    if thread::count() == 0 {
        sharing::visit(|| drop(session));
    } else {
        // A daemon thread still runs, and goes with the process.
        std::mem::forget(session);
    }
    status
}

/// What comes before the program, once there is a thread to run it. Apart from it, so that nothing of this is left on
/// the stack, of which each fork copies what is written to.
#[inline(never)]
fn prepare(
    cx: &mut Context,
    session: &Core,
    command: &Command,
    warnings: Option<&Program>,
) -> Outcome<()> {
    process::prepare();
    if let Ok(builtins) = import::module(cx, Name::new("builtins")) {
        let main = session.state().main.clone();
        main.set(Name::new("__builtins__"), Value::Module(builtins));
    }
    if let Some(options) = warnings {
        session.run_in(cx, options)?;
    }
    if let arguments::Program::Module(name) = &command.program {
        prepare_module(cx, session, name)?;
    }
    Ok(())
}

/// The prompt, after the program if there is one. Apart for the same reason.
#[inline(never)]
fn at_prompt(
    cx: &mut Context,
    session: &Core,
    command: &Command,
    result: &Outcome<Value>,
) -> Outcome<Value> {
    if let Err(raised) = result {
        show::uncaught(cx, raised);
    }
    prompt::run(session, cx, command.optimise)
}

/// What comes before a module that is run by its name: the package that it belongs to is imported, and the main
/// module told what it is.
fn prepare_module(cx: &mut Context, session: &Core, name: &str) -> Outcome<()> {
    let package = module::package_of(name);
    let main = session.state().main.clone();
    main.set(Name::new("__package__"), Value::str(package));
    if module::is_package(package) {
        import::module(cx, Name::new(package))?;
        let loaded = cx.session.modules.lock().contains_key(&Name::new(name));
        if loaded && package != name {
            let runner = Value::Module(import::module(cx, Name::new("_run_module"))?);
            let args = [Value::str(name), Value::str(package)];
            cx.call_method(&runner, "warn_of_loaded", &args)?;
        }
    }
    let Found::File(path) = module::find(name) else {
        return Ok(());
    };
    let whole = match path.file_stem().is_some_and(|stem| stem == "__main__") && package == name {
        true => format!("{name}.__main__"),
        false => name.to_owned(),
    };
    load::describe(cx, &main, &whole, &path.to_string_lossy(), false)
}

/// The file that is run, if it is one.
fn script(program: &arguments::Program) -> Option<PathBuf> {
    match program {
        arguments::Program::File(path) => Some(path.clone()),
        arguments::Program::Module(name) => match module::find(name) {
            Found::File(path) => Some(path),
            _ => None,
        },
        _ => None,
    }
}

/// What hands the options `-W` to `warnings`, if there are any.
fn warning_options(options: &[String]) -> Option<Program> {
    if options.is_empty() {
        return None;
    }
    let quoted: Vec<String> = options.iter().map(|option| quoted(option)).collect();
    let text = format!(
        "__import__('warnings')._take_options([{}])",
        quoted.join(", ")
    );
    let source = Arc::new(Source::new("<command>", text));
    Program::compile(&source, CompileOptions::default()).ok()
}

/// The text of a program that says that a module cannot be run, and why.
fn missing(message: &str) -> String {
    format!("__import__('_run_module').missing({})", quoted(message))
}

/// A text as a literal of the language.
fn quoted(text: &str) -> String {
    let codes = text
        .chars()
        .map(|letter| format!("\\U{:08x}", u32::from(letter)));
    format!("'{}'", codes.collect::<String>())
}

/// The program that is to be run before any prompt, or what is wrong with it, ready to be shown.
fn compile(command: &Command) -> Result<Option<Program>, String> {
    let source = match &command.program {
        arguments::Program::Prompt => return Ok(None),
        arguments::Program::Module(name) => match module::find(name) {
            Found::File(path) => input::file(&path),
            Found::Library(text) => Ok(Source::new("<command>", text)),
            Found::Nothing(message) => Ok(Source::new("<command>", missing(&message))),
        },
        arguments::Program::File(path) => input::file(path),
        arguments::Program::Text(text) => Ok(Source::new("<string>", text.as_str())),
        arguments::Program::Input => input::standard_input(),
    };
    let source = match source {
        Ok(source) => Arc::new(source),
        Err(Unreadable::File(message)) => return Err(format!("conc: {message}\n")),
        Err(Unreadable::Text(source, error)) => return Err(show::syntax_text(&error, &source)),
    };
    let options = CompileOptions {
        optimise: command.optimise,
        ..CompileOptions::default()
    };
    match Program::compile(&source, options) {
        Ok(program) => Ok(Some(program)),
        Err(error) => Err(show::syntax_text(&error, &source)),
    }
}

fn in_main_thread(session: &Core, work: impl FnOnce(&mut Context) -> End) -> End {
    run_on_large(
        STACK,
        |stacks| session.enter_on_stack(ThreadKind::Main, stacks, work),
        lowest_address(),
    )
}

fn session(command: &Command) -> Core {
    Core::new(SessionOptions {
        stdout: Output::to_descriptor(1, !command.unbuffered),
        stderr: Output::to_descriptor(2, false),
        arguments: arguments_of(command),
        search_path: search_path(&command.program),
        optimise: command.optimise,
        show: prompt::show_value,
        on_pending: signals::on_pending,
        show_uncaught: show::uncaught_in,
    })
}

/// `sys.argv`.
fn arguments_of(command: &Command) -> Vec<String> {
    let mut arguments = command.arguments.clone();
    if let (arguments::Program::Module(_), Some(path)) =
        (&command.program, script(&command.program))
    {
        let path = std::path::absolute(&path).unwrap_or(path);
        arguments[0] = path.to_string_lossy().into_owned();
    }
    arguments
}

/// The script's own folder, then those that the environment names.
fn search_path(program: &arguments::Program) -> Vec<PathBuf> {
    let own = match program {
        arguments::Program::File(path) => {
            // Through links: what a script imports stands beside the file itself.
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            real.parent().map(Path::to_path_buf).unwrap_or_default()
        }
        // Absolute, as in CPython, so that what is imported is, too.
        arguments::Program::Module(_) => std::env::current_dir().unwrap_or_default(),
        _ => PathBuf::new(),
    };
    let mut folders = vec![own];
    if let Some(more) = std::env::var_os("CONC_PATH") {
        folders.extend(std::env::split_paths(&more));
    }
    folders
}
