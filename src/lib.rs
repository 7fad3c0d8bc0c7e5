//! conc: a small, Python-flavoured scripting language for concurrency.

pub mod runtime;
pub mod syntax;
