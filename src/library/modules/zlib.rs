//! `_zlib`: bytes made smaller and larger again, piece by piece. The classes around it are written in conc.

use std::sync::OnceLock;

use miniz_oxide::deflate::core::{CompressorOxide, create_comp_flags_from_zip_params};
use miniz_oxide::deflate::stream::deflate;
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

use super::binascii::input;
use super::with_functions;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments::{exactly, integer, truth};
use crate::library::{define, native_object};
use crate::value::class::Class;
use crate::value::exception::{runtime_error, value_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::lock::Guarded;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

/// How much room a step has at first for what it makes.
const ROOM: usize = 16 * 1024;

/// Makes the module.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("_zlib", &[]);
    for (name, class) in [("Deflate", deflate_class()), ("Inflate", inflate_class())] {
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    Ok(module)
}

/// The state of a stream, taken out by the thread that works on it.
struct Stream<S> {
    state: Guarded<Option<S>>,
}

impl<S: Send + 'static> NativeData for Stream<S> {}

impl<S: Send + 'static> Stream<S> {
    fn new(state: S) -> Self {
        Stream {
            state: Guarded::new(Some(state)),
        }
    }

    /// Works on the state, with no lock held.
    fn with<R>(&self, work: impl FnOnce(&mut S) -> Outcome<R>) -> Outcome<R> {
        let taken = self.state.lock().take();
        let Some(mut state) = taken else {
            return Err(runtime_error("another thread is using this stream"));
        };
        let result = work(&mut state);
        *self.state.lock() = Some(state);
        result
    }
}

type Deflate = Stream<Box<CompressorOxide>>;
type Inflate = Stream<Box<InflateState>>;

/// `Deflate(level, wbits)`: without a header when `wbits` is negative.
fn deflate_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        const NAME: &str = "_zlib.Deflate";
        let class = Class::native(NAME);
        define::static_methods(
            &class,
            &[("__new__", |cx, args| {
                let [_, level, bits] = exactly("Deflate", args)?;
                let (level, bits) = (integer(cx, level)?, integer(cx, bits)?);
                if !(-1..=9).contains(&level) {
                    return Err(value_error("Bad compression level"));
                }
                let flags = create_comp_flags_from_zip_params(level as i32, bits as i32, 0);
                let state = Box::new(CompressorOxide::new(flags));
                Ok(native_object::instance(
                    deflate_class(),
                    Deflate::new(state),
                ))
            })],
        );
        define::methods(
            &class,
            &[
                ("step", deflate_step),
                ("copy", |_, args| {
                    let (stream, _) = native_object::receiver::<Deflate>(args, NAME, "copy")?;
                    let copy = stream.with(|state| Ok(state.clone()))?;
                    Ok(native_object::instance(deflate_class(), Deflate::new(copy)))
                }),
            ],
        );
        class
    })
}

/// `step(data, flush)`: what comes out.
fn deflate_step(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (stream, rest) = native_object::receiver::<Deflate>(args, "_zlib.Deflate", "step")?;
    let [data, flush] = exactly("step", rest)?;
    let flush = match integer(cx, flush)? {
        0 => MZFlush::None,
        2 => MZFlush::Sync,
        3 => MZFlush::Full,
        _ => MZFlush::Finish,
    };
    let bytes = input(data)?;
    stream.with(|state| {
        let (mut taken, mut made) = (0, 0);
        let mut out = vec![0; (bytes.len() / 2).max(ROOM)];
        loop {
            let step = deflate(state, &bytes[taken..], &mut out[made..], flush);
            taken += step.bytes_consumed;
            made += step.bytes_written;
            let full = made == out.len();
            match step.status {
                Ok(MZStatus::StreamEnd) => break,
                Ok(_) | Err(MZError::Buf) if full => {
                    let room = out.len();
                    out.resize(room * 2, 0);
                }
                Ok(_) if taken < bytes.len() => {}
                // All is taken, and what is to come out has come out.
                Ok(_) | Err(MZError::Buf) => break,
                Err(_) => return Err(value_error("inconsistent stream state")),
            }
            cx.safepoint()?;
        }
        out.truncate(made);
        Ok(Value::bytes(out))
    })
}

/// `Inflate(raw)`: without a header if `raw`.
fn inflate_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        const NAME: &str = "_zlib.Inflate";
        let class = Class::native(NAME);
        define::static_methods(
            &class,
            &[("__new__", |cx, args| {
                let [_, raw] = exactly("Inflate", args)?;
                let format = if truth(cx, raw)? {
                    DataFormat::Raw
                } else {
                    DataFormat::Zlib
                };
                let state = InflateState::new_boxed(format);
                Ok(native_object::instance(
                    inflate_class(),
                    Inflate::new(state),
                ))
            })],
        );
        define::methods(
            &class,
            &[
                ("step", inflate_step),
                ("copy", |_, args| {
                    let (stream, _) = native_object::receiver::<Inflate>(args, NAME, "copy")?;
                    let copy = stream.with(|state| Ok(state.clone()))?;
                    Ok(native_object::instance(inflate_class(), Inflate::new(copy)))
                }),
            ],
        );
        class
    })
}

/// `step(data, most)`: what comes out, at most so many bytes if `most` is positive; how many bytes of `data` it took; and
/// whether the stream has ended, or -3 when it is wrong.
fn inflate_step(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (stream, rest) = native_object::receiver::<Inflate>(args, "_zlib.Inflate", "step")?;
    let [data, most] = exactly("step", rest)?;
    let most = match integer(cx, most)? {
        most @ 1.. => most as usize,
        _ => usize::MAX,
    };
    let bytes = input(data)?;
    stream.with(|state| {
        let (mut taken, mut made) = (0, 0);
        let mut out = vec![0; ROOM.min(most)];
        let status = loop {
            let step = inflate(state, &bytes[taken..], &mut out[made..], MZFlush::None);
            taken += step.bytes_consumed;
            made += step.bytes_written;
            match step.status {
                Ok(MZStatus::StreamEnd) => break 1,
                Ok(_) | Err(MZError::Buf) if made == out.len() && made < most => {
                    let room = out.len().saturating_mul(2).min(most);
                    out.resize(room, 0);
                }
                Ok(_) if taken < bytes.len() && made < out.len() => {}
                Ok(_) | Err(MZError::Buf) => break 0,
                Err(_) => break -3,
            }
            cx.safepoint()?;
        };
        out.truncate(made);
        Ok(Value::tuple_of([
            Value::bytes(out),
            Value::size(taken),
            Value::Int(status),
        ]))
    })
}
