//! A text that is searched: its characters, and parts of it as values. It must not know patterns.

use std::borrow::Cow;

use super::machine::Subject;
use crate::value::membership::bytes_like;
use crate::value::object::Ref;
use crate::value::string::Str;
use crate::value::{Outcome, Value, membership, room};

/// A text or bytes, ready to be searched.
pub struct Text {
    /// What was given.
    pub value: Value,
    form: Form,
}

enum Form {
    Ascii(Ref<Str>),
    /// The characters, and the offset of each and of the end.
    Characters(Vec<char>, Ref<Str>, Vec<usize>),
    Bytes(Vec<u8>),
}

impl Text {
    /// A text, or bytes; `None` for anything else.
    pub fn new(value: &Value) -> Option<Text> {
        let form = match value.unwrapped() {
            Value::Str(text) if text.is_ascii() => Form::Ascii(text.clone()),
            Value::Str(text) => {
                let characters: Vec<char> = text.as_str().chars().collect();
                let mut offsets = Vec::with_capacity(characters.len() + 1);
                let mut offset = 0;
                for character in &characters {
                    offsets.push(offset);
                    offset += character.len_utf8();
                }
                offsets.push(offset);
                Form::Characters(characters, text.clone(), offsets)
            }
            _ => match membership::bytes_like(value)? {
                Cow::Borrowed(bytes) => Form::Bytes(bytes.to_vec()),
                Cow::Owned(bytes) => Form::Bytes(bytes),
            },
        };
        Some(Text {
            value: value.clone(),
            form,
        })
    }

    /// Whether it is bytes.
    pub fn is_bytes(&self) -> bool {
        matches!(self.form, Form::Bytes(_))
    }

    /// For the machine.
    pub fn subject(&self) -> Subject<'_> {
        match &self.form {
            Form::Ascii(text) => Subject::Bytes(text.as_str().as_bytes()),
            Form::Characters(characters, ..) => Subject::Characters(characters),
            Form::Bytes(bytes) => Subject::Bytes(bytes),
        }
    }

    /// A part of it.
    pub fn part(&self, start: usize, end: usize) -> Value {
        match &self.form {
            Form::Ascii(text) => {
                if start == 0 && end == text.len() {
                    return Value::Str(text.clone());
                }
                Value::str(&text.as_str()[start..end])
            }
            Form::Characters(_, text, offsets) => {
                Value::str(&text.as_str()[offsets[start]..offsets[end]])
            }
            Form::Bytes(bytes) => Value::bytes(&bytes[start..end]),
        }
    }

    /// Appends a part of it to what is being built.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn append(&self, out: &mut Vec<u8>, start: usize, end: usize) -> Outcome<()> {
        room::append(
            out,
            match &self.form {
                Form::Ascii(text) => &text.as_str().as_bytes()[start..end],
                Form::Characters(_, text, offsets) => {
                    &text.as_str().as_bytes()[offsets[start]..offsets[end]]
                }
                Form::Bytes(bytes) => &bytes[start..end],
            },
        )
    }

    /// What was built, as a value of its kind.
    pub fn built(&self, out: Vec<u8>) -> Value {
        if self.is_bytes() {
            return Value::bytes(out);
        }
        // It was put together from texts.
        Value::str(String::from_utf8(out).unwrap_or_default())
    }
}

/// The bytes of a text or bytes.
pub fn bytes_of(value: &Value) -> Option<Cow<'_, [u8]>> {
    match value.unwrapped() {
        Value::Str(text) => Some(Cow::Borrowed(text.as_str().as_bytes())),
        _ => bytes_like(value),
    }
}
