//! `_csv.writer`: puts rows together and hands each to a function that writes it. It must not know what that does with the
//! text.

use std::sync::OnceLock;

use super::{Settings, quoting};
use crate::eval::context::Context;
use crate::library::arguments::{exactly, one};
use crate::library::{define, native_object};
use crate::value::class::Class;
use crate::value::exception::ExceptionKind;
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::{Outcome, Value, iterate, room, text};

const NAME: &str = "_csv.writer";

struct Writer {
    write: Value,
    dialect: Value,
    settings: Settings,
}

impl NativeData for Writer {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for value in [&self.write, &self.dialect, &self.settings.error] {
            visit(value);
        }
    }
}

fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native(NAME);
        define::methods(
            &class,
            &[
                ("writerow", |cx, args| {
                    let (writer, rest) = native_object::receiver::<Writer>(args, NAME, "writerow")?;
                    writer.write_row(cx, one("_csv.writer.writerow", rest)?)
                }),
                ("writerows", |cx, args| {
                    let (writer, rest) =
                        native_object::receiver::<Writer>(args, NAME, "writerows")?;
                    let rows = iterate::iterate(cx, one("_csv.writer.writerows", rest)?)?;
                    while let Some(row) = iterate::next(cx, &rows)? {
                        writer.write_row(cx, &row)?;
                        cx.safepoint()?;
                    }
                    Ok(Value::None)
                }),
            ],
        );
        define::getters(
            &class,
            &[("dialect", |_, args| {
                let (writer, _) = native_object::receiver::<Writer>(args, NAME, "dialect")?;
                Ok(writer.dialect.clone())
            })],
        );
        class
    })
}

/// `writer(write, dialect, settings, error)`.
pub(super) fn make(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [write, dialect, settings, error] = exactly("writer", args)?;
    let writer = Writer {
        write: write.clone(),
        dialect: dialect.clone(),
        settings: Settings::of(cx, settings, error)?,
    };
    Ok(native_object::instance(class(), writer))
}

impl Writer {
    fn write_row(&self, cx: &mut Context, row: &Value) -> Outcome<Value> {
        let settings = &self.settings;
        let values = match iterate::iterate(cx, row) {
            Ok(values) => values,
            Err(raised) if raised.is(ExceptionKind::TypeError) => {
                let message = format!("iterable expected, not {}", row.type_name());
                return Err(settings.error(cx, &message));
            }
            Err(raised) => return Err(raised),
        };
        let mut record = String::new();
        let (mut fields, mut last_is_none) = (0_usize, false);
        while let Some(value) = iterate::next(cx, &values)? {
            if fields > 0 {
                add(&mut record, settings.delimiter)?;
            }
            last_is_none = value.is_none();
            self.add_field(cx, &mut record, &value)?;
            fields += 1;
            cx.safepoint()?;
        }
        if fields == 1 && record.is_empty() {
            let kind = settings.quoting;
            let leaves_none_out = matches!(kind, quoting::STRINGS | quoting::NOTNULL);
            if kind == quoting::NONE || last_is_none && leaves_none_out {
                return Err(settings.error(cx, "single empty field record must be quoted"));
            }
            record.extend(settings.quote);
            record.extend(settings.quote);
        }
        room::append_text(&mut record, &settings.line_end)?;
        cx.call(&self.write, &[Value::str(record)])
    }

    fn add_field(&self, cx: &mut Context, record: &mut String, value: &Value) -> Outcome<()> {
        let settings = &self.settings;
        let plain = value.unwrapped();
        let is_text = matches!(plain, Value::Str(_));
        let quoted = match settings.quoting {
            quoting::ALL => true,
            quoting::NONNUMERIC => !is_number(cx, value),
            quoting::STRINGS => is_text,
            quoting::NOTNULL => !value.is_none(),
            _ => false,
        };
        match plain {
            Value::Str(text) => self.add_text(cx, record, text.as_str(), value, quoted),
            Value::None => self.add_text(cx, record, "", value, quoted),
            _ => {
                let text = text::to_str(cx, value)?;
                self.add_text(cx, record, &text, value, quoted)
            }
        }
    }

    fn add_text(
        &self,
        cx: &mut Context,
        record: &mut String,
        text: &str,
        value: &Value,
        mut quoted: bool,
    ) -> Outcome<()> {
        let settings = &self.settings;
        if text.is_empty() && settings.delimiter == ' ' && settings.skips_space {
            let kind = settings.quoting;
            let leaves_none_out = matches!(kind, quoting::STRINGS | quoting::NOTNULL);
            if kind == quoting::NONE || value.is_none() && leaves_none_out {
                let message = "empty field must be quoted if delimiter is a space and skipinitialspace is true";
                return Err(settings.error(cx, message));
            }
            quoted = true;
        }
        let start = record.len();
        let mut rest = text;
        loop {
            let ordinary = settings.ordinary(rest.as_bytes());
            let (run, behind) = rest.split_at(ordinary);
            room::append_text(record, run)?;
            let Some(character) = behind.chars().next() else {
                break;
            };
            rest = &behind[character.len_utf8()..];
            quoted |= self.mark(cx, record, character)?;
            add(record, character)?;
        }
        if quoted && let Some(quote) = settings.quote {
            // Both at the end, which asks for room, and then the first to its place.
            add(record, quote)?;
            add(record, quote)?;
            record.pop();
            record.insert(start, quote);
        }
        Ok(())
    }

    /// Adds what must stand before a character; whether the field must be quoted for its sake.
    fn mark(&self, cx: &mut Context, record: &mut String, character: char) -> Outcome<bool> {
        let settings = &self.settings;
        let is_quote = settings.quote == Some(character);
        let is_escape = settings.escape == Some(character);
        let is_special = is_quote
            || is_escape
            || matches!(character, '\r' | '\n')
            || character == settings.delimiter
            || settings.line_end.contains(character);
        if !is_special {
            return Ok(false);
        }
        let is_doubled = is_quote && settings.doubles_quotes;
        if settings.quoting == quoting::NONE || is_quote && !is_doubled || is_escape && !is_quote {
            let Some(escape) = settings.escape else {
                return Err(settings.error(cx, "need to escape, but no escapechar set"));
            };
            add(record, escape)?;
            return Ok(false);
        }
        if is_doubled {
            add(record, character)?;
        }
        Ok(true)
    }
}

/// Adds a character.
///
/// # Errors
/// `MemoryError`.
fn add(record: &mut String, character: char) -> Outcome<()> {
    room::append_text(record, character.encode_utf8(&mut [0; 4]))
}

/// Whether a value can be made a number.
fn is_number(cx: &mut Context, value: &Value) -> bool {
    match value.unwrapped() {
        Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::BigInt(_) => true,
        _ => [known().float, known().index, known().int]
            .into_iter()
            .any(|name| cx.lookup(value.class(), name).is_some()),
    }
}
