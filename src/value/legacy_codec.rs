//! The encodings that texts had before Unicode: those of one byte a character with a table, and those of East Asia. The
//! tables are those of `encoding_rs`; where they follow the web and CPython does not, CPython wins. It must not know who
//! asks, nor what becomes of what cannot be converted.

use encoding_rs::Encoding;

/// An encoding of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Legacy {
    /// Its name in errors.
    pub name: &'static str,
    table: &'static Encoding,
    shape: Shape,
}

/// How the bytes of a character are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// One byte a character. The bytes 0x80 to 0x9f may be undefined, where the web takes them for control characters.
    Single {
        controls: bool,
    },
    Gb2312,
    Gbk,
    Gb18030,
    Big5,
    ShiftJis,
    EucJp,
    EucKr {
        extended: bool,
    },
}

/// What stands at the beginning of some bytes.
pub(super) enum Unit {
    /// This character, in so many bytes.
    Character(char, usize),
    /// So many bytes that are no character.
    Bad(usize, &'static str),
}

const ILLEGAL: &str = "illegal multibyte sequence";
const INCOMPLETE: &str = "incomplete multibyte sequence";
const UNDEFINED: &str = "character maps to <undefined>";

/// Characters that CPython has elsewhere than the web: from these bytes on, beginning with this character, so many.
type Run = (u16, u32, u16);

/// Bytes, from the first to the last of them, that are characters on the web and none in CPython.
type Gap = (u16, u16);

/// The extension of ETEN, which both tables of Big5 have.
const ETEN_RUNS: &[Run] = &[
    (0xc6a1, 0x30fe, 1),
    (0xc6a2, 0x309d, 2),
    (0xc6a4, 0x3005, 1),
    (0xc6a5, 0x3041, 83),
    (0xc6f8, 0x30a1, 86),
    (0xc7b1, 0x0414, 2),
    (0xc7b3, 0x0401, 1),
    (0xc7b4, 0x0416, 7),
    (0xc7bb, 0x0423, 19),
    (0xc7ce, 0x0451, 1),
    (0xc7cf, 0x0436, 26),
    (0xc7e9, 0x2460, 10),
    (0xc7f3, 0x2474, 10),
];
const BIG5_RUNS: &[Run] = &[
    (0xa145, 0x2022, 1),
    (0xa14e, 0xff64, 1),
    (0xa1c2, 0x203e, 1),
    (0xa1e3, 0x223c, 1),
    (0xa1f2, 0x2641, 1),
    (0xa1f3, 0x2609, 1),
    (0xa241, 0xff0f, 1),
    (0xa242, 0xff3c, 1),
    (0xa244, 0x00a5, 1),
    (0xa246, 0x00a2, 2),
];
const CP950_RUNS: &[Run] = &[(0xf9fe, 0x2593, 1)];
const BIG5_GAPS: &[Gap] = &[
    (0x8100, 0xa0ff),
    (0xa3c0, 0xa3e1),
    (0xc7fd, 0xc8fe),
    (0xf9d6, 0xfeff),
];
const CP950_GAPS: &[Gap] = &[
    (0x8100, 0xa0ff),
    (0xa3c0, 0xa3e0),
    (0xc7fd, 0xc8fe),
    (0xfa00, 0xfeff),
];
const GB2312_RUNS: &[Run] = &[(0xa1a4, 0x30fb, 1), (0xa1aa, 0x2015, 1)];
const GB2312_GAPS: &[Gap] = &[
    (0xa2a1, 0xa2aa),
    (0xa2e3, 0xa2e3),
    (0xa6d9, 0xa6f5),
    (0xa8bb, 0xa8c0),
];
const GBK_GAPS: &[Gap] = &[
    (0xa2e3, 0xa2e3),
    (0xa3a0, 0xa3a0),
    (0xa6d9, 0xa6df),
    (0xa6ec, 0xa6ed),
    (0xa6f3, 0xa6f3),
    (0xa8bc, 0xa8bc),
    (0xa8bf, 0xa8bf),
    (0xa989, 0xa995),
    (0xfe50, 0xfea0),
];
const SHIFT_JIS_RUNS: &[Run] = &[
    (0x8160, 0x301c, 1),
    (0x8161, 0x2016, 1),
    (0x817c, 0x2212, 1),
    (0x8191, 0x00a2, 2),
    (0x81ca, 0x00ac, 1),
];
const SHIFT_JIS_GAPS: &[Gap] = &[(0x8700, 0x87ff), (0xed00, 0xeeff), (0xfa00, 0xfcff)];
const EUC_JP_RUNS: &[Run] = &[
    (0xa1c1, 0x301c, 1),
    (0xa1c2, 0x2016, 1),
    (0xa1dd, 0x2212, 1),
    (0xa1f1, 0x00a2, 2),
    (0xa2cc, 0x00ac, 1),
];
const EUC_JP_GAPS: &[Gap] = &[(0xad00, 0xadff), (0xf900, 0xfcff)];
const EUC_KR_GAPS: &[Gap] = &[(0xa4d4, 0xa4d4)];

/// The pair of bytes after this one among those that have characters in Big5.
fn next_pair(pair: u16) -> u16 {
    match pair & 0xff {
        0x7e => (pair & 0xff00) | 0xa1,
        0xfe => (pair & 0xff00) + 0x0140,
        _ => pair + 1,
    }
}

/// All pairs of a run with their characters.
fn pairs_of((first, character, count): Run) -> impl Iterator<Item = (u16, char)> {
    let pairs = std::iter::successors(Some(first), |pair| Some(next_pair(*pair)));
    pairs
        .zip(character..)
        .take(usize::from(count))
        .filter_map(|(pair, code)| Some((pair, char::from_u32(code)?)))
}

impl Legacy {
    /// Where CPython's table is another than the web's.
    fn differences(self) -> (impl Iterator<Item = Run>, &'static [Gap]) {
        let (runs, more, gaps): (&[Run], &[Run], &'static [Gap]) = match self.name {
            "big5" => (BIG5_RUNS, ETEN_RUNS, BIG5_GAPS),
            "cp950" => (ETEN_RUNS, CP950_RUNS, CP950_GAPS),
            "gb2312" => (GB2312_RUNS, &[], GB2312_GAPS),
            "gbk" => (&[], &[], GBK_GAPS),
            "shift_jis" => (SHIFT_JIS_RUNS, &[], SHIFT_JIS_GAPS),
            "euc_jp" => (EUC_JP_RUNS, &[], EUC_JP_GAPS),
            "euc_kr" => (&[], &[], EUC_KR_GAPS),
            _ => (&[], &[], &[]),
        };
        (runs.iter().chain(more).copied(), gaps)
    }

