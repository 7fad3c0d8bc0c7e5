# Functions as values: closures, decorators, compose, partial, map, filter, callbacks, any, sum.
import sys
from functools import partial, wraps
def counted(f):
    @wraps(f)
    def wrapper(*args, **kwargs):
        wrapper.calls += 1
        return f(*args, **kwargs)
    wrapper.calls = 0
    return wrapper
@counted
def add(a, b=1):
    return a + b
def compose(*fs):
    def composed(x):
        for f in fs:
            x = f(x)
        return x
    return composed
def accumulator():
    total = 0
    def more(x):
        nonlocal total
        total += x
        return total
    return more
def each(items, callback):
    for item in items:
        callback(item)
def main(rounds):
    f = compose(lambda x: x + 1, partial(add, 2), lambda x: x * 2)
    acc = accumulator()
    total = 0
    handlers = {"a": lambda x: x, "b": lambda x: -x, "c": acc}
    for i in range(rounds):
        total += f(i)
        total += handlers["abc"[i % 3]](i)
        each((1, 2, 3), acc)
        total += sum(map(lambda x: x * x, (i, 1, 2)))
    return total, add.calls, acc(0)
print(*main(int(sys.argv[1]) if len(sys.argv) > 1 else 30000))
