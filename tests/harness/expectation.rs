//! Scripts whose expected output stands in them as comments: reading the comments, comparing, saying what first differs.
//!
//! The comments are described in `tests/tools/record.py`, which writes them. It must not know how a script is run.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::harness::{self, LIMIT, Mode, Outcome};

/// What a script's comments promise.
#[derive(Debug, Default)]
pub struct Expectation {
    /// The lines of standard output.
    pub output: Vec<String>,
    /// The last line of the error that ends the script.
    pub error: Option<String>,
    /// The exit status; 0 unless it says otherwise.
    pub status: i32,
    /// What is fed to standard input.
    pub input: String,
    /// The command-line arguments.
    pub arguments: Vec<String>,
}

impl Expectation {
    /// Reads the comments of a script.
    pub fn of(source: &str) -> Self {
        let mut expectation = Self::default();
        for line in source.lines() {
            if let Some(text) = marked(line, "# expect error:") {
                expectation.error = Some(text.to_owned());
            } else if let Some(text) = marked(line, "# expect status:") {
                expectation.status = text
                    .trim()
                    .parse()
                    .expect("`# expect status:` takes a number");
            } else if let Some(text) = marked(line, "# expect:") {
                expectation.output.push(text.to_owned());
            } else if let Some(text) = line.strip_prefix("# stdin: ") {
                expectation.input.push_str(text);
                expectation.input.push('\n');
            } else if let Some(text) = line.strip_prefix("# args: ") {
                expectation
                    .arguments
                    .extend(text.split_whitespace().map(str::to_owned));
            }
        }
        expectation
    }
}

/// The text after `mark`, where the mark opens the line or follows white space.
fn marked<'a>(line: &'a str, mark: &str) -> Option<&'a str> {
    let at = line.find(mark)?;
    if line[..at]
        .chars()
        .next_back()
        .is_some_and(|before| !before.is_whitespace())
    {
        return None;
    }
    let text = &line[at + mark.len()..];
    Some(text.strip_prefix(' ').unwrap_or(text).trim_end())
}

/// Runs a script in one mode; what differs from its comments, in words.
pub fn check(script: &Path, mode: Mode) -> Result<(), String> {
    let source = fs::read_to_string(script).map_err(|error| format!("cannot be read: {error}"))?;
    let expectation = Expectation::of(&source);
    let outcome = harness::run(
        script,
        mode,
        &expectation.input,
        &expectation.arguments,
        &[],
    );
    let difference = compare(&expectation, &outcome);
    match difference {
        None => Ok(()),
        Some(text) => {
            let mut text = format!("{mode:?}: {text}");
            if !outcome.error.trim().is_empty() {
                let tail: Vec<&str> = outcome.error.lines().rev().take(12).collect();
                text.push_str("\n    standard error ends with:");
                for line in tail.iter().rev() {
                    let _ = write!(text, "\n    | {line}");
                }
            }
            Err(text)
        }
    }
}

fn compare(expectation: &Expectation, outcome: &Outcome) -> Option<String> {
    let actual: Vec<&str> = outcome.output.lines().map(str::trim_end).collect();
    let mut difference = first_difference(&expectation.output, &actual);
    if difference.is_none()
        && let Some(error) = &expectation.error
        && !contains_error(&outcome.error, error)
    {
        difference = Some(format!("the error is missing\n    expected: {error}"));
    }
    if difference.is_none() && !outcome.timed_out && outcome.status != expectation.status {
        difference = Some(format!(
            "expected status {}, actual status {}",
            expectation.status, outcome.status
        ));
    }
    if outcome.timed_out {
        let so_far = difference.map_or_else(
            || "all output was right".to_owned(),
            |text| format!("first: {text}"),
        );
        difference = Some(format!("killed after {} s; {so_far}", LIMIT.as_secs()));
    } else if outcome.error.contains("panicked at") {
        difference = Some(format!("panicked; {}", difference.unwrap_or_default()));
    }
    difference
}

/// The first output line that is not as expected, with one line before it.
pub fn first_difference(expected: &[String], actual: &[&str]) -> Option<String> {
    let at = (0..expected.len().max(actual.len()))
        .find(|&at| expected.get(at).map(String::as_str) != actual.get(at).copied())?;
    let mut text = format!("output line {} of {}", at + 1, expected.len());
    if at > 0 {
        let _ = write!(text, "\n    after:    {}", expected[at - 1]);
    }
    let _ = write!(
        text,
        "\n    expected: {}",
        expected.get(at).map_or("(no more output)", String::as_str)
    );
    let _ = write!(
        text,
        "\n    actual:   {}",
        actual.get(at).copied().unwrap_or("(no more output)")
    );
    Some(text)
}

/// Whether an error was shown, in whatever frame the diagnostics draw around it.
fn contains_error(shown: &str, wanted: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted = plain(wanted);
    let bare =
        |line: &str| plain(line.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '_'));
    shown
        .lines()
        .any(|line| bare(line) == wanted || bare(line).ends_with(&format!(" {wanted}")))
}

/// Runs all scripts below a directory of `tests/` in both modes, and fails with a list of what went wrong.
pub fn check_all(directory: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let paths = harness::scripts(&root.join("tests").join(directory), "conc");
    let failures = harness::in_parallel(&paths, |path| {
        check(path, Mode::Optimised)?;
        check(path, Mode::Plain)
    });
    harness::report(&paths, &failures, root);
}
