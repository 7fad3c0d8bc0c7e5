//! Instances: a class, a shape with slots, and for classes that build on the language's own types
//! a payload. It must not know how attributes are looked up beyond the instance itself.

use std::any::Any;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::bits::Bits;
use super::class::{Class, Layout};
use super::exception::ExceptionData;
use super::lock::Versioned;
use super::name::Name;
use super::name_table::NameTable;
use super::object::{Object, Ref};
use super::shape::Shape;
use super::slot_cache::SlotCache;
use super::slots::Slots;
use super::{Outcome, Value};
use crate::eval::context::Context;
use crate::runtime::world;

/// An instance of a class.
pub struct Instance {
    class: Ref<Class>,
    /// The class that was put in the place of the first one, or null. Never given back, because
    /// another thread may be looking: changing an object's class is rare.
    replaced: AtomicPtr<Ref<Class>>,
    state: Versioned<State>,
    payload: Payload,
}

struct State {
    /// A shape of the class, which owns it. Other threads load it without the lock.
    shape: AtomicPtr<Shape>,
    /// The values, in the order of the shape's names, as many as it has names.
    slots: Slots,
    /// All attributes, once there were too many for a shape.
    table: Option<Box<NameTable>>,
}

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

    /// Its bytes as memory that a view can show and change, for kinds that have them outside the interpreter.
    fn memory(&self) -> Option<std::sync::Arc<dyn super::buffer::Memory>> {
        None
    }

    /// [`Object::weight`], of what it carries.
    fn weight(&self) -> usize {
        0
    }

    /// [`Object::forgotten`], for what is to happen at once although other threads keep the object from
    /// being freed: they may still look at it, and use it.
    fn forgotten(&self) {}
}

