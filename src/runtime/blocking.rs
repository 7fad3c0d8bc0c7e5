//! The one door for blocking. Every operation that may wait goes through [`blocking`], and there is
//! no other way: here the world token is given up, deadlines are kept, interrupts arrive, and it is
//! written down who waits for what.
//!
//! A wait has two forms: a futex word together with the thread's own word, or descriptors together
//! with the thread's own eventfd. Whoever interrupts a thread changes the one and raises the other,
//! so no wake-up ever depends on looking again after a while. Only a kernel without `futex_waitv`
//! makes threads look for interrupts in slices.

use super::clock::Deadline;
use super::event_fd;
use super::futex::{self, Waited};
use super::pending::Pending;
use super::thread::ThreadHandle;
use super::watch::Watched;
use smallvec::SmallVec;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

pub use super::futex::Word;

/// How often a thread looks for interrupts where the kernel cannot wake it for two reasons.
const SLICE: Duration = Duration::from_millis(10);

/// What a thread blocks on.
#[derive(Debug)]
pub enum Wait<'a> {
    /// Until `word` differs from `expected`, or somebody wakes its sleepers.
    Word {
        /// The futex word.
        word: &'a AtomicU32,
        /// The value with which to sleep.
        expected: u32,
        /// Whether other processes use it too.
        shared: bool,
    },
    /// Until one of up to 127 words differs from what is expected there.
    Words(&'a [Word<'a>]),
    /// Until the descriptor is ready, or at its end, or broken.
    Descriptor {
        /// The descriptor.
        fd: i32,
        /// `POLLIN` and its like.
        events: i16,
    },
    /// Until one of the descriptors is ready; `ready` is filled in.
    Descriptors(&'a mut [Descriptor]),
    /// Until the deadline: sleep.
    Nothing,
}

/// One of several descriptors to wait for.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    /// The descriptor.
    pub fd: i32,
    /// `POLLIN` and its like.
    pub events: i16,
    /// What happened there, as `poll` says it; 0 if nothing did.
    pub ready: i16,
}

/// How a wait ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Look again: the word has changed, or somebody woke its sleepers, or a descriptor is ready.
    /// It may also have been for nothing.
    Woken,
    /// The deadline has passed.
    TimedOut,
    /// Something is pending for this thread; it stays pending until the thread's next safepoint
    /// takes it. The wait may at the same time have used up a wake-up: whoever leaves others asleep
    /// on the same word wakes one of them.
    Interrupted(Pending),
}

/// Why a thread blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[non_exhaustive]
pub enum ReasonKind {
    /// Sleeps.
    Sleep,
    /// Waits for the end of a thread.
    ThreadJoin,
    /// Waits for the end of a process.
    ProcessJoin,
    /// Acquires a lock.
    Lock,
    /// Acquires a re-entrant lock.
    ReentrantLock,
    /// Waits for a condition.
    Condition,
    /// Acquires a semaphore.
    Semaphore,
    /// Waits for an event.
    Event,
    /// Waits at a barrier.
    Barrier,
    /// Takes from a queue.
    QueueGet,
    /// Puts into a queue.
    QueuePut,
    /// Waits until a queue's tasks are done.
    QueueJoin,
    /// Waits for the result of a task.
    Result,
    /// Waits for an answer of a manager.
    Manager,
    /// Reads.
    Read,
    /// Writes.
    Write,
    /// Anything else; says what.
    Other(&'static str),
}

/// Kinds of reasons as they are written into shared memory.
pub(super) mod number {
    pub const LOCK: u64 = 1;
    pub const REENTRANT_LOCK: u64 = 2;
    pub const CONDITION: u64 = 3;
    pub const SEMAPHORE: u64 = 4;
    pub const EVENT: u64 = 5;
    pub const BARRIER: u64 = 6;
    pub const QUEUE_GET: u64 = 7;
    pub const QUEUE_PUT: u64 = 8;
    pub const QUEUE_JOIN: u64 = 9;
    pub const THREAD_JOIN: u64 = 10;
    pub const PROCESS_JOIN: u64 = 11;
    pub const RESULT: u64 = 12;
    pub const READ: u64 = 13;
    pub const WRITE: u64 = 14;
    pub const OTHER: u64 = 15;
}

impl ReasonKind {
    const NUMBERED: [(Self, u64); 14] = [
        (Self::Lock, number::LOCK),
        (Self::ReentrantLock, number::REENTRANT_LOCK),
        (Self::Condition, number::CONDITION),
        (Self::Semaphore, number::SEMAPHORE),
        (Self::Event, number::EVENT),
        (Self::Barrier, number::BARRIER),
        (Self::QueueGet, number::QUEUE_GET),
        (Self::QueuePut, number::QUEUE_PUT),
        (Self::QueueJoin, number::QUEUE_JOIN),
        (Self::ThreadJoin, number::THREAD_JOIN),
        (Self::ProcessJoin, number::PROCESS_JOIN),
        (Self::Result, number::RESULT),
        (Self::Read, number::READ),
        (Self::Write, number::WRITE),
    ];

