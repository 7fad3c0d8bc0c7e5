//! Exception classes of single modules: `struct.error`, `binascii.Error`. It must not know the modules.

use std::sync::OnceLock;

use crate::value::Value;
use crate::value::class::{Class, Layout};
use crate::value::exception::{self, ExceptionKind, Raised};
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::types::types;

/// An exception class of a module, made when it is first used.
pub struct OwnError {
    module: &'static str,
    name: &'static str,
    base: ExceptionKind,
    class: OnceLock<Ref<Class>>,
}

impl OwnError {
    /// The class of this name.
    pub const fn new(module: &'static str, name: &'static str, base: ExceptionKind) -> Self {
        OwnError {
            module,
            name,
            base,
            class: OnceLock::new(),
        }
    }

    /// The class.
    pub fn class(&self) -> &Ref<Class> {
        self.class.get_or_init(|| {
            let base = types().exception(self.base);
            let class = Class::builtin(self.name, Some(base), Layout::Exception);
            class.set(known().module, Value::str(self.module));
            class
        })
    }

    /// An error of the class.
    #[cold]
    pub fn error(&self, message: impl Into<String>) -> Raised {
        let message: String = message.into();
        let args = vec![Value::str(message)];
        Raised::instance(exception::make(self.class().clone(), args))
    }
}
