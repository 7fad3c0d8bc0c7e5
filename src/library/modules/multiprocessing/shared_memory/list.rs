//! `ShareableList`: a list of fixed length in shared memory, laid out as CPython lays it out, so that
//! the two can share it.
//!
//! The number of items; for each item and for the end the offset of its data; the data; for each
//! item its format in eight bytes, in the notation of `struct`; for each item a byte that tells
//! numbers, texts, bytes and `None` apart.

use std::sync::OnceLock;

use super::segment::Segment;
use super::{SharedMemoryObject, make};
use crate::eval::context::Context;
use crate::library::arguments::{self, Receiver, receiver};
use crate::library::methods::construct::class_getitem;
use crate::library::parameters::Parameters;
use crate::library::{define, native_object};
use crate::value::buffer::Memory;
use crate::value::class::Class;
use crate::value::exception::{
    Raised, assertion_error, attribute_error, index_error, key_error, overflow_error, value_error,
};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::lock::Guarded;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::{Outcome, Value, compare, iterate, text};

/// What a list carries: nothing until its `__init__` has run.
pub struct ShareableListObject {
    state: Guarded<State>,
}

#[derive(Default)]
struct State {
    memory: Value,
    offsets: Vec<usize>,
}

impl NativeData for ShareableListObject {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.state.lock().memory);
    }

    fn clear(&self) {
        let old = std::mem::take(&mut self.state.lock().memory);
        drop(old);
    }
}

impl Receiver for ShareableListObject {
    const CLASS: &'static str = "ShareableList";

    fn of(value: &Value) -> Option<&Self> {
        value.as_instance()?.native::<Self>()
    }
}

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("ShareableList");
        class.set(known().module, Value::str("multiprocessing.shared_memory"));
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                let blank = ShareableListObject {
                    state: Guarded::new(State::default()),
                };
                native_object::new(self::class(), args, blank)
            })],
        );
        define::class_methods(&class, &[("__class_getitem__", class_getitem)]);
        define::methods(
            &class,
            &[
                ("__init__", init),
                ("__len__", |_, args| Ok(Value::size(view(args)?.length()))),
                ("__getitem__", get_item),
                ("__setitem__", set_item),
                ("__repr__", repr),
                ("count", count),
                ("index", index),
            ],
        );
        define::properties(
            &class,
            &[
                ("shm", |_, args| {
                    receiver::<ShareableListObject>(args, "shm")?.0.memory()
                }),
                ("format", |_, args| {
                    let view = view(args)?;
                    let formats = (0..view.items()).map(|place| view.format(place));
                    Ok(Value::str(formats.collect::<String>()))
                }),
            ],
        );
        class
    })
}

/// A new list with these items, as `ShareableList(sequence)`.
///
/// # Errors
/// As that.
pub fn with_items(cx: &mut Context, items: &Value) -> Outcome<Value> {
    let class = Value::Class(class().clone());
    cx.call(&class, std::slice::from_ref(items))
}

impl ShareableListObject {
    /// The shared memory.
    ///
    /// # Errors
    /// `__init__` has not run.
    pub fn memory(&self) -> Outcome<Value> {
        let memory = self.state.lock().memory.clone();
        match memory {
            Value::None => Err(attribute_error(
                "'ShareableList' object has no attribute 'shm'",
            )),
            memory => Ok(memory),
        }
    }
}

/// Bytes in which every item begins at a multiple.
const ALIGNMENT: usize = 8;

/// The most that is written for a format.
const FORMAT: usize = 8;

/// The list in its memory.
struct ListView {
    segment: std::sync::Arc<Segment>,
    offsets: Vec<usize>,
}

fn view(args: Args<'_>) -> Outcome<ListView> {
    let (list, _) = receiver::<ShareableListObject>(args, "__getitem__")?;
    let memory = list.memory()?;
    let Some(memory) = SharedMemoryObject::of(&memory) else {
        return Err(attribute_error("the list has no shared memory"));
    };
    let segment = memory.segment()?;
    let offsets = list.state.lock().offsets.clone();
    Ok(ListView { segment, offsets })
}

fn word(segment: &Segment, at: usize) -> i64 {
    let mut bytes = [0u8; 8];
    segment.read(at, &mut bytes);
    i64::from_le_bytes(bytes)
}

impl ListView {
    /// How many items the memory says.
    fn length(&self) -> usize {
        usize::try_from(word(&self.segment, 0)).unwrap_or(0)
    }

