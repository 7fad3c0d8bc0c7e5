//! Strings: sequences of Unicode scalar values. Knows text, its length in characters and its
//! hash; it must not know the methods that scripts call on strings.

use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Value;
use super::object::Object;

/// A string that is never changed.
pub struct Str {
    text: Box<str>,
    /// Number of characters; equal to the number of bytes exactly when the text is ASCII.
    characters: usize,
    /// The hash, or 0 before it was asked for.
    hash: AtomicU64,
    /// Byte offset of every 64th character, made when a text that is not ASCII is first indexed.
    marks: OnceLock<Box<[u32]>>,
}

impl Object for Str {
    const IS_LEAF: bool = true;
    const IS_HEAVY: bool = true;

    fn weight(&self) -> usize {
        self.text.len()
    }

    fn traverse(&self, _visit: &mut dyn FnMut(&Value)) {}
}

/// Distance of the marks of [`Str::offset`], in characters.
const MARK: usize = 64;

impl Str {
    /// A string of this text.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        let text = text.into();
        let characters = if text.is_ascii() {
            text.len()
        } else {
            text.chars().count()
        };
        Str {
            text,
            characters,
            hash: AtomicU64::new(0),
            marks: OnceLock::new(),
        }
    }

    /// Puts another text behind this one, for a string that nobody else can see yet; `false` when
    /// there is no memory. The text stays where it is if the allocator can make room there, so
    /// that a string built piece by piece takes linear time.
    pub(super) fn append(&mut self, more: &Str) -> bool {
        let mut text = std::mem::take(&mut self.text).into_string();
        let room = text.try_reserve_exact(more.text.len()).is_ok();
        if room {
            text.push_str(&more.text);
            self.characters += more.characters;
            self.hash = AtomicU64::new(0);
            self.marks = OnceLock::new();
        }
        self.text = text.into_boxed_str();
        room
    }

    /// The text.
    #[inline(always)]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Number of characters, what `len` gives.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.characters
    }

    /// Whether it has no characters.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether every character takes one byte.
    #[inline(always)]
    pub fn is_ascii(&self) -> bool {
        self.characters == self.text.len()
    }

    /// The hash, never 0; the same for equal texts within a process and its forked children.
    #[inline]
    pub fn hash(&self) -> u64 {
        let known = self.hash.load(Ordering::Relaxed);
        if known != 0 {
            return known;
        }
        let hash = hash_text(&self.text);
        self.hash.store(hash, Ordering::Relaxed);
        hash
    }

    /// Byte offset of the character with this index; `index` may be the length.
    pub fn offset(&self, index: usize) -> usize {
        if self.is_ascii() {
            return index;
        }
        if index >= self.characters {
            return self.text.len();
        }
        let marks = self.marks.get_or_init(|| {
            self.text
                .char_indices()
                .step_by(MARK)
                // Texts beyond 4 GiB that are not ASCII saturate, and are scanned from there.
                .map(|(offset, _)| u32::try_from(offset).unwrap_or(u32::MAX))
                .collect()
        });
        let mark = index / MARK;
        let (mut start, mut skip) = (marks[mark] as usize, index % MARK);
        if marks[mark] == u32::MAX {
            start = 0;
            skip = index;
        }
        self.text[start..]
            .char_indices()
            .nth(skip)
            .map_or(self.text.len(), |(offset, _)| start + offset)
    }

    /// The character at this index, if there is one.
    pub fn character(&self, index: usize) -> Option<char> {
        if index >= self.characters {
            return None;
        }
        self.text[self.offset(index)..].chars().next()
    }

    /// The text of the characters in this range.
    pub fn slice(&self, range: Range<usize>) -> &str {
        &self.text[self.offset(range.start)..self.offset(range.end)]
    }

    /// Index of the character that starts at this byte offset.
    pub fn index_of_offset(&self, offset: usize) -> usize {
        if self.is_ascii() {
            offset
        } else {
            self.text[..offset].chars().count()
        }
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
        self.text.fmt(f)
    }
}
