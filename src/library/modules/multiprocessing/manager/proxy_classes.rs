//! The classes of proxies: which methods go to the object, and what a proxy does by itself.

use std::sync::{Arc, OnceLock};

use super::proxy::ProxyObject;
use crate::eval::context::Context;
use crate::library::define;
use crate::library::modules::multiprocessing::waiting;
use crate::library::native_object;
use crate::library::parameters::Parameters;
use crate::runtime::leaf_lock::LeafLock;
use crate::value::class::{Class, Layout};
use crate::value::exception::attribute_error;
use crate::value::function::{Args, Binding, NativeBody, NativeFunction};
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, iterate, text, truth};

/// The methods of a kind that go to the object as they are.
fn exposed(typeid: &str) -> &'static [&'static str] {
    match typeid {
        "Queue" | "JoinableQueue" => &[
            "empty",
            "full",
            "get",
            "get_nowait",
            "join",
            "put",
            "put_nowait",
            "qsize",
            "shutdown",
            "task_done",
        ],
        "Event" => &["is_set", "set", "clear", "wait"],
        "Lock" | "RLock" | "Semaphore" | "BoundedSemaphore" => &["acquire", "release"],
        "Condition" => &["acquire", "release", "wait", "notify", "notify_all"],
        "Barrier" => &["wait", "abort", "reset"],
        "Pool" => &[
            "apply",
            "apply_async",
            "close",
            "imap",
            "imap_unordered",
            "join",
            "map",
            "map_async",
            "starmap",
            "starmap_async",
            "terminate",
        ],
        "list" => &[
            "__add__",
            "__contains__",
            "__delitem__",
            "__getitem__",
            "__len__",
            "__mul__",
            "__reversed__",
            "__rmul__",
            "__setitem__",
            "append",
            "clear",
            "copy",
            "count",
            "extend",
            "index",
            "insert",
            "pop",
            "remove",
            "reverse",
            "sort",
        ],
        "dict" => &[
            "__contains__",
            "__delitem__",
            "__getitem__",
            "__len__",
            "__setitem__",
            "clear",
            "copy",
            "get",
            "items",
            "keys",
            "pop",
            "popitem",
            "setdefault",
            "update",
            "values",
        ],
        "Array" => &["__len__", "__getitem__", "__setitem__"],
        "Value" => &["get", "set"],
        "Iterator" => &["__next__", "send", "throw", "close"],
        "AsyncResult" => &["get", "ready", "successful", "wait"],
        _ => &[],
    }
}

/// The name of a kind's class.
fn class_name(typeid: &str) -> String {
    match typeid {
        "Event" => "EventProxy",
        "Lock" | "RLock" | "Semaphore" | "BoundedSemaphore" => "AcquirerProxy",
        "Condition" => "ConditionProxy",
        "Barrier" => "BarrierProxy",
        "Pool" => "PoolProxy",
        "list" => "ListProxy",
        "dict" => "DictProxy",
        "Array" => "ArrayProxy",
        "Value" => "ValueProxy",
        "Namespace" => "NamespaceProxy",
        "Iterator" => "IteratorProxy",
        other => return format!("AutoProxy[{other}]"),
    }
    .to_owned()
}

/// The kind of the proxy by which a result is given that lives in the server only.
pub fn result_kind(method: &str, result: &Value) -> Option<&'static str> {
    match (method, result.type_name()) {
        ("apply_async" | "map_async" | "starmap_async", "ApplyResult" | "MapResult") => {
            Some("AsyncResult")
        }
        ("imap" | "imap_unordered", "IMapIterator" | "IMapUnorderedIterator") => Some("Iterator"),
        _ => None,
    }
}

/// `BaseProxy`.
pub fn base() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::builtin(
            "BaseProxy",
            Some(&types().object),
            Layout::Native("BaseProxy"),
        );
        class.set(known().module, Value::str("multiprocessing.managers"));
        define::methods(
            &class,
            &[
                ("__repr__", repr),
                ("__str__", to_str),
                ("_callmethod", call_method),
                ("_getvalue", copy),
            ],
        );
        class
    })
}

type Known = LeafLock<Vec<(String, Ref<Class>)>>;

