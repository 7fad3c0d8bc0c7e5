//! The classes of proxies: which methods go to the object, and what a proxy does by itself.

use std::sync::{Arc, OnceLock};

use super::client::Server;
use super::proxy::{self, Core, ProxyObject, TokenObject};
use super::server::request;
use crate::eval::attribute;
use crate::eval::context::Context;
use crate::library::define;
use crate::library::methods::construct::class_getitem;
use crate::library::modules::multiprocessing::connection::address::Address;
use crate::library::modules::multiprocessing::waiting;
use crate::library::native_object;
use crate::library::parameters::Parameters;
use crate::runtime::leaf_lock::LeafLock;
use crate::value::class::{Class, Layout};
use crate::value::exception::{attribute_error, type_error};
use crate::value::function::{Args, Binding, NativeBody, NativeFunction};
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::{Dict, Outcome, Value, iterate, text, truth};

/// The methods of a kind that go to the object; `None` for a kind that the language does not bring.
pub fn exposed_of(typeid: &str) -> Option<&'static [&'static str]> {
    Some(match typeid {
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
        "AsyncResult" => &["get", "ready", "successful", "wait"],
        other => return own_class(other).map(|class| class.1),
    })
}

/// The methods whose results live in the server too, with the kinds of those.
pub fn results_of(typeid: &str) -> Vec<(String, String)> {
    let pairs: &[(&str, &str)] = match typeid {
        "Pool" => POOL_RESULTS,
        _ => &[],
    };
    let pair = |&(method, kind): &(&str, &str)| (method.to_owned(), kind.to_owned());
    pairs.iter().map(pair).collect()
}

const POOL_RESULTS: &[(&str, &str)] = &[
    ("apply_async", "AsyncResult"),
    ("map_async", "AsyncResult"),
    ("starmap_async", "AsyncResult"),
    ("imap", "Iterator"),
    ("imap_unordered", "Iterator"),
];

/// The name of the class of a kind's proxies, and what it exposes.
fn own_class(typeid: &str) -> Option<(&'static str, &'static [&'static str])> {
    let name = match typeid {
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
        _ => return None,
    };
    CLASSES.iter().copied().find(|(own, _)| *own == name)
}

/// The classes and what they expose.
const CLASSES: &[(&str, &[&str])] = &[
    ("IteratorProxy", &["__next__", "send", "throw", "close"]),
    ("AcquirerProxy", &["acquire", "release"]),
    (
        "ConditionProxy",
        &["acquire", "release", "wait", "notify", "notify_all"],
    ),
    ("EventProxy", &["is_set", "set", "clear", "wait"]),
    (
        "BarrierProxy",
        &["__getattribute__", "wait", "abort", "reset"],
    ),
    (
        "NamespaceProxy",
        &["__getattribute__", "__setattr__", "__delattr__"],
    ),
    ("ValueProxy", &["get", "set"]),
    ("BaseListProxy", LIST),
    ("ListProxy", LIST),
    (
        "DictProxy",
        &[
            "__contains__",
            "__delitem__",
            "__getitem__",
            "__iter__",
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
    ),
    ("ArrayProxy", &["__len__", "__getitem__", "__setitem__"]),
    (
        "PoolProxy",
        &[
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
    ),
];

const LIST: &[&str] = &[
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
    "__imul__",
];

/// `BaseProxy`.
pub fn base() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("BaseProxy");
        class.set(known().module, Value::str("multiprocessing.managers"));
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                native_object::new(base(), args, ProxyObject::blank())
            })],
        );
        define::methods(
            &class,
            &[
                ("__init__", init),
                ("__repr__", repr),
                ("__str__", to_str),
                ("__deepcopy__", copy),
                ("_callmethod", call_method),
                ("_getvalue", copy),
            ],
        );
        define::properties(
            &class,
            &[
                ("_token", |_, args| {
                    Ok(proxy::token(&proxy(args, "_token")?.core()?))
                }),
                ("_id", |_, args| {
                    Ok(Value::str(proxy(args, "_id")?.core()?.id()))
                }),
                ("_manager", |_, args| Ok(proxy(args, "_manager")?.manager())),
            ],
        );
        class
    })
}

/// `Token`.
pub fn token() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("Token");
        class.set(known().module, Value::str("multiprocessing.managers"));
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                let made = native_object::new(token(), args, TokenObject { core: None })?;
                const NEW: Parameters<3> =
                    Parameters::method("Token.__init__", ["typeid", "address", "id"]).required(3);
                let given = NEW.bind(args.rest())?;
                if let Value::Instance(token) = &made {
                    for (name, value) in ["typeid", "address", "id"].into_iter().zip(given) {
                        token.set(Name::new(name), value.cloned().unwrap_or_default());
                    }
                }
                Ok(made)
            })],
        );
        define::methods(
            &class,
            &[("__repr__", |cx, args| {
                let mut shown = Vec::new();
                for name in ["typeid", "address", "id"] {
                    let value = attribute::get(cx, &args.values[0], Name::new(name))?;
                    shown.push(format!("{name}={}", text::repr(cx, &value)?));
                }
                let class = args.values[0].type_name();
                Ok(Value::str(format!("{class}({})", shown.join(", "))))
            })],
        );
        class
    })
}

