//! The objects that a manager's server holds, who names them, and what is done with them. It must
//! not know how requests come.
//!
//! An object stays while somebody names it: a process of the same tree, by the handle that its
//! proxies and messages under way share; a client elsewhere, by its count; a message whose
//! receiver nobody knows, by a pin that the receiver takes out; or a proxy that lies in another
//! object here. A killed process's handles go with it, and the counts of a client elsewhere go
//! with its last connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::client::{Near, Place, random_number};
use super::kinds::{self, Maker};
use super::proxy::{Core, Hold, to_client};
use super::server::{answer, request};
use super::table::{Entry, Table};
use super::{held, proxy_classes};
use crate::eval::context::Context;
use crate::eval::{attribute, is_callable};
use crate::library::message::{self, Parcel};
use crate::library::modules::multiprocessing::connection::address::Address;
use crate::library::modules::multiprocessing::{child, failure};
use crate::runtime::handle::Handle;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::shared_event::SharedEvent;
use crate::runtime::thread::ThreadHandle;
use crate::runtime::watch;
use crate::value::class::Class;
use crate::value::exception::{Raised, attribute_error, key_error, runtime_error, value_error};
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value, iterate, reclaim, text};

/// The objects of a server.
pub struct Objects {
    /// A number that no other server has.
    pub identity: u64,
    /// The manager's class, which knows the kinds.
    class: Ref<Class>,
    objects: LeafLock<Table>,
    last: AtomicU64,
    /// How many clients there are.
    pub clients: AtomicUsize,
    /// The threads that do what a client has asked for and has no answer to yet.
    busy: LeafLock<Vec<ThreadHandle>>,
    /// How many connections each client elsewhere has.
    connections: LeafLock<HashMap<u64, usize>>,
    /// The segments of shared memory that a `SharedMemoryManager` looks after.
    pub segments: LeafLock<Vec<String>>,
    /// Where the server is, for those who get proxies from it.
    place: LeafLock<(Option<Near>, Option<Address>)>,
}

/// That a thread is doing what a client has asked for.
pub struct RequestUnderWay<'a> {
    objects: &'a Objects,
    thread: ThreadHandle,
}

impl Drop for RequestUnderWay<'_> {
    fn drop(&mut self) {
        let mut busy = self.objects.busy.lock();
        if let Some(place) = busy.iter().position(|thread| *thread == self.thread) {
            busy.swap_remove(place);
        }
    }
}

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// A process of this tree.
    Near,
    /// One elsewhere.
    Far(u64),
}

/// The server that this process is, if it is one.
#[derive(Default)]
pub struct Own {
    server: LeafLock<Option<(Arc<Objects>, u32)>>,
}

impl Own {
    /// Notes that this process is a server.
    pub fn set(cx: &Context, objects: &Arc<Objects>) {
        let own = cx.session.extensions.get::<Own>();
        let generation = crate::runtime::fork::generation();
        let old = own.server.lock().replace((objects.clone(), generation));
        drop(old);
    }

    /// The server of this number, if this process is it.
    pub fn of(cx: &Context, identity: u64) -> Option<Arc<Objects>> {
        let own = cx.session.extensions.get::<Own>();
        let server = own.server.lock();
        let (objects, generation) = server.as_ref()?;
        let is_it =
            objects.identity == identity && *generation == crate::runtime::fork::generation();
        is_it.then(|| objects.clone())
    }

    /// In a child of a server, which is none: lets go of what it has copies of.
    pub fn entered_child(cx: &Context) {
        let own = cx.session.extensions.find::<Own>();
        let old = own.and_then(|own| own.server.lock().take());
        if let Some((objects, _)) = old {
            let all = std::mem::take(&mut *objects.objects.lock());
            drop(all);
        }
    }
}

/// An answer on its way: what it names stays until it is sent.
pub struct Answer {
    /// The message.
    pub bytes: Vec<u8>,
    /// The shared objects that go along.
    pub handles: Vec<Handle>,
    _kept: Option<Arc<Entry>>,
}

impl Objects {
    /// None yet.
    pub fn new(class: Ref<Class>, identity: u64) -> Objects {
        Objects {
            identity,
            class,
            objects: LeafLock::default(),
            last: AtomicU64::new(0),
            clients: AtomicUsize::new(0),
            busy: LeafLock::default(),
            connections: LeafLock::default(),
            segments: LeafLock::default(),
            place: LeafLock::default(),
        }
    }

