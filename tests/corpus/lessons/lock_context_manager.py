import threading

counter = 0
lock = threading.Lock()

def increment(times):
    global counter
    for _ in range(times):
        with lock:
            tmp = counter
            tmp += 1
            counter = tmp

def increment_old_way(times):
    global counter
    for _ in range(times):
        lock.acquire()
        try:
            counter += 1
        finally:
            lock.release()

workers = [threading.Thread(target=f, args=(500,)) for f in (increment, increment_old_way) * 3]
for w in workers:
    w.start()
for w in workers:
    w.join()
print('counter =', counter)
print(lock.locked(), lock.acquire(), lock.locked(), lock.acquire(False), lock.acquire(timeout=0.01))
lock.release()
try:
    lock.release()
except RuntimeError as e:
    print(e)
print(repr(lock).split(' at ')[0])
