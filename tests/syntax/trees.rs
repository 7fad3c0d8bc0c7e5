//! The tree of each construct, as compact text.

use super::{shape, source};
use conc::syntax::{parse_expression, parse_module};

fn expressions(table: &[(&str, &str)]) {
    for (text, wanted) in table {
        match parse_expression(&source(text)) {
            Ok(tree) => assert_eq!(shape::expression(&tree), *wanted, "{text}"),
            Err(error) => panic!("{text}: {}", error.to_plain_text(&source(text))),
        }
    }
}

fn statements(table: &[(&str, &str)]) {
    for (text, wanted) in table {
        match parse_module(&source(text)) {
            Ok(module) => assert_eq!(shape::module(&module), *wanted, "{text}"),
            Err(error) => panic!("{text}: {}", error.to_plain_text(&source(text))),
        }
    }
}

#[test]
fn literals() {
    expressions(&[
        ("None", "None"),
        ("True", "True"),
        ("...", "..."),
        ("0", "0"),
        ("0_0", "0"),
        ("1_000", "1000"),
        ("0xFF", "255"),
        ("0Xf_f", "255"),
        ("0o17", "15"),
        ("0b_1010", "10"),
        ("9223372036854775807", "9223372036854775807"),
        ("9223372036854775808", "0x8000000000000000"),
        ("0xffffffffffffffff_f", "0xfffffffffffffffff"),
        ("0o7777777777777777777777777", "0x7ffffffffffffffffff"),
        ("1.5", "float:3ff8000000000000"),
        ("1.", "float:3ff0000000000000"),
        (".5", "float:3fe0000000000000"),
        ("1e3", "float:408f400000000000"),
        ("1_0.0_1E-1_0", "float:3e113271ce87220f"),
        ("1e999", "float:7ff0000000000000"),
        ("08.5", "float:4021000000000000"),
        ("5 .real", "(. 5 real)"),
        ("5..real", "(. float:4014000000000000 real)"),
        ("1if 2else 3", "(? 2 1 3)"),
        ("0xfor x", "(or 15 x)"),
        ("'a'", "\"a\""),
        ("\"it's\"", "\"it's\""),
        ("'a' \"b\" '''c'''", "\"abc\""),
        ("''", "\"\""),
        ("''''''", "\"\""),
        ("'''a'b''c'''", "\"a'b''c\""),
        ("'''a\nb\r\nc\rd'''", "\"a\\{a}b\\{a}c\\{a}d\""),
        ("'a\\\nb'", "\"ab\""),
        (
            r"'\n\t\\\'\x41\101\u00e9\U0001F600\0'",
            "\"\\{a}\\{9}\\\\'AA\\{e9}\\{1f600}\\{0}\"",
        ),
        (r"'\N{BULLET}\N{latin small letter a}'", "\"\\{2022}a\""),
        (r"'\q\ '", "\"\\\\q\\\\ \""),
        (r"r'\n\''", "\"\\\\n\\\\'\""),
        (r"R'\\'", "\"\\\\\\\\\""),
        ("u'é函'", "\"\\{e9}\\{51fd}\""),
        (r"b'a\x00\xff\n\777'", "b\"a\\{0}\\{ff}\\{a}\\{ff}\""),
        (r"Rb'\x'", "b\"\\\\x\""),
        ("b'a' b'b'", "b\"ab\""),
    ]);
}

