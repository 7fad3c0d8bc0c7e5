//! What everybody's wait depends on, in this process and the others: the nodes of the graph. It must not
//! know what follows from it.

use super::super::blocking::number;
use super::super::slot::my_tag;
use super::graph::{Needs, Node};
use super::peers::Peer;
use super::shared::{self, Process, Reach, field, mode};
use super::waiting::{ASKS, LOOKS, SERVES, Waiting};
use std::collections::HashMap;

/// What everybody's wait depends on; and for those who wait at an end of a pipe who has the other.
pub(super) fn nodes(
    waiting: &[Waiting],
    processes: &[Process],
) -> (Vec<Node>, Vec<Option<Vec<u32>>>) {
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
pub(super) fn peers_of(fields: &[u64; field::COUNT]) -> impl Iterator<Item = Peer> {
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
pub(super) fn tags_of(pids: &[i32], processes: &[Process]) -> Result<Vec<u32>, i32> {
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
