#!/usr/bin/env python
"""
Segmented sieve of Eratosthenes
===============================

usage: prime_sieve_parallel.py [limit] [segment]

Each worker process sieves segments that it takes from a queue.
"""
# args: 30000 2500
import sys
import os
import time
from math import isqrt
from multiprocessing import Process, JoinableQueue, Queue, Value, cpu_count
from queue import Empty


def small_primes(limit):
    sieve = bytearray([1]) * (limit + 1)
    sieve[0:2] = b'\0\0'
    for i in range(2, isqrt(limit) + 1):
        if sieve[i]:
            sieve[i * i::i] = bytes(len(range(i * i, limit + 1, i)))
    return [i for i, is_prime in enumerate(sieve) if is_prime]


def sieve_segment(low, high, primes):
    """primes p with low <= p < high"""
    flags = bytearray(b'\x01') * (high - low)
    for p in primes:
        if p * p >= high:
            break
        first = max(p * p, (low + p - 1) // p * p)
        flags[first - low::p] = bytes((high - 1 - first) // p + 1) if first < high else b''
    return [low + i for i in range(max(0, 2 - low), high - low) if flags[i]]


class Siever(Process):
    def __init__(self, tasks, results, primes, done):
        Process.__init__(self)
        self.tasks = tasks
        self.results = results
        self.primes = primes
        self.done = done

    def run(self):
        while True:
            task = self.tasks.get()
            if task is None:
                self.tasks.task_done()
                break
            number, low, high = task
            found = sieve_segment(low, high, self.primes)
            self.results.put((number, len(found), found[0] if found else None, found[-1] if found else None, self.gaps(found)))
            with self.done.get_lock():
                self.done.value += 1
            self.tasks.task_done()

    @staticmethod
    def gaps(found):
        best = (0, 0, 0)
        for a, b in zip(found, found[1:]):
            if b - a > best[0]:
                best = (b - a, a, b)
        return best


def main(argv):
    limit = int(argv[1]) if len(argv) > 1 else 10000
    segment = int(argv[2]) if len(argv) > 2 else 1000
    print("primes below %d in segments of %d" % (limit, segment))
    primes = small_primes(isqrt(limit) + 1)
    print(len(primes), 'small primes, the last is', primes[-1])

    tasks, results, done = JoinableQueue(), Queue(), Value('i', 0)
    workers = [Siever(tasks, results, primes, done) for _ in range(3)]
    for w in workers:
        w.daemon = True
        w.start()
    count = 0
    for low in range(0, limit, segment):
        tasks.put((count, low, min(low + segment, limit)))
        count += 1
    for _ in workers:
        tasks.put(None)
    got = {}
    while len(got) < count:
        try:
            number, *rest = results.get(timeout=10)
        except Empty:
            print('no answer, workers alive:', sum(w.is_alive() for w in workers))
            return 1
        got[number] = rest
    tasks.join()
    for w in workers:
        w.join()
    print('workers ended with', [w.exitcode for w in workers], 'segments done:', done.value)

    total = 0
    previous = None
    widest = (0, 0, 0)
    for number in sorted(got):
        n, first, last, gap = got[number]
        total += n
        if previous is not None:
            gap = max(gap, (first - previous, previous, first))
        widest = max(widest, gap)
        previous = last
        print('segment %2d: %4d primes, %6d ... %6d' % (number, n, first, last))
    print('total', total)
    print('widest gap: {0} between {1} and {2}'.format(*widest))
    check = small_primes(limit)
    print('check:', len([p for p in check if p < limit]) == total, check[-1] == previous)
    twins = sum(1 for a, b in zip(check, check[1:]) if b - a == 2)
    print(f'{twins=} {limit=:,} {total/limit=:.1%}')
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
