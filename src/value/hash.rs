//! The hash of every kind of value: CPython's numbers for numbers, tuples and frozensets. Knows
//! how contents are mixed; it must not know any table.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use num_traits::ToPrimitive;

use super::exception::type_error;
use super::float::NAN_BITS;
use super::name::known;
use super::{Outcome, Value};
use crate::eval::context::Context;

/// Numbers are hashed modulo this prime, 2^61 - 1, so that equal numbers of different types have
/// equal hashes.
const MODULUS: u64 = (1 << 61) - 1;
const MODULUS_BITS: u32 = 61;

/// How deep tuples in tuples are hashed and compared without looking after the native stack.
pub(super) const SHALLOW: u32 = 8;

/// The hash of a value.
///
/// # Errors
/// `TypeError` when it has none, or what its own `__hash__` raises.
#[inline]
pub fn hash(cx: &mut Context, value: &Value) -> Outcome<i64> {
    match quick_hash(value) {
        Some(hash) => Ok(hash),
        None => hash_slowly(cx, value),
    }
}

/// The hash of a value of a built-in type that can be told without running script code, which is
/// that of all hashable ones but deeply nested tuples.
#[inline]
pub fn quick_hash(value: &Value) -> Option<i64> {
    match value {
        Value::Str(text) => Some(text.hash() as i64),
        Value::Int(number) => Some(hash_integer(*number)),
        other => quick_hash_nested(other, SHALLOW),
    }
}

fn quick_hash_nested(value: &Value, depth: u32) -> Option<i64> {
    Some(match value {
        Value::Str(text) => text.hash() as i64,
        Value::Int(number) => hash_integer(*number),
        Value::Bool(truth) => i64::from(*truth),
        Value::Float(number) => hash_float(*number),
        Value::BigInt(number) => hash_big(number.get()),
        // The number CPython gives it since 3.12.
        Value::None => 0xFCA8_6420,
        Value::Ellipsis => 0x0E11_1950,
        Value::NotImplemented => 0x0407_1110,
        Value::Bytes(bytes) => hash_bytes(bytes.get()),
        Value::Tuple(tuple) if depth > 0 => {
            let mut mixer = TupleMixer::new();
            for item in tuple.items() {
                mixer.add(quick_hash_nested(item, depth - 1)?);
            }
            mixer.finish(tuple.items().len())
        }
        Value::FrozenSet(set) => set.hash(),
        Value::Range(range) => {
            let length = range.len();
            let (start, step) = match length {
                0 => (Value::None, Value::None),
                1 => (Value::Int(range.start), Value::None),
                _ => (Value::Int(range.start), Value::Int(range.step)),
            };
            let mut mixer = TupleMixer::new();
            for part in [Value::size(length), start, step] {
                mixer.add(quick_hash_nested(&part, 0)?);
            }
            mixer.finish(3)
        }
        Value::Method(method) => {
            identity(&method.receiver) ^ quick_hash_nested(&method.function, 0)?
        }
        Value::Function(_)
        | Value::Native(_)
        | Value::Class(_)
        | Value::Iterator(_)
        | Value::Generator(_)
        | Value::Module(_)
        | Value::Cell(_) => identity(value),
        Value::Unbound
        | Value::Tuple(_)
        | Value::List(_)
        | Value::Dict(_)
        | Value::Set(_)
        | Value::Slice(_)
        | Value::Instance(_) => return None,
    })
}

#[cold]
#[inline(never)]
fn hash_slowly(cx: &mut Context, value: &Value) -> Outcome<i64> {
    match value {
        Value::Tuple(tuple) => {
            cx.check_stack("")?;
            let mut mixer = TupleMixer::new();
            for item in tuple.items() {
                mixer.add(hash(cx, item)?);
            }
            Ok(mixer.finish(tuple.items().len()))
        }
        Value::Slice(slice) => {
            cx.check_stack("")?;
            let mut mixer = TupleMixer::new();
            for part in [&slice.start, &slice.stop, &slice.step] {
                mixer.add(hash(cx, part)?);
            }
            Ok(mixer.finish_slice())
        }
        Value::Instance(instance) => {
            let method = match cx.lookup(instance.class(), known().hash) {
                None | Some(Value::Unbound) => return hash_default(cx, value),
                Some(Value::None) => return Err(unhashable(value)),
                Some(method) => method,
            };
            if matches!(&method, Value::Native(function) if function.owner == "object")
                || instance.is_of_wrapped(&method)
            {
                return hash_default(cx, value);
            }
            let result = cx.call_found(&method, value, &[])?;
            match result.unwrapped() {
                Value::Int(number) if *number == -1 => Ok(-2),
                Value::Int(number) => Ok(*number),
                Value::Bool(truth) => Ok(i64::from(*truth)),
                Value::BigInt(number) => Ok(hash_big(number.get())),
                _ => Err(type_error("__hash__ method should return an integer")),
            }
        }
        _ => Err(unhashable(value)),
    }
}

