//! `_zlib`: bytes made smaller and larger again. The classes around it are written in conc.

use miniz_oxide::deflate::core::{CompressorOxide, create_comp_flags_from_zip_params};
use miniz_oxide::deflate::core::{TDEFLFlush, TDEFLStatus, compress as deflate};
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec, decompress_to_vec_zlib};

use super::binascii::input;
use super::with_functions;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments::{exactly, integer};
use crate::library::define::Entries;
use crate::value::exception::{memory_error, value_error};
use crate::value::function::Args;
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

const FUNCTIONS: Entries<'_> = &[("compress", compress), ("decompress", decompress)];

/// Makes the module.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    Ok(with_functions("_zlib", FUNCTIONS))
}

/// `compress(data, level, wbits)`: a whole stream; without a header when `wbits` is negative.
fn compress(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [data, level, bits] = exactly("compress", args)?;
    let level = integer(cx, level)?;
    let bits = integer(cx, bits)?;
    if !(-1..=9).contains(&level) {
        return Err(value_error("Bad compression level"));
    }
    let bytes = input(data)?;
    let flags = create_comp_flags_from_zip_params(level as i32, bits as i32, 0);
    let mut state = CompressorOxide::new(flags);
    let mut out = vec![0; (bytes.len() / 2).max(64)];
    let (mut taken, mut made) = (0, 0);
    loop {
        let (status, read, written) = deflate(
            &mut state,
            &bytes[taken..],
            &mut out[made..],
            TDEFLFlush::Finish,
        );
        taken += read;
        made += written;
        match status {
            TDEFLStatus::Done => {
                out.truncate(made);
                return Ok(Value::bytes(out));
            }
            TDEFLStatus::Okay => {
                let room = out.len();
                out.resize(room * 2, 0);
            }
            _ => return Err(memory_error("")),
        }
        cx.safepoint()?;
    }
}

/// `decompress(data, raw)`: the bytes, or a number that says what is wrong.
fn decompress(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [data, raw] = exactly("decompress", args)?;
    let raw = crate::library::arguments::truth(cx, raw)?;
    let bytes = input(data)?;
    let result = if raw {
        decompress_to_vec(&bytes)
    } else {
        decompress_to_vec_zlib(&bytes)
    };
    match result {
        Ok(out) => Ok(Value::bytes(out)),
        Err(error) => Ok(Value::Int(match error.status {
            TINFLStatus::FailedCannotMakeProgress | TINFLStatus::NeedsMoreInput => -5,
            _ => -3,
        })),
    }
}
