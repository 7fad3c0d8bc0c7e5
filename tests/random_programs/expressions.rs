//! What stands inside a line of a random program: expressions of a wanted type, never deeper than asked for.

use super::{Generator, Type};

const STRINGS: [&str; 14] = [
    "''",
    "'a'",
    "'b c'",
    "'key'",
    "'Hello, World'",
    "'12'",
    "'-7'",
    "'3.5'",
    "'中文'",
    "'naïve\\n'",
    "('x' * 3)",
    "\"it's\"",
    "'a,b,,c'",
    "'ZZ top'",
];

impl Generator {
    pub(super) fn string_literal(&mut self) -> String {
        (*self.chance.pick(&STRINGS)).to_owned()
    }

    fn int_literal(&mut self) -> String {
        let small = [
            "0", "1", "2", "3", "5", "7", "10", "-1", "-4", "255", "1000", "0x1f", "1_000", "True",
        ];
        let big = [
            "2 ** 31",
            "2 ** 63",
            "-2 ** 63",
            "10 ** 20",
            "12345678901234567890",
            "2 ** 64 - 1",
        ];
        if self.chance.percent(6) {
            format!("({})", self.chance.pick(&big))
        } else {
            (*self.chance.pick(&small)).to_owned()
        }
    }

    /// An expression of this type; rarely, on purpose, of another.
    pub(super) fn expression(&mut self, kind: Type, depth: usize) -> String {
        if depth == 0 || self.chance.percent(25) {
            return self.atom(kind);
        }
        if self.chance.percent(2) {
            let other = self.any_type();
            return self.atom(other);
        }
        if self.chance.percent(15)
            && let Some(call) = self.call(kind)
        {
            return call;
        }
        if self.chance.percent(5) {
            let yes = self.expression(kind, depth - 1);
            let no = self.expression(kind, depth - 1);
            let condition = self.expression(Type::Bool, depth - 1);
            return format!("({yes} if {condition} else {no})");
        }
        match kind {
            Type::Int => self.int(depth - 1),
            Type::Float => self.float(depth - 1),
            Type::Str => self.string(depth - 1),
            Type::Bool => self.boolean(depth - 1),
            Type::Ints => self.ints(depth - 1),
            Type::Strs => self.strings(depth - 1),
            Type::Dict => self.dict(depth - 1),
            Type::Set => self.set(depth - 1),
            Type::Pair => {
                let number = self.expression(Type::Int, depth - 1);
                let text = self.expression(Type::Str, depth - 1);
                format!("({number}, {text})")
            }
            Type::Object(class) => self.object(class, depth - 1),
        }
    }

