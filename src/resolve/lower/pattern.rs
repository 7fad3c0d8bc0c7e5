//! Patterns of `match`, with the checks that go with them: what a pattern binds, and whether
//! anything after it can be reached.

use super::{Lowering, error};
use crate::resolve::Resolved;
use crate::resolve::tree::{Pattern, PatternKind};
use crate::syntax::ast::{self, Expr, ExprKind, Ident};
use crate::syntax::span::Span;
use crate::value::name::Name;

/// What a pattern may do where it stands.
struct Captures {
    /// Whether it may match everything.
    irrefutable: bool,
    /// The names it has bound so far.
    names: Vec<Name>,
}

impl Captures {
    fn add(&mut self, name: Name, span: Span) -> Resolved<()> {
        if self.names.contains(&name) {
            return error(
                format!("multiple assignments to name '{name}' in pattern"),
                span,
            );
        }
        self.names.push(name);
        Ok(())
    }
}

impl Lowering<'_> {
    /// The pattern of a case, which may match everything only if no case comes after it.
    pub(super) fn top_pattern(
        &mut self,
        pattern: &ast::Pattern,
        irrefutable: bool,
    ) -> Resolved<Pattern> {
        let mut captures = Captures {
            irrefutable,
            names: Vec::new(),
        };
        self.pattern(pattern, &mut captures)
    }

    fn pattern(&mut self, pattern: &ast::Pattern, captures: &mut Captures) -> Resolved<Pattern> {
        let depth = self.code.depth;
        self.descend(1);
        let kind = self.pattern_kind(pattern, captures)?;
        self.code.depth = depth;
        Ok(Pattern {
            kind,
            id: self.node(pattern.span),
        })
    }

    /// A pattern within another one, where it may match everything.
    fn inner(&mut self, pattern: &ast::Pattern, captures: &mut Captures) -> Resolved<Pattern> {
        let outer = std::mem::replace(&mut captures.irrefutable, true);
        let result = self.pattern(pattern, captures);
        captures.irrefutable = outer;
        result
    }

    fn inner_patterns(
        &mut self,
        patterns: &[ast::Pattern],
        captures: &mut Captures,
    ) -> Resolved<Box<[Pattern]>> {
        patterns
            .iter()
            .map(|pattern| self.inner(pattern, captures))
            .collect()
    }

    fn pattern_kind(
        &mut self,
        pattern: &ast::Pattern,
        captures: &mut Captures,
    ) -> Resolved<PatternKind> {
        use ast::PatternKind as Ast;
        Ok(match &pattern.kind {
            Ast::Wildcard => {
                if !captures.irrefutable {
                    return error(
                        "wildcard makes remaining patterns unreachable",
                        pattern.span,
                    );
                }
                PatternKind::Wildcard
            }
            Ast::Capture(name) => {
                if !captures.irrefutable {
                    return error(
                        format!(
                            "name capture '{}' makes remaining patterns unreachable",
                            name.name
                        ),
                        pattern.span,
                    );
                }
                PatternKind::Capture(self.capture(name, captures)?)
            }
            Ast::Value(value) => PatternKind::Equal(self.expression(value)?),
            Ast::Singleton(value) => PatternKind::Same(self.expression(value)?),
            Ast::Sequence(patterns) => self.sequence_pattern(patterns, pattern.span, captures)?,
            // Stars are taken out where the sequence is lowered.
            Ast::Star(_) => return error("can't use starred pattern here", pattern.span),
            Ast::Mapping { items, rest } => self.mapping_pattern(items, rest.as_ref(), captures)?,
            Ast::Class {
                class,
                positional,
                keyword,
            } => {
                let class = self.expression(class)?;
                let positional = self.inner_patterns(positional, captures)?;
                let mut lowered: Vec<(Name, Pattern)> = Vec::with_capacity(keyword.len());
                for (name, inner) in keyword {
                    let attribute = Name::new(&name.name);
                    if lowered.iter().any(|(known, _)| *known == attribute) {
                        return error(
                            format!("attribute name repeated in class pattern: {attribute}"),
                            name.span,
                        );
                    }
                    lowered.push((attribute, self.inner(inner, captures)?));
                }
                PatternKind::Class {
                    class,
                    positional,
                    keyword: lowered.into(),
                }
            }
            Ast::Or(alternatives) => self.alternatives(alternatives, pattern.span, captures)?,
            Ast::As { pattern, name } => {
                let inner = self.pattern(pattern, captures)?;
                PatternKind::As(Box::new(inner), self.capture(name, captures)?)
            }
        })
    }

    fn capture(
        &mut self,
        name: &Ident,
        captures: &mut Captures,
    ) -> Resolved<crate::resolve::tree::Target> {
        captures.add(self.mangled(&name.name), name.span)?;
        Ok(self.store(&name.name, name.span))
    }

    fn sequence_pattern(
        &mut self,
        patterns: &[ast::Pattern],
        span: Span,
        captures: &mut Captures,
    ) -> Resolved<PatternKind> {
        let mut before = Vec::new();
        let mut star = None;
        let mut after = Vec::new();
        for pattern in patterns {
            if let ast::PatternKind::Star(name) = &pattern.kind {
                if star.is_some() {
                    return error("multiple starred names in sequence pattern", span);
                }
                star = Some(match name {
                    Some(name) => Some(self.capture(name, captures)?),
                    None => None,
                });
                continue;
            }
            let list = if star.is_some() {
                &mut after
            } else {
                &mut before
            };
            list.push(self.inner(pattern, captures)?);
        }
        Ok(PatternKind::Sequence {
            before: before.into(),
            star,
            after: after.into(),
        })
    }

    fn mapping_pattern(
        &mut self,
        items: &[(Expr, ast::Pattern)],
        rest: Option<&Ident>,
        captures: &mut Captures,
    ) -> Resolved<PatternKind> {
        let mut lowered = Vec::with_capacity(items.len());
        let mut texts: Vec<&str> = Vec::new();
        let source = std::sync::Arc::clone(&self.origin.source);
        for (key, inner) in items {
            if !matches!(key.kind, ExprKind::Attribute { .. }) {
                let text = source.slice(key.span);
                if texts.contains(&text) {
                    return error(
                        format!("mapping pattern checks duplicate key ({text})"),
                        key.span,
                    );
                }
                texts.push(text);
            }
            lowered.push((self.expression(key)?, self.inner(inner, captures)?));
        }
        let rest = match rest {
            Some(name) => Some(self.capture(name, captures)?),
            None => None,
        };
        Ok(PatternKind::Mapping {
            items: lowered.into(),
            rest,
        })
    }

    /// `a | b`: all alternatives bind the same names, and only the last may match everything.
    fn alternatives(
        &mut self,
        alternatives: &[ast::Pattern],
        span: Span,
        captures: &mut Captures,
    ) -> Resolved<PatternKind> {
        let mut lowered = Vec::with_capacity(alternatives.len());
        let mut names: Option<Vec<Name>> = None;
        for (position, alternative) in alternatives.iter().enumerate() {
            let last = position + 1 == alternatives.len();
            let mut own = Captures {
                irrefutable: last && captures.irrefutable,
                names: Vec::new(),
            };
            lowered.push(self.pattern(alternative, &mut own)?);
            own.names.sort_by_key(|name| name.as_str());
            if *names.get_or_insert_with(|| own.names.clone()) != own.names {
                return error("alternative patterns bind different names", span);
            }
        }
        for name in names.unwrap_or_default() {
            captures.add(name, span)?;
        }
        Ok(PatternKind::Or(lowered.into()))
    }
}
