"""Actors: objects that live on threads of their own and talk by messages."""
import queue
import threading
from functools import wraps


class ActorExit(Exception):
    pass


class Actor:
    def __init__(self, name=None):
        self._mailbox = queue.Queue()
        self._terminated = threading.Event()
        self.name = name or type(self).__name__.lower()
        self.problem = None

    def send(self, msg):
        self._mailbox.put(msg)

    def recv(self):
        msg = self._mailbox.get()
        if msg is ActorExit:
            raise ActorExit()
        return msg

    def start(self):
        self._thread = threading.Thread(target=self._bootstrap, name=self.name)
        self._thread.daemon = True
        self._thread.start()
        return self

    def _bootstrap(self):
        try:
            self.run()
        except ActorExit:
            pass
        except Exception as e:
            self.problem = e
        finally:
            self._terminated.set()

    def run(self):
        while True:
            self.receive(self.recv())

    def receive(self, msg):
        raise NotImplementedError

    def close(self):
        self.send(ActorExit)

    def join(self, timeout=None):
        return self._terminated.wait(timeout)


class Result:
    def __init__(self):
        self._evt = threading.Event()
        self._result = None

    def set_result(self, value):
        self._result = value
        self._evt.set()

    def result(self):
        self._evt.wait()
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


class Worker(Actor):
    """Calls functions for others."""

    def submit(self, func, *args, **kwargs):
        r = Result()
        self.send((func, args, kwargs, r))
        return r

    def receive(self, msg):
        func, args, kwargs, r = msg
        try:
            r.set_result(func(*args, **kwargs))
        except Exception as e:
            r.set_result(e)


class Account(Actor):
    def __init__(self, owner, balance=0):
        super().__init__(f"account of {owner}")
        self.balance = balance
        self.owner = owner

    def receive(self, msg):
        match msg:
            case ("deposit", int(amount)) if amount > 0:
                self.balance += amount
            case ("withdraw", int(amount), reply):
                if amount > self.balance:
                    reply.send(("refused", self.owner, amount))
                else:
                    self.balance -= amount
                    reply.send(("ok", self.owner, amount))
            case {"ask": "balance", "reply": reply}:
                reply.send(("balance", self.owner, self.balance))
            case "crash" | "explode":
                raise RuntimeError(f"{self.name} was told to {msg}")
            case [first, *rest]:
                print(f"{self.name}: a list that starts with {first!r} and {len(rest)} more")
            case _:
                print(f"{self.name}: cannot understand {msg!r}")


class Inbox(Actor):
    """A mailbox for the main thread."""

    def receive_one(self):
        return self._mailbox.get(timeout=10)


class Counter(Actor):
    def __init__(self, next_one, name):
        super().__init__(name)
        self.next_one = next_one

    def receive(self, n):
        if n == 0:
            done.set()
        else:
            self.next_one.send(n - 1)


def traced(method):
    @wraps(method)
    def wrapper(self, msg):
        self.trace.append((threading.current_thread().name, msg))
        return method(self, msg)
    return wrapper


class Logger(Actor):
    trace = []

    @traced
    def receive(self, msg):
        """writes it down"""


main = Inbox("main")
account = Account("Eve", 10).start()
account.send(("deposit", 25))
account.send(("withdraw", 30, main))
print(main.receive_one())
account.send(("withdraw", 30, main))
print(main.receive_one())
account.send({"ask": "balance", "reply": main, "extra": True})
print(main.receive_one())
account.send(("deposit", -5))
account.send(("deposit", "five"))
account.send(12.5)
account.send([])
account.send({"ask": "age"})
account.send("explode")
print(account.join(10), repr(account.problem))

w = Worker().start()
r = [w.submit(pow, 2, k) for k in (3, 10, 70)]
print([x.result() for x in r])
print(w.submit(sorted, "hello", reverse=True).result())
try:
    w.submit(int, "x1").result()
except ValueError as e:
    print("ValueError:", e)
w.close()
print(w.join(10), w.problem)

done = threading.Event()
first = Counter(None, "ring-0")
ring = [first]
for i in range(1, 8):
    ring.append(Counter(ring[-1], "ring-%d" % i))
first.next_one = ring[-1]
for a in ring:
    a.start()
first.send(100)
done.wait()
for a in ring:
    a.close()
print("ring:", all(a.join(10) for a in ring))

logger = Logger("log").start()
for text in "abc":
    logger.send(text)
logger.close()
logger.join()
print(Logger.trace, Logger.receive.__name__, Logger.receive.__doc__)

bare = Actor("bare").start()
bare.send(1)
bare.join()
print(type(bare.problem).__name__, isinstance(bare.problem, RuntimeError))
