//! The values of scripts: representation, identity, equality, hash, order, text form, reference
//! counts and per-object locks. It must not know the syntax tree or the operating system.
//!
//! A [`Value`] has 16 bytes: a tag and a payload. Numbers, booleans and the constants live in it;
//! everything else is a counted pointer to an object ([`object::Ref`]). `Value` is `Send + Sync`,
//! always.

pub mod arithmetic;
pub mod big_range;
pub mod bits;
mod blocks;
pub mod buffer;
pub mod class;
pub mod codec;
pub mod compare;
mod completion;
pub mod concatenate;
pub mod container_iterators;
pub mod convert;
pub mod credit;
pub mod cycles;
pub mod exception;
pub mod float;
pub mod float_text;
pub mod format;
pub mod format_spec;
pub mod function;
pub mod generic;
pub mod hash;
pub mod instance;
pub mod integer;
pub mod items;
pub mod iterator;
#[cfg(feature = "encodings")]
mod legacy_codec;
pub mod letter_case;
pub mod list;
pub mod lock;
pub mod membership;
pub mod method_cache;
pub mod moment;
pub mod name;
pub mod name_table;
pub mod namespace;
pub mod number_repr;
pub mod number_text;
pub mod object;
pub mod operator;
pub mod percent;
pub mod quote;
pub mod reclaim;
pub mod registry;
pub mod room;
pub mod scalar;
pub mod shape;
pub mod slice;
pub mod slot_cache;
mod slots;
mod special;
pub mod string;
pub mod text;
#[cfg(test)]
mod thread_tests;
pub mod truth;
pub mod tuple;
pub mod types;
pub mod unicode;
pub mod value_block;
pub mod weak;

use std::ptr::NonNull;

use self::class::Class;
use self::exception::Raised;
use self::function::{BoundMethod, Cell, NativeFunction};
use self::instance::Instance;
use self::iterator::NativeIterator;
use self::list::List;
use self::object::{Header, Ref};
use self::scalar::{BigInteger, Bytes, RangeObject, Slice};
use self::string::{Str, Text};
use self::tuple::Tuple;
use crate::eval::function::Function;
use crate::eval::generator::Generator;
use crate::eval::module::Module;

pub use self::dict::Dict;
pub use self::set::Set;

pub mod dict;
pub mod iterate;
pub mod sequence;
pub mod set;
pub mod view;

/// What an operation that may raise returns.
pub type Outcome<T> = Result<T, Raised>;

/// A value of a script.
#[derive(Default)]
#[repr(u8)]
pub enum Value {
    /// An unset variable slot. Never visible to a script.
    Unbound,
    /// `None`.
    #[default]
    None,
    /// `...`.
    Ellipsis,
    /// `NotImplemented`.
    NotImplemented,
    /// `True` or `False`.
    Bool(bool),
    /// An integer that fits 64 bits. Larger ones are `BigInt`, and only they are.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    // The variants from here on are counted pointers; see `is_object`.
    /// A string.
    Str(Ref<Str>),
    /// An integer that does not fit 64 bits.
    BigInt(Ref<BigInteger>),
    /// A `bytes`.
    Bytes(Ref<Bytes>),
    /// A tuple.
    Tuple(Ref<Tuple>),
    /// A list.
    List(Ref<List>),
    /// A dict.
    Dict(Ref<Dict>),
    /// A set.
    Set(Ref<Set>),
    /// A frozenset: a set that nobody changes after it was made.
    FrozenSet(Ref<Set>),
    /// A range.
    Range(Ref<RangeObject>),
    /// A slice.
    Slice(Ref<Slice>),
    /// A function or lambda of a script.
    Function(Ref<Function>),
    /// A function, or method of a built-in type, written in Rust.
    Native(Ref<NativeFunction>),
    /// A function together with the object it was looked up on.
    Method(Ref<BoundMethod>),
    /// A class, built-in types included.
    Class(Ref<Class>),
    /// An instance of a script's class, or of a built-in class without a variant of its own
    /// (exceptions, properties, locks, files, …).
    Instance(Ref<Instance>),
    /// An iterator of a built-in type.
    Iterator(Ref<NativeIterator>),
    /// A generator.
    Generator(Ref<Generator>),
    /// A module.
    Module(Ref<Module>),
    /// The cell of a captured variable. Never visible to a script.
    Cell(Ref<Cell>),
}

