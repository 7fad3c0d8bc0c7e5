//! What was asked of a pool: one call, a map in chunks, or a lazy map. Knows how parts come together,
//! and what happens then; it must not know where they come from.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::core::{Core, error_value};
use crate::eval::context::Context;
use crate::library::modules::concurrent::future;
use crate::library::modules::multiprocessing::{failure, state};
use crate::library::unseen;
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

/// What happens when everything is there.
pub enum Then {
    /// Nothing: somebody asks.
    Nothing,
    /// Script code is called, by a thread of the pool's own.
    Call {
        /// With the value.
        callback: Value,
        /// With the error.
        error_callback: Value,
    },
    /// A future gets it.
    Future(Value),
}

/// Something that was asked.
pub struct Job {
    kind: Kind,
    then: Then,
    function: Value,
    /// Of a lazy map, and of one that gathers errors: how many items a part has.
    chunk: usize,
    /// Of a map that has errors among its results: how many items there are in all.
    gathers: Option<usize>,
    /// Of an executor's call: the number under which it was put in, 0 before.
    number: AtomicU64,
    /// Everything is there and what happens then has happened.
    ready: AtomicBool,
    state: LeafLock<State>,
}

#[derive(Default)]
struct State {
    /// Parts that are not there yet; of a lazy map those that were submitted.
    left: usize,
    /// Of a map: the results by part.
    parts: Vec<Value>,
    /// Of a lazy map: what was not given out yet, by part.
    waiting: BTreeMap<usize, Result<Value, Value>>,
    /// The first error of a call or map.
    error: Option<Value>,
    /// The whole result.
    value: Value,
    observed: bool,
    /// Of a lazy map: parts submitted so far, and the input, `None` when it is exhausted.
    submitted: usize,
    input: Option<Value>,
    /// Of a lazy map: parts given out so far.
    given: usize,
    /// Of a lazy map: the error of its earliest part that failed, and which that is.
    first_error: Option<(usize, Value)>,
    /// Of a lazy map: nobody can ask for more. What comes is dropped, but for the first error.
    abandoned: bool,
    /// What a callback raised.
    callback_error: Option<Value>,
    callback_error_seen: bool,
    /// Who looks at this one's error has looked at that one's as well: the end of a pool is one error
    /// for all its tasks.
    cause: Option<Arc<Job>>,
}

/// How much of a lazy map may be under way, so that an endless input does not fill the memory.
#[derive(Clone, Copy)]
pub enum Room {
    /// So many parts ahead of whoever asks for what comes of them.
    Ahead(usize),
    /// So many parts without an answer: nobody asks.
    Unanswered(usize),
}

impl Room {
    fn is_in(self, state: &State) -> bool {
        match self {
            Room::Ahead(most) => state.submitted - state.given < most,
            Room::Unanswered(most) => state.left < most,
        }
    }
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
    pub fn new(kind: Kind, function: &Value, parts: usize, then: Then) -> Arc<Job> {
        Arc::new(Job::of(kind, function, parts, then))
    }

    fn of(kind: Kind, function: &Value, parts: usize, then: Then) -> Job {
        Job {
            kind,
            then,
            function: function.clone(),
            chunk: 1,
            gathers: None,
            number: AtomicU64::new(0),
            ready: AtomicBool::new(false),
            state: LeafLock::new(State {
                left: parts,
                parts: match kind {
                    Kind::Map => vec![Value::None; parts],
                    _ => Vec::new(),
                },
                ..State::default()
            }),
        }
    }

    /// A map of `items` items, `chunk` a part, that has errors among its results: no part makes it fail.
    pub fn gathering(function: &Value, items: usize, chunk: usize) -> Arc<Job> {
        let parts = items.div_ceil(chunk.max(1));
        let mut job = Job::of(Kind::Map, function, parts, Then::Nothing);
        job.chunk = chunk;
        job.gathers = Some(items);
        Arc::new(job)
    }

    /// A lazy map over the results of an iterator, `chunk` items a part.
    pub fn stream(ordered: bool, function: &Value, chunk: usize, input: Value) -> Arc<Job> {
        let mut job = Job::of(Kind::Stream { ordered }, function, 0, Then::Nothing);
        job.chunk = chunk;
        job.state.lock().input = Some(input);
        Arc::new(job)
    }

    /// What is called, for messages.
    pub fn name(&self) -> String {
        super::function_name(&self.function)
    }

    /// Of a lazy map: the function, and how many items a part has.
    pub fn work(&self) -> (Value, usize) {
        (self.function.clone(), self.chunk)
    }

