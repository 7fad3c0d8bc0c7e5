//! The tokens of one logical line of laid-out text. Used only to explain an error.

use crate::syntax::span::Span;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Keyword,
    Number,
    /// A whole string without fields.
    String,
    /// The quotes that open and close an f-string; its fields stand between them.
    FStringStart,
    FStringEnd,
    Operator,
    /// The end of the line.
    End,
}

/// A token and its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'c> {
    pub kind: Kind,
    pub text: &'c str,
    pub span: Span,
}

/// The words that are never names.
pub(super) const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

const OPERATORS: [&str; 24] = [
    "**=", "//=", "<<=", ">>=", "...", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "->", ":=",
    "+=", "-=", "*=", "/=", "%=", "@=", "&=", "|=", "^=",
];

/// Where in an f-string the lexer stands; brackets within a field are counted.
enum Mode {
    Text,
    Field(usize),
    Format,
}

/// The tokens of the line that begins at `start`, up to its end, with a token for the end.
pub(super) fn tokens(text: &str, start: usize) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let end = memchr::memchr(b'\n', bytes.get(start..).unwrap_or(&[]))
        .map_or(text.len(), |length| start + length);
    let mut out: Vec<Token<'_>> = Vec::new();
    let mut modes: Vec<Mode> = Vec::new();
    let mut at = start;
    while at < end {
        let byte = bytes[at];
        if byte == b' ' {
            at += 1;
            continue;
        }
        let (kind, width) = match (byte, modes.last_mut()) {
            (b'{', Some(Mode::Text | Mode::Format)) => {
                modes.push(Mode::Field(0));
                (Kind::Operator, 1)
            }
            (b'}', Some(Mode::Format)) => {
                modes.pop();
                (Kind::Operator, 1)
            }
            (b'\'', Some(Mode::Text)) => {
                modes.pop();
                (Kind::FStringEnd, 1)
            }
            (b'\'', _) => {
                modes.push(Mode::Text);
                (Kind::FStringStart, 1)
            }
            (b':', Some(mode @ Mode::Field(0))) => {
                *mode = Mode::Format;
                (Kind::Operator, 1)
            }
            (b'}', Some(Mode::Field(0))) => {
                modes.pop();
                (Kind::Operator, 1)
            }
            (b'(' | b'[' | b'{', Some(Mode::Field(depth))) => {
                *depth += 1;
                (Kind::Operator, 1)
            }
            (b')' | b']' | b'}', Some(Mode::Field(depth))) => {
                *depth -= 1;
                (Kind::Operator, 1)
            }
            (b'"', _) => {
                let rest = &bytes[at + 1..end];
                let width = memchr::memchr(b'"', rest).map_or(rest.len(), |length| length + 1);
                (Kind::String, width + 1)
            }
            (b'0'..=b'9', _) => (Kind::Number, number(&bytes[at..end])),
            (b'.', _) if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => {
                (Kind::Number, number(&bytes[at..end]))
            }
            (byte, _) if is_word(byte) => {
                let width = bytes[at..end]
                    .iter()
                    .take_while(|byte| is_word(**byte))
                    .count();
                let kind = if KEYWORDS.contains(&&text[at..at + width]) {
                    Kind::Keyword
                } else {
                    Kind::Name
                };
                (kind, width)
            }
            _ => {
                let rest = &text[at..end];
                let known = OPERATORS
                    .iter()
                    .find(|operator| rest.starts_with(**operator));
                (Kind::Operator, known.map_or(1, |operator| operator.len()))
            }
        };
        out.push(Token {
            kind,
            text: text.get(at..at + width).unwrap_or(""),
            span: Span::new(at, at + width),
        });
        at += width;
    }
    let last = out.last().map_or(start, |token| token.span.end as usize);
    out.push(Token {
        kind: Kind::End,
        text: "",
        span: Span::new(last, last),
    });
    out
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Width of a number, which the layout pass has checked.
fn number(bytes: &[u8]) -> usize {
    let prefixed = bytes.len() > 1 && matches!(bytes[1], b'x' | b'X' | b'o' | b'O' | b'b' | b'B');
    if prefixed {
        let hexadecimal = matches!(bytes[1], b'x' | b'X');
        let digits = bytes[2..].iter().take_while(|byte| {
            **byte == b'_'
                || if hexadecimal {
                    byte.is_ascii_hexdigit()
                } else {
                    byte.is_ascii_digit()
                }
        });
        return 2 + digits.count();
    }
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or(&[]);
        rest.iter()
            .take_while(|byte| byte.is_ascii_digit() || **byte == b'_')
            .count()
    };
    let mut width = digits(0);
    if bytes.get(width) == Some(&b'.') {
        width += 1 + digits(width + 1);
    }
    if let Some(b'e' | b'E') = bytes.get(width) {
        let sign = usize::from(matches!(bytes.get(width + 1), Some(b'+' | b'-')));
        let exponent = digits(width + 1 + sign);
        if exponent > 0 {
            width += 1 + sign + exponent;
        }
    }
    width
}
