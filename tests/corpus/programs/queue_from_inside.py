# A queue emptied and waited for by its own locks.
import queue, threading, time
q = queue.Queue()
for i in range(5): q.put(i)
with q.mutex:
    q.queue.clear()
    q.all_tasks_done.notify_all()
    q.unfinished_tasks = 0
print(q.qsize(), q.unfinished_tasks); q.join(); print("joined")
q = queue.Queue(2)
q.put(1); q.put(2)
def putter(): q.put(3); print("put 3")
t = threading.Thread(target=putter); t.start(); time.sleep(0.1)
with q.mutex:
    q.queue.clear(); q.not_full.notify()
t.join(); print(q.qsize())
def waiter():
    with q.not_empty:
        while not q._qsize(): q.not_empty.wait(5)
        print("woken", q.queue[0])
q.get()
t = threading.Thread(target=waiter); t.start(); time.sleep(0.1); q.put(9); t.join()
with q.not_empty: print(q.not_empty.wait(0.01), q.not_empty.wait_for(lambda: True))
try: q.not_full.notify()
except RuntimeError as e: print(e)
