# matrix multiplication: sequential, threads, processes, pool
# (threads don't help in CPython, but the result has to be the same anyway)
import threading
import multiprocessing
from multiprocessing import Process, Queue, Pool, Array
import time
import random
from math import *


class Matrix:
    def __init__(self, rows):
        self.rows = [list(r) for r in rows]
        lengths = set(map(len, self.rows))
        if len(lengths) != 1:
            raise ValueError('ragged matrix: %s' % sorted(lengths))

    @classmethod
    def random(cls, n, m, seed):
        r = random.Random(seed)
        return cls([[r.randint(-9, 9) for _ in range(m)] for _ in range(n)])

    @classmethod
    def identity(cls, n):
        return cls([[int(i == j) for j in range(n)] for i in range(n)])

    @property
    def shape(self):
        return len(self.rows), len(self.rows[0])

    @property
    def T(self):
        return Matrix(zip(*self.rows))

    def __getitem__(self, index):
        if isinstance(index, tuple):
            i, j = index
            return self.rows[i][j]
        return self.rows[index]

    def __setitem__(self, index, value):
        i, j = index
        self.rows[i][j] = value

    def __eq__(self, other):
        if not isinstance(other, Matrix):
            return NotImplemented
        return self.rows == other.rows

    def __add__(self, other):
        return Matrix([[a + b for a, b in zip(r, s)] for r, s in zip(self.rows, other.rows)])

    def __neg__(self):
        return Matrix([[-a for a in r] for r in self.rows])

    def __sub__(self, other):
        return self + -other

    def __rmul__(self, k):
        return Matrix([[k * a for a in r] for r in self.rows])

    def __matmul__(self, other):
        if self.shape[1] != other.shape[0]:
            raise ValueError("cannot multiply %dx%d by %dx%d" % (self.shape + other.shape))
        columns = other.T.rows
        return Matrix([[dot(row, column) for column in columns] for row in self.rows])

    def __pow__(self, n):
        result = Matrix.identity(len(self.rows))
        base = self
        while n:
            if n & 1:
                result = result @ base
            base = base @ base
            n >>= 1
        return result

    def __str__(self):
        return '\n'.join(' '.join('%5d' % a for a in r) for r in self.rows)

    def __repr__(self):
        return 'Matrix(%r)' % (self.rows,)


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def with_threads(A, B):
    n, m = A.shape[0], B.shape[1]
    C = Matrix([[0] * m for _ in range(n)])
    columns = B.T.rows

    def one_row(i):
        for j in range(m):
            C[i, j] = dot(A[i], columns[j])

    ts = []
    for i in range(n):
        t = threading.Thread(target=one_row, args=(i,))
        t.start()
        ts.append(t)
    for t in ts:
        t.join()
    return C


def worker(numbers, A, B, q):
    columns = B.T.rows
    for i in numbers:
        q.put((i, [dot(A[i], c) for c in columns]))


def with_processes(A, B, count=3):
    q = Queue()
    n = A.shape[0]
    ps = [Process(target=worker, args=(range(k, n, count), A, B, q)) for k in range(count)]
    for p in ps:
        p.start()
    rows = dict(q.get() for _ in range(n))
    for p in ps:
        p.join()
    return Matrix([rows[i] for i in range(n)])


def row_times(args):
    row, columns = args
    return [dot(row, c) for c in columns]


def with_pool(A, B):
    columns = B.T.rows
    pool = Pool(2)
    rows = pool.map(row_times, [(row, columns) for row in A.rows])
    pool.close()
    pool.join()
    return Matrix(rows)


def fill(shared, A, B, start, stop):
    m = B.shape[1]
    columns = B.T.rows
    for i in range(start, stop):
        for j in range(m):
            shared[i * m + j] = dot(A[i], columns[j])


def with_array(A, B):
    n, m = A.shape[0], B.shape[1]
    shared = Array('i', n * m, lock=False)
    half = n // 2
    ps = [Process(target=fill, args=(shared, A, B, *r)) for r in ((0, half), (half, n))]
    [p.start() for p in ps]
    [p.join() for p in ps]
    return Matrix([shared[i * m:(i + 1) * m] for i in range(n)])


if __name__ == '__main__':
    A = Matrix.random(12, 15, seed=1)
    B = Matrix.random(15, 10, seed=2)
    t0 = time.perf_counter()
    C = A @ B
    print('sequential took a while:', time.perf_counter() - t0 > 0)
    for f in with_threads, with_processes, with_pool, with_array:
        print('%-15s %s' % (f.__name__, 'ok' if f(A, B) == C else 'WRONG'))
    print(C.shape, C[0], C[-1, -1], sum(map(sum, C.rows)))
    small = Matrix([[1, 1], [1, 0]])
    print(small ** 30)
    print(repr(small.T - 2 * small), small == 5, small != Matrix.identity(2))
    print(floor(sqrt(abs(C[0, 0]))), gcd(84, 36), ceil(2.1))
    for bad in (lambda: A @ A, lambda: Matrix([[1], [2, 3]]), lambda: small[5], lambda: small * 'x'):
        try:
            bad()
        except (ValueError, IndexError, TypeError) as e:
            print(type(e).__name__ + ':', e)
