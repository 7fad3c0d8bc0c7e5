//! `binascii`: bytes as text and back, and checksums. It must not know where bytes come from.

use std::sync::OnceLock;

use super::with_functions;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments::{self, Signature, between};
use crate::library::define::Entries;
use crate::library::exceptions::OwnError;
use crate::value::exception::{ExceptionKind, Raised, type_error, value_error};
use crate::value::function::Args;
use crate::value::membership::bytes_like;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

const FUNCTIONS: Entries<'_> = &[
    ("hexlify", hexlify),
    ("b2a_hex", hexlify),
    ("unhexlify", unhexlify),
    ("a2b_hex", unhexlify),
    ("b2a_base64", b2a_base64),
    ("a2b_base64", a2b_base64),
    ("crc32", |cx, args| checksum(cx, args, "crc32", 0, crc32)),
    ("adler32", |cx, args| {
        checksum(cx, args, "adler32", 1, adler32)
    }),
];

/// Makes the module.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("binascii", FUNCTIONS);
    module.set(Name::new("Error"), Value::Class(ERROR.class().clone()));
    Ok(module)
}

static ERROR: OwnError = OwnError::new("binascii", "Error", ExceptionKind::ValueError);

#[cold]
fn error(message: impl Into<String>) -> Raised {
    ERROR.error(message)
}

/// The bytes of an argument.
pub fn input(value: &Value) -> Outcome<std::borrow::Cow<'_, [u8]>> {
    bytes_like(value).ok_or_else(|| {
        type_error(format!(
            "a bytes-like object is required, not '{}'",
            value.type_name()
        ))
    })
}

/// The same where a text of ASCII characters will do, too.
fn ascii(value: &Value) -> Outcome<std::borrow::Cow<'_, [u8]>> {
    if let Some(text) = value.unwrapped().as_str() {
        if text.is_ascii() {
            return Ok(text.as_bytes().into());
        }
        return Err(value_error(
            "string argument should contain only ASCII characters",
        ));
    }
    bytes_like(value).ok_or_else(|| {
        type_error(format!(
            "argument should be bytes, buffer or ASCII string, not '{}'",
            value.type_name()
        ))
    })
}

const HEXLIFY: Signature<3> =
    Signature::new("hexlify", ["data", "sep", "bytes_per_sep"]).required(1);

fn hexlify(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [data, separator, group] = HEXLIFY.bind(args)?;
    let data = data.cloned().unwrap_or_default();
    let bytes = input(&data)?;
    let separator = match separator {
        Some(separator) => Some(ascii(separator)?.into_owned()),
        None => None,
    };
    let group = match group {
        Some(group) => arguments::integer(cx, group)?,
        None => 1,
    };
    let mut out = Vec::with_capacity(bytes.len() * 2);
    let size = group.unsigned_abs() as usize;
    for (place, byte) in bytes.iter().enumerate() {
        if let Some(separator) = &separator
            && size > 0
            && place > 0
        {
            // Groups are counted from the end, or from the start when their size is negative.
            let from = if group > 0 {
                bytes.len() - place
            } else {
                place
            };
            if from % size == 0 {
                out.extend_from_slice(separator);
            }
        }
        out.extend_from_slice(format!("{byte:02x}").as_bytes());
    }
    Ok(Value::bytes(out))
}

fn unhexlify(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let text = ascii(arguments::one("binascii.unhexlify", args)?)?;
    if text.len() % 2 != 0 {
        return Err(error("Odd-length string"));
    }
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .ok_or_else(|| error("Non-hexadecimal digit found"))
    };
    let mut out = Vec::with_capacity(text.len() / 2);
    for pair in text.chunks_exact(2) {
        out.push((digit(pair[0])? * 16 + digit(pair[1])?) as u8);
    }
    Ok(Value::bytes(out))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const B2A: Signature<2> = Signature::new("b2a_base64", ["data", "newline"])
    .required(1)
    .positional(1);

