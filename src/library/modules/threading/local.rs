//! `threading.local`: an object whose attributes are each thread's own.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};

use super::state;
use crate::eval::attribute;
use crate::eval::context::Context;
use crate::library::define;
use crate::library::methods::construct::class_argument;
use crate::library::native_object;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::thread::ThreadId;
use crate::value::class::Class;
use crate::value::exception::type_error;
use crate::value::function::Args;
use crate::value::instance::{Instance, NativeData, Payload};
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value};

/// What a `local` carries.
struct Local {
    parts: Arc<Parts>,
    /// What it was made with: a class derived in a script is initialised anew in each thread.
    values: Vec<Value>,
    names: Vec<Name>,
}

/// The attributes by thread.
#[derive(Default)]
pub(super) struct Parts(LeafLock<HashMap<ThreadId, Ref<Instance>>>);

impl Parts {
    /// A thread has ended.
    pub(super) fn forget(&self, thread: ThreadId) {
        let part = self.0.lock().remove(&thread);
        drop(part);
    }
}

/// The locals in which a thread has attributes, to be forgotten at its end.
pub(super) type Touched = Vec<Weak<Parts>>;

impl NativeData for Local {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.values.iter().for_each(&mut *visit);
        let parts: Vec<Value> = self
            .parts
            .0
            .lock()
            .values()
            .map(|part| Value::Instance(part.clone()))
            .collect();
        parts.iter().for_each(visit);
    }

    fn clear(&self) {
        let parts = std::mem::take(&mut *self.parts.0.lock());
        drop(parts);
    }

    fn stand_in(&self, cx: &mut Context, object: &Value) -> Outcome<Option<Ref<Instance>>> {
        let thread = cx.thread.id();
        if let Some(part) = self.parts.0.lock().get(&thread) {
            return Ok(Some(part.clone()));
        }
        self.begin(cx, object, thread).map(Some)
    }
}

impl Local {
    #[cold]
    fn begin(&self, cx: &mut Context, object: &Value, thread: ThreadId) -> Outcome<Ref<Instance>> {
        let part = Instance::new(types().object.clone(), Payload::None);
        // Before `__init__`, which sets attributes.
        self.parts.0.lock().insert(thread, part.clone());
        state::threads(cx).touch(thread, Arc::downgrade(&self.parts));
        if !object.class().is_builtin()
            && let Some(init @ Value::Function(_)) = object.class().lookup(known().init)
        {
            let init = attribute::bind(cx, &init, object)?;
            let args = Args {
                values: &self.values,
                names: &self.names,
            };
            if let Err(raised) = cx.call_with(&init, args) {
                self.parts.forget(thread);
                return Err(raised);
            }
        }
        Ok(part)
    }
}

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("_thread._local");
        define::static_methods(&class, &[("__new__", new)]);
        class
    })
}

fn new(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, rest) = class_argument(self::class(), args)?;
    let has_init = matches!(class.lookup(known().init), Some(Value::Function(_)));
    if !rest.values.is_empty() && !has_init {
        return Err(type_error("Initialization arguments are not supported"));
    }
    let parts = Arc::<Parts>::default();
    // The thread that makes it is initialised by the call of the class itself.
    let part = Instance::new(types().object.clone(), Payload::None);
    parts.0.lock().insert(cx.thread.id(), part);
    state::threads(cx).touch(cx.thread.id(), Arc::downgrade(&parts));
    let data = Local {
        parts,
        values: rest.values.to_vec(),
        names: rest.names.to_vec(),
    };
    Ok(native_object::instance(class, data))
}
