//! Strings: sequences of Unicode scalar values. Knows text, its length in characters and its
//! hash; it must not know the methods that scripts call on strings.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Value;
use super::object::{Object, Ref};

/// A string that is never changed.
///
/// Its text lies behind the object itself, or, if it is long or was put together piece by piece, in
/// memory of its own.
pub struct Str {
    /// `length` bytes of UTF-8.
    text: NonNull<u8>,
    length: usize,
    /// The size of the text's own memory; 0 when it lies behind the object.
    capacity: usize,
    /// How many values there is room for behind the object.
    behind: u32,
    /// Number of characters; equal to the number of bytes exactly when the text is ASCII.
    characters: usize,
    /// The hash, or 0 before it was asked for.
    hash: AtomicU64,
    /// Byte offset of every 64th character, made when a text that is not ASCII is first indexed.
    marks: OnceLock<Marks>,
}

type Marks = Box<Box<[u32]>>;

// SAFETY: the text belongs to the string and is changed only through an exclusive reference.
unsafe impl Send for Str {}
// SAFETY: as above.
unsafe impl Sync for Str {}

impl Object for Str {
    const IS_LEAF: bool = true;
    const IS_HEAVY: bool = true;

    fn weight(&self) -> usize {
        self.length
    }

    fn traverse(&self, _visit: &mut dyn FnMut(&Value)) {}

    #[inline(always)]
    fn room(&self) -> usize {
        self.behind as usize
    }
}

/// Distance of the marks of [`Str::offset`], in characters.
const MARK: usize = 64;

/// Longer texts that are there already stay where they are, shorter ones are copied behind the
/// object: that costs less than memory of their own.
const LONG: usize = 256;

/// What a string can be made of.
pub trait Text {
    /// The string.
    fn into_str(self) -> Ref<Str>;
}

impl Text for &str {
    #[inline]
    fn into_str(self) -> Ref<Str> {
        Str::of(self)
    }
}

impl Text for String {
    #[inline]
    fn into_str(self) -> Ref<Str> {
        if self.len() <= LONG {
            return Str::of(&self);
        }
        Str::keeping(self)
    }
}

impl Text for &String {
    #[inline]
    fn into_str(self) -> Ref<Str> {
        Str::of(self)
    }
}

impl Text for Box<str> {
    fn into_str(self) -> Ref<Str> {
        self.into_string().into_str()
    }
}

impl Text for Cow<'_, str> {
    fn into_str(self) -> Ref<Str> {
        match self {
            Cow::Borrowed(text) => text.into_str(),
            Cow::Owned(text) => text.into_str(),
        }
    }
}

impl Str {
    /// A string of this text.
    pub fn of(text: &str) -> Ref<Str> {
        Str::copied(text, Ref::with_room)
    }

    #[inline(always)]
    fn copied(text: &str, make: impl FnOnce(Str, usize) -> Ref<Str>) -> Ref<Str> {
        let bytes = text.as_bytes();
        let characters = count_characters(text);
        Str::filled(bytes.len(), characters, make, |place| {
            // SAFETY: there is room for as many bytes, in memory that nobody else knows.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()) };
        })
    }

    /// A string that many things refer to and that is never given back.
    pub fn immortal(text: &str) -> Ref<Str> {
        Str::copied(text, Ref::for_good)
    }

    /// A string of this text, which stays where it is.
    fn keeping(mut text: String) -> Ref<Str> {
        if text.capacity() - text.len() > text.len() / 4 {
            text.shrink_to_fit();
        }
        let characters = count_characters(&text);
        let mut text = ManuallyDrop::new(text.into_bytes());
        Ref::new(Str {
            // SAFETY: a vector's pointer is not null.
            text: unsafe { NonNull::new_unchecked(text.as_mut_ptr()) },
            length: text.len(),
            capacity: text.capacity(),
            behind: 0,
            characters,
            hash: AtomicU64::new(0),
            marks: OnceLock::new(),
        })
    }

