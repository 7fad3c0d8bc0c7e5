//! What the threads of one session share: modules, output, arguments. It must not know nodes.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use super::context::Context;
use super::extensions::Extensions;
use super::import_lock::Imports;
use super::module::Module;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::output::Output;
use crate::runtime::pending::Pending;
use crate::value::exception::Raised;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

/// The state of a session.
pub struct SessionState {
    /// The module that scripts run in, `__main__`.
    pub main: Ref<Module>,
    /// Modules imported so far, by name.
    pub modules: LeafLock<HashMap<Name, Ref<Module>>>,
    /// Modules that are being loaded.
    pub imports: Imports,
    /// Standard output.
    pub stdout: Output,
    /// Standard error.
    pub stderr: Output,
    /// `sys.argv`.
    pub arguments: Vec<String>,
    /// Folders in which `import` looks for files.
    pub search_path: LeafLock<Vec<PathBuf>>,
    /// How deep calls may nest.
    pub recursion_limit: AtomicU32,
    /// Whether specialised nodes are used: off in plain mode.
    pub optimise: bool,
    /// What parts of the library keep for this session.
    pub extensions: Extensions,
    /// Finds a module that is not loaded yet: `None` when there is none of that name.
    pub load: fn(&mut Context, Name) -> Outcome<Option<Ref<Module>>>,
    /// Shows the value of an expression typed at the prompt.
    pub show: fn(&mut Context, &Value) -> Outcome<()>,
    /// Does what is pending for a thread: signals, interrupts.
    pub on_pending: fn(&mut Context, Pending) -> Outcome<()>,
    /// Shows an exception that nobody caught.
    pub show_uncaught: fn(&mut Context, &Raised, &UncaughtIn),
    /// Tells of an exception that nobody can catch, and which object it left: a generator that was
    /// given up, the callback of a weak reference.
    pub show_ignored: fn(&mut Context, &Raised, &Value),
}

/// Where an exception was that nobody caught.
#[derive(Clone, Debug)]
pub enum UncaughtIn {
    /// In the main thread of the program.
    Main,
    /// In the thread of this name.
    Thread(Arc<str>),
    /// In the process of this name.
    Process(Arc<str>),
    /// In a task of a pool; which one.
    Task(Arc<str>),
    /// Where nobody can catch it, such as a callback of a weak reference: the text form of what it
    /// left.
    Ignored(Arc<str>),
    /// In something that the interpreter called by itself: how it stands behind the first word of the message.
    Unraisable(Arc<str>),
    /// Anywhere else; as in `Exception ignored in …`, without the first word.
    Other(Arc<str>),
}

/// The recursion limit of a new session, Python's.
pub const RECURSION_LIMIT: u32 = 1000;
