import os
import sys
import time

print("before fork: only one process")
sys.stdout.flush()
pid = os.fork()
if pid == 0:
    print("child: my pid is", os.getpid(), "and my parent is", os.getppid())
    time.sleep(0.05)
    sys.exit(3)
else:
    print("parent: my pid is", os.getpid(), "and I made", pid)
    done, status = os.wait()
    print("parent: child", done == pid, "left with", os.WEXITSTATUS(status))
# order: any
