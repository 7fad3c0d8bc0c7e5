//! What a pool gives back before its tasks are done: `ApplyResult`, `MapResult` and the iterators of
//! lazy maps.

use std::sync::{Arc, OnceLock};

use super::core::{Core, Work};
use super::job::{Job, Kind, Next};
use super::lazy_map::Room;
use super::protocol::mode;
use crate::eval::context::Context;
use crate::library::arguments::{Receiver, receiver};
use crate::library::define;
use crate::library::methods::construct::class_getitem;
use crate::library::modules::multiprocessing::errors::{errors, raise};
use crate::library::modules::multiprocessing::waiting;
use crate::library::parameters::Parameters;
use crate::library::unseen;
use crate::runtime::clock::Deadline;
use crate::runtime::leaf_lock::LeafLock;
use crate::value::class::{Class, Layout};
use crate::value::exception::{Raised, stop_iteration, value_error};
use crate::value::function::Args;
use crate::value::instance::{Instance, NativeData, Payload};
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, iterate, text};

/// The classes of results.
pub struct Classes {
    /// `ApplyResult`, which is `AsyncResult` too.
    pub apply: Ref<Class>,
    /// `MapResult`.
    pub map: Ref<Class>,
    /// `IMapIterator`.
    pub ordered: Ref<Class>,
    /// `IMapUnorderedIterator`.
    pub unordered: Ref<Class>,
}

/// The classes of results.
pub fn classes() -> &'static Classes {
    static CLASSES: OnceLock<Classes> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let make = |name: &'static str, base: &Ref<Class>| {
            let class = Class::builtin(name, Some(base), Layout::Native("ApplyResult"));
            class.set(known().module, Value::str("multiprocessing.pool"));
            class
        };
        let apply = make("ApplyResult", &types().object);
        define::methods(
            &apply,
            &[
                ("get", get),
                ("wait", wait),
                ("ready", ready),
                ("successful", successful),
            ],
        );
        define::properties(&apply, &[("callback_error", callback_error)]);
        define::class_methods(&apply, &[("__class_getitem__", class_getitem)]);
        let ordered = make("IMapIterator", &types().object);
        define::methods(
            &ordered,
            &[("__iter__", iter), ("__next__", next), ("next", next)],
        );
        Classes {
            map: make("MapResult", &apply),
            unordered: make("IMapUnorderedIterator", &ordered),
            apply,
            ordered,
        }
    })
}

/// What a result carries.
struct ResultObject {
    job: Arc<Job>,
    core: Arc<Core>,
}

impl NativeData for ResultObject {}

impl Receiver for ResultObject {
    const CLASS: &'static str = "ApplyResult";

    fn of(value: &Value) -> Option<&Self> {
        value.as_instance()?.native::<Self>()
    }
}

/// What the iterator of a lazy map carries.
struct StreamObject {
    job: Arc<Job>,
    core: Arc<Core>,
    function: Value,
    chunk: usize,
    /// Results of a chunk that were not given out yet, the last first.
    rest: LeafLock<Vec<Value>>,
}

impl NativeData for StreamObject {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.function);
    }
}

impl Receiver for StreamObject {
    const CLASS: &'static str = "IMapIterator";

    fn of(value: &Value) -> Option<&Self> {
        value.as_instance()?.native::<Self>()
    }
}

impl Drop for StreamObject {
    /// Nobody can ask for more. What was not submitted yet is, when somebody waits for the pool.
    fn drop(&mut self) {
        self.job.abandon();
    }
}

/// The result object of a job.
pub fn result(core: &Arc<Core>, job: Arc<Job>) -> Value {
    let class = match job.kind() {
        Kind::Map => &classes().map,
        _ => &classes().apply,
    };
    Value::Instance(Instance::new(
        class.clone(),
        Payload::Native(Box::new(ResultObject {
            job,
            core: core.clone(),
        })),
    ))
}

