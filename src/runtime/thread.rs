//! The interpreter's threads: their states, how they begin, end and are interrupted.
//!
//! Knows the operating system's threads and the world token; must not know what a thread runs.

use super::blocking::{Outcome, Reason, ReasonKind, Wait, WaitRecord, blocking, blocking_unless};
use super::clock::Deadline;
use super::current_thread as current;
use super::event_fd;
use super::futex;
use super::leaf_lock::{LeafLock, assert_no_lock_held};
use super::pending::{ENDED, Pending};
use super::sharing;
use super::standing::{note_detached, note_outside};
use super::thread_registry::REGISTRY;
use super::thread_usage::ThreadUsage;
use super::watch::{self, Verdict};
use super::world::{self, ATTACHED, DETACHED};
use super::written_memory::beside_what_forks_write;

pub use super::thread_registry::{count, enumerate, find, main, stop_others, vanished_name};
pub(super) use super::thread_registry::{
    count_foreign, count_running, keep_only, with_registry, with_registry_locked,
};
pub use super::thread_start::spawn;

use std::io;
use std::num::NonZeroU64;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// Identifies a thread among all that this process and those it was forked from ever had. Never
/// reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ThreadId(NonZeroU64);

impl ThreadId {
    /// As a number, never 0.
    pub fn get(self) -> u64 {
        self.0.get()
    }

    /// From a number that [`ThreadId::get`] gave.
    pub fn from_number(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // 2^64 threads cannot be started.
        Self(NonZeroU64::new(number).unwrap_or(NonZeroU64::MAX))
    }
}

/// Who made a thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ThreadKind {
    /// The thread that the program began with; signals are handled there.
    Main,
    /// Started by [`spawn`].
    Spawned,
    /// A thread of the host that entered the interpreter.
    Host,
}

/// The state of one thread. Its owner writes the first group all the time, so no other thread's
/// state shares the cache line.
#[repr(align(128))]
pub(super) struct Thread {
    pub(super) state: AtomicU32,
    /// What is pending, and at the same time the futex word on which the thread can always be woken.
    pub(super) pending: AtomicU32,
    pub(super) seen: AtomicU64,
    /// How often the thread has blocked: unchanged between two looks means that it did not move.
    parks: AtomicU64,
    /// For `poll`; -1 while there is none.
    pub(super) event_fd: AtomicI32,
    /// Numbered by the kernel; 0 until the thread runs. A futex word.
    pub(super) native_id: AtomicU32,
    /// [`ALIVE`], [`FINISHED`] or [`VANISHED`]. A futex word.
    pub(super) end: AtomicU32,
    /// The same for who joins it: the main thread counts as ended when it has come to the end of its script, though it
    /// still waits for the others. A futex word.
    pub(super) left: AtomicU32,
    /// How many threads wait for a change of one of the last three: where there are none, nobody is woken.
    watchers: AtomicU32,
    exit_code: AtomicI32,
    pub(super) id: ThreadId,
    kind: ThreadKind,
    pub(super) name: LeafLock<Arc<str>>,
    wait: LeafLock<Option<WaitRecord>>,
    /// Where in the script it was when it last began to wait. Only the thread itself writes it, and the
    /// next five.
    place: AtomicU64,
    /// How many of the operations it is in only look at deadlines, and go on.
    pub(super) looks: AtomicU32,
    /// How many of them serve others.
    pub(super) serves: AtomicU32,
    /// How many of them are done by another thread.
    pub(super) asks: AtomicU32,
    /// The wait that it left only to look after something: object and kind, 0 for none.
    looked_from: [AtomicU64; 2],
    /// Where it last had an entry in shared memory, plus one.
    wait_hint: AtomicU64,
    verdict: LeafLock<Option<Arc<Verdict>>>,
    /// What its native thread had used before it began, if that had run another.
    used_before: LeafLock<Option<Box<ThreadUsage>>>,
}

const ALIVE: u32 = 0;
const FINISHED: u32 = 1;
/// Left behind by a fork: it exists in the parent only.
pub(super) const VANISHED: u32 = 2;

/// One interpreter thread, as everybody may hold it.
#[derive(Clone)]
pub struct ThreadHandle(Arc<Thread>);

