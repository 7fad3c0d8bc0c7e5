//! Exceptions that leave a process: shown on standard error, or on their way to another process
//! with their traceback.

use std::sync::Arc;

use super::errors::errors;
use crate::diagnostics::format_exception;
use crate::eval::context::Context;
use crate::eval::session::UncaughtIn;
use crate::value::Value;
use crate::value::class::Class;
use crate::value::exception::{self, Raised};
use crate::value::object::Ref;

/// Shows an exception that left the process of this name.
pub fn show(cx: &mut Context, name: &str, raised: &Raised) {
    let show = cx.session.show_uncaught;
    show(cx, raised, &UncaughtIn::Process(name.into()));
}

/// Shows the exception of a callback: its error concerns nobody who waits for the result.
pub fn show_callback(cx: &mut Context, raised: &Raised) {
    let show = cx.session.show_uncaught;
    show(
        cx,
        raised,
        &UncaughtIn::Other("in a callback of a pool".into()),
    );
}

/// Shows the exception of a pool's task that nobody looked at.
pub fn show_task(cx: &mut Context, task: &str, raised: &Raised) {
    let show = cx.session.show_uncaught;
    show(cx, raised, &UncaughtIn::Task(task.into()));
}

/// An exception with its traceback as a value that travels.
pub fn packed(cx: &mut Context, raised: &Raised) -> Value {
    let trace = format_exception(cx, raised);
    let exception = raised
        .exception()
        .map_or(Value::None, |exception| Value::Instance(exception.clone()));
    Value::tuple_of([exception, Value::str(trace)])
}

/// The exception again: what [`packed`] made, after the journey.
pub fn unpacked(value: &Value) -> Raised {
    unpacked_with(value, &errors().remote_traceback)
}

/// The same, with a cause of this class that shows the traceback.
pub fn unpacked_with(value: &Value, remote: &Ref<Class>) -> Raised {
    if let Value::Tuple(parts) = value
        && let [Value::Instance(instance), Value::Str(trace)] = parts.items()
        && let Some(data) = instance.exception()
    {
        data.set_remote(Arc::from(trace.as_str()));
        if data.cause().is_none() {
            let text = format!("\n\"\"\"\n{}\"\"\"", trace.as_str());
            let cause = exception::make(remote.clone(), vec![Value::str(text)]);
            data.set_cause(Value::Instance(cause));
        }
        return Raised::instance(instance.clone());
    }
    exception::runtime_error("an exception came back damaged")
}
