import threading

def synchronized(func):
    func.__lock__ = threading.Lock()
    def lock_func(*args, **kwargs):
        with func.__lock__:
            return func(*args, **kwargs)
    return lock_func

class Singleton(object):
    _instance = None
    _lock = threading.Lock()
    created = 0

    def __new__(cls, *args, **kwargs):
        if cls._instance is None:
            with cls._lock:
                if cls._instance is None:
                    cls._instance = object.__new__(cls)
                    cls.created += 1
        return cls._instance

    def __init__(self, name):
        self.name = name

def singleton(cls):
    instances = {}
    @synchronized
    def get(*args, **kw):
        if cls not in instances:
            instances[cls] = cls(*args, **kw)
        return instances[cls]
    return get

@singleton
class Settings:
    def __init__(self, value=0):
        self.value = value

found = []
ts = [threading.Thread(target=lambda i=i: found.append((id(Singleton(i)), id(Settings(i))))) for i in range(10)]
for t in ts: t.start()
for t in ts: t.join()
print(len(set(found)), Singleton.created, isinstance(Settings(), type(Settings())), Singleton('x').name)
