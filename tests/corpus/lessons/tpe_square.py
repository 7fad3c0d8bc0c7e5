from concurrent.futures import ThreadPoolExecutor
import time


def task(n):
    time.sleep(0.01 * (4 - n))
    return n * n


with ThreadPoolExecutor(max_workers=3) as executor:
    future = executor.submit(task, 2)
    print(future.result())
    print(list(executor.map(task, range(4))))
print(future.done(), future.cancelled(), future.running())
