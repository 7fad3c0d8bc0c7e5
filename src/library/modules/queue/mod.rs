//! `queue`: queues between the threads of one process, which pass references. Their methods; what
//! is behind them is in `channel`.

mod channel;
pub mod errors;
mod heap;
mod hooks;
mod items;

use std::sync::OnceLock;

use self::channel::{Channel, Limit, Order, Patience, Side};
use super::with_functions;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments::{self, Signature};
use crate::library::modules::threading::timeout;
use crate::library::parameters::Parameters;
use crate::library::{define, native_object};
use crate::runtime::clock::Deadline;
use crate::value::class::{Class, Layout};
use crate::value::exception::{type_error, value_error};
use crate::value::function::{Args, NativeCall};
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value};

/// Makes the module.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("queue", &[]);
    let names = [
        ("Empty", errors::empty_class()),
        ("Full", errors::full_class()),
        ("ShutDown", errors::shut_down_class()),
        ("Queue", class()),
        ("PriorityQueue", priority_class()),
        ("LifoQueue", lifo_class()),
        ("SimpleQueue", simple_class()),
    ];
    for (name, class) in names {
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    // CPython's name for the one that it has in Python; here there is one.
    module.set(
        Name::new("_PySimpleQueue"),
        Value::Class(simple_class().clone()),
    );
    let all = names.iter().map(|(name, _)| Value::str(*name)).collect();
    module.set(known().all, Value::list(all));
    Ok(module)
}

/// Makes `_queue`, in which `Empty` says that it is.
pub fn make_accelerated(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("_queue", &[]);
    for (name, class) in [
        ("Empty", errors::empty_class()),
        ("SimpleQueue", simple_class()),
    ] {
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    Ok(module)
}

/// `queue.Queue`.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = named("Queue", &types().object);
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                let queue = Channel::new(Order::Fifo).hooked(hooks::are_in(args));
                native_object::new(self::class(), args, queue)
            })],
        );
        define::methods(
            &class,
            &[
                ("__init__", |cx, args| hooks::or(cx, "__init__", args, init)),
                ("put", |cx, args| hooks::or(cx, "put", args, put)),
                ("put_nowait", |cx, args| {
                    hooks::or(cx, "put_nowait", args, put_nowait)
                }),
                ("get", |cx, args| hooks::or(cx, "get", args, get)),
                ("get_nowait", |cx, args| {
                    hooks::or(cx, "get_nowait", args, get_nowait)
                }),
                ("qsize", |cx, args| hooks::or(cx, "qsize", args, size)),
                ("empty", |cx, args| hooks::or(cx, "empty", args, empty)),
                ("full", |cx, args| hooks::or(cx, "full", args, full)),
                ("task_done", |cx, args| {
                    hooks::or(cx, "task_done", args, task_done)
                }),
                ("join", |cx, args| hooks::or(cx, "join", args, join)),
                ("shutdown", |cx, args| {
                    hooks::or(cx, "shutdown", args, shut_down)
                }),
            ],
        );
        hooks::add_defaults(&class, hooks::FIRST_IN_FIRST_OUT);
        attributes(&class);
        class
    })
}

