"""A thread pool written by hand, with futures, callbacks and a clean shutdown.

Not as good as concurrent.futures, but it shows how such a thing works.
"""
from __future__ import annotations

import itertools
import queue
import sys
import threading
import time
import traceback
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple, TypeVar

T = TypeVar("T")
_counter = itertools.count(1)


class PoolClosed(RuntimeError):
    pass


class Future:
    __slots__ = ("_event", "_value", "_error", "_callbacks", "_lock", "name")

    def __init__(self, name: str = "?") -> None:
        self.name = name
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._value: Any = None
        self._error: Optional[BaseException] = None
        self._callbacks: List[Callable[["Future"], None]] = []

    def _finish(self, value: Any = None, error: Optional[BaseException] = None) -> None:
        with self._lock:
            self._value, self._error = value, error
            self._event.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)

    def then(self, callback: Callable[["Future"], None]) -> "Future":
        with self._lock:
            if not self._event.is_set():
                self._callbacks.append(callback)
                return self
        callback(self)
        return self

    def result(self, timeout: Optional[float] = None) -> Any:
        if not self._event.wait(timeout):
            raise TimeoutError(f"{self.name} is not ready after {timeout} s")
        if self._error is not None:
            raise self._error
        return self._value

    @property
    def done(self) -> bool:
        return self._event.is_set()

    def __repr__(self) -> str:
        state = "pending" if not self.done else "failed" if self._error else "done"
        return f"Future({self.name!r}, {state})"


class Worker(threading.Thread):
    def __init__(self, tasks: "queue.Queue[Optional[Tuple]]", number: int):
        super().__init__(name=f"worker-{number}", daemon=True)
        self.tasks = tasks
        self.handled = 0

    def run(self) -> None:
        while (task := self.tasks.get()) is not None:
            future, function, args, kwargs = task
            try:
                future._finish(function(*args, **kwargs))
            except BaseException as error:      # the worker must survive
                future._finish(error=error)
            finally:
                self.handled += 1
                self.tasks.task_done()
        self.tasks.task_done()


class ThreadPool:
    def __init__(self, size: int = 4, *, backlog: int = 0) -> None:
        if size < 1:
            raise ValueError("size must be at least 1, got %r" % size)
        self._tasks: queue.Queue = queue.Queue(backlog)
        self._workers = [Worker(self._tasks, i) for i in range(size)]
        self._open = True
        for worker in self._workers:
            worker.start()

    def submit(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future:
        if not self._open:
            raise PoolClosed("the pool is closed")
        future = Future(f"{getattr(function, '__name__', '?')}-{next(_counter)}")
        self._tasks.put((future, function, args, kwargs))
        return future

    def map(self, function: Callable[[Any], T], items: Iterable[Any]) -> List[T]:
        futures = [self.submit(function, item) for item in items]
        return [future.result() for future in futures]

    def close(self) -> Dict[str, int]:
        if self._open:
            self._open = False
            for _ in self._workers:
                self._tasks.put(None)
            for worker in self._workers:
                worker.join()
        return {worker.name: worker.handled for worker in self._workers}

    def __enter__(self) -> "ThreadPool":
        return self

    def __exit__(self, kind, value, tb) -> bool:
        self.close()
        if kind is not None:
            print("leaving because of", kind.__name__)
        return kind is PoolClosed


def slow_square(x: int) -> int:
    time.sleep(0.002)
    return x * x


def fails(text: str = "broken") -> None:
    raise KeyError(text)


def main() -> int:
    with ThreadPool(3) as pool:
        print(pool.map(slow_square, range(10)))
        seen: List[str] = []
        ready = threading.Event()

        def note(future: Future) -> None:
            seen.append(repr(future))
            ready.set()

        pool.submit(slow_square, 12).then(note)
        ready.wait()
        print(seen)
        future = pool.submit(fails, text="it")
        try:
            future.result()
        except KeyError as error:
            print("KeyError", error, future)
        late = pool.submit(time.sleep, 0.2)
        try:
            late.result(timeout=0.01)
        except TimeoutError as error:
            print(error, late.done)
        print(late.result(), late.done)

        gate = threading.Event()
        blocked = pool.submit(gate.wait, 5)
        print(blocked, end=" ")
        gate.set()
        print(blocked.result())
    try:
        pool.submit(print)
    except PoolClosed as error:
        print("PoolClosed:", error)
    with ThreadPool(size=2, backlog=1) as small:
        print(sum(small.map(lambda x: x + 1, range(20))))
        counts = small.close()
        print(sum(counts.values()), sorted(counts))
        small.submit(print, "never")
    try:
        ThreadPool(0)
    except ValueError:
        traceback.print_exc(limit=1, file=sys.stdout)
    print([t.name for t in threading.enumerate()])
    return 0


if __name__ == "__main__":
    sys.exit(main())
