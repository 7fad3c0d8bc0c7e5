//! Sets, frozensets included. Every operation is atomic: other threads see it whole or not at
//! all. Knows how items are stored and found; it must not know the methods that scripts call.
//!
//! Scripts see the order in which a set gives its items, so the table is CPython's: open
//! addressing with runs of linear probes, the same sizes, the same moments of growth. Sets of
//! small integers then have CPython's order.
//!
//! As with dicts, items of built-in types are compared under the lock, and for others the
//! candidates are compared without it and the search starts over if the table changed. While several
//! threads live, looks take no lock, as with dicts and for the same reasons.

use std::sync::atomic::{AtomicI64, Ordering};

use self::look::View;
use self::table::{Probe, Slot, Table};
use super::compare::identical_or_equal;
use super::hash::{hash, hash_unordered, quick_hash};
use super::lock::{Versioned, VersionedGuard};
use super::object::Object;
use super::{Outcome, Value, room};
use crate::eval::context::Context;
use crate::runtime::world;

mod look;
mod table;

/// A set or frozenset.
#[derive(Default)]
pub struct Set {
    table: Versioned<Table>,
    /// The hash of a frozenset, or 0 before it was asked for.
    hash: AtomicI64,
}

impl Set {
    /// An empty set.
    pub fn new() -> Self {
        Set::default()
    }

    /// A set of these items, added one after the other.
    ///
    /// # Errors
    /// `TypeError` for an item that cannot be hashed, or what the items' own methods raise.
    pub fn from_items(cx: &mut Context, items: impl IntoIterator<Item = Value>) -> Outcome<Self> {
        let set = Set::new();
        for item in items {
            set.add(cx, item)?;
        }
        Ok(set)
    }

