from multiprocessing import Pool
import os, time, random


def worker(msg):
    t_start = time.time()
    time.sleep(random.random() * 0.02)
    t_stop = time.time()
    return msg, t_stop >= t_start


if __name__ == '__main__':
    po = Pool(3)
    results = []
    for i in range(0, 10):
        results.append(po.apply_async(worker, (i,)))
    print("----start----")
    po.close()
    po.join()
    print("-----end-----")
    for r in results:
        print(r.get())
