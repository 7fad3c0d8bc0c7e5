//! The shape of a syntax tree as compact text: `(+ a (* b 2))`. What the table tests compare, and
//! what can be compared with the trees of another parser.

use std::fmt::Write;

use conc::syntax::ast::*;

/// A module's statements, one after the other.
pub fn module(module: &Module) -> String {
    let mut out = String::new();
    for (index, statement) in module.body.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        stmt(&mut out, statement);
    }
    out
}

/// One expression.
pub fn expression(tree: &Expr) -> String {
    let mut out = String::new();
    expr(&mut out, tree);
    out
}

fn block(out: &mut String, name: &str, body: &[Stmt]) {
    let _ = write!(out, " ({name}");
    for statement in body {
        out.push(' ');
        stmt(out, statement);
    }
    out.push(')');
}

fn maybe_block(out: &mut String, name: &str, body: &[Stmt]) {
    if !body.is_empty() {
        block(out, name, body);
    }
}

fn list<'a>(out: &mut String, name: &str, items: impl IntoIterator<Item = &'a Expr>) {
    let _ = write!(out, "({name}");
    for item in items {
        out.push(' ');
        expr(out, item);
    }
    out.push(')');
}

fn maybe(out: &mut String, value: Option<&Expr>) {
    match value {
        Some(value) => {
            out.push(' ');
            expr(out, value);
        }
        None => out.push_str(" -"),
    }
}

fn names(out: &mut String, name: &str, idents: &[Ident]) {
    let _ = write!(out, "({name}");
    for ident in idents {
        let _ = write!(out, " {}", ident.name);
    }
    out.push(')');
}

fn alias(out: &mut String, ident: &Ident, alias: Option<&Ident>) {
    let _ = write!(out, " {}", ident.name);
    if let Some(alias) = alias {
        let _ = write!(out, ":{}", alias.name);
    }
}

fn branches(out: &mut String, all: &[(Expr, Block)], otherwise: &[Stmt]) {
    let Some(((test, body), rest)) = all.split_first() else {
        return;
    };
    out.push_str("(if ");
    expr(out, test);
    block(out, "then", body);
    if rest.is_empty() {
        maybe_block(out, "else", otherwise);
    } else {
        out.push_str(" (else ");
        branches(out, rest, otherwise);
        out.push(')');
    }
    out.push(')');
}

