import multiprocessing
from multiprocessing import Pool, TimeoutError, cpu_count, pool
import os, sys, time
from functools import partial


def square(x):
    return x * x


def power(base, exponent=2, *, plus=0):
    return base ** exponent + plus


def nap(x):
    time.sleep(x)
    return x


def picky(x):
    if x == 3:
        raise ValueError("I don't like %d" % x)
    return -x


def who(_):
    return os.getpid(), multiprocessing.current_process().name


state = None


def set_up(value, *more):
    global state
    state = [value] + list(more)


def get_state(i):
    return state, i


class Multiplier:
    def __init__(self, k):
        self.k = k

    def times(self, x):
        return self.k * x

    @staticmethod
    def half(x):
        return x / 2

    @classmethod
    def double(cls, x):
        return cls(2).times(x)

    def __call__(self, x):
        return 'called with %r' % (x,)


class MyError(Exception):
    def __init__(self, code, text):
        super().__init__(code, text)
        self.code = code


def my_error(code):
    raise MyError(code, 'code was %d' % code)


def section(name):
    print('--', name)


if __name__ == '__main__':
    section('apply and map')
    with Pool(processes=3) as p:
        print(p.apply(power, (2, 10)), p.apply(power, (2,), {'exponent': 5, 'plus': 1}), p.apply(square, [9]))
        print(p.map(square, range(10)))
        print(p.map(square, [], 5), p.map(len, ['a', 'bb', ''], chunksize=2))
        print(p.starmap(power, [(2, 3), (3,), (10, 0)]))
        print(list(p.imap(square, (n for n in range(5)), 2)))
        print(sorted(p.imap_unordered(square, range(5))))
        print(p.map(partial(power, exponent=3, plus=-1), (1, 2, 3)))
        m = Multiplier(7)
        print(p.map(m.times, [1, 2]), p.map(Multiplier.half, [1, 2]), p.map(Multiplier.double, 'ab'), p.map(m, [None]))

        section('async')
        r = p.apply_async(square, (12,))
        print(r.get(timeout=10), r.ready(), r.successful())
        r = p.map_async(square, range(4))
        r.wait()
        print(r.ready(), r.get())
        print(p.starmap_async(power, zip([1, 2, 3], [4, 5, 6])).get(10))
        collected = []
        rs = [p.apply_async(square, args=(i,), callback=collected.append) for i in range(6)]
        [r.wait() for r in rs]
        print(sorted(collected), sum(r.get() for r in rs))
        errors = []
        r = p.map_async(picky, range(5), callback=collected.append, error_callback=errors.append)
        r.wait(10)
        print(r.successful(), repr(errors[0]), len(collected))

        section('timeouts')
        r = p.apply_async(nap, (0.3,))
        try:
            r.get(timeout=0.01)
        except TimeoutError as e:
            print('TimeoutError', repr(str(e)), r.ready())
        try:
            r.successful()
        except ValueError as e:
            print('ValueError', str(e).endswith('not ready'))
        print(r.get())
        it = p.imap(nap, [0.2, 0])
        try:
            it.next(timeout=0.01)
        except multiprocessing.TimeoutError:
            print('not yet')
        print(it.next(), next(it))
        try:
            it.next()
        except StopIteration:
            print('no more')

        section('errors')
        for call in (lambda: p.apply(picky, (3,)), lambda: p.map(picky, range(6)), lambda: p.starmap(power, [(1, 2, 3)]),
                     lambda: list(p.imap(picky, range(6))), lambda: p.map(square, 5), lambda: p.apply(my_error, (42,)),
                     lambda: p.apply(square, ())):
            try:
                print(call())
            except Exception as e:
                print(type(e).__name__, e, getattr(e, 'code', ''))
        good = []
        for result in (p.apply_async(picky, (i,)) for i in range(5)):
            try:
                good.append(result.get())
            except ValueError:
                good.append('skipped')
        print(good)

        section('workers')
        names = {name for pid, name in p.map(who, range(20), chunksize=1)}
        print(names <= {'ForkPoolWorker-%d' % i for i in range(1, 4)}, os.getpid() not in dict(p.map(who, [1])))

    section('the end')
    for use in (lambda: p.map(square, [1]), lambda: p.apply_async(square, (1,))):
        try:
            use()
        except ValueError as e:
            print(e)
    p = Pool(2, initializer=set_up, initargs=('ready', 1, 2))
    print(p.map(get_state, range(2)), state)
    try:
        p.join()
    except ValueError as e:
        print(e)
    p.close()
    p.join()
    p = multiprocessing.Pool(1, maxtasksperchild=2)
    pids = [p.apply(os.getpid) for _ in range(6)]
    print(len(set(pids)), pids[0] == pids[1] != pids[2])
    p.terminate()
    p.join()
    for bad in (lambda: Pool(0), lambda: Pool(2, initializer=5), lambda: Pool(1, maxtasksperchild=0), lambda: Pool('two')):
        try:
            bad()
        except (ValueError, TypeError) as e:
            print(type(e).__name__ + ':', e)

    section('threads')
    with pool.ThreadPool(4) as tp:
        box = []
        tp.map(box.append, range(5))
        print(sorted(box), tp.apply(lambda a, b: a - b, (5, 3)))
        print(sorted(tp.imap_unordered(lambda x: x + 1, range(5))), list(tp.imap(str, range(3))))
        r = tp.map_async(lambda x: 1 / x, [1, 0])
        try:
            r.get()
        except ZeroDivisionError as e:
            print(e)
    print(cpu_count() >= 1, type(r).__name__)
