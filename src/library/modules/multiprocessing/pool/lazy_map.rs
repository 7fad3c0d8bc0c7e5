//! A lazy map under way: how much of its input was submitted, what has come of it and was not given out yet. It must
//! not know jobs, nor who asks.

use std::collections::BTreeMap;

use crate::value::Value;

/// A lazy map under way.
pub struct LazyMap {
    /// What comes is given out in the order of the input.
    ordered: bool,
    /// How many items a part has.
    pub chunk: usize,
    /// Parts that were submitted and are not there yet; one more while somebody has the input.
    left: usize,
    /// What was not given out yet, by part.
    waiting: BTreeMap<usize, Result<Value, Value>>,
    /// Parts submitted so far, and the input, `None` when it is exhausted.
    submitted: usize,
    input: Option<Value>,
    /// Parts given out so far.
    given: usize,
    /// The error of its earliest part that failed, and which that is.
    first_error: Option<(usize, Value)>,
    /// Nobody can ask for more. What comes is dropped, but for the first error.
    abandoned: bool,
}

/// How much of a lazy map may be under way, so that an endless input does not fill the memory.
#[derive(Clone, Copy)]
pub enum Room {
    /// So many parts ahead of whoever asks for what comes of them.
    Ahead(usize),
    /// So many parts without an answer: nobody asks.
    Unanswered(usize),
}

impl LazyMap {
    /// One over the results of an iterator, `chunk` items a part.
    pub fn new(ordered: bool, chunk: usize, input: Value) -> LazyMap {
        LazyMap {
            ordered,
            chunk,
            left: 0,
            waiting: BTreeMap::new(),
            submitted: 0,
            input: Some(input),
            given: 0,
            first_error: None,
            abandoned: false,
        }
    }

    /// Whether somebody has asked for something: the rest is left on purpose.
    pub fn was_asked(&self) -> bool {
        self.given > 0
    }

    /// Whether there is room for more under way.
    pub fn has_room(&self, room: Room) -> bool {
        match room {
            Room::Ahead(most) => self.submitted - self.given < most,
            Room::Unanswered(most) => self.left < most,
        }
    }

    /// Whether there is input left that nobody is reading, and room for it.
    pub fn is_hungry(&self, room: Room) -> bool {
        self.input.is_some() && self.has_room(room)
    }

    /// Takes the input, to submit more of it; [`LazyMap::put_back`] gives it back.
    pub fn take_input(&mut self, room: Room) -> Option<Value> {
        if !self.has_room(room) {
            return None;
        }
        let input = self.input.take()?;
        // Until it is back, or found exhausted, nobody takes the end for reached.
        self.left += 1;
        Some(input)
    }

    /// One part is about to be submitted: its number.
    pub fn note_submitted(&mut self) -> usize {
        self.submitted += 1;
        self.left += 1;
        self.submitted - 1
    }

    /// Gives the input back, if it is not exhausted.
    pub fn put_back(&mut self, input: Option<Value>) {
        self.left = self.left.saturating_sub(1);
        self.input = input;
    }

    /// A part is there. What nobody wants comes back, to be dropped without a lock.
    pub fn enter(
        &mut self,
        part: usize,
        result: Result<Value, Value>,
    ) -> Option<Result<Value, Value>> {
        self.left = self.left.saturating_sub(1);
        if self.abandoned {
            return Some(result);
        }
        let place = match self.ordered {
            true => part,
            // As they come: behind what is there.
            false => self
                .waiting
                .last_key_value()
                .map_or(0, |(last, _)| last + 1),
        };
        self.waiting.insert(place, result);
        None
    }

    /// A part has failed: whether that is the first error, and nobody has asked for anything; also the error that
    /// this one takes the place of.
    pub fn note_error(&mut self, part: usize, error: &Value) -> (bool, Option<(usize, Value)>) {
        let is_first = self.first_error.is_none() && self.given == 0;
        let known = self.first_error.as_ref().map(|(known, _)| *known);
        let later = match known.is_none_or(|known| part < known) {
            true => self.first_error.replace((part, error.clone())),
            false => None,
        };
        (is_first, later)
    }

    /// The error of the earliest part that failed, as long as nobody has asked for anything: who has is told of
    /// errors when they come up, and leaves the rest on purpose.
    pub fn unseen_error(&self) -> Option<&Value> {
        match self.was_asked() {
            true => None,
            false => self.first_error.as_ref().map(|(_, error)| error),
        }
    }

    /// Nothing more comes; what is left of the input, to be dropped without a lock.
    pub fn give_up(&mut self) -> Option<Value> {
        self.left = 0;
        self.input.take()
    }

    /// Nobody can ask for what comes. Its tasks are done all the same, like those of any other map: they may be
    /// wanted for what they do. What has come, to be dropped without a lock.
    pub fn abandon(&mut self) -> BTreeMap<usize, Result<Value, Value>> {
        self.abandoned = true;
        std::mem::take(&mut self.waiting)
    }

    /// Whether there is something to give, or never will be.
    pub fn has_next(&self) -> bool {
        self.place().is_some() || self.is_at_end()
    }

    /// Whether everything was given out.
    pub fn is_at_end(&self) -> bool {
        self.left == 0 && self.input.is_none() && self.waiting.is_empty()
    }

    /// Gives out what is next, if it is there.
    pub fn next(&mut self) -> Option<Result<Value, Value>> {
        let place = self.place()?;
        self.given += 1;
        self.waiting.remove(&place)
    }

    fn place(&self) -> Option<usize> {
        match self.ordered {
            true => self.waiting.contains_key(&self.given).then_some(self.given),
            false => self.waiting.first_key_value().map(|(place, _)| *place),
        }
    }
}
