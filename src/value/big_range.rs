//! Ranges whose bounds do not fit 64 bits. Slower than the others, and otherwise the same. It
//! must not know the methods that scripts call.

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{Signed, ToPrimitive, Zero};

use super::exception::{type_error, value_error};
use super::instance::{Instance, NativeData, Payload};
use super::iterator::{Iterate, NativeIterator};
use super::object::Ref;
use super::scalar::{RangeObject, Slice};
use super::types::types;
use super::{Outcome, Value, sequence};
use crate::eval::context::Context;
use crate::value::lock::Guarded;

/// A range with bounds of any size.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct BigRange {
    pub start: BigInt,
    pub stop: BigInt,
    pub step: BigInt,
}

impl NativeData for BigRange {}

impl From<&RangeObject> for BigRange {
    fn from(range: &RangeObject) -> Self {
        BigRange {
            start: range.start.into(),
            stop: range.stop.into(),
            step: range.step.into(),
        }
    }
}

impl BigRange {
    /// A range as a value: of the quick kind where its bounds fit.
    pub fn value(self) -> Value {
        let small = [&self.start, &self.stop, &self.step].map(ToPrimitive::to_i64);
        if let [Some(start), Some(stop), Some(step)] = small {
            return Value::Range(Ref::new(RangeObject { start, stop, step }));
        }
        Value::Instance(Instance::new(
            types().range.clone(),
            Payload::Native(Box::new(self)),
        ))
    }

    /// The range that a value is, of either kind.
    pub fn of(value: &Value) -> Option<BigRange> {
        match value {
            Value::Range(range) => Some(BigRange::from(&**range)),
            Value::Instance(instance) => instance.native::<BigRange>().cloned(),
            _ => None,
        }
    }

    /// How many numbers it has.
    pub fn len(&self) -> BigInt {
        let (distance, step) = if self.step.is_negative() {
            (&self.start - &self.stop, -&self.step)
        } else {
            (&self.stop - &self.start, self.step.clone())
        };
        if distance.is_positive() {
            distance.div_ceil(&step)
        } else {
            BigInt::ZERO
        }
    }

    /// Whether it has no numbers.
    pub fn is_empty(&self) -> bool {
        self.len().is_zero()
    }

    /// The number at a place, which may be negative or beyond the end.
    pub fn at(&self, place: &BigInt) -> BigInt {
        &self.start + place * &self.step
    }

    /// The number at an index as scripts write it.
    pub fn get(&self, index: &BigInt) -> Option<BigInt> {
        let length = self.len();
        let place = if index.is_negative() {
            index + &length
        } else {
            index.clone()
        };
        (!place.is_negative() && place < length).then(|| self.at(&place))
    }

    /// The place of a number.
    pub fn place(&self, number: &BigInt) -> Option<BigInt> {
        let (place, rest) = (number - &self.start).div_mod_floor(&self.step);
        (rest.is_zero() && !place.is_negative() && place < self.len()).then_some(place)
    }

    /// The part that a slice stands for.
    ///
    /// # Errors
    /// As [`Slice::big_indices`].
    pub fn part(&self, cx: &mut Context, slice: &Slice) -> Outcome<Value> {
        let (start, stop, step) = slice.big_indices(cx, &self.len())?;
        let part = BigRange {
            start: self.at(&start),
            stop: self.at(&stop),
            step: &self.step * step,
        };
        Ok(part.value())
    }

    /// A range with the same numbers from the end.
    pub fn reversed(&self) -> BigRange {
        let last: BigInt = self.len() - 1;
        BigRange {
            start: self.at(&last),
            stop: &self.start - &self.step,
            step: -&self.step,
        }
    }

    /// An iterator.
    pub fn iterate(self) -> Value {
        NativeIterator::value(BigRangeIterator {
            left: Guarded::new(self.len()),
            next: Guarded::new(self.start.clone()),
            range: self,
        })
    }
}

struct BigRangeIterator {
    range: BigRange,
    left: Guarded<BigInt>,
    next: Guarded<BigInt>,
}

impl Iterate for BigRangeIterator {
    fn next(&self, _: &mut Context) -> Outcome<Option<Value>> {
        {
            let mut left = self.left.lock();
            if left.is_zero() {
                return Ok(None);
            }
            *left -= 1;
        }
        let mut next = self.next.lock();
        let after = &*next + &self.range.step;
        let number = std::mem::replace(&mut *next, after);
        drop(next);
        Ok(Some(Value::integer(number)))
    }

    fn type_name(&self) -> &'static str {
        "longrange_iterator"
    }

    fn length_hint(&self) -> Option<usize> {
        self.left.lock().to_usize()
    }
}

impl Slice {
    /// Start, stop and step in a sequence of this length, of any size.
    ///
    /// # Errors
    /// `TypeError` for parts that are no integers, `ValueError` for a step of 0.
    pub fn big_indices(
        &self,
        cx: &mut Context,
        length: &BigInt,
    ) -> Outcome<(BigInt, BigInt, BigInt)> {
        let step = big_part(cx, &self.step)?.unwrap_or_else(|| 1.into());
        if step.is_zero() {
            return Err(value_error("slice step cannot be zero"));
        }
        let backwards = step.is_negative();
        let (lowest, highest) = if backwards {
            (BigInt::from(-1), length - 1)
        } else {
            (BigInt::ZERO, length.clone())
        };
        let fit = |bound: Option<BigInt>, default: &BigInt| match bound {
            None => default.clone(),
            Some(bound) if bound.is_negative() => (bound + length).max(lowest.clone()),
            Some(bound) => bound.min(highest.clone()),
        };
        let (first, last) = if backwards {
            (&highest, &lowest)
        } else {
            (&lowest, &highest)
        };
        let start = fit(big_part(cx, &self.start)?, first);
        let stop = fit(big_part(cx, &self.stop)?, last);
        Ok((start, stop, step))
    }
}

fn big_part(cx: &mut Context, part: &Value) -> Outcome<Option<BigInt>> {
    match part {
        Value::None => Ok(None),
        part => match sequence::try_index(cx, part)? {
            Some(Value::Int(number)) => Ok(Some(number.into())),
            Some(Value::BigInt(number)) => Ok(Some(number.get().clone())),
            _ => Err(type_error(
                "slice indices must be integers or None or have an __index__ method",
            )),
        },
    }
}
