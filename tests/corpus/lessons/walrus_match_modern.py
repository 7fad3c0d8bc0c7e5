from __future__ import annotations
import threading
from typing import Optional, Callable, Any
from contextlib import contextmanager
from enum import Enum, StrEnum, auto
import queue

class Kind(StrEnum):
    ADD = auto()
    SUB = auto()

def run(commands: list[tuple | dict | str], /, *, start: int = 0) -> int | None:
    total = start
    for c in commands:
        match c:
            case (Kind.ADD, *ns):
                total += sum(ns)
            case [Kind.SUB, int(n), *_]:
                total -= n
            case {"times": n, **rest} if not rest:
                total *= n
            case "stop" | "halt":
                return None
            case other:
                raise ValueError(f"bad command: {other!r}")
    return total

print(run([(Kind.ADD, 1, 2), ["sub", 1], {"times": 10}]), run(["halt"]), f"{Kind.ADD}")
try:
    run([{"times": 1, "x": 2}])
except ValueError as e:
    print(e)
data = [3, 8, 1]
if (n := len(data)) > 2 and (biggest := max(data)) > n:
    print(f"{n=}, {biggest=}, {data[0]:03d}, {data!s:>12}")
q: queue.Queue[int] = queue.Queue()
threading.Thread(target=lambda: [q.put(i) for i in (1, 2, 0)]).start()
while (item := q.get()):
    print("item", item)

@contextmanager
def tag(name: str, *, out: list):
    out.append(f"<{name}>")
    yield out.append
    out.append(f"</{name}>")

lines: list[str] = []
with tag("a", out=lines) as add, tag("b", out=lines):
    add("text")
print("".join(lines))
with (
    tag("x", out=lines) as first,
    tag("y", out=lines) as second,
):
    first("1"), second("2")
print("".join(lines[5:]))
def f(a, /, b, *args, c=3, **kw): return a, b, args, c, kw
print(f(1, 2), f(1, b=2, c=4, d=5), f(*[1, 2, 3], **{"c": 0}))
for bad in (lambda: f(), lambda: f(a=1, b=2), lambda: f(1, 2, b=3)):
    try: bad()
    except TypeError as e: print(e)
print("a" "b", 1_000, 0b11, 1 if 0 else 2, not 1 == 2, 1 < 2 < 3, [] or "x", None is None, (lambda *a: a)(1, 2))
