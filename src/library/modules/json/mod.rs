//! `_json`: values to JSON and back. The classes of `json` around this are written in conc.

mod decode;
mod encode;

use super::with_functions;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::define::Entries;
use crate::value::Outcome;
use crate::value::object::Ref;

const FUNCTIONS: Entries<'_> = &[("encode", encode::encode), ("decode", decode::decode)];

/// Makes the module.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    Ok(with_functions("_json", FUNCTIONS))
}
