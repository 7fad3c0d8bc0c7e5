"""Supervisor: starts workers with fork, reloads, stops, and restarts them on signals."""
import errno
import os
import signal
import sys
import time

READY, CRASH_CODE = b"+", 17


class Worker:
    def __init__(self, number):
        self.number = number
        self.pid = None
        self.generation = 0

    def start(self):
        self.generation += 1
        read_end, write_end = os.pipe()
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            os.close(read_end)
            try:
                status = self.main(write_end)
            except SystemExit as e:
                status = e.code or 0
            finally:
                sys.stdout.flush()
            os._exit(status)
        os.close(write_end)
        # wait until the child has its handlers
        assert os.read(read_end, 1) == READY
        os.close(read_end)
        self.pid = pid
        return self

    def main(self, fd):
        self.reloads = 0
        self.stop = False
        signal.signal(signal.SIGHUP, self.on_hup)
        signal.signal(signal.SIGTERM, self.on_term)
        signal.signal(signal.SIGUSR1, lambda signum, frame: sys.exit(CRASH_CODE))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.write(fd, READY)
        os.close(fd)
        while not self.stop:
            time.sleep(0.005)
        return self.reloads

    def on_hup(self, signum, frame):
        self.reloads += 1

    def on_term(self, signum, frame):
        self.stop = True


class Supervisor:
    def __init__(self, count):
        self.workers = {}
        self.todo = []
        self.log = []
        self.children_ended = 0
        for number in range(count):
            w = Worker(number).start()
            self.workers[w.pid] = w
        self.previous = signal.signal(signal.SIGCHLD, self.on_child)

    def on_child(self, signum, frame):
        self.children_ended += 1

    def kill(self, number, signum):
        for w in self.workers.values():
            if w.number == number:
                os.kill(w.pid, signum)
                return
        raise LookupError("no worker %d" % number)

    def reap(self, restart=True, until=1):
        ended = 0
        while ended < until:
            try:
                pid, status = os.waitpid(-1, 0)
            except ChildProcessError as e:
                assert e.errno == errno.ECHILD
                break
            w = self.workers.pop(pid)
            ended += 1
            if os.WIFSIGNALED(status):
                what = "killed by %s" % signal.Signals(os.WTERMSIG(status)).name
            elif os.WIFEXITED(status):
                what = "ended with %d" % os.WEXITSTATUS(status)
            self.log.append("worker %d.%d %s" % (w.number, w.generation, what))
            if restart:
                w.start()
                self.workers[w.pid] = w
        return ended

    def stop(self):
        for pid in list(self.workers):
            os.kill(pid, signal.SIGTERM)
        n = self.reap(restart=False, until=len(self.workers))
        signal.signal(signal.SIGCHLD, self.previous)
        return n


def alarm_demo():
    fired = []

    def handler(signum, frame):
        fired.append(signal.Signals(signum).name)
        if len(fired) == 3:
            signal.setitimer(signal.ITIMER_REAL, 0)

    old = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    while len(fired) < 3:
        signal.pause()
    signal.signal(signal.SIGALRM, old)
    print(fired, signal.getsignal(signal.SIGALRM) == signal.SIG_DFL)

    class Timeout(Exception):
        pass

    def raise_timeout(signum, frame):
        raise Timeout(frame is not None)

    signal.signal(signal.SIGALRM, raise_timeout)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try:
        time.sleep(10)
    except Timeout as e:
        print("timeout", e)
    finally:
        signal.alarm(0)


def main():
    s = Supervisor(3)
    print("workers:", sorted(w.number for w in s.workers.values()))
    s.kill(0, signal.SIGKILL)
    s.reap()
    s.kill(1, signal.SIGUSR1)
    s.reap()
    for i in range(2):
        s.kill(2, signal.SIGHUP)
        time.sleep(0.05)
    s.kill(2, signal.SIGINT)
    s.kill(2, signal.SIGTERM)
    s.reap()
    try:
        s.kill(9, signal.SIGHUP)
    except LookupError as e:
        print(e)
    print("stopped:", s.stop())
    for line in sorted(s.log):
        print(line)
    print("SIGCHLD seen:", s.children_ended >= 3, len(s.workers))
    try:
        os.kill(os.getpid(), 0)
        os.wait()
    except ChildProcessError as e:
        print(e)
    alarm_demo()
    got = []
    signal.signal(signal.SIGUSR2, lambda *a: got.append(a[0]))
    os.kill(os.getpid(), signal.SIGUSR2)
    signal.raise_signal(signal.SIGUSR2)
    print(got == [signal.SIGUSR2] * 2, got[0])
    try:
        signal.signal(signal.SIGKILL, signal.SIG_IGN)
    except OSError as e:
        print(e)


if __name__ == "__main__":
    main()
