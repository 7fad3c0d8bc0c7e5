//! Parsing takes time in proportion to the length of the text: counted in steps of the grammar's
//! parser, not measured. A test program of its own, because the counter is one for the process.

#![allow(clippy::unwrap_used)]

use std::num::NonZeroUsize;

use conc::syntax::parse_module;
use conc::syntax::source::Source;

/// The number of steps that parsing takes: the least limit under which it succeeds.
fn steps(text: &str) -> usize {
    let source = Source::new("test", text);
    let fits = |limit: usize| {
        pest::set_call_limit(NonZeroUsize::new(limit));
        let fits = parse_module(&source).is_ok();
        pest::set_call_limit(None);
        fits
    };
    assert!(
        parse_module(&source).is_ok(),
        "{}",
        &text[..text.len().min(80)]
    );
    let mut high = 1024;
    while !fits(high) {
        high *= 2;
    }
    let mut low = high / 2;
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if fits(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

/// Twice the text takes at most twice the steps.
fn check(name: &str, text: impl Fn(usize) -> String, size: usize) {
    let (one, two) = (steps(&text(size)), steps(&text(size * 2)));
    assert!(
        two <= one * 2 + one / 50 + 64,
        "{name}: {one} steps, then {two}"
    );
}

#[test]
fn steps_grow_with_the_text() {
    let everything = include_str!("syntax/everything.conc");
    let body = everything.split_once("*\n").unwrap().1;
    check("everything", |n| body.repeat(n), 3);
    for (name, piece) in [
        ("statements", "x = f(a, b)[c].d + 'e'\n"),
        ("comments", "# a comment\n\n"),
        ("conditions", "if a:\n    b\nelif c:\n    d\n"),
        ("functions", "def f(a, b=1, *c, **d):\n    return a\n"),
        (
            "classes",
            "@d\nclass A(B):\n    def f(self):\n        pass\n",
        ),
        ("tries", "try:\n    a\nexcept B:\n    c\nfinally:\n    d\n"),
        ("matches", "match x:\n    case [1, *_]:\n        pass\n"),
        ("soft keywords", "match(x)\nmatch[x]: int\ncase = match\n"),
        ("f-strings", "f'{a!r:>{b}} {c}'\n"),
        ("withs", "with (a as b, c): pass\nwith (a, b) as c: pass\n"),
    ] {
        check(name, |n| piece.repeat(n), 40);
    }
    for (name, open, close) in [
        ("groups", "(", ")"),
        ("lists", "[1, ", "]"),
        ("dicts", "{1: ", "}"),
        ("calls", "f(a, ", ")"),
        ("keyword arguments", "f(a=", ")"),
        ("subscripts", "a[1:", "]"),
        ("comprehensions", "[x for x in ", "]"),
        ("generators", "f(x for x in ", ")"),
        ("lambdas", "(lambda x=1: ", ")"),
        ("conditionals", "(a if b else ", ")"),
        ("matches and withs", "match(", ")"),
        ("targets", "[a, ", "]"),
    ] {
        check(
            name,
            |n| format!("x = {}y{}", open.repeat(n), close.repeat(n)),
            40,
        );
        check(
            name,
            |n| format!("with {}y{}: pass", open.repeat(n), close.repeat(n)),
            40,
        );
    }
    check(
        "patterns",
        |n| {
            format!(
                "match x:\n case {}y{}: pass",
                "[1, ".repeat(n),
                "]".repeat(n)
            )
        },
        20,
    );
    check(
        "for targets",
        |n| format!("for {}y{} in z: pass", "[a, ".repeat(n), "]".repeat(n)),
        40,
    );
    check(
        "nested f-strings",
        |n| format!("x = {}1{}", "f'{".repeat(n), "}'".repeat(n)),
        30,
    );
    check(
        "operators",
        |n| format!("x = 1{}", " + a * b".repeat(n)),
        100,
    );
    check(
        "trailers",
        |n| format!("x = a{}", ".b(c)[d]".repeat(n)),
        100,
    );
    let blocks = |n: usize| {
        let mut text = String::new();
        for depth in 0..n {
            text.push_str(&format!("{}if x:\n", " ".repeat(depth)));
        }
        text + &" ".repeat(n) + "pass\n"
    };
    check("blocks", blocks, 45);
}
