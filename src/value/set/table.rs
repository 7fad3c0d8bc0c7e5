//! The table of a set: CPython's own open addressing, because scripts see the order in which a set
//! gives its items. Runs of linear probes, the same sizes, the same moments of growth. Knows no
//! lock and runs no script code: where items can only be compared by script code, it says so.
//!
//! A thread may look at a table without the set's lock ([`super::look`]). Slots that the table leaves are
//! therefore given back only when no thread can be reading them any more, like the memory of lists.

use std::collections::TryReserveError;

use crate::runtime::world;
use crate::value::Value;
use crate::value::compare::quick_same_or_equal;
use crate::value::items;

/// Slots of the smallest table.
const SMALLEST: usize = 8;
/// Slots looked at in a row before jumping.
const LINEAR_PROBES: usize = 9;
/// How many bits of the hash each jump brings in.
const PERTURB_SHIFT: u32 = 5;
/// The hash in a slot whose item was removed; no item has it.
pub(super) const REMOVED: i64 = -1;

/// An item with its hash.
#[derive(Clone)]
pub(super) struct Slot {
    pub(super) hash: i64,
    /// `Unbound` in a slot that is free (hash 0) or whose item was removed.
    pub(super) item: Value,
}

impl Slot {
    pub(super) const FREE: Slot = Slot {
        hash: 0,
        item: Value::Unbound,
    };

    #[inline(always)]
    pub(super) fn is_live(&self) -> bool {
        !self.item.is_unbound()
    }
}

pub(super) struct Table {
    /// Empty until the first item comes; otherwise `mask + 1` slots.
    pub(super) slots: Box<[Slot]>,
    pub(super) mask: usize,
    /// Slots that are not free.
    pub(super) fill: usize,
    /// Items.
    pub(super) used: usize,
    /// Where `pop` looks first.
    pub(super) finger: usize,
    /// Changes whenever the place of an item may have changed.
    pub(super) version: u64,
}

impl Default for Table {
    fn default() -> Self {
        Table {
            slots: Box::default(),
            mask: SMALLEST - 1,
            fill: 0,
            used: 0,
            finger: 0,
            version: 0,
        }
    }
}

/// What looking at a table without running script code can tell.
pub(super) enum Probe {
    Found(usize),
    /// Not there; the slot where it would go, if the table has slots: the last one on the way
    /// whose item was removed, or else the free one at the end of the way.
    Absent(usize),
    /// Some item with the same hash can only be compared by script code.
    Uncertain,
}

/// The slots in the order in which a hash is looked for: runs of neighbours, then jumps.
pub(super) struct Probes {
    mask: usize,
    perturb: u64,
    home: usize,
    pub(super) at: usize,
    left: usize,
}

impl Probes {
    #[inline(always)]
    pub(super) fn new(hash: i64, mask: usize) -> Self {
        let home = hash as usize & mask;
        Probes {
            mask,
            perturb: hash as u64,
            home,
            at: home,
            left: Self::run(home, mask),
        }
    }

    #[inline(always)]
    pub(super) fn run(home: usize, mask: usize) -> usize {
        if home + LINEAR_PROBES <= mask {
            LINEAR_PROBES
        } else {
            0
        }
    }

    #[inline(always)]
    pub(super) fn advance(&mut self) {
        if self.left > 0 {
            self.left -= 1;
            self.at += 1;
        } else {
            self.perturb >>= PERTURB_SHIFT;
            self.home = self
                .home
                .wrapping_mul(5)
                .wrapping_add(1)
                .wrapping_add(self.perturb as usize)
                & self.mask;
            self.at = self.home;
            self.left = Self::run(self.home, self.mask);
        }
    }
}

impl Table {
    #[inline]
    pub(super) fn probe(&self, hash: i64, item: &Value) -> Probe {
        if self.slots.is_empty() {
            return Probe::Absent(0);
        }
        let mut uncertain = false;
        let mut removed = None;
        let mut probes = Probes::new(hash, self.mask);
        loop {
            let slot = &self.slots[probes.at];
            if slot.is_live() {
                if slot.hash == hash {
                    match quick_same_or_equal(&slot.item, item) {
                        Some(true) => return Probe::Found(probes.at),
                        Some(false) => {}
                        None => uncertain = true,
                    }
                }
            } else if slot.hash == REMOVED {
                removed = Some(probes.at);
            } else if uncertain {
                return Probe::Uncertain;
            } else {
                return Probe::Absent(removed.unwrap_or(probes.at));
            }
            probes.advance();
        }
    }

