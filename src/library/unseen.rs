//! Errors of threads, processes and tasks that nobody has looked at: they make the program's exit
//! status 1. It must not know where they come from.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::eval::context::Context;

/// How many errors of a session nobody has looked at.
#[derive(Debug, Default)]
pub struct Unseen {
    count: AtomicU64,
}

/// Notes an error that nobody has looked at yet.
pub fn add(cx: &Context) {
    let unseen = cx.session.extensions.get::<Unseen>();
    unseen.count.fetch_add(1, Ordering::Relaxed);
}

/// Takes back [`add`]: somebody has looked.
pub fn remove(cx: &Context) {
    let unseen = cx.session.extensions.get::<Unseen>();
    unseen.count.fetch_sub(1, Ordering::Relaxed);
}

/// Whether there are any.
pub fn any(cx: &Context) -> bool {
    let unseen = cx.session.extensions.get::<Unseen>();
    unseen.count.load(Ordering::Relaxed) > 0
}
