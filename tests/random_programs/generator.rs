//! Random programs in the language: `program(seed)` gives the same text for the same seed.
//!
//! The programs are typed enough to do something, end soon (every loop is bounded, calls never recurse without a bound,
//! the work is estimated while it is written) and print the same wherever they run: nothing depends on addresses, on
//! the order of string hashes, on time or on chance. Errors are part of what is compared: most are caught and printed.
//! This file knows nothing of how programs are run; `definitions.rs`, `iteration.rs`,
//! `statements.rs` and `expressions.rs` write what its parts are called after.

#[path = "definitions.rs"]
mod definitions;
#[path = "expressions.rs"]
mod expressions;
#[path = "iteration.rs"]
mod iteration;
#[path = "statements.rs"]
mod statements;

/// The type that the generator believes a value has. Now and then it errs on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `int`
    Int,
    /// `float`
    Float,
    /// `str`
    Str,
    /// `bool`
    Bool,
    /// `list` of ints
    Ints,
    /// `list` of strings
    Strs,
    /// `dict` from strings to ints
    Dict,
    /// `set` of ints
    Set,
    /// `tuple` of an int and a string
    Pair,
    /// An instance of the class with this number
    Object(usize),
}

const PLAIN_TYPES: [Type; 9] = [
    Type::Int,
    Type::Int,
    Type::Float,
    Type::Str,
    Type::Bool,
    Type::Ints,
    Type::Strs,
    Type::Dict,
    Type::Pair,
];

struct Function {
    name: String,
    parameters: Vec<Type>,
    result: Type,
    cost: u64,
    is_generator: bool,
}

struct Class {
    name: String,
    number_field: String,
    text_field: String,
}

/// The most work, in statements, that one run of a program may do.
const BUDGET: u64 = 20_000;

/// The most iterations of any one loop.
const LONGEST_LOOP: u64 = 7;

/// SplitMix64: small, and good enough to choose with.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let at = self.below(items.len());
        &items[at]
    }
}

struct Generator {
    chance: Chance,
    lines: Vec<String>,
    indent: usize,
    /// What can be read here.
    readable: Vec<(String, Type)>,
    /// From here on `readable` can be assigned to as well: the current function's own names.
    own: usize,
    functions: Vec<Function>,
    classes: Vec<Class>,
    names: usize,
    /// How often the current line runs, by estimate, in one run of its function or of the program.
    times: u64,
    cost: u64,
    loops: usize,
    blocks: usize,
    in_function: bool,
    /// Whether some statement uses the class `Guard`.
    needs_guard: bool,
    /// Whether some statement starts a thread.
    needs_thread: bool,
}

/// A program of 20 to 80 lines, more or less.
pub fn program(seed: u64) -> String {
    let mut generator = Generator {
        chance: Chance(seed ^ 0xC0C0_C0C0),
        lines: Vec::new(),
        indent: 0,
        readable: Vec::new(),
        own: 0,
        functions: Vec::new(),
        classes: Vec::new(),
        names: 0,
        times: 1,
        cost: 0,
        loops: 0,
        blocks: 0,
        in_function: false,
        needs_guard: false,
        needs_thread: false,
    };
    generator.line(&format!("# random program {seed}"));
    for kind in [
        Type::Int,
        Type::Str,
        Type::Ints,
        Type::Dict,
        Type::Float,
        Type::Strs,
    ] {
        let name = generator.fresh("v");
        let text = generator.atom(kind);
        generator.line(&format!("{name} = {text}"));
        generator.readable.push((name, kind));
    }
    let length = 20 + generator.chance.below(50);
    while generator.lines.len() < length {
        match generator.chance.below(15) {
            0 | 1 if generator.classes.len() < 3 => generator.class(),
            2 | 3 if generator.functions.len() < 5 => generator.function(),
            4 if generator.functions.len() < 5 => generator.generator_function(),
            5 | 6 => generator.driven_generator(),
            7 => match generator.chance.below(3) {
                0 => generator.iterator_class(),
                1 => generator.wrapper(),
                _ => generator.in_thread(),
            },
            _ => generator.guarded_statements(),
        }
    }
    generator.print_everything();
    let mut lines = generator.preamble();
    lines.append(&mut generator.lines);
    lines.join("\n") + "\n"
}

impl Generator {
    fn line(&mut self, text: &str) {
        self.lines.push("    ".repeat(self.indent) + text);
        self.cost += self.times;
    }

