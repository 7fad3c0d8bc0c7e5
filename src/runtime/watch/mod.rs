//! Who waits for whom, so that nothing hangs in silence: waits that last are written down, and whoever
//! is the last to wait looks whether anybody is left who could wake it.
//!
//! Nothing is written for short waits: a thread that has waited for `PATIENCE` wakes once, enters
//! itself, looks, and sleeps on. Where several processes may be involved, each one says in shared memory
//! whether all its threads wait and what for; see `shared`. Why no verdict is a false alarm is told in
//! `graph`. It must not know what the objects are for, nor what becomes of a verdict.
//!
//! Entries point to words of the threads that wait. They are read under the registry's lock only, which a
//! thread takes to remove its entry before it leaves the wait.

mod collect;
mod graph;
mod leaving;
mod nodes;
mod peers;
pub(crate) mod shared;
mod text;
mod waiting;

use super::blocking::{Outcome, Reason, ReasonKind, Scope, Wait};
use super::clock::Deadline;
use super::fork;
use super::leaf_lock::LeafLock;
use super::pending::Pending;
use super::thread::{self, ThreadHandle};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

pub use text::{PlaceText, place, set_places};

/// How long a thread waits before it enters itself. Long compared with the waits of working programs,
/// short for a person.
const PATIENCE: Duration = Duration::from_millis(50);

/// How often a thread that waits for another process by a descriptor looks whether a verdict concerns it.
const LOOK: Duration = Duration::from_millis(100);

/// When a thread whose wait goes round in a circle, although others run, says so.
const WARN_AFTER: Duration = Duration::from_secs(2);

/// What a deadlock means for one of its threads.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What the thread waits for.
    pub what: String,
    /// Where.
    pub place: Option<PlaceText>,
    /// The whole report.
    pub report: Arc<str>,
}

/// What could end a wait besides the threads of this program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outsider {
    /// The script has a signal handler of its own.
    Handler = 1,
    /// An alarm is set.
    Alarm = 2,
}

static OUTSIDERS: AtomicU32 = AtomicU32::new(0);

/// Says whether there is such an outsider now.
pub fn set_outsider(outsider: Outsider, there: bool) {
    match there {
        true => OUTSIDERS.fetch_or(outsider as u32, Ordering::SeqCst),
        false => OUTSIDERS.fetch_and(!(outsider as u32), Ordering::SeqCst),
    };
}

/// Whether something other than the threads of this process can act in it: a handler of a signal, or a
/// host whose threads may come in at any time.
fn has_outsiders() -> bool {
    OUTSIDERS.load(Ordering::SeqCst) != 0 || !fork::owns_process() && fork::generation() == 0
}

/// What says that a wait is over.
#[derive(Clone)]
enum Condition {
    /// One of these words has another value.
    Words(Vec<(*const AtomicU32, u32)>),
    /// One of these descriptors is ready.
    Descriptors(Vec<(i32, i16)>),
}

/// A thread that has waited for a while.
#[derive(Clone)]
struct Entry {
    thread: ThreadHandle,
    /// Its number among all entries there ever were.
    serial: u64,
    reason: Reason,
    place: u64,
    condition: Condition,
    serves: bool,
    /// Its deadlines are only looks after something.
    looks: bool,
    /// It has asked another thread to do something in its name, which will be told instead.
    asks: bool,
    /// When it began to wait.
    since: Deadline,
    /// When its condition was last seen to be false by itself.
    looked: Deadline,
    warned: bool,
    /// It has been told.
    doomed: bool,
    /// Its place in shared memory.
    shared: Option<u64>,
}

// SAFETY: the words are read only as the head of this file says.
unsafe impl Send for Entry {}

struct Registry {
    entries: Vec<Entry>,
    serials: u64,
}

static REGISTRY: LeafLock<Registry> = LeafLock::new(Registry {
    entries: Vec::new(),
    serials: 0,
});

/// How many entries there are: for looks without the lock.
static COUNT: AtomicU64 = AtomicU64::new(0);

