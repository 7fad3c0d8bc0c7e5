//! The prompt under a pseudo-terminal, typed at as a user types.

#[allow(dead_code)]
mod harness;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};

/// Only a hang reaches it.
const LIMIT: Duration = Duration::from_secs(60);

const FIRST: &str = ">>> ";
const MORE: &str = "... ";

/// A terminal with the command in it.
struct Terminal {
    child: Child,
    keys: File,
    shown: Receiver<Vec<u8>>,
    /// What has been shown and not yet been expected.
    text: String,
    folder: PathBuf,
}

impl Terminal {
    fn new(name: &str) -> Terminal {
        let mut terminal = Terminal::with(name, &[]);
        terminal.expect("Ctrl-D leaves it.");
        terminal.expect(FIRST);
        terminal
    }

    fn with(name: &str, arguments: &[&str]) -> Terminal {
        let folder =
            std::env::temp_dir().join(format!("conc-prompt-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let size = Winsize {
            ws_row: 40,
            ws_col: 100,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pair = openpty(&size, None).expect("a pseudo-terminal");
        let side = |descriptor: &OwnedFd| descriptor.try_clone().expect("a descriptor");
        let mut command = Command::new(harness::binary());
        command
            .args(arguments)
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .env("XDG_STATE_HOME", &folder)
            .env_remove("COLUMNS")
            .env_remove("CONC_MODE")
            .stdin(side(&pair.slave))
            .stdout(side(&pair.slave))
            .stderr(side(&pair.slave));
        // SAFETY: both calls may be made between fork and exec.
        unsafe {
            command.pre_exec(|| {
                // The terminal's keys reach those whose controlling terminal it is.
                libc::setsid();
                libc::ioctl(0, libc::TIOCSCTTY, 0);
                Ok(())
            });
        }
        let child = command.spawn().expect("the command can be started");
        drop(command);
        drop(pair.slave);
        let mut screen = File::from(side(&pair.master));
        let (sender, shown) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // An error says that nobody holds the other side any more.
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Terminal {
            child,
            keys: File::from(pair.master),
            shown,
            text: String::new(),
            folder,
        }
    }

    /// Waits until this is shown; what was shown before it.
    fn expect(&mut self, wanted: &str) -> String {
        let end = Instant::now() + LIMIT;
        let mut bytes = Vec::new();
        loop {
            if let Some(at) = self.text.find(wanted) {
                let before = self.text[..at].to_owned();
                self.text.drain(..at + wanted.len());
                return before;
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.shown.recv_timeout(left) {
                Ok(more) => bytes.extend(more),
                Err(_) => panic!("expected {wanted:?}, but there was {:?}", self.text),
            }
            if let Ok(text) = std::str::from_utf8(&bytes) {
                self.text.push_str(&without_control(text));
                bytes.clear();
            }
        }
    }

    fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("it reads");
    }

    /// Types a line, and waits for the prompt after it; what is shown in between.
    fn line(&mut self, line: &str, prompt: &str) -> String {
        self.keys(line);
        self.keys("\r");
        self.expect("\n");
        self.expect(prompt)
    }

    fn end(mut self) -> ExitStatus {
        let end = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(Instant::now() < end, "it does not end");
            thread::sleep(Duration::from_millis(5));
        };
        // What cannot be removed harms no other test.
        let _ = fs::remove_dir_all(&self.folder);
        status
    }
}

/// The text without what moves the cursor.
fn without_control(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => {
                if characters.next() == Some('[') {
                    for character in characters.by_ref() {
                        if character.is_ascii_alphabetic() {
                            break;
                        }
                    }
                }
            }
            '\r' => {}
            other => out.push(other),
        }
    }
    out
}

#[test]
fn values_are_shown_and_kept() {
    let mut terminal = Terminal::new("values");
    assert_eq!(terminal.line("1 + 1", FIRST), "2\n");
    assert_eq!(terminal.line("_ * 21", FIRST), "42\n");
    assert_eq!(terminal.line("'中文'", FIRST), "'中文'\n");
    assert_eq!(terminal.line("None", FIRST), "");
    assert_eq!(terminal.line("_", FIRST), "'中文'\n");
    assert_eq!(terminal.line("_ = 7", FIRST), "");
    assert_eq!(terminal.line("8", FIRST), "8\n");
    assert_eq!(terminal.line("_", FIRST), "7\n");
    assert_eq!(terminal.line("print('x'); 5", FIRST), "x\n5\n");
    terminal.keys("\u{4}");
    assert_eq!(terminal.end().code(), Some(0));
}

