//! Input at the prompt: whether it is complete, wants more lines, or is wrong.

use super::ast::{Module, StmtKind};
use super::error::SyntaxError;
use super::source::Source;

/// What a text typed at the prompt is so far.
#[derive(Debug)]
pub enum Input {
    /// It can be run.
    Complete(Module),
    /// More lines are to come.
    Incomplete,
    /// No further line can make it right.
    Invalid(SyntaxError),
}

/// Judges a text typed at the prompt, as Python's `codeop` does: a compound statement is complete
/// after an empty line.
pub fn parse_input(source: &Source) -> Input {
    match super::parse_module(source) {
        Ok(module) if wants_empty_line(&module) && !ends_with_empty_line(source.text()) => {
            Input::Incomplete
        }
        Ok(module) => Input::Complete(module),
        // An empty line ends a block that could otherwise go on; only what is open goes on.
        Err(error)
            if error.incomplete && !(is_block(&error) && ends_with_empty_line(source.text())) =>
        {
            Input::Incomplete
        }
        Err(error) => Input::Invalid(error),
    }
}

/// Whether an error is about a missing clause, and not about an open bracket or string.
fn is_block(error: &SyntaxError) -> bool {
    error.message.starts_with("expected 'except'")
}

fn wants_empty_line(module: &Module) -> bool {
    module.body.last().is_some_and(|last| {
        matches!(
            last.kind,
            StmtKind::If { .. }
                | StmtKind::While { .. }
                | StmtKind::For { .. }
                | StmtKind::Try { .. }
                | StmtKind::With { .. }
                | StmtKind::Function(_)
                | StmtKind::Class(_)
                | StmtKind::Match { .. }
        )
    })
}

/// Whether the last line, complete or not, is empty.
fn ends_with_empty_line(text: &str) -> bool {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    let last = text
        .rfind(['\n', '\r'])
        .map_or(text, |end| &text[end + 1..]);
    last.trim().is_empty()
}
