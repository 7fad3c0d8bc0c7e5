//! How a thread of the interpreter starts, on a thread of the C library, and what is done when its
//! function has returned. Must not know what the function is.

use super::clock::Deadline;
use super::idle_threads::{self, Idle};
use super::leaf_lock::assert_no_lock_held;
use super::sharing;
use super::signal::{self, SignalMask};
use super::thread::{ThreadHandle, ThreadKind};
use super::thread_usage::ThreadUsage;
use super::world;
use std::io;

/// Starts a thread that runs `body` attached. `creator` is the calling thread, at a safepoint: if it
/// is the only one, values become shared here. The thread needs no join.
///
/// If the operating system refuses a thread, its error is returned and nothing has happened.
pub fn spawn(
    creator: &ThreadHandle,
    name: &str,
    stack_size: usize,
    body: impl FnOnce(&ThreadHandle) + Send + 'static,
) -> io::Result<ThreadHandle> {
    creator.assert_current();
    assert_no_lock_held();
    creator.assert_attached();
    // From here on two threads may write: what one kept back goes first.
    super::output::flush_all(creator);
    if !world::is_shared() {
        sharing::set_shared(true);
    }
    let handle = ThreadHandle::new(name.into(), ThreadKind::Spawned);
    handle.add_to_registry();
    let stack_size = stack_size
        .max(libc::PTHREAD_STACK_MIN)
        .checked_next_multiple_of(4096)
        .unwrap_or(usize::MAX & !4095);
    let start = Box::new(Start {
        handle: handle.clone(),
        body: Box::new(body),
        stack_size,
    });
    let started = match idle_threads::hand(start, stack_size) {
        Ok(()) => Ok(()),
        Err(start) => start_native(start, stack_size).or_else(|(error, start)| {
            // Perhaps one more than there may be.
            match idle_threads::send_away(creator) {
                true => start_native(start, stack_size).map_err(|(error, _)| error),
                false => Err(error),
            }
        }),
    };
    match started {
        Ok(()) => Ok(handle),
        Err(error) => {
            handle.give_up();
            Err(error)
        }
    }
}

/// A function that is to run on a native thread, with all that is the thread's own.
pub(super) struct Start {
    handle: ThreadHandle,
    body: Box<dyn FnOnce(&ThreadHandle) + Send>,
    /// Bytes of the native stack.
    stack_size: usize,
}

/// A thread of the C library that nobody has to join: std's own would leave a join handle, which
/// panics in the child of a fork, and an alternate signal stack for each thread. Gives back what the system refuses
/// to start.
fn start_native(start: Box<Start>, stack_size: usize) -> Result<(), (io::Error, Box<Start>)> {
    let check = |code| match code {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    };
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: initialises the attributes, which are destroyed below.
    if let Err(error) = check(unsafe { libc::pthread_attr_init(attributes.as_mut_ptr()) }) {
        return Err((error, start));
    }
    // SAFETY: initialised above.
    let set =
        check(unsafe { libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), stack_size) })
            .and_then(|()| {
                // SAFETY: initialised above.
                check(unsafe {
                    libc::pthread_attr_setdetachstate(
                        attributes.as_mut_ptr(),
                        libc::PTHREAD_CREATE_DETACHED,
                    )
                })
            });
    let argument = Box::into_raw(start);
    let started = set.and_then(|()| {
        let mut thread = std::mem::MaybeUninit::<libc::pthread_t>::uninit();
        // SAFETY: the attributes are initialised; `run` takes the box back, or we do if it never runs.
        check(unsafe {
            libc::pthread_create(
                thread.as_mut_ptr(),
                attributes.as_ptr(),
                run,
                argument.cast(),
            )
        })
    });
    // SAFETY: initialised above and not used again.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    // SAFETY: the thread was not started, so the box is still ours.
    started.map_err(|error| (error, unsafe { Box::from_raw(argument) }))
}

extern "C" fn run(argument: *mut libc::c_void) -> *mut libc::c_void {
    // SAFETY: `start_native` made it from a box and hands it to this thread alone.
    let first = unsafe { Box::from_raw(argument.cast::<Start>()) };
    let oldest = Deadline::after(idle_threads::OLDEST);
    let mut next = Some((first, None));
    while let Some((start, used_before)) = next {
        let (idle, signals) = start.run(used_before, oldest);
        next = idle
            .and_then(|idle| idle.wait(signals))
            .map(|start| (start, Some(Box::new(ThreadUsage::of_native_thread()))));
    }
    std::ptr::null_mut()
}

impl Start {
    /// The native thread is there, and about to run it.
    pub(super) fn note_native_id(&self, native_id: u32) {
        self.handle.note_native_id(native_id);
    }

    /// Runs the function as a thread of the interpreter, from its first moment to its last, on a native thread that has
    /// used so much before, and is to run no other function after `oldest`. Gives the native thread as an idle one, if
    /// it is kept, and the signals that were kept away from it: from the end on all are.
    fn run(
        self,
        used_before: Option<Box<ThreadUsage>>,
        oldest: Deadline,
    ) -> (Option<Idle>, SignalMask) {
        let Self {
            handle,
            body,
            stack_size,
        } = self;
        handle.begin(used_before);
        // Attached: no lock may be held at a fork, not even that of the name.
        set_native_name(&handle.name());
        // A panic is the interpreter's own defect; the hook has reported it, and the others live on.
        let panicked =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| body(&handle))).is_err();
        if handle.is_main() {
            // This thread forked and the process consists of it: returning would end the process with
            // status 0, whatever happened.
            let code = if panicked { 1 } else { handle.exit_code() };
            super::process::exit_now(&handle, code);
        }
        // Before anybody hears that it has ended, and starts the next.
        let idle = match panicked || oldest.has_passed() {
            true => None,
            false => Idle::offer(handle.native_id(), stack_size),
        };
        // A signal that all others keep away from themselves would else find this one, and end the process.
        let signals = signal::block_all();
        handle.end();
        (idle, signals)
    }
}

fn set_native_name(name: &str) {
    // The kernel keeps 15 bytes.
    let mut bytes = [0_u8; 16];
    let mut end = name.len().min(bytes.len() - 1);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    bytes[..end].copy_from_slice(&name.as_bytes()[..end]);
    // SAFETY: the name ends with a zero byte within its 16 bytes.
    unsafe { libc::prctl(libc::PR_SET_NAME, bytes.as_ptr()) };
}
