//! Exceptions that leave a process: shown on standard error, or on their way to another process
//! with their traceback.

use std::sync::Arc;

use super::errors::errors;
use crate::eval::context::Context;
use crate::library::output;
use crate::library::traceback_text;
use crate::runtime::output::WriteMode;
use crate::value::Value;
use crate::value::exception::{self, Raised};

/// Shows an exception that nobody caught, as the process of this name.
pub fn show(cx: &mut Context, name: Option<&str>, raised: &Raised) {
    let trace = traceback_text::of(cx, raised);
    let shown = match name {
        Some(name) => format!("Process {name}:\n{trace}"),
        None => trace,
    };
    let stderr = cx.session.stderr.clone();
    // Nobody is left to be told of an error.
    let _ = output::write(cx, &stderr, shown.as_bytes(), WriteMode::Flushed);
}

/// Shows the exception of a pool's task that nobody looked at.
pub fn show_task(cx: &mut Context, raised: &Raised) {
    let trace = traceback_text::of(cx, raised);
    let shown = format!("Nobody looked at the error of a pool's task:\n{trace}");
    let stderr = cx.session.stderr.clone();
    // Nobody is left to be told of an error.
    let _ = output::write(cx, &stderr, shown.as_bytes(), WriteMode::Flushed);
}

/// An exception with its traceback as a value that travels.
pub fn packed(cx: &mut Context, raised: &Raised) -> Value {
    let trace = traceback_text::of(cx, raised);
    let exception = raised
        .exception()
        .map_or(Value::None, |exception| Value::Instance(exception.clone()));
    Value::tuple(vec![exception, Value::str(trace)])
}

/// The exception again: what [`packed`] made, after the journey.
pub fn unpacked(value: &Value) -> Raised {
    if let Value::Tuple(parts) = value
        && let [Value::Instance(instance), Value::Str(trace)] = parts.items()
        && let Some(data) = instance.exception()
    {
        data.set_remote(Arc::from(trace.as_str()));
        if data.cause().is_none() {
            let text = format!("\n\"\"\"\n{}\"\"\"", trace.as_str());
            let cause = exception::make(errors().remote_traceback.clone(), vec![Value::str(text)]);
            data.set_cause(Value::Instance(cause));
        }
        return Raised::instance(instance.clone());
    }
    exception::runtime_error("an exception came back damaged")
}
