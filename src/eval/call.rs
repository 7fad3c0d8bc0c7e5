//! Calls: arguments to parameters, frames, the native stack. It must not know what the statements
//! of a body do.

use std::sync::Arc;

use super::answer::Answer;
use super::context::Context;
use super::function::Function;
use super::generator;
use super::observer::Observer;
use super::stack::{Frame, FrameRecord, Located, ValueStack, native_stack_position};
use super::statement::{Flow, execute_block, run_body};
use crate::resolve::tree::{Code, CodeKind};
use crate::runtime::world;
use crate::value::exception::{self, Raised, TraceEntry};
use crate::value::function::{Args, Cell, NativeFunction};
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::{Dict, Outcome, Value};

/// Native stack that must be left when a call begins, besides what its own nesting needs: for
/// native functions, drops and the handling of errors.
#[cfg(debug_assertions)]
const RESERVE: usize = 256 * 1024;
#[cfg(not(debug_assertions))]
const RESERVE: usize = 96 * 1024;

/// Native stack for one level of nested statements or expressions, at most. Guarded by the tests
/// of deep nesting, which run in both build profiles.
#[cfg(debug_assertions)]
const PER_LEVEL: usize = 6 * 1024;
#[cfg(not(debug_assertions))]
const PER_LEVEL: usize = 1024;

/// Native stack that a call of this code needs.
pub(super) fn native_stack_need(code: &Code) -> usize {
    RESERVE + code.nesting as usize * PER_LEVEL
}

/// Values per chunk, when a stack of values is used up.
const CHUNK: usize = 64 * 1024;

/// Calls any callable value: the entry for native functions.
pub(super) fn call<O: Observer>(
    cx: &mut Context,
    callee: &Value,
    args: Args<'_>,
) -> Outcome<Value> {
    with_room(cx, args.values.len() + 2, |cx| {
        for value in args.values {
            // SAFETY: room was made for all of them and two more.
            unsafe { cx.stack.push(value.clone()) };
        }
        call_pushed::<O>(cx, callee, args.values.len(), args.names)
    })
}

/// Runs `work` with room for this many values on the stack, in another chunk if need be.
pub(super) fn with_room(
    cx: &mut Context,
    slots: usize,
    work: impl FnOnce(&mut Context) -> Outcome<Value>,
) -> Outcome<Value> {
    if cx.stack.has_room(slots) {
        return work(cx);
    }
    in_other_chunk(cx, slots, work)
}

#[cold]
#[inline(never)]
fn in_other_chunk(
    cx: &mut Context,
    slots: usize,
    work: impl FnOnce(&mut Context) -> Outcome<Value>,
) -> Outcome<Value> {
    let spare = cx.take_spare_stack(slots);
    let is_spare = spare.is_some();
    let chunk = spare.unwrap_or_else(|| ValueStack::new(slots.max(CHUNK)));
    let own = std::mem::replace(&mut cx.stack, chunk);
    let result = work(cx);
    let chunk = std::mem::replace(&mut cx.stack, own);
    if is_spare {
        cx.put_spare_stack(chunk);
    }
    result
}

/// Calls a value with the topmost `count` values of the stack, which are gone afterwards. There
/// must be room for one more.
pub(super) fn call_pushed<O: Observer>(
    cx: &mut Context,
    callee: &Value,
    count: usize,
    names: &[Name],
) -> Outcome<Value> {
    match callee {
        Value::Function(function) => call_function::<O>(cx, function, count, names).outcome(),
        Value::Native(function) => {
            O::native_call(callee, 0);
            call_native_with(cx, function, count, names)
        }
        Value::Method(method) => {
            // SAFETY: callers leave room for one more.
            unsafe { cx.stack.insert_below(count, method.receiver.clone()) };
            match &method.function {
                Value::Function(function) => {
                    call_function::<O>(cx, function, count + 1, names).outcome()
                }
                // The room for one more is used up: natives push nothing by themselves.
                other => with_room_pushed::<O>(cx, other, count + 1, names),
            }
        }
        Value::Class(class) => super::class::instantiate::<O>(cx, class, count, names),
        other => call_other(cx, other, count, names),
    }
}

