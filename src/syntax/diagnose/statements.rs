//! Statements, one logical line at a time.

use super::tokens::{Kind, Token};
use super::{Found, Reader, words};
use crate::syntax::error::{Checked, SyntaxError};

/// What conc says of everything that Python does with `async`.
const NO_ASYNC: &str = "conc has no `async`; use Thread or Pool";

impl Reader<'_> {
    /// A whole line: a header with what follows its colon, or simple statements.
    pub(super) fn line(&mut self) -> Checked<()> {
        let first = self.token();
        if self.is("async") {
            return SyntaxError::new(NO_ASYNC, first.span)
                .help("what waits can stand in a thread of its own: `Thread(target=f).start()`")
                .fail();
        }
        let value = matches!(first.text, "None" | "True" | "False" | "yield");
        if first.kind == Kind::Keyword && !value && self.ahead(1).text == "=" {
            return SyntaxError::new("invalid syntax", first.span)
                .label(format!(
                    "`{}` is a keyword and cannot be a name",
                    first.text
                ))
                .fail();
        }
        let soft = first.kind == Kind::Name;
        match first.text {
            "match" | "case" if soft && self.is_match_header() => return self.match_header(),
            "type" if soft && self.ahead(1).kind == Kind::Name => {
                let both = first.span.to(self.ahead(1).span);
                return SyntaxError::new("conc has no `type` statement", both)
                    .help(format!(
                        "assign the type to a name: `{} = …`",
                        self.ahead(1).text
                    ))
                    .fail();
            }
            _ => {}
        }
        if first.kind == Kind::Keyword && self.header()? {
            self.colon()?;
            if self.at_end() {
                return Ok(());
            }
            return self.simple_statements(true);
        }
        if self.eat("@") {
            self.named_expression()?;
            return self.end_of_statement();
        }
        self.simple_statements(false)
    }

    /// The header of a compound statement up to its colon. False if the line begins none.
    fn header(&mut self) -> Checked<bool> {
        let first = self.next();
        match first.text {
            "if" | "elif" | "while" => {
                self.named_expression()?;
            }
            "else" => {
                if self.is("if") {
                    let both = first.span.to(self.token().span);
                    return SyntaxError::new("expected ':'", self.token().span)
                        .label("write `elif`")
                        .related(both, "these two are one word")
                        .fail();
                }
            }
            "try" | "finally" => {}
            "for" => {
                self.targets(&["in"])?;
                if !self.eat("in") {
                    return self.invalid("expected `in`");
                }
                self.star_expressions()?;
            }
            "with" => self.with_items()?,
            "except" => self.except()?,
            "def" => self.def()?,
            "class" => self.class()?,
            _ => {
                self.at -= 1;
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn colon(&mut self) -> Checked<()> {
        if self.eat(":") {
            return Ok(());
        }
        if self.is("=") {
            return self.invalid("expected ':'");
        }
        // `if x then:` reads better with the word pointed out.
        if self.token().kind == Kind::Name
            && self.ahead(1).text == ":"
            && matches!(self.token().text, "then" | "do")
        {
            let word = self.token();
            return SyntaxError::new("invalid syntax", word.span)
                .label(format!("no `{}` is needed", word.text))
                .help("the colon alone begins the block")
                .fail();
        }
        self.expected("':'")
    }

    fn with_items(&mut self) -> Checked<()> {
        // In parentheses: targets may stand in there, or it is an ordinary expression.
        let start = self.at;
        if self.is("(") {
            self.next();
            self.level += 1;
            let inside = self.with_list(")");
            self.level -= 1;
            if inside.is_ok() && self.eat(")") && self.is(":") {
                return Ok(());
            }
            self.at = start;
            // What went wrong behind an `as` is no matter of an ordinary expression.
            let behind_as = |label: &String| label.starts_with("expected `,`");
            if let Err(error) = inside
                && (error.message.starts_with("cannot assign")
                    || error.label.as_ref().is_some_and(behind_as))
            {
                return Err(error);
            }
        }
        self.with_list(":")
    }

    fn with_list(&mut self, end: &str) -> Checked<()> {
        loop {
            self.expression()?;
            if self.eat("as") {
                let target = self.target()?;
                self.assignable(target)?;
                if !self.any(&[",", ":", ")"]) && !self.at_end() {
                    return self.invalid(&format!("expected `,` or `{end}`"));
                }
            }
            if !self.eat(",") {
                return Ok(());
            }
            if self.is(end) {
                if end == ":" {
                    return self.invalid("expected another item after the comma");
                }
                return Ok(());
            }
        }
    }

    fn except(&mut self) -> Checked<()> {
        let star = self.eat("*");
        if self.is(":") {
            if star {
                return SyntaxError::new("expected one or more exception types", self.token().span)
                    .fail();
            }
            return Ok(());
        }
        if self.at_end() {
            return self.expected("':'");
        }
        let first = self.expression()?;
        if self.is(",") {
            let mut last = first.span;
            while self.eat(",") {
                if !self.begins_expression() {
                    break;
                }
                last = self.expression()?.span;
            }
            if self.eat("as") {
                last = self.name("a name")?.span;
            }
            return SyntaxError::new(
                "multiple exception types must be parenthesized",
                first.span.to(last),
            )
            .fail();
        }
        if self.eat("as") {
            self.name("a name")?;
            if !self.is(":") && !self.at_end() {
                return self.invalid("expected `:`");
            }
        }
        Ok(())
    }

    fn no_generics(&self) -> Checked<()> {
        if self.is("[") {
            return SyntaxError::new("conc has no generic type parameters", self.token().span)
                .help("leave them out: nobody checks annotations")
                .fail();
        }
        Ok(())
    }

    fn def(&mut self) -> Checked<()> {
        self.name("the function's name")?;
        self.no_generics()?;
        if !self.eat("(") {
            return self.expected("'('");
        }
        self.level += 1;
        self.parameters(")", "Function")?;
        self.level -= 1;
        if !self.eat(")") {
            return self.invalid("expected `,` or `)`");
        }
        if self.is("->") {
            self.next();
            if !self.begins_expression() {
                self.at -= 1;
                return self.expected("':'");
            }
            self.star_expressions()?;
        }
        Ok(())
    }

    fn class(&mut self) -> Checked<()> {
        self.name("the class's name")?;
        self.no_generics()?;
        if self.eat("(") {
            self.level += 1;
            self.arguments()?;
            self.level -= 1;
            if !self.eat(")") {
                return self.invalid("expected `,` or `)`");
            }
        }
        Ok(())
    }

    /// Simple statements with semicolons between. `after_colon`: they follow a header.
    fn simple_statements(&mut self, after_colon: bool) -> Checked<()> {
        loop {
            if after_colon && self.any(&["if", "for", "while", "with", "try", "def", "class"]) {
                return self.invalid("a compound statement needs a line of its own");
            }
            self.simple_statement()?;
            if !self.eat(";") {
                return self.end_of_statement();
            }
            if self.at_end() {
                return Ok(());
            }
        }
    }

    fn simple_statement(&mut self) -> Checked<()> {
        let first = self.token();
        if first.kind == Kind::Keyword {
            match first.text {
                "pass" | "break" | "continue" => {
                    self.next();
                    return self.after_statement();
                }
                "return" => {
                    self.next();
                    if !self.any(&[";"]) && !self.at_end() {
                        self.star_expressions()?;
                    }
                    return self.after_statement();
                }
                "raise" => {
                    self.next();
                    if self.is(";") || self.at_end() {
                        return Ok(());
                    }
                    self.expression()?;
                    if self.is(",") {
                        return SyntaxError::new("invalid syntax", self.token().span)
                            .help("give the message to the exception: `raise ValueError(\"…\")`")
                            .fail();
                    }
                    if self.eat("from") {
                        self.expression()?;
                    }
                    return self.after_statement();
                }
                "assert" => {
                    self.next();
                    self.expression()?;
                    if self.eat(",") {
                        self.expression()?;
                    }
                    return self.after_statement();
                }
                "del" => {
                    self.next();
                    self.star_expressions()?;
                    return self.after_statement();
                }
                "global" | "nonlocal" => {
                    self.next();
                    loop {
                        self.name("a name")?;
                        if self.is("=") {
                            return SyntaxError::new("invalid syntax", self.token().span)
                                .label("the assignment needs a line of its own")
                                .fail();
                        }
                        if !self.eat(",") {
                            return self.after_statement();
                        }
                    }
                }
                "import" => return self.import(),
                "from" => return self.import_from(),
                "async" => return SyntaxError::new(NO_ASYNC, first.span).fail(),
                "if" | "for" | "while" | "with" | "try" | "def" | "class" => {
                    return self.invalid("a compound statement needs a line of its own");
                }
                _ => {}
            }
        }
        self.expression_statement()
    }

    fn expression_statement(&mut self) -> Checked<()> {
        let first = self.token();
        let result = self.value();
        // A first word that is no statement's beginning explains most of what goes wrong here.
        if first.kind == Kind::Name && (result.is_err() || !self.is_statement_end()) {
            self.misplaced_word(first)?;
        }
        let mut found = result?;
        if self.is(":") {
            return self.annotation();
        }
        let augmented = self.token().text.len() > 1
            && self.token().text.ends_with('=')
            && !self.any(&["==", "!=", "<=", ">=", ":="]);
        if augmented && self.token().kind == Kind::Operator {
            let operator = self.next();
            if !matches!(found.what, "name" | "attribute" | "subscript") {
                return SyntaxError::new(
                    format!(
                        "'{}' is an illegal expression for augmented assignment",
                        found.what
                    ),
                    found.span,
                )
                .fail();
            }
            self.value()?;
            if self.token().text.ends_with('=') && self.token().kind == Kind::Operator {
                return self.invalid(&format!("`{}` cannot be chained", operator.text));
            }
            return self.after_statement();
        }
        while self.is("=") {
            self.next();
            if !self.begins_value() && self.is("=") {
                return self.invalid("expected an expression");
            }
            let value = self.value()?;
            self.assignable_before(found, value)?;
            found = value;
        }
        self.after_statement()
    }

    fn begins_value(&self) -> bool {
        self.begins_expression() || self.any(&["*", "yield"])
    }

    fn annotation(&mut self) -> Checked<()> {
        self.next();
        if self.at_end() {
            return self.invalid("expected a type after the colon");
        }
        self.expression()?;
        if self.eat("=") {
            self.value()?;
        }
        self.after_statement()
    }

    /// Whether the current token may follow a whole expression in a statement.
    fn is_statement_end(&self) -> bool {
        let token = self.token();
        self.at_end()
            || self.any(&[";", ":"]) && self.ahead(1).kind != Kind::End
            || token.kind == Kind::Operator && token.text.ends_with('=')
    }

    /// The first word of a statement that went wrong: a misspelt keyword, or a declaration.
    fn misplaced_word(&self, first: Token<'_>) -> Checked<()> {
        let index = self
            .tokens
            .iter()
            .position(|token| token.span == first.span)
            .unwrap_or(0);
        let second = self.tokens[(index + 1).min(self.tokens.len() - 1)];
        let ends_in_colon =
            self.tokens.len() >= 2 && self.tokens[self.tokens.len() - 2].text == ":";
        let follows = matches!(
            second.kind,
            Kind::Name | Kind::Number | Kind::String | Kind::FStringStart
        ) || second.kind == Kind::Keyword
            && !matches!(
                second.text,
                "and" | "or" | "in" | "is" | "if" | "not" | "else" | "for"
            );
        if !follows && !ends_in_colon {
            return Ok(());
        }
        let third = self.tokens[(index + 2).min(self.tokens.len() - 1)];
        if second.kind == Kind::Name
            && (words::DECLARATIONS.contains(&first.text) || third.text == "=")
        {
            return SyntaxError::new("invalid syntax", first.span.to(second.span))
                .label(format!("no `{}` is needed", first.text))
                .help(format!(
                    "a variable begins with its first assignment: `{} = …`",
                    second.text
                ))
                .fail();
        }
        if let Some(meant) = words::meant(first.text) {
            return SyntaxError::new("invalid syntax", first.span)
                .label(format!("did you mean `{meant}`?"))
                .fail();
        }
        Ok(())
    }

    /// What may follow a simple statement: nothing, or a semicolon.
    pub(super) fn after_statement(&mut self) -> Checked<()> {
        if self.is(";") || self.at_end() {
            return Ok(());
        }
        self.leftover()
    }

    fn end_of_statement(&mut self) -> Checked<()> {
        if self.at_end() {
            return Ok(());
        }
        self.leftover()
    }

    /// Something stands where the statement should end.
    fn leftover(&mut self) -> Checked<()> {
        let token = self.token();
        match token.text {
            "." => return self.invalid("expected a name after the point"),
            "=" | ":=" | ":" => {}
            "!" | "$" => return self.invalid("expected the end of the statement"),
            _ if self.begins_expression() || token.kind == Kind::Keyword => {
                return self.invalid("expected the end of the statement");
            }
            _ => {}
        }
        self.invalid("not expected here")
    }

    /// Whether a `match` or `case` begins a header, and is no ordinary name.
    fn is_match_header(&self) -> bool {
        let next = self.ahead(1);
        let ends_in_colon =
            self.tokens.len() >= 2 && self.tokens[self.tokens.len() - 2].text == ":";
        match next.kind {
            Kind::Name | Kind::Number | Kind::String | Kind::FStringStart => true,
            Kind::Keyword => matches!(
                next.text,
                "None" | "True" | "False" | "not" | "lambda" | "await"
            ),
            // A name is never followed by one.
            Kind::Operator if next.text == "{" => true,
            Kind::Operator if next.text == ":" => self.tokens.len() == self.at + 3,
            Kind::Operator => {
                ends_in_colon && matches!(next.text, "(" | "[" | "-" | "*" | "~" | "+" | "...")
            }
            _ => false,
        }
    }

    fn match_header(&mut self) -> Checked<()> {
        let word = self.next();
        if word.text == "match" {
            self.named_expressions()?;
            self.colon()?;
            if !self.at_end() {
                return self.invalid("the cases stand on lines of their own");
            }
            return Ok(());
        }
        self.open_patterns()?;
        if self.eat("if") {
            self.named_expression()?;
        }
        self.colon()?;
        if self.at_end() {
            return Ok(());
        }
        self.simple_statements(true)
    }

    /// Whether what was read can be assigned to by a `=` that has this value after it.
    pub(super) fn assignable_before(&self, target: Found, value: Found) -> Checked<()> {
        let last = !self.is("=");
        let listed = matches!(
            target.what,
            "list" | "tuple" | "generator expression" | "True" | "False" | "None"
        );
        if matches!(
            target.what,
            "name" | "attribute" | "subscript" | "list" | "tuple" | "starred"
        ) {
            return Ok(());
        }
        if target.what == "yield expression" && target.operand {
            return SyntaxError::new("assignment to yield expression not possible", target.span)
                .fail();
        }
        if last && !listed && target.operand && value.operand {
            return SyntaxError::new(
                format!(
                    "cannot assign to {} here. Maybe you meant '==' instead of '='?",
                    target.what
                ),
                target.span,
            )
            .fail();
        }
        SyntaxError::new(format!("cannot assign to {}", target.what), target.span).fail()
    }

    /// Whether a target of `for` or `with` can be assigned to.
    pub(super) fn assignable(&self, target: Found) -> Checked<()> {
        if matches!(
            target.what,
            "name" | "attribute" | "subscript" | "list" | "tuple" | "starred"
        ) {
            return Ok(());
        }
        SyntaxError::new(format!("cannot assign to {}", target.what), target.span).fail()
    }
}
