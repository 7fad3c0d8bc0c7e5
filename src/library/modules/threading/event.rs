//! `threading.Event`.

use std::any::Any;
use std::sync::OnceLock;

use super::timeout;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::parameters::Parameters;
use crate::library::{define, native_object};
use crate::runtime::thread_event::ThreadEvent;
use crate::value::class::{Class, Layout};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, text};

struct Event(ThreadEvent);

impl NativeData for Event {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::builtin("Event", Some(&types().object), Layout::Native("Event"));
        class.set(known().module, Value::str("threading"));
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                native_object::new(self::class(), args, Event(ThreadEvent::new()))
            })],
        );
        define::methods(
            &class,
            &[
                ("__init__", |_, args| {
                    this(args, "Event.__init__")?;
                    Ok(Value::None)
                }),
                ("__repr__", repr),
                ("is_set", is_set),
                ("isSet", is_set),
                ("set", |_, args| {
                    this(args, "Event.set")?.0.set();
                    Ok(Value::None)
                }),
                ("clear", |_, args| {
                    this(args, "Event.clear")?.0.clear();
                    Ok(Value::None)
                }),
                ("wait", wait),
            ],
        );
        class
    })
}

/// The receiver of a method without arguments.
fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a Event> {
    let (event, rest) = native_object::receiver(args, "Event", method)?;
    let [] = Parameters::method(method, []).bind(rest)?;
    Ok(event)
}

fn repr(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let event = this(args, "Event.__repr__")?;
    let receiver = &args.values[0];
    Ok(Value::str(format!(
        "<{} at {:#x}: {}>",
        text::qualified_name(receiver.class()),
        text::address(receiver),
        if event.0.is_set() { "set" } else { "unset" }
    )))
}

fn is_set(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(Value::Bool(this(args, "Event.is_set")?.0.is_set()))
}

const WAIT: Parameters<1> = Parameters::method("Event.wait", ["timeout"]);

fn wait(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (event, rest) = native_object::receiver::<Event>(args, "Event", "wait")?;
    let [timeout] = WAIT.bind(rest)?;
    if event.0.is_set() {
        return Ok(Value::Bool(true));
    }
    let deadline = timeout::deadline(cx, timeout)?;
    cx.note_place();
    loop {
        match event.0.wait(&cx.thread, deadline) {
            Ok(set) => return Ok(Value::Bool(set)),
            Err(_) => interrupt::at_safepoint(cx)?,
        }
    }
}