/// Calls a native function with the topmost `count` values.
#[inline(always)]
pub(super) fn call_native(
    cx: &mut Context,
    function: &NativeFunction,
    count: usize,
) -> Outcome<Value> {
    call_native_with(cx, function, count, &[])
}

#[inline(always)]
pub(super) fn call_native_with(
    cx: &mut Context,
    function: &NativeFunction,
    count: usize,
    names: &[Name],
) -> Outcome<Value> {
    // SAFETY: the arguments are the topmost values and stay until after the call.
    let args = unsafe { cx.stack.arguments(count, names) };
    let base = args.values.as_ptr() as *mut Value;
    let result = function.call(cx, args);
    // SAFETY: whatever the function pushed above is gone again.
    unsafe { cx.stack.truncate(base) };
    result
}

/// Calls a value with the topmost `count` values, where no room for one more is known.
pub(super) fn with_room_pushed<O: Observer>(
    cx: &mut Context,
    callee: &Value,
    count: usize,
    names: &[Name],
) -> Outcome<Value> {
    if cx.stack.has_room(1) {
        return call_pushed::<O>(cx, callee, count, names);
    }
    // SAFETY: the caller pushed that many.
    let values = unsafe { cx.stack.pop_many(count) };
    in_other_chunk(cx, count + 2, |cx| {
        for value in values {
            // SAFETY: the chunk has room for them.
            unsafe { cx.stack.push(value) };
        }
        call_pushed::<O>(cx, callee, count, names)
    })
}

#[cold]
#[inline(never)]
fn call_other(cx: &mut Context, callee: &Value, count: usize, names: &[Name]) -> Outcome<Value> {
    // SAFETY: the caller pushed that many.
    let values = unsafe { cx.stack.pop_many(count) };
    let method = match callee {
        Value::Instance(instance) => {
            if let crate::value::instance::Payload::StaticMethod(inner) = instance.payload() {
                let inner = inner.clone();
                return cx.call_with(
                    &inner,
                    Args {
                        values: &values,
                        names,
                    },
                );
            }
            instance.class().lookup(known().call)
        }
        _ => None,
    };
    let Some(method) = method else {
        return Err(exception::type_error(format!(
            "'{}' object is not callable",
            callee.type_name()
        )));
    };
    cx.check_stack("")?;
    let bound = super::attribute::bind(cx, &method, callee)?;
    cx.call_with(
        &bound,
        Args {
            values: &values,
            names,
        },
    )
}

/// Calls a function of a script with the topmost `count` values.
#[inline(always)]
pub(super) fn call_function<O: Observer>(
    cx: &mut Context,
    function: &Ref<Function>,
    count: usize,
    names: &[Name],
) -> Answer {
    let code = &*function.code;
    if code.is_simple && names.is_empty() && count == code.parameters.positional {
        // The arguments are there already, so this asks for a little more than is needed.
        if cx.stack.has_room(code.room as usize)
            && cx.depth < cx.recursion_limit()
            && native_stack_position() >= cx.stack_limit + native_stack_need(code)
        {
            return run_simple::<O>(cx, function, count);
        }
    }
    call_function_generally::<O>(cx, function, count, names)
}

#[inline(never)]
fn call_function_generally<O: Observer>(
    cx: &mut Context,
    function: &Ref<Function>,
    count: usize,
    names: &[Name],
) -> Answer {
    let code = &*function.code;
    Answer::from(
        if code.is_simple && names.is_empty() && count == code.parameters.positional {
            run::<O>(cx, function, count)
        } else {
            bind_and_run::<O>(cx, function, count, names)
        },
    )
}

