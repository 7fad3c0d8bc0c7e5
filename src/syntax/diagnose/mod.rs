//! What to say when the grammar does not match. The grammar tells how far it came; here the
//! logical line at that place is read once more, token by token, by a reader that knows what
//! people get wrong and says it in Python's words where Python has some. It makes no tree, and
//! must never be needed for a text that is right.

mod arguments;
mod displays;
mod expressions;
mod imports;
mod parameters;
mod patterns;
mod statements;
mod structure;
mod tokens;
mod words;

use super::error::{Checked, SyntaxError};
use super::span::Span;
use tokens::{Kind, Token};

/// Explains why the grammar matches `laid_out` only up to `at`.
pub(super) fn explain(laid_out: &str, at: usize) -> Box<SyntaxError> {
    let at = at.min(laid_out.len());
    let start = line_start(laid_out, at);
    if let Err(error) = structure::check(laid_out, start) {
        return error;
    }
    if let Err(error) = check_line(laid_out, start) {
        return error;
    }
    // The line is right by itself as far as the reader can tell: perhaps the next is wrong here.
    let next = memchr::memchr(b'\n', &laid_out.as_bytes()[start..])
        .map_or(laid_out.len(), |length| start + length + 1);
    if let Err(error) = structure::check(laid_out, next) {
        return error;
    }
    let tokens = tokens::tokens(laid_out, start);
    let span = tokens
        .iter()
        .find(|token| token.span.end as usize > at)
        .map_or(Span::new(at, at + 1), |token| token.span);
    Box::new(SyntaxError::new("invalid syntax", span))
}

/// Reads the logical line that begins at `start`.
pub(super) fn check_line(laid_out: &str, start: usize) -> Checked<()> {
    Reader::new(laid_out, start).line()
}

/// A laid-out text that was cut off behind a line: if that line is a header, it gets a block, so
/// that the grammar finds nothing missing there.
pub(super) fn with_last_block(mut text: String) -> String {
    let end = text.trim_end().len();
    if !text[..end].ends_with(':') {
        return text;
    }
    let start = line_start(&text, end);
    let indent = match start {
        0 => 0,
        _ => text[start..]
            .bytes()
            .take_while(|byte| *byte == b' ')
            .count(),
    };
    let is_match = matches!(&*tokens::tokens(&text, start), [first, ..] if first.text == "match");
    text.push_str(&" ".repeat(indent + 1));
    text.push_str(if is_match { "case _: pass\n" } else { "pass\n" });
    text
}

/// Where the logical line that holds `at` begins, indentation included.
fn line_start(text: &str, at: usize) -> usize {
    memchr::memrchr(b'\n', &text.as_bytes()[..at]).map_or(0, |end| end + 1)
}

/// Reads tokens and complains.
struct Reader<'c> {
    tokens: Vec<Token<'c>>,
    at: usize,
    /// How many brackets are open.
    level: usize,
    /// How deep the reader has gone.
    depth: usize,
}

/// The reader gives up on lines nested deeper than this. Trees of such depth are refused anyway.
const MAX_DEPTH: usize = 1000;

/// An expression that was read: its place, and what Python calls it.
#[derive(Clone, Copy, Debug)]
struct Found {
    span: Span,
    what: &'static str,
    /// Whether it may stand beside a comparison without parentheses.
    operand: bool,
}

impl<'c> Reader<'c> {
    fn new(text: &'c str, start: usize) -> Self {
        Reader {
            tokens: tokens::tokens(text, start),
            at: 0,
            level: 0,
            depth: 0,
        }
    }

