//! The arguments of calls and class definitions: their kinds and their order.

use std::collections::HashSet;

use super::expressions::Built;
use super::grammar::Rule;
use super::{Pair, Parser, missing, span_of, unexpected};
use crate::syntax::ast::{Argument, Comprehension, Expr, ExprKind, Ident};
use crate::syntax::error::{Checked, SyntaxError};
use crate::syntax::span::Span;

/// What came before, as far as it limits what may follow.
#[derive(Default)]
struct Before {
    keyword: Option<Span>,
    keyword_spread: Option<Span>,
}

impl Parser<'_> {
    pub(super) fn arguments(&mut self, pair: Pair<'_>) -> Checked<Vec<Argument>> {
        let whole = span_of(&pair);
        let pairs = pair.into_inner();
        let count = pairs.len();
        let mut arguments = Vec::with_capacity(count);
        let mut before = Before::default();
        for pair in pairs {
            let argument = self.argument(pair, &mut before, count, whole)?;
            arguments.push(argument);
        }
        check_repeated(&arguments)?;
        Ok(arguments)
    }

    /// The bases and keyword arguments of a class.
    pub(super) fn class_arguments(&mut self, pair: Pair<'_>) -> Checked<Vec<Argument>> {
        let arguments = self.arguments(pair)?;
        for argument in &arguments {
            match argument {
                Argument::Keyword(ident, value)
                    if &*ident.name == "metaclass" && !is_known_metaclass(value) =>
                {
                    return SyntaxError::new("conc has no metaclasses", ident.span)
                        .help("a class decorator or a base class with `__init_subclass__` does most of what they are for")
                        .fail();
                }
                Argument::Positional(Expr {
                    kind: ExprKind::Generator(_),
                    span,
                }) if self.source.as_bytes().get(span.start as usize) != Some(&b'(') => {
                    return SyntaxError::new("invalid syntax", *span).fail();
                }
                _ => {}
            }
        }
        Ok(arguments)
    }

    fn argument(
        &mut self,
        pair: Pair<'_>,
        before: &mut Before,
        count: usize,
        whole: Span,
    ) -> Checked<Argument> {
        let place = span_of(&pair);
        let rule = pair.as_rule();
        let mut pairs = pair.into_inner();
        match rule {
            Rule::keyword_spread => {
                let value = self.expression(pairs.next().ok_or_else(|| missing(place))?)?;
                before.keyword_spread.get_or_insert(place);
                Ok(Argument::KeywordSpread(value.expr))
            }
            Rule::spread => {
                let value = self.expression(pairs.next().ok_or_else(|| missing(place))?)?;
                if let Some(earlier) = before.keyword_spread {
                    let outer = Span {
                        end: value.outer.end,
                        ..place
                    };
                    return follows(
                        "iterable argument unpacking follows keyword argument unpacking",
                        outer,
                        earlier,
                    );
                }
                Ok(Argument::Spread(value.expr))
            }
            Rule::plain_argument => {
                let value = self.named_expression(&mut pairs, place)?;
                match pairs.peek().map(|pair| pair.as_rule()) {
                    Some(Rule::keyword_value) => {
                        let keyword = pairs.next().ok_or_else(|| missing(place))?;
                        self.keyword_argument(value, keyword, before)
                    }
                    Some(Rule::comprehension_clause) => {
                        let clauses = self.clauses(pairs)?;
                        let end = clauses.last().map_or(value.outer.end, clause_end);
                        let span = Span { end, ..value.outer };
                        if count > 1 {
                            return SyntaxError::new(
                                "Generator expression must be parenthesized",
                                span,
                            )
                            .fail();
                        }
                        let comprehension = Comprehension {
                            element: value.expr,
                            clauses,
                        };
                        Ok(Argument::Positional(Expr {
                            kind: ExprKind::Generator(Box::new(comprehension)),
                            span: Span {
                                end: span.end.min(whole.end),
                                ..span
                            },
                        }))
                    }
                    _ => {
                        if let Some(earlier) = before.keyword_spread {
                            return follows(
                                "positional argument follows keyword argument unpacking",
                                value.outer,
                                earlier,
                            );
                        }
                        if let Some(earlier) = before.keyword {
                            return follows(
                                "positional argument follows keyword argument",
                                value.outer,
                                earlier,
                            );
                        }
                        Ok(Argument::Positional(value.expr))
                    }
                }
            }
            _ => Err(missing(place)),
        }
    }

    fn keyword_argument(
        &mut self,
        name: Built,
        value: Pair<'_>,
        before: &mut Before,
    ) -> Checked<Argument> {
        let equals = span_of(&value);
        let both = Span {
            end: equals.start + 1,
            ..name.outer
        };
        let text = match &name.expr.kind {
            ExprKind::Name(text) if !name.parenthesised() => text.clone(),
            ExprKind::Trade(word) if !name.parenthesised() => self.name(word.text()),
            ExprKind::None | ExprKind::Bool(_) => {
                let text = self.source.get(name.expr.span.range()).unwrap_or("");
                return SyntaxError::new(format!("cannot assign to {text}"), both).fail();
            }
            _ => {
                return SyntaxError::new(
                    "expression cannot contain assignment, perhaps you meant \"==\"?",
                    both,
                )
                .fail();
            }
        };
        if &*text == "__debug__" {
            return SyntaxError::new("cannot assign to __debug__", both).fail();
        }
        let ident = Ident {
            name: text,
            span: name.expr.span,
        };
        before.keyword.get_or_insert(ident.span);
        let Some(value) = value.into_inner().next() else {
            return Err(missing(equals));
        };
        if value.as_rule() != Rule::expression {
            return Err(unexpected(&value));
        }
        let value = self.expression(value)?;
        Ok(Argument::Keyword(ident, value.expr))
    }
}

fn clause_end(clause: &crate::syntax::ast::Clause) -> u32 {
    clause
        .conditions
        .last()
        .unwrap_or(&clause.iterable)
        .span
        .end
}

fn follows<T>(message: &str, span: Span, earlier: Span) -> Checked<T> {
    SyntaxError::new(message, span)
        .related(earlier, "comes first")
        .fail()
}

fn check_repeated(arguments: &[Argument]) -> Checked<()> {
    let mut names: Vec<&Ident> = Vec::new();
    let mut many = HashSet::new();
    for argument in arguments {
        let Argument::Keyword(ident, _) = argument else {
            continue;
        };
        // Short lists are compared one by one, long ones by hash.
        let repeated = if names.len() < 8 {
            names.iter().any(|other| other.name == ident.name)
        } else {
            if many.is_empty() {
                many.extend(names.iter().map(|other| &other.name));
            }
            !many.insert(&ident.name)
        };
        if repeated {
            let first = names.iter().find(|other| other.name == ident.name);
            let mut error = SyntaxError::new(
                format!("keyword argument repeated: {}", ident.name),
                ident.span,
            );
            if let Some(first) = first {
                error = error.related(first.span, "given here first");
            }
            return error.fail();
        }
        names.push(ident);
    }
    Ok(())
}

/// Whether an expression names one of the metaclasses that conc knows.
fn is_known_metaclass(value: &Expr) -> bool {
    let name = match &value.kind {
        ExprKind::Name(name) => &**name,
        ExprKind::Attribute { name, .. } => &*name.name,
        _ => return false,
    };
    matches!(name, "type" | "ABCMeta" | "EnumMeta" | "EnumType")
}
