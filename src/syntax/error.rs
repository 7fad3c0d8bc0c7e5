//! What is wrong with a source text: one error type for the layout pass, the parser and the
//! checks after it. It must not know how errors are drawn.

use super::span::Span;

/// The class of a syntax error, as Python divides them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// `SyntaxError`.
    Syntax,
    /// `IndentationError`.
    Indentation,
    /// `TabError`.
    Tab,
}

impl ErrorKind {
    /// The name of the exception class.
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::Syntax => "SyntaxError",
            ErrorKind::Indentation => "IndentationError",
            ErrorKind::Tab => "TabError",
        }
    }
}

/// A syntax error: what is wrong, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// What is wrong; Python's own text where Python has one.
    pub message: String,
    /// The exact place.
    pub span: Span,
    /// What to write at that place.
    pub label: Option<String>,
    /// What to do.
    pub help: Option<String>,
    /// Other places that matter, such as the bracket that was opened.
    pub related: Vec<(Span, String)>,
    /// Whether more input could make it right: what the prompt asks.
    pub incomplete: bool,
    /// The class.
    pub kind: ErrorKind,
}

/// What each step of the way from text to tree returns. Boxed, since success is the common case.
pub(super) type Checked<T> = Result<T, Box<SyntaxError>>;

impl SyntaxError {
    /// An error of the plain class, with message and place alone.
    pub fn new(message: impl Into<String>, span: Span) -> SyntaxError {
        SyntaxError {
            message: message.into(),
            span,
            label: None,
            help: None,
            related: Vec::new(),
            incomplete: false,
            kind: ErrorKind::Syntax,
        }
    }

    /// With words at the place.
    pub fn label(mut self, text: impl Into<String>) -> SyntaxError {
        self.label = Some(text.into());
        self
    }

    /// With advice.
    pub fn help(mut self, text: impl Into<String>) -> SyntaxError {
        self.help = Some(text.into());
        self
    }

    /// With another place.
    pub fn related(mut self, span: Span, text: impl Into<String>) -> SyntaxError {
        self.related.push((span, text.into()));
        self
    }

    /// Of another class.
    pub fn kind(mut self, kind: ErrorKind) -> SyntaxError {
        self.kind = kind;
        self
    }

    /// Marked as one that more input could make right.
    pub fn incomplete(mut self, incomplete: bool) -> SyntaxError {
        self.incomplete = incomplete;
        self
    }

    /// As the failure of a step.
    pub(super) fn fail<T>(self) -> Checked<T> {
        Err(Box::new(self))
    }
}
