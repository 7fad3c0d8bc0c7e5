//! From source text to syntax tree: the layout pass, the grammar, the tree and its spans. It must
//! not know values or evaluation.

pub mod ast;
pub mod span;
