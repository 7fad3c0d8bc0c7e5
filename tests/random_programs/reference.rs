//! CPython as the reference: interpreters that stay alive and run program after program.
//!
//! `reference.py` is what runs in them, and says what is asked and answered. This file must not know what the programs
//! are, or what their outcomes are compared with.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, str};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::harness::{self, Outcome};

/// How much longer than a program may take its answer may take. Only a server that hangs takes that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longer than any line before the output.
const LONGEST_HEADER: usize = 64;

/// As many servers as programs run at a time: each starts when it is needed first, and ends when this is dropped.
pub struct Reference {
    python: PathBuf,
    limit: Duration,
    idle: Mutex<Vec<Server>>,
}

impl Reference {
    /// For this executable of CPython; programs are killed when they take longer than `limit`.
    pub fn new(python: PathBuf, limit: Duration) -> Self {
        Self {
            python,
            limit,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// What comes of a program, apart from its standard error, which is not kept; or why CPython did not tell.
    pub fn run(&self, program: &Path) -> Result<Outcome, String> {
        let idle = self.idle.lock().expect("no thread panics with it").pop();
        let mut server = idle.map_or_else(|| Server::start(&self.python, self.limit), Ok)?;
        let outcome = server.run(program, Instant::now() + self.limit + PATIENCE)?;
        // A server that has failed is not here: it was dropped, and the next program gets a new one.
        self.idle
            .lock()
            .expect("no thread panics with it")
            .push(server);
        Ok(outcome)
    }
}

/// A CPython that runs one program at a time.
struct Server {
    process: Child,
    requests: ChildStdin,
    answers: ChildStdout,
    /// Programs work in directories below this one.
    folder: PathBuf,
}

impl Server {
    fn start(python: &Path, limit: Duration) -> Result<Self, String> {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder =
            env::temp_dir().join(format!("conc-reference-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).expect("a directory to work in");
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/random_programs/reference.py");
        let mut command = Command::new(python);
        command
            .args(["-W", "ignore", "-X", "utf8"])
            .arg(script)
            .arg(limit.as_secs_f64().to_string());
        // As the harness starts conc. An interrupt from the terminal is for the test; the server ends with it.
        let mut process = harness::place(&mut command, &folder)
            .spawn()
            .map_err(|error| format!("CPython cannot be started: {error}"))?;
        Ok(Self {
            requests: process.stdin.take().expect("standard input is a pipe"),
            answers: process.stdout.take().expect("standard output is a pipe"),
            process,
            folder,
        })
    }

    fn run(&mut self, program: &Path, deadline: Instant) -> Result<Outcome, String> {
        let mut request = program.as_os_str().as_encoded_bytes().to_owned();
        request.push(b'\n');
        if self.requests.write_all(&request).is_err() {
            return Err(self.has_ended());
        }
        let mut answer = Vec::new();
        loop {
            if let Some(outcome) = outcome(&answer)? {
                return Ok(outcome);
            }
            match self.read(&mut answer, deadline) {
                Ok(0) => return Err(self.has_ended()),
                Ok(_) => {}
                Err(error) => return Err(format!("no answer from CPython's server: {error}")),
            }
        }
    }

    /// Adds what has arrived of an answer to it; how many bytes these are, 0 at the end.
    fn read(&mut self, answer: &mut Vec<u8>, deadline: Instant) -> io::Result<usize> {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut descriptors = [PollFd::new(self.answers.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        if poll(&mut descriptors, timeout)? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let mut bytes = [0; 1 << 14];
        let count = self.answers.read(&mut bytes)?;
        answer.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    /// Says how it has ended.
    fn has_ended(&mut self) -> String {
        // It is ending: this changes nothing but for one that has closed its output and goes on.
        let _ = self.process.kill();
        let how = self.process.wait().map_or_else(
            |error| format!("nobody knows how: {error}"),
            |status| status.to_string(),
        );
        format!(
            "CPython's server (tests/random_programs/reference.py) ended instead of answering: {how}"
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Between two programs there is nothing in it that would have to be finished.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What an answer says, if all of it is there; it is an error if it cannot be the beginning of one.
fn outcome(answer: &[u8]) -> Result<Option<Outcome>, String> {
    let end = answer.iter().position(|&byte| byte == b'\n');
    let header = &answer[..end.unwrap_or(answer.len())];
    let nonsense = || {
        let shown = String::from_utf8_lossy(&header[..header.len().min(LONGEST_HEADER)]);
        format!("CPython's server (tests/random_programs/reference.py) answers nonsense: {shown:?}")
    };
    let Some(end) = end else {
        return if header.len() <= LONGEST_HEADER {
            Ok(None)
        } else {
            Err(nonsense())
        };
    };
    let (status, timed_out, length) = fields(header).ok_or_else(nonsense)?;
    let output = &answer[end + 1..];
    if output.len() > length {
        return Err(nonsense());
    }
    Ok((output.len() == length).then(|| Outcome {
        output: String::from_utf8_lossy(output).into_owned(),
        error: String::new(),
        status,
        timed_out,
    }))
}

/// Reads the line before the output: the status, whether time ran out, and the length of the output.
fn fields(header: &[u8]) -> Option<(i32, bool, usize)> {
    let words: Vec<&str> = str::from_utf8(header).ok()?.split(' ').collect();
    let &[status, timed_out, length] = words.as_slice() else {
        return None;
    };
    let timed_out = match timed_out {
        "0" => false,
        "1" => true,
        _ => return None,
    };
    Some((status.parse().ok()?, timed_out, length.parse().ok()?))
}
