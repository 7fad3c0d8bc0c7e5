//! Texts as bytes and back: the encodings and error handlers of `str.encode` and `bytes.decode`.
//! It must not know who asks.
//!
//! A text holds no surrogates, so `surrogateescape` and `surrogatepass` never have anything to
//! write, and what only they could read is an error.

use std::fmt::Write;

use super::exception::{ExceptionKind, Raised};
use super::{Outcome, Value, room};

/// The encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf8,
    /// With a mark in front.
    Utf8Signature,
    Ascii,
    Latin1,
    Utf16(Order),
    Utf32(Order),
    /// One with a table.
    #[cfg(feature = "encodings")]
    Legacy(super::legacy_codec::Legacy),
}

/// The order of the bytes of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// A mark says it; written little-endian.
    Marked,
    Little,
    Big,
}

impl Encoding {
    fn named(name: &str) -> Outcome<Encoding> {
        let mut normal = String::with_capacity(name.len());
        for c in name.chars() {
            if c.is_ascii_alphanumeric() || c == '.' {
                normal.push(c.to_ascii_lowercase());
            } else if !normal.ends_with('_') {
                normal.push('_');
            }
        }
        Ok(match normal.trim_matches('_') {
            "utf_8" | "utf8" | "u8" | "utf" | "cp65001" => Encoding::Utf8,
            "utf_8_sig" | "utf8_sig" => Encoding::Utf8Signature,
            "ascii" | "us_ascii" | "646" | "us" | "iso646_us" | "ansi_x3.4_1968" => Encoding::Ascii,
            "latin_1" | "latin1" | "latin" | "l1" | "iso_8859_1" | "iso8859_1" | "iso8859"
            | "8859" | "cp819" => Encoding::Latin1,
            "utf_16" | "utf16" | "u16" => Encoding::Utf16(Order::Marked),
            "utf_16_le" | "utf_16le" | "utf16_le" => Encoding::Utf16(Order::Little),
            "utf_16_be" | "utf_16be" | "utf16_be" => Encoding::Utf16(Order::Big),
            "utf_32" | "utf32" | "u32" => Encoding::Utf32(Order::Marked),
            "utf_32_le" | "utf_32le" | "utf32_le" => Encoding::Utf32(Order::Little),
            "utf_32_be" | "utf_32be" | "utf32_be" => Encoding::Utf32(Order::Big),
            normal => return Encoding::with_table(normal, name),
        })
    }
}

impl Encoding {
    /// The encoding of a name in its normal form, among those with tables.
    #[cfg(feature = "encodings")]
    fn with_table(normal: &str, name: &str) -> Outcome<Encoding> {
        super::legacy_codec::Legacy::named(normal)
            .map(Encoding::Legacy)
            .ok_or_else(|| unknown_encoding(name))
    }

    /// There are none in this build.
    #[cfg(not(feature = "encodings"))]
    fn with_table(_: &str, name: &str) -> Outcome<Encoding> {
        Err(unknown_encoding(name))
    }
}

#[cold]
fn unknown_encoding(name: &str) -> Raised {
    Raised::new(
        ExceptionKind::LookupError,
        format!("unknown encoding: {name}"),
    )
}

#[cold]
fn unknown_handler(name: &str) -> Raised {
    Raised::new(
        ExceptionKind::LookupError,
        format!("unknown error handler name '{name}'"),
    )
}

/// Whether this is an encoding.
///
/// # Errors
/// `LookupError` when it is none.
pub fn check_encoding(name: &str) -> Outcome<()> {
    Encoding::named(name).map(|_| ())
}

