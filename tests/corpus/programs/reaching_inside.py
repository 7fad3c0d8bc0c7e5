# Classes derived from processes, threads, queues and executors, with attributes of their own.
from multiprocessing import Process, Pool, current_process
import threading, os, queue
from concurrent.futures import ThreadPoolExecutor, Future
class P(Process):
    def __init__(self, name, args):
        super().__init__()
        self._name = name
        self._args = args
        self._parent_pid_ = 5
        self._result = None
        self._state = 'x'
        self._target = print
        self._kwargs = {'sep': '-'}
    def run(self):
        print(self._name, self.name, self._args, self._state, self._target, current_process().name)
p = P('me', (1, 2)); p.start(); p.join(); print(p.name, p)if 0 else print(p.name)
q = Process(); q._target = print; q._args = ('hi',); q.start(); q.join()
q = Process(); q._identity = (9,); q._popen = None; q._config['x'] = 1; print(q._identity)
class T(threading.Thread):
    def __init__(self, name):
        threading.Thread.__init__(self)
        self._name = name
        self._value = 3
        self._result = 4
        self._daemon = True
        self._state = 'z'
        self._ident2 = 3
    def run(self): print(self._name, self.name, self._value, self._state)
t = T('thr'); t.start(); t.join(); print(t.name)
t = threading.Thread(target=print, args=(1,)); t._args = (7, 8); t._kwargs = {'sep': '+'}; t.start(); t.join()
class Q(queue.Queue):
    def __init__(self): super().__init__(); self._lock = 1; self._items = []; self.maxsize = 3
    def _put(self, item): self.queue.append(item * 2)
x = Q(); x.put(4); print(x.get(), x.maxsize, x.not_empty is not None)
class E(ThreadPoolExecutor):
    def __init__(self, *a): super().__init__(*a); self._tasks = []; self._pool = 3; self._lock = threading.Lock()
    def submit(self, fn, *a): f = super().submit(fn, *a); self._tasks.append(f); return f
with E(2) as e: print(e.submit(pow, 2, 3).result(), len(e._tasks), e._max_workers)
class F(Future):
    def __init__(self): super().__init__(); self._name = 'f'
f = F(); f.set_result(1); print(f.result(), f._state)
t = threading.Thread(target=print)
print(t._started.is_set()); t.start(); t.join(); print(t._started.is_set(), t._is_stopped if hasattr(t, '_is_stopped') else '-')
print(isinstance(threading.current_thread(), threading._MainThread), threading._main_thread.name if hasattr(threading, '_main_thread') else '')
