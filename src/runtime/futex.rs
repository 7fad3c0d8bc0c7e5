//! The kernel's futex calls, and nothing else: no policy, no thread state, no world.
//!
//! `shared` says whether the word lies in memory that several processes map; both sides of a word
//! must say the same. All timeouts are absolute on `CLOCK_MONOTONIC`.

use super::clock::Deadline;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// How a wait ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waited {
    /// Woken, or for no reason at all: the caller looks at its word again.
    Woken,
    /// The word did not have the expected value, so nobody slept.
    Changed,
    /// The deadline passed.
    TimedOut,
    /// A signal handler ran in this thread.
    Signal,
}

/// One word to wait on.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a> {
    /// The word.
    pub word: &'a AtomicU32,
    /// The value with which to sleep; any other ends the wait at once.
    pub expected: u32,
    /// Whether other processes use the word too.
    pub shared: bool,
}

/// The most words that [`wait_any`] takes (`FUTEX_WAITV_MAX`).
pub const MOST_WORDS: usize = 128;

/// Sleeps while `word` is `expected`, until woken or until the deadline.
pub fn wait(word: &AtomicU32, expected: u32, shared: bool, deadline: Option<Deadline>) -> Waited {
    let timeout = deadline.map(Deadline::as_timespec);
    let operation = libc::FUTEX_WAIT_BITSET | private(shared);
    // SAFETY: the word outlives the call, the timeout is null or points to a timespec on this
    // stack; FUTEX_WAIT_BITSET takes it as an absolute moment of CLOCK_MONOTONIC.
    let result = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            operation,
            expected,
            timeout
                .as_ref()
                .map_or(std::ptr::null(), std::ptr::from_ref),
            std::ptr::null::<u32>(),
            libc::FUTEX_BITSET_MATCH_ANY,
        )
    };
    outcome(result)
}

/// Wakes up to `count` sleepers of `word`; returns how many there were. Safe in a signal handler.
pub fn wake(word: &AtomicU32, count: u32, shared: bool) -> u32 {
    wake_address(word.as_ptr(), count, shared)
}

/// Wakes every sleeper of `word`.
pub fn wake_all(word: &AtomicU32, shared: bool) -> u32 {
    wake(word, i32::MAX as u32, shared)
}

fn wake_address(word: *const u32, count: u32, shared: bool) -> u32 {
    // SAFETY: the kernel only uses the address as a key; it reads nothing through it.
    let woken = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word,
            libc::FUTEX_WAKE | private(shared),
            count.min(i32::MAX as u32),
        )
    };
    u32::try_from(woken).unwrap_or(0)
}

/// Sleeps while every word has its expected value, until one of them is woken or until the
/// deadline. With [`Waited::Woken`] comes the index of the last one that was woken. `None` if this kernel (before 5.16, or a sandbox) has no such call.
pub fn wait_any(words: &[Word<'_>], deadline: Option<Deadline>) -> Option<(Waited, usize)> {
    if !has_wait_any() {
        return None;
    }
    // Two words are by far the most frequent; more than that is a select.
    let mut few = [Waiter::default(); 4];
    let mut many;
    let waiters = match few.get_mut(..words.len()) {
        Some(waiters) => waiters,
        None => {
            many = vec![Waiter::default(); words.len()];
            &mut many[..]
        }
    };
    for (waiter, word) in waiters.iter_mut().zip(words) {
        waiter.value = u64::from(word.expected);
        waiter.address = word.word.as_ptr() as u64;
        waiter.flags = SIZE_U32 | private(word.shared) as u32;
    }
    let timeout = deadline.map(Deadline::as_timespec);
    // SAFETY: `waiters` is an array of that length in the kernel's layout, its words outlive the
    // call, and the timeout is null or points to a timespec on this stack.
    let result = unsafe {
        libc::syscall(
            libc::SYS_futex_waitv,
            waiters.as_ptr(),
            waiters.len() as libc::c_uint,
            0 as libc::c_uint,
            timeout
                .as_ref()
                .map_or(std::ptr::null(), std::ptr::from_ref),
            libc::CLOCK_MONOTONIC,
        )
    };
    if result < 0 && matches!(error(), libc::ENOSYS | libc::EPERM) {
        WAIT_ANY.store(MISSING, Ordering::Relaxed);
        return None;
    }
    Some((outcome(result), usize::try_from(result).unwrap_or(0)))
}

/// Whether the kernel can wait on several words at once, as far as is known.
pub fn has_wait_any() -> bool {
    WAIT_ANY.load(Ordering::Relaxed) != MISSING
}

/// Makes this process behave as on a kernel without `futex_waitv`. For tests of the fallback.
#[doc(hidden)]
pub fn pretend_wait_any_is_missing() {
    WAIT_ANY.store(MISSING, Ordering::Relaxed);
}

static WAIT_ANY: AtomicU8 = AtomicU8::new(0);
const MISSING: u8 = 1;

/// `FUTEX2_SIZE_U32` of the kernel's interface.
const SIZE_U32: u32 = 2;

/// `struct futex_waitv` of the kernel's interface.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Waiter {
    value: u64,
    address: u64,
    flags: u32,
    reserved: u32,
}

fn private(shared: bool) -> libc::c_int {
    if shared { 0 } else { libc::FUTEX_PRIVATE_FLAG }
}

fn outcome(result: libc::c_long) -> Waited {
    if result >= 0 {
        return Waited::Woken;
    }
    match error() {
        libc::EAGAIN => Waited::Changed,
        libc::ETIMEDOUT => Waited::TimedOut,
        libc::EINTR => Waited::Signal,
        // Nothing else can come of a word that exists; a caller that looks again is right anyway.
        _ => Waited::Woken,
    }
}

fn error() -> libc::c_int {
    // SAFETY: glibc's errno of this thread.
    unsafe { *libc::__errno_location() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn changed_words_and_deadlines_end_a_wait() {
        let word = AtomicU32::new(3);
        let other = AtomicU32::new(0);
        assert_eq!(wait(&word, 4, false, None), Waited::Changed);
        let deadline = Deadline::after(Duration::from_millis(20));
        assert_eq!(wait(&word, 3, true, Some(deadline)), Waited::TimedOut);
        assert!(deadline.has_passed());
        let pair = |expected| {
            [
                Word {
                    word: &word,
                    expected: 3,
                    shared: true,
                },
                Word {
                    word: &other,
                    expected,
                    shared: false,
                },
            ]
        };
        if let Some(waited) = wait_any(&pair(7), None) {
            assert_eq!(waited.0, Waited::Changed);
            let deadline = Deadline::after(Duration::from_millis(20));
            let waited = wait_any(&pair(0), Some(deadline)).map(|(waited, _)| waited);
            assert_eq!(waited, Some(Waited::TimedOut));
            assert!(deadline.has_passed());
        }
    }

    #[test]
    fn either_word_of_a_pair_wakes() {
        for index in 0..2 {
            let words = [AtomicU32::new(0), AtomicU32::new(0)];
            std::thread::scope(|scope| {
                let sleeper = scope.spawn(|| {
                    while words.iter().all(|word| word.load(Ordering::Acquire) == 0) {
                        let pair = words.each_ref().map(|word| Word {
                            word,
                            expected: 0,
                            shared: false,
                        });
                        if wait_any(&pair, None).is_none() {
                            break;
                        }
                    }
                });
                std::thread::sleep(Duration::from_millis(10));
                words[index].store(1, Ordering::Release);
                wake(&words[index], 1, false);
                sleeper.join().unwrap();
            });
        }
    }
}
