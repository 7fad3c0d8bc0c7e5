//! Expressions: atoms, trailers, displays, comprehensions, conditionals and lambdas.

use super::grammar::Rule;
use super::{Pair, Pairs, Parser, missing, span_of, strings, unexpected};
use crate::syntax::ast::{Expr, ExprKind, Lambda, Parameters, TradeWord};
use crate::syntax::error::{Checked, SyntaxError};
use crate::syntax::span::Span;

/// An expression with the place it takes up, parentheses included.
#[derive(Debug)]
pub(in crate::syntax) struct Built {
    pub expr: Expr,
    /// From the first to the last byte, parentheses included.
    pub outer: Span,
    /// Whether it is a tuple without parentheses.
    pub bare: bool,
}

impl Built {
    pub(super) fn new(kind: ExprKind, span: Span) -> Built {
        Built {
            expr: Expr { kind, span },
            outer: span,
            bare: false,
        }
    }

    /// The same in parentheses.
    pub(super) fn within(self, outer: Span) -> Built {
        Built {
            expr: self.expr,
            outer,
            bare: false,
        }
    }

    pub(super) fn parenthesised(&self) -> bool {
        self.outer != self.expr.span
    }
}

impl Parser<'_> {
    /// `expressions` or `elements`: one, or a tuple without parentheses.
    pub(super) fn expressions(&mut self, pair: Pair<'_>) -> Checked<Built> {
        unstarred(self.starred_expressions(pair)?)
    }

    /// The same where one with a star may stand alone.
    pub(super) fn starred_expressions(&mut self, pair: Pair<'_>) -> Checked<Built> {
        let span = span_of(&pair);
        let (mut items, comma) = self.items(pair.into_inner())?;
        if comma.is_none() && items.len() == 1 {
            return Ok(items.remove(0));
        }
        let outer = match (items.first(), items.last()) {
            (Some(first), Some(last)) => first.outer.to(comma.unwrap_or(last.outer)),
            _ => span,
        };
        let items = items.into_iter().map(|built| built.expr).collect();
        Ok(Built {
            bare: true,
            ..Built::new(ExprKind::Tuple(items), outer)
        })
    }

    /// Expressions with commas between, and the place of a comma after the last.
    pub(super) fn items(&mut self, pairs: Pairs<'_>) -> Checked<(Vec<Built>, Option<Span>)> {
        let mut items: Vec<Built> = Vec::new();
        let mut comma = None;
        for pair in pairs {
            match pair.as_rule() {
                Rule::trailing_comma => comma = Some(span_of(&pair)),
                Rule::walrus => {
                    let target = items.pop().ok_or_else(|| missing(span_of(&pair)))?;
                    items.push(self.walrus(target, pair)?);
                }
                _ => items.push(self.element(pair)?),
            }
        }
        Ok((items, comma))
    }

    fn element(&mut self, pair: Pair<'_>) -> Checked<Built> {
        match pair.as_rule() {
            Rule::starred => self.starred(pair),
            _ => self.expression(pair),
        }
    }

    fn starred(&mut self, pair: Pair<'_>) -> Checked<Built> {
        let span = span_of(&pair);
        let inner = pair.into_inner().next().ok_or_else(|| missing(span))?;
        let value = self.operation(inner)?;
        let loose = matches!(
            value.expr.kind,
            ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Compare { .. }
        ) || matches!(
            value.expr.kind,
            ExprKind::Unary(crate::syntax::ast::UnaryOp::Not, _)
        );
        if loose && !value.parenthesised() {
            return SyntaxError::new("invalid syntax", value.expr.span)
                .help("put parentheses around what stands after the `*`")
                .fail();
        }
        let outer = Span {
            start: span.start,
            end: value.outer.end,
        };
        Ok(Built::new(ExprKind::Starred(Box::new(value.expr)), outer))
    }

    fn walrus(&mut self, target: Built, pair: Pair<'_>) -> Checked<Built> {
        let span = span_of(&pair);
        let value = pair.into_inner().next().ok_or_else(|| missing(span))?;
        let name = self.walrus_target(target)?;
        let value = self.deeper(1, span, |parser| parser.expression(value))?;
        let outer = name.span.to(value.outer);
        let kind = ExprKind::Named {
            name,
            value: Box::new(value.expr),
        };
        Ok(Built::new(kind, outer))
    }

    /// Takes an expression and a `:=` that may follow it from the front of a list.
    pub(super) fn named_expression(&mut self, pairs: &mut Pairs<'_>, at: Span) -> Checked<Built> {
        let first = pairs.next().ok_or_else(|| missing(at))?;
        let built = self.element(first)?;
        match pairs.peek() {
            Some(pair) if pair.as_rule() == Rule::walrus => {
                pairs.next();
                self.walrus(built, pair)
            }
            _ => Ok(built),
        }
    }

    /// `expression`: conditionals and lambdas, sorted out of their flat list.
    pub(super) fn expression(&mut self, pair: Pair<'_>) -> Checked<Built> {
        let span = span_of(&pair);
        let pairs = pair.into_inner();
        if pairs.len() == 1
            && let Some(only) = pairs.peek()
        {
            // A name or a literal by itself.
            return self.deeper(1, span, |parser| parser.atom(only));
        }
        // What is still waiting for its right end, from left to right.
        let mut waiting: Vec<Waiting> = Vec::new();
        let mut list = Vec::new();
        // Everything here stands at most this much deeper than the whole.
        let mut levels = 1;
        for pair in pairs {
            match pair.as_rule() {
                Rule::lambda_header => {
                    levels += 1;
                    let start = span_of(&pair);
                    let parameters =
                        self.deeper(levels, start, |parser| parser.lambda_header(pair))?;
                    waiting.push(Waiting::Lambda { start, parameters });
                }
                Rule::conditional => {
                    levels += 1;
                    let place = span_of(&pair);
                    let operands = std::mem::take(&mut list);
                    let then = self.deeper(levels, place, |parser| parser.operators(operands))?;
                    let test = self.deeper(levels, place, |parser| {
                        let mut inner = pair.into_inner();
                        inner.next();
                        let test = inner.next().ok_or_else(|| missing(place))?;
                        parser.operation(test)
                    })?;
                    waiting.push(Waiting::Conditional { then, test });
                }
                _ => list.push(pair),
            }
        }
        let mut built = self.deeper(levels, span, |parser| parser.operators(list))?;
        while let Some(outer) = waiting.pop() {
            built = match outer {
                Waiting::Lambda { start, parameters } => {
                    let span = Span {
                        start: start.start,
                        end: built.outer.end,
                    };
                    let lambda = Lambda {
                        parameters,
                        body: built.expr,
                    };
                    Built::new(ExprKind::Lambda(Box::new(lambda)), span)
                }
                Waiting::Conditional { then, test } => {
                    let span = then.outer.to(built.outer);
                    let kind = ExprKind::Conditional {
                        test: Box::new(test.expr),
                        then: Box::new(then.expr),
                        otherwise: Box::new(built.expr),
                    };
                    Built::new(kind, span)
                }
            };
        }
        Ok(built)
    }

    /// `operation`: operators and operands alone.
    pub(super) fn operation(&mut self, pair: Pair<'_>) -> Checked<Built> {
        let span = span_of(&pair);
        let list: Vec<_> = pair.into_inner().collect();
        self.deeper(1, span, |parser| parser.operators(list))
    }

    fn lambda_header(&mut self, pair: Pair<'_>) -> Checked<Parameters> {
        for inner in pair.into_inner() {
            if inner.as_rule() == Rule::lambda_parameters {
                return self.parameters(inner, true);
            }
        }
        Ok(Parameters::default())
    }

    pub(super) fn atom(&mut self, pair: Pair<'_>) -> Checked<Built> {
        let span = span_of(&pair);
        let kind = match pair.as_rule() {
            Rule::name => {
                let name = self.name(pair.as_str());
                ExprKind::Name(name)
            }
            Rule::trade_word => {
                ExprKind::Trade(trade_word(pair.as_str()).ok_or_else(|| missing(span))?)
            }
            Rule::constant => match pair.as_str() {
                "None" => ExprKind::None,
                text => ExprKind::Bool(text == "True"),
            },
            Rule::number => number(pair.as_str(), span)?,
            Rule::strings => return self.strings(pair),
            Rule::ellipsis => ExprKind::Ellipsis,
            Rule::group => return self.group(pair),
            Rule::list => return self.list(pair),
            Rule::braces => return self.braces(pair),
            _ => return Err(unexpected(&pair)),
        };
        Ok(Built::new(kind, span))
    }

    pub(super) fn trailer(&mut self, object: Built, pair: Pair<'_>) -> Checked<Built> {
        let place = span_of(&pair);
        let rule = pair.as_rule();
        let outer = object.outer.to(place);
        let kind = match rule {
            Rule::attribute => {
                let name = pair.into_inner().next().ok_or_else(|| missing(place))?;
                let name = self.ident(&name);
                let outer = object.outer.to(name.span);
                let kind = ExprKind::Attribute {
                    object: Box::new(object.expr),
                    name,
                };
                return Ok(Built::new(kind, outer));
            }
            Rule::call => {
                let arguments = match pair.into_inner().next() {
                    Some(arguments) => self.arguments(arguments)?,
                    None => Vec::new(),
                };
                ExprKind::Call {
                    callee: Box::new(object.expr),
                    arguments,
                }
            }
            Rule::subscript => ExprKind::Subscript {
                object: Box::new(object.expr),
                index: Box::new(self.subscript(pair)?),
            },
            _ => return Err(unexpected(&pair)),
        };
        Ok(Built::new(kind, outer))
    }

    fn subscript(&mut self, pair: Pair<'_>) -> Checked<Expr> {
        let place = span_of(&pair);
        let mut items: Vec<Built> = Vec::new();
        let mut comma = None;
        for item in pair.into_inner() {
            if item.as_rule() == Rule::trailing_comma {
                comma = Some(span_of(&item));
            } else {
                items.push(self.subscript_item(item)?);
            }
        }
        let starred = items
            .first()
            .is_some_and(|item| matches!(item.expr.kind, ExprKind::Starred(_)));
        if items.len() == 1 && comma.is_none() && !starred {
            return items
                .pop()
                .map(|item| item.expr)
                .ok_or_else(|| missing(place));
        }
        let span = match (items.first(), items.last()) {
            (Some(first), Some(last)) => first.outer.to(comma.unwrap_or(last.outer)),
            _ => place,
        };
        Ok(Expr {
            kind: ExprKind::Tuple(items.into_iter().map(|item| item.expr).collect()),
            span,
        })
    }

    fn subscript_item(&mut self, pair: Pair<'_>) -> Checked<Built> {
        let place = span_of(&pair);
        let mut pairs = pair.into_inner();
        let mut start = None;
        if pairs
            .peek()
            .is_some_and(|first| first.as_rule() != Rule::slice_rest)
        {
            start = Some(self.named_expression(&mut pairs, place)?);
        }
        let Some(rest) = pairs.next() else {
            return start.ok_or_else(|| missing(place));
        };
        let mut parts: [Option<Box<Expr>>; 2] = [None, None];
        let mut outer = start.as_ref().map(|start| start.outer);
        let mut colons = 0usize;
        for part in rest.into_inner() {
            let span = if part.as_rule() == Rule::colon {
                colons += 1;
                Span {
                    end: span_of(&part).start + 1,
                    ..span_of(&part)
                }
            } else {
                let built = self.expression(part)?;
                parts[colons.saturating_sub(1).min(1)] = Some(Box::new(built.expr));
                built.outer
            };
            outer = Some(outer.map_or(span, |outer| outer.to(span)));
        }
        let [stop, step] = parts;
        let kind = ExprKind::Slice {
            start: start.map(|start| Box::new(start.expr)),
            stop,
            step,
        };
        Ok(Built::new(kind, outer.unwrap_or(place)))
    }

    pub(super) fn yield_expression(&mut self, pair: Pair<'_>) -> Checked<Built> {
        let mut span = span_of(&pair);
        span.end = span.start + "yield".len() as u32;
        let place = span;
        let kind = match pair.into_inner().nth(1) {
            None => ExprKind::Yield(None),
            Some(value) if value.as_rule() == Rule::yield_from => {
                let value = value.into_inner().nth(1).ok_or_else(|| missing(place))?;
                let value = self.deeper(1, place, |parser| parser.expression(value))?;
                span.end = value.outer.end;
                ExprKind::YieldFrom(Box::new(value.expr))
            }
            Some(value) => {
                let value = self.deeper(1, place, |parser| parser.expressions(value))?;
                span.end = value.outer.end;
                ExprKind::Yield(Some(Box::new(value.expr)))
            }
        };
        Ok(Built::new(kind, span))
    }

    fn strings(&mut self, pair: Pair<'_>) -> Checked<Built> {
        let span = span_of(&pair);
        self.deeper(1, span, |parser| strings::strings(parser, pair))
    }
}

