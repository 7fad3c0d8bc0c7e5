//! `_struct`: values as bytes in the layouts of C, and back. What is around it is written in conc.

use num_bigint::BigInt;
use num_traits::ToPrimitive;

use super::binascii::input;
use super::with_functions;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments::{self, exactly};
use crate::library::define::Entries;
use crate::library::exceptions::OwnError;
use crate::value::exception::{self, ExceptionKind, Raised};
use crate::value::function::Args;
use crate::value::membership::bytes_like;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::room::filled;
use crate::value::{Outcome, Value, slice, truth};

const FUNCTIONS: Entries<'_> = &[("pack", pack), ("unpack", unpack), ("calcsize", calcsize)];

/// Makes the module.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("_struct", FUNCTIONS);
    module.set(Name::new("error"), Value::Class(ERROR.class().clone()));
    Ok(module)
}

static ERROR: OwnError = OwnError::new("struct", "error", ExceptionKind::Exception);

#[cold]
fn error(message: impl Into<String>) -> Raised {
    ERROR.error(message)
}

/// A field: its letter, how many bytes one takes, how many there are, where it begins.
struct Field {
    letter: u8,
    size: usize,
    count: usize,
    offset: usize,
}

struct Format {
    fields: Vec<Field>,
    size: usize,
    big: bool,
    /// Whether the layout is the machine's own.
    native: bool,
}

impl Format {
    fn parse(format: &Value) -> Outcome<Format> {
        let bytes = match format.unwrapped().as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => bytes_like(format)
                .ok_or_else(|| {
                    exception::type_error(format!(
                        "Struct() argument 1 must be a str or bytes object, not {}",
                        format.type_name()
                    ))
                })?
                .into_owned(),
        };
        let (native, big, rest) = match bytes.first() {
            Some(b'@') => (true, cfg!(target_endian = "big"), &bytes[1..]),
            Some(b'=') => (false, cfg!(target_endian = "big"), &bytes[1..]),
            Some(b'<') => (false, false, &bytes[1..]),
            Some(b'>' | b'!') => (false, true, &bytes[1..]),
            _ => (true, cfg!(target_endian = "big"), &bytes[..]),
        };
        let mut fields = Vec::new();
        let mut offset = 0usize;
        let mut at = 0;
        while at < rest.len() {
            let mut count = None;
            while let Some(digit) = rest.get(at).filter(|byte| byte.is_ascii_digit()) {
                let value = count.unwrap_or(0usize);
                count = Some(
                    value
                        .checked_mul(10)
                        .and_then(|value| value.checked_add(usize::from(digit - b'0')))
                        .filter(|value| *value < 1 << 40)
                        .ok_or_else(|| error("total struct size too long"))?,
                );
                at += 1;
            }
            let Some(&letter) = rest.get(at) else {
                return Err(error("repeat count given without format specifier"));
            };
            at += 1;
            if letter.is_ascii_whitespace() {
                if count.is_some() {
                    return Err(error("bad char in struct format"));
                }
                continue;
            }
            let size = match letter {
                b'x' | b'c' | b'b' | b'B' | b'?' | b's' | b'p' => 1,
                b'h' | b'H' | b'e' => 2,
                b'i' | b'I' | b'f' => 4,
                b'l' | b'L' if !native => 4,
                b'l' | b'L' | b'q' | b'Q' | b'd' => 8,
                b'n' | b'N' | b'P' if native => 8,
                _ => return Err(error("bad char in struct format")),
            };
            if native {
                offset = offset.div_ceil(size) * size;
            }
            let count = count.unwrap_or(1);
            let length = size * count;
            fields.push(Field {
                letter,
                size,
                count,
                offset,
            });
            offset = offset
                .checked_add(length)
                .filter(|offset| *offset < 1 << 40)
                .ok_or_else(|| error("total struct size too long"))?;
        }
        Ok(Format {
            fields,
            size: offset,
            big,
            native,
        })
    }

    /// How many values it takes.
    fn values(&self) -> usize {
        self.fields
            .iter()
            .map(|field| match field.letter {
                b'x' => 0,
                b's' | b'p' => 1,
                _ => field.count,
            })
            .sum()
    }
}

fn calcsize(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let format = Format::parse(arguments::one("calcsize", args)?)?;
    Ok(Value::size(format.size))
}

/// Puts the lowest bytes of a number in their order.
fn put(out: &mut [u8], little: &[u8], big: bool) {
    out.copy_from_slice(&little[..out.len()]);
    if big {
        out.reverse();
    }
}

fn pack(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [format, values] = exactly("pack", args)?;
    let format = Format::parse(format)?;
    let values = crate::value::iterate::collect(cx, values)?;
    let wanted = format.values();
    if values.len() != wanted {
        return Err(error(format!(
            "pack expected {wanted} items for packing (got {})",
            values.len()
        )));
    }
    let mut out = filled(0u8, format.size)?;
    let mut values = values.iter();
    for field in &format.fields {
        match field.letter {
            b'x' => {}
            b's' | b'p' => {
                let Some(value) = values.next() else { continue };
                let bytes = bytes_like(value).ok_or_else(|| {
                    error(format!(
                        "argument for '{}' must be a bytes object",
                        char::from(field.letter)
                    ))
                })?;
                let mut place = field.offset;
                let mut room = field.count;
                if field.letter == b'p' && room > 0 {
                    out[place] = bytes.len().min(room - 1).min(255) as u8;
                    place += 1;
                    room -= 1;
                }
                let length = bytes.len().min(room);
                out[place..place + length].copy_from_slice(&bytes[..length]);
            }
            _ => {
                for place in 0..field.count {
                    let Some(value) = values.next() else { continue };
                    let start = field.offset + place * field.size;
                    let slot = &mut out[start..start + field.size];
                    pack_one(cx, field, value, slot, (format.big, format.native))?;
                }
            }
        }
    }
    Ok(Value::bytes(out))
}

