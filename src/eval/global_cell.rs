//! Global variables. Knows one variable and its two places; it must not know modules, nor who runs.

use std::cell::UnsafeCell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::runtime::world;
use crate::value::bits::{Bits, Borrowed};
use crate::value::exception::ExceptionKind;
use crate::value::lock::Versioned;
use crate::value::name::Name;
use crate::value::{Value, moment};

/// A global variable. Its place never changes while its module lives.
///
/// It has two places for its value. While there is one thread, the first holds it: whoever looks there and finds
/// it need not ask whether there are others, nor lock anything. While there are others, the first place is unset,
/// as that of an unset variable is, and the second one holds the value, under its lock.
///
/// `Module::share_all` moves all values before threads share them. When there is one thread again, as in the child of
/// a fork, a value moves back once somebody misses it in the first place.
pub struct GlobalCell {
    name: Name,
    /// Written only while there is no other thread; `Unbound` while there is one.
    alone: UnsafeCell<Value>,
    /// `Unbound` while `alone` is set.
    shared: Versioned<Value>,
    /// The built-in of the same name, used while the variable is unset. Changed in a stopped world only.
    builtin: UnsafeCell<Value>,
    /// When it was first set; 0 before.
    first_set: AtomicU64,
    /// Why it is unset although the program sets it.
    absence: OnceLock<Box<Absence>>,
}

/// Why a global variable is not there: what is raised in the place of a `NameError`.
pub(super) struct Absence {
    pub(super) kind: ExceptionKind,
    pub(super) message: String,
}

impl GlobalCell {
    /// One that is unset, and what its name means then.
    pub(super) fn new(name: Name, builtin: Value) -> Self {
        Self {
            name,
            alone: UnsafeCell::new(Value::Unbound),
            shared: Versioned::new(Value::Unbound),
            builtin: UnsafeCell::new(builtin),
            first_set: AtomicU64::new(0),
            absence: OnceLock::new(),
        }
    }

    /// The variable's name.
    pub fn name(&self) -> Name {
        self.name
    }

    /// Its value, the built-in of that name while it is unset, or `Unbound`.
    #[inline(always)]
    pub fn get(&self) -> Value {
        // SAFETY: nothing else runs between the look and the copy.
        let value = unsafe { &*self.place() };
        if value.is_unbound() {
            return self.get_further();
        }
        value.copy_alone()
    }

    #[inline(never)]
    fn get_further(&self) -> Value {
        if world::is_shared() {
            return self.get_shared();
        }
        if self.is_away() {
            self.come_back();
            return self.get();
        }
        self.builtin()
    }

    /// Where its own value stands while there is no other thread; until anything else runs. What is there while
    /// there is one is unset, and may be read as well.
    #[inline(always)]
    pub(super) fn place(&self) -> *const Value {
        self.alone.get()
    }

    /// Where the built-in of its name stands. Until anything else runs.
    #[inline(always)]
    pub(super) fn builtin_place(&self) -> *const Value {
        self.builtin.get()
    }

    /// Moves the value to where other threads look for it. None of them does so now.
    pub(super) fn share(&self) {
        // SAFETY: there is no other thread, by the check of the caller.
        let value = unsafe { &mut *self.alone.get() }.take();
        if !value.is_unbound() {
            let before = self.shared.replace(value);
            debug_assert!(before.is_unbound());
        }
    }

    /// Whether its value is still where several threads would look for it. Only while there is one.
    #[inline(always)]
    pub(super) fn is_away(&self) -> bool {
        debug_assert!(!world::is_shared());
        // SAFETY: there is no other thread, and nothing else runs meanwhile.
        !cfg!(single_thread) && !unsafe { &*self.shared.as_ptr() }.is_unbound()
    }

    /// Moves it back from there.
    #[inline(never)]
    fn come_back(&self) {
        let value = self.shared.lock().take();
        // SAFETY: there is no other thread, by the check of the caller.
        let before = std::mem::replace(unsafe { &mut *self.alone.get() }, value);
        debug_assert!(before.is_unbound());
    }

    /// The bits of its own value, while there are other threads; `None` if it was being changed.
    #[inline(always)]
    pub(super) fn bits(&self) -> Option<Bits> {
        // SAFETY: a place of this cell; changed bits are not used.
        self.shared.peek(|place| unsafe { Bits::read(place) })
    }

    /// Every thread reads global variables all the time, and hardly any changes them: a look at one
    /// writes nothing that another thread reads.
    #[inline(never)]
    fn get_shared(&self) -> Value {
        loop {
            // SAFETY: nothing changed them, and no safepoint comes before the count.
            if let Some(value) = self.bits().and_then(|bits| unsafe { bits.keep(true) }) {
                return if value.is_unbound() {
                    self.builtin()
                } else {
                    value
                };
            }
            std::hint::spin_loop();
        }
    }