#[test]
fn fstrings() {
    expressions(&[
        ("f''", "(f)"),
        ("f'a'", "(f \"a\")"),
        ("f'{a}'", "(f {a})"),
        ("f'x{a}y'", "(f \"x\" {a} \"y\")"),
        ("'a' f'{b}' 'c'", "(f \"a\" {b} \"c\")"),
        ("f'{{a}}'", "(f \"{a}\")"),
        ("f'{a!r}'", "(f {a!r})"),
        ("f'{a!s:>10}'", "(f {a!s: \">10\"})"),
        ("f'{a:{b}.{c}}'", "(f {a: {b} \".\" {c}})"),
        ("f'{a:}'", "(f {a:})"),
        ("f'{a=}'", "(f \"a=\" {a!r})"),
        ("f'{ a = }'", "(f \" a = \" {a!r})"),
        ("f'{a=!s}'", "(f \"a=\" {a!s})"),
        ("f'{a=:>3}'", "(f \"a=\" {a: \">3\"})"),
        ("f'{a # c\n = }'", "(f \"a \\{a} = \" {a!r})"),
        ("f'{a==b}'", "(f {(cmp a == b)})"),
        ("f'{a!=b}'", "(f {(cmp a != b)})"),
        ("f'{a:=5}'", "(f {a: \"=5\"})"),
        ("f'{(a:=5)}'", "(f {(:= a 5)})"),
        ("f'{a, b}'", "(f {(tuple a b)})"),
        ("f'{*a, b}'", "(f {(tuple (star a) b)})"),
        ("f'{ {1: 2}[1] }'", "(f {(at (dict 1:2) 1)})"),
        ("f'{'nested'}'", "(f {\"nested\"})"),
        ("f'{f'{f'{1}'}'}'", "(f {(f {(f {1})})})"),
        ("f\"{d[\"a\"]}\"", "(f {(at d \"a\")})"),
        ("f'''{\na # comment }'\n}'''", "(f {a})"),
        ("f'{lambda_}'", "(f {lambda_})"),
        ("f'{(lambda x: 1)}'", "(f {(lambda (params x) 1)})"),
        (r"f'\n{a}\t'", "(f \"\\{a}\" {a} \"\\{9}\")"),
        (r"rf'\n{a}'", "(f \"\\\\n\" {a})"),
        (r"f'\{a}'", "(f \"\\\\\" {a})"),
        (r"f'\N{BULLET}{a}'", "(f \"\\{2022}\" {a})"),
        (r"fr'\N{a}'", "(f \"\\\\N\" {a})"),
        (r"f'{a:\n}'", "(f {a: \"\\{a}\"})"),
        ("f'函{数}字'", "(f \"\\{51fd}\" {数} \"\\{5b57}\")"),
        ("f'{a:%H:%M}'", "(f {a: \"%H:%M\"})"),
        ("f'{a[1:2]:x}'", "(f {(at a (slice 1 2 -)): \"x\"})"),
        ("f'{a}' f'{b}'", "(f {a} {b})"),
        ("f'{yield_}'", "(f {yield_})"),
    ]);
}

#[test]
fn operators() {
    expressions(&[
        ("a + b * c", "(+ a (* b c))"),
        ("(a + b) * c", "(* (+ a b) c)"),
        ("a - b - c", "(- (- a b) c)"),
        ("a ** b ** c", "(** a (** b c))"),
        ("-a ** -b", "(neg (** a (neg b)))"),
        ("2 ** -1 * 3", "(* (** 2 (neg 1)) 3)"),
        ("not a in b", "(not (cmp a in b))"),
        ("not not a", "(not (not a))"),
        ("not a and not b", "(and (not a) (not b))"),
        ("a or b or c and d", "(or a b (and c d))"),
        ("(a or b) or c", "(or (or a b) c)"),
        ("a < b <= c != d", "(cmp a < b <= c != d)"),
        ("(a < b) < c", "(cmp (cmp a < b) < c)"),
        (
            "a is not b not in c is d in e",
            "(cmp a is-not b not-in c is d in e)",
        ),
        ("a is  not  b", "(cmp a is-not b)"),
        ("a | b ^ c & d << e + f", "(| a (^ b (& c (<< d (+ e f)))))"),
        ("a @ b // c % d", "(% (// (@ a b) c) d)"),
        ("~-+a", "(~ (neg (pos a)))"),
        ("a if b else c if d else e", "(? b a (? d c e))"),
        ("lambda: a if b else c", "(lambda (params) (? b a c))"),
        (
            "a if b else lambda: c if d else e",
            "(? b a (lambda (params) (? d c e)))",
        ),
        (
            "lambda x: lambda y: x",
            "(lambda (params x) (lambda (params y) x))",
        ),
        (
            "lambda x=lambda: 1: x",
            "(lambda (params x=(lambda (params) 1)) x)",
        ),
        (
            "lambda a, /, b, *c, d=1, **e: a",
            "(lambda (params a / b *c d=1 **e) a)",
        ),
        ("lambda *, a: a", "(lambda (params * a) a)"),
        (
            "android or notebook and island",
            "(or android (and notebook island))",
        ),
        ("a.b.c(d)[e].f", "(. (at (call (. (. a b) c) d) e) f)"),
        ("a\\\n+ b", "(+ a b)"),
        ("(a\n# comment\n+ b)", "(+ a b)"),
        ("a.fork.Process", "(. (. a fork) Process)"),
    ]);
}

