//! What processes tell each other of their waiting threads: in shared memory, one entry a thread and a
//! few words a process. It must not know how verdicts are found.
//!
//! A process counts the changes of its registry. When all its threads wait and none of their conditions
//! is true, it writes down what each one waits for, and then the count: as long as the two agree, nothing
//! has happened in it since.

use super::super::arena::{self, Arena, Offset};
use super::super::clock::Deadline;
use super::super::futex;
use super::super::shared_barrier;
use super::super::shared_event;
use super::super::shared_lock;
use super::super::shared_queue_sides::queue_head;
use super::super::shared_semaphore;
use super::super::slot::{self, SlotId, my_tag};
use super::super::thread::ThreadHandle;
use super::super::{handle, shared_object};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// Words of an entry that say what its thread waits for, by position.
pub(super) mod field {
    pub const THREAD: usize = 0;
    /// How it can be woken: a [`super::mode`].
    pub const MODE: usize = 1;
    pub const A: usize = 2;
    pub const B: usize = 3;
    /// Number of the reason's kind, and 256 if it serves others.
    pub const KIND: usize = 4;
    pub const OBJECT: usize = 5;
    pub const WORD: usize = 6;
    pub const EXPECTED: usize = 7;
    pub const SINCE: usize = 8;
    pub const LOOKED: usize = 9;
    /// How many children its process knows of.
    pub const CHILDREN: usize = 10;
    /// The peers of a wait for several descriptors, two words each.
    pub const PEERS: usize = 11;
    pub const COUNT: usize = PEERS + 2 * super::MOST_PEERS;
}

/// A wait for more descriptors than this is taken for one that anybody may end.
pub(super) const MOST_PEERS: usize = 8;

/// How a wait can end.
pub(super) mod mode {
    pub const ANYTHING: u64 = 0;
    /// By thread B of process A.
    pub const THREAD: u64 = 1;
    /// By any thread of its own process.
    pub const OWN: u64 = 2;
    /// By whoever has a handle to the object A.
    pub const OBJECT: u64 = 3;
    /// By the end of process A.
    pub const CHILD: u64 = 4;
    /// By the end of any child.
    pub const CHILDREN: u64 = 5;
    /// By whoever has the peer A, B.
    pub const PEER: u64 = 6;
    /// By whoever has one of the A peers that [`super::field::PEERS`] says.
    pub const PEERS: u64 = 7;
}

const TEXT_WORDS: usize = 48;

/// One waiting thread.
#[repr(C, align(64))]
struct SharedEntry {
    /// The tag of the process; 0 for nobody.
    owner: AtomicU32,
    /// Changes with every verdict; its thread sleeps on it too.
    word: AtomicU32,
    /// Odd while it is written.
    sequence: AtomicU64,
    /// Which writing a verdict is about.
    verdict: AtomicU64,
    fields: [AtomicU64; field::COUNT],
    text_length: AtomicU64,
    text: [AtomicU64; TEXT_WORDS],
}

/// Bytes of one entry.
pub(crate) const ENTRY_SIZE: u64 = size_of::<SharedEntry>() as u64;

/// The words of a process; part of its slot.
#[repr(C)]
pub(crate) struct ProcessWords {
    /// Counts the changes of its registry.
    epoch: AtomicU64,
    /// The epoch for which its entries are written: then all its threads wait.
    quiet: AtomicU64,
}

impl ProcessWords {
    /// As in a slot that nobody has.
    pub(crate) fn reset(&self) {
        self.quiet.store(0, Ordering::SeqCst);
        self.epoch.store(1, Ordering::SeqCst);
    }
}

fn own_words() -> Option<&'static ProcessWords> {
    let (arena, id) = (arena::existing()?, slot::current()?);
    Some(&slot::slot(arena, id).watch)
}

/// The registry has changed. Its lock is held.
pub(super) fn bump() {
    if let Some(words) = own_words() {
        words.epoch.fetch_add(1, Ordering::SeqCst);
    }
}

/// The number of changes so far.
pub(super) fn epoch() -> u64 {
    own_words().map_or(0, |words| words.epoch.load(Ordering::SeqCst))
}

/// Whether this process has shared memory with nobody.
pub(super) fn is_alone() -> bool {
    match arena::existing() {
        None => true,
        Some(arena) => arena.header().slots_used.load(Ordering::Acquire) <= 2,
    }
}

