//! `re.Pattern`. It must not know how matching works.

use std::sync::{Arc, OnceLock};

use super::error;
use super::machine::{Machine, Stopped};
use super::matches::{self, Match};
use super::parse::parse;
use super::program::{self, Program};
use super::template::{self, Piece};
use super::text::Text;
use super::tree::{self, ASCII, UNICODE};
use crate::eval::context::Context;
use crate::eval::is_callable;
use crate::library::arguments::{self, Signature};
use crate::library::message::Codec;
use crate::library::methods::construct::class_getitem;
use crate::library::methods::dict_view::MappingProxy;
use crate::library::{define, native_object};
use crate::value::class::Class;
use crate::value::exception::{Raised, memory_error, type_error, value_error};
use crate::value::function::Args;
use crate::value::instance::{Instance, NativeData};
use crate::value::iterator::{Iterate, NativeIterator};
use crate::value::lock::Guarded;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Dict, Outcome, Value, hash, room, text};

/// A compiled pattern.
pub struct Pattern {
    pub source: Value,
    pub flags: u32,
    is_bytes: bool,
    pub program: Arc<Program>,
    pub names: Vec<(String, u32)>,
}

impl NativeData for Pattern {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.source);
    }
}

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("re.Pattern");
        define::class_methods(&class, &[("__class_getitem__", class_getitem)]);
        define::methods(
            &class,
            &[
                ("match", |cx, args| one(cx, args, "match", How::Match)),
                ("fullmatch", |cx, args| {
                    one(cx, args, "fullmatch", How::Full)
                }),
                ("search", |cx, args| one(cx, args, "search", How::Search)),
                ("findall", find_all),
                ("finditer", find_iter),
                ("split", split),
                ("sub", |cx, args| substitute(cx, args, "sub", false)),
                ("subn", |cx, args| substitute(cx, args, "subn", true)),
                ("__repr__", repr),
                ("__eq__", equal),
                ("__hash__", hash_of),
                ("__copy__", |_, args| Ok(args.values[0].clone())),
                ("__deepcopy__", |_, args| Ok(args.values[0].clone())),
                ("__reduce__", reduce),
            ],
        );
        define::getters(
            &class,
            &[
                ("pattern", |_, args| {
                    Ok(this(args, "pattern")?.0.source.clone())
                }),
                ("flags", |_, args| {
                    Ok(Value::Int(this(args, "flags")?.0.flags.into()))
                }),
                ("groups", |_, args| {
                    Ok(Value::Int(this(args, "groups")?.0.program.groups.into()))
                }),
                ("groupindex", |_, args| {
                    let (pattern, _) = this(args, "groupindex")?;
                    let pairs = pattern
                        .names
                        .iter()
                        .map(|(name, number)| (Name::new(name), Value::Int((*number).into())));
                    let dict = Value::Dict(Ref::new(Dict::from_names(pairs)));
                    Ok(MappingProxy::value(dict))
                }),
            ],
        );
        class
    })
}

fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Pattern, Args<'a>)> {
    native_object::receiver(args, "re.Pattern", method)
}

/// Compiles a pattern.
///
/// # Errors
/// What is wrong with it.
pub fn compile(source: &Value, flags: u32) -> Outcome<Value> {
    let (characters, is_bytes): (Vec<u32>, bool) = match source.unwrapped() {
        Value::Str(text) => (text.as_str().chars().map(|c| c as u32).collect(), false),
        other => match crate::value::membership::bytes_like(other) {
            Some(bytes) => (bytes.iter().map(|b| u32::from(*b)).collect(), true),
            None => {
                return Err(type_error(
                    "first argument must be string or compiled pattern",
                ));
            }
        },
    };
    let expression =
        parse(&characters, flags, is_bytes).map_err(|wrong| error::wrong(&wrong, source))?;
    let pattern = Pattern {
        source: source.clone(),
        flags: expression.flags,
        is_bytes,
        program: Arc::new(program::compile(&expression)),
        names: expression.names,
    };
    Ok(native_object::instance(class(), pattern))
}

#[derive(Clone, Copy, PartialEq)]
enum How {
    Match,
    Full,
    Search,
}

/// Asks whether to go on.
fn asker(cx: &mut Context) -> impl FnMut(Stopped) -> Result<(), Raised> + '_ {
    move |stopped| match stopped {
        Stopped::Asked => cx.safepoint(),
        Stopped::Full => Err(memory_error("")),
    }
}

