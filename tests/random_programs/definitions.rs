//! What a random program defines: functions, generators, classes and closures.

use super::{BUDGET, Class, Function, Generator, LONGEST_LOOP, Type};

impl Generator {
    pub(super) fn closure(&mut self) {
        let function = self.fresh("make");
        let inner = self.fresh("inner");
        let text = self.expression(Type::Int, 1);
        self.line(&format!("def {function}(start):"));
        self.line("    total = start");
        self.line(&format!("    def {inner}(by=2):"));
        self.line("        nonlocal total");
        self.line("        total = (total * by + 1) % 9973");
        self.line("        return total");
        self.line(&format!("    return {inner}"));
        self.line(&format!("{function} = {function}({text})"));
        self.line(&format!(
            "print({function}(), {function}(3), [{function}(by=i) for i in range(3)])"
        ));
    }

    /// Writes a function's body: its own names, its own estimate of cost, and what it can see of the module.
    pub(super) fn body(
        &mut self,
        parameters: &[(String, Type)],
        write: impl FnOnce(&mut Self),
    ) -> u64 {
        let (own, times, cost, loops, in_function) = (
            self.own,
            self.times,
            self.cost,
            self.loops,
            self.in_function,
        );
        self.own = self.readable.len();
        (self.times, self.cost, self.loops, self.in_function) = (1, 0, 0, true);
        self.block(|g| {
            g.readable.extend(parameters.iter().cloned());
            write(g);
        });
        let spent = self.cost;
        (
            self.own,
            self.times,
            self.cost,
            self.loops,
            self.in_function,
        ) = (own, times, cost, loops, in_function);
        spent
    }

    pub(super) fn parameters(&mut self) -> Vec<(String, Type)> {
        (0..1 + self.chance.below(3))
            .map(|_| (self.fresh("arg"), self.any_type()))
            .collect()
    }

    pub(super) fn function(&mut self) {
        let name = self.fresh("f");
        let parameters = self.parameters();
        let result = self.any_type();
        let mut header: Vec<String> = parameters.iter().map(|(n, _)| n.clone()).collect();
        if self.chance.percent(25) {
            header.push("*rest".to_owned());
        }
        if self.chance.percent(25) {
            let text = self.chance.below(9);
            header.push(format!("scale={text}"));
        }
        self.line(&format!("def {name}({}):", header.join(", ")));
        let cost = self.body(&parameters, |g| {
            if g.chance.percent(30) {
                let names: Vec<String> = g.readable[..g.own]
                    .iter()
                    .filter(|(_, k)| *k == Type::Int)
                    .map(|(n, _)| n.clone())
                    .collect();
                if !names.is_empty() {
                    let global = g.chance.pick(&names).clone();
                    g.line(&format!("global {global}"));
                    g.line(&format!("{global} = ({global} + 1) % 1000"));
                }
            }
            for _ in 0..1 + g.chance.below(4) {
                g.statement();
            }
            if g.chance.percent(20) {
                let condition = g.expression(Type::Bool, 1);
                let early = g.expression(result, 1);
                g.line(&format!("if {condition}: return {early}"));
            }
            let text = g.expression(result, 2);
            g.line(&format!("return {text}"));
        });
        let kinds = parameters.iter().map(|(_, kind)| *kind).collect();
        self.functions.push(Function {
            name,
            parameters: kinds,
            result,
            cost,
            is_generator: false,
        });
        self.use_last_function();
    }

    /// Calls what was just defined, so that nothing stands there unused.
    pub(super) fn use_last_function(&mut self) {
        let at = self.functions.len() - 1;
        if self.functions[at].cost < BUDGET / 10 {
            self.guarded(|g| {
                let call = g.call_of(at);
                g.line(&format!("print({call})"));
            });
        }
    }

