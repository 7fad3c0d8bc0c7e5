//! The format specification mini-language (`>8.3f`) for text, integers and floats. Knows
//! specifications and numbers; it must not know script values beyond the errors it raises.

use num_bigint::{BigInt, Sign};
use num_traits::ToPrimitive;

use super::Outcome;
use super::exception::{memory_error, overflow_error, value_error};
use super::float_text::{FloatStyle, float_text};
use super::room::text_with_room;
use super::unicode::decimal_value;

/// How the digits of a number are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// Not at all.
    None,
    /// By thousands, with `,`.
    Comma,
    /// By thousands, or by four digits in other bases than ten, with `_`.
    Underscore,
}

/// A parsed specification.
#[derive(Clone, Debug)]
pub struct FormatSpec {
    fill: char,
    align: char,
    alternate: bool,
    no_negative_zero: bool,
    sign: Option<char>,
    width: Option<usize>,
    grouping: Grouping,
    precision: Option<usize>,
    kind: Option<char>,
}

/// Largest precision of a float: what a C `int` holds, where CPython draws the line.
const MOST_PRECISION: usize = i32::MAX as usize;

impl FormatSpec {
    /// Reads a specification. `type_name` is what it is for, as messages give it.
    ///
    /// # Errors
    /// `ValueError` when it is none.
    pub fn parse(spec: &str, type_name: &str, default_align: char) -> Outcome<FormatSpec> {
        let mut rest = spec;
        let mut format = FormatSpec {
            fill: ' ',
            align: default_align,
            alternate: false,
            no_negative_zero: false,
            sign: None,
            width: None,
            grouping: Grouping::None,
            precision: None,
            kind: None,
        };
        let is_align = |c: char| matches!(c, '<' | '>' | '=' | '^');
        let (mut fill_given, mut align_given) = (false, false);
        let mut characters = rest.chars();
        match (characters.next(), characters.next()) {
            (Some(fill), Some(align)) if is_align(align) => {
                format.fill = fill;
                format.align = align;
                fill_given = true;
                align_given = true;
                rest = characters.as_str();
            }
            (Some(align), _) if is_align(align) => {
                format.align = align;
                align_given = true;
                rest = &rest[1..];
            }
            _ => {}
        }
        if let Some(sign) = rest.chars().next()
            && matches!(sign, ' ' | '+' | '-')
        {
            format.sign = Some(sign);
            rest = &rest[1..];
        }
        if let Some(after) = rest.strip_prefix('z') {
            format.no_negative_zero = true;
            rest = after;
        }
        if let Some(after) = rest.strip_prefix('#') {
            format.alternate = true;
            rest = after;
        }
        if !fill_given && let Some(after) = rest.strip_prefix('0') {
            format.fill = '0';
            if !align_given && default_align == '>' {
                format.align = '=';
            }
            rest = after;
        }
        format.width = read_number(&mut rest)?;
        if let Some(after) = rest.strip_prefix(',') {
            format.grouping = Grouping::Comma;
            rest = after;
        }
        if let Some(after) = rest.strip_prefix('_') {
            if format.grouping != Grouping::None {
                return Err(value_error("Cannot specify both ',' and '_'."));
            }
            format.grouping = Grouping::Underscore;
            rest = after;
        }
        if rest.starts_with(',') && format.grouping == Grouping::Underscore {
            return Err(value_error("Cannot specify both ',' and '_'."));
        }
        if let Some(after) = rest.strip_prefix('.') {
            rest = after;
            format.precision = read_number(&mut rest)?;
            if format.precision.is_none() {
                return Err(value_error("Format specifier missing precision"));
            }
        }
        let mut characters = rest.chars();
        format.kind = characters.next();
        if characters.next().is_some() {
            return Err(value_error(format!(
                "Invalid format specifier '{spec}' for object of type '{type_name}'"
            )));
        }
        Ok(format)
    }

    /// Reads a specification for a number or text whose kinds are these.
    fn parse_for(spec: &str, type_name: &str, default: char) -> Outcome<FormatSpec> {
        let default_align = if default == 's' { '<' } else { '>' };
        let format = FormatSpec::parse(spec, type_name, default_align)?;
        if format.grouping != Grouping::None {
            let allowed = match format.kind {
                None => default != 's',
                Some('d' | 'e' | 'f' | 'g' | 'E' | 'G' | '%' | 'F') => true,
                Some('b' | 'o' | 'x' | 'X') => format.grouping == Grouping::Underscore,
                Some(_) => false,
            };
            if !allowed {
                let separator = if format.grouping == Grouping::Comma {
                    ','
                } else {
                    '_'
                };
                let kind = show_code(format.kind.unwrap_or(default));
                return Err(value_error(format!(
                    "Cannot specify '{separator}' with '{kind}'."
                )));
            }
        }
        Ok(format)
    }
}

