//! Looking: who waits in this process and the others, whether somebody can never be woken, and telling
//! those who cannot. It must not know how threads are entered.

use super::super::blocking::{ReasonKind, Scope, number};
use super::super::clock::Deadline;
use super::super::process;
use super::super::report as warnings;
use super::super::slot::{SlotId, my_tag};
use super::super::thread::ThreadHandle;
use super::graph::{self, Needs, Node};
use super::peers::Peer;
use super::shared::{self, MOST_PEERS, Process, Reach, Remote, Writing, field, mode};
use super::text::{self, Holder, Line};
use super::{Condition, Entry, REGISTRY, Verdict, all_wait, doom, has_outsiders};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// A waiting thread of this process, as it was under the registry's lock.
struct Local {
    entry: Entry,
    holder: Option<Holder>,
    /// Its condition was false, and nothing was pending for it.
    waits: bool,
}

/// This process, as it was under the registry's lock.
struct Own {
    waiting: Vec<Local>,
    /// All its threads wait, and nothing else can happen in it.
    complete: bool,
    epoch: u64,
}

fn own() -> Own {
    let registry = REGISTRY.lock();
    let waiting: Vec<Local> = registry
        .entries
        .iter()
        .map(|entry| Local {
            // SAFETY: the registry's lock is held.
            holder: unsafe { text::holder_of(entry) },
            waits: entry.thread.pending().is_empty()
                && !entry.doomed
                && !entry.shared.is_some_and(shared::has_verdict)
                // SAFETY: as above.
                && unsafe { entry.condition.is_false() },
            entry: entry.clone(),
        })
        .collect();
    let complete =
        all_wait(&registry) && waiting.iter().all(|local| local.waits) && !has_outsiders();
    let epoch = shared::epoch();
    drop(registry);
    // Whoever only looks after something does so when a child has ended.
    let looks = waiting.iter().any(|local| local.entry.looks);
    let complete = complete && !(looks && process::notice_ends());
    Own {
        waiting,
        complete,
        epoch,
    }
}

impl Local {
    /// How its wait can end, as numbers: a mode and what belongs to it.
    fn mode(&self) -> (u64, u64, u64) {
        let reason = &self.entry.reason;
        let me = u64::from(my_tag());
        match (reason.kind, reason.scope) {
            _ if !self.waits => (mode::ANYTHING, 0, 0),
            (ReasonKind::ThreadJoin, _) => (mode::THREAD, me, reason.object),
            (ReasonKind::ReentrantLock, _) => match self.holder {
                Some(holder) => {
                    let process = holder.process.map_or(me, u64::from);
                    (mode::THREAD, process, holder.thread)
                }
                None => (mode::ANYTHING, 0, 0),
            },
            (ReasonKind::ProcessJoin, _) => match reason.children.as_deref() {
                Some([tag]) if *tag != 0 => (mode::CHILD, u64::from(*tag), 0),
                Some(tags) if tags.len() > 1 && !tags.contains(&0) => (mode::CHILDREN, 0, 0),
                _ => (mode::ANYTHING, 0, 0),
            },
            (ReasonKind::Read | ReasonKind::Write, scope) => match self.peers(scope)[..] {
                [] => (mode::ANYTHING, 0, 0),
                [peer] => {
                    let (kind, inode) = peer.to_numbers();
                    (mode::PEER, kind, inode)
                }
                ref peers => (mode::PEERS, peers.len() as u64, 0),
            },
            (_, Scope::Shared) => (mode::OBJECT, reason.object, 0),
            (_, Scope::Process) => (mode::OWN, 0, 0),
            (_, Scope::Peer) => (mode::ANYTHING, 0, 0),
        }
    }

