//! Text in files: decoding what was read, lines, encoding what is written. It must not know
//! descriptors beyond the bytes they give.

use super::raw::Raw;
use crate::eval::context::Context;
use crate::value::{Outcome, codec, room};

/// How line ends are treated: the `newline` argument of `open`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newline {
    /// `None`: any line end is read as a line feed.
    Universal,
    /// `''`: any line end ends a line, and is read as it is.
    Untranslated,
    /// Only this one ends a line; line feeds are written as it.
    Only(&'static str),
}

/// The text side of a file.
pub struct Text {
    encoding: String,
    errors: String,
    newline: Newline,
    /// Read but not decoded: the beginning of a character.
    raw: Vec<u8>,
    /// Decoded but not taken.
    decoded: String,
    /// How much of `decoded` was taken.
    taken: usize,
    /// `decoded` with its line ends as they were, where that is different; empty otherwise.
    original: String,
    /// Something was written, so that no mark of byte order follows.
    begun: bool,
    /// Which line ends were read so far: CR, LF, CR LF.
    ends: [bool; 3],
}

/// How an encoding can be decoded piece by piece.
enum Pieces {
    /// Characters of one to four bytes, each recognisable by itself.
    Utf8,
    /// One byte a character.
    Single,
    /// Several bytes a character, of which none is a line feed: by whole lines.
    Lines,
    /// Only as a whole.
    Whole,
}

fn pieces(encoding: &str) -> Pieces {
    let plain: String = encoding
        .chars()
        .filter(|c| c.is_ascii_alphanumeric())
        .map(|c| c.to_ascii_lowercase())
        .collect();
    match &*plain {
        "utf8" | "u8" | "cp65001" => Pieces::Utf8,
        "ascii" | "usascii" | "646" | "latin1" | "iso88591" | "l1" | "8859" | "cp1252"
        | "windows1252" => Pieces::Single,
        "utf16" | "u16" | "utf16le" | "utf16be" | "utf32" | "u32" | "utf32le" | "utf32be"
        | "utf8sig" => Pieces::Whole,
        _ => Pieces::Lines,
    }
}

impl Text {
    /// The text side of a file that was just opened.
    pub fn new(encoding: &str, errors: &str, newline: Newline) -> Text {
        Text {
            encoding: encoding.to_owned(),
            errors: errors.to_owned(),
            newline,
            raw: Vec::new(),
            decoded: String::new(),
            taken: 0,
            original: String::new(),
            begun: false,
            ends: [false; 3],
        }
    }

