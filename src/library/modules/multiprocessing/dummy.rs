//! `multiprocessing.dummy`: the names of `multiprocessing` with threads behind them. Nearly all is had
//! from `threading` and `queue`.

use std::collections::VecDeque;
use std::sync::OnceLock;

use super::pool::thread_pool_class;
use super::waiting;
use crate::eval::attribute;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::modules::{queue, threading, with_functions};
use crate::library::parameters::Parameters;
use crate::library::{define, native_object};
use crate::runtime::clock::Deadline;
use crate::runtime::shared_wait::Until;
use crate::value::class::{Class, Layout};
use crate::value::exception::runtime_error;
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::lock::Guarded;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, text};

/// Under which name a thread keeps the threads that it started as processes.
const CHILDREN: &str = "_children";

/// `multiprocessing.dummy.DummyProcess`.
fn process_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let base = threading::thread_class();
        let class = Class::builtin("DummyProcess", Some(base), Layout::Native("Thread"));
        class.set(known().module, Value::str("multiprocessing.dummy"));
        define::methods(&class, &[("__init__", init), ("start", start)]);
        define::properties(&class, &[("exitcode", exit_code)]);
        class
    })
}

/// A thread as a pool's worker is made.
///
/// # Errors
/// None but a stop.
pub fn make_process(
    cx: &mut Context,
    name: &str,
    daemon: bool,
    body: impl Fn(&mut Context) -> Outcome<()> + Send + Sync + 'static,
) -> Outcome<Value> {
    let object = native_object::instance(process_class(), threading::ThreadObject::uninitialised());
    threading::prepare_thread(cx, &object, name, daemon, body)?;
    add_child(cx, &object);
    Ok(object)
}

fn add_child(cx: &Context, child: &Value) {
    let current = threading::current(cx);
    let name = Name::new(CHILDREN);
    match current.get(name) {
        Some(Value::List(list)) => list.push(child.clone()),
        _ => {
            current.set(name, Value::list(vec![child.clone()]));
        }
    }
}

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const INIT: Parameters<5> = Parameters::method(
        "DummyProcess.__init__",
        ["group", "target", "name", "args", "kwargs"],
    );
    let own = args.values.first().cloned().unwrap_or_default();
    let bound = INIT.bind(args.rest())?;
    let base = attribute::get(
        cx,
        &Value::Class(threading::thread_class().clone()),
        Name::new("__init__"),
    )?;
    let mut values = vec![own.clone()];
    let mut names = Vec::new();
    for (name, value) in ["group", "target", "name", "args", "kwargs"]
        .into_iter()
        .zip(bound)
    {
        if let Some(value) = value {
            names.push(Name::new(name));
            values.push(value.clone());
        }
    }
    cx.call_with(
        &base,
        Args {
            values: &values,
            names: &names,
        },
    )?;
    if let Some(own) = own.as_instance() {
        own.set(Name::new("_pid"), Value::None);
        own.set(
            Name::new("_parent"),
            Value::Instance(threading::current(cx)),
        );
    }
    Ok(Value::None)
}

fn start(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [] = Parameters::method("DummyProcess.start", []).bind(args.rest())?;
    let own = args.values.first().cloned().unwrap_or_default();
    let current = Value::Instance(threading::current(cx));
    let parent = own
        .as_instance()
        .and_then(|own| own.get(Name::new("_parent")));
    if let Some(parent) = parent
        && !parent.same(&current)
    {
        return Err(runtime_error(format!(
            "Parent is {} but current_process is {}",
            text::repr(cx, &parent)?,
            text::repr(cx, &current)?
        )));
    }
    let base = attribute::get(
        cx,
        &Value::Class(threading::thread_class().clone()),
        Name::new("start"),
    )?;
    cx.call(&base, std::slice::from_ref(&own))?;
    add_child(cx, &own);
    Ok(Value::None)
}

fn exit_code(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (thread, _): (&threading::ThreadObject, _) =
        native_object::receiver(args, "DummyProcess", "exitcode")?;
    Ok(match thread.handle() {
        Some(handle) if !handle.is_alive() => Value::Int(0),
        _ => Value::None,
    })
}

fn current_process(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [] = Parameters::function("current_thread", []).bind(args)?;
    Ok(Value::Instance(threading::current(cx)))
}

