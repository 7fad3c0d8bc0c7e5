//! The text form of values: `repr`, `str`, `ascii`. It must not know where text is written.

use std::fmt::Write;

use super::class::Class;
use super::exception::type_error;
use super::function::{Binding, BoundMethod, NativeFunction};
use super::instance::Instance;
use super::name::{Name, known};
use super::number_repr::{Decimal, integer_digits, write_float};
use super::{Outcome, Value, quote, special};
use crate::eval::context::Context;

/// Said when `repr` goes too deep.
const DOING: &str = " while getting the repr of an object";

// ---- the ways in ----

/// What `repr` gives.
///
/// # Errors
/// What the value's own `__repr__` raises; `RecursionError`; `ValueError` for an integer with too
/// many digits.
pub fn repr(cx: &mut Context, value: &Value) -> Outcome<String> {
    let mut text = String::new();
    write_repr(cx, &mut text, value)?;
    Ok(text)
}

/// What `str` gives.
///
/// # Errors
/// As [`repr`], and what the value's own `__str__` raises.
pub fn to_str(cx: &mut Context, value: &Value) -> Outcome<String> {
    let mut text = String::new();
    write_str(cx, &mut text, value)?;
    Ok(text)
}

/// What `str` gives, as a value: a string is itself.
///
/// # Errors
/// As [`to_str`].
pub fn str_value(cx: &mut Context, value: &Value) -> Outcome<Value> {
    match value {
        Value::Str(_) => Ok(value.clone()),
        Value::Int(number) => Ok(Value::str(Decimal::new(*number).as_str())),
        other => to_str(cx, other).map(Value::str),
    }
}

/// What `ascii` gives: as `repr`, with everything escaped that is not ASCII.
///
/// # Errors
/// As [`repr`].
pub fn ascii(cx: &mut Context, value: &Value) -> Outcome<String> {
    let text = repr(cx, value)?;
    if text.is_ascii() {
        return Ok(text);
    }
    let mut escaped = String::with_capacity(text.len() * 2);
    for character in text.chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            quote::escape(&mut escaped, character);
        }
    }
    Ok(escaped)
}

/// Appends what `str` gives.
///
/// # Errors
/// As [`to_str`].
pub fn write_str(cx: &mut Context, out: &mut String, value: &Value) -> Outcome<()> {
    match value {
        Value::Str(text) => {
            out.push_str(text.as_str());
            Ok(())
        }
        Value::Instance(instance) => write_str_of_instance(cx, out, value, instance),
        other => write_repr(cx, out, other),
    }
}

fn write_str_of_instance(
    cx: &mut Context,
    out: &mut String,
    value: &Value,
    instance: &Instance,
) -> Outcome<()> {
    if let Some(method) = special::method(cx, instance, known().str) {
        cx.check_stack(DOING)?;
        let result = cx.call_found(&method, value, &[])?;
        return write_result(out, "__str__", &result);
    }
    match instance.wrapped() {
        Some(Value::Str(text)) => {
            out.push_str(text.as_str());
            Ok(())
        }
        _ => write_instance(cx, out, value, instance, "__str__"),
    }
}

/// Appends the string that a special method returned.
fn write_result(out: &mut String, method: &str, result: &Value) -> Outcome<()> {
    match result.unwrapped() {
        Value::Str(text) => {
            out.push_str(text.as_str());
            Ok(())
        }
        _ => Err(type_error(format!(
            "{method} returned non-string (type {})",
            result.type_name()
        ))),
    }
}

