//! What stands between brackets: groups, lists, dicts, sets, subscripts, comprehensions.

use super::tokens::Kind;
use super::{Found, Reader};
use crate::syntax::error::{Checked, SyntaxError};
use crate::syntax::span::Span;

impl Reader<'_> {
    /// Two expressions side by side within brackets.
    pub(super) fn missing_comma(&mut self, first: Found) -> Checked<()> {
        if self.level == 0 || !self.begins_expression() || self.any(&["-", "+", "(", "["]) {
            return Ok(());
        }
        let word = self.before();
        let one_name = word.span == first.span && word.kind == Kind::Name;
        let string = matches!(self.token().kind, Kind::String | Kind::FStringStart);
        if one_name && (string || matches!(word.text, "match" | "case" | "type" | "_")) {
            return Ok(());
        }
        let start = self.at;
        let second = self.expression();
        self.at = start;
        let Ok(second) = second else {
            return Ok(());
        };
        SyntaxError::new(
            "invalid syntax. Perhaps you forgot a comma?",
            first.span.to(second.span),
        )
        .related(
            Span {
                start: first.span.end,
                end: first.span.end + 1,
            },
            "a comma is missing here",
        )
        .fail()
    }

    pub(super) fn group(&mut self) -> Checked<Found> {
        let open = self.next().span;
        self.level += 1;
        let found = self.group_inside(open)?;
        self.level -= 1;
        let found = Found {
            span: open.to(self.before().span),
            ..found
        };
        Ok(found)
    }

    fn group_inside(&mut self, open: Span) -> Checked<Found> {
        let tuple = Found {
            span: open,
            what: "tuple",
            operand: true,
        };
        if self.eat(")") {
            return Ok(tuple);
        }
        if self.is("yield") {
            let found = self.yield_expression()?;
            self.missing_comma(found)?;
            if !self.eat(")") {
                return self.invalid("expected `)`");
            }
            // In parentheses it may stand beside anything, but is no bare `yield` any more.
            return Ok(found);
        }
        if self.is("**") {
            let star = self.next().span;
            let value = self.operators(2)?;
            return SyntaxError::new(
                "cannot use double starred expression here",
                star.to(value.span),
            )
            .fail();
        }
        let first = self.star_named_expression()?;
        if self.is("for") {
            self.clauses(first)?;
            if !self.eat(")") {
                return self.invalid("expected `)`");
            }
            return Ok(Found {
                what: "generator expression",
                ..tuple
            });
        }
        self.missing_comma(first)?;
        if first.what == "starred" && self.is(")") {
            return SyntaxError::new("cannot use starred expression here", first.span).fail();
        }
        if self.eat(")") {
            return Ok(Found {
                operand: true,
                ..first
            });
        }
        self.rest_of_list(first, ")")?;
        Ok(tuple)
    }

    /// Elements after the first, up to and with the closing bracket.
    fn rest_of_list(&mut self, first: Found, close: &str) -> Checked<()> {
        let mut last = first;
        while self.eat(",") {
            if self.eat(close) {
                return Ok(());
            }
            last = self.star_named_expression()?;
            if self.is("for") {
                if close == ")" {
                    return self.invalid("put parentheses around the target as well");
                }
                let span = first.span.to(last.span);
                return SyntaxError::new(
                    "did you forget parentheses around the comprehension target?",
                    span,
                )
                .fail();
            }
            self.missing_comma(last)?;
        }
        if self.eat(close) {
            return Ok(());
        }
        let _ = last;
        self.invalid(&format!("expected `,` or `{close}`"))
    }

    pub(super) fn list(&mut self) -> Checked<Found> {
        let open = self.next().span;
        self.level += 1;
        let mut what = "list";
        if !self.eat("]") {
            if self.is("for") {
                return self.invalid("expected what the list is made of before the `for`");
            }
            let first = self.star_named_expression()?;
            if self.is("for") {
                self.clauses(first)?;
                if !self.eat("]") {
                    return self.invalid("expected `]`");
                }
                what = "list comprehension";
            } else {
                self.missing_comma(first)?;
                self.rest_of_list(first, "]")?;
            }
        }
        self.level -= 1;
        Ok(Found {
            span: open.to(self.before().span),
            what,
            operand: true,
        })
    }

    /// The clauses of a comprehension, up to its closing bracket.
    pub(super) fn clauses(&mut self, element: Found) -> Checked<()> {
        if element.what == "starred" {
            return SyntaxError::new(
                "iterable unpacking cannot be used in comprehension",
                element.span,
            )
            .fail();
        }
        while self.eat("for") {
            self.targets(&["in"])?;
            if !self.is("in") {
                return SyntaxError::new(
                    "'in' expected after for-loop variables",
                    self.token().span,
                )
                .fail();
            }
            self.next();
            let iterable = self.operators(0)?;
            self.missing_comma(iterable)?;
            while self.eat("if") {
                let condition = self.operators(0)?;
                if self.is("else") {
                    return SyntaxError::new("invalid syntax", self.token().span)
                        .label("the condition of a comprehension has no `else`")
                        .help(
                            "a value for both cases goes to the front: `[a if test else b for …]`",
                        )
                        .fail();
                }
                self.missing_comma(condition)?;
            }
        }
        if self.is("async") {
            return SyntaxError::new("conc has no `async`; use Thread or Pool", self.token().span)
                .fail();
        }
        Ok(())
    }

    /// A dict or a set.
    pub(super) fn braces(&mut self) -> Checked<Found> {
        let open = self.next().span;
        self.level += 1;
        let what = self.braces_inside()?;
        self.level -= 1;
        Ok(Found {
            span: open.to(self.before().span),
            what,
            operand: true,
        })
    }

    fn braces_inside(&mut self) -> Checked<&'static str> {
        if self.eat("}") {
            return Ok("dict literal");
        }
        if self.is("**") {
            let star = self.next().span;
            let value = self.operators(2)?;
            if self.is("for") {
                return SyntaxError::new(
                    "dict unpacking cannot be used in dict comprehension",
                    star.to(value.span),
                )
                .fail();
            }
            return self.rest_of_dict();
        }
        let first = self.star_named_expression()?;
        if self.is(":") {
            if first.what == "starred" || first.what == "named expression" {
                return self.invalid("a dictionary's key is a plain expression");
            }
            self.dict_value(first)?;
            if self.is("for") {
                self.clauses(first)?;
                if !self.eat("}") {
                    return self.invalid("expected `}`");
                }
                return Ok("dict comprehension");
            }
            return self.rest_of_dict();
        }
        if self.is("for") {
            self.clauses(first)?;
            if !self.eat("}") {
                return self.invalid("expected `}`");
            }
            return Ok("set comprehension");
        }
        self.missing_comma(first)?;
        self.rest_of_list(first, "}")?;
        Ok("set display")
    }

    fn dict_value(&mut self, _key: Found) -> Checked<()> {
        let colon = self.next();
        if self.any(&["}", ","]) {
            return SyntaxError::new(
                "expression expected after dictionary key and ':'",
                colon.span,
            )
            .fail();
        }
        if self.is("*") {
            let star = self.next().span;
            let value = self.operators(2)?;
            return SyntaxError::new(
                "cannot use a starred expression in a dictionary value",
                star.to(value.span),
            )
            .fail();
        }
        let value = self.expression()?;
        self.missing_comma(value)
    }

    fn rest_of_dict(&mut self) -> Checked<&'static str> {
        while self.eat(",") {
            if self.eat("}") {
                return Ok("dict literal");
            }
            if self.eat("**") {
                self.operators(2)?;
                continue;
            }
            if self.is("*") {
                return self.invalid("a dictionary takes `**mapping` or `key: value`");
            }
            let key = self.expression()?;
            if !self.is(":") {
                self.missing_comma(key)?;
                return SyntaxError::new("':' expected after dictionary key", key.span)
                    .label("a key without a value")
                    .fail();
            }
            self.dict_value(key)?;
        }
        if self.eat("}") {
            return Ok("dict literal");
        }
        self.invalid("expected `,` or `}`")
    }

    /// What stands in the brackets of a subscript, up to and with the closing one.
    pub(super) fn subscript(&mut self) -> Checked<()> {
        loop {
            let mut parts = 0;
            if self.is("*") {
                self.star_expression()?;
            } else {
                if !self.is(":") {
                    if !self.begins_expression() {
                        return self.invalid("expected an index");
                    }
                    let found = self.named_expression()?;
                    self.missing_comma(found)?;
                }
                while parts < 2 && self.eat(":") {
                    parts += 1;
                    if self.begins_expression() {
                        let found = self.expression()?;
                        self.missing_comma(found)?;
                    }
                }
            }
            if self.eat("]") {
                return Ok(());
            }
            if !self.eat(",") {
                return self.invalid("expected `,` or `]`");
            }
            if self.eat("]") {
                return Ok(());
            }
        }
    }
}