#[test]
fn calls_and_subscripts() {
    expressions(&[
        ("f()", "(call f)"),
        ("f(a, *b, c=d, **e)", "(call f a (* b) c=d (** e))"),
        ("f(a, b,)", "(call f a b)"),
        ("f(a=1, *b)", "(call f a=1 (* b))"),
        ("f(**a, b=1)", "(call f (** a) b=1)"),
        ("f(a := 1, b)", "(call f (:= a 1) b)"),
        ("f(x for x in y)", "(call f (gen x (for x y)))"),
        ("f((x for x in y), 1)", "(call f (gen x (for x y)) 1)"),
        (
            "f(*a or b, **c or d)",
            "(call f (* (or a b)) (** (or c d)))",
        ),
        ("f(Process=Process)", "(call f Process=!Process)"),
        (
            "f(match=1, case=2, type=3)",
            "(call f match=1 case=2 type=3)",
        ),
        ("a[1]", "(at a 1)"),
        ("a[1, 2]", "(at a (tuple 1 2))"),
        ("a[1,]", "(at a (tuple 1))"),
        ("a[:]", "(at a (slice - - -))"),
        ("a[::]", "(at a (slice - - -))"),
        ("a[1:2:3]", "(at a (slice 1 2 3))"),
        ("a[::2]", "(at a (slice - - 2))"),
        ("a[:, 1:]", "(at a (tuple (slice - - -) (slice 1 - -)))"),
        ("a[*b]", "(at a (tuple (star b)))"),
        ("a[b := 1]", "(at a (:= b 1))"),
        ("a[lambda: 1:2]", "(at a (slice (lambda (params) 1) 2 -))"),
    ]);
}

#[test]
fn displays_and_comprehensions() {
    expressions(&[
        ("()", "(tuple)"),
        ("(a)", "a"),
        ("(a,)", "(tuple a)"),
        ("a, b", "(tuple a b)"),
        ("*a, b", "(tuple (star a) b)"),
        ("[]", "(list)"),
        ("[a, *b,]", "(list a (star b))"),
        ("{}", "(dict)"),
        ("{a}", "(set a)"),
        ("{*a, b}", "(set (star a) b)"),
        ("{a: b, **c, d: e,}", "(dict a:b (** c) d:e)"),
        ("{a: lambda: b}", "(dict a:(lambda (params) b))"),
        ("[a for a in b]", "(listcomp a (for a b))"),
        (
            "[a for a, b in c if d if e for f in g]",
            "(listcomp a (for (tuple a b) c if d if e) (for f g))",
        ),
        ("{a for a in b}", "(setcomp a (for a b))"),
        ("{a: b for a in c}", "(dictcomp a:b (for a c))"),
        ("(a for a in b)", "(gen a (for a b))"),
        ("[(a, b) for a in c]", "(listcomp (tuple a b) (for a c))"),
        ("[a := b, c]", "(list (:= a b) c)"),
        ("[x.y for x.y in z]", "(listcomp (. x y) (for (. x y) z))"),
        ("[x for x, in y]", "(listcomp x (for (tuple x) y))"),
        ("[x for x in a or b]", "(listcomp x (for x (or a b)))"),
        (
            "[x for x in y if (z if a else b)]",
            "(listcomp x (for x y if (? a z b)))",
        ),
        (
            "[a if b else c for a in d]",
            "(listcomp (? b a c) (for a d))",
        ),
    ]);
}

