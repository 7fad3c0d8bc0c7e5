//! The prompt: reads inputs from the terminal, runs each as a small program in `__main__`, and
//! shows its values and errors. It must not know how lines are edited.

mod complete;
mod editor;
mod history;
mod pump;

use std::sync::Arc;

use self::editor::{Editor, Line};
use super::finish::{self, End};
use super::show;
use crate::engine::core::Core;
use crate::engine::program::{CompileOptions, Program};
use crate::eval::context::Context;
use crate::library::output;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::output::WriteMode;
use crate::runtime::{fork, process, signal};
use crate::syntax::source::Source;
use crate::syntax::{Input, ast, parse_input};
use crate::value::exception::{ExceptionKind, Raised, Unwind};
use crate::value::name::Name;
use crate::value::{Outcome, Value, text};

const FIRST: &str = ">>> ";
const MORE: &str = "... ";

const HELP: &str = "\
Type a statement, or an expression to see its value; `_` is the last value shown.
A line that ends with `:` begins a block, which an empty line ends.
Tab completes names and attributes, the up key brings back earlier inputs.
Ctrl-C gives up the input or stops what runs, Ctrl-D or exit() leaves.
fork, Process, Pool, Queue, Manager, Thread and Lock are there without an import.
help(object) shows what is known about an object.
";

/// Runs the prompt until the user leaves it.
///
/// # Errors
/// The `SystemExit` by which it was left.
pub(super) fn run(session: &Core, cx: &mut Context, optimise: bool) -> Outcome<Value> {
    let mut editor = match Editor::new(cx) {
        Ok(editor) => editor,
        Err(error) => {
            show::write_error(cx, &format!("conc: no prompt on this terminal: {error}\n"));
            return Ok(Value::None);
        }
    };
    let version = env!("CARGO_PKG_VERSION");
    say(
        cx,
        &format!("conc {version}. help tells how the prompt works, Ctrl-D leaves it.\n"),
    );
    let mut number = 0;
    loop {
        number += 1;
        let name = format!("<prompt {number}>");
        let Some((source, module)) = read(cx, &mut editor, &name) else {
            return Ok(Value::None);
        };
        if let Some(raised) = word(cx, source.text().trim()) {
            match raised {
                Some(raised) => return Err(raised),
                None => continue,
            }
        }
        let options = CompileOptions {
            optimise,
            prompt: true,
            expression: false,
        };
        let generation = fork::generation();
        let result = match Program::resolve(&module, &source, options) {
            Ok(program) => session.run_in(cx, &program).map(drop),
            Err(error) => {
                show::write_error(cx, &show::syntax_text(&error, &source));
                Ok(())
            }
        };
        if fork::generation() != generation {
            leave_child(cx, result);
        }
        if let Err(raised) = result {
            if is_end(&raised) {
                return Err(raised);
            }
            if raised.is(ExceptionKind::KeyboardInterrupt) {
                show::write_error(cx, "KeyboardInterrupt\n");
            } else {
                show::uncaught(cx, &raised);
            }
        }
        let stdout = cx.session.stdout.clone();
        if output::flush(cx, &stdout).is_err() {
            return Ok(Value::None);
        }
    }
}

/// Whether it ends the prompt, and not only the input.
fn is_end(raised: &Raised) -> bool {
    raised.is(ExceptionKind::SystemExit) || matches!(raised.unwind(), Unwind::Stop(_))
}

/// In the child of a `fork()` that was typed: the input was all there was to do.
fn leave_child(cx: &mut Context, result: Outcome<()>) -> ! {
    match finish::finish(cx, result.map(|()| Value::None)) {
        End::Status(status) => process::exit_now(&cx.thread, i32::from(status)),
        End::Signal(signal) => signal::raise_default(signal),
    }
}

/// Reads lines until they are an input that can be run; `None` at the end of all input.
fn read(cx: &mut Context, editor: &mut Editor, name: &str) -> Option<(Arc<Source>, ast::Module)> {
    let mut text = String::new();
    loop {
        let prompt = if text.is_empty() { FIRST } else { MORE };
        match editor.line(cx, prompt) {
            Line::Text(line) => {
                if text.is_empty() && line.trim().is_empty() {
                    continue;
                }
                text.push_str(&line);
                text.push('\n');
            }
            Line::Abandoned => {
                say(cx, "KeyboardInterrupt\n");
                text.clear();
                continue;
            }
            Line::End if text.is_empty() => return None,
            // The end of a block, as an empty line is.
            Line::End => text.push('\n'),
        }
        let source = Arc::new(Source::new(name, text.as_str()));
        match parse_input(&source) {
            Input::Incomplete => {}
            Input::Complete(module) => {
                editor.remember(text.trim_end());
                return Some((source, module));
            }
            Input::Invalid(error) => {
                editor.remember(text.trim_end());
                show::write_error(cx, &show::syntax_text(&error, &source));
                text.clear();
            }
        }
    }
}

/// The words that work at the prompt without being called, unless the user gave them another
/// meaning: nothing if it is none of them, what it raises if it does.
fn word(cx: &mut Context, input: &str) -> Option<Option<Raised>> {
    if !matches!(input, "exit" | "quit" | "help" | "help()") {
        return None;
    }
    let name = Name::new(input.trim_end_matches("()"));
    if cx.session.main.get(name).is_some() {
        return None;
    }
    Some(match name.as_str() {
        "help" => {
            say(cx, HELP);
            None
        }
        _ => Some(Raised::with_args(ExceptionKind::SystemExit, Vec::new())),
    })
}

fn say(cx: &mut Context, text: &str) {
    let stdout = cx.session.stdout.clone();
    // A terminal that is gone shows itself at the next read.
    let _ = output::write(cx, &stdout, text.as_bytes(), WriteMode::Flushed);
}

/// The value shown last, which `_` stands for.
#[derive(Default)]
struct LastShown(LeafLock<Value>);

/// Shows the value of an expression, and keeps it in `_` unless the user did otherwise with that
/// name.
///
/// # Errors
/// What the value's `__repr__` raises.
pub(super) fn show_value(cx: &mut Context, value: &Value) -> Outcome<()> {
    if value.is_none() {
        return Ok(());
    }
    let shown = text::repr(cx, value)? + "\n";
    let stdout = cx.session.stdout.clone();
    output::write(cx, &stdout, shown.as_bytes(), WriteMode::Buffered)?;
    let last = cx.session.extensions.get::<LastShown>();
    let underscore = Name::new("_");
    let before = last.0.lock().clone();
    let is_ours = match cx.session.main.get(underscore) {
        Some(now) => now.same(&before),
        None => true,
    };
    if is_ours {
        cx.session.main.set(underscore, value.clone());
        let old = std::mem::replace(&mut *last.0.lock(), value.clone());
        drop(old);
    }
    Ok(())
}