/// Longer decimal literals are refused, as in Python: reading them takes quadratic time.
const MAX_DECIMAL_DIGITS: usize = 4300;

/// What of a flat expression waits for its right end.
enum Waiting {
    Lambda { start: Span, parameters: Parameters },
    Conditional { then: Built, test: Built },
}

/// An expression that is not one with a star alone.
pub(super) fn unstarred(built: Built) -> Checked<Built> {
    if let ExprKind::Starred(_) = built.expr.kind {
        return SyntaxError::new("can't use starred expression here", built.expr.span)
            .help("a comma after it makes it a tuple")
            .fail();
    }
    Ok(built)
}

fn trade_word(text: &str) -> Option<TradeWord> {
    Some(match text {
        "fork" => TradeWord::Fork,
        "Process" => TradeWord::Process,
        "Pool" => TradeWord::Pool,
        "Queue" => TradeWord::Queue,
        "Manager" => TradeWord::Manager,
        "Thread" => TradeWord::Thread,
        "Lock" => TradeWord::Lock,
        _ => return None,
    })
}

/// A number's value. The layout pass has checked its form.
pub(super) fn number(text: &str, span: Span) -> Checked<ExprKind> {
    let digits: std::borrow::Cow<'_, str> = if text.contains('_') {
        text.replace('_', "").into()
    } else {
        text.into()
    };
    let radix = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => 16,
        [b'0', b'o' | b'O', ..] => 8,
        [b'0', b'b' | b'B', ..] => 2,
        _ => 10,
    };
    if radix == 10 && digits.contains(['.', 'e', 'E']) {
        let value = digits
            .parse()
            .map_err(|_| SyntaxError::new("invalid decimal literal", span))?;
        return Ok(ExprKind::Float(value));
    }
    let digits = if radix == 10 { &*digits } else { &digits[2..] };
    Ok(match i64::from_str_radix(digits, radix) {
        Ok(value) => ExprKind::Int(value),
        Err(_) => {
            let digits = digits.trim_start_matches('0');
            if radix == 10 && digits.len() > MAX_DECIMAL_DIGITS {
                return SyntaxError::new(
                    format!(
                        "Exceeds the limit ({MAX_DECIMAL_DIGITS} digits) for integer string \
                         conversion: value has {} digits; use sys.set_int_max_str_digits() to \
                         increase the limit - Consider hexadecimal for huge integer literals to \
                         avoid decimal conversion limits.",
                        digits.len()
                    ),
                    span,
                )
                .fail();
            }
            ExprKind::BigInt {
                radix,
                digits: digits.into(),
            }
        }
    })
}
