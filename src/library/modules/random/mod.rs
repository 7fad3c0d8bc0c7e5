//! The `random` module: `Random`, `SystemRandom`, and functions that are methods of one hidden
//! `Random`, which a forked child seeds anew. It must not know how bits are generated.

mod distributions;
mod mersenne;
mod sequences;
mod source;

use std::sync::OnceLock;

use num_bigint::BigInt;
use num_traits::{One, Signed, Zero};
use sha2::{Digest, Sha512};

use self::mersenne::Twister;
use self::source::{Generator, Source, source_of};
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments;
use crate::library::define;
use crate::library::methods::construct::class_argument;
use crate::library::modules::with_functions;
use crate::library::parameters::Parameters;
use crate::value::arithmetic::binary;
use crate::value::buffer::BytesLike;
use crate::value::class::{Class, Layout};
use crate::value::exception::{memory_error, not_implemented, type_error, value_error};
use crate::value::function::{Args, BoundMethod};
use crate::value::instance::{Instance, Payload};
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::operator::BinaryOperator;
use crate::value::{Outcome, Value, hash, iterate, sequence};

/// The name of the class that draws from the operating system.
const SYSTEM: &str = "SystemRandom";

struct Classes {
    random: Ref<Class>,
    system: Ref<Class>,
}

fn classes() -> &'static Classes {
    static CLASSES: OnceLock<Classes> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let random = Class::native("Random");
        random.set(known().module, Value::str("random"));
        define::static_methods(&random, &[("__new__", new)]);
        define::methods(&random, METHODS);
        define::methods(&random, sequences::METHODS);
        let system = Class::builtin(SYSTEM, Some(&random), Layout::Native("Random"));
        system.set(known().module, Value::str("random"));
        define::methods(
            &system,
            &[
                ("seed", |_, _| Ok(Value::None)),
                ("getstate", no_state),
                ("setstate", no_state),
            ],
        );
        Classes { random, system }
    })
}

/// Makes the module.
///
/// # Errors
/// `OSError` when the operating system gives no seed.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("random", &[]);
    let classes = classes();
    module.set(Name::new("Random"), Value::Class(classes.random.clone()));
    module.set(Name::new(SYSTEM), Value::Class(classes.system.clone()));
    let hidden = Value::Instance(instance(&classes.random, true)?);
    for (name, _) in METHODS.iter().chain(sequences::METHODS) {
        let name = Name::new(name);
        if let Some(function) = classes.random.own(name).filter(|_| !name.is_special()) {
            let method = Ref::new(BoundMethod {
                function,
                receiver: hidden.clone(),
            });
            module.set(name, Value::Method(method));
        }
    }
    Ok(module)
}

fn instance(class: &Ref<Class>, reseeds: bool) -> Outcome<Ref<Instance>> {
    let generator = Generator::new(reseeds)?;
    Ok(Instance::new(
        class.clone(),
        Payload::Native(Box::new(generator)),
    ))
}

