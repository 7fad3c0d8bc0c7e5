//! Finding and freeing unreachable cycles by trial deletion. Knows counts and references; it must
//! not know kinds of objects, nor when it is time to collect.
//!
//! # Why it frees nothing that is in use
//! The *graph* is every registered object, and whatever can be reached from one of them, so it is
//! closed: what an object of the graph refers to is in the graph, or immortal, or refers to nothing.
//! An object's *inner* references are those that `traverse` of the graph's objects reports.
//!
//! 1. A count is one for each reference that owns it. `traverse` reports owned references only, and
//!    each at most once ([`Object::traverse`](super::object::Object::traverse)). So if a count is
//!    larger than the inner references, somebody outside the graph's fields owns one: a variable on
//!    a stack of values, a local variable of Rust code, a global variable, a table of the runtime or
//!    of a session, a host's handle, a message under way, an immortal object. Nobody has to name
//!    them: what is not reported is outside.
//! 2. What such an object reaches is in use; all else is not: whatever refers to it is a field of
//!    another object that nobody outside refers to.
//! 3. An uncounted borrow, which may live between two safepoints of a thread, is no exception. All
//!    threads are at safepoints or detached while the graph is looked at, and hold none. What a call
//!    in progress borrows from its caller is counted there.
//! 4. An object with count zero waits for its end (see `reclaim`). It is not looked at, so what it
//!    refers to has one more owner outside, and is freed when it is.
//! 5. Nobody changes the graph meanwhile: all changes are made by attached threads.
//!
//! Afterwards the unreachable objects are kept by a count of the collector's. Weak references to
//! them are cut while the world still stands, so none of them can be found any more, except by a
//! generator among them, whose `finally` runs when it is closed. When there was one, the same look is
//! taken again at the unreachable objects alone, with the collector's own count as an inner one.
//!
//! A kind that reports less than it owns makes a cycle through it live for ever; one that reports
//! more than there is is found out where a count is smaller than the inner references, and then
//! nothing is freed at all.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};

use super::instance::Instance;
use super::object::{Header, NODE_BIT, Ref, WEAK_BIT};
use super::{Value, registry, weak};
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::report;
use crate::runtime::world::StoppedWorld;

struct Node {
    object: NonNull<Header>,
    /// What the object had noted.
    noted: u32,
    /// How many references there are from objects of the graph.
    inner: u32,
    in_use: bool,
}

impl Node {
    /// Whether the registry has it, rather than that something there reaches it.
    fn is_registered(&self) -> bool {
        self.noted & !WEAK_BIT != 0
    }
}

/// Some objects and what they reach, during a stop of the world.
struct Graph {
    nodes: Vec<Node>,
}

/// Objects that nothing reaches but they themselves, each kept by a count.
pub struct Unreachable {
    objects: Vec<NonNull<Header>>,
    /// How many objects were looked at.
    pub examined: usize,
    /// How many registered objects are in use.
    pub in_use: usize,
    /// How many registered objects are unreachable.
    pub to_free: usize,
    told: Vec<Ref<Instance>>,
}

/// What is unreachable and not freed yet. All threads may free some of it: one alone, while others
/// leave cycles behind, may never come to the end.
static RUBBISH: LeafLock<Rubbish> = LeafLock::new(Rubbish(Vec::new()));

/// Whether there is any, readable without the lock.
static HAS_RUBBISH: AtomicBool = AtomicBool::new(false);

struct Rubbish(Vec<NonNull<Header>>);

// SAFETY: each object is kept by a count that the list owns, and any thread may give a count back.
unsafe impl Send for Rubbish {}

/// Set when some kind reported more references than there are: then nothing may be freed.
static DISTRUSTED: AtomicBool = AtomicBool::new(false);

/// Whether a value can be left out of the graph: it refers to nothing, or is never freed.
#[inline]
fn node_of(value: &Value) -> Option<&Header> {
    let header = value.header()?;
    if header.is_leaf() || header.count().is_none() {
        return None;
    }
    Some(header)
}

