import threading, time, sys

def ticker():
    while True:
        time.sleep(0.005)

t = threading.Thread(target=ticker, name='ticker')
t.setDaemon(True)
print('isDaemon', t.isDaemon(), 'alive', t.is_alive())
t.start()
print(t.getName(), t.is_alive(), threading.activeCount(), t.isDaemon())
try:
    t.setDaemon(False)
except RuntimeError as e:
    print('RuntimeError:', e)
t.setName('renamed')
print(threading.currentThread().getName(), [x.getName() for x in threading.enumerate()])
e = threading.Event()
print(e.isSet())
e.set()
print(e.isSet(), e.wait())
c = threading.Condition()
with c:
    c.notifyAll()
print('main ends, the ticker with it')
sys.stdout.flush()
