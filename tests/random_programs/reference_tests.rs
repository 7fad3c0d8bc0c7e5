//! The reference is as good as starting CPython for each program, which takes longer, and it never hangs.
//!
//! Without CPython 3.13 there is nothing to be tested here.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use crate::harness::{self, LIMIT};
use crate::python;
use crate::reference::Reference;

/// Programs that look at what they run in, or end in ways of their own; with names to tell them apart.
const PROGRAMS: [(&str, &str); 18] = [
    (
        "names",
        "print(list(globals()), __file__, __loader__.path, __name__, type(__builtins__))",
    ),
    (
        "interpreter",
        "import sys; print(sys.argv, sys.orig_argv, sys.path, sys.flags, list(sys.modules))",
    ),
    (
        "surroundings",
        r"
import os, sys
print(sys.stdin.read() == '', os.getpgrp() == os.getpid(), sorted(os.environ.items()))
print(sys.stdout.isatty(), sys.stdout.line_buffering, sys.stdout.encoding)
print(os.listdir('/proc/self/fd'))
print(os.listdir())
open('something', 'w').close()
",
    ),
    ("folder", "import os; print(os.listdir())"),
    (
        "depth",
        r"
def f(n):
    try:
        return f(n + 1)
    except RecursionError:
        return n
print(f(0))
",
    ),
    ("error", "print(1); [][1]"),
    ("syntax", "print(1)\nprint(1 1)"),
    ("encoding", "# coding: nothing\nprint(1)"),
    ("exit_number", "print(1); raise SystemExit(300)"),
    ("exit_text", "print(1, end=''); exit('text')"),
    ("exit_at_once", "import os; print(1); os._exit(7)"),
    (
        "signal",
        "import os; print(1, flush=True); os.kill(os.getpid(), 15)",
    ),
    ("interrupt", "print(1); raise KeyboardInterrupt"),
    (
        "end",
        r"
class A:
    def __init__(self, name):
        self.name = name
    def __del__(self):
        print('end of', self.name)
def g(name):
    try:
        yield
    finally:
        print(name, 'is closed')
c = A('c')
_b = A('_b')
a = A('a')
a.itself = a
generator = g('generator')
next(generator)
f = lambda: f
f.d = A('d')
",
    ),
    (
        "end_after_error",
        r"
class A:
    def __init__(self, name):
        self.name = name
    def __del__(self):
        print('end of', self.name)
def f():
    a = A('a')
    a.itself = a
    b = A('b')
    1 / 0
c = A('c')
f()
",
    ),
    (
        "threads",
        r"
import atexit, threading, time
class A:
    def __del__(self):
        print('end')
said = threading.Event()
def f():
    said.wait()
    time.sleep(0.05)
    print('thread')
atexit.register(print, 'at exit')
a = A()
threading.Thread(target=f).start()
print('main')
said.set()
",
    ),
    (
        "descendant",
        r"
import os, time
parent = os.getpid()
if os.fork() == 0:
    while os.getppid() == parent:
        time.sleep(0.01)
    print('child')
else:
    print('parent')
",
    ),
    (
        "long",
        r"for n in range(50_000): print(n, 'é' * 20, end='\0')",
    ),
];

/// A directory for programs.
fn folder(name: &str) -> PathBuf {
    let folder = env::temp_dir().join(format!("conc-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a directory for the programs");
    folder
}

fn written(path: &Path, text: &str) {
    fs::write(path, text).expect("a program can be written");
}

#[test]
fn as_if_cpython_were_started_for_each_program() {
    let Some(python) = python() else { return };
    let folder = folder("special-programs");
    let reference = Reference::new(python.clone(), LIMIT);
    for (name, text) in PROGRAMS {
        let path = folder.join(name);
        written(&path, text);
        let mut command = Command::new(&python);
        command.args(["-W", "ignore", "-X", "utf8"]).arg(&path);
        let expected = harness::run_command(command, "");
        let actual = reference.run(&path).expect("an answer");
        assert_eq!(actual.output, expected.output, "{name}");
        assert_eq!(actual.status, expected.status, "{name}");
        assert!(!actual.timed_out, "{name}");
    }
    let _ = fs::remove_dir_all(&folder);
}

#[test]
fn an_endless_program_is_killed_and_a_dead_server_told_of() {
    let Some(python) = python() else { return };
    let folder = folder("hostile-programs");
    let reference = Reference::new(python, Duration::from_secs(1));
    let run = |text: &str| {
        let path = folder.join("program");
        written(&path, text);
        reference.run(&path)
    };
    let endless = run("print(1, flush=True)\nwhile True: pass").expect("an answer");
    assert!(endless.timed_out);
    assert_eq!((endless.output.as_str(), endless.status), ("1\n", -1));

    let dead = run("import os; os.kill(os.getppid(), 9)").expect_err("no answer");
    assert!(
        dead.contains("ended instead of answering: signal: 9"),
        "{dead}"
    );

    let next = run("print(2)").expect("the answer of a new server");
    assert_eq!((next.output.as_str(), next.status), ("2\n", 0));
    let _ = fs::remove_dir_all(&folder);
}
