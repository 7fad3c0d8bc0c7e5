//! The table of a set: CPython's own open addressing, because scripts see the order in which a set
//! gives its items. Runs of linear probes, the same sizes, the same moments of growth. Knows no
//! lock and runs no script code: where items can only be compared by script code, it says so.
//!
//! A thread may look at a table without the set's lock ([`super::look`]). Slots that the table leaves are
//! therefore given back only when no thread can be reading them any more, like the memory of lists.

use crate::runtime::world;
use crate::value::Value;
use crate::value::compare::quick_same_or_equal;
use crate::value::items;

/// From this size on a table asks whether there is memory for a larger one.
const LARGE: usize = 1 << 14;

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

    pub(super) fn allocate(&mut self) {
        if self.slots.is_empty() {
            self.slots = vec![Slot::FREE; self.mask + 1].into();
        }
    }

    /// Puts a new item into the slot that `probe` found for it.
    #[inline]
    pub(super) fn add_at(&mut self, slot: usize, hash: i64, item: Value) {
        let slot = if self.slots.is_empty() {
            self.allocate();
            hash as usize & self.mask
        } else {
            slot
        };
        let reused = self.slots[slot].hash == REMOVED;
        self.slots[slot] = Slot { hash, item };
        self.used += 1;
        self.version += 1;
        if reused {
            return;
        }
        self.fill += 1;
        if self.fill * 5 >= self.mask * 3 {
            self.resize(self.growth());
        }
    }

    /// Whether there is memory for the table that adding one item may need.
    #[inline]
    pub(super) fn can_grow(&self) -> bool {
        (self.fill + 1) * 5 < self.mask * 3 || self.mask < LARGE || self.has_memory_to_grow()
    }

    #[cold]
    #[inline(never)]
    fn has_memory_to_grow(&self) -> bool {
        let slots = (self.growth() + 8).next_power_of_two();
        Vec::<Slot>::new().try_reserve_exact(slots).is_ok()
    }

    /// Whether there is memory for a table of so many slots more.
    pub(super) fn can_hold(&self, slots: usize) -> bool {
        slots < LARGE
            || Vec::<Slot>::new()
                .try_reserve_exact(self.used * 4 + slots)
                .is_ok()
    }

    pub(super) fn growth(&self) -> usize {
        if self.used > 50_000 {
            self.used * 2
        } else {
            self.used * 4
        }
    }

    /// Makes the table anew with more slots than `least`.
    #[cold]
    #[inline(never)]
    pub(super) fn resize(&mut self, least: usize) {
        let mut size = SMALLEST;
        while size <= least {
            size <<= 1;
        }
        let old = std::mem::take(&mut self.slots);
        self.mask = size - 1;
        self.allocate();
        self.fill = self.used;
        self.version += 1;
        let mut old = old.into_vec();
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
            self.resize(self.growth());
        }
    }

    /// What adding `more` items at once grows to beforehand.
    pub(super) fn reserve(&mut self, more: usize) {
        if (self.fill + more) * 5 >= self.mask * 3 {
            self.resize((self.used + more) * 2);
        }
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
            table.add_at(slot, hash, item);
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
