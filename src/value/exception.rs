//! Exceptions as values, and the one boxed error that evaluation carries. It must not know how
//! an error is shown.

use std::sync::Arc;

use super::Value;
use super::class::Class;
use super::instance::{Instance, Payload};
use super::lock::Guarded;
use super::name::known;
use super::object::Ref;
use super::types::types;
use crate::runtime::memory;
use crate::syntax::span::Span;

/// What left the normal course of evaluation. One word, so that a result stays in registers.
pub struct Raised(Box<Unwind>);

/// Why the stack is being unwound.
pub enum Unwind {
    /// An exception, which a script may catch.
    Exception(Ref<Instance>),
    /// A stop that scripts cannot catch. `finally` and `with` still run.
    Stop(Stop),
}

/// Reasons to end a script from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The host, or the end of the program, asked this thread to stop.
    Cancelled,
    /// A limit set by the host was reached; which one.
    Limit(&'static str),
    /// The process is to end with this status: a forked child that reached its end.
    Exit(i32),
}

impl Raised {
    /// An exception of a built-in class with a message.
    #[cold]
    pub fn new(kind: ExceptionKind, message: impl Into<String>) -> Raised {
        Raised::with_args(kind, vec![Value::str(message.into())])
    }

    /// An exception of a built-in class with these arguments.
    #[cold]
    pub fn with_args(kind: ExceptionKind, args: Vec<Value>) -> Raised {
        Raised::instance(make(types().exception(kind).clone(), args))
    }

    /// An exception.
    pub fn instance(instance: Ref<Instance>) -> Raised {
        Raised(Box::new(Unwind::Exception(instance)))
    }

    /// A stop.
    pub fn stop(stop: Stop) -> Raised {
        Raised(Box::new(Unwind::Stop(stop)))
    }

    /// Why the stack is being unwound.
    pub fn unwind(&self) -> &Unwind {
        &self.0
    }

    /// The exception; `None` for a stop.
    pub fn exception(&self) -> Option<&Ref<Instance>> {
        match &*self.0 {
            Unwind::Exception(instance) => Some(instance),
            Unwind::Stop(_) => None,
        }
    }

    /// The data of the exception; `None` for a stop.
    pub fn data(&self) -> Option<&ExceptionData> {
        self.exception().and_then(|instance| instance.exception())
    }

    /// Whether it is an exception of this built-in class or one derived from it.
    pub fn is(&self, kind: ExceptionKind) -> bool {
        self.exception()
            .is_some_and(|instance| instance.class().derives_from(types().exception(kind)))
    }

    /// Notes that the error passed through this place.
    #[cold]
    pub fn add_trace(&self, entry: TraceEntry) {
        if let Some(data) = self.data() {
            data.add_trace(entry);
        }
    }
}

impl std::fmt::Debug for Raised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.unwind() {
            Unwind::Exception(instance) => {
                write!(f, "{}", instance.class().name())?;
                if let Some(Value::Str(text)) = instance
                    .exception()
                    .and_then(|data| data.args().first().cloned())
                {
                    write!(f, ": {}", text.as_str())?;
                }
                Ok(())
            }
            Unwind::Stop(stop) => write!(f, "{stop:?}"),
        }
    }
}

/// An exception of this class, without running any script code.
pub fn make(class: Ref<Class>, args: Vec<Value>) -> Ref<Instance> {
    Instance::new(
        class,
        Payload::Exception(Box::new(ExceptionData::new(args))),
    )
}

/// What every exception has.
pub struct ExceptionData {
    state: Guarded<State>,
}

struct State {
    args: Arc<[Value]>,
    cause: Value,
    context: Value,
    suppress_context: bool,
    /// Whether the context stays as it is, whatever is handled where the exception passes.
    context_is_settled: bool,
    trace: Vec<TraceEntry>,
    /// The traceback of the process or thread that it came from, as text.
    remote: Option<Arc<str>>,
    /// What was probably meant, in the words of the script.
    meant: Option<Arc<str>>,
}

/// A place that an exception passed through, innermost first in the list.
#[derive(Clone, Debug)]
pub struct TraceEntry {
    /// The source file.
    pub source: Arc<crate::syntax::source::Source>,
    /// The part of it.
    pub span: Span,
    /// The function, `<module>` at the top level.
    pub function: super::name::Name,
}