    /// How many items it was made with.
    fn items(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    fn data(&self) -> usize {
        (self.items() + 2) * 8
    }

    fn formats(&self) -> usize {
        self.data() + self.offsets.last().copied().unwrap_or(0)
    }

    fn codes(&self) -> usize {
        self.formats() + self.items() * FORMAT
    }

    fn format(&self, place: usize) -> String {
        let mut bytes = [0u8; FORMAT];
        self.segment
            .read(self.formats() + place * FORMAT, &mut bytes);
        let text = String::from_utf8_lossy(&bytes);
        text.trim_end_matches('\0').to_owned()
    }

    /// The place that an index means.
    fn place(&self, index: i64) -> Option<usize> {
        let length = self.items() as i64;
        let index = if index < 0 { index + length } else { index };
        (0..length).contains(&index).then_some(index as usize)
    }

    fn get(&self, place: usize) -> Outcome<Value> {
        let at = self.data() + self.offsets[place];
        let format = self.format(place);
        let mut code = [0u8];
        self.segment.read(self.codes() + place, &mut code);
        match (format.as_str(), code[0]) {
            (_, 3) => Ok(Value::None),
            ("q", _) => Ok(Value::Int(word(&self.segment, at))),
            ("d", _) => Ok(Value::Float(f64::from_bits(word(&self.segment, at) as u64))),
            ("xxxxxxx?", _) => {
                let mut flag = [0u8];
                self.segment.read(at + 7, &mut flag);
                Ok(Value::Bool(flag[0] != 0))
            }
            (format, code) => {
                let room = self.offsets[place + 1].saturating_sub(self.offsets[place]);
                let length = format
                    .strip_suffix('s')
                    .and_then(|length| length.parse::<usize>().ok())
                    .filter(|length| *length <= room)
                    .ok_or_else(|| damaged(format))?;
                let mut bytes = vec![0u8; length];
                self.segment.read(at, &mut bytes);
                let end = bytes.iter().rposition(|byte| *byte != 0);
                bytes.truncate(end.map_or(0, |end| end + 1));
                match code {
                    1 => match String::from_utf8(bytes) {
                        Ok(text) => Ok(Value::str(text)),
                        Err(_) => Err(damaged("text")),
                    },
                    _ => Ok(Value::bytes(bytes)),
                }
            }
        }
    }

    fn put(&self, place: usize, item: &Item) {
        let at = self.data() + self.offsets[place];
        let room = self.offsets[place + 1] - self.offsets[place];
        match &item.data {
            // A text of less than before ends before it.
            Data::Bytes(bytes) => {
                let mut padded = bytes.clone();
                padded.resize(room, 0);
                self.segment.write(at, &padded);
            }
            Data::Word(word) => self.segment.write(at, word),
        }
        let mut format = item.format.clone().into_bytes();
        format.resize(FORMAT, 0);
        self.segment.write(self.formats() + place * FORMAT, &format);
        self.segment.write(self.codes() + place, &[item.code]);
    }
}

#[cold]
fn damaged(what: &str) -> Raised {
    value_error(format!("the list in shared memory is damaged: `{what}`"))
}

/// An item as it lies in memory.
struct Item {
    data: Data,
    format: String,
    code: u8,
}

enum Data {
    Word([u8; 8]),
    Bytes(Vec<u8>),
}

impl Item {
    fn room(&self) -> usize {
        match &self.data {
            Data::Word(_) => ALIGNMENT,
            Data::Bytes(bytes) => ALIGNMENT * (bytes.len() / ALIGNMENT + 1),
        }
    }
}

fn item(value: &Value) -> Outcome<Item> {
    let word = |word: [u8; 8], format: &str, code| Item {
        data: Data::Word(word),
        format: format.to_owned(),
        code,
    };
    let text = |bytes: Vec<u8>, code| {
        let room = ALIGNMENT * (bytes.len() / ALIGNMENT + 1);
        Item {
            data: Data::Bytes(bytes),
            format: format!("{room}s"),
            code,
        }
    };
    Ok(match value {
        Value::Int(number) => word(number.to_le_bytes(), "q", 0),
        Value::BigInt(_) => return Err(overflow_error("int too large to convert")),
        Value::Float(number) => word(number.to_le_bytes(), "d", 0),
        Value::Bool(flag) => word([0, 0, 0, 0, 0, 0, 0, u8::from(*flag)], "xxxxxxx?", 0),
        Value::None => word([0; 8], "xxxxxx?x", 3),
        other => match other.unwrapped() {
            Value::Str(string) => text(string.as_str().as_bytes().to_vec(), 1),
            Value::Bytes(bytes) => text(bytes.get().to_vec(), 2),
            _ => return Err(key_error(Value::Class(other.class().clone()))),
        },
    })
}

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const INIT: Parameters<2> =
        Parameters::method("ShareableList.__init__", ["sequence", "name"]).positional(1);
    let (own, rest) = receiver::<ShareableListObject>(args, "__init__")?;
    let [sequence, name] = INIT.bind(rest)?;
    let sequence = sequence.filter(|sequence| !sequence.is_none());
    let name = name.cloned().unwrap_or_default();
    let (memory, offsets) = match (sequence, &name) {
        (None, name) if !name.is_none() => attach(cx, name.clone())?,
        (sequence, _) => {
            let items = match sequence {
                Some(sequence) => iterate::collect(cx, sequence)?,
                None => Vec::new(),
            };
            create(cx, name, &items)?
        }
    };
    let state = State { memory, offsets };
    let old = std::mem::replace(&mut *own.state.lock(), state);
    drop(old);
    Ok(Value::None)
}

