//! `_define`: what the library's own modules need to make functions and classes for scripts, as
//! `dataclasses` and `namedtuple` do: a function from its text, and who called. It must not know
//! what the functions are for.

use std::sync::Arc;

use super::with_functions;
use crate::engine::load;
use crate::engine::program::{CompileOptions, Program};
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::eval::run;
use crate::library::arguments::{self, exactly, text};
use crate::library::define::Entries;
use crate::syntax::source::Source;
use crate::value::function::Args;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

const FUNCTIONS: Entries<'_> = &[
    ("make", make_functions),
    ("caller_module", caller_module),
    ("named_in_full", named_in_full),
];

/// Makes the module.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    Ok(with_functions("_define", FUNCTIONS))
}

/// `make(file, source, module)`: runs a text in a module object of its own that says it is
/// `module`, and gives what it bound to `made`.
fn make_functions(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [file, source, name] = exactly("make", args)?;
    let file = text(file, "make() argument 1")?.as_str();
    let source = text(source, "make() argument 2")?.as_str();
    let name = Name::new(text(name, "make() argument 3")?.as_str());
    let source = Arc::new(Source::new(file, source));
    let options = CompileOptions {
        optimise: cx.session.optimise,
        ..CompileOptions::default()
    };
    let program =
        Program::compile(&source, options).map_err(|error| load::syntax_raised(&error, &source))?;
    let module = Module::new(name, crate::library::builtin);
    module.set(known().name, name.value());
    run::program(cx, &program.program, &module)?;
    Ok(module.get(Name::new("made")).unwrap_or_default())
}

/// `caller_module(depth)`: the `__name__` where a caller was defined, the innermost call being 0.
fn caller_module(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let depth = arguments::integer(cx, arguments::one("caller_module", args)?)?;
    let depth = usize::try_from(depth).unwrap_or(0);
    let module = cx
        .caller_module(depth)
        .unwrap_or_else(|| cx.session.main.clone());
    Ok(module
        .get(known().name)
        .unwrap_or_else(|| module.name().value()))
}

/// `named_in_full(class, …)`: classes that messages give with their module, as CPython does with
/// those that are not written in Python.
fn named_in_full(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    for class in arguments::no_keywords("named_in_full", args)? {
        if let Value::Class(class) = class
            && let Some(Value::Str(module)) = class.own(known().module)
        {
            let full = format!("{}.{}", module.as_str(), class.name());
            class.set_name(Name::new(&full));
        }
    }
    Ok(Value::None)
}
