//! Looking: who waits in this process and the others, whether somebody can never be woken, and telling
//! those who cannot. It must not know how threads are entered.

use super::super::blocking::ReasonKind;
use super::super::clock::Deadline;
use super::super::report as warnings;
use super::super::slot::{self, SlotId, my_tag};
use super::super::thread::ThreadHandle;
use super::graph;
use super::leaving::{Motion, motion_of};
use super::nodes::nodes;
use super::peers::Peer;
use super::shared::{self, Remote, field, mode};
use super::text::{self, Holder, Line};
use super::waiting::{Local, Waiting, asks, line_of, own, publish_own, serves};
use super::{Entry, REGISTRY, Verdict, doom};
use std::sync::Arc;
use std::time::Duration;

/// One look.
struct Found {
    waiting: Vec<Waiting>,
    doomed: Vec<bool>,
    /// What must not change until the second look: all who are doomed, by process, the epoch there, and
    /// their numbers.
    identity: Vec<(u32, u64, u64)>,
    /// Of those who wait at an end of a pipe: the processes that have the other one.
    other_ends: Vec<Option<Vec<u32>>>,
}

/// How long a look may be left out for which there is no reason but that somebody may have been
/// overlooked; see [`graph`].
pub(super) const LATEST: Duration = Duration::from_secs(1);

/// Whether a look at everything would find nothing that `me` has completed by beginning to wait. Then it
/// has been said in shared memory that this process waits, if it does.
pub(super) fn may_leave_out(me: &ThreadHandle) -> bool {
    if shared::is_alone() {
        return false;
    }
    let own = own();
    if own.complete {
        publish_own(&own);
    }
    let mut mine = own.waiting.iter();
    let Some(local) = mine.find(|local| local.entry.thread == *me) else {
        return false;
    };
    match local.mode() {
        (mode::OBJECT, object, _) => shared::has_witness_for(object),
        (mode::CHILD, child, _) => shared::is_witness(child as u32),
        (mode::PEER | mode::PEERS, ..) => {
            let peers = local.peers(local.entry.reason.scope);
            peers.into_iter().any(has_witness_for)
        }
        _ => false,
    }
}

/// Whether somebody who may run has a peer open: a process of this tree, or one that is not.
fn has_witness_for(peer: Peer) -> bool {
    if peer.has_travelled() {
        return true;
    }
    // Outside of the tree it takes a look at all processes to find one; so that one is remembered.
    if let Some(pid) = peer.known_outsider()
        && !shared::is_known(pid)
        && peer.is_open_in(pid)
    {
        return true;
    }
    shared::has_witness(|pid| peer.is_open_in(pid))
}

/// Looks whether somebody can never be woken, and tells them. `me` has just begun to wait; without it,
/// a thread has ended.
pub(super) fn check(me: Option<&ThreadHandle>) {
    let begun = Deadline::now();
    if look_at_everything(me) {
        shared::note_look(begun);
    }
}

/// How often, and how long, a look waits for somebody who is awake though he says that he waits.
const MOST_AWAKE: u32 = 20;
const MOMENT: Duration = Duration::from_millis(1);

/// What a look found.
enum Look {
    /// There was no reason to look further than this process.
    Partial,
    /// Nobody waits in vain.
    Nothing,
    /// Somebody does.
    Found(Found),
}

/// Whether it came to the end of it.
fn look_at_everything(me: Option<&ThreadHandle>) -> bool {
    // Only those who wait for something in this process alone do not look again by themselves.
    const TRIES: usize = 100;
    let mut awake = 0;
    for _ in 0..TRIES {
        let Some(verdicts) = shared::verdicts() else {
            // Another process is putting marks on some: a matter of microseconds.
            std::thread::yield_now();
            continue;
        };
        let (first, second) = match look(me) {
            Look::Found(first) => match look(me) {
                Look::Found(second) => (first, second),
                Look::Nothing => return true,
                Look::Partial => return false,
            },
            Look::Nothing => return true,
            Look::Partial => return false,
        };
        if first.identity != second.identity {
            continue;
        }
        match motion_among(&second) {
            Motion::Still => {}
            // Somebody is about to go on by himself, or to end; whoever that concerns will look then.
            Motion::Leaving => return false,
            Motion::Awake if awake < MOST_AWAKE => {
                awake += 1;
                std::thread::sleep(MOMENT);
                continue;
            }
            Motion::Awake => {}
        }
        if shared::begin_verdict(verdicts) {
            tell(second);
            return true;
        }
    }
    false
}

