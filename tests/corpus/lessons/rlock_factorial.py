import threading

lock = threading.RLock()


def factorial(n):
    with lock:
        if n <= 1:
            return 1
        return n * factorial(n - 1)


results = {}


def worker(n):
    results[n] = factorial(n)


threads = []
for n in (5, 10, 20, 30):
    t = threading.Thread(target=worker, args=(n,))
    threads.append(t)
    t.start()
for t in threads:
    t.join()
for n in sorted(results):
    print(f"{n:>3}! = {results[n]:,}")
