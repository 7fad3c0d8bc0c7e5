//! What a pool is made of: two queues in shared memory, the workers, the tasks that are out. There
//! is no hidden thread: whoever submits writes into shared memory, whoever waits collects results
//! and looks after the workers. A pool of threads is the same with a queue of its own kind.
//!
//! **Which task a dead worker had.** The owner alone puts tasks in, so a task's number is its place
//! in the order of the puts. A worker notes in shared memory the number of the task that it is about
//! to take, before it takes it. When it dies, the task with that number is lost with it exactly if
//! it was taken (`taken` has come to it), has no result, and no other worker has the same note.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::crew::Crew;
use super::helper::Helper;
use super::job::Job;
use super::outstanding::Outstanding;
use super::protocol::{claim, mode};
use crate::eval::context::Context;
use crate::library::message::{self, Programs};
use crate::library::modules::multiprocessing::child::shared;
use crate::library::modules::multiprocessing::errors::from_arena;
use crate::library::modules::multiprocessing::process::{ProcessObject, own_pid};
use crate::library::modules::multiprocessing::{Method, processes};
use crate::runtime::handle::Handle;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::process::Child;
use crate::runtime::shared_block::SharedBlock;
use crate::runtime::shared_queue::{Message, QueueError, SharedQueue};
use crate::runtime::shared_wait::{Sleepers, Until};
use crate::runtime::{child_bell, futex};
use crate::value::exception::{Raised, runtime_error, value_error};
use crate::value::{Outcome, Value};

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

/// What owner and worker processes share.
pub struct Shared {
    /// Tasks, from the owner to the workers.
    pub tasks: SharedQueue,
    /// Answers, from the workers to the owner.
    pub results: SharedQueue,
    /// For each worker's place three words: the number of the task that it took last, the moment
    /// until which it may take, and whether the worker has come to the point of taking tasks.
    pub notes: SharedBlock,
    /// Of an executor: a word for each of the tasks put in last, which says whether it was begun or
    /// cancelled.
    pub claims: Option<SharedBlock>,
    /// What owner and workers surely know of each other's programs.
    pub receiver: message::Receiver,
}

/// Who does the work.
pub enum Side {
    /// Worker processes.
    Processes(Shared),
    /// Threads.
    Threads(Arc<Crew>),
}

/// Whose pool it is: names and some errors differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// `multiprocessing.Pool`.
    Pool,
    /// `concurrent.futures.ProcessPoolExecutor`.
    Executor,
}

/// A pool.
pub struct Core {
    /// The process whose pool it is.
    pub owner: i32,
    /// Who does the work.
    pub side: Side,
    /// Whose pool it is.
    pub style: Style,
    /// What its processes are called after.
    pub method: Method,
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
    /// Where the one who collects sleeps, who must hear of it as well: what it waits for may come from
    /// the thread that calls callbacks.
    pub(crate) collector: Sleepers,
    /// Memory for the next answer.
    pub spare: LeafLock<Message>,
    /// How often the bell had rung when the workers were looked after last.
    pub rung: AtomicU32,
    /// What calls callbacks.
    pub helper: Helper,
    /// What its thread is called.
    pub helper_name: String,
    /// Where in the script it was made.
    pub(super) place: u64,
    /// Whether it was told that tasks were left undone, or why they will be.
    pub(super) told: AtomicBool,
}

/// How a pool is to be.
pub struct Plan {
    /// Whose pool it is.
    pub style: Style,
    /// What its processes are called after.
    pub method: Method,
    /// How many workers there are to be.
    pub size: usize,
    /// What each worker calls first; `None` for nothing.
    pub initializer: Value,
    /// Its arguments.
    pub initargs: Value,
    /// How many tasks a worker does before it is replaced.
    pub most_tasks: Option<u64>,
    /// What the thread for callbacks is called.
    pub helper_name: String,
    /// Where in the script it is made.
    pub place: u64,
}

