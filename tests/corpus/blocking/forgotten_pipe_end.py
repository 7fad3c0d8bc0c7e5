# the child keeps the writing end of its own pipe open, so the end of the data never comes
import os

r, w = os.pipe()
pid = os.fork()
if pid == 0:
    # os.close(w) is missing here
    with os.fdopen(r) as f:
        print('child read', f.read())
    os._exit(0)
os.close(r)
os.write(w, b'some text')
os.close(w)
os.waitpid(pid, 0)
print('child ended')
