//! The methods that `bytes` and `bytearray` have in common. It must not know how either stores
//! its bytes.

use memchr::memmem;

use super::bounds::bounds;
use super::byte_text::{self, is_space};
use super::construct::class_argument;
use crate::eval::context::Context;
use crate::library::{arguments, define};
use crate::value::buffer::BytesLike;
use crate::value::class::Class;
use crate::value::exception::{Raised, memory_error, overflow_error, type_error, value_error};
use crate::value::function::{Args, NativeCall};
use crate::value::name::known;
use crate::value::sequence::{self, special};
use crate::value::types::types;
use crate::value::{Outcome, Value, codec, iterate};

/// `bytes` or `bytearray`.
pub trait ByteKind: 'static {
    /// The name of the class.
    const CLASS: &'static str;

    /// The bytes of a receiver.
    fn get(value: &Value) -> Option<BytesLike>;

    /// A new value.
    fn make(bytes: Vec<u8>) -> Value;
}

/// The receiver's bytes, and the arguments after it.
#[inline]
pub fn this<'a, K: ByteKind>(
    args: Args<'a>,
    method: &'static str,
) -> Outcome<(BytesLike, Args<'a>)> {
    match args.positional().first().and_then(K::get) {
        Some(bytes) => Ok((bytes, args.rest())),
        None => Err(arguments::bad_receiver(K::CLASS, method, args)),
    }
}

/// The bytes of an argument that must have some.
pub fn required(value: &Value) -> Outcome<BytesLike> {
    BytesLike::of(value).ok_or_else(|| not_bytes(value))
}

/// The error of an argument that has no bytes.
#[cold]
pub fn not_bytes(value: &Value) -> Raised {
    type_error(format!(
        "a bytes-like object is required, not '{}'",
        value.type_name()
    ))
}

/// A byte given as an integer; `message` for one out of range.
pub fn byte(cx: &mut Context, value: &Value, message: &str) -> Outcome<u8> {
    match sequence::index_value(cx, value)? {
        Value::Int(number) => u8::try_from(number).map_err(|_| value_error(message)),
        _ => Err(value_error(message)),
    }
}

/// The error of an integer that is no byte.
pub const NO_BYTE: &str = "byte must be in range(0, 256)";

/// Room for this many bytes.
pub fn room(bytes: Option<usize>) -> Outcome<Vec<u8>> {
    let mut result = Vec::new();
    bytes
        .and_then(|bytes| result.try_reserve_exact(bytes).ok())
        .ok_or_else(|| memory_error(""))?;
    Ok(result)
}

/// The methods, for the class.
pub fn install<K: ByteKind>(class: &Class) {
    define::methods(class, &searching::<K>());
    define::methods(class, &dividing::<K>());
    define::methods(class, &shaping::<K>());
    define::methods(class, &testing::<K>());
    define::class_methods(class, &[("fromhex", from_hex::<K>)]);
    define::static_methods(class, &[("maketrans", maketrans)]);
}

type Table = Vec<(&'static str, NativeCall)>;

// ---- searching ----

fn searching<K: ByteKind>() -> Table {
    vec![
        ("count", count::<K>),
        ("endswith", |cx, args| {
            affix::<K>(cx, args, "endswith", <[u8]>::ends_with)
        }),
        ("find", |cx, args| find::<K>(cx, args, "find", false, false)),
        ("index", |cx, args| {
            find::<K>(cx, args, "index", false, true)
        }),
        ("rfind", |cx, args| {
            find::<K>(cx, args, "rfind", true, false)
        }),
        ("rindex", |cx, args| {
            find::<K>(cx, args, "rindex", true, true)
        }),
        ("startswith", |cx, args| {
            affix::<K>(cx, args, "startswith", <[u8]>::starts_with)
        }),
        ("removeprefix", remove_prefix::<K>),
        ("removesuffix", remove_suffix::<K>),
        ("replace", replace::<K>),
    ]
}

/// What is looked for: bytes or a single byte.
fn wanted(cx: &mut Context, value: &Value) -> Outcome<Vec<u8>> {
    if let Some(bytes) = BytesLike::of(value) {
        return Ok(bytes.into_vec());
    }
    match sequence::try_index(cx, value)? {
        Some(number) => Ok(vec![byte(cx, &number, NO_BYTE)?]),
        None => Err(type_error(format!(
            "argument should be integer or bytes-like object, not '{}'",
            value.type_name()
        ))),
    }
}

fn find<K: ByteKind>(
    cx: &mut Context,
    args: Args<'_>,
    method: &'static str,
    last: bool,
    must: bool,
) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, method)?;
    let values = arguments::between(method, args, 1, 3)?;
    let wanted = wanted(cx, &values[0])?;
    let part = bounds(cx, &values[1..], bytes.len())?;
    let found = part.and_then(|part| {
        let within = &bytes[part.start..part.end];
        let place = if last {
            memmem::rfind(within, &wanted)
        } else {
            memmem::find(within, &wanted)
        };
        place.map(|place| part.start + place)
    });
    match found {
        Some(place) => Ok(Value::size(place)),
        None if must => Err(value_error("subsection not found")),
        None => Ok(Value::Int(-1)),
    }
}

