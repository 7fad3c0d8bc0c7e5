//! Bytes to values. Treats its input as hostile: every length is checked against what is left,
//! nesting is bounded, and nothing is believed. It must not know who sent it.

use std::os::fd::OwnedFd;

use num_bigint::BigInt;

use super::decode_code::learn;
use super::encode::{find_named, module_of};
use super::programs::Programs;
use super::reduction::{complete, set_state};
use super::*;
use crate::eval::attribute;
use crate::value::class::Definition;
use crate::value::exception::{ExceptionData, ExceptionKind, Raised, runtime_error, value_error};
use crate::value::function::{BoundMethod, Cell};
use crate::value::instance::{Instance, Payload};
use crate::value::list::List;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::scalar::{RangeObject, Slice};
use crate::value::{Dict, Set};

/// The value of a message.
///
/// # Errors
/// `ValueError` when the bytes are no message, `RuntimeError` when they refer to something that
/// this process lacks, or whatever `__setstate__` and the like raise.
pub fn decode(cx: &mut Context, bytes: &[u8]) -> Outcome<Value> {
    decode_with(cx, bytes, Vec::new())
}

/// The same of one that came with descriptors beside it.
///
/// # Errors
/// As `decode`.
pub fn decode_with(cx: &mut Context, bytes: &[u8], descriptors: Vec<OwnedFd>) -> Outcome<Value> {
    let mut decoder = Decoder {
        rest: bytes,
        seen: Vec::new(),
        lowest: usize::MAX,
        depth: 0,
        descriptors: descriptors.into_iter().map(Some).collect(),
    };
    if decoder.byte()? != VERSION {
        return Err(damaged("its version"));
    }
    let value = decoder.value(cx)?;
    if !decoder.rest.is_empty() {
        return Err(damaged("its end"));
    }
    Ok(value)
}

/// How deep values may nest in a message.
const DEPTH: u32 = 100_000;

pub(super) struct Decoder<'a> {
    pub(super) rest: &'a [u8],
    pub(super) seen: Vec<Value>,
    /// The lowest number that something referred back to.
    pub(super) lowest: usize,
    pub(super) depth: u32,
    /// What came beside the message and is not taken yet.
    pub(super) descriptors: Vec<Option<OwnedFd>>,
}

const DAMAGED: &str = "a message is damaged: ";

#[cold]
pub(super) fn damaged(what: &str) -> Raised {
    value_error(format!("{DAMAGED}{what} is not as it should be"))
}

/// Whether an error of `decode` says that the bytes are no message.
pub fn is_damage(raised: &Raised) -> bool {
    raised.is(ExceptionKind::ValueError)
        && raised.data().is_some_and(|data| {
            let args = data.args();
            let text = args.first().and_then(Value::as_str);
            text.is_some_and(|text| text.starts_with(DAMAGED))
        })
}

impl<'a> Decoder<'a> {
    pub(super) fn byte(&mut self) -> Outcome<u8> {
        let (&first, rest) = self
            .rest
            .split_first()
            .ok_or_else(|| damaged("its length"))?;
        self.rest = rest;
        Ok(first)
    }