    /// The encoding of this name, in small letters with underscores.
    pub fn named(name: &str) -> Option<Legacy> {
        let one = |table, controls| Some((("charmap"), table, Shape::Single { controls }));
        let (name, table, shape) = match name {
            "gb2312" | "chinese" | "csiso58gb231280" | "euc_cn" | "euccn" | "eucgb2312_cn"
            | "gb2312_1980" | "gb2312_80" | "iso_ir_58" => {
                ("gb2312", encoding_rs::GBK, Shape::Gb2312)
            }
            "gbk" | "936" | "cp936" | "ms936" => ("gbk", encoding_rs::GBK, Shape::Gbk),
            "gb18030" | "gb18030_2000" => ("gb18030", encoding_rs::GB18030, Shape::Gb18030),
            "big5" | "big5_tw" | "csbig5" => ("big5", encoding_rs::BIG5, Shape::Big5),
            "cp950" | "950" | "ms950" => ("cp950", encoding_rs::BIG5, Shape::Big5),
            "shift_jis" | "csshiftjis" | "shiftjis" | "sjis" | "s_jis" => {
                ("shift_jis", encoding_rs::SHIFT_JIS, Shape::ShiftJis)
            }
            "cp932" | "932" | "ms932" | "mskanji" | "ms_kanji" | "windows_31j" => {
                ("cp932", encoding_rs::SHIFT_JIS, Shape::ShiftJis)
            }
            "euc_jp" | "eucjp" | "ujis" | "u_jis" => ("euc_jp", encoding_rs::EUC_JP, Shape::EucJp),
            "euc_kr" | "euckr" | "korean" | "ksc5601" | "ks_c_5601" | "ks_c_5601_1987"
            | "ksx1001" | "ks_x_1001" => (
                "euc_kr",
                encoding_rs::EUC_KR,
                Shape::EucKr { extended: false },
            ),
            "cp949" | "949" | "ms949" | "uhc" => (
                "cp949",
                encoding_rs::EUC_KR,
                Shape::EucKr { extended: true },
            ),
            "cp1250" | "1250" | "windows_1250" => one(encoding_rs::WINDOWS_1250, false)?,
            "cp1251" | "1251" | "windows_1251" => one(encoding_rs::WINDOWS_1251, false)?,
            "cp1252" | "1252" | "windows_1252" => one(encoding_rs::WINDOWS_1252, false)?,
            "cp1253" | "1253" | "windows_1253" => one(encoding_rs::WINDOWS_1253, false)?,
            "cp1254" | "1254" | "windows_1254" => one(encoding_rs::WINDOWS_1254, false)?,
            "cp1255" | "1255" | "windows_1255" => one(encoding_rs::WINDOWS_1255, false)?,
            "cp1256" | "1256" | "windows_1256" => one(encoding_rs::WINDOWS_1256, false)?,
            "cp1257" | "1257" | "windows_1257" => one(encoding_rs::WINDOWS_1257, false)?,
            "cp1258" | "1258" | "windows_1258" => one(encoding_rs::WINDOWS_1258, false)?,
            "cp866" | "866" | "ibm866" => one(encoding_rs::IBM866, true)?,
            "koi8_r" | "cskoi8r" => one(encoding_rs::KOI8_R, true)?,
            "koi8_u" => one(encoding_rs::KOI8_U, true)?,
            "mac_roman" | "macintosh" | "macroman" => one(encoding_rs::MACINTOSH, true)?,
            "iso8859_2" | "iso_8859_2" | "latin2" | "latin_2" | "l2" => {
                one(encoding_rs::ISO_8859_2, true)?
            }
            "iso8859_3" | "iso_8859_3" | "latin3" | "l3" => one(encoding_rs::ISO_8859_3, true)?,
            "iso8859_4" | "iso_8859_4" | "latin4" | "l4" => one(encoding_rs::ISO_8859_4, true)?,
            "iso8859_5" | "iso_8859_5" | "cyrillic" => one(encoding_rs::ISO_8859_5, true)?,
            "iso8859_6" | "iso_8859_6" | "arabic" => one(encoding_rs::ISO_8859_6, true)?,
            "iso8859_7" | "iso_8859_7" | "greek" | "greek8" => one(encoding_rs::ISO_8859_7, true)?,
            "iso8859_8" | "iso_8859_8" | "hebrew" => one(encoding_rs::ISO_8859_8, true)?,
            "iso8859_10" | "iso_8859_10" | "latin6" | "l6" => one(encoding_rs::ISO_8859_10, true)?,
            "iso8859_13" | "iso_8859_13" | "latin7" | "l7" => one(encoding_rs::ISO_8859_13, true)?,
            "iso8859_14" | "iso_8859_14" | "latin8" | "l8" => one(encoding_rs::ISO_8859_14, true)?,
            "iso8859_15" | "iso_8859_15" | "latin9" | "l9" => one(encoding_rs::ISO_8859_15, true)?,
            "iso8859_16" | "iso_8859_16" | "latin10" | "l10" => {
                one(encoding_rs::ISO_8859_16, true)?
            }
            _ => return None,
        };
        Some(Legacy { name, table, shape })
    }