/// The iterator of a lazy map, whose first tasks are submitted.
///
/// # Errors
/// What submitting them raises.
pub fn stream(
    cx: &mut Context,
    core: &Arc<Core>,
    function: &Value,
    iterable: &Value,
    chunk: usize,
    ordered: bool,
) -> Outcome<Value> {
    let input = iterate::iterate(cx, iterable)?;
    let job = Job::stream(ordered, function, chunk, input);
    core.state.lock().streams.push(job.clone());
    let class = match ordered {
        true => &classes().ordered,
        false => &classes().unordered,
    };
    let object = StreamObject {
        job: job.clone(),
        core: core.clone(),
        function: function.clone(),
        chunk,
        rest: LeafLock::new(Vec::new()),
    };
    let room = Room::Ahead(window(core));
    feed(cx, &object.core, &object.job, (function, chunk), room)?;
    Ok(Value::Instance(Instance::new(
        class.clone(),
        Payload::Native(Box::new(object)),
    )))
}

/// How many parts of a lazy map are under way at once.
fn window(core: &Core) -> usize {
    64 + 16 * core.size
}

/// Submits more of a lazy map.
fn feed(
    cx: &mut Context,
    core: &Arc<Core>,
    job: &Arc<Job>,
    work: (&Value, usize),
    room: Room,
) -> Outcome<()> {
    // Only one thread has the input at a time.
    let Some(input) = job.take_input(room) else {
        return Ok(());
    };
    let fed = feed_from(cx, core, job, &input, work, room);
    match fed {
        Ok(false) => job.put_back(Some(input)),
        _ => {
            job.put_back(None);
            core.end_stream(job);
            core.announce();
        }
    }
    fed.map(drop)
}

