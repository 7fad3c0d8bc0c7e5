//! The distributions of real numbers, by the methods that CPython uses, so that a seed gives the
//! same numbers. It must not know values beyond the errors.

use std::f64::consts::{E, PI, TAU};

use super::source::Source;
use crate::eval::context::Context;
use crate::value::Outcome;
use crate::value::exception::{value_error, zero_division};

pub(super) fn uniform(cx: &mut Context, source: &Source<'_>, a: f64, b: f64) -> Outcome<f64> {
    Ok(a + (b - a) * source.float(cx)?)
}

pub(super) fn triangular(
    cx: &mut Context,
    source: &Source<'_>,
    low: f64,
    high: f64,
    mode: Option<f64>,
) -> Outcome<f64> {
    let mut u = source.float(cx)?;
    let mut c = match mode {
        None => 0.5,
        Some(_) if high == low => return Ok(low),
        Some(mode) => (mode - low) / (high - low),
    };
    let (mut low, mut high) = (low, high);
    if u > c {
        u = 1.0 - u;
        c = 1.0 - c;
        std::mem::swap(&mut low, &mut high);
    }
    Ok(low + (high - low) * (u * c).sqrt())
}

/// Kinderman and Monahan, 1977.
pub(super) fn normal(cx: &mut Context, source: &Source<'_>, mu: f64, sigma: f64) -> Outcome<f64> {
    let magic = 4.0 * (-0.5f64).exp() / 2f64.sqrt();
    loop {
        let u1 = source.float(cx)?;
        let u2 = 1.0 - source.float(cx)?;
        let z = magic * (u1 - 0.5) / u2;
        if z * z / 4.0 <= -u2.ln() {
            return Ok(mu + z * sigma);
        }
    }
}

/// Two at a time: Box and Muller, 1958.
pub(super) fn gauss(cx: &mut Context, source: &Source<'_>, mu: f64, sigma: f64) -> Outcome<f64> {
    let z = match source.take_gauss() {
        Some(z) => z,
        None => {
            let angle = source.float(cx)? * TAU;
            let radius = (-2.0 * (1.0 - source.float(cx)?).ln()).sqrt();
            source.keep_gauss(angle.sin() * radius);
            angle.cos() * radius
        }
    };
    Ok(mu + z * sigma)
}

pub(super) fn exponential(cx: &mut Context, source: &Source<'_>, rate: f64) -> Outcome<f64> {
    let drawn = -(1.0 - source.float(cx)?).ln();
    if rate == 0.0 {
        return Err(zero_division("float division by zero"));
    }
    Ok(drawn / rate)
}

/// Fisher, 1993.
pub(super) fn von_mises(
    cx: &mut Context,
    source: &Source<'_>,
    mu: f64,
    kappa: f64,
) -> Outcome<f64> {
    if kappa <= 1e-6 {
        return Ok(TAU * source.float(cx)?);
    }
    let s = 0.5 / kappa;
    let r = s + (1.0 + s * s).sqrt();
    let z = loop {
        let u1 = source.float(cx)?;
        let z = (PI * u1).cos();
        let d = z / (r + z);
        let u2 = source.float(cx)?;
        if u2 < 1.0 - d * d || u2 <= (1.0 - d) * d.exp() {
            break z;
        }
    };
    let q = 1.0 / r;
    let f = (q + z) / (1.0 + q * z);
    let angle = if source.float(cx)? > 0.5 {
        mu + f.acos()
    } else {
        mu - f.acos()
    };
    // The rest has the sign of the divisor.
    let rest = angle % TAU;
    Ok(if rest < 0.0 { rest + TAU } else { rest })
}

pub(super) fn gamma(cx: &mut Context, source: &Source<'_>, alpha: f64, beta: f64) -> Outcome<f64> {
    if alpha <= 0.0 || beta <= 0.0 {
        return Err(value_error("gammavariate: alpha and beta must be > 0.0"));
    }
    if alpha > 1.0 {
        return gamma_large(cx, source, alpha).map(|x| x * beta);
    }
    if alpha == 1.0 {
        return Ok(-(1.0 - source.float(cx)?).ln() * beta);
    }
    // Kennedy and Gentle, 1980.
    loop {
        let u = source.float(cx)?;
        let b = (E + alpha) / E;
        let p = b * u;
        let x = if p <= 1.0 {
            p.powf(1.0 / alpha)
        } else {
            -((b - p) / alpha).ln()
        };
        let u1 = source.float(cx)?;
        if p > 1.0 {
            if u1 <= x.powf(alpha - 1.0) {
                return Ok(x * beta);
            }
        } else if u1 <= (-x).exp() {
            return Ok(x * beta);
        }
    }
}

