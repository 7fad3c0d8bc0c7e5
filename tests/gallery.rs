//! The gallery in `scripts/`: every script there runs in both modes of the evaluator and prints what
//! `tests/gallery/NAME.expected` says, where `[..]` stands for any text (process ids, times).
//!
//! The expected texts are recorded by `tests/tools/record.py --gallery`. `CONC_FILTER=TEXT` runs only the scripts whose
//! path contains the text; `CONC_RUNS=200` runs each that many times in each mode, as an attack on its concurrency.

mod harness;

use std::fs;
use std::path::Path;

use harness::Mode;

/// Times in the scripts are multiplied by this, so that the test is quick.
const SCALE: &str = "0.1";

#[test]
fn every_script_prints_what_it_should() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let paths = harness::scripts(&root.join("scripts"), "conc");
    let runs = runs();
    let failures = harness::in_parallel(&paths, |script| {
        (1..=runs).try_for_each(|run| {
            check(root, script, Mode::Optimised)
                .and_then(|()| check(root, script, Mode::Plain))
                .map_err(|problem| format!("run {run} of {runs}: {problem}"))
        })
    });
    harness::report(&paths, &failures, root);
}

/// How often each script is run: once, if `CONC_RUNS` does not ask for more.
fn runs() -> u32 {
    let asked = std::env::var("CONC_RUNS").ok();
    asked.map_or(1, |text| text.parse().expect("CONC_RUNS is a number"))
}

fn check(root: &Path, script: &Path, mode: Mode) -> Result<(), String> {
    let name = script.file_stem().unwrap_or_default().to_string_lossy();
    let golden = root.join("tests/gallery").join(format!("{name}.expected"));
    let expected =
        fs::read_to_string(&golden).map_err(|error| format!("{}: {error}", golden.display()))?;
    let outcome = harness::run(
        script,
        mode,
        "",
        &arguments(root, &name),
        &[("CONC_SCALE", SCALE)],
    );
    let problem = if outcome.timed_out {
        Some("killed: it did not end".to_owned())
    } else {
        first_difference(&expected, &outcome.output).or_else(|| {
            (outcome.status != 0)
                .then(|| format!("expected status 0, actual status {}", outcome.status))
        })
    };
    problem.map_or(Ok(()), |problem| {
        let error = outcome.error.trim_end().replace('\n', "\n    | ");
        Err(format!(
            "{mode:?}: {problem}\n    standard error:\n    | {error}"
        ))
    })
}

/// The arguments that a script is given here: files of fixed contents instead of the repository's own.
fn arguments(root: &Path, name: &str) -> Vec<String> {
    let folder = root.join("tests/gallery");
    let table = fs::read_to_string(folder.join("arguments.txt")).expect("the table of arguments");
    table
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(script, _)| *script == name)
        .flat_map(|(_, files)| files.split_whitespace())
        .map(|file| {
            folder
                .join("input")
                .join(file)
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

fn first_difference(expected: &str, actual: &str) -> Option<String> {
    let mut actual = actual.lines().map(str::trim_end);
    for (number, pattern) in expected.lines().enumerate() {
        let line = actual.next().unwrap_or("(no more output)");
        if !matches(pattern, line) {
            return Some(format!(
                "output line {}\n    expected: {pattern}\n    actual:   {line}",
                number + 1
            ));
        }
    }
    actual
        .next()
        .map(|line| format!("more output than expected: {line}"))
}

/// Whether a line is as the pattern says, in which `[..]` stands for any text.
fn matches(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split("[..]");
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn patterns_match() {
    assert!(matches("pid [..]: [..] s", "pid 12: 0.5 s"));
    assert!(matches("plain", "plain"));
    assert!(!matches("plain", "plain text"));
    assert!(!matches("a [..] b [..] c", "a b c"));
    assert!(!matches("pid [..]!", "pid 12"));
}

#[test]
fn every_script_is_short_and_says_what_to_look_for() {
    for script in harness::scripts(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts"),
        "conc",
    ) {
        let text = fs::read_to_string(&script).expect("a script");
        assert!(
            text.lines().count() < 60,
            "{} is too long to be read at a glance",
            script.display()
        );
        let head: Vec<&str> = text
            .lines()
            .take_while(|line| line.starts_with('#'))
            .collect();
        assert!(
            head.iter().any(|line| line.contains("Look for:")),
            "{}: look for what?",
            script.display()
        );
    }
}
