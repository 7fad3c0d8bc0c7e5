//! The iterators of the built-in containers. It must not know who asks them.
//!
//! Several threads may ask one iterator at once: each item is given to one of them. Iterators keep
//! no lock while they look into their container; they take their place in it with one atomic step.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::exception::{ExceptionKind, runtime_error};
use super::iterate::end_at_stop;
use super::iterator::{Iterate, NativeIterator};
use super::list::List;
use super::object::Ref;
use super::scalar::Bytes;
use super::sequence::character;
use super::set::Set;
use super::string::Str;
use super::tuple::Tuple;
use super::view::Part;
use super::{Dict, Outcome, Value};
use crate::eval::context::Context;
use crate::runtime::world;

/// Beyond the places of any container: an iterator that stands here has ended.
const ENDED: usize = usize::MAX / 2;

/// Where an iterator over places 0, 1, 2, … stands.
#[derive(Default)]
pub struct Place(AtomicUsize);

impl Place {
    /// Starting from there.
    pub fn new(place: usize) -> Place {
        Place(AtomicUsize::new(place))
    }

    /// Takes the next place; no two threads get the same one.
    #[inline(always)]
    pub fn take(&self) -> usize {
        if world::is_shared() {
            self.0.fetch_add(1, Ordering::Relaxed)
        } else {
            let place = self.0.load(Ordering::Relaxed);
            self.0.store(place + 1, Ordering::Relaxed);
            place
        }
    }

    /// The next place, not taken.
    pub fn peek(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Ends the iteration for good.
    #[cold]
    pub fn end(&self) {
        self.0.store(ENDED, Ordering::Relaxed);
    }

    fn left(&self, length: usize) -> Option<usize> {
        Some(length.saturating_sub(self.peek()))
    }
}

/// Where an iterator stands that learns its next position from the container.
#[derive(Default)]
struct Cursor(AtomicUsize);

impl Cursor {
    /// Looks from the present position and moves on; starts over if another thread was faster.
    #[inline(always)]
    fn step<T>(&self, look: impl Fn(&mut usize) -> Option<T>) -> Option<T> {
        loop {
            let position = self.0.load(Ordering::Relaxed);
            let mut next = position;
            let found = look(&mut next);
            if !world::is_shared() {
                self.0.store(next, Ordering::Relaxed);
                return found;
            }
            let moved =
                self.0
                    .compare_exchange(position, next, Ordering::Relaxed, Ordering::Relaxed);
            if moved.is_ok() {
                return found;
            }
        }
    }
}

/// An iterator over a container of a built-in type, `None` for any other value.
pub fn over(value: &Value) -> Option<Value> {
    Some(match value {
        Value::List(list) => NativeIterator::value(ListIterator {
            list: list.clone(),
            place: Place::default(),
        }),
        Value::Tuple(tuple) => NativeIterator::value(TupleIterator {
            tuple: tuple.clone(),
            place: Place::default(),
        }),
        Value::Range(range) => NativeIterator::value(RangeIterator {
            start: range.start,
            step: range.step,
            length: range.len(),
            place: Place::default(),
        }),
        Value::Dict(dict) => dict_iterator(dict, Part::Keys),
        Value::Str(text) => NativeIterator::value(StrIterator {
            text: text.clone(),
            offset: Cursor::default(),
        }),
        Value::Set(set) | Value::FrozenSet(set) => NativeIterator::value(SetIterator {
            size: set.len(),
            set: set.clone(),
            position: Cursor::default(),
        }),
        Value::Bytes(bytes) => NativeIterator::value(BytesIterator {
            bytes: bytes.clone(),
            place: Place::default(),
        }),
        _ => return None,
    })
}

/// Over a list.
struct ListIterator {
    list: Ref<List>,
    place: Place,
}

impl Iterate for ListIterator {
    #[inline]
    fn next(&self, _: &mut Context) -> Outcome<Option<Value>> {
        let item = self.list.get(self.place.take());
        if item.is_none() {
            self.place.end();
        }
        Ok(item)
    }

    fn type_name(&self) -> &'static str {
        "list_iterator"
    }

    fn length_hint(&self) -> Option<usize> {
        self.place.left(self.list.len())
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&Value::List(self.list.clone()));
    }
}

/// Over a list, from its end.
struct ListReverseIterator {
    list: Ref<List>,
    /// How many items are before the position.
    left: Cursor,
}

impl Iterate for ListReverseIterator {
    fn next(&self, _: &mut Context) -> Outcome<Option<Value>> {
        let left = self.left.step(|left| {
            *left = left.checked_sub(1)?;
            Some(*left)
        });
        let item = left.and_then(|left| self.list.get(left));
        if item.is_none() {
            self.left.0.store(0, Ordering::Relaxed);
        }
        Ok(item)
    }

