//! `wait` and `as_completed`: waiting for several futures at once, whoever runs their tasks. It must
//! not know executors.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use super::errors::timed_out;
use super::future::{self, FutureObject, Phase};
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::parameters::Parameters;
use crate::library::struct_sequence::{self, Description};
use crate::runtime::blocking::{Outcome as Waited, Reason, ReasonKind, Wait, blocking};
use crate::runtime::clock::Deadline;
use crate::runtime::futex;
use crate::runtime::leaf_lock::LeafLock;
use crate::value::class::Class;
use crate::value::exception::{Raised, attribute_error, value_error};
use crate::value::function::Args;
use crate::value::iterator::{Iterate, NativeIterator};
use crate::value::lock::Guarded;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::set::Set;
use crate::value::{Outcome, Value, iterate, text};

/// Until when `wait` waits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    First,
    FirstFailure,
    All,
}

/// One who waits for several futures.
pub struct Waiter {
    until: Until,
    /// Changes when there is something to look at.
    changed: AtomicU32,
    told: LeafLock<Told>,
}

#[derive(Default)]
struct Told {
    finished: VecDeque<Value>,
    failed: bool,
    left: usize,
}

impl Waiter {
    fn new(until: Until) -> Arc<Waiter> {
        Arc::new(Waiter {
            until,
            changed: AtomicU32::new(0),
            told: LeafLock::new(Told::default()),
        })
    }

    /// A future is over.
    pub fn tell(&self, future: &Value, failed: bool) {
        let mut told = self.told.lock();
        told.finished.push_back(future.clone());
        told.failed |= failed;
        told.left = told.left.saturating_sub(1);
        let enough = self.is_enough(&told);
        drop(told);
        if enough {
            self.changed.fetch_add(1, Ordering::SeqCst);
            futex::wake_all(&self.changed, false);
        }
    }

    fn is_enough(&self, told: &Told) -> bool {
        told.left == 0
            || match self.until {
                Until::First => !told.finished.is_empty(),
                Until::FirstFailure => told.failed,
                Until::All => false,
            }
    }

    fn has_enough(&self) -> bool {
        self.is_enough(&self.told.lock())
    }

    /// Waits until enough of the futures are over; false if the deadline came first.
    fn wait(
        &self,
        cx: &mut Context,
        futures: &[Value],
        deadline: Option<Deadline>,
    ) -> Outcome<bool> {
        if self.has_enough() {
            return Ok(true);
        }
        let mut sources = Vec::new();
        let mut has_others = false;
        for future in futures.iter().filter_map(future::of) {
            if future.is_told() {
                continue;
            }
            match future.source() {
                Some(source) => {
                    if !sources.iter().any(|known: &Arc<dyn future::Source>| {
                        known.identity() == source.identity()
                    }) {
                        sources.push(source.clone());
                    }
                }
                None => has_others = true,
            }
        }
        if let ([source], false) = (&sources[..], has_others) {
            return source.wait(cx, deadline, &|| self.has_enough());
        }
        // Nobody can wait for several executors' processes at once: each looks after itself.
        for source in sources {
            source.run_by_itself(cx)?;
        }
        cx.note_place();
        let reason =
            Reason::new(ReasonKind::Result).about(std::ptr::from_ref(self) as usize as u64);
        loop {
            let seen = self.changed.load(Ordering::SeqCst);
            if self.has_enough() {
                return Ok(true);
            }
            let wait = Wait::Word {
                word: &self.changed,
                expected: seen,
                shared: false,
            };
            match blocking(&cx.thread, &reason, deadline, wait) {
                Waited::Woken => {}
                Waited::TimedOut => return Ok(self.has_enough()),
                Waited::Interrupted(_) => interrupt::at_safepoint(cx)?,
            }
        }
    }
}