fn count<K: ByteKind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, "count")?;
    let values = arguments::between("count", args, 1, 3)?;
    let wanted = wanted(cx, &values[0])?;
    let Some(part) = bounds(cx, &values[1..], bytes.len())? else {
        return Ok(Value::Int(0));
    };
    Ok(Value::size(if wanted.is_empty() {
        part.end - part.start + 1
    } else {
        memmem::find_iter(&bytes[part.start..part.end], &wanted).count()
    }))
}

fn affix<K: ByteKind>(
    cx: &mut Context,
    args: Args<'_>,
    method: &'static str,
    test: fn(&[u8], &[u8]) -> bool,
) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, method)?;
    let values = arguments::between(method, args, 1, 3)?;
    let part = bounds(cx, &values[1..], bytes.len())?;
    let within = part.map(|part| &bytes[part.start..part.end]);
    let holds = |wanted: &[u8]| within.is_some_and(|within| test(within, wanted));
    if let Value::Tuple(choices) = values[0].unwrapped() {
        for choice in choices.items() {
            if holds(&required(choice)?) {
                return Ok(Value::Bool(true));
            }
        }
        return Ok(Value::Bool(false));
    }
    match BytesLike::of(&values[0]) {
        Some(wanted) => Ok(Value::Bool(holds(&wanted))),
        None => Err(type_error(format!(
            "{method} first arg must be bytes or a tuple of bytes, not {}",
            values[0].type_name()
        ))),
    }
}

fn remove_prefix<K: ByteKind>(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, "removeprefix")?;
    let affix = required(arguments::one(&method_name::<K>("removeprefix"), args)?)?;
    let cut = bytes.strip_prefix(&*affix).unwrap_or(&bytes);
    Ok(K::make(cut.to_vec()))
}

fn remove_suffix<K: ByteKind>(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, "removesuffix")?;
    let affix = required(arguments::one(&method_name::<K>("removesuffix"), args)?)?;
    let cut = bytes.strip_suffix(&*affix).unwrap_or(&bytes);
    Ok(K::make(cut.to_vec()))
}

/// A method's name with its class's.
fn method_name<K: ByteKind>(method: &str) -> String {
    format!("{}.{method}", K::CLASS)
}

fn replace<K: ByteKind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, "replace")?;
    let values = arguments::between("replace", args, 2, 3)?;
    let (old, new) = (required(&values[0])?, required(&values[1])?);
    let most = match values.get(2) {
        Some(most) => usize::try_from(arguments::integer(cx, most)?).unwrap_or(usize::MAX),
        None => usize::MAX,
    };
    let places = byte_text::replace_places(&bytes, &old, most);
    let kept = bytes.len() - places.len() * old.len();
    let mut result = room(
        places
            .len()
            .checked_mul(new.len())
            .and_then(|size| size.checked_add(kept)),
    )?;
    let mut done = 0;
    for place in places {
        result.extend_from_slice(&bytes[done..place]);
        result.extend_from_slice(&new);
        done = place + old.len();
    }
    result.extend_from_slice(&bytes[done..]);
    Ok(K::make(result))
}

// ---- dividing and joining ----

