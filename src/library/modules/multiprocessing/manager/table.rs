//! The objects of a manager's server by their numbers, and who names each of them. It must not know what is done with
//! them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::kinds;
use crate::runtime::clock::Deadline;
use crate::runtime::handle::Handle;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::shared_event::SharedEvent;
use crate::value::Value;

/// How long an object outlives its last client elsewhere: a proxy may be on its way.
const LINGER: Duration = Duration::from_secs(5);

/// One object.
pub struct Entry {
    /// Its number.
    pub number: u64,
    /// The object.
    pub object: Value,
    /// The name of its kind.
    pub typeid: String,
    pub(super) exposed: Vec<String>,
    pub(super) results: kinds::Results,
    /// What processes of this tree name it by; the event is never set.
    pub(super) handle: SharedEvent,
    pub(super) far: LeafLock<Far>,
}

/// Who names an object from elsewhere.
#[derive(Default)]
pub(super) struct Far {
    pub(super) counts: HashMap<u64, u64>,
    pub(super) pins: Vec<u64>,
    /// When the last of them ceased to.
    until: Option<Deadline>,
}

impl Entry {
    /// What processes of this tree name it by.
    pub fn handle(&self) -> &Handle {
        self.handle.handle()
    }

    /// What of it can be called.
    pub fn exposed(&self) -> &[String] {
        &self.exposed
    }

    /// Counts a proxy of a client elsewhere.
    pub fn count_far(&self, client: u64) {
        *self.far.lock().counts.entry(client).or_default() += 1;
    }

    /// Takes a pin out.
    pub fn unpin(&self, claim: u64) {
        let mut far = self.far.lock();
        if let Some(place) = far.pins.iter().position(|pin| *pin == claim) {
            far.pins.swap_remove(place);
        }
    }

    pub(super) fn drop_far(&self, client: u64, all: bool) {
        let mut far = self.far.lock();
        let left = match far.counts.get_mut(&client) {
            Some(count) if !all => {
                *count = count.saturating_sub(1);
                *count
            }
            Some(_) => 0,
            None => return,
        };
        if left == 0 {
            far.counts.remove(&client);
            if far.counts.is_empty() {
                far.until = Some(Deadline::after(LINGER));
            }
        }
    }

    pub(super) fn is_named(&self) -> bool {
        if self.handle().references() > 1 {
            return true;
        }
        // Looked at with the lock of the table held.
        let far = self.far.lock_within();
        !far.counts.is_empty()
            || !far.pins.is_empty()
            || far.until.is_some_and(|until| !until.has_passed())
    }
}

/// The objects by their numbers, and the numbers by where the objects lie.
#[derive(Default)]
pub(super) struct Table {
    pub(super) entries: HashMap<u64, Arc<Entry>>,
    by_address: HashMap<usize, u64>,
}

impl Table {
    pub(super) fn add(&mut self, entry: &Arc<Entry>) {
        self.entries.insert(entry.number, entry.clone());
        if let Some(address) = address(&entry.object) {
            self.by_address.insert(address, entry.number);
        }
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Arc<Entry>> {
        let entry = self.entries.remove(&number)?;
        if let Some(address) = address(&entry.object)
            && self.by_address.get(&address) == Some(&number)
        {
            self.by_address.remove(&address);
        }
        Some(entry)
    }

    /// The entry that was made last for an object.
    pub(super) fn of(&self, object: &Value) -> Option<&Arc<Entry>> {
        let number = self.by_address.get(&address(object)?)?;
        self.entries.get(number)
    }
}

/// Where an object lies that is the same only as itself.
pub(super) fn address(object: &Value) -> Option<usize> {
    match object {
        Value::Str(_) | Value::Bytes(_) | Value::BigInt(_) => None,
        other => other
            .header()
            .map(|header| std::ptr::from_ref(header) as usize),
    }
}
