//! String literals: their text is read from the original source, escapes replaced, adjacent ones
//! joined, fields of f-strings parsed where they stand.

use std::sync::Arc;

use super::grammar::Rule;
use super::{Built, Pair, Parser, missing, span_of, unexpected};
use crate::syntax::ast::{Conversion, ExprKind, FStringField, FStringPart};
use crate::syntax::error::{Checked, SyntaxError};
use crate::syntax::span::Span;
use crate::syntax::warning::{self, SyntaxWarning};

/// What the letters and quotes around a literal say.
#[derive(Clone, Copy)]
struct Form {
    bytes: bool,
    raw: bool,
    /// Bytes before the text: letters and quotes.
    opening: usize,
    /// Bytes after the text.
    closing: usize,
}

fn form(text: &str) -> Form {
    let letters = text
        .bytes()
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    let has = |letter: u8| {
        text.as_bytes()[..letters]
            .iter()
            .any(|byte| byte.to_ascii_lowercase() == letter)
    };
    let rest = &text.as_bytes()[letters..];
    let triple = rest.len() >= 6 && rest[1] == rest[0] && rest[2] == rest[0];
    let quotes = if triple { 3 } else { 1 };
    Form {
        bytes: has(b'b'),
        raw: has(b'r'),
        opening: letters + quotes,
        closing: quotes,
    }
}

/// The pieces of one literal or several adjacent ones, put together.
#[derive(Default)]
struct Pieces {
    parts: Vec<FStringPart>,
    text: String,
    formatted: bool,
}

impl Pieces {
    fn flush(&mut self) {
        if !self.text.is_empty() {
            let text = std::mem::take(&mut self.text);
            self.parts.push(FStringPart::Text(text.into()));
        }
    }

    fn finish(mut self) -> ExprKind {
        if !self.formatted {
            return ExprKind::Str(self.text.into());
        }
        self.flush();
        ExprKind::FString(self.parts)
    }
}

/// One string literal or several adjacent ones.
pub(super) fn strings(parser: &mut Parser<'_>, pair: Pair<'_>) -> Checked<Built> {
    let mut span: Option<Span> = None;
    let mut pieces = Pieces::default();
    let mut bytes: Option<Vec<u8>> = None;
    for literal in pair.into_inner() {
        let place = span_of(&literal);
        let text = parser.text(&literal);
        let form = form(text);
        if span.is_some() && form.bytes != bytes.is_some() {
            return SyntaxError::new("cannot mix bytes and nonbytes literals", place).fail();
        }
        span = Some(span.map_or(place, |span| span.to(place)));
        let start = place.start as usize + form.opening;
        if literal.as_rule() == Rule::fstring {
            pieces.formatted = true;
            let end = place.end as usize - form.closing;
            parser.fstring(literal, form.raw, start, end, false, &mut pieces)?;
            continue;
        }
        let body = text
            .get(form.opening..text.len() - form.closing)
            .ok_or_else(|| missing(place))?;
        if !form.raw {
            parser.warn_of_escapes(body, form.bytes, place);
        }
        if form.bytes {
            decode_bytes(body, form.raw, start, place, bytes.get_or_insert_default())?;
        } else {
            decode(body, form.raw, start, &mut pieces.text)?;
        }
    }
    let span = span.unwrap_or_default();
    let kind = match bytes {
        Some(bytes) => ExprKind::Bytes(bytes.into()),
        None => pieces.finish(),
    };
    Ok(Built::new(kind, span))
}

