//! The resolver, by the trees and the errors that sources give.

mod dump;
mod errors;
mod folding;
mod nodes;
mod variables;

use std::sync::Arc;

use super::tree::Program;
use super::{Options, resolve};
use crate::syntax::error::SyntaxError;
use crate::syntax::parse_module;
use crate::syntax::source::Source;

const PLAIN: Options = Options {
    optimise: false,
    prompt: false,
    expression: false,
};

const OPTIMISED: Options = Options {
    optimise: true,
    ..PLAIN
};

fn program(text: &str, options: Options) -> Result<Arc<Program>, SyntaxError> {
    let source = Arc::new(Source::new("test", text));
    let module = parse_module(&source)?;
    resolve(&module, source, options)
}

/// The program of a source that is right.
fn resolved(text: &str, options: Options) -> Arc<Program> {
    program(text, options).unwrap_or_else(|error| panic!("{text}: {}", error.message))
}

/// Compares what each source becomes with what is expected of it, and reports all that differ.
fn check(cases: &[(&str, &str)], become_text: impl Fn(&str) -> String) {
    let mut wrong = String::new();
    for (source, expected) in cases {
        let actual = become_text(source);
        if actual != *expected {
            wrong.push_str(&format!(
                "{source}\n  expected: {expected}\n  actual:   {actual}\n"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
