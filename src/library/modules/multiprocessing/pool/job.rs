//! What was asked of a pool: one call, a map in chunks, or a lazy map. Knows how parts come together,
//! and when callbacks run; it must not know where they come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::core::Core;
use crate::eval::context::Context;
use crate::library::modules::multiprocessing::{failure, state};
use crate::runtime::leaf_lock::LeafLock;
use crate::value::exception::Raised;
use crate::value::{Outcome, Value};

/// What was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// One call.
    Single,
    /// A map in chunks, as one list.
    Map,
    /// A lazy map: chunks one by one, in order or as they come.
    Stream {
        /// In order.
        ordered: bool,
    },
}

/// Something that was asked.
pub struct Job {
    kind: Kind,
    callback: Value,
    error_callback: Value,
    /// What is called, and of a lazy map how many items a part has.
    work: (Value, usize),
    state: LeafLock<State>,
}

#[derive(Default)]
struct State {
    /// Parts that are not there yet; of a lazy map those that were submitted.
    left: usize,
    /// Results by part.
    parts: BTreeMap<usize, Part>,
    /// The first error of a call or map.
    error: Option<Value>,
    /// The whole result.
    value: Value,
    /// Everything is there and the callback has run.
    ready: bool,
    observed: bool,
    /// Of a lazy map: parts submitted so far, and the input, `None` when it is exhausted.
    submitted: usize,
    input: Option<Value>,
    /// Of a lazy map: parts given out so far.
    given: usize,
}

enum Part {
    Value(Value),
    Error(Value),
}

/// What a lazy map has next.
pub enum Next {
    /// A part.
    Part(Value),
    /// A part that failed.
    Error(Value),
    /// Nothing yet.
    NotYet,
    /// Nothing more.
    End,
}

impl Job {
    /// A job of so many parts.
    pub fn new(
        kind: Kind,
        function: &Value,
        parts: usize,
        callback: Value,
        error_callback: Value,
    ) -> Arc<Job> {
        let mut job = Job::of(kind, parts, callback, error_callback);
        job.work.0 = function.clone();
        Arc::new(job)
    }

    fn of(kind: Kind, parts: usize, callback: Value, error_callback: Value) -> Job {
        Job {
            kind,
            callback,
            error_callback,
            work: (Value::None, 1),
            state: LeafLock::new(State {
                left: parts,
                ready: parts == 0 && kind == Kind::Map,
                value: match kind {
                    Kind::Map => Value::list(Vec::new()),
                    _ => Value::None,
                },
                ..State::default()
            }),
        }
    }

    /// A lazy map over the results of an iterator, `chunk` items a part.
    pub fn stream(ordered: bool, function: &Value, chunk: usize, input: Value) -> Arc<Job> {
        let mut job = Job::of(Kind::Stream { ordered }, 0, Value::None, Value::None);
        job.work = (function.clone(), chunk);
        job.state.lock().input = Some(input);
        Arc::new(job)
    }

    /// What is called, for messages.
    pub fn name(&self) -> String {
        super::function_name(&self.work.0)
    }

    /// Of a lazy map: the function, and how many items a part has.
    pub fn work(&self) -> (Value, usize) {
        self.work.clone()
    }

    /// What was asked.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether everything is there.
    pub fn is_ready(&self) -> bool {
        self.state.lock().ready
    }

    /// Somebody waits for it, and will see its error.
    pub fn observe(&self) {
        self.state.lock().observed = true;
    }

    /// Whether it failed; somebody looks.
    pub fn has_failed(&self) -> bool {
        let mut state = self.state.lock();
        state.observed = true;
        state.error.is_some()
    }

    /// The result, once it is ready.
    ///
    /// # Errors
    /// What the task raised.
    pub fn result(&self) -> Outcome<Value> {
        let mut state = self.state.lock();
        state.observed = true;
        match &state.error {
            Some(Value::Instance(exception)) => Err(Raised::instance(exception.clone())),
            _ => Ok(state.value.clone()),
        }
    }

    /// The error that nobody has looked at.
    pub fn unseen_error(&self) -> Option<Raised> {
        let state = self.state.lock();
        match &state.error {
            Some(Value::Instance(exception)) if !state.observed => {
                Some(Raised::instance(exception.clone()))
            }
            _ => None,
        }
    }

    /// A part is there.
    pub fn succeed(self: &Arc<Job>, cx: &mut Context, core: &Core, part: usize, value: Value) {
        self.enter(cx, core, part, Part::Value(value));
    }

    /// A part failed.
    pub fn fail(self: &Arc<Job>, cx: &mut Context, core: &Core, part: usize, error: Value) {
        self.enter(cx, core, part, Part::Error(error));
    }

