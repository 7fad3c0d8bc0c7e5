//! Weak references: pointers that know when their object dies. Knows which object each points to
//! and whom to tell; it must not know what a callback is.
//!
//! One table has all of them, by the address of their object, and its lock is what makes them safe.
//! An object takes itself out of the table before its memory is given back, and so does the holder
//! of a reference. Whoever finds an address in the table, under the lock, may therefore look at the
//! count behind it, and keep the object unless that is zero.

use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, OnceLock};

use super::Value;
use super::instance::Instance;
use super::object::{Header, Ref, Uncounted};
use crate::runtime::leaf_lock::LeafLock;

/// A weak reference as the table knows it.
struct Link {
    /// Null once the object is dead.
    target: AtomicPtr<Header>,
    /// The variant of the value that the object is.
    tag: u8,
    /// The script's object that has this reference.
    holder: OnceLock<Uncounted<Instance>>,
    /// Whether the holder is told of the death.
    tells: bool,
}

type Links = Vec<Arc<Link>>;

static TABLE: LeafLock<Option<HashMap<usize, Links>>> = LeafLock::new(None);

/// Tells holders that the objects of their references died, the youngest reference first.
pub type Tell = fn(Vec<Ref<Instance>>);

static TELL: OnceLock<Tell> = OnceLock::new();

/// Sets who tells the holders: once for the process.
pub fn set_teller(tell: Tell) {
    // A second session sets the same.
    let _ = TELL.set(tell);
}

/// A pointer that does not keep its object alive.
pub struct WeakPointer(Arc<Link>);

impl WeakPointer {
    /// A weak pointer to the object behind a value; `None` for what has no object of its own that
    /// could die. If it `tells`, its holder is handed to the teller when the object dies.
    pub fn new(target: &Value, tells: bool) -> Option<WeakPointer> {
        let header = target.header()?;
        if header.is_leaf() && header.count().is_some() {
            return None;
        }
        let link = Arc::new(Link {
            target: AtomicPtr::new(NonNull::from(header).as_ptr()),
            tag: target.tag(),
            holder: OnceLock::new(),
            tells,
        });
        TABLE
            .lock()
            .get_or_insert_default()
            .entry(address(header))
            .or_default()
            .push(link.clone());
        // The caller owns a count, so the object cannot die between the two lines.
        header.note_weak();
        Some(WeakPointer(link))
    }

    /// Says which object has this pointer. It must keep the pointer as long as it lives.
    pub fn set_holder(&self, holder: &Ref<Instance>) {
        let _ = self.0.holder.set(holder.uncounted());
    }

    /// The object, if it lives.
    pub fn get(&self) -> Option<Value> {
        let _table = TABLE.lock();
        let target = NonNull::new(self.0.target.load(Ordering::Relaxed))?;
        // SAFETY: not null under the lock: the object has not taken itself out of the table.
        let header = unsafe { target.as_ref() };
        // SAFETY: counted just now, and the tag is that of the value it came from.
        Ref::<Instance>::retain_unless_zero(header)
            .then(|| unsafe { Value::from_object(self.0.tag, target) })
    }
}

impl Drop for WeakPointer {
    fn drop(&mut self) {
        let mut table = TABLE.lock();
        let target = self.0.target.load(Ordering::Relaxed) as usize;
        if target == 0 {
            return;
        }
        let Some(table) = table.as_mut() else { return };
        if let Some(links) = table.get_mut(&target) {
            links.retain(|link| !Arc::ptr_eq(link, &self.0));
            if links.is_empty() {
                table.remove(&target);
            }
        }
    }
}

fn address(header: &Header) -> usize {
    std::ptr::from_ref(header) as usize
}

/// The holders of the living references to an object, oldest first.
pub fn holders(target: &Value) -> Vec<Ref<Instance>> {
    let Some(header) = target.header() else {
        return Vec::new();
    };
    let table = TABLE.lock();
    let links = table.as_ref().and_then(|table| table.get(&address(header)));
    links
        .into_iter()
        .flatten()
        .filter_map(|link| link.living_holder())
        .collect()
}

impl Link {
    /// The holder, if it lives. The link is in the table, whose lock the caller holds.
    fn living_holder(&self) -> Option<Ref<Instance>> {
        // SAFETY: a holder drops its pointer, which takes the link out of the table, before its
        // memory is given back.
        self.holder
            .get()
            .and_then(|holder| unsafe { holder.upgrade() })
    }
}

/// Takes the references to an object out of the table; those that must be told.
fn cut(target: usize) -> Vec<Ref<Instance>> {
    let mut table = TABLE.lock();
    let Some(links) = table.as_mut().and_then(|table| table.remove(&target)) else {
        return Vec::new();
    };
    let mut told = Vec::new();
    for link in links.iter().rev() {
        if link.tells {
            told.extend(link.living_holder());
        }
        link.target.store(std::ptr::null_mut(), Ordering::Relaxed);
    }
    told
}

/// An object with weak references is about to go: its contents are still there, its count is zero.
#[cold]
pub(super) fn target_dies(object: NonNull<Header>) {
    tell(cut(object.as_ptr() as usize));
}

/// Takes the references to an unreachable object out, while the world is stopped; those that must
/// be told, once it runs again.
pub(super) fn cut_unreachable(object: NonNull<Header>) -> Vec<Ref<Instance>> {
    cut(object.as_ptr() as usize)
}

/// Tells these holders.
pub(super) fn tell(holders: Vec<Ref<Instance>>) {
    if let Some(tell) = TELL.get()
        && !holders.is_empty()
    {
        tell(holders);
    }
}
