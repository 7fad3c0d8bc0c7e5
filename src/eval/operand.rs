//! Operands: values that a node only looks at. A local variable or a constant is not counted for
//! that. It must not know what is done with them.

use super::access::attribute;
use super::answer::Answer;
use super::context::Context;
use super::expression::walk;
use super::observer::Observer;
use super::stack::Frame;
use super::variable::unbound_answer;
use crate::resolve::tree::{Expr, ExprKind};
use crate::value::bits::Borrowed;
use crate::value::{Outcome, Value};

/// A value that is looked at, with or without a count of its own. Not an error.
#[derive(Clone, Copy)]
#[must_use]
pub(super) struct Operand {
    /// The value.
    pub(super) answer: Answer,
    owned: bool,
}

impl Operand {
    /// Whether it is an error, which then is the answer of the node.
    #[inline(always)]
    pub(super) fn is_error(self) -> bool {
        self.answer.is_error()
    }

    /// Gives up what it owns.
    #[inline(always)]
    pub(super) fn discard(self) {
        if self.owned {
            self.answer.discard();
        }
    }

    /// The value, which gives itself up: for whoever needs more than its bits.
    #[inline(always)]
    pub(super) fn held(self) -> Held {
        Held {
            value: std::mem::ManuallyDrop::new(self.answer.into_value()),
            owned: self.owned,
        }
    }
}

impl Operand {
    /// The value, which stays the operand's.
    #[inline(always)]
    pub(super) fn looked_at(self) -> Held {
        Held {
            value: std::mem::ManuallyDrop::new(self.answer.into_value()),
            owned: false,
        }
    }
}

/// The value of an operand.
pub(super) struct Held {
    value: std::mem::ManuallyDrop<Value>,
    owned: bool,
}

impl Held {
    /// A value of one's own.
    #[inline(always)]
    pub(super) fn owned(value: Value) -> Held {
        Held {
            value: std::mem::ManuallyDrop::new(value),
            owned: true,
        }
    }

    /// A value that is never freed.
    #[inline(always)]
    pub(super) fn kept(value: Borrowed) -> Held {
        debug_assert!(
            value
                .header()
                .is_some_and(|header| header.count().is_none())
        );
        Held {
            value: value.into_inner(),
            owned: false,
        }
    }
}

impl std::ops::Deref for Held {
    type Target = Value;

    #[inline(always)]
    fn deref(&self) -> &Value {
        &self.value
    }
}

impl Drop for Held {
    #[inline(always)]
    fn drop(&mut self) {
        if self.owned {
            // SAFETY: it owns the value, which is not used again.
            unsafe { std::mem::ManuallyDrop::take(&mut self.value) }.discard();
        }
    }
}

/// Evaluates an operand that stays as it is while the other operands of its node are evaluated: the
/// resolver makes no plain `Local` of a variable that one of these assigns, and only a frame's own
/// code changes its slots.
#[inline(always)]
pub(super) fn operand<O: Observer>(cx: &mut Context, frame: Frame, expr: &Expr) -> Operand {
    match &expr.kind {
        ExprKind::Local(slot) => {
            let value = frame.peek(*slot);
            let answer = if value.is_unbound() {
                unbound_answer(frame, *slot, expr.id)
            } else {
                Answer::peek(value)
            };
            Operand {
                answer,
                owned: false,
            }
        }
        ExprKind::Constant(value) => Operand {
            answer: Answer::peek(value),
            owned: false,
        },
        ExprKind::Attribute(node) => Operand {
            answer: attribute::<O>(cx, frame, expr.id, node),
            owned: true,
        },
        _ => Operand {
            answer: walk::<O>(cx, frame, expr),
            owned: true,
        },
    }
}

/// The same as a value.
#[inline(always)]
pub(super) fn held<O: Observer>(cx: &mut Context, frame: Frame, expr: &Expr) -> Outcome<Held> {
    let operand = operand::<O>(cx, frame, expr);
    if operand.is_error() {
        return Err(operand.answer.into_error());
    }
    Ok(operand.held())
}
