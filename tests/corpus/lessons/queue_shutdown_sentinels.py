import queue, threading

q = queue.Queue(maxsize=3)
for i in range(3):
    q.put(i)
for action in (lambda: q.put(9, block=False), lambda: q.put(9, timeout=0.01), lambda: q.put_nowait(9), lambda: queue.LifoQueue().get_nowait(),
               lambda: q.get(True, -1), lambda: queue.SimpleQueue().get(timeout=0.01), lambda: q.task_done() or 'done'):
    try:
        print(action())
    except Exception as e:
        print(type(e).__module__ + '.' + type(e).__name__, str(e))
print(q.full(), q.qsize(), q.maxsize)
q.shutdown()
try:
    q.put(1)
except queue.ShutDown:
    print('no more puts')
print([q.get() for _ in range(3)])
try:
    q.get()
except queue.ShutDown as e:
    print('empty and shut down', repr(e))
done = []
q2 = queue.Queue()
def worker():
    for item in iter(q2.get, None):
        done.append(item)
ts = [threading.Thread(target=worker) for _ in range(3)]
[t.start() for t in ts]
for x in 'abcdefgh': q2.put(x)
for _ in ts: q2.put(None)
for t in ts: t.join()
print(''.join(sorted(done)), q2.empty())
