# What os.fork and its relatives do, one after the other.
import functools; print = functools.partial(print, flush=True)
import os, sys, time
print('pid', os.getpid() > 0, os.getppid() > 0)
r, w = os.pipe()
pid = os.fork()
if pid:
    os.close(w); r = os.fdopen(r); print('parent reading'); txt = r.read(); print('text =', txt); print(os.waitpid(pid, 0)[1])
else:
    os.close(r); w = os.fdopen(w, 'w'); w.write('from the child'); w.close(); sys.exit(0)
n = 0
for i in range(3):
    pid = os.fork()
    if pid == 0:
        time.sleep(0.05 * i); print('child', i, flush=True); os._exit(i)
st = {}
while True:
    try: pid, status = os.wait(); st[os.WEXITSTATUS(status)] = status
    except ChildProcessError as e: print(e, e.errno); break
print(sorted(st.items()))
try: os.waitpid(99999, 0)
except OSError as e: print(type(e).__name__, e.strerror)
try: os.kill(999999, 0)
except ProcessLookupError as e: print(e)
pid = os.fork()
if pid == 0: os.execlp('echo', 'echo', 'exec', 'ed')
os.waitpid(pid, 0)
pid = os.fork()
if pid == 0: os.execvp('sh', ['sh', '-c', 'exit 7'])
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
pid = os.fork()
if pid == 0:
    try: os.execv('/nope', ['nope'])
    except OSError as e: print(e, flush=True); os._exit(127)
print(os.wait()[1] >> 8)
x = [1]
if os.fork() == 0: x.append(2); print(x, flush=True); os._exit(0)
os.wait(); print(x)
def child(): print('bye', flush=True); raise SystemExit(3)
pid = os.fork()
if pid == 0: child()
print(os.waitpid(pid, 0)[1] // 256)
pid = os.fork()
if pid == 0: raise ValueError('in child')
print(os.waitpid(pid, 0)[1] // 256)
print(os.spawnlp(os.P_WAIT, 'true', 'true'), os.cpu_count() > 0, os.getpgid(0) > 0, os.uname().sysname, os.name, os.sep, os.linesep, os.getcwd() == os.path.abspath('.'))