const METHODS: define::Entries<'static> = &[
    ("__init__", init),
    ("__getstate__", getstate),
    ("__setstate__", setstate),
    ("__reduce__", reduce),
    ("seed", seed),
    ("getstate", getstate),
    ("setstate", setstate),
    ("random", random),
    ("getrandbits", getrandbits),
    ("randbytes", randbytes),
    ("randrange", randrange),
    ("randint", randint),
    ("uniform", uniform),
    ("triangular", triangular),
    ("normalvariate", |cx, args| {
        real(
            cx,
            args,
            &NORMALVARIATE,
            [Some(0.0), Some(1.0)],
            distributions::normal,
        )
    }),
    ("gauss", |cx, args| {
        real(
            cx,
            args,
            &GAUSS,
            [Some(0.0), Some(1.0)],
            distributions::gauss,
        )
    }),
    ("lognormvariate", |cx, args| {
        real(
            cx,
            args,
            &LOGNORMVARIATE,
            [None; 2],
            |cx, source, mu, sigma| Ok(distributions::normal(cx, source, mu, sigma)?.exp()),
        )
    }),
    ("expovariate", |cx, args| {
        let (source, args) = receiver(args, "expovariate")?;
        let [rate] = EXPOVARIATE.bind(args)?;
        let rate = rate.map_or(Ok(1.0), |rate| arguments::float(cx, rate))?;
        distributions::exponential(cx, &source, rate).map(Value::Float)
    }),
    ("vonmisesvariate", |cx, args| {
        real(
            cx,
            args,
            &VONMISESVARIATE,
            [None; 2],
            distributions::von_mises,
        )
    }),
    ("gammavariate", |cx, args| {
        real(cx, args, &GAMMAVARIATE, [None; 2], distributions::gamma)
    }),
    ("betavariate", |cx, args| {
        real(cx, args, &BETAVARIATE, [None; 2], distributions::beta)
    }),
    ("paretovariate", |cx, args| {
        let (source, args) = receiver(args, "paretovariate")?;
        let [alpha] = PARETOVARIATE.bind(args)?;
        let alpha = given(cx, alpha, None)?;
        distributions::pareto(cx, &source, alpha).map(Value::Float)
    }),
    ("weibullvariate", |cx, args| {
        real(cx, args, &WEIBULLVARIATE, [None; 2], distributions::weibull)
    }),
    ("binomialvariate", binomialvariate),
];

const UNIFORM: Parameters<2> = Parameters::method("Random.uniform", ["a", "b"]).required(2);
const TRIANGULAR: Parameters<3> = Parameters::method("Random.triangular", ["low", "high", "mode"]);
const NORMALVARIATE: Parameters<2> = Parameters::method("Random.normalvariate", ["mu", "sigma"]);
const GAUSS: Parameters<2> = Parameters::method("Random.gauss", ["mu", "sigma"]);
const LOGNORMVARIATE: Parameters<2> =
    Parameters::method("Random.lognormvariate", ["mu", "sigma"]).required(2);
const EXPOVARIATE: Parameters<1> = Parameters::method("Random.expovariate", ["lambd"]);
const VONMISESVARIATE: Parameters<2> =
    Parameters::method("Random.vonmisesvariate", ["mu", "kappa"]).required(2);
const GAMMAVARIATE: Parameters<2> =
    Parameters::method("Random.gammavariate", ["alpha", "beta"]).required(2);
const BETAVARIATE: Parameters<2> =
    Parameters::method("Random.betavariate", ["alpha", "beta"]).required(2);
const PARETOVARIATE: Parameters<1> =
    Parameters::method("Random.paretovariate", ["alpha"]).required(1);
const WEIBULLVARIATE: Parameters<2> =
    Parameters::method("Random.weibullvariate", ["alpha", "beta"]).required(2);
const BINOMIALVARIATE: Parameters<2> = Parameters::method("Random.binomialvariate", ["n", "p"]);

/// The receiver's source, and the arguments after it.
#[inline]
fn receiver<'a>(args: Args<'a>, method: &'static str) -> Outcome<(Source<'a>, Args<'a>)> {
    match args.positional().first() {
        Some(receiver) => Ok((source_of(receiver, SYSTEM)?, args.rest())),
        None => Err(arguments::bad_receiver("Random", method, args)),
    }
}

fn generator<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Generator, Args<'a>)> {
    let found = args
        .positional()
        .first()
        .and_then(Value::as_instance)
        .and_then(|instance: &Ref<Instance>| instance.native::<Generator>());
    match found {
        Some(generator) => Ok((generator, args.rest())),
        None => Err(arguments::bad_receiver("Random", method, args)),
    }
}

fn given(cx: &mut Context, value: Option<&Value>, default: Option<f64>) -> Outcome<f64> {
    match (value, default) {
        (Some(value), _) => arguments::float(cx, value),
        (None, default) => Ok(default.unwrap_or(0.0)),
    }
}

