//! `_functools`: the parts of `functools` that are called most: `reduce`, `partial`, the cache of
//! `lru_cache`, the keys of `cmp_to_key`. The rest of `functools` is written in conc.

mod cache;
mod key;
pub mod partial;

use super::with_functions;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments;
use crate::library::define::Entries;
use crate::value::exception::type_error;
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value, iterate};

const FUNCTIONS: Entries<'_> = &[("reduce", reduce), ("cmp_to_key", key::cmp_to_key)];

/// Makes the module.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("_functools", FUNCTIONS);
    for (name, class) in [
        ("partial", partial::class()),
        ("_lru_cache_wrapper", cache::class()),
    ] {
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    Ok(module)
}

fn reduce(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = arguments::between("reduce", args, 2, 3)?;
    let Some(iterator) = iterate::try_iterate(cx, &values[1])? else {
        return Err(type_error("reduce() arg 2 must support iteration"));
    };
    let mut total = match values.get(2) {
        Some(initial) => initial.clone(),
        None => match iterate::next(cx, &iterator)? {
            Some(first) => first,
            None => {
                return Err(type_error(
                    "reduce() of empty iterable with no initial value",
                ));
            }
        },
    };
    while let Some(item) = iterate::next(cx, &iterator)? {
        total = cx.call(&values[0], &[total, item])?;
        cx.safepoint()?;
    }
    Ok(total)
}