    /// A thread has been asked for something; it gives what this returns away when it has answered.
    pub fn begin_request(&self, thread: &ThreadHandle) -> RequestUnderWay<'_> {
        self.busy.lock().push(thread.clone());
        RequestUnderWay {
            objects: self,
            thread: thread.clone(),
        }
    }

    /// Whether none of the requests under way is about to be answered: all wait for something else.
    pub fn is_at_rest(&self) -> bool {
        let busy = self.busy.lock().clone();
        busy.iter().all(watch::is_at_rest)
    }

    /// Where the server is.
    pub fn place(&self) -> Place {
        let (near, address) = self.place.lock().clone();
        Place {
            identity: self.identity,
            near,
            address,
        }
    }

    /// Notes its door.
    pub fn set_near(&self, near: Near) {
        self.place.lock().0 = Some(near);
    }

    /// Notes its address.
    pub fn set_address(&self, address: Address) {
        let old = self.place.lock().1.replace(address);
        drop(old);
    }

    /// The entry of this number.
    pub fn entry(&self, number: u64) -> Option<Arc<Entry>> {
        self.objects.lock().entries.get(&number).cloned()
    }

    fn known(&self, number: &Value) -> Outcome<Arc<Entry>> {
        let Value::Int(number) = number else {
            return Err(damaged());
        };
        self.entry(*number as u64)
            .ok_or_else(|| key_error(Value::str(format!("{number:x}"))))
    }

    /// Frees what nobody names any more. The number of objects that are left.
    pub fn sweep(&self) -> usize {
        reclaim::expedite();
        loop {
            let mut objects = self.objects.lock();
            let unnamed: Vec<u64> = objects
                .entries
                .values()
                .filter(|entry| Arc::strong_count(entry) == 1 && !entry.is_named())
                .map(|entry| entry.number)
                .collect();
            let freed: Vec<Arc<Entry>> = unnamed
                .iter()
                .filter_map(|number| objects.remove(*number))
                .collect();
            let left = objects.entries.len();
            drop(objects);
            if freed.is_empty() {
                return left;
            }
            // What lay in them may be unnamed now.
            drop(freed);
            reclaim::expedite();
        }
    }

    /// A client elsewhere has one connection more.
    pub fn connected(&self, client: u64) {
        *self.connections.lock().entry(client).or_default() += 1;
    }

    /// A client elsewhere has one connection less; with its last one goes all that it named.
    pub fn disconnected(&self, client: u64) {
        let gone = {
            let mut connections = self.connections.lock();
            let left = connections.get_mut(&client).map_or(0, |count| {
                *count -= 1;
                *count
            });
            if left == 0 {
                connections.remove(&client);
            }
            left == 0
        };
        if gone {
            let all: Vec<Arc<Entry>> = self.objects.lock().entries.values().cloned().collect();
            for entry in all {
                entry.drop_far(client, true);
            }
        }
    }

    /// A client elsewhere has proxies less.
    pub fn dropped(&self, client: u64, numbers: impl Iterator<Item = u64>) {
        for number in numbers {
            if let Some(entry) = self.entry(number) {
                entry.drop_far(client, false);
            }
        }
    }

    /// Does what is asked; the answer as a message.
    ///
    /// # Errors
    /// Only stops.
    pub fn answer(
        self: &Arc<Objects>,
        cx: &mut Context,
        client: Client,
        bytes: &[u8],
    ) -> Outcome<Answer> {
        let mut kept = None;
        let outcome = self.outcome(cx, client, bytes, &mut kept);
        let (kind, value) = match outcome {
            Ok(done) => done,
            Err(raised) if raised.exception().is_some() => {
                (answer::REMOTE_ERROR, failure::packed(cx, &raised))
            }
            Err(stop) => return Err(stop),
        };
        let mut parcel = Parcel {
            destination: to_client(self, client),
            ..Parcel::default()
        };
        // Whoever asked may be older than this process and know less.
        let receiver = message::Receiver::default();
        let (kind, mut bytes) = match message::encode_into(cx, &value, receiver, &mut parcel) {
            Ok(bytes) => (kind, bytes),
            Err(raised) if raised.exception().is_some() => {
                let packed = failure::packed(cx, &raised);
                match message::encode(cx, &packed, receiver) {
                    Ok(bytes) => (answer::UNSENDABLE, bytes),
                    Err(_) => {
                        let shown = text::repr(cx, &value).unwrap_or_default();
                        let told = runtime_error(format!("what cannot be sent: {shown}"));
                        let packed = failure::packed(cx, &told);
                        (answer::UNSENDABLE, message::encode(cx, &packed, receiver)?)
                    }
                }
            }
            Err(stop) => return Err(stop),
        };
        bytes.push(kind);
        Ok(Answer {
            bytes,
            handles: parcel.handles,
            _kept: kept,
        })
    }

    fn outcome(
        self: &Arc<Objects>,
        cx: &mut Context,
        client: Client,
        bytes: &[u8],
        kept: &mut Option<Arc<Entry>>,
    ) -> Outcome<(u8, Value)> {
        let asked = message::decode(cx, bytes)?;
        let Value::Tuple(parts) = &asked else {
            return Err(damaged());
        };
        let value = match parts.items() {
            [
                Value::Int(request::CALL),
                number,
                Value::Str(method),
                args,
                kwargs,
            ] => {
                let entry = self.known(number)?;
                let done = self.call(cx, &entry, method.as_str(), args, kwargs);
                let result = match done? {
                    Done::Plain(result) => result,
                    Done::Raised(raised) => {
                        return Ok((answer::EXCEPTION, failure::packed(cx, &raised)));
                    }
                };
                let kind = entry
                    .results
                    .iter()
                    .find(|(name, _)| name == method.as_str());
                if let Some((_, kind)) = kind {
                    let known = kinds::find(cx, &self.class, kind)?;
                    let (exposed, results) =
                        known.map_or((None, Vec::new()), |kind| (kind.exposed, kind.results));
                    let made = self.enter(cx, kind, result, exposed, results)?;
                    let core = Arc::new(Core::own(self, &made));
                    *kept = Some(made);
                    return Ok((answer::PROXY, super::proxy::token(&core)));
                }
                travels(cx, result)?
            }
            [Value::Int(request::CREATE), Value::Str(kind), args, kwargs] => {
                let made = self.create(cx, kind.as_str(), args, kwargs)?;
                let core = Arc::new(Core::own(self, &made));
                *kept = Some(made);
                return Ok((answer::PROXY, super::proxy::token(&core)));
            }
            [Value::Int(request::COPY), number] => self.known(number)?.object.clone(),
            [Value::Int(request::PIN), number, Value::Int(claim)] => {
                let entry = self.known(number)?;
                entry.far.lock().pins.push(*claim as u64);
                Value::None
            }
            [Value::Int(request::CLAIM), number, Value::Int(claim)] => {
                let entry = self.known(number)?;
                if let Client::Far(client) = client {
                    entry.count_far(client);
                }
                entry.unpin(*claim as u64);
                Value::None
            }
            [Value::Int(request::METHODS), number] => {
                let entry = self.known(number)?;
                let names = entry.exposed.iter().map(|name| Value::str(name.as_str()));
                Value::tuple(names.collect())
            }
            [Value::Int(request::NUMBER_OF_OBJECTS)] => Value::size(self.sweep()),
            [Value::Int(request::DEBUG_INFO)] => Value::str(self.debug_info(cx)?),
            [Value::Int(request::PING)] => Value::None,
            [Value::Int(request::TRACK_SEGMENT), Value::Str(name)] => {
                self.segments.lock().push(name.as_str().to_owned());
                Value::None
            }
            [Value::Int(request::LIST_SEGMENTS)] => {
                let names = self.segments.lock().clone();
                Value::list(names.into_iter().map(Value::str).collect())
            }
            [Value::Int(request::LISTEN)] => super::server::listen_too(cx, self)?,
            _ => return Err(damaged()),
        };
        Ok((answer::VALUE, value))
    }

    fn enter(
        &self,
        cx: &mut Context,
        typeid: &str,
        object: Value,
        exposed: Option<Vec<String>>,
        results: kinds::Results,
    ) -> Outcome<Arc<Entry>> {
        let mut exposed = match (exposed, proxy_classes::exposed_of(typeid)) {
            (Some(exposed), _) => exposed,
            (None, Some(own)) => own.iter().map(|name| (*name).to_owned()).collect(),
            (None, None) => public_methods(cx, &object)?,
        };
        exposed.extend(results.iter().map(|(method, _)| method.clone()));
        let same = {
            let objects = self.objects.lock();
            objects
                .of(&object)
                .filter(|entry| entry.typeid == typeid && entry.exposed == exposed)
                .cloned()
        };
        if let Some(same) = same {
            return Ok(same);
        }
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let entry = Arc::new(Entry {
            number,
            object,
            typeid: typeid.to_owned(),
            exposed,
            results,
            handle: child::shared(SharedEvent::new())?,
            far: LeafLock::default(),
        });
        self.objects.lock().add(&entry);
        Ok(entry)
    }

    fn create(
        &self,
        cx: &mut Context,
        typeid: &str,
        args: &Value,
        kwargs: &Value,
    ) -> Outcome<Arc<Entry>> {
        let Some(kind) = kinds::find(cx, &self.class, typeid)? else {
            return Err(key_error(Value::str(typeid)));
        };
        let object = match &kind.maker {
            Maker::Own => held::make(cx, typeid, args, kwargs)?,
            Maker::Callable(callable) => child::call(cx, callable, args, kwargs)?,
            Maker::Given => match args {
                Value::Tuple(args) if args.items().len() == 1 && !has_keywords(kwargs) => {
                    args.items()[0].clone()
                }
                _ => {
                    return Err(value_error(
                        "Without callable, must have one non-keyword argument",
                    ));
                }
            },
        };
        let exposed = match (kind.maker, kind.exposed) {
            (_, Some(exposed)) => Some(exposed),
            (Maker::Own, None) => None,
            (_, None) => Some(public_methods(cx, &object)?),
        };
        self.enter(cx, typeid, object, exposed, kind.results)
    }

    fn call(
        &self,
        cx: &mut Context,
        entry: &Entry,
        method: &str,
        args: &Value,
        kwargs: &Value,
    ) -> Outcome<Done> {
        let object = &entry.object;
        if !entry.exposed.iter().any(|name| name == method) {
            return match method {
                "__repr__" => Ok(Done::Plain(Value::str(text::repr(cx, object)?))),
                "__str__" => Ok(Done::Plain(Value::str(text::to_str(cx, object)?))),
                "#GETVALUE" => Ok(Done::Plain(object.clone())),
                _ => {
                    let known = entry.exposed.iter().map(|name| Value::str(name.as_str()));
                    let known = text::repr(cx, &Value::tuple(known.collect()))?;
                    let class = Value::Class(object.class().clone());
                    let class = text::repr(cx, &class)?;
                    let first = attribute_error(format!(
                        "method '{method}' of {class} object is not in exposed={known}"
                    ));
                    let then = key_error(Value::str(method));
                    if let (Some(data), Some(first)) = (then.data(), first.exception()) {
                        data.set_context(Value::Instance(first.clone()));
                    }
                    Err(then)
                }
            };
        }
        let given = match args {
            Value::Tuple(args) => args.items(),
            _ => &[],
        };
        let done = match (method, given) {
            ("__getattribute__", [Value::Str(name)]) => {
                attribute::get(cx, object, Name::new(name.as_str()))
            }
            ("__setattr__", [Value::Str(name), value]) => {
                attribute::set(cx, object, Name::new(name.as_str()), value.clone())
                    .map(|()| Value::None)
            }
            ("__delattr__", [Value::Str(name)]) => {
                attribute::delete(cx, object, Name::new(name.as_str())).map(|()| Value::None)
            }
            _ => attribute::get(cx, object, Name::new(method))
                .and_then(|callee| child::call(cx, &callee, args, kwargs)),
        };
        match done {
            Ok(result) => Ok(Done::Plain(result)),
            Err(raised) if raised.exception().is_some() => Ok(Done::Raised(raised)),
            Err(stop) => Err(stop),
        }
    }

    fn debug_info(&self, cx: &mut Context) -> Outcome<String> {
        self.sweep();
        let mut entries: Vec<Arc<Entry>> = self.objects.lock().entries.values().cloned().collect();
        entries.sort_by_key(|entry| entry.number);
        let mut lines = Vec::new();
        for entry in entries {
            let far: u64 = entry.far.lock().counts.values().sum();
            let count = entry.handle().references().saturating_sub(1) + far;
            let shown: String = text::to_str(cx, &entry.object)?.chars().take(75).collect();
            lines.push(format!(
                "  {:x}:       refcount={count}\n    {shown}",
                entry.number
            ));
        }
        Ok(lines.join("\n"))
    }
}

