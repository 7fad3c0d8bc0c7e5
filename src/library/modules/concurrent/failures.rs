//! Futures that failed without anybody having looked: remembered, and shown when nobody can look any
//! more. It must not know where the errors come from.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::eval::context::Context;
use crate::eval::session::UncaughtIn;
use crate::library::unseen;
use crate::runtime::fork;
use crate::runtime::leaf_lock::LeafLock;
use crate::value::Value;
use crate::value::exception::Raised;

/// A task that failed. The future has one reference to it, the session another.
pub struct Failure {
    /// What was called, for messages.
    task: String,
    error: Value,
    seen: AtomicBool,
    /// In which process it happened: a child of a fork does not answer for its parent's tasks.
    generation: u32,
}

impl Failure {
    /// Somebody has looked.
    pub fn observe(&self) {
        self.seen.store(true, Ordering::Relaxed);
    }

    fn is_unseen(&self) -> bool {
        !self.seen.load(Ordering::Relaxed) && self.generation == fork::generation()
    }
}

/// The failures of a session.
#[derive(Default)]
struct Failures {
    all: LeafLock<Vec<Arc<Failure>>>,
}

/// Notes that a task failed. Shows others that nobody looked at and nobody can look at any more.
pub fn note(cx: &mut Context, task: String, error: Value) -> Arc<Failure> {
    let failure = Arc::new(Failure {
        task,
        error,
        seen: AtomicBool::new(false),
        generation: fork::generation(),
    });
    let failures = cx.session.extensions.get::<Failures>();
    let (lost, forgotten) = {
        let mut all = failures.all.lock();
        let mut lost = Vec::new();
        let mut forgotten = Vec::new();
        for place in (0..all.len()).rev() {
            if !all[place].is_unseen() {
                forgotten.push(all.swap_remove(place));
            } else if Arc::strong_count(&all[place]) == 1 {
                lost.push(all.swap_remove(place));
            }
        }
        all.push(failure.clone());
        (lost, forgotten)
    };
    drop(forgotten);
    for failure in lost.iter().rev() {
        show(cx, failure);
    }
    failure
}

/// At the end of the program nobody will look any more.
pub fn show_all(cx: &mut Context) {
    let Some(failures) = cx.session.extensions.find::<Failures>() else {
        return;
    };
    let all = std::mem::take(&mut *failures.all.lock());
    for failure in all {
        if failure.is_unseen() {
            show(cx, &failure);
        }
    }
}

fn show(cx: &mut Context, failure: &Failure) {
    unseen::add(cx);
    if let Value::Instance(error) = &failure.error {
        let show = cx.session.show_uncaught;
        let raised = Raised::instance(error.clone());
        show(cx, &raised, &UncaughtIn::Task(failure.task.as_str().into()));
    }
}
