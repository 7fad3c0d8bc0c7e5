//! `_csv.reader`: goes over lines and gives rows. One row may take several lines: where its reading stands between two of
//! them is in [`Row`], which lives for one call. It must not know where the lines come from.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

use super::{Settings, quoting};
use crate::eval::context::Context;
use crate::library::arguments::{exactly, none};
use crate::library::{define, native_object};
use crate::value::class::Class;
use crate::value::exception::stop_iteration;
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::object::Ref;
use crate::value::{Outcome, Value, iterate, room};

const NAME: &str = "_csv.reader";

struct Reader {
    lines: Value,
    dialect: Value,
    settings: Settings,
    /// A list whose only item says how long a field may be, for all readers.
    limits: Value,
    /// The class `float`.
    float: Value,
    line_number: AtomicI64,
}

impl NativeData for Reader {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for value in [
            &self.lines,
            &self.dialect,
            &self.limits,
            &self.float,
            &self.settings.error,
        ] {
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
                ("__iter__", |_, args| {
                    let (_, rest) = native_object::receiver::<Reader>(args, NAME, "__iter__")?;
                    none("__iter__", rest)?;
                    Ok(args.values[0].clone())
                }),
                ("__next__", |cx, args| {
                    let (reader, rest) = native_object::receiver::<Reader>(args, NAME, "__next__")?;
                    none("__next__", rest)?;
                    match reader.row(cx)? {
                        Some(row) => Ok(row),
                        None => Err(stop_iteration(Value::None)),
                    }
                }),
            ],
        );
        define::getters(
            &class,
            &[
                ("dialect", |_, args| {
                    let (reader, _) = native_object::receiver::<Reader>(args, NAME, "dialect")?;
                    Ok(reader.dialect.clone())
                }),
                ("line_num", |_, args| {
                    let (reader, _) = native_object::receiver::<Reader>(args, NAME, "line_num")?;
                    Ok(Value::Int(reader.line_number.load(Ordering::Relaxed)))
                }),
            ],
        );
        class
    })
}

/// `reader(lines, dialect, settings, limits, float, error)`.
pub(super) fn make(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [lines, dialect, settings, limits, float, error] = exactly("reader", args)?;
    let reader = Reader {
        lines: lines.clone(),
        dialect: dialect.clone(),
        settings: Settings::of(cx, settings, error)?,
        limits: limits.clone(),
        float: float.clone(),
        line_number: AtomicI64::new(0),
    };
    Ok(native_object::instance(class(), reader))
}

/// Where a row's reading stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first character, or behind the end.
    Between,
    /// At the beginning of a field.
    Start,
    Plain,
    Quoted,
    /// Behind a quote that may be the end of what is quoted.
    Closed,
    /// Behind a character that takes the next one's meaning away.
    Escaped,
    EscapedInQuotes,
    /// Behind an end of a line that was escaped: as in a plain field, but the end of what was read then goes on with the
    /// next line, as in CPython.
    EscapedEnd,
    /// Behind the end of a line, where nothing more may come.
    Ended,
}

/// From how many bytes on a field is handed on as it is: for shorter ones the memory is used again.
const LONG: usize = 1 << 16;

/// A row that is being read.
struct Row {
    state: State,
    fields: Vec<Value>,
    field: String,
    /// How many the field has.
    characters: i64,
    /// Whether the field was not in quotes.
    plain: bool,
    limit: i64,
}

impl Reader {
    fn row(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        let mut row = Row {
            state: State::Between,
            fields: Vec::new(),
            field: String::new(),
            characters: 0,
            plain: true,
            limit: i64::MAX,
        };
        loop {
            let Some(line) = iterate::next(cx, &self.lines)? else {
                if row.field.is_empty() && row.state != State::Quoted {
                    return Ok(None);
                }
                if self.settings.strict {
                    return Err(self.settings.error(cx, "unexpected end of data"));
                }
                self.end_field(cx, &mut row)?;
                return Ok(Some(Value::list(row.fields)));
            };
            let Some(text) = line.unwrapped().as_str() else {
                let message = format!(
                    "iterator should return strings, not {} (the file should be opened in text mode)",
                    line.type_name()
                );
                return Err(self.settings.error(cx, &message));
            };
            self.line_number.fetch_add(1, Ordering::Relaxed);
            if let Value::List(limits) = &self.limits
                && let Some(Value::Int(limit)) = limits.get(0)
            {
                row.limit = limit;
            }
            self.take_line(cx, &mut row, text)?;
            if row.state == State::Between {
                return Ok(Some(Value::list(row.fields)));
            }
            cx.safepoint()?;
        }
    }

    fn take_line(&self, cx: &mut Context, row: &mut Row, line: &str) -> Outcome<()> {
        let mut rest = line;
        while let Some(character) = rest.chars().next() {
            let ordinary = match row.state {
                State::Plain | State::Quoted => self.settings.ordinary(rest.as_bytes()),
                _ => 0,
            };
            if ordinary > 0 {
                // What is special begins with a byte that begins a character.
                let (run, behind) = rest.split_at(ordinary);
                self.add(cx, row, run)?;
                rest = behind;
            } else {
                rest = &rest[character.len_utf8()..];
                self.take(cx, row, Some(character))?;
            }
        }
        self.take(cx, row, None)
    }

