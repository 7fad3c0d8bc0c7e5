//! The `math` module: thin over `functions`, `integers` and `sums`. It must not know how
//! numbers are computed.

mod functions;
mod integers;
mod sums;

use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive};

use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments::{self, Signature};
use crate::library::modules::with_functions;
use crate::value::convert::truncate;
use crate::value::exception::{Raised, overflow_error, type_error, value_error, zero_division};
use crate::value::function::Args;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::operator::BinaryOperator;
use crate::value::{Outcome, Value, arithmetic, iterate, sequence};

/// Makes the module.
///
/// # Errors
/// None.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("math", FUNCTIONS);
    for (name, value) in [
        ("pi", std::f64::consts::PI),
        ("e", std::f64::consts::E),
        ("tau", std::f64::consts::TAU),
        ("inf", f64::INFINITY),
        ("nan", f64::NAN),
    ] {
        module.set(Name::new(name), Value::Float(value));
    }
    Ok(module)
}

const FUNCTIONS: crate::library::define::Entries<'_> = &[
    ("acos", |cx, args| {
        one(cx, args, "math.acos", f64::acos, Overflow::No)
    }),
    ("acosh", |cx, args| {
        one(cx, args, "math.acosh", functions::acosh, Overflow::No)
    }),
    ("asin", |cx, args| {
        one(cx, args, "math.asin", f64::asin, Overflow::No)
    }),
    ("asinh", |cx, args| {
        one(cx, args, "math.asinh", functions::asinh, Overflow::No)
    }),
    ("atan", |cx, args| {
        one(cx, args, "math.atan", f64::atan, Overflow::No)
    }),
    ("atanh", |cx, args| {
        one(cx, args, "math.atanh", functions::atanh, Overflow::No)
    }),
    ("cbrt", |cx, args| {
        one(cx, args, "math.cbrt", functions::cbrt, Overflow::No)
    }),
    ("cos", |cx, args| {
        one(cx, args, "math.cos", f64::cos, Overflow::No)
    }),
    ("cosh", |cx, args| {
        one(cx, args, "math.cosh", f64::cosh, Overflow::Yes)
    }),
    ("erf", |cx, args| {
        one(cx, args, "math.erf", functions::erf, Overflow::No)
    }),
    ("erfc", |cx, args| {
        one(cx, args, "math.erfc", functions::erfc, Overflow::No)
    }),
    ("exp", |cx, args| {
        one(cx, args, "math.exp", f64::exp, Overflow::Yes)
    }),
    ("exp2", |cx, args| {
        one(cx, args, "math.exp2", f64::exp2, Overflow::Yes)
    }),
    ("expm1", |cx, args| {
        one(cx, args, "math.expm1", f64::exp_m1, Overflow::Yes)
    }),
    ("fabs", |cx, args| {
        one(cx, args, "math.fabs", f64::abs, Overflow::No)
    }),
    ("gamma", gamma),
    ("lgamma", lgamma),
    ("log1p", |cx, args| {
        one(cx, args, "math.log1p", f64::ln_1p, Overflow::No)
    }),
    ("sin", |cx, args| {
        one(cx, args, "math.sin", f64::sin, Overflow::No)
    }),
    ("sinh", |cx, args| {
        one(cx, args, "math.sinh", f64::sinh, Overflow::Yes)
    }),
    ("sqrt", sqrt),
    ("tan", |cx, args| {
        one(cx, args, "math.tan", f64::tan, Overflow::No)
    }),
    ("tanh", |cx, args| {
        one(cx, args, "math.tanh", f64::tanh, Overflow::No)
    }),
    ("degrees", |cx, args| {
        one(
            cx,
            args,
            "math.degrees",
            |x| x * (180.0 / std::f64::consts::PI),
            Overflow::Infinite,
        )
    }),
    ("radians", |cx, args| {
        one(
            cx,
            args,
            "math.radians",
            |x| x * (std::f64::consts::PI / 180.0),
            Overflow::Infinite,
        )
    }),
    ("atan2", |cx, args| {
        two(cx, args, "atan2", |y, x| Ok(f64::atan2(y, x)))
    }),
    ("copysign", |cx, args| {
        two(cx, args, "copysign", |x, y| Ok(x.copysign(y)))
    }),
    ("fmod", |cx, args| two(cx, args, "fmod", fmod)),
    ("pow", |cx, args| two(cx, args, "pow", pow)),
    ("remainder", |cx, args| {
        two(cx, args, "remainder", remainder)
    }),
    ("log", log),
    ("log2", |cx, args| {
        logarithm(cx, arguments::one("math.log2", args)?, f64::log2).map(Value::Float)
    }),
    ("log10", |cx, args| {
        logarithm(cx, arguments::one("math.log10", args)?, f64::log10).map(Value::Float)
    }),
    ("isfinite", |cx, args| {
        test(cx, args, "math.isfinite", f64::is_finite)
    }),
    ("isinf", |cx, args| {
        test(cx, args, "math.isinf", f64::is_infinite)
    }),
    ("isnan", |cx, args| {
        test(cx, args, "math.isnan", f64::is_nan)
    }),
    ("isclose", isclose),
    ("nextafter", nextafter),
    ("ulp", ulp),
    ("fma", fma),
    ("frexp", frexp),
    ("ldexp", ldexp),
    ("modf", modf),
    ("ceil", |cx, args| {
        rounded(cx, args, "math.ceil", known().ceil, f64::ceil)
    }),
    ("floor", |cx, args| {
        rounded(cx, args, "math.floor", known().floor, f64::floor)
    }),
    ("trunc", trunc),
    ("comb", comb),
    ("perm", perm),
    ("factorial", factorial),
    ("gcd", |cx, args| {
        fold(cx, args, "math.gcd", 0, |a, b| {
            num_integer::Integer::gcd(a, b)
        })
    }),
    ("lcm", |cx, args| {
        fold(cx, args, "math.lcm", 1, |a, b| {
            num_integer::Integer::lcm(a, b)
        })
    }),
    ("isqrt", isqrt),
    ("hypot", hypot),
    ("dist", dist),
    ("fsum", fsum),
    ("prod", prod),
    ("sumprod", sumprod),
];

