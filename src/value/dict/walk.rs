//! Walking along a dict: everything in it at one moment, and one entry after the other. It must not know what is done
//! with them.

use super::Dict;
use super::table::Entry;
use crate::value::{Outcome, Value, room};

impl Dict {
    /// The keys at this moment.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn keys(&self) -> Outcome<Vec<Value>> {
        self.gathered(|entry| entry.key.clone())
    }

    /// The values at this moment.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn values(&self) -> Outcome<Vec<Value>> {
        self.gathered(|entry| entry.value.clone())
    }

    /// The entries at this moment.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn entries(&self) -> Outcome<Vec<(Value, Value)>> {
        self.gathered(|entry| (entry.key.clone(), entry.value.clone()))
    }

    /// What is asked of each entry, at this moment.
    pub(super) fn gathered<T>(&self, part: impl Fn(&Entry) -> T) -> Outcome<Vec<T>> {
        room::gathered(
            self.lock(),
            |table| table.live,
            |table, all| all.extend(table.live().map(part)),
        )
    }

    /// The first entry at or after `position`, which then stands behind it. An iteration starts
    /// at 0.
    #[inline]
    pub fn entry_at(&self, position: &mut usize) -> Option<(Value, Value)> {
        if self.is_looked_at()
            // SAFETY: the bits of values that were in the table since the last safepoint.
            && let Some(seen) = self.look_ahead(position, |(key, value)| unsafe {
                Some((key.keep(false)?, value.keep(false)?))
            })
        {
            return seen;
        }
        let table = self.lock();
        let entry = table.advance(position)?;
        Some((entry.key.clone(), entry.value.clone()))
    }

    /// The key of the first entry at or after `position`, which then stands behind it.
    #[inline]
    pub fn key_at(&self, position: &mut usize) -> Option<Value> {
        if self.is_looked_at()
            // SAFETY: the bits of a value that was in the table since the last safepoint.
            && let Some(seen) = self.look_ahead(position, |bits| unsafe { bits.0.keep(false) })
        {
            return seen;
        }
        let table = self.lock();
        Some(table.advance(position)?.key.clone())
    }

    /// The value of the first entry at or after `position`, which then stands behind it.
    #[inline]
    pub fn value_at(&self, position: &mut usize) -> Option<Value> {
        if self.is_looked_at()
            // SAFETY: the bits of a value that was in the table since the last safepoint.
            && let Some(seen) = self.look_ahead(position, |bits| unsafe { bits.1.keep(false) })
        {
            return seen;
        }
        let table = self.lock();
        Some(table.advance(position)?.value.clone())
    }

    /// The last entry before `position`, which then stands before it. An iteration from the end
    /// starts at `usize::MAX`.
    pub fn entry_before(&self, position: &mut usize) -> Option<(Value, Value)> {
        let table = self.lock();
        let mut at = (*position).min(table.entries.len());
        while at > 0 {
            at -= 1;
            let entry = &table.entries[at];
            if !entry.key.is_unbound() {
                *position = at;
                return Some((entry.key.clone(), entry.value.clone()));
            }
        }
        *position = 0;
        None
    }
}
