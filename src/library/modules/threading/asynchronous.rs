//! Exceptions that one thread raises in another, as `ctypes.pythonapi.PyThreadState_SetAsyncExc` does in CPython: the
//! only way there to end a thread from outside. A thread that waits is woken. It must not know who asks.

use std::collections::HashMap;

use crate::eval::context::Context;
use crate::eval::handle;
use crate::library::arguments;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::pending::Pending;
use crate::runtime::thread::{self as runtime, ThreadId};
use crate::value::exception::Raised;
use crate::value::function::Args;
use crate::value::{Outcome, Value};

/// What threads have not yet raised.
#[derive(Default)]
struct Sent {
    waiting: LeafLock<HashMap<ThreadId, Value>>,
}

/// `_thread._raise_in(ident, exception)`: has the thread raise it; `None` takes an earlier one back. How many threads of
/// that number there are.
pub(super) fn send(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [ident, exception] = arguments::exactly("_raise_in", args)?;
    let number = arguments::integer(cx, ident)?;
    let thread = u64::try_from(number)
        .ok()
        .and_then(ThreadId::from_number)
        .and_then(runtime::find);
    let Some(thread) = thread else {
        return Ok(Value::Int(0));
    };
    let sent = cx.session.extensions.get::<Sent>();
    let before = match exception {
        Value::None => sent.waiting.lock().remove(&thread.id()),
        exception => sent.waiting.lock().insert(thread.id(), exception.clone()),
    };
    drop(before);
    if !exception.is_none() {
        thread.interrupt(Pending::INTERRUPT);
    }
    Ok(Value::Int(1))
}

/// What the calling thread is to raise.
#[cold]
pub fn take(cx: &mut Context) -> Option<Raised> {
    let sent = cx.session.extensions.get::<Sent>();
    let exception = sent.waiting.lock().remove(&cx.thread.id())?;
    Some(handle::raise(cx, &exception, None))
}