#[cold]
fn domain_error() -> Raised {
    value_error("math domain error")
}

#[cold]
fn range_error() -> Raised {
    overflow_error("math range error")
}

/// What an infinite result of a finite argument means.
#[derive(Clone, Copy, PartialEq)]
enum Overflow {
    /// The argument is outside the domain.
    No,
    /// The result is too large.
    Yes,
    /// Nothing: the result is infinity.
    Infinite,
}

#[inline]
fn one(
    cx: &mut Context,
    args: Args<'_>,
    name: &'static str,
    function: fn(f64) -> f64,
    overflow: Overflow,
) -> Outcome<Value> {
    let x = arguments::float(cx, arguments::one(name, args)?)?;
    let result = function(x);
    if !result.is_finite() {
        if result.is_nan() && !x.is_nan() {
            return Err(domain_error());
        }
        if result.is_infinite() && x.is_finite() {
            match overflow {
                Overflow::No => return Err(domain_error()),
                Overflow::Yes => return Err(range_error()),
                Overflow::Infinite => {}
            }
        }
    }
    Ok(Value::Float(result))
}

fn sqrt(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let x = arguments::float(cx, arguments::one("math.sqrt", args)?)?;
    if x < 0.0 {
        return Err(domain_error());
    }
    Ok(Value::Float(x.sqrt()))
}

fn two(
    cx: &mut Context,
    args: Args<'_>,
    name: &'static str,
    function: fn(f64, f64) -> Outcome<f64>,
) -> Outcome<Value> {
    let [x, y] = arguments::exactly(name, args)?;
    let (x, y) = (arguments::float(cx, x)?, arguments::float(cx, y)?);
    function(x, y).map(Value::Float)
}

fn test(
    cx: &mut Context,
    args: Args<'_>,
    name: &'static str,
    function: fn(f64) -> bool,
) -> Outcome<Value> {
    let x = arguments::float(cx, arguments::one(name, args)?)?;
    Ok(Value::Bool(function(x)))
}

fn gamma(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let x = arguments::float(cx, arguments::one("math.gamma", args)?)?;
    match functions::gamma(x) {
        Ok(result) => Ok(Value::Float(result)),
        Err(functions::Failure::Domain) => Err(domain_error()),
        Err(functions::Failure::Range) => Err(range_error()),
    }
}

fn lgamma(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let x = arguments::float(cx, arguments::one("math.lgamma", args)?)?;
    match functions::log_gamma(x) {
        Ok(result) => Ok(Value::Float(result)),
        Err(functions::Failure::Domain) => Err(domain_error()),
        Err(functions::Failure::Range) => Err(range_error()),
    }
}

/// The logarithm of the gamma function, infinite where it has no value.
pub(super) fn log_gamma(x: f64) -> f64 {
    functions::log_gamma(x).unwrap_or(f64::INFINITY)
}

fn fmod(x: f64, y: f64) -> Outcome<f64> {
    if y.is_infinite() && x.is_finite() {
        return Ok(x);
    }
    let result = x % y;
    if result.is_nan() && !x.is_nan() && !y.is_nan() {
        return Err(domain_error());
    }
    Ok(result)
}

