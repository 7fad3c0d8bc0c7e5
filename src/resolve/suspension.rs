//! How the code of a generator is suspended: which of them can be evaluated without a native stack of
//! their own, and the nodes and slots for that. It must not know scopes, nor how it is evaluated.
//!
//! A tree walker that is to stop in the middle of a body and to go on later needs to know where it
//! was. If each `yield` of a body is all that a statement evaluates, but for what it does with the
//! value that comes back, then where it was is a position in each of the blocks around it, and what
//! the statements around it keep: what a loop goes over, the manager of a `with`. Those statements
//! become nodes of another kind, which keep all that in slots of the frame behind the variables. No
//! two of these use a slot at once: one that stands within another gets the slots behind the
//! other's.

use super::tree::{
    Augmented, Block, CodeKind, Expr, ExprKind, Handler, Match, Received, Slot, Stmt, StmtKind,
    Suspending, SuspendingKind, Suspension, Target, Try, With,
};

/// How a generator's code is suspended; the body for that; how many slots it has. `yields` is how
/// many `yield` and `yield from` there are in it, `slots` how many it has for its variables.
pub(super) fn settle(
    kind: CodeKind,
    has_cells: bool,
    optimise: bool,
    yields: usize,
    body: Block,
    slots: u32,
) -> (Suspension, Block, u32) {
    if kind == CodeKind::GeneratorExpression && !has_cells && is_one_clause(&body) {
        return (Suspension::Turns, body, slots);
    }
    if !optimise || yields == 0 || count(&body) != yields {
        return (Suspension::Stack, body, slots);
    }
    let mut rewriting = Rewriting { used: slots };
    let body = rewriting.block(body, slots + 1);
    let used = rewriting.used.max(slots + 1);
    (Suspension::Positions(slots), body, used)
}

/// Whether it is a loop around conditions around a `yield`.
fn is_one_clause(body: &Block) -> bool {
    let [only] = &**body else { return false };
    let StmtKind::For(node) = &only.kind else {
        return false;
    };
    let mut body = &node.body;
    loop {
        let [only] = &**body else { return false };
        body = match &only.kind {
            StmtKind::If(branches, otherwise) if otherwise.is_empty() => match &**branches {
                [(_, inner)] => inner,
                _ => return false,
            },
            StmtKind::Expr(expr) => return matches!(expr.kind, ExprKind::Yield(_)),
            _ => return false,
        };
    }
}

fn is_yield(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Yield(_) | ExprKind::YieldFrom(_))
}

/// How many `yield` of a block stand where a position tells all.
fn count(block: &Block) -> usize {
    block.iter().map(|stmt| count_in(&stmt.kind)).sum()
}

fn count_in(kind: &StmtKind) -> usize {
    match kind {
        StmtKind::Expr(value)
        | StmtKind::SetLocal(_, value)
        | StmtKind::Assign(_, value)
        | StmtKind::Return(value) => usize::from(is_yield(value)),
        StmtKind::Augmented(node) => {
            let is_local = matches!(node.target, Target::Local(_)) && node.present.is_none();
            usize::from(is_local && is_yield(&node.value))
        }
        StmtKind::If(branches, otherwise) => {
            let inner: usize = branches.iter().map(|(_, body)| count(body)).sum();
            inner + count(otherwise)
        }
        StmtKind::While(parts) => count(&parts.1) + count(&parts.2),
        StmtKind::For(node) => count(&node.body) + count(&node.otherwise),
        StmtKind::Try(node) if !node.star => {
            let handlers: usize = node.handlers.iter().map(|node| count(&node.body)).sum();
            count(&node.body) + handlers + count(&node.otherwise)
        }
        // What happened to the body would have to be kept while its clean-up waits.
        StmtKind::Finally(body, _) => count(body),
        StmtKind::With(node) => count(&node.body),
        StmtKind::Match(node) => node.cases.iter().map(|(_, _, body)| count(body)).sum(),
        _ => 0,
    }
}

struct Rewriting {
    /// How many slots are used so far.
    used: u32,
}

impl Rewriting {
    /// The nodes of a block get their slots from `slot` on.
    fn block(&mut self, block: Block, slot: Slot) -> Block {
        block
            .into_vec()
            .into_iter()
            .map(|stmt| self.statement(stmt, slot))
            .collect()
    }

