//! Functions of scripts as values: code, defaults, captured cells and the module whose globals
//! the code uses. It must not know how code is evaluated.

use std::sync::Arc;

use super::context::Context;
use super::module::Linked;
use crate::resolve::tree::Code;
use crate::value::function::Cell;
use crate::value::lock::Guarded;
use crate::value::name::Name;
use crate::value::name_table::NameTable;
use crate::value::object::{Object, Ref};
use crate::value::{Dict, Outcome, Value};

/// A function or lambda of a script.
pub struct Function {
    /// What it runs.
    pub code: Arc<Code>,
    /// The module it was defined in, linked to the code's program.
    pub linked: Arc<Linked>,
    /// The variables it captured, in the order the code numbers them.
    pub cells: Box<[Ref<Cell>]>,
    /// Values of the last positional parameters; one for each that has a default.
    pub(super) defaults: Guarded<Arc<[Value]>>,
    /// Values of keyword-only parameters, `Unbound` for those without a default.
    pub(super) keyword_defaults: Arc<[Value]>,
    name: Guarded<Name>,
    qualified_name: Guarded<Name>,
    attributes: Guarded<Option<Box<NameTable>>>,
    /// The dict of its annotations, or until somebody asks the function that makes it.
    annotations: Guarded<Value>,
}

impl Function {
    /// A function of this code.
    pub fn new(
        code: Arc<Code>,
        linked: Arc<Linked>,
        cells: Box<[Ref<Cell>]>,
        defaults: Arc<[Value]>,
        keyword_defaults: Arc<[Value]>,
    ) -> Self {
        Function {
            name: Guarded::new(code.name),
            qualified_name: Guarded::new(code.qualified_name),
            code,
            linked,
            cells,
            defaults: Guarded::new(defaults),
            keyword_defaults,
            attributes: Guarded::new(None),
            annotations: Guarded::new(Value::None),
        }
    }

    /// Sets what makes its annotations.
    pub(super) fn annotate(&mut self, maker: Value) {
        *self.annotations.get_mut() = maker;
    }

    /// Its annotations.
    ///
    /// # Errors
    /// What evaluating them raises.
    pub fn annotations(&self, cx: &mut Context) -> Outcome<Value> {
        let known = self.annotations.lock().clone();
        let dict = match &known {
            Value::Dict(_) => return Ok(known),
            Value::None => Value::Dict(Ref::new(Dict::new())),
            maker => cx.call(maker, &[])?,
        };
        let old = std::mem::replace(&mut *self.annotations.lock(), dict.clone());
        drop(old);
        Ok(dict)
    }

    /// Its name.
    pub fn name(&self) -> Name {
        *self.name.lock()
    }

    /// Its name with those of the classes and functions around it.
    pub fn qualified_name(&self) -> Name {
        *self.qualified_name.lock()
    }

    /// Whether it has neither defaults nor attributes, and the names that its definition gave it.
    pub fn is_as_defined(&self) -> bool {
        self.name() == self.code.name
            && self.qualified_name() == self.code.qualified_name
            && self.defaults.lock().is_empty()
            && self.attributes.lock().is_none()
    }

    /// Gives it another name.
    pub fn set_name(&self, name: Name) {
        *self.name.lock() = name;
    }

    /// Gives it another qualified name.
    pub fn set_qualified_name(&self, name: Name) {
        *self.qualified_name.lock() = name;
    }

    /// Values of the last positional parameters.
    pub fn defaults(&self) -> Arc<[Value]> {
        self.defaults.lock().clone()
    }

    /// Changes the values of the last positional parameters.
    pub fn set_defaults(this: &Ref<Function>, values: Arc<[Value]>) {
        Function::may_refer_to_itself(this);
        let old = std::mem::replace(&mut *this.defaults.lock(), values);
        drop(old);
    }

    /// Values of keyword-only parameters, `Unbound` for those without a default.
    pub fn keyword_defaults(&self) -> &[Value] {
        &self.keyword_defaults
    }

    /// Most functions only refer to what was there before them, and a cycle through one has a cell
    /// or a container in it. One that a script changes has not.
    fn may_refer_to_itself(this: &Ref<Function>) {
        let name = this.name.lock();
        this.header().register_late();
        drop(name);
    }

    /// An attribute that a script gave it.
    pub fn attribute(&self, name: Name) -> Option<Value> {
        self.attributes.lock().as_ref()?.get(name).cloned()
    }

    /// Gives it an attribute.
    pub fn set_attribute(this: &Ref<Function>, name: Name, value: Value) {
        Function::may_refer_to_itself(this);
        let mut attributes = this.attributes.lock();
        let old = attributes.get_or_insert_default().set(name, value);
        drop(attributes);
        drop(old);
    }

    /// Takes an attribute away.
    pub fn remove_attribute(&self, name: Name) -> Option<Value> {
        self.attributes.lock().as_mut()?.remove(name)
    }

    /// The attributes that scripts gave it.
    pub fn attributes(&self) -> Vec<(Name, Value)> {
        self.attributes
            .lock()
            .as_ref()
            .map(|table| table.entries().to_vec())
            .unwrap_or_default()
    }
}

impl Object for Function {
    fn into_value(this: Ref<Self>) -> Option<Value> {
        Some(Value::Function(this))
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for cell in &self.cells {
            cell.visit(Value::Cell, visit);
        }
        // Behind a shared pointer the values are counted for somebody else too.
        let defaults = self.defaults.lock();
        if Arc::strong_count(&defaults) == 1 {
            defaults.iter().for_each(&mut *visit);
        }
        drop(defaults);
        if Arc::strong_count(&self.keyword_defaults) == 1 {
            self.keyword_defaults.iter().for_each(&mut *visit);
        }
        if let Some(attributes) = &*self.attributes.lock() {
            for (_, value) in attributes.entries() {
                visit(value);
            }
        }
        visit(&self.annotations.lock());
    }

    fn clear(&self) {
        let attributes = self.attributes.lock().take();
        let defaults = std::mem::replace(&mut *self.defaults.lock(), Arc::new([]));
        drop((attributes, defaults));
    }
}
