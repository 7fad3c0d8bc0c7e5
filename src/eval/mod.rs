//! The tree walk: expressions, statements, calls, classes, exceptions, generators. It must not
//! make calls of the operating system.

mod answer;
mod arguments;
pub mod attribute;
mod builtin_scope;
mod call;
pub mod class;
pub mod collector;
mod comprehension;
pub mod context;
pub mod detached_call;
mod expression;
pub mod function;
pub mod generator;
mod group;
pub mod handle;
pub mod import;
pub mod import_lock;
pub mod interrupt;
mod intrinsic;
pub mod module;
pub mod native_stack;
pub mod observer;
mod operand;
mod pattern;
pub mod place;
pub mod run;
pub mod session;
pub mod stack;
mod statement;
mod target;
pub mod traceback;
mod traits;

pub use call::is_callable;
