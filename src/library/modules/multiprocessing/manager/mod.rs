//! `multiprocessing.managers`: objects in a process of their own, used from anywhere by proxies that
//! travel in messages.
//!
//! The server is a process with a thread for each thread of a client, as in Python, so a `get` that
//! waits holds up nobody else. Each such pair speaks over two queues in shared memory.

mod client;
mod held;
mod proxy;
mod proxy_classes;
mod server;

use std::any::Any;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use self::client::Server;
pub use self::proxy::{ProxyObject, packed, unpacked};
use super::child::shared;
use super::errors::errors;
use super::process::{ProcessObject, make_own, wait_for};
use super::{child, state};
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments::Receiver;
use crate::library::message::{self, Programs};
use crate::library::parameters::Parameters;
use crate::library::{define, native_object};
use crate::runtime::clock::Deadline;
use crate::runtime::shared_queue::SharedQueue;
use crate::value::class::{Class, Layout};
use crate::value::exception::{Raised, assertion_error, attribute_error, type_error};
use crate::value::function::{Args, Binding, NativeBody, NativeFunction};
use crate::value::instance::NativeData;
use crate::value::lock::Guarded;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value};

/// How long the server has to end by itself after it was asked to.
const GRACE: Duration = Duration::from_secs(1);

/// What a manager object carries.
pub struct ManagerObject {
    state: Guarded<State>,
}

#[derive(Default)]
struct State {
    server: Option<Arc<Server>>,
    /// The process object of the server.
    process: Value,
    over: bool,
}

impl NativeData for ManagerObject {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.state.lock().process);
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Receiver for ManagerObject {
    const CLASS: &'static str = "BaseManager";

    fn of(value: &Value) -> Option<&Self> {
        value.as_instance()?.native::<Self>()
    }
}

impl Drop for ManagerObject {
    /// Nobody can ask this manager for anything any more. Its objects live on while there are
    /// proxies: the server looks for that itself.
    fn drop(&mut self) {
        if let Some(server) = self.state.lock().server.take() {
            server.let_go();
        }
    }
}

/// The classes of managers.
pub struct Classes {
    /// `BaseManager`.
    pub base: Ref<Class>,
    /// `SyncManager`.
    pub sync: Ref<Class>,
}

/// The classes of managers.
pub fn classes() -> &'static Classes {
    static CLASSES: OnceLock<Classes> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let make = |name: &'static str, base: &Ref<Class>| {
            let class = Class::builtin(name, Some(base), Layout::Native("BaseManager"));
            class.set(known().module, Value::str("multiprocessing.managers"));
            class
        };
        let base = make("BaseManager", &types().object);
        define::static_methods(
            &base,
            &[("__new__", |_, args| {
                let data = ManagerObject {
                    state: Guarded::new(State::default()),
                };
                native_object::new(&classes().base, args, data)
            })],
        );
        define::methods(
            &base,
            &[
                ("__init__", init),
                ("start", start),
                ("shutdown", shutdown),
                ("join", join),
                ("connect", connect),
                ("__enter__", enter),
                ("__exit__", exit),
            ],
        );
        define::class_methods(&base, &[("register", register)]);
        define::properties(&base, &[("address", address), ("_process", process)]);
        let sync = make("SyncManager", &base);
        for typeid in held::TYPES {
            sync.set(Name::new(typeid), maker(typeid));
        }
        Classes { base, sync }
    })
}

/// The method that makes an object of a kind and gives a proxy for it.
fn maker(typeid: &'static str) -> Value {
    let call = move |cx: &mut Context, args: Args<'_>| create(cx, args, typeid);
    Value::Native(Ref::immortal(NativeFunction {
        name: typeid,
        owner: "SyncManager",
        binding: Binding::Method,
        body: NativeBody::Closure(Arc::new(call)),
    }))
}

fn object<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a ManagerObject, Args<'a>)> {
    crate::library::arguments::receiver::<ManagerObject>(args, method)
}

fn init(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const INIT: Parameters<5> = Parameters::method(
        "BaseManager.__init__",
        [
            "address",
            "authkey",
            "serializer",
            "ctx",
            "shutdown_timeout",
        ],
    );
    let (_, rest) = object(args, "__init__")?;
    let [address, ..] = INIT.bind(rest)?;
    if address.is_some_and(|address| !address.is_none()) {
        return Err(type_error(
            "conc has no managers at an address yet: leave `address` out",
        ));
    }
    Ok(Value::None)
}

