//! What a pool is made of: two queues in shared memory, the workers, the tasks that are out. There
//! is no hidden thread: whoever submits writes into shared memory, whoever waits collects results
//! and looks after the workers.
//!
//! **Which task a dead worker had.** The owner alone puts tasks in, so a task's number is its place
//! in the order of the puts. A worker notes in shared memory the number of the task that it is about
//! to take, before it takes it. When it dies, the task with that number is lost with it exactly if
//! it was taken (`taken` has come to it), has no result, and no other worker has the same note.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::job::{Job, Kind};
use crate::eval::context::Context;
use crate::library::message::{self, Programs};
use crate::library::modules::multiprocessing::child::shared;
use crate::library::modules::multiprocessing::errors::from_arena;
use crate::library::modules::multiprocessing::process::own_pid;
use crate::runtime::futex;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::process::Child;
use crate::runtime::shared_block::SharedBlock;
use crate::runtime::shared_queue::{QueueError, SharedQueue};
use crate::runtime::shared_wait::Until;
use crate::value::exception::{Raised, runtime_error, value_error};
use crate::value::{Outcome, Value};

/// How a task's arguments are to be used; the last byte of its message.
pub mod mode {
    /// `(function, args, kwargs)`.
    pub const APPLY: u8 = 0;
    /// `(function, items)`: each is the one argument of a call.
    pub const MAP: u8 = 1;
    /// The same: each has all arguments of a call.
    pub const STARMAP: u8 = 2;
    /// As `MAP`, with errors as results.
    pub const MAP_EACH: u8 = 3;
}

/// What a worker says; the last byte of its message, after a number of eight bytes.
pub mod answer {
    /// The value of the task of that number.
    pub const VALUE: u8 = 0;
    /// What it raised, with the traceback.
    pub const EXCEPTION: u8 = 1;
    /// It called `sys.exit`, with what.
    pub const EXIT: u8 = 2;
    /// Its value cannot travel: the value in words, and why.
    pub const UNSENDABLE: u8 = 3;
    /// The initializer failed: what it raised. The number is the worker's place.
    pub const NOT_READY: u8 = 4;
    /// The worker at that place has done as many tasks as it may.
    pub const BYE: u8 = 5;
}

/// What a pool does with new tasks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Takes them.
    Run,
    /// Takes no more, and does what it has.
    Close,
    /// Is over.
    Terminate,
}

impl Phase {
    /// As it is shown.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Run => "RUN",
            Phase::Close => "CLOSE",
            Phase::Terminate => "TERMINATE",
        }
    }
}

/// The parts that owner and workers share.
pub struct Core {
    /// The process whose pool it is.
    pub owner: i32,
    /// Tasks, from the owner to the workers.
    pub tasks: SharedQueue,
    /// Answers, from the workers to the owner.
    pub results: SharedQueue,
    /// For each worker's place the number of the task that it took last.
    pub notes: SharedBlock,
    /// What owner and workers surely know of each other's programs.
    pub receiver: message::Receiver,
    /// How many workers there are to be.
    pub size: usize,
    /// What each worker calls first.
    pub initializer: Value,
    /// Its arguments.
    pub initargs: Value,
    /// How many tasks a worker does before it is replaced.
    pub most_tasks: Option<u64>,
    /// What only the owner uses.
    pub state: LeafLock<State>,
    /// Whether a thread is waiting for answers on behalf of all.
    pub collecting: AtomicBool,
    /// Answers that were taken and are not entered yet.
    pub under_way: AtomicU32,
    /// Changes whenever a job gets on.
    pub changed: AtomicU32,
    /// How many threads wait for that.
    pub waiting: AtomicU32,
}

/// What only the owner uses.
pub struct State {
    /// What it does with new tasks.
    pub phase: Phase,
    /// The workers by place.
    pub workers: Vec<Worker>,
    /// Tasks that are out, by number.
    pub out: HashMap<u64, Task>,
    /// The number of the task put in last.
    pub last: u64,
    /// Lazy maps whose input is not exhausted.
    pub streams: Vec<Arc<Job>>,
    /// The initializer's error: the pool is of no use.
    pub broken: Option<Value>,
    /// How many workers in a row died without having done anything.
    pub barren: u32,
    /// Whether the workers have been told that nothing more comes.
    pub drained: bool,
}

/// One worker.
#[derive(Clone)]
pub struct Worker {
    /// The process.
    pub child: Child,
    /// Its name.
    pub name: Arc<str>,
    /// Whether it said that it ends.
    pub leaves: bool,
    /// Whether its end has been dealt with.
    pub gone: bool,
}

/// A task that is out.
pub struct Task {
    /// What it is part of.
    pub job: Arc<Job>,
    /// Which part.
    pub part: usize,
    /// What is called, for messages.
    pub function: Value,
}

