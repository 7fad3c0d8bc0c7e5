//! Golden tests: every message of the syntax, as plain text. A file `NAME.conc` holds snippets,
//! each after a line `###`; `NAME.expected` holds what is said of each. `generated.expected` does so for
//! texts that are too long to be written down.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use conc::resolve;
use conc::syntax::parse_module;
use conc::syntax::source::Source;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics/syntax")
}

/// What is said of a text, or `no error`.
fn said(text: &str) -> String {
    let source = Arc::new(Source::new("snippet", text));
    let options = resolve::Options {
        optimise: true,
        prompt: false,
        expression: false,
    };
    let program =
        parse_module(&source).and_then(|module| resolve::resolve(&module, source.clone(), options));
    match program {
        Ok(_) => "no error\n".to_owned(),
        Err(error) => error.to_plain_text(&source),
    }
}

fn render(text: &str) -> String {
    let mut out = String::new();
    for snippet in text.split("###\n").skip(1) {
        out.push_str("###\n");
        for line in snippet.lines() {
            let _ = writeln!(out, "| {line}");
        }
        out.push_str(&said(snippet));
    }
    out
}

/// Texts at the limits of the language, and such as an editor would spoil.
fn generated() -> String {
    let mut blocks = String::new();
    for depth in 0..101 {
        let _ = writeln!(blocks, "{}if x:", " ".repeat(depth));
    }
    let mut fstrings = "x".to_owned();
    for _ in 0..151 {
        fstrings = format!("f\"{{{fstrings}}}\"");
    }
    let loops = " for x in x".repeat(101);
    let managers = vec!["x"; 101].join(", ");
    let texts = [
        ("201 brackets", format!("{}x", "(".repeat(201))),
        ("101 blocks", blocks),
        ("151 f-strings", fstrings),
        ("1001 signs", format!("x = {}1", "-".repeat(1001))),
        (
            "1001 signs, and something wrong",
            format!("x = {}1 1", "-".repeat(1001)),
        ),
        ("4301 digits", format!("x = {}", "9".repeat(4301))),
        ("101 loops in a comprehension", format!("[x{loops}]")),
        ("101 context managers", format!("with {managers}: pass")),
        (
            "101 headers of lambda inside one another",
            format!("{}0{}", "lambda x=".repeat(101), ": 0".repeat(101)),
        ),
        ("a null byte", "x = 1\0\n".to_owned()),
    ];
    let mut out = String::new();
    for (name, text) in texts {
        let _ = write!(out, "###\n| {name}\n{}", said(&text));
    }
    for (name, bytes) in [
        ("a byte that begins no character", &b"x = '\xff'"[..]),
        ("a character that is cut short", &b"x = '\xe4\xb8'"[..]),
        (
            "a character at the end that is cut short",
            &b"x = '\xe4\xb8"[..],
        ),
    ] {
        let said = match Source::from_bytes("snippet", bytes.to_vec()) {
            Ok(_) => "no error\n".to_owned(),
            Err((source, error)) => error.to_plain_text(&source),
        };
        let _ = write!(out, "###\n| {name}\n{said}");
    }
    out
}

/// What is no message, and messages for which there is no text: they would be defects of the parser itself, or need a
/// source of gigabytes.
const WITHOUT_SNIPPET: [&str; 12] = [
    "` here",
    "a comprehension has no `for`",
    "a generator has no `for`",
    "a source may have at most 4 GiB",
    "can't use starred pattern here",
    "cannot use a starred expression in a dictionary key",
    "case _: pass\\n",
    "invalid number",
    "no memory is left to parse this",
    "source is too long",
    "the parser does not know the rule `",
    "the parser misses a part of the grammar here",
];

/// The texts of several words in a source file of Rust, without its tests: pieces between the places of values.
fn texts_of(code: &str) -> Vec<String> {
    let code = code
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or(code);
    let token = regex::Regex::new(
        r##"(?s)//[^\n]*|r#".*?"#|b?'(?:\\[^']*|[^'\\])'|r?"((?:[^"\\]|\\.)*)""##,
    )
    .unwrap();
    let line_end = regex::Regex::new(r"\\\n\s*").unwrap();
    let value = regex::Regex::new(r"\{[^{}]*\}").unwrap();
    let mut found = Vec::new();
    for captures in token.captures_iter(code) {
        let Some(literal) = captures.get(1) else {
            continue;
        };
        let text = line_end.replace_all(literal.as_str(), "");
        let text = text.replace("\\\"", "\"").replace("\\\\", "\\");
        if !text.contains(' ') {
            continue;
        }
        // In formats a brace that is text is written twice.
        let text = text.replace("{{", "\u{1}").replace("}}", "\u{2}");
        for piece in value.split(&text) {
            let piece = piece.trim().replace('\u{1}', "{{").replace('\u{2}', "}}");
            if piece.chars().filter(|c| c.is_alphabetic()).count() > 3 {
                found.push(piece);
            }
        }
    }
    found
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.file_name().and_then(|name| name.to_str()) {
            // Warnings are no errors: `tests/command.rs` shows them.
            Some("tests" | "warning.rs") => {}
            _ if path.is_dir() => files_below(&path, found),
            Some(name) if name.ends_with(".rs") && !name.ends_with("tests.rs") => found.push(path),
            _ => {}
        }
    }
}

#[test]
fn every_message_has_a_snippet() {
    let mut recorded = String::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "expected")
        {
            recorded.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
    let mut files = Vec::new();
    for part in ["src/syntax", "src/resolve"] {
        files_below(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join(part),
            &mut files,
        );
    }
    let mut missing = Vec::new();
    let mut count = 0;
    for file in files {
        for text in texts_of(&std::fs::read_to_string(&file).unwrap()) {
            count += 1;
            let plain = text.replace("{{", "{").replace("}}", "}");
            let is_shown = recorded.contains(&text) || recorded.contains(&plain);
            if !is_shown && !WITHOUT_SNIPPET.contains(&text.as_str()) {
                missing.push(format!("{}: {text}", file.display()));
            }
        }
    }
    assert!(count > 300, "only {count} texts were found");
    assert!(
        missing.is_empty(),
        "no snippet in tests/diagnostics/syntax shows these:\n{}",
        missing.join("\n")
    );
}

#[test]
fn generated_texts_are_as_recorded() {
    let path = folder().join("generated.expected");
    let found = generated();
    if std::env::var_os("CONC_BLESS").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), found);
}

#[test]
fn messages_are_as_recorded() {
    let folder = folder();
    let bless = std::env::var_os("CONC_BLESS").is_some();
    let mut different = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "conc") {
            continue;
        }
        count += 1;
        let found = render(&std::fs::read_to_string(&path).unwrap());
        let expected = path.with_extension("expected");
        if bless {
            std::fs::write(&expected, found).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != found {
            different.push(format!("{}\n{found}", path.display()));
        }
    }
    assert!(count > 0, "no snippets in {}", folder.display());
    assert!(
        different.is_empty(),
        "messages changed; if they are right now, run\n\
         CONC_BLESS=1 cargo test --test syntax messages_are_as_recorded\n\n{}",
        different.join("\n")
    );
}

#[test]
fn every_snippet_is_wrong() {
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "expected")
        {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains("\nno error\n"), "{}", path.display());
            // What only a defect of the parser itself would say.
            assert!(!text.contains("the parser "), "{}", path.display());
        }
    }
}
