//! The optional `start` and `end` of searching methods. It must not know what is searched.

use num_traits::Signed;

use crate::eval::context::Context;
use crate::value::exception::type_error;
use crate::value::{Outcome, Value, sequence};

/// A part of a sequence, within its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Index of the first item.
    pub start: usize,
    /// Index after the last item, not below `start`.
    pub end: usize,
}

/// The part of a sequence of this length that `start` and `end` give, in the manner of slices;
/// `None` when it begins after its end, where not even the empty sequence is found.
///
/// # Errors
/// `TypeError` for a bound that is neither an integer nor `None`.
#[inline]
pub fn bounds(cx: &mut Context, given: &[Value], length: usize) -> Outcome<Option<Bounds>> {
    if given.is_empty() {
        return Ok(Some(Bounds {
            start: 0,
            end: length,
        }));
    }
    let start = bound(cx, given.first(), length)?.unwrap_or(0);
    let end = bound(cx, given.get(1), length)?
        .unwrap_or(length)
        .min(length);
    Ok((start <= end).then_some(Bounds { start, end }))
}

fn bound(cx: &mut Context, given: Option<&Value>, length: usize) -> Outcome<Option<usize>> {
    let Some(value) = given.filter(|value| !value.is_none()) else {
        return Ok(None);
    };
    Ok(Some(match sequence::try_index(cx, value)? {
        Some(Value::Int(index @ 0..)) => usize::try_from(index).unwrap_or(usize::MAX),
        Some(Value::Int(index)) => length.saturating_add_signed(index as isize),
        Some(Value::BigInt(index)) if index.get().is_negative() => 0,
        Some(_) => usize::MAX,
        None => {
            return Err(type_error(
                "slice indices must be integers or None or have an __index__ method",
            ));
        }
    }))
}
