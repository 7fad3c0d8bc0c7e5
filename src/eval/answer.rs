//! Results of evaluation in two registers. The compiler returns an `Outcome<Value>` through memory;
//! what nodes give each other is the same sixteen bytes as two words, which it returns in registers.
//! The same for results that are a condition or a way to go on: one word. It must not know nodes.

use std::mem::{ManuallyDrop, MaybeUninit};
use std::num::NonZeroUsize;

use super::statement::Flow;
use crate::value::bits::Bits;
use crate::value::exception::Raised;
use crate::value::{Outcome, Value};

/// The bits of an `Outcome<Value>`. Whoever has one owns what is in it.
#[derive(Clone, Copy)]
#[must_use]
pub(super) struct Answer {
    /// The tag, and the payload of a boolean.
    head: MaybeUninit<u64>,
    payload: MaybeUninit<u64>,
}

/// The tags of values that are dealt with here; see `Value`, whose layout is that of a `repr(u8)`.
const NONE: u8 = 1;
const BOOL: u8 = 4;
const INT: u8 = 5;
const FLOAT: u8 = 6;
const FIRST_OBJECT: u8 = 7;

const fn tag_of(outcome: ManuallyDrop<Outcome<Value>>) -> u8 {
    // SAFETY: both have sixteen bytes, of which the first is the tag and initialised.
    unsafe {
        let bytes: [MaybeUninit<u8>; 16] = std::mem::transmute(outcome);
        bytes[0].assume_init()
    }
}

/// The tag by which an error differs from every value.
const ERROR: u8 = {
    // SAFETY: the bits of a pointer that is never followed.
    let raised = unsafe { std::mem::transmute::<NonZeroUsize, Raised>(NonZeroUsize::MIN) };
    tag_of(ManuallyDrop::new(Err(raised)))
};

const _: () = {
    assert!(tag_of(ManuallyDrop::new(Ok(Value::None))) == NONE);
    assert!(tag_of(ManuallyDrop::new(Ok(Value::Bool(true)))) == BOOL);
    assert!(tag_of(ManuallyDrop::new(Ok(Value::Int(1)))) == INT);
    assert!(tag_of(ManuallyDrop::new(Ok(Value::Float(1.0)))) == FLOAT);
    assert!(ERROR > FIRST_OBJECT);
    assert!(size_of::<Raised>() == size_of::<usize>());
};

impl Answer {
    /// An integer.
    #[inline(always)]
    pub(super) fn int(value: i64) -> Answer {
        Answer {
            head: MaybeUninit::new(u64::from(INT)),
            payload: MaybeUninit::new(value as u64),
        }
    }

    /// A float.
    #[inline(always)]
    pub(super) fn float(value: f64) -> Answer {
        Answer {
            head: MaybeUninit::new(u64::from(FLOAT)),
            payload: MaybeUninit::new(value.to_bits()),
        }
    }

    /// A boolean.
    #[inline(always)]
    pub(super) fn bool(value: bool) -> Answer {
        Answer {
            head: MaybeUninit::new(u64::from(BOOL) | u64::from(value) << 8),
            payload: MaybeUninit::uninit(),
        }
    }

    /// `None`.
    #[inline(always)]
    pub(super) fn none() -> Answer {
        Answer {
            head: MaybeUninit::new(u64::from(NONE)),
            payload: MaybeUninit::uninit(),
        }
    }

    /// A result as it is.
    #[inline(always)]
    pub(super) fn from(outcome: Outcome<Value>) -> Answer {
        // SAFETY: sixteen bytes each, of which nothing is believed to be initialised.
        unsafe { std::mem::transmute::<Outcome<Value>, Answer>(outcome) }
    }

    /// The value at a place, not counted.
    #[inline(always)]
    pub(super) fn peek(place: &Value) -> Answer {
        // SAFETY: sixteen bytes that can be read; a value is an outcome with the same bits.
        unsafe { std::ptr::from_ref(place).cast::<Answer>().read() }
    }

    /// The value at a place, counted.
    #[inline(always)]
    pub(super) fn copy(place: &Value) -> Answer {
        if place.is_object() {
            return copy_object(place);
        }
        Answer::peek(place)
    }

    /// The same for whoever has just found that there is no other thread.
    #[inline(always)]
    pub(super) fn copy_alone(place: &Value) -> Answer {
        if place.is_object() {
            return copy_object_alone(place);
        }
        Answer::peek(place)
    }

