//! The functions of `multiprocessing`.

use super::state::{Method, processes};
use crate::eval::context::Context;
use crate::library::arguments;
use crate::library::define::Entries;
use crate::library::modules::os_process;
use crate::library::parameters::Parameters;
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::{Outcome, Value, text};

/// The module of the contexts' classes.
pub const CONTEXTS: &str = "multiprocessing._contexts";

/// The functions.
pub const FUNCTIONS: Entries<'_> = &[
    ("Manager", super::manager::manager),
    ("current_process", current_process),
    ("parent_process", parent_process),
    ("active_children", active_children),
    ("cpu_count", cpu_count),
    ("get_context", get_context),
    ("get_start_method", get_start_method),
    ("set_start_method", set_start_method),
    ("get_all_start_methods", get_all_start_methods),
    ("set_executable", set_executable),
    ("set_forkserver_preload", set_forkserver_preload),
    ("freeze_support", freeze_support),
    ("get_logger", super::logger::get_logger),
    ("log_to_stderr", super::logger::log_to_stderr),
    ("allow_connection_pickling", freeze_support),
];

/// Those of them that `multiprocessing.process` has.
pub const PROCESS: Entries<'_> = &[
    ("current_process", current_process),
    ("parent_process", parent_process),
    ("active_children", active_children),
];

fn none(args: Args<'_>, function: &'static str) -> Outcome<()> {
    let parameters: Parameters<0> = Parameters::function(function, []);
    parameters.bind(args).map(drop)
}

fn current_process(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    none(args, "current_process")?;
    Ok(processes(cx).current())
}

fn parent_process(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    none(args, "parent_process")?;
    Ok(processes(cx).parent())
}

fn active_children(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    none(args, "active_children")?;
    let children = processes(cx).living_children(cx);
    Ok(Value::list(children))
}

/// How many processors this process may use: what a program starts workers for.
fn cpu_count(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [] = Parameters::method("BaseContext.cpu_count", []).bind(args)?;
    Ok(Value::size(os_process::usable_processors()))
}

fn get_start_method(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const PARAMETERS: Parameters<1> =
        Parameters::method("DefaultContext.get_start_method", ["allow_none"]);
    let [allow_none] = PARAMETERS.bind(args)?;
    if processes(cx).chosen_start_method().is_none() && arguments::flag(cx, allow_none, false)? {
        return Ok(Value::None);
    }
    Ok(Value::str(processes(cx).settle_start_method().name()))
}

fn set_start_method(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const PARAMETERS: Parameters<2> =
        Parameters::method("DefaultContext.set_start_method", ["method", "force"]).required(1);
    let [method, force] = PARAMETERS.bind(args)?;
    let force = arguments::flag(cx, force, false)?;
    let method = method.cloned().unwrap_or_default();
    if !force && processes(cx).chosen_start_method().is_some() {
        return Err(crate::value::exception::runtime_error(
            "context has already been set",
        ));
    }
    let method = match method.is_none() {
        true => None,
        false => Some(known_method(cx, &method)?),
    };
    processes(cx).choose_start_method(method, force);
    Ok(Value::None)
}

fn known_method(cx: &mut Context, method: &Value) -> Outcome<Method> {
    match method.as_str().and_then(Method::of) {
        Some(method) => Ok(method),
        None => Err(value_error(format!(
            "cannot find context for {}",
            text::repr(cx, method)?
        ))),
    }
}

fn get_all_start_methods(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [] = Parameters::method("DefaultContext.get_all_start_methods", []).bind(args)?;
    let names = Method::ALL.map(|method| Value::str(method.name()));
    Ok(Value::list(names.to_vec()))
}

/// A context: the module's contents, with classes of processes of its own.
fn get_context(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const PARAMETERS: Parameters<1> = Parameters::method("DefaultContext.get_context", ["method"]);
    let [method] = PARAMETERS.bind(args)?;
    let method = match method.filter(|method| !method.is_none()) {
        Some(method) => known_method(cx, method)?,
        None => processes(cx).settle_start_method(),
    };
    let module = crate::eval::import::module(cx, Name::new(CONTEXTS))?;
    let get = module.get(Name::new("get")).unwrap_or_default();
    cx.call(&get, &[Value::str(method.name())])
}

fn set_executable(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const PARAMETERS: Parameters<1> =
        Parameters::method("BaseContext.set_executable", ["executable"]).required(1);
    PARAMETERS.bind(args)?;
    Ok(Value::None)
}

fn set_forkserver_preload(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const PARAMETERS: Parameters<1> =
        Parameters::method("BaseContext.set_forkserver_preload", ["module_names"]).required(1);
    let [names] = PARAMETERS.bind(args)?;
    match names {
        Some(Value::List(_) | Value::None) | None => Ok(Value::None),
        Some(_) => Err(type_error("module_names must be a list of strings")),
    }
}

fn freeze_support(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [] = Parameters::method("BaseContext.freeze_support", []).bind(args)?;
    Ok(Value::None)
}