fn remainder(x: f64, y: f64) -> Outcome<f64> {
    if x.is_nan() || y.is_nan() {
        return Ok(if x.is_nan() { x } else { y });
    }
    if x.is_infinite() || y == 0.0 {
        return Err(domain_error());
    }
    Ok(functions::remainder(x, y))
}

fn pow(x: f64, y: f64) -> Outcome<f64> {
    let result = x.powf(y);
    if x.is_finite() && y.is_finite() {
        if result.is_nan() || (result.is_infinite() && x == 0.0) {
            return Err(domain_error());
        }
        if result.is_infinite() {
            return Err(range_error());
        }
    }
    Ok(result)
}

/// A logarithm; of integers also beyond the floats.
fn logarithm(cx: &mut Context, value: &Value, function: fn(f64) -> f64) -> Outcome<f64> {
    if let Value::BigInt(number) = value.unwrapped() {
        let number = number.get();
        if !number.is_positive() {
            return Err(domain_error());
        }
        let (mantissa, exponent) = integers::mantissa(number);
        return Ok(match crate::value::convert::nearest_float(number) {
            Some(float) => function(float),
            None => function(mantissa) + function(2.0) * exponent as f64,
        });
    }
    let x = arguments::float(cx, value)?;
    if x <= 0.0 {
        return Err(domain_error());
    }
    Ok(function(x))
}

fn log(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = arguments::between("log", args, 1, 2)?;
    let numerator = logarithm(cx, &values[0], f64::ln)?;
    let Some(base) = values.get(1) else {
        return Ok(Value::Float(numerator));
    };
    let denominator = logarithm(cx, base, f64::ln)?;
    if denominator == 0.0 {
        return Err(zero_division("float division by zero"));
    }
    Ok(Value::Float(numerator / denominator))
}

const ISCLOSE: Signature<4> = Signature::new("isclose", ["a", "b", "rel_tol", "abs_tol"])
    .positional(2)
    .required(2);

fn isclose(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [Some(a), Some(b), relative, absolute] = ISCLOSE.bind(args)? else {
        return Err(type_error("isclose() missing required argument"));
    };
    let (a, b) = (arguments::float(cx, a)?, arguments::float(cx, b)?);
    let relative = relative.map_or(Ok(1e-9), |value| arguments::float(cx, value))?;
    let absolute = absolute.map_or(Ok(0.0), |value| arguments::float(cx, value))?;
    if relative < 0.0 || absolute < 0.0 {
        return Err(value_error("tolerances must be non-negative"));
    }
    let close = if a == b {
        true
    } else if a.is_infinite() || b.is_infinite() {
        false
    } else {
        let difference = (b - a).abs();
        difference <= (relative * b).abs()
            || difference <= (relative * a).abs()
            || difference <= absolute
    };
    Ok(Value::Bool(close))
}

const NEXTAFTER: Signature<3> = Signature::new("nextafter", ["x", "y", "steps"])
    .positional_only(2)
    .positional(2)
    .required(2);

fn nextafter(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [Some(x), Some(y), steps] = NEXTAFTER.bind(args)? else {
        return Err(type_error("nextafter() missing required argument"));
    };
    let (x, y) = (arguments::float(cx, x)?, arguments::float(cx, y)?);
    let steps = match steps.filter(|steps| !steps.is_none()) {
        None => 1,
        Some(steps) => {
            let steps = arguments::big_integer(cx, steps)?;
            if steps.is_negative() {
                return Err(value_error("steps must be a non-negative integer"));
            }
            steps.to_u64().unwrap_or(u64::MAX)
        }
    };
    Ok(Value::Float(functions::next_after(x, y, steps)))
}

fn ulp(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let x = arguments::float(cx, arguments::one("math.ulp", args)?)?;
    Ok(Value::Float(functions::ulp(x)))
}

fn fma(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [x, y, z] = arguments::exactly("fma", args)?;
    let (x, y, z) = (
        arguments::float(cx, x)?,
        arguments::float(cx, y)?,
        arguments::float(cx, z)?,
    );
    let result = x.mul_add(y, z);
    if result.is_nan() && !(x.is_nan() || y.is_nan() || z.is_nan()) {
        return Err(value_error("invalid operation in fma"));
    }
    if result.is_infinite() && x.is_finite() && y.is_finite() && z.is_finite() {
        return Err(overflow_error("overflow in fma"));
    }
    Ok(Value::Float(result))
}

