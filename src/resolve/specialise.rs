//! Nodes for the commonest operands, chosen by what the operands are when the program is resolved.
//! In the plain tree none of them occurs. It must not know scopes.

use super::fold;
use super::tree::{Expr, ExprKind, Target};
use crate::value::Value;
use crate::value::name::Name;
use crate::value::operator::{BinaryOperator, Comparison};

/// `left op right`.
pub(super) fn binary(op: BinaryOperator, left: Expr, right: Expr) -> ExprKind {
    match (&left.kind, &right.kind) {
        (ExprKind::Constant(a), ExprKind::Constant(b)) => {
            if let Some(value) = fold::binary(op, a, b) {
                return ExprKind::Constant(value);
            }
        }
        (ExprKind::Local(slot), ExprKind::Constant(Value::Int(number))) => {
            return ExprKind::LocalConstant(op, *slot, *number);
        }
        (ExprKind::Local(a), ExprKind::Local(b)) => return ExprKind::LocalLocal(op, *a, *b),
        _ => {}
    }
    ExprKind::Binary(op, Box::new((left, right)))
}

/// `left op right` for a comparison.
pub(super) fn compare(op: Comparison, left: Expr, right: Expr) -> ExprKind {
    if let (ExprKind::Local(slot), ExprKind::Constant(Value::Int(number))) =
        (&left.kind, &right.kind)
    {
        return ExprKind::CompareLocalConstant(op, *slot, *number);
    }
    ExprKind::Compare(op, Box::new((left, right)))
}

/// Whether a loop may count without a range object: `for local in range(…)`.
pub(super) fn is_counted(target: &Target, iterable: &Expr, globals: &[Name]) -> bool {
    let (Target::Local(_), ExprKind::Call(call)) = (target, &iterable.kind) else {
        return false;
    };
    let ExprKind::Global(number) = call.callee.kind else {
        return false;
    };
    matches!(call.arguments.len(), 1..=3)
        && globals
            .get(number as usize)
            .is_some_and(|name| name.as_str() == "range")
}
