import threading
r = threading.RLock()
print(repr(r).split(' at ')[0])
with r:
    with r:
        print(repr(r).split(' owner=')[0], 'count=2' in repr(r))
def other():
    try:
        r.release()
    except RuntimeError as e:
        print(e)
    print('got it:', r.acquire(blocking=False))
with r:
    t = threading.Thread(target=other)
    t.start()
    t.join()
print(threading.Semaphore(2), end='\n') if 0 else print(str(threading.Semaphore(2)).split('value')[1])
print(str(threading.Event()).split(': ')[1], str(threading.Barrier(3)).split(': ')[1])
for text in (threading.Condition(), threading.BoundedSemaphore()):
    print(type(text).__name__)