/// What came of a call.
enum Done {
    /// What the object gave.
    Plain(Value),
    /// What the object raised.
    Raised(Raised),
}

fn has_keywords(kwargs: &Value) -> bool {
    matches!(kwargs, Value::Dict(kwargs) if !kwargs.is_empty())
}

#[cold]
fn damaged() -> Raised {
    value_error("a manager's request is damaged")
}

/// What a result becomes on its way: views are lists, for they show what stays here.
fn travels(cx: &mut Context, result: Value) -> Outcome<Value> {
    match result.type_name() {
        "dict_keys" | "dict_values" | "dict_items" | "list_reverseiterator" => {
            Ok(Value::list(iterate::collect(cx, &result)?))
        }
        _ => Ok(result),
    }
}

/// The methods of an object that are not kept to itself.
fn public_methods(cx: &mut Context, object: &Value) -> Outcome<Vec<String>> {
    let names = {
        let dir = crate::library::builtin(Name::new("dir"));
        cx.call(&dir, std::slice::from_ref(object))?
    };
    let mut methods = Vec::new();
    for name in iterate::collect(cx, &names)? {
        let Some(name) = name.as_str() else {
            continue;
        };
        if name.starts_with('_') {
            continue;
        }
        let found = attribute::find(cx, object, Name::new(name))?;
        if found.is_some_and(|found| is_callable(&found)) {
            methods.push(name.to_owned());
        }
    }
    Ok(methods)
}

/// A number for a server.
pub fn new_identity() -> u64 {
    random_number()
}

impl Hold {
    /// What a proxy that lies in an object of the same server has.
    pub fn own(entry: &Arc<Entry>) -> Hold {
        Hold::Own(entry.clone())
    }
}
