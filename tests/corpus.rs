//! Programs in many people's styles, as they are found in courses, books and notes: each must print what CPython prints
//! and end with its status. `NAME.expected` beside each was recorded by `tests/tools/differential.py --record`, with
//! process ids, addresses, identifiers and times made alike, as here; its first line says the status and whether the
//! lines have an order. Where that line ends in `by hand`, conc is to do something else than CPython, which mostly waits
//! for ever there; such a file may also say what must occur on standard error, and where that depends on who is faster
//! give several statuses (`status 1 or 0`) and lines that may be missing (after `-- perhaps`).
//!
//! `CONC_FILTER=TEXT` runs only the scripts whose path contains the text, `CONC_CORPUS=all` runs all of them in both
//! modes; otherwise the second mode runs a part of them.

mod harness;

use std::fs;
use std::path::Path;

use harness::Mode;
use regex::{Captures, Regex};

/// What makes output alike: the rules of the recording tool, in its order.
struct Normal {
    rules: Vec<(Regex, &'static str)>,
    number: Regex,
    trace: Regex,
}

impl Normal {
    fn new() -> Normal {
        let rule = |pattern, text| (Regex::new(pattern).expect("a pattern"), text);
        Normal {
            rules: vec![
                rule("0x[0-9a-f]{6,}", "ADDRESS"),
                rule(
                    r"\d{4}-\d\d-\d\d|(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} [ \d]\d",
                    "DATE",
                ),
                rule(r"\d{1,2}:\d\d:\d\d([.,]\d+)?( \d{4})?", "TIME"),
                rule(r"-?\d+(\.\d+)?e[-+]?\d+", "NUMBER"),
                rule(r"\d+\.\d{2,}", "NUMBER"),
            ],
            number: Regex::new(r"\d+").expect("a pattern"),
            trace: Regex::new(r#"^\s+File ".*", line \d+|^\s+[~^]+$"#).expect("a pattern"),
        }
    }

    /// The lines of an output. Numbers stay: which of them are process ids only the comparison can tell.
    fn lines(&self, text: &str) -> Vec<String> {
        let mut lines: Vec<String> = text
            .split('\n')
            .map(|line| {
                let mut line = line.to_owned();
                for (pattern, text) in &self.rules {
                    line = pattern.replace_all(&line, *text).into_owned();
                }
                line.trim_end().to_owned()
            })
            .filter(|line| !self.trace.is_match(line))
            .collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    /// A line with the numbers that stand where the expected line has `PID` or `IDENT` replaced by these words.
    fn like(&self, expected: &str, actual: &str) -> String {
        if !expected.contains("PID") && !expected.contains("IDENT") {
            return actual.to_owned();
        }
        let mut words = self.number.replace_all(expected, "#").into_owned();
        self.number
            .replace_all(actual, |number: &Captures<'_>| {
                let next = ["PID", "IDENT", "#"]
                    .into_iter()
                    .filter_map(|word| words.find(word).map(|at| (at, word)))
                    .min();
                match next {
                    Some((at, word)) => {
                        words.replace_range(..at + word.len(), "");
                        if word == "#" {
                            number[0].to_owned()
                        } else {
                            word.to_owned()
                        }
                    }
                    None => number[0].to_owned(),
                }
            })
            .into_owned()
    }
}

/// Whether each expected line has an actual line of its own; the first that has none otherwise.
fn missing(
    normal: &Normal,
    expected: &[String],
    actual: &[String],
    ordered: bool,
) -> Option<String> {
    let mut left: Vec<&String> = actual.iter().collect();
    for (number, line) in expected.iter().enumerate() {
        let found = if ordered {
            left.first()
                .filter(|text| normal.like(line, text) == *line)
                .map(|_| 0)
        } else {
            left.iter()
                .position(|text| normal.like(line, text) == *line)
        };
        match found {
            Some(at) => {
                left.remove(at);
            }
            None => {
                let there = left
                    .first()
                    .map_or("(no more output)", |text| text.as_str());
                return Some(format!(
                    "output line {}\n    expected: {line}\n    actual:   {there}",
                    number + 1
                ));
            }
        }
    }
    left.first()
        .map(|line| format!("more output than expected: {line}"))
}

/// What stands in `NAME.expected`.
struct Expected {
    statuses: Vec<i32>,
    ordered: bool,
    lines: Vec<String>,
    /// Each may be there or not.
    perhaps: Vec<String>,
    /// Each must occur on standard error.
    error_texts: Vec<String>,
}

impl Expected {
    fn read(path: &Path) -> Expected {
        let golden = fs::read_to_string(path).expect("a golden");
        let (head, rest) = golden.split_once('\n').expect("a first line");
        let (status, order) = head
            .strip_prefix("status ")
            .and_then(|head| head.split_once(", "))
            .expect("a status and an order");
        let by_hand = order.ends_with(", by hand");
        let order = order.trim_end_matches(", by hand");
        let statuses = status.split(" or ").map(|status| {
            let status: i32 = status.parse().expect("a number");
            if status < 0 { 128 - status } else { status }
        });
        let mut lines: Vec<String> = rest.lines().map(str::to_owned).collect();
        let mut section = |name: &str| -> Vec<String> {
            let mark = lines.iter().position(|line| by_hand && line == name);
            mark.map_or_else(Vec::new, |at| lines.split_off(at).split_off(1))
        };
        // From the last to the first.
        let error_texts = section("-- standard error");
        let perhaps = section("-- perhaps");
        Expected {
            statuses: statuses.collect(),
            ordered: order == "ordered",
            lines,
            perhaps,
            error_texts,
        }
    }
}

#[test]
fn every_program_prints_what_cpython_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let paths = harness::scripts(&root.join("tests/corpus"), "py");
    let all = std::env::var("CONC_CORPUS").is_ok_and(|value| value == "all");
    let normal = Normal::new();
    // The unspecialised mode differs in evaluation only, which every third program is enough to see.
    let runs: Vec<(&Path, Mode)> = paths
        .iter()
        .enumerate()
        .flat_map(|(number, path)| {
            let plain = (all || number % 3 == 0).then_some((path.as_path(), Mode::Plain));
            std::iter::once((path.as_path(), Mode::Optimised)).chain(plain)
        })
        .collect();
    let failures = harness::in_parallel(&paths, |script| {
        for (_, mode) in runs.iter().filter(|(path, _)| *path == script) {
            check(&normal, script, *mode).map_err(|problem| format!("{mode:?}: {problem}"))?;
        }
        Ok(())
    });
    harness::report(&paths, &failures, root);
}

#[test]
fn every_program_has_an_expectation() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let without: Vec<_> = harness::scripts(&root, "py")
        .into_iter()
        .filter(|path| !path.with_extension("expected").exists())
        .collect();
    assert!(without.is_empty(), "not recorded: {without:#?}");
}

