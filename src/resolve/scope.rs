//! Scopes: what each name means in each part of a program. Knows which scopes there are, what
//! they bind and how a name is looked up through them; it must not know statements or expressions
//! (the collector reports what it saw), nor nodes of the executable tree.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;
use std::sync::OnceLock;

use super::Resolved;
use super::tree::{Capture, Slot};
use crate::syntax::error::SyntaxError;
use crate::syntax::span::Span;
use crate::value::name::{Name, NameHasher, NameMap, known};

/// The number of a scope, in the order in which they begin.
pub(super) type ScopeId = usize;

/// What kind of scope it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScopeKind {
    /// The top level: its names are global variables.
    Module,
    /// A `def`.
    Function,
    /// A `lambda`.
    Lambda,
    /// A class body: its names are invisible to the functions in it.
    Class,
    /// A generator expression.
    Generator,
    /// A comprehension, evaluated within the code around it.
    Comprehension,
}

impl ScopeKind {
    /// Whether it is a comprehension or generator expression.
    pub(super) fn is_comprehension(self) -> bool {
        matches!(self, ScopeKind::Generator | ScopeKind::Comprehension)
    }
}

/// What a scope does with a name.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Symbol {
    /// It is read.
    pub(super) used: bool,
    /// It is set here, or deleted.
    pub(super) bound: bool,
    /// It is set by something other than an import: Python lets `global` follow imports alone.
    pub(super) assigned: bool,
    /// It is a parameter.
    pub(super) parameter: bool,
    /// It is declared with an annotation.
    pub(super) annotated: bool,
    /// Where it is declared `global`.
    pub(super) global: Option<Span>,
    /// Where it is declared `nonlocal`.
    pub(super) nonlocal: Option<Span>,
    /// An assignment expression in this comprehension sets it in a scope around.
    pub(super) passed_on: bool,
    /// An inner code uses it, so that it lives in a cell.
    captured: bool,
}

impl Symbol {
    /// Whether the variable belongs to this very scope.
    fn is_own(&self) -> bool {
        self.bound && self.global.is_none() && self.nonlocal.is_none() && !self.passed_on
    }
}

/// A scope.
pub(super) struct Scope {
    /// Its kind.
    pub(super) kind: ScopeKind,
    /// The scope around it.
    parent: Option<ScopeId>,
    /// The number of the code it belongs to: its own, or that of the code around it when it is a
    /// comprehension.
    pub(super) code: usize,
    /// Its name as codes show it.
    pub(super) name: Name,
    /// With the names around it.
    pub(super) qualified_name: Name,
    /// Whether there is a `yield` in it.
    pub(super) is_generator: bool,
    /// The class whose private names are mangled here.
    private: Option<Name>,
    symbols: NameMap<Symbol>,
    /// The names in the order of their first mention.
    mentions: Vec<Name>,
    /// The names it sets, in the order of their first binding: its own variables, unless a
    /// declaration says otherwise afterwards.
    bindings: Vec<Name>,
    /// For a class: whether a function in it needs the `__class__` cell.
    class_cell: bool,
}

impl Scope {
    pub(super) fn new(
        kind: ScopeKind,
        parent: Option<ScopeId>,
        code: usize,
        name: Name,
        qualified_name: Name,
        private: Option<Name>,
    ) -> Scope {
        Scope {
            kind,
            parent,
            code,
            name,
            qualified_name,
            is_generator: false,
            private,
            symbols: NameMap::default(),
            mentions: Vec::new(),
            bindings: Vec::new(),
            class_cell: false,
        }
    }

    /// What it does with a name, noted as nothing so far if it was never mentioned.
    pub(super) fn mention(&mut self, name: Name) -> &mut Symbol {
        self.symbols.entry(name).or_insert_with(|| {
            self.mentions.push(name);
            Symbol::default()
        })
    }

    /// Its own variables in the order of their first binding.
    fn variables(&self) -> impl Iterator<Item = Name> {
        self.bindings
            .iter()
            .copied()
            .filter(|name| self.symbol(*name).is_own())
    }

    /// What it does with a name.
    pub(super) fn symbol(&self, name: Name) -> Symbol {
        self.symbols.get(&name).copied().unwrap_or_default()
    }

    /// Notes that it sets a name.
    pub(super) fn bind(&mut self, name: Name) -> Symbol {
        let symbol = self.mention(name);
        let first = !std::mem::replace(&mut symbol.bound, true);
        let now = *symbol;
        if first {
            self.bindings.push(name);
        }
        now
    }

    /// The class whose private names are mangled here.
    pub(super) fn private(&self) -> Option<Name> {
        self.private
    }

    /// The scope around it.
    pub(super) fn parent(&self) -> Option<ScopeId> {
        self.parent
    }
}

