//! Patterns of `match`.

use super::{Lowering, error};
use crate::resolve::Resolved;
use crate::resolve::tree::{Pattern, PatternKind, Target};
use crate::syntax::ast::{self, Expr, Ident};
use crate::value::name::Name;

impl Lowering<'_> {
    /// A pattern.
    pub(super) fn pattern(&mut self, pattern: &ast::Pattern) -> Resolved<Pattern> {
        let depth = self.code.depth;
        self.descend(1);
        let kind = self.pattern_kind(pattern)?;
        self.code.depth = depth;
        Ok(Pattern {
            kind,
            id: self.node(pattern.span),
        })
    }

    fn patterns(&mut self, patterns: &[ast::Pattern]) -> Resolved<Box<[Pattern]>> {
        patterns
            .iter()
            .map(|pattern| self.pattern(pattern))
            .collect()
    }

    fn pattern_kind(&mut self, pattern: &ast::Pattern) -> Resolved<PatternKind> {
        use ast::PatternKind as Ast;
        Ok(match &pattern.kind {
            Ast::Wildcard => PatternKind::Wildcard,
            Ast::Capture(name) => PatternKind::Capture(self.capture(name)),
            Ast::Value(value) => PatternKind::Equal(self.expression(value)?),
            Ast::Singleton(value) => PatternKind::Same(self.expression(value)?),
            Ast::Sequence(patterns) => self.sequence_pattern(patterns)?,
            // Stars are taken out where the sequence is lowered.
            Ast::Star(_) => return error("can't use starred pattern here", pattern.span),
            Ast::Mapping { items, rest } => self.mapping_pattern(items, rest.as_ref())?,
            Ast::Class {
                class,
                positional,
                keyword,
            } => {
                let class = self.expression(class)?;
                let positional = self.patterns(positional)?;
                let mut attributes = Vec::with_capacity(keyword.len());
                for (name, inner) in keyword {
                    attributes.push((Name::new(&name.name), self.pattern(inner)?));
                }
                PatternKind::Class {
                    class,
                    positional,
                    keyword: attributes.into(),
                }
            }
            Ast::Or(alternatives) => PatternKind::Or(self.patterns(alternatives)?),
            Ast::As { pattern, name } => {
                let inner = self.pattern(pattern)?;
                PatternKind::As(Box::new(inner), self.capture(name))
            }
        })
    }

    fn capture(&mut self, name: &Ident) -> Target {
        self.store(&name.name, name.span)
    }

    fn sequence_pattern(&mut self, patterns: &[ast::Pattern]) -> Resolved<PatternKind> {
        let mut before = Vec::new();
        let mut star = None;
        let mut after = Vec::new();
        for pattern in patterns {
            match &pattern.kind {
                ast::PatternKind::Star(name) => {
                    star = Some(name.as_ref().map(|name| self.capture(name)));
                }
                _ if star.is_some() => after.push(self.pattern(pattern)?),
                _ => before.push(self.pattern(pattern)?),
            }
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
    ) -> Resolved<PatternKind> {
        let mut lowered = Vec::with_capacity(items.len());
        for (key, inner) in items {
            lowered.push((self.expression(key)?, self.pattern(inner)?));
        }
        Ok(PatternKind::Mapping {
            items: lowered.into(),
            rest: rest.map(|name| self.capture(name)),
        })
    }
}
