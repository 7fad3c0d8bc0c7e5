//! The part of `signal` that is not about handlers: sets of signals that a thread keeps away or waits
//! for, signals to a thread, timers. It must not know what scripts gave to signals.

use std::sync::OnceLock;

use super::select::wait_for_descriptors;
use crate::eval::context::Context;
use crate::library::arguments;
use crate::library::define::Entries;
use crate::library::exceptions::os_error;
use crate::runtime::blocking::{Descriptor, ReasonKind};
use crate::runtime::clock::Deadline;
use crate::runtime::idle_threads;
use crate::runtime::thread::{self, ThreadHandle};
use crate::value::class::{Class, Layout};
use crate::value::exception::{self, ExceptionKind, Raised, value_error};
use crate::value::function::Args;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Set, Value, iterate};

/// The functions.
pub(super) const FUNCTIONS: Entries<'static> = &[
    ("getitimer", get_timer),
    ("pthread_kill", send_to_thread),
    ("pthread_sigmask", change_mask),
    ("setitimer", set_timer),
    ("siginterrupt", set_interrupting),
    ("sigpending", pending),
    ("sigtimedwait", wait_until),
    ("sigwait", wait),
    ("sigwaitinfo", |cx, args| {
        let signals = arguments::one("signal.sigwaitinfo", args)?;
        Ok(wait_for(cx, signals, None)?.map_or(Value::None, |info| description(&info)))
    }),
    ("valid_signals", valid),
];

/// The constants.
pub(super) const CONSTANTS: &[(&str, i32)] = &[
    ("ITIMER_REAL", 0),
    ("ITIMER_VIRTUAL", 1),
    ("ITIMER_PROF", 2),
    ("SIG_BLOCK", libc::SIG_BLOCK),
    ("SIG_UNBLOCK", libc::SIG_UNBLOCK),
    ("SIG_SETMASK", libc::SIG_SETMASK),
];

/// The highest signal.
const HIGHEST: i32 = 64;

/// The exception of timers, an `OSError`.
pub(super) fn timer_error() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let base = types().exception(ExceptionKind::OSError).clone();
        let class = Class::builtin_with("itimer_error", vec![base], Layout::Exception);
        class.set(known().module, Value::str("signal"));
        class
    })
}

fn timer_refused() -> Raised {
    let number = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
    let text = nix::errno::Errno::from_raw(number).desc();
    let args = vec![Value::Int(i64::from(number)), Value::str(text)];
    Raised::instance(exception::make(timer_error().clone(), args))
}

fn last_error() -> Raised {
    let number = std::io::Error::last_os_error().raw_os_error();
    os_error(number.unwrap_or(0), None)
}

fn time(seconds: f64) -> libc::timeval {
    // What is out of range is the system's to refuse.
    let whole = seconds.floor();
    libc::timeval {
        tv_sec: whole as libc::time_t,
        tv_usec: ((seconds - whole) * 1e6) as libc::suseconds_t,
    }
}

fn seconds(time: libc::timeval) -> Value {
    Value::Float(time.tv_sec as f64 + time.tv_usec as f64 / 1e6)
}

fn shown(timer: &libc::itimerval) -> Value {
    Value::tuple_of([seconds(timer.it_value), seconds(timer.it_interval)])
}

fn no_timer() -> libc::itimerval {
    let zero = libc::timeval {
        tv_sec: 0,
        tv_usec: 0,
    };
    libc::itimerval {
        it_interval: zero,
        it_value: zero,
    }
}

fn set_timer(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = arguments::between("setitimer", args, 2, 3)?;
    let which = arguments::integer32(cx, &values[0])?;
    let delay = arguments::float(cx, &values[1])?;
    let interval = match values.get(2) {
        Some(interval) => arguments::float(cx, interval)?,
        None => 0.0,
    };
    let new = libc::itimerval {
        it_interval: time(interval),
        it_value: time(delay),
    };
    let mut old = no_timer();
    // SAFETY: both are valid places.
    if unsafe { libc::setitimer(which, &new, &mut old) } != 0 {
        return Err(timer_refused());
    }
    Ok(shown(&old))
}

fn get_timer(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let which = arguments::integer32(cx, arguments::one("signal.getitimer", args)?)?;
    let mut timer = no_timer();
    // SAFETY: a valid place.
    if unsafe { libc::getitimer(which, &mut timer) } != 0 {
        return Err(timer_refused());
    }
    Ok(shown(&timer))
}

/// The set of a script's numbers.
fn set_of(cx: &mut Context, value: &Value) -> Outcome<libc::sigset_t> {
    let mut set = empty_set();
    for signal in iterate::collect(cx, value)? {
        let signal = arguments::integer(cx, &signal)?;
        if !(1..=i64::from(HIGHEST)).contains(&signal) {
            return Err(value_error(format!(
                "signal number {signal} out of range [1; {HIGHEST}]"
            )));
        }
        // SAFETY: an initialised set. It refuses those that the C library keeps for itself, which
        // nobody can send either.
        unsafe { libc::sigaddset(&mut set, signal as i32) };
    }
    Ok(set)
}

fn empty_set() -> libc::sigset_t {
    // SAFETY: all zero is overwritten at once by the call that makes it a set.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        set
    }
}

