//! `_signal`: handlers that scripts give to signals, what `signal` is made of. They run in the main
//! thread, at its next safepoint or when the signal interrupts what it blocks in. It must not know how
//! the system delivers signals, nor that scripts see members of enumerations.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::{signal_masks, sys, with_functions};
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::eval::module::Module;
use crate::library::arguments;
use crate::library::define::{self, Entries};
use crate::library::exceptions::os_error;
use crate::library::parameters::Parameters;
use crate::runtime::blocking::{Outcome as Waited, Reason, ReasonKind, Wait, blocking};
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::signal::{self as system, SignalSet};
use crate::runtime::watch;
use crate::value::exception::{ExceptionKind, Raised, type_error, value_error};
use crate::value::function::{Args, NativeCall};
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

/// The default effect, as scripts write it.
const DEFAULT: i64 = 0;
/// Ignored, as scripts write it.
const IGNORE: i64 = 1;
/// One more than the highest signal.
const LIMIT: i64 = 65;

const SIGNALS: &[(&str, i32)] = &[
    ("SIGHUP", libc::SIGHUP),
    ("SIGINT", libc::SIGINT),
    ("SIGQUIT", libc::SIGQUIT),
    ("SIGILL", libc::SIGILL),
    ("SIGTRAP", libc::SIGTRAP),
    ("SIGABRT", libc::SIGABRT),
    ("SIGBUS", libc::SIGBUS),
    ("SIGFPE", libc::SIGFPE),
    ("SIGKILL", libc::SIGKILL),
    ("SIGUSR1", libc::SIGUSR1),
    ("SIGSEGV", libc::SIGSEGV),
    ("SIGUSR2", libc::SIGUSR2),
    ("SIGPIPE", libc::SIGPIPE),
    ("SIGALRM", libc::SIGALRM),
    ("SIGTERM", libc::SIGTERM),
    ("SIGCHLD", libc::SIGCHLD),
    ("SIGCONT", libc::SIGCONT),
    ("SIGSTOP", libc::SIGSTOP),
    ("SIGTSTP", libc::SIGTSTP),
    ("SIGTTIN", libc::SIGTTIN),
    ("SIGTTOU", libc::SIGTTOU),
    ("SIGURG", libc::SIGURG),
    ("SIGXCPU", libc::SIGXCPU),
    ("SIGXFSZ", libc::SIGXFSZ),
    ("SIGVTALRM", libc::SIGVTALRM),
    ("SIGPROF", libc::SIGPROF),
    ("SIGWINCH", libc::SIGWINCH),
    ("SIGIO", libc::SIGIO),
    ("SIGPWR", libc::SIGPWR),
    ("SIGSYS", libc::SIGSYS),
    ("SIGCLD", libc::SIGCHLD),
    ("SIGIOT", libc::SIGABRT),
    ("SIGPOLL", libc::SIGIO),
    ("SIGSTKFLT", 16),
    ("SIGRTMIN", 34),
    ("SIGRTMAX", 64),
];

const FUNCTIONS: Entries<'static> = &[
    ("set_wakeup_fd", set_wakeup_descriptor),
    ("signal", set_handler),
    ("getsignal", get_handler),
    ("alarm", alarm),
    ("pause", pause),
    ("raise_signal", raise_signal),
    ("strsignal", describe),
];

/// What handles SIGINT at first.
const INTERRUPT: (&str, NativeCall) = ("default_int_handler", default_int_handler);

/// The same object for whoever asks: scripts compare it.
fn interrupt_handler() -> &'static Value {
    static HANDLER: OnceLock<Value> = OnceLock::new();
    HANDLER.get_or_init(|| define::function("_signal", INTERRUPT.0, INTERRUPT.1))
}

/// What scripts gave to signals.
#[derive(Default)]
struct Handlers {
    given: LeafLock<BTreeMap<i32, Value>>,
}

/// Makes the module.
///
/// # Errors
/// None.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("_signal", FUNCTIONS);
    for &(name, function) in signal_masks::FUNCTIONS {
        module.set(Name::new(name), define::function("_signal", name, function));
    }
    let error = signal_masks::timer_error().clone();
    module.set(Name::new("ItimerError"), Value::Class(error));
    for &(name, number) in SIGNALS.iter().chain(signal_masks::CONSTANTS) {
        module.set(Name::new(name), Value::Int(i64::from(number)));
    }
    module.set(Name::new(INTERRUPT.0), interrupt_handler().clone());
    module.set(Name::new("SIG_DFL"), Value::Int(DEFAULT));
    module.set(Name::new("SIG_IGN"), Value::Int(IGNORE));
    module.set(Name::new("NSIG"), Value::Int(LIMIT));
    Ok(module)
}

fn number(cx: &mut Context, value: &Value) -> Outcome<i32> {
    let number = crate::value::sequence::index(cx, value)?;
    if !(1..LIMIT).contains(&number) {
        return Err(value_error("signal number out of range"));
    }
    Ok(number as i32)
}

