//! The keys that `functools.cmp_to_key` makes: they compare as a function says. It must not know
//! who compares them.

use std::sync::OnceLock;

use crate::eval::context::Context;
use crate::library::arguments::{self, Signature};
use crate::library::{define, native_object};
use crate::value::class::Class;
use crate::value::exception::type_error;
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::operator::Comparison;
use crate::value::{Outcome, Value, compare};

/// A key, or what makes keys when it wraps nothing yet.
struct Key {
    function: Value,
    object: Option<Value>,
}

impl NativeData for Key {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.function);
        self.object.iter().for_each(visit);
    }
}

fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("functools.KeyWrapper");
        define::methods(
            &class,
            &[
                ("__call__", call),
                ("__eq__", |cx, args| compared(cx, args, Comparison::Equal)),
                ("__ne__", |cx, args| {
                    compared(cx, args, Comparison::NotEqual)
                }),
                ("__lt__", |cx, args| compared(cx, args, Comparison::Less)),
                ("__le__", |cx, args| {
                    compared(cx, args, Comparison::LessEqual)
                }),
                ("__gt__", |cx, args| compared(cx, args, Comparison::Greater)),
                ("__ge__", |cx, args| {
                    compared(cx, args, Comparison::GreaterEqual)
                }),
            ],
        );
        define::getters(
            &class,
            &[("obj", |_, args| {
                let (key, _): (&Key, _) =
                    native_object::receiver(args, "functools.KeyWrapper", "obj")?;
                Ok(key.object.clone().unwrap_or_default())
            })],
        );
        class.set(known().hash, Value::None);
        class
    })
}

const MAKE: Signature<1> = Signature::new("cmp_to_key", ["mycmp"]).required(1);
const CALL: Signature<1> = Signature::new("K", ["obj"]).required(1);

pub(super) fn cmp_to_key(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [function] = MAKE.bind(args)?;
    Ok(native_object::instance(
        class(),
        Key {
            function: function.cloned().unwrap_or_default(),
            object: None,
        },
    ))
}

fn call(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (key, rest): (&Key, _) = native_object::receiver(args, "functools.KeyWrapper", "__call__")?;
    let [object] = CALL.bind(rest)?;
    Ok(native_object::instance(
        class(),
        Key {
            function: key.function.clone(),
            object: object.cloned(),
        },
    ))
}

fn compared(cx: &mut Context, args: Args<'_>, comparison: Comparison) -> Outcome<Value> {
    let (key, rest): (&Key, _) = native_object::receiver(args, "functools.KeyWrapper", "__lt__")?;
    let other = arguments::one("__lt__", rest)?;
    let other = other
        .as_instance()
        .and_then(|instance| instance.native::<Key>())
        .ok_or_else(|| type_error("other argument must be K instance"))?;
    let (Some(left), Some(right)) = (&key.object, &other.object) else {
        return Err(type_error("other argument must be K instance"));
    };
    let result = cx.call(&key.function, &[left.clone(), right.clone()])?;
    compare::compare(cx, comparison, &result, &Value::Int(0))
}
