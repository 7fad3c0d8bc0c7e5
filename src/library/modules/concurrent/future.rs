//! `concurrent.futures.Future`: the states of a task, who waits for it, what it came to. It must not
//! know who runs it; where a worker process does, a [`Source`] says how to get on with it.

mod methods;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

pub use self::methods::{class, deadline};
use super::errors::{errors, raise, timed_out};
use super::failures::{self, Failure};
use super::log;
use super::waiting::Waiter;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::native_object;
use crate::runtime::blocking::{Outcome as Waited, Reason, ReasonKind, Wait, blocking};
use crate::runtime::clock::Deadline;
use crate::runtime::futex;
use crate::value::exception::{ExceptionKind, Raised};
use crate::value::instance::NativeData;
use crate::value::lock::Guarded;
use crate::value::{Outcome, Value, text};

/// How far a future has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Not begun.
    Pending,
    /// Begun.
    Running,
    /// Cancelled, which nobody who waits for several has been told yet.
    Cancelled,
    /// Cancelled, and told.
    CancelledAndNotified,
    /// Has a value or an error.
    Finished,
}

impl Phase {
    /// As error messages have it.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Pending => "PENDING",
            Phase::Running => "RUNNING",
            Phase::Cancelled => "CANCELLED",
            Phase::CancelledAndNotified => "CANCELLED_AND_NOTIFIED",
            Phase::Finished => "FINISHED",
        }
    }

    fn shown(self) -> &'static str {
        match self {
            Phase::Pending => "pending",
            Phase::Running => "running",
            Phase::Cancelled | Phase::CancelledAndNotified => "cancelled",
            Phase::Finished => "finished",
        }
    }

    /// Whether nothing more becomes of it.
    pub fn is_over(self) -> bool {
        !matches!(self, Phase::Pending | Phase::Running)
    }

    fn is_cancelled(self) -> bool {
        matches!(self, Phase::Cancelled | Phase::CancelledAndNotified)
    }
}

/// Who runs a future's task in another process, and has to be asked for what becomes of it.
pub trait Source: Send + Sync {
    /// Waits until `ready`; false if the deadline came first.
    ///
    /// # Errors
    /// What an interrupt raises.
    fn wait(
        &self,
        cx: &mut Context,
        deadline: Option<Deadline>,
        ready: &dyn Fn() -> bool,
    ) -> Outcome<bool>;

    /// Enters what has come, without waiting.
    ///
    /// # Errors
    /// What an interrupt raises.
    fn look(&self, cx: &mut Context) -> Outcome<()>;

    /// Tells those in [`Source::wait`] to look again.
    fn announce(&self);

    /// From now on somebody enters what comes, though nobody waits.
    ///
    /// # Errors
    /// That no thread is to be had.
    fn run_by_itself(&self, cx: &mut Context) -> Outcome<()>;

    /// Whether the task has been begun.
    fn has_begun(&self) -> bool;

    /// Takes the task back; false if it has been begun.
    fn take_back(&self) -> bool;

    /// Whose it is: two of the same are waited for together.
    fn identity(&self) -> usize;
}

/// What a future carries.
pub struct FutureObject {
    state: Guarded<State>,
    /// 1 once it is over.
    over: AtomicU32,
    /// How many threads wait for that.
    sleepers: AtomicU32,
    source: OnceLock<Arc<dyn Source>>,
}

struct State {
    phase: Phase,
    value: Value,
    error: Value,
    callbacks: Vec<Value>,
    waiters: Vec<Arc<Waiter>>,
    failure: Option<Arc<Failure>>,
    disregarded: bool,
}

impl NativeData for FutureObject {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        let state = self.state.lock();
        visit(&state.value);
        visit(&state.error);
        state.callbacks.iter().for_each(visit);
    }

    fn clear(&self) {
        let mut state = self.state.lock();
        let old = (
            state.value.take(),
            state.error.take(),
            std::mem::take(&mut state.callbacks),
        );
        drop(state);
        drop(old);
    }
}

/// A new future.
pub fn new() -> Value {
    native_object::instance(class(), FutureObject::new())
}

/// What a value carries, if it is a future.
pub fn of(value: &Value) -> Option<&FutureObject> {
    value.as_instance()?.native()
}

impl FutureObject {
    fn new() -> Self {
        FutureObject {
            state: Guarded::new(State {
                phase: Phase::Pending,
                value: Value::None,
                error: Value::None,
                callbacks: Vec::new(),
                waiters: Vec::new(),
                failure: None,
                disregarded: false,
            }),
            over: AtomicU32::new(0),
            sleepers: AtomicU32::new(0),
            source: OnceLock::new(),
        }
    }

    /// Its task runs elsewhere.
    pub fn set_source(&self, source: Arc<dyn Source>) {
        // Whoever makes a future sets it once.
        let _ = self.source.set(source);
    }

