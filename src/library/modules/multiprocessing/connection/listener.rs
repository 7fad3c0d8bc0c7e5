//! `multiprocessing.connection.Listener` and `Client`: connections between processes that need not
//! be related, over TCP or the sockets of one machine.

use std::sync::{Arc, OnceLock};

use super::address::{Address, Family, Listening, connect};
use super::authentication::{answer_challenge, deliver_challenge};
use super::{ConnectionObject, from_descriptor};
use crate::eval::context::Context;
use crate::library::arguments::{self, Receiver, receiver};
use crate::library::methods::construct::class_argument;
use crate::library::parameters::Parameters;
use crate::library::{define, native_object};
use crate::value::class::Class;
use crate::value::exception::{ExceptionKind, Raised, type_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::lock::Guarded;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

/// What a listener carries.
pub struct ListenerObject {
    listening: Guarded<Option<Arc<Listening>>>,
    key: Option<Vec<u8>>,
    last_accepted: Guarded<Value>,
}

impl NativeData for ListenerObject {}

impl Receiver for ListenerObject {
    const CLASS: &'static str = "Listener";

    fn of(value: &Value) -> Option<&Self> {
        value.as_instance()?.native::<Self>()
    }
}

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("Listener");
        class.set(known().module, Value::str("multiprocessing.connection"));
        define::static_methods(&class, &[("__new__", new)]);
        define::methods(
            &class,
            &[
                ("accept", accept),
                ("close", close),
                ("__enter__", |_, args| {
                    Ok(args.values.first().cloned().unwrap_or_default())
                }),
                ("__exit__", |_, args| close_now(this(args, "__exit__")?)),
            ],
        );
        define::properties(
            &class,
            &[
                ("address", |_, args| {
                    Ok(live(this(args, "address")?, "_address")?.address().value())
                }),
                ("last_accepted", |_, args| {
                    let listener = this(args, "last_accepted")?;
                    live(listener, "_last_accepted")?;
                    Ok(listener.last_accepted.lock().clone())
                }),
            ],
        );
        class
    })
}

fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a ListenerObject> {
    Ok(receiver::<ListenerObject>(args, method)?.0)
}

fn live(listener: &ListenerObject, name: &str) -> Outcome<Arc<Listening>> {
    let listening = listener.listening.lock().clone();
    listening.ok_or_else(|| {
        crate::value::exception::attribute_error(format!(
            "'NoneType' object has no attribute '{name}'"
        ))
    })
}

/// The bytes of a key, if one is given.
fn key(value: Option<&Value>) -> Outcome<Option<Vec<u8>>> {
    match value.map(Value::unwrapped) {
        None | Some(Value::None) => Ok(None),
        Some(Value::Bytes(bytes)) => Ok(Some(bytes.get().to_vec())),
        Some(_) => Err(type_error("authkey should be a byte string")),
    }
}

fn new(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const NEW: Parameters<4> = Parameters::method(
        "Listener.__init__",
        ["address", "family", "backlog", "authkey"],
    );
    let (class, args) = class_argument(class(), args)?;
    let [address, family, backlog, authkey] = NEW.bind(args)?;
    let family = Family::of(cx, family.unwrap_or(&Value::None))?;
    let address = match address {
        None | Some(Value::None) => Address::arbitrary(family.unwrap_or(Family::Local))?,
        Some(address) => {
            let address = Address::of(cx, address)?;
            if family.is_some_and(|family| family != address.family()) {
                return Err(type_error("the address is not of this family"));
            }
            address
        }
    };
    let backlog = match backlog {
        Some(backlog) => arguments::integer32(cx, backlog)?,
        None => 1,
    };
    let key = key(authkey)?;
    let listening = Listening::at(cx, &address, backlog)?;
    Ok(native_object::instance(
        class,
        ListenerObject {
            listening: Guarded::new(Some(Arc::new(listening))),
            key,
            last_accepted: Guarded::new(Value::None),
        },
    ))
}

fn accept(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const ACCEPT: Parameters<0> = Parameters::method("Listener.accept", []);
    let (listener, rest) = receiver::<ListenerObject>(args, "accept")?;
    ACCEPT.bind(rest)?;
    let listening = listener.listening.lock().clone();
    let Some(listening) = listening else {
        return Err(Raised::new(ExceptionKind::OSError, "listener is closed"));
    };
    let (fd, peer) = listening.accept(cx)?;
    let peer = peer.map_or_else(|| Value::str(""), |peer| peer.value());
    let old = std::mem::replace(&mut *listener.last_accepted.lock(), peer);
    drop(old);
    let made = from_descriptor(fd);
    if let (Some(key), Some(connection)) = (&listener.key, ConnectionObject::of(&made)) {
        deliver_challenge(cx, connection, key, None)?;
        answer_challenge(cx, connection, key, None)?;
    }
    Ok(made)
}

fn close(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const CLOSE: Parameters<0> = Parameters::method("Listener.close", []);
    let (listener, rest) = receiver::<ListenerObject>(args, "close")?;
    CLOSE.bind(rest)?;
    close_now(listener)
}

fn close_now(listener: &ListenerObject) -> Outcome<Value> {
    let old = listener.listening.lock().take();
    if let Some(old) = &old {
        // Another thread may be in `accept`.
        old.close();
    }
    Ok(Value::None)
}

/// `Client(address, family=None, authkey=None)`.
pub fn client(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const CLIENT: Parameters<3> =
        Parameters::function("Client", ["address", "family", "authkey"]).required(1);
    let [address, family, authkey] = CLIENT.bind(args)?;
    Family::of(cx, family.unwrap_or(&Value::None))?;
    let address = Address::of(cx, address.unwrap_or(&Value::None))?;
    let fd = connect(cx, &address)?;
    let made = from_descriptor(fd);
    if let (Some(key), Some(connection)) = (key(authkey)?, ConnectionObject::of(&made)) {
        answer_challenge(cx, connection, &key, None)?;
        deliver_challenge(cx, connection, &key, None)?;
    }
    Ok(made)
}
