//! What the threads of one session share: modules, output, arguments. It must not know nodes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::module::Module;
use crate::runtime::output::Output;
use crate::value::name::Name;
use crate::value::object::Ref;

/// The state of a session.
pub struct SessionState {
    /// The module that scripts run in, `__main__`.
    pub main: Ref<Module>,
    /// Modules imported so far, by name.
    pub modules: Mutex<HashMap<Name, Ref<Module>>>,
    /// Standard output.
    pub stdout: Arc<Output>,
    /// Standard error.
    pub stderr: Arc<Output>,
    /// `sys.argv`.
    pub arguments: Vec<String>,
    /// Folders in which `import` looks for files.
    pub search_path: Mutex<Vec<std::path::PathBuf>>,
    /// Whether specialised nodes are used: off in plain mode.
    pub optimise: bool,
}
