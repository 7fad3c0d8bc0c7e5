//! The tree walk: expressions, statements, calls, classes, exceptions, generators. It must not
//! make calls of the operating system.

mod access;
mod answer;
mod arguments;
pub mod attribute;
mod builtin_scope;
mod call;
pub mod class;
pub mod collector;
mod comprehension;
mod condition;
pub mod context;
mod definition;
pub mod detached_call;
mod display;
mod expression;
pub mod function;
pub mod generator;
mod group;
pub mod handle;
pub mod import;
pub mod import_lock;
pub mod interrupt;
mod intrinsic;
mod invoke;
mod loops;
pub mod module;
pub mod native_stack;
pub mod observer;
mod operand;
mod operation;
mod pattern;
pub mod place;
pub mod run;
pub mod session;
mod slots;
pub mod stack;
mod statement;
mod suspending;
mod target;
pub mod traceback;
mod traits;
mod turns;
mod variable;

pub use call::is_callable;
