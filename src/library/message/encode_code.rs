//! Functions, classes and the programs that they come from, to bytes. Most functions that are sent are
//! ones that the receiver has: those are two numbers. It must not know who receives the message beyond
//! what that process surely knows.

use super::encode::{Encoder, find_named};
use super::programs::Programs;
use super::*;
use crate::eval::function::Function;
use crate::eval::global_cell::GlobalCell;
use crate::library::source_modules;
use crate::value::class::Class;
use crate::value::exception::Raised;
use crate::value::instance::Payload;
use crate::value::name::{Name, known};
use crate::value::object::Ref;

impl Encoder<'_> {
    /// Puts the source of a program into the message if the receiver may lack it.
    fn program(&mut self, cx: &Context, hash: &[u8; 32]) {
        let programs = cx.session.extensions.get::<Programs>();
        let Some((number, linked)) = programs.find(hash) else {
            return;
        };
        if number < self.receiver.baseline.programs || self.shipped.contains(hash) {
            return;
        }
        self.shipped.push(*hash);
        self.bytes.push(PROGRAM);
        let source = &linked.program.origin.source;
        self.raw(source.name().as_bytes());
        // The library's own programs are there already: the receiver imports the module.
        let text = match source_modules::is_source_of(&linked) {
            true => "",
            false => source.text(),
        };
        self.raw(text.as_bytes());
        self.raw(linked.module.name().as_str().as_bytes());
    }

    /// Puts the global variables that a function uses and the receiver may lack into the message.
    fn globals(&mut self, cx: &mut Context, function: &Ref<Function>) -> Outcome<()> {
        let linked = function.linked.clone();
        if source_modules::is_source_of(&linked) {
            // The receiver has the module with variables of its own.
            return Ok(());
        }
        let programs = cx.session.extensions.get::<Programs>();
        let later = self.later_programs(&programs);
        let lacking: Vec<(Name, Value)> = function
            .code
            .global_uses
            .iter()
            .map(|&index| linked.cell(index))
            .filter(|cell| self.lacks(cell, later))
            .map(|cell| (cell.name(), cell.own()))
            .filter(|(_, value)| !value.is_unbound())
            .collect();
        if lacking.is_empty() {
            return Ok(());
        }
        self.bytes.push(GLOBALS);
        self.raw(linked.module.name().as_str().as_bytes());
        self.number(lacking.len() as u64);
        for (name, value) in lacking {
            self.raw(name.as_str().as_bytes());
            match self.refusal(cx, &value)? {
                None => self.inside(cx, || format!("global `{name}`"), &value)?,
                Some(refusal) => self.left_behind(&refusal),
            }
            self.kept.push(value);
        }
        Ok(())
    }

    /// The programs, if there are any that the receiver may lack.
    fn later_programs<'a>(&self, programs: &'a Programs) -> Option<&'a Programs> {
        (programs.count() > self.receiver.baseline.programs).then_some(programs)
    }

    /// Whether the receiver may lack a global variable, or have another definition under its name.
    fn lacks(&self, cell: &GlobalCell, later: Option<&Programs>) -> bool {
        let baseline = self.receiver.baseline;
        if cell.first_set() > baseline.globals {
            return true;
        }
        let Some(programs) = later else {
            return false;
        };
        // What a later program defines, as at the prompt.
        let program = match cell.own() {
            Value::Function(function) => Some(function.code.identity().program),
            Value::Class(class) => class.definition().map(|definition| definition.program),
            _ => None,
        };
        program
            .and_then(|program| programs.find(&program))
            .is_some_and(|(number, linked)| {
                number >= baseline.programs && !source_modules::is_source_of(&linked)
            })
    }

    /// Why the value of a global variable is left behind, if it is. It is missed only if it is used, so that it
    /// does not keep the function from being sent.
    fn refusal(&mut self, cx: &mut Context, value: &Value) -> Outcome<Option<Raised>> {
        let instance = match value {
            Value::Instance(instance) => instance,
            Value::Generator(_) | Value::Iterator(_) => return Ok(Some(self.refuse(value))),
            _ => return Ok(None),
        };
        if !matches!(instance.payload(), Payload::Native(_))
            || self.is_trial
            || self.seen.get(instance.address()).is_some()
            || multiprocessing::is_proxy(instance)
        {
            return Ok(None);
        }
        if multiprocessing::is_connection(instance) {
            // A copy of an end would keep it open.
            return Ok(Some(multiprocessing::by_inheritance_only(value)));
        }
        let mut parcel = Parcel {
            destination: self.parcel.destination.clone(),
            ..Parcel::default()
        };
        let mut trial = Encoder::new(self.receiver, &mut parcel);
        trial.is_trial = true;
        match trial.value(cx, value) {
            Err(raised) if raised.exception().is_some() => Ok(Some(raised)),
            Err(raised) => Err(raised),
            Ok(()) => Ok(None),
        }
    }

    fn left_behind(&mut self, refusal: &Raised) {
        let kind = match refusal.exception() {
            Some(exception) => exception.class().name().as_str().to_owned(),
            None => String::new(),
        };
        let text = refusal.data().and_then(|data| {
            let args = data.args();
            args.first().and_then(Value::as_str).map(str::to_owned)
        });
        self.bytes.push(LEFT_BEHIND);
        self.raw(kind.as_bytes());
        self.raw(text.unwrap_or_default().as_bytes());
    }

    /// A function as the place where the receiver has it, if it surely has: a function of a module's top
    /// level that is as its `def` made it. False if it is anything else.
    fn known_function(&mut self, cx: &Context, function: &Ref<Function>) -> bool {
        let (code, linked) = (&function.code, &function.linked);
        let is_plain = function.cells.is_empty()
            && function.keyword_defaults().is_empty()
            && function.is_as_defined();
        if !is_plain || matches!(self.parcel.destination, Destination::File) {
            return false;
        }
        let baseline = self.receiver.baseline;
        let programs = cx.session.extensions.get::<Programs>();
        let Some(number) = programs
            .number_of(linked)
            .filter(|number| *number < baseline.programs)
        else {
            return false;
        };
        let later = self.later_programs(&programs);
        let knows_globals = source_modules::is_source_of(linked)
            || code
                .global_uses
                .iter()
                .all(|&index| !self.lacks(linked.cell(index), later));
        if !knows_globals {
            return false;
        }
        self.seen.set(function.address(), self.next);
        self.next += 1;
        self.bytes.push(KNOWN_FUNCTION);
        self.number(number as u64);
        self.number(u64::from(code.identity().node));
        true
    }

    pub(super) fn function(&mut self, cx: &mut Context, function: &Ref<Function>) -> Outcome<()> {
        if self.refer(function.address()) {
            return Ok(());
        }
        if self.known_function(cx, function) {
            return Ok(());
        }
        let value = Value::Function(function.clone());
        let (module, name) = (function.linked.module.name(), function.qualified_name());
        if self.named(cx, &value, module.as_str(), name.as_str())? {
            return Ok(());
        }
        let identity = function.code.identity();
        self.program(cx, &identity.program);
        // Before the globals, which may refer back to it.
        let number = self.next;
        self.next += 1;
        self.seen.set(function.address(), number);
        self.bytes.push(FUNCTION);
        self.bytes.extend_from_slice(&identity.program);
        self.number(u64::from(identity.node));
        self.raw(function.linked.module.name().as_str().as_bytes());
        self.raw(function.name().as_str().as_bytes());
        self.raw(function.qualified_name().as_str().as_bytes());
        let defaults = function.defaults();
        self.number(defaults.len() as u64);
        for value in defaults.iter() {
            self.inside(cx, || "a default".to_owned(), value)?;
        }
        let keyword_defaults = function.keyword_defaults();
        self.number(keyword_defaults.len() as u64);
        for value in keyword_defaults {
            self.bytes.push(u8::from(!value.is_unbound()));
            self.inside(cx, || "a default".to_owned(), value)?;
        }
        self.number(function.cells.len() as u64);
        for (cell, name) in function.cells.iter().zip(&function.code.capture_names) {
            let cell = Value::Cell(cell.clone());
            self.inside(cx, || format!("captured `{name}`"), &cell)?;
        }
        let mut attributes = function.attributes();
        // What a wrapper took over for whoever reads it.
        attributes.retain(|(name, _)| *name != known().annotations);
        self.number(attributes.len() as u64);
        for (name, value) in &attributes {
            self.raw(name.as_str().as_bytes());
            self.inside(cx, || format!(".{name}"), value)?;
        }
        self.globals(cx, function)?;
        self.bytes.push(NONE);
        Ok(())
    }

    /// Where a class that no class statement made is a global variable, if the receiver has it too.
    fn global_name(&self, cx: &Context, class: &Ref<Class>) -> Option<(Name, Name)> {
        let module = match class.own(known().module) {
            Some(Value::Str(text)) => Name::new(text.as_str()),
            _ => return None,
        };
        let loaded = cx.session.modules.lock().get(&module).cloned()?;
        let cell = loaded.cell(class.name());
        let is_it = matches!(cell.own(), Value::Class(found) if found.same(class));
        (is_it && cell.first_set() <= self.receiver.baseline.globals)
            .then(|| (module, class.name()))
    }

    pub(super) fn class(&mut self, cx: &mut Context, class: &Ref<Class>) -> Outcome<()> {
        if class.is_builtin() {
            self.bytes.push(BUILTIN_CLASS);
            let name = class.name().as_str();
            let (module, name) = match class.own(known().module) {
                Some(Value::Str(text)) => (text.as_str().to_owned(), name),
                _ => match name.rsplit_once('.') {
                    Some((module, bare)) => (module.to_owned(), bare),
                    None => ("builtins".to_owned(), name),
                },
            };
            self.raw(module.as_bytes());
            self.raw(name.as_bytes());
            return Ok(());
        }
        if self.refer(class.address()) {
            return Ok(());
        }
        let text = |name| match class.own(name) {
            Some(Value::Str(text)) => Some(text.as_str().to_owned()),
            _ => None,
        };
        if let (Some(module), Some(name)) = (text(known().module), text(known().qualname))
            && self.named(cx, &Value::Class(class.clone()), &module, &name)?
        {
            return Ok(());
        }
        if class.definition().is_none()
            && let Some((module, name)) = self.global_name(cx, class)
        {
            self.bytes.push(ATTRIBUTE);
            self.raw(name.as_str().as_bytes());
            self.bytes.push(MODULE);
            self.raw(module.as_str().as_bytes());
            return Ok(());
        }
        if let Some(definition) = class.definition() {
            self.program(cx, &definition.program);
            let programs = cx.session.extensions.get::<Programs>();
            let known_there = programs
                .find(&definition.program)
                .is_some_and(|(number, linked)| {
                    source_modules::is_source_of(&linked)
                        || number < self.receiver.baseline.programs
                            && class.first_made() <= self.receiver.baseline.globals
                });
            self.seen.set(class.address(), self.next);
            self.next += 1;
            if known_there
                && programs
                    .class(&definition)
                    .is_some_and(|last| last.same(class))
            {
                self.bytes.push(SCRIPT_CLASS);
                self.bytes.extend_from_slice(&definition.program);
                self.number(u64::from(definition.node));
                return Ok(());
            }
        } else {
            self.seen.set(class.address(), self.next);
            self.next += 1;
        }
        self.bytes.push(CLASS_BODY);
        match class.definition() {
            Some(definition) => {
                self.bytes.push(1);
                self.bytes.extend_from_slice(&definition.program);
                self.number(u64::from(definition.node));
            }
            None => self.bytes.push(0),
        }
        self.raw(class.name().as_str().as_bytes());
        self.number(class.bases().len() as u64);
        for base in class.bases() {
            self.inside(cx, || "a base".to_owned(), &Value::Class(base.clone()))?;
        }
        let entries = class.entries();
        self.number(entries.len() as u64);
        for (name, value) in &entries {
            self.raw(name.as_str().as_bytes());
            self.inside(cx, || format!(".{name}"), value)?;
        }
        Ok(())
    }

    /// Writes a function or class as the name that its module has for it, where messages may be
    /// read by another run of the program; false if it has none.
    fn named(
        &mut self,
        cx: &mut Context,
        value: &Value,
        module: &str,
        name: &str,
    ) -> Outcome<bool> {
        if !matches!(self.parcel.destination, Destination::File) || name.contains('<') {
            return Ok(false);
        }
        let Ok(found) = find_named(cx, module, name) else {
            return Ok(false);
        };
        if !found.same(value) {
            return Ok(false);
        }
        self.bytes.push(NAMED);
        self.raw(module.as_bytes());
        self.raw(name.as_bytes());
        Ok(true)
    }
}
