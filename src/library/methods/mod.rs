//! The methods of the built-in types, one file a type. Each has an `install` that puts them into
//! the type's class.

pub mod bool;
pub mod bounds;
pub mod byte_methods;
pub mod byte_text;
pub mod bytearray;
pub mod bytes;
pub mod construct;
pub mod float;
pub mod float_hex;
pub mod int;
pub mod memoryview;
pub mod special;
pub mod str;
