"""Objects of one's own in a manager: BaseManager, register, proxies with exposed methods."""
import multiprocessing as mp
import threading
from multiprocessing import Process
from multiprocessing.managers import BaseManager, SyncManager, BaseProxy, NamespaceProxy


class Counter(object):
    def __init__(self, start=0, step=1):
        self._value = start
        self._step = step
        self._lock = threading.Lock()

    def increment(self):
        with self._lock:
            self._value += self._step
            return self._value

    def get(self):
        return self._value

    def _secret(self):
        return 'not for you'

    def __str__(self):
        return 'Counter at %d' % self._value


class Stack:
    def __init__(self, items=()):
        self.items = list(items)

    def push(self, *items):
        self.items.extend(items)
        return len(self.items)

    def pop(self):
        if not self.items:
            raise IndexError('pop from an empty stack')
        return self.items.pop()

    def peek(self, default=None):
        return self.items[-1] if self.items else default

    def size(self):
        return len(self.items)


class Registry:
    """One for all: the callable returns always the same object."""
    _names = {}

    def register(self, name, value):
        if name in self._names:
            raise ValueError('%r is registered already' % name)
        self._names[name] = value

    def lookup(self, name):
        return self._names[name]

    def names(self):
        return sorted(self._names)


registry = Registry()


def get_registry():
    return registry


def numbers(n):
    for i in range(n):
        yield i * 10


class GeneratorProxy(BaseProxy):
    _exposed_ = ['__next__']

    def __iter__(self):
        return self

    def __next__(self):
        return self._callmethod('__next__')


class Person:
    def __init__(self, name, age):
        self.name = name
        self.age = age

    def birthday(self):
        self.age += 1
        return self.age


class PersonProxy(NamespaceProxy):
    _exposed_ = ('__getattribute__', '__setattr__', '__delattr__', 'birthday')

    def birthday(self):
        return self._callmethod('birthday')


class MyManager(BaseManager):
    pass


MyManager.register('Counter', Counter)
MyManager.register('Stack', Stack, exposed=['push', 'pop', 'size'])
MyManager.register('get_registry', callable=get_registry)
MyManager.register('numbers', numbers, proxytype=GeneratorProxy)
MyManager.register('Person', Person, PersonProxy)


def count(counter, times):
    for _ in range(times):
        counter.increment()


def announce(registry, name, value):
    registry.register(name, value)


def grow(person):
    person.birthday()
    person.city = 'Paris'


def run(target, *args):
    p = Process(target=target, args=args)
    p.start()
    p.join()
    return p.exitcode


if __name__ == '__main__':
    manager = MyManager()
    manager.start()
    c = manager.Counter(10, step=2)
    ps = [Process(target=count, args=(c, 25)) for _ in range(3)]
    for p in ps:
        p.start()
    for p in ps:
        p.join()
    print(c.get(), c.increment(), str(c))
    try:
        c._secret()
    except AttributeError as e:
        print('AttributeError:', e)

    s = manager.Stack('ab')
    print(s.push('c'), s.push('d', 'e'), s.pop(), s.size())
    try:
        s.peek()
    except AttributeError as e:
        print('AttributeError:', e)
    try:
        for _ in range(10):
            s.pop()
    except IndexError as e:
        print('IndexError:', e)

    one, two = manager.get_registry(), manager.get_registry()
    print(run(announce, one, 'pi', 3.14), run(announce, two, 'e', 2.7))
    print(two.names(), one.lookup('pi'))
    try:
        one.register('pi', 4)
    except ValueError as e:
        print('ValueError:', e)
    try:
        one.lookup('tau')
    except KeyError as e:
        print('KeyError:', e)
    print(registry.names())

    g = manager.numbers(4)
    print(next(g), [x for x in g])

    bob = manager.Person('Bob', age=41)
    run(grow, bob)
    print(bob.name, bob.age, bob.city)
    bob.name = 'Robert'
    print(bob.name, bob.birthday())
    manager.shutdown()

    # typed managers with "with", and a subclass of SyncManager
    class Both(SyncManager):
        pass

    Both.register('Counter', Counter)
    with Both() as m:
        d, k = m.dict(a=1), m.Counter()
        k.increment()
        d['counter'] = k.get()
        print(d, type(k).__name__, len(d))
        for x in (m.list([3, 1, 2]), m.Namespace(a=1), m.Value('d', 0.5)):
            print(type(x).__name__, x)
        l = m.list([m.dict(n=i) for i in range(3)])
        l[1]['n'] = 'changed'
        print([x['n'] for x in l], l[2].items())
