//! `module`: making one without a file, as `types.ModuleType(name)` does; and how a code object is shown. It must not
//! know how modules are found.

use super::construct::class_argument;
use crate::eval::attribute;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments::{self, Signature};
use crate::library::define;
use crate::value::function::Args;
use crate::value::name::{Name, known};
use crate::value::types::types;
use crate::value::{Outcome, Value, text};

/// Puts the methods into the classes.
pub fn install() {
    define::static_methods(&types().module, &[("__new__", new)]);
    define::methods(&types().code, &[("__repr__", code_repr)]);
}

const NEW: Signature<2> = Signature::new("module", ["name", "doc"]).required(1);

fn new(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, rest) = class_argument(&types().module, args)?;
    let [Some(name), doc] = NEW.bind(rest)? else {
        return Ok(Value::None);
    };
    let name = Name::new(arguments::text(name, "module() argument 'name'")?.as_str());
    let module = Module::new(name, crate::library::builtin);
    module.set(known().name, name.value());
    module.set(known().doc, doc.cloned().unwrap_or_default());
    module.set(Name::new("__loader__"), Value::None);
    Ok(Value::Module(module))
}

fn code_repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let code = arguments::one("code.__repr__", args)?;
    let mut part = |name: &str| attribute::get(cx, code, Name::new(name));
    let (name, file, line) = (
        part("co_name")?,
        part("co_filename")?,
        part("co_firstlineno")?,
    );
    let (name, file, line) = (
        text::to_str(cx, &name)?,
        text::to_str(cx, &file)?,
        text::to_str(cx, &line)?,
    );
    Ok(Value::str(format!(
        "<code object {name} at {:#x}, file \"{file}\", line {line}>",
        text::address(code)
    )))
}