impl Parser<'_> {
    /// The text and fields of an f-string, or of a format specification, between `start` and
    /// `end`.
    fn fstring(
        &mut self,
        pair: Pair<'_>,
        raw: bool,
        start: usize,
        end: usize,
        in_format: bool,
        pieces: &mut Pieces,
    ) -> Checked<()> {
        let mut at = start;
        for field in pair.into_inner() {
            let place = span_of(&field);
            if field.as_rule() != Rule::field {
                return Err(unexpected(&field));
            }
            self.fstring_text(at, place.start as usize, raw, in_format, pieces)?;
            pieces.flush();
            let field = self.field(field, raw)?;
            pieces.parts.push(FStringPart::Field(Box::new(field)));
            at = place.end as usize;
        }
        self.fstring_text(at, end, raw, in_format, pieces)
    }

    fn fstring_text(
        &mut self,
        start: usize,
        end: usize,
        raw: bool,
        in_format: bool,
        pieces: &mut Pieces,
    ) -> Checked<()> {
        let text = self.source.get(start..end).unwrap_or("");
        if !raw {
            self.warn_of_escapes(text, false, Span::new(start, end));
        }
        if in_format || !text.contains(['{', '}']) {
            return decode(text, raw, start, &mut pieces.text);
        }
        // Doubled braces stand for one, except the braces of `\N{name}`.
        let mut from = 0;
        let mut at = 0;
        let bytes = text.as_bytes();
        while at < bytes.len() {
            match bytes[at] {
                b'\\' if !raw && bytes[at..].starts_with(b"\\N{") => {
                    let rest = &bytes[at..];
                    at += memchr::memchr(b'}', rest).map_or(rest.len(), |end| end + 1);
                }
                b'\\' if !raw && !matches!(bytes.get(at + 1), Some(b'{' | b'}')) => at += 2,
                b'{' | b'}' => {
                    decode(&text[from..at + 1], raw, start + from, &mut pieces.text)?;
                    at += 2;
                    from = at;
                }
                _ => at += 1,
            }
        }
        decode(
            text.get(from..).unwrap_or(""),
            raw,
            start + from,
            &mut pieces.text,
        )
    }

    fn field(&mut self, pair: Pair<'_>, raw: bool) -> Checked<FStringField> {
        let place = span_of(&pair);
        let laid_out = pair.as_str();
        let mut value = None;
        let mut debug = None;
        let mut conversion = None;
        let mut format = Vec::new();
        let mut has_format = false;
        for part in pair.into_inner() {
            let span = span_of(&part);
            match part.as_rule() {
                Rule::debug => {
                    debug = Some(self.debug_text(place, span, laid_out));
                }
                Rule::conversion => conversion = Some(conversion_of(part)?),
                Rule::format => {
                    has_format = true;
                    let mut inner = Pieces::default();
                    let start = span.start as usize + 1;
                    self.fstring(part, raw, start, span.end as usize, true, &mut inner)?;
                    inner.flush();
                    format = inner.parts;
                }
                _ => {
                    let built = self.value(part)?;
                    if let ExprKind::Lambda(_) = built.expr.kind
                        && !built.parenthesised()
                    {
                        return SyntaxError::new(
                            "f-string: lambda expressions are not allowed without parentheses",
                            built.outer,
                        )
                        .fail();
                    }
                    value = Some(built.expr);
                }
            }
        }
        Ok(FStringField {
            value: value.ok_or_else(|| missing(place))?,
            debug,
            conversion,
            format,
            has_format,
        })
    }
}

impl Parser<'_> {
    /// Warns of the first escape in a text that is none.
    fn warn_of_escapes(&mut self, text: &str, bytes: bool, span: Span) {
        if let Some(message) = warning::invalid_escape(text, bytes) {
            self.warnings.push(SyntaxWarning { message, span });
        }
    }

    /// The text that `{value=}` shows: from behind the brace up to what follows the `=`, with
    /// spaces and without comments. `laid_out` is the whole field's laid-out text.
    fn debug_text(&self, field: Span, equals: Span, laid_out: &str) -> Arc<str> {
        let whole = self.source.get(field.range()).unwrap_or("");
        let laid_out = laid_out.as_bytes();
        let after_equals = (equals.start - field.start) as usize + 1;
        let mut text = String::new();
        let mut in_string = false;
        let mut in_comment = false;
        for (at, character) in whole.char_indices().skip(1) {
            let laid_out_byte = laid_out.get(at).copied().unwrap_or(b' ');
            if at >= after_equals && laid_out_byte != b' ' {
                break;
            }
            match character {
                '\n' | '\r' => in_comment = false,
                // Only the quotes of strings are left in the laid-out text.
                _ if matches!(laid_out_byte, b'"' | b'\'') => in_string = !in_string,
                '#' if !in_string => in_comment = true,
                _ => {}
            }
            if !in_comment {
                text.push(character);
            }
        }
        text.into()
    }
}

