from threading import Thread, Lock, Event, Semaphore, Condition, BoundedSemaphore, Barrier
import threading
import time, random
import collections

# Classic problems of synchronisation, one class for each.


class BarberShop:
    """Sleeping barber: customers leave when all chairs are taken."""

    def __init__(self, chairs):
        self.chairs = chairs
        self.waiting = collections.deque()
        self.mutex = Lock()
        self.customers = Semaphore(0)
        self.served = []
        self.turned_away = []

    def barber(self):
        while True:
            self.customers.acquire()
            with self.mutex:
                customer, done = self.waiting.popleft()
            if customer is None:
                return
            time.sleep(0.0005)
            self.served.append(customer)
            done.set()

    def visit(self, name):
        done = Event()
        with self.mutex:
            if len(self.waiting) >= self.chairs:
                self.turned_away.append(name)
                return False
            self.waiting.append((name, done))
        self.customers.release()
        done.wait()
        return True

    def close(self):
        with self.mutex:
            self.waiting.append((None, None))
        self.customers.release()


class Smokers:
    """Cigarette smokers: each has one ingredient and needs the other two."""
    INGREDIENTS = ('tobacco', 'paper', 'matches')

    def __init__(self, rounds):
        self.rounds = rounds
        self.table = set()
        self.condition = Condition()
        self.smoked = dict.fromkeys(self.INGREDIENTS, 0)
        self.over = False

    def agent(self):
        for i in range(self.rounds):
            with self.condition:
                self.condition.wait_for(lambda: not self.table)
                self.table.update(self.INGREDIENTS)
                self.table.remove(self.INGREDIENTS[i * i % 3])
                self.condition.notify_all()
        with self.condition:
            self.condition.wait_for(lambda: not self.table)
            self.over = True
            self.condition.notify_all()

    def smoker(self, has):
        needs = set(self.INGREDIENTS) - {has}
        while True:
            with self.condition:
                self.condition.wait_for(lambda: self.over or self.table == needs)
                if self.over:
                    return
                self.table.clear()
                self.smoked[has] += 1
                self.condition.notify_all()


class Water:
    """H2O: two hydrogens and one oxygen bond at a time."""

    def __init__(self):
        self.h, self.o = Semaphore(2), Semaphore(1)
        self.barrier = Barrier(3, action=self.bond)
        self.molecules = []
        self.atoms = []
        self.lock = Lock()

    def bond(self):
        self.molecules.append(''.join(sorted(self.atoms)))
        self.atoms.clear()

    def atom(self, kind):
        gate = self.h if kind == 'H' else self.o
        with gate:
            with self.lock:
                self.atoms.append(kind)
            self.barrier.wait()


class Bridge:
    """Cars of one direction at a time, at most three."""

    def __init__(self):
        self.cond = Condition()
        self.direction = None
        self.cars = 0
        self.crashes = 0

    def cross(self, direction):
        with self.cond:
            while self.cars and self.direction != direction or self.cars >= 3:
                self.cond.wait()
            self.direction = direction
            self.cars += 1
        time.sleep(random.random() / 1000)
        with self.cond:
            if self.direction != direction or self.cars > 3:
                self.crashes += 1
            self.cars -= 1
            self.cond.notify_all()


def run(*threads):
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def main():
    shop = BarberShop(chairs=3)
    barber = Thread(target=shop.barber, name='barber')
    barber.start()
    run(*[Thread(target=shop.visit, args=('customer %d' % i,)) for i in range(3)])
    print('served:', sorted(shop.served), 'turned away:', shop.turned_away)
    run(*[Thread(target=shop.visit, args=(i,)) for i in range(20)])
    print('everybody was served or sent away:', len(shop.served) + len(shop.turned_away) == 23)
    shop.close()
    barber.join()

    s = Smokers(30)
    run(Thread(target=s.agent), *[Thread(target=s.smoker, args=(i,)) for i in s.INGREDIENTS])
    print('smoked:', s.smoked)

    w = Water()
    atoms = list('HHO' * 5)
    random.shuffle(atoms)
    run(*[Thread(target=w.atom, args=(a,)) for a in atoms])
    print('molecules:', w.molecules)

    b = Bridge()
    run(*[Thread(target=b.cross, args=(('north', 'south')[i % 2],)) for i in range(20)])
    print('crashes on the bridge:', b.crashes, 'cars left:', b.cars)

    # ping-pong-pang with a semaphore for each
    words, text = ['ping', 'pong', 'pang'], []
    turns = [Semaphore(i == 0) for i in range(3)]

    def player(i):
        for _ in range(4):
            turns[i].acquire()
            text.append(words[i])
            turns[(i + 1) % 3].release()

    run(*[Thread(target=player, args=(i,)) for i in (2, 0, 1)])
    print(*text)
    bounded = BoundedSemaphore(2)
    print(bounded.acquire(blocking=False), bounded.acquire(False), bounded.acquire(timeout=0.01))
    bounded.release(2)
    try:
        bounded.release()
    except ValueError as e:
        print('ValueError:', e)
    print(threading.active_count())


if __name__ == '__main__': main()
