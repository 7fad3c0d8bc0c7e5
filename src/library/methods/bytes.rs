//! `bytes`: its constructor and the methods that `bytearray` does not share.

use super::byte_methods::{self, ByteKind};
use super::construct::{class_argument, wrap};
use super::special::{BytesKind, Install, operators};
use crate::eval::context::Context;
use crate::library::{arguments, define};
use crate::value::buffer::BytesLike;
use crate::value::function::Args;
use crate::value::types::types;
use crate::value::{Outcome, Value};

struct BytesMethods;

impl ByteKind for BytesMethods {
    const CLASS: &'static str = "bytes";

    #[inline]
    fn get(value: &Value) -> Option<BytesLike> {
        match value.unwrapped() {
            Value::Bytes(bytes) => Some(BytesLike::Shared(bytes.clone())),
            _ => None,
        }
    }

    fn make(bytes: Vec<u8>) -> Value {
        Value::bytes(bytes)
    }
}

/// Puts the methods of `bytes` into its class.
pub fn install() {
    let class = &types().bytes;
    Install::<BytesKind>::into(class)
        .shown()
        .hashed()
        .container()
        .indexed()
        .ordered()
        .operator::<operators::Add>()
        .both::<operators::Multiply>()
        .operator::<operators::Modulo>();
    byte_methods::install::<BytesMethods>(class);
    define::static_methods(class, &[("__new__", new)]);
    define::methods(
        class,
        &[("__bytes__", to_bytes), ("__getnewargs__", new_arguments)],
    );
}

const BYTES: arguments::Signature<3> =
    arguments::Signature::new("bytes", ["source", "encoding", "errors"]);

fn new(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = &types().bytes;
    let (class, args) = class_argument(own, args)?;
    if let ([value @ Value::Bytes(_)], []) = (args.values, args.names) {
        return Ok(wrap(class, own, value.clone()));
    }
    let bytes = byte_methods::construct::<BytesMethods>(cx, args, &BYTES)?;
    Ok(wrap(class, own, Value::bytes(bytes)))
}

fn to_bytes(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = byte_methods::this::<BytesMethods>(args, "__bytes__")?;
    arguments::none("bytes.__bytes__", args)?;
    Ok(Value::bytes(bytes.into_vec()))
}

fn new_arguments(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = byte_methods::this::<BytesMethods>(args, "__getnewargs__")?;
    arguments::none("bytes.__getnewargs__", args)?;
    Ok(Value::tuple_of([Value::bytes(bytes.into_vec())]))
}
