//! Products and logarithms of large integers. Long products look for interrupts on their way.
//! It must not know how a script calls them.

use num_bigint::BigInt;
use num_traits::{One, ToPrimitive, Zero};

use crate::eval::context::Context;
use crate::value::Outcome;
use crate::value::convert::nearest_float;

/// A number as `mantissa * 2**exponent` with a mantissa that is a float.
pub(super) fn mantissa(number: &BigInt) -> (f64, u64) {
    let exponent = number.bits().saturating_sub(64);
    let float = nearest_float(&(number >> exponent)).unwrap_or(0.0);
    (float, exponent)
}

/// `n * (n - 1) * … `, with `count` factors.
pub(super) fn falling_product(cx: &mut Context, n: &BigInt, count: i64) -> Outcome<BigInt> {
    if let Some(n) = n.to_i64().filter(|n| *n <= 20) {
        let product: i64 = (0..count.min(n + 1)).map(|taken| n - taken).product();
        return Ok(product.into());
    }
    let first = n - count + 1;
    product(cx, &first, count)
}

/// `first * (first + 1) * …`, with `count` factors: halves of similar size are multiplied, which
/// is much faster than one factor after the other.
fn product(cx: &mut Context, first: &BigInt, count: i64) -> Outcome<BigInt> {
    if count <= 8 {
        let mut result = BigInt::one();
        for offset in 0..count {
            result *= first + offset;
        }
        return Ok(result);
    }
    cx.safepoint()?;
    let half = count / 2;
    let left = product(cx, first, half)?;
    let right = product(cx, &(first + half), count - half)?;
    Ok(left * right)
}

/// The number of ways to choose `k` of `n`, where `k` is at most half of `n`.
pub(super) fn combinations(cx: &mut Context, n: BigInt, k: i64) -> Outcome<BigInt> {
    if k == 0 || n.is_zero() {
        return Ok(BigInt::one());
    }
    let top = falling_product(cx, &n, k)?;
    let bottom = falling_product(cx, &BigInt::from(k), k)?;
    Ok(top / bottom)
}
