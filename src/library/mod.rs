//! What scripts find without writing it: the methods of the built-in types, the built-in scope,
//! the native modules. Thin: it translates between values and the layers below. It must not know
//! the syntax tree.

pub mod arguments;
pub mod define;
pub mod exceptions;
pub mod message;
pub mod methods;
pub mod sort;
pub mod suggestion;