/// The futures of an iterable, each once, and those of them that are over.
fn gather(cx: &mut Context, given: &Value) -> Outcome<(Vec<Value>, Vec<Value>)> {
    let set = set_of(cx, given)?;
    let all = set.snapshot()?;
    let mut over = Vec::new();
    for value in &all {
        let future = checked(value)?;
        future.phase(cx)?;
        if future.is_told() {
            over.push(value.clone());
        }
    }
    Ok((all, over))
}

fn checked(value: &Value) -> Outcome<&FutureObject> {
    future::of(value).ok_or_else(|| {
        attribute_error(format!(
            "'{}' object has no attribute '_condition'",
            value.type_name()
        ))
    })
}

fn set_of(cx: &mut Context, given: &Value) -> Outcome<Set> {
    let items = iterate::collect(cx, given)?;
    Set::from_items(cx, items)
}

/// Those of the futures that are not among the others.
fn without(futures: &[Value], others: &[Value]) -> Vec<Value> {
    let others: std::collections::HashSet<usize> = others.iter().map(text::address).collect();
    futures
        .iter()
        .filter(|future| !others.contains(&text::address(future)))
        .cloned()
        .collect()
}

const RESULT: Description = Description {
    name: "DoneAndNotDoneFutures",
    fields: &["done", "not_done"],
    visible: 2,
};

/// The class of what `wait` returns.
pub fn result_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = struct_sequence::class(&RESULT);
        class.set(known().module, Value::str("concurrent.futures._base"));
        let names = RESULT.fields.iter().map(|&name| Value::str(name));
        class.set(
            crate::value::name::Name::new("_fields"),
            Value::tuple(names.collect()),
        );
        class
    })
}

fn pair(cx: &mut Context, done: Vec<Value>, not_done: Vec<Value>) -> Outcome<Value> {
    let done = Value::Set(Ref::new(Set::from_items(cx, done)?));
    let not_done = Value::Set(Ref::new(Set::from_items(cx, not_done)?));
    Ok(struct_sequence::make(
        result_class(),
        &RESULT,
        vec![done, not_done],
    ))
}

/// `wait(fs, timeout=None, return_when=ALL_COMPLETED)`.
///
/// # Errors
/// `TypeError`, `ValueError`, what an interrupt raises.
pub fn wait(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const WAIT: Parameters<3> =
        Parameters::function("wait", ["fs", "timeout", "return_when"]).required(1);
    let [given, timeout, return_when] = WAIT.bind(args)?;
    let (all, done) = gather(cx, given.unwrap_or(&Value::None))?;
    let until = match return_when.map(|value| value.unwrapped().as_str()) {
        None | Some(Some("ALL_COMPLETED")) => Some(Until::All),
        Some(Some("FIRST_COMPLETED")) => Some(Until::First),
        Some(Some("FIRST_EXCEPTION")) => Some(Until::FirstFailure),
        Some(_) => None,
    };
    let enough = match until {
        Some(Until::First) => !done.is_empty(),
        Some(Until::FirstFailure) => done.iter().filter_map(future::of).any(failed),
        _ => false,
    };
    if enough || done.len() == all.len() {
        let not_done = without(&all, &done);
        return pair(cx, done, not_done);
    }
    let Some(until) = until else {
        let shown = text::repr(cx, return_when.unwrap_or(&Value::None))?;
        return Err(value_error(format!("Invalid return condition: {shown}")));
    };
    let deadline = future::deadline(cx, timeout)?;
    let waiter = Waiter::new(until);
    let open = without(&all, &done);
    install(&waiter, &open);
    let waited = waiter.wait(cx, &open, deadline);
    for future in open.iter().filter_map(future::of) {
        future.remove_waiter(&waiter);
    }
    waited?;
    let mut done = done;
    done.extend(std::mem::take(&mut waiter.told.lock().finished));
    let not_done = without(&all, &done);
    pair(cx, done, not_done)
}

/// A future that failed ends a wait for the first failure: whoever waits so has learned of it.
fn failed(future: &FutureObject) -> bool {
    future.known_phase() == Phase::Finished && future.has_failed()
}

