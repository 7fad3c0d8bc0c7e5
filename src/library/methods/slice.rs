//! `slice`.

use num_bigint::BigInt;
use num_traits::{Signed, Zero};

use super::construct::class_argument;
use super::special::{Install, SliceKind};
use crate::eval::context::Context;
use crate::library::arguments::{self, receiver};
use crate::library::define;
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::object::Ref;
use crate::value::scalar::Slice;
use crate::value::types::types;
use crate::value::{Outcome, Value, sequence};

/// Puts the methods into the class.
pub fn install() {
    let class = &types().slice;
    define::static_methods(class, &[("__new__", new)]);
    define::methods(class, &[("indices", indices)]);
    define::getters(
        class,
        &[
            ("start", |_, args| part(args, "start", |slice| &slice.start)),
            ("stop", |_, args| part(args, "stop", |slice| &slice.stop)),
            ("step", |_, args| part(args, "step", |slice| &slice.step)),
        ],
    );
    Install::<SliceKind>::into(class).shown().hashed().ordered();
}

fn part(args: Args<'_>, name: &'static str, part: impl FnOnce(&Slice) -> &Value) -> Outcome<Value> {
    let (slice, _) = receiver::<Ref<Slice>>(args, name)?;
    Ok(part(slice).clone())
}

fn new(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, rest) = class_argument(&types().slice, args)?;
    let values = arguments::between("slice", rest, 1, 3)?;
    let (start, stop, step) = match values {
        [stop] => (Value::None, stop.clone(), Value::None),
        [start, stop] => (start.clone(), stop.clone(), Value::None),
        _ => (values[0].clone(), values[1].clone(), values[2].clone()),
    };
    Ok(Value::Slice(Ref::new(Slice { start, stop, step })))
}

/// Like [`Slice::indices`], for lengths and parts of any size.
fn indices(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (slice, rest) = receiver::<Ref<Slice>>(args, "indices")?;
    let length = arguments::big_integer(cx, arguments::one("slice.indices", rest)?)?;
    if length.is_negative() {
        return Err(value_error("length should not be negative"));
    }
    let step = big_part(cx, &slice.step)?.unwrap_or_else(|| 1.into());
    if step.is_zero() {
        return Err(value_error("slice step cannot be zero"));
    }
    let backwards = step.is_negative();
    let (lowest, highest) = if backwards {
        (BigInt::from(-1), &length - 1)
    } else {
        (BigInt::ZERO, length.clone())
    };
    let fit = |bound: Option<BigInt>, default: &BigInt| match bound {
        None => default.clone(),
        Some(bound) if bound.is_negative() => (bound + &length).max(lowest.clone()),
        Some(bound) => bound.min(highest.clone()),
    };
    let (first, last) = if backwards {
        (&highest, &lowest)
    } else {
        (&lowest, &highest)
    };
    let start = fit(big_part(cx, &slice.start)?, first);
    let stop = fit(big_part(cx, &slice.stop)?, last);
    Ok(Value::tuple(vec![
        Value::integer(start),
        Value::integer(stop),
        Value::integer(step),
    ]))
}

fn big_part(cx: &mut Context, part: &Value) -> Outcome<Option<BigInt>> {
    match part {
        Value::None => Ok(None),
        part => match sequence::try_index(cx, part)? {
            Some(Value::Int(number)) => Ok(Some(number.into())),
            Some(Value::BigInt(number)) => Ok(Some(number.get().clone())),
            _ => Err(type_error(
                "slice indices must be integers or None or have an __index__ method",
            )),
        },
    }
}