/// The server of a started manager.
fn server(manager: &ManagerObject) -> Outcome<Arc<Server>> {
    let state = manager.state.lock();
    match &state.server {
        Some(server) => Ok(server.clone()),
        None => Err(assertion_error("server not yet started")),
    }
}

fn create(cx: &mut Context, args: Args<'_>, typeid: &str) -> Outcome<Value> {
    let (manager, rest) = object(args, "create")?;
    let server = server(manager)?;
    proxy::create(cx, &server, &args.values[0], typeid, rest)
}

fn start(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const START: Parameters<2> =
        Parameters::method("BaseManager.start", ["initializer", "initargs"]);
    let (manager, rest) = object(args, "start")?;
    let [initializer, initargs] = START.bind(rest)?;
    let initializer = initializer.cloned().unwrap_or_default();
    let initargs = initargs
        .cloned()
        .unwrap_or_else(|| Value::tuple(Vec::new()));
    if !initializer.is_none() && !crate::eval::is_callable(&initializer) {
        return Err(type_error("initializer must be a callable"));
    }
    {
        let state = manager.state.lock();
        let message = match (state.server.is_some(), state.over) {
            (_, true) => "Manager has shut down",
            (true, _) => "Already started server",
            _ => "",
        };
        drop(state);
        if !message.is_empty() {
            return Err(super::errors::raise(
                &errors().process,
                Some(message.to_owned()),
            ));
        }
    }
    begin(cx, &args.values[0], manager, initializer, initargs)?;
    Ok(Value::None)
}

fn begin(
    cx: &mut Context,
    value: &Value,
    manager: &ManagerObject,
    initializer: Value,
    initargs: Value,
) -> Outcome<()> {
    let door = shared(SharedQueue::new(None))?;
    let class = value.type_name();
    let process = make_own(cx, |number| format!("{class}-{number}"))?;
    let receiver = message::Receiver {
        baseline: cx.session.extensions.get::<Programs>().baseline(),
    };
    let registered = registered(value.class());
    let there = door.clone();
    child::start(cx, &process, None, move |cx, object| {
        server::serve(cx, object, there, registered, (initializer, initargs))
    })?;
    let Some(child) = ProcessObject::of(&process).and_then(ProcessObject::child) else {
        return Err(assertion_error("server not yet started"));
    };
    let server = Arc::new(Server::started(door, &child, receiver));
    let old = {
        let mut state = manager.state.lock();
        let old = std::mem::replace(&mut state.process, process);
        state.server = Some(server);
        old
    };
    drop(old);
    Ok(())
}

/// `multiprocessing.Manager()`: a manager that runs.
pub fn manager(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const MANAGER: Parameters<0> = Parameters::method("BaseContext.Manager", []);
    MANAGER.bind(args)?;
    let class = Value::Class(classes().sync.clone());
    let made = cx.call(&class, &[])?;
    cx.call_method(&made, "start", &[])?;
    Ok(made)
}

fn shutdown(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const SHUTDOWN: Parameters<0> = Parameters::method("BaseManager.shutdown", []);
    let (manager, rest) = object(args, "shutdown")?;
    SHUTDOWN.bind(rest)?;
    end(cx, manager)?;
    Ok(Value::None)
}

/// Ends the server, politely first.
fn end(cx: &mut Context, manager: &ManagerObject) -> Outcome<()> {
    let (server, process) = {
        let mut state = manager.state.lock();
        state.over = true;
        (state.server.clone(), state.process.clone())
    };
    let Some(server) = server else {
        return Err(attribute_error(
            "'SyncManager' object has no attribute 'shutdown'",
        ));
    };
    let Some(child) = ProcessObject::of(&process).and_then(ProcessObject::child) else {
        return Ok(());
    };
    if !child.is_own() {
        return Ok(());
    }
    server.stop(cx);
    if wait_for(cx, &child, Some(Deadline::after(GRACE)))?.is_none() {
        // One that has ended takes no notice.
        let _ = child.signal(libc::SIGTERM);
        if wait_for(cx, &child, Some(Deadline::after(GRACE)))?.is_none() {
            let _ = child.signal(libc::SIGKILL);
            wait_for(cx, &child, None)?;
        }
    }
    state::processes(cx).living_children(cx);
    Ok(())
}

