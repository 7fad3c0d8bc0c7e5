//! Names in patterns: what they capture, and what they compare with. It must not know how a
//! pattern is matched.

use super::Collector;
use crate::syntax::ast::{Ident, Pattern, PatternKind};

impl Collector {
    pub(super) fn pattern(&mut self, pattern: &Pattern) {
        match &pattern.kind {
            PatternKind::Wildcard => {}
            PatternKind::Capture(name) => self.bind(&name.name),
            PatternKind::Value(value) | PatternKind::Singleton(value) => self.expression(value),
            PatternKind::Star(name) => self.capture(name.as_ref()),
            PatternKind::Sequence(patterns) | PatternKind::Or(patterns) => {
                self.patterns(patterns);
            }
            PatternKind::Mapping { items, rest } => {
                for (key, inner) in items {
                    self.expression(key);
                    self.pattern(inner);
                }
                self.capture(rest.as_ref());
            }
            PatternKind::Class {
                class,
                positional,
                keyword,
            } => {
                self.expression(class);
                self.patterns(positional);
                for (_, inner) in keyword {
                    self.pattern(inner);
                }
            }
            PatternKind::As { pattern, name } => {
                self.pattern(pattern);
                self.bind(&name.name);
            }
        }
    }

    fn patterns(&mut self, patterns: &[Pattern]) {
        for pattern in patterns {
            self.pattern(pattern);
        }
    }

    fn capture(&mut self, name: Option<&Ident>) {
        if let Some(name) = name {
            self.bind(&name.name);
        }
    }
}
