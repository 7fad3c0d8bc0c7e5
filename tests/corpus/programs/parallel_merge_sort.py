import multiprocessing as mp
import random
import sys
import threading
import time
from bisect import bisect, insort
from heapq import merge as heap_merge
from operator import itemgetter, attrgetter

# Sorting in parallel: merge sort with processes and pipes, quick sort with threads,
# and a sort of "records" that has to be stable.


def merge(left, right, key=None):
    key = key or (lambda x: x)
    result = []
    i = j = 0
    while i < len(left) and j < len(right):
        if key(right[j]) < key(left[i]):
            result.append(right[j])
            j += 1
        else:
            result.append(left[i])
            i += 1
    result += left[i:]
    result.extend(right[j:])
    return result


def merge_sort(items, key=None):
    if len(items) < 2:
        return items
    middle = len(items) // 2
    return merge(merge_sort(items[:middle], key), merge_sort(items[middle:], key), key)


def merge_sort_parallel(items, conn, processes):
    """Sorts items, sends the result through conn; starts processes while there are some left."""
    if processes <= 0 or len(items) < 2:
        conn.send(merge_sort(items))
        conn.close()
        return
    middle = len(items) // 2
    left_parent, left_child = mp.Pipe()
    right_parent, right_child = mp.Pipe()
    left = mp.Process(target=merge_sort_parallel, args=(items[:middle], left_child, (processes - 1) // 2))
    right = mp.Process(target=merge_sort_parallel, args=(items[middle:], right_child, (processes - 1) // 2))
    left.start()
    right.start()
    conn.send(merge(left_parent.recv(), right_parent.recv()))
    conn.close()
    left.join()
    right.join()


def quick_sort(items, depth=2):
    if len(items) <= 1:
        return items
    pivot, *rest = items
    small = [x for x in rest if x < pivot]
    large = [x for x in rest if not x < pivot]
    if depth > 0:
        parts = [None, None]

        def work(index, part):
            parts[index] = quick_sort(part, depth - 1)

        ts = [threading.Thread(target=work, args=a) for a in enumerate((small, large))]
        for t in ts:
            t.start()
        for t in ts:
            t.join()
        small, large = parts
    else:
        small, large = quick_sort(small, 0), quick_sort(large, 0)
    return [*small, pivot, *large]


class OddEven:
    """Odd-even transposition sort; each pair of neighbours has a worker, a barrier between the rounds."""

    def __init__(self, items):
        self.items = list(items)
        self.barrier = threading.Barrier(len(self.items) // 2)

    def worker(self, k):
        for round_ in range(len(self.items)):
            i = 2 * k + round_ % 2
            if i + 1 < len(self.items) and self.items[i] > self.items[i + 1]:
                self.items[i], self.items[i + 1] = self.items[i + 1], self.items[i]
            self.barrier.wait()

    def sort(self):
        ts = [threading.Thread(target=self.worker, args=(k,)) for k in range(len(self.items) // 2)]
        [t.start() for t in ts]
        [t.join() for t in ts]
        return self.items


class Record:
    def __init__(self, key, index):
        self.key = key
        self.index = index

    def __repr__(self):
        return '%s%d' % (self.key, self.index)


def bucket_sort(items, buckets=4):
    low, high = min(items), max(items)
    width = (high - low) // buckets + 1
    parts = [[] for _ in range(buckets)]
    for x in items:
        parts[(x - low) // width].append(x)
    with mp.Pool(2) as pool:
        return sum(pool.map(sorted, parts), [])


def main():
    rnd = random.Random(99)
    data = [rnd.randrange(1000) for _ in range(300)]
    expected = sorted(data)
    here, there = mp.Pipe(duplex=False)
    p = mp.Process(target=merge_sort_parallel, args=(data, there, 3))
    p.start()
    print('processes', here.recv() == expected, end='; ')
    p.join()
    print('exit code', p.exitcode)
    print('quick sort', quick_sort(data) == expected)
    print('odd-even', OddEven(data[:12]).sort() == sorted(data[:12]))
    print('buckets', bucket_sort(data) == expected)
    print('heap merge', list(heap_merge(sorted(data[::2]), sorted(data[1::2]))) == expected)
    records = [Record('cab'[i % 3], i) for i in range(9)]
    print('stable', merge_sort(records, key=attrgetter('key')), sorted(records, key=attrgetter('key'), reverse=True))
    pairs = [(i % 3, -i) for i in range(6)]
    print(sorted(pairs), sorted(pairs, key=itemgetter(1)), max(pairs), sorted('bAc', key=str.lower))
    seen = []
    for x in data[:8]:
        insort(seen, x)
    print(seen == sorted(data[:8]), bisect([1, 3, 5], 3))
    try:
        sorted([1, 'a'])
    except TypeError as e:
        print(e)
    sys.setrecursionlimit(200)
    try:
        merge_sort_forever([1, 2])
    except RecursionError as e:
        print(type(e).__name__)
    print(data[:3] == expected[:3], time.time() > 0)


def merge_sort_forever(items):
    return merge_sort_forever(items + items[:0])


if __name__ == '__main__':
    main()