    /// The frozenset that CPython's compiler makes of a display of constants; `None` when one of
    /// them cannot be hashed or compared at once. The compiler makes the set twice, the second
    /// time in the order of the first, and scripts can tell.
    pub fn of_constants(items: &[Value]) -> Option<Self> {
        fn add_all<'a>(items: impl Iterator<Item = &'a Value>) -> Option<Table> {
            let mut table = Table::default();
            for item in items {
                let hash = quick_hash(item)?;
                match table.probe(hash, item) {
                    Probe::Absent(slot) => table.add_at(slot, hash, item.clone()).ok()?,
                    Probe::Found(_) => {}
                    Probe::Uncertain => return None,
                }
            }
            Some(table)
        }
        let mut first = add_all(items.iter())?;
        let second = add_all(first.live().map(|slot| &slot.item))?;
        first.drop_unread();
        Some(Set {
            table: Versioned::new(second),
            hash: AtomicI64::new(0),
        })
    }

    /// Number of items.
    #[inline(always)]
    pub fn len(&self) -> usize {
        if !world::is_shared() {
            // SAFETY: no other thread.
            return unsafe { &*self.table.as_ptr() }.used;
        }
        // SAFETY: the table of this set; one word of it is copied.
        let seen = self
            .table
            .peek(|table| unsafe { (&raw const (*table).used).read_volatile() });
        match seen {
            Some(used) => used,
            None => self.table.lock().used,
        }
    }

    /// Whether it has no items.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What changes when the size does: an iterator that finds another number than at its start
    /// raises `Set changed size during iteration`.
    pub fn size_version(&self) -> usize {
        self.len()
    }

    /// The hash of a frozenset. Needs no script code: the items' hashes are kept with them.
    pub fn hash(&self) -> i64 {
        let known = self.hash.load(Ordering::Relaxed);
        if known != 0 {
            return known;
        }
        let hash = hash_unordered(self.table.lock().live().map(|slot| slot.hash));
        self.hash.store(hash, Ordering::Relaxed);
        hash
    }

    /// Finds an item and keeps the lock: `Ok` with its slot, or `Err` with the free slot where
    /// it would go.
    #[inline]
    fn locate(
        &self,
        cx: &mut Context,
        hash: i64,
        item: &Value,
    ) -> Outcome<(VersionedGuard<'_, Table>, Result<usize, usize>)> {
        let table = self.table.lock();
        match table.probe(hash, item) {
            Probe::Found(slot) => Ok((table, Ok(slot))),
            Probe::Absent(slot) => Ok((table, Err(slot))),
            Probe::Uncertain => {
                drop(table);
                self.locate_slowly(cx, hash, item)
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn locate_slowly(
        &self,
        cx: &mut Context,
        hash: i64,
        item: &Value,
    ) -> Outcome<(VersionedGuard<'_, Table>, Result<usize, usize>)> {
        'again: loop {
            let table = self.table.lock();
            if let Probe::Found(slot) = table.probe(hash, item) {
                return Ok((table, Ok(slot)));
            }
            let version = table.version;
            let (candidates, free) = table.uncertain(hash, item);
            drop(table);
            for (slot, candidate) in &candidates {
                if identical_or_equal(cx, candidate, item)? {
                    let table = self.table.lock();
                    if table.version != version {
                        drop(table);
                        continue 'again;
                    }
                    return Ok((table, Ok(*slot)));
                }
            }
            let table = self.table.lock();
            if table.version == version {
                return Ok((table, Err(free)));
            }
        }
    }

    /// Adds an item; `false` when it was there already.
    ///
    /// # Errors
    /// `TypeError` for an item that cannot be hashed, or what the item's own methods raise.
    #[inline]
    pub fn add(&self, cx: &mut Context, item: Value) -> Outcome<bool> {
        let hash = hash(cx, &item)?;
        self.add_hashed(cx, hash, item)
    }

    #[inline]
    fn add_hashed(&self, cx: &mut Context, hash: i64, item: Value) -> Outcome<bool> {
        let (mut table, place) = self.locate(cx, hash, &item)?;
        match place {
            Ok(_) => {
                drop(table);
                Ok(false)
            }
            Err(free) => {
                if let Err(_unplaced) = table.add_at(free, hash, item) {
                    return Err(room::refused(table));
                }
                Ok(true)
            }
        }
    }

    /// Whether an item is there.
    ///
    /// # Errors
    /// As [`Set::add`].
    #[inline]
    pub fn contains(&self, cx: &mut Context, item: &Value) -> Outcome<bool> {
        let hash = hash(cx, item)?;
        self.contains_hashed(cx, hash, item)
    }

    #[inline]
    fn contains_hashed(&self, cx: &mut Context, hash: i64, item: &Value) -> Outcome<bool> {
        if !world::is_shared() {
            // SAFETY: no other thread, and no script code runs.
            match unsafe { &*self.table.as_ptr() }.probe(hash, item) {
                Probe::Found(_) => return Ok(true),
                Probe::Absent(_) => return Ok(false),
                Probe::Uncertain => {}
            }
        } else if let Some(found) = self.contains_shared(hash, item) {
            return Ok(found);
        }
        Ok(self.locate_slowly(cx, hash, item)?.1.is_ok())
    }

    /// Takes an item out; `None` when it was not there.
    ///
    /// # Errors
    /// As [`Set::add`].
    pub fn remove(&self, cx: &mut Context, item: &Value) -> Outcome<Option<Value>> {
        let hash = hash(cx, item)?;
        self.remove_hashed(cx, hash, item)
    }

    fn remove_hashed(&self, cx: &mut Context, hash: i64, item: &Value) -> Outcome<Option<Value>> {
        let (mut table, place) = self.locate(cx, hash, item)?;
        Ok(place.ok().map(|slot| table.take(slot)))
    }

    /// Takes some item out.
    pub fn pop(&self) -> Option<Value> {
        let mut table = self.table.lock();
        if table.used == 0 {
            return None;
        }
        let mask = table.mask;
        let mut slot = table.finger & mask;
        while !table.slots[slot].is_live() {
            slot = (slot + 1) & mask;
        }
        table.finger = slot + 1;
        Some(table.take(slot))
    }

    /// Takes everything out.
    pub fn clear(&self) {
        drop(self.replace(Table::default()));
    }

    /// Puts another table in the place of this set's.
    fn replace(&self, mut new: Table) -> Table {
        let mut table = self.table.lock();
        new.version = table.version + 1;
        std::mem::replace(&mut *table, new)
    }

    /// The items at this moment.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn snapshot(&self) -> Outcome<Vec<Value>> {
        self.gathered(|slot| slot.item.clone())
    }

    /// The items with their hashes at this moment.
    fn contents(&self) -> Outcome<Vec<Slot>> {
        self.gathered(Slot::clone)
    }

    fn gathered<T>(&self, part: impl Fn(&Slot) -> T) -> Outcome<Vec<T>> {
        room::gathered(
            self.table.lock(),
            |table| table.used,
            |table, all| all.extend(table.live().map(part)),
        )
    }

    /// The first item at or after `position`, which then stands behind it. An iteration starts
    /// at 0.
    #[inline]
    pub fn item_at(&self, position: &mut usize) -> Option<Value> {
        if world::is_shared()
            && let Some((behind, item)) = self.item_shared(*position)
        {
            *position = behind;
            return item;
        }
        let table = self.table.lock();
        while let Some(slot) = table.slots.get(*position) {
            *position += 1;
            if slot.is_live() {
                return Some(slot.item.clone());
            }
        }
        None
    }

    /// A set with the same items.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn copy(&self) -> Outcome<Set> {
        let table = self.table.lock();
        match table.copy() {
            Ok(copy) => Ok(Set {
                table: Versioned::new(copy),
                hash: AtomicI64::new(0),
            }),
            Err(_) => Err(room::refused(table)),
        }
    }

    /// Adds all items of another set.
    ///
    /// # Errors
    /// What the items' own methods raise, and `MemoryError`.
    pub fn update(&self, cx: &mut Context, other: &Set) -> Outcome<()> {
        if std::ptr::eq(self, other) {
            return Ok(());
        }
        let mut others = Vec::new();
        let table = other.table.lock();
        let (count, is_whole) = (table.used, table.fill == table.used);
        if count == 0 {
            return Ok(());
        }
        if others.try_reserve_exact(table.slots.len()).is_err() {
            return Err(room::refused(table));
        }
        others.extend_from_slice(&table.slots);
        drop(table);
        let mut table = self.table.lock();
        if table.reserve(count).is_err() {
            return Err(room::refused(table));
        }
        if table.fill == 0 {
            // Nothing to compare with.
            if is_whole && others.len() == table.mask + 1 {
                table.set_slots(others.into());
            } else if table.have_slots().is_ok() {
                others
                    .into_iter()
                    .filter(Slot::is_live)
                    .for_each(|slot| table.insert_clean(slot));
            } else {
                return Err(room::refused(table));
            }
            table.fill = count;
            table.used = count;
            table.version += 1;
            return Ok(());
        }
        // What the set has already stays here until its lock is let go.
        for Slot { hash, item } in &mut others {
            if item.is_unbound() {
                continue;
            }
            match table.probe(*hash, item) {
                Probe::Absent(free) => {
                    if let Err(_unplaced) = table.add_at(free, *hash, item.take()) {
                        return Err(room::refused(table));
                    }
                }
                Probe::Found(_) => {}
                Probe::Uncertain => {
                    drop(table);
                    self.add_hashed(cx, *hash, item.take())?;
                    table = self.table.lock();
                }
            }
        }
        drop(table);
        Ok(())
    }

    /// Adds all keys of a dict.
    ///
    /// # Errors
    /// As [`Set::add`].
    pub fn update_keys(&self, cx: &mut Context, keys: Vec<Value>) -> Outcome<()> {
        let mut table = self.table.lock();
        if table.reserve(keys.len()).is_err() {
            return Err(room::refused(table));
        }
        drop(table);
        for key in keys {
            self.add(cx, key)?;
        }
        Ok(())
    }

    /// Removes all items of another set.
    ///
    /// # Errors
    /// What the items' own methods raise.
    pub fn difference_update(&self, cx: &mut Context, other: &Set) -> Outcome<()> {
        if std::ptr::eq(self, other) {
            self.clear();
            return Ok(());
        }
        // If the other set is far larger, only their common items matter.
        let common;
        let other = if other.len() >> 3 > self.len() {
            common = self.intersection(cx, other)?;
            &common
        } else {
            other
        };
        for Slot { hash, item } in other.contents()? {
            let removed = self.remove_hashed(cx, hash, &item)?;
            drop(removed);
        }
        self.table.lock().tidy();
        Ok(())
    }

    /// Removes all these items.
    ///
    /// # Errors
    /// As [`Set::add`].
    pub fn difference_update_items(&self, cx: &mut Context, items: Vec<Value>) -> Outcome<()> {
        for item in &items {
            let removed = self.remove(cx, item)?;
            drop(removed);
        }
        self.table.lock().tidy();
        Ok(())
    }

    /// The items of this set and of another.
    ///
    /// # Errors
    /// What the items' own methods raise.
    pub fn union(&self, cx: &mut Context, other: &Set) -> Outcome<Set> {
        let result = self.copy()?;
        if !std::ptr::eq(self, other) {
            result.update(cx, other)?;
        }
        Ok(result)
    }

    /// The items that both sets have.
    ///
    /// # Errors
    /// What the items' own methods raise.
    pub fn intersection(&self, cx: &mut Context, other: &Set) -> Outcome<Set> {
        if std::ptr::eq(self, other) {
            return self.copy();
        }
        let (large, small) = if other.len() > self.len() {
            (other, self)
        } else {
            (self, other)
        };
        let result = Set::new();
        for Slot { hash, item } in small.contents()? {
            if large.contains_hashed(cx, hash, &item)? {
                result.add_hashed(cx, hash, item)?;
            }
        }
        Ok(result)
    }

    /// Those of the given items that the set has.
    ///
    /// # Errors
    /// As [`Set::add`].
    pub fn intersection_items(&self, cx: &mut Context, items: Vec<Value>) -> Outcome<Set> {
        let result = Set::new();
        for item in items {
            let hash = hash(cx, &item)?;
            if self.contains_hashed(cx, hash, &item)? {
                result.add_hashed(cx, hash, item)?;
            }
        }
        Ok(result)
    }

    /// Keeps only what this other set, made from this one, has: `intersection_update`.
    pub fn become_set(&self, mut other: Set) {
        drop(self.replace(std::mem::take(other.table.get_mut())));
    }

    /// The items that another set has not.
    ///
    /// # Errors
    /// What the items' own methods raise.
    pub fn difference(&self, cx: &mut Context, other: &Set) -> Outcome<Set> {
        // If the other set is far smaller, its items are removed from a copy.
        if self.len() >> 2 > other.len() {
            let result = self.copy()?;
            result.difference_update(cx, other)?;
            return Ok(result);
        }
        let result = Set::new();
        for Slot { hash, item } in self.contents()? {
            if !other.contains_hashed(cx, hash, &item)? {
                result.add_hashed(cx, hash, item)?;
            }
        }
        Ok(result)
    }

    /// The items that exactly one of both sets has.
    ///
    /// # Errors
    /// What the items' own methods raise.
    pub fn symmetric_difference(&self, cx: &mut Context, other: &Set) -> Outcome<Set> {
        let result = other.copy()?;
        result.symmetric_difference_update(cx, self)?;
        Ok(result)
    }

    /// Removes the items that another set has too, and adds those that only it has.
    ///
    /// # Errors
    /// What the items' own methods raise.
    pub fn symmetric_difference_update(&self, cx: &mut Context, other: &Set) -> Outcome<()> {
        if std::ptr::eq(self, other) {
            self.clear();
            return Ok(());
        }
        for Slot { hash, item } in other.contents()? {
            let removed = self.remove_hashed(cx, hash, &item)?;
            if removed.is_none() {
                self.add_hashed(cx, hash, item)?;
            }
        }
        Ok(())
    }

    /// Whether another set has all items of this one.
    ///
    /// # Errors
    /// What the items' own methods raise.
    pub fn is_subset(&self, cx: &mut Context, other: &Set) -> Outcome<bool> {
        if std::ptr::eq(self, other) {
            return Ok(true);
        }
        if self.len() > other.len() {
            return Ok(false);
        }
        for Slot { hash, item } in self.contents()? {
            if !other.contains_hashed(cx, hash, &item)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the sets have no item in common.
    ///
    /// # Errors
    /// What the items' own methods raise.
    pub fn is_disjoint(&self, cx: &mut Context, other: &Set) -> Outcome<bool> {
        let (large, small) = if other.len() > self.len() {
            (other, self)
        } else {
            (self, other)
        };
        for Slot { hash, item } in small.contents()? {
            if large.contains_hashed(cx, hash, &item)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Drop for Set {
    #[inline]
    fn drop(&mut self) {
        if world::is_shared() {
            // Nobody reads a set that is freed.
            self.table.get_mut().drop_unread();
        }
    }
}

impl Object for Set {
    const CLOSES_CYCLES: bool = true;
    const IS_HEAVY: bool = true;

    fn weight(&self) -> usize {
        // SAFETY: the table of this set; two words are loaded.
        unsafe { View::of(self.table.as_ptr()) }.weight()
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.table.lock().live().for_each(|slot| visit(&slot.item));
    }

    fn clear(&self) {
        Set::clear(self);
    }
}
