//! `multiprocessing.managers`: objects in a process of their own, used from anywhere by proxies that
//! travel in messages.
//!
//! The server is a process with a thread for each thread of a client, as in Python, so a `get` that
//! waits holds up nobody else. Each such pair speaks over two queues in shared memory.

mod client;
mod held;
mod kinds;
mod objects;
mod proxy;
mod proxy_classes;

mod server;
mod serving;
mod table;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use self::client::{Server, ask_value};
use self::objects::{Objects, Own};
pub use self::proxy::{PROXY, is_proxy, pack_proxy, takes_handles, unpack_proxy};
use self::server::{BACKLOG, Begin, request};
use super::child::shared;
use super::connection::address::{Address, Listening};
use super::errors::{errors, raise};
use super::process::{ProcessObject, make_own, wait_for};
use super::{child, shared_memory, state};
use crate::eval::attribute;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments::Receiver;
use crate::library::message::{self, Programs};
use crate::library::parameters::Parameters;
use crate::library::{arguments, define, native_object};
use crate::runtime::clock::Deadline;
use crate::runtime::shared_queue::SharedQueue;
use crate::value::class::{Class, Layout};
use crate::value::exception::{assertion_error, attribute_error, type_error};
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
    /// The process object of the server, if this manager started it.
    process: Value,
    over: bool,
    /// As scripts gave it, or as it is.
    address: Value,
    key: Value,
    grace: Option<Duration>,
}

impl NativeData for ManagerObject {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.state.lock().process);
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
    /// `SharedMemoryManager`.
    pub shared_memory: Ref<Class>,
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
                ("get_server", get_server),
                ("_number_of_objects", |cx, args| {
                    ask_alone(cx, args, request::NUMBER_OF_OBJECTS)
                }),
                ("_debug_info", |cx, args| {
                    ask_alone(cx, args, request::DEBUG_INFO)
                }),
                ("__enter__", enter),
                ("__exit__", exit),
            ],
        );
        kinds::install(&base);
        define::class_methods(&base, &[("register", register)]);
        define::properties(
            &base,
            &[
                ("address", address),
                ("_process", process),
                ("_authkey", |cx, args| key_of(cx, &args.values[0])),
            ],
        );
        let sync = make("SyncManager", &base);
        for typeid in held::TYPES {
            sync.set(Name::new(typeid), maker(typeid));
        }
        let shared_memory = make("SharedMemoryManager", &base);
        define::methods(
            &shared_memory,
            &[
                ("SharedMemory", make_shared_memory),
                ("ShareableList", make_shareable_list),
            ],
        );
        define::methods(
            &errors().remote,
            &[("__str__", |cx, args| {
                let first = args.values.first().and_then(Value::as_instance);
                let first = first
                    .and_then(|error| error.exception())
                    .and_then(|data| data.args().first().cloned());
                let text = crate::value::text::to_str(cx, &first.unwrap_or_default())?;
                let line = "-".repeat(75);
                Ok(Value::str(format!("\n{line}\n{text}{line}")))
            })],
        );
        Classes {
            base,
            sync,
            shared_memory,
        }
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
    arguments::receiver::<ManagerObject>(args, method)
}

/// The key of this process.
pub fn own_key(cx: &mut Context) -> Outcome<Vec<u8>> {
    match own_key_value(cx)? {
        Value::Bytes(key) => Ok(key.get().to_vec()),
        _ => Ok(Vec::new()),
    }
}

fn own_key_value(cx: &mut Context) -> Outcome<Value> {
    let current = state::processes(cx).current();
    let key = attribute::get(cx, &current, Name::new("authkey"))?;
    Ok(key.unwrapped().clone())
}

/// The key of a manager, or of this process where that is none.
pub fn key_of(cx: &mut Context, manager: &Value) -> Outcome<Value> {
    if let Some(manager) = ManagerObject::of(manager) {
        let key = manager.state.lock().key.clone();
        if !key.is_none() {
            return Ok(key);
        }
    }
    own_key_value(cx)
}

