//! Looking at a dict without its lock, while several threads live. Knows how entries are found; it must
//! not know what is done with them.
//!
//! Why what is seen is whole: the lock's own number tells that nothing has changed between the first
//! word that was read and the last ([`Versioned`](crate::value::lock::Versioned)); the memory that was
//! read is given back only after the reader's next safepoint, whoever left it
//! ([`items::leave`](crate::value::items)); and a key or value that was in the table then is readable
//! until that safepoint, whoever takes it out ([`crate::value::reclaim`]), so it can be compared without
//! a count, and kept by one unless its count has reached zero meanwhile. `tests/models` has the model.

use super::Dict;
use super::table::{EMPTY, Entry, Slots, Table};
use crate::runtime::world;
use crate::value::Value;
use crate::value::bits::Bits;
use crate::value::compare::quick_same_or_equal;

/// What a thread that has no lock knows of a table: where its entries and its index lie. The lengths
/// belong to the places, and the memory stays until the thread's next safepoint; what stands in it
/// may change at any time.
#[derive(Clone, Copy)]
pub(super) struct View {
    entries: *const Entry,
    count: usize,
    index: *const u32,
    slots: usize,
    first: usize,
}

/// What looking at a table without the lock can tell.
pub(super) enum Look {
    Found(usize),
    Absent,
    /// Some key with the same hash can only be compared by script code.
    Uncertain,
    /// Somebody has changed the table meanwhile.
    Changed,
}

/// After how many slots of the index a look makes sure that the table has not changed: what is left of
/// an index may have no end.
const CHECK_EVERY: usize = 16;

impl View {
    /// The view of a table. The caller has to find out whether the table was changed meanwhile, and
    /// then must not use it.
    ///
    /// # Safety
    /// `table` must point to the table of a dict that is alive.
    #[inline(always)]
    pub(super) unsafe fn of(table: *const Table) -> View {
        // SAFETY: by contract. Only words are loaded: those of the vector through its own methods, that
        // of the box as the pointer that it is.
        unsafe {
            let index: *const [u32] = (&raw const (*table).index).cast::<*const [u32]>().read();
            View {
                entries: (*table).entries.as_ptr(),
                count: (*table).entries.len(),
                index: index.cast(),
                slots: index.len(),
                first: (*table).first,
            }
        }
    }

    /// About how many bytes of memory that is.
    pub(super) fn weight(&self) -> usize {
        (self.count.saturating_mul(size_of::<Entry>()))
            .saturating_add(self.slots.saturating_mul(size_of::<u32>()))
    }

    /// Looks for a key as [`Table::probe`] does. What it finds is believed only while `is_current`
    /// says that the table is still the one that was viewed.
    ///
    /// # Safety
    /// The table was viewed since the thread's last safepoint, and had not changed by then.
    #[inline(always)]
    pub(super) unsafe fn probe(
        &self,
        hash: i64,
        matches: impl Fn(&Value) -> Option<bool>,
        is_current: impl Fn() -> bool,
    ) -> Look {
        let mut uncertain = false;
        let mut compare = |position: usize| {
            // SAFETY: below `count`, so it was an entry when the table was viewed, and its memory
            // stays; a copy of plain bits.
            let seen = unsafe { (&raw const (*self.entries.add(position)).hash).read_volatile() };
            if seen != hash {
                return None;
            }
            // SAFETY: as above.
            let key = unsafe { Bits::read(&raw const (*self.entries.add(position)).key) };
            if !is_current() {
                return Some(Look::Changed);
            }
            // SAFETY: the table has not changed, so these are the bits of a key of it, and no safepoint
            // comes before the end of the comparison.
            let key = unsafe { key.borrow() };
            if key.is_unbound() {
                return None;
            }
            match matches(&key) {
                Some(true) => return Some(Look::Found(position)),
                Some(false) => {}
                None => uncertain = true,
            }
            None
        };
        if self.slots == 0 {
            for position in 0..self.count {
                if let Some(end) = compare(position) {
                    return end;
                }
            }
        } else {
            let mut slots = Slots::new(hash, self.slots);
            for step in 1usize.. {
                // SAFETY: below `slots`; the memory stays, and any number may stand there.
                let position = unsafe { self.index.add(slots.at).read_volatile() };
                if (position as usize) < self.count {
                    if let Some(end) = compare(position as usize) {
                        return end;
                    }
                } else if position == EMPTY {
                    break;
                }
                if step % CHECK_EVERY == 0 && !is_current() {
                    return Look::Changed;
                }
                slots.advance();
            }
        }
        match uncertain {
            _ if !is_current() => Look::Changed,
            true => Look::Uncertain,
            false => Look::Absent,
        }
    }

