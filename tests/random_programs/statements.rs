//! The statements of a random program: what stands in its blocks.

use super::{BUDGET, Generator, LONGEST_LOOP, Type};

impl Generator {
    pub(super) fn statement(&mut self) {
        if self.cost > BUDGET / 2 {
            return self.print_statement();
        }
        match self.chance.below(22) {
            0..=3 => self.print_statement(),
            4 | 5 => {
                let kind = self.any_type();
                self.new_variable(kind);
            }
            6 | 7 => self.assignment(),
            8 => self.augmented_assignment(),
            9 | 10 if self.blocks < 4 => self.if_statement(),
            11 | 12 if self.loops < 2 && self.blocks < 4 => self.for_statement(),
            13 if self.loops < 2 && self.blocks < 4 => self.while_statement(),
            14 => self.container_statement(),
            15 if self.loops > 0 => {
                let condition = self.expression(Type::Bool, 1);
                let word = *self.chance.pick(&["break", "continue"]);
                self.line(&format!("if {condition}: {word}"));
            }
            16 if self.blocks < 3 => self.match_statement(),
            17 if self.blocks < 3 => self.closure(),
            18 if self.blocks < 3 => self.try_statement(),
            19 => self.unpacking(),
            20 if self.chance.percent(30) => {
                let text = self.expression(Type::Str, 1);
                let kind =
                    *self
                        .chance
                        .pick(&["ValueError", "KeyError", "RuntimeError", "IndexError"]);
                let condition = self.expression(Type::Bool, 1);
                self.line(&format!("if {condition}: raise {kind}({text})"));
            }
            21 => {
                let condition = self.expression(Type::Bool, 2);
                let text = self.expression(Type::Str, 1);
                let sure = if self.chance.percent(70) {
                    "True or "
                } else {
                    ""
                };
                self.line(&format!("assert {sure}{condition}, {text}"));
            }
            _ => self.print_statement(),
        }
    }

    pub(super) fn print_statement(&mut self) {
        let count = 1 + self.chance.below(2);
        let mut parts = Vec::new();
        for _ in 0..count {
            let kind = self.any_type();
            parts.push(self.expression(kind, 2));
        }
        let ending = if self.chance.percent(10) {
            ", sep='|'"
        } else {
            ""
        };
        self.line(&format!("print({}{ending})", parts.join(", ")));
    }

    /// The text of a value that cannot grow from one turn of a loop to the next.
    pub(super) fn bounded(&mut self, kind: Type, text: String) -> String {
        match kind {
            Type::Str => format!("({text})[:40]"),
            Type::Ints | Type::Strs => format!("({text})[:12]"),
            Type::Int => format!("({text}) % 1000003"),
            _ => text,
        }
    }

    pub(super) fn assignment(&mut self) {
        let kind = self.any_type();
        let Some(name) = self.own_variable(kind) else {
            return self.new_variable(kind);
        };
        let text = self.expression(kind, 3);
        let text = self.bounded(kind, text);
        self.line(&format!("{name} = {text}"));
    }

    pub(super) fn augmented_assignment(&mut self) {
        let kind = *self
            .chance
            .pick(&[Type::Int, Type::Float, Type::Ints, Type::Str]);
        let Some(name) = self.own_variable(kind) else {
            return self.new_variable(kind);
        };
        let text = self.expression(kind, 1);
        match kind {
            Type::Int => {
                let operator = *self
                    .chance
                    .pick(&["+=", "-=", "//=", "%=", "|=", "&=", "^=", "*="]);
                self.line(&format!("{name} {operator} {text}"));
                self.line(&format!("{name} %= 100003"));
            }
            Type::Float => {
                let operator = *self.chance.pick(&["+=", "-=", "/=", "*="]);
                self.line(&format!("{name} {operator} {text}"));
            }
            _ => {
                self.line(&format!("{name} += {text}"));
                self.line(&format!("{name} = {name}[-20:]"));
            }
        }
    }

    pub(super) fn if_statement(&mut self) {
        let condition = self.expression(Type::Bool, 2);
        self.line(&format!("if {condition}:"));
        self.block(Self::statement);
        if self.chance.percent(30) {
            let condition = self.expression(Type::Bool, 2);
            self.line(&format!("elif {condition}:"));
            self.block(Self::statement);
        }
        if self.chance.percent(50) {
            self.line("else:");
            self.block(Self::statement);
        }
    }

    pub(super) fn for_statement(&mut self) {
        let name = self.fresh("i");
        let (header, bound): (String, Vec<(String, Type)>) = match self.chance.below(6) {
            0 => {
                let text = self.expression(Type::Ints, 1);
                (
                    format!("for {name} in ({text})[:{LONGEST_LOOP}]:"),
                    vec![(name, Type::Int)],
                )
            }
            1 => {
                let text = self.expression(Type::Str, 1);
                (
                    format!("for {name} in ({text})[:{LONGEST_LOOP}]:"),
                    vec![(name, Type::Str)],
                )
            }
            2 => {
                let other = self.fresh("v");
                let text = self.expression(Type::Dict, 1);
                let header =
                    format!("for {name}, {other} in list(({text}).items())[:{LONGEST_LOOP}]:");
                (header, vec![(name, Type::Str), (other, Type::Int)])
            }
            3 => {
                let other = self.fresh("w");
                let text = self.expression(Type::Strs, 1);
                let header =
                    format!("for {name}, {other} in enumerate(({text})[:{LONGEST_LOOP}]):");
                (header, vec![(name, Type::Int), (other, Type::Str)])
            }
            4 => {
                let other = self.fresh("z");
                let left = self.expression(Type::Ints, 1);
                let right = self.expression(Type::Strs, 1);
                let header =
                    format!("for {name}, {other} in zip(({left})[:{LONGEST_LOOP}], {right}):");
                (header, vec![(name, Type::Int), (other, Type::Str)])
            }
            _ => {
                let count = 1 + self.chance.below(LONGEST_LOOP as usize);
                (
                    format!("for {name} in range({count}):"),
                    vec![(name, Type::Int)],
                )
            }
        };
        self.line(&header);
        self.repeated(LONGEST_LOOP, |g| {
            g.readable.extend(bound);
            for _ in 0..1 + g.chance.below(3) {
                g.statement();
            }
        });
        if self.chance.percent(15) {
            self.line("else:");
            self.block(Self::print_statement);
        }
    }

