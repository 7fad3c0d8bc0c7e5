//! What statements and expressions become.

use super::{OPTIMISED, Options, PLAIN, check, dump, resolved};
use crate::resolve::lower::clean_docstring;

fn plain(source: &str) -> String {
    dump::body(&resolved(source, PLAIN))
}

fn optimised(source: &str) -> String {
    dump::body(&resolved(source, OPTIMISED))
}

#[test]
fn statements() {
    check(
        &[
            ("x = y", "x = y"),
            ("x = y = z", "x = y = z"),
            ("x, (y, *z), w.a = b", "(x, (y, *z), w.a) = b"),
            ("*a, b = c", "(*a, b) = c"),
            ("[] = a", "() = a"),
            ("x[1:2] = a", "x[slice(1:2:None)] = a"),
            ("x: int = 1", "x = 1"),
            ("x: int", "pass"),
            ("x.y: int", "x"),
            ("x[y]: int", "tuple(x, y)"),
            ("x += 1", "x += 1"),
            ("x.y <<= z", "x.y <<= z"),
            ("def f(): x += (x := 1)", "f = def f {$0 = $0 += ($0 := 1)}"),
            ("class A: x += 1", "A = class A( / ) {$0 = ($0 or x) += 1}"),
            ("del x, (y.a, [z[0]])", "del x, y.a, z[0]"),
            ("pass\nglobal x", "pass; pass"),
            ("raise", "raise - from -"),
            ("raise A from b", "raise A from b"),
            ("assert a", "assert a, -"),
            ("assert a, b", "assert a, b"),
            ("if a: b\nelif c: d\nelse: e", "if a {b} if c {d} else {e}"),
            (
                "while a:\n if b: break\n continue\nelse: c",
                "while a {if b {break}; continue} else {c}",
            ),
            ("for a, b in c: d\nelse: e", "for (a, b) in c {d} else {e}"),
            (
                "try: a\nexcept B as c: d\nexcept: e\nelse: f\nfinally: g",
                "{try {a} except B as c {d} except - as - {e} else {f}} finally {g}",
            ),
            ("try: a\nfinally: b", "{a} finally {b}"),
            ("try: a\nexcept* b: c", "try {a} except* b as - {c}"),
            (
                "with a as b, c, d as e[0]: f",
                "with a as b {with c as - {with d as e[0] {f}}}",
            ),
            ("import a.b, c.d as e", "import a.b.. as a; import c.d as e"),
            ("from .. import a as b, c", "from .. import a as b, c as c"),
            ("from a.b import *", "from a.b import *"),
            ("1; 'two'; f()", "pass; pass; f()"),
            (
                "match a:\n case 1 | -2 | 'x' if b: c\n case None: d\n case [e, *_, f] | (f, e): g\n case A.b: h\n case B(x, y=_): i\n case {'k': v, **r}: j\n case (m as n): o",
                "match a case ==1 | ==-2 | =='x' if b {c} case is None if - {d} case [e, *_, f] | [f, e] if - {g} case ==A.b if - {h} case B(x, y=_) if - {i} case {'k': v, **r} if - {j} case m as n if - {o}",
            ),
        ],
        plain,
    );
}

#[test]
fn definitions() {
    check(
        &[
            (
                "def f(a, b=1, *, c, d=2): return a",
                "f = def f 1 *- *2 {return $0}",
            ),
            ("def f(): return", "f = def f {return None}"),
            ("@a\n@b.c(1)\ndef f(): pass", "f = a(b.c!(1)(def f {pass}))"),
            (
                "@a\nclass A(B, *C, k=1, **d): x = 1",
                "A = a(class A(B, *C / k=1, **d) {$0 = 1})",
            ),
            (
                "for x in y:\n def f(): pass\n class A: pass",
                "for x in y {f = def' f {pass}; A = class' A( / ) {pass}}",
            ),
            (
                "if x:\n def f():\n  def g(): pass",
                "if x {f = def f {$0 = def' g {pass}}}",
            ),
            ("f = lambda a, *b: a", "f = def' <lambda> {return $0}"),
            (
                "class A:\n x = 1\n y = x\n z = w",
                "A = class A( / ) {$0 = 1; $1 = ($0 or x); $2 = w}",
            ),
            (
                "class A:\n def m(self): return self.__x",
                "A = class A( / ) {$0 = def m {return $0._A__x}}",
            ),
            (
                "class A:\n def m(self): self.__x = 1",
                "A = class A( / ) {$0 = def m {$0._A__x = 1}}",
            ),
            (
                "class A:\n def m(self): return super().m()",
                "A = class A( / ) {$0 = def m {return super:^0:$0.m!()}}",
            ),
            (
                "class A:\n def m(self): return [super().x for y in self], lambda: self",
                "A = class A( / ) {$0 = def m {return tuple([list super:^0:$$0.x for $1 in $$0 | [1] []], def' <lambda> {return ^0})}}",
            ),
            (
                "class A:\n def m(): return super()",
                "A = class A( / ) {$0 = def m {return super()}}",
            ),
            ("def m(self): return super()", "m = def m {return super()}"),
            (
                "def f(x):\n def g():\n  nonlocal x\n  x += 1",
                "f = def f {$1 = def' g {pass; ^0 += 1}}",
            ),
            (
                "def f(x):\n x = lambda: x",
                "f = def f {$$0 = def' <lambda> {return ^0}}",
            ),
        ],
        plain,
    );
}

