//! Errors of the operating system as exceptions: `FileNotFoundError: [Errno 2] No such file or
//! directory: 'x'`. It must not know which operation failed.

use std::ffi::CStr;
use std::io;

use crate::eval::context::Context;
use crate::value::Value;
use crate::value::exception::{ExceptionKind, Raised};
use crate::value::types::types;

/// What the system calls an error.
pub fn message(number: i32) -> String {
    let mut buffer = [0u8; 256];
    // SAFETY: the buffer is valid for its length, and the function ends the text within it.
    let failed = unsafe { libc::strerror_r(number, buffer.as_mut_ptr().cast(), buffer.len()) } != 0;
    match CStr::from_bytes_until_nul(&buffer) {
        Ok(text) if !failed => text.to_string_lossy().into_owned(),
        _ => format!("Unknown error {number}"),
    }
}

/// The exception for an error number, with the file name it is about.
#[cold]
pub fn new(cx: &mut Context, number: i32, file: Option<Value>) -> Raised {
    let mut args = vec![Value::Int(i64::from(number)), Value::str(message(number))];
    args.extend(file);
    // The class chooses the subclass for the number.
    let class = Value::Class(types().exception(ExceptionKind::OSError).clone());
    match cx.call(&class, &args) {
        Ok(Value::Instance(instance)) => Raised::instance(instance),
        Ok(_) => Raised::with_args(ExceptionKind::OSError, args),
        Err(raised) => raised,
    }
}

/// The exception for the calling thread's last error.
#[cold]
pub fn last(cx: &mut Context, file: Option<Value>) -> Raised {
    let error = io::Error::last_os_error();
    from_io(cx, &error, file)
}

/// The exception for an error of the standard library.
#[cold]
pub fn from_io(cx: &mut Context, error: &io::Error, file: Option<Value>) -> Raised {
    match error.raw_os_error() {
        Some(number) => new(cx, number, file),
        None => Raised::new(ExceptionKind::OSError, error.to_string()),
    }
}
