from random import randrange
from threading import Barrier, Thread
from time import ctime, sleep

num = 4
b = Barrier(num)
names = ["Harsh", "Lokesh", "George", "Iqbal"]


def player():
    name = names.pop()
    sleep(randrange(1, 4) / 100)
    print("%s reached the barrier at: %s" % (name, ctime()))
    b.wait()


threads = []
print("Race starts now...")
for i in range(num):
    threads.append(Thread(target=player))
    threads[-1].start()
for thread in threads:
    thread.join()
print("Race over!")
# order: any
