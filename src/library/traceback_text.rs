//! Exceptions with their tracebacks as text, in CPython's form: what processes send to each other
//! and what is shown where nothing is drawn. It must not know where the text goes.

use crate::eval::context::Context;
use crate::value::Value;
use crate::value::exception::{ExceptionData, Raised};
use crate::value::instance::Instance;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::text;

/// How many exceptions of a chain are shown.
const MOST: usize = 100;

const CAUSE: &str = "\nThe above exception was the direct cause of the following exception:\n\n";
const CONTEXT: &str = "\nDuring handling of the above exception, another exception occurred:\n\n";

/// The text, ending with a line break.
pub fn of(cx: &mut Context, raised: &Raised) -> String {
    let Some(exception) = raised.exception() else {
        return "stopped\n".to_owned();
    };
    let mut chain = vec![(exception.clone(), "")];
    while chain.len() < MOST
        && let Some((next, link)) = chain.last().and_then(|(last, _)| before(last))
        && !chain.iter().any(|(known, _)| known.same(&next))
    {
        chain.push((next, link));
    }
    let mut shown = String::new();
    for (position, (exception, _)) in chain.iter().enumerate().rev() {
        one(cx, &mut shown, exception);
        if position > 0 {
            shown.push_str(chain[position].1);
        }
    }
    shown
}

/// What came before an exception, and how the two are joined.
fn before(exception: &Ref<Instance>) -> Option<(Ref<Instance>, &'static str)> {
    let data = exception.exception()?;
    if let Value::Instance(cause) = data.cause() {
        return Some((cause, CAUSE));
    }
    match data.context() {
        Value::Instance(context) if !data.suppresses_context() => Some((context, CONTEXT)),
        _ => None,
    }
}

fn one(cx: &mut Context, shown: &mut String, exception: &Ref<Instance>) {
    if let Some(data) = exception.exception() {
        places(shown, data);
    }
    let value = Value::Instance(exception.clone());
    shown.push_str(&text::qualified_name(exception.class()));
    match text::to_str(cx, &value) {
        Ok(message) if message.is_empty() => {}
        Ok(message) => {
            shown.push_str(": ");
            shown.push_str(&message);
        }
        Err(_) => shown.push_str(": <exception str() failed>"),
    }
    shown.push('\n');
    if let Some(Value::List(notes)) = exception.get(known().notes) {
        for note in notes.snapshot() {
            if let Ok(note) = text::to_str(cx, &note) {
                shown.push_str(&note);
                shown.push('\n');
            }
        }
    }
}

fn places(shown: &mut String, data: &ExceptionData) {
    let trace = data.trace();
    if trace.is_empty() {
        return;
    }
    shown.push_str("Traceback (most recent call last):\n");
    for entry in trace.iter().rev() {
        let line = entry.source.line(entry.span.start);
        let function = entry.function.as_str();
        shown.push_str(&format!(
            "  File \"{}\", line {line}, in {function}\n",
            entry.source.name()
        ));
        let text = entry.source.line_text(line).trim();
        if !text.is_empty() {
            shown.push_str(&format!("    {text}\n"));
        }
    }
}
