//! `memoryview`: a window on the bytes of another object, in one dimension. It must not know who
//! has the bytes.

use super::byte_methods::hex_text;
use super::construct::class_argument;
use crate::eval::context::Context;
use crate::library::{arguments, define};
use crate::value::buffer::{BytesLike, ItemFormat, Source, View, byte_array};
use crate::value::convert::to_float;
use crate::value::exception::{Raised, index_error, not_implemented, type_error, value_error};
use crate::value::function::Args;
use crate::value::instance::{Instance, Payload};
use crate::value::iterate;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, compare, hash, sequence};

/// Puts the methods of `memoryview` into its class.
pub fn install() {
    let class = &types().memoryview;
    define::static_methods(class, &[("__new__", new)]);
    define::methods(
        class,
        &[
            ("__len__", len),
            ("__getitem__", get_item),
            ("__setitem__", set_item),
            ("__delitem__", delete_item),
            ("__iter__", iter),
            ("__contains__", contains),
            ("__eq__", equal),
            ("__ne__", not_equal),
            ("__hash__", hash_of),
            ("__repr__", repr),
            ("__enter__", enter),
            ("__exit__", exit),
            ("cast", cast),
            ("hex", hex),
            ("release", release),
            ("tobytes", to_bytes),
            ("tolist", to_list),
            ("toreadonly", to_read_only),
        ],
    );
    define::getters(
        class,
        &[
            ("obj", |_, args| Ok(source(this(args, "obj")?.0)?.object())),
            ("nbytes", |_, args| {
                live(args).map(|view| Value::size(view.size()))
            }),
            ("itemsize", |_, args| {
                live(args).map(|view| Value::size(view.item_size))
            }),
            ("format", |_, args| {
                live(args).map(|view| Value::from(view.format.to_string()))
            }),
            ("ndim", |_, args| {
                live(args).map(|view| Value::Int(i64::from(!view.single)))
            }),
            ("shape", |_, args| {
                live(args).map(|view| for_each_dimension(view, Value::size(view.count)))
            }),
            ("strides", |_, args| {
                live(args).map(|view| for_each_dimension(view, Value::Int(view.step as i64)))
            }),
            ("suboffsets", |_, args| {
                live(args).map(|_| Value::tuple(Vec::new()))
            }),
            ("readonly", |_, args| {
                live(args).map(|view| Value::Bool(view.read_only))
            }),
            ("contiguous", |_, args| {
                live(args).map(|view| Value::Bool(view.is_contiguous()))
            }),
            ("c_contiguous", |_, args| {
                live(args).map(|view| Value::Bool(view.is_contiguous()))
            }),
            ("f_contiguous", |_, args| {
                live(args).map(|view| Value::Bool(view.is_contiguous()))
            }),
        ],
    );
}

fn for_each_dimension(view: &View, value: Value) -> Value {
    Value::tuple(if view.single { Vec::new() } else { vec![value] })
}

/// A view as a value.
pub fn value(view: View) -> Value {
    Value::Instance(Instance::new(
        types().memoryview.clone(),
        Payload::Native(Box::new(view)),
    ))
}

fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a View, Args<'a>)> {
    let view = args
        .positional()
        .first()
        .and_then(Value::as_instance)
        .and_then(|instance: &Ref<Instance>| instance.native::<View>());
    match view {
        Some(view) => Ok((view, args.rest())),
        None => Err(arguments::bad_receiver("memoryview", method, args)),
    }
}

/// The receiver, which must not have been released.
fn live<'a>(args: Args<'a>) -> Outcome<&'a View> {
    let (view, _) = this(args, "memoryview")?;
    source(view)?;
    Ok(view)
}

fn source(view: &View) -> Outcome<Source> {
    view.source()
        .ok_or_else(|| value_error("operation forbidden on released memoryview object"))
}

const MEMORYVIEW: arguments::Signature<1> =
    arguments::Signature::new("memoryview", ["object"]).required(1);

fn new(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, args) = class_argument(&types().memoryview, args)?;
    let [Some(object)] = MEMORYVIEW.bind(args)? else {
        return Err(type_error("memoryview() missing required argument"));
    };
    of(object)
}

/// `memoryview(object)`.
///
/// # Errors
/// `TypeError` for an object without bytes.
pub fn of(object: &Value) -> Outcome<Value> {
    view_of(object).map(value)
}

