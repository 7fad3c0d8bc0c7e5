//! Proxies: what stands for an object of a manager in every other process, and how it travels.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use super::client::{Place, Server, Servers, ask_value, pin};
use super::objects::{Client, Entry, Objects, Own};
use super::server::{answer, request};
use super::{kinds, proxy_classes};
use crate::eval::context::Context;
use crate::library::arguments::Receiver;
use crate::library::message::{self, Destination, Parcel};
use crate::library::modules::multiprocessing::connection::address::Address;
use crate::library::modules::multiprocessing::errors::{errors, raise};
use crate::library::modules::multiprocessing::failure;
use crate::library::native_object;
use crate::runtime::fork;
use crate::runtime::handle::Handle;
use crate::runtime::leaf_lock::LeafLock;
use crate::value::class::Class;
use crate::value::exception::{Raised, key_error, type_error, value_error};
use crate::value::function::Args;
use crate::value::instance::Instance;
use crate::value::instance::NativeData;
use crate::value::lock::Guarded;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Dict, Outcome, Value};

/// The kind of proxies in messages.
pub const PROXY: &str = "proxy";

/// What a proxy knows of its object.
pub struct Core {
    link: Link,
    /// The object's number there.
    number: u64,
    /// What kind of object it is.
    typeid: String,
    /// What of it can be called, where that does not follow from the kind.
    exposed: Vec<String>,
    hold: Hold,
}

/// The way to the object.
enum Link {
    /// To a server.
    Client(Arc<Server>),
    /// The server is this process, or was it before a fork.
    Own(Arc<Objects>, Place),
}

/// What keeps the object.
pub enum Hold {
    /// The handle of a process of the server's tree.
    Near(Handle),
    /// The entry itself, in the server.
    Own(Arc<Entry>),
    /// A count in a server elsewhere.
    Far(Arc<FarHold>),
}

/// A count in a server elsewhere, given back when it is dropped.
pub struct FarHold {
    server: Arc<Server>,
    number: u64,
    /// The fork in which it was counted. A child has not been counted yet.
    generation: AtomicU32,
}

impl Drop for FarHold {
    fn drop(&mut self) {
        if self.generation.load(Ordering::Relaxed) == fork::generation() {
            self.server.drop_later(self.number);
        }
    }
}

/// The counts of a session in servers elsewhere.
#[derive(Default)]
struct FarHolds {
    all: LeafLock<Vec<Weak<FarHold>>>,
}

impl FarHold {
    fn hold(cx: &Context, server: Arc<Server>, number: u64) -> Hold {
        let hold = Arc::new(FarHold {
            server,
            number,
            generation: AtomicU32::new(fork::generation()),
        });
        let holds = cx.session.extensions.get::<FarHolds>();
        let mut all = holds.all.lock();
        all.retain(|hold| hold.strong_count() > 0);
        all.push(Arc::downgrade(&hold));
        drop(all);
        Hold::Far(hold)
    }

    /// Sees to it that this process is counted.
    fn count(&self, cx: &mut Context) -> Outcome<()> {
        let generation = fork::generation();
        if self.generation.swap(generation, Ordering::Relaxed) == generation {
            return Ok(());
        }
        claim(cx, &self.server, self.number, 0)
    }
}

fn claim(cx: &mut Context, server: &Server, number: u64, claim: u64) -> Outcome<()> {
    let parts = vec![
        Value::Int(request::CLAIM),
        Value::Int(number as i64),
        Value::Int(claim as i64),
    ];
    ask_value(cx, server, parts).map(drop)
}

/// In a child: its copies of proxies count as its own from now on.
pub fn entered_child(cx: &mut Context) {
    Servers::of(cx).entered_child();
    let all: Vec<Arc<FarHold>> = {
        let holds = cx.session.extensions.get::<FarHolds>();
        let all = holds.all.lock();
        all.iter().filter_map(Weak::upgrade).collect()
    };
    for hold in all {
        // The server may have ended; whoever uses the proxy learns that.
        let _ = hold.count(cx);
    }
}

