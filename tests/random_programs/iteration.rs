//! What a random program steps through: generators that yield anywhere in their bodies and are driven by hand, classes
//! with `__iter__` and `__next__`, `with` blocks, wrappers of functions, and threads that are joined at once.

use super::{Generator, Type};

impl Generator {
    /// A generator whose body may yield in every place, and what drives it.
    pub(super) fn driven_generator(&mut self) {
        let name = self.fresh("steps");
        let limit = self.fresh("limit");
        self.line(&format!("def {name}({limit}):"));
        let parameters = vec![(limit, Type::Int)];
        self.body(&parameters, |g| {
            for _ in 0..1 + g.chance.below(3) {
                g.yielding(3);
            }
            if g.chance.percent(40) {
                let text = g.expression(Type::Int, 1);
                g.line(&format!("return {text}"));
            }
        });
        self.drive(&name);
        if self.chance.percent(25) {
            let outer = self.fresh("chain");
            self.line(&format!("def {outer}(limit):"));
            self.line("    try:");
            self.line(&format!("        got = yield from {name}((limit + 1) % 5)"));
            self.line("        yield ('got', got)");
            if self.chance.percent(50) {
                self.line("    finally:");
                self.line("        print('chain ends')");
            } else {
                self.line("    except ValueError as error:");
                self.line("        yield ('chain', error.args)");
            }
            self.drive(&outer);
        }
    }

    /// One statement of a generator's body, with a yield somewhere in it.
    fn yielding(&mut self, depth: usize) {
        if depth == 0 {
            return self.yield_statement();
        }
        match self.chance.below(11) {
            0 | 1 => self.yield_statement(),
            2 => {
                let condition = self.expression(Type::Bool, 1);
                self.line(&format!("if {condition}:"));
                self.block(|g| g.yielding(depth - 1));
                self.line("else:");
                self.block(|g| g.yielding(depth - 1));
            }
            3 | 4 if self.loops < 2 => {
                let name = self.fresh("i");
                let text = self.expression(Type::Ints, 1);
                self.line(&format!("for {name} in ({text})[:3]:"));
                self.repeated(3, |g| {
                    g.readable.push((name, Type::Int));
                    g.yielding(depth - 1);
                    if g.chance.percent(30) {
                        let condition = g.expression(Type::Bool, 1);
                        let word = *g.chance.pick(&["break", "continue", "return 5"]);
                        g.line(&format!("if {condition}: {word}"));
                        g.yield_statement();
                    }
                });
                if self.chance.percent(30) {
                    self.line("else:");
                    self.block(Self::yield_statement);
                }
            }
            5 if self.loops < 2 => {
                let name = self.fresh("n");
                self.line(&format!("{name} = 2"));
                self.line(&format!("while {name}:"));
                self.repeated(2, |g| {
                    g.line(&format!("{name} -= 1"));
                    g.yielding(depth - 1);
                });
            }
            6 | 7 => {
                self.line("try:");
                self.block(|g| {
                    g.yielding(depth - 1);
                    if g.chance.percent(40) {
                        g.statement();
                    }
                });
                if self.chance.percent(60) {
                    let kind =
                        *self
                            .chance
                            .pick(&["ValueError", "(KeyError, TypeError)", "Exception"]);
                    self.line(&format!("except {kind} as problem:"));
                    self.block(|g| {
                        g.line("print('inside', type(problem).__name__, problem.args)");
                        if g.chance.percent(50) {
                            g.yielding(depth - 1);
                        }
                        if g.chance.percent(20) {
                            g.line("raise");
                        }
                    });
                    if self.chance.percent(25) {
                        self.line("else:");
                        self.block(|g| g.yielding(depth - 1));
                    }
                }
                if self.chance.percent(50) || self.ends_in_try() {
                    let number = self.chance.below(100);
                    self.line("finally:");
                    self.block(|g| g.line(&format!("print('finally {number}')")));
                }
            }
            8 => {
                let name = self.fresh("c");
                let number = self.chance.below(100);
                self.needs_guard = true;
                let quiet = *self.chance.pick(&["True", "False"]);
                self.line(&format!("with Guard({number}, {quiet}) as {name}:"));
                self.block(|g| {
                    g.readable.push((name, Type::Int));
                    g.yielding(depth - 1);
                });
            }
            9 => {
                let text = self.expression(Type::Ints, 1);
                self.line(&format!("yield from ({text})[:3]"));
            }
            _ => {
                self.statement();
                self.yield_statement();
            }
        }
    }