fn frexp(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let x = arguments::float(cx, arguments::one("math.frexp", args)?)?;
    let (mantissa, exponent) = functions::split(x);
    Ok(Value::tuple_of([
        Value::Float(mantissa),
        Value::Int(i64::from(exponent)),
    ]))
}

fn ldexp(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [x, exponent] = arguments::exactly("ldexp", args)?;
    let x = arguments::float(cx, x)?;
    let exponent = match exponent.unwrapped() {
        Value::Int(exponent) => *exponent,
        Value::Bool(flag) => i64::from(*flag),
        Value::BigInt(exponent) if exponent.get().is_negative() => i64::MIN,
        Value::BigInt(_) => i64::MAX,
        _ => return Err(type_error("Expected an int as second argument to ldexp.")),
    };
    let result = functions::scale(x, exponent);
    if result.is_infinite() && x.is_finite() {
        return Err(range_error());
    }
    Ok(Value::Float(result))
}

fn modf(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let x = arguments::float(cx, arguments::one("math.modf", args)?)?;
    let fraction = if x.is_infinite() {
        0f64.copysign(x)
    } else {
        (x - x.trunc()).copysign(x)
    };
    let fraction = if x.is_nan() { x } else { fraction };
    Ok(Value::tuple_of([
        Value::Float(fraction),
        Value::Float(x.trunc()),
    ]))
}

fn rounded(
    cx: &mut Context,
    args: Args<'_>,
    name: &'static str,
    special: Name,
    function: fn(f64) -> f64,
) -> Outcome<Value> {
    let value = arguments::one(name, args)?;
    if let Value::Instance(instance) = value
        && let Some(method) = sequence::special(instance, special)
    {
        return cx.call_found(&method, value, &[]);
    }
    match value.unwrapped() {
        number @ (Value::Int(_) | Value::BigInt(_)) => Ok(number.clone()),
        Value::Bool(flag) => Ok(Value::Int(i64::from(*flag))),
        _ => truncate(function(arguments::float(cx, value)?)),
    }
}

fn trunc(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let value = arguments::one("math.trunc", args)?;
    if let Value::Instance(instance) = value
        && let Some(method) = sequence::special(instance, known().trunc)
    {
        return cx.call_found(&method, value, &[]);
    }
    match value.unwrapped() {
        number @ (Value::Int(_) | Value::BigInt(_)) => Ok(number.clone()),
        Value::Bool(flag) => Ok(Value::Int(i64::from(*flag))),
        Value::Float(number) => truncate(*number),
        _ => Err(type_error(format!(
            "type {} doesn't define __trunc__ method",
            value.type_name()
        ))),
    }
}

// ---- integers ----

fn not_negative(number: &BigInt, name: &str) -> Outcome<()> {
    if number.is_negative() {
        return Err(value_error(format!(
            "{name} must be a non-negative integer"
        )));
    }
    Ok(())
}

fn comb(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [n, k] = arguments::exactly("comb", args)?;
    let n = arguments::big_integer(cx, n)?;
    let k = arguments::big_integer(cx, k)?;
    not_negative(&n, "n")?;
    not_negative(&k, "k")?;
    if k > n {
        return Ok(Value::Int(0));
    }
    let smaller = (&n - &k).min(k);
    let Some(smaller) = smaller.to_i64() else {
        return Err(overflow_error(
            "min(n - k, k) must not exceed 9223372036854775807",
        ));
    };
    integers::combinations(cx, n, smaller).map(Value::integer)
}

fn perm(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = arguments::between("perm", args, 1, 2)?;
    let n = arguments::big_integer(cx, &values[0])?;
    let k = match values.get(1).filter(|k| !k.is_none()) {
        None => return factorial_of(cx, &n),
        Some(k) => arguments::big_integer(cx, k)?,
    };
    not_negative(&n, "n")?;
    not_negative(&k, "k")?;
    if k > n {
        return Ok(Value::Int(0));
    }
    let Some(k) = k.to_i64() else {
        return Err(overflow_error("k must not exceed 9223372036854775807"));
    };
    integers::falling_product(cx, &n, k).map(Value::integer)
}

fn factorial(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let n = arguments::big_integer(cx, arguments::one("math.factorial", args)?)?;
    factorial_of(cx, &n)
}

fn factorial_of(cx: &mut Context, n: &BigInt) -> Outcome<Value> {
    if n.is_negative() {
        return Err(value_error("factorial() not defined for negative values"));
    }
    let Some(count) = n.to_i64() else {
        return Err(overflow_error(
            "factorial() argument should not exceed 9223372036854775807",
        ));
    };
    integers::falling_product(cx, n, count).map(Value::integer)
}

