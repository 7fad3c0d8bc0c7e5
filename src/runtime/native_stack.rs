//! Where the calling thread's native stack ends. It must not know what runs on it.

use std::cell::Cell;

thread_local! {
    /// Where the stack ends, once that is known; 0 before.
    static END: Cell<usize> = const { Cell::new(0) };
}

/// The lowest address of the calling thread's stack that may be used, guard pages left out. For
/// a thread whose limits cannot be told, an address not far below the present position.
pub fn lowest_address() -> usize {
    let here = 0u8;
    let here = &raw const here as usize;
    // The C library asks the kernel, and allocates, each time.
    if END.get() == 0 {
        END.set(find_end().unwrap_or(0));
    }
    match END.get() {
        // A guess that every thread's stack fulfils: 256 KiB below the caller.
        0 => here.saturating_sub(256 * 1024),
        // The main thread's stack grows up to a limit that is often larger than what can be had.
        end => end.max(here.saturating_sub(64 * 1024 * 1024)),
    }
}

/// The end of the calling thread's stack, guard pages left out, if the C library can tell.
fn find_end() -> Option<usize> {
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: fills the attributes of the calling thread, or fails.
    if unsafe { libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) } != 0 {
        return None;
    }
    let (mut address, mut size, mut guard) = (std::ptr::null_mut(), 0usize, 0usize);
    // SAFETY: the attributes were filled; they are destroyed below and not used again.
    let found = unsafe {
        let stack = libc::pthread_attr_getstack(attributes.as_ptr(), &mut address, &mut size);
        libc::pthread_attr_getguardsize(attributes.as_ptr(), &mut guard);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        stack == 0
    };
    (found && size > 0).then(|| address as usize + guard)
}
