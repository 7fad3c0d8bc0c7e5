//! What is behind the queues of threads: the items, and who waits for them. Nothing a script wrote
//! runs under its lock. It must not know the methods of any queue.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::errors;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::modules::threading::lock;
use crate::runtime::blocking::{Outcome as Blocked, Reason, ReasonKind, Wait, blocking};
use crate::runtime::clock::Deadline;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::thread_lock::{LockError, ThreadLock, another_processor};
use crate::runtime::{fork, futex};
use crate::value::instance::NativeData;
use crate::value::{Outcome, Value, room};

/// In which order items come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The oldest first.
    Fifo,
    /// The newest first.
    Lifo,
    /// The smallest first.
    Priority,
}

/// How long an operation may wait.
#[derive(Clone, Copy, Debug)]
pub enum Patience {
    /// Not at all.
    None,
    /// Until then at most; for ever without a moment.
    Until(Option<Deadline>),
}

/// A queue of threads.
pub struct Channel {
    pub(super) order: Order,
    /// Whether its class says itself how items are kept: then nothing of what follows is used.
    pub(super) is_hooked: bool,
    pub(super) state: LeafLock<State>,
    /// How many items there are: for looks without the lock.
    length: AtomicUsize,
    /// Held while items are compared, which scripts' code may do.
    sorting: ThreadLock,
    /// A lock that a script has asked for, to keep the queue as it is for a while: every operation
    /// takes it from then on.
    mutex: OnceLock<Value>,
}

/// What the lock guards.
#[derive(Default)]
pub struct State {
    pub(super) items: VecDeque<Value>,
    /// At most so many items; 0 for any number.
    most: usize,
    /// The same as the script gave it.
    limit: Limit,
    /// How many items were put for which `task_done` has not been called.
    unfinished: u64,
    shut: bool,
    getters: VecDeque<Arc<Waiter>>,
    putters: VecDeque<Arc<Waiter>>,
    joiners: VecDeque<Arc<Waiter>>,
}

/// A limit as a script gave it.
pub struct Limit {
    /// What it gave.
    pub value: Value,
    /// Whether that can be compared with numbers of items.
    pub is_number: bool,
}

impl Default for Limit {
    fn default() -> Self {
        Limit {
            value: Value::Int(0),
            is_number: true,
        }
    }
}

/// A thread that waits, with a word of its own.
struct Waiter {
    word: AtomicU32,
    /// In which process it began to wait: in the child of a fork no waiter came along.
    generation: u32,
}

const WAITING: u32 = 0;
const NOTIFIED: u32 = 1;

/// What a thread waits for.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Item,
    Room,
    Done,
}

impl Side {
    /// As the script of the library names it.
    pub(super) fn of(name: &str) -> Side {
        match name {
            "item" => Side::Item,
            "room" => Side::Room,
            _ => Side::Done,
        }
    }
}

/// How often a thread looks for an item before it sleeps, where another processor may be about to
/// put one: a few microseconds, a tenth of what a sleep and a wake-up cost.
const LOOKS: u32 = 100;

impl NativeData for Channel {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        let state = self.state.lock();
        state.items.iter().for_each(&mut *visit);
        visit(&state.limit.value);
        drop(state);
        self.mutex.get().into_iter().for_each(visit);
    }

    fn clear(&self) {
        let items = std::mem::take(&mut self.state.lock().items);
        self.length.store(0, Ordering::Relaxed);
        drop(items);
    }
}

impl Waiter {
    fn new() -> Arc<Waiter> {
        Arc::new(Waiter {
            word: AtomicU32::new(WAITING),
            generation: fork::generation(),
        })
    }

    fn wake(&self) {
        self.word.store(NOTIFIED, Ordering::Release);
        futex::wake(&self.word, 1, false);
    }
}

impl State {
    fn waiters(&mut self, side: Side) -> &mut VecDeque<Arc<Waiter>> {
        match side {
            Side::Item => &mut self.getters,
            Side::Room => &mut self.putters,
            Side::Done => &mut self.joiners,
        }
    }

    /// Takes out who has waited longest; to be woken after the lock.
    #[inline]
    fn next_waiter(&mut self, side: Side) -> Option<Arc<Waiter>> {
        let waiters = self.waiters(side);
        if waiters.is_empty() {
            return None;
        }
        let generation = fork::generation();
        while let Some(waiter) = waiters.pop_front() {
            if waiter.generation == generation {
                return Some(waiter);
            }
        }
        None
    }

