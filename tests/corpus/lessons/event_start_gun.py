# order: any
import threading
import random
import time

class Runner(threading.Thread):
    def __init__(self, number, gun, finished):
        super().__init__(name='Runner %d' % number)
        self.gun, self.finished = gun, finished

    def run(self):
        print(self.name, 'is ready')
        self.gun.wait()
        time.sleep(random.random() / 100)
        self.finished.append(self.name)

gun = threading.Event()
finished = []
runners = [Runner(i, gun, finished) for i in range(1, 5)]
for r in runners: r.start()
time.sleep(0.02)
print('Bang!', finished)
gun.set()
for r in runners: r.join()
print(sorted(finished))
