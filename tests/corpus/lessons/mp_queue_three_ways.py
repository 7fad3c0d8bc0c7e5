# order: any
import multiprocessing
from multiprocessing import Process, Queue, Pipe, SimpleQueue
import queue

def square_list(mylist, q):
    for num in mylist:
        q.put(num * num)

def child(conn):
    conn.send([42, None, 'hello', {'k': (1, 2.5)}])
    print('child got', conn.recv(), flush=True)
    conn.close()

class Fuzzy(object):
    def __init__(self, name):
        self.name = name
    def do_something(self):
        print('Doing something fancy in %s for %s!' % (multiprocessing.current_process().name, self.name), flush=True)

def worker(q):
    obj = q.get()
    obj.do_something()

if __name__ == '__main__':
    q = Queue()
    p1 = Process(target=square_list, args=([1, 2, 3, 4], q))
    p1.start(); p1.join()
    while not q.empty():
        print(q.get(), end=' ')
    print()
    a, b = Pipe()
    p2 = Process(target=child, args=(b,))
    p2.start()
    print(a.recv())
    a.send(('any', {'object'}))
    p2.join()
    q = multiprocessing.Queue()
    p3 = Process(name='fuzzy', target=worker, args=(q,))
    p3.start()
    q.put(Fuzzy('Dan'))
    q.close()
    q.join_thread()
    p3.join()
    s = SimpleQueue()
    s.put(1); s.put('two')
    print(s.get(), s.get(), s.empty())
    try:
        Queue(1).get(timeout=0.01)
    except queue.Empty as e:
        print('Empty', repr(str(e)))
    x = Queue(maxsize=1)
    x.put(0)
    try:
        x.put(1, False)
    except queue.Full:
        print('Full')
    x.get()
