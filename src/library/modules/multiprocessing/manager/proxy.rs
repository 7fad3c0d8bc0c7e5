//! Proxies: what stands for an object of a manager in every other process.

use std::any::Any;
use std::sync::Arc;

use super::client::Server;
use super::proxy_classes;
use super::server::{answer, request};
use crate::eval::context::Context;
use crate::library::message;
use crate::library::modules::multiprocessing::failure;
use crate::library::native_object;
use crate::value::exception::{Raised, value_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::object::Ref;
use crate::value::{Dict, Outcome, Value};

/// What a proxy carries.
pub struct ProxyObject {
    server: Arc<Server>,
    /// The object's number there.
    number: u64,
    /// What kind of object it is.
    typeid: String,
    /// What of it can be called, where that does not follow from the kind.
    exposed: Vec<String>,
    /// The manager that made it, which lives as long as it does; `None` in other processes.
    manager: Value,
}

impl NativeData for ProxyObject {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.manager);
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl ProxyObject {
    /// What kind of object it stands for.
    pub fn typeid(&self) -> &str {
        &self.typeid
    }

    fn value(self) -> Value {
        let exposed: Vec<&str> = self.exposed.iter().map(String::as_str).collect();
        let class = proxy_classes::of(&self.typeid, &exposed);
        native_object::instance(&class, self)
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
        let asked = Value::tuple(vec![
            Value::Int(request::CALL),
            Value::Int(self.number as i64),
            Value::str(method),
            args,
            kwargs,
        ]);
        let result = ask(cx, &self.server, &asked)?;
        if let Value::Tuple(parts) = &result
            && let [Value::Str(mark), Value::Int(number), Value::Str(kind)] = parts.items()
            && mark.as_str() == "#PROXY"
        {
            return Ok(ProxyObject {
                server: self.server.clone(),
                number: *number as u64,
                typeid: kind.as_str().to_owned(),
                exposed: Vec::new(),
                manager: self.manager.clone(),
            }
            .value());
        }
        Ok(result)
    }

    /// A copy of the object.
    ///
    /// # Errors
    /// That it cannot travel, or that the server is gone.
    pub fn copy(&self, cx: &mut Context) -> Outcome<Value> {
        let asked = Value::tuple(vec![
            Value::Int(request::COPY),
            Value::Int(self.number as i64),
        ]);
        ask(cx, &self.server, &asked)
    }
}

fn keywords(args: Args<'_>) -> Value {
    if args.names.is_empty() {
        return Value::None;
    }
    let pairs = args.keywords().map(|(name, value)| (name, value.clone()));
    Value::Dict(Ref::new(Dict::from_names(pairs)))
}

fn ask(cx: &mut Context, server: &Server, asked: &Value) -> Outcome<Value> {
    let bytes = message::encode(cx, asked, server.receiver())?;
    let answer = server.ask(cx, &bytes)?;
    let Some((kind, body)) = answer.split_last() else {
        return Err(value_error("a manager's answer is damaged"));
    };
    let value = message::decode(cx, body)?;
    match *kind {
        answer::VALUE => Ok(value),
        _ => Err(raised(&value)),
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

/// Makes an object in the server and gives a proxy for it.
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
    let asked = Value::tuple(vec![
        Value::Int(request::CREATE),
        Value::str(typeid),
        Value::tuple(args.positional().to_vec()),
        keywords(args),
    ]);
    let made = ask(cx, server, &asked)?;
    let Value::Tuple(parts) = &made else {
        return Err(value_error("a manager's answer is damaged"));
    };
    let [Value::Int(number), exposed] = parts.items() else {
        return Err(value_error("a manager's answer is damaged"));
    };
    Ok(ProxyObject {
        server: server.clone(),
        number: *number as u64,
        typeid: typeid.to_owned(),
        exposed: texts(exposed),
        manager: manager.clone(),
    }
    .value())
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Tuple(items) => items
            .items()
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}

/// A proxy as a value that travels.
pub fn packed(proxy: &ProxyObject) -> Value {
    let (slot, door, serial, pid) = proxy.server.place();
    let exposed = proxy.exposed.iter().map(|name| Value::str(name.as_str()));
    Value::tuple(vec![
        Value::Int(slot.into()),
        Value::Int(door as i64),
        Value::Int(serial as i64),
        Value::Int(pid.into()),
        Value::Int(proxy.number as i64),
        Value::str(proxy.typeid.as_str()),
        Value::tuple(exposed.collect()),
    ])
}

/// The proxy again.
///
/// # Errors
/// `BrokenPipeError` when the server is gone.
pub fn unpacked(packed: &Value) -> Outcome<Value> {
    let damaged = || value_error("a message is damaged: a proxy is not as it should be");
    let Value::Tuple(parts) = packed else {
        return Err(damaged());
    };
    let [
        Value::Int(slot),
        Value::Int(door),
        Value::Int(serial),
        Value::Int(pid),
        Value::Int(number),
        Value::Str(typeid),
        exposed,
    ] = parts.items()
    else {
        return Err(damaged());
    };
    let slot = u32::try_from(*slot).map_err(|_| damaged())?;
    let pid = i32::try_from(*pid).map_err(|_| damaged())?;
    let server = Server::found(slot, *door as u64, *serial as u64, pid)?;
    Ok(ProxyObject {
        server: Arc::new(server),
        number: *number as u64,
        typeid: typeid.as_str().to_owned(),
        exposed: texts(exposed),
        manager: Value::None,
    }
    .value())
}