/// Appends what `repr` gives.
///
/// # Errors
/// As [`repr`].
pub fn write_repr(cx: &mut Context, out: &mut String, value: &Value) -> Outcome<()> {
    match value {
        Value::Str(text) => quote::write_quoted(out, text.as_str()),
        Value::Int(number) => out.push_str(Decimal::new(*number).as_str()),
        Value::Float(number) => write_float(out, *number),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::None => out.push_str("None"),
        Value::BigInt(number) => out.push_str(&integer_digits(number.get())?),
        Value::List(_)
        | Value::Tuple(_)
        | Value::Dict(_)
        | Value::Set(_)
        | Value::FrozenSet(_)
        | Value::Slice(_) => return write_container(cx, out, value, None),
        Value::Instance(instance) => return write_instance(cx, out, value, instance, "__repr__"),
        Value::Method(method) => return write_method(cx, out, value, method),
        Value::Iterator(iterator) => match iterator.kind().call_form() {
            Some((name, values)) => {
                out.push_str(name);
                return once(cx, out, value, "(...)", |cx, out| {
                    for (place, value) in values.iter().enumerate() {
                        out.push_str(if place == 0 { "(" } else { ", " });
                        write_repr(cx, out, value)?;
                    }
                    out.push(')');
                    Ok(())
                });
            }
            None => write_other(out, value),
        },
        Value::Class(class) if !class.is_builtin() => {
            if let Some(method) = class.lookup(known().class_repr) {
                let result = cx.call(&method, std::slice::from_ref(value))?;
                return write_result(out, "__repr__", &result);
            }
            write_other(out, value);
        }
        other => write_other(out, other),
    }
    Ok(())
}

// ---- containers ----

/// Does something for a value that may contain itself, unless that is being done already further
/// out, where `again` is written instead.
///
/// # Errors
/// Those of `work`; `RecursionError`.
pub fn once(
    cx: &mut Context,
    out: &mut String,
    value: &Value,
    again: &str,
    work: impl FnOnce(&mut Context, &mut String) -> Outcome<()>,
) -> Outcome<()> {
    let address = address(value);
    if cx.shown.contains(&address) {
        out.push_str(again);
        return Ok(());
    }
    cx.check_stack(DOING)?;
    cx.shown.push(address);
    let result = work(cx, out);
    // What was pushed meanwhile was popped again.
    cx.shown.pop();
    result
}

/// Appends a container of a built-in type, or one derived from it, whose name sets show.
fn write_container(
    cx: &mut Context,
    out: &mut String,
    value: &Value,
    class: Option<&str>,
) -> Outcome<()> {
    match value {
        Value::List(list) => {
            if list.is_empty() {
                out.push_str("[]");
                return Ok(());
            }
            once(cx, out, value, "[...]", |cx, out| {
                out.push('[');
                let mut index = 0;
                // The list may change while items are shown.
                while let Some(item) = list.get(index) {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    write_repr(cx, out, &item)?;
                    index += 1;
                }
                out.push(']');
                Ok(())
            })
        }
        Value::Tuple(tuple) => match tuple.items() {
            [] => {
                out.push_str("()");
                Ok(())
            }
            items => once(cx, out, value, "(...)", |cx, out| {
                out.push('(');
                write_items(cx, out, items)?;
                out.push_str(if items.len() == 1 { ",)" } else { ")" });
                Ok(())
            }),
        },
        Value::Dict(dict) => {
            if dict.is_empty() {
                out.push_str("{}");
                return Ok(());
            }
            once(cx, out, value, "{...}", |cx, out| {
                out.push('{');
                for (index, (key, value)) in dict.entries()?.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    write_repr(cx, out, key)?;
                    out.push_str(": ");
                    write_repr(cx, out, value)?;
                }
                out.push('}');
                Ok(())
            })
        }
        Value::Set(set) | Value::FrozenSet(set) => {
            let class = match (class, value) {
                (Some(class), _) => Some(class),
                (None, Value::FrozenSet(_)) => Some("frozenset"),
                (None, _) => None,
            };
            let items = set.snapshot()?;
            if items.is_empty() {
                out.push_str(class.unwrap_or("set"));
                out.push_str("()");
                return Ok(());
            }
            let again = format!("{}(...)", class.unwrap_or("set"));
            once(cx, out, value, &again, |cx, out| {
                if let Some(class) = class {
                    out.push_str(class);
                    out.push('(');
                }
                out.push('{');
                write_items(cx, out, &items)?;
                out.push_str(if class.is_some() { "})" } else { "}" });
                Ok(())
            })
        }
        Value::Slice(slice) => once(cx, out, value, "slice(...)", |cx, out| {
            out.push_str("slice(");
            write_items(
                cx,
                out,
                &[slice.start.clone(), slice.stop.clone(), slice.step.clone()],
            )?;
            out.push(')');
            Ok(())
        }),
        other => write_repr(cx, out, other),
    }
}

