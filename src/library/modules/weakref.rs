//! `_weakref`: references that do not keep their object alive. The containers and proxies of
//! `weakref` are built on them by a script of the library. It must not know how an object's death is
//! noticed.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::{sys, with_functions};
use crate::eval::context::Context;
use crate::eval::detached_call::Place;
use crate::eval::module::Module;
use crate::library::define::{self, Entries};
use crate::library::methods::construct::class_argument;
use crate::library::{arguments, native_object};
use crate::value::class::Class;
use crate::value::exception::type_error;
use crate::value::function::{Args, BoundMethod};
use crate::value::instance::{Instance, NativeData, Payload};
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::weak::{self, WeakPointer};
use crate::value::{Outcome, Value, compare, hash, text};

/// What a reference carries.
struct Reference {
    pointer: WeakPointer,
    /// What to call when the object dies, or `None`.
    callback: Value,
    /// Where to call it.
    place: Place,
    /// The object's hash, once it was asked for: it must stay when the object is dead.
    hash: AtomicI64,
    hash_known: AtomicU64,
}

impl NativeData for Reference {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.callback);
    }
}

const FUNCTIONS: Entries<'static> = &[
    ("getweakrefcount", count),
    ("getweakrefs", references),
    ("bind", bind),
];

/// Makes the module.
///
/// # Errors
/// None.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("_weakref", FUNCTIONS);
    module.set(Name::new("ref"), Value::Class(class().clone()));
    module.set(Name::new("ReferenceType"), Value::Class(class().clone()));
    Ok(module)
}

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        weak::set_teller(tell);
        let class = Class::native("weakref.ReferenceType");
        define::static_methods(&class, &[("__new__", new)]);
        define::methods(
            &class,
            &[
                ("__init__", |_, _| Ok(Value::None)),
                ("__call__", call),
                ("__eq__", equal),
                ("__ne__", not_equal),
                ("__hash__", hash_of),
                ("__repr__", repr),
            ],
        );
        define::getters(
            &class,
            &[("__callback__", |_, args| {
                let (this, _) = this(args, "__callback__")?;
                Ok(match this.pointer.get() {
                    Some(_) => this.callback.clone(),
                    None => Value::None,
                })
            })],
        );
        define::class_methods(
            &class,
            &[(
                "__class_getitem__",
                crate::library::methods::construct::class_getitem,
            )],
        );
        class
    })
}

fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Reference, Args<'a>)> {
    native_object::receiver(args, "weakref.ReferenceType", method)
}

/// Whether the value is of a kind to which CPython allows weak references: kinds that scripts put
/// into caches, and none of the small built-in ones.
fn is_allowed(value: &Value) -> bool {
    match value {
        Value::Function(_)
        | Value::Native(_)
        | Value::Method(_)
        | Value::Class(_)
        | Value::Set(_)
        | Value::FrozenSet(_)
        | Value::Generator(_)
        | Value::Module(_) => true,
        Value::Instance(instance) => match instance.payload() {
            // Built-in classes have no place for one.
            Payload::None | Payload::Exception(_) => !instance.class().is_builtin(),
            Payload::Property(_)
            | Payload::Super(..)
            | Payload::StaticMethod(_)
            | Payload::ClassMethod(_) => false,
            // Classes derived from `int` and `tuple` have none in CPython either.
            Payload::Value(value) => !matches!(value, Value::Int(_) | Value::Tuple(_)),
            Payload::Native(_) => true,
        },
        _ => false,
    }
}

fn pointer(target: &Value, tells: bool) -> Outcome<WeakPointer> {
    is_allowed(target)
        .then(|| WeakPointer::new(target, tells))
        .flatten()
        .ok_or_else(|| {
            type_error(format!(
                "cannot create weak reference to '{}' object",
                target.type_name()
            ))
        })
}

