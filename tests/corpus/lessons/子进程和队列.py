# 生产者和消费者：两个进程通过队列通信
from multiprocessing import Process, Queue
import os
import time
import random


def write(q):
    print('写进程 %s 启动' % os.getpid())
    for value in ['苹果', '香蕉', '橙子']:
        print('放入 %s' % value)
        q.put(value)
        time.sleep(random.random() / 50)


def read(q):
    while True:
        if not q.empty():
            value = q.get(True)
            print('取出 %s' % value)
            time.sleep(random.random() / 50)
        else:
            break


if __name__ == '__main__':
    q = Queue()
    pw = Process(target=write, args=(q,))
    pr = Process(target=read, args=(q,))
    pw.start()
    pw.join()
    pr.start()
    pr.join()
    print('所有数据都写入并且读完')