fn active_children(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [] = Parameters::function("active_children", []).bind(args)?;
    let current = threading::current(cx);
    let children = match current.get(Name::new(CHILDREN)) {
        Some(Value::List(list)) => list.snapshot(),
        _ => Vec::new(),
    };
    let lives = |child: &Value| {
        let data: Option<&threading::ThreadObject> =
            child.as_instance().and_then(|child| child.native());
        data.is_some_and(threading::ThreadObject::exists)
    };
    let living: Vec<Value> = children.into_iter().filter(lives).collect();
    current.set(Name::new(CHILDREN), Value::list(living.clone()));
    Ok(Value::list(living))
}

fn freeze_support(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [] = Parameters::function("freeze_support", []).bind(args)?;
    Ok(Value::None)
}

fn pool(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const POOL: Parameters<3> =
        Parameters::function("Pool", ["processes", "initializer", "initargs"]);
    let bound = POOL.bind(args)?;
    let values: Vec<Value> = bound
        .into_iter()
        .zip([Value::None, Value::None, Value::tuple(Vec::new())])
        .map(|(given, otherwise)| given.cloned().unwrap_or(otherwise))
        .collect();
    cx.call(&Value::Class(thread_pool_class().clone()), &values)
}

fn manager(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [] = Parameters::function("Manager", []).bind(args)?;
    let name = Name::new("multiprocessing.dummy");
    let module = cx.session.modules.lock().get(&name).cloned();
    match module {
        Some(module) => Ok(Value::Module(module)),
        None => make(cx).map(Value::Module),
    }
}

fn shutdown(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [] = Parameters::function("shutdown", []).bind(args)?;
    Ok(Value::None)
}

// ---- Namespace and Value ----

struct Plain;

impl NativeData for Plain {}

fn namespace_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("Namespace");
        class.set(known().module, Value::str("multiprocessing.dummy"));
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                native_object::new(namespace_class(), args, Plain)
            })],
        );
        define::methods(
            &class,
            &[("__init__", init_namespace), ("__repr__", repr_namespace)],
        );
        class
    })
}

fn init_namespace(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let rest = args.rest();
    if let Some(own) = args.values.first().and_then(Value::as_instance) {
        for (name, value) in rest.keywords() {
            own.set(name, value.clone());
        }
    }
    Ok(Value::None)
}

fn repr_namespace(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = args.values.first().cloned().unwrap_or_default();
    let mut parts = Vec::new();
    for (name, value) in own
        .as_instance()
        .map(|own| own.entries())
        .unwrap_or_default()
    {
        if !name.as_str().starts_with('_') {
            parts.push(format!("{}={}", name.as_str(), text::repr(cx, &value)?));
        }
    }
    parts.sort();
    Ok(Value::str(format!(
        "{}({})",
        own.class().name(),
        parts.join(", ")
    )))
}

fn value_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("Value");
        class.set(known().module, Value::str("multiprocessing.dummy"));
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                native_object::new(value_class(), args, Plain)
            })],
        );
        define::methods(
            &class,
            &[("__init__", init_value), ("__repr__", repr_value)],
        );
        class
    })
}

fn init_value(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const INIT: Parameters<3> =
        Parameters::method("Value.__init__", ["typecode", "value", "lock"]).required(2);
    let [code, value, _] = INIT.bind(args.rest())?;
    if let Some(own) = args.values.first().and_then(Value::as_instance) {
        own.set(Name::new("_typecode"), code.cloned().unwrap_or_default());
        own.set(known().value, value.cloned().unwrap_or_default());
    }
    Ok(Value::None)
}

fn repr_value(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = args.values.first().cloned().unwrap_or_default();
    let code = attribute::get(cx, &own, Name::new("_typecode"))?;
    let value = attribute::get(cx, &own, known().value)?;
    Ok(Value::str(format!(
        "<{}({}, {})>",
        own.class().name(),
        text::repr(cx, &code)?,
        text::repr(cx, &value)?
    )))
}

// ---- connections ----

/// One end of a pipe between threads.
struct Connection {
    incoming: Value,
    outgoing: Value,
    /// What `poll` has taken already.
    taken: Guarded<VecDeque<Value>>,
}

impl NativeData for Connection {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.incoming);
        visit(&self.outgoing);
        self.taken.lock().iter().for_each(visit);
    }
}

