//! What names become: the variables of each code.

use super::{OPTIMISED, PLAIN, check, dump, resolved};

/// The variables of all codes, in the order of their definitions.
fn variables(source: &str) -> String {
    let program = resolved(source, PLAIN);
    for (number, code) in program.codes.iter().enumerate() {
        assert_eq!(code.definition as usize, number, "{source}");
    }
    let optimised = resolved(source, OPTIMISED);
    let lines = |program: &super::Program| -> Vec<String> {
        program
            .codes
            .iter()
            .map(|code| dump::variables(code))
            .collect()
    };
    assert_eq!(lines(&program), lines(&optimised), "{source}");
    lines(&program)[1..].join("; ")
}

#[test]
fn of_functions() {
    check(
        &[
            (
                "def f(a, b, /, c, *r, d, e=1, **k): x = y",
                "f a b c d e r k x",
            ),
            (
                "def f():\n x = 1\n def g(): return x",
                "f x* g; f.<locals>.g x<0",
            ),
            ("def f(x):\n def g(): return x", "f x* g; f.<locals>.g x<0"),
            (
                "def f(x):\n def g():\n  def h(): return x",
                "f x* g; f.<locals>.g h x<0; f.<locals>.g.<locals>.h x<^0",
            ),
            (
                "def f():\n x = 1\n def g():\n  nonlocal x\n  x = 2",
                "f x* g; f.<locals>.g x<0",
            ),
            (
                "def f():\n global x\n x = 1\n def g(): return x",
                "f g; f.<locals>.g",
            ),
            (
                "def f():\n x = 1\n def g():\n  global x\n  def h(): return x",
                "f x g; f.<locals>.g h; f.<locals>.g.<locals>.h",
            ),
            ("def f():\n global g\n def g(): pass", "f; g"),
            ("x = 1\ndef f(): return x", "f"),
            (
                "def f():\n import a.b.c, d.e as g\n from m import n as o, p",
                "f a g o p",
            ),
            ("def f():\n for i, (j, *k) in x: pass", "f i j k"),
            ("def f():\n with a as b, c as (d, e): pass", "f b d e"),
            ("def f():\n try: pass\n except A as e: pass", "f e"),
            ("def f():\n if (n := g()): pass", "f n"),
            ("def f():\n x: int\n y: str = 1", "f x y"),
            ("def f():\n import x, y\n global x\n x = y", "f y"),
            ("def f():\n del x", "f x"),
            ("def f():\n x.y = x[0] = 1\n x += 1", "f x"),
            (
                "def f():\n match a:\n  case [b, *c, {'k': d, **e}] | X(b, c, d=d, z=e) as g: pass",
                "f b c d e g",
            ),
            (
                "f = lambda x, y=1: lambda: x",
                "<lambda> x* y; <lambda>.<locals>.<lambda> x<0",
            ),
            ("def f(x=lambda: 1): pass", "<lambda>; f x"),
            ("@(lambda f: f)\ndef f(): pass", "<lambda> f; f"),
        ],
        variables,
    );
}

#[test]
fn of_classes() {
    check(
        &[
            (
                "class A:\n x = 1\n y = x\n def m(self): return x",
                "A x y m; A.m self",
            ),
            ("class A:\n x = (y := 1)", "A y x"),
            (
                "class A(B):\n def m(self): return super().m()",
                "A m __class__*; A.m self __class__<1",
            ),
            (
                "class A:\n def m(self):\n  def g(): return __class__",
                "A m __class__*; A.m self g __class__<1; A.m.<locals>.g __class__<^0",
            ),
            (
                "class A:\n __class__ = 1\n def m(self): return __class__",
                "A __class__ m __class__*; A.m self __class__<2",
            ),
            (
                "def f(x):\n class A:\n  y = x\n  def m(self): return x",
                "f x* A; f.<locals>.A y m x<0; f.<locals>.A.m self x<^0",
            ),
            ("def f(x):\n class A:\n  x = x", "f x A; f.<locals>.A x"),
            (
                "def f(x):\n class A:\n  nonlocal x\n  x = 1",
                "f x* A; f.<locals>.A x<0",
            ),
            (
                "class A:\n class B:\n  def m(self): return super().x, __class__\n def n(self): return __class__",
                "A B n __class__*; A.B m __class__*; A.B.m self __class__<1; A.n self __class__<2",
            ),
            (
                "class _A:\n __x = 1\n def __m(self, __p): __y = self.__z",
                "_A _A__x _A__m; _A.__m self _A__p _A__y",
            ),
            ("class __:\n __x = 1", "__ __x"),
            (
                "class A:\n import __a.b as __c\n __d__ = 1",
                "A _A__c __d__",
            ),
            ("class A:\n x = [y for y in z for w in y]", "A x y w"),
            ("class A:\n x = 1\n f = [x for y in x]", "A x f y"),
            (
                "class A:\n f = [lambda: y for y in x]",
                "A f y; A.<lambda> y<1",
            ),
        ],
        variables,
    );
}

#[test]
fn of_comprehensions() {
    check(
        &[
            ("[x for x in y]", ""),
            ("def f(): return [x for x in y if x for z in x]", "f x z"),
            ("def f(x): return [x for x in x]", "f x x"),
            (
                "def f(a): return [lambda: x + a for x in y]",
                "f a* x; f.<locals>.<lambda> x<1 a<0",
            ),
            (
                "def f(): return [lambda: (x, z) for x in y for z in x]",
                "f x z; f.<locals>.<lambda> x<0 z<1",
            ),
            (
                "def f(a): return (x + a for x in a)",
                "f a*; f.<locals>.<genexpr> .0 x a<0",
            ),
            (
                "def f(a): return (x for x in a)",
                "f a; f.<locals>.<genexpr> .0 x",
            ),
            ("def f(): return [n := x for x in y]", "f n x"),
            (
                "def f(): return any(n := x for x in y)",
                "f n*; f.<locals>.<genexpr> .0 x n<0",
            ),
            (
                "def f():\n nonlocal_ = 1\n return ([m := x for x in y] for y in z)",
                "f nonlocal_ m*; f.<locals>.<genexpr> .0 y x m<1",
            ),
            (
                "def f(): return [[x for x in y] for y in [[x for x in z] for z in w]]",
                "f z x y x",
            ),
            (
                "q = list((lambda: x) for x in y)",
                "<genexpr> .0 x*; <genexpr>.<lambda> x<1",
            ),
            (
                "def f(): return {k: v for k, v in x}, {s for s in x}",
                "f k v s",
            ),
            (
                "def f(x):\n [x for y in z]\n (x for y in z)",
                "f x* y; f.<locals>.<genexpr> .0 y x<0",
            ),
        ],
        variables,
    );
}

#[test]
fn slots_of_comprehension_cells_are_made_by_the_comprehension() {
    let program = resolved("def f(): return [lambda: x for x in y]", PLAIN);
    assert!(program.codes[1].cell_slots.is_empty());
    assert!(program.codes[1].is_simple);
    assert!(!resolved("def f(x): return lambda: x", PLAIN).codes[1].is_simple);
    assert!(!resolved("def f(*x): pass", PLAIN).codes[1].is_simple);
    assert!(!resolved("def f(): yield", PLAIN).codes[1].is_simple);
    assert!(resolved("def f(x, y=1): pass", PLAIN).codes[1].is_simple);
}
