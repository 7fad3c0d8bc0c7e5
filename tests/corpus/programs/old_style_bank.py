#!/usr/bin/python
# -*- coding: latin-1 -*-
# An old program that has been ported from python 2 by somebody in a hurry.
from __future__ import print_function, division, with_statement, unicode_literals
import sys, os, time, string, random
import threading
from threading import *
try:
    import Queue
except ImportError:
    import queue as Queue
try:
    import cPickle as pickle
except ImportError:
    import pickle
try:
    xrange
except NameError:
    xrange = range
try:
    unicode
except NameError:
    unicode = str

TRUE, FALSE = 1, 0
NUM_THREADS = 4
DEBUG = FALSE


def debug(fmt, *args):
    if DEBUG:
        sys.stderr.write(fmt % args + '\n')


class Request:
    def __init__(self, kind, **params):
        self.kind = kind
        self.__dict__.update(params)

    def __cmp__(self, other):           # nobody calls this any more
        return 0

    def __str__(self):
        return '%s(%s)' % (self.kind, ', '.join(['%s=%s' % (k, v) for k, v in sorted(self.__dict__.items()) if k != 'kind']))

    __repr__ = __str__


class BankThread(Thread):
    def __init__(self, queue, accounts, lock):
        Thread.__init__(self)
        self.setDaemon(True)
        self.setName('Bank-' + self.getName().split('-')[1])
        self.queue, self.accounts, self.lock = queue, accounts, lock
        self.handled = 0
        return

    def run(self):
        while 1:
            try:
                request = self.queue.get(TRUE, 10)
            except Queue.Empty:
                print('nothing to do??')
                break
            if request is None:
                debug('%s stops', self.getName())
                self.queue.task_done()
                break
            try:
                getattr(self, 'do_' + request.kind)(request)
            except:
                t, v, tb = sys.exc_info()
                failures.append('%s: %s' % (t.__name__, v))
            self.handled += 1
            self.queue.task_done()

    def do_deposit(self, r):
        self.lock.acquire()
        try:
            self.accounts[r.to] = self.accounts[r.to] + r.amount
        finally:
            self.lock.release()

    def do_withdraw(self, r):
        with self.lock:
            if self.accounts[r.frm] < r.amount:
                raise ValueError("%s has not enough" % r.frm)
            self.accounts[r.frm] -= r.amount

    def do_transfer(self, r):
        # RLock: may be taken again
        self.lock.acquire()
        self.do_withdraw(r)
        self.do_deposit(r)
        self.lock.release()


failures = []


def main(args):
    global failures
    random.seed(1)
    accounts = {}
    for name in string.ascii_uppercase[:3]:
        accounts[name] = 100
    q = Queue.Queue()
    lock = RLock()
    threads = []
    for i in xrange(NUM_THREADS):
        t = BankThread(q, accounts, lock)
        t.start()
        threads.append(t)
    print('threads:', ', '.join([t.getName() for t in threads]), [t.isDaemon() for t in threads])
    for i in xrange(30):
        frm, to = 'ABC'[i % 3], 'BCA'[i % 3]
        q.put(Request('deposit', to=to, amount=i))
        q.put(Request('deposit', to=frm, amount=-i))
    q.join()
    print(sorted(accounts.items()), sum(accounts.values()))
    q.put(Request('withdraw', frm='A', amount=10 ** 9))
    q.put(Request('rob', frm='A'))
    q.put(Request('deposit', to='Q', amount=5))
    q.put(Request('deposit', amount='x', to='A'))
    q.join()
    failures.sort()
    for f in failures:
        print(' ', f)
    for t in threads:
        q.put(None)
    for t in threads:
        t.join()
    print('all handled:', sum([t.handled for t in threads]), 'alive:', [t.is_alive() for t in threads].count(True))
    print('%d%% of %5.1f is %e' % (50, 3.14159, 12345.678), '%(a)s-%(b)04d' % {'a': 'x', 'b': 7}, '%r %s %c %x %o' % ('it', None, 65, 255, 8))
    print('Name: %-10s| %+d | %05.1f | %s' % ('Bob', 5, 2.25, ('a', 1)))
    print(pickle.loads(pickle.dumps({'a': [1, 2, (3,)]})), threading.currentThread().getName(), threading.activeCount())
    print(7 / 2, 7 // 2, -7 // 2, -7 % 3, divmod(-7, 2), 1e3, 10 ** -2, 0o17, 0xff, 0b101)
    print(isinstance('x', unicode), list(map(lambda x: x * 2, [1, 2])), list(filter(None, [0, 1, '', 'a'])), dict(zip('ab', [1, 2])))
    r = Request('transfer', frm='A', to='B', amount=1)
    print(r, [r], '%s' % r, os.path.join('a', 'b'), os.path.splitext('x.tar.gz'), os.sep)
    exec_time = time.clock() if hasattr(time, 'clock') else time.perf_counter()
    if not exec_time: return 1
    print(string.capwords('hello big world'), 'x'.join(['1', '2']), 'abc'[::-1], 'a,b,,c'.split(','), ' x '.strip() + '|')
    print >>sys.stderr if 0 else None
    return 0


if __name__ == '__main__':
    try:
        status = main(sys.argv[1:])
    except TypeError as e:
        print('TypeError:', e)
        status = 3
    sys.exit(status)
