//! Where random numbers come from: a Mersenne Twister, the operating system, or a script's class
//! that overrides `random`. It must not know distributions.

use std::io::Read;

use num_bigint::{BigInt, Sign};
use num_traits::{Signed, ToPrimitive};

use super::mersenne::{Twister, number};
use crate::eval::context::Context;
use crate::runtime::fork;
use crate::value::exception::{ExceptionKind, Raised, memory_error};
use crate::value::instance::NativeData;
use crate::value::lock::Guarded;
use crate::value::name::Name;
use crate::value::{Outcome, Value};

/// The payload of a `Random`.
pub(super) struct Generator {
    state: Guarded<State>,
    /// Whether a forked child begins with a seed of its own: the generator behind the module's
    /// functions.
    reseeds: bool,
}

struct State {
    twister: Twister,
    /// The second of a pair of normally distributed numbers.
    next_gauss: Option<f64>,
    /// The fork generation it was seeded in.
    generation: u32,
}

impl NativeData for Generator {}

/// Bytes of the operating system's generator.
///
/// # Errors
/// `OSError`.
pub(super) fn entropy(bytes: &mut [u8]) -> Outcome<()> {
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(bytes))
        .map_err(|error| crate::library::exceptions::from_io(&error, None))
}

/// A generator that nobody can foresee.
fn unforeseeable() -> Outcome<Twister> {
    // As many bits as the state has.
    let mut bytes = [0u8; 624 * 4];
    entropy(&mut bytes)?;
    let words: Vec<u32> = bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|word| u32::from_le_bytes(*word))
        .collect();
    Ok(Twister::from_words(&words))
}

impl Generator {
    /// A generator seeded by the operating system.
    pub(super) fn new(reseeds: bool) -> Outcome<Generator> {
        Ok(Generator {
            state: Guarded::new(State {
                twister: unforeseeable()?,
                next_gauss: None,
                generation: fork::generation(),
            }),
            reseeds,
        })
    }

    fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state.lock();
        if self.reseeds && state.generation != fork::generation() {
            state.generation = fork::generation();
            drop(state);
            // Without the system's generator the child goes on with the parent's numbers.
            let fresh = unforeseeable();
            state = self.state.lock();
            if let Ok(fresh) = fresh {
                state.twister = fresh;
                state.next_gauss = None;
            }
        }
        work(&mut state)
    }

    /// Seeds it with a number, or anew without one.
    pub(super) fn seed(&self, seed: Option<&BigInt>) -> Outcome<()> {
        let twister = match seed {
            Some(seed) => Twister::from_number(seed.magnitude()),
            None => unforeseeable()?,
        };
        self.replace(twister, None);
        Ok(())
    }

    /// Goes on with another state.
    pub(super) fn replace(&self, twister: Twister, next_gauss: Option<f64>) {
        self.with(|state| {
            state.twister = twister;
            state.next_gauss = next_gauss;
        });
    }

    /// The state, to go on from later.
    pub(super) fn snapshot(&self) -> (Twister, Option<f64>) {
        self.with(|state| (state.twister.clone(), state.next_gauss))
    }
}

/// What a method draws its numbers from.
pub(super) enum Source<'a> {
    /// The twister itself.
    Twister(&'a Generator),
    /// The operating system.
    System,
    /// A script's class with a `random` of its own; with `getrandbits` too or without.
    Script(&'a Value, &'a Generator, bool),
}

