//! The second pass: from the syntax tree to the executable tree, by what the first pass found.
//! One file for each group of nodes; here is what they share.

mod call;
mod comprehension;
mod definition;
mod display;
mod expression;
mod pattern;
mod statement;
mod target;

#[cfg(test)]
pub(super) use self::definition::clean_docstring;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use super::collect::{Collected, Opened};
use super::constant::Constants;
use super::scope::{ScopeId, Scopes, mangle};
use super::tree::{
    Block, Code, CodeKind, Expr, ExprKind, NodeId, Origin, ParameterLayout, Program,
};
use super::{Options, Resolved, suspension};
use crate::syntax::ast;
use crate::syntax::error::SyntaxError;
use crate::syntax::source::Source;
use crate::syntax::span::Span;
use crate::value::Value;
use crate::value::name::Name;

/// The most loops or context managers that one comprehension or `with` may nest: they nest the
/// executable tree as blocks do, of which there can be no more either.
const MAX_NESTED: usize = 100;

/// Makes the executable tree.
pub(super) fn lower(
    module: &ast::Module,
    collected: &Collected,
    source: Arc<Source>,
    options: Options,
) -> Resolved<Arc<Program>> {
    let origin = Arc::new(Origin {
        hash: Sha256::digest(source.text()).into(),
        source,
        spans: OnceLock::new(),
    });
    let mut lowering = Lowering {
        scopes: &collected.scopes,
        opened: &collected.opened,
        options,
        origin: Arc::clone(&origin),
        spans: Vec::new(),
        globals: Vec::new(),
        global_numbers: HashMap::new(),
        constants: Constants::default(),
        codes: vec![None; collected.scopes.code_count()],
        scope: 0,
        code: CodeState::default(),
    };
    let body = lowering.module(module)?;
    let codes = lowering.codes.into_iter().flatten().collect();
    // Nobody else has the origin's spans in hand before this.
    let _ = origin.spans.set(lowering.spans.into());
    Ok(Arc::new(Program {
        origin,
        body,
        globals: lowering.globals,
        codes,
    }))
}

struct Lowering<'a> {
    scopes: &'a Scopes,
    opened: &'a Opened,
    options: Options,
    origin: Arc<Origin>,
    spans: Vec<Span>,
    globals: Vec<Name>,
    global_numbers: HashMap<Name, u32>,
    constants: Constants,
    /// By number; a code is there when it is finished.
    codes: Vec<Option<Arc<Code>>>,
    /// The scope that is being lowered.
    scope: ScopeId,
    code: CodeState,
}

/// What is known of the code that is being lowered.
#[derive(Default)]
struct CodeState {
    kind: Option<CodeKind>,
    /// Argument slots pending at this point, and the most there were.
    pending: usize,
    scratch: usize,
    /// Nesting of statements and expressions at this point, and the deepest there was.
    depth: usize,
    nesting: usize,
    /// How many loops are open.
    loops: usize,
    /// How many assignment expressions there were.
    assignments: usize,
    /// How many `yield` and `yield from` there were.
    yields: usize,
    /// The global names mentioned so far, inner codes' included.
    global_uses: std::collections::BTreeSet<u32>,
    /// Whether the code runs once: the module, and classes at its top level.
    top_level: bool,
    /// The first positional parameter: what `super()` is about.
    receiver: Option<Name>,
}

/// What makes a code besides its statements.
struct CodeHead {
    kind: CodeKind,
    scope: ScopeId,
    /// What a message about the whole underlines.
    span: Span,
    parameters: ParameterLayout,
    doc: Option<Value>,
    /// Whether it is the module, or a class at the module's top level: code that runs once.
    top_level: bool,
}

