from multiprocessing import Process, Value, Array, Lock, RawValue, RawArray, current_process
import multiprocessing
import time
import ctypes
import os


def unsafe_looking(counter, n):
    for i in range(n):
        with counter.get_lock():
            counter.value += 1


def with_own_lock(counter, lock, n):
    for _ in range(n):
        lock.acquire()
        try:
            counter.value = counter.value + 1
        finally:
            lock.release()


def count_up_to(limit, counter, turns, me):
    """takes part in counting to limit; notes how often it was its turn"""
    while True:
        with counter.get_lock():
            if counter.value >= limit:
                break
            counter.value += 1
            turns[me] += 1


class Histogram(object):
    def __init__(self, size):
        self.cells = Array('i', size)

    def add(self, value):
        with self.cells.get_lock():
            self.cells[value % len(self.cells)] += 1

    def show(self):
        for i, n in enumerate(self.cells):
            print('%2d %-12s %d' % (i, '*' * (n // 4), n))


def fill(histogram, numbers):
    for n in numbers:
        histogram.add(n)


def move(source, target, amount, lock, times):
    for _ in range(times):
        with lock:
            if source.value >= amount:
                source.value -= amount
                target.value += amount


def square_all(numbers):
    for i in range(len(numbers)):
        numbers[i] = numbers[i] ** 2


def letters(text):
    for i, c in enumerate(text.value):
        text[i] = bytes([c]).upper()


def report(values, names):
    for v, name in zip(values, names):
        print('%-8s %s' % (name, v))


def start_all(*ps):
    for p in ps:
        p.start()
    for p in ps:
        p.join()
    return [p.exitcode for p in ps]


if __name__ == '__main__':
    counter = Value('i', 0)
    print(start_all(*[Process(target=unsafe_looking, args=(counter, 200)) for _ in range(4)]), counter.value)

    raw, lock = RawValue(ctypes.c_long, 5), Lock()
    start_all(*[Process(target=with_own_lock, args=(raw, lock, 100)) for _ in range(3)])
    print(raw.value, lock)

    c, turns = Value('L', 0), Array('L', 3)
    start_all(*[Process(target=count_up_to, args=(300, c, turns, i)) for i in range(3)])
    print(c.value, sum(turns), len(turns), turns[:] == list(turns))

    h = Histogram(5)
    start_all(Process(target=fill, args=(h, range(100))), Process(target=fill, args=(h, range(0, 100, 5))))
    h.show()

    a, b = Value('d', 100.0), Value('d', 0)
    both = multiprocessing.RLock()
    start_all(Process(target=move, args=(a, b, 3, both, 20)), Process(target=move, args=(b, a, 1.5, both, 20)))
    print(a.value + b.value)

    numbers = Array('d', [0.5, 1, 1.5, 2])
    squares = RawArray('i', range(6))
    start_all(Process(target=square_all, args=(numbers,)), Process(target=square_all, args=(squares,)))
    print(numbers[:], squares[:], list(squares[1:4]))

    text = Array('c', b'shared text')
    start_all(Process(target=letters, args=(text,)))
    print(text.value, text.raw[:6], len(text))

    report([Value('i', 7), Value('d', 2.5), Value('c', b'x'), Value('b', -3)], ['int', 'double', 'char', 'byte'])
    report([Value('i', 7).value, Value('d', 2.5).value, Value('c', b'x').value, Value('B', 200).value],
           'int double char ubyte'.split())
    for bad in (lambda: Value('i', 'x'), lambda: Array('i', 3)[5], lambda: Value('q'), lambda: Value('z', 1),
                lambda: Array('i', [1, 'a'])):
        try:
            print('no error', bad())
        except Exception as e:
            print(type(e).__name__, e)
    small = Value('h', 32767)
    with small.get_lock():
        small.value += 1
    print(small.value)
    print(small.get_obj().value, isinstance(small.get_lock(), type(both)))