fn write_items(cx: &mut Context, out: &mut String, items: &[Value]) -> Outcome<()> {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_repr(cx, out, item)?;
    }
    Ok(())
}

// ---- instances, functions, classes ----

/// Appends what an instance's `__repr__` gives. A message names what was asked for.
fn write_instance(
    cx: &mut Context,
    out: &mut String,
    value: &Value,
    instance: &Instance,
    asked: &str,
) -> Outcome<()> {
    if let Some(method) = special::method(cx, instance, known().repr) {
        cx.check_stack(DOING)?;
        let result = cx.call_found(&method, value, &[])?;
        return write_result(out, asked, &result);
    }
    match instance.wrapped() {
        Some(set @ (Value::Set(_) | Value::FrozenSet(_))) => {
            write_container(cx, out, set, Some(value.type_name()))
        }
        Some(wrapped) => write_repr(cx, out, wrapped),
        None => {
            write_default(out, value);
            Ok(())
        }
    }
}

/// What `object.__repr__` gives: `<__main__.A object at 0x7f…>`.
///
/// # Errors
/// None today.
pub fn repr_default(_: &mut Context, value: &Value) -> Outcome<String> {
    let mut text = String::new();
    write_default(&mut text, value);
    Ok(text)
}

fn write_default(out: &mut String, value: &Value) {
    let class = qualified_name(value.class());
    push(
        out,
        format_args!("<{class} object at {:#x}>", address(value)),
    );
}

/// The name of a class with its module, as `repr` shows it; the module of built-in ones is left
/// out.
pub fn qualified_name(class: &Class) -> String {
    let name = match class.own(known().qualname) {
        Some(Value::Str(name)) => name.as_str().to_owned(),
        _ => class.name().as_str().to_owned(),
    };
    match class.own(known().module) {
        Some(Value::Str(module)) if module.as_str() != "builtins" => {
            format!("{}.{name}", module.as_str())
        }
        _ => name,
    }
}

fn write_method(
    cx: &mut Context,
    out: &mut String,
    value: &Value,
    method: &BoundMethod,
) -> Outcome<()> {
    match &method.function {
        Value::Native(function) if is_written_in_python(method.receiver.class(), function.name) => {
            once(cx, out, value, "...", |cx, out| {
                let class = plain_name(function.owner);
                push(
                    out,
                    format_args!("<bound method {class}.{} of ", function.name),
                );
                write_repr(cx, out, &method.receiver)?;
                out.push('>');
                Ok(())
            })
        }
        Value::Native(function) => {
            let kind = if is_slot(function) {
                "method-wrapper"
            } else {
                "built-in method"
            };
            let quote = if is_slot(function) { "'" } else { "" };
            let receiver = &method.receiver;
            push(
                out,
                format_args!(
                    "<{kind} {quote}{}{quote} of {} object at {:#x}>",
                    function.name,
                    receiver.type_name(),
                    // A number has no address of its own.
                    address(receiver).max(0x10_0000)
                ),
            );
            Ok(())
        }
        function => {
            let name = match function {
                Value::Function(function) => function.qualified_name().as_str(),
                _ => "?",
            };
            once(cx, out, value, "...", |cx, out| {
                push(out, format_args!("<bound method {name} of "));
                write_repr(cx, out, &method.receiver)?;
                out.push('>');
                Ok(())
            })
        }
    }
}

