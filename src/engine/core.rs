//! The core of a session: the state that programs run in, and the way into the evaluator. It must
//! not know who enters: a thread of the host or the command line.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use super::load;
use super::program::Program;
use crate::eval::abandoned;
use crate::eval::context::Context;
use crate::eval::extensions::Extensions;
use crate::eval::import_lock::Imports;
use crate::eval::module::Module;
use crate::eval::native_stack::Stacks;
use crate::eval::observer::Silent;
use crate::eval::run;
use crate::eval::session::{RECURSION_LIMIT, SessionState, UncaughtIn};
use crate::library;
use crate::library::modules::sys;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::native_stack;
use crate::runtime::output::Output;
use crate::runtime::pending::Pending;
use crate::runtime::thread::{ThreadHandle, ThreadKind};
use crate::runtime::world;
use crate::value::exception::Raised;
use crate::value::name::known;
use crate::value::{Outcome, Value, reclaim};

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
pub struct Core {
    state: Arc<SessionState>,
}

impl Core {
    /// A new session.
    pub fn new(options: SessionOptions) -> Core {
        world::set_before_detach(reclaim::before_detach);
        library::install();
        let main = Module::new(known().main, library::builtin);
        main.set(known().name, known().main.value());
        main.set(known().doc, Value::None);
        let mut modules = HashMap::new();
        modules.insert(known().main, main.clone());
        Core {
            state: Arc::new(SessionState {
                main,
                modules: LeafLock::new(modules),
                imports: Imports::default(),
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
                show_ignored: sys::show_ignored_in,
            }),
        }
    }

    /// The shared state, for the layers that show errors and end programs.
    pub(crate) fn state(&self) -> &Arc<SessionState> {
        &self.state
    }

    /// Enters the session from the calling thread and runs `work` there, with a context whose
    /// stacks are these.
    pub(crate) fn enter_on_stack<R>(
        &self,
        kind: ThreadKind,
        stacks: Stacks,
        work: impl FnOnce(&mut Context) -> R,
    ) -> R {
        registered(kind, |thread| {
            let mut cx = Context::new(thread, self.state.clone(), run::entry::<Silent>(), stacks);
            work(&mut cx)
        })
    }

    /// Enters the session from within a native function that the session, or another one, called
    /// on this thread.
    pub(crate) fn enter_again<R>(&self, outer: &Outer, work: impl FnOnce(&mut Context) -> R) -> R {
        let state = self.state.clone();
        let entry = run::entry::<Silent>();
        let stacks = Stacks::beside(outer.stack_limit);
        let mut cx = Context::new(outer.thread.clone(), state, entry, stacks);
        // Calls to and fro count as one chain of calls.
        cx.depth = outer.depth;
        work(&mut cx)
    }

    /// Enters the session from a thread of the host.
    pub(crate) fn enter<R>(&self, work: impl FnOnce(&mut Context) -> R) -> R {
        let stacks = Stacks::beside(native_stack::lowest_address());
        self.enter_on_stack(ThreadKind::Host, stacks, work)
    }

    /// Runs a program in the main module, within a context of this session.
    pub(crate) fn run_in(&self, cx: &mut Context, program: &Program) -> Outcome<Value> {
        run::program(cx, &program.program, &self.state.main.clone())
    }
}

/// Where a thread stands that is already in a session.
#[derive(Clone)]
pub(crate) struct Outer {
    /// The thread.
    pub(crate) thread: ThreadHandle,
    /// The lowest address that it may use of its native stack.
    pub(crate) stack_limit: usize,
    /// How many calls of scripts' functions are active.
    pub(crate) depth: u32,
}

impl Outer {
    /// Where this context stands.
    pub(crate) fn of(cx: &Context) -> Outer {
        Outer {
            thread: cx.thread.clone(),
            stack_limit: cx.stack_limit,
            depth: cx.depth,
        }
    }
}

/// Runs `work` with the calling thread as one of the interpreter's.
pub(crate) fn registered<R>(kind: ThreadKind, work: impl FnOnce(ThreadHandle) -> R) -> R {
    let name = match kind {
        ThreadKind::Main => "MainThread",
        _ => "host",
    };
    let registration = ThreadHandle::register_current(name, kind);
    let thread = (*registration).clone();
    let before = abandoned::set_current_thread(Some(thread.clone()));
    let result = work(thread);
    // The host's thread may never come back.
    reclaim::hand_over();
    abandoned::set_current_thread(before);
    drop(registration);
    result
}
