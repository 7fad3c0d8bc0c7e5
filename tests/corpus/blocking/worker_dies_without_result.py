import multiprocessing as mp
import os

def worker(n, q):
    if n == 2:
        os._exit(1)             # something terrible happens
    q.put(n * n)

if __name__ == '__main__':
    q = mp.Queue()
    ps = [mp.Process(target=worker, args=(n, q)) for n in range(4)]
    for p in ps:
        p.start()
    results = [q.get() for p in ps]
    for p in ps:
        p.join()
    print(sorted(results))
