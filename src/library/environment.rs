//! The process's environment variables. The C library reads them without a lock wherever it
//! likes (time zones, user names), so whoever calls into those parts does it through here.

use std::ffi::{CString, OsString};
use std::sync::{PoisonError, RwLock};

static LOCK: RwLock<()> = RwLock::new(());

/// Does something that may read environment variables inside the C library. It must not block.
pub fn reading<R>(work: impl FnOnce() -> R) -> R {
    let _guard = LOCK.read().unwrap_or_else(PoisonError::into_inner);
    work()
}

/// All variables.
pub fn all() -> Vec<(OsString, OsString)> {
    reading(|| std::env::vars_os().collect())
}

/// Sets a variable.
pub fn set(name: &CString, value: &CString) -> std::io::Result<()> {
    let _guard = LOCK.write().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: nobody reads the variables meanwhile: those who do hold the lock.
    match unsafe { libc::setenv(name.as_ptr(), value.as_ptr(), 1) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// Removes a variable.
pub fn remove(name: &CString) -> std::io::Result<()> {
    let _guard = LOCK.write().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: as above.
    match unsafe { libc::unsetenv(name.as_ptr()) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}
