//! Nodes for the commonest operands, chosen by what the operands are when the program is resolved.
//! In the plain tree none of them occurs. It must not know scopes.

use super::fold;
use super::tree::{Block, Expr, ExprKind, NodeId, Stmt, StmtKind, Target};
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
            match (op, number.checked_neg()) {
                (BinaryOperator::Add, Some(_)) => {
                    return ExprKind::AddLocalConstant(op, *slot, *number, left.id);
                }
                (BinaryOperator::Subtract, Some(negated)) => {
                    return ExprKind::AddLocalConstant(op, *slot, negated, left.id);
                }
                _ => return ExprKind::LocalConstant(op, *slot, *number, left.id),
            }
        }
        (ExprKind::Local(a), ExprKind::Local(b)) => {
            return ExprKind::LocalLocal(op, [*a, *b], [left.id, right.id]);
        }
        _ => {}
    }
    let operands = Box::new((left, right));
    match op {
        BinaryOperator::Add => ExprKind::Add(operands),
        BinaryOperator::Subtract => ExprKind::Subtract(operands),
        BinaryOperator::Multiply => ExprKind::Multiply(operands),
        _ => ExprKind::Binary(op, operands),
    }
}

/// `left op right` for a comparison.
pub(super) fn compare(op: Comparison, left: Expr, right: Expr) -> ExprKind {
    if let (ExprKind::Local(slot), ExprKind::Constant(Value::Int(number))) =
        (&left.kind, &right.kind)
    {
        return ExprKind::CompareLocalConstant(op, *slot, *number, left.id);
    }
    ExprKind::Compare(op, Box::new((left, right)))
}

/// `target op= value`, where the target's present value is read after the right-hand side, unless it
/// `is_read_before`.
pub(super) fn augmented(
    target: &Target,
    place: NodeId,
    op: BinaryOperator,
    value: &Expr,
    is_read_before: bool,
) -> Option<StmtKind> {
    match (target, op, &value.kind) {
        (Target::Local(slot), BinaryOperator::Add, ExprKind::Constant(Value::Int(number)))
            if !is_read_before =>
        {
            Some(StmtKind::AddLocal(*slot, *number, place))
        }
        _ => None,
    }
}

/// `if test: body` with nothing else, where the body does nothing but return.
pub(super) fn condition(branches: Vec<(Expr, Block)>, otherwise: Block) -> StmtKind {
    let returns_only = matches!(
        (&*branches, &*otherwise),
        ([(_, body)], []) if matches!(&**body, [Stmt { kind: StmtKind::Return(_), .. }])
    );
    let mut kept = Vec::with_capacity(branches.len());
    for (test, body) in branches {
        let mut body = body.into_vec();
        match body.pop() {
            Some(Stmt {
                kind: StmtKind::Return(value),
                ..
            }) if returns_only => return StmtKind::IfReturn(Box::new((test, value))),
            last => body.extend(last),
        }
        kept.push((test, body.into()));
    }
    StmtKind::If(kept.into(), otherwise)
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
