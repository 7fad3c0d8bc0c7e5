//! `bytearray`: bytes that can change. Each method is one step for other threads.

use std::cmp::Ordering;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use super::byte_methods::{self, ByteKind, NO_BYTE, byte};
use super::construct::class_argument;
use crate::eval::context::Context;
use crate::library::{arguments, define};
use crate::runtime::clock::Deadline;
use crate::runtime::world;
use crate::value::buffer::{ByteArray, BytesLike, byte_array};
use crate::value::exception::{
    ExceptionKind, Raised, index_error, overflow_error, type_error, value_error,
};
use crate::value::function::Args;
use crate::value::instance::{Instance, Payload};
use crate::value::iterator::{Iterate, NativeIterator};
use crate::value::name::Name;
use crate::value::operator::Comparison;
use crate::value::scalar::Slice;
use crate::value::sequence::{self, sliced};
use crate::value::types::types;
use crate::value::{Outcome, Value, iterate, percent, reclaim, room};

struct ByteArrayMethods;

impl ByteKind for ByteArrayMethods {
    const CLASS: &'static str = "bytearray";

    #[inline]
    fn get(value: &Value) -> Option<BytesLike> {
        byte_array(value).map(|array| BytesLike::Copied(array.snapshot()))
    }

    fn make(bytes: Vec<u8>) -> Value {
        value(bytes)
    }
}

/// A new `bytearray`.
pub fn value(bytes: Vec<u8>) -> Value {
    Value::Instance(Instance::new(
        types().bytearray.clone(),
        Payload::Native(Box::new(ByteArray::new(bytes))),
    ))
}

/// Puts the methods of `bytearray` into its class.
pub fn install() {
    let class = &types().bytearray;
    byte_methods::install::<ByteArrayMethods>(class);
    define::static_methods(class, &[("__new__", new)]);
    class.set(Name::new("__hash__"), Value::None);
    define::methods(
        class,
        &[
            ("__init__", init),
            ("__len__", len),
            ("__getitem__", get_item),
            ("__setitem__", set_item),
            ("__delitem__", delete_item),
            ("__contains__", contains),
            ("__iter__", iter),
            ("__repr__", repr),
            ("__str__", repr),
            ("__add__", add),
            ("__iadd__", in_place_add),
            ("__mul__", multiply),
            ("__rmul__", multiply),
            ("__imul__", in_place_multiply),
            ("__mod__", modulo),
            ("__eq__", |cx, args| compare(cx, args, Comparison::Equal)),
            ("__ne__", |cx, args| compare(cx, args, Comparison::NotEqual)),
            ("__lt__", |cx, args| compare(cx, args, Comparison::Less)),
            ("__le__", |cx, args| {
                compare(cx, args, Comparison::LessEqual)
            }),
            ("__gt__", |cx, args| compare(cx, args, Comparison::Greater)),
            ("__ge__", |cx, args| {
                compare(cx, args, Comparison::GreaterEqual)
            }),
            ("append", append),
            ("clear", clear),
            ("copy", copy),
            ("extend", extend),
            ("insert", insert),
            ("pop", pop),
            ("remove", remove),
            ("reverse", reverse),
        ],
    );
}

#[inline]
fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a ByteArray, Args<'a>)> {
    match args.positional().first().and_then(byte_array) {
        Some(array) => Ok((array, args.rest())),
        None => Err(arguments::bad_receiver("bytearray", method, args)),
    }
}

/// How long a change of the length waits for views that are about to go.
const PATIENCE: Duration = Duration::from_millis(20);

#[cold]
fn has_views() -> Raised {
    Raised::new(
        ExceptionKind::BufferError,
        "Existing exports of data: object cannot be re-sized",
    )
}

/// Changes the bytes and perhaps their number.
fn change<R>(cx: &Context, array: &ByteArray, work: impl FnOnce(&mut Vec<u8>) -> R) -> Outcome<R> {
    if array.has_views() && world::is_shared() {
        await_end_of_views(cx, array);
    }
    array.resize(work).ok_or_else(has_views)
}

/// With several threads an object goes a moment after the last reference to it went; views that
/// nobody has any more are to be no hindrance.
#[cold]
fn await_end_of_views(cx: &Context, array: &ByteArray) {
    let end = Deadline::after(PATIENCE);
    while array.has_views() && !end.has_passed() {
        reclaim::expedite();
        cx.thread.detached(std::thread::yield_now);
        reclaim::collect();
    }
}

fn new(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, _) = class_argument(&types().bytearray, args)?;
    Ok(Value::Instance(Instance::new(
        class.clone(),
        Payload::Native(Box::new(ByteArray::default())),
    )))
}

