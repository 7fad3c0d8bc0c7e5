//! A timer that kills the process when it runs out: for work that may not take longer, whatever it
//! does. It must not know the work.

use super::clock::{self, Deadline};
use std::io;

/// Kills the process at its end, unless it is dropped before.
#[derive(Debug)]
pub struct TaskTimer {
    timer: libc::timer_t,
    end: u64,
}

impl TaskTimer {
    /// A timer over so many nanoseconds.
    pub fn start(nanoseconds: u64) -> io::Result<Self> {
        // SAFETY: all zero is a valid event, of which what matters is filled in.
        let mut event = unsafe { std::mem::zeroed::<libc::sigevent>() };
        event.sigev_notify = libc::SIGEV_SIGNAL;
        // No handler, no mask and no state of the process keeps this one back.
        event.sigev_signo = libc::SIGKILL;
        let mut timer: libc::timer_t = std::ptr::null_mut();
        // SAFETY: the event and the place for the timer are on this stack.
        if unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, &mut timer) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let own = Self {
            timer,
            end: Deadline::now().as_nanoseconds().saturating_add(nanoseconds),
        };
        let setting = libc::itimerspec {
            it_interval: clock::timespec(0),
            it_value: clock::timespec(nanoseconds.max(1)),
        };
        // SAFETY: the timer exists, the setting is on this stack.
        if unsafe { libc::timer_settime(timer, 0, &setting, std::ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(own)
    }

    /// Its end, in nanoseconds of the monotonic clock.
    pub fn end(&self) -> u64 {
        self.end
    }
}

impl Drop for TaskTimer {
    fn drop(&mut self) {
        // SAFETY: the timer exists until here.
        unsafe { libc::timer_delete(self.timer) };
    }
}