/// What `object.__hash__` gives: the hash of the identity, or for an instance of a class derived
/// from a built-in type that of the value it wraps.
///
/// # Errors
/// As [`hash`].
pub fn hash_default(cx: &mut Context, value: &Value) -> Outcome<i64> {
    match value {
        Value::Instance(instance) => match instance.wrapped() {
            Some(wrapped) => hash(cx, wrapped).map_err(|error| {
                // The message names the class of the instance.
                match wrapped {
                    Value::List(_) | Value::Dict(_) | Value::Set(_) => unhashable(value),
                    _ => error,
                }
            }),
            None => Ok(identity(value)),
        },
        other => hash(cx, other),
    }
}

#[cold]
fn unhashable(value: &Value) -> super::exception::Raised {
    type_error(format!("unhashable type: '{}'", value.type_name()))
}

/// The hash of an object's identity.
pub fn identity(value: &Value) -> i64 {
    value.header().map_or(0, |header| {
        // The lowest bits of an address are always 0.
        (std::ptr::from_ref(header) as u64).rotate_right(4) as i64
    })
}

/// The hash of an integer.
#[inline(always)]
pub fn hash_integer(number: i64) -> i64 {
    if number.unsigned_abs() < MODULUS && number != -1 {
        return number;
    }
    hash_large(number)
}

#[cold]
fn hash_large(number: i64) -> i64 {
    let rest = (number.unsigned_abs() % MODULUS) as i64;
    avoid_error_code(if number < 0 { -rest } else { rest })
}

/// No value has the hash -1, as in CPython, where it means an error.
#[inline]
fn avoid_error_code(hash: i64) -> i64 {
    if hash == -1 { -2 } else { hash }
}

fn hash_big(number: &num_bigint::BigInt) -> i64 {
    let rest = (number.magnitude() % MODULUS).to_i64().unwrap_or(0);
    avoid_error_code(if number.sign() == num_bigint::Sign::Minus {
        -rest
    } else {
        rest
    })
}

/// The hash of a floating-point number: that of the rational number it is.
pub fn hash_float(number: f64) -> i64 {
    if number.is_nan() {
        // No two are equal: what tells them apart keeps them apart in a table.
        return (number.to_bits() & NAN_BITS) as i64;
    }
    if number.is_infinite() {
        return if number > 0.0 { 314_159 } else { -314_159 };
    }
    // Numbers that are integers are hashed as such.
    if number.abs() < 9.0e15 && number.trunc() == number {
        return hash_integer(number as i64);
    }
    // `number` is mantissa * 2^exponent; 2^61 is 1 modulo the prime, so multiplying by a power of
    // two rotates the 61 bits.
    let bits = number.to_bits();
    let raw_exponent = ((bits >> 52) & 0x7FF) as i32;
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) = if raw_exponent == 0 {
        (fraction, -1074)
    } else {
        (fraction | 1 << 52, raw_exponent - 1075)
    };
    let turn = exponent.rem_euclid(MODULUS_BITS as i32) as u32;
    let rotated = if turn == 0 {
        mantissa
    } else {
        ((mantissa << turn) & MODULUS) | (mantissa >> (MODULUS_BITS - turn))
    };
    let rest = (rotated % MODULUS) as i64;
    avoid_error_code(if number < 0.0 { -rest } else { rest })
}

/// The hash of bytes, keyed once a process.
fn hash_bytes(bytes: &[u8]) -> i64 {
    static KEYS: OnceLock<RandomState> = OnceLock::new();
    avoid_error_code(KEYS.get_or_init(RandomState::new).hash_one(bytes) as i64)
}

/// Mixes the hashes of a tuple's items: the variant of xxHash (Collet) that CPython uses.
struct TupleMixer {
    accumulator: u64,
}

impl TupleMixer {
    const PRIME_1: u64 = 11_400_714_785_074_694_791;
    const PRIME_2: u64 = 14_029_467_366_897_019_727;
    const PRIME_5: u64 = 2_870_177_450_012_600_261;

    fn new() -> Self {
        TupleMixer {
            accumulator: Self::PRIME_5,
        }
    }

    #[inline]
    fn add(&mut self, hash: i64) {
        self.accumulator = self
            .accumulator
            .wrapping_add((hash as u64).wrapping_mul(Self::PRIME_2))
            .rotate_left(31)
            .wrapping_mul(Self::PRIME_1);
    }

    fn finish(self, length: usize) -> i64 {
        let hash = self
            .accumulator
            .wrapping_add(length as u64 ^ (Self::PRIME_5 ^ 3_527_539)) as i64;
        if hash == -1 { 1_546_275_796 } else { hash }
    }

