#!/usr/bin/env python3
# fork, exec, pipes, wait: the system calls themselves
import os, sys, time, errno, signal


def say(*words):
    print(*words)
    sys.stdout.flush()


def simple_fork():
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(r)
        os.write(w, ('child of %s' % (os.getppid() == parent)).encode())
        os.close(w)
        os._exit(5)
    os.close(w)
    with os.fdopen(r) as f:
        text = f.read()
    p, status = os.waitpid(pid, 0)
    say(text, p == pid, os.WEXITSTATUS(status), os.waitstatus_to_exitcode(status))


def many_children(n):
    start = {}
    for i in range(n):
        pid = os.fork()
        if not pid:
            os._exit(i * 10)
        start[pid] = i
    ended = []
    while True:
        try:
            pid, status = os.wait()
        except OSError as e:
            if e.errno != errno.ECHILD:
                raise
            break
        ended.append((start.pop(pid), status >> 8))
    say(sorted(ended), start)


def tree(depth, path=()):
    """A binary tree of processes: each sums what its children found."""
    if depth == 0:
        return 1
    total, pipes = 1, []
    for branch in 'lr':
        r, w = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(r)
            code = 1
            try:
                result = tree(depth - 1, path + (branch,))
                os.write(w, b'%d' % result)
                code = 0
            finally:
                os._exit(code)
        os.close(w)
        pipes.append((r, pid))
    for r, pid in pipes:
        data = b''
        while True:
            part = os.read(r, 10)
            if not part:
                break
            data += part
        os.close(r)
        os.waitpid(pid, 0)
        total += int(data)
    return total


def shell(command):
    """sh -c through fork and exec, with the output through a pipe"""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(w, 1)
        os.close(r)
        os.close(w)
        try:
            os.execvp('sh', ['sh', '-c', command])
        except OSError:
            os._exit(127)
    os.close(w)
    out = b''
    while (part := os.read(r, 4096)):
        out += part
    os.close(r)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return out.decode(), 'signal %d' % os.WTERMSIG(status)
    return out.decode(), os.WEXITSTATUS(status)


def copies_of_memory():
    data = {'list': [1, 2], 'n': 0}
    pid = os.fork()
    if pid == 0:
        data['list'].append(3)
        data['n'] += 1
        ok = data == {'list': [1, 2, 3], 'n': 1}
        os._exit(0 if ok else 1)
    status = os.waitpid(pid, 0)[1]
    say(status, data)


def not_blocking():
    pid = os.fork()
    if pid == 0:
        time.sleep(10)
        os._exit(0)
    say(os.waitpid(pid, os.WNOHANG))
    os.kill(pid, signal.SIGTERM)
    _, status = os.waitpid(pid, 0)
    say(os.WIFSIGNALED(status), os.WTERMSIG(status) == signal.SIGTERM, os.waitstatus_to_exitcode(status))
    try:
        os.kill(pid, 0)
    except ProcessLookupError as e:
        say(e.strerror)


def daemonize_and_report():
    """double fork: the grandchild is nobody's"""
    r, w = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.umask(0o22)
            os.close(r)
            os.write(w, b'grandchild, leader of its session: %d' % (os.getsid(0) == os.getpid()))
            os._exit(0)
        os._exit(0)
    os.close(w)
    os.wait()
    say(os.read(r, 100).decode())
    os.close(r)


def files_are_shared():
    path = os.path.join(os.getcwd(), 'shared.tmp')
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(fd, b'parent ')
    pid = os.fork()
    if pid == 0:
        os.write(fd, b'child ')         # the position is shared
        os._exit(0)
    os.waitpid(pid, 0)
    os.write(fd, b'parent again')
    os.lseek(fd, 0, os.SEEK_SET)
    say(os.read(fd, 100), os.fstat(fd).st_size)
    os.close(fd)
    os.unlink(path)


if __name__ == '__main__':
    parent = os.getpid()
    print('this line must come only once')
    simple_fork()
    many_children(4)
    say('processes in the tree:', tree(3))
    say(shell('echo from the shell; exit 3'), shell('kill -9 $$'), shell('true'))
    copies_of_memory()
    not_blocking()
    daemonize_and_report()
    files_are_shared()
    os.environ['COLOUR'] = 'blue'
    say(shell('echo $COLOUR'), os.system('exit 4') >> 8, os.getenv('NO_SUCH_THING'), os.environ.get('NO_SUCH_THING', 'default'))
    with os.popen('echo popen works; cat', 'r') if False else os.popen('echo popen works') as p:
        say(p.read().strip())
    say(os.getpid() == parent, os.cpu_count() > 0, os.path.exists('/proc'), os.name)
    sys.exit(os.EX_OK)