const BYTEARRAY: arguments::Signature<3> =
    arguments::Signature::new("bytearray", ["source", "encoding", "errors"]);

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (array, args) = this(args, "__init__")?;
    let bytes = byte_methods::construct::<ByteArrayMethods>(cx, args, &BYTEARRAY)?;
    change(cx, array, |old| *old = bytes)?;
    Ok(Value::None)
}

fn len(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (array, args) = this(args, "__len__")?;
    arguments::none("bytearray.__len__", args)?;
    Ok(Value::size(array.len()))
}

/// An index or a slice.
enum Key<'a> {
    Index(i64),
    Slice(&'a Slice),
}

fn key<'a>(cx: &mut Context, value: &'a Value) -> Outcome<Key<'a>> {
    match value.unwrapped() {
        Value::Int(index) => Ok(Key::Index(*index)),
        Value::Slice(slice) => Ok(Key::Slice(slice)),
        _ => match sequence::try_index(cx, value)? {
            Some(_) => Ok(Key::Index(sequence::index(cx, value)?)),
            None => Err(type_error(format!(
                "bytearray indices must be integers or slices, not {}",
                value.type_name()
            ))),
        },
    }
}

#[cold]
fn out_of_range() -> Raised {
    index_error("bytearray index out of range")
}

fn get_item(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (array, args) = this(args, "__getitem__")?;
    match key(cx, arguments::one("bytearray.__getitem__", args)?)? {
        Key::Index(index) => array
            .with(|bytes| {
                sequence::place(index, bytes.len()).map(|place| Value::Int(bytes[place].into()))
            })
            .ok_or_else(out_of_range),
        Key::Slice(slice) => {
            let bounds = slice.bounds(cx)?;
            let part = array.with(|bytes| sliced(bytes, bounds.indices(bytes.len())))?;
            Ok(value(part))
        }
    }
}

fn set_item(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (array, args) = this(args, "__setitem__")?;
    let [item, new] = arguments::exactly("__setitem__", args)?;
    match key(cx, item)? {
        Key::Index(index) => {
            let byte = byte(cx, new, NO_BYTE)?;
            array
                .with(|bytes| {
                    let place = sequence::place(index, bytes.len())?;
                    bytes[place] = byte;
                    Some(())
                })
                .ok_or_else(out_of_range)?;
        }
        Key::Slice(slice) => {
            let bounds = slice.bounds(cx)?;
            let new = replacement(cx, new)?;
            set_slice(cx, array, bounds, &new)?;
        }
    }
    Ok(Value::None)
}

/// The bytes that are assigned to a slice.
fn replacement(cx: &mut Context, new: &Value) -> Outcome<Vec<u8>> {
    if let Some(bytes) = BytesLike::of(new) {
        return Ok(bytes.into_vec());
    }
    let message = "can assign only bytes, buffers, or iterables of ints in range(0, 256)";
    if matches!(
        new.unwrapped(),
        Value::Str(_) | Value::Int(_) | Value::BigInt(_) | Value::Bool(_)
    ) {
        return Err(type_error(message));
    }
    let items = iterate::collect_or(cx, new, message)?;
    items.iter().map(|item| byte(cx, item, NO_BYTE)).collect()
}

fn set_slice(cx: &Context, array: &ByteArray, bounds: sequence::Bounds, new: &[u8]) -> Outcome<()> {
    // Replacing as many bytes as there are is allowed with views; everything else is not.
    let done = array.with(|bytes| {
        let indices = bounds.indices(bytes.len());
        if indices.count != new.len() {
            return false;
        }
        for (place, &byte) in indices.places().zip(new) {
            bytes[place] = byte;
        }
        true
    });
    if done {
        return Ok(());
    }
    change(cx, array, |bytes| {
        let indices = bounds.indices(bytes.len());
        if let Some(range) = indices.range() {
            room::for_more(bytes, new.len())?;
            bytes.splice(range, new.iter().copied());
            Ok(())
        } else if new.is_empty() {
            remove_places(bytes, indices);
            Ok(())
        } else {
            Err(value_error(format!(
                "attempt to assign bytes of size {} to extended slice of size {}",
                new.len(),
                indices.count
            )))
        }
    })?
}

fn remove_places(bytes: &mut Vec<u8>, indices: sequence::Indices) {
    let mut places: Vec<usize> = indices.places().collect();
    places.sort_unstable();
    let mut next = places.into_iter().peekable();
    let mut place = 0;
    bytes.retain(|_| {
        let gone = next.next_if_eq(&place).is_some();
        place += 1;
        !gone
    });
}

