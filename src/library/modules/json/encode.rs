//! Values to JSON. It must not know where the text goes.

use crate::eval::context::Context;
use crate::library::arguments::{exactly, truth};
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::operator::Comparison;
use crate::value::{Outcome, Value, compare, number_repr, text};

/// How to write.
struct Encoder {
    skips_keys: bool,
    ascii: bool,
    checks_circles: bool,
    allows_nan: bool,
    /// What each level is indented by.
    indent: Option<String>,
    item_separator: String,
    key_separator: String,
    sorts_keys: bool,
    /// Asked for what cannot be written.
    default: Value,
    out: String,
    /// The objects around what is being written.
    around: Vec<usize>,
    /// How many of them are containers.
    level: usize,
}

/// `encode(value, skipkeys, ensure_ascii, check_circular, allow_nan, indent, item_separator,
/// key_separator, sort_keys, default)`.
pub(super) fn encode(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [
        value,
        skips_keys,
        ascii,
        checks_circles,
        allows_nan,
        indent,
        item_separator,
        key_separator,
        sorts_keys,
        default,
    ] = exactly("encode", args)?;
    let indent = match indent.unwrapped() {
        Value::None => None,
        Value::Str(text) => Some(text.as_str().to_owned()),
        _ => {
            let width = crate::value::slice::index(cx, indent)?;
            Some(" ".repeat(usize::try_from(width).unwrap_or(0).min(1 << 16)))
        }
    };
    let mut encoder = Encoder {
        skips_keys: truth(cx, skips_keys)?,
        ascii: truth(cx, ascii)?,
        checks_circles: truth(cx, checks_circles)?,
        allows_nan: truth(cx, allows_nan)?,
        indent,
        item_separator: text::to_str(cx, item_separator)?,
        key_separator: text::to_str(cx, key_separator)?,
        sorts_keys: truth(cx, sorts_keys)?,
        default: default.clone(),
        out: String::new(),
        around: Vec::new(),
        level: 0,
    };
    encoder.value(cx, value)?;
    Ok(Value::str(encoder.out))
}

impl Encoder {
    fn value(&mut self, cx: &mut Context, value: &Value) -> Outcome<()> {
        match value.unwrapped() {
            Value::Str(text) => self.string(text.as_str()),
            Value::None => self.out.push_str("null"),
            Value::Bool(true) => self.out.push_str("true"),
            Value::Bool(false) => self.out.push_str("false"),
            number @ (Value::Int(_) | Value::BigInt(_)) => {
                text::write_repr(cx, &mut self.out, number)?;
            }
            Value::Float(number) => self.float(*number)?,
            Value::List(list) => {
                let items = list.copied()?;
                self.within(cx, value, |this, cx| this.array(cx, &items))?;
            }
            Value::Tuple(tuple) => {
                let tuple = tuple.clone();
                self.within(cx, value, |this, cx| this.array(cx, tuple.items()))?;
            }
            Value::Dict(dict) => {
                // A class derived from `dict` may have entries of its own making.
                let entries = match value {
                    Value::Instance(_) => own_entries(cx, value)?,
                    _ => dict.entries()?,
                };
                self.within(cx, value, |this, cx| this.object(cx, entries))?;
            }
            _ => self.other(cx, value)?,
        }
        Ok(())
    }

    /// What is no value of JSON.
    fn other(&mut self, cx: &mut Context, value: &Value) -> Outcome<()> {
        if self.default.is_none() {
            return Err(not_serialisable(value));
        }
        let default = self.default.clone();
        self.within(cx, value, |this, cx| {
            let made = cx.call(&default, std::slice::from_ref(value))?;
            this.value(cx, &made)
        })
    }

    fn within(
        &mut self,
        cx: &mut Context,
        value: &Value,
        work: impl FnOnce(&mut Self, &mut Context) -> Outcome<()>,
    ) -> Outcome<()> {
        cx.check_stack(" while encoding a JSON object")?;
        let address = text::address(value);
        if self.checks_circles && self.around.contains(&address) {
            return Err(value_error("Circular reference detected"));
        }
        self.around.push(address);
        let result = work(self, cx);
        self.around.pop();
        result
    }

