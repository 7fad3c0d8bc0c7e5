//! Which threads of the interpreter there are: the registry, and what is asked of all of them. It must not
//! know what a thread is doing.

use super::clock::Deadline;
use super::event_fd;
use super::idle_threads;
use super::leaf_lock::LeafLock;
use super::pending::{ENDED, Pending};
use super::thread::{ThreadHandle, ThreadId, ThreadKind, VANISHED, set_main};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(super) struct Registry {
    pub(super) threads: Vec<ThreadHandle>,
    /// Names of the threads that forks left behind, for whoever meets something they held.
    pub(super) vanished: BTreeMap<ThreadId, Arc<str>>,
    /// How many of them run no script any more, and are about to leave.
    pub(super) ending: usize,
    /// Native ids of threads that have left the registry and may take a moment to be gone.
    pub(super) leaving: Vec<u32>,
}

pub(super) static REGISTRY: LeafLock<Registry> = LeafLock::new(Registry {
    threads: Vec::new(),
    vanished: BTreeMap::new(),
    ending: 0,
    leaving: Vec::new(),
});

/// The number of registered threads, readable without the lock.
static COUNT: AtomicUsize = AtomicUsize::new(0);

impl Registry {
    pub(super) fn add(&mut self, handle: ThreadHandle) {
        self.threads.push(handle);
        COUNT.store(self.threads.len(), Ordering::SeqCst);
    }

    pub(super) fn remove(&mut self, handle: &ThreadHandle) {
        self.threads.retain(|other| other != handle);
        COUNT.store(self.threads.len(), Ordering::SeqCst);
        let native_id = handle.native_id();
        if handle.kind() == ThreadKind::Spawned && native_id != 0 {
            // Only foreign-thread checks look at it; it need not be complete for ever.
            const MOST_LEAVING: usize = 1024;
            if self.leaving.len() >= MOST_LEAVING {
                self.leaving.drain(..MOST_LEAVING / 2);
            }
            // One that is used again and again leaves as often.
            if self.leaving.last() != Some(&native_id) {
                self.leaving.push(native_id);
            }
        }
    }
}

/// The threads that live now, in the order in which they were started.
pub fn enumerate() -> Vec<ThreadHandle> {
    REGISTRY.lock_anywhere().threads.clone()
}

/// Stops those of the other threads that `which` chooses and waits for their ends, whatever is
/// pending for the calling thread; returns those that have not ended by the deadline.
pub fn stop_others(
    thread: &ThreadHandle,
    deadline: Deadline,
    which: impl Fn(&ThreadHandle) -> bool,
) -> Vec<ThreadHandle> {
    let mut others = enumerate();
    others.retain(|other| other != thread && which(other));
    for other in &others {
        other.interrupt(Pending::STOP);
    }
    for other in &others {
        other.wait_uninterrupted(thread, deadline);
    }
    others.retain(ThreadHandle::is_alive);
    others
}

/// How many threads may still run something.
pub(super) fn count_running() -> usize {
    let registry = REGISTRY.lock_anywhere();
    registry.threads.len() - registry.ending
}

/// How many threads live now.
#[inline]
pub fn count() -> usize {
    COUNT.load(Ordering::Relaxed)
}

/// The main thread, if it lives.
pub fn main() -> Option<ThreadHandle> {
    let registry = REGISTRY.lock_anywhere();
    registry
        .threads
        .iter()
        .find(|thread| thread.is_main())
        .cloned()
}

/// The living thread with this number.
pub fn find(id: ThreadId) -> Option<ThreadHandle> {
    let registry = REGISTRY.lock_anywhere();
    registry
        .threads
        .iter()
        .find(|thread| thread.id() == id)
        .cloned()
}

/// The name of a thread that a fork left behind in the parent.
pub fn vanished_name(id: ThreadId) -> Option<Arc<str>> {
    REGISTRY.lock_anywhere().vanished.get(&id).cloned()
}

/// Runs `look` with the registered threads, under the registry's lock.
pub(super) fn with_registry<R>(look: impl FnOnce(&[ThreadHandle]) -> R) -> R {
    look(&REGISTRY.lock_anywhere().threads)
}

/// Runs `action` with the registry's lock held: a foreign thread may be registering itself at the
/// instant of a fork, and must not leave the lock behind.
pub(super) fn with_registry_locked<R>(action: impl FnOnce() -> R) -> R {
    let _registry = REGISTRY.lock_anywhere();
    action()
}

/// Leaves only `survivor` in the registry, in the child of a fork, where it becomes the main thread.
pub(super) fn keep_only(survivor: &ThreadHandle) {
    event_fd::forget_in_child();
    survivor.thread().event_fd.store(-1, Ordering::SeqCst);
    for count in [
        &survivor.thread().looks,
        &survivor.thread().serves,
        &survivor.thread().asks,
    ] {
        count.store(0, Ordering::Relaxed);
    }
    survivor.forget_usage_before();
    // The only thread of a process has the process's number.
    survivor
        .thread()
        .native_id
        .store(std::process::id(), Ordering::SeqCst);
    let gone = {
        let mut registry = REGISTRY.lock_anywhere();
        // In place, and nothing is allocated where nobody stayed behind: each page that a child
        // writes to is one that the kernel has to copy.
        let mut gone = Vec::new();
        if !matches!(&registry.threads[..], [only] if only == survivor) {
            gone = std::mem::replace(&mut registry.threads, vec![survivor.clone()]);
            gone.retain(|thread| thread != survivor);
        }
        COUNT.store(1, Ordering::SeqCst);
        registry.leaving.clear();
        registry.ending = 0;
        for thread in &gone {
            // Only a foreign thread that looked at the name could hold its lock now.
            let name = match thread.thread().name.try_lock() {
                Some(name) => name.clone(),
                None => "?".into(),
            };
            registry.vanished.insert(thread.id(), name);
        }
        gone
    };
    for thread in &gone {
        thread.thread().end.store(VANISHED, Ordering::SeqCst);
        thread.thread().left.store(VANISHED, Ordering::SeqCst);
        thread.thread().pending.store(ENDED, Ordering::SeqCst);
        thread.thread().event_fd.store(-1, Ordering::SeqCst);
    }
    if !survivor.is_main() {
        set_main(survivor);
    }
}

/// The kernel's numbers of threads that have ended and may not be gone yet.
pub(super) fn leaving() -> Vec<u32> {
    REGISTRY.lock_anywhere().leaving.clone()
}

/// The number of this process's threads that are not the interpreter's.
pub(super) fn count_foreign() -> io::Result<usize> {
    let before = leaving();
    let mut tasks = Vec::new();
    for entry in std::fs::read_dir("/proc/self/task")? {
        let name = entry?.file_name();
        if let Some(task) = name.to_str().and_then(|name| name.parse::<u32>().ok()) {
            tasks.push(task);
        }
    }
    let mut registry = REGISTRY.lock_anywhere();
    // Of one that has left since the list may have been made before it was there.
    registry
        .leaving
        .retain(|leaving| tasks.contains(leaving) || !before.contains(leaving));
    // Started threads that have no number yet are among the tasks.
    let unborn = registry
        .threads
        .iter()
        .filter(|thread| thread.native_id() == 0)
        .count();
    let foreign = tasks
        .iter()
        .filter(|task| {
            !registry.leaving.contains(task)
                && !idle_threads::has(**task)
                && !registry
                    .threads
                    .iter()
                    .any(|thread| thread.native_id() == **task)
        })
        .count();
    Ok(foreign.saturating_sub(unborn))
}
