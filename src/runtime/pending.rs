//! What can be pending for a thread: the bits that wake it wherever it blocks and that its next
//! safepoint hands to the layer above.

use std::ops::{BitOr, BitOrAssign};

/// A set of reasons for which a thread must leave what it does.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Pending(u32);

impl Pending {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Signals have arrived: see [`super::signal::take_pending`]. For the main thread only.
    pub const SIGNALS: Self = Self(1);
    /// Something that a script may catch: an asynchronous exception, a cancellation.
    pub const INTERRUPT: Self = Self(1 << 1);
    /// A stop that scripts cannot catch: a limit, the end of daemon threads, a host's cancellation.
    pub const STOP: Self = Self(1 << 2);
    /// A child process may have ended.
    pub const CHILDREN: Self = Self(1 << 3);
    /// The thread waits for what can never happen: see [`super::thread::ThreadHandle::take_verdict`].
    pub const DEADLOCK: Self = Self(1 << 4);
    /// The process is about to be ended, because something in the main thread takes too long: whoever is
    /// at fault says where it is.
    pub const OVERDUE: Self = Self(1 << 5);
    /// Everything.
    pub const ALL: Self = Self(!ENDED);

    /// Bit `index` (0 to 15) of those that the layer above gives meaning to.
    pub const fn user(index: u32) -> Self {
        assert!(index < 15);
        Self(1 << (16 + index))
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` is in it.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What is in both.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this and not in `other`.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    pub(super) const fn from_bits(bits: u32) -> Self {
        Self(bits & !ENDED)
    }
}

/// Set for good in the word of a thread that has ended, so that nothing is counted for it any more.
pub(super) const ENDED: u32 = 1 << 31;

impl BitOr for Pending {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Pending {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Pending({:#x})", self.0)
    }
}
