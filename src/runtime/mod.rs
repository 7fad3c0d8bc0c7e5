//! The runtime layer: operating-system processes, threads and shared memory. Speaks bytes and
//! handles; it must not know script values, the AST or the evaluator.

pub mod blocking;
pub mod clock;
mod event_fd;
pub mod futex;
pub mod leaf_lock;
pub mod pending;
pub mod report;
pub mod thread;
pub mod world;
