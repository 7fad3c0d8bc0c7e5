//! Who has the other end of a pipe: asked of the kernel, since descriptors are inherited by every fork
//! and closed by whoever likes. It must not know who waits.

use super::super::shared_descriptor;
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

/// What has to be open somewhere for a descriptor to become ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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

    fn is(self, link: &str, mode: impl FnOnce() -> u32) -> bool {
        let (prefix, inode) = match self {
            Self::Socket(inode) => ("socket:[", inode),
            Self::WriteEnd(inode) | Self::ReadEnd(inode) => ("pipe:[", inode),
        };
        let same = link
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_suffix(']'))
            .is_some_and(|number| number.parse() == Ok(inode));
        same && match self {
            Self::Socket(_) => true,
            Self::WriteEnd(_) => mode() & 0o200 != 0,
            Self::ReadEnd(_) => mode() & 0o400 != 0,
        }
    }

    /// The processes that have it open, as found just now; `None` if that cannot be known.
    pub(super) fn scan(self) -> Option<Scan> {
        let begun = Deadline::now().as_nanoseconds();
        let holders = self.holders()?;
        Some(Scan {
            holders,
            begun,
            ended: Deadline::now().as_nanoseconds(),
        })
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

    fn holders(self) -> Option<Vec<i32>> {
        // It may be on its way to somebody, and then nobody has it open yet.
        if shared_descriptor::have_travelled() {
            return None;
        }
        let mut holders = Vec::new();
        for process in std::fs::read_dir("/proc").ok()? {
            let name = process.ok()?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
                continue;
            };
            // Of other users, or gone meanwhile: neither has our pipes.
            let Ok(descriptors) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
                continue;
            };
            let has_it = descriptors.flatten().any(|descriptor| {
                let path = descriptor.path();
                let Ok(link) = std::fs::read_link(&path) else {
                    return false;
                };
                let mode = || std::fs::symlink_metadata(&path).map_or(0o600, |data| data.mode());
                link.to_str().is_some_and(|link| self.is(link, mode))
            });
            if has_it {
                holders.push(pid);
            }
        }
        Some(holders)
    }
}
