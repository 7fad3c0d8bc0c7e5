//! Golden tests: every message of the syntax, as plain text. A file `NAME.conc` holds snippets,
//! each after a line `###`; `NAME.expected` holds what is said of each.

use std::fmt::Write;
use std::path::Path;

use conc::syntax::parse_module;
use conc::syntax::source::Source;

fn render(text: &str) -> String {
    let mut out = String::new();
    for snippet in text.split("###\n").skip(1) {
        out.push_str("###\n");
        for line in snippet.lines() {
            let _ = writeln!(out, "| {line}");
        }
        let source = Source::new("snippet", snippet);
        match parse_module(&source) {
            Ok(_) => out.push_str("no error\n"),
            Err(error) => out.push_str(&error.to_plain_text(&source)),
        }
    }
    out
}

#[test]
fn messages_are_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics/syntax");
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
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics/syntax");
    for entry in std::fs::read_dir(folder).unwrap() {
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