/// A private name as it is stored: `__x` in `class A` is `_A__x`.
pub(crate) fn mangle(class: Option<Name>, name: &str) -> Name {
    if let Some(class) = class
        && name.starts_with("__")
        && !name.ends_with("__")
        && !name.contains('.')
    {
        let class = class.as_str().trim_start_matches('_');
        if !class.is_empty() {
            return Name::new(&format!("_{class}{name}"));
        }
    }
    Name::new(name)
}

/// Where a variable lives, seen from one code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A local slot.
    Local(Slot),
    /// A local slot that holds a cell.
    LocalCell(Slot),
    /// A captured variable.
    Captured(u32),
    /// A global variable or built-in.
    Global,
    /// A variable of the class body it is used in.
    ClassLocal(Slot),
}

/// A variable other than a global one: the scope it belongs to, and its name there.
type Variable = (ScopeId, Name);

/// A map keyed by variables.
type VariableMap<V> = HashMap<Variable, V, BuildHasherDefault<NameHasher>>;

/// The name under which the `__class__` cell of a class is filed, apart from a variable that the
/// body itself calls `__class__`.
fn class_cell_name() -> Name {
    static NAME: OnceLock<Name> = OnceLock::new();
    *NAME.get_or_init(|| Name::new(".class"))
}

/// The variables of one code.
pub(super) struct CodeScope {
    /// Its outermost scope.
    pub(super) scope: ScopeId,
    /// The names of its slots.
    pub(super) slot_names: Vec<Name>,
    /// The slots that get a cell on entry.
    pub(super) cell_slots: Vec<Slot>,
    /// The slot of the `__class__` cell.
    pub(super) class_cell: Option<Slot>,
    slots: VariableMap<Slot>,
    captured: Vec<Variable>,
    capture_numbers: VariableMap<u32>,
}

/// All scopes of a program, with what every name in them means.
pub(super) struct Scopes {
    scopes: Vec<Scope>,
    codes: Vec<CodeScope>,
    /// Names that the module sets, by whatever statement and from whichever scope.
    module_names: HashSet<Name>,
    /// Whether the module has a `from … import *`.
    star_import: bool,
}

impl Scopes {
    /// Settles what every name means. `codes` has the outermost scope of each code, by number.
    pub(super) fn new(
        scopes: Vec<Scope>,
        codes: &[ScopeId],
        module_names: HashSet<Name>,
        star_import: bool,
    ) -> Resolved<Scopes> {
        let codes = codes
            .iter()
            .map(|&scope| CodeScope {
                scope,
                slot_names: Vec::new(),
                cell_slots: Vec::new(),
                class_cell: None,
                slots: VariableMap::default(),
                captured: Vec::new(),
                capture_numbers: VariableMap::default(),
            })
            .collect();
        let mut all = Scopes {
            scopes,
            codes,
            module_names,
            star_import,
        };
        all.check_declarations()?;
        all.capture();
        all.number_slots();
        Ok(all)
    }

    fn check_declarations(&self) -> Resolved<()> {
        for (id, scope) in self.scopes.iter().enumerate() {
            for &name in &scope.mentions {
                let symbol = scope.symbol(name);
                let Some(span) = symbol.nonlocal else {
                    continue;
                };
                let message = if symbol.global.is_some() {
                    format!("name '{name}' is nonlocal and global")
                } else if scope.kind == ScopeKind::Module {
                    "nonlocal declaration not allowed at module level".to_owned()
                } else if self.find(id, name).is_none() {
                    format!("no binding for nonlocal '{name}' found")
                } else {
                    continue;
                };
                return Err(Box::new(SyntaxError::new(message, span)));
            }
        }
        Ok(())
    }

    /// The variable that a name means in a scope; `None` when it is a global one.
    fn find(&self, scope: ScopeId, name: Name) -> Option<Variable> {
        let own = self.scopes[scope].symbol(name);
        if own.global.is_some() {
            return None;
        }
        if own.is_own() {
            return (self.scopes[scope].kind != ScopeKind::Module).then_some((scope, name));
        }
        let mut around = self.scopes[scope].parent;
        while let Some(id) = around {
            let scope = &self.scopes[id];
            match scope.kind {
                ScopeKind::Module => return None,
                ScopeKind::Class if name == known().class => {
                    return Some((id, class_cell_name()));
                }
                // What a class body sets is invisible to the functions in it.
                ScopeKind::Class => {}
                _ => {
                    let symbol = scope.symbol(name);
                    if symbol.global.is_some() {
                        return None;
                    }
                    if symbol.is_own() {
                        return Some((id, name));
                    }
                }
            }
            around = scope.parent;
        }
        None
    }

