import threading, time, sys, logging
from datetime import datetime

# Watchdog: every worker has to say "I am alive" from time to time.
# Workers that don't get restarted, at most three times.

logger = logging.getLogger('watchdog')
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(logging.Formatter('%(asctime)s %(threadName)s %(levelname)s: %(message)s', datefmt='%H:%M:%S'))
logger.addHandler(handler)
logger.setLevel(logging.DEBUG)
logger.propagate = False


class Heartbeat:
    def __init__(self, limit):
        self.limit = limit
        self._last = time.monotonic()
        self._lock = threading.Lock()

    def beat(self):
        with self._lock:
            self._last = time.monotonic()

    @property
    def age(self):
        with self._lock:
            return time.monotonic() - self._last

    @property
    def alive(self):
        return self.age < self.limit


class Worker(threading.Thread):
    """Works through a list of commands."""
    instances = 0

    def __init__(self, script, limit=0.25):
        Worker.instances += 1
        threading.Thread.__init__(self, name='worker-%d' % Worker.instances)
        self.daemon = True
        self.heart = Heartbeat(limit)
        self.script = script
        self.stopped = threading.Event()
        self.finished = False

    def run(self):
        while self.script:
            command = self.script.pop(0)
            self.heart.beat()
            if command == 'work':
                self.stopped.wait(0.01)
            elif command == 'hang':
                logger.debug('hangs')
                # does not beat any more
                self.stopped.wait()
                return
            elif command == 'die':
                logger.debug('dies')
                return
            else:
                logger.critical('unknown command %r', command)
        self.finished = True

    def stop(self):
        self.stopped.set()


class Watchdog(threading.Thread):
    MAX_RESTARTS = 3

    def __init__(self, script, on_give_up=None):
        super(Watchdog, self).__init__(name='watchdog')
        self.script = script
        self.on_give_up = on_give_up
        self.restarts = 0
        self.reasons = []

    def _start_worker(self):
        self.worker = Worker(self.script)
        self.worker.start()

    def run(self):
        self._start_worker()
        while True:
            self.worker.join(timeout=0.01)
            if self.worker.is_alive():
                if self.worker.heart.alive:
                    continue
                reason = 'hung'
                self.worker.stop()
                self.worker.join()
            elif self.worker.finished:
                logger.info('work is done after %d restart(s)', self.restarts)
                return
            else:
                reason = 'died'
            self.reasons.append(reason)
            if self.restarts == self.MAX_RESTARTS:
                logger.error('giving up')
                if self.on_give_up:
                    self.on_give_up(self)
                return
            self.restarts += 1
            logger.warning('%s %s, restart %d', self.worker.name, reason, self.restarts)
            self._start_worker()


def sad_end(dog):
    print('Gave up on', dog.worker.name, 'because it', ' and '.join(dog.reasons))


first = Watchdog(['work', 'hang', 'work', 'die', 'work'])
first.start()
first.join()
print(first.reasons)

second = Watchdog(['die', 'die', 'work', 'die', 'die', 'die'], on_give_up=sad_end)
second.start()
second.join()

third = Watchdog([])
third.start()
third.join()


class Deadline(object):
    """with Deadline(...) as d: d.check()"""

    def __init__(self, seconds, message='too late'):
        self.seconds, self.message = seconds, message

    def __enter__(self):
        self.end = time.monotonic() + self.seconds
        self.fired = threading.Event()
        self.timer = threading.Timer(self.seconds, self.fired.set)
        self.timer.start()
        return self

    def __exit__(self, exc_type, exc_value, tb):
        self.timer.cancel()
        self.timer.join()
        if exc_type is TimeoutError:
            print('swallowed:', exc_value)
            return True

    def check(self):
        if self.fired.is_set():
            raise TimeoutError(self.message)


with Deadline(10) as d:
    for i in range(3):
        d.check()
    print('in time')

rounds = 0
with Deadline(0.03, 'the deadline has passed') as d:
    while True:
        rounds += 1
        d.check()
        time.sleep(0.001)
print('after several rounds:', rounds > 1, d.timer.is_alive())
print(isinstance(datetime.now().year, int), [t.name for t in threading.enumerate()])
