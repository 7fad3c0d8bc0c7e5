//! The methods of the built-in types, one file a type. Each has an `install` that puts them into
//! the type's class.

pub mod bool;
pub mod bounds;
pub mod byte_methods;
pub mod byte_text;
pub mod bytearray;
pub mod bytes;
pub mod construct;
pub mod dict;
pub mod dict_view;
pub mod float;
pub mod float_hex;
pub mod generic;
pub mod int;
pub mod list;
pub mod memoryview;
pub mod module;
pub mod object;
pub mod property;
pub mod range;
pub mod set;
pub mod slice;
pub mod special;
pub mod str;
pub mod tuple;
pub mod type_;

use crate::value::types::types;

/// Puts the methods of all types into their classes.
pub fn install() {
    object::install();
    type_::install();
    property::install();
    list::install();
    tuple::install();
    dict::install();
    dict_view::install();
    set::install();
    range::install();
    slice::install();
    generic::install();
    let types = types();
    int::install(types);
    float::install(types);
    bool::install(types);
    str::install(types);
    bytes::install(types);
    bytearray::install(types);
    memoryview::install(types);
    module::install();
}
