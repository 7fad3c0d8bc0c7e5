//! What `sys` shows of exceptions and values that nobody handles: its hooks, those that a script has put in their
//! places, and the script's own `sys.stderr`. It must not know who found such an exception.

use std::sync::OnceLock;

use super::record;
use crate::diagnostics::format_exception;
use crate::eval::attribute;
use crate::eval::context::Context;
use crate::eval::session::UncaughtIn;
use crate::library::arguments;
use crate::library::output;
use crate::library::struct_sequence::Description;
use crate::runtime::output::WriteMode;
use crate::value::class::Class;
use crate::value::exception::Raised;
use crate::value::function::Args;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::{Outcome, Value, text};

/// Shows an exception as at the end of a program.
pub(super) fn except_hook(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [_, exception, _] = arguments::exactly("excepthook", args)?;
    if let Some(instance) = exception.as_instance()
        && instance.exception().is_some()
    {
        let text = format_exception(cx, &Raised::instance(instance.clone()));
        write_error(cx, &text)?;
    }
    Ok(Value::None)
}

fn write_error(cx: &mut Context, text: &str) -> Outcome<()> {
    if write_to_own_stderr(cx, text) {
        return Ok(());
    }
    let session = cx.session.clone();
    output::write(cx, &session.stderr, text.as_bytes(), WriteMode::Flushed)
}

/// Lets the script's own `sys.excepthook` show an exception that leaves the program; false when
/// there is none, or when it fails, which is shown.
pub fn call_except_hook(cx: &mut Context, raised: &Raised) -> bool {
    let Some(exception) = raised.exception().cloned() else {
        return false;
    };
    let loaded = cx.session.modules.lock().get(&Name::new("sys")).cloned();
    let Some(sys) = loaded else {
        return false;
    };
    let own = sys.get(Name::new("__excepthook__"));
    let Some(hook) = sys.get(Name::new("excepthook")) else {
        return false;
    };
    if own.is_some_and(|own| own.same(&hook)) {
        return false;
    }
    let exception = Value::Instance(exception);
    let class = Value::Class(exception.class().clone());
    let traceback = attribute::get(cx, &exception, known().traceback).unwrap_or_default();
    let Err(failure) = cx.call(&hook, &[class, exception, traceback]) else {
        return true;
    };
    let text = format_exception(cx, &failure);
    // When not even that works, nobody is left to be told.
    let _ = write_error(
        cx,
        &format!("Error in sys.excepthook:\n{text}\nOriginal exception was:\n"),
    );
    false
}

/// What a script has put in the place of `sys.stderr`.
fn own_stderr(cx: &Context) -> Option<Value> {
    let loaded = cx.session.modules.lock().get(&Name::new("sys")).cloned();
    let sys = loaded?;
    let file = sys.get(Name::new("stderr"))?;
    let first = sys.get(Name::new("__stderr__"));
    (!first.is_some_and(|first| first.same(&file))).then_some(file)
}

/// Whether a script has put something in the place of `sys.stderr`.
pub fn has_own_stderr(cx: &Context) -> bool {
    own_stderr(cx).is_some()
}

/// Writes to the file that a script has put in the place of `sys.stderr`; false if there is none, or it cannot.
pub fn write_to_own_stderr(cx: &mut Context, text: &str) -> bool {
    let Some(file) = own_stderr(cx) else {
        return false;
    };
    if file.is_none() {
        // As in CPython, nobody is told.
        return true;
    }
    if cx.call_method(&file, "write", &[Value::str(text)]).is_err() {
        return false;
    }
    // A file that cannot be flushed has the text anyway.
    let _ = cx.call_method(&file, "flush", &[]);
    true
}

const UNRAISABLE: Description = Description {
    name: "UnraisableHookArgs",
    fields: &[
        "exc_type",
        "exc_value",
        "exc_traceback",
        "err_msg",
        "object",
    ],
    visible: 5,
};

/// Tells of an exception that nobody can catch: by the script's own `sys.unraisablehook`, or as `Exception ignored …`.
/// `message` is the text without the first word.
pub fn show_unraisable(cx: &mut Context, raised: &Raised, message: String, object: Value) {
    let text = Value::str(format!("Exception {message}"));
    if !call_unraisable_hook(cx, raised, text, object) {
        let show = cx.session.show_uncaught;
        show(cx, raised, &UncaughtIn::Unraisable(message.into()));
    }
}

/// Tells of an exception of something that nobody called, such as a callback: by the script's own
/// `sys.unraisablehook`, or as `Exception ignored in: …`.
pub fn show_ignored_in(cx: &mut Context, raised: &Raised, place: &Value) {
    if !call_unraisable_hook(cx, raised, Value::None, place.clone()) {
        let place = text::repr(cx, place).unwrap_or_else(|_| place.type_name().to_owned());
        let show = cx.session.show_uncaught;
        show(cx, raised, &UncaughtIn::Ignored(place.into()));
    }
}

/// Calls the script's own `sys.unraisablehook`; false if it has none.
fn call_unraisable_hook(cx: &mut Context, raised: &Raised, text: Value, object: Value) -> bool {
    let loaded = cx.session.modules.lock().get(&Name::new("sys")).cloned();
    let hook = loaded.and_then(|sys| {
        let own = sys.get(Name::new("__unraisablehook__"));
        let hook = sys.get(Name::new("unraisablehook"))?;
        (!own.is_some_and(|own| own.same(&hook))).then_some(hook)
    });
    let (Some(hook), Some(exception)) = (hook, raised.exception().cloned()) else {
        return false;
    };
    let exception = Value::Instance(exception);
    let class = Value::Class(exception.class().clone());
    let traceback = attribute::get(cx, &exception, known().traceback).unwrap_or_default();
    let args = record!(UNRAISABLE, class, exception, traceback, text, object);
    if let Err(failure) = cx.call(&hook, &[args]) {
        let show = cx.session.show_uncaught;
        show(
            cx,
            &failure,
            &UncaughtIn::Unraisable("ignored in sys.unraisablehook".into()),
        );
    }
    true
}

/// Shows an exception that nobody can catch, as is done when a script has no hook of its own.
pub(super) fn unraisable_hook(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let given = arguments::one("sys.unraisablehook", args)?;
    let field = |cx: &mut Context, name| attribute::get(cx, given, Name::new(name));
    let (exception, message, object) = (
        field(cx, "exc_value")?,
        field(cx, "err_msg")?,
        field(cx, "object")?,
    );
    let Some(instance) = exception
        .as_instance()
        .filter(|it| it.exception().is_some())
    else {
        return Ok(Value::None);
    };
    let mut text = match message.as_str() {
        Some(message) => message.to_owned(),
        None => "Exception ignored in".to_owned(),
    };
    if !object.is_none() {
        text = format!("{text}: {}", text::repr(cx, &object)?);
    } else if message.is_none() {
        text.clear();
    }
    let error = format_exception(cx, &Raised::instance(instance.clone()));
    let head = if text.is_empty() {
        text
    } else {
        format!("{text}:\n")
    };
    write_error(cx, &format!("{head}{error}"))?;
    Ok(Value::None)
}

pub(super) fn display_hook(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let value = arguments::one("sys.displayhook", args)?.clone();
    let show = cx.session.show;
    show(cx, &value)?;
    Ok(Value::None)
}