impl ExceptionData {
    /// An exception with these arguments, raised nowhere yet.
    pub fn new(args: Vec<Value>) -> Self {
        ExceptionData {
            state: Guarded::new(State {
                args: args.into(),
                cause: Value::None,
                context: Value::None,
                suppress_context: false,
                context_is_settled: false,
                trace: Vec::new(),
                remote: None,
                meant: None,
            }),
        }
    }

    /// The arguments.
    pub fn args(&self) -> Arc<[Value]> {
        self.state.lock().args.clone()
    }

    /// Changes the arguments.
    pub fn set_args(&self, args: Vec<Value>) {
        let old = std::mem::replace(&mut self.state.lock().args, args.into());
        drop(old);
    }

    /// What stands after `from`.
    pub fn cause(&self) -> Value {
        self.state.lock().cause.clone()
    }

    /// Sets the cause, and with it that the context is not shown.
    pub fn set_cause(&self, cause: Value) {
        let mut state = self.state.lock();
        state.suppress_context = true;
        let old = std::mem::replace(&mut state.cause, cause);
        drop(state);
        drop(old);
    }

    /// The exception that was being handled when this one was raised.
    pub fn context(&self) -> Value {
        self.state.lock().context.clone()
    }

    /// Sets the context.
    pub fn set_context(&self, context: Value) {
        let mut state = self.state.lock();
        let old = std::mem::replace(&mut state.context, context);
        drop(state);
        drop(old);
    }

    /// Whether the context is not shown.
    pub fn suppresses_context(&self) -> bool {
        self.state.lock().suppress_context
    }

    /// Sets whether the context is not shown.
    pub fn set_suppress_context(&self, suppress: bool) {
        self.state.lock().suppress_context = suppress;
    }

    /// Whether an error that comes by gets no context any more.
    pub fn has_settled_context(&self) -> bool {
        let state = self.state.lock();
        state.context_is_settled || !state.context.is_none()
    }

    /// Leaves the context, or that there is none, as it is: it was not raised during what is handled where
    /// it is about to pass.
    pub fn settle_context(&self) {
        self.state.lock().context_is_settled = true;
    }

    /// The places it passed through, innermost first.
    pub fn trace(&self) -> Vec<TraceEntry> {
        self.state.lock().trace.clone()
    }

    /// Puts other places in the place of all.
    pub fn set_trace(&self, trace: Vec<TraceEntry>) {
        let old = std::mem::replace(&mut self.state.lock().trace, trace);
        drop(old);
    }

    /// Adds a place.
    pub fn add_trace(&self, entry: TraceEntry) {
        self.state.lock().trace.push(entry);
    }

    /// The traceback of where it came from, when that was another process or thread.
    pub fn remote(&self) -> Option<Arc<str>> {
        self.state.lock().remote.clone()
    }

    /// Sets the traceback of where it came from.
    pub fn set_remote(&self, text: Arc<str>) {
        self.state.lock().remote = Some(text);
    }

    /// What was probably meant where a name was not found.
    pub fn meant(&self) -> Option<Arc<str>> {
        self.state.lock().meant.clone()
    }

    /// Says what was probably meant.
    pub fn set_meant(&self, text: Arc<str>) {
        self.state.lock().meant = Some(text);
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        let state = self.state.lock();
        // Behind a shared pointer the values are counted for somebody else too.
        if Arc::strong_count(&state.args) == 1 {
            state.args.iter().for_each(&mut *visit);
        }
        visit(&state.cause);
        visit(&state.context);
    }

    pub(super) fn clear(&self) {
        self.set_args(Vec::new());
        self.set_context(Value::None);
        let mut state = self.state.lock();
        let cause = state.cause.take();
        drop(state);
        drop(cause);
    }
}

macro_rules! exceptions {
    ($($kind:ident: $($base:ident)+;)*) => {
        /// The built-in exception classes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)]
        pub enum ExceptionKind { $($kind,)* }

        impl ExceptionKind {
            /// All of them, bases before those that derive from them.
            pub const ALL: &'static [ExceptionKind] = &[$(ExceptionKind::$kind,)*];

            /// The class's name.
            pub fn name(self) -> &'static str {
                match self { $(ExceptionKind::$kind => stringify!($kind),)* }
            }

            /// The bases; empty for `BaseException`, which derives from `object`.
            pub fn bases(self) -> &'static [ExceptionKind] {
                match self {
                    ExceptionKind::BaseException => &[],
                    $(#[allow(unreachable_patterns)] ExceptionKind::$kind => &[$(ExceptionKind::$base),+],)*
                }
            }
        }
    };
}

