//! Help for tests that need a process to themselves: those that fork, stop the world, or count
//! threads and children.

use super::thread::{Registration, ThreadHandle, ThreadKind};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const VARIABLE: &str = "CONC_TEST_IN_FRESH_PROCESS";

/// How long such a test may take before it counts as hung; many times what the slowest needs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs `body` in a fresh process: the test binary started again with a filter for this one test.
/// `module` is `module_path!()`, `name` the test function's name.
pub(crate) fn in_fresh_process(module: &str, name: &str, body: impl FnOnce()) {
    let path = format!("{module}::{name}");
    // The harness leaves out the crate's name.
    let path = path
        .split_once("::")
        .map_or(path.as_str(), |(_, rest)| rest);
    if std::env::var(VARIABLE).as_deref() == Ok(path) {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
        let _ = std::io::stdout().flush();
        // SAFETY: ends the process, without running the rest of the harness a second time.
        unsafe { libc::_exit(if result.is_ok() { 0 } else { 101 }) }
    }
    let log = std::env::temp_dir().join(format!("conc-test-{}-{name}", std::process::id()));
    let file = std::fs::File::create(&log).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([path, "--exact", "--nocapture", "--test-threads=1"])
        .env(VARIABLE, path)
        .stdin(Stdio::null())
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .spawn()
        .unwrap();
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let said = std::fs::read_to_string(&log).unwrap_or_default();
    std::fs::remove_file(&log).unwrap();
    match status {
        Some(status) => assert!(status.success(), "{path}: {status}\n{said}"),
        None => panic!("{path} hung\n{said}"),
    }
    print!("{said}");
}

/// Registers the calling thread as the main thread, in a fresh process where the harness's own
/// thread may sleep beside it.
pub(crate) fn register_main() -> Registration {
    super::fork::set_foreign_threads(super::fork::ForeignThreads::Allow);
    ThreadHandle::register_current("MainThread", ThreadKind::Main)
}

/// A small random sequence.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % limit
    }
}

/// Limits what this process may have of a resource, for good.
pub(crate) fn set_limit(resource: libc::__rlimit_resource_t, bytes: u64) {
    let limit = libc::rlimit {
        rlim_cur: bytes,
        rlim_max: bytes,
    };
    // SAFETY: a valid limit.
    assert_eq!(unsafe { libc::setrlimit(resource, &limit) }, 0);
}