impl Lowering<'_> {
    /// Gives a place in the source a number.
    fn node(&mut self, span: Span) -> NodeId {
        // A source is smaller than 4 GiB and has fewer nodes than bytes.
        let id = self.spans.len() as NodeId;
        self.spans.push(span);
        id
    }

    fn expr(&mut self, kind: ExprKind, span: Span) -> Expr {
        let id = self.node(span);
        Expr { kind, id }
    }

    /// The number of a global name.
    fn global(&mut self, name: Name) -> u32 {
        let next = self.globals.len() as u32;
        let number = *self.global_numbers.entry(name).or_insert_with(|| {
            self.globals.push(name);
            next
        });
        self.code.global_uses.insert(number);
        number
    }

    /// A name as it is stored in the present scope.
    fn mangled(&self, name: &str) -> Name {
        mangle(self.scopes.scope(self.scope).private(), name)
    }

    /// Goes one level down.
    fn descend(&mut self, levels: usize) {
        self.code.depth += levels;
        self.code.nesting = self.code.nesting.max(self.code.depth);
    }

    /// Lowers what is evaluated while `slots` more arguments are pending.
    fn pending<T>(
        &mut self,
        slots: usize,
        lower: impl FnOnce(&mut Self) -> Resolved<T>,
    ) -> Resolved<T> {
        self.code.pending += slots;
        self.code.scratch = self.code.scratch.max(self.code.pending);
        let result = lower(self);
        self.code.pending -= slots;
        result
    }

    /// Lowers what stands in another scope of the same code.
    fn within<T>(
        &mut self,
        scope: ScopeId,
        lower: impl FnOnce(&mut Self) -> Resolved<T>,
    ) -> Resolved<T> {
        let outer = std::mem::replace(&mut self.scope, scope);
        let result = lower(self);
        self.scope = outer;
        result
    }

    /// Makes a code.
    fn code(
        &mut self,
        head: CodeHead,
        body: impl FnOnce(&mut Self) -> Resolved<Block>,
    ) -> Resolved<Arc<Code>> {
        let node = self.node(head.span);
        let state = CodeState {
            kind: Some(head.kind),
            top_level: head.top_level,
            receiver: head.parameters.names.first().copied().filter(|_| {
                head.parameters.positional > 0 && head.kind != CodeKind::GeneratorExpression
            }),
            ..CodeState::default()
        };
        let outer = std::mem::replace(&mut self.code, state);
        let body = self.within(head.scope, body);
        let state = std::mem::replace(&mut self.code, outer);
        let body = body?;
        self.code.global_uses.extend(&state.global_uses);
        let scope = self.scopes.scope(head.scope);
        let variables = self.scopes.code(scope.code);
        let (captures, capture_names) = self.scopes.captures(scope.code);
        let parameters = head.parameters;
        let is_simple = matches!(head.kind, CodeKind::Function | CodeKind::Lambda)
            && parameters.slots() == parameters.positional
            && variables.cell_slots.is_empty()
            && !scope.is_generator;
        let (suspension, body, slot_count) = suspension::settle(
            head.kind,
            !variables.cell_slots.is_empty(),
            self.options.optimise,
            state.yields,
            body,
            variables.slot_names.len() as u32,
        );
        let code = Arc::new(Code {
            name: scope.name,
            qualified_name: scope.qualified_name,
            kind: head.kind,
            origin: Arc::clone(&self.origin),
            definition: scope.code as u32,
            node,
            places: self.origin.places(),
            parameters,
            slot_count,
            slot_names: variables.slot_names.clone(),
            cell_slots: variables.cell_slots.clone(),
            captures,
            capture_names,
            scratch: state.scratch as u32,
            room: slot_count + state.scratch as u32 + 1,
            nesting: state.nesting as u32,
            is_generator: scope.is_generator,
            suspension,
            is_simple,
            global_uses: state.global_uses.into_iter().collect(),
            doc: head.doc,
            class_cell: variables.class_cell,
            body,
        });
        self.codes[scope.code] = Some(Arc::clone(&code));
        Ok(code)
    }
}

/// An error of this text.
fn error<T>(message: impl Into<String>, span: Span) -> Resolved<T> {
    Err(Box::new(SyntaxError::new(message, span)))
}
