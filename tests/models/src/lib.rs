//! Models of the eight algorithms on which everything else that threads do in conc stands. Each says
//! again, in a few lines over loom's atomics, what a file of the interpreter does, and loom tries
//! every order in which the threads can take their steps (up to a number of preemptions), with every
//! value that a weakly ordered load may give.
//!
//! Each has a twin that leaves a step out: loom must find that it fails, or the model shows nothing.

mod counts;
mod idle_threads;
mod object_lock;
mod semaphore;
mod sharing;
mod thread_queue;
mod versioned;
mod world;

/// Runs a model with every order of steps, up to this many preemptions.
#[cfg(test)]
fn explore(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}
