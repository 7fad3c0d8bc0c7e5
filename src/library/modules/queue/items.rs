//! `Queue.queue`: the items of a queue as a script sees them without taking any out. A view of what
//! is in the queue at each moment.

use std::sync::OnceLock;

use super::channel::{Channel, Order};
use super::receiver;
use crate::eval::context::Context;
use crate::library::arguments;
use crate::library::{define, native_object};
use crate::value::class::{Class, Layout};
use crate::value::exception::{index_error, memory_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, compare, iterate, text};

/// The queue that is looked into.
struct Items(Value);

impl NativeData for Items {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.0);
    }
}

impl Items {
    fn channel(&self) -> Option<&Channel> {
        self.0.as_instance()?.native()
    }

    fn snapshot(&self) -> Vec<Value> {
        self.channel().map(Channel::snapshot).unwrap_or_default()
    }
}

/// The view of a queue.
pub(super) fn view(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    receiver(args, "queue")?;
    let queue = args.values[0].clone();
    Ok(native_object::instance(items_class(), Items(queue)))
}

fn items_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::builtin("queue.items", Some(&types().object), Layout::Sealed);
        define::methods(
            &class,
            &[
                ("__len__", |_, args| {
                    let (items, _) = this(args, "__len__")?;
                    Ok(Value::size(items.channel().map_or(0, Channel::len)))
                }),
                ("__iter__", |cx, args| {
                    let (items, _) = this(args, "__iter__")?;
                    let items = Value::list(items.snapshot());
                    iterate::iterate(cx, &items)
                }),
                ("__getitem__", get_item),
                ("__contains__", contains),
                ("__repr__", repr),
                ("append", append),
                ("pop", |_, args| {
                    let (items, rest) = this(args, "pop")?;
                    arguments::none("pop", rest)?;
                    take(items, std::collections::VecDeque::pop_back)
                }),
                ("popleft", |_, args| {
                    let (items, rest) = this(args, "popleft")?;
                    arguments::none("popleft", rest)?;
                    take(items, std::collections::VecDeque::pop_front)
                }),
                ("clear", |_, args| {
                    let (items, rest) = this(args, "clear")?;
                    arguments::none("clear", rest)?;
                    let old = items
                        .channel()
                        .map(|channel| channel.change(std::mem::take));
                    drop(old);
                    Ok(Value::None)
                }),
            ],
        );
        class
    })
}

fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Items, Args<'a>)> {
    native_object::receiver(args, "queue.items", method)
}

fn get_item(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (items, rest) = this(args, "__getitem__")?;
    let index = arguments::one("__getitem__", rest)?;
    let index = arguments::integer(cx, index)?;
    let all = items.snapshot();
    let place = if index < 0 {
        index + all.len() as i64
    } else {
        index
    };
    usize::try_from(place)
        .ok()
        .and_then(|place| all.get(place).cloned())
        .ok_or_else(|| index_error("deque index out of range"))
}

fn contains(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (items, rest) = this(args, "__contains__")?;
    let wanted = arguments::one("__contains__", rest)?;
    for item in items.snapshot() {
        if compare::identical_or_equal(cx, &item, wanted)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (items, _) = this(args, "__repr__")?;
    let list = text::repr(cx, &Value::list(items.snapshot()))?;
    let is_deque = items
        .channel()
        .is_some_and(|channel| channel.order == Order::Fifo);
    Ok(Value::str(if is_deque {
        format!("deque({list})")
    } else {
        list
    }))
}

fn append(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (items, rest) = this(args, "append")?;
    let item = arguments::one("append", rest)?.clone();
    if let Some(channel) = items.channel() {
        // What there is no memory for comes out again: freeing it may run script code.
        let refused = channel.change(|items| match items.try_reserve(1) {
            Ok(()) => {
                items.push_back(item);
                None
            }
            Err(_) => Some(item),
        });
        if refused.is_some() {
            return Err(memory_error(""));
        }
    }
    Ok(Value::None)
}

fn take(
    items: &Items,
    which: impl FnOnce(&mut std::collections::VecDeque<Value>) -> Option<Value>,
) -> Outcome<Value> {
    items
        .channel()
        .and_then(|channel| channel.change(which))
        .ok_or_else(|| index_error("pop from an empty deque"))
}