impl Instance {
    /// An instance without attributes.
    #[inline]
    pub fn new(class: Ref<Class>, payload: Payload) -> Ref<Instance> {
        let shape: *const Shape = class.shape();
        let room = class.expected_slots();
        let made = Ref::with_room(
            Instance {
                state: Versioned::new(State {
                    shape: AtomicPtr::new(shape.cast_mut()),
                    slots: Slots::new(room),
                    table: None,
                }),
                class,
                replaced: AtomicPtr::new(std::ptr::null_mut()),
                payload,
            },
            room as usize,
        );
        // SAFETY: nobody else knows the instance yet.
        unsafe { &mut *made.state.as_ptr() }
            .slots
            .set_behind(made.room_behind());
        made
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
        let state = self.state.lock();
        let mut shape: Option<&Shape> = Some(class.shape());
        for &name in state.shape().names() {
            shape = shape.and_then(|shape| shape.with(name));
        }
        // A shape of as many names as before always exists.
        if let Some(shape) = shape
            && state.table.is_none()
        {
            state.set_shape(shape);
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
            Payload::Native(data) => {
                // No call is needed to see it so.
                let data: &dyn Any = &**data;
                data.downcast_ref()
            }
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
                state.slots().get(slot).cloned()
            }
            Some(table) => table.get(name).cloned(),
        }
    }

    /// Whether it has an attribute of its own of this name.
    #[inline]
    pub fn has(&self, name: Name) -> bool {
        self.state.with(|state| match &state.table {
            None => state.shape().slot(name).is_some(),
            Some(table) => table.get(name).is_some(),
        })
    }

    /// The attribute, with where it was found for a cache: number of the shape and slot.
    #[inline]
    pub fn get_located(&self, name: Name) -> Option<(Value, Option<(u32, u32)>)> {
        let state = self.state.lock();
        match &state.table {
            None => {
                let shape = state.shape();
                let slot = shape.slot(name)?;
                let value = state.slots().get(slot).cloned()?;
                Some((value, Some((shape.id(), slot as u32))))
            }
            Some(table) => table.get(name).cloned().map(|value| (value, None)),
        }
    }

    /// The number of its shape.
    #[inline(always)]
    pub fn shape_id(&self) -> u32 {
        self.shape().id()
    }

    #[inline(always)]
    fn shape(&self) -> &Shape {
        // SAFETY: one word of the state is loaded; the shape is owned by the instance's class, and
        // a class that was replaced is never given back.
        unsafe { &*(*self.state.as_ptr()).shape.load(Ordering::Acquire) }
    }

    /// The attribute in a slot. The instance was just found to have this shape; `None` when another
    /// thread has changed it since.
    ///
    /// # Safety
    /// The shape has this slot, and while there is no other thread the instance has the shape.
    #[inline(always)]
    pub(crate) unsafe fn get_cached(
        instance: &Ref<Instance>,
        shape: u32,
        slot: u32,
    ) -> Option<Value> {
        if world::is_shared() {
            return instance.get_cached_shared(shape, slot, instance.header().is_common());
        }
        debug_assert_eq!(instance.shape_id(), shape);
        // SAFETY: no other thread; by contract the slot is in use.
        unsafe { Some((*instance.slot_place(slot)).copy_alone()) }
    }

    /// Where an attribute is, if the instance has the shape that a cache met last. Only while there
    /// is no other thread, and until anything else runs.
    #[inline(always)]
    pub(crate) fn place_of(&self, cache: &SlotCache) -> Option<*mut Value> {
        debug_assert!(!world::is_shared());
        let slot = cache.find_last(self.shape_id())?;
        Some(self.slot_place(slot))
    }

    /// The same for every shape that the cache knows.
    #[inline(always)]
    pub(crate) fn known_place_of(&self, cache: &SlotCache) -> Option<*mut Value> {
        debug_assert!(!world::is_shared());
        let slot = cache.find(self.shape_id())?;
        Some(self.slot_place(slot))
    }

    #[inline(always)]
    fn slot_place(&self, slot: u32) -> *mut Value {
        // SAFETY: one word of the state is loaded.
        unsafe { (*self.state.as_ptr()).slots.first() }.wrapping_add(slot as usize)
    }

    /// The bits of a slot, if the instance has this shape and is not being changed.
    #[inline(always)]
    fn bits_shared(&self, shape: u32, slot: u32) -> Option<Bits> {
        // The shape is loaded before the slots' place, so the place has at least its slots.
        // SAFETY: memory of the instance; changed bits are not used.
        self.state
            .peek(|_| unsafe {
                (self.shape_id() == shape).then(|| Bits::read(self.slot_place(slot)))
            })
            .flatten()
    }

    /// The bits of an attribute, if the instance has the shape that a cache met last and is not being
    /// changed. Only while there are other threads.
    #[inline(always)]
    pub(crate) fn bits_of(&self, cache: &SlotCache) -> Option<Bits> {
        // As above: the shape is loaded before the slots' place.
        // SAFETY: memory of the instance; changed bits are not used.
        self.state
            .peek(|_| unsafe {
                let slot = cache.find_last(self.shape_id())?;
                Some(Bits::read(self.slot_place(slot)))
            })
            .flatten()
    }

    #[inline(never)]
    fn get_cached_shared(&self, shape: u32, slot: u32, common: bool) -> Option<Value> {
        let bits = self.bits_shared(shape, slot)?;
        // SAFETY: nothing changed them, and no safepoint comes before the count.
        unsafe { bits.keep(common) }
    }

    /// Changes the attribute in a slot.
    ///
    /// # Safety
    /// There is no other thread, and the instance has a shape with this slot.
    #[inline(always)]
    pub(crate) unsafe fn set_cached_alone(&self, slot: u32, value: Value) {
        debug_assert!(!world::is_shared() && (slot as usize) < self.shape().names().len());
        // SAFETY: no other thread; by contract the slot is in use.
        let old = unsafe { std::ptr::replace(self.slot_place(slot), value) };
        old.discard();
    }

    /// The same while there are other threads, if the instance still has the shape that it was just found
    /// to have; otherwise the value comes back.
    ///
    /// # Safety
    /// The shape has this slot.
    #[inline]
    pub(crate) unsafe fn set_cached_shared(
        &self,
        shape: u32,
        slot: u32,
        value: Value,
    ) -> Result<(), Value> {
        let state = self.state.lock();
        if state.shape().id() != shape {
            drop(state);
            return Err(value);
        }
        // SAFETY: by contract the slot is in use, for the instance has the shape, and the lock is held.
        let old = unsafe { std::ptr::replace(self.slot_place(slot), value) };
        drop(state);
        drop(old);
        Ok(())
    }

    /// Adds the attribute that leads from one shape, which the instance has, to another; gives the value
    /// back where that is not known any more.
    ///
    /// # Safety
    /// There is no other thread.
    #[inline(always)]
    pub(crate) unsafe fn add_cached_alone(
        &self,
        from: u32,
        to: u32,
        value: Value,
    ) -> Result<(), Value> {
        debug_assert!(!world::is_shared());
        let shape = self.shape();
        // SAFETY: no other thread, and nothing else runs meanwhile.
        unsafe { &mut *self.state.as_ptr() }.add_cached(shape, from, to, value)
    }

    /// The same while there are other threads, if the instance still has the first shape.
    #[inline]
    pub(crate) fn add_cached_shared(&self, from: u32, to: u32, value: Value) -> Result<(), Value> {
        let mut state = self.state.lock();
        let shape = self.shape();
        state.add_cached(shape, from, to, value)
    }

    /// Sets an attribute; tells where it is now, for a cache.
    pub fn set(&self, name: Name, value: Value) -> Option<Located> {
        let mut state = self.state.lock();
        let (old, located) = state.set(name, value);
        let count = state.shape().names().len();
        drop(state);
        if let Some(Located::Added { .. }) = located {
            self.class().expect_slots(count);
        }
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
        let mut shape: &Shape = self.class().shape();
        for &other in state.shape().names().iter().filter(|&&other| other != name) {
            // There were at least as many names before.
            shape = shape.with(other)?;
        }
        let count = state.shape().names().len();
        state.set_shape(shape);
        // SAFETY: that many were in use; the last one is not any more.
        unsafe {
            let place = state.slots.first().add(slot);
            let old = place.read();
            std::ptr::copy(place.add(1), place, count - slot - 1);
            Some(old)
        }
    }

    /// Whether it has no attributes of its own.
    pub fn is_empty(&self) -> bool {
        let state = self.state.lock();
        state.shape().names().is_empty()
            && state.table.as_ref().is_none_or(|table| table.is_empty())
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
                .zip(state.slots().iter().cloned())
                .collect(),
        }
    }
}

