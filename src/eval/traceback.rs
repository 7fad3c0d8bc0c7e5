//! Tracebacks as scripts see them: `__traceback__`, `tb_lineno`, `tb_frame`, `tb_next`. It must
//! not know how they are shown.

use std::any::Any;

use crate::value::Value;
use crate::value::exception::TraceEntry;
use crate::value::instance::{Instance, NativeData, Payload};
use crate::value::name::Name;
use crate::value::types::types;

struct Trace {
    /// Innermost first.
    entries: Vec<TraceEntry>,
}

impl NativeData for Trace {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A traceback of these places, innermost first. Stands for the outermost one, with the others
/// behind `tb_next`.
pub fn value(entries: Vec<TraceEntry>) -> Value {
    let mut next = Value::None;
    for (position, entry) in entries.iter().enumerate() {
        let line = entry.source.line(entry.span.start);
        let code = Instance::new(types().code.clone(), Payload::None);
        code.set(
            Name::new("co_name"),
            Value::str(entry.function.as_str().rsplit('.').next().unwrap_or("")),
        );
        code.set(Name::new("co_qualname"), entry.function.value());
        code.set(Name::new("co_filename"), Value::str(entry.source.name()));
        let frame = Instance::new(types().object.clone(), Payload::None);
        frame.set(Name::new("f_code"), Value::Instance(code));
        frame.set(Name::new("f_lineno"), Value::size(line));
        let trace = Instance::new(
            types().traceback.clone(),
            Payload::Native(Box::new(Trace {
                entries: entries[..=position].to_vec(),
            })),
        );
        trace.set(Name::new("tb_lineno"), Value::size(line));
        trace.set(Name::new("tb_frame"), Value::Instance(frame));
        trace.set(Name::new("tb_next"), next);
        next = Value::Instance(trace);
    }
    next
}

/// The places of a traceback, innermost first; `None` when the value is no traceback.
pub fn entries(value: &Value) -> Option<Vec<TraceEntry>> {
    value
        .as_instance()?
        .native::<Trace>()
        .map(|trace| trace.entries.clone())
}
