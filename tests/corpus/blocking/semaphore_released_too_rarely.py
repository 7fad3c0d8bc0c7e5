import threading

sem = threading.Semaphore(2)

def task(n):
    sem.acquire()
    if n == 0:
        return              # leaves without a release
    if n == 1:
        raise_error(n)
    sem.release()

def raise_error(n):
    try:
        raise RuntimeError(n)
    except RuntimeError:
        import sys
        sys.exit()          # ends the thread, again without a release

for n in range(2):
    t = threading.Thread(target=task, args=(n,))
    t.start()
    t.join()
print('two tasks have ended')
last = threading.Thread(target=task, args=(2,))
last.start()
last.join()
print('end')
