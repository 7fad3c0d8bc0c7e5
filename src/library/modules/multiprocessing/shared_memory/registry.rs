//! Which segments a program has made and not unlinked: what is left of them when it ends goes with
//! it. There is no process that watches over them; the first process that uses shared memory keeps
//! the list, in memory that its children share, and clears up when it ends.

use std::collections::HashMap;

use super::segment;
use crate::eval::context::Context;
use crate::library::modules::multiprocessing::process::own_pid;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::shared_queue::{Message, SharedQueue};
use crate::runtime::shared_wait::Until;

/// So many entries are put together before more are added.
const MANY: u64 = 512;

/// The list of a session and its children.
#[derive(Default)]
pub struct Registry {
    kept: LeafLock<Option<(SharedQueue, i32)>>,
}

/// A name's first byte in an entry.
const MADE: u8 = b'+';
const UNLINKED: u8 = b'-';

/// Sees to it that there is a list, kept by this process if it is the first.
pub fn open(cx: &Context) {
    let registry = cx.session.extensions.get::<Registry>();
    if registry.kept.lock().is_some() {
        return;
    }
    // Without memory for a list nothing is cleared up.
    if let Ok(queue) = SharedQueue::new(None) {
        registry.kept.lock().get_or_insert((queue, own_pid()));
    }
}

fn list(cx: &Context) -> Option<(SharedQueue, i32)> {
    let registry = cx.session.extensions.find::<Registry>()?;
    let kept = registry.kept.lock();
    kept.clone()
}

fn entry(kind: u8, name: &str, (device, node): (u64, u64)) -> Vec<u8> {
    let mut entry = vec![kind];
    entry.extend_from_slice(&device.to_le_bytes());
    entry.extend_from_slice(&node.to_le_bytes());
    entry.extend_from_slice(name.as_bytes());
    entry
}

fn add(cx: &Context, entry: &[u8]) {
    let Some((queue, _)) = list(cx) else {
        return;
    };
    if queue.len() > MANY {
        put_together(cx, &queue);
    }
    // Without memory for the entry the segment outlives the program.
    let _ = queue.put(&cx.thread, entry, &[], Until::Now);
}

/// Notes that a segment was made.
pub fn made(cx: &Context, name: &str, identity: (u64, u64)) {
    add(cx, &entry(MADE, name, identity));
}

/// Notes that its name was taken away.
pub fn unlinked(cx: &Context, name: &str, identity: (u64, u64)) {
    add(cx, &entry(UNLINKED, name, identity));
}

/// What is in the list, without the pairs of made and unlinked.
fn take_all(cx: &Context, queue: &SharedQueue) -> HashMap<Vec<u8>, i32> {
    let mut counts: HashMap<Vec<u8>, i32> = HashMap::new();
    let mut message = Message::default();
    while queue.get(&cx.thread, &mut message, Until::Now).is_ok() {
        if let Some((kind, rest)) = message.bytes.split_first() {
            let count = counts.entry(rest.to_vec()).or_default();
            *count += if *kind == MADE { 1 } else { -1 };
        }
    }
    counts.retain(|_, count| *count != 0);
    counts
}

fn put_together(cx: &Context, queue: &SharedQueue) {
    for (rest, count) in take_all(cx, queue) {
        let mut entry = vec![if count > 0 { MADE } else { UNLINKED }];
        entry.extend_from_slice(&rest);
        let _ = queue.put(&cx.thread, &entry, &[], Until::Now);
    }
}

/// At the end of a process: if it keeps the list, what is left in it goes.
pub fn finish(cx: &Context) {
    let Some((queue, owner)) = list(cx) else {
        return;
    };
    if owner != own_pid() {
        return;
    }
    for (rest, count) in take_all(cx, &queue) {
        let (Some((device, rest)), true) = (rest.split_first_chunk::<8>(), count > 0) else {
            continue;
        };
        let Some((node, name)) = rest.split_first_chunk::<8>() else {
            continue;
        };
        if let Ok(name) = std::str::from_utf8(name) {
            let identity = (u64::from_le_bytes(*device), u64::from_le_bytes(*node));
            segment::unlink_if(name, identity);
        }
    }
}
