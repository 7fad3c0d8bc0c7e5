//! The syntax, from the outside: trees, messages, hostile texts, the prompt.

#![allow(clippy::unwrap_used)]

mod diagnostics;
mod hostile;
mod prompt;
mod shape;
mod spans;
mod trees;

use conc::syntax::source::Source;

/// A source for tests.
fn source(text: &str) -> Source {
    Source::new("test.conc", text)
}
