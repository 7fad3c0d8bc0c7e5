# The low-level thread module.
import _thread, time, threading
def f(name, n):
    for i in range(n): out.append((name, i))
    done.append(name)
out = []; done = []
_thread.start_new_thread(f, ('A', 3)); 
while not done: time.sleep(0.01)
print(out)
l = _thread.allocate_lock(); print(l, l.acquire(), l.locked(), l.acquire(0)); l.release()
print(_thread.get_ident() == threading.get_ident(), _thread.TIMEOUT_MAX, _thread.error, _thread.LockType)
def g():
    try: _thread.exit()
    finally: done.append('g')
_thread.start_new_thread(g, ())
while 'g' not in done: time.sleep(0.01)
_thread.start_new_thread(lambda **k: done.append(k), (), {'x': 1})
while len(done) < 3: time.sleep(0.01)
print(done, _thread._count() >= 0)
try: _thread.start_new_thread(f, [1])
except TypeError as e: print(e)
try: _thread.start_new_thread(5, ())
except TypeError as e: print(e)
try: _thread.interrupt_main(); time.sleep(1)
except KeyboardInterrupt: print('KI')
print(_thread.stack_size(), threading.stack_size(256 * 1024), threading.stack_size(0))
try: threading.stack_size(100)
except ValueError as e: print(e)
