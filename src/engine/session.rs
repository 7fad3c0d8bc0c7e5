//! Sessions: the state that programs run in, and the way into the evaluator from a thread of the
//! host. It must not know the command line.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use super::{Program, load};
use crate::eval::context::Context;
use crate::eval::generator;
use crate::eval::module::Module;
use crate::eval::observer::Silent;
use crate::eval::run;
use crate::eval::session::{Extensions, RECURSION_LIMIT, SessionState, UncaughtIn};
use crate::library;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::native_stack;
use crate::runtime::output::Output;
use crate::runtime::pending::Pending;
use crate::runtime::thread::{ThreadHandle, ThreadKind};
use crate::value::exception::Raised;
use crate::value::name::{Name, known};
use crate::value::{Outcome, Value};

/// What a session is made of.
pub struct SessionOptions {
    /// Standard output.
    pub stdout: Output,
    /// Standard error.
    pub stderr: Output,
    /// `sys.argv`.
    pub arguments: Vec<String>,
    /// Folders in which `import` looks for files.
    pub search_path: Vec<PathBuf>,
    /// Whether imported files are compiled to specialised trees.
    pub optimise: bool,
    /// Shows the value of an expression typed at the prompt.
    pub show: fn(&mut Context, &Value) -> Outcome<()>,
    /// Does what is pending for a thread: signals, interrupts.
    pub on_pending: fn(&mut Context, Pending) -> Outcome<()>,
    /// Shows an exception that nobody caught; `diagnostics::show_uncaught` writes plain text.
    pub show_uncaught: fn(&mut Context, &Raised, &UncaughtIn),
}

/// The state that programs run in: global variables, modules, streams. May be entered from
/// several threads at once.
pub struct Session {
    state: Arc<SessionState>,
}

impl Session {
    /// A new session.
    pub fn new(options: SessionOptions) -> Session {
        library::install();
        let main = Module::new(known().main, library::builtin);
        main.set(known().name, known().main.value());
        main.set(known().doc, Value::None);
        let mut modules = HashMap::new();
        modules.insert(known().main, main.clone());
        Session {
            state: Arc::new(SessionState {
                main,
                modules: LeafLock::new(modules),
                stdout: options.stdout,
                stderr: options.stderr,
                arguments: options.arguments,
                search_path: LeafLock::new(options.search_path),
                recursion_limit: AtomicU32::new(RECURSION_LIMIT),
                optimise: options.optimise,
                extensions: Extensions::default(),
                load: load::load,
                show: options.show,
                on_pending: options.on_pending,
                show_uncaught: options.show_uncaught,
            }),
        }
    }

    /// The shared state, for the layers that show errors and end programs.
    pub(crate) fn state(&self) -> &Arc<SessionState> {
        &self.state
    }

    /// Sets a global variable of the main module.
    pub(crate) fn set_global(&self, name: &str, value: Value) {
        self.state.main.set(Name::new(name), value);
    }

    /// Enters the session from the calling thread and runs `work` there, with a context whose
    /// native stack ends at `lowest`.
    pub(crate) fn enter_on_stack<R>(
        &self,
        kind: ThreadKind,
        lowest: usize,
        work: impl FnOnce(&mut Context) -> R,
    ) -> R {
        let name = match kind {
            ThreadKind::Main => "MainThread",
            _ => "host",
        };
        let registration = ThreadHandle::register_current(name, kind);
        let thread = (*registration).clone();
        let before = generator::set_current_thread(Some(thread.clone()));
        let mut cx = Context::new(thread, self.state.clone(), run::entry::<Silent>(), lowest);
        let result = work(&mut cx);
        drop(cx);
        generator::set_current_thread(before);
        drop(registration);
        result
    }

    /// Enters the session from a thread of the host.
    pub(crate) fn enter<R>(&self, work: impl FnOnce(&mut Context) -> R) -> R {
        self.enter_on_stack(ThreadKind::Host, native_stack::lowest_address(), work)
    }

    /// Runs a program in the main module, within a context of this session.
    pub(crate) fn run_in(&self, cx: &mut Context, program: &Program) -> Outcome<Value> {
        run::program(cx, &program.program, &self.state.main.clone())
    }
}
