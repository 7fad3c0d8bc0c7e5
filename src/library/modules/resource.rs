//! `resource`: what processes have used, and what they may use. It must not know who asks.

use std::sync::OnceLock;

use super::with_functions;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments;
use crate::library::define::Entries;
use crate::library::exceptions::from_io;
use crate::library::struct_sequence::{self, Description};
use crate::runtime::memory;
use crate::value::class::Class;
use crate::value::exception::{ExceptionKind, value_error};
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, iterate};

const FUNCTIONS: Entries<'_> = &[
    ("getpagesize", |_, args| {
        arguments::none("resource.getpagesize", args)?;
        // SAFETY: plain call.
        Ok(Value::Int(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }))
    }),
    ("getrlimit", get_limit),
    ("getrusage", get_usage),
    ("setrlimit", set_limit),
];

const CONSTANTS: &[(&str, i64)] = &[
    ("RLIMIT_AS", libc::RLIMIT_AS as i64),
    ("RLIMIT_CORE", libc::RLIMIT_CORE as i64),
    ("RLIMIT_CPU", libc::RLIMIT_CPU as i64),
    ("RLIMIT_DATA", libc::RLIMIT_DATA as i64),
    ("RLIMIT_FSIZE", libc::RLIMIT_FSIZE as i64),
    ("RLIMIT_MEMLOCK", libc::RLIMIT_MEMLOCK as i64),
    ("RLIMIT_MSGQUEUE", libc::RLIMIT_MSGQUEUE as i64),
    ("RLIMIT_NICE", libc::RLIMIT_NICE as i64),
    ("RLIMIT_NOFILE", libc::RLIMIT_NOFILE as i64),
    ("RLIMIT_NPROC", libc::RLIMIT_NPROC as i64),
    ("RLIMIT_OFILE", libc::RLIMIT_NOFILE as i64),
    ("RLIMIT_RSS", libc::RLIMIT_RSS as i64),
    ("RLIMIT_RTPRIO", libc::RLIMIT_RTPRIO as i64),
    ("RLIMIT_RTTIME", libc::RLIMIT_RTTIME as i64),
    ("RLIMIT_SIGPENDING", libc::RLIMIT_SIGPENDING as i64),
    ("RLIMIT_STACK", libc::RLIMIT_STACK as i64),
    // Without an end, as CPython shows it.
    ("RLIM_INFINITY", -1),
    ("RUSAGE_CHILDREN", libc::RUSAGE_CHILDREN as i64),
    ("RUSAGE_SELF", libc::RUSAGE_SELF as i64),
    ("RUSAGE_THREAD", libc::RUSAGE_THREAD as i64),
];

const USAGE: Description = Description {
    name: "resource.struct_rusage",
    fields: &[
        "ru_utime",
        "ru_stime",
        "ru_maxrss",
        "ru_ixrss",
        "ru_idrss",
        "ru_isrss",
        "ru_minflt",
        "ru_majflt",
        "ru_nswap",
        "ru_inblock",
        "ru_oublock",
        "ru_msgsnd",
        "ru_msgrcv",
        "ru_nsignals",
        "ru_nvcsw",
        "ru_nivcsw",
    ],
    visible: 16,
};

/// The class of what `getrusage` gives.
fn usage_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| struct_sequence::class(&USAGE))
}

/// Makes the module.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("resource", FUNCTIONS);
    for &(name, value) in CONSTANTS {
        module.set(Name::new(name), Value::Int(value));
    }
    module.set(
        Name::new("struct_rusage"),
        Value::Class(usage_class().clone()),
    );
    module.set(
        Name::new("error"),
        Value::Class(types().exception(ExceptionKind::OSError).clone()),
    );
    Ok(module)
}

fn get_usage(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let who = arguments::integer32(cx, arguments::one("resource.getrusage", args)?)?;
    if !matches!(
        who,
        libc::RUSAGE_SELF | libc::RUSAGE_CHILDREN | libc::RUSAGE_THREAD
    ) {
        return Err(value_error("invalid who parameter"));
    }
    if who == libc::RUSAGE_THREAD {
        return Ok(shown_usage(&cx.thread.usage().counts));
    }
    // SAFETY: numbers only, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is written by the call alone.
    if unsafe { libc::getrusage(who, &mut usage) } != 0 {
        return Err(from_io(&std::io::Error::last_os_error(), None));
    }
    Ok(shown_usage(&usage))
}

/// What was used, as scripts see it.
pub(super) fn shown_usage(usage: &libc::rusage) -> Value {
    let seconds =
        |time: libc::timeval| Value::Float(time.tv_sec as f64 + time.tv_usec as f64 * 1e-6);
    let mut values = vec![seconds(usage.ru_utime), seconds(usage.ru_stime)];
    values.extend(
        [
            usage.ru_maxrss,
            usage.ru_ixrss,
            usage.ru_idrss,
            usage.ru_isrss,
            usage.ru_minflt,
            usage.ru_majflt,
            usage.ru_nswap,
            usage.ru_inblock,
            usage.ru_oublock,
            usage.ru_msgsnd,
            usage.ru_msgrcv,
            usage.ru_nsignals,
            usage.ru_nvcsw,
            usage.ru_nivcsw,
        ]
        .map(Value::Int),
    );
    struct_sequence::make(usage_class(), &USAGE, values)
}

/// A limit by its number.
fn resource(cx: &mut Context, value: &Value) -> Outcome<libc::__rlimit_resource_t> {
    let number = arguments::integer(cx, value)?;
    u32::try_from(number)
        .ok()
        .filter(|number| *number < 16)
        .ok_or_else(|| value_error("invalid resource specified"))
}

/// As CPython shows a limit: -1 for none.
fn shown(limit: libc::rlim_t) -> Value {
    match limit {
        libc::RLIM_INFINITY => Value::Int(-1),
        limit => Value::from(i64::try_from(limit).unwrap_or(i64::MAX)),
    }
}

fn get_limit(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let resource = resource(cx, arguments::one("resource.getrlimit", args)?)?;
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is written by the call alone.
    if unsafe { libc::getrlimit(resource, &mut limit) } != 0 {
        return Err(from_io(&std::io::Error::last_os_error(), None));
    }
    Ok(Value::tuple_of([
        shown(limit.rlim_cur),
        shown(limit.rlim_max),
    ]))
}

fn set_limit(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [number, limits] = arguments::exactly("setrlimit", args)?;
    let resource = resource(cx, number)?;
    let limits = iterate::collect(cx, limits)?;
    let [current, most] = &limits[..] else {
        return Err(value_error("expected a tuple of 2 integers"));
    };
    let limit = libc::rlimit {
        // A negative number is no limit, as in C.
        rlim_cur: arguments::integer(cx, current)? as libc::rlim_t,
        rlim_max: arguments::integer(cx, most)? as libc::rlim_t,
    };
    if resource == libc::RLIMIT_AS && limit.rlim_cur != libc::RLIM_INFINITY {
        memory::expect_limit();
    }
    // SAFETY: `limit` is only read.
    if unsafe { libc::setrlimit(resource, &limit) } == 0 {
        return Ok(Value::None);
    }
    let error = std::io::Error::last_os_error();
    Err(match error.raw_os_error() {
        Some(libc::EINVAL) => value_error("current limit exceeds maximum limit"),
        Some(libc::EPERM) => value_error("not allowed to raise maximum limit"),
        _ => from_io(&error, None),
    })
}