/// What the other processes of a set are about to do, as the kernel sees it.
fn motion_among(found: &Found) -> Motion {
    let mut tags: Vec<u32> = found.identity.iter().map(|(tag, ..)| *tag).collect();
    tags.sort_unstable();
    tags.dedup();
    let mut all = Motion::Still;
    for tag in tags.into_iter().filter(|tag| *tag != my_tag()) {
        let info = SlotId::from_tag(tag).and_then(slot::info);
        match info.map_or(Motion::Still, |info| motion_of(info.pid)) {
            Motion::Leaving => return Motion::Leaving,
            Motion::Awake => all = Motion::Awake,
            Motion::Still => {}
        }
    }
    all
}

fn look(me: Option<&ThreadHandle>) -> Look {
    let own = own();
    let is_exclusive = |local: &Local| {
        matches!(
            local.entry.reason.kind,
            ReasonKind::ThreadJoin | ReasonKind::ReentrantLock
        )
    };
    if own.complete {
        publish_own(&own);
    } else {
        // Then only those who wait for one certain thread can be lost, and whoever closes the circle is
        // one of them.
        let mut mine = own.waiting.iter();
        let closes_circle =
            |me: &ThreadHandle| mine.any(|local| local.entry.thread == *me && is_exclusive(local));
        if !me.is_some_and(closes_circle) {
            return Look::Partial;
        }
    }
    let (processes, remote) = match shared::is_alone() {
        true => (Vec::new(), Vec::new()),
        false => shared::gather(),
    };
    let own_complete = own.complete;
    let epoch = own.epoch;
    let mut waiting: Vec<Waiting> = own.waiting.into_iter().map(Waiting::Here).collect();
    waiting.extend(remote.into_iter().map(Waiting::There));
    let (nodes, other_ends) = nodes(&waiting, &processes);
    let complete = |tag: u32| match tag == my_tag() {
        true => own_complete,
        false => {
            let mut others = processes.iter();
            others.any(|process| process.tag == tag && process.quiet.is_some())
        }
    };
    let doomed = graph::doomed(&nodes, complete);
    let identity: Vec<(u32, u64, u64)> = nodes
        .iter()
        .zip(&waiting)
        .zip(&doomed)
        .filter(|(_, doomed)| **doomed)
        .map(|((node, waiting), _)| {
            let epoch = match waiting {
                // A circle of owners does not depend on what else happens here.
                Waiting::Here(local) if !own_complete => local.entry.serial,
                Waiting::Here(_) => epoch,
                Waiting::There(remote) => {
                    let mut others = processes.iter();
                    let process = others.find(|process| process.tag == remote.process);
                    process.and_then(|process| process.quiet).unwrap_or(0)
                }
            };
            (node.process, epoch, node.thread)
        })
        .collect();
    if identity.is_empty() {
        return Look::Nothing;
    }
    Look::Found(Found {
        waiting,
        doomed,
        identity,
        other_ends,
    })
}