impl Core {
    /// What stands for an object in its own server.
    pub fn own(objects: &Arc<Objects>, entry: &Arc<Entry>) -> Core {
        Core {
            link: Link::Own(objects.clone(), objects.place()),
            number: entry.number,
            typeid: entry.typeid.clone(),
            exposed: entry.exposed().to_vec(),
            hold: Hold::own(entry),
        }
    }

    /// The object of a server elsewhere.
    ///
    /// # Errors
    /// That the server is gone or has no such object.
    pub fn far(cx: &mut Context, server: &Arc<Server>, typeid: &str, number: u64) -> Outcome<Core> {
        claim(cx, server, number, 0)?;
        Ok(Core {
            link: Link::Client(server.clone()),
            number,
            typeid: typeid.to_owned(),
            exposed: Vec::new(),
            hold: FarHold::hold(cx, server.clone(), number),
        })
    }

    /// What kind of object it stands for.
    pub fn typeid(&self) -> &str {
        &self.typeid
    }

    /// The object's number, as scripts see it.
    pub fn id(&self) -> String {
        format!("{:x}", self.number)
    }

    /// What of it can be called.
    pub fn exposed(&self) -> &[String] {
        &self.exposed
    }

    fn place(&self) -> Place {
        match &self.link {
            Link::Client(server) => server.place(),
            Link::Own(objects, _) => objects.place(),
        }
    }

    /// Where its server is reached from elsewhere, if it is.
    pub fn address(&self) -> Option<Address> {
        self.place().address
    }

    fn handle(&self) -> Option<&Handle> {
        match &self.hold {
            Hold::Near(handle) => Some(handle),
            Hold::Own(entry) => Some(entry.handle()),
            Hold::Far(_) => None,
        }
    }

    /// Asks the server something about this object.
    ///
    /// # Errors
    /// What the answer brings, or that the server is gone.
    pub fn ask(&self, cx: &mut Context, what: i64, more: Vec<Value>) -> Outcome<Value> {
        let mut parts = vec![Value::Int(what), Value::Int(self.number as i64)];
        parts.extend(more);
        match &self.link {
            Link::Client(server) => {
                if let Hold::Far(hold) = &self.hold {
                    hold.count(cx)?;
                }
                ask_value(cx, server, parts)
            }
            Link::Own(objects, place) => {
                if Own::of(cx, objects.identity).is_none() {
                    let server = Server::found(cx, place)?;
                    return ask_value(cx, &server, parts);
                }
                // As if it came from another process: what is given and got is copied.
                let mut parcel = Parcel {
                    destination: to_server(objects.identity, true),
                    ..Parcel::default()
                };
                let receiver = message::Receiver::default();
                let asked = Value::tuple(parts);
                let bytes = message::encode_into(cx, &asked, receiver, &mut parcel)?;
                let answer = objects.answer(cx, Client::Near, &bytes)?;
                let Some((kind, body)) = answer.bytes.split_last() else {
                    return Err(damaged());
                };
                let value = message::decode(cx, body)?;
                read_answer(*kind, value)
            }
        }
    }

    fn pin(&self, cx: &mut Context) -> Outcome<u64> {
        match &self.link {
            Link::Client(server) => pin(cx, server, self.number),
            Link::Own(..) => {
                let claim = super::client::random_number() >> 1;
                self.ask(cx, request::PIN, vec![Value::Int(claim as i64)])?;
                Ok(claim)
            }
        }
    }
}

/// What a proxy carries: nothing, until its `__init__` has run.
pub struct ProxyObject {
    core: Guarded<Option<Arc<Core>>>,
    /// The manager that made it, which lives as long as it does; `None` in other processes.
    manager: Guarded<Value>,
}

impl NativeData for ProxyObject {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.manager.lock());
    }

    fn clear(&self) {
        let old = std::mem::take(&mut *self.manager.lock());
        drop(old);
    }
}

impl Receiver for ProxyObject {
    const CLASS: &'static str = "BaseProxy";

    fn of(value: &Value) -> Option<&Self> {
        value.as_instance()?.native::<Self>()
    }
}

