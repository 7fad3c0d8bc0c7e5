//! Waiting for a pool: one thread at a time takes answers for all, enters them, and looks after the
//! workers. Must not know what scripts ask of the pool.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::core::{Core, Style, Task, error_value};
use super::job::Job;
use super::protocol::answer;
use super::task_errors::{left, unsendable};
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::modules::concurrent;
use crate::library::modules::multiprocessing::errors::from_arena;
use crate::library::modules::multiprocessing::failure;
use crate::library::modules::multiprocessing::state::processes;
use crate::library::{deadlock, message};
use crate::runtime::blocking::{Outcome as Waited, Reason, ReasonKind, Wait, blocking};
use crate::runtime::child_bell;
use crate::runtime::clock::Deadline;
use crate::runtime::shared_queue::{Message, QueueError};
use crate::runtime::shared_wait::Until;
use crate::value::exception::{Raised, runtime_error};
use crate::value::{Outcome, Value, text};

/// How often the one who waits looks after the workers. Their answers, what they say before an
/// orderly end, and where the program owns the process their deaths wake it at once: only where it
/// does not, sudden deaths are found by looking.
const LOOK: Duration = Duration::from_millis(100);

/// So much memory is kept for the next answer.
const MOST_SPARE: usize = 64 * 1024;

/// What one look at the answers gave.
enum Taken {
    Answer,
    Nothing,
    Stirred,
    Interrupted,
}

/// That the role of the one who collects was given up in silence: told when the thread goes away.
struct OwedAnnouncement<'a> {
    core: &'a Core,
    owed: bool,
}

impl Drop for OwedAnnouncement<'_> {
    fn drop(&mut self) {
        if self.owed {
            self.core.announce();
        }
    }
}

impl Core {
    /// Waits until `ready`; false if the deadline came first.
    ///
    /// # Errors
    /// What an interrupt raises; `MemoryError`, `OSError` when a worker cannot be replaced.
    pub fn wait_until(
        self: &Arc<Core>,
        cx: &mut Context,
        deadline: Option<Deadline>,
        ready: impl Fn() -> bool,
    ) -> Outcome<bool> {
        let waited = self.wait_or_be_interrupted(cx, deadline, ready);
        if let Err(raised) = &waited
            && deadlock::is(raised)
        {
            // The report has said why its tasks come to nothing.
            self.told.store(true, Ordering::SeqCst);
        }
        waited
    }

    fn wait_or_be_interrupted(
        self: &Arc<Core>,
        cx: &mut Context,
        deadline: Option<Deadline>,
        ready: impl Fn() -> bool,
    ) -> Outcome<bool> {
        cx.note_place();
        // Its deadlines are only looks after the workers.
        let _looking = deadline.is_none().then(|| cx.thread.looking());
        let mut owed = OwedAnnouncement {
            core: self,
            owed: false,
        };
        loop {
            if ready() {
                return Ok(true);
            }
            let seen = self.changed.load(Ordering::SeqCst);
            let is_mine = self.shared().is_some() && self.take_role();
            if is_mine && self.under_way.load(Ordering::SeqCst) == 0 {
                // Between the look and the role somebody may have entered it.
                if self.changed.load(Ordering::SeqCst) != seen && ready() {
                    self.give_up_role();
                    return Ok(true);
                }
                let taken = self.take_answer(cx, deadline, seen);
                // Unless it was stirred, that has been announced.
                owed.owed = matches!(taken, Ok(None));
                if taken? == Some(false) && deadline.is_some_and(Deadline::has_passed) {
                    return Ok(ready());
                }
                continue;
            }
            if is_mine {
                // Not announced, or all who wait would look in turn until the answer is entered; but who
                // found the role taken meanwhile relies on this thread, for as long as it is here.
                self.collecting.store(false, Ordering::SeqCst);
                owed.owed = true;
            }
            if ready() {
                return Ok(true);
            }
            match self.wait_for_change(cx, seen, deadline) {
                Waited::Woken => {}
                Waited::TimedOut => return Ok(ready()),
                Waited::Interrupted(_) => interrupt::at_safepoint(cx)?,
            }
        }
    }

    fn wait_for_change(&self, cx: &mut Context, seen: u32, deadline: Option<Deadline>) -> Waited {
        let reason = Reason::new(ReasonKind::Result).about(std::ptr::from_ref(self) as u64);
        let thread = cx.thread.clone();
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let wait = Wait::Word {
            word: &self.changed,
            expected: seen,
            shared: false,
        };
        let waited = blocking(&thread, &reason, deadline, wait);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        waited
    }

