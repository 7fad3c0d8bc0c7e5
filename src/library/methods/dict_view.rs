//! `dict_keys`, `dict_values`, `dict_items`, and `mappingproxy`.

use crate::eval::context::Context;
use crate::library::arguments::{self, bad_receiver};
use crate::library::define;
use crate::value::class::Class;
use crate::value::exception::type_error;
use crate::value::function::Args;
use crate::value::instance::{Instance, NativeData, Payload};
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::operator::{BinaryOperator, Comparison};
use crate::value::types::types;
use crate::value::view::{DictView, Part};
use crate::value::{Outcome, Set, Value, arithmetic, compare, iterate, sequence, text};

/// Puts the methods into the classes.
pub fn install() {
    let types = types();
    for class in [&types.dict_keys, &types.dict_values, &types.dict_items] {
        define::methods(
            class,
            &[
                ("__iter__", iter),
                ("__len__", len),
                ("__repr__", repr),
                ("__reversed__", reversed),
            ],
        );
        define::getters(class, &[("mapping", mapping)]);
    }
    for class in [&types.dict_keys, &types.dict_items] {
        install_set_operations(class);
    }
    install_proxy(&types.mappingproxy);
}

fn install_set_operations(class: &Class) {
    class.set(Name::new("__hash__"), Value::None);
    define::methods(
        class,
        &[
            ("__and__", |cx, args| {
                operate(cx, args, BinaryOperator::BitAnd)
            }),
            ("__or__", |cx, args| {
                operate(cx, args, BinaryOperator::BitOr)
            }),
            ("__xor__", |cx, args| {
                operate(cx, args, BinaryOperator::BitXor)
            }),
            ("__sub__", |cx, args| {
                operate(cx, args, BinaryOperator::Subtract)
            }),
            ("__rand__", |cx, args| {
                reflected(cx, args, BinaryOperator::BitAnd)
            }),
            ("__ror__", |cx, args| {
                reflected(cx, args, BinaryOperator::BitOr)
            }),
            ("__rxor__", |cx, args| {
                reflected(cx, args, BinaryOperator::BitXor)
            }),
            ("__rsub__", |cx, args| {
                reflected(cx, args, BinaryOperator::Subtract)
            }),
            ("__contains__", contains),
            ("isdisjoint", is_disjoint),
        ],
    );
    define::comparisons!(class, compared);
}

fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a DictView, Args<'a>)> {
    match args.positional().first().and_then(DictView::of) {
        Some(view) => Ok((view, args.rest())),
        None => Err(bad_receiver("dict_keys", method, args)),
    }
}

fn iter(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (view, _) = this(args, "__iter__")?;
    Ok(iterate::dict_iterator(&view.dict, view.part))
}

fn len(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(Value::size(this(args, "__len__")?.0.dict.len()))
}

fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (view, _) = this(args, "__repr__")?;
    let items = Value::list(view.snapshot()?);
    let name = args.values[0].type_name();
    // A dict can contain its own view of values.
    cx.check_stack(" while getting the repr of an object")?;
    Ok(Value::str(format!("{name}({})", text::repr(cx, &items)?)))
}

fn reversed(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (view, _) = this(args, "__reversed__")?;
    Ok(iterate::dict_reversed(&view.dict, view.part))
}

fn mapping(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (view, _) = this(args, "mapping")?;
    Ok(MappingProxy::value(Value::Dict(view.dict.clone())))
}

fn contains(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (view, rest) = this(args, "__contains__")?;
    let item = arguments::one("dict_keys.__contains__", rest)?;
    let found = match view.part {
        Part::Keys => view.dict.contains(cx, item)?,
        Part::Values => false,
        Part::Items => match item {
            Value::Tuple(pair) if pair.items().len() == 2 => {
                match view.dict.get(cx, &pair.items()[0])? {
                    Some(value) => compare::identical_or_equal(cx, &value, &pair.items()[1])?,
                    None => false,
                }
            }
            _ => false,
        },
    };
    Ok(Value::Bool(found))
}

fn set_of(cx: &mut Context, value: &Value) -> Outcome<Value> {
    let items = iterate::collect(cx, value)?;
    Ok(Value::Set(Ref::new(Set::from_items(cx, items)?)))
}

fn operate(cx: &mut Context, args: Args<'_>, operator: BinaryOperator) -> Outcome<Value> {
    let (_, rest) = this(args, operator.method().as_str())?;
    let other = arguments::one(operator.method().as_str(), rest)?;
    let (left, right) = (set_of(cx, &args.values[0])?, set_of(cx, other)?);
    arithmetic::binary(cx, operator, &left, &right)
}