    /// Whether a `try` was just written that has neither a handler nor a `finally` yet.
    fn ends_in_try(&self) -> bool {
        let start = " ".repeat(4 * self.indent);
        self.lines
            .iter()
            .rev()
            .find(|line| line.starts_with(&start) && !line[start.len()..].starts_with([' ', '\t']))
            .is_some_and(|line| line[start.len()..] == *"try:")
    }

    fn yield_statement(&mut self) {
        let text = self.expression(Type::Int, 2);
        match self.chance.below(7) {
            0 => {
                let name = self.fresh("sent");
                self.line(&format!("{name} = yield {text}"));
                self.line(&format!("print('sent', {name})"));
            }
            1 => self.line(&format!("print('value', (yield {text}), {text})")),
            2 => self.line(&format!("_ = [(yield {text}), (yield 'second')]")),
            3 => {
                let list = self.atom(Type::Ints);
                self.line(&format!("yield sorted({list})[:3]"));
            }
            _ => self.line(&format!("yield {text}")),
        }
    }

    /// Drives a generator function of one number: all of it, or step by step.
    fn drive(&mut self, name: &str) {
        let argument = self.chance.below(6);
        let made = self.fresh("it");
        self.guarded(|g| match g.chance.below(4) {
            0 => g.line(&format!("print(list({name}({argument}))[:20])")),
            1 => {
                g.line(&format!("{made} = {name}({argument})"));
                g.line(&format!("for step, item in enumerate({made}):"));
                g.line("    print(step, item)");
                g.line("    if step > 2: break");
                g.line(&format!("{made}.close()"));
                g.line(&format!("print(next({made}, 'closed'))"));
            }
            2 => {
                g.line(&format!("{made} = {name}({argument})"));
                g.line(&format!("print(next({made}, 'none'))"));
                for _ in 0..1 + g.chance.below(4) {
                    let text = g.atom(Type::Int);
                    match g.chance.below(5) {
                        0 => {
                            let kind = *g.chance.pick(&["ValueError", "KeyError", "RuntimeError"]);
                            g.line("try:");
                            g.line(&format!("    print({made}.throw({kind}({text})))"));
                            g.line("except StopIteration as stop:");
                            g.line("    print('stopped', stop.value)");
                        }
                        1 => g.line(&format!("print(next({made}, 'none'))")),
                        2 => g.line(&format!("{made}.close()")),
                        _ => {
                            g.line("try:");
                            g.line(&format!("    print({made}.send({text}))"));
                            g.line("except StopIteration as stop:");
                            g.line("    print('stopped', stop.value)");
                        }
                    }
                }
                g.line(&format!("print(list({made})[:9])"));
            }
            _ => {
                let other = g.chance.below(6);
                g.line(&format!("{made} = {name}({argument})"));
                g.line(&format!(
                    "print([pair for pair in zip({made}, {name}({other}))][:9])"
                ));
                g.line(&format!("print(tuple({made})[:9])"));
            }
        });
    }