/// What a token carries: the name of an object, which keeps it.
pub struct TokenObject {
    /// What it names; nothing if a script made the token.
    pub core: Option<Arc<Core>>,
}

impl NativeData for TokenObject {}

impl ProxyObject {
    /// One without an object.
    pub fn blank() -> ProxyObject {
        ProxyObject {
            core: Guarded::new(None),
            manager: Guarded::new(Value::None),
        }
    }

    fn new(core: Arc<Core>, manager: Value) -> ProxyObject {
        ProxyObject {
            core: Guarded::new(Some(core)),
            manager: Guarded::new(manager),
        }
    }

    /// Gives it an object.
    pub fn fill(&self, core: Arc<Core>, manager: Value) {
        let old = (
            self.core.lock().replace(core),
            std::mem::replace(&mut *self.manager.lock(), manager),
        );
        drop(old);
    }

    /// What it knows of its object.
    ///
    /// # Errors
    /// `AttributeError` if its `__init__` has not run.
    pub fn core(&self) -> Outcome<Arc<Core>> {
        let core = self.core.lock().clone();
        core.ok_or_else(|| {
            crate::value::exception::attribute_error("the proxy has no attribute '_token'")
        })
    }

    /// The manager that made it.
    pub fn manager(&self) -> Value {
        self.manager.lock().clone()
    }

    /// Calls a method of the object.
    ///
    /// # Errors
    /// What it raises, or that the server is gone.
    pub fn call(&self, cx: &mut Context, method: &str, args: Args<'_>) -> Outcome<Value> {
        let positional = Value::tuple(args.positional().to_vec());
        let keywords = keywords(args);
        self.call_with(cx, method, positional, keywords)
    }

    /// The same with a tuple and a dict, or `None`.
    ///
    /// # Errors
    /// As [`ProxyObject::call`].
    pub fn call_with(
        &self,
        cx: &mut Context,
        method: &str,
        args: Value,
        kwargs: Value,
    ) -> Outcome<Value> {
        let core = self.core()?;
        let result = core.ask(cx, request::CALL, vec![Value::str(method), args, kwargs])?;
        match token_core(&result) {
            Some(core) => {
                let manager = self.manager();
                make(cx, core, &manager)
            }
            None => Ok(result),
        }
    }

    /// A copy of the object.
    ///
    /// # Errors
    /// That it cannot travel, or that the server is gone.
    pub fn copy(&self, cx: &mut Context) -> Outcome<Value> {
        self.core()?.ask(cx, request::COPY, Vec::new())
    }
}

/// What a token names.
fn token_core(value: &Value) -> Option<Arc<Core>> {
    value
        .as_instance()?
        .native::<TokenObject>()
        .and_then(|token| token.core.clone())
}

/// A token for an object.
pub fn token(core: &Arc<Core>) -> Value {
    let made = native_object::instance(
        proxy_classes::token(),
        TokenObject {
            core: Some(core.clone()),
        },
    );
    if let Value::Instance(token) = &made {
        let address = core
            .address()
            .map_or(Value::None, |address| address.value());
        token.set(Name::new("typeid"), Value::str(core.typeid()));
        token.set(Name::new("address"), address);
        token.set(Name::new("id"), Value::str(core.id()));
    }
    made
}

/// The keyword arguments as a dict.
pub fn keywords(args: Args<'_>) -> Value {
    if args.names.is_empty() {
        return Value::None;
    }
    let pairs = args.keywords().map(|(name, value)| (name, value.clone()));
    Value::Dict(Ref::new(Dict::from_names(pairs)))
}

/// The value of an answer.
///
/// # Errors
/// The exception that it brings.
pub fn read_answer(kind: u8, value: Value) -> Outcome<Value> {
    match kind {
        answer::VALUE | answer::PROXY => Ok(value),
        answer::EXCEPTION => Err(raised(&value)),
        answer::REMOTE_ERROR => Err(remote_error(&value, false)),
        answer::UNSENDABLE => Err(remote_error(&value, true)),
        _ => Err(damaged()),
    }
}

