"""A task of a pool of one thread submits another one to the same pool, and waits for it."""
from concurrent.futures import ThreadPoolExecutor

executor = ThreadPoolExecutor(max_workers=1)

def inner():
    return 42

def outer():
    f = executor.submit(inner)
    return f.result()

print('submitted')
print(executor.submit(outer).result())