fn delete_item(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (array, args) = this(args, "__delitem__")?;
    match key(cx, arguments::one("bytearray.__delitem__", args)?)? {
        Key::Index(index) => change(cx, array, |bytes| {
            sequence::place(index, bytes.len()).map(|place| bytes.remove(place))
        })?
        .map(|_| Value::None)
        .ok_or_else(out_of_range),
        Key::Slice(slice) => {
            let bounds = slice.bounds(cx)?;
            change(cx, array, |bytes| {
                let indices = bounds.indices(bytes.len());
                match indices.range() {
                    Some(range) => drop(bytes.drain(range)),
                    None => remove_places(bytes, indices),
                }
            })?;
            Ok(Value::None)
        }
    }
}

fn contains(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (array, args) = this(args, "__contains__")?;
    let item = arguments::one("bytearray.__contains__", args)?;
    sequence::bytes_contain(cx, &array.snapshot(), item).map(Value::Bool)
}

/// Iterates over whatever the bytes are at each step.
struct ByteArrayIterator {
    array: Value,
    next: AtomicUsize,
}

impl Iterate for ByteArrayIterator {
    fn next(&self, _: &mut Context) -> Outcome<Option<Value>> {
        use std::sync::atomic::Ordering::Relaxed;
        let Some(array) = byte_array(&self.array) else {
            return Ok(None);
        };
        let item = array.with(|bytes| {
            let place = self.next.load(Relaxed);
            let byte = *bytes.get(place)?;
            // Under the array's lock: each byte is given once.
            self.next.store(place + 1, Relaxed);
            Some(Value::Int(byte.into()))
        });
        if item.is_none() {
            self.next.store(usize::MAX, Relaxed);
        }
        Ok(item)
    }

    fn type_name(&self) -> &'static str {
        "bytearray_iterator"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.array);
    }
}

fn iter(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, rest) = this(args, "__iter__")?;
    arguments::none("bytearray.__iter__", rest)?;
    Ok(NativeIterator::value(ByteArrayIterator {
        array: args.values[0].clone(),
        next: AtomicUsize::new(0),
    }))
}

fn repr(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (array, rest) = this(args, "__repr__")?;
    arguments::none("bytearray.__repr__", rest)?;
    let class = args.values[0].type_name();
    Ok(Value::from(format!(
        "{class}(b{})",
        quoted(&array.snapshot())
    )))
}

