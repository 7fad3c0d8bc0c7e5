from threading import Thread, Lock

g_num = 0


def test(name):
    global g_num
    for i in range(5000):
        mutexFlag = mutex.acquire(True)
        if mutexFlag:
            g_num += 1
            mutex.release()


mutex = Lock()
p1 = Thread(target=test, args=("p1",))
p1.start()
p2 = Thread(target=test, args=("p2",))
p2.start()
p1.join()
p2.join()
print("g_num =", g_num)
