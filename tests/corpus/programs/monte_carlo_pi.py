"""Monte Carlo estimation of pi with everything that Python offers for it."""
import argparse
import concurrent.futures
import math
import multiprocessing
import random
import threading
import time
from dataclasses import dataclass, field
from multiprocessing.pool import ThreadPool
from typing import NamedTuple


class Sample(NamedTuple):
    hits: int
    total: int

    @property
    def pi(self) -> float:
        return 4 * self.hits / self.total

    def __add__(self, other: "Sample") -> "Sample":
        return Sample(self.hits + other.hits, self.total + other.total)


@dataclass
class Job:
    seed: int
    points: int = 2000
    shape: str = "circle"
    result: Sample = field(default=None, compare=False, repr=False)

    def __post_init__(self):
        if self.points <= 0:
            raise ValueError(f"points must be positive: {self.points}")


def throw(job: Job) -> Sample:
    rng = random.Random(job.seed)
    hits = 0
    for _ in range(job.points):
        x, y = rng.random(), rng.random()
        if x * x + y * y <= 1.0:
            hits += 1
    return Sample(hits, job.points)


def throw_many(seed, points):
    return throw(Job(seed, points))


def with_processes_and_pipe(jobs):
    def child(connection, job):
        connection.send(throw(job))
        connection.close()

    pairs = []
    for job in jobs:
        here, there = multiprocessing.Pipe(duplex=False)
        p = multiprocessing.Process(target=child, args=(there, job))
        p.start()
        there.close()
        pairs.append((p, here))
    total = Sample(0, 0)
    for p, here in pairs:
        total += here.recv()
        p.join()
    return total


def with_threads(jobs):
    lock = threading.Lock()
    total = Sample(0, 0)

    def run(job):
        nonlocal total
        sample = throw(job)
        with lock:
            total = total + sample

    threads = [threading.Thread(target=run, args=(job,), name=f"pi-{job.seed}") for job in jobs]
    for t in threads: t.start()
    for t in threads: t.join()
    return total


def with_pool(jobs):
    with multiprocessing.Pool(2) as pool:
        return sum(pool.imap_unordered(throw, jobs, chunksize=2), Sample(0, 0))


def with_thread_pool(jobs):
    pool = ThreadPool(3)
    try:
        samples = pool.starmap(throw_many, [(j.seed, j.points) for j in jobs])
    finally:
        pool.terminate()
    total, *rest = samples
    for sample in rest:
        total += sample
    return total


def with_executor(jobs, kind=concurrent.futures.ProcessPoolExecutor):
    with kind(max_workers=2) as executor:
        futures = {executor.submit(throw, job): job for job in jobs}
        for future in concurrent.futures.as_completed(futures):
            futures[future].result = future.result()
    return Sample(*map(sum, zip(*(job.result for job in jobs))))


def with_shared_value(jobs):
    hits = multiprocessing.Value("l", 0)

    def child(job):
        sample = throw(job)
        with hits.get_lock():
            hits.value += sample.hits

    ps = [multiprocessing.Process(target=child, args=(job,)) for job in jobs]
    [p.start() for p in ps]
    [p.join() for p in ps]
    return Sample(hits.value, sum(job.points for job in jobs))


METHODS = [with_processes_and_pipe, with_threads, with_pool, with_thread_pool, with_executor, with_shared_value]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=6)
    parser.add_argument("--points", type=int, default=1500)
    args = parser.parse_args()
    jobs = [Job(seed=n, points=args.points) for n in range(args.jobs)]
    print(jobs[0], jobs[0] == Job(0, 1500), len(jobs))
    reference = sum(map(throw, jobs), start=Sample(0, 0))
    print(reference, round(reference.pi, 1))
    for method in METHODS:
        start = time.time()
        sample = method(jobs)
        took = time.time() - start
        print("{:<26} {} {} {:.3f} s".format(method.__name__, sample.hits, sample == reference, took))
    print(with_executor(jobs, concurrent.futures.ThreadPoolExecutor) == reference)
    error = abs(reference.pi - math.pi)
    print("good" if error < 0.1 else "bad: %r" % error)
    print(reference._asdict(), reference._replace(total=1), Sample._fields)
    try:
        Job(1, points=-1)
    except ValueError as e:
        print(e)


if __name__ == "__main__":
    main()
