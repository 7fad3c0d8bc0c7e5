//! `yield` and `yield from` as statements: what goes out, what comes in, and what is done with it. It must not know
//! the statements around them.

use super::super::answer::Step;
use super::super::context::Context;
use super::super::delegation::delegate_once;
use super::super::expression::walk;
use super::super::observer::Observer;
use super::super::stack::{At, Frame};
use super::super::statement::Flow;
use super::super::variable::unbound_local;
use super::super::{generator, handle, target};
use crate::resolve::tree::{Expr, Received, Slot};
use crate::value::exception::Raised;
use crate::value::{Value, arithmetic, iterate};

/// The error of `slot op= yield` where the slot has no value, which is found before anything is
/// yielded.
#[inline(always)]
pub(super) fn unbound_before(frame: Frame, received: &Received) -> Option<Raised> {
    match received {
        Received::Augment(_, slot, place) if frame.peek(*slot).is_unbound() => {
            Some(unbound_local(frame, *slot, *place))
        }
        _ => None,
    }
}

/// Goes on after a `yield`: with what was sent, or raising what was thrown.
#[inline(always)]
pub(super) fn go_on<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    received: &Received,
    place: u32,
) -> Step {
    if cx.thrown.is_some() {
        return raise_thrown(cx, frame, place);
    }
    match received {
        // In most cases there is nothing to drop.
        Received::Nothing if !cx.returned.is_object() => Step::NEXT,
        _ => receive::<O>(cx, frame, received, place),
    }
}

#[cold]
#[inline(never)]
fn raise_thrown(cx: &mut Context, frame: Frame, place: u32) -> Step {
    match cx.thrown.take() {
        Some(thrown) => Step::from(Err(thrown.arrive(cx)).at(frame, place)),
        None => Step::NEXT,
    }
}

/// Does with what waits in the context what stands around a `yield`.
#[inline(never)]
fn receive<O: Observer>(cx: &mut Context, frame: Frame, received: &Received, place: u32) -> Step {
    if let Received::Return = received {
        return Step::RETURN;
    }
    let value = cx.returned.take();
    let done = match received {
        Received::Nothing | Received::Return => {
            drop(value);
            Ok(())
        }
        Received::Local(slot) => {
            frame.set(*slot, value);
            Ok(())
        }
        Received::Targets(targets) => targets
            .iter()
            .try_for_each(|target| target::assign::<O>(cx, frame, target, value.clone())),
        // It had a value before the `yield`, and only this body could have taken it away.
        Received::Augment(op, slot, _) => {
            let left = frame.get(*slot);
            arithmetic::in_place(cx, *op, &left, &value)
                .at(frame, place)
                .map(|result| frame.set(*slot, result))
        }
    };
    Step::from(done.map(|()| Flow::Next))
}

#[inline(never)]
pub(super) fn yield_from<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    received: &Received,
    operand: &Expr,
    place: u32,
    slot: Slot,
    resuming: bool,
) -> Step {
    let mut around = None;
    let (iterator, sent) = if resuming {
        if let Some(ended) = cx.delegated.take() {
            drop(frame.take(slot));
            return match ended.at(frame, place) {
                Ok(value) => {
                    cx.hand_over(value);
                    receive::<O>(cx, frame, received, place)
                }
                Err(raised) => Step::from(Err(raised)),
            };
        }
        let sent = match cx.thrown.take() {
            Some(thrown) => {
                let (raised, resumers) = thrown.pass_on();
                around = Some(resumers);
                Err(raised)
            }
            None => Ok(cx.returned.take()),
        };
        (frame.take(slot), sent)
    } else {
        if let Some(raised) = unbound_before(frame, received) {
            return Step::from(Err(raised));
        }
        let answer = walk::<O>(cx, frame, operand);
        if answer.is_error() {
            return Step::error_in(answer);
        }
        let value = answer.into_value();
        if let Value::Generator(_) | Value::Iterator(_) = &value {
            (value, Ok(Value::None))
        } else {
            match iterate::iterate(cx, &value).at(frame, place) {
                Ok(iterator) => (iterator, Ok(Value::None)),
                Err(raised) => return Step::from(Err(raised)),
            }
        }
    };
    frame.record().node.set(place);
    match delegate_once(cx, &iterator, sent).at(frame, place) {
        Ok(generator::Step::Yielded(item)) => {
            if let Value::Generator(_) = &iterator {
                cx.delegate = slot;
            }
            // SAFETY: nothing is in it unless the generator is suspended; the place needs no drop.
            unsafe {
                frame.put(slot, iterator);
                frame.put(slot + 1, Value::Int(i64::from(place)));
            }
            cx.hand_over(item);
            Step::YIELD
        }
        Ok(generator::Step::Returned(value)) => {
            cx.hand_over(value);
            receive::<O>(cx, frame, received, place)
        }
        Err(raised) => {
            if let Some(around) = &around {
                handle::came_back(cx, &raised, around);
            }
            Step::from(Err(raised))
        }
    }
}
