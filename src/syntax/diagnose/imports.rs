//! `import` and `from … import`.

use super::Reader;
use super::tokens::Token;
use crate::syntax::error::{Checked, SyntaxError};
use crate::syntax::span::Span;

impl Reader<'_> {
    pub(super) fn import(&mut self) -> Checked<()> {
        let keyword = self.next();
        if self.at_end() || self.is(";") {
            return names_missing(keyword);
        }
        loop {
            self.dotted_name()?;
            if self.eat("as") {
                self.name("a name")?;
                if self.is(".") {
                    return self.invalid("the new name is one word");
                }
            }
            if !self.eat(",") {
                return self.after_statement();
            }
        }
    }

    fn dotted_name(&mut self) -> Checked<()> {
        self.name("the name of a module")?;
        while self.eat(".") {
            self.name("a name after the point")?;
        }
        Ok(())
    }

    pub(super) fn import_from(&mut self) -> Checked<()> {
        self.next();
        let mut dots = false;
        while self.any(&[".", "..."]) {
            self.next();
            dots = true;
        }
        if !(dots && self.is("import")) {
            self.dotted_name()?;
        }
        if !self.is("import") {
            return self.invalid("expected `import`");
        }
        let keyword = self.next();
        if self.eat("*") {
            return self.after_statement();
        }
        let bracket = self.eat("(");
        if self.at_end() || self.is(";") {
            return names_missing(keyword);
        }
        loop {
            self.name("a name")?;
            if self.eat("as") {
                self.name("a name")?;
            }
            if self.is(".") {
                return self.invalid("what is imported from a module has a plain name");
            }
            let comma = self.token();
            if !self.eat(",") {
                break;
            }
            if bracket && self.is(")") {
                break;
            }
            if self.at_end() {
                return SyntaxError::new(
                    "trailing comma not allowed without surrounding parentheses",
                    comma.span,
                )
                .fail();
            }
        }
        if bracket && !self.eat(")") {
            return self.invalid("expected `,` or `)`");
        }
        self.after_statement()
    }
}

fn names_missing(keyword: Token<'_>) -> Checked<()> {
    let span = Span {
        start: keyword.span.end,
        ..keyword.span
    };
    SyntaxError::new("Expected one or more names after 'import'", span).fail()
}