fn connection_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("Connection");
        class.set(
            known().module,
            Value::str("multiprocessing.dummy.connection"),
        );
        define::methods(
            &class,
            &[
                ("send", send),
                ("send_bytes", send),
                ("recv", receive),
                ("recv_bytes", receive),
                ("poll", poll),
                ("close", |_, _| Ok(Value::None)),
                ("__enter__", |_, args| {
                    Ok(args.values.first().cloned().unwrap_or_default())
                }),
                ("__exit__", |_, _| Ok(Value::None)),
            ],
        );
        class
    })
}

fn connection(incoming: Value, outgoing: Value) -> Value {
    native_object::instance(
        connection_class(),
        Connection {
            incoming,
            outgoing,
            taken: Guarded::new(VecDeque::new()),
        },
    )
}

fn end<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Connection, Args<'a>)> {
    native_object::receiver(args, "Connection", method)
}

fn send(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const SEND: Parameters<1> = Parameters::method("Queue.put", ["item"]).required(1);
    let (own, rest) = end(args, "send")?;
    let [item] = SEND.bind(rest)?;
    cx.call_method(&own.outgoing, "put", &[item.cloned().unwrap_or_default()])
}

fn receive(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (own, rest) = end(args, "recv")?;
    let [] = Parameters::method("Queue.get", []).bind(rest)?;
    let taken = own.taken.lock().pop_front();
    match taken {
        Some(item) => Ok(item),
        None => cx.call_method(&own.incoming, "get", &[]),
    }
}

fn poll(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const POLL: Parameters<1> = Parameters::method("Connection.poll", ["timeout"]);
    let (own, rest) = end(args, "poll")?;
    let [timeout] = POLL.bind(rest)?;
    if !own.taken.lock().is_empty() {
        return Ok(Value::Bool(true));
    }
    let until = match timeout {
        None => Until::Now,
        timeout => waiting::until(cx, timeout)?,
    };
    let seconds = match until {
        Until::Now => Value::Float(0.0),
        Until::Forever => Value::None,
        Until::Deadline(deadline) => Value::Float(Deadline::remaining(deadline).as_secs_f64()),
    };
    match cx.call_method(&own.incoming, "get", &[Value::Bool(true), seconds]) {
        Ok(item) => {
            own.taken.lock().push_back(item);
            Ok(Value::Bool(true))
        }
        Err(raised)
            if raised
                .exception()
                .is_some_and(|error| error.class().same(queue::errors::empty_class())) =>
        {
            Ok(Value::Bool(false))
        }
        Err(raised) => Err(raised),
    }
}

fn new_queue(cx: &mut Context, size: &[Value]) -> Outcome<Value> {
    cx.call(&Value::Class(queue::class().clone()), size)
}

fn pipe(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const PIPE: Parameters<1> = Parameters::function("Pipe", ["duplex"]);
    PIPE.bind(args)?;
    let (one, other) = (new_queue(cx, &[])?, new_queue(cx, &[])?);
    Ok(Value::tuple_of([
        connection(one.clone(), other.clone()),
        connection(other, one),
    ]))
}

/// Where clients leave their queues.
struct Listener {
    queue: Guarded<Value>,
}

impl NativeData for Listener {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.queue.lock());
    }
}

fn listener_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("Listener");
        class.set(
            known().module,
            Value::str("multiprocessing.dummy.connection"),
        );
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                let data = Listener {
                    queue: Guarded::new(Value::None),
                };
                native_object::new(listener_class(), args, data)
            })],
        );
        define::methods(
            &class,
            &[
                ("__init__", init_listener),
                ("accept", accept),
                ("close", close_listener),
                ("__enter__", |_, args| {
                    Ok(args.values.first().cloned().unwrap_or_default())
                }),
                ("__exit__", close_listener),
            ],
        );
        define::properties(
            &class,
            &[("address", |_, args| {
                let (own, _) = listener(args, "address")?;
                Ok(own.queue.lock().clone())
            })],
        );
        class
    })
}

fn listener<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Listener, Args<'a>)> {
    native_object::receiver(args, "Listener", method)
}

