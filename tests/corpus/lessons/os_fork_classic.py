import os
import sys

def child():
   print('\nA new child ',  os.getpid())
   sys.stdout.flush()
   os._exit(0)

def parent():
   for _ in range(2):
      newpid = os.fork()
      if newpid == 0:
         child()
      else:
         pids = (os.getpid(), newpid)
         done, status = os.waitpid(newpid, 0)
         print("parent: %d, child: %d" % pids, done == newpid, status)
         sys.stdout.flush()

parent()
r, w = os.pipe()
processid = os.fork()
if processid:
    # This is the parent process
    os.close(w)
    r = os.fdopen(r)
    print("Parent reading")
    str = r.read()
    print("text =", str)
    os.wait()
    sys.exit(0)
else:
    # This is the child process
    os.close(r)
    w = os.fdopen(w, 'w')
    w.write("Text written by child...")
    w.close()
    os._exit(0)
