//! From the grammar's pairs to the syntax tree. Checks what the grammar leaves open (targets,
//! order of arguments and parameters) and reads literals from the original text. It must not know
//! scopes or values.

mod arguments;
mod displays;
mod expressions;
mod operators;
mod pairs;
mod parameters;
mod patterns;
mod statements;
mod strings;
mod targets;

use std::collections::HashMap;

use pest::Parser as _;

use super::ast::{Expr, Ident, Module, Name};
use super::error::{Checked, SyntaxError};
use super::span::Span;
use super::warning::SyntaxWarning;
use grammar::{Grammar, Rule};

/// The parser that pest makes of the grammar file.
mod grammar {
    #![allow(missing_docs)]

    #[derive(pest_derive::Parser)]
    #[grammar = "../grammar/conc.pest"]
    pub(super) struct Grammar;
}

pub(super) use expressions::Built;

use pairs::{Pair, Pairs};

/// A source is parsed in pieces of about this many bytes, cut between top-level statements, since
/// what pest remembers of a text is a hundred times as long as the text.
const PIECE: usize = 64 << 10;

/// How deep an expression's tree may be. Every walk of the tree, and its drop, recurses this far at
/// most (blocks add their own hundred); the tests build trees of this depth on small stacks.
pub(super) const MAX_DEPTH: usize = 1000;

/// Why no tree was made.
pub(super) enum Failure {
    /// The grammar does not match; the offset is as far as it came.
    Grammar(usize),
    /// The grammar matches, and something else is wrong.
    Checked(Box<SyntaxError>),
}

impl From<Box<SyntaxError>> for Failure {
    fn from(error: Box<SyntaxError>) -> Self {
        Failure::Checked(error)
    }
}

/// Parses a module that was laid out. `source` is the original text, of the same length.
pub(super) fn module(source: &str, laid_out: &str) -> Result<Module, Failure> {
    let mut parser = Parser::new(source);
    let mut body = Vec::new();
    let mut start = 0;
    loop {
        let end = piece_end(laid_out, start);
        let piece = laid_out.get(start..end).unwrap_or("");
        for pair in match_rule(Rule::module, piece, start)?.flat_map(Pair::into_inner) {
            if pair.as_rule() != Rule::EOI {
                parser.statement(pair, &mut body)?;
            }
        }
        if end == laid_out.len() {
            let warnings = parser.warnings;
            return Ok(Module { body, warnings });
        }
        start = end;
    }
}

/// Where a piece that begins at `start` may end: before a line that begins a top-level statement.
fn piece_end(laid_out: &str, start: usize) -> usize {
    let bytes = laid_out.as_bytes();
    let line_after = |at: usize| {
        let rest = bytes.get(at..).unwrap_or(&[]);
        memchr::memchr(b'\n', rest).map_or(bytes.len(), |length| at + length + 1)
    };
    let mut line = line_after(start + PIECE);
    let mut decorated = true;
    while line < bytes.len() {
        let begins = |word: &str| bytes[line..].starts_with(word.as_bytes());
        let goes_on = begins(" ")
            || ["else", "elif", "except", "finally"]
                .iter()
                .any(|word| begins(word));
        // The first line looked at may follow a decorator.
        if !goes_on && !decorated {
            return line;
        }
        decorated = begins("@");
        line = line_after(line);
    }
    bytes.len()
}

/// Parses a text that is one expression.
pub(super) fn lone_expression(source: &str, laid_out: &str) -> Result<Expr, Failure> {
    let pairs = match_rule(Rule::lone_expression, laid_out, 0)?;
    let mut parser = Parser::new(source);
    for pair in pairs.flat_map(Pair::into_inner) {
        if pair.as_rule() == Rule::expressions {
            return Ok(parser.expressions(pair)?.expr);
        }
    }
    Err(Failure::Grammar(0))
}

/// Matches a piece of the laid-out text, which begins at `base` of the whole.
fn match_rule(rule: Rule, piece: &str, base: usize) -> Result<Pairs<'_>, Failure> {
    let result = Grammar::parse(rule, piece).map_err(|error| {
        let at = match error.location {
            pest::error::InputLocation::Pos(at) => base + at,
            pest::error::InputLocation::Span((at, _)) => base + at,
        };
        Failure::Grammar(at)
    });
    Ok(Pairs::new(result?, base))
}

fn too_deep(span: Span) -> Box<SyntaxError> {
    Box::new(
        SyntaxError::new("expression is nested too deeply", span)
            .label(format!(
                "more than {MAX_DEPTH} operations inside one another"
            ))
            .help("give parts of the expression names of their own"),
    )
}

struct Parser<'s> {
    /// The original text.
    source: &'s str,
    /// Names that occurred, so that each is stored once.
    names: HashMap<String, Name>,
    /// How deep the current expression stands in its tree, at most.
    depth: usize,
    /// What there is to warn of.
    warnings: Vec<SyntaxWarning>,
    /// Whether annotations are their text: `from __future__ import annotations`.
    annotations_are_text: bool,
}

impl<'s> Parser<'s> {
    fn new(source: &'s str) -> Self {
        Parser {
            source,
            names: HashMap::new(),
            depth: 0,
            warnings: Vec::new(),
            annotations_are_text: false,
        }
    }

    /// Runs `work` `levels` deeper in the tree, unless that is too deep.
    fn deeper<T>(
        &mut self,
        levels: usize,
        span: Span,
        work: impl FnOnce(&mut Self) -> Checked<T>,
    ) -> Checked<T> {
        if self.depth + levels > MAX_DEPTH {
            return Err(too_deep(span));
        }
        self.depth += levels;
        let result = work(self);
        self.depth -= levels;
        result
    }

    /// A name that is only looked up in something: an attribute, a keyword argument, a module.
    fn ident(&mut self, pair: &Pair<'_>) -> Ident {
        Ident {
            name: self.name(pair.as_str()),
            span: span_of(pair),
        }
    }

    /// A name that is bound where it stands.
    fn binding(&mut self, pair: &Pair<'_>) -> Checked<Ident> {
        let ident = self.ident(pair);
        if &*ident.name == "__debug__" {
            return SyntaxError::new("cannot assign to __debug__", ident.span).fail();
        }
        Ok(ident)
    }

    fn name(&mut self, text: &str) -> Name {
        if let Some(name) = self.names.get(text) {
            return Name::clone(name);
        }
        let name: Name = if text.is_ascii() {
            text.into()
        } else {
            use unicode_normalization::UnicodeNormalization;
            text.nfkc().collect::<String>().into()
        };
        self.names.insert(text.to_owned(), Name::clone(&name));
        name
    }

    /// The original text of a pair.
    fn text(&self, pair: &Pair<'_>) -> &'s str {
        self.source.get(span_of(pair).range()).unwrap_or("")
    }
}

fn span_of(pair: &Pair<'_>) -> Span {
    pair.span()
}

/// The error for a tree that the grammar cannot have made: a defect of conc itself, reported and
/// not a panic.
fn unexpected(pair: &Pair<'_>) -> Box<SyntaxError> {
    Box::new(SyntaxError::new(
        format!(
            "the parser does not know the rule `{:?}` here",
            pair.as_rule()
        ),
        span_of(pair),
    ))
}

/// The same where a part is missing.
fn missing(span: Span) -> Box<SyntaxError> {
    Box::new(SyntaxError::new(
        "the parser misses a part of the grammar here",
        span,
    ))
}
