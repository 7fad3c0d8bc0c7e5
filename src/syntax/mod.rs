//! From source text to syntax tree: the layout pass, the grammar, the tree and its spans. It must
//! not know values or evaluation.

pub mod ast;
pub mod error;
pub mod source;
pub mod span;

mod layout;
mod parse;

use error::{Checked, SyntaxError};
use source::Source;
use span::Span;

/// Native stack for parsing. Brackets nest 200 deep and blocks 100, and a debug build takes about
/// 60 KiB for each bracket; pages that are never touched cost nothing.
const STACK: usize = 64 << 20;

/// Parses a whole source file.
pub fn parse_module(source: &Source) -> Result<ast::Module, SyntaxError> {
    on_deep_stack(|| {
        source.check_length()?;
        let laid_out = layout::lay_out(source.text()).map_err(|failure| failure.error)?;
        parse::module(source.text(), &laid_out).map_err(|failure| match failure {
            parse::Failure::Checked(error) => error,
            parse::Failure::Grammar(at) => {
                Box::new(SyntaxError::new("invalid syntax", Span::new(at, at + 1)))
            }
        })
    })
    .map_err(|error| *error)
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
