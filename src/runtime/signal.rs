//! Signals as safepoint requests: a handler notes what came and wakes the main thread; what it means
//! is decided above, at that thread's next safepoint.
//!
//! Nothing here happens unless it is asked for: handlers belong to the process, and only a program
//! that owns the process may install them.

use super::child_bell;
use super::leaf_lock::LeafLock;
use super::pending::Pending;
use super::thread;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

/// A set of signals.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SignalSet(u64);

impl SignalSet {
    /// Whether there is none in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `signal` is in it.
    pub const fn contains(self, signal: i32) -> bool {
        self.0 & bit(signal) != 0
    }

    /// The signals in it, the lowest number first.
    pub fn iter(self) -> impl Iterator<Item = i32> {
        (1..=HIGHEST).filter(move |signal| self.contains(*signal))
    }
}

/// What has arrived since the last look.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Arrived {
    /// All that arrived.
    pub signals: SignalSet,
    /// Those of them that the kernel sent by itself, such as SIGINT from a terminal, and not a
    /// process by `kill`.
    pub from_kernel: SignalSet,
}

const HIGHEST: i32 = 64;

/// The bit of `signal`; none for what is no signal.
const fn bit(signal: i32) -> u64 {
    if signal >= 1 && signal <= HIGHEST {
        1 << (signal - 1)
    } else {
        0
    }
}

static ARRIVED: AtomicU64 = AtomicU64::new(0);
static FROM_KERNEL: AtomicU64 = AtomicU64::new(0);

/// Where the number of each signal is written when it arrives; -1 for nowhere.
static WAKEUP: AtomicI32 = AtomicI32::new(-1);

/// Has the number of each signal that is noted written to a descriptor, which must never block; -1 ends that. Gives back the
/// one of before.
pub fn set_wakeup_descriptor(fd: i32) -> i32 {
    WAKEUP.swap(fd, Ordering::SeqCst)
}

/// What holds for a signal that this process, or one that it was forked from, has changed.
struct Changed {
    handler: libc::sighandler_t,
    before: libc::sigaction,
}

// SAFETY: a disposition is plain data; the handler in it is a function.
unsafe impl Send for Changed {}

static CHANGED: LeafLock<BTreeMap<i32, Changed>> = LeafLock::new(BTreeMap::new());

/// Lets `signal` be noted from now on. System calls that it interrupts return (no `SA_RESTART`), so
/// that the main thread reaches its safepoint.
pub fn install(signal: i32) -> io::Result<()> {
    set(
        signal,
        arrived as *const () as libc::sighandler_t,
        libc::SA_SIGINFO,
    )
}

/// Lets the end of a child ring [`child_bell`]. System calls go on.
pub(super) fn install_child_handler() -> io::Result<()> {
    set(
        libc::SIGCHLD,
        child_ended as *const () as libc::sighandler_t,
        libc::SA_RESTART | libc::SA_NOCLDSTOP,
    )
}

extern "C" fn child_ended(_: libc::c_int) {
    keeping_errno(child_bell::ring);
}

/// Where the calling native thread has its errno: another place for each. May be asked in a handler.
pub(super) fn place_of_errno() -> *mut libc::c_int {
    // SAFETY: no arguments.
    unsafe { libc::__errno_location() }
}

/// What a handler does; the code that it interrupts finds errno unchanged. Where it is, nothing is written: after
/// a fork the page would be copied for that.
fn keeping_errno(work: impl FnOnce()) {
    let place = place_of_errno();
    // SAFETY: as above.
    let saved = unsafe { *place };
    work();
    // SAFETY: as above.
    unsafe {
        if *place != saved {
            *place = saved;
        }
    }
}

/// Ignores `signal`.
pub fn ignore(signal: i32) -> io::Result<()> {
    set(signal, libc::SIG_IGN, 0)
}

/// Has `handler` called at `signal`, which must be async-signal-safe. Where it is called already, this
/// does nothing.
pub(super) fn handle_by(signal: i32, handler: extern "C" fn(libc::c_int)) -> io::Result<()> {
    let handler = handler as *const () as libc::sighandler_t;
    let mut changed = CHANGED.lock();
    match changed.get(&signal) {
        Some(known) if known.handler == handler => Ok(()),
        _ => set_in(&mut changed, signal, handler, 0),
    }
}

