//! Lists. Every operation here is atomic: other threads see it whole or not at all. Knows how
//! items are stored; it must not know the methods that scripts call.

use super::bits::Bits;
use super::items::Items;
use super::lock::{Versioned, VersionedGuard};
use super::object::{Object, Ref};
use super::{Outcome, Value, room};
use crate::runtime::world;

/// A list.
pub struct List {
    items: Versioned<Items>,
}

impl List {
    /// A list of these items.
    pub fn new(items: Vec<Value>) -> Self {
        List {
            items: Versioned::new(Items::from(items)),
        }
    }

    /// The items under the list's lock, which is a leaf: nothing that can run script code, block
    /// or drop a value may happen before the guard goes.
    #[inline(always)]
    pub fn lock(&self) -> VersionedGuard<'_, Items> {
        self.items.lock()
    }

    /// Number of items.
    #[inline(always)]
    pub fn len(&self) -> usize {
        if !world::is_shared() {
            // SAFETY: no other thread.
            return unsafe { &*self.items.as_ptr() }.len();
        }
        // SAFETY: the items of this list; only their number is read, and used if nobody changed it.
        let seen = self.items.peek(|items| unsafe { Items::count(items) });
        match seen {
            Some(count) => count,
            None => self.items.lock().len(),
        }
    }

    /// Whether it has no items.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The item at this index.
    #[inline(always)]
    pub fn get(&self, index: usize) -> Option<Value> {
        match i64::try_from(index) {
            Ok(index) => self.find(index, false),
            Err(_) => None,
        }
    }

    /// The item at an index as scripts write it, negative from the end.
    #[inline(always)]
    pub fn get_signed(&self, index: i64) -> Option<Value> {
        self.find(index, false)
    }

    /// The same, of a list that many threads may use: then they use its items as well.
    #[inline(always)]
    pub fn get_from(list: &Ref<List>, index: i64) -> Option<Value> {
        list.find(index, list.header().is_common())
    }

    /// Where the item at an index stands, negative from the end. Only while there is no other
    /// thread, and until anything else runs.
    #[inline(always)]
    pub(crate) fn place(&self, index: i64) -> Option<*const Value> {
        debug_assert!(!world::is_shared());
        // SAFETY: no other thread.
        let items = unsafe { &*self.items.as_ptr() };
        let index = if index < 0 {
            index + items.len() as i64
        } else {
            index
        };
        items
            .get(usize::try_from(index).ok()?)
            .map(std::ptr::from_ref)
    }

    #[inline(always)]
    fn find(&self, index: i64, common: bool) -> Option<Value> {
        if world::is_shared() {
            return self.find_shared(index, common);
        }
        // SAFETY: no other thread, and nothing else runs between the look and the copy.
        let items = unsafe { &*self.items.as_ptr() };
        let index = if index < 0 {
            index + items.len() as i64
        } else {
            index
        };
        items
            .get(usize::try_from(index).ok()?)
            .map(Value::copy_alone)
    }

    /// The bits of the item at an index, negative from the end, while there are other threads: `None` when
    /// there is no such item, or somebody changes the list just now.
    #[inline(always)]
    pub(crate) fn bits(&self, index: i64) -> Option<Bits> {
        self.items.look_once(
            // SAFETY: the items of this list; what changed meanwhile is not used.
            |items| unsafe { Items::place(items, index) },
            |place, version| self.bits_at(place?, version),
        )
    }

    /// The bits in a place that was found while the list was as this number says, if it still is.
    #[inline(always)]
    fn bits_at(&self, place: *const Value, version: u32) -> Option<Bits> {
        // SAFETY: place and length belonged together, and the memory is kept until the next safepoint.
        let bits = unsafe { Bits::read(place) };
        self.items.is_unchanged(version).then_some(bits)
    }

    /// Has `take` make something of the item's bits; again when that is nothing. `Some(None)` when there
    /// is no such item, `None` when somebody changes the list all the time.
    #[inline(always)]
    fn look_shared<R>(&self, index: i64, take: impl Fn(Bits) -> Option<R>) -> Option<Option<R>> {
        self.items.look(
            // SAFETY: the items of this list; what changed meanwhile is not used.
            |items| unsafe { Items::place(items, index) },
            |place, version| {
                let Some(place) = place else {
                    return Some(None);
                };
                take(self.bits_at(place, version)?).map(Some)
            },
        )
    }

    #[inline(never)]
    fn find_shared(&self, index: i64, common: bool) -> Option<Value> {
        // SAFETY: nothing changed them, and no safepoint comes before the count.
        if let Some(found) = self.look_shared(index, |bits| unsafe { bits.keep(common) }) {
            return found;
        }
        // Somebody changes it all the time.
        let items = self.items.lock();
        let index = if index < 0 {
            index + items.len() as i64
        } else {
            index
        };
        items.get(usize::try_from(index).ok()?).cloned()
    }

    /// Puts `value` in the place of the item at this index, negative from the end; gives the
    /// value back when there is no such item.
    #[inline(always)]
    pub fn set_signed(&self, index: i64, value: Value) -> Result<(), Value> {
        if !world::is_shared() {
            let Some(place) = self.place(index) else {
                return Err(value);
            };
            // SAFETY: no other thread; the old value goes when the new one is in its place.
            unsafe { std::ptr::replace(place.cast_mut(), value) }.discard();
            return Ok(());
        }
        self.set_shared(index, value)
    }

    #[inline(never)]
    fn set_shared(&self, index: i64, value: Value) -> Result<(), Value> {
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
                old.discard();
                Ok(())
            }
            None => Err(value),
        }
    }

    /// Appends an item.
    #[inline(always)]
    pub fn push(&self, value: Value) {
        self.items.lock().push(value);
    }

    /// A copy of the items at this moment.
    pub fn snapshot(&self) -> Vec<Value> {
        self.items.lock().to_vec()
    }

    /// A copy of the items at this moment, which may be too many for the memory.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn copied(&self) -> Outcome<Vec<Value>> {
        room::gathered(
            self.items.lock(),
            |items| items.len(),
            |items, copy| copy.extend_from_slice(items),
        )
    }

    /// Appends these items.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn append_all(&self, mut more: Vec<Value>) -> Outcome<()> {
        let mut items = self.items.lock();
        if items.try_reserve(more.len()).is_err() {
            return Err(room::refused(items));
        }
        items.append(&mut more);
        Ok(())
    }

    /// Puts these items in the place of all, and gives back the old ones.
    pub fn replace(&self, items: Vec<Value>) -> Items {
        std::mem::replace(&mut *self.items.lock(), Items::from(items))
    }
}

impl Drop for List {
    fn drop(&mut self) {
        // Nobody reads a list that is freed.
        drop(self.items.get_mut().take_unread());
    }
}

impl Object for List {
    const CLOSES_CYCLES: bool = true;
    const IS_HEAVY: bool = true;

    fn weight(&self) -> usize {
        // SAFETY: the items of this list; one word is loaded.
        unsafe { Items::count(self.items.as_ptr()) }.saturating_mul(size_of::<Value>())
    }

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
