"""conc's words for CPython: what `record.py` defines before a script whose notation is conc's own.

Queues are made exact, as conc's are: a `put` returns when the item can be read, so `empty()` and `qsize()` are true.
"""

import builtins
import multiprocessing
import multiprocessing.queues
import os
import queue
import threading
import time

CONTEXT = multiprocessing.get_context("fork")


class ExactQueue(multiprocessing.queues.Queue):
    """A process queue whose `put` waits for the feeder thread."""

    Empty = queue.Empty
    Full = queue.Full

    def __init__(self, maxsize=0):
        super().__init__(maxsize, ctx=CONTEXT)

    def put(self, obj, block=True, timeout=None):
        super().put(obj, block, timeout)
        while self._buffer:
            time.sleep(0.0005)
        time.sleep(0.002)


ExactQueue.__name__ = ExactQueue.__qualname__ = "Queue"


def install():
    """Puts the words into the built-in scope."""
    words = dict(fork=os.fork, Process=multiprocessing.Process, Pool=multiprocessing.Pool, Queue=ExactQueue,
                 Manager=multiprocessing.Manager, Thread=threading.Thread, Lock=multiprocessing.Lock,
                 RLock=multiprocessing.RLock, Semaphore=multiprocessing.Semaphore,
                 BoundedSemaphore=multiprocessing.BoundedSemaphore, Event=multiprocessing.Event,
                 Condition=multiprocessing.Condition, Barrier=multiprocessing.Barrier, Timer=threading.Timer,
                 Pipe=multiprocessing.Pipe, Value=multiprocessing.Value, Array=multiprocessing.Array,
                 JoinableQueue=multiprocessing.JoinableQueue, SimpleQueue=multiprocessing.SimpleQueue,
                 threading=threading, multiprocessing=multiprocessing, os=os, time=time)
    for name, value in words.items():
        setattr(builtins, name, value)