    /// What was found in a place that other threads may change, if it can be had in a few instructions: see
    /// [`Bits::keep_at_hand`].
    ///
    /// # Safety
    /// As for [`Bits::keep_at_hand`].
    #[inline(always)]
    #[must_use]
    pub(super) unsafe fn at_hand(found: Option<Bits>) -> Option<Answer> {
        let bits = found?;
        // SAFETY: passed on; a value is an outcome with the same bits.
        unsafe {
            bits.keep_at_hand()
                .then(|| std::mem::transmute::<Bits, Answer>(bits))
        }
    }

    /// An error.
    #[cold]
    pub(super) fn error(raised: Raised) -> Answer {
        Answer::from(Err(raised))
    }

    /// As a result.
    #[inline(always)]
    pub(super) fn outcome(self) -> Outcome<Value> {
        // SAFETY: made from a result, or laid out like one.
        unsafe { std::mem::transmute::<Answer, Outcome<Value>>(self) }
    }

    #[inline(always)]
    fn tag(self) -> u8 {
        // SAFETY: the first byte is the tag, always initialised.
        unsafe {
            let bytes: [MaybeUninit<u8>; 8] = std::mem::transmute(self.head);
            bytes[0].assume_init()
        }
    }

    /// Whether it is an error.
    #[inline(always)]
    pub(super) fn is_error(self) -> bool {
        self.tag() == ERROR
    }

    /// Whether it is an integer.
    #[inline(always)]
    pub(super) fn is_int(self) -> bool {
        self.tag() == INT
    }

    /// Whether it is a float.
    #[inline(always)]
    pub(super) fn is_float(self) -> bool {
        self.tag() == FLOAT
    }

    /// Whether it is a boolean.
    #[inline(always)]
    pub(super) fn is_bool(self) -> bool {
        self.tag() == BOOL
    }

    /// The integer that it is.
    #[inline(always)]
    pub(super) fn as_int(self) -> i64 {
        debug_assert!(self.is_int());
        // SAFETY: the payload of an integer, by the check of the caller.
        unsafe { self.payload.assume_init() as i64 }
    }

    /// The float that it is.
    #[inline(always)]
    pub(super) fn as_float(self) -> f64 {
        debug_assert!(self.is_float());
        // SAFETY: the payload of a float, by the check of the caller.
        f64::from_bits(unsafe { self.payload.assume_init() })
    }

    /// The boolean that it is.
    #[inline(always)]
    pub(super) fn as_bool(self) -> bool {
        debug_assert!(self.is_bool());
        // SAFETY: the second byte is the boolean, by the check of the caller.
        unsafe {
            let bytes: [MaybeUninit<u8>; 8] = std::mem::transmute(self.head);
            bytes[1].assume_init() != 0
        }
    }

    /// The value that it is.
    #[inline(always)]
    pub(super) fn into_value(self) -> Value {
        debug_assert!(!self.is_error());
        // SAFETY: not an error, by the check of the caller; then the bits are those of a value.
        unsafe { std::mem::transmute::<Answer, Value>(self) }
    }

    /// The error that it is.
    #[inline(always)]
    pub(super) fn into_error(self) -> Raised {
        raised_of(Step::error_in(self).0)
    }

    /// Gives up the value that it is.
    #[inline(always)]
    pub(super) fn discard(self) {
        if self.tag() >= FIRST_OBJECT {
            self.into_value().discard();
        }
    }
}

/// Out of line, so that whoever copies needs no registers for counting.
#[inline(never)]
fn copy_object(place: &Value) -> Answer {
    place.retain();
    Answer::peek(place)
}

/// The same where there is no other thread.
#[inline(never)]
fn copy_object_alone(place: &Value) -> Answer {
    place.retain_alone();
    Answer::peek(place)
}

/// Whether a condition holds, or an error: one word.
#[derive(Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) struct Truth(usize);

impl Truth {
    /// It does not hold.
    pub(super) const NO: Truth = Truth(0);
    /// It holds.
    pub(super) const YES: Truth = Truth(1);

    /// Whether it holds.
    #[inline(always)]
    pub(super) fn of(holds: bool) -> Truth {
        Truth(usize::from(holds))
    }

    /// A result as it is.
    #[inline(always)]
    pub(super) fn from(outcome: Outcome<bool>) -> Truth {
        match outcome {
            Ok(holds) => Truth::of(holds),
            Err(raised) => Truth(word_of(raised)),
        }
    }

    /// Whether it is an error.
    #[inline(always)]
    pub(super) fn is_error(self) -> bool {
        self.0 > 1
    }

    /// The opposite; an error stays one.
    #[inline(always)]
    pub(super) fn not(self) -> Truth {
        if self.is_error() {
            self
        } else {
            Truth(self.0 ^ 1)
        }
    }

