//! Variables that are read, and what is said of those that are not set. It must not know who reads
//! them.

use super::answer::Answer;
use super::observer::{Access, Observer, Place};
use super::stack::Frame;
use crate::resolve::tree::{CodeKind, NodeId, Slot};
use crate::runtime::world;
use crate::value::Value;
use crate::value::bits::Bits;
use crate::value::exception::{ExceptionKind, Raised};
use crate::value::name::{Name, known};

#[cold]
#[inline(never)]
pub(super) fn unbound_answer(frame: Frame, slot: Slot, id: NodeId) -> Answer {
    Answer::error(unbound_local(frame, slot, id))
}

#[inline(never)]
pub(super) fn local_cell(frame: Frame, slot: Slot, id: NodeId) -> Answer {
    let place = || frame.local_cell(slot).place();
    let ways = (local_cell_shared, local_cell_slowly);
    read(place, ways, frame, slot, id)
}

#[inline(never)]
pub(super) fn captured<O: Observer>(frame: Frame, index: u32, id: NodeId) -> Answer {
    O::access(Place::Captured(index), Access::Read, id);
    let place = || frame.captured(index).place();
    let ways = (captured_shared, captured_slowly);
    read(place, ways, frame, index, id)
}

#[inline(never)]
pub(super) fn global<O: Observer>(frame: Frame, index: u32, id: NodeId) -> Answer {
    O::access(Place::Global(index), Access::Read, id);
    // SAFETY: the variable's first place, where nothing is found if there are other threads; and nothing runs before
    // the value is counted.
    let value = unsafe { &*frame.global(index).place() };
    if !value.is_unbound() {
        return Answer::copy_alone(value);
    }
    if world::is_shared() {
        return global_shared(frame, index, id);
    }
    if frame.global(index).is_away() {
        return global_slowly(frame, index, id);
    }
    global_builtin(frame, index, id)
}

/// The cell's variable with this number, whose value is at this place. It is looked at in few instructions, without a
/// frame of its own: nothing is called but at the end, the first way where there are other threads, the second
/// where the variable is not set.
#[inline(always)]
fn read(
    place: impl FnOnce() -> *const Value,
    (shared, slowly): (
        impl FnOnce(Frame, u32, NodeId) -> Answer,
        impl FnOnce(Frame, u32, NodeId) -> Answer,
    ),
    frame: Frame,
    number: u32,
    id: NodeId,
) -> Answer {
    if world::is_shared() {
        return shared(frame, number, id);
    }
    // SAFETY: the variable's place, there is no other thread, and nothing runs before the value is counted.
    let value = unsafe { &*place() };
    if !value.is_unbound() {
        return Answer::copy_alone(value);
    }
    slowly(frame, number, id)
}

/// The same while there are other threads: what is at hand (see [`Answer::at_hand`]) needs no frame either.
///
/// # Safety
/// The bits are a variable's. The caller is never inlined, and does nothing else.
#[inline(always)]
unsafe fn read_shared(
    bits: Option<Bits>,
    otherwise: impl FnOnce(Frame, u32, NodeId) -> Answer,
    frame: Frame,
    number: u32,
    id: NodeId,
) -> Answer {
    // SAFETY: the variable's bits, and nothing changed them; no safepoint comes before the count. The rest is passed
    // on.
    match unsafe { Answer::at_hand(bits) } {
        Some(answer) => answer,
        None => otherwise(frame, number, id),
    }
}

#[inline(never)]
fn local_cell_shared(frame: Frame, slot: Slot, id: NodeId) -> Answer {
    let bits = frame.local_cell(slot).bits();
    // SAFETY: the variable's bits; this function is never inlined.
    unsafe { read_shared(bits, local_cell_slowly, frame, slot, id) }
}

#[inline(never)]
fn captured_shared(frame: Frame, index: u32, id: NodeId) -> Answer {
    let bits = frame.captured(index).bits();
    // SAFETY: the variable's bits; this function is never inlined.
    unsafe { read_shared(bits, captured_slowly, frame, index, id) }
}

#[inline(never)]
fn global_shared(frame: Frame, index: u32, id: NodeId) -> Answer {
    let bits = frame.global(index).bits();
    // SAFETY: the variable's bits; this function is never inlined.
    unsafe { read_shared(bits, global_slowly, frame, index, id) }
}

