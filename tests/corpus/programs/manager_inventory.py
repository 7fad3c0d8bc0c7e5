"""A shop whose stock lives in a manager; clerks are processes."""
import multiprocessing
from multiprocessing import Manager, Process
import os
import queue
import time


def clerk(number, stock, orders, sold, lock, summary):
    while True:
        try:
            item, wanted = orders.get(timeout=5)
        except queue.Empty:
            break
        if item is None:
            break
        with lock:
            there = stock.get(item, 0)
            given = min(there, wanted)
            if given:
                stock[item] = there - given
            sold.append((item, given))
            summary.sold += given
            summary.missing += wanted - given


def restock(stock, lock, deliveries):
    for item, n in deliveries:
        with lock:
            stock.update({item: stock.setdefault(item, 0) + n})


def nested(d):
    d['numbers'].append(1)              # changes a copy only
    numbers = d['numbers']
    numbers.append(2)
    d['numbers'] = numbers              # this is how it is done
    d['inner']['deep'] = True           # a proxy within a proxy


def fail(d):
    try:
        return d['no such key']
    except KeyError as e:
        d['error'] = 'KeyError: %s' % e


class Shop:
    def __init__(self, manager):
        self.stock = manager.dict({'apple': 10, 'pear': 4})
        self.orders = manager.Queue()
        self.sold = manager.list()
        self.lock = manager.Lock()
        self.summary = manager.Namespace(sold=0, missing=0)

    def run(self, clerks=3):
        ps = [Process(target=clerk, args=(n, self.stock, self.orders, self.sold, self.lock, self.summary))
              for n in range(clerks)]
        for p in ps:
            p.start()
        for n in range(20):
            self.orders.put((('apple', 'pear', 'plum')[n % 3], 1 + n % 2))
        for p in ps:
            self.orders.put((None, 0))
        for p in ps:
            p.join()
        return [p.exitcode for p in ps]


def main():
    with Manager() as manager:
        shop = Shop(manager)
        p = Process(target=restock, args=(shop.stock, shop.lock, [('plum', 3), ('apple', 5)]))
        p.start()
        p.join()
        print(sorted(shop.stock.items()))
        print(shop.run())
        print('left:', dict(sorted(shop.stock.items())), shop.orders.empty(), shop.orders.qsize())
        print('sold: %d missing: %d' % (shop.summary.sold, shop.summary.missing))
        per_item = {}
        for item, n in shop.sold:
            per_item[item] = per_item.get(item, 0) + n
        print(sorted(per_item.items()), len(shop.sold))
        print(shop.summary)

        d = manager.dict()
        d['numbers'] = [0]
        d['inner'] = manager.dict()
        p = Process(target=nested, args=(d,))
        p.start(); p.join()
        print(d['numbers'], d['inner'].copy())
        p = Process(target=fail, args=(d,))
        p.start(); p.join()
        print(d['error'], 'error' in d, len(d), sorted(d.keys()))

        l = manager.list(range(5))
        l.extend([9, 7]); l.reverse(); l[0] = 'first'; del l[1]
        print(l, l[1:3], l.index(3), l.count(0), len(l), l.pop(), [x for x in l])
        print(l + ['x'], l * 2 == list(l) * 2)
        l.sort(key=str)
        print(str(l))
        try:
            l[100]
        except IndexError as e:
            print('IndexError', e)
        try:
            l.remove('absent')
        except ValueError as e:
            print('ValueError', e)

        v, a = manager.Value('i', 3), manager.Array('i', [1, 2, 3])
        v.value += 1
        a[1] = 20
        print(v.value, a[:], v, a)
        e, s = manager.Event(), manager.Semaphore(2)
        print(e.is_set(), e.wait(0.01), s.acquire(), s.acquire(False), s.acquire(blocking=False))
        e.set()
        print(e.wait(), e.is_set())
        ns = manager.Namespace()
        ns.x = 10
        try:
            ns.y
        except AttributeError as err:
            print('AttributeError', err)
        del ns.x
        print(hasattr(ns, 'x'))

        with manager.Pool(2) as pool:
            print(pool.map(abs, [-1, 2, -3]), pool.apply(divmod, (17, 5)))
        jq = manager.JoinableQueue(2)
        jq.put('a')
        jq.put('b')
        try:
            jq.put_nowait('c')
        except queue.Full:
            print('full', jq.full())
        print(jq.get(), jq.get(), jq.empty())
        jq.task_done(); jq.task_done(); jq.join()
        try:
            jq.task_done()
        except ValueError as err:
            print(err)
    print('manager is gone')
    try:
        shop.stock['apple']
    except Exception as err:
        print(isinstance(err, (OSError, EOFError)))


if __name__ == '__main__':
    main()
