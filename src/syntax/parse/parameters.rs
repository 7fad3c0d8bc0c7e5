//! The parameters of functions and lambdas: their kinds, their order, their names.

use std::collections::HashMap;

use super::grammar::Rule;
use super::{Pair, Parser, missing, span_of};
use crate::syntax::ast::{Expr, ExprKind, Ident, Name, Parameter, Parameters};
use crate::syntax::error::{Checked, SyntaxError};
use crate::syntax::span::Span;

/// How far a parameter list has come.
#[derive(Default)]
struct Seen {
    slash: Option<Span>,
    /// `*` or `*rest`.
    star: Option<Span>,
    /// Whether the star was bare.
    bare: bool,
    default: Option<Span>,
    keyword_rest: Option<Span>,
}

impl Parser<'_> {
    pub(super) fn parameters(&mut self, pair: Pair<'_>, lambda: bool) -> Checked<Parameters> {
        let mut all = Parameters::default();
        let mut seen = Seen::default();
        for pair in pair.into_inner() {
            let place = span_of(&pair);
            if let Some(earlier) = seen.keyword_rest {
                return SyntaxError::new(
                    "arguments cannot follow var-keyword argument",
                    first_word(place),
                )
                .related(earlier, "this one takes all that is left")
                .fail();
            }
            match pair.as_rule() {
                Rule::slash => slash(&mut all, &mut seen, first_word(place))?,
                Rule::rest | Rule::lambda_rest => {
                    let star = first_word(place);
                    let parameter = self.optional_parameter(pair)?;
                    if let Some(earlier) = seen.star {
                        return SyntaxError::new("* argument may appear only once", star)
                            .related(earlier, "the first is here")
                            .fail();
                    }
                    if let Some(default) = parameter.as_ref().and_then(|p| p.default.as_ref()) {
                        return SyntaxError::new(
                            "var-positional argument cannot have default value",
                            default.span,
                        )
                        .fail();
                    }
                    seen.star = Some(star);
                    seen.bare = parameter.is_none();
                    all.rest = parameter;
                }
                Rule::keyword_rest | Rule::lambda_keyword_rest => {
                    let parameter = self
                        .optional_parameter(pair)?
                        .ok_or_else(|| missing(place))?;
                    if let Some(default) = &parameter.default {
                        return SyntaxError::new(
                            "var-keyword argument cannot have default value",
                            default.span,
                        )
                        .fail();
                    }
                    check_bare(&all, &seen)?;
                    seen.keyword_rest = Some(parameter.name.span);
                    all.keyword_rest = Some(parameter);
                }
                _ => {
                    let parameter = self
                        .optional_parameter(pair)?
                        .ok_or_else(|| missing(place))?;
                    if seen.star.is_some() {
                        all.keyword_only.push(parameter);
                        continue;
                    }
                    match (&parameter.default, seen.default) {
                        (Some(_), _) => {
                            seen.default.get_or_insert(parameter.name.span);
                        }
                        (None, Some(earlier)) => {
                            return SyntaxError::new(
                                "parameter without a default follows parameter with a default",
                                parameter.name.span,
                            )
                            .related(earlier, "this one has a default")
                            .fail();
                        }
                        (None, None) => {}
                    }
                    all.positional.push(parameter);
                }
            }
        }
        check_bare(&all, &seen)?;
        check_names(&all, lambda)?;
        Ok(all)
    }

    /// A parameter's name, annotation and default; `None` for a bare star.
    fn optional_parameter(&mut self, pair: Pair<'_>) -> Checked<Option<Parameter>> {
        let mut name = None;
        let mut annotation = None;
        let mut default = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::name => name = Some(self.binding(&part)?),
                Rule::annotation | Rule::star_annotation => {
                    annotation = self.inner_expression(part)?;
                }
                Rule::default => {
                    let place = first_word(span_of(&part));
                    let value = self.inner_expression(part)?;
                    if name.is_none() {
                        // `*=1`: a bare star has nothing to give a default to.
                        return SyntaxError::new("named arguments must follow bare *", place)
                            .fail();
                    }
                    default = value;
                }
                _ => {}
            }
        }
        let annotation = annotation.map(|annotation| self.annotation(annotation));
        Ok(name.map(|name| Parameter {
            name,
            annotation,
            default,
        }))
    }

    fn inner_expression(&mut self, pair: Pair<'_>) -> Checked<Option<Expr>> {
        let place = span_of(&pair);
        let Some(inner) = pair.into_inner().next() else {
            return Ok(None);
        };
        self.deeper(1, place, |parser| {
            if inner.as_rule() == Rule::starred {
                let operation = inner.into_inner().next().ok_or_else(|| missing(place))?;
                let value = parser.operation(operation)?;
                return Ok(Some(Expr {
                    span: Span {
                        start: place.start,
                        ..value.outer
                    },
                    kind: ExprKind::Starred(Box::new(value.expr)),
                }));
            }
            Ok(Some(parser.expression(inner)?.expr))
        })
    }
}

fn slash(all: &mut Parameters, seen: &mut Seen, place: Span) -> Checked<()> {
    if let Some(earlier) = seen.slash {
        return SyntaxError::new("/ may appear only once", place)
            .related(earlier, "the first is here")
            .fail();
    }
    if let Some(star) = seen.star {
        return SyntaxError::new("/ must be ahead of *", place)
            .related(star, "the * is here")
            .fail();
    }
    if all.positional.is_empty() {
        return SyntaxError::new("at least one argument must precede /", place).fail();
    }
    seen.slash = Some(place);
    all.positional_only = std::mem::take(&mut all.positional);
    Ok(())
}

fn check_bare(all: &Parameters, seen: &Seen) -> Checked<()> {
    match seen.star {
        Some(star) if seen.bare && all.keyword_only.is_empty() => {
            SyntaxError::new("named arguments must follow bare *", star).fail()
        }
        _ => Ok(()),
    }
}

fn check_names(all: &Parameters, _lambda: bool) -> Checked<()> {
    let mut seen: HashMap<&Name, &Ident> = HashMap::new();
    let every = all
        .positional_only
        .iter()
        .chain(&all.positional)
        .chain(&all.rest)
        .chain(&all.keyword_only)
        .chain(&all.keyword_rest);
    for parameter in every {
        let ident = &parameter.name;
        if let Some(first) = seen.insert(&ident.name, ident) {
            return SyntaxError::new(
                format!("duplicate argument '{}' in function definition", ident.name),
                ident.span,
            )
            .related(first.span, "the first is here")
            .fail();
        }
    }
    Ok(())
}

/// The first byte of a place: the star or slash itself.
fn first_word(place: Span) -> Span {
    Span {
        end: place.start + 1,
        ..place
    }
}
