//! Random programs: the same output in both modes of the evaluator, and the same as CPython's where there is one.
//!
//! `CONC_PROGRAMS=COUNT` says how many (200 unless told), `CONC_FIRST=SEED` where to begin, `CONC_PYTHON=PATH` where
//! CPython 3.13 is; without it `python3.13` is looked for on the path, and if there is none only the modes are compared.
//! CPython starts once for each thread of the test, not once for each program: `random_programs/reference.rs`.

#[path = "random_programs/generator.rs"]
mod generator;
#[expect(dead_code, reason = "each test uses its part of the harness")]
mod harness;
#[path = "random_programs/reference.rs"]
mod reference;
#[path = "random_programs/reference_tests.rs"]
mod reference_tests;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use harness::{LIMIT, Mode, Outcome};
use reference::Reference;

#[test]
fn modes_and_reference_agree() {
    let number = |name: &str, otherwise: u64| {
        env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
    };
    let first = number("CONC_FIRST", 1);
    let count = number("CONC_PROGRAMS", 200);
    let folder = env::temp_dir().join(format!("conc-random-programs-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a directory for the programs");
    let paths: Vec<PathBuf> = (first..first + count)
        .map(|seed| {
            let path = folder.join(format!("{seed}.conc"));
            fs::write(&path, generator::program(seed)).expect("a program can be written");
            path
        })
        .collect();
    let reference = python().map(|python| Reference::new(python, LIMIT));
    let mut failures = harness::in_parallel(&paths, |path| check(path, reference.as_ref()));
    if failures.is_empty() {
        // What is left behind after a failure is there to be looked at.
        let _ = fs::remove_dir_all(&folder);
    }
    // A few of them say enough.
    let failed = failures.len();
    while failures.len() > 5 {
        failures.pop_last();
    }
    if failed > failures.len() {
        println!("the first 5 of {failed} failures are shown");
    }
    harness::report(&paths, &failures, &folder);
}

fn check(path: &Path, reference: Option<&Reference>) -> Result<(), String> {
    let plain = harness::run(path, Mode::Plain, "", &[], &[]);
    let optimised = harness::run(path, Mode::Optimised, "", &[], &[]);
    agree("plain", &plain, "optimised", &optimised)?;
    if let Some(reference) = reference {
        agree("CPython", &reference.run(path)?, "conc", &optimised)?;
    }
    Ok(())
}

fn agree(
    expected_by: &str,
    expected: &Outcome,
    actual_by: &str,
    actual: &Outcome,
) -> Result<(), String> {
    let mut lines = (1, expected.output.lines(), actual.output.lines());
    loop {
        let (wanted, found) = (lines.1.next(), lines.2.next());
        if wanted != found {
            let text = |line: Option<&str>| line.unwrap_or("(no more output)").to_owned();
            let (wanted, found) = (text(wanted), text(found));
            return Err(format!(
                "output line {}\n    {expected_by}: {wanted}\n    {actual_by}: {found}\n    {}",
                lines.0,
                actual.error.trim_end().replace('\n', "\n    ")
            ));
        }
        if wanted.is_none() {
            break;
        }
        lines.0 += 1;
    }
    if expected.status != actual.status || expected.timed_out != actual.timed_out {
        return Err(format!(
            "{expected_by} ended with {}, {actual_by} with {}\n    {}",
            expected.status,
            actual.status,
            actual.error.trim_end().replace('\n', "\n    ")
        ));
    }
    Ok(())
}

/// CPython 3.13, if it is there.
fn python() -> Option<PathBuf> {
    let path =
        env::var_os("CONC_PYTHON").map_or_else(|| PathBuf::from("python3.13"), PathBuf::from);
    let answer = Command::new(&path).arg("--version").output().ok()?;
    String::from_utf8_lossy(&answer.stdout)
        .starts_with("Python 3.13")
        .then_some(path)
}

#[test]
fn the_same_seed_gives_the_same_program() {
    for seed in 0..20 {
        let program = generator::program(seed);
        assert_eq!(program, generator::program(seed));
        let lines = program.lines().count();
        assert!(
            (20..=150).contains(&lines),
            "seed {seed} gives {lines} lines"
        );
    }
    assert_ne!(generator::program(1), generator::program(2));
}