    pub(super) fn number(self) -> u64 {
        let found = Self::NUMBERED.iter().find(|(kind, _)| *kind == self);
        found.map_or(number::OTHER, |(_, number)| *number)
    }

    pub(super) fn from_number(number: u64) -> Self {
        let found = Self::NUMBERED.iter().find(|(_, known)| *known == number);
        found.map_or(Self::Other("something"), |(kind, _)| *kind)
    }
}

/// Who can reach what a thread waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// The threads of this process.
    Process,
    /// All processes that have a handle to it: the object is one in shared memory.
    Shared,
    /// Whoever has the other end open, a socket whose inode is the object.
    Peer,
}

/// The words in which a lock keeps who holds it.
#[derive(Clone, Copy, Debug)]
pub struct HolderWords {
    /// The number of the thread, 0 for none.
    pub(super) owner: *const AtomicU64,
    /// The place where it took the lock.
    pub(super) place: *const AtomicU64,
}

// SAFETY: read only by `watch`, while the thread waits that named them.
unsafe impl Send for HolderWords {}
// SAFETY: as above.
unsafe impl Sync for HolderWords {}

/// What a thread is about to wait for, for whoever asks why it does not move.
#[derive(Clone, Debug)]
pub struct Reason {
    /// The kind of operation.
    pub kind: ReasonKind,
    /// The object: an address, a handle, a thread's number; 0 for none.
    pub object: u64,
    /// Who can reach the object.
    pub scope: Scope,
    /// The object in words.
    pub text: Option<Arc<str>>,
    /// Who holds the object, if it is a lock.
    pub holder: Option<HolderWords>,
    /// For the end of child processes: their tags, 0 for one that is not known in shared memory. Most often of one,
    /// which needs no memory: while a child starts, each page more that its parent writes to is copied.
    pub children: SmallVec<[u32; 2]>,
    /// For several descriptors: the inodes of the other ends of those that are sockets, in their
    /// order; 0 for others, and for sockets of which it is not known.
    pub peers: Option<Arc<[u64]>>,
}

impl Reason {
    /// A reason without an object.
    pub const fn new(kind: ReasonKind) -> Self {
        Self {
            kind,
            object: 0,
            scope: Scope::Process,
            text: None,
            holder: None,
            children: SmallVec::new_const(),
            peers: None,
        }
    }

    /// The same about an object.
    pub const fn about(mut self, object: u64) -> Self {
        self.object = object;
        self
    }

    /// The same about an object in shared memory.
    pub const fn about_shared(mut self, object: u64) -> Self {
        self.object = object;
        self.scope = Scope::Shared;
        self
    }