    pub(super) fn generator_function(&mut self) {
        let name = self.fresh("gen");
        let parameters = vec![(self.fresh("limit"), Type::Int)];
        let limit = parameters[0].0.clone();
        self.line(&format!("def {name}({limit}):"));
        let cost = self.body(&parameters, |g| {
            let item = g.fresh("k");
            let count = 1 + g.chance.below(LONGEST_LOOP as usize);
            g.line(&format!("for {item} in range({limit} % {count} + 1):"));
            g.repeated(LONGEST_LOOP, |g| {
                g.readable.push((item.clone(), Type::Int));
                if g.chance.percent(40) {
                    g.statement();
                }
                let text = g.expression(Type::Int, 2);
                g.line(&format!("yield {text}"));
            });
            if g.chance.percent(30) {
                g.line(&format!("yield from [{limit} % 5, 0]"));
            }
        });
        self.functions.push(Function {
            name,
            parameters: vec![Type::Int],
            result: Type::Ints,
            cost,
            is_generator: true,
        });
        self.use_last_function();
    }

    pub(super) fn class(&mut self) {
        let name = self.fresh("Class");
        let number_field = self.fresh("number");
        let text_field = self.fresh("text");
        let base = if !self.classes.is_empty() && self.chance.percent(50) {
            let at = self.chance.below(self.classes.len());
            Some(self.classes[at].name.clone())
        } else {
            None
        };
        self.line(&match &base {
            Some(base) => format!("class {name}({base}):"),
            None => format!("class {name}:"),
        });
        self.line("    made = 0");
        self.line(&format!(
            "    def __init__(self, {number_field}, {text_field}='t'):"
        ));
        if base.is_some() {
            self.line(&format!(
                "        super().__init__({number_field}, {text_field})"
            ));
        }
        self.line(&format!("        self.{number_field} = {number_field}"));
        self.line(&format!("        self.{text_field} = {text_field}"));
        self.line(&format!("        {name}.made += 1"));
        self.line("    def __repr__(self):");
        self.line(&format!(
            "        return f'{name}({{self.{number_field}!r}}, {{self.{text_field}!r:.20}})'"
        ));
        self.line("    def size(self, by=1):");
        let parameters = vec![
            (format!("self.{number_field}"), Type::Int),
            (format!("self.{text_field}"), Type::Str),
        ];
        self.indent += 1;
        self.body(&parameters, |g| {
            let text = g.expression(Type::Int, 2);
            g.line(&format!("return {text}"));
        });
        self.indent -= 1;
        if self.chance.percent(60) {
            self.line("    def __eq__(self, other):");
            self.line(&format!("        return isinstance(other, {name}) and self.{number_field} == other.{number_field}"));
        }
        if self.chance.percent(60) {
            self.line("    def __lt__(self, other):");
            self.line(&format!(
                "        return self.{number_field} < getattr(other, '{number_field}', 0)"
            ));
        }
        if self.chance.percent(50) {
            self.line("    def __add__(self, other):");
            self.line(&format!("        return {name}((self.{number_field} + getattr(other, '{number_field}', 1)) % 999, 'sum')"));
        }
        if self.chance.percent(40) {
            self.line("    @property");
            self.line("    def double(self):");
            self.line(&format!("        return self.{number_field} * 2"));
        }
        if self.chance.percent(30) {
            self.line("    def __len__(self):");
            self.line(&format!("        return len(self.{text_field})"));
        }
        let made = self.fresh("object");
        let class = self.classes.len();
        self.classes.push(Class {
            name: name.clone(),
            number_field,
            text_field,
        });
        let number = self.chance.below(20);
        self.line(&format!("{made} = {name}({number}, 'text')"));
        self.readable.push((made.clone(), Type::Object(class)));
        self.guarded(|g| {
            let other = g.atom(Type::Object(class));
            let operator = *g.chance.pick(&["==", "<", "+", ">", "!="]);
            g.line(&format!(
                "print({made}, {made}.size(), {name}.made, {made} {operator} {other})"
            ));
        });
    }
}
