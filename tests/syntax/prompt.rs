//! What the prompt is told of an input: complete, incomplete or invalid.

use super::source;
use conc::syntax::{Input, parse_input};

fn judge(text: &str) -> &'static str {
    match parse_input(&source(text)) {
        Input::Complete(_) => "complete",
        Input::Incomplete => "incomplete",
        Input::Invalid(_) => "invalid",
    }
}

#[test]
fn inputs() {
    for (text, wanted) in [
        ("", "complete"),
        ("\n", "complete"),
        ("# nothing", "complete"),
        ("x", "complete"),
        ("x = 1\n", "complete"),
        ("x; y", "complete"),
        ("pass", "complete"),
        ("import os", "complete"),
        ("x = 'a", "invalid"),
        ("x = (", "incomplete"),
        ("x = (1,\n", "incomplete"),
        ("x = (1,\n2)", "complete"),
        ("x = [\n\n", "incomplete"),
        ("x = '''", "incomplete"),
        ("x = '''\nabc\n", "incomplete"),
        ("x = '''\nabc'''", "complete"),
        ("x = f'''{", "incomplete"),
        ("x = f'{", "invalid"),
        ("x = 1 + \\", "incomplete"),
        ("x = 1 + \\\n", "incomplete"),
        ("x = 'a\\\n", "incomplete"),
        ("x =", "invalid"),
        ("x = )", "invalid"),
        ("x y", "invalid"),
        ("if x:", "incomplete"),
        ("if x:\n", "incomplete"),
        ("if x:\n    y", "incomplete"),
        ("if x:\n    y\n", "incomplete"),
        ("if x:\n    y\n\n", "complete"),
        ("if x:\n    y\n    ", "complete"),
        ("if x: y", "incomplete"),
        ("if x: y\n", "incomplete"),
        ("if x: y\n\n", "complete"),
        ("if x:\ny", "invalid"),
        ("if x\n", "invalid"),
        ("if x:\n    y\nelse:", "incomplete"),
        ("if x:\n    y\nelse:\n    z\n\n", "complete"),
        ("if x:\n    y(\n\n", "incomplete"),
        ("def f():\n    return 1\n", "incomplete"),
        ("def f():\n    return 1\n\n", "complete"),
        ("class A:\n    x = 1\n\n    y = 2\n", "incomplete"),
        ("try:\n    x", "incomplete"),
        ("try:\n    x\n", "incomplete"),
        ("try:\n    x\n\n", "invalid"),
        ("try:\n    x\nexcept A:\n    y\n\n", "complete"),
        ("@f", "incomplete"),
        ("@f\n", "incomplete"),
        ("@f\ndef g(): pass\n\n", "complete"),
        ("@f\nx", "invalid"),
        ("match x:", "incomplete"),
        ("match x:\n    case 1:", "incomplete"),
        ("match x:\n    case 1:\n        y\n\n", "complete"),
        ("while True:\n    x = (\n", "incomplete"),
        ("x = (\ny z", "incomplete"),
        ("return 1", "invalid"),
        ("print x", "invalid"),
        ("x = $ (", "invalid"),
        ("x y\nz = (", "invalid"),
        ("if x y:\n    z = (", "invalid"),
    ] {
        assert_eq!(judge(text), wanted, "{text:?}");
    }
}
