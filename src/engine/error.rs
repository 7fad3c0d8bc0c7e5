//! What goes wrong in scripts, as an error of Rust. It must not know how it is shown.

use std::fmt;

use miette::{Diagnostic, LabeledSpan, SourceCode};

use super::handle::Value;
use crate::diagnostics::{self, Excerpt, Label, Report};
use crate::eval::attribute;
use crate::eval::context::Context;
use crate::syntax::error::SyntaxError;
use crate::syntax::source::Source;
use crate::value;
use crate::value::exception::{ExceptionKind, Raised, runtime_error, syntax_error};
use crate::value::name::Name;

/// What kind of error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is no program.
    Syntax,
    /// An exception that nobody caught.
    Exception,
    /// The script asked for its end, by `sys.exit`.
    Exit,
    /// The script was stopped.
    Stopped,
}

/// What went wrong with a script: a syntax error, or an exception with its traceback.
///
/// Shows as `TypeName: message`. It is a [`miette::Diagnostic`] as well: with miette's `fancy`
/// handler, the lines that failed are drawn.
///
/// ```
/// let session = conc::Engine::new().session();
/// let error = session.run_text("total = 1\nprint(totla)").unwrap_err();
/// assert_eq!(error.type_name(), "NameError");
/// assert_eq!(error.to_string(), "NameError: name 'totla' is not defined");
/// assert_eq!(error.line(), Some(2));
/// assert!(error.traceback().contains("Did you mean: 'total'?"));
/// ```
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: ErrorKind,
    type_name: String,
    message: String,
    /// The names of the exception's class and of all that it derives from.
    classes: Vec<&'static str>,
    help: Option<String>,
    traceback: String,
    line: Option<usize>,
    exit_status: Option<i32>,
    excerpt: Option<Excerpt>,
    exception: Option<Value>,
}

impl Error {
    /// A syntax error.
    pub(super) fn syntax(error: &SyntaxError, source: &Source) -> Error {
        let labels = diagnostics::labels_of(error);
        let mut classes = vec![error.kind.name()];
        classes.extend(["SyntaxError", "Exception", "BaseException"]);
        Error {
            inner: Box::new(Inner {
                kind: ErrorKind::Syntax,
                type_name: error.kind.name().to_owned(),
                message: error.message.clone(),
                classes,
                help: error.help.clone(),
                traceback: diagnostics::syntax_text(error, source),
                line: Some(source.line(error.span.start)),
                exit_status: None,
                excerpt: Some(Excerpt::new(source, &labels)),
                exception: None,
            }),
        }
    }

    /// What left a script.
    pub(super) fn raised(cx: &mut Context, raised: &Raised) -> Error {
        let report = Report::new(cx, raised);
        let exit_status = exit_status(cx, raised);
        let traceback = diagnostics::text(&report);
        let last = report.links.into_iter().next_back();
        let last = last.map(|link| link.error).unwrap_or_default();
        let innermost = last.frames.last();
        let label = |entry: &value::exception::TraceEntry| Label {
            span: entry.span,
            text: Some(format!("in {}", entry.function)),
        };
        let exception = raised.exception().cloned();
        let mut classes = Vec::new();
        if let Some(exception) = &exception {
            let class = exception.class();
            classes.push(class.name().as_str());
            classes.extend(class.ancestors().iter().map(|base| base.name().as_str()));
        }
        let exception =
            exception.and_then(|exception| Value::keep(cx, value::Value::Instance(exception)).ok());
        Error {
            inner: Box::new(Inner {
                kind: match (exit_status, raised.exception()) {
                    (_, None) => ErrorKind::Stopped,
                    (Some(_), _) => ErrorKind::Exit,
                    (None, _) => ErrorKind::Exception,
                },
                line: innermost.map(|entry| entry.source.line(entry.span.start)),
                excerpt: innermost.map(|entry| Excerpt::new(&entry.source, &[label(entry)])),
                type_name: last.class,
                message: last.message,
                classes,
                help: last.help,
                traceback,
                exit_status,
                exception,
            }),
        }
    }

    /// The exception that it came from, for another script to catch.
    pub(super) fn raise_again(&self, cx: &mut Context) -> Raised {
        if let Some(exception) = &self.inner.exception
            && let Ok(value::Value::Instance(exception)) = exception.raw_in(cx)
        {
            return Raised::instance(exception);
        }
        match self.inner.kind {
            ErrorKind::Syntax => syntax_error(self.inner.message.as_str()),
            _ => runtime_error(self.to_string()),
        }
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// Whether the text was no program.
    pub fn is_syntax(&self) -> bool {
        self.inner.kind == ErrorKind::Syntax
    }

    /// The class of the exception: `ValueError`.
    pub fn type_name(&self) -> &str {
        &self.inner.type_name
    }

    /// Whether the exception is of this class or one derived from it.
    ///
    /// ```
    /// let session = conc::Engine::new().session();
    /// let error = session.eval::<i64>("{}['key']").unwrap_err();
    /// assert!(error.is("KeyError") && error.is("LookupError") && !error.is("ValueError"));
    /// ```
    pub fn is(&self, class: &str) -> bool {
        self.inner.classes.contains(&class)
    }

    /// What `str` gives for the exception.
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// The whole traceback as text, as Python writes it, with a line end.
    pub fn traceback(&self) -> &str {
        &self.inner.traceback
    }

    /// The line of the text in which it happened, counted from 1.
    pub fn line(&self) -> Option<usize> {
        self.inner.line
    }

    /// The status that `sys.exit` asked for; `None` for everything else.
    pub fn exit_status(&self) -> Option<i32> {
        self.inner.exit_status
    }

    /// The exception itself; `None` for syntax errors and stops.
    pub fn exception(&self) -> Option<&Value> {
        self.inner.exception.as_ref()
    }
}

/// The status that a `SystemExit` asks for.
fn exit_status(cx: &mut Context, raised: &Raised) -> Option<i32> {
    if !raised.is(ExceptionKind::SystemExit) {
        return None;
    }
    let exception = value::Value::Instance(raised.exception()?.clone());
    let code = attribute::get(cx, &exception, Name::new("code")).ok()?;
    Some(match code.unwrapped() {
        value::Value::None => 0,
        value::Value::Bool(flag) => i32::from(*flag),
        value::Value::Int(number) => i32::from(number.to_le_bytes()[0]),
        value::Value::BigInt(_) => 255,
        _ => 1,
    })
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.inner.message {
            "" => f.write_str(&self.inner.type_name),
            message => write!(f, "{}: {message}", self.inner.type_name),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What `unwrap` and a failing `main` print.
        f.write_str(self.inner.traceback.trim_end())
    }
}

impl std::error::Error for Error {}

impl Diagnostic for Error {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.inner.help.as_ref()?;
        Some(Box::new(help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        let excerpt = self.inner.excerpt.as_ref()?;
        Some(excerpt)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let excerpt = self.inner.excerpt.as_ref()?;
        Some(Box::new(excerpt.labels().iter().cloned()))
    }
}