#[test]
fn inputs_of_several_lines() {
    let mut terminal = Terminal::new("lines");
    terminal.line("def double(n):", MORE);
    terminal.line("    return n * 2", MORE);
    assert_eq!(terminal.line("", FIRST), "");
    terminal.line("[double(1),", MORE);
    assert_eq!(terminal.line("double(2)]", FIRST), "[2, 4]\n");
    terminal.line("text = '''one", MORE);
    terminal.line("two'''", FIRST);
    assert_eq!(terminal.line("text", FIRST), "'one\\ntwo'\n");
    assert_eq!(terminal.line("if double(3) == 6: print('yes')", MORE), "");
    assert_eq!(terminal.line("", FIRST), "yes\n");
    terminal.keys("exit(3)\r");
    assert_eq!(terminal.end().code(), Some(3));
}

#[test]
fn errors_are_drawn() {
    let mut terminal = Terminal::new("errors");
    terminal.line("def divide(n):", MORE);
    terminal.line("    return 1 / n", MORE);
    terminal.line("", FIRST);
    let shown = terminal.line("divide(0)", FIRST);
    assert!(shown.contains("╭─[<prompt 2>:1:1]"), "{shown}");
    assert!(shown.contains("╭─[<prompt 1>:2:12]"), "{shown}");
    assert!(
        shown.ends_with("ZeroDivisionError: division by zero\n"),
        "{shown}"
    );
    let shown = terminal.line("x = = 1", FIRST);
    assert!(shown.contains("expected an expression"), "{shown}");
    assert!(shown.ends_with("SyntaxError: invalid syntax\n"), "{shown}");
    assert_eq!(terminal.line("'still here'", FIRST), "'still here'\n");
    terminal.keys("\u{4}");
    assert_eq!(terminal.end().code(), Some(0));
}

#[test]
fn interrupts() {
    let mut terminal = Terminal::new("interrupts");
    terminal.line("[1,", MORE);
    terminal.keys("\u{3}");
    terminal.expect("KeyboardInterrupt");
    terminal.expect(FIRST);
    assert_eq!(terminal.line("2", FIRST), "2\n");
    terminal.line("import time", FIRST);
    terminal.keys("print('begins'); time.sleep(100)\r");
    terminal.expect("\nbegins\n");
    terminal.keys("\u{3}");
    terminal.expect("KeyboardInterrupt\n");
    terminal.expect(FIRST);
    terminal.keys("while True: pass\r");
    terminal.expect(MORE);
    terminal.keys("\r");
    terminal.expect("\n");
    terminal.keys("\u{3}");
    terminal.expect("KeyboardInterrupt\n");
    terminal.expect(FIRST);
    terminal.keys("quit\r");
    assert_eq!(terminal.end().code(), Some(0));
}

#[test]
fn completion() {
    let mut terminal = Terminal::new("completion");
    terminal.line("import threading", FIRST);
    terminal.line("longest_name = 5", FIRST);
    terminal.keys("longe\t");
    terminal.expect("longest_name");
    assert_eq!(terminal.line("", FIRST), "5\n");
    terminal.keys("threading.active_c\t");
    terminal.expect("active_count");
    assert_eq!(terminal.line("()", FIRST), "1\n");
    terminal.line("if True:", MORE);
    terminal.keys("\tprint('indented')");
    terminal.expect("    print('indented')");
    terminal.line("", MORE);
    assert_eq!(terminal.line("", FIRST), "indented\n");
    terminal.keys("\u{4}");
    assert_eq!(terminal.end().code(), Some(0));
}

#[test]
fn output_without_a_line_end_stays() {
    let mut terminal = Terminal::new("unended");
    assert_eq!(
        terminal.line("print('no line end', end='')", FIRST),
        "no line end\n"
    );
    assert_eq!(terminal.line("1 + 1", FIRST), "2\n");
    terminal.keys("\u{4}");
    assert_eq!(terminal.end().code(), Some(0));
}

