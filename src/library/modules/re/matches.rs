//! `re.Match`. It must not know how it was found.

use std::sync::{Arc, OnceLock};

use super::pattern::{Pattern, check_kind, expand};
use super::template;
use super::text::Text;
use crate::eval::context::Context;
use crate::library::arguments::{self, Signature, between, one};
use crate::library::methods::construct::class_getitem;
use crate::library::{define, native_object};
use crate::value::class::Class;
use crate::value::exception::index_error;
use crate::value::function::Args;
use crate::value::instance::{Instance, NativeData};
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Dict, Outcome, Value, text};

/// A match.
pub struct Match {
    pub pattern: Ref<Instance>,
    pub text: Arc<Text>,
    pub slots: Vec<usize>,
    pub start: usize,
    pub end: usize,
}

impl NativeData for Match {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.pattern.visit(Value::Instance, visit);
        // Other matches may have the text, too.
        if Arc::strong_count(&self.text) == 1 {
            visit(&self.text.value);
        }
    }
}

/// A match as a value.
pub fn value(found: Match) -> Value {
    native_object::instance(class(), found)
}

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("re.Match");
        define::class_methods(&class, &[("__class_getitem__", class_getitem)]);
        define::methods(
            &class,
            &[
                ("group", group),
                ("groups", groups),
                ("groupdict", groupdict),
                ("start", |cx, args| {
                    place(cx, args, "start", |(start, _)| start)
                }),
                ("end", |cx, args| place(cx, args, "end", |(_, end)| end)),
                ("span", span),
                ("expand", expanded),
                ("__getitem__", |cx, args| {
                    let (found, rest) = this(args, "__getitem__")?;
                    let number = found.number(cx, one("__getitem__", rest)?)?;
                    Ok(found.part(number).unwrap_or_default())
                }),
                ("__repr__", repr),
                ("__copy__", |_, args| Ok(args.values[0].clone())),
                ("__deepcopy__", |_, args| Ok(args.values[0].clone())),
            ],
        );
        define::getters(
            &class,
            &[
                ("pos", |_, args| Ok(Value::size(this(args, "pos")?.0.start))),
                ("endpos", |_, args| {
                    Ok(Value::size(this(args, "endpos")?.0.end))
                }),
                ("string", |_, args| {
                    Ok(this(args, "string")?.0.text.value.clone())
                }),
                ("re", |_, args| {
                    Ok(Value::Instance(this(args, "re")?.0.pattern.clone()))
                }),
                ("lastindex", |_, args| {
                    let (found, _) = this(args, "lastindex")?;
                    Ok(found.last().map_or(Value::None, Value::size))
                }),
                ("lastgroup", |_, args| {
                    let (found, _) = this(args, "lastgroup")?;
                    let name = found.last().and_then(|last| {
                        let names = &found.of()?.names;
                        let known = names.iter().find(|(_, number)| *number as usize == last);
                        known.map(|(name, _)| Value::str(name.as_str()))
                    });
                    Ok(name.unwrap_or_default())
                }),
                ("regs", |_, args| {
                    let (found, _) = this(args, "regs")?;
                    let all = (0..found.slots.len() / 2).map(|number| found.span_of(number));
                    Ok(Value::tuple(all.collect()))
                }),
            ],
        );
        class
    })
}

fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Match, Args<'a>)> {
    native_object::receiver(args, "re.Match", method)
}

impl Match {
    fn of(&self) -> Option<&Pattern> {
        self.pattern.native()
    }

    fn place(&self, number: usize) -> Option<(usize, usize)> {
        let (start, end) = (self.slots[2 * number], self.slots[2 * number + 1]);
        (start != usize::MAX && end != usize::MAX).then_some((start, end))
    }

    fn part(&self, number: usize) -> Option<Value> {
        self.place(number)
            .map(|(start, end)| self.text.part(start, end))
    }

    fn span_of(&self, number: usize) -> Value {
        let (start, end) = match self.place(number) {
            Some((start, end)) => (Value::size(start), Value::size(end)),
            None => (Value::Int(-1), Value::Int(-1)),
        };
        Value::tuple_of([start, end])
    }