fn new(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, rest) = class_argument(self::class(), args)?;
    let is_own = class.same(self::class());
    if is_own && !rest.names.is_empty() {
        return Err(type_error("ref() takes no keyword arguments"));
    }
    let (target, callback) = match rest.positional() {
        [] => return Err(type_error("__new__ expected at least 1 argument, got 0")),
        [target] => (target, Value::None),
        [target, callback] => (target, callback.clone()),
        more => {
            return Err(type_error(format!(
                "__new__ expected at most 2 arguments, got {}",
                more.len()
            )));
        }
    };
    if is_own && callback.is_none() {
        let found = weak::holders(target).into_iter().find(|holder| {
            holder.class().same(class)
                && holder
                    .native::<Reference>()
                    .is_some_and(|reference| reference.callback.is_none())
        });
        if let Some(found) = found {
            return Ok(Value::Instance(found));
        }
    }
    let reference = Reference {
        pointer: pointer(target, !callback.is_none())?,
        callback,
        place: Place::of(cx),
        hash: AtomicI64::new(0),
        hash_known: AtomicU64::new(0),
    };
    let made = Instance::new(class.clone(), Payload::Native(Box::new(reference)));
    if let Some(reference) = made.native::<Reference>() {
        reference.pointer.set_holder(&made);
    }
    Ok(Value::Instance(made))
}

/// Calls the callbacks of references whose object died.
fn tell(holders: Vec<Ref<Instance>>) {
    for holder in holders {
        let Some(reference) = holder.native::<Reference>() else {
            continue;
        };
        reference.place.enter(|cx| {
            let callback = reference.callback.clone();
            if let Err(raised) = cx.call(&callback, &[Value::Instance(holder.clone())]) {
                // A stop arrives again at the next safepoint of whoever dropped the object.
                if raised.exception().is_some() {
                    sys::show_ignored_in(cx, &raised, &callback);
                }
            }
        });
    }
}

fn call(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (this, rest) = this(args, "__call__")?;
    arguments::none("weakref.ReferenceType.__call__", rest)?;
    Ok(this.pointer.get().unwrap_or(Value::None))
}

/// References are equal if their objects are; dead ones only to themselves.
fn is_equal(cx: &mut Context, args: Args<'_>) -> Outcome<Option<bool>> {
    let (this, rest) = this(args, "__eq__")?;
    let other = arguments::one("weakref.ReferenceType.__eq__", rest)?;
    let Some(reference) = other
        .as_instance()
        .and_then(|other| other.native::<Reference>())
    else {
        return Ok(None);
    };
    match (this.pointer.get(), reference.pointer.get()) {
        (Some(one), Some(two)) => compare::equal(cx, &one, &two).map(Some),
        _ => Ok(Some(args.values[0].same(other))),
    }
}

fn equal(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(match is_equal(cx, args)? {
        Some(equal) => Value::Bool(equal),
        None => Value::NotImplemented,
    })
}

fn not_equal(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(match is_equal(cx, args)? {
        Some(equal) => Value::Bool(!equal),
        None => Value::NotImplemented,
    })
}

fn hash_of(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (this, _) = this(args, "__hash__")?;
    if this.hash_known.load(Ordering::Acquire) == 0 {
        let Some(target) = this.pointer.get() else {
            return Err(type_error("weak object has gone away"));
        };
        this.hash.store(hash::hash(cx, &target)?, Ordering::Relaxed);
        this.hash_known.store(1, Ordering::Release);
    }
    Ok(Value::Int(this.hash.load(Ordering::Relaxed)))
}

fn repr(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (this, _) = this(args, "__repr__")?;
    let address = text::address(&args.values[0]);
    let Some(target) = this.pointer.get() else {
        return Ok(Value::str(format!("<weakref at {address:#x}; dead>")));
    };
    let name = match &target {
        Value::Function(function) => Some(function.name()),
        Value::Native(function) => Some(Name::new(function.name)),
        Value::Class(class) => Some(class.name()),
        Value::Module(module) => Some(module.name()),
        _ => None,
    };
    let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
    Ok(Value::str(format!(
        "<weakref at {address:#x}; to '{}' at {:#x}{name}>",
        target.type_name(),
        text::address(&target),
    )))
}

/// A method of the receiver, for `WeakMethod`.
fn bind(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [function, receiver] = arguments::exactly("_weakref.bind", args)?;
    Ok(Value::Method(Ref::new(BoundMethod {
        function: function.clone(),
        receiver: receiver.clone(),
    })))
}

fn count(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let target = arguments::one("_weakref.getweakrefcount", args)?;
    Ok(Value::size(weak::holders(target).len()))
}

fn references(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let target = arguments::one("_weakref.getweakrefs", args)?;
    let holders = weak::holders(target).into_iter();
    Ok(Value::list(holders.map(Value::Instance).collect()))
}
