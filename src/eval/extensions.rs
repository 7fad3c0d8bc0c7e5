//! What parts of the library keep for a session, by type. It must not know them.

use std::any::Any;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::{Arc, OnceLock};

/// What parts of the library keep for a session: each its own, of its own type, made when it is first asked for
/// and kept as long as the session.
///
/// Whoever looks for a part writes to one place, the count that all of them share: what a child of a fork and its
/// parent write to is copied page by page, and around a fork a dozen parts are asked for.
#[derive(Default)]
pub struct Extensions(Arc<List>);

/// Nothing is ever taken out of the list, so it is read without a lock.
#[derive(Default)]
struct List {
    first: Place,
}

/// Where a part is added while nothing stands there yet.
type Place = OnceLock<Box<Node>>;

struct Node {
    part: Box<dyn Any + Send + Sync>,
    next: Place,
}

/// A part of a session, which keeps the session's parts alive. Not to be kept in one of them.
pub struct Part<T> {
    part: NonNull<T>,
    _list: Arc<List>,
}

// SAFETY: it gives out shared references alone, and the list may be dropped by any thread.
unsafe impl<T: Sync> Send for Part<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Part<T> {}

impl<T> Deref for Part<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the list keeps the part where it is.
        unsafe { self.part.as_ref() }
    }
}

impl Extensions {
    /// The part of this type, made when it is first asked for.
    pub fn get<T: Default + Send + Sync + 'static>(&self) -> Part<T> {
        if let Some(part) = self.find() {
            return part;
        }
        // Made before its place is taken: making it may ask for others.
        let mut made = Some(Box::new(Node {
            part: Box::new(T::default()),
            next: Place::new(),
        }));
        let mut place = &self.0.first;
        loop {
            // Another thread may take the place first, also for a part of this type.
            if let Some(node) = made.take()
                && let Err(node) = place.set(node)
            {
                made = Some(node);
            }
            let Some(node) = place.get() else { continue };
            if let Some(part) = self.part(node) {
                return part;
            }
            place = &node.next;
        }
    }

    /// The part of this type, if anybody has asked for it. For whoever would only find it empty: what a
    /// child of a fork makes costs it pages of its own.
    pub fn find<T: Send + Sync + 'static>(&self) -> Option<Part<T>> {
        let mut place = &self.0.first;
        while let Some(node) = place.get() {
            if let Some(part) = self.part(node) {
                return Some(part);
            }
            place = &node.next;
        }
        None
    }

    /// The part in this node of the list, if it is of this type.
    fn part<T: 'static>(&self, node: &Node) -> Option<Part<T>> {
        let part = node.part.downcast_ref::<T>()?;
        Some(Part {
            part: NonNull::from(part),
            _list: self.0.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    struct Counter(AtomicUsize);

    #[derive(Default)]
    struct Other(AtomicUsize);

    #[test]
    fn threads_that_ask_at_once_find_the_same_part() {
        for _ in 0..200 {
            let extensions = Extensions::default();
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        extensions.get::<Other>().0.fetch_add(1, Ordering::Relaxed);
                        extensions
                            .get::<Counter>()
                            .0
                            .fetch_add(1, Ordering::Relaxed);
                    });
                }
            });
            assert_eq!(extensions.get::<Counter>().0.load(Ordering::Relaxed), 4);
            assert_eq!(extensions.get::<Other>().0.load(Ordering::Relaxed), 4);
        }
    }

    #[test]
    fn a_part_outlives_the_session_it_is_of() {
        let extensions = Extensions::default();
        assert!(extensions.find::<Counter>().is_none());
        let part = extensions.get::<Counter>();
        drop(extensions);
        assert_eq!(part.0.fetch_add(1, Ordering::Relaxed), 0);
    }
}