/// A method with two parameters that are real numbers.
fn real(
    cx: &mut Context,
    args: Args<'_>,
    signature: &Parameters<2>,
    defaults: [Option<f64>; 2],
    distribution: fn(&mut Context, &Source<'_>, f64, f64) -> Outcome<f64>,
) -> Outcome<Value> {
    let (source, args) = receiver(args, "random")?;
    let [first, second] = signature.bind(args)?;
    let first = given(cx, first, defaults[0])?;
    let second = given(cx, second, defaults[1])?;
    distribution(cx, &source, first, second).map(Value::Float)
}

// ---- construction and state ----

fn new(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, _) = class_argument(&classes().random, args)?;
    instance(class, false).map(Value::Instance)
}

const INIT: Parameters<1> = Parameters::method("Random.__init__", ["x"]);

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    generator(args, "__init__")?;
    let [seed] = INIT.bind(args.rest())?;
    // By its name: a script's class may have its own.
    let seed = seed.cloned().unwrap_or_default();
    cx.call_method(&args.values[0], "seed", &[seed])?;
    Ok(Value::None)
}

const SEED: Parameters<2> = Parameters::method("Random.seed", ["a", "version"]);

fn seed(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (generator, args) = generator(args, "seed")?;
    let [seed, version] = SEED.bind(args)?;
    let version = version.map_or(Ok(2), |version| arguments::integer(cx, version))?;
    let number = match seed.map(Value::unwrapped) {
        None | Some(Value::None) => None,
        Some(number @ (Value::Int(_) | Value::BigInt(_) | Value::Bool(_))) => {
            Some(arguments::big_integer(cx, number)?)
        }
        Some(float @ Value::Float(_)) => Some(BigInt::from(hash::hash(cx, float)? as u64)),
        Some(Value::Str(text)) if version == 1 => {
            Some(old_hash(text.as_str().chars().map(u32::from)))
        }
        Some(Value::Bytes(bytes)) if version == 1 => {
            Some(old_hash(bytes.get().iter().copied().map(u32::from)))
        }
        Some(Value::Str(text)) => Some(digested(text.as_str().as_bytes())),
        Some(other) => match BytesLike::of(other) {
            Some(bytes) if !matches!(other.type_name(), "memoryview") => Some(digested(&bytes)),
            _ => {
                return Err(type_error(
                    "The only supported seed types are:\nNone, int, float, str, bytes, and \
                     bytearray.",
                ));
            }
        },
    };
    generator.seed(number.as_ref())?;
    Ok(Value::None)
}

/// Bytes followed by their SHA-512, as a number.
fn digested(bytes: &[u8]) -> BigInt {
    let mut all = bytes.to_vec();
    all.extend_from_slice(&Sha512::digest(bytes));
    BigInt::from_bytes_be(num_bigint::Sign::Plus, &all)
}

/// The seed of version 1.
fn old_hash(codes: impl Iterator<Item = u32>) -> BigInt {
    let codes: Vec<u32> = codes.collect();
    let mut x = codes.first().map_or(0, |&first| u64::from(first) << 7);
    for &code in &codes {
        x = 1_000_003u64.wrapping_mul(x) ^ u64::from(code);
    }
    BigInt::from(x ^ codes.len() as u64)
}

fn getstate(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (generator, args) = generator(args, "getstate")?;
    arguments::none("getstate", args)?;
    let (twister, next_gauss) = generator.snapshot();
    let (words, used) = twister.state();
    let mut state: Vec<Value> = words.iter().map(|&word| Value::Int(word.into())).collect();
    state.push(Value::size(used));
    Ok(Value::tuple_of([
        Value::Int(3),
        Value::tuple(state),
        next_gauss.map_or(Value::None, Value::Float),
    ]))
}