fn stmt(out: &mut String, statement: &Stmt) {
    match &statement.kind {
        StmtKind::Expr(value) => list(out, "expr", [value]),
        StmtKind::Assign { targets, value } => {
            list(out, "=", targets.iter().chain([value]));
        }
        StmtKind::AnnotatedAssign {
            target,
            annotation,
            value,
        } => {
            out.push_str("(: ");
            expr(out, target);
            out.push(' ');
            expr(out, annotation);
            maybe(out, value.as_ref());
            out.push(')');
        }
        StmtKind::AugmentedAssign { target, op, value } => {
            let _ = write!(out, "({}= ", binary(*op));
            expr(out, target);
            out.push(' ');
            expr(out, value);
            out.push(')');
        }
        StmtKind::Delete(targets) => list(out, "del", targets),
        StmtKind::Pass => out.push_str("pass"),
        StmtKind::Break => out.push_str("break"),
        StmtKind::Continue => out.push_str("continue"),
        StmtKind::Return(value) => {
            out.push_str("(return");
            maybe(out, value.as_ref());
            out.push(')');
        }
        StmtKind::Raise { exception, cause } => {
            out.push_str("(raise");
            maybe(out, exception.as_ref());
            maybe(out, cause.as_ref());
            out.push(')');
        }
        StmtKind::Assert { test, message } => {
            out.push_str("(assert ");
            expr(out, test);
            maybe(out, message.as_ref());
            out.push(')');
        }
        StmtKind::Global(idents) => names(out, "global", idents),
        StmtKind::Nonlocal(idents) => names(out, "nonlocal", idents),
        StmtKind::Import(modules) => {
            out.push_str("(import");
            for module in modules {
                alias(out, &module.module, module.alias.as_ref());
            }
            out.push(')');
        }
        StmtKind::ImportFrom {
            level,
            module,
            names,
        } => {
            let module = module.as_ref().map_or("", |module| &module.name);
            let _ = write!(out, "(from {}{module}", ".".repeat(*level as usize));
            match names {
                ImportedNames::All(_) => out.push_str(" *"),
                ImportedNames::Some(names) => {
                    for (name, other) in names {
                        alias(out, name, other.as_ref());
                    }
                }
            }
            out.push(')');
        }
        StmtKind::If {
            branches: all,
            otherwise,
        } => branches(out, all, otherwise),
        StmtKind::While {
            test,
            body,
            otherwise,
        } => {
            out.push_str("(while ");
            expr(out, test);
            block(out, "do", body);
            maybe_block(out, "else", otherwise);
            out.push(')');
        }
        StmtKind::For {
            target,
            iterable,
            body,
            otherwise,
        } => {
            out.push_str("(for ");
            expr(out, target);
            out.push(' ');
            expr(out, iterable);
            block(out, "do", body);
            maybe_block(out, "else", otherwise);
            out.push(')');
        }
        StmtKind::Try {
            body,
            handlers,
            star,
            otherwise,
            finally,
        } => {
            out.push_str("(try");
            block(out, "do", body);
            for handler in handlers {
                out.push_str(if *star { " (except*" } else { " (except" });
                maybe(out, handler.kind.as_ref());
                if let Some(name) = &handler.name {
                    let _ = write!(out, ":{}", name.name);
                }
                block(out, "do", &handler.body);
                out.push(')');
            }
            maybe_block(out, "else", otherwise);
            if let Some(finally) = finally {
                block(out, "finally", finally);
            }
            out.push(')');
        }
        StmtKind::With { items, body } => {
            out.push_str("(with");
            for item in items {
                out.push_str(" (");
                expr(out, &item.context);
                maybe(out, item.target.as_ref());
                out.push(')');
            }
            block(out, "do", body);
            out.push(')');
        }
        StmtKind::Function(function) => {
            let _ = write!(out, "(def {}", function.name.name);
            decorators(out, &function.decorators);
            out.push(' ');
            parameters(out, &function.parameters);
            maybe(out, function.returns.as_ref());
            block(out, "do", &function.body);
            out.push(')');
        }
        StmtKind::Class(class) => {
            let _ = write!(out, "(class {}", class.name.name);
            decorators(out, &class.decorators);
            arguments(out, &class.arguments);
            block(out, "do", &class.body);
            out.push(')');
        }
        StmtKind::Match { subject, cases } => {
            out.push_str("(match ");
            expr(out, subject);
            for case in cases {
                out.push_str(" (case ");
                pattern(out, &case.pattern);
                maybe(out, case.guard.as_ref());
                block(out, "do", &case.body);
                out.push(')');
            }
            out.push(')');
        }
    }
}

fn decorators(out: &mut String, all: &[Expr]) {
    for decorator in all {
        out.push_str(" @");
        expr(out, decorator);
    }
}

fn arguments(out: &mut String, all: &[Argument]) {
    for argument in all {
        out.push(' ');
        match argument {
            Argument::Positional(value) => expr(out, value),
            Argument::Spread(value) => list(out, "*", [value]),
            Argument::Keyword(name, value) => {
                let _ = write!(out, "{}=", name.name);
                expr(out, value);
            }
            Argument::KeywordSpread(value) => list(out, "**", [value]),
        }
    }
}

fn parameter(out: &mut String, mark: &str, parameter: &Parameter) {
    let _ = write!(out, " {mark}{}", parameter.name.name);
    if let Some(annotation) = &parameter.annotation {
        out.push(':');
        expr(out, annotation);
    }
    if let Some(default) = &parameter.default {
        out.push('=');
        expr(out, default);
    }
}

fn parameters(out: &mut String, all: &Parameters) {
    out.push_str("(params");
    for each in &all.positional_only {
        parameter(out, "", each);
    }
    if !all.positional_only.is_empty() {
        out.push_str(" /");
    }
    for each in &all.positional {
        parameter(out, "", each);
    }
    match &all.rest {
        Some(rest) => parameter(out, "*", rest),
        None if !all.keyword_only.is_empty() => out.push_str(" *"),
        None => {}
    }
    for each in &all.keyword_only {
        parameter(out, "", each);
    }
    if let Some(rest) = &all.keyword_rest {
        parameter(out, "**", rest);
    }
    out.push(')');
}

