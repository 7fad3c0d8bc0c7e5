//! `_select`: waiting for descriptors, for the modules `select` and `selectors`, which are written in conc.

use super::with_functions;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::eval::module::Module;
use crate::library::arguments;
use crate::library::define::Entries;
use crate::library::modules::threading::timeout;
use crate::runtime::blocking::{Descriptor, Outcome as Waited, Reason, ReasonKind, Wait, blocking};
use crate::runtime::clock::Deadline;
use crate::value::exception::type_error;
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value, iterate};

const FUNCTIONS: Entries<'_> = &[("wait", wait)];

const NUMBERS: &[(&str, i16)] = &[
    ("POLLIN", libc::POLLIN),
    ("POLLPRI", libc::POLLPRI),
    ("POLLOUT", libc::POLLOUT),
    ("POLLERR", libc::POLLERR),
    ("POLLHUP", libc::POLLHUP),
    ("POLLNVAL", libc::POLLNVAL),
    ("POLLRDNORM", libc::POLLRDNORM),
    ("POLLRDBAND", libc::POLLRDBAND),
    ("POLLWRNORM", libc::POLLWRNORM),
    ("POLLWRBAND", libc::POLLWRBAND),
    ("POLLRDHUP", libc::POLLRDHUP),
];

/// Makes the module.
pub(super) fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("_select", FUNCTIONS);
    for &(name, number) in NUMBERS {
        module.set(Name::new(name), Value::Int(number.into()));
    }
    Ok(module)
}

/// Waits until one of the descriptors is ready; false if the deadline came first.
///
/// # Errors
/// What a signal handler raises; a stop.
pub(super) fn wait_for_descriptors(
    cx: &mut Context,
    list: &mut [Descriptor],
    deadline: Option<Deadline>,
    kind: ReasonKind,
) -> Outcome<bool> {
    let mut reason = Reason::new(kind);
    if let [only] = list {
        reason = reason.about(only.fd as u64);
    }
    loop {
        let thread = cx.thread.clone();
        // The first look fills in what is ready.
        match blocking(&thread, &reason, deadline, Wait::Descriptors(list)) {
            Waited::Woken if list.iter().any(|descriptor| descriptor.ready != 0) => {
                return Ok(true);
            }
            Waited::Woken => {}
            Waited::TimedOut => return Ok(false),
            Waited::Interrupted(_) => interrupt::at_safepoint(cx)?,
        }
    }
}

/// Takes descriptors with what to wait for, and a timeout in seconds; gives those that are ready with what they are
/// ready for.
fn wait(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [list, limit] = arguments::exactly("wait", args)?;
    let deadline = timeout::deadline(cx, Some(limit))?;
    let mut descriptors = Vec::new();
    for entry in iterate::collect(cx, list)? {
        let Value::Tuple(entry) = &entry else {
            return Err(type_error("wait() needs pairs"));
        };
        let [fd, events] = entry.items() else {
            return Err(type_error("wait() needs pairs"));
        };
        let fd = arguments::integer32(cx, fd)?;
        let events = arguments::integer32(cx, events)? as i16;
        descriptors.push(Descriptor::new(fd, events));
    }
    // For one kind of thing it can be told whether anybody is left who could bring it.
    let all = |events: i16| descriptors.iter().all(|one| one.events == events);
    let kind = if all(libc::POLLIN) {
        ReasonKind::Read
    } else if all(libc::POLLOUT) {
        ReasonKind::Write
    } else {
        ReasonKind::Other("select")
    };
    wait_for_descriptors(cx, &mut descriptors, deadline, kind)?;
    let ready = descriptors
        .iter()
        .filter(|descriptor| descriptor.ready != 0);
    let pair = |descriptor: &Descriptor| {
        Value::tuple_of([
            Value::Int(descriptor.fd.into()),
            Value::Int(descriptor.ready.into()),
        ])
    };
    Ok(Value::list(ready.map(pair).collect()))
}
