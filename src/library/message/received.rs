//! The global variables that came with functions: which ones, and in what state they were when they came. What
//! has changed at the sender since is taken over; what has not stays what this process has made of it. It must
//! not know the format.

use std::collections::HashMap;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::hash::Hasher;

use crate::eval::global_cell::GlobalCell;
use crate::runtime::leaf_lock::LeafLock;
use crate::value::moment;
use crate::value::name::Name;

/// The global variables that came with functions.
#[derive(Default)]
pub struct Received {
    state: LeafLock<State>,
}

#[derive(Default)]
struct State {
    /// Up to this moment what there is was inherited.
    inherited: u64,
    /// By module and name: a hash of the bytes that came last.
    last: HashMap<(Name, Name), u64>,
}

/// How a variable came.
#[derive(Clone, Copy)]
pub enum Form {
    /// These bytes say all.
    Whole(u64),
    /// It is, or contains, something that stands elsewhere in the message.
    Shared,
}

impl Form {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Form {
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        Form::Whole(hasher.finish())
    }
}

impl Received {
    /// In a process that serves others, before it gets anything: all that is there is its parent's.
    pub fn begin(&self) {
        let old = {
            let mut state = self.state.lock();
            state.inherited = moment::now();
            std::mem::take(&mut state.last)
        };
        drop(old);
    }

    /// Whether a variable that came is to be taken over, and notes that it came.
    pub fn is_news(&self, module: Name, cell: &GlobalCell, form: Form) -> bool {
        let first_set = cell.first_set();
        let is_unset = cell.own().is_unbound();
        let mut state = self.state.lock();
        let inherited = first_set <= state.inherited;
        let hash = match form {
            Form::Whole(hash) => hash,
            Form::Shared => 0,
        };
        match state.last.entry((module, cell.name())) {
            Entry::Occupied(mut last) => {
                let old = last.insert(hash);
                is_unset || old != hash || matches!(form, Form::Shared)
            }
            // What this process has set itself is its own.
            Entry::Vacant(_) if !is_unset && !inherited => false,
            Entry::Vacant(place) => {
                place.insert(hash);
                true
            }
        }
    }
}