impl Core {
    /// A pool without workers.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn new(
        cx: &mut Context,
        size: usize,
        initializer: Value,
        initargs: Value,
        most_tasks: Option<u64>,
    ) -> Outcome<Arc<Core>> {
        Ok(Arc::new(Core {
            owner: own_pid(),
            tasks: shared(SharedQueue::new(None))?,
            results: shared(SharedQueue::new(None))?,
            notes: shared(SharedBlock::new(8 * size))?,
            receiver: message::Receiver {
                baseline: cx.session.extensions.get::<Programs>().baseline(),
            },
            size,
            initializer,
            initargs,
            most_tasks,
            state: LeafLock::new(State {
                phase: Phase::Run,
                workers: Vec::new(),
                out: HashMap::new(),
                last: 0,
                streams: Vec::new(),
                broken: None,
                barren: 0,
                drained: false,
            }),
            collecting: AtomicBool::new(false),
            under_way: AtomicU32::new(0),
            changed: AtomicU32::new(0),
            waiting: AtomicU32::new(0),
        }))
    }

    /// The word in which the worker at a place notes its task.
    pub fn note(&self, place: usize) -> Option<&AtomicU64> {
        self.notes.word(8 * place)
    }

    /// Refuses the use of a pool in another process than its owner.
    ///
    /// # Errors
    /// `RuntimeError`.
    pub fn check_owner(&self) -> Outcome<()> {
        if self.owner == own_pid() {
            return Ok(());
        }
        Err(runtime_error(
            "a pool can only be used by the process that made it",
        ))
    }

    /// Refuses new tasks after close.
    ///
    /// # Errors
    /// `ValueError`.
    pub fn check_running(&self) -> Outcome<()> {
        self.check_owner()?;
        if self.state.lock().phase == Phase::Run {
            return Ok(());
        }
        Err(value_error("Pool not running"))
    }

    /// Puts a task in. A task that cannot travel fails by itself, as in Python: who waits for it
    /// is told.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn submit(
        self: &Arc<Core>,
        cx: &mut Context,
        job: &Arc<Job>,
        part: usize,
        work: &Value,
        mode: u8,
    ) -> Outcome<()> {
        let (mut bytes, handles) = match message::encode_for_queue(cx, work, self.receiver) {
            Ok(made) => made,
            Err(raised) => match raised.exception().cloned() {
                Some(exception) => {
                    job.fail(cx, self, part, Value::Instance(exception));
                    return Ok(());
                }
                None => return Err(raised),
            },
        };
        bytes.push(mode);
        let function = match work {
            Value::Tuple(parts) => parts.items().first().cloned().unwrap_or_default(),
            _ => Value::None,
        };
        let broken = self.state.lock().broken.clone();
        if let Some(error) = broken {
            job.fail(cx, self, part, error);
            return Ok(());
        }
        let task = Task {
            job: job.clone(),
            part,
            function,
        };
        let (result, back) = {
            let mut state = self.state.lock();
            let number = state.last + 1;
            // Before it can be answered.
            state.out.insert(number, task);
            match self.tasks.put(&cx.thread, &bytes, &handles, Until::Now) {
                Ok(()) => {
                    state.last = number;
                    (Ok(()), None)
                }
                Err(error) => (Err(error), state.out.remove(&number)),
            }
        };
        drop(back);
        match result {
            Ok(()) => Ok(()),
            Err(QueueError::Closed) => Err(value_error("Pool not running")),
            Err(QueueError::Memory(error)) => Err(from_arena(error)),
            Err(error) => Err(runtime_error(error.to_string())),
        }
    }

    /// Tells those who wait that something has changed.
    pub fn announce(&self) {
        self.changed.fetch_add(1, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            futex::wake_all(&self.changed, false);
        }
    }

    /// Whether nothing is out any more.
    pub fn is_idle(&self) -> bool {
        let state = self.state.lock();
        state.out.is_empty() && state.streams.is_empty()
    }

    /// How many tasks are out that somebody is to have the result of: lazy maps that were not asked
    /// to the end do not count.
    pub fn handed_out(&self) -> usize {
        let state = self.state.lock();
        let is_lazy = |job: &Job| matches!(job.kind(), Kind::Stream { .. });
        state
            .out
            .values()
            .filter(|task| !is_lazy(&task.job))
            .count()
    }

    /// The worker objects' children.
    pub fn children(&self) -> Vec<Child> {
        let state = self.state.lock();
        state
            .workers
            .iter()
            .map(|worker| worker.child.clone())
            .collect()
    }

    /// Tells the workers that nothing more comes, once that is so.
    pub fn drain_if_closed(&self) {
        let close = {
            let mut state = self.state.lock();
            state.phase != Phase::Run
                && state.streams.is_empty()
                && !std::mem::replace(&mut state.drained, true)
        };
        if close {
            self.tasks.close(false);
        }
    }
}

impl Drop for Core {
    /// A pool that nobody can reach any more needs no workers.
    fn drop(&mut self) {
        if self.owner != own_pid() {
            return;
        }
        for child in self.children() {
            // One that has ended takes no notice.
            let _ = child.signal(libc::SIGTERM);
        }
    }
}

/// An error that a task failed with.
pub fn error_value(raised: &Raised) -> Value {
    match raised.exception() {
        Some(exception) => Value::Instance(exception.clone()),
        None => Value::None,
    }
}
