//! A report: everything about an uncaught exception that is worth showing, copied out of the
//! values, so that showing it runs no script code. It must not know how it is shown.

use std::collections::HashSet;

use super::suggest;
use crate::eval::context::Context;
use crate::eval::session::UncaughtIn;
use crate::library::exceptions::str_of;
use crate::library::modules::multiprocessing;
use crate::syntax::source::Source;
use crate::syntax::span::Span;
use crate::value::exception::{ExceptionKind, Raised, Stop, TraceEntry, Unwind};
use crate::value::instance::Instance;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Value, text};

/// How deep groups in groups are shown, and how many members of each: CPython's numbers.
pub(super) const DEEPEST: usize = 10;
const WIDEST: usize = 15;

/// How many exceptions a report has at most: groups that share members could have more than there
/// is memory for.
const MOST: usize = 2000;

/// What a report has come across so far.
struct Visit {
    /// The exceptions, by address: none is told of twice as a cause or context.
    seen: HashSet<usize>,
    /// How many there have been.
    count: usize,
}

/// An exception with those that led to it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The oldest first; the last one is what was raised.
    pub links: Vec<Link>,
}

/// One exception of a report.
#[derive(Clone, Debug)]
pub struct Link {
    /// How it came to the next one.
    pub relation: Relation,
    /// The exception.
    pub error: Single,
}

/// How an exception came to the one after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// It is the last one.
    Last,
    /// `raise … from` it.
    Cause,
    /// The next one was raised while it was being handled.
    Context,
}

/// An exception without those that led to it.
#[derive(Clone, Debug, Default)]
pub struct Single {
    /// The class, with its module where that is not the script.
    pub class: String,
    /// What `str` gives.
    pub message: String,
    /// What was probably meant, as the end of the last line: `. Did you mean: 'x'?`.
    pub suggestion: String,
    /// What to do.
    pub help: Option<String>,
    /// What `add_note` added.
    pub notes: Vec<String>,
    /// The places it passed through, outermost first.
    pub frames: Vec<TraceEntry>,
    /// The members of a group.
    pub members: Vec<Report>,
    /// How many members are left out.
    pub members_left_out: usize,
    /// For a syntax error: the file and its line, the text of the line, and which characters of
    /// it, counted from 1.
    pub place: Option<SyntaxPlace>,
}

/// Where a syntax error stands that an exception tells of.
#[derive(Clone, Debug, Default)]
pub struct SyntaxPlace {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The text of the line.
    pub text: String,
    /// The first character, counted from 1; 0 when unknown.
    pub start: usize,
    /// The character after the last one.
    pub end: usize,
}

impl Report {
    /// Everything about an exception. What its text methods raise is left out.
    pub fn new(cx: &mut Context, raised: &Raised) -> Report {
        match raised.unwind() {
            Unwind::Exception(instance) => {
                let mut visit = Visit {
                    seen: HashSet::new(),
                    count: 0,
                };
                Report::of(cx, instance, 0, &mut visit)
            }
            Unwind::Stop(stop) => {
                let message = match stop {
                    Stop::Cancelled => "the script was cancelled".to_owned(),
                    Stop::Limit(which) => format!("the script reached a limit: {which}"),
                    Stop::Exit(status) => format!("the process ends with status {status}"),
                };
                let error = Single {
                    class: "Stopped".to_owned(),
                    message,
                    ..Single::default()
                };
                Report {
                    links: vec![Link {
                        relation: Relation::Last,
                        error,
                    }],
                }
            }
        }
    }

    /// What is shown of an exception that nobody caught. Of one that nobody can catch it is, as in CPython, the
    /// exception alone.
    pub(crate) fn of_uncaught(cx: &mut Context, raised: &Raised, place: &UncaughtIn) -> Report {
        let mut report = Report::new(cx, raised);
        if matches!(place, UncaughtIn::Ignored(_) | UncaughtIn::Unraisable(_)) {
            let before = report.links.len().saturating_sub(1);
            report.links.drain(..before);
            for link in &mut report.links {
                link.error.notes = Vec::new();
                link.error.members = Vec::new();
                link.error.members_left_out = 0;
            }
        }
        report
    }

    /// The exception that was raised.
    pub fn last(&self) -> Option<&Single> {
        self.links.last().map(|link| &link.error)
    }

    fn of(cx: &mut Context, instance: &Ref<Instance>, depth: usize, visit: &mut Visit) -> Report {
        let mut links = Vec::new();
        let mut current = instance.clone();
        let mut relation = Relation::Last;
        loop {
            visit.seen.insert(current.address());
            visit.count += 1;
            let error = single(cx, &current, depth, visit);
            links.push(Link { relation, error });
            let Some(data) = current.exception() else {
                break;
            };
            if let Some(remote) = data.remote()
                && !is_remote_traceback(&data.cause())
            {
                links.push(Link {
                    relation: Relation::Cause,
                    error: Single {
                        class: "RemoteTraceback".to_owned(),
                        message: format!("\n\"\"\"\n{}\"\"\"", with_line_end(&remote)),
                        ..Single::default()
                    },
                });
            }
            let next = match (data.cause(), data.context()) {
                (Value::Instance(cause), _) => (cause, Relation::Cause),
                (_, Value::Instance(context)) if !data.suppresses_context() => {
                    (context, Relation::Context)
                }
                _ => break,
            };
            if visit.seen.contains(&next.0.address()) || visit.count >= MOST {
                break;
            }
            (current, relation) = next;
        }
        links.reverse();
        Report { links }
    }
}