/// The bytes of a text: `text.encode(encoding, errors)`.
///
/// # Errors
/// `LookupError` for an unknown name, `UnicodeEncodeError` for a character that the encoding does
/// not have.
pub fn encode(text: &str, encoding: &str, errors: &str) -> Outcome<Vec<u8>> {
    Ok(match Encoding::named(encoding)? {
        Encoding::Utf8 => room::copied(text.as_bytes())?,
        Encoding::Utf8Signature => room::joined(b"\xef\xbb\xbf", text.as_bytes())?,
        Encoding::Ascii => return encode_narrow(text, "ascii", 128, errors),
        Encoding::Latin1 => return encode_narrow(text, "latin-1", 256, errors),
        #[cfg(feature = "encodings")]
        Encoding::Legacy(legacy) => return encode_legacy(text, legacy, errors),
        Encoding::Utf16(order) => {
            let mark = (order == Order::Marked).then_some(0xfeff);
            let units = mark.into_iter().chain(text.encode_utf16());
            room::collected(units.flat_map(|unit| match order {
                Order::Big => unit.to_be_bytes(),
                _ => unit.to_le_bytes(),
            }))?
        }
        Encoding::Utf32(order) => {
            let mark = (order == Order::Marked).then_some('\u{feff}');
            let characters = mark.into_iter().chain(text.chars());
            room::collected(characters.flat_map(|c| match order {
                Order::Big => (c as u32).to_be_bytes(),
                _ => (c as u32).to_le_bytes(),
            }))?
        }
    })
}

/// Encodes by a table.
#[cfg(feature = "encodings")]
fn encode_legacy(
    text: &str,
    legacy: super::legacy_codec::Legacy,
    errors: &str,
) -> Outcome<Vec<u8>> {
    let mut bytes = room::with_room(text.len())?;
    for (index, c) in text.chars().enumerate() {
        if legacy.encode(c, &mut bytes) {
            continue;
        }
        let Some(replacement) = replacement(c, errors)? else {
            let more = match legacy.joins_errors() {
                true => text
                    .chars()
                    .skip(index)
                    .take_while(|&c| !legacy.encode(c, &mut Vec::new()))
                    .count(),
                false => 1,
            };
            let reason = legacy.no_bytes();
            return Err(encode_error(legacy.name, text, index, index + more, reason));
        };
        bytes.extend_from_slice(replacement.as_bytes());
    }
    Ok(bytes)
}

/// What a handler puts in the place of a character that an encoding does not have; `None` if it wants an error.
fn replacement(c: char, errors: &str) -> Outcome<Option<String>> {
    let mut replacement = String::new();
    // Writing to a `String` cannot fail.
    let _ = match errors {
        "ignore" => Ok(()),
        "replace" => write!(replacement, "?"),
        "backslashreplace" => write_escape(&mut replacement, c),
        "xmlcharrefreplace" => write!(replacement, "&#{};", c as u32),
        "namereplace" => match unicode_names2::name(c) {
            Some(name) => write!(replacement, "\\N{{{name}}}"),
            None => write_escape(&mut replacement, c),
        },
        "strict" | "surrogateescape" | "surrogatepass" => return Ok(None),
        other => return Err(unknown_handler(other)),
    };
    Ok(Some(replacement))
}

/// Encodes where each character below `bound` is a byte and no other is encoded.
fn encode_narrow(text: &str, name: &str, bound: u32, errors: &str) -> Outcome<Vec<u8>> {
    if text.is_ascii() {
        return room::copied(text.as_bytes());
    }
    let mut bytes = room::with_room(text.len())?;
    for (index, c) in text.chars().enumerate() {
        let code = c as u32;
        if code < bound {
            // Below 256.
            bytes.push(code as u8);
            continue;
        }
        let Some(replacement) = replacement(c, errors)? else {
            let more = text
                .chars()
                .skip(index)
                .take_while(|&c| c as u32 >= bound)
                .count();
            let reason = format!("ordinal not in range({bound})");
            return Err(encode_error(name, text, index, index + more, &reason));
        };
        bytes.extend_from_slice(replacement.as_bytes());
    }
    Ok(bytes)
}

/// Writes a character as literals escape it.
fn write_escape(to: &mut String, c: char) -> std::fmt::Result {
    match c as u32 {
        code @ 0..=0xff => write!(to, "\\x{code:02x}"),
        code @ 0x100..=0xffff => write!(to, "\\u{code:04x}"),
        code => write!(to, "\\U{code:08x}"),
    }
}

#[cold]
fn encode_error(name: &str, text: &str, start: usize, end: usize, reason: &str) -> Raised {
    Raised::with_args(
        ExceptionKind::UnicodeEncodeError,
        vec![
            Value::str(name),
            Value::str(text),
            Value::size(start),
            Value::size(end),
            Value::str(reason),
        ],
    )
}