fn dividing<K: ByteKind>() -> Table {
    vec![
        ("join", join::<K>),
        ("partition", |cx, args| {
            partition::<K>(cx, args, "partition", false)
        }),
        ("rpartition", |cx, args| {
            partition::<K>(cx, args, "rpartition", true)
        }),
        ("rsplit", |cx, args| split::<K>(cx, args, &RSPLIT, true)),
        ("split", |cx, args| split::<K>(cx, args, &SPLIT, false)),
        ("splitlines", split_lines::<K>),
    ]
}

const SPLIT: arguments::Signature<2> = arguments::Signature::new("split", ["sep", "maxsplit"]);
const RSPLIT: arguments::Signature<2> = arguments::Signature::new("rsplit", ["sep", "maxsplit"]);

fn parts<K: ByteKind>(parts: Vec<&[u8]>) -> Vec<Value> {
    parts
        .into_iter()
        .map(|part| K::make(part.to_vec()))
        .collect()
}

fn split<K: ByteKind>(
    cx: &mut Context,
    args: Args<'_>,
    signature: &arguments::Signature<2>,
    right: bool,
) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, if right { "rsplit" } else { "split" })?;
    let [separator, most] = signature.bind(args)?;
    let most = match most {
        Some(most) => usize::try_from(arguments::integer(cx, most)?).unwrap_or(usize::MAX),
        None => usize::MAX,
    };
    let found = match separator {
        None | Some(Value::None) if right => byte_text::rsplit_words(&bytes, most),
        None | Some(Value::None) => byte_text::split_words(&bytes, most),
        Some(separator) => {
            let separator = separator_of(separator)?;
            let found = if right {
                byte_text::rsplit(&bytes, &separator, most)
            } else {
                byte_text::split(&bytes, &separator, most)
            };
            return Ok(Value::list(parts::<K>(found)));
        }
    };
    Ok(Value::list(parts::<K>(found)))
}

fn separator_of(value: &Value) -> Outcome<BytesLike> {
    let separator = required(value)?;
    if separator.is_empty() {
        return Err(value_error("empty separator"));
    }
    Ok(separator)
}

fn partition<K: ByteKind>(
    _: &mut Context,
    args: Args<'_>,
    method: &'static str,
    right: bool,
) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, method)?;
    let given = arguments::one(&method_name::<K>(method), args)?;
    let separator = separator_of(given)?;
    let place = if right {
        memmem::rfind(&bytes, &separator)
    } else {
        memmem::find(&bytes, &separator)
    };
    let part = |part: &[u8]| K::make(part.to_vec());
    Ok(Value::tuple(match place {
        Some(place) => vec![
            part(&bytes[..place]),
            // A `bytes` gives back the separator itself.
            if K::CLASS == "bytes" {
                given.clone()
            } else {
                part(&separator)
            },
            part(&bytes[place + separator.len()..]),
        ],
        None if right => vec![part(b""), part(b""), part(&bytes)],
        None => vec![part(&bytes), part(b""), part(b"")],
    }))
}

const SPLITLINES: arguments::Signature<1> = arguments::Signature::new("splitlines", ["keepends"]);

fn split_lines<K: ByteKind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, "splitlines")?;
    let [keep] = SPLITLINES.bind(args)?;
    let keep = arguments::flag(cx, keep, false)?;
    Ok(Value::list(parts::<K>(byte_text::split_lines(
        &bytes, keep,
    ))))
}

fn join<K: ByteKind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (separator, args) = this::<K>(args, "join")?;
    let iterable = arguments::one(&method_name::<K>("join"), args)?;
    let items = iterate::collect_or(cx, iterable, "can only join an iterable")?;
    let mut pieces = Vec::with_capacity(items.len());
    let mut size = separator.len().checked_mul(items.len().saturating_sub(1));
    for (index, item) in items.iter().enumerate() {
        let Some(bytes) = BytesLike::of(item) else {
            return Err(type_error(format!(
                "sequence item {index}: expected a bytes-like object, {} found",
                item.type_name()
            )));
        };
        size = size.and_then(|size| size.checked_add(bytes.len()));
        pieces.push(bytes);
    }
    let mut result = room(size)?;
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            result.extend_from_slice(&separator);
        }
        result.extend_from_slice(piece);
    }
    Ok(K::make(result))
}

// ---- shaping ----

