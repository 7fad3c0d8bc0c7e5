//! Values that are made of bytes: `bytes`, `bytearray`, `memoryview` and what native modules add.
//! Knows how bytes are read and changed; it must not know the methods that scripts call.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Value;
use super::instance::{NativeData, Payload};
use super::lock::Guarded;
use super::object::Ref;
use super::scalar::Bytes;

/// The bytes of a `bytearray`.
#[derive(Default)]
pub struct ByteArray {
    bytes: Guarded<Vec<u8>>,
    /// How many views there are; with any the length must not change.
    views: AtomicUsize,
}

impl ByteArray {
    /// These bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        ByteArray {
            bytes: Guarded::new(bytes),
            views: AtomicUsize::new(0),
        }
    }

    /// A copy of the bytes at this moment.
    pub fn snapshot(&self) -> Vec<u8> {
        self.bytes.lock().clone()
    }

    /// Does something with the bytes, which must neither run script code nor block. Views see
    /// changes; the length must stay.
    #[inline]
    pub fn with<R>(&self, f: impl FnOnce(&mut [u8]) -> R) -> R {
        f(&mut self.bytes.lock())
    }

    /// Changes the bytes and perhaps their number; `None` when there is a view of them. `f` must
    /// neither run script code nor block.
    #[inline]
    pub fn resize<R>(&self, f: impl FnOnce(&mut Vec<u8>) -> R) -> Option<R> {
        let mut bytes = self.bytes.lock();
        if self.views.load(Ordering::Acquire) > 0 {
            return None;
        }
        Some(f(&mut bytes))
    }

    /// Whether there is a view of the bytes.
    pub fn has_views(&self) -> bool {
        self.views.load(Ordering::Acquire) > 0
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        self.bytes.lock().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl NativeData for ByteArray {
    fn weight(&self) -> usize {
        // SAFETY: one word of the vector is loaded; no reference to a byte is made.
        unsafe { (*self.bytes.as_ptr()).len() }
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        Some(self.snapshot())
    }
}

/// How items are written, in the notation of `struct`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ItemFormat {
    /// A native number, or byte: its items can be read and written one at a time.
    Native(char),
    /// Anything else; its items can only be moved.
    Other(Arc<str>),
}

impl ItemFormat {
    /// The character of a native one.
    pub fn native(&self) -> Option<char> {
        match self {
            ItemFormat::Native(format) => Some(*format),
            ItemFormat::Other(_) => None,
        }
    }

    /// Whether an item is a byte.
    pub fn is_byte(&self) -> bool {
        matches!(self, ItemFormat::Native('b' | 'B' | 'c'))
    }
}

impl fmt::Display for ItemFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ItemFormat::Native(format) => write!(f, "{format}"),
            ItemFormat::Other(format) => f.write_str(format),
        }
    }
}

/// What the bytes of some memory are.
#[derive(Clone, Debug)]
pub struct Items {
    /// How one is written.
    pub format: ItemFormat,
    /// Bytes of an item.
    pub size: usize,
    /// In how many dimensions they lie: none when there is one item that is no sequence.
    pub dimensions: usize,
}

impl Items {
    /// Plain bytes.
    pub const fn bytes() -> Items {
        Items {
            format: ItemFormat::Native('B'),
            size: 1,
            dimensions: 1,
        }
    }
}

/// Memory that a `memoryview` can show: made by native modules (shared memory, mapped files, arrays).
pub trait Memory: Send + Sync + 'static {
    /// What its bytes are.
    fn items(&self) -> Items {
        Items::bytes()
    }

    /// Number of bytes.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it cannot be changed.
    fn is_read_only(&self) -> bool {
        false
    }

    /// Copies bytes out, as many as `to` has room for.
    fn read(&self, start: usize, to: &mut [u8]);

    /// Copies bytes in.
    fn write(&self, start: usize, from: &[u8]);
}

/// What a view shows.
#[derive(Clone)]
pub enum Source {
    /// A `bytes`.
    Bytes(Ref<Bytes>),
    /// A `bytearray`; the value is an instance with that payload.
    ByteArray(Value),
    /// Other memory.
    Memory(Arc<dyn Memory>, Value),
}

impl Source {
    /// The object that has the memory.
    pub fn object(&self) -> Value {
        match self {
            Source::Bytes(bytes) => Value::Bytes(bytes.clone()),
            Source::ByteArray(value) | Source::Memory(_, value) => value.clone(),
        }
    }