fn init_listener(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const INIT: Parameters<3> =
        Parameters::method("Listener.__init__", ["address", "family", "backlog"]);
    let (own, rest) = listener(args, "__init__")?;
    let [_, _, backlog] = INIT.bind(rest)?;
    let backlog = backlog.cloned().unwrap_or(Value::Int(1));
    let queue = new_queue(cx, &[backlog])?;
    let old = std::mem::replace(&mut *own.queue.lock(), queue);
    drop(old);
    Ok(Value::None)
}

fn accept(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (own, _) = listener(args, "accept")?;
    let queue = own.queue.lock().clone();
    match cx.call_method(&queue, "get", &[])? {
        Value::Tuple(pair) => match pair.items() {
            [incoming, outgoing] => Ok(connection(incoming.clone(), outgoing.clone())),
            _ => Err(runtime_error("no client of multiprocessing.dummy")),
        },
        _ => Err(runtime_error("no client of multiprocessing.dummy")),
    }
}

fn close_listener(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (own, _) = listener(args, "close")?;
    let old = own.queue.lock().take();
    drop(old);
    Ok(Value::None)
}

fn client(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const CLIENT: Parameters<1> = Parameters::function("Client", ["address"]).required(1);
    let [address] = CLIENT.bind(args)?;
    let (incoming, outgoing) = (new_queue(cx, &[])?, new_queue(cx, &[])?);
    let pair = Value::tuple_of([outgoing.clone(), incoming.clone()]);
    cx.call_method(address.unwrap_or(&Value::None), "put", &[pair])?;
    Ok(connection(incoming, outgoing))
}

// ---- the modules ----

/// `Array(typecode, sequence)`: an ordinary array, as threads share everything.
fn array(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const ARRAY: Parameters<3> =
        Parameters::function("Array", ["typecode", "sequence", "lock"]).required(2);
    let [code, items, _] = ARRAY.bind(args)?;
    let module = crate::eval::import::module(cx, Name::new("array"))?;
    let class = module.get(Name::new("array")).unwrap_or_default();
    let values = [code, items].map(|value| value.cloned().unwrap_or_default());
    cx.call(&class, &values)
}

/// `multiprocessing.dummy`.
///
/// # Errors
/// What making `threading` raises.
pub fn make(cx: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions(
        "multiprocessing.dummy",
        &[
            ("current_process", current_process),
            ("active_children", active_children),
            ("freeze_support", freeze_support),
            ("Pool", pool),
            ("Pipe", pipe),
            ("Manager", manager),
            ("shutdown", shutdown),
        ],
    );
    let threads = threading::make(cx)?;
    for name in [
        "Lock",
        "RLock",
        "Semaphore",
        "BoundedSemaphore",
        "Event",
        "Condition",
        "Barrier",
    ] {
        let name = Name::new(name);
        module.set(name, threads.get(name).unwrap_or_default());
    }
    for (name, class) in [
        ("DummyProcess", process_class()),
        ("Process", process_class()),
        ("Queue", queue::class()),
        ("JoinableQueue", queue::class()),
        ("Namespace", namespace_class()),
        ("Value", value_class()),
        ("list", &types().list),
        ("dict", &types().dict),
    ] {
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    module.set(
        Name::new("Array"),
        define::function("multiprocessing.dummy", "Array", array),
    );
    module.set(Name::new("__path__"), Value::list(Vec::new()));
    let all = [
        "Process",
        "current_process",
        "active_children",
        "freeze_support",
        "Lock",
        "RLock",
        "Semaphore",
        "BoundedSemaphore",
        "Condition",
        "Event",
        "Barrier",
        "Queue",
        "Manager",
        "Pipe",
        "Pool",
        "JoinableQueue",
    ];
    module.set(
        Name::new("__all__"),
        Value::list(all.into_iter().map(Value::str).collect()),
    );
    Ok(module)
}

/// `multiprocessing.dummy.connection`.
///
/// # Errors
/// None today.
pub fn make_connection(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions(
        "multiprocessing.dummy.connection",
        &[("Pipe", pipe), ("Client", client)],
    );
    for (name, class) in [
        ("Listener", listener_class()),
        ("Connection", connection_class()),
    ] {
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    let all = ["Client", "Listener", "Pipe"];
    module.set(
        Name::new("__all__"),
        Value::list(all.into_iter().map(Value::str).collect()),
    );
    Ok(module)
}
