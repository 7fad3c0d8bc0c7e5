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

use crate::value::class::Class;
use crate::value::types::types;

/// Puts the methods of all types into their classes, of most when somebody asks for one.
pub fn install() {
    object::install();
    type_::install();
    property::install();
    dict_view::install();
    generic::install();
    module::install();
    let types = types();
    let later: [(&Class, fn()); 14] = [
        (&types.list, list::install),
        (&types.tuple, tuple::install),
        (&types.dict, dict::install),
        (&types.set, set::install),
        (&types.frozenset, set::install_frozen),
        (&types.range, range::install),
        (&types.slice, slice::install),
        (&types.int, int::install),
        (&types.float, float::install),
        (&types.bool, bool::install),
        (&types.str, str::install),
        (&types.bytes, bytes::install),
        (&types.bytearray, bytearray::install),
        (&types.memoryview, memoryview::install),
    ];
    for (class, install) in later {
        class.complete_later(move |_| install());
    }
}