fn join(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const JOIN: Parameters<1> = Parameters::method("BaseManager.join", ["timeout"]);
    let (manager, rest) = object(args, "join")?;
    let [timeout] = JOIN.bind(rest)?;
    let deadline = super::waiting::deadline(cx, timeout)?;
    let process = manager.state.lock().process.clone();
    if let Some(child) = ProcessObject::of(&process).and_then(ProcessObject::child) {
        wait_for(cx, &child, deadline)?;
    }
    Ok(Value::None)
}

fn connect(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    object(args, "connect")?;
    Err(type_error("conc has no managers at an address yet"))
}

fn enter(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (manager, _) = object(args, "__enter__")?;
    if manager.state.lock().server.is_none() {
        cx.call_method(&args.values[0], "start", &[])?;
    }
    Ok(args.values[0].clone())
}

fn exit(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (manager, _) = object(args, "__exit__")?;
    end(cx, manager)?;
    Ok(Value::None)
}

fn address(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (manager, _) = object(args, "address")?;
    Ok(match &manager.state.lock().server {
        Some(server) => Value::str(server.address()),
        None => Value::None,
    })
}

fn process(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (manager, _) = object(args, "_process")?;
    Ok(manager.state.lock().process.clone())
}

/// What a script's class has registered, by kind.
fn registered(class: &Ref<Class>) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for class in class.ancestors().iter().rev().chain([class]) {
        if let Some(Value::Dict(kinds)) = class.own(Name::new("_registry")) {
            for (kind, callable) in kinds.entries() {
                if let Some(kind) = kind.as_str() {
                    all.push((kind.to_owned(), callable));
                }
            }
        }
    }
    all
}

/// `register(typeid, callable)` of a script's own manager class.
fn register(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const REGISTER: Parameters<6> = Parameters::method(
        "BaseManager.register",
        [
            "typeid",
            "callable",
            "proxytype",
            "exposed",
            "method_to_typeid",
            "create_method",
        ],
    )
    .required(1);
    let Some(Value::Class(class)) = args.values.first() else {
        return Err(type_error("register() needs a class"));
    };
    if class.is_builtin() {
        return Err(type_error(format!(
            "cannot register a type with '{}' itself: derive a class from it",
            class.name()
        )));
    }
    let [typeid, callable, ..] = REGISTER.bind(args.rest())?;
    let Some(typeid) = typeid.and_then(|typeid| typeid.as_str()) else {
        return Err(type_error("typeid must be a string"));
    };
    let kinds = match class.own(Name::new("_registry")) {
        Some(Value::Dict(kinds)) => kinds,
        _ => {
            let kinds = Ref::new(crate::value::Dict::new());
            class.set(Name::new("_registry"), Value::Dict(kinds.clone()));
            kinds
        }
    };
    let callable = callable.cloned().unwrap_or_default();
    kinds.set(cx, Value::str(typeid), callable)?;
    let name = Name::new(typeid);
    class.set(name, maker(name.as_str()));
    Ok(Value::None)
}

/// `multiprocessing.managers`.
///
/// # Errors
/// None today.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = crate::library::modules::with_functions("multiprocessing.managers", &[]);
    let classes = classes();
    let errors = errors();
    for (name, class) in [
        ("BaseManager", &classes.base),
        ("SyncManager", &classes.sync),
        ("BaseProxy", proxy_classes::base()),
        ("RemoteError", &errors.remote),
        ("ProcessError", &errors.process),
        ("Namespace", held::namespace()),
    ] {
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    for typeid in held::TYPES {
        let class = proxy_classes::of(typeid, &[]);
        if !class.name().as_str().contains('[') {
            module.set(class.name(), Value::Class(class));
        }
    }
    Ok(module)
}

/// The error of a manager whose server is gone.
#[cold]
pub fn server_gone(pid: i32) -> Raised {
    let raised = crate::library::exceptions::os_error(libc::EPIPE, None);
    super::errors::add_note(
        &raised,
        &format!("the manager's server process (pid {pid}) has ended"),
    );
    raised
}
