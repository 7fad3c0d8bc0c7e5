//! The memory that all processes of one tree share: one sparse file without a name, mapped once, at
//! one address that forked children inherit.
//!
//! Only reserves the room, makes parts of it real and gives them back; what lies where is the
//! business of `extent` and `slot`. It must not know queues, locks or anything built upon it.
//!
//! Room is made real by `fallocate` before it is touched. Touching a hole of a shared mapping
//! when memory has run out ends the process with SIGBUS; asking first is an error value instead.

use super::arena_place;
use super::resource_limit;
use super::shared_descriptor;
use super::shared_journal::{Change, Journal};
use super::shared_mutex::{SharedMutex, SharedMutexGuard};
use super::shared_output::{OUTPUT_LOCKS, OutputLock};
use super::slot;
use super::watch::shared;
use std::os::fd::RawFd;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// A place in the arena, counted in bytes from its start. What shared memory itself uses in the
/// place of pointers. 0 is no place.
pub type Offset = u64;

/// Why shared memory could not be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ArenaError {
    /// The reservation is used up, or the machine has no more memory to give.
    #[error("shared memory is used up")]
    Full,
    /// Every process slot is taken by a living process.
    #[error("too many processes")]
    TooManyProcesses,
    /// A call of the operating system failed.
    #[error("{call} failed: {}", std::io::Error::from_raw_os_error(*.errno))]
    System {
        /// The call.
        call: &'static str,
        /// Its error number.
        errno: i32,
    },
}

/// The unit in which room is handed out, backed and given back.
pub(crate) const BLOCK: u64 = 64 * 1024;

/// Address space reserved unless told otherwise. It costs nothing until used; see `ulimit -v`
/// below.
const DEFAULT_RESERVATION: u64 = 1 << 40;

/// With less than this, not even a few queues fit.
const LEAST_RESERVATION: u64 = 4 << 20;

/// Orders of the block allocator: a run of order `n` is `2^n` blocks. 26 reach 2 TiB.
pub(crate) const ORDERS: usize = 26;

/// Lists of slabs with room: general sizes and kinds of objects.
pub(crate) const SLAB_LISTS: usize = 48;

/// The most processes that may spin at once.
pub(crate) const MOST_PERMITS: usize = 64;

/// Most bytes made real by one call, so that a storm of signals cannot keep it from ending.
const BACKING_STEP: u64 = 1 << 20;

/// The first bytes of the arena. All of it is real from the start.
#[repr(C)]
pub(crate) struct Header {
    /// Length of the mapping.
    pub(crate) size: AtomicU64,
    /// Number of process slots, and where they start.
    pub(crate) slot_count: AtomicU64,
    pub(crate) slots_at: AtomicU64,
    /// Number of blocks, where their descriptions start, where their backing is noted, and where
    /// they themselves start.
    pub(crate) block_count: AtomicU64,
    pub(crate) descriptions_at: AtomicU64,
    pub(crate) backing_at: AtomicU64,
    pub(crate) data_at: AtomicU64,
    /// Bytes of each of the three tables above that are real; only grows.
    pub(crate) slots_backed: AtomicU64,
    pub(crate) descriptions_backed: AtomicU64,
    pub(crate) backing_backed: AtomicU64,
    /// Entries of threads that wait: where they are, how many there is room for, bytes that are real,
    /// and entries from here on were never used. See `watch`.
    pub(crate) waits_at: AtomicU64,
    pub(crate) waits_count: AtomicU64,
    pub(crate) waits_backed: AtomicU64,
    pub(crate) waits_used: AtomicU64,
    /// How many deadlocks were found.
    pub(crate) verdicts: AtomicU64,
    /// When somebody last looked for one among all processes.
    pub(crate) looked_at: AtomicU64,
    /// Numbers given to objects.
    pub(crate) serials: AtomicU64,
    /// Guards all that follows, the slots, the blocks, the slabs and the tables of handles.
    pub(crate) mutex: SharedMutex,
    /// Blocks from here on were never used.
    pub(crate) top: AtomicU64,
    /// Free blocks that are still real, kept for the next one to need them.
    pub(crate) idle_blocks: AtomicU64,
    /// Slots from here on were never used; where the search for a free one goes on.
    pub(crate) slots_used: AtomicU64,
    pub(crate) slot_cursor: AtomicU64,
    /// Free runs by order, block number plus one.
    pub(crate) free_runs: [AtomicU64; ORDERS],
    /// Slabs with room by list, block number plus one.
    pub(crate) open_slabs: [AtomicU64; SLAB_LISTS],
    /// Who may spin: tags of processes. Not under the mutex.
    pub(crate) permit_count: AtomicU64,
    pub(crate) permits: [AtomicU32; MOST_PERMITS],
    /// Who writes a long text, by where it goes. Not under the mutex.
    pub(crate) output_locks: [OutputLock; OUTPUT_LOCKS],
    /// Who looks into the mailbox, and whether anything was ever in it. See `shared_descriptor`.
    pub(crate) mail: SharedMutex,
    pub(crate) travelled: AtomicU64,
    pub(crate) journal: Journal,
}

