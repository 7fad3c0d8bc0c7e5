//! `enumerate`, `zip`, `map`, `filter`, `reversed`: classes whose values are iterators; and the
//! methods that all built-in iterators have.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use crate::eval::context::Context;
use crate::eval::generator::{self, Resume, Step};
use crate::library::arguments::{self, Signature, bad_receiver};
use crate::library::define;
use crate::library::methods::construct::class_argument;
use crate::library::methods::range;
use crate::runtime::world;
use crate::value::big_range::BigRange;
use crate::value::exception::{
    ExceptionKind, Raised, overflow_error, stop_iteration, type_error, value_error,
};
use crate::value::function::Args;
use crate::value::iterator::{Iterate, NativeIterator};
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::view::DictView;
use crate::value::{Outcome, Value, iterate, sequence, truth};

/// Puts the methods into the classes.
pub fn install() {
    let types = types();
    define::static_methods(&types.enumerate, &[("__new__", new_enumerate)]);
    define::static_methods(&types.zip, &[("__new__", new_zip)]);
    define::static_methods(&types.map, &[("__new__", new_map)]);
    define::static_methods(&types.filter, &[("__new__", new_filter)]);
    define::static_methods(&types.reversed, &[("__new__", new_reversed)]);
    for class in [
        &types.iterator,
        &types.enumerate,
        &types.zip,
        &types.map,
        &types.filter,
        &types.reversed,
    ] {
        define::methods(
            class,
            &[
                ("__iter__", iter),
                ("__next__", next),
                ("__length_hint__", length_hint),
            ],
        );
    }
    define::methods(
        &types.generator,
        &[
            ("__iter__", iter_generator),
            ("__next__", next_generator),
            ("send", send),
            ("throw", throw),
            ("close", close),
        ],
    );
}

fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a Ref<NativeIterator>> {
    match args.positional().first() {
        Some(Value::Iterator(iterator)) => Ok(iterator),
        _ => Err(bad_receiver("iterator", method, args)),
    }
}

fn iter(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    this(args, "__iter__")?;
    Ok(args.values[0].clone())
}

fn next(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    match this(args, "__next__")?.next(cx)? {
        Some(item) => Ok(item),
        None => Err(stop_iteration(Value::None)),
    }
}

fn length_hint(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    match this(args, "__length_hint__")?.kind().length_hint() {
        Some(count) => Ok(Value::size(count)),
        None => Ok(Value::NotImplemented),
    }
}

// ---- generators ----

fn this_generator<'a>(
    args: Args<'a>,
    method: &'static str,
) -> Outcome<(&'a Ref<generator::Generator>, Args<'a>)> {
    match args.positional().first() {
        Some(Value::Generator(generator)) => Ok((generator, args.rest())),
        _ => Err(bad_receiver("generator", method, args)),
    }
}

fn step(step: Step) -> Outcome<Value> {
    match step {
        Step::Yielded(value) => Ok(value),
        Step::Returned(value) => Err(stop_iteration(value)),
    }
}

fn iter_generator(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    this_generator(args, "__iter__")?;
    Ok(args.values[0].clone())
}

fn next_generator(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (generator, rest) = this_generator(args, "__next__")?;
    arguments::none("generator.__next__", rest)?;
    step(generator::resume(cx, generator, Resume::Next)?)
}

fn send(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (generator, rest) = this_generator(args, "send")?;
    let value = arguments::one("generator.send", rest)?;
    step(generator::resume(
        cx,
        generator,
        Resume::Send(value.clone()),
    )?)
}

fn throw(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (generator, rest) = this_generator(args, "throw")?;
    let values = arguments::between("throw", rest, 1, 3)?;
    let raised = exception_to_throw(cx, values)?;
    if let Some(data) = raised.data() {
        // It is not raised here, whatever is handled here.
        data.settle_context();
    }
    step(generator::resume(cx, generator, Resume::Throw(raised))?)
}

/// The exception that `throw(type, value, traceback)` or `throw(exception)` means.
fn exception_to_throw(cx: &mut Context, values: &[Value]) -> Outcome<Raised> {
    let base = types().exception(ExceptionKind::BaseException);
    let made = match values {
        [Value::Class(class), rest @ ..] if class.derives_from(base) => match rest.first() {
            Some(value) if value.class().derives_from(class) => value.clone(),
            None | Some(Value::None) => cx.call(&values[0], &[])?,
            Some(Value::Tuple(items)) => cx.call(&values[0], items.items())?,
            Some(value) => cx.call(&values[0], std::slice::from_ref(value))?,
        },
        [value @ Value::Instance(_), rest @ ..] if value.class().derives_from(base) => {
            if rest.first().is_some_and(|value| !value.is_none()) {
                return Err(type_error(
                    "instance exception may not have a separate value",
                ));
            }
            value.clone()
        }
        [other, ..] => {
            return Err(type_error(format!(
                "exceptions must be classes or instances deriving from BaseException, not {}",
                other.type_name()
            )));
        }
        [] => Value::None,
    };
    match made {
        Value::Instance(instance) if instance.exception().is_some() => {
            Ok(Raised::instance(instance))
        }
        _ => Err(type_error("exceptions must derive from BaseException")),
    }
}

