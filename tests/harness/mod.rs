//! Runs scripts by the command, many at a time, never for ever, and reports all that failed.
//!
//! It knows the command only as an executable file, nothing of the crate's inside, and not what a script should print.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// Long enough for any test on a busy machine, in a build without optimisation; only a hang reaches it.
pub const LIMIT: Duration = Duration::from_secs(300);

/// How long descendants may keep the output open once the script itself has ended.
const STRAGGLERS: Duration = Duration::from_secs(5);

/// What a run of the command left behind.
#[derive(Debug)]
pub struct Outcome {
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub error: String,
    /// The exit status, 128 + n for death by signal n.
    pub status: i32,
    /// Whether it had to be killed.
    pub timed_out: bool,
}

/// The command under test: `CONC_BINARY`, or the one that Cargo built.
pub fn binary() -> PathBuf {
    env::var_os("CONC_BINARY")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_conc")), PathBuf::from)
}

/// Runs a script by the command under test.
pub fn run(
    script: &Path,
    mode: Mode,
    input: &str,
    arguments: &[String],
    extra: &[(&str, &str)],
) -> Outcome {
    let mut command = Command::new(binary());
    command.arg(script).args(arguments);
    command.env_remove("CONC_MODE").env_remove("CONC_SCALE");
    if mode == Mode::Plain {
        command.env("CONC_MODE", "plain");
    }
    command.envs(extra.iter().copied());
    run_command(command, input)
}

/// Runs a command in a process group and a working directory of its own.
pub fn run_command(mut command: Command, input: &str) -> Outcome {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let number = RUNS.fetch_add(1, Ordering::Relaxed);
    let work = env::temp_dir().join(format!("conc-test-{}-{number}", std::process::id()));
    fs::create_dir_all(&work).expect("a directory to work in");
    place(&mut command, &work).stderr(Stdio::piped());
    let child = command.spawn().expect("the command can be started");
    let outcome = attend(child, input);
    // What cannot be removed is the script's own doing and harms no other run.
    let _ = fs::remove_dir_all(&work);
    outcome
}

/// Puts a command into a working directory and a process group, with pipes, and with an environment in which what
/// programs print does not depend on who runs the test.
pub fn place<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    command
        .current_dir(folder)
        .env_remove("PYTHONUNBUFFERED")
        .env("NO_COLOR", "1")
        // Errors are compared by line: no wrapping.
        .env("COLUMNS", "10000")
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
}

/// Feeds a child, collects what it says, and kills its whole group when it takes too long.
fn attend(mut child: Child, input: &str) -> Outcome {
    let group = nix::unistd::Pid::from_raw(child.id().cast_signed());
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    let input = input.as_bytes().to_owned();
    thread::spawn(move || {
        // A script that does not read its input closes the pipe: no error of ours.
        let _ = stdin.write_all(&input);
    });
    let output = collect(child.stdout.take().expect("standard output is a pipe"));
    let error = collect(child.stderr.take().expect("standard error is a pipe"));
    let (done, ended) = mpsc::channel();
    thread::spawn(move || done.send(child.wait()));

    let deadline = Instant::now() + LIMIT;
    let (status, timed_out) = match ended.recv_timeout(LIMIT) {
        Ok(status) => {
            let status = status.expect("the child can be waited for");
            (
                status
                    .code()
                    .unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
                false,
            )
        }
        Err(_) => (-1, true),
    };
    let patience = if timed_out {
        Duration::ZERO
    } else {
        STRAGGLERS.min(deadline - Instant::now())
    };
    let first = output.recv_timeout(patience);
    // Whatever of the group is left would keep the pipes open; there may be nothing left to kill.
    let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
    let output = first
        .or_else(|_| output.recv_timeout(STRAGGLERS))
        .unwrap_or_default();
    let error = error.recv_timeout(STRAGGLERS).unwrap_or_default();
    Outcome {
        output,
        error,
        status,
        timed_out,
    }
}

/// Reads a pipe to its end on a thread of its own.
fn collect(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is still worth showing.
        let _ = pipe.read_to_end(&mut bytes);
        sender.send(String::from_utf8_lossy(&bytes).into_owned())
    });
    receiver
}

/// The evaluator's two modes, which must not differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As users run it.
    Optimised,
    /// `CONC_MODE=plain`: no specialisation.
    Plain,
}

/// All scripts with this ending below a directory, in order, that `CONC_FILTER` lets through.
pub fn scripts(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        let entries = fs::read_dir(&directory)
            .unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        for entry in entries {
            let path = entry.expect("a directory entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending)
                // A helper module is imported by a test and is none itself.
                && !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("helper"))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    if let Ok(filter) = env::var("CONC_FILTER") {
        found.retain(|path| path.to_string_lossy().contains(&filter));
    }
    found
}

/// Does `job` for every path on as many threads as there are cores; gives the paths that failed, with the reason.
pub fn in_parallel<F>(paths: &[PathBuf], job: F) -> BTreeMap<PathBuf, String>
where
    F: Fn(&Path) -> Result<(), String> + Sync,
{
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(BTreeMap::new());
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(reason) = job(path) {
                        let mut failures =
                            failures.lock().expect("no job panics with the lock held");
                        failures.insert(path.clone(), reason);
                    }
                }
            });
        }
    });
    failures.into_inner().expect("no job panicked")
}

/// Panics with counts, every failure and the command that shows one again, if there are failures.
pub fn report(paths: &[PathBuf], failures: &BTreeMap<PathBuf, String>, root: &Path) {
    if failures.is_empty() {
        return;
    }
    let mut text = String::new();
    for (path, reason) in failures {
        let _ = writeln!(
            text,
            "{}\n  {reason}",
            path.strip_prefix(root).unwrap_or(path).display()
        );
    }
    let passed = paths.len() - failures.len();
    let _ = writeln!(
        text,
        "passed: {passed}, failed: {} of {} scripts",
        failures.len(),
        paths.len()
    );
    let example = failures
        .keys()
        .next()
        .and_then(|path| path.file_name())
        .unwrap_or_default()
        .to_string_lossy();
    let _ = write!(
        text,
        "again: CONC_FILTER={example} cargo test --test {}",
        env!("CARGO_CRATE_NAME")
    );
    panic!("\n{text}");
}