    /// What was asked.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether script code is called when it is done.
    pub fn has_callbacks(&self) -> bool {
        matches!(self.then, Then::Call { .. })
    }

    /// The future that gets what comes of it.
    pub fn future(&self) -> Option<&Value> {
        match &self.then {
            Then::Future(future) => Some(future),
            _ => None,
        }
    }

    /// The number under which it was put in, 0 before.
    pub fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// It was put in under this number.
    pub fn set_number(&self, number: u64) {
        self.number.store(number, Ordering::Release);
    }

    /// Whether everything is there.
    #[inline]
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// Somebody waits for it, and will see its error.
    pub fn observe(&self) {
        let cause = {
            let mut state = self.state.lock();
            state.observed = true;
            state.cause.take()
        };
        if let Some(cause) = cause {
            cause.observe();
        }
    }

    /// Whether it failed; somebody looks.
    pub fn has_failed(&self) -> bool {
        self.observe();
        self.state.lock().error.is_some()
    }

    /// What a callback of it raised, and whether this is the first look at it.
    pub fn callback_error(&self) -> Option<(Value, bool)> {
        let mut state = self.state.lock();
        let error = state.callback_error.clone()?;
        let first = !std::mem::replace(&mut state.callback_error_seen, true);
        Some((error, first))
    }

    /// The result, once it is ready.
    ///
    /// # Errors
    /// What the task raised.
    pub fn result(&self) -> Outcome<Value> {
        self.observe();
        let state = self.state.lock();
        match &state.error {
            Some(Value::Instance(exception)) => Err(Raised::instance(exception.clone())),
            _ => Ok(state.value.clone()),
        }
    }

    /// The error that nobody has looked at. Who has asked a lazy map for anything is told of errors when
    /// they come up, and leaves the rest on purpose.
    pub fn unseen_error(&self) -> Option<Raised> {
        let state = self.state.lock();
        let error = match self.kind {
            Kind::Stream { .. } if state.given == 0 => {
                state.first_error.as_ref().map(|(_, error)| error)
            }
            Kind::Stream { .. } => None,
            _ => state.error.as_ref(),
        };
        match error {
            Some(Value::Instance(exception)) if !state.observed => {
                Some(Raised::instance(exception.clone()))
            }
            _ => None,
        }
    }

    /// A map of nothing is done, and as in CPython nothing is called.
    pub fn finish_if_empty(&self, core: &Core) {
        {
            let mut state = self.state.lock();
            if self.kind != Kind::Map || state.left > 0 {
                return;
            }
            state.value = Value::list(Vec::new());
        }
        self.set_ready();
        if self.has_callbacks() {
            core.callback_is_done();
        }
    }

    /// A part is there.
    pub fn succeed(self: &Arc<Job>, cx: &mut Context, core: &Arc<Core>, part: usize, value: Value) {
        match self.kind {
            Kind::Single => self.finish(cx, core, Ok(value)),
            Kind::Map => {
                let (finished, old) = {
                    let mut state = self.state.lock();
                    state.left = state.left.saturating_sub(1);
                    let old = match state.parts.get_mut(part) {
                        Some(place) => std::mem::replace(place, value),
                        None => value,
                    };
                    (state.left == 0, old)
                };
                drop(old);
                if finished {
                    self.join_parts(cx, core);
                }
            }
            Kind::Stream { .. } => self.enter_lazily(core, part, Ok(value)),
        }
    }

    /// A part failed. Where errors are gathered, that is what each of its items came to.
    pub fn fail(self: &Arc<Job>, cx: &mut Context, core: &Arc<Core>, part: usize, error: Value) {
        if let Some(items) = self.gathers {
            let first = part.saturating_mul(self.chunk);
            let count = self.chunk.min(items.saturating_sub(first));
            let errors = Value::list(vec![error; count]);
            self.succeed(cx, core, part, errors);
            return;
        }
        match self.kind {
            Kind::Single => self.finish(cx, core, Err(error)),
            Kind::Map => {
                let (finished, second) = {
                    let mut state = self.state.lock();
                    state.left = state.left.saturating_sub(1);
                    let second = match state.error {
                        None => {
                            state.error = Some(error);
                            None
                        }
                        Some(_) => Some(error),
                    };
                    (state.left == 0, second)
                };
                drop(second);
                if finished {
                    self.join_parts(cx, core);
                }
            }
            Kind::Stream { .. } => {
                let (is_first, later) = {
                    let mut state = self.state.lock();
                    let is_first = state.first_error.is_none() && state.given == 0;
                    let known = state.first_error.as_ref().map(|(known, _)| *known);
                    let later = match known.is_none_or(|known| part < known) {
                        true => state.first_error.replace((part, error.clone())),
                        false => None,
                    };
                    (is_first, later)
                };
                drop(later);
                // Who has asked for nothing yet may never do.
                if is_first {
                    state::processes(cx).note_failed_job(self.clone());
                }
                self.enter_lazily(core, part, Err(error));
            }
        }
    }

