//! What the methods of `bytes` and `bytearray` do with bytes, as functions of slices. It must not
//! know the values of scripts.

use memchr::memmem;

use crate::value::{Outcome, room};

/// White space as byte strings know it.
#[inline]
pub fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// The parts between separators, at most `most` of them split off.
///
/// # Errors
/// `MemoryError`, as for all that take bytes apart.
pub fn split<'a>(bytes: &'a [u8], separator: &[u8], most: usize) -> Outcome<Vec<&'a [u8]>> {
    let mut parts = Vec::new();
    let mut done = 0;
    for place in memmem::find_iter(bytes, separator).take(most) {
        room::push(&mut parts, &bytes[done..place])?;
        done = place + separator.len();
    }
    room::push(&mut parts, &bytes[done..])?;
    Ok(parts)
}

/// As [`split`], from the right.
pub fn rsplit<'a>(bytes: &'a [u8], separator: &[u8], most: usize) -> Outcome<Vec<&'a [u8]>> {
    let mut parts = Vec::new();
    let mut end = bytes.len();
    for place in memmem::rfind_iter(bytes, separator).take(most) {
        room::push(&mut parts, &bytes[place + separator.len()..end])?;
        end = place;
    }
    room::push(&mut parts, &bytes[..end])?;
    parts.reverse();
    Ok(parts)
}

/// The words, at most `most` of them split off.
pub fn split_words(bytes: &[u8], most: usize) -> Outcome<Vec<&[u8]>> {
    let mut parts = Vec::new();
    let mut rest = strip(bytes, is_space, true, false);
    while !rest.is_empty() {
        if parts.len() == most {
            room::push(&mut parts, rest)?;
            break;
        }
        let end = rest
            .iter()
            .position(|&byte| is_space(byte))
            .unwrap_or(rest.len());
        room::push(&mut parts, &rest[..end])?;
        rest = strip(&rest[end..], is_space, true, false);
    }
    Ok(parts)
}

/// As [`split_words`], from the right.
pub fn rsplit_words(bytes: &[u8], most: usize) -> Outcome<Vec<&[u8]>> {
    let mut parts = Vec::new();
    let mut rest = strip(bytes, is_space, false, true);
    while !rest.is_empty() {
        if parts.len() == most {
            room::push(&mut parts, rest)?;
            break;
        }
        let start = rest
            .iter()
            .rposition(|&byte| is_space(byte))
            .map_or(0, |place| place + 1);
        room::push(&mut parts, &rest[start..])?;
        rest = strip(&rest[..start], is_space, false, true);
    }
    parts.reverse();
    Ok(parts)
}

/// The lines, with their ends or without.
pub fn split_lines(bytes: &[u8], keep: bool) -> Outcome<Vec<&[u8]>> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (line, end) = match memchr::memchr2(b'\n', b'\r', rest) {
            Some(place) if rest[place..].starts_with(b"\r\n") => (place, place + 2),
            Some(place) => (place, place + 1),
            None => (rest.len(), rest.len()),
        };
        room::push(&mut parts, &rest[..if keep { end } else { line }])?;
        rest = &rest[end..];
    }
    Ok(parts)
}

/// Without the bytes of a kind at the ends.
pub fn strip(mut bytes: &[u8], kind: impl Fn(u8) -> bool, left: bool, right: bool) -> &[u8] {
    while left
        && let [first, rest @ ..] = bytes
        && kind(*first)
    {
        bytes = rest;
    }
    while right
        && let [rest @ .., last] = bytes
        && kind(*last)
    {
        bytes = rest;
    }
    bytes
}

/// The places at which `replace` replaces.
pub fn replace_places(bytes: &[u8], old: &[u8], most: usize) -> Vec<usize> {
    if old.is_empty() {
        (0..=bytes.len()).take(most).collect()
    } else {
        memmem::find_iter(bytes, old).take(most).collect()
    }
}

/// Each word's first letter as a capital, the others small.
pub fn title(bytes: &[u8]) -> Vec<u8> {
    let mut inside = false;
    bytes
        .iter()
        .map(|byte| {
            let mapped = if inside {
                byte.to_ascii_lowercase()
            } else {
                byte.to_ascii_uppercase()
            };
            inside = byte.is_ascii_alphabetic();
            mapped
        })
        .collect()
}

/// The first letter as a capital, the others small.
pub fn capitalize(bytes: &[u8]) -> Vec<u8> {
    let mut result = bytes.to_ascii_lowercase();
    if let Some(first) = result.first_mut() {
        first.make_ascii_uppercase();
    }
    result
}

