//! Values to bytes. It must not know who receives them beyond what that process surely knows.

use super::reduction::reduction;
use super::seen::Seen;
use super::*;
use crate::eval::attribute;
use crate::eval::module::Module;
use crate::library::exceptions;
use crate::runtime::handle::Handle;
use crate::value::exception::{Raised, attribute_error, type_error};
use crate::value::function::{Binding, BoundMethod, Cell};
use crate::value::list::List;
use crate::value::name::Name;
use crate::value::object::Ref;

/// The message of a value.
///
/// # Errors
/// `TypeError` when part of it cannot travel, with a note that gives the path to it; whatever
/// `__reduce__` or `__getstate__` raises.
pub fn encode(cx: &mut Context, value: &Value, receiver: Receiver) -> Outcome<Vec<u8>> {
    encode_into(cx, value, receiver, &mut Parcel::default())
}

/// The message of a value for a queue in shared memory, and the shared objects that must go with it.
///
/// # Errors
/// As `encode`.
pub fn encode_for_queue(
    cx: &mut Context,
    value: &Value,
    receiver: Receiver,
) -> Outcome<(Vec<u8>, Vec<Handle>)> {
    encode_queued(receiver, Subject::Value, |encoder| encoder.value(cx, value))
}

/// The same for a tuple of these values, which need not be made, and is more than a value to its sender.
///
/// # Errors
/// As `encode`.
pub fn encode_parts<'v>(
    cx: &mut Context,
    parts: impl ExactSizeIterator<Item = &'v Value>,
    receiver: Receiver,
    subject: Subject,
) -> Outcome<(Vec<u8>, Vec<Handle>)> {
    encode_queued(receiver, subject, |encoder| encoder.parts(cx, parts))
}

