//! What went wrong, for people: exceptions with their tracebacks over threads and processes, and
//! syntax errors, as one [`Report`] that is written as plain text or drawn with its source lines.
//! It must not know who shows it, nor where.

mod carets;
#[cfg(feature = "cli")]
mod draw;
mod excerpt;
mod group;
mod plain;
mod report;
mod suggest;
mod uncaught;

#[cfg(feature = "cli")]
pub use draw::{Style, draw, draw_syntax};
pub(crate) use excerpt::labels_of;
pub use excerpt::{Excerpt, Label};
pub use plain::{exception_only, format_exception, format_frame, headline, syntax_text, text};
pub use report::{Link, Relation, Report, Single, SyntaxPlace};
#[cfg(feature = "cli")]
pub(crate) use suggest::attribute_names;
pub use uncaught::show_uncaught;
