//! What becomes of an exception that leaves a thread: `threading.excepthook`. It must not know how
//! errors are shown.

use std::sync::OnceLock;

use super::thread::data_of;
use crate::eval::context::Context;
use crate::eval::handle::traceback_value;
use crate::eval::session::UncaughtIn;
use crate::library::define;
use crate::library::modules::sys;
use crate::library::struct_sequence::{self, Description};
use crate::library::unseen;
use crate::value::class::Class;
use crate::value::exception::{ExceptionKind, Raised, Stop, Unwind, type_error};
use crate::value::function::Args;
use crate::value::instance::{Instance, Payload};
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value, text};

const ARGS: Description = Description {
    name: "_thread._ExceptHookArgs",
    fields: &["exc_type", "exc_value", "exc_traceback", "thread"],
    visible: 4,
};

/// The class of what a hook gets.
pub fn args_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| struct_sequence::class(&ARGS))
}

/// `threading.excepthook` as it is before a script changes it.
pub fn own_hook() -> Value {
    static HOOK: OnceLock<Value> = OnceLock::new();
    HOOK.get_or_init(|| define::function("_thread", "_excepthook", excepthook))
        .clone()
}

/// Notes and shows what left a thread's `run`.
pub(super) fn handle(cx: &mut Context, object: &Ref<Instance>, raised: Raised) {
    let exception = match raised.unwind() {
        Unwind::Exception(exception) => exception.clone(),
        Unwind::Stop(Stop::Exit(code)) => return cx.thread.set_exit_code(*code),
        Unwind::Stop(_) => return,
    };
    let value = Value::Instance(object.clone());
    let hook = module_hook(cx);
    let is_own = hook.same(&own_hook());
    // A thread that asks for its end is no error.
    let is_exit = raised.is(ExceptionKind::SystemExit);
    if is_exit && is_own {
        return;
    }
    if !is_exit {
        cx.thread.set_exit_code(1);
    }
    if let Some(data) = data_of(&value) {
        data.set_error(Value::Instance(exception.clone()), is_own);
    }
    if is_own {
        unseen::add(cx);
        show(cx, &raised, &value);
        return;
    }
    // A hook of the script's own looks at the exception.
    let fields = vec![
        Value::Class(exception.class().clone()),
        Value::Instance(exception.clone()),
        traceback_value(&exception),
        value,
    ];
    let args = Instance::new(args_class().clone(), Payload::Value(Value::tuple(fields)));
    if let Err(error) = cx.call(&hook, &[Value::Instance(args)]) {
        let show = cx.session.show_uncaught;
        if error.exception().is_some() && sys::call_except_hook(cx, &error) {
            return;
        }
        show(
            cx,
            &error,
            &UncaughtIn::Other("in threading.excepthook".into()),
        );
    }
}

/// The same for a thread without an object.
pub(super) fn handle_bare(cx: &mut Context, function: &Value, raised: Raised) {
    match raised.unwind() {
        Unwind::Stop(Stop::Exit(code)) => return cx.thread.set_exit_code(*code),
        Unwind::Stop(_) => return,
        Unwind::Exception(_) if raised.is(ExceptionKind::SystemExit) => return,
        Unwind::Exception(_) => {}
    }
    cx.thread.set_exit_code(1);
    unseen::add(cx);
    let function = text::repr(cx, function).unwrap_or_default();
    let place = format!("ignored in thread started by {function}");
    sys::show_unraisable(cx, &raised, place, Value::None);
}

fn module_hook(cx: &Context) -> Value {
    let modules = cx.session.modules.lock();
    let module = modules.get(&Name::new("threading")).cloned();
    drop(modules);
    module
        .and_then(|module| module.get(Name::new("excepthook")))
        .unwrap_or_else(own_hook)
}

fn show(cx: &mut Context, raised: &Raised, thread: &Value) {
    let name = data_of(thread)
        .and_then(|data| data.name())
        .unwrap_or_else(|| match thread {
            // As CPython names who has no object.
            Value::None => cx.thread.id().get().to_string().into(),
            _ => cx.thread.name(),
        });
    let show = cx.session.show_uncaught;
    show(cx, raised, &UncaughtIn::Thread(name));
}

/// `threading.excepthook(args)`: shows the exception.
pub fn excepthook(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let given = crate::library::arguments::one("_thread._excepthook", args)?;
    let fields = match given {
        Value::Instance(instance) if instance.class().same(args_class()) => instance.wrapped(),
        _ => None,
    };
    let Some(Value::Tuple(fields)) = fields else {
        return Err(type_error(
            "_thread.excepthook argument type must be ExceptHookArgs",
        ));
    };
    if let [_, Value::Instance(exception), _, thread] = fields.items()
        && exception.exception().is_some()
    {
        let raised = Raised::instance(exception.clone());
        if !raised.is(ExceptionKind::SystemExit) {
            show(cx, &raised, thread);
        }
    }
    Ok(Value::None)
}
