//! `DeadlockError`: what a thread gets that waits for what can never happen. It must not know how that
//! was found.

use std::sync::OnceLock;

use crate::eval::context::Context;
use crate::eval::place;
use crate::runtime::watch::{self, PlaceText};
use crate::value::Value;
use crate::value::class::{Class, Layout};
use crate::value::exception::{self, ExceptionKind, Raised};
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::types::types;

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let base = types().exception(ExceptionKind::RuntimeError);
        Class::builtin("DeadlockError", Some(base), Layout::Exception)
    })
}

/// Whether it is such an exception.
pub fn is(raised: &Raised) -> bool {
    let exception = raised.exception();
    exception.is_some_and(|exception| exception.class().derives_from(class()))
}

/// The exception of a thread for which `Pending::DEADLOCK` was pending.
#[cold]
pub fn raised(cx: &Context) -> Raised {
    let verdict = cx.thread.take_verdict();
    let what = verdict
        .as_ref()
        .map_or("what can never happen", |verdict| verdict.what.as_str());
    let message = format!("waits in vain for {what}");
    let instance = exception::make(class().clone(), vec![Value::str(message)]);
    instance.set(Name::new("waiting_for"), Value::str(what));
    let place = verdict.as_ref().and_then(|verdict| verdict.place.as_ref());
    let (file, line) = match place {
        Some(place) => (Value::str(place.file.as_str()), Value::size(place.line)),
        None => (Value::None, Value::None),
    };
    instance.set(Name::new("filename"), file);
    instance.set(Name::new("lineno"), line);
    let report = verdict.as_ref().map_or("", |verdict| &verdict.report);
    instance.set(Name::new("report"), Value::str(report));
    Raised::instance(instance)
}

/// Lets the runtime layer say where in a script something is.
pub fn install() {
    watch::set_places(|number| {
        let place = place::find(number)?;
        Some(PlaceText {
            file: place.file().to_owned(),
            line: place.line,
            text: place.text().to_owned(),
        })
    });
}
