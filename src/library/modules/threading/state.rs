//! The threads of a session as scripts see them: which object belongs to which thread. It must not
//! know how a thread runs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Weak;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::local::{Parts, Touched};
use super::thread::{self, ThreadObject};
use crate::eval::context::Context;
use crate::eval::extensions::Part;
use crate::runtime::fork;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::thread::{self as runtime, ThreadHandle, ThreadId, ThreadKind};
use crate::value::instance::Instance;
use crate::value::object::Ref;

/// The session's threads.
#[derive(Default)]
pub struct Threads {
    table: LeafLock<Table>,
    /// How many names were made up so far.
    names: AtomicU64,
    running: Running,
    /// Threads without objects that the program waits for at its end.
    kept: LeafLock<Vec<ThreadHandle>>,
    /// What `stack_size` was set to; 0 for the usual size.
    pub stack_size: AtomicUsize,
}

#[derive(Default)]
struct Table {
    /// The living threads, and those about to start, in the order in which they came.
    objects: BTreeMap<u64, Ref<Instance>>,
    next: u64,
    serials: HashMap<ThreadId, u64>,
    /// In which `local` objects threads have attributes.
    touched: HashMap<ThreadId, Touched>,
    /// A host's thread that counts as the main one.
    main: Option<ThreadHandle>,
}

/// How many threads a session has started that have not ended, the main one not counted. A fork leaves them all behind,
/// and the forking thread is the child's main one: so the number is kept with the generation of the process it is of.
#[derive(Default)]
pub(super) struct Running(LeafLock<(u32, usize)>);

impl Running {
    fn change(&self, change: impl FnOnce(usize) -> usize) {
        let mut counted = self.0.lock();
        if counted.0 != fork::generation() {
            *counted = (fork::generation(), 0);
        }
        counted.1 = change(counted.1);
    }

    fn get(&self) -> usize {
        let (generation, count) = *self.0.lock();
        if generation == fork::generation() {
            count
        } else {
            0
        }
    }
}

/// The threads of the session that a context belongs to.
pub fn threads(cx: &Context) -> Part<Threads> {
    cx.session.extensions.get()
}

impl Threads {
    /// The number of the next made-up name.
    pub fn next_name(&self) -> u64 {
        self.names.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A thread is about to start.
    pub(super) fn count_start(&self) {
        self.running.change(|count| count + 1);
    }

    /// It could not be started, or has ended in the process that started it.
    pub(super) fn count_end(&self) {
        self.running.change(|count| count.saturating_sub(1));
    }

    /// How many there are besides the main one.
    pub(super) fn running(&self) -> usize {
        self.running.get()
    }

    /// The program is to wait for this thread, which has no object.
    pub(super) fn keep_alive(&self, thread: ThreadHandle) {
        let mut kept = self.kept.lock();
        kept.retain(ThreadHandle::is_alive);
        kept.push(thread);
    }

    /// The threads without objects that the program waits for.
    pub(super) fn kept_alive(&self) -> Vec<ThreadHandle> {
        let kept = self.kept.lock().clone();
        kept.into_iter().filter(ThreadHandle::is_alive).collect()
    }

    /// Adds a thread that is about to start; its number is for [`Threads::begin`] and
    /// [`Threads::leave`].
    pub fn enter(&self, object: Ref<Instance>) -> u64 {
        let mut table = self.table.lock();
        let serial = table.next;
        table.next += 1;
        table.objects.insert(serial, object);
        serial
    }

    /// The thread runs.
    pub fn begin(&self, serial: u64, id: ThreadId) {
        self.table.lock().serials.insert(id, serial);
    }

    /// The thread has ended, or could not be started.
    pub fn leave(&self, serial: u64, id: Option<ThreadId>) {
        let mut table = self.table.lock();
        if let Some(id) = id {
            table.serials.remove(&id);
        }
        let object = table.objects.remove(&serial);
        drop(table);
        drop(object);
    }

    /// A thread that has ended was not started as an object; it may have asked for one.
    pub(super) fn leave_unstarted(&self, id: ThreadId) {
        let serial = self.table.lock().serials.get(&id).copied();
        if let Some(serial) = serial {
            self.leave(serial, Some(id));
        }
    }

    /// The thread has attributes in a `local` object.
    pub(super) fn touch(&self, thread: ThreadId, parts: Weak<Parts>) {
        let mut table = self.table.lock();
        let touched = table.touched.entry(thread).or_default();
        if touched.len() == touched.capacity() {
            touched.retain(|parts| parts.strong_count() > 0);
        }
        touched.push(parts);
    }

    /// The thread has ended: its attributes of `local` objects go.
    pub(super) fn forget_locals(&self, thread: ThreadId) {
        let touched = self.table.lock().touched.remove(&thread);
        for parts in touched.into_iter().flatten() {
            if let Some(parts) = parts.upgrade() {
                parts.forget(thread);
            }
        }
    }

    fn find(&self, id: ThreadId) -> Option<Ref<Instance>> {
        let table = self.table.lock();
        let serial = table.serials.get(&id)?;
        table.objects.get(serial).cloned()
    }

    /// The object of a thread that exists, made if it is asked for the first time.
    pub fn object_of(&self, handle: &ThreadHandle, is_main: bool) -> Ref<Instance> {
        if let Some(found) = self.find(handle.id()) {
            return found;
        }
        let object = thread::object_for(handle, is_main, || self.next_name());
        let serial = self.enter(object.clone());
        self.begin(serial, handle.id());
        object
    }

    /// The main thread: the program's own, or where a host owns it, a thread of the host that is in
    /// the session.
    pub fn main(&self, current: &ThreadHandle) -> ThreadHandle {
        if let Some(main) = runtime::main() {
            return main;
        }
        let mut table = self.table.lock();
        if let Some(main) = table.main.as_ref().filter(|main| main.is_alive()) {
            return main.clone();
        }
        if current.kind() == ThreadKind::Host {
            table.main = Some(current.clone());
        }
        current.clone()
    }

    /// The objects of all threads that live or are about to start. Forgets those that a fork left
    /// behind.
    pub fn living(&self) -> Vec<Ref<Instance>> {
        let mut table = self.table.lock();
        let all: Vec<(u64, Ref<Instance>)> = table
            .objects
            .iter()
            .map(|(serial, object)| (*serial, object.clone()))
            .collect();
        let (living, gone): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, object)| {
            object
                .native::<ThreadObject>()
                .is_some_and(ThreadObject::exists)
        });
        let mut dropped = Vec::new();
        let gone_threads: Vec<ThreadId> = table
            .serials
            .iter()
            .filter(|(_, serial)| gone.iter().any(|(other, _)| other == *serial))
            .map(|(id, _)| *id)
            .collect();
        for (serial, _) in &gone {
            dropped.extend(table.objects.remove(serial));
        }
        for id in &gone_threads {
            table.serials.remove(id);
        }
        drop(table);
        for id in gone_threads {
            self.forget_locals(id);
        }
        drop((gone, dropped));
        living.into_iter().map(|(_, object)| object).collect()
    }
}

/// The object of the calling thread.
pub fn current(cx: &Context) -> Ref<Instance> {
    let threads = threads(cx);
    if let Some(found) = threads.find(cx.thread.id()) {
        return found;
    }
    let main = threads.main(&cx.thread);
    threads.object_of(&cx.thread, main == cx.thread)
}

/// The object of the main thread.
pub fn main(cx: &Context) -> Ref<Instance> {
    let threads = threads(cx);
    let main = threads.main(&cx.thread);
    threads.object_of(&main, true)
}
