//! Errors, with CPython's texts; each was tried there.

use super::{PLAIN, check, program};

#[test]
fn texts() {
    check(
        &[
            (
                "x=1\nglobal x",
                "name 'x' is assigned to before global declaration",
            ),
            (
                "def f():\n print(x)\n global x",
                "name 'x' is used prior to global declaration",
            ),
            ("def f(x):\n global x", "name 'x' is parameter and global"),
            (
                "def f(x):\n nonlocal x",
                "name 'x' is parameter and nonlocal",
            ),
            ("import x\nglobal x", "fine"),
            (
                "class A:\n __x = 1\n global __x",
                "name '__x' is assigned to before global declaration",
            ),
            (
                "def f():\n global x\n nonlocal x",
                "name 'x' is nonlocal and global",
            ),
            (
                "nonlocal x",
                "nonlocal declaration not allowed at module level",
            ),
            ("class A:\n nonlocal x", "no binding for nonlocal 'x' found"),
            ("def f():\n nonlocal x", "no binding for nonlocal 'x' found"),
            (
                "x = 1\ndef f():\n nonlocal x",
                "no binding for nonlocal 'x' found",
            ),
            (
                "def f():\n class A:\n  x = 1\n  def g(self):\n   nonlocal x",
                "no binding for nonlocal 'x' found",
            ),
            ("def f():\n def g():\n  nonlocal x\n x=1", "fine"),
            ("def f():\n class A:\n  nonlocal x\n x=1", "fine"),
            (
                "[x:=1 for x in y]",
                "assignment expression cannot rebind comprehension iteration variable 'x'",
            ),
            (
                "[(x:=1) for y in z for x in w]",
                "assignment expression cannot rebind comprehension iteration variable 'x'",
            ),
            (
                "[[(j:=0) for i in y] for j in z]",
                "assignment expression cannot rebind comprehension iteration variable 'j'",
            ),
            (
                "[i for i in x if (j := 0) for j in y]",
                "comprehension inner loop cannot rebind assignment expression target 'j'",
            ),
            (
                "class A:\n [x:=1 for y in z]",
                "assignment expression within a comprehension cannot be used in a class body",
            ),
            (
                "class A:\n [[x:=1 for y in z] for w in z]",
                "assignment expression within a comprehension cannot be used in a class body",
            ),
            ("class A:\n def f(self): return [x:=1 for y in z]", "fine"),
            (
                "[y for y in (x:=1)]",
                "assignment expression cannot be used in a comprehension iterable expression",
            ),
            (
                "def f():\n from a import *",
                "import * only allowed at module level",
            ),
            (
                "class A:\n from a import *",
                "import * only allowed at module level",
            ),
            (
                "def f(): return [(yield) for x in y]",
                "'yield' inside list comprehension",
            ),
            (
                "def f():\n {(yield) for x in y}",
                "'yield' inside set comprehension",
            ),
            (
                "def f():\n ((yield) for x in y)",
                "'yield' inside generator expression",
            ),
            (
                "def f():\n {(yield):1 for x in y}",
                "'yield' inside dict comprehension",
            ),
            ("def f():\n [x for x in (yield)]", "fine"),
            ("yield", "'yield' outside function"),
            ("yield from x", "'yield' outside function"),
            ("class A:\n yield", "'yield' outside function"),
            ("lambda: (yield)", "fine"),
            ("return", "'return' outside function"),
            ("class A:\n return", "'return' outside function"),
            ("break", "'break' outside loop"),
            ("continue", "'continue' not properly in loop"),
            ("while 1:\n def f():\n  break", "'break' outside loop"),
            (
                "while 1:\n class A:\n  continue",
                "'continue' not properly in loop",
            ),
            ("while x: pass\nelse: break", "'break' outside loop"),
            ("while x:\n if y:\n  with z: break", "fine"),
            (
                "def f(a,a): pass",
                "duplicate argument 'a' in function definition",
            ),
            (
                "lambda a,*a:1",
                "duplicate argument 'a' in function definition",
            ),
            ("def f(a, b=1, /, c=2, *, d, e=3): pass", "fine"),
            ("__debug__=1", "cannot assign to __debug__"),
            ("def f(__debug__):pass", "cannot assign to __debug__"),
            ("del __debug__", "cannot delete __debug__"),
            ("x.__debug__=1", "cannot assign to __debug__"),
            ("f(__debug__=1)", "cannot assign to __debug__"),
            (
                "def f():\n x:int=1\n global x",
                "annotated name 'x' can't be global",
            ),
            (
                "def f():\n global x\n x:int=1",
                "annotated name 'x' can't be global",
            ),
            (
                "def f():\n x:int\n nonlocal x",
                "annotated name 'x' can't be nonlocal",
            ),
            ("global x\nx:int=1", "fine"),
            (
                "match x:\n case a: pass\n case b: pass",
                "name capture 'a' makes remaining patterns unreachable",
            ),
            ("match x:\n case a if a: pass\n case b: pass", "fine"),
            (
                "match x:\n case _: pass\n case b: pass",
                "wildcard makes remaining patterns unreachable",
            ),
            (
                "match x:\n case [_]: pass\n case [b]: pass\n case _: pass",
                "fine",
            ),
            (
                "match x:\n case (a,a): pass",
                "multiple assignments to name 'a' in pattern",
            ),
            (
                "match x:\n case [a, *a]: pass",
                "multiple assignments to name 'a' in pattern",
            ),
            (
                "match x:\n case a|1: pass",
                "name capture 'a' makes remaining patterns unreachable",
            ),
            (
                "match x:\n case (1|a): pass\n case b: pass",
                "name capture 'a' makes remaining patterns unreachable",
            ),
            (
                "match x:\n case [a]|[b]: pass",
                "alternative patterns bind different names",
            ),
            ("match x:\n case [a,b]|[b,a]: pass", "fine"),
            (
                "match x:\n case {1:a,1:b}: pass",
                "mapping pattern checks duplicate key (1)",
            ),
            (
                "match x:\n case {'a':a,'a':b}: pass",
                "mapping pattern checks duplicate key ('a')",
            ),
            (
                "match x:\n case A(x=1,x=2): pass",
                "attribute name repeated in class pattern: x",
            ),
            (
                "def f():\n try: pass\n except* A:\n  return",
                "'break', 'continue' and 'return' cannot appear in an except* block",
            ),
            (
                "while 1:\n try: pass\n except* A:\n  break",
                "'break', 'continue' and 'return' cannot appear in an except* block",
            ),
            ("try: pass\nexcept* A:\n for x in y: break", "fine"),
            (
                "try: pass\nexcept: pass\nexcept A: pass",
                "default 'except:' must be last",
            ),
            ("f(a=1,a=2)", "keyword argument repeated: a"),
            ("f(a=1,*b,a=2)", "keyword argument repeated: a"),
            ("a,*b,*c=x", "multiple starred expressions in assignment"),
        ],
        |source| match program(source, PLAIN) {
            Ok(_) => "fine".to_owned(),
            Err(error) => error.message,
        },
    );
}

#[test]
fn places() {
    let error = program("def f():\n    x = 1\n    global y, x\n", PLAIN).err();
    let span = error.map(|error| (error.span.start, error.span.end));
    assert_eq!(span, Some((33, 34)));
}