#[inline(never)]
fn bind_and_run<O: Observer>(
    cx: &mut Context,
    function: &Ref<Function>,
    count: usize,
    names: &[Name],
) -> Outcome<Value> {
    let code = &*function.code;
    let layout = &code.parameters;
    let bound = layout.slots();
    if names.is_empty()
        && count <= layout.positional
        && layout.keyword_only == 0
        && layout.rest.is_none()
        && layout.keyword_rest.is_none()
        && cx.stack.has_room(bound - count)
    {
        let missing = layout.positional - count;
        if missing == 0 {
            return enter::<O>(cx, function, bound);
        }
        let defaults = function.defaults();
        if missing <= defaults.len() {
            for value in &defaults[defaults.len() - missing..] {
                // SAFETY: checked above.
                unsafe { cx.stack.push(value.clone()) };
            }
            return enter::<O>(cx, function, bound);
        }
    }
    // `*rest` and `**more`, and nothing that is given by name.
    if names.is_empty()
        && count >= layout.positional
        && layout.keyword_only == 0
        && layout.rest.is_some()
        && cx.stack.has_room(2)
    {
        // SAFETY: the caller pushed that many; there is room for as many more.
        unsafe {
            let rest = cx.stack.pop_many(count - layout.positional);
            cx.stack.push(Value::tuple(rest));
            if layout.keyword_rest.is_some() {
                cx.stack.push(Value::Dict(Ref::new(Dict::new())));
            }
        }
        return enter::<O>(cx, function, bound);
    }
    if place_keywords(cx, function, count, names) {
        return enter::<O>(cx, function, bound);
    }
    // SAFETY: the caller pushed that many.
    let values = unsafe { cx.stack.pop_many(count) };
    let values = super::arguments::bind(cx, function, values, names)?;
    with_room(cx, bound, |cx| {
        for value in values {
            // SAFETY: room was made.
            unsafe { cx.stack.push(value) };
        }
        enter::<O>(cx, function, bound)
    })
}

/// How many keyword arguments are put in their places without vectors.
const FEW: usize = 8;

/// Puts the keyword arguments among the topmost `count` values in their places and fills in the
/// defaults, where nothing is unusual; does nothing otherwise.
#[inline(never)]
fn place_keywords(
    cx: &mut Context,
    function: &Ref<Function>,
    count: usize,
    names: &[Name],
) -> bool {
    let layout = &function.code.parameters;
    let bound = layout.slots();
    let given = count - names.len();
    if names.len() > FEW
        || bound >= 64
        || given > layout.positional
        || layout.rest.is_some()
        || layout.keyword_rest.is_some()
        || !cx.stack.has_room(bound)
    {
        return false;
    }
    let mut places = [0u8; FEW];
    let mut there = (1u64 << given) - 1;
    for (place, name) in places.iter_mut().zip(names) {
        match layout.names.iter().position(|known| known == name) {
            Some(position) if position >= layout.positional_only && there >> position & 1 == 0 => {
                there |= 1 << position;
                *place = position as u8;
            }
            _ => return false,
        }
    }
    let defaults = function.defaults();
    let Some(required) = layout.positional.checked_sub(defaults.len()) else {
        return false;
    };
    let default_of = |position: usize| {
        if position < layout.positional {
            defaults.get(position.checked_sub(required)?)
        } else {
            let value = function
                .keyword_defaults()
                .get(position - layout.positional)?;
            (!value.is_unbound()).then_some(value)
        }
    };
    if (given..bound).any(|position| there >> position & 1 == 0 && default_of(position).is_none()) {
        return false;
    }
    let mut values = [const { Value::Unbound }; FEW];
    let base = cx.stack.top();
    // SAFETY: the caller pushed as many values as there are names, and room was asked for; every
    // place is written before the top is moved above it.
    unsafe {
        let first = base.sub(names.len());
        for (offset, value) in values[..names.len()].iter_mut().enumerate() {
            *value = first.add(offset).read();
        }
        cx.stack.lower(first);
        for position in given..bound {
            cx.stack.push(match default_of(position) {
                Some(value) if there >> position & 1 == 0 => value.clone(),
                _ => Value::Unbound,
            });
        }
        let slots = first.sub(given);
        for (place, value) in places.iter().zip(&mut values[..names.len()]) {
            slots.add(usize::from(*place)).write(value.take());
        }
    }
    true
}

/// Enters a function whose parameters are the topmost values: runs it, or makes its generator.
#[inline]
fn enter<O: Observer>(
    cx: &mut Context,
    function: &Ref<Function>,
    parameters: usize,
) -> Outcome<Value> {
    if function.code.is_generator {
        // SAFETY: the parameters are the topmost values.
        return Ok(unsafe { generator::make::<O>(cx, function.clone(), parameters) });
    }
    run::<O>(cx, function, parameters)
}