fn pattern(out: &mut String, tree: &Pattern) {
    match &tree.kind {
        PatternKind::Wildcard => out.push('_'),
        PatternKind::Capture(name) => {
            let _ = write!(out, "{}", name.name);
        }
        PatternKind::Value(value) => list(out, "==", [value]),
        PatternKind::Singleton(value) => list(out, "is", [value]),
        PatternKind::Sequence(items) => patterns(out, "seq", items),
        PatternKind::Star(name) => {
            let _ = write!(out, "*{}", name.as_ref().map_or("_", |name| &name.name));
        }
        PatternKind::Mapping { items, rest } => {
            out.push_str("(map");
            for (key, value) in items {
                out.push(' ');
                expr(out, key);
                out.push(':');
                pattern(out, value);
            }
            if let Some(rest) = rest {
                let _ = write!(out, " **{}", rest.name);
            }
            out.push(')');
        }
        PatternKind::Class {
            class,
            positional,
            keyword,
        } => {
            out.push_str("(class ");
            expr(out, class);
            for each in positional {
                out.push(' ');
                pattern(out, each);
            }
            for (name, each) in keyword {
                let _ = write!(out, " {}=", name.name);
                pattern(out, each);
            }
            out.push(')');
        }
        PatternKind::Or(items) => patterns(out, "|", items),
        PatternKind::As {
            pattern: inner,
            name,
        } => {
            out.push_str("(as ");
            pattern(out, inner);
            let _ = write!(out, " {})", name.name);
        }
    }
}

fn patterns(out: &mut String, name: &str, items: &[Pattern]) {
    let _ = write!(out, "({name}");
    for item in items {
        out.push(' ');
        pattern(out, item);
    }
    out.push(')');
}

fn text(out: &mut String, value: &str) {
    out.push('"');
    for character in value.chars() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            ' '..='~' => out.push(character),
            _ => {
                let _ = write!(out, "\\{{{:x}}}", character as u32);
            }
        }
    }
    out.push('"');
}

fn fstring(out: &mut String, parts: &[FStringPart]) {
    // The text of `{value=}` belongs to the literal text before it.
    let mut literal = String::new();
    fn flush(out: &mut String, literal: &mut String) {
        if !literal.is_empty() {
            out.push(' ');
            text(out, &std::mem::take(literal));
        }
    }
    for part in parts {
        match part {
            FStringPart::Text(value) => literal.push_str(value),
            FStringPart::Field(field) => {
                let mut conversion = match field.conversion {
                    None => "",
                    Some(Conversion::Str) => "!s",
                    Some(Conversion::Repr) => "!r",
                    Some(Conversion::Ascii) => "!a",
                };
                if let Some(debug) = &field.debug {
                    literal.push_str(debug);
                    if conversion.is_empty() && !field.has_format {
                        conversion = "!r";
                    }
                }
                flush(out, &mut literal);
                out.push_str(" {");
                expr(out, &field.value);
                out.push_str(conversion);
                if field.has_format {
                    out.push(':');
                    fstring(out, &field.format);
                }
                out.push('}');
            }
        }
    }
    flush(out, &mut literal);
}

fn comprehension(out: &mut String, tree: &Comprehension) {
    for clause in &tree.clauses {
        out.push_str(" (for ");
        expr(out, &clause.target);
        out.push(' ');
        expr(out, &clause.iterable);
        for condition in &clause.conditions {
            out.push_str(" if ");
            expr(out, condition);
        }
        out.push(')');
    }
}

fn boxed(value: Option<&Expr>, out: &mut String) {
    maybe(out, value);
}