    /// As a result.
    #[inline(always)]
    pub(super) fn outcome(self) -> Outcome<bool> {
        if self.is_error() {
            return Err(raised_of(self.0));
        }
        Ok(self.0 != 0)
    }
}

/// How a statement ended, or an error: one word.
#[derive(Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) struct Step(usize);

impl Step {
    /// Go on with the next statement.
    pub(super) const NEXT: Step = Step(0);
    /// `break`.
    pub(super) const BREAK: Step = Step(1);
    /// `continue`.
    pub(super) const CONTINUE: Step = Step(2);
    /// `return`; the value waits in the context.
    pub(super) const RETURN: Step = Step(3);
    /// `yield`, of a generator that is suspended at statements; the value waits in the context.
    pub(super) const YIELD: Step = Step(4);

    /// A result as it is.
    #[inline(always)]
    pub(super) fn from(outcome: Outcome<Flow>) -> Step {
        match outcome {
            Ok(Flow::Next) => Step::NEXT,
            Ok(Flow::Break) => Step::BREAK,
            Ok(Flow::Continue) => Step::CONTINUE,
            Ok(Flow::Return) => Step::RETURN,
            Err(raised) => Step(word_of(raised)),
        }
    }

    /// The error of a condition.
    #[inline(always)]
    pub(super) fn error_of(truth: Truth) -> Step {
        debug_assert!(truth.is_error());
        Step(truth.0)
    }

    /// The error of an evaluation.
    #[inline(always)]
    pub(super) fn error_in(answer: Answer) -> Step {
        debug_assert!(answer.is_error());
        // SAFETY: the payload of an error is its one word.
        Step(unsafe { answer.payload.assume_init() } as usize)
    }

    /// Whether it is an error.
    #[inline(always)]
    pub(super) fn is_error(self) -> bool {
        self.0 > Step::YIELD.0
    }

    /// As a result.
    #[inline(always)]
    pub(super) fn outcome(self) -> Outcome<Flow> {
        debug_assert!(self != Step::YIELD);
        match self {
            Step::NEXT => Ok(Flow::Next),
            Step::BREAK => Ok(Flow::Break),
            Step::CONTINUE => Ok(Flow::Continue),
            Step::RETURN => Ok(Flow::Return),
            Step(word) => Err(raised_of(word)),
        }
    }
}

impl Answer {
    /// The error of a condition.
    #[inline(always)]
    pub(super) fn error_of(truth: Truth) -> Answer {
        debug_assert!(truth.is_error());
        Answer {
            head: MaybeUninit::new(u64::from(ERROR)),
            payload: MaybeUninit::new(truth.0 as u64),
        }
    }

    /// The error of a statement.
    #[inline(always)]
    pub(super) fn error_from(step: Step) -> Answer {
        Answer {
            head: MaybeUninit::new(u64::from(ERROR)),
            payload: MaybeUninit::new(step.0 as u64),
        }
    }
}

impl Truth {
    /// The error of an evaluation.
    #[inline(always)]
    pub(super) fn error_in(answer: Answer) -> Truth {
        Truth(Step::error_in(answer).0)
    }
}

#[inline(always)]
fn word_of(raised: Raised) -> usize {
    // SAFETY: one word, a pointer to something aligned: none of the small numbers.
    unsafe { std::mem::transmute::<Raised, usize>(raised) }
}

#[inline(always)]
fn raised_of(word: usize) -> Raised {
    // SAFETY: made by `word_of`, or the payload of an error; each word is given up once.
    unsafe { std::mem::transmute::<usize, Raised>(word) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::exception::type_error;

    #[test]
    fn answers_keep_what_they_are() {
        assert_eq!(Answer::int(-7).as_int(), -7);
        assert!(matches!(Answer::int(-7).outcome(), Ok(Value::Int(-7))));
        assert!(matches!(
            Answer::bool(true).outcome(),
            Ok(Value::Bool(true))
        ));
        assert!(matches!(
            Answer::bool(false).outcome(),
            Ok(Value::Bool(false))
        ));
        assert!(matches!(Answer::float(2.5).outcome(), Ok(Value::Float(number)) if number == 2.5));
        assert!(matches!(Answer::none().outcome(), Ok(Value::None)));
        let error = Answer::error(type_error("no"));
        assert!(error.is_error() && error.outcome().is_err());
        let text = Value::str("text");
        let copy = Answer::copy(&text);
        assert!(!copy.is_error() && copy.into_value().same(&text));
        let step = Step::from(Err(type_error("no")));
        assert!(step.outcome().is_err());
        let truth = Truth::from(Err(type_error("no")));
        assert!(truth.not().is_error() && truth.outcome().is_err());
        assert!(Truth::YES.not() == Truth::NO);
    }
}