    fn type_name(&self) -> &'static str {
        "list_reverseiterator"
    }

    fn length_hint(&self) -> Option<usize> {
        let left = self.left.0.load(Ordering::Relaxed);
        Some(if left > self.list.len() { 0 } else { left })
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&Value::List(self.list.clone()));
    }
}

/// An iterator over a list from its end.
pub fn list_reversed(list: &Ref<List>) -> Value {
    NativeIterator::value(ListReverseIterator {
        left: Cursor(AtomicUsize::new(list.len())),
        list: list.clone(),
    })
}

/// Over a tuple.
struct TupleIterator {
    tuple: Ref<Tuple>,
    place: Place,
}

impl Iterate for TupleIterator {
    #[inline]
    fn next(&self, _: &mut Context) -> Outcome<Option<Value>> {
        Ok(self.tuple.items().get(self.place.take()).cloned())
    }

    fn type_name(&self) -> &'static str {
        "tuple_iterator"
    }

    fn length_hint(&self) -> Option<usize> {
        self.place.left(self.tuple.items().len())
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&Value::Tuple(self.tuple.clone()));
    }
}

/// Over a range.
struct RangeIterator {
    start: i64,
    step: i64,
    length: usize,
    place: Place,
}

impl Iterate for RangeIterator {
    #[inline]
    fn next(&self, _: &mut Context) -> Outcome<Option<Value>> {
        let place = self.place.take();
        if place >= self.length {
            self.place.end();
            return Ok(None);
        }
        // Within the bounds, which fit 64 bits.
        let distance = (place as i64).wrapping_mul(self.step);
        Ok(Some(Value::Int(self.start.wrapping_add(distance))))
    }

    fn type_name(&self) -> &'static str {
        "range_iterator"
    }

    fn length_hint(&self) -> Option<usize> {
        self.place.left(self.length)
    }
}

/// Over the characters of a string.
struct StrIterator {
    text: Ref<Str>,
    /// In bytes.
    offset: Cursor,
}

impl Iterate for StrIterator {
    fn next(&self, _: &mut Context) -> Outcome<Option<Value>> {
        let text = self.text.as_str();
        Ok(self
            .offset
            .step(|offset| {
                let found = match text.as_bytes().get(*offset) {
                    Some(&byte) if byte < 0x80 => char::from(byte),
                    _ => text[*offset..].chars().next()?,
                };
                *offset += found.len_utf8();
                Some(found)
            })
            .map(character))
    }

    fn type_name(&self) -> &'static str {
        if self.text.is_ascii() {
            "str_ascii_iterator"
        } else {
            "str_iterator"
        }
    }

    fn length_hint(&self) -> Option<usize> {
        let offset = self.offset.0.load(Ordering::Relaxed);
        Some(self.text.as_str()[offset..].chars().count())
    }
}

/// Over the integers of a `bytes`.
struct BytesIterator {
    bytes: Ref<Bytes>,
    place: Place,
}

impl Iterate for BytesIterator {
    fn next(&self, _: &mut Context) -> Outcome<Option<Value>> {
        let byte = self.bytes.get().get(self.place.take());
        Ok(byte.map(|&byte| Value::Int(i64::from(byte))))
    }

    fn type_name(&self) -> &'static str {
        "bytes_iterator"
    }

    fn length_hint(&self) -> Option<usize> {
        self.place.left(self.bytes.get().len())
    }
}

/// Over a set.
struct SetIterator {
    set: Ref<Set>,
    /// At the start.
    size: usize,
    position: Cursor,
}

impl Iterate for SetIterator {
    fn next(&self, _: &mut Context) -> Outcome<Option<Value>> {
        if self.set.len() != self.size {
            return Err(runtime_error("Set changed size during iteration"));
        }
        Ok(self.position.step(|position| self.set.item_at(position)))
    }

    fn type_name(&self) -> &'static str {
        "set_iterator"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&Value::Set(self.set.clone()));
    }
}

/// Over a dict.
struct DictIterator {
    dict: Ref<Dict>,
    part: Part,
    /// At the start.
    size: usize,
    position: Cursor,
    /// How many entries it gave.
    given: Place,
    ended: AtomicBool,
}

/// An iterator over a dict.
pub fn dict_iterator(dict: &Ref<Dict>, part: Part) -> Value {
    NativeIterator::value(DictIterator {
        size: dict.size_version(),
        dict: dict.clone(),
        part,
        position: Cursor::default(),
        given: Place::default(),
        ended: AtomicBool::new(false),
    })
}

