//! The server process of a manager: one thread that opens the door, one for each thread of a client.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::client::knock;
use super::{held, proxy_classes};
use crate::eval::context::{Context, Entry};
use crate::eval::session::SessionState;
use crate::eval::{attribute, generator, interrupt};
use crate::library::message;
use crate::library::modules::multiprocessing::{child, failure};
use crate::runtime::clock::Deadline;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::native_stack::lowest_address;
use crate::runtime::shared_queue::{Message, QueueError, SharedQueue};
use crate::runtime::shared_wait::Until;
use crate::runtime::thread::{ThreadHandle, spawn};
use crate::value::exception::{Raised, runtime_error, value_error};
use crate::value::name::Name;
use crate::value::{Outcome, Value, reclaim, text};

/// How often a thread that waits looks whether anybody is left to wait for.
const LOOK: Duration = Duration::from_millis(100);

/// Native stack of a thread; of which only what is used becomes memory.
#[cfg(debug_assertions)]
const STACK: usize = 64 << 20;
#[cfg(not(debug_assertions))]
const STACK: usize = 8 << 20;

/// What is asked of the server: the first part of a request.
pub mod request {
    /// `(CALL, object, method, args, kwargs)`.
    pub const CALL: i64 = 0;
    /// `(CREATE, kind, args, kwargs)`: the object's number and what of it can be called.
    pub const CREATE: i64 = 1;
    /// `(COPY, object)`: the object itself.
    pub const COPY: i64 = 2;
}

/// The last byte of an answer.
pub mod answer {
    /// A value.
    pub const VALUE: u8 = 0;
    /// An exception with its traceback.
    pub const EXCEPTION: u8 = 1;
}

/// The objects.
struct Objects {
    objects: LeafLock<HashMap<u64, Value>>,
    last: AtomicU64,
    registered: Vec<(String, Value)>,
    /// How many clients there are.
    clients: AtomicUsize,
}

/// The whole life of the server; its exit code.
pub fn serve(
    cx: &mut Context,
    object: &Value,
    door: SharedQueue,
    registered: Vec<(String, Value)>,
    (initializer, initargs): (Value, Value),
) -> i32 {
    let outcome = match initializer {
        Value::None => Ok(Value::None),
        initializer => child::call(cx, &initializer, &initargs, &Value::None),
    };
    let outcome = outcome.and_then(|_| open_door(cx, &door, registered));
    child::end_code(cx, object, &outcome)
}

fn open_door(
    cx: &mut Context,
    door: &SharedQueue,
    registered: Vec<(String, Value)>,
) -> Outcome<Value> {
    // SAFETY: no arguments.
    let owner = unsafe { libc::getppid() };
    let objects = Arc::new(Objects {
        objects: LeafLock::new(HashMap::new()),
        last: AtomicU64::new(0),
        registered,
        clients: AtomicUsize::new(0),
    });
    let mut message = Message::default();
    loop {
        let until = Until::Deadline(Deadline::after(LOOK));
        match door.get(&cx.thread, &mut message, until) {
            Ok(()) => {}
            Err(QueueError::Empty) => {
                // SAFETY: no arguments.
                if unsafe { libc::getppid() } != owner {
                    return Ok(Value::None);
                }
                continue;
            }
            Err(QueueError::Interrupted(_)) => {
                interrupt::at_safepoint(cx)?;
                continue;
            }
            // The manager object is gone: only who is already in may go on.
            Err(QueueError::Closed) => {
                // SAFETY: as above.
                let orphaned = unsafe { libc::getppid() } != owner;
                if orphaned || objects.clients.load(Ordering::SeqCst) == 0 {
                    return Ok(Value::None);
                }
                let look = Deadline::after(LOOK);
                if crate::runtime::blocking::sleep_until(&cx.thread, look).is_err() {
                    interrupt::at_safepoint(cx)?;
                }
                continue;
            }
            Err(_) => return Ok(Value::None),
        }
        match message.bytes.first() {
            Some(&knock::CLIENT) => let_in(cx, &objects, &mut message)?,
            Some(&knock::STOP) | None => return Ok(Value::None),
            Some(_) => {}
        }
    }
}

