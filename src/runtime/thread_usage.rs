//! What a thread has used of the processor and of the system. The kernel counts for native threads, of which one may
//! have run several threads of the interpreter, one after the other. It must not know what threads run.

use nix::sys::time::TimeValLike;
use nix::time::ClockId;

/// What was used up to some moment.
#[derive(Clone, Copy)]
pub struct ThreadUsage {
    /// Time of the processor, in nanoseconds.
    pub nanoseconds: i64,
    /// All that the kernel counts.
    pub counts: libc::rusage,
}

impl ThreadUsage {
    /// What the calling native thread has used.
    pub(super) fn of_native_thread() -> Self {
        // SAFETY: plain numbers, of which zero is one.
        let mut counts = unsafe { std::mem::zeroed::<libc::rusage>() };
        // SAFETY: a valid place. It cannot fail for the calling thread.
        unsafe { libc::getrusage(libc::RUSAGE_THREAD, &mut counts) };
        let time = ClockId::CLOCK_THREAD_CPUTIME_ID.now();
        Self {
            nanoseconds: time.map_or(0, |time| time.num_nanoseconds()),
            counts,
        }
    }

    /// What was used since another moment. The most memory there was is that of the whole process.
    pub(super) fn since(mut self, before: &Self) -> Self {
        self.nanoseconds -= before.nanoseconds;
        let (now, then) = (&mut self.counts, &before.counts);
        for (now, then) in [
            (&mut now.ru_utime, then.ru_utime),
            (&mut now.ru_stime, then.ru_stime),
        ] {
            let microseconds = microseconds(*now) - microseconds(then);
            now.tv_sec = microseconds.div_euclid(1_000_000);
            now.tv_usec = microseconds.rem_euclid(1_000_000);
        }
        for (now, then) in [
            (&mut now.ru_minflt, then.ru_minflt),
            (&mut now.ru_majflt, then.ru_majflt),
            (&mut now.ru_inblock, then.ru_inblock),
            (&mut now.ru_oublock, then.ru_oublock),
            (&mut now.ru_nvcsw, then.ru_nvcsw),
            (&mut now.ru_nivcsw, then.ru_nivcsw),
        ] {
            *now -= then;
        }
        self
    }
}

fn microseconds(time: libc::timeval) -> i64 {
    time.tv_sec * 1_000_000 + time.tv_usec
}
