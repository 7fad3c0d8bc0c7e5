import os, time
num = 100
ret = os.fork()
if ret == 0:
    num += 1
    print('---process-1--- num=%d' % num)
else:
    time.sleep(0.1)
    print('---process-2--- num=%d' % num)
    os.wait()
