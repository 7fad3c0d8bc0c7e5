//! Texts made to break a parser: each must end in a tree or in a clear error, on a small stack.

use conc::syntax::source::Source;
use conc::syntax::{parse_expression, parse_module};

use super::source;

/// Parses on a thread with as little stack as a test may have, drops the tree there too, and
/// returns the message, or "ok".
fn outcome(text: String) -> String {
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let run = move || match parse_module(&source(&text)) {
        Ok(module) => {
            drop(module);
            "ok".to_owned()
        }
        Err(error) => {
            // Where it stands must be sayable, too.
            let shown = error.to_plain_text(&source(&text));
            assert!(shown.len() < 100_000);
            error.message
        }
    };
    thread.spawn(run).unwrap().join().unwrap()
}

#[test]
fn nesting_that_is_allowed() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("f(", ")"),
        ("a[", "]"),
        ("{1: ", "}"),
        ("(-", ")"),
    ] {
        let text = format!("{}x{}", open.repeat(199), close.repeat(199));
        assert_eq!(outcome(text), "ok", "{open}");
    }
    let mut blocks = String::new();
    for depth in 0..99 {
        blocks.push_str(&format!("{}if x:\n", " ".repeat(depth)));
    }
    blocks.push_str(&format!("{}pass\n", " ".repeat(99)));
    assert_eq!(outcome(blocks), "ok");
    for text in [
        format!("x = {}1", "not ".repeat(900)),
        format!("x = {}1", "-".repeat(900)),
        format!("x = a{}", ".a".repeat(900)),
        format!("x = a{}", "()".repeat(900)),
        format!("x = 1{}", " + 1".repeat(900)),
        format!("x = 1{}", " ** 1".repeat(900)),
        format!("x = 1{}", " if 1 else 1".repeat(900)),
        format!("x = {}1", "lambda: ".repeat(900)),
        format!("x = 1{}", " and 1".repeat(20_000)),
        format!("x = 1{}", " < 1".repeat(20_000)),
        format!("x = 'a'{}", " 'a'".repeat(20_000)),
        format!("x = [{}]", "1, ".repeat(20_000)),
        format!("f({})", "1, ".repeat(20_000)),
        format!("{}x", "a = ".repeat(20_000)),
        format!("if a: pass\n{}", "elif b: pass\n".repeat(20_000)),
        format!("import a{}", ".a".repeat(20_000)),
        format!("x = 0x{}", "f".repeat(200_000)),
        format!(
            "f({})",
            (0..20_000).map(|i| format!("a{i}=1,")).collect::<String>()
        ),
        format!(
            "def f({}): pass",
            (0..20_000).map(|i| format!("a{i},")).collect::<String>()
        ),
        "pass;".repeat(20_000),
        "\\\n".repeat(20_000) + "pass",
        "\n".repeat(200_000),
        " ".repeat(200_000),
        "#".repeat(200_000),
        format!("x = '{}'", "a".repeat(200_000)),
        format!("{} = 1", "a".repeat(200_000)),
        format!("x = f'{}'", "{a}".repeat(20_000)),
    ] {
        let start: String = text.chars().take(30).collect();
        assert_eq!(outcome(text), "ok", "{start}…");
    }
}

#[test]
fn nesting_that_is_refused() {
    let deep = "expression is nested too deeply";
    let brackets = "too many nested parentheses";
    for (text, wanted) in [
        ("(".repeat(10_000), brackets),
        ("[".repeat(10_000) + &"]".repeat(10_000), brackets),
        ("{".repeat(10_000), brackets),
        ("f(".repeat(10_000), brackets),
        ("a[".repeat(10_000), brackets),
        ("([{".repeat(10_000), brackets),
        ("f'{".repeat(10_000), "too many nested f-strings"),
        ("f'{(".repeat(10_000), brackets),
        (format!("x = {}1", "not ".repeat(100_000)), deep),
        (format!("x = {}1", "-".repeat(100_000)), deep),
        (
            format!("x = {}1", "- not ".repeat(100_000)),
            "invalid syntax",
        ),
        (format!("x = 1{}", " + 1".repeat(100_000)), deep),
        (format!("x = 1{}", " ** 1".repeat(100_000)), deep),
        (format!("x = a{}", ".a".repeat(100_000)), deep),
        (format!("x = a{}", "()".repeat(100_000)), deep),
        (format!("x = a{}", "[0]".repeat(100_000)), deep),
        (format!("x = {}1", "lambda: ".repeat(100_000)), deep),
        (format!("x = {}1", "lambda x=".repeat(100_000)), deep),
        (format!("x = 1{}", " if 1 else 1".repeat(100_000)), deep),
        (
            format!("x = {}1", "a if ".repeat(100_000)),
            "expected 'else' after 'if' expression",
        ),
        (
            format!("x = {}", "yield ".repeat(100_000)),
            "invalid syntax",
        ),
        (
            format!("match x:\n case a{}: pass", ".a".repeat(100_000)),
            deep,
        ),
        (
            format!("x = {}", "9".repeat(1_000_000)),
            "Exceeds the limit (4300 digits) for integer string conversion: value has 1000000 digits; use sys.set_int_max_str_digits() to increase the limit - Consider hexadecimal for huge integer literals to avoid decimal conversion limits.",
        ),
        ("x = \0".to_owned(), "source code cannot contain null bytes"),
        (
            "\0".repeat(100_000),
            "source code cannot contain null bytes",
        ),
        ("'\0'".to_owned(), "source code cannot contain null bytes"),
        ("# \0".to_owned(), "source code cannot contain null bytes"),
        ("@".repeat(100_000), "invalid syntax"),
        ("*".repeat(100_000), "invalid syntax"),
        (":".repeat(100_000), "invalid syntax"),
        ("a ".repeat(100_000), "invalid syntax"),
        ("if x:".repeat(10_000), "invalid syntax"),
        (
            "'".repeat(100_001),
            "unterminated triple-quoted string literal (detected at line 1)",
        ),
        (
            format!("x = ({}", "a\n".repeat(100_000)),
            "'(' was never closed",
        ),
        (
            format!("'''{}", "a\n".repeat(100_000)),
            "unterminated triple-quoted string literal (detected at line 100000)",
        ),
        (format!("{}x y", "pass\n".repeat(100_000)), "invalid syntax"),
        ("else:\n x\n".repeat(10_000), "invalid syntax"),
    ] {
        let start: String = text.chars().take(30).collect();
        assert_eq!(outcome(text), wanted, "{start}…");
    }
}

