//! `multiprocessing.Value`, `Array`, `RawValue` and `RawArray`: numbers of C's types in shared
//! memory. The kinds and how a number of each is read and written.

use crate::eval::context::Context;
use crate::library::arguments;
use crate::runtime::shared_block::SharedBlock;
use crate::value::exception::type_error;
use crate::value::{Outcome, Value};
use num_bigint::BigInt;

/// A type of C.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `c_char`.
    Char,
    /// A signed number of so many bytes.
    Signed(u8),
    /// An unsigned number of so many bytes.
    Unsigned(u8),
    /// `c_float`.
    Float,
    /// `c_double`.
    Double,
    /// `c_bool`.
    Bool,
    /// `c_wchar`: a character.
    WideChar,
}

/// Codes with their types and the types' names.
pub const KINDS: &[(&str, Kind, &str)] = &[
    ("c", Kind::Char, "c_char"),
    ("b", Kind::Signed(1), "c_byte"),
    ("B", Kind::Unsigned(1), "c_ubyte"),
    ("h", Kind::Signed(2), "c_short"),
    ("H", Kind::Unsigned(2), "c_ushort"),
    ("i", Kind::Signed(4), "c_int"),
    ("I", Kind::Unsigned(4), "c_uint"),
    ("l", Kind::Signed(8), "c_long"),
    ("L", Kind::Unsigned(8), "c_ulong"),
    ("q", Kind::Signed(8), "c_long"),
    ("Q", Kind::Unsigned(8), "c_ulong"),
    ("f", Kind::Float, "c_float"),
    ("d", Kind::Double, "c_double"),
    ("?", Kind::Bool, "c_bool"),
    ("u", Kind::WideChar, "c_wchar"),
];

impl Kind {
    /// The type that a code names.
    ///
    /// # Errors
    /// `TypeError` for what is no code.
    pub fn of(code: &Value) -> Outcome<(Kind, &'static str)> {
        // A class of `ctypes` has its code.
        let of_class = match code {
            Value::Class(class) => class.lookup(crate::value::name::Name::new("_type_")),
            _ => None,
        };
        if let Some(code) = of_class.as_ref().unwrap_or(code).as_str()
            && let Some((_, kind, name)) = KINDS.iter().find(|(known, ..)| *known == code)
        {
            return Ok((*kind, name));
        }
        Err(type_error("this type has no size"))
    }

    /// Bytes of one number.
    pub fn size(self) -> usize {
        match self {
            Kind::Char | Kind::Bool => 1,
            Kind::Signed(size) | Kind::Unsigned(size) => usize::from(size),
            Kind::Float | Kind::WideChar => 4,
            Kind::Double => 8,
        }
    }

