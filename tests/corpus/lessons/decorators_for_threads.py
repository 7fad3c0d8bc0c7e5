import functools, threading, time

def threaded(daemon=False):
    def decorator(f):
        @functools.wraps(f)
        def wrapper(*args, **kwargs):
            result = {}
            def target():
                try:
                    result['value'] = f(*args, **kwargs)
                except BaseException as e:
                    result['error'] = e
            t = threading.Thread(target=target, name=f.__name__, daemon=daemon)
            t.result = lambda: (t.join(), result.get('value', result.get('error')))[1]
            t.start()
            return t
        return wrapper
    return decorator

def debounce(wait):
    def decorator(fn):
        def debounced(*args, **kwargs):
            try:
                debounced.t.cancel()
            except AttributeError:
                pass
            debounced.t = threading.Timer(wait, lambda: fn(*args, **kwargs))
            debounced.t.start()
        return debounced
    return decorator

def timed(f):
    """measures"""
    @functools.wraps(f)
    def inner(*a, **k):
        start = time.perf_counter()
        try:
            return f(*a, **k)
        finally:
            inner.calls = getattr(inner, 'calls', 0) + 1
            assert time.perf_counter() >= start
    return inner

@threaded()
def double(x):
    return x * 2

@threaded(daemon=True)
@timed
def fail():
    raise ValueError('no')

@debounce(0.03)
def say(x):
    said.append(x)

said = []
print(double(21).result(), repr(fail().result()), double.__name__, fail.__doc__)
for i in range(5):
    say(i)
say.__closure__ and [t.join() for t in threading.enumerate() if t is not threading.main_thread()]
print(said)
