//! `collections.deque`: the items, their lock, and the iterator. Each change is one step under the
//! lock, so threads may use one deque together. Its methods are in `deque_methods`.

use std::collections::VecDeque;
use std::sync::OnceLock;

use super::deque_methods;
use crate::eval::context::Context;
use crate::library::message::Codec;
use crate::library::native_object;
use crate::value::class::Class;
use crate::value::exception::{runtime_error, value_error};
use crate::value::instance::{Instance, NativeData};
use crate::value::iterator::Iterate;
use crate::value::lock::{Guard, Guarded};
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value, room};

/// What a deque carries.
#[derive(Default)]
pub struct Deque {
    state: Guarded<State>,
}

/// The contents.
#[derive(Default)]
pub(super) struct State {
    pub(super) items: VecDeque<Value>,
    pub(super) most: Option<usize>,
    /// Changes with every change but that of an item in its place.
    pub(super) version: u64,
}

impl Deque {
    /// A deque of these items.
    pub(super) fn new(items: VecDeque<Value>, most: Option<usize>) -> Deque {
        Deque {
            state: Guarded::new(State {
                items,
                most,
                version: 0,
            }),
        }
    }

    pub(super) fn lock(&self) -> Guard<'_, State> {
        self.state.lock()
    }

    /// The items at this moment.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn snapshot(&self) -> Outcome<Vec<Value>> {
        room::gathered(
            self.lock(),
            |state| state.items.len(),
            |state, items| items.extend(state.items.iter().cloned()),
        )
    }

    /// Puts an item at the right end, or the left; what falls out at the other is dropped.
    ///
    /// # Errors
    /// `MemoryError`.
    #[inline]
    pub(super) fn push(&self, item: Value, left: bool) -> Outcome<()> {
        let mut state = self.lock();
        if state.items.try_reserve(1).is_err() {
            return Err(room::refused(state));
        }
        state.version += 1;
        if left {
            state.items.push_front(item);
        } else {
            state.items.push_back(item);
        }
        let fallen = match state.most {
            Some(most) if state.items.len() > most => {
                if left {
                    state.items.pop_back()
                } else {
                    state.items.pop_front()
                }
            }
            _ => None,
        };
        drop(state);
        drop(fallen);
        Ok(())
    }

    /// Puts something else in the place of all items, and another limit.
    pub(super) fn replace(&self, items: VecDeque<Value>, most: Option<usize>) {
        let mut state = self.lock();
        state.version += 1;
        state.most = most;
        let old = std::mem::replace(&mut state.items, items);
        drop(state);
        drop(old);
    }
}

impl NativeData for Deque {
    fn weight(&self) -> usize {
        // SAFETY: one word of the contents is loaded; no reference to an item is made.
        unsafe { (*self.state.as_ptr()).items.len() }.saturating_mul(size_of::<Value>())
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.lock().items.iter().for_each(visit);
    }

    fn clear(&self) {
        let items = std::mem::take(&mut self.lock().items);
        drop(items);
    }
}

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("collections.deque");
        deque_methods::install(&class);
        class
    })
}

/// The deque that a value is.
pub fn of(value: &Value) -> Option<&Deque> {
    value.as_instance().and_then(|instance| instance.native())
}

/// Goes over a deque in one direction, and notices when it changes.
pub(super) struct Items {
    deque: Ref<Instance>,
    version: u64,
    place: Guarded<usize>,
    reversed: bool,
}

impl Items {
    pub(super) fn new(deque: &Ref<Instance>, reversed: bool) -> Items {
        let version = deque
            .native::<Deque>()
            .map_or(0, |deque| deque.lock().version);
        Items {
            deque: deque.clone(),
            version,
            place: Guarded::new(0),
            reversed,
        }
    }
}

impl Iterate for Items {
    fn next(&self, _: &mut Context) -> Outcome<Option<Value>> {
        let Some(deque) = self.deque.native::<Deque>() else {
            return Ok(None);
        };
        let place = {
            let mut place = self.place.lock();
            *place += 1;
            *place - 1
        };
        let state = deque.lock();
        let count = state.items.len();
        if state.version != self.version {
            drop(state);
            // Whoever came to the end before the change is at the end.
            *self.place.lock() = place;
            return Err(runtime_error("deque mutated during iteration"));
        }
        let item = if place >= count {
            None
        } else if self.reversed {
            state.items.get(count - 1 - place).cloned()
        } else {
            state.items.get(place).cloned()
        };
        drop(state);
        if item.is_none() {
            *self.place.lock() = place;
        }
        Ok(item)
    }

    fn type_name(&self) -> &'static str {
        if self.reversed {
            "_collections._deque_reverse_iterator"
        } else {
            "_collections._deque_iterator"
        }
    }

    fn length_hint(&self) -> Option<usize> {
        let count = self.deque.native::<Deque>()?.lock().items.len();
        let place = *self.place.lock();
        Some(count.saturating_sub(place))
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.deque.visit(Value::Instance, visit);
    }
}

/// How deques travel.
pub const CODEC: Codec = Codec {
    kind: "deque",
    pack: |_, value| {
        let instance = value.as_instance()?;
        let deque = instance.native::<Deque>()?;
        let (items, most) = {
            let state = deque.lock();
            (state.items.iter().cloned().collect(), state.most)
        };
        let attributes = instance
            .entries()
            .into_iter()
            .flat_map(|(name, value)| [name.value(), value])
            .collect();
        Some(Ok(Value::tuple_of([
            Value::Class(instance.class().clone()),
            Value::list(items),
            most.map_or(Value::None, Value::size),
            Value::tuple(attributes),
        ])))
    },
    unpack: |_, packed| {
        let damaged = || value_error("a message is damaged: a deque is not as it should be");
        let Value::Tuple(parts) = &packed else {
            return Err(damaged());
        };
        let [
            Value::Class(class),
            Value::List(items),
            most,
            Value::Tuple(attributes),
        ] = parts.items()
        else {
            return Err(damaged());
        };
        if !class.derives_from(self::class()) {
            return Err(damaged());
        }
        let most = match most {
            Value::Int(most) => usize::try_from(*most).ok(),
            _ => None,
        };
        let made = native_object::instance(class, Deque::new(items.snapshot().into(), most));
        if let Value::Instance(instance) = &made {
            for pair in attributes.items().chunks_exact(2) {
                if let Some(name) = pair[0].as_str() {
                    instance.set(Name::new(name), pair[1].clone());
                }
            }
        }
        Ok(made)
    },
};
