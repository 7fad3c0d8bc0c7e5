//! Other programs as children: fork and exec with nothing in between that could need a lock. Must not know how scripts
//! ask for them.
//!
//! Other threads go on meanwhile: until it is another program, the child only makes calls of the system, on what was
//! prepared before.

use super::idle_threads;
use super::output;
use super::process::{self, Child, ChildOwner};
use super::signal;
use super::thread::ThreadHandle;
use std::ffi::{CStr, CString};
use std::io;

/// A program to be run.
pub struct Command {
    /// Files to try, in this order.
    pub executables: Vec<CString>,
    /// Its arguments, the first one its name.
    pub arguments: Vec<CString>,
    /// Its environment, `NAME=value`; this process's own without one.
    pub environment: Option<Vec<CString>>,
    /// The folder that it begins in.
    pub folder: Option<CString>,
    /// What becomes its standard input, output and error; -1 leaves the one of this process.
    pub standard: [i32; 3],
    /// Further descriptors that it gets.
    pub pass: Vec<i32>,
    /// Whether it gets no others.
    pub close_others: bool,
    /// Whether signals that programs do not expect to be ignored are set back.
    pub restore_signals: bool,
    /// Whether it leads a session of its own.
    pub new_session: bool,
    /// The process group that it joins, 0 for one of its own.
    pub process_group: Option<i32>,
    /// The mask of modes of new files.
    pub file_mask: Option<u32>,
}

/// What was being done when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Making the child.
    Fork,
    /// Going to its folder.
    Folder,
    /// Anything else before the program.
    Preparation,
    /// Becoming the program.
    Execution,
}

/// Why a program was not started.
#[derive(Debug)]
pub struct StartError {
    /// Where.
    pub stage: Stage,
    /// What the system said.
    pub error: io::Error,
}

struct Pointers {
    arguments: Vec<*const libc::c_char>,
    environment: Option<Vec<*const libc::c_char>>,
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    let all = strings.iter().map(|string| string.as_ptr());
    all.chain([std::ptr::null()]).collect()
}

/// Starts a program. The table of children knows it as one of the script's own.
///
/// # Errors
/// What the system refused.
pub fn start(thread: &ThreadHandle, command: &Command) -> Result<Child, StartError> {
    output::flush_all(thread);
    let fork_failed = |error| StartError {
        stage: Stage::Fork,
        error,
    };
    let (read, write) = report_pipe().map_err(fork_failed)?;
    let prepared = Pointers {
        arguments: pointers(&command.arguments),
        environment: command.environment.as_deref().map(pointers),
    };
    let mut may_try_again = true;
    let (pid, error) = loop {
        // No handler of ours may run in the child.
        let signals = signal::block_all();
        // SAFETY: the child makes only calls that are safe after a fork of a process with threads.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            // SAFETY: this is the child, which never comes back from there.
            unsafe { become_program(command, &prepared, write, &signals.before()) }
        }
        let error = io::Error::last_os_error();
        signals.restore();
        let is_full = pid < 0 && error.raw_os_error() == Some(libc::EAGAIN);
        // Perhaps one more than there may be.
        if !(is_full && std::mem::take(&mut may_try_again) && idle_threads::send_away(thread)) {
            break (pid, error);
        }
    };
    close(write);
    if pid < 0 {
        close(read);
        return Err(fork_failed(error));
    }
    let child = process::add_child(pid, ChildOwner::Script, None);
    // Ends when the child is another program or none at all.
    let report = thread.detached(|| read_report(read));
    close(read);
    match report {
        None => Ok(child),
        Some((stage, code)) => {
            // Its end follows at once.
            let _ = thread.detached(|| wait_for_exit(pid));
            let _ = child.status();
            Err(StartError {
                stage,
                error: io::Error::from_raw_os_error(code),
            })
        }
    }
}

/// Waits until the child has ended, without reaping it.
fn wait_for_exit(pid: i32) -> libc::c_int {
    // SAFETY: all zero is a valid siginfo.
    let mut info = unsafe { std::mem::zeroed::<libc::siginfo_t>() };
    let flags = libc::WEXITED | libc::WNOWAIT;
    // SAFETY: `info` is a valid place.
    unsafe { libc::waitid(libc::P_PID, pid as libc::id_t, &mut info, flags) }
}

fn close(fd: i32) {
    // SAFETY: a descriptor of this module.
    unsafe { libc::close(fd) };
}

/// A pipe for what goes wrong in the child, out of the way of the standard descriptors.
fn report_pipe() -> io::Result<(i32, i32)> {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let [read, write] = ends;
    if write > 2 {
        return Ok((read, write));
    }
    // SAFETY: plain call.
    let moved = unsafe { libc::fcntl(write, libc::F_DUPFD_CLOEXEC, 3) };
    let error = io::Error::last_os_error();
    close(write);
    if moved < 0 {
        close(read);
        return Err(error);
    }
    Ok((read, moved))
}

