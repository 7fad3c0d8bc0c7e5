# Recursion: Ackermann, hanoi, permutations, gcd, memoised fibonacci, default and keyword arguments.
import sys
from functools import lru_cache, reduce
sys.setrecursionlimit(10000)
def ackermann(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))
def hanoi(n, a="a", b="b", c="c"):
    if n == 0:
        return 0
    return hanoi(n - 1, a, c, b) + 1 + hanoi(n - 1, c, b, a)
def permutations(items):
    if len(items) <= 1:
        return [items]
    result = []
    for i in range(len(items)):
        for rest in permutations(items[:i] + items[i + 1:]):
            result.append([items[i]] + rest)
    return result
def gcd(a, b):
    while b:
        a, b = b, a % b
    return a
@lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
def keywords(a, *rest, scale=1, **options):
    return (a + sum(rest)) * scale + len(options)
def main(rounds):
    total = 0
    for r in range(rounds):
        total += ackermann(2, 20) + hanoi(8, c="z") + len(permutations([1, 2, 3, 4, 5]))
        for i in range(1, 200):
            total += gcd(i * 12, 360)
            total += keywords(i, 1, 2, scale=2, x=1)
        fib.cache_clear()
        total += fib(60) + reduce(lambda a, b: a + b, range(100))
    return total
print(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50))
