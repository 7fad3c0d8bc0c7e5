"""Where exceptions go: threads, pools, futures, chains, groups, hooks, finally."""
import concurrent.futures
import contextlib
import io
import logging
import multiprocessing
import sys
import threading
import traceback
import warnings


class AppError(Exception):
    code = 1

    def __init__(self, message, *, hint=None):
        super().__init__(message)
        self.hint = hint


class NotFound(AppError, LookupError):
    code = 404


class Fatal(BaseException):
    pass


def section(function):
    print("#", function.__name__.replace("_", " "))
    function()


def chains():
    def low():
        raise KeyError("low")

    def middle():
        try:
            low()
        except KeyError as e:
            raise NotFound("middle", hint="look elsewhere") from e

    try:
        middle()
    except LookupError as e:
        print(repr(e), e.hint, e.code, repr(e.__cause__), isinstance(e, AppError))
    try:
        try:
            1 / 0
        except ZeroDivisionError:
            int("x")
    except ValueError as e:
        print(type(e.__context__).__name__, e.__cause__, e.__suppress_context__)
    try:
        try:
            raise ValueError("one")
        finally:
            raise TypeError("two")
    except TypeError as e:
        print(e, "after", e.__context__)
    try:
        raise AppError("hidden") from None
    except AppError as e:
        e.add_note("a note")
        print(e.__notes__, "".join(traceback.format_exception_only(e)).split("\n"))


def order_of_finally():
    steps = []

    def f(n):
        try:
            steps.append(f"try {n}")
            if n == 0:
                return "returned"
            if n == 1:
                raise ValueError
        except ValueError:
            steps.append("except")
            return "handled"
        else:
            steps.append("else")
        finally:
            steps.append("finally")
            if n == 3:
                return "overridden"
        return "end"

    print([f(n) for n in range(4)], steps)
    for i in range(3):
        try:
            if i == 1:
                continue
            if i == 2:
                break
        finally:
            print("round", i, end=" ")
    print()


def in_threads():
    caught = []
    old, threading.excepthook = threading.excepthook, lambda args: caught.append(
        (args.exc_type.__name__, str(args.exc_value), args.thread.name, args.exc_traceback is not None))
    try:
        for target in (lambda: 1 / 0, lambda: sys.exit(3), lambda: {}["k"], lambda: None):
            t = threading.Thread(target=target, name="T%d" % len(caught))
            t.start()
            t.join()
    finally:
        threading.excepthook = old
    print(caught)


def bad_task(n):
    if n % 2:
        raise NotFound(f"task {n}")
    return n


def in_futures():
    for kind in (concurrent.futures.ThreadPoolExecutor, concurrent.futures.ProcessPoolExecutor):
        with kind(2) as ex:
            fs = [ex.submit(bad_task, n) for n in range(4)]
            print([repr(f.exception()) if f.exception() else f.result() for f in fs])
    with multiprocessing.Pool(2) as pool:
        rs = [pool.apply_async(bad_task, (n,)) for n in range(3)]
        for r in rs:
            try:
                print(r.get(), end=" ")
            except NotFound as e:
                print(type(e).__name__, e, e.code, type(e.__cause__).__name__, end=" ")
    print()


def groups():
    def fail(*errors):
        raise ExceptionGroup("several", list(errors))

    try:
        fail(ValueError(1), TypeError("t"), ExceptionGroup("inner", [KeyError("k"), ValueError(2)]))
    except* ValueError as g:
        print("values", g.exceptions, g.message)
    except* (KeyError, TypeError) as g:
        print("others", [type(e).__name__ for e in g.exceptions])
    eg = ExceptionGroup("x", [OSError(2, "no file"), ValueError("v")])
    print(eg.subgroup(OSError), eg.split(ValueError)[1], eg)


def context_managers():
    class Swallow:
        def __init__(self, *kinds):
            self.kinds = kinds

        def __enter__(self):
            return self

        def __exit__(self, kind, value, tb):
            self.caught = value
            return kind is not None and issubclass(kind, self.kinds)

    with Swallow(ValueError, KeyError) as s:
        raise KeyError("gone")
    print(repr(s.caught))
    try:
        with Swallow(ValueError), contextlib.suppress(IndexError):
            [][1]
            print("not printed")
        with Swallow(ValueError):
            raise Fatal("through")
    except Fatal as e:
        print("Fatal", e)
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.closing(io.BytesIO()) as b:
        print("caught text")
        b.write(b"x")
    print(repr(out.getvalue()), b.closed)

    @contextlib.contextmanager
    def tag(name):
        print(f"<{name}>", end="")
        try:
            yield name
        except AppError as e:
            print(f"[{e}]", end="")
        finally:
            print(f"</{name}>")

    with tag("b") as name:
        print(name, end="")
        raise AppError("inside")


def messages():
    tries = [lambda: [][0], lambda: {}["k"], lambda: "a" + 1, lambda: int("1.5"), lambda: None.x, lambda: undefined,
             lambda: (1, 2)[5], lambda: len(5), lambda: [1].remove(2), lambda: "abc".index("z"), lambda: next(iter([])),
             lambda: range(3)[7], lambda: float("abc"), lambda: 5(), lambda: {[]: 1}, lambda: open("/no/file"),
             lambda: (lambda a: a)(), lambda: (lambda: 1)(2), lambda: "%d" % "x", lambda: "{} {}".format(1), lambda: [1, 2] < 3,
             lambda: bytes([300]), lambda: chr(-1), lambda: max([]), lambda: dict([1]), lambda: 1 << -1, lambda: "x" * -1 + None,
             lambda: setattr(5, "x", 1), lambda: iter(5), lambda: sum(["a"]), lambda: abs("x"), lambda: round("x"),
             lambda: "a".join([1]), lambda: sorted(5), lambda: "x".encode("no-such"), lambda: b"\xff".decode(), lambda: object.foo]
    for f in tries:
        try:
            f()
        except Exception as e:
            print(f"  {type(e).__name__}: {e}")


def asserts_and_warnings():
    try:
        assert 1 + 1 == 3, ("arithmetic", 3)
    except AssertionError as e:
        print(e.args)
    with warnings.catch_warnings(record=True) as ws:
        warnings.simplefilter("always")
        warnings.warn("old thing", DeprecationWarning)
    print([(w.category.__name__, str(w.message)) for w in ws])
    try:
        exec_globals = {}
        a, b = [1, 2, 3]
    except ValueError as e:
        print(e)
    try:
        a, *b, c = [1]
    except ValueError as e:
        print(e)
    stream = io.StringIO()
    try:
        raise NotFound("printed")
    except NotFound:
        traceback.print_exc(file=stream)
        print(stream.getvalue().strip().splitlines()[0], "...", stream.getvalue().strip().splitlines()[-1])
        print(sys.exc_info()[0].__name__, sys.exc_info()[1])
    print(sys.exc_info())


for test in (chains, order_of_finally, in_threads, in_futures, groups, context_managers, messages, asserts_and_warnings):
    section(test)
