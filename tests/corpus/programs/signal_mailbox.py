#!/usr/bin/env python3
"""A child is steered by signals that it waits for, one at a time; the parent learns of its state by signals as well."""
import enum
import os
import signal


class Command(enum.IntEnum):
    STEP = signal.SIGUSR1
    RESET = signal.SIGUSR2
    STOP = signal.SIGTERM


READY = signal.SIGUSR1
ALL = {signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM}


class Counter:
    def __init__(self):
        self.value = 0
        self.log = []

    def obey(self, info):
        command = Command(info.si_signo)
        if command is Command.STEP:
            self.value += 1
        elif command is Command.RESET:
            self.value = 0
        self.log.append((command.name, self.value))
        return command is not Command.STOP


def child(parent):
    counter = Counter()
    os.kill(parent, READY)
    while True:
        info = signal.sigwaitinfo(ALL)
        assert info.si_pid == parent
        go_on = counter.obey(info)
        os.kill(parent, READY)
        if not go_on:
            break
    for name, value in counter.log:
        print(f"  {name:<6} -> {value}")
    return counter.value


def wait_for_answer():
    info = signal.sigtimedwait({READY}, 20)
    if info is None:
        raise TimeoutError("the child is silent")
    return info.si_pid


def main():
    signal.pthread_sigmask(signal.SIG_BLOCK, ALL)
    parent = os.getpid()
    print(sorted(s.name for s in signal.pthread_sigmask(signal.SIG_BLOCK, [])), flush=True)
    pid = os.fork()
    if pid == 0:
        code = child(parent)
        os.sys.stdout.flush()
        os._exit(code)
    assert wait_for_answer() == pid
    script = "STEP STEP RESET STEP STEP STEP STOP".split()
    for word in script:
        os.kill(pid, Command[word])
        assert wait_for_answer() == pid
    _, status = os.waitpid(pid, 0)
    print("exit code", os.waitstatus_to_exitcode(status))
    print("nothing more:", signal.sigtimedwait({READY}, 0))
    print("pending:", signal.sigpending())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ALL)
    print(len(signal.pthread_sigmask(signal.SIG_BLOCK, [])))


if __name__ == "__main__":
    import os.path
    main()
