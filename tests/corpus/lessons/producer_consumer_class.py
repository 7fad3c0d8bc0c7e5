import threading, time, random
from queue import Queue

BUF_SIZE = 10
q = Queue(BUF_SIZE)

class ProducerThread(threading.Thread):
    def __init__(self, group=None, target=None, name=None,
                 args=(), kwargs=None, verbose=None):
        super(ProducerThread,self).__init__()
        self.target = target
        self.name = name

    def run(self):
        made = 0
        while made < 15:
            if not q.full():
                item = made * 3 % 11
                q.put(item)
                made += 1
                time.sleep(random.random() / 1000)
        q.put(None)
        return

class ConsumerThread(threading.Thread):
    def __init__(self, group=None, target=None, name=None,
                 args=(), kwargs=None, verbose=None):
        super(ConsumerThread,self).__init__()
        self.target = target
        self.name = name
        self.items = []
        return

    def run(self):
        while True:
            if not q.empty():
                item = q.get()
                if item is None:
                    return
                self.items.append(item)
            time.sleep(random.random() / 1000)

if __name__ == '__main__':
    p = ProducerThread(name='producer')
    c = ConsumerThread(name='consumer')
    p.start()
    c.start()
    p.join(); c.join()
    print(c.name, 'got', c.items)
    print(q.qsize(), q.empty())