    /// What would have to be open somewhere for a read or a write to go on, one for each descriptor;
    /// none if that is not known of all of them.
    fn peers(&self, scope: Scope) -> Vec<Peer> {
        let Condition::Descriptors(list) = &self.entry.condition else {
            return Vec::new();
        };
        if list.len() > MOST_PEERS {
            return Vec::new();
        }
        let reason = &self.entry.reason;
        let sockets = reason.peers.as_deref().unwrap_or_default();
        let peers: Option<Vec<Peer>> = list
            .iter()
            .enumerate()
            .map(|(index, &(fd, events))| match (scope, events) {
                (Scope::Peer, _) if list.len() == 1 => Some(Peer::Socket(reason.object)),
                (_, libc::POLLIN) => match sockets.get(index) {
                    Some(&inode) if inode != 0 => Some(Peer::Socket(inode)),
                    _ => Peer::of_pipe(fd, true),
                },
                (_, libc::POLLOUT) => Peer::of_pipe(fd, false),
                // A `select`, say, for more than one thing.
                _ => None,
            })
            .collect();
        peers.unwrap_or_default()
    }

    /// The word it sleeps on, for objects in shared memory.
    fn word(&self) -> (u64, u64) {
        match &self.entry.condition {
            Condition::Words(words) if self.entry.reason.scope == Scope::Shared => {
                match words[..] {
                    [(word, expected)] => (word as usize as u64, u64::from(expected)),
                    _ => (0, 0),
                }
            }
            _ => (0, 0),
        }
    }

    fn fields(&self) -> [u64; field::COUNT] {
        let entry = &self.entry;
        let (mode, a, b) = self.mode();
        let (word, expected) = self.word();
        let mut fields = [0; field::COUNT];
        fields[field::THREAD] = entry.thread.id().get();
        fields[field::MODE] = mode;
        fields[field::A] = a;
        fields[field::B] = b;
        fields[field::KIND] = entry.reason.kind.number();
        if entry.serves {
            fields[field::KIND] |= SERVES;
        }
        if entry.asks {
            fields[field::KIND] |= ASKS;
        }
        if entry.looks {
            fields[field::KIND] |= LOOKS;
        }
        fields[field::OBJECT] = entry.reason.object;
        fields[field::WORD] = word;
        fields[field::EXPECTED] = expected;
        fields[field::SINCE] = entry.since.as_nanoseconds();
        fields[field::LOOKED] = entry.looked.as_nanoseconds();
        if entry.looks {
            fields[field::CHILDREN] = process::count_with_slots();
        }
        if mode == mode::PEERS {
            let words = fields[field::PEERS..].chunks_exact_mut(2);
            for (words, peer) in words.zip(self.peers(entry.reason.scope)) {
                let (kind, inode) = peer.to_numbers();
                words.copy_from_slice(&[kind, inode]);
            }
        }
        fields
    }

    fn line(&self) -> Line {
        let entry = &self.entry;
        let me = entry.thread.id();
        let is_own = |holder: &Holder| holder.process.is_none() && holder.thread == me.get();
        Line {
            process: text::process_heading(my_tag()),
            thread: entry.thread.name().to_string(),
            kind: match entry.asks {
                true => ReasonKind::Manager,
                false => entry.reason.kind,
            },
            what: match entry.asks {
                true => text::ASKED.to_owned(),
                false => text::what(&entry.reason, self.holder.as_ref(), Some(me)),
            },
            held_by_itself: self.holder.as_ref().is_some_and(is_own),
            place: text::place(entry.place),
            other_end: String::new(),
        }
    }
}

/// In the number of a kind: it serves others.
const SERVES: u64 = 256;
/// In the number of a kind: another thread does it in its name.
const ASKS: u64 = 512;
/// In the number of a kind: it looks after its process's children when one of them has ended.
const LOOKS: u64 = 1024;

/// Somebody who waits, here or elsewhere.
enum Waiting {
    Here(Local),
    There(Remote),
}

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

/// Separates the parts of a text in shared memory.
const SEPARATOR: char = '\u{1f}';

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
    if let Some(pid) = peer.known_outsider() {
        if !shared::is_known(pid) && peer.is_open_in(pid) {
            return true;
        }
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
        if first.identity == second.identity && shared::begin_verdict(verdicts) {
            tell(second);
            return true;
        }
    }
    false
}

