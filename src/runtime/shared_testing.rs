//! How the tests of shared memory run: each in a process of its own, since they fork, kill and use
//! up memory; children leave by `_exit`.

use super::shared_steps::testing::{die_at, live_on};
use super::slot::{self, SlotId};
use super::thread::{Registration, ThreadHandle, ThreadKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;

/// Says which test a fresh process is to run.
const ALONE: &str = "CONC_TEST_ALONE";

/// A test that hangs is killed after so many seconds. No test relies on ending sooner.
const WATCHDOG: u32 = 120;

/// Declares tests that run alone in a fresh process, with the thread's handle.
macro_rules! tests_alone {
    ($(fn $name:ident($thread:ident) $body:block)*) => {
        $(
            #[test]
            fn $name() {
                let path = concat!(module_path!(), "::", stringify!($name));
                $crate::runtime::shared_testing::run_alone(path, |$thread| $body);
            }
        )*
    };
}
pub(crate) use tests_alone;

pub(crate) fn run_alone(path: &str, body: impl FnOnce(&ThreadHandle)) {
    let name = path.split_once("::").unwrap().1;
    if std::env::var(ALONE).as_deref() == Ok(name) {
        // SAFETY: no handler is installed: the alarm ends the process.
        unsafe { libc::alarm(WATCHDOG + seconds(0) as u32) };
        let registration = register();
        body(&handle(&registration));
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(ALONE, name)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(
        output.status.success() && out.contains("1 passed"),
        "{name}: {}\n{out}\n{err}",
        output.status
    );
}

fn register() -> Registration {
    ThreadHandle::register_current("test", ThreadKind::Main)
}

fn handle(registration: &Registration) -> ThreadHandle {
    ThreadHandle::clone(registration)
}

/// How long the long tests run.
pub(crate) fn seconds(default: u64) -> u64 {
    std::env::var("CONC_TORTURE_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// Forks a process that does `work` and is killed at the `step`-th step of that. Its exit code: 0 if it came to the end.
pub(crate) fn killed_at(step: i64, work: impl FnOnce()) -> i32 {
    let child = fork(|| {
        die_at(step);
        work();
        live_on();
        0
    });
    child.wait()
}

/// A forked process.
pub(crate) struct Child {
    pub(crate) pid: i32,
    pub(crate) id: SlotId,
}

/// Forks a process that runs `body` and ends with what it returns.
pub(crate) fn fork(body: impl FnOnce() -> i32) -> Child {
    let claim = slot::claim_for_child("child").unwrap();
    // SAFETY: this test's process has no thread that holds anything; the child only runs `body`.
    match unsafe { libc::fork() } {
        -1 => panic!("fork failed"),
        0 => {
            // SAFETY: as in the parent; alarms are not inherited.
            unsafe { libc::alarm(WATCHDOG + seconds(0) as u32) };
            let code = catch_unwind(AssertUnwindSafe(|| {
                claim.occupy().unwrap();
                body()
            }));
            // SAFETY: ends this child at once.
            unsafe { libc::_exit(code.unwrap_or(101)) }
        }
        pid => Child {
            pid,
            id: claim.forked(pid),
        },
    }
}

impl Child {
    pub(crate) fn kill(&self) {
        // SAFETY: our own child, not yet waited for.
        unsafe { libc::kill(self.pid, libc::SIGKILL) };
    }

    /// Waits for the end without telling the slots of it: the exit code, or minus the signal.
    pub(crate) fn wait_silently(&self) -> i32 {
        let mut status = 0;
        loop {
            // SAFETY: our own child and a place for the answer.
            if unsafe { libc::waitpid(self.pid, &mut status, 0) } == self.pid {
                break;
            }
        }
        match libc::WIFSIGNALED(status) {
            true => -libc::WTERMSIG(status),
            false => libc::WEXITSTATUS(status),
        }
    }

    /// Waits for the end and clears away what the child left.
    pub(crate) fn wait(self) -> i32 {
        let code = self.wait_silently();
        slot::reaped(self.id);
        code
    }
}