    /// A string of two texts, one behind the other.
    pub(super) fn concatenated(left: &Str, right: &Str) -> Option<Ref<Str>> {
        let length = left.length.checked_add(right.length)?;
        let characters = left.characters + right.characters;
        if length > LONG {
            let mut text = String::new();
            text.try_reserve_exact(length).ok()?;
            text.push_str(left.as_str());
            text.push_str(right.as_str());
            return Some(Str::keeping(text));
        }
        Some(Str::filled(length, characters, Ref::with_room, |place| {
            // SAFETY: there is room for both, in memory that nobody else knows.
            unsafe {
                std::ptr::copy_nonoverlapping(left.text.as_ptr(), place, left.length);
                let rest = place.add(left.length);
                std::ptr::copy_nonoverlapping(right.text.as_ptr(), rest, right.length);
            }
        }))
    }

    /// A string whose text `fill` writes behind the object: all of it, as UTF-8 with that many
    /// characters.
    #[inline(always)]
    fn filled(
        length: usize,
        characters: usize,
        make: impl FnOnce(Str, usize) -> Ref<Str>,
        fill: impl FnOnce(*mut u8),
    ) -> Ref<Str> {
        let behind = length.div_ceil(size_of::<Value>());
        // Texts behind an object are shorter than 64 GiB: who makes longer ones keeps a `String`.
        let mut made = make(
            Str {
                text: NonNull::dangling(),
                length,
                capacity: 0,
                behind: behind as u32,
                characters,
                hash: AtomicU64::new(0),
                marks: OnceLock::new(),
            },
            behind,
        );
        let place = made.room_behind().cast::<u8>();
        fill(place);
        // SAFETY: nobody else knows the object yet; the room behind it is not at address 0.
        unsafe { made.made_just_now().text = NonNull::new_unchecked(place) };
        made
    }

    /// Puts the text of another string behind this one, for a string that nobody else can see yet; `false` when
    /// there is no memory. A string built piece by piece takes linear time.
    pub(super) fn append(&mut self, more: &Str) -> bool {
        let mut text = if self.capacity == 0 {
            let mut text = String::new();
            if text
                .try_reserve((self.length + more.length).max(2 * self.length))
                .is_err()
            {
                return false;
            }
            text.push_str(self.as_str());
            text
        } else {
            // SAFETY: the string's own memory, made by a `String`; `keep` says where it is then.
            unsafe { String::from_raw_parts(self.text.as_ptr(), self.length, self.capacity) }
        };
        let room = text.try_reserve(more.length).is_ok();
        if room {
            text.push_str(more.as_str());
            self.characters += more.characters;
            self.hash = AtomicU64::new(0);
            self.marks = OnceLock::new();
        }
        let mut text = ManuallyDrop::new(text.into_bytes());
        // SAFETY: a vector's pointer is not null.
        self.text = unsafe { NonNull::new_unchecked(text.as_mut_ptr()) };
        self.length = text.len();
        self.capacity = text.capacity();
        room
    }

    /// The text.
    #[inline(always)]
    pub fn as_str(&self) -> &str {
        // SAFETY: `length` bytes of UTF-8, which belong to the string.
        unsafe {
            std::str::from_utf8_unchecked(std::slice::from_raw_parts(
                self.text.as_ptr(),
                self.length,
            ))
        }
    }

