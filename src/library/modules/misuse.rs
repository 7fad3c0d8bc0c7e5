//! Errors of misuse that Python reports with another class for each kind of object: what is a
//! `RuntimeError` for a lock of threads is a `ValueError` for one of processes. The classes here are
//! both, under the name and with the text that Python has, so either `except` catches them.

use crate::runtime::leaf_lock::LeafLock;
use crate::value::Value;
use crate::value::class::{Class, Layout};
use crate::value::exception::{self, ExceptionKind, Raised};
use crate::value::object::Ref;
use crate::value::types::types;

type Known = LeafLock<Vec<(ExceptionKind, ExceptionKind, Ref<Class>)>>;

static KNOWN: Known = LeafLock::new(Vec::new());

/// The class that is called as `own` and is `other` too.
pub fn class(own: ExceptionKind, other: ExceptionKind) -> Ref<Class> {
    let find = |known: &[(ExceptionKind, ExceptionKind, Ref<Class>)]| {
        known
            .iter()
            .find(|(first, second, _)| (*first, *second) == (own, other))
            .map(|(_, _, class)| class.clone())
    };
    if let Some(class) = find(&KNOWN.lock()) {
        return class;
    }
    let types = types();
    let bases = vec![types.exception(own).clone(), types.exception(other).clone()];
    let made = Class::builtin_with(own.name(), bases, Layout::Exception);
    let mut known = KNOWN.lock();
    if let Some(class) = find(&known) {
        return class;
    }
    known.push((own, other, made.clone()));
    made
}

/// An error of that class.
#[cold]
pub fn error(own: ExceptionKind, other: ExceptionKind, message: impl Into<String>) -> Raised {
    let args = vec![Value::str(message.into())];
    Raised::instance(exception::make(class(own, other), args))
}