    /// The line ends that were read so far, as `newlines` gives them.
    pub fn line_ends(&self) -> impl Iterator<Item = &'static str> {
        let ends = ["\r", "\n", "\r\n"].into_iter().zip(self.ends);
        ends.filter(|(_, seen)| *seen).map(|(end, _)| end)
    }

    /// Notes the line ends of another piece.
    fn note_ends(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let is_plain = memchr::memchr(b'\r', bytes).is_none();
        let mut place = 0;
        while let Some(found) = memchr::memchr2(b'\n', b'\r', &bytes[place..]) {
            place += found;
            let kind = match &bytes[place..] {
                [b'\r', b'\n', ..] => 2,
                [b'\r', ..] => 0,
                _ => 1,
            };
            self.ends[kind] = true;
            // Once all that a plain text has is known, nothing is to be learnt from the rest.
            if self.ends[1] && is_plain {
                return;
            }
            place += if kind == 2 { 2 } else { 1 };
        }
    }

    fn rest(&self) -> &str {
        &self.decoded[self.taken..]
    }

    /// Forgets what was read ahead.
    pub fn forget(&mut self) {
        self.raw.clear();
        self.decoded.clear();
        self.original.clear();
        self.taken = 0;
    }

    /// How many bytes of the file were read but not taken by the script.
    pub fn ahead(&self) -> Outcome<u64> {
        let rest = self.original_rest();
        let rest = if rest.is_empty() {
            0
        } else {
            codec::encode(rest, &self.encoding, &self.errors)?.len()
        };
        Ok((self.raw.len() + rest) as u64)
    }

    /// Decodes another piece; false at the end.
    fn fill(&mut self, cx: &mut Context, raw: &mut Raw) -> Outcome<bool> {
        let kind = pieces(&self.encoding);
        let (piece, ended) = match kind {
            Pieces::Whole => (raw.read_all(cx)?, true),
            _ => {
                let piece = raw.read_some(cx)?;
                let ended = piece.is_empty();
                (piece, ended)
            }
        };
        room::append(&mut self.raw, &piece)?;
        let end = if ended {
            self.raw.len()
        } else {
            self.decodable(&kind)
        };
        if end == 0 {
            return Ok(!ended);
        }
        let bytes: Vec<u8> = self.raw.drain(..end).collect();
        let text = codec::decode(&bytes, &self.encoding, &self.errors)?;
        if matches!(self.newline, Newline::Universal | Newline::Untranslated) {
            self.note_ends(&text);
        }
        self.drop_taken();
        let translated = self.newline == Newline::Universal && text.contains('\r');
        if translated && self.original.is_empty() {
            room::append_text(&mut self.original, &self.decoded)?;
        }
        if translated || !self.original.is_empty() {
            room::append_text(&mut self.original, &text)?;
        }
        if translated {
            let text = text.replace("\r\n", "\n").replace('\r', "\n");
            room::append_text(&mut self.decoded, &text)?;
        } else {
            room::append_text(&mut self.decoded, &text)?;
        }
        Ok(true)
    }

    /// Forgets what was taken. A piece that follows is only added to the rest, so that reading all of a file takes
    /// linear time.
    fn drop_taken(&mut self) {
        if self.taken == 0 {
            return;
        }
        let original = self.original_taken();
        self.original.drain(..original);
        self.decoded.drain(..self.taken);
        self.taken = 0;
        if self.original.len() == self.decoded.len() && !self.original.contains('\r') {
            self.original.clear();
        }
    }

    /// What is decoded but not taken, with its line ends as they were.
    fn original_rest(&self) -> &str {
        if self.original.is_empty() {
            return self.rest();
        }
        &self.original[self.original_taken()..]
    }

    /// How much of `original` was taken.
    fn original_taken(&self) -> usize {
        if self.original.is_empty() {
            return 0;
        }
        // Every line end became one byte; all else stayed as long as it was.
        let bytes = self.original.as_bytes();
        let mut place = 0;
        for _ in 0..self.taken {
            let pair = bytes[place..].starts_with(b"\r\n");
            place += if pair { 2 } else { 1 };
        }
        place
    }

    /// How many of the raw bytes can be decoded now.
    fn decodable(&self, kind: &Pieces) -> usize {
        let mut end = self.raw.len();
        if let Pieces::Lines = kind {
            return memchr::memrchr(b'\n', &self.raw).map_or(0, |place| place + 1);
        }
        if let Pieces::Utf8 = kind
            && let Err(error) = std::str::from_utf8(&self.raw)
            && error.error_len().is_none()
        {
            end = error.valid_up_to();
        }
        // A carriage return at the end may be the first half of a line end.
        if self.newline != Newline::Only("\n") && end > 0 && self.raw[end - 1] == b'\r' {
            end -= 1;
        }
        end
    }

    /// Takes this many bytes of the decoded text.
    ///
    /// # Errors
    /// `MemoryError`.
    fn take(&mut self, length: usize) -> Outcome<String> {
        if self.taken == 0 && length == self.decoded.len() {
            self.original.clear();
            return Ok(std::mem::take(&mut self.decoded));
        }
        let mut text = String::new();
        room::append_text(&mut text, &self.rest()[..length])?;
        self.taken += length;
        Ok(text)
    }

    /// Up to `count` characters, all for `None`.
    pub fn read(
        &mut self,
        cx: &mut Context,
        raw: &mut Raw,
        count: Option<usize>,
    ) -> Outcome<String> {
        let Some(count) = count else {
            while self.fill(cx, raw)? {}
            return self.take(self.rest().len());
        };
        let (mut looked, mut missing) = (0, count);
        loop {
            let rest = &self.rest()[looked..];
            let mut seen = 0;
            for (place, _) in rest.char_indices() {
                if seen == missing {
                    return self.take(looked + place);
                }
                seen += 1;
            }
            missing -= seen;
            looked += rest.len();
            if missing == 0 || !self.fill(cx, raw)? {
                return self.take(self.rest().len());
            }
        }
    }

    /// Up to the next line end, which is included; empty at the end.
    pub fn read_line(
        &mut self,
        cx: &mut Context,
        raw: &mut Raw,
        most: Option<usize>,
    ) -> Outcome<String> {
        let mut looked = 0;
        let end = loop {
            if let Some(end) = self.line_end(looked) {
                break end;
            }
            looked = self.rest().len().saturating_sub(1);
            while !self.rest().is_char_boundary(looked) {
                looked -= 1;
            }
            if !self.fill(cx, raw)? {
                break self.rest().len();
            }
        };
        let end = match most {
            Some(most) => self.rest()[..end]
                .char_indices()
                .nth(most)
                .map_or(end, |(place, _)| place),
            None => end,
        };
        self.take(end)
    }

    /// Where the first line ends, looked for from this byte on.
    fn line_end(&self, from: usize) -> Option<usize> {
        let rest = self.rest();
        match self.newline {
            Newline::Universal => rest[from..].find('\n').map(|place| from + place + 1),
            Newline::Only(end) => rest[from..].find(end).map(|place| from + place + end.len()),
            Newline::Untranslated => {
                let place = from + rest[from..].find(['\n', '\r'])?;
                let pair = rest[place..].starts_with("\r\n");
                Some(place + if pair { 2 } else { 1 })
            }
        }
    }

    /// Encodes and writes.
    pub fn write(&mut self, cx: &mut Context, raw: &mut Raw, text: &str) -> Outcome<()> {
        if !self.raw.is_empty() || !self.rest().is_empty() {
            self.forget();
        }
        let translated;
        let text = match self.newline {
            Newline::Only(end) if end != "\n" => {
                translated = text.replace('\n', end);
                &translated
            }
            _ => text,
        };
        if let Pieces::Utf8 = pieces(&self.encoding) {
            return raw.write(cx, text.as_bytes());
        }
        let mut bytes = codec::encode(text, &self.encoding, &self.errors)?;
        if self.begun {
            // The mark of byte order stands at the beginning of the file only.
            let mark = codec::encode("", &self.encoding, &self.errors)?;
            bytes.drain(..mark.len().min(bytes.len()));
        }
        self.begun = true;
        raw.write(cx, &bytes)
    }

    /// Notes that the file does not begin where the next text goes.
    pub fn set_begun(&mut self) {
        self.begun = true;
    }
}
