//! How the language's own objects with a native payload travel. It must not know the format.

use super::Codec;
use crate::eval::context::Context;
use crate::library::methods::bytearray;
use crate::value::buffer::byte_array;
use crate::value::exception::value_error;
use crate::value::{Outcome, Value};

/// `bytearray`: as its bytes at this moment.
pub const BYTEARRAY: Codec = Codec {
    kind: "bytearray",
    pack: |_, value| byte_array(value).map(|array| Ok(Value::bytes(array.snapshot()))),
    unpack: unpack_bytearray,
};

fn unpack_bytearray(_: &mut Context, packed: Value) -> Outcome<Value> {
    match packed {
        Value::Bytes(bytes) => Ok(bytearray::value(bytes.get().to_vec())),
        _ => Err(value_error(
            "a message is damaged: a bytearray is not as it should be",
        )),
    }
}
