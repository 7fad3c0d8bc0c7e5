//! What becomes of the objects of this module in a message: shared objects are had by inheritance
//! only, as in Python, and say so.

use super::errors::add_note;
use super::locks::{LockObject, SemaphoreObject};
use super::pool::{self, PoolObject};
use super::process::ProcessObject;
use super::queues::QueueObject;
use super::synchronisation::{BarrierObject, ConditionObject, EventObject};
use super::values::{NumberObject, SynchronizedObject};
use crate::eval::context::Context;
use crate::library::message::Codec;
use crate::value::exception::{Raised, runtime_error, type_error, value_error};
use crate::value::instance::{Instance, Payload};
use crate::value::{Outcome, Value};

/// The objects of processes in messages.
pub const CODEC: Codec = Codec {
    kind: "multiprocessing",
    pack,
    unpack,
};

fn pack(cx: &mut Context, value: &Value) -> Option<Outcome<Value>> {
    let instance = value.as_instance()?;
    if !matches!(instance.payload(), Payload::Native(_)) {
        return None;
    }
    refuse(cx, instance, value)
}

fn refuse(_: &mut Context, instance: &Instance, value: &Value) -> Option<Outcome<Value>> {
    let class = value.type_name();
    let is_shared = instance.native::<QueueObject>().is_some()
        || instance.native::<LockObject>().is_some()
        || instance.native::<SemaphoreObject>().is_some()
        || instance.native::<EventObject>().is_some()
        || instance.native::<ConditionObject>().is_some()
        || instance.native::<BarrierObject>().is_some()
        || instance.native::<NumberObject>().is_some()
        || instance.native::<SynchronizedObject>().is_some();
    if is_shared {
        let raised = by_inheritance_only(value);
        add_note(
            &raised,
            &format!(
                "help: give it to a Process as an argument, or use Manager().{class}(), which travels anywhere"
            ),
        );
        return Some(Err(raised));
    }
    if instance.native::<PoolObject>().is_some() {
        return Some(Err(pool::not_sendable()));
    }
    if instance.native::<ProcessObject>().is_some() {
        return Some(Err(type_error(format!("cannot pickle '{class}' object"))));
    }
    None
}

/// The error of something that a process can only have from its parent.
pub fn by_inheritance_only(value: &Value) -> Raised {
    let class = value.type_name();
    runtime_error(format!(
        "{class} objects should only be shared between processes through inheritance"
    ))
}

fn unpack(_: &mut Context, _: Value) -> Outcome<Value> {
    Err(value_error("a message is damaged: no such object travels"))
}
