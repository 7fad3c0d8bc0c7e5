//! Which processes of the tree there are, and which of them live.
//!
//! The kernel decides who lives: every process holds a record lock on its own byte of a file that
//! has no name. Such a lock belongs to the process, is not inherited by fork and is gone at its end
//! however it ends, so there is no race with reused process numbers, and it can be asked about
//! processes that are nobody's children. Must not know what processes share or run.

use super::arena::{self, Arena, ArenaError, Offset};
use super::shared_steps::step;
use super::watch::shared::ProcessWords;
use super::{handle, shared_sweep};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The most processes at once.
pub(crate) const MOST_SLOTS: u64 = 1 << INDEX_BITS;

/// Bytes of one slot.
pub(crate) const SLOT_SIZE: u64 = size_of::<Slot>() as u64;

const INDEX_BITS: u32 = 14;
const GENERATION_MASK: u32 = (1 << 17) - 1;

/// Reuse of a slot is put off until there are so many, so that what was left by the dead (a lock
/// still held) can be reported with their names for a while.
const REUSE_FROM: u64 = 64;

const NAME_BYTES: usize = 64;

/// One process of the tree: a slot and how often it was used before. Fits 31 bits, is never 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SlotId(u32);

impl SlotId {
    fn new(index: u64, generation: u32) -> Self {
        Self(index as u32 | (generation & GENERATION_MASK) << INDEX_BITS)
    }

    /// As it is written into shared memory.
    #[inline]
    pub fn tag(self) -> u32 {
        self.0
    }

    /// From what [`SlotId::tag`] gave; `None` for 0, which stands for nobody.
    #[inline]
    pub fn from_tag(tag: u32) -> Option<Self> {
        (tag != 0).then_some(Self(tag))
    }

    /// The number of the slot: early processes have low ones.
    pub(crate) fn number(self) -> u64 {
        self.index()
    }

    fn index(self) -> u64 {
        u64::from(self.0 & ((1 << INDEX_BITS) - 1))
    }

    fn generation(self) -> u32 {
        self.0 >> INDEX_BITS
    }
}

/// What is known of a process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlotInfo {
    /// The name it was started with.
    pub name: String,
    /// Its process number; 0 if it was never heard of after the fork.
    pub pid: i32,
    /// The process that forked it; `None` for the first.
    pub parent: Option<SlotId>,
}

#[repr(C)]
pub(crate) struct Slot {
    /// State in the low 8 bits, generation above. Only changed under the arena's lock.
    state: AtomicU64,
    pid: AtomicU64,
    /// Tags of the parent, and of who cleans up.
    parent: AtomicU64,
    sweeper: AtomicU64,
    /// The table of handles.
    pub(crate) table: handle::TableWords,
    name_length: AtomicU64,
    name: [AtomicU64; NAME_BYTES / 8],
    /// Whether its threads wait.
    pub(crate) watch: ProcessWords,
    /// Short texts under way, see `shared_output`.
    pub(crate) writing: AtomicU64,
    _room: [AtomicU64; 12],
}

const FREE: u64 = 0;
/// Claimed by the parent, not yet taken by the child.
const STARTING: u64 = 1;
/// Its process holds the slot's byte, or is dead.
const TAKEN: u64 = 2;
/// Dead; what it left is being cleared away.
const SWEEPING: u64 = 3;

fn state_word(state: u64, generation: u32) -> u64 {
    state | u64::from(generation & GENERATION_MASK) << 8
}

fn split(word: u64) -> (u64, u32) {
    (word & 0xff, (word >> 8) as u32)
}

/// This process. Process-wide because fork makes it so; 0 before the first use of shared memory.
static MINE: AtomicU32 = AtomicU32::new(0);

/// This process, if it has a slot.
#[inline]
pub fn current() -> Option<SlotId> {
    SlotId::from_tag(MINE.load(Ordering::Relaxed))
}

/// This process's tag; 0 without an arena.
#[inline]
pub(crate) fn my_tag() -> u32 {
    MINE.load(Ordering::Relaxed)
}

fn slot_at(arena: &Arena, index: u64) -> &'static Slot {
    let place: Offset = arena.header().slots_at.load(Ordering::Relaxed) + index * SLOT_SIZE;
    // SAFETY: indices below `slots_used` are real; a slot is atomics only.
    unsafe { arena.at(place) }
}

