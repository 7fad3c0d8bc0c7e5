//! The children of this process, in one table: whoever learns of an end, a join or the script's own
//! `wait`, leaves the status for the other. Nobody reaps a child but through this file, so a number
//! in the table always means our child.
//!
//! Waiting is by pidfd and `poll`; on a kernel without pidfds it is in slices. Where the program owns the
//! process, and one thread waits for one child, the signal that a child has ended is enough, which
//! spares the descriptor: see `child_bell`. Must not know what a child runs.

use super::blocking::{
    Descriptor, Outcome, Reason, ReasonKind, Wait, blocking, blocking_in_slices,
};
use super::child_bell;
use super::clock::Deadline;
use super::fork::{self, ForkError};
use super::leaf_lock::LeafLock;
use super::output;
use super::parent;
use super::pending::Pending;
use super::slot::{self, SlotId};
use super::thread::ThreadHandle;
use super::world;
use super::written_memory::beside_what_forks_write;

pub use super::process_wait::{Change, Usage, Wanted, wait_any, wait_change, wait_child, wait_pid};

use smallvec::SmallVec;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

/// Who looks after a child.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChildOwner {
    /// The script forked it, and only the script reaps it.
    Script,
    /// A [`Child`] stands for it, and it does not outlive its parent.
    Managed,
}

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitStatus {
    /// With a status.
    Exited(i32),
    /// By a signal.
    Signalled {
        /// Which.
        signal: i32,
        /// Whether it left a core dump.
        core: bool,
    },
    /// Somebody outside this table reaped it.
    Unknown,
}

impl ExitStatus {
    /// From the status word of `wait`.
    pub fn from_raw(status: i32) -> Self {
        if libc::WIFSIGNALED(status) {
            Self::Signalled {
                signal: libc::WTERMSIG(status),
                core: libc::WCOREDUMP(status),
            }
        } else {
            Self::Exited(libc::WEXITSTATUS(status))
        }
    }

    /// As Python gives it: the status, or minus the signal. 255 if nobody knows.
    pub fn exit_code(self) -> i32 {
        match self {
            Self::Exited(status) => status,
            Self::Signalled { signal, .. } => -signal,
            Self::Unknown => 255,
        }
    }
}

/// A child that the runtime looks after. Its status stays known however often it is asked for.
#[derive(Clone)]
pub struct Child(Arc<State>);

pub(super) struct State {
    pub(super) pid: i32,
    owner: ChildOwner,
    /// Which process forked it.
    generation: u32,
    /// The status word of `wait`; [`RUNNING`] or [`UNKNOWN`]. Written under the table's lock.
    pub(super) status: AtomicI64,
    /// A descriptor for the process, or [`NOT_OPENED`], or [`UNAVAILABLE`].
    pidfd: AtomicI32,
    /// Whether the script's own `wait` has had the status.
    pub(super) reported: AtomicBool,
    /// What it had used when it was reaped.
    pub(super) usage: LeafLock<Usage>,
    /// What it is in shared memory.
    slot: Option<SlotId>,
}

pub(super) const RUNNING: i64 = -1;
const UNKNOWN: i64 = -2;
const NOT_OPENED: i32 = -1;
const UNAVAILABLE: i32 = -2;

/// Makes this process behave as on a kernel without pidfds. For tests of the fallback.
#[doc(hidden)]
pub fn pretend_pidfds_are_missing() {
    NO_PIDFDS.store(true, Ordering::Relaxed);
}

static NO_PIDFDS: AtomicBool = AtomicBool::new(false);

/// Where pidfds are missing: how long to sleep between two looks, doubled up to the second.
pub(super) const FIRST_SLICE: Duration = Duration::from_millis(1);
pub(super) const LAST_SLICE: Duration = Duration::from_millis(20);

/// So many ended children that the script may still ask for by number are remembered.
const MOST_REMEMBERED: usize = 4096;

