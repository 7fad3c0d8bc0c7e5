//! Operators and their precedence: flat lists of operands and operators become trees. It must not
//! know what stands inside an operand.

use std::cell::RefCell;
use std::sync::LazyLock;

use pest::pratt_parser::{Assoc, Op, PrattParser};

use super::expressions::Built;
use super::grammar::Rule;
use super::{Pair, Parser, span_of, unexpected};
use crate::syntax::ast::{BinaryOp, CompareOp, Expr, ExprKind, UnaryOp};
use crate::syntax::error::{Checked, SyntaxError};
use crate::syntax::span::Span;

/// Python's precedence, from the loosest to the tightest.
static PRECEDENCE: LazyLock<PrattParser<Rule>> = LazyLock::new(|| {
    PrattParser::new()
        .op(Op::infix(Rule::or, Assoc::Left))
        .op(Op::infix(Rule::and, Assoc::Left))
        .op(Op::prefix(Rule::not))
        .op(Op::infix(Rule::comparison, Assoc::Left))
        .op(Op::infix(Rule::bit_or, Assoc::Left))
        .op(Op::infix(Rule::bit_xor, Assoc::Left))
        .op(Op::infix(Rule::bit_and, Assoc::Left))
        .op(Op::infix(Rule::shift, Assoc::Left))
        .op(Op::infix(Rule::sum, Assoc::Left))
        .op(Op::infix(Rule::product, Assoc::Left))
        .op(Op::prefix(Rule::sign))
        .op(Op::infix(Rule::power, Assoc::Right))
        .op(Op::postfix(Rule::attribute) | Op::postfix(Rule::call) | Op::postfix(Rule::subscript))
});

/// Which flat list an operand was made by in this very list, and may still grow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grows {
    No,
    And,
    Or,
    Compare,
}

/// An operand, or what several were put together to.
struct Operand {
    built: Built,
    grows: Grows,
}

impl From<Built> for Operand {
    fn from(built: Built) -> Self {
        Operand {
            built,
            grows: Grows::No,
        }
    }
}

/// Whether a rule stands for an operator between operands.
fn is_infix(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::or
            | Rule::and
            | Rule::comparison
            | Rule::bit_or
            | Rule::bit_xor
            | Rule::bit_and
            | Rule::shift
            | Rule::sum
            | Rule::product
            | Rule::power
    )
}

impl Parser<'_> {
    /// A flat list: `prefix* atom trailer* (infix prefix* atom trailer*)*`.
    pub(super) fn operators(&mut self, list: Vec<Pair<'_>>) -> Checked<Built> {
        let Some(first) = list.first() else {
            return Err(super::missing(Span::default()));
        };
        let span = span_of(first);
        let levels = self.levels(&list)?;
        if !levels.operators {
            return self.deeper(levels.depth, span, |parser| parser.operand(list));
        }
        self.deeper(levels.depth, span, |parser| {
            let parser = RefCell::new(parser);
            let base = list.first().map_or(0, |first| first.clone().into_parts().1);
            let whole = |pair| Pair::new(pair, base);
            let built = PRECEDENCE
                .map_primary(|pair| Ok(Operand::from(parser.borrow_mut().atom(whole(pair))?)))
                .map_postfix(|object: Checked<Operand>, pair| {
                    Ok(Operand::from(
                        parser.borrow_mut().trailer(object?.built, whole(pair))?,
                    ))
                })
                .map_prefix(|pair, operand: Checked<Operand>| prefix(&whole(pair), operand?))
                .map_infix(|left: Checked<Operand>, pair, right| infix(left?, &whole(pair), right?))
                .parse(list.into_iter().map(|pair| pair.into_parts().0))?;
            Ok(built.built)
        })
    }

    /// The frequent case: one operand with trailers, no operator.
    fn operand(&mut self, list: Vec<Pair<'_>>) -> Checked<Built> {
        let mut pairs = list.into_iter();
        let Some(first) = pairs.next() else {
            return Err(super::missing(Span::default()));
        };
        let mut built = self.atom(first)?;
        for pair in pairs {
            built = self.trailer(built, pair)?;
        }
        Ok(built)
    }

    /// How deep a list's tree becomes at most, and whether it has operators at all.
    fn levels(&self, list: &[Pair<'_>]) -> Checked<Levels> {
        let mut levels = Levels::default();
        let (mut links, mut own, mut longest) = (0, 0, 0);
        // Lists of `and`, of `or` and of comparisons grow in width; each kind is one level.
        let mut lists = [false; 3];
        let mut before = None;
        for pair in list {
            let rule = pair.as_rule();
            match rule {
                Rule::and | Rule::or | Rule::comparison => {
                    levels.operators = true;
                    let kind = [Rule::and, Rule::or, Rule::comparison]
                        .iter()
                        .position(|each| *each == rule);
                    lists[kind.unwrap_or(0)] = true;
                    longest = longest.max(own);
                    own = 0;
                }
                Rule::not | Rule::sign => {
                    levels.operators = true;
                    own += 1;
                    if rule == Rule::not
                        && !matches!(before, None | Some(Rule::and | Rule::or | Rule::not))
                    {
                        return SyntaxError::new("invalid syntax", span_of(pair))
                            .label("`not` binds looser than the operator before it")
                            .help("put parentheses around the `not …`")
                            .fail();
                    }
                }
                _ if is_infix(rule) => {
                    levels.operators = true;
                    links += 1;
                    longest = longest.max(own);
                    own = 0;
                }
                Rule::attribute | Rule::call | Rule::subscript => own += 1,
                _ => {}
            }
            before = Some(rule);
        }
        let lists = lists.iter().filter(|present| **present).count();
        levels.depth = links + longest.max(own) + lists;
        Ok(levels)
    }
}

