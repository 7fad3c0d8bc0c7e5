from multiprocessing import Process, current_process, active_children, parent_process
import os
import time

def info(title):
    print(title, flush=True)
    print('module name:', __name__, flush=True)
    print('parent process:', os.getppid(), flush=True)
    print('process id:', os.getpid(), flush=True)

def f(name):
    info('function f')
    print('hello', name, current_process().name, parent_process().name, flush=True)

if __name__ == '__main__':
    info('main line')
    p = Process(target=f, args=('bob',))
    print(p.pid, p.exitcode, p.is_alive(), p.name, p.daemon)
    p.start()
    p.join()
    print(p.exitcode, p.is_alive(), p.pid != os.getpid(), active_children())
    print(str(p).split('parent')[0], parent_process())