/// Capitals as small letters and the reverse.
pub fn swapcase(bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .map(|byte| match byte {
            b'a'..=b'z' => byte.to_ascii_uppercase(),
            other => other.to_ascii_lowercase(),
        })
        .collect()
}

/// Whether there are letters and each has its title case.
pub fn is_title(bytes: &[u8]) -> bool {
    let (mut cased, mut inside) = (false, false);
    for byte in bytes {
        match byte {
            b'A'..=b'Z' if inside => return false,
            b'a'..=b'z' if !inside => return false,
            b'A'..=b'Z' | b'a'..=b'z' => {
                cased = true;
                inside = true;
            }
            _ => inside = false,
        }
    }
    cased
}

/// Tabs as spaces up to the next multiple of `size`; room for them has been checked.
pub fn expand_tabs(bytes: &[u8], size: usize, result: &mut Vec<u8>) {
    let mut column = 0usize;
    for &byte in bytes {
        match byte {
            b'\t' if size == 0 => {}
            b'\t' => {
                let missing = size - column % size;
                result.extend(std::iter::repeat_n(b' ', missing));
                column += missing;
            }
            b'\n' | b'\r' => {
                result.push(byte);
                column = 0;
            }
            _ => {
                result.push(byte);
                column += 1;
            }
        }
    }
}

/// Two hexadecimal digits a byte, with a separator after every `group` bytes, counted from the
/// right for a positive number and from the left for a negative one.
pub fn hex(bytes: &[u8], separator: Option<char>, group: i64) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let size = usize::try_from(group.unsigned_abs()).unwrap_or(usize::MAX);
    let mut text = String::with_capacity(bytes.len() * 3);
    for (index, byte) in bytes.iter().enumerate() {
        if let Some(separator) = separator
            && size > 0
            && index > 0
        {
            let counted = if group > 0 {
                bytes.len() - index
            } else {
                index
            };
            if counted % size == 0 {
                text.push(separator);
            }
        }
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// The bytes of hexadecimal digits in pairs, with white space between them.
///
/// # Errors
/// The index of the first character that does not fit.
pub fn from_hex(text: &str) -> Result<Vec<u8>, usize> {
    let mut result = Vec::with_capacity(text.len() / 2);
    let mut characters = text.chars().enumerate();
    while let Some((index, c)) = characters.next() {
        if c.is_ascii() && is_space(c as u8) {
            continue;
        }
        let high = c.to_digit(16).ok_or(index)?;
        let (next, c) = characters.next().ok_or(index + 1)?;
        let low = c.to_digit(16).ok_or(next)?;
        // Two hexadecimal digits fit a byte.
        result.push((high * 16 + low) as u8);
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(parts: Outcome<Vec<&[u8]>>) -> Vec<&[u8]> {
        parts.unwrap_or_else(|_| panic!("there is memory"))
    }

    #[test]
    fn hexadecimal_text_is_grouped_as_cpython_groups_it() {
        let bytes = [0xb9, 0x01, 0xef, 0x10, 0x22];
        assert_eq!(hex(&bytes, None, 1), "b901ef1022");
        assert_eq!(hex(&bytes, Some('-'), 1), "b9-01-ef-10-22");
        assert_eq!(hex(&bytes, Some(':'), 2), "b9:01ef:1022");
        assert_eq!(hex(&bytes, Some(':'), -2), "b901:ef10:22");
        assert_eq!(hex(&bytes, Some(':'), 0), "b901ef1022");
        assert_eq!(from_hex(" b9 01\tEF"), Ok(vec![0xb9, 1, 0xef]));
        assert_eq!(from_hex("b9 0"), Err(4));
        assert_eq!(from_hex("zz"), Err(0));
        assert_eq!(from_hex("0 1"), Err(1));
    }

    #[test]
    fn words_and_lines_are_split() {
        assert_eq!(whole(split_words(b"  a b  c ", 1)), [&b"a"[..], b"b  c "]);
        assert_eq!(whole(rsplit_words(b"  a b  c ", 1)), [&b"  a b"[..], b"c"]);
        assert_eq!(whole(rsplit(b"a,b,c", b",", 1)), [&b"a,b"[..], b"c"]);
        assert_eq!(
            whole(split_lines(b"a\r\nb\n\rc", true)),
            [&b"a\r\n"[..], b"b\n", b"\r", b"c"]
        );
    }
}
