//! Processes as they live and die, through the command: children whose parent is killed, crashes,
//! limits and full devices, long texts on one pipe, interrupts from a terminal.

#[allow(dead_code)]
mod harness;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Only a hang reaches it.
const LIMIT: Duration = Duration::from_secs(60);

fn conc(code: &str) -> Command {
    let mut command = Command::new(harness::binary());
    command.args(["-c", code]).env_remove("CONC_MODE");
    command
}

/// The command run by a shell that first sets limits.
fn limited(limits: &str, code: &str) -> harness::Outcome {
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", &format!("{limits}; exec \"$0\" -c \"$1\"")])
        .arg(harness::binary())
        .arg(code);
    harness::run_command(shell, "")
}

fn run(code: &str) -> harness::Outcome {
    harness::run_command(conc(code), "")
}

#[track_caller]
fn expect(outcome: &harness::Outcome, output: &str) {
    assert!(!outcome.timed_out, "it hung: {outcome:?}");
    assert_eq!(outcome.output, output, "{}", outcome.error);
    assert_eq!(outcome.status, 0, "{}", outcome.error);
}

#[track_caller]
fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let limit = Instant::now() + LIMIT;
    while !condition() {
        assert!(Instant::now() < limit, "{what} never came");
        sleep(Duration::from_millis(10));
    }
}