fn expr(out: &mut String, tree: &Expr) {
    match &tree.kind {
        ExprKind::None => out.push_str("None"),
        ExprKind::Bool(true) => out.push_str("True"),
        ExprKind::Bool(false) => out.push_str("False"),
        ExprKind::Ellipsis => out.push_str("..."),
        ExprKind::Int(value) => {
            let _ = write!(out, "{value}");
        }
        ExprKind::BigInt { radix, digits } => {
            let value = num_bigint::BigUint::parse_bytes(digits.as_bytes(), *radix).unwrap();
            let _ = write!(out, "0x{value:x}");
        }
        ExprKind::Float(value) => {
            let _ = write!(out, "float:{:016x}", value.to_bits());
        }
        ExprKind::Str(value) => text(out, value),
        ExprKind::Bytes(value) => {
            out.push('b');
            text(
                out,
                &value.iter().map(|byte| *byte as char).collect::<String>(),
            );
        }
        ExprKind::FString(parts) => {
            out.push_str("(f");
            fstring(out, parts);
            out.push(')');
        }
        ExprKind::Name(name) => out.push_str(name),
        ExprKind::Trade(word) => {
            if std::env::var_os("PLAIN_TRADE").is_none() {
                out.push('!');
            }
            out.push_str(word.text());
        }
        ExprKind::List(items) => list(out, "list", items),
        ExprKind::Tuple(items) => list(out, "tuple", items),
        ExprKind::Set(items) => list(out, "set", items),
        ExprKind::Dict(items) => {
            out.push_str("(dict");
            for item in items {
                out.push(' ');
                match item {
                    DictItem::Pair(key, value) => {
                        expr(out, key);
                        out.push(':');
                        expr(out, value);
                    }
                    DictItem::Spread(value) => list(out, "**", [value]),
                }
            }
            out.push(')');
        }
        ExprKind::Unary(op, value) => {
            let op = match op {
                UnaryOp::Negate => "neg",
                UnaryOp::Plus => "pos",
                UnaryOp::Invert => "~",
                UnaryOp::Not => "not",
            };
            list(out, op, [&**value]);
        }
        ExprKind::Binary(op, left, right) => list(out, binary(*op), [&**left, &**right]),
        ExprKind::And(items) => list(out, "and", items),
        ExprKind::Or(items) => list(out, "or", items),
        ExprKind::Compare { first, rest } => {
            out.push_str("(cmp ");
            expr(out, first);
            for (op, value) in rest {
                let op = match op {
                    CompareOp::Equal => "==",
                    CompareOp::NotEqual => "!=",
                    CompareOp::Less => "<",
                    CompareOp::LessEqual => "<=",
                    CompareOp::Greater => ">",
                    CompareOp::GreaterEqual => ">=",
                    CompareOp::In => "in",
                    CompareOp::NotIn => "not-in",
                    CompareOp::Is => "is",
                    CompareOp::IsNot => "is-not",
                };
                let _ = write!(out, " {op} ");
                expr(out, value);
            }
            out.push(')');
        }
        ExprKind::Conditional {
            test,
            then,
            otherwise,
        } => list(out, "?", [&**test, &**then, &**otherwise]),
        ExprKind::Lambda(lambda) => {
            out.push_str("(lambda ");
            parameters(out, &lambda.parameters);
            out.push(' ');
            expr(out, &lambda.body);
            out.push(')');
        }
        ExprKind::Call {
            callee,
            arguments: all,
        } => {
            out.push_str("(call ");
            expr(out, callee);
            arguments(out, all);
            out.push(')');
        }
        ExprKind::Attribute { object, name } => {
            out.push_str("(. ");
            expr(out, object);
            let _ = write!(out, " {})", name.name);
        }
        ExprKind::Subscript { object, index } => list(out, "at", [&**object, &**index]),
        ExprKind::Slice { start, stop, step } => {
            out.push_str("(slice");
            boxed(start.as_deref(), out);
            boxed(stop.as_deref(), out);
            boxed(step.as_deref(), out);
            out.push(')');
        }
        ExprKind::Starred(value) => list(out, "star", [&**value]),
        ExprKind::ListComprehension(inner) => {
            out.push_str("(listcomp ");
            expr(out, &inner.element);
            comprehension(out, inner);
            out.push(')');
        }
        ExprKind::SetComprehension(inner) => {
            out.push_str("(setcomp ");
            expr(out, &inner.element);
            comprehension(out, inner);
            out.push(')');
        }
        ExprKind::Generator(inner) => {
            out.push_str("(gen ");
            expr(out, &inner.element);
            comprehension(out, inner);
            out.push(')');
        }
        ExprKind::DictComprehension {
            key,
            comprehension: inner,
        } => {
            out.push_str("(dictcomp ");
            expr(out, key);
            out.push(':');
            expr(out, &inner.element);
            comprehension(out, inner);
            out.push(')');
        }
        ExprKind::Named { name, value } => {
            let _ = write!(out, "(:= {} ", name.name);
            expr(out, value);
            out.push(')');
        }
        ExprKind::Yield(value) => {
            out.push_str("(yield");
            boxed(value.as_deref(), out);
            out.push(')');
        }
        ExprKind::YieldFrom(value) => list(out, "yield-from", [&**value]),
    }
}

fn binary(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Subtract => "-",
        BinaryOp::Multiply => "*",
        BinaryOp::Divide => "/",
        BinaryOp::FloorDivide => "//",
        BinaryOp::Modulo => "%",
        BinaryOp::Power => "**",
        BinaryOp::MatrixMultiply => "@",
        BinaryOp::ShiftLeft => "<<",
        BinaryOp::ShiftRight => ">>",
        BinaryOp::BitAnd => "&",
        BinaryOp::BitOr => "|",
        BinaryOp::BitXor => "^",
    }
}