impl Graph {
    fn new(capacity: usize) -> Graph {
        Graph {
            nodes: Vec::with_capacity(capacity),
        }
    }

    fn add(&mut self, object: NonNull<Header>, inner: u32) {
        // SAFETY: found in the registry or in a living object, and the world is stopped.
        let header = unsafe { object.as_ref() };
        let number = self.nodes.len() as u32;
        if number >= WEAK_BIT {
            // More objects than numbers: the rest counts as outside.
            return;
        }
        self.nodes.push(Node {
            object,
            noted: header.noted(),
            inner,
            in_use: false,
        });
        header.note(NODE_BIT | number);
    }

    /// Counts the references between the objects, adding what they reach.
    fn explore(&mut self) {
        let mut next = 0;
        while let Some(node) = self.nodes.get(next) {
            next += 1;
            let object = node.object;
            // SAFETY: as in `add`.
            unsafe { object.as_ref() }.traverse(&mut |value| {
                let Some(header) = node_of(value) else { return };
                let noted = header.noted();
                if noted & NODE_BIT != 0 {
                    self.nodes[(noted & !NODE_BIT) as usize].inner += 1;
                } else {
                    self.add(NonNull::from(header), 1);
                }
            });
        }
    }

    /// Marks what is in use. Counts are read now, when no traversal holds any for a moment.
    fn mark(&mut self, held: impl Fn(usize) -> u32) {
        let mut pending = Vec::new();
        for (number, node) in self.nodes.iter_mut().enumerate() {
            // SAFETY: as in `add`.
            let count = unsafe { node.object.as_ref() }.count().unwrap_or(u32::MAX);
            let inner = node.inner + held(number);
            if count < inner {
                if !DISTRUSTED.swap(true, Ordering::Relaxed) {
                    report::warn(&misreport(node, count));
                }
                debug_assert!(false, "{}", misreport(node, count));
            }
            if count > inner {
                node.in_use = true;
                pending.push(number as u32);
            }
        }
        while let Some(number) = pending.pop() {
            let object = self.nodes[number as usize].object;
            // SAFETY: as in `add`.
            unsafe { object.as_ref() }.traverse(&mut |value| {
                let Some(header) = node_of(value) else { return };
                let noted = header.noted();
                if noted & NODE_BIT == 0 {
                    return;
                }
                let number = noted & !NODE_BIT;
                let node = &mut self.nodes[number as usize];
                if !node.in_use {
                    node.in_use = true;
                    pending.push(number);
                }
            });
        }
    }

    /// Gives the objects back what they had noted. Those not in use, unless nothing can be trusted.
    fn finish(self) -> Vec<Node> {
        for node in &self.nodes {
            // SAFETY: as in `add`.
            unsafe { node.object.as_ref() }.note(node.noted);
        }
        if DISTRUSTED.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let mut nodes = self.nodes;
        nodes.retain(|node| !node.in_use);
        nodes
    }
}

fn misreport(node: &Node, count: u32) -> String {
    // SAFETY: as in `add`.
    let value = unsafe { node.object.as_ref() }.value();
    let kind = value
        .as_ref()
        .map_or("an object", |value| value.type_name());
    format!(
        "a defect of conc: `{kind}` has {count} owners, and {} references to it are reported; from \
         now on unreachable cycles are kept",
        node.inner
    )
}

/// Finds what is unreachable.
pub fn find(_world: &StoppedWorld<'_>) -> Unreachable {
    let mut graph = Graph::new(registry::count());
    registry::for_each(|object| {
        // SAFETY: registered objects are alive.
        let count = unsafe { object.as_ref() }.count();
        if count.is_some_and(|count| count > 0) {
            graph.add(object, 0);
        }
    });
    graph.explore();
    graph.mark(|_| 0);
    let examined = graph.nodes.len();
    let registered = graph
        .nodes
        .iter()
        .filter(|node| node.is_registered())
        .count();
    let nodes = graph.finish();
    let to_free = nodes.iter().filter(|node| node.is_registered()).count();
    let mut told = Vec::new();
    for node in nodes.iter().filter(|node| node.noted & WEAK_BIT != 0) {
        told.extend(weak::cut_unreachable(node.object));
    }
    // References that are unreachable themselves are not told.
    if !told.is_empty() {
        let mut addresses: Vec<usize> = nodes
            .iter()
            .map(|node| node.object.as_ptr() as usize)
            .collect();
        addresses.sort_unstable();
        told.retain(|holder| addresses.binary_search(&holder.address()).is_err());
    }
    let objects = keep(nodes);
    Unreachable {
        objects,
        examined,
        in_use: registered - to_free,
        to_free,
        told,
    }
}

