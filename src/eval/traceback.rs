//! Tracebacks as scripts see them: `__traceback__`, `tb_lineno`, `tb_frame`, `tb_next`. Their
//! parts are made when they are asked for: an exception that passes a thousand calls must not make
//! a thousand objects at each. It must not know how they are shown.

use std::sync::Arc;

use super::intrinsic::frame_value;
use crate::value::Value;
use crate::value::exception::TraceEntry;
use crate::value::instance::{Instance, NativeData, Payload};
use crate::value::name::Name;
use crate::value::types::types;

struct Trace {
    /// Innermost first.
    entries: Arc<[TraceEntry]>,
    /// The one that this object stands for.
    position: usize,
}

impl NativeData for Trace {}

/// A traceback of these places, innermost first. Stands for the outermost one, with the others
/// behind `tb_next`.
pub fn value(entries: Vec<TraceEntry>) -> Value {
    match entries.len().checked_sub(1) {
        Some(position) => at(entries.into(), position),
        None => Value::None,
    }
}

fn at(entries: Arc<[TraceEntry]>, position: usize) -> Value {
    Value::Instance(Instance::new(
        types().traceback.clone(),
        Payload::Native(Box::new(Trace { entries, position })),
    ))
}

/// An attribute of a traceback.
pub(super) fn attribute(instance: &Instance, name: Name) -> Option<Value> {
    let trace: &Trace = instance.native()?;
    let entry = trace.entries.get(trace.position)?;
    let line = Value::size(entry.source.line(entry.span.start));
    match name.as_str() {
        "tb_lineno" => Some(line),
        "tb_lasti" => Some(Value::Int(-1)),
        "tb_next" => Some(match trace.position.checked_sub(1) {
            Some(next) => at(trace.entries.clone(), next),
            None => Value::None,
        }),
        "tb_frame" => {
            let code = Instance::new(types().code.clone(), Payload::None);
            let qualified = entry.function.as_str();
            let name = qualified.rsplit('.').next().unwrap_or(qualified);
            code.set(Name::new("co_name"), Value::str(name));
            code.set(Name::new("co_qualname"), Value::str(qualified));
            code.set(Name::new("co_filename"), Value::str(entry.source.name()));
            let frame = frame_value(Value::Instance(code));
            if let Some(instance) = frame.as_instance() {
                instance.set(Name::new("f_lineno"), line);
            }
            Some(frame)
        }
        _ => None,
    }
}

/// The places of a traceback, innermost first; `None` when the value is no traceback.
pub fn entries(value: &Value) -> Option<Vec<TraceEntry>> {
    value
        .as_instance()?
        .native::<Trace>()
        .map(|trace| trace.entries[..=trace.position].to_vec())
}
