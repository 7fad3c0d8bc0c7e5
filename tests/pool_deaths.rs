//! Pools whose workers or owners are killed: no task is lost or run twice, nothing is left behind.

#[allow(dead_code)]
mod harness;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Far more than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A script in a file of its own.
struct Script(PathBuf);

impl Script {
    fn new(name: &str, text: &str) -> Script {
        let file = format!("conc-pool-{}-{name}.conc", std::process::id());
        let path = std::env::temp_dir().join(file);
        fs::write(&path, text).expect("a script can be written");
        Script(path)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(harness::binary());
        command
            .arg(&self.0)
            .args(arguments)
            .env_remove("CONC_MODE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs it: status, output, errors.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = self.command(arguments).output().expect("it can be started");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }

    /// Starts it, and reads the numbers in its first line.
    fn start(&self) -> (Child, Vec<i32>) {
        let mut child = self.command(&[]).spawn().expect("it can be started");
        let stdout = child.stdout.take().expect("a pipe");
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("it prints a line");
        let numbers = line
            .split_whitespace()
            .map(|word| word.parse().expect("a number"))
            .collect();
        (child, numbers)
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn is_alive(pid: i32) -> bool {
    if kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH) {
        return false;
    }
    // One that nobody has reaped yet has ended.
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !status.rsplit(") ").next().unwrap_or("Z").starts_with('Z')
}

#[track_caller]
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what} in {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// How much the long forms of these tests do: `CONC_POOL_TASKS=100000`.
fn tasks() -> String {
    std::env::var("CONC_POOL_TASKS").unwrap_or_else(|_| "3000".to_owned())
}

const TORTURE: &str = r#"
import os, random, signal, sys, threading, time
from multiprocessing import Array, Pool, WorkerDied, active_children

count = int(sys.argv[1])
runs = Array("i", count, lock=False)

def task(n):
    runs[n] += 1
    if n % 7 == 0:
        # Some are long enough to be hit.
        for _ in range(2000):
            pass
    return n * n

stop = threading.Event()
kills = 0

def killer():
    global kills
    chance = random.Random(7)
    while not stop.is_set():
        time.sleep(chance.random() * 0.004)
        children = active_children()
        if children:
            try:
                os.kill(chance.choice(children).pid, signal.SIGKILL)
                kills += 1
            except ProcessLookupError:
                pass

pool = Pool(4)
thread = threading.Thread(target=killer)
thread.start()
results = []
answered = died = 0
for n in range(count):
    results.append((n, pool.apply_async(task, (n,))))
    if len(results) == 500 or n == count - 1:
        for number, result in results:
            try:
                value = result.get(timeout=50)
                assert value == number * number, (number, value)
                assert runs[number] == 1, (number, runs[number])
                answered += 1
            except WorkerDied:
                assert runs[number] <= 1, (number, runs[number])
                died += 1
        results.clear()
stop.set()
thread.join()
pool.close()
pool.join()
assert answered + died == count, (answered, died)
assert kills > 0 and not active_children()
print("all answered", died <= kills, file=sys.stdout)
print(count, "tasks,", kills, "kills,", died, "died", file=sys.stderr)
"#;

#[test]
fn every_task_is_answered_once_whoever_is_killed() {
    let script = Script::new("torture", TORTURE);
    let (status, output, errors) = script.run(&[&tasks()]);
    assert_eq!(status, Some(0), "{errors}");
    assert_eq!(output, "all answered True\n", "{errors}");
    eprintln!("{errors}");
}

const CALLBACKS: &str = r#"
import os, random, signal, sys, threading
from multiprocessing import Pool, WorkerDied

count = int(sys.argv[1]) // 10
answers = {}
failures = {}

def task(n):
    if n % 10 == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return n

with Pool(3) as pool:
    for n in range(count):
        def answer(value, n=n):
            answers[n] = answers.get(n, 0) + 1
        def failure(error, n=n):
            assert isinstance(error, WorkerDied), error
            failures[n] = failures.get(n, 0) + 1
        pool.apply_async(task, (n,), callback=answer, error_callback=failure)
assert set(answers.values()) == {1} and set(failures.values()) == {1}
assert sorted(list(answers) + list(failures)) == list(range(count))
assert all(n % 10 == 3 for n in failures) and len(failures) == count // 10
print("each called once")
"#;

#[test]
fn callbacks_are_run_once_whoever_dies() {
    let script = Script::new("callbacks", CALLBACKS);
    let (status, output, errors) = script.run(&[&tasks()]);
    assert_eq!(
        (status, output.as_str()),
        (Some(0), "each called once\n"),
        "{errors}"
    );
}

const OWNER: &str = r#"
import os, time
from multiprocessing import Pool

pool = Pool(3)
pids = set()
while len(pids) < 3:
    pids.update(pool.map(lambda _: (time.sleep(0.01), os.getpid())[1], range(6), chunksize=1))
# One is idle, one sleeps, one computes for ever.
pool.apply_async(time.sleep, (1000,))
def spin():
    while True:
        pass
pool.apply_async(spin)
time.sleep(0.05)
print(os.getpid(), *pids, flush=True)
time.sleep(1000)
"#;

#[test]
fn workers_end_when_their_owner_is_killed() {
    let script = Script::new("owner", OWNER);
    let (mut child, pids) = script.start();
    assert_eq!(pids.len(), 4);
    kill(Pid::from_raw(pids[0]), Signal::SIGKILL).expect("it lives");
    child.wait().expect("it ends");
    for &pid in &pids[1..] {
        wait_until("the worker ends", || !is_alive(pid));
    }
}

const FORGOTTEN: &str = r#"
import os, time
from multiprocessing import Pool

def use():
    pool = Pool(2)
    return pool.map(lambda _: os.getpid(), range(8), chunksize=1)

pids = use()
left = Pool(2)
pids += left.map(lambda _: os.getpid(), range(8), chunksize=1)
print(*sorted(set(pids)), flush=True)
"#;

#[test]
fn a_forgotten_pool_ends_with_its_owner() {
    let script = Script::new("forgotten", FORGOTTEN);
    let (mut child, pids) = script.start();
    assert!(child.wait().expect("it ends").success());
    for pid in pids {
        assert!(!is_alive(pid), "{pid} is left");
    }
}

const DEATH_IS_NOTICED: &str = r#"
import os, time
from multiprocessing import Pool, WorkerDied

with Pool(1) as pool:
    pid = pool.apply(os.getpid)
    # While the owner computes and waits for nothing, the worker is replaced.
    os.kill(pid, 9)
    end = time.monotonic() + 50
    from multiprocessing import active_children
    while time.monotonic() < end:
        if any(child.pid != pid for child in active_children()):
            break
    print(any(child.pid != pid for child in active_children()))
    shortest = 1000
    for _ in range(5):
        begin = time.monotonic()
        try:
            pool.apply(os._exit, (1,))
        except WorkerDied:
            shortest = min(shortest, time.monotonic() - begin)
    # Looking every 100 ms would take 50 on the average, and 20 at the very best of five only by luck.
    print(shortest)
"#;

#[test]
fn a_death_is_noticed_without_looking() {
    let script = Script::new("noticed", DEATH_IS_NOTICED);
    let (status, output, errors) = script.run(&[]);
    assert_eq!(status, Some(0), "{errors}");
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], "True", "{errors}");
    let shortest: f64 = lines[1].parse().expect("a number");
    assert!(shortest < 0.08, "a death was noticed after {shortest} s");
}

const SLOW_END: &str = r#"
import time
from multiprocessing import Pool

def lasts():
    time.sleep(1.3)

with Pool(2) as pool:
    pool.apply_async(lasts)
print("done")
"#;

#[test]
fn the_end_of_with_says_what_it_waits_for() {
    let script = Script::new("slow", SLOW_END);
    let (status, output, errors) = script.run(&[]);
    assert_eq!((status, output.as_str()), (Some(0), "done\n"));
    assert_eq!(
        errors,
        "conc: the end of `with Pool` waits for 1 task: `lasts`\n"
    );
}

const ENDLESS: &str = r#"
import itertools, os
from multiprocessing import Pool

print(os.getpid(), flush=True)
with Pool(2) as pool:
    pool.imap(abs, itertools.count())
"#;

#[test]
fn the_end_of_with_says_that_an_input_goes_on() {
    let script = Script::new("endless", ENDLESS);
    let (mut child, _) = script.start();
    let stderr = child.stderr.take().expect("a pipe");
    let mut line = String::new();
    BufReader::new(stderr)
        .read_line(&mut line)
        .expect("it says something");
    child.kill().expect("it lives");
    child.wait().expect("it ends");
    assert!(
        line.ends_with("the input of a lazy map has not come to its end\n"),
        "{line}"
    );
}

const UNDONE: &str = r#"
import time
from multiprocessing import Pool
from multiprocessing.pool import ThreadPool

def lasts(n):
    time.sleep(1000)

pool = Pool(2)
pool.map_async(lasts, [1, 2, 3], 1)
threads = ThreadPool(1)
threads.apply_async(lasts, (1,))
done = Pool(1)
print(done.apply(abs, (-1,)))
ended = Pool(1)
ended.apply_async(lasts, (1,))
ended.terminate()
left = Pool(1)
for n in left.imap(abs, range(100)):
    break
def local():
    own = Pool(1)
    own.apply_async(lasts, (1,))
local()
"#;

#[test]
fn tasks_left_undone_are_told() {
    let script = Script::new("undone", UNDONE);
    let (status, output, errors) = script.run(&[]);
    assert_eq!((status, output.as_str()), (Some(0), "1\n"), "{errors}");
    let mut lines: Vec<&str> = errors.lines().collect();
    lines.sort_unstable();
    let file = script.0.display();
    let expected = [("1 task", 11), ("1 task", 22), ("3 tasks", 9)].map(|(count, line)| {
        format!(
            "conc: the pool made at {file}:{line} was left with tasks undone: {count}: `lasts`; \
             close() and join() wait for them"
        )
    });
    assert_eq!(lines, expected);
}

const INTERRUPTED: &str = r#"
import os, time
from multiprocessing import Pool

with Pool(2) as pool:
    pids = set(pool.map(lambda _: (time.sleep(0.01), os.getpid())[1], range(8), chunksize=1))
    print(os.getpid(), *pids, flush=True)
    pool.map(time.sleep, [1000, 1000])
"#;

#[test]
fn an_interrupt_ends_pool_and_workers() {
    let script = Script::new("interrupted", INTERRUPTED);
    let (child, pids) = script.start();
    kill(Pid::from_raw(pids[0]), Signal::SIGINT).expect("it lives");
    let output = child.wait_with_output().expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(errors.matches("KeyboardInterrupt").count(), 1, "{errors}");
    for &pid in &pids[1..] {
        wait_until("the worker ends", || !is_alive(pid));
    }
}
