//! Matching: carries a program out on a text, going back where a way does not lead on. What must
//! be tried later lies on a stack of its own, so that no text can overflow the native one. It must
//! not know where texts come from.

use super::program::{Part, Program, Step};
use super::set::{Class, is_of, same_ignoring_case};
use super::tree::{Place, Way};

/// A text by its characters or bytes.
#[derive(Clone, Copy)]
pub enum Subject<'t> {
    /// Bytes, or a text of ASCII characters only.
    Bytes(&'t [u8]),
    Characters(&'t [char]),
}

impl Subject<'_> {
    #[inline(always)]
    fn at(&self, place: usize) -> u32 {
        match self {
            Subject::Bytes(bytes) => u32::from(bytes[place]),
            Subject::Characters(characters) => characters[place] as u32,
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Subject::Bytes(bytes) => bytes.len(),
            Subject::Characters(characters) => characters.len(),
        }
    }

    /// The first place from `start` up to `end` with this character.
    fn find(&self, character: u32, start: usize, end: usize) -> Option<usize> {
        match self {
            Subject::Bytes(bytes) => {
                let byte = u8::try_from(character).ok()?;
                memchr::memchr(byte, &bytes[start..end]).map(|place| start + place)
            }
            Subject::Characters(characters) => characters[start..end]
                .iter()
                .position(|c| *c as u32 == character)
                .map(|place| start + place),
        }
    }
}

/// Why matching stopped without an answer.
pub enum Stopped {
    /// It went on for long: look whether it should, and go on.
    Asked,
    /// There is no memory for all that must be tried.
    Full,
}

const NOWHERE: usize = usize::MAX;

/// The most entries of the stack: some hundred megabytes.
const MOST: usize = 1 << 23;

/// How many steps between two questions whether to go on.
const PATIENCE: u32 = 1 << 16;

enum Entry {
    /// Another way.
    Way(usize, usize),
    /// A run that may be shorter: where to go on, the least and the present end.
    Shorter(usize, usize, usize),
    /// A run that may be longer: its step, the present end, how many more at most.
    Longer(usize, usize, u32),
    Slot(usize, usize),
    Register(usize, usize),
    /// A part that is under way: its kind, where it began, where to go on.
    Part(Part, usize, usize),
}

/// Matches one program on one text.
pub struct Machine<'p, 't> {
    program: &'p Program,
    subject: Subject<'t>,
    end: usize,
    /// Where groups begin and end.
    pub slots: Vec<usize>,
    registers: Vec<usize>,
    stack: Vec<Entry>,
    left: u32,
}

impl<'p, 't> Machine<'p, 't> {
    /// A machine for the text up to `end`.
    pub fn new(program: &'p Program, subject: Subject<'t>, end: usize) -> Self {
        Machine {
            program,
            subject,
            end,
            slots: vec![NOWHERE; 2 * (program.groups as usize + 1)],
            registers: vec![0; program.registers],
            stack: Vec::new(),
            left: PATIENCE,
        }
    }

    /// The group's place, if it matched.
    pub fn group(&self, number: usize) -> Option<(usize, usize)> {
        let (start, end) = (self.slots[2 * number], self.slots[2 * number + 1]);
        (start != NOWHERE && end != NOWHERE).then_some((start, end))
    }

    /// Looks for a match from `start` on. `whole`: it must reach the end; `not_at`: it must not be
    /// empty there.
    ///
    /// # Errors
    /// `ask` says to stop, or there is no memory.
    pub fn search<E>(
        &mut self,
        start: usize,
        not_at: Option<usize>,
        ask: &mut dyn FnMut(Stopped) -> Result<(), E>,
    ) -> Result<bool, E> {
        let mut place = start;
        while place <= self.end {
            if let Some(first) = self.program.first {
                match self.subject.find(first, place, self.end) {
                    Some(found) => place = found,
                    None => return Ok(false),
                }
            }
            if self.match_at(place, false, not_at, ask)? {
                return Ok(true);
            }
            place += 1;
        }
        Ok(false)
    }