pub(super) struct Table {
    /// Those that nobody has reaped.
    pub(super) living: Living,
    /// Reaped by the runtime, and not yet asked for by the script; the oldest first.
    pub(super) ended: VecDeque<(Change, Usage)>,
    /// Threads in [`wait_any`], to be told of new children.
    pub(super) waiting: Vec<ThreadHandle>,
    /// What was known of a child that is gone, for the next one: at the same place, see [`prepare`].
    spare: Option<Arc<State>>,
}

/// Makes room for a child beside what is written to around a fork anyway.
pub fn prepare() {
    let nobody = || Arc::new(State::new(0, ChildOwner::Script, None));
    TABLE.lock().spare = Some(beside_what_forks_write(nobody));
}

/// Children by their numbers, which mostly grow. A few have room in the table itself, beside what is written to
/// around a fork anyway: each page more that the parent writes to while its child runs is copied.
pub(super) struct Living(SmallVec<[Arc<State>; 4]>);

impl Living {
    fn place(&self, pid: i32) -> Result<usize, usize> {
        self.0.binary_search_by_key(&pid, |state| state.pid)
    }

    pub(super) fn get(&self, pid: i32) -> Option<&Arc<State>> {
        Some(&self.0[self.place(pid).ok()?])
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Arc<State>> {
        self.0.iter()
    }

    /// Adds a child; the one of the same number that was there before.
    fn insert(&mut self, state: Arc<State>) -> Option<Arc<State>> {
        match self.place(state.pid) {
            Ok(place) => Some(std::mem::replace(&mut self.0[place], state)),
            Err(place) => {
                self.0.insert(place, state);
                None
            }
        }
    }

    fn remove(&mut self, pid: i32) -> Option<Arc<State>> {
        let place = self.place(pid).ok()?;
        Some(self.0.remove(place))
    }
}

pub(super) static TABLE: LeafLock<Table> = LeafLock::new(Table {
    living: Living(SmallVec::new_const()),
    ended: VecDeque::new(),
    waiting: Vec::new(),
    spare: None,
});

static LIVING: AtomicUsize = AtomicUsize::new(0);

/// How many children have not been reaped.
#[inline]
pub fn living_count() -> usize {
    LIVING.load(Ordering::Relaxed)
}

/// How many of those that have not been reaped others know by their slots.
pub(super) fn count_with_slots() -> u64 {
    let table = TABLE.lock();
    let living = table.living.values();
    living.filter(|child| child.slot.is_some()).count() as u64
}

/// Why a wait for children gave nothing.
#[derive(Debug)]
pub enum ChildError {
    /// There is no such child (`ECHILD`).
    NoChild,
    /// It is the child of another process, from which this one was forked.
    OfAnother,
    /// Something is pending for the calling thread.
    Interrupted(Pending),
    /// The system refused.
    Os(io::Error),
}

/// Ends the process after flushing the output, without running anything else of it.
pub fn exit_now(thread: &ThreadHandle, code: i32) -> ! {
    // What led here has been heeded; only something new keeps the text from leaving.
    thread.take_pending(Pending::ALL);
    output::flush_all(thread);
    // With the other threads stopped for good: they might be using what is given up.
    world::stop_the_world(thread, |_| {
        slot::leave();
        // SAFETY: ends the process; nothing of it is used afterwards.
        unsafe { libc::_exit(code) }
    })
}

/// Forks a child that runs `body`, flushes its output and ends with the status it returns. It never
/// returns into this program, and does not outlive this process.
pub fn spawn_child(
    thread: &ThreadHandle,
    body: impl FnOnce(&ThreadHandle) -> i32,
) -> Result<Child, ForkError> {
    spawn_named_child(thread, fork::UNNAMED, body)
}

/// The same, with the name by which other processes speak of the child.
pub fn spawn_named_child(
    thread: &ThreadHandle,
    name: &str,
    body: impl FnOnce(&ThreadHandle) -> i32,
) -> Result<Child, ForkError> {
    parent::prepare();
    match fork::fork_for(thread, ChildOwner::Managed, name)? {
        Some(child) => Ok(child),
        None => {
            parent::watch();
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| body(thread)));
            exit_now(thread, result.unwrap_or(1))
        }
    }
}

impl Child {
    /// What it is in shared memory; `None` if there was none to be had.
    pub fn slot(&self) -> Option<SlotId> {
        self.0.slot
    }