    fn enter(self: &Arc<Job>, cx: &mut Context, core: &Core, part: usize, result: Part) {
        if matches!(self.kind, Kind::Stream { .. }) {
            let mut state = self.state.lock();
            state.left = state.left.saturating_sub(1);
            let place = match self.kind {
                Kind::Stream { ordered: false } => {
                    // As they come: behind what is there.
                    state.parts.last_key_value().map_or(0, |(last, _)| last + 1)
                }
                _ => part,
            };
            state.parts.insert(place, result);
            drop(state);
            core.announce();
            return;
        }
        let finished = {
            let mut state = self.state.lock();
            state.left = state.left.saturating_sub(1);
            let second = match result {
                Part::Error(error) if state.error.is_none() => {
                    state.error = Some(error);
                    None
                }
                other => state.parts.insert(part, other),
            };
            let finished = state.left == 0;
            drop(state);
            drop(second);
            finished
        };
        if finished {
            self.finish(cx, core);
        }
    }

    /// All parts are there: makes one of them, runs the callback, and says so.
    fn finish(self: &Arc<Job>, cx: &mut Context, core: &Core) {
        let (parts, error) = {
            let mut state = self.state.lock();
            (std::mem::take(&mut state.parts), state.error.clone())
        };
        let value = match (self.kind, &error) {
            (_, Some(_)) => Value::None,
            (Kind::Map, None) => joined(parts),
            (_, None) => match parts.into_values().next() {
                Some(Part::Value(value)) => value,
                _ => Value::None,
            },
        };
        let (callback, argument) = match &error {
            Some(error) => (&self.error_callback, error.clone()),
            None => (&self.callback, value.clone()),
        };
        self.state.lock().value = value;
        if callback.is_none() {
            if error.is_some() {
                state::processes(cx).note_failed_job(self.clone());
            }
        } else {
            self.state.lock().observed = true;
            // Its error concerns nobody who waits for the result.
            if let Err(raised) = cx.call(callback, &[argument]) {
                failure::show_callback(cx, &raised);
            }
        }
        self.state.lock().ready = true;
        core.announce();
    }

    /// Ends it with an error, whatever is out.
    pub fn give_up(&self, core: &Core, error: &Value) {
        let old = {
            let mut state = self.state.lock();
            if state.ready {
                return;
            }
            state.left = 0;
            state.error = Some(error.clone());
            state.observed = true;
            state.ready = true;
            state.input.take()
        };
        drop(old);
        core.announce();
    }

    /// Takes the input of a lazy map, to submit more of it; [`Job::put_back`] gives it back.
    pub fn take_input(&self, window: usize) -> Option<Value> {
        let mut state = self.state.lock();
        if state.submitted - state.given >= window {
            return None;
        }
        let input = state.input.take()?;
        // Until it is back, or found exhausted, nobody takes the end for reached.
        state.left += 1;
        Some(input)
    }

    /// One part is about to be submitted: its number.
    pub fn note_submitted(&self) -> usize {
        let mut state = self.state.lock();
        state.submitted += 1;
        state.left += 1;
        state.submitted - 1
    }

    /// Gives the input back, if it is not exhausted.
    pub fn put_back(&self, input: Option<Value>) {
        let mut state = self.state.lock();
        state.left = state.left.saturating_sub(1);
        state.input = input;
    }

    /// Whether a lazy map has room for more under way.
    pub fn has_room(&self, window: usize) -> bool {
        let state = self.state.lock();
        state.submitted - state.given < window
    }

    /// No more of a lazy map is wanted.
    pub fn abandon(&self) {
        let old = {
            let mut state = self.state.lock();
            (state.input.take(), std::mem::take(&mut state.parts))
        };
        drop(old);
    }

    /// Whether a lazy map has something to give, or never will.
    pub fn has_next(&self) -> bool {
        let state = self.state.lock();
        state.ready || self.place(&state).is_some() || self.is_at_end(&state)
    }

    fn place(&self, state: &State) -> Option<usize> {
        match self.kind {
            Kind::Stream { ordered: true } => state
                .parts
                .contains_key(&state.given)
                .then_some(state.given),
            _ => state.parts.first_key_value().map(|(place, _)| *place),
        }
    }

    fn is_at_end(&self, state: &State) -> bool {
        state.left == 0 && state.input.is_none() && state.parts.is_empty()
    }

    /// What a lazy map has next.
    pub fn next(&self) -> Next {
        let mut state = self.state.lock();
        if let Some(place) = self.place(&state) {
            state.given += 1;
            return match state.parts.remove(&place) {
                Some(Part::Value(value)) => Next::Part(value),
                Some(Part::Error(error)) => Next::Error(error),
                None => Next::NotYet,
            };
        }
        if let Some(error) = &state.error {
            return Next::Error(error.clone());
        }
        match self.is_at_end(&state) {
            true => Next::End,
            false => Next::NotYet,
        }
    }
}

fn joined(parts: BTreeMap<usize, Part>) -> Value {
    let mut all = Vec::new();
    for part in parts.into_values() {
        match part {
            Part::Value(Value::List(list)) => all.append(&mut list.lock().take_all()),
            Part::Value(other) => all.push(other),
            Part::Error(_) => {}
        }
    }
    Value::list(all)
}