const _: () = assert!(size_of::<Value>() == 16);
const _: () = assert!(size_of::<Outcome<Value>>() == 16);

/// The first tag of a counted variant: that of `Str`.
const FIRST_OBJECT: u8 = 7;

impl Value {
    #[inline(always)]
    fn tag(&self) -> u8 {
        // SAFETY: a `repr(u8)` enum begins with its tag.
        unsafe { *(self as *const Value as *const u8) }
    }

    /// Drops the value: one test for all kinds, where the compiler would make one for each.
    #[inline(always)]
    pub(crate) fn discard(self) {
        let value = std::mem::ManuallyDrop::new(self);
        if value.is_object() {
            // SAFETY: it is a counted variant, and its count is given up here.
            unsafe { Header::let_go(NonNull::from(value.object_header())) };
        }
    }

    /// A number for its kind of value.
    #[inline(always)]
    pub(crate) fn kind_number(&self) -> u8 {
        self.tag()
    }

    /// The value of this variant that owns a count of the object.
    ///
    /// # Safety
    /// The object must be of the variant's kind, and the caller gives up a count of it.
    unsafe fn from_object(tag: u8, object: std::ptr::NonNull<object::Header>) -> Value {
        debug_assert!(tag >= FIRST_OBJECT);
        let mut value = std::mem::MaybeUninit::<Value>::uninit();
        // SAFETY: as in `object_header`: the tag is the first byte, the pointer the second word; the
        // caller promises the variant.
        unsafe {
            value.as_mut_ptr().cast::<u8>().write(tag);
            value
                .as_mut_ptr()
                .cast::<*mut object::Header>()
                .add(1)
                .write(object.as_ptr());
            value.assume_init()
        }
    }

    /// Whether it is a counted pointer.
    #[inline(always)]
    pub fn is_object(&self) -> bool {
        self.tag() >= FIRST_OBJECT
    }

    /// The object behind a counted variant.
    pub fn header(&self) -> Option<&object::Header> {
        if self.is_object() {
            // SAFETY: every counted variant holds a pointer to an allocation that starts with a
            // header, at the payload's place.
            Some(unsafe { self.object_header() })
        } else {
            None
        }
    }

    /// # Safety
    /// `self` must be a counted variant.
    #[inline(always)]
    unsafe fn object_header(&self) -> &object::Header {
        // SAFETY: `repr(u8)` lays every variant out as `(tag, payload)` with the payload at its
        // alignment, which is 8 for a pointer; the caller promises the variant.
        unsafe { &**(self as *const Value as *const *const object::Header).add(1) }
    }