fn close(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (generator, rest) = this_generator(args, "close")?;
    arguments::none("generator.close", rest)?;
    generator::close_with_value(cx, generator)
}

// ---- enumerate ----

struct Enumerate {
    iterator: Value,
    number: AtomicI64,
}

impl Iterate for Enumerate {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        let pair = self.next_pair(cx)?;
        Ok(pair.map(|(number, item)| Value::tuple_of([number, item])))
    }

    fn gives_pairs(&self) -> bool {
        true
    }

    fn next_pair(&self, cx: &mut Context) -> Outcome<Option<(Value, Value)>> {
        let Some(item) = iterate::next(cx, &self.iterator)? else {
            return Ok(None);
        };
        let number = if world::is_shared() {
            self.number.fetch_add(1, Ordering::Relaxed)
        } else {
            let number = self.number.load(Ordering::Relaxed);
            self.number.store(number.wrapping_add(1), Ordering::Relaxed);
            number
        };
        if number == i64::MAX {
            return Err(overflow_error(
                "Python int too large to convert to C ssize_t",
            ));
        }
        Ok(Some((Value::Int(number), item)))
    }

    fn type_name(&self) -> &'static str {
        "enumerate"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.iterator);
    }
}

fn new_enumerate(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, rest) = class_argument(&types().enumerate, args)?;
    // Its messages differ from those of all other functions.
    let mut bound = [None; 2];
    if rest.values.len() > 2 {
        return Err(type_error(format!(
            "enumerate() takes at most 2 arguments ({} given)",
            rest.values.len()
        )));
    }
    for (place, value) in bound.iter_mut().zip(rest.positional()) {
        *place = Some(value);
    }
    for (name, value) in rest.keywords() {
        let place = match name.as_str() {
            "iterable" => 0,
            "start" => 1,
            _ => {
                return Err(type_error(format!(
                    "'{name}' is an invalid keyword argument for enumerate()"
                )));
            }
        };
        bound[place] = Some(value);
    }
    let [iterable, start] = bound;
    let Some(iterable) = iterable else {
        return Err(type_error(
            "enumerate() missing required argument 'iterable'",
        ));
    };
    let start = match start {
        Some(start) => arguments::integer(cx, start)?,
        None => 0,
    };
    Ok(NativeIterator::value(Enumerate {
        iterator: iterate::iterate(cx, iterable)?,
        number: AtomicI64::new(start),
    }))
}

// ---- zip ----

struct Zip {
    iterators: Box<[Value]>,
    strict: bool,
}

impl Iterate for Zip {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        if self.gives_pairs() {
            let pair = self.next_pair(cx)?;
            return Ok(pair.map(|(first, second)| Value::tuple_of([first, second])));
        }
        if self.iterators.is_empty() {
            return Ok(None);
        }
        let mut items = Vec::with_capacity(self.iterators.len());
        for (place, iterator) in self.iterators.iter().enumerate() {
            match iterate::next(cx, iterator)? {
                Some(item) => items.push(item),
                None => {
                    self.check_ends(cx, place)?;
                    return Ok(None);
                }
            }
        }
        Ok(Some(Value::tuple(items)))
    }

    fn gives_pairs(&self) -> bool {
        self.iterators.len() == 2
    }

    fn next_pair(&self, cx: &mut Context) -> Outcome<Option<(Value, Value)>> {
        let [first, second] = &*self.iterators else {
            return Ok(None);
        };
        let Some(first) = iterate::next(cx, first)? else {
            self.check_ends(cx, 0)?;
            return Ok(None);
        };
        let Some(second) = iterate::next(cx, second)? else {
            self.check_ends(cx, 1)?;
            return Ok(None);
        };
        Ok(Some((first, second)))
    }

    fn type_name(&self) -> &'static str {
        "zip"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.iterators.iter().for_each(visit);
    }
}

impl Zip {
    /// The iterator at `ended` has ended. If it says so, all must end together.
    #[cold]
    fn check_ends(&self, cx: &mut Context, ended: usize) -> Outcome<()> {
        if !self.strict {
            return Ok(());
        }
        let others = |place: usize| match place {
            1 => "argument 1".to_owned(),
            last => format!("arguments 1-{last}"),
        };
        if ended > 0 {
            return Err(value_error(format!(
                "zip() argument {} is shorter than {}",
                ended + 1,
                others(ended)
            )));
        }
        for place in 1..self.iterators.len() {
            if iterate::next(cx, &self.iterators[place])?.is_some() {
                return Err(value_error(format!(
                    "zip() argument {} is longer than {}",
                    place + 1,
                    others(place)
                )));
            }
        }
        Ok(())
    }
}

fn iterators(cx: &mut Context, values: &[Value]) -> Outcome<Box<[Value]>> {
    let mut iterators = Vec::with_capacity(values.len());
    for value in values {
        iterators.push(iterate::iterate(cx, value)?);
    }
    Ok(iterators.into())
}

const ZIP: Signature<1> = Signature::new("zip", ["strict"]).positional(0);