/// Runs a function whose parameters are the topmost values.
pub(super) fn run<O: Observer>(
    cx: &mut Context,
    function: &Ref<Function>,
    parameters: usize,
) -> Outcome<Value> {
    let code = &*function.code;
    if code.is_generator {
        return enter::<O>(cx, function, parameters);
    }
    let room = code.slots() - parameters + code.scratch as usize + 1;
    if !cx.stack.has_room(room) {
        return run_elsewhere::<O>(cx, function, parameters);
    }
    if cx.depth >= cx.recursion_limit() {
        return Err(refuse_depth(cx, parameters));
    }
    if native_stack_position() < cx.stack_limit + native_stack_need(code) {
        return run_on_more_stack::<O>(cx, function, parameters);
    }
    run_here::<O>(cx, function, parameters)
}

#[cold]
#[inline(never)]
fn refuse_depth(cx: &mut Context, parameters: usize) -> Raised {
    // SAFETY: the caller pushed that many.
    drop(unsafe { cx.stack.pop_many(parameters) });
    exception::recursion_error("maximum recursion depth exceeded")
}

#[cold]
#[inline(never)]
fn run_elsewhere<O: Observer>(
    cx: &mut Context,
    function: &Ref<Function>,
    parameters: usize,
) -> Outcome<Value> {
    let code = &*function.code;
    // SAFETY: the caller pushed that many.
    let values = unsafe { cx.stack.pop_many(parameters) };
    in_other_chunk(cx, code.slots() + code.scratch as usize + 2, |cx| {
        for value in values {
            // SAFETY: the chunk has room for the whole frame.
            unsafe { cx.stack.push(value) };
        }
        run::<O>(cx, function, parameters)
    })
}

#[cold]
#[inline(never)]
fn run_on_more_stack<O: Observer>(
    cx: &mut Context,
    function: &Ref<Function>,
    parameters: usize,
) -> Outcome<Value> {
    let need = native_stack_need(&function.code);
    let Some(stack) = super::native_stack::take(need) else {
        // SAFETY: the caller pushed that many.
        drop(unsafe { cx.stack.pop_many(parameters) });
        return Err(exception::recursion_error(
            "maximum recursion depth exceeded (no memory for more native stack)",
        ));
    };
    super::native_stack::run_on(stack, cx, |cx| run_here::<O>(cx, function, parameters))
}

#[inline(always)]
fn run_here<O: Observer>(
    cx: &mut Context,
    function: &Ref<Function>,
    parameters: usize,
) -> Outcome<Value> {
    let code = &*function.code;
    // SAFETY: the parameters are the topmost values, and there is room for the other slots.
    let base = unsafe {
        let base = cx.stack.top().sub(parameters);
        for _ in parameters..code.slots() {
            cx.stack.push(Value::Unbound);
        }
        base
    };
    let result = run_frame::<O>(cx, function, base);
    // SAFETY: everything the call pushed above its frame is gone.
    unsafe { cx.stack.truncate(base) };
    result
}

/// Runs a function without cells, for which everything was found to be there.
#[inline(always)]
fn run_simple<O: Observer>(cx: &mut Context, function: &Function, parameters: usize) -> Answer {
    let code = &*function.code;
    // SAFETY: the parameters are the topmost values, and there is room for the other slots.
    let base = unsafe {
        let base = cx.stack.top().sub(parameters);
        for _ in parameters..code.slots() {
            cx.stack.push(Value::Unbound);
        }
        base
    };
    let record = FrameRecord::new(cx, function, base);
    // SAFETY: the record stays on this native stack frame until the call is left; the slots are
    // initialised.
    let frame = unsafe { enter_frame(cx, &record) };
    let mut answer = if world::poll_requested() {
        run_body_after_safepoint::<O>(cx, frame, &code.body)
    } else {
        run_body::<O>(cx, frame, &code.body)
    };
    leave_frame(cx, &record);
    if answer.is_error() {
        answer = traced(&record, answer);
    }
    // SAFETY: everything the call pushed above its frame is gone.
    unsafe { cx.stack.truncate(base) };
    answer
}

/// Makes a record that of the innermost call.
///
/// # Safety
/// The record must stay where it is, and the slots from its base on initialised, until
/// [`leave_frame`].
#[inline(always)]
pub(super) unsafe fn enter_frame(cx: &mut Context, record: &FrameRecord) -> Frame {
    cx.frames = record;
    cx.depth += 1;
    // SAFETY: by contract.
    unsafe { Frame::of(record) }
}

