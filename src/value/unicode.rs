//! Characters as scripts classify them: letters, digits, printability, case. Knows single
//! characters and texts; it must not know values.
//!
//! General categories come from `unicode-properties`, case mappings from the standard library.
//! What neither has (digits that are not decimal, title case, full case folding) is small and
//! stands here.

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// What separates words: `str.split()`, `str.strip()`, `str.isspace()`.
#[inline]
pub fn is_space(c: char) -> bool {
    match c {
        '\t'..='\r' | '\x1c'..='\x1f' | ' ' => true,
        c if (c as u32) < 0x85 => false,
        '\u{85}'
        | '\u{a0}'
        | '\u{1680}'
        | '\u{2000}'..='\u{200a}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{202f}'
        | '\u{205f}'
        | '\u{3000}' => true,
        _ => false,
    }
}

/// What ends a line: `str.splitlines()`.
#[inline]
pub fn is_line_break(c: char) -> bool {
    matches!(
        c,
        '\n' | '\x0b' | '\x0c' | '\r' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// Whether `repr` shows it as it is.
#[inline]
pub fn is_printable(c: char) -> bool {
    match c {
        ' '..='~' => true,
        '\0'..='\x7f' => false,
        c => !matches!(
            c.general_category_group(),
            GeneralCategoryGroup::Other | GeneralCategoryGroup::Separator
        ),
    }
}

/// `str.isalpha`.
#[inline]
pub fn is_alphabetic(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphabetic()
    } else {
        c.general_category_group() == GeneralCategoryGroup::Letter
    }
}

/// `str.isdecimal`.
#[inline]
pub fn is_decimal(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_digit()
    } else {
        c.general_category() == GeneralCategory::DecimalNumber
    }
}

/// The value of a decimal digit of any script.
pub fn decimal_value(c: char) -> Option<u32> {
    if c.is_ascii() {
        return c.to_digit(10);
    }
    if !is_decimal(c) {
        return None;
    }
    // The five sets of mathematical digits follow each other without a gap.
    if let '\u{1d7ce}'..='\u{1d7ff}' = c {
        return Some((c as u32 - 0x1d7ce) % 10);
    }
    // Each other set stands alone, its zero first; two adjoin at U+1A80 and U+1C40 only with a
    // gap between them.
    let mut value = 0;
    while let Some(before) = char::from_u32(c as u32 - value - 1)
        && is_decimal(before)
    {
        value += 1;
    }
    Some(value % 10)
}

/// Digits that are not decimal, such as superscripts: inclusive ranges, ascending.
const OTHER_DIGITS: &[(u32, u32)] = &[
    (0xb2, 0xb3),
    (0xb9, 0xb9),
    (0x1369, 0x1371),
    (0x19da, 0x19da),
    (0x2070, 0x2070),
    (0x2074, 0x2079),
    (0x2080, 0x2089),
    (0x2460, 0x2468),
    (0x2474, 0x247c),
    (0x2488, 0x2490),
    (0x24ea, 0x24ea),
    (0x24f5, 0x24fd),
    (0x24ff, 0x24ff),
    (0x2776, 0x277e),
    (0x2780, 0x2788),
    (0x278a, 0x2792),
    (0x10a40, 0x10a43),
    (0x10e60, 0x10e68),
    (0x11052, 0x1105a),
    (0x1f100, 0x1f10a),
];

