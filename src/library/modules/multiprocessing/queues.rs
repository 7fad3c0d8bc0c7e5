//! `multiprocessing.Queue`, `JoinableQueue` and `SimpleQueue`. A put encodes what it is given
//! before it touches the queue, so what cannot travel is refused there, and a put that returned is
//! complete.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::child::shared;
use super::errors::from_arena;
use super::waiting::until_if;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::arguments::{self, Receiver, receiver};
use crate::library::define;
use crate::library::message::{self, Programs};
use crate::library::methods::construct::{class_argument, class_getitem};
use crate::library::modules::queue::errors as queue;
use crate::library::parameters::Parameters;
use crate::runtime::shared_queue::{Message, QueueError, SharedQueue};
use crate::runtime::shared_wait::Until;
use crate::value::class::{Class, Layout};
use crate::value::exception::{assertion_error, type_error, value_error};
use crate::value::function::Args;
use crate::value::instance::{Instance, NativeData, Payload};
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, text};

/// What a queue object carries.
pub struct QueueObject {
    queue: SharedQueue,
    /// What every process that has the queue knows.
    receiver: message::Receiver,
    /// Whether this process has closed it.
    closed: AtomicBool,
}

impl NativeData for QueueObject {}

impl Receiver for QueueObject {
    const CLASS: &'static str = "Queue";

    #[inline]
    fn of(value: &Value) -> Option<&Self> {
        value.as_instance()?.native::<Self>()
    }
}

/// The classes of queues.
pub struct Classes {
    /// `multiprocessing.Queue`.
    pub queue: Ref<Class>,
    /// `multiprocessing.JoinableQueue`.
    pub joinable: Ref<Class>,
    /// `multiprocessing.SimpleQueue`.
    pub simple: Ref<Class>,
}

/// The classes of queues.
pub fn classes() -> &'static Classes {
    static CLASSES: OnceLock<Classes> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let layout = Layout::Native("Queue");
        let make = |name: &str, base: &Ref<Class>| {
            let class = Class::builtin(name, Some(base), layout);
            class.set(known().module, Value::str("multiprocessing.queues"));
            define::class_methods(&class, &[("__class_getitem__", class_getitem)]);
            class
        };
        let queue = make("Queue", &types().object);
        define::static_methods(&queue, &[("__new__", new)]);
        define::methods(
            &queue,
            &[
                ("put", put),
                ("get", get),
                ("put_nowait", put_nowait),
                ("get_nowait", get_nowait),
                ("qsize", qsize),
                ("empty", empty),
                ("full", full),
                ("close", close),
                ("join_thread", join_thread),
                ("cancel_join_thread", cancel_join_thread),
            ],
        );
        define::properties(&queue, &[("_maxsize", maxsize)]);
        queue.set(
            Name::new("Empty"),
            Value::Class(queue::empty_class().clone()),
        );
        queue.set(Name::new("Full"), Value::Class(queue::full_class().clone()));
        let joinable = make("JoinableQueue", &queue);
        define::methods(&joinable, &[("task_done", task_done), ("join", join)]);
        let simple = make("SimpleQueue", &types().object);
        define::static_methods(&simple, &[("__new__", new_simple)]);
        define::methods(
            &simple,
            &[
                ("put", put_simple),
                ("get", get_simple),
                ("empty", empty),
                ("close", close_simple),
            ],
        );
        Classes {
            queue,
            joinable,
            simple,
        }
    })
}

fn make(cx: &mut Context, class: &Ref<Class>, most: u64) -> Outcome<Value> {
    let queue = SharedQueue::new(Some(most));
    let object = QueueObject {
        queue: shared(queue)?,
        receiver: message::Receiver {
            baseline: cx.session.extensions.get::<Programs>().baseline(),
        },
        closed: AtomicBool::new(false),
    };
    Ok(Value::Instance(Instance::new(
        class.clone(),
        Payload::Native(Box::new(object)),
    )))
}