fn new_zip(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, rest) = class_argument(&types().zip, args)?;
    let values = rest.positional();
    let [strict] = ZIP.bind(Args {
        values: &rest.values[values.len()..],
        names: rest.names,
    })?;
    let strict = arguments::flag(cx, strict, false)?;
    Ok(NativeIterator::value(Zip {
        iterators: iterators(cx, values)?,
        strict,
    }))
}

// ---- map and filter ----

struct Map {
    function: Value,
    iterators: Box<[Value]>,
}

impl Iterate for Map {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        if let [iterator] = &*self.iterators {
            return match iterate::next(cx, iterator)? {
                Some(item) => cx
                    .call(&self.function, std::slice::from_ref(&item))
                    .map(Some),
                None => Ok(None),
            };
        }
        let mut items = Vec::with_capacity(self.iterators.len());
        for iterator in &self.iterators {
            match iterate::next(cx, iterator)? {
                Some(item) => items.push(item),
                None => return Ok(None),
            }
        }
        cx.call(&self.function, &items).map(Some)
    }

    fn type_name(&self) -> &'static str {
        "map"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.function);
        self.iterators.iter().for_each(visit);
    }
}

fn new_map(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, rest) = class_argument(&types().map, args)?;
    match arguments::no_keywords("map", rest)? {
        [] | [_] => Err(type_error("map() must have at least two arguments.")),
        [function, iterables @ ..] => Ok(NativeIterator::value(Map {
            function: function.clone(),
            iterators: iterators(cx, iterables)?,
        })),
    }
}

struct Filter {
    /// `None` for the truth of the item itself.
    function: Value,
    iterator: Value,
}

impl Iterate for Filter {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        while let Some(item) = iterate::next(cx, &self.iterator)? {
            let keep = if self.function.is_none() {
                truth::truthy(cx, &item)?
            } else {
                let answer = cx.call(&self.function, std::slice::from_ref(&item))?;
                truth::truthy(cx, &answer)?
            };
            if keep {
                return Ok(Some(item));
            }
            cx.safepoint()?;
        }
        Ok(None)
    }

    fn type_name(&self) -> &'static str {
        "filter"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.function);
        visit(&self.iterator);
    }
}

fn new_filter(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, rest) = class_argument(&types().filter, args)?;
    let [function, iterable] = arguments::exactly("filter", rest)?;
    Ok(NativeIterator::value(Filter {
        function: function.clone(),
        iterator: iterate::iterate(cx, iterable)?,
    }))
}

// ---- reversed ----

/// Over a sequence from its end, by its length and items.
struct Reversed {
    sequence: Value,
    /// How many items are before the position.
    left: AtomicUsize,
}

impl Iterate for Reversed {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        let left = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        let Ok(left) = left else {
            return Ok(None);
        };
        match sequence::get_item(cx, &self.sequence, &Value::size(left - 1)) {
            Ok(item) => Ok(Some(item)),
            Err(raised)
                if raised.is(ExceptionKind::IndexError)
                    || raised.is(ExceptionKind::StopIteration) =>
            {
                self.left.store(0, Ordering::Relaxed);
                Ok(None)
            }
            Err(raised) => Err(raised),
        }
    }

    fn type_name(&self) -> &'static str {
        "reversed"
    }

    fn length_hint(&self) -> Option<usize> {
        Some(self.left.load(Ordering::Relaxed))
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.sequence);
    }
}

fn new_reversed(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, rest) = class_argument(&types().reversed, args)?;
    let [sequence] = arguments::exactly("reversed", rest)?;
    reversed(cx, sequence)
}

/// An iterator over a sequence from its end.
///
/// # Errors
/// `TypeError` for what is no sequence, or whatever `__reversed__` raises.
pub fn reversed(cx: &mut Context, value: &Value) -> Outcome<Value> {
    match value {
        Value::List(list) => return Ok(iterate::list_reversed(list)),
        Value::Range(_) => {
            if let Some(found) = BigRange::of(value) {
                return range::iterate_reversed(cx, found);
            }
        }
        Value::Dict(dict) => {
            return Ok(iterate::dict_reversed(dict, crate::value::view::Part::Keys));
        }
        Value::Instance(instance) => {
            if let Some(view) = instance.native::<DictView>() {
                return Ok(iterate::dict_reversed(&view.dict, view.part));
            }
            match sequence::special(instance, known().reversed) {
                Some(Value::None) => return Err(not_reversible(value)),
                Some(method) => return cx.call_found(&method, value, &[]),
                None => {}
            }
            if sequence::special(instance, known().getitem).is_none() {
                return match instance.wrapped() {
                    Some(inner) => reversed(cx, inner),
                    None => Err(not_reversible(value)),
                };
            }
        }
        Value::Tuple(_) | Value::Str(_) | Value::Bytes(_) => {}
        _ => return Err(not_reversible(value)),
    }
    Ok(NativeIterator::value(Reversed {
        left: AtomicUsize::new(sequence::length(cx, value)?),
        sequence: value.clone(),
    }))
}

#[cold]
fn not_reversible(value: &Value) -> Raised {
    type_error(format!("'{}' object is not reversible", value.type_name()))
}