    /// Whether an error covers all that follows of the same kind, as CPython's tables of one byte do.
    pub fn joins_errors(self) -> bool {
        matches!(self.shape, Shape::Single { .. })
    }

    /// Why a character has no bytes.
    pub fn no_bytes(self) -> &'static str {
        match self.shape {
            Shape::Single { .. } => UNDEFINED,
            _ => ILLEGAL,
        }
    }

    /// The bytes of a character; false when it has none.
    pub fn encode(self, c: char, to: &mut Vec<u8>) -> bool {
        if c.is_ascii() {
            // Below 128.
            to.push(c as u8);
            return true;
        }
        let (runs, _) = self.differences();
        let found = runs.flat_map(pairs_of).find(|(_, own)| *own == c);
        if let Some((pair, _)) = found {
            to.extend_from_slice(&pair.to_be_bytes());
            return true;
        }
        match (self.shape, c) {
            (Shape::Single { controls: true }, '\u{80}'..='\u{9f}') if self.keeps_controls() => {
                to.push(c as u8);
                return true;
            }
            _ => {}
        }
        let mut text = [0; 4];
        let text: &str = c.encode_utf8(&mut text);
        let (bytes, _, failed) = self.table.encode(text);
        // Only what reads back as the same character counts: the web's encoders write look-alikes.
        let same = !failed
            && matches!(self.unit(&bytes), Unit::Character(back, length) if back == c && length == bytes.len());
        if same {
            to.extend_from_slice(&bytes);
        }
        same
    }

    /// Whether 0x80 to 0x9f are control characters: so in the tables of ISO.
    fn keeps_controls(self) -> bool {
        self.table.name().starts_with("ISO-8859")
    }