/// What could not be decoded: the bytes from `start` to `end`.
struct Broken {
    encoding: &'static str,
    start: usize,
    end: usize,
    reason: &'static str,
}

/// The text of bytes: `bytes.decode(encoding, errors)`.
///
/// # Errors
/// `LookupError` for an unknown name, `UnicodeDecodeError` for bytes that the encoding does not
/// have.
pub fn decode(bytes: &[u8], encoding: &str, errors: &str) -> Outcome<String> {
    match Encoding::named(encoding)? {
        Encoding::Utf8 => decode_utf8(bytes, 0, errors),
        Encoding::Utf8Signature => {
            let start = if bytes.starts_with(b"\xef\xbb\xbf") {
                3
            } else {
                0
            };
            decode_utf8(bytes, start, errors)
        }
        Encoding::Ascii => decode_ascii(bytes, errors),
        Encoding::Latin1 => {
            let wide = bytes.iter().filter(|byte| !byte.is_ascii()).count();
            let mut text = room::text_with_room(bytes.len() + wide)?;
            text.extend(bytes.iter().map(|&byte| char::from(byte)));
            Ok(text)
        }
        Encoding::Utf16(order) => decode_utf16(bytes, order, errors),
        Encoding::Utf32(order) => decode_utf32(bytes, order, errors),
        #[cfg(feature = "encodings")]
        Encoding::Legacy(legacy) => decode_legacy(bytes, legacy, errors),
    }
}

/// Decodes by a table.
#[cfg(feature = "encodings")]
fn decode_legacy(
    bytes: &[u8],
    legacy: super::legacy_codec::Legacy,
    errors: &str,
) -> Outcome<String> {
    use super::legacy_codec::Unit;

    let mut text = room::text_with_room(bytes.len())?;
    let mut start = 0;
    while start < bytes.len() {
        match legacy.unit(&bytes[start..]) {
            Unit::Character(c, length) => {
                text.push(c);
                start += length;
            }
            Unit::Bad(length, reason) => {
                let broken = Broken {
                    encoding: legacy.name,
                    start,
                    end: start + length,
                    reason,
                };
                handle(bytes, &broken, errors, &mut text)?;
                start = broken.end;
            }
        }
    }
    Ok(text)
}

