//! Expressions other than calls, displays, comprehensions and definitions.

use num_bigint::BigInt;

use super::Lowering;
use super::call::is_positional;
use super::comprehension::Makes;
use super::display::unchanged;
use super::error;
use crate::resolve::scope::Place;
use crate::resolve::tree::{Attribute, Chain, ChainOperator, Expr, ExprKind, SpreadKind};
use crate::resolve::{Resolved, constant, fold, leftmost, specialise};
use crate::syntax::ast::{self, BinaryOp, CompareOp, UnaryOp};
use crate::syntax::span::Span;
use crate::value::Value;
use crate::value::method_cache::MethodCache;
use crate::value::name::Name;
use crate::value::operator::{BinaryOperator, Comparison, UnaryOperator};
use crate::value::slot_cache::SlotCache;

impl Lowering<'_> {
    /// An expression. Chains that lean to the left are followed in a loop.
    pub(super) fn expression(&mut self, expr: &ast::Expr) -> Resolved<Expr> {
        let mut chain = Vec::new();
        let innermost = leftmost(expr, &mut chain);
        let depth = self.code.depth;
        self.descend(chain.len() + 1);
        let mut value = self.innermost(innermost, &mut chain)?;
        while let Some(outer) = chain.pop() {
            self.code.depth = depth + chain.len() + 1;
            value = self.extended(value, outer, &mut chain)?;
        }
        self.code.depth = depth;
        Ok(value)
    }

    pub(super) fn optional(&mut self, expr: Option<&ast::Expr>) -> Resolved<Option<Expr>> {
        match expr {
            Some(expr) => self.expression(expr).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn expressions(&mut self, exprs: &[ast::Expr]) -> Resolved<Box<[Expr]>> {
        exprs.iter().map(|expr| self.expression(expr)).collect()
    }

    /// The left end of a chain; takes the call out of the chain that belongs to `super`.
    fn innermost<'e>(
        &mut self,
        expr: &'e ast::Expr,
        chain: &mut Vec<&'e ast::Expr>,
    ) -> Resolved<Expr> {
        if let (ast::ExprKind::Name(name), Some(&outer)) = (&expr.kind, chain.last())
            && &**name == "super"
            && let ast::ExprKind::Call { arguments, .. } = &outer.kind
            && arguments.is_empty()
            && let Some(call) = self.super_call(expr, outer.span)
        {
            chain.pop();
            return Ok(call);
        }
        self.operand(expr)
    }

    /// The next link of a chain, around what is on its left. An attribute that is called at once
    /// takes the call out of the chain.
    fn extended<'e>(
        &mut self,
        left: Expr,
        outer: &'e ast::Expr,
        chain: &mut Vec<&'e ast::Expr>,
    ) -> Resolved<Expr> {
        match &outer.kind {
            ast::ExprKind::Binary(op, _, right) => {
                let before = self.code.assignments;
                let right = self.expression(right)?;
                let left = self.kept(left, before);
                Ok(self.binary(binary_operator(*op), left, right, outer.span))
            }
            ast::ExprKind::Attribute { name, .. } => {
                if let Some(&call) = chain.last()
                    && let ast::ExprKind::Call { arguments, .. } = &call.kind
                    && is_positional(arguments)
                {
                    chain.pop();
                    return self.call_method(left, name, outer.span, arguments, call.span);
                }
                let kind = ExprKind::Attribute(Box::new(Attribute {
                    object: left,
                    name: self.mangled(&name.name),
                    cache: SlotCache::default(),
                    properties: MethodCache::default(),
                }));
                Ok(self.expr(kind, outer.span))
            }
            ast::ExprKind::Subscript { index, .. } => {
                let before = self.code.assignments;
                let index = self.expression(index)?;
                let left = self.kept(left, before);
                let kind = ExprKind::Subscript(Box::new((left, index)));
                Ok(self.expr(kind, outer.span))
            }
            ast::ExprKind::Call { arguments, .. } => self.call(left, arguments, outer.span),
            // Nothing else is ever in a chain.
            _ => Ok(left),
        }
    }

    /// An operand that was lowered when there had been `before` assignment expressions: if those after
    /// it assign something, the value of a variable must be kept meanwhile.
    pub(super) fn kept(&self, mut operand: Expr, before: usize) -> Expr {
        self.keep(&mut operand, before);
        operand
    }

    /// The same, in its place.
    pub(super) fn keep(&self, operand: &mut Expr, before: usize) {
        if let ExprKind::Local(slot) = operand.kind
            && self.code.assignments > before
        {
            operand.kind = ExprKind::LocalKept(slot);
        }
    }

    fn operand(&mut self, expr: &ast::Expr) -> Resolved<Expr> {
        use ast::ExprKind as Ast;
        let span = expr.span;
        match &expr.kind {
            Ast::Name(name) => Ok(self.load(name, span)),
            Ast::Trade(word) => Ok(self.trade(word.text(), span)),
            Ast::List(items) => self.display(SpreadKind::List, items, span),
            Ast::Tuple(items) => self.display(SpreadKind::Tuple, items, span),
            Ast::Set(items) => self.display(SpreadKind::Set, items, span),
            Ast::Dict(items) => self.dict(items, span),
            Ast::FString(parts) => self.format_string(parts, span),
            Ast::Unary(op, operand) => self.unary(*op, operand, span),
            Ast::And(operands) => {
                let kind = ExprKind::And(self.expressions(operands)?);
                Ok(self.expr(kind, span))
            }
            Ast::Or(operands) => {
                let kind = ExprKind::Or(self.expressions(operands)?);
                Ok(self.expr(kind, span))
            }
            Ast::Compare { first, rest } => self.comparison(first, rest, span),
            Ast::Conditional {
                test,
                then,
                otherwise,
            } => self.three([Some(test), Some(then), Some(otherwise)], span, |parts| {
                ExprKind::Conditional(Box::new(parts))
            }),
            Ast::Slice { start, stop, step } => self.three(
                [start.as_deref(), stop.as_deref(), step.as_deref()],
                span,
                |parts| ExprKind::Slice(Box::new(parts)),
            ),
            Ast::Lambda(lambda) => self.lambda(lambda, span),
            Ast::ListComprehension(comprehension) => {
                self.comprehension(comprehension, Makes::List, span)
            }
            Ast::SetComprehension(comprehension) => {
                self.comprehension(comprehension, Makes::Set, span)
            }
            Ast::DictComprehension { key, comprehension } => {
                self.comprehension(comprehension, Makes::Dict(key), span)
            }
            Ast::Generator(comprehension) => self.generator(comprehension, span),
            Ast::Named { name, value } => {
                let value = self.expression(value)?;
                let target = self.store(&name.name, name.span);
                self.code.assignments += 1;
                Ok(self.expr(ExprKind::Named(Box::new((target, value))), span))
            }
            Ast::Yield(value) => {
                let value = match value {
                    Some(value) => self.expression(value)?,
                    None => self.none(span),
                };
                self.code.yields += 1;
                Ok(self.expr(ExprKind::Yield(Box::new(value)), span))
            }
            Ast::YieldFrom(value) => {
                let value = self.expression(value)?;
                self.code.yields += 1;
                Ok(self.expr(ExprKind::YieldFrom(Box::new(value)), span))
            }
            Ast::Starred(_) => self.misplaced_star(span),
            _ => self.literal(expr),
        }
    }

    fn literal(&mut self, expr: &ast::Expr) -> Resolved<Expr> {
        use ast::ExprKind as Ast;
        let value = match &expr.kind {
            Ast::Bool(value) => Value::Bool(*value),
            Ast::Ellipsis => Value::Ellipsis,
            Ast::Int(value) => Value::Int(*value),
            Ast::BigInt { radix, digits } => match BigInt::parse_bytes(digits.as_bytes(), *radix) {
                Some(number) => constant::integer(number),
                None => return error("invalid number", expr.span),
            },
            Ast::Float(value) => Value::Float(*value),
            Ast::Str(text) => self.constants.text(text),
            Ast::Bytes(bytes) => self.constants.bytes(bytes),
            // `None`; every other kind was dealt with before.
            _ => Value::None,
        };
        Ok(self.expr(ExprKind::Constant(value), expr.span))
    }

    /// The value of a name.
    pub(super) fn load(&mut self, name: &str, span: Span) -> Expr {
        if name == "__debug__" {
            return self.expr(ExprKind::Constant(Value::Bool(true)), span);
        }
        let name = self.mangled(name);
        let kind = match self.scopes.place(self.scope, name) {
            Place::Local(slot) => ExprKind::Local(slot),
            Place::LocalCell(slot) => ExprKind::LocalCell(slot),
            Place::Captured(number) => ExprKind::Captured(number),
            Place::Global => ExprKind::Global(self.global(name)),
            Place::ClassLocal(slot) => {
                // A variable of the class body hides those of functions around the class even
                // while it is unset; only the module's is looked up then.
                let global = self.global(name);
                let fallback = self.expr(ExprKind::Global(global), span);
                ExprKind::ClassLocal(slot, Box::new(fallback))
            }
        };
        self.expr(kind, span)
    }

    /// The value of a keyword of the trade: a name like any other if anything binds it.
    fn trade(&mut self, word: &str, span: Span) -> Expr {
        let mut value = self.load(word, span);
        if let ExprKind::Global(number) = value.kind
            && !self.scopes.module_sets(Name::new(word))
        {
            value.kind = ExprKind::Trade(number);
        }
        value
    }

    fn three(
        &mut self,
        parts: [Option<&ast::Expr>; 3],
        span: Span,
        make: fn((Expr, Expr, Expr)) -> ExprKind,
    ) -> Resolved<Expr> {
        let mut lowered = Vec::with_capacity(parts.len());
        for part in parts {
            lowered.push(match part {
                Some(part) => self.expression(part)?,
                None => self.none(span),
            });
        }
        match <[Expr; 3]>::try_from(lowered) {
            Ok([first, second, third]) => Ok(self.expr(make((first, second, third)), span)),
            Err(_) => error("invalid syntax", span),
        }
    }

    fn unary(&mut self, op: UnaryOp, operand: &ast::Expr, span: Span) -> Resolved<Expr> {
        let operand = self.expression(operand)?;
        let op = match op {
            UnaryOp::Not => {
                let kind = match &operand.kind {
                    ExprKind::Constant(Value::Bool(value)) if self.options.optimise => {
                        ExprKind::Constant(Value::Bool(!value))
                    }
                    _ => ExprKind::Not(Box::new(operand)),
                };
                return Ok(self.expr(kind, span));
            }
            UnaryOp::Negate => UnaryOperator::Negate,
            UnaryOp::Plus => UnaryOperator::Plus,
            UnaryOp::Invert => UnaryOperator::Invert,
        };
        // Signs of numbers are folded in the plain tree as well: there are no negative literals.
        let kind = match &operand.kind {
            ExprKind::Constant(value) => match fold::unary(op, value) {
                Some(folded) => ExprKind::Constant(folded),
                None => ExprKind::Unary(op, Box::new(operand)),
            },
            _ => ExprKind::Unary(op, Box::new(operand)),
        };
        Ok(self.expr(kind, span))
    }

    fn binary(&mut self, op: BinaryOperator, left: Expr, right: Expr, span: Span) -> Expr {
        let kind = if self.options.optimise {
            specialise::binary(op, left, right)
        } else {
            ExprKind::Binary(op, Box::new((left, right)))
        };
        self.expr(kind, span)
    }

    fn comparison(
        &mut self,
        first: &ast::Expr,
        rest: &[(CompareOp, ast::Expr)],
        span: Span,
    ) -> Resolved<Expr> {
        let first = self.expression(first)?;
        let before = self.code.assignments;
        let mut lowered = Vec::with_capacity(rest.len());
        for (op, operand) in rest {
            lowered.push((chain_operator(*op), self.expression(operand)?));
        }
        let first = self.kept(first, before);
        let kind = match (lowered.len(), lowered.pop()) {
            (1, Some((op, second))) => match op {
                ChainOperator::Compare(op) if self.options.optimise => {
                    specialise::compare(op, first, second)
                }
                ChainOperator::Compare(op) => ExprKind::Compare(op, Box::new((first, second))),
                ChainOperator::Is(negated) => ExprKind::Is(Box::new((first, second)), negated),
                ChainOperator::In(negated) => {
                    ExprKind::In(Box::new((first, unchanged(second))), negated)
                }
            },
            (_, Some(last)) => {
                lowered.push(last);
                ExprKind::Chain(Box::new(Chain {
                    first,
                    rest: lowered.into(),
                }))
            }
            (_, None) => return Ok(first),
        };
        Ok(self.expr(kind, span))
    }
}