impl Pattern {
    /// The number of a named group.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.names
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, number)| *number as usize)
    }

    /// The text to search, of the pattern's own kind.
    fn text(&self, value: &Value) -> Outcome<Arc<Text>> {
        let Some(text) = Text::new(value) else {
            return Err(type_error(format!(
                "expected string or bytes-like object, got '{}'",
                value.type_name()
            )));
        };
        match (self.is_bytes, text.is_bytes()) {
            (true, false) => Err(type_error(
                "cannot use a bytes pattern on a string-like object",
            )),
            (false, true) => Err(type_error(
                "cannot use a string pattern on a bytes-like object",
            )),
            _ => Ok(Arc::new(text)),
        }
    }
}

const SEARCH: [&str; 3] = ["string", "pos", "endpos"];

/// The text and the part of it to look at.
fn target(
    cx: &mut Context,
    pattern: &Pattern,
    args: Args<'_>,
    method: &'static str,
) -> Outcome<(Arc<Text>, usize, usize)> {
    let [string, start, end] = Signature::new(method, SEARCH).required(1).bind(args)?;
    let text = pattern.text(&string.cloned().unwrap_or_default())?;
    let length = text.subject().len();
    let mut place = |value: Option<&Value>, default: usize| -> Outcome<usize> {
        Ok(match value {
            Some(value) => (crate::value::slice::index(cx, value)?.max(0) as usize).min(length),
            None => default,
        })
    };
    let start = place(start, 0)?;
    let end = place(end, length)?;
    Ok((text, start, end))
}

fn instance<'a>(args: Args<'a>) -> Outcome<&'a Ref<Instance>> {
    match args.values.first() {
        Some(Value::Instance(instance)) => Ok(instance),
        _ => Err(arguments::bad_receiver("re.Pattern", "match", args)),
    }
}

fn one(cx: &mut Context, args: Args<'_>, method: &'static str, how: How) -> Outcome<Value> {
    let (pattern, rest) = this(args, method)?;
    let (text, start, end) = target(cx, pattern, rest, method)?;
    if start > end {
        return Ok(Value::None);
    }
    let mut machine = Machine::new(&pattern.program, text.subject(), end);
    let mut ask = asker(cx);
    let found = match how {
        How::Search => machine.search(start, None, &mut ask)?,
        _ => machine.match_at(start, how == How::Full, None, &mut ask)?,
    };
    if !found {
        return Ok(Value::None);
    }
    let slots = std::mem::take(&mut machine.slots);
    drop(machine);
    Ok(matches::value(Match {
        pattern: instance(args)?.clone(),
        text,
        slots,
        start,
        end,
    }))
}

/// Goes over all matches of a text.
struct Finder {
    pattern: Ref<Instance>,
    text: Arc<Text>,
    start: usize,
    end: usize,
    /// Where to look next, and whether an empty match there was given already.
    state: Guarded<(usize, bool)>,
}

impl Finder {
    fn new(pattern: &Ref<Instance>, text: Arc<Text>, start: usize, end: usize) -> Finder {
        Finder {
            pattern: pattern.clone(),
            text,
            start,
            end,
            state: Guarded::new((start, false)),
        }
    }

    /// The slots of the next match.
    fn advance(&self, cx: &mut Context) -> Outcome<Option<Vec<usize>>> {
        let Some(pattern) = self.pattern.native::<Pattern>() else {
            return Ok(None);
        };
        let (place, was_empty) = *self.state.lock();
        if place > self.end {
            return Ok(None);
        }
        let mut machine = Machine::new(&pattern.program, self.text.subject(), self.end);
        let not_at = was_empty.then_some(place);
        if !machine.search(place, not_at, &mut asker(cx))? {
            *self.state.lock() = (usize::MAX, false);
            return Ok(None);
        }
        let slots = std::mem::take(&mut machine.slots);
        *self.state.lock() = (slots[1], slots[0] == slots[1]);
        Ok(Some(slots))
    }

    fn group(&self, slots: &[usize], number: usize) -> Option<(usize, usize)> {
        let (start, end) = (slots[2 * number], slots[2 * number + 1]);
        (start != usize::MAX && end != usize::MAX).then_some((start, end))
    }
}

impl Iterate for Finder {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        Ok(self.advance(cx)?.map(|slots| {
            matches::value(Match {
                pattern: self.pattern.clone(),
                text: self.text.clone(),
                slots,
                start: self.start,
                end: self.end,
            })
        }))
    }

    fn type_name(&self) -> &'static str {
        "callable_iterator"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.pattern.visit(Value::Instance, visit);
        // Matches have the text, too.
        if Arc::strong_count(&self.text) == 1 {
            visit(&self.text.value);
        }
    }
}