    /// The items with this hash that only script code can compare, and where the item would go.
    pub(super) fn uncertain(&self, hash: i64, item: &Value) -> (Vec<(usize, Value)>, usize) {
        let mut candidates = Vec::new();
        if self.slots.is_empty() {
            return (candidates, 0);
        }
        let mut removed = None;
        let mut probes = Probes::new(hash, self.mask);
        loop {
            let slot = &self.slots[probes.at];
            if slot.is_live() {
                if slot.hash == hash && quick_same_or_equal(&slot.item, item).is_none() {
                    candidates.push((probes.at, slot.item.clone()));
                }
            } else if slot.hash == REMOVED {
                removed = Some(probes.at);
            } else {
                return (candidates, removed.unwrap_or(probes.at));
            }
            probes.advance();
        }
    }

    /// Slots for a table in which nothing is yet.
    fn free_slots(count: usize) -> Result<Box<[Slot]>, TryReserveError> {
        let mut slots = Vec::new();
        slots.try_reserve_exact(count)?;
        slots.resize(count, Slot::FREE);
        Ok(slots.into())
    }

    /// Puts a new item into the slot that `probe` found for it.
    ///
    /// # Errors
    /// The item, where there is no memory for it: it is to be dropped when no lock is held.
    #[inline]
    pub(super) fn add_at(&mut self, slot: usize, hash: i64, item: Value) -> Result<(), Value> {
        let Some(place) = self.slots.get(slot) else {
            return self.add_first(hash, item);
        };
        let is_free = place.hash != REMOVED;
        if is_free && (self.fill + 1) * 5 >= self.mask * 3 {
            return self.add_growing(slot, hash, item);
        }
        self.put(slot, hash, item);
        self.fill += usize::from(is_free);
        Ok(())
    }

    #[inline(always)]
    fn put(&mut self, slot: usize, hash: i64, item: Value) {
        self.slots[slot] = Slot { hash, item };
        self.used += 1;
        self.version += 1;
    }

    #[cold]
    #[inline(never)]
    fn add_first(&mut self, hash: i64, item: Value) -> Result<(), Value> {
        if self.have_slots().is_err() {
            return Err(item);
        }
        self.put(hash as usize & self.mask, hash, item);
        self.fill += 1;
        Ok(())
    }

    /// Adds an item that makes the table grow. As in CPython the item takes its place before all are placed anew, in the
    /// order of the old table.
    #[cold]
    #[inline(never)]
    fn add_growing(&mut self, slot: usize, hash: i64, item: Value) -> Result<(), Value> {
        let Ok(next) = Table::free_slots(Table::size_above(Table::growth(self.used + 1))) else {
            return Err(item);
        };
        self.put(slot, hash, item);
        self.move_to(next);
        Ok(())
    }

    /// Gives an empty table the slots that its mask speaks of.
    pub(super) fn have_slots(&mut self) -> Result<(), TryReserveError> {
        if self.slots.is_empty() {
            self.slots = Table::free_slots(self.mask + 1)?;
        }
        Ok(())
    }

    /// More slots than this has a table that grew because it has so many items.
    fn growth(used: usize) -> usize {
        if used > 50_000 { used * 2 } else { used * 4 }
    }

    /// The size of a table with more slots than `least`.
    fn size_above(least: usize) -> usize {
        let mut size = SMALLEST;
        while size <= least {
            size <<= 1;
        }
        size
    }

    /// Makes the table anew with more slots than `least`.
    #[cold]
    #[inline(never)]
    fn resize(&mut self, least: usize) -> Result<(), TryReserveError> {
        self.move_to(Table::free_slots(Table::size_above(least))?);
        Ok(())
    }

    /// Places all items anew, in other slots.
    fn move_to(&mut self, slots: Box<[Slot]>) {
        self.mask = slots.len() - 1;
        let mut old = std::mem::replace(&mut self.slots, slots).into_vec();
        self.fill = self.used;
        self.version += 1;
        for slot in old.drain(..) {
            if slot.is_live() {
                self.insert_clean(slot);
            }
        }
        if world::is_shared() {
            items::leave(old);
        }
    }

    /// Puts an item that is known to be new into a table without removed items.
    pub(super) fn insert_clean(&mut self, slot: Slot) {
        let mut probes = Probes::new(slot.hash, self.mask);
        while self.slots[probes.at].is_live() {
            probes.advance();
        }
        self.slots[probes.at] = slot;
    }

    /// Takes out the item in this slot.
    pub(super) fn take(&mut self, slot: usize) -> Value {
        self.used -= 1;
        self.version += 1;
        self.slots[slot].hash = REMOVED;
        self.slots[slot].item.take()
    }