/// The calling thread's membership in the world; ends when dropped.
pub struct Registration {
    handle: ThreadHandle,
    /// Belongs to the thread that registered.
    not_send: std::marker::PhantomData<*const ()>,
}

/// The main thread, for the signal handler. What it points to is never freed.
static MAIN: AtomicPtr<Thread> = AtomicPtr::new(std::ptr::null_mut());

impl ThreadHandle {
    pub(super) fn new(name: Arc<str>, kind: ThreadKind) -> Self {
        Self(Arc::new(Thread {
            state: AtomicU32::new(DETACHED),
            pending: AtomicU32::new(0),
            seen: AtomicU64::new(0),
            parks: AtomicU64::new(0),
            event_fd: AtomicI32::new(-1),
            native_id: AtomicU32::new(0),
            end: AtomicU32::new(ALIVE),
            left: AtomicU32::new(ALIVE),
            watchers: AtomicU32::new(0),
            exit_code: AtomicI32::new(0),
            id: ThreadId::next(),
            kind,
            name: LeafLock::new(name),
            wait: LeafLock::new(None),
            place: AtomicU64::new(0),
            looks: AtomicU32::new(0),
            serves: AtomicU32::new(0),
            asks: AtomicU32::new(0),
            looked_from: [const { AtomicU64::new(0) }; 2],
            wait_hint: AtomicU64::new(0),
            verdict: LeafLock::new(None),
            used_before: LeafLock::new(None),
        }))
    }

    /// Whether both are the same thread.
    #[inline(always)]
    pub fn same(&self, other: &ThreadHandle) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Makes the calling thread one of the interpreter's, attached, until the result is dropped.
    /// If it is the second one, the first is brought to a safepoint and values become shared.
    // Apart: the room in which its record is made would stay on the stack.
    #[inline(never)]
    pub fn register_current(name: &str, kind: ThreadKind) -> Registration {
        let name = name.into();
        let handle = match kind {
            ThreadKind::Main => beside_what_forks_write(|| Self::new(name, kind)),
            _ => Self::new(name, kind),
        };
        handle.0.native_id.store(native_id(), Ordering::SeqCst);
        current::set(handle.id());
        let others = {
            let mut registry = REGISTRY.lock_anywhere();
            registry.add(handle.clone());
            registry.threads.len() > 1
        };
        world::attach(&handle.0);
        if kind == ThreadKind::Main {
            set_main(&handle);
        }
        if others && !sharing::is_shared_at_once() {
            world::stop_the_world(&handle, |_| sharing::set_shared(true));
        }
        Registration {
            handle,
            not_send: std::marker::PhantomData,
        }
    }

    pub(super) fn thread(&self) -> &Thread {
        &self.0
    }

    /// Its number.
    pub fn id(&self) -> ThreadId {
        self.0.id
    }

    /// Who made it.
    pub fn kind(&self) -> ThreadKind {
        self.0.kind
    }

    /// Its name.
    pub fn name(&self) -> Arc<str> {
        self.0.name.lock().clone()
    }

    /// Gives it another name.
    pub fn set_name(&self, name: &str) {
        let new: Arc<str> = name.into();
        let old = std::mem::replace(&mut *self.0.name.lock(), new);
        drop(old);
    }

    /// The kernel's number of it; 0 until it has begun to run.
    pub fn native_id(&self) -> u32 {
        self.0.native_id.load(Ordering::Acquire)
    }

    /// Whether it has not ended yet and exists in this process.
    pub fn is_alive(&self) -> bool {
        self.0.end.load(Ordering::SeqCst) == ALIVE
    }

    /// Whether it counts as ended for who joins it.
    pub fn has_left(&self) -> bool {
        self.0.left.load(Ordering::Acquire) != ALIVE
    }

    /// The calling thread has come to the end of its script: who joins it need not wait for what else it does.
    pub fn leave(&self) {
        self.0.announce(&self.0.left, FINISHED);
    }

    /// Whether a fork left it behind in the parent.
    pub fn has_vanished(&self) -> bool {
        self.0.end.load(Ordering::Acquire) == VANISHED
    }

