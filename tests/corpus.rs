//! Programs in many people's styles, as they are found in courses, books and notes: each must print what CPython prints
//! and end with its status. `NAME.expected` beside each was recorded by `tests/tools/differential.py --record`, with
//! process ids, addresses, identifiers and times made alike, as here; its first line says the status and whether the
//! lines have an order.
//!
//! `CONC_FILTER=TEXT` runs only the scripts whose path contains the text.

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

#[test]
fn every_program_prints_what_cpython_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let paths: Vec<_> = harness::scripts(&root.join("tests/corpus"), "py")
        .into_iter()
        .filter(|path| path.with_extension("expected").exists())
        .collect();
    let normal = Normal::new();
    let failures = harness::in_parallel(&paths, |script| check(&normal, script));
    harness::report(&paths, &failures, root);
}

fn check(normal: &Normal, script: &Path) -> Result<(), String> {
    let golden = fs::read_to_string(script.with_extension("expected")).expect("a golden");
    let (head, expected) = golden.split_once('\n').expect("a first line");
    let (status, order) = head
        .strip_prefix("status ")
        .and_then(|head| head.split_once(", "))
        .expect("a status and an order");
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
    let outcome = harness::run(script, Mode::Optimised, &input, &arguments, &[]);
    let error = outcome.error.trim_end().replace('\n', "\n    | ");
    let problem = if outcome.timed_out {
        Some("killed: it did not end".to_owned())
    } else {
        let expected: Vec<String> = expected.lines().map(str::to_owned).collect();
        let actual = normal.lines(&outcome.output);
        missing(normal, &expected, &actual, order == "ordered").or_else(|| {
            let expected: i32 = status.parse().expect("a number");
            let expected = if expected < 0 {
                128 - expected
            } else {
                expected
            };
            (outcome.status != expected).then(|| {
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
