//! Unions of types, what `int | None` gives. Knows their members; it must not know how an
//! instance check is made.

use super::class::Class;
use super::compare::quick_same_or_equal;
use super::instance::{Instance, NativeData, Payload};
use super::types::types;
use super::{Outcome, Value};
use crate::eval::context::Context;

/// Types of which one is meant.
struct Union {
    members: Box<[Value]>,
}

impl NativeData for Union {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.members.iter().for_each(visit);
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// The members of a union; `None` for any other value.
pub fn members(value: &Value) -> Option<&[Value]> {
    let data = value.as_instance()?.native::<Union>()?;
    Some(&data.members)
}

/// `left | right`, `NotImplemented` when one of them is no type.
pub(super) fn unite(left: &Value, right: &Value) -> Value {
    // `None | None` is no union: `None` stands for its type only beside one.
    if left.is_none() && right.is_none() || !can_be_member(left) || !can_be_member(right) {
        return Value::NotImplemented;
    }
    let mut all: Vec<Value> = Vec::new();
    for side in [left, right] {
        for member in members(side).unwrap_or(std::slice::from_ref(side)) {
            if !all
                .iter()
                .any(|known| quick_same_or_equal(known, member) == Some(true))
            {
                all.push(member.clone());
            }
        }
    }
    match all.len() {
        1 => left.clone(),
        _ => Value::Instance(Instance::new(
            types().union_type.clone(),
            Payload::Native(Box::new(Union {
                members: all.into(),
            })),
        )),
    }
}

fn can_be_member(value: &Value) -> bool {
    match value {
        Value::None | Value::Class(_) => true,
        Value::Instance(instance) => {
            members(value).is_some() || instance.class().same(&types().generic_alias)
        }
        _ => false,
    }
}

/// The text of a member: types by their names, `None` as such.
pub(super) fn member_text(cx: &mut Context, value: &Value) -> Outcome<String> {
    match value {
        Value::Class(class) => Ok(qualified_name(class)),
        other => super::text::repr(cx, other),
    }
}

/// The name of a class with its module, as `repr` shows it; the module of built-in ones is left
/// out.
pub(super) fn qualified_name(class: &Class) -> String {
    let known = super::name::known();
    let name = match class.own(known.qualname) {
        Some(Value::Str(name)) => name.as_str().to_owned(),
        _ => class.name().as_str().to_owned(),
    };
    match class.own(known.module) {
        Some(Value::Str(module)) if module.as_str() != "builtins" => {
            format!("{}.{name}", module.as_str())
        }
        _ => name,
    }
}
