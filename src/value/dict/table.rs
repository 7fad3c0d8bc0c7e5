//! The table of a dict: entries in order and the index that leads to them. Knows no lock and runs no
//! script code: where keys can only be compared by script code, it says so.
//!
//! Entries stand in a vector in the order they came; a removed one leaves a gap. In small tables they are found by
//! looking at each; beyond that an index of positions leads to them. A table has so many slots, of which two thirds
//! may be used by entries and gaps; gaps are closed when these are used up, at the same moments as in CPython's
//! dicts: a loop that changes its dict goes on at the same keys.
//!
//! A thread may look at a table without the dict's lock ([`super::look`]). Memory that the table leaves is
//! therefore given back only when no thread can be reading it any more, like that of lists.

use std::collections::TryReserveError;

use crate::runtime::world;
use crate::value::Value;
use crate::value::compare::quick_same_or_equal;
use crate::value::items;

/// The slots of the smallest table.
const LEAST: usize = 8;

/// Up to this many slots a table has no index.
const FEW: usize = 16;

/// A slot of the index that was never used.
pub(super) const EMPTY: u32 = u32::MAX;
/// A slot of the index whose entry was removed.
const REMOVED: u32 = u32::MAX - 1;

pub(super) struct Entry {
    pub(super) hash: i64,
    /// `Unbound` in a gap.
    pub(super) key: Value,
    pub(super) value: Value,
}

pub(super) struct Table {
    pub(super) entries: Vec<Entry>,
    /// Positions in `entries`; empty while there are few. Its length is a power of two.
    pub(super) index: Box<[u32]>,
    /// How many slots there are: a power of two.
    slots: usize,
    /// How many of them were used since the gaps were closed last.
    used: usize,
    /// Entries that are not gaps.
    pub(super) live: usize,
    /// All entries before this position are gaps.
    pub(super) first: usize,
    /// Changes whenever the position of a key may have changed.
    pub(super) version: u64,
}

impl Default for Table {
    #[inline]
    fn default() -> Self {
        Table {
            entries: Vec::new(),
            index: Box::default(),
            slots: LEAST,
            used: 0,
            live: 0,
            first: 0,
            version: 0,
        }
    }
}

/// The slots of an index in the order in which a hash is looked for. It begins with the low bits,
/// so that runs of integers lie side by side; where these collide, the higher bits come in step by
/// step, and after them a sequence that visits every slot. CPython's dicts do the same.
pub(super) struct Slots {
    pub(super) at: usize,
    mask: usize,
    perturb: u64,
}

impl Slots {
    #[inline(always)]
    pub(super) fn new(hash: i64, slots: usize) -> Self {
        let mask = slots - 1;
        Slots {
            at: hash as usize & mask,
            mask,
            perturb: hash as u64,
        }
    }

    #[inline(always)]
    pub(super) fn advance(&mut self) {
        self.perturb >>= 5;
        self.at = self
            .at
            .wrapping_mul(5)
            .wrapping_add(self.perturb as usize)
            .wrapping_add(1)
            & self.mask;
    }
}

/// How many slots may be used.
#[inline(always)]
fn usable(slots: usize) -> usize {
    slots * 2 / 3
}

/// What looking at a table without running script code can tell.
pub(super) enum Probe {
    Found(usize),
    Absent,
    /// Some key with the same hash can only be compared by script code.
    Uncertain,
}

impl Table {
    /// Looks for a key. `matches` tells whether an entry's key, whose hash is equal, is the one,
    /// and `None` when only script code could tell.
    #[inline(always)]
    pub(super) fn probe(&self, hash: i64, matches: impl Fn(&Value) -> Option<bool>) -> Probe {
        let mut uncertain = false;
        if self.index.is_empty() {
            for (position, entry) in self.entries.iter().enumerate() {
                if entry.hash == hash && !entry.key.is_unbound() {
                    match matches(&entry.key) {
                        Some(true) => return Probe::Found(position),
                        Some(false) => {}
                        None => uncertain = true,
                    }
                }
            }
        } else {
            let mut slots = Slots::new(hash, self.index.len());
            loop {
                let position = self.index[slots.at];
                // `REMOVED` is beyond every position.
                if let Some(entry) = self.entries.get(position as usize) {
                    if entry.hash == hash && !entry.key.is_unbound() {
                        match matches(&entry.key) {
                            Some(true) => return Probe::Found(position as usize),
                            Some(false) => {}
                            None => uncertain = true,
                        }
                    }
                } else if position == EMPTY {
                    break;
                }
                slots.advance();
            }
        }
        if uncertain {
            Probe::Uncertain
        } else {
            Probe::Absent
        }
    }

