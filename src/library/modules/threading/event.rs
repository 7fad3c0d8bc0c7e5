//! `threading.Event`.

use std::sync::OnceLock;

use super::{condition, lock, timeout};
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::parameters::Parameters;
use crate::library::{define, native_object};
use crate::runtime::thread_event::ThreadEvent;
use crate::value::class::Class;
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::{Outcome, Value, text};

struct Event {
    flag: ThreadEvent,
    /// The condition that CPython keeps in `_cond`, once somebody has asked for it: `set` wakes who waits for it.
    condition: OnceLock<Value>,
}

impl NativeData for Event {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        if let Some(condition) = self.condition.get() {
            visit(condition);
        }
    }
}

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("Event");
        class.set(known().module, Value::str("threading"));
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                let event = Event {
                    flag: ThreadEvent::new(),
                    condition: OnceLock::new(),
                };
                native_object::new(self::class(), args, event)
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
                ("set", set),
                ("clear", |_, args| {
                    this(args, "Event.clear")?.flag.clear();
                    Ok(Value::None)
                }),
                ("_at_fork_reinit", |cx, args| {
                    match this(args, "Event._at_fork_reinit")?.condition.get() {
                        Some(condition) => cx.call_method(condition, "_at_fork_reinit", &[]),
                        None => Ok(Value::None),
                    }
                }),
                ("wait", wait),
            ],
        );
        define::getters(&class, &[("_cond", own_condition)]);
        class
    })
}

fn set(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let event = this(args, "Event.set")?;
    event.flag.set();
    if let Some(condition) = event.condition.get() {
        cx.call_method(condition, "acquire", &[])?;
        let told = cx.call_method(condition, "notify_all", &[]);
        cx.call_method(condition, "release", &[])?;
        told?;
    }
    Ok(Value::None)
}

fn own_condition(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (event, _) = native_object::receiver::<Event>(args, "Event", "_cond")?;
    if let Some(known) = event.condition.get() {
        return Ok(known.clone());
    }
    let class = Value::Class(condition::class().clone());
    let made = cx.call(&class, &[lock::new()])?;
    Ok(event.condition.get_or_init(|| made).clone())
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
        if event.flag.is_set() { "set" } else { "unset" }
    )))
}

fn is_set(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(Value::Bool(this(args, "Event.is_set")?.flag.is_set()))
}

const WAIT: Parameters<1> = Parameters::method("Event.wait", ["timeout"]);

fn wait(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (event, rest) = native_object::receiver::<Event>(args, "Event", "wait")?;
    let [timeout] = WAIT.bind(rest)?;
    if event.flag.is_set() {
        return Ok(Value::Bool(true));
    }
    let deadline = timeout::deadline(cx, timeout)?;
    cx.note_place();
    loop {
        match event.flag.wait(&cx.thread, deadline) {
            Ok(set) => return Ok(Value::Bool(set)),
            Err(_) => interrupt::at_safepoint(cx)?,
        }
    }
}
