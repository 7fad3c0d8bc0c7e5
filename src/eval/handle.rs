//! Raising and handling exceptions: `raise`, `try`, `finally`, contexts and causes. It must not
//! know how an error is shown.

use super::call::leave_trace;
use super::context::Context;
use super::expression::evaluate;
use super::observer::Observer;
use super::stack::{At, Frame, Located};
use super::statement::{Flow, execute_block};
use super::target;
use crate::resolve::tree::{Block, Handler, Try};
use crate::value::exception::{ExceptionKind, Raised, runtime_error, type_error};
use crate::value::instance::Instance;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value};

/// `raise exception [from cause]`.
pub fn raise(cx: &mut Context, exception: &Value, cause: Option<Value>) -> Raised {
    let instance = match instance_of(cx, exception, "exceptions must derive from BaseException") {
        Ok(instance) => instance,
        Err(raised) => return raised,
    };
    if let Some(cause) = cause
        && let Some(data) = instance.exception()
    {
        if cause.is_none() {
            data.set_cause(Value::None);
        } else {
            match instance_of(
                cx,
                &cause,
                "exception causes must derive from BaseException",
            ) {
                Ok(cause) => data.set_cause(Value::Instance(cause)),
                Err(raised) => return raised,
            }
        }
    }
    set_context(&instance, cx.handled_value());
    Raised::instance(instance)
}

fn instance_of(cx: &mut Context, value: &Value, otherwise: &str) -> Outcome<Ref<Instance>> {
    match value {
        Value::Instance(instance) if instance.exception().is_some() => Ok(instance.clone()),
        Value::Class(class)
            if class.derives_from(types().exception(ExceptionKind::BaseException)) =>
        {
            let made = cx.call(value, &[])?;
            match made {
                Value::Instance(instance) if instance.exception().is_some() => Ok(instance),
                other => Err(type_error(format!(
                    "calling {} should have returned an instance of BaseException, not {}",
                    crate::value::text::repr(cx, value)?,
                    crate::value::text::repr(cx, &Value::Class(other.class().clone()))?,
                ))),
            }
        }
        _ => Err(type_error(otherwise)),
    }
}

/// `raise` alone.
pub(super) fn raise_again(cx: &mut Context, frame: Frame) -> Raised {
    let Some(instance) = cx.handled().cloned() else {
        return runtime_error("No active exception to reraise");
    };
    // The exception already passed through this call when it was caught here.
    let own = frame.function().code.qualified_name;
    if let Some(data) = instance.exception()
        && data
            .trace()
            .last()
            .is_some_and(|entry| entry.function == own)
    {
        frame.record().located.set(Located::Entered);
    }
    Raised::instance(instance)
}

/// What an exception raised now was raised during: set by `raise`, without ever making a circle.
fn set_context(instance: &Ref<Instance>, handled: &Value) {
    let Value::Instance(handled) = handled else {
        return;
    };
    if handled.same(instance) {
        return;
    }
    // If the new exception is already somewhere in the chain, cut it out there.
    let mut current = handled.clone();
    let mut steps = 0;
    while let Some(Value::Instance(next)) = current.exception().map(|data| data.context()) {
        steps += 1;
        if steps > 10_000 {
            break;
        }
        if next.same(instance) {
            if let Some(data) = current.exception() {
                data.set_context(Value::None);
            }
            break;
        }
        current = next;
    }
    if let Some(data) = instance.exception() {
        data.set_context(Value::Instance(handled.clone()));
    }
}

/// The same for an error that did not come from a `raise`: only if it has no context yet.
pub(super) fn chain_context(instance: &Ref<Instance>, handled: &Value) {
    if instance
        .exception()
        .is_some_and(|data| !data.has_settled_context())
    {
        set_context(instance, handled);
    }
}

/// The same for an error that was thrown into a generator and has come to where it waits; `handled` is what it
/// handles there itself.
pub(super) fn chain_thrown(raised: &Raised, handled: &Value) {
    if let Some(instance) = raised.exception() {
        set_context(instance, handled);
    }
}

/// What is thrown into a generator that is evaluated in the context of its resumer.
pub(super) struct Thrown {
    raised: Raised,
    /// What the resumer handles.
    around: Value,
}

impl Thrown {
    pub(super) fn new(cx: &Context, raised: Raised) -> Thrown {
        let around = cx.handled.clone();
        Thrown { raised, around }
    }

    /// The error, and what is to be known when it comes back from a generator that this one delegates to.
    pub(super) fn pass_on(self) -> (Raised, Value) {
        (self.raised, self.around)
    }

    /// The error where the generator waits.
    pub(super) fn arrive(self, cx: &Context) -> Raised {
        came_back(cx, &self.raised, &self.around);
        self.raised
    }
}

/// See [`Thrown::pass_on`].
pub(super) fn came_back(cx: &Context, raised: &Raised, around: &Value) {
    if !cx.handled.same(around) {
        chain_thrown(raised, &cx.handled);
    }
}

/// What scripts get as `__traceback__`.
pub fn traceback_value(exception: &Ref<Instance>) -> Value {
    match exception.exception() {
        Some(data) if !data.trace().is_empty() => super::traceback::value(data.trace()),
        _ => Value::None,
    }
}

/// `try … except … else`.
pub(super) fn execute_try<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &Try,
) -> Outcome<Flow> {
    match execute_block::<O>(cx, frame, &node.body) {
        Ok(Flow::Next) => execute_block::<O>(cx, frame, &node.otherwise),
        Ok(flow) => Ok(flow),
        Err(raised) => catch::<O>(cx, frame, node, raised),
    }
}

