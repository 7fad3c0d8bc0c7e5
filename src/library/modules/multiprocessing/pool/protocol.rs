//! What the owner of a pool and its workers say to each other in a byte or a word. It must not know how that travels.

/// How a task's arguments are to be used; the last byte of its message.
pub mod mode {
    /// `(function, args, kwargs)`.
    pub const APPLY: u8 = 0;
    /// `(function, items)`: each is the one argument of a call.
    pub const MAP: u8 = 1;
    /// The same: each has all arguments of a call.
    pub const STARMAP: u8 = 2;
    /// As `MAP`, with errors as results.
    pub const MAP_EACH: u8 = 3;
    /// A flag: eight bytes before the mode say how many nanoseconds the task may take.
    pub const LIMITED: u8 = 0x80;
    /// A flag: the call of an executor, which may have been cancelled and fails with what it raises,
    /// whatever that is.
    pub const FUTURE: u8 = 0x40;
}

/// What a worker says; the last byte of its message, after a number of eight bytes.
pub mod answer {
    /// The value of the task of that number.
    pub const VALUE: u8 = 0;
    /// What it raised, with the traceback.
    pub const EXCEPTION: u8 = 1;
    /// It called `sys.exit`, with what.
    pub const EXIT: u8 = 2;
    /// Its value cannot travel: the value in words, and why.
    pub const UNSENDABLE: u8 = 3;
    /// The initializer failed: what it raised. The number is the worker's place.
    pub const NOT_READY: u8 = 4;
    /// The worker at that place has done as many tasks as it may.
    pub const BYE: u8 = 5;
    /// The task of that number was not run: whether it was cancelled could not be told any more.
    pub const NOT_RUN: u8 = 6;
}

/// What became of a task that could be cancelled.
pub mod claim {
    /// It waits.
    pub const OPEN: u64 = 0;
    /// A worker has begun it.
    pub const BEGUN: u64 = 1;
    /// It is not to be run.
    pub const CANCELLED: u64 = 2;
}