/// Where an attribute was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Located {
    /// In a slot that it had before.
    There {
        /// The number of the shape.
        shape: u32,
        /// The slot.
        slot: u32,
    },
    /// In a new slot: the shape before has this number, that after it the other one.
    Added {
        /// The number of the shape before.
        from: u32,
        /// The number of the shape after.
        to: u32,
    },
}

impl State {
    #[inline(always)]
    fn shape(&self) -> &Shape {
        // SAFETY: owned by the instance's class, which outlives the instance.
        unsafe { &*self.shape.load(Ordering::Relaxed) }
    }

    /// See [`Instance::add_cached_alone`]; `shape` is the present one.
    #[inline(always)]
    fn add_cached(&mut self, shape: &Shape, from: u32, to: u32, value: Value) -> Result<(), Value> {
        if shape.id() == from
            && let Some(next) = shape.recent(to)
        {
            // SAFETY: as many slots are in use as the shape has names, and whoever has the state has it alone.
            unsafe { self.slots.push(shape.names().len(), value) };
            self.set_shape(next);
            return Ok(());
        }
        Err(value)
    }

    #[inline(always)]
    fn set_shape(&self, shape: &Shape) {
        self.shape
            .store(std::ptr::from_ref(shape).cast_mut(), Ordering::Release);
    }

    /// The slots in use. The state is locked.
    #[inline(always)]
    fn slots(&self) -> &[Value] {
        // SAFETY: as many as the shape has names.
        unsafe { self.slots.all(self.shape().names().len()) }
    }

    /// Gives back the value to drop after the lock, and where the new one is.
    fn set(&mut self, name: Name, value: Value) -> (Option<Value>, Option<Located>) {
        if let Some(table) = &mut self.table {
            return (table.set(name, value), None);
        }
        // SAFETY: as in `shape`; apart from `self`, which stays free to change.
        let shape = unsafe { &*self.shape.load(Ordering::Relaxed) };
        let count = shape.names().len();
        if let Some(slot) = shape.slot(name) {
            // SAFETY: that many are in use.
            let place = unsafe { &mut self.slots.all_mut(count)[slot] };
            let old = std::mem::replace(place, value);
            let (shape, slot) = (shape.id(), slot as u32);
            return (Some(old), Some(Located::There { shape, slot }));
        }
        match shape.with(name) {
            Some(next) => {
                // SAFETY: as above.
                unsafe { self.slots.push(count, value) };
                self.set_shape(next);
                let (from, to) = (shape.id(), next.id());
                (None, Some(Located::Added { from, to }))
            }
            None => {
                let mut table = Box::<NameTable>::default();
                self.set_shape(Shape::of_table());
                for (slot, &known) in shape.names().iter().enumerate() {
                    // SAFETY: that many were in use, and none is any more.
                    table.set(known, unsafe { self.slots.first().add(slot).read() });
                }
                table.set(name, value);
                self.table = Some(table);
                (None, None)
            }
        }
    }
}

impl Drop for Instance {
    #[inline]
    fn drop(&mut self) {
        let state = self.state.get_mut();
        let count = state.shape().names().len();
        // SAFETY: that many are in use, and nobody knows the instance any more.
        unsafe { state.slots.destroy(count) };
    }
}

impl Object for Instance {
    const CLOSES_CYCLES: bool = true;
    const IS_HEAVY: bool = true;

    fn weight(&self) -> usize {
        match &self.payload {
            Payload::Native(data) => data.weight(),
            _ => 0,
        }
    }

    const HAS_LAST_DUTY: bool = true;

    fn forgotten(&self) {
        if let Payload::Native(data) = &self.payload {
            data.forgotten();
        }
    }

    fn into_value(this: Ref<Self>) -> Option<Value> {
        Some(Value::Instance(this))
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.class.visit(Value::Class, visit);
        let state = self.state.lock();
        state.slots().iter().for_each(&mut *visit);
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

    #[inline(always)]
    fn room(&self) -> usize {
        // SAFETY: it never changes.
        unsafe { &*self.state.as_ptr() }.slots.behind()
    }

    fn clear(&self) {
        let mut state = self.state.lock();
        let slots: Vec<Value> = (0..state.shape().names().len())
            // SAFETY: that many were in use, and none is any more.
            .map(|slot| unsafe { state.slots.first().add(slot).read() })
            .collect();
        let table = state.table.take();
        state.set_shape(self.class().shape());
        drop(state);
        drop((slots, table));
        match &self.payload {
            Payload::Exception(data) => data.clear(),
            Payload::Native(data) => data.clear(),
            _ => {}
        }
    }
}