#[test]
fn blocks() {
    let mut text = String::new();
    for depth in 0..10_000 {
        text.push_str(&format!("{}if x:\n", " ".repeat(depth)));
    }
    assert_eq!(outcome(text.clone()), "too many levels of indentation");
    // The same cut off in the middle, and with an error at the depth that is allowed.
    let cut: String = text
        .lines()
        .take(99)
        .flat_map(|line| [line, "\n"])
        .collect();
    assert!(outcome(cut.clone()).starts_with("expected an indented block after 'if'"));
    assert_eq!(
        outcome(format!("{cut}{}x y\n", " ".repeat(99))),
        "invalid syntax"
    );
    let tries: String = (0..99)
        .map(|depth| format!("{}try:\n", " ".repeat(depth)))
        .collect();
    assert_eq!(
        outcome(format!("{tries}{}x\n", " ".repeat(99))),
        "expected 'except' or 'finally' block"
    );
}

#[test]
fn brackets_that_mix_every_construct() {
    // Each bracket holds as many levels as one may have, on a small stack.
    for (open, close) in [
        ("[lambda x: -", "]"),
        ("f(a, *b, c=not ", ")"),
        ("(a if b else ", ")"),
        ("{a: b + c * ", "}"),
        ("[x for x in y if ", "]"),
        ("a[1:2, ", "]"),
    ] {
        let text = format!("x = {}z{}", open.repeat(190), close.repeat(190));
        assert_eq!(outcome(text), "ok", "{open}");
    }
    let text = format!("x = {}1{}", "f'{".repeat(90), "}'".repeat(90));
    assert_eq!(outcome(text), "ok");
}

#[test]
fn bytes_that_are_no_text() {
    for bytes in [
        &b"\xff"[..],
        b"x = '\xed\xa0\x80'",
        b"# \xc3",
        b"\xf8\x88\x80\x80\x80",
        b"x = 1\n\xfe\xff\n",
    ] {
        let (source, error) = Source::from_bytes("t", bytes.to_vec()).unwrap_err();
        assert!(error.message.starts_with("(unicode error)"), "{bytes:?}");
        error.to_plain_text(&source);
    }
}

/// Every cut and every single changed byte of a text that uses everything must end in a tree or
/// an error, never in a panic, and an error's spans must lie within the text.
#[test]
fn cut_and_changed_texts() {
    let whole = include_str!("everything.conc");
    assert!(parse_module(&source(whole)).is_ok());
    let check = |text: &str| {
        let source = source(text);
        if let Err(error) = parse_module(&source) {
            for (span, _) in error.related.iter().chain([&(error.span, String::new())]) {
                assert!(span.start <= span.end, "{text:?}");
                assert!(span.end as usize <= text.len() + 1, "{text:?}");
            }
            assert!(
                !error.message.contains("the parser "),
                "{} in {text:?}",
                error.message
            );
            error.to_plain_text(&source);
        }
        let _ = parse_expression(&source);
    };
    for end in (0..whole.len())
        .step_by(3)
        .filter(|end| whole.is_char_boundary(*end))
    {
        check(&whole[..end]);
    }
    let replacements = [
        "(", ")", "'", "\"", "{", "}", ":", "\n", " ", "\\", "=", "é", "if", "#", ",",
    ];
    for (index, at) in (0..whole.len()).step_by(7).enumerate() {
        if !whole.is_char_boundary(at) || !whole.is_char_boundary(at + 1) {
            continue;
        }
        let with = replacements[index % replacements.len()];
        check(&format!("{}{with}{}", &whole[..at], &whole[at + 1..]));
        check(&format!("{}{with}{}", &whole[..at], &whole[at..]));
    }
}
