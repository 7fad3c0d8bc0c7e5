import threading
import time


class StoppableThread(threading.Thread):
    """Thread class with a stop() method. The thread itself has to check
    regularly for the stopped() condition."""

    def __init__(self,  *args, **kwargs):
        super(StoppableThread, self).__init__(*args, **kwargs)
        self._stop_event = threading.Event()
        self.rounds = 0

    def stop(self):
        self._stop_event.set()

    def stopped(self):
        return self._stop_event.is_set()

    def run(self):
        while not self.stopped():
            self.rounds += 1
            self._stop_event.wait(0.001)
        print('stopped', self.rounds > 0)


thread = StoppableThread(name='stoppable', daemon=False)
thread.start()
while thread.rounds < 3:
    time.sleep(0.001)
print(thread.stopped(), thread.is_alive())
thread.stop()
thread.join()
print(thread.stopped(), thread.is_alive())