impl DictIterator {
    /// Looks for what is next; `look` gives it.
    #[inline(always)]
    fn step<T>(&self, look: impl Fn(&Dict, &mut usize) -> Option<T>) -> Outcome<Option<T>> {
        if self.ended.load(Ordering::Relaxed) {
            return Ok(None);
        }
        if self.dict.size_version() != self.size {
            return Err(runtime_error("dictionary changed size during iteration"));
        }
        let found = self.position.step(|position| look(&self.dict, position));
        if found.is_none() {
            self.ended.store(true, Ordering::Relaxed);
        } else if self.given.take() >= self.size {
            self.ended.store(true, Ordering::Relaxed);
            return Err(runtime_error("dictionary keys changed during iteration"));
        }
        Ok(found)
    }
}

impl Iterate for DictIterator {
    fn next(&self, _: &mut Context) -> Outcome<Option<Value>> {
        match self.part {
            Part::Keys => self.step(|dict, position| dict.key_at(position)),
            Part::Values => self.step(|dict, position| dict.value_at(position)),
            Part::Items => self.step(|dict, position| {
                let (key, value) = dict.entry_at(position)?;
                Some(Value::tuple_of([key, value]))
            }),
        }
    }

    fn gives_pairs(&self) -> bool {
        self.part == Part::Items
    }

    fn next_pair(&self, _: &mut Context) -> Outcome<Option<(Value, Value)>> {
        self.step(|dict, position| dict.entry_at(position))
    }

    fn type_name(&self) -> &'static str {
        match self.part {
            Part::Keys => "dict_keyiterator",
            Part::Values => "dict_valueiterator",
            Part::Items => "dict_itemiterator",
        }
    }

    fn length_hint(&self) -> Option<usize> {
        self.given.left(self.size)
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&Value::Dict(self.dict.clone()));
    }
}

/// Over a dict, from its end.
struct DictReverseIterator {
    dict: Ref<Dict>,
    part: Part,
    size: usize,
    /// What `Dict::entry_before` asks for.
    position: Cursor,
}

/// An iterator over a dict from its end.
pub fn dict_reversed(dict: &Ref<Dict>, part: Part) -> Value {
    NativeIterator::value(DictReverseIterator {
        size: dict.size_version(),
        dict: dict.clone(),
        part,
        position: Cursor(AtomicUsize::new(usize::MAX)),
    })
}

impl Iterate for DictReverseIterator {
    fn next(&self, _: &mut Context) -> Outcome<Option<Value>> {
        if self.dict.size_version() != self.size {
            return Err(runtime_error("dictionary changed size during iteration"));
        }
        let found = self
            .position
            .step(|position| self.dict.entry_before(position));
        Ok(found.map(|(key, value)| match self.part {
            Part::Keys => key,
            Part::Values => value,
            Part::Items => Value::tuple_of([key, value]),
        }))
    }

    fn type_name(&self) -> &'static str {
        match self.part {
            Part::Keys => "dict_reversekeyiterator",
            Part::Values => "dict_reversevalueiterator",
            Part::Items => "dict_reverseitemiterator",
        }
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&Value::Dict(self.dict.clone()));
    }
}

/// Over an object that only has `__getitem__`: asks for 0, 1, 2, … until `IndexError`.
struct ItemIterator {
    object: Value,
    place: Place,
}

/// An iterator over an object that only has `__getitem__`.
pub fn item_iterator(object: Value) -> Value {
    NativeIterator::value(ItemIterator {
        object,
        place: Place::default(),
    })
}

impl Iterate for ItemIterator {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        let place = self.place.take();
        if place >= ENDED {
            self.place.end();
            return Ok(None);
        }
        match super::sequence::get_item(cx, &self.object, &Value::size(place)) {
            Ok(item) => Ok(Some(item)),
            Err(raised)
                if raised.is(ExceptionKind::IndexError)
                    || raised.is(ExceptionKind::StopIteration) =>
            {
                self.place.end();
                Ok(None)
            }
            Err(raised) => Err(raised),
        }
    }

    fn type_name(&self) -> &'static str {
        "iterator"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.object);
    }
}

/// Calls something until it returns the sentinel: `iter(callable, sentinel)`.
struct CallIterator {
    callable: Value,
    sentinel: Value,
    ended: AtomicBool,
}

/// The iterator that `iter(callable, sentinel)` gives.
pub fn call_iterator(callable: Value, sentinel: Value) -> Value {
    NativeIterator::value(CallIterator {
        callable,
        sentinel,
        ended: AtomicBool::new(false),
    })
}

impl Iterate for CallIterator {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        if self.ended.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let item = end_at_stop(cx.call(&self.callable, &[]))?;
        if let Some(item) = item
            && !super::compare::identical_or_equal(cx, &self.sentinel, &item)?
        {
            return Ok(Some(item));
        }
        self.ended.store(true, Ordering::Relaxed);
        Ok(None)
    }

    fn type_name(&self) -> &'static str {
        "callable_iterator"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.callable);
        visit(&self.sentinel);
    }
}
