# Operator overloading with vectors, polynomials, money and matrices; evaluated by worker threads.
import functools
import itertools
import math
import numbers
import operator
import re
import threading
from collections import UserDict, UserList, deque
from concurrent.futures import ThreadPoolExecutor


class Vector:
    __slots__ = ('_v',)

    def __init__(self, *values):
        self._v = tuple(values[0]) if len(values) == 1 and not isinstance(values[0], numbers.Number) else values

    def __len__(self): return len(self._v)
    def __iter__(self): return iter(self._v)
    def __getitem__(self, i): return Vector(self._v[i]) if isinstance(i, slice) else self._v[i]
    def __eq__(self, o): return self._v == o._v if isinstance(o, Vector) else NotImplemented
    def __hash__(self): return functools.reduce(operator.xor, map(hash, self._v), 0)
    def __abs__(self): return math.sqrt(self @ self)
    def __bool__(self): return any(self._v)
    def __neg__(self): return Vector(-x for x in self)
    def __pos__(self): return self
    def __invert__(self): return Vector(reversed(self._v))

    def __add__(self, o):
        if not isinstance(o, Vector):
            return NotImplemented
        return Vector(a + b for a, b in itertools.zip_longest(self, o, fillvalue=0))

    def __sub__(self, o): return self + -o

    def __mul__(self, k):
        if isinstance(k, numbers.Real):
            return Vector(k * x for x in self)
        return NotImplemented

    __rmul__ = __mul__

    def __truediv__(self, k): return self * (1 / k)
    def __floordiv__(self, k): return Vector(x // k for x in self)
    def __mod__(self, k): return Vector(x % k for x in self)
    def __matmul__(self, o): return sum(a * b for a, b in zip(self, o))
    def __contains__(self, x): return x in self._v
    def __repr__(self): return 'Vector(%s)' % ', '.join(map(repr, self._v))

    def __format__(self, spec):
        if spec.endswith('p'):
            return '<%s>' % ', '.join(format(c, spec[:-1]) for c in (abs(self), math.atan2(self[1], self[0])))
        return '(' + ', '.join(format(c, spec) for c in self) + ')'

    def __getattr__(self, name):
        if len(name) == 1 and name in 'xyz'[:len(self)]:
            return self._v['xyz'.index(name)]
        raise AttributeError(f'no attribute {name}')


class Polynomial:
    def __init__(self, *coefficients):
        cs = list(coefficients)
        while cs and cs[-1] == 0:
            cs.pop()
        self.cs = cs

    @classmethod
    def parse(cls, text):
        cs = {}
        for sign, number, x, power in re.findall(r'([+-]?)\s*(\d*)(x?)(?:\^(\d+))?', text):
            if number or x:
                n = int(number or 1) * (-1 if sign == '-' else 1)
                p = int(power) if power else int(bool(x))
                cs[p] = cs.get(p, 0) + n
        return cls(*(cs.get(i, 0) for i in range(max(cs, default=-1) + 1)))

    def __call__(self, x):
        return functools.reduce(lambda acc, c: acc * x + c, reversed(self.cs), 0)

    def __add__(self, o):
        if isinstance(o, int):
            o = Polynomial(o)
        return Polynomial(*map(sum, itertools.zip_longest(self.cs, o.cs, fillvalue=0)))

    __radd__ = __add__

    def __mul__(self, o):
        result = [0] * (len(self.cs) + len(o.cs))
        for (i, a), (j, b) in itertools.product(enumerate(self.cs), enumerate(o.cs)):
            result[i + j] += a * b
        return Polynomial(*result)

    def __pow__(self, n, mod=None):
        r = Polynomial(1)
        for _ in range(n):
            r *= self
        return r if mod is None else Polynomial(*(c % mod for c in r.cs))

    def __imul__(self, o):
        self.cs = (self * o).cs
        return self

    def __str__(self):
        terms = ['%s%s' % (c if c != 1 or not p else '', '' if not p else 'x' if p == 1 else f'x^{p}')
                 for p, c in enumerate(self.cs) if c]
        return ' + '.join(reversed(terms)) or '0'

    def __lt__(self, o): return len(self.cs) < len(o.cs)
    def __le__(self, o): return len(self.cs) <= len(o.cs)
    def __int__(self): return self(10)
    def __index__(self): return len(self.cs)


class Countdown:
    def __init__(self, n): self.n = n
    def __iter__(self): return self

    def __next__(self):
        if self.n <= 0:
            raise StopIteration
        self.n -= 1
        return self.n + 1

    def __length_hint__(self): return self.n


class Registry(UserDict):
    def __missing__(self, key):
        return f'<{key}>'

    def __setitem__(self, key, value):
        super().__setitem__(key.lower(), value)


class History(UserList):
    def append(self, item):
        super().append(item)
        del self.data[:-3]


def main():
    v, w = Vector(3, 4), Vector(range(3))
    print(v + w, v - w, 2 * v, v * .5, v / 2, v // 2, v % 2, -v, ~w, +v is v)
    print(abs(v), v @ w, w[1:], w[-1], 4 in v, len(w), bool(Vector(0, 0)), v == Vector([3, 4]), v == 5, v != w)
    print(f'{v} {v:.1f} {v:.2fp}', '{0:>5}|{1!r}'.format(v, w), v.x, w.z, {v: 1}[Vector(3, 4)])
    x, *rest = w
    print(x, rest, max(v), sorted(Vector(3, 1, 2)), list(zip(v, w)))
    p, q = Polynomial(1, 1), Polynomial.parse('3x^2 - x + 7')
    print(p, '|', q, '|', p * q, '|', p ** 3, '|', pow(p, 4, 3), '|', p + 1, '|', 5 + q, '|', Polynomial())
    print(q(2), int(q), p < q, p <= p, [10, 20, 30, 40][p], sum([p, q, p]))
    r = p
    r *= q
    print(r, '|', p is r, list(Countdown(3)), operator.length_hint(Countdown(5)), sum(Countdown(4)))
    reg = Registry(One=1)
    reg['TWO'] = 2
    print(reg, reg['three'], 'two' in reg, len(reg))
    h = History([1, 2])
    for i in range(5):
        h.append(i)
    print(h, h + [9], h[0], isinstance(h, list))
    for bad in (lambda: v + 1, lambda: 'a' * v, lambda: v.q, lambda: v < w, lambda: v @ 5, lambda: setattr(v, 'n', 1), lambda: v[9]):
        try:
            print(bad())
        except Exception as e:
            print(type(e).__name__, e)
    with ThreadPoolExecutor(3) as pool:
        points = [Vector(i, i * i) for i in range(8)]
        print(functools.reduce(operator.add, pool.map(lambda p: p * 2, points)))
        print(*pool.map(operator.methodcaller('__len__'), points[:3]), list(pool.map(operator.itemgetter(1), points))[-1])
    d = deque(maxlen=4)
    threads = [threading.Thread(target=d.extend, args=(Countdown(3),)) for _ in range(3)]
    for t in threads:
        t.start(); t.join()
    print(d, d.maxlen, list(itertools.accumulate(d, operator.mul)), operator.concat('a', 'b'), math.prod([2, 3]))


if __name__ == '__main__':
    main()