#[test]
fn trade_words() {
    expressions(&[
        ("fork()", "(call !fork)"),
        ("Process(target=f)", "(call !Process target=f)"),
        (
            "[Pool, Queue, Manager, Thread, Lock]",
            "(list !Pool !Queue !Manager !Thread !Lock)",
        ),
        ("Queue.Empty", "(. !Queue Empty)"),
        ("queue.Queue", "(. queue Queue)"),
        ("forks + Pools + MyThread", "(+ (+ forks Pools) MyThread)"),
    ]);
    statements(&[
        ("Lock = 1", "(= Lock 1)"),
        ("Lock: int = 1", "(: Lock int 1)"),
        ("Pool += 1", "(+= Pool 1)"),
        ("fork, *Pool = a", "(= (tuple fork (star Pool)) a)"),
        ("del Queue", "(del Queue)"),
        ("for Thread in a: pass", "(for Thread a (do pass))"),
        ("with a as Lock: pass", "(with (a Lock) (do pass))"),
        (
            "def fork(Process, *Pool, Queue=Lock): pass",
            "(def fork (params Process *Pool Queue=!Lock) - (do pass))",
        ),
        (
            "class Thread(Thread): pass",
            "(class Thread !Thread (do pass))",
        ),
        ("from queue import Queue", "(from queue Queue)"),
        ("import Process.Pool as Lock", "(import Process.Pool:Lock)"),
        ("global Lock", "(global Lock)"),
        ("(Lock := 1)", "(expr (:= Lock 1))"),
        (
            "match x:\n case Lock: pass",
            "(match x (case Lock - (do pass)))",
        ),
        (
            "try: pass\nexcept Queue.Empty as Queue: pass",
            "(try (do pass) (except (. !Queue Empty):Queue (do pass)))",
        ),
        (
            "[Lock for Lock in x]",
            "(expr (listcomp !Lock (for Lock x)))",
        ),
        ("lambda Lock: Lock", "(expr (lambda (params Lock) !Lock))"),
    ]);
}

#[test]
fn simple_statements() {
    statements(&[
        ("", ""),
        ("\n\n# comment\n   # another\n", ""),
        ("#!/usr/bin/env conc\n# -*- coding: gbk -*-\nx", "(expr x)"),
        ("\u{feff}x", "(expr x)"),
        ("a; b ;c;", "(expr a)\n(expr b)\n(expr c)"),
        ("a = b = c", "(= a b c)"),
        ("a, *b = c", "(= (tuple a (star b)) c)"),
        ("*a, = b", "(= (tuple (star a)) b)"),
        ("[a, (b, c)] = d", "(= (list a (tuple b c)) d)"),
        ("(a) = (b)", "(= a b)"),
        ("a.b = c[d] = e", "(= (. a b) (at c d) e)"),
        ("a: b", "(: a b -)"),
        ("a.b: c = d", "(: (. a b) c d)"),
        ("(a): b = c", "(: a b c)"),
        ("a: b = c, d", "(: a b (tuple c d))"),
        ("a **= b", "(**= a b)"),
        ("a >>= b, c", "(>>= a (tuple b c))"),
        ("a //= b; a @= c", "(//= a b)\n(@= a c)"),
        ("del a, b.c, d[0]", "(del a (. b c) (at d 0))"),
        ("del (a, b), [c]", "(del (tuple a b) (list c))"),
        ("del (a)", "(del a)"),
        ("del a,", "(del a)"),
        ("del (a), b", "(del a b)"),
        ("pass", "pass"),
        ("raise", "(raise - -)"),
        ("raise a from b", "(raise a b)"),
        ("assert a, b", "(assert a b)"),
        ("global a, b", "(global a b)"),
        ("import a, b.c as d", "(import a b.c:d)"),
        ("from a.b import c as d, e", "(from a.b c:d e)"),
        ("from . import a", "(from . a)"),
        ("from ...a import (b, c as d,)", "(from ...a b c:d)"),
        ("from .. . a import b", "(from ...a b)"),
        ("from a import *", "(from a *)"),
        (
            "def f():\n yield\n x = yield a, b\n yield from c\n return",
            "(def f (params) - (do (expr (yield -)) (= x (yield (tuple a b))) (expr (yield-from c)) (return -)))",
        ),
        ("match = case = type = _ = 1", "(= match case type _ 1)"),
        (
            "match(x); match[x]; match.x; match * x; match - x",
            "(expr (call match x))\n(expr (at match x))\n(expr (. match x))\n(expr (* match x))\n(expr (- match x))",
        ),
        ("match, case = type", "(= (tuple match case) type)"),
        ("type(x); type = 1", "(expr (call type x))\n(= type 1)"),
        ("ﬁ = ｘ", "(= fi x)"),
        ("函数名 = naïve", "(= 函数名 naïve)"),
        ("'''doc'''", "(expr \"doc\")"),
        ("x = 1 \\\n  + 2", "(= x (+ 1 2))"),
        ("x = 1\\\n\ny", "(= x 1)\n(expr y)"),
        ("a = b\r\nc = d\re\n", "(= a b)\n(= c d)\n(expr e)"),
    ]);
}

