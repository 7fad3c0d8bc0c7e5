//! `set` and `frozenset`.

use super::construct::{class_argument, class_getitem, without_own_keywords, wrap};
use super::special::{FrozenSetKind, Install, Kind, SetKind, operators};
use crate::eval::context::Context;
use crate::library::arguments;
use crate::library::define;
use crate::value::class::Class;
use crate::value::exception::key_error;
use crate::value::function::Args;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Set, Value, iterate, sequence};

/// Puts the methods of `set` into the class.
pub fn install() {
    let class = &types().set;
    install_common::<SetKind>(class);
    define::static_methods(class, &[("__new__", new)]);
    define::methods(
        class,
        &[
            ("__init__", init),
            ("add", add),
            ("clear", clear),
            ("copy", copy),
            ("difference_update", difference_update),
            ("discard", discard),
            ("intersection_update", intersection_update),
            ("pop", pop),
            ("remove", remove),
            ("symmetric_difference_update", symmetric_difference_update),
            ("update", update),
        ],
    );
    Install::<SetKind>::into(class)
        .shown()
        .unhashable()
        .container()
        .ordered()
        .both::<operators::BitAnd>()
        .both::<operators::BitOr>()
        .both::<operators::BitXor>()
        .both::<operators::Subtract>()
        .in_place::<operators::BitAnd>()
        .in_place::<operators::BitOr>()
        .in_place::<operators::BitXor>()
        .in_place::<operators::Subtract>();
}

/// The same for `frozenset`.
pub fn install_frozen() {
    let class = &types().frozenset;
    install_common::<FrozenSetKind>(class);
    define::static_methods(class, &[("__new__", new_frozen)]);
    define::methods(class, &[("copy", copy_frozen)]);
    Install::<FrozenSetKind>::into(class)
        .shown()
        .hashed()
        .container()
        .ordered()
        .both::<operators::BitAnd>()
        .both::<operators::BitOr>()
        .both::<operators::BitXor>()
        .both::<operators::Subtract>();
}

fn install_common<K: Kind>(class: &Class) {
    define::class_methods(class, &[("__class_getitem__", class_getitem)]);
    define::methods(
        class,
        &[
            ("difference", difference::<K>),
            ("intersection", intersection::<K>),
            ("isdisjoint", is_disjoint::<K>),
            ("issubset", is_subset::<K>),
            ("issuperset", is_superset::<K>),
            ("symmetric_difference", symmetric_difference::<K>),
            ("union", union::<K>),
        ],
    );
}

/// The receiver, which is a set of this kind, and the arguments after it.
#[inline]
fn this<'a, K: Kind>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Ref<Set>, Args<'a>)> {
    let (value, rest) = super::special::this::<K>(args, method)?;
    match value {
        Value::Set(set) | Value::FrozenSet(set) => Ok((set, rest)),
        _ => Err(arguments::bad_receiver(K::CLASS, method, args)),
    }
}

fn result<K: Kind>(set: Set) -> Value {
    let set = Ref::new(set);
    if K::CLASS == "set" {
        Value::Set(set)
    } else {
        Value::FrozenSet(set)
    }
}

/// The set that a value is.
fn known_set(value: &Value) -> Option<&Ref<Set>> {
    match value.unwrapped() {
        Value::Set(set) | Value::FrozenSet(set) => Some(set),
        _ => None,
    }
}

/// A value's items as a set: itself if it is one.
fn as_set(cx: &mut Context, value: &Value) -> Outcome<Ref<Set>> {
    match known_set(value) {
        Some(set) => Ok(set.clone()),
        None => {
            let items = iterate::collect(cx, value)?;
            Ok(Ref::new(Set::from_items(cx, items)?))
        }
    }
}

