//! Lists. Every operation here is atomic: other threads see it whole or not at all. Knows how
//! items are stored; it must not know the methods that scripts call.

use super::exception::memory_error;
use super::lock::{Guard, Guarded};
use super::object::{Object, Ref};
use super::{Outcome, Value};
use crate::runtime::memory;

/// A list.
pub struct List {
    items: Guarded<Vec<Value>>,
}

impl List {
    /// A list of these items.
    pub fn new(items: Vec<Value>) -> Self {
        List {
            items: Guarded::new(items),
        }
    }

    /// The items under the list's lock, which is a leaf: nothing that can run script code, block
    /// or drop a value may happen before the guard goes.
    #[inline(always)]
    pub fn lock(&self) -> Guard<'_, Vec<Value>> {
        self.items.lock()
    }

    /// Number of items.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.items.lock().len()
    }

    /// Whether it has no items.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The item at this index.
    #[inline(always)]
    pub fn get(&self, index: usize) -> Option<Value> {
        self.items.lock().get(index).cloned()
    }

    /// The item at an index as scripts write it, negative from the end.
    #[inline(always)]
    pub fn get_signed(&self, index: i64) -> Option<Value> {
        let items = self.items.lock();
        let index = if index < 0 {
            index + items.len() as i64
        } else {
            index
        };
        usize::try_from(index)
            .ok()
            .and_then(|index| items.get(index).cloned())
    }

    /// Puts `value` in the place of the item at this index, negative from the end; gives the
    /// value back when there is no such item.
    #[inline(always)]
    pub fn set_signed(&self, index: i64, value: Value) -> Result<(), Value> {
        let mut items = self.items.lock();
        let index = if index < 0 {
            index + items.len() as i64
        } else {
            index
        };
        match usize::try_from(index)
            .ok()
            .and_then(|index| items.get_mut(index))
        {
            Some(place) => {
                let old = std::mem::replace(place, value);
                drop(items);
                drop(old);
                Ok(())
            }
            None => Err(value),
        }
    }

    /// Appends an item.
    #[inline(always)]
    pub fn push(&self, value: Value) {
        let mut items = self.items.lock();
        if items.len() == items.capacity() {
            memory::grow(&mut items);
        }
        items.push(value);
    }

    /// A copy of the items at this moment.
    pub fn snapshot(&self) -> Vec<Value> {
        self.items.lock().clone()
    }

    /// A copy of the items at this moment, which may be too many for the memory.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn copied(&self) -> Outcome<Vec<Value>> {
        let mut copy = Vec::new();
        let items = self.items.lock();
        if copy.try_reserve_exact(items.len()).is_ok() {
            copy.extend_from_slice(&items);
            return Ok(copy);
        }
        drop(items);
        Err(memory_error(""))
    }

    /// Appends these items.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn append_all(&self, mut more: Vec<Value>) -> Outcome<()> {
        let mut items = self.items.lock();
        if items.try_reserve(more.len()).is_ok() {
            items.append(&mut more);
            return Ok(());
        }
        drop(items);
        Err(memory_error(""))
    }

    /// Puts these items in the place of all, and gives back the old ones.
    pub fn replace(&self, items: Vec<Value>) -> Vec<Value> {
        std::mem::replace(&mut *self.items.lock(), items)
    }
}

impl Object for List {
    const CLOSES_CYCLES: bool = true;

    fn into_value(this: Ref<Self>) -> Option<Value> {
        Some(Value::List(this))
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.items.lock().iter().for_each(visit);
    }

    fn clear(&self) {
        drop(self.replace(Vec::new()));
    }
}