exceptions! {
    BaseException: BaseException;
    Exception: BaseException;
    GeneratorExit: BaseException;
    KeyboardInterrupt: BaseException;
    SystemExit: BaseException;
    BaseExceptionGroup: BaseException;
    ExceptionGroup: BaseExceptionGroup Exception;
    ArithmeticError: Exception;
    FloatingPointError: ArithmeticError;
    OverflowError: ArithmeticError;
    ZeroDivisionError: ArithmeticError;
    AssertionError: Exception;
    AttributeError: Exception;
    BufferError: Exception;
    EOFError: Exception;
    ImportError: Exception;
    ModuleNotFoundError: ImportError;
    LookupError: Exception;
    IndexError: LookupError;
    KeyError: LookupError;
    MemoryError: Exception;
    NameError: Exception;
    UnboundLocalError: NameError;
    OSError: Exception;
    BlockingIOError: OSError;
    ChildProcessError: OSError;
    ConnectionError: OSError;
    BrokenPipeError: ConnectionError;
    ConnectionAbortedError: ConnectionError;
    ConnectionRefusedError: ConnectionError;
    ConnectionResetError: ConnectionError;
    FileExistsError: OSError;
    FileNotFoundError: OSError;
    InterruptedError: OSError;
    IsADirectoryError: OSError;
    NotADirectoryError: OSError;
    PermissionError: OSError;
    ProcessLookupError: OSError;
    TimeoutError: OSError;
    ReferenceError: Exception;
    RuntimeError: Exception;
    NotImplementedError: RuntimeError;
    PythonFinalizationError: RuntimeError;
    RecursionError: RuntimeError;
    DeadlockError: RuntimeError;
    StopIteration: Exception;
    StopAsyncIteration: Exception;
    SyntaxError: Exception;
    IndentationError: SyntaxError;
    TabError: IndentationError;
    SystemError: Exception;
    TypeError: Exception;
    ValueError: Exception;
    UnicodeError: ValueError;
    UnicodeDecodeError: UnicodeError;
    UnicodeEncodeError: UnicodeError;
    UnicodeTranslateError: UnicodeError;
    Warning: Exception;
    BytesWarning: Warning;
    DeprecationWarning: Warning;
    EncodingWarning: Warning;
    FutureWarning: Warning;
    ImportWarning: Warning;
    PendingDeprecationWarning: Warning;
    ResourceWarning: Warning;
    RuntimeWarning: Warning;
    SyntaxWarning: Warning;
    UnicodeWarning: Warning;
    UserWarning: Warning;
}

macro_rules! raise_functions {
    ($($function:ident $kind:ident),* $(,)?) => {$(
        #[doc = concat!("A `", stringify!($kind), "` with this message.")]
        #[cold]
        pub fn $function(message: impl Into<String>) -> Raised {
            Raised::new(ExceptionKind::$kind, message)
        }
    )*};
}

raise_functions! {
    type_error TypeError, value_error ValueError, index_error IndexError,
    attribute_error AttributeError, name_error NameError, runtime_error RuntimeError,
    zero_division ZeroDivisionError, overflow_error OverflowError, assertion_error AssertionError,
    recursion_error RecursionError, import_error ImportError,
    not_implemented NotImplementedError, eof_error EOFError, syntax_error SyntaxError,
    system_error SystemError, lookup_error LookupError,
}

/// A `MemoryError` with this message.
#[cold]
pub fn memory_error(message: impl Into<String>) -> Raised {
    memory::is_told();
    Raised::new(ExceptionKind::MemoryError, message)
}

/// A `KeyError` with the key itself as its argument.
#[cold]
pub fn key_error(key: Value) -> Raised {
    Raised::with_args(ExceptionKind::KeyError, vec![key])
}

/// A `StopIteration` with this value, without arguments for `None`.
#[cold]
pub fn stop_iteration(value: Value) -> Raised {
    let args = if value.is_none() {
        Vec::new()
    } else {
        vec![value.clone()]
    };
    let raised = Raised::with_args(ExceptionKind::StopIteration, args);
    if let Some(instance) = raised.exception() {
        instance.set(known().value, value);
    }
    raised
}
