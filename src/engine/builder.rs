//! Engines: what all sessions of a host have in common. It must not know values.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::Error;
use super::function::{HostFunction, Registered};
use super::program::{CompileOptions, Program};
use super::session::Session;
use crate::eval::session::RECURSION_LIMIT;
use crate::runtime::fork::{self, ForeignThreads};
use crate::runtime::output::{Captured, Output};
use crate::runtime::sharing;
use crate::syntax::source::Source;

/// Makes programs and sessions that have the same functions, streams and limits.
///
/// ```
/// use conc::Engine;
///
/// let engine = Engine::builder()
///     .capture_output()
///     .register_fn("double", |number: i64| number * 2)
///     .build();
/// let session = engine.session();
/// session.run_text("print(double(21))")?;
/// assert_eq!(session.output(), "42\n");
/// # Ok::<(), conc::Error>(())
/// ```
#[derive(Clone)]
pub struct Engine {
    settings: Arc<Settings>,
}

/// What an engine was built with.
pub(super) struct Settings {
    pub(super) stdout: Stream,
    pub(super) stderr: Stream,
    pub(super) arguments: Vec<String>,
    pub(super) search_path: Vec<PathBuf>,
    pub(super) recursion_limit: u32,
    pub(super) optimise: bool,
    pub(super) functions: Vec<Registered>,
}

/// Where a stream of every session goes.
#[derive(Clone)]
pub(super) enum Stream {
    /// To a file descriptor of the process.
    Descriptor(i32),
    /// To the host's writer, which all sessions share.
    Writer(Output),
    /// To memory, each session its own.
    Memory,
}

impl Stream {
    /// The stream of one session, and what it keeps in memory, if that is where it goes.
    pub(super) fn open(&self) -> (Output, Option<Captured>) {
        match self {
            Stream::Descriptor(descriptor) => (Output::to_descriptor(*descriptor, false), None),
            Stream::Writer(output) => (output.clone(), None),
            Stream::Memory => {
                let (output, captured) = Output::to_memory();
                (output, Some(captured))
            }
        }
    }
}

/// Whether scripts may make processes. A setting of the whole process, not of one engine: the last
/// engine that was built with it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Processes {
    /// While the process has no threads but those in which scripts run. Otherwise `fork()` raises an
    /// error: what the host's other threads hold at that instant could never be released in the
    /// child.
    #[default]
    WhenAlone,
    /// Always: the host knows that its other threads hold nothing that a child could miss. What they hold of
    /// conc itself is seen to: a fork waits until none of them compiles a program, lets go of one, makes a session
    /// or takes its output. So what the host has the system call at a fork (`pthread_atfork`) may neither use
    /// conc nor take a lock under which other threads do.
    Always,
}

/// Says what an [`Engine`] is to be like.
pub struct EngineBuilder {
    settings: Settings,
    processes: Option<Processes>,
}

impl Engine {
    /// An engine that writes to the process's standard streams and has no functions of the host.
    pub fn new() -> Engine {
        Engine::builder().build()
    }

    /// Begins to build an engine.
    pub fn builder() -> EngineBuilder {
        EngineBuilder {
            settings: Settings {
                stdout: Stream::Descriptor(1),
                stderr: Stream::Descriptor(2),
                arguments: vec![String::new()],
                search_path: Vec::new(),
                recursion_limit: RECURSION_LIMIT,
                optimise: true,
                functions: Vec::new(),
            },
            processes: None,
        }
    }

    /// Compiles a program. The name stands in tracebacks; a path where there is one.
    ///
    /// # Errors
    /// What is wrong with the text, with its place.
    pub fn compile(&self, name: &str, text: &str) -> Result<Program, Error> {
        self.compile_with(name, text, false)
    }

    pub(super) fn compile_with(
        &self,
        name: &str,
        text: &str,
        expression: bool,
    ) -> Result<Program, Error> {
        let source = Arc::new(Source::new(name, text));
        let options = CompileOptions {
            optimise: self.settings.optimise,
            prompt: false,
            expression,
        };
        sharing::visit(|| Program::compile(&source, options))
            .map_err(|error| Error::syntax(&error, &source))
    }

