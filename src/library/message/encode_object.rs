//! Instances of classes to bytes, and other objects by the pieces that they are made of again. It must not know who
//! receives them beyond what that process surely knows.

use super::encode::Encoder;
use super::reduction::{Reduction, reduction};
use super::*;
use crate::eval::attribute;
use crate::value::class::{Class, Layout};
use crate::value::instance::{Instance, Payload};
use crate::value::name::{Name, known};
use crate::value::object::Ref;

impl Encoder<'_> {
    pub(super) fn instance(
        &mut self,
        cx: &mut Context,
        value: &Value,
        instance: &Ref<Instance>,
    ) -> Outcome<()> {
        if self.refer(instance.address()) {
            return Ok(());
        }
        if let Some(packed) = multiprocessing::pack_proxy(cx, value, self.parcel) {
            return self.native_object(cx, instance, multiprocessing::PROXY, packed?);
        }
        if let Some(packed) = multiprocessing::pack_connection(value, self.parcel) {
            return self.native_object(cx, instance, multiprocessing::CONNECTION, packed?);
        }
        for codec in codecs() {
            if let Some(packed) = (codec.pack)(cx, value) {
                return self.native_object(cx, instance, codec.kind, packed?);
            }
        }
        let class = instance.class().clone();
        if let Some(reduction) = reduction(cx, value)? {
            return self.reduced(cx, value, instance.address(), reduction);
        }
        match instance.payload() {
            Payload::Native(_) | Payload::Super(..) => return Err(self.refuse(value)),
            _ if class.layout() == Layout::Sealed => return Err(self.refuse(value)),
            _ => {}
        }
        self.begin(instance.address());
        self.bytes.push(INSTANCE);
        self.class(cx, &class)?;
        match instance.payload() {
            Payload::Exception(data) => {
                self.bytes.push(1);
                let args = data.args();
                self.number(args.len() as u64);
                for (position, item) in args.iter().enumerate() {
                    self.inside(cx, || format!(".args[{position}]"), item)?;
                }
                self.value(cx, &data.cause())?;
                self.value(cx, &data.context())?;
                let meant = data.meant();
                let flags = [
                    (data.suppresses_context(), exception::SUPPRESSES_CONTEXT),
                    (data.has_settled_context(), exception::SETTLED_CONTEXT),
                    (meant.is_some(), exception::MEANT),
                ];
                let set = flags.iter().filter(|(holds, _)| *holds);
                self.bytes.push(set.map(|(_, flag)| flag).sum());
                if let Some(meant) = meant {
                    self.raw(meant.as_bytes());
                }
            }
            Payload::Value(inner) => {
                self.bytes.push(2);
                self.value(cx, inner)?;
            }
            Payload::Property(parts) => {
                self.bytes.push(3);
                for part in parts.iter() {
                    self.value(cx, part)?;
                }
            }
            Payload::StaticMethod(inner) => {
                self.bytes.push(4);
                self.value(cx, inner)?;
            }
            Payload::ClassMethod(inner) => {
                self.bytes.push(5);
                self.value(cx, inner)?;
            }
            _ => self.bytes.push(0),
        }
        if let Some(getstate) = script_method(&class, known().getstate) {
            let state = cx.call_found(&getstate, value, &[])?;
            if state.is_none() {
                self.bytes.push(0);
                self.number(0);
                return Ok(());
            }
            self.bytes.push(1);
            self.inside(cx, || ".__getstate__()".to_owned(), &state)?;
            self.kept.push(state);
            return Ok(());
        }
        self.bytes.push(0);
        let entries = instance.entries();
        // An `AttributeError` keeps who was asked; that need not travel.
        let entries: Vec<_> = entries
            .into_iter()
            .filter(|(name, _)| {
                !(matches!(instance.payload(), Payload::Exception(_)) && name.as_str() == "obj")
            })
            .collect();
        self.number(entries.len() as u64);
        for (name, item) in &entries {
            self.raw(name.as_str().as_bytes());
            self.inside(cx, || format!(".{name}"), item)?;
        }
        Ok(())
    }

    fn native_object(
        &mut self,
        cx: &mut Context,
        instance: &Ref<Instance>,
        kind: &str,
        packed: Value,
    ) -> Outcome<()> {
        self.bytes.push(NATIVE_OBJECT);
        self.raw(kind.as_bytes());
        self.value(cx, &packed)?;
        self.kept.push(packed);
        self.seen.set(instance.address(), self.next);
        self.next += 1;
        Ok(())
    }

    pub(super) fn reduced(
        &mut self,
        cx: &mut Context,
        value: &Value,
        address: usize,
        reduction: Reduction,
    ) -> Outcome<()> {
        let parts = match reduction {
            Reduction::Global(name) => {
                let class = Value::Class(value.class().clone());
                let module = attribute::get(cx, &class, known().module)?;
                let module = module.as_str().unwrap_or("builtins");
                self.bytes.push(NAMED);
                self.raw(module.as_bytes());
                self.raw(name.as_bytes());
                return Ok(());
            }
            Reduction::Call(parts) => *parts,
        };
        self.bytes.push(REDUCED);
        self.inside(cx, || ".__reduce__()[0]".to_owned(), &parts.callable)?;
        self.inside(cx, || ".__reduce__()[1]".to_owned(), &parts.args)?;
        self.seen.set(address, self.next);
        self.next += 1;
        let items = parts.items.map_or(Value::None, Value::list);
        let pairs = parts.pairs.map_or(Value::None, |pairs| {
            let pair = |(key, value)| Value::tuple_of([key, value]);
            Value::list(pairs.into_iter().map(pair).collect())
        });
        for (part, step) in [
            (&parts.state, "'s state"),
            (&parts.set_state, "'s setter of its state"),
            (&items, "'s items"),
            (&pairs, "'s pairs"),
        ] {
            self.inside(cx, || step.to_owned(), part)?;
        }
        self.kept.extend([
            parts.callable,
            parts.args,
            parts.state,
            parts.set_state,
            items,
            pairs,
        ]);
        Ok(())
    }
}

/// A method that a script's class defines under this name.
fn script_method(class: &Ref<Class>, name: Name) -> Option<Value> {
    class
        .lookup(name)
        .filter(|found| matches!(found, Value::Function(_)))
}
