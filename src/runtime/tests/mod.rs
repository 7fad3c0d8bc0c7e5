//! Tests of the runtime layer that need more than one of its parts, most of them in a process of
//! their own.

mod blocking;
mod fork;
mod idle_threads;
mod locks;
mod output;
mod process;
mod signal;
mod world;

use super::clock::Deadline;
use std::time::Duration;

/// So many milliseconds from now.
fn milliseconds(count: u64) -> Deadline {
    Deadline::after(Duration::from_millis(count))
}

/// Long enough that no working test ever waits so long.
fn far() -> Deadline {
    milliseconds(60_000)
}

const STACK: usize = 256 * 1024;
