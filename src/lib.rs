//! conc: a small, Python-flavoured scripting language for concurrency.

#[cfg(feature = "cli")]
pub mod cli;
pub mod diagnostics;
pub mod engine;
pub mod eval;
pub mod library;
pub mod resolve;
pub mod runtime;
pub mod syntax;
pub mod value;
