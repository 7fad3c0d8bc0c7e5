//! Which of those who wait can never be woken: the argument, and the computation, on plain numbers.
//! It must not know what is waited for.
//!
//! **Why a verdict is no false alarm.** Of every waiting thread it is known who could end its wait: one
//! thread (the holder of a re-entrant lock, the thread that is joined), or any thread of certain
//! processes (those that can reach the object). The verdict falls on the greatest set in which everybody
//! waits, every wait's condition is false, and everybody who could end any of the waits is in the set.
//! Suppose one of them is woken after all, and take the first such event. Somebody caused it: not one of
//! the set, since until that event none of them runs; and not one outside of it, since nobody outside can
//! reach what they wait for. So there is no such event.
//!
//! What one of the set has done before it began to wait may still be under way: a signal that ends another one, or
//! interrupts it. The kernel knows of it, and is asked before a verdict: see `leaving`.
//!
//! What could wake somebody without being a thread that is known (a timeout, a signal with a handler of
//! the script's own, a socket, a host, a process that is just starting) counts as somebody outside: see
//! where nodes are made.
//!
//! The state is looked at piece by piece while others run, so it must be known to have been true all at
//! once. Each look is made twice, and counts only if nobody's number of waits has changed in between:
//! then everybody in the set waited at the moment between the two looks, and the conditions, evaluated
//! after that moment, were false at it, because nobody who could have changed them ran.
//!
//! **Why nobody is overlooked, though not everybody looks.** A set comes about when the last of it
//! begins to wait, and then that one is in it. So who begins to wait needs not look at all if it knows a
//! *witness*: a process that lives, that can end this wait, and not all of whose threads wait. Each one
//! says that it waits before it looks for witnesses, and the witness will do the same: of two who take each
//! other for the witness one would have to have looked before the other had spoken, and both have spoken
//! before they look. What else can complete a set, the end of a process by force or the last handle that
//! somebody drops, used to be found by the next one who began to wait, whoever that was. It still is: who
//! has left out a look makes it up a little later, unless another process has looked at everything in
//! the meantime.

use std::collections::HashMap;

/// What must happen for a wait to end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Needs {
    /// Something of this thread: its process and number.
    Thread(u32, u64),
    /// Something of any thread of these processes.
    Processes(Vec<u32>),
    /// Something that is not known, or has happened already.
    Anything,
}

/// A thread that waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Node {
    /// The process's tag.
    pub process: u32,
    /// The thread's number.
    pub thread: u64,
    /// Who could end its wait.
    pub needs: Vec<Needs>,
    /// It serves others: that it waits hurts nobody.
    pub serves: bool,
}

/// Which nodes can never be woken. `complete` says of a process that all its threads are among the nodes,
/// and that nothing else can happen in it.
pub(super) fn doomed(nodes: &[Node], complete: impl Fn(u32) -> bool) -> Vec<bool> {
    let mut doomed: Vec<bool> = nodes
        .iter()
        .map(|node| !node.needs.contains(&Needs::Anything))
        .collect();
    // Of each process that has nodes: whether nothing of it can go on, as far as is known.
    let mut lost: HashMap<u32, bool> = HashMap::new();
    // Of each thread: whether one of its nodes is doomed.
    let mut stuck: HashMap<(u32, u64), bool> = HashMap::new();
    loop {
        lost.clear();
        stuck.clear();
        for (node, &doomed) in nodes.iter().zip(&doomed) {
            let lost = lost
                .entry(node.process)
                .or_insert_with(|| complete(node.process));
            *lost &= doomed;
            *stuck.entry((node.process, node.thread)).or_default() |= doomed;
        }
        let is_in_vain = |needs: &Needs| match needs {
            Needs::Anything => false,
            Needs::Thread(process, thread) => stuck.get(&(*process, *thread)) == Some(&true),
            // One of which nobody is known may do anything.
            Needs::Processes(processes) => processes
                .iter()
                .all(|process| lost.get(process) == Some(&true)),
        };
        let mut changed = false;
        for (node, doomed) in nodes.iter().zip(&mut doomed) {
            if *doomed && !node.needs.iter().all(is_in_vain) {
                *doomed = false;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    // Servants that wait for work are no deadlock by themselves.
    let hurts = nodes
        .iter()
        .zip(&doomed)
        .any(|(node, &doomed)| doomed && !node.serves);
    if !hurts {
        doomed.fill(false);
    }
    doomed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(process: u32, thread: u64, needs: Needs) -> Node {
        Node {
            process,
            thread,
            needs: vec![needs],
            serves: false,
        }
    }

    #[test]
    fn owners_in_a_circle_are_doomed_whatever_others_do() {
        let nodes = [
            node(1, 1, Needs::Thread(1, 2)),
            node(1, 2, Needs::Thread(1, 1)),
        ];
        assert_eq!(doomed(&nodes, |_| false), [true, true]);
    }

    #[test]
    fn who_waits_for_one_who_runs_is_not() {
        let nodes = [
            node(1, 1, Needs::Thread(1, 2)),
            node(1, 2, Needs::Thread(1, 3)),
        ];
        assert_eq!(doomed(&nodes, |_| true), [false, false]);
    }

    #[test]
    fn one_who_can_be_woken_saves_all_who_depend_on_it() {
        let all = |process| node(process, 1, Needs::Processes(vec![1, 2]));
        let nodes = [all(1), all(2)];
        assert_eq!(doomed(&nodes, |_| true), [true, true]);
        assert_eq!(doomed(&nodes, |process| process == 1), [false, false]);
        let nodes = [all(1), all(2), node(2, 2, Needs::Anything)];
        assert_eq!(doomed(&nodes, |_| true), [false, false, false]);
    }

    #[test]
    fn bystanders_of_a_doomed_thread_are_saved_by_others() {
        let nodes = [
            node(1, 1, Needs::Thread(1, 1)),
            node(1, 2, Needs::Processes(vec![1])),
        ];
        // A third thread runs.
        assert_eq!(doomed(&nodes, |_| false), [true, false]);
        assert_eq!(doomed(&nodes, |_| true), [true, true]);
    }

    #[test]
    fn servants_alone_are_no_deadlock() {
        let mut servant = node(1, 1, Needs::Processes(vec![1]));
        servant.serves = true;
        assert_eq!(doomed(std::slice::from_ref(&servant), |_| true), [false]);
        let nodes = [servant, node(1, 2, Needs::Processes(vec![1]))];
        assert_eq!(doomed(&nodes, |_| true), [true, true]);
    }

    #[test]
    fn a_wait_for_any_of_several_needs_all_in_vain() {
        let mut both = node(1, 1, Needs::Thread(1, 1));
        both.needs.push(Needs::Anything);
        assert_eq!(doomed(&[both], |_| true), [false]);
    }
}