/// Starts the thread for a client.
fn let_in(cx: &mut Context, objects: &Arc<Objects>, message: &mut Message) -> Outcome<()> {
    let mut queues = message
        .handles
        .drain(..)
        .filter_map(SharedQueue::from_handle);
    let (Some(requests), Some(answers)) = (queues.next(), queues.next()) else {
        return Ok(());
    };
    drop(queues);
    objects.clients.fetch_add(1, Ordering::SeqCst);
    let attendant = Attendant {
        session: cx.session.clone(),
        entry: cx.entry(),
        objects: objects.clone(),
        requests,
        answers,
    };
    match spawn(&cx.thread, "manager", STACK, move |handle| {
        attendant.run(handle)
    }) {
        Ok(_) => Ok(()),
        Err(_) => {
            objects.clients.fetch_sub(1, Ordering::SeqCst);
            Err(runtime_error("can't start new thread"))
        }
    }
}

/// What the thread for one thread of a client has.
struct Attendant {
    session: Arc<SessionState>,
    entry: Entry,
    objects: Arc<Objects>,
    requests: SharedQueue,
    answers: SharedQueue,
}

impl Attendant {
    fn run(self, handle: &ThreadHandle) {
        generator::set_current_thread(Some(handle.clone()));
        let mut cx = Context::new(
            handle.clone(),
            self.session.clone(),
            self.entry,
            lowest_address(),
        );
        // A stop is the only thing that ends it early, and it ends the process too.
        let _ = self.attend(&mut cx);
        self.objects.clients.fetch_sub(1, Ordering::SeqCst);
        drop(cx);
        generator::set_current_thread(None);
        drop(self);
        reclaim::hand_over();
    }

    fn attend(&self, cx: &mut Context) -> Outcome<()> {
        let mut message = Message::default();
        loop {
            let until = Until::Deadline(Deadline::after(LOOK));
            match self.requests.get(&cx.thread, &mut message, until) {
                Ok(()) => {}
                // Nobody else names the queue: the client is gone.
                Err(QueueError::Empty) if self.requests.handle().references() <= 1 => {
                    return Ok(());
                }
                Err(QueueError::Empty) => continue,
                Err(QueueError::Interrupted(_)) => {
                    interrupt::at_safepoint(cx)?;
                    continue;
                }
                Err(_) => return Ok(()),
            }
            let outcome = self.objects.answer(cx, &message.bytes);
            let bytes = in_bytes(cx, outcome)?;
            loop {
                match self.answers.put(&cx.thread, &bytes, &[], Until::Forever) {
                    Ok(()) => break,
                    Err(QueueError::Interrupted(_)) => interrupt::at_safepoint(cx)?,
                    Err(_) => return Ok(()),
                }
            }
        }
    }
}

/// An answer as a message. Whoever asked may be older than this process and know less.
fn in_bytes(cx: &mut Context, outcome: Outcome<Value>) -> Outcome<Vec<u8>> {
    let receiver = message::Receiver::default();
    let raised = match outcome {
        Ok(value) => match message::encode(cx, &value, receiver) {
            Ok(mut bytes) => {
                bytes.push(answer::VALUE);
                return Ok(bytes);
            }
            Err(raised) => raised,
        },
        Err(raised) => raised,
    };
    if raised.exception().is_none() {
        return Err(raised);
    }
    let packed = failure::packed(cx, &raised);
    let mut bytes = match message::encode(cx, &packed, receiver) {
        Ok(bytes) => bytes,
        Err(_) => {
            let shown = text::repr(cx, &packed).unwrap_or_default();
            let told = runtime_error(format!("an exception that cannot be sent: {shown}"));
            let packed = failure::packed(cx, &told);
            message::encode(cx, &packed, receiver)?
        }
    };
    bytes.push(answer::EXCEPTION);
    Ok(bytes)
}