fn shaping<K: ByteKind>() -> Table {
    vec![
        ("capitalize", |cx, args| {
            mapped::<K>(cx, args, "capitalize", byte_text::capitalize)
        }),
        ("lower", |cx, args| {
            mapped::<K>(cx, args, "lower", <[u8]>::to_ascii_lowercase)
        }),
        ("swapcase", |cx, args| {
            mapped::<K>(cx, args, "swapcase", byte_text::swapcase)
        }),
        ("title", |cx, args| {
            mapped::<K>(cx, args, "title", byte_text::title)
        }),
        ("upper", |cx, args| {
            mapped::<K>(cx, args, "upper", <[u8]>::to_ascii_uppercase)
        }),
        ("lstrip", |cx, args| {
            stripped::<K>(cx, args, "lstrip", true, false)
        }),
        ("rstrip", |cx, args| {
            stripped::<K>(cx, args, "rstrip", false, true)
        }),
        ("strip", |cx, args| {
            stripped::<K>(cx, args, "strip", true, true)
        }),
        ("center", |cx, args| {
            padded::<K>(cx, args, "center", |missing, width| {
                missing / 2 + (missing & width & 1)
            })
        }),
        ("ljust", |cx, args| padded::<K>(cx, args, "ljust", |_, _| 0)),
        ("rjust", |cx, args| {
            padded::<K>(cx, args, "rjust", |missing, _| missing)
        }),
        ("zfill", zfill::<K>),
        ("expandtabs", expandtabs::<K>),
        ("translate", translate::<K>),
        ("decode", decode::<K>),
        ("hex", hex::<K>),
    ]
}

fn mapped<K: ByteKind>(
    _: &mut Context,
    args: Args<'_>,
    method: &'static str,
    map: fn(&[u8]) -> Vec<u8>,
) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, method)?;
    arguments::none(&method_name::<K>(method), args)?;
    Ok(K::make(map(&bytes)))
}

fn stripped<K: ByteKind>(
    _: &mut Context,
    args: Args<'_>,
    method: &'static str,
    left: bool,
    right: bool,
) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, method)?;
    let cut = match arguments::between(method, args, 0, 1)?.first() {
        None | Some(Value::None) => byte_text::strip(&bytes, is_space, left, right),
        Some(value) => {
            let kinds = required(value)?;
            byte_text::strip(&bytes, |byte| kinds.contains(&byte), left, right)
        }
    };
    Ok(K::make(cut.to_vec()))
}

fn padded<K: ByteKind>(
    cx: &mut Context,
    args: Args<'_>,
    method: &'static str,
    left: fn(usize, usize) -> usize,
) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, method)?;
    let values = arguments::between(method, args, 1, 2)?;
    let width = usize::try_from(arguments::integer(cx, &values[0])?).unwrap_or(0);
    let fill = match values.get(1) {
        None => b' ',
        Some(value) => match BytesLike::of(value).as_deref() {
            Some(&[fill]) => fill,
            _ => {
                return Err(arguments::wrong_type(
                    value,
                    &format!("{method}() argument 2"),
                    "a byte string of length 1",
                ));
            }
        },
    };
    let missing = width.saturating_sub(bytes.len());
    let left = left(missing, width);
    let mut result = room(bytes.len().checked_add(missing))?;
    result.extend(std::iter::repeat_n(fill, left));
    result.extend_from_slice(&bytes);
    result.extend(std::iter::repeat_n(fill, missing - left));
    Ok(K::make(result))
}

fn zfill<K: ByteKind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, "zfill")?;
    let width = arguments::integer(cx, arguments::one(&method_name::<K>("zfill"), args)?)?;
    let missing = usize::try_from(width)
        .unwrap_or(0)
        .saturating_sub(bytes.len());
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let mut result = room(bytes.len().checked_add(missing))?;
    result.extend_from_slice(&bytes[..sign]);
    result.extend(std::iter::repeat_n(b'0', missing));
    result.extend_from_slice(&bytes[sign..]);
    Ok(K::make(result))
}

const EXPANDTABS: arguments::Signature<1> = arguments::Signature::new("expandtabs", ["tabsize"]);

fn expandtabs<K: ByteKind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, "expandtabs")?;
    let [size] = EXPANDTABS.bind(args)?;
    let size = match size {
        Some(size) => usize::try_from(arguments::integer32(cx, size)?).unwrap_or(0),
        None => 8,
    };
    let tabs = memchr::memchr_iter(b'\t', &bytes).count();
    let mut result = room(
        tabs.checked_mul(size)
            .and_then(|more| more.checked_add(bytes.len())),
    )?;
    byte_text::expand_tabs(&bytes, size, &mut result);
    Ok(K::make(result))
}

