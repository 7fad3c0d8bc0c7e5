import threading

class LockedIterator(object):
    def __init__(self, it):
        self.lock = threading.Lock()
        self.it = iter(it)

    def __iter__(self): return self

    def __next__(self):
        with self.lock:
            return next(self.it)
    next = __next__

def fibonacci():
    a, b = 0, 1
    while a < 1000:
        yield a
        a, b = b, a + b

def chunks(seq, n):
    for i in range(0, len(seq), n):
        yield seq[i:i + n]

numbers, got = LockedIterator(fibonacci()), []
def eat():
    for x in numbers:
        got.append(x)
ts = [threading.Thread(target=eat) for _ in range(3)]
for t in ts: t.start()
for t in ts: t.join()
print(sorted(got))
print(list(chunks('abcdefg', 3)), sum(x * y for x in range(3) for y in range(3) if x != y), {c: i for i, c in enumerate('abc')})

def delegate():
    x = yield from (i for i in 'xy')
    y = yield x
    try:
        yield 'waiting'
    except ValueError as e:
        yield 'caught %s' % e
    finally:
        got.clear()
    return 'end'

g = delegate()
print(next(g), next(g), next(g), g.send('sent'), g.throw(ValueError('v')), next(g, 'default'), got)