/// The modules that CPython has in Python: what is native here is shown there as a function of a script.
const WRITTEN_IN_PYTHON: &[&str] = &[
    "threading",
    "queue",
    "copy",
    "random",
    "concurrent.futures",
    "multiprocessing",
];

/// Whether CPython has the methods of a built-in class in Python.
fn is_written_in_python(class: &Class, method: &str) -> bool {
    if !class.is_builtin() || method.starts_with("__") {
        return false;
    }
    let Some(Value::Str(module)) = class.lookup(known().module) else {
        return false;
    };
    let module = module.as_str();
    let native_there = module == "random" && matches!(method, "random" | "seed" | "getrandbits");
    !native_there
        && WRITTEN_IN_PYTHON.iter().any(|name| {
            let rest = module.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
}

/// A class's name without its module.
fn plain_name(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Whether CPython has a function of a module in Python.
fn is_function_of_python(function: &NativeFunction) -> bool {
    function.binding == Binding::Function
        && WRITTEN_IN_PYTHON.contains(&function.owner)
        && !matches!(
            function.name,
            "get_ident" | "get_native_id" | "stack_size" | "excepthook" | "_excepthook"
        )
}

/// Whether a native function stands for an operator: CPython shows those with other words.
fn is_slot(function: &NativeFunction) -> bool {
    function.binding == Binding::Method
        && function.name.starts_with("__")
        && function.name.ends_with("__")
}

/// Appends what has no parts that could run script code.
fn write_other(out: &mut String, value: &Value) {
    match value {
        Value::Ellipsis => out.push_str("Ellipsis"),
        Value::NotImplemented => out.push_str("NotImplemented"),
        Value::Bytes(bytes) => quote::write_bytes(out, bytes.get()),
        Value::Range(range) if range.step == 1 => {
            push(out, format_args!("range({}, {})", range.start, range.stop));
        }
        Value::Range(range) => push(
            out,
            format_args!("range({}, {}, {})", range.start, range.stop, range.step),
        ),
        Value::Function(function) => push(
            out,
            format_args!(
                "<function {} at {:#x}>",
                function.qualified_name(),
                address(value)
            ),
        ),
        Value::Native(function) if function.binding == Binding::Method => {
            let kind = if is_slot(function) {
                "slot wrapper"
            } else {
                "method"
            };
            push(
                out,
                format_args!(
                    "<{kind} '{}' of '{}' objects>",
                    function.name, function.owner
                ),
            );
        }
        Value::Native(function) if is_function_of_python(function) => push(
            out,
            format_args!("<function {} at {:#x}>", function.name, address(value)),
        ),
        Value::Native(function) if function.name == "__new__" => push(
            out,
            format_args!(
                "<built-in method __new__ of type object at {:#x}>",
                address(value)
            ),
        ),
        Value::Native(function) => push(out, format_args!("<built-in function {}>", function.name)),
        Value::Class(class) => push(out, format_args!("<class '{}'>", qualified_name(class))),
        Value::Generator(generator) => push(
            out,
            format_args!(
                "<generator object {} at {:#x}>",
                generator.function().qualified_name(),
                address(value)
            ),
        ),
        Value::Module(module) => {
            push(out, format_args!("<module '{}'", module.name()));
            match module.get(known().file) {
                Some(Value::Str(file)) => {
                    out.push_str(" from ");
                    quote::write_quoted(out, file.as_str());
                    out.push('>');
                }
                // Those that CPython has in its executable, though they are written in Python.
                _ if matches!(module.name().as_str(), "os" | "posixpath") => {
                    out.push_str(" (frozen)>");
                }
                // A script made it.
                _ if module.get(Name::new("__loader__")).is_some() => out.push('>'),
                _ => out.push_str(" (built-in)>"),
            }
        }
        Value::Cell(_) => push(out, format_args!("<cell at {:#x}>", address(value))),
        other => write_default(out, other),
    }
}

/// The address that the text form of an object shows.
pub fn address(value: &Value) -> usize {
    value
        .header()
        .map_or(0, |header| std::ptr::from_ref(header) as usize)
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
}
