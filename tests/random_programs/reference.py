"""Runs programs with this CPython, one after the other, each in a fork of one interpreter that has started already.

    reference.py SECONDS

Starting CPython takes much longer than running a short program. So this reads the path of a program from each line of
standard input, runs the program as `python PATH` would, and answers on standard output with a line

    STATUS TIMED_OUT LENGTH

and the LENGTH bytes that the program wrote to its standard output. STATUS is the exit status, 128 + n for death by
signal n; TIMED_OUT is 1 if the program was killed because it took longer than SECONDS (STATUS is -1 then), else 0. What
programs write to standard error is thrown away. It ends when standard input does.

A program has a process group and an empty working directory of its own, and an empty standard input. Nothing that it
does reaches the next one. All that it could find of this file is two more frames below its own.
"""

import gc
import os
import sys
from _signal import SIGKILL
from select import POLLIN, poll
from time import monotonic

# Of what is imported above, the modules that a program would not find in `sys.modules` had it been started by itself.
ADDED = ("gc", "select")

# How long descendants may keep the output open once the program has ended, or has been killed.
STRAGGLERS = 5.0


class Program:
    """What is known of a program before it runs."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            self.source = file.read()
        # Here and not in the child: there, each page of memory that compiling touches would have to be copied first,
        # which takes longer than compiling.
        try:
            self.code = self.compiled()
        except Exception:
            # An error of the program's: the child finds it again, and ends with it.
            self.code = None

    def compiled(self):
        return compile(self.source, self.path, "exec", dont_inherit=True)

    def run(self):
        """Runs the program, in the process that was made for it, and ends that process where this is quicker."""
        exec(self.code or self.compiled(), sys.modules["__main__"].__dict__)
        if b"import" in self.source:
            return
        # A program without modules leaves nothing to the interpreter's end but what its own global names hold. The rest
        # of that end, the interpreter's taking itself apart, would take longer than all else here: it is left out.
        sys.modules["__main__"] = None
        gc.collect()
        sys.stdout.flush()
        os._exit(0)


def serve(limit):
    """Answers requests until there are no more. Returns in the children only: the program to be run."""
    nothing, writer = os.pipe()
    os.close(writer)
    elsewhere = os.open(os.devnull, os.O_WRONLY)
    # A collection during a program does not look at what is here by now: that would copy the memory that holds it.
    gc.collect()
    gc.freeze()
    folder = new_folder()
    unread = b""
    while part := os.read(0, 1 << 16):
        *lines, unread = (unread + part).split(b"\n")
        for line in lines:
            program = Program(os.fsdecode(line))
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                os.setpgid(0, 0)
                os.chdir(folder)
                # In place of the requests and the answers: their other end must notice at once when this server dies.
                os.dup2(nothing, 0)
                os.dup2(writer, 1)
                os.dup2(elsewhere, 2)
                for descriptor in (nothing, elsewhere, reader, writer):
                    os.close(descriptor)
                pretend(program.path)
                return program
            os.close(writer)
            status, timed_out, output = attend(child, reader, limit)
            if os.listdir(folder):
                # What a program has left there is not for the next one to find.
                folder = new_folder()
            answer = memoryview(b"%d %d %d\n%b" % (status, timed_out, len(output), output))
            while answer:
                answer = answer[os.write(1, answer) :]
    sys.exit()


def new_folder():
    """A new directory, in that of this server; whoever made the latter removes both."""
    name = str(len(os.listdir()))
    os.mkdir(name)
    return name


def pretend(path):
    """Makes everything in this interpreter look as if it had been started for the program."""
    sys.argv[:] = [path]
    sys.orig_argv[-2:] = [path]
    sys.path[0] = os.path.dirname(path)
    # The program begins two calls deeper than it would by itself.
    sys.setrecursionlimit(sys.getrecursionlimit() + 2)
    for name in ADDED:
        del sys.modules[name]
    # A new module, not this one: the order in which its names are let go of at the end must be what it always is.
    here = sys.modules["__main__"].__dict__
    module = type(sys)("__main__")
    names = module.__dict__
    names.update((name, here[name]) for name in here if name.startswith("__"))
    names.update(__doc__=None, __file__=path, __loader__=type(here["__loader__"])("__main__", path))
    sys.modules["__main__"] = module


def attend(child, output, limit):
    """Collects the output of a child and waits for its end, for as long as the limit allows."""
    ending = os.pidfd_open(child)
    opened = {output, ending}
    waited = poll()
    for descriptor in opened:
        waited.register(descriptor, POLLIN)
    parts = []

    def listen(deadline):
        while opened and (left := deadline - monotonic()) > 0:
            for descriptor, _ in waited.poll(left * 1000):
                if descriptor == output and (part := os.read(output, 1 << 16)):
                    parts.append(part)
                    continue
                waited.unregister(descriptor)
                opened.remove(descriptor)
                if descriptor == ending:
                    deadline = min(deadline, monotonic() + STRAGGLERS)

    listen(monotonic() + limit)
    timed_out = ending in opened
    try:
        # Also when the program has ended: whatever it has started would go on, and keep the output open.
        os.killpg(child, SIGKILL)
    except ProcessLookupError:
        pass
    listen(monotonic() + STRAGGLERS)
    os.close(ending)
    os.close(output)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if timed_out:
        status = -1
    elif status < 0:
        status = 128 - status
    return status, timed_out, b"".join(parts)


serve(float(sys.argv[1])).run()
