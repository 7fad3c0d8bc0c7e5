# A lock that another thread holds is copied by fork, its holder is not.
import os
import threading
import time

lock = threading.Lock()
taken = threading.Event()

def holder():
    with lock:
        taken.set()
        time.sleep(0.3)

t = threading.Thread(target=holder)
t.start()
taken.wait()
pid = os.fork()
if pid == 0:
    try:
        lock.acquire()
    except RuntimeError as e:
        print('child:', type(e).__name__)
        os._exit(3)
    print('child has the lock')
    os._exit(0)
print('parent: the child ended with', os.waitpid(pid, 0)[1] >> 8)
t.join()
