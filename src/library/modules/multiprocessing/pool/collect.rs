//! Waiting for a pool: one thread at a time takes answers for all, enters them, and looks after the
//! workers. Must not know what scripts ask of the pool.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::core::{Core, Phase, Shared, State, Style, Task, Worker, answer, error_value};
use super::job::Job;
use super::worker;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::modules::concurrent;
use crate::library::modules::multiprocessing::errors::{errors, from_arena, raise, set_field};
use crate::library::modules::multiprocessing::process::{ProcessObject, code_text, make_own};
use crate::library::modules::multiprocessing::state::processes;
use crate::library::modules::multiprocessing::{child, failure};
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

/// So many workers may die in a row before they take tasks: of those that end by themselves each
/// counts ten times. Others are killed from outside, which says little about the next one.
const MOST_BARREN: u32 = 200;

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

    fn take_role(&self) -> bool {
        self.collecting
            .compare_exchange(false, true, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    fn give_up_role(&self) {
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
                self.collecting.store(false, Ordering::SeqCst);
                let entered = self.enter(cx, &message.bytes);
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

    /// Enters an answer where it belongs.
    fn enter(self: &Arc<Core>, cx: &mut Context, bytes: &[u8]) -> Outcome<()> {
        let Some((body, number, kind)) = split(bytes) else {
            return Err(runtime_error("a worker's answer is damaged"));
        };
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
            answer::NOT_RUN => return self.put_again(cx, number),
            _ => {}
        }
        let task = {
            let mut state = self.state.lock();
            state.barren = 0;
            state.out.remove(number)
        };
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
    fn put_again(self: &Arc<Core>, cx: &mut Context, number: u64) -> Outcome<()> {
        let task = self.state.lock().out.remove(number);
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
    fn broken_by(&self, error: &Raised) -> Value {
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

    /// Deals with workers that have died, and starts others in their places.
    ///
    /// # Errors
    /// `OSError` when no process is to be had.
    pub fn look_after_workers(self: &Arc<Core>, cx: &mut Context) -> Outcome<()> {
        // Before the look: who ends after it rings again.
        self.rung.store(child_bell::count(), Ordering::SeqCst);
        // Cloned only when there is something to bury: this is looked at often.
        let workers = {
            let state = self.state.lock();
            let ended = |worker: &Worker| !worker.gone && !worker.child.is_alive();
            match state.workers.iter().any(ended) {
                true => state.workers.clone(),
                false => return Ok(()),
            }
        };
        for (place, worker) in workers.iter().enumerate() {
            if !worker.gone && !worker.child.is_alive() {
                self.bury(cx, place, worker)?;
            }
        }
        Ok(())
    }

    /// The same unless another thread is about to: for one that waits for nothing.
    ///
    /// # Errors
    /// As [`Core::look_after_workers`].
    pub fn look_after_idle(self: &Arc<Core>, cx: &mut Context) -> Outcome<()> {
        // Those of a pool that is being terminated die because they are told to.
        let is_over = self.state.lock().phase == Phase::Terminate;
        if is_over || self.shared().is_none() || !self.take_role() {
            return Ok(());
        }
        let looked = self.look_after_workers(cx);
        self.give_up_role();
        looked
    }

    fn bury(self: &Arc<Core>, cx: &mut Context, place: usize, worker: &Worker) -> Outcome<()> {
        // What it still said comes first.
        let Some(shared) = self.shared() else {
            return Ok(());
        };
        let mut message = Message::default();
        while shared
            .results
            .get(&cx.thread, &mut message, Until::Now)
            .is_ok()
        {
            let bytes = std::mem::take(&mut message.bytes);
            self.enter(cx, &bytes)?;
        }
        let code = worker.child.exit_code().unwrap_or(0);
        let late = shared.limit(place).is_some_and(|limit| {
            let limit = limit.load(Ordering::Acquire);
            limit != 0 && code == -libc::SIGKILL && Deadline::from_nanoseconds(limit).has_passed()
        });
        let was_ready = shared
            .ready(place)
            .is_some_and(|ready| ready.load(Ordering::Acquire) != 0);
        let lost = {
            let mut state = self.state.lock();
            match state.workers.get_mut(place) {
                Some(known) if known.child == worker.child && !known.gone => known.gone = true,
                // Another thread has dealt with it.
                _ => return Ok(()),
            }
            lost_task(shared, self.size, &mut state, place)
        };
        match lost {
            Some(task) => self.lose(cx, shared, worker, code, task, late)?,
            None if was_ready => self.state.lock().barren = 0,
            None if code != 0 && !worker.leaves => {
                let barren = {
                    let mut state = self.state.lock();
                    state.barren += match -code {
                        libc::SIGKILL | libc::SIGTERM => 1,
                        _ => 10,
                    };
                    state.barren
                };
                if barren > MOST_BARREN {
                    let error = raise(
                        &errors().worker_died,
                        Some(format!(
                            "the workers of a pool die before they take a task, the last by {}",
                            how(code)
                        )),
                    );
                    let error = self.broken_by(&error);
                    self.break_with(cx, &error);
                }
            }
            None => {}
        }
        self.replace(cx, place)
    }

    /// A worker died with a task, which is run again if that was asked for.
    fn lose(
        self: &Arc<Core>,
        cx: &mut Context,
        shared: &Shared,
        worker: &Worker,
        code: i32,
        mut task: Task,
        late: bool,
    ) -> Outcome<()> {
        if let Some(care) = &mut task.care
            && let Some(left) = care.retries.checked_sub(1)
        {
            care.retries = left;
            let message = care.message.clone();
            let put = self.put(cx, shared, message, task);
            self.drain_if_closed();
            return put;
        }
        let limit = task.care.as_ref().and_then(|care| care.limit);
        let error = match limit {
            Some(limit) if late => took_too_long(worker, &task, limit),
            _ => died(self.style, worker, code, &task),
        };
        if task.care.is_some() {
            self.drain_if_closed();
        }
        task.job.fail(cx, self, task.part, error_value(&error));
        Ok(())
    }

    /// Starts a worker in the place of one that is gone or going, if there is still work for it.
    fn replace(self: &Arc<Core>, cx: &mut Context, place: usize) -> Outcome<()> {
        let wanted = {
            let state = self.state.lock();
            let has_work = match state.phase {
                Phase::Run => true,
                // Nothing more comes: workers go when they find no task, and are not missed.
                Phase::Close if state.drained => {
                    self.shared().is_some_and(|shared| !shared.tasks.is_empty())
                }
                Phase::Close => {
                    !(state.out.is_empty() && state.held.is_empty() && state.streams.is_empty())
                }
                Phase::Terminate => false,
            };
            let vacant = state
                .workers
                .get(place)
                .is_some_and(|worker| worker.leaves || worker.gone);
            has_work && vacant && state.broken.is_none()
        };
        if wanted {
            self.start_worker(cx, place)?;
        }
        Ok(())
    }

    /// Starts the worker at a place.
    ///
    /// # Errors
    /// `OSError` when no process is to be had.
    pub fn start_worker(self: &Arc<Core>, cx: &mut Context, place: usize) -> Outcome<()> {
        let prefix = self.method.prefix();
        let object = match self.style {
            Style::Pool => make_own(cx, self.method, |number| {
                format!("{prefix}PoolWorker-{number}")
            })?,
            Style::Executor => make_own(cx, self.method, |number| {
                format!("{prefix}Process-{number}")
            })?,
        };
        if let Some(shared) = self.shared() {
            for word in [shared.note(place), shared.limit(place), shared.ready(place)]
                .into_iter()
                .flatten()
            {
                word.store(0, Ordering::Release);
            }
        }
        let core = self.clone();
        child::start(cx, &object, None, move |cx, object| {
            worker::work(cx, object, &core, place)
        })?;
        let Some(process) = ProcessObject::of(&object) else {
            return Ok(());
        };
        let Some(child) = process.child() else {
            return Ok(());
        };
        let worker = Worker {
            child,
            name: process.name().into(),
            leaves: false,
            gone: false,
        };
        let mut state = self.state.lock();
        let old = match state.workers.get_mut(place) {
            Some(known) => Some(std::mem::replace(known, worker)),
            None => {
                state.workers.push(worker);
                None
            }
        };
        drop(state);
        drop(old);
        Ok(())
    }

    /// Everything that is out fails: the pool was ended.
    pub fn abandon_tasks(self: &Arc<Core>, cx: &mut Context, error: &Value) {
        let (out, held, streams) = {
            let mut state = self.state.lock();
            (
                state.out.take_all(),
                std::mem::take(&mut state.held),
                std::mem::take(&mut state.streams),
            )
        };
        let held = held.into_iter().map(|held| held.task);
        for task in out.into_iter().chain(held) {
            task.job.give_up(cx, self, error);
        }
        for job in streams {
            job.give_up(cx, self, error);
        }
    }

    /// A lazy map whose input is exhausted, or that nobody wants any more.
    pub fn end_stream(&self, job: &Arc<Job>) {
        let removed = {
            let mut state = self.state.lock();
            let place = state
                .streams
                .iter()
                .position(|known| Arc::ptr_eq(known, job));
            place.map(|place| state.streams.remove(place))
        };
        drop(removed);
        self.drain_if_closed();
    }
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

/// The error of a task whose result cannot travel: the result and the reason in words.
pub fn unsendable(shown: &str, reason: &str) -> Raised {
    raise(
        &errors().maybe_encoding,
        Some(format!("Error sending result: '{shown}'. Reason: {reason}")),
    )
}

/// The error of a call of this function that called `sys.exit` with this value.
///
/// # Errors
/// What showing the value raises.
pub fn left(cx: &mut Context, function: &Value, value: Value) -> Outcome<Raised> {
    let raised = raise(
        &errors().task_exit,
        Some(format!(
            "`{}` called sys.exit({})",
            super::function_name(function),
            text::repr(cx, &value)?
        )),
    );
    set_field(&raised, "code", value);
    Ok(raised)
}

/// The task that a dead worker took with it.
fn lost_task(shared: &Shared, size: usize, state: &mut State, place: usize) -> Option<Task> {
    let number = shared.note(place)?.load(Ordering::Acquire);
    if number == 0 || number > shared.tasks.taken() || !state.out.contains(number) {
        return None;
    }
    let elsewhere = (0..size).filter(|&other| other != place).any(|other| {
        let noted = shared.note(other).map(|note| note.load(Ordering::Acquire));
        noted == Some(number) && state.workers.get(other).is_some_and(|worker| !worker.gone)
    });
    match elsewhere {
        true => None,
        false => state.out.remove(number),
    }
}

/// What a task is called in messages.
fn task_text(task: &Task) -> String {
    format!("`{}`", super::function_name(&task.function))
}

/// How a process ended, in words.
fn how(code: i32) -> String {
    match code {
        0.. => format!("exit code {code}"),
        _ => format!("signal {}", code_text(code).trim_start_matches('-')),
    }
}

fn died(style: Style, worker: &Worker, code: i32, task: &Task) -> Raised {
    let what = task_text(task);
    let pid = worker.child.pid();
    let class = match style {
        Style::Pool => &errors().worker_died,
        Style::Executor => concurrent::worker_died_class(),
    };
    let raised = raise(
        class,
        Some(format!(
            "worker {} (pid {pid}) died by {} while it ran {what}",
            worker.name,
            how(code)
        )),
    );
    set_field(&raised, "exitcode", Value::Int(code.into()));
    let signal = match code {
        0.. => Value::None,
        _ => Value::Int((-code).into()),
    };
    set_field(&raised, "signal", signal);
    describe(&raised, worker, task);
    raised
}

fn took_too_long(worker: &Worker, task: &Task, limit: f64) -> Raised {
    let raised = raise(
        &errors().task_timeout,
        Some(format!(
            "{} took longer than {} seconds; worker {} (pid {}) was killed",
            task_text(task),
            crate::value::number_repr::float_repr(limit),
            worker.name,
            worker.child.pid()
        )),
    );
    describe(&raised, worker, task);
    raised
}

fn describe(raised: &Raised, worker: &Worker, task: &Task) {
    set_field(raised, "pid", Value::Int(worker.child.pid().into()));
    set_field(raised, "task", task.function.clone());
}
