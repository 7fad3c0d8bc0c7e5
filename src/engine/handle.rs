//! Handles: values of scripts in the hands of the host. A handle may be cloned, sent and dropped on
//! any thread; the value itself is touched only within its session. It must not know conversions.

use std::sync::Arc;

use super::convert::{FromValue, IntoArguments, IntoValue};
use super::error::Error;
use super::session::{Inner, SessionLink};
use crate::eval::attribute;
use crate::eval::context::Context;
use crate::library::arguments;
use crate::value::exception::{runtime_error, type_error};
use crate::value::name::Name;
use crate::value::{self, Outcome, text};

/// Any value of a script, kept alive for the host: a function to be called later, an object with
/// its attributes, a list that the script goes on changing.
///
/// ```
/// let session = conc::Engine::new().session();
/// session.run_text("
/// class Account:
///     def __init__(self): self.total = 0
///     def add(self, amount): self.total += amount; return self.total
/// account = Account()
/// ")?;
/// let account = session.get::<conc::Value>("account")?;
/// assert_eq!(account.type_name(), "Account");
/// assert_eq!(account.call_method::<i64>("add", (5,))?, 5);
/// assert_eq!(account.attribute::<i64>("total")?, 5);
/// # Ok::<(), conc::Error>(())
/// ```
#[derive(Clone)]
pub struct Value {
    kept: Arc<Kept>,
}

struct Kept {
    session: Arc<Inner>,
    /// Taken when dropped.
    value: value::Value,
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Counts may be plain ones: only a thread in a session may change them.
        self.session.release(self.value.take());
    }
}

impl Value {
    /// Keeps a value of the context's session.
    pub(super) fn keep(cx: &mut Context, value: value::Value) -> Outcome<Value> {
        let link = cx.session.extensions.get::<SessionLink>();
        match link.session() {
            Some(session) => Ok(Value {
                kept: Arc::new(Kept { session, value }),
            }),
            None => Err(runtime_error("the session has ended")),
        }
    }

    /// The value, for use in a context of its session.
    pub(super) fn raw_in(&self, cx: &Context) -> Outcome<value::Value> {
        if !self.kept.session.is_of(cx) {
            return Err(type_error("the value belongs to another session"));
        }
        Ok(self.kept.value.clone())
    }

    fn within<R>(
        &self,
        work: impl FnOnce(&mut Context, &value::Value) -> Outcome<R>,
    ) -> Result<R, Error> {
        let kept = &self.kept;
        kept.session.attempt(|cx| work(cx, &kept.value))
    }

    /// The name of its type, as scripts see it.
    pub fn type_name(&self) -> String {
        self.kept
            .session
            .enter(|_| arguments::type_name(&self.kept.value).to_owned())
    }

    /// Whether it is `None`.
    pub fn is_none(&self) -> bool {
        self.kept.value.is_none()
    }

    /// What `repr` gives.
    ///
    /// # Errors
    /// What its `__repr__` raises.
    pub fn repr(&self) -> Result<String, Error> {
        self.within(text::repr)
    }

    /// What `str` gives.
    ///
    /// # Errors
    /// What its `__str__` raises.
    pub fn text(&self) -> Result<String, Error> {
        self.within(text::to_str)
    }

    /// Converts it.
    ///
    /// # Errors
    /// `TypeError` when it is something else.
    pub fn to<T: FromValue>(&self) -> Result<T, Error> {
        self.within(T::from_raw)
    }

    /// Calls it.
    ///
    /// # Errors
    /// What the call raises, or converting the arguments or the result.
    pub fn call<R: FromValue>(&self, args: impl IntoArguments) -> Result<R, Error> {
        self.within(|cx, callee| {
            let args = args.into_raw_arguments(cx)?;
            let result = cx.call(callee, &args)?;
            R::from_raw(cx, &result)
        })
    }

    /// Calls one of its methods.
    ///
    /// # Errors
    /// As with [`Value::call`]; `AttributeError` when there is none of that name.
    pub fn call_method<R: FromValue>(
        &self,
        name: &str,
        args: impl IntoArguments,
    ) -> Result<R, Error> {
        self.within(|cx, value| {
            let args = args.into_raw_arguments(cx)?;
            let result = cx.call_method(value, name, &args)?;
            R::from_raw(cx, &result)
        })
    }

    /// One of its attributes.
    ///
    /// # Errors
    /// `AttributeError` when there is none of that name; `TypeError` when it is something else.
    pub fn attribute<T: FromValue>(&self, name: &str) -> Result<T, Error> {
        self.within(|cx, value| {
            let found = attribute::get(cx, value, Name::new(name))?;
            T::from_raw(cx, &found)
        })
    }

    /// Sets one of its attributes.
    ///
    /// # Errors
    /// What setting it raises.
    pub fn set_attribute(&self, name: &str, new: impl IntoValue) -> Result<(), Error> {
        self.within(|cx, value| {
            let new = new.into_raw(cx)?;
            attribute::set(cx, value, Name::new(name), new)
        })
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The text form may run script code: nothing for a debugger to do in passing.
        f.debug_struct("Value").finish_non_exhaustive()
    }
}
