//! `_hashlib`: digests of bytes. What is around them is written in conc.

use std::sync::OnceLock;

use md5::Digest;
use sha3::digest::{ExtendableOutput, Update, XofReader};

use super::blake2::Blake2;
use super::with_functions;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments::{self, exactly, one, text};
use crate::library::define::{self, Entries};
use crate::library::native_object;
use crate::value::class::Class;
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::lock::Guarded;
use crate::value::membership::bytes_like;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

/// A digest under way.
#[derive(Clone)]
enum State {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha224(sha2::Sha224),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
    Sha3x224(sha3::Sha3_224),
    Sha3x256(sha3::Sha3_256),
    Sha3x384(sha3::Sha3_384),
    Sha3x512(sha3::Sha3_512),
    Shake128(sha3::Shake128),
    Shake256(sha3::Shake256),
    Blake2(Box<Blake2>),
}

/// Does something with whatever the state is.
macro_rules! each {
    ($state:expr, $inner:ident => $fixed:expr) => {
        match $state {
            State::Md5($inner) => $fixed,
            State::Sha1($inner) => $fixed,
            State::Sha224($inner) => $fixed,
            State::Sha256($inner) => $fixed,
            State::Sha384($inner) => $fixed,
            State::Sha512($inner) => $fixed,
            State::Sha3x224($inner) => $fixed,
            State::Sha3x256($inner) => $fixed,
            State::Sha3x384($inner) => $fixed,
            State::Sha3x512($inner) => $fixed,
            State::Shake128($inner) => $fixed,
            State::Shake256($inner) => $fixed,
            State::Blake2(boxed) => {
                let $inner = &mut **boxed;
                $fixed
            }
        }
    };
}

impl State {
    /// The algorithm of this name. `size` is for those that can give any number of bytes.
    fn new(name: &str, size: usize, key: &[u8]) -> Option<State> {
        Some(match name {
            "md5" => State::Md5(Digest::new()),
            "sha1" => State::Sha1(Digest::new()),
            "sha224" => State::Sha224(Digest::new()),
            "sha256" => State::Sha256(Digest::new()),
            "sha384" => State::Sha384(Digest::new()),
            "sha512" => State::Sha512(Digest::new()),
            "sha3_224" => State::Sha3x224(Digest::new()),
            "sha3_256" => State::Sha3x256(Digest::new()),
            "sha3_384" => State::Sha3x384(Digest::new()),
            "sha3_512" => State::Sha3x512(Digest::new()),
            "shake_128" => State::Shake128(Default::default()),
            "shake_256" => State::Shake256(Default::default()),
            "blake2b" => State::Blake2(Box::new(Blake2::new(true, size, key)?)),
            "blake2s" => State::Blake2(Box::new(Blake2::new(false, size, key)?)),
            _ => return None,
        })
    }

    fn update(&mut self, bytes: &[u8]) {
        each!(self, inner => Update::update(inner, bytes));
    }

    /// The digest; `length` is for those that give as much as is asked for.
    fn digest(&self, length: usize) -> Vec<u8> {
        let mut out = vec![0; length];
        match self.clone() {
            State::Md5(inner) => inner.finalize().to_vec(),
            State::Sha1(inner) => inner.finalize().to_vec(),
            State::Sha224(inner) => inner.finalize().to_vec(),
            State::Sha256(inner) => inner.finalize().to_vec(),
            State::Sha384(inner) => inner.finalize().to_vec(),
            State::Sha512(inner) => inner.finalize().to_vec(),
            State::Sha3x224(inner) => inner.finalize().to_vec(),
            State::Sha3x256(inner) => inner.finalize().to_vec(),
            State::Sha3x384(inner) => inner.finalize().to_vec(),
            State::Sha3x512(inner) => inner.finalize().to_vec(),
            State::Shake128(inner) => {
                inner.finalize_xof().read(&mut out);
                out
            }
            State::Shake256(inner) => {
                inner.finalize_xof().read(&mut out);
                out
            }
            State::Blake2(inner) => inner.digest(),
        }
    }
}