    /// Its number.
    pub fn pid(&self) -> i32 {
        self.0.pid
    }

    /// Whether it is a child of this very process.
    pub fn is_own(&self) -> bool {
        self.0.generation == fork::generation()
    }

    /// How it ended, if it has.
    pub fn status(&self) -> Option<ExitStatus> {
        if self.is_own() {
            reap(&self.0);
        }
        self.0.status()
    }

    /// The exit code as Python gives it, if it has ended.
    pub fn exit_code(&self) -> Option<i32> {
        self.status().map(ExitStatus::exit_code)
    }

    /// Whether it has not ended.
    pub fn is_alive(&self) -> bool {
        self.status().is_none()
    }

    /// Waits for its end; `None` if the deadline came first.
    pub fn wait(
        &self,
        thread: &ThreadHandle,
        deadline: Option<Deadline>,
    ) -> Result<Option<ExitStatus>, ChildError> {
        if !self.is_own() {
            return Err(ChildError::OfAnother);
        }
        let mut slice = FIRST_SLICE;
        loop {
            let rung = child_bell::count();
            if let Some(status) = self.status() {
                return Ok(Some(status));
            }
            let only = std::slice::from_ref(&self.0);
            match wait_for_end(thread, only, rung, deadline, &mut slice) {
                Outcome::Woken => {}
                Outcome::TimedOut => return Ok(self.status()),
                Outcome::Interrupted(bits) => return Err(ChildError::Interrupted(bits)),
            }
        }
    }

    /// Has it end as if this process had died: its `finally` is run. For a child that must not outlive this process.
    pub fn end_in_order(&self) -> io::Result<()> {
        self.signal(parent::END)
    }

    /// Sends it a signal. One that has ended takes no notice.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        if !self.is_own() {
            // Not ours to reap, so only the number is left.
            // SAFETY: no pointers are involved.
            return check(unsafe { libc::kill(self.0.pid, signal) });
        }
        // Nobody reaps it while we hold the lock, so the number still means this process.
        let table = TABLE.lock();
        if self.0.status.load(Ordering::Acquire) != RUNNING {
            return Ok(());
        }
        // SAFETY: no pointers are involved.
        let result = check(unsafe { libc::kill(self.0.pid, signal) });
        drop(table);
        match result {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            result => result,
        }
    }

    /// A descriptor that becomes readable when it ends, to wait for together with others. It belongs
    /// to this object.
    pub fn descriptor(&self) -> io::Result<i32> {
        self.0
            .pidfd()
            .ok_or_else(|| io::Error::from_raw_os_error(libc::ENOSYS))
    }
}

impl PartialEq for Child {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Child {}

impl std::fmt::Debug for Child {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Child({}, {:?})", self.0.pid, self.0.status())
    }
}

impl State {
    #[inline(always)]
    fn new(pid: i32, owner: ChildOwner, slot: Option<SlotId>) -> Self {
        Self {
            pid,
            owner,
            generation: fork::generation(),
            status: AtomicI64::new(RUNNING),
            pidfd: AtomicI32::new(NOT_OPENED),
            reported: AtomicBool::new(false),
            usage: LeafLock::new(Usage::default()),
            slot,
        }
    }

    /// One with memory of its own. Apart: it is made on the stack, of which each fork copies what is written to.
    #[inline(never)]
    fn on_heap(pid: i32, owner: ChildOwner, slot: Option<SlotId>) -> Arc<Self> {
        Arc::new(Self::new(pid, owner, slot))
    }

    fn status(&self) -> Option<ExitStatus> {
        match self.status.load(Ordering::Acquire) {
            RUNNING => None,
            UNKNOWN => Some(ExitStatus::Unknown),
            status => Some(ExitStatus::from_raw(status as i32)),
        }
    }