    /// A new session, with global variables, modules and captured output of its own.
    pub fn session(&self) -> Session {
        Session::new(self.clone())
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl Default for Engine {
    fn default() -> Self {
        Engine::new()
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl EngineBuilder {
    /// Sends standard output of all sessions to a writer of the host. Each `print` is one call of
    /// `write_all`.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// # struct Sender(mpsc::Sender<Vec<u8>>);
    /// # impl std::io::Write for Sender {
    /// #     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
    /// #         self.0.send(bytes.to_vec()).ok();
    /// #         Ok(bytes.len())
    /// #     }
    /// #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
    /// # }
    /// let (sender, receiver) = mpsc::channel();
    /// let engine = conc::Engine::builder().stdout(Sender(sender)).build();
    /// engine.session().run_text("print('one', 'two')")?;
    /// assert_eq!(receiver.recv().unwrap(), b"one two\n");
    /// # Ok::<(), conc::Error>(())
    /// ```
    pub fn stdout(mut self, writer: impl Write + Send + 'static) -> Self {
        self.settings.stdout = writer_stream(writer);
        self
    }

    /// Sends standard error of all sessions to a writer of the host.
    pub fn stderr(mut self, writer: impl Write + Send + 'static) -> Self {
        self.settings.stderr = writer_stream(writer);
        self
    }

    /// Keeps what scripts write in memory, each session's for itself: see [`Session::output`] and
    /// [`Session::error_output`].
    pub fn capture_output(mut self) -> Self {
        self.settings.stdout = Stream::Memory;
        self.settings.stderr = Stream::Memory;
        self
    }

    /// What scripts find in `sys.argv`. The first one is by custom the program's name.
    pub fn arguments<T: Into<String>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.settings.arguments = arguments.into_iter().map(Into::into).collect();
        self
    }

    /// Folders in which `import` looks for files. Without any, scripts can import the library's own
    /// modules only.
    pub fn search_path<T: Into<PathBuf>>(mut self, folders: impl IntoIterator<Item = T>) -> Self {
        self.settings.search_path = folders.into_iter().map(Into::into).collect();
        self
    }

    /// How deep calls may nest before `RecursionError` is raised; 1000 otherwise.
    pub fn recursion_limit(mut self, limit: u32) -> Self {
        self.settings.recursion_limit = limit.max(1);
        self
    }

    /// Runs programs without specialised nodes: slower, and the same in every other respect.
    pub fn plain(mut self) -> Self {
        self.settings.optimise = false;
        self
    }

    /// Whether scripts may make processes.
    pub fn processes(mut self, processes: Processes) -> Self {
        self.processes = Some(processes);
        self
    }

    /// Makes a function of the host callable by this name, from every session, without an import.
    ///
    /// Any closure of up to six parameters will do whose parameters and result can be converted
    /// (see [`FromValue`](super::FromValue) and [`IntoValue`](super::IntoValue)); `&str` is allowed
    /// as a parameter. An `Err` becomes an exception: a [`crate::Error`] the one that it came from,
    /// anything else a `RuntimeError` with its text.
    ///
    /// ```
    /// let engine = conc::Engine::builder()
    ///     .register_fn("repeat", |text: &str, times: usize| text.repeat(times))
    ///     .register_fn("parse", |text: &str| text.parse::<i64>())
    ///     .build();
    /// let session = engine.session();
    /// assert_eq!(session.eval::<String>("repeat('ab', 3)")?, "ababab");
    /// let error = session.eval::<i64>("parse('x')").unwrap_err();
    /// assert_eq!(error.to_string(), "RuntimeError: invalid digit found in string");
    /// # Ok::<(), conc::Error>(())
    /// ```
    pub fn register_fn<P>(mut self, name: &str, function: impl HostFunction<P>) -> Self {
        self.settings
            .functions
            .push(Registered::new(name, function));
        self
    }

    /// The engine.
    pub fn build(self) -> Engine {
        if let Some(processes) = self.processes {
            fork::set_foreign_threads(match processes {
                Processes::WhenAlone => ForeignThreads::Refuse,
                Processes::Always => ForeignThreads::Allow,
            });
        }
        Engine {
            settings: Arc::new(self.settings),
        }
    }
}

fn writer_stream(writer: impl Write + Send + 'static) -> Stream {
    let writer = Mutex::new(writer);
    let sink = move |text: &[u8]| -> io::Result<()> {
        // A writer that panicked may still serve the next text.
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(text)?;
        writer.flush()
    };
    Stream::Writer(sharing::visit(|| Output::to_sink(sink)))
}
