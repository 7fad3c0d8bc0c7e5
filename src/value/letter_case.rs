//! Upper, lower and title case of texts. It must not know values.
//!
//! The mappings come from the standard library; title case and full case folding, which it lacks,
//! stand here.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use super::unicode::{is_cased, is_titlecase};

/// `str.lower`.
pub fn lower(text: &str) -> String {
    text.to_lowercase()
}

/// `str.upper`.
pub fn upper(text: &str) -> String {
    text.to_uppercase()
}

/// `str.casefold`: lower case of upper case, but for four places where that is not the folding.
pub fn casefold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii() => folded.push(c.to_ascii_lowercase()),
            // Dotless i stays apart from i.
            'ı' => folded.push(c),
            // Capital sharp s folds as the small one does.
            'ẞ' => folded.push_str("ss"),
            // Cherokee folds to capitals: the small letters came to Unicode later.
            '\u{13a0}'..='\u{13fd}' | '\u{ab70}'..='\u{abbf}' => folded.extend(c.to_uppercase()),
            c => folded.extend(c.to_uppercase().flat_map(char::to_lowercase)),
        }
    }
    folded
}

/// Appends the character in title case.
fn push_title(c: char, to: &mut String) {
    if c.is_ascii() {
        to.push(c.to_ascii_uppercase());
        return;
    }
    let code = c as u32;
    let single = |code: u32| char::from_u32(code).unwrap_or(c);
    match code {
        // Digraphs: capital, title and small letter follow each other.
        0x1c4..=0x1cc => to.push(single(0x1c5 + (code - 0x1c4) / 3 * 3)),
        0x1f1..=0x1f3 => to.push('\u{1f2}'),
        // Georgian has capitals, but titles are not written with them.
        0x10d0..=0x10fa | 0x10fd..=0x10ff => to.push(c),
        // Greek with a written-below iota keeps it so in a title.
        0x1f80..=0x1faf => to.push(single(code | 8)),
        0x1fb3 | 0x1fc3 | 0x1ff3 => to.push(single(code + 9)),
        0x1fbc | 0x1fcc | 0x1ffc => to.push(c),
        0x1fb2 | 0x1fb4 | 0x1fb7 | 0x1fc2 | 0x1fc4 | 0x1fc7 | 0x1ff2 | 0x1ff4 | 0x1ff7 => {
            // Upper case ends in a capital iota here, title case in the combining one.
            let mut upper: Vec<char> = c.to_uppercase().collect();
            upper.pop();
            to.extend(upper);
            to.push('\u{345}');
        }
        // Ligatures and ß: only the first of the letters is a capital.
        0xdf | 0x587 | 0xfb00..=0xfb06 | 0xfb13..=0xfb17 => {
            let mut upper = c.to_uppercase();
            to.extend(upper.next());
            to.extend(upper.flat_map(char::to_lowercase));
        }
        _ => to.extend(c.to_uppercase()),
    }
}

/// Appends the character in lower case as it stands at this byte offset of the text: a capital
/// sigma at the end of a word has a form of its own.
fn push_lower(c: char, text: &str, offset: usize, to: &mut String) {
    if c.is_ascii() {
        to.push(c.to_ascii_lowercase());
    } else if c == 'Σ' {
        let before = text[..offset]
            .chars()
            .rev()
            .find(|&c| !is_case_ignorable(c));
        let after = text[offset + c.len_utf8()..]
            .chars()
            .find(|&c| !is_case_ignorable(c));
        let last = before.is_some_and(is_cased) && !after.is_some_and(is_cased);
        to.push(if last { 'ς' } else { 'σ' });
    } else {
        to.extend(c.to_lowercase());
    }
}

/// Whether the ends of words look through it.
fn is_case_ignorable(c: char) -> bool {
    use GeneralCategory as Category;
    matches!(
        c.general_category(),
        Category::NonspacingMark
            | Category::EnclosingMark
            | Category::Format
            | Category::ModifierLetter
            | Category::ModifierSymbol
    ) || matches!(
        c,
        '\'' | '.'
            | ':'
            | '·'
            | '\u{387}'
            | '\u{55f}'
            | '\u{5f4}'
            | '\u{2018}'
            | '\u{2019}'
            | '\u{2024}'
            | '\u{2027}'
            | '\u{fe13}'
            | '\u{fe52}'
            | '\u{fe55}'
            | '\u{ff07}'
            | '\u{ff0e}'
            | '\u{ff1a}'
    )
}

/// `str.capitalize`.
pub fn capitalize(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for (offset, c) in text.char_indices() {
        if offset == 0 {
            push_title(c, &mut result);
        } else {
            push_lower(c, text, offset, &mut result);
        }
    }
    result
}

/// `str.title`.
pub fn title(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut inside = false;
    for (offset, c) in text.char_indices() {
        if inside {
            push_lower(c, text, offset, &mut result);
        } else {
            push_title(c, &mut result);
        }
        inside = is_cased(c);
    }
    result
}