fn entry_at(arena: &Arena, index: u64) -> &'static SharedEntry {
    let place = arena.header().waits_at.load(Ordering::Relaxed) + index * ENTRY_SIZE;
    // SAFETY: indices below `waits_used` are real; an entry is atomics only.
    unsafe { arena.at(place) }
}

/// An entry for a thread of this process, if there is shared memory and room.
pub(super) fn claim(thread: &ThreadHandle) -> Option<u64> {
    let (arena, id) = (arena::existing()?, slot::current()?);
    let header = arena.header();
    let take = |index: u64, owner: u32| {
        let entry = entry_at(arena, index);
        let taken = entry
            .owner
            .compare_exchange(owner, id.tag(), Ordering::SeqCst, Ordering::Relaxed)
            .is_ok();
        if taken {
            // What a dead owner was writing, it will not finish.
            let sequence = entry.sequence.load(Ordering::SeqCst);
            entry
                .sequence
                .store((sequence | 1).wrapping_add(1), Ordering::SeqCst);
        }
        taken
    };
    let used = header.waits_used.load(Ordering::SeqCst);
    if let Some(hint) = thread.wait_hint()
        && hint < used
        && take(hint, 0)
    {
        return Some(hint);
    }
    for index in 0..used {
        let owner = entry_at(arena, index).owner.load(Ordering::SeqCst);
        if owner == 0 && take(index, 0) {
            return Some(index);
        }
    }
    // Before more memory is used: those of the dead.
    for index in 0..used {
        let owner = entry_at(arena, index).owner.load(Ordering::SeqCst);
        let dead = SlotId::from_tag(owner).is_some_and(|owner| !slot::is_alive(owner));
        if dead && take(index, owner) {
            return Some(index);
        }
    }
    loop {
        let used = header.waits_used.load(Ordering::SeqCst);
        if used >= header.waits_count.load(Ordering::Relaxed) {
            return None;
        }
        let needed = ((used + 1) * ENTRY_SIZE).next_multiple_of(4096);
        let real = header.waits_backed.load(Ordering::SeqCst);
        if needed > real {
            let start = header.waits_at.load(Ordering::Relaxed);
            arena.back(start + real, needed - real).ok()?;
            header.waits_backed.fetch_max(needed, Ordering::SeqCst);
        }
        let _ =
            header
                .waits_used
                .compare_exchange(used, used + 1, Ordering::SeqCst, Ordering::SeqCst);
        if take(used, 0) {
            return Some(used);
        }
    }
}

/// Gives an entry back.
pub(super) fn give_back(thread: &ThreadHandle, index: u64) {
    let Some(arena) = arena::existing() else {
        return;
    };
    let entry = entry_at(arena, index);
    // Void for whoever has read it.
    entry.sequence.fetch_add(2, Ordering::SeqCst);
    entry.owner.store(0, Ordering::SeqCst);
    thread.set_wait_hint(index);
}

/// The word on which its thread sleeps too.
pub(super) fn word(index: u64) -> Option<(&'static AtomicU32, u32)> {
    let word = &entry_at(arena::existing()?, index).word;
    Some((word, word.load(Ordering::SeqCst)))
}

/// What was written for this process's own entry, if there is a verdict on it; that is taken.
pub(super) fn take_verdict(index: u64) -> Option<Remote> {
    let arena = arena::existing()?;
    let entry = entry_at(arena, index);
    let verdict = entry.verdict.load(Ordering::SeqCst);
    let is_told = verdict != 0
        && verdict == entry.sequence.load(Ordering::SeqCst)
        && entry.verdict.swap(0, Ordering::SeqCst) == verdict;
    is_told.then(|| read(arena, index, my_tag())).flatten()
}

/// What is written of a thread.
pub(super) struct Writing {
    pub index: u64,
    pub fields: [u64; field::COUNT],
    pub text: String,
}

