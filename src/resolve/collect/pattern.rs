//! Names in patterns: what they capture, and what they compare with. It must not know how a
//! pattern is matched.

use super::Collector;
use crate::resolve::Resolved;
use crate::syntax::ast::{Ident, Pattern, PatternKind};

impl Collector {
    pub(super) fn pattern(&mut self, pattern: &Pattern) -> Resolved<()> {
        match &pattern.kind {
            PatternKind::Wildcard => Ok(()),
            PatternKind::Capture(name) => self.capture(name),
            PatternKind::Value(value) | PatternKind::Singleton(value) => self.expression(value),
            PatternKind::Star(name) => name.as_ref().map_or(Ok(()), |name| self.capture(name)),
            PatternKind::Sequence(patterns) | PatternKind::Or(patterns) => {
                patterns.iter().try_for_each(|inner| self.pattern(inner))
            }
            PatternKind::Mapping { items, rest } => {
                for (key, inner) in items {
                    self.expression(key)?;
                    self.pattern(inner)?;
                }
                rest.as_ref().map_or(Ok(()), |name| self.capture(name))
            }
            PatternKind::Class {
                class,
                positional,
                keyword,
            } => {
                self.expression(class)?;
                positional
                    .iter()
                    .try_for_each(|inner| self.pattern(inner))?;
                keyword
                    .iter()
                    .try_for_each(|(_, inner)| self.pattern(inner))
            }
            PatternKind::As { pattern, name } => {
                self.pattern(pattern)?;
                self.capture(name)
            }
        }
    }

    fn capture(&mut self, name: &Ident) -> Resolved<()> {
        self.bind(&name.name, name.span)
    }
}