const TRANSLATE: arguments::Signature<2> =
    arguments::Signature::new("translate", ["table", "delete"])
        .positional_only(1)
        .required(1);

fn translate<K: ByteKind>(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, "translate")?;
    let [table, delete] = TRANSLATE.bind(args)?;
    let table = match table {
        None | Some(Value::None) => None,
        Some(table) => {
            let table = required(table)?;
            if table.len() != 256 {
                return Err(value_error("translation table must be 256 characters long"));
            }
            Some(table)
        }
    };
    let delete = delete.map(required).transpose()?;
    let kept = bytes
        .iter()
        .filter(|byte| !delete.as_ref().is_some_and(|delete| delete.contains(byte)))
        .map(|&byte| {
            table
                .as_ref()
                .map_or(byte, |table| table[usize::from(byte)])
        })
        .collect();
    Ok(K::make(kept))
}

fn maketrans(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [from, to] = arguments::exactly("maketrans", args)?;
    let (from, to) = (required(from)?, required(to)?);
    if from.len() != to.len() {
        return Err(value_error("maketrans arguments must have same length"));
    }
    let mut table: Vec<u8> = (0..=255).collect();
    for (&from, &to) in from.iter().zip(to.iter()) {
        table[usize::from(from)] = to;
    }
    Ok(Value::bytes(table))
}

const DECODE: arguments::Signature<2> = arguments::Signature::new("decode", ["encoding", "errors"]);

fn decode<K: ByteKind>(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, "decode")?;
    let [encoding, errors] = DECODE.bind(args)?;
    let encoding = match encoding {
        None => "utf-8",
        Some(value) => arguments::text(value, "decode() argument 'encoding'")?.as_str(),
    };
    let errors = match errors {
        None => "strict",
        Some(value) => arguments::text(value, "decode() argument 'errors'")?.as_str(),
    };
    codec::decode(&bytes, encoding, errors).map(Value::from)
}

const HEX: arguments::Signature<2> = arguments::Signature::new("hex", ["sep", "bytes_per_sep"]);

fn hex<K: ByteKind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, "hex")?;
    hex_text(cx, &bytes, args)
}

/// `hex(sep, bytes_per_sep)` of these bytes.
pub fn hex_text(cx: &mut Context, bytes: &[u8], args: Args<'_>) -> Outcome<Value> {
    let [separator, group] = HEX.bind(args)?;
    let group = match group {
        Some(group) => i64::from(arguments::integer32(cx, group)?),
        None => 1,
    };
    let separator = match separator {
        None => None,
        Some(value) => {
            let length = sequence::length(cx, value)?;
            if length != 1 {
                return Err(value_error("sep must be length 1."));
            }
            match value.unwrapped() {
                Value::Str(text) if text.is_ascii() => text.as_str().chars().next(),
                Value::Bytes(bytes) if bytes.get().is_ascii() => {
                    bytes.get().first().map(|&byte| char::from(byte))
                }
                Value::Str(_) | Value::Bytes(_) => {
                    return Err(value_error("sep must be ASCII."));
                }
                _ => return Err(type_error("sep must be str or bytes.")),
            }
        }
    };
    Ok(Value::from(byte_text::hex(bytes, separator, group)))
}

fn from_hex<K: ByteKind>(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = if K::CLASS == "bytes" {
        &types().bytes
    } else {
        &types().bytearray
    };
    let (class, args) = class_argument(own, args)?;
    let text = arguments::one(&method_name::<K>("fromhex"), args)?;
    let text = arguments::text(text, "fromhex() argument")?;
    let bytes = byte_text::from_hex(text.as_str()).map_err(|place| {
        value_error(format!(
            "non-hexadecimal number found in fromhex() arg at position {place}"
        ))
    })?;
    let made = K::make(bytes);
    if class.same(own) {
        return Ok(made);
    }
    cx.call(&Value::Class(class.clone()), &[made])
}

// ---- testing ----

