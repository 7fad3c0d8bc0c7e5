# Generators and iterators: expressions, delegation, send, iterator classes, itertools.
import sys
import itertools
class Countdown:
    def __init__(self, n):
        self.n = n
    def __iter__(self):
        return self
    def __next__(self):
        if self.n <= 0:
            raise StopIteration
        self.n -= 1
        return self.n
def walk(tree):
    if tree is not None:
        left, value, right = tree
        yield from walk(left)
        yield value
        yield from walk(right)
def build(low, high):
    if low >= high:
        return None
    middle = (low + high) // 2
    return (build(low, middle), middle, build(middle + 1, high))
def average():
    total = 0
    count = 0
    value = None
    while True:
        value = yield (total / count if count else 0)
        total += value
        count += 1
def main(rounds):
    total = 0
    tree = build(0, 100)
    for r in range(rounds):
        total += sum(walk(tree))
        total += sum(x * 2 for x in range(300))
        total += sum(Countdown(100))
        g = average()
        next(g)
        for i in range(100):
            total += int(g.send(i))
        total += sum(itertools.islice(itertools.count(1), 100))
        total += len(list(itertools.chain([1, 2], (3, 4))))
    return total
print(main(int(sys.argv[1]) if len(sys.argv) > 1 else 250))
