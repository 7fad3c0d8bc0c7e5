# order: any
import multiprocessing
import time

def stage_1(cond):
    name = multiprocessing.current_process().name
    print('Starting', name, flush=True)
    with cond:
        print('%s done and ready for stage 2' % name, flush=True)
        cond.notify_all()

def stage_2(cond, ready):
    name = multiprocessing.current_process().name
    with cond:
        ready.release()
        cond.wait()
        print('%s running' % name, flush=True)

def meet(barrier, numbers):
    i = barrier.wait()
    numbers.put(i)

def waits(e, timeout):
    print('event', e.wait(timeout), flush=True)

if __name__ == '__main__':
    condition, ready = multiprocessing.Condition(), multiprocessing.Semaphore(0)
    s1 = multiprocessing.Process(name='s1', target=stage_1, args=(condition,))
    s2_clients = [multiprocessing.Process(name='stage_2[%d]' % i, target=stage_2, args=(condition, ready)) for i in range(1, 3)]
    for c in s2_clients:
        c.start()
    for c in s2_clients:
        ready.acquire()
    s1.start()
    s1.join()
    for c in s2_clients:
        c.join()
    b, q = multiprocessing.Barrier(3), multiprocessing.Queue()
    ps = [multiprocessing.Process(target=meet, args=(b, q)) for _ in range(3)]
    [p.start() for p in ps]
    print(sorted(q.get() for p in ps), b.parties, b.broken)
    [p.join() for p in ps]
    e = multiprocessing.Event()
    w1 = multiprocessing.Process(target=waits, args=(e, None))
    w2 = multiprocessing.Process(target=waits, args=(e, 0.01))
    w1.start(); w2.start()
    w2.join()
    e.set()
    w1.join()
