//! Statements: simple ones, and compound ones with their blocks.

use super::expressions::unstarred;
use super::grammar::Rule;
use super::{Pair, Parser, missing, operators, span_of, unexpected};
use crate::syntax::ast::{
    Block, ClassDef, DictItem, Expr, ExprKind, FunctionDef, Handler, Ident, ImportedModule,
    ImportedNames, Lambda, MatchCase, Parameters, Stmt, StmtKind, WithItem,
};
use crate::syntax::error::{Checked, SyntaxError};
use crate::syntax::span::Span;

impl Parser<'_> {
    /// A statement, or several on one line, appended to a block.
    pub(super) fn statement(&mut self, pair: Pair<'_>, block: &mut Block) -> Checked<()> {
        if pair.as_rule() == Rule::simple_statements {
            for inner in pair.into_inner() {
                let statement = self.simple_statement(inner)?;
                block.push(statement);
            }
            return Ok(());
        }
        let statement = self.compound_statement(pair)?;
        block.push(statement);
        Ok(())
    }

    fn simple_statement(&mut self, pair: Pair<'_>) -> Checked<Stmt> {
        let span = self.trimmed(&pair);
        let rule = pair.as_rule();
        if rule == Rule::expression_statement {
            return Ok(Stmt {
                kind: self.expression_statement(pair)?,
                span,
            });
        }
        let mut parts = pair.into_inner();
        // The keyword.
        parts.next();
        let kind = match rule {
            Rule::pass_statement => StmtKind::Pass,
            Rule::break_statement => StmtKind::Break,
            Rule::continue_statement => StmtKind::Continue,
            Rule::return_statement => StmtKind::Return(match parts.next() {
                Some(value) => Some(self.expressions(value)?.expr),
                None => None,
            }),
            Rule::raise_statement => {
                let mut expressions = parts.filter(|part| part.as_rule() == Rule::expression);
                let exception = self.optional_expression(expressions.next())?;
                let cause = self.optional_expression(expressions.next())?;
                StmtKind::Raise { exception, cause }
            }
            Rule::assert_statement => {
                let test = parts.next().ok_or_else(|| missing(span))?;
                StmtKind::Assert {
                    test: self.expression(test)?.expr,
                    message: self.optional_expression(parts.next())?,
                }
            }
            Rule::del_statement => {
                let targets = parts.next().ok_or_else(|| missing(span))?;
                let targets = self.target_or_value(targets)?;
                StmtKind::Delete(self.delete_targets(targets)?)
            }
            Rule::global_statement => StmtKind::Global(self.names(parts)?),
            Rule::nonlocal_statement => StmtKind::Nonlocal(self.names(parts)?),
            Rule::import_statement => {
                let items = parts.map(|item| self.import_item(item));
                StmtKind::Import(items.collect::<Checked<_>>()?)
            }
            Rule::from_statement => self.import_from(parts, span)?,
            _ => return SyntaxError::new("invalid syntax", span).fail(),
        };
        Ok(Stmt { kind, span })
    }

    fn optional_expression(&mut self, pair: Option<Pair<'_>>) -> Checked<Option<Expr>> {
        match pair {
            Some(pair) => Ok(Some(self.expression(pair)?.expr)),
            None => Ok(None),
        }
    }

    fn names(&mut self, parts: super::Pairs<'_>) -> Checked<Vec<Ident>> {
        parts.map(|part| self.binding(&part)).collect()
    }

    fn expression_statement(&mut self, pair: Pair<'_>) -> Checked<StmtKind> {
        let span = span_of(&pair);
        let mut parts = pair.into_inner();
        let first = parts.next().ok_or_else(|| missing(span))?;
        let first = self.target_or_value(first)?;
        let Some(second) = parts.next() else {
            return Ok(StmtKind::Expr(unstarred(first)?.expr));
        };
        let place = span_of(&second);
        match second.as_rule() {
            Rule::annotated => {
                let mut inner = second.into_inner();
                let annotation = inner.next().ok_or_else(|| missing(place))?;
                let target = self.annotated_target(first)?;
                let annotation = self.expression(annotation)?.expr;
                let annotation = self.annotation(annotation);
                let value = match inner.next() {
                    Some(assigned) => {
                        let value = assigned.into_inner().next().ok_or_else(|| missing(place))?;
                        Some(self.value(value)?.expr)
                    }
                    None => None,
                };
                Ok(StmtKind::AnnotatedAssign {
                    target,
                    annotation,
                    value,
                })
            }
            Rule::augmented => {
                let mut inner = second.into_inner();
                let operator = inner.next().ok_or_else(|| missing(place))?;
                let value = inner.next().ok_or_else(|| missing(place))?;
                let op = operators::binary(operator.as_str().trim_end_matches('='))
                    .ok_or_else(|| unexpected(&operator))?;
                Ok(StmtKind::AugmentedAssign {
                    target: self.augmented_target(first)?,
                    op,
                    value: self.value(value)?.expr,
                })
            }
            _ => {
                let mut values = vec![first];
                for assigned in std::iter::once(second).chain(parts) {
                    let value = assigned.into_inner().next().ok_or_else(|| missing(place))?;
                    values.push(self.target_or_value(value)?);
                }
                let value = unstarred(values.pop().ok_or_else(|| missing(place))?)?;
                let count = values.len();
                let mut targets = Vec::with_capacity(count);
                for target in values {
                    let last = (count == 1).then_some(&value);
                    targets.push(self.assign_target(target, last)?);
                }
                Ok(StmtKind::Assign {
                    targets,
                    value: value.expr,
                })
            }
        }
    }

    /// `yield …`, or expressions with commas.
    pub(super) fn value(&mut self, pair: Pair<'_>) -> Checked<super::Built> {
        match pair.as_rule() {
            Rule::yield_expression => self.yield_expression(pair),
            _ => self.expressions(pair),
        }
    }

    /// The same where a star alone may still turn out to be a target.
    fn target_or_value(&mut self, pair: Pair<'_>) -> Checked<super::Built> {
        match pair.as_rule() {
            Rule::yield_expression => self.yield_expression(pair),
            _ => self.starred_expressions(pair),
        }
    }

    fn import_item(&mut self, pair: Pair<'_>) -> Checked<ImportedModule> {
        let place = span_of(&pair);
        let mut parts = pair.into_inner();
        let module = parts.next().ok_or_else(|| missing(place))?;
        let plain = module.clone().into_inner().len() == 1;
        let module = self.dotted_name(module);
        let alias = match parts.nth(1) {
            Some(alias) => Some(self.binding(&alias)?),
            None => {
                if plain && &*module.name == "__debug__" {
                    return SyntaxError::new("cannot assign to __debug__", module.span).fail();
                }
                None
            }
        };
        Ok(ImportedModule { module, alias })
    }

    fn dotted_name(&mut self, pair: Pair<'_>) -> Ident {
        let mut span: Option<Span> = None;
        let mut text = String::new();
        for part in pair.into_inner() {
            let place = span_of(&part);
            if !text.is_empty() {
                text.push('.');
            }
            let name = self.name(part.as_str());
            text.push_str(&name);
            span = Some(span.map_or(place, |span| span.to(place)));
        }
        Ident {
            name: self.name(&text),
            span: span.unwrap_or_default(),
        }
    }

    fn import_from(&mut self, parts: super::Pairs<'_>, span: Span) -> Checked<StmtKind> {
        let mut level = 0;
        let mut module = None;
        let mut names = Vec::new();
        let mut all = None;
        for part in parts {
            match part.as_rule() {
                Rule::dots => level = part.as_str().bytes().filter(|byte| *byte == b'.').count(),
                Rule::dotted_name => module = Some(self.dotted_name(part)),
                Rule::star => all = Some(self.trimmed(&part)),
                Rule::from_item => {
                    let mut inner = part.into_inner();
                    let name = inner.next().ok_or_else(|| missing(span))?;
                    match inner.nth(1) {
                        Some(alias) => names.push((self.ident(&name), Some(self.binding(&alias)?))),
                        None => names.push((self.binding(&name)?, None)),
                    }
                }
                _ => {}
            }
        }
        if let Some(module) = &module
            && &*module.name == "__future__"
            && names.iter().any(|(name, _)| &*name.name == "annotations")
        {
            self.annotations_are_text = true;
        }
        Ok(StmtKind::ImportFrom {
            level: u32::try_from(level).unwrap_or(u32::MAX),
            module,
            names: match all {
                Some(star) => ImportedNames::All(star),
                None => ImportedNames::Some(names),
            },
        })
    }

    fn compound_statement(&mut self, pair: Pair<'_>) -> Checked<Stmt> {
        let start = span_of(&pair);
        let rule = pair.as_rule();
        let mut span = start;
        let kind = match rule {
            Rule::if_statement => self.if_statement(pair)?,
            Rule::while_statement => {
                let (header, body, otherwise) = self.loop_parts(pair)?;
                let mut parts = header.into_inner();
                parts.next();
                StmtKind::While {
                    test: self.named_expression(&mut parts, start)?.expr,
                    body: self.block(body)?,
                    otherwise: self.else_block(otherwise)?,
                }
            }
            Rule::for_statement => {
                let (header, body, otherwise) = self.loop_parts(pair)?;
                let mut target = None;
                let mut iterable = None;
                for part in header.into_inner() {
                    match part.as_rule() {
                        Rule::targets => target = Some(self.for_targets(part)?),
                        Rule::expressions => iterable = Some(self.expressions(part)?.expr),
                        _ => {}
                    }
                }
                StmtKind::For {
                    target: target.ok_or_else(|| missing(start))?,
                    iterable: iterable.ok_or_else(|| missing(start))?,
                    body: self.block(body)?,
                    otherwise: self.else_block(otherwise)?,
                }
            }
            Rule::try_statement => self.try_statement(pair)?,
            Rule::with_statement => self.with_statement(pair)?,
            Rule::decorated => {
                let mut decorators = Vec::new();
                let mut kind = None;
                for part in pair.into_inner() {
                    let place = span_of(&part);
                    match part.as_rule() {
                        Rule::decorator => {
                            let mut inner = part.into_inner();
                            decorators.push(self.named_expression(&mut inner, place)?.expr);
                        }
                        Rule::function => {
                            kind = Some(self.function(part, std::mem::take(&mut decorators))?);
                        }
                        _ => kind = Some(self.class(part, std::mem::take(&mut decorators))?),
                    }
                }
                kind.ok_or_else(|| missing(start))?
            }
            Rule::function => self.function(pair, Vec::new())?,
            Rule::class => self.class(pair, Vec::new())?,
            Rule::match_statement => self.match_statement(pair)?,
            _ => return Err(unexpected(&pair)),
        };
        span.end = self.end_of_block(&kind, start);
        Ok(Stmt { kind, span })
    }

    fn if_statement(&mut self, pair: Pair<'_>) -> Checked<StmtKind> {
        let place = span_of(&pair);
        let mut branches = Vec::new();
        let mut otherwise = Vec::new();
        let mut header = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::if_header => header = Some(part),
                Rule::block => {
                    let header = header.take().ok_or_else(|| missing(place))?;
                    branches.push(self.branch(header, part)?);
                }
                Rule::elif_clause => {
                    let mut inner = part.into_inner();
                    let header = inner.next().ok_or_else(|| missing(place))?;
                    let body = inner.next().ok_or_else(|| missing(place))?;
                    branches.push(self.branch(header, body)?);
                }
                _ => otherwise = self.else_block(Some(part))?,
            }
        }
        Ok(StmtKind::If {
            branches,
            otherwise,
        })
    }

    fn branch(&mut self, header: Pair<'_>, body: Pair<'_>) -> Checked<(Expr, Block)> {
        let place = span_of(&header);
        let mut parts = header.into_inner();
        parts.next();
        let test = self.named_expression(&mut parts, place)?.expr;
        Ok((test, self.block(body)?))
    }

    /// Header, body and `else` clause of a loop.
    fn loop_parts<'c>(
        &mut self,
        pair: Pair<'c>,
    ) -> Checked<(Pair<'c>, Pair<'c>, Option<Pair<'c>>)> {
        let place = span_of(&pair);
        let mut parts = pair.into_inner();
        let header = parts.next().ok_or_else(|| missing(place))?;
        let body = parts.next().ok_or_else(|| missing(place))?;
        Ok((header, body, parts.next()))
    }

    /// The block of a clause whose header has nothing to say.
    fn else_block(&mut self, clause: Option<Pair<'_>>) -> Checked<Block> {
        let Some(clause) = clause else {
            return Ok(Vec::new());
        };
        let place = span_of(&clause);
        let body = clause.into_inner().nth(1).ok_or_else(|| missing(place))?;
        self.block(body)
    }

    fn block(&mut self, pair: Pair<'_>) -> Checked<Block> {
        let mut block = Vec::new();
        for part in pair.into_inner() {
            self.statement(part, &mut block)?;
        }
        Ok(block)
    }

    fn try_statement(&mut self, pair: Pair<'_>) -> Checked<StmtKind> {
        let place = span_of(&pair);
        let mut body = Vec::new();
        let mut handlers: Vec<Handler> = Vec::new();
        let mut star = None;
        let mut otherwise = Vec::new();
        let mut finally = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::block => body = self.block(part)?,
                Rule::except_clause => {
                    let (handler, starred) = self.handler(part)?;
                    if *star.get_or_insert(starred) != starred {
                        let except = Span::new(
                            handler.span.start as usize,
                            handler.span.start as usize + "except".len(),
                        );
                        return SyntaxError::new(
                            "cannot have both 'except' and 'except*' on the same 'try'",
                            except,
                        )
                        .fail();
                    }
                    if let Some(earlier) = handlers.last()
                        && earlier.kind.is_none()
                    {
                        let start = earlier.span.start as usize;
                        return SyntaxError::new(
                            "default 'except:' must be last",
                            Span::new(start, start + "except".len()),
                        )
                        .fail();
                    }
                    handlers.push(handler);
                }
                Rule::else_clause => otherwise = self.else_block(Some(part))?,
                Rule::finally_clause => finally = Some(self.else_block(Some(part))?),
                Rule::try_header => {}
                _ => return SyntaxError::new("invalid syntax", place).fail(),
            }
        }
        Ok(StmtKind::Try {
            body,
            handlers,
            star: star.unwrap_or(false),
            otherwise,
            finally,
        })
    }

    fn handler(&mut self, pair: Pair<'_>) -> Checked<(Handler, bool)> {
        let place = span_of(&pair);
        let mut parts = pair.into_inner();
        let header = parts.next().ok_or_else(|| missing(place))?;
        let body = parts.next().ok_or_else(|| missing(place))?;
        let mut kind = None;
        let mut name = None;
        let mut star = None;
        for part in header.into_inner() {
            match part.as_rule() {
                Rule::star => star = Some(self.trimmed(&part)),
                Rule::expression => kind = Some(self.expression(part)?.expr),
                Rule::name => name = Some(self.binding(&part)?),
                _ => {}
            }
        }
        if let (Some(star), None) = (star, &kind) {
            return SyntaxError::new("expected one or more exception types", star).fail();
        }
        let body = self.block(body)?;
        let span = Span {
            end: body.last().map_or(place.end, |last| last.span.end),
            ..place
        };
        let handler = Handler {
            kind,
            name,
            body,
            span,
        };
        Ok((handler, star.is_some()))
    }

    fn with_statement(&mut self, pair: Pair<'_>) -> Checked<StmtKind> {
        let place = span_of(&pair);
        let mut parts = pair.into_inner();
        let header = parts.next().ok_or_else(|| missing(place))?;
        let body = parts.next().ok_or_else(|| missing(place))?;
        let mut items = Vec::new();
        for part in header.into_inner() {
            if part.as_rule() != Rule::with_item {
                continue;
            }
            let mut inner = part.into_inner();
            let context = inner.next().ok_or_else(|| missing(place))?;
            let context = self.expression(context)?.expr;
            let target = match inner.nth(1) {
                Some(target) => Some(self.with_target(target)?),
                None => None,
            };
            items.push(WithItem { context, target });
        }
        Ok(StmtKind::With {
            items,
            body: self.block(body)?,
        })
    }

    fn function(&mut self, pair: Pair<'_>, decorators: Vec<Expr>) -> Checked<StmtKind> {
        let place = span_of(&pair);
        let mut parts = pair.into_inner();
        let header = parts.next().ok_or_else(|| missing(place))?;
        let body = parts.next().ok_or_else(|| missing(place))?;
        let header_span = span_of(&header);
        let mut name = None;
        let mut parameters = Parameters::default();
        let mut returns = None;
        for part in header.into_inner() {
            match part.as_rule() {
                Rule::name => name = Some(self.binding(&part)?),
                Rule::parameters => parameters = self.parameters(part, false)?,
                Rule::returns => {
                    let value = part.into_inner().next().ok_or_else(|| missing(place))?;
                    returns = Some(self.expressions(value)?.expr);
                }
                _ => {}
            }
        }
        let returns = returns.map(|returns| self.annotation(returns));
        let annotations = annotations_of(&parameters, returns.as_ref(), header_span);
        Ok(StmtKind::Function(Box::new(FunctionDef {
            name: name.ok_or_else(|| missing(place))?,
            decorators,
            parameters,
            returns,
            annotations,
            body: self.block(body)?,
            header: header_span,
        })))
    }

    /// An annotation, or its text where the source asks for that.
    pub(super) fn annotation(&self, annotation: Expr) -> Expr {
        if !self.annotations_are_text {
            return annotation;
        }
        let span = annotation.span;
        let text = self.source.get(span.start as usize..span.end as usize);
        Expr {
            kind: ExprKind::Str(text.unwrap_or_default().into()),
            span,
        }
    }

    fn class(&mut self, pair: Pair<'_>, decorators: Vec<Expr>) -> Checked<StmtKind> {
        let place = span_of(&pair);
        let mut parts = pair.into_inner();
        let header = parts.next().ok_or_else(|| missing(place))?;
        let body = parts.next().ok_or_else(|| missing(place))?;
        let header_span = span_of(&header);
        let mut name = None;
        let mut arguments = Vec::new();
        for part in header.into_inner() {
            match part.as_rule() {
                Rule::name => name = Some(self.binding(&part)?),
                Rule::arguments => arguments = self.class_arguments(part)?,
                _ => {}
            }
        }
        Ok(StmtKind::Class(Box::new(ClassDef {
            name: name.ok_or_else(|| missing(place))?,
            decorators,
            arguments,
            body: self.block(body)?,
            header: header_span,
        })))
    }

    fn match_statement(&mut self, pair: Pair<'_>) -> Checked<StmtKind> {
        let place = span_of(&pair);
        let mut subject = None;
        let mut cases = Vec::new();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::match_header => {
                    let value = part.into_inner().nth(1).ok_or_else(|| missing(place))?;
                    subject = Some(self.expressions(value)?.expr);
                }
                _ => {
                    let mut inner = part.into_inner();
                    let header = inner.next().ok_or_else(|| missing(place))?;
                    let body = inner.next().ok_or_else(|| missing(place))?;
                    let (pattern, guard) = self.case_header(header)?;
                    cases.push(MatchCase {
                        pattern,
                        guard,
                        body: self.block(body)?,
                    });
                }
            }
        }
        Ok(StmtKind::Match {
            subject: subject.ok_or_else(|| missing(place))?,
            cases,
        })
    }

    /// A pair's span without the spaces that its rule may have run over.
    pub(super) fn trimmed(&self, pair: &Pair<'_>) -> Span {
        let span = span_of(pair);
        let spaces = pair.as_str().bytes().rev().take_while(|byte| *byte == b' ');
        Span {
            end: span.end - spaces.count() as u32,
            ..span
        }
    }

    /// Where the last block of a compound statement ends.
    fn end_of_block(&self, kind: &StmtKind, place: Span) -> u32 {
        let last = match kind {
            StmtKind::If {
                branches,
                otherwise,
            } => otherwise.last().or_else(|| branches.last()?.1.last()),
            StmtKind::While {
                body, otherwise, ..
            }
            | StmtKind::For {
                body, otherwise, ..
            } => otherwise.last().or(body.last()),
            StmtKind::Try {
                handlers,
                otherwise,
                finally,
                ..
            } => finally
                .as_ref()
                .and_then(|block| block.last())
                .or(otherwise.last())
                .or_else(|| handlers.last()?.body.last()),
            StmtKind::With { body, .. } => body.last(),
            StmtKind::Function(function) => function.body.last(),
            StmtKind::Class(class) => class.body.last(),
            StmtKind::Match { cases, .. } => cases.last().and_then(|case| case.body.last()),
            _ => None,
        };
        last.map_or(place.end, |last| last.span.end)
    }
}

/// The lambda that gives a function's annotations, if it has any.
fn annotations_of(
    parameters: &Parameters,
    returns: Option<&Expr>,
    span: Span,
) -> Option<Box<Lambda>> {
    let all = parameters
        .positional_only
        .iter()
        .chain(&parameters.positional)
        .chain(&parameters.rest)
        .chain(&parameters.keyword_only)
        .chain(&parameters.keyword_rest)
        .filter_map(|parameter| Some((&*parameter.name.name, parameter.annotation.as_ref()?)))
        .chain(returns.map(|returns| ("return", returns)));
    let items: Vec<DictItem> = all
        .filter(|(_, annotation)| !matches!(annotation.kind, ExprKind::Starred(_)))
        .map(|(name, annotation)| {
            let key = Expr {
                kind: ExprKind::Str(name.into()),
                span: annotation.span,
            };
            DictItem::Pair(key, annotation.clone())
        })
        .collect();
    (!items.is_empty()).then(|| {
        Box::new(Lambda {
            parameters: Parameters::default(),
            body: Expr {
                kind: ExprKind::Dict(items),
                span,
            },
        })
    })
}