    fn enter_lazily(&self, core: &Core, part: usize, result: Result<Value, Value>) {
        let unwanted = {
            let mut state = self.state.lock();
            state.left = state.left.saturating_sub(1);
            let place = match self.kind {
                Kind::Stream { ordered: false } => {
                    // As they come: behind what is there.
                    state
                        .waiting
                        .last_key_value()
                        .map_or(0, |(last, _)| last + 1)
                }
                _ => part,
            };
            if state.abandoned {
                Some(result)
            } else {
                state.waiting.insert(place, result);
                None
            }
        };
        drop(unwanted);
        core.announce();
    }

    fn join_parts(self: &Arc<Job>, cx: &mut Context, core: &Arc<Core>) {
        let (parts, error) = {
            let mut state = self.state.lock();
            (std::mem::take(&mut state.parts), state.error.clone())
        };
        let result = match error {
            Some(error) => Err(error),
            None => Ok(joined(parts)),
        };
        self.finish(cx, core, result);
    }

    /// Everything is there: what happens then happens, here or in the pool's own thread.
    fn finish(self: &Arc<Job>, cx: &mut Context, core: &Arc<Core>, result: Result<Value, Value>) {
        let failed = result.is_err();
        let (value, error) = match result {
            Ok(value) => (value, None),
            Err(error) => (Value::None, Some(error)),
        };
        let is_called = match &self.then {
            Then::Call {
                callback,
                error_callback,
            } => match failed {
                true => !error_callback.is_none(),
                false => !callback.is_none(),
            },
            Then::Future(future) => {
                future::of(future).is_some_and(future::FutureObject::has_callbacks)
            }
            Then::Nothing => false,
        };
        let old = {
            let mut state = self.state.lock();
            // Whoever is called with an error has looked at it; a future keeps its own account.
            state.observed |= is_called || matches!(self.then, Then::Future(_));
            (
                std::mem::replace(&mut state.value, value),
                std::mem::replace(&mut state.error, error),
            )
        };
        drop(old);
        if is_called {
            self.observe();
            // Without a thread it stays undone until there is one.
            let _ = core.call_later(cx, self.clone());
            return;
        }
        match &self.then {
            Then::Future(_) => {
                // It has no callbacks, so nothing of a script runs and nothing is raised.
                let _ = self.complete(cx, core);
            }
            then => {
                let is_the_pools = self.state.lock().cause.is_some();
                if failed && !is_the_pools && matches!(then, Then::Nothing | Then::Call { .. }) {
                    state::processes(cx).note_failed_job(self.clone());
                }
                self.set_ready();
                if self.has_callbacks() {
                    core.callback_is_done();
                }
                core.announce();
            }
        }
    }

    /// Runs what is to be called, and says that everything has happened.
    ///
    /// # Errors
    /// A stop.
    pub fn complete(&self, cx: &mut Context, core: &Core) -> Outcome<()> {
        let (value, error) = {
            let state = self.state.lock();
            (state.value.clone(), state.error.clone())
        };
        let outcome = match &self.then {
            Then::Call {
                callback,
                error_callback,
            } => {
                let called = match &error {
                    Some(error) => cx.call(error_callback, std::slice::from_ref(error)),
                    None => cx.call(callback, &[value]),
                };
                match called {
                    Err(raised) if raised.exception().is_none() => Err(raised),
                    // Its error concerns nobody who waits for the result.
                    Err(raised) => {
                        self.note_callback_error(cx, &raised);
                        Ok(())
                    }
                    Ok(_) => Ok(()),
                }
            }
            Then::Future(own) => match future::of(own) {
                Some(future) => {
                    let result = match error {
                        Some(error) => Err(error),
                        None => Ok(value),
                    };
                    future.settle(cx, own, result, || self.name())
                }
                None => Ok(()),
            },
            Then::Nothing => Ok(()),
        };
        self.set_ready();
        if self.has_callbacks() {
            core.callback_is_done();
        }
        core.announce();
        outcome
    }

    /// What a callback raised is shown at once, and can be asked for.
    fn note_callback_error(&self, cx: &mut Context, raised: &Raised) {
        failure::show_callback(cx, raised);
        let old = {
            let mut state = self.state.lock();
            state.callback_error_seen = false;
            state.callback_error.replace(error_value(raised))
        };
        drop(old);
        unseen::add(cx);
    }