fn setstate(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (generator, args) = generator(args, "setstate")?;
    let state = iterate::collect(cx, arguments::one("setstate", args)?)?;
    let [version, words, next_gauss] = &state[..] else {
        return Err(value_error("state vector is the wrong size"));
    };
    if !matches!(version, Value::Int(2 | 3)) {
        return Err(value_error(format!(
            "state with version {} passed to Random.setstate() of version 3",
            crate::value::text::to_str(cx, version)?
        )));
    }
    let Value::Tuple(words) = words.unwrapped() else {
        return Err(type_error("state vector must be a tuple"));
    };
    let mut numbers = Vec::with_capacity(words.items().len());
    for word in words.items() {
        // Version 2 kept them signed.
        numbers.push(arguments::integer(cx, word)? as u32);
    }
    let used = numbers.pop().unwrap_or(u32::MAX) as usize;
    let twister = match numbers.len() {
        624 => Twister::in_state(&numbers, used).ok_or_else(|| value_error("invalid state"))?,
        _ => return Err(value_error("state vector is the wrong size")),
    };
    let next_gauss = match next_gauss {
        Value::None => None,
        number => Some(arguments::float(cx, number)?),
    };
    generator.replace(twister, next_gauss);
    Ok(Value::None)
}

fn reduce(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let state = getstate(cx, args)?;
    let class = Value::Class(args.values[0].class().clone());
    Ok(Value::tuple_of([class, Value::tuple(Vec::new()), state]))
}

fn no_state(_: &mut Context, _: Args<'_>) -> Outcome<Value> {
    Err(not_implemented(
        "System entropy source does not have state.",
    ))
}

// ---- bits and integers ----

fn random(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (source, rest) = receiver(args, "random")?;
    arguments::none("Random.random", rest)?;
    match &source {
        // Called through `super()`: asking the script's class again would never end.
        Source::Script(_, generator, _) => Source::Twister(generator).float(cx),
        source => source.float(cx),
    }
    .map(Value::Float)
}

fn getrandbits(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (source, args) = receiver(args, "getrandbits")?;
    let bits = arguments::integer(cx, arguments::one("Random.getrandbits", args)?)?;
    let bits =
        usize::try_from(bits).map_err(|_| value_error("number of bits must be non-negative"))?;
    source.many_bits(bits).map(Value::integer)
}

const RANDBYTES: Parameters<1> = Parameters::method("Random.randbytes", ["n"]).required(1);

fn randbytes(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (source, args) = receiver(args, "randbytes")?;
    let [count] = RANDBYTES.bind(args)?;
    let count = count.map_or(Ok(0), |count| arguments::integer(cx, count))?;
    let count =
        usize::try_from(count).map_err(|_| value_error("number of bits must be non-negative"))?;
    let bits = count.checked_mul(8).ok_or_else(|| memory_error(""))?;
    let mut bytes = source.many_bits(bits)?.to_bytes_le().1;
    bytes.resize(count, 0);
    Ok(Value::bytes(bytes))
}

const RANDRANGE: Parameters<3> =
    Parameters::method("Random.randrange", ["start", "stop", "step"]).required(1);

fn randrange(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (source, args) = receiver(args, "randrange")?;
    let [Some(start), stop, step] = RANDRANGE.bind(args)? else {
        return Err(type_error("randrange() missing required argument"));
    };
    match (start, stop.filter(|stop| !stop.is_none()), step) {
        (Value::Int(start), None, None) => {
            if *start <= 0 {
                return Err(value_error("empty range for randrange()"));
            }
            Ok(Value::Int(source.below(cx, *start as u64)? as i64))
        }
        (Value::Int(start), Some(Value::Int(stop)), None) => between(cx, &source, *start, *stop),
        (start, stop, step) => randrange_any(cx, &source, start, stop, step),
    }
}

/// From `start` up to `stop`.
fn between(cx: &mut Context, source: &Source<'_>, start: i64, stop: i64) -> Outcome<Value> {
    if start >= stop {
        return Err(value_error(format!(
            "empty range in randrange({start}, {stop})"
        )));
    }
    let drawn = source.below(cx, stop.wrapping_sub(start) as u64)?;
    Ok(Value::Int(start.wrapping_add(drawn as i64)))
}