    /// Takes a character, or the end of the line.
    fn take(&self, cx: &mut Context, row: &mut Row, character: Option<char>) -> Outcome<()> {
        let settings = &self.settings;
        let is = |mark: Option<char>| character.is_some() && character == mark;
        let is_delimiter = character == Some(settings.delimiter);
        let is_quote = is(settings.quote) && settings.quoting != quoting::NONE;
        let is_escape = is(settings.escape);
        let is_end = matches!(character, None | Some('\n' | '\r'));
        let after = match character {
            None => State::Between,
            Some(_) => State::Ended,
        };
        match row.state {
            State::Between => match character {
                None => return Ok(()),
                Some(_) if is_end => {
                    row.state = State::Ended;
                    return Ok(());
                }
                Some(_) => row.state = State::Start,
            },
            State::EscapedEnd if character.is_none() => return Ok(()),
            _ => {}
        }
        match row.state {
            State::Start if is_end => {
                self.end_field(cx, row)?;
                row.state = after;
            }
            State::Start if is_quote => {
                row.plain = false;
                row.state = State::Quoted;
            }
            State::Start if is_escape => row.state = State::Escaped,
            State::Start if settings.skips_space && character == Some(' ') => {}
            State::Start if is_delimiter => self.end_field(cx, row)?,
            State::Start => {
                self.add_character(cx, row, character)?;
                row.state = State::Plain;
            }
            State::Escaped => {
                self.add_character(cx, row, character)?;
                row.state = match character {
                    Some('\n' | '\r') => State::EscapedEnd,
                    _ => State::Plain,
                };
            }
            State::Plain | State::EscapedEnd if is_end => {
                self.end_field(cx, row)?;
                row.state = after;
            }
            State::Plain | State::EscapedEnd if is_escape => row.state = State::Escaped,
            State::Plain | State::EscapedEnd if is_delimiter => {
                self.end_field(cx, row)?;
                row.state = State::Start;
            }
            State::Plain | State::EscapedEnd => self.add_character(cx, row, character)?,
            State::Quoted if character.is_none() => {}
            State::Quoted if is_escape => row.state = State::EscapedInQuotes,
            State::Quoted if is_quote => {
                row.state = match settings.doubles_quotes {
                    true => State::Closed,
                    false => State::Plain,
                };
            }
            State::Quoted => self.add_character(cx, row, character)?,
            State::EscapedInQuotes => {
                self.add_character(cx, row, character)?;
                row.state = State::Quoted;
            }
            State::Closed if is_quote => {
                self.add_character(cx, row, character)?;
                row.state = State::Quoted;
            }
            State::Closed if is_delimiter => {
                self.end_field(cx, row)?;
                row.state = State::Start;
            }
            State::Closed if is_end => {
                self.end_field(cx, row)?;
                row.state = after;
            }
            State::Closed if settings.strict => {
                let quote = settings.quote.unwrap_or('"');
                let message = format!("'{}' expected after '{quote}'", settings.delimiter);
                return Err(settings.error(cx, &message));
            }
            State::Closed => {
                self.add_character(cx, row, character)?;
                row.state = State::Plain;
            }
            State::Between | State::Ended => {
                if character.is_none() {
                    row.state = State::Between;
                } else if !is_end {
                    let message = "new-line character seen in unquoted field - \
                                   do you need to open the file with newline=''?";
                    return Err(settings.error(cx, message));
                }
            }
        }
        Ok(())
    }

    /// Adds a character to the field; an end that is escaped is one of a line.
    fn add_character(
        &self,
        cx: &mut Context,
        row: &mut Row,
        character: Option<char>,
    ) -> Outcome<()> {
        let mut bytes = [0; 4];
        self.add(cx, row, character.unwrap_or('\n').encode_utf8(&mut bytes))
    }

    fn add(&self, cx: &mut Context, row: &mut Row, text: &str) -> Outcome<()> {
        let more = text.chars().count();
        row.characters = row
            .characters
            .saturating_add(i64::try_from(more).unwrap_or(i64::MAX));
        if row.characters > row.limit {
            let message = format!("field larger than field limit ({})", row.limit);
            return Err(self.settings.error(cx, &message));
        }
        room::append_text(&mut row.field, text)
    }

    fn end_field(&self, cx: &mut Context, row: &mut Row) -> Outcome<()> {
        let (is_empty, kind) = (row.field.is_empty(), self.settings.quoting);
        // There may be no memory for a copy of a long one.
        let text = match row.field.len() {
            0..LONG => Value::str(row.field.as_str()),
            _ => Value::str(std::mem::take(&mut row.field)),
        };
        let value = match row.plain {
            true if is_empty && matches!(kind, quoting::NOTNULL | quoting::STRINGS) => Value::None,
            true if !is_empty && matches!(kind, quoting::NONNUMERIC | quoting::STRINGS) => {
                cx.call(&self.float, &[text])?
            }
            _ => text,
        };
        room::push(&mut row.fields, value)?;
        row.field.clear();
        row.characters = 0;
        row.plain = true;
        Ok(())
    }
}
