//! Shapes: which attributes an instance has, and in which slot each one is. Instances of a class
//! that got the same attributes in the same order share one shape, so that "where is `x`" is
//! answered once for all of them. Idea: the maps of Self (Chambers, Ungar and Lee, OOPSLA 1989).

use std::sync::atomic::{AtomicU32, Ordering};

use super::lock::Guarded;
use super::name::Name;

/// An instance with more attributes than this keeps them in a table of its own: each further
/// shape would copy all names before it.
pub const MOST_SLOTS: usize = 64;

/// A node in a class's tree of shapes. Owned by its class and never removed from it, so an
/// instance, which owns its class, may keep a plain pointer.
pub struct Shape {
    id: u32,
    names: Box<[Name]>,
    next: Guarded<Vec<(Name, Box<Shape>)>>,
}

fn next_id() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Shape {
    /// The shape of an instance without attributes.
    pub fn root() -> Shape {
        Shape {
            id: next_id(),
            names: Box::default(),
            next: Guarded::default(),
        }
    }

    /// A number that no other shape of the process has, for inline caches.
    #[inline(always)]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The names in slot order.
    #[inline(always)]
    pub fn names(&self) -> &[Name] {
        &self.names
    }

    /// The slot of a name.
    #[inline]
    pub fn slot(&self, name: Name) -> Option<usize> {
        self.names.iter().position(|&known| known == name)
    }

    /// The shape with one more name; `None` when there would be too many.
    pub fn with(&self, name: Name) -> Option<&Shape> {
        if self.names.len() >= MOST_SLOTS {
            return None;
        }
        let mut next = self.next.lock();
        let index = match next.iter().position(|(known, _)| *known == name) {
            Some(index) => index,
            None => {
                let mut names = self.names.to_vec();
                names.push(name);
                let shape = Shape {
                    id: next_id(),
                    names: names.into(),
                    next: Guarded::default(),
                };
                next.push((name, Box::new(shape)));
                next.len() - 1
            }
        };
        let shape: *const Shape = &*next[index].1;
        // SAFETY: children are boxed and never removed while `self` lives.
        Some(unsafe { &*shape })
    }
}