fn view_of(object: &Value) -> Outcome<View> {
    if let Value::Bytes(bytes) = object.unwrapped() {
        return Ok(View::new(Source::Bytes(bytes.clone())));
    }
    if byte_array(object).is_some() {
        return Ok(View::new(Source::ByteArray(object.clone())));
    }
    if let Some(view) = object
        .as_instance()
        .and_then(|instance| instance.native::<View>())
    {
        return again(view, view.read_only);
    }
    if let Some(instance) = object.as_instance()
        && let Payload::Native(data) = instance.payload()
        && let Some(memory) = data.memory()
    {
        if memory.items().dimensions > 1 {
            return Err(not_implemented(
                "memoryview: several dimensions (each row can be viewed, and bytes() has all of it)",
            ));
        }
        return Ok(View::new(Source::Memory(memory, object.clone())));
    }
    Err(type_error(format!(
        "memoryview: a bytes-like object is required, not '{}'",
        object.type_name()
    )))
}

/// Another view of the same.
fn again(view: &View, read_only: bool) -> Outcome<View> {
    let mut made = View::part(
        source(view)?,
        view.start..view.start + view.count,
        view.step,
        view.item_size,
        view.format.clone(),
        read_only,
    );
    made.single = view.single;
    Ok(made)
}

fn len(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let view = live(args)?;
    if view.single {
        return Err(type_error("0-dim memory has no length"));
    }
    Ok(Value::size(view.count))
}

/// The character of a format whose items can be read and written.
fn readable(view: &View) -> Outcome<char> {
    match &view.format {
        ItemFormat::Native(format) => Ok(*format),
        ItemFormat::Other(format) if format.len() == 1 => Err(not_implemented(format!(
            "memoryview: format {format} not supported"
        ))),
        ItemFormat::Other(format) => Err(not_implemented(format!(
            "memoryview: unsupported format {format}"
        ))),
    }
}

/// The view, whose items are to be gone through.
fn sequence_of_items<'a>(args: Args<'a>) -> Outcome<&'a View> {
    let view = live(args)?;
    match view.single {
        true => Err(type_error("invalid indexing of 0-dim memory")),
        false => Ok(view),
    }
}

/// Bytes of an item of a format; `None` for formats that are not native single characters.
pub fn item_size(format: char) -> Option<usize> {
    Some(match format {
        'b' | 'B' | 'c' | '?' => 1,
        'h' | 'H' => 2,
        'i' | 'I' | 'f' => 4,
        'l' | 'L' | 'q' | 'Q' | 'n' | 'N' | 'd' => 8,
        _ => return None,
    })
}

/// The value of an item's bytes.
pub fn unpack(format: char, bytes: &[u8]) -> Value {
    let mut word = [0u8; 8];
    let size = bytes.len().min(8);
    word[..size].copy_from_slice(&bytes[..size]);
    let unsigned = u64::from_le_bytes(word);
    match format {
        'c' => Value::bytes(bytes),
        '?' => Value::Bool(unsigned != 0),
        'f' => Value::Float(f64::from(f32::from_bits(unsigned as u32))),
        'd' => Value::Float(f64::from_bits(unsigned)),
        'b' => Value::Int(i64::from(unsigned as u8 as i8)),
        'h' => Value::Int(i64::from(unsigned as u16 as i16)),
        'i' => Value::Int(i64::from(unsigned as u32 as i32)),
        'l' | 'q' | 'n' => Value::Int(unsigned as i64),
        _ => Value::integer(unsigned.into()),
    }
}

/// The bytes of an item's value.
fn pack(cx: &mut Context, format: char, item: &Value) -> Outcome<Vec<u8>> {
    let wrong_type = || type_error(format!("memoryview: invalid type for format '{format}'"));
    let wrong_value = || value_error(format!("memoryview: invalid value for format '{format}'"));
    match format {
        'c' => match item.unwrapped() {
            Value::Bytes(bytes) if bytes.get().len() == 1 => Ok(bytes.get().to_vec()),
            Value::Bytes(_) => Err(wrong_value()),
            _ => Err(wrong_type()),
        },
        '?' => {
            let flag = crate::value::truth::truthy(cx, item)?;
            Ok(vec![u8::from(flag)])
        }
        'f' | 'd' => {
            let number = to_float(cx, item)?.ok_or_else(wrong_type)?;
            Ok(if format == 'f' {
                (number as f32).to_le_bytes().to_vec()
            } else {
                number.to_le_bytes().to_vec()
            })
        }
        _ => {
            let number = match sequence::try_index(cx, item)? {
                Some(Value::Int(number)) => i128::from(number),
                Some(Value::BigInt(number)) => {
                    i128::try_from(number.get()).map_err(|_| wrong_value())?
                }
                _ => return Err(wrong_type()),
            };
            let size = item_size(format).unwrap_or(1);
            let bits = 8 * size as u32;
            let (least, most) = if format.is_ascii_lowercase() {
                (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1)
            } else {
                (0, (1i128 << bits) - 1)
            };
            if !(least..=most).contains(&number) {
                return Err(wrong_value());
            }
            Ok(number.to_le_bytes()[..size].to_vec())
        }
    }
}

