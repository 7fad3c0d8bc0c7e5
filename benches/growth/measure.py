# One measurement of benches/growth: `measure.py WHAT N` does the work and prints how often it did it,
# and the most memory that the process had, in KiB, beyond what it had before. Runs under CPython too.
import os
import sys
import threading
from multiprocessing import Pool, Process, Queue


def memory(key):
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(key):
                return int(line.split()[1])
    return 0


def own_memory(pid):
    """What a process has for itself, in KiB."""
    total = 0
    with open("/proc/%d/smaps_rollup" % pid) as rollup:
        for line in rollup:
            if line.startswith("Private_"):
                total += int(line.split()[1])
    return total


def wait_for(gate, ready):
    ready.put(1)
    gate.get()


def processes(n):
    """n processes that all live at once; the memory is that of the children."""
    gate, ready = Queue(), Queue()
    children = [Process(target=wait_for, args=(gate, ready)) for _ in range(n)]
    for child in children:
        child.start()
    for _ in range(n):
        ready.get()
    used = sum(own_memory(child.pid) for child in children)
    for _ in range(n):
        gate.put(1)
    for child in children:
        child.join()
    return 1, used


def threads(n):
    """n threads that all live at once."""
    gate = threading.Event()
    all_threads = [threading.Thread(target=gate.wait) for _ in range(n)]
    for thread in all_threads:
        thread.start()
    gate.set()
    for thread in all_threads:
        thread.join()
    return 1, None


def produce(queue, n):
    for i in range(n):
        queue.put(i)


def messages(n):
    """n integers from one process to another."""
    queue = Queue()
    child = Process(target=produce, args=(queue, n))
    child.start()
    total = 0
    for _ in range(n):
        total += queue.get()
    child.join()
    assert total == n * (n - 1) // 2
    return 1, None


def answer(requests, answers):
    while True:
        message = requests.get()
        if message is None:
            break
        answers.put(len(message))


def size(n):
    """A message of n bytes, and a short answer."""
    requests, answers = Queue(), Queue()
    child = Process(target=answer, args=(requests, answers))
    child.start()
    message = bytes(n)
    rounds = max(8, min(2000, (32 << 20) // n))
    for _ in range(rounds):
        requests.put(message)
        assert answers.get() == n
    requests.put(None)
    child.join()
    return rounds, None


def double(i):
    return 2 * i


def tasks(n):
    """n tasks for two workers, one call each."""
    with Pool(2) as pool:
        pool.apply(double, (1,))
        results = [pool.apply_async(double, (i,)) for i in range(n)]
        total = sum(result.get() for result in results)
        assert total == n * (n - 1)
        return 1, None


def mapped(n):
    """n items of one map over two workers."""
    with Pool(2) as pool:
        pool.apply(double, (1,))
        assert sum(pool.map(double, range(n))) == n * (n - 1)
        return 1, None


def nothing(n):
    """What every measurement costs besides."""
    return 1, None


if __name__ == "__main__":
    before = memory("VmRSS")
    what, n = sys.argv[1], int(sys.argv[2])
    kinds = {"nothing": nothing, "processes": processes, "threads": threads, "messages": messages, "size": size, "tasks": tasks, "mapped": mapped}
    rounds, used = kinds[what](n)
    if used is None:
        used = max(0, memory("VmHWM") - before)
    print(rounds, used)
