//! Executable trees as text, for tests: one line a code with its variables, and its statements as
//! nested lists.

use std::fmt::Write as _;

use crate::resolve::tree::*;
use crate::value::Value;
use crate::value::name::Name;
use crate::value::operator::BinaryOperator;

/// Codes with their variables: `f(a, b): a b* | x<-0 y<-^1` has slots `a`, `b`, of which `b` is a
/// cell, and captures `x` from the maker's slot 0 and `y` from what the maker captured as number 1.
pub(super) fn variables(code: &Code) -> String {
    let mut text = format!("{}", code.qualified_name);
    for (slot, name) in code.slot_names.iter().enumerate() {
        let cell = code.cell_slots.contains(&(slot as Slot));
        let _ = write!(text, " {name}{}", if cell { "*" } else { "" });
    }
    for (capture, name) in code.captures.iter().zip(&code.capture_names) {
        let _ = match capture {
            Capture::Local(slot) => write!(text, " {name}<{slot}"),
            Capture::Captured(number) => write!(text, " {name}<^{number}"),
        };
    }
    text
}

/// The statements of a code, the codes made in it included.
pub(super) fn body(program: &Program) -> String {
    Dump {
        globals: &program.globals,
    }
    .block(&program.body.body)
}

/// A value as Python shows it, as far as constants go.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::None => "None".to_owned(),
        Value::Ellipsis => "...".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::Str(text) => format!("'{}'", text.as_str()),
        Value::BigInt(number) => number.get().to_string(),
        Value::Bytes(bytes) => format!("b{:?}", String::from_utf8_lossy(bytes.get())),
        Value::Tuple(items) => {
            let items: Vec<String> = items.items().iter().map(self::value).collect();
            format!("({},)", items.join(", "))
        }
        _ => "?".to_owned(),
    }
}

struct Dump<'a> {
    globals: &'a [Name],
}