fn new(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const NEW: [Parameters<2>; 2] = [
        Parameters::method("BaseContext.Queue", ["maxsize", "ctx"]).positional(1),
        Parameters::method("BaseContext.JoinableQueue", ["maxsize", "ctx"]).positional(1),
    ];
    let (class, args) = class_argument(&classes().queue, args)?;
    let [most, _] = NEW[usize::from(class.derives_from(&classes().joinable))].bind(args)?;
    let most = match most {
        Some(Value::Str(_)) => {
            return Err(type_error(
                "'<=' not supported between instances of 'str' and 'int'",
            ));
        }
        Some(most) => arguments::integer(cx, most)?,
        None => 0,
    };
    make(cx, class, u64::try_from(most).unwrap_or(0))
}

fn new_simple(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const NEW: Parameters<1> = Parameters::method("BaseContext.SimpleQueue", ["ctx"]).positional(0);
    let (class, args) = class_argument(&classes().simple, args)?;
    NEW.bind(args)?;
    make(cx, class, 0)
}

impl QueueObject {
    fn check_open(&self, cx: &mut Context, object: &Value) -> Outcome<()> {
        if !self.closed.load(Ordering::Relaxed) {
            return Ok(());
        }
        let shown = text::repr(cx, object)?;
        Err(value_error(format!("Queue {shown} is closed")))
    }

    fn put(&self, cx: &mut Context, value: &Value, until: Until) -> Outcome<Value> {
        let (bytes, handles) = message::encode_for_queue(cx, value, self.receiver)?;
        cx.note_place();
        loop {
            match self.queue.put(&cx.thread, &bytes, &handles, until) {
                Ok(()) => return Ok(Value::None),
                Err(QueueError::Full) => return Err(queue::full()),
                Err(QueueError::Interrupted(_)) => interrupt::at_safepoint(cx)?,
                Err(error) => return Err(failed(error)),
            }
        }
    }

    fn get(&self, cx: &mut Context, until: Until) -> Outcome<Value> {
        let mut message = Message::default();
        cx.note_place();
        loop {
            match self.queue.get(&cx.thread, &mut message, until) {
                Ok(()) => return message::decode(cx, &message.bytes),
                Err(QueueError::Empty) => return Err(queue::empty()),
                Err(QueueError::Interrupted(_)) => interrupt::at_safepoint(cx)?,
                Err(error) => return Err(failed(error)),
            }
        }
    }
}

#[cold]
fn failed(error: QueueError) -> crate::value::exception::Raised {
    match error {
        QueueError::Memory(error) => from_arena(error),
        QueueError::TooManyDone => value_error("task_done() called too many times"),
        other => value_error(other.to_string()),
    }
}

fn put(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const PUT: Parameters<3> =
        Parameters::method("Queue.put", ["obj", "block", "timeout"]).required(1);
    let (queue, rest) = receiver::<QueueObject>(args, "put")?;
    let [value, block, timeout] = PUT.bind(rest)?;
    queue.check_open(cx, &args.values[0])?;
    let until = until_if(cx, block, timeout)?;
    match value {
        Some(value) => queue.put(cx, value, until),
        None => Ok(Value::None),
    }
}

fn get(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const GET: Parameters<2> = Parameters::method("Queue.get", ["block", "timeout"]);
    let (queue, rest) = receiver::<QueueObject>(args, "get")?;
    let [block, timeout] = GET.bind(rest)?;
    queue.check_open(cx, &args.values[0])?;
    if let Some(text @ Value::Str(_)) = timeout {
        // It is added to the time there.
        return Err(type_error(format!(
            "unsupported operand type(s) for +: 'float' and '{}'",
            text.type_name()
        )));
    }
    let until = until_if(cx, block, timeout)?;
    queue.get(cx, until)
}

fn put_nowait(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const PUT: Parameters<1> = Parameters::method("Queue.put_nowait", ["obj"]).required(1);
    let (queue, rest) = receiver::<QueueObject>(args, "put_nowait")?;
    let [value] = PUT.bind(rest)?;
    queue.check_open(cx, &args.values[0])?;
    match value {
        Some(value) => queue.put(cx, value, Until::Now),
        None => Ok(Value::None),
    }
}

