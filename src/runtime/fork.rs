//! fork(2) of a process with threads: the world stands still, so no other thread of the interpreter
//! is inside it, and the child repairs what it inherited before anything else runs there.
//!
//! Must not know what the layers above have to repair: they register hooks.

use super::arena::{self, ArenaError};
use super::blocking::sleep_until;
use super::clock::Deadline;
use super::idle_threads;
use super::leaf_lock::{LeafLock, assert_no_lock_held};
use super::output;
use super::parent;
use super::process::{self, Child, ChildOwner};
use super::sharing;
use super::signal;
use super::slot::{self, Claim};
use super::thread::{self, ThreadHandle};
use super::watch;
use super::world;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// On which side of a fork the caller is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ForkSide {
    /// In the parent.
    Parent {
        /// The child's number.
        pid: i32,
    },
    /// In the child, where the calling thread is the only one and the main thread.
    Child,
}

/// Why a fork did not happen.
#[derive(Debug)]
pub enum ForkError {
    /// So many threads are not the interpreter's: what they hold could not be repaired.
    ForeignThreads(usize),
    /// The system refused.
    Os(io::Error),
}

impl std::fmt::Display for ForkError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ForeignThreads(count) => write!(
                formatter,
                "fork() needs a process without foreign threads (found {count})"
            ),
            Self::Os(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for ForkError {}

impl From<ForkError> for io::Error {
    fn from(error: ForkError) -> Self {
        match error {
            ForkError::Os(error) => error,
            foreign => io::Error::other(foreign),
        }
    }
}

/// What fork does in a process with threads that are not the interpreter's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ForeignThreads {
    /// It fails.
    Refuse,
    /// It goes ahead: the host knows that they hold nothing that the child could miss.
    Allow,
}

/// Something to be done around every fork, while the world stands still. Nothing of it may block or
/// fork.
#[derive(Default)]
pub struct ForkHooks {
    /// Before, the last registered first.
    pub before: Option<Hook>,
    /// Afterwards in the parent, also when the fork failed.
    pub in_parent: Option<Hook>,
    /// Afterwards in the child, when the runtime itself has been repaired.
    pub in_child: Option<Hook>,
}

/// One hook; the thread is the one that forks.
pub type Hook = Box<dyn Fn(&ThreadHandle) + Send + Sync>;

static HOOKS: LeafLock<Vec<Arc<ForkHooks>>> = LeafLock::new(Vec::new());
static GENERATION: AtomicU32 = AtomicU32::new(0);
static ALLOW_FOREIGN: AtomicBool = AtomicBool::new(false);
static OWNS_PROCESS: AtomicBool = AtomicBool::new(false);

/// Registers hooks for all later forks, for good.
pub fn add_hooks(hooks: ForkHooks) {
    let hooks = Arc::new(hooks);
    HOOKS.lock().push(hooks);
}

/// Decides about foreign threads; without it they are refused.
pub fn set_foreign_threads(policy: ForeignThreads) {
    ALLOW_FOREIGN.store(policy == ForeignThreads::Allow, Ordering::Relaxed);
}

/// Says that every thread of this process is the interpreter's own. Then values are unshared again
/// in the child of a fork, which has one thread.
pub fn set_owns_process(owns: bool) {
    OWNS_PROCESS.store(owns, Ordering::Relaxed);
}

/// Whether [`set_owns_process`] said so.
pub fn owns_process() -> bool {
    OWNS_PROCESS.load(Ordering::Relaxed)
}

/// How many forks lie between this process and the one that the program began with.
#[inline]
pub fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Forks. The calling thread is at a safepoint. The child is the script's own business: only
/// [`process::wait_any`] and [`process::wait_pid`] learn of its end.
///
/// In the child no other thread exists any more: joins of them return, locks they held say so. If
/// the caller is a thread that [`thread::spawn`] started, the process ends when its function
/// returns, with the thread's exit code.
pub fn fork(thread: &ThreadHandle) -> Result<ForkSide, ForkError> {
    Ok(match fork_for(thread, ChildOwner::Script, UNNAMED)? {
        Some(child) => ForkSide::Parent { pid: child.pid() },
        None => ForkSide::Child,
    })
}

/// What others call a child that has not been given a name.
pub(super) const UNNAMED: &str = "child";

/// The child in the parent, nothing in the child. Others know it by `name` from the first moment.
pub(super) fn fork_for(
    thread: &ThreadHandle,
    owner: ChildOwner,
    name: &str,
) -> Result<Option<Child>, ForkError> {
    let mut may_try_again = true;
    loop {
        match fork_once(thread, owner, name) {
            // Perhaps one more than there may be.
            Err(ForkError::Os(error))
                if error.raw_os_error() == Some(libc::EAGAIN)
                    && std::mem::take(&mut may_try_again)
                    && idle_threads::send_away(thread) => {}
            outcome => return outcome,
        }
    }
}

