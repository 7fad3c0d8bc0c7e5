from threading import Thread

class ThreadWithReturnValue(Thread):
    def __init__(self, group=None, target=None, name=None, args=(), kwargs={}, Verbose=None):
        Thread.__init__(self, group, target, name, args, kwargs)
        self._return = None

    def run(self):
        if self._target is not None:
            self._return = self._target(*self._args, **self._kwargs)

    def join(self, *args):
        Thread.join(self, *args)
        return self._return

def power(a, b): return a ** b

twrv = [ThreadWithReturnValue(target=power, args=(2, n)) for n in range(6)]
for t in twrv: t.start()
print([t.join() for t in twrv])
