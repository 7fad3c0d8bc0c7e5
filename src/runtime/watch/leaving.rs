//! Whether a process that says that it waits is on its way out, or about to serve a signal: what the kernel knows of
//! it and its threads do not yet. On a busy machine a killed process may lie there for long before it dies. It must
//! not know why anybody asks.

use std::fs;

/// What a process is about to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Motion {
    /// It sleeps, and no signal is under way to it.
    Still,
    /// It is awake: perhaps only for a moment.
    Awake,
    /// It ends, or a signal is under way to it: its waits will be over by themselves.
    Leaving,
}

/// Flags of a task in the kernel: it exits; a signal has ended it.
const ON_ITS_WAY_OUT: u64 = 0x4 | 0x400;

/// What a process is about to do, by its number.
pub(super) fn motion_of(pid: i32) -> Motion {
    if pid <= 0 {
        return Motion::Still;
    }
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}"));
    match (read("status"), read("stat")) {
        (Ok(status), Ok(stat)) => motion(&status, &stat),
        // Gone, perhaps between opening and reading; or nobody may look at it, or there is nothing to look into:
        // then its own word must do.
        _ if is_gone(pid) => Motion::Leaving,
        _ => Motion::Still,
    }
}

fn is_gone(pid: i32) -> bool {
    // SAFETY: the signal 0 is none; the number is checked.
    let found = unsafe { libc::kill(pid, 0) } == 0;
    !found && std::io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH)
}

fn motion(status: &str, stat: &str) -> Motion {
    let mask = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
            .unwrap_or(0)
    };
    let under_way = (mask("SigPnd:") | mask("ShdPnd:")) & !mask("SigBlk:");
    // Behind the name, which may contain anything, come the state, five numbers and the flags.
    let mut rest = stat
        .rsplit_once(") ")
        .map_or("", |(_, rest)| rest)
        .split(' ');
    let state = rest.next().unwrap_or_default();
    let flags: u64 = rest
        .nth(5)
        .and_then(|flags| flags.parse().ok())
        .unwrap_or(0);
    if under_way != 0 || flags & ON_ITS_WAY_OUT != 0 || matches!(state, "Z" | "X") {
        return Motion::Leaving;
    }
    match state {
        "R" => Motion::Awake,
        _ => Motion::Still,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_and_ends_are_seen() {
        let status = |pending: &str, shared: &str, blocked: &str| {
            format!("Name:\tconc\nSigPnd:\t{pending}\nShdPnd:\t{shared}\nSigBlk:\t{blocked}\n")
        };
        let stat =
            |state: &str, flags: u64| format!("7 (a ) b) {state} 1 2 3 4 5 {flags} 8 9 10\n");
        let none = "0000000000000000";
        let kill = "0000000000000100";
        let quiet = status(none, none, none);
        assert_eq!(motion(&quiet, &stat("S", 0x40_0000)), Motion::Still);
        assert_eq!(motion(&quiet, &stat("R", 0x40_0000)), Motion::Awake);
        assert_eq!(motion(&quiet, &stat("S", 0x40_0004)), Motion::Leaving);
        assert_eq!(motion(&quiet, &stat("R", 0x40_0400)), Motion::Leaving);
        assert_eq!(motion(&quiet, &stat("Z", 0)), Motion::Leaving);
        let pending = [status(kill, none, none), status(none, kill, none)];
        for status in pending {
            assert_eq!(motion(&status, &stat("S", 0)), Motion::Leaving);
        }
        let blocked = status(none, kill, kill);
        assert_eq!(motion(&blocked, &stat("S", 0)), Motion::Still);
        // No process has the highest number, and each has its own word where nobody can look at it.
        assert!(is_gone(i32::MAX));
        assert_eq!(motion_of(i32::MAX), Motion::Leaving);
        assert!(!is_gone(1));
        // This one is not ending; whether its first thread is awake is up to the test harness.
        assert_ne!(motion_of(std::process::id() as i32), Motion::Leaving);
    }
}