/// The same, unless something else than the default effect holds for the signal.
pub(super) fn handle_by_where_default(
    signal: i32,
    handler: extern "C" fn(libc::c_int),
) -> io::Result<()> {
    let mut changed = CHANGED.lock();
    if changed.contains_key(&signal) {
        return Ok(());
    }
    // SAFETY: all zero is a valid disposition.
    let mut now = unsafe { std::mem::zeroed::<libc::sigaction>() };
    // SAFETY: a valid place; nothing is changed.
    check(unsafe { libc::sigaction(signal, std::ptr::null(), &mut now) })?;
    match now.sa_sigaction {
        libc::SIG_DFL => {
            let handler = handler as *const () as libc::sighandler_t;
            set_in(&mut changed, signal, handler, 0)
        }
        _ => Ok(()),
    }
}

/// Gives `signal` its default effect.
pub fn set_default(signal: i32) -> io::Result<()> {
    set(signal, libc::SIG_DFL, 0)
}

/// Puts back what held for `signal` before this process first changed it. Without effect if it never
/// did.
pub fn restore(signal: i32) -> io::Result<()> {
    let Some(changed) = CHANGED.lock().remove(&signal) else {
        return Ok(());
    };
    // SAFETY: what the system itself gave us.
    check(unsafe { libc::sigaction(signal, &changed.before, std::ptr::null_mut()) })?;
    if signal == libc::SIGCHLD {
        child_bell::set_rings(false);
    }
    Ok(())
}

/// Puts back everything that this process changed, before another program takes its place.
pub fn restore_all() {
    let changed: Vec<i32> = CHANGED.lock().keys().copied().collect();
    for signal in changed {
        // Each of them could be changed, so each can be changed back.
        let _ = restore(signal);
    }
}

/// What has arrived since the last call. For the main thread, when a safepoint says
/// [`Pending::SIGNALS`].
pub fn take_pending() -> Arrived {
    Arrived {
        signals: SignalSet(ARRIVED.swap(0, Ordering::SeqCst)),
        from_kernel: SignalSet(FROM_KERNEL.swap(0, Ordering::SeqCst)),
    }
}

/// Makes it look as if `signal` had arrived from a process, without the operating system.
pub fn simulate(signal: i32) {
    ARRIVED.fetch_or(bit(signal), Ordering::SeqCst);
    thread::interrupt_main(Pending::SIGNALS);
}

/// Whether something has arrived that nobody has taken yet.
pub(super) fn has_arrived() -> bool {
    ARRIVED.load(Ordering::SeqCst) != 0
}

/// Dies by `signal`, as if nobody had ever handled it, so that whoever waits for this process sees
/// it. Output is the caller's to flush.
pub fn raise_default(signal: i32) -> ! {
    // If it cannot be set, the status below says nearly the same.
    let _ = set_default(signal);
    // SAFETY: plain system calls on a signal set of this stack.
    unsafe {
        let mut signals = std::mem::zeroed::<libc::sigset_t>();
        libc::sigemptyset(&mut signals);
        libc::sigaddset(&mut signals, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &signals, std::ptr::null_mut());
        libc::kill(libc::getpid(), signal);
        // For signals whose default effect is to do nothing.
        libc::_exit(128 + signal)
    }
}

fn set(signal: i32, handler: libc::sighandler_t, flags: libc::c_int) -> io::Result<()> {
    set_in(&mut CHANGED.lock(), signal, handler, flags)
}

