import queue
import threading

q = queue.Queue()

def worker():
    while True:
        item = q.get()
        if item is None:
            break
        print('working on', item)
        if item != 2:               # forgotten for one of them
            q.task_done()

t = threading.Thread(target=worker)
t.start()
for i in range(4):
    q.put(i)
q.put(None)
q.join()
t.join()
print('all done')
