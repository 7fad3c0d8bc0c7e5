//! Waiting for a pool: one thread at a time takes answers for all, enters them, and looks after the
//! workers. Must not know what scripts ask of the pool.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::core::{Core, Phase, Task, Worker, answer, error_value};
use super::job::Job;
use super::worker;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::message;
use crate::library::modules::multiprocessing::errors::{errors, from_arena, raise, set_field};
use crate::library::modules::multiprocessing::process::{ProcessObject, code_text, make_own};
use crate::library::modules::multiprocessing::{child, failure};
use crate::runtime::blocking::{Outcome as Waited, Reason, ReasonKind, Wait, blocking};
use crate::runtime::clock::Deadline;
use crate::runtime::shared_queue::{Message, QueueError};
use crate::runtime::shared_wait::Until;
use crate::value::exception::{Raised, runtime_error};
use crate::value::{Outcome, Value, text};

/// How often the one who waits looks after the workers. Their answers, and what they say before an
/// orderly end, wake it at once: only sudden deaths are found by looking.
const LOOK: Duration = Duration::from_millis(100);

/// So many workers may die in a row without having done anything.
const MOST_BARREN: u32 = 20;

/// What one look at the answers gave.
enum Taken {
    Answer,
    Nothing,
    Interrupted,
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
        cx.note_place();
        // Its deadlines are only looks after the workers.
        let _looking = deadline.is_none().then(|| cx.thread.looking());
        loop {
            if ready() {
                return Ok(true);
            }
            let seen = self.changed.load(Ordering::SeqCst);
            let is_mine = self
                .collecting
                .compare_exchange(false, true, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok();
            if is_mine && self.under_way.load(Ordering::SeqCst) == 0 {
                // Between the look and the role somebody may have entered it.
                if ready() {
                    self.give_up_role();
                    return Ok(true);
                }
                if !self.take_answer(cx, deadline)? && deadline.is_some_and(Deadline::has_passed) {
                    return Ok(ready());
                }
                continue;
            }
            if is_mine {
                self.collecting.store(false, Ordering::SeqCst);
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

    fn give_up_role(&self) {
        self.collecting.store(false, Ordering::SeqCst);
        self.announce();
    }

    /// Enters what is there, without waiting.
    ///
    /// # Errors
    /// As [`Core::wait_until`].
    pub fn enter_answers(self: &Arc<Core>, cx: &mut Context) -> Outcome<()> {
        while !self.results.is_empty() {
            let is_mine = self
                .collecting
                .compare_exchange(false, true, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok();
            if !is_mine || !self.take_answer(cx, Some(Deadline::now()))? {
                break;
            }
        }
        Ok(())
    }

    /// In the role of the one who collects, which is given up: takes one answer and enters it, or
    /// looks after the workers if none comes. Whether there was one.
    fn take_answer(
        self: &Arc<Core>,
        cx: &mut Context,
        deadline: Option<Deadline>,
    ) -> Outcome<bool> {
        let mut message = Message::default();
        let taken = match self.get_answer(cx, &mut message, deadline) {
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
                self.announce();
                entered.map(|()| true)
            }
            Taken::Nothing => {
                let looked = self.look_after_workers(cx);
                self.give_up_role();
                looked.map(|()| false)
            }
            Taken::Interrupted => {
                self.give_up_role();
                interrupt::at_safepoint(cx)?;
                Ok(false)
            }
        }
    }

    fn get_answer(
        &self,
        cx: &mut Context,
        message: &mut Message,
        deadline: Option<Deadline>,
    ) -> Outcome<Taken> {
        let look = Deadline::after(LOOK);
        let end = deadline.map_or(look, |deadline| deadline.min(look));
        match self.results.get(&cx.thread, message, Until::Deadline(end)) {
            Ok(()) => Ok(Taken::Answer),
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
                self.break_with(&error_value(&error));
                return Ok(());
            }
            _ => {}
        }
        let task = {
            let mut state = self.state.lock();
            state.barren = 0;
            state.out.remove(&number)
        };
        let Some(task) = task else {
            return Ok(());
        };
        match answered(cx, &task, body, kind) {
            Ok(value) => task.job.succeed(cx, self, task.part, value),
            Err(raised) => task.job.fail(cx, self, task.part, error_value(&raised)),
        }
        Ok(())
    }

    /// The pool is of no use any more: everything that is out fails with this error.
    fn break_with(&self, error: &Value) {
        let (out, old) = {
            let mut state = self.state.lock();
            let old = state.broken.replace(error.clone());
            (std::mem::take(&mut state.out), old)
        };
        drop(old);
        for task in out.into_values() {
            task.job.give_up(self, error);
        }
    }

    /// Deals with workers that have died, and starts others in their places.
    ///
    /// # Errors
    /// `OSError` when no process is to be had.
    pub fn look_after_workers(self: &Arc<Core>, cx: &mut Context) -> Outcome<()> {
        let workers = self.state.lock().workers.clone();
        for (place, worker) in workers.iter().enumerate() {
            if !worker.gone && !worker.child.is_alive() {
                self.bury(cx, place, worker)?;
            }
        }
        Ok(())
    }

    fn bury(self: &Arc<Core>, cx: &mut Context, place: usize, worker: &Worker) -> Outcome<()> {
        // What it still said comes first.
        let mut message = Message::default();
        while self
            .results
            .get(&cx.thread, &mut message, Until::Now)
            .is_ok()
        {
            let bytes = std::mem::take(&mut message.bytes);
            self.enter(cx, &bytes)?;
        }
        let code = worker.child.exit_code().unwrap_or(0);
        let lost = {
            let mut state = self.state.lock();
            match state.workers.get_mut(place) {
                Some(known) if known.child == worker.child && !known.gone => known.gone = true,
                // Another thread has dealt with it.
                _ => return Ok(()),
            }
            self.lost_task(&mut state, place)
        };
        match lost {
            Some(task) => {
                let error = died(worker, code, &task);
                let error = error_value(&error);
                task.job.fail(cx, self, task.part, error);
            }
            None if code != 0 && !worker.leaves => {
                let barren = {
                    let mut state = self.state.lock();
                    state.barren += 1;
                    state.barren
                };
                if barren > MOST_BARREN {
                    let error = raise(
                        &errors().worker_died,
                        Some(format!(
                            "the workers of a pool die before they do anything, the last by {}",
                            how(code)
                        )),
                    );
                    self.break_with(&error_value(&error));
                }
            }
            None => {}
        }
        self.replace(cx, place)
    }

    /// The task that a dead worker took with it.
    fn lost_task(&self, state: &mut super::core::State, place: usize) -> Option<Task> {
        let number = self.note(place)?.load(Ordering::Acquire);
        if number == 0 || number > self.tasks.taken() || !state.out.contains_key(&number) {
            return None;
        }
        let elsewhere = (0..self.size).filter(|&other| other != place).any(|other| {
            let noted = self.note(other).map(|note| note.load(Ordering::Acquire));
            noted == Some(number) && state.workers.get(other).is_some_and(|worker| !worker.gone)
        });
        match elsewhere {
            true => None,
            false => state.out.remove(&number),
        }
    }

    /// Starts a worker in the place of one that is gone or going, if there is still work for it.
    fn replace(self: &Arc<Core>, cx: &mut Context, place: usize) -> Outcome<()> {
        let wanted = {
            let state = self.state.lock();
            let has_work = state.phase == Phase::Run
                || state.phase == Phase::Close
                    && !(state.out.is_empty() && state.streams.is_empty());
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
        let object = make_own(cx, |number| format!("ForkPoolWorker-{number}"))?;
        if let Some(note) = self.note(place) {
            note.store(0, Ordering::Release);
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
    pub fn abandon_tasks(&self, error: &Value) {
        let (out, streams) = {
            let mut state = self.state.lock();
            (
                std::mem::take(&mut state.out),
                std::mem::take(&mut state.streams),
            )
        };
        for task in out.into_values() {
            task.job.give_up(self, error);
        }
        for job in streams {
            job.give_up(self, error);
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

fn answered(cx: &mut Context, task: &Task, body: &[u8], kind: u8) -> Outcome<Value> {
    let value = message::decode(cx, body)?;
    match kind {
        answer::VALUE => Ok(value),
        answer::EXIT => {
            let raised = raise(
                &errors().task_exit,
                Some(format!(
                    "{} called sys.exit({})",
                    task_text(task),
                    text::repr(cx, &value)?
                )),
            );
            set_field(&raised, "code", value);
            Err(raised)
        }
        answer::UNSENDABLE => {
            let (shown, reason) = match &value {
                Value::Tuple(parts) => match parts.items() {
                    [shown, reason] => (shown.clone(), reason.clone()),
                    _ => (Value::None, Value::None),
                },
                _ => (Value::None, Value::None),
            };
            let (shown, reason) = (text::to_str(cx, &shown)?, text::repr(cx, &reason)?);
            Err(raise(
                &errors().maybe_encoding,
                Some(format!("Error sending result: '{shown}'. Reason: {reason}")),
            ))
        }
        _ => Err(failure::unpacked(&value)),
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

fn died(worker: &Worker, code: i32, task: &Task) -> Raised {
    let what = task_text(task);
    let pid = worker.child.pid();
    let raised = raise(
        &errors().worker_died,
        Some(format!(
            "worker {} (pid {pid}) died by {} while it ran {what}",
            worker.name,
            how(code)
        )),
    );
    set_field(&raised, "pid", Value::Int(pid.into()));
    set_field(&raised, "exitcode", Value::Int(code.into()));
    let signal = match code {
        0.. => Value::None,
        _ => Value::Int((-code).into()),
    };
    set_field(&raised, "signal", signal);
    set_field(&raised, "task", task.function.clone());
    raised
}