/// The source of the module `warnings`.
const WARNINGS: &str = "<conc>/warnings";

/// Whether the traceback of a worker already stands there as the cause, as in Python.
fn is_remote_traceback(cause: &Value) -> bool {
    let remote = &multiprocessing::errors::errors().remote_traceback;
    matches!(cause, Value::Instance(cause) if cause.class().same(remote))
}

fn with_line_end(text: &str) -> String {
    match text {
        text if text.ends_with('\n') => text.to_owned(),
        text => format!("{text}\n"),
    }
}

fn single(cx: &mut Context, instance: &Ref<Instance>, depth: usize, visit: &mut Visit) -> Single {
    let mut frames = match instance.exception() {
        Some(data) => data.trace(),
        None => Vec::new(),
    };
    frames.reverse();
    // A warning that is an error is raised where it was given, and not in the module that weighs it.
    while frames.len() > 1
        && frames
            .last()
            .is_some_and(|frame| frame.source.name() == WARNINGS)
    {
        frames.pop();
    }
    let message = str_of(cx, instance).unwrap_or_else(|_| "<exception str() failed>".to_owned());
    let suggested = suggest::for_exception(cx, instance, &message, &frames);
    let place = syntax_place(instance);
    let message = match (&place, instance.exception().map(|data| data.args())) {
        // The place is shown by itself.
        (Some(_), Some(args)) => match args.first().and_then(Value::as_str) {
            Some(bare) => bare.to_owned(),
            None => message,
        },
        _ => message,
    };
    let (members, members_left_out) = members(cx, instance, depth, visit);
    Single {
        class: class_name(instance),
        message,
        suggestion: suggested.text,
        help: suggested.help,
        notes: notes(cx, instance),
        frames,
        members,
        members_left_out,
        place,
    }
}

/// The name of a class, with its module where that is not the script.
fn class_name(instance: &Instance) -> String {
    let name = text::qualified_name(instance.class());
    match name.strip_prefix("__main__.") {
        Some(own) => own.to_owned(),
        None => name,
    }
}

fn notes(cx: &mut Context, instance: &Instance) -> Vec<String> {
    let Some(Value::List(notes)) = instance.get(Name::new("__notes__")) else {
        return Vec::new();
    };
    let notes = notes.snapshot();
    let text = |note| text::to_str(cx, note).unwrap_or_else(|_| "<note str() failed>".to_owned());
    notes.iter().map(text).collect()
}

fn members(
    cx: &mut Context,
    instance: &Instance,
    depth: usize,
    visit: &mut Visit,
) -> (Vec<Report>, usize) {
    let group = types().exception(ExceptionKind::BaseExceptionGroup);
    if !instance.class().derives_from(group) {
        return (Vec::new(), 0);
    }
    let all = match instance.get(Name::new("exceptions")) {
        Some(Value::Tuple(all)) => all.items().to_vec(),
        _ => match instance.exception().map(|data| data.args()) {
            Some(args) => match args.get(1) {
                Some(Value::List(items)) => items.snapshot(),
                Some(Value::Tuple(items)) => items.items().to_vec(),
                _ => Vec::new(),
            },
            None => Vec::new(),
        },
    };
    if depth >= DEEPEST {
        return (Vec::new(), all.len());
    }
    let mut shown = Vec::new();
    for member in all.iter().take(WIDEST) {
        if visit.count >= MOST {
            break;
        }
        if let Value::Instance(member) = member {
            shown.push(Report::of(cx, member, depth + 1, visit));
        }
    }
    let left_out = all.len() - shown.len();
    (shown, left_out)
}

fn syntax_place(instance: &Ref<Instance>) -> Option<SyntaxPlace> {
    let class = types().exception(ExceptionKind::SyntaxError);
    if !instance.class().derives_from(class) {
        return None;
    }
    let data = instance.exception()?;
    let args = data.args();
    let details = match &args[..] {
        [_, Value::Tuple(details)] => details.items().to_vec(),
        _ => return None,
    };
    let number = |index: usize| match details.get(index) {
        Some(Value::Int(number)) => usize::try_from(*number).unwrap_or(0),
        _ => 0,
    };
    Some(SyntaxPlace {
        file: details.first()?.as_str()?.to_owned(),
        line: number(1),
        text: details.get(3)?.as_str().unwrap_or_default().to_owned(),
        start: number(2),
        end: number(5),
    })
}

impl SyntaxPlace {
    /// The place of a span: its first line.
    pub fn of(source: &Source, span: Span) -> SyntaxPlace {
        let line = source.line(span.start);
        let range = source.line_range(line);
        let end = (span.end as usize).min(range.end).max(span.start as usize);
        SyntaxPlace {
            file: source.name().to_owned(),
            line,
            text: source.line_text(line).to_owned(),
            start: source.character_column(span.start),
            end: source.character_column(u32::try_from(end).unwrap_or(u32::MAX)),
        }
    }
}

/// The name that tracebacks show of a function: without what encloses it.
pub(super) fn bare_name(function: Name) -> &'static str {
    let qualified = function.as_str();
    qualified.rsplit('.').next().unwrap_or(qualified)
}

/// The text of an exception's `name` field, for suggestions.
pub(super) fn name_field(instance: &Instance) -> Option<String> {
    let name = instance
        .get(known().name)
        .filter(|name| name.as_str().is_some());
    let name = name.or_else(|| instance.get(Name::new("name")))?;
    name.as_str().map(str::to_owned)
}
