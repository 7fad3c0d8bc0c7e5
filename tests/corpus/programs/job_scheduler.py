"""Job scheduler: priorities, dependencies, delayed and repeated jobs."""
from __future__ import annotations

import enum
import heapq
import itertools
import logging
import queue
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Callable, ClassVar, Dict, List, Optional, Set

logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(levelname)-7s %(name)s | %(message)s")
log = logging.getLogger("scheduler")


class Status(enum.Enum):
    WAITING = "waiting"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"

    @property
    def final(self) -> bool:
        return self in (Status.DONE, Status.FAILED, Status.SKIPPED)


class Priority(enum.IntEnum):
    HIGH = 0
    NORMAL = 5
    LOW = 10


@dataclass(order=True)
class Job:
    sort_index: tuple = field(init=False, repr=False)
    name: str = field(compare=False)
    action: Callable[[], Any] = field(compare=False, repr=False)
    priority: Priority = field(default=Priority.NORMAL, compare=False)
    needs: Set[str] = field(default_factory=set, compare=False)
    retries: int = field(default=0, compare=False)
    status: Status = field(default=Status.WAITING, compare=False)
    result: Any = field(default=None, compare=False)

    _numbers: ClassVar[itertools.count] = itertools.count()

    def __post_init__(self) -> None:
        self.sort_index = (int(self.priority), next(Job._numbers))


class Scheduler:
    def __init__(self, workers: int = 2) -> None:
        self.jobs: Dict[str, Job] = {}
        self.ready: queue.PriorityQueue[Job] = queue.PriorityQueue()
        self.lock = threading.RLock()
        self.finished = threading.Condition(self.lock)
        self.order: List[str] = []
        self.workers = [threading.Thread(target=self._work, daemon=True, name=f"w{i}") for i in range(workers)]

    def add(self, name: str, action: Callable[[], Any], *, needs=(), **options: Any) -> Job:
        if name in self.jobs:
            raise KeyError(f"job {name!r} exists")
        job = Job(name, action, needs=set(needs), **options)
        self.jobs[name] = job
        return job

    def job(self, **options):
        """Decorator: the function's name is the job's."""
        def register(function):
            self.add(function.__name__, function, **options)
            return function
        return register

    def check(self) -> None:
        state: Dict[str, int] = {}

        def visit(name: str, path: List[str]) -> None:
            match state.get(name):
                case 1:
                    raise ValueError("circle: " + " -> ".join(path + [name]))
                case 2:
                    return
            state[name] = 1
            for other in sorted(self.jobs[name].needs):
                visit(other, path + [name])
            state[name] = 2

        for name in self.jobs:
            visit(name, [])

    def _release(self) -> None:
        with self.lock:
            for job in self.jobs.values():
                if job.status is not Status.WAITING:
                    continue
                states = {self.jobs[n].status for n in job.needs}
                if states & {Status.FAILED, Status.SKIPPED}:
                    job.status = Status.SKIPPED
                    self.order.append(f"({job.name})")
                    self._release()
                elif states <= {Status.DONE}:
                    job.status = Status.QUEUED
                    self.ready.put(job)

    def _work(self) -> None:
        while True:
            job = self.ready.get()
            job.status = Status.RUNNING
            tries = 0
            while True:
                try:
                    job.result = job.action()
                    status = Status.DONE
                    break
                except Exception as error:
                    tries += 1
                    if tries > job.retries:
                        job.result, status = error, Status.FAILED
                        break
            with self.finished:
                job.status = status
                self.order.append(job.name)
                if status is Status.FAILED:
                    log.error("%s failed after %d tries: %r", job.name, tries, job.result)
                self._release()
                self.finished.notify_all()
            self.ready.task_done()

    def run(self, timeout: Optional[float] = None) -> bool:
        self.check()
        log.info("%d jobs", len(self.jobs))
        self._release()
        for worker in self.workers:
            worker.start()
        with self.finished:
            return self.finished.wait_for(lambda: all(j.status.final for j in self.jobs.values()), timeout)


def build_house() -> None:
    s = Scheduler(workers=1)
    failures = iter([OSError("rain"), OSError("more rain")])

    @s.job(priority=Priority.HIGH)
    def foundation():
        return "concrete"

    @s.job(needs={"foundation"}, retries=2)
    def walls():
        for failure in failures:
            raise failure
        return "bricks"

    @s.job(needs={"walls"})
    def roof():
        return "tiles"

    @s.job(needs={"walls"}, priority=Priority.HIGH)
    def windows():
        raise RuntimeError("no glass")

    @s.job(needs={"windows"})
    def curtains():
        return "red"

    s.add("garden", lambda: "grass", priority=Priority.LOW)
    print("finished:", s.run(timeout=20))
    print("order:", " ".join(s.order))
    for job in sorted(s.jobs.values()):
        print(f"  {job.name:<11}{job.status.value:<8} {job.priority.name:<7} {job.result!r}")


def timers() -> None:
    begin = time.monotonic()
    events, done = [], threading.Event()

    def fire(what):
        events.append((what, time.monotonic() - begin))
        if what == "last":
            done.set()

    ts = [threading.Timer(delay, fire, [what]) for delay, what in ((2.0, "last"), (0.01, "first"), (1.0, "middle"))]
    cancelled = threading.Timer(1.5, fire, kwargs={"what": "never"})
    for t in ts + [cancelled]:
        t.start()
    cancelled.cancel()
    done.wait(10)
    print([what for what, _ in events], all(when >= 0.009 for _, when in events))


def merged() -> None:
    a = [(t, "tick") for t in range(0, 50, 10)]
    b = [(t, "tock") for t in range(5, 50, 15)]
    print(*("%d:%s" % pair for pair in heapq.merge(a, b)))


if __name__ == "__main__":
    build_house()
    timers()
    merged()
    broken = Scheduler()
    broken.add("a", print, needs=["b"])
    broken.add("b", print, needs=["a"])
    try:
        broken.run()
    except ValueError as error:
        log.warning("refused: %s", error)
    try:
        broken.add("a", print)
    except KeyError as error:
        log.warning("refused: %s", error)
