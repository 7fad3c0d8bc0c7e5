import threading
from collections import deque

class BoundedBuffer:
    def __init__(self, size):
        self.size = size
        self.items = deque()
        self.mutex = threading.Lock()
        self.not_full = threading.Condition(self.mutex)
        self.not_empty = threading.Condition(self.mutex)

    def put(self, item):
        with self.not_full:
            while len(self.items) == self.size:
                self.not_full.wait()
            self.items.append(item)
            self.not_empty.notify()

    def get(self):
        with self.not_empty:
            while not self.items:
                self.not_empty.wait()
            item = self.items.popleft()
            self.not_full.notify()
            return item

b = BoundedBuffer(2)
got = []

def take():
    while True:
        x = b.get()
        if x is None:
            return
        got.append(x)

t = threading.Thread(target=take)
t.start()
for x in range(20):
    b.put(x * x)
b.put(None)
t.join()
print(got)
try:
    b.not_empty.notify()
except RuntimeError as e:
    print(e)
try:
    b.not_empty.wait()
except RuntimeError as e:
    print(e)
with b.not_empty:
    print(b.not_empty.wait(timeout=0.01), b.not_empty.wait_for(lambda: False, 0.01), b.not_empty.wait_for(lambda: 'yes'))
