from multiprocessing import Pool
import time
import os

def f(x):
    return x*x

def run_time(func):
    def inner(*a):
        s = time.time()
        r = func(*a)
        e = time.time()
        assert e >= s
        return r
    return inner

@run_time
def compute(n):
    p = Pool(n)
    res = p.map(f, list(range(10)))
    p.close()
    p.join()
    return res

if __name__ == '__main__':
    with Pool(5) as p:
        print(p.map(f, [1, 2, 3]))
    for n in (1, 2, 4):
        print(n, compute(n))
    pool = Pool(processes=4)
    for i in pool.imap_unordered(f, range(3)): pass
    res = pool.apply_async(f, (20,))
    print(res.get(timeout=10))
    res = pool.apply_async(os.getpid, ())
    print(res.get(timeout=10) == os.getpid())
    multiple_results = [pool.apply_async(os.getpid, ()) for i in range(4)]
    print(len({res.get(timeout=10) for res in multiple_results}) <= 4)
    print(f(3), [*map(f, range(3))])
    pool.terminate()
