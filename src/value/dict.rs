//! Dicts: hash tables that keep the order of insertion. Every operation is atomic: other threads
//! see it whole or not at all. Knows how entries are stored and found; it must not know the
//! methods that scripts call.
//!
//! Comparing two keys may run script code, and then the dict's lock must not be held. Keys of
//! built-in types are compared under the lock (`quick_same_or_equal` never runs
//! script code nor takes a lock). For all others the candidates are copied, compared without the lock,
//! and the search starts over if the table changed meanwhile, which its version tells. While several
//! threads live, looks take no lock at all where they can do without (`dict/look.rs`).

use std::alloc::{Layout, handle_alloc_error};

use self::look::View;
use self::table::{Entry, Probe, Table};
use super::compare::identical_or_equal;
use super::hash::{hash, hash_integer, quick_hash};
use super::lock::{Versioned, VersionedGuard};
use super::name::Name;
use super::namespace::{self, Namespace};
use super::object::{Object, Ref};
use super::string::hash_text;
use super::{Outcome, Value, room};
use crate::eval::context::Context;
use crate::runtime::world;

mod look;
mod table;
mod walk;

/// A dict.
#[derive(Default)]
pub struct Dict {
    table: Versioned<Table>,
    /// What the dict stands for, if it is more than a dict: the table is then a copy, brought up to
    /// date before every look at it and written back after every change.
    origin: Option<Box<dyn Namespace>>,
}

impl Dict {
    /// An empty dict.
    pub fn new() -> Self {
        Dict::default()
    }

    /// An empty dict, with room for this many entries where there is memory for it.
    pub fn with_capacity(capacity: usize) -> Self {
        let mut table = Table::default();
        // Refused: it is asked for again when the entries come.
        let _ = table.reserve(capacity);
        Dict {
            table: Versioned::new(table),
            origin: None,
        }
    }

    /// A dict of names and values; a name that comes twice has its last value.
    pub fn from_names(pairs: impl IntoIterator<Item = (Name, Value)>) -> Self {
        let pairs = pairs.into_iter();
        let dict = Dict::with_capacity(pairs.size_hint().0);
        for (name, value) in pairs {
            dict.set_name(name, value);
        }
        dict
    }

    /// A dict of these pairs; a key that comes twice keeps its place and has its last value.
    ///
    /// # Errors
    /// `TypeError` for a key that cannot be hashed, or what a key's own methods raise.
    pub fn from_pairs(
        cx: &mut Context,
        pairs: impl IntoIterator<Item = (Value, Value)>,
    ) -> Outcome<Self> {
        let pairs = pairs.into_iter();
        let dict = Dict::with_capacity(pairs.size_hint().0);
        for (key, value) in pairs {
            dict.set(cx, key, value)?;
        }
        Ok(dict)
    }

    /// A dict that stands for a namespace.
    pub(super) fn standing_for(origin: Box<dyn Namespace>) -> Self {
        Dict {
            table: Versioned::default(),
            origin: Some(origin),
        }
    }

