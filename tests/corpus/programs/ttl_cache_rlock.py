# LRU cache with time-to-live, thread safe through an RLock
from collections import OrderedDict
from collections.abc import MutableMapping
from functools import wraps, lru_cache, cached_property
from threading import RLock, Thread, Event
import time

_missing = object()


class TTLCache(MutableMapping):
    """Mapping that forgets the least recently used and the too old."""

    def __init__(self, maxsize=128, ttl=None, timer=time.monotonic):
        self.maxsize = maxsize
        self.ttl = ttl
        self.timer = timer
        self._data = OrderedDict()
        self._lock = RLock()
        self.hits = self.misses = self.evictions = 0

    def _expired(self, when):
        return self.ttl is not None and self.timer() - when > self.ttl

    def __getitem__(self, key):
        with self._lock:
            try:
                value, when = self._data[key]
            except KeyError:
                self.misses += 1
                return self.__missing__(key)
            if self._expired(when):
                del self._data[key]
                self.misses += 1
                return self.__missing__(key)
            self._data.move_to_end(key)
            self.hits += 1
            return value

    def __missing__(self, key):
        raise KeyError(key)

    def __setitem__(self, key, value):
        with self._lock:
            self._data[key] = (value, self.timer())
            self._data.move_to_end(key)
            while len(self._data) > self.maxsize:
                self._data.popitem(last=False)
                self.evictions += 1

    def __delitem__(self, key):
        with self._lock:
            del self._data[key]

    def __iter__(self):
        with self._lock:
            return iter([k for k, (v, when) in self._data.items() if not self._expired(when)])

    def __len__(self):
        return sum(1 for _ in self)

    def __repr__(self):
        with self._lock:
            return '%s(%r, hits=%d, misses=%d)' % (self.__class__.__name__, dict(self.items()), self.hits, self.misses)

    def get_or_compute(self, key, function):
        """computes each key only once, whoever asks"""
        with self._lock:
            value = self.get(key, _missing)
            if value is _missing:
                # the lock is re-entrant: `function` may use the cache
                value = self[key] = function(key)
            return value


def cached(cache):
    def deco(f):
        @wraps(f)
        def wrapper(*args, **kw):
            key = args + tuple(sorted(kw.items()))
            return cache.get_or_compute(key, lambda _: f(*args, **kw))
        wrapper.cache = cache
        return wrapper
    return deco


clock = [0]
c = TTLCache(maxsize=3, ttl=10, timer=lambda: clock[0])
for i, name in enumerate(['a', 'b', 'c', 'd']):
    c[name] = i
print(c, len(c), 'a' in c, c.evictions)
c['b']
c['e'] = 5
print(list(c))
clock[0] = 5
c['b'] = 'new'
clock[0] = 11
print(c, sorted(c.keys()), list(c.values()))
print(c.get('e', 'gone'), c.pop('b'), c.setdefault('z', 26))
try:
    c['nothing']
except KeyError as e:
    print('KeyError', e)
c.update(x=1, y=2)
print(c == {'z': 26, 'x': 1, 'y': 2}, isinstance(c, MutableMapping))
c.clear()
print(len(c), bool(c))

calls = []


@cached(TTLCache(50))
def fib(n, start=1):
    calls.append(n)
    return start if n < 2 else fib(n - 1, start=start) + fib(n - 2, start=start)


print(fib(30, start=1), len(calls), fib.cache.hits)
print(fib(30, start=10) // fib(30, start=1), len(calls))

slow_calls = []


@cached(TTLCache())
def slow(key):
    slow_calls.append(key)
    time.sleep(0.005)
    return key * 2


go = Event()
answers = []


def ask():
    go.wait()
    for k in range(5):
        answers.append(slow(k))


threads = [Thread(target=ask) for _ in range(8)]
for t in threads:
    t.start()
go.set()
for t in threads:
    t.join()
print(len(answers), sum(answers), sorted(slow_calls))


# what the library has
@lru_cache(maxsize=2)
def square(x):
    print('computing', x)
    return x * x


print([square(x) for x in (1, 2, 1, 3, 2)])
print(square.cache_info())
square.cache_clear()
print(square.cache_info().currsize, square.__wrapped__(4))


class Circle:
    def __init__(self, r):
        self.r = r

    @cached_property
    def area(self):
        print('area of', self.r)
        return 3 * self.r ** 2


k = Circle(4)
print(k.area, k.area, k.__dict__)
del k.area
print(k.area)
