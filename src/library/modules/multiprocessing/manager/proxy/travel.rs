//! How proxies travel in messages, and how the object that they stand for is kept meanwhile. It must not know what
//! they are asked.

use std::sync::Arc;

use super::super::client::{Near, Place, Server};
use super::super::objects::{Client, Objects, Own};
use super::super::proxy_classes;
use super::{
    Core, FarHold, Hold, Link, ProxyObject, TokenObject, by_script, claim, of_class, token,
};
use crate::eval::context::Context;
use crate::library::message::{Destination, Parcel};
use crate::library::modules::multiprocessing::connection::address::Address;
use crate::runtime::handle::Handle;
use crate::value::exception::{Raised, key_error, type_error, value_error};
use crate::value::instance::Instance;
use crate::value::{Outcome, Value};

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
        Some((slot, door, serial, pid)) => Value::tuple_of([
            Value::Int(slot.into()),
            Value::Int(door as i64),
            Value::Int(serial as i64),
            Value::Int(pid.into()),
        ]),
        None => Value::None,
    };
    let handle = match core.handle() {
        Some(handle) => Value::tuple_of([
            Value::Int(handle.object() as i64),
            Value::Int(handle.serial() as i64),
        ]),
        None => Value::None,
    };
    let exposed = core.exposed.iter().map(|name| Value::str(name.as_str()));
    let address = place.address.map_or(Value::None, |address| address.value());
    Ok(Value::tuple_of([
        Value::Int(place.identity as i64),
        near,
        address,
        Value::Int(core.number as i64),
        Value::str(core.typeid.as_str()),
        Value::tuple(exposed.collect()),
        handle,
        Value::tuple_of([Value::Int(how), Value::Int(claim as i64)]),
        class,
    ]))
}

#[cold]
pub(super) fn damaged() -> Raised {
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
