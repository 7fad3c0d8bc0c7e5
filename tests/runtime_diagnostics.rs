//! What is shown of errors, word for word: each script below `tests/diagnostics/runtime` beside what it
//! writes to standard error, as plain text and as drawn on a terminal.
//!
//! `CONC_BLESS=1` rewrites the expectations, to be read before they are committed.

#[allow(dead_code)]
mod harness;

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::pty::openpty;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics/runtime")
}

fn command(script: &str) -> Command {
    let mut command = Command::new(harness::binary());
    command
        .arg(script)
        .current_dir(folder())
        .env("TERM", "xterm")
        .env("NO_COLOR", "1")
        .env("COLUMNS", "80")
        .env_remove("FORCE_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// What a script writes to standard error where that is a pipe.
fn plain(script: &str) -> String {
    let output = command(script).stderr(Stdio::piped()).output();
    String::from_utf8_lossy(&output.expect("it runs").stderr).into_owned()
}

/// The same where it is a terminal.
fn drawn(script: &str) -> String {
    let pair = openpty(None, None).expect("a pseudo-terminal");
    let slave: OwnedFd = pair.slave;
    let mut command = command(script);
    command.stderr(slave);
    let mut child = command.spawn().expect("it runs");
    // With it goes the last descriptor of the other side in this process.
    drop(command);
    let mut bytes = Vec::new();
    let mut screen = File::from(pair.master);
    // It ends with an error when nobody holds the other side any more.
    let _ = screen.read_to_end(&mut bytes);
    child.wait().expect("it ends");
    String::from_utf8_lossy(&bytes).replace("\r\n", "\n")
}

/// Without the numbers that differ from run to run.
fn normalised(text: &str) -> String {
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let mut rest = line;
        for word in ["(pid ", "of process ", "in process "] {
            if let Some(at) = rest.find(word) {
                let (before, after) = rest.split_at(at + word.len());
                let digits =
                    after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                out.push_str(before);
                if digits > 0 {
                    out.push_str("[..]");
                }
                rest = &after[digits..];
            }
        }
        out.push_str(rest);
    }
    out
}

fn check(script: &Path) -> Result<(), String> {
    let name = script
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let shown = normalised(&format!("{}\n----\n{}", plain(&name), drawn(&name)));
    let expected = script.with_extension("expected");
    if std::env::var_os("CONC_BLESS").is_some() {
        return fs::write(&expected, shown).map_err(|error| error.to_string());
    }
    let wanted = fs::read_to_string(&expected).unwrap_or_default();
    if shown == wanted {
        return Ok(());
    }
    Err(format!(
        "differs from what is expected; it is now:\n{shown}\n\
         if that is right: CONC_BLESS=1 CONC_FILTER={name} cargo test --test runtime_diagnostics"
    ))
}

#[test]
fn errors_are_shown_as_expected() {
    let folder = folder();
    let scripts = harness::scripts(&folder, "conc");
    let failures = harness::in_parallel(&scripts, check);
    harness::report(&scripts, &failures, &folder);
}

#[test]
fn the_last_line_tells_the_error() {
    for script in [
        "calls.conc",
        "cause.conc",
        "module.conc",
        "names.conc",
        "syntax.conc",
        "group.conc",
    ] {
        let (plain, drawn) = (plain(script), drawn(script));
        let last = drawn.lines().last().unwrap_or_default();
        assert!(
            last.split(':')
                .next()
                .is_some_and(|class| class.ends_with("Error") || class == "ExceptionGroup"),
            "{drawn}"
        );
        assert!(
            plain
                .lines()
                .any(|line| line.trim_start_matches([' ', '|']) == last),
            "{plain}"
        );
    }
}