    /// Slices leave the length out.
    fn finish_slice(self) -> i64 {
        let hash = self.accumulator as i64;
        if hash == -1 { 1_546_275_796 } else { hash }
    }
}

/// Mixes the hashes of a frozenset's items, whatever their order, as CPython does.
pub(super) fn hash_unordered(hashes: impl Iterator<Item = i64>) -> i64 {
    let mut mixed = 0u64;
    let mut count = 0u64;
    for hash in hashes {
        let hash = hash as u64;
        mixed ^= ((hash ^ 89_869_747) ^ (hash << 16)).wrapping_mul(3_644_798_167);
        count += 1;
    }
    mixed ^= (count + 1).wrapping_mul(1_927_868_237);
    mixed ^= (mixed >> 11) ^ (mixed >> 25);
    mixed = mixed.wrapping_mul(69_069).wrapping_add(907_133_923);
    let hash = mixed as i64;
    if hash == -1 { 590_923_713 } else { hash }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Set;
    use crate::value::object::Ref;
    use crate::value::scalar::RangeObject;

    fn of(value: Value) -> i64 {
        quick_hash(&value).unwrap()
    }

    fn tuple(items: &[Value]) -> Value {
        Value::tuple(items.to_vec())
    }

    #[test]
    fn integers_have_the_hashes_of_cpython() {
        for (number, hash) in [
            (0, 0),
            (-1, -2),
            (-2, -2),
            (2_305_843_009_213_693_951, 0),
            (2_305_843_009_213_693_952, 1),
            (-2_305_843_009_213_693_951, 0),
            (-2_305_843_009_213_693_952, -2),
            (i64::MAX, 3),
            (i64::MIN, -4),
        ] {
            assert_eq!(of(Value::Int(number)), hash, "{number}");
        }
        for (number, hash) in [
            ("9223372036854775808", 4),
            ("-9223372036854775809", -5),
            ("18446744073709551616", 8),
            (
                "100000000000000000000000000000000000000000000000000",
                619_332_571_178_673_746,
            ),
            (
                "-100000000000000000000000000000000000000000000000000",
                -619_332_571_178_673_746,
            ),
        ] {
            assert_eq!(
                of(Value::integer(number.parse().unwrap())),
                hash,
                "{number}"
            );
        }
    }

    #[test]
    fn floats_have_the_hashes_of_cpython() {
        for (number, hash) in [
            (0.5, 1_152_921_504_606_846_976),
            (1e300, 1_224_995_262_755_759_164),
            (-1e300, -1_224_995_262_755_759_164),
            (5e-324, 16_777_216),
            (1e16, 10_000_000_000_000_000),
            (1.5, 1_152_921_504_606_846_977),
            (-0.1, -230_584_300_921_369_408),
            (1_000_000_000_000_000.5, 1_153_921_504_606_846_976),
            (f64::INFINITY, 314_159),
            (f64::NEG_INFINITY, -314_159),
            (-1.0, -2),
            (1.0, 1),
        ] {
            assert_eq!(hash_float(number), hash, "{number}");
        }
    }

    #[test]
    fn compound_values_have_the_hashes_of_cpython() {
        let [one, two, three] = [1, 2, 3].map(Value::Int);
        assert_eq!(of(tuple(&[])), 5_740_354_900_026_072_187);
        assert_eq!(
            of(tuple(std::slice::from_ref(&one))),
            -6_644_214_454_873_602_895
        );
        assert_eq!(
            of(tuple(&[one.clone(), two.clone(), three.clone()])),
            529_344_067_295_497_451
        );
        let nested = tuple(&[
            one.clone(),
            tuple(&[two.clone(), tuple(std::slice::from_ref(&three))]),
        ]);
        assert_eq!(of(nested), -2_939_794_377_302_041_199);
        let mixed = tuple(&[Value::None, Value::Bool(true), Value::Float(2.5)]);
        assert_eq!(of(mixed), 8_599_857_843_517_608_073);
        let frozen =
            |items: &[Value]| Value::FrozenSet(Ref::new(Set::of_constants(items).unwrap()));
        assert_eq!(of(frozen(&[])), 133_146_708_735_736);
        assert_eq!(of(frozen(&[one, two, three])), -272_375_401_224_217_160);
        for (start, stop, hash) in [
            (0, 5, 5_795_932_985_296_280_846),
            (0, 0, 2_676_694_398_852_732_306),
            (5, 6, -7_048_428_680_432_378_585),
        ] {
            let range = Value::Range(Ref::new(RangeObject {
                start,
                stop,
                step: 1,
            }));
            assert_eq!(of(range), hash, "{start} {stop}");
        }
    }

    #[test]
    fn values_that_can_change_have_none() {
        assert!(quick_hash(&Value::list(Vec::new())).is_none());
        assert!(quick_hash(&tuple(&[Value::list(Vec::new())])).is_none());
    }
}