#[test]
fn compound_statements() {
    statements(&[
        ("if a: b", "(if a (then (expr b)))"),
        ("if a: b; c", "(if a (then (expr b) (expr c)))"),
        (
            "if a:\n  b\nelif c:\n  d\nelif e:\n  f\nelse:\n  g",
            "(if a (then (expr b)) (else (if c (then (expr d)) (else (if e (then (expr f)) (else (expr g)))))))",
        ),
        (
            "if a:\n  if b:\n    c\nelse:\n  d",
            "(if a (then (if b (then (expr c)))) (else (expr d)))",
        ),
        (
            "if a:\n  if b:\n    c\n  else:\n    d",
            "(if a (then (if b (then (expr c)) (else (expr d)))))",
        ),
        ("if x := a: b", "(if (:= x a) (then (expr b)))"),
        (
            "while a: b\nelse: c",
            "(while a (do (expr b)) (else (expr c)))",
        ),
        (
            "for a, b in c, d: e\nelse: f",
            "(for (tuple a b) (tuple c d) (do (expr e)) (else (expr f)))",
        ),
        ("for a, in b: c", "(for (tuple a) b (do (expr c)))"),
        ("for a.b[c] in d: e", "(for (at (. a b) c) d (do (expr e)))"),
        (
            "for x in *a, b: pass",
            "(for x (tuple (star a) b) (do pass))",
        ),
        (
            "for *a, b in c: pass",
            "(for (tuple (star a) b) c (do pass))",
        ),
        ("for (x) in y: pass", "(for x y (do pass))"),
        (
            "try: a\nexcept: b",
            "(try (do (expr a)) (except - (do (expr b))))",
        ),
        (
            "try:\n a\nexcept A as e:\n b\nexcept (B, C):\n c\nelse:\n d\nfinally:\n f",
            "(try (do (expr a)) (except A:e (do (expr b))) (except (tuple B C) (do (expr c))) (else (expr d)) (finally (expr f)))",
        ),
        (
            "try: a\nfinally: b",
            "(try (do (expr a)) (finally (expr b)))",
        ),
        (
            "try: a\nexcept *A: b\nexcept* B as e: c",
            "(try (do (expr a)) (except* A (do (expr b))) (except* B:e (do (expr c))))",
        ),
        ("with a: b", "(with (a -) (do (expr b)))"),
        (
            "with a as b, c as d.e: f",
            "(with (a b) (c (. d e)) (do (expr f)))",
        ),
        ("with (a as b, c,): d", "(with (a b) (c -) (do (expr d)))"),
        ("with (a, b): c", "(with (a -) (b -) (do (expr c)))"),
        ("with (a): b", "(with (a -) (do (expr b)))"),
        (
            "with (a, b) as c: d",
            "(with ((tuple a b) c) (do (expr d)))",
        ),
        (
            "with (a).b as c, d: e",
            "(with ((. a b) c) (d -) (do (expr e)))",
        ),
        (
            "with a as (b, c): d",
            "(with (a (tuple b c)) (do (expr d)))",
        ),
        ("def f(): pass", "(def f (params) - (do pass))"),
        (
            "def f(a, b: c = d, /, e=1, *f: g, h, i: j = k, **l: m) -> n: pass",
            "(def f (params a b:c=d / e=1 *f:g h i:j=k **l:m) n (do pass))",
        ),
        ("def f(a, *, b): pass", "(def f (params a * b) - (do pass))"),
        (
            "def f(*a: *b): pass",
            "(def f (params *a:(star b)) - (do pass))",
        ),
        (
            "def f() -> a, b: pass",
            "(def f (params) (tuple a b) (do pass))",
        ),
        (
            "@a\n@b.c(d)\ndef f(): pass",
            "(def f @a @(call (. b c) d) (params) - (do pass))",
        ),
        ("@a\n\n# comment\nclass B: pass", "(class B @a (do pass))"),
        ("@(a := b)\nclass C: pass", "(class C @(:= a b) (do pass))"),
        (
            "class A(B, *C, d=e, **f):\n  x = 1\n  def g(self): pass",
            "(class A B (* C) d=e (** f) (do (= x 1) (def g (params self) - (do pass))))",
        ),
        ("class A(): pass", "(class A (do pass))"),
        (
            "if a:\n    b\n\n\n    # c\n  # d\n# e\n    f\ng",
            "(if a (then (expr b) (expr f)))\n(expr g)",
        ),
        (
            "if a:\n\tb\n\tif c:\n\t\td\n",
            "(if a (then (expr b) (if c (then (expr d)))))",
        ),
        (
            "if a:\n    b(\n1,\n  2)\n    c",
            "(if a (then (expr (call b 1 2)) (expr c)))",
        ),
        (
            "if a:\n    '''x\ny\n'''\n    c",
            "(if a (then (expr \"x\\{a}y\\{a}\") (expr c)))",
        ),
        (
            "\x0cx\n\x0cif a:\n\x0c    b\n",
            "(expr x)\n(if a (then (expr b)))",
        ),
        (
            "if a:\n  \\\n      b\n  c",
            "(if a (then (expr b) (expr c)))",
        ),
    ]);
}