    #[inline(always)]
    pub(super) fn probe_key(&self, hash: i64, key: &Value) -> Probe {
        match key {
            Value::Str(text) => self.probe(hash, |known| match known {
                Value::Str(known) => Some(known.same(text) || known.as_str() == text.as_str()),
                Value::Instance(_) => None,
                _ => Some(false),
            }),
            Value::Int(number) => self.probe(hash, |known| match known {
                Value::Int(known) => Some(known == number),
                other => quick_same_or_equal(other, key),
            }),
            _ => self.probe(hash, |known| quick_same_or_equal(known, key)),
        }
    }

    #[inline(always)]
    pub(super) fn probe_text(&self, hash: i64, text: &str) -> Option<usize> {
        let found = self.probe(hash, |known| match known.unwrapped() {
            Value::Str(known) => Some(known.as_str() == text),
            _ => Some(false),
        });
        match found {
            Probe::Found(position) => Some(position),
            _ => None,
        }
    }

    /// The keys with this hash that only script code can compare.
    pub(super) fn uncertain(&self, hash: i64, key: &Value) -> Vec<(usize, Value)> {
        self.entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| {
                entry.hash == hash
                    && !entry.key.is_unbound()
                    && quick_same_or_equal(&entry.key, key).is_none()
            })
            .map(|(position, entry)| (position, entry.key.clone()))
            .collect()
    }

    /// Makes room for one entry more, at the moment at which CPython's dicts grow.
    ///
    /// # Errors
    /// Where there is no memory for it; the table holds what it held.
    #[inline(always)]
    pub(super) fn make_room_for_one(&mut self) -> Result<(), TryReserveError> {
        if self.used < usable(self.slots) && self.entries.len() < self.entries.capacity() {
            return Ok(());
        }
        self.grow()
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) -> Result<(), TryReserveError> {
        if self.used >= usable(self.slots) {
            self.rebuild((self.live * 3).next_power_of_two())?;
        }
        items::make_room(&mut self.entries, 1)
    }

    /// Adds an entry whose key is not in the table, and for which [`Table::make_room_for_one`] made room.
    #[inline]
    pub(super) fn push(&mut self, hash: i64, key: Value, value: Value) {
        if !self.index.is_empty() {
            let position = self.entries.len();
            self.enter(hash, position);
        }
        self.used += 1;
        self.entries.push(Entry { hash, key, value });
        self.live += 1;
        self.version += 1;
    }

    /// Puts another index in the place of this one.
    fn set_index(&mut self, index: Box<[u32]>) {
        let old = std::mem::replace(&mut self.index, index);
        if world::is_shared() {
            items::leave(old.into_vec());
        }
    }

    /// Writes a position into the first empty slot for this hash.
    #[inline(always)]
    pub(super) fn enter(&mut self, hash: i64, position: usize) {
        let mut slots = Slots::new(hash, self.index.len());
        while self.index[slots.at] != EMPTY {
            slots.advance();
        }
        // Two to the 32nd entries would take 160 GiB.
        self.index[slots.at] = position as u32;
    }

    /// Closes the gaps, for a table of so many slots, a power of two.
    ///
    /// # Errors
    /// Where there is no memory for the index; the table is as it was.
    #[cold]
    #[inline(never)]
    fn rebuild(&mut self, slots: usize) -> Result<(), TryReserveError> {
        let mut index = Vec::new();
        if slots > FEW {
            index.try_reserve_exact(slots)?;
            index.resize(slots, EMPTY);
        }
        if !index.is_empty() || !self.index.is_empty() {
            self.set_index(index.into());
        }
        self.slots = slots.max(LEAST);
        self.enter_all();
        Ok(())
    }

    /// Closes the gaps and enters all positions into the index, which is empty.
    fn enter_all(&mut self) {
        if self.live < self.entries.len() {
            self.entries.retain(|entry| !entry.key.is_unbound());
        }
        self.first = 0;
        self.version += 1;
        self.used = self.entries.len();
        if !self.index.is_empty() {
            for position in 0..self.entries.len() {
                self.enter(self.entries[position].hash, position);
            }
        }
    }

    /// Closes the gaps, for at least this many entries.
    ///
    /// # Errors
    /// As for [`Table::rebuild`].
    fn rebuild_for(&mut self, entries: usize) -> Result<(), TryReserveError> {
        self.rebuild((entries * 3).div_ceil(2).next_power_of_two())
    }

    /// Takes out the entry at this position.
    pub(super) fn take(&mut self, position: usize) -> (Value, Value) {
        if !self.index.is_empty() {
            let mut slots = Slots::new(self.entries[position].hash, self.index.len());
            while self.index[slots.at] != position as u32 {
                slots.advance();
            }
            self.index[slots.at] = REMOVED;
        }
        let entry = &mut self.entries[position];
        let taken = (entry.key.take(), entry.value.take());
        self.live -= 1;
        self.version += 1;
        if position == self.first {
            while self
                .entries
                .get(self.first)
                .is_some_and(|entry| entry.key.is_unbound())
            {
                self.first += 1;
            }
        }
        taken
    }

    /// Makes room for so many entries more.
    ///
    /// # Errors
    /// Where there is no memory for them; the table holds what it held.
    pub(super) fn reserve(&mut self, more: usize) -> Result<(), TryReserveError> {
        items::make_room(&mut self.entries, more)?;
        let wanted = self.live + more;
        if wanted > usable(self.slots) {
            self.rebuild_for(wanted)?;
        }
        Ok(())
    }

    /// Moves an entry behind all others, or before them.
    ///
    /// # Errors
    /// Where there is no memory for it; the order is as it was.
    pub(super) fn move_to_end(
        &mut self,
        mut position: usize,
        last: bool,
    ) -> Result<(), TryReserveError> {
        if self.used >= usable(self.slots) {
            let gaps = self.entries[..position]
                .iter()
                .filter(|entry| entry.key.is_unbound())
                .count();
            self.rebuild((self.live * 3).next_power_of_two())?;
            position -= gaps;
        }
        items::make_room(&mut self.entries, 1)?;
        let hash = self.entries[position].hash;
        let (key, value) = self.take(position);
        if last {
            self.push(hash, key, value);
            return Ok(());
        }
        self.entries.insert(0, Entry { hash, key, value });
        self.live += 1;
        self.index.fill(EMPTY);
        self.enter_all();
        Ok(())
    }

    /// A table with the same entries.
    ///
    /// # Errors
    /// Where there is no memory for it.
    pub(super) fn copy(&self) -> Result<Table, TryReserveError> {
        let mut copy = Table::default();
        copy.entries.try_reserve_exact(self.live)?;
        copy.entries.extend(self.live().map(|entry| Entry {
            hash: entry.hash,
            key: entry.key.clone(),
            value: entry.value.clone(),
        }));
        copy.live = copy.entries.len();
        copy.rebuild_for(copy.live)?;
        Ok(copy)
    }

    /// Forgets the gaps at the end: what is taken from there makes room for what comes next, though not for the
    /// slot.
    pub(super) fn drop_gaps_at_end(&mut self) {
        while self
            .entries
            .last()
            .is_some_and(|entry| entry.key.is_unbound())
        {
            self.entries.pop();
        }
        self.first = self.first.min(self.entries.len());
    }

    pub(super) fn live(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries[self.first.min(self.entries.len())..]
            .iter()
            .filter(|entry| !entry.key.is_unbound())
    }

    #[inline(always)]
    pub(super) fn advance(&self, position: &mut usize) -> Option<&Entry> {
        let mut at = (*position).max(self.first);
        while let Some(entry) = self.entries.get(at) {
            at += 1;
            if !entry.key.is_unbound() {
                *position = at;
                return Some(entry);
            }
        }
        *position = at;
        None
    }

    pub(super) fn first_live(&self) -> usize {
        (self.first..self.entries.len())
            .find(|&position| !self.entries[position].key.is_unbound())
            .unwrap_or(0)
    }
}