    /// Whether there is a match that begins here.
    ///
    /// # Errors
    /// As [`Machine::search`].
    pub fn match_at<E>(
        &mut self,
        start: usize,
        whole: bool,
        not_at: Option<usize>,
        ask: &mut dyn FnMut(Stopped) -> Result<(), E>,
    ) -> Result<bool, E> {
        self.slots.fill(NOWHERE);
        self.stack.clear();
        let program = self.program;
        let mut step = 0;
        let mut at = start;
        loop {
            self.left -= 1;
            if self.left == 0 {
                self.left = PATIENCE;
                ask(Stopped::Asked)?;
            }
            if self.stack.len() > MOST {
                ask(Stopped::Full)?;
            }
            let goes_on = match &program.steps[step] {
                Step::Matched => {
                    let refused = whole && at != self.end || not_at == Some(at) && at == start;
                    if !refused {
                        self.slots[0] = start;
                        self.slots[1] = at;
                        return Ok(true);
                    }
                    false
                }
                Step::Save(slot) => {
                    self.stack.push(Entry::Slot(*slot, self.slots[*slot]));
                    self.slots[*slot] = at;
                    step += 1;
                    true
                }
                Step::Split(first, second) => {
                    self.stack.push(Entry::Way(*second, at));
                    step = *first;
                    true
                }
                Step::Jump(place) => {
                    step = *place;
                    true
                }
                Step::At(place) => {
                    step += 1;
                    self.is_at(*place, at)
                }
                Step::Reference(group, any_case) => match self.group(*group as usize) {
                    Some((from, to)) => {
                        let length = to - from;
                        let same = at + length <= self.end
                            && (0..length).all(|offset| {
                                let (a, b) =
                                    (self.subject.at(from + offset), self.subject.at(at + offset));
                                a == b || *any_case && same_ignoring_case(a, b)
                            });
                        at += length;
                        step += 1;
                        same
                    }
                    None => false,
                },
                Step::UnlessGroup(group, otherwise) => {
                    step = if self.group(*group as usize).is_some() {
                        step + 1
                    } else {
                        *otherwise
                    };
                    true
                }
                Step::Part { kind, back, then } => {
                    self.stack.push(Entry::Part(*kind, at, *then));
                    step += 1;
                    match at.checked_sub(*back) {
                        Some(before) => {
                            at = before;
                            true
                        }
                        None => false,
                    }
                }
                Step::End => match self.end_part() {
                    Some((Part::NegativeLook, ..)) | None => false,
                    Some((Part::Look, begun, then)) => {
                        at = begun;
                        step = then;
                        true
                    }
                    Some((Part::Atomic, _, then)) => {
                        step = then;
                        true
                    }
                },
                Step::Run {
                    of,
                    least,
                    most,
                    way,
                } => {
                    let wanted = if *way == Way::Lazy { *least } else { *most };
                    let length = self.run(of, at, wanted);
                    if length < *least as usize {
                        false
                    } else {
                        let shortest = at + *least as usize;
                        at += length;
                        match way {
                            Way::Greedy if at > shortest => {
                                self.stack.push(Entry::Shorter(step + 1, shortest, at));
                            }
                            Way::Lazy if most > least => {
                                let more = if *most == u32::MAX {
                                    u32::MAX
                                } else {
                                    most - least
                                };
                                self.stack.push(Entry::Longer(step, at, more));
                            }
                            _ => {}
                        }
                        step += 1;
                        true
                    }
                }
                Step::Begin(register) => {
                    for (offset, value) in [(0, 0), (1, NOWHERE)] {
                        let register = register + offset;
                        self.stack
                            .push(Entry::Register(register, self.registers[register]));
                        self.registers[register] = value;
                    }
                    step += 1;
                    true
                }
                Step::Again {
                    register,
                    least,
                    most,
                    lazy,
                    body,
                } => {
                    let count = self.registers[*register];
                    let begun = self.registers[register + 1];
                    // A turn that took nothing is not repeated.
                    let is_stuck = begun == at && count > 0;
                    let may_more = (count as u64) < u64::from(*most)
                        && !(is_stuck && count >= *least as usize);
                    let may_end = count >= *least as usize;
                    let once_more = |this: &mut Self| {
                        for (register, value) in [(*register, count + 1), (register + 1, at)] {
                            this.stack
                                .push(Entry::Register(register, this.registers[register]));
                            this.registers[register] = value;
                        }
                    };
                    match (may_more, may_end) {
                        (true, true) if *lazy => {
                            // The other way counts the turn itself.
                            self.stack.push(Entry::Register(*register, count));
                            self.stack.push(Entry::Register(register + 1, begun));
                            self.stack.push(Entry::Longer(step, at, 0));
                            step += 1;
                            true
                        }
                        (true, true) => {
                            self.stack.push(Entry::Way(step + 1, at));
                            once_more(self);
                            step = *body;
                            true
                        }
                        (true, false) => {
                            once_more(self);
                            step = *body;
                            true
                        }
                        (false, true) => {
                            step += 1;
                            true
                        }
                        (false, false) => false,
                    }
                }
                single => {
                    step += 1;
                    let fits = at < self.end && self.takes(single, self.subject.at(at));
                    at += 1;
                    fits
                }
            };
            if !goes_on {
                match self.go_back() {
                    Some((next, place)) => (step, at) = (next, place),
                    None => return Ok(false),
                }
            }
        }
    }