impl Condition {
    fn of(wait: &Wait<'_>) -> Option<Self> {
        Some(match wait {
            Wait::Word { word, expected, .. } => {
                Self::Words(vec![(std::ptr::from_ref::<AtomicU32>(word), *expected)])
            }
            Wait::Words(words) => {
                let pairs = words.iter();
                Self::Words(
                    pairs
                        .map(|word| (std::ptr::from_ref(word.word), word.expected))
                        .collect(),
                )
            }
            Wait::Descriptor { fd, events } => Self::Descriptors(vec![(*fd, *events)]),
            Wait::Descriptors(list) => {
                Self::Descriptors(list.iter().map(|one| (one.fd, one.events)).collect())
            }
            Wait::Nothing => return None,
        })
    }

    /// Whether the wait is not over yet.
    ///
    /// # Safety
    /// The registry's lock is held, and the entry is in it.
    unsafe fn is_false(&self) -> bool {
        match self {
            Self::Words(words) => words.iter().all(|&(word, expected)| {
                // SAFETY: by contract the thread still waits, and keeps its words.
                unsafe { &*word }.load(Ordering::SeqCst) == expected
            }),
            Self::Descriptors(list) => {
                let mut polled: Vec<libc::pollfd> = list
                    .iter()
                    .map(|&(fd, events)| libc::pollfd {
                        fd,
                        events,
                        revents: 0,
                    })
                    .collect();
                // SAFETY: a valid list of that length; never waits.
                unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, 0) == 0 }
            }
        }
    }
}

/// Whether waits of this kind can be part of a deadlock. The others can be ended from outside.
fn can_be_in_vain(reason: &Reason) -> bool {
    match reason.kind {
        ReasonKind::Sleep | ReasonKind::Manager | ReasonKind::Other(_) => false,
        ReasonKind::Read | ReasonKind::Write | ReasonKind::ProcessJoin => true,
        _ => reason.object != 0,
    }
}

/// One wait of a thread, as the registry sees it.
pub(super) struct Watched<'a> {
    thread: &'a ThreadHandle,
    reason: &'a Reason,
    since: Deadline,
    /// When to look next; `None` for never.
    next: Option<Deadline>,
    entered: Option<Entered>,
}

struct Entered {
    serial: u64,
    shared: Option<u64>,
    /// When a look was left out that is still due.
    owed: Option<Deadline>,
}

impl<'a> Watched<'a> {
    /// Begins to watch a wait, if it is one that may be in vain: without an end of its own, or only with
    /// looks between.
    pub(super) fn begin(
        thread: &'a ThreadHandle,
        reason: &'a Reason,
        deadline: Option<Deadline>,
        wait: &Wait<'_>,
    ) -> Option<Self> {
        if deadline.is_some() && !thread.only_looks() || !can_be_in_vain(reason) {
            return None;
        }
        // What is shared can be reached from elsewhere, whatever the reason says.
        let is_shared = match wait {
            Wait::Word { shared, .. } => *shared,
            Wait::Words(words) => words.iter().any(|word| word.shared),
            _ => false,
        };
        if is_shared && reason.scope != Scope::Shared {
            return None;
        }
        let since = Deadline::now();
        let mut watched = Self {
            thread,
            reason,
            since,
            next: Some(since.plus(PATIENCE)),
            entered: None,
        };
        // One that only looked after something goes on with a wait that it began long ago.
        if thread.take_interrupted_wait(reason) {
            watched.enter(wait);
        }
        Some(watched)
    }

    pub(super) fn next_look(&self) -> Option<Deadline> {
        self.next
    }

    /// A word in shared memory by which a verdict of another process wakes this thread.
    pub(super) fn word(&self) -> Option<(&'static AtomicU32, u32)> {
        shared::word(self.entered.as_ref()?.shared?)
    }

    /// Whether another process has found that this wait is in vain, and the thread does not know yet.
    pub(super) fn has_verdict(&self) -> bool {
        let entry = self.entered.as_ref().and_then(|entered| entered.shared);
        entry.is_some_and(shared::has_verdict)
    }

