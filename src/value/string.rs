//! Strings: sequences of Unicode scalar values. Knows text, its length in characters and its
//! hash; it must not know the methods that scripts call on strings.

use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::leaf_object;

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

leaf_object!(Str);

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
pub fn hash_text(text: &str) -> u64 {
    static KEYS: OnceLock<RandomState> = OnceLock::new();
    let hash = KEYS.get_or_init(RandomState::new).hash_one(text);
    if hash == 0 { 1 } else { hash }
}

impl std::fmt::Debug for Str {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.text.fmt(f)
    }
}