fn fold(
    cx: &mut Context,
    args: Args<'_>,
    name: &'static str,
    start: i64,
    function: fn(&BigInt, &BigInt) -> BigInt,
) -> Outcome<Value> {
    let mut result = BigInt::from(start);
    for value in arguments::no_keywords(name, args)? {
        let number = arguments::big_integer(cx, value)?;
        result = function(&result, &number);
    }
    Ok(Value::integer(result.abs()))
}

fn isqrt(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let n = arguments::big_integer(cx, arguments::one("math.isqrt", args)?)?;
    if n.is_negative() {
        return Err(value_error("isqrt() argument must be nonnegative"));
    }
    Ok(Value::integer(n.sqrt()))
}

// ---- several numbers ----

fn floats(cx: &mut Context, values: &[Value]) -> Outcome<Vec<f64>> {
    values
        .iter()
        .map(|value| arguments::float(cx, value))
        .collect()
}

fn hypot(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = arguments::no_keywords("math.hypot", args)?;
    let coordinates = floats(cx, values)?;
    Ok(Value::Float(sums::norm(coordinates)))
}

fn dist(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [p, q] = arguments::exactly("dist", args)?;
    let (p, q) = (iterate::collect(cx, p)?, iterate::collect(cx, q)?);
    if p.len() != q.len() {
        return Err(value_error(
            "both points must have the same number of dimensions",
        ));
    }
    let (p, q) = (floats(cx, &p)?, floats(cx, &q)?);
    let differences = p.iter().zip(&q).map(|(p, q)| p - q).collect();
    Ok(Value::Float(sums::norm(differences)))
}

fn fsum(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let iterable = arguments::one("math.fsum", args)?;
    let mut sum = sums::ExactSum::default();
    let mut failure = None;
    iterate::for_each(cx, iterable, |cx, item| {
        let number = arguments::float(cx, &item)?;
        if failure.is_none() {
            failure = sum.add(number).err();
        }
        Ok(())
    })?;
    match failure.map_or_else(|| sum.total(), Err) {
        Ok(total) => Ok(Value::Float(total)),
        Err(sums::Failure::Overflow) => Err(overflow_error("intermediate overflow in fsum")),
        Err(sums::Failure::Opposite) => Err(value_error("-inf + inf in fsum")),
    }
}

const PROD: Signature<2> = Signature::new("prod", ["iterable", "start"])
    .positional_only(1)
    .positional(1)
    .required(1);

fn prod(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [Some(iterable), start] = PROD.bind(args)? else {
        return Err(type_error("prod() missing required argument"));
    };
    let mut product = start.cloned().unwrap_or(Value::Int(1));
    iterate::for_each(cx, iterable, |cx, item| {
        product = arithmetic::binary(cx, BinaryOperator::Multiply, &product, &item)?;
        Ok(())
    })?;
    Ok(product)
}

fn sumprod(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [p, q] = arguments::exactly("sumprod", args)?;
    let (p, q) = (iterate::collect(cx, p)?, iterate::collect(cx, q)?);
    if p.len() != q.len() {
        return Err(value_error("Inputs are not the same length"));
    }
    // As in CPython integers go first, then floats, each as long as they go: what is left is
    // added up by the operators.
    let mut total = Value::Int(0);
    let mut pairs = p.iter().zip(&q).peekable();
    let mut whole = BigInt::default();
    while let Some((Value::Int(p), Value::Int(q))) =
        pairs.next_if(|pair| matches!(pair, (Value::Int(_), Value::Int(_))))
    {
        whole += BigInt::from(*p) * q;
    }
    total = arithmetic::binary(cx, BinaryOperator::Add, &total, &Value::integer(whole))?;
    let is_float = |value: &Value| matches!(value, Value::Float(_));
    let is_real = |value: &Value| matches!(value, Value::Float(_) | Value::Int(_) | Value::Bool(_));
    let (mut left, mut right) = (Vec::new(), Vec::new());
    while let Some((p, q)) =
        pairs.next_if(|(p, q)| (is_float(p) && is_real(q)) || (is_real(p) && is_float(q)))
    {
        left.push(arguments::float(cx, p)?);
        right.push(arguments::float(cx, q)?);
    }
    if !left.is_empty() {
        let dot = Value::Float(sums::dot(&left, &right));
        total = arithmetic::binary(cx, BinaryOperator::Add, &total, &dot)?;
    }
    for (p, q) in pairs {
        let product = arithmetic::binary(cx, BinaryOperator::Multiply, p, q)?;
        total = arithmetic::binary(cx, BinaryOperator::Add, &total, &product)?;
    }
    Ok(total)
}