/// Cheng, 1977.
fn gamma_large(cx: &mut Context, source: &Source<'_>, alpha: f64) -> Outcome<f64> {
    let a = (2.0 * alpha - 1.0).sqrt();
    let b = alpha - 4f64.ln();
    let c = alpha + a;
    let magic = 1.0 + 4.5f64.ln();
    loop {
        let u1 = source.float(cx)?;
        if !(1e-7 < u1 && u1 < 0.9999999) {
            continue;
        }
        let u2 = 1.0 - source.float(cx)?;
        let v = (u1 / (1.0 - u1)).ln() / a;
        let x = alpha * v.exp();
        let z = u1 * u1 * u2;
        let r = b + c * v - x;
        if r + magic - 4.5 * z >= 0.0 || r >= z.ln() {
            return Ok(x);
        }
    }
}

pub(super) fn beta(cx: &mut Context, source: &Source<'_>, alpha: f64, beta: f64) -> Outcome<f64> {
    let y = gamma(cx, source, alpha, 1.0)?;
    if y == 0.0 {
        return Ok(0.0);
    }
    Ok(y / (y + gamma(cx, source, beta, 1.0)?))
}

pub(super) fn pareto(cx: &mut Context, source: &Source<'_>, alpha: f64) -> Outcome<f64> {
    let u = 1.0 - source.float(cx)?;
    if alpha == 0.0 {
        return Err(zero_division("float division by zero"));
    }
    Ok(u.powf(-1.0 / alpha))
}

pub(super) fn weibull(
    cx: &mut Context,
    source: &Source<'_>,
    alpha: f64,
    beta: f64,
) -> Outcome<f64> {
    let u = 1.0 - source.float(cx)?;
    if beta == 0.0 {
        return Err(zero_division("float division by zero"));
    }
    Ok(alpha * (-u.ln()).powf(1.0 / beta))
}

/// How many of `n` trials succeed, each with probability `p`.
pub(super) fn binomial(cx: &mut Context, source: &Source<'_>, n: i64, p: f64) -> Outcome<i64> {
    if n < 0 {
        return Err(value_error("n must be non-negative"));
    }
    if p == 0.0 {
        return Ok(0);
    }
    if p == 1.0 {
        return Ok(n);
    }
    if !(0.0 < p && p < 1.0) {
        return Err(value_error("p must be in the range 0.0 <= p <= 1.0"));
    }
    if n == 1 {
        return Ok(i64::from(source.float(cx)? < p));
    }
    if p > 0.5 {
        return Ok(n - binomial_small(cx, source, n, 1.0 - p)?);
    }
    binomial_small(cx, source, n, p)
}

/// As [`binomial`], for `p` of at most a half.
fn binomial_small(cx: &mut Context, source: &Source<'_>, n: i64, p: f64) -> Outcome<i64> {
    if n == 1 {
        return Ok(i64::from(source.float(cx)? < p));
    }
    let many = n as f64;
    if many * p < 10.0 {
        // Devroye's geometric method.
        let (mut x, mut y) = (0i64, 0i64);
        let c = (1.0 - p).log2();
        if c == 0.0 {
            return Ok(x);
        }
        loop {
            let step = (source.float(cx)?.log2() / c).floor();
            y = y.saturating_add(step as i64).saturating_add(1);
            if y > n {
                return Ok(x);
            }
            x += 1;
            cx.safepoint()?;
        }
    }
    // Transformed rejection with squeeze: Hörmann, 1993.
    let deviation = (many * p * (1.0 - p)).sqrt();
    let b = 1.15 + 2.53 * deviation;
    let a = -0.0873 + 0.0248 * b + 0.01 * p;
    let c = many * p + 0.5;
    let squeeze = 0.92 - 4.2 / b;
    loop {
        let u = source.float(cx)? - 0.5;
        let us = 0.5 - u.abs();
        let k = ((2.0 * a / us + b) * u + c).floor();
        if k < 0.0 || k > many {
            continue;
        }
        let mut v = source.float(cx)?;
        if us >= 0.07 && v <= squeeze {
            return Ok(k as i64);
        }
        let alpha = (2.83 + 5.1 / b) * deviation;
        let ratio = (p / (1.0 - p)).ln();
        let mode = ((many + 1.0) * p).floor();
        let log_gamma = crate::library::modules::math::log_gamma;
        let h = log_gamma(mode + 1.0) + log_gamma(many - mode + 1.0);
        v *= alpha / (a / (us * us) + b);
        if v.ln() <= h - log_gamma(k + 1.0) - log_gamma(many - k + 1.0) + (k - mode) * ratio {
            return Ok(k as i64);
        }
    }
}
