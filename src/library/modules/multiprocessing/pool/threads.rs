//! `multiprocessing.pool.ThreadPool`: a pool whose workers are threads. Everything but its making is
//! the pool's.

use std::sync::{Arc, OnceLock};

use super::core::{Core, Plan, Style};
use super::{PoolObject, class as pool_class, crew};
use crate::eval::context::Context;
use crate::eval::is_callable;
use crate::library::arguments::receiver;
use crate::library::modules::multiprocessing::{Method, processes};
use crate::library::modules::{os_process, threading};
use crate::library::parameters::Parameters;
use crate::library::{arguments, define};
use crate::value::class::{Class, Layout};
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::operator::Comparison;
use crate::value::{Outcome, Value, compare, iterate};

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::builtin("ThreadPool", Some(pool_class()), Layout::Native("Pool"));
        class.set(known().module, Value::str("multiprocessing.pool"));
        define::methods(&class, &[("__init__", init)]);
        class
    })
}

const INIT: Parameters<3> = Parameters::method(
    "ThreadPool.__init__",
    ["processes", "initializer", "initargs"],
);

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (object, rest) = receiver::<PoolObject>(args, "__init__")?;
    let [size, initializer, initargs] = INIT.bind(rest)?;
    let core = make(cx, size, initializer, initargs)?;
    object.set_core(core);
    Ok(Value::None)
}

fn make(
    cx: &mut Context,
    size: Option<&Value>,
    initializer: Option<&Value>,
    initargs: Option<&Value>,
) -> Outcome<Arc<Core>> {
    let size = match size.filter(|size| !size.is_none()) {
        None => os_process::usable_processors(),
        Some(size) => {
            if compare::compare_bool(cx, Comparison::Less, size, &Value::Int(1))? {
                return Err(value_error("Number of processes must be at least 1"));
            }
            usize::try_from(arguments::integer(cx, size)?).unwrap_or(1)
        }
    };
    let initializer = initializer.cloned().unwrap_or_default();
    if !initializer.is_none() && !is_callable(&initializer) {
        return Err(type_error("initializer must be a callable"));
    }
    let initargs = match initargs {
        Some(given) => Value::tuple(iterate::collect(cx, given)?),
        None => Value::tuple(Vec::new()),
    };
    // CPython names its workers first, and the threads that look after them.
    let first = threading::reserve_names(cx, size as u64 + 3) - (size as u64 + 2);
    let core = Core::of_threads(Plan {
        style: Style::Pool,
        method: Method::Fork,
        size,
        initializer,
        initargs,
        most_tasks: None,
        helper_name: format!("Thread-{} (_handle_results)", first + size as u64 + 2),
        place: cx.place(),
    });
    crew::start(cx, &core, first)?;
    processes(cx).add_pool(&core);
    Ok(core)
}