fn item(view: &View, source: &Source, index: usize) -> Outcome<Value> {
    let format = readable(view)?;
    let mut bytes = [0u8; 8];
    let bytes = &mut bytes[..view.item_size.min(8)];
    source.read(view.offset(index), bytes);
    Ok(unpack(format, bytes))
}

#[cold]
fn out_of_bounds() -> Raised {
    index_error("index out of bounds on dimension 1")
}

/// What stands in brackets.
enum Key {
    Index(usize),
    Part(sequence::Indices),
}

fn key(cx: &mut Context, view: &View, value: &Value) -> Outcome<Key> {
    if view.single {
        return match value.unwrapped() {
            Value::Tuple(items) if items.items().is_empty() => Ok(Key::Index(0)),
            _ => Err(type_error("invalid indexing of 0-dim memory")),
        };
    }
    if let Value::Slice(slice) = value {
        return Ok(Key::Part(slice.indices(cx, view.count)?));
    }
    if sequence::try_index(cx, value)?.is_none() {
        return Err(type_error("memoryview: invalid slice key"));
    }
    let index = sequence::index(cx, value)?;
    sequence::place(index, view.count)
        .map(Key::Index)
        .ok_or_else(out_of_bounds)
}

fn part(view: &View, source: Source, indices: sequence::Indices) -> View {
    let start = if indices.count == 0 {
        view.start
    } else {
        view.offset(indices.start as usize)
    };
    View::part(
        source,
        start..start + indices.count,
        view.step.wrapping_mul(indices.step as isize),
        view.item_size,
        view.format.clone(),
        view.read_only,
    )
}

fn get_item(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let view = live(args)?;
    let index = arguments::one("memoryview.__getitem__", args.rest())?;
    match key(cx, view, index)? {
        Key::Index(index) => item(view, &source(view)?, index),
        Key::Part(indices) => Ok(value(part(view, source(view)?, indices))),
    }
}

fn set_item(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let view = live(args)?;
    if view.read_only {
        return Err(type_error("cannot modify read-only memory"));
    }
    let [index, new] = arguments::exactly("__setitem__", args.rest())?;
    match key(cx, view, index)? {
        Key::Index(index) => {
            let bytes = pack(cx, readable(view)?, new)?;
            source(view)?.write(view.offset(index), &bytes);
        }
        Key::Part(indices) => {
            let target = part(view, source(view)?, indices);
            let bytes = BytesLike::of(new).ok_or_else(|| {
                type_error(format!(
                    "a bytes-like object is required, not '{}'",
                    new.type_name()
                ))
            })?;
            if bytes.len() != target.size() || format_of(new)?.0 != target.format {
                return Err(value_error(
                    "memoryview assignment: lvalue and rvalue have different structures",
                ));
            }
            let source = source(&target)?;
            if target.is_contiguous() {
                source.write(target.start, &bytes);
            } else if target.item_size > 0 {
                for (index, item) in bytes.chunks_exact(target.item_size).enumerate() {
                    source.write(target.offset(index), item);
                }
            }
        }
    }
    Ok(Value::None)
}

/// The format of what has bytes, and whether it is a single item.
fn format_of(value: &Value) -> Outcome<(ItemFormat, bool)> {
    if matches!(value.unwrapped(), Value::Bytes(_)) || byte_array(value).is_some() {
        return Ok((ItemFormat::Native('B'), false));
    }
    let view = view_of(value)?;
    Ok((view.format.clone(), view.single))
}

fn delete_item(_: &mut Context, _: Args<'_>) -> Outcome<Value> {
    Err(type_error("cannot delete memory"))
}

fn items(view: &View) -> Outcome<Vec<Value>> {
    let source = source(view)?;
    readable(view)?;
    (0..view.count)
        .map(|index| item(view, &source, index))
        .collect()
}

fn iter(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let items = items(sequence_of_items(args)?)?;
    iterate::iterate(cx, &Value::tuple(items))
}

