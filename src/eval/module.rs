//! Modules and their global variables. Knows names and cells; it must not know nodes, nor how a
//! module is found.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::context::Context;
use super::detached_call::Place;
use crate::resolve::tree::Program;
use crate::runtime::world;
use crate::value::bits::{Bits, Borrowed};
use crate::value::exception::ExceptionKind;
use crate::value::lock::{Guarded, Versioned};
use crate::value::name::{Name, NameMap};
use crate::value::namespace::{self, Namespace};
use crate::value::object::{Object, Ref};
use crate::value::{Value, moment};

/// A global variable. Its place never changes while its module lives.
pub struct GlobalCell {
    name: Name,
    value: Versioned<Value>,
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
    /// The variable's name.
    pub fn name(&self) -> Name {
        self.name
    }

    /// Its value, the built-in of that name while it is unset, or `Unbound`.
    #[inline(always)]
    pub fn get(&self) -> Value {
        if world::is_shared() {
            return self.get_shared();
        }
        // SAFETY: no other thread, and nothing else runs between the look and the copy.
        let value = unsafe { &*self.value.as_ptr() };
        if value.is_unbound() {
            self.builtin()
        } else {
            value.copy_alone()
        }
    }

    /// Where its own value stands. Only while there is no other thread, and until anything else runs.
    #[inline(always)]
    pub(super) fn place(&self) -> *const Value {
        debug_assert!(!world::is_shared());
        self.value.as_ptr()
    }

    /// Where the built-in of its name stands. As for [`GlobalCell::place`].
    #[inline(always)]
    pub(super) fn builtin_place(&self) -> *const Value {
        debug_assert!(!world::is_shared());
        self.builtin.get()
    }

    /// The bits of its own value, while there are other threads; `None` if it was being changed.
    #[inline(always)]
    pub(super) fn bits(&self) -> Option<Bits> {
        // SAFETY: a place of this cell; changed bits are not used.
        self.value.peek(|place| unsafe { Bits::read(place) })
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

    /// A look at its value that counts nothing.
    ///
    /// # Safety
    /// The borrow must end before the next safepoint, and before anything runs that could change
    /// the variable.
    #[inline(always)]
    pub unsafe fn look(&self) -> Borrowed {
        loop {
            let bits = if world::is_shared() {
                self.bits()
            } else {
                // SAFETY: no other thread.
                Some(unsafe { Bits::read(self.value.as_ptr()) })
            };
            if let Some(bits) = bits {
                // SAFETY: nothing changed them; the rest is the caller's promise.
                let value = unsafe { bits.borrow() };
                if value.is_unbound() {
                    // SAFETY: the built-in is changed at safepoints of this thread only.
                    return unsafe { Bits::read(self.builtin.get()).borrow() };
                }
                return value;
            }
            std::hint::spin_loop();
        }
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
        self.value.lock().clone()
    }

    /// Changes its value.
    #[inline(always)]
    pub fn set(&self, value: Value) {
        let old = self.value.replace(value);
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
        self.value.lock().take()
    }
}

// SAFETY: `builtin` is changed only while no thread can be reading it.
unsafe impl Sync for GlobalCell {}

/// A module.
pub struct Module {
    name: Name,
    variables: Guarded<Variables>,
    /// What `globals()` gives, once it was asked for.
    dict: Guarded<Value>,
    /// What global names mean that the module does not set.
    builtins: fn(Name) -> Value,
}

#[derive(Default)]
struct Variables {
    /// Boxed, so that a cell's place never changes. In the order they were first mentioned.
    #[expect(
        clippy::vec_box,
        reason = "frames keep pointers to the cells while the vector grows"
    )]
    cells: Vec<Box<GlobalCell>>,
    index: NameMap<usize>,
}

impl Module {
    /// A module without variables.
    pub fn new(name: Name, builtins: fn(Name) -> Value) -> Ref<Module> {
        Ref::new(Module {
            name,
            variables: Guarded::default(),
            dict: Guarded::new(Value::Unbound),
            builtins,
        })
    }

    /// Its name.
    pub fn name(&self) -> Name {
        self.name
    }