    /// Takes slots for a node: how many it needs for itself.
    fn inner(&mut self, slot: Slot, own: u32) -> Slot {
        self.used = self.used.max(slot + own);
        slot + own
    }

    fn statement(&mut self, stmt: Stmt, slot: Slot) -> Stmt {
        if count_in(&stmt.kind) == 0 {
            return stmt;
        }
        let id = stmt.id;
        let kind = match stmt.kind {
            StmtKind::If(branches, otherwise) => {
                let inner = self.inner(slot, 1);
                let branches = branches
                    .into_iter()
                    .map(|(test, body)| (test, self.block(body, inner)))
                    .collect();
                SuspendingKind::If(branches, self.block(otherwise, inner))
            }
            StmtKind::While(parts) => {
                let inner = self.inner(slot, 1);
                let (test, body, otherwise) = *parts;
                let body = self.block(body, inner);
                SuspendingKind::While(Box::new((test, body, self.block(otherwise, inner))))
            }
            StmtKind::For(mut node) => {
                let inner = self.inner(slot, 3);
                node.body = self.block(node.body, inner);
                node.otherwise = self.block(node.otherwise, inner);
                SuspendingKind::For(node)
            }
            StmtKind::Try(node) => {
                let inner = self.inner(slot, 2);
                let node = *node;
                let handlers = node
                    .handlers
                    .into_iter()
                    .map(|handler| Handler {
                        body: self.block(handler.body, inner),
                        ..handler
                    })
                    .collect();
                SuspendingKind::Try(Box::new(Try {
                    body: self.block(node.body, inner),
                    handlers,
                    star: node.star,
                    otherwise: self.block(node.otherwise, inner),
                }))
            }
            StmtKind::Finally(body, cleanup) => {
                let inner = self.inner(slot, 1);
                SuspendingKind::Finally(self.block(body, inner), cleanup)
            }
            StmtKind::With(node) => {
                let inner = self.inner(slot, 3);
                let With {
                    context,
                    target,
                    body,
                } = *node;
                SuspendingKind::With(Box::new(With {
                    context,
                    target,
                    body: self.block(body, inner),
                }))
            }
            StmtKind::Match(node) => {
                let inner = self.inner(slot, 1);
                let node = *node;
                let cases = node
                    .cases
                    .into_iter()
                    .map(|(pattern, guard, body)| (pattern, guard, self.block(body, inner)))
                    .collect();
                SuspendingKind::Match(Box::new(Match {
                    subject: node.subject,
                    cases,
                }))
            }
            simple => return self.simple(simple, id, slot),
        };
        let node = Suspending { kind, slot };
        Stmt {
            kind: StmtKind::Suspending(Box::new(node)),
            id,
        }
    }

    /// A statement that is a `yield` and what is done with the value that it gives.
    fn simple(&mut self, kind: StmtKind, id: u32, slot: Slot) -> Stmt {
        let (received, value) = match kind {
            StmtKind::Expr(value) => (Received::Nothing, value),
            StmtKind::SetLocal(slot, value) => (Received::Local(slot), value),
            StmtKind::Assign(targets, value) => (Received::Targets(targets), value),
            StmtKind::Return(value) => (Received::Return, value),
            StmtKind::Augmented(node) => {
                let Augmented {
                    target,
                    place,
                    op,
                    value,
                    ..
                } = *node;
                match target {
                    Target::Local(slot) => (Received::Augment(op, slot, place), value),
                    // Not counted.
                    target => (Received::Targets(Box::new([target])), value),
                }
            }
            kind => return Stmt { kind, id },
        };
        let place = value.id;
        let kind = match value.kind {
            ExprKind::Yield(operand) => SuspendingKind::Yield(received, *operand, place),
            ExprKind::YieldFrom(operand) => {
                self.inner(slot, 2);
                SuspendingKind::YieldFrom(received, *operand, place)
            }
            // Not counted.
            kind => {
                let value = Expr { kind, id: place };
                return Stmt {
                    kind: StmtKind::Expr(value),
                    id,
                };
            }
        };
        let node = Suspending { kind, slot };
        Stmt {
            kind: StmtKind::Suspending(Box::new(node)),
            id,
        }
    }
}
