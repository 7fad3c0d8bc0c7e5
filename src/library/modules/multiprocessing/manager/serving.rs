//! `BaseManager.get_server()`: a server in this process, at an address.

use std::sync::{Arc, OnceLock};

use super::objects::{Objects, Own};
use super::server;
use crate::eval::context::Context;
use crate::eval::import;
use crate::library::arguments::{Receiver, receiver};
use crate::library::modules::multiprocessing::connection::address::Listening;
use crate::library::parameters::Parameters;
use crate::library::{define, native_object};
use crate::value::class::Class;
use crate::value::exception::{ExceptionKind, Raised, attribute_error, type_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::lock::Guarded;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

/// What a server object carries.
pub struct ServerObject {
    objects: Arc<Objects>,
    listening: Guarded<Option<Arc<Listening>>>,
    address: Value,
    key: Vec<u8>,
}

impl NativeData for ServerObject {}

impl Receiver for ServerObject {
    const CLASS: &'static str = "Server";

    fn of(value: &Value) -> Option<&Self> {
        value.as_instance()?.native::<Self>()
    }
}

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("Server");
        class.set(known().module, Value::str("multiprocessing.managers"));
        define::static_methods(
            &class,
            &[("__new__", |_, _| {
                Err(type_error("a Server is had by a manager's get_server()"))
            })],
        );
        define::methods(&class, &[("serve_forever", serve_forever)]);
        define::properties(
            &class,
            &[("address", |_, args| {
                let (server, _) = receiver::<ServerObject>(args, "address")?;
                Ok(server.address.clone())
            })],
        );
        class
    })
}

/// A server that listens already.
///
/// # Errors
/// None today.
pub fn make(objects: Objects, listening: Listening, key: Vec<u8>) -> Outcome<Value> {
    let address = listening.address().value();
    objects.set_address(listening.address().clone());
    Ok(native_object::instance(
        class(),
        ServerObject {
            objects: Arc::new(objects),
            listening: Guarded::new(Some(Arc::new(listening))),
            address,
            key,
        },
    ))
}

fn serve_forever(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const SERVE: Parameters<0> = Parameters::method("Server.serve_forever", []);
    let (own, rest) = receiver::<ServerObject>(args, "serve_forever")?;
    SERVE.bind(rest)?;
    let listening = own.listening.lock().clone();
    let Some(listening) = listening else {
        return Err(attribute_error("the server has served already"));
    };
    let threading = import::module(cx, Name::new("threading"))?;
    let event = threading.get(Name::new("Event")).unwrap_or_default();
    let stop = cx.call(&event, &[])?;
    if let Value::Instance(object) = &args.values[0] {
        object.set(Name::new("stop_event"), stop.clone());
    }
    Own::set(cx, &own.objects);
    server::accept_with(cx, &own.objects, &listening, own.key.clone())?;
    let outcome = wait(cx, own, &stop);
    listening.close();
    let old = own.listening.lock().take();
    drop(old);
    drop(listening);
    match outcome {
        Err(raised) if !ends_quietly(&raised) => Err(raised),
        _ => Err(Raised::with_args(
            ExceptionKind::SystemExit,
            vec![Value::Int(0)],
        )),
    }
}

/// Until somebody sets the event; looks after the objects meanwhile.
fn wait(cx: &mut Context, own: &ServerObject, stop: &Value) -> Outcome<()> {
    loop {
        let set = cx.call_method(stop, "wait", &[Value::Float(SWEEP)])?;
        own.objects.sweep();
        if matches!(set, Value::Bool(true)) {
            return Ok(());
        }
    }
}

/// Seconds between two looks for objects that nobody names.
const SWEEP: f64 = 0.5;

fn ends_quietly(raised: &Raised) -> bool {
    raised.is(ExceptionKind::KeyboardInterrupt) || raised.is(ExceptionKind::SystemExit)
}
