import threading

class Worker(threading.Thread):
    def __init__(self):
        super().__init__(name='worker')
        self.ready = threading.Event()

    def run(self):
        try:
            self.prepare()
        except ValueError as e:
            print('could not prepare:', e)
            return
        self.ready.set()

    def prepare(self):
        raise ValueError('no data')

w = Worker()
w.start()
w.ready.wait()
print('ready')
