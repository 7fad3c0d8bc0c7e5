//! The methods of the built-in types, one file a type. Each has an `install` that puts them into
//! the type's class.

pub mod construct;
pub mod special;
