//! `print` and `input`.

use crate::eval::attribute;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments::{self, Signature};
use crate::library::define::Entries;
use crate::library::files::{self, Stream};
use crate::library::modules::multiprocessing::errors::add_note;
use crate::library::output;
use crate::runtime::output::WriteMode;
use crate::runtime::parent;
use crate::value::exception::{Raised, eof_error, runtime_error, type_error};
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value, text};

/// The functions.
pub const FUNCTIONS: Entries<'_> = &[("print", print), ("input", input)];

const PRINT: Signature<4> = Signature::new("print", ["sep", "end", "file", "flush"]).positional(0);

fn print(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = args.positional();
    let [separator, end, file, flush] = if args.names.is_empty() {
        [None; 4]
    } else {
        PRINT.bind(Args {
            values: &args.values[values.len()..],
            names: args.names,
        })?
    };
    let separator = text_or(separator, "sep", " ")?;
    let end = text_or(end, "end", "\n")?;
    let flush = arguments::flag(cx, flush, false)?;
    match target(cx, file.filter(|file| !file.is_none())) {
        Target::Nothing => {}
        Target::Standard => {
            let line = line_of(cx, values, separator, end)?;
            write_standard(cx, &line, flush)?;
        }
        Target::Object(file) => {
            let pieces = pieces(cx, values, separator, end)?;
            write_to_object(cx, &file, pieces, flush)?;
        }
    }
    Ok(Value::None)
}

fn text_or<'a>(value: Option<&'a Value>, name: &str, default: &'a str) -> Outcome<&'a str> {
    match value.map(Value::unwrapped) {
        None | Some(Value::None) => Ok(default),
        Some(Value::Str(text)) => Ok(text.as_str()),
        Some(other) => Err(type_error(format!(
            "{name} must be None or a string, not {}",
            other.type_name()
        ))),
    }
}

/// The pieces of one `print`, made before anything is written, so that nobody's output comes in
/// between.
fn pieces(cx: &mut Context, values: &[Value], separator: &str, end: &str) -> Outcome<Vec<String>> {
    let mut pieces = Vec::with_capacity(2 * values.len());
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            pieces.push(separator.to_owned());
        }
        pieces.push(text::to_str(cx, value)?);
    }
    pieces.push(end.to_owned());
    Ok(pieces)
}

/// The whole text of one `print`.
fn line_of(cx: &mut Context, values: &[Value], separator: &str, end: &str) -> Outcome<String> {
    let mut line = String::new();
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            line.push_str(separator);
        }
        text::write_str(cx, &mut line, value)?;
    }
    line.push_str(end);
    Ok(line)
}

/// Where a `print` goes.
enum Target {
    /// Nowhere.
    Nothing,
    /// The session's standard output.
    Standard,
    /// An object with `write`.
    Object(Value),
}

fn target(cx: &Context, file: Option<&Value>) -> Target {
    let file = match file {
        Some(file) => file.clone(),
        None => match standard(cx, "stdout") {
            // Without a `sys.stdout` that a script could have replaced, it is the session's.
            None => return Target::Standard,
            Some(Value::None) => return Target::Nothing,
            Some(file) => file,
        },
    };
    match files::standard_stream(&file) {
        Some(Stream::Output) => Target::Standard,
        _ => Target::Object(file),
    }
}

fn write_to_object(
    cx: &mut Context,
    file: &Value,
    pieces: Vec<String>,
    flush: bool,
) -> Outcome<()> {
    let write = attribute::get(cx, file, Name::new("write"))?;
    if matches!(file, Value::Instance(instance) if instance.class().is_builtin()) {
        cx.call(&write, &[Value::str(pieces.concat())])?;
    } else {
        // A script's own object sees the pieces, as it would in Python.
        for piece in pieces {
            cx.call(&write, &[Value::str(piece)])?;
        }
    }
    if flush {
        cx.call_method(file, "flush", &[])?;
    }
    Ok(())
}

fn write_standard(cx: &mut Context, line: &str, flush: bool) -> Outcome<()> {
    let mode = if flush {
        WriteMode::Flushed
    } else {
        WriteMode::Buffered
    };
    let session = cx.session.clone();
    output::write(cx, &session.stdout, line.as_bytes(), mode)
}

/// What `sys` has under this name; `None` when `sys` was never imported or it is not set there.
fn standard(cx: &Context, name: &str) -> Option<Value> {
    let sys: Ref<Module> = cx.session.modules.lock().get(&Name::find("sys")?)?.clone();
    sys.get(Name::find(name)?)
}

/// The error at the end of the input. In a child it says why there is none at all.
fn end_of_input() -> Raised {
    let raised = eof_error("EOF when reading a line");
    if parent::looks_after_this_process() {
        add_note(
            &raised,
            "the input of a child process is empty: what is typed is for its parent",
        );
    }
    raised
}

fn input(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let prompt = match arguments::between("input", args, 0, 1)? {
        [prompt] => text::to_str(cx, prompt)?,
        _ => String::new(),
    };
    match target(cx, None) {
        Target::Object(file) => write_to_object(cx, &file, vec![prompt], true)?,
        // What was printed before is out as well.
        _ => write_standard(cx, &prompt, true)?,
    }
    let file = match standard(cx, "stdin") {
        Some(Value::None) => return Err(runtime_error("input(): lost sys.stdin")),
        Some(file) => file,
        None => files::standard_file(cx, Stream::Input),
    };
    let line = cx.call_method(&file, "readline", &[])?;
    match line.unwrapped() {
        Value::Str(line) if line.is_empty() => Err(end_of_input()),
        Value::Str(line) => {
            let text = line.as_str();
            Ok(Value::str(text.strip_suffix('\n').unwrap_or(text)))
        }
        _ => Err(type_error("object.readline() returned non-string")),
    }
}
