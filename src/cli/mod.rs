//! The command line: `conc FILE [ARGUMENT…]`. It must not know what lies below the engine.

use std::process::ExitCode;
use std::sync::Arc;

use crate::engine::{CompileOptions, Program, Session, SessionOptions};
use crate::eval::native_stack::run_on_large;
use crate::runtime::native_stack::lowest_address;
use crate::runtime::output::{self, Output};
use crate::runtime::thread::ThreadKind;
use crate::syntax::source::Source;
use crate::value::text;

/// Native stack for the main thread: room for deep recursion, of which only what is used becomes
/// real memory.
const STACK: usize = 512 << 20;

/// The script's own folder, then those that the environment names.
fn search_path(source: &Source) -> Vec<std::path::PathBuf> {
    let own = std::path::Path::new(source.name())
        .parent()
        .map(std::path::Path::to_path_buf)
        .unwrap_or_default();
    let mut folders = vec![own];
    if let Some(more) = std::env::var_os("CONC_PATH") {
        folders.extend(std::env::split_paths(&more));
    }
    folders
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, bytes) = if arguments.first().is_some_and(|first| first == "-c") {
        arguments.remove(0);
        ("<string>".to_owned(), arguments[0].clone().into_bytes())
    } else {
        let path = arguments.first().cloned().unwrap_or_default();
        match std::fs::read(&path) {
            Ok(bytes) => (path, bytes),
            Err(error) => {
                eprintln!("conc: cannot read '{path}': {error}");
                return ExitCode::from(2);
            }
        }
    };
    let source = match Source::from_bytes(name.as_str(), bytes) {
        Ok(source) => Arc::new(source),
        Err((_, error)) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let optimise = std::env::var_os("CONC_MODE").is_none_or(|mode| mode != "plain");
    let options = CompileOptions {
        optimise,
        ..CompileOptions::default()
    };
    let program = match Program::compile(&source, options) {
        Ok(program) => program,
        Err(error) => {
            eprintln!(
                "{}:{}: {}: {error}",
                source.name(),
                source.line(error.span.start),
                error.kind.name()
            );
            return ExitCode::from(2);
        }
    };
    crate::runtime::fork::set_owns_process(true);
    let session = Session::new(SessionOptions {
        stdout: Output::to_descriptor(1, true),
        stderr: Output::to_descriptor(2, false),
        arguments,
        search_path: search_path(&source),
        optimise,
        show: |_, _| Ok(()),
        on_pending: |_, _| Ok(()),
    });
    if source.name() != "<string>" {
        session.set_global("__file__", crate::value::Value::str(source.name()));
    }
    let code = run_on_large(
        STACK,
        |lowest| {
            session.enter_on_stack(ThreadKind::Main, lowest, |cx| {
                let mut result = session.run_in(cx, &program);
                let ended = crate::library::modules::multiprocessing::finish_at_exit(cx);
                if result.is_ok() && let Err(raised) = ended {
                    result = Err(raised);
                }
                crate::library::files::flush_all(cx);
                output::flush_all(&cx.thread);
                match result {
                    Ok(_) => 0,
                    Err(raised) => {
                        let Some(exception) = raised.exception().cloned() else {
                            return 1;
                        };
                        if let Some(data) = exception.exception() {
                            for entry in data.trace().iter().rev() {
                                eprintln!(
                                    "  {}:{} in {}: {}",
                                    entry.source.name(),
                                    entry.source.line(entry.span.start),
                                    entry.function,
                                    entry.source.slice(entry.span)
                                );
                            }
                        }
                        let name = exception.class().name();
                        let value = crate::value::Value::Instance(exception);
                        match text::to_str(cx, &value) {
                            Ok(text) if text.is_empty() => eprintln!("{name}"),
                            Ok(text) => eprintln!("{name}: {text}"),
                            Err(_) => eprintln!("{name}"),
                        }
                        1
                    }
                }
            })
        },
        lowest_address(),
    );
    ExitCode::from(code)
}