/// Bytes as a literal shows them. A `bytearray` escapes the single quote always, a `bytes` only
/// where it would end the literal.
fn quoted(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        '"'
    } else {
        '\''
    };
    let mut text = String::with_capacity(bytes.len() + 2);
    text.push(quote);
    for &byte in bytes {
        match byte {
            b'\'' => text.push_str("\\'"),
            b'\\' => text.push_str("\\\\"),
            b'\t' => text.push_str("\\t"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                // Writing to a `String` cannot fail.
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text.push(quote);
    text
}

fn compare(_: &mut Context, args: Args<'_>, comparison: Comparison) -> Outcome<Value> {
    let (array, args) = this(args, "__eq__")?;
    let other = arguments::one("bytearray.__eq__", args)?;
    let Some(other) = BytesLike::of(other) else {
        return Ok(Value::NotImplemented);
    };
    let ordering: Ordering = array.with(|bytes| (*bytes).cmp(&other));
    Ok(Value::Bool(comparison.holds(ordering)))
}

fn add(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (array, rest) = this(args, "__add__")?;
    let other = arguments::one("bytearray.__add__", rest)?;
    let Some(more) = BytesLike::of(other) else {
        return Err(cannot_concatenate(other, &args.values[0]));
    };
    let own = array.snapshot();
    room::joined(&own, &more).map(value)
}

#[cold]
fn cannot_concatenate(other: &Value, own: &Value) -> Raised {
    type_error(format!(
        "can't concat {} to {}",
        other.type_name(),
        own.type_name()
    ))
}

fn in_place_add(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (array, rest) = this(args, "__iadd__")?;
    let other = arguments::one("bytearray.__iadd__", rest)?;
    let Some(more) = BytesLike::of(other) else {
        return Err(cannot_concatenate(other, &args.values[0]));
    };
    change(cx, array, |bytes| room::append(bytes, &more))??;
    Ok(args.values[0].clone())
}

/// How often; `None` for what is no integer.
fn times(cx: &mut Context, value: &Value) -> Outcome<Option<usize>> {
    match sequence::try_index(cx, value)? {
        Some(Value::Int(count)) => Ok(Some(usize::try_from(count).unwrap_or(0))),
        Some(_) => Err(overflow_error(
            "cannot fit 'int' into an index-sized integer",
        )),
        None => Ok(None),
    }
}

fn repeated(own: &[u8], count: usize) -> Outcome<Vec<u8>> {
    let mut result = room::with_room(own.len().saturating_mul(count))?;
    for _ in 0..if own.is_empty() { 0 } else { count } {
        result.extend_from_slice(own);
    }
    Ok(result)
}

fn multiply(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (array, args) = this(args, "__mul__")?;
    let other = arguments::one("bytearray.__mul__", args)?;
    match times(cx, other)? {
        Some(count) => repeated(&array.snapshot(), count).map(value),
        None => Ok(Value::NotImplemented),
    }
}

#[cold]
fn cannot_multiply(other: &Value) -> Raised {
    type_error(format!(
        "can't multiply sequence by non-int of type '{}'",
        other.type_name()
    ))
}

fn in_place_multiply(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (array, rest) = this(args, "__imul__")?;
    let other = arguments::one("bytearray.__imul__", rest)?;
    let Some(count) = times(cx, other)? else {
        return Err(cannot_multiply(other));
    };
    change(cx, array, |bytes| {
        let repeated = repeated(bytes, count)?;
        *bytes = repeated;
        Ok(())
    })??;
    Ok(args.values[0].clone())
}

fn modulo(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (array, args) = this(args, "__mod__")?;
    let other = arguments::one("bytearray.__mod__", args)?;
    percent::percent_bytes(cx, &array.snapshot(), other).map(value)
}

fn append(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (array, args) = this(args, "append")?;
    let byte = byte(cx, arguments::one("bytearray.append", args)?, NO_BYTE)?;
    change(cx, array, |bytes| room::push(bytes, byte))??;
    Ok(Value::None)
}

fn clear(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (array, args) = this(args, "clear")?;
    arguments::none("bytearray.clear", args)?;
    change(cx, array, Vec::clear)?;
    Ok(Value::None)
}

fn copy(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (array, args) = this(args, "copy")?;
    arguments::none("bytearray.copy", args)?;
    Ok(value(array.snapshot()))
}

fn extend(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (array, args) = this(args, "extend")?;
    let source = arguments::one("bytearray.extend", args)?;
    let more = match BytesLike::of(source) {
        Some(bytes) => bytes.into_vec(),
        None if matches!(source.unwrapped(), Value::Str(_)) => {
            return Err(type_error(format!(
                "expected iterable of integers; got: '{}'",
                source.type_name()
            )));
        }
        None => {
            let message = format!("can't extend bytearray with {}", source.type_name());
            let items = iterate::collect_or(cx, source, &message)?;
            let bytes: Outcome<Vec<u8>> =
                items.iter().map(|item| byte(cx, item, NO_BYTE)).collect();
            bytes?
        }
    };
    change(cx, array, |bytes| room::append(bytes, &more))??;
    Ok(Value::None)
}

fn insert(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (array, args) = this(args, "insert")?;
    let [index, item] = arguments::exactly("insert", args)?;
    let index = arguments::integer(cx, index)?;
    let byte = byte(cx, item, NO_BYTE)?;
    change(cx, array, |bytes| {
        let place = if index < 0 {
            bytes.len().saturating_add_signed(index as isize)
        } else {
            usize::try_from(index)
                .unwrap_or(usize::MAX)
                .min(bytes.len())
        };
        room::for_more(bytes, 1)?;
        bytes.insert(place, byte);
        Ok(())
    })??;
    Ok(Value::None)
}

fn pop(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (array, args) = this(args, "pop")?;
    let index = match arguments::between("pop", args, 0, 1)?.first() {
        Some(index) => arguments::integer(cx, index)?,
        None => -1,
    };
    change(cx, array, |bytes| {
        if bytes.is_empty() {
            return Err(index_error("pop from empty bytearray"));
        }
        match sequence::place(index, bytes.len()) {
            Some(place) => Ok(Value::Int(bytes.remove(place).into())),
            None => Err(index_error("pop index out of range")),
        }
    })?
}

fn remove(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (array, args) = this(args, "remove")?;
    let byte = byte(cx, arguments::one("bytearray.remove", args)?, NO_BYTE)?;
    change(cx, array, |bytes| match memchr::memchr(byte, bytes) {
        Some(place) => {
            bytes.remove(place);
            Ok(Value::None)
        }
        None => Err(value_error("value not found in bytearray")),
    })?
}

fn reverse(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (array, args) = this(args, "reverse")?;
    arguments::none("bytearray.reverse", args)?;
    array.with(<[u8]>::reverse);
    Ok(Value::None)
}