    /// Number of characters, what `len` gives.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.characters
    }

    /// Whether it has no characters.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether every character takes one byte.
    #[inline(always)]
    pub fn is_ascii(&self) -> bool {
        self.characters == self.length
    }

    /// The hash, never 0; the same for equal texts within a process and its forked children.
    #[inline]
    pub fn hash(&self) -> u64 {
        let known = self.hash.load(Ordering::Relaxed);
        if known != 0 {
            return known;
        }
        let hash = hash_text(self.as_str());
        self.hash.store(hash, Ordering::Relaxed);
        hash
    }

    /// Byte offset of the character with this index; `index` may be the length.
    pub fn offset(&self, index: usize) -> usize {
        if self.is_ascii() {
            return index;
        }
        if index >= self.characters {
            return self.length;
        }
        let marks = self.marks.get_or_init(|| {
            let marks = self
                .as_str()
                .char_indices()
                .step_by(MARK)
                // Texts beyond 4 GiB that are not ASCII saturate, and are scanned from there.
                .map(|(offset, _)| u32::try_from(offset).unwrap_or(u32::MAX))
                .collect();
            Box::new(marks)
        });
        let mark = index / MARK;
        let (mut start, mut skip) = (marks[mark] as usize, index % MARK);
        if marks[mark] == u32::MAX {
            start = 0;
            skip = index;
        }
        self.as_str()[start..]
            .char_indices()
            .nth(skip)
            .map_or(self.length, |(offset, _)| start + offset)
    }

    /// The character at this index, if there is one.
    pub fn character(&self, index: usize) -> Option<char> {
        if index >= self.characters {
            return None;
        }
        if self.is_ascii() {
            return Some(char::from(self.as_str().as_bytes()[index]));
        }
        self.as_str()[self.offset(index)..].chars().next()
    }

    /// The text of the characters in this range.
    pub fn slice(&self, range: Range<usize>) -> &str {
        &self.as_str()[self.offset(range.start)..self.offset(range.end)]
    }

    /// Index of the character that starts at this byte offset.
    pub fn index_of_offset(&self, offset: usize) -> usize {
        if self.is_ascii() {
            offset
        } else {
            self.as_str()[..offset].chars().count()
        }
    }
}

impl Drop for Str {
    #[inline(always)]
    fn drop(&mut self) {
        if self.capacity != 0 {
            // SAFETY: the string's own memory, made by a `String` of this capacity.
            drop(unsafe { String::from_raw_parts(self.text.as_ptr(), self.length, self.capacity) });
        }
    }
}

#[inline]
fn count_characters(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.chars().count()
    }
}

/// The hash of a text as [`Str::hash`] gives it: keyed once a process, never 0.
///
/// Each step multiplies two words, mixed with the keys, and folds the product, so that every bit of
/// the text reaches every bit of the hash: the construction of wyhash (Wang Yi) and its kin. Whoever
/// does not know the keys cannot choose texts that collide.
pub fn hash_text(text: &str) -> u64 {
    static KEYS: OnceLock<[u64; 2]> = OnceLock::new();
    let [key, other] = *KEYS.get_or_init(|| {
        let random = RandomState::new();
        [random.hash_one(0u8), random.hash_one(1u8)]
    });
    let bytes = text.as_bytes();
    let mut hash = key ^ bytes.len() as u64;
    let (first, second) = match bytes.len() {
        0 => (0, 0),
        1..=3 => {
            let middle = bytes[bytes.len() / 2];
            let (first, last) = (bytes[0], bytes[bytes.len() - 1]);
            (
                u64::from(first) | u64::from(middle) << 8 | u64::from(last) << 16,
                0,
            )
        }
        4..=8 => (
            u64::from(half_word(bytes, 0)),
            u64::from(half_word(bytes, bytes.len() - 4)),
        ),
        length => {
            let mut at = 0;
            while length - at > 16 {
                hash = folded(word(bytes, at) ^ hash, word(bytes, at + 8) ^ other);
                at += 16;
            }
            // The last sixteen bytes, or all of a shorter text, which overlap what came before.
            let second_last = length.saturating_sub(16);
            (word(bytes, second_last), word(bytes, length - 8))
        }
    };
    hash = folded(first ^ hash, second ^ other);
    hash = folded(hash ^ other, 0x9E37_79B9_7F4A_7C15);
    if hash == 0 { 1 } else { hash }
}

#[inline(always)]
fn folded(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    product as u64 ^ (product >> 64) as u64
}

#[inline(always)]
fn word(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

#[inline(always)]
fn half_word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

impl std::fmt::Debug for Str {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}