impl Objects {
    fn answer(&self, cx: &mut Context, bytes: &[u8]) -> Outcome<Value> {
        let damaged = || value_error("a manager's request is damaged");
        let asked = message::decode(cx, bytes)?;
        let Value::Tuple(parts) = &asked else {
            return Err(damaged());
        };
        match parts.items() {
            [
                Value::Int(request::CALL),
                Value::Int(number),
                Value::Str(method),
                args,
                kwargs,
            ] => {
                let object = self.object(*number as u64)?;
                self.call(cx, &object, method.as_str(), args, kwargs)
            }
            [Value::Int(request::CREATE), Value::Str(kind), args, kwargs] => {
                self.create(cx, kind.as_str(), args, kwargs)
            }
            [Value::Int(request::COPY), Value::Int(number)] => self.object(*number as u64),
            _ => Err(damaged()),
        }
    }

    fn object(&self, number: u64) -> Outcome<Value> {
        let found = self.objects.lock().get(&number).cloned();
        found.ok_or_else(|| lacking(number))
    }

    fn enter(&self, object: Value) -> u64 {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        self.objects.lock().insert(number, object);
        number
    }

    fn create(&self, cx: &mut Context, kind: &str, args: &Value, kwargs: &Value) -> Outcome<Value> {
        let own = self
            .registered
            .iter()
            .rev()
            .find(|(known, _)| known == kind)
            .map(|(_, callable)| callable.clone());
        let object = match own {
            Some(Value::None) => match args {
                // Without a callable the one argument is the object.
                Value::Tuple(args) if args.items().len() == 1 => args.items()[0].clone(),
                _ => {
                    return Err(value_error(
                        "Without callable, must have one non-keyword argument",
                    ));
                }
            },
            Some(callable) => child::call(cx, &callable, args, kwargs)?,
            None => held::make(cx, kind, args, kwargs)?,
        };
        let exposed = match held::TYPES.contains(&kind) {
            true => Value::None,
            false => Value::tuple(public_methods(&object)),
        };
        let number = self.enter(object);
        Ok(Value::tuple(vec![Value::Int(number as i64), exposed]))
    }

    fn call(
        &self,
        cx: &mut Context,
        object: &Value,
        method: &str,
        args: &Value,
        kwargs: &Value,
    ) -> Outcome<Value> {
        let given = match args {
            Value::Tuple(args) => args.items().to_vec(),
            _ => Vec::new(),
        };
        let result = match (method, &given[..]) {
            ("__getattribute__", [Value::Str(name)]) => {
                attribute::get(cx, object, Name::new(name.as_str()))?
            }
            ("__setattr__", [Value::Str(name), value]) => {
                attribute::set(cx, object, Name::new(name.as_str()), value.clone())?;
                Value::None
            }
            ("__delattr__", [Value::Str(name)]) => {
                attribute::delete(cx, object, Name::new(name.as_str()))?;
                Value::None
            }
            ("__repr__", []) => Value::str(text::repr(cx, object)?),
            _ => {
                let callee = attribute::get(cx, object, Name::new(method))?;
                child::call(cx, &callee, args, kwargs)?
            }
        };
        self.as_answer(cx, method, result)
    }

    /// What a result becomes on its way: views are lists, and what lives here only is entered.
    fn as_answer(&self, cx: &mut Context, method: &str, result: Value) -> Outcome<Value> {
        if let Some(kind) = proxy_classes::result_kind(method, &result) {
            let number = self.enter(result);
            return Ok(Value::tuple(vec![
                Value::str("#PROXY"),
                Value::Int(number as i64),
                Value::str(kind),
            ]));
        }
        match result.type_name() {
            "dict_keys" | "dict_values" | "dict_items" | "list_reverseiterator" => {
                Ok(Value::list(crate::value::iterate::collect(cx, &result)?))
            }
            _ => Ok(result),
        }
    }
}

/// The methods that a proxy for an object of a script's own class has.
fn public_methods(object: &Value) -> Vec<Value> {
    let class = object.class();
    let mut names: Vec<Name> = Vec::new();
    for class in std::iter::once(class).chain(class.ancestors()) {
        for (name, value) in class.entries() {
            let is_public = !name.as_str().starts_with('_');
            let is_callable = matches!(value, Value::Function(_) | Value::Native(_));
            if is_public && is_callable && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names.into_iter().map(Name::value).collect()
}

#[cold]
fn lacking(number: u64) -> Raised {
    crate::value::exception::key_error(Value::str(format!("{number:x}")))
}
