//! `multiprocessing.get_logger` and `log_to_stderr`: what processes say about themselves.

use std::any::Any;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::process::ProcessObject;
use super::state::processes;
use crate::eval::context::Context;
use crate::library::{arguments, define, native_object, output};
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::output::WriteMode;
use crate::value::class::{Class, Layout};
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, percent, text};

/// The levels with their names.
const LEVELS: &[(i64, &str)] = &[
    (50, "CRITICAL"),
    (40, "ERROR"),
    (30, "WARNING"),
    (20, "INFO"),
    (10, "DEBUG"),
    (0, "NOTSET"),
];

/// What is logged at all while nobody has set a level.
const WARNING: i64 = 30;

/// What a session's logger is set to.
#[derive(Default)]
struct Settings {
    /// 0 before anybody sets it.
    level: AtomicI64,
    /// Whether it goes to standard error.
    shown: AtomicBool,
    object: LeafLock<Option<Value>>,
}

struct Logger;

impl NativeData for Logger {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::builtin("Logger", Some(&types().object), Layout::Native("Logger"));
        class.set(known().module, Value::str("logging"));
        define::methods(
            &class,
            &[
                ("setLevel", |cx, args| {
                    let [_, level] = arguments::exactly("setLevel", args)?;
                    let level = level_of(cx, level)?;
                    let settings = cx.session.extensions.get::<Settings>();
                    settings.level.store(level, Ordering::Relaxed);
                    Ok(Value::None)
                }),
                ("getEffectiveLevel", |cx, _| {
                    let settings = cx.session.extensions.get::<Settings>();
                    Ok(Value::Int(settings.level()))
                }),
                ("isEnabledFor", |cx, args| {
                    let [_, level] = arguments::exactly("isEnabledFor", args)?;
                    let level = level_of(cx, level)?;
                    let settings = cx.session.extensions.get::<Settings>();
                    Ok(Value::Bool(level >= settings.level()))
                }),
                ("debug", |cx, args| log(cx, 10, args.rest())),
                ("info", |cx, args| log(cx, 20, args.rest())),
                ("warning", |cx, args| log(cx, 30, args.rest())),
                ("error", |cx, args| log(cx, 40, args.rest())),
                ("critical", |cx, args| log(cx, 50, args.rest())),
                ("log", |cx, args| {
                    let rest = args.rest();
                    let Some(level) = rest.values.first() else {
                        return Err(type_error("log() needs a level and a message"));
                    };
                    let level = level_of(cx, level)?;
                    log(cx, level, rest.rest())
                }),
            ],
        );
        class
    })
}

impl Settings {
    fn level(&self) -> i64 {
        match self.level.load(Ordering::Relaxed) {
            0 => WARNING,
            level => level,
        }
    }
}

fn level_of(cx: &mut Context, value: &Value) -> Outcome<i64> {
    if let Some(name) = value.as_str() {
        return match LEVELS.iter().find(|(_, known)| *known == name) {
            Some((level, _)) => Ok(*level),
            None => Err(value_error(format!(
                "Unknown level: {}",
                text::repr(cx, value)?
            ))),
        };
    }
    arguments::integer(cx, value)
}

fn log(cx: &mut Context, level: i64, args: Args<'_>) -> Outcome<Value> {
    let settings = cx.session.extensions.get::<Settings>();
    if level < settings.level() || !settings.shown.load(Ordering::Relaxed) {
        return Ok(Value::None);
    }
    let Some((message, rest)) = args.positional().split_first() else {
        return Err(type_error("a message is needed"));
    };
    let message = text::str_value(cx, message)?;
    let message = match (&message, rest) {
        (Value::Str(pattern), [_, ..]) => {
            let shown = percent::percent_text(cx, pattern.as_str(), &Value::tuple(rest.to_vec()))?;
            Value::str(shown)
        }
        _ => message,
    };
    let name = match LEVELS.iter().find(|(known, _)| *known == level) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("Level {level}"),
    };
    let current = processes(cx).current();
    let process = ProcessObject::of(&current).map(ProcessObject::name);
    let line = format!(
        "[{name}/{}] {}\n",
        process.unwrap_or_default(),
        text::to_str(cx, &message)?
    );
    let stderr = cx.session.stderr.clone();
    output::write(cx, &stderr, line.as_bytes(), WriteMode::Flushed)?;
    Ok(Value::None)
}

/// `get_logger()`.
///
/// # Errors
/// `TypeError` for arguments.
pub fn get_logger(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("get_logger", args)?;
    Ok(logger(cx))
}

fn logger(cx: &Context) -> Value {
    let settings = cx.session.extensions.get::<Settings>();
    let known = settings.object.lock().clone();
    if let Some(known) = known {
        return known;
    }
    let made = native_object::instance(class(), Logger);
    settings.object.lock().get_or_insert(made).clone()
}

/// `log_to_stderr(level=None)`.
///
/// # Errors
/// `ValueError` for an unknown level.
pub fn log_to_stderr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const LOG: arguments::Signature<1> = arguments::Signature::new("log_to_stderr", ["level"]);
    let [level] = LOG.bind(args)?;
    let settings = cx.session.extensions.get::<Settings>();
    if let Some(level) = level.filter(|level| !level.is_none()) {
        let level = level_of(cx, level)?;
        settings.level.store(level, Ordering::Relaxed);
    }
    settings.shown.store(true, Ordering::Relaxed);
    Ok(logger(cx))
}