    fn take(&mut self, count: usize) -> Outcome<&'a [u8]> {
        if count > self.rest.len() {
            return Err(damaged("a length"));
        }
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn number(&mut self) -> Outcome<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(damaged("a number"))
    }

    fn signed(&mut self) -> Outcome<i64> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// A count of things that take at least `least` bytes each.
    pub(super) fn count(&mut self, least: usize) -> Outcome<usize> {
        let count = usize::try_from(self.number()?).map_err(|_| damaged("a count"))?;
        if count.saturating_mul(least) > self.rest.len() {
            return Err(damaged("a count"));
        }
        Ok(count)
    }

    fn raw(&mut self) -> Outcome<&'a [u8]> {
        let count = self.count(1)?;
        self.take(count)
    }

    pub(super) fn text(&mut self) -> Outcome<&'a str> {
        std::str::from_utf8(self.raw()?).map_err(|_| damaged("a text"))
    }

    fn float(&mut self) -> Outcome<f64> {
        let bytes = self.take(8)?;
        let bytes = bytes.try_into().map_err(|_| damaged("a float"))?;
        Ok(f64::from_le_bytes(bytes))
    }

    fn hash(&mut self) -> Outcome<[u8; 32]> {
        self.take(32)?.try_into().map_err(|_| damaged("a hash"))
    }

    pub(super) fn definition(&mut self) -> Outcome<Definition> {
        let program = self.hash()?;
        let node = u32::try_from(self.number()?).map_err(|_| damaged("a definition"))?;
        Ok(Definition { program, node })
    }

    /// Takes the next number for something that is not there yet.
    pub(super) fn reserve(&mut self) -> usize {
        self.seen.push(Value::Unbound);
        self.seen.len() - 1
    }

    pub(super) fn values(&mut self, cx: &mut Context) -> Outcome<Vec<Value>> {
        let count = self.count(1)?;
        let mut values = Vec::with_capacity(count.min(4096));
        for _ in 0..count {
            values.push(self.value(cx)?);
        }
        Ok(values)
    }

    pub(super) fn value(&mut self, cx: &mut Context) -> Outcome<Value> {
        let tag = self.byte()?;
        Ok(match tag {
            NONE => Value::None,
            TRUE => Value::Bool(true),
            FALSE => Value::Bool(false),
            ELLIPSIS => Value::Ellipsis,
            NOT_IMPLEMENTED => Value::NotImplemented,
            INT => Value::Int(self.signed()?),
            FLOAT => Value::Float(self.float()?),
            STR => Value::str(self.text()?),
            BIG_INT => Value::integer(BigInt::from_signed_bytes_le(self.raw()?)),
            BYTES => Value::bytes(self.raw()?),
            _ => {
                cx.check_stack(" while unpickling an object")?;
                self.depth += 1;
                if self.depth > DEPTH {
                    return Err(damaged("its nesting"));
                }
                let value = self.object(cx, tag)?;
                self.depth -= 1;
                value
            }
        })
    }

    fn object(&mut self, cx: &mut Context, tag: u8) -> Outcome<Value> {
        match tag {
            REFERENCE => {
                let number = usize::try_from(self.number()?).unwrap_or(usize::MAX);
                self.lowest = self.lowest.min(number);
                match self.seen.get(number) {
                    Some(value) if !value.is_unbound() => Ok(value.clone()),
                    _ => Err(damaged("a reference")),
                }
            }
            TUPLE => {
                let items = self.values(cx)?;
                let tuple = Value::tuple(items);
                self.seen.push(tuple.clone());
                Ok(tuple)
            }
            LIST => {
                let list = Ref::new(List::new(Vec::new()));
                self.seen.push(Value::List(list.clone()));
                let count = self.count(1)?;
                for _ in 0..count {
                    let item = self.value(cx)?;
                    list.push(item);
                }
                Ok(Value::List(list))
            }
            INTS => {
                let count = self.count(1)?;
                let mut items = Vec::with_capacity(count);
                for _ in 0..count {
                    items.push(Value::Int(self.signed()?));
                }
                let list = Value::list(items);
                self.seen.push(list.clone());
                Ok(list)
            }
            FLOATS => {
                let count = self.count(8)?;
                let mut items = Vec::with_capacity(count);
                for _ in 0..count {
                    items.push(Value::Float(self.float()?));
                }
                let list = Value::list(items);
                self.seen.push(list.clone());
                Ok(list)
            }
            DICT => {
                let dict = Ref::new(Dict::new());
                self.seen.push(Value::Dict(dict.clone()));
                let count = self.count(2)?;
                for _ in 0..count {
                    let key = self.value(cx)?;
                    let value = self.value(cx)?;
                    dict.set(cx, key, value)?;
                }
                Ok(Value::Dict(dict))
            }
            SET | FROZEN_SET => {
                let set = Ref::new(Set::new());
                let value = if tag == SET {
                    Value::Set(set.clone())
                } else {
                    Value::FrozenSet(set.clone())
                };
                self.seen.push(value.clone());
                let count = self.count(1)?;
                for _ in 0..count {
                    let item = self.value(cx)?;
                    set.add(cx, item)?;
                }
                Ok(value)
            }
            RANGE => {
                let (start, stop, step) = (self.signed()?, self.signed()?, self.signed()?);
                if step == 0 {
                    return Err(damaged("a range"));
                }
                Ok(Value::Range(Ref::new(RangeObject { start, stop, step })))
            }
            SLICE => {
                let start = self.value(cx)?;
                let stop = self.value(cx)?;
                let step = self.value(cx)?;
                Ok(Value::Slice(Ref::new(Slice { start, stop, step })))
            }
            FUNCTION => self.function(cx),
            KNOWN_FUNCTION => self.own_function(cx),
            NATIVE | BUILTIN_METHOD => self.native(cx, tag),
            METHOD => {
                let function = self.value(cx)?;
                let receiver = self.value(cx)?;
                Ok(Value::Method(Ref::new(BoundMethod { function, receiver })))
            }
            ATTRIBUTE => {
                let name = Name::new(self.text()?);
                let receiver = self.value(cx)?;
                attribute::get(cx, &receiver, name)
            }
            BUILTIN_CLASS => self.builtin_class(cx),
            SCRIPT_CLASS => {
                let definition = self.definition()?;
                let programs = cx.session.extensions.get::<Programs>();
                let Some(class) = programs.class(&definition) else {
                    return Err(runtime_error(
                        "a message needs a class that this process has not made",
                    ));
                };
                self.seen.push(Value::Class(class.clone()));
                Ok(Value::Class(class))
            }
            CLASS_BODY => self.class_body(cx),
            INSTANCE => self.instance(cx),
            MODULE => {
                let name = self.text()?;
                Ok(Value::Module(module_of(cx, name)?))
            }
            CELL => {
                let cell = Ref::new(Cell::new(Value::Unbound));
                self.seen.push(Value::Cell(cell.clone()));
                let value = self.value(cx)?;
                cell.set(value);
                Ok(Value::Cell(cell))
            }
            EMPTY_CELL => {
                let cell = Value::Cell(Ref::new(Cell::new(Value::Unbound)));
                self.seen.push(cell.clone());
                Ok(cell)
            }
            PROGRAM => {
                let name = self.text()?;
                let source = self.text()?;
                let module = self.text()?;
                learn(cx, name, source, module)?;
                self.value(cx)
            }
            REDUCED => {
                let callable = self.value(cx)?;
                let args = self.value(cx)?;
                let Value::Tuple(args) = &args else {
                    return Err(damaged("the arguments of a reduced object"));
                };
                let made = cx.call(&callable, args.items())?;
                self.seen.push(made.clone());
                let state = self.value(cx)?;
                let set_by = self.value(cx)?;
                let items = match self.value(cx)? {
                    Value::None => None,
                    Value::List(items) => Some(items.copied()?),
                    _ => return Err(damaged("the items of a reduced object")),
                };
                let pairs = match self.value(cx)? {
                    Value::None => None,
                    Value::List(pairs) => Some(pairs_of(&pairs.copied()?)?),
                    _ => return Err(damaged("the pairs of a reduced object")),
                };
                complete(cx, &made, state, &set_by, items, pairs)?;
                Ok(made)
            }
            NAMED => {
                let module = self.text()?;
                let name = self.text()?;
                find_named(cx, module, name)
            }
            NATIVE_OBJECT => {
                let kind = self.text()?;
                if kind == multiprocessing::PROXY {
                    let packed = self.value(cx)?;
                    let made = multiprocessing::unpack_proxy(cx, &packed)?;
                    self.seen.push(made.clone());
                    return Ok(made);
                }
                if kind == multiprocessing::CONNECTION {
                    let packed = self.value(cx)?;
                    let made = multiprocessing::unpack_connection(&packed, &mut self.descriptors)?;
                    self.seen.push(made.clone());
                    return Ok(made);
                }
                let Some(codec) = codecs().iter().find(|codec| codec.kind == kind) else {
                    return Err(damaged("the kind of a native object"));
                };
                let packed = self.value(cx)?;
                let made = (codec.unpack)(cx, packed)?;
                self.seen.push(made.clone());
                Ok(made)
            }
            _ => Err(damaged("a tag")),
        }
    }

    fn instance(&mut self, cx: &mut Context) -> Outcome<Value> {
        let place = self.reserve();
        let Value::Class(class) = self.value(cx)? else {
            return Err(damaged("the class of an object"));
        };
        let kind = self.byte()?;
        let early = |payload| Instance::new(class.clone(), payload);
        let instance = match kind {
            0 => {
                let instance = early(Payload::None);
                self.seen[place] = Value::Instance(instance.clone());
                instance
            }
            1 => {
                let instance = early(Payload::Exception(Box::new(ExceptionData::new(Vec::new()))));
                self.seen[place] = Value::Instance(instance.clone());
                let args = self.values(cx)?;
                let cause = self.value(cx)?;
                let context = self.value(cx)?;
                let flags = self.byte()?;
                let meant = match flags & exception::MEANT != 0 {
                    true => Some(self.text()?.into()),
                    false => None,
                };
                if let Some(data) = instance.exception() {
                    data.set_args(args);
                    data.set_cause(cause);
                    data.set_context(context);
                    data.set_suppress_context(flags & exception::SUPPRESSES_CONTEXT != 0);
                    if flags & exception::SETTLED_CONTEXT != 0 {
                        data.settle_context();
                    }
                    if let Some(meant) = meant {
                        data.set_meant(meant);
                    }
                }
                instance
            }
            2 => {
                let inner = self.value(cx)?;
                early(Payload::Value(inner))
            }
            3 => {
                let parts = [
                    self.value(cx)?,
                    self.value(cx)?,
                    self.value(cx)?,
                    self.value(cx)?,
                ];
                early(Payload::Property(Box::new(parts)))
            }
            4 => {
                let inner = self.value(cx)?;
                early(Payload::StaticMethod(inner))
            }
            5 => {
                let inner = self.value(cx)?;
                early(Payload::ClassMethod(inner))
            }
            _ => return Err(damaged("an object")),
        };
        let value = Value::Instance(instance.clone());
        self.seen[place] = value.clone();
        match self.byte()? {
            1 => {
                let state = self.value(cx)?;
                set_state(cx, &value, state)?;
            }
            0 => {
                let count = self.count(2)?;
                for _ in 0..count {
                    let name = Name::new(self.text()?);
                    let item = self.value(cx)?;
                    instance.set(name, item);
                }
            }
            _ => return Err(damaged("an object")),
        }
        Ok(value)
    }
}

fn pairs_of(pairs: &[Value]) -> Outcome<Vec<(Value, Value)>> {
    let pair = |pair: &Value| match pair {
        Value::Tuple(parts) => match parts.items() {
            [key, value] => Ok((key.clone(), value.clone())),
            _ => Err(damaged("a pair of a reduced object")),
        },
        _ => Err(damaged("a pair of a reduced object")),
    };
    pairs.iter().map(pair).collect()
}
