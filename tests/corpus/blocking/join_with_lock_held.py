# the main thread waits, with the lock, for a thread that wants the lock
import threading

lock = threading.Lock()
results = []

def worker():
    for i in range(3):
        with lock:
            results.append(i)

t = threading.Thread(target=worker)
lock.acquire()
t.start()
t.join()
lock.release()
print(results)
