//! Nothing hangs in silence, and nothing that goes on is called dead: the scripts below
//! `tests/deadlocks/dead` would wait for ever in CPython, those below `tests/deadlocks/alive` only look
//! as if they did.
//!
//! Beside each dead script stands what it prints, the report, and the errors, in an order of their own; where
//! the verdict may come before a thread that does not matter waits too, the other form stands in `.or`.
//! `CONC_BLESS=1` rewrites that, to be read before it is committed. `CONC_DEADLOCK_ROUNDS=N` runs the
//! living ones N times.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod harness;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use harness::{Mode, Outcome};

/// More than there are processors: the machine is to be busy.
const AT_ONCE: usize = 8;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/deadlocks")
        .join(name)
}

fn scripts(name: &str) -> Vec<PathBuf> {
    let mut scripts: Vec<PathBuf> = fs::read_dir(folder(name))
        .expect("the folder of scripts")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "conc"))
        .filter(|path| match std::env::var("CONC_FILTER") {
            Ok(wanted) => path.to_string_lossy().contains(&wanted),
            Err(_) => true,
        })
        .collect();
    scripts.sort();
    scripts
}

/// Runs each of the scripts, several at a time; what `judge` says of those that fail.
fn run_all(
    scripts: &[PathBuf],
    judge: impl Fn(&Path, &Outcome) -> Result<(), String> + Sync,
) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(script) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = harness::run(script, Mode::Optimised, "", &[], &[]);
                    if let Err(failure) = judge(script, &outcome) {
                        let name = script.file_name().unwrap_or_default().to_string_lossy();
                        failures.lock().unwrap().push(format!("{name}: {failure}"));
                    }
                }
            });
        }
    });
    failures.into_inner().unwrap()
}

/// Without what differs from run to run: numbers of processes, the folder.
fn normalised(text: &str) -> String {
    let text = text.replace(&format!("{}/", folder("dead").display()), "");
    without_numbers(&without_numbers(&text, "pid "), "process ")
}

/// With `N` for each number after `word`.
fn without_numbers(text: &str, word: &str) -> String {
    let mut parts = text.split(word);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(word);
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        if rest.len() < part.len() {
            out.push('N');
        }
        out.push_str(rest);
    }
    out
}

/// What is compared: status, output, reports, and which errors there were.
fn summary(outcome: &Outcome) -> String {
    let mut output: Vec<String> = outcome.output.lines().map(normalised).collect();
    // Lines of several processes come in any order.
    output.sort();
    let mut reports = Vec::new();
    let mut errors = BTreeSet::new();
    let mut in_report = false;
    for line in normalised(&outcome.error).lines() {
        in_report = line.starts_with("conc: ") || in_report && line.starts_with("  ");
        // A traceback's own lines are indented as well, and come after its head.
        if line.starts_with("Traceback") || line.starts_with("Exception") {
            in_report = false;
        }
        if in_report {
            reports.push(line.to_owned());
        } else if line.contains("Error: ") && !line.starts_with(' ') {
            errors.insert(line.to_owned());
        }
    }
    let mut text = format!("status {}\n", outcome.status);
    for (title, lines) in [
        ("output", output),
        ("report", reports),
        ("errors", errors.into_iter().collect()),
    ] {
        text.push_str(&format!("--- {title}\n"));
        for line in lines {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

#[test]
fn deadlocks_are_reported_and_raised() {
    let bless = std::env::var_os("CONC_BLESS").is_some();
    let failures = run_all(&scripts("dead"), |script, outcome| {
        if outcome.timed_out {
            return Err(format!(
                "it hung, having said\n{}{}",
                outcome.output, outcome.error
            ));
        }
        let expected_at = script.with_extension("expected");
        let found = summary(outcome);
        if bless {
            fs::write(&expected_at, &found).expect("the expectation can be written");
            return Ok(());
        }
        let expected = match fs::read_to_string(&expected_at) {
            Ok(expected) => expected,
            // One whose report comes in several ways.
            Err(_) if outcome.error.contains("conc: deadlock: ") => return Ok(()),
            Err(_) => String::new(),
        };
        let or = fs::read_to_string(script.with_extension("or")).ok();
        if expected == found || or.is_some_and(|or| or == found) {
            return Ok(());
        }
        Err(format!(
            "expected\n{expected}found\n{found}\nall of it\n{}\n(CONC_BLESS=1 cargo test --test deadlocks \
             rewrites the expectation)",
            outcome.error
        ))
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn the_living_are_not_called_dead() {
    let rounds = std::env::var("CONC_DEADLOCK_ROUNDS").ok();
    let rounds = rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(3);
    let scripts = scripts("alive");
    let many: Vec<PathBuf> = (0..rounds).flat_map(|_| scripts.iter().cloned()).collect();
    let failures = run_all(&many, |_, outcome| {
        let is_alive = outcome.output.ends_with("alive\n") && outcome.status == 0;
        match is_alive && !outcome.error.contains("eadlock") {
            true => Ok(()),
            false => Err(format!(
                "status {}{}\n{}{}",
                outcome.status,
                if outcome.timed_out { ", killed" } else { "" },
                outcome.output,
                outcome.error
            )),
        }
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