fn key_bytes(cx: &mut Context, manager: &Value) -> Outcome<Vec<u8>> {
    match key_of(cx, manager)? {
        Value::Bytes(key) => Ok(key.get().to_vec()),
        _ => Ok(Vec::new()),
    }
}

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const INIT: Parameters<5> = Parameters::method(
        "BaseManager.__init__",
        [
            "address",
            "authkey",
            "serializer",
            "ctx",
            "shutdown_timeout",
        ],
    )
    .positional(4);
    let (manager, rest) = object(args, "__init__")?;
    let [address, authkey, serializer, _, grace] = INIT.bind(rest)?;
    let key = match authkey.map(Value::unwrapped) {
        None | Some(Value::None) => own_key_value(cx)?,
        Some(key @ Value::Bytes(_)) => key.clone(),
        Some(Value::Str(_)) => return Err(type_error("string argument without an encoding")),
        Some(other) => match crate::value::sequence::bytes_like(other) {
            Some(bytes) => Value::bytes(bytes.to_vec()),
            None => {
                return Err(type_error(format!(
                    "cannot convert '{}' object to bytes",
                    other.type_name()
                )));
            }
        },
    };
    if let Some(name) = serializer
        && name.as_str() != Some("pickle")
    {
        return match name.as_str() {
            Some("xmlrpclib") => Err(type_error("conc has no serializer 'xmlrpclib'")),
            _ => Err(crate::value::exception::key_error(name.clone())),
        };
    }
    let grace = match grace {
        Some(seconds) => {
            let seconds = arguments::float(cx, seconds)?;
            Some(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
        }
        None => None,
    };
    let address = address.cloned().unwrap_or_default();
    let old = {
        let mut state = manager.state.lock();
        state.grace = grace;
        (
            std::mem::replace(&mut state.key, key),
            std::mem::replace(&mut state.address, address),
        )
    };
    drop(old);
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

fn ask_alone(cx: &mut Context, args: Args<'_>, what: i64) -> Outcome<Value> {
    let (manager, _) = object(args, "_create")?;
    let server = server(manager)?;
    ask_value(cx, &server, vec![Value::Int(what)])
}

fn create(cx: &mut Context, args: Args<'_>, typeid: &str) -> Outcome<Value> {
    let (manager, rest) = object(args, "create")?;
    let server = server(manager)?;
    proxy::create(cx, &server, &args.values[0], typeid, rest)
}

/// Has the server unlink a segment when it ends.
fn track(cx: &mut Context, server: &Server, memory: &Value) -> Outcome<()> {
    let name = attribute::get(cx, memory, Name::new("name"))?;
    let tracked = ask_value(cx, server, vec![Value::Int(request::TRACK_SEGMENT), name]);
    if tracked.is_err() {
        cx.call_method(memory, "unlink", &[])?;
    }
    tracked.map(drop)
}

fn make_shared_memory(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const MAKE: Parameters<1> =
        Parameters::method("SharedMemoryManager.SharedMemory", ["size"]).required(1);
    let (manager, rest) = object(args, "SharedMemory")?;
    let server = server(manager)?;
    let [size] = MAKE.bind(rest)?;
    let size = arguments::integer(cx, size.unwrap_or(&Value::None))?;
    let Ok(size) = usize::try_from(size) else {
        return Err(crate::value::exception::value_error(
            "'size' must be a positive integer",
        ));
    };
    let memory = shared_memory::make(cx, Value::None, Some(size))?;
    track(cx, &server, &memory)?;
    Ok(memory)
}

fn make_shareable_list(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const MAKE: Parameters<1> =
        Parameters::method("SharedMemoryManager.ShareableList", ["sequence"]).required(1);
    let (manager, rest) = object(args, "ShareableList")?;
    let server = server(manager)?;
    let [sequence] = MAKE.bind(rest)?;
    let list = shared_memory::with_items(cx, sequence.unwrap_or(&Value::None))?;
    let memory = attribute::get(cx, &list, Name::new("shm"))?;
    track(cx, &server, &memory)?;
    Ok(list)
}

/// What is wrong with a manager that is to be started, if anything.
fn check_fresh(manager: &ManagerObject) -> Outcome<()> {
    let message = {
        let state = manager.state.lock();
        match (state.server.is_some(), state.over) {
            (_, true) => "Manager has shut down",
            (true, _) => "Already started server",
            _ => return Ok(()),
        }
    };
    Err(raise(&errors().process, Some(message.to_owned())))
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
    check_fresh(manager)?;
    if !initializer.is_none() && !crate::eval::is_callable(&initializer) {
        return Err(type_error("initializer must be a callable"));
    }
    begin(cx, &args.values[0], manager, (initializer, initargs))?;
    Ok(Value::None)
}

/// Listens where a manager is to be reached, if that was said.
fn listen(cx: &mut Context, manager: &ManagerObject) -> Outcome<Option<Listening>> {
    let address = manager.state.lock().address.clone();
    if address.is_none() {
        return Ok(None);
    }
    let address = Address::of(cx, &address)?;
    Listening::at(cx, &address, BACKLOG).map(Some)
}

fn begin(
    cx: &mut Context,
    value: &Value,
    manager: &ManagerObject,
    initializer: (Value, Value),
) -> Outcome<()> {
    // Here, so that an address that cannot be had is this process's error.
    let listening = listen(cx, manager)?;
    let address = listening
        .as_ref()
        .map(|listening| listening.address().clone());
    let key = key_bytes(cx, value)?;
    let door = shared(SharedQueue::new(None))?;
    let class = value.type_name();
    let method = super::processes(cx).start_method();
    let process = make_own(cx, method, |number| format!("{class}-{number}"))?;
    let receiver = message::Receiver {
        baseline: cx.session.extensions.get::<Programs>().baseline(),
    };
    let objects = Arc::new(Objects::new(value.class().clone(), objects::new_identity()));
    let identity = objects.identity;
    let mut begin = Some(Begin {
        door: door.clone(),
        objects,
        listening,
        key: key.clone(),
        initializer,
    });
    child::start(cx, &process, None, |cx, object| match begin.take() {
        Some(begin) => server::serve(cx, object, begin),
        None => 1,
    })?;
    if let Some(Begin {
        listening: Some(listening),
        ..
    }) = begin
    {
        // It is the server's now.
        listening.disown();
    }
    let Some(child) = ProcessObject::of(&process).and_then(ProcessObject::child) else {
        return Err(assertion_error("server not yet started"));
    };
    if let Some(address) = &address {
        client::Servers::of(cx).add_key(address.clone(), key);
    }
    let shown = address.as_ref().map(Address::value);
    let server = Server::started(cx, identity, door, &child, receiver, address);
    let old = {
        let mut state = manager.state.lock();
        let old = (
            std::mem::replace(&mut state.process, process),
            shown.map(|shown| std::mem::replace(&mut state.address, shown)),
        );
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
    let has_one = {
        let state = manager.state.lock();
        state.server.is_some() && !state.process.is_none()
    };
    if !has_one {
        return Err(attribute_error(format!(
            "'{}' object has no attribute 'shutdown'",
            args.values[0].type_name()
        )));
    }
    end(cx, manager)?;
    Ok(Value::None)
}

/// Ends the server, politely first.
fn end(cx: &mut Context, manager: &ManagerObject) -> Outcome<()> {
    let (server, process, grace) = {
        let mut state = manager.state.lock();
        state.over = true;
        let grace = state.grace.unwrap_or(GRACE);
        (state.server.clone(), state.process.clone(), grace)
    };
    let Some(server) = server else {
        return Ok(());
    };
    let Some(child) = ProcessObject::of(&process).and_then(ProcessObject::child) else {
        return Ok(());
    };
    if !child.is_own() {
        return Ok(());
    }
    server.stop(cx);
    if wait_for(cx, &child, Some(Deadline::after(grace)))?.is_none() {
        // One that has ended takes no notice.
        let _ = child.signal(libc::SIGTERM);
        if wait_for(cx, &child, Some(Deadline::after(grace)))?.is_none() {
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

fn connect(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const CONNECT: Parameters<0> = Parameters::method("BaseManager.connect", []);
    let (manager, rest) = object(args, "connect")?;
    CONNECT.bind(rest)?;
    let address = manager.state.lock().address.clone();
    let address = Address::of(cx, &address)?;
    let key = key_bytes(cx, &args.values[0])?;
    let server = Server::at(cx, &address, &key)?;
    ask_value(cx, &server, vec![Value::Int(request::PING)])?;
    let old = manager.state.lock().server.replace(server);
    drop(old);
    Ok(Value::None)
}

fn get_server(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const GET: Parameters<0> = Parameters::method("BaseManager.get_server", []);
    let (manager, rest) = object(args, "get_server")?;
    GET.bind(rest)?;
    check_fresh(manager)?;
    let key = key_bytes(cx, &args.values[0])?;
    let listening = match listen(cx, manager)? {
        Some(listening) => listening,
        None => {
            let address = Address::arbitrary(super::connection::address::Family::Local)?;
            Listening::at(cx, &address, BACKLOG)?
        }
    };
    let objects = Objects::new(args.values[0].class().clone(), objects::new_identity());
    serving::make(objects, listening, key)
}

fn enter(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (manager, _) = object(args, "__enter__")?;
    let (is_started, over) = {
        let state = manager.state.lock();
        (state.server.is_some(), state.over)
    };
    if over {
        return check_fresh(manager).map(|()| Value::None);
    }
    if !is_started {
        cx.call_method(&args.values[0], "start", &[])?;
    }
    Ok(args.values[0].clone())
}

fn exit(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    cx.call_method(&args.values[0], "shutdown", &[])?;
    Ok(Value::None)
}

/// Where a manager is reached. A server that was started without an address has one from when it is
/// first asked for.
fn address(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (manager, _) = object(args, "address")?;
    let (server, known) = {
        let state = manager.state.lock();
        (state.server.clone(), state.address.clone())
    };
    let Some(server) = server.filter(|_| known.is_none()) else {
        return Ok(known);
    };
    let made = ask_value(cx, &server, vec![Value::Int(request::LISTEN)])?;
    let address = Address::of(cx, &made)?;
    let key = key_bytes(cx, &args.values[0])?;
    client::Servers::of(cx).add_key(address.clone(), key);
    server.set_address(address);
    let old = std::mem::replace(&mut manager.state.lock().address, made.clone());
    drop(old);
    Ok(made)
}

fn process(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (manager, _) = object(args, "_process")?;
    Ok(manager.state.lock().process.clone())
}

/// `register(typeid, callable, …)` of a manager class.
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
    let [typeid, callable, proxytype, exposed, results, makes_method] =
        REGISTER.bind(args.rest())?;
    let Some(typeid) = typeid.and_then(|typeid| typeid.as_str()) else {
        return Err(type_error("typeid must be a string"));
    };
    let makes_method = arguments::flag(cx, makes_method, true)?;
    let given = |value: Option<&Value>| value.cloned().unwrap_or_default();
    let registration = kinds::Registration {
        typeid,
        callable: given(callable),
        proxytype: given(proxytype),
        exposed: given(exposed),
        results: given(results),
    };
    kinds::register(cx, class, registration)?;
    if makes_method && !class.is_builtin() {
        let name = Name::new(typeid);
        class.set(name, maker(name.as_str()));
    }
    Ok(Value::None)
}

/// In a child: what it inherited of managers becomes its own.
pub fn entered_child(cx: &mut Context) {
    Own::entered_child(cx);
    proxy::entered_child(cx);
}

/// Unlinks the segments of shared memory that a server looks after.
fn unlink_segments(objects: &Objects) {
    let names = std::mem::take(&mut *objects.segments.lock());
    for name in names {
        shared_memory::unlink_named(&name);
    }
}

/// `multiprocessing.managers`.
///
/// # Errors
/// None today.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = crate::library::modules::with_functions(
        "multiprocessing.managers",
        &[
            ("AutoProxy", proxy_classes::auto_proxy),
            ("MakeProxyType", proxy_classes::make_proxy_type),
        ],
    );
    let classes = classes();
    let errors = errors();
    for (name, class) in [
        ("BaseManager", &classes.base),
        ("SyncManager", &classes.sync),
        ("SharedMemoryManager", &classes.shared_memory),
        ("BaseProxy", proxy_classes::base()),
        ("Token", proxy_classes::token()),
        ("Server", serving::class()),
        ("RemoteError", &errors.remote),
        ("ProcessError", &errors.process),
        ("Namespace", held::namespace()),
    ] {
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    for (name, class) in proxy_classes::all() {
        if name == "PoolProxy" {
            module.set(Name::new("BasePoolProxy"), Value::Class(class.clone()));
        }
        module.set(Name::new(name), Value::Class(class));
    }
    Ok(module)
}
