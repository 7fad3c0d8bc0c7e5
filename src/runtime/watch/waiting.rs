//! The waiting threads of this process as the registry knows them, and as other processes are told of
//! them in shared memory. It must not know who waits in vain.

use super::super::blocking::{ReasonKind, Scope};
use super::super::process;
use super::super::slot::my_tag;
use super::peers::Peer;
use super::shared::{self, MOST_PEERS, Remote, Writing, field, mode};
use super::text::{self, Holder, Line};
use super::{Condition, Entry, REGISTRY, all_wait, has_outsiders};

/// A waiting thread of this process, as it was under the registry's lock.
pub(super) struct Local {
    pub(super) entry: Entry,
    pub(super) holder: Option<Holder>,
    /// Its condition was false, and nothing was pending for it.
    pub(super) waits: bool,
}

/// This process, as it was under the registry's lock.
pub(super) struct Own {
    pub(super) waiting: Vec<Local>,
    /// All its threads wait, and nothing else can happen in it.
    pub(super) complete: bool,
    pub(super) epoch: u64,
}

pub(super) fn own() -> Own {
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
    pub(super) fn mode(&self) -> (u64, u64, u64) {
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
            (ReasonKind::ProcessJoin, _) => match reason.children[..] {
                [tag] if tag != 0 => (mode::CHILD, u64::from(tag), 0),
                [_, ..] if !reason.children.contains(&0) => (mode::CHILDREN, 0, 0),
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
    pub(super) fn peers(&self, scope: Scope) -> Vec<Peer> {
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
    pub(super) fn word(&self) -> (u64, u64) {
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

    pub(super) fn fields(&self) -> [u64; field::COUNT] {
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

    pub(super) fn line(&self) -> Line {
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
            held: match &self.holder {
                Some(holder) if is_own(holder) => text::Held::ByItself,
                Some(holder) if text::is_over(holder) => text::Held::ByTheGone,
                _ => text::Held::Otherwise,
            },
            place: text::place(entry.place),
            other_end: String::new(),
        }
    }
}

/// In the number of a kind: it serves others.
pub(super) const SERVES: u64 = 256;

/// In the number of a kind: another thread does it in its name.
pub(super) const ASKS: u64 = 512;

/// In the number of a kind: it looks after its process's children when one of them has ended.
pub(super) const LOOKS: u64 = 1024;

/// Somebody who waits, here or elsewhere.
pub(super) enum Waiting {
    Here(Local),
    There(Remote),
}

/// Separates the parts of a text in shared memory.
pub(super) const SEPARATOR: char = '\u{1f}';

/// Says in shared memory that all threads of this process wait.
pub(super) fn publish_own(own: &Own) {
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
                (line.held as u8).to_string(),
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

pub(super) fn line_of(remote: &Remote) -> Line {
    let mut parts = remote.text.split(SEPARATOR);
    let mut next = || parts.next().unwrap_or_default().to_owned();
    let (thread, what) = (next(), next());
    let number = next().parse().unwrap_or(0);
    let file = next();
    let held = text::Held::from_text(&next());
    let text = next();
    Line {
        process: text::process_heading(remote.process),
        thread,
        kind: match remote.fields[field::KIND] {
            kind if kind & ASKS != 0 => ReasonKind::Manager,
            kind => ReasonKind::from_number(kind & (SERVES - 1)),
        },
        what,
        held,
        place: (number > 0).then_some(text::PlaceText {
            file,
            line: number,
            text,
        }),
        other_end: String::new(),
    }
}

pub(super) fn asks(waiting: &Waiting) -> bool {
    match waiting {
        Waiting::Here(local) => local.entry.asks,
        Waiting::There(remote) => remote.fields[field::KIND] & ASKS != 0,
    }
}

pub(super) fn serves(waiting: &Waiting) -> bool {
    match waiting {
        Waiting::Here(local) => local.entry.serves,
        Waiting::There(remote) => remote.fields[field::KIND] & SERVES != 0,
    }
}
