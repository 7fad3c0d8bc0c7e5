//! Functions written in Rust, bound methods, and the cells of captured variables. It must not
//! know how scripts' own functions are evaluated.

use std::sync::Arc;

use super::bits::Bits;
use super::lock::Versioned;
use super::name::Name;
use super::object::{Object, Ref};
use super::{Outcome, Value};
use crate::eval::context::Context;
use crate::runtime::world;

/// The arguments of a call: positional values first, then the values of keyword arguments, whose
/// names stand in `names` in the same order.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    /// All values.
    pub values: &'a [Value],
    /// The names of the last `names.len()` values.
    pub names: &'a [Name],
}

impl<'a> Args<'a> {
    /// Positional arguments alone.
    #[inline]
    pub fn positional_only(values: &'a [Value]) -> Self {
        Args { values, names: &[] }
    }

    /// The positional arguments.
    #[inline(always)]
    pub fn positional(&self) -> &'a [Value] {
        &self.values[..self.values.len() - self.names.len()]
    }

    /// The keyword arguments.
    pub fn keywords(&self) -> impl Iterator<Item = (Name, &'a Value)> {
        let first = self.values.len() - self.names.len();
        self.names.iter().copied().zip(&self.values[first..])
    }

    /// The keyword argument of this name.
    pub fn keyword(&self, name: &str) -> Option<&'a Value> {
        self.keywords()
            .find(|(known, _)| known.as_str() == name)
            .map(|(_, value)| value)
    }

    /// Without the first positional argument.
    #[inline(always)]
    pub fn rest(&self) -> Args<'a> {
        Args {
            values: &self.values[1..],
            names: self.names,
        }
    }
}

/// A Rust function that scripts can call.
pub type NativeCall = fn(&mut Context, Args<'_>) -> Outcome<Value>;

/// A Rust closure that scripts can call.
pub type NativeClosure = Arc<dyn Fn(&mut Context, Args<'_>) -> Outcome<Value> + Send + Sync>;

/// What a native function runs.
#[derive(Clone)]
pub enum NativeBody {
    /// A function of the library.
    Plain(NativeCall),
    /// A closure, registered by a host program or made by a native module.
    Closure(NativeClosure),
}

/// How a native function is bound when it is found on a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// A plain function: never bound.
    Function,
    /// A method: the instance becomes the first argument.
    Method,
    /// The class becomes the first argument.
    ClassMethod,
}

/// A function written in Rust.
pub struct NativeFunction {
    /// Its name, as in messages: `append`.
    pub name: &'static str,
    /// The type or module it belongs to: `list`; empty for built-in functions.
    pub owner: &'static str,
    /// How it is bound.
    pub binding: Binding,
    /// What it runs.
    pub body: NativeBody,
}

impl NativeFunction {
    /// A plain function.
    pub fn function(owner: &'static str, name: &'static str, call: NativeCall) -> Self {
        NativeFunction {
            name,
            owner,
            binding: Binding::Function,
            body: NativeBody::Plain(call),
        }
    }

    /// A method of a built-in type.
    pub fn method(owner: &'static str, name: &'static str, call: NativeCall) -> Self {
        NativeFunction {
            binding: Binding::Method,
            ..NativeFunction::function(owner, name, call)
        }
    }

    /// Calls it.
    #[inline]
    pub fn call(&self, cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
        match &self.body {
            NativeBody::Plain(call) => call(cx, args),
            NativeBody::Closure(call) => call(cx, args),
        }
    }
}

super::leaf_object!(NativeFunction);

/// A function and the object that becomes its first argument.
pub struct BoundMethod {
    /// The function.
    pub function: Value,
    /// The object.
    pub receiver: Value,
}

impl Object for BoundMethod {
    fn into_value(this: Ref<Self>) -> Option<Value> {
        Some(Value::Method(this))
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.function);
        visit(&self.receiver);
    }
}

/// A variable that a closure captured.
pub struct Cell {
    value: Versioned<Value>,
}

impl Cell {
    /// A cell of this value; `Unbound` for a variable not yet set.
    pub fn new(value: Value) -> Self {
        Cell {
            value: Versioned::new(value),
        }
    }

    /// Its value.
    #[inline(always)]
    pub fn get(&self) -> Value {
        if world::is_shared() {
            return self.get_shared();
        }
        // SAFETY: no other thread, and nothing else runs between the look and the copy.
        unsafe { (*self.value.as_ptr()).copy_alone() }
    }

    /// Where its value stands. Only while there is no other thread, and until anything else runs.
    #[inline(always)]
    pub(crate) fn place(&self) -> *const Value {
        debug_assert!(!world::is_shared());
        self.value.as_ptr()
    }

    /// The bits of its value, while there are other threads; `None` if it was being changed.
    #[inline(always)]
    pub(crate) fn bits(&self) -> Option<Bits> {
        // SAFETY: a place of this cell; changed bits are not used.
        self.value.peek(|place| unsafe { Bits::read(place) })
    }

    #[inline(never)]
    fn get_shared(&self) -> Value {
        loop {
            // SAFETY: nothing changed them, and no safepoint comes before the count.
            if let Some(value) = self.bits().and_then(|bits| unsafe { bits.keep(false) }) {
                return value;
            }
            std::hint::spin_loop();
        }
    }

    /// Changes its value.
    #[inline(always)]
    pub fn set(&self, value: Value) {
        drop(self.value.replace(value));
    }
}

impl Object for Cell {
    const CLOSES_CYCLES: bool = true;

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.value.lock());
    }

    fn clear(&self) {
        self.set(Value::Unbound);
    }
}
