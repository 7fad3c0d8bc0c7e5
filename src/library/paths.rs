//! File names as scripts give them: strings, bytes, objects with `__fspath__`. It must not know
//! what is done with the file.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use crate::eval::context::Context;
use crate::value::exception::{type_error, value_error};
use crate::value::name::known;
use crate::value::{Outcome, Value};

/// What `os.fspath` gives: a string or bytes.
///
/// # Errors
/// `TypeError` for what is no path, or whatever `__fspath__` raises.
pub fn fs_path(cx: &mut Context, value: &Value) -> Outcome<Value> {
    match value.unwrapped() {
        Value::Str(_) | Value::Bytes(_) => return Ok(value.clone()),
        _ => {}
    }
    let Some(path) = cx.call_special(value, known().fspath, &[])? else {
        return Err(type_error(format!(
            "expected str, bytes or os.PathLike object, not {}",
            value.type_name()
        )));
    };
    match path.unwrapped() {
        Value::Str(_) | Value::Bytes(_) => Ok(path),
        other => Err(type_error(format!(
            "expected {}.__fspath__() to return str or bytes, not {}",
            value.type_name(),
            other.type_name()
        ))),
    }
}

/// A path as errors and file objects name it: not by the object that stands for it.
pub fn as_named(cx: &mut Context, value: &Value) -> Value {
    match value {
        Value::Instance(instance) if instance.wrapped().is_none() => {
            fs_path(cx, value).unwrap_or_else(|_| value.clone())
        }
        _ => value.clone(),
    }
}

/// The path that an argument names.
///
/// # Errors
/// As [`fs_path`]; `ValueError` for a zero byte in it.
pub fn path(cx: &mut Context, value: &Value) -> Outcome<PathBuf> {
    let path = fs_path(cx, value)?;
    let bytes = match path.unwrapped() {
        Value::Str(text) => text.as_str().as_bytes().to_vec(),
        Value::Bytes(bytes) => bytes.get().to_vec(),
        _ => Vec::new(),
    };
    if bytes.contains(&0) {
        return Err(value_error("embedded null byte"));
    }
    Ok(PathBuf::from(OsString::from_vec(bytes)))
}

/// The same for calls of the C library.
///
/// # Errors
/// As [`path`].
pub fn c_path(cx: &mut Context, value: &Value) -> Outcome<CString> {
    let path = path(cx, value)?;
    CString::new(path.into_os_string().into_vec()).map_err(|_| value_error("embedded null byte"))
}

/// A name that the system gave, as text. Bytes that are no UTF-8 are replaced.
pub fn text(name: &OsStr) -> Value {
    Value::str(String::from_utf8_lossy(name.as_bytes()).into_owned())
}