    /// Whether it cannot be changed.
    pub fn is_read_only(&self) -> bool {
        match self {
            Source::Bytes(_) => true,
            Source::ByteArray(_) => false,
            Source::Memory(memory, _) => memory.is_read_only(),
        }
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        match self {
            Source::Bytes(bytes) => bytes.get().len(),
            Source::ByteArray(value) => byte_array(value).map_or(0, ByteArray::len),
            Source::Memory(memory, _) => memory.len(),
        }
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies bytes out.
    pub fn read(&self, start: usize, to: &mut [u8]) {
        let range = start..start + to.len();
        match self {
            Source::Bytes(bytes) => to.copy_from_slice(&bytes.get()[range]),
            Source::ByteArray(value) => {
                if let Some(array) = byte_array(value) {
                    // A view that another thread released just now no longer holds the length.
                    array.with(|bytes| {
                        if let Some(bytes) = bytes.get(range) {
                            to.copy_from_slice(bytes);
                        }
                    });
                }
            }
            Source::Memory(memory, _) => memory.read(start, to),
        }
    }

    /// Copies bytes in.
    pub fn write(&self, start: usize, from: &[u8]) {
        let range = start..start + from.len();
        match self {
            Source::Bytes(_) => {}
            Source::ByteArray(value) => {
                if let Some(array) = byte_array(value) {
                    array.with(|bytes| {
                        if let Some(bytes) = bytes.get_mut(range) {
                            bytes.copy_from_slice(from);
                        }
                    });
                }
            }
            Source::Memory(memory, _) => memory.write(start, from),
        }
    }

    fn change_views(&self, change: impl FnOnce(&AtomicUsize)) {
        if let Source::ByteArray(value) = self
            && let Some(array) = byte_array(value)
        {
            // Under the lock, so that no change of length is under way.
            let guard = array.bytes.lock();
            change(&array.views);
            drop(guard);
        }
    }
}

/// The payload of a `bytearray`.
#[inline]
pub fn byte_array(value: &Value) -> Option<&ByteArray> {
    value.as_instance()?.native()
}

/// The payload of a `memoryview`: every `step`th item of a part of the source.
pub struct View {
    /// What it shows; `None` once it was released.
    source: Guarded<Option<Source>>,
    /// Offset of the first item in bytes.
    pub start: usize,
    /// Number of items.
    pub count: usize,
    /// Distance of two items in bytes.
    pub step: isize,
    /// Bytes of an item.
    pub item_size: usize,
    /// How an item is written in the notation of `struct`.
    pub format: ItemFormat,
    /// Whether it is one item, and no sequence of items.
    pub single: bool,
    /// Whether it cannot be changed.
    pub read_only: bool,
}

impl View {
    /// A view of all that the source has.
    pub fn new(source: Source) -> View {
        let read_only = source.is_read_only();
        let items = match &source {
            Source::Memory(memory, _) => memory.items(),
            _ => Items::bytes(),
        };
        let (size, step) = (items.size.max(1), items.size as isize);
        let mut view = View::part(source, 0..0, step, items.size, items.format, read_only);
        view.single = items.dimensions == 0;
        // Only now the length is fixed.
        view.count = match view.single {
            true => 1,
            false => view.source().map_or(0, |source| source.len()) / size,
        };
        view
    }

    /// A view of `range.len()` items from byte `range.start` on; the caller has checked that
    /// they are within the source.
    pub fn part(
        source: Source,
        range: Range<usize>,
        step: isize,
        item_size: usize,
        format: ItemFormat,
        read_only: bool,
    ) -> View {
        source.change_views(|views| {
            views.fetch_add(1, Ordering::AcqRel);
        });
        View {
            source: Guarded::new(Some(source)),
            start: range.start,
            count: range.len(),
            step,
            item_size,
            format,
            single: false,
            read_only,
        }
    }

    /// What it shows; `None` once it was released.
    pub fn source(&self) -> Option<Source> {
        self.source.lock().clone()
    }

    /// Lets go of the source.
    pub fn release(&self) {
        let source = self.source.lock().take();
        if let Some(source) = source {
            source.change_views(|views| {
                views.fetch_sub(1, Ordering::AcqRel);
            });
        }
    }

    /// Offset of an item in bytes.
    pub fn offset(&self, index: usize) -> usize {
        self.start
            .wrapping_add_signed((index as isize).wrapping_mul(self.step))
    }

    /// Number of bytes of all items.
    pub fn size(&self) -> usize {
        self.count * self.item_size
    }

    /// Whether the items follow each other without gaps.
    pub fn is_contiguous(&self) -> bool {
        self.count <= 1 || self.step == self.item_size as isize
    }

    /// A copy of all items' bytes; `None` once it was released.
    pub fn snapshot(&self) -> Option<Vec<u8>> {
        let source = self.source()?;
        let mut bytes = vec![0; self.size()];
        if self.is_contiguous() {
            source.read(self.start, &mut bytes);
        } else if self.item_size > 0 {
            for (index, item) in bytes.chunks_exact_mut(self.item_size).enumerate() {
                source.read(self.offset(index), item);
            }
        }
        Some(bytes)
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.release();
    }
}

impl NativeData for View {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        if let Some(source) = self.source() {
            visit(&source.object());
        }
    }

    fn clear(&self) {
        self.release();
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        self.snapshot()
    }
}

/// The bytes of a value made of bytes: the object's own where it never changes, a copy where it
/// may.
pub enum BytesLike {
    /// Those of a `bytes`.
    Shared(Ref<Bytes>),
    /// A copy.
    Copied(Vec<u8>),
}

impl BytesLike {
    /// The bytes of a value; `None` when it is not made of bytes, or is a released view.
    pub fn of(value: &Value) -> Option<BytesLike> {
        match value.unwrapped() {
            Value::Bytes(bytes) => Some(BytesLike::Shared(bytes.clone())),
            Value::Instance(instance) => {
                let Payload::Native(data) = instance.payload() else {
                    return None;
                };
                data.bytes().map(BytesLike::Copied)
            }
            _ => None,
        }
    }

    /// The bytes as a vector.
    pub fn into_vec(self) -> Vec<u8> {
        match self {
            BytesLike::Shared(bytes) => bytes.get().to_vec(),
            BytesLike::Copied(bytes) => bytes,
        }
    }
}

impl Deref for BytesLike {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            BytesLike::Shared(bytes) => bytes.get(),
            BytesLike::Copied(bytes) => bytes,
        }
    }
}