    /// Whether it is the main thread. In the child of a fork that is the thread that forked.
    pub fn is_main(&self) -> bool {
        std::ptr::eq(MAIN.load(Ordering::Acquire), Arc::as_ptr(&self.0))
    }

    /// How often it has blocked so far: if that did not change, it did not move in between.
    pub fn parks(&self) -> u64 {
        self.0.parks.load(Ordering::Acquire)
    }

    /// What it waits for, if it is blocked.
    pub fn waits_for(&self) -> Option<WaitRecord> {
        self.0.wait.lock().clone()
    }

    /// Notes where in the script the thread is, before it waits. What the number means is the business
    /// of the layer above.
    #[inline(always)]
    pub fn note_place(&self, place: u64) {
        self.0.place.store(place, Ordering::Relaxed);
    }

    /// Where it was when it last noted it.
    pub(super) fn place(&self) -> u64 {
        self.0.place.load(Ordering::Relaxed)
    }

    /// Until the result is dropped, the thread's waits with deadlines count as waits for ever: at a
    /// deadline it only looks after something, and waits again.
    pub fn looking(&self) -> Looking {
        self.0.looks.fetch_add(1, Ordering::Relaxed);
        Looking(self.clone(), |thread| &thread.looks)
    }

    /// Until the result is dropped, the thread serves others: it is no deadlock if it waits for work for
    /// ever.
    pub fn serving(&self) -> Looking {
        self.0.serves.fetch_add(1, Ordering::Relaxed);
        Looking(self.clone(), |thread| &thread.serves)
    }

    /// Until the result is dropped, the thread waits for another one that does something in its name. If
    /// that one waits in vain, it is told, and this thread will hear of it.
    pub fn asking(&self) -> Looking {
        self.0.asks.fetch_add(1, Ordering::Relaxed);
        Looking(self.clone(), |thread| &thread.asks)
    }

    pub(super) fn asks(&self) -> bool {
        self.0.asks.load(Ordering::Relaxed) > 0
    }

    pub(super) fn only_looks(&self) -> bool {
        self.0.looks.load(Ordering::Relaxed) > 0
    }

    pub(super) fn serves(&self) -> bool {
        self.0.serves.load(Ordering::Relaxed) > 0
    }

    /// Notes that the thread leaves a wait only to look after something.
    pub(super) fn note_interrupted_wait(&self, reason: &Reason) {
        let [object, kind] = &self.0.looked_from;
        object.store(reason.object, Ordering::Relaxed);
        kind.store(reason.kind.number(), Ordering::Relaxed);
    }

    /// Whether the last wait was one that goes on with this one. Asked once.
    pub(super) fn take_interrupted_wait(&self, reason: &Reason) -> bool {
        let [object, kind] = &self.0.looked_from;
        let known = kind.load(Ordering::Relaxed);
        kind.store(0, Ordering::Relaxed);
        known == reason.kind.number() && object.load(Ordering::Relaxed) == reason.object
    }

    pub(super) fn wait_hint(&self) -> Option<u64> {
        self.0.wait_hint.load(Ordering::Relaxed).checked_sub(1)
    }

    pub(super) fn set_wait_hint(&self, index: u64) {
        self.0.wait_hint.store(index + 1, Ordering::Relaxed);
    }

    pub(super) fn set_verdict(&self, verdict: Arc<Verdict>) {
        let old = self.0.verdict.lock().replace(verdict);
        drop(old);
    }

    /// Why [`Pending::DEADLOCK`] is pending. Asked once.
    pub fn take_verdict(&self) -> Option<Arc<Verdict>> {
        self.0.verdict.lock().take()
    }

    /// Makes `bits` pending without waking the thread.
    pub(super) fn mark(&self, bits: Pending) {
        self.0.mark(bits);
    }

    /// Wakes the thread wherever it blocks.
    pub(super) fn wake(&self) {
        self.0.wake();
    }

    /// The status with which the process ends if this thread is the one that a forked child came
    /// from, when its function returns.
    pub fn set_exit_code(&self, code: i32) {
        self.0.exit_code.store(code, Ordering::Release);
    }