    /// What stands at the beginning of some bytes, of which there is at least one.
    pub fn unit(self, bytes: &[u8]) -> Unit {
        let first = bytes[0];
        if first.is_ascii() {
            return Unit::Character(char::from(first), 1);
        }
        let length = match self.length(bytes) {
            Ok(length) => length,
            Err(bad) => return bad,
        };
        let bad = match self.shape {
            Shape::Single { .. } => Unit::Bad(1, UNDEFINED),
            _ => Unit::Bad(1, ILLEGAL),
        };
        let Some(unit) = bytes.get(..length) else {
            return Unit::Bad(bytes.len(), INCOMPLETE);
        };
        if let &[first, second] = unit {
            let pair = u16::from_be_bytes([first, second]);
            let (runs, gaps) = self.differences();
            let is_in = |(from, to): &Gap| (*from..=*to).contains(&pair);
            let found = runs.flat_map(pairs_of).find(|(own, _)| *own == pair);
            if let Some((_, c)) = found {
                return Unit::Character(c, 2);
            }
            if gaps.iter().any(is_in) {
                return bad;
            }
        }
        let decoded = self
            .table
            .decode_without_bom_handling_and_without_replacement(unit);
        let mut characters = decoded.as_deref().unwrap_or_default().chars();
        let (Some(c), None) = (characters.next(), characters.next()) else {
            return bad;
        };
        let made_up = match self.shape {
            Shape::Single { controls } => matches!(c, '\u{80}'..='\u{9f}') && !controls,
            Shape::Gb18030 => false,
            _ => matches!(c, '\u{e000}'..='\u{f8ff}'),
        };
        if made_up {
            bad
        } else {
            Unit::Character(c, length)
        }
    }

    /// How many bytes the first character has, by its first two.
    fn length(self, bytes: &[u8]) -> Result<usize, Unit> {
        let (first, second) = (bytes[0], bytes.get(1).copied());
        if second.is_none()
            && matches!(
                self.shape,
                Shape::Gb2312
                    | Shape::Gbk
                    | Shape::Gb18030
                    | Shape::Big5
                    | Shape::EucJp
                    | Shape::EucKr { .. }
            )
        {
            // CPython looks at the first byte only once there are two.
            return Err(Unit::Bad(1, INCOMPLETE));
        }
        let illegal = Err(Unit::Bad(1, ILLEGAL));
        let pair = |is_second: fn(u8) -> bool| match second {
            None => Err(Unit::Bad(1, INCOMPLETE)),
            Some(second) if is_second(second) => Ok(2),
            Some(_) => Err(Unit::Bad(1, ILLEGAL)),
        };
        match self.shape {
            Shape::Single { .. } => Ok(1),
            Shape::Gb2312 => match first {
                0xa1..=0xa9 | 0xb0..=0xf7 => pair(|second| second >= 0xa1),
                _ => illegal,
            },
            Shape::Gbk => match first {
                0x81..=0xfe => pair(|second| matches!(second, 0x40..=0x7e | 0x80..=0xfe)),
                _ => illegal,
            },
            Shape::Gb18030 => match (first, second) {
                (0x81..=0xfe, Some(b'0'..=b'9')) => Ok(4),
                (0x81..=0xfe, _) => pair(|second| matches!(second, 0x40..=0x7e | 0x80..=0xfe)),
                _ => illegal,
            },
            Shape::Big5 => match first {
                0x81..=0xfe => pair(|second| matches!(second, 0x40..=0x7e | 0xa1..=0xfe)),
                _ => illegal,
            },
            Shape::ShiftJis => match first {
                0xa1..=0xdf => Ok(1),
                0x81..=0x9f | 0xe0..=0xfc => {
                    pair(|second| matches!(second, 0x40..=0x7e | 0x80..=0xfc))
                }
                _ => illegal,
            },
            Shape::EucJp => match first {
                0x8f => match second {
                    Some(0xa1..=0xfe) | None => Ok(3),
                    Some(_) => illegal,
                },
                0x8e | 0xa1..=0xfe => pair(|second| second >= 0xa1),
                _ => illegal,
            },
            Shape::EucKr { extended } => match first {
                0xa1..=0xfe if !extended => pair(|second| second >= 0xa1),
                0x81..=0xfe if extended => {
                    pair(|second| matches!(second, 0x41..=0x5a | 0x61..=0x7a | 0x81..=0xfe))
                }
                _ => illegal,
            },
        }
    }
}