/// A presentation code as messages show it.
fn show_code(code: char) -> String {
    if matches!(code as u32, 33..=127) {
        code.to_string()
    } else {
        format!("\\x{:x}", code as u32)
    }
}

#[cold]
fn unknown_code(code: char, type_name: &str) -> super::exception::Raised {
    value_error(format!(
        "Unknown format code '{}' for object of type '{type_name}'",
        show_code(code)
    ))
}

/// Reads decimal digits of any script; `None` when there are none.
pub(super) fn read_number(rest: &mut &str) -> Outcome<Option<usize>> {
    let mut number: Option<usize> = None;
    let mut characters = rest.chars();
    while let Some(digit) = characters.clone().next().and_then(decimal_value) {
        let value = number
            .unwrap_or(0)
            .checked_mul(10)
            .and_then(|value| value.checked_add(digit as usize))
            .filter(|&value| i64::try_from(value).is_ok())
            .ok_or_else(|| value_error("Too many decimal digits in format string"))?;
        number = Some(value);
        characters.next();
    }
    *rest = characters.as_str();
    Ok(number)
}

/// How many fill characters stand before and after a text of this length.
fn padding(format: &FormatSpec, length: usize) -> (usize, usize) {
    let missing = format.width.unwrap_or(0).saturating_sub(length);
    match format.align {
        '>' => (missing, 0),
        '^' => (missing / 2, missing - missing / 2),
        _ => (0, missing),
    }
}

pub(super) fn push_fill(to: &mut String, fill: char, count: usize) {
    // A width may be enormous: a piece at a time costs what copying it does.
    const PIECE: usize = 256;
    if count >= PIECE {
        let piece = String::from_iter(std::iter::repeat_n(fill, PIECE));
        (0..count / PIECE).for_each(|_| to.push_str(&piece));
    }
    to.extend(std::iter::repeat_n(fill, count % PIECE));
}

/// A text by a specification.
///
/// # Errors
/// `ValueError` when the specification is not one for texts.
pub fn format_text(text: &str, characters: usize, spec: &str, type_name: &str) -> Outcome<String> {
    if spec.is_empty() {
        return Ok(text.to_owned());
    }
    let format = FormatSpec::parse_for(spec, type_name, 's')?;
    if let Some(kind) = format.kind
        && kind != 's'
    {
        return Err(unknown_code(kind, type_name));
    }
    if let Some(sign) = format.sign {
        let what = if sign == ' ' { "Space" } else { "Sign" };
        return Err(value_error(format!(
            "{what} not allowed in string format specifier"
        )));
    }
    if format.no_negative_zero {
        return Err(value_error(
            "Negative zero coercion (z) not allowed in string format specifier",
        ));
    }
    if format.alternate {
        return Err(value_error(
            "Alternate form (#) not allowed in string format specifier",
        ));
    }
    if format.align == '=' {
        return Err(value_error(
            "'=' alignment not allowed in string format specifier",
        ));
    }
    let (text, length) = match format.precision {
        Some(most) if most < characters => {
            let end = text
                .char_indices()
                .nth(most)
                .map_or(text.len(), |(offset, _)| offset);
            (&text[..end], most)
        }
        _ => (text, characters),
    };
    let (left, right) = padding(&format, length);
    let size = (left + right)
        .saturating_mul(format.fill.len_utf8())
        .saturating_add(text.len());
    let mut result = text_with_room(size)?;
    push_fill(&mut result, format.fill, left);
    result.push_str(text);
    push_fill(&mut result, format.fill, right);
    Ok(result)
}

/// The parts of a number's text.
struct NumberText<'a> {
    negative: bool,
    /// `0x` and the like.
    prefix: &'a str,
    /// The digits before the point; they alone are grouped.
    digits: &'a str,
    /// The point and all after it.
    remainder: &'a str,
}

