//! Proxies: what stands for an object of a manager in every other process, and how it travels.

mod travel;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use self::travel::damaged;
pub use self::travel::{is_proxy, pack_proxy, takes_handles, to_client, to_server, unpack_proxy};
use super::client::{Place, Server, Servers, ask_value, pin};
use super::objects::{Client, Objects, Own};
use super::server::{answer, request};
use super::table::Entry;
use super::{kinds, proxy_classes};
use crate::eval::context::Context;
use crate::library::arguments::Receiver;
use crate::library::message::{self, Parcel};
use crate::library::modules::multiprocessing::connection::address::Address;
use crate::library::modules::multiprocessing::errors::{errors, raise};
use crate::library::modules::multiprocessing::failure;
use crate::library::native_object;
use crate::runtime::fork;
use crate::runtime::handle::Handle;
use crate::runtime::leaf_lock::LeafLock;
use crate::value::class::Class;
use crate::value::exception::Raised;
use crate::value::function::Args;
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
    if let Some(servers) = cx.session.extensions.find::<Servers>() {
        servers.entered_child();
    }
    let Some(holds) = cx.session.extensions.find::<FarHolds>() else {
        return;
    };
    let all: Vec<Arc<FarHold>> = {
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
