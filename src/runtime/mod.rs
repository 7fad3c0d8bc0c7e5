//! The runtime layer: operating-system processes, threads and shared memory. Speaks bytes and
//! handles; it must not know script values, the AST or the evaluator.

pub mod blocking;
pub mod clock;
mod event_fd;
pub mod fork;
pub mod futex;
pub mod leaf_lock;
pub mod output;
pub mod pending;
pub mod process;
pub mod report;
pub mod signal;
pub mod thread;
pub mod thread_condition;
pub mod thread_event;
pub mod thread_lock;
pub mod thread_semaphore;
pub mod world;
