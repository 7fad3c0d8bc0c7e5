//! What is allowed and hardly meant: literals that are called or compared by identity, assertions that always hold,
//! indices of the wrong type, escapes that are none. It looks at one node at a time and must not know where that stands.

use super::ast::{CompareOp, Expr, ExprKind, UnaryOp};
use super::span::Span;

/// What is allowed and hardly meant: Python's `SyntaxWarning`.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntaxWarning {
    /// Python's own text.
    pub message: String,
    /// The place.
    pub span: Span,
}

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

/// What there is to say of a condition that is a tuple: `assert (x, "message")`.
pub(super) fn assertion(test: &Expr, span: Span) -> Option<SyntaxWarning> {
    let message = match &test.kind {
        ExprKind::Tuple(items) if !items.is_empty() => {
            "assertion is always true, perhaps remove parentheses?"
        }
        _ => return None,
    };
    let message = message.to_owned();
    Some(SyntaxWarning { message, span })
}

/// What to say of the first escape that stands for itself, or for a number that no byte has.
pub(super) fn invalid_escape(text: &str, bytes: bool) -> Option<String> {
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        rest = &rest[at + 1..];
        // Only the text before a field of an f-string ends in a backslash.
        let letter = rest.chars().next().unwrap_or('{');
        let known = match letter {
            '\n' | '\r' | '\\' | '\'' | '"' | 'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | 'x' => true,
            '0'..='7' => {
                let digits = rest.bytes().take(3);
                let digits = digits.take_while(|digit| matches!(digit, b'0'..=b'7'));
                let digits = &rest[..digits.count()];
                if digits.len() == 3 && letter > '3' {
                    return Some(format!("invalid octal escape sequence '\\{digits}'"));
                }
                true
            }
            'N' | 'u' | 'U' => !bytes,
            _ => false,
        };
        if !known {
            return Some(format!("invalid escape sequence '\\{letter}'"));
        }
        rest = rest.get(letter.len_utf8()..).unwrap_or("");
    }
    None
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
