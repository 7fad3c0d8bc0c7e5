//! Which process of the tree this one is, for scripts: its own object, its parent's, the children
//! it started. One per session, and put right in each child.

use std::sync::{Arc, Weak};

use super::pool::{Core, Job};
use super::process::{ProcessObject, class, make_main};
use crate::eval::context::Context;
use crate::eval::extensions::Part;
use crate::runtime::leaf_lock::LeafLock;
use crate::value::Value;
use crate::value::exception::Raised;
use crate::value::instance::Instance;
use crate::value::name::Name;
use crate::value::object::Ref;

/// A way to start processes. All of them fork here: a child always goes on with a copy of what its parent had, and no
/// main guard is needed. What differs is what processes are called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// `fork`.
    Fork,
    /// `spawn`.
    Spawn,
    /// `forkserver`.
    ForkServer,
}

impl Method {
    /// All of them.
    pub const ALL: [Method; 3] = [Method::Fork, Method::Spawn, Method::ForkServer];

    /// As scripts name it.
    pub fn name(self) -> &'static str {
        match self {
            Method::Fork => "fork",
            Method::Spawn => "spawn",
            Method::ForkServer => "forkserver",
        }
    }

    /// What the names of its classes begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            Method::Fork => "Fork",
            Method::Spawn => "Spawn",
            Method::ForkServer => "ForkServer",
        }
    }

    /// The one of this name.
    pub fn of(name: &str) -> Option<Method> {
        Method::ALL.into_iter().find(|method| method.name() == name)
    }

    /// That of the context which a process object is of.
    pub fn of_process(object: &Value) -> Option<Method> {
        let classes = class();
        let of = object.as_instance()?.class();
        [
            (&classes.fork, Method::Fork),
            (&classes.spawn, Method::Spawn),
            (&classes.fork_server, Method::ForkServer),
        ]
        .into_iter()
        .find_map(|(class, method)| of.derives_from(class).then_some(method))
    }

    /// That of a context, as one is given to a pool; the session's without one.
    pub fn of_context(cx: &Context, context: Option<&Value>) -> Method {
        context
            .and_then(Value::as_instance)
            .and_then(|context| context.class().lookup(Name::new("_name")))
            .and_then(|name| Method::of(name.as_str()?))
            .unwrap_or_else(|| processes(cx).settle_start_method())
    }
}

/// What a session knows of processes.
#[derive(Default)]
pub struct Processes {
    inner: LeafLock<Inner>,
}

#[derive(Default)]
struct Inner {
    current: Option<Value>,
    parent: Parent,
    /// How many process objects were made by this process.
    made: u64,
    /// The objects of started children that have not been seen to end.
    children: Vec<Value>,
    /// Whose names new processes have, once it was chosen.
    start_method: Option<Method>,
    /// The pools of this process.
    pools: Vec<Weak<Core>>,
    /// Pools whose tasks are done before the program ends, though nobody may refer to them.
    kept: Vec<Arc<Core>>,
    /// Tasks that failed, perhaps without anybody having looked.
    failed_jobs: Vec<Arc<Job>>,
}

/// What a process knows of the one that started it.
#[derive(Default)]
enum Parent {
    /// It is the main process.
    #[default]
    None,
    /// Nothing yet but what this process's own object says. Most children never ask, and to make the
    /// object costs a child pages of its own.
    Unasked,
    /// The object by which this process knows it.
    Known(Value),
}

/// So many failed tasks are remembered before those that were looked at are forgotten.
const MANY_FAILURES: usize = 1024;

/// The session's processes.
pub fn processes(cx: &Context) -> Part<Processes> {
    cx.session.extensions.get::<Processes>()
}

impl Processes {
    /// The object of this process.
    pub fn current(&self) -> Value {
        if let Some(current) = self.inner.lock().current.clone() {
            return current;
        }
        let made = make_main();
        self.inner.lock().current.get_or_insert(made).clone()
    }

    /// The object of the process that started this one; `None` in the main process.
    pub fn parent(&self) -> Value {
        match &self.inner.lock().parent {
            Parent::None => return Value::None,
            Parent::Known(known) => return known.clone(),
            Parent::Unasked => {}
        }
        let made = class().parent_of(&self.current());
        let mut inner = self.inner.lock();
        if let Parent::Known(known) = &inner.parent {
            // Another thread was faster: there is one such object.
            let known = known.clone();
            drop(inner);
            return known;
        }
        let before = std::mem::replace(&mut inner.parent, Parent::Known(made.clone()));
        drop(inner);
        drop(before);
        made
    }

    /// The number of the next process object.
    pub fn next_number(&self) -> u64 {
        let mut inner = self.inner.lock();
        inner.made += 1;
        inner.made
    }

    /// Adds a started child.
    pub fn add_child(&self, child: Value) {
        self.inner.lock().children.push(child);
    }