    fn all_waiters(&mut self, side: Side) -> Vec<Arc<Waiter>> {
        std::mem::take(self.waiters(side)).into()
    }

    fn is_full(&self) -> bool {
        self.most > 0 && self.items.len() >= self.most
    }
}

#[inline]
fn wake(waiter: Option<Arc<Waiter>>) {
    if let Some(waiter) = waiter {
        waiter.wake();
    }
}

impl Channel {
    /// An empty queue.
    pub fn new(order: Order) -> Self {
        Channel {
            order,
            is_hooked: false,
            state: LeafLock::new(State::default()),
            length: AtomicUsize::new(0),
            sorting: ThreadLock::new(),
            mutex: OnceLock::new(),
        }
    }

    /// The same, for a class that may say itself how items are kept.
    pub fn hooked(self, is_hooked: bool) -> Self {
        Channel { is_hooked, ..self }
    }

    /// Lets in at most so many items; 0 for any number.
    pub fn set_limit(&self, most: usize, limit: Limit) {
        let mut state = self.state.lock();
        state.most = most;
        let old = std::mem::replace(&mut state.limit, limit);
        drop(state);
        drop(old);
    }

    /// The limit as the script gave it.
    pub fn limit(&self) -> Value {
        self.state.lock().limit.value.clone()
    }

