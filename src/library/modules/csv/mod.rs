//! `_csv_rows`: the rows of tables, taken from lines and put together for a file. The dialects and the classes around
//! this are written in conc (`csv`), which has checked every setting that arrives here. It must not know of files.

mod reading;
mod writing;

use super::with_functions;
use crate::eval::context::Context;
use crate::eval::handle;
use crate::eval::module::Module;
use crate::library::arguments;
use crate::value::exception::{Raised, type_error};
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

/// Makes the module.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    Ok(with_functions(
        "_csv_rows",
        &[("reader", reading::make), ("writer", writing::make)],
    ))
}

/// What of a field is quoted: the values are those of `csv`'s constants.
mod quoting {
    pub(super) const ALL: i64 = 1;
    pub(super) const NONNUMERIC: i64 = 2;
    pub(super) const NONE: i64 = 3;
    pub(super) const STRINGS: i64 = 4;
    pub(super) const NOTNULL: i64 = 5;
}

/// A dialect, as `csv` hands it over: a tuple.
struct Settings {
    delimiter: char,
    quote: Option<char>,
    escape: Option<char>,
    doubles_quotes: bool,
    skips_space: bool,
    line_end: String,
    quoting: i64,
    strict: bool,
    /// The class `csv.Error`.
    error: Value,
    /// Whether a text has to be looked at more closely from this byte on.
    is_special: [bool; 256],
}

impl Settings {
    fn of(cx: &mut Context, value: &Value, error: &Value) -> Outcome<Settings> {
        let Value::Tuple(given) = value else {
            return Err(type_error("the settings must be a tuple"));
        };
        let [
            delimiter,
            quote,
            escape,
            doubles,
            skips,
            line_end,
            quoting,
            strict,
        ] = given.items()
        else {
            return Err(type_error("the settings must be eight"));
        };
        let character = |value: &Value| {
            value
                .unwrapped()
                .as_str()
                .and_then(|text| text.chars().next())
        };
        let mut settings = Settings {
            delimiter: character(delimiter)
                .ok_or_else(|| type_error("the delimiter must be a character"))?,
            quote: character(quote),
            escape: character(escape),
            doubles_quotes: arguments::truth(cx, doubles)?,
            skips_space: arguments::truth(cx, skips)?,
            line_end: line_end
                .unwrapped()
                .as_str()
                .ok_or_else(|| type_error("the end of a line must be a string"))?
                .to_owned(),
            quoting: arguments::integer(cx, quoting)?,
            strict: arguments::truth(cx, strict)?,
            error: error.clone(),
            is_special: [false; 256],
        };
        let marks = [
            Some(settings.delimiter),
            settings.quote,
            settings.escape,
            Some('\r'),
            Some('\n'),
        ];
        for mark in marks.into_iter().flatten().chain(settings.line_end.chars()) {
            let mut room = [0; 4];
            let first = mark.encode_utf8(&mut room).as_bytes()[0];
            settings.is_special[usize::from(first)] = true;
        }
        Ok(settings)
    }

    /// How many bytes at the beginning are surely ordinary.
    fn ordinary(&self, bytes: &[u8]) -> usize {
        let special = |byte: &u8| self.is_special[usize::from(*byte)];
        bytes.iter().position(special).unwrap_or(bytes.len())
    }

    /// A `csv.Error`.
    fn error(&self, cx: &mut Context, message: &str) -> Raised {
        match cx.call(&self.error, &[Value::str(message)]) {
            Ok(error) => handle::raise(cx, &error, None),
            Err(raised) => raised,
        }
    }
}
