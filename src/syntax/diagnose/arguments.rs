//! The arguments of a call.

use super::tokens::Kind;
use super::{Found, Reader};
use crate::syntax::error::{Checked, SyntaxError};

impl Reader<'_> {
    /// Arguments up to, and not with, the closing parenthesis.
    pub(super) fn arguments(&mut self) -> Checked<()> {
        let mut count = 0;
        while !self.is(")") {
            count += 1;
            self.argument(count)?;
            if !self.eat(",") {
                return Ok(());
            }
            if self.is(",") {
                return self.invalid("expected an argument");
            }
        }
        Ok(())
    }

    fn argument(&mut self, count: usize) -> Checked<()> {
        if self.any(&["*", "**"]) {
            return self.spread();
        }
        if !self.begins_expression() && !self.is("yield") {
            return self.invalid("expected an argument");
        }
        let first = self.expression()?;
        if self.is("=") {
            return self.keyword(first);
        }
        let mut found = first;
        if self.is(":=") {
            if first.what != "name" {
                return self.invalid(&format!(
                    "`:=` assigns to a name, not to {}",
                    article(first.what)
                ));
            }
            self.next();
            found = self.expression()?;
        }
        if self.is("for") {
            self.clauses(found)?;
            let whole = first.span.to(self.before().span);
            let more = self.is(",") && self.ahead(1).text != ")";
            if count > 1 || more {
                return SyntaxError::new("Generator expression must be parenthesized", whole)
                    .fail();
            }
            return Ok(());
        }
        self.missing_comma(found)?;
        if self.is(":") {
            return SyntaxError::new("invalid syntax", self.token().span)
                .label("expected `,` or `)`")
                .help("an argument is given by name with `=`")
                .fail();
        }
        Ok(())
    }

    fn spread(&mut self) -> Checked<()> {
        let star = self.next();
        if !self.begins_expression() {
            if star.text == "*" {
                return SyntaxError::new("Invalid star expression", star.span).fail();
            }
            return self.invalid("expected a value after `**`");
        }
        let value = self.expression()?;
        if self.eat("=") {
            let what = if star.text == "*" {
                "iterable"
            } else {
                "keyword"
            };
            let end = self.expression().map_or(value.span, |found| found.span);
            return SyntaxError::new(
                format!("cannot assign to {what} argument unpacking"),
                star.span.to(end),
            )
            .fail();
        }
        self.missing_comma(value)
    }

    fn keyword(&mut self, name: Found) -> Checked<()> {
        let word = self.before();
        let equals = self.next();
        let both = name.span.to(equals.span);
        if matches!(name.what, "True" | "False" | "None") {
            return SyntaxError::new(format!("cannot assign to {}", name.what), both).fail();
        }
        if word.kind != Kind::Name || word.span != name.span {
            return SyntaxError::new(
                "expression cannot contain assignment, perhaps you meant \"==\"?",
                both,
            )
            .fail();
        }
        if self.any(&[",", ")"]) {
            return SyntaxError::new("expected argument value expression", both).fail();
        }
        let value = self.expression()?;
        if self.is("for") {
            return SyntaxError::new(
                "invalid syntax. Maybe you meant '==' or ':=' instead of '='?",
                both,
            )
            .fail();
        }
        self.missing_comma(value)
    }
}

/// A description with its article.
fn article(what: &str) -> String {
    match what.chars().next() {
        Some('a' | 'e' | 'i' | 'o' | 'u' | 'f') if what != "function call" => format!("an {what}"),
        _ => format!("a {what}"),
    }
}