    /// Who runs its task elsewhere.
    pub fn source(&self) -> Option<&Arc<dyn Source>> {
        self.source.get()
    }

    /// How far it has come, without looking elsewhere.
    pub fn known_phase(&self) -> Phase {
        self.state.lock().phase
    }

    /// How far it has come.
    ///
    /// # Errors
    /// What an interrupt raises.
    pub fn phase(&self, cx: &mut Context) -> Outcome<Phase> {
        let phase = self.known_phase();
        if phase.is_over() {
            return Ok(phase);
        }
        let Some(source) = self.source.get() else {
            return Ok(phase);
        };
        source.look(cx)?;
        Ok(match self.known_phase() {
            Phase::Pending if source.has_begun() => Phase::Running,
            phase => phase,
        })
    }

    /// Whether nothing more becomes of it.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire) != 0
    }

    /// Whether it failed. Somebody looks.
    pub fn has_failed(&self) -> bool {
        self.observe();
        !self.state.lock().error.is_none()
    }

    /// Somebody has looked at what it came to.
    pub fn observe(&self) {
        let failure = self.state.lock().failure.clone();
        if let Some(failure) = failure {
            failure.observe();
        }
    }

    /// Nobody will look, and need not: its error is not to be shown.
    pub fn disregard(&self) {
        let mut state = self.state.lock();
        state.disregarded = true;
        let failure = state.failure.clone();
        drop(state);
        if let Some(failure) = failure {
            failure.observe();
        }
    }

    /// Adds one who waits for several, unless it is over for such; whether it was added.
    pub fn add_waiter(&self, waiter: &Arc<Waiter>) -> bool {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::CancelledAndNotified | Phase::Finished) {
            return false;
        }
        state.waiters.push(waiter.clone());
        true
    }

    /// Takes one who waits for several out again.
    pub fn remove_waiter(&self, waiter: &Arc<Waiter>) {
        let mut state = self.state.lock();
        let place = state
            .waiters
            .iter()
            .position(|known| Arc::ptr_eq(known, waiter));
        let removed = place.map(|place| state.waiters.swap_remove(place));
        drop(state);
        drop(removed);
    }

    /// Whether those who wait for several have been told that it is over.
    pub fn is_told(&self) -> bool {
        matches!(
            self.known_phase(),
            Phase::CancelledAndNotified | Phase::Finished
        )
    }

    fn wake(&self) {
        self.over.store(1, Ordering::SeqCst);
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            futex::wake_all(&self.over, false);
        }
        if let Some(source) = self.source() {
            source.announce();
        }
    }

    /// Marks it as begun; false if it was cancelled, which those who wait are told now.
    ///
    /// # Errors
    /// How far it has come, when it was begun before.
    pub fn begin(&self, own: &Value) -> Result<bool, Phase> {
        let mut state = self.state.lock();
        match state.phase {
            Phase::Pending => {
                state.phase = Phase::Running;
                Ok(true)
            }
            Phase::Cancelled => {
                state.phase = Phase::CancelledAndNotified;
                let waiters = std::mem::take(&mut state.waiters);
                drop(state);
                for waiter in &waiters {
                    waiter.tell(own, false);
                }
                Ok(false)
            }
            phase => Err(phase),
        }
    }

    /// Cancels it without running anything: false if it cannot be any more. The callbacks are the
    /// caller's to run.
    fn cancel_quietly(&self) -> Result<Vec<Value>, bool> {
        let mut state = self.state.lock();
        match state.phase {
            Phase::Pending => {
                state.phase = Phase::Cancelled;
                let callbacks = std::mem::take(&mut state.callbacks);
                drop(state);
                self.wake();
                Ok(callbacks)
            }
            phase => Err(phase.is_cancelled()),
        }
    }

    /// Cancels a future that no script has seen: it has no callbacks.
    pub fn cancel_unseen(&self, own: &Value) {
        if let Some(source) = self.source.get()
            && !(self.known_phase() == Phase::Pending && source.take_back())
        {
            return;
        }
        if self.cancel_quietly().is_ok() && self.source.get().is_some() {
            // No worker comes across it to tell those who wait. That it was pending is known.
            let _ = self.begin(own);
        }
    }

    /// Cancels it: false if it has been begun or is finished.
    ///
    /// # Errors
    /// A stop.
    pub fn cancel(&self, cx: &mut Context, own: &Value) -> Outcome<bool> {
        if let Some(source) = self.source.get()
            && self.known_phase() == Phase::Pending
            && !source.take_back()
        {
            return Ok(false);
        }
        let callbacks = match self.cancel_quietly() {
            Ok(callbacks) => callbacks,
            Err(was_cancelled) => return Ok(was_cancelled),
        };
        if self.source.get().is_some() {
            let _ = self.begin(own);
        }
        run_callbacks(cx, own, callbacks)?;
        Ok(true)
    }

    /// Ends it with a value or an error, and gives the callbacks, which are the caller's to run;
    /// `None` if it had ended.
    pub fn finish(&self, own: &Value, value: Value, error: Value) -> Option<Vec<Value>> {
        let mut state = self.state.lock();
        if state.phase.is_over() {
            return None;
        }
        state.phase = Phase::Finished;
        let failed = !error.is_none();
        let old = (
            std::mem::replace(&mut state.value, value),
            std::mem::replace(&mut state.error, error),
        );
        let waiters = std::mem::take(&mut state.waiters);
        let callbacks = std::mem::take(&mut state.callbacks);
        drop(state);
        drop(old);
        for waiter in &waiters {
            waiter.tell(own, failed);
        }
        self.wake();
        Some(callbacks)
    }

    /// Whether somebody wants to be called when it is over.
    pub fn has_callbacks(&self) -> bool {
        !self.state.lock().callbacks.is_empty()
    }

    /// What an executor does with what came of a task: an error that nobody will have looked at is
    /// shown in the end.
    ///
    /// # Errors
    /// A stop.
    pub fn settle(
        &self,
        cx: &mut Context,
        own: &Value,
        outcome: Result<Value, Value>,
        task: impl FnOnce() -> String,
    ) -> Outcome<()> {
        let (value, error) = match outcome {
            Ok(value) => (value, Value::None),
            Err(error) => (Value::None, error),
        };
        if !error.is_none() {
            let failure = failures::note(cx, task(), error.clone());
            let mut state = self.state.lock();
            let disregarded = state.disregarded;
            let old = state.failure.replace(failure.clone());
            drop(state);
            drop(old);
            if disregarded {
                failure.observe();
            }
        }
        match self.finish(own, value, error) {
            Some(callbacks) => run_callbacks(cx, own, callbacks),
            None => Ok(()),
        }
    }

    /// Waits until it is over; false if the deadline came first.
    ///
    /// # Errors
    /// What an interrupt raises.
    pub fn wait(&self, cx: &mut Context, deadline: Option<Deadline>) -> Outcome<bool> {
        if self.is_over() {
            return Ok(true);
        }
        if let Some(source) = self.source() {
            return source.wait(cx, deadline, &|| self.is_over());
        }
        cx.note_place();
        let reason =
            Reason::new(ReasonKind::Result).about(std::ptr::from_ref(self) as usize as u64);
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        let result = loop {
            if self.is_over() {
                break Ok(true);
            }
            let wait = Wait::Word {
                word: &self.over,
                expected: 0,
                shared: false,
            };
            match blocking(&cx.thread, &reason, deadline, wait) {
                Waited::Woken => {}
                Waited::TimedOut => break Ok(self.is_over()),
                Waited::Interrupted(_) => {
                    if let Err(raised) = interrupt::at_safepoint(cx) {
                        break Err(raised);
                    }
                }
            }
        };
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
        result
    }

    /// What it came to, once it is over.
    fn outcome(&self) -> Outcome<Result<Value, Value>> {
        self.observe();
        let state = self.state.lock();
        let (phase, value, error) = (state.phase, state.value.clone(), state.error.clone());
        drop(state);
        if phase.is_cancelled() {
            return Err(raise(&errors().cancelled, ""));
        }
        Ok(match error {
            Value::None => Ok(value),
            error => Err(error),
        })
    }

    /// Waits for what it comes to, and gives it.
    ///
    /// # Errors
    /// What the task raised; `CancelledError`, `TimeoutError`, what an interrupt raises.
    pub fn result(&self, cx: &mut Context, deadline: Option<Deadline>) -> Outcome<Value> {
        if !self.wait(cx, deadline)? {
            return Err(timed_out(""));
        }
        match self.outcome()? {
            Ok(value) => Ok(value),
            Err(Value::Instance(error)) if error.exception().is_some() => {
                Err(Raised::instance(error))
            }
            Err(_) => Err(crate::value::exception::type_error(
                "exceptions must derive from BaseException",
            )),
        }
    }
}

/// Calls what was to be called when a future is over. An error there concerns nobody who waits.
///
/// # Errors
/// A stop.
pub fn run_callbacks(cx: &mut Context, own: &Value, callbacks: Vec<Value>) -> Outcome<()> {
    for callback in callbacks {
        run_callback(cx, own, &callback)?;
    }
    Ok(())
}

fn run_callback(cx: &mut Context, own: &Value, callback: &Value) -> Outcome<()> {
    let Err(raised) = cx.call(callback, std::slice::from_ref(own)) else {
        return Ok(());
    };
    if !raised.is(ExceptionKind::Exception) {
        return Err(raised);
    }
    let shown = text::repr(cx, own)?;
    log::exception(
        cx,
        "error",
        &format!("exception calling callback for {shown}"),
        &raised,
    )
}
