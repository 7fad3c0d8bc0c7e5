//! What went wrong, for people: exceptions with their tracebacks over threads and processes, and
//! syntax errors, as one [`Report`] that is written as plain text or drawn with its source lines.
//! It must not know who shows it, nor where.

mod carets;
mod group;
mod plain;
mod report;
mod suggest;
mod uncaught;

pub use plain::{format_exception, syntax_text, text};
pub use report::{Link, Relation, Report, Single, SyntaxPlace};
pub use uncaught::show_uncaught;
