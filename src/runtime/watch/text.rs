//! Waits and deadlocks in words. It must not know how they are found.

use super::super::blocking::{Reason, ReasonKind, Scope};
use super::super::shared_lock;
use super::super::slot::{self, SlotId};
use super::super::thread::{self, ThreadId};
use super::Entry;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

/// A place in a script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlaceText {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What stands there.
    pub text: String,
}

type Places = fn(u64) -> Option<PlaceText>;

static PLACES: OnceLock<Places> = OnceLock::new();

/// Says how numbers of places become words. The first one that is given counts.
pub fn set_places(places: Places) {
    let _ = PLACES.set(places);
}

/// A place in words.
pub fn place(number: u64) -> Option<PlaceText> {
    if number == 0 {
        return None;
    }
    PLACES.get()?(number)
}

/// Who has what is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Holder {
    /// The tag of the process; `None` for this one.
    pub process: Option<u32>,
    /// The thread's number.
    pub thread: u64,
    /// Where it took it.
    pub place: u64,
}

/// Who holds a lock that is waited for, as far as that makes a difference to what is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Held {
    /// Another thread, or nobody knows.
    Otherwise = 0,
    /// The one who waits.
    ByItself = 1,
    /// A thread that has ended.
    ByTheGone = 2,
}

impl Held {
    /// From its number, as another process wrote it.
    pub(super) fn from_text(text: &str) -> Held {
        match text {
            "1" => Held::ByItself,
            "2" => Held::ByTheGone,
            _ => Held::Otherwise,
        }
    }
}

/// Whether the holder is a thread of this process that has ended.
pub(super) fn is_over(holder: &Holder) -> bool {
    holder.process.is_none()
        && ThreadId::from_number(holder.thread).is_none_or(|id| thread::find(id).is_none())
}

/// Who holds the lock that an entry waits for.
///
/// # Safety
/// The entry is in the registry, whose lock is held, or it is of the calling thread and the wait goes on.
pub(super) unsafe fn holder_of(entry: &Entry) -> Option<Holder> {
    let reason = &entry.reason;
    if let Some(words) = reason.holder {
        // SAFETY: by contract.
        let (owner, place) = unsafe { (&*words.owner, &*words.place) };
        let owner = owner.load(Ordering::Relaxed);
        return (owner != 0).then(|| Holder {
            process: None,
            thread: owner,
            place: place.load(Ordering::Relaxed),
        });
    }
    let is_lock = matches!(reason.kind, ReasonKind::Lock | ReasonKind::ReentrantLock);
    if is_lock && reason.scope == Scope::Shared {
        return shared_lock::holder(reason.object).map(|(tag, thread, place)| Holder {
            process: (tag != slot::my_tag()).then_some(tag),
            thread,
            place,
        });
    }
    None
}

fn process_text(tag: u32) -> String {
    match SlotId::from_tag(tag).and_then(slot::info) {
        Some(info) if info.pid != 0 => format!("process `{}` (pid {})", info.name, info.pid),
        Some(info) => format!("process `{}`", info.name),
        None => "another process".to_owned(),
    }
}

fn thread_text(id: u64) -> String {
    let known = ThreadId::from_number(id);
    let name = known.and_then(|id| match thread::find(id) {
        Some(thread) => Some(thread.name()),
        None => thread::vanished_name(id),
    });
    match name {
        Some(name) => format!("thread `{name}`"),
        None => "a thread that has ended".to_owned(),
    }
}

fn holder_text(holder: &Holder, waiter: Option<ThreadId>) -> String {
    let at = match place(holder.place) {
        Some(place) => format!(" at {}:{}", place.file, place.line),
        None => String::new(),
    };
    let is_self = holder.process.is_none() && waiter.map(ThreadId::get) == Some(holder.thread);
    match holder.process {
        _ if is_self => format!(" that it took itself{at}"),
        None => format!(" that {} took{at}", thread_text(holder.thread)),
        Some(tag) => format!(" that {} took{at}", process_text(tag)),
    }
}

/// What a thread waits for that has asked another one to do something.
pub(super) const ASKED: &str = "an answer of a manager";

/// What a thread waits for.
pub(super) fn what(reason: &Reason, holder: Option<&Holder>, waiter: Option<ThreadId>) -> String {
    let held = || holder.map_or(String::new(), |holder| holder_text(holder, waiter));
    match reason.kind {
        ReasonKind::Sleep => "time to pass".to_owned(),
        ReasonKind::ThreadJoin => format!("the end of {}", thread_text(reason.object)),
        ReasonKind::ProcessJoin => match reason.children[..] {
            [tag] if tag != 0 => format!("the end of {}", process_text(tag)),
            _ if reason.object != 0 => format!("the end of process {}", reason.object),
            _ => "the end of a child process".to_owned(),
        },
        ReasonKind::Lock => format!("a lock{}", held()),
        ReasonKind::ReentrantLock => format!("a re-entrant lock{}", held()),
        ReasonKind::Condition => "a condition to be notified".to_owned(),
        ReasonKind::Semaphore => "a unit of a semaphore".to_owned(),
        ReasonKind::Event => "an event to be set".to_owned(),
        ReasonKind::Barrier => "more threads to come to a barrier".to_owned(),
        ReasonKind::QueueGet => "an item in an empty queue".to_owned(),
        ReasonKind::QueuePut => "room in a full queue".to_owned(),
        ReasonKind::QueueJoin => "task_done() for every item of a queue".to_owned(),
        ReasonKind::Result => "the result of a task".to_owned(),
        ReasonKind::Manager => "an answer of a manager".to_owned(),
        ReasonKind::Read => "something to read".to_owned(),
        ReasonKind::Write => "somebody to read what it writes".to_owned(),
        ReasonKind::Other(text) => text.to_owned(),
    }
}

