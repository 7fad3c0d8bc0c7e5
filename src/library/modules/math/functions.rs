//! Functions of floats that the standard library lacks, or has with other last digits than the
//! C library that CPython uses. It must not know values.

use std::f64::consts::PI;

/// The functions of the C library.
mod c {
    // SAFETY: declared as the C standard declares them, and its part on types of fixed width (TS 18661-3); each is defined for every argument and
    // touches no memory but `errno`.
    unsafe extern "C" {
        pub safe fn acosh(x: f64) -> f64;
        pub safe fn asinh(x: f64) -> f64;
        pub safe fn atanh(x: f64) -> f64;
        pub safe fn cbrtf64(x: f64) -> f64;
        pub safe fn erf(x: f64) -> f64;
        pub safe fn erfc(x: f64) -> f64;
    }
}

macro_rules! from_c {
    ($($name:ident)*) => {$(
        pub(super) fn $name(x: f64) -> f64 {
            c::$name(x)
        }
    )*};
}

from_c! { acosh asinh atanh erf erfc }

/// The cube root of the C library, by its second name: by the first one the linker would find that of
/// Rust's runtime, whose last digit is another.
pub(super) fn cbrt(x: f64) -> f64 {
    c::cbrtf64(x)
}

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The argument is outside the domain.
    Domain,
    /// The result is too large.
    Range,
}

/// Numerators and denominators of Lanczos' approximation with 13 terms (Pugh, 2004).
const LANCZOS: [(f64, f64); 13] = [
    (23531376880.41076, 0.0),
    (42919803642.6491, 39916800.0),
    (35711959237.35567, 120543840.0),
    (17921034426.03721, 150917976.0),
    (6039542586.352028, 105258076.0),
    (1439720407.3117216, 45995730.0),
    (248874557.86205417, 13339535.0),
    (31426415.585400194, 2637558.0),
    (2876370.6289353725, 357423.0),
    (186056.26539522348, 32670.0),
    (8071.672002365816, 1925.0),
    (210.82427775157936, 66.0),
    (2.5066282746310002, 1.0),
];

const LANCZOS_G: f64 = 6.02468004077673;
const LANCZOS_G_MINUS_HALF: f64 = 5.52468004077673;

fn lanczos_sum(x: f64) -> f64 {
    let (mut numerator, mut denominator) = (0.0, 0.0);
    // The powers of large numbers would overflow, those of small ones lose digits.
    if x < 5.0 {
        for (top, bottom) in LANCZOS.iter().rev() {
            numerator = numerator * x + top;
            denominator = denominator * x + bottom;
        }
    } else {
        for (top, bottom) in LANCZOS {
            numerator = numerator / x + top;
            denominator = denominator / x + bottom;
        }
    }
    numerator / denominator
}

/// The sine of pi times a finite number.
fn sin_pi(x: f64) -> f64 {
    let y = x.abs() % 2.0;
    let result = match (2.0 * y).round() as i32 {
        0 => (PI * y).sin(),
        1 => (PI * (y - 0.5)).cos(),
        2 => (PI * (1.0 - y)).sin(),
        3 => -(PI * (y - 1.5)).cos(),
        _ => (PI * (y - 2.0)).sin(),
    };
    1f64.copysign(x) * result
}

pub(super) fn gamma(x: f64) -> Result<f64, Failure> {
    if !x.is_finite() {
        return if x.is_nan() || x > 0.0 {
            Ok(x)
        } else {
            Err(Failure::Domain)
        };
    }
    if x == 0.0 {
        return Err(Failure::Domain);
    }
    if x == x.floor() {
        if x < 0.0 {
            return Err(Failure::Domain);
        }
        // Up to 23 the factorials are exact.
        if x <= 23.0 {
            return Ok((1..x as u64).map(|n| n as f64).product());
        }
    }
    let absolute = x.abs();
    if absolute < 1e-20 {
        let result = 1.0 / x;
        return finite(result);
    }
    if absolute > 200.0 {
        return if x < 0.0 {
            Ok(0.0 / sin_pi(x))
        } else {
            Err(Failure::Range)
        };
    }
    let y = absolute + LANCZOS_G_MINUS_HALF;
    // What rounding took from `y`.
    let z = if absolute > LANCZOS_G_MINUS_HALF {
        (y - absolute) - LANCZOS_G_MINUS_HALF
    } else {
        (y - LANCZOS_G_MINUS_HALF) - absolute
    };
    let z = z * LANCZOS_G / y;
    let half_power = || y.powf(absolute / 2.0 - 0.25);
    let result = if x < 0.0 {
        let mut result = -PI / sin_pi(absolute) / absolute * y.exp() / lanczos_sum(absolute);
        result -= z * result;
        if absolute < 140.0 {
            result / y.powf(absolute - 0.5)
        } else {
            result / half_power() / half_power()
        }
    } else {
        let mut result = lanczos_sum(absolute) / y.exp();
        result += z * result;
        if absolute < 140.0 {
            result * y.powf(absolute - 0.5)
        } else {
            result * half_power() * half_power()
        }
    };
    finite(result)
}

fn finite(result: f64) -> Result<f64, Failure> {
    if result.is_infinite() {
        Err(Failure::Range)
    } else {
        Ok(result)
    }
}