    pub(super) fn take_role(&self) -> bool {
        self.collecting
            .compare_exchange(false, true, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    pub(super) fn give_up_role(&self) {
        self.collecting.store(false, Ordering::SeqCst);
        self.announce();
    }

    /// Enters what is there, without waiting.
    ///
    /// # Errors
    /// As [`Core::wait_until`].
    pub fn enter_answers(self: &Arc<Core>, cx: &mut Context) -> Outcome<()> {
        let Some(shared) = self.shared() else {
            return Ok(());
        };
        while !shared.results.is_empty() {
            if !self.take_role() {
                break;
            }
            let seen = self.changed.load(Ordering::SeqCst);
            match self.take_answer(cx, Some(Deadline::now()), seen)? {
                Some(true) => {}
                Some(false) => break,
                None => self.announce(),
            }
        }
        Ok(())
    }

    /// In the role of the one who collects, which is given up: takes one answer and enters it, or
    /// looks after the workers if none comes. Whether there was one; nothing if something else has changed
    /// since `seen`, which is not announced once more.
    fn take_answer(
        self: &Arc<Core>,
        cx: &mut Context,
        deadline: Option<Deadline>,
        seen: u32,
    ) -> Outcome<Option<bool>> {
        // Its memory serves one answer after the other.
        let mut message = std::mem::take(&mut *self.spare.lock());
        let taken = match self.get_answer(cx, &mut message, deadline, seen) {
            Ok(taken) => taken,
            Err(raised) => {
                self.give_up_role();
                return Err(raised);
            }
        };
        match taken {
            Taken::Answer => {
                self.under_way.fetch_add(1, Ordering::SeqCst);
                // While the role is this thread's: who has it next and finds the worker dead would take a
                // task for lost that is still out.
                let answer = self.receive(&message.bytes);
                self.collecting.store(false, Ordering::SeqCst);
                let entered = answer.and_then(|answer| self.enter(cx, answer));
                self.under_way.fetch_sub(1, Ordering::SeqCst);
                if message.bytes.capacity() <= MOST_SPARE {
                    let old = std::mem::replace(&mut *self.spare.lock(), message);
                    drop(old);
                }
                self.announce();
                entered.map(|()| Some(true))
            }
            Taken::Stirred => {
                self.collecting.store(false, Ordering::SeqCst);
                Ok(None)
            }
            Taken::Nothing => {
                let looked = self.look_after_workers(cx);
                self.give_up_role();
                looked.map(|()| Some(false))
            }
            Taken::Interrupted => {
                self.give_up_role();
                interrupt::at_safepoint(cx)?;
                Ok(Some(false))
            }
        }
    }

    fn get_answer(
        &self,
        cx: &mut Context,
        message: &mut Message,
        deadline: Option<Deadline>,
        seen: u32,
    ) -> Outcome<Taken> {
        let Some(shared) = self.shared() else {
            return Ok(Taken::Nothing);
        };
        // Without a look at the clock where there is something.
        match shared.results.get(&cx.thread, message, Until::Now) {
            Ok(()) => return Ok(Taken::Answer),
            Err(QueueError::Empty) => {}
            Err(QueueError::Memory(error)) => return Err(from_arena(error)),
            Err(_) => return Ok(Taken::Nothing),
        }
        let look = Deadline::after(LOOK);
        let end = deadline.map_or(look, |deadline| deadline.min(look));
        let rung = self.rung.load(Ordering::SeqCst);
        let is_stirred = || self.changed.load(Ordering::SeqCst) != seen;
        let until = Until::Deadline(end);
        let stirred = (&self.collector, &is_stirred as &dyn Fn() -> bool);
        let results = &shared.results;
        match results.get_unless_rung(&cx.thread, message, until, rung, stirred) {
            Ok(()) => Ok(Taken::Answer),
            Err(QueueError::Empty) if is_stirred() && child_bell::count() == rung => {
                Ok(Taken::Stirred)
            }
            Err(QueueError::Interrupted(_)) => Ok(Taken::Interrupted),
            Err(QueueError::Memory(error)) => Err(from_arena(error)),
            Err(_) => Ok(Taken::Nothing),
        }
    }

    /// Takes the task that an answer is about off the list of those that are out. Only in the role of the one
    /// who collects.
    pub(super) fn receive<'a>(&self, bytes: &'a [u8]) -> Outcome<Answer<'a>> {
        let Some((body, number, kind)) = split(bytes) else {
            return Err(runtime_error("a worker's answer is damaged"));
        };
        let task = match kind {
            answer::BYE | answer::NOT_READY => None,
            kind => {
                let mut state = self.state.lock();
                if kind != answer::NOT_RUN {
                    state.barren = 0;
                }
                state.out.remove(number)
            }
        };
        Ok(Answer {
            body,
            number,
            kind,
            task,
        })
    }