/// The exception of an answer. Where no script's code ran, its traceback says nothing.
fn raised(packed: &Value) -> Raised {
    if let Value::Tuple(parts) = packed
        && let [Value::Instance(exception), Value::Str(trace)] = parts.items()
        && exception.exception().is_some()
        && !trace.as_str().starts_with("Traceback")
    {
        return Raised::instance(exception.clone());
    }
    failure::unpacked(packed)
}

/// `RemoteError`, with the exception that was raised there as its cause.
#[cold]
fn remote_error(packed: &Value, unsendable: bool) -> Raised {
    let (cause, trace) = match packed {
        Value::Tuple(parts) => match parts.items() {
            [cause, Value::Str(trace)] => (cause.clone(), trace.as_str().to_owned()),
            _ => (Value::None, String::new()),
        },
        _ => (Value::None, String::new()),
    };
    const HEAD: &str = "Traceback (most recent call last):\n";
    let trace = match trace.starts_with(HEAD) {
        true => trace,
        false => format!("{HEAD}{trace}"),
    };
    let text = match unsendable {
        true => format!("Unserializable message: {trace}\n"),
        false => trace,
    };
    let error = raise(&errors().remote, Some(text));
    if let (Some(data), Value::Instance(instance)) = (error.data(), &cause)
        && instance.exception().is_some()
    {
        data.set_cause(cause);
    }
    error
}

/// Makes an object in a server and gives a proxy for it.
///
/// # Errors
/// What its constructor raises, or that the server is gone.
pub fn create(
    cx: &mut Context,
    server: &Arc<Server>,
    manager: &Value,
    typeid: &str,
    args: Args<'_>,
) -> Outcome<Value> {
    let parts = vec![
        Value::Int(request::CREATE),
        Value::str(typeid),
        Value::tuple(args.positional().to_vec()),
        keywords(args),
    ];
    let made = ask_value(cx, server, parts)?;
    match token_core(&made) {
        Some(core) => make(cx, core, manager),
        None => Err(damaged()),
    }
}

/// A proxy as the manager's class has it.
fn make(cx: &mut Context, core: Arc<Core>, manager: &Value) -> Outcome<Value> {
    let kind = match manager {
        Value::Instance(instance) => {
            let class = instance.class().clone();
            kinds::find(cx, &class, core.typeid())?
        }
        _ => None,
    };
    let is_own = match &kind {
        Some(kind) => matches!(kind.maker, kinds::Maker::Own),
        // A result of a method, or a proxy that came from elsewhere.
        None => proxy_classes::exposed_of(core.typeid()).is_some(),
    };
    let proxytype = kind.map_or(Value::None, |kind| kind.proxytype);
    match &proxytype {
        Value::None if is_own => {
            let class = proxy_classes::of_kind(core.typeid(), core.exposed());
            Ok(of_class(&class, core, manager.clone()))
        }
        Value::None => Ok(auto(core, manager.clone())),
        Value::Class(class) if class.is_builtin() && class.derives_from(proxy_classes::base()) => {
            Ok(of_class(class, core, manager.clone()))
        }
        other => by_script(cx, other, &core, manager),
    }
}

/// A proxy of a class.
pub fn of_class(class: &Ref<Class>, core: Arc<Core>, manager: Value) -> Value {
    native_object::instance(class, ProxyObject::new(core, manager))
}

/// A proxy with a method for all that is exposed.
pub fn auto(core: Arc<Core>, manager: Value) -> Value {
    let name = format!("AutoProxy[{}]", core.typeid());
    let class = proxy_classes::make_type(&name, core.exposed());
    of_class(&class, core, manager)
}

/// A proxy made by a class or function of a script's.
fn by_script(
    cx: &mut Context,
    proxytype: &Value,
    core: &Arc<Core>,
    manager: &Value,
) -> Outcome<Value> {
    let exposed = core.exposed().iter().map(|name| Value::str(name.as_str()));
    let values = [
        token(core),
        Value::str("pickle"),
        manager.clone(),
        super::key_of(cx, manager)?,
        Value::tuple(exposed.collect()),
    ];
    let names = ["manager", "authkey", "exposed"].map(Name::new);
    cx.call_with(
        proxytype,
        Args {
            values: &values,
            names: &names,
        },
    )
}

