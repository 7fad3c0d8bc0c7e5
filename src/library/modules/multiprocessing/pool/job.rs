//! What was asked of a pool: one call, a map in chunks, or a lazy map. Knows how parts come together,
//! and what happens then; it must not know where they come from.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::core::{Core, error_value};
use super::lazy_map::{LazyMap, Room};
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
    Stream,
}

/// What happens when everything is there.
pub enum Then {
    /// Nothing: somebody asks.
    Nothing,
    /// Script code is called, by a thread of the pool's own.
    Call(Box<Callbacks>),
    /// A future gets it.
    Future(Value),
}

/// What is called, `None` for nothing.
pub struct Callbacks {
    /// With the value.
    pub callback: Value,
    /// With the error.
    pub error_callback: Value,
}

/// Something that was asked. There may be a million of them.
pub struct Job {
    kind: Kind,
    then: Then,
    function: Value,
    /// Of an executor's call: the number under which it was put in, 0 before.
    number: AtomicU64,
    /// Everything is there and what happens then has happened.
    ready: AtomicBool,
    state: LeafLock<State>,
}

struct State {
    /// What is there already.
    progress: Progress,
    /// The first error of a call or map.
    error: Option<Value>,
    /// The whole result.
    value: Value,
    observed: bool,
    /// It was told that the pool is over, or of no use, and comes to its end by that.
    told: bool,
    callback_error: Option<Box<CallbackError>>,
    /// Who looks at this one's error has looked at that one's as well: the end of a pool is one error
    /// for all its tasks.
    cause: Option<Arc<Job>>,
}

/// What of a job is there already.
enum Progress {
    /// Of a call: nothing or everything.
    Single,
    Map(Box<Parts>),
    Stream(Box<LazyMap>),
}

/// What of a map is there.
struct Parts {
    /// How many parts are not.
    left: usize,
    /// The results by part.
    results: Vec<Value>,
    /// If it has errors among its results: how many items a part has, and how many there are in all.
    gathers: Option<(usize, usize)>,
}

/// What a callback raised.
struct CallbackError {
    error: Value,
    /// Whether somebody has asked for it.
    seen: bool,
}

impl State {
    fn new(progress: Progress) -> State {
        State {
            progress,
            error: None,
            value: Value::None,
            observed: false,
            told: false,
            callback_error: None,
            cause: None,
        }
    }

    /// What is there of a map.
    fn parts(&mut self) -> Option<&mut Parts> {
        match &mut self.progress {
            Progress::Map(parts) => Some(parts),
            _ => None,
        }
    }