/// The arena as this process sees it. There is one for the life of the process.
pub struct Arena {
    base: *mut u8,
    size: u64,
    memory: RawFd,
    life: RawFd,
    mailbox: [RawFd; 2],
}

// SAFETY: the mapping is shared by nature; all access goes through atomics or through regions that
// the protocols of this layer give to one owner at a time.
unsafe impl Sync for Arena {}
// SAFETY: as above; nothing in it belongs to a thread.
unsafe impl Send for Arena {}

/// The arena of this process tree. Process-wide because fork makes it so: the mapping, and the
/// record lock by which others see that this process lives, belong to the process and not to a
/// session.
static ARENA: AtomicPtr<Arena> = AtomicPtr::new(null_mut());

/// See [`set_reservation`]; 0 is the default.
static RESERVATION: AtomicU64 = AtomicU64::new(0);

/// Sets how much address space a later first use reserves. Without effect once there is an arena.
pub fn set_reservation(bytes: u64) {
    RESERVATION.store(bytes, Ordering::Relaxed);
}

/// The arena, if any process before this one in the tree, or this one, has needed it.
#[inline]
pub fn existing() -> Option<&'static Arena> {
    // SAFETY: the pointer is null or comes from `Box::into_raw` and is never freed.
    unsafe { ARENA.load(Ordering::Acquire).as_ref() }
}

/// The arena, made now if it is not there yet.
#[inline]
pub fn arena() -> Result<&'static Arena, ArenaError> {
    match existing() {
        Some(arena) => Ok(arena),
        None => create(),
    }
}

/// The arena in code that holds an object of it.
#[inline]
pub(crate) fn here() -> &'static Arena {
    let arena = ARENA.load(Ordering::Acquire);
    debug_assert!(!arena.is_null());
    // SAFETY: whoever has an offset got it from an arena that is there for good.
    unsafe { &*arena }
}

#[cold]
fn create() -> Result<&'static Arena, ArenaError> {
    let arena = Box::into_raw(Box::new(Arena::reserve()?));
    match ARENA.compare_exchange(null_mut(), arena, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {
            // SAFETY: just made, and public from now on.
            Ok(unsafe { &*arena })
        }
        Err(other) => {
            // SAFETY: another thread was first; nobody has seen this one.
            drop(unsafe { Box::from_raw(arena) });
            // SAFETY: published arenas are never freed.
            Ok(unsafe { &*other })
        }
    }
}

impl Arena {
    fn reserve() -> Result<Self, ArenaError> {
        let mut size = wanted_size()?;
        let memory = anonymous_file(c"conc-arena")?;
        let life = match anonymous_file(c"conc-life") {
            Ok(life) => life,
            Err(error) => {
                close(memory);
                return Err(error);
            }
        };
        let mailbox = shared_descriptor::make_mailbox().map(out_of_the_way);
        let mapped = loop {
            match map(memory, size) {
                Ok(base) => break Ok(base),
                Err(error) if size / 2 < LEAST_RESERVATION => break Err(error),
                // The limit on address space can be tighter than what we found out about it.
                Err(_) => size = size / 2 / BLOCK * BLOCK,
            }
        };
        let base = match mapped {
            Ok(base) => base,
            Err(error) => {
                for descriptor in [memory, life].into_iter().chain(mailbox) {
                    close(descriptor);
                }
                return Err(error);
            }
        };
        // From here on the value closes and unmaps if something fails.
        let arena = Self {
            base,
            size,
            memory,
            life,
            mailbox,
        };
        arena.lay_out()?;
        slot::take_root(&arena)?;
        Ok(arena)
    }