/// Where a message of a manager goes.
enum Route {
    Server { identity: u64, near: bool },
    Client(Arc<Objects>, Client),
}

/// A message to a server.
pub fn to_server(identity: u64, near: bool) -> Destination {
    Destination::Manager(Arc::new(Route::Server { identity, near }))
}

/// A message from a server to a client.
pub fn to_client(objects: &Arc<Objects>, client: Client) -> Destination {
    Destination::Manager(Arc::new(Route::Client(objects.clone(), client)))
}

/// How the object is kept while the message is under way.
mod mode {
    /// A handle goes along.
    pub const HANDLE: i64 = 0;
    /// The receiver is counted already.
    pub const COUNTED: i64 = 1;
    /// It is pinned: the receiver says that it has it.
    pub const PINNED: i64 = 2;
    /// The sender keeps it until the answer comes.
    pub const KEPT: i64 = 3;
}

/// Whether it is a proxy or the token of one.
pub fn is_proxy(instance: &Instance) -> bool {
    instance.native::<ProxyObject>().is_some() || instance.native::<TokenObject>().is_some()
}

/// A proxy or token as a value that travels; `None` for what is neither.
pub fn pack_proxy(cx: &mut Context, value: &Value, parcel: &mut Parcel) -> Option<Outcome<Value>> {
    let instance = value.as_instance()?;
    let (core, class) = if let Some(proxy) = instance.native::<ProxyObject>() {
        let class = instance.class();
        let class = match class.is_builtin() {
            true => class.name().value(),
            false => Value::Class(class.clone()),
        };
        match proxy.core() {
            Ok(core) => (core, class),
            Err(raised) => return Some(Err(raised)),
        }
    } else {
        let token = instance.native::<TokenObject>()?;
        match &token.core {
            Some(core) => (core.clone(), Value::None),
            None => return Some(Err(type_error("cannot pickle a 'Token' without an object"))),
        }
    };
    Some(pack(cx, &core, class, parcel))
}

/// Whether shared objects can go with a message.
pub fn takes_handles(parcel: &Parcel) -> bool {
    match &parcel.destination {
        Destination::SharedQueue => true,
        Destination::Manager(route) => match route.downcast_ref::<Route>() {
            Some(Route::Server { near, .. }) => *near,
            Some(Route::Client(_, client)) => *client == Client::Near,
            None => false,
        },
        _ => false,
    }
}

fn pack(cx: &mut Context, core: &Core, class: Value, parcel: &mut Parcel) -> Outcome<Value> {
    let place = core.place();
    let route = match &parcel.destination {
        Destination::Manager(route) => route.downcast_ref::<Route>(),
        _ => None,
    };
    let takes_handles = takes_handles(parcel);
    let (how, claim) = match (route, core.handle()) {
        (Some(Route::Server { identity, .. }), _) if *identity == place.identity => (mode::KEPT, 0),
        (_, Some(handle)) if takes_handles => {
            parcel.handles.push(handle.clone());
            (mode::HANDLE, 0)
        }
        (Some(Route::Client(objects, Client::Far(client))), _)
            if objects.identity == place.identity =>
        {
            if let Hold::Own(entry) = &core.hold {
                entry.count_far(*client);
            }
            (mode::COUNTED, 0)
        }
        _ => (mode::PINNED, core.pin(cx)?),
    };
    let near = match place.near {
        Some((slot, door, serial, pid)) => Value::tuple(vec![
            Value::Int(slot.into()),
            Value::Int(door as i64),
            Value::Int(serial as i64),
            Value::Int(pid.into()),
        ]),
        None => Value::None,
    };
    let handle = match core.handle() {
        Some(handle) => Value::tuple(vec![
            Value::Int(handle.object() as i64),
            Value::Int(handle.serial() as i64),
        ]),
        None => Value::None,
    };
    let exposed = core.exposed.iter().map(|name| Value::str(name.as_str()));
    let address = place.address.map_or(Value::None, |address| address.value());
    Ok(Value::tuple(vec![
        Value::Int(place.identity as i64),
        near,
        address,
        Value::Int(core.number as i64),
        Value::str(core.typeid.as_str()),
        Value::tuple(exposed.collect()),
        handle,
        Value::tuple(vec![Value::Int(how), Value::Int(claim as i64)]),
        class,
    ]))
}

