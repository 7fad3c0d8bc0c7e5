//! `format(value, spec)`, `str.format` and `str.format_map`. Knows templates and which value
//! understands which specification; it must not know how f-strings are written.

use super::exception::{Raised, index_error, key_error, type_error, value_error};
use super::format_spec::{Integer, format_float, format_integer, format_text, read_number};
use super::function::Args;
use super::name::{Name, known};
use super::{Outcome, Value, sequence, text};
use crate::eval::attribute;
use crate::eval::context::Context;

pub use super::percent::percent;

/// The text of a value by a specification: `format(value, spec)`.
///
/// # Errors
/// `ValueError` for a specification that the value does not understand, `TypeError` when it
/// understands none, or whatever `__format__` raises.
pub fn format(cx: &mut Context, value: &Value, spec: &str) -> Outcome<String> {
    match value {
        Value::Instance(_) => format_instance(cx, value, spec),
        _ if spec.is_empty() => text::to_str(cx, value),
        _ => format_builtin(value, spec),
    }
}

/// A value of a built-in type by a specification that is not empty.
fn format_builtin(value: &Value, spec: &str) -> Outcome<String> {
    let type_name = value.type_name();
    match value.unwrapped() {
        Value::Str(text) => format_text(text.as_str(), text.len(), spec, type_name),
        Value::Int(number) => format_integer(Integer::Small(*number), spec, type_name),
        Value::Bool(flag) => format_integer(Integer::Small(i64::from(*flag)), spec, type_name),
        Value::BigInt(number) => format_integer(Integer::Big(number.get()), spec, type_name),
        Value::Float(number) => format_float(*number, spec, type_name),
        _ => Err(unsupported(value)),
    }
}

#[cold]
fn unsupported(value: &Value) -> Raised {
    type_error(format!(
        "unsupported format string passed to {}.__format__",
        value.type_name()
    ))
}

#[inline(never)]
fn format_instance(cx: &mut Context, value: &Value, spec: &str) -> Outcome<String> {
    let method = value.class().lookup(known().format);
    match &method {
        Some(Value::Native(native)) if native.owner == "object" => {}
        Some(method) if value.as_instance().is_some_and(|i| i.is_of_wrapped(method)) => {}
        None => {}
        Some(method) => {
            let result = cx.call_found(method, value, &[Value::str(spec)])?;
            return match result.unwrapped() {
                Value::Str(text) => Ok(text.as_str().to_owned()),
                _ => Err(type_error(format!(
                    "__format__ must return a str, not {}",
                    result.type_name()
                ))),
            };
        }
    }
    if spec.is_empty() {
        text::to_str(cx, value)
    } else {
        format_builtin(value, spec)
    }
}

/// Where the fields of a template find their values.
enum Fields<'a> {
    /// `str.format(*args, **kwargs)`.
    Arguments(Args<'a>),
    /// `str.format_map(mapping)`.
    Mapping(&'a Value),
}

/// Whether fields are numbered by the template or by their order.
enum Numbering {
    Unknown,
    Manual,
    Automatic(usize),
}

/// `template.format(*args, **kwargs)`.
///
/// # Errors
/// `ValueError` for a broken template, `IndexError` and `KeyError` for a missing value, or
/// whatever the values raise.
pub fn str_format(cx: &mut Context, template: &str, args: Args<'_>) -> Outcome<String> {
    let mut numbering = Numbering::Unknown;
    expand(cx, template, &Fields::Arguments(args), &mut numbering, 2)
}

/// `template.format_map(mapping)`.
///
/// # Errors
/// As [`str_format`].
pub fn str_format_map(cx: &mut Context, template: &str, mapping: &Value) -> Outcome<String> {
    let mut numbering = Numbering::Unknown;
    expand(cx, template, &Fields::Mapping(mapping), &mut numbering, 2)
}

fn expand(
    cx: &mut Context,
    template: &str,
    fields: &Fields<'_>,
    numbering: &mut Numbering,
    depth: u32,
) -> Outcome<String> {
    if depth == 0 {
        return Err(value_error("Max string recursion exceeded"));
    }
    let mut result = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(place) = memchr::memchr2(b'{', b'}', rest.as_bytes()) {
        result.push_str(&rest[..place]);
        let brace = &rest[place..=place];
        rest = &rest[place + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            result.push_str(brace);
            rest = after;
            continue;
        }
        if brace == "}" || rest.is_empty() {
            return Err(value_error(format!(
                "Single '{brace}' encountered in format string"
            )));
        }
        let (field, after) = Field::parse(rest)?;
        rest = after;
        field.expand(cx, fields, numbering, depth, &mut result)?;
    }
    result.push_str(rest);
    Ok(result)
}

/// A replacement field.
struct Field<'a> {
    name: &'a str,
    conversion: Option<char>,
    spec: &'a str,
    /// Whether the specification has fields of its own.
    nested: bool,
}

