//! Places in scripts as numbers, for the layers that keep them without knowing what they are: where
//! a lock was taken, where a thread waits. A number is cheap to make and means the same in every
//! process that knows the program. It must not know who keeps numbers.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use crate::resolve::tree::Origin;
use crate::runtime::leaf_lock::LeafLock;
use crate::syntax::source::Source;

/// The programs of this process, by what their places have in common. Process-wide, since numbers are
/// read by those who know no session; a program that is gone leaves an empty entry.
static KNOWN: LeafLock<Option<HashMap<u64, Weak<Origin>>>> = LeafLock::new(None);

const NODE: u64 = 0xffff_ffff;

/// Lets places of this program be found.
pub(super) fn note(origin: &Arc<Origin>) {
    let mut known = KNOWN.lock();
    let known = known.get_or_insert_default();
    if known.len() == known.capacity() {
        known.retain(|_, origin| origin.strong_count() > 0);
    }
    known.insert(origin.places(), Arc::downgrade(origin));
}

/// A place as people know it.
#[derive(Clone, Debug)]
pub struct Place {
    /// The program's text.
    pub source: Arc<Source>,
    /// The line, counted from 1.
    pub line: usize,
}

impl Place {
    /// The file's name.
    pub fn file(&self) -> &str {
        self.source.name()
    }

    /// The text of the line, without the space around it.
    pub fn text(&self) -> &str {
        let range = self.source.line_range(self.line);
        self.source.text().get(range).unwrap_or_default().trim()
    }
}

/// The place that a number stands for, if this process knows the program.
pub fn find(number: u64) -> Option<Place> {
    let origin = {
        let known = KNOWN.lock();
        known.as_ref()?.get(&(number & !NODE))?.upgrade()
    }?;
    let span = origin.span((number & NODE) as u32);
    Some(Place {
        line: origin.source.line(span.start),
        source: origin.source.clone(),
    })
}