/// The attributes, which a queue that is kept by its class's hooks has as ordinary ones.
fn attributes(class: &Class) {
    define::accessor(
        class,
        "maxsize",
        |cx, args| hooks::attribute(cx, "maxsize", args, most),
        Some(|cx, args| match set_most(cx, args) {
            Ok(_) => hooks::set_attribute("maxsize", args).or(Ok(Value::None)),
            failed => failed,
        }),
    );
    define::accessor(
        class,
        "unfinished_tasks",
        |cx, args| hooks::attribute(cx, "unfinished_tasks", args, unfinished),
        Some(set_unfinished),
    );
    for (name, get) in [
        (
            "not_empty",
            (|cx, args| hooks::attribute(cx, "not_empty", args, not_empty)) as NativeCall,
        ),
        ("not_full", |cx, args| {
            hooks::attribute(cx, "not_full", args, not_full)
        }),
        ("all_tasks_done", |cx, args| {
            hooks::attribute(cx, "all_tasks_done", args, all_done)
        }),
    ] {
        let set: NativeCall = match name {
            "not_empty" => |_, args| hooks::set_attribute("not_empty", args),
            "not_full" => |_, args| hooks::set_attribute("not_full", args),
            _ => |_, args| hooks::set_attribute("all_tasks_done", args),
        };
        define::accessor(class, name, get, Some(set));
    }
    define::methods(
        class,
        &[
            ("_wait_at", |cx, args| {
                let [_, side, timeout] = arguments::exactly("_wait_at", args)?;
                let queue = this_of(args, "Queue._wait_at")?;
                let side = Side::of(side.as_str().unwrap_or_default());
                let seconds = timeout::seconds(cx, Some(timeout), |kind| {
                    format!("'{kind}' object cannot be interpreted as an integer")
                })?;
                let deadline = seconds.map(|seconds| Deadline::after_seconds(seconds.max(0.0)));
                Ok(Value::Bool(queue.wait_at(cx, side, deadline)?))
            }),
            ("_wake_at", |_, args| {
                let [_, side, count] = arguments::exactly("_wake_at", args)?;
                let queue = this_of(args, "Queue._wake_at")?;
                let most = match count {
                    Value::Int(count) => usize::try_from(*count).unwrap_or(0),
                    _ => usize::MAX,
                };
                queue.wake_at(Side::of(side.as_str().unwrap_or_default()), most);
                Ok(Value::None)
            }),
        ],
    );
    define::accessor(
        class,
        "is_shutdown",
        |cx, args| hooks::attribute(cx, "is_shutdown", args, is_shut),
        Some(|_, args| hooks::set_attribute("is_shutdown", args)),
    );
    define::accessor(
        class,
        "queue",
        |cx, args| hooks::attribute(cx, "queue", args, items::view),
        Some(|_, args| hooks::set_attribute("queue", args)),
    );
    define::accessor(
        class,
        "mutex",
        |cx, args| hooks::attribute(cx, "mutex", args, mutex),
        Some(|_, args| hooks::set_attribute("mutex", args)),
    );
}

fn this_of<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a Channel> {
    Ok(receiver(args, method)?.0)
}

/// Sets how many tasks are not done: part of how scripts empty a queue.
fn set_unfinished(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    if hooks::is_hooked(args) {
        return hooks::set_attribute("unfinished_tasks", args);
    }
    let count = args.values.get(1).cloned().unwrap_or_default();
    let count = arguments::integer(cx, &count)?;
    this_of(args, "Queue.unfinished_tasks")?.set_unfinished(u64::try_from(count).unwrap_or(0));
    Ok(Value::None)
}

fn not_empty(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    condition(cx, args, "item")
}

fn not_full(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    condition(cx, args, "room")
}

fn all_done(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    condition(cx, args, "done")
}

/// What stands for one of the conditions of a queue.
fn condition(cx: &mut Context, args: Args<'_>, side: &'static str) -> Outcome<Value> {
    hooks::call_by_name(cx, "condition", &[args.values[0].clone(), Value::str(side)])
}

fn unfinished(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let queue = this(args, "Queue.unfinished_tasks")?;
    Ok(Value::Int(queue.unfinished() as i64))
}

fn is_shut(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(Value::Bool(this(args, "Queue.is_shutdown")?.is_shut()))
}

fn mutex(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(this(args, "Queue.mutex")?.mutex())
}

fn get_nowait(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    this(args, "Queue.get_nowait")?.get(cx, Patience::None)
}

fn size(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(Value::size(this(args, "Queue.qsize")?.len()))
}

fn empty(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(Value::Bool(this(args, "Queue.empty")?.len() == 0))
}

fn join(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    this(args, "Queue.join")?.join(cx)?;
    Ok(Value::None)
}

fn named(name: &str, base: &Ref<Class>) -> Ref<Class> {
    let class = Class::builtin(name, Some(base), Layout::Native("Queue"));
    class.set(known().module, Value::str("queue"));
    class
}

