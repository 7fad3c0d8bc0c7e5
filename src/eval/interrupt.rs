//! What a thread does at a safepoint when somebody asks for it: stops of the world, grace
//! periods, signals, interrupts. It must not know nodes.

use std::time::Duration;

use super::context::Context;
use crate::library::deadlock;
use crate::library::modules::threading::asynchronous;
use crate::runtime::blocking::sleep_until;
use crate::runtime::clock::Deadline;
use crate::runtime::memory::{self, Shortage};
use crate::runtime::pending::Pending;
use crate::runtime::world;
use crate::value::Outcome;
use crate::value::exception::{Raised, Stop, memory_error};
use crate::value::{credit, reclaim, registry};

/// How long a thread waits that makes, or lets go of, more than others let it be freed.
const PAUSE: Duration = Duration::from_millis(1);

/// The slow side of a safepoint.
///
/// # Errors
/// What a signal handler raises; a stop.
#[cold]
#[inline(never)]
pub fn at_safepoint(cx: &mut Context) -> Outcome<()> {
    credit::flush();
    let pending = cx.thread.safepoint();
    reclaim::collect();
    super::collector::collect_if_due(cx)?;
    if world::is_shared() && (registry::take_hurry() | reclaim::take_flood()) {
        // Those who are to pass a safepoint, or to free what was found, may have no processor. An
        // interrupt only shortens it; it stays pending.
        let _ = sleep_until(&cx.thread, Deadline::after(PAUSE));
        reclaim::collect();
    }
    match memory::shortage() {
        Shortage::None => {}
        Shortage::Raise => return Err(memory_error("")),
        Shortage::End => return Err(Raised::stop(Stop::Limit("memory"))),
    }
    handle(cx, pending)
}

/// Does what is pending for this thread. Called after an interrupted wait as well.
///
/// # Errors
/// What a signal handler raises; a stop.
pub fn handle(cx: &mut Context, pending: Pending) -> Outcome<()> {
    if pending.is_empty() {
        return Ok(());
    }
    if pending.contains(Pending::STOP) {
        return Err(Raised::stop(Stop::Cancelled));
    }
    if pending.contains(Pending::DEADLOCK) {
        return Err(deadlock::raised(cx));
    }
    if pending.contains(Pending::INTERRUPT)
        && let Some(raised) = asynchronous::take(cx)
    {
        let rest = pending.without(Pending::INTERRUPT);
        if !rest.is_empty() {
            // Looked at next time.
            cx.thread.interrupt(rest);
        }
        return Err(raised);
    }
    let on_pending = cx.session.on_pending;
    on_pending(cx, pending)
}
