import threading
import time

a, b = threading.Lock(), threading.Lock()
gave_up = []

def worker(name, first, second):
    for attempt in range(1000):
        with first:
            time.sleep(0.002)
            if second.acquire(timeout=0.005 if name == 'one' else 0.02):
                try:
                    print(name, 'has both')
                    return
                finally:
                    second.release()
            gave_up.append(name)
        time.sleep(0.003 if name == 'one' else 0.03)

t1 = threading.Thread(target=worker, args=('one', a, b))
t2 = threading.Thread(target=worker, args=('two', b, a))
t1.start(); t1.join()
t2.start(); t2.join()
print(a.locked(), b.locked(), len(gave_up))