/// `queue.LifoQueue`.
pub fn lifo_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let derived = named("LifoQueue", class());
        define::static_methods(
            &derived,
            &[("__new__", |_, args| {
                let queue = Channel::new(Order::Lifo).hooked(hooks::are_in(args));
                native_object::new(lifo_class(), args, queue)
            })],
        );
        hooks::add_defaults(&derived, hooks::LAST_IN_FIRST_OUT);
        derived
    })
}

/// `queue.PriorityQueue`.
pub fn priority_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let derived = named("PriorityQueue", class());
        define::static_methods(
            &derived,
            &[("__new__", |_, args| {
                let queue = Channel::new(Order::Priority).hooked(hooks::are_in(args));
                native_object::new(priority_class(), args, queue)
            })],
        );
        hooks::add_defaults(&derived, hooks::SMALLEST_FIRST);
        derived
    })
}

#[inline(always)]
fn receiver<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Channel, Args<'a>)> {
    native_object::receiver(args, "Queue", method)
}

/// The receiver of a method without arguments.
#[inline]
fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a Channel> {
    let (queue, rest) = receiver(args, method)?;
    let [] = Parameters::method(method, []).bind(rest)?;
    Ok(queue)
}

const INIT: Parameters<1> = Parameters::method("Queue.__init__", ["maxsize"]);
const PUT: Parameters<3> =
    Parameters::method("Queue.put", ["item", "block", "timeout"]).required(1);
const PUT_NOWAIT: Parameters<1> = Parameters::method("Queue.put_nowait", ["item"]).required(1);
const GET: Parameters<2> = Parameters::method("Queue.get", ["block", "timeout"]);
const SHUT_DOWN: Parameters<1> = Parameters::method("Queue.shutdown", ["immediate"]);

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (queue, rest) = receiver(args, "__init__")?;
    let [most] = INIT.bind(rest)?;
    set_limit(cx, queue, most.cloned().unwrap_or(Value::Int(0)));
    Ok(Value::None)
}

/// Sets the limit: whatever is not positive is none, and what is no number fails when it is used.
fn set_limit(cx: &mut Context, queue: &Channel, value: Value) {
    let number = match value.unwrapped() {
        Value::Int(most) => Some(*most),
        other => timeout::number(cx, other, str::to_owned)
            .ok()
            // The cast saturates.
            .map(|most| most.ceil() as i64),
    };
    let most = number.and_then(|most| usize::try_from(most).ok());
    let is_number = number.is_some();
    queue.set_limit(most.unwrap_or(0), Limit { value, is_number });
}

fn full(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let queue = this(args, "Queue.full")?;
    if let Some(kind) = queue.wrong_limit() {
        return Err(type_error(format!(
            "'<' not supported between instances of 'int' and '{kind}'"
        )));
    }
    Ok(Value::Bool(queue.is_full()))
}

fn most(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(this(args, "Queue.maxsize")?.limit())
}

fn set_most(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (queue, rest) = receiver(args, "maxsize")?;
    let most = arguments::one("maxsize", rest)?;
    set_limit(cx, queue, most.clone());
    Ok(Value::None)
}

/// How long to wait, as `block` and `timeout` say.
fn patience(cx: &mut Context, block: Option<&Value>, timeout: Option<&Value>) -> Outcome<Patience> {
    if !arguments::flag(cx, block, true)? {
        return Ok(Patience::None);
    }
    let refusal = |kind: &str| format!("'<' not supported between instances of '{kind}' and 'int'");
    match timeout::seconds(cx, timeout, refusal)? {
        Some(seconds) if seconds < 0.0 => {
            Err(value_error("'timeout' must be a non-negative number"))
        }
        seconds => Ok(Patience::Until(seconds.map(Deadline::after_seconds))),
    }
}

fn put(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (queue, rest) = receiver(args, "put")?;
    let [Some(item), block, timeout] = PUT.bind(rest)? else {
        return Ok(Value::None);
    };
    if let Some(kind) = queue.wrong_limit() {
        return Err(type_error(format!(
            "'>' not supported between instances of '{kind}' and 'int'"
        )));
    }
    // Where there is no limit, nobody looks at the others.
    let limited = queue.is_limited();
    let patience = match (limited, block, timeout) {
        (false, ..) | (_, None, None) => Patience::Until(None),
        _ => patience(cx, block, timeout)?,
    };
    queue.put(cx, item.clone(), patience)?;
    Ok(Value::None)
}