fn conversion_of(pair: Pair<'_>) -> Checked<Conversion> {
    let place = span_of(&pair);
    let name = pair.into_inner().next().ok_or_else(|| missing(place))?;
    match name.as_str() {
        "s" => Ok(Conversion::Str),
        "r" => Ok(Conversion::Repr),
        "a" => Ok(Conversion::Ascii),
        other => SyntaxError::new(
            format!("f-string: invalid conversion character '{other}': expected 's', 'r', or 'a'"),
            span_of(&name),
        )
        .fail(),
    }
}

/// The text of a string body that begins at `start` in the source.
fn decode(body: &str, raw: bool, start: usize, out: &mut String) -> Checked<()> {
    let escapes = !raw && body.contains('\\');
    if !escapes && !body.contains('\r') {
        out.push_str(body);
        return Ok(());
    }
    let mut rest = body;
    while let Some(at) = rest.find(['\\', '\r']) {
        out.push_str(&rest[..at]);
        let from = &rest[at..];
        let width = if from.starts_with('\r') {
            // Line ends are one character, however the file writes them.
            out.push('\n');
            if from.starts_with("\r\n") { 2 } else { 1 }
        } else if raw {
            out.push('\\');
            1
        } else {
            let offset = body.len() - from.len();
            escape(from, body, offset, start, out)?
        };
        rest = &from[width..];
    }
    out.push_str(rest);
    Ok(())
}

/// One escape sequence at the start of `from`, which begins at `offset` of `body`. Returns its
/// width in bytes.
fn escape(from: &str, body: &str, offset: usize, start: usize, out: &mut String) -> Checked<usize> {
    let bytes = from.as_bytes();
    let fail = |width: usize, reason: &str| {
        let width = width.min(from.len());
        let first = escaped_length(&body[..offset]);
        let last = first + escaped_length(from.get(..width).unwrap_or(from)).max(1) - 1;
        let place = start + offset;
        SyntaxError::new(
            format!(
                "(unicode error) 'unicodeescape' codec can't decode bytes in position \
                 {first}-{last}: {reason}"
            ),
            Span::new(place, place + width),
        )
    };
    let simple = match bytes.get(1) {
        Some(b'\n') => return Ok(2),
        Some(b'\r') => return Ok(if bytes.get(2) == Some(&b'\n') { 3 } else { 2 }),
        Some(b'\\') => '\\',
        Some(b'\'') => '\'',
        Some(b'"') => '"',
        Some(b'a') => '\x07',
        Some(b'b') => '\x08',
        Some(b'f') => '\x0c',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'v') => '\x0b',
        Some(b'0'..=b'7') => {
            let digits = bytes[1..]
                .iter()
                .take(3)
                .take_while(|b| matches!(b, b'0'..=b'7'));
            let mut code = 0;
            let mut width = 1;
            for digit in digits {
                code = code * 8 + u32::from(digit - b'0');
                width += 1;
            }
            out.extend(char::from_u32(code));
            return Ok(width);
        }
        Some(letter @ (b'x' | b'u' | b'U')) => {
            let (wanted, reason) = match letter {
                b'x' => (2, r"truncated \xXX escape"),
                b'u' => (4, r"truncated \uXXXX escape"),
                _ => (8, r"truncated \UXXXXXXXX escape"),
            };
            let found = bytes[2..]
                .iter()
                .take(wanted)
                .take_while(|byte| byte.is_ascii_hexdigit())
                .count();
            if found < wanted {
                return fail(2 + found, reason).fail();
            }
            let code = u32::from_str_radix(&from[2..2 + wanted], 16).unwrap_or(u32::MAX);
            let Some(character) = char::from_u32(code) else {
                if (0xD800..0xE000).contains(&code) {
                    return surrogate(&from[..2 + wanted], start + offset).fail();
                }
                return fail(2 + wanted, "illegal Unicode character").fail();
            };
            out.push(character);
            return Ok(2 + wanted);
        }
        Some(b'N') => {
            let Some(end) = (bytes.get(2) == Some(&b'{'))
                .then(|| memchr::memchr(b'}', bytes))
                .flatten()
            else {
                let width = if bytes.get(2) == Some(&b'{') {
                    from.len()
                } else {
                    2
                };
                return fail(width, r"malformed \N character escape").fail();
            };
            let name = &from[3..end];
            if name.is_empty() {
                return fail(end + 1, r"malformed \N character escape").fail();
            }
            let Some(character) = unicode_names2::character(name) else {
                return fail(end + 1, "unknown Unicode character name").fail();
            };
            out.push(character);
            return Ok(end + 1);
        }
        _ => {
            // Not an escape: the backslash stands for itself.
            out.push('\\');
            return Ok(1);
        }
    };
    out.push(simple);
    Ok(2)
}

