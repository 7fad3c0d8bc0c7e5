"""Token bucket and sliding window rate limiters, used as decorators."""
import collections, functools, threading, time
from enum import Enum, auto


class Verdict(Enum):
    ALLOWED = auto()
    DENIED = auto()

    def __bool__(self):
        return self is Verdict.ALLOWED


class FakeClock:
    """A clock for tests: time passes only when we say so."""

    def __init__(self):
        self._now = 0.0
        self._lock = threading.Lock()

    def __call__(self):
        with self._lock:
            return self._now

    def advance(self, seconds):
        with self._lock:
            self._now += seconds
        return self


class TokenBucket:
    def __init__(self, rate, capacity, clock=time.monotonic):
        self.rate, self.capacity, self.clock = rate, capacity, clock
        self._tokens = capacity
        self._updated = clock()
        self._lock = threading.Lock()

    def _refill(self):
        now = self.clock()
        self._tokens = min(self.capacity, self._tokens + (now - self._updated) * self.rate)
        self._updated = now

    def try_acquire(self, n=1):
        with self._lock:
            self._refill()
            if self._tokens >= n:
                self._tokens -= n
                return Verdict.ALLOWED
            return Verdict.DENIED

    @property
    def tokens(self):
        with self._lock:
            self._refill()
            return self._tokens


class SlidingWindow:
    def __init__(self, limit, window, clock=time.monotonic):
        self.limit = limit
        self.window = window
        self.clock = clock
        self.calls = collections.deque()
        self._lock = threading.RLock()

    def try_acquire(self):
        with self._lock:
            now = self.clock()
            while self.calls and now - self.calls[0] >= self.window:
                self.calls.popleft()
            if len(self.calls) < self.limit:
                self.calls.append(now)
                return Verdict.ALLOWED
            return Verdict.DENIED


class RateLimitExceeded(Exception):
    def __init__(self, name, limiter):
        Exception.__init__(self, name, limiter.__class__.__name__)

    def __str__(self):
        return "too many calls of %s (%s)" % self.args


def limited(limiter, on_denied='raise'):
    def decorator(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            if limiter.try_acquire():
                wrapper.allowed += 1
                return function(*args, **kwargs)
            wrapper.denied += 1
            if on_denied == 'raise':
                raise RateLimitExceeded(function.__name__, limiter)
            return None
        wrapper.allowed = wrapper.denied = 0
        return wrapper
    return decorator


def show(title, values):
    print(f"{title:<20}", "".join("+" if value else "." for value in values))


clock = FakeClock()
bucket = TokenBucket(rate=2, capacity=5, clock=clock)
show("burst of 8", [bucket.try_acquire() for _ in range(8)])
clock.advance(1)
show("one second later", [bucket.try_acquire() for _ in range(4)])
clock.advance(100)
print("tokens never exceed the capacity:", bucket.tokens)
show("three at a time", [bucket.try_acquire(3) for _ in range(3)])
print("tokens left:", bucket.tokens)

window = SlidingWindow(3, 10, clock)
answers = []
for step in range(12):
    answers.append(window.try_acquire())
    clock.advance(2)
show("sliding window", answers)
print(collections.Counter(answer.name for answer in answers).most_common())


@limited(SlidingWindow(2, 60, clock))
def fetch(page, *, size=10):
    """Pretends to fetch a page."""
    return "page %s of %d" % (page, size)


print(fetch.__name__, "-", fetch.__doc__)
for number in range(4):
    try:
        print(fetch(number, size=5))
    except RateLimitExceeded as e:
        print("!", e, e.args)
print(fetch.allowed, fetch.denied)


shared = TokenBucket(rate=0, capacity=50, clock=clock)


@limited(shared, on_denied='none')
def work():
    return 1


results = []
start = threading.Barrier(6)


def hammer():
    start.wait()
    mine = 0
    for i in range(30):
        mine += work() or 0
    results.append(mine)


threads = [threading.Thread(target=hammer) for i in range(6)]
[t.start() for t in threads]
[t.join() for t in threads]
print("allowed together:", sum(results), "of", 6 * 30, "by", len(results), "threads")

# the real clock: 5 calls at 200 per second need about 20 ms after the first
real = TokenBucket(rate=200, capacity=1)
begin, done = time.monotonic(), 0
while done < 5:
    if real.try_acquire():
        done += 1
    else:
        time.sleep(0.001)
print("slowed down:", time.monotonic() - begin >= 0.019)