    fn array(&mut self, cx: &mut Context, items: &[Value]) -> Outcome<()> {
        if items.is_empty() {
            self.out.push_str("[]");
            return Ok(());
        }
        self.out.push('[');
        self.level += 1;
        for (place, item) in items.iter().enumerate() {
            self.separate(place);
            self.value(cx, item)?;
        }
        self.level -= 1;
        self.new_line();
        self.out.push(']');
        Ok(())
    }

    fn object(&mut self, cx: &mut Context, mut entries: Vec<(Value, Value)>) -> Outcome<()> {
        if entries.is_empty() {
            self.out.push_str("{}");
            return Ok(());
        }
        if self.sorts_keys {
            sort(cx, &mut entries)?;
        }
        self.out.push('{');
        self.level += 1;
        let mut place = 0;
        for (key, value) in &entries {
            let Some(key) = self.key(cx, key)? else {
                continue;
            };
            self.separate(place);
            self.string(&key);
            self.out.push_str(&self.key_separator);
            self.value(cx, value)?;
            place += 1;
        }
        self.level -= 1;
        if place > 0 {
            self.new_line();
        }
        self.out.push('}');
        Ok(())
    }

    /// A key as text; `None` for one that is left out.
    fn key(&mut self, cx: &mut Context, key: &Value) -> Outcome<Option<String>> {
        Ok(Some(match key.unwrapped() {
            Value::Str(text) => text.as_str().to_owned(),
            Value::None => "null".to_owned(),
            Value::Bool(true) => "true".to_owned(),
            Value::Bool(false) => "false".to_owned(),
            Value::Float(number) => {
                let before = self.out.len();
                self.float(*number)?;
                self.out.split_off(before)
            }
            number @ (Value::Int(_) | Value::BigInt(_)) => text::repr(cx, number)?,
            _ if self.skips_keys => return Ok(None),
            _ => {
                return Err(type_error(format!(
                    "keys must be str, int, float, bool or None, not {}",
                    key.type_name()
                )));
            }
        }))
    }

    fn separate(&mut self, place: usize) {
        if place > 0 {
            self.out.push_str(&self.item_separator);
        }
        self.new_line();
    }

    fn new_line(&mut self) {
        if let Some(indent) = &self.indent {
            self.out.push('\n');
            for _ in 0..self.level {
                self.out.push_str(indent);
            }
        }
    }

    fn float(&mut self, number: f64) -> Outcome<()> {
        if number.is_finite() {
            number_repr::write_float(&mut self.out, number);
            return Ok(());
        }
        if !self.allows_nan {
            return Err(value_error(format!(
                "Out of range float values are not JSON compliant: {}",
                number_repr::float_repr(number)
            )));
        }
        self.out.push_str(if number.is_nan() {
            "NaN"
        } else if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        });
        Ok(())
    }

    fn string(&mut self, text: &str) {
        let out = &mut self.out;
        out.push('"');
        for character in text.chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                c if (c as u32) < 0x20 || self.ascii && !(' '..='~').contains(&c) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

fn own_entries(cx: &mut Context, value: &Value) -> Outcome<Vec<(Value, Value)>> {
    let items = cx.call_method(value, "items", &[])?;
    let mut entries = Vec::new();
    for item in crate::value::iterate::collect(cx, &items)? {
        match crate::value::iterate::collect(cx, &item)?.as_slice() {
            [key, value] => entries.push((key.clone(), value.clone())),
            _ => return Err(value_error("items must return 2-tuples")),
        }
    }
    Ok(entries)
}

fn sort(cx: &mut Context, entries: &mut [(Value, Value)]) -> Outcome<()> {
    if entries.iter().all(|(key, _)| matches!(key, Value::Str(_))) {
        entries.sort_by(|(a, _), (b, _)| a.as_str().cmp(&b.as_str()));
        return Ok(());
    }
    // By insertion: comparing may raise.
    for end in 1..entries.len() {
        let mut place = end;
        while place > 0 {
            let (before, key) = (entries[place - 1].0.clone(), entries[place].0.clone());
            if !compare::compare_bool(cx, Comparison::Less, &key, &before)? {
                break;
            }
            entries.swap(place, place - 1);
            place -= 1;
        }
    }
    Ok(())
}

#[cold]
fn not_serialisable(value: &Value) -> crate::value::exception::Raised {
    type_error(format!(
        "Object of type {} is not JSON serializable",
        value
            .class()
            .name()
            .as_str()
            .rsplit('.')
            .next()
            .unwrap_or_default()
    ))
}
