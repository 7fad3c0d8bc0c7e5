//! The threads of a `ThreadPool`, and the tasks that wait for them. It must not know what becomes of
//! results.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use super::core::{Core, Side, error_value};
use super::worker;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::modules::multiprocessing::{child, dummy};
use crate::library::modules::threading;
use crate::runtime::blocking::{Outcome as Waited, Reason, ReasonKind, Wait, blocking};
use crate::runtime::futex;
use crate::runtime::leaf_lock::LeafLock;
use crate::value::exception::ExceptionKind;
use crate::value::{Outcome, Value};

/// What the threads share.
#[derive(Default)]
pub struct Crew {
    state: LeafLock<State>,
    /// Changes with every task, and at the end.
    changed: AtomicU32,
}

#[derive(Default)]
struct State {
    tasks: VecDeque<(u64, Value, u8)>,
    threads: Vec<Value>,
    closed: bool,
}

impl Crew {
    /// Puts a task in.
    pub fn put(&self, number: u64, work: Value, mode: u8) {
        self.state.lock().tasks.push_back((number, work, mode));
        self.announce(1);
    }

    /// Nothing more comes: the threads end when they have done what is there.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.announce(u32::MAX);
    }

    /// What has not been begun is not done.
    pub fn clear(&self) {
        let tasks = std::mem::take(&mut self.state.lock().tasks);
        drop(tasks);
    }

    /// The threads.
    pub fn threads(&self) -> Vec<Value> {
        self.state.lock().threads.clone()
    }

    fn announce(&self, count: u32) {
        self.changed.fetch_add(1, Ordering::SeqCst);
        futex::wake(&self.changed, count, false);
    }

    fn take(&self, cx: &mut Context) -> Outcome<Option<(u64, Value, u8)>> {
        let reason =
            Reason::new(ReasonKind::QueueGet).about(std::ptr::from_ref(self) as usize as u64);
        // It may wait for a task for ever, and nobody need be told.
        let _serving = cx.thread.serving();
        loop {
            let seen = self.changed.load(Ordering::SeqCst);
            {
                let mut state = self.state.lock();
                if let Some(task) = state.tasks.pop_front() {
                    return Ok(Some(task));
                }
                if state.closed {
                    return Ok(None);
                }
            }
            let wait = Wait::Word {
                word: &self.changed,
                expected: seen,
                shared: false,
            };
            if let Waited::Interrupted(_) = blocking(&cx.thread, &reason, None, wait)
                && let Err(raised) = interrupt::at_safepoint(cx)
            {
                self.announce(1);
                return Err(raised);
            }
        }
    }
}

/// Starts the threads of a pool, named by numbers from `first` on.
///
/// # Errors
/// `RuntimeError` when no thread is to be had.
pub fn start(cx: &mut Context, core: &Arc<Core>, first: u64) -> Outcome<()> {
    let Side::Threads(crew) = &core.side else {
        return Ok(());
    };
    for number in (first..).take(core.size) {
        // Not the pool itself: a forgotten one is to end.
        let (own, pool) = (crew.clone(), Arc::downgrade(core));
        let name = format!("Thread-{number} (worker)");
        let thread = dummy::make_process(cx, &name, true, move |cx| live(cx, &own, &pool))?;
        crew.state.lock().threads.push(thread.clone());
        threading::start_thread(cx, &thread)?;
    }
    Ok(())
}

fn live(cx: &mut Context, crew: &Crew, pool: &Weak<Core>) -> Outcome<()> {
    if !prepare(cx, pool)? {
        return Ok(());
    }
    while let Some((number, work, mode)) = crew.take(cx)? {
        let outcome = worker::perform(cx, mode, &work);
        drop(work);
        if let Err(raised) = &outcome
            && raised.exception().is_none()
        {
            // The thread is stopped: its task stays undone.
            return outcome.map(drop);
        }
        let Some(core) = pool.upgrade() else {
            return Ok(());
        };
        let task = core.state.lock().out.remove(number);
        let Some(task) = task else { continue };
        match outcome {
            Ok(value) => task.job.succeed(cx, &core, task.part, value),
            Err(raised) => {
                let error = match raised.is(ExceptionKind::SystemExit) {
                    true => {
                        super::task_errors::left(cx, &task.function, child::exit_argument(&raised))?
                    }
                    false => raised,
                };
                task.job.fail(cx, &core, task.part, error_value(&error));
            }
        }
        drop(task);
        core.announce();
        cx.safepoint()?;
    }
    Ok(())
}

/// Calls the initializer; false if the pool is of no use.
fn prepare(cx: &mut Context, pool: &Weak<Core>) -> Outcome<bool> {
    let Some(core) = pool.upgrade() else {
        return Ok(false);
    };
    if core.initializer.is_none() {
        return Ok(true);
    }
    match child::call(cx, &core.initializer, &core.initargs, &Value::None) {
        Ok(_) => Ok(true),
        Err(raised) if raised.exception().is_none() => Err(raised),
        Err(raised) => {
            core.break_with(cx, &error_value(&raised));
            Ok(false)
        }
    }
}