    /// A look at its own value that counts nothing: `Unbound` while it is unset.
    ///
    /// # Safety
    /// The borrow must end before the next safepoint, and before anything runs that could change
    /// the variable.
    #[inline(always)]
    pub unsafe fn look(&self) -> Borrowed {
        // SAFETY: passed on.
        let value = unsafe { self.first() };
        if value.is_unbound() {
            // SAFETY: passed on.
            return unsafe { self.look_further() };
        }
        value
    }

    /// What its first place holds: its own value, or nothing where that is to be looked for further.
    ///
    /// # Safety
    /// As for [`GlobalCell::look`].
    #[inline(always)]
    pub(super) unsafe fn first(&self) -> Borrowed {
        // SAFETY: a value; the rest is the caller's promise.
        unsafe { Bits::read(self.place()).borrow() }
    }

    /// # Safety
    /// As for [`GlobalCell::look`].
    #[inline(never)]
    unsafe fn look_further(&self) -> Borrowed {
        if !world::is_shared() {
            if self.is_away() {
                self.come_back();
            }
            // SAFETY: passed on.
            return unsafe { self.first() };
        }
        // SAFETY: passed on.
        unsafe { self.look_shared() }
    }

    /// [`GlobalCell::look`] while there are other threads.
    ///
    /// # Safety
    /// As for [`GlobalCell::look`].
    #[inline(always)]
    pub(super) unsafe fn look_shared(&self) -> Borrowed {
        loop {
            if let Some(bits) = self.bits() {
                // SAFETY: nothing changed them; the rest is the caller's promise.
                return unsafe { bits.borrow() };
            }
            std::hint::spin_loop();
        }
    }

    /// Whether its name means nothing while it is unset. Nobody else knows the cell yet.
    pub(super) fn builtin_is_unbound(&mut self) -> bool {
        self.builtin.get_mut().is_unbound()
    }

    #[inline(always)]
    fn builtin(&self) -> Value {
        // SAFETY: it is changed in a stopped world only, and this thread is between two safepoints.
        unsafe { (*self.builtin.get()).clone() }
    }

    /// Puts another value in the place of the built-in; the one before.
    ///
    /// # Safety
    /// The world is stopped, or no other thread knows this cell.
    pub(super) unsafe fn replace_builtin(&self, value: Value) -> Value {
        // SAFETY: nobody else reads or writes it, as the caller says.
        std::mem::replace(unsafe { &mut *self.builtin.get() }, value)
    }

    /// Its own value, `Unbound` while it is unset.
    pub fn own(&self) -> Value {
        // SAFETY: nothing else runs between the look and the copy.
        let value = unsafe { &*self.place() };
        if value.is_unbound() {
            return self.shared.lock().clone();
        }
        value.copy_alone()
    }

    /// Changes its value.
    #[inline(always)]
    pub fn set(&self, value: Value) {
        // SAFETY: nothing else runs meanwhile.
        if unsafe { &*self.place() }.is_unbound() {
            return self.set_further(value);
        }
        // SAFETY: where a value is there is no other thread, and nothing else runs meanwhile.
        let old = unsafe { std::mem::replace(&mut *self.alone.get(), value) };
        drop(old);
    }

    /// The same where the first place holds nothing.
    #[inline(never)]
    fn set_further(&self, value: Value) {
        let old = if world::is_shared() {
            self.shared.replace(value)
        } else {
            if self.is_away() {
                self.come_back();
            }
            // SAFETY: there is no other thread, and nothing else runs meanwhile.
            std::mem::replace(unsafe { &mut *self.alone.get() }, value)
        };
        if old.is_unbound() {
            self.note_first_set();
        }
        drop(old);
    }

    #[cold]
    fn note_first_set(&self) {
        if self.first_set.load(Ordering::Relaxed) == 0 {
            self.first_set.store(moment::next(), Ordering::Relaxed);
        }
    }

    /// Says what is raised if it is used while it is unset. The first reason stays.
    pub fn note_absence(&self, kind: ExceptionKind, message: String) {
        self.absence
            .get_or_init(|| Box::new(Absence { kind, message }));
    }

    pub(super) fn absence(&self) -> Option<&Absence> {
        self.absence.get().map(|absence| &**absence)
    }

    /// When it was first set, as [`moment`] counts; 0 before.
    pub fn first_set(&self) -> u64 {
        self.first_set.load(Ordering::Relaxed)
    }

    /// Unsets it and gives back the value it had.
    pub fn unset(&self) -> Value {
        if !world::is_shared() {
            if self.is_away() {
                self.come_back();
            }
            // SAFETY: there is no other thread, and nothing else runs meanwhile.
            return unsafe { &mut *self.alone.get() }.take();
        }
        self.shared.lock().take()
    }
}

// SAFETY: `builtin` and `alone` are changed only while no thread can be reading them.
unsafe impl Sync for GlobalCell {}
