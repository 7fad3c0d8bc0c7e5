"""The consumer asks once more than there are items."""
from queue import Queue
from threading import Thread

def produce(q, n):
    for i in range(n):
        q.put(i)

def consume(q):
    while True:
        print('got', q.get())

if __name__ == '__main__':
    q = Queue()
    producer, consumer = Thread(target=produce, args=(q, 3)), Thread(target=consume, args=(q,))
    producer.start(); producer.join()
    consumer.start()
    consumer.join()
