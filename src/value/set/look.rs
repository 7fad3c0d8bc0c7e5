//! Looking at a set without its lock, while several threads live: as with dicts, and for the same
//! reasons (`src/value/dict/look.rs`). It must not know what is done with the items.

use super::Set;
use super::table::{Probes, REMOVED, Slot, Table};
use crate::value::Value;
use crate::value::bits::Bits;
use crate::value::compare::quick_same_or_equal;

/// What a thread that has no lock knows of a table: where its slots lie and how many there are. The
/// memory stays until the thread's next safepoint; what stands in it may change at any time.
#[derive(Clone, Copy)]
pub(super) struct View {
    slots: *const Slot,
    count: usize,
}

/// What looking at a table without the lock can tell.
pub(super) enum Look {
    Found,
    Absent,
    /// Some item with the same hash can only be compared by script code.
    Uncertain,
    /// Somebody has changed the table meanwhile.
    Changed,
}

/// After how many slots a look makes sure that the table has not changed: what is left of a table may
/// have no end.
const CHECK_EVERY: usize = 16;

impl View {
    /// The view of a table. The caller has to find out whether the table was changed meanwhile, and
    /// then must not use it.
    ///
    /// # Safety
    /// `table` must point to the table of a set that is alive.
    #[inline(always)]
    pub(super) unsafe fn of(table: *const Table) -> View {
        // SAFETY: by contract. The box is loaded as the pointer that it is.
        let slots: *const [Slot] =
            unsafe { (&raw const (*table).slots).cast::<*const [Slot]>().read() };
        View {
            slots: slots.cast(),
            count: slots.len(),
        }
    }

    /// About how many bytes of memory that is.
    pub(super) fn weight(&self) -> usize {
        self.count.saturating_mul(size_of::<Slot>())
    }

    /// Looks for an item as [`Table::probe`] does. What it finds is believed only while `is_current`
    /// says that the table is still the one that was viewed.
    ///
    /// # Safety
    /// The table was viewed since the thread's last safepoint, and had not changed by then.
    #[inline(always)]
    pub(super) unsafe fn probe(
        &self,
        hash: i64,
        item: &Value,
        is_current: impl Fn() -> bool,
    ) -> Look {
        if self.count == 0 {
            return Look::Absent;
        }
        let mut uncertain = false;
        // The number of slots is a power of two.
        let mut probes = Probes::new(hash, self.count - 1);
        for step in 1usize.. {
            // SAFETY: below the count, so it was a slot when the table was viewed, and its memory
            // stays; copies of plain bits.
            let (seen, bits) = unsafe {
                let slot = self.slots.add(probes.at);
                (
                    (&raw const (*slot).hash).read_volatile(),
                    Bits::read(&raw const (*slot).item),
                )
            };
            // Only free slots have the hash 0 besides items with that hash.
            if seen == hash || seen == 0 {
                if !is_current() {
                    return Look::Changed;
                }
                // SAFETY: the table has not changed, so these are the bits of an item of it, and no
                // safepoint comes before the end of the comparison.
                let known = unsafe { bits.borrow() };
                if known.is_unbound() {
                    if seen != REMOVED {
                        break;
                    }
                } else if seen == hash {
                    match quick_same_or_equal(&known, item) {
                        Some(true) => return Look::Found,
                        Some(false) => {}
                        None => uncertain = true,
                    }
                }
            } else if step % CHECK_EVERY == 0 && !is_current() {
                return Look::Changed;
            }
            probes.advance();
        }
        match uncertain {
            true => Look::Uncertain,
            false => Look::Absent,
        }
    }

    /// The bits of the first item at or after a position, and the position behind it; `Err` when the
    /// table has changed.
    ///
    /// # Safety
    /// As for [`View::probe`].
    #[inline(always)]
    pub(super) unsafe fn advance(
        &self,
        position: usize,
        is_current: impl Fn() -> bool,
    ) -> Result<(usize, Option<Bits>), ()> {
        let mut at = position;
        while at < self.count {
            // SAFETY: below the count.
            let bits = unsafe { Bits::read(&raw const (*self.slots.add(at)).item) };
            if !is_current() {
                return Err(());
            }
            at += 1;
            // SAFETY: the table has not changed, so these are the bits of a value.
            if !unsafe { bits.borrow() }.is_unbound() {
                return Ok((at, Some(bits)));
            }
        }
        Ok((at, None))
    }
}

impl Set {
    /// Has `look` look at a view of the table without the lock ([`Versioned::look`]).
    ///
    /// [`Versioned::look`]: crate::value::lock::Versioned::look
    #[inline(always)]
    fn look<R>(&self, look: impl Fn(View, u32) -> Option<R>) -> Option<R> {
        // SAFETY: the table of this set.
        self.table.look(|table| unsafe { View::of(table) }, look)
    }

    /// Whether an item is there; `None` when only the lock, or script code, can tell.
    #[inline(never)]
    pub(super) fn contains_shared(&self, hash: i64, item: &Value) -> Option<bool> {
        self.look(|view, version| {
            let is_current = || self.table.is_unchanged(version);
            // SAFETY: viewed just now, when it had not changed.
            match unsafe { view.probe(hash, item, is_current) } {
                Look::Found => Some(Some(true)),
                Look::Absent => Some(Some(false)),
                Look::Uncertain => Some(None),
                Look::Changed => None,
            }
        })?
    }

    /// The first item at or after a position, and the position behind it; `None` when the lock is
    /// needed.
    #[inline(never)]
    pub(super) fn item_shared(&self, position: usize) -> Option<(usize, Option<Value>)> {
        self.look(|view, version| {
            let is_current = || self.table.is_unchanged(version);
            // SAFETY: viewed just now, when it had not changed.
            match unsafe { view.advance(position, is_current) }.ok()? {
                // SAFETY: the bits of an item that was in the table since the last safepoint.
                (behind, Some(bits)) => Some((behind, Some(unsafe { bits.keep(false) }?))),
                (behind, None) => Some((behind, None)),
            }
        })
    }
}