#[test]
fn lines_that_were_typed_ahead_are_kept() {
    let mut terminal = Terminal::new("ahead");
    // As a terminal without bracketed paste sends several lines.
    terminal.keys("a = 1\rb = 2\rdef add(x, y):\r    return x + y\r\radd(a, b)\r");
    terminal.expect("\n3\n");
    terminal.expect(FIRST);
    terminal.keys("import time; time.sleep(0.3); print('slept')\ra + 10\r");
    terminal.expect("\nslept\n");
    terminal.expect("\n11\n");
    terminal.expect(FIRST);
    terminal.keys("\u{4}");
    assert_eq!(terminal.end().code(), Some(0));
}

#[test]
fn functions_that_were_typed_run_anywhere() {
    let mut terminal = Terminal::new("anywhere");
    terminal.line("def square(n):", MORE);
    terminal.line("    return n * n", MORE);
    terminal.line("", FIRST);
    terminal.line(
        "with Pool(2) as pool: print(pool.map(square, [1, 2, 3]))",
        MORE,
    );
    assert_eq!(terminal.line("", FIRST), "[1, 4, 9]\n");
    terminal.line(
        "p = Process(target=lambda: print('child', square(5)))",
        FIRST,
    );
    assert_eq!(terminal.line("p.start(); p.join()", FIRST), "child 25\n");
    terminal.line(
        "t = Thread(target=lambda: print('thread', square(6)))",
        FIRST,
    );
    assert_eq!(terminal.line("t.start(); t.join()", FIRST), "thread 36\n");
    terminal.keys("\u{4}");
    assert_eq!(terminal.end().code(), Some(0));
}

#[test]
fn a_forked_child_leaves_after_its_input() {
    let mut terminal = Terminal::new("fork");
    terminal.line("import os", FIRST);
    terminal.line("pid = fork()", FIRST);
    // Were the child still there, it would answer as well, and `wait` would not return.
    assert_eq!(terminal.line("os.wait() == (pid, 0)", FIRST), "True\n");
    terminal.keys("\u{4}");
    assert_eq!(terminal.end().code(), Some(0));
}

#[test]
fn what_threads_print_stands_above_the_line() {
    let mut terminal = Terminal::new("threads");
    terminal.line("import threading", FIRST);
    terminal.line("go = threading.Event()", FIRST);
    terminal.line("def work():", MORE);
    terminal.line("    go.wait(); print('from the thread')", MORE);
    terminal.line("", FIRST);
    terminal.line("t = Thread(target=work); t.start()", FIRST);
    terminal.line("threading.Timer(0.1, go.set).start()", FIRST);
    terminal.keys("'half");
    terminal.expect("from the thread\n");
    // The line being edited is drawn again below.
    terminal.expect(">>> 'half");
    terminal.keys(" and half'\r");
    terminal.expect("'half and half'\n");
    terminal.expect(FIRST);
    terminal.line("t.join()", FIRST);
    terminal.keys("\u{4}");
    assert_eq!(terminal.end().code(), Some(0));
}

#[test]
fn the_history_is_kept() {
    let mut terminal = Terminal::new("history");
    terminal.line("6 * 7", FIRST);
    terminal.keys("\u{1b}[A");
    terminal.expect("6 * 7");
    assert_eq!(terminal.line("", FIRST), "42\n");
    let history = fs::read_to_string(terminal.folder.join("conc/history")).expect("a history");
    assert!(history.contains("6 * 7"), "{history}");
    terminal.keys("\u{4}");
    assert_eq!(terminal.end().code(), Some(0));
}

#[test]
fn a_prompt_after_a_script() {
    let mut terminal = Terminal::with("after", &["-i", "-c", "kept = 11"]);
    terminal.expect(FIRST);
    assert_eq!(terminal.line("kept", FIRST), "11\n");
    terminal.keys("\u{4}");
    let status = terminal.end();
    assert_eq!((status.code(), status.signal()), (Some(0), None));
}

#[test]
fn help_tells_how_it_works() {
    let mut terminal = Terminal::new("help");
    let shown = terminal.line("help", FIRST);
    assert!(shown.contains("Tab completes"), "{shown}");
    let shown = terminal.line("help(Lock())", FIRST);
    assert!(
        shown.ends_with("\nIt has acquire, locked, release\n"),
        "{shown}"
    );
    let shown = terminal.line("help(Queue)", FIRST);
    assert!(shown.contains(" get_nowait,"), "{shown}");
    assert!(!shown.contains("__"), "{shown}");
    assert!(shown.lines().all(|line| line.len() <= 80), "{shown}");
    terminal.keys("\u{4}");
    assert_eq!(terminal.end().code(), Some(0));
}
