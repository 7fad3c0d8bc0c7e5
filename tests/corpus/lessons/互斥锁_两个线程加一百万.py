from threading import Thread, Lock
import time

g_num = 0

def test1():
    global g_num
    for i in range(20000):
        #True表示堵塞 即如果这个锁在上锁之前已经被上锁了，那么这个线程会在这里一直等待到解锁为止
        mutexFlag = mutex.acquire(True)
        if mutexFlag:
            g_num += 1
            mutex.release()

def test2():
    global g_num
    for i in range(20000):
        mutexFlag = mutex.acquire(True)
        if mutexFlag:
            g_num += 1
            mutex.release()

mutex = Lock()
p1 = Thread(target=test1)
p1.start()
p2 = Thread(target=test2)
p2.start()
p1.join(); p2.join()
print("---g_num=%d---"%g_num)