    /// As if another process had found just now that the wait is in vain, and had woken whoever slept.
    #[cfg(test)]
    pub(super) fn doom_from_elsewhere(&self) {
        let index = self.entered.as_ref().and_then(|entered| entered.shared);
        shared::doom_own(index.unwrap());
    }

    /// It is time to look. The thread is attached.
    pub(super) fn look(&mut self, wait: &Wait<'_>) {
        if self.entered.is_none() {
            return self.enter(wait);
        }
        let waits_for_descriptor = matches!(wait, Wait::Descriptor { .. } | Wait::Descriptors(_));
        if waits_for_descriptor {
            self.next = Some(Deadline::after(LOOK));
            let is_due = |owed: Deadline| owed.plus(collect::LATEST).has_passed();
            let owed = self.entered.as_ref().and_then(|entered| entered.owed);
            self.look_again();
            if owed.is_some_and(is_due) {
                self.make_up();
            }
        } else {
            self.next = None;
            if !self.make_up() {
                self.warn();
            }
        }
    }

    /// Looks at everything if that was left out, and nobody has done it since; whether it was left out.
    fn make_up(&mut self) -> bool {
        let Some(owed) = self
            .entered
            .as_mut()
            .and_then(|entered| entered.owed.take())
        else {
            return false;
        };
        if shared::looked_at() <= owed {
            collect::check(Some(self.thread));
        }
        if self.reason.scope == Scope::Process {
            self.next = Some(self.since.plus(WARN_AFTER));
        }
        true
    }

    fn enter(&mut self, wait: &Wait<'_>) {
        let Some(condition) = Condition::of(wait) else {
            self.next = None;
            return;
        };
        let shared = shared::claim(self.thread);
        let serial = {
            let mut registry = REGISTRY.lock();
            registry.serials += 1;
            let serial = registry.serials;
            registry.entries.push(Entry {
                thread: self.thread.clone(),
                serial,
                reason: self.reason.clone(),
                place: self.thread.place(),
                condition,
                serves: self.thread.serves(),
                looks: self.thread.only_looks(),
                asks: self.thread.asks(),
                since: self.since,
                looked: Deadline::now(),
                warned: false,
                doomed: false,
                shared,
            });
            COUNT.store(registry.entries.len() as u64, Ordering::SeqCst);
            shared::bump();
            serial
        };
        self.entered = Some(Entered {
            serial,
            shared,
            owed: None,
        });
        let is_private = self.reason.scope == Scope::Process;
        self.next = match wait {
            Wait::Descriptor { .. } | Wait::Descriptors(_) => Some(Deadline::after(LOOK)),
            _ if is_private => Some(self.since.plus(WARN_AFTER)),
            _ => None,
        };
        if self.check(true) {
            let due = Deadline::after(collect::LATEST);
            self.next = Some(self.next.map_or(due, |next| next.min(due)));
            if let Some(entered) = &mut self.entered {
                entered.owed = Some(Deadline::now());
            }
        }
    }

    fn look_again(&self) {
        let Some(entered) = &self.entered else {
            return;
        };
        // A verdict of another process.
        if self.take_shared_verdict(entered) {
            return;
        }
        {
            let mut registry = REGISTRY.lock();
            if let Some(entry) = registry
                .entries
                .iter_mut()
                .find(|e| e.serial == entered.serial)
            {
                entry.looked = Deadline::now();
            }
        }
        self.check(false);
    }

    /// Looks whether somebody waits in vain, or leaves that out. True for the latter, if it is the first
    /// look of this wait and still due.
    fn check(&self, is_first: bool) -> bool {
        let is_due = is_first && shared::looked_at().plus(collect::LATEST).has_passed();
        if !is_due && collect::may_leave_out(self.thread) {
            return is_first;
        }
        collect::check(Some(self.thread));
        false
    }

    fn warn(&self) {
        if let Some(entered) = &self.entered {
            collect::warn_of_circle(entered.serial);
        }
    }

