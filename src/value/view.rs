//! The views that `keys()`, `values()` and `items()` of a dict give. It must not know their
//! methods.

use super::instance::{Instance, NativeData, Payload};
use super::object::Ref;
use super::types::types;
use super::{Dict, Outcome, Value, room};

/// What of a dict a view or an iterator shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The keys.
    Keys,
    /// The values.
    Values,
    /// Pairs of both.
    Items,
}

/// A view of a dict.
pub struct DictView {
    /// The dict.
    pub dict: Ref<Dict>,
    /// What it shows.
    pub part: Part,
}

impl NativeData for DictView {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&Value::Dict(self.dict.clone()));
    }
}

impl DictView {
    /// A view as a value.
    pub fn value(dict: Ref<Dict>, part: Part) -> Value {
        let types = types();
        let class = match part {
            Part::Keys => &types.dict_keys,
            Part::Values => &types.dict_values,
            Part::Items => &types.dict_items,
        };
        Value::Instance(Instance::new(
            class.clone(),
            Payload::Native(Box::new(DictView { dict, part })),
        ))
    }

    /// The view behind a value.
    #[inline]
    pub fn of(value: &Value) -> Option<&DictView> {
        value.as_instance()?.native()
    }

    /// What it shows at this moment.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn snapshot(&self) -> Outcome<Vec<Value>> {
        match self.part {
            Part::Keys => self.dict.keys(),
            Part::Values => self.dict.values(),
            Part::Items => room::collected(
                self.dict
                    .entries()?
                    .into_iter()
                    .map(|(key, value)| Value::tuple_of([key, value])),
            ),
        }
    }
}