impl Source<'_> {
    /// A float from 0 up to 1.
    pub(super) fn float(&self, cx: &mut Context) -> Outcome<f64> {
        match self {
            Source::Twister(generator) => Ok(generator.with(|state| state.twister.next_float())),
            Source::System => {
                // 53 bits of 7 bytes.
                let mut bytes = [0; 8];
                entropy(&mut bytes[1..])?;
                Ok((u64::from_be_bytes(bytes) >> 3) as f64 * (1.0 / 9_007_199_254_740_992.0))
            }
            Source::Script(receiver, ..) => {
                let result = cx.call_method(receiver, "random", &[])?;
                crate::library::arguments::float(cx, &result)
            }
        }
    }

    /// A number of this many bits, 1 to 64.
    fn bits(&self, bits: u32) -> Outcome<u64> {
        match self {
            Source::Twister(generator) | Source::Script(_, generator, _) => {
                Ok(generator.with(|state| state.twister.next_bits(bits)))
            }
            Source::System => {
                let mut bytes = [0; 8];
                let size = bits.div_ceil(8) as usize;
                entropy(&mut bytes[8 - size..])?;
                Ok(u64::from_be_bytes(bytes) >> (8 * size as u32 - bits))
            }
        }
    }

    /// A number of any number of bits.
    pub(super) fn many_bits(&self, bits: usize) -> Outcome<BigInt> {
        let refused = |_| memory_error("");
        match self {
            Source::Twister(generator) | Source::Script(_, generator, _) => {
                let mut words = Vec::new();
                words
                    .try_reserve_exact(bits.div_ceil(32))
                    .map_err(refused)?;
                generator.with(|state| state.twister.fill_bits(bits, &mut words));
                Ok(number(words))
            }
            Source::System => {
                let size = bits.div_ceil(8);
                let mut bytes = Vec::new();
                bytes.try_reserve_exact(size).map_err(refused)?;
                bytes.resize(size, 0);
                entropy(&mut bytes)?;
                Ok(BigInt::from_bytes_be(Sign::Plus, &bytes) >> (8 * size - bits))
            }
        }
    }

    /// A number from 0 up to `bound`, which is above 0.
    pub(super) fn below(&self, cx: &mut Context, bound: u64) -> Outcome<u64> {
        if let Source::Script(receiver, _, has_bits) = self {
            return below_by_script(cx, receiver, *has_bits, bound);
        }
        let bits = 64 - bound.leading_zeros();
        if let Source::Twister(generator) = self {
            return Ok(generator.with(|state| {
                loop {
                    let drawn = state.twister.next_bits(bits);
                    if drawn < bound {
                        return drawn;
                    }
                }
            }));
        }
        loop {
            let drawn = self.bits(bits)?;
            if drawn < bound {
                return Ok(drawn);
            }
        }
    }

    /// A number from 0 up to `bound` of any size, which is above 0.
    pub(super) fn below_big(&self, cx: &mut Context, bound: &BigInt) -> Outcome<BigInt> {
        if let Some(small) = bound.to_u64() {
            return self.below(cx, small).map(BigInt::from);
        }
        let bits = usize::try_from(bound.bits()).unwrap_or(usize::MAX);
        loop {
            let drawn = self.many_bits(bits)?;
            if &drawn < bound {
                return Ok(drawn);
            }
            cx.safepoint()?;
        }
    }

    /// The second of a pair of normally distributed numbers, if one is left.
    pub(super) fn take_gauss(&self) -> Option<f64> {
        match self {
            Source::Twister(generator) | Source::Script(_, generator, _) => {
                generator.with(|state| state.next_gauss.take())
            }
            Source::System => None,
        }
    }

    /// Keeps the second of a pair.
    pub(super) fn keep_gauss(&self, second: f64) {
        if let Source::Twister(generator) | Source::Script(_, generator, _) = self {
            generator.with(|state| state.next_gauss = Some(second));
        }
    }
}

fn below_by_script(cx: &mut Context, receiver: &Value, has_bits: bool, bound: u64) -> Outcome<u64> {
    const FLOATS: u64 = 1 << 53;
    if has_bits {
        let bits = Value::Int(i64::from(64 - bound.leading_zeros()));
        loop {
            let drawn = cx.call_method(receiver, "getrandbits", std::slice::from_ref(&bits))?;
            let drawn = crate::library::arguments::big_integer(cx, &drawn)?;
            if !drawn.is_negative()
                && let Some(drawn) = drawn.to_u64().filter(|drawn| *drawn < bound)
            {
                return Ok(drawn);
            }
            cx.safepoint()?;
        }
    }
    let float = |cx: &mut Context| {
        let drawn = cx.call_method(receiver, "random", &[])?;
        crate::library::arguments::float(cx, &drawn)
    };
    if bound >= FLOATS {
        return Ok((float(cx)? * bound as f64) as u64);
    }
    let limit = (FLOATS - FLOATS % bound) as f64 / FLOATS as f64;
    loop {
        let drawn = float(cx)?;
        if drawn < limit {
            return Ok((drawn * FLOATS as f64) as u64 % bound);
        }
        cx.safepoint()?;
    }
}

/// The source of a receiver.
///
/// # Errors
/// `TypeError` when it is no `Random`.
pub(super) fn source_of<'a>(receiver: &'a Value, system: &str) -> Outcome<Source<'a>> {
    let found = receiver
        .as_instance()
        .and_then(|instance| Some((instance, instance.native::<Generator>()?)));
    let Some((instance, generator)) = found else {
        return Err(Raised::new(
            ExceptionKind::TypeError,
            format!("expected a Random, not {}", receiver.type_name()),
        ));
    };
    let class = instance.class();
    if class.is_builtin() {
        return Ok(if class.name().as_str() == system {
            Source::System
        } else {
            Source::Twister(generator)
        });
    }
    let overrides = |name: &str| matches!(class.lookup(Name::new(name)), Some(found) if !matches!(found, Value::Native(_)));
    let (random, bits) = (overrides("random"), overrides("getrandbits"));
    Ok(if random || bits {
        Source::Script(receiver, generator, bits)
    } else {
        Source::Twister(generator)
    })
}
