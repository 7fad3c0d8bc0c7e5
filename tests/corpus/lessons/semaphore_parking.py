import threading
import time
import random

parking = threading.BoundedSemaphore(3)
inside = 0
most = 0
lock = threading.Lock()


def park(n):
    global inside, most
    with parking:
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(random.uniform(0.001, 0.01))
        with lock:
            inside -= 1


threads = [threading.Thread(target=park, args=(i,)) for i in range(12)]
[t.start() for t in threads]
[t.join() for t in threads]
print("at most 3:", most <= 3, "left:", inside)
try:
    parking.release()
except ValueError as e:
    print("ValueError:", e)