    fn variable(&mut self, kind: Type) -> Option<String> {
        let names: Vec<String> = self
            .readable
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

    /// A variable, or the simplest way to write a value.
    pub(super) fn atom(&mut self, kind: Type) -> String {
        if self.chance.percent(75)
            && let Some(name) = self.variable(kind)
        {
            return name;
        }
        match kind {
            Type::Int => self.int_literal(),
            Type::Float => (*self.chance.pick(&[
                "0.0", "1.5", "-2.25", "3.0", "0.1", "1e10", "-0.0", "2.5e-3", "100.0",
            ]))
            .to_owned(),
            Type::Str => self.string_literal(),
            Type::Bool => (*self.chance.pick(&["True", "False"])).to_owned(),
            Type::Ints => {
                (*self
                    .chance
                    .pick(&["[]", "[1]", "[3, 1, 2]", "[5, -5, 0, 5]", "list(range(6))"]))
                .to_owned()
            }
            Type::Strs => (*self.chance.pick(&[
                "[]",
                "['a']",
                "['b', 'a', 'c']",
                "'x y z'.split()",
                "['', 'long text']",
            ]))
            .to_owned(),
            Type::Dict => {
                (*self
                    .chance
                    .pick(&["{}", "{'a': 1}", "{'key': 2, 'b c': -3}", "dict(a=5, z=0)"]))
                .to_owned()
            }
            Type::Set => (*self
                .chance
                .pick(&["set()", "{1, 2}", "{3, 5, 8}", "set(range(4))"]))
            .to_owned(),
            Type::Pair => (*self.chance.pick(&["(1, 'a')", "(0, '')", "(-3, '中')"])).to_owned(),
            Type::Object(class) => self.object(class, 0),
        }
    }

    fn object(&mut self, class: usize, depth: usize) -> String {
        let number = if depth == 0 {
            self.int_literal()
        } else {
            self.expression(Type::Int, depth - 1)
        };
        let name = &self.classes[class].name;
        format!("{name}({number})")
    }

    /// A call of a function made so far that gives this type and can be afforded here.
    fn call(&mut self, kind: Type) -> Option<String> {
        let limit = super::BUDGET / 10;
        let found: Vec<usize> = (0..self.functions.len())
            .filter(|&at| {
                let function = &self.functions[at];
                function.result == kind
                    && function.cost * self.times < limit
                    && self.cost + function.cost * self.times < super::BUDGET
            })
            .collect();
        if found.is_empty() {
            return None;
        }
        let at = *self.chance.pick(&found);
        Some(self.call_of(at))
    }

    /// A call of this function, its cost noted.
    pub(super) fn call_of(&mut self, at: usize) -> String {
        let (name, parameters, is_generator) = (
            self.functions[at].name.clone(),
            self.functions[at].parameters.clone(),
            self.functions[at].is_generator,
        );
        self.cost += self.functions[at].cost * self.times;
        let mut arguments: Vec<String> = parameters
            .into_iter()
            .map(|kind| self.expression(kind, 1))
            .collect();
        if !is_generator && self.chance.percent(5) {
            arguments.push("0".to_owned());
        }
        let call = format!("{name}({})", arguments.join(", "));
        if is_generator {
            format!("list({call})")
        } else {
            call
        }
    }

    fn int(&mut self, depth: usize) -> String {
        let a = self.expression(Type::Int, depth);
        match self.chance.below(24) {
            0..=4 => {
                let b = self.expression(Type::Int, depth);
                let operator = *self.chance.pick(&["+", "-", "*", "&", "|", "^"]);
                format!("({a} {operator} {b})")
            }
            5 => {
                let b = self.expression(Type::Int, depth);
                let operator = *self.chance.pick(&["//", "%"]);
                if self.chance.percent(80) {
                    format!("({a} {operator} ({b} or 3))")
                } else {
                    format!("({a} {operator} {b})")
                }
            }
            6 => {
                let b = self.expression(Type::Int, depth);
                format!("(({a}) % 11) ** (({b}) % 6)")
            }
            7 => {
                let operator = *self.chance.pick(&["<<", ">>"]);
                format!("({a} {operator} {})", self.chance.below(9))
            }
            8 => format!(
                "{}({a})",
                self.chance.pick(&["abs", "-", "~", "int", "round"])
            ),
            9 => format!("len({})", self.expression(Type::Str, depth)),
            10 => format!("len({})", self.expression(Type::Ints, depth)),
            11 => format!("sum({})", self.expression(Type::Ints, depth)),
            12 => {
                let list = self.expression(Type::Ints, depth);
                let call = *self.chance.pick(&["min", "max"]);
                if self.chance.percent(90) {
                    format!("{call}({list}, default=0)")
                } else {
                    format!("{call}({list})")
                }
            }
            13 => {
                let list = self.expression(Type::Ints, depth);
                if self.chance.percent(80) {
                    format!("({list} or [{a}])[0]")
                } else {
                    format!("({list})[{a} % 7]")
                }
            }
            14 => {
                let dict = self.expression(Type::Dict, depth);
                let key = self.expression(Type::Str, 0);
                format!("({dict}).get({key}, {a})")
            }
            15 if self.chance.percent(30) => format!(
                "({})[{}]",
                self.expression(Type::Dict, depth),
                self.string_literal()
            ),
            16 => format!("int({})", self.expression(Type::Float, depth)),
            17 if self.chance.percent(30) => format!("int({})", self.expression(Type::Str, 0)),
            18 => {
                let text = self.expression(Type::Str, depth);
                let method = *self.chance.pick(&["find", "count", "rfind"]);
                format!("({text}).{method}('a')")
            }
            19 => format!(
                "sum(i * 2 for i in {} if i % 3)",
                self.expression(Type::Ints, depth)
            ),
            20 => {
                let b = self.expression(Type::Int, depth);
                format!("divmod({a}, {b} or 7)[{}]", self.chance.below(2))
            }
            21 => format!("ord(({})[:1] or 'z')", self.expression(Type::Str, depth)),
            22 if !self.classes.is_empty() => {
                let class = self.chance.below(self.classes.len());
                let object = self.expression(Type::Object(class), depth);
                let field = self.classes[class].number_field.clone();
                let member = *self.chance.pick(&["", "", "made", "double"]);
                let member = if member.is_empty() {
                    field
                } else {
                    member.to_owned()
                };
                format!("{object}.{member}")
            }
            _ => format!("(lambda n, m=3: n % 100 - m)({a})"),
        }
    }

    fn float(&mut self, depth: usize) -> String {
        let a = self.expression(Type::Float, depth);
        let b = self.expression(Type::Float, depth);
        match self.chance.below(10) {
            0..=3 => format!("({a} {} {b})", self.chance.pick(&["+", "-", "*"])),
            4 => format!("({a} / ({b} or 0.5))"),
            5 => format!(
                "({} / {})",
                self.expression(Type::Int, depth),
                self.expression(Type::Int, depth)
            ),
            6 => format!("round({a}, {})", self.chance.below(4)),
            7 => format!("float({})", self.expression(Type::Int, depth)),
            8 => format!("{}({a}, {b})", self.chance.pick(&["min", "max"])),
            _ => format!("({a} {} ({b} or 1.5))", self.chance.pick(&["//", "%"])),
        }
    }

    fn string(&mut self, depth: usize) -> String {
        let a = self.expression(Type::Str, depth);
        match self.chance.below(20) {
            0..=2 => format!("({a} + {})", self.expression(Type::Str, depth)),
            3 => format!("({a})[:10] * {}", self.chance.below(4)),
            4 => format!(
                "({a}).{}()",
                self.chance.pick(&[
                    "upper",
                    "lower",
                    "title",
                    "strip",
                    "swapcase",
                    "capitalize",
                    "casefold"
                ])
            ),
            5 => format!("({a}).replace('a', {})", self.string_literal()),
            6 => {
                let from = self.chance.below(4);
                format!("({a})[{from}:{}]", from + self.chance.below(5))
            }
            7 => format!("({a})[::-1]"),
            8 if self.chance.percent(30) => format!("({a})[{}]", self.chance.below(5)),
            9 => format!("str({})", self.any_expression(depth)),
            10 => format!("repr({})", self.any_expression(depth)),
            11 => {
                let kind = *self
                    .chance
                    .pick(&[Type::Int, Type::Str, Type::Float, Type::Ints]);
                // A name, since quotes inside the field would be those of the string.
                let Some(name) = self.variable(kind) else {
                    return self.string_literal();
                };
                let spec = match kind {
                    Type::Int => *self
                        .chance
                        .pick(&["", ":5d", ":x", ":+,", ":<6", ":08b", "!r:>7", "="]),
                    Type::Float => *self.chance.pick(&["", ":.2f", ":10.3e", ":g", ":+.1f"]),
                    Type::Str => *self
                        .chance
                        .pick(&["", ":>8", ":^9", "!r", ":.2", ":*<6", "!a"]),
                    _ => *self.chance.pick(&["", "!r", "!s:>20", "="]),
                };
                format!("f'<{{{name}{spec}}}>'")
            }
            12 => format!("'%d-%s' % ({}, {a})", self.expression(Type::Int, depth)),
            13 => format!(
                "'{{}}/{{!r:>5}}'.format({}, {a})",
                self.any_expression(depth)
            ),
            14 => format!(
                "{}.join({})",
                self.string_literal(),
                self.expression(Type::Strs, depth)
            ),
            15 => format!(
                "({a}).{}(12, '.')",
                self.chance.pick(&["center", "ljust", "rjust"])
            ),
            16 => format!("''.join(sorted({a}))"),
            17 => format!("chr(97 + {} % 26)", self.expression(Type::Int, depth)),
            18 if !self.classes.is_empty() => {
                let class = self.chance.below(self.classes.len());
                let object = self.expression(Type::Object(class), depth);
                format!("({object}).{}", self.classes[class].text_field)
            }
            _ => format!("'-'.join(c for c in {a} if c > 'b')"),
        }
    }

    /// An expression of any type whose text does not depend on the run.
    fn any_expression(&mut self, depth: usize) -> String {
        let kind = self.any_type();
        self.expression(kind, depth)
    }

    fn boolean(&mut self, depth: usize) -> String {
        match self.chance.below(12) {
            0..=2 => {
                let kind = *self.chance.pick(&[
                    Type::Int,
                    Type::Int,
                    Type::Float,
                    Type::Str,
                    Type::Ints,
                    Type::Pair,
                ]);
                let a = self.expression(kind, depth);
                let b = self.expression(kind, depth);
                format!(
                    "{a} {} {b}",
                    self.chance.pick(&["<", "<=", ">", ">=", "==", "!="])
                )
            }
            3 => {
                let a = self.expression(Type::Int, depth);
                let b = self.expression(Type::Int, depth);
                let c = self.expression(Type::Int, depth);
                format!("({a} < {b} <= {c})")
            }
            4 => {
                let a = self.expression(Type::Bool, depth);
                let b = self.expression(Type::Bool, depth);
                format!("({a} {} {b})", self.chance.pick(&["and", "or"]))
            }
            5 => format!("(not {})", self.expression(Type::Bool, depth)),
            6 => format!(
                "({} in {})",
                self.expression(Type::Int, depth),
                self.expression(Type::Ints, depth)
            ),
            7 => format!(
                "({} in {})",
                self.expression(Type::Str, depth),
                self.expression(Type::Str, depth)
            ),
            8 => format!(
                "({} not in {})",
                self.expression(Type::Str, 0),
                self.expression(Type::Dict, depth)
            ),
            9 => format!(
                "({}).{}()",
                self.expression(Type::Str, depth),
                self.chance
                    .pick(&["isdigit", "isalpha", "isupper", "isspace", "isalnum"])
            ),
            10 => format!(
                "{}(i > 2 for i in {})",
                self.chance.pick(&["any", "all"]),
                self.expression(Type::Ints, depth)
            ),
            _ => format!("bool({})", self.any_expression(depth)),
        }
    }

    fn ints(&mut self, depth: usize) -> String {
        let a = self.expression(Type::Ints, depth);
        match self.chance.below(16) {
            0 => format!("({a} + {})", self.expression(Type::Ints, depth)),
            1 => format!("sorted({a})"),
            2 => format!("sorted({a}, key=lambda v: -v)"),
            3 => format!("({a})[::-1]"),
            4 => format!("({a})[{}:]", self.chance.below(4)),
            5 => format!("[i + {} for i in {a}]", self.expression(Type::Int, 0)),
            6 => format!("[i for i in {a} if i % 2 == 0]"),
            7 => format!("list(map(lambda v: v % 10, {a}))"),
            8 => format!("list(filter(None, {a}))"),
            9 => format!(
                "[{}, {}]",
                self.expression(Type::Int, depth),
                self.expression(Type::Int, depth)
            ),
            10 => format!("[*{a}, {}]", self.expression(Type::Int, depth)),
            11 => format!(
                "list(range({}, {}, {}))",
                self.chance.below(5),
                self.chance.below(20),
                1 + self.chance.below(4)
            ),
            12 => format!("[len(s) for s in {}]", self.expression(Type::Strs, depth)),
            13 => format!("list(({}).values())", self.expression(Type::Dict, depth)),
            14 => format!("sorted({})", self.expression(Type::Set, depth)),
            _ => format!("[i * j for i in ({a})[:3] for j in range(2)]"),
        }
    }

    fn strings(&mut self, depth: usize) -> String {
        let a = self.expression(Type::Strs, depth);
        let text = self.expression(Type::Str, depth);
        match self.chance.below(10) {
            0 => format!("({text}).split()"),
            1 => format!("({text}).split(',')"),
            2 => format!("list(({text})[:8])"),
            3 => format!("({a} + [{text}])"),
            4 => format!("sorted({a}, key=len)"),
            5 => format!("[s.upper() for s in {a}]"),
            6 => format!("[str(i) for i in {}]", self.expression(Type::Ints, depth)),
            7 => format!("list({})", self.expression(Type::Dict, depth)),
            8 => format!("({text}).splitlines()"),
            _ => format!("[f'{{i}}{{s}}' for i, s in enumerate({a})]"),
        }
    }

    fn dict(&mut self, depth: usize) -> String {
        let a = self.expression(Type::Dict, depth);
        match self.chance.below(7) {
            0 => format!("({a} | {})", self.expression(Type::Dict, depth)),
            1 => format!(
                "{{{}: {}}}",
                self.expression(Type::Str, depth),
                self.expression(Type::Int, depth)
            ),
            2 => format!(
                "{{s: len(s) for s in {}}}",
                self.expression(Type::Strs, depth)
            ),
            3 => format!("{{**{a}, 'k': {}}}", self.expression(Type::Int, depth)),
            4 => format!(
                "dict(zip({}, {}))",
                self.expression(Type::Strs, depth),
                self.expression(Type::Ints, depth)
            ),
            5 => format!("{{k: v for k, v in ({a}).items() if v > 0}}"),
            _ => format!("dict(sorted(({a}).items()))"),
        }
    }

    fn set(&mut self, depth: usize) -> String {
        let a = self.expression(Type::Set, depth);
        match self.chance.below(5) {
            0 => format!(
                "({a} {} {})",
                self.chance.pick(&["|", "&", "-", "^"]),
                self.expression(Type::Set, depth)
            ),
            // Reduced, so that the order is that of small ints.
            1 => format!("{{i % 50 for i in {}}}", self.expression(Type::Ints, depth)),
            2 => format!(
                "set(i % 20 for i in {})",
                self.expression(Type::Ints, depth)
            ),
            3 => format!("({a}).union([{}])", self.chance.below(30)),
            _ => format!("{{{}, {}}}", self.chance.below(40), self.chance.below(40)),
        }
    }
}
