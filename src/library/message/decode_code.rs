//! Bytes to functions, classes and what else is found by its name or its program. Treats its input as
//! hostile. It must not know who sent it.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::decode::{Decoder, damaged};
use super::encode::module_of;
use super::programs::Programs;
use super::received::{Form, Received};
use super::*;
use crate::eval::function::Function;
use crate::eval::global_cell::GlobalCell;
use crate::eval::module::{Linked, Module};
use crate::library::source_modules;
use crate::syntax::source::Source;
use crate::value::class::{Class, linearise};
use crate::value::exception::{ExceptionKind, runtime_error};
use crate::value::function::Cell;
use crate::value::name::{Name, known};
use crate::value::name_table::NameTable;
use crate::value::object::Ref;
use crate::value::types::types;

impl Decoder<'_> {
    pub(super) fn native(&mut self, cx: &mut Context, tag: u8) -> Outcome<Value> {
        let owner = self.text()?;
        let name = self.text()?;
        let lacking = || runtime_error(format!("no built-in `{owner}.{name}` in this process"));
        if tag == BUILTIN_METHOD {
            return types()
                .all()
                .into_iter()
                .find(|class| class.name().as_str() == owner)
                .and_then(|class| class.own_named(name))
                .ok_or_else(lacking);
        }
        if owner.is_empty() || owner == "builtins" {
            let found = crate::library::builtin(Name::new(name));
            return if found.is_unbound() {
                Err(lacking())
            } else {
                Ok(found)
            };
        }
        let module = module_of(cx, owner)?;
        module.get(Name::new(name)).ok_or_else(lacking)
    }

    pub(super) fn builtin_class(&mut self, cx: &mut Context) -> Outcome<Value> {
        let module = self.text()?;
        let name = self.text()?;
        let types = types();
        if let Some(class) = types
            .all()
            .into_iter()
            .chain(types.exceptions())
            .find(|class| class.name().as_str() == name)
        {
            return Ok(Value::Class(class.clone()));
        }
        let module = module_of(cx, module)?;
        match module.get(Name::new(name)) {
            Some(class @ Value::Class(_)) => Ok(class),
            _ => Err(runtime_error(format!(
                "no class `{}.{name}` in this process",
                module.name()
            ))),
        }
    }

    /// A function that this process surely has, by the numbers of its program and its definition.
    pub(super) fn own_function(&mut self, cx: &mut Context) -> Outcome<Value> {
        let (program, node) = (self.number()?, self.number()?);
        let linked = usize::try_from(program)
            .ok()
            .and_then(|number| cx.session.extensions.get::<Programs>().at(number))
            .ok_or_else(|| damaged("the program of a function"))?;
        let code = usize::try_from(node)
            .ok()
            .and_then(|node| linked.program.codes.get(node).cloned())
            .filter(|code| code.captures.is_empty())
            .ok_or_else(|| damaged("a function"))?;
        let function = match self.known_function(&linked, code.name, &code) {
            Some(known) => known,
            None => {
                let none = || Vec::<Value>::new();
                let made =
                    Function::new(code, linked, Box::default(), none().into(), none().into());
                Value::Function(Ref::new(made))
            }
        };
        self.seen.push(function.clone());
        Ok(function)
    }

    pub(super) fn function(&mut self, cx: &mut Context) -> Outcome<Value> {
        let place = self.reserve();
        let definition = self.definition()?;
        let module = self.text()?.to_owned();
        let name = Name::new(self.text()?);
        let qualified_name = Name::new(self.text()?);
        let programs = cx.session.extensions.get::<Programs>();
        let Some((_, linked)) = programs.find(&definition.program) else {
            return Err(runtime_error(format!(
                "a message needs the program of `{qualified_name}`, which this process lacks"
            )));
        };
        let Some(code) = linked.program.codes.get(definition.node as usize).cloned() else {
            return Err(damaged("a function"));
        };
        let linked = if linked.module.name().as_str() == module {
            linked
        } else {
            let module = module_of(cx, &module)?;
            Linked::new(cx, linked.program.clone(), module)
        };
        let defaults = self.values(cx)?;
        let count = self.count(1)?;
        let mut keyword_defaults = Vec::with_capacity(count);
        for _ in 0..count {
            let present = self.byte()? != 0;
            let value = self.value(cx)?;
            keyword_defaults.push(if present { value } else { Value::Unbound });
        }
        let count = self.count(1)?;
        if count != code.captures.len() || defaults.len() > code.parameters.positional {
            return Err(damaged("a function"));
        }
        // The cells may refer back to the function: it is made when they are all there, and a
        // reference to it from within them cannot be resolved before.
        let own = self.known_function(&linked, name, &code);
        if let Some(own) = &own {
            self.seen[place] = own.clone();
        }
        let mut cells = Vec::with_capacity(count);
        let mut waiting = Vec::new();
        for _ in 0..count {
            match self.cell(cx, place)? {
                (cell, false) => cells.push(cell),
                (cell, true) => {
                    waiting.push(cell.clone());
                    cells.push(cell);
                }
            }
        }
        let function = match own {
            Some(own) => own,
            None => {
                let function = Function::new(
                    code,
                    linked,
                    cells.into(),
                    defaults.into(),
                    keyword_defaults.into(),
                );
                function.set_name(name);
                function.set_qualified_name(qualified_name);
                Value::Function(Ref::new(function))
            }
        };
        self.seen[place] = function.clone();
        for cell in waiting {
            cell.set(function.clone());
        }
        let count = self.count(2)?;
        for _ in 0..count {
            let name = Name::new(self.text()?);
            let value = self.value(cx)?;
            if let Value::Function(function) = &function {
                Function::set_attribute(function, name, value);
            }
        }
        match self.byte()? {
            NONE => {}
            GLOBALS => {
                self.globals(cx)?;
                if self.byte()? != NONE {
                    return Err(damaged("a function"));
                }
            }
            _ => return Err(damaged("a function")),
        }
        Ok(function)
    }

    /// A captured variable; true when it holds the very function that is being decoded.
    fn cell(&mut self, cx: &mut Context, function: usize) -> Outcome<(Ref<Cell>, bool)> {
        // `CELL REFERENCE n`, with the function's own number: recursion of a local function.
        if let [CELL, REFERENCE, rest @ ..] = self.rest {
            let mut look = Decoder {
                rest,
                seen: Vec::new(),
                lowest: usize::MAX,
                depth: 0,
                descriptors: Vec::new(),
            };
            if look.number()? == function as u64 {
                self.lowest = self.lowest.min(function);
                let cell = Ref::new(Cell::new(Value::Unbound));
                self.seen.push(Value::Cell(cell.clone()));
                self.rest = look.rest;
                return Ok((cell, true));
            }
        }
        match self.value(cx)? {
            Value::Cell(cell) => Ok((cell, false)),
            _ => Err(damaged("a captured variable")),
        }
    }

    /// The function of that name that this process already has, if it is the same one: keeping
    /// it keeps its identity and whatever the script hung on it.
    fn known_function(
        &self,
        linked: &Arc<Linked>,
        name: Name,
        code: &Arc<crate::resolve::tree::Code>,
    ) -> Option<Value> {
        if !code.captures.is_empty() {
            return None;
        }
        match linked.module.get(name) {
            Some(Value::Function(known)) if Arc::ptr_eq(&known.code, code) => {
                Some(Value::Function(known))
            }
            _ => None,
        }
    }

    fn globals(&mut self, cx: &mut Context) -> Outcome<()> {
        let module = self.text()?.to_owned();
        let module: Ref<Module> = module_of(cx, &module)?;
        let count = self.count(2)?;
        for _ in 0..count {
            let name = Name::new(self.text()?);
            if let [LEFT_BEHIND, rest @ ..] = self.rest {
                self.rest = rest;
                self.left_behind(module.cell(name))?;
                continue;
            }
            let (before, first) = (self.rest, self.seen.len());
            let lowest = std::mem::replace(&mut self.lowest, usize::MAX);
            let value = self.value(cx)?;
            let form = match self.lowest < first {
                true => Form::Shared,
                false => Form::of(&before[..before.len() - self.rest.len()]),
            };
            self.lowest = self.lowest.min(lowest);
            let received = cx.session.extensions.get::<Received>();
            if received.is_news(module.name(), module.cell(name), form) {
                module.set(name, value);
            }
        }
        Ok(())
    }

    /// A global variable that stayed behind: whoever uses it is told so.
    fn left_behind(&mut self, cell: &GlobalCell) -> Outcome<()> {
        let kind = match self.text()? {
            "RuntimeError" => ExceptionKind::RuntimeError,
            "NotImplementedError" => ExceptionKind::NotImplementedError,
            _ => ExceptionKind::TypeError,
        };
        let message = self.text()?.to_owned();
        cell.note_absence(kind, message);
        Ok(())
    }

    pub(super) fn class_body(&mut self, cx: &mut Context) -> Outcome<Value> {
        let place = self.reserve();
        let definition = match self.byte()? {
            0 => None,
            1 => Some(self.definition()?),
            _ => return Err(damaged("a class")),
        };
        let name = Name::new(self.text()?);
        let bases = self.values(cx)?;
        let mut classes = Vec::with_capacity(bases.len());
        for base in bases {
            match base {
                Value::Class(base) => classes.push(base),
                _ => return Err(damaged("a base class")),
            }
        }
        let programs = cx.session.extensions.get::<Programs>();
        let known_class = definition.and_then(|definition| programs.class(&definition));
        let class = match known_class {
            Some(class) => class,
            None => {
                let Ok(ancestors) = linearise(&classes) else {
                    return Err(damaged("the bases of a class"));
                };
                let layout = classes
                    .iter()
                    .map(|class| class.layout())
                    .find(|layout| *layout != crate::value::class::Layout::Object)
                    .unwrap_or(crate::value::class::Layout::Object);
                let class = Class::new(
                    name,
                    classes,
                    ancestors,
                    NameTable::default(),
                    layout,
                    definition,
                );
                programs.add_class(&class);
                class
            }
        };
        let fresh = class.entries().is_empty();
        let value = Value::Class(class.clone());
        self.seen[place] = value.clone();
        let count = self.count(2)?;
        for _ in 0..count {
            let name = Name::new(self.text()?);
            let attribute = self.value(cx)?;
            if fresh {
                class.set(name, attribute);
            }
        }
        if fresh && let Some(Value::Str(module)) = class.own(known().module) {
            let module = module_of(cx, module.as_str())?;
            if module.get(name).is_none() {
                module.set(name, value.clone());
            }
        }
        Ok(value)
    }
}

/// Compiles a program that came with a message, so that its definitions can be named.
pub(super) fn learn(cx: &mut Context, name: &str, text: &str, module: &str) -> Outcome<()> {
    use crate::engine::load;
    use crate::engine::program::{CompileOptions, Program};
    if text.is_empty() && source_modules::has(module) {
        module_of(cx, module)?;
        return Ok(());
    }
    let hash: [u8; 32] = Sha256::digest(text).into();
    let programs = cx.session.extensions.get::<Programs>();
    if programs.find(&hash).is_some() {
        return Ok(());
    }
    let source = Arc::new(Source::new(name, text));
    let options = CompileOptions {
        optimise: cx.session.optimise,
        ..CompileOptions::default()
    };
    let program =
        Program::compile(&source, options).map_err(|error| load::syntax_raised(&error, &source))?;
    let module = module_of(cx, module)?;
    let linked = Linked::new(cx, Arc::clone(&program.program), module);
    programs.add(&linked);
    Ok(())
}