/// How long Python's decoder sees a text: it spells out every character that is not ASCII.
fn escaped_length(text: &str) -> usize {
    text.chars()
        .map(|c| if c.is_ascii() { 1 } else { 10 })
        .sum()
}

fn surrogate(text: &str, place: usize) -> SyntaxError {
    SyntaxError::new(
        format!("conc strings hold whole characters, and `{text}` is half of one"),
        Span::new(place, place + text.len()),
    )
    .label("a surrogate")
    .help("write the character itself, or its own number as `\\U` with eight digits")
}

/// The bytes of a bytes literal's body that begins at `start` in the source.
fn decode_bytes(
    body: &str,
    raw: bool,
    start: usize,
    place: Span,
    out: &mut Vec<u8>,
) -> Checked<()> {
    if !body.is_ascii() {
        return SyntaxError::new("bytes can only contain ASCII literal characters", place)
            .help("write the text in a string, and `.encode()` behind it")
            .fail();
    }
    let bytes = body.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'\r' => {
                out.push(b'\n');
                if bytes.get(at) == Some(&b'\n') {
                    at += 1;
                }
                continue;
            }
            b'\\' if !raw => {}
            _ => {
                out.push(*byte);
                continue;
            }
        }
        let simple = match bytes.get(at) {
            Some(b'\n') => {
                at += 1;
                continue;
            }
            Some(b'\r') => {
                at += if bytes.get(at + 1) == Some(&b'\n') {
                    2
                } else {
                    1
                };
                continue;
            }
            Some(b'a') => 7,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'v') => 11,
            Some(other @ (b'\\' | b'\'' | b'"')) => *other,
            Some(b'0'..=b'7') => {
                let mut code = 0u32;
                let digits = bytes[at..]
                    .iter()
                    .take(3)
                    .take_while(|b| matches!(b, b'0'..=b'7'));
                for digit in digits {
                    code = code * 8 + u32::from(digit - b'0');
                    at += 1;
                }
                out.push((code & 0xFF) as u8);
                continue;
            }
            Some(b'x') => {
                let digits = body.get(at + 1..at + 3);
                let value = digits
                    .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok());
                let Some(value) = value else {
                    return SyntaxError::new(
                        format!(r"(value error) invalid \x escape at position {}", at - 1),
                        Span::new(start + at - 1, start + at + 1),
                    )
                    .fail();
                };
                out.push(value);
                at += 3;
                continue;
            }
            _ => {
                out.push(b'\\');
                continue;
            }
        };
        out.push(simple);
        at += 1;
    }
    Ok(())
}