fn find_iter(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (pattern, rest) = this(args, "finditer")?;
    let (text, start, end) = target(cx, pattern, rest, "finditer")?;
    Ok(NativeIterator::value(Finder::new(
        instance(args)?,
        text,
        start,
        end,
    )))
}

fn find_all(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (pattern, rest) = this(args, "findall")?;
    let (text, start, end) = target(cx, pattern, rest, "findall")?;
    let finder = Finder::new(instance(args)?, text, start, end);
    let groups = pattern.program.groups as usize;
    let mut found = Vec::new();
    while let Some(slots) = finder.advance(cx)? {
        let part = |number| match finder.group(&slots, number) {
            Some((start, end)) => finder.text.part(start, end),
            None => finder.text.built(Vec::new()),
        };
        let item = match groups {
            0 => part(0),
            1 => part(1),
            _ => Value::tuple((1..=groups).map(part).collect()),
        };
        room::push(&mut found, item)?;
    }
    Ok(Value::list(found))
}

const SPLIT: Signature<2> = Signature::new("split", ["string", "maxsplit"]).required(1);

fn split(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (pattern, rest) = this(args, "split")?;
    let [string, most] = SPLIT.bind(rest)?;
    let text = pattern.text(&string.cloned().unwrap_or_default())?;
    let most = match most {
        Some(most) => crate::value::slice::index(cx, most)?,
        None => 0,
    };
    let end = text.subject().len();
    let finder = Finder::new(instance(args)?, text, 0, end);
    let mut parts = Vec::new();
    let mut last = 0;
    let mut count = 0;
    while most == 0 || count < most {
        let Some(slots) = finder.advance(cx)? else {
            break;
        };
        room::push(&mut parts, finder.text.part(last, slots[0]))?;
        for group in 1..=pattern.program.groups as usize {
            let part = match finder.group(&slots, group) {
                Some((start, end)) => finder.text.part(start, end),
                None => Value::None,
            };
            room::push(&mut parts, part)?;
        }
        last = slots[1];
        count += 1;
    }
    parts.push(finder.text.part(last, end));
    Ok(Value::list(parts))
}

/// Puts a template's pieces together for a match.
pub(super) fn expand(
    pieces: &[Piece],
    text: &Text,
    group: impl Fn(usize) -> Option<(usize, usize)>,
    out: &mut Vec<u8>,
) -> Outcome<()> {
    for piece in pieces {
        match piece {
            Piece::Text(bytes) => room::append(out, bytes)?,
            Piece::Group(number) => {
                if let Some((start, end)) = group(*number) {
                    text.append(out, start, end)?;
                }
            }
        }
    }
    Ok(())
}

const SUBSTITUTE: [&str; 3] = ["repl", "string", "count"];

fn substitute(
    cx: &mut Context,
    args: Args<'_>,
    method: &'static str,
    counted: bool,
) -> Outcome<Value> {
    let (pattern, rest) = this(args, method)?;
    let [Some(replacement), Some(string), most] =
        Signature::new(method, SUBSTITUTE).required(2).bind(rest)?
    else {
        return Ok(Value::None);
    };
    let text = pattern.text(string)?;
    let most = match most {
        Some(most) => crate::value::slice::index(cx, most)?,
        None => 0,
    };
    let pieces = if is_callable(replacement) {
        None
    } else {
        check_kind(&text, replacement)?;
        Some(template::parse(replacement, pattern)?)
    };
    let end = text.subject().len();
    let finder = Finder::new(instance(args)?, text, 0, end);
    let text = &finder.text;
    let mut out = Vec::new();
    let mut last = 0;
    let mut count = 0;
    while most == 0 || count < most {
        let Some(slots) = finder.advance(cx)? else {
            break;
        };
        text.append(&mut out, last, slots[0])?;
        last = slots[1];
        match &pieces {
            Some(pieces) => {
                expand(
                    pieces,
                    text,
                    |number| finder.group(&slots, number),
                    &mut out,
                )?;
            }
            None => {
                let found = matches::value(Match {
                    pattern: instance(args)?.clone(),
                    text: text.clone(),
                    slots,
                    start: 0,
                    end,
                });
                let made = cx.call(replacement, &[found])?;
                if !made.is_none() {
                    if super::text::bytes_of(&made).is_none() {
                        return Err(type_error(format!(
                            "sequence item {count}: expected {} instance, {} found",
                            if text.is_bytes() {
                                "a bytes-like object,"
                            } else {
                                "str"
                            },
                            made.type_name()
                        )));
                    }
                    check_kind(text, &made)?;
                    room::append(&mut out, &super::text::bytes_of(&made).unwrap_or_default())?;
                }
            }
        }
        count += 1;
    }
    let result = if count == 0 {
        text.part(0, end)
    } else {
        text.append(&mut out, last, end)?;
        text.built(out)
    };
    if counted {
        return Ok(Value::tuple_of([result, Value::Int(count)]));
    }
    Ok(result)
}