    /// Goes back to the last place with another way; `None` when there is none.
    fn go_back(&mut self) -> Option<(usize, usize)> {
        loop {
            match self.stack.pop()? {
                Entry::Way(step, at) => return Some((step, at)),
                Entry::Slot(slot, value) => self.slots[slot] = value,
                Entry::Register(register, value) => self.registers[register] = value,
                Entry::Shorter(step, least, at) => {
                    let at = at - 1;
                    if at > least {
                        self.stack.push(Entry::Shorter(step, least, at));
                    }
                    return Some((step, at));
                }
                Entry::Longer(step, at, more) => match &self.program.steps[step] {
                    Step::Run { of, .. }
                        if at < self.end && self.takes(of, self.subject.at(at)) =>
                    {
                        let more = if more == u32::MAX { more } else { more - 1 };
                        if more > 0 {
                            self.stack.push(Entry::Longer(step, at + 1, more));
                        }
                        return Some((step + 1, at + 1));
                    }
                    // One more turn of a lazy repeat; what the registers were lies below.
                    Step::Again { register, body, .. } => {
                        let register = *register;
                        let count = match self.stack.get(self.stack.len().wrapping_sub(2)) {
                            Some(Entry::Register(_, count)) => *count,
                            _ => self.registers[register],
                        };
                        self.registers[register] = count + 1;
                        self.registers[register + 1] = at;
                        return Some((*body, at));
                    }
                    _ => {}
                },
                Entry::Part(Part::NegativeLook, begun, then) => return Some((then, begun)),
                Entry::Part(..) => {}
            }
        }
    }

    /// A part has matched: nothing in it is tried again.
    fn end_part(&mut self) -> Option<(Part, usize, usize)> {
        let place = self
            .stack
            .iter()
            .rposition(|entry| matches!(entry, Entry::Part(..)))?;
        let Entry::Part(kind, begun, then) = self.stack[place] else {
            return None;
        };
        if kind == Part::NegativeLook {
            while self.stack.len() > place {
                match self.stack.pop()? {
                    Entry::Slot(slot, value) => self.slots[slot] = value,
                    Entry::Register(register, value) => self.registers[register] = value,
                    _ => {}
                }
            }
            return Some((kind, begun, then));
        }
        // What must be put back when the whole goes back stays.
        let rest = self.stack.split_off(place);
        self.stack.extend(
            rest.into_iter()
                .filter(|entry| matches!(entry, Entry::Slot(..) | Entry::Register(..))),
        );
        Some((kind, begun, then))
    }

    /// How many characters from `at` on a step takes, up to `most`.
    fn run(&self, of: &Step, at: usize, most: u32) -> usize {
        let left = self.end - at;
        let most = usize::try_from(most).unwrap_or(left).min(left);
        match of {
            Step::Any => most,
            Step::AnyButLineEnd => match self.subject.find('\n' as u32, at, at + most) {
                Some(end) => end - at,
                None => most,
            },
            _ => {
                let mut length = 0;
                while length < most && self.takes(of, self.subject.at(at + length)) {
                    length += 1;
                }
                length
            }
        }
    }

    #[inline(always)]
    fn takes(&self, step: &Step, character: u32) -> bool {
        match step {
            Step::Character(wanted) => character == *wanted,
            Step::CharacterAnyCase(wanted) => same_ignoring_case(character, *wanted),
            Step::Set(number) => self.program.sets[*number].has(character),
            Step::Any => true,
            Step::AnyButLineEnd => character != '\n' as u32,
            _ => false,
        }
    }

    fn is_at(&self, place: Place, at: usize) -> bool {
        const LINE_END: u32 = '\n' as u32;
        let is_word = |place: usize, ascii| is_of(Class::Word, ascii, self.subject.at(place));
        let boundary = |ascii| {
            let before = at > 0 && is_word(at - 1, ascii);
            let after = at < self.end && is_word(at, ascii);
            before != after
        };
        match place {
            Place::TextStart => at == 0,
            Place::LineStart => at == 0 || self.subject.at(at - 1) == LINE_END,
            Place::TextEnd => at == self.end,
            Place::AlmostEnd => {
                at == self.end || at + 1 == self.end && self.subject.at(at) == LINE_END
            }
            Place::LineEnd => at == self.end || self.subject.at(at) == LINE_END,
            Place::Boundary(ascii) => boundary(ascii),
            // CPython before 3.14: not in an empty text.
            Place::NoBoundary(ascii) => self.end > 0 && !boundary(ascii),
        }
    }
}