    /// What is compared in vain with numbers of items, if the limit is no number.
    pub fn wrong_limit(&self) -> Option<&'static str> {
        let state = self.state.lock();
        (!state.limit.is_number).then(|| state.limit.value.type_name())
    }

    /// Whether it has a limit.
    pub fn is_limited(&self) -> bool {
        self.state.lock().most > 0
    }

    /// How many items were put that nobody has called `task_done` for.
    pub fn unfinished(&self) -> u64 {
        self.state.lock().unfinished
    }

    /// Says how many those are.
    pub fn set_unfinished(&self, count: u64) {
        self.state.lock().unfinished = count;
    }

    /// Waits as one who waits for an item, for room or for the end of all tasks, while a script holds the queue's
    /// mutex, which is given up meanwhile; false if the deadline came first.
    ///
    /// # Errors
    /// What an interrupt raises.
    pub(super) fn wait_at(
        &self,
        cx: &mut Context,
        side: Side,
        deadline: Option<Deadline>,
    ) -> Outcome<bool> {
        let waiter = Waiter::new();
        self.state.lock().waiters(side).push_back(waiter.clone());
        let mutex = self.mutex();
        lock::release_value(&mutex);
        let result = self.wait(cx, side, &waiter, deadline);
        lock::acquire_value(cx, &mutex)?;
        Ok(!result?)
    }

    /// Wakes those who wait for something, at most so many.
    pub(super) fn wake_at(&self, side: Side, most: usize) {
        for _ in 0..most {
            let waiter = self.state.lock().next_waiter(side);
            let Some(waiter) = waiter else {
                return;
            };
            waiter.wake();
        }
    }

    /// Whether it was shut down.
    pub fn is_shut(&self) -> bool {
        self.state.lock().shut
    }

    /// The items in the order in which they are kept.
    pub fn snapshot(&self) -> Vec<Value> {
        self.state.lock().items.iter().cloned().collect()
    }

    /// Changes the items behind the back of those who wait, as a script can do in CPython.
    pub fn change<R>(&self, change: impl FnOnce(&mut VecDeque<Value>) -> R) -> R {
        let mut state = self.state.lock();
        let result = change(&mut state.items);
        self.note_length(&state);
        drop(state);
        result
    }

    /// The lock that keeps the queue as it is.
    pub fn mutex(&self) -> Value {
        self.mutex.get_or_init(lock::new).clone()
    }

    /// Takes the script's lock, if it has asked for one.
    #[inline]
    fn hold(&self, cx: &mut Context) -> Outcome<Option<Held<'_>>> {
        match self.mutex.get() {
            None => Ok(None),
            Some(mutex) => {
                lock::acquire_value(cx, mutex)?;
                Ok(Some(Held(mutex)))
            }
        }
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.length.load(Ordering::Relaxed)
    }

    /// Whether it can take no item.
    pub fn is_full(&self) -> bool {
        self.state.lock().is_full()
    }

    /// To be called under the lock, whenever the number of items has changed.
    #[inline]
    pub(super) fn note_length(&self, state: &State) {
        self.length.store(state.items.len(), Ordering::Relaxed);
    }

    /// Takes an item out; waits for one.
    ///
    /// # Errors
    /// `Empty`, `ShutDown`, what an interrupt raises, what a comparison raises.
    pub fn get(&self, cx: &mut Context, patience: Patience) -> Outcome<Value> {
        let mut late = false;
        loop {
            let held = self.hold(cx)?;
            let sorting = self.begin_sorting(cx)?;
            let mut state = self.state.lock();
            if !state.items.is_empty() {
                let item = match self.order {
                    Order::Fifo => state.items.pop_front(),
                    Order::Lifo => state.items.pop_back(),
                    Order::Priority => {
                        drop(state);
                        let item = super::heap::pop(cx, self);
                        let waiter = self.state.lock().next_waiter(Side::Room);
                        drop((sorting, held));
                        wake(waiter);
                        return item.map(Option::unwrap_or_default);
                    }
                };
                self.note_length(&state);
                let waiter = state.next_waiter(Side::Room);
                drop(state);
                drop(held);
                wake(waiter);
                return Ok(item.unwrap_or_default());
            }
            if state.shut {
                drop(state);
                return Err(errors::shut_down());
            }
            let deadline = match patience {
                Patience::Until(deadline) if !late => deadline,
                _ => {
                    drop(state);
                    return Err(errors::empty());
                }
            };
            let waiter = Waiter::new();
            state.getters.push_back(waiter.clone());
            drop(state);
            drop((sorting, held));
            late = self.wait(cx, Side::Item, &waiter, deadline)?;
        }
    }

    /// Puts an item in; waits for room.
    ///
    /// # Errors
    /// `Full`, `ShutDown`, what an interrupt raises, what a comparison raises.
    pub fn put(&self, cx: &mut Context, item: Value, patience: Patience) -> Outcome<()> {
        let mut late = false;
        loop {
            let held = self.hold(cx)?;
            let sorting = self.begin_sorting(cx)?;
            let mut state = self.state.lock();
            if state.shut {
                drop(state);
                return Err(errors::shut_down());
            }
            if !state.is_full() {
                if state.items.try_reserve(1).is_err() {
                    return Err(room::refused(state));
                }
                state.items.push_back(item);
                self.note_length(&state);
                if self.order == Order::Priority {
                    drop(state);
                    super::heap::lift_last(cx, self)?;
                    state = self.state.lock();
                }
                state.unfinished += 1;
                let waiter = state.next_waiter(Side::Item);
                drop(state);
                drop((sorting, held));
                wake(waiter);
                return Ok(());
            }
            let deadline = match patience {
                Patience::Until(deadline) if !late => deadline,
                _ => {
                    drop(state);
                    return Err(errors::full());
                }
            };
            let waiter = Waiter::new();
            state.putters.push_back(waiter.clone());
            drop(state);
            drop((sorting, held));
            late = self.wait(cx, Side::Room, &waiter, deadline)?;
        }
    }

    /// Notes that an item has been worked on; false if all were already.
    ///
    /// # Errors
    /// What an interrupt raises.
    pub fn task_done(&self, cx: &mut Context) -> Outcome<bool> {
        let _held = self.hold(cx)?;
        let mut state = self.state.lock();
        let Some(left) = state.unfinished.checked_sub(1) else {
            return Ok(false);
        };
        state.unfinished = left;
        let done = if left == 0 {
            state.all_waiters(Side::Done)
        } else {
            Vec::new()
        };
        drop(state);
        done.iter().for_each(|waiter| waiter.wake());
        Ok(true)
    }

    /// Waits until all items have been worked on.
    ///
    /// # Errors
    /// What an interrupt raises.
    pub fn join(&self, cx: &mut Context) -> Outcome<()> {
        loop {
            let mut state = self.state.lock();
            if state.unfinished == 0 {
                return Ok(());
            }
            let waiter = Waiter::new();
            state.joiners.push_back(waiter.clone());
            drop(state);
            self.wait(cx, Side::Done, &waiter, None)?;
        }
    }

    /// Lets no more items in; `at_once` drops those that are in.
    ///
    /// # Errors
    /// What an interrupt raises.
    pub fn shut_down(&self, cx: &mut Context, at_once: bool) -> Outcome<()> {
        let _held = self.hold(cx)?;
        // Whoever is sorting has an item in hand that is not counted yet, or not there any more.
        let _sorting = self.begin_sorting(cx)?;
        let mut state = self.state.lock();
        state.shut = true;
        let mut dropped = VecDeque::new();
        let mut woken = Vec::new();
        if at_once {
            dropped = std::mem::take(&mut state.items);
            self.note_length(&state);
            state.unfinished = state.unfinished.saturating_sub(dropped.len() as u64);
            woken = state.all_waiters(Side::Done);
        }
        woken.extend(state.all_waiters(Side::Item));
        woken.extend(state.all_waiters(Side::Room));
        drop(state);
        woken.iter().for_each(|waiter| waiter.wake());
        drop(dropped);
        Ok(())
    }

    /// Waits to be woken; true if the deadline came first. Where that, or an interrupt, took a
    /// wake-up away from the others, it is passed on.
    fn wait(
        &self,
        cx: &mut Context,
        side: Side,
        waiter: &Arc<Waiter>,
        deadline: Option<Deadline>,
    ) -> Outcome<bool> {
        let kind = match side {
            Side::Item => ReasonKind::QueueGet,
            Side::Room => ReasonKind::QueuePut,
            Side::Done => ReasonKind::QueueJoin,
        };
        if another_processor() {
            for _ in 0..LOOKS {
                if waiter.word.load(Ordering::Acquire) != WAITING {
                    return Ok(false);
                }
                std::hint::spin_loop();
            }
        }
        cx.note_place();
        let reason = Reason::new(kind).about(std::ptr::from_ref(self) as u64);
        while waiter.word.load(Ordering::Acquire) == WAITING {
            let wait = Wait::Word {
                word: &waiter.word,
                expected: WAITING,
                shared: false,
            };
            match blocking(&cx.thread, &reason, deadline, wait) {
                Blocked::Woken => {}
                Blocked::TimedOut => {
                    // Woken at the same moment: there is something to look at.
                    return Ok(self.withdraw(side, waiter));
                }
                Blocked::Interrupted(_) => {
                    if let Err(raised) = interrupt::at_safepoint(cx) {
                        if !self.withdraw(side, waiter) {
                            self.pass_on(side);
                        }
                        return Err(raised);
                    }
                }
            }
        }
        Ok(false)
    }

    /// Leaves the waiters; false if this one was taken out already, to be woken.
    fn withdraw(&self, side: Side, waiter: &Arc<Waiter>) -> bool {
        let mut state = self.state.lock();
        let waiters = state.waiters(side);
        let place = waiters.iter().position(|other| Arc::ptr_eq(other, waiter));
        let taken = place.and_then(|place| waiters.remove(place));
        drop(state);
        taken.is_some()
    }

    fn pass_on(&self, side: Side) {
        let mut state = self.state.lock();
        let waiter = match side {
            Side::Item if !state.items.is_empty() => state.next_waiter(side),
            Side::Room if !state.is_full() => state.next_waiter(side),
            _ => None,
        };
        drop(state);
        wake(waiter);
    }

    /// Keeps others from the items' order while this lives, where items are compared.
    fn begin_sorting(&self, cx: &mut Context) -> Outcome<Option<Sorting<'_>>> {
        if self.order != Order::Priority {
            return Ok(None);
        }
        loop {
            match self.sorting.acquire(&cx.thread, None) {
                Ok(_) => return Ok(Some(Sorting(&self.sorting))),
                Err(LockError::Interrupted(_)) => interrupt::at_safepoint(cx)?,
                Err(LockError::OwnerGone(_)) => {
                    // A fork came in the middle of a comparison: all items are there, one of them
                    // perhaps not in its place.
                    if self.sorting.take_over(&cx.thread) {
                        let sorting = Sorting(&self.sorting);
                        super::heap::restore(cx, self)?;
                        return Ok(Some(sorting));
                    }
                }
            }
        }
    }
}

/// Gives the script's lock back when dropped.
struct Held<'a>(&'a Value);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        lock::release_value(self.0);
    }
}

/// Gives the right to compare items back when dropped.
struct Sorting<'a>(&'a ThreadLock);

impl Drop for Sorting<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}