    #[inline(always)]
    fn lock(&self) -> VersionedGuard<'_, Table> {
        if self.origin.is_some() {
            self.bring_up_to_date();
        }
        self.table.lock()
    }

    #[cold]
    #[inline(never)]
    fn bring_up_to_date(&self) {
        let Some(origin) = &self.origin else { return };
        let entries = origin.entries();
        let table = self.table.lock();
        let present: Vec<(Value, Value)> = table
            .live()
            .map(|entry| (entry.key.clone(), entry.value.clone()))
            .collect();
        drop(table);
        if namespace::is_current(&present, &entries) {
            return;
        }
        let mut fresh = Dict::from_names(entries);
        let mut table = self.table.lock();
        let version = table.version + 1;
        let old = std::mem::replace(&mut *table, std::mem::take(fresh.table.get_mut()));
        table.version = version;
        drop(table);
        drop(old);
    }

    /// After a change, with the lock let go: does the same to what the dict stands for.
    #[inline(always)]
    fn changed(&self) {
        if self.origin.is_some() {
            self.write_back();
        }
    }

    #[cold]
    #[inline(never)]
    fn write_back(&self) {
        let Some(origin) = &self.origin else { return };
        let table = self.table.lock();
        let entries: Vec<(Value, Value)> = table
            .live()
            .map(|entry| (entry.key.clone(), entry.value.clone()))
            .collect();
        drop(table);
        namespace::write_back(&**origin, entries);
    }

    /// Number of entries.
    #[inline(always)]
    pub fn len(&self) -> usize {
        if self.origin.is_some() {
            return self.lock().live;
        }
        if !world::is_shared() {
            // SAFETY: no other thread.
            return unsafe { &*self.table.as_ptr() }.live;
        }
        // SAFETY: the table of this dict; one word of it is copied.
        let seen = self
            .table
            .peek(|table| unsafe { (&raw const (*table).live).read_volatile() });
        match seen {
            Some(live) => live,
            None => self.table.lock().live,
        }
    }

    /// Whether it has no entries.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What changes when the size does: an iterator that finds another number than at its start
    /// raises `dictionary changed size during iteration`.
    #[inline(always)]
    pub fn size_version(&self) -> usize {
        self.len()
    }

    /// Finds a key and keeps the lock.
    #[inline(always)]
    fn locate(
        &self,
        cx: &mut Context,
        hash: i64,
        key: &Value,
    ) -> Outcome<(VersionedGuard<'_, Table>, Option<usize>)> {
        let table = self.lock();
        match table.probe_key(hash, key) {
            Probe::Found(position) => Ok((table, Some(position))),
            Probe::Absent => Ok((table, None)),
            Probe::Uncertain => {
                drop(table);
                self.locate_slowly(cx, hash, key)
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn locate_slowly(
        &self,
        cx: &mut Context,
        hash: i64,
        key: &Value,
    ) -> Outcome<(VersionedGuard<'_, Table>, Option<usize>)> {
        'again: loop {
            let table = self.lock();
            if let Probe::Found(position) = table.probe_key(hash, key) {
                return Ok((table, Some(position)));
            }
            let version = table.version;
            let candidates = table.uncertain(hash, key);
            drop(table);
            for (position, candidate) in &candidates {
                if identical_or_equal(cx, candidate, key)? {
                    let table = self.lock();
                    if table.version != version {
                        drop(table);
                        continue 'again;
                    }
                    return Ok((table, Some(*position)));
                }
            }
            let table = self.lock();
            if table.version == version {
                return Ok((table, None));
            }
        }
    }

    /// The value of a key.
    ///
    /// # Errors
    /// `TypeError` for a key that cannot be hashed, or what the key's own methods raise.
    #[inline]
    pub fn get(&self, cx: &mut Context, key: &Value) -> Outcome<Option<Value>> {
        self.find(cx, key, false)
    }

    /// The same, of a dict that many threads may use: then they use its values as well.
    ///
    /// # Errors
    /// As [`Dict::get`].
    #[inline]
    pub fn get_from(dict: &Ref<Dict>, cx: &mut Context, key: &Value) -> Outcome<Option<Value>> {
        dict.find(cx, key, dict.header().is_common())
    }

    #[inline(always)]
    fn find(&self, cx: &mut Context, key: &Value, common: bool) -> Outcome<Option<Value>> {
        let hash = hash_key(cx, key)?;
        if self.origin.is_none() {
            if !world::is_shared() {
                // SAFETY: no other thread, and no script code runs before the value is counted.
                let table = unsafe { &*self.table.as_ptr() };
                match table.probe_key(hash, key) {
                    Probe::Found(position) => {
                        return Ok(Some(table.entries[position].value.copy_alone()));
                    }
                    Probe::Absent => return Ok(None),
                    Probe::Uncertain => {}
                }
            } else if let Some(found) = self.find_shared(hash, key, common) {
                return Ok(found);
            }
        }
        let (table, position) = self.locate_slowly(cx, hash, key)?;
        Ok(position.map(|position| table.entries[position].value.clone()))
    }

    /// Whether a key is there.
    ///
    /// # Errors
    /// As [`Dict::get`].
    #[inline]
    pub fn contains(&self, cx: &mut Context, key: &Value) -> Outcome<bool> {
        let hash = hash_key(cx, key)?;
        if self.origin.is_none() {
            if !world::is_shared() {
                // SAFETY: no other thread, and no script code runs.
                match unsafe { &*self.table.as_ptr() }.probe_key(hash, key) {
                    Probe::Found(_) => return Ok(true),
                    Probe::Absent => return Ok(false),
                    Probe::Uncertain => {}
                }
            } else if let Some(found) = self.contains_shared(hash, key) {
                return Ok(found);
            }
        }
        Ok(self.locate_slowly(cx, hash, key)?.1.is_some())
    }

    /// The key as it is stored, and its value.
    ///
    /// # Errors
    /// As [`Dict::get`].
    pub fn get_entry(&self, cx: &mut Context, key: &Value) -> Outcome<Option<(Value, Value)>> {
        let hash = hash_key(cx, key)?;
        let (table, position) = self.locate(cx, hash, key)?;
        Ok(position.map(|position| {
            let entry = &table.entries[position];
            (entry.key.clone(), entry.value.clone())
        }))
    }

    /// The value of a key that is a string.
    pub fn get_str(&self, key: &str) -> Option<Value> {
        self.get_text(hash_text(key) as i64, key)
    }

    /// The value of a key that is a name.
    #[inline]
    pub fn get_name(&self, key: Name) -> Option<Value> {
        self.get_text(key.hash_code() as i64, key.as_str())
    }

    #[inline]
    fn get_text(&self, hash: i64, key: &str) -> Option<Value> {
        if self.is_looked_at()
            && let Some(found) = self.find_text_shared(hash, key)
        {
            return found;
        }
        let table = self.lock();
        let position = table.probe_text(hash, key)?;
        Some(table.entries[position].value.clone())
    }

    /// Sets the value of a key. A key that is there already stays as it is stored.
    ///
    /// # Errors
    /// As [`Dict::get`].
    #[inline]
    pub fn set(&self, cx: &mut Context, key: Value, value: Value) -> Outcome<()> {
        self.set_at(cx, &key, value)
    }

    /// The same for a key that the caller keeps.
    ///
    /// # Errors
    /// As [`Dict::get`].
    #[inline]
    pub fn set_at(&self, cx: &mut Context, key: &Value, value: Value) -> Outcome<()> {
        let hash = hash_key(cx, key)?;
        if self.origin.is_none() && !world::is_shared() {
            // SAFETY: no other thread, and no script code runs before the change is made.
            let table = unsafe { &mut *self.table.as_ptr() };
            match table.probe_key(hash, key) {
                Probe::Found(position) => {
                    let old = std::mem::replace(&mut table.entries[position].value, value);
                    drop(old);
                    return Ok(());
                }
                Probe::Absent if table.make_room_for_one().is_ok() => {
                    table.push(hash, key.copy_alone(), value);
                    return Ok(());
                }
                Probe::Absent | Probe::Uncertain => {}
            }
        }
        self.set_locked(cx, hash, key, value)
    }

    #[inline(never)]
    fn set_locked(&self, cx: &mut Context, hash: i64, key: &Value, value: Value) -> Outcome<()> {
        let key = key.clone();
        let (mut table, position) = self.locate(cx, hash, &key)?;
        match position {
            Some(position) => {
                let old = std::mem::replace(&mut table.entries[position].value, value);
                drop(table);
                drop(old);
            }
            None => {
                if table.make_room_for_one().is_err() {
                    return Err(room::refused(table));
                }
                table.push(hash, key, value);
                drop(table);
            }
        }
        self.changed();
        Ok(())
    }

    /// Sets the value of a key that is a string.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn set_str(&self, key: &str, value: Value) -> Outcome<()> {
        self.set_text(hash_text(key) as i64, key, || Value::str(key), value)
    }

    /// Sets the value of a key that is a name. There are so few of them that there is always memory for one more: the
    /// program ends where there is none.
    pub fn set_name(&self, key: Name, value: Value) {
        let hash = key.hash_code() as i64;
        if let Err(error) = self.set_text(hash, key.as_str(), || key.value(), value) {
            drop(error);
            handle_alloc_error(Layout::new::<Entry>());
        }
    }

    fn set_text(
        &self,
        hash: i64,
        key: &str,
        stored: impl FnOnce() -> Value,
        value: Value,
    ) -> Outcome<()> {
        let mut table = self.lock();
        match table.probe_text(hash, key) {
            Some(position) => {
                let old = std::mem::replace(&mut table.entries[position].value, value);
                drop(table);
                drop(old);
            }
            None => {
                if table.make_room_for_one().is_err() {
                    return Err(room::refused(table));
                }
                table.push(hash, stored(), value);
                drop(table);
            }
        }
        self.changed();
        Ok(())
    }

    /// The value of a key, which is set to `value` first if it is missing: `setdefault`.
    ///
    /// # Errors
    /// As [`Dict::get`].
    pub fn insert_if_missing(&self, cx: &mut Context, key: Value, value: Value) -> Outcome<Value> {
        let hash = hash_key(cx, &key)?;
        let (mut table, position) = self.locate(cx, hash, &key)?;
        Ok(match position {
            Some(position) => {
                let known = table.entries[position].value.clone();
                drop(table);
                known
            }
            None => {
                if table.make_room_for_one().is_err() {
                    return Err(room::refused(table));
                }
                table.push(hash, key, value.clone());
                drop(table);
                self.changed();
                value
            }
        })
    }

    /// Takes out a key with its value.
    ///
    /// # Errors
    /// As [`Dict::get`].
    pub fn remove(&self, cx: &mut Context, key: &Value) -> Outcome<Option<(Value, Value)>> {
        let hash = hash_key(cx, key)?;
        let (mut table, position) = self.locate(cx, hash, key)?;
        let taken = position.map(|position| table.take(position));
        drop(table);
        self.changed();
        Ok(taken)
    }

    /// Takes out a key that is a string, with its value.
    pub fn remove_str(&self, key: &str) -> Option<(Value, Value)> {
        let mut table = self.lock();
        let position = table.probe_text(hash_text(key) as i64, key)?;
        let taken = table.take(position);
        drop(table);
        self.changed();
        Some(taken)
    }

    /// Takes out the entry that came last.
    pub fn pop_last(&self) -> Option<(Value, Value)> {
        let mut table = self.lock();
        table.drop_gaps_at_end();
        let position = table.entries.len().checked_sub(1)?;
        let taken = table.take(position);
        table.drop_gaps_at_end();
        drop(table);
        self.changed();
        Some(taken)
    }

    /// Takes out the entry that came first.
    pub fn pop_first(&self) -> Option<(Value, Value)> {
        let mut table = self.lock();
        if table.live == 0 {
            return None;
        }
        let position = table.first_live();
        let taken = table.take(position);
        drop(table);
        self.changed();
        Some(taken)
    }

    /// Moves a key to the end, or to the start; `false` when it is not there.
    ///
    /// # Errors
    /// As [`Dict::get`].
    pub fn move_to_end(&self, cx: &mut Context, key: &Value, last: bool) -> Outcome<bool> {
        let hash = hash_key(cx, key)?;
        let (mut table, position) = self.locate(cx, hash, key)?;
        let Some(position) = position else {
            return Ok(false);
        };
        if table.move_to_end(position, last).is_err() {
            return Err(room::refused(table));
        }
        Ok(true)
    }

    /// Takes everything out.
    pub fn clear(&self) {
        let mut table = self.lock();
        let version = table.version + 1;
        let old = std::mem::take(&mut *table);
        table.version = version;
        drop(table);
        drop(old);
        self.changed();
    }

    /// A dict with the same entries.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn copy(&self) -> Outcome<Dict> {
        let table = self.lock();
        match table.copy() {
            Ok(copy) => Ok(Dict {
                table: Versioned::new(copy),
                origin: None,
            }),
            Err(_) => Err(room::refused(table)),
        }
    }

    /// Sets all entries of another dict in this one: `update`.
    ///
    /// # Errors
    /// What the keys' own methods raise.
    pub fn merge(&self, cx: &mut Context, other: &Dict) -> Outcome<()> {
        if std::ptr::eq(self, other) {
            return Ok(());
        }
        // The hashes are known: only the comparison of keys can run script code.
        let mut others =
            other.gathered(|entry| (entry.hash, entry.key.clone(), entry.value.clone()))?;
        let mut table = self.lock();
        if table.reserve(others.len()).is_err() {
            return Err(room::refused(table));
        }
        for (hash, key, value) in &mut others {
            let position = match table.probe_key(*hash, key) {
                Probe::Found(position) => Some(position),
                Probe::Absent => None,
                Probe::Uncertain => {
                    drop(table);
                    let position;
                    (table, position) = self.locate_slowly(cx, *hash, key)?;
                    position
                }
            };
            match position {
                // The old value is dropped when the lock is let go.
                Some(position) => std::mem::swap(&mut table.entries[position].value, value),
                None if table.make_room_for_one().is_ok() => {
                    table.push(*hash, key.take(), value.take());
                }
                None => return Err(room::refused(table)),
            }
        }
        drop(table);
        drop(others);
        self.changed();
        Ok(())
    }
}

