//! Instances: a class, a shape with slots, and for classes that build on the language's own types
//! a payload. It must not know how attributes are looked up beyond the instance itself.

use std::any::Any;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::class::{Class, Layout};
use super::exception::ExceptionData;
use super::lock::Guarded;
use super::name::Name;
use super::name_table::NameTable;
use super::object::{Object, Ref};
use super::shape::Shape;
use super::{Outcome, Value};
use crate::eval::context::Context;

/// An instance of a class.
pub struct Instance {
    class: Ref<Class>,
    /// The class that was put in the place of the first one, or null. Never given back, because
    /// another thread may be looking: changing an object's class is rare.
    replaced: AtomicPtr<Ref<Class>>,
    state: Guarded<State>,
    payload: Payload,
}

struct State {
    /// A shape of `class`, which owns it.
    shape: *const Shape,
    /// The values, in the order of the shape's names.
    slots: Vec<Value>,
    /// All attributes, once there were too many for a shape.
    table: Option<Box<NameTable>>,
}

// SAFETY: the shape is owned by the class that the instance owns a count of.
unsafe impl Send for State {}

/// What an instance carries besides its attributes.
pub enum Payload {
    /// Nothing.
    None,
    /// It is an exception.
    Exception(Box<ExceptionData>),
    /// It is an instance of a class derived from `int`, `str`, `list`, …: a value of that type.
    Value(Value),
    /// `property(get, set, delete, doc)`.
    Property(Box<[Value; 4]>),
    /// `staticmethod(function)`.
    StaticMethod(Value),
    /// `classmethod(function)`.
    ClassMethod(Value),
    /// `super(class, object)`: where to start after, and what to bind.
    Super(Ref<Class>, Value),
    /// Anything that a native class keeps.
    Native(Box<dyn NativeData>),
}

/// What a native class keeps in its instances.
pub trait NativeData: Any + Send + Sync {
    /// Calls `visit` for every value it owns a count of, once for each: none behind an `Arc` that
    /// somebody else has too. See [`Object::traverse`].
    fn traverse(&self, _visit: &mut dyn FnMut(&Value)) {}

    /// Lets go of the values, when the object is part of an unreachable cycle.
    fn clear(&self) {}

    /// The instance whose attributes stand for those of `object`, which carries this: for kinds that
    /// keep them elsewhere, each thread its own.
    ///
    /// # Errors
    /// What making it raises.
    fn stand_in(&self, _cx: &mut Context, _object: &Value) -> Outcome<Option<Ref<Instance>>> {
        Ok(None)
    }

    /// Its bytes at this moment, for kinds that can stand where bytes are wanted.
    fn bytes(&self) -> Option<Vec<u8>> {
        None
    }

    /// Itself, for `downcast_ref`.
    fn as_any(&self) -> &dyn Any;
}

impl Instance {
    /// An instance without attributes.
    pub fn new(class: Ref<Class>, payload: Payload) -> Ref<Instance> {
        let shape: *const Shape = class.shape();
        Ref::new(Instance {
            state: Guarded::new(State {
                shape,
                slots: Vec::new(),
                table: None,
            }),
            class,
            replaced: AtomicPtr::new(std::ptr::null_mut()),
            payload,
        })
    }

    /// Its class.
    #[inline(always)]
    pub fn class(&self) -> &Ref<Class> {
        let replaced = self.replaced.load(Ordering::Acquire);
        if replaced.is_null() {
            return &self.class;
        }
        // SAFETY: made by `set_class`, which never gives it back.
        unsafe { &*replaced }
    }

    /// Gives it another class; its attributes stay.
    pub fn set_class(&self, class: Ref<Class>) {
        let class: &'static Ref<Class> = Box::leak(Box::new(class));
        let mut state = self.state.lock();
        let mut shape: Option<&Shape> = Some(class.shape());
        for &name in state.shape().names() {
            shape = shape.and_then(|shape| shape.with(name));
        }
        // A shape of as many names as before always exists.
        if let Some(shape) = shape {
            state.shape = shape;
        }
        self.replaced
            .store(std::ptr::from_ref(class).cast_mut(), Ordering::Release);
    }

    /// Its payload.
    #[inline(always)]
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// The native payload of this type.
    #[inline]
    pub fn native<T: NativeData>(&self) -> Option<&T> {
        match &self.payload {
            Payload::Native(data) => data.as_any().downcast_ref(),
            _ => None,
        }
    }

    /// The exception it is.
    #[inline]
    pub fn exception(&self) -> Option<&ExceptionData> {
        match &self.payload {
            Payload::Exception(data) => Some(data),
            _ => None,
        }
    }

    /// The value it wraps.
    #[inline]
    pub fn wrapped(&self) -> Option<&Value> {
        match &self.payload {
            Payload::Value(value) => Some(value),
            _ => None,
        }
    }

    /// Whether a method that its class has is the native one of the built-in type that the
    /// instance wraps a value of, or that of `object`: then whoever asks deals with the wrapped
    /// value directly.
    #[inline]
    pub fn is_of_wrapped(&self, method: &Value) -> bool {
        match (method, self.class.layout()) {
            (Value::Native(function), Layout::Wrapper(kind)) => {
                function.owner == kind.name() || function.owner == "object"
            }
            _ => false,
        }
    }

    /// The attribute of the instance itself.
    #[inline]
    pub fn get(&self, name: Name) -> Option<Value> {
        let state = self.state.lock();
        match &state.table {
            None => {
                let slot = state.shape().slot(name)?;
                state.slots.get(slot).cloned()
            }
            Some(table) => table.get(name).cloned(),
        }
    }