#[inline(always)]
fn fork_once(
    thread: &ThreadHandle,
    owner: ChildOwner,
    name: &str,
) -> Result<Option<Child>, ForkError> {
    thread.assert_current();
    assert_no_lock_held();
    if !ALLOW_FOREIGN.load(Ordering::Relaxed) {
        refuse_foreign_threads(thread)?;
    }
    output::flush_all(thread);
    let parent = (owner == ChildOwner::Managed).then(|| std::process::id() as i32);
    // Most programs have none, and then the child has nothing to free.
    let hooks = {
        let registered = HOOKS.lock();
        (!registered.is_empty()).then(|| registered.clone())
    };
    let result = world::stop_the_world(thread, |world| {
        let claim = claim_slot(name)?;
        for hook in hooks.iter().flatten().rev() {
            run(&hook.before, thread);
        }
        // No handler may run in the child before it is repaired, nor see the two half apart.
        let signals = signal::block_all();
        world.assert_others_stopped();
        assert_no_lock_held();
        let pid = {
            // Visitors hold locks, and are making what the child would find half made.
            let _gate = sharing::keep_visitors_out();
            // A foreign thread may be registering itself: its lock must be ours at the fork.
            // SAFETY: every thread that could hold a lock of this process is stopped (see `world`), or
            // has left, so the child may go on as an ordinary process.
            thread::with_registry_locked(|| unsafe { libc::fork() })
        };
        let outcome = match pid {
            0 => {
                repair_child(thread, world, parent);
                assert_repaired(thread);
                if claim.is_some_and(|claim| claim.occupy().is_err()) {
                    // The parent was killed a moment ago, and what it shared with this child has been
                    // cleared away: whatever the child touched would belong to others.
                    // SAFETY: ends the process; nothing of it is used afterwards.
                    unsafe { libc::_exit(1) };
                }
                Ok(None)
            }
            pid if pid > 0 => {
                let slot = claim.map(|claim| claim.forked(pid));
                Ok(Some(process::add_child(pid, owner, slot)))
            }
            _ => Err(give_up(claim)),
        };
        signals.restore();
        for hook in hooks.iter().flatten() {
            match pid {
                0 => run(&hook.in_child, thread),
                _ => run(&hook.in_parent, thread),
            }
        }
        outcome
    });
    debug_assert!(!matches!(result, Ok(None)) || thread::count() == 1);
    result
}

/// The error of a fork that failed. To be called before anything changes errno.
#[cold]
#[inline(never)]
fn give_up(claim: Option<Claim>) -> ForkError {
    let error = io::Error::last_os_error();
    if let Some(claim) = claim {
        claim.abandon();
    }
    ForkError::Os(error)
}

/// A place for the child in shared memory. Where there has been no shared memory, and it cannot be had
/// now, a fork needs none.
// Apart, as the other steps are: what a fork has on its stack is copied on both sides.
#[inline(never)]
fn claim_slot(name: &str) -> Result<Option<Claim>, ForkError> {
    match slot::claim_for_child(name) {
        Ok(claim) => Ok(Some(claim)),
        Err(_) if arena::existing().is_none() => Ok(None),
        Err(error) => Err(ForkError::Os(io::Error::from_raw_os_error(match error {
            ArenaError::Full => libc::ENOMEM,
            ArenaError::TooManyProcesses => libc::EAGAIN,
            ArenaError::System { errno, .. } => errno,
        }))),
    }
}

fn run(hook: &Option<Hook>, thread: &ThreadHandle) {
    if let Some(hook) = hook {
        hook(thread);
        assert_no_lock_held();
    }
}

#[inline(never)]
fn repair_child(thread: &ThreadHandle, world: &world::StoppedWorld<'_>, parent: Option<i32>) {
    GENERATION.fetch_add(1, Ordering::SeqCst);
    let was_alone = thread::count() == 1;
    signal::forget_in_child();
    parent::enter_child(parent);
    thread::keep_only(thread);
    idle_threads::forget_in_child();
    process::forget_in_child();
    watch::forget_in_child();
    output::repair_in_child(was_alone);
    world.reset_in_child();
    if owns_process() {
        world.clear_shared();
    }
}

/// What must be true in the child of a fork before anything else runs there, in debug builds: it has
/// one thread, which is the main one, its number is the kernel's, and what it will find locked is
/// locked by itself.
fn assert_repaired(thread: &ThreadHandle) {
    debug_assert_eq!(thread::count(), 1, "a child of a fork has one thread");
    debug_assert!(thread.is_main() && thread.is_alive());
    debug_assert_eq!(thread.native_id(), thread::native_id());
    debug_assert_eq!(
        std::process::id(),
        thread::native_id(),
        "the thread that forked is the child's first"
    );
    debug_assert!(!owns_process() || !world::is_shared());
    assert_no_lock_held();
}

/// Fails where a thread holds what the child could not repair.
fn refuse_foreign_threads(thread: &ThreadHandle) -> Result<(), ForkError> {
    // Where there can be others, a look that is far cheaper than reading the list, and needs no descriptor.
    if thread::count() == 1 && (owns_process() || has_one_thread()) {
        return Ok(());
    }
    wait_for_foreign_threads(thread)
}

/// Threads that have just ended may take the kernel a moment to remove; others do not go away.
#[inline(never)]
fn wait_for_foreign_threads(thread: &ThreadHandle) -> Result<(), ForkError> {
    for attempt in 0.. {
        let foreign = thread::count_foreign().map_err(ForkError::Os)?;
        if foreign == 0 {
            break;
        }
        if attempt == 3 {
            return Err(ForkError::ForeignThreads(foreign));
        }
        // An interrupt only makes it look sooner; it stays pending.
        let _ = sleep_until(thread, Deadline::after(Duration::from_millis(1)));
    }
    Ok(())
}

/// Whether the kernel knows of one thread only, which is the calling one.
fn has_one_thread() -> bool {
    // SAFETY: all zero is a valid stat.
    let mut status = unsafe { std::mem::zeroed::<libc::stat>() };
    // SAFETY: a C string, and a valid place.
    let known = unsafe { libc::stat(c"/proc/self/task".as_ptr(), &mut status) } == 0;
    // Itself, its parent, and a folder for each thread.
    known && status.st_nlink == 3
}