fn numbers_in(cx: &mut Context, set: &libc::sigset_t) -> Outcome<Value> {
    let numbers = Set::new();
    for signal in 1..=HIGHEST {
        // SAFETY: an initialised set.
        if unsafe { libc::sigismember(set, signal) } == 1 {
            numbers.add(cx, Value::Int(i64::from(signal)))?;
        }
    }
    Ok(Value::Set(Ref::new(numbers)))
}

fn change_mask(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [how, signals] = arguments::exactly("pthread_sigmask", args)?;
    let how = arguments::integer32(cx, how)?;
    let set = set_of(cx, signals)?;
    let mut old = empty_set();
    // SAFETY: both are initialised sets.
    match unsafe { libc::pthread_sigmask(how, &set, &mut old) } {
        0 => {}
        number => return Err(os_error(number, None)),
    }
    // Most often that is only a question.
    if how == libc::SIG_SETMASK || set != empty_set() {
        idle_threads::stop_reuse();
    }
    // What was kept away until now has come.
    cx.safepoint()?;
    numbers_in(cx, &old)
}

fn pending(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("signal.sigpending", args)?;
    let mut set = empty_set();
    // SAFETY: a valid place.
    if unsafe { libc::sigpending(&mut set) } != 0 {
        return Err(last_error());
    }
    numbers_in(cx, &set)
}

fn valid(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("signal.valid_signals", args)?;
    let mut set = empty_set();
    // SAFETY: an initialised set.
    unsafe { libc::sigfillset(&mut set) };
    numbers_in(cx, &set)
}

fn wait(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let signals = arguments::one("signal.sigwait", args)?;
    let info = wait_for(cx, signals, None)?;
    Ok(info.map_or(Value::None, |info| Value::Int(i64::from(info.ssi_signo))))
}

/// What is known of a signal, in the order of `signal.struct_siginfo`.
fn description(info: &libc::signalfd_siginfo) -> Value {
    let numbers = [
        i64::from(info.ssi_signo),
        i64::from(info.ssi_code),
        i64::from(info.ssi_errno),
        i64::from(info.ssi_pid),
        i64::from(info.ssi_uid),
        i64::from(info.ssi_status),
        i64::from(info.ssi_band),
    ];
    Value::tuple(numbers.into_iter().map(Value::Int).collect())
}

fn wait_until(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [signals, limit] = arguments::exactly("sigtimedwait", args)?;
    let seconds = arguments::float(cx, limit)?;
    if seconds < 0.0 {
        return Err(value_error("timeout must be non-negative"));
    }
    let deadline = Deadline::after_seconds(seconds);
    let info = wait_for(cx, signals, Some(deadline))?;
    Ok(info.map_or(Value::None, |info| description(&info)))
}

/// Waits for one of the signals, `None` if the deadline comes first. A descriptor is readable while one is pending, and
/// is closed when dropped: so the wait is one for a descriptor, which anything may interrupt.
fn wait_for(
    cx: &mut Context,
    signals: &Value,
    deadline: Option<Deadline>,
) -> Outcome<Option<libc::signalfd_siginfo>> {
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
    let set = set_of(cx, signals)?;
    // SAFETY: an initialised set; the descriptor is a new one.
    let descriptor = unsafe {
        match libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
            fd if fd < 0 => return Err(last_error()),
            fd => OwnedFd::from_raw_fd(fd),
        }
    };
    let fd = descriptor.as_raw_fd();
    loop {
        // SAFETY: all zero is a valid record, which the kernel fills in.
        let mut info = unsafe { std::mem::zeroed::<libc::signalfd_siginfo>() };
        let size = size_of::<libc::signalfd_siginfo>();
        // SAFETY: room for one record.
        let count = unsafe { libc::read(fd, (&raw mut info).cast(), size) };
        if count == size as isize {
            return Ok(Some(info));
        }
        if deadline.is_some_and(Deadline::has_passed) {
            return Ok(None);
        }
        let mut wanted = [Descriptor::new(fd, libc::POLLIN)];
        wait_for_descriptors(cx, &mut wanted, deadline, ReasonKind::Other("a signal"))?;
    }
}

fn send_to_thread(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [number, signal] = arguments::exactly("pthread_kill", args)?;
    let number = arguments::integer(cx, number)?;
    let signal = arguments::integer32(cx, signal)?;
    let named = |thread: &ThreadHandle| thread.id().get() as i64 == number;
    let Some(target) = thread::enumerate().into_iter().find(named) else {
        return Err(os_error(libc::ESRCH, None));
    };
    // SAFETY: no pointers are involved; the thread is this process's own.
    let result = unsafe {
        let process = libc::getpid();
        libc::syscall(libc::SYS_tgkill, process, target.native_id(), signal)
    };
    if result != 0 {
        return Err(last_error());
    }
    cx.safepoint()?;
    Ok(Value::None)
}

/// System calls never begin again here after a signal without the script's handler having run, and
/// always do afterwards, so there is nothing to choose.
fn set_interrupting(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [signal, flag] = arguments::exactly("siginterrupt", args)?;
    let signal = arguments::integer(cx, signal)?;
    arguments::truth(cx, flag)?;
    if !(1..=i64::from(HIGHEST)).contains(&signal) {
        return Err(value_error("signal number out of range"));
    }
    Ok(Value::None)
}
