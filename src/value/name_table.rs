//! A map from names to values that keeps the order of insertion: the attributes of classes and
//! functions, and of instances with very many.

use super::Value;
use super::name::{Name, NameMap};

/// Up to this many names are found by looking at each.
const FEW: usize = 8;

/// Names with their values, in the order they were first set.
#[derive(Default)]
pub struct NameTable {
    entries: Vec<(Name, Value)>,
    /// Positions, once there are more than a few.
    index: Option<NameMap<usize>>,
}

impl NameTable {
    #[inline]
    fn position(&self, name: Name) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(&name).copied(),
            None => self.entries.iter().position(|(known, _)| *known == name),
        }
    }

    /// The value of a name.
    #[inline]
    pub fn get(&self, name: Name) -> Option<&Value> {
        self.position(name)
            .map(|position| &self.entries[position].1)
    }

    /// Sets a name and gives back its old value.
    pub fn set(&mut self, name: Name, value: Value) -> Option<Value> {
        if let Some(position) = self.position(name) {
            return Some(std::mem::replace(&mut self.entries[position].1, value));
        }
        self.entries.push((name, value));
        match &mut self.index {
            Some(index) => {
                index.insert(name, self.entries.len() - 1);
            }
            None if self.entries.len() > FEW => self.reindex(),
            None => {}
        }
        None
    }

    /// Removes a name and gives back its value.
    pub fn remove(&mut self, name: Name) -> Option<Value> {
        let position = self.position(name)?;
        let (_, value) = self.entries.remove(position);
        if self.index.is_some() {
            self.reindex();
        }
        Some(value)
    }

    fn reindex(&mut self) {
        self.index = (self.entries.len() > FEW).then(|| {
            self.entries
                .iter()
                .enumerate()
                .map(|(position, (name, _))| (*name, position))
                .collect()
        });
    }

    /// The entries in order.
    pub fn entries(&self) -> &[(Name, Value)] {
        &self.entries
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes everything out.
    pub fn take(&mut self) -> Vec<(Name, Value)> {
        self.index = None;
        std::mem::take(&mut self.entries)
    }
}
