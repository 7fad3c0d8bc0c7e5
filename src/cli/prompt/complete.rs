//! Completion of names and attributes. Looks at values, but runs no script code. It must not know
//! how candidates are shown.

use std::sync::Arc;

use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;

use crate::diagnostics::attribute_names;
use crate::eval::context::Context;
use crate::eval::session::SessionState;
use crate::library::builtins;
use crate::runtime::thread::ThreadHandle;
use crate::value::Value;
use crate::value::name::Name;

/// Words that are no names.
const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "match", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with",
    "yield",
];

/// What a tab stands for where there is nothing to complete.
const INDENT: &str = "    ";

/// Knows the names of a session.
pub(super) struct Helper {
    session: Arc<SessionState>,
    thread: ThreadHandle,
}

impl Helper {
    /// For the session and the thread of this context.
    pub(super) fn new(cx: &Context) -> Helper {
        Helper {
            session: cx.session.clone(),
            thread: cx.thread.clone(),
        }
    }

    /// The candidates for a dotted name that is typed so far.
    fn candidates(&self, typed: &str) -> Vec<String> {
        let Some((path, prefix)) = typed.rsplit_once('.') else {
            let mut names: Vec<String> = KEYWORDS.iter().map(|word| (*word).to_owned()).collect();
            let globals = self.session.main.entries();
            let globals = globals.into_iter().map(|(name, _)| name.as_str());
            names.extend(globals.chain(builtins::names()).map(str::to_owned));
            return matching(names, "", typed);
        };
        match self.value(path) {
            Some(value) => matching(attribute_names(&value), &format!("{path}."), prefix),
            None => Vec::new(),
        }
    }

    /// The value of a dotted name, as far as it is found without running anything.
    fn value(&self, path: &str) -> Option<Value> {
        let mut parts = path.split('.');
        let value = self.session.main.cell(Name::find(parts.next()?)?).get();
        parts.try_fold(value, |value, part| {
            // Before, nobody may have mentioned them.
            drop(attribute_names(&value));
            let name = Name::find(part)?;
            match &value {
                Value::Module(module) => module.get(name),
                Value::Class(class) => class.lookup(name),
                Value::Instance(instance) => instance.get(name),
                _ => None,
            }
        })
    }
}

fn matching(mut names: Vec<String>, path: &str, prefix: &str) -> Vec<String> {
    names.retain(|name| {
        name.starts_with(prefix) && (prefix.starts_with('_') || !name.starts_with('_'))
    });
    names.sort();
    names.dedup();
    names
        .into_iter()
        .map(|name| format!("{path}{name}"))
        .collect()
}

impl Completer for Helper {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let before = &line[..position];
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let start = before
            .char_indices()
            .rev()
            .take_while(|(_, character)| is_part(*character))
            .last()
            .map_or(position, |(at, _)| at);
        let typed = &before[start..];
        if typed.is_empty() {
            let is_blank = before
                .rsplit('\n')
                .next()
                .unwrap_or(before)
                .trim()
                .is_empty();
            let indent = is_blank.then(|| INDENT.to_owned());
            return Ok((start, indent.into_iter().collect()));
        }
        if typed.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return Ok((start, Vec::new()));
        }
        Ok((start, self.thread.attached(|| self.candidates(typed))))
    }
}

impl Hinter for Helper {
    type Hint = String;
}

impl Highlighter for Helper {}

impl Validator for Helper {}

impl rustyline::Helper for Helper {}