/// The class of the proxies for a kind of object. `more` is what can be called of an object of a
/// script's own class.
pub fn of(typeid: &str, more: &[&str]) -> Ref<Class> {
    static KNOWN: Known = LeafLock::new(Vec::new());
    let key = match more {
        [] => typeid.to_owned(),
        more => format!("{typeid}({})", more.join(",")),
    };
    let find = |known: &[(String, Ref<Class>)]| {
        known
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, class)| class.clone())
    };
    if let Some(class) = find(&KNOWN.lock()) {
        return class;
    }
    let made = make(typeid, more);
    let mut known = KNOWN.lock();
    if let Some(class) = find(&known) {
        return class;
    }
    known.push((key, made.clone()));
    made
}

fn make(typeid: &str, more: &[&str]) -> Ref<Class> {
    let class = Class::builtin(
        &class_name(typeid),
        Some(base()),
        Layout::Native("BaseProxy"),
    );
    class.set(known().module, Value::str("multiprocessing.managers"));
    for method in exposed(typeid).iter().chain(more) {
        class.set(Name::new(method), forward(&class, method));
    }
    let acquirer: define::Entries<'_> = &[
        ("acquire", acquire),
        ("__enter__", |cx, args| forwarded(cx, args, "acquire")),
        ("__exit__", |cx, args| forwarded(cx, args, "release")),
    ];
    match typeid {
        "Lock" | "RLock" | "Semaphore" | "BoundedSemaphore" => define::methods(&class, acquirer),
        "Condition" => {
            define::methods(&class, acquirer);
            define::methods(&class, &[("wait_for", wait_for)]);
        }
        "Pool" => define::methods(
            &class,
            &[
                ("__enter__", |_, args| {
                    Ok(args.values.first().cloned().unwrap_or_default())
                }),
                ("__exit__", |cx, args| forwarded(cx, args, "terminate")),
            ],
        ),
        "list" => define::methods(
            &class,
            &[
                ("__iter__", iter_list),
                ("__iadd__", |cx, args| in_place(cx, args, "extend")),
                ("__imul__", |cx, args| in_place(cx, args, "__imul__")),
            ],
        ),
        "dict" => define::methods(&class, &[("__iter__", iter_dict)]),
        "Iterator" => define::methods(
            &class,
            &[("__iter__", |_, args| {
                Ok(args.values.first().cloned().unwrap_or_default())
            })],
        ),
        "Value" => define::accessor(
            &class,
            "value",
            |cx, args| forwarded(cx, args, "get"),
            Some(|cx, args| proxy(args, "value")?.call(cx, "set", args.rest())),
        ),
        "Namespace" => define::methods(
            &class,
            &[
                ("__getattr__", get_attribute),
                ("__setattr__", set_attribute),
                ("__delattr__", delete_attribute),
            ],
        ),
        "Barrier" => define::properties(
            &class,
            &[
                ("parties", |cx, args| attribute_of(cx, args, "parties")),
                ("n_waiting", |cx, args| attribute_of(cx, args, "n_waiting")),
                ("broken", |cx, args| attribute_of(cx, args, "broken")),
            ],
        ),
        _ => {}
    }
    class
}

fn proxy<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a ProxyObject> {
    Ok(native_object::receiver(args, "BaseProxy", method)?.0)
}

/// A method that goes to the object as it is.
fn forward(class: &Class, method: &str) -> Value {
    let name = Name::new(method).as_str();
    let call = move |cx: &mut Context, args: Args<'_>| {
        proxy(args, "_callmethod")?.call(cx, name, args.rest())
    };
    Value::Native(Ref::immortal(NativeFunction {
        name,
        owner: class.name().as_str(),
        binding: Binding::Method,
        body: NativeBody::Closure(Arc::new(call)),
    }))
}

/// Calls a method of the object without arguments.
fn forwarded(cx: &mut Context, args: Args<'_>, method: &'static str) -> Outcome<Value> {
    proxy(args, method)?.call(cx, method, Args::positional_only(&[]))
}

fn attribute_of(cx: &mut Context, args: Args<'_>, name: &'static str) -> Outcome<Value> {
    let asked = [Value::str(name)];
    proxy(args, name)?.call(cx, "__getattribute__", Args::positional_only(&asked))
}