    /// Decides what lies where, and makes the header real.
    fn lay_out(&self) -> Result<(), ArenaError> {
        let header_size = (size_of::<Header>() as u64).next_multiple_of(4096);
        self.back(0, header_size)?;
        let header = self.header();
        let slot_count = (self.size / (16 * 1024)).clamp(64, slot::MOST_SLOTS);
        let slots_at = header_size;
        let slots_size = (slot_count * slot::SLOT_SIZE).next_multiple_of(4096);
        let blocks = self.size / BLOCK;
        let descriptions_at = slots_at + slots_size;
        let descriptions_size = (blocks * super::extent::DESCRIPTION_SIZE).next_multiple_of(4096);
        let backing_at = descriptions_at + descriptions_size;
        let backing_size = blocks.next_multiple_of(4096);
        let waits_at = backing_at + backing_size;
        let waits_size = (slot_count * shared::ENTRY_SIZE).next_multiple_of(4096);
        let data_at = (waits_at + waits_size).next_multiple_of(BLOCK);
        let values = [
            (&header.size, self.size),
            (&header.slot_count, slot_count),
            (&header.slots_at, slots_at),
            (
                &header.block_count,
                self.size.saturating_sub(data_at) / BLOCK,
            ),
            (&header.descriptions_at, descriptions_at),
            (&header.backing_at, backing_at),
            (&header.data_at, data_at),
            (&header.waits_at, waits_at),
            (&header.waits_count, slot_count),
            (&header.permit_count, super::shared_spin::permits()),
            // Slot 0 stands for nobody.
            (&header.slots_used, 1),
            (&header.slot_cursor, 1),
        ];
        for (word, value) in values {
            word.store(value, Ordering::Relaxed);
        }
        header.mutex.initialize();
        header.mail.initialize();
        Ok(())
    }

    /// The first bytes.
    #[inline]
    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the mapping starts at a page, the header is real since `lay_out`, and consists
        // of atomics and a mutex only, for which any bytes are valid.
        unsafe { &*self.base.cast::<Header>() }
    }

    /// Something in the arena, by its offset.
    ///
    /// # Safety
    /// `T` lies there, wholly within real memory, aligned, and consists of atomics and mutexes.
    #[inline]
    pub(crate) unsafe fn at<T>(&self, offset: Offset) -> &'static T {
        debug_assert!(offset + size_of::<T>() as u64 <= self.size);
        debug_assert!(offset.is_multiple_of(align_of::<T>() as u64));
        // SAFETY: by the caller's word; the mapping is never undone.
        unsafe { &*self.base.add(offset as usize).cast::<T>() }
    }

    /// The address of an offset.
    #[inline]
    pub(crate) fn address(&self, offset: Offset) -> *mut u8 {
        debug_assert!(offset <= self.size);
        // SAFETY: offsets lie within the mapping.
        unsafe { self.base.add(offset as usize) }
    }

    /// Takes the lock of the arena's own tables, finishing what a dead holder left.
    pub(crate) fn lock(&self) -> Tables<'_> {
        let header = self.header();
        let guard = header.mutex.lock(|| header.journal.undo(self.base));
        Tables {
            change: Change::new(&header.journal, self.base),
            _guard: guard,
        }
    }

    /// Makes a range real. Ranges that are real already stay as they are.
    pub(crate) fn back(&self, offset: Offset, length: u64) -> Result<(), ArenaError> {
        let end = (offset + length).min(self.size);
        let mut from = offset;
        while from < end {
            let step = (end - from).min(BACKING_STEP);
            // SAFETY: a plain call on our own descriptor.
            let result = unsafe {
                libc::fallocate(self.memory, 0, from as libc::off_t, step as libc::off_t)
            };
            if result == 0 {
                from += step;
                continue;
            }
            match errno() {
                libc::EINTR => {}
                libc::ENOSPC | libc::ENOMEM | libc::EFBIG => return Err(ArenaError::Full),
                errno => {
                    return Err(ArenaError::System {
                        call: "fallocate",
                        errno,
                    });
                }
            }
        }
        Ok(())
    }

    /// Gives the memory of a range back to the system. Its content is gone.
    pub(crate) fn punch(&self, offset: Offset, length: u64) {
        let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        loop {
            // SAFETY: a plain call on our own descriptor; nobody uses the range any more.
            let result = unsafe {
                libc::fallocate(
                    self.memory,
                    mode,
                    offset as libc::off_t,
                    length as libc::off_t,
                )
            };
            // Whatever else may fail, the range only stays real for longer.
            if result == 0 || errno() != libc::EINTR {
                return;
            }
        }
    }

    /// The file whose record locks say which processes live.
    pub(crate) fn life(&self) -> RawFd {
        self.life
    }

    /// The two ends of the mailbox, its front first; negative if there is none.
    pub(crate) fn mailbox(&self) -> [RawFd; 2] {
        self.mailbox
    }

    /// The descriptors that a script must not close: closing the second would make this process
    /// look dead.
    pub fn descriptors(&self) -> [RawFd; 4] {
        let [front, back] = self.mailbox;
        [self.memory, self.life, front, back]
    }

    /// How many bytes the arena may grow to.
    pub fn reservation(&self) -> u64 {
        self.size
    }

    /// How many bytes the system has given to the arena, as the kernel counts them.
    pub fn real_bytes(&self) -> u64 {
        // SAFETY: all-zero is a valid `stat`, and the kernel fills it in.
        let mut status: libc::stat = unsafe { std::mem::zeroed() };
        // SAFETY: our own descriptor and a place for the answer.
        unsafe { libc::fstat(self.memory, &mut status) };
        status.st_blocks as u64 * 512
    }
}