/// `str.swapcase`.
pub fn swapcase(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for (offset, c) in text.char_indices() {
        if c.is_uppercase() {
            push_lower(c, text, offset, &mut result);
        } else if c.is_lowercase() {
            result.extend(c.to_uppercase());
        } else {
            result.push(c);
        }
    }
    result
}

/// `str.islower`.
pub fn is_lower(text: &str) -> bool {
    let mut cased = false;
    for c in text.chars() {
        if c.is_uppercase() || is_titlecase(c) {
            return false;
        }
        cased |= c.is_lowercase();
    }
    cased
}

/// `str.isupper`.
pub fn is_upper(text: &str) -> bool {
    let mut cased = false;
    for c in text.chars() {
        if c.is_lowercase() || is_titlecase(c) {
            return false;
        }
        cased |= c.is_uppercase();
    }
    cased
}

/// `str.istitle`.
pub fn is_title(text: &str) -> bool {
    let (mut cased, mut inside) = (false, false);
    for c in text.chars() {
        if c.is_uppercase() || is_titlecase(c) {
            if inside {
                return false;
            }
            inside = true;
            cased = true;
        } else if c.is_lowercase() {
            if !inside {
                return false;
            }
            cased = true;
        } else {
            inside = false;
        }
    }
    cased
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_mappings_agree_with_cpython() {
        for (text, expected) in CASES {
            let actual = [
                upper(text),
                lower(text),
                title(text),
                capitalize(text),
                swapcase(text),
                casefold(text),
            ];
            assert_eq!(actual, *expected, "{text:?}");
        }
    }

    const CASES: &[(&str, [&str; 6])] = &[
        ("", ["", "", "", "", "", ""]),
        (
            "hello world",
            [
                "HELLO WORLD",
                "hello world",
                "Hello World",
                "Hello world",
                "HELLO WORLD",
                "hello world",
            ],
        ),
        (
            "HELLO World",
            [
                "HELLO WORLD",
                "hello world",
                "Hello World",
                "Hello world",
                "hello wORLD",
                "hello world",
            ],
        ),
        (
            "they're bill's",
            [
                "THEY'RE BILL'S",
                "they're bill's",
                "They'Re Bill'S",
                "They're bill's",
                "THEY'RE BILL'S",
                "they're bill's",
            ],
        ),
        ("ß", ["SS", "ß", "Ss", "Ss", "SS", "ss"]),
        (
            "straße STRASSE",
            [
                "STRASSE STRASSE",
                "straße strasse",
                "Straße Strasse",
                "Straße strasse",
                "STRASSE strasse",
                "strasse strasse",
            ],
        ),
        ("ŉ", ["ʼN", "ŉ", "ʼN", "ʼN", "ʼN", "ʼn"]),
        (
            "ΑΣ ΑΣΑ Σ ΑΣ.",
            [
                "ΑΣ ΑΣΑ Σ ΑΣ.",
                "ας ασα σ ας.",
                "Ας Ασα Σ Ας.",
                "Ας ασα σ ας.",
                "ας ασα σ ας.",
                "ασ ασα σ ασ.",
            ],
        ),
        (
            "ὈΔΥΣΣΕΎΣ",
            [
                "ὈΔΥΣΣΕΎΣ",
                "ὀδυσσεύς",
                "Ὀδυσσεύς",
                "Ὀδυσσεύς",
                "ὀδυσσεύς",
                "ὀδυσσεύσ",
            ],
        ),
        (
            "ǆ Ǆ ǅx",
            ["Ǆ Ǆ ǄX", "ǆ ǆ ǆx", "ǅ ǅ ǅx", "ǅ ǆ ǆx", "Ǆ ǆ ǅX", "ǆ ǆ ǆx"],
        ),
        (
            "ﬁsh ﬀ",
            [
                "FISH FF",
                "ﬁsh ﬀ",
                "Fish Ff",
                "Fish ﬀ",
                "FISH FF",
                "fish ff",
            ],
        ),
        (
            "İstanbul ısı",
            [
                "İSTANBUL ISI",
                "i\u{307}stanbul ısı",
                "İstanbul Isı",
                "İstanbul ısı",
                "i\u{307}STANBUL ISI",
                "i\u{307}stanbul ısı",
            ],
        ),
        (
            "ᾳ ᾼ ᾀ ᾈ",
            [
                "ΑΙ ΑΙ ἈΙ ἈΙ",
                "ᾳ ᾳ ᾀ ᾀ",
                "ᾼ ᾼ ᾈ ᾈ",
                "ᾼ ᾳ ᾀ ᾀ",
                "ΑΙ ᾼ ἈΙ ᾈ",
                "αι αι ἀι ἀι",
            ],
        ),
        ("ა Ა", ["Ა Ა", "ა ა", "ა Ა", "ა ა", "Ა ა", "ა ა"]),
        (
            "Ꭰ ꭰ Ᏸ ᏸ",
            [
                "Ꭰ Ꭰ Ᏸ Ᏸ",
                "ꭰ ꭰ ᏸ ᏸ",
                "Ꭰ Ꭰ Ᏸ Ᏸ",
                "Ꭰ ꭰ ᏸ ᏸ",
                "ꭰ Ꭰ ᏸ Ᏸ",
                "Ꭰ Ꭰ Ᏸ Ᏸ",
            ],
        ),
        ("ẞ", ["ẞ", "ß", "ẞ", "ẞ", "ß", "ss"]),
        (
            "ΐ ΰ",
            [
                "Ι\u{308}\u{301} Υ\u{308}\u{301}",
                "ΐ ΰ",
                "Ι\u{308}\u{301} Υ\u{308}\u{301}",
                "Ι\u{308}\u{301} ΰ",
                "Ι\u{308}\u{301} Υ\u{308}\u{301}",
                "ι\u{308}\u{301} υ\u{308}\u{301}",
            ],
        ),
        (
            "ᾲ ᾷ ῴ",
            [
                "ᾺΙ Α\u{342}Ι ΏΙ",
                "ᾲ ᾷ ῴ",
                "Ὰ\u{345} Α\u{342}\u{345} Ώ\u{345}",
                "Ὰ\u{345} ᾷ ῴ",
                "ᾺΙ Α\u{342}Ι ΏΙ",
                "ὰι α\u{342}ι ώι",
            ],
        ),
        (
            "a1b2 c_d",
            [
                "A1B2 C_D", "a1b2 c_d", "A1B2 C_D", "A1b2 c_d", "A1B2 C_D", "a1b2 c_d",
            ],
        ),
        (
            "Ⅷ ⅷ ⓐ",
            ["Ⅷ Ⅷ Ⓐ", "ⅷ ⅷ ⓐ", "Ⅷ Ⅷ Ⓐ", "Ⅷ ⅷ ⓐ", "ⅷ Ⅷ Ⓐ", "ⅷ ⅷ ⓐ"],
        ),
        ("և", ["ԵՒ", "և", "Եւ", "Եւ", "ԵՒ", "եւ"]),
        ("µ ſ", ["Μ S", "µ ſ", "Μ S", "Μ ſ", "Μ S", "μ s"]),
        (
            "1a 2B",
            ["1A 2B", "1a 2b", "1A 2B", "1a 2b", "1A 2b", "1a 2b"],
        ),
        (
            "héllo ÉCOLE",
            [
                "HÉLLO ÉCOLE",
                "héllo école",
                "Héllo École",
                "Héllo école",
                "HÉLLO école",
                "héllo école",
            ],
        ),
        (
            "中文 abc",
            [
                "中文 ABC",
                "中文 abc",
                "中文 Abc",
                "中文 abc",
                "中文 ABC",
                "中文 abc",
            ],
        ),
        (
            "ﬃ ﬓ",
            ["FFI ՄՆ", "ﬃ ﬓ", "Ffi Մն", "Ffi ﬓ", "FFI ՄՆ", "ffi մն"],
        ),
        (
            "a\u{301}b\u{308}c",
            [
                "A\u{301}B\u{308}C",
                "a\u{301}b\u{308}c",
                "A\u{301}B\u{308}C",
                "A\u{301}b\u{308}c",
                "A\u{301}B\u{308}C",
                "a\u{301}b\u{308}c",
            ],
        ),
        (
            "AΣ\u{301}",
            [
                "AΣ\u{301}",
                "aς\u{301}",
                "Aς\u{301}",
                "Aς\u{301}",
                "aς\u{301}",
                "aσ\u{301}",
            ],
        ),
        ("Σ", ["Σ", "σ", "Σ", "Σ", "σ", "σ"]),
        ("aΣb", ["AΣB", "aσb", "Aσb", "Aσb", "AσB", "aσb"]),
        (
            "ǰ ẖ",
            [
                "J\u{30c} H\u{331}",
                "ǰ ẖ",
                "J\u{30c} H\u{331}",
                "J\u{30c} ẖ",
                "J\u{30c} H\u{331}",
                "j\u{30c} h\u{331}",
            ],
        ),
        (
            "ʰa \u{345}",
            ["ʰA Ι", "ʰa \u{345}", "ʰa Ι", "ʰa \u{345}", "ʰA Ι", "ʰa ι"],
        ),
        ("𐐀𐐨", ["𐐀𐐀", "𐐨𐐨", "𐐀𐐨", "𐐀𐐨", "𐐨𐐀", "𐐨𐐨"]),
        (
            "x-y-Z'q",
            [
                "X-Y-Z'Q", "x-y-z'q", "X-Y-Z'Q", "X-y-z'q", "X-Y-z'Q", "x-y-z'q",
            ],
        ),
    ];
}