#[test]
fn expressions() {
    check(
        &[
            ("a.b(c).d[e](f)(g)", "a.b!(c).d[e](f)(g)"),
            ("a.b(c, k=d)", "a.b(c, k=d)"),
            ("a(b, *c, k=d, **e)", "a(b, *c / k=d, **e)"),
            ("a(k=b, *c)", "a(*c / k=b)"),
            ("a.b(*c)", "a.b(*c / )"),
            ("(a.b)(c)", "a.b!(c)"),
            ("a + b * c - d", "((a + (b * c)) - d)"),
            ("a ** b ** c", "(a ** (b ** c))"),
            ("not a and b or c", "or(and(not a, b), c)"),
            ("a < b", "(a < b)"),
            (
                "a < b <= c is not d not in e",
                "chain(a < b <= c is not d not in e)",
            ),
            ("a is not b", "(a is not b)"),
            ("a not in b", "(a not in b)"),
            ("a if b else c", "(a if b else c)"),
            ("(1, (2, 'x'), -3, None)", "pass"),
            (
                "x = (1, (2, 'x'), -3, None)",
                "x = (1, (2, 'x',), -3, None,)",
            ),
            ("(a, 1)", "tuple(a, 1)"),
            ("[a, *b]", "List(a, *b)"),
            ("(*a,)", "Tuple(*a)"),
            ("{*a, b}", "Set(*a, b)"),
            ("{a: b, **c}", "{a: b, **c}"),
            ("{1, a}", "set(1, a)"),
            ("a[b, c:d, ...]", "a[tuple(b, slice(c:d:None), ...)]"),
            ("a[::2]", "a[slice(None:None:2)]"),
            (
                "[a for a, b in c if a if b]",
                "[list $0 for ($0, $1) in c if $0 if $1 | [0, 1] []]",
            ),
            (
                "{a: b for a in c for b in a}",
                "[dict $0: $1 for $0 in c for $1 in $0 | [0, 1] []]",
            ),
            ("{a for a in b}", "[set $0 for $0 in b | [0] []]"),
            (
                "[lambda: a for a in b]",
                "[list def' <lambda> {return ^0} for $$0 in b | [0] [0]]",
            ),
            (
                "sum(a + b for a in c if a for b in d)",
                "sum(def' <genexpr> {for $1 in $0 {if $1 {for $2 in d {yield ($1 + $2)}}}}(c))",
            ),
            ("(a := b)", "(a := b)"),
            (
                "def f(): x = yield; y = yield from x; yield y",
                "f = def f {$0 = yield None; $1 = yield from $0; yield $1}",
            ),
            (
                "f'a{b}c{d!r:>{e}}{g=}{h=:x}{i=!s}'",
                "f\"a{b}c{d!Repr:>{e}}g={g!Repr}h={h:x}i={i!Str}\"",
            ),
            ("x = f'{{}}' 'b'", "x = '{}b'"),
            ("x = f''", "x = ''"),
            ("x = __debug__", "x = True"),
            ("x = 10**2 - -1", "x = ((10 ** 2) - -1)"),
            ("x = -9223372036854775808", "x = -9223372036854775808"),
            ("x = 0xffffffffffffffffff", "x = 4722366482869645213695"),
            ("x = b'ab' b'c'", "x = b\"abc\""),
        ],
        plain,
    );
}

