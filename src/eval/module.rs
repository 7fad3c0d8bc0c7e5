//! Modules and their global variables. Knows names and cells; it must not know nodes, nor how a
//! module is found.

use std::cell::UnsafeCell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::context::Context;
use super::detached_call::Place;
use crate::resolve::tree::Program;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::{sharing, world};
use crate::value::bits::{Bits, Borrowed};
use crate::value::exception::ExceptionKind;
use crate::value::lock::{Guarded, Versioned};
use crate::value::name::{Name, NameMap, known};
use crate::value::namespace::{self, Namespace};
use crate::value::object::{Object, Ref};
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
    fn share(&self) {
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

/// Variables that a module of the library has from its start, each of which is made when somebody asks for it. A
/// script uses a few of hundreds, and every child would copy the map of the memory of all.
pub trait Supply: Send + Sync {
    /// Their names, in order.
    fn names(&self) -> Vec<&'static str>;

    /// The value of one, if there is such a one.
    fn make(&self, name: Name) -> Option<Value>;
}

/// A module.
pub struct Module {
    name: Name,
    supply: Option<Box<dyn Supply>>,
    /// Whether all variables of the supply have been made.
    has_all: AtomicBool,
    variables: Guarded<Variables>,
    /// What `globals()` gives, once it was asked for.
    dict: Guarded<Value>,
    /// What global names mean that the module does not set.
    builtins: fn(Name) -> Value,
}

/// A module that lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Living(*const Module);
// SAFETY: it is followed only by whoever runs alone.
unsafe impl Send for Living {}

/// All modules of the process.
static MODULES: LeafLock<BTreeSet<Living>> = LeafLock::new(BTreeSet::new());

impl Drop for Module {
    fn drop(&mut self) {
        MODULES.lock().remove(&Living(self));
    }
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

impl Variables {
    fn cell(&self, name: Name) -> Option<&GlobalCell> {
        let &position = self.index.get(&name)?;
        Some(&self.cells[position])
    }
}

impl Module {
    /// A module without variables.
    pub fn new(name: Name, builtins: fn(Name) -> Value) -> Ref<Module> {
        Module::made(name, builtins, None)
    }

    /// A module that has these.
    pub fn supplied(
        name: Name,
        builtins: fn(Name) -> Value,
        supply: impl Supply + 'static,
    ) -> Ref<Module> {
        Module::made(name, builtins, Some(Box::new(supply)))
    }

    /// Makes what programs mention by now: what a child alone uses would otherwise be made by each child.
    pub fn make_mentioned(&self) {
        let names = self.supply.iter().flat_map(|supply| supply.names());
        for name in names.filter_map(Name::find) {
            self.cell(name);
        }
        // Every look at an attribute asks for it first: with a cell of its own, nobody looks further.
        self.cell(known().getattr);
    }

    fn made(
        name: Name,
        builtins: fn(Name) -> Value,
        supply: Option<Box<dyn Supply>>,
    ) -> Ref<Module> {
        sharing::before_sharing(Module::share_all);
        let module = Ref::new(Module {
            name,
            has_all: AtomicBool::new(supply.is_none()),
            supply,
            variables: Guarded::default(),
            dict: Guarded::new(Value::Unbound),
            builtins,
        });
        MODULES.lock().insert(Living(&*module));
        module
    }

    /// Moves the variables of all modules to where several threads look for them: see [`GlobalCell`].
    fn share_all() {
        let modules = MODULES.lock().clone();
        for Living(module) in modules {
            // SAFETY: it lives, for nobody else runs who could drop it.
            let variables = unsafe { &*module }.variables.lock();
            variables.cells.iter().for_each(|cell| cell.share());
        }
    }

    /// Its name.
    pub fn name(&self) -> Name {
        self.name
    }

    /// The cell of a variable, made if it was never mentioned. Valid while the module lives.
    fn cell_pointer(&self, name: Name) -> *const GlobalCell {
        if let Some(cell) = self.variables.lock().cell(name) {
            return cell;
        }
        self.insert(
            name,
            self.supply.as_ref().and_then(|supply| supply.make(name)),
        )
    }

    /// A cell for a variable that was never mentioned, with a value that is supplied for it.
    fn insert(&self, name: Name, supplied: Option<Value>) -> *const GlobalCell {
        let mut variables = self.variables.lock();
        // Another thread may have been faster.
        if let Some(cell) = variables.cell(name) {
            return cell;
        }
        let cell = Box::new(GlobalCell {
            name,
            alone: UnsafeCell::new(Value::Unbound),
            shared: Versioned::new(Value::Unbound),
            builtin: UnsafeCell::new((self.builtins)(name)),
            first_set: AtomicU64::new(0),
            absence: OnceLock::new(),
        });
        // Nobody finds it without its value. Its own lock is free, for nobody knows it.
        if let Some(value) = supplied {
            cell.set(value);
        }
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
        let own = |variables: &Variables| variables.cell(name).map(GlobalCell::own);
        let known = own(&self.variables.lock());
        let value = match known {
            Some(value) => value,
            None => {
                // A name that is not supplied gets no cell, however often somebody asks for it.
                let supplied = self.supply.as_ref()?.make(name)?;
                // SAFETY: cells are boxed and never removed while the module lives.
                unsafe { &*self.insert(name, Some(supplied)) }.own()
            }
        };
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
        self.make_all();
        self.made_entries()
    }

    /// Makes what nobody has asked for yet.
    fn make_all(&self) {
        if self.has_all.load(Ordering::Acquire) {
            return;
        }
        for name in self.supply.iter().flat_map(|supply| supply.names()) {
            self.cell(Name::new(name));
        }
        self.has_all.store(true, Ordering::Release);
    }

    /// Those that somebody has asked for or set.
    fn made_entries(&self) -> Vec<(Name, Value)> {
        self.variables
            .lock()
            .cells
            .iter()
            .map(|cell| (cell.name, cell.own()))
            .filter(|(_, value)| !value.is_unbound())
            .collect()
    }

    /// The values of its variables, in the order in which these were first set.
    pub fn values(&self) -> Vec<Value> {
        let mut set: Vec<_> = {
            let variables = self.variables.lock();
            let cells = variables.cells.iter();
            cells.map(|cell| (cell.first_set(), cell.own())).collect()
        };
        set.sort_by_key(|(moment, _)| *moment);
        let values = set.into_iter().map(|(_, value)| value);
        values.filter(|value| !value.is_unbound()).collect()
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
        for (_, value) in self.made_entries() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::testing::{in_fresh_process, register_main};
    use crate::runtime::{fork, process, thread};

    const STACK: usize = 256 << 10;

    fn is_at_home(cell: &GlobalCell) -> bool {
        // SAFETY: nothing else runs meanwhile.
        !unsafe { &*cell.place() }.is_unbound()
    }

    fn integer(value: Value) -> Option<i64> {
        match value {
            Value::Int(integer) => Some(integer),
            _ => None,
        }
    }

    #[test]
    fn a_variable_moves_when_threads_share_it_and_back() {
        let name = "a_variable_moves_when_threads_share_it_and_back";
        in_fresh_process(module_path!(), name, || {
            let main = register_main();
            fork::set_owns_process(true);
            let module = Module::new(Name::new("test"), |_| Value::Int(-1));
            let [set, unset] = ["set", "unset"].map(Name::new);
            let (cell, other) = (module.cell(set), module.cell(unset));
            assert_eq!(integer(cell.get()), Some(-1), "the built-in");
            cell.set(Value::Int(1));
            assert!(is_at_home(cell) && !is_at_home(other));

            let shared = module.clone();
            let second = thread::spawn(&main, "second", STACK, move |_| {
                let (cell, other) = (shared.cell(set), shared.cell(unset));
                assert!(!is_at_home(cell));
                assert_eq!(integer(cell.get()), Some(1));
                assert_eq!(integer(cell.own()), Some(1));
                // SAFETY: it ends before anything else runs.
                assert!(matches!(*unsafe { cell.look() }, Value::Int(1)));
                cell.set(Value::Int(2));
                assert!(!is_at_home(cell) && !is_at_home(other));
                assert!(other.own().is_unbound());
                assert_eq!(integer(other.get()), Some(-1));
            });
            second.unwrap().join(&main, None).unwrap();
            assert_eq!(integer(cell.get()), Some(2));
            assert!(!is_at_home(cell));

            let child = process::spawn_child(&main, |_| {
                let copy = integer(cell.own());
                // SAFETY: it ends before anything else runs.
                let look = matches!(*unsafe { cell.look() }, Value::Int(2));
                let is_whole = copy == Some(2) && look && is_at_home(cell);
                let unset = integer(cell.unset()) == Some(2) && !is_at_home(cell);
                i32::from(!is_whole || !unset || integer(cell.get()) != Some(-1))
            });
            let status = child.unwrap().wait(&main, None).unwrap();
            assert_eq!(status.unwrap().exit_code(), 0);

            assert!(world::clear_shared_if_alone(&main));
            assert_eq!(integer(cell.get()), Some(2));
            assert!(is_at_home(cell), "a look brings it back");
            assert_eq!(integer(other.get()), Some(-1));
            other.set(Value::Int(3));
            assert!(is_at_home(other));
            let moments = (cell.first_set(), other.first_set());
            assert!(moments.0 < moments.1 && moments.0 > 0);
            drop(module);
            assert!(MODULES.lock().is_empty());
        });
    }

    /// Squares by their number in words, with how many were made.
    struct Squares(Arc<AtomicU64>);

    const NUMBERS: [&str; 3] = ["module_test_nought", "module_test_one", "module_test_two"];

    impl Supply for Squares {
        fn names(&self) -> Vec<&'static str> {
            NUMBERS.to_vec()
        }

        fn make(&self, name: Name) -> Option<Value> {
            let number = NUMBERS.iter().position(|word| *word == name.as_str())?;
            self.0.fetch_add(1, Ordering::Relaxed);
            Some(Value::Int((number * number) as i64))
        }
    }

    #[test]
    fn what_is_supplied_is_made_when_somebody_asks() {
        let name = "what_is_supplied_is_made_when_somebody_asks";
        in_fresh_process(module_path!(), name, || {
            let _main = register_main();
            let count = Arc::new(AtomicU64::new(0));
            let made = || count.load(Ordering::Relaxed);
            let unbound: fn(Name) -> Value = |_| Value::Unbound;
            let module = Module::supplied(Name::new("test"), unbound, Squares(count.clone()));
            module.make_mentioned();
            let mut met = 0;
            Object::traverse(&*module, &mut |_| met += 1);
            assert_eq!((made(), met, module.values().len()), (0, 0, 0));

            assert!(module.get(Name::new("module_test_three")).is_none());
            let [nought, one, two] = NUMBERS.map(Name::new);
            assert_eq!(module.get(two).and_then(integer), Some(4));
            assert_eq!(module.get(two).and_then(integer), Some(4));
            assert_eq!(made(), 1, "once");

            module.set(one, Value::Int(-1));
            assert_eq!(module.get(one).and_then(integer), Some(-1));
            drop(module.cell(one).unset());
            assert!(module.get(one).is_none(), "what was taken away stays away");

            let before = made();
            let names = module.entries().into_iter().map(|(name, _)| name);
            assert_eq!(names.collect::<Vec<_>>(), [two, nought]);
            assert_eq!(made(), before + 1);

            let module = Module::supplied(Name::new("test"), unbound, Squares(count.clone()));
            module.make_mentioned();
            assert_eq!(made(), before + 4, "all are mentioned by now");
            assert_eq!(module.values().len(), 3);
        });
    }
}
