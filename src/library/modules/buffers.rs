//! `_buffers`: what lets objects of classes written in conc stand where bytes are wanted, for `array` and `ctypes`. It must
//! not know what these classes do with their items.

use std::sync::{Arc, OnceLock};

use super::with_functions;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments::{self, Receiver, receiver};
use crate::library::methods::memoryview;
use crate::library::{define, native_object};
use crate::value::buffer::{ItemFormat, Items, Memory, Source, View, byte_array};
use crate::value::class::Class;
use crate::value::exception::{ExceptionKind, Raised, type_error, value_error};
use crate::value::function::Args;
use crate::value::instance::{NativeData, Payload};
use crate::value::list::List;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::room::filled;
use crate::value::{Outcome, Value};

/// Makes the module.
pub(super) fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("_buffers", &[]);
    module.set(Name::new("numbers"), Value::Class(numbers_class().clone()));
    module.set(Name::new("placed"), Value::Class(placed_class().clone()));
    Ok(module)
}

fn snapshot(memory: &dyn Memory) -> Option<Vec<u8>> {
    let mut bytes = filled(0, memory.len()).ok()?;
    memory.read(0, &mut bytes);
    Some(bytes)
}

// ---- a list of numbers, whose bytes are made when they are asked for ----

/// What a list of numbers carries: nothing before `_show`.
#[derive(Default)]
struct Numbers {
    shown: OnceLock<Shown>,
}

struct Shown {
    /// A list.
    list: Value,
    code: char,
    size: usize,
    /// One more for each piece of memory that views have.
    exports: Arc<()>,
}

impl Shown {
    fn memory(&self) -> Option<NumbersMemory> {
        let Value::List(list) = &self.list else {
            return None;
        };
        Some(NumbersMemory {
            list: list.clone(),
            code: self.code,
            size: self.size,
            _export: self.exports.clone(),
        })
    }
}

impl NativeData for Numbers {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        if let Some(shown) = self.shown.get() {
            visit(&shown.list);
        }
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        snapshot(&self.shown.get()?.memory()?)
    }

    fn memory(&self) -> Option<Arc<dyn Memory>> {
        Some(Arc::new(self.shown.get()?.memory()?))
    }
}

impl Receiver for Numbers {
    const CLASS: &'static str = "numbers";

    fn of(value: &Value) -> Option<&Self> {
        value.as_instance()?.native::<Self>()
    }
}

/// The items of a list as bytes.
struct NumbersMemory {
    list: Ref<List>,
    code: char,
    size: usize,
    _export: Arc<()>,
}

impl NumbersMemory {
    /// The bytes of an item; zeros where there is none.
    fn packed(&self, index: usize) -> [u8; 8] {
        let word = match self.list.get(index) {
            Some(Value::Int(number)) => number as u64,
            Some(Value::Bool(flag)) => u64::from(flag),
            Some(Value::BigInt(number)) => u64::try_from(number.get()).unwrap_or(0),
            Some(Value::Float(number)) if self.code == 'f' => (number as f32).to_bits().into(),
            Some(Value::Float(number)) => number.to_bits(),
            Some(Value::Str(text)) => text.as_str().chars().next().map_or(0, u64::from),
            _ => 0,
        };
        word.to_le_bytes()
    }

    fn unpacked(&self, bytes: &[u8]) -> Value {
        if !matches!(self.code, 'u' | 'w') {
            return memoryview::unpack(self.code, bytes);
        }
        let number = bytes.try_into().map_or(0, u32::from_le_bytes);
        let character = char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER);
        Value::from(character.to_string())
    }

    /// The items that so many bytes from `start` on are in: the number of the item, where in it the bytes begin, and which
    /// of the bytes they are.
    fn pieces(
        &self,
        start: usize,
        length: usize,
    ) -> impl Iterator<Item = (usize, usize, std::ops::Range<usize>)> {
        let size = self.size;
        let mut done = 0;
        std::iter::from_fn(move || {
            if done >= length {
                return None;
            }
            let (index, within) = ((start + done) / size, (start + done) % size);
            let piece = done..length.min(done + size - within);
            done = piece.end;
            Some((index, within, piece))
        })
    }
}

impl Memory for NumbersMemory {
    fn items(&self) -> Items {
        Items {
            format: match self.code {
                'u' | 'w' => ItemFormat::Other("w".into()),
                code => ItemFormat::Native(code),
            },
            size: self.size,
            dimensions: 1,
        }
    }

    fn len(&self) -> usize {
        self.list.len() * self.size
    }

    fn read(&self, start: usize, to: &mut [u8]) {
        for (index, within, piece) in self.pieces(start, to.len()) {
            let end = within + piece.len();
            to[piece].copy_from_slice(&self.packed(index)[within..end]);
        }
    }

    fn write(&self, start: usize, from: &[u8]) {
        for (index, within, piece) in self.pieces(start, from.len()) {
            let mut bytes = self.packed(index);
            bytes[within..within + piece.len()].copy_from_slice(&from[piece]);
            let value = self.unpacked(&bytes[..self.size]);
            if let Ok(index) = i64::try_from(index) {
                // The list is as long as it was when the view was made.
                let _ = self.list.set_signed(index, value);
            }
        }
    }
}