/// The slot of a process.
pub(crate) fn slot(arena: &Arena, id: SlotId) -> &'static Slot {
    slot_at(arena, id.index())
}

/// The first process of a tree takes the first slot, before the arena is known to anyone else.
pub(super) fn take_root(arena: &Arena) -> Result<(), ArenaError> {
    let id = SlotId::new(1, 1);
    make_slots_real(arena, 2)?;
    hold_byte(arena, id)?;
    let slot = slot_at(arena, 1);
    slot.set_name("MainProcess");
    slot.pid.store(process_number(), Ordering::Relaxed);
    slot.state.store(state_word(TAKEN, 1), Ordering::Release);
    arena.header().slots_used.store(2, Ordering::Relaxed);
    MINE.store(id.tag(), Ordering::Release);
    Ok(())
}

/// A slot for a child about to be forked. Counts as living as long as this process does.
#[derive(Debug)]
#[must_use = "a claim is taken by the child, or abandoned if there is none"]
pub struct Claim {
    id: SlotId,
}

/// Claims a slot for a child that is about to be forked, and gives it all handles that this process
/// has. To be called with every other script thread stopped: what they created
/// between this and the fork, the child would not know.
pub fn claim_for_child(name: &str) -> Result<Claim, ArenaError> {
    let arena = arena::arena()?;
    shared_sweep::sweep_a_few(arena);
    let id = match take_free_slot(arena, name) {
        Err(ArenaError::TooManyProcesses) => {
            shared_sweep::sweep_all(arena);
            take_free_slot(arena, name)?
        }
        other => other?,
    };
    let claim = Claim { id };
    if let Err(error) = handle::copy_table(arena, id) {
        claim.abandon();
        return Err(error);
    }
    Ok(claim)
}

impl Claim {
    /// Which process the child will be.
    pub fn id(&self) -> SlotId {
        self.id
    }

    /// In the parent, after the fork. To be followed by [`reaped`] when the child was waited for:
    /// one that died before it had taken its slot counts as starting until then, or until the
    /// parent dies.
    pub fn forked(self, pid: i32) -> SlotId {
        let slot = slot(arena::here(), self.id);
        if split(slot.state.load(Ordering::Acquire)).1 == self.id.generation() {
            slot.pid.store(pid as u64, Ordering::Relaxed);
        }
        self.id
    }

    /// In the parent, if the fork failed.
    pub fn abandon(self) {
        shared_sweep::sweep(arena::here(), self.id);
    }

    /// In the child, first of all. Fails if the parent died meanwhile and the slot was cleared
    /// away: then nothing of the arena is this process's, and it has to end.
    pub fn occupy(self) -> Result<(), ArenaError> {
        let arena = arena::here();
        // Until here, what the child does is in its parent's name.
        MINE.store(0, Ordering::Release);
        let tables = arena.lock();
        let slot = slot(arena, self.id);
        let word = slot.state.load(Ordering::Acquire);
        if word != state_word(STARTING, self.id.generation()) {
            return Err(ArenaError::TooManyProcesses);
        }
        hold_byte(arena, self.id)?;
        slot.pid.store(process_number(), Ordering::Relaxed);
        slot.state
            .store(state_word(TAKEN, self.id.generation()), Ordering::Release);
        drop(tables);
        MINE.store(self.id.tag(), Ordering::Release);
        Ok(())
    }
}

fn take_free_slot(arena: &Arena, name: &str) -> Result<SlotId, ArenaError> {
    let header = arena.header();
    loop {
        let used = header.slots_used.load(Ordering::Acquire);
        make_slots_real(
            arena,
            (used + 1).min(header.slot_count.load(Ordering::Relaxed)),
        )?;
        let mut tables = arena.lock();
        let used = header.slots_used.load(Ordering::Acquire);
        let index = if used < REUSE_FROM {
            used
        } else {
            let cursor = header.slot_cursor.load(Ordering::Relaxed);
            let free = (1..used)
                .map(|step| 1 + (cursor + step) % (used - 1))
                .find(|&index| {
                    split(slot_at(arena, index).state.load(Ordering::Acquire)).0 == FREE
                });
            free.unwrap_or(used)
        };
        if index >= header.slot_count.load(Ordering::Relaxed) {
            return Err(ArenaError::TooManyProcesses);
        }
        if (index + 1) * SLOT_SIZE > header.slots_backed.load(Ordering::Acquire) {
            continue;
        }
        let slot = slot_at(arena, index);
        let generation = split(slot.state.load(Ordering::Acquire)).1;
        // Generation 0 of slot 0 would be nobody; the others are all right.
        slot.set_name(name);
        slot.pid.store(0, Ordering::Relaxed);
        slot.parent.store(u64::from(my_tag()), Ordering::Relaxed);
        slot.writing.store(0, Ordering::Relaxed);
        slot.table.reset();
        slot.watch.reset();
        step();
        tables
            .change
            .set(&slot.state, state_word(STARTING, generation));
        tables.change.set(&header.slot_cursor, index);
        tables.change.set(&header.slots_used, used.max(index + 1));
        tables.change.commit();
        return Ok(SlotId::new(index, generation));
    }
}

