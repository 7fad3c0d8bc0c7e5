//! `slice`.

use num_traits::Signed;

use super::construct::class_argument;
use super::special::{Install, SliceKind};
use crate::eval::context::Context;
use crate::library::arguments::{self, receiver};
use crate::library::define;
use crate::value::exception::value_error;
use crate::value::function::Args;
use crate::value::object::Ref;
use crate::value::scalar::Slice;
use crate::value::types::types;
use crate::value::{Outcome, Value};

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
    let (start, stop, step) = slice.big_indices(cx, &length)?;
    Ok(Value::tuple_of([
        Value::integer(start),
        Value::integer(stop),
        Value::integer(step),
    ]))
}