fn set_handler(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [signal, handler] = arguments::exactly("signal", args)?;
    if !cx.thread.is_main() {
        return Err(value_error(
            "signal only works in main thread of the main interpreter",
        ));
    }
    let signal = number(cx, signal)?;
    let handler = match handler.unwrapped() {
        number @ Value::Int(_) => number,
        _ => handler,
    };
    let result = match handler {
        Value::Int(DEFAULT) => system::set_default(signal),
        Value::Int(IGNORE) => system::ignore(signal),
        other if crate::eval::is_callable(other) => system::install(signal),
        _ => {
            return Err(type_error(
                "signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object",
            ));
        }
    };
    if let Err(error) = result {
        return Err(Raised::with_args(
            ExceptionKind::OSError,
            vec![
                Value::Int(i64::from(error.raw_os_error().unwrap_or(0))),
                Value::str("Invalid argument"),
            ],
        ));
    }
    let before = present(cx, signal);
    let handlers = cx.session.extensions.get::<Handlers>();
    let old = {
        let mut given = handlers.given.lock();
        let old = given.insert(signal, handler.clone());
        // Ctrl-C alone is nothing that a thread could wait for.
        let has_own = given.values().any(|handler| match handler {
            Value::Int(_) => false,
            Value::Native(function) => function.name != INTERRUPT.0,
            _ => true,
        });
        watch::set_outsider(watch::Outsider::Handler, has_own);
        old
    };
    drop(old);
    Ok(before)
}

/// What is given to a signal now.
fn present(cx: &mut Context, signal: i32) -> Value {
    let handlers = cx.session.extensions.get::<Handlers>();
    let given = handlers.given.lock().get(&signal).cloned();
    given.unwrap_or_else(|| match signal {
        libc::SIGINT => interrupt_handler().clone(),
        libc::SIGPIPE | libc::SIGXFSZ => Value::Int(IGNORE),
        _ => Value::Int(DEFAULT),
    })
}

const WAKEUP: Parameters<2> = Parameters::function("set_wakeup_fd", ["fd", "warn_on_full_buffer"])
    .required(1)
    .positional(1);

/// Has the number of each signal written to a descriptor when it arrives; gives back the one of before.
fn set_wakeup_descriptor(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [Some(fd), _] = WAKEUP.bind(args)? else {
        return Ok(Value::None);
    };
    let fd = arguments::integer32(cx, fd)?;
    if !cx.thread.is_main() {
        return Err(value_error(
            "set_wakeup_fd only works in main thread of the main interpreter",
        ));
    }
    if fd != -1 {
        // SAFETY: no pointers are involved.
        let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
        if flags < 0 {
            let number = std::io::Error::last_os_error().raw_os_error();
            return Err(os_error(number.unwrap_or(0), None));
        }
        if flags & libc::O_NONBLOCK == 0 {
            return Err(value_error(format!(
                "the fd {fd} must be in non-blocking mode"
            )));
        }
    }
    Ok(Value::Int(system::set_wakeup_descriptor(fd).into()))
}

fn get_handler(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let signal = arguments::one("getsignal", args)?;
    let signal = number(cx, signal)?;
    Ok(present(cx, signal))
}

fn default_int_handler(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [_, _] = arguments::exactly("default_int_handler", args)?;
    Err(Raised::with_args(
        ExceptionKind::KeyboardInterrupt,
        Vec::new(),
    ))
}

fn alarm(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let seconds = arguments::one("alarm", args)?;
    let seconds = crate::value::sequence::index(cx, seconds)?;
    let Ok(seconds) = u32::try_from(seconds) else {
        return Err(value_error("alarm: the number of seconds is out of range"));
    };
    // SAFETY: a plain system call.
    let left = unsafe { libc::alarm(seconds) };
    watch::set_outsider(watch::Outsider::Alarm, seconds > 0);
    Ok(Value::Int(i64::from(left)))
}

fn pause(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("pause", args)?;
    let reason = Reason::new(ReasonKind::Other("a signal"));
    loop {
        match blocking(&cx.thread, &reason, None, Wait::Nothing) {
            Waited::Interrupted(_) => {
                let pending = cx.thread.safepoint();
                interrupt::handle(cx, pending)?;
                return Ok(Value::None);
            }
            Waited::Woken | Waited::TimedOut => {}
        }
    }
}

fn raise_signal(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let signal = arguments::one("raise_signal", args)?;
    let signal = number(cx, signal)?;
    // SAFETY: a plain system call.
    unsafe { libc::raise(signal) };
    cx.safepoint()?;
    Ok(Value::None)
}

fn describe(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let signal = arguments::one("strsignal", args)?;
    let signal = number(cx, signal)?;
    // SAFETY: gives a text of the C library, which is copied at once.
    let text = unsafe {
        let text = libc::strsignal(signal);
        (!text.is_null()).then(|| {
            std::ffi::CStr::from_ptr(text)
                .to_string_lossy()
                .into_owned()
        })
    };
    Ok(text.map_or(Value::None, Value::from))
}

/// Calls what scripts gave to the signals that arrived. Gives back those that nothing was given to.
///
/// # Errors
/// What a handler raises.
pub fn deliver(cx: &mut Context, arrived: SignalSet) -> Outcome<Vec<i32>> {
    let mut left = Vec::new();
    for signal in arrived.iter() {
        let handlers = cx.session.extensions.get::<Handlers>();
        let given = handlers.given.lock().get(&signal).cloned();
        match given {
            Some(Value::Int(_)) | None => left.push(signal),
            Some(handler) => {
                let frame = sys::innermost_frame(cx);
                cx.call(&handler, &[Value::Int(i64::from(signal)), frame])?;
            }
        }
    }
    Ok(left)
}
