//! Runs scripts whose expected output stands in them as comments, and says what first differs.
//!
//! It knows the command only as an executable file: nothing of the crate's inside. The comments are described in
//! `tests/tools/record.py`, which writes them.

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

/// Long enough for any test on a busy machine; only a hang reaches it.
const LIMIT: Duration = Duration::from_secs(60);

/// How long descendants may keep the output open once the script itself has ended.
const STRAGGLERS: Duration = Duration::from_secs(5);

/// What a script's comments promise.
#[derive(Debug, Default)]
pub struct Expectation {
    /// The lines of standard output.
    pub output: Vec<String>,
    /// The last line of the error that ends the script.
    pub error: Option<String>,
    /// The exit status; 0 unless it says otherwise.
    pub status: i32,
    /// What is fed to standard input.
    pub input: String,
    /// The command-line arguments.
    pub arguments: Vec<String>,
}

impl Expectation {
    /// Reads the comments of a script.
    pub fn of(source: &str) -> Self {
        let mut expectation = Self::default();
        for line in source.lines() {
            if let Some(text) = marked(line, "# expect error:") {
                expectation.error = Some(text.to_owned());
            } else if let Some(text) = marked(line, "# expect status:") {
                expectation.status = text
                    .trim()
                    .parse()
                    .expect("`# expect status:` takes a number");
            } else if let Some(text) = marked(line, "# expect:") {
                expectation.output.push(text.to_owned());
            } else if let Some(text) = line.strip_prefix("# stdin: ") {
                expectation.input.push_str(text);
                expectation.input.push('\n');
            } else if let Some(text) = line.strip_prefix("# args: ") {
                expectation
                    .arguments
                    .extend(text.split_whitespace().map(str::to_owned));
            }
        }
        expectation
    }
}

/// The text after `mark`, where the mark opens the line or follows white space.
fn marked<'a>(line: &'a str, mark: &str) -> Option<&'a str> {
    let at = line.find(mark)?;
    if line[..at]
        .chars()
        .next_back()
        .is_some_and(|before| !before.is_whitespace())
    {
        return None;
    }
    let text = &line[at + mark.len()..];
    Some(text.strip_prefix(' ').unwrap_or(text).trim_end())
}

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

/// Runs a script, in a process group and a working directory of its own.
pub fn run(
    script: &Path,
    mode: Mode,
    input: &str,
    arguments: &[String],
    extra: &[(&str, &str)],
) -> Outcome {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let number = RUNS.fetch_add(1, Ordering::Relaxed);
    let work = env::temp_dir().join(format!("conc-test-{}-{number}", std::process::id()));
    fs::create_dir_all(&work).expect("a directory to work in");

    let mut command = Command::new(binary());
    command
        .arg(script)
        .args(arguments)
        .current_dir(&work)
        .env_remove("PYTHONUNBUFFERED")
        .env_remove("CONC_MODE")
        .env_remove("CONC_SCALE")
        .env("NO_COLOR", "1")
        // Errors are compared by line: no wrapping.
        .env("COLUMNS", "10000")
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    if mode == Mode::Plain {
        command.env("CONC_MODE", "plain");
    }
    command.envs(extra.iter().copied());
    let child = command.spawn().expect("the command can be started");
    let outcome = attend(child, input);
    // What cannot be removed is the script's own doing and harms no other run.
    let _ = fs::remove_dir_all(&work);
    outcome
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

/// Runs a script in one mode; what differs from its comments, in words.
pub fn check(script: &Path, mode: Mode) -> Result<(), String> {
    let source = fs::read_to_string(script).map_err(|error| format!("cannot be read: {error}"))?;
    let expectation = Expectation::of(&source);
    let outcome = run(
        script,
        mode,
        &expectation.input,
        &expectation.arguments,
        &[],
    );
    let difference = compare(&expectation, &outcome);
    match difference {
        None => Ok(()),
        Some(text) => {
            let mut text = format!("{mode:?}: {text}");
            if !outcome.error.trim().is_empty() {
                let tail: Vec<&str> = outcome.error.lines().rev().take(12).collect();
                text.push_str("\n    standard error ends with:");
                for line in tail.iter().rev() {
                    let _ = write!(text, "\n    | {line}");
                }
            }
            Err(text)
        }
    }
}

fn compare(expectation: &Expectation, outcome: &Outcome) -> Option<String> {
    let actual: Vec<&str> = outcome.output.lines().map(str::trim_end).collect();
    let mut difference = first_difference(&expectation.output, &actual);
    if difference.is_none()
        && let Some(error) = &expectation.error
        && !contains_error(&outcome.error, error)
    {
        difference = Some(format!("the error is missing\n    expected: {error}"));
    }
    if difference.is_none() && !outcome.timed_out && outcome.status != expectation.status {
        difference = Some(format!(
            "expected status {}, actual status {}",
            expectation.status, outcome.status
        ));
    }
    if outcome.timed_out {
        let so_far = difference.map_or_else(
            || "all output was right".to_owned(),
            |text| format!("first: {text}"),
        );
        difference = Some(format!("killed after {} s; {so_far}", LIMIT.as_secs()));
    } else if outcome.error.contains("panicked at") {
        difference = Some(format!("panicked; {}", difference.unwrap_or_default()));
    }
    difference
}

/// The first output line that is not as expected, with one line before it.
pub fn first_difference(expected: &[String], actual: &[&str]) -> Option<String> {
    let at = (0..expected.len().max(actual.len()))
        .find(|&at| expected.get(at).map(String::as_str) != actual.get(at).copied())?;
    let mut text = format!("output line {} of {}", at + 1, expected.len());
    if at > 0 {
        let _ = write!(text, "\n    after:    {}", expected[at - 1]);
    }
    let _ = write!(
        text,
        "\n    expected: {}",
        expected.get(at).map_or("(no more output)", String::as_str)
    );
    let _ = write!(
        text,
        "\n    actual:   {}",
        actual.get(at).copied().unwrap_or("(no more output)")
    );
    Some(text)
}

/// Whether an error was shown, in whatever frame the diagnostics draw around it.
fn contains_error(shown: &str, wanted: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted = plain(wanted);
    let bare =
        |line: &str| plain(line.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '_'));
    shown
        .lines()
        .any(|line| bare(line) == wanted || bare(line).ends_with(&format!(" {wanted}")))
}

/// All scripts below a directory, in order, that `CONC_FILTER` lets through.
pub fn scripts(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        let entries = fs::read_dir(&directory)
            .unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        for entry in entries {
            let path = entry.expect("a directory entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "conc")
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

/// Runs all scripts below a directory of `tests/` in both modes, and fails with a list of what went wrong.
pub fn check_all(directory: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let paths = scripts(&root.join("tests").join(directory));
    let failures = in_parallel(&paths, |path| {
        check(path, Mode::Optimised)?;
        check(path, Mode::Plain)
    });
    report(&paths, &failures, root);
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
        "again: CONC_FILTER={example} cargo test --test language"
    );
    panic!("\n{text}");
}
