//! `multiprocessing.get_logger` and `log_to_stderr`: a logger of `logging`, set up by a script of the
//! library, which is loaded when one of them is first called.

use std::fmt;
use std::sync::OnceLock;

use crate::eval::context::Context;
use crate::eval::import;
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::{Outcome, Value};

/// The script's name. To be asked for before a fork as well: making a name touches pages that the kernel
/// would copy for the child.
pub fn module_name() -> Name {
    static NAME: OnceLock<Name> = OnceLock::new();
    *NAME.get_or_init(|| Name::new("_multiprocessing_log"))
}

fn call(cx: &mut Context, name: &'static str, args: Args<'_>) -> Outcome<Value> {
    let module = import::module(cx, module_name())?;
    let function = module.get(Name::new(name)).unwrap_or_default();
    cx.call_with(&function, args)
}

/// `get_logger()`.
///
/// # Errors
/// `TypeError` for arguments.
pub fn get_logger(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    call(cx, "get_logger", args)
}

/// `log_to_stderr(level=None)`.
///
/// # Errors
/// `ValueError` for an unknown level.
pub fn log_to_stderr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    call(cx, "log_to_stderr", args)
}

/// Tells the logger, if a script has one, what a process is doing.
pub fn tell(cx: &mut Context, text: fmt::Arguments<'_>) {
    let loaded = cx.session.modules.lock().get(&module_name()).cloned();
    if let Some(module) = loaded
        && let Some(function) = module.get(Name::new("tell"))
    {
        // What is wrong with a handler, `logging` says; the process goes on.
        let _ = cx.call(&function, &[Value::str(text.to_string())]);
    }
}