/// Writes down what the threads of this process wait for, and that they all do, as of `epoch`. The
/// registry's lock is held, and the registry is as it was then.
pub(super) fn publish(writings: &[Writing], epoch: u64) {
    let (Some(arena), Some(words)) = (arena::existing(), own_words()) else {
        return;
    };
    let is_written = words.quiet.load(Ordering::SeqCst) == epoch;
    for writing in writings {
        let entry = entry_at(arena, writing.index);
        if is_written {
            // Nothing has changed but that it was looked at again; the writing keeps its number, for a
            // verdict that may be under way.
            for field in [field::LOOKED, field::CHILDREN] {
                entry.fields[field].store(writing.fields[field], Ordering::SeqCst);
            }
            continue;
        }
        if entry.verdict.load(Ordering::SeqCst) == entry.sequence.load(Ordering::SeqCst) {
            // It is being told.
            continue;
        }
        let sequence = entry.sequence.load(Ordering::SeqCst);
        entry.sequence.store(sequence + 1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        for (word, value) in entry.fields.iter().zip(writing.fields) {
            word.store(value, Ordering::Relaxed);
        }
        let mut end = writing.text.len().min(8 * TEXT_WORDS);
        while !writing.text.is_char_boundary(end) {
            end -= 1;
        }
        let bytes = &writing.text.as_bytes()[..end];
        entry.text_length.store(end as u64, Ordering::Relaxed);
        for (word, chunk) in entry.text.iter().zip(bytes.chunks(8)) {
            let mut eight = [0; 8];
            eight[..chunk.len()].copy_from_slice(chunk);
            word.store(u64::from_ne_bytes(eight), Ordering::Relaxed);
        }
        entry.sequence.store(sequence + 2, Ordering::SeqCst);
    }
    words.quiet.store(epoch, Ordering::SeqCst);
}

/// A thread of another process that waits.
#[derive(Clone)]
pub(super) struct Remote {
    pub process: u32,
    pub index: u64,
    pub sequence: u64,
    pub fields: [u64; field::COUNT],
    pub text: String,
}

/// Another process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Process {
    pub tag: u32,
    pub pid: i32,
    pub parent: u32,
    /// All its threads wait, as of this epoch.
    pub quiet: Option<u64>,
}

/// The other processes that live, and the waiting threads of those that are quiet.
pub(super) fn gather() -> (Vec<Process>, Vec<Remote>) {
    let Some(arena) = arena::existing() else {
        return (Vec::new(), Vec::new());
    };
    let mut processes = Vec::new();
    for id in slot::living() {
        if id.tag() == my_tag() {
            continue;
        }
        let info = slot::info(id);
        let words = &slot::slot(arena, id).watch;
        let quiet = words.quiet.load(Ordering::SeqCst);
        let is_quiet = quiet != 0 && words.epoch.load(Ordering::SeqCst) == quiet;
        processes.push(Process {
            tag: id.tag(),
            pid: info.as_ref().map_or(0, |info| info.pid),
            parent: info
                .and_then(|info| info.parent)
                .map_or(0, |parent| parent.tag()),
            quiet: is_quiet.then_some(quiet),
        });
    }
    let mut waiting = Vec::new();
    if processes.iter().any(|process| process.quiet.is_some()) {
        for index in 0..arena.header().waits_used.load(Ordering::SeqCst) {
            let owner = entry_at(arena, index).owner.load(Ordering::SeqCst);
            let mut others = processes.iter_mut();
            let Some(process) = others.find(|process| process.tag == owner) else {
                continue;
            };
            match read(arena, index, owner) {
                Some(remote) => waiting.push(remote),
                // One of its threads has been told, or is being written about: it is about to run.
                None => process.quiet = None,
            }
        }
    }
    // Nothing may have happened meanwhile.
    for process in &mut processes {
        let now = SlotId::from_tag(process.tag)
            .map(|id| slot::slot(arena, id).watch.epoch.load(Ordering::SeqCst));
        if now != process.quiet {
            process.quiet = None;
        }
    }
    waiting.retain(|remote| {
        let mut own = processes.iter();
        own.any(|process| process.tag == remote.process && process.quiet.is_some())
    });
    (processes, waiting)
}

fn read(arena: &Arena, index: u64, owner: u32) -> Option<Remote> {
    let entry = entry_at(arena, index);
    let sequence = entry.sequence.load(Ordering::SeqCst);
    if sequence & 1 == 1 {
        return None;
    }
    let mut fields = [0; field::COUNT];
    for (value, word) in fields.iter_mut().zip(&entry.fields) {
        *value = word.load(Ordering::Relaxed);
    }
    let length = (entry.text_length.load(Ordering::Relaxed) as usize).min(8 * TEXT_WORDS);
    let mut bytes = Vec::with_capacity(length + 8);
    for word in entry.text.iter().take(length.div_ceil(8)) {
        bytes.extend_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
    }
    bytes.truncate(length);
    fence(Ordering::SeqCst);
    let is_whole = entry.sequence.load(Ordering::SeqCst) == sequence
        && entry.owner.load(Ordering::SeqCst) == owner
        // One that has been told will run.
        && entry.verdict.load(Ordering::SeqCst) != sequence;
    is_whole.then(|| Remote {
        process: owner,
        index,
        sequence,
        fields,
        text: String::from_utf8_lossy(&bytes).into_owned(),
    })
}

