//! Sessions as the host sees them. It must not know how programs are evaluated.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};

use super::builder::Engine;
use super::convert::{FromValue, IntoArguments, IntoValue};
use super::core::{Core, Outer, SessionOptions, registered};
use super::error::Error;
use super::function::HostFunctions;
use super::program::Program;
use crate::diagnostics;
use crate::eval::context::Context;
use crate::library::output;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::output::Captured;
use crate::runtime::thread::ThreadKind;
use crate::runtime::{fork, process, sharing};
use crate::value::exception::name_error;
use crate::value::name::Name;
use crate::value::{Outcome, Value};

/// The state that programs run in: global variables, modules, streams.
///
/// A session may be used from several threads at once; scripts then run in parallel, as threads of
/// one program do. Clones are the same session. It ends with the last clone and the last
/// [`Value`](super::Value) of it.
///
/// ```
/// let session = conc::Engine::new().session();
/// session.set("names", vec!["Ada", "Grace"])?;
/// session.run_text("def greet(greeting): return [greeting + ' ' + name for name in names]")?;
/// let greetings: Vec<String> = session.call("greet", ("Hello",))?;
/// assert_eq!(greetings, ["Hello Ada", "Hello Grace"]);
/// assert_eq!(session.eval::<usize>("len(names)")?, 2);
/// # Ok::<(), conc::Error>(())
/// ```
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

/// A session, kept alive by its clones and by the handles on its values.
pub(super) struct Inner {
    engine: Engine,
    /// Taken when dropped.
    core: ManuallyDrop<Core>,
    output: Option<Captured>,
    error_output: Option<Captured>,
    /// Values whose handles were dropped on threads that are in no session.
    released: LeafLock<Vec<Value>>,
}

/// The way from the state of a session to what the host has of it.
#[derive(Default)]
pub(super) struct SessionLink(OnceLock<Weak<Inner>>);

impl SessionLink {
    pub(super) fn session(&self) -> Option<Arc<Inner>> {
        self.0.get()?.upgrade()
    }
}

thread_local! {
    /// Where this thread stands if it is in a session: a thread registers once.
    static OUTER: RefCell<Option<Outer>> = const { RefCell::new(None) };
}

/// Runs `work`, code of the host, from within a native function.
pub(super) fn inside<R>(cx: &mut Context, work: impl FnOnce() -> R) -> R {
    with_outer(Outer::of(cx), work)
}

fn with_outer<R>(outer: Outer, work: impl FnOnce() -> R) -> R {
    /// Puts back what was there, also when the host panics.
    struct Before(Option<Outer>);
    impl Drop for Before {
        fn drop(&mut self) {
            let before = self.0.take();
            drop(OUTER.replace(before));
        }
    }
    let before = Before(OUTER.replace(Some(outer)));
    let result = work();
    drop(before);
    result
}

impl Inner {
    /// Enters the session, or enters it again where the thread already is in one.
    pub(super) fn enter<R>(&self, work: impl FnOnce(&mut Context) -> R) -> R {
        if let Some(outer) = OUTER.with_borrow(Clone::clone) {
            return self.core.enter_again(&outer, work);
        }
        let generation = fork::generation();
        self.core.enter(|cx| {
            self.drop_released();
            let result = with_outer(Outer::of(cx), || work(cx));
            self.drop_released();
            if fork::generation() != generation {
                // The child of a fork came back to where the host called: only the parent goes on
                // there.
                process::exit_now(&cx.thread, 0);
            }
            result
        })
    }

    /// The same for work that may raise.
    pub(super) fn attempt<R>(
        &self,
        work: impl FnOnce(&mut Context) -> Outcome<R>,
    ) -> Result<R, Error> {
        let generation = fork::generation();
        self.enter(|cx| {
            let result = work(cx);
            let session = cx.session.clone();
            let flushed = output::flush(cx, &session.stdout);
            if let Err(raised) = &result
                && fork::generation() != generation
            {
                let text = diagnostics::format_exception(cx, raised);
                output::write_message(cx, &session.stderr, text.as_bytes());
                let status = Error::raised(cx, raised).exit_status().unwrap_or(1);
                process::exit_now(&cx.thread, status);
            }
            match (result, flushed) {
                (Ok(result), Ok(())) => Ok(result),
                (Err(raised), _) | (Ok(_), Err(raised)) => Err(Error::raised(cx, &raised)),
            }
        })
    }

    /// Whether a context is one of this session.
    pub(super) fn is_of(&self, cx: &Context) -> bool {
        Arc::ptr_eq(self.core.state(), &cx.session)
    }

    /// Drops a value now, if this thread is in a session, or when next one is.
    pub(super) fn release(&self, value: Value) {
        if OUTER.with_borrow(Option::is_some) {
            drop(value);
        } else {
            self.released.lock().push(value);
        }
    }

