//! From source text to syntax tree: the layout pass, the grammar, the tree and its spans. It must
//! not know values or evaluation.

pub mod ast;
pub mod error;
pub mod source;
pub mod span;
pub mod warning;

mod check;
mod diagnose;
mod layout;
mod parse;
mod prompt;

pub use prompt::{Input, parse_input};

use error::{Checked, SyntaxError};
use source::Source;
use span::Span;

/// Native stack for parsing: brackets nest 200 deep, blocks 100, and operators a thousand. Pages
/// that are never touched cost nothing.
const STACK: usize = 64 << 20;

/// Parses a whole source file.
pub fn parse_module(source: &Source) -> Result<ast::Module, SyntaxError> {
    on_deep_stack(|| {
        let laid_out = lay_out(source, false)?;
        let mut module = parse::module(source.text(), &laid_out)
            .map_err(|failure| explained(failure, &laid_out))?;
        let warnings = check::module(&module)?;
        module.warnings.extend(warnings);
        Ok(module)
    })
    .map_err(|error| *error)
}

/// Parses a text that is one expression, as `eval` takes it.
pub fn parse_expression(source: &Source) -> Result<ast::Expr, SyntaxError> {
    on_deep_stack(|| {
        let laid_out = lay_out(source, true)?;
        let expression = parse::lone_expression(source.text(), &laid_out)
            .map_err(|failure| explained(failure, &laid_out))?;
        check::lone_expression(&expression)?;
        Ok(expression)
    })
    .map_err(|error| *error)
}

fn lay_out(source: &Source, lone_expression: bool) -> Checked<String> {
    source.check_length()?;
    layout::lay_out(source.text(), lone_expression).map_err(|failure| earliest(failure, source))
}

/// The layout pass reads ahead of the grammar: what stands before the line in which it failed may
/// hold an error of its own, and that one comes first.
fn earliest(failure: layout::Failure, source: &Source) -> Box<SyntaxError> {
    let before = failure.before;
    if let Some(header) = failure.header
        && let Err(error) = diagnose::check_line(&before, header)
    {
        return error;
    }
    let end = before.trim_end().len();
    let whole = diagnose::with_last_block(before);
    match parse::module(source.text(), &whole) {
        Err(parse::Failure::Grammar(at)) if at < end => diagnose::explain(&whole, at),
        Err(parse::Failure::Checked(error)) => error,
        // What is missing at the end of the part may stand in the line that failed.
        _ => failure.error,
    }
}

fn explained(failure: parse::Failure, laid_out: &str) -> Box<SyntaxError> {
    match failure {
        parse::Failure::Grammar(at) => diagnose::explain(laid_out, at),
        parse::Failure::Checked(error) => error,
    }
}

/// Runs `work` on a native stack of its own, so that it does not matter how much of the caller's
/// is left, and whether that is a thread's or a generator's.
pub(crate) fn on_deep_stack<T>(work: impl FnOnce() -> Checked<T>) -> Checked<T> {
    use corosensei::stack::DefaultStack;
    // `stacker` panics where memory is short; ask before.
    if DefaultStack::new(STACK).is_err() {
        return SyntaxError::new("no memory is left to parse this", Span::default()).fail();
    }
    stacker::grow(STACK, work)
}