pub(super) fn log_gamma(x: f64) -> Result<f64, Failure> {
    /// The logarithm of pi.
    const LOG_PI: f64 = 1.1447298858494002;
    if !x.is_finite() {
        return Ok(if x.is_nan() { x } else { f64::INFINITY });
    }
    if x == x.floor() && x <= 2.0 {
        return if x <= 0.0 {
            Err(Failure::Domain)
        } else {
            Ok(0.0)
        };
    }
    let absolute = x.abs();
    if absolute < 1e-20 {
        return Ok(-absolute.ln());
    }
    let mut result = lanczos_sum(absolute).ln() - LANCZOS_G;
    result += (absolute - 0.5) * ((absolute + LANCZOS_G - 0.5).ln() - 1.0);
    if x < 0.0 {
        result = LOG_PI - sin_pi(absolute).abs().ln() - absolute.ln() - result;
    }
    finite(result)
}

/// The difference of `x` to the nearest multiple of `y`, to the even one at a tie. `x` is finite
/// and `y` not zero.
pub(super) fn remainder(x: f64, y: f64) -> f64 {
    if y.is_infinite() {
        return x;
    }
    let (absolute_x, absolute_y) = (x.abs(), y.abs());
    let m = absolute_x % absolute_y;
    let c = absolute_y - m;
    let r = if m < c {
        m
    } else if m > c {
        -c
    } else {
        m - 2.0 * ((0.5 * (absolute_x - m)) % absolute_y)
    };
    1f64.copysign(x) * r
}

/// The float `steps` floats from `x` towards `y`.
pub(super) fn next_after(x: f64, y: f64, steps: u64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if y.is_nan() {
        return y;
    }
    if steps == 0 || x == y {
        return if steps == 0 { x } else { y };
    }
    // Floats in order as integers in order.
    let order = |float: f64| {
        let bits = float.to_bits();
        let magnitude = i128::from(bits & !(1 << 63));
        if bits >> 63 == 1 {
            -magnitude
        } else {
            magnitude
        }
    };
    let (from, to) = (order(x), order(y));
    let distance = i128::from(steps);
    let reached = if from < to {
        (from + distance).min(to)
    } else {
        (from - distance).max(to)
    };
    let magnitude = f64::from_bits(reached.unsigned_abs() as u64);
    if reached < 0 || (reached == 0 && (x.is_sign_negative() || y.is_sign_negative()) && x < 0.0) {
        -magnitude
    } else if reached == to && reached == 0 {
        y
    } else {
        magnitude
    }
}

/// The value of the last digit of a float.
pub(super) fn ulp(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    let x = x.abs();
    if x.is_infinite() {
        return x;
    }
    let next = x.next_up();
    if next.is_infinite() {
        x - x.next_down()
    } else {
        next - x
    }
}

/// Mantissa, from a half to one, and exponent.
pub(super) fn split(x: f64) -> (f64, i32) {
    if x == 0.0 || !x.is_finite() {
        return (x, 0);
    }
    let bits = x.to_bits();
    match (bits >> 52) & 0x7ff {
        0 => {
            let (mantissa, exponent) = split(x * 2f64.powi(64));
            (mantissa, exponent - 64)
        }
        biased => {
            let mantissa = f64::from_bits((bits & !(0x7ff << 52)) | (1022 << 52));
            (mantissa, biased as i32 - 1022)
        }
    }
}

/// `x * 2**exponent`, rounded once.
pub(super) fn scale(x: f64, exponent: i64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let (mantissa, own) = split(x);
    let exponent = exponent.saturating_add(i64::from(own));
    if exponent > 1024 {
        return f64::INFINITY.copysign(x);
    }
    if exponent < -1080 {
        return 0f64.copysign(x);
    }
    if exponent > -1021 {
        // Normal: exact. One step less, since 2**1024 is no float.
        return mantissa * 2.0 * power_of_two(exponent as i32 - 1);
    }
    // Subnormal: the one rounding happens in the last product.
    mantissa * power_of_two(exponent as i32 + 1000 - 1) * 2.0 * power_of_two(-1000)
}

/// A power of two whose exponent is that of a normal float.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_has_cpythons_last_digits() {
        assert_eq!(gamma(0.5), Ok(1.772_453_850_905_515_9));
        assert_eq!(gamma(171.6), Ok(1.585_896_909_667_256_3e308));
        assert_eq!(gamma(5.0), Ok(24.0));
        assert_eq!(gamma(172.0), Err(Failure::Range));
        assert_eq!(gamma(-1.0), Err(Failure::Domain));
        assert_eq!(log_gamma(0.1), Ok(2.252_712_651_734_205_5));
        assert_eq!(log_gamma(1e308), Err(Failure::Range));
    }

    #[test]
    fn floats_are_split_and_scaled_exactly() {
        for x in [1.0, 10.0, 0.1, 5e-324, f64::MAX, -3.5e-310, 2.2e-308] {
            let (mantissa, exponent) = split(x);
            assert!((0.5..1.0).contains(&mantissa.abs()), "{x}");
            assert_eq!(scale(mantissa, i64::from(exponent)), x);
        }
        assert_eq!(scale(1.0, 5000), f64::INFINITY);
        assert_eq!(scale(1.0, -5000), 0.0);
        assert_eq!(scale(1.5, -1074), 1e-323);
        assert_eq!(scale(0.75, -1073), 1e-323);
        assert_eq!(scale(1.0, -1074), 5e-324);
    }

    #[test]
    fn neighbours_are_found() {
        assert_eq!(next_after(1.0, 2.0, 1), 1.0 + f64::EPSILON);
        assert_eq!(next_after(0.0, -1.0, 1), -5e-324);
        assert_eq!(next_after(-5e-324, 1.0, 1).to_bits(), (-0.0f64).to_bits());
        assert_eq!(next_after(1.0, 2.0, u64::MAX), 2.0);
        assert_eq!(ulp(1.0), f64::EPSILON);
        assert_eq!(ulp(f64::MAX), 1.99584030953472e292);
        assert_eq!(remainder(5.0, 3.0), -1.0);
    }
}