impl<'a> Field<'a> {
    /// Reads a field after its opening brace; gives back what follows it.
    fn parse(template: &'a str) -> Outcome<(Field<'a>, &'a str)> {
        let bytes = template.as_bytes();
        let mut place = 0;
        let mut end = None;
        while place < bytes.len() {
            match bytes[place] {
                b'{' => return Err(value_error("unexpected '{' in field name")),
                b'[' => {
                    place += 1;
                    while place < bytes.len() && bytes[place] != b']' {
                        place += 1;
                    }
                    continue;
                }
                end_byte @ (b'}' | b':' | b'!') => {
                    end = Some(end_byte);
                    break;
                }
                _ => {}
            }
            place += 1;
        }
        let name = &template[..place];
        let Some(end) = end else {
            return Err(value_error("expected '}' before end of string"));
        };
        let mut field = Field {
            name,
            conversion: None,
            spec: "",
            nested: false,
        };
        let mut rest = &template[place + 1..];
        if end == b'}' {
            return Ok((field, rest));
        }
        if end == b'!' {
            let mut characters = rest.chars();
            field.conversion = characters.next();
            if field.conversion.is_none() {
                return Err(value_error(
                    "end of string while looking for conversion specifier",
                ));
            }
            match characters.next() {
                Some('}') => return Ok((field, characters.as_str())),
                Some(':') | None => rest = characters.as_str(),
                Some(_) => return Err(value_error("expected ':' after conversion specifier")),
            }
        }
        let mut open = 1;
        for (place, byte) in rest.bytes().enumerate() {
            match byte {
                b'{' => {
                    field.nested = true;
                    open += 1;
                }
                b'}' => {
                    open -= 1;
                    if open == 0 {
                        field.spec = &rest[..place];
                        return Ok((field, &rest[place + 1..]));
                    }
                }
                _ => {}
            }
        }
        Err(value_error("unmatched '{' in format spec"))
    }

    fn expand(
        &self,
        cx: &mut Context,
        fields: &Fields<'_>,
        numbering: &mut Numbering,
        depth: u32,
        result: &mut String,
    ) -> Outcome<()> {
        let value = self.value(cx, fields, numbering)?;
        let value = match self.conversion {
            None => value,
            Some('s') => Value::str(text::to_str(cx, &value)?),
            Some('r') => Value::str(text::repr(cx, &value)?),
            Some('a') => Value::str(text::ascii(cx, &value)?),
            Some(other) if matches!(other as u32, 33..=126) => {
                return Err(value_error(format!("Unknown conversion specifier {other}")));
            }
            Some(other) => {
                return Err(value_error(format!(
                    "Unknown conversion specifier \\x{:x}",
                    other as u32
                )));
            }
        };
        let expanded;
        let spec = if self.nested {
            expanded = expand(cx, self.spec, fields, numbering, depth - 1)?;
            &expanded
        } else {
            self.spec
        };
        match &value {
            Value::Str(text) if spec.is_empty() => result.push_str(text.as_str()),
            _ => result.push_str(&format(cx, &value, spec)?),
        }
        Ok(())
    }

    /// The value that the field's name stands for.
    fn value(
        &self,
        cx: &mut Context,
        fields: &Fields<'_>,
        numbering: &mut Numbering,
    ) -> Outcome<Value> {
        let end = self.name.find(['.', '[']).unwrap_or(self.name.len());
        let (first, mut rest) = self.name.split_at(end);
        let mut value = first_value(cx, first, fields, numbering)?;
        while let Some(kind) = rest.chars().next() {
            let after = &rest[kind.len_utf8()..];
            match kind {
                '.' => {
                    let end = after.find(['.', '[']).unwrap_or(after.len());
                    let name;
                    (name, rest) = after.split_at(end);
                    not_empty(name)?;
                    value = attribute::get(cx, &value, Name::new(name))?;
                }
                '[' => {
                    let Some(end) = after.find(']') else {
                        return Err(value_error("Missing ']' in format string"));
                    };
                    let key = &after[..end];
                    rest = &after[end + 1..];
                    not_empty(key)?;
                    let key = match whole_number(key)? {
                        Some(index) => Value::size(index),
                        None => Value::str(key),
                    };
                    value = sequence::get_item(cx, &value, &key)?;
                }
                _ => {
                    return Err(value_error(
                        "Only '.' or '[' may follow ']' in format field specifier",
                    ));
                }
            }
        }
        Ok(value)
    }
}

fn not_empty(name: &str) -> Outcome<()> {
    if name.is_empty() {
        return Err(value_error("Empty attribute in format string"));
    }
    Ok(())
}

/// The number that a text of digits is; `None` for other texts.
fn whole_number(text: &str) -> Outcome<Option<usize>> {
    let mut rest = text;
    let number = read_number(&mut rest)?;
    Ok(number.filter(|_| rest.is_empty()))
}

fn first_value(
    cx: &mut Context,
    first: &str,
    fields: &Fields<'_>,
    numbering: &mut Numbering,
) -> Outcome<Value> {
    let mut index = whole_number(first)?;
    if first.is_empty() {
        match numbering {
            Numbering::Manual => {
                return Err(value_error(
                    "cannot switch from manual field specification to automatic field numbering",
                ));
            }
            Numbering::Unknown => {
                *numbering = Numbering::Automatic(1);
                index = Some(0);
            }
            Numbering::Automatic(next) => {
                index = Some(*next);
                *next += 1;
            }
        }
    } else if index.is_some() {
        if let Numbering::Automatic(_) = numbering {
            return Err(value_error(
                "cannot switch from automatic field numbering to manual field specification",
            ));
        }
        *numbering = Numbering::Manual;
    }
    match (index, fields) {
        (Some(index), Fields::Arguments(args)) => {
            args.positional().get(index).cloned().ok_or_else(|| {
                index_error(format!(
                    "Replacement index {index} out of range for positional args tuple"
                ))
            })
        }
        (Some(_), Fields::Mapping(_)) => {
            Err(value_error("Format string contains positional fields"))
        }
        (None, Fields::Arguments(args)) => args
            .keyword(first)
            .cloned()
            .ok_or_else(|| key_error(Value::str(first))),
        (None, Fields::Mapping(mapping)) => sequence::get_item(cx, mapping, &Value::str(first)),
    }
}