fn install(waiter: &Arc<Waiter>, futures: &[Value]) {
    waiter.told.lock().left = futures.len();
    for value in futures {
        if let Some(future) = future::of(value)
            && !future.add_waiter(waiter)
        {
            // It came to its end meanwhile.
            waiter.tell(value, failed(future));
        }
    }
}

/// `as_completed(fs, timeout=None)`.
///
/// # Errors
/// `TypeError`.
pub fn as_completed(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const AS_COMPLETED: Parameters<2> =
        Parameters::function("as_completed", ["fs", "timeout"]).required(1);
    let [given, timeout] = AS_COMPLETED.bind(args)?;
    Ok(NativeIterator::value(Completed {
        state: Guarded::new(Stage::New {
            given: given.cloned().unwrap_or_default(),
            timeout: timeout.cloned().unwrap_or_default(),
        }),
    }))
}

/// The iterator of `as_completed`. As a generator, it does nothing before it is first asked.
struct Completed {
    state: Guarded<Stage>,
}

enum Stage {
    New { given: Value, timeout: Value },
    Running(Arc<Running>),
    Over,
}

struct Running {
    waiter: Arc<Waiter>,
    /// All of them, until they are given out.
    open: LeafLock<Vec<Value>>,
    count: usize,
    deadline: Option<Deadline>,
}

impl Iterate for Completed {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        let running = match self.running(cx) {
            Ok(Some(running)) => running,
            Ok(None) => return Ok(None),
            Err(raised) => {
                self.end();
                return Err(raised);
            }
        };
        match running.next(cx) {
            Ok(Some(future)) => Ok(Some(future)),
            other => {
                self.end();
                other
            }
        }
    }

    fn type_name(&self) -> &'static str {
        "generator"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        if let Stage::New { given, timeout } = &*self.state.lock() {
            visit(given);
            visit(timeout);
        }
    }
}

impl Completed {
    fn end(&self) {
        let old = std::mem::replace(&mut *self.state.lock(), Stage::Over);
        drop(old);
    }

    fn running(&self, cx: &mut Context) -> Outcome<Option<Arc<Running>>> {
        let (given, timeout) = match &*self.state.lock() {
            Stage::New { given, timeout } => (given.clone(), timeout.clone()),
            Stage::Running(running) => return Ok(Some(running.clone())),
            Stage::Over => return Ok(None),
        };
        let deadline = future::deadline(cx, Some(&timeout))?;
        let (all, _) = gather(cx, &given)?;
        let waiter = Waiter::new(Until::First);
        install(&waiter, &all);
        let running = Arc::new(Running {
            waiter,
            count: all.len(),
            open: LeafLock::new(all),
            deadline,
        });
        let mut state = self.state.lock();
        let (given, old) = match &*state {
            // Another thread was faster; our waiter is taken out again as its count is dropped.
            Stage::Running(other) => (other.clone(), None),
            _ => {
                let old = std::mem::replace(&mut *state, Stage::Running(running.clone()));
                (running.clone(), Some(old))
            }
        };
        drop(state);
        drop((old, running));
        Ok(Some(given))
    }
}

impl Running {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        loop {
            let next = self.waiter.told.lock().finished.pop_front();
            if let Some(future) = next {
                let address = text::address(&future);
                let mut open = self.open.lock();
                let place = open
                    .iter()
                    .position(|known| text::address(known) == address);
                let removed = place.map(|place| open.swap_remove(place));
                drop(open);
                drop(removed);
                return Ok(Some(future));
            }
            let open = self.open.lock().clone();
            if open.is_empty() {
                return Ok(None);
            }
            let in_time = self.waiter.wait(cx, &open, self.deadline)?;
            if !in_time {
                return Err(self.unfinished(open.len()));
            }
        }
    }

    #[cold]
    fn unfinished(&self, left: usize) -> Raised {
        timed_out(&format!("{left} (of {}) futures unfinished", self.count))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for future in self.open.lock().iter().filter_map(future::of) {
            future.remove_waiter(&self.waiter);
        }
    }
}
