import threading
import time
from queue import Queue


class Producer(threading.Thread):
    def run(self):
        count = 0
        while count < 20:
            if queue.qsize() < 10:
                for i in range(5):
                    count = count + 1
                    msg = '生成产品' + str(count)
                    queue.put(msg)
            time.sleep(0.005)


class Consumer(threading.Thread):
    def run(self):
        for _ in range(10):
            msg = self.name + '消费了 ' + queue.get()
            seen.append(msg.split(' ')[1])


if __name__ == '__main__':
    queue = Queue()
    seen = []
    for i in range(5):
        queue.put('初始产品' + str(i))
    p = Producer()
    p.start()
    consumers = [Consumer() for _ in range(2)]
    for c in consumers:
        c.start()
    for c in consumers:
        c.join()
    p.join()
    print(len(seen), len(set(seen)), queue.qsize())
    print(sorted(seen)[:3])