    /// What is there of a lazy map.
    fn stream(&mut self) -> Option<&mut LazyMap> {
        match &mut self.progress {
            Progress::Stream(stream) => Some(stream),
            _ => None,
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
    /// A call.
    pub fn call(function: &Value, then: Then) -> Arc<Job> {
        Job::of(function, Progress::Single, then)
    }

    /// A map in so many parts. With `gathers`, how many items a part has and how many there are in all, it has
    /// errors among its results: no part makes it fail.
    pub fn map(
        function: &Value,
        parts: usize,
        gathers: Option<(usize, usize)>,
        then: Then,
    ) -> Arc<Job> {
        let parts = Parts {
            left: parts,
            results: vec![Value::None; parts],
            gathers,
        };
        Job::of(function, Progress::Map(Box::new(parts)), then)
    }

    /// A lazy map over the results of an iterator, `chunk` items a part.
    pub fn stream(ordered: bool, function: &Value, chunk: usize, input: Value) -> Arc<Job> {
        let stream = LazyMap::new(ordered, chunk, input);
        Job::of(function, Progress::Stream(Box::new(stream)), Then::Nothing)
    }

    fn of(function: &Value, progress: Progress, then: Then) -> Arc<Job> {
        Arc::new(Job {
            kind: match progress {
                Progress::Single => Kind::Single,
                Progress::Map(_) => Kind::Map,
                Progress::Stream(_) => Kind::Stream,
            },
            then,
            function: function.clone(),
            number: AtomicU64::new(0),
            ready: AtomicBool::new(false),
            state: LeafLock::new(State::new(progress)),
        })
    }

    /// What is called, for messages.
    pub fn name(&self) -> String {
        super::function_name(&self.function)
    }

    /// Of a lazy map: the function, and how many items a part has.
    pub fn work(&self) -> (Value, usize) {
        let chunk = self.of_stream(|stream| stream.chunk);
        (self.function.clone(), chunk.unwrap_or(1))
    }

    /// Looks at a lazy map, or changes it; nothing for the others.
    fn of_stream<R>(&self, look: impl FnOnce(&mut LazyMap) -> R) -> Option<R> {
        self.state.lock().stream().map(look)
    }

    /// What was asked.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether script code is called when it is done.
    pub fn has_callbacks(&self) -> bool {
        matches!(self.then, Then::Call(_))
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
        let raised = state.callback_error.as_mut()?;
        let first = !std::mem::replace(&mut raised.seen, true);
        Some((raised.error.clone(), first))
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
        let error = match &state.progress {
            Progress::Stream(stream) => stream.unseen_error(),
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
            if state.parts().is_none_or(|parts| parts.left > 0) {
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
            Kind::Map => self.enter_part(cx, core, |parts, _| match parts.results.get_mut(part) {
                Some(place) => std::mem::replace(place, value),
                None => value,
            }),
            Kind::Stream => self.enter_lazily(core, part, Ok(value)),
        }
    }

    /// A part failed. Where errors are gathered, that is what each of its items came to.
    pub fn fail(self: &Arc<Job>, cx: &mut Context, core: &Arc<Core>, part: usize, error: Value) {
        match self.kind {
            Kind::Single => self.finish(cx, core, Err(error)),
            Kind::Map => {
                let gathers = self.state.lock().parts().and_then(|parts| parts.gathers);
                if let Some((chunk, items)) = gathers {
                    let first = part.saturating_mul(chunk);
                    let count = chunk.min(items.saturating_sub(first));
                    let errors = Value::list(vec![error; count]);
                    self.succeed(cx, core, part, errors);
                    return;
                }
                self.enter_part(cx, core, |_, first_error| {
                    first_error.get_or_insert_with(|| error.clone());
                    error
                });
            }
            Kind::Stream => {
                let noted = self.of_stream(|stream| stream.note_error(part, &error));
                let Some((is_first, later)) = noted else {
                    return;
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

    /// A part of a map is there: `enter` notes it, or that it is the first error. What it returns is dropped without
    /// the lock.
    fn enter_part<Old>(
        self: &Arc<Job>,
        cx: &mut Context,
        core: &Arc<Core>,
        enter: impl FnOnce(&mut Parts, &mut Option<Value>) -> Old,
    ) {
        let (finished, old) = {
            let mut state = self.state.lock();
            let State {
                progress: Progress::Map(parts),
                error,
                told,
                ..
            } = &mut *state
            else {
                unreachable!("its kind says that it is a map");
            };
            let old = enter(parts, error);
            parts.left = parts.left.saturating_sub(1);
            (parts.left == 0 && !*told, old)
        };
        drop(old);
        if finished {
            self.join_parts(cx, core);
        }
    }

    fn enter_lazily(&self, core: &Core, part: usize, result: Result<Value, Value>) {
        let unwanted = self.of_stream(|stream| stream.enter(part, result));
        drop(unwanted);
        core.announce();
    }

    fn join_parts(self: &Arc<Job>, cx: &mut Context, core: &Arc<Core>) {
        let (parts, error) = {
            let mut state = self.state.lock();
            let parts = state.parts();
            let parts = parts.map(|parts| std::mem::take(&mut parts.results));
            (parts.unwrap_or_default(), state.error.clone())
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
            Then::Call(callbacks) => match failed {
                true => !callbacks.error_callback.is_none(),
                false => !callbacks.callback.is_none(),
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
                if failed && !is_the_pools && matches!(then, Then::Nothing | Then::Call(_)) {
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
            Then::Call(callbacks) => {
                let called = match &error {
                    Some(error) => cx.call(&callbacks.error_callback, std::slice::from_ref(error)),
                    None => cx.call(&callbacks.callback, &[value]),
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
        let raised = Box::new(CallbackError {
            error: error_value(raised),
            seen: false,
        });
        let old = self.state.lock().callback_error.replace(raised);
        drop(old);
        unseen::add(cx);
    }

    /// An error of the pool itself, of which each task that gets it is one more way to see it.
    pub fn of_broken_pool(core: &Core, error: &Value) -> Arc<Job> {
        let job = Job::call(&core.initializer, Then::Nothing);
        job.state.lock().error = Some(error.clone());
        job.set_ready();
        job
    }

    /// It fails because the pool is of no use; `cause` is the pool's own error.
    pub fn fail_with_pool(
        self: &Arc<Job>,
        cx: &mut Context,
        core: &Arc<Core>,
        cause: &Arc<Job>,
        error: &Value,
    ) {
        let own = {
            let mut state = self.state.lock();
            // It may have been told with an earlier part.
            if self.is_ready() || std::mem::replace(&mut state.told, true) {
                return;
            }
            // A map of which a part failed by itself keeps that error.
            if state.error.is_none() {
                state.cause.get_or_insert_with(|| cause.clone());
            }
            state.error.clone()
        };
        match self.kind {
            Kind::Stream => self.give_up(cx, core, error),
            _ => self.finish(cx, core, Err(own.unwrap_or_else(|| error.clone()))),
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
            // Unless somebody has asked, this would be told once more.
            state.observed = true;
            state.told = true;
            let input = match state.stream() {
                Some(stream) => stream.give_up(),
                None => None,
            };
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
        self.of_stream(|stream| stream.take_input(room)).flatten()
    }

    /// One part of a lazy map is about to be submitted: its number.
    pub fn note_submitted(&self) -> usize {
        self.of_stream(LazyMap::note_submitted).unwrap_or_default()
    }

    /// Gives the input back, if it is not exhausted.
    pub fn put_back(&self, input: Option<Value>) {
        self.of_stream(|stream| stream.put_back(input));
    }

    /// Whether a lazy map has room for more under way.
    pub fn has_room(&self, room: Room) -> bool {
        self.of_stream(|stream| stream.has_room(room)) == Some(true)
    }

    /// Whether somebody has asked a lazy map for something: the rest is left on purpose.
    pub fn was_asked(&self) -> bool {
        self.of_stream(|stream| stream.was_asked()) == Some(true)
    }

    /// Whether a lazy map has input left that nobody is reading, and few enough parts under way to read on.
    pub fn is_hungry(&self, room: Room) -> bool {
        self.of_stream(|stream| stream.is_hungry(room)) == Some(true)
    }

    /// Nobody can ask for what comes of a lazy map: see [`LazyMap::abandon`].
    pub fn abandon(&self) {
        let old = self.of_stream(LazyMap::abandon);
        drop(old);
    }

    /// Whether a lazy map has something to give, or never will.
    pub fn has_next(&self) -> bool {
        self.is_ready() || self.of_stream(|stream| stream.has_next()) == Some(true)
    }

    /// What a lazy map has next.
    pub fn next(&self) -> Next {
        let mut state = self.state.lock();
        let State {
            progress: Progress::Stream(stream),
            error,
            ..
        } = &mut *state
        else {
            return Next::End;
        };
        if let Some(part) = stream.next() {
            return match part {
                Ok(value) => Next::Part(value),
                Err(error) => Next::Error(error),
            };
        }
        if let Some(error) = error.clone() {
            drop(state);
            self.observe();
            return Next::Error(error);
        }
        match stream.is_at_end() {
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