/// Puts the verdict on threads of other processes, without waking them yet.
pub(super) fn doom(waiting: &[&Remote]) {
    if let Some(arena) = arena::existing() {
        for remote in waiting {
            let entry = entry_at(arena, remote.index);
            entry.verdict.store(remote.sequence, Ordering::SeqCst);
            entry.word.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Puts one on an entry of this process, as another process would.
#[cfg(test)]
pub(super) fn doom_own(index: u64) {
    let told = read(arena::existing().unwrap(), index, my_tag()).unwrap();
    doom(&[&told]);
    wake(&[&told]);
}

/// Wakes them.
pub(super) fn wake(waiting: &[&Remote]) {
    if let Some(arena) = arena::existing() {
        for remote in waiting {
            futex::wake_all(&entry_at(arena, remote.index).word, true);
        }
    }
}

/// Whether another process has put a verdict on this entry that its thread does not know yet.
pub(super) fn has_verdict(index: u64) -> bool {
    let Some(arena) = arena::existing() else {
        return false;
    };
    let entry = entry_at(arena, index);
    let verdict = entry.verdict.load(Ordering::SeqCst);
    verdict != 0 && verdict == entry.sequence.load(Ordering::SeqCst)
}

/// How many verdicts there have been in the tree of processes, when none is being given: above the tag
/// of the process that gives one. `None` while one does.
pub(super) fn verdicts() -> Option<u64> {
    let Some(arena) = arena::existing() else {
        return Some(0);
    };
    let now = arena.header().verdicts.load(Ordering::SeqCst);
    let is_giving = SlotId::from_tag(now as u32).is_some_and(slot::is_alive);
    (!is_giving).then_some(now)
}

/// Makes this process the one that gives the next verdict; false if another was quicker.
pub(super) fn begin_verdict(before: u64) -> bool {
    let next = ((before >> 32) + 1) << 32;
    arena::existing().is_none_or(|arena| {
        let verdicts = &arena.header().verdicts;
        verdicts
            .compare_exchange(
                before,
                next | u64::from(my_tag()),
                Ordering::SeqCst,
                Ordering::SeqCst,
            )
            .is_ok()
    })
}

/// Everybody has been marked.
pub(super) fn end_verdict() {
    if let Some(arena) = arena::existing() {
        let verdicts = &arena.header().verdicts;
        verdicts.fetch_and(!u64::from(u32::MAX), Ordering::SeqCst);
    }
}

/// Whether a process that may run can reach an object. Only those that are not quiet are asked.
pub(super) fn has_witness_for(object: Offset) -> bool {
    witnesses(|arena, id| handle::names(arena, id, object))
}

/// Whether one is among the processes of which `can_end_it` holds, by number.
pub(super) fn has_witness(can_end_it: impl Fn(i32) -> bool) -> bool {
    witnesses(|_, id| slot::info(id).is_some_and(|info| info.pid != 0 && can_end_it(info.pid)))
}

/// Whether the process of this number is one of the tree, this one included.
pub(super) fn is_known(pid: i32) -> bool {
    let arena = arena::existing();
    let ids = arena.map(|arena| slot::occupied(arena, 1, slot::MOST_SLOTS));
    let mut all = ids.into_iter().flatten();
    all.any(|id| slot::info(id).is_some_and(|info| info.pid == pid) && slot::is_alive(id))
}

/// Whether a process lives and may run.
pub(super) fn is_witness(tag: u32) -> bool {
    witnesses(|_, id| id.tag() == tag)
}

fn witnesses(can_end_it: impl Fn(&Arena, SlotId) -> bool) -> bool {
    let Some(arena) = arena::existing() else {
        return false;
    };
    let runs = |id: SlotId| {
        let words = &slot::slot(arena, id).watch;
        let quiet = words.quiet.load(Ordering::SeqCst);
        quiet == 0 || words.epoch.load(Ordering::SeqCst) != quiet
    };
    slot::occupied(arena, 1, slot::MOST_SLOTS)
        .into_iter()
        .any(|id| {
            id.tag() != my_tag()
                && runs(id)
                && can_end_it(arena, id)
                && slot::is_alive(id)
                // Had it said meanwhile that it waits, it might not have seen that this one does.
                && runs(id)
        })
}

/// When a process last began to look at everything, and came to the end of it.
pub(super) fn looked_at() -> Deadline {
    let arena = arena::existing();
    Deadline::from_nanoseconds(
        arena.map_or(0, |arena| arena.header().looked_at.load(Ordering::SeqCst)),
    )
}

/// This process has looked at everything since `begun`.
pub(super) fn note_look(begun: Deadline) {
    if let Some(arena) = arena::existing() {
        let looked_at = &arena.header().looked_at;
        looked_at.fetch_max(begun.as_nanoseconds(), Ordering::SeqCst);
    }
}

/// Who has a handle to which object.
pub(super) struct Reach {
    /// Tags of the processes that name an object, and how often it is named by any.
    named: HashMap<Offset, (Vec<u32>, u64)>,
}

impl Reach {
    /// Asks all processes, this one included.
    pub(super) fn find(processes: &[Process]) -> Self {
        let mut named: HashMap<Offset, (Vec<u32>, u64)> = HashMap::new();
        let Some(arena) = arena::existing() else {
            return Self { named };
        };
        let tags = processes.iter().map(|process| process.tag);
        for tag in tags.chain([my_tag()]) {
            let Some(id) = SlotId::from_tag(tag) else {
                continue;
            };
            for object in handle::objects(arena, id) {
                let (tags, count) = named.entry(object).or_default();
                *count += 1;
                // One process after the other.
                if tags.last() != Some(&tag) {
                    tags.push(tag);
                }
            }
        }
        // What the dead named is counted until somebody clears it away; they do nothing with it.
        for id in slot::occupied(arena, 1, slot::MOST_SLOTS) {
            let lives = |process: &Process| process.tag == id.tag();
            if id.tag() != my_tag() && !processes.iter().any(lives) && !slot::is_alive(id) {
                for object in handle::objects(arena, id) {
                    named.entry(object).or_default().1 += 1;
                }
            }
        }
        // A condition keeps its lock.
        let conditions: Vec<Offset> = named.keys().copied().collect();
        for object in conditions {
            if shared_object::kind(arena, object) == shared_object::Kind::Condition {
                let lock = super::super::shared_condition::lock_of(object);
                if let Some((_, count)) = named.get_mut(&lock) {
                    *count += 1;
                }
            }
        }
        Self { named }
    }

    /// The processes that can reach an object; `None` if something else may: a message under way.
    pub(super) fn of(&self, object: Offset) -> Option<Vec<u32>> {
        let (tags, count) = self.named.get(&object)?;
        (handle::references(object) == *count).then(|| tags.clone())
    }
}

/// Whether a wait for a shared object is not over, judged by the object itself. `kind` is the number of
/// the reason's kind.
pub(super) fn is_in_vain(kind: u64, object: Offset, word: u64, expected: u64) -> bool {
    use super::super::blocking::number;
    if word != 0 {
        // SAFETY: words of waits for shared objects lie in the arena, which is mapped for good, at one
        // address in all processes.
        let word = unsafe { &*(word as usize as *const AtomicU32) };
        if u64::from(word.load(Ordering::SeqCst)) != expected {
            return false;
        }
    }
    match kind {
        number::QUEUE_GET | number::RESULT => {
            let head = queue_head(object);
            !head.has_items() && !head.is_closed()
        }
        number::QUEUE_PUT => {
            let head = queue_head(object);
            !head.has_space() && !head.is_closed()
        }
        number::QUEUE_JOIN => !queue_head(object).is_done(),
        number::LOCK | number::REENTRANT_LOCK => shared_lock::is_held_by_the_living(object),
        number::SEMAPHORE => shared_semaphore::is_used_up(object),
        number::EVENT => !shared_event::is_set(object),
        number::BARRIER => shared_barrier::has_no_dead_runner(object),
        number::CONDITION => true,
        _ => false,
    }
}
