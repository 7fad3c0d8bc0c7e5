//! The tasks that are out, by number. Numbers are given in order, and tasks end nearly in order, so a
//! ring does. It must not know what a task is.

use std::collections::VecDeque;

/// Tasks by number, from 1 on.
pub struct Outstanding<T> {
    /// The number of the first in the ring.
    first: u64,
    ring: VecDeque<Option<T>>,
    count: usize,
}

impl<T> Default for Outstanding<T> {
    fn default() -> Self {
        Outstanding {
            first: 1,
            ring: VecDeque::new(),
            count: 0,
        }
    }
}

impl<T> Outstanding<T> {
    /// Adds a task; its number.
    pub fn add(&mut self, task: T) -> u64 {
        self.ring.push_back(Some(task));
        self.count += 1;
        self.last()
    }

    /// The number given last; 0 if none was.
    pub fn last(&self) -> u64 {
        self.first + self.ring.len() as u64 - 1
    }

    /// Takes back the task added last: its number is given again.
    pub fn take_back(&mut self, number: u64) -> Option<T> {
        if number != self.last() {
            return None;
        }
        let task = self.ring.pop_back().flatten();
        self.count -= usize::from(task.is_some());
        task
    }

    /// Takes the task of a number out.
    pub fn remove(&mut self, number: u64) -> Option<T> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let task = self.ring.get_mut(place)?.take();
        self.count -= usize::from(task.is_some());
        // The last place stays: its number must not be given again.
        while self.ring.len() > 1 && self.ring.front().is_some_and(Option::is_none) {
            self.ring.pop_front();
            self.first += 1;
        }
        task
    }

    /// Whether the task of a number is out.
    pub fn contains(&self, number: u64) -> bool {
        number
            .checked_sub(self.first)
            .and_then(|place| usize::try_from(place).ok())
            .and_then(|place| self.ring.get(place))
            .is_some_and(Option::is_some)
    }

    /// Whether none is out.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The tasks that are out.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.ring.iter().flatten()
    }

    /// Takes all out.
    pub fn take_all(&mut self) -> Vec<T> {
        self.count = 0;
        self.ring.iter_mut().filter_map(Option::take).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_given_once() {
        let mut out = Outstanding::default();
        assert_eq!(out.last(), 0);
        assert_eq!((out.add('a'), out.add('b'), out.add('c')), (1, 2, 3));
        assert_eq!(out.remove(2), Some('b'));
        assert_eq!(out.remove(2), None);
        assert_eq!(out.remove(1), Some('a'));
        assert_eq!(out.remove(3), Some('c'));
        assert!(out.is_empty());
        assert_eq!(out.last(), 3);
        assert_eq!(out.add('d'), 4);
        assert!(out.contains(4) && !out.contains(3) && !out.contains(5) && !out.contains(0));
        assert_eq!(out.take_back(4), Some('d'));
        assert_eq!(out.add('e'), 4);
        assert_eq!(out.take_all(), vec!['e']);
        assert_eq!((out.is_empty(), out.add('f')), (true, 5));
    }
}
