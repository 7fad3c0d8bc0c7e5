//! What a pool has still to do: asked for, told, taken back. It must not know how tasks reach the workers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::core::{Core, Held, Phase, Style};
use super::job::Job;
use super::protocol::claim;
use crate::eval::context::Context;
use crate::eval::place;
use crate::runtime::report;
use crate::value::Value;

impl Core {
    /// Whether nothing is out any more.
    pub fn is_idle(&self) -> bool {
        let state = self.state.lock();
        state.out.is_empty() && state.held.is_empty() && state.streams.is_empty()
    }

    /// Says once, when the pool or the program is over, which tasks were left undone although nobody ended the pool.
    pub fn tell_undone(&self) {
        let out: Vec<_> = {
            let state = self.state.lock();
            if self.style == Style::Executor || state.phase == Phase::Terminate {
                return;
            }
            let out = state.out.iter();
            out.map(|task| (task.job.clone(), task.function.clone()))
                .collect()
        };
        // Of a lazy map that was asked and then left, the rest was left on purpose.
        let out = out.into_iter().filter(|(job, _)| !job.was_asked());
        let mut functions: Vec<Value> = out.map(|(_, function)| function).collect();
        if functions.is_empty() {
            functions.extend(self.unasked_streams().iter().map(|job| job.work().0));
        }
        if functions.is_empty() || self.told.swap(true, Ordering::SeqCst) {
            return;
        }
        let made = match place::find(self.place) {
            Some(place) => format!(" made at {}:{}", place.file(), place.line),
            None => String::new(),
        };
        report::warn(&format!(
            "the pool{made} was left with tasks undone: {}; close() and join() wait for them",
            super::ending::named(&functions)
        ));
    }

    /// Whether no task is out; lazy maps may have input left.
    pub fn has_nothing_out(&self) -> bool {
        let state = self.state.lock();
        state.out.is_empty() && state.held.is_empty()
    }

    /// Whether a lazy map's input is not exhausted.
    pub fn reads(&self, job: &Arc<Job>) -> bool {
        let state = self.state.lock();
        state.streams.iter().any(|known| Arc::ptr_eq(known, job))
    }

    /// What the tasks call that are out.
    pub fn handed_out(&self) -> Vec<Value> {
        let state = self.state.lock();
        state.out.iter().map(|task| task.function.clone()).collect()
    }

    /// The lazy maps whose input is not exhausted and that nobody has asked for anything: all of it was
    /// handed over. Of one that was asked and then left, the rest was not.
    pub fn unasked_streams(&self) -> Vec<Arc<Job>> {
        let streams = self.state.lock().streams.clone();
        streams.into_iter().filter(|job| !job.was_asked()).collect()
    }

    /// Of an executor: whether calls wait for room in the queue.
    pub fn has_held(&self) -> bool {
        !self.state.lock().held.is_empty()
    }

    /// Of an executor: the futures of what is not done.
    pub fn futures(&self) -> Vec<Value> {
        let state = self.state.lock();
        let held = state.held.iter().map(|held| &held.task);
        state
            .out
            .iter()
            .chain(held)
            .filter_map(|task| task.job.future().cloned())
            .collect()
    }

    /// Of an executor: whether a worker has begun with a call.
    pub fn has_begun(&self, job: &Job) -> bool {
        let number = job.number();
        let word = self.shared().and_then(|shared| shared.claim(number));
        // A word that serves a later task: this one was begun long ago.
        number != 0
            && word.is_some_and(|word| word.load(Ordering::Acquire) != number << 2 | claim::OPEN)
    }

    /// Of an executor: takes a call back that no worker has begun with; whether that worked.
    pub fn take_back(&self, job: &Arc<Job>) -> bool {
        if self.check_owner().is_err() {
            return false;
        }
        let number = job.number();
        let task = {
            let mut state = self.state.lock();
            if number == 0 {
                let is_it = |held: &Held| Arc::ptr_eq(&held.task.job, job);
                let place = state.held.iter().position(is_it);
                place
                    .and_then(|place| state.held.remove(place))
                    .map(|held| held.task)
            } else {
                let word = self.shared().and_then(|shared| shared.claim(number));
                let changed = word.is_some_and(|word| {
                    word.compare_exchange(
                        number << 2 | claim::OPEN,
                        number << 2 | claim::CANCELLED,
                        Ordering::AcqRel,
                        Ordering::Acquire,
                    )
                    .is_ok()
                });
                match changed {
                    true => state.out.remove(number),
                    false => None,
                }
            }
        };
        if task.is_some() {
            self.drain_if_closed();
            self.announce();
        }
        task.is_some()
    }

    /// Whether it takes nothing more and has nothing left to do.
    pub fn has_ended(&self) -> bool {
        let state = self.state.lock();
        state.phase != Phase::Run && state.out.is_empty() && state.held.is_empty()
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
}
