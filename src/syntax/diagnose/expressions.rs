//! Expressions: operators, conditionals, lambdas, trailers and f-string fields.

use super::tokens::Kind;
use super::{Found, Reader};
use crate::syntax::error::{Checked, SyntaxError};
use crate::syntax::span::Span;

/// Binary operators other than `and`, `or` and comparisons.
const BINARY: [&str; 13] = [
    "+", "-", "*", "/", "//", "%", "**", "@", "<<", ">>", "&", "|", "^",
];

impl Reader<'_> {
    /// `yield …` or expressions with commas: what may stand on either side of `=`.
    pub(super) fn value(&mut self) -> Checked<Found> {
        if !self.is("yield") {
            return self.star_expressions();
        }
        self.yield_expression()
    }

    pub(super) fn yield_expression(&mut self) -> Checked<Found> {
        let mut span = self.next().span;
        if self.eat("from") {
            span = span.to(self.expression()?.span);
        } else if self.begins_expression() || self.is("*") {
            span = span.to(self.star_expressions()?.span);
        }
        Ok(Found {
            span,
            what: "yield expression",
            operand: true,
        })
    }

    pub(super) fn star_expressions(&mut self) -> Checked<Found> {
        self.list_of(|reader| reader.star_expression())
    }

    /// The same where `:=` is allowed.
    pub(super) fn named_expressions(&mut self) -> Checked<Found> {
        self.list_of(|reader| reader.star_named_expression())
    }

    fn list_of(&mut self, mut one: impl FnMut(&mut Self) -> Checked<Found>) -> Checked<Found> {
        let first = one(self)?;
        if !self.is(",") {
            return Ok(first);
        }
        let mut span = first.span;
        while self.is(",") {
            span = span.to(self.next().span);
            if !self.begins_expression() && !self.is("*") {
                break;
            }
            span = span.to(one(self)?.span);
        }
        Ok(Found {
            span,
            what: "tuple",
            operand: true,
        })
    }

    pub(super) fn star_expression(&mut self) -> Checked<Found> {
        if !self.is("*") {
            return self.expression();
        }
        let star = self.next().span;
        let value = self.operators(2)?;
        Ok(Found {
            span: star.to(value.span),
            what: "starred",
            operand: false,
        })
    }

    pub(super) fn star_named_expression(&mut self) -> Checked<Found> {
        if self.is("*") {
            return self.star_expression();
        }
        self.named_expression()
    }

    /// An expression where `:=` may follow, and where `=` is a common slip.
    pub(super) fn named_expression(&mut self) -> Checked<Found> {
        let found = self.expression()?;
        if self.is(":=") {
            if found.what != "name" {
                return SyntaxError::new(
                    format!("cannot use assignment expressions with {}", found.what),
                    found.span,
                )
                .fail();
            }
            self.next();
            let value = self.expression()?;
            return Ok(Found {
                span: found.span.to(value.span),
                what: "named expression",
                operand: false,
            });
        }
        if self.is("=") {
            self.equals_for_comparison(found)?;
        }
        Ok(found)
    }

    /// `a = b` where only a comparison makes sense. Says nothing if Python has nothing to say.
    fn equals_for_comparison(&mut self, found: Found) -> Checked<()> {
        let start = self.at;
        self.next();
        let value = self.operators(2);
        let clean = value.is_ok() && !self.any(&["=", ":="]);
        self.at = start;
        let Ok(value) = value else {
            return Ok(());
        };
        if !clean {
            return Ok(());
        }
        if found.what == "name" {
            return SyntaxError::new(
                "invalid syntax. Maybe you meant '==' or ':=' instead of '='?",
                found.span.to(value.span),
            )
            .help("`=` is a statement; `==` compares, `:=` assigns within an expression")
            .fail();
        }
        let excluded = matches!(
            found.what,
            "list" | "tuple" | "generator expression" | "True" | "False" | "None"
        );
        if found.operand && !excluded {
            return SyntaxError::new(
                format!(
                    "cannot assign to {} here. Maybe you meant '==' instead of '='?",
                    found.what
                ),
                found.span,
            )
            .fail();
        }
        Ok(())
    }

    pub(super) fn expression(&mut self) -> Checked<Found> {
        self.deeper(|reader| {
            if reader.is("lambda") {
                return reader.lambda();
            }
            let then = reader.operators(0)?;
            reader.legacy(then)?;
            if !reader.is("if") {
                return Ok(then);
            }
            reader.next();
            let test = reader.operators(0)?;
            if !reader.is("else") {
                if reader.is(":") {
                    return reader.invalid("expected `else`");
                }
                return SyntaxError::new(
                    "expected 'else' after 'if' expression",
                    then.span.to(test.span),
                )
                .help("a condition within an expression needs both values: `a if test else b`")
                .fail();
            }
            reader.next();
            let otherwise = reader.expression()?;
            Ok(Found {
                span: then.span.to(otherwise.span),
                what: "conditional expression",
                operand: false,
            })
        })
    }

    /// `print x`, as Python 2 had it.
    fn legacy(&mut self, found: Found) -> Checked<()> {
        let word = self.before();
        let one = word.span == found.span && word.kind == Kind::Name;
        if !one || !matches!(word.text, "print" | "exec") || !self.begins_expression() {
            return Ok(());
        }
        let start = self.at;
        let value = self.star_expressions();
        self.at = start;
        let Ok(value) = value else {
            return Ok(());
        };
        SyntaxError::new(
            format!(
                "Missing parentheses in call to '{0}'. Did you mean {0}(...)?",
                word.text
            ),
            found.span.to(value.span),
        )
        .fail()
    }

    fn lambda(&mut self) -> Checked<Found> {
        let start = self.next().span;
        self.parameters(":", "Lambda expression")?;
        if !self.eat(":") {
            return self.invalid("expected `:` before the lambda's body");
        }
        let body = self.expression()?;
        Ok(Found {
            span: start.to(body.span),
            what: "lambda",
            operand: false,
        })
    }

    /// Operators and operands. `tightness` 0 takes all, 1 no `and`, `or`, `not`; 2 no comparisons
    /// either.
    pub(super) fn operators(&mut self, tightness: usize) -> Checked<Found> {
        let mut found = self.unary(tightness)?;
        loop {
            let token = self.token();
            let (what, operand, next) = match token.text {
                _ if !matches!(token.kind, Kind::Operator | Kind::Keyword) => break,
                "and" | "or" if tightness == 0 => ("expression", false, 0),
                "==" | "!=" | "<" | ">" | "<=" | ">=" | "in" | "is" if tightness <= 1 => {
                    ("comparison", false, 1)
                }
                "not" if tightness <= 1 => {
                    if self.ahead(1).text != "in" {
                        return match self.level {
                            0 => {
                                self.next();
                                self.invalid("expected `in` after `not`")
                            }
                            _ => Ok(found),
                        };
                    }
                    self.next();
                    ("comparison", false, 1)
                }
                text if BINARY.contains(&text) => ("expression", true, 2),
                _ => break,
            };
            self.next();
            if token.text == "is" {
                self.eat("not");
            }
            if !self.begins_expression() || self.is("lambda") {
                return self.invalid(&format!("expected a value after `{}`", token.text));
            }
            if self.is("not") && next > 0 {
                return SyntaxError::new("invalid syntax", self.token().span)
                    .label("`not` binds looser than the operator before it")
                    .help("put parentheses around the `not …`")
                    .fail();
            }
            let right = self.unary(next.max(tightness))?;
            found = Found {
                span: found.span.to(right.span),
                what,
                operand: operand && found.operand,
            };
        }
        Ok(found)
    }

    fn unary(&mut self, tightness: usize) -> Checked<Found> {
        let mut first: Option<Span> = None;
        let mut negated = false;
        loop {
            if self.any(&["-", "+", "~"]) {
                first.get_or_insert(self.next().span);
            } else if self.is("not") && tightness == 0 {
                negated = true;
                first.get_or_insert(self.next().span);
            } else {
                break;
            }
        }
        let found = self.primary()?;
        let Some(first) = first else {
            return Ok(found);
        };
        Ok(Found {
            span: first.to(found.span),
            what: "expression",
            operand: !negated,
        })
    }

    /// An operand of `for` and `with … as`: no operators.
    pub(super) fn target(&mut self) -> Checked<Found> {
        let star = self.is("*").then(|| self.next().span);
        let found = self.primary()?;
        Ok(match star {
            Some(star) => Found {
                span: star.to(found.span),
                what: "starred",
                operand: false,
            },
            None => found,
        })
    }

    /// Targets with commas, up to one of `ends`.
    pub(super) fn targets(&mut self, ends: &[&str]) -> Checked<()> {
        loop {
            if !self.begins_expression() && !self.is("*") {
                return self.invalid("expected a variable");
            }
            let target = self.target()?;
            self.assignable(target)?;
            if !self.eat(",") || self.any(ends) {
                return Ok(());
            }
        }
    }

    fn primary(&mut self) -> Checked<Found> {
        if self.is("await") {
            return SyntaxError::new("conc has no `await`; use Thread or Pool", self.token().span)
                .help("`Thread.join`, `Queue.get` and `AsyncResult.get` wait")
                .fail();
        }
        let mut found = self.atom()?;
        loop {
            let token = self.token();
            if token.kind != Kind::Operator {
                return Ok(found);
            }
            found.what = match token.text {
                "." => {
                    self.next();
                    let name = self.token();
                    if name.kind == Kind::Keyword {
                        return SyntaxError::new("invalid syntax", name.span)
                            .label(format!("`{}` is a keyword and cannot be a name", name.text))
                            .fail();
                    }
                    if name.kind != Kind::Name {
                        return self.invalid("expected a name after the point");
                    }
                    self.next();
                    "attribute"
                }
                "(" => {
                    self.next();
                    self.level += 1;
                    self.arguments()?;
                    self.level -= 1;
                    if !self.eat(")") {
                        return self.invalid("expected `,` or `)`");
                    }
                    "function call"
                }
                "[" => {
                    self.next();
                    self.level += 1;
                    self.subscript()?;
                    self.level -= 1;
                    "subscript"
                }
                _ => return Ok(found),
            };
            found.operand = true;
            found.span = found.span.to(self.before().span);
        }
    }

    fn atom(&mut self) -> Checked<Found> {
        let token = self.token();
        let what = match (token.kind, token.text) {
            (Kind::Name, _) => "name",
            (Kind::Number, _) => "literal",
            (Kind::String | Kind::FStringStart, _) => return self.strings(),
            (Kind::Keyword, "None") => "None",
            (Kind::Keyword, "True") => "True",
            (Kind::Keyword, "False") => "False",
            (Kind::Keyword, _) => {
                return SyntaxError::new("invalid syntax", token.span)
                    .label(format!(
                        "expected a value, not the keyword `{}`",
                        token.text
                    ))
                    .fail();
            }
            (Kind::Operator, "...") => "ellipsis",
            (Kind::Operator, "(") => return self.deeper(|reader| reader.group()),
            (Kind::Operator, "[") => return self.deeper(|reader| reader.list()),
            (Kind::Operator, "{") => return self.deeper(|reader| reader.braces()),
            (Kind::End, _) if self.at > 0 => {
                let label = format!("expected a value after `{}`", self.before().text);
                return self.invalid(&label);
            }
            _ => return self.invalid("expected a value"),
        };
        self.next();
        Ok(Found {
            span: token.span,
            what,
            operand: true,
        })
    }

    fn strings(&mut self) -> Checked<Found> {
        let mut span: Option<Span> = None;
        let mut what = "literal";
        loop {
            let token = self.token();
            match token.kind {
                Kind::String => {
                    self.next();
                }
                Kind::FStringStart => {
                    what = "f-string expression";
                    self.deeper(|reader| reader.fstring())?;
                }
                _ => break,
            }
            let whole = token.span.to(self.before().span);
            span = Some(span.map_or(whole, |span| span.to(whole)));
        }
        Ok(Found {
            span: span.unwrap_or_default(),
            what,
            operand: true,
        })
    }

    fn fstring(&mut self) -> Checked<()> {
        self.next();
        let level = self.level;
        while self.eat("{") {
            self.level += 1;
            self.field()?;
            self.level = level;
        }
        if self.token().kind == Kind::FStringEnd {
            self.next();
        }
        Ok(())
    }

    /// A replacement field behind its opening brace, up to and with the closing one.
    fn field(&mut self) -> Checked<()> {
        let first = self.token();
        if matches!(first.text, "}" | "=" | "!" | ":") && first.kind == Kind::Operator {
            return SyntaxError::new(
                format!(
                    "f-string: valid expression required before '{}'",
                    first.text
                ),
                first.span,
            )
            .fail();
        }
        if self.is("lambda") {
            let last = self.tokens[self.at..]
                .iter()
                .find(|token| matches!(token.text, ":" | "}"));
            let span = first.span.to(last.map_or(first.span, |token| token.span));
            return SyntaxError::new(
                "f-string: lambda expressions are not allowed without parentheses",
                span,
            )
            .fail();
        }
        if !self.begins_expression() && !self.any(&["*", "yield"]) {
            return SyntaxError::new(
                "f-string: expecting a valid expression after '{'",
                first.span,
            )
            .fail();
        }
        if let Err(mut error) = self.field_value() {
            if error.message == "invalid syntax" {
                error.message = "f-string: expecting '=', or '!', or ':', or '}'".to_owned();
            }
            return Err(error);
        }
        let debug = self.eat("=");
        let mut converted = false;
        if self.is("!") {
            let mark = self.next();
            let name = self.token();
            if name.kind != Kind::Name && name.kind != Kind::Keyword {
                return SyntaxError::new("f-string: missing conversion character", name.span)
                    .fail();
            }
            if name.span.start != mark.span.end {
                return SyntaxError::new(
                    "f-string: conversion type must come right after the exclamation mark",
                    mark.span.to(name.span),
                )
                .fail();
            }
            if !matches!(name.text, "r" | "s" | "a") {
                return SyntaxError::new(
                    format!(
                        "f-string: invalid conversion character '{}': expected 's', 'r', or 'a'",
                        name.text
                    ),
                    name.span,
                )
                .fail();
            }
            self.next();
            converted = true;
        }
        if self.eat(":") {
            while self.eat("{") {
                self.deeper(|reader| reader.field())?;
            }
        }
        if self.eat("}") {
            return Ok(());
        }
        let wanted = match (debug, converted) {
            (_, true) => "':' or '}'",
            (true, false) => "'!', or ':', or '}'",
            (false, false) => "'=', or '!', or ':', or '}'",
        };
        SyntaxError::new(format!("f-string: expecting {wanted}"), self.token().span).fail()
    }

    fn field_value(&mut self) -> Checked<()> {
        let first = if self.is("yield") {
            self.yield_expression()?
        } else {
            self.star_expressions()?
        };
        self.missing_comma(first)
    }
}
