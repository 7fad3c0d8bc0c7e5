"""concurrent.futures from one end to the other."""
import concurrent.futures as cf
import os
import random
import sys
import threading
import time
from concurrent.futures import (ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION, CancelledError, Future,
                                ProcessPoolExecutor, ThreadPoolExecutor, TimeoutError, as_completed, wait)


def cube(n): return n ** 3


def slow(n, seconds=0.02):
    time.sleep(seconds)
    return n


def fail(message="failed"):
    raise RuntimeError(message)


def collatz(n: int) -> int:
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


def both(test):
    for kind in (ThreadPoolExecutor, ProcessPoolExecutor):
        print(f"{test.__name__} [{kind.__name__}]")
        with kind(max_workers=2) as executor:
            test(executor)


def mapping(ex):
    print(list(ex.map(cube, range(6))), list(ex.map(pow, (2, 3), (5, 2))))
    print(max(zip(ex.map(collatz, range(1, 30), chunksize=4), range(1, 30))))
    it = ex.map(collatz, [3, 1, 7])
    print(next(it), type(it).__name__)
    results = ex.map(divmod, [7, 8, 9], [2, 0, 3])
    print(next(results), end=" ")
    try:
        next(results)
    except ZeroDivisionError as e:
        print("ZeroDivisionError:", e)
    print(list(results))
    try:
        list(ex.map(slow, [1], [0.2], timeout=0.01))
    except TimeoutError as e:
        print(type(e).__name__, isinstance(e, OSError))


def futures(ex):
    f = ex.submit(cube, 5)
    print(f.result(), f.done(), f.running(), f.cancelled(), f.exception(), f.cancel())
    f = ex.submit(fail, message="on purpose")
    print(repr(f.exception(timeout=10)))
    try:
        f.result()
    except RuntimeError as e:
        print("RuntimeError:", e)
    f = ex.submit(slow, "late", seconds=0.3)
    try:
        f.result(timeout=0.01)
    except TimeoutError:
        print("TimeoutError", f.done())
    done = []
    f.add_done_callback(lambda future: done.append(future.result()))
    f.result()
    while not done:
        time.sleep(0.001)
    f.add_done_callback(lambda future: done.append("at once"))
    print(done)


def completed(ex):
    jobs = {ex.submit(cube, n): n for n in range(5)}
    print(sorted((jobs[f], f.result()) for f in as_completed(jobs)))
    todo = [ex.submit(slow, i, s) for i, s in enumerate((0.01, 0.4))]
    done, not_done = wait(todo, return_when=FIRST_COMPLETED)
    print(len(done), len(not_done), done.pop().result())
    try:
        for _ in as_completed(todo, timeout=0.01):
            pass
    except TimeoutError as e:
        print(e)
    print(len(wait(todo).done), wait(todo, timeout=0).not_done)
    todo = [ex.submit(fail), ex.submit(slow, 1, 0.2)]
    result = wait(todo, timeout=10, return_when=FIRST_EXCEPTION)
    print(len(result.done), [f.exception() for f in result.done])
    print(len(wait(todo, return_when=ALL_COMPLETED)[0]))


def after_the_end():
    ex = ThreadPoolExecutor()
    ex.shutdown()
    try:
        ex.submit(print)
    except RuntimeError as e:
        print(e)
    with ThreadPoolExecutor(1) as one:
        gate = threading.Event()
        first = one.submit(gate.wait)
        others = [one.submit(cube, i) for i in range(3)]
        print(others[0].cancel(), others[0].cancelled(), others[0].done(), first.cancel())
        try:
            others[0].result()
        except CancelledError as e:
            print("CancelledError", e)
        one.shutdown(wait=False, cancel_futures=True)
        gate.set()
    print(first.result(), [o.cancelled() for o in others])


def names_and_initializers():
    local = threading.local()

    def prepare(value):
        local.value = value
        ready.append(threading.current_thread().name)

    ready = []
    with ThreadPoolExecutor(2, thread_name_prefix="tour", initializer=prepare, initargs=(99,)) as ex:
        barrier = threading.Barrier(2)
        fs = [ex.submit(lambda: (barrier.wait() >= 0, local.value)) for _ in range(2)]
        print([f.result() for f in fs], sorted(ready))

    def breaks():
        raise OSError("cannot prepare")

    ex = ThreadPoolExecutor(1, initializer=breaks)
    f = ex.submit(print, "never")
    print(type(f.exception()).__name__)
    ex.shutdown()


def by_hand():
    f = Future()
    print(f.done(), f.set_running_or_notify_cancel(), f.running())
    threading.Timer(0.01, f.set_result, ["set by a timer"]).start()
    print(f.result())
    try:
        f.set_result(2)
    except cf.InvalidStateError as e:
        print(type(e).__name__)
    g = Future()
    g.set_exception(LookupError("by hand"))
    for state in (f, g, Future()):
        print(str(state).split(" ", 2)[2])
    for bad in (lambda: ThreadPoolExecutor(0), lambda: ProcessPoolExecutor(max_workers=-1), lambda: ThreadPoolExecutor(1, initializer=3)):
        try:
            bad()
        except (ValueError, TypeError) as e:
            print(type(e).__name__, e)


if __name__ == "__main__":
    both(mapping)
    both(futures)
    both(completed)
    logging_off = __import__("logging").disable(50)
    for f in (after_the_end, names_and_initializers, by_hand):
        print(f.__name__)
        f()
