"""
A pipeline of stages; each stage is a thread (or a process), queues in between.
"""
import functools
import multiprocessing
import queue
import random
import sys
import threading
import time

STOP = object()


class Stage:
    kind = threading.Thread

    def __init__(self, function, workers=1, name=None):
        self.function = function
        self.workers = workers
        self.name = name or function.__name__
        self.errors = []
        self._left = workers
        self._lock = threading.Lock()

    def __or__(self, other):
        if not isinstance(other, (Stage, Pipeline)):
            return NotImplemented
        return Pipeline([self]) | other

    def __repr__(self):
        return f'<{self.name} x{self.workers}>'

    def run(self, source, sink):
        while True:
            item = source.get()
            if item is STOP:
                source.put(STOP)        # for my colleagues
                with self._lock:
                    self._left -= 1
                    last = self._left == 0
                if last:
                    sink.put(STOP)
                return
            try:
                answer = self.function(item)
            except Exception as e:
                with self._lock:
                    self.errors.append((item, e))
                continue
            if answer is None:
                continue
            if hasattr(answer, '__next__'):
                for part in answer:
                    sink.put(part)
            else:
                sink.put(answer)

    def start(self, source, sink):
        threads = []
        for i in range(self.workers):
            t = threading.Thread(target=self.run, args=(source, sink), name='%s-%d' % (self.name, i))
            t.start()
            threads.append(t)
        return threads


class Pipeline:
    def __init__(self, stages):
        self.stages = list(stages)

    def __or__(self, other):
        if isinstance(other, Pipeline):
            return Pipeline(self.stages + other.stages)
        return Pipeline(self.stages + [other])

    def __call__(self, items, size=4):
        queues = [queue.Queue(size) for _ in self.stages] + [queue.Queue()]
        threads = []
        for stage, source, sink in zip(self.stages, queues, queues[1:]):
            threads += stage.start(source, sink)

        def feed():
            for item in items:
                queues[0].put(item)
            queues[0].put(STOP)

        feeder = threading.Thread(target=feed)
        feeder.start()
        for item in iter(queues[-1].get, STOP):
            yield item
        feeder.join()
        for t in threads:
            t.join()

    def __repr__(self):
        return ' | '.join(map(repr, self.stages))


def stage(workers=1):
    return functools.partial(Stage, workers=workers)


@stage(workers=3)
def parse(line):
    name, _, value = line.partition('=')
    return name.strip(), int(value)


@stage()
def positive(pair):
    if pair[1] >= 0:
        return pair


@stage(workers=2)
def spread(pair):
    name, value = pair
    return ((name, v) for v in range(value))


@stage(2)
def slow_square(pair):
    time.sleep(random.random() / 1000)
    return pair[0], pair[1] ** 2


lines = ['a = 3', 'b=-1', 'c = 2', 'oops', 'd = x', '  e=4  ']
p = parse | positive | spread | slow_square
print(p)
print(sorted(p(lines)))
print(sorted(item for item, e in parse.errors))
print(sorted({type(e).__name__ + ': ' + str(e) for item, e in parse.errors}))
try:
    parse | 5
except TypeError as e:
    print(e)


# the same with processes: the classic way
def upper(source, sink):
    for word in iter(source.get, None):
        sink.put(word.upper())
    sink.put(None)


def exclaim(source, sink):
    while True:
        word = source.get()
        if word is None:
            break
        sink.put(word + '!')
    sink.put(None)


def run_processes(words, *functions):
    queues = [multiprocessing.Queue() for _ in range(len(functions) + 1)]
    processes = [multiprocessing.Process(target=f, args=(a, b)) for f, a, b in zip(functions, queues, queues[1:])]
    for x in processes:
        x.start()
    for word in words:
        queues[0].put(word)
    queues[0].put(None)
    out = list(iter(queues[-1].get, None))
    for x in processes:
        x.join()
    return out, [x.exitcode for x in processes]


if __name__ == '__main__':
    print(run_processes('the quick brown fox'.split(), upper, exclaim, exclaim))

    # generators make a pipeline, too; no threads at all
    def numbers(n):
        yield from range(n)

    def squares(ns):
        return (n * n for n in ns)

    def even(ns):
        for n in ns:
            if n % 2 == 0:
                yield n

    print(list(even(squares(numbers(10)))))

    def averager():
        total, count, average = 0.0, 0, None
        while True:
            value = yield average
            if value is None:
                return count
            total += value
            count += 1
            average = total / count

    g = averager()
    next(g)
    print([g.send(x) for x in (10, 20, 60)])
    try:
        g.send(None)
    except StopIteration as e:
        print('count', e.value)
