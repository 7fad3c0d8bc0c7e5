import threading
import time

class RepeatedTimer(object):
    def __init__(self, interval, function, *args, **kwargs):
        self._timer     = None
        self.interval   = interval
        self.function   = function
        self.args       = args
        self.kwargs     = kwargs
        self.is_running = False
        self._stopped   = False
        self._lock      = threading.Lock()
        self.start()

    def _run(self):
        self.is_running = False
        self.start()
        self.function(*self.args, **self.kwargs)

    def start(self):
        with self._lock:
            if not self.is_running and not self._stopped:
                self._timer = threading.Timer(self.interval, self._run)
                self._timer.start()
                self.is_running = True

    def stop(self):
        with self._lock:
            self._stopped = True
            self._timer.cancel()
            self.is_running = False

calls = []
enough = threading.Event()

def hello(name):
    calls.append(name)
    if len(calls) >= 3:
        enough.set()

rt = RepeatedTimer(0.005, hello, "World")
try:
    enough.wait(20)
finally:
    rt.stop()
print(set(calls), len(calls) >= 3)
t = threading.Timer(100, print, args=['never'])
t.start()
t.cancel()
t.join()
print(t.is_alive(), t.finished.is_set())