    /// See [`ThreadHandle::set_exit_code`].
    pub fn exit_code(&self) -> i32 {
        self.0.exit_code.load(Ordering::Acquire)
    }

    /// Makes `bits` pending for this thread and wakes it wherever it blocks. Any thread may call
    /// it, registered or not, and so may a signal handler.
    pub fn interrupt(&self, bits: Pending) {
        self.0.interrupt(bits);
    }

    /// What is pending for it.
    #[inline]
    pub fn pending(&self) -> Pending {
        Pending::from_bits(self.0.pending.load(Ordering::Acquire))
    }

    /// The slow side of a safepoint, to be called by the thread itself when
    /// [`world::poll_requested`] says so, and after every interrupted wait: parks while the world is
    /// stopped, lets grace periods pass, and takes what is pending for this thread.
    #[cold]
    pub fn safepoint(&self) -> Pending {
        self.assert_current();
        world::pass_safepoint(&self.0);
        self.take_pending(Pending::ALL)
    }

    /// The part of a safepoint that others wait for: parks while the world is stopped and lets grace
    /// periods pass. What is pending for this thread stays.
    pub fn pass(&self) {
        self.assert_current();
        world::pass_safepoint(&self.0);
    }

    /// Takes those of `bits` that are pending, without parking.
    pub fn take_pending(&self, bits: Pending) -> Pending {
        if self.0.pending.load(Ordering::Relaxed) & bits.bits() == 0 {
            return Pending::NONE;
        }
        let before = self.0.pending.fetch_and(!bits.bits(), Ordering::SeqCst);
        if before != 0 && before & !bits.bits() == 0 {
            world::remove_pending_thread();
        }
        Pending::from_bits(before & bits.bits())
    }

    /// Runs `work` without the world token, so that neither fork nor anybody else waits for it. It
    /// must touch no object of the interpreter: copy in, call the system, copy out.
    pub fn detached<R>(&self, work: impl FnOnce() -> R) -> R {
        self.assert_current();
        world::detach(&self.0);
        let attach_again = Attach(&self.0);
        let result = work();
        drop(attach_again);
        result
    }

    /// The inverse of [`ThreadHandle::detached`], for a part of its work that needs objects of the
    /// interpreter after all.
    pub fn attached<R>(&self, work: impl FnOnce() -> R) -> R {
        world::attach(&self.0);
        let result = work();
        world::detach(&self.0);
        result
    }

    /// Waits until this thread has ended; false if the deadline came first. `waiter` is the calling
    /// thread.
    pub fn join(&self, waiter: &ThreadHandle, deadline: Option<Deadline>) -> Result<bool, Pending> {
        self.wait_while(waiter, &self.0.left, ALIVE, deadline)
    }

    /// Waits until this thread runs, so that it has a native id.
    pub fn wait_until_begun(&self, waiter: &ThreadHandle) -> Result<(), Pending> {
        self.wait_while(waiter, &self.0.native_id, 0, None)
            .map(drop)
    }

    fn wait_while(
        &self,
        waiter: &ThreadHandle,
        word: &AtomicU32,
        value: u32,
        deadline: Option<Deadline>,
    ) -> Result<bool, Pending> {
        let reason = Reason::new(ReasonKind::ThreadJoin).about(self.id().get());
        let _watcher = self.0.watcher();
        while word.load(Ordering::SeqCst) == value {
            let wait = Wait::Word {
                word,
                expected: value,
                shared: false,
            };
            match blocking(waiter, &reason, deadline, wait) {
                Outcome::Woken => {}
                Outcome::TimedOut => return Ok(word.load(Ordering::Acquire) != value),
                Outcome::Interrupted(bits) => return Err(bits),
            }
        }
        Ok(true)
    }

    pub(super) fn wait_uninterrupted(&self, waiter: &ThreadHandle, deadline: Deadline) {
        let reason = Reason::new(ReasonKind::ThreadJoin).about(self.id().get());
        let _watcher = self.0.watcher();
        while self.is_alive() {
            let wait = Wait::Word {
                word: &self.0.end,
                expected: ALIVE,
                shared: false,
            };
            let nothing = Pending::NONE;
            if blocking_unless(waiter, &reason, Some(deadline), wait, nothing) == Outcome::TimedOut
            {
                return;
            }
        }
    }