fn check(normal: &Normal, script: &Path, mode: Mode) -> Result<(), String> {
    let expected = Expected::read(&script.with_extension("expected"));
    let text = fs::read_to_string(script).expect("a script");
    let directives = |name: &str| -> Vec<String> {
        let mark = format!("# {name}: ");
        let lines = text.lines().filter_map(|line| line.strip_prefix(&mark));
        lines.map(str::to_owned).collect()
    };
    let input: String = directives("stdin")
        .iter()
        .map(|line| format!("{line}\n"))
        .collect();
    let arguments: Vec<String> = directives("args")
        .iter()
        .flat_map(|words| {
            words
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    let outcome = harness::run(script, mode, &input, &arguments, &[]);
    let error = outcome.error.trim_end().replace('\n', "\n    | ");
    let problem = if outcome.timed_out {
        Some("killed: it did not end".to_owned())
    } else {
        let mut actual = normal.lines(&outcome.output);
        actual.retain(|line| !expected.perhaps.contains(line));
        let folder = script.parent().expect("a folder").display();
        let error = outcome.error.replace(&format!("{folder}/"), "");
        let absent = expected
            .error_texts
            .iter()
            .find(|text| !error.contains(text.as_str()));
        missing(normal, &expected.lines, &actual, expected.ordered)
            .or_else(|| absent.map(|text| format!("not on standard error: {text}")))
            .or_else(|| {
                (!expected.statuses.contains(&outcome.status)).then(|| {
                    let expected = expected.statuses.iter().map(i32::to_string);
                    let expected = expected.collect::<Vec<_>>().join(" or ");
                    format!(
                        "expected status {expected}, actual status {}",
                        outcome.status
                    )
                })
            })
    };
    problem.map_or(Ok(()), |problem| {
        Err(format!("{problem}\n    standard error:\n    | {error}"))
    })
}
