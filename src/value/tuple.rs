//! Tuples. Knows only that the items never change.

use super::Value;
use super::object::{Object, Ref};

/// A sequence of values that is never changed.
pub struct Tuple {
    items: Box<[Value]>,
}

impl Tuple {
    /// A tuple of these items.
    pub fn new(items: impl Into<Box<[Value]>>) -> Self {
        Tuple {
            items: items.into(),
        }
    }

    /// The items.
    #[inline(always)]
    pub fn items(&self) -> &[Value] {
        &self.items
    }
}

impl Object for Tuple {
    const IS_HEAVY: bool = true;

    fn weight(&self) -> usize {
        size_of_val(self.items())
    }

    fn into_value(this: Ref<Self>) -> Option<Value> {
        Some(Value::Tuple(this))
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.items.iter().for_each(visit);
    }
}