fn put_nowait(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (queue, rest) = receiver(args, "put_nowait")?;
    if let [Some(item)] = PUT_NOWAIT.bind(rest)? {
        queue.put(cx, item.clone(), Patience::None)?;
    }
    Ok(Value::None)
}

fn get(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (queue, rest) = receiver(args, "get")?;
    if rest.values.is_empty() {
        return queue.get(cx, Patience::Until(None));
    }
    let [block, timeout] = GET.bind(rest)?;
    let patience = patience(cx, block, timeout)?;
    queue.get(cx, patience)
}

fn task_done(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    if this(args, "Queue.task_done")?.task_done(cx)? {
        return Ok(Value::None);
    }
    Err(value_error("task_done() called too many times"))
}

fn shut_down(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (queue, rest) = receiver(args, "shutdown")?;
    let [at_once] = SHUT_DOWN.bind(rest)?;
    let at_once = arguments::flag(cx, at_once, false)?;
    queue.shut_down(cx, at_once)?;
    Ok(Value::None)
}

// ---- SimpleQueue ----

/// `queue.SimpleQueue`.
pub fn simple_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("SimpleQueue");
        class.set(known().module, Value::str("_queue"));
        define::static_methods(&class, &[("__new__", new_simple)]);
        define::methods(
            &class,
            &[
                ("put", put_simple),
                ("put_nowait", put_nowait_simple),
                ("get", get_simple),
                ("get_nowait", |cx, args| {
                    let (queue, rest) = simple(args, "get_nowait")?;
                    arguments::none("SimpleQueue.get_nowait", rest)?;
                    queue.get(cx, Patience::None)
                }),
                ("qsize", |_, args| {
                    let (queue, rest) = simple(args, "qsize")?;
                    arguments::none("SimpleQueue.qsize", rest)?;
                    Ok(Value::size(queue.len()))
                }),
                ("empty", |_, args| {
                    let (queue, rest) = simple(args, "empty")?;
                    arguments::none("SimpleQueue.empty", rest)?;
                    Ok(Value::Bool(queue.len() == 0))
                }),
            ],
        );
        define::class_methods(
            &class,
            &[(
                "__class_getitem__",
                crate::library::methods::construct::class_getitem,
            )],
        );
        class
    })
}

fn new_simple(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let is_own =
        matches!(args.values.first(), Some(Value::Class(class)) if class.same(simple_class()));
    if is_own && args.values.len() > 1 {
        return Err(type_error(if args.names.is_empty() {
            "SimpleQueue() takes no positional arguments"
        } else {
            "SimpleQueue() takes no keyword arguments"
        }));
    }
    native_object::new(simple_class(), args, Channel::new(Order::Fifo))
}

#[inline(always)]
fn simple<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Channel, Args<'a>)> {
    native_object::receiver(args, "SimpleQueue", method)
}

const SIMPLE_PUT: Signature<3> = Signature::new("put", ["item", "block", "timeout"]).required(1);
const SIMPLE_PUT_NOWAIT: Signature<1> = Signature::new("put_nowait", ["item"]).required(1);
const SIMPLE_GET: Signature<2> = Signature::new("get", ["block", "timeout"]);

fn put_simple(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (queue, rest) = simple(args, "put")?;
    if let [Some(item), _, _] = SIMPLE_PUT.bind(rest)? {
        queue.put(cx, item.clone(), Patience::Until(None))?;
    }
    Ok(Value::None)
}

fn put_nowait_simple(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (queue, rest) = simple(args, "put_nowait")?;
    if let [Some(item)] = SIMPLE_PUT_NOWAIT.bind(rest)? {
        queue.put(cx, item.clone(), Patience::None)?;
    }
    Ok(Value::None)
}

fn get_simple(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (queue, rest) = simple(args, "get")?;
    let [block, timeout] = SIMPLE_GET.bind(rest)?;
    let patience = patience(cx, block, timeout)?;
    queue.get(cx, patience)
}
