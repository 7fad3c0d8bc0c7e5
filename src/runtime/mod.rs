//! The runtime layer: operating-system processes, threads and shared memory. Speaks bytes and
//! handles; it must not know script values, the AST or the evaluator.

pub mod arena;
pub(crate) mod arena_place;
pub mod blocking;
pub mod child_bell;
pub mod clock;
pub mod command;
mod current_thread;
mod event_fd;
mod extent;
pub mod fork;
pub mod futex;
pub mod handle;
pub mod idle_threads;
pub mod leaf_lock;
pub mod memory;
pub mod native_stack;
pub mod null_device;
pub mod output;
pub mod parent;
pub mod pending;
pub mod pipe_write;
pub mod process;
mod process_wait;
pub mod report;
mod resource_limit;
pub mod shared_barrier;
pub mod shared_block;
mod shared_blocks;
mod shared_cells;
pub mod shared_condition;
pub mod shared_descriptor;
pub mod shared_event;
mod shared_journal;
pub mod shared_lock;
#[cfg(test)]
mod shared_lock_tests;
#[cfg(test)]
mod shared_memory_tests;
mod shared_mutex;
pub mod shared_object;
mod shared_output;
pub mod shared_queue;
#[cfg(test)]
mod shared_queue_death_tests;
mod shared_queue_sides;
#[cfg(test)]
mod shared_queue_tests;
mod shared_ring;
pub mod shared_semaphore;
mod shared_slabs;
mod shared_spin;
mod shared_steps;
pub mod shared_sweep;
#[cfg(test)]
mod shared_testing;
#[cfg(test)]
mod shared_torture_tests;
pub mod shared_wait;
pub mod sharing;
pub mod signal;
pub mod slot;
pub mod standing;
pub mod task_timer;
pub mod thread;
pub mod thread_condition;
pub mod thread_event;
pub mod thread_lock;
mod thread_registry;
pub mod thread_semaphore;
mod thread_start;
pub mod thread_usage;
pub mod watch;
pub mod world;
pub mod written_memory;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