    /// Its descriptor, opened when first asked for. Until it is reaped its number cannot be reused.
    fn pidfd(&self) -> Option<i32> {
        let known = self.pidfd.load(Ordering::Acquire);
        if known >= 0 {
            return Some(known);
        }
        if known == UNAVAILABLE || NO_PIDFDS.load(Ordering::Relaxed) {
            return None;
        }
        // Under the table's lock: nobody reaps it, and only one opens it.
        let _table = TABLE.lock();
        let known = self.pidfd.load(Ordering::Acquire);
        if known != NOT_OPENED {
            return (known >= 0).then_some(known);
        }
        if self.status.load(Ordering::Acquire) != RUNNING {
            return None;
        }
        // SAFETY: no pointers are involved. The descriptor is close-on-exec.
        let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, self.pid, 0) };
        if opened < 0 {
            // Too many open files may pass; a missing system call stays missing.
            let error = io::Error::last_os_error().raw_os_error();
            if matches!(error, Some(libc::ENOSYS | libc::EPERM)) {
                NO_PIDFDS.store(true, Ordering::Relaxed);
            }
            return None;
        }
        let opened = opened as i32;
        self.pidfd.store(opened, Ordering::Release);
        Some(opened)
    }
}

impl Drop for State {
    fn drop(&mut self) {
        let descriptor = *self.pidfd.get_mut();
        if descriptor >= 0 {
            // SAFETY: this object opened it, and nobody who could wait for it is left.
            unsafe { libc::close(descriptor) };
        }
    }
}

/// Puts a new child into the table, while the world stands still.
#[inline(never)]
pub(super) fn add_child(pid: i32, owner: ChildOwner, slot: Option<SlotId>) -> Child {
    let (state, waiting) = {
        let mut table = TABLE.lock();
        let state = table.state_of(pid, owner, slot);
        table.ended.retain(|(other, _)| other.pid != pid);
        let old = table.living.insert(state.clone());
        debug_assert!(old.is_none(), "the number of a child nobody has reaped");
        LIVING.store(table.living.len(), Ordering::SeqCst);
        (state, table.waiting.clone())
    };
    for thread in waiting {
        thread.interrupt(Pending::CHILDREN);
    }
    Child(state)
}

/// In the child of a fork: all of that was the parent's.
pub(super) fn forget_in_child() {
    let forgotten = {
        let mut table = TABLE.lock();
        LIVING.store(0, Ordering::SeqCst);
        table.ended.clear();
        table.waiting.clear();
        std::mem::take(&mut table.living.0)
    };
    for state in &forgotten {
        // Handles made in the parent keep the number, but the descriptor is of no use here.
        let descriptor = state.pidfd.swap(UNAVAILABLE, Ordering::SeqCst);
        if descriptor >= 0 {
            // SAFETY: this process has one thread, and no wait on it came along.
            unsafe { libc::close(descriptor) };
        }
    }
    // To free it, most often an empty table, would write to a page that otherwise stays the parent's.
    std::mem::forget(forgotten);
}

/// Learns of the child's end if it has ended, for the runtime itself.
fn reap(state: &Arc<State>) {
    if state.status.load(Ordering::Acquire) != RUNNING {
        return;
    }
    let mut table = TABLE.lock();
    let reaped = table.reap(state);
    if let Some(change) = reaped
        && state.owner == ChildOwner::Managed
    {
        // For a script that asks for it by number.
        if table.ended.len() == MOST_REMEMBERED {
            table.ended.pop_front();
        }
        let used = *state.usage.lock_within();
        table.ended.push_back((change, used));
    }
    drop(table);
}

impl Table {
    /// In the place of one that is gone, unless somebody still asks about that.
    fn state_of(&mut self, pid: i32, owner: ChildOwner, slot: Option<SlotId>) -> Arc<State> {
        if let Some(mut spare) = self.spare.take() {
            if let Some(place) = Arc::get_mut(&mut spare) {
                *place = State::new(pid, owner, slot);
                return spare;
            }
            self.spare = Some(spare);
        }
        State::on_heap(pid, owner, slot)
    }

