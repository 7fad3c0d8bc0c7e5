//! Who has the other end of a pipe: asked of the kernel, since descriptors are inherited by every fork
//! and closed by whoever likes. It must not know who waits.

use super::super::shared_descriptor;
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;

use super::super::clock::Deadline;
use super::super::leaf_lock::LeafLock;

/// Who has something open, and when that was found out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Scan {
    /// The numbers of the processes.
    pub(super) holders: Vec<i32>,
    /// Before the first process was looked at.
    pub(super) begun: u64,
    /// After the last one was.
    pub(super) ended: u64,
}

/// The last scan of each of the latest peers.
static SCANS: LeafLock<Vec<(Peer, Scan)>> = LeafLock::new(Vec::new());

/// Of how many peers a scan is kept.
const MOST_SCANS: usize = 64;

/// Processes outside of the tree that have a peer open, as found last.
static OUTSIDERS: LeafLock<Vec<(Peer, i32)>> = LeafLock::new(Vec::new());

/// What has to be open somewhere for a descriptor to become ready.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Peer {
    /// A socket with this inode.
    Socket(u64),
    /// The pipe with this inode, for writing.
    WriteEnd(u64),
    /// The pipe with this inode, for reading.
    ReadEnd(u64),
}

impl Peer {
    /// As two numbers.
    pub(super) fn to_numbers(self) -> (u64, u64) {
        match self {
            Self::Socket(inode) => (0, inode),
            Self::WriteEnd(inode) => (1, inode),
            Self::ReadEnd(inode) => (2, inode),
        }
    }

    pub(super) fn from_numbers(kind: u64, inode: u64) -> Self {
        match kind {
            0 => Self::Socket(inode),
            1 => Self::WriteEnd(inode),
            _ => Self::ReadEnd(inode),
        }
    }

    /// For a descriptor that is an end of a pipe without a name.
    pub(super) fn of_pipe(fd: i32, reads: bool) -> Option<Self> {
        let link = std::fs::read_link(format!("/proc/self/fd/{fd}")).ok()?;
        let inode = link
            .to_str()?
            .strip_prefix("pipe:[")?
            .strip_suffix(']')?
            .parse()
            .ok()?;
        Some(match reads {
            true => Self::WriteEnd(inode),
            false => Self::ReadEnd(inode),
        })
    }

    /// What a link below `/proc/…/fd` says; `mode` is that of the link, asked for where it matters.
    fn of_link(link: &str, mode: impl FnOnce() -> u32) -> [Option<Self>; 2] {
        let inode_of = |prefix| {
            let rest: &str = link.strip_prefix(prefix)?;
            rest.strip_suffix(']')?.parse::<u64>().ok()
        };
        if let Some(inode) = inode_of("socket:[") {
            return [Some(Self::Socket(inode)), None];
        }
        let Some(inode) = inode_of("pipe:[") else {
            return [None, None];
        };
        let mode = mode();
        [
            (mode & 0o200 != 0).then_some(Self::WriteEnd(inode)),
            (mode & 0o400 != 0).then_some(Self::ReadEnd(inode)),
        ]
    }

    /// Which processes have these open, as found just now; nothing of what cannot be known.
    pub(super) fn scan(peers: impl Iterator<Item = Self>) -> HashMap<Self, Scan> {
        let mut holders: HashMap<Self, Vec<i32>> = peers.map(|peer| (peer, Vec::new())).collect();
        if holders.is_empty() || shared_descriptor::have_travelled() {
            return HashMap::new();
        }
        let begun = Deadline::now().as_nanoseconds();
        let Ok(processes) = std::fs::read_dir("/proc") else {
            return HashMap::new();
        };
        for process in processes {
            let Ok(process) = process else {
                return HashMap::new();
            };
            let name = process.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
                continue;
            };
            each_open(pid, |peer| {
                if let Some(holders) = holders.get_mut(&peer)
                    && holders.last() != Some(&pid)
                {
                    holders.push(pid);
                }
                false
            });
        }
        let ended = Deadline::now().as_nanoseconds();
        let scan = |holders| Scan {
            holders,
            begun,
            ended,
        };
        let all = holders.into_iter();
        all.map(|(peer, holders)| (peer, scan(holders))).collect()
    }

    /// Whether a process has it open.
    pub(super) fn is_open_in(self, pid: i32) -> bool {
        each_open(pid, |peer| peer == self)
    }

    /// Whether it may be on its way to somebody, and then nobody has it open yet.
    pub(super) fn has_travelled(self) -> bool {
        shared_descriptor::have_travelled()
    }

    /// A process that is none of the tree has it open.
    pub(super) fn note_outsider(self, pid: i32) {
        let mut outsiders = OUTSIDERS.lock();
        outsiders.retain(|(peer, _)| *peer != self);
        if outsiders.len() >= MOST_SCANS {
            outsiders.remove(0);
        }
        outsiders.push((self, pid));
    }

    /// The one that was noted last.
    pub(super) fn known_outsider(self) -> Option<i32> {
        let outsiders = OUTSIDERS.lock();
        let mut all = outsiders.iter();
        all.find(|(peer, _)| *peer == self).map(|(_, pid)| *pid)
    }

    /// When its holders were last found to be the same as in a scan of now, and then nobody of them has
    /// done anything since; that one is noted for the next time if nothing like it was noted before.
    /// `active` says when the last of them did something.
    pub(super) fn scan_before(self, now: &Scan, active: u64) -> Option<Scan> {
        let mut scans = SCANS.lock();
        if let Some((_, before)) = scans.iter().find(|(peer, _)| *peer == self)
            && before.holders == now.holders
            && active < before.begun
        {
            return Some(before.clone());
        }
        scans.retain(|(peer, _)| *peer != self);
        if scans.len() >= MOST_SCANS {
            scans.remove(0);
        }
        scans.push((self, now.clone()));
        None
    }
}

/// Shows what a process has open until that is enough; whether it was. Nothing of processes of other users, or
/// gone meanwhile: neither has our pipes.
fn each_open(pid: i32, mut is_enough: impl FnMut(Peer) -> bool) -> bool {
    let Ok(descriptors) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    descriptors.flatten().any(|descriptor| {
        let path = descriptor.path();
        let Ok(link) = std::fs::read_link(&path) else {
            return false;
        };
        let mode = || std::fs::symlink_metadata(&path).map_or(0o600, |data| data.mode());
        let found = link.to_str().map(|link| Peer::of_link(link, mode));
        found.into_iter().flatten().flatten().any(&mut is_enough)
    })
}
