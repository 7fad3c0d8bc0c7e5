//! Who names which object: a table of handles for each process, copied when it forks.
//!
//! An object counts the tables, and the messages under way, that name it, and goes when the count
//! is zero. Entry and count change together or not at all, and a dead process's table is cleared by
//! whoever finds it, so the count is exact also after kills. Within a process a [`Handle`] is
//! counted in private memory. It must not know what an object is.

use super::arena::{self, Arena, ArenaError, Offset};
use super::extent::{self, DYING, LINKED, Owner, RESERVED, owner_word};
use super::shared_object::{self, Kind, head};
use super::slot::{self, SlotId, my_tag};
use super::{shared_lock, shared_slabs};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Entries in a process's first table.
const FIRST_CAPACITY: u64 = 32;

/// Where a process's table is; part of its slot. Only changed under the arena's lock.
#[repr(C)]
pub(crate) struct TableWords {
    table: AtomicU64,
    capacity: AtomicU64,
    /// Entries from here on were never used.
    used: AtomicU64,
    /// First free entry, plus one. Free entries hold the next one, doubled, with the lowest bit
    /// set; objects are even.
    free: AtomicU64,
}

impl TableWords {
    /// As in a slot that nobody has.
    pub(crate) fn reset(&self) {
        for word in [&self.table, &self.capacity, &self.used, &self.free] {
            word.store(0, Ordering::Relaxed);
        }
    }

    fn entry(&self, arena: &Arena, index: u64) -> &'static AtomicU64 {
        // SAFETY: tables are small or wholly real extents of `capacity` words.
        unsafe { arena.at(self.table.load(Ordering::Relaxed) + 8 * index) }
    }
}

/// A name for a shared object. As long as a handle to it exists in a living process, or in a
/// message under way, the object exists.
#[derive(Clone, Debug)]
pub struct Handle(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    object: Offset,
    /// The same in this process's table and, since tables are copied as they are, in its
    /// children's.
    index: u64,
}

impl Drop for Inner {
    fn drop(&mut self) {
        release(self.index, self.object);
    }
}

impl Handle {
    /// Makes an object. `fill` gets its head, which nobody else can see yet.
    pub(crate) fn create(
        kind: Kind,
        fill: impl FnOnce(Offset) -> Result<(), ArenaError>,
    ) -> Result<Self, ArenaError> {
        let arena = arena::arena()?;
        let object = shared_slabs::allocate_head(arena, kind)?;
        shared_object::begin(arena, object, kind);
        let entered = fill(object).and_then(|()| enter(arena, object, true));
        match entered {
            Ok(index) => Ok(Self(Arc::new(Inner { object, index }))),
            Err(error) => {
                shared_object::destroy_all(vec![object]);
                Err(error)
            }
        }
    }

    /// A handle to an object that something else keeps alive until this returns.
    pub(crate) fn adopt(object: Offset) -> Result<Self, ArenaError> {
        let index = enter(arena::here(), object, false)?;
        Ok(Self(Arc::new(Inner { object, index })))
    }

    /// A handle to the object of this number, if it is still where it was and a living process that
    /// names it does so until this returns.
    pub fn find(object: Offset, serial: u64) -> Option<Self> {
        let arena = arena::existing()?;
        if !shared_slabs::is_head(arena, object) {
            return None;
        }
        let head = head(arena, object);
        // Looked at under the lock under which references are dropped.
        let is_it = || {
            head.serial.load(Ordering::Relaxed) == serial
                && head.references.load(Ordering::Relaxed) > 0
        };
        let index = enter_if(arena, object, false, is_it).ok()??;
        Some(Self(Arc::new(Inner { object, index })))
    }

    /// Where the object is.
    #[inline]
    pub fn object(&self) -> Offset {
        self.0.object
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        shared_object::kind(arena::here(), self.0.object)
    }

    /// A number that no other object of this tree of processes has, or ever had.
    pub fn serial(&self) -> u64 {
        head(arena::here(), self.0.object)
            .serial
            .load(Ordering::Relaxed)
    }

    /// How many processes and messages under way name the object.
    pub fn references(&self) -> u64 {
        references(self.0.object)
    }
}

impl PartialEq for Handle {
    fn eq(&self, other: &Self) -> bool {
        self.0.object == other.0.object
    }
}

impl Eq for Handle {}

/// How many processes and messages under way name an object.
pub(crate) fn references(object: Offset) -> u64 {
    head(arena::here(), object)
        .references
        .load(Ordering::Acquire)
}

/// Sees to it that this process's table has room for so many more, so that taking a message with
/// references cannot fail half-way.
pub(crate) fn make_room(count: u64) -> Result<(), ArenaError> {
    let (Some(arena), Some(id)) = (arena::existing(), slot::current()) else {
        return Err(ArenaError::TooManyProcesses);
    };
    let words = &slot::slot(arena, id).table;
    while !has_room(count) {
        grow(arena, words)?;
    }
    Ok(())
}

