from multiprocessing import Process
import time
import os


def work_1(interval):
    print("work_1，父进程(%s)，当前进程(%s)" % (os.getppid(), os.getpid()))
    t_start = time.time()
    time.sleep(interval)
    t_end = time.time()
    print("work_1，执行时间为'%0.2f'秒" % (t_end - t_start))


def work_2(interval):
    print("work_2，父进程(%s)，当前进程(%s)" % (os.getppid(), os.getpid()))
    t_start = time.time()
    time.sleep(interval)
    t_end = time.time()
    print("work_2，执行时间为'%0.2f'秒" % (t_end - t_start))


print("进程ID：%s" % os.getpid())
p1 = Process(target=work_1, args=(0.1,))
p2 = Process(target=work_2, name="狗蛋", args=(0.05,))
p1.start()
p2.start()
print("p2.is_alive=%s" % p2.is_alive())
print("p1.name=%s" % p1.name)
print("p2.name=%s" % p2.name)
p1.join()
print("p1.is_alive=%s" % p1.is_alive())
p2.join()
# order: any