#[cold]
#[inline(never)]
fn catch<O: Observer>(cx: &mut Context, frame: Frame, node: &Try, raised: Raised) -> Outcome<Flow> {
    let Some(exception) = begin_catching(cx, frame, &raised) else {
        return Err(raised);
    };
    if node.star {
        return super::group::catch_star::<O>(cx, frame, node, exception);
    }
    let previous = std::mem::replace(&mut cx.handled, Value::Instance(exception.clone()));
    let result = match find_handler::<O>(cx, frame, node, &exception) {
        Ok(Some(number)) => run_handler::<O>(cx, frame, &node.handlers[number], &exception),
        Ok(None) => return Err(let_pass(cx, frame, raised, previous)),
        Err(error) => Err(error),
    };
    end_handling(cx, previous, result)
}

/// The exception, if it is one, that has come to a `try`: it passed through this call, and was raised during what
/// is handled. While the handlers' types are evaluated, the caller lets it count as handled.
pub(super) fn begin_catching(
    cx: &mut Context,
    frame: Frame,
    raised: &Raised,
) -> Option<Ref<Instance>> {
    let exception = raised.exception()?.clone();
    leave_trace(frame.record(), raised);
    frame.record().located.set(Located::No);
    chain_context(&exception, cx.handled_value());
    Some(exception)
}

/// What no handler is for goes on its way.
pub(super) fn let_pass(cx: &mut Context, frame: Frame, raised: Raised, previous: Value) -> Raised {
    cx.handled = previous;
    frame.record().located.set(Located::Entered);
    raised
}

/// The end of handling an exception, with what came of it: `previous` is handled again, and what was raised meanwhile
/// was raised during the one that has been handled.
pub(super) fn end_handling<T>(cx: &mut Context, previous: Value, result: Outcome<T>) -> Outcome<T> {
    let handled = std::mem::replace(&mut cx.handled, previous);
    if let Err(error) = &result
        && let Some(newer) = error.exception()
    {
        chain_context(newer, &handled);
    }
    result
}

/// The number of the handler for an exception, if there is one.
pub(super) fn find_handler<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &Try,
    exception: &Ref<Instance>,
) -> Outcome<Option<usize>> {
    for (number, handler) in node.handlers.iter().enumerate() {
        if handles::<O>(cx, frame, handler, exception)? {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

fn handles<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    handler: &Handler,
    exception: &Ref<Instance>,
) -> Outcome<bool> {
    match &handler.kind {
        None => Ok(true),
        Some(kind) => {
            let kind_value = evaluate::<O>(cx, frame, kind)?;
            is_kind(exception, &kind_value).at(frame, kind.id)
        }
    }
}

/// Whether an exception is of this class, or one of these classes.
pub(super) fn is_kind(exception: &Ref<Instance>, kind: &Value) -> Outcome<bool> {
    match kind {
        Value::Class(class)
            if class.derives_from(types().exception(ExceptionKind::BaseException)) =>
        {
            Ok(exception.class().derives_from(class))
        }
        Value::Tuple(kinds) => {
            for kind in kinds.items() {
                if is_kind(exception, kind)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Err(type_error(
            "catching classes that do not inherit from BaseException is not allowed",
        )),
    }
}

/// Runs a handler's body with its target bound, and unset again afterwards.
pub(super) fn run_handler<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    handler: &Handler,
    exception: &Ref<Instance>,
) -> Outcome<Flow> {
    let Some(target) = &handler.target else {
        return execute_block::<O>(cx, frame, &handler.body);
    };
    target::assign::<O>(cx, frame, target, Value::Instance(exception.clone()))?;
    let result = execute_block::<O>(cx, frame, &handler.body);
    target::unset::<O>(frame, target);
    result
}

/// `try: body finally: cleanup`.
pub(super) fn execute_finally<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    body: &Block,
    cleanup: &Block,
) -> Outcome<Flow> {
    let result = execute_block::<O>(cx, frame, body);
    finish::<O>(cx, frame, result, cleanup)
}

/// Runs what stands after `finally`, when the body has ended so.
pub(super) fn finish<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    result: Outcome<Flow>,
    cleanup: &Block,
) -> Outcome<Flow> {
    match result {
        Ok(flow) => {
            let returned = cx.returned.take();
            match execute_block::<O>(cx, frame, cleanup)? {
                Flow::Next => {
                    cx.returned = returned;
                    Ok(flow)
                }
                other => Ok(other),
            }
        }
        Err(raised) => clean_up::<O>(cx, frame, cleanup, raised),
    }
}

#[cold]
#[inline(never)]
fn clean_up<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    cleanup: &Block,
    raised: Raised,
) -> Outcome<Flow> {
    leave_trace(frame.record(), &raised);
    frame.record().located.set(Located::No);
    let handled = match raised.exception() {
        Some(exception) => {
            chain_context(exception, cx.handled_value());
            Value::Instance(exception.clone())
        }
        None => cx.handled.clone(),
    };
    let previous = std::mem::replace(&mut cx.handled, handled);
    let result = execute_block::<O>(cx, frame, cleanup);
    match end_handling(cx, previous, result) {
        Ok(Flow::Next) => {
            frame.record().located.set(Located::Entered);
            Err(raised)
        }
        // `return`, `break` and `continue` in a `finally` swallow an exception, never a stop.
        Ok(flow) if raised.exception().is_some() => Ok(flow),
        Ok(_) => Err(raised),
        Err(error) => Err(error),
    }
}
