"""Thread-local state, as web frameworks have it: proxies, stacks, transactions."""
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial, wraps


class Stack(threading.local):
    """__init__ runs once for each thread that uses it"""
    made = 0

    def __init__(self, name):
        self.name = name
        self.items = []
        with lock:
            Stack.made += 1

    def push(self, item):
        self.items.append(item)

    def pop(self):
        return self.items.pop()

    @property
    def top(self):
        return self.items[-1] if self.items else None


lock = threading.Lock()


class LocalProxy:
    """Looks like the object on top of the stack of the current thread."""

    def __init__(self, find):
        object.__setattr__(self, '_find', find)

    def _get(self):
        found = object.__getattribute__(self, '_find')()
        if found is None:
            raise RuntimeError('working outside of a request')
        return found

    def __getattr__(self, name):
        return getattr(self._get(), name)

    def __setattr__(self, name, value):
        setattr(self._get(), name, value)

    def __delattr__(self, name):
        delattr(self._get(), name)

    def __repr__(self):
        try:
            return repr(self._get())
        except RuntimeError:
            return '<unbound proxy>'

    def __bool__(self):
        try:
            return bool(self._get())
        except RuntimeError:
            return False

    def __getitem__(self, key):
        return self._get()[key]

    def __eq__(self, other):
        return self._get() == other


class Request(dict):
    def __init__(self, path, **kw):
        super().__init__(**kw)
        self.path = path

    def __repr__(self):
        return f'<Request {self.path} {dict(self)}>'


stack = Stack('requests')
request = LocalProxy(lambda: stack.top)


@contextmanager
def handling(req):
    stack.push(req)
    try:
        yield req
    finally:
        assert stack.pop() is req


def login_required(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        if not request['user']:
            return 'please log in at %s' % request.path
        return view(*args, **kwargs)
    return wrapper


@login_required
def profile(times=1):
    time.sleep(0.001)
    request.visits = getattr(request, 'visits', 0) + times
    return '%s saw %s %d time(s)' % (request['user'], request.path, request.visits)


def serve(path, user):
    with handling(Request(path, user=user)):
        first = profile()
        with handling(Request(path + '/inner', user=user and user.upper())):
            second = profile(times=2)
        return first, second, request.path


# Transactions: each thread has its own, nested ones are counted


class Database:
    def __init__(self):
        self.rows = {}
        self._local = threading.local()
        self._commit_lock = threading.Lock()
        self.log = []

    @contextmanager
    def transaction(self):
        pending = getattr(self._local, 'pending', None)
        if pending is not None:
            yield pending
            return
        pending = self._local.pending = {}
        try:
            yield pending
        except Exception as e:
            with self._commit_lock:
                self.log.append('rollback: %s' % e)
            raise
        else:
            with self._commit_lock:
                self.rows.update(pending)
                self.log.append('commit of %d' % len(pending))
        finally:
            del self._local.pending

    def put(self, key, value):
        try:
            self._local.pending[key] = value
        except AttributeError:
            raise RuntimeError('no transaction in this thread') from None


db = Database()


def transfer(n):
    with db.transaction():
        db.put('a%d' % n, n)
        with db.transaction():
            db.put('b%d' % n, -n)
        if n % 3 == 0:
            raise ValueError('%d is divisible by 3' % n)


def main():
    print(request, bool(request), stack.name, Stack.made)
    with ThreadPoolExecutor(3) as pool:
        users = ['ann', None, 'bob', 'cid', None]
        for answer in pool.map(partial(serve, '/me'), users):
            print(answer)
    print(Stack.made <= 4, stack.items)
    try:
        request.path
    except RuntimeError as e:
        print('RuntimeError:', e)
    with handling(Request('/x', user='eve', n=1)):
        print(request, request == {'user': 'eve', 'n': 1}, request.get('n'))
        request.flag = True
        print(stack.top.flag)
        del request.flag
        print(hasattr(request, 'flag'))

    errors = []

    def guarded(n):
        try:
            transfer(n)
        except ValueError as e:
            errors.append(str(e))

    ts = [threading.Thread(target=guarded, args=(n,)) for n in range(7)]
    [t.start() for t in ts]
    [t.join() for t in ts]
    print(sorted(db.rows.items()))
    print(sorted(db.log), sorted(errors))
    try:
        db.put('x', 1)
    except RuntimeError as e:
        print(e, e.__suppress_context__)

    data = threading.local()
    data.x = 'main'
    seen = {}

    def look():
        seen['before'] = hasattr(data, 'x')
        data.x = 'other'
        seen['after'] = data.__dict__
        try:
            data.y
        except AttributeError as e:
            seen['error'] = str(e)

    t = threading.Thread(target=look)
    t.start()
    t.join()
    print(seen, data.x, vars(data))

    class Thing:
        pass

    thing = Thing()
    ref = weakref.ref(thing)
    print(ref() is thing)


if __name__ == '__main__':
    main()