    /// Whether it has an attribute of its own of this name.
    #[inline]
    pub fn has(&self, name: Name) -> bool {
        let state = self.state.lock();
        match &state.table {
            None => state.shape().slot(name).is_some(),
            Some(table) => table.get(name).is_some(),
        }
    }

    /// The attribute, with where it was found for a cache: shape id and slot.
    #[inline]
    pub fn get_located(&self, name: Name) -> Option<(Value, Option<(u32, u32)>)> {
        let state = self.state.lock();
        match &state.table {
            None => {
                let shape = state.shape();
                let slot = shape.slot(name)?;
                let value = state.slots.get(slot).cloned()?;
                Some((value, Some((shape.id(), slot as u32))))
            }
            Some(table) => table.get(name).cloned().map(|value| (value, None)),
        }
    }

    /// The attribute in a slot, if the instance has this shape.
    #[inline(always)]
    pub fn get_cached(&self, shape: u32, slot: u32) -> Option<Value> {
        let state = self.state.lock();
        if state.shape().id() == shape && state.table.is_none() {
            state.slots.get(slot as usize).cloned()
        } else {
            None
        }
    }

    /// Changes the attribute in a slot if the instance has this shape; gives the value back
    /// otherwise.
    #[inline(always)]
    pub fn set_cached(&self, shape: u32, slot: u32, value: Value) -> Result<(), Value> {
        let mut state = self.state.lock();
        if state.shape().id() == shape
            && state.table.is_none()
            && let Some(place) = state.slots.get_mut(slot as usize)
        {
            let old = std::mem::replace(place, value);
            drop(state);
            drop(old);
            return Ok(());
        }
        drop(state);
        Err(value)
    }

    /// The id of its shape; `None` when its attributes are in a table.
    #[inline(always)]
    pub fn shape_id(&self) -> Option<u32> {
        let state = self.state.lock();
        state.table.is_none().then(|| state.shape().id())
    }

    /// Sets an attribute; tells where it is now, for a cache.
    pub fn set(&self, name: Name, value: Value) -> Option<(u32, u32)> {
        let mut state = self.state.lock();
        let (old, located) = state.set(name, value);
        drop(state);
        drop(old);
        located
    }

    /// Removes an attribute and gives back its value.
    pub fn remove(&self, name: Name) -> Option<Value> {
        let mut state = self.state.lock();
        if let Some(table) = &mut state.table {
            return table.remove(name);
        }
        let slot = state.shape().slot(name)?;
        let old = state.slots.remove(slot);
        let mut shape: &Shape = self.class().shape();
        for &other in state.shape().names().iter().filter(|&&other| other != name) {
            // There were at least as many names before.
            shape = shape.with(other)?;
        }
        state.shape = shape;
        Some(old)
    }

    /// Whether it has no attributes of its own.
    pub fn is_empty(&self) -> bool {
        let state = self.state.lock();
        state.slots.is_empty() && state.table.as_ref().is_none_or(|table| table.is_empty())
    }

    /// Its attributes in order.
    pub fn entries(&self) -> Vec<(Name, Value)> {
        let state = self.state.lock();
        match &state.table {
            Some(table) => table.entries().to_vec(),
            None => state
                .shape()
                .names()
                .iter()
                .copied()
                .zip(state.slots.iter().cloned())
                .collect(),
        }
    }
}

impl State {
    #[inline(always)]
    fn shape(&self) -> &Shape {
        // SAFETY: owned by the instance's class, which outlives the instance.
        unsafe { &*self.shape }
    }

    /// Gives back the value to drop after the lock, and where the new one is.
    fn set(&mut self, name: Name, value: Value) -> (Option<Value>, Option<(u32, u32)>) {
        if let Some(table) = &mut self.table {
            return (table.set(name, value), None);
        }
        // SAFETY: as in `shape`; a copy of the pointer, so that `self` stays free to change.
        let shape = unsafe { &*self.shape };
        if let Some(slot) = shape.slot(name) {
            let old = std::mem::replace(&mut self.slots[slot], value);
            return (Some(old), Some((shape.id(), slot as u32)));
        }
        match shape.with(name) {
            Some(next) => {
                self.shape = next;
                self.slots.push(value);
                (None, Some((next.id(), self.slots.len() as u32 - 1)))
            }
            None => {
                let mut table = Box::<NameTable>::default();
                for (&known, value) in shape.names().iter().zip(self.slots.drain(..)) {
                    table.set(known, value);
                }
                table.set(name, value);
                self.table = Some(table);
                (None, None)
            }
        }
    }
}

impl Object for Instance {
    const CLOSES_CYCLES: bool = true;

    fn into_value(this: Ref<Self>) -> Option<Value> {
        Some(Value::Instance(this))
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.class.visit(Value::Class, visit);
        let state = self.state.lock();
        state.slots.iter().for_each(&mut *visit);
        if let Some(table) = &state.table {
            for (_, value) in table.entries() {
                visit(value);
            }
        }
        drop(state);
        match &self.payload {
            Payload::Value(value) | Payload::StaticMethod(value) | Payload::ClassMethod(value) => {
                visit(value);
            }
            Payload::Super(class, object) => {
                class.visit(Value::Class, visit);
                visit(object);
            }
            Payload::Property(parts) => parts.iter().for_each(visit),
            Payload::Exception(data) => data.traverse(visit),
            Payload::Native(data) => data.traverse(visit),
            Payload::None => {}
        }
    }

    fn clear(&self) {
        let mut state = self.state.lock();
        let slots = std::mem::take(&mut state.slots);
        let table = state.table.take();
        state.shape = self.class().shape();
        drop(state);
        drop((slots, table));
        match &self.payload {
            Payload::Exception(data) => data.clear(),
            Payload::Native(data) => data.clear(),
            _ => {}
        }
    }
}
