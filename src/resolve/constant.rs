//! Constants of a program as values. Equal texts are one object; none is ever freed, since a
//! program's constants are handed out without counting.

use std::collections::HashMap;
use std::sync::Arc;

use num_bigint::BigInt;
use unicode_ident::{is_xid_continue, is_xid_start};

use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::scalar::Bytes;
use crate::value::string::Str;
use crate::value::tuple::Tuple;
use crate::value::{Set, Value};

/// The longest text that is interned: longer ones are no names of anything.
const LONGEST_NAME: usize = 100;

/// The constants made so far.
#[derive(Default)]
pub(super) struct Constants {
    texts: HashMap<Arc<str>, Value>,
    bytes: HashMap<Arc<[u8]>, Value>,
}

impl Constants {
    /// A string.
    pub(super) fn text(&mut self, text: &Arc<str>) -> Value {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let value = if is_identifier(text) {
            Name::new(text).value()
        } else {
            Value::Str(Str::immortal(text))
        };
        self.texts.insert(Arc::clone(text), value.clone());
        value
    }

    /// A `bytes`.
    pub(super) fn bytes(&mut self, bytes: &Arc<[u8]>) -> Value {
        self.bytes
            .entry(Arc::clone(bytes))
            .or_insert_with(|| Value::Bytes(Ref::immortal(Bytes::new(&**bytes))))
            .clone()
    }
}

/// An integer of any size.
pub(super) fn integer(number: BigInt) -> Value {
    let value = Value::integer(number);
    if let Value::BigInt(object) = &value {
        object.make_immortal();
    }
    value
}

/// A tuple of constants.
pub(super) fn tuple(items: Vec<Value>) -> Value {
    Value::Tuple(Tuple::immortal(items))
}

/// A frozenset of constants; `None` when it cannot be made without running code.
pub(super) fn frozenset(items: &[Value]) -> Option<Value> {
    Some(Value::FrozenSet(Ref::immortal(Set::of_constants(items)?)))
}

/// Whether a text could be the name of an attribute or variable, and is worth interning.
fn is_identifier(text: &str) -> bool {
    let mut characters = text.chars();
    text.len() <= LONGEST_NAME
        && characters
            .next()
            .is_some_and(|first| first == '_' || is_xid_start(first))
        && characters.all(is_xid_continue)
}
