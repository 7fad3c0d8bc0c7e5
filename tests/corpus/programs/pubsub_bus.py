# publish / subscribe inside one program; topics with wildcards
from collections import defaultdict
import fnmatch
import threading, queue
import weakref
import time


class Message(object):
    __slots__ = 'topic', 'data', 'serial'
    _serial = 0
    _lock = threading.Lock()

    def __init__(self, topic, data):
        with Message._lock:
            Message._serial += 1
            self.serial = Message._serial
        self.topic = topic
        self.data = data

    def __repr__(self):
        return 'Message(#%d %s: %r)' % (self.serial, self.topic, self.data)


class Bus:
    """Delivers messages on one background thread, in the order of publishing."""

    def __init__(self):
        self._subscribers = defaultdict(list)
        self._lock = threading.Lock()
        self._queue = queue.Queue()
        self._thread = threading.Thread(target=self._deliver, name='bus')
        self._thread.setDaemon(True)
        self._errors = []
        self._thread.start()

    def subscribe(self, pattern, callback=None):
        if callback is None:            # used as a decorator
            def decorator(f):
                self.subscribe(pattern, f)
                return f
            return decorator
        with self._lock:
            self._subscribers[pattern].append(callback)
        return lambda: self._unsubscribe(pattern, callback)

    def _unsubscribe(self, pattern, callback):
        with self._lock:
            self._subscribers[pattern].remove(callback)
            if not self._subscribers[pattern]:
                del self._subscribers[pattern]

    def publish(self, topic, data=None):
        self._queue.put(Message(topic, data))

    def _matching(self, topic):
        with self._lock:
            return [f for p, fs in self._subscribers.items() if fnmatch.fnmatchcase(topic, p) for f in fs]

    def _deliver(self):
        while True:
            m = self._queue.get()
            try:
                if m is None:
                    return
                for f in self._matching(m.topic):
                    try:
                        f(m)
                    except Exception as e:
                        self._errors.append((type(e).__name__, str(e), m.serial))
            finally:
                self._queue.task_done()

    def flush(self):
        self._queue.join()

    def close(self):
        self._queue.put(None)
        self._thread.join()


class Recorder:
    def __init__(self, name):
        self.name = name
        self.seen = []

    def __call__(self, message):
        self.seen.append('%s=%s' % (message.topic, message.data))

    def __str__(self):
        return '%-8s %s' % (self.name, ' '.join(self.seen) or '-')


class Thermostat:
    def __init__(self, bus, low, high):
        self.bus, self.low, self.high = bus, low, high
        self.heating = False
        bus.subscribe('sensor.temperature.*', self.measured)

    def measured(self, m):
        if m.data < self.low and not self.heating:
            self.heating = True
            self.bus.publish('heating.on', m.data)
        elif m.data > self.high and self.heating:
            self.heating = False
            self.bus.publish('heating.off', m.data)


bus = Bus()
everything, heat, doors = Recorder('all'), Recorder('heat'), Recorder('doors')
bus.subscribe('*', everything)
stop_heat = bus.subscribe('heating.*', heat)
bus.subscribe('door.[ab]', doors)
Thermostat(bus, 18, 22)


@bus.subscribe('door.*')
def greet(message):
    if message.data == 'kicked in':
        raise ValueError('who is there at %s?' % message.topic)


for t in (20, 17, 16, 23, 25):
    bus.publish('sensor.temperature.kitchen', t)
    bus.flush()
bus.flush()
bus.publish('door.a', 'open')
bus.publish('door.c', 'open')
bus.publish('door.b', 'kicked in')
bus.flush()
stop_heat()
bus.publish('heating.test', 0)
bus.flush()
for r in (everything, heat, doors):
    print(r)
print(bus._errors)
print(sorted(bus._subscribers))

# many publishers at once: nothing is lost, each publisher's order is kept
counter = Recorder('counter')
bus.subscribe('n.*', counter)


def publisher(n):
    for i in range(20):
        bus.publish('n.%d' % n, i)


ts = [threading.Thread(target=publisher, args=(n,)) for n in range(4)]
for t in ts: t.start()
for t in ts: t.join()
bus.flush()
print(len(counter.seen))
for n in range(4):
    mine = [int(s.split('=')[1]) for s in counter.seen if s.startswith('n.%d=' % n)]
    print(n, mine == list(range(20)))


# a registry that does not keep its members alive
class Plugin:
    registry = weakref.WeakValueDictionary()

    def __init__(self, name):
        self.name = name
        Plugin.registry[name] = self


one, two = Plugin('one'), Plugin('two')
print(sorted(Plugin.registry))
bus.close()
print(Message('x', {'a': [1, 2]}).data, bus._thread.is_alive())
try:
    Message('x', 1).colour = 'red'
except AttributeError as e:
    print(e)
