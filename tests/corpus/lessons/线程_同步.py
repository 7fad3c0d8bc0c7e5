from threading import Thread, Lock
from time import sleep

lines = []


class Task1(Thread):
    def run(self):
        for _ in range(3):
            if lock1.acquire():
                print("------Task 1 -----")
                sleep(0.01)
                lock2.release()


class Task2(Thread):
    def run(self):
        for _ in range(3):
            if lock2.acquire():
                print("------Task 2 -----")
                sleep(0.01)
                lock3.release()


class Task3(Thread):
    def run(self):
        for _ in range(3):
            if lock3.acquire():
                print("------Task 3 -----")
                sleep(0.01)
                lock1.release()


lock1 = Lock()
lock2 = Lock()
lock2.acquire()
lock3 = Lock()
lock3.acquire()
t1, t2, t3 = Task1(), Task2(), Task3()
for t in (t1, t2, t3):
    t.start()
for t in (t1, t2, t3):
    t.join()