/// The hash of a key, with a short way for the most frequent kinds.
#[inline(always)]
fn hash_key(cx: &mut Context, key: &Value) -> Outcome<i64> {
    match key {
        Value::Str(text) => Ok(text.hash() as i64),
        Value::Int(number) => Ok(hash_integer(*number)),
        other => match quick_hash(other) {
            Some(hash) => Ok(hash),
            None => hash(cx, other),
        },
    }
}

impl Drop for Dict {
    #[inline]
    fn drop(&mut self) {
        if world::is_shared() {
            // Nobody reads a dict that is freed.
            self.table.get_mut().drop_unread();
        }
    }
}

impl Object for Dict {
    const CLOSES_CYCLES: bool = true;
    const IS_HEAVY: bool = true;

    fn weight(&self) -> usize {
        // SAFETY: the table of this dict; a few words are loaded.
        unsafe { View::of(self.table.as_ptr()) }.weight()
    }

    fn into_value(this: Ref<Self>) -> Option<Value> {
        Some(Value::Dict(this))
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        let table = self.table.lock();
        for entry in table.live() {
            visit(&entry.key);
            visit(&entry.value);
        }
        drop(table);
        if let Some(origin) = &self.origin {
            origin.traverse(visit);
        }
    }

    fn clear(&self) {
        let old = std::mem::take(&mut *self.table.lock());
        drop(old);
    }
}
