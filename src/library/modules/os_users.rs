//! The functions of `os` that change who a process is: its user and its groups. It must not know other processes.

use super::os_process::last_error;
use crate::eval::context::Context;
use crate::library::arguments;
use crate::library::define::Entries;
use crate::value::exception::overflow_error;
use crate::value::function::Args;
use crate::value::{Outcome, Value, iterate};

/// The functions.
pub(super) const FUNCTIONS: Entries<'_> = &[
    ("getgroups", groups),
    ("getresgid", |_, args| {
        three("getresgid", args, |a, b, c| {
            // SAFETY: three valid places.
            unsafe { libc::getresgid(a, b, c) }
        })
    }),
    ("getresuid", |_, args| {
        three("getresuid", args, |a, b, c| {
            // SAFETY: three valid places.
            unsafe { libc::getresuid(a, b, c) }
        })
    }),
    ("setegid", |cx, args| {
        // SAFETY: plain call.
        change(cx, "setegid", args, |[id]| unsafe { libc::setegid(id) })
    }),
    ("seteuid", |cx, args| {
        // SAFETY: plain call.
        change(cx, "seteuid", args, |[id]| unsafe { libc::seteuid(id) })
    }),
    ("setgid", |cx, args| {
        // SAFETY: plain call.
        change(cx, "setgid", args, |[id]| unsafe { libc::setgid(id) })
    }),
    ("setgroups", set_groups),
    ("setregid", |cx, args| {
        // SAFETY: plain call.
        change(cx, "setregid", args, |[a, b]| unsafe {
            libc::setregid(a, b)
        })
    }),
    ("setresgid", |cx, args| {
        change(cx, "setresgid", args, |[a, b, c]| {
            // SAFETY: plain call.
            unsafe { libc::setresgid(a, b, c) }
        })
    }),
    ("setresuid", |cx, args| {
        change(cx, "setresuid", args, |[a, b, c]| {
            // SAFETY: plain call.
            unsafe { libc::setresuid(a, b, c) }
        })
    }),
    ("setreuid", |cx, args| {
        // SAFETY: plain call.
        change(cx, "setreuid", args, |[a, b]| unsafe {
            libc::setreuid(a, b)
        })
    }),
    ("setuid", |cx, args| {
        // SAFETY: plain call.
        change(cx, "setuid", args, |[id]| unsafe { libc::setuid(id) })
    }),
];

/// A number of a user or a group; -1 leaves what is.
fn identity(cx: &mut Context, name: &str, value: &Value) -> Outcome<u32> {
    match arguments::integer(cx, value)? {
        -1 => Ok(u32::MAX),
        number => u32::try_from(number).map_err(|_| {
            let way = if number < 0 {
                "less than minimum"
            } else {
                "greater than maximum"
            };
            let kind = if name.contains("uid") { "uid" } else { "gid" };
            overflow_error(format!("{kind} is {way}"))
        }),
    }
}

fn change<const N: usize>(
    cx: &mut Context,
    name: &str,
    args: Args<'_>,
    call: impl FnOnce([u32; N]) -> libc::c_int,
) -> Outcome<Value> {
    let values = arguments::exactly::<N>(name, args)?;
    let mut numbers = [0; N];
    for (number, value) in numbers.iter_mut().zip(values) {
        *number = identity(cx, name, value)?;
    }
    match call(numbers) {
        0 => Ok(Value::None),
        _ => Err(last_error()),
    }
}

fn three(
    name: &str,
    args: Args<'_>,
    call: impl FnOnce(&mut u32, &mut u32, &mut u32) -> libc::c_int,
) -> Outcome<Value> {
    arguments::none(&format!("posix.{name}"), args)?;
    let (mut real, mut effective, mut saved) = (0, 0, 0);
    if call(&mut real, &mut effective, &mut saved) != 0 {
        return Err(last_error());
    }
    let numbers = [real, effective, saved].map(|number| Value::Int(number.into()));
    Ok(Value::tuple(numbers.into()))
}

fn groups(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("posix.getgroups", args)?;
    // SAFETY: with no room it only counts.
    let count = unsafe { libc::getgroups(0, std::ptr::null_mut()) };
    let Ok(count) = usize::try_from(count) else {
        return Err(last_error());
    };
    let mut groups = vec![0; count];
    // SAFETY: there is room for so many.
    let got = unsafe { libc::getgroups(groups.len() as libc::c_int, groups.as_mut_ptr()) };
    let Ok(got) = usize::try_from(got) else {
        return Err(last_error());
    };
    groups.truncate(got);
    let groups = groups.into_iter().map(|group| Value::Int(group.into()));
    Ok(Value::list(groups.collect()))
}

fn set_groups(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let given = arguments::one("posix.setgroups", args)?;
    let mut groups = Vec::new();
    for group in iterate::collect(cx, given)? {
        groups.push(identity(cx, "setgroups", &group)?);
    }
    // SAFETY: the list is valid for its length.
    match unsafe { libc::setgroups(groups.len(), groups.as_ptr()) } {
        0 => Ok(Value::None),
        _ => Err(last_error()),
    }
}