    /// Finds the variables that codes use of the codes around them.
    fn capture(&mut self) {
        for id in 0..self.scopes.len() {
            for position in 0..self.scopes[id].mentions.len() {
                let name = self.scopes[id].mentions[position];
                let Some(variable) = self.find(id, name) else {
                    continue;
                };
                let (owner, stored) = variable;
                if stored == class_cell_name() {
                    self.scopes[owner].class_cell = true;
                }
                let home = self.scopes[owner].code;
                let mut code = self.scopes[id].code;
                if code == home {
                    continue;
                }
                self.scopes[owner].mention(stored).captured = true;
                while code != home {
                    let inner = &mut self.codes[code];
                    let next = inner.captured.len() as u32;
                    inner.capture_numbers.entry(variable).or_insert_with(|| {
                        inner.captured.push(variable);
                        next
                    });
                    code = self.code_around(code);
                }
            }
        }
    }

    /// The code in which another one is made.
    fn code_around(&self, code: usize) -> usize {
        self.scopes[self.codes[code].scope]
            .parent
            .map_or(0, |parent| self.scopes[parent].code)
    }

    /// Gives every variable its slot: first the code's own variables, which begin with its
    /// parameters, then the `__class__` cell, then those of its comprehensions.
    fn number_slots(&mut self) {
        for id in 0..self.scopes.len() {
            let scope = &self.scopes[id];
            if scope.kind == ScopeKind::Module {
                continue;
            }
            let inlined = matches!(scope.kind, ScopeKind::Comprehension);
            let code = &mut self.codes[scope.code];
            for name in scope.variables() {
                let slot = code.slot_names.len() as Slot;
                code.slots.insert((id, name), slot);
                code.slot_names.push(name);
                // A comprehension makes fresh cells itself whenever it is entered.
                if scope.symbol(name).captured && !inlined {
                    code.cell_slots.push(slot);
                }
            }
            if scope.class_cell {
                let slot = code.slot_names.len() as Slot;
                code.slots.insert((id, class_cell_name()), slot);
                code.slot_names.push(known().class);
                code.cell_slots.push(slot);
                code.class_cell = Some(slot);
            }
        }
    }

    /// A scope.
    pub(super) fn scope(&self, id: ScopeId) -> &Scope {
        &self.scopes[id]
    }

    /// A code's variables.
    pub(super) fn code(&self, number: usize) -> &CodeScope {
        &self.codes[number]
    }

    /// How many codes there are.
    pub(super) fn code_count(&self) -> usize {
        self.codes.len()
    }

    /// Where a variable lives, seen from a scope.
    pub(super) fn place(&self, scope: ScopeId, name: Name) -> Place {
        let Some(variable) = self.find(scope, name) else {
            return Place::Global;
        };
        let code = &self.codes[self.scopes[scope].code];
        if let Some(&number) = code.capture_numbers.get(&variable) {
            return Place::Captured(number);
        }
        let Some(&slot) = code.slots.get(&variable) else {
            return Place::Global;
        };
        let owner = &self.scopes[variable.0];
        if owner.symbol(variable.1).captured || Some(slot) == code.class_cell {
            Place::LocalCell(slot)
        } else if owner.kind == ScopeKind::Class {
            Place::ClassLocal(slot)
        } else {
            Place::Local(slot)
        }
    }

    /// The name of a slot, in the code that a scope belongs to.
    pub(super) fn slot_name(&self, scope: ScopeId, slot: Slot) -> Name {
        self.codes[self.scopes[scope].code].slot_names[slot as usize]
    }

    /// The variables that a code captures, as its maker finds them, with their names.
    pub(super) fn captures(&self, number: usize) -> (Vec<Capture>, Vec<Name>) {
        let maker = &self.codes[self.code_around(number)];
        let captured = &self.codes[number].captured;
        captured
            .iter()
            .map(|variable| {
                let name = if variable.1 == class_cell_name() {
                    known().class
                } else {
                    variable.1
                };
                let capture = match maker.slots.get(variable) {
                    Some(&slot) => Capture::Local(slot),
                    None => {
                        // A variable that the maker does not hold itself it has captured too.
                        Capture::Captured(maker.capture_numbers.get(variable).copied().unwrap_or(0))
                    }
                };
                (capture, name)
            })
            .unzip()
    }

    /// The slots of a comprehension's variables, and those of them that hold cells.
    pub(super) fn comprehension_slots(&self, scope: ScopeId) -> (Box<[Slot]>, Box<[Slot]>) {
        let owner = &self.scopes[scope];
        let slots = &self.codes[owner.code].slots;
        let slot_of = |name: Name| slots.get(&(scope, name)).copied();
        let all = owner.variables().filter_map(slot_of).collect();
        let cells = owner
            .variables()
            .filter(|name| owner.symbol(*name).captured)
            .filter_map(slot_of)
            .collect();
        (all, cells)
    }

    /// Whether the module itself sets a name, or may through a star import.
    pub(super) fn module_sets(&self, name: Name) -> bool {
        self.star_import || self.module_names.contains(&name)
    }
}