/// What only the owner uses.
pub struct State {
    /// What it does with new tasks.
    pub phase: Phase,
    /// The workers by place.
    pub workers: Vec<Worker>,
    /// Tasks that are out, by number.
    pub out: Outstanding<Task>,
    /// Of an executor: calls that wait for room in the queue, the oldest first.
    pub held: VecDeque<Held>,
    /// Lazy maps whose input is not exhausted.
    pub streams: Vec<Arc<Job>>,
    /// The initializer's error: the pool is of no use.
    pub broken: Option<(Value, Arc<Job>)>,
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
    /// What is done if its worker dies, or it takes too long.
    pub care: Option<Box<Care>>,
}

/// What is known of a task that is to be run again, or may not take for ever.
#[derive(Clone)]
pub struct Care {
    /// How often it may still be run again.
    pub retries: u64,
    /// Its message, to be put in again.
    pub message: Parcel,
    /// How long it may take, as the script said it.
    pub limit: Option<f64>,
}

/// A message: its bytes, and the shared objects that it names.
#[derive(Clone)]
pub struct Parcel {
    bytes: Vec<u8>,
    handles: Vec<Handle>,
}

impl Parcel {
    fn put_into(&self, cx: &Context, queue: &SharedQueue) -> Result<(), QueueError> {
        queue.put(&cx.thread, &self.bytes, &self.handles, Until::Now)
    }
}

/// A call that waits for room in the queue.
pub struct Held {
    /// Its message.
    pub message: Parcel,
    /// The task.
    pub task: Task,
}

/// So many calls of an executor may wait in the queue, where a cancellation finds them by a word of
/// their own; others wait in the owner.
pub const MOST_CLAIMS: u64 = 4096;

/// The notes of a worker, in bytes.
const NOTES: usize = 24;

impl Shared {
    /// The word in which a worker says that it takes tasks.
    pub fn ready(&self, place: usize) -> Option<&AtomicU64> {
        self.notes.word(NOTES * place + 16)
    }

    /// The word that says what became of the task of a number: four times the number, and in the
    /// lowest bits one of [`claim`].
    pub fn claim(&self, number: u64) -> Option<&AtomicU64> {
        let place = (number % MOST_CLAIMS) as usize;
        self.claims.as_ref()?.word(8 * place)
    }

    /// The word in which the worker at a place notes its task.
    pub fn note(&self, place: usize) -> Option<&AtomicU64> {
        self.notes.word(NOTES * place)
    }

    /// The word in which it notes until when that may take, in nanoseconds of the monotonic clock;
    /// 0 for as long as it likes.
    pub fn limit(&self, place: usize) -> Option<&AtomicU64> {
        self.notes.word(NOTES * place + 8)
    }
}

