//! From syntax tree to executable tree: every name becomes a local slot, a captured cell, a global
//! or a built-in; constants are folded; nodes are specialised. It must not know values beyond
//! constants, nor the runtime.
//!
//! Two passes: `collect` finds the scopes and what each does with which names, `scope` settles
//! what the names mean, and `lower` makes the executable tree.

mod collect;
mod constant;
mod fold;
mod lower;
mod scope;
mod specialise;
mod suspension;
#[cfg(test)]
mod tests;
pub mod tree;

pub(crate) use scope::mangle;

use std::sync::Arc;

use self::tree::Program;
use crate::syntax::ast::{Expr, ExprKind, Module};
use crate::syntax::error::SyntaxError;
use crate::syntax::on_deep_stack;
use crate::syntax::source::Source;

/// What a module is resolved for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether constants are folded and nodes specialised. Without it the tree is the plain one
    /// that the specialised one must agree with.
    pub optimise: bool,
    /// For the prompt: expression statements at the top level show their values.
    pub prompt: bool,
    /// For a host that evaluates a text: the value of the module is that of its last statement if
    /// that is an expression, by a `Return` at the end of its code.
    pub expression: bool,
}

/// Makes the executable tree of a module.
///
/// # Errors
/// What is wrong with the names in it, and with statements that stand where they cannot.
pub fn resolve(
    module: &Module,
    source: Arc<Source>,
    options: Options,
) -> Result<Arc<Program>, SyntaxError> {
    // Both passes recurse as deep as the syntax tree, which the parser bounds.
    on_deep_stack(|| {
        let collected = collect::collect(module)?;
        lower::lower(module, &collected, source, options)
    })
    .map_err(|error| *error)
}

/// What the passes return. Boxed, since success is the common case.
type Resolved<T> = Result<T, Box<SyntaxError>>;

/// The innermost operand on the left of a chain of operators, attributes, calls and subscripts,
/// which is pushed on `chain` from the outside in. Such chains can be long; a loop over them
/// costs no native stack.
fn leftmost<'a>(expr: &'a Expr, chain: &mut Vec<&'a Expr>) -> &'a Expr {
    let mut at = expr;
    loop {
        let inner = match &at.kind {
            ExprKind::Binary(_, left, _) => left,
            ExprKind::Attribute { object, .. } | ExprKind::Subscript { object, .. } => object,
            ExprKind::Call { callee, .. } => callee,
            _ => return at,
        };
        chain.push(at);
        at = inner;
    }
}
