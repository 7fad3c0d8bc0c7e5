//! The patterns of `case`.

use super::Reader;
use super::tokens::Kind;
use crate::syntax::error::{Checked, SyntaxError};

impl Reader<'_> {
    /// Patterns with commas, up to the guard or colon.
    pub(super) fn open_patterns(&mut self) -> Checked<()> {
        loop {
            self.pattern_or_star()?;
            if !self.eat(",") || self.any(&[":", "if"]) {
                return Ok(());
            }
        }
    }

    fn pattern_or_star(&mut self) -> Checked<()> {
        if self.eat("*") {
            self.name("a name after the `*`")?;
            return Ok(());
        }
        self.pattern()
    }

    fn pattern(&mut self) -> Checked<()> {
        self.deeper(|reader| {
            loop {
                reader.closed_pattern()?;
                if !reader.eat("|") {
                    break;
                }
            }
            if reader.eat("as") {
                reader.alias()?;
            }
            Ok(())
        })
    }

    fn alias(&mut self) -> Checked<()> {
        let token = self.token();
        if token.kind == Kind::Name {
            self.next();
            if token.text == "_" {
                return SyntaxError::new("cannot use '_' as a target", token.span).fail();
            }
            if self.is(".") {
                return self.invalid("what is matched gets a plain name");
            }
            return Ok(());
        }
        if self.begins_expression() {
            return SyntaxError::new("invalid pattern target", token.span)
                .label("expected a name")
                .fail();
        }
        self.invalid("expected a name")
    }

    fn closed_pattern(&mut self) -> Checked<()> {
        let token = self.token();
        match (token.kind, token.text) {
            (Kind::Number, _) | (Kind::Keyword, "None" | "True" | "False") => {
                self.next();
            }
            (Kind::String, _) => {
                while self.token().kind == Kind::String {
                    self.next();
                }
            }
            (Kind::FStringStart, _) => {
                return SyntaxError::new(
                    "patterns may only match literals and attribute lookups",
                    token.span,
                )
                .fail();
            }
            (Kind::Operator, "-") => {
                self.next();
                if self.token().kind != Kind::Number {
                    return self.invalid("expected a number after `-`");
                }
                self.next();
            }
            (Kind::Name, _) => self.named_pattern()?,
            (Kind::Operator, "(" | "[") => {
                let close = if token.text == "(" { ")" } else { "]" };
                self.next();
                while !self.is(close) {
                    self.pattern_or_star()?;
                    if !self.eat(",") {
                        break;
                    }
                }
                if !self.eat(close) {
                    return self.invalid(&format!("expected `,` or `{close}`"));
                }
            }
            (Kind::Operator, "{") => self.mapping_pattern()?,
            _ => return self.invalid("expected a pattern"),
        }
        if self.any(&["+", "-", "*", "/", "%"]) {
            return SyntaxError::new("invalid syntax", self.token().span)
                .label("a pattern computes nothing")
                .help("compare in a guard: `case x if x == …`")
                .fail();
        }
        Ok(())
    }

    fn named_pattern(&mut self) -> Checked<()> {
        self.name("a name")?;
        while self.eat(".") {
            self.name("a name after the point")?;
        }
        if !self.eat("(") {
            return Ok(());
        }
        let mut keyword = false;
        while !self.is(")") {
            let start = self.token().span;
            if self.token().kind == Kind::Name && self.ahead(1).text == "=" {
                keyword = true;
                self.next();
                self.next();
                self.pattern()?;
            } else {
                self.pattern()?;
                if keyword {
                    return SyntaxError::new(
                        "positional patterns follow keyword patterns",
                        start.to(self.before().span),
                    )
                    .fail();
                }
            }
            if !self.eat(",") {
                break;
            }
        }
        if !self.eat(")") {
            return self.invalid("expected `,` or `)`");
        }
        Ok(())
    }

    fn mapping_pattern(&mut self) -> Checked<()> {
        self.next();
        while !self.is("}") {
            if self.eat("**") {
                self.name("a name")?;
            } else {
                let key = self.token();
                self.closed_pattern()?;
                let plain = key.kind == Kind::Name && self.before().span == key.span;
                if plain {
                    return SyntaxError::new("invalid syntax", key.span)
                        .label("a key is a literal or a dotted name")
                        .fail();
                }
                if !self.eat(":") {
                    return self.invalid("expected `:` and a pattern");
                }
                self.pattern()?;
            }
            if !self.eat(",") {
                break;
            }
        }
        if !self.eat("}") {
            return self.invalid("expected `,` or `}`");
        }
        Ok(())
    }
}