    /// A class that is stepped through by its own methods.
    pub(super) fn iterator_class(&mut self) {
        let name = self.fresh("Count");
        self.line(&format!("class {name}:"));
        self.line("    def __init__(self, limit):");
        self.line("        self.limit = limit");
        self.line("        self.at = 0");
        self.line("    def __iter__(self):");
        self.line("        return self");
        self.line("    def __next__(self):");
        self.line("        if self.at >= self.limit:");
        self.line("            raise StopIteration");
        self.line("        self.at += 1");
        self.indent += 1;
        self.body(&[("self.at".to_owned(), Type::Int)], |g| {
            if g.chance.percent(40) {
                g.statement();
            }
            let text = g.expression(Type::Int, 2);
            g.line(&format!("return {text}"));
        });
        self.indent -= 1;
        let count = self.chance.below(7);
        self.guarded(|g| match g.chance.below(4) {
            0 => g.line(&format!("print(list({name}({count})))")),
            1 => {
                g.line(&format!("for item in {name}({count}):"));
                g.line("    print('item', item)");
            }
            2 => g.line(&format!(
                "print(sum(x for x in {name}({count})), max({name}({count}), default='none'))"
            )),
            _ => g.line(&format!(
                "print(dict(zip({name}({count}), 'abcdef')), [*{name}(2)])"
            )),
        });
    }

    /// A function that wraps another one, with all its arguments.
    pub(super) fn wrapper(&mut self) {
        let name = self.fresh("wrap");
        let function = self.fresh("wrapped");
        self.line(&format!("def {name}(function):"));
        self.line("    def inner(*args, **kwargs):");
        self.line("        print('call', args, sorted(kwargs.items()))");
        self.line("        return function(*args, **kwargs)");
        self.line("    return inner");
        self.line(&format!("@{name}"));
        let header = *self.chance.pick(&[
            "a, b=2, *rest",
            "a, /, b=3",
            "a, *, b=4",
            "a, b=5, **more",
            "*args, b=6",
        ]);
        self.line(&format!("def {function}({header}):"));
        self.indent += 1;
        let result = match header {
            "*args, b=6" => "args, b",
            "a, b=2, *rest" => "a, b, rest",
            "a, b=5, **more" => "a, b, more",
            _ => "a, b",
        };
        self.line(&format!("return {result}"));
        self.indent -= 1;
        for _ in 0..1 + self.chance.below(3) {
            let list = self.atom(Type::Ints);
            let number = self.atom(Type::Int);
            let call = match self.chance.below(6) {
                0 => format!("{function}({number})"),
                1 => format!("{function}({number}, b={number})"),
                2 => format!("{function}(*{list}[:3])"),
                3 => format!("{function}({number}, **{{'b': 1}})"),
                4 => format!("{function}({number}, {number}, c=1)"),
                _ => format!("{function}(*'ab', *{list}[:1])"),
            };
            self.guarded(|g| g.line(&format!("print({call})")));
        }
    }

    /// Statements that run in a thread of their own, which is waited for.
    pub(super) fn in_thread(&mut self) {
        let name = self.fresh("work");
        self.needs_thread = true;
        self.line(&format!("def {name}():"));
        self.body(&[], |g| {
            g.guarded(|g| {
                for _ in 0..1 + g.chance.below(3) {
                    g.statement();
                }
            });
        });
        let thread = self.fresh("thread");
        self.line(&format!("{thread} = Thread(target={name})"));
        self.line(&format!("{thread}.start()"));
        self.line(&format!("{thread}.join()"));
    }

    /// What stands before the program for those of its parts that need it.
    pub(super) fn preamble(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.needs_thread {
            lines.push("from threading import Thread");
        }
        if self.needs_guard {
            lines.extend([
                "class Guard:",
                "    def __init__(self, number, quiet):",
                "        self.number = number",
                "        self.quiet = quiet",
                "    def __enter__(self):",
                "        print('enter', self.number)",
                "        return self.number",
                "    def __exit__(self, kind, value, trace):",
                "        print('exit', self.number, kind and kind.__name__)",
                "        return self.quiet and kind is ValueError",
            ]);
        }
        lines.into_iter().map(str::to_owned).collect()
    }
}
