//! The programs and classes that a session knows, by what identifies them in messages. It must not
//! know the format.

use std::collections::HashMap;
use std::sync::Arc;

use crate::eval::module::Linked;
use crate::resolve::tree::Code;
use crate::runtime::leaf_lock::LeafLock;
use crate::syntax::source::Source;
use crate::value::Value;
use crate::value::class::{Class, Definition};
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::weak::WeakPointer;

/// The programs that a session has run and the classes they made.
#[derive(Default)]
pub struct Programs {
    known: LeafLock<Known>,
}

#[derive(Default)]
struct Known {
    /// In the order they were first run, with how many global variables had been set by then.
    programs: Vec<Arc<Linked>>,
    by_hash: HashMap<[u8; 32], usize>,
    /// Not kept alive: a class of a function's own goes when nobody has it any more.
    classes: HashMap<Definition, Arc<WeakPointer>>,
}

/// What a process knew at the moment it was forked, or a shared object at the moment it was
/// made: whoever can receive from it knows at least that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// How many programs.
    pub programs: usize,
    /// The moment, as `value::moment` counts.
    pub globals: u64,
}

impl Programs {
    /// Notes that a program is run in a module.
    pub fn add(&self, linked: &Arc<Linked>) {
        let mut known = self.known.lock();
        let hash = linked.program.origin.hash;
        if !known.by_hash.contains_key(&hash) {
            let number = known.programs.len();
            known.by_hash.insert(hash, number);
            known.programs.push(linked.clone());
        }
    }

    /// The program with this hash, and its number.
    pub fn find(&self, hash: &[u8; 32]) -> Option<(usize, Arc<Linked>)> {
        let known = self.known.lock();
        let number = *known.by_hash.get(hash)?;
        Some((number, known.programs[number].clone()))
    }

    /// The number of a program as it was first run.
    pub fn number_of(&self, linked: &Arc<Linked>) -> Option<usize> {
        let known = self.known.lock();
        let mut programs = known.programs.iter();
        programs.position(|known| Arc::ptr_eq(known, linked))
    }

    /// How many programs are known.
    pub fn count(&self) -> usize {
        self.known.lock().programs.len()
    }

    /// The program with this number.
    pub fn at(&self, number: usize) -> Option<Arc<Linked>> {
        self.known.lock().programs.get(number).cloned()
    }

    /// The code of a function in a source, by its qualified name: the first one of that name.
    pub fn code_at(&self, source: &Source, function: Name) -> Option<Arc<Code>> {
        let known = self.known.lock();
        let program = known.programs.iter().rev().find(|linked| {
            let own = &linked.program.origin.source;
            own.name() == source.name() && std::ptr::eq(own.text(), source.text())
        })?;
        let mut codes = program.program.codes.iter();
        codes.find(|code| code.qualified_name == function).cloned()
    }

    /// Notes a class that a class statement made; the last one made by it counts.
    pub fn add_class(&self, class: &Ref<Class>) {
        if let Some(definition) = class.definition() {
            let Some(pointer) = WeakPointer::new(&Value::Class(class.clone()), false) else {
                return;
            };
            let mut known = self.known.lock();
            let old = known.classes.insert(definition, Arc::new(pointer));
            drop(known);
            drop(old);
        }
    }

    /// The class that a class statement made last, if it is still there.
    pub fn class(&self, definition: &Definition) -> Option<Ref<Class>> {
        let pointer = self.known.lock().classes.get(definition).cloned()?;
        match pointer.get() {
            Some(Value::Class(class)) => Some(class),
            _ => None,
        }
    }

    /// What is known now.
    pub fn baseline(&self) -> Baseline {
        Baseline {
            programs: self.known.lock().programs.len(),
            globals: crate::value::moment::now(),
        }
    }
}
