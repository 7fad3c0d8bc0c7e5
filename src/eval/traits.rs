//! What the attributes of a class say about its instances: questions that every attribute access
//! and every instantiation would otherwise look up. Answered once for each version of a class. It
//! must not know nodes.

use crate::value::Value;
use crate::value::class::Class;
use crate::value::instance::Payload;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;

/// Answers about the instances of a class, as bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Traits(u32);

impl Traits {
    /// A script's `__getattribute__` answers for every attribute.
    pub(super) const OWN_LOOK_UP: Traits = Traits(1);
    /// A `__setattr__` of its own is asked for every attribute that is set.
    pub(super) const OWN_SETTING: Traits = Traits(1 << 1);
    /// Some attribute of the class goes before the instance's own of the same name.
    pub(super) const DATA_DESCRIPTORS: Traits = Traits(1 << 2);
    /// `__new__` is that of `object`.
    pub(super) const PLAIN_NEW: Traits = Traits(1 << 3);
    /// `__init__` is that of `object`.
    pub(super) const PLAIN_INIT: Traits = Traits(1 << 4);

    /// `__slots__` name all attributes that instances may have.
    pub(super) const SLOTTED: Traits = Traits(1 << 5);

    /// Whether the answer is yes.
    #[inline(always)]
    pub(super) fn has(self, one: Traits) -> bool {
        self.0 & one.0 != 0
    }

    /// The answers for a class.
    #[inline(always)]
    pub(super) fn of(class: &Ref<Class>) -> Traits {
        match class.noted() {
            Some(bits) => Traits(bits),
            None => Traits::find(class),
        }
    }

    #[cold]
    #[inline(never)]
    fn find(class: &Ref<Class>) -> Traits {
        // Read before the look-ups: a change in between makes the note useless, not wrong.
        let version = class.version();
        let names = known();
        let mut bits = 0;
        let by_script = |name| matches!(class.lookup(name), Some(Value::Function(_)));
        let plain = |name| {
            class
                .lookup(name)
                .is_none_or(|found| is_objects_own(&found, name))
        };
        let all = std::iter::once(class).chain(class.ancestors());
        let descriptors = all
            .flat_map(|class| class.entries())
            .any(|(_, value)| is_data_descriptor(&value));
        for (holds, one) in [
            (by_script(names.getattribute), Traits::OWN_LOOK_UP),
            (!plain(names.setattr), Traits::OWN_SETTING),
            (descriptors, Traits::DATA_DESCRIPTORS),
            (
                plain(names.new) && !has_abstract_methods(class),
                Traits::PLAIN_NEW,
            ),
            (plain(names.init), Traits::PLAIN_INIT),
            (super::slots::are_all(class), Traits::SLOTTED),
        ] {
            if holds {
                bits |= one.0;
            }
        }
        class.note(version, bits);
        Traits(bits)
    }
}

/// Whether a class has abstract methods: then making an instance is refused, by `object.__new__`.
fn has_abstract_methods(class: &Class) -> bool {
    match class.own(known().abstract_methods) {
        Some(Value::FrozenSet(names) | Value::Set(names)) => !names.is_empty(),
        _ => false,
    }
}

/// Whether an attribute of a class goes before the instance's own of the same name.
pub(super) fn is_data_descriptor(value: &Value) -> bool {
    match value {
        Value::Instance(instance) => match instance.payload() {
            Payload::Property(_) => true,
            Payload::None => {
                !instance.class().is_builtin() && instance.class().lookup(known().set).is_some()
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether a class attribute is the one that `object` has.
pub(super) fn is_objects_own(found: &Value, name: Name) -> bool {
    match (found, types().object.own(name)) {
        (Value::Native(found), Some(Value::Native(own))) => found.same(&own),
        _ => false,
    }
}
