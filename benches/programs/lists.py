# Lists: append, pop, slices, comprehensions, zip, enumerate, reversed, unpacking, sort with key.
import sys
def main(rounds):
    total = 0
    for r in range(rounds):
        xs = []
        for i in range(300):
            xs.append((i * 7919 + r) % 1009)
        ys = [x * 2 for x in xs if x % 2]
        for i, y in enumerate(ys):
            total += i * y
        for x, y in zip(xs, ys):
            total -= x ^ y
        a, b, *rest = xs
        total += a - b + len(rest)
        xs.sort()
        ys = sorted(ys, key=lambda v: -v)
        pairs = sorted(zip(xs, ys), key=lambda p: (p[1], p[0]))
        total += pairs[0][0] + sum(xs[10:20]) + xs[-1]
        while xs:
            total += xs.pop()
        for y in reversed(ys):
            total ^= y
        total += any(y > 100 for y in ys) + all(y > 0 for y in ys)
        total += len(list(map(str, ys[:50]))) + len(list(filter(None, ys)))
    return total
print(main(int(sys.argv[1]) if len(sys.argv) > 1 else 400))