    /// The bits of an entry's key and value, to be believed when the table has not changed.
    ///
    /// # Safety
    /// As for [`View::probe`], and the position must be one that it found, or below the count.
    #[inline(always)]
    pub(super) unsafe fn bits(&self, position: usize) -> (Bits, Bits) {
        // SAFETY: an entry when the table was viewed, whose memory stays.
        unsafe {
            let entry = self.entries.add(position);
            (
                Bits::read(&raw const (*entry).key),
                Bits::read(&raw const (*entry).value),
            )
        }
    }

    /// The bits of the first entry at or after a position, and the position behind it, as
    /// [`Table::advance`] does; `Err` when the table has changed.
    ///
    /// # Safety
    /// As for [`View::probe`].
    #[inline(always)]
    pub(super) unsafe fn advance(
        &self,
        position: usize,
        is_current: impl Fn() -> bool,
    ) -> Result<(usize, Option<(Bits, Bits)>), ()> {
        let mut at = position.max(self.first);
        while at < self.count {
            // SAFETY: below the count.
            let bits = unsafe { self.bits(at) };
            if !is_current() {
                return Err(());
            }
            at += 1;
            // SAFETY: the table has not changed, so these are the bits of a key.
            if !unsafe { bits.0.borrow() }.is_unbound() {
                return Ok((at, Some(bits)));
            }
        }
        Ok((at, None))
    }
}

impl Dict {
    /// Whether looks may be taken without the lock: several threads live, and the dict is nothing but
    /// a dict.
    #[inline(always)]
    pub(super) fn is_looked_at(&self) -> bool {
        world::is_shared() && self.origin.is_none()
    }

    /// Looks for a key without the lock; `found` says what to make of the bits of its entry, or that
    /// they have gone out of use. `None` when the lock is needed after all.
    #[inline(always)]
    fn look<R>(
        &self,
        hash: i64,
        matches: impl Fn(&Value) -> Option<bool>,
        found: impl Fn((Bits, Bits)) -> Option<R>,
    ) -> Option<Option<R>> {
        self.look_at(|view, version| {
            let is_current = || self.table.is_unchanged(version);
            // SAFETY: viewed just now, when it had not changed.
            match unsafe { view.probe(hash, &matches, is_current) } {
                Look::Found(position) => {
                    // SAFETY: as above, and the position was found.
                    let bits = unsafe { view.bits(position) };
                    if !is_current() {
                        return None;
                    }
                    Some(Some(Some(found(bits)?)))
                }
                Look::Absent => Some(Some(None)),
                Look::Uncertain => Some(None),
                Look::Changed => None,
            }
        })?
    }

    /// Has `look` look at a view of the table without the lock ([`Versioned::look`]).
    ///
    /// [`Versioned::look`]: crate::value::lock::Versioned::look
    #[inline(always)]
    fn look_at<R>(&self, look: impl FnMut(View, u32) -> Option<R>) -> Option<R> {
        // SAFETY: the table of this dict.
        self.table.look(|table| unsafe { View::of(table) }, look)
    }

    #[inline(never)]
    pub(super) fn find_shared(
        &self,
        hash: i64,
        key: &Value,
        common: bool,
    ) -> Option<Option<Value>> {
        self.look(
            hash,
            |known| quick_same_or_equal(known, key),
            // SAFETY: the bits of a value that was in the table since the last safepoint.
            |(_, value)| unsafe { value.keep(common) },
        )
    }

    #[inline(never)]
    pub(super) fn find_text_shared(&self, hash: i64, text: &str) -> Option<Option<Value>> {
        self.look(
            hash,
            |known| Some(matches!(known.unwrapped(), Value::Str(known) if known.as_str() == text)),
            // SAFETY: as above.
            |(_, value)| unsafe { value.keep(false) },
        )
    }

    #[inline(never)]
    pub(super) fn contains_shared(&self, hash: i64, key: &Value) -> Option<bool> {
        let found = self.look(hash, |known| quick_same_or_equal(known, key), |_| Some(()));
        found.map(|found| found.is_some())
    }

    /// The first entry at or after `position`, without the lock; `None` when that is needed.
    #[inline(always)]
    pub(super) fn look_ahead<R>(
        &self,
        position: &mut usize,
        keep: impl Fn((Bits, Bits)) -> Option<R>,
    ) -> Option<Option<R>> {
        self.look_at(|view, version| {
            // SAFETY: viewed just now, when it had not changed.
            match unsafe { view.advance(*position, || self.table.is_unchanged(version)) }.ok()? {
                (behind, Some(bits)) => {
                    let entry = keep(bits)?;
                    *position = behind;
                    Some(Some(entry))
                }
                (behind, None) => {
                    *position = behind;
                    Some(None)
                }
            }
        })
    }
}
