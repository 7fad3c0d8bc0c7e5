//! Connections in messages: the receiver gets a descriptor of its own for the same socket, beside the message over a
//! socket, and by shared memory where messages go that way. The sender's end stays open until it is closed, as in
//! CPython. It must not know the format of messages.

use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use super::{ConnectionObject, class, is_local};
use crate::library::exceptions::{from_io, os_error};
use crate::library::message::{self, Destination, Parcel};
use crate::library::modules::multiprocessing::manager;
use crate::library::native_object;
use crate::runtime::handle::Handle;
use crate::runtime::shared_descriptor;
use crate::value::exception::{Raised, type_error, value_error};
use crate::value::instance::Instance;
use crate::value::{Outcome, Value};

/// The kind in messages.
pub const CONNECTION: &str = "connection";

/// How the descriptor travels; the first number of what stands for a connection.
mod mode {
    /// Beside the message: its place among those.
    pub const BESIDE: i64 = 0;
    /// By an object in shared memory: that and its serial number.
    pub const SHARED: i64 = 1;
}

/// Whether it is an end of a pipe or a connection.
pub fn is_connection(instance: &Instance) -> bool {
    instance.native::<ConnectionObject>().is_some()
}

/// What stands for a connection in a message, if the value is one.
pub fn pack_connection(value: &Value, parcel: &mut Parcel) -> Option<Outcome<Value>> {
    let connection = value.as_instance()?.native::<ConnectionObject>()?;
    Some(pack(connection, value, parcel))
}

fn pack(connection: &ConnectionObject, value: &Value, parcel: &mut Parcel) -> Outcome<Value> {
    let fd = connection.open()?;
    // SAFETY: the object's own descriptor, which stays open: no script code runs here.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let failed = |error: std::io::Error| from_io(&error, None);
    let (mode, first, second) = match &parcel.destination {
        Destination::Socket => {
            if parcel.descriptors.len() == shared_descriptor::MOST_DESCRIPTORS {
                return Err(value_error(format!(
                    "more than {} connections in one message",
                    shared_descriptor::MOST_DESCRIPTORS
                )));
            }
            shared_descriptor::note_travel();
            parcel
                .descriptors
                .push(fd.try_clone_to_owned().map_err(failed)?);
            (mode::BESIDE, parcel.descriptors.len() as i64 - 1, 0)
        }
        _ if manager::takes_handles(parcel) => {
            let handle = shared_descriptor::post(fd).map_err(failed)?;
            let numbers = (handle.object() as i64, handle.serial() as i64);
            parcel.handles.push(handle);
            (mode::SHARED, numbers.0, numbers.1)
        }
        _ => {
            return Err(type_error(format!(
                "cannot pickle '{}' object",
                value.type_name()
            )));
        }
    };
    let baseline = connection.receiver.baseline;
    Ok(Value::tuple_of([
        Value::Int(mode),
        Value::Int(first),
        Value::Int(second),
        Value::Bool(connection.readable.load(Ordering::Relaxed)),
        Value::Bool(connection.writable),
        Value::Int(connection.peer as i64),
        Value::size(baseline.programs),
        Value::Int(baseline.globals as i64),
    ]))
}

#[cold]
fn damaged() -> Raised {
    value_error("a message is damaged: a connection is not as it should be")
}

/// The connection again. `beside` is what came beside the message.
///
/// # Errors
/// `ValueError` for what is no connection, `OSError` if there is no descriptor to be had.
pub fn unpack_connection(packed: &Value, beside: &mut [Option<OwnedFd>]) -> Outcome<Value> {
    let Value::Tuple(parts) = packed else {
        return Err(damaged());
    };
    let [
        Value::Int(mode),
        Value::Int(first),
        Value::Int(second),
        Value::Bool(readable),
        Value::Bool(writable),
        Value::Int(peer),
        Value::Int(programs),
        Value::Int(globals),
    ] = parts.items()
    else {
        return Err(damaged());
    };
    let fd = match *mode {
        mode::BESIDE => usize::try_from(*first)
            .ok()
            .and_then(|place| beside.get_mut(place)?.take())
            .ok_or_else(damaged)?,
        mode::SHARED => {
            let handle = Handle::find(*first as u64, *second as u64)
                .ok_or_else(|| os_error(libc::EBADF, None))?;
            shared_descriptor::copy(&handle).map_err(|error| from_io(&error, None))?
        }
        _ => return Err(damaged()),
    };
    let receiver = message::Receiver {
        baseline: message::Baseline {
            programs: usize::try_from(*programs).map_err(|_| damaged())?,
            globals: *globals as u64,
        },
    };
    Ok(native_object::instance(
        class(),
        ConnectionObject {
            readable: AtomicBool::new(*readable),
            writable: *writable,
            local: is_local(fd.as_raw_fd()),
            fd: AtomicI32::new(fd.into_raw_fd()),
            peer: *peer as u64,
            receiver,
        },
    ))
}