fn encode_queued(
    receiver: Receiver,
    subject: Subject,
    write: impl FnOnce(&mut Encoder<'_>) -> Outcome<()>,
) -> Outcome<(Vec<u8>, Vec<Handle>)> {
    let mut parcel = Parcel {
        destination: Destination::SharedQueue,
        subject,
        ..Parcel::default()
    };
    let bytes = encode_with(receiver, &mut parcel, write)?;
    Ok((bytes, parcel.handles))
}

/// The message of a value, and in `parcel` what must go with it.
///
/// # Errors
/// As `encode`.
pub fn encode_into(
    cx: &mut Context,
    value: &Value,
    receiver: Receiver,
    parcel: &mut Parcel,
) -> Outcome<Vec<u8>> {
    encode_with(receiver, parcel, |encoder| encoder.value(cx, value))
}

fn encode_with(
    receiver: Receiver,
    parcel: &mut Parcel,
    write: impl FnOnce(&mut Encoder<'_>) -> Outcome<()>,
) -> Outcome<Vec<u8>> {
    let mut encoder = Encoder::new(receiver, parcel);
    encoder.bytes.push(VERSION);
    match write(&mut encoder) {
        Ok(()) => Ok(encoder.bytes),
        Err(raised) => {
            if !encoder.path.is_empty()
                && let Some(exception) = raised.exception()
            {
                let mut path = encoder.parcel.subject.worded(encoder.path);
                path.extend(encoder.refused);
                exceptions::note(exception, &format!("it is reached by {}", path.join(" → ")));
            }
            Err(raised)
        }
    }
}

/// The message of a value in pieces: tags, numbers and texts, each whole.
#[cfg(fuzzing)]
pub fn pieces(cx: &mut Context, value: &Value, receiver: Receiver) -> Option<Vec<Vec<u8>>> {
    let mut parcel = Parcel::default();
    let mut encoder = Encoder::new(receiver, &mut parcel);
    encoder.bytes.push(VERSION);
    encoder.value(cx, value).ok()?;
    let bytes = encoder.bytes;
    let mut pieces = Vec::new();
    let mut done = 0;
    for piece in encoder.pieces {
        pieces.extend(bytes[done..piece.start].iter().map(|&byte| vec![byte]));
        done = piece.end;
        pieces.push(bytes[piece].to_vec());
    }
    pieces.extend(bytes[done..].iter().map(|&byte| vec![byte]));
    Some(pieces)
}

pub(super) struct Encoder<'p> {
    pub(super) parcel: &'p mut Parcel,
    pub(super) bytes: Vec<u8>,
    /// Numbers of what was met, by address.
    pub(super) seen: Seen,
    pub(super) next: u64,
    /// How the value being encoded is reached, for errors.
    path: Vec<String>,
    /// The kind of what cannot travel.
    refused: Option<String>,
    /// Where numbers and texts lie, for fuzzers that change them.
    #[cfg(fuzzing)]
    pieces: Vec<std::ops::Range<usize>>,
    pub(super) receiver: Receiver,
    /// Values made on the way, kept so that no address is used twice.
    pub(super) kept: Vec<Value>,
    /// Programs whose source is already in the message.
    pub(super) shipped: Vec<[u8; 32]>,
    /// Whether this is only to find out whether something can travel.
    pub(super) is_trial: bool,
}

impl<'p> Encoder<'p> {
    pub(super) fn new(receiver: Receiver, parcel: &'p mut Parcel) -> Self {
        Encoder {
            parcel,
            bytes: Vec::with_capacity(64),
            seen: Seen::default(),
            next: 0,
            path: Vec::new(),
            refused: None,
            #[cfg(fuzzing)]
            pieces: Vec::new(),
            receiver,
            kept: Vec::new(),
            shipped: Vec::new(),
            is_trial: false,
        }
    }

    pub(super) fn number(&mut self, mut number: u64) {
        #[cfg(fuzzing)]
        let start = self.bytes.len();
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
        #[cfg(fuzzing)]
        self.pieces.push(start..self.bytes.len());
    }

    fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)) as u64);
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        #[cfg(fuzzing)]
        self.pieces
            .push(self.bytes.len()..self.bytes.len() + bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    fn tagged(&mut self, tag: u8, count: usize) {
        self.bytes.push(tag);
        self.number(count as u64);
    }

    /// Writes a reference if the object was met before, or gives it the next number.
    pub(super) fn begin(&mut self, address: usize) -> bool {
        if self.refer(address) {
            return false;
        }
        self.seen.set(address, self.next);
        self.next += 1;
        true
    }

    pub(super) fn refer(&mut self, address: usize) -> bool {
        let Some(number) = self.seen.get(address) else {
            return false;
        };
        self.bytes.push(REFERENCE);
        self.number(number);
        true
    }

    pub(super) fn inside(
        &mut self,
        cx: &mut Context,
        step: impl FnOnce() -> String,
        value: &Value,
    ) -> Outcome<()> {
        let depth = self.path.len();
        let result = self.value(cx, value);
        if let Err(raised) = &result
            && raised.is(crate::value::exception::ExceptionKind::TypeError)
        {
            // Built from the inside out, only when it is needed.
            self.path.insert(depth, step());
        }
        result
    }

    /// A tuple of these, which is the whole of a message: nothing in it refers to the tuple.
    fn parts<'v>(
        &mut self,
        cx: &mut Context,
        parts: impl ExactSizeIterator<Item = &'v Value>,
    ) -> Outcome<()> {
        cx.check_stack(" while pickling an object")?;
        self.tagged(TUPLE, parts.len());
        for (position, item) in parts.enumerate() {
            self.inside(cx, || format!("[{position}]"), item)?;
        }
        Ok(())
    }

    pub(super) fn value(&mut self, cx: &mut Context, value: &Value) -> Outcome<()> {
        match value {
            Value::None | Value::Unbound => self.bytes.push(NONE),
            Value::Bool(true) => self.bytes.push(TRUE),
            Value::Bool(false) => self.bytes.push(FALSE),
            Value::Ellipsis => self.bytes.push(ELLIPSIS),
            Value::NotImplemented => self.bytes.push(NOT_IMPLEMENTED),
            Value::Int(number) => {
                self.bytes.push(INT);
                self.signed(*number);
            }
            Value::Float(number) => {
                self.bytes.push(FLOAT);
                self.bytes.extend_from_slice(&number.to_le_bytes());
            }
            Value::Str(text) => {
                self.bytes.push(STR);
                self.raw(text.as_str().as_bytes());
            }
            Value::BigInt(number) => {
                self.bytes.push(BIG_INT);
                self.raw(&number.get().to_signed_bytes_le());
            }
            Value::Bytes(bytes) => {
                self.bytes.push(BYTES);
                self.raw(bytes.get());
            }
            _ => {
                cx.check_stack(" while pickling an object")?;
                return self.object(cx, value);
            }
        }
        Ok(())
    }

    fn object(&mut self, cx: &mut Context, value: &Value) -> Outcome<()> {
        match value {
            Value::Tuple(tuple) => {
                if self.refer(tuple.address()) {
                    return Ok(());
                }
                self.tagged(TUPLE, tuple.items().len());
                for (position, item) in tuple.items().iter().enumerate() {
                    self.inside(cx, || format!("[{position}]"), item)?;
                }
                // Numbered at its end: only then does the receiver have it.
                let number = self.next;
                self.next += 1;
                self.seen.add(tuple.address(), number);
                Ok(())
            }
            Value::List(list) => self.list(cx, list),
            Value::Dict(dict) => {
                if !self.begin(dict.address()) {
                    return Ok(());
                }
                let entries = dict.entries()?;
                self.tagged(DICT, entries.len());
                for (key, item) in &entries {
                    self.inside(cx, || "a key".to_owned(), key)?;
                    self.inside(cx, || key_step(key), item)?;
                }
                Ok(())
            }
            Value::Set(set) | Value::FrozenSet(set) => {
                if !self.begin(set.address()) {
                    return Ok(());
                }
                let items = set.snapshot()?;
                let tag = if matches!(value, Value::Set(_)) {
                    SET
                } else {
                    FROZEN_SET
                };
                self.tagged(tag, items.len());
                for item in &items {
                    self.inside(cx, || "an element".to_owned(), item)?;
                }
                Ok(())
            }
            Value::Range(range) => {
                self.bytes.push(RANGE);
                self.signed(range.start);
                self.signed(range.stop);
                self.signed(range.step);
                Ok(())
            }
            Value::Slice(slice) => {
                self.bytes.push(SLICE);
                self.value(cx, &slice.start)?;
                self.value(cx, &slice.stop)?;
                self.value(cx, &slice.step)
            }
            Value::Function(function) => self.function(cx, function),
            Value::Native(function) => {
                if function.binding == Binding::Function {
                    self.bytes.push(NATIVE);
                } else {
                    self.bytes.push(BUILTIN_METHOD);
                }
                self.raw(function.owner.as_bytes());
                self.raw(function.name.as_bytes());
                Ok(())
            }
            Value::Method(method) if is_native_of_instance(method) => {
                if let Value::Native(function) = &method.function {
                    self.bytes.push(ATTRIBUTE);
                    self.raw(function.name.as_bytes());
                }
                self.inside(cx, || ".__self__".to_owned(), &method.receiver)
            }
            Value::Method(method) => {
                self.bytes.push(METHOD);
                self.inside(cx, || ".__func__".to_owned(), &method.function)?;
                self.inside(cx, || ".__self__".to_owned(), &method.receiver)
            }
            Value::Class(class) => self.class(cx, class),
            Value::Instance(instance) => self.instance(cx, value, instance),
            Value::Module(module) => {
                self.bytes.push(MODULE);
                self.raw(module.name().as_str().as_bytes());
                Ok(())
            }
            Value::Cell(cell) => self.cell(cx, cell),
            other => match reduction(cx, other)? {
                Some(reduction) => {
                    let address = other
                        .header()
                        .map_or(0, |header| std::ptr::from_ref(header) as usize);
                    if self.refer(address) {
                        return Ok(());
                    }
                    self.kept.push(other.clone());
                    self.reduced(cx, other, address, reduction)
                }
                None => Err(self.refuse(other)),
            },
        }
    }

    fn list(&mut self, cx: &mut Context, list: &Ref<List>) -> Outcome<()> {
        if !self.begin(list.address()) {
            return Ok(());
        }
        let items = list.copied()?;
        if items.len() > 4 && items.iter().all(|item| matches!(item, Value::Int(_))) {
            self.tagged(INTS, items.len());
            for item in &items {
                if let Value::Int(number) = item {
                    self.signed(*number);
                }
            }
            return Ok(());
        }
        if items.len() > 4 && items.iter().all(|item| matches!(item, Value::Float(_))) {
            self.tagged(FLOATS, items.len());
            for item in &items {
                if let Value::Float(number) = item {
                    self.bytes.extend_from_slice(&number.to_le_bytes());
                }
            }
            return Ok(());
        }
        self.tagged(LIST, items.len());
        for (position, item) in items.iter().enumerate() {
            self.inside(cx, || format!("[{position}]"), item)?;
        }
        Ok(())
    }

    fn cell(&mut self, cx: &mut Context, cell: &Ref<Cell>) -> Outcome<()> {
        if !self.begin(cell.address()) {
            return Ok(());
        }
        let value = cell.get();
        if value.is_unbound() {
            self.bytes.push(EMPTY_CELL);
            return Ok(());
        }
        self.bytes.push(CELL);
        self.value(cx, &value)
    }

    #[cold]
    pub(super) fn refuse(&mut self, value: &Value) -> Raised {
        let name = value.type_name();
        self.refused = Some(name.to_owned());
        // CPython has three ways of saying so.
        type_error(match (name.strip_prefix("_io."), name) {
            (Some(file), _) => format!("cannot pickle '{file}' instances"),
            (None, "memoryview") => "cannot pickle memoryview objects".to_owned(),
            (None, name) => format!("cannot pickle '{name}' object"),
        })
    }
}