    /// Resizes if more than a quarter of the slots held removed items.
    pub(super) fn tidy(&mut self) {
        if self.fill - self.used > self.mask / 4 {
            // Refused: the table stays as large as it is.
            let _ = self.resize(Table::growth(self.used));
        }
    }

    /// Grows beforehand, for adding `more` items at once.
    ///
    /// # Errors
    /// Where there is no memory for it; the table is as it was.
    pub(super) fn reserve(&mut self, more: usize) -> Result<(), TryReserveError> {
        if (self.fill + more) * 5 >= self.mask * 3 {
            self.resize((self.used + more) * 2)?;
        }
        Ok(())
    }

    /// A table with the same items.
    ///
    /// # Errors
    /// Where there is no memory for it.
    pub(super) fn copy(&self) -> Result<Table, TryReserveError> {
        let mut copy = Table::default();
        if self.used == 0 {
            return Ok(copy);
        }
        if self.used * 5 >= copy.mask * 3 {
            copy.mask = Table::size_above(self.used * 2) - 1;
        }
        // A table of the same size is copied as it stands; otherwise the items are placed anew.
        if copy.mask == self.mask && self.fill == self.used {
            let mut slots = Vec::new();
            slots.try_reserve_exact(self.slots.len())?;
            slots.extend_from_slice(&self.slots);
            copy.slots = slots.into();
        } else {
            copy.have_slots()?;
            for slot in self.live() {
                copy.insert_clean(slot.clone());
            }
        }
        copy.fill = self.used;
        copy.used = self.used;
        Ok(copy)
    }

    pub(super) fn live(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|slot| slot.is_live())
    }
}

impl Table {
    /// Gives the memory back at once: nobody reads the table.
    #[inline]
    pub(super) fn drop_unread(&mut self) {
        drop(std::mem::take(&mut self.slots));
    }

    /// Puts other slots in the place of the table's, none of which holds an item.
    pub(super) fn set_slots(&mut self, slots: Box<[Slot]>) {
        let mut old = std::mem::replace(&mut self.slots, slots).into_vec();
        old.clear();
        if world::is_shared() {
            items::leave(old);
        }
    }
}

impl Drop for Table {
    #[inline]
    fn drop(&mut self) {
        if world::is_shared() && !self.slots.is_empty() {
            let mut slots = std::mem::take(&mut self.slots).into_vec();
            slots.clear();
            items::leave(slots);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::hash::quick_hash;

    fn add(table: &mut Table, number: i64) {
        let item = Value::Int(number);
        let hash = quick_hash(&item).unwrap();
        if let Probe::Absent(slot) = table.probe(hash, &item) {
            table.add_at(slot, hash, item).ok().unwrap();
        }
    }

    fn order(table: &Table) -> Vec<i64> {
        table
            .live()
            .map(|slot| match slot.item {
                Value::Int(number) => number,
                _ => unreachable!(),
            })
            .collect()
    }

    #[test]
    fn small_integers_come_in_the_order_of_cpython() {
        for (added, expected) in [
            (vec![8, 16, 24], vec![8, 16, 24]),
            (
                vec![5, 1000, 33, 65, 97, 129],
                vec![33, 65, 97, 129, 5, 1000],
            ),
            (vec![64, 32, 128, 7, 9], vec![64, 32, 128, 7, 9]),
            (vec![100, 3, 17, 40, 2], vec![2, 3, 100, 40, 17]),
            (vec![-1, -2, -3, 0], vec![0, -3, -1, -2]),
            (vec![27, 10, 3, 28], vec![3, 10, 27, 28]),
        ] {
            let mut table = Table::default();
            for &number in &added {
                add(&mut table, number);
            }
            assert_eq!(order(&table), expected, "{added:?}");
        }
    }

    #[test]
    fn the_slot_of_a_removed_item_is_used_again() {
        let mut table = Table::default();
        for number in [0, 1, 2] {
            add(&mut table, number);
        }
        let item = Value::Int(0);
        let Probe::Found(slot) = table.probe(0, &item) else {
            unreachable!()
        };
        table.take(slot);
        add(&mut table, 8);
        assert_eq!(order(&table), [8, 1, 2]);
    }

    #[test]
    fn a_table_of_removed_items_stays_small() {
        let mut table = Table::default();
        for number in 0..10_000 {
            add(&mut table, number);
            let Probe::Found(slot) = table.probe(number, &Value::Int(number)) else {
                unreachable!()
            };
            table.take(slot);
        }
        assert_eq!(table.used, 0);
        assert!(table.slots.len() <= 8);
    }
}
