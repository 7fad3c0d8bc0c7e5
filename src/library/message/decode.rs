//! Bytes to values. Treats its input as hostile: every length is checked against what is left,
//! nesting is bounded, and nothing is believed. It must not know who sent it.

use std::sync::Arc;

use num_bigint::BigInt;
use sha2::{Digest, Sha256};

use super::encode::{find_named, module_of};
use super::programs::Programs;
use super::reduction::{complete, set_state};
use super::*;
use crate::eval::attribute;
use crate::eval::function::Function;
use crate::eval::module::{Linked, Module};
use crate::library::source_modules;
use crate::syntax::source::Source;
use crate::value::class::{Class, Definition, linearise};
use crate::value::exception::{ExceptionData, ExceptionKind, Raised, runtime_error, value_error};
use crate::value::function::{BoundMethod, Cell};
use crate::value::instance::{Instance, Payload};
use crate::value::list::List;
use crate::value::name::{Name, known};
use crate::value::name_table::NameTable;
use crate::value::object::Ref;
use crate::value::scalar::{RangeObject, Slice};
use crate::value::types::types;
use crate::value::{Dict, Set};

/// The value of a message.
///
/// # Errors
/// `ValueError` when the bytes are no message, `RuntimeError` when they refer to something that
/// this process lacks, or whatever `__setstate__` and the like raise.
pub fn decode(cx: &mut Context, bytes: &[u8]) -> Outcome<Value> {
    let mut decoder = Decoder {
        rest: bytes,
        seen: Vec::new(),
        depth: 0,
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

struct Decoder<'a> {
    rest: &'a [u8],
    seen: Vec<Value>,
    depth: u32,
}

const DAMAGED: &str = "a message is damaged: ";

#[cold]
fn damaged(what: &str) -> Raised {
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
    fn byte(&mut self) -> Outcome<u8> {
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

    fn number(&mut self) -> Outcome<u64> {
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
    fn count(&mut self, least: usize) -> Outcome<usize> {
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

    fn text(&mut self) -> Outcome<&'a str> {
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

    fn definition(&mut self) -> Outcome<Definition> {
        let program = self.hash()?;
        let node = u32::try_from(self.number()?).map_err(|_| damaged("a definition"))?;
        Ok(Definition { program, node })
    }

    /// Takes the next number for something that is not there yet.
    fn reserve(&mut self) -> usize {
        self.seen.push(Value::Unbound);
        self.seen.len() - 1
    }

    fn values(&mut self, cx: &mut Context) -> Outcome<Vec<Value>> {
        let count = self.count(1)?;
        let mut values = Vec::with_capacity(count.min(4096));
        for _ in 0..count {
            values.push(self.value(cx)?);
        }
        Ok(values)
    }

    fn value(&mut self, cx: &mut Context) -> Outcome<Value> {
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
                    Value::List(items) => Some(items.snapshot()),
                    _ => return Err(damaged("the items of a reduced object")),
                };
                let pairs = match self.value(cx)? {
                    Value::None => None,
                    Value::List(pairs) => Some(pairs_of(&pairs.snapshot())?),
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

    fn native(&mut self, cx: &mut Context, tag: u8) -> Outcome<Value> {
        let owner = self.text()?;
        let name = self.text()?;
        let lacking = || runtime_error(format!("no built-in `{owner}.{name}` in this process"));
        if tag == BUILTIN_METHOD {
            return types()
                .all()
                .into_iter()
                .find(|class| class.name().as_str() == owner)
                .and_then(|class| class.own(Name::find(name)?))
                .ok_or_else(lacking);
        }
        if owner.is_empty() || owner == "builtins" {
            let found = crate::library::builtin(Name::new(name));
            return if found.is_unbound() {
                Err(lacking())
            } else {
                Ok(found)
            };
        }
        let module = module_of(cx, owner)?;
        module.get(Name::new(name)).ok_or_else(lacking)
    }

    fn builtin_class(&mut self, cx: &mut Context) -> Outcome<Value> {
        let module = self.text()?;
        let name = self.text()?;
        let types = types();
        if let Some(class) = types
            .all()
            .into_iter()
            .chain(types.exceptions())
            .find(|class| class.name().as_str() == name)
        {
            return Ok(Value::Class(class.clone()));
        }
        let module = module_of(cx, module)?;
        match module.get(Name::new(name)) {
            Some(class @ Value::Class(_)) => Ok(class),
            _ => Err(runtime_error(format!(
                "no class `{}.{name}` in this process",
                module.name()
            ))),
        }
    }

    fn function(&mut self, cx: &mut Context) -> Outcome<Value> {
        let place = self.reserve();
        let definition = self.definition()?;
        let module = self.text()?.to_owned();
        let name = Name::new(self.text()?);
        let qualified_name = Name::new(self.text()?);
        let programs = cx.session.extensions.get::<Programs>();
        let Some((_, linked)) = programs.find(&definition.program) else {
            return Err(runtime_error(format!(
                "a message needs the program of `{qualified_name}`, which this process lacks"
            )));
        };
        let Some(code) = linked.program.codes.get(definition.node as usize).cloned() else {
            return Err(damaged("a function"));
        };
        let linked = if linked.module.name().as_str() == module {
            linked
        } else {
            Linked::new(linked.program.clone(), module_of(cx, &module)?)
        };
        let defaults = self.values(cx)?;
        let count = self.count(1)?;
        let mut keyword_defaults = Vec::with_capacity(count);
        for _ in 0..count {
            let present = self.byte()? != 0;
            let value = self.value(cx)?;
            keyword_defaults.push(if present { value } else { Value::Unbound });
        }
        let count = self.count(1)?;
        if count != code.captures.len() || defaults.len() > code.parameters.positional {
            return Err(damaged("a function"));
        }
        // The cells may refer back to the function: it is made when they are all there, and a
        // reference to it from within them cannot be resolved before.
        let own = self.known_function(&linked, name, &code);
        if let Some(own) = &own {
            self.seen[place] = own.clone();
        }
        let mut cells = Vec::with_capacity(count);
        let mut waiting = Vec::new();
        for _ in 0..count {
            match self.cell(cx, place)? {
                (cell, false) => cells.push(cell),
                (cell, true) => {
                    waiting.push(cell.clone());
                    cells.push(cell);
                }
            }
        }
        let function = match own {
            Some(own) => own,
            None => {
                let function = Function::new(
                    code,
                    linked,
                    cells.into(),
                    defaults.into(),
                    keyword_defaults.into(),
                );
                function.set_name(name);
                function.set_qualified_name(qualified_name);
                Value::Function(Ref::new(function))
            }
        };
        self.seen[place] = function.clone();
        for cell in waiting {
            cell.set(function.clone());
        }
        let count = self.count(2)?;
        for _ in 0..count {
            let name = Name::new(self.text()?);
            let value = self.value(cx)?;
            if let Value::Function(function) = &function {
                Function::set_attribute(function, name, value);
            }
        }
        match self.byte()? {
            NONE => {}
            GLOBALS => {
                self.globals(cx)?;
                if self.byte()? != NONE {
                    return Err(damaged("a function"));
                }
            }
            _ => return Err(damaged("a function")),
        }
        Ok(function)
    }

    /// A captured variable; true when it holds the very function that is being decoded.
    fn cell(&mut self, cx: &mut Context, function: usize) -> Outcome<(Ref<Cell>, bool)> {
        // `CELL REFERENCE n`, with the function's own number: recursion of a local function.
        if let [CELL, REFERENCE, rest @ ..] = self.rest {
            let mut look = Decoder {
                rest,
                seen: Vec::new(),
                depth: 0,
            };
            if look.number()? == function as u64 {
                let cell = Ref::new(Cell::new(Value::Unbound));
                self.seen.push(Value::Cell(cell.clone()));
                self.rest = look.rest;
                return Ok((cell, true));
            }
        }
        match self.value(cx)? {
            Value::Cell(cell) => Ok((cell, false)),
            _ => Err(damaged("a captured variable")),
        }
    }

    /// The function of that name that this process already has, if it is the same one: keeping
    /// it keeps its identity and whatever the script hung on it.
    fn known_function(
        &self,
        linked: &Arc<Linked>,
        name: Name,
        code: &Arc<crate::resolve::tree::Code>,
    ) -> Option<Value> {
        if !code.captures.is_empty() {
            return None;
        }
        match linked.module.get(name) {
            Some(Value::Function(known)) if Arc::ptr_eq(&known.code, code) => {
                Some(Value::Function(known))
            }
            _ => None,
        }
    }

    fn globals(&mut self, cx: &mut Context) -> Outcome<()> {
        let module = self.text()?.to_owned();
        let module: Ref<Module> = module_of(cx, &module)?;
        let count = self.count(2)?;
        for _ in 0..count {
            let name = Name::new(self.text()?);
            let value = self.value(cx)?;
            if module.get(name).is_none() {
                module.set(name, value);
            }
        }
        Ok(())
    }

    fn class_body(&mut self, cx: &mut Context) -> Outcome<Value> {
        let place = self.reserve();
        let definition = match self.byte()? {
            0 => None,
            1 => Some(self.definition()?),
            _ => return Err(damaged("a class")),
        };
        let name = Name::new(self.text()?);
        let bases = self.values(cx)?;
        let mut classes = Vec::with_capacity(bases.len());
        for base in bases {
            match base {
                Value::Class(base) => classes.push(base),
                _ => return Err(damaged("a base class")),
            }
        }
        let programs = cx.session.extensions.get::<Programs>();
        let known_class = definition.and_then(|definition| programs.class(&definition));
        let class = match known_class {
            Some(class) => class,
            None => {
                let Ok(ancestors) = linearise(&classes) else {
                    return Err(damaged("the bases of a class"));
                };
                let layout = classes
                    .iter()
                    .map(|class| class.layout())
                    .find(|layout| *layout != crate::value::class::Layout::Object)
                    .unwrap_or(crate::value::class::Layout::Object);
                let class = Class::new(
                    name,
                    classes,
                    ancestors,
                    NameTable::default(),
                    layout,
                    definition,
                );
                programs.add_class(&class);
                class
            }
        };
        let fresh = class.entries().is_empty();
        let value = Value::Class(class.clone());
        self.seen[place] = value.clone();
        let count = self.count(2)?;
        for _ in 0..count {
            let name = Name::new(self.text()?);
            let attribute = self.value(cx)?;
            if fresh {
                class.set(name, attribute);
            }
        }
        if fresh && let Some(Value::Str(module)) = class.own(known().module) {
            let module = module_of(cx, module.as_str())?;
            if module.get(name).is_none() {
                module.set(name, value.clone());
            }
        }
        Ok(value)
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
                let suppress = self.byte()? != 0;
                if let Some(data) = instance.exception() {
                    data.set_args(args);
                    data.set_cause(cause);
                    data.set_context(context);
                    data.set_suppress_context(suppress);
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

/// Compiles a program that came with a message, so that its definitions can be named.
fn learn(cx: &mut Context, name: &str, text: &str, module: &str) -> Outcome<()> {
    use crate::engine::load;
    use crate::engine::program::{CompileOptions, Program};
    if text.is_empty() && source_modules::has(module) {
        module_of(cx, module)?;
        return Ok(());
    }
    let hash: [u8; 32] = Sha256::digest(text).into();
    let programs = cx.session.extensions.get::<Programs>();
    if programs.find(&hash).is_some() {
        return Ok(());
    }
    let source = Arc::new(Source::new(name, text));
    let options = CompileOptions {
        optimise: cx.session.optimise,
        ..CompileOptions::default()
    };
    let program =
        Program::compile(&source, options).map_err(|error| load::syntax_raised(&error, &source))?;
    let module = module_of(cx, module)?;
    let linked = Linked::new(program.program, module);
    programs.add(&linked);
    Ok(())
}
