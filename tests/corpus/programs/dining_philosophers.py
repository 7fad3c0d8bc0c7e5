#!/usr/bin/env python3
# Dining philosophers, three ways.  Each philosopher has to eat MEALS times.
import sys, threading, time, random

N = 5
MEALS = 4
NAMES = ['Aristotle', 'Buddha', 'Confucius', 'Descartes', 'Epicurus']


class Philosopher(threading.Thread):
    running = True

    def __init__(self, index, table):
        super(Philosopher, self).__init__()
        self.setName(NAMES[index])
        self.index = index
        self.table = table
        self.meals = 0

    def run(self):
        while self.meals < MEALS:
            time.sleep(random.uniform(0, 0.002))
            self.table.take(self.index)
            try:
                self.eat()
            finally:
                self.table.put_back(self.index)

    def eat(self):
        self.table.check(self.index)
        self.meals = self.meals + 1
        time.sleep(random.uniform(0, 0.002))


class Table(object):
    title = None

    def __init__(self):
        self.forks = [threading.Lock() for _ in range(N)]
        self.users = [None] * N
        self.mistakes = 0

    def left(self, i):
        return i

    def right(self, i):
        return (i + 1) % N

    def check(self, i):
        # both forks must be locked now, and nobody else may have them
        for f in (self.left(i), self.right(i)):
            if not self.forks[f].locked():
                self.mistakes += 1
            if self.users[f] not in (None, i):
                self.mistakes += 1
            self.users[f] = i

    def put_back(self, i):
        for f in (self.left(i), self.right(i)):
            self.users[f] = None
        self.forks[self.right(i)].release()
        self.forks[self.left(i)].release()

    def take(self, i):
        raise NotImplementedError("take")


class OrderedTable(Table):
    title = 'lower fork first'

    def take(self, i):
        for f in sorted([self.left(i), self.right(i)]):
            self.forks[f].acquire()


class WaiterTable(Table):
    title = 'a waiter lets N-1 sit down'

    def __init__(self):
        Table.__init__(self)
        self.waiter = threading.BoundedSemaphore(N - 1)

    def take(self, i):
        self.waiter.acquire()
        self.forks[self.left(i)].acquire()
        self.forks[self.right(i)].acquire()

    def put_back(self, i):
        Table.put_back(self, i)
        self.waiter.release()


class PoliteTable(Table):
    title = 'put down what cannot be used'

    def take(self, i):
        first, second = self.forks[self.left(i)], self.forks[self.right(i)]
        while True:
            first.acquire(True)
            if second.acquire(False):
                return
            first.release()
            first, second = second, first
            time.sleep(0.0005)


class StateTable(Table):
    """Dijkstra's: a state for each, one condition for each."""
    title = 'states and conditions'
    THINKING, HUNGRY, EATING = range(3)

    def __init__(self):
        Table.__init__(self)
        self.lock = threading.Lock()
        self.conditions = [threading.Condition(self.lock) for _ in range(N)]
        self.state = [self.THINKING] * N

    def test(self, i):
        if (self.state[i] == self.HUNGRY
                and self.state[(i - 1) % N] != self.EATING
                and self.state[(i + 1) % N] != self.EATING):
            self.state[i] = self.EATING
            self.conditions[i].notify()

    def take(self, i):
        with self.lock:
            self.state[i] = self.HUNGRY
            self.test(i)
            while self.state[i] != self.EATING:
                self.conditions[i].wait()
        self.forks[self.left(i)].acquire()
        self.forks[self.right(i)].acquire()

    def put_back(self, i):
        Table.put_back(self, i)
        with self.lock:
            self.state[i] = self.THINKING
            self.test((i - 1) % N)
            self.test((i + 1) % N)


def dinner(table_class):
    table = table_class()
    guests = [Philosopher(i, table) for i in range(N)]
    for g in guests:
        g.start()
    for g in guests:
        g.join()
    print('%-28s meals: %s mistakes: %d' % (table.title, [g.meals for g in guests], table.mistakes))
    left_over = [f for f in table.forks if f.locked()]
    assert not left_over, left_over
    return sum(g.meals for g in guests)


if __name__ == '__main__':
    total = 0
    for cls in (OrderedTable, WaiterTable, PoliteTable, StateTable):
        total += dinner(cls)
    print('together they ate', total, 'times')
    try:
        Table().take(0)
    except NotImplementedError as e:
        print('not implemented:', e)
    sys.exit(0 if total == 4 * N * MEALS else 1)