    /// The same about the other end of a socket, by its inode; 0 if it is not known.
    pub const fn about_peer(mut self, inode: u64) -> Self {
        self.object = inode;
        if inode != 0 {
            self.scope = Scope::Peer;
        }
        self
    }

    /// The same about a lock, with the words in which it keeps its holder.
    pub(super) fn held(mut self, owner: &AtomicU64, place: &AtomicU64) -> Self {
        self.holder = Some(HolderWords { owner, place });
        self
    }

    /// The same about the other ends of several descriptors: see [`Reason::peers`].
    pub fn about_peers(mut self, inodes: Arc<[u64]>) -> Self {
        self.peers = Some(inodes);
        self
    }

    /// The same about child processes.
    pub(super) fn children(mut self, tags: impl Iterator<Item = u32>) -> Self {
        self.children = tags.collect();
        self
    }

    /// The same with words for the object.
    pub fn named(mut self, text: Arc<str>) -> Self {
        self.text = Some(text);
        self
    }
}

/// What a blocked thread waits for.
#[derive(Clone, Debug)]
pub struct WaitRecord {
    /// Why.
    pub reason: Reason,
    /// Since when.
    pub since: Deadline,
    /// Until when at most.
    pub deadline: Option<Deadline>,
}

/// Blocks the calling thread until there is a reason to look again.
///
/// The caller is at a safepoint: it holds no lock and no uncounted borrow. It looks at its
/// condition, calls this, and looks again, however the wait ended.
pub fn blocking(
    thread: &ThreadHandle,
    reason: &Reason,
    deadline: Option<Deadline>,
    wait: Wait<'_>,
) -> Outcome {
    blocking_unless(thread, reason, deadline, wait, Pending::ALL)
}

/// The same where only some kinds of interrupts may end the wait; others stay pending. For the few
/// waits that must be finished before an interrupt can be honoured.
pub fn blocking_unless(
    thread: &ThreadHandle,
    reason: &Reason,
    deadline: Option<Deadline>,
    wait: Wait<'_>,
    interrupts: Pending,
) -> Outcome {
    blocking_in_slices(thread, reason, (deadline, deadline), wait, interrupts)
}

/// The same for a wait that is cut into slices, because somebody may have to look after something
/// between them: the deadline of the whole, and the end of the slice, which is not later.
pub(super) fn blocking_in_slices(
    thread: &ThreadHandle,
    reason: &Reason,
    (deadline, slice): (Option<Deadline>, Option<Deadline>),
    mut wait: Wait<'_>,
    interrupts: Pending,
) -> Outcome {
    thread.assert_current();
    let interrupts = match interrupts {
        Pending::NONE => interrupts,
        // Nothing else would ever end such a wait.
        some => some | Pending::DEADLOCK,
    };
    let bits = thread.pending().and(interrupts);
    if !bits.is_empty() {
        return Outcome::Interrupted(bits);
    }
    if wait.is_over() {
        return Outcome::Woken;
    }
    if slice.is_some_and(Deadline::has_passed) {
        return Outcome::TimedOut;
    }
    super::output::flush_all(thread);
    thread.begin_wait(WaitRecord {
        reason: reason.clone(),
        since: Deadline::now(),
        deadline,
    });
    // Made while attached: its table has a lock. Without a descriptor to spare, interrupts are found
    // in slices.
    let own = match &wait {
        Wait::Descriptor { .. } | Wait::Descriptors(_) => thread.event_fd().ok(),
        _ => None,
    };
    let parking = Parking {
        thread,
        own,
        interrupts,
    };
    let outcome = match Watched::begin(thread, reason, deadline, &wait) {
        None => thread.detached(|| parking.wait_once(&mut wait, slice, None)),
        Some(watched) => parking.wait_watched(watched, &mut wait, (deadline, slice)),
    };
    thread.end_wait();
    outcome
}

