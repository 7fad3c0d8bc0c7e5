//! `_re`: regular expressions with Python's notation and meaning, on a backtracking machine of our
//! own. The functions of `re` around them are written in conc.

mod error;
mod machine;
mod matches;
mod parse;
pub mod pattern;
mod program;
mod set;
mod template;
mod text;
mod tree;

use super::with_functions;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments::{self, exactly};
use crate::library::define::Entries;
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

const FUNCTIONS: Entries<'_> = &[("compile", compile), ("template", check_template)];

/// Makes the module.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("_re", FUNCTIONS);
    for (name, class) in [
        ("Pattern", pattern::class()),
        ("Match", matches::class()),
        ("PatternError", error::class()),
    ] {
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    Ok(module)
}

fn compile(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [source, flags] = exactly("compile", args)?;
    let flags = arguments::integer(cx, flags)?;
    pattern::compile(source, flags as u32)
}

/// Whether a replacement is one for a pattern; raises what is wrong with it.
fn check_template(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [pattern, replacement] = exactly("template", args)?;
    if let Some(pattern) = pattern
        .as_instance()
        .and_then(|instance| instance.native::<pattern::Pattern>())
    {
        template::parse(replacement, pattern)?;
    }
    Ok(Value::None)
}