fn numbers_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("numbers");
        class.set(known().module, Value::str("_buffers"));
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                native_object::new(numbers_class(), args, Numbers::default())
            })],
        );
        define::methods(
            &class,
            &[("_show", show_numbers), ("_may_resize", may_resize)],
        );
        class
    })
}

/// `_show(list, code)`: these are the items, and this is what they are.
fn show_numbers(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (own, rest) = receiver::<Numbers>(args, "_show")?;
    let [list, code] = arguments::exactly("_show", rest)?;
    let code = code.as_str().and_then(|code| code.chars().next());
    let size = code.and_then(|code| match code {
        'u' | 'w' => Some(4),
        code => memoryview::item_size(code),
    });
    let (list @ Value::List(_), Some(code), Some(size)) = (list, code, size) else {
        return Err(type_error("a list and the code of its items are needed"));
    };
    let shown = Shown {
        list: list.clone(),
        code,
        size,
        exports: Arc::new(()),
    };
    match own.shown.set(shown) {
        Ok(()) => Ok(Value::None),
        Err(_) => Err(value_error("the items are shown already")),
    }
}

/// `_may_resize()`: there is no view of the items.
fn may_resize(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (own, _) = receiver::<Numbers>(args, "_may_resize")?;
    match own.shown.get() {
        Some(shown) if Arc::strong_count(&shown.exports) > 1 => Err(Raised::new(
            ExceptionKind::BufferError,
            "cannot resize an array that is exporting buffers",
        )),
        _ => Ok(Value::None),
    }
}

// ---- what lies at a place in some memory ----

/// What a thing that lies in memory carries: nothing before `_show`.
#[derive(Default)]
struct Placed {
    place: OnceLock<Place>,
}

struct Place {
    memory: Value,
    start: usize,
    size: usize,
    items: Items,
}

impl Place {
    fn memory(&self) -> Option<PlacedMemory> {
        let (source, before) = source_of(&self.memory)?;
        let start = before.checked_add(self.start)?;
        let end = start.checked_add(self.size)?;
        (end <= source.len()).then(|| PlacedMemory {
            source,
            start,
            size: self.size,
            items: self.items.clone(),
        })
    }
}

/// Where the bytes of a value that can be written to are, and where in there they begin.
fn source_of(value: &Value) -> Option<(Source, usize)> {
    if byte_array(value).is_some() {
        return Some((Source::ByteArray(value.clone()), 0));
    }
    let instance = value.as_instance()?;
    if let Some(view) = instance.native::<View>() {
        return Some((view.source()?, view.start));
    }
    match instance.payload() {
        Payload::Native(data) => Some((Source::Memory(data.memory()?, value.clone()), 0)),
        _ => None,
    }
}

impl NativeData for Placed {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        if let Some(place) = self.place.get() {
            visit(&place.memory);
        }
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        snapshot(&self.place.get()?.memory()?)
    }

    fn memory(&self) -> Option<Arc<dyn Memory>> {
        Some(Arc::new(self.place.get()?.memory()?))
    }
}

impl Receiver for Placed {
    const CLASS: &'static str = "placed";

    fn of(value: &Value) -> Option<&Self> {
        value.as_instance()?.native::<Self>()
    }
}

/// A part of other memory.
struct PlacedMemory {
    source: Source,
    start: usize,
    size: usize,
    items: Items,
}

impl Memory for PlacedMemory {
    fn items(&self) -> Items {
        self.items.clone()
    }

    fn len(&self) -> usize {
        self.size
    }

    fn is_read_only(&self) -> bool {
        self.source.is_read_only()
    }

    fn read(&self, start: usize, to: &mut [u8]) {
        self.source.read(self.start + start, to);
    }

    fn write(&self, start: usize, from: &[u8]) {
        self.source.write(self.start + start, from);
    }
}

fn placed_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("placed");
        class.set(known().module, Value::str("_buffers"));
        define::static_methods(
            &class,
            &[("__new__", |_, args| {
                native_object::new(placed_class(), args, Placed::default())
            })],
        );
        define::methods(&class, &[("_show", show_place)]);
        class
    })
}

/// `_show(memory, start, size, format, item_size, dimensions)`: there it lies.
fn show_place(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (own, rest) = receiver::<Placed>(args, "_show")?;
    let [memory, start, size, format, item_size, dimensions] = arguments::exactly("_show", rest)?;
    let mut number = |value: &Value| -> Outcome<usize> {
        let number = arguments::integer(cx, value)?;
        usize::try_from(number).map_err(|_| value_error("a place is no negative number"))
    };
    let format = arguments::text(format, "_show() argument 'format'")?.as_str();
    let place = Place {
        memory: memory.clone(),
        start: number(start)?,
        size: number(size)?,
        items: Items {
            format: match format {
                "B" => ItemFormat::Native('B'),
                other => ItemFormat::Other(other.into()),
            },
            size: number(item_size)?,
            dimensions: number(dimensions)?,
        },
    };
    match own.place.set(place) {
        Ok(()) => Ok(Value::None),
        Err(_) => Err(value_error("the place is shown already")),
    }
}