fn make_slots_real(arena: &Arena, count: u64) -> Result<(), ArenaError> {
    let header = arena.header();
    let needed = (count * SLOT_SIZE).next_multiple_of(4096);
    let real = header.slots_backed.load(Ordering::Acquire);
    if needed > real {
        let start = header.slots_at.load(Ordering::Relaxed);
        arena.back(start + real, needed - real)?;
        header.slots_backed.fetch_max(needed, Ordering::AcqRel);
    }
    Ok(())
}

/// Whether a process lives.
pub fn is_alive(id: SlotId) -> bool {
    if id.tag() == my_tag() {
        return true;
    }
    let Some(arena) = arena::existing() else {
        return false;
    };
    let slot = slot(arena, id);
    loop {
        let word = slot.state.load(Ordering::Acquire);
        let (state, generation) = split(word);
        if generation != id.generation() {
            return false;
        }
        let alive = match state {
            TAKEN => byte_is_held(arena, id),
            STARTING => parent_lives(arena, slot),
            _ => false,
        };
        // Between the two looks the slot may have been given to another process.
        if slot.state.load(Ordering::Acquire) == word {
            return alive;
        }
    }
}

fn parent_lives(arena: &Arena, child: &Slot) -> bool {
    let Some(parent) = SlotId::from_tag(child.parent.load(Ordering::Relaxed) as u32) else {
        return false;
    };
    if parent.tag() == my_tag() {
        return true;
    }
    let word = slot(arena, parent).state.load(Ordering::Acquire);
    word == state_word(TAKEN, parent.generation()) && byte_is_held(arena, parent)
}

/// What is known of a process, also for a while after its death.
pub fn info(id: SlotId) -> Option<SlotInfo> {
    let arena = arena::existing()?;
    let slot = slot(arena, id);
    let known = |word| {
        let (state, generation) = split(word);
        let next = id.generation().wrapping_add(1) & GENERATION_MASK;
        generation == id.generation() || state == FREE && generation == next
    };
    let before = slot.state.load(Ordering::Acquire);
    let info = SlotInfo {
        name: slot.name(),
        pid: slot.pid.load(Ordering::Relaxed) as i32,
        parent: SlotId::from_tag(slot.parent.load(Ordering::Relaxed) as u32),
    };
    std::sync::atomic::fence(Ordering::Acquire);
    let after = slot.state.load(Ordering::Relaxed);
    (known(before) && known(after)).then_some(info)
}

/// Changes the name by which others know this process.
pub fn set_name(name: &str) {
    if let (Some(arena), Some(id)) = (arena::existing(), current()) {
        slot(arena, id).set_name(name);
    }
}

/// To be called by whoever reaped a child, with the id that [`Claim::forked`] gave: frees at once
/// what the child left, instead of when somebody next looks.
pub fn reaped(id: SlotId) {
    let Some(arena) = arena::existing() else {
        return;
    };
    let word = slot(arena, id).state.load(Ordering::Acquire);
    if split(word).1 == id.generation() {
        shared_sweep::sweep(arena, id);
    }
}

/// To be called by a process that ends in an orderly way, as its last use of shared memory: locks
/// that it still holds count as given up on purpose, and what only it could name is freed.
pub fn leave() {
    let (Some(arena), Some(id)) = (arena::existing(), current()) else {
        return;
    };
    handle::abandon_locks(arena, id);
    handle::release_table(arena, id);
    release_byte(arena, id);
    finish(arena, id);
    MINE.store(0, Ordering::Release);
}