    /// Two 64-bit words that identify the value: equal for the same object or the same constant.
    #[inline(always)]
    pub fn same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::None, Value::None)
            | (Value::Ellipsis, Value::Ellipsis)
            | (Value::NotImplemented, Value::NotImplemented)
            | (Value::Unbound, Value::Unbound) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
            _ => {
                self.is_object()
                    && other.is_object()
                    // SAFETY: both are counted variants.
                    && unsafe {
                        std::ptr::eq(self.object_header(), other.object_header())
                    }
            }
        }
    }

    /// Calls `visit` for every value that the object behind this one owns a count of.
    pub fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        if let Some(header) = self.header() {
            header.traverse(visit);
        }
    }

    /// Takes the value out, leaving `Unbound`.
    #[inline(always)]
    pub fn take(&mut self) -> Value {
        std::mem::replace(self, Value::Unbound)
    }

    /// Whether it is `None`.
    #[inline(always)]
    pub fn is_none(&self) -> bool {
        matches!(self, Value::None)
    }

    /// Whether it is an unset slot.
    #[inline(always)]
    pub fn is_unbound(&self) -> bool {
        matches!(self, Value::Unbound)
    }

    /// A new string.
    pub fn str(text: impl Text) -> Value {
        Value::Str(text.into_str())
    }

    /// A new tuple.
    pub fn tuple(items: Vec<Value>) -> Value {
        Value::Tuple(Tuple::of(items))
    }

    /// A new tuple of a few items.
    #[inline]
    pub fn tuple_of<const COUNT: usize>(items: [Value; COUNT]) -> Value {
        Value::Tuple(Tuple::of_few(items))
    }

    /// A new list.
    pub fn list(items: Vec<Value>) -> Value {
        Value::List(Ref::new(List::new(items)))
    }

    /// A new `bytes`.
    pub fn bytes(bytes: impl Into<Box<[u8]>>) -> Value {
        Value::Bytes(Ref::new(Bytes::new(bytes)))
    }

    /// An integer of any size.
    pub fn integer(value: num_bigint::BigInt) -> Value {
        BigInteger::normalised(value)
    }

    /// An integer from a length or index.
    pub fn size(value: usize) -> Value {
        // No object of more than 2^63 bytes exists.
        Value::Int(value as i64)
    }

    /// The text, when it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// The instance, when it is one.
    pub fn as_instance(&self) -> Option<&Ref<Instance>> {
        match self {
            Value::Instance(instance) => Some(instance),
            _ => None,
        }
    }
}

impl Value {
    /// Counts the object behind a counted variant once more.
    #[inline(always)]
    pub(crate) fn retain(&self) {
        if self.is_object() {
            // SAFETY: it is a counted variant, whose owner keeps it alive.
            unsafe { self.object_header() }.retain();
        }
    }

    /// The same for whoever has just found that there is no other thread.
    #[inline(always)]
    pub(crate) fn retain_alone(&self) {
        if self.is_object() {
            // SAFETY: as above.
            unsafe { self.object_header() }.retain_alone();
        }
    }

    /// A copy, made by one who has just found that there is no other thread.
    #[inline(always)]
    pub(crate) fn copy_alone(&self) -> Value {
        self.retain_alone();
        // SAFETY: as in `clone`.
        unsafe { std::ptr::read(self) }
    }
}

impl Clone for Value {
    #[inline(always)]
    fn clone(&self) -> Value {
        self.retain();
        // SAFETY: a bitwise copy of a counted pointer, counted just now, or of plain data.
        unsafe { std::ptr::read(self) }
    }
}

macro_rules! from_variant {
    ($($from:ty => $variant:ident),* $(,)?) => {$(
        impl From<$from> for Value {
            #[inline]
            fn from(value: $from) -> Value {
                Value::$variant(value)
            }
        }
    )*};
}

from_variant! {
    bool => Bool,
    i64 => Int,
    f64 => Float,
    Ref<Str> => Str,
    Ref<Tuple> => Tuple,
    Ref<List> => List,
    Ref<Dict> => Dict,
    Ref<Function> => Function,
    Ref<NativeFunction> => Native,
    Ref<Class> => Class,
    Ref<Instance> => Instance,
    Ref<Module> => Module,
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::str(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::str(text)
    }
}

impl From<name::Name> for Value {
    fn from(name: name::Name) -> Value {
        name.value()
    }
}

/// Helper for kinds that refer to nothing.
macro_rules! leaf_object {
    ($($kind:ty),* $(,)?) => {$(
        impl $crate::value::object::Object for $kind {
            const IS_LEAF: bool = true;

            fn traverse(&self, _visit: &mut dyn FnMut(&$crate::value::Value)) {}
        }
    )*};
}
pub(crate) use leaf_object;

/// Values may be held by any thread: an invariant that the compiler checks here.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Value>();
};