fn new(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = &types().set;
    let (class, _) = class_argument(own, args)?;
    Ok(wrap(class, own, Value::Set(Ref::new(Set::new()))))
}

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (set, rest) = this::<SetKind>(args, "__init__")?;
    let values = arguments::between("set", rest, 0, 1)?;
    set.clear();
    if let [iterable] = values {
        add_all(cx, set, iterable)?;
    }
    Ok(Value::None)
}

fn new_frozen(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = &types().frozenset;
    let (class, rest) = class_argument(own, args)?;
    let rest = without_own_keywords(class, own, known().init, rest);
    let set = match arguments::between("frozenset", rest, 0, 1)? {
        [frozen @ Value::FrozenSet(_)] => frozen.clone(),
        [iterable] => {
            let set = Set::new();
            add_all(cx, &set, iterable)?;
            Value::FrozenSet(Ref::new(set))
        }
        _ => Value::FrozenSet(Ref::new(Set::new())),
    };
    Ok(wrap(class, own, set))
}

fn add_all(cx: &mut Context, set: &Set, iterable: &Value) -> Outcome<()> {
    if let Some(other) = known_set(iterable) {
        return set.update(cx, other);
    }
    if let Value::Dict(dict) = iterable {
        return set.update_keys(cx, dict.keys()?);
    }
    iterate::for_each(cx, iterable, |cx, item| set.add(cx, item).map(|_| ()))
}

fn add(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (set, rest) = this::<SetKind>(args, "add")?;
    set.add(cx, arguments::one("set.add", rest)?.clone())?;
    Ok(Value::None)
}

fn clear(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (set, rest) = this::<SetKind>(args, "clear")?;
    arguments::none("set.clear", rest)?;
    set.clear();
    Ok(Value::None)
}

fn copy(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (set, rest) = this::<SetKind>(args, "copy")?;
    arguments::none("set.copy", rest)?;
    Ok(Value::Set(Ref::new(set.copy()?)))
}

fn copy_frozen(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (set, rest) = this::<FrozenSetKind>(args, "copy")?;
    arguments::none("frozenset.copy", rest)?;
    Ok(match &args.values[0] {
        Value::FrozenSet(_) => args.values[0].clone(),
        _ => Value::FrozenSet(Ref::new(set.copy()?)),
    })
}

/// The item to look for: a set is looked for as the frozenset of its items.
fn frozen(item: &Value) -> Outcome<Value> {
    Ok(match item.unwrapped() {
        Value::Set(inner) => Value::FrozenSet(Ref::new(inner.copy()?)),
        _ => item.clone(),
    })
}

fn discard(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (set, rest) = this::<SetKind>(args, "discard")?;
    let item = frozen(arguments::one("set.discard", rest)?)?;
    drop(set.remove(cx, &item)?);
    Ok(Value::None)
}

fn remove(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (set, rest) = this::<SetKind>(args, "remove")?;
    let item = arguments::one("set.remove", rest)?;
    match set.remove(cx, &frozen(item)?)? {
        Some(_) => Ok(Value::None),
        None => Err(key_error(item.clone())),
    }
}

fn pop(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (set, rest) = this::<SetKind>(args, "pop")?;
    arguments::none("set.pop", rest)?;
    set.pop()
        .ok_or_else(|| key_error("pop from an empty set".into()))
}

fn update(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (set, rest) = this::<SetKind>(args, "update")?;
    for other in arguments::no_keywords("set.update", rest)? {
        add_all(cx, set, other)?;
    }
    Ok(Value::None)
}

fn union<K: Kind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (set, rest) = this::<K>(args, "union")?;
    let others = arguments::no_keywords(K::CLASS, rest)?;
    let all = set.copy()?;
    for other in others {
        add_all(cx, &all, other)?;
    }
    Ok(result::<K>(all))
}

fn intersect(cx: &mut Context, set: &Set, others: &[Value]) -> Outcome<Set> {
    let mut common: Option<Set> = None;
    for other in others {
        let left = common.as_ref().unwrap_or(set);
        common = Some(match known_set(other) {
            Some(other) => left.intersection(cx, other)?,
            None => {
                let items = iterate::collect(cx, other)?;
                left.intersection_items(cx, items)?
            }
        });
    }
    common.map_or_else(|| set.copy(), Ok)
}