#[test]
fn match_statements() {
    statements(&[
        (
            "match x:\n case 1: a\n case _: b",
            "(match x (case (== 1) - (do (expr a))) (case _ - (do (expr b))))",
        ),
        (
            "match x, y:\n case 1, *_: a",
            "(match (tuple x y) (case (seq (== 1) *_) - (do (expr a))))",
        ),
        (
            "match x,:\n case a,: b",
            "(match (tuple x) (case (seq a) - (do (expr b))))",
        ),
        (
            "match *x, y:\n case (): a",
            "(match (tuple (star x) y) (case (seq) - (do (expr a))))",
        ),
        (
            "match (x):\n case [a, *b] | (a, b): c",
            "(match x (case (| (seq a *b) (seq a b)) - (do (expr c))))",
        ),
        (
            "match -x:\n case -1 | 1.5 | 'a' 'b' | b'c': d",
            "(match (neg x) (case (| (== (neg 1)) (== float:3ff8000000000000) (== \"ab\") (== b\"c\")) - (do (expr d))))",
        ),
        (
            "match x:\n case None | True: a",
            "(match x (case (| (is None) (is True)) - (do (expr a))))",
        ),
        (
            "match x:\n case {'a': b, 1: _, c.d: e, **f}: g",
            "(match x (case (map \"a\":b 1:_ (. c d):e **f) - (do (expr g))))",
        ),
        (
            "match x:\n case {}: a",
            "(match x (case (map) - (do (expr a))))",
        ),
        (
            "match x:\n case A(): a\n case B.C(1, x=y): b",
            "(match x (case (class A) - (do (expr a))) (case (class (. B C) (== 1) x=y) - (do (expr b))))",
        ),
        (
            "match x:\n case a.b: c",
            "(match x (case (== (. a b)) - (do (expr c))))",
        ),
        (
            "match x:\n case (1 | 2) as y if y: z",
            "(match x (case (as (| (== 1) (== 2)) y) y (do (expr z))))",
        ),
        (
            "match x:\n case [(a)]: b",
            "(match x (case (seq a) - (do (expr b))))",
        ),
        (
            "match match:\n case case: type",
            "(match match (case case - (do (expr type))))",
        ),
        (
            "match x:\n case 1:\n  a\n case 2:\n  match y:\n   case 3: b",
            "(match x (case (== 1) - (do (expr a))) (case (== 2) - (do (match y (case (== 3) - (do (expr b)))))))",
        ),
        (
            "match(x):\n case 1: pass\nmatch(x)",
            "(match x (case (== 1) - (do pass)))\n(expr (call match x))",
        ),
    ]);
}
