//! The documents, checked: every script in them runs and prints what stands below it, every command can be given, every
//! file they name is there.
//!
//! A block marked `python` is a script. A `text` block right after it is what the script prints, standard output and
//! standard error one after the other, in the order that a reader sees; without one it prints nothing. It ends with status 0, or as a comment in the line before it says.
//! `pycon` blocks are sessions at the prompt. In `sh` blocks, lines that begin with `conc` or `cargo run --release --`
//! are given to a shell and must end with status 0.

mod harness;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::Mode;

/// A fenced block of a document.
#[derive(Debug)]
struct Block {
    /// Where it opens, counted from 1.
    line: usize,
    /// What stands after the opening fence.
    mark: String,
    text: String,
    /// Whether only blank lines stand between it and the block before.
    follows: bool,
    /// The status that the line before it announces; 0 without one.
    status: i32,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn documents() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "tests/README.md",
        "tests/notes/README.md",
    ]
    .map(|name| root().join(name))
    .into();
    for entry in fs::read_dir(root().join("docs")).expect("the folder of documents") {
        let path = entry.expect("a directory entry").path();
        if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn blocks(document: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    let mut follows = false;
    let mut status = 0;
    for (number, line) in document.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some("")) => {
                found.extend(open.take());
                follows = true;
            }
            (Some(block), _) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, Some(mark)) => {
                open = Some(Block {
                    line: number + 1,
                    mark: mark.trim().to_owned(),
                    text: String::new(),
                    follows,
                    status: std::mem::take(&mut status),
                });
            }
            (None, None) => {
                follows &= line.trim().is_empty();
                status = line
                    .strip_prefix("<!-- ends with status ")
                    .and_then(|rest| rest.strip_suffix(" -->"))
                    .map_or(0, |number| number.parse().expect("a status is a number"));
            }
        }
    }
    assert!(open.is_none(), "a block is not closed: {open:?}");
    found
}

/// A script of a document with what it should do.
struct Example {
    /// What it prints: standard output, then standard error.
    printed: String,
    status: i32,
}

/// Writes the scripts of all documents into a folder, each named after its document and line.
fn write_examples(folder: &Path) -> BTreeMap<PathBuf, Example> {
    let mut examples = BTreeMap::new();
    for path in documents() {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let blocks = blocks(&read(&path));
        for (at, block) in blocks.iter().enumerate() {
            if block.mark != "python" {
                continue;
            }
            let printed = blocks
                .get(at + 1)
                .filter(|next| next.follows && next.mark == "text")
                .map_or_else(String::new, |next| next.text.clone());
            let script = folder.join(format!("{name}_line_{}.conc", block.line));
            fs::write(&script, &block.text).expect("the script can be written");
            let status = block.status;
            examples.insert(script, Example { printed, status });
        }
    }
    examples
}