    /// Makes what another process found pending for this thread.
    fn take_shared_verdict(&self, entered: &Entered) -> bool {
        let Some(told) = entered.shared.and_then(shared::take_verdict) else {
            return false;
        };
        collect::tell_of_other_process(self.thread, &told);
        true
    }

    /// The wait is over, at least for the moment.
    pub(super) fn end(mut self, outcome: Outcome, deadline: Option<Deadline>) -> Outcome {
        let mut outcome = outcome;
        if let Some(entered) = self.entered.take() {
            // As long as there is an entry, `is_at_rest` can see from it that a verdict is there.
            if self.take_shared_verdict(&entered) {
                outcome = Outcome::Interrupted(Pending::DEADLOCK);
            }
            {
                let mut registry = REGISTRY.lock();
                registry
                    .entries
                    .retain(|entry| entry.serial != entered.serial);
                COUNT.store(registry.entries.len() as u64, Ordering::SeqCst);
                shared::bump();
            }
            if let Some(index) = entered.shared {
                // One that came meanwhile.
                if self.take_shared_verdict(&entered) {
                    outcome = Outcome::Interrupted(Pending::DEADLOCK);
                }
                shared::give_back(self.thread, index);
            }
            let was_look = outcome == Outcome::TimedOut
                && (self.thread.only_looks() || !deadline.is_some_and(Deadline::has_passed));
            if was_look {
                self.thread.note_interrupted_wait(self.reason);
            }
        }
        match outcome {
            // The word for verdicts had changed, and it was not for this thread.
            Outcome::Interrupted(Pending::NONE) => Outcome::Woken,
            outcome => outcome,
        }
    }
}

/// To be called by a thread that is about to end, when it is not counted any more: it may have been the
/// last one who could have woken the others.
pub(super) fn thread_ends() {
    if COUNT.load(Ordering::SeqCst) > 0 {
        collect::check(None);
    }
}

/// In the child of a fork: nobody who waited came along.
pub(super) fn forget_in_child() {
    let old = {
        let mut registry = REGISTRY.lock_anywhere();
        COUNT.store(0, Ordering::SeqCst);
        std::mem::take(&mut registry.entries)
    };
    // What the entries name belongs to the parent's threads. Nor is there anything to free, most often: that would
    // write to pages that otherwise stay the parent's.
    std::mem::forget(old);
    OUTSIDERS.fetch_and(!(Outsider::Alarm as u32), Ordering::SeqCst);
}

/// What a thread waits for, in words, if it does.
pub fn waiting_for(thread: &ThreadHandle) -> Option<String> {
    let record = thread.waits_for()?;
    let holder = {
        let registry = REGISTRY.lock();
        let mut entries = registry.entries.iter();
        let entry = entries.find(|entry| entry.thread == *thread);
        // SAFETY: the entry is in the registry, whose lock is held.
        entry.and_then(|entry| unsafe { text::holder_of(entry) })
    };
    Some(text::what(
        &record.reason,
        holder.as_ref(),
        Some(thread.id()),
    ))
}

/// Whether a thread waits and nothing ends its wait as yet: neither an interrupt nor a verdict is under way
/// to it.
pub fn is_at_rest(thread: &ThreadHandle) -> bool {
    let is_doomed = {
        let registry = REGISTRY.lock();
        let mut entries = registry.entries.iter();
        entries.any(|entry| {
            entry.thread == *thread
                && (entry.doomed || entry.shared.is_some_and(shared::has_verdict))
        })
    };
    // In this order: a verdict is pending before its entry goes, and until the thread has left the wait.
    !is_doomed && thread.pending().is_empty() && thread.waits_for().is_some()
}

/// Whether the registry holds all threads of this process that could do anything. One that starts another
/// one is not in it before it has waited, and by then the other one is counted.
fn all_wait(registry: &Registry) -> bool {
    // The table of threads has a lock that is never held while this one is taken.
    registry.entries.len() == thread::count_running()
}

/// Puts the verdict on a thread, without waking it yet.
fn doom(thread: &ThreadHandle, verdict: Verdict) {
    thread.set_verdict(Arc::new(verdict));
    thread.mark(Pending::DEADLOCK);
}