#[test]
fn keywords_of_the_trade() {
    check(
        &[
            ("Process(target=f)", "trade Process(target=f)"),
            ("fork()", "trade fork()"),
            (
                "def f(): return Queue()",
                "f = def f {return trade Queue()}",
            ),
            (
                "from queue import Queue\nQueue()",
                "from queue import Queue as Queue; Queue()",
            ),
            (
                "from queue import *\nQueue()",
                "from queue import *; Queue()",
            ),
            (
                "def f():\n global Pool\n Pool = 1\nPool()",
                "f = def f {pass; Pool = 1}; Pool()",
            ),
            (
                "def f(Lock):\n def g(): return Lock()",
                "f = def f {$1 = def' g {return ^0()}}",
            ),
            (
                "def f():\n Lock = 1\ndef g(): return Lock()",
                "f = def f {$0 = 1}; g = def g {return trade Lock()}",
            ),
            (
                "class A:\n Lock = 1\n x = Lock\n def m(self): return Lock",
                "A = class A( / ) {$0 = 1; $1 = ($0 or Lock); $2 = def m {return trade Lock}}",
            ),
            ("a.Lock(Queue=1)", "a.Lock(Queue=1)"),
            ("Thread = 1", "Thread = 1"),
            ("del Manager", "del Manager"),
        ],
        plain,
    );
}

#[test]
fn specialised_nodes() {
    check(
        &[
            (
                "def f(x, y): return x + 1, x - y, 1 + x, x < 2, x == y",
                "f = def f {return tuple(local($0 + 1), local($0 - $1), (1 + $0), local($0 < 2), ($0 == $1))}",
            ),
            (
                "def f(n):\n for i in range(n): pass",
                "f = def f {count $1 in range($0) {pass}}",
            ),
            (
                "def f(n):\n for i in range(1, n, 2): pass",
                "f = def f {count $1 in range(1, $0, 2) {pass}}",
            ),
            (
                "def f(n):\n for i in range(): pass",
                "f = def f {for $1 in range() {pass}}",
            ),
            ("for i in range(n): pass", "for i in range(n) {pass}"),
            (
                "def f(range):\n for i in range(3): pass",
                "f = def f {for $1 in $0(3) {pass}}",
            ),
            (
                "def f(n):\n for i in range(n): lambda: i",
                "f = def f {for $$1 in range($0) {def' <lambda> {return ^0}}}",
            ),
            ("x = 2 + 3 * 4", "x = 14"),
            ("x = not True", "x = False"),
            ("x = 'a' 'b' + 'c'", "x = 'abc'"),
            (
                "class A:\n x = 1\n y = x + 1",
                "A = class A( / ) {$0 = 1; $1 = (($0 or x) + 1)}",
            ),
        ],
        optimised,
    );
}

#[test]
fn prompt_and_expression() {
    let prompt = Options {
        prompt: true,
        ..PLAIN
    };
    let dumped = dump::body(&resolved("'a'\nif x: y\ndef f(): z\nclass A: w", prompt));
    assert_eq!(
        dumped,
        "show 'a'; if x {show y}; f = def f {z}; A = class A( / ) {w}"
    );
    let expression = Options {
        expression: true,
        ..PLAIN
    };
    let body = |source| dump::body(&resolved(source, expression));
    assert_eq!(body("x = 1\nx + 1"), "x = 1; return (x + 1)");
    assert_eq!(body("'a'"), "return 'a'");
    assert_eq!(body("x = 1"), "x = 1");
}

#[test]
fn docstrings() {
    let program = resolved(
        "'module'\ndef f():\n  'f'\nclass A: 'A'\ndef g(): f''",
        PLAIN,
    );
    let docs: Vec<Option<String>> = program
        .codes
        .iter()
        .map(|code| {
            code.doc
                .as_ref()
                .and_then(|doc| doc.as_str().map(str::to_owned))
        })
        .collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(docs, [text("module"), text("f"), text("A"), None]);
    // As CPython 3.13 stores them.
    check(
        &[
            (
                "  a\n      b\n        c\n\ttab\n\n      ",
                "a\nb\n  c\n  tab\n\n",
            ),
            ("a\n\n  b\n c", "a\n\n b\nc"),
            ("", ""),
            ("  ", ""),
            ("a\n   ", "a\n   "),
            ("a\n\n   b\n   ", "a\n\nb\n"),
        ],
        clean_docstring,
    );
}