    /// Panics in a debug build if this is not the calling thread.
    #[inline(always)]
    #[track_caller]
    pub fn assert_current(&self) {
        current::assert_is(self.id());
    }

    pub(super) fn begin_wait(&self, record: WaitRecord) {
        self.0.parks.fetch_add(1, Ordering::AcqRel);
        let old = self.0.wait.lock().replace(record);
        drop(old);
    }

    pub(super) fn end_wait(&self) {
        let old = self.0.wait.lock().take();
        drop(old);
        self.0.parks.fetch_add(1, Ordering::AcqRel);
    }

    /// The thread's own eventfd, made when first asked for.
    pub(super) fn event_fd(&self) -> io::Result<i32> {
        let descriptor = self.0.event_fd.load(Ordering::Relaxed);
        if descriptor >= 0 {
            return Ok(descriptor);
        }
        let descriptor = event_fd::take()?;
        // Before the thread's next look at `pending`: an interrupt either sees it or is seen.
        self.0.event_fd.store(descriptor, Ordering::SeqCst);
        Ok(descriptor)
    }

    /// Puts a thread that is about to start into the registry.
    pub(super) fn add_to_registry(&self) {
        REGISTRY.lock_anywhere().add(self.clone());
    }

    /// Takes a thread that the system refused out of it again.
    pub(super) fn give_up(&self) {
        self.0.end.store(FINISHED, Ordering::SeqCst);
        self.0.left.store(FINISHED, Ordering::SeqCst);
        REGISTRY.lock_anywhere().remove(self);
    }

    /// The first thing a started thread does: attached afterwards.
    ///
    /// Its native thread has used so much before, if that has run another.
    pub(super) fn begin(&self, used_before: Option<Box<ThreadUsage>>) {
        current::set(self.id());
        note_detached();
        self.note_native_id(native_id());
        world::attach(&self.0);
        *self.0.used_before.lock() = used_before;
    }

    /// Gives it the kernel's number of the native thread that is about to run it.
    pub(super) fn note_native_id(&self, native_id: u32) {
        self.0.announce(&self.0.native_id, native_id);
    }

    /// Panics in a debug build if the thread is not attached.
    pub(super) fn assert_attached(&self) {
        debug_assert_eq!(self.0.state.load(Ordering::Relaxed), ATTACHED);
    }

    /// Takes the calling thread out of the world for good, and tells those who wait for that.
    pub(super) fn end(&self) {
        assert_no_lock_held();
        // While a stop of the world, a fork and a grace period still wait for this thread. Below, where it
        // is no longer in the registry, it touches no object.
        world::prepare_to_detach();
        let before = self.0.pending.swap(ENDED, Ordering::SeqCst);
        if before != 0 && before != ENDED {
            world::remove_pending_thread();
        }
        let descriptor = self.0.event_fd.swap(-1, Ordering::SeqCst);
        if descriptor >= 0 {
            event_fd::give_back(descriptor);
        }
        if self.is_main() {
            MAIN.store(std::ptr::null_mut(), Ordering::SeqCst);
        }
        // It may have been the last one who could have woken the others. Still attached and registered: a
        // fork waits for it.
        REGISTRY.lock_anywhere().ending += 1;
        watch::thread_ends();
        // Still attached: a fork waits until the lock is free again.
        {
            let mut registry = REGISTRY.lock_anywhere();
            registry.ending -= 1;
            registry.remove(self);
            // In one step for a fork: the child would wait for ever for one that is neither here nor ended.
            self.0.end.store(FINISHED, Ordering::SeqCst);
            self.0.left.store(FINISHED, Ordering::SeqCst);
        }
        world::leave(&self.0);
        current::clear();
        // A thread of the host may do as it likes outside; one of the interpreter has nothing left to do.
        if self.kind() != ThreadKind::Spawned {
            note_outside();
        }
        self.0.wake_watchers(&self.0.end);
        self.0.wake_watchers(&self.0.left);
    }

