#!/usr/bin/env python3
"""Runs other programs: captures, pipes, timeouts, environments, several at once."""
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from subprocess import PIPE, STDOUT, DEVNULL, CalledProcessError, TimeoutExpired


def title(text, _number=[0]):
    _number[0] += 1
    print("%d. %s" % (_number[0], text))


def run(command, **options):
    """returns (status, lines of output)"""
    done = subprocess.run(command, stdout=PIPE, stderr=STDOUT, text=True, **options)
    return done.returncode, done.stdout.splitlines()


def main():
    title("output")
    print(run(["echo", "hello", "wörld"]))
    print(run("echo $((6 * 7)); echo oops >&2; exit 3", shell=True))
    out = subprocess.check_output(["printf", "%s-%s\\n", "a", "b"])
    print(out, out.decode().strip())
    print(subprocess.getoutput("echo one; echo two"), subprocess.getstatusoutput("false"))
    print(subprocess.call(["true"]), subprocess.call("exit 9", shell=True))

    title("errors")
    try:
        subprocess.run(["sh", "-c", "echo to stdout; echo to stderr >&2; exit 7"], check=True, capture_output=True)
    except CalledProcessError as e:
        print(e.returncode, e.cmd, e.stdout, e.stderr)
        print(e)
    try:
        subprocess.check_call(["sh", "-c", "kill -9 $$"])
    except CalledProcessError as e:
        print(e)
    try:
        subprocess.Popen(["/no/such/program", "x"])
    except FileNotFoundError as e:
        print(type(e).__name__, e.errno, e.filename)
    try:
        subprocess.run(["sleep", "5"], timeout=0.05)
    except TimeoutExpired as e:
        print("too slow:", e.cmd, e.timeout)

    title("input")
    print(subprocess.run(["tr", "a-z", "A-Z"], input="shout\nthis\n", capture_output=True, text=True).stdout.split())
    p = subprocess.Popen(["cat", "-n"], stdin=PIPE, stdout=PIPE, universal_newlines=True, bufsize=1)
    for word in ("first", "second"):
        p.stdin.write(word + "\n")
        p.stdin.flush()
        print(repr(p.stdout.readline()))
    out, err = p.communicate("third\n")
    print(repr(out), err, p.returncode)

    title("a pipe of programs")
    first = subprocess.Popen(["printf", "3\\n1\\n2\\n3\\n"], stdout=PIPE)
    second = subprocess.Popen(["sort", "-n"], stdin=first.stdout, stdout=PIPE)
    first.stdout.close()
    third = subprocess.Popen(["uniq", "-c"], stdin=second.stdout, stdout=PIPE)
    second.stdout.close()
    print([tuple(map(int, line.split())) for line in third.communicate()[0].splitlines()])
    print([x.wait() for x in (first, second, third)])

    title("environment and folder")
    with tempfile.TemporaryDirectory() as folder:
        open(os.path.join(folder, "data.txt"), "w").write("x\ny\n")
        env = dict(os.environ, GREETING="good day")
        print(run('echo "$GREETING"; ls; wc -l < data.txt', shell=True, cwd=folder, env=env))
        with open(os.path.join(folder, "out"), "w+") as f:
            subprocess.run(["echo", "into a file"], stdout=f, check=True)
            f.seek(0)
            print(f.read().rstrip())
    print(run("echo ${HOME:-homeless}", shell=True, env={}))
    print(shlex.split("grep -r 'two words' \"and more\" x\\ y"), shlex.quote("it's"))

    title("life and death")
    p = subprocess.Popen(["sleep", "30"])
    print(p.poll(), p.args)
    p.terminate()
    print(p.wait(timeout=10), p.poll() == -signal.SIGTERM)
    p = subprocess.Popen(["sh", "-c", "trap 'echo caught; exit 5' USR1; echo ready; while :; do sleep 0.01; done"],
                         stdout=PIPE, text=True)
    p.stdout.readline()
    p.send_signal(signal.SIGUSR1)
    print(p.communicate()[0].strip(), p.returncode)
    with subprocess.Popen(["head", "-c", "3", "/dev/zero"], stdout=PIPE, stderr=DEVNULL) as p:
        print(p.stdout.read())
    print(p.returncode, p.stdout.closed)

    title("several at once")
    begin = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        jobs = list(pool.map(lambda n: run(["sh", "-c", "sleep 0.1; echo %d" % n]), range(4)))
    print(jobs)
    lines, lock = [], threading.Lock()

    def watch(stream, mark):
        for line in stream:
            with lock:
                lines.append((mark, line.rstrip()))
        stream.close()

    p = subprocess.Popen("for i in 1 2 3; do echo out $i; echo err $i >&2; done", shell=True, stdout=PIPE, stderr=PIPE, text=True)
    watchers = [threading.Thread(target=watch, args=a) for a in ((p.stdout, "o"), (p.stderr, "e"))]
    [w.start() for w in watchers]
    p.wait()
    [w.join() for w in watchers]
    print([line for mark, line in lines if mark == "o"], [line for mark, line in lines if mark == "e"])

    title("this program's own interpreter")
    code = "import sys, os; print(sys.argv[1:], os.getppid() == int(sys.argv[1])); sys.exit(4)"
    done = subprocess.run([sys.executable, "-c", code, str(os.getpid())], capture_output=True, text=True)
    print(done.returncode, done.stdout.strip().split()[-1], repr(done.stderr))
    return 0


if __name__ == "__main__":
    sys.exit(main())