fn b2a_base64(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [data, new_line] = B2A.bind(args)?;
    let data = data.cloned().unwrap_or_default();
    let bytes = input(&data)?;
    let mut out = Vec::with_capacity(bytes.len() / 3 * 4 + 5);
    for part in bytes.chunks(3) {
        let mut group = [0u8; 3];
        group[..part.len()].copy_from_slice(part);
        let word = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for place in 0..4 {
            if place <= part.len() {
                out.push(ALPHABET[(word >> (18 - 6 * place)) as usize & 63]);
            } else {
                out.push(b'=');
            }
        }
    }
    if arguments::flag(cx, new_line, true)? {
        out.push(b'\n');
    }
    Ok(Value::bytes(out))
}

const A2B: Signature<2> = Signature::new("a2b_base64", ["data", "strict_mode"])
    .required(1)
    .positional(1);

fn a2b_base64(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [data, strict] = A2B.bind(args)?;
    let strict = arguments::flag(cx, strict, false)?;
    let data = data.cloned().unwrap_or_default();
    let text = ascii(&data)?;
    if strict && text.first() == Some(&b'=') {
        return Err(error("Leading padding not allowed"));
    }
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut place, mut left, mut pads, mut began) = (0u32, 0u32, 0u32, false);
    for (index, &byte) in text.iter().enumerate() {
        if byte == b'=' {
            began = true;
            if place >= 2 {
                pads += 1;
                if place + pads >= 4 {
                    if strict && index + 1 < text.len() {
                        return Err(error("Excess data after padding"));
                    }
                    return Ok(Value::bytes(out));
                }
            } else if strict {
                return Err(error("Discontinuous padding not allowed"));
            }
            continue;
        }
        let Some(value) = ALPHABET.iter().position(|known| *known == byte) else {
            if strict {
                return Err(error("Only base64 data is allowed"));
            }
            continue;
        };
        if strict && began {
            return Err(error("Discontinuous padding not allowed"));
        }
        pads = 0;
        let value = value as u32;
        match place {
            0 => left = value,
            1 => {
                out.push((left << 2 | value >> 4) as u8);
                left = value & 15;
            }
            2 => {
                out.push((left << 4 | value >> 2) as u8);
                left = value & 3;
            }
            _ => out.push((left << 6 | value) as u8),
        }
        place = (place + 1) % 4;
    }
    match place {
        0 => Ok(Value::bytes(out)),
        1 => Err(error(format!(
            "Invalid base64-encoded string: number of data characters ({}) cannot be 1 more than a multiple of 4",
            out.len() / 3 * 4 + 1
        ))),
        _ => Err(error("Incorrect padding")),
    }
}

fn checksum(
    cx: &mut Context,
    args: Args<'_>,
    function: &'static str,
    usual: u32,
    sum: fn(u32, &[u8]) -> u32,
) -> Outcome<Value> {
    let values = between(function, args, 1, 2)?;
    let start = match values.get(1) {
        Some(start) => arguments::big_integer(cx, start)?
            .to_signed_bytes_le()
            .iter()
            .take(4)
            .enumerate()
            .fold(0, |total, (place, byte)| {
                total | u32::from(*byte) << (8 * place)
            }),
        None => usual,
    };
    Ok(Value::Int(sum(start, &input(&values[0])?).into()))
}

/// CRC-32 (ISO 3309), going on from an earlier one.
pub fn crc32(start: u32, bytes: &[u8]) -> u32 {
    static TABLE: OnceLock<[u32; 256]> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        std::array::from_fn(|byte| {
            (0..8).fold(byte as u32, |value, _| {
                if value & 1 == 1 {
                    value >> 1 ^ 0xEDB8_8320
                } else {
                    value >> 1
                }
            })
        })
    });
    !bytes.iter().fold(!start, |value, byte| {
        table[(value as u8 ^ byte) as usize] ^ value >> 8
    })
}

/// Adler-32 (RFC 1950), going on from an earlier one.
pub fn adler32(start: u32, bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65521;
    let (mut low, mut high) = (start & 0xffff, start >> 16);
    // So many sums fit before a remainder must be taken.
    for part in bytes.chunks(5552) {
        for byte in part {
            low += u32::from(*byte);
            high += low;
        }
        low %= MODULUS;
        high %= MODULUS;
    }
    high << 16 | low
}