#[test]
fn pending_arguments() {
    let scratch = |source| resolved(source, PLAIN).body.scratch;
    assert_eq!(scratch("x = 1"), 0);
    assert_eq!(scratch("f()"), 1);
    assert_eq!(scratch("f(a, b)"), 3);
    assert_eq!(scratch("f(a, b); g(c)"), 3);
    assert_eq!(scratch("f(a, g(b, c))"), 6);
    assert_eq!(scratch("f(g(h()))"), 5);
    assert_eq!(scratch("f(1)(2)(3)"), 2);
    assert_eq!(scratch("a.b(c)"), 3);
    assert_eq!(scratch("f([g(x) for x in y])"), 4);
    assert_eq!(scratch("@a\n@b\ndef f(): pass"), 4);
    assert_eq!(scratch("f(lambda: g(1, 2, 3, 4))"), 2);
}

#[test]
fn constants_are_immortal_and_shared() {
    let program = resolved("x = 'some text'; y = 'some text'; z = 1 << 70", OPTIMISED);
    let mut values = Vec::new();
    for stmt in &program.body.body {
        if let crate::resolve::tree::StmtKind::Assign(_, value) = &stmt.kind
            && let crate::resolve::tree::ExprKind::Constant(value) = &value.kind
        {
            assert!(
                value
                    .header()
                    .is_some_and(|header| header.count().is_none())
            );
            values.push(value.clone());
        }
    }
    assert_eq!(values.len(), 3);
    assert!(values[0].same(&values[1]));
}

#[test]
fn nodes_lead_back_to_the_source() {
    let source = "def f(a):\n    return a.b(1)\n";
    let program = resolved(source, PLAIN);
    let code = &program.codes[1];
    assert_eq!(
        program.origin.source.slice(program.origin.span(code.node)),
        "def f(a):"
    );
    let crate::resolve::tree::StmtKind::Return(value) = &code.body[0].kind else {
        panic!("no return");
    };
    assert_eq!(
        program.origin.source.slice(program.origin.span(value.id)),
        "a.b(1)"
    );
    let crate::resolve::tree::ExprKind::CallMethod(call) = &value.kind else {
        panic!("no call");
    };
    let attribute = program.origin.span(call.attribute);
    assert_eq!(program.origin.source.slice(attribute), "a.b");
}

/// The deepest trees that the parser makes, on the stack of a test thread.
#[test]
fn deep_trees() {
    let sources = [
        format!("x = {}1{}", "[".repeat(190), "]".repeat(190)),
        format!("x = {}1{}", "f(".repeat(190), ")".repeat(190)),
        format!("x = {}1", "a ** ".repeat(900)),
        format!("x = {}1", "not ".repeat(900)),
        format!("x = {}1", "lambda: ".repeat(900)),
        format!("x = {}1", "a if b else ".repeat(900)),
        format!("x = a{}", " + a".repeat(900)),
        format!("x = a{}", ".b".repeat(900)),
        format!("x = {}1{}", "[x for x in ".repeat(190), "]".repeat(190)),
        format!("x = {}1{}", "(x for x in ".repeat(190), ")".repeat(190)),
    ];
    for source in &sources {
        let program = resolved(source, OPTIMISED);
        let nesting: u32 = program.codes.iter().map(|code| code.nesting).sum();
        assert!(nesting >= 190, "{}", &source[..30]);
    }
}

#[test]
fn suspended_statements() {
    check(
        &[
            // The slot of the whole body is the first behind the variables, those of what stands
            // within follow.
            (
                "def f(a):\n while a: yield b\n else: yield",
                "f = def f {while@2 $0 {yield b} else {yield None}}",
            ),
            (
                "def f():\n for x in y:\n  if x: z = yield\n  else: yield from x",
                "f = def f {for@3 $0 in y {if@6 $0 {$1 = yield None} else {yield@7 from $0}}}",
            ),
            (
                "def f(x):\n with a:\n  x += yield\n with b: return (yield x)",
                "f = def f {with@2 a {$0 += yield None}; with@2 b {return yield $0}}",
            ),
            (
                "def f():\n try: yield\n except A: yield\n finally: b",
                "f = def f {{try@2 {yield None} except {yield None}} finally@1 {b}}",
            ),
            (
                "def f():\n match a:\n  case b.c: yield",
                "f = def f {match@1 a case {yield None}}",
            ),
            // Where a position does not tell all, nothing is kept.
            (
                "def f():\n while a: b((yield))",
                "f = def f {while a {b(yield None)}}",
            ),
            (
                "def f():\n try: yield\n finally: yield",
                "f = def f {{yield None} finally {yield None}}",
            ),
            ("def f():\n yield (yield)", "f = def f {yield yield None}"),
        ],
        optimised,
    );
    check(
        &[(
            "def f(a):\n while a: yield b",
            "f = def f {while $0 {yield b}}",
        )],
        plain,
    );
}
