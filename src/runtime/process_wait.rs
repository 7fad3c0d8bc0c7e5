//! `wait`, `waitpid` and `waitid` as scripts call them, over the table of children: any child, or one of a
//! group, or one by its number, each once.

use super::blocking::{Outcome, Reason, ReasonKind, Wait, blocking};
use super::child_bell;
use super::clock::Deadline;
use super::pending::Pending;
use super::process::{ChildError, FIRST_SLICE, LAST_SLICE, RUNNING, State, TABLE, wait_for_end};
use super::thread::ThreadHandle;
use smallvec::SmallVec;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What the kernel counted for a process.
#[derive(Clone, Copy)]
pub struct Usage(libc::rusage);

impl Usage {
    /// The counts themselves.
    pub fn get(&self) -> &libc::rusage {
        &self.0
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut libc::rusage {
        &mut self.0
    }
}

impl Default for Usage {
    fn default() -> Self {
        // SAFETY: plain numbers, of which zero is one.
        Self(unsafe { std::mem::zeroed() })
    }
}

/// What a wait learned of a child.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// Its number.
    pub pid: i32,
    /// The status word of `wait`.
    pub status: i32,
}

/// What a wait is for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Which children, as `waitpid` takes it.
    pub pid: i32,
    /// Their ends.
    pub ends: bool,
    /// That they were stopped.
    pub stops: bool,
    /// That they were continued.
    pub continues: bool,
    /// Whether whoever asks next is to find the same.
    pub leaves: bool,
    /// Whether only to look.
    pub now: bool,
}

/// Waits for the end of any child, as the script's own `wait`: its number and status word.
pub fn wait_any(thread: &ThreadHandle) -> Result<(i32, i32), ChildError> {
    match wait_pid(thread, -1, 0)? {
        Some(ended) => Ok(ended),
        None => Err(ChildError::NoChild),
    }
}

/// `waitpid` for scripts: `pid` and `options` as there. `None` with `WNOHANG` if none has ended.
///
/// A child that the runtime has already reaped is found once more if it is asked for by its number.
pub fn wait_pid(
    thread: &ThreadHandle,
    pid: i32,
    options: i32,
) -> Result<Option<(i32, i32)>, ChildError> {
    let change = wait_change(thread, pid, options, &mut Usage::default())?;
    Ok(change.map(|change| (change.pid, change.status)))
}

/// The same; `used` gets what the child had used by then, if there is one.
// Into the caller's place: a wait has it on its stack once, of which each fork copies what is written to.
pub fn wait_change(
    thread: &ThreadHandle,
    pid: i32,
    options: i32,
    used: &mut Usage,
) -> Result<Option<Change>, ChildError> {
    const KNOWN: i32 = libc::WNOHANG | libc::WUNTRACED | libc::WCONTINUED;
    if options & !KNOWN != 0 {
        return Err(ChildError::Os(io::Error::from_raw_os_error(libc::EINVAL)));
    }
    let wanted = Wanted {
        pid,
        ends: true,
        stops: options & libc::WUNTRACED != 0,
        continues: options & libc::WCONTINUED != 0,
        leaves: false,
        now: options & libc::WNOHANG != 0,
    };
    wait_child(thread, wanted, used)
}

/// The same for all that can be waited for.
pub fn wait_child(
    thread: &ThreadHandle,
    wanted: Wanted,
    used: &mut Usage,
) -> Result<Option<Change>, ChildError> {
    // One that is named is known now: no later one is it.
    let may_be_later = wanted.pid <= 0 && !wanted.now;
    let _waiting = may_be_later.then(|| Waiting::new(thread));
    let mut slice = FIRST_SLICE;
    let mut seen = Found::new();
    loop {
        let rung = child_bell::count();
        let chosen = match look(&wanted, &seen, used)? {
            Look::Changed(change) => return Ok(Some(change)),
            Look::Running(chosen) => chosen,
        };
        if wanted.now {
            return Ok(None);
        }
        // Stops and continuations are seen by no descriptor.
        let stops = wanted.stops || wanted.continues;
        let deadline = stops.then(|| Deadline::after(LAST_SLICE));
        let outcome = match wanted.ends {
            true => wait_for_end(thread, &chosen, rung, deadline, &mut slice),
            // The descriptor of one that has ended would not let anybody sleep.
            false => {
                let reason = Reason::new(ReasonKind::Other("a child to be stopped or continued"));
                blocking(thread, &reason, deadline, Wait::Nothing)
            }
        };
        match outcome {
            Outcome::Woken | Outcome::TimedOut => {}
            Outcome::Interrupted(bits) if bits == Pending::CHILDREN => {
                // Another thread has forked: there is one more to wait for.
                thread.take_pending(Pending::CHILDREN);
            }
            Outcome::Interrupted(bits) => return Err(ChildError::Interrupted(bits)),
        }
        seen = chosen;
    }
}

/// Children that were looked at: most often one.
type Found = SmallVec<[Arc<State>; 1]>;

/// What a look at the children gave.
enum Look {
    Changed(Change),
    Running(Found),
}