    /// How views name it: with the order of its bytes, as `ctypes` does.
    pub fn format(self) -> &'static str {
        match self {
            Kind::Char => "<c",
            Kind::Signed(1) => "<b",
            Kind::Signed(2) => "<h",
            Kind::Signed(4) => "<i",
            Kind::Signed(_) => "<q",
            Kind::Unsigned(1) => "<B",
            Kind::Unsigned(2) => "<H",
            Kind::Unsigned(4) => "<I",
            Kind::Unsigned(_) => "<Q",
            Kind::Float => "<f",
            Kind::Double => "<d",
            Kind::Bool => "<?",
            Kind::WideChar => "<u",
        }
    }

    /// Reads the number of this index.
    pub fn read(self, block: &SharedBlock, index: usize) -> Value {
        let mut bytes = [0u8; 8];
        let size = self.size();
        if !block.read(index * size, &mut bytes[..size]) {
            return Value::None;
        }
        let raw = u64::from_le_bytes(bytes);
        match self {
            Kind::Char => Value::bytes(&bytes[..1]),
            Kind::Bool => Value::Bool(bytes[0] != 0),
            Kind::Signed(size) => {
                let unused = 64 - 8 * u32::from(size);
                Value::Int((raw << unused) as i64 >> unused)
            }
            Kind::Unsigned(_) => match i64::try_from(raw) {
                Ok(number) => Value::Int(number),
                Err(_) => Value::integer(BigInt::from(raw)),
            },
            Kind::Float => {
                let [a, b, c, d, ..] = bytes;
                Value::Float(f64::from(f32::from_le_bytes([a, b, c, d])))
            }
            Kind::Double => Value::Float(f64::from_le_bytes(bytes)),
            // What is no character can only be there because somebody wrote bytes.
            Kind::WideChar => Value::from(
                char::from_u32(raw as u32)
                    .unwrap_or(char::REPLACEMENT_CHARACTER)
                    .to_string(),
            ),
        }
    }

    /// Writes the number of this index. What does not fit is cut off, as in C.
    ///
    /// # Errors
    /// `TypeError` for what is no such number.
    pub fn write(
        self,
        cx: &mut Context,
        block: &SharedBlock,
        index: usize,
        value: &Value,
    ) -> Outcome<()> {
        let (bytes, size) = (self.bytes(cx, value)?, self.size());
        // The caller has looked at the index.
        let _ = block.write(index * size, &bytes[..size]);
        Ok(())
    }

    fn bytes(self, cx: &mut Context, value: &Value) -> Outcome<[u8; 8]> {
        match self {
            Kind::Char => {
                let byte = match value.unwrapped() {
                    Value::Bytes(bytes) if bytes.get().len() == 1 => Some(bytes.get()[0]),
                    Value::Int(number) => u8::try_from(*number).ok(),
                    _ => None,
                };
                match byte {
                    Some(byte) => Ok(u64::from(byte).to_le_bytes()),
                    None => Err(type_error(
                        "one character bytes, bytearray, or an integer in range(256) expected",
                    )),
                }
            }
            Kind::WideChar => {
                let mut characters = unicode_text(value)?.chars();
                match (characters.next(), characters.next()) {
                    (Some(character), None) => Ok(u64::from(u32::from(character)).to_le_bytes()),
                    _ => Err(type_error("one character unicode string expected")),
                }
            }
            Kind::Bool => {
                let flag = arguments::truth(cx, value)?;
                Ok(u64::from(flag).to_le_bytes())
            }
            Kind::Signed(_) | Kind::Unsigned(_) => match value.unwrapped() {
                Value::Int(number) => Ok((*number as u64).to_le_bytes()),
                Value::Bool(flag) => Ok(u64::from(*flag).to_le_bytes()),
                Value::BigInt(number) => {
                    let wrapped = number.get() & BigInt::from(u64::MAX);
                    let mut bytes = wrapped.to_bytes_le().1;
                    bytes.resize(8, 0);
                    Ok(bytes.try_into().unwrap_or_default())
                }
                Value::Float(_) => Err(not_an_integer(value)),
                _ => {
                    let number = arguments::big_integer(cx, value)?;
                    self.bytes(cx, &Value::integer(number))
                }
            },
            Kind::Float => {
                let number = arguments::float(cx, value)? as f32;
                let mut bytes = [0; 8];
                bytes[..4].copy_from_slice(&number.to_le_bytes());
                Ok(bytes)
            }
            Kind::Double => Ok(arguments::float(cx, value)?.to_le_bytes()),
        }
    }
}

/// The text that is to be written as characters.
///
/// # Errors
/// `TypeError` for what is none.
pub fn unicode_text(value: &Value) -> Outcome<&str> {
    let Value::Str(text) = value.unwrapped() else {
        return Err(type_error(format!(
            "unicode string expected instead of {} instance",
            value.type_name()
        )));
    };
    Ok(text.as_str())
}

#[cold]
fn not_an_integer(value: &Value) -> crate::value::exception::Raised {
    type_error(format!(
        "'{}' object cannot be interpreted as an integer",
        value.type_name()
    ))
}
