//! Making functions from their nodes. It must not know how they are called.

use std::sync::atomic::Ordering;

use super::context::Context;
use super::expression::{evaluate, evaluate_all};
use super::observer::Observer;
use super::stack::Frame;
use crate::resolve::tree::MakeFunction;
use crate::value::function::Cell;
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

/// Makes a function from its node.
pub(super) fn make_function<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    make: &MakeFunction,
) -> Outcome<Value> {
    let defaults = evaluate_all::<O>(cx, frame, &make.defaults)?;
    let mut keyword_defaults = Vec::with_capacity(make.keyword_defaults.len());
    for default in &make.keyword_defaults {
        keyword_defaults.push(match default {
            Some(expr) => evaluate::<O>(cx, frame, expr)?,
            None => Value::Unbound,
        });
    }
    let mut function = super::function::Function::new(
        make.code.clone(),
        frame.function().linked.clone(),
        capture(frame, &make.code),
        defaults.into(),
        keyword_defaults.into(),
    );
    if let Some(annotations) = &make.annotations {
        function.annotate(evaluate::<O>(cx, frame, annotations)?);
    }
    let function = Ref::new(function);
    if make.top_level && !make.made.swap(true, Ordering::Relaxed) {
        // Called by every thread all the time: nobody counts it, so nobody fights for its count.
        function.make_immortal();
    }
    Ok(Value::Function(function))
}

/// The cells that a code captures from the frame it is made in.
pub(super) fn capture(frame: Frame, code: &crate::resolve::tree::Code) -> Box<[Ref<Cell>]> {
    use crate::resolve::tree::Capture;
    code.captures
        .iter()
        .map(|capture| match capture {
            Capture::Local(slot) => frame.local_cell(*slot).clone(),
            Capture::Captured(index) => frame.captured(*index).clone(),
        })
        .collect()
}