fn testing<K: ByteKind>() -> Table {
    vec![
        ("isalnum", |_, args| {
            tested::<K>(args, "isalnum", |bytes| {
                all(bytes, u8::is_ascii_alphanumeric)
            })
        }),
        ("isalpha", |_, args| {
            tested::<K>(args, "isalpha", |bytes| all(bytes, u8::is_ascii_alphabetic))
        }),
        ("isascii", |_, args| {
            tested::<K>(args, "isascii", <[u8]>::is_ascii)
        }),
        ("isdigit", |_, args| {
            tested::<K>(args, "isdigit", |bytes| all(bytes, u8::is_ascii_digit))
        }),
        ("islower", |_, args| {
            tested::<K>(args, "islower", |bytes| {
                bytes.iter().any(u8::is_ascii_lowercase)
                    && !bytes.iter().any(u8::is_ascii_uppercase)
            })
        }),
        ("isspace", |_, args| {
            tested::<K>(args, "isspace", |bytes| all(bytes, |&byte| is_space(byte)))
        }),
        ("istitle", |_, args| {
            tested::<K>(args, "istitle", byte_text::is_title)
        }),
        ("isupper", |_, args| {
            tested::<K>(args, "isupper", |bytes| {
                bytes.iter().any(u8::is_ascii_uppercase)
                    && !bytes.iter().any(u8::is_ascii_lowercase)
            })
        }),
    ]
}

fn all(bytes: &[u8], test: fn(&u8) -> bool) -> bool {
    !bytes.is_empty() && bytes.iter().all(test)
}

fn tested<K: ByteKind>(
    args: Args<'_>,
    method: &'static str,
    test: fn(&[u8]) -> bool,
) -> Outcome<Value> {
    let (bytes, args) = this::<K>(args, method)?;
    arguments::none(&method_name::<K>(method), args)?;
    Ok(Value::Bool(test(&bytes)))
}

// ---- construction ----

/// The bytes that `bytes(source, encoding, errors)` and `bytearray(…)` are made of.
///
/// # Errors
/// `TypeError` and `ValueError` for what bytes cannot be made of.
pub fn construct<K: ByteKind>(
    cx: &mut Context,
    args: Args<'_>,
    signature: &arguments::Signature<3>,
) -> Outcome<Vec<u8>> {
    let [source, encoding, errors] = signature.bind(args)?;
    let class = K::CLASS;
    let encoding = encoding
        .map(|encoding| arguments::text(encoding, &format!("{class}() argument 'encoding'")))
        .transpose()?;
    let errors = errors
        .map(|errors| arguments::text(errors, &format!("{class}() argument 'errors'")))
        .transpose()?;
    if let Some(Value::Str(text)) = source.map(Value::unwrapped) {
        let Some(encoding) = encoding else {
            return Err(type_error("string argument without an encoding"));
        };
        let errors = errors.map_or("strict", |errors| errors.as_str());
        return codec::encode(text.as_str(), encoding.as_str(), errors);
    }
    if encoding.is_some() {
        return Err(type_error("encoding without a string argument"));
    }
    if errors.is_some() {
        return Err(type_error("errors without a string argument"));
    }
    let Some(source) = source else {
        return Ok(Vec::new());
    };
    if class == "bytes"
        && let Value::Instance(instance) = source
        && let Some(method) = special(instance, known().bytes)
    {
        let result = cx.call_found(&method, source, &[])?;
        return match result.unwrapped() {
            Value::Bytes(bytes) => Ok(bytes.get().to_vec()),
            _ => Err(type_error(format!(
                "__bytes__ returned non-bytes (type {})",
                result.type_name()
            ))),
        };
    }
    if let Some(number) = sequence::try_index(cx, source)? {
        let Value::Int(count) = number else {
            return Err(overflow_error(
                "cannot fit 'int' into an index-sized integer",
            ));
        };
        let count = usize::try_from(count).map_err(|_| value_error("negative count"))?;
        let mut bytes = room(Some(count))?;
        bytes.resize(count, 0);
        return Ok(bytes);
    }
    if let Some(bytes) = BytesLike::of(source) {
        return Ok(bytes.into_vec());
    }
    let cannot = format!("cannot convert '{}' object to {class}", source.type_name());
    let items = iterate::collect_or(cx, source, &cannot)?;
    let message = if class == "bytes" {
        "bytes must be in range(0, 256)"
    } else {
        NO_BYTE
    };
    items.iter().map(|item| byte(cx, item, message)).collect()
}
