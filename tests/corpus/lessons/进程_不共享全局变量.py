import os
from multiprocessing import Process

nums = [11, 22]

def work1():
    """子进程要执行的代码"""
    print("in process1 nums=%s" % nums, flush=True)
    for i in range(3):
        nums.append(i)
        print("in process1 nums=%s" % nums, flush=True)

def work2():
    """子进程要执行的代码"""
    print("in process2 nums=%s" % nums, flush=True)

if __name__ == '__main__':
    p1 = Process(target=work1)
    p1.start()
    p1.join()
    p2 = Process(target=work2)
    p2.start()
    p2.join()
    print("主进程", nums)