/// Whether this process's table has room for so many more without growing. Free entries in its
/// middle are not counted.
pub(crate) fn has_room(count: u64) -> bool {
    let (Some(arena), Some(id)) = (arena::existing(), slot::current()) else {
        return false;
    };
    let words = &slot::slot(arena, id).table;
    let used = words.used.load(Ordering::Relaxed);
    used + count <= words.capacity.load(Ordering::Relaxed)
}

/// Enters an object into this process's table.
fn enter(arena: &Arena, object: Offset, new: bool) -> Result<u64, ArenaError> {
    let entered = enter_if(arena, object, new, || true)?;
    entered.ok_or(ArenaError::Full)
}

/// The same if the object passes a test, which is made under the arena's lock.
fn enter_if(
    arena: &Arena,
    object: Offset,
    new: bool,
    test: impl Fn() -> bool,
) -> Result<Option<u64>, ArenaError> {
    let Some(id) = slot::current() else {
        return Err(ArenaError::TooManyProcesses);
    };
    let words = &slot::slot(arena, id).table;
    loop {
        let mut tables = arena.lock();
        if !test() {
            return Ok(None);
        }
        let free = words.free.load(Ordering::Relaxed);
        let used = words.used.load(Ordering::Relaxed);
        let change = &mut tables.change;
        let index = if free != 0 {
            let next = words.entry(arena, free - 1).load(Ordering::Relaxed) >> 1;
            change.set(&words.free, next);
            free - 1
        } else if used < words.capacity.load(Ordering::Relaxed) {
            change.set(&words.used, used + 1);
            used
        } else {
            drop(tables);
            grow(arena, words)?;
            continue;
        };
        change.set(words.entry(arena, index), object);
        let references = &head(arena, object).references;
        change.set(references, references.load(Ordering::Relaxed) + 1);
        if new {
            change.set(
                extent::owner_of(arena, object),
                owner_word(LINKED, 0, my_tag()),
            );
        }
        change.commit();
        return Ok(Some(index));
    }
}

fn grow(arena: &Arena, words: &TableWords) -> Result<(), ArenaError> {
    let capacity = words.capacity.load(Ordering::Relaxed);
    let wanted = (capacity * 2).max(FIRST_CAPACITY);
    let table = extent::allocate(8 * wanted)?;
    let mut tables = arena.lock();
    if words.capacity.load(Ordering::Relaxed) != capacity {
        // Another thread of this process was first.
        drop(tables);
        extent::free(table);
        return Ok(());
    }
    for index in 0..words.used.load(Ordering::Relaxed) {
        let entry = words.entry(arena, index).load(Ordering::Relaxed);
        table_entry(arena, table, index).store(entry, Ordering::Relaxed);
    }
    let old = words.table.load(Ordering::Relaxed);
    let change = &mut tables.change;
    set_state(change, arena, table, LINKED);
    if old != 0 {
        set_state(change, arena, old, RESERVED);
    }
    change.set(&words.table, table);
    change.set(&words.capacity, extent::capacity(table) / 8);
    change.commit();
    drop(tables);
    if old != 0 {
        extent::free(old);
    }
    Ok(())
}

fn set_state(
    change: &mut super::shared_journal::Change<'_>,
    arena: &Arena,
    extent: Offset,
    state: u64,
) {
    let word = extent::owner_of(arena, extent);
    let owner = Owner(word.load(Ordering::Relaxed));
    change.set(word, owner_word(state, owner.order(), my_tag()));
}

fn table_entry(arena: &Arena, table: Offset, index: u64) -> &'static AtomicU64 {
    // SAFETY: as in `TableWords::entry`.
    unsafe { arena.at(table + 8 * index) }
}

/// Takes an entry out of this process's table.
fn release(index: u64, object: Offset) {
    let (Some(arena), Some(id)) = (arena::existing(), slot::current()) else {
        return;
    };
    let words = &slot::slot(arena, id).table;
    let mut doomed = Vec::new();
    let mut tables = arena.lock();
    let entry = words.entry(arena, index);
    if entry.load(Ordering::Relaxed) == object {
        let free = words.free.load(Ordering::Relaxed);
        tables.change.set(entry, free << 1 | 1);
        tables.change.set(&words.free, index + 1);
        drop_reference(&mut tables.change, arena, object, &mut doomed);
        tables.change.commit();
    }
    drop(tables);
    shared_object::destroy_all(doomed);
}

/// Counts one name less; the last one leaves the object to this process, to take apart.
fn drop_reference(
    change: &mut super::shared_journal::Change<'_>,
    arena: &Arena,
    object: Offset,
    doomed: &mut Vec<Offset>,
) {
    let references = &head(arena, object).references;
    let left = references.load(Ordering::Relaxed).saturating_sub(1);
    change.set(references, left);
    if left == 0 {
        set_state(change, arena, object, DYING);
        doomed.push(object);
    }
}