#[cold]
fn damaged() -> Raised {
    value_error("a message is damaged: a proxy is not as it should be")
}

/// The proxy or token again.
///
/// # Errors
/// `BrokenPipeError` when the server is gone, `KeyError` when the object is.
pub fn unpack_proxy(cx: &mut Context, packed: &Value) -> Outcome<Value> {
    let Value::Tuple(parts) = packed else {
        return Err(damaged());
    };
    let [
        Value::Int(identity),
        near,
        address,
        Value::Int(number),
        Value::Str(typeid),
        Value::Tuple(exposed),
        handle,
        Value::Tuple(hold),
        class,
    ] = parts.items()
    else {
        return Err(damaged());
    };
    let [Value::Int(how), Value::Int(claimed)] = hold.items() else {
        return Err(damaged());
    };
    let place = Place {
        identity: *identity as u64,
        near: near_of(near)?,
        address: match address {
            Value::None => None,
            address => Some(Address::of(cx, address)?),
        },
    };
    let (number, claimed) = (*number as u64, *claimed as u64);
    let exposed = exposed
        .items()
        .iter()
        .map(|name| name.as_str().map(str::to_owned).ok_or_else(damaged))
        .collect::<Outcome<Vec<String>>>()?;
    let lacking = || key_error(Value::str(format!("{number:x}")));
    let core = match Own::of(cx, place.identity) {
        Some(objects) => {
            let entry = objects.entry(number).ok_or_else(lacking)?;
            if *how == mode::PINNED {
                entry.unpin(claimed);
            }
            Core::own(&objects, &entry)
        }
        None => {
            let server = Server::found(cx, &place)?;
            let hold = match (server.is_near(), *how) {
                (true, _) => {
                    let handle = handle_of(handle)?.ok_or_else(lacking)?;
                    if *how == mode::PINNED {
                        claim(cx, &server, number, claimed)?;
                    }
                    Hold::Near(handle)
                }
                (false, mode::COUNTED) => FarHold::hold(cx, server.clone(), number),
                (false, _) => {
                    claim(cx, &server, number, claimed)?;
                    FarHold::hold(cx, server.clone(), number)
                }
            };
            Core {
                link: Link::Client(server),
                number,
                typeid: typeid.as_str().to_owned(),
                exposed,
                hold,
            }
        }
    };
    let core = Arc::new(core);
    match class {
        Value::None => Ok(token(&core)),
        Value::Str(name) => {
            let class = proxy_classes::named(name.as_str())
                .unwrap_or_else(|| proxy_classes::make_type(name.as_str(), core.exposed()));
            Ok(of_class(&class, core, Value::None))
        }
        Value::Class(class) if class.derives_from(proxy_classes::base()) => {
            by_script(cx, &Value::Class(class.clone()), &core, &Value::None)
        }
        _ => Err(damaged()),
    }
}

type Near = (u32, u64, u64, i32);

fn near_of(near: &Value) -> Outcome<Option<Near>> {
    let Value::Tuple(parts) = near else {
        return Ok(None);
    };
    let [
        Value::Int(slot),
        Value::Int(door),
        Value::Int(serial),
        Value::Int(pid),
    ] = parts.items()
    else {
        return Err(damaged());
    };
    let slot = u32::try_from(*slot).map_err(|_| damaged())?;
    let pid = i32::try_from(*pid).map_err(|_| damaged())?;
    Ok(Some((slot, *door as u64, *serial as u64, pid)))
}

fn handle_of(handle: &Value) -> Outcome<Option<Handle>> {
    let Value::Tuple(parts) = handle else {
        return Err(damaged());
    };
    let [Value::Int(object), Value::Int(serial)] = parts.items() else {
        return Err(damaged());
    };
    Ok(Handle::find(*object as u64, *serial as u64))
}
