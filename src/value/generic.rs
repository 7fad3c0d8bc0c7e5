//! Parametrised types as annotations write them: `list[int]`, and unions: `int | None`. They
//! carry what was written and check nothing.

use super::Value;
use super::instance::{Instance, NativeData, Payload};
use super::types::types;

/// `list[int]`.
pub struct GenericAlias {
    /// What is parametrised.
    pub origin: Value,
    /// The parameters, a tuple.
    pub parameters: Value,
}

impl NativeData for GenericAlias {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.origin);
        visit(&self.parameters);
    }
}

/// `origin[parameters]`.
pub fn alias(origin: Value, parameters: Value) -> Value {
    let parameters = match parameters {
        Value::Tuple(_) => parameters,
        one => Value::tuple_of([one]),
    };
    Value::Instance(Instance::new(
        types().generic_alias.clone(),
        Payload::Native(Box::new(GenericAlias { origin, parameters })),
    ))
}

/// `int | None`.
pub struct Union {
    /// The members, each once.
    pub members: Vec<Value>,
}

impl NativeData for Union {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.members.iter().for_each(visit);
    }
}

/// The members that a value contributes to a union; `None` when it cannot be part of one.
pub fn union_members(value: &Value) -> Option<Vec<Value>> {
    match value {
        Value::None => Some(vec![Value::Class(types().none.clone())]),
        Value::Class(_) => Some(vec![value.clone()]),
        Value::Instance(instance) => match instance.native::<Union>() {
            Some(union) => Some(union.members.clone()),
            None => instance
                .native::<GenericAlias>()
                .map(|_| vec![value.clone()]),
        },
        _ => None,
    }
}

/// `left | right`; `None` when either cannot be part of a union.
pub fn union(left: &Value, right: &Value) -> Option<Value> {
    let mut members: Vec<Value> = Vec::new();
    for member in union_members(left)?
        .into_iter()
        .chain(union_members(right)?)
    {
        if !members.iter().any(|known| known.same(&member)) {
            members.push(member);
        }
    }
    if let [one] = &members[..] {
        return Some(one.clone());
    }
    Some(Value::Instance(Instance::new(
        types().union_type.clone(),
        Payload::Native(Box::new(Union { members })),
    )))
}
