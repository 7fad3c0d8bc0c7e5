//! Running one program: its text, a session that owns the process, its end. It must not know the
//! prompt.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::arguments::{self, Command};
use super::finish::{self, End};
use super::input::{self, Unreadable};
use super::{USAGE, show, signals};
use crate::diagnostics;
use crate::engine::core::{Core, SessionOptions};
use crate::engine::program::{CompileOptions, Program};
use crate::eval::native_stack::run_on_large;
use crate::runtime::fork;
use crate::runtime::memory;
use crate::runtime::native_stack::lowest_address;
use crate::runtime::output::Output;
use crate::runtime::thread::ThreadKind;
use crate::syntax::source::Source;
use crate::value::Value;

/// Native stack for the main thread: room for deep recursion, of which only what is used becomes
/// real memory.
const STACK: usize = 512 << 20;

/// Runs what the command line asks for; the status to end with.
pub(super) fn run(command: &Command) -> u8 {
    let source = match &command.program {
        arguments::Program::File(path) => input::file(path),
        arguments::Program::Text(text) => Ok(Source::new("<string>", text.as_str())),
        arguments::Program::Input | arguments::Program::Prompt => input::standard_input(),
    };
    let source = match source {
        Ok(source) => Arc::new(source),
        Err(Unreadable::File(message)) => {
            show::say(&format!("conc: {message}\n"));
            return USAGE;
        }
        Err(Unreadable::Text(source, error)) => {
            show::say(&show::syntax_text(&error, &source));
            return USAGE;
        }
    };
    let options = CompileOptions {
        optimise: command.optimise,
        ..CompileOptions::default()
    };
    let program = match Program::compile(&source, options) {
        Ok(program) => program,
        Err(error) => {
            show::say(&show::syntax_text(&error, &source));
            return USAGE;
        }
    };
    signals::install();
    // Less of it, or none, only means that running out of memory may end the program.
    let _ = memory::fill_reserve();
    fork::set_owns_process(true);
    let session = session(command);
    if let arguments::Program::File(path) = &command.program {
        session.set_global("__file__", Value::str(path.to_string_lossy().into_owned()));
    }
    finish::leave(in_main_thread(&session, |cx| {
        let result = session.run_in(cx, &program);
        finish::finish(cx, result)
    }))
}

fn in_main_thread(
    session: &Core,
    work: impl FnOnce(&mut crate::eval::context::Context) -> End,
) -> End {
    run_on_large(
        STACK,
        |lowest| session.enter_on_stack(ThreadKind::Main, lowest, work),
        lowest_address(),
    )
}

fn session(command: &Command) -> Core {
    Core::new(SessionOptions {
        stdout: Output::to_descriptor(1, !command.unbuffered),
        stderr: Output::to_descriptor(2, false),
        arguments: command.arguments.clone(),
        search_path: search_path(&command.program),
        optimise: command.optimise,
        show: |_, _| Ok(()),
        on_pending: signals::on_pending,
        show_uncaught: diagnostics::show_uncaught,
    })
}

/// The script's own folder, then those that the environment names.
fn search_path(program: &arguments::Program) -> Vec<PathBuf> {
    let own = match program {
        arguments::Program::File(path) => {
            // Through links: what a script imports stands beside the file itself.
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            real.parent().map(Path::to_path_buf).unwrap_or_default()
        }
        _ => PathBuf::new(),
    };
    let mut folders = vec![own];
    if let Some(more) = std::env::var_os("CONC_PATH") {
        folders.extend(std::env::split_paths(&more));
    }
    folders
}
