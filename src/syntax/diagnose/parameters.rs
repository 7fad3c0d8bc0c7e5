//! The parameters of functions and lambdas. Their order is checked here as well as in the parser:
//! a line that is wrong elsewhere too reports what comes first.

use super::Reader;
use super::tokens::Kind;
use crate::syntax::error::{Checked, SyntaxError};

impl Reader<'_> {
    /// Parameters up to, and not with, `end`: `)` for a function, `:` for a lambda.
    pub(super) fn parameters(&mut self, end: &str, owner: &str) -> Checked<()> {
        let annotated = end == ")";
        while !self.is(end) && !self.at_end() {
            self.parameter(end, owner, annotated)?;
            if !self.eat(",") {
                break;
            }
        }
        if self.is(end) || self.at_end() {
            return Ok(());
        }
        self.invalid(&format!("expected `,` or `{end}`"))
    }

    fn parameter(&mut self, end: &str, owner: &str, annotated: bool) -> Checked<()> {
        let token = self.token();
        match token.text {
            "/" => {
                self.next();
                return Ok(());
            }
            "*" | "**" if token.kind == Kind::Operator => {
                self.next();
                if token.text == "*" && self.any(&[",", end]) {
                    return Ok(());
                }
                if self.is("=") && token.text == "*" {
                    return SyntaxError::new("named arguments must follow bare *", token.span)
                        .fail();
                }
            }
            "(" => {
                let start = self.at;
                self.level += 1;
                let read = self.group();
                self.level -= 1;
                self.at = start;
                let span = read.map_or(token.span, |found| found.span);
                return SyntaxError::new(
                    format!("{owner} parameters cannot be parenthesized"),
                    span,
                )
                .fail();
            }
            _ => {}
        }
        self.name("a parameter's name")?;
        if annotated && self.eat(":") {
            self.star_expression()?;
        }
        if self.is("=") {
            let equals = self.next();
            if self.any(&[",", end]) {
                return match annotated {
                    true => {
                        SyntaxError::new("expected default value expression", equals.span).fail()
                    }
                    false => self.invalid("expected a default value"),
                };
            }
            self.expression()?;
        }
        Ok(())
    }
}
