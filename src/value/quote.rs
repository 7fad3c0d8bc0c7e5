//! Strings and bytes between quotes, as `repr` shows them. It must not know values.

use std::fmt::Write;

use super::unicode;

/// Appends a string as `repr` shows it.
pub fn write_quoted(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.reserve(text.len() + 2);
    out.push(quote);
    // Most of a text is shown as it is: whole stretches are copied.
    let mut start = 0;
    for (offset, character) in text.char_indices() {
        let plain = match character {
            '\\' => false,
            ' '..='~' => character != quote,
            _ => unicode::is_printable(character),
        };
        if !plain {
            out.push_str(&text[start..offset]);
            start = offset + character.len_utf8();
            match character {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\'' | '"' => {
                    out.push('\\');
                    out.push(character);
                }
                other => escape(out, other),
            }
        }
    }
    out.push_str(&text[start..]);
    out.push(quote);
}

/// Appends a character as `\x..`, `\u....` or `\U........`.
pub(super) fn escape(out: &mut String, character: char) {
    let code = u32::from(character);
    match code {
        0..=0xFF => push(out, format_args!("\\x{code:02x}")),
        0x100..=0xFFFF => push(out, format_args!("\\u{code:04x}")),
        _ => push(out, format_args!("\\U{code:08x}")),
    }
}

/// Appends bytes as `repr` shows them.
pub fn write_bytes(out: &mut String, bytes: &[u8]) {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        '"'
    } else {
        '\''
    };
    out.push('b');
    out.push(quote);
    for &byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b' '..=b'~' => {
                if char::from(byte) == quote {
                    out.push('\\');
                }
                out.push(char::from(byte));
            }
            _ => push(out, format_args!("\\x{byte:02x}")),
        }
    }
    out.push(quote);
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_as_cpython_quotes_them() {
        for (text, expected) in [
            ("", "''"),
            ("a'b", "\"a'b\""),
            ("a\"b", "'a\"b'"),
            ("a'b\"c", "'a\\'b\"c'"),
            (
                "\n\t\r\\\0\u{7f}\u{80}\u{ad}",
                "'\\n\\t\\r\\\\\\x00\\x7f\\x80\\xad'",
            ),
            (
                "é\u{2028}\u{e000}\u{1f600}\u{e0001}",
                "'é\\u2028\\ue000\u{1f600}\\U000e0001'",
            ),
        ] {
            let mut out = String::new();
            write_quoted(&mut out, text);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn bytes_are_quoted_as_cpython_quotes_them() {
        for (bytes, expected) in [
            (&b""[..], "b''"),
            (b"a'b", "b\"a'b\""),
            (b"a'b\"c", "b'a\\'b\"c'"),
            (b"\n\t\r\\\0\x7f\xff", "b'\\n\\t\\r\\\\\\x00\\x7f\\xff'"),
        ] {
            let mut out = String::new();
            write_bytes(&mut out, bytes);
            assert_eq!(out, expected);
        }
    }
}