fn set_in(
    changed: &mut BTreeMap<i32, Changed>,
    signal: i32,
    handler: libc::sighandler_t,
    flags: libc::c_int,
) -> io::Result<()> {
    // SAFETY: all zero is a valid disposition; what matters is filled in.
    let mut action = unsafe { std::mem::zeroed::<libc::sigaction>() };
    action.sa_sigaction = handler;
    // On the alternate stack where there is one: the thread may be at the end of its own.
    action.sa_flags = flags | libc::SA_ONSTACK;
    // SAFETY: as above.
    let mut before = unsafe { std::mem::zeroed::<libc::sigaction>() };
    // SAFETY: the handlers are async-signal-safe, both dispositions are valid.
    check(unsafe { libc::sigaction(signal, &action, &mut before) })?;
    let entry = changed.entry(signal);
    entry.or_insert(Changed { handler, before }).handler = handler;
    if signal == libc::SIGCHLD {
        let ringing = [arrived as *const (), child_ended as *const ()];
        let rings = ringing.iter().any(|known| *known as usize == handler);
        child_bell::set_rings(rings);
    }
    Ok(())
}

/// Whether the calling thread keeps `signal` away.
pub(super) fn is_blocked(signal: i32) -> bool {
    // SAFETY: a plain system call that fills in a signal set of this stack.
    unsafe {
        let mut blocked = std::mem::zeroed::<libc::sigset_t>();
        let none = std::ptr::null();
        libc::pthread_sigmask(libc::SIG_BLOCK, none, &mut blocked) != 0
            || libc::sigismember(&blocked, signal) != 0
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The handler: atomics, a futex wake-up and a write to an eventfd.
extern "C" fn arrived(signal: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel hands a valid siginfo to a handler that asked for one.
    let from_kernel = !info.is_null() && unsafe { (*info).si_code } == libc::SI_KERNEL;
    keeping_errno(|| note_arrival(signal, from_kernel));
}

fn note_arrival(signal: i32, from_kernel: bool) {
    if from_kernel {
        FROM_KERNEL.fetch_or(bit(signal), Ordering::SeqCst);
    }
    ARRIVED.fetch_or(bit(signal), Ordering::SeqCst);
    if signal == libc::SIGCHLD {
        child_bell::ring();
    }
    let wakeup = WAKEUP.load(Ordering::SeqCst);
    if wakeup >= 0 {
        let number = signal as u8;
        // SAFETY: one byte of this stack; `write` may be called in a handler. A full pipe tells enough.
        unsafe { libc::write(wakeup, (&raw const number).cast(), 1) };
    }
    thread::interrupt_main(Pending::SIGNALS);
}

/// Has no fork copy the stack on which the calling thread's handlers run, which must be the one that the standard
/// library made for it: no child starts on it, and the parent's next
/// signal, which most often tells of the child's end, would have to copy its page first. A child finds zeros there.
pub fn keep_handlers_stack_out_of_forks() {
    // SAFETY: all zero is a valid description.
    let mut stack = unsafe { std::mem::zeroed::<libc::stack_t>() };
    // SAFETY: only asks, with a valid place for the answer. What it names is a mapping that the standard library makes
    // for this alone (`std::sys::pal::unix::stack_overflow`): the rest of its last page is nobody's.
    unsafe {
        if libc::sigaltstack(std::ptr::null(), &mut stack) == 0
            && stack.ss_flags & (libc::SS_DISABLE | libc::SS_ONSTACK) == 0
        {
            libc::madvise(stack.ss_sp, stack.ss_size, libc::MADV_WIPEONFORK);
        }
    }
}

/// In the child of a fork: what arrived was sent to the parent.
pub(super) fn forget_in_child() {
    ARRIVED.store(0, Ordering::SeqCst);
    FROM_KERNEL.store(0, Ordering::SeqCst);
}

/// The signal mask as it was before [`block_all`].
pub(super) struct SignalMask(libc::sigset_t);

/// Keeps all signals from this thread.
pub(super) fn block_all() -> SignalMask {
    // SAFETY: plain system calls on signal sets of this stack.
    unsafe {
        let mut all = std::mem::zeroed::<libc::sigset_t>();
        let mut before = std::mem::zeroed::<libc::sigset_t>();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        SignalMask(before)
    }
}

impl SignalMask {
    /// The mask that was there before.
    pub(super) fn before(&self) -> libc::sigset_t {
        self.0
    }

    /// Puts the mask back.
    pub(super) fn restore(self) {
        // SAFETY: what `block_all` got from the system.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, std::ptr::null_mut()) };
    }
}