/// What all parts of one wait have in common.
struct Parking<'a> {
    thread: &'a ThreadHandle,
    own: Option<i32>,
    interrupts: Pending,
}

impl Parking<'_> {
    /// Waits, looking between whether anybody is left who could end it: see `watch`.
    // Apart: others have less on the stack, of which each fork copies what is written to.
    #[inline(never)]
    fn wait_watched(
        &self,
        mut watched: Watched<'_>,
        wait: &mut Wait<'_>,
        (deadline, slice): (Option<Deadline>, Option<Deadline>),
    ) -> Outcome {
        loop {
            let bits = self.thread.pending().and(self.interrupts);
            if !bits.is_empty() {
                return watched.end(Outcome::Interrupted(bits), deadline);
            }
            let look = watched.next_look();
            let is_look = look.is_some_and(|look| slice.is_none_or(|slice| look < slice));
            let end = if is_look { look } else { slice };
            let word = watched.word().map(|(word, expected)| Word {
                word,
                expected,
                shared: true,
            });
            // A verdict that came before the word was read has changed it already, and wakes nobody any more.
            if watched.has_verdict() {
                return watched.end(Outcome::Interrupted(Pending::NONE), deadline);
            }
            let outcome = self
                .thread
                .detached(|| self.wait_once(wait, end, word.as_ref()));
            match outcome {
                Outcome::TimedOut if is_look => watched.look(wait),
                outcome => return watched.end(outcome, deadline),
            }
        }
    }

    /// The wait itself. The thread is detached. It also ends when `extra` changes.
    fn wait_once(
        &self,
        wait: &mut Wait<'_>,
        deadline: Option<Deadline>,
        extra: Option<&Word<'_>>,
    ) -> Outcome {
        let (thread, interrupts) = (self.thread, self.interrupts);
        match wait {
            Wait::Nothing => sleep(thread, deadline, interrupts),
            Wait::Word {
                word,
                expected,
                shared,
            } => {
                let word = Word {
                    word,
                    expected: *expected,
                    shared: *shared,
                };
                wait_for_words(thread, &[word], extra, deadline, interrupts)
            }
            Wait::Words(words) => wait_for_words(thread, words, extra, deadline, interrupts),
            Wait::Descriptor { fd, events } => {
                let mut list = [Descriptor::new(*fd, *events)];
                wait_for_descriptors(thread, self.own, &mut list, deadline, interrupts)
            }
            Wait::Descriptors(list) => {
                wait_for_descriptors(thread, self.own, list, deadline, interrupts)
            }
        }
    }
}

impl Descriptor {
    /// A descriptor of which nothing is known yet.
    pub fn new(fd: i32, events: i16) -> Self {
        Self {
            fd,
            events,
            ready: 0,
        }
    }
}

impl Wait<'_> {
    /// Whether there is nothing to wait for, found without giving up the world.
    fn is_over(&mut self) -> bool {
        match self {
            Wait::Word { word, expected, .. } => word.load(Ordering::Acquire) != *expected,
            Wait::Words(words) => changed(words),
            Wait::Descriptor { fd, events } => poll_now(&mut [Descriptor::new(*fd, *events)]),
            Wait::Descriptors(list) => poll_now(list),
            Wait::Nothing => false,
        }
    }
}

