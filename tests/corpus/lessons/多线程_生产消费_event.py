import threading
import time

红绿灯 = threading.Event()
通过 = []

def 灯():
    for 颜色 in ['绿', '红', '绿']:
        if 颜色 == '绿':
            红绿灯.set()
        else:
            红绿灯.clear()
        print(颜色 + '灯亮', flush=True)
        time.sleep(0.03)

def 车(牌号):
    while not 红绿灯.is_set():
        红绿灯.wait()
    通过.append(牌号)

灯线程 = threading.Thread(target=灯)
灯线程.start()
车们 = [threading.Thread(target=车, args=('京A%03d' % i,)) for i in range(5)]
for c in 车们:
    c.start()
for c in 车们:
    c.join()
灯线程.join()
print(sorted(通过), 红绿灯.is_set())
