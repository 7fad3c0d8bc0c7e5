//! What is allowed and hardly meant: literals that are called or compared by identity, assertions that always hold,
//! indices of the wrong type. It looks at one node at a time and must not know where that stands.

use crate::syntax::ast::{CompareOp, Expr, ExprKind, UnaryOp};
use crate::syntax::error::SyntaxWarning;

/// What there is to say about an expression itself, not about its parts.
pub(super) fn expression(tree: &Expr) -> Option<SyntaxWarning> {
    let message = match &tree.kind {
        ExprKind::Compare { first, rest } => return compared(tree, first, rest),
        ExprKind::Call { callee, .. } => {
            let kind = type_name(callee).filter(|_| !matches!(callee.kind, ExprKind::Lambda(_)))?;
            format!("'{kind}' object is not callable; perhaps you missed a comma?")
        }
        ExprKind::Subscript { object, index } => {
            let kind = type_name(object)?;
            match kind {
                "NoneType" | "ellipsis" | "int" | "float" | "set" | "generator" | "function" => {
                    format!("'{kind}' object is not subscriptable; perhaps you missed a comma?")
                }
                "str" | "bytes" | "tuple" | "list" => {
                    let index = type_name(index).filter(|name| !matches!(*name, "int" | "bool"))?;
                    format!(
                        "{kind} indices must be integers or slices, not {index}; perhaps you missed a comma?"
                    )
                }
                _ => return None,
            }
        }
        _ => return None,
    };
    let span = match &tree.kind {
        ExprKind::Call { callee, .. } => callee.span,
        ExprKind::Subscript { object, .. } => object.span,
        _ => tree.span,
    };
    Some(SyntaxWarning { message, span })
}

/// Whether a condition is a tuple that is not empty: `assert (x, "message")`.
pub(super) fn always_holds(test: &Expr) -> bool {
    matches!(&test.kind, ExprKind::Tuple(items) if !items.is_empty())
}

fn compared(tree: &Expr, first: &Expr, rest: &[(CompareOp, Expr)]) -> Option<SyntaxWarning> {
    let mut left = first;
    for (operator, right) in rest {
        let (word, instead) = match operator {
            CompareOp::Is => ("is", "=="),
            CompareOp::IsNot => ("is not", "!="),
            _ => {
                left = right;
                continue;
            }
        };
        if let Some(kind) = copied(left).or_else(|| copied(right)) {
            let message = format!("\"{word}\" with '{kind}' literal. Did you mean \"{instead}\"?");
            return Some(SyntaxWarning {
                message,
                span: tree.span,
            });
        }
        left = right;
    }
    None
}

/// The type of a constant of which there may be any number of equal ones.
fn copied(tree: &Expr) -> Option<&'static str> {
    match &tree.kind {
        ExprKind::Unary(UnaryOp::Negate | UnaryOp::Plus | UnaryOp::Invert, value) => {
            copied(value).filter(|name| matches!(*name, "int" | "float"))
        }
        ExprKind::Tuple(items) => items.iter().all(is_constant).then_some("tuple"),
        ExprKind::Int(_)
        | ExprKind::BigInt { .. }
        | ExprKind::Float(_)
        | ExprKind::Str(_)
        | ExprKind::Bytes(_) => type_name(tree),
        _ => None,
    }
}

fn is_constant(tree: &Expr) -> bool {
    copied(tree).is_some()
        || matches!(
            tree.kind,
            ExprKind::None | ExprKind::Bool(_) | ExprKind::Ellipsis
        )
}

/// The type of what a literal or display makes.
fn type_name(tree: &Expr) -> Option<&'static str> {
    Some(match &tree.kind {
        ExprKind::None => "NoneType",
        ExprKind::Bool(_) => "bool",
        ExprKind::Ellipsis => "ellipsis",
        ExprKind::Int(_) | ExprKind::BigInt { .. } => "int",
        ExprKind::Float(_) => "float",
        ExprKind::Str(_) | ExprKind::FString(_) => "str",
        ExprKind::Bytes(_) => "bytes",
        ExprKind::Tuple(_) => "tuple",
        ExprKind::List(_) | ExprKind::ListComprehension(_) => "list",
        ExprKind::Set(_) | ExprKind::SetComprehension(_) => "set",
        ExprKind::Dict(_) | ExprKind::DictComprehension { .. } => "dict",
        ExprKind::Generator(_) => "generator",
        ExprKind::Lambda(_) => "function",
        _ => return None,
    })
}
