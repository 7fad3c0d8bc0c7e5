from concurrent.futures import ThreadPoolExecutor, wait, FIRST_COMPLETED, ALL_COMPLETED
import time


def slow(n):
    time.sleep(n)
    return n


pool = ThreadPoolExecutor(3)
futures = [pool.submit(slow, n) for n in (0.01, 0.3, 0.3)]
done, rest = wait(futures, return_when=FIRST_COMPLETED)
print(len(done), len(rest), [f.result() for f in done])
done, rest = wait(futures, return_when=ALL_COMPLETED)
print(len(done), len(rest))
print(sorted(f.result() for f in done))
pool.shutdown()
try:
    pool.submit(slow, 0)
except RuntimeError as e:
    print(e)