/// Names with digest and block sizes; a digest size of 0 for those that give any.
const ALGORITHMS: [(&str, usize, usize); 14] = [
    ("md5", 16, 64),
    ("sha1", 20, 64),
    ("sha224", 28, 64),
    ("sha256", 32, 64),
    ("sha384", 48, 128),
    ("sha512", 64, 128),
    ("sha3_224", 28, 144),
    ("sha3_256", 32, 136),
    ("sha3_384", 48, 104),
    ("sha3_512", 64, 72),
    ("shake_128", 0, 168),
    ("shake_256", 0, 136),
    ("blake2b", 64, 128),
    ("blake2s", 32, 64),
];

struct Hash {
    name: &'static str,
    size: usize,
    block: usize,
    state: Guarded<State>,
}

impl NativeData for Hash {}

fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("_hashlib.HASH");
        define::methods(
            &class,
            &[
                ("update", update),
                ("digest", |cx, args| {
                    digest(cx, args, "digest").map(Value::bytes)
                }),
                ("hexdigest", |cx, args| {
                    let bytes = digest(cx, args, "hexdigest")?;
                    Ok(Value::str(hexadecimal(&bytes)))
                }),
                ("copy", copy),
                ("__repr__", |_, args| {
                    let (hash, _) = this(args, "__repr__")?;
                    Ok(Value::str(format!(
                        "<{} _hashlib.HASH object @ {:#x}>",
                        hash.name,
                        crate::value::text::address(&args.values[0])
                    )))
                }),
            ],
        );
        define::getters(
            &class,
            &[
                ("name", |_, args| Ok(Value::str(this(args, "name")?.0.name))),
                ("digest_size", |_, args| {
                    Ok(Value::size(this(args, "digest_size")?.0.size))
                }),
                ("block_size", |_, args| {
                    Ok(Value::size(this(args, "block_size")?.0.block))
                }),
            ],
        );
        class
    })
}

fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Hash, Args<'a>)> {
    native_object::receiver(args, "_hashlib.HASH", method)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn input(value: &Value) -> Outcome<std::borrow::Cow<'_, [u8]>> {
    if value.unwrapped().as_str().is_some() {
        return Err(type_error("Strings must be encoded before hashing"));
    }
    bytes_like(value).ok_or_else(|| type_error("object supporting the buffer API required"))
}

fn update(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (hash, rest) = this(args, "update")?;
    let bytes = input(one("HASH.update", rest)?)?;
    // The state is taken out, so that no lock is held while much is digested.
    let mut state = hash.state.lock().clone();
    state.update(&bytes);
    *hash.state.lock() = state;
    Ok(Value::None)
}

fn digest(cx: &mut Context, args: Args<'_>, method: &'static str) -> Outcome<Vec<u8>> {
    let (hash, rest) = this(args, method)?;
    let length = if hash.size == 0 {
        let length = arguments::integer(cx, one(method, rest)?)?;
        usize::try_from(length)
            .ok()
            .filter(|length| *length < 1 << 29)
            .ok_or_else(|| value_error("value must be positive"))?
    } else {
        arguments::none(&format!("HASH.{method}"), rest)?;
        0
    };
    let state = hash.state.lock().clone();
    Ok(state.digest(length))
}

fn copy(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (hash, _) = this(args, "copy")?;
    let state = hash.state.lock().clone();
    Ok(native_object::instance(
        class(),
        Hash {
            name: hash.name,
            size: hash.size,
            block: hash.block,
            state: Guarded::new(state),
        },
    ))
}

const FUNCTIONS: Entries<'_> = &[("new", new)];

/// Makes the module.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("_hashlib", FUNCTIONS);
    module.set(Name::new("HASH"), Value::Class(class().clone()));
    Ok(module)
}

/// `new(name, data, digest_size, key)`.
fn new(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [name, data, size, key] = exactly("new", args)?;
    let name = text(name, "new() argument 1")?.as_str();
    let size = usize::try_from(arguments::integer(cx, size)?).unwrap_or(usize::MAX);
    let known = ALGORITHMS.iter().find(|(known, ..)| *known == name);
    let (Some(&(name, usual, block)), Some(mut state)) =
        (known, State::new(name, size, &input(key)?))
    else {
        return Err(value_error(format!("unsupported hash type {name}")));
    };
    state.update(&input(data)?);
    let size = if usual > 0 && size > 0 { size } else { usual };
    Ok(native_object::instance(
        class(),
        Hash {
            name,
            size,
            block,
            state: Guarded::new(state),
        },
    ))
}
