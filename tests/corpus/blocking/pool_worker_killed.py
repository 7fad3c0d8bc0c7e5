# CPython: the result of a task whose worker was killed never comes
import multiprocessing, os, signal

def task(n):
    if n == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return n * n

if __name__ == '__main__':
    pool = multiprocessing.Pool(2)
    results = [pool.apply_async(task, (n,)) for n in range(6)]
    for r in results:
        print(r.get())
    pool.close()
    pool.join()