/// Looks for a child among those that are wanted. `seen` were running at the last look: one of them
/// that the runtime has reaped since still counts for this waiter.
fn look(wanted: &Wanted, seen: &[Arc<State>], used: &mut Usage) -> Result<Look, ChildError> {
    let mut table = TABLE.lock();
    if wanted.ends {
        for state in seen {
            let status = state.status.load(Ordering::Acquire);
            let is_new = status >= 0
                && match wanted.leaves {
                    true => !state.reported.load(Ordering::Acquire),
                    false => !state.reported.swap(true, Ordering::AcqRel),
                };
            if is_new {
                if !wanted.leaves {
                    table.ended.retain(|(other, _)| other.pid != state.pid);
                }
                *used = *state.usage.lock_within();
                return Ok(Look::Changed(Change {
                    pid: state.pid,
                    status: status as i32,
                }));
            }
        }
        if wanted.pid > 0
            && let Some(place) = table
                .ended
                .iter()
                .position(|(other, _)| other.pid == wanted.pid)
        {
            let (found, by_then) = &table.ended[place];
            let found = *found;
            *used = *by_then;
            if !wanted.leaves {
                table.ended.remove(place);
            }
            return Ok(Look::Changed(found));
        }
    }
    let chosen: Found = match wanted.pid {
        pid @ 1.. => table.living.get(pid).cloned().into_iter().collect(),
        pid => {
            let living = table.living.values();
            living
                .filter(|state| is_named(pid, state.pid))
                .cloned()
                .collect()
        }
    };
    for state in &chosen {
        if wanted.ends
            && !wanted.leaves
            && let Some(change) = table.reap(state)
        {
            state.reported.store(true, Ordering::Release);
            *used = *state.usage.lock_within();
            return Ok(Look::Changed(change));
        }
        if let Some(change) = changed_state(state.pid, wanted, used) {
            return Ok(Look::Changed(change));
        }
    }
    let running: Found = chosen
        .into_iter()
        .filter(|state| state.status.load(Ordering::Acquire) == RUNNING)
        .collect();
    match running.is_empty() {
        true => Err(ChildError::NoChild),
        false => Ok(Look::Running(running)),
    }
}

/// Whether `wanted`, as `waitpid` takes it, names the child `pid`.
fn is_named(wanted: i32, pid: i32) -> bool {
    match wanted {
        -1 => true,
        0 => group_of(pid) == group_of(0),
        wanted if wanted < -1 => group_of(pid) == wanted.checked_neg(),
        wanted => wanted == pid,
    }
}

fn group_of(pid: i32) -> Option<i32> {
    // SAFETY: no pointers are involved.
    let group = unsafe { libc::getpgid(pid) };
    (group >= 0).then_some(group)
}

/// Whether the child was stopped or continued, or has ended, as far as that is wanted and nobody reaps
/// it by that.
// Apart from the look, and so from what a wait keeps on its stack, of which each fork copies what is written to.
#[inline(never)]
fn changed_state(pid: i32, wanted: &Wanted, used: &mut Usage) -> Option<Change> {
    let mut flags = libc::WNOHANG;
    for (is_wanted, flag) in [
        (wanted.stops, libc::WSTOPPED),
        (wanted.continues, libc::WCONTINUED),
        // An end is only ever taken by `reap`.
        (wanted.ends && wanted.leaves, libc::WEXITED),
        (wanted.leaves, libc::WNOWAIT),
    ] {
        if is_wanted {
            flags |= flag;
        }
    }
    if flags & (libc::WSTOPPED | libc::WCONTINUED | libc::WEXITED) == 0 {
        return None;
    }
    // SAFETY: all zero is a valid siginfo.
    let mut info = unsafe { std::mem::zeroed::<libc::siginfo_t>() };
    // The call itself, because the library's does not tell what was used.
    // SAFETY: both are valid places. With WNOHANG it never blocks.
    let result = unsafe {
        let by_number = libc::P_PID;
        let usage = used.as_mut_ptr();
        libc::syscall(libc::SYS_waitid, by_number, pid, &mut info, flags, usage)
    };
    // SAFETY: waitid fills in the fields of SIGCHLD, or leaves zeros.
    if result != 0 || unsafe { info.si_pid() } != pid {
        return None;
    }
    const CONTINUED: i32 = 0xffff;
    const CORE: i32 = 0x80;
    // SAFETY: as above.
    let number = unsafe { info.si_status() };
    let status = match info.si_code {
        libc::CLD_CONTINUED => CONTINUED,
        libc::CLD_EXITED => (number & 0xff) << 8,
        libc::CLD_KILLED => number,
        libc::CLD_DUMPED => number | CORE,
        _ => number << 8 | 0x7f,
    };
    Some(Change { pid, status })
}

/// A thread's entry among those that wait for any child; taken out when dropped.
struct Waiting<'a>(&'a ThreadHandle);

impl<'a> Waiting<'a> {
    fn new(thread: &'a ThreadHandle) -> Self {
        TABLE.lock().waiting.push(thread.clone());
        Self(thread)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut table = TABLE.lock();
        table.waiting.retain(|thread| thread != self.0);
        drop(table);
        self.0.take_pending(Pending::CHILDREN);
    }
}