/// The built-in of that name, which is what an unset variable stands for. Only while there is no other
/// thread.
#[inline(never)]
fn global_builtin(frame: Frame, index: u32, id: NodeId) -> Answer {
    // SAFETY: the cell's place, there is no other thread, and nothing runs before the value is counted.
    let builtin = unsafe { &*frame.global(index).builtin_place() };
    if builtin.is_unbound() {
        return Answer::error(unknown_name(frame, index, id));
    }
    Answer::copy_alone(builtin)
}

#[inline(never)]
fn local_cell_slowly(frame: Frame, slot: Slot, id: NodeId) -> Answer {
    set_or(frame.local_cell(slot).get(), || {
        unbound_local(frame, slot, id)
    })
}

#[inline(never)]
fn captured_slowly(frame: Frame, index: u32, id: NodeId) -> Answer {
    set_or(frame.captured(index).get(), || {
        unbound_captured(frame, index, id)
    })
}

#[inline(never)]
fn global_slowly(frame: Frame, index: u32, id: NodeId) -> Answer {
    set_or(frame.global(index).get(), || unknown_name(frame, index, id))
}

/// The value, if the variable is set.
#[inline(always)]
fn set_or(value: Value, unset: impl FnOnce() -> Raised) -> Answer {
    if value.is_unbound() {
        return Answer::error(unset());
    }
    Answer::from(Ok(value))
}

#[cold]
#[inline(never)]
pub(super) fn unbound_local(frame: Frame, slot: Slot, id: NodeId) -> Raised {
    frame.locate(id);
    let code = &frame.function().code;
    let name = code.slot_names[slot as usize];
    if code.kind == CodeKind::Class {
        // The variables of a class body are looked for among the global ones, too.
        return name_exception(
            ExceptionKind::NameError,
            format!("name '{name}' is not defined"),
            name,
        );
    }
    name_exception(
        ExceptionKind::UnboundLocalError,
        format!("cannot access local variable '{name}' where it is not associated with a value"),
        name,
    )
}

#[cold]
#[inline(never)]
pub(super) fn unbound_captured(frame: Frame, index: u32, id: NodeId) -> Raised {
    frame.locate(id);
    let name = frame.function().code.capture_names[index as usize];
    name_exception(
        ExceptionKind::NameError,
        format!(
            "cannot access free variable '{name}' where it is not associated with a value in enclosing scope"
        ),
        name,
    )
}

#[cold]
#[inline(never)]
pub(super) fn unknown_name(frame: Frame, index: u32, id: NodeId) -> Raised {
    frame.locate(id);
    let cell = frame.global(index);
    let name = cell.name();
    if let Some(absence) = cell.absence() {
        let raised = Raised::new(absence.kind, absence.message.clone());
        if let Some(instance) = raised.exception() {
            let note = format!(
                "help: `{name}` was set after this process was started, and cannot be sent to it"
            );
            instance.set(known().notes, Value::list(vec![Value::str(note)]));
        }
        return raised;
    }
    let raised = name_exception(
        ExceptionKind::NameError,
        format!("name '{name}' is not defined"),
        name,
    );
    if has_attribute_of_self(frame, name)
        && let Some(data) = raised.data()
    {
        data.set_meant(format!("self.{name}").into());
    }
    raised
}

/// Whether it is the name of an attribute of the method's `self`, which was perhaps left out.
fn has_attribute_of_self(frame: Frame, name: Name) -> bool {
    let names = &frame.function().code.slot_names;
    let Some(slot) = names.iter().position(|name| name.as_str() == "self") else {
        return false;
    };
    let captured;
    let receiver = match frame.peek(slot as Slot) {
        Value::Cell(cell) => {
            captured = cell.get();
            &captured
        }
        value => value,
    };
    match receiver {
        Value::Instance(instance) => {
            instance.get(name).is_some() || instance.class().lookup(name).is_some()
        }
        _ => false,
    }
}

fn name_exception(kind: ExceptionKind, message: String, name: Name) -> Raised {
    let raised = Raised::new(kind, message);
    if let Some(instance) = raised.exception() {
        instance.set(Name::new("name"), name.value());
    }
    raised
}
