//! Iterators of built-in types. Knows only how an iterator is asked; each kind says the rest.

use super::object::{Object, Ref};
use super::{Outcome, Value};
use crate::eval::context::Context;

/// A kind of built-in iterator. Several threads may ask one iterator at once: each item is given
/// to one of them.
pub trait Iterate: Send + Sync + 'static {
    /// The next item, `None` at the end and ever after.
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>>;

    /// Whether every item is a tuple of two that is made when it is asked for, so that
    /// [`next_pair`](Iterate::next_pair) may be asked in the place of `next`.
    fn gives_pairs(&self) -> bool {
        false
    }

    /// The next item as its two parts: a loop that takes it apart at once needs no tuple.
    fn next_pair(&self, _: &mut Context) -> Outcome<Option<(Value, Value)>> {
        Ok(None)
    }

    /// The name of its type: `list_iterator`, `zip`, ….
    fn type_name(&self) -> &'static str;

    /// For kinds whose text form is that of the call that made them: its name and arguments.
    fn call_form(&self) -> Option<(&'static str, Vec<Value>)> {
        None
    }

    /// How many items are probably left.
    fn length_hint(&self) -> Option<usize> {
        None
    }

    /// Calls `visit` for every value it owns a count of, once for each: none behind an `Arc` that
    /// somebody else has too. See [`Object::traverse`].
    fn traverse(&self, _visit: &mut dyn FnMut(&Value)) {}

    /// For kinds with more to offer than `next`.
    fn as_any(&self) -> Option<&dyn std::any::Any> {
        None
    }
}

/// An iterator of a built-in type.
pub struct NativeIterator {
    kind: Box<dyn Iterate>,
}

impl NativeIterator {
    /// An iterator of this kind.
    pub fn new(kind: impl Iterate) -> Self {
        NativeIterator {
            kind: Box::new(kind),
        }
    }

    /// A value that is such an iterator.
    pub fn value(kind: impl Iterate) -> Value {
        Value::Iterator(Ref::new(NativeIterator::new(kind)))
    }

    /// Its kind.
    pub fn kind(&self) -> &dyn Iterate {
        &*self.kind
    }

    /// The next item.
    #[inline]
    pub fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        self.kind.next(cx)
    }
}

impl Object for NativeIterator {
    fn into_value(this: Ref<Self>) -> Option<Value> {
        Some(Value::Iterator(this))
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.kind.traverse(visit);
    }
}