impl Dump<'_> {
    fn block(&self, block: &Block) -> String {
        let all: Vec<String> = block.iter().map(|stmt| self.stmt(&stmt.kind)).collect();
        all.join("; ")
    }

    fn stmt(&self, kind: &StmtKind) -> String {
        match kind {
            StmtKind::Expr(value) => self.expr(value),
            StmtKind::Show(value) => format!("show {}", self.expr(value)),
            StmtKind::SetLocal(slot, value) => format!("${slot} = {}", self.expr(value)),
            StmtKind::Assign(targets, value) => {
                format!("{} = {}", self.targets(targets, " = "), self.expr(value))
            }
            StmtKind::Augmented(node) => format!(
                "{}{} {}= {}",
                self.target(&node.target),
                node.present
                    .as_ref()
                    .map_or(String::new(), |present| format!(
                        " = {}",
                        self.expr(present)
                    )),
                node.op.symbol(),
                self.expr(&node.value)
            ),
            StmtKind::AddLocal(slot, number, _) => format!("${slot} += {number}"),
            StmtKind::IfReturn(parts) => format!(
                "if {} {{return {}}}",
                self.expr(&parts.0),
                self.expr(&parts.1)
            ),
            StmtKind::Delete(targets) => {
                let targets = targets.iter().map(|(target, _)| self.target(target));
                format!("del {}", targets.collect::<Vec<_>>().join(", "))
            }
            StmtKind::Return(value) => format!("return {}", self.expr(value)),
            StmtKind::Break => "break".to_owned(),
            StmtKind::Continue => "continue".to_owned(),
            StmtKind::Nothing => "pass".to_owned(),
            StmtKind::Raise(exception, cause) => format!(
                "raise {} from {}",
                self.optional(exception.as_ref()),
                self.optional(cause.as_ref())
            ),
            StmtKind::Assert(test, message) => format!(
                "assert {}, {}",
                self.expr(test),
                self.optional(message.as_ref())
            ),
            StmtKind::If(branches, otherwise) => {
                let branches: Vec<String> = branches
                    .iter()
                    .map(|(test, body)| format!("if {} {{{}}}", self.expr(test), self.block(body)))
                    .collect();
                format!("{}{}", branches.join(" "), self.otherwise(otherwise))
            }
            StmtKind::While(parts) => format!(
                "while {} {{{}}}{}",
                self.expr(&parts.0),
                self.block(&parts.1),
                self.otherwise(&parts.2)
            ),
            StmtKind::For(node) => format!(
                "{} {} in {} {{{}}}{}",
                if node.counted { "count" } else { "for" },
                self.target(&node.target),
                self.expr(&node.iterable),
                self.block(&node.body),
                self.otherwise(&node.otherwise)
            ),
            StmtKind::Try(node) => {
                let mut text = format!("try {{{}}}", self.block(&node.body));
                for handler in &node.handlers {
                    let _ = write!(
                        text,
                        " except{} {} as {} {{{}}}",
                        if node.star { "*" } else { "" },
                        self.optional(handler.kind.as_ref()),
                        handler
                            .target
                            .as_ref()
                            .map_or("-".to_owned(), |target| self.target(target)),
                        self.block(&handler.body)
                    );
                }
                text + &self.otherwise(&node.otherwise)
            }
            StmtKind::Finally(body, cleanup) => {
                format!(
                    "{{{}}} finally {{{}}}",
                    self.block(body),
                    self.block(cleanup)
                )
            }
            StmtKind::With(node) => format!(
                "with {} as {} {{{}}}",
                self.expr(&node.context),
                node.target
                    .as_ref()
                    .map_or("-".to_owned(), |target| self.target(target)),
                self.block(&node.body)
            ),
            StmtKind::Import(node) => format!(
                "import {}{} as {}",
                node.module,
                if node.bind_last { "" } else { ".." },
                self.target(&node.target)
            ),
            StmtKind::ImportFrom(node) => {
                let names = match &node.names {
                    None => "*".to_owned(),
                    Some(names) => {
                        let names: Vec<String> = names
                            .iter()
                            .map(|(name, target, _)| format!("{name} as {}", self.target(target)))
                            .collect();
                        names.join(", ")
                    }
                };
                let dots = ".".repeat(node.level as usize);
                format!("from {dots}{} import {names}", node.module)
            }
            StmtKind::Match(node) => {
                let mut text = format!("match {}", self.expr(&node.subject));
                for (pattern, guard, body) in &node.cases {
                    let _ = write!(
                        text,
                        " case {} if {} {{{}}}",
                        self.pattern(pattern),
                        self.optional(guard.as_ref()),
                        self.block(body)
                    );
                }
                text
            }
            StmtKind::Suspending(node) => self.suspending(node),
        }
    }

    /// A statement that may be suspended: with the first slot of what it keeps.
    fn suspending(&self, node: &Suspending) -> String {
        let slot = node.slot;
        let received = |received: &Received| match received {
            Received::Nothing => String::new(),
            Received::Local(slot) => format!("${slot} = "),
            Received::Targets(targets) => format!("{} = ", self.targets(targets, " = ")),
            Received::Augment(op, slot, _) => format!("${slot} {}= ", op.symbol()),
            Received::Return => "return ".to_owned(),
        };
        match &node.kind {
            SuspendingKind::Yield(target, value, _) => {
                format!("{}yield {}", received(target), self.expr(value))
            }
            SuspendingKind::YieldFrom(target, value, _) => {
                format!("{}yield@{slot} from {}", received(target), self.expr(value))
            }
            SuspendingKind::If(branches, otherwise) => {
                let branches: Vec<String> = branches
                    .iter()
                    .map(|(test, body)| {
                        format!("if@{slot} {} {{{}}}", self.expr(test), self.block(body))
                    })
                    .collect();
                format!("{}{}", branches.join(" "), self.otherwise(otherwise))
            }
            SuspendingKind::While(parts) => format!(
                "while@{slot} {} {{{}}}{}",
                self.expr(&parts.0),
                self.block(&parts.1),
                self.otherwise(&parts.2)
            ),
            SuspendingKind::For(node) => format!(
                "{}@{slot} {} in {} {{{}}}{}",
                if node.counted { "count" } else { "for" },
                self.target(&node.target),
                self.expr(&node.iterable),
                self.block(&node.body),
                self.otherwise(&node.otherwise)
            ),
            SuspendingKind::Try(node) => {
                let handlers: Vec<String> = node
                    .handlers
                    .iter()
                    .map(|handler| format!(" except {{{}}}", self.block(&handler.body)))
                    .collect();
                format!(
                    "try@{slot} {{{}}}{}{}",
                    self.block(&node.body),
                    handlers.concat(),
                    self.otherwise(&node.otherwise)
                )
            }
            SuspendingKind::Finally(body, cleanup) => format!(
                "{{{}}} finally@{slot} {{{}}}",
                self.block(body),
                self.block(cleanup)
            ),
            SuspendingKind::With(node) => format!(
                "with@{slot} {} {{{}}}",
                self.expr(&node.context),
                self.block(&node.body)
            ),
            SuspendingKind::Match(node) => {
                let cases: Vec<String> = node
                    .cases
                    .iter()
                    .map(|(_, _, body)| format!(" case {{{}}}", self.block(body)))
                    .collect();
                format!(
                    "match@{slot} {}{}",
                    self.expr(&node.subject),
                    cases.concat()
                )
            }
        }
    }

    fn otherwise(&self, block: &Block) -> String {
        if block.is_empty() {
            String::new()
        } else {
            format!(" else {{{}}}", self.block(block))
        }
    }

    fn pattern(&self, pattern: &Pattern) -> String {
        let all = |patterns: &[Pattern]| -> Vec<String> {
            patterns.iter().map(|inner| self.pattern(inner)).collect()
        };
        match &pattern.kind {
            PatternKind::Wildcard => "_".to_owned(),
            PatternKind::Capture(target) => self.target(target),
            PatternKind::Equal(value) => format!("=={}", self.expr(value)),
            PatternKind::Same(value) => format!("is {}", self.expr(value)),
            PatternKind::Sequence {
                before,
                star,
                after,
            } => {
                let mut parts = all(before);
                if let Some(star) = star {
                    let name = star
                        .as_ref()
                        .map_or("_".to_owned(), |target| self.target(target));
                    parts.push(format!("*{name}"));
                }
                parts.extend(all(after));
                format!("[{}]", parts.join(", "))
            }
            PatternKind::Mapping { items, rest } => {
                let mut parts: Vec<String> = items
                    .iter()
                    .map(|(key, inner)| format!("{}: {}", self.expr(key), self.pattern(inner)))
                    .collect();
                parts.extend(
                    rest.iter()
                        .map(|target| format!("**{}", self.target(target))),
                );
                format!("{{{}}}", parts.join(", "))
            }
            PatternKind::Class {
                class,
                positional,
                keyword,
            } => {
                let mut parts = all(positional);
                parts.extend(
                    keyword
                        .iter()
                        .map(|(name, inner)| format!("{name}={}", self.pattern(inner))),
                );
                format!("{}({})", self.expr(class), parts.join(", "))
            }
            PatternKind::Or(patterns) => all(patterns).join(" | "),
            PatternKind::As(inner, target) => {
                format!("{} as {}", self.pattern(inner), self.target(target))
            }
        }
    }

    fn targets(&self, targets: &[Target], between: &str) -> String {
        let all: Vec<String> = targets.iter().map(|target| self.target(target)).collect();
        all.join(between)
    }

    fn target(&self, target: &Target) -> String {
        match target {
            Target::Local(slot) => format!("${slot}"),
            Target::LocalCell(slot) => format!("$${slot}"),
            Target::Captured(number) => format!("^{number}"),
            Target::Global(number, _) => self.globals[*number as usize].to_string(),
            Target::Attribute(node) => format!("{}.{}", self.expr(&node.object), node.name),
            Target::Subscript(node) => {
                format!("{}[{}]", self.expr(&node.object), self.expr(&node.index))
            }
            Target::Unpack(node) => {
                let mut parts = vec![self.targets(&node.before, ", ")];
                parts.extend(
                    node.star
                        .iter()
                        .map(|star| format!("*{}", self.target(star))),
                );
                if !node.after.is_empty() {
                    parts.push(self.targets(&node.after, ", "));
                }
                parts.retain(|part| !part.is_empty());
                format!("({})", parts.join(", "))
            }
        }
    }

    fn optional(&self, expr: Option<&Expr>) -> String {
        expr.map_or("-".to_owned(), |expr| self.expr(expr))
    }

    fn list(&self, exprs: &[Expr]) -> String {
        let all: Vec<String> = exprs.iter().map(|expr| self.expr(expr)).collect();
        all.join(", ")
    }

    fn spread(&self, items: &[SpreadItem]) -> String {
        let all: Vec<String> = items
            .iter()
            .map(|item| match item {
                SpreadItem::One(value) => self.expr(value),
                SpreadItem::Many(value) => format!("*{}", self.expr(value)),
            })
            .collect();
        all.join(", ")
    }

    fn expr(&self, expr: &Expr) -> String {
        match &expr.kind {
            ExprKind::Constant(constant) => value(constant),
            ExprKind::Local(slot) | ExprKind::LocalKept(slot) => format!("${slot}"),
            ExprKind::LocalCell(slot) => format!("$${slot}"),
            ExprKind::Captured(number) => format!("^{number}"),
            ExprKind::Global(number) => self.globals[*number as usize].to_string(),
            ExprKind::Trade(number) => format!("trade {}", self.globals[*number as usize]),
            ExprKind::ClassLocal(slot, other) => format!("(${slot} or {})", self.expr(other)),
            ExprKind::List(items) => format!("[{}]", self.list(items)),
            ExprKind::Tuple(items) => format!("tuple({})", self.list(items)),
            ExprKind::ConstantSet(set) => format!("set({})", value(set)),
            ExprKind::Set(items) => format!("set({})", self.list(items)),
            ExprKind::Spread(kind, items) => format!("{kind:?}({})", self.spread(items)),
            ExprKind::Dict(items) => {
                let items: Vec<String> = items
                    .iter()
                    .map(|(key, value)| match key {
                        Some(key) => format!("{}: {}", self.expr(key), self.expr(value)),
                        None => format!("**{}", self.expr(value)),
                    })
                    .collect();
                format!("{{{}}}", items.join(", "))
            }
            ExprKind::Not(operand) => format!("not {}", self.expr(operand)),
            ExprKind::Unary(op, operand) => format!("{op:?}({})", self.expr(operand)),
            ExprKind::Binary(op, operands) => format!(
                "({} {} {})",
                self.expr(&operands.0),
                op.symbol(),
                self.expr(&operands.1)
            ),
            ExprKind::Add(operands) => {
                format!("({} + {})", self.expr(&operands.0), self.expr(&operands.1))
            }
            ExprKind::Subtract(operands) => {
                format!("({} - {})", self.expr(&operands.0), self.expr(&operands.1))
            }
            ExprKind::Multiply(operands) => {
                format!("({} * {})", self.expr(&operands.0), self.expr(&operands.1))
            }
            ExprKind::AddLocalConstant(op, slot, number, _) => {
                let number = match op {
                    BinaryOperator::Subtract => -number,
                    _ => *number,
                };
                format!("local(${slot} {} {number})", op.symbol())
            }
            ExprKind::LocalConstant(op, slot, number, _) => {
                format!("local(${slot} {} {number})", op.symbol())
            }
            ExprKind::LocalLocal(op, [left, right], _) => {
                format!("local(${left} {} ${right})", op.symbol())
            }
            ExprKind::And(operands) => format!("and({})", self.list(operands)),
            ExprKind::Or(operands) => format!("or({})", self.list(operands)),
            ExprKind::Compare(op, operands) => format!(
                "({} {} {})",
                self.expr(&operands.0),
                op.symbol(),
                self.expr(&operands.1)
            ),
            ExprKind::CompareLocalConstant(op, slot, number, _) => {
                format!("local(${slot} {} {number})", op.symbol())
            }
            ExprKind::Is(operands, negated) => format!(
                "({} is{} {})",
                self.expr(&operands.0),
                if *negated { " not" } else { "" },
                self.expr(&operands.1)
            ),
            ExprKind::In(operands, negated) => format!(
                "({} {}in {})",
                self.expr(&operands.0),
                if *negated { "not " } else { "" },
                self.expr(&operands.1)
            ),
            ExprKind::Chain(node) => {
                let mut text = format!("chain({}", self.expr(&node.first));
                for (op, operand) in &node.rest {
                    let op = match op {
                        ChainOperator::Compare(op) => op.symbol(),
                        ChainOperator::Is(false) => "is",
                        ChainOperator::Is(true) => "is not",
                        ChainOperator::In(false) => "in",
                        ChainOperator::In(true) => "not in",
                    };
                    let _ = write!(text, " {op} {}", self.expr(operand));
                }
                text + ")"
            }
            ExprKind::Conditional(parts) => format!(
                "({} if {} else {})",
                self.expr(&parts.1),
                self.expr(&parts.0),
                self.expr(&parts.2)
            ),
            ExprKind::Call(node) => {
                format!(
                    "{}({})",
                    self.expr(&node.callee),
                    self.list(&node.arguments)
                )
            }
            ExprKind::CallMethod(node) => format!(
                "{}.{}!({})",
                self.expr(&node.object),
                node.name,
                self.list(&node.arguments)
            ),
            ExprKind::CallKeywords(node) => {
                let first = node.arguments.len() - node.names.len();
                let mut parts: Vec<String> = node.arguments[..first]
                    .iter()
                    .map(|argument| self.expr(argument))
                    .collect();
                for (name, argument) in node.names.iter().zip(&node.arguments[first..]) {
                    parts.push(format!("{name}={}", self.expr(argument)));
                }
                format!("{}({})", self.expr(&node.callee), parts.join(", "))
            }
            ExprKind::CallSpread(node) => {
                let keywords = self.keywords(&node.keywords);
                format!(
                    "{}({} / {})",
                    self.expr(&node.callee),
                    self.spread(&node.positional),
                    keywords
                )
            }
            ExprKind::Super(node) => format!(
                "{}:{}:{}",
                self.expr(&node.callee),
                self.expr(&node.class),
                self.expr(&node.receiver)
            ),
            ExprKind::Attribute(node) => format!("{}.{}", self.expr(&node.object), node.name),
            ExprKind::Subscript(operands) => {
                format!("{}[{}]", self.expr(&operands.0), self.expr(&operands.1))
            }
            ExprKind::Slice(parts) => format!(
                "slice({}:{}:{})",
                self.expr(&parts.0),
                self.expr(&parts.1),
                self.expr(&parts.2)
            ),
            ExprKind::MakeFunction(node) => self.make_function(node),
            ExprKind::MakeClass(node) => {
                let keywords = self.keywords(&node.keywords);
                format!(
                    "class{} {}({} / {}) {{{}}}",
                    if node.top_level { "" } else { "'" },
                    node.code.name,
                    self.spread(&node.bases),
                    keywords,
                    self.block(&node.code.body)
                )
            }
            ExprKind::Comprehension(node) => {
                let element = match &node.kind {
                    ComprehensionKind::List => format!("list {}", self.expr(&node.element)),
                    ComprehensionKind::Set => format!("set {}", self.expr(&node.element)),
                    ComprehensionKind::Dict(key) => {
                        format!("dict {}: {}", self.expr(key), self.expr(&node.element))
                    }
                };
                let mut text = format!("[{element}");
                for clause in &node.clauses {
                    let _ = write!(
                        text,
                        " for {} in {}",
                        self.target(&clause.target),
                        self.expr(&clause.iterable)
                    );
                    for condition in &clause.conditions {
                        let _ = write!(text, " if {}", self.expr(condition));
                    }
                }
                format!("{text} | {:?} {:?}]", node.variables, node.cell_variables)
            }
            ExprKind::MakeGenerator(node) => {
                format!("{}({})", self.make_function(&node.0), self.expr(&node.1))
            }
            ExprKind::Named(node) => {
                format!("({} := {})", self.target(&node.0), self.expr(&node.1))
            }
            ExprKind::Yield(operand) => format!("yield {}", self.expr(operand)),
            ExprKind::YieldFrom(operand) => format!("yield from {}", self.expr(operand)),
            ExprKind::FormatString(parts) => format!("f\"{}\"", self.format_parts(parts)),
        }
    }

    fn keywords(&self, keywords: &[(Option<Name>, Expr)]) -> String {
        let all: Vec<String> = keywords
            .iter()
            .map(|(name, value)| match name {
                Some(name) => format!("{name}={}", self.expr(value)),
                None => format!("**{}", self.expr(value)),
            })
            .collect();
        all.join(", ")
    }

    fn make_function(&self, node: &MakeFunction) -> String {
        let mut text = format!(
            "{}{}",
            if node.top_level { "def " } else { "def' " },
            node.code.name
        );
        for default in &node.defaults {
            let _ = write!(text, " {}", self.expr(default));
        }
        for default in &node.keyword_defaults {
            let _ = write!(text, " *{}", self.optional(default.as_ref()));
        }
        format!("{text} {{{}}}", self.block(&node.code.body))
    }

    fn format_parts(&self, parts: &[FormatPart]) -> String {
        let mut text = String::new();
        for part in parts {
            match part {
                FormatPart::Text(part) => text.push_str(part),
                FormatPart::Field(field) => {
                    let _ = write!(text, "{{{}", self.expr(&field.value));
                    if let Some(conversion) = field.conversion {
                        let _ = write!(text, "!{conversion:?}");
                    }
                    if !field.format.is_empty() {
                        let _ = write!(text, ":{}", self.format_parts(&field.format));
                    }
                    text.push('}');
                }
            }
        }
        text
    }
}
