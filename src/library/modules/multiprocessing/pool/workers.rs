//! The workers of a pool: those that have died and what was lost with them, and others in their places. It must not
//! know how answers are read.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::core::{Core, Phase, Shared, State, Style, Task, Worker, error_value};
use super::task_errors::{died, how, took_too_long};
use super::worker;
use crate::eval::context::Context;
use crate::library::modules::multiprocessing::child;
use crate::library::modules::multiprocessing::errors::{errors, raise};
use crate::library::modules::multiprocessing::process::{ProcessObject, make_own};
use crate::runtime::child_bell;
use crate::runtime::clock::Deadline;
use crate::runtime::shared_queue::Message;
use crate::runtime::shared_wait::Until;
use crate::value::Outcome;

/// So many workers may die in a row before they take tasks: of those that end by themselves each
/// counts ten times. Others are killed from outside, which says little about the next one.
const MOST_BARREN: u32 = 200;

impl Core {
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
            let answer = self.receive(&bytes)?;
            self.enter(cx, answer)?;
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
    pub(super) fn replace(self: &Arc<Core>, cx: &mut Context, place: usize) -> Outcome<()> {
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