impl Table {
    /// Gives the memory back at once: nobody reads the table.
    #[inline]
    pub(super) fn drop_unread(&mut self) {
        drop(std::mem::take(&mut self.entries));
        drop(std::mem::take(&mut self.index));
    }
}

impl Drop for Table {
    #[inline]
    fn drop(&mut self) {
        if world::is_shared() && self.entries.capacity() > 0 {
            let mut entries = std::mem::take(&mut self.entries);
            entries.clear();
            items::leave(entries);
            self.set_index(Box::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::hash::hash_integer;

    fn set(table: &mut Table, number: i64) {
        let key = Value::Int(number);
        let hash = hash_integer(number);
        if let Probe::Absent = table.probe_key(hash, &key) {
            table.make_room_for_one().unwrap();
            table.push(hash, key, Value::Int(-number));
        }
    }

    fn find(table: &Table, number: i64) -> Option<usize> {
        match table.probe_key(hash_integer(number), &Value::Int(number)) {
            Probe::Found(position) => Some(position),
            _ => None,
        }
    }

    fn keys(table: &Table) -> Vec<i64> {
        table
            .live()
            .map(|entry| match entry.key {
                Value::Int(number) => number,
                _ => unreachable!(),
            })
            .collect()
    }

    #[test]
    fn keys_are_found_and_keep_their_order() {
        let mut table = Table::default();
        let numbers: Vec<i64> = (0..1000)
            .map(|number| number * 7919 % 1009 * 4096)
            .collect();
        for (count, &number) in numbers.iter().enumerate() {
            assert_eq!(find(&table, number), None);
            set(&mut table, number);
            assert_eq!(table.live, count + 1);
        }
        for &number in &numbers {
            assert!(find(&table, number).is_some());
        }
        assert_eq!(keys(&table), numbers);
    }

    #[test]
    fn removed_keys_leave_no_trace() {
        let mut table = Table::default();
        for number in 0..100 {
            set(&mut table, number);
        }
        for number in (0..100).step_by(2) {
            let position = find(&table, number).unwrap();
            table.take(position);
        }
        for number in 0..100 {
            assert_eq!(find(&table, number).is_some(), number % 2 == 1);
        }
        for number in 100..150 {
            set(&mut table, number);
        }
        let expected: Vec<i64> = (1..100).step_by(2).chain(100..150).collect();
        assert_eq!(keys(&table), expected);
    }

    #[test]
    fn a_queue_does_not_grow() {
        let mut table = Table::default();
        for number in 0..100_000 {
            set(&mut table, number);
            if table.live > 20 {
                let mut position = 0;
                table.advance(&mut position).unwrap();
                table.take(position - 1);
            }
        }
        assert_eq!(table.live, 20);
        assert!(table.entries.capacity() < 200 && table.index.len() < 200);
    }

    #[test]
    fn a_stack_does_not_grow() {
        let mut table = Table::default();
        for number in 0..20 {
            set(&mut table, number);
        }
        for number in 20..100_000 {
            set(&mut table, number);
            let last = table.entries.len() - 1;
            table.take(last);
            table.drop_gaps_at_end();
        }
        assert_eq!(keys(&table), (0..20).collect::<Vec<_>>());
        assert!(table.index.len() < 200);
    }

    #[test]
    fn equal_numbers_of_different_types_are_one_key() {
        let mut table = Table::default();
        set(&mut table, 1);
        for key in [Value::Bool(true), Value::Float(1.0)] {
            assert!(matches!(table.probe_key(1, &key), Probe::Found(0)));
        }
        assert!(matches!(
            table.probe_key(1, &Value::Float(1.5)),
            Probe::Absent
        ));
    }
}