    pub(super) fn while_statement(&mut self) {
        let name = self.fresh("n");
        let count = 1 + self.chance.below(LONGEST_LOOP as usize);
        self.line(&format!("{name} = {count}"));
        let condition = if self.chance.percent(30) {
            let more = self.expression(Type::Bool, 1);
            format!("{name} > 0 and ({more})")
        } else {
            format!("{name} > 0")
        };
        self.line(&format!("while {condition}:"));
        self.repeated(LONGEST_LOOP, |g| {
            // First of all, so that `continue` cannot skip it. The name itself is not offered for assignment.
            g.line(&format!("{name} -= 1"));
            for _ in 0..1 + g.chance.below(2) {
                g.statement();
            }
        });
    }

    pub(super) fn container_statement(&mut self) {
        let index = self.expression(Type::Int, 1);
        match self.chance.below(6) {
            0 => {
                if let Some(name) = self.own_variable(Type::Ints) {
                    let value = self.expression(Type::Int, 1);
                    self.line(&format!("{name}[{index} % (len({name}) or 1)] = {value}"));
                }
            }
            1 => {
                if let Some(name) = self.own_variable(Type::Dict) {
                    let key = self.expression(Type::Str, 1);
                    let value = self.expression(Type::Int, 1);
                    self.line(&format!("{name}[({key})[:5]] = {value}"));
                }
            }
            2 => {
                if let Some(name) = self.own_variable(Type::Ints) {
                    self.line(&format!("if len({name}) < 15: {name}.append({index})"));
                }
            }
            3 => {
                if let Some(name) = self.own_variable(Type::Ints) {
                    let call = *self.chance.pick(&[
                        "sort()",
                        "reverse()",
                        "pop()",
                        "insert(1, 5)",
                        "remove(3)",
                    ]);
                    self.line(&format!("if len({name}) < 15: {name}.{call}"));
                }
            }
            4 => {
                if let Some(name) = self.own_variable(Type::Strs) {
                    self.line(&format!("{name}[1:2] = ['new', {index} and 'x']"));
                    self.line(&format!("del {name}[10:]"));
                }
            }
            _ => {
                if let Some(name) = self.own_variable(Type::Dict) {
                    let key = self.string_literal();
                    let call = *self
                        .chance
                        .pick(&["pop", "__getitem__", "setdefault", "get"]);
                    let more = if call == "setdefault" { ", 7" } else { "" };
                    self.line(&format!("print({name}.{call}({key}{more}), {name})"));
                }
            }
        }
    }

    pub(super) fn match_statement(&mut self) {
        let kind = self.any_type();
        let subject = self.expression(kind, 1);
        self.line(&format!("match {subject}:"));
        self.indent += 1;
        let name = self.fresh("m");
        let patterns = [
            "0 | 1".to_owned(),
            format!("int() as {name}"),
            format!("str({name})"),
            format!("[{name}]"),
            format!("[{name}, *_]"),
            format!("(_, {name})"),
            format!("{{'a': {name}}}"),
            "[] | ''".to_owned(),
            format!("float({name})"),
        ];
        for _ in 0..1 + self.chance.below(3) {
            let pattern = self.chance.pick(&patterns).clone();
            self.line(&format!("case {pattern}:"));
            self.block(|g| {
                let number = g.chance.below(100);
                if pattern.contains(&name) {
                    g.line(&format!("print('case {number}', {name})"));
                } else {
                    g.line(&format!("print('case {number}')"));
                }
            });
        }
        self.line("case _:");
        self.block(Self::statement);
        self.indent -= 1;
    }

    pub(super) fn try_statement(&mut self) {
        self.line("try:");
        self.block(Self::statement);
        if self.chance.percent(70) {
            let kind = *self.chance.pick(&[
                "TypeError",
                "(ValueError, KeyError)",
                "ArithmeticError",
                "Exception",
            ]);
            self.line(&format!("except {kind} as problem:"));
            self.block(|g| g.line("print('inner', type(problem).__name__, problem.args)"));
            if self.chance.percent(20) {
                self.line("else:");
                self.block(Self::statement);
            }
        } else {
            self.line("finally:");
            self.block(Self::print_statement);
        }
    }

    pub(super) fn unpacking(&mut self) {
        let first = self.fresh("p");
        let second = self.fresh("q");
        match self.chance.below(3) {
            0 => {
                let text = self.expression(Type::Pair, 1);
                self.line(&format!("{first}, {second} = {text}"));
                self.readable.push((first, Type::Int));
                self.readable.push((second, Type::Str));
            }
            1 => {
                let text = self.expression(Type::Ints, 1);
                self.line(&format!("{first}, *{second} = {text}"));
                self.readable.push((first, Type::Int));
                self.readable.push((second, Type::Ints));
            }
            _ => {
                let text = self.expression(Type::Str, 1);
                self.line(&format!("*{first}, {second} = {text}"));
                self.readable.push((first, Type::Strs));
                self.readable.push((second, Type::Str));
            }
        }
    }
}