impl Drop for Arena {
    /// Only ever of an arena that was not published.
    fn drop(&mut self) {
        // SAFETY: nobody else knows the mapping.
        unsafe { libc::munmap(self.base.cast(), self.size as usize) };
        for descriptor in self.descriptors() {
            close(descriptor);
        }
    }
}

/// The arena's own tables, locked. Changes are final at `change.commit()`.
pub(crate) struct Tables<'a> {
    // Declared first, so that an unfinished change is undone before the lock is given back.
    pub(crate) change: Change<'a>,
    _guard: SharedMutexGuard<'a>,
}

fn anonymous_file(name: &std::ffi::CStr) -> Result<RawFd, ArenaError> {
    // SAFETY: a valid name.
    let low = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) };
    if low < 0 {
        return Err(system("memfd_create"));
    }
    // The first descriptor is closed before any lock is taken through the second.
    Ok(out_of_the_way(low))
}

/// The same descriptor under a high number: a script's first `os.open` is to give 3, as it is used to.
pub(super) fn out_of_the_way(low: RawFd) -> RawFd {
    if low < 0 {
        return low;
    }
    // SAFETY: plain calls on our own descriptor.
    let high = unsafe { libc::fcntl(low, libc::F_DUPFD_CLOEXEC, 200) };
    if high < 0 {
        return low;
    }
    close(low);
    high
}

fn close(descriptor: RawFd) {
    // SAFETY: our own descriptor, not used afterwards.
    unsafe { libc::close(descriptor) };
}

/// What was asked for, as far as the limits of this process let it.
fn wanted_size() -> Result<u64, ArenaError> {
    let mut size = match RESERVATION.load(Ordering::Relaxed) {
        0 => DEFAULT_RESERVATION,
        size => size,
    };
    // Beyond this limit `ftruncate` would raise SIGXFSZ.
    if let Some(limit) = resource_limit::current(libc::RLIMIT_FSIZE) {
        size = size.min(limit);
    }
    // A quarter of what is left: the rest of the program needs address space too.
    if let Some(limit) = resource_limit::current(libc::RLIMIT_AS) {
        size = size.min(limit.saturating_sub(used_address_space()) / 4);
    }
    if size < LEAST_RESERVATION {
        return Err(ArenaError::Full);
    }
    Ok(size.min(BLOCK << (ORDERS - 1)) / BLOCK * BLOCK)
}

/// 0 if `/proc` is not there: then the limit is only guessed at, and mapping less is tried.
fn used_address_space() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

/// Where the mapping is to begin, if it can: at the beginning of what one table of the kernel's map describes.
/// Every child fills in its own map, a stretch of [`BLOCK`] at a time. So each block is one stretch, and the
/// first one, which all processes use, lies in one table.
pub(crate) const ALIGNMENT: usize = 2 << 20;

/// A new mapping, at this place if it is free and the kernel grants it.
fn map_near(
    wish: *mut libc::c_void,
    file: RawFd,
    size: u64,
) -> Result<*mut libc::c_void, ArenaError> {
    // SAFETY: a wish replaces nothing that is mapped.
    let base = unsafe {
        libc::mmap(
            wish,
            size as usize,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_NORESERVE,
            file,
            0,
        )
    };
    if base == libc::MAP_FAILED {
        return Err(system("mmap"));
    }
    Ok(base)
}

fn map(file: RawFd, size: u64) -> Result<*mut u8, ArenaError> {
    // SAFETY: our own descriptor; the size is below the limit that would raise a signal.
    if unsafe { libc::ftruncate(file, size as libc::off_t) } != 0 {
        return Err(system("ftruncate"));
    }
    let mut base = map_near(arena_place::wish(), file, size)?;
    let over = base.addr() % ALIGNMENT;
    if over != 0 {
        // SAFETY: the mapping just made, which nobody has seen.
        unsafe { libc::munmap(base, size as usize) };
        // Where the kernel does not care for the wish, any place will do.
        base = map_near(base.wrapping_byte_sub(over), file, size)?;
    }
    // A core dump would read, and thereby fill, every hole.
    // SAFETY: the mapping just made.
    unsafe { libc::madvise(base, size as usize, libc::MADV_DONTDUMP) };
    Ok(base.cast())
}

pub(crate) fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

pub(crate) fn system(call: &'static str) -> ArenaError {
    ArenaError::System {
        call,
        errno: errno(),
    }
}