/// Puts sign, prefix, grouped digits, remainder and fill together.
fn lay_out(format: &FormatSpec, number: &NumberText<'_>, group: usize) -> Outcome<String> {
    let sign = match (number.negative, format.sign) {
        (true, _) => Some('-'),
        (false, Some('+')) => Some('+'),
        (false, Some(' ')) => Some(' '),
        _ => None,
    };
    let remainder = number.remainder.chars().count();
    let fixed = usize::from(sign.is_some()) + number.prefix.len() + remainder;
    let least = if format.fill == '0' && format.align == '=' {
        format.width.unwrap_or(0).saturating_sub(fixed)
    } else {
        0
    };
    let (group, separator) = match format.grouping {
        Grouping::None => (usize::MAX, ' '),
        Grouping::Comma => (group, ','),
        Grouping::Underscore => (group, '_'),
    };
    // Room first: a width beyond all memory must not be filled piece by piece.
    let width = format.width.unwrap_or(0);
    let size = width
        .saturating_mul(format.fill.len_utf8())
        .saturating_add(2 * (number.digits.len() + fixed) + 8)
        .saturating_add(number.remainder.len());
    let mut result = text_with_room(size)?;
    let as_they_are = number.digits.is_empty()
        || (least <= number.digits.len() && format.grouping == Grouping::None);
    let grouped = if as_they_are {
        number.digits.to_owned()
    } else {
        group_digits(number.digits, least, group, separator)?
    };
    let length = fixed + grouped.chars().count();
    let missing = width.saturating_sub(length);
    let (left, inner, right) = match format.align {
        '<' => (0, 0, missing),
        '^' => (missing / 2, 0, missing - missing / 2),
        '=' => (0, missing, 0),
        _ => (missing, 0, 0),
    };
    push_fill(&mut result, format.fill, left);
    result.extend(sign);
    result.push_str(number.prefix);
    push_fill(&mut result, format.fill, inner);
    result.push_str(&grouped);
    result.push_str(number.remainder);
    push_fill(&mut result, format.fill, right);
    Ok(result)
}

/// The digits in groups, with zeros before them up to a width of `least`. A separator never
/// comes first, so the result may be one wider.
fn group_digits(digits: &str, least: usize, group: usize, separator: char) -> Outcome<String> {
    let (mut remaining, mut least) = (digits.len(), least);
    let mut reversed = text_with_room(remaining.max(least) + remaining / group.min(3) + 2)?;
    let bytes = digits.as_bytes();
    loop {
        let size = group.min(remaining.max(least).max(1));
        let taken = remaining.min(size);
        for index in (remaining - taken..remaining).rev() {
            reversed.push(bytes[index] as char);
        }
        push_fill(&mut reversed, '0', size - taken);
        remaining -= taken;
        least = least.saturating_sub(size);
        if remaining == 0 && least == 0 {
            break;
        }
        reversed.push(separator);
        least = least.saturating_sub(1);
    }
    let mut bytes = reversed.into_bytes();
    bytes.reverse();
    // ASCII throughout.
    String::from_utf8(bytes).map_err(|_| memory_error(""))
}

/// An integer as the format functions take it.
#[derive(Clone, Copy)]
pub enum Integer<'a> {
    /// One that fits 64 bits.
    Small(i64),
    /// One that does not.
    Big(&'a BigInt),
}

impl Integer<'_> {
    /// Whether it is below zero.
    pub fn is_negative(self) -> bool {
        match self {
            Integer::Small(value) => value < 0,
            Integer::Big(value) => value.sign() == Sign::Minus,
        }
    }

    /// The digits of the absolute value.
    ///
    /// # Errors
    /// `ValueError` for more decimal digits than are allowed.
    pub fn digits(self, radix: u32) -> Outcome<String> {
        match self {
            Integer::Small(value) => {
                let value = value.unsigned_abs();
                Ok(match radix {
                    2 => format!("{value:b}"),
                    8 => format!("{value:o}"),
                    16 => format!("{value:x}"),
                    _ => value.to_string(),
                })
            }
            Integer::Big(value) if radix == 10 => {
                let text = super::number_repr::integer_digits(value)?;
                Ok(text.trim_start_matches('-').to_owned())
            }
            Integer::Big(value) => Ok(value.magnitude().to_str_radix(radix)),
        }
    }

    /// The nearest float.
    ///
    /// # Errors
    /// `OverflowError` when it is beyond the floats.
    pub fn to_float(self) -> Outcome<f64> {
        match self {
            Integer::Small(value) => Ok(value as f64),
            Integer::Big(value) => value
                .to_f64()
                .filter(|float| float.is_finite())
                .ok_or_else(|| overflow_error("int too large to convert to float")),
        }
    }
}

