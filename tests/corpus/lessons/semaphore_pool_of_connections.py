# -*- coding: utf-8 -*-
from threading import Thread, BoundedSemaphore, Lock, current_thread
from time import sleep

maxconnections = 3
pool_sema = BoundedSemaphore(value=maxconnections)
inside, most, lock = 0, 0, Lock()

def query(n):
    global inside, most
    with pool_sema:
        with lock:
            inside += 1
            if inside > most: most = inside
        sleep(0.005)
        with lock:
            inside -= 1
    return n

ts = [Thread(target=query, args=(i,)) for i in range(10)]
for t in ts: t.start()
for t in ts: t.join()
print("never more than %d: %s" % (maxconnections, most <= maxconnections))
print("at the end inside:", inside)