/// What to do about a wait that was in vain.
fn help(kind: ReasonKind, held: Held) -> Option<&'static str> {
    Some(match kind {
        ReasonKind::Lock if held == Held::ByItself => {
            "a Lock cannot be taken twice by one thread; an RLock can"
        }
        ReasonKind::Lock | ReasonKind::ReentrantLock if held == Held::ByTheGone => {
            "who took the lock ended without releasing it: `with lock:` releases it whatever happens"
        }
        ReasonKind::Lock | ReasonKind::ReentrantLock => {
            "take several locks in the same order everywhere, or give up in time: acquire(timeout=...)"
        }
        ReasonKind::Condition => {
            "a notification that comes before wait() is lost: use wait_for(), which looks first"
        }
        ReasonKind::Semaphore => "give every unit back: `with semaphore:` does",
        ReasonKind::Event => "somebody has to call set(), also when something fails before",
        ReasonKind::Barrier => "as many threads have to wait() as the barrier has parties",
        ReasonKind::QueueGet => {
            "put an end mark, such as None, for each consumer, or give up in time: get(timeout=...)"
        }
        ReasonKind::QueuePut => "somebody has to get() what is in, or the queue needs more room",
        ReasonKind::QueueJoin => "call task_done() once for each item that get() gave",
        ReasonKind::Result => {
            "a task that waits for others of its own pool needs a worker more; use another pool"
        }
        ReasonKind::Read => {
            "close the ends of a pipe that are not used: then the reader sees its end"
        }
        ReasonKind::Write => "somebody has to read from the pipe while it is written to",
        _ => return None,
    })
}

/// One thread of a report.
pub(super) struct Line {
    pub process: String,
    pub thread: String,
    pub kind: ReasonKind,
    pub what: String,
    pub held: Held,
    pub place: Option<PlaceText>,
    /// Of a wait at an end of a pipe: who has the other one.
    pub other_end: String,
}

/// Who has the other end of a pipe, for the line of a thread of the process `own`. A forgotten end is
/// nearly always one that a fork has copied, so the process itself matters as much as others.
pub(super) fn other_end(holders: &[u32], own: u32) -> String {
    let others = holders.iter().filter(|&&tag| tag != own);
    let mut names: Vec<String> = others.map(|&tag| process_heading(tag)).collect();
    let is_own = names.len() < holders.len();
    if is_own {
        names.push(match names.is_empty() {
            true => "this process alone".to_owned(),
            false => "this process".to_owned(),
        });
    }
    // More would hide the point.
    const MOST: usize = 4;
    if names.len() > MOST {
        let more = names.len() - MOST;
        names.drain(MOST - usize::from(is_own)..names.len() - usize::from(is_own));
        names.push(format!("{more} more"));
    }
    let last = names.pop().unwrap_or_default();
    match names.is_empty() {
        true => format!("; the other end is open in {last}"),
        false => format!("; the other end is open in {} and {last}", names.join(", ")),
    }
}

/// The name of a process with its number.
pub(super) fn process_heading(tag: u32) -> String {
    if tag == slot::my_tag() && slot::current().is_none() || tag == 0 {
        return format!("process `MainProcess` (pid {})", std::process::id());
    }
    process_text(tag)
}

fn listed(lines: &[Line]) -> String {
    let mut out = String::new();
    let mut process = None;
    for line in lines {
        if process != Some(&line.process) {
            process = Some(&line.process);
            out.push_str(&format!("  {}\n", line.process));
        }
        let at = match &line.place {
            Some(place) => format!(", {}:{}", place.file, place.line),
            None => String::new(),
        };
        out.push_str(&format!(
            "    thread `{}`{at}: waits for {}{}\n",
            line.thread, line.what, line.other_end
        ));
        if let Some(place) = line.place.as_ref().filter(|place| !place.text.is_empty()) {
            out.push_str(&format!("        {}\n", place.text));
        }
    }
    let mut helps: Vec<&str> = Vec::new();
    let results = lines.iter().filter(|line| line.kind == ReasonKind::Result);
    let is_nested = results.count() > 1;
    for line in lines {
        if line.kind == ReasonKind::Result && !is_nested {
            continue;
        }
        if let Some(help) = help(line.kind, line.held)
            && !helps.contains(&help)
        {
            helps.push(help);
        }
    }
    // More than two would be a lecture.
    for help in helps.iter().take(2) {
        out.push_str(&format!("  help: {help}\n"));
    }
    out.truncate(out.trim_end().len());
    out
}

/// The report of a deadlock.
pub(super) fn report(lines: &[Line]) -> String {
    let head = match lines {
        [_] => "deadlock: a thread waits, and nothing is left that could wake it".to_owned(),
        lines => format!(
            "deadlock: {} threads wait, and nothing is left that could wake one of them",
            lines.len()
        ),
    };
    format!("{head}\n{}", listed(lines))
}

/// What is said of a circle while others run.
pub(super) fn warning(lines: &[Line]) -> String {
    let head = match lines {
        [_] => "this thread waits for itself; only another thread could release what it waits for",
        _ => {
            "these threads wait for each other in a circle; only another thread could release what \
             they wait for"
        }
    };
    format!("{head}\n{}", listed(lines))
}