impl Core {
    /// A pool of processes, without workers.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn of_processes(cx: &mut Context, plan: Plan) -> Outcome<Arc<Core>> {
        let claims = match plan.style {
            Style::Executor => Some(shared(SharedBlock::new(8 * MOST_CLAIMS as usize))?),
            Style::Pool => None,
        };
        let side = Side::Processes(Shared {
            tasks: shared(SharedQueue::new(None))?,
            results: shared(SharedQueue::new(None))?,
            notes: shared(SharedBlock::new(NOTES * plan.size))?,
            claims,
            receiver: message::Receiver {
                baseline: cx.session.extensions.get::<Programs>().baseline(),
            },
        });
        child_bell::watch();
        Ok(Core::new(plan, side))
    }

    /// A pool of threads, without workers.
    pub fn of_threads(plan: Plan) -> Arc<Core> {
        Core::new(plan, Side::Threads(Arc::new(Crew::default())))
    }

    fn new(plan: Plan, side: Side) -> Arc<Core> {
        Arc::new(Core {
            owner: own_pid(),
            side,
            style: plan.style,
            method: plan.method,
            size: plan.size,
            initializer: plan.initializer,
            initargs: plan.initargs,
            most_tasks: plan.most_tasks,
            state: LeafLock::new(State {
                phase: Phase::Run,
                workers: Vec::new(),
                out: Outstanding::default(),
                held: VecDeque::new(),
                streams: Vec::new(),
                broken: None,
                barren: 0,
                drained: false,
            }),
            collecting: AtomicBool::new(false),
            under_way: AtomicU32::new(0),
            changed: AtomicU32::new(0),
            waiting: AtomicU32::new(0),
            collector: Sleepers::new(),
            spare: LeafLock::new(Message::default()),
            rung: AtomicU32::new(child_bell::count()),
            helper: Helper::default(),
            helper_name: plan.helper_name,
            place: plan.place,
            told: AtomicBool::new(false),
        })
    }

    /// What it shares with worker processes; `None` for a pool of threads.
    pub fn shared(&self) -> Option<&Shared> {
        match &self.side {
            Side::Processes(shared) => Some(shared),
            Side::Threads(_) => None,
        }
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
        work: Work<'_>,
    ) -> Outcome<()> {
        let broken = self.state.lock().broken.clone();
        if let Some(broken) = broken {
            self.fail_as_broken(cx, job, broken);
            return Ok(());
        }
        let mut task = Task {
            job: job.clone(),
            part,
            function: work.function.clone(),
            care: None,
        };
        let shared = match &self.side {
            Side::Processes(shared) => shared,
            Side::Threads(crew) => {
                let added = {
                    let mut state = self.state.lock();
                    // As in `put`.
                    match state.broken.clone() {
                        Some(broken) => Err(broken),
                        None => Ok(state.out.add(task)),
                    }
                };
                match added {
                    Ok(number) => crew.put(number, work.to_value(), work.mode),
                    Err(broken) => self.fail_as_broken(cx, job, broken),
                }
                return Ok(());
            }
        };
        let subject = match work.mode {
            mode::APPLY => message::Subject::Call,
            _ => message::Subject::Items,
        };
        let encoded = message::encode_parts(cx, work.parts(), shared.receiver, subject);
        let mut message = match encoded {
            Ok((bytes, handles)) => Parcel { bytes, handles },
            Err(raised) => match raised.exception().cloned() {
                Some(exception) => {
                    job.fail(cx, self, part, Value::Instance(exception));
                    return Ok(());
                }
                None => return Err(raised),
            },
        };
        let mut flags = 0;
        if let Some(limit) = work.limit {
            let nanoseconds = (limit.max(0.0) * 1e9).clamp(1.0, 9e18) as u64;
            message.bytes.extend_from_slice(&nanoseconds.to_le_bytes());
            flags |= mode::LIMITED;
        }
        if self.style == Style::Executor {
            flags |= mode::FUTURE;
        }
        message.bytes.push(work.mode | flags);
        // That of an executor may have to be put in again because its word was used for another.
        if work.retries > 0 || work.limit.is_some() || self.style == Style::Executor {
            task.care = Some(Box::new(Care {
                retries: work.retries,
                message: message.clone(),
                limit: work.limit,
            }));
        }
        self.put(cx, shared, message, task)
    }

    fn fail_as_broken(
        self: &Arc<Core>,
        cx: &mut Context,
        job: &Arc<Job>,
        (error, cause): (Value, Arc<Job>),
    ) {
        job.fail_with_pool(cx, self, &cause, &error);
    }

    /// Puts the message of a task in.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn put(
        self: &Arc<Core>,
        cx: &mut Context,
        shared: &Shared,
        message: Parcel,
        task: Task,
    ) -> Outcome<()> {
        let mut state = self.state.lock();
        // Whoever breaks the pool fails what is out by then, so nothing may be added later.
        if let Some(broken) = state.broken.clone() {
            drop(state);
            self.fail_as_broken(cx, &task.job, broken);
            return Ok(());
        }
        if self.style == Style::Executor {
            state.held.push_back(Held { message, task });
            let put = self.put_held(cx, &mut state);
            drop(state);
            return put.map_err(refused);
        }
        // Before it can be answered.
        let number = state.out.add(task);
        let put = message.put_into(cx, &shared.tasks);
        let back = match put {
            Ok(()) => None,
            Err(_) => state.out.take_back(number),
        };
        drop(state);
        drop(back);
        put.map_err(refused)
    }

    /// Of an executor: puts in what there is room for.
    fn put_held(&self, cx: &mut Context, state: &mut State) -> Result<(), QueueError> {
        let Some(shared) = self.shared() else {
            return Ok(());
        };
        while let Some(held) = state.held.pop_front() {
            let number = state.out.last() + 1;
            if number.saturating_sub(shared.tasks.taken()) >= MOST_CLAIMS {
                state.held.push_front(held);
                break;
            }
            if let Some(word) = shared.claim(number) {
                word.store(number << 2 | claim::OPEN, Ordering::Release);
            }
            let Held { message, task } = held;
            task.job.set_number(number);
            state.out.add(task);
            if let Err(error) = message.put_into(cx, &shared.tasks) {
                let back = state.out.take_back(number);
                if let Some(task) = back {
                    task.job.set_number(0);
                    state.held.push_front(Held { message, task });
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Of an executor: puts in what there is room for now.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn feed_held(&self, cx: &mut Context) -> Outcome<()> {
        if self.style != Style::Executor {
            return Ok(());
        }
        let fed = {
            let mut state = self.state.lock();
            match state.held.is_empty() {
                true => Ok(()),
                false => self.put_held(cx, &mut state),
            }
        };
        self.drain_if_closed();
        fed.map_err(refused)
    }

    /// Tells those who wait that something has changed.
    pub fn announce(&self) {
        self.changed.fetch_add(1, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            futex::wake_all(&self.changed, false);
        }
        self.collector.wake_some(1);
    }

    /// The process objects of the workers.
    pub fn processes(&self, cx: &Context) -> Vec<Value> {
        let children = self.children();
        processes(cx)
            .living_children(cx)
            .into_iter()
            .filter(|object| {
                ProcessObject::of(object)
                    .and_then(ProcessObject::child)
                    .is_some_and(|child| children.contains(&child))
            })
            .collect()
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
            let has_retries = |task: &Task| task.care.as_ref().is_some_and(|care| care.retries > 0);
            !state.drained
                && state.phase != Phase::Run
                && state.streams.is_empty()
                && state.held.is_empty()
                // One whose worker dies comes once more.
                && !state.out.iter().any(has_retries)
                && !std::mem::replace(&mut state.drained, true)
        };
        if close {
            match &self.side {
                Side::Processes(shared) => shared.tasks.close(false),
                Side::Threads(crew) => crew.close(),
            }
        }
    }
}

impl Drop for Core {
    /// A pool that nobody can reach any more needs no workers.
    fn drop(&mut self) {
        if self.owner != own_pid() {
            return;
        }
        match &self.side {
            Side::Threads(crew) => crew.close(),
            Side::Processes(_) => child_bell::unwatch(),
        }
        self.tell_undone();
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

/// What `put` says of a queue that takes nothing.
#[cold]
fn refused(error: QueueError) -> Raised {
    match error {
        QueueError::Closed => value_error("Pool not running"),
        QueueError::Memory(error) => from_arena(error),
        error => runtime_error(error.to_string()),
    }
}

/// The work of a task.
pub struct Work<'a> {
    /// What is called.
    pub function: &'a Value,
    /// With what, as the mode says.
    pub rest: &'a [Value],
    /// How.
    pub mode: u8,
    /// How often it is run again if its worker dies.
    pub retries: u64,
    /// How many seconds it may take.
    pub limit: Option<f64>,
}

impl<'a> Work<'a> {
    /// Without limits.
    pub fn new(function: &'a Value, rest: &'a [Value], mode: u8) -> Self {
        Work {
            function,
            rest,
            mode,
            retries: 0,
            limit: None,
        }
    }

    /// What a worker needs, in the order in which it gets it.
    fn parts(&self) -> impl ExactSizeIterator<Item = &'a Value> {
        let (function, rest) = (self.function, self.rest);
        (0..1 + rest.len()).map(move |place| match place {
            0 => function,
            place => &rest[place - 1],
        })
    }

    fn to_value(&self) -> Value {
        Value::tuple(self.parts().cloned().collect())
    }
}