/// Makes its caller the innermost call again.
#[inline(always)]
pub(super) fn leave_frame(cx: &mut Context, record: &FrameRecord) {
    cx.depth -= 1;
    cx.frames = record.previous.get();
}

#[cold]
#[inline(never)]
fn run_body_after_safepoint<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    body: &[crate::resolve::tree::Stmt],
) -> Answer {
    match safepoint(cx) {
        Ok(()) => run_body::<O>(cx, frame, body),
        Err(raised) => Answer::error(raised),
    }
}

/// Adds a call's line to the traceback of an error that leaves it.
#[cold]
#[inline(never)]
fn traced(record: &FrameRecord, answer: Answer) -> Answer {
    let result = answer.outcome();
    if let Err(raised) = &result {
        leave_trace(record, raised);
    }
    Answer::from(result)
}

/// Runs the body in a frame whose slots are initialised: parameters and `Unbound`.
pub(super) fn run_frame<O: Observer>(
    cx: &mut Context,
    function: &Function,
    base: *mut Value,
) -> Outcome<Value> {
    run_frame_with::<O>(cx, function, base, |_, _| {})
}

/// The same, with a look at the frame after the body has ended without an error.
#[inline(always)]
pub(super) fn run_frame_with<O: Observer>(
    cx: &mut Context,
    function: &Function,
    base: *mut Value,
    finish: impl FnOnce(&mut Context, Frame),
) -> Outcome<Value> {
    let code = &*function.code;
    let record = FrameRecord::new(cx, function, base);
    // SAFETY: the record stays on this native stack frame until the call is left; the caller
    // initialised the slots.
    let frame = unsafe { enter_frame(cx, &record) };
    if !code.cell_slots.is_empty() {
        make_cells(frame, code);
    }
    let result = match safepoint(cx) {
        Ok(()) => execute_block::<O>(cx, frame, &code.body),
        Err(raised) => Err(raised),
    };
    if result.is_ok() {
        finish(cx, frame);
    }
    leave_frame(cx, &record);
    match result {
        Ok(Flow::Return) => Ok(cx.returned.take()),
        Ok(_) => Ok(Value::None),
        Err(raised) => {
            leave_trace(&record, &raised);
            Err(raised)
        }
    }
}

/// Parameters that inner codes capture move into cells; other captured variables get empty ones.
pub(super) fn make_cells(frame: Frame, code: &Code) {
    for &slot in &code.cell_slots {
        let value = frame.get(slot);
        frame.set(slot, Value::Cell(Ref::new(Cell::new(value))));
    }
}

/// Adds this call's line to the traceback of an error that leaves it.
#[cold]
#[inline(never)]
pub(super) fn leave_trace(record: &FrameRecord, raised: &Raised) {
    if record.located.get() == Located::Entered {
        return;
    }
    record.located.set(Located::Entered);
    // SAFETY: the caller keeps the function alive.
    let code = unsafe { &*record.function }.code.clone();
    raised.add_trace(TraceEntry {
        source: code.origin.source.clone(),
        span: code.origin.span(record.node.get()),
        function: code.qualified_name,
    });
}

/// Where a thread may be stopped, interrupted or asked to look after something: loop back-edges
/// and calls. Costs one load.
#[inline(always)]
pub(super) fn safepoint(cx: &mut Context) -> Outcome<()> {
    if world::poll_requested() {
        return super::interrupt::at_safepoint(cx);
    }
    Ok(())
}

/// Makes the function of a module's top level.
pub(super) fn module_function(
    code: Arc<Code>,
    linked: Arc<super::module::Linked>,
) -> Ref<Function> {
    debug_assert_eq!(code.kind, CodeKind::Module);
    Ref::new(Function::new(
        code,
        linked,
        Box::default(),
        Arc::new([]),
        Arc::new([]),
    ))
}

/// Whether calling the value can be expected to work.
pub fn is_callable(value: &Value) -> bool {
    match value {
        Value::Function(_) | Value::Native(_) | Value::Method(_) | Value::Class(_) => true,
        Value::Instance(instance) => {
            matches!(
                instance.payload(),
                crate::value::instance::Payload::StaticMethod(_)
            ) || instance.class().lookup(known().call).is_some()
        }
        _ => false,
    }
}
