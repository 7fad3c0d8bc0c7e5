//! Ending with the process that this one works for, whatever either of them does: the kernel sends a
//! signal when the thread that forked this process ends, and the handler sees whether the whole
//! process is gone. It must not know the work.

use std::io;
use std::sync::atomic::{AtomicI32, Ordering};

/// The process that this one works for; 0 for none.
static OWNER: AtomicI32 = AtomicI32::new(0);

/// Ends this process by SIGKILL as soon as its parent, which is `owner`, has ended.
pub fn end_with(owner: i32) -> io::Result<()> {
    OWNER.store(owner, Ordering::SeqCst);
    // One that programs hardly ever use for themselves.
    let signal = libc::SIGRTMAX() - 2;
    // SAFETY: all zero is a valid disposition; what matters is filled in.
    let mut action = unsafe { std::mem::zeroed::<libc::sigaction>() };
    action.sa_sigaction = look as *const () as libc::sighandler_t;
    action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
    // SAFETY: the handler is async-signal-safe, the disposition is valid.
    if unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a plain number is set.
    if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // It may have ended before the kernel knew.
    look(signal);
    Ok(())
}

extern "C" fn look(_: libc::c_int) {
    let owner = OWNER.load(Ordering::SeqCst);
    // The thread alone may have ended: then the process is still the parent, and the kernel sends the
    // signal again when the thread ends that stands in for it now.
    // SAFETY: plain system calls, which a handler may make; errno is not changed by those that succeed.
    unsafe {
        if owner != 0 && libc::getppid() != owner {
            libc::kill(libc::getpid(), libc::SIGKILL);
        }
    }
}
