//! Messages: values as bytes, on their way to another process. A tagged format with
//! back-references, so that shared references and cycles keep their shape. It must not know how
//! the bytes travel.
//!
//! # The format
//! A version byte, then one value. A value is a tag byte and what the tag asks for; numbers are
//! LEB128, signed ones zig-zagged. Whatever can be referred to again (lists, dicts, sets,
//! instances, functions, classes, cells, finished tuples) gets the next number when it begins, or
//! for tuples when it ends, on both sides alike; `REFERENCE n` stands for it from then on.
//!
//! Functions and classes of scripts travel as (hash of the program, number of the definition)
//! with what they captured; those that the receiver surely has as two numbers. A receiver that was forked before the program was compiled lacks it:
//! the sender then puts the program's source beside the first definition of it. Global variables that a
//! function uses and that are younger than the receiver go along with each message, as they are then; one that
//! cannot travel is left behind, and who uses it is told why.

mod decode;
mod decode_code;
mod encode;
mod encode_code;
mod encode_object;
mod native;
mod parcel;
mod programs;
mod received;
mod reduction;
mod seen;

pub use decode::{decode, decode_with, is_damage};
#[cfg(fuzzing)]
pub use encode::pieces;
pub use encode::{encode, encode_for_queue, encode_into, encode_parts};
pub use parcel::{Destination, Parcel, Receiver, Subject};
pub use programs::{Baseline, Programs};
pub use received::Received;
pub use reduction::{Reduction, Reductions, complete, reduction, set_state, state_of};

use super::modules::{collections, functools, multiprocessing, operator, re};
use crate::eval::context::Context;
use crate::value::{Outcome, Value};

/// The version of the format.
const VERSION: u8 = 5;

/// What is said of an exception, beside its arguments, cause and context.
mod exception {
    /// The context is not shown.
    pub const SUPPRESSES_CONTEXT: u8 = 1;
    /// The context stays as it is.
    pub const SETTLED_CONTEXT: u8 = 2;
    /// What was probably meant follows.
    pub const MEANT: u8 = 4;
}

macro_rules! tags {
    ($($name:ident = $number:literal: $what:literal),* $(,)?) => {
        $(#[doc = $what] const $name: u8 = $number;)*
    };
}

tags! {
    NONE = 0: "`None`.",
    TRUE = 1: "`True`.",
    FALSE = 2: "`False`.",
    ELLIPSIS = 3: "`...`.",
    NOT_IMPLEMENTED = 4: "`NotImplemented`.",
    INT = 5: "A signed number.",
    BIG_INT = 6: "Length, bytes of a two's complement number, lowest first.",
    FLOAT = 7: "Eight bytes, lowest first.",
    STR = 8: "Length, UTF-8.",
    BYTES = 9: "Length, bytes.",
    TUPLE = 10: "Count, values.",
    LIST = 11: "Count, values.",
    DICT = 12: "Count, keys and values.",
    SET = 13: "Count, values.",
    FROZEN_SET = 14: "Count, values.",
    RANGE = 15: "Start, stop, step.",
    SLICE = 16: "Start, stop, step as values.",
    REFERENCE = 17: "The number of something met before.",
    BUILTIN_CLASS = 18: "Module and name.",
    SCRIPT_CLASS = 19: "A class that the receiver has: program and definition.",
    CLASS_BODY = 20: "A class that the receiver may lack: definition, name, bases, attributes.",
    INSTANCE = 21: "Class, payload, attributes.",
    FUNCTION = 22: "A function: definition, module, defaults, captured cells, attributes.",
    NATIVE = 23: "Owner and name of a native function.",
    METHOD = 24: "Function and receiver.",
    MODULE = 25: "A module's name.",
    CELL = 26: "The value of a captured variable.",
    EMPTY_CELL = 27: "A captured variable that is not set.",
    PROGRAM = 28: "Name and source of a program, then the value that needs it.",
    GLOBALS = 29: "Module, count, names and values the receiver may lack or have otherwise, then a value.",
    REDUCED = 30: "A callable and its arguments; state, what sets it, items, pairs, each or `None`.",
    INTS = 31: "A list of small integers: count, signed numbers.",
    FLOATS = 32: "A list of floats: count, eight bytes each.",
    NATIVE_OBJECT = 33: "The name of a kind of native object, and what its codec wrote.",
    BUILTIN_METHOD = 34: "A method of a built-in class by class and name.",
    ATTRIBUTE = 35: "An attribute of an object: name, object. A native method bound to it.",
    NAMED = 36: "What a module has under a name with dots: module, name.",
    KNOWN_FUNCTION = 37: "A function without anything of its own that the receiver has: numbers of program and definition.",
    LEFT_BEHIND = 38: "In the place of a global variable that cannot travel: exception and text of who uses it.",
}

/// How native objects of a kind travel: handles of shared objects, proxies, ….
#[derive(Clone, Copy)]
pub struct Codec {
    /// The kind's name in messages.
    pub kind: &'static str,
    /// The object as a value that can travel; `None` when the value is not of this kind.
    pub pack: fn(&mut Context, &Value) -> Option<Outcome<Value>>,
    /// The object again.
    pub unpack: fn(&mut Context, Value) -> Outcome<Value>,
}

/// The kinds of native objects that travel.
pub fn codecs() -> &'static [Codec] {
    &[
        native::BYTEARRAY,
        multiprocessing::CODEC,
        collections::deque::CODEC,
        functools::partial::CODEC,
        operator::getters::CODEC,
        re::pattern::CODEC,
        multiprocessing::SHARED_MEMORY,
    ]
}
