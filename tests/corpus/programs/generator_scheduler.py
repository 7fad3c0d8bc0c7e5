"""Cooperative multitasking with generators: tasks, sleeping, events, and channels.

No threads at all -- except one, at the end, to show that both can live together.
"""
import heapq
import itertools
import threading
import time
from collections import deque


class Task:
    ids = itertools.count(1)

    def __init__(self, target, name=None):
        self.id = next(self.ids)
        self.target = target
        self.name = name or target.__name__
        self.value = None
        self.error = None
        self.result = None
        self.finished = False
        self.waiters = []

    def step(self):
        if self.error is not None:
            error, self.error = self.error, None
            return self.target.throw(error)
        value, self.value = self.value, None
        return self.target.send(value)

    def __repr__(self):
        return f"<Task {self.id} {self.name}>"


class Command:
    def run(self, scheduler, task):
        raise NotImplementedError


class Sleep(Command):
    def __init__(self, ticks):
        self.ticks = ticks

    def run(self, scheduler, task):
        scheduler.at(scheduler.now + self.ticks, task)


class Spawn(Command):
    def __init__(self, generator):
        self.generator = generator

    def run(self, scheduler, task):
        task.value = scheduler.spawn(self.generator)
        scheduler.ready.append(task)


class Join(Command):
    def __init__(self, other):
        self.other = other

    def run(self, scheduler, task):
        if self.other.finished:
            task.value = self.other.result
            scheduler.ready.append(task)
        else:
            self.other.waiters.append(task)


class Kill(Command):
    def __init__(self, other):
        self.other = other

    def run(self, scheduler, task):
        self.other.target.close()
        scheduler.finish(self.other, None)
        scheduler.ready.append(task)


class Channel:
    def __init__(self, size=1):
        self.size = size
        self.items, self.getters, self.putters = deque(), deque(), deque()

    def get(self):
        return _Get(self)

    def put(self, item):
        return _Put(self, item)


class _Get(Command):
    def __init__(self, channel):
        self.channel = channel

    def run(self, scheduler, task):
        c = self.channel
        if c.items:
            task.value = c.items.popleft()
            scheduler.ready.append(task)
            if c.putters:
                putter, item = c.putters.popleft()
                c.items.append(item)
                scheduler.ready.append(putter)
        else:
            c.getters.append(task)


class _Put(Command):
    def __init__(self, channel, item):
        self.channel, self.item = channel, item

    def run(self, scheduler, task):
        c = self.channel
        if c.getters:
            getter = c.getters.popleft()
            getter.value = self.item
            scheduler.ready += [getter, task]
        elif len(c.items) < c.size:
            c.items.append(self.item)
            scheduler.ready.append(task)
        else:
            c.putters.append((task, self.item))


class Scheduler:
    def __init__(self):
        self.ready = deque()
        self.sleeping = []
        self.now = 0
        self.tasks = {}
        self._order = itertools.count()

    def spawn(self, generator, name=None):
        task = Task(generator, name)
        self.tasks[task.id] = task
        self.ready.append(task)
        return task

    def at(self, when, task):
        heapq.heappush(self.sleeping, (when, next(self._order), task))

    def finish(self, task, result):
        task.finished, task.result = True, result
        self.tasks.pop(task.id, None)
        for waiter in task.waiters:
            waiter.value = result
            self.ready.append(waiter)

    def run(self):
        steps = 0
        while self.ready or self.sleeping:
            if not self.ready:
                self.now, _, task = heapq.heappop(self.sleeping)
                self.ready.append(task)
            task = self.ready.popleft()
            if task.finished:
                continue
            steps += 1
            try:
                command = task.step()
            except StopIteration as stop:
                self.finish(task, stop.value)
            except Exception as error:
                print(f"{task!r} failed: {error!r}")
                self.finish(task, error)
            else:
                if isinstance(command, Command):
                    command.run(self, task)
                elif command is None:
                    self.ready.append(task)
                else:
                    task.error = TypeError(f"cannot yield {command!r}")
                    self.ready.append(task)
        return steps


s = Scheduler()


def ticker(name, pause, times):
    for n in range(times):
        print(f"{s.now:>3} {name} {n}")
        yield Sleep(pause)
    return name.upper()


def main():
    fast = yield Spawn(ticker("fast", 2, 3))
    slow = yield Spawn(ticker("slow", 3, 2))
    answers = [(yield Join(fast)), (yield Join(slow))]
    print(s.now, answers)
    bad = yield Spawn(crash())
    print("join of a crashed one:", repr((yield Join(bad))))
    try:
        yield 42
    except TypeError as e:
        print("TypeError:", e)
    endless = yield Spawn(forever())
    yield Sleep(5)
    yield Kill(endless)
    yield from consume_all()
    return "done"


def crash():
    yield
    raise RuntimeError("I never liked this job")


def forever():
    count = 0
    try:
        while True:
            count += 1
            yield Sleep(1)
    finally:
        print("closed after", count, "rounds")


def consume_all():
    c = Channel(size=2)

    def producer(n):
        for i in range(n):
            yield c.put(i * i)
        yield c.put(None)

    yield Spawn(producer(6))
    got = []
    while (item := (yield c.get())) is not None:
        got.append(item)
    print("channel:", got)


m = s.spawn(main())
print("steps:", s.run(), "result:", m.result, "left:", s.tasks, "now:", s.now)

result = []
other = Scheduler()


def counting(n):
    for _ in range(n):
        yield
    result.append((n, threading.current_thread().name))


for n in (3, 1, 2):
    other.spawn(counting(n))
t = threading.Thread(target=other.run, name="scheduler thread")
t.start()
t.join()
print(result)