fn reflected(cx: &mut Context, args: Args<'_>, operator: BinaryOperator) -> Outcome<Value> {
    let (_, rest) = this(args, operator.reflected().as_str())?;
    let other = arguments::one(operator.reflected().as_str(), rest)?;
    let (left, right) = (set_of(cx, other)?, set_of(cx, &args.values[0])?);
    arithmetic::binary(cx, operator, &left, &right)
}

fn compared(cx: &mut Context, args: Args<'_>, comparison: Comparison) -> Outcome<Value> {
    let (_, rest) = this(args, comparison.method().as_str())?;
    let other = arguments::one(comparison.method().as_str(), rest)?;
    let is_set = match other.unwrapped() {
        Value::Set(_) | Value::FrozenSet(_) => true,
        other => DictView::of(other).is_some_and(|view| view.part != Part::Values),
    };
    if !is_set {
        return Ok(Value::NotImplemented);
    }
    let (left, right) = (set_of(cx, &args.values[0])?, set_of(cx, other)?);
    compare::compare(cx, comparison, &left, &right)
}

fn is_disjoint(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, rest) = this(args, "isdisjoint")?;
    let other = arguments::one("dict_keys.isdisjoint", rest)?;
    let common = iterate::find_map(cx, other, |cx, item| {
        Ok(sequence::contains(cx, &args.values[0], &item)?.then_some(()))
    })?;
    Ok(Value::Bool(common.is_none()))
}

/// A mapping that can be read but not changed: the attributes of a class.
pub struct MappingProxy {
    mapping: Value,
}

impl NativeData for MappingProxy {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.mapping);
    }
}

impl MappingProxy {
    /// A proxy of a mapping.
    pub fn value(mapping: Value) -> Value {
        Value::Instance(Instance::new(
            types().mappingproxy.clone(),
            Payload::Native(Box::new(MappingProxy { mapping })),
        ))
    }
}

fn install_proxy(class: &Class) {
    define::static_methods(class, &[("__new__", proxy_new)]);
    define::methods(
        class,
        &[
            ("__contains__", |cx, args| {
                let (mapping, rest) = mapping_of(args, "__contains__")?;
                let key = arguments::one("mappingproxy.__contains__", rest)?;
                sequence::contains(cx, mapping, key).map(Value::Bool)
            }),
            ("__getitem__", |cx, args| {
                let (mapping, rest) = mapping_of(args, "__getitem__")?;
                let key = arguments::one("mappingproxy.__getitem__", rest)?;
                sequence::get_item(cx, mapping, key)
            }),
            ("__iter__", |cx, args| {
                iterate::iterate(cx, mapping_of(args, "__iter__")?.0)
            }),
            ("__len__", |cx, args| {
                sequence::length(cx, mapping_of(args, "__len__")?.0).map(Value::size)
            }),
            ("__repr__", |cx, args| {
                let inner = text::repr(cx, mapping_of(args, "__repr__")?.0)?;
                Ok(Value::str(format!("mappingproxy({inner})")))
            }),
            ("__str__", |cx, args| {
                text::to_str(cx, mapping_of(args, "__str__")?.0).map(Value::str)
            }),
            ("__eq__", |cx, args| {
                let (mapping, rest) = mapping_of(args, "__eq__")?;
                let other = arguments::one("mappingproxy.__eq__", rest)?;
                compare::compare(cx, Comparison::Equal, mapping, other)
            }),
            ("__reversed__", |cx, args| hand_on(cx, args, "__reversed__")),
            ("__or__", |cx, args| hand_on(cx, args, "__or__")),
            ("copy", |cx, args| hand_on(cx, args, "copy")),
            ("get", |cx, args| hand_on(cx, args, "get")),
            ("items", |cx, args| hand_on(cx, args, "items")),
            ("keys", |cx, args| hand_on(cx, args, "keys")),
            ("values", |cx, args| hand_on(cx, args, "values")),
        ],
    );
}

fn mapping_of<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Value, Args<'a>)> {
    let proxy = args
        .positional()
        .first()
        .and_then(|value| value.as_instance()?.native::<MappingProxy>());
    match proxy {
        Some(proxy) => Ok((&proxy.mapping, args.rest())),
        None => Err(bad_receiver("mappingproxy", method, args)),
    }
}

fn hand_on(cx: &mut Context, args: Args<'_>, method: &'static str) -> Outcome<Value> {
    let (mapping, rest) = mapping_of(args, method)?;
    let method = crate::eval::attribute::get(cx, mapping, Name::new(method))?;
    cx.call_with(&method, rest)
}

fn proxy_new(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, rest) = super::construct::class_argument(&types().mappingproxy, args)?;
    let mapping = arguments::one("mappingproxy", rest)?;
    match mapping.unwrapped() {
        Value::Dict(_) | Value::Instance(_) => Ok(MappingProxy::value(mapping.clone())),
        other => Err(type_error(format!(
            "mappingproxy() argument must be a mapping, not {}",
            other.type_name()
        ))),
    }
}