fn segment_of(memory: &Value) -> Outcome<std::sync::Arc<Segment>> {
    match SharedMemoryObject::of(memory) {
        Some(memory) => memory.segment(),
        None => Err(attribute_error("the list has no shared memory")),
    }
}

fn create(cx: &mut Context, name: Value, values: &[Value]) -> Outcome<(Value, Vec<usize>)> {
    let items = values.iter().map(item).collect::<Outcome<Vec<Item>>>()?;
    if items.iter().any(|item| item.format.len() > FORMAT) {
        return Err(assertion_error(""));
    }
    let mut offsets = vec![0];
    for item in &items {
        offsets.push(offsets[offsets.len() - 1] + item.room());
    }
    let data = offsets[items.len()];
    let size = 8 * (items.len() + 2) + data + FORMAT * items.len() + items.len();
    let memory = make(cx, name, Some(size))?;
    let view = ListView {
        segment: segment_of(&memory)?,
        offsets,
    };
    let count = items.len() as i64;
    view.segment.write(0, &count.to_le_bytes());
    for (place, offset) in view.offsets.iter().enumerate() {
        let offset = *offset as i64;
        view.segment.write(8 * (place + 1), &offset.to_le_bytes());
    }
    for (place, item) in items.iter().enumerate() {
        view.put(place, item);
    }
    Ok((memory, view.offsets))
}

fn attach(cx: &mut Context, name: Value) -> Outcome<(Value, Vec<usize>)> {
    let memory = make(cx, name, None)?;
    let segment = segment_of(&memory)?;
    let size = segment.len();
    let count = usize::try_from(word(&segment, 0))
        .ok()
        .filter(|count| count.saturating_mul(17).saturating_add(16) <= size)
        .ok_or_else(|| damaged("its length"))?;
    let mut offsets = Vec::with_capacity(count + 1);
    for place in 0..=count {
        let offset = usize::try_from(word(&segment, 8 * (place + 1)))
            .ok()
            .filter(|offset| {
                let least = offsets.last().copied().unwrap_or(0);
                *offset >= least && *offset <= size && offset.is_multiple_of(ALIGNMENT)
            })
            .ok_or_else(|| damaged("an offset"))?;
        offsets.push(offset);
    }
    let end = 8 * (count + 2) + offsets[count] + count * (FORMAT + 1);
    if end > size {
        return Err(damaged("its size"));
    }
    Ok((memory, offsets))
}

fn get_item(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [_, key] = arguments::exactly("__getitem__", args)?;
    let view = view(args)?;
    let index = arguments::integer(cx, key)?;
    match view.place(index) {
        Some(place) => view.get(place),
        None => Err(index_error("index out of range")),
    }
}

fn set_item(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [_, key, value] = arguments::exactly("__setitem__", args)?;
    let view = view(args)?;
    let index = arguments::integer(cx, key)?;
    let Some(place) = view.place(index) else {
        return Err(index_error("assignment index out of range"));
    };
    let mut item = item(value)?;
    let room = view.offsets[place + 1] - view.offsets[place];
    if let Data::Bytes(bytes) = &item.data {
        if bytes.len() > room {
            return Err(value_error("bytes/str item exceeds available storage"));
        }
        let before = view.format(place);
        item.format = match before.ends_with('s') {
            true => before,
            false => format!("{room}s"),
        };
    }
    view.put(place, &item);
    Ok(Value::None)
}

fn all(view: &ListView) -> Outcome<Vec<Value>> {
    (0..view.items()).map(|place| view.get(place)).collect()
}

fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let items = Value::list(all(&view(args)?)?);
    let items = text::repr(cx, &items)?;
    let (own, _) = receiver::<ShareableListObject>(args, "__repr__")?;
    let memory = own.memory()?;
    let name = SharedMemoryObject::of(&memory).map(SharedMemoryObject::name);
    let name = text::repr(cx, &Value::str(name.unwrap_or_default()))?;
    let class = args.values[0].type_name();
    Ok(Value::str(format!("{class}({items}, name={name})")))
}

fn count(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [_, wanted] = arguments::exactly("count", args)?;
    let mut count = 0;
    for item in all(&view(args)?)? {
        if compare::equal(cx, wanted, &item)? {
            count += 1;
        }
    }
    Ok(Value::size(count))
}

fn index(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [_, wanted] = arguments::exactly("index", args)?;
    for (place, item) in all(&view(args)?)?.iter().enumerate() {
        if compare::equal(cx, wanted, item)? {
            return Ok(Value::size(place));
        }
    }
    let shown = text::repr(cx, wanted)?;
    Err(value_error(format!("{shown} not in this container")))
}