    fn drop_released(&self) {
        // In the child of a fork a thread that did not come along may hold it for ever.
        let released = match self.released.try_lock() {
            Some(mut released) => std::mem::take(&mut *released),
            None => return,
        };
        drop(released);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: taken once, here, and not used afterwards.
        let core = unsafe { ManuallyDrop::take(&mut self.core) };
        let released = std::mem::take(&mut *self.released.lock());
        if OUTER.with_borrow(Option::is_some) {
            drop((released, core));
        } else {
            // Freeing values may close generators: this takes a thread of the interpreter.
            registered(ThreadKind::Host, |_| drop((released, core)));
        }
    }
}

impl Session {
    pub(super) fn new(engine: Engine) -> Session {
        sharing::visit(|| Session::made(engine))
    }

    fn made(engine: Engine) -> Session {
        let settings = engine.settings();
        let (stdout, output) = settings.stdout.open();
        let (stderr, error_output) = settings.stderr.open();
        let core = Core::new(SessionOptions {
            stdout,
            stderr,
            arguments: settings.arguments.clone(),
            search_path: settings.search_path.clone(),
            optimise: settings.optimise,
            show: |_, _| Ok(()),
            on_pending: |_, _| Ok(()),
            show_uncaught: diagnostics::show_uncaught,
        });
        let state = core.state().clone();
        state
            .recursion_limit
            .store(settings.recursion_limit, Ordering::Relaxed);
        let functions = state.extensions.get::<HostFunctions>();
        functions.set(&settings.functions);
        functions.offer(&state.main);
        let inner = Arc::new(Inner {
            engine,
            core: ManuallyDrop::new(core),
            output,
            error_output,
            released: LeafLock::new(Vec::new()),
        });
        let link = state.extensions.get::<SessionLink>();
        // It is new: nobody has set it before.
        let _ = link.0.set(Arc::downgrade(&inner));
        Session { inner }
    }

    /// Runs a program in the session's main module.
    ///
    /// # Errors
    /// The exception that left it.
    pub fn run(&self, program: &Program) -> Result<(), Error> {
        self.inner
            .attempt(|cx| self.inner.core.run_in(cx, program).map(drop))
    }

    /// Compiles a text and runs it.
    ///
    /// # Errors
    /// What is wrong with the text, or the exception that left it.
    pub fn run_text(&self, text: &str) -> Result<(), Error> {
        self.run(&self.inner.engine.compile("<text>", text)?)
    }

    /// Runs a text and gives the value of the expression that it is, or that its last line is.
    ///
    /// ```
    /// let session = conc::Engine::new().session();
    /// assert_eq!(session.eval::<Vec<i64>>("[n * n for n in range(4)]")?, [0, 1, 4, 9]);
    /// # Ok::<(), conc::Error>(())
    /// ```
    ///
    /// # Errors
    /// What is wrong with the text, the exception that left it, or that its value is something
    /// else.
    pub fn eval<T: FromValue>(&self, text: &str) -> Result<T, Error> {
        let program = self.inner.engine.compile_with("<text>", text, true)?;
        self.inner.attempt(|cx| {
            let value = self.inner.core.run_in(cx, &program)?;
            T::from_raw(cx, &value)
        })
    }

    /// Calls a function, or anything else that can be called, by the name of its global variable.
    ///
    /// # Errors
    /// `NameError` when there is none; what the call raises, or converting the arguments or the
    /// result.
    pub fn call<R: FromValue>(&self, name: &str, args: impl IntoArguments) -> Result<R, Error> {
        self.inner.attempt(|cx| {
            let callee = global(cx, name)?;
            let args = args.into_raw_arguments(cx)?;
            let result = cx.call(&callee, &args)?;
            R::from_raw(cx, &result)
        })
    }

    /// The value of a global variable, or of a built-in.
    ///
    /// # Errors
    /// `NameError` when there is none; `TypeError` when it is something else.
    pub fn get<T: FromValue>(&self, name: &str) -> Result<T, Error> {
        self.inner.attempt(|cx| {
            let value = global(cx, name)?;
            T::from_raw(cx, &value)
        })
    }

    /// Sets a global variable.
    ///
    /// # Errors
    /// What converting the value raises.
    pub fn set(&self, name: &str, value: impl IntoValue) -> Result<(), Error> {
        self.inner.attempt(|cx| {
            let value = value.into_raw(cx)?;
            cx.session.main.set(Name::new(name), value);
            Ok(())
        })
    }

    /// Takes what scripts have written to standard output since the last call. Empty unless the
    /// engine was built with [`capture_output`](super::EngineBuilder::capture_output).
    pub fn output(&self) -> String {
        taken(&self.inner.output)
    }

    /// The same for standard error.
    pub fn error_output(&self) -> String {
        taken(&self.inner.error_output)
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

fn taken(captured: &Option<Captured>) -> String {
    // A visit, for a fork must not find its lock held.
    let bytes = captured
        .as_ref()
        .map(|captured| sharing::visit(|| captured.take()));
    let bytes = bytes.unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn global(cx: &mut Context, name: &str) -> Outcome<Value> {
    let value = cx.session.main.cell(Name::new(name)).get();
    if value.is_unbound() {
        return Err(name_error(format!("name '{name}' is not defined")));
    }
    Ok(value)
}
