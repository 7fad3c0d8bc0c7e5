import threading
import time
import random
import contextlib

# Readers-writer lock, first with a preference for readers, then for writers, then fair.


class ReadersFirst:
    def __init__(self):
        self._cond = threading.Condition(threading.Lock())
        self._readers = 0

    def acquire_read(self):
        with self._cond:
            self._readers += 1

    def release_read(self):
        with self._cond:
            self._readers -= 1
            if not self._readers:
                self._cond.notify_all()

    def acquire_write(self):
        self._cond.acquire()
        while self._readers > 0:
            self._cond.wait()

    def release_write(self):
        self._cond.release()

    @contextlib.contextmanager
    def reading(self):
        self.acquire_read()
        try:
            yield self
        finally:
            self.release_read()

    @contextlib.contextmanager
    def writing(self):
        self.acquire_write()
        try:
            yield self
        finally:
            self.release_write()


class WritersFirst(ReadersFirst):
    def __init__(self):
        super().__init__()
        self._writers_waiting = 0
        self._writing = False

    def acquire_read(self):
        with self._cond:
            self._cond.wait_for(lambda: not self._writing and not self._writers_waiting)
            self._readers += 1

    def acquire_write(self):
        with self._cond:
            self._writers_waiting += 1
            self._cond.wait_for(lambda: not self._writing and self._readers == 0)
            self._writers_waiting -= 1
            self._writing = True

    def release_write(self):
        with self._cond:
            self._writing = False
            self._cond.notify_all()


class Fair(ReadersFirst):
    """everybody passes a turnstile"""

    def __init__(self):
        ReadersFirst.__init__(self)
        self._turnstile = threading.Semaphore(1)

    def acquire_read(self):
        with self._turnstile:
            pass
        ReadersFirst.acquire_read(self)

    def acquire_write(self):
        self._turnstile.acquire()
        ReadersFirst.acquire_write(self)

    def release_write(self):
        self._turnstile.release()
        ReadersFirst.release_write(self)


class Document:
    def __init__(self, lock):
        self.lock = lock
        self.words = ['', '']
        self.readers_inside = 0
        self.most_readers = 0
        self.problems = []
        self.count_lock = threading.Lock()

    def read(self):
        with self.lock.reading():
            with self.count_lock:
                self.readers_inside += 1
                self.most_readers = max(self.most_readers, self.readers_inside)
            first = self.words[0]
            time.sleep(random.random() * 0.002)
            if self.words[1] != first:
                self.problems.append((threading.current_thread().name, first))
            with self.count_lock:
                self.readers_inside -= 1
        return first

    def write(self, text):
        with self.lock.writing():
            if self.readers_inside:
                self.problems.append('reader inside')
            self.words[0] = text
            time.sleep(random.random() * 0.001)
            self.words[1] = text


def simulate(lock_class, readers=6, writers=2, rounds=8):
    doc = Document(lock_class())
    start = threading.Barrier(readers + writers)
    versions = {}

    def reader():
        start.wait()
        seen = []
        for _ in range(rounds):
            seen.append(doc.read())
        versions[threading.current_thread().name] = seen

    def writer(who):
        start.wait()
        for i in range(rounds):
            doc.write('%s-%d' % (who, i))
            time.sleep(0.001)

    ts = [threading.Thread(target=reader, name='R%d' % i) for i in range(readers)]
    ts += [threading.Thread(target=writer, args=('W%d' % i,)) for i in range(writers)]
    random.shuffle(ts)
    for t in ts:
        t.start()
    for t in ts:
        t.join()
    # a reader must never see an older version of one writer after a newer one
    backwards = 0
    for seen in versions.values():
        for w in range(writers):
            mine = [int(v.split('-')[1]) for v in seen if v.startswith('W%d' % w)]
            backwards += mine != sorted(mine)
    print(f'{lock_class.__name__:<13} problems={doc.problems} backwards={backwards} '
          f'reads={sum(map(len, versions.values()))} together={doc.most_readers > 1}')


for cls in (ReadersFirst, WritersFirst, Fair):
    simulate(cls)

print([c.__name__ for c in Fair.__mro__])
lock = WritersFirst()
order = []
with lock.reading():
    w = threading.Thread(target=lambda: (lock.acquire_write(), order.append('writer'), lock.release_write()))
    w.start()
    while not lock._writers_waiting:
        time.sleep(0.001)
    r = threading.Thread(target=lambda: (lock.acquire_read(), order.append('reader'), lock.release_read()))
    r.start()
    time.sleep(0.02)
    print('while reading:', order)
w.join()
r.join()
print('then:', order)
try:
    with lock.writing():
        raise LookupError('inside')
except LookupError as e:
    print('LookupError', e, lock._writing)