#[derive(Default)]
struct Levels {
    depth: usize,
    operators: bool,
}

fn prefix(pair: &Pair<'_>, operand: Operand) -> Checked<Operand> {
    let op = match pair.as_str() {
        "-" => UnaryOp::Negate,
        "+" => UnaryOp::Plus,
        "~" => UnaryOp::Invert,
        _ => UnaryOp::Not,
    };
    let outer = span_of(pair).to(operand.built.outer);
    let kind = ExprKind::Unary(op, Box::new(operand.built.expr));
    Ok(Built::new(kind, outer).into())
}

fn infix(left: Operand, pair: &Pair<'_>, right: Operand) -> Checked<Operand> {
    let outer = left.built.outer.to(right.built.outer);
    let rule = pair.as_rule();
    let (grows, kind) = match rule {
        Rule::and => (
            Grows::And,
            ExprKind::And(join(left, right, Grows::And, |kind| match kind {
                ExprKind::And(items) => Some(items),
                _ => None,
            })),
        ),
        Rule::or => (
            Grows::Or,
            ExprKind::Or(join(left, right, Grows::Or, |kind| match kind {
                ExprKind::Or(items) => Some(items),
                _ => None,
            })),
        ),
        Rule::comparison => {
            let op = comparison(pair.as_str());
            let right = right.built.expr;
            let kind = match left.built.expr.kind {
                ExprKind::Compare { first, mut rest } if left.grows == Grows::Compare => {
                    rest.push((op, right));
                    ExprKind::Compare { first, rest }
                }
                kind => ExprKind::Compare {
                    first: Box::new(Expr {
                        kind,
                        span: left.built.expr.span,
                    }),
                    rest: vec![(op, right)],
                },
            };
            (Grows::Compare, kind)
        }
        _ => {
            let Some(op) = binary(pair.as_str()) else {
                return Err(unexpected(pair));
            };
            let kind = ExprKind::Binary(op, Box::new(left.built.expr), Box::new(right.built.expr));
            (Grows::No, kind)
        }
    };
    Ok(Operand {
        built: Built::new(kind, outer),
        grows,
    })
}

/// The operands of `left op right`, where `left` may be such a list already.
fn join(
    left: Operand,
    right: Operand,
    grows: Grows,
    items: impl Fn(ExprKind) -> Option<Vec<Expr>>,
) -> Vec<Expr> {
    if left.grows == grows {
        if let Some(mut list) = items(left.built.expr.kind) {
            list.push(right.built.expr);
            return list;
        }
        return vec![right.built.expr];
    }
    vec![left.built.expr, right.built.expr]
}

fn comparison(text: &str) -> CompareOp {
    match text {
        "==" => CompareOp::Equal,
        "!=" => CompareOp::NotEqual,
        "<" => CompareOp::Less,
        "<=" => CompareOp::LessEqual,
        ">" => CompareOp::Greater,
        ">=" => CompareOp::GreaterEqual,
        "in" => CompareOp::In,
        "is" => CompareOp::Is,
        // What is left has a space in it.
        _ if text.starts_with("is") => CompareOp::IsNot,
        _ => CompareOp::NotIn,
    }
}

/// The operator of a binary operation, or of an augmented assignment without its `=`.
pub(super) fn binary(text: &str) -> Option<BinaryOp> {
    Some(match text {
        "+" => BinaryOp::Add,
        "-" => BinaryOp::Subtract,
        "*" => BinaryOp::Multiply,
        "/" => BinaryOp::Divide,
        "//" => BinaryOp::FloorDivide,
        "%" => BinaryOp::Modulo,
        "**" => BinaryOp::Power,
        "@" => BinaryOp::MatrixMultiply,
        "<<" => BinaryOp::ShiftLeft,
        ">>" => BinaryOp::ShiftRight,
        "&" => BinaryOp::BitAnd,
        "|" => BinaryOp::BitOr,
        "^" => BinaryOp::BitXor,
        _ => return None,
    })
}
