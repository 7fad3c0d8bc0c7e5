//! Spans: every part of a tree knows the exact text that it was made from.

use conc::syntax::ast::*;
use conc::syntax::{parse_expression, parse_module};

use super::source;

#[test]
fn expressions() {
    for (text, wanted) in [
        ("  a  ", "a"),
        ("(a)", "a"),
        ("(a) + b", "(a) + b"),
        ("a + (b)", "a + (b)"),
        ("- (a)", "- (a)"),
        ("not  a", "not  a"),
        ("a . b", "a . b"),
        ("(a) . b", "(a) . b"),
        ("a [ 1 ]", "a [ 1 ]"),
        ("f ( x , y )", "f ( x , y )"),
        ("a , b ,", "a , b ,"),
        ("( a , b )", "( a , b )"),
        ("[a]  ", "[a]"),
        ("a if b else c ", "a if b else c"),
        ("lambda x : y ", "lambda x : y"),
        ("'a' \"b\" ", "'a' \"b\""),
        ("f'{a}' 'b' ", "f'{a}' 'b'"),
        ("a < b <= c ", "a < b <= c"),
        ("a and b or c ", "a and b or c"),
        ("函数 (参数)", "函数 (参数)"),
    ] {
        let source = source(text);
        let tree = parse_expression(&source).unwrap();
        assert_eq!(source.slice(tree.span), wanted, "{text:?}");
    }
}

#[test]
fn fields_of_fstrings() {
    let text = "f'ü{ a + b !r:>{ width }} {c}'";
    let source = source(text);
    let tree = parse_expression(&source).unwrap();
    let ExprKind::FString(parts) = tree.kind else {
        panic!("{tree:?}");
    };
    let mut found = Vec::new();
    for part in &parts {
        if let FStringPart::Field(field) = part {
            found.push(source.slice(field.value.span).to_owned());
            for part in &field.format {
                if let FStringPart::Field(field) = part {
                    found.push(source.slice(field.value.span).to_owned());
                }
            }
        }
    }
    assert_eq!(found, ["a + b", "width", "c"]);
}

#[test]
fn statements() {
    let text = "\
# comment
x = 1  # one
if a :
    b ;  c
    # inside

else :
    pass # end
@d
def f ( a ) -> b :
    return  a

class C ( B ) : x = 1
for x in y : z
try:
    a
except E as e:
    b
";
    let source = source(text);
    let module = parse_module(&source).unwrap();
    let found: Vec<&str> = module
        .body
        .iter()
        .map(|statement| source.slice(statement.span))
        .collect();
    assert_eq!(
        found,
        [
            "x = 1",
            "if a :\n    b ;  c\n    # inside\n\nelse :\n    pass",
            "@d\ndef f ( a ) -> b :\n    return  a",
            "class C ( B ) : x = 1",
            "for x in y : z",
            "try:\n    a\nexcept E as e:\n    b",
        ]
    );
    let StmtKind::Function(function) = &module.body[2].kind else {
        panic!();
    };
    assert_eq!(source.slice(function.header), "def f ( a ) -> b :");
    let StmtKind::Try { handlers, .. } = &module.body[5].kind else {
        panic!();
    };
    assert_eq!(source.slice(handlers[0].span), "except E as e:\n    b");
    let StmtKind::If { branches, .. } = &module.body[1].kind else {
        panic!();
    };
    let inner: Vec<&str> = branches[0]
        .1
        .iter()
        .map(|statement| source.slice(statement.span))
        .collect();
    assert_eq!(inner, ["b", "c"]);
}

/// Long sources are parsed in pieces: nothing may be cut apart, and all places be right.
#[test]
fn long_sources() {
    let statements = [
        "x = f(a)[b].c",
        "if a:\n    b\nelif c:\n    d\nelse:\n    e",
        "try:\n    a\nexcept B:\n    c\nelse:\n    d\nfinally:\n    e",
        "@d\n@e\ndef f(a, b=1):\n\n    # c\n    return a",
        "s = f'{a!r:>{b}}'",
        "class A(B):\n    pass",
        "elsewhere = 1",
        "x = (1,\n2)",
    ];
    let mut text = String::new();
    let mut wanted = Vec::new();
    for index in 0..20_000 {
        let statement = statements[(index * 7 + index / 5) % statements.len()];
        wanted.push(statement);
        text.push_str(statement);
        text.push_str(if index % 3 == 0 {
            "\n\n# comment\n"
        } else {
            "\n"
        });
    }
    let source = source(&text);
    let module = parse_module(&source).unwrap();
    let found: Vec<&str> = module
        .body
        .iter()
        .map(|statement| source.slice(statement.span))
        .collect();
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(&wanted) {
        assert_eq!(found, wanted);
    }
    // An error far down is found where it stands.
    let wrong = format!("{text}x = = 1\n{text}");
    let error = parse_module(&super::source(&wrong)).unwrap_err();
    assert_eq!(error.span.start as usize, text.len() + "x = ".len());
}