/// What replaces must be of the text's kind.
pub(super) fn check_kind(text: &Text, replacement: &Value) -> Outcome<()> {
    let is_text = replacement.unwrapped().as_str().is_some();
    if is_text != text.is_bytes() && super::text::bytes_of(replacement).is_some() {
        return Ok(());
    }
    let (expected, found) = if text.is_bytes() {
        ("a bytes-like object is required, not", "")
    } else {
        ("expected str instance,", " found")
    };
    if text.is_bytes() {
        return Err(type_error(format!(
            "{expected} '{}'",
            replacement.type_name()
        )));
    }
    if super::text::bytes_of(replacement).is_none() {
        return Err(type_error(format!(
            "decoding to str: need a bytes-like object, {} found",
            replacement.type_name()
        )));
    }
    Err(type_error(format!(
        "sequence item 0: {expected} {}{found}",
        replacement.type_name()
    )))
}

/// Names of flags in the order in which they are shown.
const FLAGS: [(&str, u32); 7] = [
    ("re.IGNORECASE", tree::IGNORE_CASE),
    ("re.LOCALE", tree::LOCALE),
    ("re.MULTILINE", tree::MULTI_LINE),
    ("re.DOTALL", tree::DOT_ALL),
    ("re.UNICODE", UNICODE),
    ("re.VERBOSE", tree::VERBOSE),
    ("re.ASCII", ASCII),
];

fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (pattern, _) = this(args, "__repr__")?;
    let mut shown: String = text::repr(cx, &pattern.source)?;
    if shown.chars().count() > 200 {
        shown = shown.chars().take(200).collect();
    }
    let mut flags = pattern.flags;
    if !pattern.is_bytes && flags & (ASCII | tree::LOCALE) == 0 {
        flags &= !UNICODE;
    }
    let names: Vec<&str> = FLAGS
        .iter()
        .filter(|(_, flag)| flags & flag != 0)
        .map(|(name, _)| *name)
        .collect();
    Ok(Value::str(if names.is_empty() {
        format!("re.compile({shown})")
    } else {
        format!("re.compile({shown}, {})", names.join("|"))
    }))
}

fn equal(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (pattern, rest) = this(args, "__eq__")?;
    let other = arguments::one("__eq__", rest)?;
    let Some(other) = other
        .as_instance()
        .and_then(|instance| instance.native::<Pattern>())
    else {
        return Ok(Value::NotImplemented);
    };
    let same = pattern.flags == other.flags
        && pattern.is_bytes == other.is_bytes
        && crate::value::compare::equal(cx, &pattern.source, &other.source)?;
    Ok(Value::Bool(same))
}

fn hash_of(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (pattern, _) = this(args, "__hash__")?;
    let parts = Value::tuple_of([pattern.source.clone(), Value::Int(pattern.flags.into())]);
    hash::hash(cx, &parts).map(Value::Int)
}

fn reduce(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (pattern, _) = this(args, "__reduce__")?;
    let module = crate::eval::import::module(cx, Name::new("_re"))?;
    let parts = vec![pattern.source.clone(), Value::Int(given_flags(pattern))];
    Ok(Value::tuple_of([
        module.get(Name::new("compile")).unwrap_or_default(),
        Value::tuple(parts),
    ]))
}

/// The flags to compile the pattern with once more.
fn given_flags(pattern: &Pattern) -> i64 {
    pattern.flags.into()
}

/// How patterns travel.
pub const CODEC: Codec = Codec {
    kind: "re.Pattern",
    pack: |_, value| {
        let pattern: &Pattern = value.as_instance()?.native()?;
        Some(Ok(Value::tuple_of([
            pattern.source.clone(),
            Value::Int(given_flags(pattern)),
        ])))
    },
    unpack: |_, packed| {
        if let Value::Tuple(parts) = &packed
            && let [source, Value::Int(flags)] = parts.items()
            && let Ok(flags) = u32::try_from(*flags)
        {
            return compile(source, flags);
        }
        Err(value_error(
            "a message is damaged: a pattern is not as it should be",
        ))
    },
};