#[test]
fn every_script_in_the_documents_prints_what_stands_below_it() {
    let folder = std::env::temp_dir().join(format!("conc-documents-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder to write to");
    let examples = write_examples(&folder);
    assert!(!examples.is_empty(), "no script was found");
    let scripts = harness::scripts(&folder, "conc");
    let failures = harness::in_parallel(&scripts, |script| {
        check(script, &examples[script], Mode::Optimised)?;
        check(script, &examples[script], Mode::Plain)
    });
    // What cannot be removed harms no other run.
    let _ = fs::remove_dir_all(&folder);
    harness::report(&scripts, &failures, &folder);
}

fn check(script: &Path, example: &Example, mode: Mode) -> Result<(), String> {
    let outcome = harness::run(script, mode, "", &[], &[]);
    let shown = |first: &str, second: &str| {
        format!("{first}{second}").replace(&*script.to_string_lossy(), "example.conc")
    };
    let mut printed = shown(&outcome.output, &outcome.error);
    let other_way = shown(&outcome.error, &outcome.output);
    if other_way == example.printed {
        printed = other_way;
    }
    if outcome.timed_out {
        return Err(format!("{mode:?}: killed, it did not end"));
    }
    if outcome.status == example.status && printed == example.printed {
        return Ok(());
    }
    Err(format!(
        "{mode:?}: expected status {}, actual {}\n--- expected\n{}--- actual\n{printed}",
        example.status, outcome.status, example.printed
    ))
}

#[test]
fn every_session_at_the_prompt_shows_what_stands_there() {
    let mut sessions = 0;
    for path in documents() {
        for block in blocks(&read(&path)) {
            if block.mark != "pycon" {
                continue;
            }
            sessions += 1;
            let mut typed = String::new();
            let mut shown = String::new();
            for line in block.text.lines() {
                match line.strip_prefix(">>>").or(line.strip_prefix("...")) {
                    Some(input) => {
                        typed.push_str(input.strip_prefix(' ').unwrap_or(input));
                        typed.push('\n');
                    }
                    None => {
                        shown.push_str(line);
                        shown.push('\n');
                    }
                }
            }
            let mut command = Command::new(harness::binary());
            command.arg("-i");
            let outcome = harness::run_command(command, &typed);
            let (_greeting, output) = outcome.output.split_once('\n').unwrap_or_default();
            let place = format!("{}:{}", path.display(), block.line);
            assert_eq!(output, shown, "{place}\n{}", outcome.error);
            assert_eq!(outcome.status, 0, "{place}\n{}", outcome.error);
        }
    }
    assert!(sessions > 0, "no session was found");
}

#[test]
fn every_command_in_the_documents_can_be_given() {
    let mut failures = String::new();
    let mut commands = 0;
    for path in documents() {
        for block in blocks(&read(&path)) {
            if block.mark != "sh" {
                continue;
            }
            for line in block.text.lines() {
                let line = line.split(" #").next().unwrap_or_default();
                let Some(arguments) = line
                    .strip_prefix("cargo run --release -- ")
                    .or_else(|| line.strip_prefix("conc "))
                else {
                    continue;
                };
                commands += 1;
                let mut command = Command::new("sh");
                command
                    .args(["-c", &format!("cd \"$ROOT\" && \"$CONC\" {arguments}")])
                    .env("ROOT", root())
                    .env("CONC", harness::binary());
                let outcome = harness::run_command(command, "");
                if outcome.status != 0 || outcome.timed_out {
                    let _ = writeln!(
                        failures,
                        "{}:{}: {line}\nstatus {}\n{}",
                        path.display(),
                        block.line,
                        outcome.status,
                        outcome.error
                    );
                }
            }
        }
    }
    assert!(commands > 0, "no command was found");
    assert!(failures.is_empty(), "\n{failures}");
}

/// The texts between single back-quotes, outside blocks.
fn quoted(document: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in document.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else if !inside {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

#[test]
fn every_file_that_the_documents_name_is_there() {
    const FOLDERS: &[&str] = &[
        "src/",
        "tests/",
        "scripts/",
        "docs/",
        "grammar/",
        "examples/",
        "benches/",
        "fuzz/",
        ".ci/",
    ];
    let mut missing = String::new();
    for path in documents() {
        let text = read(&path);
        let folder = path.parent().unwrap_or(root());
        for name in quoted(&text) {
            let is_path = FOLDERS.iter().any(|folder| name.starts_with(folder))
                && !name.contains([' ', '*', '<', 'N']);
            let name = name.split("::").next().unwrap_or_default();
            if is_path && !root().join(name).exists() {
                let _ = writeln!(missing, "{}: {name}", path.display());
            }
        }
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap_or_default();
            let is_file = !target.is_empty() && !target.contains("://");
            if is_file && !folder.join(target).exists() {
                let _ = writeln!(missing, "{}: link to {target}", path.display());
            }
        }
    }
    assert!(missing.is_empty(), "\n{missing}");
}

#[test]
fn every_script_of_the_notes_stands_for_a_statement() {
    let folder = root().join("tests/notes");
    let table = read(&folder.join("README.md"));
    let missing: Vec<_> = harness::scripts(&folder, "conc")
        .into_iter()
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .filter(|name| !table.contains(&format!("]({name})")))
        .collect();
    assert!(missing.is_empty(), "not in the table: {missing:?}");
}

#[test]
fn every_module_that_the_readme_lists_can_be_imported() {
    let readme = read(&root().join("README.md"));
    let list = readme
        .split("\n\n")
        .find(|paragraph| paragraph.starts_with("Modules: "))
        .expect("a paragraph that lists the modules");
    for module in list.split('`').skip(1).step_by(2) {
        let module = match module.strip_prefix('.') {
            Some(part) => format!("multiprocessing.{part}"),
            None => module.to_owned(),
        };
        let mut command = Command::new(harness::binary());
        command.args(["-c", &format!("import {module}")]);
        let outcome = harness::run_command(command, "");
        assert_eq!(outcome.status, 0, "{module}: {}", outcome.error);
    }
    // And the other way round: what conc says that it has. These are parts of others, or other names of them.
    const UNLISTED: [&str; 4] = ["concurrent", "urllib", "posix", "posixpath"];
    let mut command = Command::new(harness::binary());
    command.args(["-c", "import no_such_thing"]);
    let outcome = harness::run_command(command, "");
    let (_, said) = outcome
        .error
        .split_once("conc's own modules are ")
        .expect("a list of the modules");
    let said = said.lines().next().unwrap_or_default();
    for module in said.split(", ").filter(|name| !UNLISTED.contains(name)) {
        assert!(
            list.contains(&format!("`{module}`")),
            "the README lacks {module}"
        );
    }
}

#[test]
fn every_environment_variable_in_the_readme_is_read_somewhere() {
    let mut program = String::new();
    let mut open = ["src", "build", "tests/harness"]
        .map(|folder| root().join(folder))
        .to_vec();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("a directory entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                program.push_str(&read(&path));
            }
        }
    }
    for name in quoted(&read(&root().join("README.md"))) {
        let variable = name.split('=').next().unwrap_or_default();
        if variable.starts_with("CONC_") {
            assert!(
                program.contains(&format!("\"{variable}\"")),
                "nothing reads {variable}"
            );
        }
    }
}