fn get_nowait(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const GET: Parameters<0> = Parameters::method("Queue.get_nowait", []);
    let (queue, rest) = receiver::<QueueObject>(args, "get_nowait")?;
    GET.bind(rest)?;
    queue.check_open(cx, &args.values[0])?;
    queue.get(cx, Until::Now)
}

fn alone<'a>(
    args: Args<'a>,
    method: &'static str,
    parameters: Parameters<0>,
) -> Outcome<&'a QueueObject> {
    let (queue, rest) = receiver::<QueueObject>(args, method)?;
    parameters.bind(rest)?;
    Ok(queue)
}

fn qsize(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let queue = alone(args, "qsize", Parameters::method("Queue.qsize", []))?;
    Ok(Value::Int(queue.queue.len() as i64))
}

fn empty(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let queue = alone(args, "empty", Parameters::method("Queue.empty", []))?;
    Ok(Value::Bool(queue.queue.is_empty()))
}

fn full(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let queue = alone(args, "full", Parameters::method("Queue.full", []))?;
    Ok(Value::Bool(queue.queue.is_full()))
}

fn maxsize(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (queue, _) = receiver::<QueueObject>(args, "_maxsize")?;
    // Python's number for a queue without a bound.
    const UNBOUNDED: i64 = 2_147_483_647;
    Ok(Value::Int(
        queue.queue.most().map_or(UNBOUNDED, |most| most as i64),
    ))
}

fn close(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let queue = alone(args, "close", Parameters::method("Queue.close", []))?;
    queue.closed.store(true, Ordering::Relaxed);
    Ok(Value::None)
}

fn join_thread(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let queue = alone(
        args,
        "join_thread",
        Parameters::method("Queue.join_thread", []),
    )?;
    if !queue.closed.load(Ordering::Relaxed) {
        let shown = text::repr(cx, &args.values[0])?;
        return Err(assertion_error(format!("Queue {shown} not closed")));
    }
    // Every put is complete when it returns: there is nothing to wait for.
    Ok(Value::None)
}

fn cancel_join_thread(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let parameters = Parameters::method("Queue.cancel_join_thread", []);
    alone(args, "cancel_join_thread", parameters)?;
    Ok(Value::None)
}

fn task_done(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let parameters = Parameters::method("JoinableQueue.task_done", []);
    let queue = alone(args, "task_done", parameters)?;
    match queue.queue.task_done() {
        Ok(()) => Ok(Value::None),
        Err(error) => Err(failed(error)),
    }
}

fn join(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let queue = alone(args, "join", Parameters::method("JoinableQueue.join", []))?;
    cx.note_place();
    loop {
        match queue.queue.join(&cx.thread, Until::Forever) {
            Ok(()) => return Ok(Value::None),
            Err(QueueError::Interrupted(_)) => interrupt::at_safepoint(cx)?,
            Err(error) => return Err(failed(error)),
        }
    }
}

fn simple_is_open(queue: &QueueObject) -> Outcome<()> {
    if queue.closed.load(Ordering::Relaxed) {
        return Err(crate::value::exception::Raised::new(
            crate::value::exception::ExceptionKind::OSError,
            "handle is closed",
        ));
    }
    Ok(())
}

fn put_simple(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const PUT: Parameters<1> = Parameters::method("SimpleQueue.put", ["obj"]).required(1);
    let (queue, rest) = receiver::<QueueObject>(args, "put")?;
    let [value] = PUT.bind(rest)?;
    simple_is_open(queue)?;
    match value {
        Some(value) => queue.put(cx, value, Until::Forever),
        None => Ok(Value::None),
    }
}

fn get_simple(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let queue = alone(args, "get", Parameters::method("SimpleQueue.get", []))?;
    simple_is_open(queue)?;
    queue.get(cx, Until::Forever)
}

fn close_simple(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let queue = alone(args, "close", Parameters::method("SimpleQueue.close", []))?;
    queue.closed.store(true, Ordering::Relaxed);
    Ok(Value::None)
}
