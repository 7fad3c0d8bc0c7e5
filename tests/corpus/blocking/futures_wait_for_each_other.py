import time
from concurrent.futures import ThreadPoolExecutor

def wait_on_b():
    time.sleep(0.1)
    print(b.result())  # b will never complete because it is waiting on a.
    return 5

def wait_on_a():
    time.sleep(0.1)
    print(a.result())  # a will never complete because it is waiting on b.
    return 6

with ThreadPoolExecutor(max_workers=2) as pool:
    a = pool.submit(wait_on_b)
    b = pool.submit(wait_on_a)
print('never reached')