fn read_report(fd: i32) -> Option<(Stage, i32)> {
    let mut report = [0u8; 8];
    let mut filled = 0;
    while filled < report.len() {
        let rest = &mut report[filled..];
        // SAFETY: the rest of the buffer is valid for its length.
        let count = unsafe { libc::read(fd, rest.as_mut_ptr().cast(), rest.len()) };
        match usize::try_from(count) {
            Ok(0) => return None,
            Ok(count) => filled += count,
            Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    let [a, b, c, d, e, f, g, h] = report;
    let stage = match i32::from_ne_bytes([a, b, c, d]) {
        1 => Stage::Folder,
        2 => Stage::Preparation,
        _ => Stage::Execution,
    };
    Some((stage, i32::from_ne_bytes([e, f, g, h])))
}

fn errno() -> i32 {
    // SAFETY: the C library's own place of this thread.
    unsafe { *libc::__errno_location() }
}

/// Becomes the program, or reports why not and ends.
///
/// # Safety
/// Only in the child of a fork. Nothing in here may allocate or lock.
unsafe fn become_program(
    command: &Command,
    prepared: &Pointers,
    report: i32,
    mask: &libc::sigset_t,
) -> ! {
    // SAFETY: this is the child, as the caller promises.
    let (stage, code) = match unsafe { prepare(command, report, mask) } {
        // SAFETY: as above.
        Ok(()) => (3, unsafe { execute(command, prepared) }),
        Err(failure) => failure,
    };
    let stage: i32 = stage;
    let mut message = [0u8; 8];
    message[..4].copy_from_slice(&stage.to_ne_bytes());
    message[4..].copy_from_slice(&code.to_ne_bytes());
    // SAFETY: a valid buffer; the pipe has room.
    unsafe {
        libc::write(report, message.as_ptr().cast(), message.len());
        libc::_exit(255)
    }
}

/// # Safety
/// As [`become_program`].
unsafe fn prepare(command: &Command, report: i32, mask: &libc::sigset_t) -> Result<(), (i32, i32)> {
    let failed = || (2, errno());
    let mut standard = command.standard;
    // SAFETY: plain calls on descriptors that belong to this process alone.
    unsafe {
        // What stands where another is to be put moves out of the way first.
        for place in 0..3 {
            let fd = standard[place];
            if (0..3).contains(&fd) && fd as usize != place {
                let moved = libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3);
                if moved < 0 {
                    return Err(failed());
                }
                for other in &mut standard {
                    if *other == fd {
                        *other = moved;
                    }
                }
            }
        }
        for (place, &fd) in (0..).zip(&standard) {
            if fd < 0 {
                continue;
            }
            if fd == place {
                if libc::fcntl(fd, libc::F_SETFD, 0) < 0 {
                    return Err(failed());
                }
            } else if libc::dup2(fd, place) < 0 {
                return Err(failed());
            }
        }
        for &fd in &command.pass {
            if fd > 2 && libc::fcntl(fd, libc::F_SETFD, 0) < 0 {
                return Err(failed());
            }
        }
        if let Some(folder) = &command.folder
            && libc::chdir(folder.as_ptr()) != 0
        {
            return Err((1, errno()));
        }
        if let Some(mask) = command.file_mask {
            libc::umask(mask as libc::mode_t);
        }
        set_signals_back(command.restore_signals, mask);
        if command.new_session && libc::setsid() < 0 {
            return Err(failed());
        }
        if let Some(group) = command.process_group
            && libc::setpgid(0, group) != 0
        {
            return Err(failed());
        }
        if command.close_others {
            close_all_but(&command.pass, report);
        }
    }
    Ok(())
}

/// Handlers of ours mean nothing there; the mask becomes what it was before the fork.
///
/// # Safety
/// As [`become_program`].
unsafe fn set_signals_back(restore: bool, mask: &libc::sigset_t) {
    // SAFETY: plain calls with valid places.
    unsafe {
        for number in 1..=64 {
            let mut action: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(number, std::ptr::null(), &mut action) != 0 {
                continue;
            }
            let ignored = action.sa_sigaction == libc::SIG_IGN;
            let unexpected = restore && (number == libc::SIGPIPE || number == libc::SIGXFSZ);
            if action.sa_sigaction != libc::SIG_DFL && (!ignored || unexpected) {
                let mut default: libc::sigaction = std::mem::zeroed();
                default.sa_sigaction = libc::SIG_DFL;
                libc::sigaction(number, &default, std::ptr::null_mut());
            }
        }
        libc::sigprocmask(libc::SIG_SETMASK, mask, std::ptr::null_mut());
    }
}

/// Closes every descriptor above the standard ones but these. `pass` is in order.
///
/// # Safety
/// As [`become_program`].
unsafe fn close_all_but(pass: &[i32], report: i32) {
    const LAST: u32 = i32::MAX as u32;
    let mut from = 3u32;
    loop {
        let next = pass.iter().copied().chain([report]);
        let kept = next.filter(|&fd| fd >= 0 && fd as u32 >= from).min();
        let to = match kept {
            Some(kept) => (kept as u32).wrapping_sub(1),
            None => LAST,
        };
        if from <= to && to != u32::MAX {
            // SAFETY: plain calls; nobody else uses the descriptors of this child.
            unsafe {
                if libc::syscall(libc::SYS_close_range, from, to, 0u32) != 0 {
                    for fd in from..=to.min(65_535) {
                        libc::close(fd as i32);
                    }
                }
            }
        }
        match kept {
            Some(kept) => from = kept as u32 + 1,
            None => return,
        }
    }
}

// SAFETY: POSIX says that there is a variable of this name and type.
unsafe extern "C" {
    static environ: *const *const libc::c_char;
}

/// Tries the files; the error of the last one that says something.
///
/// # Safety
/// As [`become_program`].
unsafe fn execute(command: &Command, prepared: &Pointers) -> i32 {
    let mut telling = 0;
    let mut last = libc::ENOENT;
    for file in &command.executables {
        let file: &CStr = file;
        // SAFETY: arrays of C strings that end with null.
        unsafe {
            let environment = match &prepared.environment {
                Some(environment) => environment.as_ptr(),
                None => environ,
            };
            libc::execve(file.as_ptr(), prepared.arguments.as_ptr(), environment);
        }
        last = errno();
        if last != libc::ENOENT && last != libc::ENOTDIR && telling == 0 {
            telling = last;
        }
    }
    if telling != 0 { telling } else { last }
}