/// Ids of all processes that are not known to be gone, with the slot words that say so.
pub(super) fn occupied(arena: &Arena, from: u64, count: u64) -> Vec<SlotId> {
    let used = arena.header().slots_used.load(Ordering::Acquire);
    (from..used.min(from + count))
        .filter_map(|index| {
            let (state, generation) = split(slot_at(arena, index).state.load(Ordering::Acquire));
            (state != FREE).then(|| SlotId::new(index, generation))
        })
        .collect()
}

/// Every process that lives.
pub fn living() -> Vec<SlotId> {
    let Some(arena) = arena::existing() else {
        return Vec::new();
    };
    let mut ids = occupied(arena, 1, MOST_SLOTS);
    ids.retain(|&id| is_alive(id));
    ids
}

/// Makes this process the one that clears away what a dead one left. False if it is somebody else's
/// work, or done.
pub(super) fn begin_sweep(arena: &Arena, id: SlotId) -> bool {
    let mut tables = arena.lock();
    let slot = slot(arena, id);
    let (state, generation) = split(slot.state.load(Ordering::Acquire));
    if generation != id.generation() || state == FREE {
        return false;
    }
    if state == SWEEPING {
        let sweeper = SlotId::from_tag(slot.sweeper.load(Ordering::Relaxed) as u32);
        if sweeper.is_some_and(|sweeper| sweeper != id && is_alive(sweeper)) {
            return false;
        }
    }
    if state == TAKEN && byte_is_held(arena, id) {
        return false;
    }
    tables.change.set(&slot.sweeper, u64::from(my_tag()));
    tables
        .change
        .set(&slot.state, state_word(SWEEPING, generation));
    tables.change.commit();
    true
}

/// Gives the slot free for another process.
pub(super) fn finish(arena: &Arena, id: SlotId) {
    let mut tables = arena.lock();
    let slot = slot(arena, id);
    let (state, generation) = split(slot.state.load(Ordering::Acquire));
    if state != FREE && generation == id.generation() {
        tables.change.set(
            &slot.state,
            state_word(FREE, id.generation().wrapping_add(1)),
        );
        tables.change.commit();
    }
}

impl Slot {
    fn set_name(&self, name: &str) {
        let mut end = name.len().min(NAME_BYTES);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        let mut bytes = [0; NAME_BYTES];
        bytes[..end].copy_from_slice(&name.as_bytes()[..end]);
        self.name_length.store(end as u64, Ordering::Relaxed);
        for (word, chunk) in self.name.iter().zip(bytes.chunks_exact(8)) {
            let mut eight = [0; 8];
            eight.copy_from_slice(chunk);
            word.store(u64::from_ne_bytes(eight), Ordering::Relaxed);
        }
    }

    fn name(&self) -> String {
        let mut bytes = [0; NAME_BYTES];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(&self.name) {
            chunk.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        let length = (self.name_length.load(Ordering::Relaxed) as usize).min(NAME_BYTES);
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }
}

fn process_number() -> u64 {
    u64::from(std::process::id())
}

fn record_lock(kind: libc::c_int, id: SlotId) -> libc::flock {
    // SAFETY: all-zero is a valid `flock`.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = id.index() as libc::off_t;
    lock.l_len = 1;
    lock
}

fn hold_byte(arena: &Arena, id: SlotId) -> Result<(), ArenaError> {
    let lock = record_lock(libc::F_WRLCK, id);
    // SAFETY: our own descriptor and a valid lock description.
    if unsafe { libc::fcntl(arena.life(), libc::F_SETLK, &lock) } != 0 {
        return Err(arena::system("fcntl"));
    }
    Ok(())
}

fn release_byte(arena: &Arena, id: SlotId) {
    let lock = record_lock(libc::F_UNLCK, id);
    // SAFETY: as above.
    unsafe { libc::fcntl(arena.life(), libc::F_SETLK, &lock) };
}

/// Whether another process holds the byte. If the question cannot be asked, the answer is the
/// careful one.
fn byte_is_held(arena: &Arena, id: SlotId) -> bool {
    if id.tag() == my_tag() {
        return true;
    }
    let mut lock = record_lock(libc::F_WRLCK, id);
    // SAFETY: as above; the kernel fills in the answer.
    let result = unsafe { libc::fcntl(arena.life(), libc::F_GETLK, &mut lock) };
    result != 0 || i32::from(lock.l_type) != libc::F_UNLCK
}
