//! `print` and `input`.

use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments::{self, Signature};
use crate::library::define::Entries;
use crate::library::files::{self, Stream};
use crate::library::output;
use crate::runtime::output::WriteMode;
use crate::value::exception::{eof_error, runtime_error, type_error};
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value, text};

/// The functions.
pub const FUNCTIONS: Entries<'_> = &[("print", print), ("input", input)];

const PRINT: Signature<4> = Signature::new("print", ["sep", "end", "file", "flush"]).positional(0);

fn print(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = args.positional();
    if args.names.is_empty() {
        let line = line_of(cx, values, " ", "\n")?;
        write_line(cx, None, line, false)?;
        return Ok(Value::None);
    }
    let [separator, end, file, flush] = PRINT.bind(Args {
        values: &args.values[values.len()..],
        names: args.names,
    })?;
    let separator = text_or(separator, "sep", " ")?;
    let end = text_or(end, "end", "\n")?;
    let file = file.filter(|file| !file.is_none());
    let flush = arguments::flag(cx, flush, false)?;
    let line = line_of(cx, values, separator, end)?;
    write_line(cx, file, line, flush)?;
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

/// The whole text of one `print`, put together before anything is written, so that nobody's
/// output comes in between.
fn line_of(cx: &mut Context, values: &[Value], separator: &str, end: &str) -> Outcome<String> {
    let mut line = String::new();
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            line.push_str(separator);
        }
        match value {
            Value::Str(text) => line.push_str(text.as_str()),
            other => line.push_str(&text::to_str(cx, other)?),
        }
    }
    line.push_str(end);
    Ok(line)
}

fn write_line(cx: &mut Context, file: Option<&Value>, line: String, flush: bool) -> Outcome<()> {
    let current;
    let file = match file {
        Some(file) => file,
        None => match standard(cx, "stdout") {
            // Without a `sys.stdout` that a script could have replaced, it is the session's.
            None => return write_standard(cx, &line, flush),
            Some(Value::None) => return Ok(()),
            Some(file) => {
                current = file;
                &current
            }
        },
    };
    match files::standard_stream(file) {
        Some(Stream::Output) => write_standard(cx, &line, flush),
        _ => {
            cx.call_method(file, "write", &[Value::str(line)])?;
            if flush {
                cx.call_method(file, "flush", &[])?;
            }
            Ok(())
        }
    }
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

fn input(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let prompt = match arguments::between("input", args, 0, 1)? {
        [prompt] => text::to_str(cx, prompt)?,
        _ => String::new(),
    };
    if !prompt.is_empty() {
        write_line(cx, None, prompt, true)?;
    } else {
        let session = cx.session.clone();
        output::flush(cx, &session.stdout)?;
    }
    let file = match standard(cx, "stdin") {
        Some(Value::None) => return Err(runtime_error("input(): lost sys.stdin")),
        Some(file) => file,
        None => files::standard_file(cx, Stream::Input),
    };
    let line = cx.call_method(&file, "readline", &[])?;
    match line.unwrapped() {
        Value::Str(line) if line.is_empty() => Err(eof_error("EOF when reading a line")),
        Value::Str(line) => {
            let text = line.as_str();
            Ok(Value::str(text.strip_suffix('\n').unwrap_or(text)))
        }
        _ => Err(type_error("object.readline() returned non-string")),
    }
}