/// The classes that the language brings, by name.
pub fn named(name: &str) -> Option<Ref<Class>> {
    static MADE: OnceLock<Vec<(&'static str, Ref<Class>)>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let mut made: Vec<(&'static str, Ref<Class>)> = Vec::new();
        for &(name, exposed) in CLASSES {
            let parent = match name {
                "ConditionProxy" => made.iter().find(|(other, _)| *other == "AcquirerProxy"),
                "ListProxy" => made.iter().find(|(other, _)| *other == "BaseListProxy"),
                _ => None,
            };
            let parent = parent.map_or_else(|| base().clone(), |(_, class)| class.clone());
            made.push((name, make(name, &parent, exposed)));
        }
        made
    });
    let found = made.iter().find(|(known, _)| *known == name);
    found.map(|(_, class)| class.clone())
}

/// All of them.
pub fn all() -> impl Iterator<Item = (&'static str, Ref<Class>)> {
    CLASSES
        .iter()
        .filter_map(|&(name, _)| named(name).map(|class| (name, class)))
}

type Known = LeafLock<Vec<(String, Ref<Class>)>>;

/// The class of the proxies for a kind that the language brings.
pub fn of_kind(typeid: &str, exposed: &[String]) -> Ref<Class> {
    own_class(typeid)
        .and_then(|(name, _)| named(name))
        .unwrap_or_else(|| make_type(&format!("AutoProxy[{typeid}]"), exposed))
}

/// A class of this name whose proxies have these methods; always the same one for the same.
pub fn make_type(name: &str, exposed: &[String]) -> Ref<Class> {
    static KNOWN: Known = LeafLock::new(Vec::new());
    let key = format!("{name}({})", exposed.join(","));
    let find = |known: &[(String, Ref<Class>)]| {
        known
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, class)| class.clone())
    };
    if let Some(class) = find(&KNOWN.lock()) {
        return class;
    }
    let methods: Vec<&str> = exposed.iter().map(String::as_str).collect();
    let made = make(name, base(), &methods);
    let mut known = KNOWN.lock();
    if let Some(class) = find(&known) {
        return class;
    }
    known.push((key, made.clone()));
    made
}

