//! The part of `os` that runs other programs: in the place of this one, or by the shell. It must not know
//! how programs are started as children.

use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;

use super::os_process::last_error;
use crate::eval::context::Context;
use crate::library::arguments::{self, Signature};
use crate::library::define::Entries;
use crate::library::exceptions::from_io;
use crate::library::{files, paths};
use crate::runtime::{output, signal};
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::{Outcome, Value};

/// The functions.
pub(super) const FUNCTIONS: Entries<'_> = &[
    ("execv", execv),
    ("execvp", execvp),
    ("execve", execve),
    ("execvpe", execvpe),
    ("execl", execl),
    ("execlp", execlp),
    ("system", system),
];

fn execv(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [file, list] = arguments::exactly("execv", args)?;
    let list = argument_list(cx, "execv", list)?;
    execute(cx, file, &list, None, false)
}

fn execvp(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [file, list] = arguments::exactly("execvp", args)?;
    let list = argument_list(cx, "execv", list)?;
    execute(cx, file, &list, None, true)
}

fn execve(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [file, list, environment] = arguments::exactly("execve", args)?;
    let list = argument_list(cx, "execve", list)?;
    execute(cx, file, &list, Some(environment), false)
}

fn execvpe(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [file, list, environment] = arguments::exactly("execvpe", args)?;
    let list = argument_list(cx, "execve", list)?;
    execute(cx, file, &list, Some(environment), true)
}

fn execl(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = arguments::at_least("execl", args, 1)?;
    let list = values[1..].to_vec();
    execute(cx, &values[0], &list, None, false)
}

fn execlp(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = arguments::at_least("execlp", args, 1)?;
    let list = values[1..].to_vec();
    execute(cx, &values[0], &list, None, true)
}

fn argument_list(_: &mut Context, function: &str, list: &Value) -> Outcome<Vec<Value>> {
    match list.unwrapped() {
        Value::Tuple(items) => Ok(items.items().to_vec()),
        Value::List(items) => Ok(items.snapshot()),
        _ => Err(type_error(format!(
            "{function}() arg 2 must be a tuple or list"
        ))),
    }
}

/// Puts another program in the place of this one.
///
/// # Errors
/// `OSError`, or what the arguments raise; it does not come back otherwise.
pub(super) fn execute(
    cx: &mut Context,
    file: &Value,
    list: &[Value],
    environment: Option<&Value>,
    search: bool,
) -> Outcome<Value> {
    let name = paths::c_path(cx, file)?;
    if list.is_empty() {
        return Err(value_error("execv() arg 2 must not be empty"));
    }
    let mut words = Vec::with_capacity(list.len());
    for word in list {
        words.push(paths::c_path(cx, word)?);
    }
    let mut variables = Vec::new();
    match environment {
        Some(Value::Dict(dict)) => {
            for (key, value) in dict.entries()? {
                let mut entry = paths::c_path(cx, &key)?.into_bytes();
                entry.push(b'=');
                entry.extend(paths::c_path(cx, &value)?.into_bytes());
                variables.push(CString::new(entry).unwrap_or_default());
            }
        }
        Some(_) => return Err(type_error("execve: environment must be a mapping object")),
        None => {
            for (key, value) in std::env::vars_os() {
                let mut entry = key.into_vec();
                entry.push(b'=');
                entry.extend(value.into_vec());
                variables.push(CString::new(entry).unwrap_or_default());
            }
        }
    }
    files::flush_all(cx);
    output::flush_all(&cx.thread);
    let pointers = |words: &[CString]| -> Vec<*const libc::c_char> {
        words
            .iter()
            .map(|word| word.as_ptr())
            .chain([std::ptr::null()])
            .collect()
    };
    let (words, variables) = (pointers(&words), pointers(&variables));
    // What this program ignores or handles, the next one starts without.
    signal::restore_all();
    // SAFETY: lists of strings that end with a null pointer.
    unsafe {
        if search {
            libc::execvpe(name.as_ptr(), words.as_ptr(), variables.as_ptr());
        } else {
            libc::execve(name.as_ptr(), words.as_ptr(), variables.as_ptr());
        }
    }
    Err(last_error())
}

fn system(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const PARAMETERS: Signature<1> = Signature::new("system", ["command"]).required(1);
    let [Some(command)] = PARAMETERS.bind(args)? else {
        return Ok(Value::None);
    };
    let command = paths::c_path(cx, command)?;
    output::flush_all(&cx.thread);
    let thread = cx.thread.clone();
    let status = thread.detached(|| {
        // SAFETY: a valid string. The shell's end is waited for by the C library itself.
        match unsafe { libc::system(command.as_ptr()) } {
            -1 => Err(std::io::Error::last_os_error()),
            status => Ok(status),
        }
    });
    cx.safepoint()?;
    match status {
        Ok(status) => Ok(Value::Int(status.into())),
        Err(error) => Err(from_io(&error, None)),
    }
}