    fn token(&self) -> Token<'c> {
        self.ahead(0)
    }

    fn ahead(&self, by: usize) -> Token<'c> {
        let last = self.tokens.len() - 1;
        self.tokens[(self.at + by).min(last)]
    }

    fn before(&self) -> Token<'c> {
        self.tokens[self.at.saturating_sub(1)]
    }

    fn next(&mut self) -> Token<'c> {
        let token = self.token();
        self.at += 1;
        token
    }

    fn is(&self, text: &str) -> bool {
        let token = self.token();
        token.text == text && matches!(token.kind, Kind::Operator | Kind::Keyword)
    }

    fn any(&self, texts: &[&str]) -> bool {
        texts.iter().any(|text| self.is(text))
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.is(text);
        if found {
            self.at += 1;
        }
        found
    }

    fn at_end(&self) -> bool {
        self.token().kind == Kind::End
    }

    /// Whether the current token can begin an expression.
    fn begins_expression(&self) -> bool {
        let token = self.token();
        match token.kind {
            Kind::Name | Kind::Number | Kind::String | Kind::FStringStart => true,
            Kind::Keyword => {
                matches!(
                    token.text,
                    "None" | "True" | "False" | "not" | "lambda" | "await"
                )
            }
            Kind::Operator => matches!(token.text, "(" | "[" | "{" | "-" | "+" | "~" | "..."),
            Kind::FStringEnd | Kind::End => false,
        }
    }

    /// `invalid syntax` at the current token.
    fn invalid<T>(&self, label: &str) -> Checked<T> {
        if self.any(&["async", "await"]) {
            let word = self.token();
            return SyntaxError::new(
                format!("conc has no `{}`; use Thread or Pool", word.text),
                word.span,
            )
            .fail();
        }
        let error = SyntaxError::new("invalid syntax", self.token().span).label(label);
        self.with_hint(error).fail()
    }

    /// `expected …` at the current token.
    fn expected<T>(&self, what: &str) -> Checked<T> {
        let mut error = SyntaxError::new(format!("expected {what}"), self.token().span);
        if self.at_end() {
            error = error.label("missing at the end of the line");
        }
        self.with_hint(error).fail()
    }

    /// Adds what is known of tokens that are often written by habit from other languages.
    fn with_hint(&self, error: SyntaxError) -> SyntaxError {
        if error.help.is_some() {
            return error;
        }
        let (before, token) = (self.before(), self.token());
        let joined = before.span.end == token.span.start;
        let help = match (before.text, token.text) {
            (_, "/" | "//") if self.at == 0 => "a comment begins with `#`".to_owned(),
            ("&", "&") if joined => "write `and`".to_owned(),
            ("|", "|") if joined => "write `or`".to_owned(),
            ("<", ">") if joined => "write `!=`".to_owned(),
            ("==", "=") | ("!=", "=") if joined => format!("write `{}`", before.text),
            ("=", "<") | ("=", ">") if joined => format!("write `{}=`", token.text),
            ("=", "=") if self.at > 0 => "write `==` to compare".to_owned(),
            ("+", _) | ("-", _) if token.kind == Kind::End && self.ahead_of_before(before.text) => {
                let sign = before.text;
                format!("there is no `{sign}{sign}`; write `x {sign}= 1`")
            }
            (_, "->") => "only a `def` has a `->`, before its colon".to_owned(),
            (_, "=") if self.at > 0 && ends_operand(before) => {
                "`=` assigns; write `==` to compare".to_owned()
            }
            (_, "{") => "a block is begun by a colon and indented lines".to_owned(),
            ("or" | "and", "==" | "!=" | "<" | ">" | "<=" | ">=") => {
                "a comparison needs both sides: repeat the left one".to_owned()
            }
            (_, "await" | "async") => "use `Thread` or `Pool`".to_owned(),
            _ => return error,
        };
        error.help(help)
    }

    /// Whether the two tokens before the current one are the same sign twice, as in `x++`.
    fn ahead_of_before(&self, text: &str) -> bool {
        self.at >= 2 && self.tokens[self.at - 2].text == text
    }

    /// Runs `work` one level deeper, unless the line is hopelessly deep.
    fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Checked<T>) -> Checked<T> {
        if self.depth >= MAX_DEPTH {
            return SyntaxError::new("expression is nested too deeply", self.token().span)
                .help("give parts of the expression names of their own")
                .fail();
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }

    /// A name that is bound or looked up here.
    fn name(&mut self, what: &str) -> Checked<Token<'c>> {
        let token = self.token();
        if token.kind == Kind::Name {
            self.at += 1;
            return Ok(token);
        }
        if token.kind == Kind::Keyword {
            return SyntaxError::new("invalid syntax", token.span)
                .label(format!(
                    "`{}` is a keyword and cannot be a name",
                    token.text
                ))
                .fail();
        }
        self.invalid(&format!("expected {what}"))
    }
}

/// Whether a token can be the last of an operand.
fn ends_operand(token: Token<'_>) -> bool {
    match token.kind {
        Kind::Name | Kind::Number | Kind::String | Kind::FStringEnd => true,
        Kind::Keyword => matches!(token.text, "None" | "True" | "False"),
        _ => matches!(token.text, ")" | "]" | "}"),
    }
}