    /// Takes out a child that has been seen to end.
    pub fn remove_child(&self, child: &Ref<Instance>) {
        let removed = {
            let mut inner = self.inner.lock();
            let place = inner.children.iter().position(
                |known| matches!(known, Value::Instance(instance) if instance.same(child)),
            );
            place.map(|place| inner.children.remove(place))
        };
        drop(removed);
    }

    /// The children that this process started and that have not ended; those that have are
    /// forgotten.
    pub fn living_children(&self, cx: &Context) -> Vec<Value> {
        let all = self.inner.lock().children.clone();
        let mut living = Vec::new();
        for child in all {
            let Some(instance) = child.as_instance() else {
                continue;
            };
            let ended = match instance.native::<ProcessObject>() {
                Some(process) if process.is_own_child() => {
                    let ended = !process.poll_alive();
                    if ended {
                        process.settle(cx);
                    }
                    ended
                }
                _ => true,
            };
            if ended {
                self.remove_child(instance);
            } else {
                living.push(child);
            }
        }
        living
    }

    /// Notes a pool, whose answers are entered at the end of the program.
    pub fn add_pool(&self, core: &Arc<Core>) {
        let mut inner = self.inner.lock();
        inner.pools.retain(|pool| pool.strong_count() > 0);
        inner.pools.push(Arc::downgrade(core));
    }

    /// The pools that exist.
    pub fn pools(&self) -> Vec<Arc<Core>> {
        let inner = self.inner.lock();
        inner.pools.iter().filter_map(Weak::upgrade).collect()
    }

    /// Notes a pool whose tasks are to be done before the program ends.
    pub fn keep_pool(&self, core: &Arc<Core>) {
        let mut inner = self.inner.lock();
        inner.kept.push(core.clone());
        let (kept, done): (Vec<_>, Vec<_>) = std::mem::take(&mut inner.kept)
            .into_iter()
            .partition(|core| !core.has_ended());
        inner.kept = kept;
        drop(inner);
        drop(done);
    }

    /// The pools whose tasks are to be done before the program ends.
    pub fn take_kept_pools(&self) -> Vec<Arc<Core>> {
        std::mem::take(&mut self.inner.lock().kept)
    }

    /// Notes a task that failed.
    pub fn note_failed_job(&self, job: Arc<Job>) {
        let mut seen = Vec::new();
        let mut inner = self.inner.lock();
        inner.failed_jobs.push(job);
        if inner.failed_jobs.len() >= MANY_FAILURES {
            let jobs = std::mem::take(&mut inner.failed_jobs);
            let (unseen, observed): (Vec<_>, Vec<_>) = jobs
                .into_iter()
                .partition(|job| job.unseen_error().is_some());
            inner.failed_jobs = unseen;
            seen = observed;
        }
        drop(inner);
        drop(seen);
    }

    /// The errors of tasks that nobody has looked at; they are given once.
    pub fn take_unseen_errors(&self) -> Vec<(String, Raised)> {
        let jobs = std::mem::take(&mut self.inner.lock().failed_jobs);
        let errors = jobs.iter();
        errors
            .filter_map(|job| Some((job.name(), job.unseen_error()?)))
            .collect()
    }

    /// In a child: it has become the process that `object` stands for.
    pub fn enter_child(&self, object: &Value) {
        let mut children = Vec::new();
        let (current, old) = {
            let mut inner = self.inner.lock();
            inner.made = 0;
            // A child of a context goes on with its start method.
            inner.start_method = Method::of_process(object).or(inner.start_method);
            // Its memory stays: to free that would write to the page it is on.
            children.append(&mut inner.children);
            let current = inner.current.replace(object.clone());
            let old = (
                std::mem::replace(&mut inner.parent, Parent::Unasked),
                std::mem::take(&mut inner.pools),
                std::mem::take(&mut inner.kept),
                std::mem::take(&mut inner.failed_jobs),
            );
            (current, old)
        };
        drop((old, children));
        // The object of the parent is the parent's: calls of it that never go on here hold it as well, or, in the main
        // process, mostly nobody has seen it. To free it would copy all pages that it and its neighbours are on. What
        // it names in shared memory is let go of at the process's end.
        std::mem::forget(current);
    }

    /// The start method that was chosen, if one was.
    pub fn chosen_start_method(&self) -> Option<Method> {
        self.inner.lock().start_method
    }

    /// The start method whose names new processes have.
    pub fn start_method(&self) -> Method {
        self.chosen_start_method().unwrap_or(Method::Fork)
    }

    /// The start method of what is about to be made: from now on it is chosen, and only by force another.
    pub fn settle_start_method(&self) -> Method {
        *self.inner.lock().start_method.get_or_insert(Method::Fork)
    }

    /// Chooses the start method; false if one was chosen before. None means the choice is open again.
    pub fn choose_start_method(&self, method: Option<Method>, force: bool) -> bool {
        let mut inner = self.inner.lock();
        if inner.start_method.is_some() && !force {
            return false;
        }
        inner.start_method = method;
        true
    }
}