    /// What the calling thread, which is this one, has used.
    pub fn usage(&self) -> ThreadUsage {
        self.assert_current();
        let used = ThreadUsage::of_native_thread();
        match &*self.0.used_before.lock() {
            Some(before) => used.since(before),
            None => used,
        }
    }

    /// In the child of a fork the kernel counts from the beginning.
    pub(super) fn forget_usage_before(&self) {
        let before = self.0.used_before.lock().take();
        drop(before);
    }
}

impl std::fmt::Debug for ThreadHandle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "ThreadHandle({} `{}`)",
            self.id().get(),
            self.name()
        )
    }
}

impl PartialEq for ThreadHandle {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for ThreadHandle {}

impl Deref for Registration {
    type Target = ThreadHandle;
    fn deref(&self) -> &ThreadHandle {
        &self.handle
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.handle.end();
    }
}

impl Thread {
    /// See [`ThreadHandle::interrupt`]: atomics and two system calls, nothing else.
    pub(super) fn interrupt(&self, bits: Pending) {
        if self.mark(bits) {
            self.wake();
        }
    }

    /// Makes `bits` pending; false if the thread has ended.
    fn mark(&self, bits: Pending) -> bool {
        let before = self.pending.fetch_or(bits.bits(), Ordering::SeqCst);
        if before & ENDED != 0 {
            return false;
        }
        if before == 0 {
            world::add_pending_thread();
        }
        true
    }

    /// Changes one of the words that others wait for, and wakes those who do.
    fn announce(&self, word: &AtomicU32, value: u32) {
        word.store(value, Ordering::SeqCst);
        self.wake_watchers(word);
    }

    /// Wakes those who wait for a word that was changed.
    fn wake_watchers(&self, word: &AtomicU32) {
        // Either a watcher sees the new value before it sleeps, or this sees that there is a watcher.
        if self.watchers.load(Ordering::SeqCst) > 0 {
            futex::wake_all(word, false);
        }
    }

    /// Until the result is dropped, the calling thread is woken when one of those words changes.
    fn watcher(&self) -> Watcher<'_> {
        self.watchers.fetch_add(1, Ordering::SeqCst);
        Watcher(&self.watchers)
    }

    fn wake(&self) {
        futex::wake_all(&self.pending, false);
        let descriptor = self.event_fd.load(Ordering::SeqCst);
        if descriptor >= 0 {
            event_fd::raise(descriptor);
        }
    }
}

/// What [`ThreadHandle::looking`] and [`ThreadHandle::serving`] give.
#[must_use]
pub struct Looking(ThreadHandle, fn(&Thread) -> &AtomicU32);

impl Drop for Looking {
    fn drop(&mut self) {
        let Self(thread, count) = self;
        // In the child of a fork it is 0: what the parent's thread was in, this one is not.
        let count = count(&thread.0);
        let less = count.load(Ordering::Relaxed).saturating_sub(1);
        count.store(less, Ordering::Relaxed);
    }
}

/// See [`Thread::watcher`].
struct Watcher<'a>(&'a AtomicU32);

impl Drop for Watcher<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Attaches again when dropped.
struct Attach<'a>(&'a Thread);

impl Drop for Attach<'_> {
    fn drop(&mut self) {
        world::attach(self.0);
    }
}

pub(super) fn native_id() -> u32 {
    // SAFETY: no arguments. Not cached by glibc, so right after a fork too.
    unsafe { libc::syscall(libc::SYS_gettid) as u32 }
}

/// The signal handler's way to wake the main thread. Async-signal-safe.
pub(super) fn interrupt_main(bits: Pending) {
    let main = MAIN.load(Ordering::SeqCst);
    if !main.is_null() {
        // SAFETY: what MAIN points to was leaked by `set_main`.
        unsafe { &*main }.interrupt(bits);
    }
}

pub(super) fn set_main(handle: &ThreadHandle) {
    // Leaked: a signal handler may look at it at any time.
    let thread = Arc::into_raw(handle.0.clone()).cast_mut();
    MAIN.store(thread, Ordering::SeqCst);
    if super::signal::has_arrived() {
        handle.interrupt(Pending::SIGNALS);
    }
}