/// Puts in what the handler wants in the place of broken bytes.
fn handle(bytes: &[u8], broken: &Broken, errors: &str, text: &mut String) -> Outcome<()> {
    match errors {
        "ignore" => {}
        "replace" => text.push('\u{fffd}'),
        "backslashreplace" => {
            for byte in &bytes[broken.start..broken.end] {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
        "strict" | "surrogateescape" | "surrogatepass" => {
            return Err(Raised::with_args(
                ExceptionKind::UnicodeDecodeError,
                vec![
                    Value::str(broken.encoding),
                    Value::bytes(bytes),
                    Value::size(broken.start),
                    Value::size(broken.end),
                    Value::str(broken.reason),
                ],
            ));
        }
        "xmlcharrefreplace" | "namereplace" => {
            return Err(super::exception::type_error(
                "don't know how to handle UnicodeDecodeError in error callback",
            ));
        }
        other => return Err(unknown_handler(other)),
    }
    Ok(())
}

fn decode_utf8(bytes: &[u8], start: usize, errors: &str) -> Outcome<String> {
    let mut place = start;
    let mut text = String::new();
    loop {
        let rest = &bytes[place..];
        let error = match std::str::from_utf8(rest) {
            Ok(good) => {
                room::append_text(&mut text, good)?;
                return Ok(text);
            }
            Err(error) => error,
        };
        let (good, bad) = rest.split_at(error.valid_up_to());
        // Found valid just now.
        room::append_text(&mut text, std::str::from_utf8(good).unwrap_or_default())?;
        let start = place + good.len();
        let (length, reason) = match error.error_len() {
            None => (bad.len(), "unexpected end of data"),
            Some(length) if matches!(bad[0], 0x80..=0xc1 | 0xf5..) => {
                (length, "invalid start byte")
            }
            Some(length) => (length, "invalid continuation byte"),
        };
        let broken = Broken {
            encoding: "utf-8",
            start,
            end: start + length,
            reason,
        };
        handle(bytes, &broken, errors, &mut text)?;
        place = broken.end;
    }
}

fn decode_ascii(bytes: &[u8], errors: &str) -> Outcome<String> {
    let mut text = room::text_with_room(bytes.len())?;
    for (start, &byte) in bytes.iter().enumerate() {
        if byte.is_ascii() {
            text.push(byte as char);
        } else {
            let broken = Broken {
                encoding: "ascii",
                start,
                end: start + 1,
                reason: "ordinal not in range(128)",
            };
            handle(bytes, &broken, errors, &mut text)?;
        }
    }
    Ok(text)
}

fn decode_utf16(bytes: &[u8], order: Order, errors: &str) -> Outcome<String> {
    let (big, mut place) = match (order, bytes) {
        (Order::Marked, [0xff, 0xfe, ..]) => (false, 2),
        (Order::Marked, [0xfe, 0xff, ..]) => (true, 2),
        (order, _) => (order == Order::Big, 0),
    };
    let encoding = if big { "utf-16-be" } else { "utf-16-le" };
    let unit = |place: usize| match bytes.get(place..place + 2) {
        Some(&[first, second]) if big => Some(u16::from_be_bytes([first, second])),
        Some(&[first, second]) => Some(u16::from_le_bytes([first, second])),
        _ => None,
    };
    let mut text = room::text_with_room(bytes.len() / 2)?;
    while place < bytes.len() {
        let (end, reason) = match unit(place) {
            None => (bytes.len(), "truncated data"),
            Some(high @ 0xd800..0xdc00) => match unit(place + 2) {
                None => (bytes.len(), "unexpected end of data"),
                Some(low @ 0xdc00..0xe000) => {
                    let code =
                        0x10000 + ((u32::from(high) - 0xd800) << 10) + u32::from(low) - 0xdc00;
                    text.extend(char::from_u32(code));
                    place += 4;
                    continue;
                }
                Some(_) => (place + 2, "illegal UTF-16 surrogate"),
            },
            Some(0xdc00..0xe000) => (place + 2, "illegal encoding"),
            Some(other) => {
                text.extend(char::from_u32(u32::from(other)));
                place += 2;
                continue;
            }
        };
        let broken = Broken {
            encoding,
            start: place,
            end,
            reason,
        };
        handle(bytes, &broken, errors, &mut text)?;
        place = end;
    }
    Ok(text)
}

fn decode_utf32(bytes: &[u8], order: Order, errors: &str) -> Outcome<String> {
    let (big, mut place) = match (order, bytes) {
        (Order::Marked, [0xff, 0xfe, 0, 0, ..]) => (false, 4),
        (Order::Marked, [0, 0, 0xfe, 0xff, ..]) => (true, 4),
        (order, _) => (order == Order::Big, 0),
    };
    let encoding = if big { "utf-32-be" } else { "utf-32-le" };
    let mut text = room::text_with_room(bytes.len() / 4)?;
    while place < bytes.len() {
        let (end, reason) = match bytes[place..].first_chunk::<4>() {
            None => (bytes.len(), "truncated data"),
            Some(&unit) => {
                let code = if big {
                    u32::from_be_bytes(unit)
                } else {
                    u32::from_le_bytes(unit)
                };
                match char::from_u32(code) {
                    Some(c) => {
                        text.push(c);
                        place += 4;
                        continue;
                    }
                    None if code < 0x11_0000 => (
                        place + 4,
                        "code point in surrogate code point range(0xd800, 0xe000)",
                    ),
                    None => (place + 4, "code point not in range(0x110000)"),
                }
            }
        };
        let broken = Broken {
            encoding,
            start: place,
            end,
            reason,
        };
        handle(bytes, &broken, errors, &mut text)?;
        place = end;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the error says, without its object.
    fn failure<T>(result: Outcome<T>) -> String {
        let Err(raised) = result else {
            return "none".to_owned();
        };
        let args = raised.data().map(|data| data.args()).unwrap_or_default();
        let show = |value: &Value| match value {
            Value::Str(text) => text.as_str().to_owned(),
            Value::Int(number) => number.to_string(),
            _ => String::new(),
        };
        match &args[..] {
            [encoding, _, start, end, reason] => [encoding, start, end, reason].map(show).join(" "),
            args => args.iter().map(show).collect(),
        }
    }

    #[test]
    fn broken_bytes_are_reported_as_cpython_reports_them() {
        let cases: &[(&[u8], &str, &str)] = &[
            (b"\xff\xfea", "utf-16", "utf-16-le 2 3 truncated data"),
            (
                b"\x00\xd8a\x00",
                "utf-16-le",
                "utf-16-le 0 2 illegal UTF-16 surrogate",
            ),
            (b"\x00\xdc", "utf-16-le", "utf-16-le 0 2 illegal encoding"),
            (
                b"\x00\xd8",
                "utf-16-le",
                "utf-16-le 0 2 unexpected end of data",
            ),
            (
                b"\x00\xd8\x00",
                "utf-16-le",
                "utf-16-le 0 3 unexpected end of data",
            ),
            (b"abc", "utf-32", "utf-32-le 0 3 truncated data"),
            (
                b"\x00\x00\x11\x00",
                "utf-32-le",
                "utf-32-le 0 4 code point not in range(0x110000)",
            ),
            (b"\xe4\xb8", "utf-8", "utf-8 0 2 unexpected end of data"),
            (b"\xe4a", "utf-8", "utf-8 0 1 invalid continuation byte"),
            (
                b"\xed\xa0\x80",
                "utf-8",
                "utf-8 0 1 invalid continuation byte",
            ),
            (b"\xf5", "utf-8", "utf-8 0 1 invalid start byte"),
            (b"\xc0\x80", "utf-8", "utf-8 0 1 invalid start byte"),
            (b"\xf0\x9f\x98", "utf-8", "utf-8 0 3 unexpected end of data"),
            (b"\xf0\x9fa", "utf-8", "utf-8 0 2 invalid continuation byte"),
            (b"a\xff", "ascii", "ascii 1 2 ordinal not in range(128)"),
            (b"a", "nope", "unknown encoding: nope"),
        ];
        for (bytes, encoding, expected) in cases {
            assert_eq!(
                failure(decode(bytes, encoding, "strict")),
                *expected,
                "{bytes:?}"
            );
        }
        assert_eq!(
            failure(encode("aé中b", "ascii", "strict")),
            "ascii 1 3 ordinal not in range(128)"
        );
        assert_eq!(
            failure(encode("é", "ascii", "nope")),
            "unknown error handler name 'nope'"
        );
    }

    #[test]
    fn handlers_put_in_what_cpython_puts_in() {
        let encoded = |errors| encode("aé中😀\x01b", "ascii", errors).unwrap();
        assert_eq!(encoded("ignore"), b"a\x01b");
        assert_eq!(encoded("replace"), b"a???\x01b");
        assert_eq!(
            encoded("backslashreplace"),
            b"a\\xe9\\u4e2d\\U0001f600\x01b"
        );
        assert_eq!(
            encoded("xmlcharrefreplace"),
            b"a&#233;&#20013;&#128512;\x01b"
        );
        assert_eq!(
            encoded("namereplace"),
            b"a\\N{LATIN SMALL LETTER E WITH ACUTE}\\N{CJK UNIFIED IDEOGRAPH-4E2D}\\N{GRINNING FACE}\x01b"
        );
        let decoded = |errors| decode(b"a\xff\xfeb\xe4\xb8", "utf-8", errors).unwrap();
        assert_eq!(decoded("ignore"), "ab");
        assert_eq!(decoded("replace"), "a\u{fffd}\u{fffd}b\u{fffd}");
        assert_eq!(decoded("backslashreplace"), "a\\xff\\xfeb\\xe4\\xb8");
    }

    #[test]
    fn every_encoding_reads_what_it_wrote() {
        let text = "aé中😀";
        let wide = [
            "utf-8",
            "UTF8",
            "utf-8-sig",
            "utf-16",
            "utf_16_be",
            "UTF-16LE",
            "utf-32",
            "utf-32-be",
        ];
        for encoding in wide {
            let bytes = encode(text, encoding, "strict").unwrap();
            assert_eq!(
                decode(&bytes, encoding, "strict").unwrap(),
                text,
                "{encoding}"
            );
        }
        assert_eq!(encode("é", "iso-8859-1", "strict").unwrap(), b"\xe9");
        assert_eq!(decode(b"\xe9", "latin-1", "strict").unwrap(), "é");
    }
}
