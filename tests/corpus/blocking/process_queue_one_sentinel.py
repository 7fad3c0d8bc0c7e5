# two consumers, one sentinel
import multiprocessing as mp

def consumer(q):
    count = 0
    while q.get() is not None:
        count += 1

if __name__ == '__main__':
    q = mp.Queue()
    ps = [mp.Process(target=consumer, args=(q,)) for _ in range(2)]
    for p in ps:
        p.start()
    for i in range(5):
        q.put(i)
    q.put(None)
    for p in ps:
        p.join()
    print('not reached')
