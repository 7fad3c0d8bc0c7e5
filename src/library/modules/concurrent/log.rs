//! What futures say on standard error where CPython's log does: the message, and below it the
//! traceback. A script that uses `logging` gets it there, under CPython's name for the logger. It must
//! not know what happened.

use crate::diagnostics::format_exception;
use crate::eval::attribute;
use crate::eval::context::Context;
use crate::library::output;
use crate::runtime::output::WriteMode;
use crate::value::exception::Raised;
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::{Outcome, Value};

/// A line.
///
/// # Errors
/// What an interrupt raises.
pub fn line(cx: &mut Context, message: &str) -> Outcome<()> {
    let stderr = cx.session.stderr.clone();
    output::write(
        cx,
        &stderr,
        format!("{message}\n").as_bytes(),
        WriteMode::Flushed,
    )
}

/// A line and the traceback of an exception. `level` is the logger's method.
///
/// # Errors
/// What an interrupt or a handler of the script raises.
pub fn exception(cx: &mut Context, level: &str, message: &str, raised: &Raised) -> Outcome<()> {
    if by_logger(cx, level, message, raised)? {
        return Ok(());
    }
    let trace = format_exception(cx, raised);
    line(cx, &format!("{message}\n{}", trace.trim_end_matches('\n')))
}

/// Hands it to `logging`, if the script has imported that; whether it did.
fn by_logger(cx: &mut Context, level: &str, message: &str, raised: &Raised) -> Outcome<bool> {
    let logging = cx
        .session
        .modules
        .lock()
        .get(&Name::new("logging"))
        .cloned();
    let get = logging.and_then(|module| module.get(Name::new("getLogger")));
    let (Some(get), Some(exception)) = (get, raised.exception()) else {
        return Ok(false);
    };
    let logger = cx.call(&get, &[Value::str("concurrent.futures")])?;
    let Some(method) = attribute::find(cx, &logger, Name::new(level))? else {
        return Ok(false);
    };
    let values = [Value::str(message), Value::Instance(exception.clone())];
    let names = [Name::new("exc_info")];
    let args = Args {
        values: &values,
        names: &names,
    };
    cx.call_with(&method, args)?;
    Ok(true)
}
