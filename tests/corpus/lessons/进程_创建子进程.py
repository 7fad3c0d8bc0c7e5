# -*- coding:utf-8 -*-
import os, time
from multiprocessing import Process

#子进程要执行的代码
def run_proc(name, age, **kwargs): #子进程要执行的代码
    for i in range(3):
        print('子进程运行中，name= %s,age=%d ,pid=%d...' % (name, age,os.getpid()), flush=True)
        print(kwargs, flush=True)
        time.sleep(0.001)

if __name__=='__main__':
    print('父进程 %d.' % os.getpid(), flush=True)
    p = Process(target=run_proc, args=('test',18), kwargs={"m":20})
    print('子进程将要执行', flush=True)
    p.start()
    p.join()
    print('子进程已结束')