fn repr(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let proxy = proxy(args, "__repr__")?;
    Ok(Value::str(format!(
        "<{} object, typeid '{}' at {:#x}>",
        args.values[0].type_name(),
        proxy.typeid(),
        text::address(&args.values[0])
    )))
}

fn to_str(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    match forwarded(cx, args, "__repr__") {
        Err(raised) if raised.exception().is_some() => {
            let Value::Str(shown) = repr(cx, args)? else {
                return Err(raised);
            };
            let shown = shown.as_str().trim_end_matches('>');
            Ok(Value::str(format!("{shown}; '__str__()' failed>")))
        }
        shown => shown,
    }
}

fn call_method(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const CALL: Parameters<3> =
        Parameters::method("BaseProxy._callmethod", ["methodname", "args", "kwds"]).required(1);
    let [method, positional, keywords] = CALL.bind(args.rest())?;
    let method = method
        .and_then(|method| method.as_str())
        .unwrap_or_default();
    let positional = match positional {
        Some(given) => Value::tuple(iterate::collect(cx, given)?),
        None => Value::tuple(Vec::new()),
    };
    let keywords = keywords.cloned().unwrap_or_default();
    proxy(args, "_callmethod")?.call_with(cx, method, positional, keywords)
}

fn copy(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    proxy(args, "_getvalue")?.copy(cx)
}

fn acquire(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const ACQUIRE: Parameters<2> =
        Parameters::method("AcquirerProxy.acquire", ["blocking", "timeout"]);
    let [blocking, timeout] = ACQUIRE.bind(args.rest())?;
    let mut given = vec![blocking.cloned().unwrap_or(Value::Bool(true))];
    given.extend(timeout.filter(|timeout| !timeout.is_none()).cloned());
    proxy(args, "acquire")?.call(cx, "acquire", Args::positional_only(&given))
}

fn wait_for(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const WAIT_FOR: Parameters<2> =
        Parameters::method("ConditionProxy.wait_for", ["predicate", "timeout"]).required(1);
    let [predicate, timeout] = WAIT_FOR.bind(args.rest())?;
    let predicate = predicate.cloned().unwrap_or_default();
    let deadline = waiting::deadline(cx, timeout)?;
    let condition = proxy(args, "wait_for")?;
    loop {
        let result = cx.call(&predicate, &[])?;
        if truth::truthy(cx, &result)? {
            return Ok(result);
        }
        let left = match deadline {
            Some(deadline) if deadline.has_passed() => return Ok(result),
            Some(deadline) => Value::Float(deadline.remaining().as_secs_f64()),
            None => Value::None,
        };
        condition.call(cx, "wait", Args::positional_only(&[left]))?;
    }
}

fn in_place(cx: &mut Context, args: Args<'_>, method: &'static str) -> Outcome<Value> {
    proxy(args, method)?.call(cx, method, args.rest())?;
    Ok(args.values[0].clone())
}

/// An iterator over the elements as they are now.
fn iter_list(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let items = proxy(args, "__iter__")?.copy(cx)?;
    iterate::iterate(cx, &items)
}

fn iter_dict(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let keys = forwarded(cx, args, "keys")?;
    iterate::iterate(cx, &keys)
}

/// The names of a namespace's own attributes, which are the proxy's if they begin with `_`.
fn get_attribute(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let name = args.values.get(1).and_then(Value::as_str).unwrap_or("_");
    if name.starts_with('_') {
        return Err(attribute_error(format!(
            "'NamespaceProxy' object has no attribute '{name}'"
        )));
    }
    proxy(args, "__getattr__")?.call(cx, "__getattribute__", args.rest())
}

fn set_attribute(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let name = args.values.get(1).and_then(Value::as_str).unwrap_or("_");
    if let (true, Value::Instance(instance), Some(value)) =
        (name.starts_with('_'), &args.values[0], args.values.get(2))
    {
        instance.set(Name::new(name), value.clone());
        return Ok(Value::None);
    }
    proxy(args, "__setattr__")?.call(cx, "__setattr__", args.rest())
}

fn delete_attribute(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    proxy(args, "__delattr__")?.call(cx, "__delattr__", args.rest())
}