/// Whether it is a native method that the class of its receiver, not a built-in type, has.
fn is_native_of_instance(method: &BoundMethod) -> bool {
    matches!(
        (&method.function, &method.receiver),
        (Value::Native(_), Value::Instance(_))
    )
}

fn key_step(key: &Value) -> String {
    match key {
        Value::Str(text) => format!("['{}']", text.as_str()),
        Value::Int(number) => format!("[{number}]"),
        other => format!("[{} key]", other.type_name()),
    }
}

/// What a module has under a name with dots.
///
/// # Errors
/// `AttributeError`, or that there is no such module.
pub(super) fn find_named(cx: &mut Context, module: &str, name: &str) -> Outcome<Value> {
    let module = Value::Module(module_of(cx, module)?);
    let mut found = module.clone();
    for part in name.split('.') {
        match attribute::find(cx, &found, Name::new(part))? {
            Some(next) => found = next,
            None => {
                let module = crate::value::text::repr(cx, &module)?;
                return Err(attribute_error(format!(
                    "Can't get attribute '{name}' on {module}"
                )));
            }
        }
    }
    Ok(found)
}

/// A module by name.
pub(super) fn module_of(cx: &mut Context, name: &str) -> Outcome<Ref<Module>> {
    crate::eval::import::module(cx, Name::new(name))
}