fn contains(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let items = items(sequence_of_items(args)?)?;
    let wanted = arguments::one("memoryview.__contains__", args.rest())?;
    for item in &items {
        if compare::identical_or_equal(cx, item, wanted)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn equals(cx: &mut Context, args: Args<'_>) -> Outcome<Option<bool>> {
    let (view, rest) = this(args, "__eq__")?;
    let other = arguments::one("memoryview.__eq__", rest)?;
    let Some(own) = view.snapshot() else {
        return Ok(Some(args.values[0].same(other)));
    };
    let Some(bytes) = BytesLike::of(other) else {
        return Ok(None);
    };
    // What has bytes, and no memory of its own to show, has plain bytes.
    let (format, single) = format_of(other).unwrap_or((ItemFormat::Native('B'), false));
    if view.single != single {
        return Ok(Some(false));
    }
    let numbers_may_differ = matches!(format, ItemFormat::Native('f' | 'd' | '?'));
    let (Some(format), Some(own_format)) = (format.native(), view.format.native()) else {
        // Items that cannot be read: the same bytes in the same notation.
        return Ok(Some(format == view.format && own == *bytes));
    };
    if format == own_format && !numbers_may_differ {
        return Ok(Some(own == *bytes));
    }
    // The same bytes may be other numbers, and the same number other bytes.
    let size = item_size(format).unwrap_or(1);
    if bytes.len() / size != view.count {
        return Ok(Some(false));
    }
    for (left, right) in own
        .chunks_exact(view.item_size.max(1))
        .zip(bytes.chunks_exact(size))
    {
        let (left, right) = (unpack(own_format, left), unpack(format, right));
        if !compare::equal(cx, &left, &right)? {
            return Ok(Some(false));
        }
    }
    Ok(Some(true))
}

fn equal(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(equals(cx, args)?.map_or(Value::NotImplemented, Value::Bool))
}

fn not_equal(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(equals(cx, args)?.map_or(Value::NotImplemented, |equal| Value::Bool(!equal)))
}

fn hash_of(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let view = live(args)?;
    if !view.read_only {
        return Err(value_error("cannot hash writable memoryview object"));
    }
    let bytes = view.snapshot().unwrap_or_default();
    hash::hash(cx, &Value::bytes(bytes)).map(Value::Int)
}

fn repr(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (view, _) = this(args, "__repr__")?;
    let address = args.values[0]
        .as_instance()
        .map_or(0, |instance| instance.address());
    Ok(Value::from(if view.source().is_some() {
        format!("<memory at {address:#x}>")
    } else {
        format!("<released memory at {address:#x}>")
    }))
}

fn enter(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    live(args)?;
    Ok(args.values[0].clone())
}

fn exit(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    this(args, "__exit__")?.0.release();
    Ok(Value::None)
}

fn release(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (view, args) = this(args, "release")?;
    arguments::none("memoryview.release", args)?;
    view.release();
    Ok(Value::None)
}

const CAST: arguments::Signature<2> =
    arguments::Signature::new("cast", ["format", "shape"]).required(1);

fn cast(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let view = live(args)?;
    let [Some(format), shape] = CAST.bind(args.rest())? else {
        return Err(type_error(
            "cast() missing required argument 'format' (pos 1)",
        ));
    };
    if shape.is_some() {
        return Err(not_implemented("memoryview: several dimensions"));
    }
    let format = arguments::text(format, "cast() argument 'format'")?.as_str();
    let mut characters = format.strip_prefix('@').unwrap_or(format).chars();
    let (format, size) = match (characters.next(), characters.next()) {
        (Some(format), None) => (format, item_size(format)),
        _ => (' ', None),
    };
    let Some(size) = size else {
        return Err(value_error(
            "memoryview: destination format must be a native single character format prefixed \
             with an optional '@'",
        ));
    };
    if !view.is_contiguous() {
        return Err(type_error(
            "memoryview: casts are restricted to C-contiguous views",
        ));
    }
    let format = ItemFormat::Native(format);
    if !view.format.is_byte() && !format.is_byte() {
        return Err(type_error(
            "memoryview: cannot cast between two non-byte formats",
        ));
    }
    if view.size() % size != 0 {
        return Err(type_error(
            "memoryview: length is not a multiple of itemsize",
        ));
    }
    let count = view.size() / size;
    Ok(value(View::part(
        source(view)?,
        view.start..view.start + count,
        size as isize,
        size,
        format,
        view.read_only,
    )))
}

fn hex(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let view = live(args)?;
    let bytes = view.snapshot().unwrap_or_default();
    hex_text(cx, &bytes, args.rest())
}

fn to_bytes(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let view = live(args)?;
    Ok(Value::bytes(view.snapshot().unwrap_or_default()))
}

fn to_list(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let view = live(args)?;
    arguments::none("memoryview.tolist", args.rest())?;
    if view.single {
        return item(view, &source(view)?, 0);
    }
    items(view).map(Value::list)
}

fn to_read_only(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let view = live(args)?;
    Ok(value(again(view, true)?))
}