/// Gives a child that is about to be forked a copy of this process's table.
pub(super) fn copy_table(arena: &Arena, child: SlotId) -> Result<(), ArenaError> {
    let Some(parent) = slot::current() else {
        return Err(ArenaError::TooManyProcesses);
    };
    let from = &slot::slot(arena, parent).table;
    let to = &slot::slot(arena, child).table;
    if from.used.load(Ordering::Relaxed) == 0 {
        return Ok(());
    }
    let length = 8 * from.capacity.load(Ordering::Relaxed);
    let table = extent::allocate(length)?;
    let mut tables = arena.lock();
    let change = &mut tables.change;
    set_state(change, arena, table, LINKED);
    change.set(&to.table, table);
    change.set(&to.capacity, extent::capacity(table) / 8);
    change.commit();
    for index in 0..from.used.load(Ordering::Relaxed) {
        let entry = from.entry(arena, index).load(Ordering::Relaxed);
        change.set(to.entry(arena, index), entry);
        if entry & 1 == 0 {
            let references = &head(arena, entry).references;
            change.set(references, references.load(Ordering::Relaxed) + 1);
        }
        change.set(&to.used, index + 1);
        // One by one: the journal has its size, and a half copied table can be cleared like a whole
        // one.
        change.commit();
    }
    change.set(&to.free, from.free.load(Ordering::Relaxed));
    change.commit();
    Ok(())
}

/// Clears a process's table: its own at the end, or one that this process cleans up after.
pub(super) fn release_table(arena: &Arena, id: SlotId) {
    let words = &slot::slot(arena, id).table;
    let mut doomed = Vec::new();
    let mut tables = arena.lock();
    let change = &mut tables.change;
    for index in 0..words.used.load(Ordering::Relaxed) {
        let entry = words.entry(arena, index);
        let object = entry.load(Ordering::Relaxed);
        if object & 1 == 0 {
            change.set(entry, 1);
            drop_reference(change, arena, object, &mut doomed);
            change.commit();
        }
    }
    let table = words.table.load(Ordering::Relaxed);
    if table != 0 {
        for word in [&words.table, &words.capacity, &words.used, &words.free] {
            change.set(word, 0);
        }
        set_state(change, arena, table, RESERVED);
        change.commit();
    }
    drop(tables);
    if table != 0 {
        extent::free(table);
    }
    shared_object::destroy_all(doomed);
}

/// Marks the locks that a process holds as given up by a holder that ended in good order.
pub(super) fn abandon_locks(arena: &Arena, id: SlotId) {
    for object in objects(arena, id) {
        if shared_object::kind(arena, object) == Kind::Lock {
            shared_lock::abandon(object, id);
        }
    }
}

/// Whether a process's table names an object.
pub(super) fn names(arena: &Arena, id: SlotId, object: Offset) -> bool {
    let words = &slot::slot(arena, id).table;
    let _tables = arena.lock();
    (0..words.used.load(Ordering::Relaxed))
        .any(|index| words.entry(arena, index).load(Ordering::Relaxed) == object)
}

/// The objects that a process's table names.
pub(super) fn objects(arena: &Arena, id: SlotId) -> Vec<Offset> {
    let words = &slot::slot(arena, id).table;
    let _tables = arena.lock();
    (0..words.used.load(Ordering::Relaxed))
        .map(|index| words.entry(arena, index).load(Ordering::Relaxed))
        .filter(|entry| entry & 1 == 0)
        .collect()
}

/// Has an object name another one, in a word of its own.
pub(super) fn attach(word: &AtomicU64, handle: &Handle) {
    let arena = arena::here();
    let object = handle.object();
    let mut tables = arena.lock();
    let change = &mut tables.change;
    change.set(word, object);
    let references = &head(arena, object).references;
    change.set(references, references.load(Ordering::Relaxed) + 1);
    change.commit();
}

/// Takes [`attach`] back, if it has not been already.
pub(super) fn detach(word: &AtomicU64, doomed: &mut Vec<Offset>) {
    let arena = arena::here();
    let mut tables = arena.lock();
    let object = word.load(Ordering::Relaxed);
    if object != 0 {
        tables.change.set(word, 0);
        drop_reference(&mut tables.change, arena, object, doomed);
        tables.change.commit();
    }
}

/// Adds a reference to a message under way.
pub(super) fn carry(arena: &Arena, count: &AtomicU64, index: u64, extent: Offset, object: Offset) {
    let mut tables = arena.lock();
    let change = &mut tables.change;
    change.set(extent::carried_word(arena, extent, index), object);
    change.set(count, index + 1);
    let references = &head(arena, object).references;
    change.set(references, references.load(Ordering::Relaxed) + 1);
    change.commit();
}

/// Gives up the last reference of a message.
pub(super) fn give_up_carried(
    arena: &Arena,
    count: &AtomicU64,
    last: u64,
    extent: Offset,
    doomed: &mut Vec<Offset>,
) {
    let mut tables = arena.lock();
    let object = extent::carried_word(arena, extent, last).load(Ordering::Relaxed);
    tables.change.set(count, last);
    drop_reference(&mut tables.change, arena, object, doomed);
    tables.change.commit();
}
