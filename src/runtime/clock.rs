//! Points in time on the monotonic clock. Knows nothing of what is waited for.
//!
//! Deadlines are absolute, so that a wait which is woken early and resumed keeps its end, and they
//! saturate, so that no timeout a script can write overflows.

use std::time::Duration;

use nix::time::ClockId;

/// The latest moment the kernel can express (`KTIME_MAX`): 292 years after boot.
const LATEST: u64 = i64::MAX as u64;

const NANOSECONDS: u64 = 1_000_000_000;

/// An absolute moment on `CLOCK_MONOTONIC`, in nanoseconds since boot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Deadline(u64);

impl Deadline {
    /// This moment.
    pub fn now() -> Self {
        Self(monotonic_nanoseconds())
    }

    /// The moment `delay` from now; the end of time if that is later than the clock can say.
    pub fn after(delay: Duration) -> Self {
        Self::now().plus(delay)
    }

    /// The moment `seconds` from now. Negative numbers and NaN mean now, infinity and anything too
    /// large the end of time.
    pub fn after_seconds(seconds: f64) -> Self {
        if seconds.is_nan() || seconds <= 0.0 {
            return Self::now();
        }
        // Rounded up: a wait never ends before the time that was asked for.
        let nanoseconds = (seconds * NANOSECONDS as f64).ceil();
        // The cast saturates.
        Self(Self::now().0.saturating_add(nanoseconds as u64).min(LATEST))
    }

    /// The moment `delay` after this one.
    pub fn plus(self, delay: Duration) -> Self {
        let delay = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(delay).min(LATEST))
    }

    /// Whether the moment has come.
    pub fn has_passed(self) -> bool {
        self.0 != LATEST && monotonic_nanoseconds() >= self.0
    }

    /// What is left until then; zero if it has passed.
    pub fn remaining(self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(monotonic_nanoseconds()))
    }

    /// How long ago it was; zero if it is still to come.
    pub fn elapsed(self) -> Duration {
        Duration::from_nanos(monotonic_nanoseconds().saturating_sub(self.0))
    }

    /// Nanoseconds of `CLOCK_MONOTONIC`.
    pub fn as_nanoseconds(self) -> u64 {
        self.0
    }

    /// From nanoseconds of `CLOCK_MONOTONIC`.
    pub fn from_nanoseconds(nanoseconds: u64) -> Self {
        Self(nanoseconds.min(LATEST))
    }

    /// As the kernel takes it.
    pub fn as_timespec(self) -> libc::timespec {
        timespec(self.0)
    }
}

/// A span of nanoseconds as the kernel takes it.
pub(super) fn timespec(nanoseconds: u64) -> libc::timespec {
    libc::timespec {
        tv_sec: (nanoseconds / NANOSECONDS) as libc::time_t,
        tv_nsec: (nanoseconds % NANOSECONDS) as libc::c_long,
    }
}

/// Nanoseconds of `CLOCK_MONOTONIC`, which no one can set back.
pub fn monotonic_nanoseconds() -> u64 {
    // This clock always exists.
    let now = ClockId::CLOCK_MONOTONIC.now();
    now.map_or(0, |now| {
        now.tv_sec() as u64 * NANOSECONDS + now.tv_nsec() as u64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_of_any_size_saturate() {
        for seconds in [1e9, 1e18, 1e300, f64::INFINITY] {
            let deadline = Deadline::after_seconds(seconds);
            assert!(!deadline.has_passed());
            assert!(deadline.remaining() > Duration::from_secs(900_000_000));
            assert!(deadline.as_timespec().tv_sec > 0);
        }
        assert!(!Deadline::after(Duration::MAX).has_passed());
        for seconds in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY] {
            assert!(Deadline::after_seconds(seconds).has_passed());
        }
    }
}