    /// The number of the group that was closed last.
    fn last(&self) -> Option<usize> {
        let closed = (1..self.slots.len() / 2).filter_map(|number| {
            self.place(number)
                .map(|(start, end)| (end, std::cmp::Reverse(start), std::cmp::Reverse(number)))
        });
        // The one that ends last; of several the outermost, which is closed after those in it.
        closed.max().map(|(_, _, number)| number.0)
    }

    fn number(&self, cx: &mut Context, key: &Value) -> Outcome<usize> {
        let number = match key.unwrapped() {
            Value::Str(name) => self.of().and_then(|pattern| pattern.named(name.as_str())),
            _ => match crate::value::slice::try_index(cx, key)? {
                Some(Value::Int(number)) => usize::try_from(number)
                    .ok()
                    .filter(|number| *number < self.slots.len() / 2),
                _ => None,
            },
        };
        number.ok_or_else(|| index_error("no such group"))
    }
}

fn group(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (found, rest) = this(args, "group")?;
    let keys = arguments::no_keywords("group", rest)?;
    match keys {
        [] => Ok(found.part(0).unwrap_or_default()),
        [key] => {
            let number = found.number(cx, key)?;
            Ok(found.part(number).unwrap_or_default())
        }
        keys => {
            let mut parts = Vec::with_capacity(keys.len());
            for key in keys {
                let number = found.number(cx, key)?;
                parts.push(found.part(number).unwrap_or_default());
            }
            Ok(Value::tuple(parts))
        }
    }
}

const GROUPS: Signature<1> = Signature::new("groups", ["default"]);
const GROUPDICT: Signature<1> = Signature::new("groupdict", ["default"]);

fn groups(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (found, rest) = this(args, "groups")?;
    let [default] = GROUPS.bind(rest)?;
    let default = default.cloned().unwrap_or_default();
    let parts = (1..found.slots.len() / 2)
        .map(|number| found.part(number).unwrap_or_else(|| default.clone()));
    Ok(Value::tuple(parts.collect()))
}

fn groupdict(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (found, rest) = this(args, "groupdict")?;
    let [default] = GROUPDICT.bind(rest)?;
    let default = default.cloned().unwrap_or_default();
    let names = found.of().map(|pattern| &pattern.names[..]).unwrap_or(&[]);
    let pairs = names.iter().map(|(name, number)| {
        let part = found.part(*number as usize);
        (Name::new(name), part.unwrap_or_else(|| default.clone()))
    });
    Ok(Value::Dict(Ref::new(Dict::from_names(pairs))))
}

/// The group that an optional argument names.
fn chosen(
    cx: &mut Context,
    args: Args<'_>,
    method: &'static str,
) -> Outcome<Option<(usize, usize)>> {
    let (found, rest) = this(args, method)?;
    let number = match between(method, rest, 0, 1)?.first() {
        Some(key) => found.number(cx, key)?,
        None => 0,
    };
    Ok(found.place(number))
}

fn place(
    cx: &mut Context,
    args: Args<'_>,
    method: &'static str,
    which: fn((usize, usize)) -> usize,
) -> Outcome<Value> {
    let found = chosen(cx, args, method)?;
    Ok(found.map_or(Value::Int(-1), |found| Value::size(which(found))))
}

fn span(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (start, end) = match chosen(cx, args, "span")? {
        Some((start, end)) => (Value::size(start), Value::size(end)),
        None => (Value::Int(-1), Value::Int(-1)),
    };
    Ok(Value::tuple_of([start, end]))
}

fn expanded(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (found, rest) = this(args, "expand")?;
    let template = one("re.Match.expand", rest)?;
    check_kind(&found.text, template)?;
    let Some(pattern) = found.of() else {
        return Ok(Value::None);
    };
    let pieces = template::parse(template, pattern)?;
    let mut out = Vec::new();
    expand(&pieces, &found.text, |number| found.place(number), &mut out)?;
    Ok(found.text.built(out))
}

fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (found, _) = this(args, "__repr__")?;
    let span = text::repr(cx, &found.span_of(0))?;
    let whole = text::repr(cx, &found.part(0).unwrap_or_default())?;
    Ok(Value::str(format!(
        "<re.Match object; span={span}, match={whole}>"
    )))
}
