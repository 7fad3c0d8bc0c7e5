//! What a call of a method remembers: for a few shapes of instances, and kinds of built-in values,
//! the method that the look-up found. Shared by threads without a lock: what is remembered never
//! changes, only the list of it grows at its front, up to a bound. It must not know how a method is
//! looked up.

use std::sync::atomic::{AtomicPtr, Ordering};

use super::Value;
use super::bits::{Bits, Borrowed};
use super::function::{NativeBody, NativeCall, NativeFunction};
use crate::runtime::world;

/// Calls that meet more kinds of receivers than this look the method up each time.
const MOST: u32 = 6;

/// A list of what was found.
#[derive(Default)]
pub struct MethodCache {
    first: AtomicPtr<Entry>,
}

/// What was found for one kind of receiver.
pub struct Entry {
    /// The number of a shape, or what stands for a built-in type.
    key: u64,
    /// The method, if it is a native one that is never freed.
    native: Option<&'static NativeFunction>,
    /// What it runs, if that is a function of the library.
    plain: Option<NativeCall>,
    /// Whether the method is never counted, nor freed.
    is_kept: bool,
    /// The method, not counted: as long as the number of the shape is the same, so is the class,
    /// which has the method. Methods of built-in types live as long as the process.
    method: Bits,
    length: u32,
    next: *const Entry,
}

/// What a receiver is remembered by; `None` for one whose methods are not remembered.
#[inline(always)]
fn key_of(receiver: &Value) -> Option<u64> {
    match receiver {
        Value::Instance(instance) => Some(u64::from(instance.shape_id())),
        // The attributes of these are their own as well as their class's; iterators are of many classes.
        Value::Class(_)
        | Value::Module(_)
        | Value::Function(_)
        | Value::Method(_)
        | Value::Iterator(_)
        | Value::Native(_) => None,
        other => Some(1 << 32 | u64::from(other.kind_number())),
    }
}

impl MethodCache {
    /// What was found for receivers like this one.
    #[inline(always)]
    pub fn look(&self, receiver: &Value) -> Option<&Entry> {
        self.look_for(key_of(receiver)?)
    }

    /// The method that was remembered with a key, which must be of now.
    #[inline(always)]
    pub fn find_key(&self, key: u64) -> Option<Value> {
        self.look_for(key)?.method()
    }

    #[inline(always)]
    fn look_for(&self, key: u64) -> Option<&Entry> {
        let mut entry: *const Entry = self.first.load(Ordering::Acquire);
        // SAFETY: entries live as long as the cache, and never change once they are in the list.
        while let Some(known) = unsafe { entry.as_ref() } {
            if known.key == key {
                return Some(known);
            }
            entry = known.next;
        }
        None
    }

    /// What instances of this kind are remembered by at this moment: to be asked before the look-up.
    pub fn key(receiver: &Value) -> Option<u64> {
        key_of(receiver).filter(|&key| key != u64::from(u32::MAX))
    }

    /// Remembers a method for receivers with this key.
    pub fn add(&self, key: u64, method: &Value) {
        let first = self.first.load(Ordering::Acquire);
        // SAFETY: entries live as long as the cache.
        let length = unsafe { first.as_ref() }.map_or(0, |entry| entry.length);
        if length >= MOST {
            return;
        }
        let native = match method {
            Value::Native(function) => function.leak(),
            _ => None,
        };
        let entry = Box::into_raw(Box::new(Entry {
            key,
            native,
            plain: match native.map(|native| &native.body) {
                Some(NativeBody::Plain(call)) => Some(*call),
                _ => None,
            },
            is_kept: method
                .header()
                .is_some_and(|header| header.count().is_none()),
            // SAFETY: a value that nobody changes.
            method: unsafe { Bits::read(method) },
            length: length + 1,
            next: first,
        }));
        if self
            .first
            .compare_exchange(first, entry, Ordering::AcqRel, Ordering::Relaxed)
            .is_err()
        {
            // SAFETY: nobody has seen it.
            drop(unsafe { Box::from_raw(entry) });
        }
    }
}

impl Entry {
    /// The method, counted. To be asked before the next safepoint.
    #[inline(always)]
    pub fn method(&self) -> Option<Value> {
        // SAFETY: the receiver's class has the method, or had it since the last safepoint.
        unsafe {
            if world::is_shared() {
                self.method.keep(false)
            } else {
                Some(self.method.borrow().clone())
            }
        }
    }

    /// The method if it is never freed: as most are, which stand in classes at the top level of a module.
    #[inline(always)]
    pub fn kept(&self) -> Option<Borrowed> {
        // SAFETY: it is never freed.
        self.is_kept.then(|| unsafe { self.method.borrow() })
    }

    /// The method if it is a native one that is never freed, also as a value.
    #[inline(always)]
    pub fn native(&self) -> Option<(&'static NativeFunction, Borrowed)> {
        // SAFETY: it is never freed.
        self.native
            .map(|native| (native, unsafe { self.method.borrow() }))
    }
}

impl Entry {
    /// What the method runs if it is a native one that is never freed and a function of the library; also
    /// the method as a value.
    #[inline(always)]
    pub fn plain(&self) -> Option<(NativeCall, Borrowed)> {
        // SAFETY: it is never freed.
        self.plain
            .map(|plain| (plain, unsafe { self.method.borrow() }))
    }
}

impl Drop for MethodCache {
    fn drop(&mut self) {
        let mut entry = *self.first.get_mut();
        while !entry.is_null() {
            // SAFETY: made by `add`, and nobody uses the cache any more.
            let boxed = unsafe { Box::from_raw(entry) };
            entry = boxed.next.cast_mut();
        }
    }
}

// SAFETY: entries are never changed once others can see them.
unsafe impl Send for MethodCache {}
// SAFETY: as above.
unsafe impl Sync for MethodCache {}
