//! `tuple`.

use super::construct::{class_argument, class_getitem, without_own_keywords, wrap};
use super::list::search_bounds;
use super::special::{Install, TupleKind, operators};
use crate::eval::context::Context;
use crate::library::arguments::{self, receiver};
use crate::library::define;
use crate::value::compare::identical_or_equal;
use crate::value::exception::value_error;
use crate::value::function::Args;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::tuple::Tuple;
use crate::value::types::types;
use crate::value::{Outcome, Value, iterate};

/// Puts the methods into the class.
pub fn install() {
    let class = &types().tuple;
    define::static_methods(class, &[("__new__", new)]);
    define::class_methods(class, &[("__class_getitem__", class_getitem)]);
    define::methods(
        class,
        &[
            ("count", count),
            ("index", index),
            ("__getnewargs__", getnewargs),
        ],
    );
    Install::<TupleKind>::into(class)
        .shown()
        .hashed()
        .container()
        .indexed()
        .ordered()
        .operator::<operators::Add>()
        .both::<operators::Multiply>();
}

type Receiver = Ref<Tuple>;

fn new(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = &types().tuple;
    let (class, rest) = class_argument(own, args)?;
    let rest = without_own_keywords(class, own, known().init, rest);
    let exact = class.same(own);
    let value = match arguments::between("tuple", rest, 0, 1)? {
        [tuple @ Value::Tuple(_)] => tuple.clone(),
        [iterable] => Value::tuple(iterate::collect(cx, iterable)?),
        _ => Value::tuple(Vec::new()),
    };
    Ok(if exact {
        value
    } else {
        wrap(class, own, value)
    })
}

fn count(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (tuple, rest) = receiver::<Receiver>(args, "count")?;
    let item = arguments::one("tuple.count", rest)?;
    let mut count = 0;
    for known in tuple.items() {
        count += i64::from(identical_or_equal(cx, known, item)?);
    }
    Ok(Value::Int(count))
}

fn index(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (tuple, rest) = receiver::<Receiver>(args, "index")?;
    let values = arguments::between("index", rest, 1, 3)?;
    let (start, stop) = search_bounds(cx, values.get(1), values.get(2), tuple.items().len())?;
    for place in start..stop {
        if identical_or_equal(cx, &tuple.items()[place], &values[0])? {
            return Ok(Value::size(place));
        }
    }
    Err(value_error("tuple.index(x): x not in tuple"))
}

fn getnewargs(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (tuple, rest) = receiver::<Receiver>(args, "__getnewargs__")?;
    arguments::none("tuple.__getnewargs__", rest)?;
    Ok(Value::tuple_of([Value::Tuple(tuple.clone())]))
}