/// Whether a process runs: one that only waits for its parent to look does not.
fn is_running(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = status.rsplit_once(')').map_or("", |(_, rest)| rest.trim());
    !state.is_empty() && !state.starts_with('Z') && !state.starts_with('X')
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

/// A script that has printed the numbers of its descendants on its first line.
struct Family {
    parent: Child,
    children: Vec<i32>,
    rest: BufReader<Box<dyn Read + Send>>,
}

impl Family {
    fn start(code: &str) -> Self {
        let mut parent = conc(code)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command can be started");
        let output: Box<dyn Read + Send> = Box::new(parent.stdout.take().expect("a pipe"));
        let mut rest = BufReader::new(output);
        let mut line = String::new();
        rest.read_line(&mut line).expect("it prints");
        let children = line
            .split_whitespace()
            .map(|word| word.parse().expect("a number"))
            .collect();
        Self {
            parent,
            children,
            rest,
        }
    }

    fn end_parent(&mut self, signal: Signal) {
        kill(pid_of(&self.parent), signal).expect("it lives");
        let status = self.parent.wait().expect("it ends");
        assert_eq!(status.signal(), Some(signal as i32));
    }

    #[track_caller]
    fn all_end(&self) {
        for &child in &self.children {
            wait_until(&format!("the end of child {child}"), || !is_running(child));
        }
    }
}

const FAMILY: &str = r#"
import os, threading, time
from multiprocessing import Process, Pool, Manager, Lock, Queue, active_children
held = Lock()
held.acquire()
empty = Queue()
def asleep(): time.sleep(1000)
def busy():
    while True: pass
def locked(): held.acquire()
def getting(): empty.get()
def with_children():
    p = Process(target=asleep)
    p.start()
    print_queue.put(p.pid)
    p.join()
def stubborn():
    while True:
        try: time.sleep(1000)
        finally:
            while True: time.sleep(1)
print_queue = Queue()
targets = [asleep, busy, locked, getting, with_children, stubborn]
for target in targets:
    Process(target=target).start()
started = []
t = threading.Thread(target=lambda: Process(target=asleep).start())
t.start()
t.join()
pool = Pool(2)
manager = Manager()
pids = [p.pid for p in active_children()] + [print_queue.get()]
print(*pids, flush=True)
time.sleep(1000)
"#;

#[test]
fn children_end_with_a_killed_parent() {
    let mut family = Family::start(FAMILY);
    assert_eq!(family.children.len(), 11);
    assert!(family.children.iter().all(|&child| is_running(child)));
    family.end_parent(Signal::SIGKILL);
    family.all_end();
}

#[test]
fn the_end_of_a_parent_reaches_its_children() {
    let mut family = Family::start(FAMILY);
    family.end_parent(Signal::SIGTERM);
    family.all_end();
}

#[test]
fn an_orphan_cleans_up() {
    let mut family = Family::start(
        r#"
import time
from multiprocessing import Process, Queue
q = Queue()
def work():
    try:
        q.put(1)
        time.sleep(1000)
    finally:
        print("cleaned up", flush=True)
p = Process(target=work)
p.start()
q.get()
print(p.pid, flush=True)
time.sleep(1000)
"#,
    );
    family.end_parent(Signal::SIGKILL);
    let mut rest = String::new();
    family.rest.read_to_string(&mut rest).expect("text");
    assert_eq!(rest, "cleaned up\n");
    family.all_end();
}

#[test]
fn an_orphan_that_lingers_says_where() {
    let mut family = Family::start(
        r#"
import os, time
from multiprocessing import Process, Queue
os.dup2(1, 2)
q = Queue()
def work():
    try:
        q.put(1)
        time.sleep(1000)
    finally:
        print("in no hurry", flush=True)
        time.sleep(1000)
p = Process(target=work)
p.start()
q.get()
print(p.pid, flush=True)
time.sleep(1000)
"#,
    );
    family.end_parent(Signal::SIGKILL);
    let mut rest = String::new();
    family.rest.read_to_string(&mut rest).expect("text");
    let child = family.children[0];
    assert_eq!(
        rest,
        format!(
            "in no hurry\nconc: process {child} is ended: its parent has died, and thread \
             `MainThread` did not stop at <string>:12\n"
        )
    );
    family.all_end();
}

#[test]
fn a_forked_child_is_the_scripts_own() {
    let mut family = Family::start(
        r#"
import os, time
pid = os.fork()
if pid == 0:
    time.sleep(1000)
    os._exit(0)
print(pid, flush=True)
time.sleep(1000)
"#,
    );
    family.end_parent(Signal::SIGKILL);
    sleep(Duration::from_millis(300));
    let child = family.children[0];
    assert!(is_running(child));
    kill(Pid::from_raw(child), Signal::SIGKILL).expect("it lives");
    family.all_end();
}

#[test]
fn the_end_of_the_thread_that_forked_is_not_the_parents() {
    expect(
        &run(r#"
import threading, time
from multiprocessing import Process, Queue
question, answer = Queue(), Queue()
def work():
    for n in iter(question.get, None): answer.put(n * 2)
t = threading.Thread(target=lambda: Process(target=work).start())
t.start()
t.join()
for n in range(5):
    time.sleep(0.02)
    question.put(n)
    print(answer.get())
question.put(None)
"#),
        "0\n2\n4\n6\n8\n",
    );
}

#[test]
fn a_crash_is_told() {
    let outcome = run(r#"
import os, signal
from multiprocessing import Process
def crash(): os.abort()
def killed(): os.kill(os.getpid(), signal.SIGTERM)
for target, name in [(crash, "first"), (killed, "second")]:
    p = Process(target=target, name=name)
    p.start()
    p.join()
    print(p.exitcode)
"#);
    expect(&outcome, "-6\n-15\n");
    let said: Vec<&str> = outcome.error.lines().collect();
    let [line] = said[..] else {
        panic!("{said:?}");
    };
    assert!(
        line.starts_with("conc: process 'first' (pid ") && line.contains(") crashed: SIGABRT"),
        "{line}"
    );
}

#[test]
fn too_many_open_files() {
    let code = r#"
import os
from multiprocessing import Pipe, Process, Queue
q = Queue()
q.put("before")
def work(n): print("child", n, flush=True)
held = []
try:
    while True: held.append(open("/dev/null"))
except OSError as e: print("open:", type(e).__name__, e)
for what, make in [("Pipe", Pipe), ("pipe", os.pipe)]:
    try: make()
    except OSError as e: print(what + ":", e)
# What needs no descriptor works.
other = Queue()
other.put("there")
print(other.get())
p = Process(target=work, args=(1,))
p.start()
p.join(timeout=50)
print(p.exitcode)
for f in held: f.close()
print(q.get())
a, b = Pipe()
a.send("and back")
print(b.recv())
"#;
    expect(
        &limited("ulimit -n 40", code),
        "open: OSError [Errno 24] Too many open files: '/dev/null'\n\
         Pipe: [Errno 24] Too many open files\n\
         pipe: [Errno 24] Too many open files\n\
         there\nchild 1\n0\nbefore\nand back\n",
    );
}

#[test]
fn a_full_pipe() {
    let code = r#"
import os, time
from multiprocessing import Pipe, Process
r, w = os.pipe()
os.set_blocking(w, False)
put = 0
try:
    while True: put += os.write(w, b"x" * 1000)
except OSError as e: print(type(e).__name__, e)
os.close(w)
got = 0
while piece := os.read(r, 65536): got += len(piece)
print(put > 0, got == put)
# A connection waits for room, and loses nothing.
def drain(end, other):
    other.close()
    time.sleep(0.2)
    total = 0
    try:
        while True: total += len(end.recv())
    except EOFError: print("drained", total, flush=True)
a, b = Pipe()
p = Process(target=drain, args=(b, a))
p.start()
b.close()
for _ in range(40): a.send(b"y" * 100_000)
a.close()
p.join()
a, b = Pipe()
b.close()
try:
    while True: a.send(b"z" * 100_000)
except OSError as e: print(type(e).__name__, e)
"#;
    expect(
        &run(code),
        "BlockingIOError [Errno 11] Resource temporarily unavailable\n\
         True True\n\
         drained 4000000\n\
         BrokenPipeError [Errno 32] Broken pipe\n",
    );
}

#[test]
fn no_more_processes() {
    let code = r#"
import os
from multiprocessing import Pool, Process, Queue
q = Queue()
q.put("kept")
started = []
def work(): go.get()
go = Queue()
try:
    for i in range(50):
        p = Process(target=work)
        p.start()
        started.append(p)
except OSError as e: print(type(e).__name__, e)
for make in [os.fork, lambda: Pool(50)]:
    try: make()
    except OSError as e: print(type(e).__name__, e)
for p in started: go.put(1)
for p in started: p.join()
print(q.get(), q.empty(), go.empty(), len(started) < 50)
"#;
    // The system counts all processes of a user, and does not count root's.
    // SAFETY: no arguments.
    let is_root = unsafe { libc::geteuid() } == 0;
    let copy = Copy::of_the_command();
    let mut command = Command::new(&copy.0);
    command.args(["-c", code]);
    if is_root {
        command.uid(65534).gid(65534);
    }
    // SAFETY: the call may be made between fork and exec.
    unsafe {
        command.pre_exec(|| {
            let limit = libc::rlimit {
                rlim_cur: 4,
                rlim_max: 4,
            };
            match libc::setrlimit(libc::RLIMIT_NPROC, &limit) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        });
    }
    let refused = "BlockingIOError [Errno 11] Resource temporarily unavailable\n";
    expect(
        &harness::run_command(command, ""),
        &format!("{}kept True True True\n", refused.repeat(3)),
    );
}

/// The command where any user may run it.
struct Copy(PathBuf);

impl Copy {
    fn of_the_command() -> Self {
        let path = std::env::temp_dir().join(format!("conc-for-anyone-{}", std::process::id()));
        fs::copy(harness::binary(), &path).expect("room for a copy");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("our own file");
        Self(path)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // What cannot be removed harms no other test.
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn shared_memory_is_used_up() {
    let code = r#"
from multiprocessing import Array, Lock, Process, Queue
q = Queue()
n = 0
try:
    while True:
        q.put(str(n) + "x" * 10000)
        n += 1
except MemoryError as e: print("put:", e, n > 10)
try: Array("i", 500000000)
except MemoryError as e: print("Array:", e)
got = 0
while not q.empty():
    assert q.get() == str(got) + "x" * 10000
    got += 1
print(got == n)
q.put("again")
lock = Lock()
def work(q):
    with lock: print(q.get(), flush=True)
p = Process(target=work, args=(q,))
p.start()
p.join()
print(p.exitcode)
"#;
    let output = "put: shared memory is used up True\nArray: shared memory is used up\n\
                  True\nagain\n0\n";
    // Address space, of which the main thread's stack takes most; and the size of files.
    for limits in ["ulimit -v 800000", "ulimit -f 12000"] {
        expect(&limited(limits, code), output);
    }
}

/// Each would take more memory than there is in its own way, with a request that is refused or with many small ones.
/// The script goes on after each.
#[test]
fn memory_is_used_up() {
    let code = r#"
import copy, io, re, sys
from collections import deque
class Node:
    def __init__(self, n): self.n = n
def pushed(push):
    while True: push(1)
def doubled(text):
    while True: text = f"{text}, {text}"
big, text = 10 ** 9, "a b\n" * 4000000
numbers = list(range(1000000))
def many(make): return [make() for _ in range(big)]
def zeros(): return open("/dev/zero")
def extended(items):
    while True: items.extend(items)
some, keyed = set(numbers), dict.fromkeys(numbers)
ways = [
    lambda: [0 for _ in range(big)],
    lambda: [n * 0.5 for n in range(big)],
    lambda: pushed(list(range(4000000)).append),
    lambda: pushed(deque(range(4000000)).append),
    lambda: pushed(deque(range(4000000)).appendleft),
    lambda: pushed(bytearray(200000000).append),
    lambda: deque(range(big)),
    lambda: {n for n in range(big)},
    lambda: {n: n for n in range(big)},
    lambda: many(lambda: Node(1)),
    lambda: many(lambda: numbers[:]),
    lambda: many(lambda: numbers[::2]),
    lambda: many(some.copy),
    lambda: many(keyed.copy),
    lambda: many(lambda: text.split()),
    lambda: many(text.splitlines),
    lambda: many(text.encode().split),
    lambda: text.replace("a", "b" * 100),
    lambda: text.translate({97: "b" * 100}),
    lambda: re.sub("a", "b" * 100, text),
    lambda: many(lambda: re.findall("a", text)),
    lambda: doubled("a" * 1000000),
    lambda: zeros().read(),
    lambda: zeros().readline(),
    lambda: sys.stdin.read(),
    lambda: extended(deque(numbers)),
    lambda: extended(list(numbers)),
    lambda: many(lambda: some | {-1}),
    lambda: many(lambda: some ^ {-1}),
    lambda: many(lambda: list(some)),
    lambda: many(lambda: list(keyed)),
    lambda: many(lambda: list(keyed.items())),
    lambda: many(lambda: {**keyed, -1: None}),
    lambda: many(lambda: set(keyed)),
    lambda: many(lambda: copy.copy(keyed)),
]
for number, way in enumerate(ways):
    try: way()
    except MemoryError: continue
    print(number, "was done")
print(len(ways), "ways")
"#;
    expect(
        &limited("exec </dev/zero; ulimit -v 800000", code),
        "35 ways\n",
    );
}

/// Small requests alone, with a limit that is not there at the start.
#[test]
fn memory_is_used_up_within_a_limit_that_the_script_sets() {
    let code = r#"
import resource
def fill():
    kept = []
    while True: kept.append([len(kept)])
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, -1))
for turn in range(2):
    try: fill()
    except MemoryError: print("used up")
"#;
    expect(&run(code), "used up\nused up\n");
}

#[test]
fn what_is_lost_with_a_forgotten_file_is_told() {
    let code = r#"
def forget(mode, data):
    f = open("/dev/full", mode)
    f.write(data)
forget("w", "x")
print("goes on", flush=True)
kept = open("/dev/full", "wb")
kept.write(b"x")
"#;
    let outcome = run(code);
    expect(&outcome, "goes on\n");
    let lost = |file| {
        format!("Exception ignored in: {file}\nOSError: [Errno 28] No space left on device\n")
    };
    let text = lost("<_io.TextIOWrapper name='/dev/full' mode='w' encoding='UTF-8'>");
    let bytes = lost("<_io.BufferedWriter name='/dev/full'>");
    assert!(outcome.error.contains(&text), "{}", outcome.error);
    assert!(outcome.error.contains(&bytes), "{}", outcome.error);
    assert_eq!(outcome.error.matches("ignored").count(), 2);
}

#[test]
fn devices_that_take_nothing() {
    let code = r#"
import sys
from multiprocessing import Process
def child(): print("lost", flush=True)
# What was accepted is kept, and told of again; what was refused is the script's.
for size in 100, 100000:
    f = open("/dev/full", "w")
    try:
        f.write("x" * size)
        f.flush()
    except OSError as e: print("write:", e, file=sys.stderr)
    try: f.close()
    except OSError as e: print("close:", e, file=sys.stderr)
p = Process(target=child)
p.start()
p.join()
print("child", p.exitcode, file=sys.stderr)
try: print("mine", flush=True)
except OSError as e: print("print:", e, file=sys.stderr)
"#;
    let full = limited("exec >/dev/full", code);
    let lines: Vec<&str> = full.error.lines().collect();
    assert_eq!(
        lines[..lines.len().min(4)],
        [
            "write: [Errno 28] No space left on device",
            "close: [Errno 28] No space left on device",
            "write: [Errno 28] No space left on device",
            "Process Process-1:"
        ]
    );
    assert!(
        full.error.contains("Process Process-1:\nTraceback"),
        "{full:?}"
    );
    assert!(
        full.error
            .ends_with("child 1\nprint: [Errno 28] No space left on device\n")
    );
    let closed = limited(
        "exec >&-",
        "print('nowhere')\nprint('there', file=__import__('sys').stderr)",
    );
    assert_eq!(
        (closed.status, closed.error.as_str()),
        (0, "there\n"),
        "{closed:?}"
    );
}

#[test]
fn full_pipes() {
    expect(
        &run(r#"
import os, time
from multiprocessing import Pipe, Process
r, w = os.pipe()
os.set_blocking(w, False)
n = 0
try:
    while True: n += os.write(w, b"x" * 5000)
except BlockingIOError as e: print(e, n > 5000)
print(len(os.read(r, n)) == n)
# One end is never read, and its process dies.
a, b = Pipe()
def deaf():
    a.close()
    time.sleep(0.3)
    os._exit(0)
p = Process(target=deaf)
p.start()
b.close()
try:
    while True: a.send("y" * 1000000)
except BrokenPipeError as e: print(e)
p.join()
"#),
        "[Errno 11] Resource temporarily unavailable True\nTrue\n[Errno 32] Broken pipe\n",
    );
}

#[test]
fn long_texts_stay_whole() {
    // Each process writes lines of one character, longer than the kernel keeps together, or short.
    let outcome = run(r#"
from multiprocessing import Process, Barrier
start = Barrier(6)
def write(letter, length, count):
    start.wait()
    for i in range(count): print(letter * length)
jobs = [("a", 70000, 15), ("b", 30000, 15), ("c", 5000, 30), ("d", 4095, 60), ("e", 10, 300), ("f", 1, 300)]
processes = [Process(target=write, args=job) for job in jobs]
for p in processes: p.start()
for p in processes: p.join()
"#);
    assert!(!outcome.timed_out);
    let mut counts = [0; 6];
    for line in outcome.output.lines() {
        let letter = line.bytes().next().expect("no line is empty");
        assert!(
            line.bytes().all(|byte| byte == letter),
            "a line was torn: {} bytes, begins with {}",
            line.len(),
            letter as char
        );
        let index = usize::from(letter - b'a');
        assert_eq!(line.len(), [70000, 30000, 5000, 4095, 10, 1][index]);
        counts[index] += 1;
    }
    assert_eq!(counts, [15, 15, 30, 60, 300, 300]);
}

#[test]
fn a_killed_writer_of_a_long_text_holds_nobody_up() {
    // The pipe is full: its writer is killed in the middle of a text, with its lock.
    let mut child = conc(
        r#"
import os, signal, sys, time
from multiprocessing import Process
def write(): print("x" * 1000000)
p = Process(target=write)
p.start()
time.sleep(0.5)
p.kill()
p.join()
print("|after", p.exitcode, file=sys.stderr, flush=True)
print("y" * 5000)
"#,
    )
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .expect("the command can be started");
    let mut told = String::new();
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    stderr.read_line(&mut told).expect("text");
    assert_eq!(told, "|after -9\n");
    let mut output = String::new();
    let mut stdout = child.stdout.take().expect("a pipe");
    stdout.read_to_string(&mut output).expect("text");
    assert!(output.ends_with(&format!("{}\n", "y".repeat(5000))));
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn opening_a_named_pipe_holds_nobody_up() {
    expect(
        &run(r#"
import os, threading
from multiprocessing import Process
os.mkfifo("pipe")
def reader():
    with open("pipe") as f: print(f.read())
t = threading.Thread(target=reader)
t.start()
p = Process(target=print, args=("child",))
p.start()
p.join()
fd = os.open("pipe", os.O_WRONLY)
os.write(fd, b"through")
os.close(fd)
t.join()
"#),
        "child\nthrough\n",
    );
}

/// A command under a terminal of its own, where keys reach it and its children.
struct Terminal {
    child: Child,
    screen: File,
}

impl Terminal {
    fn start(code: &str) -> Self {
        let pair = openpty(None, None).expect("a pseudo-terminal");
        let side = |descriptor: &OwnedFd| descriptor.try_clone().expect("a descriptor");
        let mut command = conc(code);
        command
            .env("NO_COLOR", "1")
            .env("TERM", "dumb")
            .stdin(side(&pair.slave))
            .stdout(side(&pair.slave))
            .stderr(side(&pair.slave));
        // SAFETY: both calls may be made between fork and exec.
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                libc::ioctl(0, libc::TIOCSCTTY, 0);
                Ok(())
            });
        }
        let child = command.spawn().expect("the command can be started");
        Self {
            child,
            screen: File::from(pair.master),
        }
    }

    /// Reads until a text was shown, or to the end.
    fn show_until(&mut self, text: &str) -> String {
        let mut shown = String::new();
        let mut bytes = [0; 4096];
        while text.is_empty() || !shown.contains(text) {
            let mut poll = [PollFd::new(self.screen.as_fd(), PollFlags::POLLIN)];
            let patience = PollTimeout::try_from(LIMIT).expect("a minute");
            let ready = nix::poll::poll(&mut poll, patience).expect("it can be asked");
            assert!(ready > 0, "it hung: {shown}");
            // An error is the end: the last process that had the terminal is gone.
            let Ok(count @ 1..) = self.screen.read(&mut bytes) else {
                break;
            };
            shown += &String::from_utf8_lossy(&bytes[..count]).replace('\r', "");
        }
        shown
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Only after a failure is there anything left to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const INTERRUPTED: &str = r#"
import threading, time
from multiprocessing import Lock, Manager, Pool, Process, Queue
def work(): time.sleep(1000)
def slow(n): time.sleep(1000)
"#;

#[test]
fn an_interrupt_from_the_terminal_reaches_every_wait_once() {
    let waits = [
        "p = Process(target=work)\np.start()\nREADY\np.join()",
        "OTHER\nl = Lock()\nl.acquire()\nREADY\nl.acquire()",
        "OTHER\nl = threading.Lock()\nl.acquire()\nREADY\nl.acquire()",
        "OTHER\nq = Queue()\nREADY\nq.get()",
        "READY\ntime.sleep(1000)",
        "READY\ninput()",
        "READY\nwhile True: pass",
        "t = threading.Thread(target=work, daemon=True)\nt.start()\nREADY\nt.join()",
        "p = Pool(2)\nREADY\np.map(slow, range(4))",
        "OTHER\nm = Manager()\nq = m.Queue()\nREADY\nq.get()",
        "ps = [Process(target=work) for i in range(3)]\n[p.start() for p in ps]\nREADY",
    ];
    for wait in waits {
        // Another thread that could end the wait: without one, it would be told that it waits in vain.
        let other = "threading.Thread(target=work, daemon=True).start()";
        let code = format!("{INTERRUPTED}{wait}")
            .replace("READY", "print('ready', flush=True)")
            .replace("OTHER", other);
        let mut terminal = Terminal::start(&code);
        assert_eq!(terminal.show_until("ready\n"), "ready\n", "{wait}");
        // Also those who are about to wait are interrupted; a moment makes it likelier that it waits.
        sleep(Duration::from_millis(200));
        terminal.screen.write_all(b"\x03").expect("a key");
        let shown = terminal.show_until("");
        let status = terminal.child.wait().expect("it ends");
        assert_eq!(status.signal(), Some(libc::SIGINT), "{wait}\n{shown}");
        let count = shown.matches("KeyboardInterrupt").count();
        assert_eq!(count, 1, "{wait}\n{shown}");
    }
}

#[test]
fn children_end_in_order_when_the_parent_is_interrupted() {
    let code = format!(
        "{INTERRUPTED}{}",
        r#"
def careful(ready, n):
    try:
        ready.put(n)
        time.sleep(1000)
    finally: print("child", n, "is done", flush=True)
ready = Queue()
children = [Process(target=careful, args=(ready, n), daemon=n == 2) for n in range(3)]
for child in children: child.start()
for child in children: ready.get()
print("ready", flush=True)
children[0].join()
"#
    );
    let mut terminal = Terminal::start(&code);
    assert_eq!(terminal.show_until("ready\n"), "ready\n");
    terminal.screen.write_all(b"\x03").expect("a key");
    let shown = terminal.show_until("");
    let status = terminal.child.wait().expect("it ends");
    assert_eq!(status.signal(), Some(libc::SIGINT), "{shown}");
    assert_eq!(shown.matches("KeyboardInterrupt").count(), 1, "{shown}");
    for n in 0..3 {
        assert!(shown.contains(&format!("child {n} is done\n")), "{shown}");
    }
}

#[test]
fn a_caught_interrupt_leaves_the_children_alone() {
    let code = format!(
        "{INTERRUPTED}{}",
        r#"
def short(q):
    q.get()
    print("done", flush=True)
q = Queue()
p = Process(target=short, args=(q,))
p.start()
print("ready", flush=True)
try: time.sleep(1000)
except KeyboardInterrupt: print("caught", flush=True)
q.put(1)
p.join()
print(p.exitcode)
"#
    );
    let mut terminal = Terminal::start(&code);
    assert_eq!(terminal.show_until("ready\n"), "ready\n");
    terminal.screen.write_all(b"\x03").expect("a key");
    let shown = terminal.show_until("");
    assert!(shown.ends_with("caught\ndone\n0\n"), "{shown}");
    assert!(terminal.child.wait().expect("it ends").success());
}

#[test]
fn an_interrupt_by_kill_is_for_the_one_it_names() {
    let outcome = run(r#"
import os, signal, time
from multiprocessing import Process, Queue
q = Queue()
def work():
    try:
        q.put("ready")
        time.sleep(1000)
    except KeyboardInterrupt: print("interrupted", flush=True)
p = Process(target=work)
p.start()
q.get()
os.kill(p.pid, signal.SIGINT)
p.join()
print(p.exitcode)
"#);
    expect(&outcome, "interrupted\n0\n");
}

#[test]
fn scripts_under_torture() {
    let seconds = std::env::var("CONC_TORTURE_SECONDS").unwrap_or_else(|_| "2".into());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/processes");
    let mut scripts: Vec<_> = fs::read_dir(folder)
        .expect("the folder of scripts")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    for script in scripts {
        let mut command = Command::new(harness::binary());
        command.arg(&script).arg(&seconds).env_remove("CONC_MODE");
        let output = command
            .stdin(Stdio::null())
            .output()
            .expect("the command can be started");
        let (said, error) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        println!("{}: {said}", script.display());
        assert!(
            output.status.success() && said.ends_with("ok\n"),
            "{}: {}\n{said}\n{error}",
            script.display(),
            output.status
        );
    }
}

#[test]
fn a_lock_says_who_died_with_it_and_where_it_was_taken() {
    let outcome = run(r#"
import os
from multiprocessing import Lock, Process
lock = Lock()
def work():
    with lock:
        os._exit(3)
p = Process(target=work, name="worker")
p.start()
p.join()
try: lock.acquire()
except RuntimeError as e: print(str(e).replace(str(p.pid), "PID"))
print(lock.acquire())
"#);
    expect(
        &outcome,
        "the lock was held by process 'worker' (pid PID), which died; \
         it had acquired it at <string>:6: with lock:\nTrue\n",
    );
}

#[test]
fn nothing_is_left_of_what_has_ended() {
    let outcome = run(r#"
import os
from multiprocessing import Manager, Pipe, Pool, Process, Queue, active_children
def count(): return len(os.listdir("/proc/self/fd"))
def use_all():
    for i in range(10):
        p = Process(target=len, args=("",))
        p.start()
        p.sentinel
        p.join()
    with Pool(2) as pool: pool.map(abs, range(10))
    a, b = Pipe()
    a.send(1)
    b.recv()
    with Manager() as manager: manager.list([1]).append(2)
    q = Queue()
    q.put("x" * 100000)
    q.get()
def children():
    return [name for name in os.listdir("/proc/self/task/%d" % os.getpid()) if name == "children"] and \
        open("/proc/self/task/%d/children" % os.getpid()).read().split()
use_all()
before = count()
for i in range(5): use_all()
print(count() <= before, active_children(), children())
"#);
    expect(&outcome, "True [] []\n");
}