fn changed(words: &[Word<'_>]) -> bool {
    words
        .iter()
        .any(|word| word.word.load(Ordering::Acquire) != word.expected)
}

fn sleep(thread: &ThreadHandle, deadline: Option<Deadline>, interrupts: Pending) -> Outcome {
    let own = &thread.thread().pending;
    loop {
        let pending = own.load(Ordering::SeqCst);
        let bits = Pending::from_bits(pending).and(interrupts);
        if !bits.is_empty() {
            return Outcome::Interrupted(bits);
        }
        if futex::wait(own, pending, false, deadline) == Waited::TimedOut {
            return Outcome::TimedOut;
        }
    }
}

fn wait_for_words(
    thread: &ThreadHandle,
    words: &[Word<'_>],
    extra: Option<&Word<'_>>,
    deadline: Option<Deadline>,
    interrupts: Pending,
) -> Outcome {
    let own = &thread.thread().pending;
    let mut pair;
    let mut three;
    let mut many;
    loop {
        let pending = own.load(Ordering::SeqCst);
        let bits = Pending::from_bits(pending).and(interrupts);
        if !bits.is_empty() {
            return Outcome::Interrupted(bits);
        }
        let own = Word {
            word: own,
            expected: pending,
            shared: false,
        };
        // The thread's own word comes first: its index is only reported if no other was woken.
        let list = match (words, extra) {
            ([word], None) => {
                pair = [own, *word];
                &pair[..]
            }
            ([word], Some(extra)) => {
                three = [own, *word, *extra];
                &three[..]
            }
            (words, _) => {
                // The kernel takes so many; more are looked at in slices.
                let room = words.len().min(futex::MOST_WORDS - 1);
                many = Vec::with_capacity(room + 1);
                many.push(own);
                many.extend_from_slice(&words[..room]);
                &many[..]
            }
        };
        let fits = list.len() > words.len();
        let waited = match fits {
            true => futex::wait_any(list, deadline),
            false => None,
        };
        let (waited, index) = waited.unwrap_or_else(|| (wait_for_a_slice(words, deadline), 1));
        // Whoever is told of a deadlock is told where it waits, even if another one of it has already
        // drawn the consequences.
        let bits = thread.pending().and(interrupts).and(Pending::DEADLOCK);
        if !bits.is_empty() || extra.is_some_and(|extra| changed(std::slice::from_ref(extra))) {
            return Outcome::Interrupted(bits);
        }
        // A changed word comes first: an interrupt stays pending, a wake-up would be lost.
        if changed(words) {
            return Outcome::Woken;
        }
        match waited {
            Waited::TimedOut => {
                if deadline.is_some_and(Deadline::has_passed) {
                    return Outcome::TimedOut;
                }
            }
            Waited::Woken if index > 0 => return Outcome::Woken,
            Waited::Woken | Waited::Changed | Waited::Signal => {}
        }
    }
}

/// Where the kernel cannot wait for the object's word and the thread's own at once.
fn wait_for_a_slice(words: &[Word<'_>], deadline: Option<Deadline>) -> Waited {
    let end = Deadline::after(SLICE);
    let end = deadline.map_or(end, |deadline| deadline.min(end));
    match words {
        [] => Waited::TimedOut,
        [word] => futex::wait(word.word, word.expected, word.shared, Some(end)),
        [word, ..] => {
            // Which of them changes cannot be known: a short look at each in turn.
            let soon = Deadline::after(Duration::from_millis(1)).min(end);
            match futex::wait(word.word, word.expected, word.shared, Some(soon)) {
                Waited::Woken => Waited::Woken,
                _ => Waited::TimedOut,
            }
        }
    }
}

fn wait_for_descriptors(
    thread: &ThreadHandle,
    own: Option<i32>,
    list: &mut [Descriptor],
    deadline: Option<Deadline>,
    interrupts: Pending,
) -> Outcome {
    let mut polled: Vec<libc::pollfd> = list
        .iter()
        .map(|wanted| poll_entry(wanted.fd, wanted.events))
        .collect();
    polled.extend(own.map(|own| poll_entry(own, libc::POLLIN)));
    loop {
        let bits = thread.pending().and(interrupts);
        if !bits.is_empty() {
            return Outcome::Interrupted(bits);
        }
        let slice = own.is_none().then_some(SLICE);
        let left = deadline.map(Deadline::remaining);
        let timeout = match (slice, left) {
            (Some(slice), Some(left)) => Some(slice.min(left)),
            (slice, left) => slice.or(left),
        };
        let ready = poll(&mut polled, timeout);
        if let Some(own) = own
            && polled.last().is_some_and(|last| last.revents != 0)
        {
            event_fd::drain(own);
        }
        let bits = thread.pending().and(interrupts).and(Pending::DEADLOCK);
        if !bits.is_empty() {
            return Outcome::Interrupted(bits);
        }
        if ready > 0 && take_ready(list, &polled) {
            return Outcome::Woken;
        }
        if ready < 0 && io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            // More descriptors than the process may have: the operation itself will say so.
            return Outcome::Woken;
        }
        if ready == 0 && deadline.is_some_and(Deadline::has_passed) {
            return Outcome::TimedOut;
        }
    }
}

fn poll_entry(fd: i32, events: i16) -> libc::pollfd {
    libc::pollfd {
        fd,
        events,
        revents: 0,
    }
}

fn take_ready(list: &mut [Descriptor], polled: &[libc::pollfd]) -> bool {
    for (wanted, polled) in list.iter_mut().zip(polled) {
        wanted.ready = polled.revents;
    }
    list.iter().any(|wanted| wanted.ready != 0)
}

/// Looks at the descriptors without waiting.
fn poll_now(list: &mut [Descriptor]) -> bool {
    if let [only] = list {
        let mut polled = [poll_entry(only.fd, only.events)];
        return poll(&mut polled, Some(Duration::ZERO)) > 0 && take_ready(list, &polled);
    }
    let mut polled: Vec<_> = list
        .iter()
        .map(|wanted| poll_entry(wanted.fd, wanted.events))
        .collect();
    poll(&mut polled, Some(Duration::ZERO)) > 0 && take_ready(list, &polled)
}

fn poll(list: &mut [libc::pollfd], timeout: Option<Duration>) -> i32 {
    let timeout = timeout.map(|timeout| {
        super::clock::timespec(u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX))
    });
    // SAFETY: the list is valid for its length, the timeout is null or a timespec on this stack.
    unsafe {
        libc::ppoll(
            list.as_mut_ptr(),
            list.len() as libc::nfds_t,
            timeout
                .as_ref()
                .map_or(std::ptr::null(), std::ptr::from_ref),
            std::ptr::null(),
        )
    }
}

/// Sleeps until `deadline`; what interrupted it if something did.
pub fn sleep_until(thread: &ThreadHandle, deadline: Deadline) -> Result<(), Pending> {
    let reason = Reason::new(ReasonKind::Sleep);
    loop {
        match blocking(thread, &reason, Some(deadline), Wait::Nothing) {
            Outcome::TimedOut => return Ok(()),
            Outcome::Woken => {}
            Outcome::Interrupted(bits) => return Err(bits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::shared_lock::{LockStyle, OnOwnerDeath, SharedLock};
    use super::super::shared_testing::tests_alone;
    use super::super::watch::{Outsider, set_outsider};
    use super::*;

    tests_alone! {
        fn a_verdict_just_before_the_sleep_is_heard(thread) {
            // There is shared memory then; and somebody from outside may wake the thread, or its own look
            // would find that it waits in vain.
            let _lock = SharedLock::new(LockStyle::Plain, OnOwnerDeath::Error).unwrap();
            set_outsider(Outsider::Alarm, true);
            let word = AtomicU32::new(0);
            let reason = Reason::new(ReasonKind::Event).about(&raw const word as u64);
            let mut wait = Wait::Word { word: &word, expected: 0, shared: false };
            let mut watched = Watched::begin(thread, &reason, None, &wait).unwrap();
            watched.look(&wait);
            watched.doom_from_elsewhere();
            let parking = Parking { thread, own: None, interrupts: Pending::ALL };
            let outcome = parking.wait_watched(watched, &mut wait, (None, None));
            assert_eq!(outcome, Outcome::Interrupted(Pending::DEADLOCK));
            assert!(thread.take_verdict().is_some());
        }
    }
}
