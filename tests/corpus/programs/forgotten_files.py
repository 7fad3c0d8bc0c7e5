# Files that nobody closes, while other threads live.
import os, threading, tempfile, json, logging
stop = threading.Event()
def spin():
    n = 0
    while not stop.is_set():
        n += 1
t = threading.Thread(target=spin); t.start()
w = threading.Thread(target=stop.wait); w.start()
d = tempfile.mkdtemp()
p = os.path.join(d, "x.txt")
for n in range(50):
    open(p, "w").write("n%d" % n)
    assert open(p).read() == "n%d" % n, n
    json.dump({"n": n}, open(p, "w"))
    assert json.load(open(p)) == {"n": n}
    open(p, "wb").write(b"zz")
    assert os.path.getsize(p) == 2
class Log:
    def __init__(self): self.f = open(p, "w")
    def write(self, x): print(x, file=self.f)
for n in range(50):
    Log().write("hello %d" % n)
stop.set(); t.join(); w.join()
print("ok")