    fn fresh(&mut self, stem: &str) -> String {
        self.names += 1;
        format!("{stem}{}", self.names)
    }

    fn any_type(&mut self) -> Type {
        if !self.classes.is_empty() && self.chance.percent(10) {
            return Type::Object(self.chance.below(self.classes.len()));
        }
        if self.chance.percent(8) {
            return Type::Set;
        }
        *self.chance.pick(&PLAIN_TYPES)
    }

    /// Writes the lines of `body` one step deeper; names made there are forgotten after it.
    fn block(&mut self, body: impl FnOnce(&mut Self)) {
        let known = self.readable.len();
        self.indent += 1;
        self.blocks += 1;
        let before = self.lines.len();
        body(self);
        if self.lines.len() == before {
            self.line("pass");
        }
        self.blocks -= 1;
        self.indent -= 1;
        self.readable.truncate(known);
    }

    fn repeated(&mut self, times: u64, body: impl FnOnce(&mut Self)) {
        let outside = self.times;
        self.times *= times;
        self.loops += 1;
        self.block(body);
        self.loops -= 1;
        self.times = outside;
    }

    fn new_variable(&mut self, kind: Type) {
        let stem = *self
            .chance
            .pick(&["a", "b", "value", "x", "数", "naïve", "_t"]);
        let name = self.fresh(stem);
        let text = self.expression(kind, 2);
        self.line(&format!("{name} = {text}"));
        self.readable.push((name, kind));
    }

    /// A name of the current function's own (or of the module, outside functions) with this type.
    fn own_variable(&mut self, kind: Type) -> Option<String> {
        let names: Vec<String> = self.readable[self.own..]
            .iter()
            .filter(|(_, k)| *k == kind)
            .map(|(n, _)| n.clone())
            .collect();
        if names.is_empty() {
            None
        } else {
            Some(self.chance.pick(&names).clone())
        }
    }

    /// Statements at the top, mostly inside a `try` that prints what went wrong.
    fn guarded_statements(&mut self) {
        if self.chance.percent(95) {
            self.line("try:");
            self.block(|g| {
                for _ in 0..1 + g.chance.below(3) {
                    g.statement();
                }
                if g.chance.percent(60) {
                    g.print_statement();
                }
            });
            if self.chance.percent(30) {
                let kind = *self.chance.pick(&[
                    "ValueError",
                    "(KeyError, IndexError)",
                    "ZeroDivisionError",
                    "LookupError",
                ]);
                self.line(&format!("except {kind} as error:"));
                self.block(|g| g.line("print('first handler', type(error).__name__, error)"));
            }
            self.line("except Exception as error:");
            self.block(|g| g.line("print(type(error).__name__, error)"));
            if self.chance.percent(15) {
                self.line("else:");
                self.block(Self::simple_print);
            }
            if self.chance.percent(20) {
                self.line("finally:");
                self.block(Self::simple_print);
            }
        } else {
            self.statement_that_cannot_fail();
        }
    }

    fn statement_that_cannot_fail(&mut self) {
        let kind = *self.chance.pick(&[Type::Int, Type::Str, Type::Ints]);
        let name = self.fresh("safe");
        let text = match kind {
            Type::Int => self.chance.below(1000).to_string(),
            Type::Str => self.string_literal(),
            _ => format!("list(range({}))", self.chance.below(8)),
        };
        self.line(&format!("{name} = {text}"));
        self.readable.push((name, kind));
    }

    /// A print that hardly can fail: one stands where nothing catches its errors.
    fn simple_print(&mut self) {
        let kind = *self
            .chance
            .pick(&[Type::Int, Type::Str, Type::Float, Type::Ints]);
        let text = self.atom(kind);
        let number = self.chance.below(100);
        self.line(&format!("print('part {number}', {text})"));
    }

    fn print_everything(&mut self) {
        let names: Vec<String> = self.readable.iter().map(|(name, _)| name.clone()).collect();
        for part in names.chunks(4) {
            self.line(&format!("print({})", part.join(", ")));
        }
    }

    /// Lines whose error is caught and printed.
    fn guarded(&mut self, body: impl FnOnce(&mut Self)) {
        self.line("try:");
        self.block(body);
        self.line("except Exception as error:");
        self.block(|g| g.line("print(type(error).__name__, error)"));
    }
}