#[inline(never)]
fn randrange_any(
    cx: &mut Context,
    source: &Source<'_>,
    start: &Value,
    stop: Option<&Value>,
    step: Option<&Value>,
) -> Outcome<Value> {
    let first = arguments::big_integer(cx, start)?;
    let Some(stop) = stop else {
        if step.is_some() {
            return Err(type_error("Missing a non-None stop argument"));
        }
        if !first.is_positive() {
            return Err(value_error("empty range for randrange()"));
        }
        return source.below_big(cx, &first).map(Value::integer);
    };
    let last = arguments::big_integer(cx, stop)?;
    let distance = match step {
        Some(step) => arguments::big_integer(cx, step)?,
        None => BigInt::one(),
    };
    if distance.is_zero() {
        return Err(value_error("zero step for randrange()"));
    }
    let width = &last - &first;
    let count = if distance.is_positive() {
        num_integer::Integer::div_floor(&(&width + &distance - 1), &distance)
    } else {
        num_integer::Integer::div_floor(&(&width + &distance + 1), &distance)
    };
    if !count.is_positive() {
        let shown = if distance.is_one() {
            format!("{first}, {last}")
        } else {
            format!("{first}, {last}, {distance}")
        };
        return Err(value_error(format!("empty range in randrange({shown})")));
    }
    let drawn = source.below_big(cx, &count)?;
    Ok(Value::integer(first + distance * drawn))
}

const RANDINT: Parameters<2> = Parameters::method("Random.randint", ["a", "b"]).required(2);

fn randint(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (source, args) = receiver(args, "randint")?;
    let [Some(a), Some(b)] = RANDINT.bind(args)? else {
        return Err(type_error("randint() missing required argument"));
    };
    if let (Value::Int(a), Value::Int(b)) = (a, b)
        && let Some(stop) = b.checked_add(1)
    {
        return between(cx, &source, *a, stop);
    }
    let one_more = binary(cx, BinaryOperator::Add, b, &Value::Int(1))?;
    randrange_any(cx, &source, a, Some(&one_more), None)
}

// ---- distributions with parameters of their own ----

fn uniform(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (source, args) = receiver(args, "uniform")?;
    let [Some(a), Some(b)] = UNIFORM.bind(args)? else {
        return Err(type_error("uniform() missing required argument"));
    };
    if let (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) = (a, b) {
        let (a, b) = (arguments::float(cx, a)?, arguments::float(cx, b)?);
        return distributions::uniform(cx, &source, a, b).map(Value::Float);
    }
    // Numbers of other types know their operators.
    let width = binary(cx, BinaryOperator::Subtract, b, a)?;
    let drawn = Value::Float(source.float(cx)?);
    let offset = binary(cx, BinaryOperator::Multiply, &width, &drawn)?;
    binary(cx, BinaryOperator::Add, a, &offset)
}

fn triangular(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (source, args) = receiver(args, "triangular")?;
    let [low, high, mode] = TRIANGULAR.bind(args)?;
    let low = given(cx, low, Some(0.0))?;
    let high = given(cx, high, Some(1.0))?;
    let mode = match mode.filter(|mode| !mode.is_none()) {
        Some(mode) => Some(arguments::float(cx, mode)?),
        None => None,
    };
    distributions::triangular(cx, &source, low, high, mode).map(Value::Float)
}

fn binomialvariate(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (source, args) = receiver(args, "binomialvariate")?;
    let [n, p] = BINOMIALVARIATE.bind(args)?;
    let n = n.map_or(Ok(1), |n| arguments::integer(cx, n))?;
    let p = given(cx, p, Some(0.5))?;
    distributions::binomial(cx, &source, n, p).map(Value::Int)
}

/// A number below a length, for the methods that choose.
fn below(cx: &mut Context, source: &Source<'_>, length: usize) -> Outcome<usize> {
    source.below(cx, length as u64).map(|drawn| drawn as usize)
}

/// The number of items.
fn length(cx: &mut Context, value: &Value) -> Outcome<usize> {
    sequence::length(cx, value)
}