    /// Reaps the child if it has ended and nobody has done so.
    pub(super) fn reap(&mut self, state: &Arc<State>) -> Option<Change> {
        if state.status.load(Ordering::Acquire) != RUNNING {
            return None;
        }
        let mut status = 0;
        // Nobody waits for this lock: whoever takes it has the table's, too.
        let mut used = state.usage.lock_within();
        // SAFETY: both are valid places. With WNOHANG it never blocks.
        let result =
            unsafe { libc::wait4(state.pid, &mut status, libc::WNOHANG, used.as_mut_ptr()) };
        let word = match result {
            0 => return None,
            pid if pid == state.pid => i64::from(status),
            _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => return None,
            _ => UNKNOWN,
        };
        drop(used);
        let change = Change {
            pid: state.pid,
            status,
        };
        state.status.store(word, Ordering::Release);
        if let Some(slot) = state.slot {
            slot::reaped(slot);
        }
        // The caller holds `state`, so nothing is dropped here.
        let gone = self.living.remove(state.pid);
        let has_descriptor = state.pidfd.load(Ordering::Relaxed) >= 0;
        self.spare = self.spare.take().or(gone.filter(|_| !has_descriptor));
        LIVING.store(self.living.len(), Ordering::SeqCst);
        (word != UNKNOWN).then_some(change)
    }
}

/// Waits until one of the children may have ended. `rung` is how often the bell had rung before the
/// caller looked at them.
pub(super) fn wait_for_end(
    thread: &ThreadHandle,
    children: &[Arc<State>],
    rung: u32,
    deadline: Option<Deadline>,
    slice: &mut Duration,
) -> Outcome {
    let reason = match children {
        [only] => Reason::new(ReasonKind::ProcessJoin).about(only.pid as u64),
        _ => Reason::new(ReasonKind::ProcessJoin),
    };
    let tags = children
        .iter()
        .map(|child| child.slot.map_or(0, SlotId::tag));
    let reason = reason.children(tags);
    // A descriptor that somebody has asked for already costs nothing more.
    if let [only] = children
        && only.pidfd.load(Ordering::Acquire) < 0
        && let Some(word) = child_bell::word()
    {
        let wait = Wait::Word {
            word,
            expected: rung,
            shared: false,
        };
        return blocking(thread, &reason, deadline, wait);
    }
    let mut list = Vec::with_capacity(children.len());
    for child in children {
        match child.pidfd() {
            Some(descriptor) => list.push(Descriptor::new(descriptor, libc::POLLIN)),
            // Reaped meanwhile.
            None if child.status.load(Ordering::Acquire) != RUNNING => return Outcome::Woken,
            None => {}
        }
    }
    if list.len() == children.len() {
        return blocking(thread, &reason, deadline, Wait::Descriptors(&mut list));
    }
    let look = Deadline::after(*slice);
    *slice = (*slice * 2).min(LAST_SLICE);
    let end = deadline.map_or(look, |deadline| deadline.min(look));
    let slice = (deadline, Some(end));
    let wait = Wait::Descriptors(&mut list);
    match blocking_in_slices(thread, &reason, slice, wait, Pending::ALL) {
        Outcome::TimedOut if !deadline.is_some_and(Deadline::has_passed) => Outcome::Woken,
        outcome => outcome,
    }
}

/// Reaps the managed children that have ended; whether there was any.
pub(super) fn notice_ends() -> bool {
    let children: Vec<_> = {
        let table = TABLE.lock();
        let managed = table.living.values();
        managed
            .filter(|child| child.owner == ChildOwner::Managed)
            .cloned()
            .collect()
    };
    let mut noticed = false;
    for child in children {
        if child.slot.is_some_and(|slot| !slot::is_alive(slot)) {
            reap(&child);
            noticed = true;
        }
    }
    noticed
}

/// The child with this number, if nobody has reaped it.
pub fn find(pid: i32) -> Option<Child> {
    TABLE.lock().living.get(pid).cloned().map(Child)
}

/// The managed children that live, in the order of their numbers.
pub fn active_children() -> Vec<Child> {
    let children: Vec<_> = {
        let table = TABLE.lock();
        let managed = table.living.values();
        managed
            .filter(|state| state.owner == ChildOwner::Managed)
            .cloned()
            .collect()
    };
    children
        .into_iter()
        .map(Child)
        .filter(Child::is_alive)
        .collect()
}

fn check(result: libc::c_int) -> io::Result<()> {
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
