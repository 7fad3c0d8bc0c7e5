//! Shapes: which attributes an instance has, and in which slot each one is. Instances of a class
//! that got the same attributes in the same order share one shape, so that "where is `x`" is
//! answered once for all of them. Idea: the maps of Self (Chambers, Ungar and Lee, OOPSLA 1989).
//!
//! A shape's number says more than where attributes are: that the class of the instances is as it
//! was when the number was given. When a class changes in a way that matters to its instances'
//! attributes, all its shapes get other numbers, so whatever a node remembers of the old ones is
//! never found again.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use super::lock::Guarded;
use super::name::Name;

/// An instance with more attributes than this keeps them in a table of its own: each further
/// shape would copy all names before it.
pub const MOST_SLOTS: usize = 64;

/// A node in a class's tree of shapes. Owned by its class and never removed from it, so an
/// instance, which owns its class, may keep a plain pointer.
pub struct Shape {
    id: AtomicU32,
    names: Box<[Name]>,
    next: Guarded<Vec<(Name, Box<Shape>)>>,
    /// The shape with one more name that was asked for last.
    recent: AtomicPtr<Shape>,
}

fn next_id() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Shape {
    fn new(names: Box<[Name]>) -> Shape {
        Shape {
            id: AtomicU32::new(next_id()),
            names,
            next: Guarded::default(),
            recent: AtomicPtr::default(),
        }
    }

    /// The shape of an instance without attributes.
    pub fn root() -> Shape {
        Shape::new(Box::default())
    }

    /// What instances have in the place of a shape that keep their attributes in a table. No cache
    /// is ever filled with its number.
    pub fn of_table() -> &'static Shape {
        static SHAPE: OnceLock<Shape> = OnceLock::new();
        SHAPE.get_or_init(|| Shape {
            id: AtomicU32::new(u32::MAX),
            ..Shape::root()
        })
    }

    /// A number that no other shape of the process has, for inline caches. Never 0.
    #[inline(always)]
    pub fn id(&self) -> u32 {
        self.id.load(Ordering::Acquire)
    }

    /// Whether its instances keep their attributes in a table.
    #[inline(always)]
    pub fn is_of_table(&self) -> bool {
        self.id() == u32::MAX
    }

    /// Gives it and all that grew from it other numbers.
    pub fn renew(&self) {
        self.id.store(next_id(), Ordering::Release);
        self.next
            .with(|next| next.iter().for_each(|(_, shape)| shape.renew()));
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

    /// The shape with one more name that was asked for last, if it has this number.
    #[inline(always)]
    pub fn recent(&self, id: u32) -> Option<&Shape> {
        // SAFETY: one of the children, which are boxed and never removed while `self` lives.
        let shape = unsafe { self.recent.load(Ordering::Acquire).as_ref() }?;
        (shape.id() == id).then_some(shape)
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
                next.push((name, Box::new(Shape::new(names.into()))));
                next.len() - 1
            }
        };
        let shape: *const Shape = &*next[index].1;
        self.recent.store(shape.cast_mut(), Ordering::Release);
        // SAFETY: children are boxed and never removed while `self` lives.
        Some(unsafe { &*shape })
    }
}