    /// An error of the pool itself, of which each task that gets it is one more way to see it.
    pub fn of_broken_pool(core: &Core, error: &Value) -> Arc<Job> {
        let job = Job::of(Kind::Single, &core.initializer, 0, Then::Nothing);
        job.state.lock().error = Some(error.clone());
        job.set_ready();
        Arc::new(job)
    }

    /// It fails because the pool is of no use; `cause` is the pool's own error.
    pub fn fail_with_pool(
        self: &Arc<Job>,
        cx: &mut Context,
        core: &Arc<Core>,
        cause: &Arc<Job>,
        error: &Value,
    ) {
        let is_whole = !matches!(self.kind, Kind::Stream { .. });
        {
            let mut state = self.state.lock();
            if state.error.is_some() || self.is_ready() {
                // It was told with an earlier part.
                return;
            }
            state.cause.get_or_insert_with(|| cause.clone());
        }
        match is_whole {
            true => self.finish(cx, core, Err(error.clone())),
            false => self.give_up(cx, core, error),
        }
    }

    /// Ends it with an error, whatever is out. That is no error of its own, which somebody would have to
    /// look at.
    pub fn give_up(self: &Arc<Job>, cx: &mut Context, core: &Arc<Core>, error: &Value) {
        if let Then::Future(_) = &self.then {
            self.finish(cx, core, Err(error.clone()));
            return;
        }
        let old = {
            let mut state = self.state.lock();
            if self.is_ready() {
                return;
            }
            state.left = 0;
            // Unless somebody has asked, this would be told once more.
            state.observed = true;
            let input = state.input.take();
            (state.error.replace(error.clone()), input)
        };
        drop(old);
        if self.has_callbacks() {
            core.callback_is_done();
        }
        self.set_ready();
        core.announce();
    }

    /// Takes the input of a lazy map, to submit more of it; [`Job::put_back`] gives it back.
    pub fn take_input(&self, room: Room) -> Option<Value> {
        let mut state = self.state.lock();
        if !room.is_in(&state) {
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
    pub fn has_room(&self, room: Room) -> bool {
        room.is_in(&self.state.lock())
    }

    /// Whether somebody has asked a lazy map for something: the rest is left on purpose.
    pub fn was_asked(&self) -> bool {
        self.state.lock().given > 0
    }

    /// Whether a lazy map has input left that nobody is reading, and few enough parts under way to read on.
    pub fn is_hungry(&self, room: Room) -> bool {
        let state = self.state.lock();
        state.input.is_some() && room.is_in(&state)
    }

    /// Nobody can ask for what comes of a lazy map. Its tasks are done all the same, like those of any
    /// other map: they may be wanted for what they do.
    pub fn abandon(&self) {
        let old = {
            let mut state = self.state.lock();
            state.abandoned = true;
            std::mem::take(&mut state.waiting)
        };
        drop(old);
    }

    /// Whether a lazy map has something to give, or never will.
    pub fn has_next(&self) -> bool {
        let state = self.state.lock();
        self.is_ready() || self.place(&state).is_some() || self.is_at_end(&state)
    }

    fn place(&self, state: &State) -> Option<usize> {
        match self.kind {
            Kind::Stream { ordered: true } => state
                .waiting
                .contains_key(&state.given)
                .then_some(state.given),
            _ => state.waiting.first_key_value().map(|(place, _)| *place),
        }
    }

    fn is_at_end(&self, state: &State) -> bool {
        state.left == 0 && state.input.is_none() && state.waiting.is_empty()
    }

    /// What a lazy map has next.
    pub fn next(&self) -> Next {
        let mut state = self.state.lock();
        if let Some(place) = self.place(&state) {
            state.given += 1;
            return match state.waiting.remove(&place) {
                Some(Ok(value)) => Next::Part(value),
                Some(Err(error)) => Next::Error(error),
                None => Next::NotYet,
            };
        }
        if let Some(error) = state.error.clone() {
            drop(state);
            self.observe();
            return Next::Error(error);
        }
        match self.is_at_end(&state) {
            true => Next::End,
            false => Next::NotYet,
        }
    }
}

fn joined(parts: Vec<Value>) -> Value {
    let mut all = Vec::new();
    for part in parts {
        match part {
            // Nobody else has this list: it has just come out of a message.
            Value::List(list) => all.append(&mut list.lock().take_all()),
            other => all.push(other),
        }
    }
    Value::list(all)
}
