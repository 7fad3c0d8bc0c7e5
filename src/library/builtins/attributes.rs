//! `getattr`, `setattr`, `hasattr`, `delattr`, `vars`, `dir`.

use crate::eval::attribute;
use crate::eval::context::Context;
use crate::library::arguments;
use crate::library::define::Entries;
use crate::library::methods::object::{attribute_name, names_of};
use crate::value::exception::{ExceptionKind, type_error};
use crate::value::function::Args;
use crate::value::name::{Name, known};
use crate::value::{Outcome, Value, iterate};

/// The functions.
pub const FUNCTIONS: Entries<'_> = &[
    ("getattr", getattr),
    ("setattr", setattr),
    ("hasattr", hasattr),
    ("delattr", delattr),
    ("vars", vars),
    ("dir", dir),
];

/// The attribute, `None` when there is none; also when a property or `__getattr__` says so by
/// an `AttributeError`.
fn find(cx: &mut Context, object: &Value, name: Name) -> Outcome<Option<Value>> {
    match attribute::find(cx, object, name) {
        Err(raised) if raised.is(ExceptionKind::AttributeError) => Ok(None),
        other => other,
    }
}

fn getattr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    match arguments::between("getattr", args, 2, 3)? {
        [object, name, default] => {
            let name = attribute_name(name)?;
            Ok(find(cx, object, name)?.unwrap_or_else(|| default.clone()))
        }
        values => {
            let name = attribute_name(&values[1])?;
            attribute::get(cx, &values[0], name)
        }
    }
}

fn setattr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [object, name, value] = arguments::exactly("setattr", args)?;
    let name = attribute_name(name)?;
    attribute::set(cx, object, name, value.clone())?;
    Ok(Value::None)
}

fn hasattr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [object, name] = arguments::exactly("hasattr", args)?;
    let name = attribute_name(name)?;
    Ok(Value::Bool(find(cx, object, name)?.is_some()))
}

fn delattr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [object, name] = arguments::exactly("delattr", args)?;
    let name = attribute_name(name)?;
    attribute::delete(cx, object, name)?;
    Ok(Value::None)
}

fn vars(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = arguments::between("vars", args, 0, 1)?;
    let Some(object) = values.first() else {
        return super::scope::locals(cx, args);
    };
    match find(cx, object, known().dict)? {
        Some(dict) => Ok(dict),
        None => Err(type_error("vars() argument must have __dict__ attribute")),
    }
}

fn dir(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = arguments::between("dir", args, 0, 1)?;
    let mut names = match values {
        [object] => names_for_dir(cx, object)?,
        _ => {
            let locals = super::scope::locals(cx, args)?;
            iterate::collect(cx, &locals)?
        }
    };
    crate::library::sort::sort(cx, &mut names, None, false)?;
    Ok(Value::list(names))
}

fn names_for_dir(cx: &mut Context, object: &Value) -> Outcome<Vec<Value>> {
    if let Some(instance) = object.as_instance()
        && let Some(method) = instance.class().lookup(known().dir)
        && !matches!(method, Value::Native(_))
    {
        let names = cx.call_found(&method, object, &[])?;
        return iterate::collect(cx, &names);
    }
    Ok(names_of(object).into_iter().map(Name::value).collect())
}