/// Reports a deadlock, and puts the verdict on everybody in it but those who only serve: these have
/// nothing to lose.
fn tell(found: Found) {
    let Found {
        waiting,
        doomed,
        other_ends,
        ..
    } = found;
    let mut chosen: Vec<(&Waiting, Option<Vec<u32>>)> = waiting
        .iter()
        .zip(other_ends)
        .zip(&doomed)
        .filter(|((waiting, _), doomed)| **doomed && !serves(waiting))
        .map(|(chosen, _)| chosen)
        .collect();
    {
        let mut registry = REGISTRY.lock();
        let is_chosen = |serial: u64| {
            chosen.iter().any(
                |(waiting, _)| matches!(waiting, Waiting::Here(local) if local.entry.serial == serial),
            )
        };
        let entries = &mut registry.entries;
        if entries.iter().any(|e| e.doomed && is_chosen(e.serial)) {
            // Another thread was quicker.
            drop(registry);
            return shared::end_verdict();
        }
        for entry in entries.iter_mut() {
            if is_chosen(entry.serial) && !entry.asks {
                entry.doomed = true;
            }
        }
    }
    // Nobody else shall find the same once more.
    let there: Vec<&Remote> = chosen
        .iter()
        .filter_map(|(waiting, _)| match waiting {
            Waiting::There(remote) if !asks(waiting) => Some(remote),
            _ => None,
        })
        .collect();
    shared::doom(&there);
    shared::end_verdict();
    // By process and thread: parents come before their children.
    chosen.sort_by_key(|(waiting, _)| match waiting {
        Waiting::Here(local) => (slot_number(my_tag()), local.entry.thread.id().get()),
        Waiting::There(remote) => (slot_number(remote.process), remote.fields[field::THREAD]),
    });
    let lines: Vec<Line> = chosen
        .iter()
        .map(|(waiting, other_end)| {
            let mut line = match waiting {
                Waiting::Here(local) => local.line(),
                Waiting::There(remote) => line_of(remote),
            };
            if let Some(holders) = other_end {
                let own = match waiting {
                    Waiting::Here(_) => my_tag(),
                    Waiting::There(remote) => remote.process,
                };
                line.other_end = text::other_end(holders, own);
            }
            line
        })
        .collect();
    let report: Arc<str> = text::report(&lines).into();
    warnings::warn(&report);
    let mut here = Vec::new();
    for ((waiting, _), line) in chosen.into_iter().zip(lines) {
        if asks(waiting) {
            continue;
        }
        if let Waiting::Here(local) = waiting {
            let verdict = Verdict {
                what: line.what,
                place: line.place,
                report: report.clone(),
            };
            // All are told before the first one wakes.
            doom(&local.entry.thread, verdict);
            here.push(&local.entry.thread);
        }
    }
    shared::wake(&there);
    for thread in here {
        thread.wake();
    }
}

/// Orders processes as they were started, more or less.
fn slot_number(tag: u32) -> u64 {
    SlotId::from_tag(tag).map_or(0, SlotId::number)
}

/// Another process has found that this thread can never be woken, and said so; `told` is what this
/// process had written about it.
pub(super) fn tell_of_other_process(thread: &ThreadHandle, told: &Remote) {
    let line = line_of(told);
    let report = text::report(std::slice::from_ref(&line));
    let verdict = Verdict {
        what: line.what,
        place: line.place,
        report: report.into(),
    };
    doom(thread, verdict);
}

/// Says that a thread waits in a circle of owners although others run, once for each circle.
pub(super) fn warn_of_circle(serial: u64) {
    let lines = {
        let own = own();
        let by_thread = |id: u64| {
            let mut all = own.waiting.iter();
            all.find(|local| local.entry.thread.id().get() == id)
        };
        let mut all = own.waiting.iter();
        let Some(start) = all.find(|local| local.entry.serial == serial) else {
            return;
        };
        let mut circle: Vec<&Local> = Vec::new();
        let mut current = start;
        loop {
            if let Some(from) = circle
                .iter()
                .position(|seen| seen.entry.serial == current.entry.serial)
            {
                circle.drain(..from);
                break;
            }
            circle.push(current);
            let next = match current.entry.reason.kind {
                _ if !current.waits => None,
                ReasonKind::ThreadJoin => by_thread(current.entry.reason.object),
                _ => match current.holder {
                    Some(Holder {
                        process: None,
                        thread,
                        ..
                    }) => by_thread(thread),
                    _ => None,
                },
            };
            match next {
                Some(next) => current = next,
                None => return,
            }
        }
        // Somebody who waits for a circle is not in it.
        if !circle.iter().any(|local| local.entry.serial == serial) {
            return;
        }
        let serials: Vec<u64> = circle.iter().map(|local| local.entry.serial).collect();
        let mut registry = REGISTRY.lock();
        let is_in = |entry: &&mut Entry| serials.contains(&entry.serial);
        let mut entries: Vec<&mut Entry> = registry.entries.iter_mut().filter(is_in).collect();
        if entries.len() != serials.len() || entries.iter().any(|e| e.warned || e.doomed) {
            return;
        }
        for entry in &mut entries {
            entry.warned = true;
        }
        drop(registry);
        circle.sort_by_key(|local| local.entry.thread.id().get());
        circle.iter().map(|local| local.line()).collect::<Vec<_>>()
    };
    warnings::warn(&text::warning(&lines));
}