fn make(name: &str, parent: &Ref<Class>, exposed: &[&str]) -> Ref<Class> {
    let class = Class::builtin(name, Some(parent), Layout::Native("BaseProxy"));
    class.set(known().module, Value::str("multiprocessing.managers"));
    for method in exposed {
        // Attributes of a namespace and a barrier have methods of their own.
        if !matches!(*method, "__getattribute__" | "__setattr__" | "__delattr__") {
            class.set(Name::new(method), forward(&class, method));
        }
    }
    let names = exposed.iter().map(|name| Value::str(*name));
    class.set(Name::new("_exposed_"), Value::tuple(names.collect()));
    let acquirer: define::Entries<'_> = &[
        ("acquire", acquire),
        ("__enter__", |cx, args| forwarded(cx, args, "acquire")),
        ("__exit__", |cx, args| forwarded(cx, args, "release")),
    ];
    match name {
        "AcquirerProxy" => define::methods(&class, acquirer),
        "ConditionProxy" => {
            define::methods(&class, acquirer);
            define::methods(&class, &[("wait_for", wait_for)]);
        }
        "PoolProxy" => {
            let pairs = POOL_RESULTS
                .iter()
                .map(|&(method, kind)| (Name::new(method), Value::str(kind)));
            let results = Value::Dict(Ref::new(Dict::from_names(pairs)));
            class.set(Name::new("_method_to_typeid_"), results);
            define::methods(
                &class,
                &[
                    ("__enter__", itself),
                    ("__exit__", |cx, args| forwarded(cx, args, "terminate")),
                ],
            );
        }
        "ListProxy" | "BaseListProxy" => {
            define::class_methods(&class, &[("__class_getitem__", class_getitem)]);
            define::methods(
                &class,
                &[
                    ("__iter__", iter_list),
                    ("__reversed__", |cx, args| {
                        let items = forwarded(cx, args, "__reversed__")?;
                        iterate::iterate(cx, &items)
                    }),
                    ("__iadd__", |cx, args| in_place(cx, args, "extend")),
                    ("__imul__", |cx, args| in_place(cx, args, "__imul__")),
                ],
            );
        }
        "DictProxy" => {
            define::class_methods(&class, &[("__class_getitem__", class_getitem)]);
            define::methods(&class, &[("__iter__", iter_dict)]);
        }
        "IteratorProxy" => define::methods(&class, &[("__iter__", itself)]),
        "ValueProxy" => {
            define::class_methods(&class, &[("__class_getitem__", class_getitem)]);
            define::accessor(
                &class,
                "value",
                |cx, args| forwarded(cx, args, "get"),
                Some(|cx, args| proxy(args, "value")?.call(cx, "set", args.rest())),
            );
        }
        "NamespaceProxy" => define::methods(
            &class,
            &[
                ("__getattr__", get_attribute),
                ("__setattr__", set_attribute),
                ("__delattr__", delete_attribute),
            ],
        ),
        "BarrierProxy" => define::properties(
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

fn itself(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(args.values.first().cloned().unwrap_or_default())
}

const INIT: Parameters<7> = Parameters::method(
    "BaseProxy.__init__",
    [
        "token",
        "serializer",
        "manager",
        "authkey",
        "exposed",
        "incref",
        "manager_owned",
    ],
)
.required(2);

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = proxy(args, "__init__")?;
    let [token, _, manager, authkey, ..] = INIT.bind(args.rest())?;
    let manager = manager.cloned().unwrap_or_default();
    let core = core_of(cx, token.unwrap_or(&Value::None), authkey, &manager)?;
    own.fill(core, manager);
    Ok(Value::None)
}

/// What a token names, also one that a script made.
fn core_of(
    cx: &mut Context,
    token: &Value,
    authkey: Option<&Value>,
    manager: &Value,
) -> Outcome<Arc<Core>> {
    let native = token
        .as_instance()
        .and_then(|token| token.native::<TokenObject>());
    let Some(native) = native else {
        return Err(attribute_error(format!(
            "'{}' object has no attribute 'address'",
            token.type_name()
        )));
    };
    if let Some(core) = &native.core {
        return Ok(core.clone());
    }
    let [typeid, address, id] =
        ["typeid", "address", "id"].map(|name| attribute::get(cx, token, Name::new(name)));
    let (typeid, address, id) = (typeid?, address?, id?);
    let number = id
        .as_str()
        .and_then(|id| u64::from_str_radix(id, 16).ok())
        .ok_or_else(|| crate::value::exception::key_error(id.clone()))?;
    let address = Address::of(cx, &address)?;
    let key = match authkey {
        Some(Value::Bytes(key)) => key.get().to_vec(),
        _ => match super::key_of(cx, manager)? {
            Value::Bytes(key) => key.get().to_vec(),
            _ => Vec::new(),
        },
    };
    let server = Server::at(cx, &address, &key)?;
    let typeid = typeid.as_str().unwrap_or_default();
    Core::far(cx, &server, typeid, number).map(Arc::new)
}

/// `AutoProxy(token, serializer, …)`.
pub fn auto_proxy(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const AUTO: Parameters<7> = Parameters::function(
        "AutoProxy",
        [
            "token",
            "serializer",
            "manager",
            "authkey",
            "exposed",
            "incref",
            "manager_owned",
        ],
    )
    .required(2);
    let [token, _, manager, authkey, exposed, ..] = AUTO.bind(args)?;
    let manager = manager.cloned().unwrap_or_default();
    let core = core_of(cx, token.unwrap_or(&Value::None), authkey, &manager)?;
    let exposed = match exposed {
        None | Some(Value::None) => core.ask(cx, request::METHODS, Vec::new())?,
        Some(exposed) => exposed.clone(),
    };
    let exposed = names(cx, &exposed)?;
    let class = make_type(&format!("AutoProxy[{}]", core.typeid()), &exposed);
    Ok(proxy::of_class(&class, core, manager))
}

/// `MakeProxyType(name, exposed)`.
pub fn make_proxy_type(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const MAKE: Parameters<2> =
        Parameters::function("MakeProxyType", ["name", "exposed"]).required(2);
    let [name, exposed] = MAKE.bind(args)?;
    let Some(name) = name.and_then(|name| name.as_str()) else {
        return Err(type_error("the name of a proxy type must be a string"));
    };
    let exposed = names(cx, exposed.unwrap_or(&Value::None))?;
    Ok(Value::Class(make_type(name, &exposed)))
}

fn names(cx: &mut Context, names: &Value) -> Outcome<Vec<String>> {
    let mut all = Vec::new();
    for name in iterate::collect(cx, names)? {
        match name.as_str() {
            Some(name) => all.push(name.to_owned()),
            None => return Err(type_error("the names of methods must be strings")),
        }
    }
    Ok(all)
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
    let core = proxy(args, "__repr__")?.core()?;
    Ok(Value::str(format!(
        "<{} object, typeid '{}' at {:#x}>",
        args.values[0].type_name(),
        core.typeid(),
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