/// An integer by a specification that is not empty.
///
/// # Errors
/// `ValueError` when the specification is not one for integers.
pub fn format_integer(value: Integer<'_>, spec: &str, type_name: &str) -> Outcome<String> {
    let format = FormatSpec::parse_for(spec, type_name, 'd')?;
    let kind = format.kind.unwrap_or('d');
    if matches!(kind, 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%') {
        return format_float_with(value.to_float()?, &format, type_name);
    }
    if !matches!(kind, 'b' | 'c' | 'd' | 'o' | 'x' | 'X' | 'n') {
        return Err(unknown_code(kind, type_name));
    }
    if format.precision.is_some() {
        return Err(value_error(
            "Precision not allowed in integer format specifier",
        ));
    }
    if format.no_negative_zero {
        return Err(value_error(
            "Negative zero coercion (z) not allowed in integer format specifier",
        ));
    }
    if kind == 'c' {
        if format.sign.is_some() {
            return Err(value_error(
                "Sign not allowed with integer format specifier 'c'",
            ));
        }
        if format.alternate {
            return Err(value_error(
                "Alternate form (#) not allowed with integer format specifier 'c'",
            ));
        }
        let Integer::Small(code) = value else {
            return Err(overflow_error("Python int too large to convert to C long"));
        };
        let Some(c) = u32::try_from(code).ok().and_then(char::from_u32) else {
            return Err(overflow_error("%c arg not in range(0x110000)"));
        };
        // The character stands where a number has what follows its digits.
        let mut buffer = [0; 4];
        return lay_out(
            &format,
            &NumberText {
                negative: false,
                prefix: "",
                digits: "",
                remainder: c.encode_utf8(&mut buffer),
            },
            3,
        );
    }
    let (radix, prefix) = match kind {
        'b' => (2, "0b"),
        'o' => (8, "0o"),
        'x' => (16, "0x"),
        'X' => (16, "0X"),
        _ => (10, ""),
    };
    let mut digits = value.digits(radix)?;
    if kind == 'X' {
        digits.make_ascii_uppercase();
    }
    lay_out(
        &format,
        &NumberText {
            negative: value.is_negative(),
            prefix: if format.alternate { prefix } else { "" },
            digits: &digits,
            remainder: "",
        },
        if radix == 10 { 3 } else { 4 },
    )
}

/// A float by a specification that is not empty.
///
/// # Errors
/// `ValueError` when the specification is not one for floats.
pub fn format_float(value: f64, spec: &str, type_name: &str) -> Outcome<String> {
    let format = FormatSpec::parse_for(spec, type_name, '\0')?;
    format_float_with(value, &format, type_name)
}

fn format_float_with(value: f64, format: &FormatSpec, type_name: &str) -> Outcome<String> {
    let kind = format.kind.unwrap_or('\0');
    if !matches!(kind, '\0' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%' | 'n') {
        return Err(unknown_code(kind, type_name));
    }
    if format.precision.is_some_and(|most| most > MOST_PRECISION) {
        return Err(value_error("precision too big"));
    }
    let mut style = FloatStyle {
        alternate: format.alternate,
        no_negative_zero: format.no_negative_zero,
        ..FloatStyle::default()
    };
    let (value, kind, precision) = match (kind, format.precision) {
        ('\0', None) => (value, 'r', 0),
        ('\0', Some(precision)) => {
            style.add_point_zero = true;
            (value, 'g', precision)
        }
        ('%', precision) => (value * 100.0, 'f', precision.unwrap_or(6)),
        ('n', precision) => (value, 'g', precision.unwrap_or(6)),
        (kind, precision) => (value, kind, precision.unwrap_or(6)),
    };
    let mut text = float_text(value, kind, precision, style)?;
    if format.kind == Some('%') {
        text.push('%');
    }
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text.as_str()),
    };
    let end = unsigned
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(unsigned.len());
    let (digits, remainder) = unsigned.split_at(end);
    lay_out(
        format,
        &NumberText {
            negative,
            prefix: "",
            digits,
            remainder,
        },
        3,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_traits::ToPrimitive;

    #[test]
    fn random_specifications_give_what_cpython_gives() {
        let table = include_str!("../../tests/tables/format_spec.tsv");
        for line in table.lines() {
            let [kind, value, spec, expected] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("four columns: {line}");
            };
            let result = match kind {
                "i" => {
                    let number: BigInt = value.parse().unwrap();
                    let number = match number.to_i64() {
                        Some(small) => Integer::Small(small),
                        None => Integer::Big(&number),
                    };
                    format_integer(number, spec, "int")
                }
                "f" => format_float(value.parse().unwrap(), spec, "float"),
                _ => format_text(value, value.chars().count(), spec, "str"),
            };
            let actual = result.unwrap_or_else(|error| {
                format!("!{}", format!("{error:?}").replacen(": ", "|", 1))
            });
            assert_eq!(actual, expected, "{line}");
        }
    }

    #[test]
    fn widths_beyond_all_memory_are_refused() {
        for spec in ["9999999999999999", "09999999999999999", "9999999999999999,"] {
            assert!(format_integer(Integer::Small(1), spec, "int").is_err());
            assert!(format_float(1.5, spec, "float").is_err());
        }
        assert!(format_text("a", 1, "9999999999999999", "str").is_err());
    }
}