    /// Enters an answer where it belongs.
    pub(super) fn enter(self: &Arc<Core>, cx: &mut Context, answer: Answer<'_>) -> Outcome<()> {
        let Answer {
            body,
            number,
            kind,
            task,
        } = answer;
        match kind {
            answer::BYE => {
                if let Some(worker) = self.state.lock().workers.get_mut(number as usize) {
                    worker.leaves = true;
                }
                return self.replace(cx, number as usize);
            }
            answer::NOT_READY => {
                let error = match message::decode(cx, body) {
                    Ok(packed) => failure::unpacked(&packed),
                    Err(raised) => raised,
                };
                let error = self.broken_by(&error);
                self.break_with(cx, &error);
                return Ok(());
            }
            answer::NOT_RUN => return self.put_again(cx, task),
            _ => {}
        }
        self.feed_held(cx)?;
        let Some(task) = task else {
            return Ok(());
        };
        match self.answered(cx, &task, body, kind) {
            Ok(value) => task.job.succeed(cx, self, task.part, value),
            Err(raised) => task.job.fail(cx, self, task.part, error_value(&raised)),
        }
        Ok(())
    }

    /// A task that its worker left alone, because it could not tell any more whether it was
    /// cancelled: one that was is not out any more.
    fn put_again(self: &Arc<Core>, cx: &mut Context, task: Option<Task>) -> Outcome<()> {
        let (Some(mut task), Some(shared)) = (task, self.shared()) else {
            return Ok(());
        };
        match task.care.take() {
            Some(care) => {
                let message = care.message.clone();
                task.care = Some(care);
                self.put(cx, shared, message, task)
            }
            None => Ok(()),
        }
    }

    /// What the tasks of a pool fail with whose initializer failed.
    pub(super) fn broken_by(&self, error: &Raised) -> Value {
        match self.style {
            Style::Pool => error_value(error),
            Style::Executor => error_value(&concurrent::broken_by(error)),
        }
    }

    /// The pool is of no use any more: everything that is out fails with this error.
    pub fn break_with(self: &Arc<Core>, cx: &mut Context, error: &Value) {
        let made = Job::of_broken_pool(self, error);
        let (out, held, old, cause) = {
            let mut state = self.state.lock();
            // The initializer fails in each worker: it is one failure, and whoever has seen it once has
            // seen it.
            let cause = match &state.broken {
                Some((_, known)) => known.clone(),
                None => made,
            };
            let old = state.broken.replace((error.clone(), cause.clone()));
            let held = std::mem::take(&mut state.held);
            (state.out.take_all(), held, old, cause)
        };
        // One report is enough, and a pool of an executor makes it where the initializer failed.
        if old.is_none() && self.style == Style::Pool {
            processes(cx).note_failed_job(cause.clone());
        }
        drop(old);
        let held = held.into_iter().map(|held| held.task);
        for task in out.into_iter().chain(held) {
            task.job.fail_with_pool(cx, self, &cause, error);
        }
    }
}

/// What a worker has said.
pub(super) struct Answer<'a> {
    body: &'a [u8],
    /// The task's number, or the worker's place.
    number: u64,
    kind: u8,
    /// The task, if it was still out.
    task: Option<Task>,
}

/// Body, number and kind of an answer.
fn split(bytes: &[u8]) -> Option<(&[u8], u64, u8)> {
    let (kind, rest) = bytes.split_last()?;
    let (body, number) = rest.split_last_chunk::<8>()?;
    Some((body, u64::from_le_bytes(*number), *kind))
}

impl Core {
    fn answered(&self, cx: &mut Context, task: &Task, body: &[u8], kind: u8) -> Outcome<Value> {
        let value = message::decode(cx, body)?;
        match kind {
            answer::VALUE => Ok(value),
            answer::EXIT => Err(left(cx, &task.function, value)?),
            answer::UNSENDABLE => {
                let (shown, reason) = match &value {
                    Value::Tuple(parts) => match parts.items() {
                        [shown, reason] => (shown.clone(), reason.clone()),
                        _ => (Value::None, Value::None),
                    },
                    _ => (Value::None, Value::None),
                };
                let (shown, reason) = (text::to_str(cx, &shown)?, text::repr(cx, &reason)?);
                Err(unsendable(&shown, &reason))
            }
            _ => Err(match self.style {
                Style::Pool => failure::unpacked(&value),
                Style::Executor => {
                    failure::unpacked_with(&value, concurrent::remote_traceback_class())
                }
            }),
        }
    }
}