fn intersection<K: Kind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (set, rest) = this::<K>(args, "intersection")?;
    let others = arguments::no_keywords(K::CLASS, rest)?;
    Ok(result::<K>(intersect(cx, set, others)?))
}

fn intersection_update(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (set, rest) = this::<SetKind>(args, "intersection_update")?;
    let others = arguments::no_keywords("set.intersection_update", rest)?;
    let common = intersect(cx, set, others)?;
    set.become_set(common);
    Ok(Value::None)
}

fn remove_all(cx: &mut Context, set: &Set, other: &Value) -> Outcome<()> {
    match known_set(other) {
        Some(other) => set.difference_update(cx, other),
        None => {
            let items = iterate::collect(cx, other)?;
            set.difference_update_items(cx, items)
        }
    }
}

fn difference<K: Kind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (set, rest) = this::<K>(args, "difference")?;
    let others = arguments::no_keywords(K::CLASS, rest)?;
    let Some((first, others)) = others.split_first() else {
        return Ok(result::<K>(set.copy()?));
    };
    let left = match known_set(first) {
        Some(other) => set.difference(cx, other)?,
        None => {
            let left = set.copy()?;
            remove_all(cx, &left, first)?;
            left
        }
    };
    for other in others {
        remove_all(cx, &left, other)?;
    }
    Ok(result::<K>(left))
}

fn difference_update(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (set, rest) = this::<SetKind>(args, "difference_update")?;
    for other in arguments::no_keywords("set.difference_update", rest)? {
        remove_all(cx, set, other)?;
    }
    Ok(Value::None)
}

fn symmetric_difference<K: Kind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (set, rest) = this::<K>(args, "symmetric_difference")?;
    let other = one_of::<K>("symmetric_difference", rest)?;
    let other = as_set(cx, other)?;
    Ok(result::<K>(set.symmetric_difference(cx, &other)?))
}

fn symmetric_difference_update(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (set, rest) = this::<SetKind>(args, "symmetric_difference_update")?;
    let other = arguments::one("set.symmetric_difference_update", rest)?;
    let other = as_set(cx, other)?;
    set.symmetric_difference_update(cx, &other)?;
    Ok(Value::None)
}

/// The one argument of a method that both kinds have.
fn one_of<'a, K: Kind>(method: &str, args: Args<'a>) -> Outcome<&'a Value> {
    match (args.values, args.names) {
        ([value], []) => Ok(value),
        _ => arguments::one(&format!("{}.{method}", K::CLASS), args),
    }
}

fn is_subset<K: Kind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (set, rest) = this::<K>(args, "issubset")?;
    let other = as_set(cx, one_of::<K>("issubset", rest)?)?;
    set.is_subset(cx, &other).map(Value::Bool)
}

fn is_superset<K: Kind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (set, rest) = this::<K>(args, "issuperset")?;
    let other = one_of::<K>("issuperset", rest)?;
    if let Some(other) = known_set(other) {
        return other.is_subset(cx, set).map(Value::Bool);
    }
    let strange = iterate::find_map(cx, other, |cx, item| {
        Ok((!set.contains(cx, &item)?).then_some(()))
    })?;
    Ok(Value::Bool(strange.is_none()))
}

fn is_disjoint<K: Kind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (set, rest) = this::<K>(args, "isdisjoint")?;
    let other = one_of::<K>("isdisjoint", rest)?;
    if let Some(other) = known_set(other) {
        return set.is_disjoint(cx, other).map(Value::Bool);
    }
    let common = iterate::find_map(cx, other, |cx, item| {
        Ok(sequence::contains(cx, &args.values[0], &item)?.then_some(()))
    })?;
    Ok(Value::Bool(common.is_none()))
}
