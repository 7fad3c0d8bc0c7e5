import time
from functools import wraps
from threading import Thread


def timed(func):
    @wraps(func)
    def wrapper(*args, **kwargs):
        start = time.perf_counter()
        result = func(*args, **kwargs)
        elapsed = time.perf_counter() - start
        print('{.__name__} took {}'.format(func, 'some time' if elapsed >= 0 else 'less than none'))
        return result
    return wrapper


@timed
def countdown(n):
    "Counts down."
    while n > 0:
        n -= 1


countdown(20000)
print(countdown.__name__, countdown.__doc__)
ts = [Thread(target=countdown, args=(10000,)) for _ in range(2)]
for t in ts: t.start()
for t in ts: t.join()
