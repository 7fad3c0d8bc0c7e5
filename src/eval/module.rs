//! Modules and their global variables. Knows names and cells; it must not know nodes, nor how a
//! module is found.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::context::Context;
use super::detached_call::Place;
use super::global_cell::GlobalCell;
use crate::resolve::tree::Program;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::sharing;
use crate::runtime::written_memory::beside_what_forks_write;
use crate::value::Value;
use crate::value::lock::Guarded;
use crate::value::name::{Name, NameMap, known};
use crate::value::namespace::{self, Namespace};
use crate::value::object::{Object, Ref};

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
    fn cell_pointer(&self, name: Name, is_scripts: bool) -> *const GlobalCell {
        if let Some(cell) = self.variables.lock().cell(name) {
            return cell;
        }
        let supplied = self.supply.as_ref().and_then(|supply| supply.make(name));
        self.insert(name, supplied, is_scripts)
    }

    /// A cell for a variable that was never mentioned, with a value that is supplied for it. A script keeps the number
    /// of its child in one of its first variables, most often, so these lie apart: those that it mentions, and that are
    /// not the names of built-ins.
    fn insert(&self, name: Name, supplied: Option<Value>, is_scripts: bool) -> *const GlobalCell {
        let mut variables = self.variables.lock();
        // Another thread may have been faster.
        if let Some(cell) = variables.cell(name) {
            return cell;
        }
        let mut cell = GlobalCell::new(name, (self.builtins)(name));
        let cell = match is_scripts && cell.builtin_is_unbound() {
            true => beside_what_forks_write(|| Box::new(cell)),
            false => Box::new(cell),
        };
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
        unsafe { &*self.cell_pointer(name, false) }
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
                unsafe { &*self.insert(name, Some(supplied), false) }.own()
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
            .map(|cell| (cell.name(), cell.own()))
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
            .map(|&name| module.cell_pointer(name, true))
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
    use crate::runtime::{fork, process, thread, world};
    use std::sync::atomic::AtomicU64;

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