/// Says in shared memory that all threads of this process wait.
fn publish_own(own: &Own) {
    if shared::is_alone() {
        return;
    }
    let writings: Vec<Writing> = own
        .waiting
        .iter()
        .filter_map(|local| {
            let line = local.line();
            let (file, number, source) = match line.place {
                Some(place) => (place.file, place.line, place.text),
                None => (String::new(), 0, String::new()),
            };
            let parts = [
                line.thread,
                line.what,
                number.to_string(),
                file,
                u8::from(line.held_by_itself).to_string(),
                source,
            ];
            Some(Writing {
                index: local.entry.shared?,
                fields: local.fields(),
                text: parts.join(&SEPARATOR.to_string()),
            })
        })
        .collect();
    if writings.len() != own.waiting.len() {
        // Somebody found no room: it counts as one who may run.
        return;
    }
    let registry = REGISTRY.lock();
    if shared::epoch() == own.epoch {
        shared::publish(&writings, own.epoch);
    }
    drop(registry);
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

/// What everybody's wait depends on; and for those who wait at an end of a pipe who has the other.
fn nodes(waiting: &[Waiting], processes: &[Process]) -> (Vec<Node>, Vec<Option<Vec<u32>>>) {
    let mut reach = None;
    let parts: Vec<(u32, [u64; field::COUNT], bool)> = waiting
        .iter()
        .map(|waiting| match waiting {
            Waiting::Here(local) => (my_tag(), local.fields(), true),
            Waiting::There(remote) => (remote.process, remote.fields, false),
        })
        .collect();
    // When each process last did something.
    let mut active: HashMap<u32, u64> = HashMap::new();
    for (tag, fields, _) in &parts {
        let last = active.entry(*tag).or_default();
        *last = (*last).max(fields[field::SINCE]);
    }
    // All of them at a time: it takes a look at every process of the machine.
    let scans = Peer::scan(parts.iter().flat_map(|(_, fields, _)| peers_of(fields)));
    let needs_of_peer = |is_here: bool, fields: &[u64], peer: Peer| {
        // Somebody has it, or the wait would be over: perhaps one whom this process may not look at.
        let scan = scans.get(&peer).filter(|scan| !scan.holders.is_empty());
        let Some(scan) = scan else {
            return Needs::Anything;
        };
        let tags = match tags_of(&scan.holders, processes) {
            Ok(tags) => tags,
            Err(outsider) => {
                peer.note_outsider(outsider);
                return Needs::Anything;
            }
        };
        if !is_here {
            // That another process found nothing at its descriptor means something if nobody can have used
            // the other end since: all who had it then had begun to wait before, and none of them has gone
            // away since, perhaps after a last word.
            let mut actives = tags.iter().map(|tag| active.get(tag).copied());
            let Some(last) = actives.try_fold(0, |last, active| Some(active?.max(last))) else {
                return Needs::Anything;
            };
            match peer.scan_before(scan, last) {
                Some(before) if before.ended < fields[field::LOOKED] => {}
                _ => return Needs::Anything,
            }
        }
        Needs::Processes(tags)
    };
    let lives = |tag: u32| tag == my_tag() || processes.iter().any(|process| process.tag == tag);
    let mut nodes = Vec::with_capacity(parts.len());
    let mut other_ends = Vec::with_capacity(parts.len());
    for (tag, fields, is_here) in &parts {
        let kind = fields[field::KIND] & (SERVES - 1);
        let in_vain = || {
            let is_shared = fields[field::MODE] == mode::OBJECT || fields[field::WORD] != 0;
            !is_shared
                || shared::is_in_vain(
                    kind,
                    fields[field::OBJECT],
                    fields[field::WORD],
                    fields[field::EXPECTED],
                )
        };
        let (a, b) = (fields[field::A], fields[field::B]);
        let mut needs = match fields[field::MODE] {
            _ if !in_vain() => vec![Needs::Anything],
            mode::THREAD => vec![Needs::Thread(a as u32, b)],
            mode::OWN => vec![Needs::Processes(vec![*tag])],
            mode::OBJECT => {
                let reach = reach.get_or_insert_with(|| Reach::find(processes));
                match reach.of(a) {
                    Some(tags) => vec![Needs::Processes(tags)],
                    None => vec![Needs::Anything],
                }
            }
            // Whoever started a process can end it as well.
            mode::CHILD if lives(a as u32) => vec![Needs::Processes(vec![a as u32, *tag])],
            mode::CHILDREN => {
                let children = processes.iter().filter(|process| process.parent == *tag);
                let mut needs: Vec<Needs> = children
                    .map(|process| Needs::Processes(vec![process.tag, *tag]))
                    .collect();
                if needs.is_empty() {
                    needs.push(Needs::Anything);
                }
                needs
            }
            mode::PEER | mode::PEERS => peers_of(fields)
                .map(|peer| needs_of_peer(*is_here, fields, peer))
                .collect(),
            _ => vec![Needs::Anything],
        };
        other_ends.push(match (fields[field::MODE], &needs[..]) {
            (mode::PEER, [Needs::Processes(tags)]) => Some(tags.clone()),
            _ => None,
        });
        if fields[field::KIND] & LOOKS != 0 && kind == number::RESULT {
            // The end of a worker can be what it waits for, even of one that has let go of the pool and is
            // on its way out.
            let children: Vec<&Process> = processes
                .iter()
                .filter(|process| process.parent == *tag)
                .collect();
            if children.len() as u64 != fields[field::CHILDREN] {
                // One has ended, and the news is under way.
                needs.push(Needs::Anything);
            }
            let ends = children.iter();
            needs.extend(ends.map(|child| Needs::Processes(vec![child.tag])));
        }
        nodes.push(Node {
            process: *tag,
            thread: fields[field::THREAD],
            needs,
            // Who asked suffers with the one it asked.
            serves: fields[field::KIND] & (SERVES | ASKS) != 0,
        });
    }
    (nodes, other_ends)
}

/// The peers that a wait for descriptors depends on.
fn peers_of(fields: &[u64; field::COUNT]) -> impl Iterator<Item = Peer> {
    let (a, b) = (fields[field::A], fields[field::B]);
    let several = match fields[field::MODE] {
        mode::PEERS => a as usize,
        _ => 0,
    };
    let one = (fields[field::MODE] == mode::PEER).then(|| Peer::from_numbers(a, b));
    let words = fields[field::PEERS..].chunks_exact(2).take(several);
    one.into_iter()
        .chain(words.map(|words| Peer::from_numbers(words[0], words[1])))
}

/// The tags of the processes with these numbers; or the number of one that is not known.
fn tags_of(pids: &[i32], processes: &[Process]) -> Result<Vec<u32>, i32> {
    let tag_of = |&pid: &i32| {
        if pid == std::process::id() as i32 {
            return Ok(my_tag());
        }
        let mut known = processes.iter();
        known
            .find(|process| process.pid == pid)
            .map(|process| process.tag)
            .ok_or(pid)
    };
    pids.iter().map(tag_of).collect()
}

fn line_of(remote: &Remote) -> Line {
    let mut parts = remote.text.split(SEPARATOR);
    let mut next = || parts.next().unwrap_or_default().to_owned();
    let (thread, what) = (next(), next());
    let number = next().parse().unwrap_or(0);
    let file = next();
    let held_by_itself = next() == "1";
    let text = next();
    Line {
        process: text::process_heading(remote.process),
        thread,
        kind: match remote.fields[field::KIND] {
            kind if kind & ASKS != 0 => ReasonKind::Manager,
            kind => ReasonKind::from_number(kind & (SERVES - 1)),
        },
        what,
        held_by_itself,
        place: (number > 0).then_some(text::PlaceText {
            file,
            line: number,
            text,
        }),
        other_end: String::new(),
    }
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

fn asks(waiting: &Waiting) -> bool {
    match waiting {
        Waiting::Here(local) => local.entry.asks,
        Waiting::There(remote) => remote.fields[field::KIND] & ASKS != 0,
    }
}

fn serves(waiting: &Waiting) -> bool {
    match waiting {
        Waiting::Here(local) => local.entry.serves,
        Waiting::There(remote) => remote.fields[field::KIND] & SERVES != 0,
    }
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