fn pack_one(
    cx: &mut Context,
    field: &Field,
    value: &Value,
    slot: &mut [u8],
    (big, native): (bool, bool),
) -> Outcome<()> {
    match field.letter {
        b'c' => match bytes_like(value).as_deref() {
            Some([byte]) => slot[0] = *byte,
            _ => {
                return Err(error("char format requires a bytes object of length 1"));
            }
        },
        b'?' => slot[0] = u8::from(truth::truthy(cx, value)?),
        b'f' | b'd' | b'e' => {
            let number = match arguments::float(cx, value) {
                Ok(number) => number,
                Err(raised) if raised.is(ExceptionKind::TypeError) => {
                    return Err(error("required argument is not a float"));
                }
                Err(raised) => return Err(raised),
            };
            match field.letter {
                b'd' => put(slot, &number.to_le_bytes(), big),
                b'f' => {
                    let narrow = number as f32;
                    // CPython looks only where it orders the bytes itself.
                    if !native && narrow.is_infinite() && number.is_finite() {
                        return Err(exception::overflow_error(
                            "float too large to pack with f format",
                        ));
                    }
                    put(slot, &narrow.to_le_bytes(), big);
                }
                _ => put(slot, &half(number)?.to_le_bytes(), big),
            }
        }
        letter => {
            let Some(number) = slice::try_index(cx, value)? else {
                return Err(error("required argument is not an integer"));
            };
            let number: BigInt = match number {
                Value::Int(number) => number.into(),
                Value::BigInt(number) => number.get().clone(),
                _ => BigInt::default(),
            };
            let signed = letter.is_ascii_lowercase();
            let bits = field.size * 8;
            let (least, most) = if signed && letter != b'P' {
                (
                    -(BigInt::from(1) << (bits - 1)),
                    (BigInt::from(1) << (bits - 1)) - 1,
                )
            } else {
                (BigInt::from(0), (BigInt::from(1) << bits) - 1)
            };
            if number < least || number > most {
                return Err(if field.size == 8 {
                    if matches!(letter, b'q' | b'Q' | b'l' | b'L' | b'n' | b'N') {
                        error(format!(
                            "'{}' format requires {least} <= number <= {most}",
                            char::from(letter)
                        ))
                    } else {
                        error("int too large to convert")
                    }
                } else {
                    error(format!(
                        "'{}' format requires {least} <= number <= {most}",
                        char::from(letter)
                    ))
                });
            }
            let word = number.to_i128().unwrap_or_default();
            put(slot, &word.to_le_bytes(), big);
        }
    }
    Ok(())
}

/// A number in 16 bits, rounded to the nearest, ties to even.
fn half(number: f64) -> Outcome<u16> {
    let sign = if number.is_sign_negative() { 0x8000 } else { 0 };
    let size = number.abs();
    if number.is_nan() {
        return Ok(0x7e00);
    }
    if size.is_infinite() {
        return Ok(sign | 0x7c00);
    }
    if size >= 65520.0 {
        return Err(exception::overflow_error(
            "float too large to pack with e format",
        ));
    }
    let round = |value: f64| value.round_ties_even() as u16;
    if size < 2f64.powi(-14) {
        return Ok(sign | round(size * 2f64.powi(24)));
    }
    let exponent = size.log2().floor() as i32;
    let exponent = if size < 2f64.powi(exponent) {
        exponent - 1
    } else {
        exponent
    };
    let fraction = round((size / 2f64.powi(exponent) - 1.0) * 1024.0);
    Ok(sign | ((((exponent + 15) as u16) << 10) + fraction))
}

fn from_half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(bits >> 10 & 31);
    let fraction = f64::from(bits & 1023);
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
}

fn unpack(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [format, data] = exactly("unpack", args)?;
    let format = Format::parse(format)?;
    let data = input(data)?;
    if data.len() != format.size {
        return Err(error(format!(
            "unpack requires a buffer of {} bytes",
            format.size
        )));
    }
    let mut values = Vec::with_capacity(format.values());
    for field in &format.fields {
        let part = &data[field.offset..field.offset + field.size * field.count];
        match field.letter {
            b'x' => {}
            b's' => values.push(Value::bytes(part)),
            b'p' => {
                let length = part.first().map_or(0, |length| usize::from(*length));
                let rest = part.get(1..).unwrap_or(&[]);
                values.push(Value::bytes(&rest[..length.min(rest.len())]));
            }
            letter => {
                for slot in part.chunks_exact(field.size) {
                    let mut word = [0u8; 16];
                    word[..slot.len()].copy_from_slice(slot);
                    if format.big {
                        word[..slot.len()].reverse();
                    }
                    values.push(unpack_one(letter, field.size, word));
                }
            }
        }
    }
    Ok(Value::tuple(values))
}

fn unpack_one(letter: u8, size: usize, word: [u8; 16]) -> Value {
    let bits = u128::from_le_bytes(word) as u64;
    match letter {
        b'c' => Value::bytes([word[0]]),
        b'?' => Value::Bool(word[0] != 0),
        b'e' => Value::Float(from_half(bits as u16)),
        b'f' => Value::Float(f32::from_bits(bits as u32).into()),
        b'd' => Value::Float(f64::from_bits(bits)),
        letter if letter.is_ascii_lowercase() => {
            let shift = 64 - 8 * size as u32;
            Value::Int(((bits << shift) as i64) >> shift)
        }
        _ => Value::integer(bits.into()),
    }
}
