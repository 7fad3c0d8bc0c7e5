//! `os`: processes and descriptors, and the little that every script asks about where it runs.

use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::define::Entries;
use crate::library::exceptions::from_io;
use crate::library::{arguments, paths};
use crate::value::exception::ExceptionKind;
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Dict, Outcome, Value};

use super::os_process;

const FUNCTIONS: Entries<'_> = &[("getcwd", getcwd), ("getenv", getenv)];

/// The module.
///
/// # Errors
/// None today.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = super::with_functions("os", os_process::FUNCTIONS);
    for &(name, call) in FUNCTIONS {
        module.set(
            Name::new(name),
            crate::library::define::function("os", name, call),
        );
    }
    for &(name, value) in os_process::CONSTANTS {
        module.set(Name::new(name), Value::Int(value));
    }
    let environment = Dict::new();
    for (name, value) in std::env::vars_os() {
        if let Value::Str(name) = paths::text(&name) {
            environment.set_str(name.as_str(), paths::text(&value));
        }
    }
    let error = types().exception(ExceptionKind::OSError).clone();
    for (name, value) in [
        ("environ", Value::Dict(Ref::new(environment))),
        ("name", Value::str("posix")),
        ("linesep", Value::str("\n")),
        ("sep", Value::str("/")),
        ("pathsep", Value::str(":")),
        ("devnull", Value::str("/dev/null")),
        ("error", Value::Class(error)),
    ] {
        module.set(Name::new(name), value);
    }
    Ok(module)
}

fn getcwd(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("posix.getcwd", args)?;
    match std::env::current_dir() {
        Ok(folder) => Ok(paths::text(folder.as_os_str())),
        Err(error) => Err(from_io(&error, None)),
    }
}

fn getenv(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const GETENV: arguments::Signature<2> =
        arguments::Signature::new("getenv", ["key", "default"]).required(1);
    let [key, default] = GETENV.bind(args)?;
    let module = crate::eval::import::module(cx, Name::new("os"))?;
    if let (Some(Value::Dict(environment)), Some(key)) = (module.get(Name::new("environ")), key)
        && let Some(value) = environment.get(cx, key)?
    {
        return Ok(value);
    }
    Ok(default.cloned().unwrap_or_default())
}
