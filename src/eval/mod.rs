//! The tree walk: expressions, statements, calls, classes, exceptions, generators. It must not
//! make calls of the operating system.

pub mod attribute;
pub mod context;
pub mod function;
pub mod generator;
pub mod module;
pub mod session;
pub mod stack;