fn keep(nodes: Vec<Node>) -> Vec<NonNull<Header>> {
    nodes
        .into_iter()
        .map(|node| {
            // SAFETY: alive, as in `Graph::add`; the count is given back in `free` or `give_up`.
            unsafe { node.object.as_ref() }.retain();
            node.object
        })
        .collect()
}

impl Unreachable {
    /// How many.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Tells weak references that had one of them.
    pub fn tell_weak_references(&mut self) {
        weak::tell(std::mem::take(&mut self.told));
    }

    /// Those that scripts can see.
    pub fn values(&self) -> impl Iterator<Item = Value> {
        // SAFETY: kept by a count.
        self.objects
            .iter()
            .filter_map(|object| unsafe { object.as_ref() }.value())
    }

    /// Looks again, after script code has run that could see them: those that are in use now, or
    /// reached by one for which `must_stay` holds, are given back.
    pub fn look_again(&mut self, _world: &StoppedWorld<'_>, must_stay: impl Fn(&Value) -> bool) {
        let objects = std::mem::take(&mut self.objects);
        let kept = objects.len();
        let mut graph = Graph::new(kept);
        for &object in &objects {
            graph.add(object, 0);
        }
        graph.explore();
        let stays = |number: usize| {
            // SAFETY: kept by a count.
            let value = unsafe { objects[number].as_ref() }.value();
            value.is_some_and(|value| must_stay(&value))
        };
        graph.mark(|number| u32::from(number < kept && !stays(number)));
        let nodes = graph.finish();
        self.objects = keep(nodes);
        for object in objects {
            // SAFETY: kept by the count that is given up here.
            unsafe { Header::let_go(object) };
        }
    }

    /// Leaves them to [`free_some`].
    pub fn leave_to_all(self) {
        if self.objects.is_empty() {
            return;
        }
        let mut rubbish = RUBBISH.lock();
        rubbish.0.extend(self.objects);
        HAS_RUBBISH.store(true, Ordering::Relaxed);
    }
}

/// Frees up to so many of the unreachable objects; whether there were any. In any order: what one
/// that is left refers to is still there.
pub fn free_some(most: usize) -> bool {
    if !HAS_RUBBISH.load(Ordering::Relaxed) {
        return false;
    }
    let some = {
        let mut rubbish = RUBBISH.lock();
        let left = rubbish.0.len().saturating_sub(most);
        let some = rubbish.0.split_off(left);
        if left == 0 {
            // The memory goes back as well: the next time it may be far less.
            rubbish.0 = Vec::new();
            HAS_RUBBISH.store(false, Ordering::Relaxed);
        }
        some
    };
    for &object in &some {
        // SAFETY: kept by a count.
        unsafe { object.as_ref() }.clear();
        // SAFETY: that count is given up here.
        unsafe { Header::let_go(object) };
    }
    !some.is_empty()
}

/// What `choose` makes of each registered object that scripts can see.
pub fn registered<T>(_world: &StoppedWorld<'_>, choose: impl Fn(Value) -> Option<T>) -> Vec<T> {
    let mut chosen = Vec::new();
    registry::for_each(|object| {
        // SAFETY: registered objects are alive.
        let header = unsafe { object.as_ref() };
        if header.count().is_some_and(|count| count > 0) {
            chosen.extend(header.value().and_then(&choose));
        }
    });
    chosen
}