/// Whether the input is exhausted now.
fn feed_from(
    cx: &mut Context,
    core: &Arc<Core>,
    job: &Arc<Job>,
    input: &Value,
    (function, chunk): (&Value, usize),
    room: Room,
) -> Outcome<bool> {
    while job.has_room(room) {
        let mut items = Vec::new();
        let mut end = None;
        while items.len() < chunk && end.is_none() {
            match iterate::next(cx, input) {
                Ok(Some(item)) => items.push(item),
                Ok(None) => end = Some(None),
                Err(raised) => end = Some(Some(raised)),
            }
        }
        if !items.is_empty() {
            let part = job.note_submitted();
            match chunk {
                1 => {
                    let work = [Value::tuple(items), Value::None];
                    core.submit(cx, job, part, Work::new(function, &work, mode::APPLY))?;
                }
                _ => {
                    let work = [Value::list(items)];
                    core.submit(cx, job, part, Work::new(function, &work, mode::MAP))?;
                }
            }
        }
        match end {
            None => {}
            Some(None) => return Ok(true),
            Some(Some(raised)) => {
                let Some(exception) = raised.exception().cloned() else {
                    return Err(raised);
                };
                let part = job.note_submitted();
                job.fail(cx, core, part, Value::Instance(exception));
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Waits until `ready`, which nobody whose lazy map is in `streams` keeps it from: these are read to
/// their ends meanwhile, as fast as their tasks are done. False if the deadline came first.
///
/// # Errors
/// What reading, submitting or an interrupt raises.
pub fn wait_and_feed(
    cx: &mut Context,
    core: &Arc<Core>,
    deadline: Option<Deadline>,
    streams: &[Arc<Job>],
    ready: impl Fn() -> bool,
) -> Outcome<bool> {
    let room = Room::Unanswered(window(core));
    // Not for each task that is done.
    let little = Room::Unanswered(window(core) / 2);
    let is_hungry = || streams.iter().any(|job| job.is_hungry(little));
    loop {
        for job in streams {
            let (function, chunk) = job.work();
            feed(cx, core, job, (&function, chunk), room)?;
        }
        let woken = core.wait_until(cx, deadline, || is_hungry() || ready())?;
        if ready() {
            return Ok(true);
        }
        if !woken || deadline.is_some_and(Deadline::has_passed) {
            return Ok(false);
        }
    }
}

const GET: Parameters<1> = Parameters::method("ApplyResult.get", ["timeout"]);

fn get(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (object, rest) = receiver::<ResultObject>(args, "get")?;
    let [timeout] = GET.bind(rest)?;
    let deadline = waiting::deadline(cx, timeout)?;
    if wait_for(cx, object, deadline)? {
        object.job.result()
    } else {
        Err(timed_out())
    }
}

fn wait_for(cx: &mut Context, object: &ResultObject, deadline: Option<Deadline>) -> Outcome<bool> {
    if object.job.is_ready() {
        return Ok(true);
    }
    object.core.check_owner()?;
    object
        .core
        .wait_until(cx, deadline, || object.job.is_ready())
}

#[cold]
fn timed_out() -> Raised {
    raise(&errors().timeout, None)
}

/// Waits for a job whose result nobody else has, and gives its result.
///
/// # Errors
/// What the task raised.
pub fn wait_and_get(cx: &mut Context, core: &Arc<Core>, job: &Arc<Job>) -> Outcome<Value> {
    core.wait_until(cx, None, || job.is_ready())?;
    job.result()
}

fn wait(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const WAIT: Parameters<1> = Parameters::method("ApplyResult.wait", ["timeout"]);
    let (object, rest) = receiver::<ResultObject>(args, "wait")?;
    let [timeout] = WAIT.bind(rest)?;
    let deadline = waiting::deadline(cx, timeout)?;
    wait_for(cx, object, deadline)?;
    Ok(Value::None)
}

fn look(cx: &mut Context, object: &ResultObject) -> Outcome<bool> {
    if !object.job.is_ready() && object.core.check_owner().is_ok() {
        object.core.enter_answers(cx)?;
    }
    Ok(object.job.is_ready())
}

fn ready(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const READY: Parameters<0> = Parameters::method("ApplyResult.ready", []);
    let (object, rest) = receiver::<ResultObject>(args, "ready")?;
    READY.bind(rest)?;
    look(cx, object).map(Value::Bool)
}

fn successful(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const SUCCESSFUL: Parameters<0> = Parameters::method("ApplyResult.successful", []);
    let (object, rest) = receiver::<ResultObject>(args, "successful")?;
    SUCCESSFUL.bind(rest)?;
    if !look(cx, object)? {
        let shown = text::repr(cx, &args.values[0])?;
        return Err(value_error(format!("{shown} not ready")));
    }
    Ok(Value::Bool(!object.job.has_failed()))
}

/// What the callback raised; `None` as long as it raised nothing.
fn callback_error(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (object, _) = receiver::<ResultObject>(args, "callback_error")?;
    let Some((error, first)) = object.job.callback_error() else {
        return Ok(Value::None);
    };
    if first {
        unseen::remove(cx);
    }
    Ok(error)
}

fn iter(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(args.values.first().cloned().unwrap_or_default())
}

fn next(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const NEXT: Parameters<1> = Parameters::method("IMapIterator.next", ["timeout"]);
    let (object, rest) = receiver::<StreamObject>(args, "next")?;
    let [timeout] = NEXT.bind(rest)?;
    let deadline = waiting::deadline(cx, timeout)?;
    let job = &object.job;
    loop {
        let kept = object.rest.lock().pop();
        if let Some(value) = kept {
            return Ok(value);
        }
        if object.core.check_owner().is_ok() {
            let work = (&object.function, object.chunk);
            feed(
                cx,
                &object.core,
                job,
                work,
                Room::Ahead(window(&object.core)),
            )?;
        }
        match job.next() {
            Next::Part(Value::List(items)) if object.chunk > 1 => {
                let mut items = items.snapshot();
                items.reverse();
                *object.rest.lock() = items;
            }
            Next::Part(value) => return Ok(value),
            Next::Error(Value::Instance(error)) => return Err(Raised::instance(error)),
            Next::End | Next::Error(_) => return Err(stop_iteration(Value::None)),
            Next::NotYet => {
                object.core.check_owner()?;
                if !object.core.wait_until(cx, deadline, || job.has_next())? {
                    return Err(timed_out());
                }
            }
        }
    }
}