fn chain_operator(op: CompareOp) -> ChainOperator {
    match op {
        CompareOp::Equal => ChainOperator::Compare(Comparison::Equal),
        CompareOp::NotEqual => ChainOperator::Compare(Comparison::NotEqual),
        CompareOp::Less => ChainOperator::Compare(Comparison::Less),
        CompareOp::LessEqual => ChainOperator::Compare(Comparison::LessEqual),
        CompareOp::Greater => ChainOperator::Compare(Comparison::Greater),
        CompareOp::GreaterEqual => ChainOperator::Compare(Comparison::GreaterEqual),
        CompareOp::In => ChainOperator::In(false),
        CompareOp::NotIn => ChainOperator::In(true),
        CompareOp::Is => ChainOperator::Is(false),
        CompareOp::IsNot => ChainOperator::Is(true),
    }
}

pub(super) fn binary_operator(op: BinaryOp) -> BinaryOperator {
    match op {
        BinaryOp::Add => BinaryOperator::Add,
        BinaryOp::Subtract => BinaryOperator::Subtract,
        BinaryOp::Multiply => BinaryOperator::Multiply,
        BinaryOp::Divide => BinaryOperator::Divide,
        BinaryOp::FloorDivide => BinaryOperator::FloorDivide,
        BinaryOp::Modulo => BinaryOperator::Modulo,
        BinaryOp::Power => BinaryOperator::Power,
        BinaryOp::MatrixMultiply => BinaryOperator::MatrixMultiply,
        BinaryOp::ShiftLeft => BinaryOperator::ShiftLeft,
        BinaryOp::ShiftRight => BinaryOperator::ShiftRight,
        BinaryOp::BitAnd => BinaryOperator::BitAnd,
        BinaryOp::BitOr => BinaryOperator::BitOr,
        BinaryOp::BitXor => BinaryOperator::BitXor,
    }
}
