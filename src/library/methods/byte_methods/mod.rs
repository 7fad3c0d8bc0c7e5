//! The methods that `bytes` and `bytearray` have in common. It must not know how either stores
//! its bytes.

mod divide;
mod search;
mod shape;

pub use self::shape::hex_text;

use super::byte_text::{self, is_space};
use crate::eval::context::Context;
use crate::library::{arguments, define};
use crate::value::buffer::BytesLike;
use crate::value::class::Class;
use crate::value::exception::{Raised, overflow_error, type_error, value_error};
use crate::value::function::{Args, NativeCall};
use crate::value::name::known;
use crate::value::sequence::{self, special};
use crate::value::{Outcome, Value, codec, iterate, room};

/// `bytes` or `bytearray`.
pub trait ByteKind: 'static {
    /// The name of the class.
    const CLASS: &'static str;

    /// The bytes of a receiver.
    fn get(value: &Value) -> Option<BytesLike>;

    /// A new value.
    fn make(bytes: Vec<u8>) -> Value;
}

/// The receiver's bytes, and the arguments after it.
#[inline]
pub fn this<'a, K: ByteKind>(
    args: Args<'a>,
    method: &'static str,
) -> Outcome<(BytesLike, Args<'a>)> {
    match args.positional().first().and_then(K::get) {
        Some(bytes) => Ok((bytes, args.rest())),
        None => Err(arguments::bad_receiver(K::CLASS, method, args)),
    }
}

/// The bytes of an argument that must have some.
pub fn required(value: &Value) -> Outcome<BytesLike> {
    BytesLike::of(value).ok_or_else(|| not_bytes(value))
}

/// The error of an argument that has no bytes.
#[cold]
pub fn not_bytes(value: &Value) -> Raised {
    type_error(format!(
        "a bytes-like object is required, not '{}'",
        value.type_name()
    ))
}

/// A byte given as an integer; `message` for one out of range.
pub fn byte(cx: &mut Context, value: &Value, message: &str) -> Outcome<u8> {
    match sequence::index_value(cx, value)? {
        Value::Int(number) => u8::try_from(number).map_err(|_| value_error(message)),
        _ => Err(value_error(message)),
    }
}

/// The error of an integer that is no byte.
pub const NO_BYTE: &str = "byte must be in range(0, 256)";

/// The methods, for the class.
pub fn install<K: ByteKind>(class: &Class) {
    define::methods(class, &search::methods::<K>());
    define::methods(class, &divide::methods::<K>());
    define::methods(class, &shape::methods::<K>());
    define::methods(class, &testing::<K>());
    define::class_methods(class, &[("fromhex", shape::from_hex::<K>)]);
    define::static_methods(class, &[("maketrans", shape::maketrans)]);
}

type Table = Vec<(&'static str, NativeCall)>;

/// A method's name with its class's.
fn method_name<K: ByteKind>(method: &str) -> String {
    format!("{}.{method}", K::CLASS)
}

fn testing<K: ByteKind>() -> Table {
    vec![
        ("isalnum", |_, args| {
            tested::<K>(args, "isalnum", |bytes| {
                all(bytes, u8::is_ascii_alphanumeric)
            })
        }),
        ("isalpha", |_, args| {
            tested::<K>(args, "isalpha", |bytes| all(bytes, u8::is_ascii_alphabetic))
        }),
        ("isascii", |_, args| {
            tested::<K>(args, "isascii", <[u8]>::is_ascii)
        }),
        ("isdigit", |_, args| {
            tested::<K>(args, "isdigit", |bytes| all(bytes, u8::is_ascii_digit))
        }),
        ("islower", |_, args| {
            tested::<K>(args, "islower", |bytes| {
                bytes.iter().any(u8::is_ascii_lowercase)
                    && !bytes.iter().any(u8::is_ascii_uppercase)
            })
        }),
        ("isspace", |_, args| {
            tested::<K>(args, "isspace", |bytes| all(bytes, |&byte| is_space(byte)))
        }),
        ("istitle", |_, args| {
            tested::<K>(args, "istitle", byte_text::is_title)
        }),
        ("isupper", |_, args| {
            tested::<K>(args, "isupper", |bytes| {
                bytes.iter().any(u8::is_ascii_uppercase)
                    && !bytes.iter().any(u8::is_ascii_lowercase)
            })
        }),
    ]
}

fn all(bytes: &[u8], test: fn(&u8) -> bool) -> bool {
    !bytes.is_empty() && bytes.iter().all(test)
}

fn tested<K: ByteKind>(
    args: Args<'_>,
    method: &'static str,
    test: fn(&[u8]) -> bool,
) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, method)?;
    arguments::none(&method_name::<K>(method), args)?;
    Ok(Value::Bool(test(&bytes)))
}

/// The bytes that `bytes(source, encoding, errors)` and `bytearray(…)` are made of.
///
/// # Errors
/// `TypeError` and `ValueError` for what bytes cannot be made of.
pub fn construct<K: ByteKind>(
    cx: &mut Context,
    args: Args<'_>,
    signature: &arguments::Signature<3>,
) -> Outcome<Vec<u8>> {
    let [source, encoding, errors] = signature.bind(args)?;
    let class = K::CLASS;
    let encoding = encoding
        .map(|encoding| arguments::text(encoding, &format!("{class}() argument 'encoding'")))
        .transpose()?;
    let errors = errors
        .map(|errors| arguments::text(errors, &format!("{class}() argument 'errors'")))
        .transpose()?;
    if let Some(Value::Str(text)) = source.map(Value::unwrapped) {
        let Some(encoding) = encoding else {
            return Err(type_error("string argument without an encoding"));
        };
        let errors = errors.map_or("strict", |errors| errors.as_str());
        return codec::encode(text.as_str(), encoding.as_str(), errors);
    }
    if encoding.is_some() {
        return Err(type_error("encoding without a string argument"));
    }
    if errors.is_some() {
        return Err(type_error("errors without a string argument"));
    }
    let Some(source) = source else {
        return Ok(Vec::new());
    };
    if class == "bytes"
        && let Value::Instance(instance) = source
        && let Some(method) = special(instance, known().bytes)
    {
        let result = cx.call_found(&method, source, &[])?;
        return match result.unwrapped() {
            Value::Bytes(bytes) => Ok(bytes.get().to_vec()),
            _ => Err(type_error(format!(
                "__bytes__ returned non-bytes (type {})",
                result.type_name()
            ))),
        };
    }
    if let Some(number) = sequence::try_index(cx, source)? {
        let Value::Int(count) = number else {
            return Err(overflow_error(
                "cannot fit 'int' into an index-sized integer",
            ));
        };
        let count = usize::try_from(count).map_err(|_| value_error("negative count"))?;
        return room::filled(0, count);
    }
    if let Some(bytes) = BytesLike::of(source) {
        return Ok(bytes.into_vec());
    }
    let cannot = format!("cannot convert '{}' object to {class}", source.type_name());
    let items = iterate::collect_or(cx, source, &cannot)?;
    let message = if class == "bytes" {
        "bytes must be in range(0, 256)"
    } else {
        NO_BYTE
    };
    items.iter().map(|item| byte(cx, item, message)).collect()
}
