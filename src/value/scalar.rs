//! Plain values that live on the heap: large integers, bytes, ranges and slices. They refer to
//! nothing that could change.

use num_bigint::BigInt;
use num_traits::ToPrimitive;

use super::object::{Object, Ref};
use super::{Value, leaf_object};

/// An integer that does not fit 64 bits.
pub struct BigInteger {
    value: BigInt,
}

impl Object for BigInteger {
    const IS_LEAF: bool = true;
    const IS_HEAVY: bool = true;

    fn weight(&self) -> usize {
        usize::try_from(self.value.bits() / 8).unwrap_or(usize::MAX)
    }

    fn traverse(&self, _visit: &mut dyn FnMut(&Value)) {}
}

impl Object for Bytes {
    const IS_LEAF: bool = true;
    const IS_HEAVY: bool = true;

    fn weight(&self) -> usize {
        self.bytes.len()
    }

    fn traverse(&self, _visit: &mut dyn FnMut(&Value)) {}
}

impl BigInteger {
    /// The value of this number: `Int` when it fits 64 bits, `BigInt` only otherwise.
    pub fn normalised(value: BigInt) -> Value {
        match value.to_i64() {
            Some(small) => Value::Int(small),
            None => Value::BigInt(Ref::new(BigInteger { value })),
        }
    }

    /// The number.
    pub fn get(&self) -> &BigInt {
        &self.value
    }
}

/// A sequence of bytes that is never changed.
pub struct Bytes {
    bytes: Box<[u8]>,
}

impl Bytes {
    /// These bytes.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Bytes {
            bytes: bytes.into(),
        }
    }

    /// The bytes.
    pub fn get(&self) -> &[u8] {
        &self.bytes
    }
}

/// A range: start, stop and a step that is not zero. Its bounds fit 64 bits; so does its length.
pub struct RangeObject {
    /// The first number, if any.
    pub start: i64,
    /// The bound that is not reached.
    pub stop: i64,
    /// The distance of two numbers.
    pub step: i64,
}

leaf_object!(RangeObject);

impl RangeObject {
    /// How many numbers it has.
    pub fn len(&self) -> usize {
        let (start, stop, step) = (
            i128::from(self.start),
            i128::from(self.stop),
            i128::from(self.step),
        );
        let count = if step > 0 {
            (stop - start + step - 1) / step
        } else {
            (start - stop - step - 1) / -step
        };
        usize::try_from(count.max(0)).unwrap_or(usize::MAX)
    }

    /// Whether it has no numbers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number at this index.
    pub fn get(&self, index: usize) -> Option<i64> {
        if index >= self.len() {
            return None;
        }
        // Within the bounds, which fit 64 bits.
        i64::try_from(i128::from(self.start) + index as i128 * i128::from(self.step)).ok()
    }
}

/// A slice: three values of any type, `None` where nothing was written.
pub struct Slice {
    /// Before the first colon.
    pub start: Value,
    /// After the first colon.
    pub stop: Value,
    /// After the second colon.
    pub step: Value,
}

impl Object for Slice {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.start);
        visit(&self.stop);
        visit(&self.step);
    }
}
