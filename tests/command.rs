//! The command as a user drives it: where the script comes from, its arguments, exit statuses,
//! closed and full outputs, signals.

#[allow(dead_code)]
mod harness;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn conc(arguments: &[&str]) -> Command {
    let mut command = Command::new(harness::binary());
    command.args(arguments);
    for variable in [
        "CONC_MODE",
        "CONC_PATH",
        "CONC_UNBUFFERED",
        "FORCE_COLOR",
        "CLICOLOR_FORCE",
    ] {
        command.env_remove(variable);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> Output {
    conc(arguments)
        .output()
        .expect("the command can be started")
}

fn with_input(arguments: &[&str], input: &str) -> Output {
    let mut child = conc(arguments)
        .stdin(Stdio::piped())
        .spawn()
        .expect("the command can be started");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin
        .write_all(input.as_bytes())
        .expect("it reads its input");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn last_line(output: &Output) -> String {
    text(&output.stderr)
        .lines()
        .last()
        .unwrap_or_default()
        .to_owned()
}

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("conc-command-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder to work in");
        Folder(path)
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.0.join(name);
        fs::write(&path, content).expect("a file can be written");
        path.to_string_lossy().into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed harms no other test.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Starts a script and waits until it has printed a line.
fn started(code: &str) -> (Child, BufReader<impl Read>) {
    let mut child = conc(&["-c", code])
        .spawn()
        .expect("the command can be started");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    output.read_line(&mut line).expect("it prints");
    assert_eq!(line, "ready\n");
    (child, output)
}

fn interrupt(child: &Child) {
    let pid = Pid::from_raw(child.id().cast_signed());
    kill(pid, Signal::SIGINT).expect("it lives");
}

fn end(mut child: Child) -> (ExitStatus, String) {
    let mut error = String::new();
    let mut stderr = child.stderr.take().expect("a pipe");
    stderr.read_to_string(&mut error).expect("text");
    (child.wait().expect("it ends"), error)
}

#[test]
fn where_the_script_comes_from() {
    let folder = Folder::new("sources");
    let file = folder.file(
        "a.conc",
        b"import sys\nprint(sys.argv[1:], __file__ == sys.argv[0], __name__)",
    );
    let output = run(&[&file, "x", "-h", "--", "y"]);
    assert_eq!(
        text(&output.stdout),
        "['x', '-h', '--', 'y'] True __main__\n"
    );
    let code = "import sys; print(sys.argv)";
    assert_eq!(
        text(&run(&["-c", code, "-V", "x"]).stdout),
        "['-c', '-V', 'x']\n"
    );
    assert_eq!(text(&with_input(&["-", "x"], code).stdout), "['-', 'x']\n");
    assert_eq!(text(&with_input(&[], code).stdout), "['']\n");
    assert_eq!(
        text(&with_input(&[], "\u{feff}print('bom')").stdout),
        "bom\n"
    );
    assert_eq!(
        text(&run(&[&folder.file("b.py", b"#!/usr/bin/env conc\nprint(1)")]).stdout),
        "1\n"
    );
}

#[test]
fn its_own_options() {
    let output = run(&["--version"]);
    assert_eq!(
        text(&output.stdout),
        format!("conc {}\n", env!("CARGO_PKG_VERSION"))
    );
    let output = run(&["--help"]);
    assert!(
        text(&output.stdout).contains("Usage: conc [OPTIONS] [FILE | - | -c CODE | -m MODULE]")
    );
    assert!(output.status.success());
    let output = run(&["--nonsense"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--nonsense"));
    assert_eq!(run(&["-c"]).status.code(), Some(2));
}

#[test]
fn statuses() {
    for (code, status, message) in [
        ("pass", 0, ""),
        ("1 / 0", 1, "ZeroDivisionError: division by zero"),
        ("x = (1,", 2, "SyntaxError: '(' was never closed"),
        ("return 1", 2, "SyntaxError: 'return' outside function"),
        ("import sys; sys.exit()", 0, ""),
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit(256 + 3)", 3, ""),
        ("import sys; sys.exit(-1)", 255, ""),
        ("import sys; sys.exit(10 ** 30)", 255, ""),
        ("import sys; sys.exit(True)", 1, ""),
        ("import sys; sys.exit('goodbye')", 1, "goodbye"),
        ("import sys; sys.exit(2.5)", 1, "2.5"),
        ("raise SystemExit(4)", 4, ""),
        ("import os; os._exit(9)", 9, ""),
        ("exit(6)", 6, ""),
    ] {
        let output = run(&["-c", code]);
        assert_eq!(output.status.code(), Some(status), "{code}");
        assert_eq!(last_line(&output), message, "{code}");
    }
}

#[test]
fn files_that_cannot_be_run() {
    let folder = Folder::new("unreadable");
    let path = folder.0.to_string_lossy().into_owned();
    let missing = format!("{path}/missing.conc");
    let binary = harness::binary().to_string_lossy().into_owned();
    let latin = folder.file("latin.conc", b"x = 1\ny = '\xe9'\n");
    for (file, message) in [
        (
            &missing,
            format!("conc: can't open file '{missing}': [Errno 2] No such file or directory"),
        ),
        (
            &path,
            format!("conc: can't run '{path}': it is a folder, not a script"),
        ),
        (
            &binary,
            format!("conc: can't run '{binary}': it is a binary file, not a script"),
        ),
        (
            &latin,
            "SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xe9 in position 11: \
             invalid continuation byte"
                .to_owned(),
        ),
    ] {
        let output = run(&[file]);
        assert_eq!(output.status.code(), Some(2), "{file}");
        assert_eq!(last_line(&output), message);
    }
}

#[test]
fn enormous_files() {
    let folder = Folder::new("enormous");
    let mut brackets = b"x = (\n".to_vec();
    brackets.resize(100_000_000, b'\n');
    let one_line = [b"x = '".as_slice(), &b"a".repeat(1_000_000)].concat();
    let failing = [b"x = '".as_slice(), &b"a".repeat(1_000_000), b"' + y"].concat();
    for (name, contents, status, message) in [
        (
            "brackets.conc",
            brackets,
            2,
            "SyntaxError: '(' was never closed",
        ),
        (
            "one_line.conc",
            one_line,
            2,
            "SyntaxError: unterminated string literal (detected at line 1)",
        ),
        (
            "failing.conc",
            failing,
            1,
            "NameError: name 'y' is not defined",
        ),
    ] {
        let output = run(&[&folder.file(name, &contents)]);
        assert_eq!(output.status.code(), Some(status), "{name}");
        assert_eq!(last_line(&output), message);
        // Only the part of the line that holds the place is shown.
        assert!(
            output.stderr.len() < 8000,
            "{name}: {}",
            output.stderr.len()
        );
    }
}

#[test]
fn places_that_a_script_makes_up() {
    let code = "raise SyntaxError('odd', ('f.py', 1, 10**17, 'abc', 1, 10**18))";
    let output = run(&["-c", code]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(last_line(&output), "SyntaxError: odd");
}

#[test]
fn modules_beside_the_script_and_in_the_path() {
    let folder = Folder::new("modules");
    let other = Folder::new("other");
    folder.file("beside.conc", b"value = 1");
    folder.file("broken.conc", b"x = 1\ny = = 2\n");
    other.file("elsewhere.py", b"value = 2");
    let file = folder.file(
        "main.conc",
        b"import beside, elsewhere\nprint(beside.value, elsewhere.value)",
    );
    let output = conc(&[&file])
        .env("CONC_PATH", &other.0)
        .output()
        .expect("it runs");
    assert_eq!(text(&output.stdout), "1 2\n");
    let output = run(&[&folder.file("wrong.conc", b"import broken")]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(
        error.contains("broken.conc\", line 2\n    y = = 2\n        ^\n"),
        "{error}"
    );
    assert_eq!(last_line(&output), "SyntaxError: invalid syntax");
    let output = run(&["-c", "import nonsense_module"]);
    assert_eq!(
        last_line(&output),
        "ModuleNotFoundError: No module named 'nonsense_module'"
    );
    let said = text(&output.stderr);
    assert!(
        said.contains("help: there is no `nonsense_module.conc` or"),
        "{said}"
    );
    assert!(
        said.contains("conc's own modules are abc, argparse, "),
        "{said}"
    );
    // Neither what stands inside packages nor what is hidden.
    assert!(!said.contains("os.path") && !said.contains(" _"), "{said}");
}

#[test]
fn nobody_reads() {
    let code = "while True: print('line' * 100)";
    let mut child = conc(&["-c", code]).spawn().expect("it starts");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    drop(output);
    let (status, error) = end(child);
    assert_eq!(status.signal(), Some(libc::SIGPIPE));
    assert_eq!(error, "");
    // Found out only at the end.
    let mut child = conc(&["-c", "input(); print(1)"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    drop(child.stdin.take().map(|mut input| input.write_all(b"\n")));
    let (status, error) = end(child);
    assert_eq!((status.signal(), &*error), (Some(libc::SIGPIPE), ""));
}

#[test]
fn no_space_is_left() {
    let full = || {
        fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("it is there")
    };
    let output = conc(&["-c", "print(1)"])
        .stdout(full())
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(120));
    assert_eq!(
        last_line(&output),
        "OSError: [Errno 28] No space left on device"
    );
    let output = conc(&["-u", "-c", "print(1)"])
        .stdout(full())
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        last_line(&output),
        "OSError: [Errno 28] No space left on device"
    );
}

#[test]
fn interrupts() {
    for wait in [
        "import time; time.sleep(100)",
        "while True: pass",
        "input()",
        "import os; os.read(os.pipe()[0], 1)",
        "Queue().get()",
    ] {
        let code = format!("import os\nprint('ready', flush=True)\n{wait}");
        let mut command = conc(&["-c", &code]);
        let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        output.read_line(&mut String::new()).expect("it prints");
        interrupt(&child);
        let keep = child.stdin.take();
        let (status, error) = end(child);
        drop(keep);
        assert_eq!(status.signal(), Some(libc::SIGINT), "{wait}: {error}");
        assert!(error.ends_with("\nKeyboardInterrupt\n"), "{wait}: {error}");
    }
}

#[test]
fn a_caught_interrupt_is_none() {
    let (child, output) = started(
        "import time\ntry:\n    print('ready', flush=True)\n    time.sleep(100)\n\
         except KeyboardInterrupt: print('caught')\n",
    );
    interrupt(&child);
    let rest: Vec<String> = output.lines().map(|line| line.expect("text")).collect();
    let (status, error) = end(child);
    assert_eq!((status.code(), &*error), (Some(0), ""));
    assert_eq!(rest, ["caught"]);
}

#[test]
fn a_shell_sees_130() {
    let script = format!(
        "trap : INT; {} -c 'import os; os.kill(os.getpid(), 2)' 2>/dev/null; echo $?",
        harness::binary().display()
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .output()
        .expect("a shell");
    assert_eq!(text(&output.stdout), "130\n");
}

#[test]
fn colours() {
    let coloured = |variables: &[(&str, &str)]| {
        let mut command = conc(&["-c", "1 / 0"]);
        command
            .env_remove("NO_COLOR")
            .envs(variables.iter().copied());
        text(&command.output().expect("it runs").stderr).contains('\u{1b}')
    };
    assert!(!coloured(&[]));
    assert!(coloured(&[("FORCE_COLOR", "1")]));
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("FORCE_COLOR", "0")]));
}

#[test]
fn output_is_kept_back_only_where_nobody_can_tell() {
    // The reader sees nothing before the end of the line that follows, unless it was asked for.
    let code = "import sys, time\nprint('ready')\nsys.stdin.read()";
    for (arguments, variable) in [(&["-u", "-c", code][..], "0"), (&["-c", code][..], "1")] {
        let mut child = conc(arguments)
            .env("CONC_UNBUFFERED", variable)
            .stdin(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        output
            .read_line(&mut line)
            .expect("it is there before the script ends");
        assert_eq!(line, "ready\n");
        drop(child.stdin.take());
        assert!(child.wait().expect("it ends").success());
    }
}

#[test]
fn errors_elsewhere_make_the_status_1() {
    for code in [
        "t = Thread(target=lambda: 1 / 0); t.start(); t.join()",
        "p = Process(target=lambda: 1 / 0); p.start(); p.join()",
    ] {
        let output = run(&["-c", code]);
        assert_eq!(output.status.code(), Some(1), "{code}");
        assert!(text(&output.stderr).contains("ZeroDivisionError: division by zero"));
    }
    let seen = "p = Process(target=lambda: 1 / 0); p.start(); p.join(); print(p.exitcode)";
    let output = run(&["-c", seen]);
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(0), "1\n".to_owned())
    );
}

#[test]
fn both_modes() {
    let output = conc(&["-c", "print(sum(n for n in range(10)))"])
        .env("CONC_MODE", "plain")
        .output()
        .expect("it runs");
    assert_eq!(text(&output.stdout), "45\n");
}

#[test]
fn too_many_threads_are_an_error() {
    let script = "\
import threading
go = threading.Event()
count = 0
try:
    while True:
        threading.Thread(target=go.wait).start()
        count += 1
except RuntimeError as error:
    print(error)
go.set()
print(count > 0)
";
    let limited = "ulimit -v 6000000; exec \"$CONC\" -c \"$SCRIPT\"";
    let mut command = Command::new("sh");
    command
        .args(["-c", limited])
        .env("CONC", harness::binary())
        .env("SCRIPT", script);
    let outcome = harness::run_command(command, "");
    assert_eq!(
        (outcome.output.as_str(), outcome.status),
        ("can't start new thread\nTrue\n", 0),
        "{}",
        outcome.error
    );
}

#[test]
fn a_child_that_was_sent_a_crash_dies_of_it() {
    let script = "\
import os, signal
for number in [signal.SIGSEGV, signal.SIGBUS]:
    p = Process(target=lambda: os.kill(os.getpid(), number))
    p.start()
    p.join()
    print(p.exitcode == -number)
";
    let output = run(&["-c", script]);
    assert_eq!(text(&output.stdout), "True\nTrue\n");
    assert!(text(&output.stderr).contains(" crashed: SIGSEGV"));
}

#[test]
fn an_interrupt_during_the_last_computation_is_not_lost() {
    // Nothing interrupts the computation itself. Where it was over before the signal came, a longer one follows.
    for factor in [1, 2, 4, 8, 16] {
        let code = format!("print('begin')\nx = 3 ** ({factor} * 10 ** 6)");
        let mut child = conc(&["-u", "-c", &code]).spawn().expect("it starts");
        let output = child.stdout.as_mut().expect("a pipe");
        output.read_exact(&mut [0; 6]).expect("a first line");
        interrupt(&child);
        let output = child.wait_with_output().expect("it ends");
        if !output.status.success() {
            assert_eq!(output.status.signal(), Some(libc::SIGINT));
            assert!(text(&output.stderr).ends_with("KeyboardInterrupt\n"));
            return;
        }
    }
    panic!("the interrupt was lost each time");
}

#[test]
fn modules_are_run_by_name() {
    let folder = Folder::new("modules");
    for name in ["pack", "bare", "broken"] {
        fs::create_dir_all(folder.0.join(name)).expect("a folder can be made");
    }
    for (name, text) in [
        ("pack/__init__.py", "print(__name__, __spec__.name)\n"),
        (
            "pack/__main__.py",
            "import sys\nfrom .part import x\nfrom pack.part import x as y\nprint(x, y, sys.argv[1:])\n\
             print(__spec__.name, __package__, sys.argv[0] == __file__, 'pack' in sys.modules)\n",
        ),
        (
            "pack/part.py",
            "x = 5\nprint(__name__, repr(__spec__.parent))\n",
        ),
        ("bare/__init__.py", ""),
        ("broken/__init__.py", "1 / 0\n"),
        ("broken/__main__.py", "print('not reached')\n"),
        ("single.conc", "print(__name__)\n"),
    ] {
        folder.file(name, text.as_bytes());
    }
    let run_in = |arguments: &[&str]| {
        conc(arguments)
            .current_dir(&folder.0)
            .output()
            .expect("the command can be started")
    };
    let output = run_in(&["-m", "pack", "-x", "1"]);
    assert_eq!(
        text(&output.stdout),
        "pack pack\npack.part 'pack'\n5 5 ['-x', '1']\npack.__main__ pack True True\n"
    );
    assert_eq!(
        text(&run_in(&["-m", "pack.part"]).stdout),
        "pack pack\n__main__ 'pack'\n"
    );
    assert_eq!(text(&run_in(&["-m", "single"]).stdout), "__main__\n");
    for (name, message) in [
        (
            "single.conc",
            "Try using 'single' instead of 'single.conc' as the module name.",
        ),
        ("missing", "conc: No module named missing"),
        (
            "missing.part",
            "(ModuleNotFoundError: No module named 'missing')",
        ),
        ("pack.missing", "conc: No module named pack.missing"),
        (
            "bare",
            "No module named bare.__main__; 'bare' is a package and cannot be directly executed",
        ),
        ("random", "has nothing to run"),
        ("broken", "ZeroDivisionError: division by zero"),
    ] {
        let output = run_in(&["-m", name]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(last_line(&output).contains(message), "{name}: {output:?}");
    }
    let mut input = conc(&["-", "x"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the command can be started");
    let mut stdin = input.stdin.take().expect("a pipe");
    stdin
        .write_all(b"print(__file__)")
        .expect("it reads its input");
    drop(stdin);
    let output = input.wait_with_output().expect("it ends");
    assert_eq!(text(&output.stdout), "<stdin>\n");
    let mut json = conc(&["-m", "json.tool", "--compact"]);
    let mut child = json
        .stdin(Stdio::piped())
        .spawn()
        .expect("the command can be started");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(b"[1, 2]").expect("it reads its input");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(text(&output.stdout), "[1,2]\n");
}

#[test]
fn what_is_hardly_meant_is_warned_of() {
    let folder = Folder::new("syntax_warnings");
    let script = folder.file(
        "wonder.py",
        concat!(
            "import part\n",
            "x = '\\w \\d' \"a\\qb\"\n",
            "y = f'{x}\\z' + r'\\w' + '\\n'\n",
            "if x is 'a' or x is not (1, 2) or x is None or x is -1:\n",
            "    assert (x, 'always')\n",
            "def never():\n",
            "    return [1, 2]\n",
            "for _ in []:\n",
            "    'abc'['k'], 3(), (x for x in y)()\n",
            "    [1][2, 3], None[0]\n",
            "print('ran')\n",
        )
        .as_bytes(),
    );
    folder.file("part.py", b"z = b'\\d\\777'\n");
    let path = script;
    let name = |file: &str| folder.0.join(file).to_string_lossy().into_owned();
    let output = run(&[&path]);
    assert_eq!(text(&output.stdout), "ran\n");
    let (main, part) = (name("wonder.py"), name("part.py"));
    let escapes = [("w", 2), ("q", 2), ("z", 3)].map(|(letter, line)| {
        format!("{main}:{line}: SyntaxWarning: invalid escape sequence '\\{letter}'")
    });
    let others = [
        (4, "\"is\" with 'str' literal. Did you mean \"==\"?"),
        (4, "\"is not\" with 'tuple' literal. Did you mean \"!=\"?"),
        (4, "\"is\" with 'int' literal. Did you mean \"==\"?"),
        (5, "assertion is always true, perhaps remove parentheses?"),
        (
            9,
            "str indices must be integers or slices, not str; perhaps you missed a comma?",
        ),
        (
            9,
            "'int' object is not callable; perhaps you missed a comma?",
        ),
        (
            9,
            "'generator' object is not callable; perhaps you missed a comma?",
        ),
        (
            10,
            "list indices must be integers or slices, not tuple; perhaps you missed a comma?",
        ),
        (
            10,
            "'NoneType' object is not subscriptable; perhaps you missed a comma?",
        ),
    ]
    .map(|(line, message)| format!("{main}:{line}: SyntaxWarning: {message}"));
    let mut expected: Vec<String> = escapes.into_iter().chain(others).collect();
    expected.push(format!(
        "{part}:1: SyntaxWarning: invalid escape sequence '\\d'"
    ));
    let shown = text(&output.stderr);
    let warnings = shown.lines().filter(|line| !line.starts_with(' '));
    assert_eq!(warnings.collect::<Vec<_>>(), expected);
    assert!(shown.contains("\n  assert (x, 'always')\n"), "{shown}");

    let output = run(&["-W", "ignore", &path]);
    assert_eq!(
        (text(&output.stdout), text(&output.stderr)),
        ("ran\n".to_owned(), String::new())
    );
    let output = run(&["-W", "error", "-c", "print(1)\nassert (1, 2)"]);
    assert_eq!(text(&output.stdout), "");
    assert_eq!(
        (output.status.code(), last_line(&output)),
        (
            Some(1),
            "SyntaxError: assertion is always true, perhaps remove parentheses?".to_owned()
        )
    );
}

#[test]
fn options_known_from_python() {
    let warn = "import warnings; warnings.warn('careful'); print(1)";
    let output = run(&["-W", "ignore", "-B", "-c", warn]);
    assert_eq!(
        (text(&output.stdout), text(&output.stderr)),
        ("1\n".to_owned(), String::new())
    );
    let output = run(&["-Werror", "-c", warn]);
    assert_eq!(
        (output.status.code(), last_line(&output)),
        (Some(1), "UserWarning: careful".to_owned())
    );
    let output = run(&["-O", "-c", "pass"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(last_line(&output).contains("there is no -O"));
}