/// Letters that stand for numbers, such as 三: inclusive ranges, ascending.
const NUMERIC_LETTERS: &[(u32, u32)] = &[
    (0x3405, 0x3405),
    (0x3483, 0x3483),
    (0x382a, 0x382a),
    (0x3b4d, 0x3b4d),
    (0x4e00, 0x4e00),
    (0x4e03, 0x4e03),
    (0x4e07, 0x4e07),
    (0x4e09, 0x4e09),
    (0x4e24, 0x4e24),
    (0x4e5d, 0x4e5d),
    (0x4e8c, 0x4e8c),
    (0x4e94, 0x4e94),
    (0x4e96, 0x4e96),
    (0x4eac, 0x4eac),
    (0x4ebf, 0x4ec0),
    (0x4edf, 0x4edf),
    (0x4ee8, 0x4ee8),
    (0x4f0d, 0x4f0d),
    (0x4f70, 0x4f70),
    (0x4fe9, 0x4fe9),
    (0x5006, 0x5006),
    (0x5104, 0x5104),
    (0x5146, 0x5146),
    (0x5169, 0x5169),
    (0x516b, 0x516b),
    (0x516d, 0x516d),
    (0x5341, 0x5341),
    (0x5343, 0x5345),
    (0x534c, 0x534c),
    (0x53c1, 0x53c4),
    (0x56db, 0x56db),
    (0x58f1, 0x58f1),
    (0x58f9, 0x58f9),
    (0x5e7a, 0x5e7a),
    (0x5efe, 0x5eff),
    (0x5f0c, 0x5f0e),
    (0x5f10, 0x5f10),
    (0x62d0, 0x62d0),
    (0x62fe, 0x62fe),
    (0x634c, 0x634c),
    (0x67d2, 0x67d2),
    (0x6d1e, 0x6d1e),
    (0x6f06, 0x6f06),
    (0x7396, 0x7396),
    (0x767e, 0x767e),
    (0x7695, 0x7695),
    (0x79ed, 0x79ed),
    (0x8086, 0x8086),
    (0x842c, 0x842c),
    (0x8cae, 0x8cae),
    (0x8cb3, 0x8cb3),
    (0x8d30, 0x8d30),
    (0x920e, 0x920e),
    (0x94a9, 0x94a9),
    (0x9621, 0x9621),
    (0x9646, 0x9646),
    (0x964c, 0x964c),
    (0x9678, 0x9678),
    (0x96f6, 0x96f6),
    (0xf96b, 0xf96b),
    (0xf973, 0xf973),
    (0xf978, 0xf978),
    (0xf9b2, 0xf9b2),
    (0xf9d1, 0xf9d1),
    (0xf9d3, 0xf9d3),
    (0xf9fd, 0xf9fd),
    (0x20001, 0x20001),
    (0x20064, 0x20064),
    (0x200e2, 0x200e2),
    (0x20121, 0x20121),
    (0x2092a, 0x2092a),
    (0x20983, 0x20983),
    (0x2098c, 0x2098c),
    (0x2099c, 0x2099c),
    (0x20aea, 0x20aea),
    (0x20afd, 0x20afd),
    (0x20b19, 0x20b19),
    (0x22390, 0x22390),
    (0x22998, 0x22998),
    (0x23b1b, 0x23b1b),
    (0x2626d, 0x2626d),
    (0x2f890, 0x2f890),
];

fn in_ranges(ranges: &[(u32, u32)], c: char) -> bool {
    let code = c as u32;
    ranges
        .binary_search_by(|&(first, last)| {
            if last < code {
                std::cmp::Ordering::Less
            } else if first > code {
                std::cmp::Ordering::Greater
            } else {
                std::cmp::Ordering::Equal
            }
        })
        .is_ok()
}

/// `str.isdigit`.
#[inline]
pub fn is_digit(c: char) -> bool {
    is_decimal(c) || (!c.is_ascii() && in_ranges(OTHER_DIGITS, c))
}

/// `str.isnumeric`.
#[inline]
pub fn is_numeric(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_digit()
    } else {
        c.general_category_group() == GeneralCategoryGroup::Number || in_ranges(NUMERIC_LETTERS, c)
    }
}

/// `str.isalnum`.
#[inline]
pub fn is_alphanumeric(c: char) -> bool {
    is_alphabetic(c) || is_numeric(c)
}

/// Whether it is a title-case letter, such as ǅ.
#[inline]
pub fn is_titlecase(c: char) -> bool {
    !c.is_ascii() && c.general_category() == GeneralCategory::TitlecaseLetter
}

/// Whether it has case.
#[inline]
pub fn is_cased(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase() || is_titlecase(c)
}

/// Whether a name may begin with it.
pub fn starts_identifier(c: char) -> bool {
    c == '_' || unicode_ident::is_xid_start(c)
}

/// Whether the text is a name.
pub fn is_identifier(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(starts_identifier)
        && characters.all(unicode_ident::is_xid_continue)
}

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

    /// For how many of the first characters, which no later version of Unicode changed, each test
    /// of CPython 3.13 holds.
    #[test]
    fn classes_agree_with_cpython_on_common_scripts() {
        let count = |test: fn(char) -> bool| {
            (0..0x250)
                .filter_map(char::from_u32)
                .filter(|&c| test(c))
                .count()
        };
        let classes = [
            ("alpha", count(is_alphabetic)),
            ("decimal", count(is_decimal)),
            ("digit", count(is_digit)),
            ("numeric", count(is_numeric)),
            ("space", count(is_space)),
            ("printable", count(is_printable)),
            ("lower", count(char::is_lowercase)),
            ("upper", count(char::is_uppercase)),
            ("title", count(is_titlecase)),
        ];
        assert_eq!(classes, CLASSES);
    }

    const CLASSES: [(&str, usize); 9] = [
        ("alpha", 453),
        ("decimal", 10),
        ("digit", 13),
        ("numeric", 16),
        ("space", 12),
        ("printable", 525),
        ("lower", 222),
        ("upper", 222),
        ("title", 4),
    ];

    #[test]
    fn decimal_digits_have_their_values() {
        for zero in [
            0x30, 0x660, 0x6f0, 0x966, 0xe50, 0x1a80, 0x1a90, 0x1c40, 0x1c50, 0xff10, 0x1d7ce,
            0x1d7d8, 0x1d7f6,
        ] {
            for value in 0..10 {
                let c = char::from_u32(zero + value).unwrap();
                assert_eq!(decimal_value(c), Some(value), "{c:?}");
            }
        }
        assert_eq!(decimal_value('²'), None);
        assert_eq!(decimal_value('x'), None);
    }

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
