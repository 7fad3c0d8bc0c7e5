//! The language, checked by scripts: every file below `tests/language` and `tests/notes` runs in both modes of the
//! evaluator and must print what the comments beside its lines say. What they say was recorded from CPython.
//!
//! `CONC_FILTER=TEXT` runs only the scripts whose path contains the text.

#[path = "harness/expectation.rs"]
mod expectation;
mod harness;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

macro_rules! areas {
    ($($area:ident)*) => {
        /// The areas that have a test function, so that none can be forgotten.
        const AREAS: &[&str] = &[$(stringify!($area)),*];

        $(
            #[test]
            fn $area() {
                expectation::check_all(concat!("language/", stringify!($area)));
            }
        )*
    };
}

areas! {
    differences
    builtins
    classes
    collections
    exceptions
    formatting
    functions
    generators
    layout
    literals
    matching
    methods
    modules
    modules_concurrent
    modules_data
    modules_gc
    modules_multiprocessing
    modules_queue
    modules_stdlib
    modules_threading
    numbers
    operators
    programs
    statements
    strings
    trade
}

#[test]
fn notes() {
    expectation::check_all("notes");
}

#[test]
fn every_area_is_tested() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/language");
    let present: BTreeSet<String> = fs::read_dir(directory)
        .expect("the tests' directory")
        .map(|entry| {
            entry
                .expect("a directory entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let tested: BTreeSet<String> = AREAS.iter().map(|&area| area.to_owned()).collect();
    assert_eq!(
        tested, present,
        "expected: an area in `areas!` for each directory below tests/language"
    );
}

#[test]
fn comments_are_read_as_written() {
    let source = "# stdin: one\n# args: a b\nprint(1)  # expect: 1\n# expect:\n#  expect: no\n\
                  1 / 0\n# expect error: ZeroDivisionError: division by zero\n# expect status: 1\n";
    let expectation = expectation::Expectation::of(source);
    assert_eq!(expectation.output, ["1", ""]);
    assert_eq!(
        expectation.error.as_deref(),
        Some("ZeroDivisionError: division by zero")
    );
    assert_eq!(expectation.status, 1);
    assert_eq!(expectation.input, "one\n");
    assert_eq!(expectation.arguments, ["a", "b"]);
}

#[test]
fn the_first_difference_is_shown() {
    let expected = ["a".to_owned(), "b".to_owned()];
    assert_eq!(expectation::first_difference(&expected, &["a", "b"]), None);
    let text = expectation::first_difference(&expected, &["a", "c"]).expect("they differ");
    assert_eq!(
        text,
        "output line 2 of 2\n    after:    a\n    expected: b\n    actual:   c"
    );
    let text = expectation::first_difference(&expected, &["a"]).expect("they differ");
    assert!(text.ends_with("actual:   (no more output)"), "{text}");
}
