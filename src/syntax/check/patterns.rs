//! Patterns that leave nothing to those after them, and names that they bind twice.

use std::collections::BTreeMap;

use crate::syntax::ast::{Ident, MatchCase, Name, Pattern, PatternKind};
use crate::syntax::error::{Checked, SyntaxError};

/// Checks the cases of a `match`.
pub(super) fn cases(cases: &[MatchCase]) -> Checked<()> {
    for (index, case) in cases.iter().enumerate() {
        let last = index + 1 == cases.len();
        reachable(&case.pattern, last || case.guard.is_some())?;
        let mut names = BTreeMap::new();
        bindings(&case.pattern, &mut names)?;
    }
    Ok(())
}

/// Complains about a pattern that matches everything where others are to follow.
fn reachable(pattern: &Pattern, may_match_all: bool) -> Checked<()> {
    let message = match &pattern.kind {
        PatternKind::Wildcard if !may_match_all => {
            "wildcard makes remaining patterns unreachable".to_owned()
        }
        PatternKind::Capture(name) if !may_match_all => format!(
            "name capture '{}' makes remaining patterns unreachable",
            name.name
        ),
        PatternKind::As { pattern, .. } => return reachable(pattern, may_match_all),
        PatternKind::Or(alternatives) => {
            for (index, alternative) in alternatives.iter().enumerate() {
                let last = index + 1 == alternatives.len();
                reachable(alternative, last && may_match_all)?;
            }
            return Ok(());
        }
        PatternKind::Sequence(items) => {
            return items.iter().try_for_each(|item| reachable(item, true));
        }
        PatternKind::Mapping { items, .. } => {
            return items.iter().try_for_each(|(_, item)| reachable(item, true));
        }
        PatternKind::Class {
            positional,
            keyword,
            ..
        } => {
            positional
                .iter()
                .try_for_each(|item| reachable(item, true))?;
            return keyword
                .iter()
                .try_for_each(|(_, item)| reachable(item, true));
        }
        _ => return Ok(()),
    };
    SyntaxError::new(message, pattern.span)
        .help("put it last, or give it a guard")
        .fail()
}

/// Collects the names that a pattern binds.
fn bindings<'t>(pattern: &'t Pattern, names: &mut BTreeMap<&'t Name, &'t Ident>) -> Checked<()> {
    match &pattern.kind {
        PatternKind::Wildcard
        | PatternKind::Value(_)
        | PatternKind::Singleton(_)
        | PatternKind::Star(None) => Ok(()),
        PatternKind::Capture(name) | PatternKind::Star(Some(name)) => bind(name, names),
        PatternKind::Sequence(items) => items.iter().try_for_each(|item| bindings(item, names)),
        PatternKind::Mapping { items, rest } => {
            items
                .iter()
                .try_for_each(|(_, item)| bindings(item, names))?;
            rest.iter().try_for_each(|name| bind(name, names))
        }
        PatternKind::Class {
            positional,
            keyword,
            ..
        } => {
            positional
                .iter()
                .try_for_each(|item| bindings(item, names))?;
            keyword
                .iter()
                .try_for_each(|(_, item)| bindings(item, names))
        }
        PatternKind::As { pattern, name } => {
            bindings(pattern, names)?;
            bind(name, names)
        }
        PatternKind::Or(alternatives) => {
            let mut first: Option<BTreeMap<&Name, &Ident>> = None;
            for alternative in alternatives {
                let mut own = BTreeMap::new();
                bindings(alternative, &mut own)?;
                match &first {
                    None => first = Some(own),
                    Some(first) if first.keys().eq(own.keys()) => {}
                    Some(_) => {
                        return SyntaxError::new(
                            "alternative patterns bind different names",
                            pattern.span,
                        )
                        .fail();
                    }
                }
            }
            first
                .into_iter()
                .flatten()
                .try_for_each(|(_, ident)| bind(ident, names))
        }
    }
}

fn bind<'t>(ident: &'t Ident, names: &mut BTreeMap<&'t Name, &'t Ident>) -> Checked<()> {
    if let Some(first) = names.insert(&ident.name, ident) {
        return SyntaxError::new(
            format!("multiple assignments to name '{}' in pattern", ident.name),
            ident.span,
        )
        .related(first.span, "the first is here")
        .fail();
    }
    Ok(())
}