    /// The cell of a variable, made if it was never mentioned. Valid while the module lives.
    fn cell_pointer(&self, name: Name) -> *const GlobalCell {
        let mut variables = self.variables.lock();
        if let Some(&position) = variables.index.get(&name) {
            return &*variables.cells[position];
        }
        let cell = Box::new(GlobalCell {
            name,
            value: Versioned::new(Value::Unbound),
            builtin: UnsafeCell::new((self.builtins)(name)),
            first_set: AtomicU64::new(0),
            absence: OnceLock::new(),
        });
        let pointer: *const GlobalCell = &*cell;
        let position = variables.cells.len();
        variables.cells.push(cell);
        variables.index.insert(name, position);
        pointer
    }

    /// The cell of a variable, made if it was never mentioned.
    pub fn cell(&self, name: Name) -> &GlobalCell {
        // SAFETY: cells are boxed and never removed while the module lives.
        unsafe { &*self.cell_pointer(name) }
    }

    /// The module's own variable of this name.
    pub fn get(&self, name: Name) -> Option<Value> {
        let variables = self.variables.lock();
        let position = *variables.index.get(&name)?;
        let value = variables.cells[position].own();
        (!value.is_unbound()).then_some(value)
    }

    /// Sets a variable.
    pub fn set(&self, name: Name, value: Value) {
        self.cell(name).set(value);
    }

    /// Its variables as a dict that stands for them: always the same one.
    pub fn dict(module: &Ref<Module>) -> Value {
        let known = module.dict.lock().clone();
        if !known.is_unbound() {
            return known;
        }
        // A module lives as long as its session: that the two keep each other costs nothing.
        let made = Value::Dict(Ref::new(namespace::dict_of(module.clone())));
        let mut place = module.dict.lock();
        if place.is_unbound() {
            *place = made.clone();
            return made;
        }
        let known = place.clone();
        drop(place);
        drop(made);
        known
    }

    /// The variables that are set, in the order they were first mentioned.
    pub fn entries(&self) -> Vec<(Name, Value)> {
        self.variables
            .lock()
            .cells
            .iter()
            .map(|cell| (cell.name, cell.own()))
            .filter(|(_, value)| !value.is_unbound())
            .collect()
    }
}

impl Namespace for Ref<Module> {
    fn entries(&self) -> Vec<(Name, Value)> {
        Module::entries(self)
    }

    fn set(&self, name: Name, value: Value) {
        Module::set(self, name, value);
    }

    fn remove(&self, name: Name) {
        drop(self.cell(name).unset());
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        Ref::visit(self, Value::Module, visit);
    }
}

impl Object for Module {
    fn into_value(this: Ref<Self>) -> Option<Value> {
        Some(Value::Module(this))
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for (_, value) in self.entries() {
            visit(&value);
        }
    }
}

/// A program bound to the module whose globals it uses.
pub struct Linked {
    /// The program.
    pub program: Arc<Program>,
    /// The module.
    pub module: Ref<Module>,
    /// Where its code runs when nobody is there to say so.
    pub(super) home: Place,
    /// The cells of the program's global names, by the number the resolver gave them. They live
    /// as long as the module.
    cells: Box<[*const GlobalCell]>,
}

// SAFETY: the cells are `Sync` and owned by `module`.
unsafe impl Send for Linked {}
// SAFETY: as above.
unsafe impl Sync for Linked {}

impl Linked {
    /// Binds the program's global names to the module's cells.
    pub fn new(cx: &Context, program: Arc<Program>, module: Ref<Module>) -> Arc<Linked> {
        let cells = program
            .globals
            .iter()
            .map(|&name| module.cell_pointer(name))
            .collect();
        super::place::note(&program.origin);
        Arc::new(Linked {
            program,
            module,
            home: Place::of(cx),
            cells,
        })
    }

    /// The cell of the global name with this number.
    pub fn cell(&self, index: u32) -> &GlobalCell {
        // SAFETY: the cells live as long as the module.
        unsafe { &*self.cells[index as usize] }
    }

    /// The cells by number.
    #[inline(always)]
    pub(super) fn cells(&self) -> *const *const GlobalCell {
        self.cells.as_ptr()
    }
}
