"""Retry with exponential back-off, jitter, and a circuit breaker."""
import functools
import itertools
import logging
import random
import sys
import threading
import time
from contextlib import suppress, ExitStack, contextmanager
from typing import Callable, Iterator, Optional, Tuple, Type, Union

logging.basicConfig(format="%(levelname)s:%(name)s:%(message)s", level="INFO", stream=sys.stdout)
logger = logging.getLogger(__name__)

Exceptions = Union[Type[BaseException], Tuple[Type[BaseException], ...]]


class RetryError(Exception):
    def __init__(self, attempts: int) -> None:
        super().__init__(attempts)
        self.attempts = attempts

    def __str__(self) -> str:
        return f"gave up after {self.attempts} attempt{'s' if self.attempts != 1 else ''}"


def backoff(base: float = 0.001, factor: float = 2, limit: float = 0.01, jitter: float = 0.0) -> Iterator[float]:
    delay = base
    while True:
        yield min(delay, limit) + random.uniform(0, jitter)
        delay *= factor


def retry(on: Exceptions = Exception, *, tries: int = 3, delays: Callable[[], Iterator[float]] = backoff,
          reraise: bool = False):
    if tries < 1:
        raise ValueError("tries must be >= 1")

    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            for attempt, delay in zip(itertools.count(1), delays()):
                try:
                    return function(*args, **kwargs)
                except on as error:
                    name = getattr(function, "__qualname__", repr(type(function)))
                    logger.info("%s: attempt %d failed: %s", name, attempt, error)
                    if attempt >= tries:
                        if reraise:
                            raise
                        raise RetryError(attempt) from error
                    time.sleep(delay)
        wrapper.retry_tries = tries
        return wrapper
    return decorate


class Flaky:
    """Fails a number of times, then works."""

    def __init__(self, failures: int, error: Type[Exception] = ConnectionError):
        self.left, self.error, self.calls = failures, error, 0
        self._lock = threading.Lock()

    def __call__(self, value=None):
        with self._lock:
            self.calls += 1
            if self.left > 0:
                self.left -= 1
                raise self.error(f"{self.left} failures left")
            return value

    @retry(KeyError, tries=2)
    def method(self, key):
        "Looks up a key."
        return {"a": 1}[key]


class CircuitOpen(Exception):
    pass


class CircuitBreaker:
    def __init__(self, threshold=3, cooldown=0.05, clock=time.monotonic):
        self.threshold, self.cooldown, self.clock = threshold, cooldown, clock
        self.failures = 0
        self.opened_at: Optional[float] = None

    @property
    def state(self):
        if self.opened_at is None:
            return "closed"
        if self.clock() - self.opened_at >= self.cooldown:
            return "half-open"
        return "open"

    def __enter__(self):
        if self.state == "open":
            raise CircuitOpen(f"open after {self.failures} failures")
        return self

    def __exit__(self, kind, value, traceback):
        if kind is None:
            self.failures, self.opened_at = 0, None
        elif issubclass(kind, CircuitOpen):
            pass
        else:
            self.failures += 1
            if self.failures >= self.threshold:
                self.opened_at = self.clock()
        return False


@contextmanager
def reported(title):
    print(f"[{title}]")
    try:
        yield
    except Exception as error:
        chain = [error]
        while (nxt := chain[-1].__cause__ or chain[-1].__context__) is not None:
            chain.append(nxt)
        print("  " + " <- ".join(f"{type(e).__name__}({e})" for e in chain))
    else:
        print("  no error")


def main():
    @retry(ConnectionError, tries=4)
    def download(source, name):
        """Downloads something."""
        return source(name.upper())

    flaky = Flaky(2)
    with reported("two failures"):
        print("  got", download(flaky, "index"), "after", flaky.calls, "calls")
    with reported("too many failures"):
        download(Flaky(9), "index")
    with reported("another error is not caught"):
        download(Flaky(1, OSError), "index")
    with reported("a subclass of it is"):
        print(" ", download(Flaky(1, ConnectionResetError), "x"))
    with reported("reraised"):
        retry(ZeroDivisionError, tries=2, reraise=True)(lambda: 1 // 0)()
    with reported("method"):
        print(" ", flaky.method("a"), Flaky.method.__doc__, Flaky.method.retry_tries)
        flaky.method("b")
    with reported("wrong use"):
        retry(tries=0)
    print(download.__name__, "-", download.__doc__, "-", download.retry_tries)

    print([round(x * 1000) for x in itertools.islice(backoff(), 6)])

    now = [0.0]
    breaker = CircuitBreaker(threshold=2, cooldown=10, clock=lambda: now[0])
    flaky = Flaky(3, TimeoutError)
    trace = []
    for second in range(0, 40, 4):
        now[0] = second
        before = breaker.state
        try:
            with breaker:
                flaky()
            outcome = "ok"
        except (TimeoutError, CircuitOpen) as e:
            outcome = type(e).__name__
        trace.append(f"{second}s {before} -> {outcome}")
    print(*trace, sep="\n")

    with ExitStack() as stack:
        stack.callback(print, "cleaned up", end=".\n")
        stack.enter_context(suppress(RetryError))
        download(Flaky(99), "y")
        print("never printed")

    shared, results = Flaky(5), []
    work = retry(ConnectionError, tries=10, delays=lambda: backoff(jitter=0.001))(shared)
    threads = [threading.Thread(target=lambda n=n: results.append(work(n))) for n in range(4)]
    logger.setLevel(logging.ERROR)
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print(sorted(results), shared.calls)


if __name__ == "__main__":
    main()
