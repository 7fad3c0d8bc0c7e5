//! `wait` and `waitpid` as scripts call them, over the table of children: any child, or one of a
//! group, or one by its number, each once.

use super::blocking::Outcome;
use super::clock::Deadline;
use super::pending::Pending;
use super::process::{ChildError, FIRST_SLICE, LAST_SLICE, RUNNING, State, TABLE, wait_for_end};
use super::thread::ThreadHandle;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

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
    const KNOWN: i32 = libc::WNOHANG | libc::WUNTRACED | libc::WCONTINUED;
    if options & !KNOWN != 0 {
        return Err(ChildError::Os(io::Error::from_raw_os_error(libc::EINVAL)));
    }
    let _waiting = (options & libc::WNOHANG == 0).then(|| Waiting::new(thread));
    let mut slice = FIRST_SLICE;
    let mut seen: Vec<Arc<State>> = Vec::new();
    loop {
        let chosen = match look(pid, options, &seen)? {
            Look::Ended(pid, status) => return Ok(Some((pid, status))),
            Look::Running(chosen) => chosen,
        };
        if options & libc::WNOHANG != 0 {
            return Ok(None);
        }
        // Stops and continuations are seen by no descriptor.
        let stops = options & !libc::WNOHANG != 0;
        let deadline = stops.then(|| Deadline::after(LAST_SLICE));
        match wait_for_end(thread, &chosen, deadline, &mut slice) {
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

/// What a look at the children gave.
enum Look {
    Ended(i32, i32),
    Running(Vec<Arc<State>>),
}

/// Looks for a child among those that `pid` names. `seen` were running at the last look: one of them
/// that the runtime has reaped since still counts for this waiter.
fn look(pid: i32, options: i32, seen: &[Arc<State>]) -> Result<Look, ChildError> {
    let mut table = TABLE.lock();
    for state in seen {
        let status = state.status.load(Ordering::Acquire);
        if status >= 0 && !state.reported.swap(true, Ordering::AcqRel) {
            table.ended.retain(|(other, _)| *other != state.pid);
            return Ok(Look::Ended(state.pid, status as i32));
        }
    }
    if pid > 0
        && let Some(place) = table.ended.iter().position(|(other, _)| *other == pid)
        && let Some((pid, status)) = table.ended.remove(place)
    {
        return Ok(Look::Ended(pid, status));
    }
    let chosen: Vec<_> = table
        .living
        .values()
        .filter(|state| is_named(pid, state.pid))
        .cloned()
        .collect();
    for state in &chosen {
        if let Some(status) = table.reap(state) {
            state.reported.store(true, Ordering::Release);
            return Ok(Look::Ended(state.pid, status));
        }
        if let Some(status) = changed_state(state.pid, options) {
            return Ok(Look::Ended(state.pid, status));
        }
    }
    let running: Vec<_> = chosen
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

/// Whether the child was stopped or continued, if the options ask for that.
fn changed_state(pid: i32, options: i32) -> Option<i32> {
    let wanted = options & (libc::WUNTRACED | libc::WCONTINUED);
    if wanted == 0 {
        return None;
    }
    let flags = match wanted {
        libc::WUNTRACED => libc::WSTOPPED,
        libc::WCONTINUED => libc::WCONTINUED,
        _ => libc::WSTOPPED | libc::WCONTINUED,
    };
    // SAFETY: all zero is a valid siginfo.
    let mut info = unsafe { std::mem::zeroed::<libc::siginfo_t>() };
    // Not WEXITED: an end is only ever taken by `reap`.
    // SAFETY: `info` is a valid place. With WNOHANG it never blocks.
    let result = unsafe {
        libc::waitid(
            libc::P_PID,
            pid as libc::id_t,
            &mut info,
            flags | libc::WNOHANG,
        )
    };
    // SAFETY: waitid fills in the fields of SIGCHLD, or leaves zeros.
    if result != 0 || unsafe { info.si_pid() } != pid {
        return None;
    }
    const CONTINUED: i32 = 0xffff;
    match info.si_code {
        libc::CLD_CONTINUED => Some(CONTINUED),
        // SAFETY: as above.
        _ => Some(unsafe { info.si_status() } << 8 | 0x7f),
    }
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
